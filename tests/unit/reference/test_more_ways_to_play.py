"""Truncate, condition, ramp and chirp of the reference beside formulas (section 13): what a converter sees."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from reference.benches import raw_bench
from reference.building import align, boolean, fixed, integer, measure, play, program
from reference.engine import Outcome, run
from reference.value_checks import wire

from quaymaster._core.config import check_config
from quaymaster._core.program import tree

PLANT = wire((4, 1), latency_ns=40)


def heard(frequency: float | None, **options: Any) -> tuple[NDArray[np.float64], Outcome]:
    """The 200 codes from the start of q's play of a constant 0.1 V, which has ``options``."""
    raw = raw_bench()
    del raw["elements"]["q"]["intermediate_frequency"]
    if frequency is not None:
        raw["elements"]["q"]["intermediate_frequency"] = frequency
    node = msgspec.structs.replace(play("flat", "q", duration=30), **options)
    body = (align("q", "r"), node, measure("readout", "r", amplitude=(0.0,), stream="adc"))
    outcome = run(program(*body), check_config(raw), seed=1, numerics="linear", plant=PLANT)
    return np.array(outcome.traces["adc"][0][2], dtype=np.float64), outcome


def sees(codes: NDArray[np.float64], volts: NDArray[np.float64]) -> None:
    """The codes are −4096·v rounded down, and 0 after the pulse."""
    assert np.all(np.abs(codes[: len(volts)] + 4096 * volts + 0.5) <= 0.5 + 1e-6)
    assert not codes[len(volts) :].any()


def test_truncate_keeps_the_first_cycles() -> None:
    """10 of 30 cycles; more than there are change nothing; less than 4 count as 4 and are told."""
    for cycles, lasts in ((10, 40), (50, 120), (1, 16)):
        codes, outcome = heard(None, truncate=integer(cycles))
        sees(codes, np.full(lasts, 0.1))
        assert {code for code, _ in outcome.events} == ({"short_duration"} if cycles < 4 else set())


@pytest.mark.parametrize("condition", [True, False])
def test_a_condition_that_is_false_silences(condition: bool) -> None:
    """Silence, for the same time."""
    codes, _ = heard(None, condition=boolean(condition))
    sees(codes, np.full(120 if condition else 0, 0.1))


def test_ramp() -> None:
    """2 mV a ns from 2 mV on, as long as its duration."""
    codes, _ = heard(None, operation="", ramp=fixed(0.002))
    volts = (np.arange(120) + 1) * round(0.002 * 2**28) / 2**28
    sees(codes, volts)


def test_chirp_of_one_rate() -> None:
    """The phase is 2π(f₀·t + ½·α·(n+1)·n): the discrete sweep that the platform documents."""
    codes, _ = heard(10e6, chirp=tree.Chirp(rates=(integer(250_000),)))
    n = np.arange(120)
    sees(codes, 0.1 * np.cos(2 * np.pi * (10e6 * n * 1e-9 + 0.5 * 250_000 * 1e-9 * n * (n + 1))))


def test_chirp_in_sections() -> None:
    """Up for 40 ns, level for 40, down for 40: the frequency of each section begins where the last one ended."""
    rate = np.repeat([250_000.0, 0.0, -125_000.0], 40)
    turns = np.concatenate([[0.0], np.cumsum((10e6 + np.cumsum(rate)) * 1e-9)])[:120]
    volts = 0.1 * np.cos(2 * np.pi * turns)
    for times in ((), (0, 10, 20)):
        in_hertz = (integer(250_000), integer(0), integer(-125_000))
        sees(heard(10e6, chirp=tree.Chirp(rates=in_hertz, times=times))[0], volts)
        in_millihertz = tuple(integer(rate.raw * 1000) for rate in in_hertz)
        sees(heard(10e6, chirp=tree.Chirp(rates=in_millihertz, times=times, units="mHz"))[0], volts)
