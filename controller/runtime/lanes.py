"""OS threads for jobs: one short lane for first slices, and a thread for each job that is not over by then.

Most jobs of a busy queue take less than a millisecond, and a change of thread costs as much as they do: so all whose
program is compiled and saves nothing begin on one thread, one after another, and move to a thread of their own only if
they last. Threads are kept for the next job.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from .job_run import JobRun
from .limits import BACKGROUND_THREADS

log = logging.getLogger(__name__)
Work = Callable[[], None]


class Lanes:
    """Runs jobs and other work that must not hold up the server."""

    def __init__(self) -> None:
        self._short: SimpleQueue[JobRun | None] = SimpleQueue()
        self._own: SimpleQueue[Work | None] = SimpleQueue()
        self._background: SimpleQueue[Work | None] = SimpleQueue()
        self._background_threads = 0
        self._lock = threading.Lock()
        self._idle = 0
        self._threads = 0
        threading.Thread(target=self._short_lane, name="short-jobs", daemon=True).start()

    def submit(self, run: JobRun, *, short: bool) -> None:
        """Run a job; `short`: nothing needs to be compiled for it, and nothing put on disk."""
        if short:
            self._short.put(run)
        else:
            self.do(lambda: _whole(run))

    def do(self, work: Work) -> None:
        """Do something on a thread of its own."""
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._threads += 1
                threading.Thread(target=self._own_lane, name=f"job-{self._threads}", daemon=True).start()
        self._own.put(work)

    def later(self, work: Work) -> None:
        """Do something that no job waits for: compile ahead, delete. A few threads do all of it, in order."""
        with self._lock:
            if self._background_threads < BACKGROUND_THREADS:
                self._background_threads += 1
                threading.Thread(target=self._background_lane, name="background", daemon=True).start()
        self._background.put(work)

    def close(self) -> None:
        """Threads end when their work does."""
        self._short.put(None)
        with self._lock:
            for _ in range(self._threads):
                self._own.put(None)
            for _ in range(self._background_threads):
                self._background.put(None)

    def _short_lane(self) -> None:
        while (run := self._short.get()) is not None:
            if run.first_slice():
                self.do(run.run_on)

    def _background_lane(self) -> None:
        while (work := self._background.get()) is not None:
            _done(work)

    def _own_lane(self) -> None:
        while (work := self._own.get()) is not None:
            _done(work)
            with self._lock:
                self._idle += 1


def _done(work: Work) -> None:
    try:
        work()
    except Exception:
        log.exception("work on an OS thread failed")


def _whole(run: JobRun) -> None:
    if run.first_slice():
        run.run_on()
