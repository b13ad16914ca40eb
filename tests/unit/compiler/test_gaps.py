"""Gaps inside strict_timing_: what the compiler refuses and what it leaves to the run; it never refuses in vain."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import msgspec
import pytest
from engine_lab import config
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.engine import run
from reference.plants import Plant

import quaymaster.qua as q
from quaymaster._core.engine.image import Image, decode_image, encode_image
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster.controller.compiler import compile_program, flag_lines, gap_lines, refuse_gaps

FLIGHT_NS, READ_NS, LONG_NS, LATE_NS = 24, 400, 100, 1000  # of engine_lab


def built(write: Callable[[q.QuaVariable], None]) -> tree.Program:
    """The program that ``write`` writes, given a fixed variable."""
    with q.program() as prog:
        write(q.declare(q.fixed))
    return prog.tree


def gaps(write: Callable[[q.QuaVariable], None]) -> list[tuple[str, int]]:
    """(element, ns) of each gap."""
    return [(gap.element, gap.gap_ns) for gap in compile_program(built(write), config()).gaps]


def measured(value: q.QuaVariable, weights: str = "cos") -> None:
    """A measure on r1 into ``value``."""
    q.measure("read", "r1", None, q.demod.full(weights, value, "out1"))


def scaled(value: q.QuaVariable, element: str = "q1") -> None:
    """A play that reads ``value``."""
    q.play("long" * q.amp(value), element)


# ---------------------------------------------------------------- refused


def test_a_value_measured_beside_the_pulse() -> None:
    """All clocks start at 0: the window ends at 424 ns, q1 is free at 100."""

    def write(value: q.QuaVariable) -> None:
        with q.strict_timing_():
            q.play("long", "q1")
            measured(value)
            scaled(value)

    assert gaps(write) == [("q1", FLIGHT_NS + READ_NS - LONG_NS)]


def test_the_measuring_element_itself() -> None:
    """Its pulse is over before its window: the time of flight is missing, or what the weights are longer."""

    def write(value: q.QuaVariable) -> None:
        with q.strict_timing_():
            measured(value)
            scaled(value, "r1")
            measured(value, "late")
            q.play("long" * q.amp(value), "r1")

    assert gaps(write) == [("r1", FLIGHT_NS), ("r1", FLIGHT_NS + LATE_NS - READ_NS)]


def test_a_measure_before_the_block() -> None:
    """Read in the block behind a pulse of the block."""

    def write(value: q.QuaVariable) -> None:
        measured(value)
        q.align("q1", "r1")
        with q.strict_timing_():
            q.play("short", "q1")
            scaled(value)

    assert gaps(write) == [("q1", FLIGHT_NS - 20)]


def test_in_a_loop_and_in_a_block_around() -> None:
    """The alignment of the body makes clocks comparable; a block around is torn apart too."""

    def write(value: q.QuaVariable) -> None:
        n = q.declare(int)
        with q.strict_timing_(), q.for_(n, 0, n < 3, n + 1):
            q.play("long", "q1")
            q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
            with q.strict_timing_():
                q.play("long", "q1", duration=value_cycles(value))

    def value_cycles(value: q.QuaVariable) -> q.QuaExpression:
        return q.Cast.unsafe_cast_int(value)

    assert gaps(write) == [("q1", FLIGHT_NS + READ_NS - LONG_NS)]


def test_cells_with_known_numbers() -> None:
    """Cells are tracked one by one; a whole array is all of them."""

    def write(value: q.QuaVariable) -> None:
        cells = q.declare(q.fixed, size=2)
        with q.strict_timing_():
            q.play("long", "q1")
            q.play("long", "q2")
            q.measure("read", "r1", None, q.demod.full("cos", cells[1], "out1"))
            scaled(cells[0])
            scaled(cells[1])
            q.assign(value, q.Math.sum(cells))
            q.play("long" * q.amp(value), "q2")

    assert gaps(write) == [("q1", FLIGHT_NS + READ_NS - 2 * LONG_NS), ("q2", FLIGHT_NS + READ_NS - LONG_NS)]


def test_a_condition() -> None:
    """An if on a measured value."""

    def write(value: q.QuaVariable) -> None:
        with q.strict_timing_():
            q.play("long", "q1")
            measured(value)
            with q.if_(value > 0):
                q.play("long", "q1")

    assert gaps(write) == [("q1", FLIGHT_NS + READ_NS - LONG_NS)]


def test_a_core_is_named_by_its_element_in_the_block() -> None:
    """c1 and c2 share a clock."""

    def write(value: q.QuaVariable) -> None:
        q.play("long", "c1")
        with q.strict_timing_():
            q.play("long", "c2")
            measured(value)
            scaled(value, "c2")

    assert gaps(write) == [("c2", FLIGHT_NS + READ_NS - 2 * LONG_NS)]


# ---------------------------------------------------------------- never refused


def without_reads(value: q.QuaVariable) -> None:
    """Plays, waits and aligns of durations that only the run knows."""
    t = q.declare(int)
    with q.for_(t, 4, t < 100, t + 1), q.strict_timing_():
        q.play("long" * q.amp(value), "q1", duration=t)
        q.wait(t, "q1")
        q.play("long", "q1")
        q.align("q1", "r1")
        measured(q.declare(q.fixed))


def late_enough(value: q.QuaVariable) -> None:
    """The value is there when it is read: to the nanosecond."""
    with q.strict_timing_():
        measured(value)
        q.wait((FLIGHT_NS + READ_NS) // 4, "q1")
        scaled(value)


def first_of_its_thread(value: q.QuaVariable) -> None:
    """What waits before its first statement in the block tears nothing of the block apart."""
    measured(value)
    with q.strict_timing_():
        scaled(value)
        q.play("long", "q1")


def after_an_unknown_wait(value: q.QuaVariable) -> None:
    """Long enough, perhaps."""
    t = q.declare(int)
    with q.strict_timing_():
        measured(value)
        q.wait(t, "q1")
        scaled(value)


def clocks_that_never_met(value: q.QuaVariable) -> None:
    """After a loop of q1 alone nobody knows where r1 is."""
    n = q.declare(int)
    with q.for_(n, 0, n < 100, n + 1):
        q.play("long", "q1")
    with q.strict_timing_():
        q.play("long", "q1")
        measured(value)
        scaled(value)


def assigned_before(value: q.QuaVariable) -> None:
    """An assign ends the waiting."""
    with q.strict_timing_():
        q.play("long", "q1")
        measured(value)
        q.assign(value, 0.5)
        scaled(value)


def measured_in_one_branch(value: q.QuaVariable) -> None:
    """Behind a branch it is not known whether it was measured."""
    n = q.declare(int)
    with q.strict_timing_():
        q.play("long", "q1")
        with q.if_(n == 1):
            measured(value)
        scaled(value)


def a_cell_with_an_unknown_number(value: q.QuaVariable) -> None:
    """It may be the one that was not measured."""
    cells, n = q.declare(q.fixed, size=2), q.declare(int)
    with q.strict_timing_():
        q.play("long", "q1")
        q.measure("read", "r1", None, q.demod.full("cos", cells[1], "out1"))
        scaled(cells[n])


def outside_the_block(value: q.QuaVariable) -> None:
    """The same gap behind the block is nobody's."""
    with q.strict_timing_():
        q.play("long", "q1")
        measured(value)
    scaled(value)


