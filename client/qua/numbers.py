"""Python's numbers, and what the machine has for them."""

from __future__ import annotations

from typing import Literal, TypeAlias

import numpy as np

from ..._core.program import tree
from ..._core.program.literals import FIXED_ONE, fits32, fixed_raw, wrap32
from .position import refusal

PythonNumber: TypeAlias = bool | int | float

_RANGES = {"int": "an int (-2**31 to 2**31 - 1)", "fixed": "a fixed (at least -8 and below 8)"}
_RANGE_HINTS = {
    "int": "write that number if its bits are meant",
    "fixed": "use smaller units, or an int, by which Cast.mul_fixed_by_int multiplies a fixed",
}
_SPELLED_BITS = 128


def python_number(value: object) -> PythonNumber | None:
    """``value`` as a plain Python number, None where it is none. Numpy's scalars count."""
    if isinstance(value, np.generic) or (isinstance(value, np.ndarray) and value.ndim == 0):
        value = value.item()
    return value if isinstance(value, (bool, int, float)) else None


def literal(number: PythonNumber, type: tree.VarType, *, place: str = "") -> tree.Value:
    """``number`` in the machine format of ``type``.

    Out of the range of ``type`` it is refused (``bad_value``): the machine would wrap it. A float is refused for an int
    unless it is whole; a bool is 0 or 1 for a number, and True or False (0 or 1) for a bool.
    """
    where = f" {place}" if place else ""
    if type == "bool":
        if number not in (0, 1):
            raise refusal(f"{number!r}{where} is not a bool", code="type_mismatch", hint="use True or False")
        return tree.Value(type="bool", raw=int(number))
    if isinstance(number, float) and number - number != 0:
        raise refusal(f"{number}{where} is not a finite number", code="not_finite")
    if type == "fixed":
        return tree.Value(type="fixed", raw=fitting(fixed_raw(number), type, number, place=place))
    if isinstance(number, float) and not number.is_integer():
        raise refusal(
            f"{number!r}{where} is a float where an int is needed",
            code="type_mismatch",
            hint="round it in Python with int(...), or declare the variable as fixed",
        )
    return tree.Value(type="int", raw=fitting(int(number), type, number, place=place))


def fitting(raw: int, type: Literal["int", "fixed"], number: PythonNumber, *, place: str = "") -> int:
    """``raw``, what the machine would have for ``number``; refused where 32 bits do not hold it."""
    if fits32(raw):
        return raw
    wrapped = wrap32(raw) / FIXED_ONE if type == "fixed" else wrap32(raw)
    raise refusal(
        f"{spelled(number)}{' ' + place if place else ''} does not fit {_RANGES[type]}",
        code="bad_value",
        hint=f"the machine would make {wrapped} of it; {_RANGE_HINTS[type]}",
    )


def spelled(number: PythonNumber) -> str:
    """``number`` in a message; Python spells no int of thousands of digits."""
    return "a huge int" if isinstance(number, int) and number.bit_length() > _SPELLED_BITS else repr(number)


def own_type(number: PythonNumber) -> tree.VarType:
    """The type of a Python number that stands alone."""
    if isinstance(number, bool):
        return "bool"
    return "int" if isinstance(number, int) else "fixed"
