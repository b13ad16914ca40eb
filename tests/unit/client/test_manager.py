"""`QuantumMachinesManager` against a connection without sockets."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_configs import opx_readout_pair
from fake_connection import FakeConnection, job, jobs

from quaymaster import QuantumMachinesManager
from quaymaster._core.errors import AskedWrongly, Taken
from quaymaster._core.wire import StreamSchema, StreamState, limits, requests, unpack_plain
from quaymaster._core.wire.records import ControllerInfo
from quaymaster.client import quantum_machines_manager as module
from quaymaster.client.exceptions import (
    ConfigValidationException,
    JobNotFoundError,
    OpenQmException,
    QMFailedToGetQuantumMachineError,
    QMHealthCheckError,
)
from quaymaster.client.jobs import QmJob, QmPendingJob


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> FakeConnection:
    """What every manager of the test connects to; `made_with` are the arguments it was made with."""
    fake = FakeConnection()

    def make(host: str, port: int, user: str, timeout_s: float) -> FakeConnection:
        fake.made_with = (host, port, user, timeout_s)  # type: ignore[attr-defined]
        fake.user = user
        return fake

    monkeypatch.setattr(module, "Connection", make)
    monkeypatch.delenv("QUAYMASTER_HOST", raising=False)
    monkeypatch.delenv("QUAYMASTER_PORT", raising=False)
    return fake


@pytest.fixture
def qmm(connection: FakeConnection) -> QuantumMachinesManager:
    return QuantumMachinesManager(user="alice")


def test_where_and_as_whom(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Defaults, environment variables, arguments; the user is the login name unless given."""
    monkeypatch.setenv("LOGNAME", "dana")
    QuantumMachinesManager()
    assert connection.made_with == ("127.0.0.1", 9510, "dana", 60.0)
    monkeypatch.setenv("QUAYMASTER_HOST", "lab")
    monkeypatch.setenv("QUAYMASTER_PORT", "7777")
    QuantumMachinesManager(user="bob", timeout=3)
    assert connection.made_with == ("lab", 7777, "bob", 3.0)
    QuantumMachinesManager("here", 1234, cluster_name="Cluster_1")
    assert connection.made_with[:2] == ("here", 1234)


def test_the_platforms_other_keywords(connection: FakeConnection) -> None:
    """Those that mean nothing here are taken, those that would mean something are refused by name, others are typos."""
    QuantumMachinesManager(connection_headers={"a": "b"}, async_trust_env=True, octave=None)
    with pytest.raises(AskedWrongly, match="octave") as caught:
        QuantumMachinesManager(octave=object())
    assert caught.value.code == "not_yet"
    with pytest.raises(TypeError, match="hots"):
        QuantumMachinesManager(hots="x")
    with pytest.raises(AskedWrongly, match="timeout"):
        QuantumMachinesManager(timeout=0)


def test_log_level_is_taken(connection: FakeConnection) -> None:
    """As a number or a name, for the logger `quaymaster`."""
    before = logging.getLogger("quaymaster").level
    try:
        QuantumMachinesManager(log_level="error")
        assert logging.getLogger("quaymaster").level == logging.ERROR
        QuantumMachinesManager(log_level=logging.DEBUG)
        assert logging.getLogger("quaymaster").level == logging.DEBUG
    finally:
        logging.getLogger("quaymaster").setLevel(before)


@pytest.mark.parametrize(
    ("section", "name", "wrong", "place"),
    [
        ("waveforms", "drive_wf", {"type": "constant", "sample": 0.1 + 0j}, "waveforms.drive_wf.sample"),
        ("waveforms", "x", {"type": "arbitrary", "samples": [0.0, 0.1j]}, "waveforms.x.samples[1]"),
        ("waveforms", "x", {"type": "arbitrary", "samples": np.array([0.5, 1j])}, "waveforms.x.samples[0]"),
        ("elements", "q", {"operations": {np.int64(3): object()}}, "elements.q.operations.3"),
    ],
)
def test_what_is_no_plain_data_is_named_by_its_place(
    connection: FakeConnection, qmm: QuantumMachinesManager, section: str, name: str, wrong: Any, place: str
) -> None:
    """Complex samples, and all else that no config holds; nothing is sent."""
    config = opx_readout_pair()
    config[section][name] = wrong
    with pytest.raises(AskedWrongly, match="is not plain data") as caught:
        qmm.open_qm(config)
    assert caught.value.code == "bad_config"
    assert f"in key {place}:" in caught.value.message
    assert connection.asked == []


