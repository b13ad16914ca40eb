"""Expressions of QUA values: Python's operators build the tree, nothing is computed here.

A Python number takes the type of the value beside it. Types never change by themselves: what mixes int, fixed and
bool is refused with the cast that does it.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, Literal, NoReturn

from ..._core.program import limits, tree
from ..._core.program.literals import fixed_raw, wrap32
from ..._core.program.text import expression_text
from .later import Later
from .numbers import PythonNumber, literal, own_type, python_number, spelled
from .position import caller_position, refusal

if TYPE_CHECKING:
    from .builder import Builder

LOGGER: Final = logging.getLogger("quaymaster")

_BITWISE = ("&", "|", "^")
_BOUNDS: dict[str, Callable[[float], int]] = {"<": math.ceil, "<=": math.floor, ">": math.floor, ">=": math.ceil}
_COMPARISONS = ("<", "<=", ">", ">=", "==")
_PRECEDENCE = "& | ^ bind tighter than < > ==: put brackets around each comparison, (a < b) & (c < d)"


class fixed:
    """The type of signed 4.28 numbers, for ``declare(fixed)``."""


class QuaExpression:
    """A scalar that the controller computes at run time; ``node`` is its tree."""

    __array_ufunc__ = None  # numpy numbers leave operators to us
    __slots__ = ("depth", "node", "owner")

    def __init__(self, node: tree.Expression, owner: Builder | None = None, depth: int = 1) -> None:
        if depth > limits.EXPRESSION_DEPTH_MAX:
            raise refusal(
                f"this expression is nested more than {limits.EXPRESSION_DEPTH_MAX} deep (EXPRESSION_DEPTH_MAX)",
                code="expression_too_deep",
                hint="assign a part of it to a variable first",
            )
        self.node = node
        self.owner = owner
        self.depth = depth

    @property
    def type(self) -> tree.VarType:
        """``int``, ``fixed`` or ``bool``."""
        return self.node.type

    @property
    def dtype(self) -> Any:
        """The type as ``declare`` takes it (int, fixed or bool)."""
        return {"int": int, "fixed": fixed, "bool": bool}[self.node.type]

    def is_int(self) -> bool:
        """Whether this is an int."""
        return self.node.type == "int"

    def is_fixed(self) -> bool:
        """Whether this is a fixed."""
        return self.node.type == "fixed"

    def is_bool(self) -> bool:
        """Whether this is a bool."""
        return self.node.type == "bool"

    isInt, isFixed, isBool = is_int, is_fixed, is_bool

    def __repr__(self) -> str:
        return f"<{described(self)}>"

    def __str__(self) -> str:
        return expression_text(self.node)

    def __format__(self, format_spec: str) -> str:
        return format(str(self), format_spec)

    __hash__ = object.__hash__

    def __add__(self, other: object) -> QuaExpression:
        return binary("+", self, other)

    def __radd__(self, other: object) -> QuaExpression:
        return binary("+", other, self)

    def __sub__(self, other: object) -> QuaExpression:
        return binary("-", self, other)

    def __rsub__(self, other: object) -> QuaExpression:
        return binary("-", other, self)

    def __mul__(self, other: object) -> QuaExpression:
        return binary("*", self, other)

    def __rmul__(self, other: object) -> QuaExpression:
        return binary("*", other, self)

    def __truediv__(self, other: object) -> QuaExpression:
        return binary("/", self, other)

    def __rtruediv__(self, other: object) -> QuaExpression:
        return binary("/", other, self)

    def __and__(self, other: object) -> QuaExpression:
        return binary("&", self, other)

    def __rand__(self, other: object) -> QuaExpression:
        return binary("&", other, self)

    def __or__(self, other: object) -> QuaExpression:
        return binary("|", self, other)

    def __ror__(self, other: object) -> QuaExpression:
        return binary("|", other, self)

    def __xor__(self, other: object) -> QuaExpression:
        return binary("^", self, other)

    def __rxor__(self, other: object) -> QuaExpression:
        return binary("^", other, self)

    def __lshift__(self, other: object) -> QuaExpression:
        return binary("<<", self, other)

    def __rlshift__(self, other: object) -> QuaExpression:
        return binary("<<", other, self)

    def __rshift__(self, other: object) -> QuaExpression:
        return binary(">>", self, other)

    def __rrshift__(self, other: object) -> QuaExpression:
        return binary(">>", other, self)

    def __lt__(self, other: object) -> QuaExpression:
        return binary("<", self, other)

    def __le__(self, other: object) -> QuaExpression:
        return binary("<=", self, other)

    def __gt__(self, other: object) -> QuaExpression:
        return binary(">", self, other)

    def __ge__(self, other: object) -> QuaExpression:
        return binary(">=", self, other)

    def __eq__(self, other: object) -> QuaExpression:  # type: ignore[override]
        return binary("==", self, other)

    def __neg__(self) -> QuaExpression:
        return binary("-", 0, self)

    def __pos__(self) -> QuaExpression:
        return self

    def __invert__(self) -> QuaExpression:
        if self.type != "bool":
            _warn_of_inverted_number(self)
        return binary("^", self, _one(self.type))

    def __ne__(self, other: object) -> NoReturn:
        raise refusal("the language has no != operator", code="no_such_operator", hint="write ~(a == b)")

    def __bool__(self) -> NoReturn:
        raise refusal(
            f"Python asked whether {described(self)} is true, but its value is known only when the program runs",
            code="python_logic",
            hint="instead of and, or, not, if, while, a < b < c: use &, |, ~, if_(...), while_(...), (a < b) & (b < c)",
        )

    def _no_value(self, *_arguments: object) -> NoReturn:
        raise refusal(
            f"Python asked for the value of {described(self)}, but it is known only when the program runs",
            code="python_value",
            hint="for an index use an array declared with declare(..., value=[...]); for a conversion use Cast",
        )

    __int__ = __float__ = __index__ = __complex__ = __round__ = __trunc__ = __floor__ = __ceil__ = _no_value

    def _no_operator(self, *_arguments: object) -> NoReturn:
        raise refusal(
            "the language has no //, %, ** and @ operators, and no abs()",
            code="no_such_operator",
            hint="int / int already rounds down; a % 2**k is a & (2**k - 1)",
        )

    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _no_operator
    __divmod__ = __rdivmod__ = __matmul__ = __rmatmul__ = __abs__ = _no_operator

    def __iter__(self) -> NoReturn:
        raise refusal(f"{described(self)} is one number, not a sequence", code="not_a_sequence")


class InPlaceRefused(QuaExpression):
    """What ``assign`` writes to; ``+=`` would only change what Python calls it, so it is refused."""

    __slots__ = ()

    def _no_in_place(self, *_arguments: object) -> NoReturn:
        raise refusal(
            f"{self} cannot be changed in place (+=, -=, ...)",
            code="in_place",
            hint=f"write assign({self}, {self} + ...)",
        )

    __iadd__ = __isub__ = __imul__ = __itruediv__ = __ifloordiv__ = __imod__ = __ipow__ = _no_in_place
    __ilshift__ = __irshift__ = __iand__ = __ior__ = __ixor__ = _no_in_place


class IoRegister(InPlaceRefused):
    """IO1 or IO2: 32 bits that are shared with whoever looks from outside. Its type comes from where it stands: what is
    assigned, the other operand, what a statement takes; an int where nothing tells."""

    __slots__ = ("number",)

    def __init__(self, number: Literal[1, 2]) -> None:
        super().__init__(tree.Io(type="int", number=number))
        self.number: Literal[1, 2] = number

    def read_as(self, type: tree.VarType | None) -> QuaExpression:
        """Its bits as ``type``."""
        return QuaExpression(tree.Io(type=type or "int", number=self.number))


IO1 = IoRegister(1)
IO2 = IoRegister(2)


def described(expression: QuaExpression) -> str:
    """The expression and its type, for messages."""
    text = f"`{expression}`" if isinstance(expression.node, tree.Binary) else str(expression)
    return f"{text} ({expression.type})"


def turns(value: object, *, place: str) -> QuaExpression:
    """``value`` as a fixed number of turns. Of a Python number 16 turns are as good as none, so any fits."""
    number = python_number(value)
    if number is None or number - number != 0:
        return typed(value, "fixed", place=place)
    return QuaExpression(tree.Value(type="fixed", raw=wrap32(fixed_raw(number))))


def scalar(value: object, like: tree.VarType | None = None, *, place: str = "") -> QuaExpression:
    """``value`` as an expression; a Python number gets the type ``like``, or its own, an IO register ``like`` or int.

    What is no scalar is refused.
    """
    if isinstance(value, IoRegister):
        return value.read_as(like)
    if isinstance(value, QuaExpression):
        return value
    number = python_number(value)
    if number is not None:
        return QuaExpression(literal(number, like or own_type(number), place=place))
    if isinstance(value, Later):
        value.refuse()
    raise refusal(
        f"{_kind(value)}{' ' + place if place else ''} is not a number or a QUA scalar",
        code="not_a_scalar",
        hint="name one cell of an array, a[i]" if getattr(value, "is_array", False) else "",
    )


def typed(value: object, type: tree.VarType, *, place: str) -> QuaExpression:
    """``value`` as an expression of exactly ``type``; ``place`` says in messages what it is for.

    The quotient of two ints, and what is made of IO registers alone, is a fixed where one is needed.
    """
    expression = scalar(_as_fixed(value) if type == "fixed" else value, type, place=place)
    if expression.type != type:
        raise refusal(
            f"{described(expression)} {place} must be {type}", code="type_mismatch", hint=_cast_hint(expression, type)
        )
    return expression


def common_owner(*expressions: QuaExpression) -> Builder | None:
    """The program whose variables ``expressions`` use; mixing two programs is refused."""
    owner: Builder | None = None
    for expression in expressions:
        if expression.owner is not None and owner is not None and expression.owner is not owner:
            raise foreign(str(expression))
        owner = owner or expression.owner
    return owner


def foreign(name: str) -> Exception:
    """The refusal of something that another program declared."""
    return refusal(f"{name} was declared in another program", code="other_program", hint="declare it in this program")


def binary(operator: tree.BinaryOperator, left: object, right: object) -> QuaExpression:
    """``left operator right``; one of them at least is an expression."""
    a, b = _operands(operator, left, right)
    if operator in ("<<", ">>"):
        _check_shift(operator, a, b)
    elif a.type != b.type:
        raise _mixed(operator, a, b)
    elif a.type == "bool" and operator not in ("&", "|", "^", "=="):
        raise refusal(
            f"{operator} does not take bools: {described(a)}, {described(b)}",
            code="type_mismatch",
            hint="use &, |, ^ and == on bools, or Cast.to_int(...)",
        )
    node = tree.Binary(
        type="bool" if operator in _COMPARISONS else a.type, operator=operator, left=a.node, right=b.node
    )
    return QuaExpression(node, common_owner(a, b), max(a.depth, b.depth) + 1)


def _operands(operator: str, left: object, right: object) -> tuple[QuaExpression, QuaExpression]:
    place = f"beside {operator}"
    left, right = _registers_read(operator, left, right)
    if operator in ("<<", ">>"):
        return scalar(left, place=place), scalar(right, "int", place=place)
    left, right = _whole_bound(operator, *quotients_as_used(left, right))
    a = left if isinstance(left, QuaExpression) else None
    b = right if isinstance(right, QuaExpression) else None
    beside = a if a is not None else b
    if beside is not None and (a is None or b is None):
        _check_literal(operator, right if b is None else left, beside, left_is_literal=a is None)
    like = None if beside is None else beside.type
    return (
        a if a is not None else scalar(left, like, place=place),
        b if b is not None else scalar(right, like, place=place),
    )


def _registers_read(operator: str, left: object, right: object) -> tuple[object, object]:
    """The sides of an operator, where an IO register is read as what stands beside it."""
    shifts = operator in ("<<", ">>")
    a, b = ("int", "int") if shifts else (_type_beside(right), _type_beside(left))
    return (
        left.read_as(a) if isinstance(left, IoRegister) else left,
        right.read_as(b) if isinstance(right, IoRegister) else right,
    )


def _type_beside(value: object) -> tree.VarType | None:
    """The type that ``value`` has of its own, None where it has none."""
    if isinstance(value, QuaExpression):
        return None if isinstance(value, IoRegister) else value.type
    number = python_number(value)
    return None if number is None else own_type(number)


def quotients_as_used(left: object, right: object) -> tuple[object, object]:
    """The sides of something that takes one type: beside a fixed or a float a quotient of two ints is a fixed, and so
    is what is made of IO registers alone."""
    a, b = _type_beside(left), _type_beside(right)
    return (_as_fixed(left) if b == "fixed" else left, _as_fixed(right) if a == "fixed" else right)


def _as_fixed(value: object) -> object:
    """What gets its type from where it stands, as a fixed; anything else as it is."""
    if isinstance(value, QuaExpression) and _of_registers(value.node):
        return QuaExpression(_registers_as_fixed(value.node), value.owner, value.depth)
    return _fixed_quotient(value)


def _of_registers(node: tree.Expression) -> bool:
    """Whether it is an int made of IO registers alone: operators (a minus writes ``0 - x``), Math.abs, Math.relu and
    the results of Util.cond. A shift and any other literal say what it is."""
    match node:
        case tree.Io():
            return node.type == "int"
        case tree.Binary(type="int", operator="-", left=tree.Value(raw=0)):
            return _of_registers(node.right)
        case tree.Binary(type="int", operator="+" | "-" | "*" | "/" | "&" | "|" | "^"):
            return _of_registers(node.left) and _of_registers(node.right)
        case tree.Call(function="math.abs" | "math.relu"):
            return _of_registers(node.arguments[0])
        case tree.Call(function="util.cond"):
            return all(map(_of_registers, node.arguments[1:]))
        case _:
            return False


def _registers_as_fixed(node: tree.Expression) -> tree.Expression:
    """The same computed from the registers' bits as fixeds; only of what `_of_registers` says."""
    match node:
        case tree.Io():
            return tree.Io(type="fixed", number=node.number)
        case tree.Binary():
            left, right = _registers_as_fixed(node.left), _registers_as_fixed(node.right)
            return tree.Binary(type="fixed", operator=node.operator, left=left, right=right)
        case tree.Call():
            before, read = node.arguments[:-1], node.arguments[-1:]
            if node.function == "util.cond":
                before, read = node.arguments[:1], node.arguments[1:]
            return tree.Call(type="fixed", function=node.function, arguments=(*before, *map(_registers_as_fixed, read)))
        case _:
            assert isinstance(node, tree.Value)
            return tree.Value(type="fixed", raw=node.raw)


