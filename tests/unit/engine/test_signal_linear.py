"""Integrals of the linear numerics against the definition: a sum over all samples of the window."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.engine.signals import Signals

N = 400
SEED = 11


def noise(n: int, seed: int = SEED) -> np.ndarray:
    """Fixed uneven samples in −0.1 … 0.1."""
    return np.random.default_rng(seed).uniform(-0.1, 0.1, n)


def single(**port):
    """A job with one single-input element heard by one port."""
    s = Signals()
    element, p = s.add_element(), s.add_port(257, **port)
    s.add_ear(p, element, 2)
    return s, element, p


@pytest.mark.parametrize("numerics", ["linear", "exact"])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_constant_gives_half_its_area(formula, numerics, sign) -> None:
    """Constant amplitude a over N ns with whole periods gives I = a N / 2 / 4096, Q = 0, with the ADC's sign."""
    s = Signals(0, numerics)
    element, p = s.add_element(), s.add_port(257, sign=sign)
    s.add_ear(p, element, 2)
    inc = formula.inc(50e6)
    waveform = s.add_waveform([0.25], constant=True)
    cosine, sine = s.add_weights(np.ones(1000), np.zeros(1000)), s.add_weights(np.zeros(1000), np.ones(1000))
    s.record(element, waveform, 0, 1000, inc=inc)
    i, q = s.evaluate(0, [("demod", ((p, cosine),)), ("demod", ((p, sine),))], inc=inc)
    one_code = 2 * 1000 * 2.0**-24  # the floor of the converter loses half a code on average
    assert i * 2.0**-28 == pytest.approx(sign * 0.25 * 1000 / 2 / 4096, abs=one_code if numerics == "exact" else 1e-8)
    assert q * 2.0**-28 == pytest.approx(0, abs=one_code if numerics == "exact" else 1e-8)


def test_dual_demod_gives_the_whole_area() -> None:
    """An IQ pulse (a, 0) on two inputs, cos·I + sin·Q, gives a N / 4096, at any whole number of periods."""
    s = Signals()
    element = s.add_element()
    first, second = s.add_port(257), s.add_port(258)
    s.add_ear(first, element, 0)
    s.add_ear(second, element, 1)
    inc = round(0.05 * 2**64)
    waveform = s.add_waveform([0.25], [0.0], constant=True)
    cosine, sine = s.add_weights(np.ones(1000), np.zeros(1000)), s.add_weights(np.zeros(1000), np.ones(1000))
    s.record(element, waveform, 100, 1000, inc=inc, phase=100 * inc)
    (i,) = s.evaluate(100, [("demod", ((first, cosine), (second, sine)))], inc=inc, phase=100 * inc)
    assert i * 2.0**-28 == pytest.approx(0.25 * 1000 / 4096, rel=1e-7)


RECORDS = st.lists(
    st.tuples(
        st.integers(0, 300),  # gap
        st.integers(16, 500),  # length
        st.integers(0, 2**64 - 1),  # phase
        st.integers(0, 2**64 - 1),  # inc
        st.complex_numbers(max_magnitude=1.0),
        st.complex_numbers(max_magnitude=1.0) | st.just(0j),
    ),
    max_size=5,
)


@given(RECORDS, RECORDS, st.integers(0, 900), st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 60))
@settings(max_examples=60, deadline=None)
def test_any_records_give_the_sum_over_samples(formula, first, second, u, phase, inc, delay) -> None:
    """Two IQ elements with any pulses, mixers, phases and partial overlaps: the remembered sums give what summing
    weights · cos · signal over the window gives, within 1e-9; and the same once more, now remembered."""
    s = Signals()
    correction = (1.1, -0.2, 0.15, 0.9)
    c00, c01, c10, c11 = correction
    p, q = s.add_port(257, gain=0.4, offset=0.02, sign=-1, delay=delay), s.add_port(258, delay=delay)
    plays: dict[int, list] = {p: [], q: []}
    for thread, records in enumerate((first, second)):
        element = s.add_element(correction)
        s.add_ear(p, element, 0)
        s.add_ear(q, element, 1)
        start = 0
        for order, (gap, length, theta, step, alpha, beta) in enumerate(records):
            start += gap
            w = 0.03 * (noise(length, order) + 1j * noise(length, order + 9))
            waveform = s.add_waveform(w.real, w.imag)
            s.record(
                element,
                waveform,
                start,
                length,
                phase=theta,
                inc=step,
                alpha=alpha,
                beta=beta,
                thread=thread,
                order=order,
            )
            for port, m in ((p, c00 - 1j * c01), (q, c10 - 1j * c11)):
                plays[port].append(formula.Play(start + delay, w, theta, step, alpha, beta, m))
            start += length
    cosine, sine = 10 * noise(N, 5), 10 * noise(N, 6)
    weights = s.add_weights(cosine, sine)
    times = np.arange(u, u + N)
    v = {port: sum((play.at(times) for play in plays[port]), np.zeros(N)) for port in plays}
    v[p] = -(0.4 * v[p] + 0.02)
    expected = sum(formula.demod(cosine, sine, v[port], phase, inc) for port in plays)
    bare = float(np.sum(cosine * v[p])) / 4096
    scale = N * 0.1 / 4096
    for _ in range(2):
        got = s.integral(u, ("demod", ((p, weights), (q, weights))), phase=phase, inc=inc)
        assert got == pytest.approx(expected, rel=1e-9, abs=1e-9 * scale)
        got = s.integral(u, ("integration", ((p, weights),)), phase=phase, inc=inc)
        assert got == pytest.approx(bare, rel=1e-9, abs=1e-9 * scale)
    np.testing.assert_allclose(s.heard(q, u, N), v[q], rtol=0, atol=1e-14)


