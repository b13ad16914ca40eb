"""The stream operators. Each takes batches of items as they come and gives batches of items; none looks ahead.

A batch is (n, *shape) values; ints and fixeds travel as int64 (a fixed as its raw 4.28 integer, its node says so),
bools as bool, everything computed as float64. Items with timestamps carry an int64 beside each value.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..._core.program import tree
from .sums import FloatSum, IntSum, outer_mean

FIXED_STEP = 2.0**-28

Kind = Literal["int", "fixed", "bool", "float"]
ARRIVES_AS: dict[Kind, type[Any]] = {"int": np.int64, "fixed": np.int64, "bool": np.bool_, "float": np.float64}


@dataclass(frozen=True, slots=True)
class Form:
    """What the items of a node are."""

    kind: Kind
    shape: tuple[int, ...]
    timestamps: bool = False


@dataclass(frozen=True, slots=True)
class Batch:
    """Items in order: values (n, *shape), and timestamps of the same shape where the node has them."""

    values: NDArray[Any]
    timestamps: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.values)

    def last(self) -> Batch:
        """The last item alone."""
        return Batch(self.values[-1:], None if self.timestamps is None else self.timestamps[-1:])


def as_floats(values: NDArray[Any], kind: Kind) -> NDArray[np.float64]:
    """Items as float64; exact for every int and fixed (both have 32 bits)."""
    if kind == "fixed":
        return values * FIXED_STEP
    return values.astype(np.float64, copy=False)


class Block:
    """Whole blocks of `size` consecutive rows; what is left waits for the next batch."""

    def __init__(self, size: int, row_shape: tuple[int, ...], dtype: type[Any]) -> None:
        self._size = size
        self._shape = (size, *row_shape)
        self._dtype = dtype
        self._waiting: NDArray[Any] = np.empty((0, *row_shape), dtype)  # grows to its size with the first row
        self._count = 0

    def feed(self, rows: NDArray[Any]) -> NDArray[Any]:
        """(blocks, size, *row_shape)"""
        if not len(self._waiting) and len(rows) % self._size:
            self._waiting = np.empty(self._shape, self._dtype)
        size, head = self._size, self._waiting[:0]
        if self._count:
            taken = min(size - self._count, len(rows))
            self._waiting[self._count : self._count + taken] = rows[:taken]
            self._count += taken
            rows = rows[taken:]
            if self._count < size:
                return self._shaped(head)
            head, self._count = self._waiting, 0
        whole = len(rows) // size * size
        full = np.concatenate([head, rows[:whole]]) if len(head) else rows[:whole]
        self._count = len(rows) - whole
        self._waiting[: self._count] = rows[whole:]
        return self._shaped(full)

    def _shaped(self, rows: NDArray[Any]) -> NDArray[Any]:
        return rows.reshape(len(rows) // self._size, self._size, *rows.shape[1:])


class BufferNode:
    """Blocks of items become items of shape lengths + shape."""

    def __init__(self, node: tree.Buffer, of: Form) -> None:
        self.form = Form(of.kind, node.lengths + of.shape, of.timestamps)
        size = int(np.prod(node.lengths))
        self._values = Block(size, of.shape, ARRIVES_AS[of.kind])
        self._timestamps = Block(size, of.shape, np.int64) if of.timestamps else None

    def feed(self, batch: Batch) -> Batch:
        """The blocks that are full now."""
        values = self._values.feed(batch.values)
        values = values.reshape(len(values), *self.form.shape)
        if self._timestamps is None:
            return Batch(values)
        assert batch.timestamps is not None
        return Batch(values, self._timestamps.feed(batch.timestamps).reshape(values.shape))


class AverageNode:
    """The mean of all items so far, after each item; only the newest one where nobody reads the others."""

    def __init__(self, of: Form, every: bool) -> None:
        self.form = Form("float", of.shape)
        self._step = FIXED_STEP if of.kind == "fixed" else 1.0
        self._every = every
        self._count = 0
        self._sum: Any = FloatSum(of.shape) if of.kind == "float" else IntSum(of.shape)

    def feed(self, batch: Batch) -> Batch:
        """The running means."""
        first, self._count = self._count + 1, self._count + len(batch)
        if not self._every:
            means = self._sum.final(batch.values) / self._count
        else:
            counts = np.arange(first, self._count + 1, dtype=np.float64)
            means = self._sum.running(batch.values) / counts.reshape(-1, *(1 for _ in self.form.shape))
        means *= self._step
        return Batch(means)


class MapNode:
    """The mean of each item over its outermost axis."""

    def __init__(self, of: Form) -> None:
        self.form = Form("float", of.shape[1:])
        self._step = FIXED_STEP if of.kind == "fixed" else 1.0

    def feed(self, batch: Batch) -> Batch:
        """One mean an item."""
        return Batch(outer_mean(batch.values) * self._step)


class BooleanToIntNode:
    """True becomes 1."""

    def __init__(self, of: Form) -> None:
        self.form = Form("int", of.shape)

    def feed(self, batch: Batch) -> Batch:
        """The same items as int64."""
        return Batch(batch.values.astype(np.int64))


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

    def feed(self, left: Batch | None, right: Batch | None) -> Batch:
        """Batches of one length; None where the side is a constant."""
        a = self._left if left is None else as_floats(left.values, self._kinds[0])
        b = self._right if right is None else as_floats(right.values, self._kinds[1])
        with np.errstate(all="ignore"):
            return Batch(np.asarray(self._operation(a, b)))


def _constant(side: int | tree.Constant) -> Any:
    if isinstance(side, int):
        return None
    return np.float64(side.values[0]) if side.scalar else np.array(side.values, np.float64)


class Pairing:
    """Two streams side by side: the i-th item of one with the i-th of the other, as far as both have come.

    What the longer one is ahead waits here, up to a number of bytes; beyond it the pairing is cut and gives no more.
    """

    def __init__(self, bytes_max: int) -> None:
        self._sides = (Waiting(), Waiting())
        self._bytes_max = bytes_max
        self.cut = False

    def feed(self, left: NDArray[Any] | None, right: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """The pairs that are complete now, None if there are none."""
        if self.cut:
            return None
        for side, values in zip(self._sides, (left, right), strict=True):
            if values is not None and len(values):
                side.put(values)
        first, second = self._sides
        count = min(first.count, second.count)
        pairs = (first.take(count), second.take(count)) if count else None
        if first.nbytes + second.nbytes > self._bytes_max:
            self.cut = True
            self._sides = (Waiting(), Waiting())
        return pairs


class Waiting:
    """Items that wait for their partners. Small arrays are joined with others of their size as they come, so that many
    of them cost neither much memory nor much time."""

    def __init__(self) -> None:
        self._parts: list[NDArray[Any]] = []
        self.count = 0
        self.nbytes = 0

    def put(self, rows: NDArray[Any]) -> None:
        """Items that came."""
        self._parts.append(rows)
        self.count += len(rows)
        self.nbytes += rows.nbytes
        while len(self._parts) > 1 and len(self._parts[-2]) <= len(self._parts[-1]):
            last = self._parts.pop()
            self._parts[-1] = np.concatenate([self._parts[-1], last])

    def take(self, count: int) -> NDArray[Any]:
        """The first `count` items."""
        rows = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        rest = rows[count:].copy()  # does not hold on to what is gone
        self._parts = [rest] if len(rest) else []
        self.count, self.nbytes = len(rest), rest.nbytes
        return rows[:count]
