"""The libraries Math and Util. Values and rounding: docs/arithmetic.md, section 11."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._core.program import tree
from ..._core.program.functions import SIGNATURES, result_type
from .builder import Builder, current
from .expressions import QuaExpression, binary, common_owner, described, quotients_as_used, scalar, turns, typed
from .numbers import own_type, python_number
from .position import refusal
from .variables import QuaArrayVariable, declare_array, initial_values, own_array


def call(function: tree.Function, *arguments: QuaExpression) -> QuaExpression:
    """The call of ``function``, whose arguments have the right types already."""
    nodes = tuple(argument.node for argument in arguments)
    node = tree.Call(type=result_type(SIGNATURES[function], nodes), function=function, arguments=nodes)
    return QuaExpression(node, common_owner(*arguments), 1 + max(argument.depth for argument in arguments))


def _number(x: object, name: str) -> QuaExpression:
    """``x`` as an int or a fixed."""
    expression = scalar(x, place=f"in Math.{name}")
    if expression.type == "bool":
        raise refusal(
            f"{described(expression)} in Math.{name} must be int or fixed",
            code="type_mismatch",
            hint="use Cast.to_int(...)",
        )
    return expression


def _fixed(name: str, *arguments: object) -> tuple[QuaExpression, ...]:
    return tuple(typed(argument, "fixed", place=f"in Math.{name}") for argument in arguments)


def _array(x: object, name: str) -> QuaExpression:
    """The whole array ``x``, of ints or fixeds; Python's numbers in a row are one, which has no name."""
    builder = current(f"Math.{name}")
    array = x if isinstance(x, QuaArrayVariable) else _declared(builder, x, name)
    if array.type == "bool" and name != "dot":
        raise refusal(f"the array {array} (bool) in Math.{name} must be int or fixed", code="type_mismatch")
    return QuaExpression(tree.Whole(type=array.type, array=own_array(builder, array)), array.owner)


def _declared(builder: Builder, x: object, name: str) -> QuaArrayVariable:
    """An array of the numbers in ``x``: of fixeds where one of them is a float, else of ints, or of bools."""
    numbers = [python_number(value) for value in x] if isinstance(x, (list, tuple, range, np.ndarray)) else []
    kinds = {own_type(number) for number in numbers if number is not None}
    if not numbers or None in numbers or ("bool" in kinds and len(kinds) > 1):
        shown = described(x) if isinstance(x, QuaExpression) else f"a {type(x).__name__}"
        raise refusal(
            f"Math.{name} takes a whole array or a list of numbers, not {shown}"
            + (" of other things" if numbers else ""),
            code="not_an_array",
            hint="declare one: declare(fixed, value=[...]) or declare(int, size=n)",
        )
    kind: tree.VarType = "fixed" if "fixed" in kinds else kinds.pop()
    return declare_array(builder, kind, initial_values(kind, numbers))


