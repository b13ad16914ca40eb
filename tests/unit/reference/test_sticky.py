"""Sticky elements and ramp_to_zero of the reference beside formulas (section 13): what a converter sees."""

from __future__ import annotations

from math import floor

import numpy as np
import pytest
from numpy.typing import NDArray
from reference.benches import raw_bench
from reference.building import align, fixed, integer, measure, play, program, wait
from reference.engine import Outcome, run
from reference.value_checks import wire

from quaymaster._core.config import check_config
from quaymaster._core.program import tree

PLANT = wire((4, 1), latency_ns=40)
LENGTH = 200
RAMP_NS = 40

Volts = NDArray[np.float64]


def held(volts: float) -> float:
    """A level as an output can hold it."""
    return floor(volts * 65536 + 0.5) / 65536


def heard(*body: tree.Statement, frequency: float | None = None) -> tuple[Volts, Outcome]:
    """The 200 codes from the start of the program on, of what the sticky q (0.1 V flat, or its 16 ns pulse) plays."""
    raw = raw_bench(length=LENGTH)
    del raw["elements"]["q"]["intermediate_frequency"]
    if frequency is not None:
        raw["elements"]["q"]["intermediate_frequency"] = frequency
    raw["elements"]["q"]["sticky"] = {"analog": True, "duration": RAMP_NS}
    listen = measure("readout", "r", amplitude=(0.0,), stream="adc")
    outcome = run(program(listen, *body), check_config(raw), seed=1, numerics="linear", plant=PLANT)
    return np.array(outcome.traces["adc"][0][2], dtype=np.float64), outcome


def sees(codes: Volts, *pieces: Volts) -> None:
    """The codes are −4096·v rounded down, and 0 behind the pieces."""
    volts = np.concatenate(pieces)
    assert np.all(np.abs(codes[: len(volts)] + 4096 * volts + 0.5) <= 0.5 + 1e-6)
    assert not codes[len(volts) :].any()


def level(volts: float, ns: int) -> Volts:
    """A constant."""
    return np.full(ns, volts)


def down(volts: float, ns: int = RAMP_NS) -> Volts:
    """A ramp to zero: its first sample is below the level already, its last is 0."""
    return volts * (1 - (np.arange(ns) + 1) / ns)


def rotate(turns: float) -> tree.FrameRotation:
    """frame_rotation_2pi of q."""
    return tree.FrameRotation(at=-1, element="q", turns=fixed(turns))


def to_zero(cycles: int | None = None) -> tree.RampToZero:
    """ramp_to_zero of q."""
    return tree.RampToZero(at=-1, element="q", duration=cycles)


def test_the_last_sample_is_held_until_the_end_of_the_job() -> None:
    """Held at 2^-16 V for as long as the element waits; then down in the time of the config."""
    codes, _ = heard(play("flat", "q"), wait(10, "q"))
    sees(codes, level(0.1, 20), level(held(0.1), 40), down(held(0.1)))


def test_levels_are_added() -> None:
    """While a play sounds the level sounds under it; its last sample, scaled by its amplitude, comes on top."""
    codes, _ = heard(play("pulse", "q"), wait(5, "q"), play("flat", "q", -0.75), wait(5, "q"))
    first, second = held(0.16), held(0.16) + held(-0.075)
    sees(codes, 0.01 * np.arange(1, 17), level(first, 20), level(first - 0.075, 20), level(second, 20), down(second))


def test_levels_that_cancel_leave_nothing() -> None:
    """Up and down again: nothing is held, and the job ends with the last clock."""
    codes, outcome = heard(play("flat", "q"), wait(5, "q"), play("flat", "q", -1.0), wait(100, "q"))
    sees(codes, level(0.1, 20), level(held(0.1), 20), level(held(0.1) - 0.1, 20))
    assert outcome.end_ns == 3 * 20 + 400


@pytest.mark.parametrize(("volts", "kept"), [(2**-17, 2**-16), (2**-17 - 2**-24, 0.0), (-(2**-17), 0.0)])
def test_what_is_held_is_a_multiple_of_a_step_of_the_output(volts: float, kept: float) -> None:
    """floor(v·2^16 + 1/2)·2^-16."""
    slope = tree.Value(type="fixed", raw=round(volts / 16 * 2**28))
    plays = [tree.Play(at=-1, operation="", element="q", ramp=slope, duration=integer(4))] * 4
    _, outcome = heard(*plays, wait(100, "q"))
    assert outcome.end_ns == 464 + (RAMP_NS if kept else 0)


def test_the_end_of_the_ramp_is_the_end_of_the_job() -> None:
    """Where it is the last thing that happens."""
    _, outcome = heard(play("flat", "q"), wait(100, "q"))
    assert outcome.end_ns == 20 + 400 + RAMP_NS


