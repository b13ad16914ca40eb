"""`quaymaster queue`: list the queues, cancel jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table

from .._core.errors import AskedWrongly, QuaymasterError
from .._core.wire.requests import JobInfo
from ..client import QuantumMachinesManager
from .json_output import json_of

LIVE_STATES = ["pending", "loading", "running", "processing"]


def live_jobs(qmm: QuantumMachinesManager, **filters: Any) -> list[JobInfo]:
    """Jobs that have not ended: by qm, what runs first, then by position."""
    return sorted(qmm.get_job_infos(states=LIVE_STATES, **filters), key=lambda job: (job.qm_id, job.position))


def list_jobs(host: str | None, port: int | None, as_json: bool, qm: str | None, user: str | None) -> None:
    """Print the live jobs: those that run first, then by position in their queues."""
    with QuantumMachinesManager(host, port) as qmm:
        jobs = live_jobs(qmm, qm_ids=[qm] if qm else [], user_ids=[user] if user else [])
    if as_json:
        print(json_of(jobs))
        return
    if not jobs:
        print("no job is pending or running")
        return
    table = Table("qm", "position", "job", "user", "state", "added", "note")
    for job in jobs:
        added = datetime.fromtimestamp(job.added_at_ms / 1000).strftime("%H:%M:%S")
        position = str(job.position) if job.position > 0 else "-"
        state = f"{job.state}, paused" if job.paused else job.state
        table.add_row(job.qm_id, position, job.job_id, job.user, state, added, job.note)
    Console().print(table)


def cancel_jobs(host: str | None, port: int | None, job_ids: list[str]) -> None:
    """Cancel each job; goes on after one that can't be, and fails at the end if any could not."""
    failed = []
    with QuantumMachinesManager(host, port) as qmm:
        for job_id in job_ids:
            try:
                canceled = qmm.cancel_job(job_id)
            except QuaymasterError as error:
                print(f"{job_id}: {error.message}")
                failed.append(job_id)
            else:
                print(f"{job_id}: canceled" if canceled else f"{job_id}: had ended before")
    if failed:
        raise AskedWrongly(f"could not cancel {', '.join(failed)}", code="not_canceled", hint="quaymaster queue list")