def _fixed_quotient(value: object) -> object:
    """The quotient of two ints in 4.28; anything else as it is.

    The platform: the type of x / y is "determined by how the result is used" (Math.div).
    """
    if not isinstance(value, QuaExpression) or not _is_int_quotient(value.node):
        return value
    assert isinstance(value.node, tree.Binary)
    node = tree.Binary(type="fixed", operator="/", left=value.node.left, right=value.node.right)
    return QuaExpression(node, value.owner, value.depth)


def _is_int_quotient(node: tree.Expression) -> bool:
    return isinstance(node, tree.Binary) and node.operator == "/" and node.type == "int"


def _whole_bound(operator: str, left: object, right: object) -> tuple[object, object]:
    """``n < 22.6`` for an int n is exactly ``n < 23``: the next whole number on the side that keeps the meaning.

    Loops over ints in logarithmic steps are written so. Python puts the expression first in every comparison.
    """
    if operator in _BOUNDS and isinstance(left, QuaExpression) and left.type == "int":
        bound = python_number(right)
        if isinstance(bound, float) and math.isfinite(bound):
            return left, _BOUNDS[operator](bound)
    return left, right


def _check_literal(operator: str, value: object, beside: QuaExpression, *, left_is_literal: bool) -> None:
    """Refuse the Python numbers beside ``beside`` that are surely mistakes, with the words that fit."""
    number = python_number(value)
    if number is None:
        return
    text, other = spelled(number), described(beside)
    shown = f"{text} {operator} {other}" if left_is_literal else f"{other} {operator} {text}"
    if operator in _BITWISE and isinstance(number, bool) != (beside.type == "bool") and number not in (0, 1):
        raise refusal(f"{shown} mixes types", code="type_mismatch", hint=_PRECEDENCE)
    if operator in _BITWISE and isinstance(number, bool) and beside.type != "bool":
        raise refusal(f"{shown} mixes a bool with a number", code="type_mismatch", hint=_PRECEDENCE)
    if operator in ("*", "/") and beside.type == "int" and isinstance(number, float) and not number.is_integer():
        raise refusal(
            f"{shown} mixes int and fixed",
            code="type_mismatch",
            hint=_mixed_product_hint() if operator == "*" else "use Cast.to_fixed(...) on the int first",
        )