class Math:
    """Functions of numbers and of whole arrays, which may be Python lists of numbers.

    Arguments outside of what the platform calls valid, said below, give 0 when the program runs; results of 8 and more
    wrap. Both are reported. A Python number stands for a fixed where only a fixed is possible.
    """

    @staticmethod
    def div(x: Any, y: Any) -> QuaExpression:
        """The same as ``x / y``."""
        return binary("/", x, y)

    @staticmethod
    def abs(x: Any) -> QuaExpression:
        """``x`` without its sign, of its type."""
        return call("math.abs", _number(x, "abs"))

    @staticmethod
    def relu(x: Any) -> QuaExpression:
        """``x`` where it is not negative, else 0, of the type of ``x``."""
        return call("math.relu", _number(x, "relu"))

    @staticmethod
    def msb(x: Any) -> QuaExpression:
        """The greatest int n with 2**n not above the size of ``x``; for 0 it is 0 of an int and -28 of a fixed."""
        return call("math.msb", _number(x, "msb"))

    MSB = msb

    @staticmethod
    def dot(x: Any, y: Any) -> QuaExpression:
        """The sum of the products of the cells of two arrays of one length (wraps): a fixed where one is fixed, else
        an int. Bools count as 0 and 1."""
        left, right = _array(x, "dot"), _array(y, "dot")
        if len(x) != len(y):
            raise refusal(
                f"Math.dot of {left} with {len(x)} cells and {right} with {len(y)} cells: the lengths differ",
                code="bad_array_length",
            )
        return call("math.dot", left, right)

    @staticmethod
    def sum(x: Any) -> QuaExpression:
        """The sum of all cells (wraps)."""
        return call("math.sum", _array(x, "sum"))

    @staticmethod
    def max(x: Any) -> QuaExpression:
        """The greatest cell."""
        return call("math.max", _array(x, "max"))

    @staticmethod
    def min(x: Any) -> QuaExpression:
        """The least cell."""
        return call("math.min", _array(x, "min"))

    @staticmethod
    def argmax(x: Any) -> QuaExpression:
        """The index of the greatest cell, the first of several; an int."""
        return call("math.argmax", _array(x, "argmax"))

    @staticmethod
    def argmin(x: Any) -> QuaExpression:
        """The index of the least cell, the first of several; an int."""
        return call("math.argmin", _array(x, "argmin"))

    @staticmethod
    def sin2pi(x: Any) -> QuaExpression:
        """The sine of ``x`` turns."""
        return call("math.sin2pi", turns(x, place="in Math.sin2pi"))

    @staticmethod
    def cos2pi(x: Any) -> QuaExpression:
        """The cosine of ``x`` turns."""
        return call("math.cos2pi", turns(x, place="in Math.cos2pi"))

    @staticmethod
    def sin(x: Any) -> QuaExpression:
        """The sine of ``x`` rad."""
        return call("math.sin", *_fixed("sin", x))

    @staticmethod
    def cos(x: Any) -> QuaExpression:
        """The cosine of ``x`` rad."""
        return call("math.cos", *_fixed("cos", x))

    @staticmethod
    def exp(x: Any) -> QuaExpression:
        """e to the power of ``x``, for x below ln 8."""
        return call("math.exp", *_fixed("exp", x))

    @staticmethod
    def pow2(x: Any) -> QuaExpression:
        """2 to the power of ``x``, for x below 3."""
        return call("math.pow2", *_fixed("pow2", x))

    @staticmethod
    def ln(x: Any) -> QuaExpression:
        """The natural logarithm of ``x``, for x above e**-8."""
        return call("math.ln", *_fixed("ln", x))

    @staticmethod
    def log2(x: Any) -> QuaExpression:
        """The logarithm to base 2 of ``x``, for x above 2**-8."""
        return call("math.log2", *_fixed("log2", x))

    @staticmethod
    def log10(x: Any) -> QuaExpression:
        """The logarithm to base 10 of ``x``, for x above 10**-8."""
        return call("math.log10", *_fixed("log10", x))

    @staticmethod
    def sqrt(x: Any) -> QuaExpression:
        """The square root of ``x``, which is not negative."""
        return call("math.sqrt", *_fixed("sqrt", x))

    @staticmethod
    def inv_sqrt(x: Any) -> QuaExpression:
        """1 / sqrt(x), for x above 1/64."""
        return call("math.inv_sqrt", *_fixed("inv_sqrt", x))

    @staticmethod
    def inv(x: Any) -> QuaExpression:
        """1 / x, for x up to -1/8 or above 1/8."""
        return call("math.inv", *_fixed("inv", x))

    @staticmethod
    def atan(x: Any) -> QuaExpression:
        """The angle in rad whose tangent is ``x``, for x from -1 to 1."""
        return call("math.atan", *_fixed("atan", x))

    @staticmethod
    def atan_2pi(x: Any) -> QuaExpression:
        """The angle in turns whose tangent is ``x``."""
        return call("math.atan_2pi", *_fixed("atan_2pi", x))

    @staticmethod
    def lrelu(x: Any) -> QuaExpression:
        """``x`` where it is not negative, else 0.01 x."""
        return call("math.lrelu", *_fixed("lrelu", x))

    @staticmethod
    def elu(x: Any) -> QuaExpression:
        """``x`` where it is not negative, else exp(x) - 1."""
        return call("math.elu", *_fixed("elu", x))

    @staticmethod
    def aelu(x: Any) -> QuaExpression:
        """The same as ``elu``; the platform's is an approximation of it."""
        return call("math.aelu", *_fixed("aelu", x))

    @staticmethod
    def selu(x: Any) -> QuaExpression:
        """1.05070098 elu(x), of which the part below 0 is multiplied by 1.67326324."""
        return call("math.selu", *_fixed("selu", x))

    @staticmethod
    def log(x: Any, base: Any) -> QuaExpression:
        """The logarithm of ``x`` to ``base``, for x above 2**-8 and a base above 2**(1/8)."""
        return call("math.log", *_fixed("log", x, base))

    @staticmethod
    def pow(base: Any, x: Any) -> QuaExpression:
        """``base`` to the power of ``x``, for a base above 0 other than 1; also of 0, for x above 0."""
        return call("math.pow", *_fixed("pow", base, x))

    @staticmethod
    def atan2(y: Any, x: Any) -> QuaExpression:
        """The angle in rad of the point (x, y)."""
        return call("math.atan2", *_fixed("atan2", y, x))

    @staticmethod
    def atan2_2pi(y: Any, x: Any) -> QuaExpression:
        """The angle in turns of the point (x, y)."""
        return call("math.atan2_2pi", *_fixed("atan2_2pi", y, x))

    @staticmethod
    def plrelu(x: Any, a: Any) -> QuaExpression:
        """``x`` where it is not negative, else a x."""
        return call("math.plrelu", *_fixed("plrelu", x, a))


class Util:
    """What else there is to compute with."""

    @staticmethod
    def cond(condition: Any, true_result: Any, false_result: Any) -> QuaExpression:
        """``true_result`` where ``condition`` holds, else ``false_result``; both are evaluated, and have one type."""
        number = python_number(condition)
        if number is not None and not isinstance(number, bool):
            raise refusal(f"the condition of Util.cond must be bool, not {number!r}", code="type_mismatch")
        holds = typed(condition, "bool", place="as condition of Util.cond")
        a, b = _alike(true_result, false_result)
        if a.type != b.type:
            raise refusal(
                f"{described(a)} and {described(b)} in Util.cond are of two types",
                code="type_mismatch",
                hint="convert one of them with Cast.to_fixed(...), Cast.to_int(...) or Cast.to_bool(...)",
            )
        return call("util.cond", holds, a, b)


def _alike(left: object, right: object) -> tuple[QuaExpression, QuaExpression]:
    """Two scalars; a Python number takes the type of the other one, and of two numbers an int that of a float."""
    place = "in Util.cond"
    left, right = quotients_as_used(left, right)
    like: tree.VarType | None = None
    for side in (left, right):
        if isinstance(side, QuaExpression):
            like = like or side.type
    numbers = [number for number in map(python_number, (left, right)) if number is not None]
    if like is None and {own_type(number) for number in numbers} == {"int", "fixed"}:
        like = "fixed"
    return scalar(left, like, place=place), scalar(right, like, place=place)
