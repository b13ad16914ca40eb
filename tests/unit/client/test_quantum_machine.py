"""`QuantumMachine` against a connection without sockets."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_configs import opx_two_qubits
from fake_connection import FakeConnection, job, jobs

from quaymaster._core.errors import AskedWrongly, Taken
from quaymaster._core.wire import pack_plain, parcels, requests
from quaymaster.client.exceptions import (
    CompilationException,
    FailedToExecuteJobException,
    InvalidConfigError,
    JobCancelledError,
    JobNotFoundError,
    QMFailedToGetQuantumMachineError,
    QmValueError,
)
from quaymaster.client.jobs import QmJob, QmPendingJob
from quaymaster.client.qua import program, wait
from quaymaster.client.quantum_machine import QuantumMachine


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def qm(connection: FakeConnection) -> QuantumMachine:
    return QuantumMachine(connection, "qm-1", ["con1"])


def waiting() -> Any:
    with program() as prog:
        wait(4, "q")
    return prog


def info(running: str | None = None, pending: int = 0) -> requests.QmInfo:
    return requests.QmInfo(
        qm_id="qm-1",
        opened_by="alice",
        opened_at_ms=0,
        controllers=["con1"],
        ports=[],
        running_job=running,
        pending_jobs=pending,
    )


def test_execute_is_one_request_and_waits_for_the_start(
    connection: FakeConnection, qm: QuantumMachine, caplog: pytest.LogCaptureFixture
) -> None:
    """Clear, cancel and add are the broker's one step; what was cancelled is logged; the started job comes back."""
    connection.on(requests.Execute, requests.JobAdded(job_id="9", position=1, removed_jobs=["8"], canceled_jobs=["7"]))
    connection.on(requests.WaitJob, job("9", "running"))
    with caplog.at_level(logging.WARNING, "quaymaster"):
        started = qm.execute(waiting(), numerics="exact", note="now")
    assert isinstance(started, QmJob)
    assert started.id == "9"
    assert [type(asked) for asked in connection.asked] == [requests.Execute, requests.WaitJob]
    assert (connection.asked[0].note, connection.asked[0].options.numerics) == ("now", "exact")
    assert "cancelled job 8" in caplog.text
    assert "cancelled job 7" in caplog.text


def test_execute_refuses_what_comes_later(connection: FakeConnection, qm: QuantumMachine) -> None:
    """dry_run would change what happens, so it is refused; nothing is asked."""
    with pytest.raises(AskedWrongly) as caught:
        qm.execute(waiting(), dry_run=True)
    assert caught.value.code == "not_yet"
    assert connection.asked == []


def test_execute_fails_as_the_platform_does(connection: FakeConnection, qm: QuantumMachine) -> None:
    """A refusal is FailedToExecuteJobException; a job that another user cancels meanwhile is JobCancelledError."""
    connection.on(requests.Execute, AskedWrongly("no element 'x'", code="compile_error"))
    with pytest.raises(FailedToExecuteJobException, match="no element"):
        qm.execute(waiting())
    connection.on(requests.Execute, requests.JobAdded(job_id="9", position=1))
    connection.on(requests.WaitJob, job("9", "canceled"))
    with pytest.raises(JobCancelledError):
        qm.execute(waiting())


def test_compile_returns_an_id(connection: FakeConnection, qm: QuantumMachine) -> None:
    """The id that `queue.add_compiled` takes; a program that does not compile raises CompilationException."""
    connection.on(requests.Compile, requests.CompiledProgram(program_id="p-1"))
    assert qm.compile(waiting()) == "p-1"
    connection.on(requests.Compile, AskedWrongly("script.py:3: no", code="compile_error"))
    with pytest.raises(CompilationException, match=r"script.py:3"):
        qm.compile(waiting())


