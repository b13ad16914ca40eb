"""wait_for_trigger at a digital input (docs/arithmetic.md, sections 15 and 20), by the formula of when markers rise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digital_lab import COMB, bench, raw_bench, run, start
from engine_lab import Run
from reference.photons import arrivals
from simulated import simulated

import quaymaster.qua as q
from quaymaster._core.config import check_config
from quaymaster.client.simulation_config import LoopbackInterface, SimulationConfig

RISES = (0, 15, 23)
"""Where the marker comb goes up, in ns of its pulse."""
ONE = ("counter", "one")
BOTH = pytest.mark.parametrize("forked", [False, True])


def behind(t: int) -> int:
    """The first multiple of 4 ns later than an edge."""
    return t // 4 * 4 + 4


def waits(cycles: int = 25, times: int = 1, **given: Any) -> Run:
    """q plays the comb after so many cycles; p waits so many times for an edge there, and saves when it came."""

    def build() -> None:
        tag, tags = q.declare(int), q.declare_stream()
        q.wait(cycles, "q")
        q.play("comb", "q")
        for _ in range(times):
            q.wait_for_trigger("p", trigger_element=ONE, time_tag_target=tag)
            q.save(tag, tags)
        with q.stream_processing():
            tags.with_timestamps().save_all("tags")

    return run(build, **given)


@BOTH
@pytest.mark.parametrize("cycles", [25, 26, 1000])
def test_it_goes_on_behind_the_edge(cycles: int, forked: bool) -> None:
    """At the first multiple of 4 ns later; the tag counts from the start of the wait, and has the time of the end."""
    done = waits(cycles, forked=forked)
    assert done.clock("p") == behind(4 * cycles)
    assert (done.saved["r1"], done.times["r1"]) == ([4 * cycles], [behind(4 * cycles)])


@BOTH
def test_the_next_wait_takes_a_later_edge(forked: bool) -> None:
    """The comb rises at 100, 115 and 123: the second wait begins at 104, the third at 116."""
    done = waits(times=3, forked=forked)
    assert done.saved["r1"] == [100, 115 - 104, 123 - 116]
    assert done.clock("p") == behind(123)


def test_a_falling_input_waits_for_falling_edges() -> None:
    """The comb falls first after 5 ns."""
    assert waits(config=bench({"polarity": "FALLING"})).saved["r1"] == [100 + COMB[0][1]]


def test_delay_buffer_and_latency_count() -> None:
    """Later by delay - buffer, and by the latency of the cable."""
    assert waits(config=bench(marker=(40, 6))).saved["r1"] == [100 + 40 - 6]
    assert waits(cables=("d1>d1:33",)).saved["r1"] == [100 + 33]


def test_an_edge_in_the_first_ns_counts_and_one_before_does_not() -> None:
    """p waits from 100 on: the edge at 100 is taken; from 104 on the next one at 115 is."""

    def build(cycles: int) -> Callable[[], None]:
        def written() -> None:
            q.wait(25, "q")
            q.play("comb", "q")
            q.wait(cycles, "p")
            q.wait_for_trigger("p", trigger_element=ONE)

        return written

    assert run(build(25)).clock("p") == behind(100)
    assert run(build(26)).clock("p") == behind(115)


@BOTH
def test_each_thread_takes_an_edge_once(forked: bool) -> None:
    """Two elements that wait go on together, each at its own tag."""

    def build() -> None:
        first, second, tags = q.declare(int), q.declare(int), q.declare_stream()
        q.wait(25, "q")
        q.play("comb", "q")
        q.wait(5, "p")
        q.wait_for_trigger("p", trigger_element=ONE, time_tag_target=first)
        q.wait_for_trigger("counter", trigger_element=ONE, time_tag_target=second)
        q.save(first, tags)
        q.save(second, tags)

    done = run(build, forked=forked)
    assert done.saved["r1"] == [80, 100]
    assert done.clock("p") == done.clock("counter") == 104


@BOTH
def test_who_needs_the_tag_waits_for_the_end_of_the_wait(forked: bool) -> None:
    """counter plays for as long as p waited, from then on; who does not need it does not wait."""

    def build() -> None:
        tag = q.declare(int)
        q.wait(25, "q")
        q.play("comb", "q")
        q.wait_for_trigger("p", trigger_element=ONE, time_tag_target=tag)
        q.wait(tag, "counter")
        q.wait(4, "only")

    done = run(build, forked=forked)
    assert done.clock("counter") == 104 + 4 * 100
    assert done.clock("only") == 16


@BOTH
def test_a_branch_on_the_tag(forked: bool) -> None:
    """Feedback: what comes early is answered by q itself, which waits for the value."""

    def build() -> None:
        tag, n = q.declare(int), q.declare(int)
        with q.for_(n, 0, n < 3, n + 1):
            q.align()
            q.wait(25, "q")
            q.play("comb", "q")
            q.wait_for_trigger("p", trigger_element=ONE, time_tag_target=tag)
            with q.if_(tag == 100):
                q.play("on", "q")

    # each turn q plays to 140, aligns in the branch, and plays to 180
    assert run(build, forked=forked).clock("q") == 3 * 180


def test_an_only_digital_output_needs_no_name() -> None:
    """only has one."""

    def build() -> None:
        q.wait(25, "q")
        q.play("comb", "q")
        q.wait_for_trigger("p", trigger_element="only")

    assert run(build, forked=True).clock("p") == 104


def test_its_own_marker_may_end_the_wait() -> None:
    """The pulse that q plays while it waits has a marker, delayed by 50 ns, which its own input hears."""

    def build() -> None:
        q.wait(25, "q")
        q.wait_for_trigger("q", "on", trigger_element=ONE)

    assert run(build, bench(marker=(50, 0))).clock("q") == behind(150)


def test_the_pulse_of_a_wait_sends_its_marker_until_the_end() -> None:
    """p plays "on" from 0 to 104, which input 2 hears: high until then; "late" is high from its 30th ns on."""

    def falls(pulse: str, polarity: str) -> list[int]:
        raw = raw_bench()
        raw["controllers"]["con1"]["digital_inputs"][2]["polarity"] = polarity

        def build() -> None:
            times, count, i, tags = q.declare(int, size=4), q.declare(int), q.declare(int), q.declare_stream()
            q.wait(25, "q")
            q.play("comb", "q")
            q.wait_for_trigger("p", pulse, trigger_element=ONE)
            q.measure("read", "counter", None, q.time_tagging.digital(times, 300, count, "two"))
            with q.for_(i, 0, i < count, i + 1):
                q.save(times[i], tags)

        return run(build, check_config(raw)).saved.get("r1", [])

    assert falls("on", "FALLING") == [104 - 36]
    assert falls("on", "RISING") == []  # before the window
    assert falls("late", "FALLING") == [104 - 36]


def test_what_is_heard_while_an_element_waits_is_known() -> None:
    """A window that ends during the wait is evaluated with the marker of the waiting element."""

    def build() -> None:
        count, counts = q.declare(int), q.declare_stream()
        q.wait(10, "p")
        q.wait_for_trigger("p", "on", trigger_element=ONE)  # high from 40 on
        q.measure("read", "counter", None, q.counting.digital(count, 100, "two"))
        q.save(count, counts)
        with q.if_(count == 1):  # known at 136
            q.play("comb", "q")

    done = run(build)
    assert done.saved["r1"] == [1]
    assert done.clock("p") == behind(136)


@BOTH
def test_nobody_who_could_send_anything_is_left(forked: bool) -> None:
    """q has played its marker before: p waits for ever, and the job says for what."""

    def build() -> None:
        q.play("comb", "q")
        q.wait(40, "p")
        q.wait_for_trigger("p", trigger_element=ONE)

    done = run(build, forked=forked)
    assert done.states[-1] == "waits"
    assert done.machine.waiting_for() == ("an edge at digital input con1/1/1",)


@BOTH
def test_two_who_wait_for_each_other_wait_for_ever(forked: bool) -> None:
    """p waits for a marker of q, q for one of p; a measure beside them is evaluated all the same."""

    def build() -> None:
        count, counts = q.declare(int), q.declare_stream()
        q.measure("read", "counter", None, q.counting.digital(count, 100, ["one", "two"]))
        q.save(count, counts)
        q.wait_for_trigger("p", trigger_element=ONE)
        q.play("comb", "p")
        q.wait_for_trigger("q", trigger_element=("counter", "two"))
        q.play("comb", "q")

    done = run(build, forked=forked)
    assert done.states[-1] == "waits"
    assert done.saved["r1"] == [0]


def test_a_chain_of_waits() -> None:
    """p answers q, counter answers p: each goes on behind the edge that the one before made."""

    def build() -> None:
        q.wait(25, "q")
        q.play("on", "q")
        q.wait_for_trigger("p", trigger_element=ONE)
        q.play("on", "p")
        q.wait_for_trigger("counter", trigger_element=("counter", "two"))

    done = run(build, forked=True)
    assert done.clock("counter") == behind(104)


def test_the_first_photon_ends_the_wait() -> None:
    """Light is known for all times: nobody has to come first."""

    def build() -> None:
        tag, tags = q.declare(int), q.declare_stream()
        q.wait(1_000_000, "p")
        q.wait_for_trigger("p", trigger_element=ONE, time_tag_target=tag)
        q.save(tag, tags)

    rate, begin = 1e4, 4_000_000
    (tag,) = run(build, seed=3, photons=f"{rate}:0.3:8").saved["r1"]
    photons = (t for block in range(begin // 256, 10**7) for t in sorted(arrivals(3, 256 + 1 + 64, rate, block)))
    assert tag == next(t for t in photons if t >= begin) - begin
    assert tag > 0


def test_an_element_that_plays_for_long_is_waited_for() -> None:
    """A hundred thousand combs of q, of which p takes every one that begins behind its last wait."""

    def build() -> None:
        n, k = q.declare(int), q.declare(int)
        with q.for_(n, 0, n < 100_000, n + 1):
            q.play("on", "q")
            q.wait(15, "q")
        with q.for_(k, 0, k < 99_999, k + 1):
            q.wait_for_trigger("p", trigger_element=ONE)

    assert run(build).clock("p") == behind(99_998 * 100)


def test_an_endless_player() -> None:
    """Who plays for ever sends edges for ever; the wait ends with the first."""

    def build() -> None:
        q.wait(25, "q")
        with q.infinite_loop_():
            q.play("on", "q")
            q.wait(15, "q")
        q.wait_for_trigger("p", trigger_element=ONE)

    done = start(build)
    assert done.machine.run(100_000) == "running"
    assert done.clock("p") == 104


def test_a_simulation_shows_the_marker_of_a_wait(tmp_path: Path) -> None:
    """p plays "late" from 16 ns on, high from its 30th ns, until the comb of q at 100; without a comb until the end."""

    def simulate(answered: bool) -> Any:
        with q.program() as prog:
            q.wait(4, "p")
            q.wait_for_trigger("p", "late", trigger_element=ONE)
            if answered:
                q.wait(25, "q")
                q.play("comb", "q")
        loopback = LoopbackInterface([("con1", 1, "con1", 1)], latency=0)
        return simulated(tmp_path, prog, raw_bench(), SimulationConfig(50, simulation_interface=loopback))

    t = np.arange(200)
    found = simulate(True)
    assert found.final.state == "completed"
    assert found.digital["2"].tolist() == ((t >= 46) & (t < 104)).tolist()
    sounds = [entry for entry in found.report.digital_waveforms if entry.element == "p"]
    assert [(entry.timestamp, entry.length) for entry in sounds] == [(16, 88)]
    assert simulate(False).digital["2"].tolist() == (t >= 46).tolist()


@pytest.mark.parametrize("marker", ["on", "late"])
def test_a_sticky_element_holds_what_it_plays_while_it_waits(tmp_path: Path, marker: str) -> None:
    """p waits from 16 ns on for the comb at 100 and, 0.1 V higher, from 200 ns on for that at 260; it lets go at 400.

    "late" is high from its 30th ns on, so at both edges: its level is held until the next pulse with a marker.
    """
    config = raw_bench()
    config["waveforms"]["tenth"] = {"type": "constant", "sample": 0.1}
    config["pulses"][f"{marker}_pulse"]["waveforms"] = {"single": "tenth"}
    config["elements"]["p"]["sticky"] = {"analog": True, "digital": True, "duration": 40}
    with q.program() as prog:
        q.wait(4, "p")
        q.wait_for_trigger("p", marker, trigger_element=ONE)
        q.wait(24, "p")
        q.wait_for_trigger("p", marker, trigger_element=ONE)
        q.wait(34, "p")
        q.ramp_to_zero("p")
        q.wait(25, "q")
        q.play("comb", "q")
        q.wait(30, "q")
        q.play("comb", "q")
    loopback = LoopbackInterface([("con1", 1, "con1", 1)], latency=0)
    found = simulated(tmp_path, prog, config, SimulationConfig(120, simulation_interface=loopback))
    t = np.arange(480)
    falls = np.clip(1 - (t - 399) / 40, 0, 1)
    volts = np.where(t >= 400, 0.2 * falls, np.where(t >= 200, 0.2, np.where(t >= 16, 0.1, 0.0)))
    assert np.abs(found.analog["3"] - volts).max() <= 1.5 * 2.0**-16  # both values and the sample are rounded
    first = 30 if marker == "late" else 0
    high = ((t >= 16 + first) & (t < 200)) | ((t >= 200 + first) & (t < 400))
    assert found.digital["2"].tolist() == high.tolist()
    sounds = [entry for entry in found.report.analog_waveforms if entry.element == "p" and entry.length != 40]
    assert [(entry.timestamp, entry.length) for entry in sounds] == [(16, 88), (200, 64)]
