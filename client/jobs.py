"""Jobs as users hold them: `QmPendingJob` while one waits in a queue, `QmJob` once it was put on its controllers.

Both are handles: the state is asked for each time, until it is final. Members and words: the platform's queue page.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from .._core.errors import AskedWrongly, QuaymasterError, not_yet
from .._core.wire import FINAL_STATES, JobInfo, JobState, exception_of, requests
from .connection import FOREVER_S, Asker, WaitedLongEnough, timed_out
from .difference_report import DifferenceReport
from .exceptions import ErrorJobStateError, JobCancelledError, UnknownJobStateError
from .report import ExecutionReport

if TYPE_CHECKING:
    from .results import ResultHandles
    from .simulated_job import SimulatedJob

STATUS_OF_STATE = {
    "pending": "pending",
    "loading": "loading",
    "running": "running",
    "processing": "running",
    "completed": "completed",
    "canceled": "canceled",
    "error": "error",
    "lost": "error",
}
"""The platform's (QOP2) word for each state; `state` has ours."""


_LIVE: tuple[JobState, ...] = ("loading", "running", "processing")
_STATES_BEYOND: Mapping[str, tuple[JobState, ...]] = {
    "in queue": ("pending", *_LIVE),
    "pending": ("pending", *_LIVE),
    "loading": _LIVE,
    "running": _LIVE[1:],
    "processing": _LIVE[2:],
    "done": (),
    "completed": (),
    "canceled": (),
    "error": (),
}
"""The live states in which a wait for a state is over; it is over in every final state too."""


class QmBaseJob:
    """What pending and started jobs share."""

    def __init__(self, connection: Asker, job_id: str, qm_id: str = "", info: JobInfo | None = None) -> None:
        self._connection = connection
        self._id = job_id
        self._qm_id = qm_id or (info.qm_id if info else "")
        self._info = info

    @property
    def id(self) -> str:
        """The job's id: a decimal number as a string."""
        return self._id

    @property
    def qm_id(self) -> str:
        """The qm that the job was added to."""
        return self._qm_id or self._known().qm_id

    @property
    def info(self) -> JobInfo:
        """All that the broker tells about the job, as of now."""
        if self._info is None or self._info.state not in FINAL_STATES:
            self._info = self._connection.ask(requests.GetJob(job_id=self._id)).result
        return self._info

    def _known(self) -> JobInfo:
        """What never changes, as known since the first look."""
        return self._info if self._info is not None else self.info

    @property
    def state(self) -> str:
        """pending, loading, running, processing, completed, error, canceled or lost."""
        return self.info.state

    @property
    def status(self) -> str:
        """The state in the platform's words: pending, loading, running, completed, canceled or error."""
        return STATUS_OF_STATE[self.info.state]

    def get_status(self) -> str:
        """Same as `status`."""
        return self.status

    def get_job_id(self) -> str:
        """Same as `id`."""
        return self._id

    def is_running(self) -> bool:
        """Whether the job runs, or is still saving."""
        return self.info.state in ("running", "processing")

    def is_finished(self) -> bool:
        """Whether the job has ended, in whatever way."""
        return self.info.state in FINAL_STATES

    @property
    def user_added(self) -> str:
        """Who added the job."""
        return self._known().user

    @property
    def time_added(self) -> datetime:
        """When the job was added, with time zone (UTC)."""
        return datetime.fromtimestamp(self._known().added_at_ms / 1000, UTC)

    @property
    def note(self) -> str:
        """The note that came with the job."""
        return self._known().note

    def position_in_queue(self) -> int:
        """The position in the queue, counted from 1; -1 once the job is not pending."""
        info = self.info
        return info.position if info.state == "pending" else -1

    def why(self) -> str:
        """Why the job is where it is, in words."""
        return self._connection.ask(requests.Why(job_id=self._id)).result.text

    def wait_for_execution(self, timeout: float = FOREVER_S) -> QmJob:
        """Wait until the job was started, and return it; at once if it has been, even if it is completed by now.

        With a timeout (s) of zero or less it is looked at once. Raises JobCancelledError, ErrorJobStateError with the
        words of the job's error, UnknownJobStateError, or QMTimeoutError (a TimeoutError) that says why it waits.
        """
        started = requests.WaitJob(job_id=self._id, until=["running", "processing"])
        try:
            info = self._connection.ask(started, wait_s=timeout).result if timeout > 0 else self.info
        except WaitedLongEnough:
            raise self._not_in_time(timeout) from None
        if info.state in ("pending", "loading"):
            raise self._not_in_time(timeout)
        self._info = info
        raise_if_failed(info)
        return QmJob(self._connection, self._id, self._qm_id, info)

    def wait_until(self, status: str | Sequence[str] = "Done", timeout: float = FOREVER_S) -> bool:
        """Wait until the job has come to one of the named states or past it, and return True.

        Names as of the platform ("In queue", "Running", "Processing", "Done", "Canceled", "Error") or ours. A later
        state counts as reached. Raises what a job failed with, unless that was waited for, and QMTimeoutError (a
        TimeoutError) after ``timeout`` seconds. Source: the platform's JobApi.wait_until.
        """
        words = {word.lower() for word in ([status] if isinstance(status, str) else status)}
        if unknown := sorted(words - _STATES_BEYOND.keys()):
            hint = f"use one of {', '.join(sorted(_STATES_BEYOND))}"
            raise AskedWrongly(f"no job has a state {unknown[0]!r}", code="bad_value", hint=hint)
        reached = sorted({state for word in words for state in _STATES_BEYOND[word]})
        try:
            asked = requests.WaitJob(job_id=self._id, until=reached)
            info = self._connection.ask(asked, wait_s=max(0.0, timeout)).result
        except WaitedLongEnough:
            raise timed_out(
                f"job {self._id} did not come to {status!r} in time ({timeout:g} s)", hint="it goes on; wait again"
            ) from None
        self._info = info
        if not words & {info.state, STATUS_OF_STATE[info.state]}:
            raise_if_failed(info)
        return True

    def _not_in_time(self, timeout: float) -> QuaymasterError:
        words = f"job {self._id} was not started in time ({timeout:g} s)"
        with contextlib.suppress(QuaymasterError, WaitedLongEnough):
            asked = self._connection.ask(requests.Why(job_id=self._id), wait_s=2.0)
            words = f"{words}: {asked.result.text}"
        return timed_out(words, hint="it stays in the queue; wait again, or cancel it")

    def cancel(self) -> bool:
        """Cancel the job, pending or started. False where it had ended before."""
        return self._connection.ask(requests.CancelJob(job_id=self._id)).result.canceled

    def push_to_input_stream(self, name: str, data: Any) -> NoReturn:
        """Comes later."""
        raise not_yet("push_to_input_stream")

    def insert_input_stream(self, name: str, data: Any) -> NoReturn:
        """Comes later."""
        raise not_yet("insert_input_stream")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QmBaseJob) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)

    def __repr__(self) -> str:
        parts = [f"{type(self).__name__} {self._id}"]
        if self._qm_id:
            parts.append(f"of {self._qm_id}")
        if self._info is not None:
            parts.append(f"added by {self._info.user}")
            if self._info.state in FINAL_STATES:
                parts.append(self._info.state)
        return f"<{', '.join(parts)}>".replace(", of", " of", 1)


