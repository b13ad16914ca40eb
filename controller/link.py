"""The connection to the broker: one DEALER socket, owned by the server's OS thread.

It dials, says hello, beats, notices silence, and dials again with growing patience. While it is up, messages leave in
order and never block: what the socket does not take waits here.
"""

from __future__ import annotations

import logging
import random
from collections import deque
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

import zmq

from .._core.errors import AskedWrongly
from .._core.wire import Beat, Command, Report, decode_command, encode, limits

log = logging.getLogger(__name__)

BEAT_S = limits.HEARTBEAT_MS / 1000
SILENCE_S = BEAT_S * limits.HEARTBEATS_MISSED
DIAL_FIRST_S = 1.0
DIAL_LONGEST_S = 5.0
MESSAGES_A_ROUND = 1_000
SEND_MESSAGES_MAX = 1_000
"""High-water mark of the socket, in messages; large ones are bounded by those who make them (see `gone`)."""
LEAVING_LOOK_S = 0.005


class Link:
    """`hello` makes the first words of a connection. `now` everywhere is a monotonic clock in seconds."""

    def __init__(self, endpoint: str, instance: str, hello: Callable[[], Report]) -> None:
        check_endpoint(endpoint)
        self._endpoint = endpoint
        self._beat = encode(Beat(instance=instance))
        self._hello = hello
        self._context = zmq.Context()
        self._socket: zmq.Socket[bytes] | None = None
        self._outbox: deque[tuple[list[Any], Callable[[], None] | None]] = deque()
        self._leaving: list[tuple[zmq.MessageTracker, Callable[[], None]]] = []
        self._patience_s = DIAL_FIRST_S
        self._deadline = 0.0
        self._next_beat = 0.0
        self._heard = 0.0
        self.up = False
        """Whether the broker has welcomed this controller, and is heard."""

    # -- sending -------------------------------------------------------------------------------------------------------

    def send(self, report: Report, *bodies: bytes, gone: Callable[[], None] | None = None) -> None:
        """Queue a report; dropped while the link is down.

        `gone` is called once the bytes have left this process, or were dropped.
        """
        if self.up:
            try:
                frames = encode(report, *bodies)
            except AskedWrongly as error:
                log.error("a %s was not sent: %s", type(report.matter).__name__, error.message)
            else:
                self._outbox.append((frames, gone))
                return
        if gone is not None:
            gone()

    def flush(self) -> None:
        """Hand the socket what it takes."""
        socket = self._socket
        if self._leaving:
            self._settle()
        while self._outbox and socket is not None:
            frames, gone = self._outbox[0]
            try:
                tracker = socket.send_multipart(frames, zmq.DONTWAIT, copy=gone is None, track=gone is not None)
            except zmq.Again:
                return
            self._outbox.popleft()
            if gone is not None:
                assert isinstance(tracker, zmq.MessageTracker)
                self._leaving.append((tracker, gone))

    def _settle(self, *, closed: bool = False) -> None:
        """Say of which messages the system has all bytes; the socket's own queue does not count, it is ours too."""
        done = [(tracker, gone) for tracker, gone in self._leaving if closed or tracker.done]
        self._leaving = [entry for entry in self._leaving if entry not in done]
        for _, gone in done:
            gone()

    # -- receiving -----------------------------------------------------------------------------------------------------

    def register(self, poller: zmq.Poller) -> None:
        """Watch the socket: for what comes, and for room while something waits to leave."""
        if self._socket is not None:
            poller.register(self._socket, zmq.POLLIN | (zmq.POLLOUT if self._outbox else 0))

    def receive(self, now: float) -> Iterator[tuple[Command, list[bytes]]]:
        """Commands that have come; beats only count as a sign of life. What cannot be read is logged and left."""
        for _ in range(MESSAGES_A_ROUND):
            if self._socket is None:
                return
            try:
                frames = self._socket.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return
            try:
                message, bodies = decode_command(frames)
            except AskedWrongly as error:
                log.warning("a message of the broker cannot be read: %s", error.message)
                continue
            self._heard = now
            if isinstance(message, Command):
                yield message, list(bodies)

    # -- being connected -----------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Beat, dial, give up: whatever is due."""
        if self.up:
            if now - self._heard > SILENCE_S:
                log.warning("nothing was heard from the broker for %.1f s", now - self._heard)
                self._patience_s = DIAL_FIRST_S
                self._dial(now)
            elif now >= self._next_beat:
                self._outbox.append((self._beat, None))
                self._next_beat = now + BEAT_S
        elif now >= self._deadline:
            self._dial(now)

    def due_in_s(self, now: float) -> float:
        """How long `tick` can wait."""
        due = min(self._next_beat, self._heard + SILENCE_S) if self.up else self._deadline
        if self._leaving:
            due = min(due, now + LEAVING_LOOK_S)
        return max(due - now, 0.0)

    def welcomed(self, now: float) -> None:
        """The broker knows us."""
        self.up = True
        self._heard = now
        self._next_beat = now
        self._patience_s = DIAL_FIRST_S

    def say_hello(self, now: float) -> None:
        """The broker does not know us (any more): introduce ourselves again, on the same connection."""
        self._hang_up()
        self._deadline = now + self._patience_s
        self._outbox.append((encode(self._hello()), None))

    def close(self, linger_ms: int = 500) -> None:
        """Send what is queued, within `linger_ms`, and end."""
        self.flush()
        if self._socket is not None:
            self._socket.close(linger_ms)
        self._context.term()

    def _dial(self, now: float) -> None:
        if self._socket is not None:
            self._socket.close(0)
            self._settle(closed=True)
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        socket.set(zmq.LINGER, 0)
        socket.set(zmq.SNDHWM, SEND_MESSAGES_MAX)
        socket.set(zmq.MAXMSGSIZE, limits.MESSAGE_BYTES)
        socket.set(zmq.RECONNECT_IVL, 100)
        socket.set(zmq.RECONNECT_IVL_MAX, 2_000)
        socket.set(zmq.HEARTBEAT_IVL, 2_000)
        socket.set(zmq.HEARTBEAT_TIMEOUT, 6_000)
        socket.connect(self._endpoint)
        self._socket = socket
        self.say_hello(now)
        self._patience_s = min(self._patience_s * 2, DIAL_LONGEST_S) * random.uniform(0.9, 1.1)

    def _hang_up(self) -> None:
        self.up = False
        waiting, self._outbox = self._outbox, deque()
        for _, gone in waiting:
            if gone is not None:
                gone()


def check_endpoint(endpoint: str) -> None:
    """Without keys the broker must be on loopback. Raises AskedWrongly: `keys_needed`, `bad_endpoint`."""
    parts = urlsplit(endpoint)
    if parts.scheme in ("ipc", "inproc"):
        return
    if parts.scheme != "tcp" or not parts.hostname or parts.port is None:
        raise AskedWrongly(f"{endpoint!r} is no endpoint", code="bad_endpoint", hint="tcp://127.0.0.1:9511")
    if parts.hostname != "localhost" and not _is_loopback(parts.hostname):
        raise AskedWrongly(
            f"the broker's address {parts.hostname} is not on this machine, and connections have no keys yet",
            code="keys_needed",
            hint="use 127.0.0.1, or a tunnel that ends there",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
