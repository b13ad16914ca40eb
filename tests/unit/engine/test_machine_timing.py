"""Times, each worked out by hand from a rule of docs/arithmetic.md, section 2; text order and forked walkers alike."""

from __future__ import annotations

from typing import Any

import pytest
from engine_lab import Run, run

import quaymaster.qua as q

WALKS = pytest.mark.parametrize("forked", [False, True])


def timed(*streams: Any) -> None:
    """Keep all values of the streams s0, s1, … with their times."""
    with q.stream_processing():
        for number, stream in enumerate(streams):
            stream.with_timestamps().save_all(f"s{number}")


def times_of(done: Run) -> list[int]:
    """The times of the only stream."""
    (times,) = done.times.values()
    return times


@WALKS
def test_plays_of_one_element_follow_each_other(forked: bool) -> None:
    """100 ns + 20 ns."""
    with q.program() as prog:
        q.play("long", "q1")
        q.play("short", "q1")
    done = run(prog.tree, forked=forked)
    assert done.clock("q1") == 120
    assert done.machine.clock_ns == 120


@WALKS
def test_elements_run_side_by_side(forked: bool) -> None:
    """Text order is not time order: q2 starts at 0."""
    with q.program() as prog:
        q.play("long", "q1")
        q.play("short", "q2")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2")) == (100, 20)


@WALKS
def test_elements_of_one_core_share_a_clock(forked: bool) -> None:
    """c1 and c2 are one thread: 100, then 20."""
    with q.program() as prog:
        q.play("long", "c1")
        q.play("short", "c2")
        q.wait(5, "c1", "c2")
    done = run(prog.tree, forked=forked)
    assert len(done.image.threads) == 1
    assert done.clock("c2") == 120 + 20  # the wait counts once for the thread


@WALKS
def test_align_and_wait(forked: bool) -> None:
    """align goes to the latest; wait without elements waits on all."""
    with q.program() as prog:
        q.play("long", "q1")
        q.play("short", "q2")
        q.align("q1", "q2")
        q.play("short", "q2")
        q.wait(10)
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2")) == (100 + 40, 120 + 40)


@WALKS
def test_align_without_names_is_of_all_elements(forked: bool) -> None:
    """c1, which only plays later, is aligned too; nothing is lost on the way."""
    with q.program() as prog:
        q.play("long", "q1")
        q.align()
        q.play("short", "q2")
        q.play("short", "c1")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2"), done.clock("c1")) == (100, 120, 120)


@WALKS
def test_statements_that_take_no_time(forked: bool) -> None:
    """Assigns, saves, rotations, frequencies and resets between two plays leave no gap: 100 + 20 ns."""
    with q.program() as prog:
        n, stream = q.declare(int), q.declare_stream()
        q.play("long", "q1")
        q.assign(n, n + 1)
        q.save(n, stream)
        q.frame_rotation_2pi(0.25, "q1")
        q.reset_frame("q1")
        q.update_frequency("q1", 10_000_000 + n)
        q.reset_if_phase("q1")
        q.play("short", "q1")
    assert run(prog.tree, forked=forked).clock("q1") == 120


@WALKS
def test_loop_bodies_begin_aligned(forked: bool) -> None:
    """Each of 3 iterations starts when the slowest of the last is through; after the loop all are aligned."""
    with q.program() as prog:
        n = q.declare(int)
        with q.for_(n, 0, n < 3, n + 1):
            q.play("long", "q1")
            q.play("short", "q2")
        q.play("short", "q2")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2")) == (300, 320)


@WALKS
def test_if_aligns_the_elements_of_all_its_branches(forked: bool) -> None:
    """q2 stands in the branch that is not taken, and is aligned all the same."""
    with q.program() as prog:
        n = q.declare(int, value=1)
        q.play("long", "q1")
        with q.if_(n == 1):
            q.play("short", "q1")
        with q.else_():
            q.play("short", "q2")
        q.play("short", "q2")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2")) == (120, 120)


@WALKS
def test_a_read_waits_for_the_end_of_the_window(forked: bool) -> None:
    """measure at 0 with time of flight 24 and weights of 400 ns: its value is there at 424, the element free at 400.

    q1 reads it as an amplitude: it starts at 424. r1 does not read it.
    """
    with q.program() as prog:
        value = q.declare(q.fixed)
        q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
        q.play("short" * q.amp(value), "q1")
        q.play("long", "r1")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("r1")) == (424 + 20, 400 + 100)


@WALKS
def test_longer_weights_end_later(forked: bool) -> None:
    """The length of the weights alone sets the window: 24 + 1000; the job ends with it."""
    with q.program() as prog:
        value = q.declare(q.fixed)
        q.measure("read", "r1", None, q.demod.full("late", value, "out1"))
    done = run(prog.tree, forked=forked)
    assert done.clock("r1") == 400
    assert done.machine.clock_ns == 1024


@WALKS
def test_an_assign_ends_the_pending(forked: bool) -> None:
    """The variable is overwritten before it is read, so nobody waits."""
    with q.program() as prog:
        value = q.declare(q.fixed)
        q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
        q.assign(value, 0.5)
        q.play("short" * q.amp(value), "q1")
    assert run(prog.tree, forked=forked).clock("q1") == 20


@WALKS
def test_cells_are_tracked_one_by_one(forked: bool) -> None:
    """Cell 0 is measured, cell 1 is not: reading cell 1 waits for nothing, reading cell 0 for 424."""
    with q.program() as prog:
        cells = q.declare(q.fixed, size=2)
        q.measure("read", "r1", None, q.demod.full("cos", cells[0], "out1"))
        q.play("short" * q.amp(cells[1]), "q1")
        q.play("short" * q.amp(cells[0]), "q2")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2")) == (20, 444)


