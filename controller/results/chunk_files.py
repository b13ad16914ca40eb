"""Chunk files: what a job's streams hold, on disk, one folder per job.

A folder holds `000000.chunk`, `000001.chunk`, ... Each is a sequence of MessagePack records, written and synced before
its items count as kept. Its last record is a checksum, so what a crash left half written is seen; it ends the results.

    record = ["schema", attempt, [[name, dtype, shape, many, timestamps], ...]]      first of the first chunk
           / ["job", bytes]                          second, where the job's record is kept (see `records`)
           / ["items", stream, position, bytes]      bytes of a save_all stream from `position` on
           / ["item", stream, position, bytes]       bytes of the (newest) item of a save stream
           / ["end", state, [stream with data loss, ...]]                            last but one of the last chunk
           / ["over", CRC-32 of all before, big endian]                              last of every chunk

A record carries at most `ResultLimits.record_bytes`, so that reading is bounded too; a chunk holds whole items.
"""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack  # type: ignore[import-untyped]

from ..._core.wire import StreamSchema

SUFFIX = ".chunk"
_SMALL = 64 * 1024


@dataclass(frozen=True, slots=True)
class Piece:
    """Where bytes `position` to `position + size` of a stream lie."""

    position: int
    size: int
    chunk: int
    file_offset: int


@dataclass(slots=True)
class FolderIndex:
    """What the complete chunks of a folder hold."""

    job: bytes = b""
    """The record of the job that saved this; b"" where none was kept."""
    attempt: int = 0
    schemas: list[StreamSchema] = field(default_factory=list)
    pieces: dict[int, list[Piece]] = field(default_factory=dict)
    """By stream, in order. Of a save stream, those of the newest item only."""
    chunks: int = 0
    bytes: int = 0
    ended: bool = False
    state: str = ""
    """How the job ended, where that is known."""
    lossy: set[int] = field(default_factory=set)

    def size(self, stream: int) -> int:
        """Bytes there are of a stream."""
        pieces = self.pieces.get(stream)
        return pieces[-1].position + pieces[-1].size if pieces else 0


def chunk_path(folder: Path, number: int) -> Path:
    """The file of chunk `number`."""
    return folder / f"{number:06d}{SUFFIX}"


def schema_record(attempt: int, schemas: Sequence[StreamSchema]) -> list[Any]:
    """The first record of a folder."""
    return ["schema", attempt, [[s.name, s.dtype, list(s.shape), s.many, s.timestamps] for s in schemas]]


def data_records(stream: int, many: bool, position: int, data: memoryview, record_bytes: int) -> Iterator[list[Any]]:
    """The records that carry `data`."""
    kind = "items" if many else "item"
    for start in range(0, len(data), record_bytes):
        yield [kind, stream, position + start, data[start : start + record_bytes]]


def write_chunk(folder: Path, number: int, records: Iterable[list[Any]], index: FolderIndex) -> None:
    """Write and sync one chunk; `index` then knows it. On an OSError nothing counts.

    The file is synced before the folders: where a journal takes the names along, they then cost nothing more.
    """
    packer = msgpack.Packer(autoreset=True)
    news: list[list[Any]] = []
    offset = check = 0
    with chunk_path(folder, number).open("wb") as file:
        for record in records:
            data = packer.pack(record)
            offset += file.write(data)
            check = zlib.crc32(data, check)
            news.append(_placed(record, offset))
        offset += file.write(_over(check))
        file.flush()
        os.fsync(file.fileno())
    sync_folder(folder)
    if number == 0:
        sync_folder(folder.parent)
    _note(index, number, news, offset)


def _placed(record: list[Any], end: int) -> list[Any]:
    """A record with its data (always last) replaced by (offset in the file, size)."""
    if record[0] in ("items", "item"):
        size = len(record[3])
        return [*record[:3], end - size, size]
    return record


def _note(index: FolderIndex, number: int, news: Sequence[list[Any]], file_bytes: int) -> None:
    for record in news:
        match record:
            case ["schema", attempt, schemas]:
                index.attempt = attempt
                index.schemas = [_schema(entry) for entry in schemas]
            case ["job", job]:
                index.job = job
            case ["items", stream, position, offset, size]:
                index.pieces.setdefault(stream, []).append(Piece(position, size, number, offset))
            case ["item", stream, position, offset, size]:
                if position == 0:
                    index.pieces[stream] = []
                index.pieces.setdefault(stream, []).append(Piece(position, size, number, offset))
            case ["end", state, lossy]:
                index.ended = True
                index.state = state if isinstance(state, str) else ""
                index.lossy.update(lossy)
    index.chunks = max(index.chunks, number + 1)
    index.bytes += file_bytes


def _schema(entry: Sequence[Any]) -> StreamSchema:
    name, dtype, shape, many, timestamps = entry
    return StreamSchema(name=name, dtype=dtype, shape=list(shape), many=many, timestamps=timestamps)


def read_index(folder: Path, record_bytes: int) -> FolderIndex:
    """The index of a folder, from its complete chunks up to the first that is missing or broken."""
    index = FolderIndex()
    number = 0
    while (path := chunk_path(folder, number)).exists():
        try:
            _note(index, number, _read_chunk(path, record_bytes), path.stat().st_size)
        except (ValueError, TypeError, KeyError, IndexError, msgpack.UnpackException):
            break
        number += 1
    return index


def _read_chunk(path: Path, record_bytes: int) -> list[list[Any]]:
    """The records of a chunk, with their data replaced by its place. Raises ValueError where it is damaged."""
    unpacker = msgpack.Unpacker(max_buffer_size=2 * record_bytes + 2 * _SMALL, max_bin_len=record_bytes)
    records: list[list[Any]] = []
    left = path.stat().st_size - _OVER_BYTES
    check = 0
    with path.open("rb") as file:
        while left > 0 and (data := file.read(min(left, _SMALL))):
            left -= len(data)
            check = zlib.crc32(data, check)
            unpacker.feed(data)
            records.extend(_placed(record, unpacker.tell()) for record in unpacker)
        if left or file.read() != _over(check):
            raise ValueError(f"{path.name} is damaged")
    return records


def _over(check: int) -> bytes:
    return bytes(msgpack.packb(["over", check.to_bytes(4, "big")]))


_OVER_BYTES = len(_over(0))


def read_bytes(folder: Path, pieces: Sequence[Piece], start: int, stop: int) -> Iterator[bytes]:
    """Bytes start..stop of a stream, from the pieces that hold them. Raises FileNotFoundError if they were deleted."""
    for piece in pieces:
        low, high = max(start, piece.position), min(stop, piece.position + piece.size)
        if low < high:
            with chunk_path(folder, piece.chunk).open("rb") as file:
                file.seek(piece.file_offset + low - piece.position)
                yield file.read(high - low)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
