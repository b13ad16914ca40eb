"""Raw traces, exact integrals, and what the kernels refuse."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.engine.signals import Signals, sample_normals, signal_error
from quaymaster._core.errors import AskedWrongly, OurBug


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(0, 700), st.sampled_from([1, -1]))
@settings(max_examples=40, deadline=None)
def test_a_trace_is_the_formula_within_one_code(formula, phase, inc, start, sign) -> None:
    """Codes are the floor of 4096 times gain, mixer, delay, offset and sign applied to the pulses, within 1."""
    s = Signals()
    element = s.add_element((1.0, 0.1, -0.2, 0.8))
    p = s.add_port(257, gain=1.4, offset=-0.05, sign=sign, delay=33)
    s.add_ear(p, element, 1)
    w = np.linspace(0, 0.1, 400) + 1j * np.linspace(0.05, 0, 400)
    waveform = s.add_waveform(w.real, w.imag)
    play = formula.Play(133, w, phase, inc, 0.5 + 0.5j, 0.1, -0.2 - 0.8j)
    s.record(element, waveform, 100, 400, phase=phase, inc=inc, alpha=0.5 + 0.5j, beta=0.1)
    expected = 4096 * sign * (1.4 * play.at(np.arange(start, start + 600)) - 0.05)
    codes = s.trace(p, start, 600)
    assert codes.dtype == np.int16
    assert (np.abs(codes + 0.5 - expected) <= 1).all()


def test_codes_saturate_and_say_so() -> None:
    """Beyond the range codes stay at −2048 and 2047, and the event counts traces."""
    s = Signals()
    element, p = s.add_element(), s.add_port(257, gain=3.0)
    s.add_ear(p, element, 2)
    s.record(element, s.add_waveform([0.4, -0.4, 0.1, 0.0]), 0, 4)
    assert s.trace(p, 0, 4).tolist() == [2047, -2048, 1228, 0]
    s.trace(p, 2, 2)
    assert s.events == {"integral_overflow": 0, "input_saturated": 1}


def exact_reference(codes, cosine, sine, turn):
    """The widths of the contract in Python integers: 2.19 products, 16.16 sum."""
    total = 0
    for code, wc, ws, z in zip(codes, cosine, sine, turn, strict=True):
        c, s = (min(int(np.floor(x * 2**17 + 0.5)), 2**17 - 1) for x in (z.real, z.imag))
        for weight, factor in ((wc, c), (ws, s)):
            product = (int(code) * int(np.floor(weight * 2**15 + 0.5))) >> 8
            total += ((product + 2**20) % 2**21 - 2**20) * factor
    return ((total >> 20) + 2**31) % 2**32 - 2**31


def test_exact_integrals_have_the_hardware_widths(formula) -> None:
    """An exact integral is the integer sum over the very codes that a trace shows, noise and all."""
    for scale in (1.0, 900.0):  # the second leaves 2.19 and wraps
        s = Signals(5, "exact")
        element, p = s.add_element(), s.add_port(257, sigma=0.002, gain=1.2, offset=0.01, sign=-1, delay=24)
        s.add_ear(p, element, 2)
        inc, n = formula.inc(41e6), 600
        s.record(element, s.add_waveform(np.linspace(-0.3, 0.3, 500)), 10, 500, inc=inc)
        cosine, sine = scale * np.linspace(-1, 1, n), scale * np.linspace(0.5, 0, n)
        (raw,) = s.evaluate(7, [("demod", ((p, s.add_weights(cosine, sine)),))], inc=inc, phase=3 << 59)
        expected = exact_reference(s.trace(p, 7, n), cosine, sine, formula.turn(3 << 59, inc, np.arange(n)))
        assert raw == expected
        assert s.events["integral_overflow"] == (scale > 1)


def test_exact_integration_multiplies_by_one_exactly() -> None:
    """Without a frequency the cosine is 2^17: the sum of the codes, unrounded."""
    s = Signals(0, "exact")
    element, p = s.add_element(), s.add_port(257)
    s.add_ear(p, element, 2)
    s.record(element, s.add_waveform([100 / 4096], constant=True), 0, 64)
    (raw,) = s.evaluate(0, [("integration", ((p, s.add_weights(np.ones(64))),))])
    assert raw == 64 * 100 * 2**28 // 4096 // 4096


def test_exact_and_linear_agree_within_the_converter(formula) -> None:
    """With noise the codes' rounding averages out: both numerics give one integral, within 5 deviations of the
    rounding (half an LSB per sample at most, random) plus its known bias of half a code."""
    inc, n = formula.inc(50e6), 1000
    got = []
    for numerics in ("linear", "exact"):
        s = Signals(9, numerics)
        element, p = s.add_element(), s.add_port(257, sigma=0.001, from_samples=True)
        s.add_ear(p, element, 2)
        s.record(element, s.add_waveform([0.2], constant=True), 0, n, inc=inc)
        weights = s.add_weights(np.ones(n), np.zeros(n))
        got.append(s.evaluate(0, [("demod", ((p, weights),))], inc=inc)[0] * 2.0**-28)
    assert abs(got[0] - got[1]) < 5 * np.sqrt(n / 2 / 12) / 4096**2 + n * 2.0**-19 / 4096


def test_outputs_add_before_their_converter_rounds() -> None:
    """Two quarter-step pulses on one output port make half a step, which the converter shows; on two ports, none."""
    for shared, heard in ((True, 2.0**-16), (False, 0.0)):
        s = Signals(0, "exact")
        p = s.add_port(257)
        waveform = s.add_waveform([2.0**-18], constant=True)
        for k in range(2):
            element = s.add_element()
            s.add_ear(p, element, 2, 7 if shared else 7 + k)
            s.record(element, waveform, 0, 10, thread=k)
        assert (s.heard(p, 0, 10) == heard).all()


def test_noise_of_a_port_is_its_own() -> None:
    """The trace of port number 513 (FEM 2, input 1) shows that port's noise."""
    s = Signals(1)
    p = s.add_port(513, sigma=0.01)
    assert (s.trace(p, 8, 100) == np.floor(0.01 * sample_normals(1, 513, 8, 100) * 4096)).all()


