"""A manager's connection to its broker: ask from any OS thread, get the answer or the platform's exception.

`timeout_s` is the longest silence: a request fails when the broker has said nothing about it for so long. A parked
request (one that waits for a job, or for a compiler) is answered `pending` every few seconds and goes on; how long a
caller wants to wait for it is `wait_s`. An answer that does not come leaves the outcome of a change unknown, and the
error says so.
"""

from __future__ import annotations

import getpass
import os
import secrets
import time
import weakref
from collections.abc import Callable, Sequence
from importlib import metadata
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from .._core.errors import AskedWrongly, QuaymasterError, Taken
from .._core.wire import Asks, Request, make_request_id, requests, result_of
from .._core.wire.records import Record
from .exceptions import platform_error
from .exchange import Exchange, checked_frames, not_open, unreachable
from .socket_thread import SocketThread

R = TypeVar("R", bound=Record)

DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 9510
DEFAULT_TIMEOUT_S = 60.0
CLOSE_S = 1.5
FOREVER_S = float("inf")


class Answer(NamedTuple, Generic[R]):
    """A result and the bodies that came with it."""

    result: R
    bodies: Sequence[Any]


class WaitedLongEnough(Exception):
    """The caller's own `wait_s` is over; the request was given up."""


class Asker(Protocol):
    """What the rest of the client needs of a connection; tests put their own in its place."""

    address: str
    known_programs: set[str]

    @property
    def info(self) -> requests.ClusterInfo:
        """What the broker said about itself."""

    def ask(self, arguments: Asks[R], *bodies: Any, wait_s: float = FOREVER_S) -> Answer[R]:
        """The answer to a request."""


class Connection:
    """One connection of one user. Close it, or use it as a context manager; it also closes with the process.

    Raises QMConnectionError `unreachable`, naming the address, at once where nobody listens there.
    """

    def __init__(self, host: str, port: int, user: str, timeout_s: float = DEFAULT_TIMEOUT_S) -> None:
        self.address = f"{host}:{port}"
        self.timeout_s = timeout_s
        self.user = user
        self.known_programs: set[str] = set()
        """Digests of programs that the broker has had from here."""
        self._pid = os.getpid()
        checked_frames("hello", Request(request_id=fresh_request_id(), args=requests.Hello(user=user)), ())
        self._thread = SocketThread(host, port, _greeter(user, timeout_s))
        self._thread.start()
        self._close = weakref.finalize(self, _stop, self._thread, self._pid)
        self._await_greeting()

    def _await_greeting(self) -> None:
        """Return when the broker has greeted back."""
        try:
            settled = self._thread.settled.wait(self.timeout_s)
        except BaseException:
            self.close()
            raise
        if settled and self._thread.info is not None:
            return
        trouble = self._thread.trouble or f"no answer within {self.timeout_s:g} s"
        refused = self._thread.refused
        self.close()
        raise platform_error(refused or unreachable(self.address, trouble))

    @property
    def info(self) -> requests.ClusterInfo:
        """What the broker said about itself when it was last greeted."""
        assert self._thread.info is not None
        return self._thread.info

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return not self._close.alive

    def ask(self, arguments: Asks[R], *bodies: Any, wait_s: float = FOREVER_S) -> Answer[R]:
        """The answer to a request, or the platform's exception. Raises WaitedLongEnough when `wait_s` is over first."""
        method = str(type(arguments).__struct_config__.tag)
        try:
            exchange = self._submitted(arguments, bodies)
            self._await(exchange, wait_s)
            if exchange.error is not None:
                raise exchange.error
            assert exchange.reply is not None
            return Answer(result_of(exchange.reply, arguments), exchange.bodies)
        except QuaymasterError as error:
            raise platform_error(error, method) from None

    def _submitted(self, arguments: Any, bodies: Sequence[Any]) -> Exchange:
        if self.closed:
            raise not_open(self.address, "was closed")
        if os.getpid() != self._pid:
            raise not_open(self.address, "was made in another process and cannot be shared")
        exchange = Exchange(fresh_request_id(), arguments, bodies, self.timeout_s, time.monotonic())
        self._thread.submit(exchange)
        return exchange

    def _await(self, exchange: Exchange, wait_s: float) -> None:
        try:
            if not exchange.done.wait(None if wait_s > 1e6 else max(0.0, wait_s)):
                raise WaitedLongEnough
        finally:
            exchange.abandoned = True

    def close(self) -> None:
        """End the connection; what is under way fails. Qms and jobs live on in the cluster. Twice is fine."""
        self._close()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = "closed" if self.closed else self._thread.trouble or "connected"
        return f"<Connection {self.address} as {self.user}: {state}>"


def _stop(thread: SocketThread, pid: int) -> None:
    """What a connection leaves to be done; the OS thread of a forked copy's parent is none of its business."""
    if os.getpid() == pid:
        thread.stop(CLOSE_S)


def _greeter(user: str, timeout_s: float) -> Callable[[], Exchange]:
    arguments = requests.Hello(user=user, client_version=client_version())

    def hello() -> Exchange:
        return Exchange(fresh_request_id(), arguments, (), timeout_s, time.monotonic())

    return hello


def client_version() -> str:
    """The version of this quaymaster."""
    try:
        return metadata.version("quaymaster")
    except metadata.PackageNotFoundError:
        return ""


def fresh_request_id() -> str:
    """A request id that nobody else makes."""
    return make_request_id(time.time_ns() // 1_000_000, secrets.token_hex(8))


def address_of(host: str | None, port: int | str | None) -> tuple[str, int]:
    """Host and port as given, else from QUAYMASTER_HOST and QUAYMASTER_PORT, else 127.0.0.1:9510."""
    chosen = host or os.environ.get("QUAYMASTER_HOST") or DEFAULT_HOST
    number = port if port is not None else os.environ.get("QUAYMASTER_PORT") or DEFAULT_PORT
    try:
        value = int(number)
        if not 0 < value < 65536:
            raise ValueError
    except (TypeError, ValueError):
        raise AskedWrongly(f"{number!r:.50} is not a port", code="bad_value", hint="give 1 to 65535") from None
    return chosen, value


def login_name() -> str:
    """The name of the user of this process."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"uid-{os.getuid()}" if hasattr(os, "getuid") else "unknown"


def timed_out(words: str, hint: str = "") -> QuaymasterError:
    """The exception for a wait that the caller has bounded."""
    return platform_error(Taken(words, code="timeout", hint=hint))
