"""Answers fetches on an OS thread of their own, which no running job can hold up, and which holds up nobody.

Answers are large: no further one is read from disk until the socket has taken most of the earlier ones.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from .._core.errors import Taken
from .._core.wire import Report, fault_of
from .._core.wire.commands import FetchData
from .._core.wire.reports import FetchedData, FetchFailed
from .results import ResultShelf
from .runtime.limits import BULK_MESSAGES_MAX, FETCHES_WAITING_MAX

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to send; `sent` must be called when it has left."""

    report: Report
    bodies: list[bytes] = field(default_factory=list)
    sent: Callable[[], None] | None = None


class Fetcher:
    """`post` hands an answer to the server's OS thread."""

    def __init__(self, shelf: ResultShelf, post: Callable[[Answer], None]) -> None:
        self._shelf = shelf
        self._post = post
        self._waiting: queue.Queue[FetchData | None] = queue.Queue(FETCHES_WAITING_MAX)
        self._credit = threading.Semaphore(BULK_MESSAGES_MAX)
        self._thread = threading.Thread(target=self._serve, name="fetch", daemon=True)
        self._thread.start()

    def ask(self, command: FetchData) -> None:
        """Queue a fetch; one too many is refused at once."""
        try:
            self._waiting.put_nowait(command)
        except queue.Full:
            error = Taken(
                f"{FETCHES_WAITING_MAX} fetches wait already (FETCHES_WAITING_MAX)", code="busy", hint="ask again later"
            )
            self._post(Answer(Report(matter=FetchFailed(fetch_id=command.fetch_id, error=fault_of(error)))))

    def close(self) -> None:
        """Stop after the fetch at hand."""
        self._credit.release()
        with suppress(queue.Full):
            self._waiting.put_nowait(None)

    def _serve(self) -> None:
        while (command := self._waiting.get()) is not None:
            self._credit.acquire()
            self._post(self._answer(command))

    def _answer(self, command: FetchData) -> Answer:
        try:
            found = self._shelf.fetch(command.job_id, command.stream, command.start, command.stop, command.offset)
        except Exception as error:
            fault = fault_of(error)
            if fault.family == "bug":
                log.exception("a fetch of job %s failed", command.job_id)
            failed = FetchFailed(fetch_id=command.fetch_id, error=fault)
            return Answer(Report(matter=failed), [], self._credit.release)
        fetched = FetchedData(
            fetch_id=command.fetch_id,
            stream=found.stream,
            start=found.start,
            stop=found.stop,
            offset=found.offset,
            next_offset=found.next_offset,
        )
        return Answer(Report(matter=fetched), found.bodies, self._credit.release)
