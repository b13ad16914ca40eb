"""The waveform report of a simulation, entry by entry; its limits, and what a simulation fails with."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from example_configs import opx1000_lf_mw, opx_readout_pair, opx_two_qubits
from simulated import run_one, simulated

from quaymaster._core.wire import Simulation
from quaymaster._core.wire.records import Cable
from quaymaster.client.qua import (
    amp,
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    frame_rotation_2pi,
    infinite_loop_,
    measure,
    play,
    program,
    ramp_to_zero,
    reset_if_phase,
    save,
    stream_processing,
    wait,
)
from quaymaster.client.waveform_lists import by_controller, by_element
from quaymaster.controller.simulation import report as report_module
from quaymaster.controller.simulation import run as run_module


def two_qubits() -> dict[str, Any]:
    config = opx_two_qubits()
    del config["elements"]["flux"]["sticky"]
    return config


def test_an_iq_play_is_two_entries(tmp_path: Path) -> None:
    """One for each port, with its row of amplitude, frame and correction, its pulser and offset."""
    with program() as prog:
        wait(5, "q1")
        frame_rotation_2pi(0.25, "q1")
        play("x180" * amp(0.2), "q1")
    entries = simulated(tmp_path, prog, two_qubits(), 50).report.analog_waveforms
    assert [entry.iq_info["isI"] for entry in entries] == [True, False]
    first, second = entries
    assert (first.waveform_name, second.waveform_name) == ("gauss_wf", "zero_wf")
    assert first.pulse_name == "OriginPulseName=x180_pulse"
    assert (first.timestamp, first.length, first.ends_at) == (20, 60, 80)
    assert (first.element, first.controller, first.fem) == ("q1", "con1", 1)
    assert (first.output_ports, second.output_ports) == ([1], [2])
    assert first.iq_info["iqGroupId"] == second.iq_info["iqGroupId"] != ""
    assert first.current_amp_elements == pytest.approx([0.2, 0.0], abs=1e-4)
    assert second.current_amp_elements == pytest.approx([0.0, 0.2], abs=1e-4)
    assert first.current_frame == pytest.approx([0.0, -1.0])
    assert second.current_frame == pytest.approx([1.0, 0.0])
    assert (first.current_correction_elements, second.current_correction_elements) == ([1.0, 0.02], [-0.01, 0.98])
    assert first.current_intermediate_frequency == 50e6
    assert first.current_phase == pytest.approx(2 * math.pi * (0.05 * 20 + 0.25 - 1))
    assert first.current_dc_offset_by_port == {"1": 0.01}
    assert first.pulser != second.pulser
    assert first.pulser["controllerName"] == "con1"
    assert first.chirp_info is None


def test_a_matrix_of_amplitudes_is_read_back(tmp_path: Path) -> None:
    """amp(v00, v01, v10, v11): rows for I and Q."""
    with program() as prog:
        play("x180" * amp(0.5, -0.25, 0.125, 1.5), "q1")
    first, second = simulated(tmp_path, prog, two_qubits(), 50).report.analog_waveforms
    assert first.current_amp_elements == [0.5, -0.25]
    assert second.current_amp_elements == [0.125, 1.5]


def test_the_older_lists_of_waveforms(tmp_path: Path) -> None:
    """Starts and lengths by element, where an IQ pulse counts twice, and by port, whose name may leave out FEM 1."""
    with program() as prog:
        play("x180", "q1")
        wait(5, "q1")
        play("x180", "q1", duration=30)
    played = simulated(tmp_path, prog, two_qubits(), 100).report.analog_waveforms
    elements, ports = by_element(played), by_controller(played)["con1"]["ports"]
    assert [(entry["timestamp"], entry["duration"]) for entry in elements["q1"]] == [(0, 60)] * 2 + [(80, 120)] * 2
    assert ports["1"] is ports["1-1"] and set(ports) == {"1-1", "1-2"}
    assert ports["2"][1] == {"timestamp": 80, "duration": 120, "name": "zero_wf"}


def test_markers_acquisitions_and_resets(tmp_path: Path) -> None:
    """A readout: two analog entries, a marker, two processes on one window after the time of flight, a phase reset."""
    with program() as prog:
        first, second = declare(fixed), declare(fixed)
        wait(25, "rr1")
        reset_if_phase("rr1")
        measure("readout", "rr1", demod.full("cos", first, "out1"), demod.full("sin", second, "out2"))
    report = simulated(tmp_path, prog, two_qubits(), 400).report
    (marker,) = report.digital_waveforms
    assert (marker.waveform_name, marker.timestamp, marker.length, marker.output_ports) == ("ON", 100, 1000, [1])
    assert [(a.start_time, a.end_time, a.adc_ports) for a in report.adc_acquisitions] == [
        (124, 1124, [1]),
        (124, 1124, [2]),
    ]
    assert report.adc_acquisitions[0].process == "DemodIntegration"
    assert report.adc_acquisitions[0].element == report.adc_acquisitions[0].quantum_element == "rr1"
    (event,) = report.events
    assert (event.name, event.timestamp, event.element) == ("phase_reset", 100, "rr1")
    assert report.analog_waveforms[0].current_phase == 0.0
    assert "RawSamples" not in report.to_string()
    assert set(report.to_dict()) == {"analog_waveforms", "digital_waveforms", "adc_acquisitions", "events"}
    assert report.report_by_elements()["rr1"].to_dict() == report.to_dict()
    assert list(report.report_by_controllers()) == ["con1"]
    assert report.to_string().count("\n") + 1 == 4 + 2 + 1 + 2 + 1


def test_an_element_without_analog_ports_has_a_pulser_of_its_own(tmp_path: Path) -> None:
    """A marker alone takes a thread, and its pulser is not that of another element."""
    config = two_qubits()
    config["pulses"]["bare"] = {"operation": "control", "length": 100, "digital_marker": "ON"}
    switch = {"port": ("con1", 2), "delay": 0, "buffer": 0}
    config["elements"]["gate"] = {"digitalInputs": {"switch": switch}, "operations": {"open": "bare"}}
    with program() as prog:
        play("x180", "q1")
        play("open", "gate")
    report = simulated(tmp_path, prog, config, 50).report
    (marker,) = report.digital_waveforms
    assert marker.element == "gate"
    assert marker.pulser not in [entry.pulser for entry in report.analog_waveforms]


def test_an_acquisition_is_on_the_fem_that_measures(tmp_path: Path) -> None:
    """An element may play on one FEM and measure on another."""
    config = opx1000_lf_mw()
    config["controllers"]["con1"]["fems"][4] = {"type": "LF", "analog_inputs": {2: {}}}
    config["elements"]["lf_rr"]["outputs"] = {"out1": ("con1", 4, 2)}
    with program() as prog:
        value = declare(fixed)
        measure("readout", "lf_rr", demod.full("cos", value, "out1"))
    report = simulated(tmp_path, prog, config, 400).report
    assert [(a.fem, a.adc_ports, a.start_time) for a in report.adc_acquisitions] == [(4, [2], 28)]
    assert report.analog_waveforms[0].fem == 1


def test_the_report_is_in_the_order_of_time_and_ends_with_the_duration(tmp_path: Path) -> None:
    """Two endless loops: entries sorted by start, none at or after the end."""
    with program() as prog:
        with infinite_loop_():
            play("pulse", "q")
        with infinite_loop_():
            measure("readout", "rr")
    entries = simulated(tmp_path, prog, opx_readout_pair(), 500).report.analog_waveforms
    starts = [entry.timestamp for entry in entries]
    assert starts == sorted(starts)
    assert [e.timestamp for e in entries if e.element == "q"] == list(range(0, 2000, 100))
    assert [e.timestamp for e in entries if e.element == "rr"] == [0, 1000]


def test_two_operations_with_one_waveform_keep_their_names(tmp_path: Path) -> None:
    """Pulses that differ in their name alone are told apart."""
    config = opx_readout_pair()
    config["pulses"]["twin"] = dict(config["pulses"]["pulse"])
    config["elements"]["q"]["operations"]["again"] = "twin"
    with program() as prog:
        play("pulse", "q"), play("again", "q")
    entries = simulated(tmp_path, prog, config, 100).report.analog_waveforms
    assert [entry.pulse_name for entry in entries] == ["OriginPulseName=pulse", "OriginPulseName=twin"]


def test_a_long_report_says_what_it_leaves_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond REPORT_ENTRIES_MAX plays are counted; the samples have them."""
    monkeypatch.setattr(report_module, "REPORT_ENTRIES_MAX", 3)
    with program() as prog, infinite_loop_():
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 250)
    assert len(found.report.analog_waveforms) == 3
    assert found.report.left_out == 7
    assert "7 plays" in found.report.to_string()
    assert found.analog["1"][900:].any()


