"""What a measure does with its samples: integrals, and what the arguments of all processes have in common."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..._core.program import limits, tree
from .builder import Builder
from .expressions import QuaExpression, described
from .later import Later
from .numbers import python_number
from .position import refusal
from .pulses import named
from .variables import QuaArrayVariable, own_array, target_of


class MeasureProcess(NamedTuple):
    """One process of a measurement, as ``demod.full`` and its like return. Output "" is the element's only one.

    ``chunk`` (cycles of a slice) and ``window`` (slices) are None where the kind has none.
    """

    kind: tree.ProcessKind
    weights: tuple[str, ...]
    outputs: tuple[str, ...]
    target: Any
    chunk: Any = None
    window: Any = None

    def node(self, builder: Builder) -> tree.Process:
        """The tree of it, checked."""
        return tree.Process(
            at=builder.at(),
            kind=self.kind,
            weights=tuple(named(weights, f"the integration weights of {self.kind}") for weights in self.weights),
            outputs=tuple(output_name(output, self.kind) for output in self.outputs),
            target=self._array(builder) if self.sliced else self._one(builder),
            chunk=self._count(self.chunk, "samples_per_chunk", limits.INT_MAX) if self.sliced else 0,
            window=self._count(self.window, "chunks_per_window", len(self.target)) if self._has_window else 0,
        )

    @property
    def sliced(self) -> bool:
        """Whether it writes a value for each slice, to a whole array."""
        return not self.kind.endswith(".full")

    @property
    def _has_window(self) -> bool:
        return self.kind.endswith(".moving_window")

    def _one(self, builder: Builder) -> tree.Target:
        target = target_of(builder, self.target, self.kind)
        if target.type != "fixed":
            raise refusal(f"{self.kind} writes a fixed, not a {target.type}", code="type_mismatch")
        return target

    def _array(self, builder: Builder) -> tree.Whole:
        return whole_array(builder, self.target, self.kind, "fixed", "one cell for each chunk of the weights")

    def _count(self, value: object, name: str, most: int) -> int:
        hint = "a chunk is counted in cycles of 4 ns" if name == "samples_per_chunk" else ""
        return python_count(value, f"{name} of {self.kind}", most, hint)


def whole_array(builder: Builder, target: Any, kind: str, type_: tree.VarType, cells: str) -> tree.Whole:
    """A whole array of ``type_`` as the target of a process; ``cells``: what its cells are, for the hint."""
    if isinstance(target, Later):
        target.refuse()
    if not isinstance(target, QuaArrayVariable):
        shown = described(target) if isinstance(target, QuaExpression) else f"a {type(target).__name__}"
        raise refusal(
            f"{kind} writes a whole {type_} array, not {shown}",
            code="bad_target",
            hint=f"declare({type_}, size=n), with {cells}",
        )
    if target.type != type_:
        article = "an" if type_ == "int" else "a"
        raise refusal(f"{kind} writes {article} {type_} array, but {target} is {target.type}", code="type_mismatch")
    return tree.Whole(type=type_, array=own_array(builder, target))


def python_count(value: object, what: str, most: int, hint: str = "") -> int:
    """A Python int from 1 to ``most``, known when the program is written."""
    number = python_number(value)
    if number is None or isinstance(number, bool) or not 1 <= number <= most or number != int(number):
        shown = described(value) if isinstance(value, QuaExpression) else repr(value)
        raise refusal(
            f"{what} must be a Python int from 1 to {most}, not {shown}",
            code="bad_measure",
            hint=hint,
        )
    return int(number)


def output_name(output: object, kind: str) -> str:
    """The name of an element's output; "" is its only one."""
    return "" if isinstance(output, str) and output == "" else named(output, f"the output of {kind}")
