"""Elements with several inputs (docs/arithmetic.md, sections 4 and 5): which input port hears what, by formula."""

from __future__ import annotations

import math
from typing import Any

from engine_lab import Run, bench, drive, start, traced

from quaymaster._core.config import Config, check_config
from quaymaster._core.config.model import PortRef
from quaymaster._core.program import tree
from quaymaster.controller import plant as plants

FREQUENCY = 2.5e6


def setup(kind: str, **more: Any) -> Config:
    """The bench with q on the ports 8 and 9, named left and right, and what an input of a cable may hear."""
    element = drive(8, intermediate_frequency=FREQUENCY, **more)
    del element["singleInput"]
    element[kind] = {"inputs": {"left": ("con1", 8), "right": ("con1", 9)}}
    raw = bench(q=element)
    raw["pulses"]["single_read"] = raw["pulses"]["read_pulse"] | {"waveforms": {"single": "level"}}
    return check_config(raw)


def play(target: str = "", operation: str = "short", **more: Any) -> tree.Play:
    """A play on q, of 20 ns at 0.1 V unless told."""
    return tree.Play(at=0, operation=operation, element="q", target=target, **more)


def literal(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def finished(done: Run) -> Run:
    """Run to the end."""
    while (state := done.machine.run(1 << 20)) != "done":
        assert state in ("running", "blocked")
        done.drain()
    done.drain()
    return done


def heard(config: Config, *body: tree.Statement) -> tuple[list[float], list[float]]:
    """The 400 samples in volts that inputs 1 and 2 hear through cables of 24 ns from the ports 8 and 9."""
    silent = tree.Measure(at=0, operation="read", element="r1", amplitude=(literal("fixed", 0),), stream="adc")
    cables = [(PortRef("con1", 1, 8), PortRef("con1", 1, 1)), (PortRef("con1", 1, 9), PortRef("con1", 1, 2))]
    done = start(traced(silent, *body), config=config, plant="none")
    hearing = plants.loopback(config, ["r1", "q"], cables, 24, 0.0)
    done.machine = type(done.machine)(done.image, plant=hearing)
    finished(done)
    one, two = (next(codes for _, port, _, codes in done.traces if port == n) for n in (1, 2))
    return [-(code + 0.5) / 4096 for code in one], [-(code + 0.5) / 4096 for code in two]


def wave(start_ns: int, length: int, from_ns: int = 0, level: float = 0.1) -> dict[int, float]:
    """What a pulse sounds like, by ns: a cosine whose phase is 0 at ``from_ns``."""
    turns = {n: FREQUENCY * (n - from_ns) / 1e9 for n in range(start_ns, start_ns + length)}
    return {n: level * math.cos(2 * math.pi * turn) for n, turn in turns.items()}


def close(got: list[float], wanted: dict[int, float]) -> bool:
    """Within half a step of converter and output; silence elsewhere."""
    return all(abs(value - wanted.get(n, 0.0)) <= 0.54 / 4096 for n, value in enumerate(got))


def test_inputs_that_play_together() -> None:
    """One pulse on both ports at once."""
    one, two = heard(setup("multipleInputs"), play(), play(operation="long"))
    assert close(one, wave(0, 120))
    assert close(two, wave(0, 120))


def test_a_target_is_the_one_input_that_plays() -> None:
    """One after the other: the element has one clock, and one phase."""
    one, two = heard(setup("singleInputCollection"), play("left"), play("right", "long"), play("left"))
    assert close(one, wave(0, 20) | wave(120, 20))
    assert close(two, wave(20, 100))


def test_a_reset_is_taken_by_the_first_play_on_whatever_input() -> None:
    """The oscillator is the element's."""
    reset = tree.ResetIfPhase(at=0, element="q")
    one, two = heard(setup("singleInputCollection"), play("left"), reset, play("right"), play("left"))
    assert close(one, wave(0, 20) | wave(40, 20, from_ns=20))
    assert close(two, wave(20, 20, from_ns=20))


def test_a_sweep_goes_on_from_one_input_to_the_other() -> None:
    """It is the element's, too."""
    chirp = tree.Chirp(rates=(literal("int", 400_000),))
    one, two = heard(setup("singleInputCollection"), play("left", chirp=chirp, continues=True), play("right"))
    turns = [FREQUENCY * n / 1e9 + 400_000 * n * (n + 1) / 2e9 for n in range(40)]
    swept = {n: 0.1 * math.cos(2 * math.pi * turn) for n, turn in enumerate(turns)}
    assert close(one, {n: swept[n] for n in range(20)})
    assert close(two, {n: swept[n] for n in range(20, 40)})


def test_levels_are_held_on_both_ports() -> None:
    """A sticky element whose inputs play together."""
    config = setup("multipleInputs", sticky={"analog": True, "duration": 16})
    one, two = heard(config, play(), tree.Wait(at=0, duration=literal("int", 5), elements=("q",)))
    down = {40 + n: 0.1 * (1 - (n + 1) / 16) for n in range(16)}
    for got in (one, two):
        assert all(abs(got[n] - v) <= 0.6 / 4096 for n, v in wave(0, 40).items())
        assert all(abs(got[n] - v * math.cos(2 * math.pi * FREQUENCY * n / 1e9)) <= 0.6 / 4096 for n, v in down.items())


def test_an_echo_hears_the_first_of_those_that_play_together_once() -> None:
    """What it measures itself is not twice as loud."""
    operations = {"read": "single_read"}
    more = {"outputs": {"out1": ("con1", 1)}, "time_of_flight": 24, "smearing": 0, "operations": operations}
    measure = tree.Measure(at=0, operation="read", element="q", stream="adc")
    done = finished(start(traced(measure), config=setup("multipleInputs", **more)))
    ((_, _, _, codes),) = done.traces
    assert close([-(code + 0.5) / 4096 for code in codes], wave(0, 400))


def test_an_echo_hears_each_input_of_which_one_plays() -> None:
    """At every output of the element, whichever input plays."""
    more = {"outputs": {"out1": ("con1", 1)}, "time_of_flight": 24, "smearing": 0}
    silent = tree.Measure(at=0, operation="read", element="r1", amplitude=(literal("fixed", 0),), stream="adc")
    done = finished(start(traced(silent, play("left"), play("right")), config=setup("singleInputCollection", **more)))
    (codes,) = [codes for _, port, _, codes in done.traces if port == 1]
    assert close([-(code + 0.5) / 4096 for code in codes], wave(0, 40))
