"""What each strand executes, read from the listing: the rules of docs/arithmetic.md, section 2."""

from __future__ import annotations

from engine_lab import config

import quaymaster.qua as q
from quaymaster._core.program import tree
from quaymaster.controller.compiler import compile_program, disassemble


def executors(program: tree.Program) -> list[tuple[str, str]]:
    """(instruction, strands) of every line but the end."""
    lines = disassemble(compile_program(program, config())).splitlines()[:-1]
    return [(line[5:21].strip(), line[46:].split(";")[0].strip()) for line in lines]


def test_the_averaging_loop() -> None:
    """The loop is everybody's, a pulse its element's, values and saves the saver's."""
    with q.program() as prog:
        n, a, stream = q.declare(int), q.declare(q.fixed), q.declare_stream()
        with q.for_(n, 0, n < 10, n + 1):
            q.play("long", "q1")
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
            q.save(a, stream)
            q.wait(100, "r1")
    assert executors(prog.tree) == [
        ("move", "q1,r1,saver"),
        ("align", "q1,r1"),
        ("jump_not_lt", "q1,r1,saver"),
        ("play", "q1"),
        ("measure", "r1"),
        ("hear", "saver"),
        ("await", "saver"),
        ("save", "saver"),
        ("wait_ns", "r1"),
        ("add", "q1,r1,saver"),
        ("jump", "q1,r1,saver"),
    ]


def test_a_classical_statement_is_executed_by_who_needs_it() -> None:
    """y feeds q1's amplitude, through x; nobody needs z."""
    with q.program() as prog:
        x, y, z = q.declare(q.fixed), q.declare(q.fixed), q.declare(q.fixed)
        q.assign(x, 0.25)
        q.assign(y, x + 0.25)
        q.assign(z, y)
        q.play("long" * q.amp(y), "q1")
        q.play("long", "q2")
    assert executors(prog.tree) == [("move", "q1"), ("add", "q1"), ("play", "q1"), ("play", "q2")]


def test_the_order_of_statements_does_not_matter_to_need() -> None:
    """An assign after the last read is executed too."""
    with q.program() as prog:
        x = q.declare(q.fixed)
        q.play("long" * q.amp(x), "q1")
        q.assign(x, 0.5)
    assert executors(prog.tree) == [("play", "q1"), ("move", "q1")]


def test_who_shares_a_seed_executes_the_draws() -> None:
    """q2 draws from the seed that q1's duration draws from, so q2 executes q1's expression, but not its play."""
    with q.program() as prog:
        random = q.Random(3)
        q.play("long", "q1", duration=random.rand_int(10) + 4)
        q.wait(random.rand_int(10) + 4, "q2")
    # each needs the seed: all draws are executed by both; what is done with a draw is part of its expression
    assert [who for op, who in executors(prog.tree) if op == "rand_int"] == ["q1,q2", "q1,q2"]
    assert [who for op, who in executors(prog.tree) if op in ("play", "wait")] == ["q1", "q2"]


def test_who_hears_a_measure_executes_its_control_and_its_index_only() -> None:
    """q1 needs the array: it walks the loop and the index, not the amplitude of the measure."""
    with q.program() as prog:
        n, cells, level = q.declare(int), q.declare(q.fixed, size=4), q.declare(q.fixed)
        with q.for_(n, 0, n < 4, n + 1):
            q.measure("read" * q.amp(level + 0.5), "r1", None, q.demod.full("cos", cells[n + 0], "out1"))
        q.play("long" * q.amp(cells[2]), "q1")
    strands = executors(prog.tree)
    assert ("measure", "r1") in strands
    assert ("hear", "q1") in strands
    assert [who for op, who in strands if op == "add"] == ["r1", "r1,q1", "r1,q1"]  # amplitude, index, step
