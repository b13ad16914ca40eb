"""Every statement gives exactly the tree written down here."""

from __future__ import annotations

import enum
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import quaymaster.qua as q
from quaymaster._core.program import tree
from quaymaster._core.program.codec import decode_program, encode_program
from quaymaster.client.qua import library

FIXED_ONE = 1 << 28
N = tree.Variable(type="int", name="v1")
F = tree.Variable(type="fixed", name="v2")
B = tree.Variable(type="bool", name="v3")


def value(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def binary(type: tree.VarType, left: Any, operator: Any, right: Any) -> tree.Binary:
    """A binary operation."""
    return tree.Binary(type=type, operator=operator, left=left, right=right)


def dual(weights: tuple[str, ...] = ("c", "s"), outputs: tuple[str, ...] = ("out1", "out2")) -> tree.Process:
    """A dual demodulation into v2."""
    return tree.Process(at=0, kind="dual_demod.full", weights=weights, outputs=outputs, target=F)


def body_of(write: Callable[[Any, Any, Any], Any]) -> tuple[tree.Statement, ...]:
    """The statements that ``write(n, f, b)`` makes."""
    with q.program() as prog:
        write(*(q.declare(t) for t in (int, q.fixed, bool)))
    return prog.tree.body


def only(write: Callable[[Any, Any, Any], Any]) -> Any:
    """The one statement that ``write(n, f, b)`` makes, without its place."""
    (statement,) = body_of(write)
    return _nowhere(statement)


def _nowhere(node: Any) -> Any:
    """``node`` with every ``at`` set to 0."""
    fields = {}
    for name in node.__struct_fields__:
        field = getattr(node, name)
        if isinstance(field, tree.Node):
            field = _nowhere(field)
        elif isinstance(field, tuple):
            field = tuple(_nowhere(item) if isinstance(item, tree.Node) else item for item in field)
        fields[name] = 0 if name == "at" else field
    return type(node)(**fields)


# ---------------------------------------------------------------- declare and assign


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((int,), ("v1", "int", 0, (0,))),
        ((q.fixed,), ("v1", "fixed", 0, (0,))),
        ((float, 0.25), ("v1", "fixed", 0, (FIXED_ONE // 4,))),
        ((bool, True), ("v1", "bool", 0, (1,))),
        ((bool, 7), ("v1", "bool", 0, (1,))),
        ((int, 2.7), ("v1", "int", 0, (2,))),
        ((int, np.int64(5)), ("v1", "int", 0, (5,))),
        ((int, np.array(5)), ("v1", "int", 0, (5,))),
        ((int, -(2**31)), ("v1", "int", 0, (-(2**31),))),
        ((q.fixed, -1.5), ("v1", "fixed", 0, (-3 * FIXED_ONE // 2,))),
        ((int, [1, 2, 3]), ("a1", "int", 3, (1, 2, 3))),
        ((q.fixed, np.array([0.5, -0.5])), ("a1", "fixed", 2, (FIXED_ONE // 2, -FIXED_ONE // 2))),
        ((bool, (True, False)), ("a1", "bool", 2, (1, 0))),
        ((int, None, 4), ("a1", "int", 4, (0, 0, 0, 0))),
        ((int, None, np.int64(2)), ("a1", "int", 2, (0, 0))),
    ],
)
def test_declare(arguments: tuple[Any, ...], expected: tuple[Any, ...]) -> None:
    """Types, initial values and sizes; a value is made a t as Python does it."""
    with q.program() as prog:
        q.declare(*arguments)
    (got,) = prog.tree.declarations
    assert (got.name, got.type, got.size, got.initial) == expected


def test_names_count_by_kind() -> None:
    """Scalars are v1, v2, ...; arrays a1, ...; streams r1, ..."""
    with q.program() as prog:
        for size in (None, 3, None, 2):
            q.declare(int, size=size)
        q.declare_stream()
        q.declare_output_stream()
    assert [item.name for item in prog.tree.declarations] == ["v1", "a1", "v2", "a2"]
    assert [item.name for item in prog.tree.streams] == ["r1", "r2"]


@pytest.mark.parametrize(
    ("write", "target", "assigned"),
    [
        (lambda n, f, b: q.assign(n, 3), N, value("int", 3)),
        (lambda n, f, b: q.assign(f, 3), F, value("fixed", 3 * FIXED_ONE)),
        (lambda n, f, b: q.assign(b, 3), B, value("bool", 1)),
        (lambda n, f, b: q.assign(b, 0.0), B, value("bool", 0)),
        (lambda n, f, b: q.assign(b, f), B, F),
        (lambda n, f, b: q.assign(n, True), N, value("int", 1)),
        (lambda n, f, b: q.assign(n, n / 2), N, tree.Binary(type="int", operator="/", left=N, right=value("int", 2))),
        (lambda n, f, b: q.assign(f, n / 2), F, tree.Binary(type="fixed", operator="/", left=N, right=value("int", 2))),
        (lambda n, f, b: q.assign(f, f / 2), F, binary("fixed", F, "/", value("fixed", 2 * FIXED_ONE))),
        (lambda n, f, b: q.assign(q.declare(int, size=2)[n], n), tree.Cell(type="int", array="a1", index=N), N),
    ],
)  # fmt: skip
def test_assign(write: Any, target: tree.Target, assigned: tree.Expression) -> None:
    """A bool takes anything; int / int into a fixed is their quotient in 4.28; numbers take the target's type."""
    assert only(write) == tree.Assign(at=0, target=target, value=assigned)


# ---------------------------------------------------------------- play and measure

HALF = value("fixed", FIXED_ONE // 2)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda n, f, b: q.play("x", "q"), {}),
        (lambda n, f, b: q.play("x" * q.amp(0.5), "q"), {"amplitude": (HALF,)}),
        (lambda n, f, b: q.play(q.amp(f) * "x", "q"), {"amplitude": (F,)}),
        (lambda n, f, b: q.play("x", "q", amplitude_scale=f), {"amplitude": (F,)}),
        (lambda n, f, b: q.play("x" * q.amp(f, 0, 0.5, -f), "q"), {
            "amplitude": (F, value("fixed", 0), HALF, binary("fixed", value("fixed", 0), "-", F))}),
        (lambda n, f, b: q.play("x", "q", amplitude_scale=(1, 0, 0, 1)), {
            "amplitude": tuple(value("fixed", raw) for raw in (FIXED_ONE, 0, 0, FIXED_ONE))}),
        (lambda n, f, b: q.play("x", "q", duration=25), {"duration": value("int", 25)}),
        (lambda n, f, b: q.play("x", "q", n), {"duration": N}),
        (lambda n, f, b: q.play("x", "q", condition=None, chirp=None, truncate=None, target=""), {}),
        (lambda n, f, b: q.play("x", "q", truncate=4), {"truncate": value("int", 4)}),
        (lambda n, f, b: q.play("x", "q", 25, truncate=n), {"duration": value("int", 25), "truncate": N}),
        (lambda n, f, b: q.play("x", "q", condition=b), {"condition": B}),
        (lambda n, f, b: q.play("x", "q", None, f > 0), {"condition": binary("bool", F, ">", value("fixed", 0))}),
        (lambda n, f, b: q.play("x", "q", condition=False), {"condition": value("bool", 0)}),
        (lambda n, f, b: q.play("x", "q", timestamp_stream=q.declare_stream()), {"timestamp_stream": "r1"}),
        (lambda n, f, b: q.play("x", "q", timestamp_stream="times"), {"timestamp_stream": "r1"}),
        (lambda n, f, b: q.play("x", "q", None, None, (n, "Hz/nsec")), {"chirp": tree.Chirp(rates=(N,))}),
        (lambda n, f, b: q.play("x", "q", continue_chirp=True), {"continues": True}),
    ],
)  # fmt: skip
def test_play(write: Any, expected: dict[str, Any]) -> None:
    """Each option, in each way to write it."""
    assert only(write) == tree.Play(at=0, operation="x", element="q", **expected)


def chirp(*rates: tree.Expression, **fields: Any) -> tree.Chirp:
    """A chirp."""
    return tree.Chirp(rates=rates, **fields)


FIVE, SIX = value("int", 5), value("int", -6)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (lambda n: (5, "Hz/nsec"), chirp(FIVE)),
        (lambda n: (5.0, "GHz/sec"), chirp(FIVE)),
        (lambda n: (np.int64(5), "mHz/nsec"), chirp(FIVE, units="mHz")),
        (lambda n: (n + 5, "MHz/sec"), chirp(binary("int", N, "+", FIVE), units="mHz")),
        (lambda n: [[5, -6], "uHz/nsec"], chirp(FIVE, SIX, units="uHz")),
        (lambda n: ((5, n), "KHz/sec"), chirp(FIVE, N, units="uHz")),
        (lambda n: (np.array([5, -6]), "nHz/nsec"), chirp(FIVE, SIX, units="nHz")),
        (lambda n: ([5, -6], [0, 4], "Hz/sec"), chirp(FIVE, SIX, times=(0, 4), units="nHz")),
        (lambda n: ([5, n], np.array([0, 7]), "pHz/nsec"), chirp(FIVE, N, times=(0, 7), units="pHz")),
        (lambda n: ([5], (0.0,), "mHz/sec"), chirp(FIVE, times=(0,), units="pHz")),
        (lambda n: ([5.9, np.float64(-6.9)], [0.5, 7.5], "Hz/sec"), chirp(FIVE, SIX, times=(0, 7), units="nHz")),
        (lambda n: (range(5, -7, -11), "Hz/sec"), chirp(FIVE, SIX, units="nHz")),
        (lambda n: (q.declare(int, value=[1, 2]), "Hz/nsec"), chirp(*(
            tree.Cell(type="int", array="a1", index=value("int", k)) for k in range(2)))),
    ],
)  # fmt: skip
def test_chirps(given: Any, expected: tree.Chirp) -> None:
    """One rate, rates of equal sections, rates with times; numbers, QUA values, an array; each unit by both names."""
    assert only(lambda n, f, b: q.play("x", "q", chirp=given(n))) == tree.Play(
        at=0, operation="x", element="q", chirp=expected
    )


@pytest.mark.parametrize(
    ("write", "slope"),
    [
        (lambda n, f, b: q.play(q.ramp(0.5), "q", duration=n), HALF),
        (lambda n, f, b: q.play(q.ramp(f), "q", n), F),
        (lambda n, f, b: q.play(q.ramp(-f), "q", n), binary("fixed", value("fixed", 0), "-", F)),
    ],
)
def test_ramps(write: Any, slope: tree.Expression) -> None:
    """A slope instead of a pulse."""
    assert only(write) == tree.Play(at=0, operation="", element="q", ramp=slope, duration=N)


def test_timestamps_of_a_tag_are_kept_whole() -> None:
    """A text is a result with all start times, the same one for each play and measure that names it."""
    with q.program() as prog:
        q.play("x", "q", timestamp_stream="t")
        q.measure("ro", "q", timestamp_stream="t")
        q.measure("ro", "q", timestamp_stream="u")
    assert [statement.timestamp_stream for statement in prog.tree.body] == ["r1", "r1", "r2"]  # type: ignore[union-attr]
    assert [(stream.name, stream.adc, stream.type) for stream in prog.tree.streams] == [
        ("r1", False, "int"),
        ("r2", False, "int"),
    ]
    assert prog.tree.nodes == (tree.Source(stream="r1"), tree.Source(stream="r2"))
    assert [(result.tag, result.of, result.all) for result in prog.tree.results] == [("t", 0, True), ("u", 1, True)]


def test_timestamps_to_a_stream() -> None:
    """A declared stream holds ints from then on, and can be processed as any other."""
    with q.program() as prog:
        st = q.declare_stream()
        q.measure("ro", "q", timestamp_stream=st)
        with q.stream_processing():
            st.buffer(2).save("pairs")
    assert prog.tree.streams[0].type == "int"
    assert prog.tree.results[0].tag == "pairs"


def process(kind: Any, weights: tuple[str, ...], outputs: tuple[str, ...]) -> tree.Process:
    """A process that writes v2."""
    return tree.Process(at=0, kind=kind, weights=weights, outputs=outputs, target=F)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda f: [], ()),
        (lambda f: [None], ()),
        (lambda f: [q.demod.full("w", f)], (process("demod.full", ("w",), ("",)),)),
        (lambda f: [None, q.demod.full("w", f, "out1")], (process("demod.full", ("w",), ("out1",)),)),
        (lambda f: [("w", f)], (process("demod.full", ("w",), ("",)),)),
        (lambda f: [None, ("w", "out2", f)], (process("demod.full", ("w",), ("out2",)),)),
        (lambda f: [q.integration.full("w", f)], (process("integration.full", ("w",), ("",)),)),
        (lambda f: [q.dual_demod.full("c", "s", f)], (dual(),)),
        (lambda f: [q.dual_demod.full("c", "a", "s", "b", f)], (dual(outputs=("a", "b")),)),
        (lambda f: [q.dual_demod.full(iw1="c", iw2="s", target=f)], (dual(),)),
        (lambda f: [q.dual_integration.full("c", "s", f)],
         (process("dual_integration.full", ("c", "s"), ("out1", "out2")),)),
        (lambda f: [q.dual_demod.full("c", "a", iw2="s", element_output2="b", target=f)],
         (dual(outputs=("a", "b")),)),
        (lambda f: [q.demod.full("w", f), ("u", f)],
         (process("demod.full", ("w",), ("",)), process("demod.full", ("u",), ("",)))),
    ],
)  # fmt: skip
def test_measure_processes(write: Any, expected: tuple[tree.Process, ...]) -> None:
    """Processes in the new form, the old form with None first, and as tuples."""
    got = only(lambda n, f, b: q.measure("ro", "rr", *write(f)))
    assert got == tree.Measure(at=0, operation="ro", element="rr", processes=expected)


def slices(kind: Any, chunk: int, window: int = 0, output: str = "") -> tree.Process:
    """A process that writes the array a1."""
    target = tree.Whole(type="fixed", array="a1")
    return tree.Process(at=0, kind=kind, weights=("w",), outputs=(output,), target=target, chunk=chunk, window=window)


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda a: q.demod.sliced("w", a, 7), slices("demod.sliced", 7)),
        (lambda a: q.demod.sliced("w", a, 7, "out1"), slices("demod.sliced", 7, output="out1")),
        (lambda a: q.demod.accumulated("w", a, np.int64(7)), slices("demod.accumulated", 7)),
        (lambda a: q.demod.moving_window("w", a, 7, 3), slices("demod.moving_window", 7, 3)),
        (lambda a: q.demod.moving_window("w", a, 7, 3, "out2"), slices("demod.moving_window", 7, 3, "out2")),
        (lambda a: q.integration.sliced(iw="w", target=a, samples_per_chunk=1), slices("integration.sliced", 1)),
        (lambda a: q.integration.accumulated("w", a, 7, element_output="o"),
         slices("integration.accumulated", 7, output="o")),
        (lambda a: q.integration.moving_window("w", a, samples_per_chunk=7, chunks_per_window=1),
         slices("integration.moving_window", 7, 1)),
    ],
)  # fmt: skip
def test_measure_by_slices(write: Any, expected: tree.Process) -> None:
    """Each kind writes a whole array."""
    got = only(lambda n, f, b: q.measure("ro", "rr", write(q.declare(q.fixed, size=4))))
    assert got == tree.Measure(at=0, operation="ro", element="rr", processes=(expected,))


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda t, n: q.time_tagging.analog(t, 1000), {}),
        (lambda t, n: q.time_tagging.analog(t, 1000.0, n), {"count": N}),
        (
            lambda t, n: q.time_tagging.analog(t, 1000, targetLen=n, element_output="out1"),
            {"count": N, "output": "out1"},
        ),
        (lambda t, n: q.time_tagging.high_res(t, 1000, n, ""), {"kind": "time_tagging.high_res", "count": N}),
        (
            lambda t, n: q.time_tagging.digital(t, 1000, n, "o"),
            {"kind": "time_tagging.digital", "count": N, "output": "o"},
        ),
        (lambda t, n: q.time_tagging.analog(target=t, max_time=1000, element_output="o"), {"output": "o"}),
    ],
)
def test_time_tagging(write: Any, expected: dict[str, Any]) -> None:
    """Target, max_time, targetLen and output, by place or by name."""
    parts = {
        "kind": "time_tagging.analog",
        "output": "",
        "target": tree.Whole(type="int", array="a1"),
        "max_time": 1000,
    }
    tagging = tree.Tagging(at=0, **(parts | expected))
    got = only(lambda n, f, b: q.measure("ro", "rr", None, write(q.declare(int, size=4), n)))
    assert got == tree.Measure(at=0, operation="ro", element="rr", processes=(tagging,))


