"""What a client makes of simulations alone: the config that travels, samples by any port name, reports, plots."""

from __future__ import annotations

import copy
import json
import logging
import pickle
import sys
from typing import Any

import numpy as np
import pytest
from example_configs import opx_readout_pair, opx_two_qubits
from fake_connection import FakeConnection

from quaymaster._core.errors import AskedWrongly, QuaymasterError
from quaymaster._core.wire import content_digest, requests
from quaymaster._core.wire.records import Cable, RawInput
from quaymaster.client.exceptions import ConfigValidationException, QMSimulationError
from quaymaster.client.qua import play, program
from quaymaster.client.simulated_job import SimulatedJob, start_simulation, with_outside
from quaymaster.client.simulated_samples import PortSamples, SimulatorControllerSamples, SimulatorSamples
from quaymaster.client.simulation_config import LoopbackInterface, RawInterface, SimulationConfig
from quaymaster.client.waveform_report import AdcAcquisition, WaveformReport


def cables(*connections: Any, **options: Any) -> list[tuple[str, str]]:
    """The cables of a loopback on the example of two qubits."""
    return [(c.source, c.target) for c in LoopbackInterface(connections, **options).cables(opx_two_qubits())]


def test_connections_of_every_length() -> None:
    """Four parts mean FEM 1; of elements, I goes to the first output and Q to the second, by number or name."""
    assert cables(("con1", 5, "con1", 1)) == [("con1/1/5", "con1/1/1")]
    assert cables(("con1", 2, 5, "con1", 3, 1)) == [("con1/2/5", "con1/3/1")]
    assert cables(("q1", "rr1", 1), ("q1", "rr1", 2)) == [("con1/1/1", "con1/1/1"), ("con1/1/2", "con1/1/2")]
    assert cables(("q1", "rr1", "out2"), ("flux", "rr1", 1)) == [("con1/1/2", "con1/1/2"), ("con1/1/7", "con1/1/1")]
    assert cables(("con1", 5, "con1", 1), ("con1", 5, "con1", 1)) == [("con1/1/5", "con1/1/1")]


def test_connections_of_elements_in_any_spelling_of_a_config() -> None:
    """Numbers as text, sections that are null; a config that is wrong is refused as one."""
    config = opx_two_qubits()
    config["elements"]["flux"]["singleInput"]["port"] = ("con1", "1", "7")
    config["elements"]["rr1"] |= {"singleInput": None, "MWOutput": None}
    found = LoopbackInterface([("flux", "rr1", 1), ("rr1", "rr1", 2)]).cables(config)
    assert [(cable.source, cable.target) for cable in found] == [("con1/1/7", "con1/1/1"), ("con1/1/6", "con1/1/2")]
    del config["elements"]["rr1"]["mixInputs"]["Q"]
    with pytest.raises(ConfigValidationException, match=r"elements\.rr1\.mixInputs\.Q"):
        LoopbackInterface([("rr1", "rr1", 2)]).cables(config)


@pytest.mark.parametrize(
    "make",
    [
        lambda: LoopbackInterface([("con1", 1)]),
        lambda: LoopbackInterface("con1"),
        lambda: LoopbackInterface([("con1", 1, "con1", 1)], latency=-1),
        lambda: LoopbackInterface([("con1", 1, "con1", 1)], latency=1.5),  # type: ignore[arg-type]
        lambda: LoopbackInterface([("con1", 1, "con1", 1)], noisePower=-1.0),
        lambda: RawInterface([("con1", 1, [0.0])], noisePower=float("nan")),
        lambda: RawInterface([("con1",)]),
        lambda: SimulationConfig(10, simulation_interface=RawInterface([("con1", 1, ["x"])])).record({}),
        lambda: SimulationConfig(10, simulation_interface=RawInterface([("con1", 1, [float("inf")])])).record({}),
        lambda: SimulationConfig(10, simulation_interface=object()).record({}),  # type: ignore[arg-type]
        lambda: SimulationConfig(0).record({}),
        lambda: SimulationConfig(1.5).record({}),  # type: ignore[arg-type]
        lambda: SimulationConfig(10**12).record({}),
        lambda: cables(("q1", "rr1", 3)),
        lambda: cables(("nobody", "rr1", 1)),
        lambda: cables(("con1", "x", "con1", 1)),
        lambda: cables(("con1", 1.5, "con1", 1)),
        lambda: cables(("con1", True, "con1", 1)),
        lambda: LoopbackInterface(("con1", 1, "con1", 1)),
        lambda: LoopbackInterface([5]),
        lambda: RawInterface(("con1", 1, [0.0])),
        lambda: SimulationConfig(10, simulation_interface=RawInterface([("con1", 1, [[0.1], [0.2]])])).record({}),
        lambda: SimulationConfig(10, simulation_interface=RawInterface([("con1", 1, 0.1)])).record({}),
    ],
)
def test_what_makes_no_sense_is_refused(make: Any) -> None:
    """With the code `bad_simulation`, before anything is sent."""
    with pytest.raises(AskedWrongly) as caught:
        make()
    assert caught.value.code == "bad_simulation"