class QmPendingJob(QmBaseJob):
    """A job in a queue. `wait_for_execution()` returns it as a `QmJob`, which has its results."""

    def __getattr__(self, name: str) -> Any:
        if name in ("result_handles", "halt", "is_paused", "resume", "execution_report", "difference_report"):
            raise AttributeError(f"a pending job has no {name}; take the job that wait_for_execution() returns")
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


class QmJob(QmBaseJob):
    """A job that was started."""

    @property
    def result_handles(self) -> ResultHandles:
        """The job's results by name, also while it runs."""
        from .results import ResultHandles

        return ResultHandles(self._connection, self._id)

    def halt(self) -> bool:
        """End the job now; what it saved is kept. False where it had ended before."""
        return self.cancel()

    def is_paused(self) -> bool:
        """False: `pause()` comes later, so nothing pauses a job yet."""
        return False

    def resume(self) -> NoReturn:
        """Comes later, with `pause()`."""
        raise not_yet("resume")

    def execution_report(self) -> ExecutionReport:
        """Warnings, errors and remarks from the job's run."""
        return ExecutionReport(self._connection.ask(requests.GetReport(job_id=self._id)).result)

    def difference_report(self) -> DifferenceReport:
        """Where what the job computed may differ from what the instrument would have done.

        Raises Taken (`too_early`) while the job has not ended.
        """
        return DifferenceReport(self._connection.ask(requests.GetReport(job_id=self._id)).result)

    def set_element_correction(self, element: str, correction: Any) -> NoReturn:
        """Comes later."""
        raise not_yet("set_element_correction")

    def get_element_correction(self, element: str) -> NoReturn:
        """Comes later."""
        raise not_yet("get_element_correction")


RunningQmJob = QmJob


def job_of(connection: Asker, info: JobInfo) -> QmPendingJob | QmJob | SimulatedJob:
    """The handle that goes with a job's state."""
    if info.simulated:
        from .simulated_job import SimulatedJob

        return SimulatedJob(connection, info.job_id, info=info)
    kind = QmPendingJob if info.state == "pending" else QmJob
    return kind(connection, info.job_id, info.qm_id, info)


def raise_if_failed(info: JobInfo) -> None:
    """Raise what a job's final state means, unless it is completed."""
    job = f"job {info.job_id}"
    if info.state == "canceled":
        raise JobCancelledError(f"{job} was cancelled", hint="add it again if it is still wanted")
    if info.state == "lost":
        raise UnknownJobStateError(f"{job} has unknown job state: its controller did not come back")
    if info.state == "error":
        if info.error is None:
            raise ErrorJobStateError(f"{job} encountered an error")
        error = exception_of(info.error)
        words = f"{job} encountered an error: {error.message}"
        raise ErrorJobStateError(words, code=error.code, hint=error.hint, details=error.details)
