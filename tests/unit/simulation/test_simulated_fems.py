"""Samples of an OPX1000: up-sampled volts of LF-FEMs, complex microwaves, ranges and filters, each beside a formula."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.fem_checks import raw_fems
from simulated import simulated

from quaymaster.client import LoopbackInterface, RawInterface, SimulationConfig
from quaymaster.client.qua import (
    amp,
    declare,
    declare_stream,
    dual_demod,
    fixed,
    frame_rotation_2pi,
    measure,
    play,
    port_condition,
    program,
    ramp,
    save,
    set_dc_offset,
    stream_processing,
    update_frequency,
    wait,
)
from quaymaster.controller.simulation.converters import HALF_OF_TAPS, TAPS

LSB = 2.0**-16
Array = np.ndarray[Any, Any]


def lf(**output: Any) -> dict[str, Any]:
    """A config whose element `f` plays 0.2 V for 200 ns on LF output 1, without a frequency."""
    raw = raw_fems(**output)
    del raw["elements"]["f"]["intermediate_frequency"]
    return raw


def played(tmp_path: Path, raw: dict[str, Any], cycles: int = 100, wait_cycles: int = 10) -> Array:
    """The samples of LF output 1 when f waits and plays."""
    with program() as prog:
        wait(wait_cycles, "f")
        play("readout", "f")
    return simulated(tmp_path, prog, raw, cycles).analog["1"]


def upsampled(x: Array) -> Array:
    """y[2n + p] = sum over j of h[2j + p] x[n + 3 - j]: zero-stuffed, through the taps, 3 ns earlier."""
    stuffed = np.zeros(2 * len(x))
    stuffed[::2] = x
    return np.convolve(stuffed, TAPS)[6 : 6 + 2 * len(x)]


def close(found: Array, expected: Array, lsb: float = LSB) -> bool:
    """Within one code."""
    return len(found) == len(expected) and float(np.abs(found - expected).max()) <= lsb


def test_the_taps_are_of_equal_ripple() -> None:
    """14 symmetric taps of unit DC gain in both phases, exactly; both bands have ripples of 0.011."""
    assert len(TAPS) == 14
    assert list(TAPS) == list(reversed(TAPS))
    assert sum(HALF_OF_TAPS) == 65536
    f = np.linspace(0, 1, 20001)  # GHz, of samples at 2 GS/s
    gain = 2 * np.cos(np.pi * np.outer(f, np.arange(7) + 0.5)) @ np.array(TAPS[7:]) / 2
    passed, stopped = gain[f <= 0.35], gain[f >= 0.65]
    ripple = np.abs(stopped).max()
    assert ripple < 0.0112
    assert abs(passed.max() - 1.0) < 2e-5
    assert abs(passed.min() - (1 - 2 * ripple)) < 2e-4
    inner = np.abs(stopped[1:-1])
    peaks = inner[(inner >= np.roll(inner, 1)) & (inner >= np.roll(inner, -1))]
    assert sum(abs(peaks - ripple) < 2e-4) >= 3


def test_the_mw_mode_smooths(tmp_path: Path) -> None:
    """A step through the taps, at 2 GS/s."""
    x = np.zeros(400)
    x[40:240] = 0.2
    found = played(tmp_path, lf())
    assert close(found, upsampled(x))
    assert found[:60].tolist() == [0.0] * 60
    assert np.abs(found[100:460] - 0.2).max() <= LSB


def test_the_pulse_mode_holds(tmp_path: Path) -> None:
    """Each sample twice."""
    x = np.zeros(400)
    x[40:240] = 0.2
    assert close(played(tmp_path, lf(upsampling_mode="pulse")), np.repeat(x, 2))


def test_a_carrier_is_up_sampled(tmp_path: Path) -> None:
    """0.2 V cos(2 pi 30 MHz t), its values at half ns from the taps, near the cosine itself far from the edges."""
    with program() as prog:
        play("readout", "f")
    found = simulated(tmp_path, prog, raw_fems(), 100).analog["1"]
    t = np.arange(400)
    x = np.where(t < 200, 0.2 * np.cos(2 * np.pi * 0.03 * t), 0.0)
    assert close(found, upsampled(x))
    inside = 0.2 * np.cos(2 * np.pi * 0.03 * (np.arange(20, 380) / 2 - 0.25))
    assert np.abs(found[20:380] - inside).max() < 0.02 * 0.2


@pytest.mark.parametrize("mode", ["mw", "pulse"])
def test_many_chunks_are_one(tmp_path: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rendered in pieces of 7 ns the samples are the same bits."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    raw = raw_fems(upsampling_mode=mode, delay=5, filter={"exponential": [(0.1, 50.0)]})
    with program() as prog:
        play("readout", "f")
    whole = simulated(tmp_path / "a", prog, raw, 100).analog["1"]
    monkeypatch.setattr("quaymaster.controller.simulation.converters.CHUNK_NS", 7)
    pieces = simulated(tmp_path / "b", prog, raw, 100).analog["1"]
    assert np.array_equal(whole, pieces)
    assert whole.any()


@pytest.mark.parametrize("frequency", [650e6, -720.5e6])
def test_samples_beyond_500_mhz(tmp_path: Path, frequency: float) -> None:
    """A port at 2 GS/s puts out 0.2 V cos(2 pi f t) at half ns; the report has the frequency."""
    raw = raw_fems(sampling_rate=2e9)
    raw["elements"]["f"]["intermediate_frequency"] = frequency
    with program() as prog:
        wait(10, "f")
        play("readout", "f")
    found = simulated(tmp_path, prog, raw, 100)
    t = np.arange(800) / 2
    expected = 0.2 * np.cos(2 * np.pi * frequency * 1e-9 * t) * ((t >= 40) & (t < 240))
    assert close(found.analog["1"], expected)
    (played,) = found.report.analog_waveforms
    assert played.current_intermediate_frequency == pytest.approx(frequency, abs=1e-3)


@pytest.mark.parametrize(("band", "lag_ns"), [(1, 141), (2, 161), (3, 141)])
def test_microwaves_come_later_in_profile_opx(tmp_path: Path, band: int, lag_ns: int) -> None:
    """Behind an LF-FEM, beside the port's own delay, as a looped input hears them; in ideal they are aligned."""
    raw = raw_fems(upsampling_mode="pulse")
    microwave = raw["controllers"]["con1"]["fems"][2]
    for converter in microwave["analog_outputs"][1]["upconverters"].values():
        converter["frequency"] = {1: 5e9, 2: 6e9, 3: 8e9}[band]
    microwave["analog_outputs"][1] |= {"band": band, "delay": 5}
    microwave["analog_inputs"][1] |= {"band": band, "downconverter_frequency": {1: 5e9, 2: 6e9, 3: 8e9}[band]}
    for element in "rf":
        del raw["elements"][element]["intermediate_frequency"]
    with program() as prog:
        adc = declare_stream(adc_trace=True)
        play("readout", "f")
        measure("readout", "r", adc_stream=adc)
        with stream_processing():
            adc.input1().real().save("adc")
    interface = LoopbackInterface([("con1", 2, 1, "con1", 2, 1)], latency=20)
    for profile, lag in (("ideal", 0), ("opx", lag_ns)):
        (tmp_path / profile).mkdir()
        asked = SimulationConfig(200, simulation_interface=interface)
        found = simulated(tmp_path / profile, prog, raw, asked, latency=profile)
        lead = 232 if profile == "opx" else 0
        assert np.flatnonzero(found.analog["1"]).tolist() == list(range(2 * lead, 2 * lead + 400))
        assert np.flatnonzero(found.analog["2-1-1"]).tolist() == list(range(lead + 5 + lag, lead + 205 + lag))
        heard = np.flatnonzero(found.values("adc", "<i8")) + 40
        assert [heard[0], heard[-1]] == [max(25 + lag, 40), min(224 + lag, 239)]