@WALKS
def test_feedback_in_a_loop(forked: bool) -> None:
    """measure, then a branch on its value with q1 in it: the condition is read at 424 by q1, which then plays.

    r1 is not in the branch, so its own clock stays at 400; the next iteration aligns both at 444.
    """
    with q.program() as prog:
        n, value = q.declare(int), q.declare(q.fixed)
        with q.for_(n, 0, n < 2, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
            with q.if_(value < 4):
                q.play("short", "q1")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("r1")) == (888, 888)


@WALKS
def test_saves_carry_the_end_of_the_window(forked: bool) -> None:
    """A measured value has the time of its window's end, in each of three shots of 400 ns + 400 ns."""
    with q.program() as prog:
        n, value, stream = q.declare(int), q.declare(q.fixed), q.declare_stream()
        with q.for_(n, 0, n < 3, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
            q.save(value, stream)
            q.wait(100, "r1")
        timed(stream)
    assert times_of(run(prog.tree, forked=forked)) == [424, 1224, 2024]


@WALKS
def test_computed_saves_carry_the_latest_time_read(forked: bool) -> None:
    """A sum of two measured values has the later of their times, also through a second variable."""
    with q.program() as prog:
        a, b, c, stream = q.declare(q.fixed), q.declare(q.fixed), q.declare(q.fixed), q.declare_stream()
        q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
        q.measure("read", "r1", None, q.demod.full("cos", b, "out1"))
        q.assign(c, a + b)
        q.assign(a, c)
        q.save(a, stream)
        timed(stream)
    assert times_of(run(prog.tree, forked=forked)) == [824]


@WALKS
def test_classical_saves_carry_the_start_of_their_block(forked: bool) -> None:
    """The innermost block with elements: outside any 0, then the aligned start of each iteration."""
    with q.program() as prog:
        n, stream = q.declare(int), q.declare_stream()
        q.save(n, stream)
        q.play("short", "q1")
        with q.for_(n, 0, n < 3, n + 1):
            q.play("long", "q1")
            with q.if_(n == 1):  # no elements in it: the loop is the block
                q.save(n, stream)
            with q.if_(n == 2):
                q.wait(10, "q1")
                q.save(n, stream)
        timed(stream)
    assert times_of(run(prog.tree, forked=forked)) == [0, 120, 320]


@WALKS
def test_for_each_and_its_length(forked: bool) -> None:
    """Two arrays in lockstep; the second sets the waits: 16 + 20 + 24 ns."""
    with q.program() as prog:
        a, d, stream = q.declare(q.fixed), q.declare(int), q.declare_stream()
        with q.for_each_((a, d), ([0.5, 0.25, 0.125], [4, 5, 6])):
            q.wait(d, "q1")
            q.save(a, stream)
        timed(stream)
    done = run(prog.tree, forked=forked)
    assert done.clock("q1") == 60
    assert times_of(done) == [0, 16, 36]
    assert [raw / 2**28 for raw in next(iter(done.saved.values()))] == [0.5, 0.25, 0.125]


@WALKS
def test_durations(forked: bool) -> None:
    """Durations are cycles of 4 ns; computed ones below 4 count as 4 and are reported."""
    with q.program() as prog:
        d = q.declare(int, value=3)
        q.play("long", "q1", duration=10)
        q.play("long", "q1", duration=d)
        q.wait(d, "q2")
        q.play("ramp", "q2", duration=d + 2)
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2")) == (40 + 16, 16 + 20)
    assert {code for code, _ in done.events} == {"short_duration", "shortened_waveform"}


@WALKS
def test_strict_timing_reports_the_gap(forked: bool) -> None:
    """Inside, the amplitude of q1 is awaited until 424: a gap. Outside nothing is reported."""
    with q.program() as prog:
        value = q.declare(q.fixed)
        q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
        with q.strict_timing_():
            q.play("short", "q1")
            q.play("short" * q.amp(value), "q1")
        q.play("short" * q.amp(value), "q2")
    done = run(prog.tree, forked=forked)
    assert {code for code, _ in done.events} == {"strict_timing_gap"}
    assert (done.clock("q1"), done.clock("q2")) == (444, 444)


@WALKS
def test_a_strand_reads_only_what_it_executes(forked: bool) -> None:
    """q2 does not need the sum that reads the measured value, so it does not wait; q1, who plays it, does."""
    with q.program() as prog:
        value, total = q.declare(q.fixed), q.declare(q.fixed)
        q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
        q.assign(total, value + 0.25)
        q.play("short", "q2")
        q.play("short" * q.amp(total), "q1")
    done = run(prog.tree, forked=forked)
    assert (done.clock("q1"), done.clock("q2")) == (444, 20)


@WALKS
def test_a_shared_seed_makes_its_draws_shared(forked: bool) -> None:
    """The duration of q1 draws from the seed with the measured value; q2 needs the seed, so it waits too."""
    with q.program() as prog:
        value, drawn = q.declare(q.fixed), q.declare(int)
        random = q.Random(5)
        q.measure("read", "r1", None, q.demod.full("cos", value, "out1"))
        q.assign(drawn, random.rand_int(4) + q.Cast.to_int(value))
        q.wait(random.rand_int(4) + 4, "q2")
    done = run(prog.tree, forked=forked)
    assert done.clock("q2") >= 424 + 16