@given(st.integers(4, 40), st.integers(0, 200), st.lists(st.floats(-1, 1), min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_stretching_reproduces_cubics(n, more, c) -> None:
    """A waveform that is a cubic of its sample number stays that cubic when stretched, at every new sample."""
    s, element, p = single()
    scale = 0.05 / n**3
    x = np.arange(n)
    waveform = s.add_waveform(scale * np.polyval(c, x))
    s.record(element, waveform, 0, n + more)
    x = np.arange(n + more) * (n / (n + more))
    np.testing.assert_allclose(s.heard(p, 0, n + more), scale * np.polyval(c, x), rtol=0, atol=1e-12)


def test_a_constant_lasts_as_long_as_asked_and_a_long_pulse_is_cut() -> None:
    """A constant of any length is one sample repeated; a shorter play of samples keeps the first ones."""
    s, element, p = single()
    constant, ramp = s.add_waveform([0.1], constant=True), s.add_waveform(np.arange(100) / 1000)
    s.record(element, constant, 0, 700)
    s.record(element, ramp, 700, 16)
    heard = s.heard(p, 0, 800)
    assert (heard[:700] == 0.1).all()
    assert (heard[700:716] == np.arange(16) / 1000).all()
    assert (heard[716:] == 0).all()


def test_integral_wraps_and_says_so() -> None:
    """A result of 8 or more wraps as 4.28 does, and the event names the process."""
    s, element, p = single()
    waveform = s.add_waveform([0.4], constant=True)
    weights = s.add_weights(np.full(1000, 100.0))
    s.record(element, waveform, 0, 1000)
    (raw,) = s.evaluate(0, [("integration", ((p, weights),))])
    area = 0.4 * 1000 * 100 / 4096
    assert raw * 2.0**-28 == pytest.approx((area + 8) % 16 - 8, abs=1e-6)
    assert s.events == {"integral_overflow": 1, "input_saturated": 0}


def test_a_signal_beyond_the_range_is_clipped() -> None:
    """Where amplitude + 6 sigma reaches the converter's range the samples are clipped, at both ends, after the sign."""
    weights = np.ones(100)
    for sign, lowest in ((1, 2047 / 4096), (-1, -0.5)):
        s, element, p = single(gain=2.0, sign=sign)
        s.record(element, s.add_waveform([0.4], constant=True), 0, 50)
        (raw,) = s.evaluate(0, [("integration", ((p, s.add_weights(weights)),))])
        assert raw == round(50 * lowest / 4096 * 2**28)
        assert s.events["input_saturated"] == 1


def test_possible_overflow_that_is_none_changes_nothing(formula) -> None:
    """Two pulses that could saturate the input but cancel there: samples give the definition's integral, no event."""
    s = Signals()
    p = s.add_port(257)
    inc, w = formula.inc(123e6), np.full(100, 0.3)
    cosine, sine = 1 + noise(100, 3), noise(100, 4)
    waveform = s.add_waveform(w)
    for thread, alpha in enumerate((1.0, -0.9)):
        element = s.add_element()
        s.add_ear(p, element, 2)
        s.record(element, waveform, 0, 100, inc=inc, alpha=alpha, thread=thread)
    got = s.integral(0, ("demod", ((p, s.add_weights(cosine, sine)),)), inc=inc, phase=5 << 60)
    v = 0.1 * formula.Play(0, w, inc=inc).at(np.arange(100))
    assert got == pytest.approx(formula.demod(cosine, sine, v, 5 << 60, inc), rel=1e-9)
    assert s.events["input_saturated"] == 0


def test_the_order_of_plays_between_elements_does_not_matter() -> None:
    """Records of different elements may be told in any order: they are summed in that of the contract."""
    results = set()
    for swapped in (False, True):
        s = Signals()
        p = s.add_port(257)
        elements = [s.add_element(), s.add_element()]
        for element in elements:
            s.add_ear(p, element, 2)
        waveform = s.add_waveform(noise(200))
        plays = [(e, k * 300 + e * 7, k) for e in elements for k in range(30)]
        plays.sort(key=lambda play: (play[2], -play[0]) if swapped else play)
        for element, start, order in plays:
            s.record(element, waveform, start, 200, inc=12345 << 48, thread=element, order=order)
        weights = s.add_weights(np.ones(9000))
        results.add(s.integral(0, ("demod", ((p, weights),)), inc=54321 << 48))
    assert len(results) == 1


def test_forgetting_changes_nothing_that_can_be_asked() -> None:
    """A long loop that forgets as it goes gives at every shot what a fresh start gives."""
    s, element, p = single()
    waveform, weights = s.add_waveform(noise(100)), s.add_weights(np.ones(100), np.ones(100))
    inc, results = 987654321 << 32, set()
    for k in range(5000):
        t = 256 * k
        s.record(element, waveform, t, 100, inc=inc)
        results.add(s.integral(t, ("demod", ((p, weights),)), inc=inc))
        s.forget_before(t + 100)
    assert len(results) == 1
