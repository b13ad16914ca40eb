"""The latency profile `opx`: the published feedback figures, and each other row of the table, by hand.

The readout is 400 ns and heard 24 ns late, so its window ends at 424 ns: the last acquired sample that is needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from engine_lab import Run, config, run
from reference.engine import run as run_reference
from reference.plants import Plant

import quaymaster.qua as q
from quaymaster._core.engine.latencies import PROFILES, Latency, latencies_ns

WALKS = pytest.mark.parametrize("forked", [False, True])
END_NS = 424
LONG_NS = 100


def test_the_table() -> None:
    """Published figures: 50 cycles are 200 ns, 57 and 3 are 240 ns, 70 are 280 ns."""
    value, condition, parameter, branch, sync = latencies_ns("opx")
    assert (value, condition + branch, parameter, sync) == (200, 240, 280, 20)
    assert PROFILES["ideal"] == (0,) * len(Latency)


def run_opx(write: Callable[[Any], None], *, forked: bool = False, latency: str = "opx") -> Run:
    """Run what ``write`` writes, given a fixed variable that r1 measures at 0; the reference ends when it does."""
    with q.program() as prog:
        value = q.declare(q.fixed)
        q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
        write(value)
    done = run(prog.tree, forked=forked, latency=latency)
    expected = run_reference(prog.tree, config(), seed=0, numerics="linear", plant=Plant("none"), latency=latency)
    assert done.machine.clock_ns == expected.end_ns
    return done


def conditional_play(value: Any) -> None:
    """On a comparison of a measured value."""
    q.play("long", "q1", condition=value > 0.1)


def conditional_play_by_assign(value: Any) -> None:
    """The comparison is assigned first: the same."""
    b = q.declare(bool)
    q.assign(b, value > 0.1)
    q.play("long", "q1", condition=b)


def branch(value: Any) -> None:
    """A pulse in both branches of an if on a measured value."""
    with q.if_(value > 0.1):
        q.play("long", "q1")
    with q.else_():
        q.play("long", "q1")


def branch_by_assign(value: Any) -> None:
    """The condition is assigned first."""
    b = q.declare(bool)
    q.assign(b, value > 0.1)
    with q.if_(b):
        q.wait(25, "q1")
    with q.else_():
        q.play("long", "q1")


def amplitude(value: Any) -> None:
    """A parameter."""
    q.play("long" * q.amp(value), "q1")


def amplitude_by_assign(value: Any) -> None:
    """Calculated from it: calculations take no time."""
    a = q.declare(q.fixed)
    q.assign(a, value * 0.5 + 0.25)
    q.assign(a, a + a)
    q.play("long" * q.amp(a), "q1")


def angle(value: Any) -> None:
    """A statement without a time of its own waits for its parameter all the same, and the next pulse with it."""
    q.frame_rotation_2pi(value, "q1")
    q.play("long", "q1")


FEEDBACK = {
    conditional_play: 200,
    conditional_play_by_assign: 200,
    branch: 240,
    branch_by_assign: 240,
    amplitude: 280,
    amplitude_by_assign: 280,
    angle: 280,
}


@WALKS
@pytest.mark.parametrize("write", FEEDBACK, ids=lambda write: write.__name__)
def test_feedback(write: Callable[[Any], None], forked: bool) -> None:
    """From the last acquired sample to the first sample of the dependent pulse: the published figure; ideal: 0."""
    assert run_opx(write, forked=forked).clock("q1") == END_NS + FEEDBACK[write] + LONG_NS
    assert run_opx(write, forked=forked, latency="ideal").clock("q1") == END_NS + LONG_NS


@WALKS
def test_who_comes_later_does_not_wait(forked: bool) -> None:
    """A value that was ready long ago costs nothing more."""

    def write(value: Any) -> None:
        q.wait(250, "q1")
        q.play("long" * q.amp(value), "q1")

    assert run_opx(write, forked=forked).clock("q1") == 1000 + LONG_NS


@WALKS
def test_an_assigned_literal_is_not_late(forked: bool) -> None:
    """What was measured and then overwritten is not waited for."""

    def write(value: Any) -> None:
        q.assign(value, 0.5)
        q.play("long" * q.amp(value), "q1")

    assert run_opx(write, forked=forked).clock("q1") == LONG_NS


@WALKS
def test_a_branch_on_a_counter(forked: bool) -> None:
    """3 cycles to enter a branch, also the one of else; loops cost nothing."""

    def write(value: Any) -> None:
        n = q.declare(int)
        with q.for_(n, 0, n < 5, n + 1), q.if_(n > 2):
            q.play("long", "q1")

    assert run_opx(write, forked=forked).clock("q1") == 5 * 12 + 2 * LONG_NS


@WALKS
def test_an_align_of_known_times_is_free(forked: bool) -> None:
    """Literal durations alone: a deterministic align has no gap."""

    def write(value: Any) -> None:
        q.play("long", "q1", duration=30)
        q.wait(10, "q1")
        q.align("q1", "r1")
        q.play("long", "q1")

    assert run_opx(write, forked=forked).clock("q1") == 400 + LONG_NS


@WALKS
def test_an_align_of_unknown_times_takes_five_cycles(forked: bool) -> None:
    """A wait for a variable makes q2 loose; the second align finds nobody loose."""

    def write(value: Any) -> None:
        t = q.declare(int, value=300)
        q.wait(t, "q2")
        q.align("q1", "q2")
        q.align("q1", "q2", "r1")
        q.play("long", "q1")

    assert run_opx(write, forked=forked).clock("q1") == 1200 + 20 + LONG_NS


@WALKS
def test_a_wait_for_a_value_is_a_gap_of_strict_timing(forked: bool) -> None:
    """The window is over, the value is not ready: told, and only with latencies."""

    def write(value: Any) -> None:
        q.wait(106, "q1")  # until 424 ns
        with q.strict_timing_():
            q.play("short", "q1")
            q.play("long" * q.amp(value), "q1")

    assert {code for code, _ in run_opx(write, forked=forked).events} == {"strict_timing_gap"}
    assert not run_opx(write, forked=forked, latency="ideal").events


@WALKS
def test_the_operand_of_a_save_waits_for_the_value_alone(forked: bool) -> None:
    """A thread that draws the index of a save, for the seed, reads the cell there when its window ends, and no later:
    it plays nothing by it."""

    def write(value: Any) -> None:
        random, cells, stream = q.Random(5), q.declare(q.fixed, size=2), q.declare_stream()
        q.measure("read", "r1", None, q.demod.full("cos", cells[random.rand_int(1)], "out1"))
        q.save(cells[random.rand_int(1)], stream)
        q.play("long", "r1")

    assert run_opx(write, forked=forked).clock("r1") == 400 + END_NS + LONG_NS