def test_jobs_of_a_qm(connection: FakeConnection, qm: QuantumMachine) -> None:
    """The running job or None; any job by id; listings by the platform's filters."""
    connection.on(requests.GetQm, [info(), info(running="5")])
    assert qm.get_running_job() is None
    running = qm.get_running_job()
    assert isinstance(running, QmJob)
    assert running.id == "5"
    connection.on(requests.GetJob, [job("6"), AskedWrongly("there is no job '99'", code="unknown_job")])
    assert isinstance(qm.get_job("6"), QmPendingJob)
    with pytest.raises(JobNotFoundError):
        qm.get_job("99")
    connection.on(requests.GetJobs, jobs(job("6"), job("5", "running")))
    found = qm.get_jobs(user_ids=["bob"], status=["In queue", "Running"], description="scan")
    assert [type(handle) for handle in found] == [QmPendingJob, QmJob]
    asked = connection.asked[-1]
    assert (asked.qm_ids, asked.user_ids, asked.note) == (["qm-1"], ["bob"], "scan")
    assert asked.states == ["pending", "loading", "running"]
    with pytest.raises(AskedWrongly, match="status"):
        qm.get_jobs(status="walking")


def test_close_returns_true(connection: FakeConnection, qm: QuantumMachine) -> None:
    """As on the platform; the repr knows it afterwards; a qm that is gone is named."""
    connection.on(requests.CloseQm, requests.ClosedQms(qm_ids=["qm-1"]))
    assert repr(qm) == "<QuantumMachine qm-1 on con1>"
    assert qm.close() is True
    assert repr(qm) == "<QuantumMachine qm-1 on con1, closed>"
    connection.on(requests.CloseQm, AskedWrongly("no open qm has the id 'qm-1'", code="unknown_qm"))
    with pytest.raises(QMFailedToGetQuantumMachineError):
        qm.close()


def test_a_qm_is_its_id(connection: FakeConnection, qm: QuantumMachine) -> None:
    """Two handles to one qm are equal; its controllers are a tuple."""
    assert qm == QuantumMachine(FakeConnection(), "qm-1")
    assert qm != QuantumMachine(connection, "qm-2")
    assert len({qm, QuantumMachine(connection, "qm-1")}) == 1
    assert qm.list_controllers() == ("con1",)


# -- settings ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def configured(connection: FakeConnection) -> FakeConnection:
    found = (requests.ConfigFound(config_digest="d"), [pack_plain(opx_two_qubits())])
    connection.on(requests.GetConfig, found)
    connection.on(requests.SetConfig, found)
    connection.on(requests.GetQm, info())
    return connection


def test_setters_become_changes(configured: FakeConnection, qm: QuantumMachine) -> None:
    """Each setter is one request with the kind, target, port and values that the wire names."""
    qm.set_intermediate_frequency("q1", np.float64(51e6))
    qm.set_mixer_correction("mixer_q1", 50e6, int(4.9e9), (1, 0.0, 0.0, np.float32(1)))
    qm.set_output_dc_offset_by_element("q1", "I", 0.1)
    qm.set_output_dc_offset_by_element("q1", ("I", "Q"), (0.1, -0.1))
    qm.set_input_dc_offset_by_element("rr1", "out1", 0.01)
    qm.set_digital_delay("rr1", "switch", 20)
    qm.set_digital_buffer("rr1", "switch", np.int32(4))
    qm.set_digital_input_threshold(("con1", 2), 1.5)
    qm.set_digital_input_deadtime(("con1", 1, 2), 9)
    qm.set_digital_input_polarity(("con1", 2), "FALLING")
    qm.set_digital_input_polarity(["con1", 2], "RISING")
    changed = [asked for asked in configured.asked if isinstance(asked, requests.SetConfig)]
    changes = [change for asked in changed for change in asked.changes]
    assert [(change.kind, change.target, change.port, change.values) for change in changes] == [
        ("intermediate_frequency", "q1", "", [51e6]),
        ("mixer_correction", "mixer_q1", "", [1.0, 0.0, 0.0, 1.0]),
        ("output_dc_offset", "q1", "I", [0.1]),
        ("output_dc_offset", "q1", "I", [0.1]),
        ("output_dc_offset", "q1", "Q", [-0.1]),
        ("input_dc_offset", "rr1", "out1", [0.01]),
        ("digital_delay", "rr1", "switch", [20.0]),
        ("digital_buffer", "rr1", "switch", [4.0]),
        ("digital_input_threshold", "con1", "2", [1.5]),
        ("digital_input_deadtime", "con1", "1/2", [9.0]),
        ("digital_input_polarity", "con1", "2", [0.0]),
        ("digital_input_polarity", "con1", "2", [1.0]),
    ]
    assert (changes[1].frequency, changes[1].lo_frequency) == (50e6, 4.9e9)
    assert len(changed) == 11


