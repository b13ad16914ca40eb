"""Time tags (docs/arithmetic.md, section 18): given samples, and the tags that a formula says."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tagging_lab import FLIGHT_NS, PULSES, READ_NS, bench, machine_of, pulses, raw_bench, run, tagged, written

import quaymaster.qua as q
from quaymaster._core.config import check_config
from quaymaster._core.engine.image import Image
from quaymaster._core.errors import AskedWrongly
from quaymaster.controller.compiler import compile_program

KINDS = ("analog", "high_res")


@pytest.mark.parametrize("numerics", ["linear", "exact"])
def test_pulses_are_tagged_where_they_rise(numerics: str) -> None:
    """Rectangles at 0, 50, 123 and 399 ns of a window of 400 ns give these numbers; one that begins with 400 none."""
    starts = [0, 50, 123, 399]
    assert tagged(pulses([*starts, 400], 500), numerics=numerics) == starts


def test_high_res_tags_lie_on_the_straight_line() -> None:
    """A rise of 0.06 V a ns from 0 V at t0 crosses 500 codes at t0 + 500/4096/0.06 ns, within a code's worth of ps."""
    t = np.arange(FLIGHT_NS + 400) - FLIGHT_NS
    for start in (20.0, 100.25, 333.7):
        volts = np.clip((t - start) * 0.06, 0.0, 0.3) * (t < start + 20)
        (tag,) = tagged(volts, kind="high_res")
        assert abs(tag - 1000 * (start + 500 / 4096 / 0.06)) < 1000 / 4096 / 0.06 + 1


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (-1000, 9500),  # half way
        (-501, 9998),  # 500/501 of the way: 998.004 ps
        (-2048, 9244),  # 500/2048: 244.14 ps
        (-800, 9625),
    ],
)
def test_high_res_tags_are_rounded_to_whole_picoseconds(step: int, expected: int) -> None:
    """From code 0 at 9 ns to ``step`` at 10 ns: 9000 + 1000·500/|step| ps."""
    assert expected == 9000 + round(1000 * 500 / -step)
    assert tagged(pulses([10], 400, -step / 4096), kind="high_res") == [expected]


def test_high_res_tags_at_samples() -> None:
    """0 at the window's start, whatever came before; the sample itself where only the change became steep late."""
    assert tagged(pulses([0], 400), kind="high_res") == [0]
    volts = np.zeros(FLIGHT_NS + 400)
    volts[FLIGHT_NS:] = np.concatenate((np.linspace(0.0, 0.2, 20), np.full(10, 0.2), np.full(370, 0.4)))
    assert tagged(volts, kind="high_res") == [30_000]


def edges_of(code: Any) -> list[int]:
    """Samples at which both conditions of PULSES have become true."""
    both = (code < -500) & (np.diff(code, prepend=0) < -100)
    return [int(i) for i in np.flatnonzero(both[1:] & ~both[:-1]) + 1]


def rules(signal: int, polarity: str, derivative: int, derivative_polarity: str) -> dict[str, Any]:
    """Tagging parameters."""
    return {
        "signalThreshold": signal,
        "signalPolarity": polarity,
        "derivativeThreshold": derivative,
        "derivativePolarity": derivative_polarity,
    }


@pytest.mark.parametrize(
    ("parameters", "level", "expected"),
    [
        (rules(-500, "Below", -100, "Below"), 0.3, [50]),  # positive volts are negative codes
        (rules(-500, "Below", -100, "Below"), -0.3, []),
        (rules(500, "Above", 100, "Above"), -0.3, [50]),
        (rules(500, "Above", 100, "Above"), 0.3, []),
        (rules(-500, "Descending", -100, "Descending"), 0.3, [50]),
        (rules(500, "Ascending", 100, "Ascending"), -0.3, [50]),
        (rules(-500, "Above", 100, "Above"), 0.3, [60]),  # its end
        (rules(-1229, "Below", -100, "Below"), 0.3, []),  # -1228.8 is rounded down to the code -1229: not below
        (rules(-1228, "Below", -100, "Below"), 0.3, [50]),
        (rules(-500, "Below", -1229, "Below"), 0.3, []),
        (rules(-500, "Below", -1228, "Below"), 0.3, [50]),
        (rules(-500, "Below", -10000, "Above"), 0.3, [50]),  # any change will do
        (rules(-500, "Below", -10000, "Below"), 0.3, []),
        ({}, -0.3, [60]),  # 800 below, 300 below: where a negative pulse ends
    ],
)
def test_thresholds_and_polarities(parameters: dict[str, Any], level: float, expected: list[int]) -> None:
    """One rectangle of 10 ns at 50 ns."""
    assert tagged(pulses([50], 400, level, 10), bench(parameters)) == expected


