"""The functions of the language: what they take and what they return (docs/arithmetic.md, sections 1 and 11)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from . import tree
from .tree import Function, VarType

INT: tuple[VarType, ...] = ("int",)
FIXED: tuple[VarType, ...] = ("fixed",)
BOOL: tuple[VarType, ...] = ("bool",)
NUMBER: tuple[VarType, ...] = ("int", "fixed")
ANY: tuple[VarType, ...] = ("int", "fixed", "bool")


class Signature(msgspec.Struct, frozen=True):
    """``takes``: for each argument the types that it may have. ``gives``: the type of the result, None for that of
    the last argument, or fixed where any is; bools of arrays count as ints. ``alike``: the arguments from this one on
    have one type. ``arrays``: they are whole arrays.
    """

    takes: tuple[tuple[VarType, ...], ...]
    gives: VarType | None
    alike: int | None = None
    arrays: bool = False


_ONE = Signature((FIXED,), "fixed")
_TWO = Signature((FIXED, FIXED), "fixed")
_SAME = Signature((NUMBER,), None)
_ARRAY = Signature((NUMBER,), None, arrays=True)
_PLACE = Signature((NUMBER,), "int", arrays=True)

SIGNATURES: Mapping[Function, Signature] = {
    "cast.to_int": Signature((ANY,), "int"),
    "cast.to_fixed": Signature((ANY,), "fixed"),
    "cast.to_bool": Signature((ANY,), "bool"),
    "cast.unsafe_cast_int": Signature((ANY,), "int"),
    "cast.unsafe_cast_fixed": Signature((ANY,), "fixed"),
    "cast.unsafe_cast_bool": Signature((ANY,), "bool"),
    "cast.mul_fixed_by_int": Signature((FIXED, INT), "fixed"),
    "cast.mul_int_by_fixed": Signature((INT, FIXED), "int"),
    "random.rand_int": Signature((INT, INT), "int"),
    "random.rand_fixed": Signature((INT,), "fixed"),
    "math.abs": _SAME,
    "math.relu": _SAME,
    "math.sum": _ARRAY,
    "math.max": _ARRAY,
    "math.min": _ARRAY,
    "math.argmax": _PLACE,
    "math.argmin": _PLACE,
    "math.dot": Signature((ANY, ANY), None, arrays=True),
    "math.sin2pi": _ONE,
    "math.cos2pi": _ONE,
    "math.sin": _ONE,
    "math.cos": _ONE,
    "math.exp": _ONE,
    "math.pow2": _ONE,
    "math.ln": _ONE,
    "math.log2": _ONE,
    "math.log10": _ONE,
    "math.log": _TWO,
    "math.pow": _TWO,
    "math.sqrt": _ONE,
    "math.inv_sqrt": _ONE,
    "math.inv": _ONE,
    "math.atan": _ONE,
    "math.atan2": _TWO,
    "math.atan_2pi": _ONE,
    "math.atan2_2pi": _TWO,
    "math.msb": Signature((NUMBER,), "int"),
    "math.lrelu": _ONE,
    "math.plrelu": _TWO,
    "math.elu": _ONE,
    "math.aelu": _ONE,
    "math.selu": _ONE,
    "util.cond": Signature((BOOL, ANY, ANY), None, alike=1),
}


def result_type(signature: Signature, arguments: Sequence[tree.Expression]) -> VarType:
    """The type of a call of ``signature`` with ``arguments``."""
    if signature.gives is not None:
        return signature.gives
    if any(argument.type == "fixed" for argument in arguments):
        return "fixed"
    return "int" if signature.arrays else arguments[-1].type
