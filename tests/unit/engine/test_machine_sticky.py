"""Sticky elements (docs/arithmetic.md, section 13): what an input hears while they hold, samples by formula."""

from __future__ import annotations

import math
from typing import Any

import pytest
from engine_lab import Run, config, drive, run, traced

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree

LAST = math.floor(39 / 400 * 65536 + 0.5) / 65536  # of the pulse "ramp", as it is held
LEVEL = math.floor(0.1 * 65536 + 0.5) / 65536


def literal(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def play(operation: str, element: str = "s1", **more: Any) -> tree.Play:
    """A play."""
    return tree.Play(at=0, operation=operation, element=element, **more)


def wait(cycles: int, element: str = "s1") -> tree.Wait:
    """A wait of one element."""
    return tree.Wait(at=0, duration=literal("int", cycles), elements=(element,))


def heard(*body: tree.Statement, **options: Any) -> tuple[list[float], Run]:
    """What input 1 hears of s1 (no oscillator) and f1 (1 MHz), both sticky with 100 ns, in volts to 1/4096."""
    single = {"outputs": {"out1": ("con1", 1)}, "time_of_flight": 24, "smearing": 0}
    single["sticky"] = {"analog": True, "duration": 100}
    steady, turning = drive(8, **single), drive(9, **single)
    setup = config(s1=steady | {"intermediate_frequency": None}, f1=turning | {"intermediate_frequency": 1e6})
    silent = tree.Measure(at=0, operation="read", element="r1", amplitude=(literal("fixed", 0),), stream="adc")
    done = run(traced(silent, *body), config=setup, **options)
    (trace,) = [codes for name, port, _, codes in done.traces if name == "adc" and port == 1]
    return [-(code + 0.5) / 4096 for code in trace], done


def close(got: list[float], wanted: list[float]) -> bool:
    """Within half a step of the converter (and of the output's), and silence behind what is wanted."""
    padded = wanted + [0.0] * (400 - len(wanted))
    return all(abs(one - other) <= 0.54 / 4096 for one, other in zip(got, padded, strict=True))


def down(level: float, length: int) -> list[float]:
    """A ramp to zero."""
    return [level * (1 - (n + 1) / length) for n in range(length)]


@pytest.mark.parametrize("forked", [False, True])
@pytest.mark.parametrize("numerics", ["linear", "exact"])
def test_levels_add_up_and_go_down_at_the_end(forked: bool, numerics: str) -> None:
    """The last sample stays; the next play is on top of it; the end of the job takes 100 ns to come down."""
    got, done = heard(play("ramp"), wait(10), play("short"), wait(10), forked=forked, numerics=numerics)
    ramp = [k / 400 for k in range(40)]
    assert close(got, ramp + [LAST] * 40 + [LAST + 0.1] * 20 + [LAST + LEVEL] * 40 + down(LAST + LEVEL, 100))
    assert done.clock("s1") == 140
    assert done.machine.clock_ns == 424


def test_the_end_of_the_job_waits_for_the_ramp() -> None:
    """It is the end of the last ramp where nothing else lasts longer; without a level there is none."""
    _, done = heard(play("long"), wait(100))
    assert done.machine.clock_ns == 100 + 400 + 100
    _, done = heard(play("long", amplitude=(literal("fixed", 0),)), wait(100))
    assert done.machine.clock_ns == 500


@pytest.mark.parametrize(("duration", "length"), [(5, 20), (None, 100)])
def test_ramp_to_zero(duration: int | None, length: int) -> None:
    """In its own duration or the config's; time passes for it, also where nothing is held."""
    ramp = tree.RampToZero(at=0, element="s1", duration=duration)
    got, done = heard(play("short"), wait(5), ramp, ramp, play("short"))
    wanted = [0.1] * 20 + [LEVEL] * 20 + down(LEVEL, length) + [0.0] * length + [0.1] * 20 + down(LEVEL, 100)
    assert close(got, wanted)
    assert done.clock("s1") == 60 + 2 * length


def test_what_is_cut_or_not_played() -> None:
    """A truncated pulse leaves its last sample that was played, a false condition and a silent play leave nothing."""
    got, _ = heard(
        play("ramp", truncate=literal("int", 5)),
        play("long", condition=literal("bool", 0)),
        play("long", amplitude=(literal("fixed", 0),)),
    )
    level = math.floor(19 / 400 * 65536 + 0.5) / 65536
    assert close(got, [k / 400 for k in range(20)] + [level] * 200 + down(level, 100))


def test_a_hold_turns_with_its_frame_and_frequency() -> None:
    """It goes on at the element's frequency; a rotation and a new frequency count from their instant."""
    quarter = tree.FrameRotation(at=0, element="f1", turns=literal("fixed", 1 << 26))
    faster = tree.UpdateFrequency(at=0, element="f1", frequency=literal("int", 3_000_000))
    got, _ = heard(play("long", "f1"), wait(10, "f1"), quarter, wait(10, "f1"), faster, wait(10, "f1"))
    turns = [t / 1000 for t in range(140)] + [t / 1000 + 0.25 for t in range(140, 180)]
    turns += [3 * t / 1000 + 0.25 for t in range(180, 320)]
    levels = [0.1] * 100 + [LEVEL] * 120 + down(LEVEL, 100)
    assert close(got, [level * math.cos(2 * math.pi * turn) for level, turn in zip(levels, turns, strict=True)])


def test_a_reset_of_the_phase_counts_from_the_align_that_takes_it() -> None:
    """Held through a reset: from then on as if the oscillator had started there."""
    reset, align = tree.ResetIfPhase(at=0, element="f1"), tree.Align(at=0, elements=("f1",))
    got, _ = heard(play("long", "f1"), wait(10, "f1"), reset, wait(10, "f1"), align, wait(10, "f1"))
    turns = [t / 1000 for t in range(180)] + [(t - 180) / 1000 for t in range(180, 320)]
    levels = [0.1] * 100 + [LEVEL] * 120 + down(LEVEL, 100)
    assert close(got, [level * math.cos(2 * math.pi * turn) for level, turn in zip(levels, turns, strict=True)])


def test_only_sticky_elements_ramp_to_zero() -> None:
    """Another element is named in the error."""
    with pytest.raises(AskedWrongly, match="'q1' is not sticky"):
        heard(tree.RampToZero(at=0, element="q1"))
