"""The operators that choose and group items without looking at their values.

Each array of a batch (values, timestamps, second values) goes through a machine of its own: rows in, rows out. None
takes memory before its first row.
"""

from __future__ import annotations

from math import prod
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ..._core.program import tree
from .batches import Batch, Form, Shape

Rows = NDArray[Any]


class Machine(Protocol):
    """Takes the rows of one array as they come."""

    def feed(self, rows: Rows) -> Rows:
        """What is complete now."""


class GroupingNode:
    """One machine for each array; `form` is what they give."""

    def __init__(self, form: Form, machines: list[Machine]) -> None:
        self.form = form
        self._machines = machines

    def feed(self, batch: Batch) -> Batch:
        """What is complete now."""
        pairs = zip(self._machines, batch.columns, strict=True)
        return batch.with_columns([machine.feed(column) for machine, column in pairs])


def buffer_node(lengths: tuple[int, ...], of: Form) -> GroupingNode:
    """Blocks of items become items of shape lengths + shape."""
    form = of.reshaped(lambda shape: lengths + shape)
    return GroupingNode(form, [Blocks(lengths, shape, dtype) for shape, dtype in of.columns])


def buffer_and_skip_node(node: tree.BufferAndSkip, of: Form) -> GroupingNode:
    """Windows of items."""
    form = of.reshaped(lambda shape: (node.length, *shape))
    return GroupingNode(form, [Windows(node.length, node.skip) for _ in of.columns])


def skip_node(node: tree.Skip, of: Form) -> GroupingNode:
    """All but the first."""
    return GroupingNode(of, [Skipper(node.count) for _ in of.columns])


def skip_last_node(node: tree.SkipLast, of: Form) -> GroupingNode:
    """All but the last."""
    return GroupingNode(of, [Delay(node.count, shape, dtype) for shape, dtype in of.columns])


def take_node(node: tree.Take, of: Form) -> GroupingNode:
    """The first ones."""
    return GroupingNode(of, [Taker(node.count) for _ in of.columns])


def flatten_node(of: Form) -> GroupingNode:
    """The numbers of each item as items."""
    return GroupingNode(of.reshaped(lambda _: ()), [Flattener() for _ in of.columns])


