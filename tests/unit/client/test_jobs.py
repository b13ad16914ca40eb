"""Job handles against a connection without sockets."""

from __future__ import annotations

import pickle
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from fake_connection import NEVER, FakeConnection, job

from quaymaster._core.errors import AskedWrongly, QuaymasterError, Taken
from quaymaster._core.wire import Fault, parcels, requests
from quaymaster._core.wire.records import ElementValues, InputEntry
from quaymaster.client.exceptions import (
    ErrorJobStateError,
    InvalidJobExecutionStatusError,
    JobCancelledError,
    JobNotFoundError,
    OpenQmException,
    QMTimeoutError,
    QmValueError,
    UnknownInputStreamError,
    UnknownJobStateError,
    platform_error,
)
from quaymaster.client.jobs import QmJob, QmPendingJob, RunningQmJob, job_of


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection()


def pending(connection: FakeConnection) -> QmPendingJob:
    return QmPendingJob(connection, "7", "qm-1")


@pytest.mark.parametrize(
    ("state", "status"),
    [
        ("pending", "pending"),
        ("loading", "loading"),
        ("running", "running"),
        ("processing", "running"),
        ("completed", "completed"),
        ("canceled", "canceled"),
        ("error", "error"),
        ("lost", "error"),
    ],
)
def test_status_in_the_platforms_words(connection: FakeConnection, state: str, status: str) -> None:
    """Each state of ours has a word of the platform's; `state` keeps ours."""
    connection.on(requests.GetJob, job(state=state))
    handle = pending(connection)
    assert (handle.status, handle.get_status(), handle.state) == (status, status, state)
    assert handle.is_running() == (state in ("running", "processing"))
    assert handle.is_finished() == (state in ("completed", "canceled", "error", "lost"))


def test_a_final_state_is_asked_for_once(connection: FakeConnection) -> None:
    """A job that has ended does not change, so nobody is asked again; one that runs is looked at each time."""
    connection.on(requests.GetJob, [job(state="running"), job(state="running"), job(state="completed")])
    handle = pending(connection)
    assert [handle.status for _ in range(5)] == ["running", "running", "completed", "completed", "completed"]
    assert len(connection.asked) == 3


def test_who_and_when(connection: FakeConnection) -> None:
    """user_added, time_added (aware, UTC) and note are looked up once."""
    connection.on(requests.GetJob, job(note="t1 scan", user="bob"))
    handle = pending(connection)
    assert handle.user_added == "bob"
    assert handle.time_added == datetime(2022, 7, 17, 11, 52, 32, 694000, UTC)
    assert handle.note == "t1 scan"
    assert handle.qm_id == "qm-1"
    assert len(connection.asked) == 1


def test_position_is_minus_one_once_not_pending(connection: FakeConnection) -> None:
    """1-based while pending, -1 afterwards."""
    connection.on(requests.GetJob, [job(position=2), job(state="loading"), job(state="completed")])
    handle = pending(connection)
    assert [handle.position_in_queue() for _ in range(4)] == [2, -1, -1, -1]


@pytest.mark.parametrize("state", ["running", "processing", "completed"])
def test_wait_for_execution_returns_the_started_job(connection: FakeConnection, state: str) -> None:
    """It parks on the broker until the job runs, and also returns for one that is completed by then."""
    connection.on(requests.WaitJob, job(state=state))
    started = pending(connection).wait_for_execution()
    assert type(started) is QmJob
    assert started.id == "7"
    assert connection.asked == [requests.WaitJob(job_id="7", until=["running", "processing"])]
    assert connection.waits == [float("inf")]


