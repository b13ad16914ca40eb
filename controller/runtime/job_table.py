"""Which attempt of which job is where: makes every command idempotent by (job, attempt).

Lives on the server's OS thread alone. Rules:

1. An attempt below the one held is refused (`stale_attempt`); a repeat of the one held starts nothing: its state is
   reported again. A newer one starts when the older has ended.
2. Halting what is not held reports `canceled` and remembers it, so that a load that comes late starts nothing.
3. What has ended is remembered with its final report, up to FINISHED_JOBS_MAX.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from ..._core.errors import AskedWrongly, Taken
from ..._core.wire import FINAL_STATES, Fault, fault_of
from ..._core.wire.commands import Load
from ..._core.wire.reports import HeldJob, Progress, Status
from .job_run import News
from .limits import FINISHED_JOBS_MAX, JOBS_MAX
from .runs import Run


@dataclass(slots=True)
class Entry:
    """One job: its newest attempt here."""

    attempt: int
    run: Run | None = None
    progress: Progress | None = None  # as its run told it last
    final: Status | None = None
    seq: int = 0  # of the final report
    next: Load | None = None  # a newer attempt that waits for this one's end


class JobTable:
    """`launch(command)` makes a run and gives it to an OS thread; `report(status)` spools it and returns its number."""

    def __init__(self, launch: Callable[[Load], Run], report: Callable[[Status], int]) -> None:
        self._launch = launch
        self._report = report
        self._held: dict[str, Entry] = {}
        self._ended: OrderedDict[str, Entry] = OrderedDict()

    # -- commands ------------------------------------------------------------------------------------------------------

    def load(self, command: Load) -> None:
        """Begin an attempt, if it is new. Raises AskedWrongly `stale_attempt`."""
        entry = self._find(command.job_id)
        if entry is None or (entry.final is not None and command.attempt > entry.attempt):
            self._begin(command)
        elif command.attempt < entry.attempt:
            raise AskedWrongly(
                f"job {command.job_id}: attempt {command.attempt} is older than {entry.attempt}", code="stale_attempt"
            )
        elif command.attempt == entry.attempt:
            self._say_again(entry)
        else:
            entry.next = command
            assert entry.run is not None
            entry.run.halt()

    def is_new(self, job_id: str, attempt: int) -> bool:
        """Whether a load of this attempt would begin it."""
        entry = self._find(job_id)
        return entry is None or attempt > entry.attempt

    def find_run(self, job_id: str, attempt: int) -> Run | None:
        """The run of this attempt, if it has not ended."""
        entry = self._held.get(job_id)
        return entry.run if entry is not None and entry.attempt == attempt else None

    def halt(self, job_id: str, attempt: int) -> None:
        """End an attempt; whatever its state, its final state is reported."""
        entry = self._find(job_id)
        if entry is not None and entry.next is not None and entry.next.attempt == attempt:
            entry.next = None
            self._remember_canceled(job_id, attempt)
        elif entry is None or attempt > entry.attempt:
            self._remember_canceled(job_id, attempt)
        elif entry.final is not None:
            self._say_again(entry)
        elif entry.run is not None:
            entry.run.halt()

    def halt_where(self, chosen: Callable[[Run], bool], reason: Fault | None = None) -> None:
        """End all runs of a kind."""
        for entry in list(self._held.values()):
            if entry.run is not None and chosen(entry.run):
                entry.run.halt(reason)

    # -- what runs say -------------------------------------------------------------------------------------------------

    def take(self, news: News) -> bool:
        """A run has come to another state. False if it is not the newest attempt: then nobody needs to know."""
        entry = self._held.get(news.run.job_id)
        if entry is None or entry.run is not news.run:
            return False
        if news.state in FINAL_STATES:
            assert isinstance(news.matter, Status)
            self._finish(news.run.job_id, entry, news.matter)
        elif isinstance(news.matter, Status):
            self._report(news.matter)
        elif isinstance(news.matter, Progress):
            entry.progress = news.matter
        return True

    # -- views ---------------------------------------------------------------------------------------------------------

    @property
    def running(self) -> int:
        """Jobs that are held and have not ended."""
        return len(self._held)

    def inventory(self, acknowledged: int) -> list[HeldJob]:
        """Jobs that have not ended, and those whose end the broker has not acknowledged."""
        jobs = [
            HeldJob(
                job_id=job_id,
                attempt=entry.attempt,
                state=entry.run.state,
                paused=entry.run.standing.paused,
                waiting_for=entry.run.standing.waiting_for,
            )
            for job_id, entry in self._held.items()
            if entry.run is not None
        ]
        for job_id, entry in reversed(self._ended.items()):
            if entry.seq <= acknowledged:
                break
            assert entry.final is not None
            jobs.append(HeldJob(job_id=job_id, attempt=entry.attempt, state=entry.final.state))
        return jobs

    def progress(self) -> list[Progress]:
        """How far the jobs have come that have not ended, for a broker that may not have heard it."""
        return [entry.progress for entry in self._held.values() if entry.progress is not None]

    # -- inside --------------------------------------------------------------------------------------------------------

    def _find(self, job_id: str) -> Entry | None:
        return self._held.get(job_id) or self._ended.get(job_id)

    def _begin(self, command: Load) -> None:
        self._ended.pop(command.job_id, None)
        if len(self._held) >= JOBS_MAX:
            error = Taken(f"this controller holds {JOBS_MAX} jobs (JOBS_MAX)", code="too_many_jobs")
            self._end(command.job_id, _status(command, fault_of(error)))
            return
        entry = self._held[command.job_id] = Entry(command.attempt)
        entry.run = self._launch(command)

    def _finish(self, job_id: str, entry: Entry, status: Status) -> None:
        del self._held[job_id]
        self._end(job_id, status)
        if entry.next is not None:
            self._begin(entry.next)

    def _end(self, job_id: str, status: Status) -> None:
        self._ended[job_id] = Entry(status.attempt, final=status, seq=self._report(status))
        self._ended.move_to_end(job_id)
        if len(self._ended) > FINISHED_JOBS_MAX:
            self._ended.popitem(last=False)

    def _remember_canceled(self, job_id: str, attempt: int) -> None:
        status = Status(job_id=job_id, attempt=attempt, state="canceled")
        if job_id in self._held:
            self._report(status)
        else:
            self._end(job_id, status)

    def _say_again(self, entry: Entry) -> None:
        if entry.final is not None:
            entry.seq = self._report(entry.final)
            self._ended.move_to_end(entry.final.job_id)
        elif entry.run is not None and entry.run.state == "running":
            self._report(Status(job_id=entry.run.job_id, attempt=entry.attempt, state="running"))


def _status(command: Load, error: Fault) -> Status:
    return Status(job_id=command.job_id, attempt=command.attempt, state="error", error=error)