def test_what_travels() -> None:
    """Duration in cycles, latency, variance; raw samples as doubles behind the record, with their digest."""
    plain, body = SimulationConfig(np.int64(1000)).record({})  # type: ignore[arg-type]
    assert (plain.duration_cycles, plain.interface, body) == (1000, "none", b"")
    interface = LoopbackInterface([("con1", 1, "con1", 2)], latency=180, noisePower=0.01)
    looped, _ = SimulationConfig(5, simulation_interface=interface).record({})
    assert looped.cables == [Cable(source="con1/1/1", target="con1/1/2")]
    assert (looped.interface, looped.latency_ns, looped.noise_variance) == ("loopback", 180, 0.01)
    raw_interface = RawInterface([("con1", 1, np.array([0.1, 0.2])), ("con1", 2, 2, [0.3])])
    raw, body = SimulationConfig(5, simulation_interface=raw_interface).record({})
    assert raw.inputs == [RawInput(target="con1/1/1", samples=2), RawInput(target="con1/2/2", samples=1)]
    assert np.frombuffer(body, "<f8").tolist() == [0.1, 0.2, 0.3]
    assert raw.samples_digest == content_digest(body)


def samples() -> SimulatorSamples:
    """Two analog ports, one of them silent, one up-converter of a MW output, and a digital port."""
    analog = PortSamples({"1-1": np.array([0.0, 0.25]), "2-3": np.zeros(2), "3-1-2": np.array([0.5, 0.25j])})
    digital = PortSamples({"1-1": np.array([True, False])})
    rates = {"1-1": 2e9, "2-3": 1e9, "3-1-2": 1e9}
    return SimulatorSamples({"con1": SimulatorControllerSamples("con1", analog, digital, rates)})


def test_samples_by_any_name() -> None:
    """By controller as item and attribute, by port as "1-1", "1" and 1; unknown ones name what there is."""
    found = samples()
    con1 = found.con1
    assert con1 is found["con1"] and list(found) == ["con1"]
    assert con1.analog["1-1"] is con1.analog["1"] is con1.analog[1] is con1.analog.get(1)  # type: ignore[index]
    assert 1 in con1.analog and "2-3" in con1.analog and "3" not in con1.analog
    assert con1.analog.get("3") is None
    with pytest.raises(KeyError, match="1-1, 2-3"):
        con1.analog["7"]
    with pytest.raises(AttributeError, match="con1"):
        _ = found.con2
    assert json.loads(found.to_json())["con1"]["analog"]["1-1"] == [0.0, 0.25]
    assert json.loads(found.to_json())["con1"]["analog"]["3-1-2"] == {"I": [0.5, 0.0], "Q": [0.0, 0.25]}
    rates = con1.analog_sampling_rate
    assert rates == {"1-1": 2e9, "2-3": 1e9, "3-1-2": 1e9}
    assert rates["1"] == rates[1] == rates["1-1"]  # type: ignore[index]


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda found: pickle.loads(pickle.dumps(found))])
def test_samples_can_be_copied(again: Any) -> None:
    """And kept by tools that copy or pickle what they are given."""
    found = again(samples())
    assert list(found) == ["con1"]
    assert found.con1.analog["1"].tolist() == [0.0, 0.25]
    assert found.con1.analog[1].tolist() == [0.0, 0.25]


def test_plots_draw_what_is_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """On the current axes, whose figure is returned; silent ports only when named; without matplotlib, a sentence."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 1)
    pyplot.sca(axes[1])
    assert samples().con1.plot() is figure
    assert [line.get_label() for line in axes[1].lines] == [
        "con1 A1",
        "con1 A3-1-2 I",
        "con1 A3-1-2 Q",
        "con1 D1",
    ]
    assert axes[1].lines[0].get_xdata().tolist() == [0.0, 0.5]
    pyplot.figure()
    assert len(samples().con1.plot(analog_ports=["2-3"], digital_ports=[]).axes[0].lines) == 1
    for port in ("1-1", "1", 1):
        axes = pyplot.figure().subplots()
        samples().con1.plot(analog_ports=[port], digital_ports=[])
        assert axes.lines[0].get_xdata().tolist() == [0.0, 0.5]
    pyplot.figure()
    assert len(samples().con1.plot("2-3", digital_ports={}).axes[0].lines) == 1  # type: ignore[arg-type]
    with pytest.raises(KeyError, match="2-3"):
        samples().con1.plot(analog_ports=["9"])
    pyplot.close("all")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(AskedWrongly, match="plot") as caught:
        samples().con1.plot()
    assert caught.value.code == "not_installed"


def test_an_empty_report() -> None:
    """A program that plays nothing has a report all the same, and a picture."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    report = WaveformReport.from_tables({"elements": [], "pulses": [], "plays": [], "acquisitions": [], "events": []})
    assert report.to_string() == ""
    assert set(report.to_dict()) == {"analog_waveforms", "digital_waveforms", "adc_acquisitions", "events"}
    assert report.create_plot() is not None
    pyplot.close("all")