@pytest.mark.parametrize("cycles", [200, 60, 50])
def test_a_simulation_in_profile_opx_has_a_lead_in(tmp_path: Path, cycles: int) -> None:
    """The samples and the report of `ideal`, 232 ns later and cut at the same end; raw inputs do not wait for the
    program, and its saves have its own times. A simulation that is over before shows the offset alone."""
    raw = raw_fems(upsampling_mode="pulse")
    raw["controllers"]["con1"]["fems"][1]["analog_outputs"][1]["offset"] = 0.25
    with program() as prog:
        starts, adc = declare_stream(), declare_stream(adc_trace=True)
        measure("readout", "r", adc_stream=adc, timestamp_stream=starts)
        play("readout", "f", timestamp_stream=starts)
        with stream_processing():
            starts.save_all("starts")
            adc.input1().real().save_all("adc")
    given = np.arange(4 * cycles) / 4096
    found = {}
    for profile in ("ideal", "opx"):
        (tmp_path / profile).mkdir()
        asked = SimulationConfig(cycles, simulation_interface=RawInterface([("con1", 2, 1, given.tolist())]))
        found[profile] = simulated(tmp_path / profile, prog, raw, asked, latency=profile)
    ideal, opx = found["ideal"], found["opx"]
    lead = min(232, 4 * cycles)
    for name, per_ns in (("1", 2), ("2-1-1", 1)):
        lag = 141 if name == "2-1-1" else 0
        now, later = np.asarray(ideal.analog[name]), np.asarray(opx.analog[name])
        first = per_ns * (lead + lag)
        assert len(now) == len(later) == per_ns * 4 * cycles
        assert (later[first:] == now[: max(len(now) - first, 0)]).all()
        assert (later[:first] == (0.25 if name == "1" else 0.0)).all()
    begun, delayed = ([played.timestamp for played in f.report.analog_waveforms] for f in (ideal, opx))
    assert delayed == [time + 232 for time in begun[: len(delayed)]]
    assert len(delayed) == (len(begun) if cycles > 58 else 0)
    if cycles == 200:
        assert ideal.values("starts", "<i8") == opx.values("starts", "<i8") == [0, 0]
        assert np.diff([f.values("adc", "<i8") for f in (ideal, opx)], axis=0).tolist() == [[232] * 200]


