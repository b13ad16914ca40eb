"""How often the loops around a save run, read off the text."""

from __future__ import annotations

from decimal import Decimal
from operator import ge, gt, le, lt
from typing import Any

import pytest
from example_trees import INT, program, value
from hypothesis import given
from hypothesis import strategies as st

from quaymaster._core.program import tree
from quaymaster._core.program.literals import fixed_raw, wrap32
from quaymaster._core.program.loops import STEPS_MAX, LoopsUnknownError, for_count, rounded_end, saving_loops

SAVE = tree.Save(at=0, source=INT, stream="r1")
FIXED = tree.Variable(type="fixed", name="v2")


def loop(
    *body: tree.Statement,
    start: Any = 0,
    operator: Any = "<",
    bound: Any = 3,
    step: Any = ("+", 1),
    variable: tree.Variable = INT,
) -> tree.For:
    """`for_(v, start, v operator bound, v step)`; numbers are raw."""

    def number(raw: Any) -> tree.Expression:
        return value(variable.type, raw) if isinstance(raw, int) else raw

    def joined(type: Any, word: Any, right: Any) -> tree.Binary:
        return tree.Binary(type=type, operator=word, left=variable, right=number(right))

    moved = joined(variable.type, *step) if isinstance(step, tuple) else step
    return tree.For(
        at=0,
        body=body,
        start=tree.Assign(at=0, target=variable, value=number(start)),
        condition=joined("bool", operator, bound),
        step=tree.Assign(at=0, target=variable, value=moved),
    )


def test_nested_loops_outermost_first() -> None:
    """for_, for_each_ over a1 (2 cells) and strict_timing_."""
    each = tree.ForEach(at=0, variables=(FIXED,), arrays=("a1",), body=(SAVE,))
    body = loop(tree.StrictTiming(at=0, body=(each,)), bound=5)
    assert saving_loops(program(loop(), body), "r1") == (5, 2)


def test_every_writer_counts() -> None:
    """Raw traces and start times are saved by measure and play."""
    measure = tree.Measure(at=0, operation="o", element="e", stream="r2", timestamp_stream="r4")
    play = tree.Play(at=0, operation="o", element="e", timestamp_stream="r3")
    made = program(loop(measure, loop(play, bound=4, variable=FIXED)))
    assert [saving_loops(made, name) for name in ("r2", "r4", "r3")] == [(3,), (3,), (3, 4)]


def test_a_save_in_every_branch_is_one() -> None:
    """if_ with else_ that both save; in some only is unknown."""
    branch = tree.Branch(at=0, condition=value("bool", 1), body=(SAVE,))
    both = tree.If(at=0, branches=(branch,), otherwise=(SAVE,))
    assert saving_loops(program(loop(both)), "r1") == (3,)
    with pytest.raises(LoopsUnknownError, match="in some branches"):
        saving_loops(program(loop(tree.If(at=0, branches=(branch,)))), "r1")


@given(
    st.integers(-50, 50),
    st.sampled_from(["<", "<=", ">", ">="]),
    st.integers(-50, 50),
    st.integers(-7, 7),
    st.booleans(),
)
def test_counts_are_those_of_the_loop(start: int, operator: str, bound: int, step: int, minus: bool) -> None:
    """Against a plain loop; one that does not end is unknown."""
    holds = {"<": int.__lt__, "<=": int.__le__, ">": int.__gt__, ">=": int.__ge__}[operator]
    count, at = 0, start
    while holds(at, bound) and count <= 200:
        count, at = count + 1, at + step
    moved = ("-", -step) if minus else ("+", step)
    made = loop(start=start, operator=operator, bound=bound, step=moved)
    if count > 200:
        with pytest.raises(LoopsUnknownError, match="does not end"):
            for_count(made)
    else:
        assert for_count(made) == count


@given(st.integers(1, 1000), st.integers(1, 1 << 30), st.integers(2, 9))
def test_multiplied_variables_are_walked(start: int, bound: int, factor: int) -> None:
    """v * factor, with the wrap of 32 bits."""
    count, at = 0, start
    while at < bound and count < 100:
        count, at = count + 1, wrap32(at * factor)
    made = loop(start=start, bound=bound, step=("*", factor))
    if count < 100:
        assert for_count(made) == count


