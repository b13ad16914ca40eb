"""One attempt of one job, from loading to its end. It owns the machine, and says what happens through `post`.

An OS thread calls `first_slice`, then (perhaps another) `run_on`; the server's calls `start`, `halt`, `deliver`. Each
phase begins with a look at `halt`, so that a job ends within a few slices; what it saved until then is kept. What comes
from outside is delivered between two slices. A job that stands still (paused, or waiting for the outside) sleeps until
something comes; all that it saved can be fetched before it says so.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..._core.wire import Fault, JobState
from ..._core.wire.commands import Deliver, Load
from ..._core.wire.reports import Matter, Progress, Standing, Status
from ..._core.wire.requests import ReportLine
from ..records import append_entries
from ..results import JobResults, Pipeline, ResultShelf
from .deliveries import Deliveries, registers
from .ending import End, close_results, last_word, unwritable
from .engine import Engine, Machine, arrivals_of
from .library import Loaded
from .limits import FIRST_SLICE_S, FIRST_STEPS, PACED_SLICE_NS, PROGRESS_EVERY_S, SLICE_S, STEPS_MAX, STEPS_MIN
from .pace import Pace
from .report_lines import differences_line, fault_in_program, overflow_lines, report_lines
from .runs import Run

log = logging.getLogger(__name__)
GATE_LOOK_S = 0.05
WAITING_FOR_MAX = 100
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
    """`source` gives the compiled program; `gate` is set while new jobs may start; `record` makes what is kept of the
    job, from its seed, so that it can be run again.
    """

    def __init__(
        self,
        command: Load,
        source: Callable[[], Loaded],
        engine: Engine,
        shelf: ResultShelf,
        post: Callable[[News], None],
        gate: threading.Event,
        record: Callable[[int], bytes] = lambda seed: b"",
        say: Callable[[Matter], None] = lambda matter: None,
    ) -> None:
        self.job_id = command.job_id
        self.attempt = command.attempt
        self.qm_id = command.qm_id
        self.state: JobState = "loading"
        self.standing = Standing(job_id=self.job_id, attempt=self.attempt)
        self._command = command
        self._source = source
        self._engine = engine
        self._shelf = shelf
        self._post = post
        self._gate = gate
        self._record = record
        self._say = say
        self._deliveries = Deliveries(say)
        self._stands = False  # the machine waits for the outside
        self._idle = False  # the last slice saved nothing
        self._slice_began = 0.0
        self._seed = 0
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
        self._due_s: float | None = None  # in so many seconds results that are here are due on disk

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
        self._deliveries.wake()
        if waiting:
            self._end_halted()

    def deliver(self, command: Deliver) -> None:
        """Something came from outside; it is answered when the machine has it and the record says so."""
        self._deliveries.put(command)

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
                if time.monotonic() >= until or self._pace is not None or self._stands:
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
                if self._stands:
                    self._stand_still()
                else:
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
        seed = self._seed = seed_of(self.job_id) if options.seed is None else options.seed
        machine = self._engine.machine(self._loaded.image, self._loaded.plant, seed, options.numerics)
        for number, raw in enumerate((self._command.io1, self._command.io2), 1):
            if raw:
                machine.set_io(number, raw)
        self._deliveries.begin(machine)
        with self._lock:
            if self._halted.is_set():
                return False
            self._launched = True
            self._machine = machine
        if self._loaded.schemas:
            self._begin_results()
        if self._loaded.endless:
            self._pace = Pace(time.monotonic())
        return True

    def _begin_results(self) -> JobResults:
        assert self._loaded is not None
        loaded, limits = self._loaded, self._shelf.limits
        pipeline = Pipeline(loaded.program, loaded.trace_lengths, limits, loaded.complex_traces, loaded.fine_traces)
        record = self._record(self._seed)
        self._results = self._shelf.begin(self.job_id, self.attempt, pipeline, self._loaded.schemas, record)
        return self._results

    def _slice(self) -> bool:
        """Run the machine once and take what it saved. True if there is more."""
        machine = self._machine
        assert machine is not None
        if self._halted.is_set():
            self._take()
            self._end_halted()
            return False
        self._deliver()
        began = self._slice_began = time.monotonic()
        if self._pace is not None:
            self._pace.begin_slice(began)
        clock_ns = machine.clock_ns if self._pace is not None else 0
        status = machine.run(self._steps)
        passed_ns = machine.clock_ns - clock_ns if self._pace is not None else 0
        self._adapt(max((time.monotonic() - began) / SLICE_S, passed_ns / PACED_SLICE_NS))
        self._idle = not self._take()
        self._stands = status == "waits"
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

    def _take(self) -> bool:
        """Move what the machine saved into the pipelines; without any, out of its way. True if it saved anything."""
        if self._machine is None:
            return False
        chunks = self._machine.drain()
        if self._results is None:
            return bool(chunks)
        if chunks:
            self._untold |= self._results.take(arrivals_of(chunks))
        else:
            self._due_s = self._results.keep_due()
        return bool(chunks)

    def _rest(self) -> None:
        """Keep to real time; or, where the program looks for what is not there yet, leave half a core to others."""
        assert self._machine is not None and self._loaded is not None
        now = time.monotonic()
        if self._pace is not None:
            rest_s = self._pace.rest_s(now, self._machine.clock_ns)
        elif self._loaded.reads_io and self._idle:
            rest_s = now - self._slice_began
        else:
            return
        until = now + rest_s
        while (left := until - time.monotonic()) > 0 and not self._halted.is_set():
            self._deliveries.wait(min(left, PROGRESS_EVERY_S))
            self._deliver()
            self._tell_progress()

    # -- the outside ---------------------------------------------------------------------------------------------------

    def _deliver(self) -> None:
        """Give the machine what has come, if it is not about to end."""
        assert self._machine is not None and self._loaded is not None
        if self._halted.is_set():
            return
        if self._deliveries.deliver(self._machine, self._loaded.inputs, self._keep):  # whose answers say how it stands
            self.standing = Standing(job_id=self.job_id, attempt=self.attempt, paused=self._deliveries.paused)

    def _keep(self, entries: Sequence[Any]) -> None:
        """Put what came from outside on disk."""
        results = self._results if self._results is not None else self._begin_results()
        results.note_outside(lambda folder: append_entries(folder, entries))

    def _stand_still(self) -> None:
        """Sleep until something comes, or results are due on disk; before that, all that was saved is told."""
        assert self._machine is not None
        while self._take():
            pass
        self._tell_progress(at_once=True)
        stands = Standing(
            job_id=self.job_id,
            attempt=self.attempt,
            paused=self._machine.paused,
            waiting_for=list(self._machine.waiting_for())[:WAITING_FOR_MAX],
        )
        self._deliveries.paused = stands.paused
        if stands != self.standing:
            self.standing = stands
            self._say(stands)
        began = time.monotonic()
        if not self._halted.is_set():
            self._deliveries.wait(self._due_s)
        if self._pace is not None:
            self._pace.stood(time.monotonic() - began)

    # -- telling -------------------------------------------------------------------------------------------------------

    def _tell(self, state: JobState, matter: Matter) -> None:
        self.state = state
        self._post(News(self, state, matter))

    def _tell_running(self) -> None:
        self._tell("running", Status(job_id=self.job_id, attempt=self.attempt, state="running"))

    def _tell_progress(self, *, at_once: bool = False) -> None:
        now = time.monotonic()
        is_due = at_once or now - self._told_at >= PROGRESS_EVERY_S
        if self._untold and self._results is not None and is_due:
            self._told_at, self._untold = now, False
            streams, dataloss = self._results.counts(), self._results.dataloss
            matter = Progress(job_id=self.job_id, attempt=self.attempt, streams=streams, dataloss=dataloss)
            self._tell(self.state, matter)

    def _fail(self, error: Exception) -> None:
        if isinstance(error, OSError):
            error = unwritable(error)
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

    def _end(self, state: End, error: Fault | None) -> None:
        with self._lock:
            if self._ended:
                return
            self._ended = True
        left = self._registers_left()
        if self.state == "running" and self._results is not None:
            self._tell("processing", Status(job_id=self.job_id, attempt=self.attempt, state="processing", io=left))
        try:
            state, error = close_results(self.job_id, self._results, self._shelf, state, error)
            lines, counts = self._report()
            status = last_word(self.job_id, self.attempt, state, error, self._results, lines, counts, left)
        except Exception as second:  # nobody may wait for ever for a job that cannot say how it ended
            log.error("job %s: its end cannot be told in full", self.job_id, exc_info=second)
            fault = error or fault_in_program(second, ())
            status = last_word(self.job_id, self.attempt, "error", fault, None, [], {}, left)
        self._machine = None
        self._tell(status.state, status)
        self._deliveries.close()

    def _registers_left(self) -> list[int]:
        """Both registers, where the broker may not know what became of them."""
        if self._machine is None:
            return []
        io = registers(self._machine)
        started = [self._command.io1, self._command.io2]
        return io if self._deliveries.registers_were_set or io != started else []

    def _report(self) -> tuple[list[ReportLine], dict[str, int]]:
        lines: list[ReportLine] = []
        counts: dict[str, int] = {}
        if self._machine is not None and self._loaded is not None:
            lines, counts = report_lines(self._machine.events(), self._loaded.program.sources)
            beyond, samples = overflow_lines(self._machine.overflows())
            lines += beyond
            counts |= {"output_overflow": samples} if samples else {}
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