NEVER = [
    without_reads,
    late_enough,
    first_of_its_thread,
    after_an_unknown_wait,
    clocks_that_never_met,
    assigned_before,
    measured_in_one_branch,
    a_cell_with_an_unknown_number,
    outside_the_block,
]


@pytest.mark.parametrize("write", NEVER, ids=lambda write: write.__name__)
def test_left_to_the_run(write: Callable[[q.QuaVariable], None]) -> None:
    """Where there may be no gap, the compiler says nothing."""
    assert gaps(write) == []


# ---------------------------------------------------------------- the error and the flag


def image() -> Image:
    """With one gap."""

    def write(value: q.QuaVariable) -> None:
        with q.strict_timing_():
            q.play("long", "q1")
            measured(value)
            scaled(value)

    return compile_program(built(write), config())


def test_the_error_lists_the_gaps() -> None:
    """File, line, element and length; the flag makes warnings of them. It survives the wire."""
    made = decode_image(encode_image(image()))
    with pytest.raises(AskedWrongly) as caught:
        refuse_gaps(made, ["auto-element-thread"])
    line = inspect.getsourcelines(scaled)[1] + 2
    words = f"{__file__}:{line}: a gap of 324 ns inside strict_timing_: element 'q1' waits here for a measured value"
    assert caught.value.code == "compile_error"
    assert words in caught.value.message and "not-strict-timing" in (caught.value.hint or "")
    refuse_gaps(made, ["not-strict-timing"])
    assert gap_lines(made) == [words]