@pytest.mark.parametrize(
    ("write", "outputs"),
    [
        (lambda n: q.counting.digital(n, 1000), ("",)),
        (lambda n: q.counting.digital(n, 1000, "o"), ("o",)),
        (lambda n: q.counting.digital(target=n, max_time=1000.0, element_outputs=["o", "p"]), ("o", "p")),
        (lambda n: q.counting.digital(n, 1000, ("p",)), ("p",)),
    ],
)
def test_counting(write: Any, outputs: tuple[str, ...]) -> None:
    """Target, max_time and outputs, by place or by name: one, or several."""
    counting = tree.Counting(at=0, kind="counting.digital", outputs=outputs, max_time=1000, target=N)
    got = only(lambda n, f, b: q.measure("ro", "rr", None, write(n)))
    assert got == tree.Measure(at=0, operation="ro", element="rr", processes=(counting,))


@pytest.mark.parametrize(
    "write",
    [
        lambda st: q.measure("ro" * q.amp(0.5), "rr", adc_stream=st),
        lambda st: q.measure("ro" * q.amp(0.5), "rr", st),
        lambda st: q.measure("ro", "rr", stream=st, amplitude_scale=0.5),
    ],
)
def test_measure_with_a_raw_stream(write: Any) -> None:
    """The stream by keyword, third in the list, or by the oldest keyword."""
    got = only(lambda n, f, b: write(q.declare_stream(adc_trace=True)))
    assert got == tree.Measure(at=0, operation="ro", element="rr", amplitude=(HALF,), stream="r1")


