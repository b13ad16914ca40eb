"""Sums that do not depend on how their terms arrive, and stay right over 1e8 of them.

Integers (and 4.28 fixeds, which are integers until the end) are at most 32 bits wide, so int64 sums are exact for up to
2**32 terms (starts in a timestamp_stream are wider: 2**23 of them in the first hour); a mean is then one conversion and
one division, each correctly rounded. Float sums are compensated: a running sum in the order of arrival, plus the
running sum of the exact rounding errors of its steps (Knuth's two-sum), so the error is of the order of one rounding,
not of n. Both are strictly sequential, so any cut into chunks gives the same bits.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class IntSum:
    """Exact running sum of integer items; terms are (n, *shape) of int64 or bool."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._total: Ints = np.zeros(shape, np.int64)

    def running(self, terms: NDArray[Any]) -> Floats:
        """The sum after each term."""
        sums = np.add.accumulate(terms, axis=0, dtype=np.int64)
        sums += self._total
        self._total = sums[-1].copy()
        return sums.astype(np.float64)

    def final(self, terms: NDArray[Any]) -> Floats:
        """The sum after the last term, shape (1, *shape)."""
        self._total = self._total + terms.sum(axis=0, dtype=np.int64)
        return self._total[np.newaxis].astype(np.float64)


class FloatSum:
    """Compensated running sum of float64 items; terms are (n, *shape)."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._total: Floats = np.zeros(shape)
        self._error: Floats = np.zeros(shape)

    def running(self, terms: Floats) -> Floats:
        """The sum after each term."""
        with np.errstate(all="ignore"):
            steps = np.add.accumulate(np.concatenate([self._total[np.newaxis], terms]), axis=0)
            before, after = steps[:-1], steps[1:]
            added = after - before
            lost = (before - (after - added)) + (terms - added)
            lost[~np.isfinite(lost)] = 0.0  # an infinite sum has no rounding error
            errors = np.add.accumulate(np.concatenate([self._error[np.newaxis], lost]), axis=0)[1:]
            self._total, self._error = after[-1].copy(), errors[-1].copy()
            return np.asarray(after + errors)

    def final(self, terms: Floats) -> Floats:
        """The sum after the last term, shape (1, *shape)."""
        return self.running(terms)[-1:]


def outer_sum(values: NDArray[Any]) -> Floats:
    """Sum of each item over its outermost axis: (n, k, *rest) to (n, *rest); integers are summed exactly."""
    if values.dtype != np.float64:
        return np.asarray(values.sum(axis=1, dtype=np.int64), np.float64)
    if len(values) == 0:
        return np.empty((0, *values.shape[2:]))
    rows = np.moveaxis(values, 1, 0)
    return np.asarray(FloatSum(rows.shape[1:]).final(rows)[0])


def mean_over(values: NDArray[Any], axes: Sequence[int]) -> Floats:
    """Mean of each item over `axes` (counted within the item, rising); the terms in C order."""
    front = np.moveaxis(values, [axis + 1 for axis in axes], range(1, len(axes) + 1))
    rest = front.shape[len(axes) + 1 :]
    length = prod(front.shape[1 : len(axes) + 1])
    return outer_sum(front.reshape(len(values), length, *rest)) / length