def test_wait_for_execution_raises_what_became_of_the_job(connection: FakeConnection) -> None:
    """Canceled, failed and lost jobs raise the platform's exceptions; the job's own error keeps its words and code."""
    fault = Fault(family="asked_wrongly", code="div", message="script.py:9: too slow", hint="wait", details={"at": 9})
    cases: list[tuple[Any, type[Exception], str]] = [
        (job(state="canceled"), JobCancelledError, "was cancelled"),
        (job(state="error", error=fault), ErrorJobStateError, "script.py:9: too slow"),
        (job(state="error"), ErrorJobStateError, "encountered an error"),
        (job(state="lost"), UnknownJobStateError, "unknown job state"),
    ]
    for info, kind, words in cases:
        connection.on(requests.WaitJob, info)
        with pytest.raises(kind, match=words) as caught:
            pending(connection).wait_for_execution()
        assert "job 7" in str(caught.value)
    connection.on(requests.WaitJob, cases[1][0])
    with pytest.raises(ErrorJobStateError) as failed:
        pending(connection).wait_for_execution()
    assert (failed.value.code, failed.value.details) == ("div", {"at": 9})


def test_wait_for_execution_times_out_saying_why(connection: FakeConnection) -> None:
    """A TimeoutError that says what the job waits for."""
    connection.on(requests.WaitJob, NEVER)
    connection.on(requests.Why, requests.Words(text="job 7 is next: job 6 of bob is running on qm-1"))
    with pytest.raises(TimeoutError, match="job 6 of bob is running") as caught:
        pending(connection).wait_for_execution(timeout=0.5)
    assert isinstance(caught.value, QMTimeoutError)
    assert caught.value.code == "timeout"


def test_a_timeout_of_zero_looks_once(connection: FakeConnection) -> None:
    """Zero and negative timeouts do not park."""
    connection.on(requests.GetJob, job(state="running"))
    assert pending(connection).wait_for_execution(timeout=0).id == "7"
    connection.on(requests.GetJob, job(state="pending"))
    connection.on(requests.Why, requests.Words(text="because"))
    with pytest.raises(TimeoutError, match="because"):
        pending(connection).wait_for_execution(timeout=-1)
    assert not any(isinstance(asked, requests.WaitJob) for asked in connection.asked)


def test_cancel_and_halt_say_whether_they_did(connection: FakeConnection) -> None:
    """True where the job was canceled, False where it had ended; unknown jobs raise."""
    connection.on(
        requests.CancelJob,
        [
            requests.JobCanceled(canceled=True, state="canceled"),
            requests.JobCanceled(canceled=False, state="completed"),
            AskedWrongly("there is no job '7'", code="unknown_job"),
        ],
    )
    assert pending(connection).cancel() is True
    assert QmJob(connection, "7").halt() is False
    with pytest.raises(JobNotFoundError):
        QmJob(connection, "7").cancel()


def test_why(connection: FakeConnection) -> None:
    """The broker's sentence, as it is."""
    connection.on(requests.Why, requests.Words(text="2 jobs go before it"))
    assert pending(connection).why() == "2 jobs go before it"


def test_what_comes_later_is_refused_by_name(connection: FakeConnection) -> None:
    """Parts of the platform that are not there yet raise `not_yet` and name themselves."""
    started = QmJob(connection, "7")
    calls = {
        "set_input_dc_offset_by_element": lambda: started.set_input_dc_offset_by_element("q", "out1", 0.1),
        "get_output_digital_delay": lambda: started.get_output_digital_delay("q", "marker"),
    }
    for name, call in calls.items():
        with pytest.raises(AskedWrongly, match=name) as caught:
            call()
        assert caught.value.code == "not_yet"
    assert connection.asked == []


