"""Numbers of Python as machine numbers, by the platform's rule: int is int, float is fixed, bool is bool."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from .._core.program.literals import fits32, fixed_raw, python_value
from .._core.wire import limits
from .._core.wire.records import InputEntry, ValueType
from .exceptions import QmValueError
from .plain import plain_number

_TYPE_OF: Final[dict[type, ValueType]] = {bool: "bool", int: "int", float: "fixed"}


def machine_number(value: Any, what: str) -> tuple[ValueType, int]:
    """Type and 32 bits (signed) of a Python or numpy number. Raises QmValueError where it does not fit.

    >>> machine_number(0.5, "x"), machine_number(True, "x"), machine_number(-3, "x")
    (('fixed', 134217728), ('bool', 1), ('int', -3))
    """
    number = plain_number(value, what)
    kind = _TYPE_OF[type(number)]
    if kind == "fixed" and not (-8.0 <= number < 8.0 and fits32(fixed_raw(number))):
        raise QmValueError(f"{what} is {number}; a fixed is at least -8 and below 8")
    if kind == "int" and not fits32(int(number)):
        raise QmValueError(f"{what} is {number}; an int has 32 bits")
    return kind, fixed_raw(number) if kind == "fixed" else int(number)


def entry_of(stream: str, data: Any) -> InputEntry:
    """One entry for an input stream, from one value or a list of values of one type. Raises QmValueError."""
    if not isinstance(stream, str) or not stream or len(stream) > limits.NAME_CHARS:
        raise QmValueError(f"{stream!r:.60} is no name of an input stream")
    values: Sequence[Any] = list(data) if hasattr(data, "__len__") and not isinstance(data, (str, bytes)) else [data]
    if not 1 <= len(values) <= limits.INPUT_VALUES:
        words = f"an entry of an input stream has 1 to {limits.INPUT_VALUES} values (INPUT_VALUES), not {len(values)}"
        raise QmValueError(words)
    numbers = [machine_number(value, f"a value for input stream {stream!r}") for value in values]
    kinds = {kind for kind, _ in numbers}
    if len(kinds) > 1:
        raise QmValueError(
            f"Invalid type in data, types are {sorted({type(value).__name__ for value in values})}: "
            "all values of an entry must be of one type, bool | int | float"
        )
    return InputEntry(stream=stream, type=kinds.pop(), raws=[raw for _, raw in numbers])


class IoValue(NamedTuple):
    """One register, read in each of the three ways. Names: the platform's JobApi."""

    int_value: int
    double_value: float
    boolean_value: bool


def io_value(raw: int) -> IoValue:
    """The three readings of a register's 32 bits: as int, as fixed, and whether any bit is set."""
    return IoValue(raw, float(python_value("fixed", raw)), raw != 0)
