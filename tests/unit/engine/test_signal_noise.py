"""Noise: joint between overlapping integrals, per sample where samples are looked at."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.engine.signals import Signals, integral_normals, sample_normals
from quaymaster._core.errors import AskedWrongly

SIGMA = 1e-3


def silent(seed: int = 3, numerics="linear", **port):
    """A job with one noisy input that hears nothing."""
    s = Signals(seed, numerics)
    return s, s.add_port(257, sigma=SIGMA, **port)


WINDOWS = st.lists(
    st.tuples(
        st.integers(0, 400),  # start
        st.integers(0, 2),  # which weights
        st.sampled_from(["demod", "integration"]),
        st.integers(0, 2**64 - 1),  # phase
        st.sampled_from([0, 1 << 58, 123456789 << 32]),  # inc
    ),
    min_size=1,
    max_size=8,
)


@given(WINDOWS)
@settings(max_examples=80, deadline=None)
def test_rows_are_choleskys(formula, windows) -> None:
    """Any windows on one port: the two parts of their noise are the Cholesky root of the Gram matrix of the parts of
    their turned weights, times the normals; the phase only turns the parts."""
    s, port = silent()
    rng = np.random.default_rng(1)
    lengths = (16, 75, 300)
    shapes = [(rng.normal(size=n), rng.normal(size=n)) for n in lengths]
    weights = [s.add_weights(*shape) for shape in shapes]
    windows = sorted(windows, key=lambda w: w[0] + lengths[w[1]])
    rows, z, turns, eta = [], [], [], []
    for order, (start, which, kind, phase, inc) in enumerate(windows):
        cosine, sine = shapes[which]
        n = lengths[which]
        x = (cosine - 1j * sine) * formula.turn(0, inc, np.arange(n)) if kind == "demod" else cosine + 0j
        turns.append(formula.turn(phase, 0, np.zeros(1))[0] if kind == "demod" else 1.0)
        normals = integral_normals(3, 257, order, start + n, 0)
        for part, normal in ((x.real, normals[0]), (x.imag, normals[1])):
            row = np.zeros(800)
            row[start : start + n] = part
            rows.append(row)
            z.append(normal)
        d = s.integral(start, (kind, ((port, weights[which]),)), phase=phase, inc=inc, element=order)
        eta.append(d * 4096 / SIGMA)
    some = [k for k, row in enumerate(rows) if row.any()]  # an integration has no second part
    gram = np.array([[rows[j] @ rows[k] for k in some] for j in some])
    if np.linalg.eigvalsh(gram)[0] > 1e-6 * np.trace(gram):
        parts = np.zeros(len(rows))
        parts[some] = np.linalg.cholesky(gram) @ np.array(z)[some]
        expected = [(turn * (x + 1j * y)).real for turn, x, y in zip(turns, parts[::2], parts[1::2], strict=True)]
        np.testing.assert_allclose(eta, expected, rtol=1e-7, atol=1e-7)
    else:  # twice the same integral: the numbers repeat as well
        assert all(math.isfinite(x) for x in eta)


def test_the_same_integral_twice_has_the_same_noise() -> None:
    """Two elements that read one window with the same weights and phase get one number, not two."""
    s, port = silent()
    weights = s.add_weights(np.ones(100), np.ones(100))
    first, second = (
        s.integral(40, ("demod", ((port, weights),)), phase=7 << 58, inc=3 << 57, element=element) for element in (0, 1)
    )
    assert first != 0
    assert second == pytest.approx(first, rel=1e-9)


SHOTS = 4000


def within_five_deviations(values, rows, unit: float) -> None:
    """The sample covariance of the values is that of the rows' white noise, entry by entry within 5 deviations."""
    expected = unit**2 * (rows @ rows.T)
    d = np.sqrt(np.diag(expected))
    spread = np.sqrt((np.outer(d, d) ** 2 + expected**2) / SHOTS)
    assert (np.abs(np.cov(values.T) - expected) < 5 * spread).all()
    assert (np.abs(values.mean(axis=0)) < 5 * d / np.sqrt(SHOTS)).all()


@pytest.mark.parametrize("from_samples", [False, True])
def test_integrals_have_the_stated_covariance(formula, from_samples) -> None:
    """4,000 shots of two half-overlapping windows, I and Q each, drawn jointly or from samples: the covariance is
    sigma^2 g^2 times the Gram matrix (fixed seed; 1 in 10^5 other seeds would fail)."""
    s, port = silent(gain=1.25, from_samples=from_samples)
    inc, n = formula.inc(50.3e6), 100
    ones, zeros = np.ones(n), np.zeros(n)
    weights = s.add_weights(ones, zeros), s.add_weights(zeros, ones)
    processes = [("demod", ((port, w),)) for w in weights]
    phases = (5 << 58, 23 << 57)
    values = np.zeros((SHOTS, 4))
    for k in range(SHOTS):
        t = 1000 * k
        for element, u in ((0, t), (1, t + 50)):
            raw = s.evaluate(u, processes, phase=phases[element], inc=inc, element=element)
            values[k, 2 * element : 2 * element + 2] = raw
        s.forget_before(t + 1000)
    rows = np.zeros((4, 150))
    for element, u in ((0, 0), (1, 50)):
        turn = formula.turn(phases[element], inc, np.arange(n))
        rows[2 * element, u : u + n], rows[2 * element + 1, u : u + n] = turn.real, turn.imag
    within_five_deviations(values, rows, SIGMA * 1.25 / 4096 * 2**28)
    gram = rows @ rows.T
    assert abs(gram[0]).min() > 0.01 * gram[0, 0] or abs(gram[2, 0]) > 0.3 * gram[0, 0]


