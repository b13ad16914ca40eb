"""Eight qubits on an OPX1000, as users wire them: an LF-FEM for flux, one MW-FEM for readout, one for the drives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from process_cluster import ProcessCluster

from quaymaster import LoopbackInterface, QuantumMachinesManager, SimulationConfig
from quaymaster._core.errors import QuaymasterError
from quaymaster.qua import (
    align,
    amp,
    declare,
    declare_stream,
    dual_demod,
    fixed,
    for_,
    measure,
    play,
    program,
    save,
    stream_processing,
    wait,
)

QUBITS = range(1, 9)
READOUT_NS = 1000
TIME_OF_FLIGHT_NS = 28
LEVEL = 0.1
PEAK = 10 ** ((-11 - 10) / 20)
"""Volts of full scale at -11 dBm."""


def readout_frequency(qubit: int) -> float:
    """Whole periods in a readout, so that nobody hears the others."""
    return -180e6 + 40e6 * qubit


def eight_qubits() -> dict[str, Any]:
    """q1 … q8, rr1 … rr8 multiplexed on one port, flux1 … flux8."""
    elements: dict[str, Any] = {}
    for n in QUBITS:
        elements[f"q{n}"] = {
            "MWInput": {"port": ("con1", 3, n), "upconverter": 1},
            "intermediate_frequency": -50e6 - 1e6 * n,
            "operations": {"x180": "x180_pulse"},
        }
        elements[f"rr{n}"] = {
            "MWInput": {"port": ("con1", 2, 1), "upconverter": 1},
            "MWOutput": {"port": ("con1", 2, 1)},
            "intermediate_frequency": readout_frequency(n),
            "time_of_flight": TIME_OF_FLIGHT_NS,
            "smearing": 0,
            "operations": {"readout": "readout_pulse"},
        }
        elements[f"flux{n}"] = {
            "singleInput": {"port": ("con1", 1, n)},
            "operations": {"const": "flux_pulse"},
        }
    drives = {n: {"band": 1, "full_scale_power_dbm": 1, "upconverters": {1: {"frequency": 4.8e9}}} for n in QUBITS}
    return {
        "controllers": {
            "con1": {
                "type": "opx1000",
                "fems": {
                    1: {
                        "type": "LF",
                        "analog_outputs": {
                            n: {"output_mode": "amplified", "upsampling_mode": "pulse", "delay": 141} for n in QUBITS
                        },
                    },
                    2: {
                        "type": "MW",
                        "analog_outputs": {
                            1: {"band": 2, "full_scale_power_dbm": -11, "upconverters": {1: {"frequency": 7.1e9}}}
                        },
                        "analog_inputs": {1: {"band": 2, "downconverter_frequency": 7.1e9}},
                    },
                    3: {"type": "MW", "analog_outputs": drives},
                },
            }
        },
        "elements": elements,
        "pulses": {
            "x180_pulse": {"operation": "control", "length": 40, "waveforms": {"I": "gauss_wf", "Q": "zero_wf"}},
            "flux_pulse": {"operation": "control", "length": 200, "waveforms": {"single": "flux_wf"}},
            "readout_pulse": {
                "operation": "measurement",
                "length": READOUT_NS,
                "waveforms": {"I": "readout_wf", "Q": "zero_wf"},
                "digital_marker": "ON",
                "integration_weights": {"cos": "cos_w", "sin": "sin_w", "minus_sin": "minus_sin_w"},
            },
        },
        "waveforms": {
            "zero_wf": {"type": "constant", "sample": 0.0},
            "flux_wf": {"type": "constant", "sample": 1.25},
            "readout_wf": {"type": "constant", "sample": LEVEL},
            "gauss_wf": {"type": "arbitrary", "samples": gauss().tolist()},
        },
        "digital_waveforms": {"ON": {"samples": [(1, 0)]}},
        "integration_weights": {
            "cos_w": {"cosine": [(1.0, READOUT_NS)], "sine": [(0.0, READOUT_NS)]},
            "sin_w": {"cosine": [(0.0, READOUT_NS)], "sine": [(1.0, READOUT_NS)]},
            "minus_sin_w": {"cosine": [(0.0, READOUT_NS)], "sine": [(-1.0, READOUT_NS)]},
        },
    }


def gauss() -> np.ndarray[Any, Any]:
    """The drive's envelope."""
    return 0.5 * np.exp(-((np.arange(40) - 19.5) ** 2) / 200)


@pytest.fixture
def qmm(make_cluster: Callable[..., ProcessCluster]) -> QuantumMachinesManager:
    """A manager at an OPX1000 with an LF-FEM and two MW-FEMs, behind them the echo plant."""
    return make_cluster({"con1": "opx1000=1:lf,2:mw,3:mw"}).manager()


