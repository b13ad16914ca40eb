"""The OS thread that owns a manager's socket; nobody else touches ZeroMQ.

Callers on any OS thread hand in `Exchange`s and wait for their `done`. This side sends them, matches answers by
request_id, re-arms those that the broker answers with `pending`, sends them again after REQUEST_TIMEOUT_MS of silence
or a new connection (with the same request_id, so nothing is done twice), and fails them after their patience. A new
connection, or a broker that says `hello_first`, is greeted before anything else is sent.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, Final

import zmq
from zmq.utils.monitor import recv_monitor_message

from .._core.errors import OurBug, QuaymasterError
from .._core.wire import decode_reply, limits, requests, result_of
from .exchange import Exchange, not_open

LOGGER: Final = logging.getLogger("quaymaster")
RECONNECT_FIRST_MS: Final = 100
RECONNECT_LONGEST_MS: Final = 2_000
"""Pauses between attempts to connect grow from the first to the longest."""
HANDSHAKE_MS: Final = 5_000
PROBE_S: Final = 1.0
TICK_S: Final = 1.0
SEND_AGAIN_S: Final = 0.02
RESEND_S: Final = limits.REQUEST_TIMEOUT_MS / 1000
_HANDSHAKE_FAILED: Final = (
    zmq.Event.HANDSHAKE_FAILED_NO_DETAIL,
    zmq.Event.HANDSHAKE_FAILED_PROTOCOL,
    zmq.Event.HANDSHAKE_FAILED_AUTH,
)


class SocketThread:
    """Owns one DEALER socket and its monitor from `start` to `stop`."""

    def __init__(self, host: str, port: int, hello: Callable[[], Exchange]) -> None:
        self.address = f"{host}:{port}"
        self.info: requests.ClusterInfo | None = None
        """What the broker last said about itself."""
        self.settled = threading.Event()
        """Set once the first greeting was answered, or `trouble` is known."""
        self.trouble = ""
        """Why there is no connection, in words; empty while there is one."""
        self.refused: QuaymasterError | None = None
        """Why the first greeting failed."""
        self._host, self._port = host, port
        self._make_hello = hello
        self._hello: Exchange | None = None
        self._connected = False
        self._greeted = False
        self._probed = False
        self._was_lost = False
        self._hello_again_s = 0.0
        self._exchanges: dict[str, Exchange] = {}
        self._submitted: deque[Exchange] = deque()
        self._stopping = False
        self._ended = False
        self._wake_out, self._wake_in = socket.socketpair()
        self._wake_out.setblocking(False)
        self._wake_in.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=f"quaymaster {self.address}", daemon=True)

    # -- from any OS thread ----------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to connect."""
        self._thread.start()

    def submit(self, exchange: Exchange) -> None:
        """Have a request sent; its `done` is set when it is answered or has failed."""
        self._submitted.append(exchange)
        self._wake()
        if self._ended:
            exchange.fail(not_open(self.address, "is closed"))

    def stop(self, timeout_s: float) -> None:
        """Fail what is under way, close the sockets, end the OS thread; safe to call twice and from any OS thread."""
        self._stopping = True
        self._wake()
        if threading.current_thread() is not self._thread and self._thread.ident is not None:
            self._thread.join(timeout_s)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full: it is awake already; closed: it has ended
            self._wake_out.send(b"!")

    # -- on the owning OS thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        error: QuaymasterError = not_open(self.address, "was closed")
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            self._open(context)
            while not self._stopping:
                self._round()
        except Exception as failure:
            LOGGER.exception("the connection to %s broke", self.address)
            error = OurBug(f"the connection broke: {type(failure).__name__}: {failure}", hint="please report this")
        finally:
            self._ended = True
            self.refused = self.refused or error
            self.settled.set()
            context.destroy(linger=0)
            while self._submitted:
                self._submitted.popleft().fail(error)
            for exchange in self._exchanges.values():
                exchange.fail(error)
            self._wake_in.close()
            self._wake_out.close()

    def _open(self, context: zmq.Context[zmq.Socket[bytes]]) -> None:
        dealer = context.socket(zmq.DEALER)
        dealer.linger = 0
        dealer.setsockopt(zmq.IMMEDIATE, 1)  # what was not sent is ours to send again, after the greeting
        dealer.setsockopt(zmq.RECONNECT_IVL, RECONNECT_FIRST_MS)
        dealer.setsockopt(zmq.RECONNECT_IVL_MAX, RECONNECT_LONGEST_MS)
        dealer.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        dealer.setsockopt(zmq.MAXMSGSIZE, limits.MESSAGE_BYTES)
        dealer.setsockopt(zmq.TCP_KEEPALIVE, 1)
        if ":" in self._host:
            dealer.setsockopt(zmq.IPV6, 1)
        self._monitor = dealer.get_monitor_socket()
        self._dealer = dealer
        self._poller = zmq.Poller()
        for waited_for in (self._wake_in, self._monitor, dealer):
            self._poller.register(waited_for, zmq.POLLIN)
        host = f"[{self._host}]" if ":" in self._host else self._host
        dealer.connect(f"tcp://{host}:{self._port}")

    def _round(self) -> None:
        ready = dict(self._poller.poll(self._pause_ms()))
        if self._wake_in.fileno() in ready:
            self._wake_in.recv(4096)
        while self._submitted:
            exchange = self._submitted.popleft()
            self._exchanges[exchange.request_id] = exchange
        if self._monitor in ready:
            self._hear_monitor()
        if self._dealer in ready:
            self._hear_broker()
        self._send_due(time.monotonic())

    def _pause_ms(self) -> int:
        if self._submitted:
            return 0
        now = time.monotonic()
        due = now + TICK_S
        for exchange in self._live():
            due = min(due, exchange.heard_s + exchange.patience_s)
            if self._greeted or exchange is self._hello:
                due = min(due, exchange.resend_s)
        return max(0, int((due - now) * 1000) + 1)

    def _live(self) -> list[Exchange]:
        return [*self._exchanges.values(), *([self._hello] if self._hello else [])]

    # -- the connection comes and goes -----------------------------------------------------------------------------

    def _hear_monitor(self) -> None:
        while self._monitor.poll(0):
            event: dict[str, Any] = dict(recv_monitor_message(self._monitor))
            kind = event["event"]
            if kind == zmq.Event.HANDSHAKE_SUCCEEDED:
                self._on_connected()
            elif kind == zmq.Event.DISCONNECTED:
                self._on_disconnected("the connection was lost")
            elif kind in _HANDSHAKE_FAILED:
                self._on_disconnected("what answers there is no quaymaster broker")
                self.settled.set()
            elif kind == zmq.Event.CONNECT_RETRIED and not self._connected:
                self._on_refused()

    def _on_connected(self) -> None:
        self._connected, self._probed = True, False
        self._greet()

    def _on_disconnected(self, trouble: str) -> None:
        if self._greeted:
            self._was_lost = True
            LOGGER.warning("lost the broker at %s; trying to reach it again", self.address)
        self._connected = self._greeted = False
        self._hello = None
        self.trouble = self.trouble or trouble
        for exchange in self._exchanges.values():
            exchange.under_way = 0

    def _on_refused(self) -> None:
        """An attempt to connect has failed; ask the system once why."""
        if self._probed:
            return
        self._probed = True
        cause = probe(self._host, self._port)
        self.trouble = "; ".join(filter(None, (self.trouble, cause)))
        if self.trouble:
            self.settled.set()

    def _greet(self) -> None:
        self._greeted = False
        self._hello = self._make_hello()

    def _on_hello(self, hello: Exchange) -> None:
        assert hello.reply is not None
        self._hello = None
        try:
            self.info = result_of(hello.reply, hello.arguments)
        except QuaymasterError as error:
            self.refused, self.trouble = error, error.message
            self._hello_again_s = time.monotonic() + TICK_S
        else:
            if self._was_lost:
                LOGGER.warning("the broker at %s is back", self.address)
            self.trouble, self.refused, self._greeted, self._was_lost = "", None, True, False
            for exchange in self._exchanges.values():
                exchange.under_way, exchange.resend_s = 0, 0.0
        self.settled.set()

    # -- requests out, answers in ----------------------------------------------------------------------------------

    def _hear_broker(self) -> None:
        while True:
            try:
                frames = self._dealer.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            try:
                reply, bodies = decode_reply(frames)
            except QuaymasterError as error:
                LOGGER.warning("an answer of %s cannot be read: %s", self.address, error.message)
                self._on_unreadable(error)
                continue
            exchange = self._exchange_of(reply.request_id)
            if exchange is None:
                continue
            exchange.heard_s = time.monotonic()
            exchange.under_way = max(0, exchange.under_way - 1)
            if reply.pending:
                if exchange.under_way == 0:
                    exchange.resend_s = 0.0
            elif reply.error is not None and reply.error.code == "hello_first" and exchange is not self._hello:
                exchange.under_way = 0
                if self._greeted or self._hello is None:
                    self._greet()
            else:
                exchange.answer(reply, bodies)
                self._exchanges.pop(exchange.request_id, None)
                if exchange is self._hello:
                    self._on_hello(exchange)

    def _exchange_of(self, request_id: str) -> Exchange | None:
        """Who is answered; an answer without an id is for the only one under way, if there is only one."""
        if request_id:
            if self._hello is not None and self._hello.request_id == request_id:
                return self._hello
            return self._exchanges.get(request_id)
        sent = [exchange for exchange in self._live() if exchange.under_way]
        return sent[0] if len(sent) == 1 else None

    def _on_unreadable(self, error: QuaymasterError) -> None:
        if error.code == "wrong_version" and self._hello is not None:
            self._hello, self.refused, self.trouble = None, error, error.message
            self._hello_again_s = time.monotonic() + TICK_S
            self.settled.set()

    def _send_due(self, now: float) -> None:
        if self._connected and not self._greeted and self._hello is None and now >= self._hello_again_s:
            self._greet()
        if self._hello is not None and now >= self._hello.resend_s:
            self._send(self._hello, now)
        for exchange in list(self._exchanges.values()):
            if exchange.abandoned:
                del self._exchanges[exchange.request_id]
            elif now >= exchange.heard_s + exchange.patience_s:
                del self._exchanges[exchange.request_id]
                exchange.fail(exchange.silence(self.address, self.trouble))
            elif self._greeted and now >= exchange.resend_s:
                self._send(exchange, now)

    def _send(self, exchange: Exchange, now: float) -> None:
        try:
            self._dealer.send_multipart(exchange.frames, zmq.NOBLOCK)
        except zmq.Again:
            exchange.resend_s = now + SEND_AGAIN_S
            return
        exchange.ever_sent = True
        exchange.under_way = 1
        exchange.resend_s = now + RESEND_S


def probe(host: str, port: int) -> str:
    """Why a TCP connection cannot be made, in words; empty where it can."""
    try:
        socket.create_connection((host, port), PROBE_S).close()
    except ConnectionRefusedError:
        return "connection refused"
    except TimeoutError:
        return f"no answer within {PROBE_S:g} s"
    except socket.gaierror:
        return f"there is no host {host!r}"
    except OSError as error:
        return error.strerror or str(error)
    return ""
