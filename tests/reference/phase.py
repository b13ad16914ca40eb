"""Section 3 of docs/arithmetic.md: phases, their cosine and sine, the logarithm; every operation rounds."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from math import factorial, floor, frexp

from .numbers import u64

TURN = 2**64
RADIANS = 3.40612158008655459e-19
"""2 pi / 2^64."""

SINE = [(-1) ** j / factorial(2 * j + 1) for j in range(1, 9)]
COSINE = [(-1) ** j / factorial(2 * j) for j in range(1, 9)]
LOGARITHM = [1 / n for n in range(3, 22, 2)]
UNITS = {"Hz": 1, "mHz": 10**3, "uHz": 10**6, "nHz": 10**9, "pHz": 10**12}


def whole_increment(frequency: Fraction) -> int:
    """Section 3: the phase passed in one ns, rounded from the exact frequency in Hz; not wrapped."""
    return floor(frequency * TURN / 10**9 + Fraction(1, 2))


def increment_of(number: int, units: str) -> int:
    """Section 3: the increment of an int of update_frequency in its units."""
    return u64(whole_increment(Fraction(number, UNITS[units])))


def chirp_rate(rate: int, units: str) -> int:
    """Section 13: the increase of the increment in one ns."""
    return floor(Fraction(rate * TURN, 10**9 * UNITS[units]) + Fraction(1, 2))


def horner(coefficients: list[float], y: float) -> float:
    """1 + y·(k1 + y·(k2 + …)), from the inside."""
    total = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        total = coefficient + y * total
    return 1.0 + y * total


@lru_cache(maxsize=200_000)
def cosine_sine(phase: int) -> tuple[float, float]:
    """Section 3: (cos, sin) of a phase in 2^-64 turns."""
    quadrant = u64(phase + 2**61) >> 62
    rest = u64(phase - quadrant * 2**62)
    if rest >= 2**63:
        rest -= TURN
    x = float(rest) * RADIANS
    y = x * x
    sine = x * horner(SINE, y)
    cosine = horner(COSINE, y)
    return [(cosine, sine), (-sine, cosine), (-cosine, -sine), (sine, -cosine)][quadrant]


def ln(u: float) -> float:
    """Section 3: the natural logarithm of u in (0, 1]."""
    m, e = frexp(u)
    if m < 0.70710678118654752:
        m, e = 2.0 * m, e - 1
    f = (m - 1.0) / (m + 1.0)
    return float(e) * 0.693147180559945309 + 2.0 * f * horner(LOGARITHM, f * f)


def whole_of(inc: int, fold: int) -> int:
    """An increment before it was taken mod 2^64, of which it is told whether that took an odd number of turns."""
    signed = inc - TURN if inc >= 2**63 else inc
    return signed + fold * TURN
