"""The log of what came from outside, in a job's folder: one line of bytes per entry, appended and synced.

    line = size of the entry (4 bytes, big endian), the entry (MessagePack), CRC-32 of it (4 bytes, big endian)

A line that a crash left half written was never answered with OK; it ends the log.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from ..results.chunk_files import sync_folder

LOG_NAME = "outside.log"
_SIZE_BYTES = 4
_CHECK_BYTES = 4
_encode = msgspec.msgpack.Encoder().encode


def lines_of(entries: Iterable[Any]) -> bytes:
    """Entries (`_core.engine.outside.Outside`) as the lines of a log."""
    parts: list[bytes] = []
    for entry in entries:
        body = _encode(entry)
        parts += [len(body).to_bytes(_SIZE_BYTES, "big"), body, zlib.crc32(body).to_bytes(_CHECK_BYTES, "big")]
    return b"".join(parts)


def append_entries(folder: Path, entries: Iterable[Any]) -> int:
    """Append to a folder's log and sync it; the folder must be there. Returns the bytes that it grew by."""
    lines = lines_of(entries)
    path = folder / LOG_NAME
    is_new = not path.exists()
    with path.open("ab") as file:
        file.write(lines)
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(folder)
    return len(lines)


def read_entries(folder: Path, kind: type[Any]) -> list[Any]:
    """The entries of a folder's log, as records of `kind`; none where there is no log.

    Raises ValueError where a line that is complete does not agree with its check, or is no entry.
    """
    try:
        data = (folder / LOG_NAME).read_bytes()
    except FileNotFoundError:
        return []
    decoder = msgspec.msgpack.Decoder(kind)
    return [decoder.decode(body) for body in _bodies(data)]


def _bodies(data: bytes) -> Iterator[bytes]:
    at = 0
    while at + _SIZE_BYTES <= len(data):
        size = int.from_bytes(data[at : at + _SIZE_BYTES], "big")
        end = at + _SIZE_BYTES + size
        if end + _CHECK_BYTES > len(data):
            return
        body = data[at + _SIZE_BYTES : end]
        if zlib.crc32(body).to_bytes(_CHECK_BYTES, "big") != data[end : end + _CHECK_BYTES]:
            raise ValueError(f"entry at byte {at} of {LOG_NAME} is damaged")
        yield body
        at = end + _CHECK_BYTES
