"""Jobs as users hold them: `QmPendingJob` while one waits in a queue, `QmJob` once it was put on its controllers.

Both are handles: the state is asked for each time, until it is final. Members and words: the platform's queue page.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NoReturn

from .._core.errors import AskedWrongly, QuaymasterError, not_yet
from .._core.wire import FINAL_STATES, JobInfo, JobState, exception_of, parcels, requests
from .._core.wire.records import ElementValues
from .connection import FOREVER_S, Asker, WaitedLongEnough, timed_out
from .difference_report import DifferenceReport
from .exceptions import ErrorJobStateError, JobCancelledError, QmValueError, UnknownJobStateError
from .machine_numbers import entry_of, io_value, machine_number
from .machine_values import element_name, offset_pairs
from .plain import plain_number
from .report import ExecutionError, ExecutionReport

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
    "finished": (),
    "canceled": (),
    "error": (),
}
"""The live states in which a wait for a state is over; it is over in every final state too."""


class QmBaseJob:
    """What pending and started jobs share."""

    _kind = "job"

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
    def is_simulation(self) -> bool:
        """Whether it is a simulation, which has no qm."""
        return False

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
        TimeoutError) after ``timeout`` seconds; with zero or less it is looked at once. Source: the platform's
        JobApi.wait_until.
        """
        words = {word.lower() for word in ([status] if isinstance(status, str) else status)}
        if unknown := sorted(words - _STATES_BEYOND.keys()):
            hint = f"use one of {', '.join(sorted(_STATES_BEYOND))}"
            raise AskedWrongly(f"no job has a state {unknown[0]!r}", code="bad_value", hint=hint)
        reached = sorted({state for word in words for state in _STATES_BEYOND[word]})
        try:
            asked = requests.WaitJob(job_id=self._id, until=reached)
            info = self._connection.ask(asked, wait_s=timeout).result if timeout > 0 else self.info
            if info.state not in (*reached, *FINAL_STATES):
                raise WaitedLongEnough
        except WaitedLongEnough:
            raise timed_out(
                f"{self._kind} {self._id} did not come to {status!r} in time ({timeout:g} s)",
                hint="it goes on; wait again",
            ) from None
        self._info = info
        if not words & {info.state, STATUS_OF_STATE[info.state]}:
            self._raise_if_failed(info)
        return True

    def _raise_if_failed(self, info: JobInfo) -> None:
        """Raise what the job's final state means, unless it is completed."""
        raise_if_failed(info)

    def _not_in_time(self, timeout: float) -> QuaymasterError:
        words = f"job {self._id} was not started in time ({timeout:g} s)"
        with contextlib.suppress(QuaymasterError, WaitedLongEnough):
            asked = self._connection.ask(requests.Why(job_id=self._id), wait_s=2.0)
            words = f"{words}: {asked.result.text}"
        return timed_out(words, hint="it stays in the queue; wait again, or cancel it")

    def cancel(self) -> bool:
        """Cancel the job, pending or started. False where it had ended before."""
        return self._connection.ask(requests.CancelJob(job_id=self._id)).result.canceled

    def push_to_input_stream(self, name: str, data: Any) -> None:
        """One entry for an input stream of the running program: a value, or a list as long as the stream is.

        The Python type must be that of the QUA type: int for int, float for fixed, bool for bool. Returns when the job
        has it. Raises QmValueError, UnknownInputStreamError, InvalidJobExecutionStatusError (the job does not run).
        """
        self._tell(parcels.Push(entry=entry_of(name, data)))

    def insert_input_stream(self, name: str, data: Any) -> None:
        """The older name of `push_to_input_stream`."""
        self.push_to_input_stream(name, data)

    def _tell(self, parcel: parcels.ToJob) -> None:
        self._connection.ask(requests.TellJob(job_id=self._id, parcel=parcel))

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
        if not name.startswith("_") and (name in vars(QmJob) or name in _OF_A_RUNNING_JOB):
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
        """Whether the job is in a `pause()` of its program; all that it saved before can be fetched then."""
        return self.info.paused

    def resume(self) -> bool:
        """Let the program go on from its `pause()`. False where the job is not paused, or has ended: nothing is done.

        (The platform says True in every case.)
        """
        try:
            self._tell(parcels.Resume())
        except QuaymasterError as error:
            if error.code in ("not_paused", "job_not_running"):
                return False
            raise
        return True

    def trigger(self, name: str = "") -> None:
        """An edge of an external trigger, for `wait_for_trigger`. The twin's own: an instrument has a socket for it."""
        self._tell(parcels.Trigger(name=name))

    # -- IO registers, as this job has them (the platform's JobApi) ----------------------------------------------------

    def set_io_values(self, io1: Any = None, io2: Any = None) -> None:
        """Set one or both registers of the running job: int becomes int, float fixed, bool bool."""
        if io1 is None and io2 is None:
            return
        raws = [None if io is None else machine_number(io, f"the value of IO{n}")[1] for n, io in ((1, io1), (2, io2))]
        self._connection.ask(requests.SetIo(job_id=self._id, io1=raws[0], io2=raws[1]))

    def set_io1_value(self, value: Any) -> None:
        """Set IO1 of the running job."""
        self.set_io_values(io1=value)

    def set_io2_value(self, value: Any) -> None:
        """Set IO2 of the running job."""
        self.set_io_values(io2=value)

    def get_io_values(self, *, io1_type: type | None = None, io2_type: type | None = None) -> tuple[Any, Any]:
        """Both registers of the running job, each as the type that is given (int, float or fixed, bool), else as all
        three: `int_value`, `double_value`, `boolean_value`."""
        values = self._connection.ask(requests.GetIo(job_id=self._id)).result
        return _read_as(values.io1, io1_type), _read_as(values.io2, io2_type)

    def get_io1_value(self, as_type: type | None = None) -> Any:
        """IO1 of the running job."""
        return self.get_io_values(io1_type=as_type)[0]

    def get_io2_value(self, as_type: type | None = None) -> Any:
        """IO2 of the running job."""
        return self.get_io_values(io2_type=as_type)[1]

    # -- what elements are set to, for this job alone (the platform's JobApi) ------------------------------------------

    def set_intermediate_frequency(self, element: str, freq: float) -> None:
        """Let an element of the running job have another intermediate frequency, in Hz, from the next thing on that it
        does. The phase is that of `update_frequency`. Returns when the job has it."""
        hertz = float(plain_number(freq, "freq"))
        self._tell(parcels.SetFrequency(element=element_name(element), frequency_hz=hertz))

    def get_intermediate_frequency(self, element: str) -> float:
        """The intermediate frequency of an element of the running job, in Hz: what was set last, here or by the
        program."""
        return self._element(element).frequency_hz

    def set_element_correction(self, element: str, correction: Sequence[float]) -> None:
        """Let an element of the running job have another correction (c00, c01, c10, c11) of its mixer, from the next
        thing on that it does. Values are rounded to 2⁻¹⁶."""
        values = [float(plain_number(value, "correction")) for value in correction]
        if len(values) != 4:
            raise QmValueError(f"a correction has 4 values, not {len(values)}")
        self._tell(parcels.SetCorrection(element=element_name(element), values=values))

    def get_element_correction(self, element: str) -> tuple[float, float, float, float]:
        """The correction of the mixer of an element of the running job."""
        c00, c01, c10, c11 = self._element(element).correction
        return c00, c01, c10, c11

    def set_output_dc_offset_by_element(
        self, element: str, input: str | Sequence[str], offset: float | Sequence[float]
    ) -> None:
        """Let the port of an input of an element ("single", "I", "Q", or as the config names it), or of several, have
        another offset, in V, from the next thing on that the element does. When the job ends it is the qm's again.
        Where one of several cannot be, none is set."""
        if pairs := offset_pairs(input, offset):
            self._tell(parcels.SetOffsets(element=element_name(element), offsets=pairs))

    def get_output_dc_offset_by_element(self, element: str, iq_input: str | None = None) -> float:
        """The offset of the port of an input of an element of the running job, in V."""
        offsets = self._element(element).offsets
        name = "single" if iq_input is None else iq_input
        if name not in offsets:
            has = ", ".join(offsets) or "none"
            raise QmValueError(f"element {element!r} has no input {name!r} with an offset; it has: {has}")
        return offsets[name]

    def _element(self, element: str) -> ElementValues:
        asked = requests.GetElement(job_id=self._id, element=element_name(element))
        return self._connection.ask(asked).result

    def execution_report(self) -> ExecutionReport:
        """Warnings, errors and remarks from the job's run."""
        return ExecutionReport(self._connection.ask(requests.GetReport(job_id=self._id)).result)

    def get_errors(self) -> list[ExecutionError]:
        """The errors and warnings of `execution_report()`."""
        return self.execution_report().errors()

    def difference_report(self) -> DifferenceReport:
        """Where what the job computed may differ from what the instrument would have done.

        Raises Taken (`too_early`) while the job has not ended.
        """
        return DifferenceReport(self._connection.ask(requests.GetReport(job_id=self._id)).result)

    def __getattr__(self, name: str) -> Any:
        if name in _OF_A_RUNNING_JOB:
            return _refusing(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")


RunningQmJob = QmJob

_OF_A_RUNNING_JOB = frozenset(
    {
        "set_input_dc_offset_by_element",
        "get_input_dc_offset_by_element",
        "set_output_digital_delay",
        "get_output_digital_delay",
        "set_output_digital_buffer",
        "get_output_digital_buffer",
        "update_oscillator_frequency",
        "set_converter_frequency",
    }
)
"""What the platform's JobApi can change while a job runs, and comes later here; a qm's setters change it for later
jobs."""


def _refusing(name: str) -> Callable[..., NoReturn]:
    def refuse(*args: Any, **kwargs: Any) -> NoReturn:
        raise not_yet(f"{name} of a running job")

    return refuse


def _read_as(raw: int, kind: type | None) -> Any:
    """A register as a type of Python or QUA."""
    value = io_value(raw)
    if kind is None:
        return value
    if kind is bool:
        return value.boolean_value
    return value.int_value if kind is int else value.double_value


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