@pytest.mark.parametrize(("cycles", "ns"), [(5, 20), (None, RAMP_NS)])
def test_ramp_to_zero(cycles: int | None, ns: int) -> None:
    """The level goes down in the time given, or the config's; the clock passes it, and again where nothing is held."""
    codes, outcome = heard(play("flat", "q"), wait(4, "q"), to_zero(cycles), to_zero(cycles), play("flat", "q"))
    h = held(0.1)
    sees(codes, level(0.1, 20), level(h, 16), down(h, ns), level(0.0, ns), level(0.1, 20), down(h))
    assert outcome.end_ns == max(240, 20 + 16 + 2 * ns + 20 + RAMP_NS)


def test_a_hold_goes_on_with_the_oscillator() -> None:
    """A rotation and a new frequency count from their instant on; the ramp at the end turns too."""
    faster = tree.UpdateFrequency(at=-1, element="q", frequency=integer(30_000_000), units="Hz", keep_phase=True)
    codes, _ = heard(play("flat", "q"), wait(5, "q"), rotate(0.25), wait(5, "q"), faster, wait(5, "q"), frequency=20e6)
    frequency = np.array([0.02] * 60 + [0.03] * 60)
    turns = np.concatenate([[0.0], np.cumsum(frequency)])[:120] + np.array([0.0] * 40 + [0.25] * 80)
    volts = np.concatenate([level(0.1, 20), level(held(0.1), 60), down(held(0.1))])
    sees(codes, volts * np.cos(2 * np.pi * turns))


def test_a_reset_is_taken_by_the_next_align() -> None:
    """From there the held level turns as if its oscillator had begun there; ramp_to_zero takes none."""
    reset = tree.ResetIfPhase(at=-1, element="q")
    h = held(0.1)
    turning = 2 * np.pi * 0.02 * np.arange(200)
    codes, _ = heard(play("flat", "q"), reset, wait(4, "q"), align("q"), wait(4, "q"), frequency=20e6)
    volts = np.concatenate([level(0.1, 20), level(h, 32), down(h)])
    sees(codes, volts * np.cos(np.concatenate([turning[:36], turning[: 92 - 36]])))
    codes, _ = heard(play("flat", "q"), reset, wait(4, "q"), to_zero(), frequency=20e6)
    volts = np.concatenate([level(0.1, 20), level(h, 16), down(h)])
    sees(codes, volts * np.cos(turning[:76]))


def test_what_is_not_played_leaves_nothing() -> None:
    """A false condition leaves the level as it is; a truncated pulse leaves the last sample that it played."""
    short = tree.Play(at=-1, operation="pulse", element="q", truncate=integer(4), duration=integer(8))
    silent = tree.Play(at=-1, operation="flat", element="q", condition=tree.Value(type="bool", raw=0))
    codes, _ = heard(short, silent)
    j = np.arange(16)
    stretched = 0.01 * (j * 16 / 32 + 1)  # the cubic of a straight line
    h = held(float(stretched[-1]))
    sees(codes, stretched, level(h, 20), down(h))


def test_an_iq_element_holds_both_parts() -> None:
    """m plays (0.1, 0.05) with a matrix; ports I and Q carry the turned level."""
    raw = raw_bench(length=LENGTH, iq_frequency=20e6)
    raw["elements"]["m"]["sticky"] = {"analog": True, "duration": RAMP_NS}
    raw["pulses"]["iq_readout"]["length"] = 20
    for name in ("cos", "sin", "minus_sin"):
        raw["integration_weights"][name] = {"cosine": [(1.0, 20)], "sine": [(0.0, 20)]}
    raw["pulses"]["readout"] |= {"length": LENGTH}
    plant = wire((2, 1), (3, 2), latency_ns=40)
    matrix = (0.5, -0.25, 0.75, 1.0)
    listen = measure("readout", "r", amplitude=(0.0,), stream="adc")
    body = (listen, play("readout", "m", *matrix), wait(5, "m"))
    outcome = run(program(*body), check_config(raw), seed=1, numerics="linear", plant=plant)
    codes = np.array(outcome.traces["adc"][0][2], dtype=np.float64)
    i, q = 0.5 * 0.1 - 0.25 * 0.05, 0.75 * 0.1 + 1.0 * 0.05
    z = np.concatenate([level(1.0, 20) * (i + 1j * q), level(1.0, 20) * (held(i) + 1j * held(q))])
    z = np.concatenate([z, (held(i) + 1j * held(q)) * down(1.0)])
    sees(codes, (z * np.exp(2j * np.pi * 0.02 * np.arange(80))).real)