def test_parameters_of_an_element_without_any() -> None:
    """Those of an empty dict."""
    raw = raw_bench()
    del raw["elements"]["spcm"]["timeTaggingParameters"]
    volts = pulses([50], 400, -0.3, 10)
    assert tagged(volts, check_config(raw)) == tagged(volts, bench({})) == [60]


def test_either_condition_arms_again() -> None:
    """A staircase downwards in codes: the signal stays beyond, the change does not, so each steep step is a tag."""
    volts = np.zeros(FLIGHT_NS + 400)
    for step in (100, 110, 120):
        volts[FLIGHT_NS + step :] += 0.15
    assert tagged(volts) == [100, 110, 120]
    slow = np.zeros(FLIGHT_NS + 400)
    slow[FLIGHT_NS + 100 : FLIGHT_NS + 110] = np.linspace(0.15, 0.45, 10)  # steep all the way: one pulse
    assert tagged(slow) == [100]


@pytest.mark.parametrize(("apart", "high_res"), [(2, 1), (3, 1), (83, 1), (84, 2), (85, 2)])
def test_the_dead_time(apart: int, high_res: int) -> None:
    """Pulses of 1 ns, ``apart`` ns from each other: analog has 2 ns, high_res 84 ns."""
    volts = pulses([50, 50 + apart], 400, width=1)
    assert tagged(volts) == [50, 50 + apart]
    assert len(tagged(volts, kind="high_res")) == high_res


def test_what_is_dropped_prolongs_nothing() -> None:
    """At 0, 60 and 100 ns: the second is dropped, the third is 100 ns from the first."""
    assert len(tagged(pulses([0, 60, 100], 400), kind="high_res")) == 2


def test_samples_before_the_window() -> None:
    """A pulse that began before the window is none of it, even if any change would do; one that begins at 0 is."""
    any_change = bench(PULSES | {"derivativeThreshold": -10000, "derivativePolarity": "Above"})
    for config in (bench(), any_change):
        assert tagged(pulses([-1], 400), config) == []
        assert tagged(pulses([0], 400), config) == [0]
        assert tagged(pulses([-7, 0], 400), config) == [0]


def all_of(times: Any, cells: int, stream: Any) -> None:
    """Save every cell."""
    for k in range(cells):
        q.save(times[k], stream)


@pytest.mark.parametrize("kind", KINDS)
def test_a_full_array_keeps_the_first_tags(kind: str) -> None:
    """Three pulses and two cells; then one pulse: the other cell is 0, and the count is 1."""

    def build() -> None:
        times, count = q.declare(int, value=[-1, -1]), q.declare(int)
        tags, counts = q.declare_stream(), q.declare_stream()
        for _ in range(2):
            q.measure("read", "spcm", None, getattr(q.time_tagging, kind)(times, 400, targetLen=count))
            q.save(count, counts)
            all_of(times, 2, tags)
            q.wait(250, "spcm")
        with q.stream_processing():
            tags.with_timestamps().save_all("tags")
            counts.with_timestamps().save_all("counts")

    done = run(build, pulses([100, 200, 300, 1100 + 350], 1600, 0.25))  # the second measure starts at 1100
    expected = [100, 200, 350, 0]
    if kind == "high_res":  # 500 of 1024 codes from the sample before: 488 ps
        expected = [99_488, 199_488, 349_488, 0]
    assert done.saved["r1"] == expected
    assert done.saved["r2"] == [2, 1]
    assert done.times["r1"] == [436, 436, 1536, 1536]
    assert done.times["r2"] == [436, 1536]


