"""Which elements a program and a block name."""

from __future__ import annotations

from example_trees import BOOL, FIXED, INT, program, value

from quaymaster._core.program import tree
from quaymaster._core.program.elements import elements_in, elements_used


def play(element: str) -> tree.Play:
    """A play."""
    return tree.Play(at=0, operation="x", element=element)


BODY: tuple[tree.Statement, ...] = (
    tree.Assign(at=0, target=INT, value=INT),
    tree.Wait(at=0, duration=value("int", 4), elements=("b", "a")),
    tree.If(
        at=0,
        branches=(
            tree.Branch(at=0, condition=BOOL, body=(play("c"),)),
            tree.Branch(at=0, condition=BOOL, body=(tree.Measure(at=0, operation="x", element="d"),)),
        ),
        otherwise=(tree.ResetFrame(at=0, element="e"), play("a")),
    ),
    tree.For(at=0, body=(tree.StrictTiming(at=0, body=(tree.ResetIfPhase(at=0, element="f"),)),)),
    tree.ForEach(at=0, variables=(INT,), arrays=("a1",), body=(tree.FrameRotation(at=0, element="g", turns=FIXED),)),
    tree.UpdateFrequency(at=0, element="h", frequency=INT),
    tree.Align(at=0, elements=("i", "h")),
    tree.RampToZero(at=0, element="j"),
    tree.WaitForTrigger(at=0, element="k"),
    tree.Pause(at=0),
    tree.AdvanceInput(at=0, variable="v1"),
    tree.Align(at=0),
    tree.Save(at=0, source=INT, stream="r1"),
)


def test_elements_come_in_the_order_of_first_use() -> None:
    """Every statement that names elements counts, nested ones in their place."""
    assert elements_used(program(*BODY)) == tuple("bacdefghijk")


def test_bare_align_and_wait_stand_for_everything() -> None:
    """In a block, an align without names means all that it is told."""
    body = (play("z"), tree.Align(at=0))
    assert elements_in(body) == ("z",)
    assert elements_in(body, ("a", "b")) == ("z", "a", "b")
    assert elements_in((tree.Pause(at=0),), ("a", "b")) == ("a", "b")


def test_a_classical_block_names_none() -> None:
    """Assignments and saves use no element."""
    assert elements_in((BODY[0], BODY[-1])) == ()