def test_a_loop_without_time_ends_with_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIMULATION_STEPS_MAX ends what would go round for ever."""
    monkeypatch.setattr(run_module, "SIMULATION_STEPS_MAX", 100_000)
    monkeypatch.setattr(run_module, "SLICE_STEPS", 10_000)
    with program() as prog:
        n, numbers = declare(int), declare_stream()
        with infinite_loop_():
            assign(n, n + 1)
            save(n, numbers)
        with stream_processing():
            numbers.save("n")
    final = simulated(tmp_path, prog, opx_readout_pair(), 100).final
    assert final.state == "error"
    assert final.error is not None and final.error.code == "simulation_too_long"
    assert "SIMULATION_STEPS_MAX" in final.error.message


def test_a_program_that_does_not_compile_names_the_line(tmp_path: Path) -> None:
    """The error of a wrong operation, with file and line; no results."""
    with program() as prog:
        play("nothing", "q")
    final = simulated(tmp_path, prog, opx_readout_pair(), 100).final
    assert final.state == "error"
    assert final.error is not None and final.error.code == "compile_error"
    assert "test_simulated_report.py" in final.error.message
    assert final.streams == []


def test_a_cable_to_nowhere_is_refused(tmp_path: Path) -> None:
    """A loopback that names a port which the hardware lacks says which; one that the config leaves out is silent."""
    with program() as prog:
        play("pulse", "q")
    for source, target in (("con1/1/1", "con1/1/3"), ("con1/1/11", "con1/1/1"), ("con7/1/1", "con1/1/1")):
        record = Simulation(duration_cycles=10, interface="loopback", cables=[Cable(source=source, target=target)])
        final = run_one(tmp_path, prog, opx_readout_pair(), record, b"").final
        assert final.error is not None and final.error.code == "bad_simulation"
        assert (target if target.endswith("3") else source) in final.error.message
    unused = [Cable(source="con1/1/1", target="con1/1/2"), Cable(source="con1/1/9", target="con1/1/1")]
    record = Simulation(duration_cycles=10, interface="loopback", cables=unused)
    assert run_one(tmp_path, prog, opx_readout_pair(), record, b"").final.error is None


def test_a_ramp_to_zero_is_an_entry_of_its_own(tmp_path: Path) -> None:
    """Of a sticky element: the pulse, and the way down with the level it comes from; what is held between is none."""
    with program() as prog:
        play("step", "flux")
        wait(20, "flux")
        ramp_to_zero("flux")
    entries = simulated(tmp_path, prog, opx_two_qubits(), 200).report.analog_waveforms
    assert [(entry.waveform_name, entry.timestamp, entry.length) for entry in entries] == [
        ("flux_wf", 0, 16),
        ("ramp_to_zero", 96, 100),
    ]
    assert entries[1].current_amp_elements == pytest.approx([0.3], abs=1e-5)