def test_a_picture_without_samples() -> None:
    """A row for each element, and nothing above."""
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot

    pulser = {"controllerName": "con1", "pulserIndex": 0}
    window = AdcAcquisition(24, 124, "DemodIntegration", pulser, "rr", [1], "con1", 1)
    (axis,) = WaveformReport([], [], [window]).create_plot().axes
    assert [label.get_text() for label in axis.get_yticklabels()] == ["rr"]
    pyplot.close("all")


def job_info(state: str, **fields: Any) -> Any:
    """A broker's record of a simulation."""
    return requests.JobInfo(job_id="7", qm_id="", user="alice", state=state, simulated=True, **fields)  # type: ignore[arg-type]


def test_a_request_carries_program_config_and_samples() -> None:
    """Three bodies in this order; the job is waited for, unless it is not to be."""
    with program() as prog:
        play("pulse", "q")
    connection = FakeConnection()
    connection.on(requests.Simulate, requests.JobAdded(job_id="7", position=1))
    connection.on(requests.WaitJob, job_info("completed"))
    asked = SimulationConfig(100, simulation_interface=RawInterface([("con1", 1, [0.5])]))
    options = requests.JobOptions()
    job = start_simulation(connection, prog, asked, opx_readout_pair(), options, packed=b"config")
    assert job.id == "7" and job.qm_id == "" and job.is_simulation
    program_body, config_body, sample_body = connection.bodies[0]
    assert content_digest(program_body) == connection.asked[0].digest
    assert (config_body, sample_body) == (b"config", np.array([0.5]).tobytes())
    connection.asked.clear()
    start_simulation(connection, prog, SimulationConfig(9), {}, options, qm_id="qm-1", block=False)
    assert [type(item) for item in connection.asked] == [requests.Simulate]
    assert connection.asked[0].qm_id == "qm-1"


def test_warnings_of_the_config_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    """As those of open_qm are."""
    with program() as prog:
        play("pulse", "q")
    connection = FakeConnection()
    connection.on(requests.Simulate, requests.JobAdded(job_id="7", position=1, warnings=["waveforms.w : is high"]))
    with caplog.at_level(logging.WARNING, "quaymaster"):
        start_simulation(connection, prog, SimulationConfig(9), {}, requests.JobOptions(), packed=b"c", block=False)
    assert "waveforms.w : is high" in caplog.text


def test_samples_before_the_end_tell_to_wait() -> None:
    """Asked while the job runs: an error with the call that helps."""
    connection = FakeConnection()
    connection.on(requests.GetJob, job_info("running"))
    with pytest.raises(QMSimulationError, match="wait_until") as caught:
        SimulatedJob(connection, "7").get_simulated_samples()
    assert caught.value.code == "not_done"
    assert SimulatedJob(connection, "7").status == "running"


# -- what a simulation gets from outside -------------------------------------------------------------------------------


def test_inputs_and_registers_are_given_before_the_start() -> None:
    """Entries of each stream in order, by Python's types; both registers."""
    plain = SimulationConfig(10).record({})[0]
    made = with_outside(plain, {"x": [1, 2], "y": [[0.5, 1.0]], "go": [True]}, (0.5, -1))
    assert [(entry.stream, entry.type, entry.raws) for entry in made.entries] == [
        ("x", "int", [1]),
        ("x", "int", [2]),
        ("y", "fixed", [1 << 27, 1 << 28]),
        ("go", "bool", [1]),
    ]
    assert (made.io1, made.io2) == (1 << 27, -1)
    assert with_outside(plain, {}, ()) == plain
    assert with_outside(plain, {}, (None, 3)).io2 == 3


@pytest.mark.parametrize(
    ("streams", "io"),
    [({"x": 1}, ()), ({"x": [[1, 2.0]]}, ()), ({}, (1, 2, 3)), ({}, ("x",)), ({"x": [1] * 10_001}, ())],
)
def test_inputs_that_make_no_sense(streams: Any, io: Any) -> None:
    """Said before anything is asked."""
    with pytest.raises(QuaymasterError) as caught:
        with_outside(SimulationConfig(10).record({})[0], streams, io)
    assert caught.value.code == "bad_value"