def _check_shift(operator: str, a: QuaExpression, b: QuaExpression) -> None:
    if a.type == "bool" or b.type != "int":
        raise refusal(
            f"{operator} shifts an int or a fixed by an int, not {described(a)} by {described(b)}",
            code="type_mismatch",
            hint="use Cast.to_int(...)",
        )


def _mixed(operator: str, a: QuaExpression, b: QuaExpression) -> Exception:
    if operator in _BITWISE and "bool" in (a.type, b.type):
        hint = _PRECEDENCE
    elif "bool" in (a.type, b.type):
        hint = f"convert the bool with Cast.to_{a.type if b.type == 'bool' else b.type}(...); {_PRECEDENCE}"
    elif operator == "*":
        hint = _mixed_product_hint()
    else:
        hint = "convert one of them with Cast.to_fixed(...) or Cast.to_int(...)"
    return refusal(f"{described(a)} {operator} {described(b)} mixes types", code="type_mismatch", hint=hint)


def _mixed_product_hint() -> str:
    return "use Cast.mul_fixed_by_int(f, i) for a fixed result, Cast.mul_int_by_fixed(i, f) for an int result"


def _cast_hint(expression: QuaExpression, type: tree.VarType) -> str:
    if type == "fixed" and _meets_register(expression.node):
        return "an IO register takes the type of what it meets: write a literal beside it as a float, 2.0 for 2"
    if type == "fixed" and _holds_int_quotient(expression.node):
        return "a quotient of two ints is a fixed only where it stands alone, else rounded down: assign it first"
    if type == "bool":
        return "compare it, for example x > 0, or use Cast.to_bool(...)"
    return f"use Cast.to_{type}(...)"


