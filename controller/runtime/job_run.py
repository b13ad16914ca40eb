"""One attempt of one job, from loading to its end. It owns the machine, and says what happens through `post`.

An OS thread calls `first_slice`, then (perhaps another) `run_on`; the server's calls `start`, `halt`. Each phase begins
with a look at `halt`, so that a job ends within a few slices; what it saved until then is kept.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from ..._core.errors import Taken
from ..._core.wire import Fault, JobState, fault_of
from ..._core.wire.commands import Load
from ..._core.wire.reports import Matter, Progress, Status
from ..._core.wire.requests import ReportLine
from ..results import JobResults, Pipeline, ResultShelf
from .engine import Engine, Machine, arrivals_of
from .library import Loaded
from .limits import FIRST_SLICE_S, FIRST_STEPS, PACED_SLICE_NS, PROGRESS_EVERY_S, SLICE_S, STEPS_MAX, STEPS_MIN
from .pace import Pace
from .report_lines import differences_line, fault_in_program, report_lines
from .runs import Run

log = logging.getLogger(__name__)
GATE_LOOK_S = 0.05
DATALOSS = (
    "stream {!r} is not complete: its results reached a limit "
    "(job_bytes_max, controller_bytes_max or pairing_bytes_max) [dataloss]"
)


@dataclass(frozen=True, slots=True)
class News:
    """What a run says: its state, and what the broker is to be told."""

    run: Run
    state: JobState
    matter: Matter


class JobRun:
    """`source` gives the compiled program; `gate` is set while new jobs may start."""

    def __init__(
        self,
        command: Load,
        source: Callable[[], Loaded],
        engine: Engine,
        shelf: ResultShelf,
        post: Callable[[News], None],
        gate: threading.Event,
    ) -> None:
        self.job_id = command.job_id
        self.attempt = command.attempt
        self.qm_id = command.qm_id
        self.state: JobState = "loading"
        self._command = command
        self._source = source
        self._engine = engine
        self._shelf = shelf
        self._post = post
        self._gate = gate
        self._lock = threading.Lock()
        self._may_start = command.start
        self._parked = False
        self._ended = False
        self._launched = False
        self._halted = threading.Event()
        self._halt_reason: Fault | None = None
        self._loaded: Loaded | None = None
        self._machine: Machine | None = None
        self._results: JobResults | None = None
        self._pace: Pace | None = None
        self._steps = FIRST_STEPS
        self._told_at = 0.0
        self._untold = False

    # -- the server's side ---------------------------------------------------------------------------------------------

    def start(self) -> bool:
        """A job loaded without `start` may start. True if it waits for an OS thread now."""
        with self._lock:
            self._may_start = True
            was_parked, self._parked = self._parked, False
            return was_parked and not self._ended

    def halt(self, reason: Fault | None = None) -> None:
        """End soon: `canceled`, or `error` with a reason. One that does not run yet ends here and now."""
        with self._lock:
            if self._ended:
                return
            self._halt_reason = self._halt_reason or reason
            self._halted.set()
            machine = self._machine
            waiting = not self._launched
        if machine is not None:
            machine.halt()
        if waiting:
            self._end_halted()

    # -- the OS thread's side ------------------------------------------------------------------------------------------

    def first_slice(self) -> bool:
        """Load and run for about a millisecond. True if there is more to run: see `run_on`."""
        try:
            if self._loaded is None:
                self._loaded = self._source()
            if not self._launch():
                return False
            until = time.monotonic() + FIRST_SLICE_S
            while self._slice():
                if time.monotonic() >= until or self._pace is not None:
                    return True
            return False
        except Exception as error:
            self._fail(error)
            return False

    def run_on(self) -> None:
        """Run to the end; call it when `first_slice` says that there is more."""
        try:
            self._tell_running()
            while self._slice():
                self._rest()
                self._tell_progress()
        except Exception as error:
            self._fail(error)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _launch(self) -> bool:
        """Make the machine. False where the job waits for its start, or was halted before."""
        assert self._loaded is not None
        with self._lock:
            if self._halted.is_set() or self._ended:
                return False  # whoever halted it ends it
            if not self._may_start:
                self._parked = True
                return False
        while not self._gate.wait(GATE_LOOK_S):
            if self._halted.is_set():
                return False
        options = self._command.options
        seed = seed_of(self.job_id) if options.seed is None else options.seed
        machine = self._engine.machine(self._loaded.image, self._loaded.plant, seed, options.numerics)
        with self._lock:
            if self._halted.is_set():
                return False
            self._launched = True
            self._machine = machine
        if self._loaded.schemas:
            pipeline = Pipeline(self._loaded.program, self._loaded.trace_lengths, self._shelf.limits)
            self._results = self._shelf.begin(self.job_id, self.attempt, pipeline, self._loaded.schemas)
        if self._loaded.endless:
            self._pace = Pace(time.monotonic())
        return True

    def _slice(self) -> bool:
        """Run the machine once and take what it saved. True if there is more."""
        machine = self._machine
        assert machine is not None
        if self._halted.is_set():
            self._take()
            self._end_halted()
            return False
        began = time.monotonic()
        if self._pace is not None:
            self._pace.begin_slice(began)
        clock_ns = machine.clock_ns if self._pace is not None else 0
        status = machine.run(self._steps)
        passed_ns = machine.clock_ns - clock_ns if self._pace is not None else 0
        self._adapt(max((time.monotonic() - began) / SLICE_S, passed_ns / PACED_SLICE_NS))
        self._take()
        if status != "done":
            return True
        if self._halted.is_set():
            self._end_halted()
        else:
            self._end("completed", None)
        return False

    def _adapt(self, slices: float) -> None:
        """Aim at slices of SLICE_S; this one was worth so many."""
        if slices > 1:
            self._steps = max(int(self._steps / slices), STEPS_MIN)
        elif slices < 0.5:
            self._steps = min(self._steps * 2, STEPS_MAX)

    def _take(self) -> None:
        """Move what the machine saved into the pipelines; without any, out of its way."""
        if self._machine is not None:
            chunks = self._machine.drain()
            if chunks and self._results is not None:
                self._untold |= self._results.take(arrivals_of(chunks))

    def _rest(self) -> None:
        if self._pace is None:
            return
        assert self._machine is not None
        rest_s = self._pace.rest_s(time.monotonic(), self._machine.clock_ns)
        until = time.monotonic() + rest_s
        while (left := until - time.monotonic()) > 0 and not self._halted.wait(min(left, PROGRESS_EVERY_S)):
            self._tell_progress()

    # -- telling -------------------------------------------------------------------------------------------------------

    def _tell(self, state: JobState, matter: Matter) -> None:
        self.state = state
        self._post(News(self, state, matter))

    def _tell_running(self) -> None:
        self._tell("running", Status(job_id=self.job_id, attempt=self.attempt, state="running"))

    def _tell_progress(self) -> None:
        now = time.monotonic()
        if self._untold and self._results is not None and now - self._told_at >= PROGRESS_EVERY_S:
            self._told_at, self._untold = now, False
            streams, dataloss = self._results.counts(), self._results.dataloss
            matter = Progress(job_id=self.job_id, attempt=self.attempt, streams=streams, dataloss=dataloss)
            self._tell(self.state, matter)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, OSError):
            error = Taken(
                f"the results could not be written: {error}",
                code="results_unwritable",
                hint="make room on the controller's disk, or repair it",
            )
        try:
            self._take()  # what was saved before the fault is kept
        except Exception as second:
            log.warning("job %s: its last values were lost: %s", self.job_id, second)
        sources = self._loaded.program.sources if self._loaded is not None else ()
        fault = fault_in_program(error, sources)
        if fault.family == "bug":
            log.error("job %s failed by a fault of ours", self.job_id, exc_info=error)
        self._end("error", fault)

    def _end_halted(self) -> None:
        self._end("error" if self._halt_reason else "canceled", self._halt_reason)

    def _end(self, state: Literal["completed", "error", "canceled"], error: Fault | None) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = True
        if self.state == "running" and self._results is not None:
            self._tell("processing", Status(job_id=self.job_id, attempt=self.attempt, state="processing"))
        state, error = self._close_results(state, error)
        lines, counts = self._report()
        status = Status(
            job_id=self.job_id,
            attempt=self.attempt,
            state=state,
            error=error,
            lines=lines,
            counts=counts,
            streams=self._results.states() if self._results is not None else [],
            dataloss=self._results is not None and self._results.dataloss,
        )
        self._machine = None
        self._tell(state, status)

    def _close_results(
        self, state: Literal["completed", "error", "canceled"], error: Fault | None
    ) -> tuple[Literal["completed", "error", "canceled"], Fault | None]:
        """Put the results on disk; a job whose results cannot be kept has not completed."""
        if self._results is None:
            return state, error
        try:
            self._results.finish()
        except OSError as trouble:
            log.error("the results of job %s could not be written: %s", self.job_id, trouble)
            if error is None:
                lost = Taken(f"the results could not be written: {trouble}", code="results_unwritable")
                state, error = "error", fault_of(lost)
        self._shelf.end(self.job_id)
        return state, error

    def _report(self) -> tuple[list[ReportLine], dict[str, int]]:
        lines: list[ReportLine] = []
        counts: dict[str, int] = {}
        if self._machine is not None and self._loaded is not None:
            lines, counts = report_lines(self._machine.events(), self._loaded.program.sources)
            lines.insert(0, differences_line(self._loaded.differences(self._command.options.numerics)))
        if self._results is not None:
            lost = [state.schema.name for state in self._results.states() if state.dataloss]
            lines += [ReportLine(severity="error", message=DATALOSS.format(name)) for name in lost]
        if self._pace is not None and (slow := self._pace.complaint(time.monotonic())):
            lines.append(ReportLine(severity="info", message=slow))
        return lines, counts


def seed_of(job_id: str) -> int:
    """The seed of a job that was given none: its id as a number, or the bytes of the id."""
    return int(job_id) if job_id.isascii() and job_id.isdigit() else int.from_bytes(job_id.encode()[-8:], "big")