def test_setters_reach_the_running_job(configured: FakeConnection, qm: QuantumMachine) -> None:
    """Frequencies, corrections and offsets of outputs, once the config has them; what it does not use is let be."""
    configured.on(requests.GetQm, info(running="9"))
    configured.on(requests.TellJob, AskedWrongly("the program does not use q1", code="no_such_element"))
    qm.set_intermediate_frequency("q1", 51e6)
    configured.on(requests.TellJob, requests.Done())
    qm.set_mixer_correction("mixer_q1", 50e6, 4.9e9, (1, 0, 0, 1))
    qm.set_output_dc_offset_by_element("q1", ("I", "Q"), (0.1, -0.1))
    qm.set_digital_delay("rr1", "switch", 20)
    told = [asked for asked in configured.asked if isinstance(asked, requests.TellJob)]
    assert {asked.job_id for asked in told} == {"9"}
    assert [asked.parcel for asked in told] == [
        parcels.SetFrequency(element="q1", frequency_hz=51e6),
        parcels.SetCorrection(element="q1", values=[1.0, 0.0, 0.0, 1.0]),
        parcels.SetOffsets(element="q1", offsets=[("I", 0.1), ("Q", -0.1)]),
    ]
    configured.on(requests.TellJob, AskedWrongly("outside of what it may be", code="bad_setting"))
    with pytest.raises(AskedWrongly, match="outside") as caught:
        qm.set_intermediate_frequency("q1", 52e6)
    assert caught.value.hint == "later jobs of the qm have it; job 9, which runs, has not"


def test_setters_check_before_they_ask(configured: FakeConnection, qm: QuantumMachine) -> None:
    """Wrong kinds and numbers of values are a ValueError or in words, and nothing is asked."""
    with pytest.raises(AskedWrongly, match="number"):
        qm.set_intermediate_frequency("q1", "fast")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="2 inputs"):
        qm.set_output_dc_offset_by_element("q1", ("I", "Q"), 0.1)
    with pytest.raises(ValueError, match="at most 8"):
        qm.set_mixer_correction("mixer_q1", 1, 2, [0.0] * 9)
    assert configured.asked == []


def test_a_change_that_the_broker_refuses(configured: FakeConnection, qm: QuantumMachine) -> None:
    """Its words arrive as InvalidConfigError."""
    configured.on(requests.SetConfig, AskedWrongly("there is no element 'x'; there is q1", code="bad_change"))
    with pytest.raises(InvalidConfigError, match="there is q1"):
        qm.set_intermediate_frequency("x", 1.0)


def test_getters_read_the_effective_config(configured: FakeConnection, qm: QuantumMachine) -> None:
    """Values of the example config, through each kind of input."""
    assert qm.get_intermediate_frequency("q2") == -80e6
    assert qm.get_output_dc_offset_by_element("q1", "I") == 0.01
    assert qm.get_output_dc_offset_by_element("q1", "Q") == -0.02
    assert qm.get_output_dc_offset_by_element("flux", "single") == 0.1
    assert qm.get_input_dc_offset_by_element("rr1", "out1") == 0.0
    assert qm.get_digital_delay("rr1", "switch") == 136
    assert qm.get_digital_buffer("rr1", "switch") == 0
    assert qm.get_time_of_flight("rr2") == 24
    assert qm.get_smearing("rr2") == 0


def test_the_frequency_of_an_oscillator_is_its_elements(connection: FakeConnection, qm: QuantumMachine) -> None:
    """Of an element on a named oscillator, which has no own frequency."""
    config = opx_two_qubits()
    del config["elements"]["q2"]["intermediate_frequency"]
    config["elements"]["q2"]["oscillator"] = "shared"
    config["oscillators"] = {"shared": {"intermediate_frequency": 77e6}}
    connection.on(requests.GetConfig, (requests.ConfigFound(config_digest="d"), [pack_plain(config)]))
    assert qm.get_intermediate_frequency("q2") == 77e6


