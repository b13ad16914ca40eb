"""`qm.queue`: the pending jobs of one qm, for all its users. Positions count from 1 (the platform's queue page)."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Mapping
from typing import Any

from .._core.errors import AskedWrongly
from .._core.wire import JobInfo, limits, requests
from .connection import Asker
from .exceptions import JobNotFoundError, PositionError, QmValueError
from .jobs import QmPendingJob
from .programs import ProgramLike, job_options, overrides_of, send_program


class QmQueue:
    """Add, look at and remove pending jobs. Any user may remove any job."""

    def __init__(self, connection: Asker, qm_id: str) -> None:
        self._connection = connection
        self._qm_id = qm_id

    # -- adding ----------------------------------------------------------------------------------------------------

    def add(
        self,
        program: ProgramLike,
        compiler_options: Any = None,
        *,
        seed: int | None = None,
        numerics: str = "linear",
        latency: str | None = None,
        note: str = "",
    ) -> QmPendingJob:
        """Queue a program at the end; it is compiled first.

        Raises FailedToAddJobToQueueException, e.g. where it does not compile; then nothing was queued.
        """
        return self._add(program, False, compiler_options, seed, numerics, latency, note)

    def add_to_start(
        self,
        program: ProgramLike,
        compiler_options: Any = None,
        *,
        seed: int | None = None,
        numerics: str = "linear",
        latency: str | None = None,
        note: str = "",
    ) -> QmPendingJob:
        """Queue a program before all others that are pending."""
        return self._add(program, True, compiler_options, seed, numerics, latency, note)

    def _add(
        self,
        program: ProgramLike,
        to_start: bool,
        compiler_options: Any,
        seed: int | None,
        numerics: str,
        latency: str | None,
        note: str,
    ) -> QmPendingJob:
        options = job_options(self._connection, compiler_options, seed=seed, numerics=numerics, latency=latency)

        def asking(digest: str) -> requests.AddJob:
            return requests.AddJob(
                qm_id=self._qm_id, digest=digest, to_start=to_start, options=options, note=checked_note(note)
            )

        added = send_program(self._connection, program, asking).result
        return QmPendingJob(self._connection, added.job_id, self._qm_id)

    def add_compiled(
        self, program_id: str, overrides: Mapping[str, Any] | None = None, *, note: str = ""
    ) -> QmPendingJob:
        """Queue a program that `qm.compile` has named, at the end.

        `overrides` are `{"waveforms": {name: number or samples}}`: this job alone plays these waveforms so.
        """
        arguments = requests.AddJob(
            qm_id=self._qm_id, program_id=program_id, overrides=overrides_of(overrides), note=checked_note(note)
        )
        return QmPendingJob(self._connection, self._connection.ask(arguments).result.job_id, self._qm_id)

    # -- looking ---------------------------------------------------------------------------------------------------

    @property
    def count(self) -> int:
        """How many jobs are pending."""
        return self._connection.ask(requests.GetQm(qm_id=self._qm_id)).result.pending_jobs

    def __len__(self) -> int:
        return self.count

    def __bool__(self) -> bool:
        return True  # a queue is one, also when nothing waits in it

    @property
    def pending_jobs(self) -> tuple[QmPendingJob, ...]:
        """All pending jobs, in the order in which they will run."""
        return self._handles(self._pending(limit=limits.LIST_ITEMS))

    def __iter__(self) -> Iterator[QmPendingJob]:
        return iter(self.pending_jobs)

    def get(self, job_id: str) -> QmPendingJob:
        """The pending job of that id. Raises JobNotFoundError, also for one that is not pending any more."""
        found = self._pending(job_ids=[checked_id(job_id)]).jobs
        if not found:
            raise JobNotFoundError(
                f"no pending job of {self._qm_id} has the id {job_id!r}",
                hint="it may have started, ended or been removed; qm.get_job(id) finds any job",
            )
        return self._handle(found[0])

    def get_at(self, position: int) -> QmPendingJob:
        """The pending job at a position, counted from 1. Raises PositionError (an IndexError and JobNotFoundError)."""
        wanted = as_position(position)
        reach = min(max(wanted, 1), limits.LIST_ITEMS)
        found = self._pending(limit=reach)
        if not 1 <= wanted <= len(found.jobs):
            raise _no_position(wanted, found.total)
        return self._handle(found.jobs[wanted - 1])

    def __getitem__(self, position: int) -> QmPendingJob:
        return self.get_at(position)

    def get_by_user_id(self, user_id: str) -> tuple[QmPendingJob, ...]:
        """All pending jobs that a user has added, in the order in which they will run."""
        return self._handles(self._pending(user_ids=[str(user_id)], limit=limits.LIST_ITEMS))

    def _pending(self, **filters: Any) -> requests.JobList:
        return self._connection.ask(requests.GetJobs(qm_ids=[self._qm_id], states=["pending"], **filters)).result

    def _handles(self, found: requests.JobList) -> tuple[QmPendingJob, ...]:
        return tuple(self._handle(info) for info in found.jobs)

    def _handle(self, info: JobInfo) -> QmPendingJob:
        return QmPendingJob(self._connection, info.job_id, self._qm_id, info)

    # -- removing --------------------------------------------------------------------------------------------------

    def remove_by_id(self, job_id: str) -> int:
        """Cancel the pending job of that id; returns 1. Raises JobNotFoundError, and ValueError for an empty id."""
        return self._remove(job_ids=[checked_id(job_id)])

    def remove_by_position(self, position: int, expected_job_id: str | None = None) -> int:
        """Cancel the pending job at a position, counted from 1; returns 1.

        The queue may move meanwhile: with `expected_job_id` only that job is removed, or none (`job_moved`). Raises
        PositionError: an IndexError, a ValueError and a JobNotFoundError in one.
        """
        wanted = as_position(position)
        if wanted < 1:
            raise _no_position(wanted, self.count)
        return self._remove(position=wanted, expected_job_id=expected_job_id or "")

    def remove_by_user_id(self, user_id: str) -> int:
        """Cancel all pending jobs that a user has added; returns how many."""
        return self._remove(user_ids=[str(user_id)])

    def clear(self) -> int:
        """Cancel all pending jobs, of all users; returns how many."""
        return self._remove(all=True)

    def _remove(self, **which: Any) -> int:
        return len(self._connection.ask(requests.RemoveJobs(qm_id=self._qm_id, **which)).result.job_ids)

    def __repr__(self) -> str:
        return f"<QmQueue of {self._qm_id}>"


def as_position(position: int) -> int:
    """A position as an integer. Raises TypeError for anything else, slices too."""
    try:
        return operator.index(position)
    except TypeError:
        raise TypeError(
            f"a position in the queue is an integer from 1 on, not {position!r:.50}; "
            "for more than one job use pending_jobs"
        ) from None


def _no_position(position: int, length: int) -> PositionError:
    jobs = "1 job" if length == 1 else f"{length} jobs"
    return PositionError(
        f"position {position} is not in the queue, which holds {jobs} (positions count from 1)",
        hint="positions are 1 to len(qm.queue); they move when jobs start or are removed",
        details={"length": length},
    )


def checked_id(job_id: str) -> str:
    """A job id as the wire takes it. Raises QmValueError (a ValueError) for an empty one."""
    if job_id is None or job_id == "":
        raise QmValueError("job_id can not be empty")
    text = str(job_id)
    if len(text) > limits.NAME_CHARS:
        raise JobNotFoundError(f"no job has an id of {len(text)} letters")
    return text


def checked_note(note: str) -> str:
    """A note as the wire takes it."""
    if not isinstance(note, str):
        raise AskedWrongly(f"a note is a text, not {type(note).__name__}", code="bad_value")
    if len(note) > limits.NOTE_CHARS:
        raise AskedWrongly(
            f"the note has {len(note)} letters; the limit is {limits.NOTE_CHARS} (NOTE_CHARS)", code="too_large"
        )
    return note
