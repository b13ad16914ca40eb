"""The operators on items that are vectors: products, convolutions, demodulation.

Sums over a vector are compensated (``sums``); those of a convolution run over the shorter vector, from 0.0 in its
order. Each item is computed on its own, in float64.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._core.program import tree
from ..._core.program.items import convolved_length
from .batches import Batch, Form, as_floats
from .circular import Floats, cosine_sine
from .sums import outer_sum

COUNT_V = 2.0**-12
"""What demod multiplies samples with: the volts of one ADC count (a choice; the platform's pages name no scale)."""


class DotProductNode:
    """The dot product with a constant vector."""

    def __init__(self, node: tree.DotProduct, of: Form) -> None:
        self.form = Form("float", ())
        self._of = of
        self._vector = np.array(node.vector, np.float64)

    def feed(self, batch: Batch) -> Batch:
        """One number an item."""
        with np.errstate(all="ignore"):
            return Batch(outer_sum(as_floats(batch.values, self._of.kind) * self._vector))


class TupleMultiplyNode:
    """The product of the two values of each pair; summed for the dot product."""

    def __init__(self, of: Form, summed: bool) -> None:
        self.form = Form("float", () if summed else of.shape)
        self._of = of
        self._summed = summed

    def feed(self, batch: Batch) -> Batch:
        """One product a pair."""
        first, second = both(batch, self._of)
        with np.errstate(all="ignore"):
            products = first * second
        return Batch(outer_sum(products) if self._summed else products)


class ConvolutionNode:
    """The convolution with a constant vector."""

    def __init__(self, node: tree.Convolution, of: Form) -> None:
        self.form = Form("float", (convolved_length(of.shape[0], len(node.vector), node.mode),))
        self._of = of
        self._vector = np.array(node.vector, np.float64)[np.newaxis]
        self._mode = node.mode

    def feed(self, batch: Batch) -> Batch:
        """One vector an item."""
        return Batch(convolution(as_floats(batch.values, self._of.kind), self._vector, self._mode))


class TupleConvolutionNode:
    """The convolution of the two vectors of each pair."""

    def __init__(self, node: tree.TupleConvolution, of: Form) -> None:
        assert of.second is not None
        self.form = Form("float", (convolved_length(of.shape[0], of.second.shape[0], node.mode),))
        self._of = of
        self._mode = node.mode

    def feed(self, batch: Batch) -> Batch:
        """One vector a pair."""
        return Batch(convolution(*both(batch, self._of), self._mode))


class DemodNode:
    """Samples times cosine and sine of the time: from the timestamps of the item, else 0, 1, 2, ... ns; where there are
    two samples a ns (`fine`) 0, 1/2, 1, ... ns."""

    def __init__(self, node: tree.Demod, of: Form, fine: bool) -> None:
        self.form = Form("float", () if node.integrate else of.shape)
        self._of = of
        self._node = node
        self._fine = fine
        turns = Fraction(node.frequency) * 2**64 / (2 * 10**9 if fine else 10**9)
        self._increment = np.uint64((turns + Fraction(1, 2)).__floor__() % 2**64)
        self._factors: Floats | None = None

    def feed(self, batch: Batch) -> Batch:
        """One sum, or one vector, an item."""
        if batch.timestamps is not None:
            factors = self._at(halves(batch.timestamps) if self._fine else batch.timestamps)
        else:
            if self._factors is None:
                self._factors = self._at(np.arange(self._of.shape[0], dtype=np.int64))
            factors = self._factors
        with np.errstate(all="ignore"):
            products = as_floats(batch.values, self._of.kind) * COUNT_V * factors
        return Batch(outer_sum(products) if self._node.integrate else products)

    def _at(self, times: NDArray[np.int64]) -> Floats:
        """The weights times cosine and sine at these times, in ns or in half ns."""
        cosine, sine = cosine_sine(times.astype(np.uint64) * self._increment)
        return np.asarray(_weights(self._node.cosine) * cosine + _weights(self._node.sine) * sine)


def halves(timestamps: NDArray[np.int64]) -> NDArray[np.int64]:
    """Half ns of samples two a ns, which have timestamps in whole ns: of two with the same one the second is half a ns
    later; the first of an item is where the next one has another."""
    late = np.zeros_like(timestamps)
    late[:, 1:] = timestamps[:, 1:] == timestamps[:, :-1]
    if late.shape[1] > 1:
        late[:, 0] = 1 - late[:, 1]
    return np.asarray(2 * timestamps + late)


def _weights(constant: tree.Constant) -> Any:
    return constant.values[0] if constant.scalar else np.array(constant.values, np.float64)


def both(batch: Batch, form: Form) -> tuple[Floats, Floats]:
    """The two values of each pair as floats."""
    assert batch.second is not None and form.second is not None
    return as_floats(batch.values, form.kind), as_floats(batch.second, form.second.kind)


def convolution(first: Floats, second: Floats, mode: tree.ConvolutionMode) -> Floats:
    """(n, A) with (n or 1, B): (n, cells), as numpy.convolve cuts them."""
    if first.shape[1] < second.shape[1]:
        first, second = second, first
    length, taps = first.shape[1], second.shape[1]
    full = np.zeros((max(len(first), len(second)), length + taps - 1))
    with np.errstate(all="ignore"):
        for tap in range(taps):
            full[:, tap : tap + length] += first * second[:, tap : tap + 1]
    if mode == "full":
        return full
    start = (taps - 1) // 2 if mode == "same" else taps - 1
    return full[:, start : start + convolved_length(length, taps, mode)]
