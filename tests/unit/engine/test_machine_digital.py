"""Time tags and counts at digital inputs (docs/arithmetic.md, section 20), by the formula of when a marker is high."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from digital_lab import FLIGHT_NS, PULSE_NS, READ_NS, bench, raw_bench, run, start, tagged, written
from reference.photons import arrivals
from simulated import simulated

import quaymaster.qua as q
from quaymaster._core.config import check_config
from quaymaster._core.engine.machine import Machine
from quaymaster.client.simulation_config import LoopbackInterface, SimulationConfig
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program

RISES = (0, 15, 23)
"""Where the marker comb goes up, in ns of its pulse; it goes down where it is high no more: FALLS."""
FALLS = (5, 20, 40)


def comb_at(cycles: int, element: str = "q") -> Callable[[], None]:
    """The marker comb after so many cycles."""

    def play() -> None:
        q.wait(cycles, element)
        q.play("comb", element)

    return play


@pytest.mark.parametrize("forked", [False, True])
def test_tags_are_the_rising_edges(forked: bool) -> None:
    """A marker of a pulse that starts at 100 ns rises at 100 + its own ns; the window begins at the time of flight."""
    assert tagged(comb_at(25), forked=forked) == [100 + rise - FLIGHT_NS for rise in RISES]


def test_a_falling_input_tags_the_falling_edges() -> None:
    """Where the marker goes down."""
    assert tagged(comb_at(25), bench({"polarity": "FALLING"})) == [100 + fall - FLIGHT_NS for fall in FALLS]


def test_delay_and_buffer_move_the_edges() -> None:
    """Up at start + delay - buffer, down at end + delay + buffer; two parts that touch so are one."""
    config = bench({"polarity": "RISING"}, marker=(30, 2))
    assert tagged(comb_at(25), config) == [100 + 30 - 2 + rise - FLIGHT_NS for rise in RISES[:2]]
    falling = bench({"polarity": "FALLING"}, marker=(30, 1))
    assert tagged(comb_at(25), falling) == [100 + 30 + 1 + fall - FLIGHT_NS for fall in FALLS]


def test_a_marker_is_not_heard_before_its_pulse_starts() -> None:
    """A buffer of 50 ns reaches back before the pulse; the input hears it from the start of the pulse on."""
    config = bench(marker=(0, 50))
    assert tagged(comb_at(25), config) == [100 - FLIGHT_NS]


def test_an_inverted_output_is_high_where_the_marker_is_low() -> None:
    """It idles high, so it rises where the marker ends."""
    config = bench(outputs={1: {"inverted": True}})
    assert tagged(comb_at(25), config) == [100 + fall - FLIGHT_NS for fall in FALLS]


def test_the_dead_time_counts_from_the_last_tag() -> None:
    """An edge 8 ns after the last tag is dropped at a dead time of 9 ns, and prolongs nothing."""
    rises = [100 + rise - FLIGHT_NS for rise in RISES]
    assert tagged(comb_at(25), bench({"deadtime": 8})) == rises
    assert tagged(comb_at(25), bench({"deadtime": 9})) == rises[:2]
    assert tagged(comb_at(25), bench({"deadtime": 16})) == [rises[0], rises[2]]


def test_a_threshold_that_nothing_passes() -> None:
    """A marker is 3.3 V: an input with that threshold hears nothing, one below it everything."""
    assert tagged(comb_at(25), bench({"threshold": 3.29})) != []
    assert tagged(comb_at(25), bench({"threshold": 3.3})) == []
    assert tagged(comb_at(25), bench({"threshold": 3.3}), photons="1e8") == []


def test_only_what_is_played_has_a_marker() -> None:
    """A pulse without a marker, and one whose condition is false, send nothing; a cut one sends its first part."""

    def play() -> None:
        never, i = q.declare(bool, value=False), q.declare(int, value=4)
        q.wait(25, "q")
        q.play("plain", "q")
        q.play("comb", "q", condition=never)
        q.play("comb", "q", truncate=i)  # 16 ns of 40, from 180 on: the second part has one ns

    assert tagged(play, bench({"polarity": "FALLING"})) == [180 + 5 - FLIGHT_NS, 180 + 16 - FLIGHT_NS]


def test_a_longer_pulse_prolongs_its_last_part() -> None:
    """A part of length 0 goes on to the end of the pulse, also of one with a duration; others keep their lengths."""

    def play() -> None:
        q.wait(25, "q")
        q.play("comb", "q", duration=20)

    assert tagged(play, bench({"polarity": "FALLING"})) == [100 + fall - FLIGHT_NS for fall in (5, 20, 80)]


@pytest.mark.parametrize(
    ("cycles", "falls"), [(None, (7, 15)), (10, (7, 15)), (5, (7, 15)), (11, (7, 44)), (20, (7, 80))]
)
def test_a_longer_pulse_goes_on_with_its_last_value(tmp_path: Path, cycles: int | None, falls: tuple[int, ...]) -> None:
    """A marker of 15 ns in a pulse of 40: the last part is longer where the play is longer than the pulse. So in tags
    and in simulated samples."""
    raw = raw_bench({"polarity": "FALLING"})
    raw["digital_waveforms"]["comb"] = {"samples": [(1, 7), (0, 3), (1, 5)]}

    def play() -> None:
        q.wait(25, "q")
        q.play("comb", "q", duration=cycles)

    assert tagged(play, check_config(raw)) == [100 + fall - FLIGHT_NS for fall in falls]
    with q.program() as prog:
        play()
    found = simulated(tmp_path, prog, raw, SimulationConfig(100))
    edges = np.flatnonzero(np.diff(found.digital["1"].astype(int)) == -1) + 1
    assert edges.tolist() == [100 + fall for fall in falls]


def test_edges_at_the_ends_of_the_window() -> None:
    """An edge in its first ns counts, one in the ns behind its last does not; one before it neither."""
    at = READ_NS + FLIGHT_NS
    first, last = tagged(comb_at(FLIGHT_NS // 4), max_time=READ_NS), tagged(comb_at(at // 4), max_time=READ_NS)
    assert first == list(RISES)
    assert last == []
    assert tagged(comb_at(at // 4), max_time=READ_NS + 1) == [READ_NS]
    assert tagged(comb_at(8)) == [11, 19]  # the first rises at 32, before the window


def test_a_level_that_is_high_before_the_window_is_no_edge() -> None:
    """The ns before the window is known: a marker that is high there already has risen before."""

    def play() -> None:
        q.play("on", "q", duration=20)  # 0 … 80

    assert tagged(play) == []


def test_a_sticky_element_holds_its_level() -> None:
    """The marker stays high until the next one starts (no edge: it goes on) and until a ramp to zero."""

    def play() -> None:
        q.wait(25, "q")
        q.play("on", "q")  # from 100 on
        q.wait(10, "q")
        q.play("on", "q")  # 180
        q.ramp_to_zero("q", 10)  # 220 … 260
        q.wait(4, "q")
        q.play("late", "q")  # from 276 on, high from its 30th ns on

    assert tagged(play, bench(sticky=True)) == [100 - FLIGHT_NS, 276 + 30 - FLIGHT_NS]


def counted(*outputs: str, config: Any = None, **given: Any) -> int:
    """How many pulses come at these outputs in 400 ns, while q and p play combs, p one more."""

    def build() -> None:
        count, counts = q.declare(int), q.declare_stream()
        comb_at(25)()
        comb_at(26, "p")()
        q.play("on", "p")
        q.measure("read", "counter", None, q.counting.digital(count, 400, list(outputs)))
        q.save(count, counts)
        with q.stream_processing():
            counts.save_all("counts")

    return run(build, config, **given).saved["r1"][0]


def test_what_an_element_without_an_input_holds(tmp_path: Path) -> None:
    """A sticky element that has digital inputs alone holds its marker to a ramp to zero, or the program's end."""
    raw = raw_bench()
    raw["elements"]["q"] = {
        "digitalInputs": {"marker": {"port": ("con1", 1), "delay": 0, "buffer": 0}},
        "sticky": {"analog": True, "digital": True, "duration": 16},
        "operations": {"on": "marked"},
    }
    raw["pulses"]["marked"] = {"operation": "control", "length": 20, "digital_marker": "on"}
    for down, end in ((False, 20 + 80), (True, 20 + 20)):
        with q.program() as prog:
            q.play("on", "q")
            if down:
                q.wait(5, "q")
                q.ramp_to_zero("q")
            q.wait(20, "q")
        (tmp_path / str(down)).mkdir()
        found = simulated(tmp_path / str(down), prog, raw, SimulationConfig(60))
        assert np.flatnonzero(found.digital["1"]).tolist() == list(range(end))


