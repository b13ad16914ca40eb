"""The operators that compute with numbers item by item, or over all items so far. None looks ahead."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._core.program import tree
from .batches import FIXED_STEP, Batch, Form, Kind, as_floats
from .sums import FloatSum, IntSum, mean_over


class AverageNode:
    """The mean of all items so far, after each item; only the newest one where nobody reads the others."""

    def __init__(self, of: Form, every: bool) -> None:
        self.form = Form("float", of.shape)
        self._step = FIXED_STEP if of.kind == "fixed" else 1.0
        self._every = every
        self._count = 0
        self._kind = of.kind
        self._sum: Any = FloatSum(of.shape) if of.kind in ("float", "time") else IntSum(of.shape)

    def feed(self, batch: Batch) -> Batch:
        """The running means."""
        first, self._count = self._count + 1, self._count + len(batch)
        values = _narrow(batch.values, self._kind)
        if not self._every:
            means = self._sum.final(values) / self._count
        else:
            counts = np.arange(first, self._count + 1, dtype=np.float64)
            means = self._sum.running(values) / counts.reshape(-1, *(1 for _ in self.form.shape))
        means *= self._step
        return Batch(means)


class MapNode:
    """The mean of each item over some of its axes."""

    def __init__(self, node: tree.Map, of: Form) -> None:
        axes = len(of.shape)
        self._axes = sorted(axis % axes for axis in node.axes)
        self.form = Form("float", tuple(of.shape[axis] for axis in range(axes) if axis not in self._axes))
        self._kind = of.kind
        self._step = FIXED_STEP if of.kind == "fixed" else 1.0

    def feed(self, batch: Batch) -> Batch:
        """One mean an item."""
        return Batch(mean_over(_narrow(batch.values, self._kind), self._axes) * self._step)


def _narrow(values: NDArray[Any], kind: Kind) -> NDArray[Any]:
    """What can be summed without overflow: integers of 32 bits, or floats."""
    return as_floats(values, kind) if kind == "time" else values


class BooleanToIntNode:
    """True becomes 1."""

    def __init__(self, of: Form) -> None:
        self.form = Form("int", of.shape)

    def feed(self, batch: Batch) -> Batch:
        """The same items as int64."""
        return Batch(batch.values.astype(np.int64))


class ComplexPartNode:
    """One part of complex samples, which are counts of converters."""

    def __init__(self, node: tree.ComplexPart, of: Form) -> None:
        self.form = Form("int", of.shape, of.timestamps)
        self._real = node.part == "real"

    def feed(self, batch: Batch) -> Batch:
        """The part as int64, beside its timestamps."""
        values = batch.values.real if self._real else batch.values.imag
        return Batch(values.astype(np.int64), batch.timestamps)


class TimestampsNode:
    """The timestamps of items."""

    def __init__(self, of: Form) -> None:
        self.form = Form("time", of.shape)

    def feed(self, batch: Batch) -> Batch:
        """The times as values."""
        assert batch.timestamps is not None
        return Batch(batch.timestamps)


class HistogramNode:
    """How many numbers so far lie in each bin, both ends counted; after each item, or after the newest one only."""

    def __init__(self, node: tree.Histogram, of: Form, every: bool) -> None:
        self.form = Form("int", (len(node.bins),))
        self._lows, self._highs = np.array(node.bins, np.float64).T
        self._kind = of.kind
        self._every = every
        self._counts = np.zeros(len(node.bins), np.int64)

    def feed(self, batch: Batch) -> Batch:
        """The updated counts."""
        items = as_floats(batch.values, self._kind).reshape(len(batch), -1)
        if not self._every:
            counts = self._inside(items.reshape(-1))[np.newaxis]
        elif items.shape[1] == 1:
            counts = ((items >= self._lows) & (items <= self._highs)).astype(np.int64)
        else:
            counts = np.stack([self._inside(item) for item in items])
        counts = np.add.accumulate(counts, axis=0) + self._counts
        self._counts = counts[-1].copy()
        return Batch(counts)

    def _inside(self, numbers: NDArray[np.float64]) -> NDArray[np.int64]:
        """How many of `numbers` lie in each bin: those up to its high end less those below its low one."""
        numbers = np.sort(numbers)
        upto = np.searchsorted(numbers, self._highs, side="right")
        return np.asarray(upto - np.searchsorted(numbers, self._lows, side="left"), np.int64)


OPERATIONS = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide}


class ArithmeticNode:
    """Item by item `left operator right` in float64; x / 0 is inf or nan, as in numpy."""

    def __init__(self, node: tree.Arithmetic, left: Form | None, right: Form | None) -> None:
        form = left or right
        assert form is not None
        self.form = Form("float", form.shape)
        self._operation = OPERATIONS[node.operator]
        self._left = _constant(node.left)
        self._right = _constant(node.right)
        self._kinds: tuple[Kind, Kind] = (left.kind if left else "float", right.kind if right else "float")

    def join(self, left: Batch | None, right: Batch | None) -> Batch:
        """Batches of one length; None where the side is a constant."""
        a = self._left if left is None else as_floats(left.values, self._kinds[0])
        b = self._right if right is None else as_floats(right.values, self._kinds[1])
        with np.errstate(all="ignore"):
            return Batch(np.asarray(self._operation(a, b)))


class ZipNode:
    """Pairs of items."""

    def __init__(self, left: Form, right: Form) -> None:
        self.form = Form(left.kind, left.shape, second=right)

    def join(self, left: Batch | None, right: Batch | None) -> Batch:
        """Batches of one length."""
        assert left is not None and right is not None
        return Batch(left.values, second=right.values)


def _constant(side: int | tree.Constant) -> Any:
    if isinstance(side, int):
        return None
    return np.float64(side.values[0]) if side.scalar else np.array(side.values, np.float64)
