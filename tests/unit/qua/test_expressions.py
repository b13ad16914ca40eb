"""Operators on QUA values give exactly the trees written down here."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import quaymaster.qua as q
from quaymaster._core.program import tree

FIXED_ONE = 1 << 28
N = tree.Variable(type="int", name="v1")
F = tree.Variable(type="fixed", name="v2")
B = tree.Variable(type="bool", name="v3")
N2 = tree.Variable(type="int", name="v4")
F2 = tree.Variable(type="fixed", name="v5")
B2 = tree.Variable(type="bool", name="v6")


def value(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def binary(type: tree.VarType, left: Any, operator: Any, right: Any) -> tree.Binary:
    """A binary operation."""
    return tree.Binary(type=type, operator=operator, left=left, right=right)


def node_of(make: Callable[..., Any]) -> tree.Expression:
    """The tree of what ``make(n, f, b, n2, f2, b2)`` returns."""
    with q.program():
        expression = make(*(q.declare(t) for t in (int, q.fixed, bool, int, q.fixed, bool)))
        assert isinstance(expression.node, tree.Value | tree.Variable | tree.Cell | tree.Binary | tree.Call)
        return expression.node


ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
BITWISE = {"&": operator.and_, "|": operator.or_, "^": operator.xor}
COMPARISONS = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge, "==": operator.eq}
SHIFTS = {"<<": operator.lshift, ">>": operator.rshift}


@pytest.mark.parametrize("sign", ARITHMETIC | BITWISE)
def test_numbers_meet_numbers_of_their_type(sign: str) -> None:
    """Arithmetic and bitwise operators keep the type of their two sides, int or fixed."""
    function = (ARITHMETIC | BITWISE)[sign]
    assert node_of(lambda n, f, b, n2, f2, b2: function(n, n2)) == binary("int", N, sign, N2)
    assert node_of(lambda n, f, b, n2, f2, b2: function(f, f2)) == binary("fixed", F, sign, F2)


@pytest.mark.parametrize("sign", BITWISE)
def test_bools_meet_bools(sign: str) -> None:
    """& | ^ on bools give a bool, with a Python bool on either side too."""
    function = BITWISE[sign]
    assert node_of(lambda n, f, b, n2, f2, b2: function(b, b2)) == binary("bool", B, sign, B2)
    assert node_of(lambda n, f, b, n2, f2, b2: function(b, True)) == binary("bool", B, sign, value("bool", 1))
    assert node_of(lambda n, f, b, n2, f2, b2: function(False, b)) == binary("bool", value("bool", 0), sign, B)


@pytest.mark.parametrize("sign", ARITHMETIC | BITWISE)
def test_a_python_number_takes_the_type_beside_it(sign: str) -> None:
    """3 is an int beside an int and 3.0 beside a fixed, on either side."""
    function = (ARITHMETIC | BITWISE)[sign]
    assert node_of(lambda n, *_: function(n, 3)) == binary("int", N, sign, value("int", 3))
    assert node_of(lambda n, *_: function(3, n)) == binary("int", value("int", 3), sign, N)
    assert node_of(lambda n, f, *_: function(f, 3)) == binary("fixed", F, sign, value("fixed", 3 * FIXED_ONE))
    assert node_of(lambda n, f, *_: function(0.5, f)) == binary("fixed", value("fixed", FIXED_ONE // 2), sign, F)


@pytest.mark.parametrize("sign", COMPARISONS)
def test_comparisons_give_bools(sign: str) -> None:
    """Comparisons are typed alike on both sides and give a bool."""
    function = COMPARISONS[sign]
    assert node_of(lambda n, f, b, n2, f2, b2: function(n, n2)) == binary("bool", N, sign, N2)
    assert node_of(lambda n, f, *_: function(f, 1)) == binary("bool", F, sign, value("fixed", FIXED_ONE))


def test_a_comparison_with_the_number_first_is_turned_round() -> None:
    """Python turns ``3 < n`` into ``n > 3``; the meaning stays."""
    assert node_of(lambda n, *_: n > 3) == binary("bool", N, ">", value("int", 3))


def test_bools_can_be_equal() -> None:
    """== is the one comparison of bools."""
    assert node_of(lambda n, f, b, *_: b == True) == binary("bool", B, "==", value("bool", 1))  # noqa: E712


@pytest.mark.parametrize("sign", SHIFTS)
def test_shifts_take_an_int_on_the_right(sign: str) -> None:
    """A shift keeps the type of its left side."""
    function = SHIFTS[sign]
    assert node_of(lambda n, f, *_: function(f, n)) == binary("fixed", F, sign, N)
    assert node_of(lambda n, f, *_: function(f, 12)) == binary("fixed", F, sign, value("int", 12))
    assert node_of(lambda n, *_: function(1, n)) == binary("int", value("int", 1), sign, N)


def test_unary_operators() -> None:
    """-x is 0 - x, ~x is x ^ 1 in the type of x, +x is x."""
    assert node_of(lambda n, *_: -n) == binary("int", value("int", 0), "-", N)
    assert node_of(lambda n, f, *_: -f) == binary("fixed", value("fixed", 0), "-", F)
    assert node_of(lambda n, *_: ~n) == binary("int", N, "^", value("int", 1))
    assert node_of(lambda n, f, *_: ~f) == binary("fixed", F, "^", value("fixed", FIXED_ONE))
    assert node_of(lambda n, f, b, *_: ~b) == binary("bool", B, "^", value("bool", 1))
    assert node_of(lambda n, *_: +n) == N


def test_numpy_numbers_count_as_python_numbers() -> None:
    """numpy scalars on either side behave like Python's."""
    assert node_of(lambda n, f, *_: np.float64(0.5) * f) == binary("fixed", value("fixed", FIXED_ONE // 2), "*", F)
    assert node_of(lambda n, *_: n + np.int32(7)) == binary("int", N, "+", value("int", 7))
    assert node_of(lambda n, f, b, *_: np.bool_(True) ^ b) == binary("bool", value("bool", 1), "^", B)
    assert node_of(lambda n, *_: n < np.array(7)) == binary("bool", N, "<", value("int", 7))


def test_a_whole_float_is_an_int_where_one_is_needed() -> None:
    """1e4 beside an int is 10000: nothing is lost."""
    assert node_of(lambda n, *_: n < 1e4) == binary("bool", N, "<", value("int", 10_000))


@pytest.mark.parametrize(
    ("compare", "sign", "bound"),
    [
        (lambda n: n < 22.6, "<", 23),
        (lambda n: n <= 22.6, "<=", 22),
        (lambda n: n > 22.6, ">", 22),
        (lambda n: n >= 22.6, ">=", 23),
        (lambda n: n < -0.5, "<", 0),
        (lambda n: n < 22.6, "<", 23),
    ],
)
def test_an_int_is_compared_with_a_fraction_exactly(compare: Any, sign: str, bound: int) -> None:
    """n < 22.6 holds for the ints up to 22, as n < 23 does; so for all four orders."""
    assert node_of(lambda n, *_: compare(n)) == binary("bool", N, sign, value("int", bound))


QUOTIENT = binary("fixed", N, "/", N2)


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda n, f, m: n / m + f, binary("fixed", QUOTIENT, "+", F)),
        (lambda n, f, m: f - n / m, binary("fixed", F, "-", QUOTIENT)),
        (lambda n, f, m: n / m * 0.5, binary("fixed", QUOTIENT, "*", value("fixed", FIXED_ONE // 2))),
        (lambda n, f, m: n / m < 0.5, binary("bool", QUOTIENT, "<", value("fixed", FIXED_ONE // 2))),
        (lambda n, f, m: n / m > 1.0, binary("bool", QUOTIENT, ">", value("fixed", FIXED_ONE))),
        (lambda n, f, m: f == n / m, binary("bool", F, "==", QUOTIENT)),
        (lambda n, f, m: n / m / f, binary("fixed", QUOTIENT, "/", F)),
        (lambda n, f, m: n / m < 1, binary("bool", binary("int", N, "/", N2), "<", value("int", 1))),
        (lambda n, f, m: f << n / m, binary("fixed", F, "<<", binary("int", N, "/", N2))),
        (
            lambda n, f, m: q.Math.sin(n / m),
            tree.Call(type="fixed", function="math.sin", arguments=(QUOTIENT,)),
        ),
        (
            lambda n, f, m: q.Util.cond(f < 1, 0.5, n / m),
            tree.Call(
                type="fixed",
                function="util.cond",
                arguments=(binary("bool", F, "<", value("fixed", FIXED_ONE)), value("fixed", FIXED_ONE // 2), QUOTIENT),
            ),
        ),
        (lambda n, f, m: q.amp(n / m).values[0], QUOTIENT),
    ],
)
def test_the_quotient_of_two_ints_is_a_fixed_where_one_is_needed(make: Any, expected: tree.Expression) -> None:
    """Its type is that of its use, as the platform says of Math.div: 3 / 4 is not below 0.5."""
    assert node_of(lambda n, f, b, m, *_: make(n, f, m)) == expected


def test_in_place_operators_on_sums() -> None:
    """+= on something that is no variable makes a new expression, as in Python."""

    def total(n: Any, *_: Any) -> Any:
        result = n + 1
        result += 2
        return result

    assert node_of(total) == binary("int", binary("int", N, "+", value("int", 1)), "+", value("int", 2))


def test_the_greatest_and_the_least_literals() -> None:
    """-2**31 and 2**31 - 1 are ints, -8 and 8 - 2**-28 are fixeds; beyond them a literal is refused."""
    for number in (-(2**31), 2**31 - 1):
        assert node_of(lambda n, *_, number=number: n + number) == binary("int", N, "+", value("int", number))
    for raw in (-(2**31), 2**31 - 1):
        assert node_of(lambda n, f, *_, raw=raw: f + raw / 2**28) == binary("fixed", F, "+", value("fixed", raw))


@pytest.mark.parametrize(("number", "raw"), [(8.0, -(2**31)), (100, 2**30), (-8.25, 2**31 - 2**26), (0.25, 2**26)])
def test_literal_turns_count_modulo_16(number: float, raw: int) -> None:
    """8 turns are -8 turns, 100 are 4, -8.25 are 7.75: sines of turns take any number."""
    for name in ("sin2pi", "cos2pi"):
        node = node_of(lambda *_, name=name: getattr(q.Math, name)(number))
        assert node == tree.Call(type="fixed", function=f"math.{name}", arguments=(value("fixed", raw),))  # type: ignore[arg-type]


def test_cells_and_length() -> None:
    """a[i] is a cell with any int as its index; a.length() is its length as an int."""
    with q.program():
        n = q.declare(int)
        a = q.declare(q.fixed, value=[0.5, 1.0])
        cell = a[n + 1]
        assert cell.node == tree.Cell(type="fixed", array="a1", index=binary("int", N, "+", value("int", 1)))
        assert a[1].node == tree.Cell(type="fixed", array="a1", index=value("int", 1))
        assert a.length().node == value("int", 2)
        assert len(a) == 2


CASTS = [
    ("to_int", "int", F, lambda n, f, b: q.Cast.to_int(f)),
    ("to_fixed", "fixed", N, lambda n, f, b: q.Cast.to_fixed(n)),
    ("to_bool", "bool", N, lambda n, f, b: q.Cast.to_bool(n)),
    ("unsafe_cast_int", "int", B, lambda n, f, b: q.Cast.unsafe_cast_int(b)),
    ("unsafe_cast_fixed", "fixed", N, lambda n, f, b: q.Cast.unsafe_cast_fixed(n)),
    ("unsafe_cast_bool", "bool", F, lambda n, f, b: q.Cast.unsafe_cast_bool(f)),
]


@pytest.mark.parametrize(("name", "type", "argument", "make"), CASTS)
def test_casts(name: Any, type: Any, argument: Any, make: Any) -> None:
    """Each cast is a call with one argument and its own type."""
    got = node_of(lambda n, f, b, *_: make(n, f, b))
    assert got == tree.Call(type=type, function=f"cast.{name}", arguments=(argument,))  # type: ignore[arg-type]


def test_mixed_products() -> None:
    """The two products of an int and a fixed, with Python numbers for either."""
    assert node_of(lambda n, f, *_: q.Cast.mul_fixed_by_int(f, n)) == tree.Call(
        type="fixed", function="cast.mul_fixed_by_int", arguments=(F, N)
    )
    assert node_of(lambda n, f, *_: q.Cast.mul_int_by_fixed(n, 0.5)) == tree.Call(
        type="int", function="cast.mul_int_by_fixed", arguments=(N, value("fixed", FIXED_ONE // 2))
    )


def test_a_literal_alone_has_its_own_type() -> None:
    """Cast.to_int(0.5) takes a fixed, Cast.to_fixed(2) an int, Cast.to_int(True) a bool."""
    for number, type, raw in ((0.5, "fixed", FIXED_ONE // 2), (2, "int", 2), (True, "bool", 1)):
        node = node_of(lambda *_, number=number: q.Cast.to_int(number))
        assert isinstance(node, tree.Call)
        assert node.arguments == (value(type, raw),)  # type: ignore[arg-type]


def test_texts_read_like_the_language() -> None:
    """str of an expression shows brackets where operators nest."""
    with q.program():
        n, a = q.declare(int), q.declare(q.fixed, size=3)
        assert str((n + 1) * n) == "(v1 + 1) * v1"
        assert str(q.Cast.to_int(a[n])) == "Cast.to_int(a1[v1])"
        assert repr(n) == "<v1 (int)>"
        assert f"{n}" == "v1"
        assert (n.is_int(), n.isFixed(), n.is_bool(), n.dtype) == (True, False, False, int)


def test_inverting_a_number_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """~n is n ^ 1 as on the platform, which no one expects: a warning with the line; ~b is the plain NOT of a bool."""
    assert node_of(lambda n, f, b, *_: ~b) == binary("bool", B, "^", value("bool", 1))
    assert not caplog.records
    assert node_of(lambda n, *_: ~n) == binary("int", N, "^", value("int", 1))
    (record,) = caplog.records
    assert "test_expressions.py" in record.getMessage() and "~ of v1 (int) is v1 ^ 1" in record.getMessage()
    assert "x ^ -1 turns all bits" in record.getMessage()