def test_counts_of_several_inputs_are_added() -> None:
    """Three at input 1, three at input 2 (what follows the comb at once goes on with its last part)."""
    assert (counted("one"), counted("two"), counted("two", "one")) == (3, 3, 6)


def test_cables_say_what_an_input_hears() -> None:
    """From the output to the input of its number, unless a digital cable is named: then what they connect, together."""
    assert counted("two", cables=("1>1:0",)) == 3
    assert counted("two", cables=("d1>d1:0",)) == 0
    assert counted("one", cables=("d2>d1:0",)) == 3
    both = tagged(comb_at(25), cables=("d1>d1:20", "d2>d1:20"))
    assert both == [120 + rise - FLIGHT_NS for rise in RISES]
    assert counted("one", plant="none") == 0


def test_the_echo_comes_after_the_time_of_flight() -> None:
    """Behind the plant echo a marker that starts with the measure starts in the first ns of the window."""
    q_at_0 = tagged(lambda: q.play("comb", "q"), config=without("only"), plant="echo")
    assert q_at_0 == list(RISES)


def without(element: str) -> Any:
    """The bench without an element: an input that somebody has without a time of flight hears at once."""
    raw = raw_bench()
    del raw["elements"][element]
    return check_config(raw)


def test_an_element_of_digital_outputs_alone() -> None:
    """It measures from its clock on, and plays nothing."""

    def build() -> None:
        times, count, tags = q.declare(int, size=4), q.declare(int), q.declare_stream()
        comb_at(25)()
        q.wait(20, "only")
        q.measure("read", "only", None, q.time_tagging.digital(times, 100, count))
        q.save(times[0], tags)
        q.save(count, tags)

    assert run(build, plant="echo").saved["r1"] == [100 - 80, 3]