def two_rates(crosstalk_onto: int) -> dict[str, Any]:
    """f plays samples two a ns on port 1, g a carrier on port 2 at 1 GS/s; onto one of them comes half of the other."""
    raw = raw_fems()
    ports: dict[int, dict[str, Any]] = {1: {"sampling_rate": 2e9}, 2: {"upsampling_mode": "pulse", "offset": 0.1}}
    ports[crosstalk_onto] |= {"crosstalk": {3 - crosstalk_onto: 0.5}, "filter": {"feedforward": [0.75, 0.25]}}
    raw["controllers"]["con1"]["fems"][1]["analog_outputs"] = ports
    raw["elements"]["g"] = {
        "singleInput": {"port": ("con1", 1, 2)},
        "intermediate_frequency": 20e6,
        "operations": {"tone": "tone"},
    }
    raw["pulses"]["tone"] = {"operation": "control", "length": 100, "waveforms": {"single": "tone"}}
    raw["waveforms"]["tone"] = {"type": "constant", "sample": 0.2}
    raw["waveforms"]["two"] = {"type": "arbitrary", "samples": [0.2 * np.sin(k / 30) for k in range(400)]}
    return raw


@pytest.mark.parametrize("onto", [1, 2])
def test_crosstalk_between_two_rates(tmp_path: Path, onto: int) -> None:
    """Onto 2 GS/s each sample of the source twice; onto 1 GS/s the means of pairs on the carrier at whole ns; before
    the filter of the port, without the other's offset."""
    with program() as prog:
        play("readout", "f")
        wait(10, "g")
        play("tone", "g")
    found = simulated(tmp_path, prog, two_rates(onto), 75).analog[str(onto)]
    n = np.arange(300)
    tone = 0.2 * np.cos(2 * np.pi * 20e-3 * n) * ((n >= 40) & (n < 140))
    samples = np.concatenate((0.2 * np.sin(np.arange(400) / 30), np.zeros(200)))
    if onto == 1:
        x = samples * np.cos(2 * np.pi * 30e-3 * np.arange(600) / 2) + 0.5 * np.repeat(tone, 2)
        expected = np.convolve(x, [0.75, 0.25])[:600]
    else:
        x = tone + 0.5 * samples.reshape(300, 2).mean(axis=1) * np.cos(2 * np.pi * 30e-3 * n)
        expected = np.repeat(np.convolve(x, [0.75, 0.25])[:300], 2) + 0.1
    assert close(found, expected)


