"""Noise: joint between overlapping integrals, per sample where samples are looked at."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.engine.signals import Signals, integral_normal, sample_normals
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
    """Any windows on one port: eta is the Cholesky root of the Gram matrix of their demodulated weights, times z."""
    s, port = silent()
    rng = np.random.default_rng(1)
    lengths = (16, 75, 300)
    shapes = [(rng.normal(size=n), rng.normal(size=n)) for n in lengths]
    weights = [s.add_weights(*shape) for shape in shapes]
    windows = sorted(windows, key=lambda w: w[0] + lengths[w[1]])
    rows, z, eta = np.zeros((len(windows), 800)), [], []
    for order, (start, which, kind, phase, inc) in enumerate(windows):
        cosine, sine = shapes[which]
        n = lengths[which]
        turn = formula.turn(phase, inc, np.arange(n)) if kind == "demod" else np.ones(n)
        rows[order, start : start + n] = np.real((cosine - 1j * sine) * turn)
        z.append(integral_normal(3, 257, order, start + n, 0))
        d = s.integral(start, (kind, ((port, weights[which]),)), phase=phase, inc=inc, thread=order)
        eta.append(d * 4096 / SIGMA)
    gram = rows @ rows.T
    if np.linalg.eigvalsh(gram)[0] > 1e-6 * np.trace(gram):
        np.testing.assert_allclose(eta, np.linalg.cholesky(gram) @ z, rtol=1e-7, atol=1e-7)
    else:  # twice the same integral: the numbers repeat as well
        assert all(math.isfinite(x) for x in eta)


def test_the_same_integral_twice_has_the_same_noise() -> None:
    """Two elements that read one window with the same weights and phase get one number, not two."""
    s, port = silent()
    weights = s.add_weights(np.ones(100), np.ones(100))
    first, second = (
        s.integral(40, ("demod", ((port, weights),)), phase=7 << 58, inc=3 << 57, thread=thread) for thread in (0, 1)
    )
    assert first != 0
    assert second == pytest.approx(first, rel=1e-9)


def test_integrals_have_the_stated_covariance(formula) -> None:
    """4,000 shots of two half-overlapping windows, I and Q each: the sample covariance is sigma^2 g^2 times the Gram
    matrix, entry by entry within 5 deviations (fixed seed; 1 in 10^5 other seeds would fail)."""
    s, port = silent(gain=1.25)
    inc, n, shots = formula.inc(50e6), 100, 4000
    ones, zeros = np.ones(n), np.zeros(n)
    weights = s.add_weights(ones, zeros), s.add_weights(zeros, ones)
    processes = [("demod", ((port, w),)) for w in weights]
    values = np.zeros((shots, 4))
    for k in range(shots):
        t = 1000 * k
        for thread, u in ((0, t), (1, t + 50)):
            raw = s.evaluate(u, processes, phase=inc * u, inc=inc, thread=thread)
            values[k, 2 * thread : 2 * thread + 2] = raw
        s.forget_before(t + 1000)
    rows = np.zeros((4, 150))
    for thread, u in ((0, 0), (1, 50)):
        turn = formula.turn(inc * u, inc, np.arange(n))
        rows[2 * thread, u : u + n], rows[2 * thread + 1, u : u + n] = turn.real, turn.imag
    expected = (SIGMA * 1.25 / 4096 * 2**28) ** 2 * (rows @ rows.T)
    found = np.cov(values.T)
    d = np.sqrt(np.diag(expected))
    assert (np.abs(found - expected) < 5 * np.sqrt(2 / shots) * np.outer(d, d)).all()
    assert expected[2, 0] > 0.4 * d[0] * d[2]


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
        s.integral(k, ("integration", ((port, weights),)), thread=k)
    with pytest.raises(AskedWrongly) as error:
        s.integral(64, ("integration", ((port, weights),)), thread=64)
    assert error.value.code == "too_many_overlaps"
    assert s.integral(500, ("integration", ((port, weights),))) != 0
