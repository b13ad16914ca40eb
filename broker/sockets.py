"""Sockets that never block and never grow without bound.

Frames are received one by one: `recv_multipart` costs several times as much (it asks for RCVMORE through Python code).
A message that a peer does not read is kept for it up to a bound, then dropped and counted: nobody else waits for it.
"""

from __future__ import annotations

import ipaddress
from collections import deque
from typing import Any, Final
from urllib.parse import urlsplit

import zmq

from .._core.errors import AskedWrongly
from .._core.wire import limits as wire_limits

LINGER_MS: Final = 500
HIGH_WATER_MARK: Final = 1_000  # messages per peer in libzmq's queues, each way
BACKLOG_MESSAGES: Final = 10_000  # kept here for a peer whose queue is full
BACKLOG_BYTES: Final = 64 * 1024 * 1024
HANDSHAKE_MS: Final = 5_000

COPY_BYTES: Final = 65_536  # smaller frames are copied into libzmq: cheaper than sharing them

Frames = list[Any]
_LAST: Final = int(zmq.NOBLOCK)  # plain ints: an enum's `|` costs as much as a send
_MORE: Final = int(zmq.NOBLOCK | zmq.SNDMORE)


def check_libzmq() -> None:
    """Older versions of libzmq have memory errors that a stranger can reach."""
    if zmq.zmq_version_info() < (4, 3, 5):
        raise AskedWrongly(
            f"libzmq {zmq.zmq_version()} is too old", code="old_libzmq", hint="install pyzmq with libzmq 4.3.5 or newer"
        )


def check_loopback(endpoint: str) -> None:
    """Without keys only this machine may be listened to. Raises AskedWrongly (`keys_required`, `bad_endpoint`)."""
    parts = urlsplit(endpoint)
    if parts.scheme in ("ipc", "inproc"):
        return
    if parts.scheme != "tcp":
        raise AskedWrongly(
            f"{endpoint!r} is not an endpoint", code="bad_endpoint", hint="for example tcp://127.0.0.1:0"
        )
    host = endpoint.removeprefix("tcp://").rsplit(":", 1)[0].strip("[]")
    if host == "localhost":
        return
    try:
        if ipaddress.ip_address(host).is_loopback:
            return
    except ValueError:
        pass
    raise AskedWrongly(
        f"{endpoint} can be reached from other machines, and anybody there could use it",
        code="keys_required",
        hint="listen on 127.0.0.1; keys, which other addresses need, come with a later version",
        details={"endpoint": endpoint},
    )


def bind(context: zmq.Context[Any], kind: int, endpoint: str) -> tuple[zmq.Socket[Any], str]:
    """A bound socket with every bound set, and the endpoint it got."""
    check_loopback(endpoint)
    socket = context.socket(kind)
    socket.setsockopt(zmq.LINGER, LINGER_MS)
    socket.setsockopt(zmq.SNDHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.RCVHWM, HIGH_WATER_MARK)
    socket.setsockopt(zmq.MAXMSGSIZE, wire_limits.MESSAGE_BYTES)
    socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
    socket.setsockopt(zmq.HEARTBEAT_IVL, 2_000)
    socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, 6_000)
    if kind == zmq.ROUTER:
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
    try:
        socket.bind(endpoint)
    except zmq.ZMQError as error:
        socket.close(0)
        raise AskedWrongly(
            f"{endpoint} cannot be bound: {error}",
            code="bad_endpoint",
            hint="another process may listen there; choose another port, or 0 for any",
        ) from None
    return socket, socket.getsockopt_string(zmq.LAST_ENDPOINT)


def receive(socket: zmq.Socket[Any]) -> tuple[bytes, list[bytes]] | None:
    """(routing id, frames) of the next message on a ROUTER, or None. Frames beyond the limit are read and dropped."""
    try:
        peer = socket.recv(_LAST)
    except zmq.Again:
        return None
    frames: list[bytes] = []
    while socket.getsockopt(zmq.RCVMORE):
        frame = socket.recv(_LAST)
        if len(frames) <= wire_limits.MESSAGE_FRAMES:
            frames.append(frame)
    return peer, frames


class Outbox:
    """Sends on a ROUTER without blocking; keeps what a slow peer does not take yet."""

    def __init__(self, socket: zmq.Socket[Any]) -> None:
        self._socket = socket
        self._backlog: dict[bytes, deque[Frames]] = {}
        self._bytes: dict[bytes, int] = {}
        self.dropped = 0

    def send(self, peer: bytes, frames: Frames) -> bool:
        """Send or keep a message; False if the peer is gone, or so slow that the message was dropped."""
        if self._backlog and peer in self._backlog:
            return self._keep(peer, frames)
        try:
            self._send_now(peer, frames)
        except zmq.Again:
            return self._keep(peer, frames)
        except zmq.ZMQError:  # EHOSTUNREACH: the peer is gone
            return False
        return True

    def _send_now(self, peer: bytes, frames: Frames) -> None:
        send = self._socket.send
        send(peer, _MORE)
        for frame in frames[:-1]:
            send(frame, _MORE, copy=len(frame) < COPY_BYTES)
        send(frames[-1], _LAST, copy=len(frames[-1]) < COPY_BYTES)

    def _keep(self, peer: bytes, frames: Frames) -> bool:
        size = sum(map(len, frames))
        backlog = self._backlog.setdefault(peer, deque())
        held = self._bytes.get(peer, 0)
        if len(backlog) >= BACKLOG_MESSAGES or held + size > BACKLOG_BYTES:
            self.dropped += 1
            return False
        backlog.append(frames)
        self._bytes[peer] = held + size
        return True

    def retry(self) -> None:
        """Send what was kept, as far as the peers take it."""
        for peer in list(self._backlog):
            backlog = self._backlog[peer]
            try:
                while backlog:
                    self._send_now(peer, backlog[0])
                    self._bytes[peer] -= sum(map(len, backlog.popleft()))
            except zmq.Again:
                continue
            except zmq.ZMQError:
                pass
            del self._backlog[peer]
            self._bytes.pop(peer, None)

    def forget(self, peer: bytes) -> None:
        """Drop what is kept for a peer."""
        self._backlog.pop(peer, None)
        self._bytes.pop(peer, None)

    @property
    def is_empty(self) -> bool:
        """Whether everything has been handed to libzmq."""
        return not self._backlog
