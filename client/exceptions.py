"""The platform's exceptions, by its names, and the one place where errors of the wire become them.

Each is a `QuaymasterError` with `code`, `message`, `hint` and `details`, and, when it came over the wire, also an
instance of its family (`AskedWrongly`, `Taken`, `OurBug`). Where scripts look at the text of an error, the words that
the platform uses are part of the message. Names and bases: the platform's client library, and its queue page.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from .._core.errors import AskedWrongly, OurBug, QuaymasterError, Taken

_FAMILIES: Final = (AskedWrongly, Taken, OurBug)


class QmQuaException(QuaymasterError):
    """Base of the platform's exceptions."""

    def __reduce__(self) -> tuple[Any, ...]:
        """So that an exception survives the way out of a worker process."""
        known = next(kind for kind in type(self).__mro__ if globals().get(kind.__name__) is kind)
        families = [kind for kind in _FAMILIES if isinstance(self, kind)]
        return _revived, (known, families, self.message, self.code, self.hint, self.details)


class QmmException(QmQuaException):
    """Something about the manager."""


class QMConnectionError(QmQuaException, ConnectionError):
    """No broker can be reached."""

    family = "taken"
    default_code = "unreachable"


class QMTimeoutError(QmQuaException, TimeoutError):
    """It took longer than it may; `timeout_unknown` says that whether it was done is unknown."""

    family = "taken"
    default_code = "timeout"


class QMHealthCheckError(QmQuaException):
    """The cluster is not as it should be."""

    family = "taken"
    default_code = "unhealthy"


class ConfigValidationException(QmQuaException):
    """A config is not one."""


class OpenQmException(QmQuaException):
    """A qm could not be opened: its config is wrong, or a port is held by another qm."""

    @property
    def config_validation_formatted_errors(self) -> list[str]:
        """What is wrong with the config itself, a line each."""
        return [_issue_line(issue, "CONFIG ERROR") for issue in self._issues() if issue.get("level") == "config"]

    @property
    def physical_validation_formatted_errors(self) -> list[str]:
        """What no hardware can do, or a port that another qm holds, a line each."""
        issues = [issue for issue in self._issues() if issue.get("level") != "config"]
        return [_issue_line(issue, "PHYSICAL CONFIG ERROR") for issue in issues]

    def _issues(self) -> list[dict[str, Any]]:
        found = [*self.details.get("issues", []), *self.details.get("conflicts", [])]
        return [issue for issue in found if isinstance(issue, dict)]


def _issue_line(issue: Mapping[str, Any], kind: str) -> str:
    return f'{kind} in key "{issue.get("path")}" [{issue.get("group")}] : {issue.get("message")}'


class QMFailedToGetQuantumMachineError(QmQuaException):
    """There is no open qm of that id."""


class QmFailedToCloseQuantumMachineError(QmQuaException):
    """A qm could not be closed."""


class QMFailedToCloseAllQuantumMachinesError(QmFailedToCloseQuantumMachineError):
    """The qms could not be closed."""


class InvalidConfigError(QmQuaException):
    """The config of a qm has no such element, port or mixer."""

    family = "asked_wrongly"
    default_code = "unknown_element"


class QmValueError(QmQuaException, ValueError):
    """A value is none that this can take."""

    family = "asked_wrongly"
    default_code = "bad_value"


class CompilationException(QmQuaException):
    """A program did not compile; nothing was queued."""


class FailedToAddJobToQueueException(QmQuaException):
    """A program was not queued, e.g. because it does not compile."""


class FailedToExecuteJobException(QmQuaException):
    """A program was not executed, e.g. because it does not compile."""


class QMSimulationError(FailedToExecuteJobException):
    """A simulation failed, e.g. because its program does not compile; or it is not done yet."""


class JobNotFoundError(QmQuaException):
    """There is no such job, or it is not pending."""

    family = "asked_wrongly"
    default_code = "unknown_job"


class PositionError(JobNotFoundError, IndexError, ValueError):
    """There is no such position in the queue; positions count from 1."""

    default_code = "bad_position"


class JobCancelledError(QmQuaException):
    """The job was canceled, so it will never run."""

    family = "taken"
    default_code = "job_canceled"