def test_without_a_count() -> None:
    """targetLen may be left out."""

    def build() -> None:
        times, tags = q.declare(int, size=2), q.declare_stream()
        q.measure("read", "spcm", None, q.time_tagging.analog(times, 400))
        all_of(times, 2, tags)

    assert run(build, pulses([100], 400)).saved["r1"] == [100, 0]


def test_tags_are_due_at_the_end_of_the_window() -> None:
    """Who reads the count, or any cell, waits for it, full or not; who reads neither does not."""

    def build(read: Any) -> None:
        times, count, n = q.declare(int, size=1), q.declare(int), q.declare(int)
        q.measure("read", "spcm", None, q.time_tagging.analog(times, 400, count))
        q.assign(n, read(times, count))
        with q.if_(n > 0):
            q.play("x", "q")

    volts = pulses([100], 400)
    for read, clock in ((lambda t, c: c, 456), (lambda t, c: t[0], 456), (lambda t, c: c * 0 + 1, 456)):
        assert run(lambda read=read: build(read), volts).clock("q") == clock
    assert run(lambda: build(lambda t, c: 1), volts).clock("q") == 20
    silent = run(lambda: build(lambda t, c: c), np.zeros(0))
    assert silent.clock("q") == 436, "the condition waited, nothing was played"
    assert silent.clock("spcm") == READ_NS, "the detector's own thread did not"


def test_an_assign_ends_the_pending_cell_alone() -> None:
    """A cell that is assigned after the measure keeps what it was given; its neighbour gets its tag."""

    def build() -> None:
        times, tags = q.declare(int, size=2), q.declare_stream()
        q.measure("read", "spcm", None, q.time_tagging.analog(times, 400))
        q.assign(times[0], -5)
        all_of(times, 2, tags)
        with q.stream_processing():
            tags.with_timestamps().save_all("tags")

    done = run(build, pulses([100, 200], 400))
    assert done.saved["r1"] == [-5, 200]
    assert done.times["r1"] == [0, 436]


def test_windows_that_overlap() -> None:
    """Two measures 100 ns apart into one array: the later one writes it; into two, each has its own."""

    def build(same: bool) -> None:
        first, second = q.declare(int, size=2), q.declare(int, size=2)
        tags = q.declare_stream()
        q.measure("read", "spcm", None, q.time_tagging.analog(first, 400))
        q.measure("read", "spcm", None, q.time_tagging.analog(first if same else second, 400))
        all_of(first, 2, tags)
        all_of(second, 2, tags)

    volts = pulses([50, 150, 450], 600)
    assert run(lambda: build(True), volts).saved["r1"] == [50, 350, 0, 0]
    assert run(lambda: build(False), volts).saved["r1"] == [50, 150, 50, 350]


def test_both_kinds_and_an_integral_in_one_measure() -> None:
    """Each has its own window: the integral is that of the 100 ns of its weights."""

    def build() -> None:
        ns, ps, n = q.declare(int, size=1), q.declare(int, size=1), q.declare(int)
        x, tags, values = q.declare(q.fixed), q.declare_stream(), q.declare_stream()
        analog, high_res = q.time_tagging.analog(ns, 400, n), q.time_tagging.high_res(ps, 300)
        q.measure("read", "spcm", None, analog, q.integration.full("w", x), high_res)
        q.save(ns[0], tags)
        q.save(ps[0], tags)
        q.save(n, tags)
        q.save(x, values)

    done = run(build, pulses([40], 400, 1000 / 4096, 20))
    assert done.saved["r1"] == [40, 39_500, 1]
    assert done.saved["r2"][0] / 2**28 == pytest.approx(-20 * 1000 / 4096 / 4096, abs=2**-28)