def test_crosstalk_between_two_rates_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sums of the source stay in memory, so there is a limit with a name."""
    monkeypatch.setattr("quaymaster.controller.simulation.samples.HELD_NS", 399)
    with program() as prog:
        play("tone", "g")
    found = simulated(tmp_path, prog, two_rates(1), 100)
    assert found.final.error.code == "too_large" and "HELD_NS" in found.final.error.message


def test_an_amplified_port(tmp_path: Path) -> None:
    """2.5 V of range in steps of 2.5·2⁻¹⁵ V; the offset is volts, and there from the start: a delay comes before it."""
    raw = lf(output_mode="amplified", upsampling_mode="pulse", offset=-1.5, delay=8)
    raw["waveforms"]["two"]["sample"] = 2.0
    expected = np.full(800, -1.5)
    expected[96:496] += 2.0
    assert close(played(tmp_path, raw), expected, 2.5 * 2.0**-15)


@pytest.mark.parametrize(("mode", "limit"), [("direct", 0.5), ("amplified", 2.5)])
def test_full_scale_is_a_step_less(tmp_path: Path, mode: str, limit: float) -> None:
    """A waveform as high as the output's limit is its highest step, not the lowest; so is an offset."""
    raw = lf(output_mode=mode, upsampling_mode="pulse")
    raw["waveforms"]["two"]["sample"] = limit
    top = limit * (1 - 2.0**-15)
    assert close(played(tmp_path / "waveform", raw), np.repeat([0, top, 0], [80, 400, 320]), 1e-12)
    raw = lf(output_mode=mode, upsampling_mode="pulse", offset=limit)
    raw["waveforms"]["two"]["sample"] = 0.0
    assert close(played(tmp_path / "offset", raw), np.full(800, top), 1e-12)


def test_full_scale_of_a_microwave_output(tmp_path: Path) -> None:
    """A sample 1.0 is 1 - 2^-15, not -1."""
    raw = raw_fems()
    raw["waveforms"]["three"]["sample"] = 1.0
    raw["waveforms"]["minus_one"]["sample"] = -1.0
    raw["elements"]["r"]["intermediate_frequency"] = 0.0
    with program() as prog:
        play("readout", "r")
    found = simulated(tmp_path, prog, raw, 50)
    assert set(found.analog["2-1-1"].tolist()) == {complex(1 - 2.0**-15, -1.0)}
    assert found.final.counts == {}


def test_set_dc_offset_of_an_amplified_port(tmp_path: Path) -> None:
    """Volts up to the end of its range, kept there; a looped input hears them at -3 dB."""
    raw = lf(output_mode="amplified", upsampling_mode="pulse")
    with program() as prog:
        v = declare(fixed, value=3.0)
        adc = declare_stream(adc_trace=True)
        set_dc_offset("f", "single", 0.25)
        measure("readout" * amp(0.0), "f", adc_stream=adc)
        set_dc_offset("f", "single", -1.5)
        wait(25, "f")
        set_dc_offset("f", "single", v)
        with stream_processing():
            adc.input1().save("adc")
    cable = LoopbackInterface([("con1", 1, 1, "con1", 1, 1)], latency=24)
    found = simulated(tmp_path, prog, raw, SimulationConfig(100, simulation_interface=cable))
    step = 2.5 * 2.0**-15
    assert close(found.analog["1"], np.repeat([0.25, -1.5, 2.5 - step], [400, 200, 200]), step)
    assert found.final.counts["offset_range"] == 1
    assert found.values("adc", "<i8") == [int(4096 * 0.25 * 10 ** (-3 / 20))] * 184 + [-2048] * 16


def test_a_sum_beyond_the_range_of_an_amplified_port(tmp_path: Path) -> None:
    """2 V on an offset of 1 V wraps to -2 V, and is told, once a sample of 2 GS/s."""
    raw = lf(output_mode="amplified", upsampling_mode="pulse", offset=1.0)
    raw["waveforms"]["two"]["sample"] = 2.0
    with program() as prog:
        play("readout", "f")
    found = simulated(tmp_path, prog, raw, 100)
    assert close(found.analog["1"][:400], np.full(400, -2.0), 2.5 * 2.0**-15)
    assert found.final.counts == {"output_overflow": 400}


@pytest.mark.parametrize(("mode", "level"), [("direct", 0.47), ("amplified", 2.35)])
def test_upsampling_that_overshoots_stays_at_the_end_of_the_range(tmp_path: Path, mode: str, level: float) -> None:
    """The edges of a pulse near full scale overshoot by some per cent: they end at the range, not at its other end."""
    raw = lf(upsampling_mode="mw", output_mode=mode)
    raw["waveforms"]["level"] = {"type": "constant", "sample": level}
    for pulse in raw["pulses"].values():
        if "single" in pulse["waveforms"]:
            pulse["waveforms"]["single"] = "level"
    found = played(tmp_path, raw)
    top = {"direct": 0.5, "amplified": 2.5}[mode]
    assert found.max() == top * (1 - 2.0**-15)
    assert found.min() > -0.2 * top