def test_what_cannot_be_is_refused() -> None:
    """Mixed windows, records out of order and ids that are none are errors, and change nothing."""
    s = Signals()
    element, p = s.add_element(), s.add_port(257)
    s.add_ear(p, element, 2)
    waveform = s.add_waveform([0.1], constant=True)
    short, long = s.add_weights(np.ones(16)), s.add_weights(np.ones(20))
    s.record(element, waveform, 100, 16)
    with pytest.raises(OurBug, match="different length"):
        s.evaluate(0, [("demod", ((p, short),)), ("demod", ((p, long),))])
    with pytest.raises(OurBug, match="earlier"):
        s.record(element, waveform, 115, 16)
    for call in (
        lambda: s.record(element, 9, 200, 16),
        lambda: s.record(7, waveform, 200, 16),
        lambda: s.evaluate(0, [("demod", ((3, short),))]),
        lambda: s.trace(-1, 0, 10),
        lambda: s.add_ear(p, 5, 2),
        lambda: s.record(element, s.add_waveform([0.1, 0.2]), 200, 16),
    ):
        with pytest.raises(OurBug):
            call()
    assert (s.heard(p, 90, 40) != 0).sum() == 16


@pytest.mark.long
def test_records_that_nobody_forgets_are_bounded() -> None:
    """The records kept end at SIGNAL_RING_BYTES_MAX with an error that says what to do, not at the machine's memory."""
    s = Signals()
    element, p = s.add_element(), s.add_port(257)
    s.add_ear(p, element, 2)
    waveform = s.add_waveform([0.1], constant=True)
    with pytest.raises(AskedWrongly) as error:
        for k in range(4_000_000):
            s.record(element, waveform, 20 * k, 20)
    assert error.value.code == "record_ring_full"
    assert "align" in error.value.hint


def test_records_that_are_forgotten_need_no_room() -> None:
    """A loop that forgets what it has passed goes on, and what is left is what was played last."""
    s = Signals()
    element, p = s.add_element(), s.add_port(257, delay=24)
    s.add_ear(p, element, 2)
    waveform = s.add_waveform([0.1], constant=True)
    for k in range(50_000):
        s.record(element, waveform, 20 * k, 20)
        s.forget_before(20 * k)
    assert (s.heard(p, 20 * 49_999 + 24, 20) == 0.1).all()
    assert (s.heard(p, 0, 20) == 0).all()


def test_every_code_has_an_error() -> None:
    """Each return code of signals.h becomes the right family: faults of the program have a code each, ours are ours."""
    codes = {code: signal_error(code) for code in range(-7, 0)}
    assert isinstance(codes.pop(-1), MemoryError)
    asked = {code: error.code for code, error in codes.items() if isinstance(error, AskedWrongly)}
    assert asked == {-2: "record_ring_full", -3: "too_many_overlaps", -5: "window_too_long"}
    assert all(isinstance(codes[code], OurBug) for code in (-4, -6, -7))
