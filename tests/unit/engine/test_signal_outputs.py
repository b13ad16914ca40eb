"""Output samples (docs/arithmetic.md 14) beside float64 numpy and formulas."""

from __future__ import annotations

import numpy as np
import pytest

from quaymaster._core.engine.signals import Signals

LSB = 2.0**-16
RNG = np.random.default_rng(3)


def rounded(v: np.ndarray) -> np.ndarray:
    """In range, to 2^-16."""
    return np.floor(v * 65536 + 0.5) * LSB


def pair(s: Signals, **options: float) -> tuple[int, list[int]]:
    """An IQ element with a mixer, and its two ports."""
    element = s.add_element((1.02, 0.03, -0.02, 0.98))
    outputs = [s.add_output(**options) for _ in range(2)]  # type: ignore[arg-type]
    for which, output in enumerate(outputs):
        s.add_source(output, element, which)
    return element, outputs


def plays(s: Signals, element: int, formula, count: int = 7, scale: float = 0.03) -> list:
    """Some random pulses back to back and overlapping nothing, with a matrix amplitude in every third."""
    done = []
    for k in range(count):
        n = int(RNG.integers(20, 700))
        w = scale * (RNG.uniform(-1, 1, n) + 1j * RNG.uniform(-1, 1, n))
        start, inc, phase = 900 * k + 13, formula.inc(1e6 * float(RNG.uniform(-300, 300))), int(RNG.integers(1 << 62))
        alpha, beta = complex(*RNG.uniform(-1, 1, 2)), complex(*RNG.uniform(-1, 1, 2)) if k % 3 == 0 else 0j
        s.record(element, s.add_waveform(w.real, w.imag), start, n, phase=phase, inc=inc, alpha=alpha, beta=beta)
        done.append((start, w, phase, inc, alpha, beta))
    return done


def sums(done: list, formula, times: np.ndarray) -> list[np.ndarray]:
    """The two port signals of the definition."""
    return [sum(formula.Play(*play, m=m).at(times) for play in done) for m in (1.02 - 0.03j, -0.02 - 0.98j)]


def test_a_port_carries_its_records_offset_and_delay(formula) -> None:
    """Both ports of a mixer equal the definition, 37 ns later, on their offset, in any chunks."""
    s = Signals()
    element, outputs = pair(s, offset=0.05, delay=37)
    done = plays(s, element, formula)
    times = np.arange(7000)
    for output, expected in zip(outputs, sums(done, formula, times - 37), strict=True):
        got = np.concatenate([s.render(output, t, min(1111, 7000 - t)) for t in range(0, 7000, 1111)])
        assert np.abs(got - rounded(expected + 0.05)).max() <= LSB
        assert np.mean(got != rounded(expected + 0.05)) < 1e-3
        assert np.array_equal(s.render(output, 300, 50), got[300:350])


def test_filters_run_on_from_chunk_to_chunk(formula) -> None:
    """FIR, IIR and crosstalk: the difference equation in plain Python; chunks, a jump and a start anew agree."""
    fir, iir = [0.9, 0.2, -0.1], [0.5, -0.2]
    s = Signals()
    element, outputs = pair(s)
    filtered = s.add_output(saturates=True, offset=0.01, delay=3, fir=fir, iir=iir)
    s.add_source(filtered, element, 0)
    s.add_crosstalk(filtered, outputs[1], 0.25)
    times = np.arange(6000)
    first, second = sums(plays(s, element, formula, 5), formula, times)
    x, y = first + 0.25 * second, np.zeros(6000)
    for n in range(6000):
        y[n] = sum(b * x[n - k] for k, b in enumerate(fir) if n >= k)
        y[n] += sum(a * y[n - m] for m, a in enumerate(iir, 1) if n >= m)
    expected = rounded(np.concatenate([np.zeros(3), y[:-3]]) + 0.01)
    whole = s.render(filtered, 0, 6000)
    assert np.abs(whole - expected).max() <= LSB
    assert np.array_equal(np.concatenate([s.render(filtered, t, 750) for t in range(0, 6000, 750)]), whole)
    assert np.array_equal(s.render(filtered, 100, 20), whole[100:120])
    assert np.array_equal(s.render(filtered, 5000, 1000), whole[5000:])


@pytest.mark.parametrize("saturates", [False, True])
def test_out_of_range_wraps_or_saturates(saturates: bool) -> None:
    """0.7 V becomes -0.3 V on a plain port and the greatest code on a filtered one; each sample counts."""
    s = Signals()
    element, output = s.add_element(), s.add_output(saturates=saturates)
    s.add_source(output, element, 2)
    s.record(element, s.add_waveform([0.7], constant=True), 10, 20)
    v = s.render(output, 0, 40)
    assert set(v[10:30]) == {32767 * LSB if saturates else float(rounded(np.array(0.7))) - 1.0}
    assert not v[:10].any() and not v[30:].any()
    assert s.output_overflow == 20
    codes = np.zeros((1, 40), np.int16)
    s.render_float32([output], 0, codes)
    assert np.array_equal(codes[0], v * 65536)
    assert s.output_overflow == 40


