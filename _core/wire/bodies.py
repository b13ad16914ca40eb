"""Bodies: what follows an envelope. Configs are MessagePack of plain dicts; programs and data are opaque bytes here.

A config is the one thing that is decoded without a type, so it is measured first: `measure_body` walks the bytes
without building anything, and refuses depth, counts and lengths beyond the named limits. (An unmeasured decode of 8
MiB of empty arrays takes 600 MB.)
"""

from __future__ import annotations

import hashlib
import struct
from typing import Any, Final

import msgspec

from ..errors import AskedWrongly
from . import limits

_DIGEST_BYTES: Final = 20


def content_digest(body: bytes | memoryview) -> str:
    """The name of a body: BLAKE2b of its bytes, 40 hexadecimal digits."""
    return hashlib.blake2b(body, digest_size=_DIGEST_BYTES).hexdigest()


def pack_plain(value: Any) -> bytes:
    """MessagePack of plain data (dict, list, str, int, float, bool, None). Raises AskedWrongly `bad_body`."""
    try:
        return msgspec.msgpack.encode(value)
    except (TypeError, ValueError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise AskedWrongly(f"this is not plain data: {error}", code="bad_body") from None


def unpack_plain(body: bytes | memoryview) -> dict[Any, Any]:
    """The dict in a body. Raises AskedWrongly: `too_large` beyond a limit, `bad_body` if it is no MessagePack dict."""
    data = bytes(body)
    measure_body(data)
    try:
        value = msgspec.msgpack.decode(data, type=dict)
    except (ValueError, TypeError, OverflowError, RecursionError, msgspec.MsgspecError) as error:
        raise AskedWrongly(f"the body is not MessagePack of a dict: {error}", code="bad_body") from None
    return value


# Lengths of fixed-size values by their first byte: floats, unsigned, signed.
_FIXED: Final = {0xCA: 4, 0xCB: 8, 0xCC: 1, 0xCD: 2, 0xCE: 4, 0xCF: 8, 0xD0: 1, 0xD1: 2, 0xD2: 4, 0xD3: 8}
# Strings and byte strings: (format of the length, its size).
_SIZED: Final = {0xD9: (">B", 1), 0xDA: (">H", 2), 0xDB: (">I", 4), 0xC4: (">B", 1), 0xC5: (">H", 2), 0xC6: (">I", 4)}
# Arrays and maps: (format of the length, its size, values per entry).
_HOLDERS: Final = {0xDC: (">H", 2, 1), 0xDD: (">I", 4, 1), 0xDE: (">H", 2, 2), 0xDF: (">I", 4, 2)}


def measure_body(data: bytes) -> None:
    """Check that a body is one MessagePack value within `limits`; builds nothing. Raises AskedWrongly."""
    if len(data) > limits.BODY_BYTES:
        raise _too_large("BODY_BYTES", limits.BODY_BYTES)
    try:
        end = _walk(data)
    except (IndexError, struct.error):
        raise AskedWrongly("the body ends in the middle of a value", code="bad_body") from None
    if end != len(data):
        raise AskedWrongly(f"the body has {len(data) - end} bytes after its value", code="bad_body")


def _walk(data: bytes) -> int:
    """Position after the first value of `data`."""
    position, items, numbers = 0, 0, 0
    open_counts = [1]  # values still to come at each level
    while open_counts:
        if open_counts[-1] == 0:
            open_counts.pop()
            continue
        open_counts[-1] -= 1
        items += 1
        if items > limits.BODY_ITEMS:
            raise _too_large("BODY_ITEMS", limits.BODY_ITEMS)
        first = data[position]
        position += 1
        count, position = _enter(data, first, position)
        if count == 0:
            continue
        if count > len(data) - position:
            raise AskedWrongly("the body declares more values than it has bytes", code="bad_body")
        run = _run_of_numbers(data, position, count) if count > 8 else 0
        if run:
            numbers += count
            position += run
            if numbers > limits.BODY_NUMBERS:
                raise _too_large("BODY_NUMBERS", limits.BODY_NUMBERS)
            continue
        open_counts.append(count)
        if len(open_counts) > limits.BODY_DEPTH:
            raise _too_large("BODY_DEPTH", limits.BODY_DEPTH)
    return position


def _enter(data: bytes, first: int, position: int) -> tuple[int, int]:
    """(values held, position after the value or after the holder's head) for a value that starts with byte `first`."""
    if first < 0x80 or first >= 0xE0 or first in (0xC0, 0xC2, 0xC3):
        return 0, position
    if first < 0x90:
        return 2 * (first & 0x0F), position
    if first < 0xA0:
        return first & 0x0F, position
    if first < 0xC0:
        return 0, _past(data, position + (first & 0x1F))
    if first in _FIXED:
        return 0, _past(data, position + _FIXED[first])
    if first in _SIZED:
        form, size = _SIZED[first]
        return 0, _past(data, position + size + struct.unpack_from(form, data, position)[0])
    if first in _HOLDERS:
        form, size, per_entry = _HOLDERS[first]
        return per_entry * struct.unpack_from(form, data, position)[0], position + size
    raise AskedWrongly(f"the body holds a value of a kind that is not plain data (0x{first:02x})", code="bad_body")


def _past(data: bytes, position: int) -> int:
    if position > len(data):
        raise IndexError
    return position


def _run_of_numbers(data: bytes, position: int, count: int) -> int:
    """Bytes taken by `count` float64 or `count` small integers in a row at `position`; 0 if it is neither."""
    if data[position] == 0xCB:
        heads = data[position : position + 9 * count : 9]
        whole = position + 9 * count <= len(data)
        return 9 * count if whole and heads == b"\xcb" * count else 0
    return count if data[position : position + count].isascii() else 0


def _too_large(name: str, limit: int) -> AskedWrongly:
    return AskedWrongly(
        f"the body is beyond the limit {name} = {limit}", code="too_large", details={"limit": name, "value": limit}
    )