def test_open_qm_sends_the_config_and_leaves_it_alone(
    connection: FakeConnection, qmm: QuantumMachinesManager, caplog: pytest.LogCaptureFixture
) -> None:
    """The body is the config as written, int keys and all; the dict stays as it was; warnings are logged."""
    connection.on(requests.OpenQm, requests.OpenedQm(qm_id="qm-2", warnings=["identical qm qm-1 is closed"]))
    config = opx_readout_pair()
    before = copy.deepcopy(config)
    with caplog.at_level(logging.WARNING, "quaymaster"):
        qm = qmm.open_qm(config)
    assert config == before
    ((body,),) = connection.bodies
    assert unpack_plain(body) == json_like(before)
    assert qm.id == "qm-2"
    assert qm.list_controllers() == ("con1",)
    assert "identical qm qm-1 is closed" in caplog.text


def json_like(value: Any) -> Any:
    """Tuples as lists, keys as they are."""
    if isinstance(value, dict):
        return {key: json_like(item) for key, item in value.items()}
    return [json_like(item) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize(
    ("given", "mode"),
    [(None, None), (True, "all"), (False, "never"), ("if_needed", "if_needed"), ("all", "all"), ("never", "never")],
)
def test_close_modes(connection: FakeConnection, qmm: QuantumMachinesManager, given: Any, mode: str | None) -> None:
    """None leaves it to the cluster's profile; True is QOP2's "all"; the modes can be named."""
    connection.on(requests.OpenQm, requests.OpenedQm(qm_id="qm-2"))
    qmm.open_qm(opx_readout_pair(), close_other_machines=given)
    assert connection.asked[-1].close_mode == mode


def test_true_closes_what_is_needed_on_qop3(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """On a cluster with the qop3 profile, True means only the qms in the way."""
    connection.info = requests.ClusterInfo(
        version="9.9", api="qop3", capabilities=[], controllers=[], instance="i", user="alice"
    )
    connection.on(requests.OpenQm, requests.OpenedQm(qm_id="qm-2"))
    qmm.open_qm(opx_readout_pair(), True)
    assert connection.asked[-1].close_mode == "if_needed"


def test_configs_with_numpy_values(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """Numpy numbers, arrays and keys are taken as what they stand for."""
    connection.on(requests.OpenQm, requests.OpenedQm(qm_id="qm-2"))
    config: dict[str, Any] = opx_readout_pair()
    config["waveforms"]["drive_wf"] = {"type": "arbitrary", "samples": np.full(3, 0.25)}
    config["elements"]["q"]["intermediate_frequency"] = np.float64(1e6)
    config["controllers"]["con1"]["analog_outputs"] = {np.int64(1): {"offset": np.float32(0.5)}}
    qmm.open_qm(config)
    sent = unpack_plain(connection.bodies[-1][0])
    assert sent["waveforms"]["drive_wf"]["samples"] == [0.25, 0.25, 0.25]
    assert sent["elements"]["q"]["intermediate_frequency"] == 1e6
    assert sent["controllers"]["con1"]["analog_outputs"] == {1: {"offset": 0.5}}


@pytest.mark.parametrize("wrong", [None, "config.json", [1], {"a": object()}, {"a": 1 + 2j}])
def test_what_is_no_config_is_refused_before_it_is_sent(
    connection: FakeConnection, qmm: QuantumMachinesManager, wrong: Any
) -> None:
    """Anything but plain data in a dict is refused in words."""
    with pytest.raises(AskedWrongly) as caught:
        qmm.open_qm(wrong)
    assert caught.value.code == "bad_config"
    assert connection.asked == []


def test_a_config_that_is_too_large_names_the_limit(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """BODY_BYTES is checked here, not on the way."""
    with pytest.raises(AskedWrongly, match="BODY_BYTES"):
        qmm.open_qm({"waveforms": {"w": "x" * (limits.BODY_BYTES + 1)}})
    assert connection.asked == []


def test_a_port_conflict_keeps_the_words_that_tools_match_on(
    connection: FakeConnection, qmm: QuantumMachinesManager
) -> None:
    """OpenQmException with both literals, the code, the holder, and the platform's two lists of messages."""
    words = "port con1/1 cannot be used because it isn't shareable in other QM"
    conflict = {"group": "ports", "path": "con1/1", "message": words, "qm_id": "qm-1", "user": "bob", "since_ms": 5}
    refusal = Taken(
        f"Resources already locked: {words}", code="ports_taken", hint="wait", details={"conflicts": [conflict]}
    )
    connection.on(requests.OpenQm, refusal)
    with pytest.raises(OpenQmException) as caught:
        qmm.open_qm(opx_readout_pair(), close_other_machines=False)
    error = caught.value
    assert "cannot be used because it isn't shareable in other QM" in str(error)
    assert "Resources already locked" in str(error)
    assert isinstance(error, Taken)
    assert error.code == "ports_taken"
    assert error.details["conflicts"][0]["user"] == "bob"
    assert error.physical_validation_formatted_errors == [f'PHYSICAL CONFIG ERROR in key "con1/1" [ports] : {words}']
    assert error.config_validation_formatted_errors == []


def test_a_config_error_lists_all_issues(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """Config and physical messages are told apart, as on the platform."""
    issues = [
        {"group": "elements.hasPorts", "path": "elements.q", "message": "no ports", "level": "config"},
        {"group": "ports", "path": "controllers.con1", "message": "too many", "level": "physical"},
    ]
    connection.on(requests.OpenQm, AskedWrongly("two", code="config_error", details={"issues": issues}))
    with pytest.raises(OpenQmException) as caught:
        qmm.open_qm(opx_readout_pair())
    assert caught.value.config_validation_formatted_errors == [
        'CONFIG ERROR in key "elements.q" [elements.hasPorts] : no ports'
    ]
    assert len(caught.value.physical_validation_formatted_errors) == 1


def test_open_qm_from_file(connection: FakeConnection, qmm: QuantumMachinesManager, tmp_path: Path) -> None:
    """The config of a JSON file, without entries that are null."""
    connection.on(requests.OpenQm, requests.OpenedQm(qm_id="qm-2"))
    path = tmp_path / "config.json"
    path.write_text(json.dumps({"version": 1, "mixers": None, "controllers": {"con1": {}}}))
    assert qmm.open_qm_from_file(path).id == "qm-2"
    assert unpack_plain(connection.bodies[-1][0]) == {"version": 1, "controllers": {"con1": {}}}


def test_open_qm_takes_the_platforms_other_arguments(
    connection: FakeConnection, qmm: QuantumMachinesManager, caplog: pytest.LogCaptureFixture
) -> None:
    """Octave switches and keep_dc_offsets_when_closing mean nothing here; unknown ones are warned about."""
    connection.on(requests.OpenQm, requests.OpenedQm(qm_id="qm-2"))
    qmm.open_qm(
        opx_readout_pair(),
        validate_with_protobuf=True,
        use_calibration_data=False,
        keep_dc_offsets_when_closing=True,
    )
    assert not caplog.text
    with caplog.at_level(logging.WARNING, "quaymaster"):
        qmm.open_qm(opx_readout_pair(), nonsense=1)
    assert "nonsense" in caplog.text


def test_finding_qms(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """Both names of the listing give ids; get_qm makes an equal handle; an unknown id is named."""
    connection.on(requests.ListQms, requests.QmList(qm_ids=["qm-1", "qm-2"]))
    assert qmm.list_open_qms() == qmm.list_open_quantum_machines() == ["qm-1", "qm-2"]
    found = requests.QmInfo(qm_id="qm-1", opened_by="bob", opened_at_ms=0, controllers=["con1", "con2"], ports=[])
    connection.on(requests.GetQm, [found, found, AskedWrongly("no open qm has the id 'x'", code="unknown_qm")])
    qm = qmm.get_qm("qm-1")
    assert qm == qmm.get_qm("qm-1")
    assert qm.list_controllers() == ("con1", "con2")
    with pytest.raises(QMFailedToGetQuantumMachineError, match="'x'"):
        qmm.get_qm("x")


def test_closing_all(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """Both names do it."""
    connection.on(requests.CloseAllQms, requests.ClosedQms(qm_ids=["qm-1"]))
    qmm.close_all_qms()
    qmm.close_all_quantum_machines()
    assert connection.asked == [requests.CloseAllQms()] * 2


def test_jobs_of_the_cluster(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """By id, by filters, as records; canceling; results by job id."""
    connection.on(requests.GetJob, [job("6"), job("5", "completed"), AskedWrongly("none", code="unknown_job")])
    assert isinstance(qmm.get_job("6"), QmPendingJob)
    assert isinstance(qmm.get_job("5"), QmJob)
    with pytest.raises(JobNotFoundError):
        qmm.get_job("4")
    with pytest.raises(ValueError, match="empty"):
        qmm.get_job("")
    connection.on(requests.GetJobs, jobs(job("6"), job("5", "completed")))
    assert [handle.id for handle in qmm.get_jobs(qm_ids="qm-1", job_ids=["5", "6"], status="Done")] == ["6", "5"]
    assert connection.asked[-1] == requests.GetJobs(
        qm_ids=["qm-1"], job_ids=["5", "6"], states=["completed"], limit=limits.LIST_ITEMS
    )
    assert [info.job_id for info in qmm.get_job_infos(user_ids=["bob"], states=["pending"], limit=5)] == ["6", "5"]
    assert connection.asked[-1] == requests.GetJobs(user_ids=["bob"], states=["pending"], limit=5)
    connection.on(requests.CancelJob, requests.JobCanceled(canceled=True, state="canceled"))
    assert qmm.cancel_job("6") is True
    streams = [StreamState(schema=StreamSchema(name="I", dtype="<f8"))]
    connection.on(requests.GetResultsState, requests.ResultsState(job_id="5", state="completed", streams=streams))
    assert list(qmm.get_job_result_handles("5").keys()) == ["I"]


def test_results_can_be_cleared(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """All finished jobs' results, in one request."""
    connection.on(requests.ClearResults, requests.Cleared(job_ids=["1"]))
    qmm.clear_all_job_results()
    assert connection.asked == [requests.ClearResults()]


def status(*controllers: ControllerInfo) -> requests.ClusterStatus:
    return requests.ClusterStatus(
        version="9.9", controllers=list(controllers), ports=[], qms=[], threads_used=[], jobs={}, revision=1
    )


def test_the_health_check(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """True when all controllers are there; else an error that names the missing ones, or False if not strict."""
    here = ControllerInfo(name="con1", type="opx+")
    gone = ControllerInfo(name="con2", type="opx+", connected=False)
    connection.on(requests.GetStatus, [status(here), status(here, gone)])
    assert qmm.perform_healthcheck() is True
    with pytest.raises(QMHealthCheckError, match="con2"):
        qmm.perform_healthcheck()
    assert qmm.perform_healthcheck(strict=False) is False
    assert [info.name for info in qmm.get_controllers()] == ["con1", "con2"]


def test_versions_and_names(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """Client and server versions, cluster name, user, and a repr that asks nobody."""
    import quaymaster

    assert qmm.version() == {"client": quaymaster.__version__, "server": "9.9"}
    assert qmm.version_dict()["QOP"] == "9.9"
    assert qmm.cluster_name == "any"
    assert qmm.user == "alice"
    assert repr(qmm) == "<QuantumMachinesManager fake:1 as alice>"
    assert connection.asked == []


def test_validating_a_config_needs_no_cluster(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """A good config passes, a bad one is ConfigValidationException with its path; nobody is asked."""
    qmm.validate_qua_config(opx_readout_pair())
    bad: dict[str, Any] = opx_readout_pair()
    bad["elements"]["q"]["operations"]["pulse"] = "missing"
    with pytest.raises(ConfigValidationException, match=r"elements\.q"):
        qmm.validate_qua_config(bad)
    assert connection.asked == []


def test_what_comes_later_is_refused_by_name(connection: FakeConnection, qmm: QuantumMachinesManager) -> None:
    """reset_data_processing raises `not_yet`."""
    with pytest.raises(AskedWrongly) as caught:
        qmm.reset_data_processing()
    assert caught.value.code == "not_yet"


def test_leaving_closes(connection: FakeConnection) -> None:
    """As a context manager, and by close, which may come twice."""
    with QuantumMachinesManager(user="alice") as qmm:
        assert not connection.closed
    assert connection.closed
    qmm.close()
    assert repr(qmm).endswith("closed>")
