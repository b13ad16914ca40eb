"""Samples of a simulation against formulas: what each port puts out, sample by sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from example_configs import opx_readout_pair, opx_two_qubits
from simulated import simulated

from quaymaster.client.qua import (
    align,
    amp,
    declare,
    fixed,
    for_,
    frame_rotation_2pi,
    infinite_loop_,
    measure,
    play,
    program,
    reset_frame,
    set_dc_offset,
    update_correction,
    update_frequency,
    wait,
)

LSB = 2.0**-16


def close(found: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> bool:
    """Whether samples are those of a formula, within one code (they are rounded to 2^-16 V)."""
    return len(found) == len(expected) and float(np.abs(found - expected).max()) <= LSB


def wave(frequency: float, length: int, start: int = 0) -> np.ndarray[Any, Any]:
    """cos(2 pi f t) at `length` ns from `start`."""
    return np.cos(2 * np.pi * frequency * 1e-9 * np.arange(start, start + length))


def without_sticky() -> dict[str, Any]:
    """The example of two qubits, its flux element not sticky."""
    config = opx_two_qubits()
    del config["elements"]["flux"]["sticky"]
    return config


def test_a_single_pulse_is_its_waveform_on_the_carrier(tmp_path: Path) -> None:
    """amplitude · waveform · cos(2 pi f t) while it plays, zero elsewhere, of the length that was asked for."""
    with program() as prog:
        wait(10, "q")
        play("pulse" * amp(0.5), "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 100)
    assert found.final.state == "completed"
    expected = np.zeros(400)
    expected[40:140] = 0.5 * 0.2 * wave(100e6, 100, 40)
    assert close(found.analog["1"], expected)
    assert not found.analog["2"].any()


def test_the_duration_cuts_a_pulse(tmp_path: Path) -> None:
    """A pulse that goes on after the end is there up to the last sample."""
    with program() as prog:
        play("pulse", "q", duration=1000)
    found = simulated(tmp_path, prog, opx_readout_pair(), 30)
    assert close(found.analog["1"], 0.2 * wave(100e6, 120))


def test_iq_with_mixer_and_frame(tmp_path: Path) -> None:
    """[I; Q] of the ports is C · R(2 pi (f t + F)) · a · [wI; wQ], plus each port's DC offset."""
    with program() as prog:
        frame_rotation_2pi(0.125, "q1")
        play("saturation" * amp(0.8), "q1", duration=50)
        reset_frame("q1")
        play("saturation", "q1", duration=25)
    found = simulated(tmp_path, prog, without_sticky(), 100)
    turns = 50e-3 * np.arange(300) + np.where(np.arange(300) < 200, 0.125, 0.0)
    level = np.where(np.arange(300) < 200, 0.08, 0.1)
    rotated = level * np.array([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns)])
    mixed = np.array([[1.0, 0.02], [-0.01, 0.98]]) @ rotated
    for port, row, offset in (("1", 0, 0.01), ("2", 1, -0.02)):
        expected = np.full(400, offset)
        expected[:300] += mixed[row]
        assert close(found.analog[port], expected)


def test_a_port_delays_its_pulses_and_not_its_offset(tmp_path: Path) -> None:
    """q2's ports are 8 ns late; their offset is there from the first sample."""
    config = without_sticky()
    config["controllers"]["con1"]["analog_outputs"][3]["offset"] = 0.05
    with program() as prog:
        play("saturation", "q2", duration=25)
    found = simulated(tmp_path, prog, config, 40)
    expected = np.full(160, 0.05)
    expected[8:108] += 0.1 * wave(-80e6, 100)
    assert close(found.analog["3"], expected)


def test_an_element_without_a_frequency_plays_its_envelope(tmp_path: Path) -> None:
    """A flux pulse of 0.3 V behind the port's FIR and IIR filter, with the offset after them."""
    with program() as prog:
        play("step", "flux", duration=10)
    found = simulated(tmp_path, prog, without_sticky(), 25)
    x = np.where(np.arange(100) < 40, 0.3, 0.0)
    y = np.zeros(100)
    for n in range(100):
        y[n] = 0.9 * x[n] - 0.1 * (x[n - 1] if n else 0.0) + 0.2 * (y[n - 1] if n else 0.0)
    assert close(found.analog["7"], y + 0.1)


def test_two_elements_on_one_port_add(tmp_path: Path) -> None:
    """rr1 at 60 MHz and rr2 at -60 MHz, one 20 ns later, on the same two ports; each with its own correction."""
    with program() as prog:
        measure("readout", "rr1")
        wait(5, "rr2")
        measure("readout" * amp(0.5), "rr2")
    found = simulated(tmp_path, prog, without_sticky(), 200)
    t = np.arange(800)
    first = 0.2 * np.cos(2 * np.pi * 0.06 * t)
    angle = -2 * np.pi * 0.06 * t
    second = np.where(t >= 20, 0.1 * (0.99 * np.cos(angle) + 0.01 * np.sin(angle)), 0.0)
    assert close(found.analog["5"], first + second)