def through_line(u: Array, gain: float, terms: list[tuple[float, float]], per_ns: int = 1) -> Array:
    """What a line of step response gain + Σ A e^(-t/tau) makes of samples that hold: a sum of steps."""
    t = np.arange(len(u)) / per_ns
    step = np.full(len(u), gain) + sum(a * np.exp(-t / tau) for a, tau in terms)
    return np.convolve(np.diff(u, prepend=0.0), step)[: len(u)]


EXPONENTIALS = [
    ({"exponential": [(0.1, 50.0)]}, [(1.0, [(0.1, 50.0)])]),
    ({"exponential": [(0.1, 30.0), (-0.05, 500.0), (0.02, 4.0)]}, [(1.0, [(0.1, 30.0), (-0.05, 500.0), (0.02, 4.0)])]),
    ({"exponential": [(0.1, 50.0)], "exponential_dc_gain": 0.9}, [(0.9, [(0.1, 50.0)])]),
    ({"exponential_dc_gain": 0.5}, [(0.5, [])]),
    ({"exponential": [], "exponential_dc_gain": 1.25}, [(1.25, [])]),
    ({"high_pass": 2000.0}, [(0.0, [(1.0, 2000.0)])]),
    ({"high_pass": 2000.0, "exponential": [(0.1, 50.0)]}, [(1.0, [(0.1, 50.0)]), (0.0, [(1.0, 2000.0)])]),
]


@pytest.mark.parametrize(("taps", "lines"), EXPONENTIALS)
def test_exponentials_undo_a_line(tmp_path: Path, taps: dict[str, Any], lines: list[Any]) -> None:
    """What comes out of the port, sent through the lines that the filter names, is the pulse again."""
    found = played(tmp_path, lf(upsampling_mode="pulse", filter=taps))[::2]
    for gain, terms in lines:
        found = through_line(found, gain, terms)
    x = np.zeros(400)
    x[40:240] = 0.2
    assert np.abs(found - x).max() < 30 * LSB  # every sample was rounded, and a high pass adds them up


@settings(max_examples=20, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-0.2, 0.3), st.floats(3.0, 1e5)), min_size=1, max_size=5),
    st.lists(st.floats(-1.0, 1.0), min_size=1, max_size=50),
)
def test_the_inverse_is_exact_for_any_line(terms: list[tuple[float, float]], values: list[float]) -> None:
    """Before rounding: to 1e-9, also for time constants of 100 us."""
    from quaymaster._core.engine.outputs import Exponentials

    stage = Exponentials(dc_gain=1.0, terms=tuple(terms))
    amplitudes, decays = stage.amplitudes, stage.decays(1)
    held, last, u = [0.0] * len(terms), 0.0, []
    for v in values:  # the recursion of the page
        x = v
        for a, z, q in zip(amplitudes, decays, held, strict=True):
            x -= a * (z * q - last)
        x /= 1.0 + sum(amplitudes)
        held = [z * q + (x - last) for z, q in zip(decays, held, strict=True)]
        last = x
        u.append(x)
    assert np.abs(through_line(np.array(u), 1.0, terms) - values).max() < 1e-9


def test_two_gigasamples(tmp_path: Path) -> None:
    """At 2 GS/s a waveform has two samples a ns, and the carrier its own values at half ns."""
    raw = raw_fems(sampling_rate=2e9)
    samples = [0.3 * np.sin(np.pi * n / 400) ** 2 for n in range(400)]
    raw["waveforms"]["two"] = {"type": "arbitrary", "samples": samples}
    with program() as prog:
        frame_rotation_2pi(0.125, "f")
        wait(10, "f")
        play("readout" * amp(0.5), "f")
    found = simulated(tmp_path, prog, raw, 100).analog["1"]
    t = np.arange(800) / 2
    expected = np.zeros(800)
    expected[80:480] = 0.5 * np.array(samples) * np.cos(2 * np.pi * (0.03 * t[80:480] + 0.125))
    assert close(found, expected)


