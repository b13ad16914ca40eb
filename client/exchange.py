"""One request on its way: what was asked, what became of it, and what is said when no answer comes."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from .._core.errors import AskedWrongly, QuaymasterError, Taken
from .._core.wire import Reply, Request, decode_request, encode, requests

_READS: Final = (
    requests.Hello,
    requests.ListQms,
    requests.GetQm,
    requests.GetConfig,
    requests.GetIo,
    requests.GetElement,
    requests.GetJobs,
    requests.GetJob,
    requests.WaitJob,
    requests.WaitResults,
    requests.GetResultsState,
    requests.Fetch,
    requests.GetReport,
    requests.Why,
    requests.GetStatus,
)
"""Requests that change nothing, so that no answer in time leaves nothing in doubt."""


class Exchange:
    """A request and its fate. The caller waits for `done`; everything else belongs to the socket's OS thread."""

    def __init__(self, request_id: str, arguments: Any, bodies: Sequence[Any], patience_s: float, now_s: float) -> None:
        self.request_id = request_id
        self.arguments = arguments
        self.method = str(type(arguments).__struct_config__.tag)
        self.frames = checked_frames(self.method, Request(request_id=request_id, args=arguments), bodies)
        self.patience_s = patience_s
        self.heard_s = now_s
        """When the broker last said something about this request; it fails `patience_s` later."""
        self.resend_s = 0.0
        """When to send it again if nothing is heard."""
        self.under_way = 0
        """How often it was sent on this connection without an answer yet."""
        self.ever_sent = False
        self.abandoned = False
        self.done = threading.Event()
        self.reply: Reply | None = None
        self.bodies: Sequence[Any] = ()
        self.error: QuaymasterError | None = None

    def answer(self, reply: Reply, bodies: Sequence[Any]) -> None:
        """The broker has answered."""
        self.reply, self.bodies = reply, bodies
        self.done.set()

    def fail(self, error: QuaymasterError) -> None:
        """It will not be answered."""
        if not self.done.is_set():
            self.error = error
            self.done.set()

    def silence(self, address: str, trouble: str) -> QuaymasterError:
        """The error for no answer in time; `trouble` is what is known of the connection, if it is down."""
        waited = f"for {self.patience_s:g} s"
        because = f" ({trouble})" if trouble else ""
        details = {"method": self.method, "request_id": self.request_id, "address": address}
        if not self.ever_sent:
            return unreachable(address, trouble or f"no connection {waited}")
        if isinstance(self.arguments, _READS):
            message = f"the broker at {address} has not answered `{self.method}` {waited}{because}; it changes nothing"
            return Taken(message, code="timeout", hint="ask again when it answers", details=details)
        message = (
            f"the broker at {address} has not answered `{self.method}` {waited}{because}: "
            "whether it was done is unknown"
        )
        hint = "look before you repeat it, e.g. with qmm.get_jobs() or qmm.list_open_qms()"
        return Taken(message, code="timeout_unknown", hint=hint, details=details)


def checked_frames(method: str, request: Request, bodies: Sequence[Any]) -> list[Any]:
    """The frames of a request, read back as the broker will read them, so that what it would refuse is said here.

    Raises AskedWrongly: `bad_value`, naming the field, or `too_large`, naming the limit.
    """
    try:
        frames = encode(request, *bodies)
        decode_request(frames)
    except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
        raise AskedWrongly(f"`{method}` cannot be asked with these values: {error}", code="bad_value") from None
    except AskedWrongly as error:
        if error.code != "bad_frame":
            raise
        why = error.message.removeprefix("this is not a Request: ")
        raise AskedWrongly(f"`{method}` cannot be asked with these values: {why}", code="bad_value") from None
    return frames


def unreachable(address: str, trouble: str) -> QuaymasterError:
    """Nobody answers at an address."""
    return Taken(
        f"no broker can be reached at {address}: {trouble}",
        code="unreachable",
        hint="start a cluster with `quaymaster up`, or give host= and port= (or QUAYMASTER_HOST, QUAYMASTER_PORT)",
        details={"address": address},
    )


def not_open(address: str, why: str) -> QuaymasterError:
    """The connection is not to be used any more."""
    return Taken(f"the connection to {address} {why}", code="connection_closed", hint="make a new manager")
