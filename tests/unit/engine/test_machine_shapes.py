"""Slices, and more ways to play (docs/arithmetic.md, sections 12 and 13): samples, clocks and values by formula."""

from __future__ import annotations

import math
from typing import Any

import pytest
from engine_lab import Run, config, drive, run

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree

ONE = 1 << 28


def literal(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def program(*body: tree.Statement, cells: int = 0) -> tree.Program:
    """A program with the arrays a, b, c of ``cells`` cells, the scalar x, and a stream of raw traces."""
    arrays = [
        tree.Declaration(at=0, name=name, type="fixed", size=cells, initial=(0,) * cells) for name in "abc" if cells
    ]
    scalar = tree.Declaration(at=0, name="x", type="fixed", size=0, initial=(0,))
    names = [*(name for name in "abc" if cells), "x"]
    streams = [tree.StreamDeclaration(at=0, name=f"s_{name}", type="fixed") for name in names]
    zero = literal("int", 0)
    saves = [
        tree.Save(
            at=0,
            stream=f"s_{name}",
            source=tree.Variable(type="fixed", name="x")
            if name == "x"
            else tree.Cell(type="fixed", array=name, index=zero),
        )
        for name in names
    ]
    return tree.Program(
        declarations=(*arrays, scalar),
        streams=(*streams, tree.StreamDeclaration(at=0, name="adc", adc=True)),
        body=(*body, *saves),
        nodes=(),
        results=(),
        sources=(("program.py", 1),),
    )


def heard(*plays: tree.Play) -> Run:
    """What input 1 of a silent measure on r1 gets, while s1 plays, in volts; s1 has no oscillator, f1 one of 1 MHz."""
    single = {"outputs": {"out1": ("con1", 1)}, "time_of_flight": 24, "smearing": 0}
    steady, turning = drive(8, **single), drive(9, **single)
    setup = config(s1=steady | {"intermediate_frequency": None}, f1=turning | {"intermediate_frequency": 1e6})
    silent = tree.Measure(at=0, operation="read", element="r1", amplitude=(literal("fixed", 0),), stream="adc")
    return run(program(silent, *plays), config=setup)


def codes(done: Run) -> list[int]:
    """The samples of input 1."""
    (trace,) = [codes for name, port, _, codes in done.traces if name == "adc" and port == 1]
    return trace


def play(operation: str = "long", element: str = "s1", **more: Any) -> tree.Play:
    """A play."""
    return tree.Play(at=0, operation=operation, element=element, **more)


def padded(volts: list[float]) -> list[int]:
    """As converter codes of an input that inverts, silence up to 400 samples."""
    return [math.floor(-v * 4096) for v in volts] + [0] * (400 - len(volts))


def test_truncate_keeps_the_first_samples() -> None:
    """Of a constant, of an arbitrary waveform, and of one that was stretched before; the next play follows at once."""
    done = heard(play(truncate=literal("int", 10)), play("ramp", truncate=literal("int", 5)))
    assert codes(done) == padded([0.1] * 40 + [k / 400 for k in range(20)])
    assert done.clock("s1") == 60
    stretched = codes(heard(play("ramp", duration=literal("int", 20), truncate=literal("int", 5))))
    assert all(abs(code + k / 800 * 4096) <= 1 for k, code in enumerate(stretched[:20]))
    assert stretched[20:] == [0] * 380


def test_truncate_beyond_the_end_changes_nothing() -> None:
    """It never makes a pulse longer."""
    done = heard(play("ramp", truncate=literal("int", 1000)))
    assert codes(done) == padded([k / 400 for k in range(40)])
    assert done.clock("s1") == 40


@pytest.mark.parametrize("holds", [0, 1])
def test_condition(holds: int) -> None:
    """Where it does not hold there is silence, and as much time passes."""
    done = heard(play(condition=literal("bool", holds)), play("short"))
    assert codes(done) == padded([0.1 * holds] * 100 + [0.1] * 20)
    assert done.clock("s1") == 120


def test_ramp() -> None:
    """The first sample is one slope high."""
    slope = ONE >> 11
    done = heard(play("", ramp=literal("fixed", slope), duration=literal("int", 25)))
    assert codes(done) == padded([(n + 1) / 2048 for n in range(100)])
    assert done.clock("s1") == 100


def test_a_ramp_needs_a_single_input() -> None:
    """An element with I and Q is refused in words."""
    with pytest.raises(AskedWrongly, match="single input"):
        run(program(play("", "r1", ramp=literal("fixed", 1), duration=literal("int", 25))))


def swept(rates: list[tuple[int, float]], length: int) -> list[float]:
    """Turns at each sample of a chirp from 1 MHz: ``rates`` are starts and Hz per ns; the frequency grows every ns."""
    turns, frequency, phase = [], 1e6, 0.0
    for n in range(length):
        turns.append(phase)
        rate = [rate for start, rate in rates if start <= n][-1]
        frequency += rate
        phase += frequency / 1e9
    return turns


@pytest.mark.parametrize(
    ("chirp", "rates"),
    [
        (tree.Chirp(rates=(literal("int", 200_000),)), [(0, 2e5)]),
        (tree.Chirp(rates=(literal("int", 300_000_000),), units="mHz"), [(0, 3e5)]),
        (
            tree.Chirp(rates=(literal("int", 400_000), literal("int", -100_000), literal("int", 0))),
            [(0, 4e5), (33, -1e5), (66, 0)],
        ),
        (
            tree.Chirp(rates=(literal("int", -300_000), literal("int", 500_000)), times=(0, 12)),
            [(0, -3e5), (48, 5e5)],
        ),
    ],
)
def test_chirp(chirp: tree.Chirp, rates: list[tuple[int, float]]) -> None:
    """The phase is the running sum of a frequency that grows by the rate each ns; after the play it is as before."""
    got = codes(heard(play("long", "f1", chirp=chirp), play("long", "f1")))
    turns = swept(rates, 100) + [n / 1000 for n in range(100, 200)]
    wanted = [-0.1 * math.cos(2 * math.pi * turn) * 4096 for turn in turns]
    assert all(abs(code + 0.5 - want) <= 0.501 for code, want in zip(got, wanted, strict=False))


def test_truncate_cuts_a_chirp_and_leaves_the_rest() -> None:
    """Sections are parts of the whole pulse: 48 ns of 100 with three rates are its first 48 ns."""
    rates = tuple(literal("int", rate) for rate in (400_000, -100_000, 0))
    whole = codes(heard(play("long", "f1", chirp=tree.Chirp(rates=rates))))
    cut = codes(heard(play("long", "f1", chirp=tree.Chirp(rates=rates), truncate=literal("int", 12))))
    assert cut[:48] == whole[:48] and len(set(whole[33:48])) > 3
    assert set(cut[48:100]) == {0} or set(cut[48:100]) == {-1}


def read(*processes: tree.Process) -> tree.Measure:
    """A measure on r1, heard through the echo."""
    return tree.Measure(at=0, operation="read", element="r1", processes=processes)


def sliced(kind: Any, array: str, chunk: int, window: int = 0) -> tree.Process:
    """A process that fills an array."""
    whole = tree.Whole(type="fixed", array=array)
    return tree.Process(at=0, kind=kind, weights=("cos",), outputs=("out1",), target=whole, chunk=chunk, window=window)


@pytest.mark.parametrize("family", ["demod", "integration"])
@pytest.mark.parametrize("numerics", ["linear", "exact"])
def test_slices_and_their_sums(family: Any, numerics: str) -> None:
    """Slices of a demodulation are the formula's; sums go over the slices so far, or over the last three of them."""
    x = tree.Variable(type="fixed", name="x")
    full: Any = tree.Process(at=0, kind=f"{family}.full", weights=("cos",), outputs=("out1",), target=x)  # type: ignore[arg-type]
    parts = [
        sliced(f"{family}.sliced", "a", 10),
        full,
        sliced(f"{family}.accumulated", "b", 10),
        sliced(f"{family}.moving_window", "c", 10, 3),
    ]
    machine = run(program(read(*parts), cells=10), numerics=numerics).machine
    a, b, c = (machine.variable(name) for name in "abc")
    samples = [0.1 * math.cos(2 * math.pi * 0.06 * n) for n in range(400)]
    weights = [math.cos(2 * math.pi * 0.06 * (n + 24)) if family == "demod" else 1.0 for n in range(400)]
    wanted = [
        -sum(w * v for w, v in zip(weights[k : k + 40], samples[k : k + 40], strict=True)) / 4096
        for k in range(0, 400, 40)
    ]
    error = 2 if numerics == "linear" else ONE * 40 / 4096**2
    assert all(abs(got - want * ONE) <= error for got, want in zip(a, wanted, strict=True))
    sums = [sum(a[: k + 1]) for k in range(10)]
    moving = [sum(a[max(0, k - 2) : k + 1]) for k in range(10)]
    assert all(abs(got - want) <= (10 if numerics == "linear" else 0) for got, want in zip(b, sums, strict=True))
    assert all(abs(got - want) <= (3 if numerics == "linear" else 0) for got, want in zip(c, moving, strict=True))
    assert abs(b[-1] - machine.variable("x")[0]) <= (1 if numerics == "linear" else 10)


def test_the_slices_fill_the_weights() -> None:
    """Weights of 400 ns are not 10 slices of 44 ns."""
    with pytest.raises(AskedWrongly, match="10 slices of 44 ns are 440 ns, but the weights last 400 ns"):
        run(program(read(sliced("demod.sliced", "a", 11)), cells=10))


def test_measures_whose_slices_overlap() -> None:
    """Windows of one measure that begin before those of the one before have ended keep their sums apart."""
    late = tree.Process(
        at=0,
        kind="demod.accumulated",
        weights=("late",),
        outputs=("out1",),
        target=tree.Whole(type="fixed", array="a"),
        chunk=25,
    )
    one = run(program(read(late), cells=10)).machine.variable("a")
    reads = [tree.Measure(at=0, operation="read", element="r1", amplitude=(literal("fixed", 0),), processes=(late,))]
    silent = run(program(*[read(late)], *reads, cells=10)).machine.variable("a")
    assert one != [0] * 10
    assert silent == [0] * 10
