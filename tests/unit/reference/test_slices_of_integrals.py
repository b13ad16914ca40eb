"""Sliced, accumulated and moving-window integrals of the reference beside float64 formulas (section 12)."""

from __future__ import annotations

import numpy as np
import pytest
from reference.benches import bench
from reference.building import cell, declare, measure, program, save
from reference.engine import run
from reference.plants import Plant
from reference.value_checks import close, demodulated, window

from quaymaster._core.program import tree

FREQUENCY = 50.123457e6


def measured(kind: str, moving: int = 0, numerics: str = "linear") -> list[tuple[float, int]]:
    """Five cells of 40 ns each of a readout of 200 ns, and when they came."""
    process = tree.Process(
        at=-1,
        kind=kind,  # type: ignore[arg-type]
        weights=("cos",),
        outputs=("out1",),
        target=tree.Whole(type="fixed", array="a"),
        chunk=10,
        window=moving,
    )
    saves = [save(cell("a", n), "a") for n in range(5)]
    whole = program(measure("readout", "r", process), *saves, declarations=(declare("a", size=5),))
    config = bench(frequency=FREQUENCY)
    outcome = run(whole, config, seed=1, numerics=numerics, plant=Plant("echo"))  # type: ignore[arg-type]
    return [(raw / 2**28, time_ns) for raw, time_ns in outcome.streams["a"]]


def slices(kind: str) -> list[float]:
    """The integral of each slice as a plain sum."""
    found = []
    for k in range(5):
        t = window(40 + 40 * k, 40)
        v = -0.1 * np.cos(2 * np.pi * FREQUENCY * (t - 40) * 1e-9)
        found.append(demodulated(v, t, FREQUENCY, 1, 0) if kind == "demod" else float(np.sum(v)) / 4096)
    return found


@pytest.mark.parametrize("kind", ["demod", "integration"])
def test_slices(kind: str) -> None:
    """Each cell is the integral of its slice, accumulated of all so far, or of the last two; due at its slice's end."""
    parts = slices(kind)
    expected = {
        "sliced": parts,
        "accumulated": [sum(parts[: k + 1]) for k in range(5)],
        "moving_window": [sum(parts[max(0, k - 1) : k + 1]) for k in range(5)],
    }
    for name, sums in expected.items():
        got = measured(f"{kind}.{name}", 2 if name == "moving_window" else 0)
        for (value, time_ns), true, end in zip(got, sums, (80, 120, 160, 200, 240), strict=True):
            close(value, true)
            assert time_ns == end


@pytest.mark.parametrize("kind", ["demod", "integration"])
def test_slices_of_exact_numerics(kind: str) -> None:
    """The same from codes, within their rounding."""
    for (value, _), true in zip(measured(f"{kind}.sliced", numerics="exact"), slices(kind), strict=True):
        assert abs(value - true) <= 40 / 4096 * (2.0**-12 + 2.0**-15 + 2.0**-16)