def test_an_output_by_name() -> None:
    """With two outputs one has to be named; the second hears nothing here."""

    def build(output: str) -> None:
        times, n, counts = q.declare(int, size=3), q.declare(int), q.declare_stream()
        q.measure("read", "spcm", None, q.time_tagging.analog(times, 400, n, output))
        q.save(n, counts)

    config = bench(two_outputs=True)
    assert run(lambda: build("out1"), pulses([9, 99], 400), config).saved["r1"] == [2]
    assert run(lambda: build("out2"), pulses([9, 99], 400), config).saved["r1"] == [0]


@pytest.mark.parametrize(("level", "told"), [(0.3, False), (0.7, True)])
@pytest.mark.parametrize("start", [-2, 9, 399])
def test_saturated_samples_are_told(level: float, told: bool, start: int) -> None:
    """A sample beyond the converter's range, wherever it is looked at: the process is blamed."""

    def build() -> None:
        q.measure("read", "spcm", None, q.time_tagging.analog(q.declare(int, size=3), 400))

    done = run(build, pulses([start], 400, level, width=1))
    assert ("input_saturated" in {code for code, _ in done.events}) == told


# ---------------------------------------------------------------- long windows, many windows, strands


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    length=st.sampled_from([300, 16_382, 16_383, 20_001]),
    numerics=st.sampled_from(["linear", "exact"]),
)
def test_tags_by_formula_in_noise(seed: int, length: int, numerics: str) -> None:
    """White noise of 0.1 V, as numpy finds the edges; windows shorter and longer than the kernels' blocks."""
    volts = np.random.default_rng(seed).normal(0.0, 0.1, FLIGHT_NS + length + 10)
    stored = np.floor(volts * 2**16 + 0.5) / 2**16 if numerics == "exact" else volts
    code = np.clip(np.floor(-stored * 4096), -2048, 2047).astype(int)
    expected = [i - FLIGHT_NS for i in edges_of(code) if FLIGHT_NS <= i < FLIGHT_NS + length]
    assert tagged(volts, cells=20_000, max_time=length, numerics=numerics) == expected


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_two_windows_tag_what_one_does(seed: int) -> None:
    """Windows that follow each other miss nothing and count nothing twice, wherever the border falls."""
    volts = np.random.default_rng(seed).normal(0.0, 0.1, 2000)

    def build() -> None:
        times, count, i, tags = q.declare(int, size=200), q.declare(int), q.declare(int), q.declare_stream()
        tag = q.declare(int)
        for k in range(5):
            q.measure("read", "spcm", None, q.time_tagging.analog(times, READ_NS, count))
            with q.for_(i, 0, i < count, i + 1):
                q.assign(tag, times[i] + READ_NS * k)
                q.save(tag, tags)

    def one() -> None:
        times, count, i, tags = q.declare(int, size=200), q.declare(int), q.declare(int), q.declare_stream()
        q.measure("read", "spcm", None, q.time_tagging.analog(times, 5 * READ_NS, count))
        with q.for_(i, 0, i < count, i + 1):
            q.save(times[i], tags)

    assert run(build, volts, noise=1e-3, seed=seed).saved == run(one, volts, noise=1e-3, seed=seed).saved


def counting(windows: int, cells: int, elsewhere: bool = False) -> Any:
    """Windows of 100 ns one after the other; the counts, or with ``elsewhere`` those of a drive on another thread."""

    def build() -> None:
        times, count, n, i = q.declare(int, size=cells), q.declare(int), q.declare(int), q.declare(int)
        counts, tags = q.declare_stream(), q.declare_stream()
        with q.for_(n, 0, n < windows, n + 1):
            q.measure("read", "spcm", None, q.time_tagging.analog(times, READ_NS, count))
            with q.for_(i, 0, i < count, i + 1):
                q.save(times[i], tags)
                if elsewhere:
                    q.play("x", "q")
            q.save(count, counts)

    return build


