"""Simulating as users do: the scripts of the platform's libraries, against a cluster of processes."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_configs import opx_readout_pair, opx_two_qubits
from process_cluster import ProcessCluster

from quaymaster import LoopbackInterface, QuantumMachinesManager, RawInterface, SimulationConfig
from quaymaster._core.errors import QuaymasterError
from quaymaster.client.exceptions import ConfigValidationException, JobCancelledError, QMSimulationError
from quaymaster.qua import (
    align,
    amp,
    declare,
    declare_stream,
    demod,
    dual_demod,
    fixed,
    for_,
    infinite_loop_,
    measure,
    play,
    program,
    save,
    stream_processing,
    wait,
)

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")


@pytest.fixture
def qmm(cluster: ProcessCluster) -> QuantumMachinesManager:
    """A manager at an OPX+."""
    return cluster.manager()


def two_qubits() -> dict[str, Any]:
    """Two qubits, readout and flux, without what comes later."""
    config = opx_two_qubits()
    del config["elements"]["flux"]["sticky"]
    return config


def power_rabi() -> Any:
    """The usual experiment: amplitude swept inside an averaging loop."""
    with program() as prog:
        n, a = declare(int), declare(fixed)
        I, Q = declare(fixed), declare(fixed)  # noqa: E741
        I_st, Q_st, n_st = declare_stream(), declare_stream(), declare_stream()
        with for_(n, 0, n < 1_000_000, n + 1):
            with for_(a, 0.0, a < 0.95, a + 0.25):
                play("x180" * amp(a), "q1")
                align("q1", "rr1")
                measure(
                    "readout",
                    "rr1",
                    dual_demod.full("cos", "out1", "sin", "out2", I),
                    dual_demod.full("minus_sin", "out1", "cos", "out2", Q),
                )
                save(I, I_st)
                save(Q, Q_st)
                wait(25, "q1", "rr1")
            save(n, n_st)
        with stream_processing():
            I_st.buffer(4).average().save("I")
            Q_st.buffer(4).average().save("Q")
            n_st.save("iteration")
    return prog


def test_a_script_of_the_libraries(qmm: QuantumMachinesManager, tmp_path: Path) -> None:
    """simulate, get_simulated_samples, con1.plot, the report to a file and as a picture; a million shots asked for."""
    from matplotlib import pyplot

    simulation_config = SimulationConfig(
        duration=10_000, simulation_interface=LoopbackInterface([("con1", 5, "con1", 1), ("con1", 6, "con1", 2)], 24)
    )
    job = qmm.simulate(two_qubits(), power_rabi(), simulation_config)
    assert (job.status, job.is_simulation) == ("completed", True)
    assert job.wait_until("Done", timeout=5)
    samples = job.get_simulated_samples()
    con1 = samples.con1
    assert list(samples) == ["con1"] and samples["con1"].analog.keys() == con1.analog.keys()
    assert len(con1.analog["1"]) == len(con1.analog["1-1"]) == len(con1.analog[1]) == 40_000
    assert con1.analog_sampling_rate["1-5"] == 1e9
    assert con1.digital["1"].dtype == bool
    pyplot.figure()
    figure = con1.plot()
    labels = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert "con1 A5" in labels and "con1 A3" not in labels, "ports that are zero throughout are not drawn"
    report = job.get_simulated_waveform_report()
    (tmp_path / "report.json").write_text(json.dumps(report.to_dict()))
    (tmp_path / "script.py").touch()
    picture = report.create_plot(samples, save_path=str(tmp_path / "script.py"))
    assert (tmp_path / f"waveform_report_con1_{job.id}.png").stat().st_size > 10_000
    assert (tmp_path / "script.py").stat().st_size == 0, "a script names itself; nothing is written over it"
    assert picture.axes[-1].get_xlabel() == "Time [ns]"
    rabi = [entry for entry in report.analog_waveforms if entry.element == "q1" and entry.iq_info["isI"]]
    assert [entry.current_amp_elements[0] for entry in rabi[:5]] == [0.0, 0.25, 0.5, 0.75, 0.0]
    assert rabi[1].timestamp == 60 + 1000 + 100, "nothing awaits the saved value, so its flight takes no time"
    with pytest.warns(DeprecationWarning, match="get_simulated_waveform_report"):
        assert job.simulated_analog_waveforms()["elements"]["q1"][2]["timestamp"] == rabi[1].timestamp
    with pytest.warns(DeprecationWarning, match="get_simulated_waveform_report"):
        markers = job.simulated_digital_waveforms()["controllers"]["con1"]["ports"]["1"]
    assert markers[0]["timestamp"] == 60 and markers[0]["duration"] == 1000
    results = job.result_handles
    assert set(results.keys()) == {"I", "Q", "iteration"}
    assert results.get("I").fetch_all().shape == (4,)
    length = np.hypot(results.get("I").fetch_all(), results.get("Q").fetch_all())
    gain = 10 ** (3 / 20)
    assert length == pytest.approx([gain * 0.2 * 1000 * 2.0**-12] * 4, rel=1e-4)
    pyplot.close("all")


def test_simulating_leaves_qms_alone(qmm: QuantumMachinesManager) -> None:
    """A qm that runs an endless job on the same ports goes on; nothing is queued, no port is taken, also by another."""
    qm = qmm.open_qm(opx_readout_pair())
    with program() as endless, infinite_loop_():
        play("pulse", "q")
    running = qm.execute(endless)
    with program() as prog:
        play("pulse", "q")
    other = qmm.simulate(opx_readout_pair(), prog, SimulationConfig(50))
    mine = qm.simulate(prog, SimulationConfig(duration=50))
    for job in (other, mine):
        assert job.get_simulated_samples().con1.analog["1"][:100].any()
    assert running.is_running()
    assert len(qm.queue) == 0
    assert qmm.list_open_qms() == [qm.id]
    with pytest.warns(DeprecationWarning, match="simulate"):
        old = qm.execute(prog, simulate=SimulationConfig(50))
    assert (
        old.get_simulated_samples().con1.analog["1"].tolist() == other.get_simulated_samples().con1.analog["1"].tolist()
    )
    again = qmm.get_job(mine.id)
    assert type(again) is type(mine)
    assert again.get_simulated_waveform_report().to_dict() == mine.get_simulated_waveform_report().to_dict()
    running.halt()


def test_raw_samples_reach_the_program(qmm: QuantumMachinesManager) -> None:
    """Samples that the user gives are demodulated; the same seed gives the same noise."""
    with program() as prog:
        value, values = declare(fixed), declare_stream()
        measure("readout", "rr", demod.full("cos", value, "out1"))
        save(value, values)
        with stream_processing():
            values.save("I")
    tone = 0.1 * np.cos(2 * np.pi * 0.05 * np.arange(2000))

    def run(noise: float, seed: int) -> float:
        interface = RawInterface([("con1", 1, tone)], noisePower=noise)
        job = qmm.simulate(opx_readout_pair(), prog, SimulationConfig(500, simulation_interface=interface), seed=seed)
        return float(job.result_handles.get("I").fetch_all())

    assert run(0.0, 1) == pytest.approx(-(2.0**-12) * 50, abs=1e-6)
    assert run(1e-3, 1) == run(1e-3, 1) != run(1e-3, 2)


def test_errors_say_what_to_do(qmm: QuantumMachinesManager) -> None:
    """Of the program with its line, of the config, of the duration; calls that need a qm; samples before the end."""
    config = opx_readout_pair()
    with program() as wrong:
        play("nothing", "q")
    with pytest.raises(QMSimulationError, match=r"test_simulate\.py"):
        qmm.simulate(config, wrong, SimulationConfig(100))
    with program() as prog:
        play("pulse", "q")
    with pytest.raises(ConfigValidationException):
        qmm.simulate({"controllers": {"con1": {"analog_outputs": {1: {"offset": "x"}}}}}, prog, SimulationConfig(100))
    with pytest.raises(QuaymasterError, match="at least one clock cycle"):
        qmm.simulate(config, prog, SimulationConfig())
    with pytest.raises(QMSimulationError) as caught:
        qmm.simulate(config, prog, SimulationConfig(200_000_000))
    assert caught.value.code == "simulation_too_long"
    assert "cycles" in caught.value.hint
    with pytest.raises(QMSimulationError, match="con1/1/9"):
        qmm.simulate(
            config, prog, SimulationConfig(100, simulation_interface=LoopbackInterface([("con1", 1, "con1", 9)]))
        )
    job = qmm.simulate(config, prog, SimulationConfig(100))
    for name in ("resume", "halt", "set_io1_value", "set_element_correction"):
        with pytest.raises(QMSimulationError, match="simulated job") as refused:
            getattr(job, name)()
        assert refused.value.details["error_code"] == 1002


def test_without_blocking_and_canceled(qmm: QuantumMachinesManager) -> None:
    """block=False returns before the end; a long one can be canceled, and its samples say that it was."""
    with program() as prog:
        n = declare(int)
        numbers = declare_stream()
        with infinite_loop_(), for_(n, 0, n < 1000, n + 1):
            save(n, numbers)
        with stream_processing():
            numbers.save("n")
    job = qmm.simulate(opx_readout_pair(), prog, SimulationConfig(1000), block=False)
    with pytest.raises(QMSimulationError, match="wait_until"):
        job.get_simulated_samples()
    with pytest.raises(TimeoutError):
        job.wait_until("Done", timeout=0.2)
    assert job.cancel()
    with pytest.raises(JobCancelledError):
        job.get_simulated_samples()


def test_many_users_simulate_at_once(cluster: ProcessCluster) -> None:
    """Six users at a time: each gets the samples of its own program; none is refused."""
    found: dict[int, float] = {}

    def user(number: int) -> None:
        with program() as prog:
            play("pulse" * amp(0.25 * number), "q")
        job = cluster.manager(f"user{number}").simulate(opx_readout_pair(), prog, SimulationConfig(100))
        found[number] = float(job.get_simulated_samples().con1.analog["1"][0])

    threads = [threading.Thread(target=user, args=(number,)) for number in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == {number: pytest.approx(0.05 * number, abs=2.0**-16) for number in range(1, 7)}


def test_two_controllers_are_simulated_together(make_cluster: Any) -> None:
    """A config over con1 and con2, as scripts with controller_connections give it: samples of both."""
    from quaymaster.simulate import ControllerConnection, InterOpxAddress

    qmm = make_cluster({"con1": "opx+", "con2": "opx+"}).manager()
    config = opx_readout_pair()
    second = opx_readout_pair("con2")
    config["controllers"] |= second["controllers"]
    config["elements"]["q2"] = second["elements"]["q"]
    with program() as prog:
        play("pulse", "q")
        align("q", "q2")
        play("pulse", "q2")
    links = [ControllerConnection(InterOpxAddress("con1", True), InterOpxAddress("con2", False))]
    job = qmm.simulate(config, prog, SimulationConfig(50, controller_connections=links))
    samples = job.get_simulated_samples()
    assert samples.con1.analog["1"][0] == pytest.approx(0.2, abs=2.0**-16)
    assert not samples.con2.analog["1"][:100].any()
    assert samples.con2.analog["1"][100] == pytest.approx(0.2, abs=2.0**-16)


def test_samples_come_quickly_and_large_ones_whole(qmm: QuantumMachinesManager) -> None:
    """4 ms of seven ports come in chunks and add up; the time of 40 us is printed, not asserted."""
    for _ in range(3):
        began = time.perf_counter()
        qmm.simulate(two_qubits(), power_rabi(), SimulationConfig(10_000)).get_simulated_samples()
    print(f"40 us of 7 ports: {1000 * (time.perf_counter() - began):.1f} ms")
    samples = qmm.simulate(two_qubits(), power_rabi(), SimulationConfig(1_000_000)).get_simulated_samples()
    assert len(samples.con1.analog["7"]) == 4_000_000
    assert samples.con1.analog["7"][-1] == pytest.approx(0.1, abs=2.0**-16)
    assert samples.con1.analog["5"][-3000:].any()