def test_fixed_and_mirrored_forms() -> None:
    """0.5 doubling up to 2; `3 > v`; `1 + v`; Cast.mul_int_by_fixed(v, 1.5)."""
    one = 1 << 28
    assert for_count(loop(start=one // 2, operator="<=", bound=2 * one, step=("*", 2 * one), variable=FIXED)) == 3
    three = tree.Binary(type="bool", operator=">", left=value("int", 3), right=INT)
    plus = tree.Binary(type="int", operator="+", left=value("int", 1), right=INT)
    base = loop(step=plus)
    assert for_count(tree.For(at=0, body=(), start=base.start, condition=three, step=base.step)) == 3
    half_more = tree.Call(type="int", function="cast.mul_int_by_fixed", arguments=(INT, value("fixed", 3 * one // 2)))
    assert for_count(loop(start=10, operator="<=", bound=100, step=half_more)) == 6  # 10 15 22 33 49 73 (109)


OTHER = tree.Variable(type="int", name="v9")
UNKNOWN: list[tuple[str, Any, str]] = [
    ("nothing", (loop(),), "nothing is saved to stream r1"),
    ("twice", (loop(SAVE, SAVE),), "saved at several places"),
    ("while", (tree.For(at=0, body=(SAVE,), condition=value("bool", 1)),), "while_ or infinite_loop_"),
    ("start", (loop(SAVE, start=OTHER),), "does not start at a number"),
    ("bound", (loop(SAVE, bound=OTHER),), "does not end where v1 reaches a number"),
    ("equal", (loop(SAVE, operator="=="),), "does not end where v1"),
    ("step", (loop(SAVE, step=("+", OTHER)),), "v1, the variable of a for_ around the save, does not move by a number"),
    ("shift", (loop(SAVE, step=("<<", 1)),), "does not move by a number"),
    ("never", (loop(SAVE, bound=0),), "never runs"),
    ("endless", (loop(SAVE, step=("-", 1)),), "does not end before its variable overflows"),
    ("stuck", (loop(SAVE, step=("*", 5)),), f"more than {STEPS_MAX} multiplications"),
    ("assigned", (loop(SAVE, tree.Assign(at=0, target=INT, value=value("int", 1))),), "v1, .* is changed in its body"),
    ("inner", (loop(loop(SAVE)),), "is changed in its body"),
    (
        "seed",
        (
            loop(
                SAVE,
                tree.Assign(
                    at=0, target=OTHER, value=tree.Call(type="int", function="random.rand_fixed", arguments=(INT,))
                ),
            ),
        ),
        "is changed in its body",
    ),
]


@pytest.mark.parametrize(("body", "message"), [case[1:] for case in UNKNOWN], ids=[case[0] for case in UNKNOWN])
def test_what_the_text_does_not_tell(body: Any, message: str) -> None:
    """Said in words."""
    with pytest.raises(LoopsUnknownError, match=message):
        saving_loops(program(*body), "r1")


def decimal_loop(start: Decimal, operator: str, bound: Decimal, step: Decimal) -> tree.For:
    """for_(v2, start, v2 operator bound, v2 + step) as the client writes it."""
    raws = [fixed_raw(float(number)) for number in (start, bound, step)]
    return loop(start=raws[0], operator=operator, bound=raws[1], step=("+", raws[2]), variable=FIXED)


def counted(start: Any, operator: str, bound: Any, step: Any) -> int:
    """How often such a loop runs, step by step."""
    holds, count = {"<": lt, "<=": le, ">": gt, ">=": ge}[operator], 0
    while holds(start, bound):
        start, count = start + step, count + 1
    return count


@given(st.integers(-300, 300), st.integers(-300, 300), st.integers(1, 100), st.sampled_from(["<", "<=", ">", ">="]))
def test_an_end_that_rounding_moves_is_found(start: int, bound: int, step: int, operator: str) -> None:
    """Exactly where a loop of hundredths and one of its rounded numbers, both counted step by step, differ; half a step
    away from the bound they do not."""
    ends = [Decimal(start) / 100, operator, Decimal(bound) / 100, Decimal(step) / 100 * (1 if "<" in operator else -1)]
    made = decimal_loop(*ends)  # type: ignore[arg-type]
    raws = [fixed_raw(float(number)) for number in (ends[0], ends[2], ends[3])]  # type: ignore[arg-type]
    runs, meant = counted(raws[0], operator, raws[1], raws[2]), counted(*ends)
    found = rounded_end(made)
    assert (found is None) == (runs == meant)
    if found is not None:
        assert (found.runs, found.meant, found.step) == (runs, meant, raws[2])
        assert counted(raws[0], operator, found.bound, raws[2]) == meant


@pytest.mark.parametrize(
    "made",
    [
        loop(start=0, bound=10, variable=FIXED),
        loop(start=0, bound=7, step=("*", 3), variable=FIXED),
        loop(start=0, bound=10, step=("+", 3)),
        decimal_loop(Decimal(0), "<", Decimal("7.9"), Decimal("0.00001")),
        decimal_loop(Decimal(0), "<", Decimal("1"), Decimal("0.25")),
        tree.For(at=0, body=()),
    ],
)
def test_ends_that_are_none_of_rounding(made: tree.For) -> None:
    """Numbers that are exact, ints, steps as small as what rounding adds up to, and loops without an end."""
    assert rounded_end(made) is None