@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("cells", [1, 7, 3000, 70_000])
def test_strands_apart_find_the_same(cells: int, elsewhere: bool) -> None:
    """60 windows of noise, with every strand on its own: the same tags, however few blocks fit between them."""
    volts = np.random.default_rng(5).normal(0.0, 0.15, 20_000)
    together, apart = (run(counting(60, cells, elsewhere), volts, forked=forked) for forked in (False, True))
    assert together.saved == apart.saved
    assert together.machine.clock_ns == apart.machine.clock_ns
    assert len(together.saved["r2"]) >= 60


def test_blocks_that_nobody_can_take_end_the_job() -> None:
    """Values wait for a strand that an endless loop keeps: the limit counts cells, and the error names it."""

    def build() -> None:
        times, count, n = q.declare(int, size=1 << 20), q.declare(int), q.declare(int)
        counts = q.declare_stream()
        with q.for_(n, 0, n < 100, n + 1):
            q.measure("short", "spcm", None, q.time_tagging.analog(times, 1 << 20, count))
        q.save(count, counts)

    with pytest.raises(AskedWrongly) as caught:
        run(build, np.zeros(0))
    assert caught.value.code == "run_ahead"
    assert "RUN_AHEAD_VALUES_MAX" in caught.value.message


def test_traces_tags_and_integrals_see_the_same_noise() -> None:
    """The edges that numpy finds in the raw trace are tagged, and the sum of the trace is the integral.

    The trace begins with the window, so what its first two samples would say is left out; codes are rounded down, half
    a count on the average.
    """

    def build() -> None:
        times, count, i = q.declare(int, size=60), q.declare(int), q.declare(int)
        x, adc = q.declare(q.fixed), q.declare_stream(adc_trace=True)
        values, tags = q.declare_stream(), q.declare_stream()
        q.measure("read", "spcm", adc, q.time_tagging.analog(times, READ_NS, count), q.integration.full("w", x))
        q.save(x, values)
        with q.for_(i, 0, i < count, i + 1):
            q.save(times[i], tags)

    done = run(build, np.zeros(0), noise=0.01, seed=3)
    ((_, _, start, codes),) = done.traces
    assert start == FLIGHT_NS
    assert [tag for tag in done.saved["r3"] if tag > 1] == [i for i in edges_of(np.array(codes)) if i > 1]
    expected = (sum(codes) + READ_NS / 2) / 4096 / 4096
    assert done.saved["r2"][0] / 2**28 == pytest.approx(expected, abs=6 * (READ_NS / 12) ** 0.5 / 4096 / 4096)


def test_noise_of_integrals_is_that_of_samples_where_a_port_is_tagged() -> None:
    """A measure that is never reached tags the port: the integral changes to the noise of the samples."""

    def build(tags: bool) -> None:
        times, n, x = q.declare(int, size=60), q.declare(int, value=0), q.declare(q.fixed)
        values = q.declare_stream()
        q.measure("read", "spcm", None, q.integration.full("w", x))
        q.save(x, values)
        with q.if_(n > 0):
            process = q.time_tagging.analog(times, READ_NS) if tags else q.integration.full("w", x)
            q.measure("read", "spcm", None, process)

    one, other = (run(lambda t=t: build(t), np.zeros(0), noise=1e-4, seed=3).saved["r1"] for t in (True, False))
    assert one != other


# ---------------------------------------------------------------- images from outside


@settings(max_examples=120, deadline=None)
@given(
    table=st.sampled_from(["taggers", "processes", "windows"]),
    place=st.integers(0, 10**6),
    number=st.sampled_from([-(2**31), -2, -1, 3, 10**6, 2**31 - 1]),
)
def test_a_wild_number_in_a_table_is_refused_or_harmless(table: str, place: int, number: int) -> None:
    """As for all tables: bad_image, or the run goes on."""
    config = bench()
    image = compile_program(written(counting(3, 4)), config)
    changed = getattr(image, table).copy()
    changed.flat[place % changed.size] = number
    fields = {name: getattr(image, name) for name in image.__struct_fields__} | {table: changed}
    with suppress(AskedWrongly):
        machine_of(Image(**fields), config, np.zeros(0)).run(20_000)
