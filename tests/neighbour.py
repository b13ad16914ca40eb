"""A second user who works all the time, and notices if anything goes wrong."""

from __future__ import annotations

import threading
import time
from typing import Any

from example_configs import opx_readout_pair
from known_programs import run_readings

PATIENCE_S = 30.0
SHOTS = 20


class Neighbour(threading.Thread):
    """Bob, with a qm of his own: queues readings one after another, each with its own scale, and checks each.

    `check()` returns once two more jobs have been queued and checked after the call; it fails if any went wrong.
    """

    def __init__(self, qmm: Any, controller: str) -> None:
        super().__init__(daemon=True)
        self._qm = qmm.open_qm(opx_readout_pair(controller), close_other_machines=False)
        self._leaving = threading.Event()
        self.failure: BaseException | None = None
        self.jobs: list[str] = []
        self.start()

    @property
    def qm_id(self) -> str:
        """The id of bob's qm."""
        return str(self._qm.id)

    def run(self) -> None:
        """Work."""
        try:
            while not self._leaving.is_set():
                self.jobs.append(run_readings(self._qm, SHOTS, (1 + len(self.jobs) % 16) / 16))
        except BaseException as error:
            self.failure = error

    def check(self) -> None:
        """See above."""
        wanted = len(self.jobs) + 2
        until = time.monotonic() + PATIENCE_S
        while len(self.jobs) < wanted and self.failure is None:
            assert time.monotonic() < until, f"bob's work stands still after {len(self.jobs)} jobs"
            time.sleep(0.01)
        assert self.failure is None, f"bob's job {len(self.jobs)} went wrong: {self.failure!r}"
        assert len(set(self.jobs)) == len(self.jobs)

    def leave(self) -> None:
        """Finish the last job and close the qm."""
        self._leaving.set()
        self.join(PATIENCE_S)
        self._qm.close()
