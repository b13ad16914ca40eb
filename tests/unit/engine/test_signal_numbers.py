"""Sine, cosine, logarithm and noise numbers against values from outside."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.engine.signals import cossin, integral_normal, ln, philox, sample_normals

getcontext().prec = 50
PI = Decimal("3.14159265358979323846264338327950288419716939937510582097494459")


def decimal_cossin(phase: int) -> tuple[Decimal, Decimal]:
    """Cosine and sine of a phase to 40 digits: Taylor's series of the angle within a half turn."""
    x = 2 * PI * Decimal((phase + 2**63) % 2**64 - 2**63) / Decimal(2**64)
    cosine = sine = Decimal(0)
    term = Decimal(1)
    for n in range(1, 60):
        if n % 2:
            cosine += term if n % 4 == 1 else -term
        else:
            sine += term if n % 4 == 2 else -term
        term = term * x / n
    return cosine, sine


def ulps(x: float, exact: Decimal) -> float:
    """Distance of x from the exact value, in units of the last place of the exact one (at least of 2^-53)."""
    return float(abs(Decimal(x) - exact) / Decimal(max(math.ulp(float(exact)), 2.0**-60)))


@given(st.integers(0, 2**64 - 1))
@settings(max_examples=300, deadline=None)
def test_cossin_is_within_2_ulp(phase: int) -> None:
    """Sine and cosine of any phase are the true ones within 2 units of the last place (near zero: of 2^-60)."""
    for ours, exact in zip(cossin(phase), decimal_cossin(phase), strict=True):
        assert ulps(ours, exact) <= 2


@pytest.mark.parametrize("eighth", range(8))
def test_cossin_has_no_seams(eighth: int) -> None:
    """Around each eighth of a turn, where the polynomials change places, the values are right on both sides."""
    for near in (-3, -1, 0, 1, 2, 2**10):
        phase = (eighth * 2**61 + near) % 2**64
        for ours, exact in zip(cossin(phase), decimal_cossin(phase), strict=True):
            assert ulps(ours, exact) <= 2


def test_cossin_at_quarter_turns_is_exact() -> None:
    """Quarter turns give exactly 0 and ±1, so that an I pulse leaks nothing into Q."""
    assert [cossin(k << 62) for k in range(4)] == [(1, 0), (0, 1), (-1, 0), (0, -1)]


@given(st.integers(1, 2**32))
@settings(max_examples=300, deadline=None)
def test_ln_is_within_2_ulp(n: int) -> None:
    """The logarithm of n 2^-32, the numbers that noise takes it of, is within 2 units of the last place."""
    exact = (Decimal(n) / 2**32).ln()
    assert ulps(ln(n / 2**32), exact) <= 2


def test_ln_refuses_what_it_is_not_made_for() -> None:
    """Zero, negatives and numbers above 1 are refused, not computed wrongly."""
    for u in (0.0, -1.0, 1.5, 5e-324):
        with pytest.raises(ValueError, match="u must be"):
            ln(u)


def test_philox_gives_the_published_vectors() -> None:
    """Philox4x32-10 of Random123's known-answer file (kat_vectors)."""
    key = 0x299F31D0A4093822
    counter = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344)
    ones = 0xFFFFFFFF
    assert philox((0, 0, 0, 0), 0) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox((ones,) * 4, 2**64 - 1) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    assert philox(counter, key) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


def normals_of(words: tuple[int, ...]) -> list[float]:
    """Box and Muller by libm."""
    out = []
    for w, angle in (words[:2], words[2:]):
        x = math.sqrt(-2 * math.log((w + 1) / 2**32))
        out += [x * math.cos(2 * math.pi * angle / 2**32), x * math.sin(2 * math.pi * angle / 2**32)]
    return out


@given(st.integers(0, 2**64 - 1), st.integers(0, 2047), st.integers(0, 2**45), st.integers(0, 300))
@settings(max_examples=50, deadline=None)
def test_sample_noise_belongs_to_the_sample(seed: int, number: int, t: int, n: int) -> None:
    """Each sample's normal is that of its own counter, wherever the stretch that is asked for begins."""
    got = sample_normals(seed, number, t, n)
    for i in {0, n // 2, n - 1} if n else ():
        quad = (t + i) >> 2
        expected = normals_of(philox((quad & 0xFFFFFFFF, quad >> 32, number, 0), seed))[(t + i) % 4]
        assert got[i] == pytest.approx(expected, rel=1e-12, abs=1e-12)
    assert len(got) == n


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**45), st.integers(0, 60), st.integers(0, 31))
@settings(max_examples=50, deadline=None)
def test_integral_noise_belongs_to_its_counter(seed: int, end: int, thread: int, q: int) -> None:
    """The z of an integral is the stated normal of (window end, port and thread, 65536 + q >> 1)."""
    words = philox((end & 0xFFFFFFFF, end >> 32, 257 + thread * 65536, 65536 + (q >> 1)), seed)
    assert integral_normal(seed, 257, thread, end, q) == pytest.approx(normals_of(words)[q % 2], rel=1e-12, abs=1e-12)


def test_normals_are_standard_normal() -> None:
    """Mean, variance, fourth moment and neighbours' product of a million fixed normals, each within 5 deviations
    (a fixed seed: no false alarms; 1 in 300,000 other seeds would fail)."""
    x = sample_normals(20261120, 257, 12, 10**6)
    n = len(x)
    assert abs(x.mean()) < 5 / math.sqrt(n)
    assert abs(x.var() - 1) < 5 * math.sqrt(2 / n)
    assert abs((x**4).mean() - 3) < 5 * math.sqrt(96 / n)
    assert abs(np.mean(x[1:] * x[:-1])) < 5 / math.sqrt(n)


def test_ports_and_seeds_have_unrelated_noise() -> None:
    """Two ports, and two seeds, share nothing: correlations within 5 deviations."""
    x, y, z = (sample_normals(*which, 0, 10**5) for which in ((1, 257), (1, 258), (2, 257)))
    for other in (y, z):
        assert abs(np.mean(x * other)) < 5 / math.sqrt(10**5)