def test_a_sum_out_of_range_wraps_and_is_told(tmp_path: Path) -> None:
    """0.35 V and 0.3 V at once are 0.65 V, which an unfiltered port wraps to -0.35 V; the report counts the samples."""
    config = opx_readout_pair()
    for name, level in (("q", 0.35), ("other", 0.3)):
        config["elements"][name] = {"singleInput": {"port": ("con1", 1)}, "operations": {"step": f"{name}_step"}}
        config["pulses"][f"{name}_step"] = {"operation": "control", "length": 40, "waveforms": {"single": f"{name}_wf"}}
        config["waveforms"][f"{name}_wf"] = {"type": "constant", "sample": level}
    with program() as prog:
        play("step", "q")
        play("step", "other")
    found = simulated(tmp_path, prog, config, 20)
    assert close(found.analog["1"][:40], np.full(40, -0.35))
    assert found.final.counts == {"output_overflow": 40}
    told = "output con1/1/1 went beyond its range in 40 samples, first at 0 ns: it wrapped [output_overflow]"
    assert told in [line.message for line in found.final.lines]


def test_update_frequency_counts_from_the_start_of_the_program(tmp_path: Path) -> None:
    """Without keep_phase the carrier is that of the new frequency from t = 0."""
    with program() as prog:
        play("pulse", "q")
        update_frequency("q", 33_000_000)
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 50)
    expected = np.concatenate((0.2 * wave(100e6, 100), 0.2 * wave(33e6, 100, 100)))
    assert close(found.analog["1"], expected)


def test_markers_with_delay_buffer_inversion_and_sharing(tmp_path: Path) -> None:
    """High from start + delay - buffer to end + delay + buffer, the OR of those who share, turned where inverted."""
    config = opx_readout_pair()
    config["controllers"]["con1"]["digital_outputs"] = {1: {}, 2: {"inverted": True}, 3: {}}
    config["elements"]["q"]["digitalInputs"] = {
        "late": {"port": ("con1", 1), "delay": 20, "buffer": 3},
        "turned": {"port": ("con1", 2), "delay": 0, "buffer": 0},
    }
    config["elements"]["other"] = {
        "digitalInputs": {"shared": {"port": ("con1", 1), "delay": 0, "buffer": 0}},
        "operations": {"blink": "blink"},
    }
    config["pulses"]["blink"] = {"operation": "control", "length": 40, "digital_marker": "pattern"}
    config["digital_waveforms"]["pattern"] = {"samples": [(0, 8), (1, 4), (0, 12), (1, 0)]}
    with program() as prog:
        play("pulse", "q")  # 0 to 100
        wait(50, "other")
        play("blink", "other")  # 200 to 240: high at 208 to 212 and 224 to 240
    found = simulated(tmp_path, prog, config, 75)
    t = np.arange(300)
    high = ((t >= 17) & (t < 123)) | ((t >= 208) & (t < 212)) | ((t >= 224) & (t < 240))
    assert found.digital["1"].tolist() == high.tolist()
    assert found.digital["2"].tolist() == (t >= 100).tolist()
    assert not found.digital["3"].any()


def test_an_endless_program_ends_with_the_duration(tmp_path: Path) -> None:
    """Two endless loops side by side, of different periods, fill their ports to the last sample."""
    with program() as prog:
        with infinite_loop_():
            play("pulse", "q")
            wait(25, "q")
        with infinite_loop_():
            measure("readout", "rr")
            wait(100, "rr")
    found = simulated(tmp_path, prog, opx_readout_pair(), 1000)
    t = np.arange(4000)
    assert close(found.analog["1"], np.where(t % 200 < 100, 0.2 * wave(100e6, 4000), 0.0))
    assert close(found.analog["2"], np.where(t % 1400 < 1000, 0.1 * wave(50e6, 4000), 0.0))


def test_a_million_shots_stop_at_the_end_for_those_behind_too(tmp_path: Path) -> None:
    """A long loop on one element, and after it in the text a pulse on another that nobody aligned: it starts at 0."""
    with program() as prog:
        n = declare(int)
        with for_(n, 0, n < 1_000_000_000, n + 1):
            measure("readout", "rr")
            wait(1000, "rr")
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 500)
    expected = np.zeros(2000)
    expected[:100] = 0.2 * wave(100e6, 100)
    assert close(found.analog["1"], expected)