def test_settings_of_a_running_job(connection: FakeConnection) -> None:
    """Each is one thing that the job is told; what is read is asked of the job."""
    connection.on(requests.TellJob, requests.Done())
    values = ElementValues(frequency_hz=5e7, correction=[1.0, 0.5, 0.25, 1.0], offsets={"I": 0.1, "Q": -0.2})
    connection.on(requests.GetElement, values)
    job = QmJob(connection, "7")
    job.set_intermediate_frequency("q", np.float64(5e7))
    job.set_element_correction("q", (1, 0, np.float32(0.5), 1))
    job.set_output_dc_offset_by_element("q", ("I", "Q"), (0.1, -0.2))
    told = [asked.parcel for asked in connection.asked]
    assert told == [
        parcels.SetFrequency(element="q", frequency_hz=5e7),
        parcels.SetCorrection(element="q", values=[1.0, 0.0, 0.5, 1.0]),
        parcels.SetOffsets(element="q", offsets=[("I", 0.1), ("Q", -0.2)]),
    ]
    assert job.get_intermediate_frequency("q") == 5e7
    assert job.get_element_correction("q") == (1.0, 0.5, 0.25, 1.0)
    assert job.get_output_dc_offset_by_element("q", "Q") == -0.2
    assert connection.asked[-1] == requests.GetElement(job_id="7", element="q")
    for wrong in (
        lambda: job.set_element_correction("q", (1, 0)),
        lambda: job.set_output_dc_offset_by_element("q", ("I", "Q"), 0.1),
        lambda: job.set_intermediate_frequency("q" * 5000, 1.0),
        lambda: job.get_output_dc_offset_by_element("q", "single"),
    ):
        with pytest.raises(QmValueError):
            wrong()


def test_pause_and_resume(connection: FakeConnection) -> None:
    """`is_paused` asks each time; `resume` is True where it was done, False where nothing was paused or runs."""
    connection.on(requests.GetJob, [job(state="running"), job(state="running", paused=True)])
    connection.on(
        requests.TellJob,
        [
            requests.Done(),
            AskedWrongly("job 7 is not paused", code="not_paused"),
            AskedWrongly("job 7 does not run", code="job_not_running"),
            AskedWrongly("there is no job '7'", code="unknown_job"),
        ],
    )
    started = QmJob(connection, "7")
    assert [started.is_paused(), started.is_paused()] == [False, True]
    assert [started.resume() for _ in range(3)] == [True, False, False]
    with pytest.raises(JobNotFoundError):
        started.resume()
    assert connection.asked[2] == requests.TellJob(job_id="7", parcel=parcels.Resume())


@pytest.mark.parametrize(
    ("data", "kind", "raws"),
    [
        (3, "int", [3]),
        ([1, -2], "int", [1, -2]),
        (0.5, "fixed", [1 << 27]),
        ([-8.0, 0.25], "fixed", [-(2**31), 1 << 26]),
        (True, "bool", [1]),
        ([True, False], "bool", [1, 0]),
        (np.array([1.5, 0.0]), "fixed", [3 << 27, 0]),
        (np.int64(7), "int", [7]),
    ],
)
def test_input_streams_take_the_type_of_python(connection: FakeConnection, data: Any, kind: Any, raws: Any) -> None:
    """int is int, float is fixed, bool is bool, numpy's too; a scalar is an entry of one value."""
    connection.on(requests.TellJob, requests.Done())
    QmJob(connection, "7").push_to_input_stream("x", data)
    QmJob(connection, "7").insert_input_stream("x", data)
    assert (
        connection.asked
        == [requests.TellJob(job_id="7", parcel=parcels.Push(entry=InputEntry(stream="x", type=kind, raws=raws)))] * 2
    )


@pytest.mark.parametrize(
    "data", [[1, 2.0], [True, 1], [], ["a"], None, 2**31, 8.0, 7.999999999, [0.0, -8.01], float("nan"), [[1]]]
)
def test_what_no_input_stream_takes(connection: FakeConnection, data: Any) -> None:
    """Mixed types, nothing, what is no number, numbers that do not fit: said at once, nothing is asked."""
    with pytest.raises(QuaymasterError) as caught:
        QmJob(connection, "7").push_to_input_stream("x", data)
    assert caught.value.code == "bad_value"
    with pytest.raises(QuaymasterError):
        QmJob(connection, "7").push_to_input_stream("", 1)
    assert connection.asked == []


def test_errors_of_input_streams_have_the_platforms_classes(connection: FakeConnection) -> None:
    """An unknown name, a job that does not run, a wrong size."""
    classes = {
        "no_such_input_stream": UnknownInputStreamError,
        "job_not_running": InvalidJobExecutionStatusError,
        "input_size": QmValueError,
        "input_type": QmValueError,
    }
    for code, kind in classes.items():
        connection.on(requests.TellJob, AskedWrongly("no", code=code))
        with pytest.raises(kind):
            QmJob(connection, "7").push_to_input_stream("x", 1)