def power_rabi() -> Any:
    """Drive, flux, and a multiplexed readout whose power follows the swept amplitude."""
    with program() as prog:
        n, a = declare(int), declare(fixed)
        values = {k: (declare(fixed), declare(fixed)) for k in QUBITS}
        streams = {k: (declare_stream(), declare_stream()) for k in QUBITS}
        with for_(n, 0, n < 10, n + 1), for_(a, 0.0, a < 0.95, a + 0.25):
            for k in QUBITS:
                play("const", f"flux{k}")
                play("x180" * amp(a), f"q{k}")
            align()
            for k in QUBITS:
                measure(
                    "readout" * amp(a),
                    f"rr{k}",
                    dual_demod.full("cos", "sin", values[k][0]),
                    dual_demod.full("minus_sin", "cos", values[k][1]),
                )
                save(values[k][0], streams[k][0])
                save(values[k][1], streams[k][1])
            align()
            wait(100)
        with stream_processing():
            for k in QUBITS:
                streams[k][0].buffer(4).average().save(f"I{k}")
                streams[k][1].buffer(4).average().save(f"Q{k}")
    return prog


def test_power_rabi_of_eight_qubits(qmm: QuantumMachinesManager) -> None:
    """I + iQ of each readout is P · N · a · level · exp(-i w tof) / 4096; all threads of both MW-FEMs are taken."""
    qm = qmm.open_qm(eight_qubits())
    job = qm.execute(power_rabi())
    handles = job.result_handles
    assert handles.wait_for_all_values(60) is True
    for k in QUBITS:
        got = handles.get(f"I{k}").fetch_all() + 1j * handles.get(f"Q{k}").fetch_all()
        turned = np.exp(-2j * np.pi * readout_frequency(k) * TIME_OF_FLIGHT_NS * 1e-9)
        expected = PEAK * READOUT_NS * LEVEL * np.array([0.0, 0.25, 0.5, 0.75]) * turned / 4096
        assert np.abs(got - expected).max() < 1e-6
    rows = {row.id for row in job.difference_report()}
    assert {"microwave_levels", "fem_delays", "amplified_volts"} <= rows


def test_complex_raw_traces(qmm: QuantumMachinesManager) -> None:
    """The trace of a MW input is complex128; real() and image() are its parts in counts."""
    qm = qmm.open_qm(eight_qubits())
    with program() as prog:
        traces = declare_stream(adc_trace=True)
        measure("readout", "rr3", adc_stream=traces)
        with stream_processing():
            traces.input1().save("both")
            traces.input1().real().average().save("I")
            traces.input1().image().save("Q")
    handles = qm.execute(prog).result_handles
    assert handles.wait_for_all_values(60) is True
    both = handles.get("both").fetch_all()
    z = PEAK * LEVEL * np.exp(2j * np.pi * readout_frequency(3) * np.arange(READOUT_NS) * 1e-9)
    assert both.dtype == np.complex128
    assert np.abs(both.real - np.floor(4096 * z.real)).max() <= 1
    assert np.abs(both.imag - np.floor(4096 * z.imag)).max() <= 1
    assert np.array_equal(handles.get("I").fetch_all(), both.real)
    assert np.array_equal(handles.get("Q").fetch_all(), both.imag)


def test_a_loopback_simulation(qmm: QuantumMachinesManager) -> None:
    """LF samples at 2 GS/s, MW samples complex by up-converter, the readout through a cable of 24 ns."""
    config = eight_qubits()
    with program() as prog:
        value, values = declare(fixed), declare_stream()
        play("const", "flux2")
        play("x180", "q5")
        measure("readout", "rr1", dual_demod.full("cos", "sin", value))
        save(value, values)
        with stream_processing():
            values.save_all("I")
    cable = LoopbackInterface([("con1", 2, 1, "con1", 2, 1)], latency=24)
    job = qmm.simulate(config, prog, SimulationConfig(300, simulation_interface=cable))
    con1 = job.get_simulated_samples().con1
    assert con1.analog_sampling_rate["1-2"] == 2e9 and con1.analog_sampling_rate["3-5-1"] == 1e9
    flux = np.zeros(2400)
    flux[282:682] = 1.25
    assert np.abs(con1.analog["1-2"] - flux).max() <= 2.5 * 2.0**-15
    drive = np.zeros(1200, complex)
    drive[:40] = gauss() * np.exp(2j * np.pi * -55e6 * np.arange(40) * 1e-9)
    assert np.abs(con1.analog["3-5-1"] - drive).max() <= 2.0**-15
    report = job.get_simulated_waveform_report().to_dict()["analog_waveforms"]
    assert {w["element"]: w["port_to_duc"] for w in report} == {"flux2": {}, "q5": {"5": 1}, "rr1": {"1": 1}}
    turned = np.exp(-2j * np.pi * readout_frequency(1) * 24e-9)
    expected = PEAK * (READOUT_NS - 4) * LEVEL * turned.real / 4096
    assert job.result_handles.get("I").fetch_all()["value"] == pytest.approx([expected], abs=PEAK * LEVEL * 8 / 4096)


def test_more_threads_than_a_fem_has(qmm: QuantumMachinesManager) -> None:
    """A ninth MW element on the readout FEM: the program that uses all nine is refused, and says on which FEM."""
    config = eight_qubits()
    config["elements"]["rr9"] = {**config["elements"]["rr8"], "intermediate_frequency": 190e6}
    qm = qmm.open_qm(config)
    with program() as prog:
        for k in (*QUBITS, 9):
            play("readout", f"rr{k}")
    with pytest.raises(QuaymasterError, match="FEM 2") as caught:
        qm.execute(prog)
    assert caught.value.code == "too_many_threads"
