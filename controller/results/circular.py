"""Sine, cosine and arc tangent as docs/arithmetic.md states them (sections 3 and 11), over arrays.

Only additions, multiplications, divisions and comparisons, each rounded on its own: the same bits on every machine,
which numpy's own functions do not promise.
"""

from __future__ import annotations

from math import factorial
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Phases = NDArray[np.uint64]

_TURN = 3.40612158008655459e-19  # 2 pi / 2**64
_QUARTER = np.uint64(62)
_EIGHTH = np.uint64(1 << 61)
_SINE = [(-1) ** j / factorial(2 * j + 1) for j in range(9)]
_COSINE = [(-1) ** j / factorial(2 * j) for j in range(9)]
_ATAN = [(-1) ** j / (2 * j + 1) for j in range(20)]
_HALF_PI, _QUARTER_PI, _PI = 1.5707963267948966, 0.7853981633974483, 3.141592653589793
_TAN_EIGHTH = 0.41421356237309503


def cosine_sine(phases: Phases) -> tuple[Floats, Floats]:
    """Cosine and sine of phases in units of 2**-64 turns."""
    quarter = (phases + _EIGHTH) >> _QUARTER
    rest = (phases - (quarter << _QUARTER)).view(np.int64)
    x = rest.astype(np.float64) * _TURN
    y = x * x
    sine, cosine = x * _horner(_SINE, y), _horner(_COSINE, y)
    odd = (quarter & np.uint64(1)).astype(np.bool_)
    c, s = np.where(odd, sine, cosine), np.where(odd, cosine, sine)
    return np.where((quarter == 1) | (quarter == 2), -c, c), np.where(quarter >= 2, -s, s)


def arc_tangent(y: Floats, x: Floats) -> Floats:
    """The angle of (x, y) in radians, from -pi to pi; 0 for (0, 0), nan where either is nan."""
    with np.errstate(all="ignore"):
        angle = np.where(x == 0, np.where(y == 0, 0.0, _HALF_PI), _atan(np.abs(y) / np.abs(x)))
    angle = np.where(x < 0, _PI - angle, angle)
    angle = np.where(y < 0, -angle, angle)
    return np.where(np.isnan(x) | np.isnan(y), np.nan, angle)


def _atan(v: Floats) -> Floats:
    """For v >= 0."""
    large = v > 1
    v = np.where(large, 1.0 / v, v)
    middle = v > _TAN_EIGHTH
    v = np.where(middle, (v - 1.0) / (v + 1.0), v)
    angle = v * _horner(_ATAN, v * v)
    angle = np.where(middle, _QUARTER_PI + angle, angle)
    return np.where(large, _HALF_PI - angle, angle)


def _horner(coefficients: list[float], y: Floats) -> Floats:
    total: Any = np.full(y.shape, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = coefficient + y * total
    return np.asarray(total)