def test_registers_of_a_job(connection: FakeConnection) -> None:
    """As the platform's JobApi has them: set one or both, read as a type or as all three."""
    connection.on(requests.SetIo, requests.IoValues())
    connection.on(requests.GetIo, requests.IoValues(io1=-1, io2=1 << 27))
    started = QmJob(connection, "7")
    started.set_io_values(io1=0.5, io2=True)
    started.set_io2_value(-4)
    started.set_io_values()
    assert connection.asked == [
        requests.SetIo(job_id="7", io1=1 << 27, io2=1),
        requests.SetIo(job_id="7", io2=-4),
    ]
    assert started.get_io_values(io1_type=int, io2_type=float) == (-1, 0.5)
    assert started.get_io1_value(bool) is True
    assert started.get_io2_value() == (1 << 27, 0.5, True)
    assert started.get_io2_value().double_value == 0.5


def test_a_trigger(connection: FakeConnection) -> None:
    """The twin's own."""
    connection.on(requests.TellJob, requests.Done())
    QmJob(connection, "7").trigger()
    assert connection.asked == [requests.TellJob(job_id="7", parcel=parcels.Trigger())]


def test_a_pending_job_says_where_results_are(connection: FakeConnection) -> None:
    """`result_handles` on a pending job is an AttributeError that names wait_for_execution()."""
    for name in ("result_handles", "halt", "execution_report", "set_io_values", "set_input_dc_offset_by_element"):
        with pytest.raises(AttributeError, match="wait_for_execution"):
            getattr(pending(connection), name)
    assert not hasattr(pending(connection), "nonsense")


def test_the_execution_report(connection: FakeConnection) -> None:
    """Warnings and errors are counted as errors, remarks are not; the repr holds all of them."""
    lines = [
        requests.ReportLine(code=10, severity="warn", message="overflow on con1/1"),
        requests.ReportLine(code=11, severity="error", message="index out of range"),
        requests.ReportLine(severity="info", message="the sum with job 8 is not formed"),
    ]
    connection.on(
        requests.GetReport, requests.ExecutionReport(job_id="7", state="completed", entries=lines, counts={"shots": 3})
    )
    report = QmJob(connection, "7").execution_report()
    assert report.has_errors()
    assert [(error.error_code, error.severity.name) for error in report.errors()] == [(10, "Warn"), (11, "Error")]
    assert report.notes == ["the sum with job 8 is not formed"]
    for words in ("overflow on con1/1", "index out of range", "not formed", "shots: 3"):
        assert words in repr(report)
    connection.on(requests.GetReport, requests.ExecutionReport(job_id="7", state="completed"))
    clean = QmJob(connection, "7").execution_report()
    assert not clean.has_errors()
    assert "No errors" in repr(clean)


def test_the_difference_report(connection: FakeConnection) -> None:
    """It has the rows that the controller named, with their sentences; the execution report does not count them."""
    lines = [
        requests.ReportLine(severity="difference", message="simulated_time linear_numerics from_the_future"),
        requests.ReportLine(severity="info", message="a remark"),
    ]
    connection.on(requests.GetReport, requests.ExecutionReport(job_id="7", state="completed", entries=lines))
    report = QmJob(connection, "7").difference_report()
    assert report.ids == ("simulated_time", "linear_numerics", "from_the_future")
    assert len(report) == 3 and "linear_numerics" in report and "exact_widths" not in report
    assert "floating point" in repr(report) and "arithmetic.md" in repr(report)
    assert [row.id for row in report] == list(report.ids)
    assert not QmJob(connection, "7").execution_report().has_errors()