class JobFailedError(QmQuaException):
    """The job ended with an error."""


class ErrorJobStateError(JobFailedError):
    """The job ended with an error; `code` and `details` are those of its error."""

    default_code = "job_error"


class UnknownJobStateError(QmQuaException):
    """How the job ended is unknown."""

    default_code = "job_lost"


class InvalidJobExecutionStatusError(QmQuaException):
    """The job is not in a state in which this can be done: it does not run."""

    family = "asked_wrongly"
    default_code = "job_not_running"


class UnknownInputStreamError(QmQuaException):
    """The program has no input stream of that name."""

    family = "asked_wrongly"
    default_code = "no_such_input_stream"


class AnotherJobIsRunning(QmQuaException):
    """A job is running on the qm."""


class DataFetchingError(QmQuaException):
    """Results could not be fetched."""


class StreamProcessingDataLossError(QmQuaException):
    """A job saved more than could be kept; what is there has gaps."""

    family = "taken"
    default_code = "data_loss"


class QmNoResultsError(QmQuaException):
    """The results of the job are gone."""


JobNotFoundException = JobNotFoundError

_BY_CODE_FIRST: Final[Mapping[str, type[QmQuaException]]] = {
    "unreachable": QMConnectionError,
    "wrong_version": QMConnectionError,
    "timeout": QMTimeoutError,
    "timeout_unknown": QMTimeoutError,
}
_BY_METHOD: Final[Mapping[str, type[QmQuaException]]] = {
    "open_qm": OpenQmException,
    "add_job": FailedToAddJobToQueueException,
    "execute": FailedToExecuteJobException,
    "compile": CompilationException,
    "close_all_qms": QMFailedToCloseAllQuantumMachinesError,
}
_BY_CODE: Final[Mapping[str, type[QmQuaException]]] = {
    "unknown_job": JobNotFoundError,
    "bad_position": PositionError,
    "unknown_qm": QMFailedToGetQuantumMachineError,
    "bad_change": InvalidConfigError,
    "unknown_element": InvalidConfigError,
    "config_error": ConfigValidationException,
    "unknown_stream": DataFetchingError,
    "results_cleared": QmNoResultsError,
    "job_not_running": InvalidJobExecutionStatusError,
    "no_such_input_stream": UnknownInputStreamError,
    "input_type": QmValueError,
    "input_size": QmValueError,
    "no_such_element": QmValueError,
    "no_such_input": QmValueError,
    "bad_setting": QmValueError,
    "simulation_too_long": QMSimulationError,
    "bad_simulation": QMSimulationError,
}
_TEXT_BEFORE: Final[Mapping[type[QmQuaException], str]] = {
    OpenQmException: "Can not open QM, see the following errors:\n",
}


def platform_error(error: QuaymasterError, method: str = "") -> QuaymasterError:
    """The platform's exception for an error that a request of this method met; one that has no name there stays."""
    kind = _BY_CODE_FIRST.get(error.code) or _BY_METHOD.get(method) or _BY_CODE.get(error.code)
    if kind is None or isinstance(error, QmQuaException):
        return error
    message = _TEXT_BEFORE.get(kind, "") + error.message
    return _of_family(kind, type(error))(message, code=error.code, hint=error.hint, details=error.details)


def _revived(
    kind: type[QmQuaException],
    families: list[type[QuaymasterError]],
    message: str,
    code: str,
    hint: str,
    details: dict[str, Any],
) -> QmQuaException:
    whole = _of_family(kind, families[0]) if families else kind
    return whole(message, code=code, hint=hint, details=details)


_OF_FAMILY: Final[dict[tuple[object, object], type[QmQuaException]]] = {}


def _of_family(kind: type[QmQuaException], family: type[QuaymasterError]) -> type[QmQuaException]:
    """A class that is both, and carries the platform's name; made once."""
    known = _OF_FAMILY.get((kind, family))
    if known is not None:
        return known
    names: dict[str, Any] = {"__module__": kind.__module__, "__doc__": kind.__doc__, "__qualname__": kind.__qualname__}
    names["family"] = family.family
    return _OF_FAMILY.setdefault((kind, family), type(kind.__name__, (kind, family), names))