def test_align_is_kept(tmp_path: Path) -> None:
    """A pulse after an align starts where the other element has come."""
    with program() as prog:
        play("pulse", "q", duration=30)
        align("q", "rr")
        measure("readout", "rr")
    found = simulated(tmp_path, prog, opx_readout_pair(), 100)
    assert not found.analog["2"][:120].any()
    assert close(found.analog["2"][120:], 0.1 * wave(50e6, 280, 120))


def test_numerics_and_seed_change_no_output(tmp_path: Path) -> None:
    """What is played depends on neither."""
    with program() as prog:
        play("pulse", "q")
    (tmp_path / "b").mkdir()
    plain = simulated(tmp_path, prog, opx_readout_pair(), 50)
    other = simulated(tmp_path / "b", prog, opx_readout_pair(), 50, seed=9, numerics="exact")
    assert plain.bytes("@analog/con1") == other.bytes("@analog/con1")


def test_a_new_correction_is_of_the_pulses_that_follow(tmp_path: Path) -> None:
    """[I; Q] = C · (cos, sin): the first pulse with that of the config, the second with the new one."""
    with program() as prog:
        play("saturation", "q1", duration=25)
        update_correction("q1", 0.5, 0.25, -0.75, 1.5)
        play("saturation", "q1", duration=25)
    found = simulated(tmp_path, prog, without_sticky(), 50)
    turns = 2 * np.pi * 50e-3 * np.arange(200)
    rotated = 0.1 * np.array([np.cos(turns), np.sin(turns)])
    first, second = np.array([[1.0, 0.02], [-0.01, 0.98]]), np.array([[0.5, 0.25], [-0.75, 1.5]])
    for port, row, offset in (("1", 0, 0.01), ("2", 1, -0.02)):
        expected = np.where(np.arange(200) < 100, (first @ rotated)[row], (second @ rotated)[row]) + offset
        assert close(found.analog[port], expected)
    entries = found.report.analog_waveforms
    assert [entry.current_correction_elements for entry in entries] == [
        [1.0, 0.02],
        [-0.01, 0.98],
        [0.5, 0.25],
        [-0.75, 1.5],
    ]


def test_dc_offsets_change_at_once_and_behind_filter_and_delay(tmp_path: Path) -> None:
    """The offset of a port is a step function of time: not filtered, as late as the port, kept in range and told."""
    with program() as prog:
        v = declare(fixed, value=0.25)
        play("step", "flux", duration=10)
        set_dc_offset("flux", "single", -v)
        set_dc_offset("q2", "Q", 0.125)
        wait(5, "flux")
        set_dc_offset("flux", "single", 0.3)
        set_dc_offset("flux", "single", v + v)
        play("step" * amp(0.0), "flux", duration=10)
    found = simulated(tmp_path, prog, without_sticky(), 40)
    n = np.arange(160)
    x = np.where(n < 40, 0.3, 0.0)
    y = np.zeros(160)
    for k in range(160):
        y[k] = 0.9 * x[k] - 0.1 * (x[k - 1] if k else 0.0) + 0.2 * (y[k - 1] if k else 0.0)
    offset = np.select([n < 40, n < 60], [0.1, -0.25], 0.5 - LSB)
    assert close(found.analog["7"], np.clip(y + offset, -0.5, 0.5 - LSB))
    assert close(found.analog["4"], np.where(n < 8, 0.0, 0.125))
    assert not found.analog["3"].any()
    assert found.final.counts["offset_range"] == 1
    entries = found.report.report_by_elements()["flux"].analog_waveforms
    assert [entry.current_dc_offset_by_port["7"] for entry in entries] == [0.1, 0.5 - LSB]


def test_step_responses_of_filters(tmp_path: Path) -> None:
    """A step h through taps is h times their running sum; through b0, b1 and a pole p it is
    h·(b0·p^n + (b0 + b1)·(1 - p^n)/(1 - p)) after n samples."""
    config = opx_readout_pair()
    del config["elements"]["q"]["intermediate_frequency"]
    with program() as prog:
        wait(10, "q")
        play("pulse", "q")
    port = config["controllers"]["con1"]["analog_outputs"][1]
    port["filter"] = {"feedforward": [0.5, 0.3, -0.1]}
    expected = np.zeros(160)
    expected[40:140] = 0.2 * 0.7
    expected[40:42] = [0.2 * 0.5, 0.2 * 0.8]
    expected[140:142] = [0.2 * 0.2, 0.2 * -0.1]
    assert close(simulated(tmp_path / "fir", prog, config, 40).analog["1"], expected)
    b0, b1, pole, n = 0.5, 0.2, 0.6, np.arange(100)
    port["filter"] = {"feedforward": [b0, b1], "feedback": [pole]}
    step = 0.2 * (b0 * pole**n + (b0 + b1) * (1 - pole**n) / (1 - pole))
    found = simulated(tmp_path / "iir", prog, config, 40).analog["1"]
    assert close(found[:140], np.concatenate((np.zeros(40), step)))