def test_phases_that_run_on_leave_the_covariance_alone(formula) -> None:
    """Shots whose oscillator comes with another phase each time: two elements at different frequencies over one window,
    each shot turned back by its phases, have the covariance of the turned weights (1 in 10^5 other seeds fail)."""
    s, port = silent()
    n, incs = 100, (formula.inc(50e6), formula.inc(52.3e6))
    weights = s.add_weights(np.ones(n), np.zeros(n)), s.add_weights(np.zeros(n), np.ones(n))
    processes = [("demod", ((port, w),)) for w in weights]
    values = np.zeros((SHOTS, 4))
    for k in range(SHOTS):
        u = 1037 * k
        for element, inc in enumerate(incs):
            i, q = s.evaluate(u, processes, phase=inc * u, inc=inc, element=element)
            back = (i + 1j * q) * formula.turn(-inc * u, 0, np.zeros(1))[0]
            values[k, 2 * element : 2 * element + 2] = back.real, back.imag
        s.forget_before(u + 1000)
    turns = [formula.turn(0, inc, np.arange(n)) for inc in incs]
    rows = np.array([part for turn in turns for part in (turn.real, turn.imag)])
    within_five_deviations(values, rows, SIGMA / 4096 * 2**28)
    assert (rows @ rows.T)[0, 2] > 20


def test_a_trace_and_its_demodulation_have_the_stated_covariance(formula) -> None:
    """4,000 shots of a raw trace of 40 samples and the I and Q of the same window: the covariance of integrals and
    samples is sigma^2 times the weights, that of the samples sigma^2, the converter's steps aside (1 in 2,000 other
    seeds would fail)."""
    s, port = silent(from_samples=True)
    inc, n, phase = formula.inc(50.3e6), 40, 3 << 60
    weights = s.add_weights(np.ones(n), np.zeros(n)), s.add_weights(np.zeros(n), np.ones(n))
    processes = [("demod", ((port, w),)) for w in weights]
    values = np.zeros((SHOTS, n + 2))
    for k in range(SHOTS):
        u = 1000 * k
        values[k, :2] = np.array(s.evaluate(u, processes, phase=phase, inc=inc)) * 2.0**-16 / SIGMA
        values[k, 2:] = (s.trace(port, u, n) + 0.5) / 4096 / SIGMA
        s.forget_before(u + 1000)
    turn = formula.turn(phase, inc, np.arange(n))
    rows = np.concatenate((np.array([turn.real, turn.imag]), np.eye(n)))
    step = 1 / 12 / (4096 * SIGMA) ** 2  # of a uniform rounding error, in units of sigma^2
    expected = rows @ rows.T
    expected[range(2, n + 2), range(2, n + 2)] += step
    d = np.sqrt(np.diag(expected))
    spread = np.sqrt((np.outer(d, d) ** 2 + expected**2) / SHOTS)
    assert (np.abs(np.cov(values.T) - expected) < 5 * spread).all()


def test_kept_traces_and_integrals_read_the_same_samples(formula) -> None:
    """Where a raw trace of the port is kept, an integral's noise is the weighted sum of the very sample noise."""
    s, port = silent(from_samples=True, sign=-1)
    inc, n, u = formula.inc(37e6), 700, 1234
    cosine, sine = np.linspace(-1, 1, n), np.linspace(2, 0, n)
    got = s.integral(u, ("demod", ((port, s.add_weights(cosine, sine)),)), phase=99 << 50, inc=inc)
    v = -SIGMA * sample_normals(3, 257, u, n)
    assert got == pytest.approx(formula.demod(cosine, sine, v, 99 << 50, inc), rel=1e-9)


def test_traces_show_the_noise_sample_by_sample() -> None:
    """A trace of a silent input is floor(4096 sigma n), whatever part of it is asked for."""
    s, port = silent(offset=0.01)
    whole = s.trace(port, 0, 3000)
    expected = np.floor((SIGMA * sample_normals(3, 257, 0, 3000) + 0.01) * 4096)
    assert (whole == expected).all()
    assert (s.trace(port, 701, 500) == whole[701:1201]).all()
    assert abs(whole.std() - 4096 * SIGMA) < 0.3


def test_sixty_four_integrals_may_overlap_and_no_more() -> None:
    """The 65th integral that overlaps all others on a port is refused by name; windows after them are fine."""
    s, port = silent()
    weights = s.add_weights(np.arange(100) + 1.0)
    for k in range(64):
        s.integral(k, ("integration", ((port, weights),)), element=k)
    with pytest.raises(AskedWrongly) as error:
        s.integral(64, ("integration", ((port, weights),)), element=64)
    assert error.value.code == "too_many_overlaps"
    assert s.integral(500, ("integration", ((port, weights),))) != 0
