"""Frames to records and back.

Frame 0 is two bytes: protocol version and message kind. Frame 1 is the envelope, MessagePack of a typed record. Further
frames are bodies, handed on untouched. Whatever cannot be read raises `AskedWrongly`: `bad_frame`, `wrong_version`
(says both versions), `too_large` (names the limit).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, TypeVar

import msgspec

from ..errors import AskedWrongly, OurBug
from . import limits
from .commands import Command
from .events import Beat, Event
from .faults import exception_of, fault_of
from .records import Fault, Record
from .reports import Report
from .requests import RESULTS, Asks, Reply, Request

T = TypeVar("T", bound=Record)
R = TypeVar("R", bound=Record)

AnyFrame = Any  # bytes, memoryview or a zmq.Frame: whatever has a length; only frames 0 and 1 are looked into

REQUEST: Final = 1
REPLY: Final = 2
COMMAND: Final = 3
REPORT: Final = 4
EVENT: Final = 5
BEAT: Final = 6

_KINDS: Final[dict[type[Record], int]] = {
    Request: REQUEST,
    Reply: REPLY,
    Command: COMMAND,
    Report: REPORT,
    Event: EVENT,
    Beat: BEAT,
}
_HEADS: Final = {record: bytes((limits.PROTOCOL_VERSION, kind)) for record, kind in _KINDS.items()}
_DECODERS: Final = {record: msgspec.msgpack.Decoder(record) for record in _KINDS}
_RESULT_DECODERS: Final = {arguments: msgspec.msgpack.Decoder(result) for arguments, result in RESULTS.items()}
_ENCODER: Final = msgspec.msgpack.Encoder()
_UNREADABLE: Final = (msgspec.MsgspecError, ValueError, TypeError, OverflowError, RecursionError, MemoryError)


def encode(record: Request | Reply | Command | Report | Event | Beat, *bodies: Any) -> list[Any]:
    """The frames of a message. Raises AskedWrongly `too_large`, so that a sender learns it, not the network."""
    envelope = _ENCODER.encode(record)
    if len(envelope) > limits.CONTROL_FRAME_BYTES:
        raise _too_large("CONTROL_FRAME_BYTES", limits.CONTROL_FRAME_BYTES, len(envelope))
    if bodies:
        _check_bodies(bodies, len(envelope))
    return [_HEADS[type(record)], envelope, *bodies]


def answer(request_id: str, result: Record) -> Reply:
    """The reply that carries a result."""
    return Reply(request_id=request_id, result=msgspec.Raw(_ENCODER.encode(result)))


def refusal(request_id: str, error: BaseException | Fault) -> Reply:
    """The reply that carries an error."""
    return Reply(request_id=request_id, error=error if isinstance(error, Fault) else fault_of(error))


def decode_request(frames: Sequence[AnyFrame]) -> tuple[Request, Sequence[AnyFrame]]:
    """A request and its bodies."""
    return _decode(frames, Request), frames[2:]


def decode_reply(frames: Sequence[AnyFrame]) -> tuple[Reply, Sequence[AnyFrame]]:
    """A reply and its bodies. Its result is still packed: see `result_of`."""
    return _decode(frames, Reply), frames[2:]


def result_of(reply: Reply, arguments: Asks[R]) -> R:
    """The result in a reply to `arguments`; raises the error it carries. Not for a pending one."""
    if reply.error is not None:
        raise exception_of(reply.error)
    try:
        result = _RESULT_DECODERS[type(arguments)].decode(reply.result)
    except _UNREADABLE as error:
        raise OurBug(f"the broker's answer cannot be read: {error}", code="bad_answer") from None
    return result  # type: ignore[return-value]


def decode_command(frames: Sequence[AnyFrame]) -> tuple[Command | Beat, Sequence[AnyFrame]]:
    """What a controller receives, and its bodies."""
    return _decode_or_beat(frames, Command), frames[2:]


def decode_report(frames: Sequence[AnyFrame]) -> tuple[Report | Beat, Sequence[AnyFrame]]:
    """What the broker receives from a controller, and its bodies."""
    return _decode_or_beat(frames, Report), frames[2:]


def decode_event(frames: Sequence[AnyFrame]) -> Event:
    """What a listener receives."""
    return _decode(frames, Event)


def _decode_or_beat(frames: Sequence[AnyFrame], record: type[T]) -> T | Beat:
    if frames and len(frames[0]) == 2 and as_bytes(frames[0])[1] == BEAT:
        return _decode(frames, Beat)
    return _decode(frames, record)


def _decode(frames: Sequence[AnyFrame], record: type[T]) -> T:
    if len(frames) < 2:
        raise _bad(f"a message has at least two frames, this one has {len(frames)}")
    if as_bytes(frames[0]) != _HEADS[record]:
        _explain_head(as_bytes(frames[0]), record)
    if len(frames[1]) > limits.CONTROL_FRAME_BYTES:
        raise _too_large("CONTROL_FRAME_BYTES", limits.CONTROL_FRAME_BYTES, len(frames[1]))
    if len(frames) > 2:
        _check_bodies(frames[2:], len(frames[1]))
    try:
        return _DECODERS[record].decode(as_bytes(frames[1]))  # type: ignore[return-value]
    except _UNREADABLE as error:
        raise _bad(f"this is not a {record.__name__}: {str(error)[:500]}") from None


def as_bytes(frame: AnyFrame) -> bytes:
    """The bytes of a frame, whatever it came as."""
    if isinstance(frame, bytes):
        return frame
    if isinstance(frame, (memoryview, bytearray)):
        return bytes(frame)
    return frame.bytes  # type: ignore[no-any-return]


def _explain_head(head: bytes, record: type[Record]) -> None:
    if len(head) != 2:
        raise _bad(f"the first frame must be two bytes (version, kind), this one has {len(head)}")
    if head[0] != limits.PROTOCOL_VERSION:
        raise AskedWrongly(
            f"the message speaks protocol version {head[0]}, this side speaks version {limits.PROTOCOL_VERSION}",
            code="wrong_version",
            hint="use the same quaymaster version on both sides",
            details={"theirs": head[0], "ours": limits.PROTOCOL_VERSION},
        )
    raise _bad(f"a {record.__name__} (kind {_KINDS[record]}) was expected, this is kind {head[1]}")


def _check_bodies(bodies: Sequence[AnyFrame], envelope_bytes: int) -> None:
    if len(bodies) + 2 > limits.MESSAGE_FRAMES:
        raise _too_large("MESSAGE_FRAMES", limits.MESSAGE_FRAMES, len(bodies) + 2)
    total = envelope_bytes
    for body in bodies:
        size = len(body)
        if size > limits.BODY_BYTES:
            raise _too_large("BODY_BYTES", limits.BODY_BYTES, size)
        total += size
    if total > limits.MESSAGE_BYTES:
        raise _too_large("MESSAGE_BYTES", limits.MESSAGE_BYTES, total)


def _bad(text: str) -> AskedWrongly:
    return AskedWrongly(text, code="bad_frame", hint="see quaymaster._core.wire for what a message looks like")


def _too_large(name: str, limit: int, size: int) -> AskedWrongly:
    return AskedWrongly(
        f"{size} is beyond the limit {name} = {limit}",
        code="too_large",
        hint="send less at once",
        details={"limit": name, "value": limit, "size": size},
    )