class Block:
    """Whole blocks of `size` consecutive rows; what is left waits for the next batch."""

    def __init__(self, size: int, row_shape: Shape, dtype: type[Any]) -> None:
        self._size = size
        self._shape = (size, *row_shape)
        self._dtype = dtype
        self._waiting: Rows = np.empty((0, *row_shape), dtype)  # grows to its size with the first row
        self._count = 0

    def feed(self, rows: Rows) -> Rows:
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

    def _shaped(self, rows: Rows) -> Rows:
        return rows.reshape(len(rows) // self._size, self._size, *rows.shape[1:])


class Blocks:
    """Blocks of shape `lengths`."""

    def __init__(self, lengths: tuple[int, ...], row_shape: Shape, dtype: type[Any]) -> None:
        self._shape = lengths + row_shape
        self._block = Block(prod(lengths), row_shape, dtype)

    def feed(self, rows: Rows) -> Rows:
        """(blocks, *lengths, *row_shape)"""
        blocks = self._block.feed(rows)
        return blocks.reshape(len(blocks), *self._shape)


class Windows:
    """Windows of `length` rows; each starts `skip` rows after the one before."""

    def __init__(self, length: int, skip: int) -> None:
        self._length = length
        self._skip = skip
        self._gap = Skipper(0)  # rows between windows that belong to none
        self._waiting = Waiting()

    def feed(self, rows: Rows) -> Rows:
        """(windows, length, *row_shape)"""
        rows = self._gap.feed(rows)
        ready = self._waiting.count + len(rows)
        if ready < self._length:
            if len(rows):
                self._waiting.put(rows.copy())
            return np.empty((0, self._length, *rows.shape[1:]), rows.dtype)
        if self._waiting.count:
            rows = np.concatenate([self._waiting.take(self._waiting.count), rows])
        count = (ready - self._length) // self._skip + 1
        views = np.lib.stride_tricks.sliding_window_view(rows, self._length, axis=0)[:: self._skip][:count]
        windows = np.ascontiguousarray(np.moveaxis(views, -1, 1))
        rest = rows[count * self._skip :]
        self._gap = Skipper(max(count * self._skip - ready, 0))
        if len(rest):
            self._waiting.put(rest.copy())
        return windows


class Skipper:
    """All rows but the first `count`."""

    def __init__(self, count: int) -> None:
        self._left = count

    def feed(self, rows: Rows) -> Rows:
        """The rows after those."""
        dropped = min(self._left, len(rows))
        self._left -= dropped
        return rows[dropped:]


class Taker:
    """The first `count` rows."""

    def __init__(self, count: int) -> None:
        self._left = count

    def feed(self, rows: Rows) -> Rows:
        """Those of them that are here."""
        rows = rows[: self._left]
        self._left -= len(rows)
        return rows


class Delay:
    """All rows but the last `count`: a ring holds back that many."""

    def __init__(self, count: int, row_shape: Shape, dtype: type[Any]) -> None:
        self._count = count
        self._shape = (count, *row_shape)
        self._ring: Rows = np.empty((0, *row_shape), dtype)  # gets its memory with the first row
        self._start = self._held = 0

    def feed(self, rows: Rows) -> Rows:
        """The rows that are certainly not among the last."""
        if not self._count:
            return rows
        if not len(self._ring):
            self._ring = np.empty(self._shape, self._ring.dtype)
        out = max(self._held + len(rows) - self._count, 0)
        from_ring = min(out, self._held)
        gone = self._ring[self._places(0, from_ring)]
        self._start, self._held = (self._start + from_ring) % self._count, self._held - from_ring
        kept = rows[out - from_ring :]
        self._ring[self._places(self._held, len(kept))] = kept
        self._held += len(kept)
        return np.concatenate([gone, rows[: out - from_ring]])

    def _places(self, first: int, count: int) -> NDArray[np.int64]:
        return (self._start + first + np.arange(count)) % self._count


class Flattener:
    """The cells of each row."""

    def feed(self, rows: Rows) -> Rows:
        """(cells,)"""
        return rows.reshape(-1)


class Waiting:
    """Rows that wait for others. Small arrays are joined with others of their size as they come, so that many of them
    cost neither much memory nor much time."""

    def __init__(self) -> None:
        self._parts: list[Rows] = []
        self.count = 0
        self.nbytes = 0

    def put(self, rows: Rows) -> None:
        """Rows that came."""
        self._parts.append(rows)
        self.count += len(rows)
        self.nbytes += rows.nbytes
        while len(self._parts) > 1 and len(self._parts[-2]) <= len(self._parts[-1]):
            last = self._parts.pop()
            self._parts[-1] = np.concatenate([self._parts[-1], last])

    def take(self, count: int) -> Rows:
        """The first `count` rows."""
        rows = self._parts[0] if len(self._parts) == 1 else np.concatenate(self._parts)
        rest = rows[count:].copy()  # does not hold on to what is gone
        self._parts = [rest] if len(rest) else []
        self.count, self.nbytes = len(rest), rest.nbytes
        return rows[:count]


class Pairing:
    """Two streams side by side: the i-th item of one with the i-th of the other, as far as both have come.

    What the longer one is ahead waits here, up to a number of bytes; beyond it the pairing is cut and gives no more.
    """

    def __init__(self, bytes_max: int) -> None:
        self._sides = (Waiting(), Waiting())
        self._bytes_max = bytes_max
        self.cut = False

    def feed(self, left: Rows | None, right: Rows | None) -> tuple[Rows, Rows] | None:
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
