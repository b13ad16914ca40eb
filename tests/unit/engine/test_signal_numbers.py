"""Sine, cosine, logarithm and noise numbers against values from outside."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.engine.signals import cossin, integral_normals, ln, normal_pair, philox, sample_normals

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
    """The logarithm of n 2^-32 is within 2 units of the last place."""
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


WORD = st.integers(0, 2**32 - 1)
NEAR = 2e-6
"""A single has 24 bits, and no normal number is beyond 6.7."""


def normals_of(w: int, angle: int) -> tuple[float, float]:
    """Box and Muller by libm, in doubles; the number that the logarithm is taken of is a single."""
    u = (np.float32(w >> 1) + np.float32(0.5)) * np.float32(2.0**-31)
    x = math.sqrt(-2 * math.log(float(u)))
    return x * math.cos(2 * math.pi * angle / 2**32), x * math.sin(2 * math.pi * angle / 2**32)


@given(WORD, WORD)
@settings(max_examples=300, deadline=None)
def test_normals_are_those_of_their_words(w: int, angle: int) -> None:
    """Two words give, within 2e-6, what Box and Muller's formula gives."""
    assert normal_pair(w, angle) == pytest.approx(normals_of(w, angle), abs=NEAR)


@given(st.integers(0, 7), st.integers(-9, 9), st.integers(0, 31), st.integers(0, 3))
@settings(max_examples=200, deadline=None)
def test_normals_have_no_seams(eighth: int, beside: int, bits: int, below: int) -> None:
    """At the ends of the range, at each eighth of a turn, and where the logarithm's mantissa changes: the same."""
    w = max((2**32 >> bits) - 1 - below, 0)
    for word in (w, min(int(w * 1.41421356), 2**32 - 1)):
        angle = (eighth * 2**29 + beside) % 2**32
        assert normal_pair(word, angle) == pytest.approx(normals_of(word, angle), abs=NEAR)


def test_the_greatest_normal_is_that_of_the_least_word() -> None:
    """Word 0 gives 6.66, the largest word 0."""
    assert normal_pair(0, 0)[0] == pytest.approx(math.sqrt(64 * math.log(2)), abs=NEAR)
    assert normal_pair(2**32 - 1, 0) == (0, 0)


@given(st.integers(0, 2**64 - 1), st.integers(0, 2047), st.integers(0, 2**45), st.integers(0, 300))
@settings(max_examples=50, deadline=None)
def test_sample_noise_belongs_to_the_sample(seed: int, number: int, t: int, n: int) -> None:
    """Each sample's normal is that of its own counter, wherever the stretch that is asked for begins."""
    got = sample_normals(seed, number, t, n)
    for i in {0, n // 2, n - 1} if n else ():
        counter, which = ((t + i) >> 6) * 16 + (t + i) % 16, (t + i) >> 4 & 3
        words = philox((counter & 0xFFFFFFFF, counter >> 32, number, 0), seed)
        assert got[i] == normal_pair(*words[which & 2 : (which & 2) + 2])[which & 1]
    assert len(got) == n


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**45), st.integers(0, 4095), st.integers(0, 31), st.integers(0, 1))
@settings(max_examples=50, deadline=None)
def test_integral_noise_belongs_to_its_counter(seed: int, end: int, element: int, process: int, output: int) -> None:
    """The two normals of an integral are those of (window end, port, element and pair of processes and output)."""
    counter = (end & 0xFFFFFFFF, end >> 32, 257, 2**31 + element * 65536 + 2 * (process >> 1) + output)
    words = philox(counter, seed)[2 * (process % 2) :][:2]
    assert integral_normals(seed, 257, element, end, 2 * process + output) == normal_pair(*words)


MANY = 10_000_000


@pytest.fixture(scope="module")
def many_normals() -> np.ndarray:
    """The noise of 10 ms of one port, a fixed seed: no false alarms; how many other seeds would fail is said."""
    return sample_normals(20261120, 257, 12, MANY)


def test_normals_are_standard_normal(many_normals: np.ndarray) -> None:
    """The first six moments and the products of neighbours up to 70 apart, each within 5 deviations of those of a
    standard normal (1 in 20,000 other seeds would fail)."""
    x = many_normals
    n = len(x)
    power = x.copy()
    for moment, variance in ((0, 1), (1, 2), (0, 15), (3, 96), (0, 945), (15, 10395 - 225)):
        assert abs(power.mean() - moment) < 5 * math.sqrt(variance / n), moment
        power *= x
    for lag in (*range(1, 18), 32, 48, 63, 64, 65, 70):
        assert abs(np.mean(x[lag:] * x[:-lag])) < 5 / math.sqrt(n - lag), lag


def test_tails_of_normals_are_as_heavy_as_they_should_be(many_normals: np.ndarray) -> None:
    """How many of 10,000,000 are beyond 1, 2, … 5 deviations on either side: each count within 5 deviations of a
    binomial's (1 in 100,000 other seeds would fail); 6.7 is never passed."""
    for limit in (1, 2, 3, 4, 5):
        chance = math.erfc(limit / math.sqrt(2)) / 2
        for side in (many_normals, -many_normals):
            count = int((side > limit).sum())
            assert abs(count - MANY * chance) < 5 * math.sqrt(MANY * chance * (1 - chance)) + 1, limit
    assert 5 < np.abs(many_normals).max() < 6.7


def test_normals_have_the_normal_distribution(many_normals: np.ndarray) -> None:
    """The greatest distance of 2,000,000 numbers' distribution from the normal one is below 2.5/sqrt(n) (Kolmogorov:
    1 in 130,000 other seeds would fail)."""
    x = np.sort(many_normals[:: MANY // 2_000_000])
    n = len(x)
    step = n // 2000
    exact = np.array([0.5 * math.erfc(-v / math.sqrt(2)) for v in x[::step]])
    assert np.abs(exact - np.arange(n)[::step] / n).max() < 2.5 / math.sqrt(n)


def test_ports_and_seeds_have_unrelated_noise() -> None:
    """Two ports, and two seeds, share nothing: correlations within 5 deviations."""
    x, y, z = (sample_normals(*which, 0, 10**5) for which in ((1, 257), (1, 258), (2, 257)))
    for other in (y, z):
        assert abs(np.mean(x * other)) < 5 / math.sqrt(10**5)
