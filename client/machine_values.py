"""What a user gives to the setters of qms and jobs, as it travels."""

from __future__ import annotations

from collections.abc import Sequence

from .._core.wire import limits
from .exceptions import QmValueError
from .plain import plain_number


def element_name(name: object) -> str:
    """A name of an element, as far as the wire's limits go. Raises QmValueError."""
    if not isinstance(name, str) or len(name) > limits.NAME_CHARS:
        raise QmValueError(f"{name!r:.60} is no name of an element")
    return name


def offset_pairs(input: str | Sequence[str], offset: float | Sequence[float]) -> list[tuple[str, float]]:
    """Inputs with their offsets in V: one of each, or as many of both. Raises QmValueError."""
    inputs = [input] if isinstance(input, str) else list(input)
    offsets = [offset] if isinstance(offset, (int, float)) or not hasattr(offset, "__len__") else list(offset)
    if len(inputs) != len(offsets):
        raise QmValueError(f"{len(inputs)} inputs need as many offsets, not {len(offsets)}")
    pairs = zip(inputs, offsets, strict=True)
    return [(element_name(name), float(plain_number(value, "offset"))) for name, value in pairs]
