"""Every block of the language gives exactly the tree written down here."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

import quaymaster.qua as q
from quaymaster._core.program import tree

N = tree.Variable(type="int", name="v1")
HERE = "test_control.py"


def value(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def binary(type: tree.VarType, left: Any, operator: Any, right: Any) -> tree.Binary:
    """A binary operation."""
    return tree.Binary(type=type, operator=operator, left=left, right=right)


def test_for() -> None:
    """Start, condition and step are as written; the block's place is the line of the for_."""
    with q.program() as prog:
        n = q.declare(int)
        with q.for_(n, 0, n < 10, n + 2):
            q.align()
    assert prog.tree.body == (
        tree.For(
            at=1,
            start=tree.Assign(at=1, target=N, value=value("int", 0)),
            condition=binary("bool", N, "<", value("int", 10)),
            step=tree.Assign(at=1, target=N, value=binary("int", N, "+", value("int", 2))),
            body=(tree.Align(at=2),),
        ),
    )


def test_for_with_keywords_and_a_starred_tuple() -> None:
    """The arguments by name, and for_(*tuple), give the same loop."""
    loops = []
    for star in (False, True):
        with q.program() as prog:
            n = q.declare(int)
            arguments = {"init": 0, "cond": n < 10, "update": n + 1}
            with q.for_(*(n, *arguments.values())) if star else q.for_(n, **arguments):
                pass
        loops.append(prog.tree.body)
    assert loops[0][0].condition == loops[1][0].condition  # type: ignore[union-attr]
    assert loops[0][0].step.value == loops[1][0].step.value  # type: ignore[union-attr]


def test_while_and_infinite_loop() -> None:
    """while_ has a condition alone; infinite_loop_ has nothing."""
    with q.program() as prog:
        n = q.declare(int)
        with q.while_(n < 3):
            q.assign(n, n + 1)
        with q.infinite_loop_():
            q.play("x", "q")
    loop, endless = prog.tree.body
    assert isinstance(loop, tree.For) and isinstance(endless, tree.For)
    assert (loop.start, loop.condition, loop.step) == (None, binary("bool", N, "<", value("int", 3)), None)
    assert (endless.start, endless.condition, endless.step) == (None, None, None)
    assert len(loop.body) == len(endless.body) == 1


def test_if_elif_else() -> None:
    """One If with its branches in order, each at its own line."""
    with q.program() as prog:
        n = q.declare(int)
        with q.if_(n == 1):
            q.wait(4)
        with q.elif_(n == 2):
            q.wait(5)
        with q.elif_(n == 3):
            pass
        with q.else_():
            q.wait(6)
    wait = [tree.Wait(at=at, duration=value("int", cycles)) for at, cycles in ((2, 4), (4, 5), (7, 6))]
    assert prog.tree.body == (
        tree.If(
            at=1,
            branches=(
                tree.Branch(at=1, condition=binary("bool", N, "==", value("int", 1)), body=(wait[0],)),
                tree.Branch(at=3, condition=binary("bool", N, "==", value("int", 2)), body=(wait[1],)),
                tree.Branch(at=5, condition=binary("bool", N, "==", value("int", 3)), body=()),
            ),
            otherwise=(wait[2],),
        ),
    )


def test_python_bools_are_conditions() -> None:
    """if_(True) is a branch on a literal."""
    with q.program() as prog, q.if_(True):
        pass
    (statement,) = prog.tree.body
    assert isinstance(statement, tree.If)
    assert statement.branches[0].condition == value("bool", 1)


def test_two_ifs_stay_two() -> None:
    """An else_ belongs to the if_ directly before it."""
    with q.program() as prog:
        n = q.declare(int)
        with q.if_(n == 1):
            pass
        with q.if_(n == 2):
            pass
        with q.else_():
            q.align()
    first, second = prog.tree.body
    assert isinstance(first, tree.If) and isinstance(second, tree.If)
    assert (len(first.otherwise), len(second.otherwise)) == (0, 1)


@pytest.mark.parametrize("unsafe", [False, True])
def test_switch_on_a_variable(unsafe: bool) -> None:
    """switch_ is an If of equalities; a variable is compared as it is."""
    with q.program() as prog:
        n = q.declare(int)
        with q.switch_(n, unsafe=unsafe):
            with q.case_(1):
                q.wait(4)
            with q.case_(n + 1):
                q.wait(5)
            if not unsafe:
                with q.default_():
                    q.wait(6)
    (statement,) = prog.tree.body
    assert isinstance(statement, tree.If)
    assert [branch.condition for branch in statement.branches] == [
        binary("bool", N, "==", value("int", 1)),
        binary("bool", N, "==", binary("int", N, "+", value("int", 1))),
    ]
    assert len(statement.otherwise) == (0 if unsafe else 1)
    assert len(prog.tree.declarations) == 1


