"""Samples and report entries of pulses that are cut, swept, ramped or left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_configs import opx_readout_pair, opx_two_qubits
from simulated import simulated

from quaymaster.client.qua import amp, declare, play, program, ramp, ramp_to_zero, wait

LSB = 2.0**-16


def test_a_chirp_sweeps_as_the_platform_counts(tmp_path: Path) -> None:
    """The phase is 2 pi (f t + a t (t + 1) / 2) with t in ns; the next play is back at f, as if it had run on."""
    with program() as prog:
        play("pulse", "q", duration=100, chirp=(25_000, "Hz/nsec"))
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 125)
    t = np.arange(500.0)
    turns = 0.1 * t
    turns[:400] += 25e-6 * t[:400] * (t[:400] + 1) / 2
    assert np.abs(found.analog["1"] - 0.2 * np.cos(2 * np.pi * turns)).max() <= LSB
    first, second = found.report.analog_waveforms
    assert first.chirp_info is not None and second.chirp_info is None
    assert first.chirp_info["rate"] == pytest.approx([25_000.0])
    assert (first.chirp_info["units"], first.chirp_info["times"]) == ("Hz/nsec", [0])
    assert first.chirp_info["startFrequency"] == pytest.approx(100e6)
    assert first.chirp_info["endFrequency"] == pytest.approx(100e6 + 400 * 25_000)


def test_the_report_says_where_a_chirp_in_parts_ends(tmp_path: Path) -> None:
    """Each rate counts as long as its part lasts within the pulse of 100 ns; one behind it is left out."""
    with program() as prog:
        play("pulse", "q", chirp=([1000, -3000, 9000], [0, 10, 50], "Hz/nsec"))
    (entry,) = simulated(tmp_path, prog, opx_readout_pair(), 30).report.analog_waveforms
    assert entry.chirp_info is not None
    assert entry.chirp_info["rate"] == pytest.approx([1000.0, -3000.0])
    assert entry.chirp_info["endFrequency"] == pytest.approx(100e6 + 40 * 1000 - 60 * 3000)


def test_a_chirp_that_goes_on(tmp_path: Path) -> None:
    """It sweeps on during a wait and the next pulse; the report has the frequency at its start, and the rate."""
    with program() as prog:
        play("pulse", "q", chirp=(25_000, "Hz/nsec"), continue_chirp=True)
        wait(25, "q")
        play("pulse", "q")
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 100)
    t = np.arange(400.0)
    turns = 0.1 * t + np.where(t < 300, 25e-6 * t * (t + 1) / 2, 0.0)
    sounding = (t < 100) | (t >= 200)
    assert np.abs(found.analog["1"] - np.where(sounding, 0.2 * np.cos(2 * np.pi * turns), 0.0)).max() <= LSB
    _, second, third = found.report.analog_waveforms
    assert second.current_intermediate_frequency == pytest.approx(100e6 + 200 * 25_000)
    assert second.chirp_info is not None and second.chirp_info["rate"] == pytest.approx([25_000.0])
    assert third.current_intermediate_frequency == pytest.approx(100e6) and third.chirp_info is None


def test_truncate_and_condition(tmp_path: Path) -> None:
    """A truncated pulse and its marker end early; one whose condition is false leaves no trace but its time."""
    with program() as prog:
        never = declare(bool, value=False)
        play("pulse", "q", truncate=10)
        wait(10, "q")
        play("pulse", "q", condition=never)
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 75)
    t = np.arange(300)
    sounding = (t < 40) | ((t >= 180) & (t < 280))
    assert np.abs(found.analog["1"] - np.where(sounding, 0.2 * np.cos(2 * np.pi * 0.1 * t), 0.0)).max() <= LSB
    assert found.digital["1"].tolist() == sounding.tolist()
    assert [(e.timestamp, e.length) for e in found.report.analog_waveforms] == [(0, 40), (180, 100)]


def test_a_ramp_rises_by_its_slope(tmp_path: Path) -> None:
    """(n + 1) · slope on an element without a carrier."""
    config = opx_readout_pair()
    del config["elements"]["q"]["intermediate_frequency"]
    with program() as prog:
        play(ramp(0.001), "q", duration=25)
    found = simulated(tmp_path, prog, config, 30)
    expected = np.concatenate((0.001 * np.arange(1, 101), np.zeros(20)))
    assert np.abs(found.analog["1"] - expected).max() <= LSB
    (entry,) = found.report.analog_waveforms
    assert (entry.waveform_name, entry.length) == ("ramp", 100)


def test_a_sticky_element_holds_and_ramps_to_zero(tmp_path: Path) -> None:
    """0.3 V for 16 ns, held for 200 ns, doubled by a second pulse, then down over the 100 ns of the config at the end.

    With a shorter duration the same samples are cut, in the middle of a play too, where the held level never ends.
    """
    config = opx_two_qubits()
    del config["controllers"]["con1"]["analog_outputs"][7]["filter"]
    with program() as prog:
        play("step", "flux")
        wait(46, "flux")
        play("step" * amp(0.25), "flux")
    expected = np.full(400, 0.1)
    expected[:200] += 0.3
    expected[200:216] += 0.3 + 0.075
    expected[216:316] += 0.375 * (1 - np.arange(1, 101) / 100)
    whole = simulated(tmp_path, prog, config, 100)
    assert np.abs(whole.analog["7"] - expected).max() <= 2 * LSB
    (tmp_path / "cut").mkdir()
    cut = simulated(tmp_path / "cut", prog, config, 52)
    assert cut.analog["7"].tolist() == whole.analog["7"][:208].tolist()
    names = [entry.pulse_name for entry in whole.report.analog_waveforms]
    assert names == ["OriginPulseName=flux_pulse"] * 2 + ["OriginPulseName=ramp_to_zero"]


def sticky_marker(marker: list[tuple[int, int]]) -> dict[str, Any]:
    """The example whose flux element also holds its digital level: 20 ns later, 4 ns wider on both sides."""
    config = opx_two_qubits()
    config["digital_waveforms"]["marker"] = {"samples": marker}
    config["pulses"]["flux_pulse"]["digital_marker"] = "marker"
    config["elements"]["flux"]["sticky"] = {"analog": True, "digital": True, "duration": 40}
    config["elements"]["flux"]["digitalInputs"] = {"switch": {"port": ("con1", 1), "delay": 20, "buffer": 4}}
    return config


@pytest.mark.parametrize("marker", [[(1, 0)], [(0, 4), (1, 12)], [(1, 8), (0, 0)], [(1, 8)]])
@pytest.mark.parametrize("ramps", [True, False])
def test_a_digital_level_is_held_until_the_ramp_to_zero(
    tmp_path: Path, marker: list[tuple[int, int]], ramps: bool
) -> None:
    """From the end of a pulse whose marker ends high until the ramp starts, at the end of the job too."""
    with program() as prog:
        wait(10, "flux")
        play("step", "flux")  # 40 to 56 ns
        wait(25, "flux")
        if ramps:
            ramp_to_zero("flux")  # at 156 ns
            wait(20, "flux")
    found = simulated(tmp_path, prog, sticky_marker(marker), 100).digital["1"]
    n = np.arange(400)
    begin = 40 + (4 if marker[0] == (0, 4) else 0)
    end = 48 if marker[0] == (1, 8) else 156
    assert np.array_equal(found, (n >= begin + 16) & (n < end + 24))


@pytest.mark.parametrize("low", [[(0, 0)], []])
def test_the_next_marker_ends_a_held_level(tmp_path: Path, low: list[tuple[int, int]]) -> None:
    """A pulse whose marker ends low, or has no parts at all, lets the level go; one without a marker keeps it."""
    config = sticky_marker([(1, 0)])
    config["digital_waveforms"]["low"] = {"samples": low}
    config["pulses"]["low_pulse"] = config["pulses"]["flux_pulse"] | {"digital_marker": "low"}
    config["pulses"]["bare_pulse"] = {k: v for k, v in config["pulses"]["flux_pulse"].items() if k != "digital_marker"}
    config["elements"]["flux"]["operations"] |= {"low": "low_pulse", "bare": "bare_pulse"}
    with program() as prog:
        play("step", "flux")
        play("bare", "flux")
        wait(10, "flux")
        play("low", "flux")  # at 72 ns
        wait(10, "flux")
    found = simulated(tmp_path, prog, config, 100).digital["1"]
    n = np.arange(400)
    assert np.array_equal(found, (n >= 16) & (n < 72 + 24))