def test_scopes_are_within_one_step_and_count_exactly(formula) -> None:
    """Codes of the float32 path beside the contract's, both ports of three mixers, clipped now and then, odd starts."""
    s = Signals()
    outputs = []
    for _ in range(3):
        element, ports = pair(s, offset=0.02, saturates=True)
        outputs += ports
        for k in range(400):
            n = int(RNG.integers(4, 120))
            w = 0.45 * (RNG.uniform(-1, 1, n) + 1j * RNG.uniform(-1, 1, n))
            inc = formula.inc(float(RNG.uniform(-3e8, 3e8)))
            s.record(element, s.add_waveform(w.real, w.imag), 150 * k + 3, n, phase=int(RNG.integers(1 << 62)), inc=inc)
    for start, length in ((0, 60_000), (12_345, 7_777), (59_990, 200)):
        codes = np.zeros((6, length), np.int16)
        before = s.output_overflow
        s.render_float32(outputs, start, codes)
        counted = s.output_overflow - before
        exact = np.array([s.render(output, start, length) * 65536 for output in outputs])
        assert np.abs(codes - exact).max() <= 1
        assert s.output_overflow - before == 2 * counted
    assert counted == 0 and before > 100


@pytest.mark.parametrize("saturates", [False, True])
def test_scopes_of_dense_plays(saturates: bool, formula) -> None:
    """Four elements on one or two ports with plays of 1 to 90 ns, close together and far apart, beyond range now and
    then, in requests of odd starts and lengths (one shorter than a group): at most one step from the contract, where
    -32768 follows 32767, and as many samples out of range."""
    s = Signals()
    ports = [s.add_output(offset=v, saturates=saturates) for v in (0.01, -0.02, 0.0)]
    elements = [s.add_element((1.0, 0.1, -0.1, 0.9)) for _ in range(4)]
    for element in elements[:3]:
        for which in (0, 1):
            s.add_source(ports[which], element, which)
    s.add_source(ports[2], elements[3], 2)
    flat = s.add_waveform([0.3], constant=True)
    w = 0.3 * (RNG.uniform(-1, 1, 64) + 1j * RNG.uniform(-1, 1, 64))
    shaped = s.add_waveform(w.real, w.imag)
    for element in elements:
        t = int(RNG.integers(40))
        while t < 70_000:
            n, plain = int(RNG.integers(1, 90)), bool(RNG.integers(2))
            inc = formula.inc(float(RNG.uniform(-3e8, 3e8))) if element != elements[3] else 0
            alpha = float(RNG.uniform(-1.8, 1.8))
            s.record(
                element,
                flat if plain else shaped,
                t,
                n if plain else 64,
                phase=int(RNG.integers(1 << 62)),
                inc=inc,
                alpha=alpha,
            )
            t += (n if plain else 64) + int(RNG.choice([0, 0, 3, 40, 300]))
    for start, length in ((0, 70_100), (12_345, 777), (59_990, 7), (65_530, 16), (400, 1)):
        codes = np.zeros((3, length), np.int16)
        before = s.output_overflow
        s.render_float32(ports, start, codes)
        counted = s.output_overflow - before
        exact = np.array([s.render(port, start, length) * 65536 for port in ports]).astype(int)
        away = (codes.astype(int) - exact + 32768) % 65536 - 32768
        assert np.abs(away if not saturates else codes - exact).max() <= 1
        assert s.output_overflow - before == 2 * counted
        assert counted > 0 or length < 1000


def test_a_corrected_play_falls_back(formula) -> None:
    """A play behind a new correction is rendered with that."""
    s = Signals()
    element, outputs = pair(s)
    waveform = s.add_waveform([0.2], constant=True)
    s.record(element, waveform, 0, 100, inc=formula.inc(1e6))
    s.correct(element, (0.5, 0.0, 0.0, 0.5))
    s.record(element, waveform, 100, 100, inc=formula.inc(1e6))
    codes = np.zeros((2, 200), np.int16)
    s.render_float32(outputs, 0, codes)
    assert np.array_equal(codes, [s.render(output, 0, 200) * 65536 for output in outputs])
    assert abs(int(codes[0, 120])) < abs(int(codes[0, 80]))


def test_scopes_fall_back_to_the_contract(formula) -> None:
    """A hold, a matrix amplitude and a filter have no remembered pulse: the codes are the contract's."""
    s = Signals()
    element, outputs = pair(s)
    plays(s, element, formula, 3)
    s.hold_begin(element, 3000, level=0.1 + 0.05j, inc=formula.inc(1e6))
    codes = np.zeros((2, 4000), np.int16)
    s.render_float32(outputs, 0, codes)
    assert np.array_equal(codes, [s.render(output, 0, 4000) * 65536 for output in outputs])


def test_memory_is_bounded_chunk_after_chunk(formula) -> None:
    """A filtered port goes on where it was when older records are forgotten; a start anew is then refused."""
    s, all_at_once = Signals(), Signals()
    places = []
    for x in (s, all_at_once):
        element = x.add_element()
        output = x.add_output(fir=[0.5, 0.5], iir=[0.1])
        x.add_source(output, element, 2)
        places.append((element, x.add_waveform(np.linspace(0, 0.3, 90)), output))
    chunks = []
    for k in range(50):
        for x, (element, waveform, _) in zip((s, all_at_once), places, strict=True):
            x.record(element, waveform, 200 * k + 5, 90, inc=formula.inc(5e6))
        chunks.append(s.render(places[0][2], 200 * k, 200))
        s.forget_before(200 * (k + 1))
    assert np.array_equal(np.concatenate(chunks), all_at_once.render(places[1][2], 0, 10_000))
    with pytest.raises(Exception, match="forgotten"):
        s.render(places[0][2], 50, 10)
