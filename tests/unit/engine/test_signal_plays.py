"""Cuts, chirps, ramps and holds (docs/arithmetic.md 13): integrals, samples and ranges beside their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quaymaster._core.engine.signals import Signals

TURN = 1 << 64


def one_port(numerics: str = "linear", **options: float) -> tuple[Signals, int, int]:
    """An element on output 0 and a port that hears it."""
    s = Signals(numerics=numerics)  # type: ignore[arg-type]
    element, port = s.add_element(), s.add_port(**options)  # type: ignore[arg-type]
    s.add_ear(port, element, 2)
    return s, element, port


def check_integral(s: Signals, port: int, formula, start: int, n: int, v: np.ndarray) -> None:
    """The linear integral of a window equals the float64 sum over the samples, within 1e-9 relative."""
    cosine, sine = np.cos(np.arange(n) / 50), np.linspace(-1, 1, n)
    phase, inc = 0x1234567 << 30, formula.inc(37.123e6)
    weights = s.add_weights(cosine, sine)
    got = s.integral(start, ("demod", ((port, weights),)), phase=phase, inc=inc)
    expected = formula.demod(cosine, sine, v[start : start + n], phase, inc)
    assert got == pytest.approx(expected, rel=1e-9, abs=1e-12)


def chirped(sections: list[tuple[int, int]], inc: int, n: int) -> np.ndarray:
    """e^{i chi}, chi by adding increments one by one in exact integers: before each next sample the frequency has
    grown by the section's rate."""
    phase, speed, out = 0, inc, []
    starts = dict(sections)
    rate = 0
    for i in range(n):
        rate = starts.get(i, rate)
        out.append(phase % TURN / TURN)
        speed += rate
        phase += speed
    return np.exp(2j * np.pi * np.array(out))


@pytest.mark.parametrize("sections", [[(0, 3 << 40)], [(0, 5 << 40), (100, -(7 << 40)), (350, 1 << 42)]])
def test_chirp(formula, sections: list[tuple[int, int]]) -> None:
    """Samples and integrals of a chirp follow the increments that grow by the rate each ns; sections join."""
    s, element, port = one_port()
    w = 0.1 * np.hanning(600)
    inc, phase = formula.inc(21e6), 99 << 55
    s.record(element, s.add_waveform(w), 40, 600, phase=phase, inc=inc, sections=sections)
    v = np.zeros(1000)
    v[40:640] = np.real(w * chirped(sections, inc, 600) * np.exp(2j * np.pi * phase / TURN))
    assert np.abs(s.heard(port, 0, 1000) - v).max() < 1e-13
    check_integral(s, port, formula, 0, 1000, v)
    check_integral(s, port, formula, 200, 300, v)


def test_chirps_with_different_rates_are_told_apart(formula) -> None:
    """Equal but for the rate, in equal places: each has its own remembered sums."""
    s, element, port = one_port()
    waveform = s.add_waveform([0.2], constant=True)
    for k, rate in enumerate((1 << 40, 2 << 40, 1 << 40)):
        s.record(element, waveform, 1000 * k, 500, inc=formula.inc(1e7), sections=[(0, rate)])
        v = np.zeros(1000 * k + 600)
        v[1000 * k : 1000 * k + 500] = np.real(0.2 * chirped([(0, rate)], formula.inc(1e7), 500))
        check_integral(s, port, formula, 1000 * k, 600, v)


def test_a_cut_keeps_the_first_samples_of_the_stretched_waveform(formula) -> None:
    """Stretched to 200 and cut to 130: the first 130 samples of the stretched play."""
    w = 0.2 * np.sin(np.arange(90) / 9)
    s, element, port = one_port()
    waveform = s.add_waveform(w)
    s.record(element, waveform, 0, 200, inc=formula.inc(3e6))
    s.record(element, waveform, 1000, 130, stretched=200, inc=formula.inc(3e6))
    s.record(element, waveform, 2000, 50, stretched=90, inc=formula.inc(3e6))
    assert np.array_equal(s.heard(port, 1000, 200)[:130], s.heard(port, 0, 130))
    assert not s.heard(port, 1130, 100).any()
    assert np.abs(s.heard(port, 2000, 50) - w[:50] * np.cos(2 * np.pi * 3e6 * np.arange(50) * 1e-9)).max() < 1e-12
    check_integral(s, port, formula, 900, 400, s.heard(port, 0, 3000))


def test_ramps(formula) -> None:
    """w = (n + 1) r 2^-28 and w = 1 - (n + 1)/4D."""
    s, element, port = one_port()
    slope = 123_456
    s.record(element, 0, 100, 400, kind="ramp", slope=slope)
    s.record(element, 0, 500, 80, kind="ramp_to_zero", alpha=0.3)
    v = np.zeros(800)
    v[100:500] = np.arange(1, 401) * slope * 2.0**-28
    v[500:580] = 0.3 * (1 - np.arange(1, 81) / 80)
    assert np.array_equal(s.heard(port, 0, 800), v)
    check_integral(s, port, formula, 0, 800, v)
    check_integral(s, port, formula, 450, 100, v)


