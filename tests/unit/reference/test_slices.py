"""What a strand executes, worked out by hand from section 2 of docs/arithmetic.md."""

from __future__ import annotations

from reference.building import (
    assign,
    binary,
    boolean,
    cell,
    declare,
    demod,
    if_,
    measure,
    play,
    program,
    repeat,
    save,
    variable,
)
from reference.sites import Places
from reference.slices import Slice

from quaymaster._core.program import tree

X, Y, S = variable("x"), variable("y"), variable("s", "int")
DRAW = tree.Call(type="fixed", function="random.rand_fixed", arguments=(S,))
DECLARED = (declare("x"), declare("y"), declare("s", "int"), declare("i", "int"), declare("a", size=3))


def sliced(element: str | None, *body: tree.Statement) -> Slice:
    """The slice of the thread of one element, or of the saver."""
    return Slice(Places(program(*body, declarations=DECLARED)), None if element is None else {element})


def executed(part: Slice) -> list[str]:
    """Names of the statements that are executed whole, in the order of the text."""
    return [type(site.node).__name__ for site in part.places if site in part.statements]


def test_a_strand_executes_its_own_statements_and_what_they_read() -> None:
    """q needs y, and so x; it does not execute r's play."""
    body = (assign(X, 0.5), assign(Y, binary(X, "+", 0.1)), play("flat", "q", Y), play("flat", "r"))
    assert executed(sliced("q", *body)) == ["Assign", "Assign", "Play"]
    assert executed(sliced("r", *body)) == ["Play"]


def test_the_order_of_statements_does_not_matter() -> None:
    """An assign after the last use is executed too: the slice is closed without looking at order."""
    assert executed(sliced("q", play("flat", "q", X), assign(X, 0.5))) == ["Play", "Assign"]


def test_control_around_a_statement_is_executed() -> None:
    """A loop around q's play, with its counter; a loop of r alone is not."""
    body = (repeat("i", 2, play("flat", "q")), repeat("i", 2, play("flat", "r")))
    assert executed(sliced("q", *body)) == ["For", "Play", "For"]


def test_a_measure_that_defines_a_needed_variable_is_heard() -> None:
    """q hears r's measure and executes the loop around it, but not its amplitude."""
    body = (repeat("i", 2, measure("readout", "r", demod("cos", X), amplitude=(Y,))), if_(X, play("flat", "q")))
    part = sliced("q", *body)
    assert executed(part) == ["For", "If", "Play"]
    assert [(type(site.node).__name__, n) for site, n in part.heard] == [("Measure", 0)]
    assert not part.operands and "y" not in part.needed


def test_a_heard_cell_needs_its_index() -> None:
    """To know which cell arrives, the hearer executes the index of the target."""
    target = cell("a", variable("i", "int"))
    part = sliced("q", measure("readout", "r", demod("cos", target)), play("flat", "q", cell("a", 0)))
    assert len(part.heard) == 1 and len(part.operands) == 1 and "i" in part.needed


def test_an_operand_that_draws_is_executed_by_all_who_need_the_seed() -> None:
    """The saver of a drawn number draws also what r's amplitude draws, without r's play; r alone needs no save."""
    body = (play("flat", "r", DRAW, 0.5, 0.5, 0.5), assign(X, DRAW), save(X, "x"))
    saver = sliced(None, *body)
    assert executed(saver) == ["Assign", "Save"]
    assert [(type(site.node).__name__, n) for site, n in saver.operands] == [("Play", 0)]
    assert executed(sliced("r", *body)) == ["Play", "Assign"]


def test_a_condition_that_draws_executes_the_block() -> None:
    """A seed drawn in a condition makes the If part of every strand that needs the seed."""
    body = (if_(binary(DRAW, "<", 0.5), play("flat", "r")), play("flat", "q", DRAW))
    assert executed(sliced("q", *body)) == ["If", "Play"]


def test_the_saver_executes_saves_only() -> None:
    """Plays are not the saver's, nor is strict_timing around a save a control statement."""
    body = (tree.StrictTiming(at=-1, body=(play("flat", "q"), save(X, "x"))), if_(boolean(True), play("flat", "q")))
    assert executed(sliced(None, *body)) == ["Save"]
