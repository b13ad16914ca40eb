"""What the table of jobs needs of a run, whether it is a job of a qm or a simulation."""

from __future__ import annotations

from typing import Protocol

from ..._core.wire import Fault, JobState
from ..._core.wire.reports import Standing


class Run(Protocol):
    """One attempt of one job. A simulation has no qm: its `qm_id` is empty."""

    job_id: str
    attempt: int
    qm_id: str
    state: JobState
    standing: Standing

    def start(self) -> bool:
        """A job that was loaded without `start` may start; True if it waits for an OS thread now."""

    def halt(self, reason: Fault | None = None) -> None:
        """End soon: `canceled`, or `error` with a reason."""
