"""Items in order, and what they are.

A batch is (n, *shape) values; ints and fixeds travel as int64 (a fixed as its raw 4.28 integer, its node says so),
bools as bool, everything computed as float64, samples of MW inputs as complex128. Items with timestamps carry an int64
beside each value, pairs (of zip) a second value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

FIXED_STEP = 2.0**-28

Kind = Literal["int", "fixed", "bool", "float", "time", "complex"]
"""``time``: nanoseconds, which need more than the 32 bits of an int."""
ARRIVES_AS: dict[Kind, type[Any]] = {
    "int": np.int64,
    "fixed": np.int64,
    "bool": np.bool_,
    "float": np.float64,
    "time": np.int64,
    "complex": np.complex128,
}
Shape = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Form:
    """What the items of a node are; ``second``: the other value of a pair."""

    kind: Kind
    shape: Shape
    timestamps: bool = False
    second: Form | None = None

    @property
    def columns(self) -> list[tuple[Shape, type[Any]]]:
        """Shape and dtype of each array of a batch: values, timestamps, second values."""
        columns: list[tuple[Shape, type[Any]]] = [(self.shape, ARRIVES_AS[self.kind])]
        if self.timestamps:
            columns.append((self.shape, np.int64))
        if self.second is not None:
            columns.append((self.second.shape, ARRIVES_AS[self.second.kind]))
        return columns

    @property
    def nbytes(self) -> int:
        """Bytes of one item here."""
        return sum(prod(shape) * np.dtype(dtype).itemsize for shape, dtype in self.columns)

    def reshaped(self, change: Callable[[Shape], Shape]) -> Form:
        """The same values in another shape; both of a pair."""
        second = None if self.second is None else self.second.reshaped(change)
        return Form(self.kind, change(self.shape), self.timestamps, second)


@dataclass(frozen=True, slots=True)
class Batch:
    """Items in order: values (n, *shape), timestamps of the same shape and second values where the node has them."""

    values: NDArray[Any]
    timestamps: NDArray[np.int64] | None = None
    second: NDArray[Any] | None = None

    def __len__(self) -> int:
        return len(self.values)

    @property
    def columns(self) -> list[NDArray[Any]]:
        """The arrays that there are."""
        return [column for column in (self.values, self.timestamps, self.second) if column is not None]

    def with_columns(self, columns: Sequence[NDArray[Any]]) -> Batch:
        """A batch of other arrays in the places of these."""
        rest = iter(columns)
        return Batch(
            next(rest),
            None if self.timestamps is None else next(rest),
            None if self.second is None else next(rest),
        )

    def last(self) -> Batch:
        """The last item alone."""
        return self.with_columns([column[-1:] for column in self.columns])


def as_floats(values: NDArray[Any], kind: Kind) -> NDArray[np.float64]:
    """Items as float64; exact for every int and fixed (32 bits), start and time (53 bits of ns are 104 days)."""
    if kind == "fixed":
        return values * FIXED_STEP
    return values.astype(np.float64, copy=False)
