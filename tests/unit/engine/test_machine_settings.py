"""What is set of elements from outside while a run goes on (docs/arithmetic.md, section 15): samples by formula."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from engine_lab import Run, bench, drive, start, traced

from quaymaster._core.config import check_config
from quaymaster._core.config.model import PortRef
from quaymaster._core.engine.machine import Machine
from quaymaster._core.engine.outside import Outside
from quaymaster._core.engine.settings import frequency_of, phase_increment
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster.controller import plant as plants

READ = tree.Measure(at=0, operation="read", element="r1", stream="adc")
PAUSE = tree.Pause(at=0)
F0 = 60e6


def go(run: Run) -> str:
    """Run until it waits or is done."""
    while (state := run.machine.run(1000)) in ("running", "blocked"):
        run.drain()
    run.drain()
    return state


def traces(run: Run, port: int = 1) -> list[list[float]]:
    """The raw traces of an input in volts."""
    return [[-(code + 0.5) / 4096 for code in codes] for _, n, _, codes in run.traces if n == port]


def wave(start_ns: int, frequency: float, level: float = 0.1, turn: float = 0.0) -> list[float]:
    """400 samples of a cosine whose phase counts from the start of the job."""
    return [level * math.cos(2 * math.pi * (frequency * n / 1e9 + turn)) for n in range(start_ns, start_ns + 400)]


def close(got: list[float], wanted: list[float]) -> bool:
    """Within a step of the converter."""
    return all(abs(one - other) < 0.51 / 4096 for one, other in zip(got, wanted, strict=True))


def test_a_frequency_set_in_a_pause_is_that_of_the_next_pulse() -> None:
    """With the phase that it would have, had it been there from the start; what was played before keeps its own."""
    run = start(traced(READ, PAUSE, READ, READ))
    assert go(run) == "waits"
    (entry,) = run.machine.set_frequency("r1", -12.5e6)
    assert entry == Outside("frequency", "r1", 1, 424, (phase_increment(-12.5e6), 0))
    assert run.machine.element("r1").frequency_hz == -12.5e6
    run.machine.resume()
    assert go(run) == "done"
    first, second, third = traces(run)
    assert close(first, wave(0, F0))
    assert close(second, wave(424, -12.5e6))
    assert close(third, wave(824, -12.5e6))


def test_a_correction_is_that_of_the_next_pulse() -> None:
    """Rounded to 2^-16: here a half of I, and a quarter of Q with the other sign."""
    run = start(traced(READ, PAUSE, READ))
    go(run)
    run.machine.set_correction("r1", (0.5, 0.0, 0.0, -0.25 + 1e-7))
    assert run.machine.element("r1").correction == (0.5, 0.0, 0.0, -0.25)
    run.machine.resume()
    assert go(run) == "done"
    assert close(traces(run)[1], wave(424, F0, 0.05))
    assert close(traces(run, 2)[1], wave(424, F0, -0.025, turn=-0.25))


def test_the_last_of_several_counts_and_the_program_has_the_last_word() -> None:
    """Both come before the update_frequency that stands next in the text."""
    new = tree.UpdateFrequency(at=0, element="r1", frequency=tree.Value(type="int", raw=10_000_000))
    run = start(traced(READ, PAUSE, READ, new, READ))
    go(run)
    for frequency in (1e6, 20e6):
        run.machine.set_frequency("r1", frequency)
    run.machine.resume()
    assert go(run) == "done"
    assert close(traces(run)[1], wave(424, 20e6))
    assert close(traces(run)[2], wave(824, 10e6))
    assert run.machine.element("r1").frequency_hz == 10e6


def test_a_run_that_knows_the_log_makes_the_same() -> None:
    """Settings that came between slices happen at the same acts, however the run is cut."""
    body = traced(*[READ] * 6)
    live = start(body)
    for k, steps in enumerate((3, 1, 2, 5)):
        live.machine.run(steps)
        live.machine.set_frequency("r1", 5e6 * (k + 1))
    assert go(live) == "done"
    log = live.machine.outside_log()
    again = start(body, outside=log)
    assert go(again) == "done"
    assert again.traces == live.traces
    assert len({entry.place for entry in log}) > 1


def test_elements_of_one_oscillator_are_set_together() -> None:
    """An entry for each, at its own place."""
    raw = bench()
    raw["oscillators"] = {"shared": {"intermediate_frequency": 50e6}}
    for name in ("q1", "q2"):
        del raw["elements"][name]["intermediate_frequency"]
        raw["elements"][name]["oscillator"] = "shared"
    plays = [tree.Play(at=0, operation="short", element=name) for name in ("q1", "q1", "q2")]
    run = start(traced(*plays, PAUSE, *plays), config=check_config(raw))
    go(run)
    entries = run.machine.set_frequency("q2", 7e6)
    assert [(entry.name, entry.place) for entry in entries] == [("q1", 2), ("q2", 1)]
    assert run.machine.element("q1").frequency_hz == 7e6


def wired(offset: float) -> Run:
    """q plays on port 8, with an offset, from where a cable of 24 ns leads to input 1, which r1 measures in silence."""
    raw = bench(q=drive(8, intermediate_frequency=0.0))
    raw["controllers"]["con1"]["analog_outputs"][8]["offset"] = offset
    setup = check_config(raw)
    silent = tree.Measure(
        at=0, operation="read", element="r1", stream="adc", amplitude=(tree.Value(type="fixed", raw=0),)
    )
    short = tree.Play(at=0, operation="short", element="q")
    run = start(traced(silent, PAUSE, silent, short), config=setup)
    hearing = plants.loopback(setup, ["r1", "q"], [(PortRef("con1", 1, 8), PortRef("con1", 1, 1))], 24, 0.0)
    hearing = type(hearing)(ports=hearing.ports, outputs=tuple(plants.output_ports(setup, run.image)))
    run.machine = Machine(run.image, plant=hearing)
    return run


def test_an_offset_is_heard_from_the_next_thing_on_that_the_element_does() -> None:
    """The port is another 0.05 V higher from the play on."""
    run = wired(0.125)
    go(run)
    assert run.machine.element("q").offsets == {"single": 0.125}
    run.machine.set_offsets("q", [("single", 0.175)])
    assert run.machine.element("q").offsets["single"] == pytest.approx(0.175, abs=2**-17)
    run.machine.resume()
    assert go(run) == "done"
    first, second = traces(run)
    assert close(first, [0.125] * 400)
    assert close(second, [0.275] * 20 + [0.175] * 380)
    assert run.machine.element("q").offsets["single"] == pytest.approx(0.175, abs=2**-17)


@pytest.mark.parametrize("volts", [0.5, 0.49999])
def test_an_offset_at_the_upper_limit_is_a_step_below_it(volts: float) -> None:
    """From outside as in a config: 0.5 V is the highest step of the converter, 0.5 V - 2^-16 V."""
    run = wired(0.125)
    go(run)
    run.machine.set_offsets("q", [("single", volts)])
    assert run.machine.element("q").offsets["single"] == 0.5 - 2.0**-16


def test_an_offset_that_a_wired_input_could_not_hear_comes_later() -> None:
    """A port without one at the start, which the program does not change."""
    run = wired(0.0)
    go(run)
    with pytest.raises(AskedWrongly) as caught:
        run.machine.set_offsets("q", [("single", 0.1)])
    assert caught.value.code == "not_yet"
    assert run.machine.outside_log() == ()


@pytest.mark.parametrize(
    ("use", "code"),
    [
        (lambda m: m.set_frequency("nobody", 1e6), "no_such_element"),
        (lambda m: m.set_frequency("q2", 1e6), "no_such_element"),
        (lambda m: m.set_frequency("dc", 1e6), "no_oscillator"),
        (lambda m: m.set_frequency("r1", 501e6), "bad_setting"),
        (lambda m: m.set_frequency("r1", math.nan), "bad_setting"),
        (lambda m: m.set_correction("q1", (1, 0, 0, 1)), "no_mixer"),
        (lambda m: m.set_correction("r1", (1, 0, 0)), "bad_setting"),
        (lambda m: m.set_correction("r1", (2, 0, 0, 1)), "bad_setting"),
        (lambda m: m.set_offsets("r1", [("single", 0.1)]), "no_such_input"),
        (lambda m: m.set_offsets("q1", [("single", 0.50001)]), "bad_setting"),
        (lambda m: m.set_offsets("q1", [("single", 0.1), ("single", math.inf)]), "bad_setting"),
        (lambda m: m.element("nobody"), "no_such_element"),
    ],
)
def test_what_cannot_be_set_changes_nothing(use: Callable[[Machine], Any], code: str) -> None:
    """It is refused with its code."""
    plays = [tree.Play(at=0, operation="short", element=name) for name in ("q1", "dc")]
    run = start(traced(READ, *plays, PAUSE))
    go(run)
    with pytest.raises(AskedWrongly) as caught:
        use(run.machine)
    assert caught.value.code == code
    assert run.machine.outside_log() == ()


@pytest.mark.parametrize(
    "entry",
    [
        Outside("frequency", "nobody", 0, 0, (1, 0)),
        Outside("frequency", "r1", 0, 0, (1,)),
        Outside("frequency", "r1", 0, 0, (1 << 64, 0)),
        Outside("frequency", "r1", -1, 0, (1, 0)),
        Outside("correction", "r1", 0, 0, (1 << 17, 0, 0, 0)),
        Outside("offset", "r1", 0, 0, (1,), "single"),
        Outside("offset", "r1", 0, 0, (1 << 15,), "I"),
    ],
)
def test_a_log_that_cannot_be_is_refused(entry: Outside) -> None:
    """Whatever is wrong with a setting in it."""
    with pytest.raises(AskedWrongly):
        start(traced(READ), outside=(entry,))


def test_frequencies_there_and_back() -> None:
    """What was set is what is read."""
    for frequency in (0.0, 1.0, -1.0, 50e6, -33.3e6, 123456789.125, 499e6):
        assert frequency_of(phase_increment(frequency)) == frequency
