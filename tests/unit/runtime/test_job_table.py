"""Commands by (job, attempt): repeats, older and newer attempts, halts, the inventory."""

from __future__ import annotations

from typing import Any

import pytest

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.wire.commands import Load
from quaymaster._core.wire.reports import Progress, Standing, Status, StreamCount
from quaymaster.controller.runtime import job_table
from quaymaster.controller.runtime.job_run import News
from quaymaster.controller.runtime.job_table import JobTable


class Run:
    """A run that only remembers what it was told."""

    def __init__(self, command: Load) -> None:
        self.job_id, self.attempt, self.qm_id, self.state = command.job_id, command.attempt, command.qm_id, "loading"
        self.standing = Standing(job_id=self.job_id, attempt=self.attempt)
        self.halts = 0

    def halt(self, reason: Any = None) -> None:
        """Counts."""
        self.halts += 1


class Bench:
    """A table with its launches and reports."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        self.reports: list[tuple[int, str]] = []
        self.table = JobTable(self._launch, self._report)  # type: ignore[arg-type]

    def _launch(self, command: Load) -> Run:
        self.runs.append(Run(command))
        return self.runs[-1]

    def _report(self, status: Status) -> int:
        self.reports.append((status.attempt, status.state))
        return len(self.reports)

    def load(self, attempt: int = 1, job_id: str = "7") -> None:
        """A load command."""
        self.table.load(Load(job_id=job_id, attempt=attempt, qm_id="qm", program_digest="p", config_digest="c"))

    def says(self, run: Run, state: Any) -> bool:
        """A run has come to a state."""
        run.state = state
        status = Status(job_id=run.job_id, attempt=run.attempt, state=state)
        return self.table.take(News(run, state, status))  # type: ignore[arg-type]


def test_a_repeated_load_starts_nothing_and_tells_the_state_again() -> None:
    """While it runs: running; after the end: the final state, each time it is asked."""
    bench = Bench()
    bench.load()
    bench.load()
    assert len(bench.runs) == 1 and bench.reports == []
    bench.says(bench.runs[0], "running")
    bench.load()
    bench.says(bench.runs[0], "completed")
    bench.load()
    assert len(bench.runs) == 1
    assert bench.reports == [(1, "running"), (1, "running"), (1, "completed"), (1, "completed")]


def test_an_older_attempt_is_refused() -> None:
    """A load that lingered in the network starts nothing."""
    bench = Bench()
    bench.load(3)
    with pytest.raises(AskedWrongly, match="older"):
        bench.load(2)
    assert len(bench.runs) == 1


def test_a_newer_attempt_starts_when_the_older_has_ended() -> None:
    """The older one is halted first; what it says after its end is not heard."""
    bench = Bench()
    bench.load(1)
    bench.load(2)
    assert bench.runs[0].halts == 1 and len(bench.runs) == 1
    bench.says(bench.runs[0], "canceled")
    assert [run.attempt for run in bench.runs] == [1, 2]
    assert bench.says(bench.runs[0], "completed") is False
    bench.says(bench.runs[1], "completed")
    assert bench.reports == [(1, "canceled"), (2, "completed")]


def test_the_newest_of_several_waiting_attempts_starts() -> None:
    """Attempts that were overtaken while waiting never start."""
    bench = Bench()
    for attempt in (1, 2, 3):
        bench.load(attempt)
    bench.says(bench.runs[0], "canceled")
    assert [run.attempt for run in bench.runs] == [1, 3]


def test_halting_what_is_not_held_reports_canceled_and_a_late_load_starts_nothing() -> None:
    """The halt overtook the load, or the process is new."""
    bench = Bench()
    bench.table.halt("7", 1)
    bench.load(1)
    assert bench.runs == [] and bench.reports == [(1, "canceled"), (1, "canceled")]
    bench.load(2)
    assert [run.attempt for run in bench.runs] == [2]


def test_halting_an_attempt_that_waits_cancels_it() -> None:
    """It never starts."""
    bench = Bench()
    bench.load(1)
    bench.load(2)
    bench.table.halt("7", 2)
    bench.says(bench.runs[0], "canceled")
    assert len(bench.runs) == 1 and (2, "canceled") in bench.reports


def test_a_halt_after_the_end_tells_the_state_it_had_reached() -> None:
    """Completed stays completed."""
    bench = Bench()
    bench.load()
    bench.says(bench.runs[0], "completed")
    bench.table.halt("7", 1)
    assert bench.reports == [(1, "completed"), (1, "completed")]


def test_a_halt_of_a_running_attempt_reaches_it() -> None:
    """Also twice."""
    bench = Bench()
    bench.load()
    bench.table.halt("7", 1)
    bench.table.halt("7", 1)
    assert bench.runs[0].halts == 2


def test_the_inventory_holds_what_has_not_ended_and_what_was_not_acknowledged() -> None:
    """An end that the broker has on disk is no longer news."""
    bench = Bench()
    bench.load(1, "1")
    bench.load(1, "2")
    bench.load(4, "3")
    bench.says(bench.runs[0], "completed")
    bench.says(bench.runs[1], "error")
    bench.says(bench.runs[2], "running")
    held = {(job.job_id, job.attempt, job.state) for job in bench.table.inventory(1)}
    assert held == {("2", 1, "error"), ("3", 4, "running")}


def test_how_far_jobs_have_come_is_known_until_they_end() -> None:
    """What the newest attempt told last, for a broker that was away."""
    bench = Bench()
    bench.load()
    assert bench.table.progress() == []
    bench.says(bench.runs[0], "running")
    for count in (1, 5):
        told = Progress(job_id="7", attempt=1, streams=[StreamCount(name="n", count=count)])
        bench.table.take(News(bench.runs[0], "running", told))  # type: ignore[arg-type]
    assert bench.table.progress() == [told]
    bench.says(bench.runs[0], "completed")
    assert bench.table.progress() == []


def test_too_many_jobs_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is named in the error of the job."""
    monkeypatch.setattr(job_table, "JOBS_MAX", 1)
    bench = Bench()
    bench.load(1, "1")
    bench.load(1, "2")
    assert bench.reports == [(1, "error")] and len(bench.runs) == 1


def test_only_so_many_ends_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest are forgotten."""
    monkeypatch.setattr(job_table, "FINISHED_JOBS_MAX", 2)
    bench = Bench()
    for job_id in ("1", "2", "3"):
        bench.table.halt(job_id, 1)
    assert [job.job_id for job in bench.table.inventory(0)] == ["3", "2"]