def test_measure_into_cells() -> None:
    """A process can write a cell of a fixed array."""
    got = only(lambda n, f, b: q.measure("ro", "rr", q.demod.full("w", q.declare(q.fixed, size=4)[n])))
    assert got.processes[0].target == tree.Cell(type="fixed", array="a1", index=N)


# ---------------------------------------------------------------- time, phase, frequency

ONE_OVER_2PI = tree.Value(type="fixed", raw=round(2**28 / (2 * math.pi)))


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (lambda n, f, b: q.wait(4), tree.Wait(at=0, duration=value("int", 4))),
        (lambda n, f, b: q.wait(n, "a", "b"), tree.Wait(at=0, duration=N, elements=("a", "b"))),
        (lambda n, f, b: q.wait(25.0, "a"), tree.Wait(at=0, duration=value("int", 25), elements=("a",))),
        (lambda n, f, b: q.align(), tree.Align(at=0)),
        (lambda n, f, b: q.align("a", "b"), tree.Align(at=0, elements=("a", "b"))),
        (lambda n, f, b: q.frame_rotation_2pi(0.25, "a"),
         tree.FrameRotation(at=0, element="a", turns=value("fixed", FIXED_ONE // 4))),
        (lambda n, f, b: q.frame_rotation_2pi(8.25, "a"),
         tree.FrameRotation(at=0, element="a", turns=value("fixed", -31 * FIXED_ONE // 4))),
        (lambda n, f, b: q.frame_rotation_2pi(f, "a"), tree.FrameRotation(at=0, element="a", turns=F)),
        (lambda n, f, b: q.frame_rotation(f, "a"), tree.FrameRotation(
            at=0, element="a", turns=tree.Binary(type="fixed", operator="*", left=F, right=ONE_OVER_2PI))),
        (lambda n, f, b: q.frame_rotation(math.pi, "a"), tree.FrameRotation(at=0, element="a", turns=HALF)),
        (lambda n, f, b: q.reset_frame("a"), tree.ResetFrame(at=0, element="a")),
        (lambda n, f, b: q.ramp_to_zero("a"), tree.RampToZero(at=0, element="a")),
        (lambda n, f, b: q.ramp_to_zero("a", 25), tree.RampToZero(at=0, element="a", duration=25)),
        (lambda n, f, b: q.ramp_to_zero("a", duration=np.int64(4)), tree.RampToZero(at=0, element="a", duration=4)),
        (lambda n, f, b: q.reset_if_phase("a"), tree.ResetIfPhase(at=0, element="a")),
        (lambda n, f, b: q.reset_phase("a"), tree.ResetIfPhase(at=0, element="a")),
        (lambda n, f, b: q.update_frequency("a", 100.7),
         tree.UpdateFrequency(at=0, element="a", frequency=value("int", 100))),
        (lambda n, f, b: q.update_frequency("a", -5, "mHz", True), tree.UpdateFrequency(
            at=0, element="a", frequency=value("int", -5), units="mHz", keep_phase=True)),
        (lambda n, f, b: q.update_frequency("a", n, keep_phase=True), tree.UpdateFrequency(
            at=0, element="a", frequency=N, keep_phase=True)),
    ],
)  # fmt: skip
def test_time_phase_frequency(write: Any, expected: tree.Statement) -> None:
    """wait, align, frames, phases and frequencies."""
    assert only(write) == expected


def test_frames_of_several_elements() -> None:
    """One statement for each element."""
    body = body_of(lambda n, f, b: (q.reset_frame("a", "b"), q.frame_rotation_2pi(f, "a", "b")))
    assert [type(statement).__name__ for statement in body] == ["ResetFrame"] * 2 + ["FrameRotation"] * 2
    assert [getattr(statement, "element", None) for statement in body] == ["a", "b", "a", "b"]


def test_names_may_be_texts_of_numpy_and_enums() -> None:
    """Whatever kind of text names an element, a pulse, weights or a tag, the tree holds plain text and can be sent."""

    class Element(str, enum.Enum):  # noqa: UP042 - as users write it
        RR = "rr"

    with q.program() as prog:
        f, st = q.declare(q.fixed), q.declare_output_stream()
        q.play(np.str_("x"), Element.RR)
        q.align(*np.array(["a", "b"]))
        q.measure("ro", Element.RR, q.demod.full(np.str_("w"), f, np.str_("out1")))
        q.update_frequency(Element.RR, 1, np.str_("Hz"))
        q.save(f, st)
        with q.stream_processing():
            st.save(np.str_("tag"))
    assert decode_program(encode_program(prog.tree)) == prog.tree
    assert prog.tree.body[0] == tree.Play(at=1, operation="x", element="rr")


# ---------------------------------------------------------------- Random


def test_random_draws_its_seed_while_building(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a seed, Python draws one from 0 to 2**28 - 2, which becomes an ordinary int variable."""
    asked = []
    monkeypatch.setattr(library.random, "randint", lambda a, b: asked.append((a, b)) or 77)
    with q.program() as prog:
        r, n = q.Random(), q.declare(int)
        q.assign(n, r.rand_int(10))
        f = q.declare(q.fixed)
        q.assign(f, r.rand_fixed())
    assert asked == [(0, 2**28 - 2)]
    assert prog.tree.declarations[0].initial == (77,)
    seed = tree.Variable(type="int", name="v1")
    assert [_nowhere(statement).value for statement in prog.tree.body] == [
        tree.Call(type="int", function="random.rand_int", arguments=(seed, value("int", 10))),
        tree.Call(type="fixed", function="random.rand_fixed", arguments=(seed,)),
    ]


def test_random_seeds() -> None:
    """A Python int, an int variable (which is the state itself), an int expression; set_seed assigns."""
    with q.program() as prog:
        n = q.declare(int)
        q.Random(5)
        q.Random(n).set_seed(9)
        q.Random(n + 1)
    assert [item.initial for item in prog.tree.declarations] == [(0,), (5,), (0,)]
    assert [_nowhere(statement) for statement in prog.tree.body] == [
        tree.Assign(at=0, target=N, value=value("int", 9)),
        tree.Assign(
            at=0,
            target=tree.Variable(type="int", name="v3"),
            value=tree.Binary(type="int", operator="+", left=N, right=value("int", 1)),
        ),
    ]


def test_fast_frame_rotation_turns_by_the_angle_of_the_pair() -> None:
    """One frame rotation for each element, by atan2 in turns."""
    with q.program() as prog:
        c, s = q.declare(q.fixed), q.declare(q.fixed)
        q.fast_frame_rotation(c, s, "q1", "q2")
    turns = tree.Call(
        type="fixed",
        function="math.atan2_2pi",
        arguments=(tree.Variable(type="fixed", name="v2"), tree.Variable(type="fixed", name="v1")),
    )
    assert prog.tree.body == tuple(tree.FrameRotation(at=1, element=name, turns=turns) for name in ("q1", "q2"))


def test_corrections_offsets_and_the_global_phase() -> None:
    """Each is one statement with its operands as fixeds."""
    assert only(lambda n, f, b: q.update_correction("q", f, 0.5, -1, 1.0)) == tree.UpdateCorrection(
        at=0, element="q", correction=(F, HALF, value("fixed", -(2**28)), value("fixed", 2**28))
    )
    assert only(lambda n, f, b: q.set_dc_offset("q", "single", 0.25)) == tree.SetDcOffset(
        at=0, element="q", input="single", offset=value("fixed", 2**26)
    )
    assert only(lambda n, f, b: q.reset_global_phase()) == tree.ResetGlobalPhase(at=0)


def test_load_waveform() -> None:
    """The operation, the number as an int, the element."""
    assert only(lambda n, f, b: q.load_waveform("x", n, "q")) == tree.LoadWaveform(
        at=0, operation="x", index=N, element="q"
    )
    assert only(lambda n, f, b: q.load_waveform("x", 2, "q")).index == value("int", 2)