def test_a_ramp_at_two_gigasamples(tmp_path: Path) -> None:
    """A slope of 1 mV/ns is 0.5 mV a sample."""
    with program() as prog:
        play(ramp(0.001), "f", duration=25)
    found = simulated(tmp_path, prog, lf(sampling_rate=2e9), 50).analog["1"]
    expected = np.zeros(400)
    expected[:200] = 0.0005 * (np.arange(200) + 1)
    assert close(found, expected)


def test_microwave_samples_are_complex(tmp_path: Path) -> None:
    """I + jQ before the up-converter in parts of full scale, by up-converter; matrix, frame and frequency applied."""
    raw = raw_fems(power_dbm=16)
    with program() as prog:
        frame_rotation_2pi(0.25, "r")
        wait(5, "r")
        play("readout" * amp(0.5, -0.25, 0.75, 1.5), "r")
        update_frequency("s", -100_000_000)
        play("readout", "s")
    found = simulated(tmp_path, prog, raw, 100).analog
    assert set(found) == {"1", "2-1-1", "2-1-2"}
    t = np.arange(400)
    w = complex(0.5 * 0.3 - 0.25 * -0.1, 0.75 * 0.3 + 1.5 * -0.1)
    first = np.where((t >= 20) & (t < 220), w * np.exp(2j * np.pi * (0.06 * t + 0.25)), 0)
    second = np.where(t < 200, (0.3 - 0.1j) * np.exp(2j * np.pi * -0.1 * t), 0)
    for name, expected in (("2-1-1", first), ("2-1-2", second)):
        assert close(found[name].real, expected.real, 2 * LSB)
        assert close(found[name].imag, expected.imag, 2 * LSB)


def test_a_microwave_port_is_late_and_finite(tmp_path: Path) -> None:
    """Its delay; and two elements of one converter that add to 1.8 wrap to -0.2."""
    raw = raw_fems()
    raw["controllers"]["con1"]["fems"][2]["analog_outputs"][1]["delay"] = 12
    raw["elements"]["s"] |= {"MWInput": {"port": ("con1", 2, 1), "upconverter": 1}}
    for name in ("r", "s"):
        raw["elements"][name]["intermediate_frequency"] = 0.0
    raw["waveforms"]["three"]["sample"] = 0.9
    with program() as prog:
        play("readout", "r")
        play("readout", "s")
    found = simulated(tmp_path, prog, raw, 100)
    samples = found.analog["2-1-1"]
    assert not samples[:12].any() and not samples[212:].any()
    assert close(samples[12:212].real, np.full(200, -0.2), 2 * LSB)
    assert close(samples[12:212].imag, np.full(200, -0.2), 2 * LSB)
    assert found.final.counts == {"output_overflow": 200}


def test_port_condition(tmp_path: Path) -> None:
    """Of three plays the one whose condition fails is silent, and takes its time."""
    raw = raw_fems()
    raw["elements"]["r"]["intermediate_frequency"] = 0.0
    with program() as prog:
        off = declare(bool, value=False)
        play("readout", "r")
        with port_condition(off):
            play("readout", "r")
        play("readout", "r")
    samples = simulated(tmp_path, prog, raw, 200).analog["2-1-1"]
    assert samples[:200].all() and samples[400:600].all()
    assert not samples[200:400].any() and not samples[600:].any()


def test_microwaves_at_two_gigasamples(tmp_path: Path) -> None:
    """A MW output at 2e9: two complex samples a ns."""
    raw = raw_fems()
    raw["controllers"]["con1"]["fems"][2]["analog_outputs"][1]["sampling_rate"] = 2e9
    envelope = [0.5 * np.sin(np.pi * n / 400) for n in range(400)]
    raw["waveforms"]["three"] = {"type": "arbitrary", "samples": envelope}
    with program() as prog:
        play("readout", "r")
    found = simulated(tmp_path, prog, raw, 60).analog["2-1-1"]
    t = np.arange(480) / 2
    expected = np.zeros(480, complex)
    expected[:400] = (np.array(envelope) - 0.1j) * np.exp(2j * np.pi * 0.06 * t[:400])
    assert close(found.real, expected.real, 2 * LSB)
    assert close(found.imag, expected.imag, 2 * LSB)