def test_getters_name_what_is_not_there(configured: FakeConnection, qm: QuantumMachine) -> None:
    """Unknown elements, outputs and inputs are answered with the names there are."""
    with pytest.raises(InvalidConfigError, match="q1, q2, rr1, rr2, flux"):
        qm.get_intermediate_frequency("q9")
    with pytest.raises(InvalidConfigError, match="out1, out2"):
        qm.get_input_dc_offset_by_element("rr1", "out3")
    with pytest.raises(ValueError, match="I or Q"):
        qm.get_output_dc_offset_by_element("q1", "single")
    with pytest.raises(InvalidConfigError, match="digital input"):
        qm.get_digital_delay("q1", "switch")


def test_the_config_can_be_saved(configured: FakeConnection, qm: QuantumMachine, tmp_path: Path) -> None:
    """The file holds the effective config as JSON."""
    path = tmp_path / "config.json"
    qm.save_config_to_file(path)
    assert json.loads(path.read_text()) == json.loads(json.dumps(copy.deepcopy(opx_two_qubits())))


def test_io_registers(connection: FakeConnection, qm: QuantumMachine) -> None:
    """int, float and bool are sent as their 32 bits, from numpy too; those are read back in all three ways."""
    connection.on(requests.SetIo, requests.IoValues())
    connection.on(requests.GetIo, requests.IoValues(io1=3, io2=1 << 27))
    qm.set_io_values(np.int64(3), 0.5)
    qm.io1 = True
    qm.set_io2_value(2)
    qm.set_io_values()
    assert connection.asked == [
        requests.SetIo(qm_id="qm-1", io1=3, io2=1 << 27),
        requests.SetIo(qm_id="qm-1", io1=1),
        requests.SetIo(qm_id="qm-1", io2=2),
    ]
    assert type(connection.asked[0].io1) is int
    assert qm.io1 == {"io_number": 1, "int_value": 3, "fixed_value": 3 / 2**28, "boolean_value": True}
    assert qm.get_io2_value() == {"io_number": 2, "int_value": 1 << 27, "fixed_value": 0.5, "boolean_value": True}
    with pytest.raises(AskedWrongly, match="IO1"):
        qm.set_io1_value("x")
    for value in (2**31, 8.0, float("nan")):
        with pytest.raises(QmValueError, match="IO1"):
            qm.set_io1_value(value)


@pytest.mark.parametrize("port", ["con1", ("con1",), ("con1", 1, 2, 3), ("con1", "2"), (1, 2)])
def test_a_digital_input_is_named_by_its_port(connection: FakeConnection, qm: QuantumMachine, port: Any) -> None:
    """(controller, number) or (controller, fem, number); nothing else is asked of the broker."""
    with pytest.raises(QmValueError):
        qm.set_digital_input_threshold(port, 1.0)
    assert connection.asked == []


def test_a_polarity_is_one_of_two_words(connection: FakeConnection, qm: QuantumMachine) -> None:
    """RISING or FALLING."""
    with pytest.raises(QmValueError, match="rising"):
        qm.set_digital_input_polarity(("con1", 2), "rising")
    assert connection.asked == []


def test_what_comes_later_is_refused_by_name(connection: FakeConnection, qm: QuantumMachine) -> None:
    """Parts of the platform that are not there yet raise `not_yet` and name themselves."""
    for name in (
        "calibrate_element",
        "set_output_filter_by_element",
    ):
        with pytest.raises(AskedWrongly, match=name) as caught:
            getattr(qm, name)("q", {})
        assert caught.value.code == "not_yet"
    assert connection.asked == []


def test_a_closed_qm_is_named(connection: FakeConnection, qm: QuantumMachine) -> None:
    """Adding to a qm that somebody closed says so in the platform's class, with the code."""
    connection.on(requests.AddJob, Taken("no open qm has the id 'qm-1'", code="unknown_qm"))
    with pytest.raises(Exception, match="qm-1") as caught:
        qm.queue.add(waiting())
    assert getattr(caught.value, "code", "") == "unknown_qm"