def test_switch_on_an_expression_evaluates_it_once() -> None:
    """A hidden variable h1 takes the value first; users' names are not disturbed."""
    with q.program() as prog:
        n = q.declare(int)
        r = q.Random(1)
        with q.switch_(r.rand_int(2)):
            with q.case_(0):
                q.wait(4)
            with q.case_(1):
                q.wait(5)
        q.assign(q.declare(int), n)
    assert [item.name for item in prog.tree.declarations] == ["v1", "v2", "h1", "v3"]
    first, switch, _ = prog.tree.body
    assert isinstance(first, tree.Assign) and isinstance(switch, tree.If)
    hidden = tree.Variable(type="int", name="h1")
    assert first.target == hidden
    assert isinstance(first.value, tree.Call)
    assert [branch.condition for branch in switch.branches] == [
        binary("bool", hidden, "==", value("int", case)) for case in (0, 1)
    ]


def test_strict_timing() -> None:
    """strict_timing_ wraps its block."""
    with q.program() as prog, q.strict_timing_():
        q.play("x", "q")
    assert prog.tree.body == (tree.StrictTiming(at=0, body=(tree.Play(at=1, operation="x", element="q"),)),)


@pytest.mark.parametrize("values", [[0.5, 1], (0.5, 1.0), np.array([0.5, 1.0])])
def test_for_each_over_a_list(values: Any) -> None:
    """A list becomes a hidden array of the variable's type."""
    with q.program() as prog:
        f = q.declare(q.fixed)
        with q.for_each_(f, values):
            q.align()
    assert prog.tree.body == (
        tree.ForEach(
            at=1,
            variables=(tree.Variable(type="fixed", name="v1"),),
            arrays=("a1",),
            body=(tree.Align(at=2),),
        ),
    )
    assert prog.tree.declarations[1].initial == (1 << 27, 1 << 28)


def test_a_for_over_a_fixed_that_rounding_ends(caplog: pytest.LogCaptureFixture) -> None:
    """0.2 is rounded down, so its fifth multiple is below 1.0: the warning names the line, both counts, a way out."""
    with q.program():
        a = q.declare(q.fixed)
        with q.for_(a, 0, a < 0.9, a + 0.2):
            pass
        assert not caplog.records
        with q.for_(a, 0, a < 1.0, a + 0.2):
            pass
    (record,) = caplog.records
    text = record.getMessage()
    assert record.levelname == "WARNING" and HERE in text
    assert "runs 6 times, not 5" in text and "5 times its step 0.2" in text and text.endswith("such as 0.9")


def test_for_each_over_several() -> None:
    """Several variables walk in lockstep over arrays and lists."""
    with q.program() as prog:
        n, b, a = q.declare(int), q.declare(bool), q.declare(int, value=[7, 8])
        with q.for_each_((n, b), (a, [True, False])):
            pass
    (loop,) = prog.tree.body
    assert isinstance(loop, tree.ForEach)
    assert (loop.arrays, [variable.name for variable in loop.variables]) == (("a1", "a2"), ["v1", "v2"])
    assert prog.tree.declarations[-1].initial == (1, 0)


def test_for_each_over_one_array() -> None:
    """An array of the program is walked over itself."""
    with q.program() as prog:
        n, a = q.declare(int), q.declare(int, value=[7, 8])
        with q.for_each_(n, a):
            pass
    assert prog.tree.body[0].arrays == ("a1",)  # type: ignore[union-attr]
    assert len(prog.tree.declarations) == 2


def test_port_condition() -> None:
    """The condition is taken once, where the block begins; plays in it, and in blocks inside, are subject to it."""
    hidden, inner = (tree.Variable(type="bool", name=name) for name in ("h1", "h2"))
    with q.program() as prog:
        n = q.declare(int)
        with q.port_condition(n > 0):
            q.play("x", "q")
            q.play("x", "q", condition=n < 5)
            with q.port_condition(n == 3):
                q.play("x", "q")
        q.play("x", "q")
    body = [msgspec.structs.replace(node, at=-1) for node in prog.tree.body]
    play = tree.Play(at=-1, operation="x", element="q", of_port=True)
    assert body == [
        tree.Assign(at=-1, target=hidden, value=binary("bool", N, ">", value("int", 0))),
        msgspec.structs.replace(play, condition=hidden),
        msgspec.structs.replace(play, condition=binary("bool", hidden, "&", binary("bool", N, "<", value("int", 5)))),
        tree.Assign(at=-1, target=inner, value=binary("bool", hidden, "&", binary("bool", N, "==", value("int", 3)))),
        msgspec.structs.replace(play, condition=inner),
        msgspec.structs.replace(play, of_port=False),
    ]


def test_no_measure_in_a_port_condition() -> None:
    """Its result would be of nothing."""
    with pytest.raises(q.QmQuaException) as refused, q.program():
        n = q.declare(int)
        with q.port_condition(n > 0):
            q.measure("x", "q", None)
    assert refused.value.code == "misplaced"


def test_the_condition_of_a_port_is_a_bool() -> None:
    """As that of an if_."""
    with pytest.raises(q.QmQuaException) as refused, q.program():
        q.port_condition(2)
    assert refused.value.code == "type_mismatch"