@pytest.mark.parametrize("forked", [False, True])
def test_who_reads_a_count_waits_for_the_end_of_its_window(forked: bool) -> None:
    """q plays when the count is known: max_time after the start of the window."""

    def build() -> None:
        count = q.declare(int)
        q.measure("read", "counter", None, q.counting.digital(count, 200, "one"))
        with q.if_(count == 0):
            q.play("comb", "q")
        q.measure("read", "counter", None, q.counting.digital(count, 200, "two"))

    done = run(build, forked=forked)
    assert done.clock("q") == FLIGHT_NS + 200 + PULSE_NS


def test_more_tags_than_cells() -> None:
    """The first are kept, and counted."""

    def build() -> None:
        times, count, tags = q.declare(int, size=2), q.declare(int), q.declare_stream()
        comb_at(25)()
        q.measure("read", "counter", None, q.time_tagging.digital(times, 400, count, "one"))
        q.save(times[1], tags)
        q.save(count, tags)

    assert run(build).saved["r1"] == [100 + RISES[1] - FLIGHT_NS, 2]


@pytest.mark.parametrize(("polarity", "width"), [("RISING", 8), ("FALLING", 5), ("RISING", 256)])
def test_light_makes_pulses(polarity: str, width: int) -> None:
    """High for the width of a photon from each one on, whatever its volts; the photons are those of the formula, for
    the port 64 behind the analog one of that number."""
    rate, length = 2e7, 20_000

    tags = tagged(
        lambda: None,
        bench({"polarity": polarity, "deadtime": 4}),
        max_time=length,
        cells=1000,
        seed=5,
        photons=f"{rate}:0.001:{width}",
    )
    came = {t for block in range(length // 256 + 2) for t in arrivals(5, 256 + 1 + 64, rate, block)}
    high = np.zeros(FLIGHT_NS + length + 256, dtype=int)
    for t in sorted(came):
        high[t : t + width] = 1
    turn = 1 if polarity == "RISING" else -1
    edges = [int(t) - FLIGHT_NS for t in np.flatnonzero(np.diff(high, prepend=0) == turn)]
    expected: list[int] = []
    for edge in edges:
        if 0 <= edge < length and (not expected or edge - expected[-1] >= 4):
            expected.append(edge)
    assert tags == expected
    assert len(tags) > (100 if width < 256 else 3)


def test_tags_are_the_edges_of_the_simulated_samples(tmp_path: Path) -> None:
    """Of a program with combs at every offset, the digital samples of a simulation rise where the tags are."""
    config = raw_bench(outputs={1: {"inverted": True}}, marker=(11, 3))

    def build() -> None:
        times, count, i, tags = q.declare(int, size=60), q.declare(int), q.declare(int), q.declare_stream()
        with q.for_(i, 4, i < 16, i + 1):
            q.play("comb", "q", duration=i)
            q.wait(i, "q")
        q.measure("read", "counter", None, q.time_tagging.digital(times, 2000, count, "one"))
        with q.for_(i, 0, i < count, i + 1):
            q.save(times[i], tags)
        with q.stream_processing():
            tags.save_all("tags")

    with q.program() as prog:
        build()
    loopback = LoopbackInterface([("con1", 1, "con1", 1)], latency=0)
    found = simulated(tmp_path, prog, config, SimulationConfig(600, simulation_interface=loopback))
    assert found.final.state == "completed"
    rises = np.flatnonzero(np.diff(found.digital["1"].astype(int)) == 1) + 1
    expected = [int(t) - FLIGHT_NS for t in rises if FLIGHT_NS <= t < FLIGHT_NS + 2000]
    assert found.values("tags", "<i8") == expected
    assert len(expected) > 20
    (acquired,) = found.report.adc_acquisitions
    assert (acquired.process, acquired.adc_ports) == ("DigitalTimeTagging", [1])


def test_markers_that_can_be_heard_no_more_are_forgotten() -> None:
    """Three million high parts, more than are ever kept (DIGITAL_PARTS_MAX), and a window now and then."""

    def build() -> None:
        n, i, count, counts = q.declare(int), q.declare(int), q.declare(int), q.declare_stream()
        with q.for_(n, 0, n < 10, n + 1):
            q.align("q", "counter")
            with q.for_(i, 0, i < 100_000, i + 1):
                q.play("comb", "q")
                q.wait(4, "q")
            q.align("q", "counter")
            q.play("comb", "q")
            q.measure("read", "counter", None, q.counting.digital(count, 100, "one"))
            q.save(count, counts)

    # the comb is over before the window begins; that of the next turn starts 100 ns after the measure, in its window
    assert run(build).saved["r1"] == [3] * 9 + [0]


def test_a_player_far_ahead_waits_for_the_one_who_measures() -> None:
    """In the text 2.4 million high parts come before the measure at 0 ns that may hear them."""

    def build() -> None:
        i, count, counts = q.declare(int), q.declare(int), q.declare_stream()
        with q.for_(i, 0, i < 800_000, i + 1):
            q.play("comb", "q")
            q.wait(4, "q")
        q.measure("read", "counter", None, q.counting.digital(count, 100, "one"))

        q.save(count, counts)

    # combs at 0, 56, 112: all rises of the second and third lie in the window from 36 to 136
    assert run(build).saved["r1"] == [3 + 3]


def test_a_program_that_reads_no_digital_input_has_none() -> None:
    """Markers are known to the image, and nobody hears them."""
    image = compile_program(written(comb_at(25)), bench())
    assert image.digital_inputs == ()
    hearing = plants.none(bench(), ["q"])
    machine = Machine(image, plant=hearing)
    assert machine.run(1000) == "done"
    assert start(comb_at(25)).machine.run(1000) == "done"
