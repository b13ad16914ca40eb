"""The execution report of a job."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .._core.wire import requests


class ExecutionErrorSeverity(Enum):
    """How bad an entry is."""

    Warn = 0
    Error = 1


@dataclass(frozen=True)
class ExecutionError:
    """One thing that went wrong, or may have."""

    error_code: int
    message: str
    severity: ExecutionErrorSeverity

    def __repr__(self) -> str:
        return f"{self.error_code}\t\t{self.severity.name}\t\t{self.message}"


class ExecutionReport:
    """What happened while a job ran.

    `errors()` are warnings and errors, as on the platform; `notes` are remarks beside them (who canceled the job, that
    a shared port's sum is not formed); `counts` say how often things happened.
    """

    def __init__(self, report: requests.ExecutionReport) -> None:
        self.job_id = report.job_id
        self.counts = dict(report.counts)
        self.notes = [line.message for line in report.entries if line.severity == "info"]
        self._errors = [
            ExecutionError(line.code, line.message, _SEVERITIES.get(line.severity, ExecutionErrorSeverity.Error))
            for line in report.entries
            if line.severity not in ("info", "difference")
        ]
        if report.error is not None:
            words = f"{report.error.message} [{report.error.code}]"
            self._errors.append(ExecutionError(0, words, ExecutionErrorSeverity.Error))

    def has_errors(self) -> bool:
        """Whether there is a warning or an error."""
        return bool(self._errors)

    def errors(self) -> list[ExecutionError]:
        """All warnings and errors."""
        return list(self._errors)

    def __repr__(self) -> str:
        lines = [f"Execution report for job {self.job_id}"]
        if self._errors:
            lines += ["Errors:", "code\t\tseverity\tmessage", *map(repr, self._errors)]
        else:
            lines.append("No errors")
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"{name}: {count}" for name, count in sorted(self.counts.items())]
        return "\n".join(lines)


_SEVERITIES = {"warn": ExecutionErrorSeverity.Warn, "error": ExecutionErrorSeverity.Error}