def test_a_difference_report_needs_a_job_that_ran(connection: FakeConnection) -> None:
    """While the job runs there is none yet, and an error says so; a job that never ran has an empty one."""
    connection.on(requests.GetReport, requests.ExecutionReport(job_id="7", state="running"))
    with pytest.raises(Taken, match="comes with its end"):
        QmJob(connection, "7").difference_report()
    connection.on(requests.GetReport, requests.ExecutionReport(job_id="7", state="canceled"))
    never = QmJob(connection, "7").difference_report()
    assert len(never) == 0 and "did not run" in repr(never)


def test_handles_by_state(connection: FakeConnection) -> None:
    """A pending job is a QmPendingJob, all others are QmJob; two handles of one job are equal."""
    assert type(job_of(connection, job(state="pending"))) is QmPendingJob
    assert type(job_of(connection, job(state="error"))) is RunningQmJob
    assert job_of(connection, job()) == pending(connection)
    assert len({job_of(connection, job()), pending(connection)}) == 1


def test_reprs_ask_nobody(connection: FakeConnection) -> None:
    """Reprs say what is known: id and qm at first, who and the final state later."""
    handle = pending(connection)
    assert repr(handle) == "<QmPendingJob 7 of qm-1>"
    connection.on(requests.GetJob, job(state="completed", user="bob"))
    assert handle.status == "completed"
    assert repr(handle) == "<QmPendingJob 7 of qm-1, added by bob, completed>"
    assert repr(QmJob(connection, "8")) == "<QmJob 8>"


def test_exceptions_survive_a_process_boundary() -> None:
    """An exception that a worker process sends home keeps its class, family, code, hint and details."""
    error = platform_error(Taken("held", code="ports_taken", hint="wait", details={"a": 1}), "open_qm")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, OpenQmException)
    assert isinstance(again, Taken)
    assert (str(again), again.code, again.hint, again.details) == (str(error), "ports_taken", "wait", {"a": 1})
    plain = pickle.loads(pickle.dumps(JobCancelledError("gone", hint="h")))
    assert (type(plain), plain.code, plain.hint) == (JobCancelledError, "job_canceled", "h")


@pytest.mark.parametrize(
    ("status", "until"),
    [
        ("In queue", ["loading", "pending", "processing", "running"]),
        ("Running", ["processing", "running"]),
        ("Processing", ["processing"]),
        ("Done", []),
        (["Running", "Done"], ["processing", "running"]),
    ],
)
def test_wait_until_counts_later_states_as_reached(
    connection: FakeConnection, status: str | list[str], until: list[str]
) -> None:
    """One parked request names every live state that ends the wait; a completed job ends any."""
    connection.on(requests.WaitJob, job(state="completed"))
    assert pending(connection).wait_until(status, timeout=5) is True
    (asked,) = [seen for seen in connection.asked if isinstance(seen, requests.WaitJob)]
    assert asked.until == until


def test_wait_until_with_a_timeout_of_zero_looks_at_once(connection: FakeConnection) -> None:
    """True where the job has come so far, else a TimeoutError; nothing waits on the broker."""
    connection.on(requests.GetJob, [job(state="running"), job(state="running"), job(state="completed")])
    assert pending(connection).wait_until("Running", timeout=0) is True
    with pytest.raises(QMTimeoutError, match="did not come to 'Done' in time"):
        pending(connection).wait_until("Done", timeout=0)
    assert pending(connection).wait_until("Done", timeout=0) is True
    assert not any(isinstance(asked, requests.WaitJob) for asked in connection.asked)


def test_wait_until_raises_what_the_job_failed_with(connection: FakeConnection) -> None:
    """A canceled job raises, unless its cancelation was waited for; a wait that is over says so; a wrong word too."""
    connection.on(requests.WaitJob, [job(state="canceled"), job(state="canceled"), NEVER])
    with pytest.raises(JobCancelledError):
        pending(connection).wait_until("Done")
    assert pending(connection).wait_until("Canceled")
    with pytest.raises(QMTimeoutError, match="goes on"):
        pending(connection).wait_until("Done", timeout=0.01)
    with pytest.raises(AskedWrongly, match="no job has a state 'finnished'"):
        pending(connection).wait_until("finnished")
