"""The difference report of a job: where what it computed may differ from what the instrument would have done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from .._core.errors import Taken
from .._core.program.differences import DIFFERENCES
from .._core.wire import FINAL_STATES, requests


@dataclass(frozen=True)
class ReportedDifference:
    """One difference: a stable id, a sentence, and the page that has the details."""

    id: str
    sentence: str
    documented: str

    def __str__(self) -> str:
        return f"{self.id}: {self.sentence} ({self.documented})"


class DifferenceReport:
    """The differences that a job's program may meet, in the order of docs/differences.md.

    It comes from the controller that ran the job. A job that ended before it ran has none. Raises Taken (`too_early`)
    while the job has not ended.
    """

    def __init__(self, report: requests.ExecutionReport) -> None:
        if report.state not in FINAL_STATES:
            raise Taken(
                f"job {report.job_id} is {report.state}: its difference report comes with its end",
                code="too_early",
                hint="wait for its results first: job.result_handles.wait_for_all_values()",
            )
        self.job_id = report.job_id
        lines = [line.message for line in report.entries if line.severity == "difference"]
        self.differences = tuple(_reported(id) for line in lines for id in line.split())

    @property
    def ids(self) -> tuple[str, ...]:
        """The ids alone."""
        return tuple(difference.id for difference in self.differences)

    def __iter__(self) -> Iterator[ReportedDifference]:
        return iter(self.differences)

    def __len__(self) -> int:
        return len(self.differences)

    def __contains__(self, id: object) -> bool:
        return id in self.ids

    def __repr__(self) -> str:
        if not self.differences:
            return f"Difference report for job {self.job_id}: it did not run"
        lines = [f"Difference report for job {self.job_id}", *map(str, self.differences)]
        return "\n  ".join(lines)


def _reported(id: str) -> ReportedDifference:
    """The row of an id; of one that a newer controller knows, the id."""
    row = DIFFERENCES.get(id)
    if row is None:
        return ReportedDifference(id, "This version of the client has no words for it.", "docs/differences.md")
    return ReportedDifference(id, row.sentence, row.documented)
