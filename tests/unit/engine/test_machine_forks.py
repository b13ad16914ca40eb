"""Walkers that fork: when they do, that nothing changes by it, and endless loops side by side."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from engine_lab import Run, run, start

import quaymaster.qua as q
from quaymaster._core.program import tree

NOISE = 1e-4


def multiplexed() -> tree.Program:
    """Two readouts on one input, the first saved before the second has started in the text."""
    with q.program() as prog:
        n, a, b = q.declare(int), q.declare(q.fixed), q.declare(q.fixed)
        first, second = q.declare_stream(), q.declare_stream()
        with q.for_(n, 0, n < 50, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
            q.save(a, first)
            q.measure("read", "r2", None, q.demod.full("cos", b, "out1"))
            q.save(b, second)
            q.wait(10, "r1")
        with q.stream_processing():
            first.with_timestamps().save_all("first")
            second.save_all("second")
    return prog.tree


def feedback() -> tree.Program:
    """The same with a play that depends on the first value, into the window of nobody."""
    with q.program() as prog:
        n, a, b = q.declare(int), q.declare(q.fixed), q.declare(q.fixed)
        stream = q.declare_stream()
        with q.for_(n, 0, n < 50, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
            with q.if_(a > 0):
                q.play("long", "q1")
            q.measure("read", "r2", None, q.dual_demod.full("cos", "out1", "sin", "out2", b))
            q.save(b, stream)
        with q.stream_processing():
            stream.with_timestamps().save_all("all")
    return prog.tree


def loops_one_after_another() -> tree.Program:
    """In the text r1 is done before r2 starts; in time they overlap on both inputs."""
    with q.program() as prog:
        n, m, a, b = q.declare(int), q.declare(int), q.declare(q.fixed), q.declare(q.fixed)
        stream = q.declare_stream()
        with q.for_(n, 0, n < 40, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
            q.save(a, stream)
        with q.for_(m, 0, m < 40, m + 1):
            q.wait(20, "r2")
            q.measure("read", "r2", None, q.demod.full("cos", b, "out1"))
            q.save(b, stream)
        with q.stream_processing():
            stream.with_timestamps().save_all("all")
    return prog.tree


PROGRAMS = pytest.mark.parametrize("make", [multiplexed, feedback, loops_one_after_another])


def left(done: Run) -> tuple[object, ...]:
    """All that a run leaves."""
    return done.saved, done.times, done.events, done.machine.clock_ns


@PROGRAMS
def test_a_fork_changes_no_bit(make: Callable[[], tree.Program]) -> None:
    """Started as one walker or as one a strand, in large portions or instruction by instruction: the same bits."""
    program = make()
    expected = left(run(program, noise=NOISE, seed=7))
    assert left(run(program, noise=NOISE, seed=7, forked=True)) == expected
    assert left(run(program, noise=NOISE, seed=7, steps=1)) == expected
    assert left(run(program, noise=NOISE, seed=7, forked=True, steps=3)) == expected


def test_the_averaging_loop_stays_one_walker() -> None:
    """Its windows are complete when they are needed: nothing forks."""
    with q.program() as prog:
        n, a, stream = q.declare(int), q.declare(q.fixed), q.declare_stream()
        with q.for_(n, 0, n < 100, n + 1):
            q.play("long", "q1")
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
            q.save(a, stream)
            q.wait(1000, "r1")
        with q.stream_processing():
            stream.save_all("a")
    done = run(prog.tree)
    assert done.machine.walkers == 1
    assert len(done.saved["r1"]) == 100


def test_if_only_the_saver_reads_it_alone_forks() -> None:
    """The threads go on together."""
    assert run(multiplexed()).machine.walkers == 2


def test_if_a_thread_reads_all_fork() -> None:
    """One walker for each of q1, r1, r2 and the saver."""
    assert run(feedback()).machine.walkers == 4


def test_endless_loops_side_by_side() -> None:
    """Two endless loops of different elements both advance, about equally far, until the job is halted."""
    with q.program() as prog:
        a, stream = q.declare(q.fixed), q.declare_stream()
        with q.infinite_loop_():
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
            q.save(a, stream)
        with q.infinite_loop_():
            q.play("long", "q1")
        with q.stream_processing():
            stream.save_all("a")
    endless = start(prog.tree)
    for _ in range(20):
        assert endless.machine.run(5000) in ("running", "blocked")
        endless.drain()
    ahead, behind = sorted((endless.clock("r1"), endless.clock("q1")))
    assert behind > 1_000_000
    assert ahead - behind < 300_000
    assert len(endless.saved["r1"]) > 1000
    endless.machine.halt()
    assert endless.machine.run(5000) == "done"


def test_after_an_endless_loop_others_still_run() -> None:
    """q2 stands behind the endless loop of q1 in the text, and plays at 0 in time."""
    with q.program() as prog:
        with q.infinite_loop_():
            q.play("long", "q1")
        q.play("short", "q2")
    endless = start(prog.tree)
    endless.machine.run(5000)
    assert endless.clock("q2") == 20
    assert endless.clock("q1") > 10_000


def test_who_meets_an_endless_loop_waits_for_ever() -> None:
    """q2 aligns with q1, which never comes: q2 stays at 20; q1 goes on."""
    with q.program() as prog:
        q.play("short", "q2")
        with q.infinite_loop_():
            q.play("long", "q1")
        q.align("q1", "q2")
        q.play("short", "q2")
    endless = start(prog.tree)
    endless.machine.run(5000)
    assert endless.clock("q2") == 20
    assert endless.clock("q1") > 10_000


def test_full_buffers_block_and_go_on_when_drained() -> None:
    """200,000 values through buffers of 65,536: none is lost, none comes twice."""
    with q.program() as prog:
        n, stream = q.declare(int), q.declare_stream()
        with q.for_(n, 0, n < 200_000, n + 1):
            q.save(n, stream)
        with q.stream_processing():
            stream.save_all("n")
    done = run(prog.tree, steps=10_000_000)
    assert done.states.count("blocked") == 3
    assert done.saved["r1"] == list(range(200_000))


def test_a_value_may_be_read_long_after() -> None:
    """100 measures into an array, all saved after the loop, in order."""
    with q.program() as prog:
        n, cells, stream = q.declare(int), q.declare(q.fixed, size=100), q.declare_stream()
        with q.for_(n, 0, n < 100, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", cells[n], "out1"))
        with q.for_(n, 0, n < 100, n + 1):
            q.save(cells[n], stream)
        with q.stream_processing():
            stream.with_timestamps().save_all("all")
    for walk in (False, True):
        done = run(prog.tree, forked=walk, noise=NOISE)
        assert done.times["r1"] == [400 * k + 424 for k in range(100)]
        assert len(set(done.saved["r1"])) > 90


def test_more_windows_than_may_be_pending() -> None:
    """20,000 windows cannot be evaluated before r2, behind them in the text, has passed; all fork, and it goes on."""
    with q.program() as prog:
        n, a, stream = q.declare(int), q.declare(q.fixed), q.declare_stream()
        with q.for_(n, 0, n < 20_000, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
        q.measure("read", "r2", None, q.demod.full("sin", a, "out1"))
        q.save(a, stream)
        with q.stream_processing():
            stream.with_timestamps().save_all("last")
    done = run(prog.tree)
    assert done.machine.walkers == 3
    assert done.times["r1"] == [424]
    assert done.machine.clock_ns == 20_000 * 400 + 24


@pytest.mark.parametrize("forked", [False, True])
def test_a_saver_may_be_far_behind(forked: bool) -> None:
    """It saves 70,000 values of r1 before it comes to those of r2, which were measured at the same time."""
    with q.program() as prog:
        n, m, a, b = q.declare(int), q.declare(int), q.declare(q.fixed), q.declare(q.fixed)
        first, second = q.declare_stream(), q.declare_stream()
        with q.for_(n, 0, n < 70_000, n + 1):
            q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
            q.save(a, first)
        with q.for_(m, 0, m < 70_000, m + 1):
            q.measure("read", "r2", None, q.demod.full("cos", b, "out1"))
            q.save(b, second)
        with q.stream_processing():
            first.save_all("first")
            second.with_timestamps().save_all("second")
    done = run(prog.tree, forked=forked, steps=1_000_000)
    assert len(done.saved["r1"]) == 70_000
    assert done.times["r2"] == [400 * k + 424 for k in range(70_000)]


@pytest.mark.parametrize("forked", [False, True])
def test_raw_traces(forked: bool) -> None:
    """A trace starts time_of_flight after its pulse, for each output, one after the other; without a digital marker
    there is none."""
    with q.program() as prog:
        n, stream = q.declare(int), q.declare_stream(adc_trace=True)
        with q.for_(n, 0, n < 3, n + 1):
            q.measure("read", "r1", stream)
            q.measure("bare", "r1", stream)
        with q.stream_processing():
            stream.input1().save_all("raw")
    done = run(prog.tree, forked=forked)
    assert [(port, start) for _, port, start, _ in done.traces] == [
        (port, 800 * k + 24) for k in range(3) for port in (1, 2)
    ]
    assert {len(codes) for *_, codes in done.traces} == {400}
    assert done.image.trace_lengths == {"r1": 400}


def test_an_endless_loop_in_a_branch_keeps_nobody_back() -> None:
    """The branch is taken and never left by q1; q2, behind it in the text, plays at 0 all the same."""
    with q.program() as prog:
        flag = q.declare(bool, value=True)
        with q.if_(flag), q.infinite_loop_():
            q.play("long", "q1")
        q.play("short", "q2")
    endless = start(prog.tree)
    endless.machine.run(5000)
    assert endless.clock("q2") == 20
    assert endless.clock("q1") > 10_000


def test_a_loop_that_turns_out_to_have_no_end_keeps_nobody_back() -> None:
    """Nothing says that this while_ never ends; after LOOP_ROUNDS of it the others go on by themselves."""
    with q.program() as prog:
        flag = q.declare(bool, value=True)
        with q.while_(flag):
            q.play("long", "q1")
        q.play("short", "q2")
    endless = start(prog.tree)
    assert endless.machine.walkers == 1
    endless.machine.run(20_000_000)
    assert endless.machine.walkers == 3
    assert endless.clock("q2") == 20


def test_halt_from_another_os_thread() -> None:
    """A run of ever so many steps gives the GIL away and returns soon after halt; what was saved is still there."""
    with q.program() as prog:
        n, stream = q.declare(int), q.declare_stream()
        q.save(n, stream)
        with q.infinite_loop_():
            q.play("long", "q1")
        with q.stream_processing():
            stream.save_all("n")
    endless = start(prog.tree)
    states: list[str] = []
    assert endless.machine.run(1000) == "running"
    worker = threading.Thread(target=lambda: states.append(endless.machine.run(10**15)))
    worker.start()
    endless.machine.halt()
    worker.join(timeout=20)
    assert states == ["done"]
    endless.drain()
    assert endless.saved["r1"] == [0]