def test_a_flag_that_is_none_is_told() -> None:
    """It is accepted, with a warning that names the nearest; those of the platform are taken in silence."""
    assert flag_lines(["not-strict-timing", "auto-element-thread", "strict"]) == []
    (line,) = flag_lines(["not-strict-timings", "skip-loop-rolling"])
    assert line == (
        "there is no compile flag 'not-strict-timings': it has no effect; did you mean 'not-strict-timing'?"
    )
    assert len(flag_lines(str(number) for number in range(1_000))) == 20


# ---------------------------------------------------------------- against the reference

ELEMENTS = ("q1", "q2", "r1")


@st.composite
def strict_bodies(draw: st.DrawFn) -> tuple[list[tuple[str, ...]], int]:
    """Steps in a strict block that every element begins with a pulse, and how often the block is repeated."""
    element = st.sampled_from(ELEMENTS)
    step = st.one_of(
        st.tuples(st.just("play"), element),
        st.tuples(st.just("scaled"), element, st.sampled_from("xy")),
        st.tuples(st.just("measure"), st.sampled_from("xy"), st.sampled_from(("cos", "late"))),
        st.tuples(st.just("wait"), element, st.sampled_from(("4", "90", "260"))),
        st.tuples(st.just("wait unknown"), element),
        st.tuples(st.just("align"), element, element),
        st.tuples(st.just("assign"), st.sampled_from("xy")),
    )
    return draw(st.lists(step, min_size=3, max_size=12)), draw(st.sampled_from((1, 1, 2)))


def strict_program(steps: list[tuple[str, ...]], repeats: int) -> tree.Program:
    """A program of these steps."""
    with q.program() as prog:
        values, unknown, n = (
            {"x": q.declare(q.fixed), "y": q.declare(q.fixed)},
            q.declare(int, value=30),
            q.declare(int),
        )
        with q.strict_timing_():
            for name in ELEMENTS:
                q.play("long", name)
            if repeats == 1:
                write_steps(steps, values, unknown)
            else:
                with q.for_(n, 0, n < repeats, n + 1):
                    write_steps(steps, values, unknown)
    numbered = iter(range(1, 1000))
    return placed(prog.tree, numbered.__next__)


def write_steps(steps: list[tuple[str, ...]], values: dict[str, q.QuaVariable], unknown: q.QuaVariable) -> None:
    """Each step as a statement."""
    for kind, *names in steps:
        match kind:
            case "play":
                q.play("long", names[0])
            case "scaled":
                scaled(values[names[1]], names[0])
            case "measure":
                measured(values[names[0]], names[1])
            case "wait":
                q.wait(int(names[1]), names[0])
            case "wait unknown":
                q.wait(unknown, names[0])
            case "align":
                q.align(*dict.fromkeys(names))
            case "assign":
                q.assign(values[names[0]], 0.25)


def placed(program: tree.Program, number: Callable[[], int]) -> tree.Program:
    """Every statement at a place of its own."""

    def moved(node: tree.Statement) -> tree.Statement:
        changes: dict[str, object] = {"at": number()}
        if isinstance(node, tree.For | tree.StrictTiming):
            changes["body"] = tuple(moved(inner) for inner in node.body)
        return msgspec.structs.replace(node, **changes)

    body = tuple(moved(node) for node in program.body)
    return msgspec.structs.replace(program, body=body, sources=(("strict.py", 0),) * 1000)


@settings(max_examples=150, deadline=None)
@given(strict_bodies())
def test_what_is_refused_is_a_gap_of_the_reference(case: tuple[list[tuple[str, ...]], int]) -> None:
    """Each gap is an event of the reference engine at its line; where all durations are known, each event a gap."""
    steps, repeats = case
    program = strict_program(steps, repeats)
    outcome = run(program, config(), seed=1, numerics="linear", plant=Plant())
    events = {at for code, at in outcome.events if code == "strict_timing_gap"}
    found = {gap.at for gap in compile_program(program, config()).gaps}
    assert found <= events
    if repeats == 1 and not any(step[0] == "wait unknown" for step in steps):
        assert found == events
