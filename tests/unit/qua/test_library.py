"""Math and Util give exactly the calls written down here, typed by their arguments."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

import quaymaster.qua as q
from quaymaster._core.program import tree
from quaymaster._core.program.functions import SIGNATURES

FIXED_ONE = 1 << 28
N = tree.Variable(type="int", name="v1")
F = tree.Variable(type="fixed", name="v2")
B = tree.Variable(type="bool", name="v3")
INTS = tree.Whole(type="int", array="a1")
FIXEDS = tree.Whole(type="fixed", array="a2")
BOOLS = tree.Whole(type="bool", array="a3")


class Names:
    """n int, f fixed, b bool, ints, fixeds and bools arrays of 3."""

    def __init__(self) -> None:
        self.n, self.f, self.b = (q.declare(t) for t in (int, q.fixed, bool))
        self.ints, self.fixeds, self.bools = (q.declare(t, size=3) for t in (int, q.fixed, bool))


def value(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def fixed(number: float) -> tree.Value:
    """A fixed literal."""
    return value("fixed", round(number * FIXED_ONE))


def node_of(make: Any) -> tree.Expression:
    """The tree of what ``make(names)`` returns, which stands in a program that passes all checks."""
    with q.program() as prog:
        names = Names()
        made = make(names)
        q.assign(q.declare({"int": int, "fixed": q.fixed, "bool": bool}[made.type]), made)
    (assign,) = prog.tree.body
    assert isinstance(assign, tree.Assign)
    assert assign.value == made.node
    return assign.value


def call(type: tree.VarType, function: tree.Function, *arguments: tree.Expression) -> tree.Call:
    """A call."""
    return tree.Call(type=type, function=function, arguments=arguments)


ONE_FIXED: list[tree.Function] = [
    "math.sin2pi", "math.cos2pi", "math.sin", "math.cos", "math.exp", "math.pow2", "math.ln", "math.log2",
    "math.log10", "math.sqrt", "math.inv_sqrt", "math.inv", "math.atan", "math.atan_2pi", "math.lrelu", "math.elu",
    "math.aelu", "math.selu",
]  # fmt: skip
TWO_FIXED: list[tree.Function] = ["math.log", "math.pow", "math.atan2", "math.atan2_2pi", "math.plrelu"]
NUMBER: list[tree.Function] = ["math.abs", "math.relu"]
ARRAY: list[tree.Function] = ["math.sum", "math.max", "math.min"]
PLACE: list[tree.Function] = ["math.argmax", "math.argmin"]
OTHERS: list[tree.Function] = ["math.dot", "math.msb", "util.cond"]


def python(function: tree.Function) -> Any:
    """The function of Math that ``function`` is."""
    return getattr(q.Math, function.removeprefix("math."))


def test_every_function_is_named_here() -> None:
    """The lists of this file and the signatures hold all functions of the tree."""
    here = {*ONE_FIXED, *TWO_FIXED, *NUMBER, *ARRAY, *PLACE, *OTHERS}
    assert here == {name for name in get_args(tree.Function) if name.startswith(("math.", "util."))}
    assert set(SIGNATURES) == set(get_args(tree.Function))


@pytest.mark.parametrize("function", ONE_FIXED)
def test_functions_of_a_fixed(function: tree.Function) -> None:
    """A fixed gives a fixed; a Python or numpy number is one."""
    assert node_of(lambda v: python(function)(v.f)) == call("fixed", function, F)
    assert node_of(lambda v: python(function)(1)) == call("fixed", function, fixed(1))
    assert node_of(lambda v: python(function)(np.float64(0.25))) == call("fixed", function, fixed(0.25))


@pytest.mark.parametrize("function", TWO_FIXED)
def test_functions_of_two_fixeds(function: tree.Function) -> None:
    """In the order in which they are written."""
    assert node_of(lambda v: python(function)(v.f, 2)) == call("fixed", function, F, fixed(2))
    assert node_of(lambda v: python(function)(0.5, v.f)) == call("fixed", function, fixed(0.5), F)


@pytest.mark.parametrize("function", NUMBER)
def test_functions_that_keep_the_type(function: tree.Function) -> None:
    """An int gives an int, a fixed a fixed."""
    assert node_of(lambda v: python(function)(v.n)) == call("int", function, N)
    assert node_of(lambda v: python(function)(v.f)) == call("fixed", function, F)
    assert node_of(lambda v: python(function)(v.fixeds[v.n])) == call(
        "fixed", function, tree.Cell(type="fixed", array="a2", index=N)
    )
    assert node_of(lambda v: python(function)(-3)) == call("int", function, value("int", -3))


@pytest.mark.parametrize("function", ARRAY)
def test_functions_of_an_array(function: tree.Function) -> None:
    """The result has the type of the cells."""
    assert node_of(lambda v: python(function)(v.ints)) == call("int", function, INTS)
    assert node_of(lambda v: python(function)(v.fixeds)) == call("fixed", function, FIXEDS)


@pytest.mark.parametrize("function", PLACE)
def test_functions_that_find_a_place(function: tree.Function) -> None:
    """An index is an int, whatever the cells are."""
    assert node_of(lambda v: python(function)(v.ints)) == call("int", function, INTS)
    assert node_of(lambda v: python(function)(v.fixeds)) == call("int", function, FIXEDS)


@pytest.mark.parametrize(
    ("numbers", "type", "raws"),
    [
        ([3, -1], "int", (3, -1)),
        ((3, 0.5), "fixed", (3 * FIXED_ONE, FIXED_ONE // 2)),
        (range(2, 8, 3), "int", (2, 5)),
        (np.array([0.25, 1.0]), "fixed", (FIXED_ONE // 4, FIXED_ONE)),
    ],
)
def test_a_list_of_numbers_is_an_array(numbers: Any, type: tree.VarType, raws: tuple[int, ...]) -> None:
    """As on the platform: of fixeds where a float is in it, else of ints."""
    with q.program() as prog:
        q.assign(q.declare({"int": int, "fixed": q.fixed}[type]), q.Math.max(numbers))
    (assign,) = prog.tree.body
    assert isinstance(assign, tree.Assign)
    assert assign.value == call(type, "math.max", tree.Whole(type=type, array="a1"))
    assert prog.tree.declarations[-1].initial == raws


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda v: q.Math.dot(v.ints, v.ints), call("int", "math.dot", INTS, INTS)),
        (lambda v: q.Math.dot(v.fixeds, v.fixeds), call("fixed", "math.dot", FIXEDS, FIXEDS)),
        (lambda v: q.Math.dot(v.ints, v.fixeds), call("fixed", "math.dot", INTS, FIXEDS)),
        (lambda v: q.Math.dot(v.fixeds, v.ints), call("fixed", "math.dot", FIXEDS, INTS)),
        (lambda v: q.Math.dot(v.bools, v.bools), call("int", "math.dot", BOOLS, BOOLS)),
        (lambda v: q.Math.dot(v.ints, v.bools), call("int", "math.dot", INTS, BOOLS)),
        (lambda v: q.Math.dot(v.bools, v.fixeds), call("fixed", "math.dot", BOOLS, FIXEDS)),
        (lambda v: q.Math.msb(v.f), call("int", "math.msb", F)),
        (lambda v: q.Math.MSB(v.n), call("int", "math.msb", N)),
        (lambda v: q.Math.div(v.n, 3), tree.Binary(type="int", operator="/", left=N, right=value("int", 3))),
        (lambda v: q.Math.div(1, v.f), tree.Binary(type="fixed", operator="/", left=fixed(1), right=F)),
        (lambda v: q.Util.cond(v.b, v.n, 3), call("int", "util.cond", B, N, value("int", 3))),
        (lambda v: q.Util.cond(v.b, 3, v.f), call("fixed", "util.cond", B, fixed(3), F)),
        (lambda v: q.Util.cond(v.b, v.b, False), call("bool", "util.cond", B, B, value("bool", 0))),
        (lambda v: q.Util.cond(True, 1, 0.5), call("fixed", "util.cond", value("bool", 1), fixed(1), fixed(0.5))),
        (lambda v: q.Util.cond(v.b, 1, 2), call("int", "util.cond", B, value("int", 1), value("int", 2))),
        (lambda v: q.Math.sin(v.f + q.Math.abs(v.f)), call("fixed", "math.sin", tree.Binary(
            type="fixed", operator="+", left=F, right=call("fixed", "math.abs", F)))),
    ],
)  # fmt: skip
def test_other_functions(make: Any, expected: tree.Expression) -> None:
    """dot, msb, div, cond, and one in another."""
    assert node_of(make) == expected


def test_the_quotient_of_div_is_that_of_its_target() -> None:
    """Math.div of two ints assigned to a fixed is their fixed quotient, as ``/`` is."""
    with q.program() as prog:
        n, f = q.declare(int), q.declare(q.fixed)
        q.assign(f, q.Math.div(n, 3))
    (assign,) = prog.tree.body
    assert isinstance(assign, tree.Assign)
    assert assign.value.type == "fixed"


def test_they_are_written_as_the_user_wrote_them() -> None:
    """str of an expression is its text in the language."""
    with q.program():
        v = Names()
        assert str(q.Math.dot(v.ints, v.ints)) == "Math.dot(a1, a1)"
        assert str(q.Util.cond(v.f > 0, v.f, 0.5)) == "Util.cond(v2 > 0.0, v2, 0.5)"


def test_functions_of_another_program_are_refused() -> None:
    """An array of another program cannot be summed here."""
    with q.program():
        other = q.declare(int, size=3)
    with q.program(), pytest.raises(q.QmQuaException) as caught:
        q.Math.sum(other)
    assert caught.value.code == "other_program"  # type: ignore[attr-defined]