def _meets_register(node: tree.Expression) -> bool:
    """Whether an IO register stands under operators alone, so that its type is theirs."""
    if isinstance(node, tree.Binary):
        return _meets_register(node.left) or _meets_register(node.right)
    return isinstance(node, tree.Io)


def _holds_int_quotient(node: tree.Expression) -> bool:
    """Whether a quotient of two ints stands in it, under operators and calls."""
    if isinstance(node, tree.Binary):
        return _is_int_quotient(node) or _holds_int_quotient(node.left) or _holds_int_quotient(node.right)
    return isinstance(node, tree.Call) and any(map(_holds_int_quotient, node.arguments))


def _warn_of_inverted_number(number: QuaExpression) -> None:
    """The platform has no bitwise NOT, but its client writes ``x ^ 1`` for ``~x`` and says nothing."""
    bits = "x ^ -1 turns all bits of an int" if number.type == "int" else "Cast.unsafe_cast_int(x) has its bits"
    LOGGER.warning(
        "%s:%d: ~ of %s is %s ^ 1, as on the platform, not all bits turned: ~ is for bools; %s",
        *caller_position(),
        described(number),
        number,
        bits,
    )


def _one(type: tree.VarType) -> PythonNumber:
    return True if type == "bool" else 1


def _kind(value: Any) -> str:
    if isinstance(value, str):
        return f"the text {value!r}"
    if getattr(value, "is_array", False):
        return f"the array {value}"
    return f"{value!r}" if value is None else f"a {type(value).__name__}"