@pytest.mark.parametrize("frequency", [0.0, 50.123e6])
def test_holds(formula, frequency: float) -> None:
    """An open hold reaches to any window's end, beside a play; ended it stops there; forgetting never takes it."""
    s, element, port = one_port(delay=24)
    inc, level = formula.inc(frequency), 0.11 - 0.07j
    s.hold_begin(element, 100, inc=inc, level=level, phase=5 << 50)
    held = formula.Play(124, np.ones(90_000), 5 << 50, inc, level)
    check_integral(s, port, formula, 50, 300, held.at(np.arange(400)))
    s.forget_before(50_000)
    assert np.abs(s.heard(port, 60_000, 100) - held.at(np.arange(60_000, 60_100))).max() < 1e-12
    s.record(element, s.add_waveform(np.full(40, 0.1)), 60_200, 40, inc=inc)
    s.hold_end(element, 60_240)
    s.hold_begin(element, 60_240, level=0.05)
    s.hold_end(element, 60_240)
    times = np.arange(60_000, 61_000)
    v = np.where(times < 60_264, held.at(times), 0.0) + formula.Play(60_224, np.full(40, 0.1), 0, inc).at(times)
    assert np.abs(s.heard(port, 60_000, 1000) - v).max() < 1e-12
    check_integral(s, port, formula, 60_000, 1000, np.concatenate([np.zeros(60_000), v]))


def test_holds_in_exact_numerics_and_traces() -> None:
    """0.25 V held: the code 1024 to the end of any trace, and the integral of it."""
    s, element, port = one_port("exact")
    s.hold_begin(element, 10, level=0.25)
    codes = s.trace(port, 0, 3000)
    assert not codes[:10].any() and set(codes[10:]) == {1024}
    (raw,) = s.evaluate(1000, [("integration", ((port, s.add_weights(np.ones(1000))),))])
    assert raw * 2.0**-28 == pytest.approx(0.25 * 1000 / 4096, abs=1e-6)


def test_a_hold_counts_for_the_range() -> None:
    """0.3 V held and 0.3 V played leave the converter's range together: the integral is clipped and says so."""
    s, element, port = one_port()
    s.hold_begin(element, 0, level=0.3)
    weights = s.add_weights(np.ones(100))
    s.evaluate(100, [("integration", ((port, weights),))])
    assert s.events["input_saturated"] == 0
    s.record(element, s.add_waveform([0.3], constant=True), 300, 100)
    (raw,) = s.evaluate(300, [("integration", ((port, weights),))])
    assert s.events["input_saturated"] == 1
    assert raw == math.floor(100 * 2047 / 4096 / 4096 * 2**28 + 0.5)


def test_holds_follow_one_another() -> None:
    """A second open hold of an element, or an end before its start, is the caller's bug."""
    s, element, _ = one_port()
    s.hold_end(element, 5)
    s.hold_begin(element, 100)
    with pytest.raises(Exception, match="before an earlier one"):
        s.hold_begin(element, 200)
    with pytest.raises(Exception, match="before an earlier one"):
        s.hold_end(element, 99)


def test_many_shapes_are_forgotten_with_their_records(formula) -> None:
    """40,000 different chirps of 50 sections, forgotten as they go: the bound on shapes holds and is not in the way."""
    s, element, _ = one_port()
    waveform = s.add_waveform([0.2], constant=True)
    for k in range(40_000):
        s.record(element, waveform, 100 * k, 50, sections=[(i, k + i) for i in range(50)])
        s.forget_before(100 * k)


def test_sharing_between_processes_changes_nothing() -> None:
    """Exact numerics with noise: processes evaluated together, alone, and after a trace of another length agree."""

    def fresh() -> tuple[Signals, list]:
        s = Signals(7, "exact")
        element, port = s.add_element(), s.add_port(sigma=1e-2)
        s.add_ear(port, element, 2)
        s.record(element, s.add_waveform([0.2], constant=True), 0, 2000, inc=formula_inc)
        w = [s.add_weights(np.full(777, 0.5), np.full(777, x)) for x in (0.1, -0.7)]
        return s, [("demod", ((port, w[0]),)), ("integration", ((port, w[1]),)), ("demod", ((port, w[1]),))]

    formula_inc = 1 << 60
    s, processes = fresh()
    together = s.evaluate(333, processes, inc=formula_inc)
    for k, process in enumerate(processes):
        s, _ = fresh()
        s.trace(0, 333, 20 * k)
        s.trace(0, 330, 100)
        assert s.evaluate(333, [process], inc=formula_inc) == [together[k]]
        assert np.array_equal(s.trace(0, 333, 900), fresh()[0].trace(0, 333, 900))
