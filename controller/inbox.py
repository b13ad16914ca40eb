"""How other OS threads speak to the server's: a queue, and a socket that wakes its poll."""

from __future__ import annotations

import socket
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """Many threads put, one takes. `fileno` is readable while something waits."""

    def __init__(self) -> None:
        self._items: deque[T] = deque()
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        self._signaled = False

    def fileno(self) -> int:
        """For a poller."""
        return self._reader.fileno()

    def put(self, item: T) -> None:
        """Leave something for the server, from any OS thread (or a signal handler)."""
        self._items.append(item)
        if not self._signaled:
            self._signaled = True
            with suppress(OSError):  # full: it is readable; closed: nobody reads any more
                self._writer.send(b"\0")

    def take(self) -> Iterator[T]:
        """All that waits now."""
        with suppress(BlockingIOError):
            self._reader.recv(4096)
        self._signaled = False  # before the look at the queue: who puts after it signals again
        for _ in range(len(self._items)):
            yield self._items.popleft()

    def close(self) -> None:
        """No more."""
        self._reader.close()
        self._writer.close()