def test_a_loopback_of_microwaves(tmp_path: Path) -> None:
    """Readout through a cable of 24 ns in a simulation: the values of the formula."""
    with program() as prog:
        value = declare(fixed)
        values = declare_stream()
        measure("readout", "r", dual_demod.full("cos", "sin", value))
        save(value, values)
        with stream_processing():
            values.save_all("values")
    cable = LoopbackInterface([("con1", 2, 1, "con1", 2, 1)], latency=24)
    found = simulated(tmp_path, prog, raw_fems(), SimulationConfig(100, simulation_interface=cable))
    (got,) = found.values("values")
    peak = 10 ** ((-2 - 10) / 20)
    turned = (0.3 - 0.1j) * np.exp(-2j * np.pi * 60e6 * 24e-9)
    assert got == pytest.approx(peak * (184 * turned).real / 4096, rel=1e-6)


@pytest.mark.parametrize("numerics", ["linear", "exact"])
def test_raw_samples_of_a_microwave_input(tmp_path: Path, numerics: str) -> None:
    """I + jQ behind the down-converter: the demodulation is their sum on the carrier, the raw trace their codes."""
    t = np.arange(300)
    z = (0.1 - 0.2j) * np.exp(2j * np.pi * 60e-3 * t) * (t >= 50)
    with program() as prog:
        value, values, adc = declare(fixed), declare_stream(), declare_stream(adc_trace=True)
        measure("readout", "r", dual_demod.full("cos", "sin", value), adc_stream=adc)
        save(value, values)
        with stream_processing():
            values.save_all("values")
            adc.input1().real().save("I")
            adc.input1().image().save("Q")
    interface = SimulationConfig(100, simulation_interface=RawInterface([("con1", 2, 1, z)]))
    found = simulated(tmp_path, prog, raw_fems(), interface, numerics=numerics)
    heard, carrier = z[40:240], np.exp(-2j * np.pi * 60e-3 * t[40:240])
    (got,) = found.values("values")
    assert got == pytest.approx((heard * carrier).real.sum() / 4096, abs=1e-6 if numerics == "linear" else 2e-4)
    for name, part in (("I", heard.real), ("Q", heard.imag)):
        assert np.abs(np.array(found.values(name, "<i8")) - np.floor(4096 * part)).max() <= 1


def test_real_raw_samples_of_a_microwave_input_are_its_i(tmp_path: Path) -> None:
    """Q hears nothing."""
    with program() as prog:
        adc = declare_stream(adc_trace=True)
        measure("readout", "r", adc_stream=adc)
        with stream_processing():
            adc.input1().real().save("I")
            adc.input1().image().save("Q")
    interface = SimulationConfig(100, simulation_interface=RawInterface([("con1", 2, 1, [0.125] * 140)]))
    found = simulated(tmp_path, prog, raw_fems(), interface)
    assert found.values("I", "<i8") == [512] * 100 + [0] * 100
    assert found.values("Q", "<i8") == [0] * 200


def test_complex_raw_samples_of_an_input_in_volts_are_refused(tmp_path: Path) -> None:
    """It has one converter."""
    with program() as prog:
        measure("readout", "f", None)
    interface = SimulationConfig(100, simulation_interface=RawInterface([("con1", 1, 1, [0.1j] * 100)]))
    found = simulated(tmp_path, prog, raw_fems(), interface)
    assert found.final.error.code == "bad_simulation"
    assert "con1/1/1 are complex" in found.final.error.message


def test_a_microwave_cable_by_elements() -> None:
    """(element, element, 1) is the cable between their MW ports."""
    by_names = LoopbackInterface([("s", "r", 1)], latency=24).cables(raw_fems())
    assert by_names == LoopbackInterface([("con1", 2, 1, "con1", 2, 1)], latency=24).cables(raw_fems())


def test_the_report_names_the_up_converter(tmp_path: Path) -> None:
    """Two entries a microwave play, I and Q, with port and up-converter; one acquisition of one input."""
    with program() as prog:
        value = declare(fixed)
        measure("readout", "s", dual_demod.full("cos", "sin", value))
        play("readout", "f")
    report = simulated(tmp_path, prog, raw_fems(), 100).report
    first, second, third = report.analog_waveforms
    assert [w.iq_info["isI"] for w in (first, second)] == [True, False]
    assert {w.element for w in (first, second)} == {"s"}
    assert first.port_to_duc == second.port_to_duc == {"1": 2}
    assert (first.output_ports, first.fem, third.fem, third.port_to_duc) == ([1], 2, 1, {})
    assert [(a.adc_ports, a.fem) for a in report.adc_acquisitions] == [([1], 2)]
    assert report.to_dict()["analog_waveforms"][0]["port_to_duc"] == {"1": 2}
