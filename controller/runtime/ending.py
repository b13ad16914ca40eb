"""How a run ends, be it a job's or a simulation's: its results go on disk, its last word is said."""

from __future__ import annotations

import logging
from typing import Literal

from ..._core.errors import Taken
from ..._core.wire import Fault, fault_of
from ..._core.wire.reports import Status
from ..._core.wire.requests import ReportLine
from ..results import JobResults, ResultShelf

log = logging.getLogger(__name__)
End = Literal["completed", "error", "canceled"]


def unwritable(trouble: OSError) -> Taken:
    """The error of a job whose results cannot be kept."""
    return Taken(
        f"the results could not be written: {trouble}",
        code="results_unwritable",
        hint="make room on the controller's disk, or repair it",
    )


def close_results(
    job_id: str, results: JobResults | None, shelf: ResultShelf, state: End, error: Fault | None
) -> tuple[End, Fault | None]:
    """Put the results on disk; a job whose results cannot be kept has not completed."""
    if results is None:
        return state, error
    try:
        results.finish(state)
    except OSError as trouble:
        log.error("the results of job %s could not be written: %s", job_id, trouble)
        state, error = "error", error or fault_of(unwritable(trouble))
    shelf.end(job_id)
    return state, error


def last_word(
    job_id: str,
    attempt: int,
    state: End,
    error: Fault | None,
    results: JobResults | None,
    lines: list[ReportLine],
    counts: dict[str, int],
    io: list[int],
) -> Status:
    """The final report of a run."""
    return Status(
        job_id=job_id,
        attempt=attempt,
        state=state,
        error=error,
        lines=lines,
        counts=counts,
        streams=results.states() if results is not None else [],
        dataloss=results is not None and results.dataloss,
        io=io,
    )
