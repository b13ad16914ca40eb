"""The results of one job: what its pipelines made, kept in memory until it is worth a chunk file.

Bytes of an item: its values in C order; with timestamps each value is followed by its int64 (a packed pair). All little
endian. A stream of `save_all` is its items one after another; `save` is its newest item.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._core.errors import AskedWrongly, OurBug
from ..._core.wire import StreamSchema, StreamState
from ..._core.wire import limits as wire_limits
from ..._core.wire.reports import StreamCount
from .batches import Batch, Form, Kind, as_floats
from .chunk_files import FolderIndex, Piece, data_records, read_bytes, schema_record, write_chunk
from .limits import ResultLimits
from .pipeline import Arrival, Pipeline

DTYPES: dict[Kind, str] = {
    "int": "<i8",
    "fixed": "<f8",
    "bool": "|b1",
    "float": "<f8",
    "time": "<i8",
    "complex": "<c16",
}


def item_bytes(schema: StreamSchema) -> int:
    """Size of one item."""
    return prod(schema.shape) * (np.dtype(schema.dtype).itemsize + (8 if schema.timestamps else 0))


def packed_dtype(form: Form) -> np.dtype[Any]:
    """The dtype of one item's bytes (of one value beside its time, where there are timestamps)."""
    if form.second is not None:
        return np.dtype([("value_0", *_packed_value(form)), ("value_1", *_packed_value(form.second))])
    if form.timestamps:
        return np.dtype((np.dtype([("value", DTYPES[form.kind]), ("timestamp", "<i8")]), form.shape))
    return np.dtype(_packed_value(form))


def _packed_value(form: Form) -> tuple[str, tuple[int, ...]]:
    return DTYPES[form.kind], form.shape


def packed(batch: Batch, form: Form) -> bytes:
    """The bytes of a batch of items."""
    values = _stored(batch.values, form.kind)
    if batch.second is not None and form.second is not None:
        records = np.empty(len(values), packed_dtype(form))
        records["value_0"], records["value_1"] = values, _stored(batch.second, form.second.kind)
        return records.tobytes()
    if batch.timestamps is None:
        return np.ascontiguousarray(values).astype(DTYPES[form.kind], copy=False).tobytes()
    pairs = np.empty(values.shape, packed_dtype(form).base)
    pairs["value"], pairs["timestamp"] = values, batch.timestamps
    return pairs.tobytes()


def _stored(values: NDArray[Any], kind: Kind) -> NDArray[Any]:
    return as_floats(values, kind) if kind == "fixed" else values


@dataclass(frozen=True, slots=True)
class FetchedRange:
    """An answer to a fetch: bytes `offset` on of items start..stop; `next_offset` 0 when the range is complete."""

    stream: StreamState
    start: int
    stop: int
    offset: int
    next_offset: int
    bodies: list[bytes]


class Stream:
    """One result: `stored` bytes are on disk, `tail` is not yet. Of a `save` stream, `tail` is the newest item."""

    def __init__(self, schema: StreamSchema) -> None:
        self.schema = schema
        self.item_bytes = item_bytes(schema)
        self.stored = 0
        self.tail = bytearray()
        self.fresh = False  # a save stream whose newest item is not on disk
        self.saved_before = False  # of a save stream: an earlier item is on disk, the next one takes more room
        self.dataloss = False

    @property
    def size(self) -> int:
        """Bytes that can be fetched."""
        return self.stored + len(self.tail) if self.schema.many else len(self.tail)

    @property
    def count(self) -> int:
        """Items that can be fetched."""
        return self.size // self.item_bytes

    @property
    def unsaved(self) -> int:
        """Bytes that are not on disk."""
        return len(self.tail) if self.schema.many or self.fresh else 0


class JobResults:
    """What one job saves. Fed by the job's OS thread, read by the fetching one; all methods may be called from any.

    `reserve(bytes)` asks the controller's budget for room; False means there is none. `schemas` may name more streams
    than the pipeline makes, behind its own: those are `put`.
    """

    def __init__(
        self,
        attempt: int,
        pipeline: Pipeline,
        schemas: Sequence[StreamSchema],
        folder: Path,
        limits: ResultLimits,
        reserve: Callable[[int], bool],
        clock: Callable[[], float] = time.monotonic,
        record: bytes = b"",
    ) -> None:
        self._attempt = attempt
        self._record = record
        self._pipeline = pipeline
        self._forms = pipeline.result_forms
        self._streams = [Stream(schema) for schema in schemas]
        for stream, form in zip(self._streams, self._forms, strict=False):
            if stream.item_bytes != packed_dtype(form).itemsize:
                raise OurBug(f"items of stream {stream.schema.name} have another size than its schema says")
        self._folder = folder
        self._limits = limits
        self._reserve = reserve
        self._clock = clock
        self._began = self._flushed = clock()
        self._taken = 0  # bytes asked of the budgets
        self._lock = threading.Lock()
        self._pinned: dict[int, bytes] = {}
        self.index = FolderIndex(attempt=attempt)
        self.closed = False

    # -- the job's side ------------------------------------------------------------------------------------------------

    def take(self, arrivals: Iterable[Arrival]) -> bool:
        """Evaluate what arrived. True if any result has something new."""
        changed = False
        for part in self._pipeline.rounds(arrivals):
            changed |= self._take_round(self._pipeline.push(part))
        return changed

    def _take_round(self, news: Sequence[Batch | None]) -> bool:
        changed = False
        with self._lock:
            for stream, form, batch in zip(self._streams, self._forms, news, strict=False):  # others are put
                if batch is not None:
                    changed = True
                    self._keep(stream, form, batch)
            self._flush_if_due()
        return changed

    def put(self, name: str, items: bytes) -> None:
        """The items of a `save_all` stream that no pipeline makes, all at once; without room for them: data loss."""
        stream = self._streams[stream_number(self.schemas, name)]
        with self._lock:
            if self._granted(stream, len(items)):
                stream.tail += items

    def keep_due(self) -> float | None:
        """Put on disk what has waited long enough, though nothing arrives; in how many seconds more is due, None where
        all is on disk."""
        with self._lock:
            self._flush_if_due()
            if not any(stream.unsaved for stream in self._streams):
                return None
            now = self._clock()
            return max(self._flushed + self._patience_s(now) - now, 0.0)

    def _patience_s(self, now: float) -> float:
        return max(self._limits.flush_after_s, (now - self._began) / 20)

    def _flush_if_due(self) -> None:
        """Rows when there are enough for a chunk; from time to time all that is not on disk, if there is room."""
        now = self._clock()
        if now - self._flushed >= self._patience_s(now):
            self._flushed = now
            self._flush([s for s in self._streams if s.unsaved and (s.schema.many or self._room_for_item(s))])
        elif sum(len(s.tail) for s in self._streams if s.schema.many) >= self._limits.flush_bytes:
            self._flush([s for s in self._streams if s.unsaved and s.schema.many])

    def _room_for_item(self, stream: Stream) -> bool:
        """An item of a save stream on the way; it takes room beside the ones that it makes old."""
        return not stream.saved_before or self._charged(stream.item_bytes)

    def _keep(self, stream: Stream, form: Form, batch: Batch) -> None:
        if not stream.schema.many:
            grown = stream.item_bytes if not stream.tail else 0
            if self._granted(stream, grown):
                stream.tail = bytearray(packed(batch.last(), form))
                stream.fresh = True
            return
        if stream.dataloss:
            return  # after a gap nothing more: what is there stays in order
        if self._granted(stream, len(batch) * stream.item_bytes):
            stream.tail += packed(batch, form)

    def _granted(self, stream: Stream, size: int) -> bool:
        if not self._charged(size):
            stream.dataloss = True
            return False
        return True

    def _charged(self, size: int) -> bool:
        """Whether there is room for so many more bytes; they count as taken then."""
        if size and (self._taken + size > self._limits.job_bytes_max or not self._reserve(size)):
            return False
        self._taken += size
        return True

    def note_outside(self, append: Callable[[Path], int]) -> None:
        """Let `append` put what came from outside into the job's folder, which is made for it; it returns the bytes."""
        with self._lock:
            if not self.index.chunks:
                self._flush([], record=True)
            self.index.bytes += append(self._folder)

    def finish(self, state: str = "completed") -> None:
        """Nothing more will come: put what is left on disk, synced. A job that saved nothing makes no folder."""
        with self._lock:
            if self.closed:
                return
            for stream, cut in zip(self._streams, self._pipeline.cut_results(), strict=False):
                stream.dataloss |= cut
            unsaved = [stream for stream in self._streams if stream.unsaved]
            if self.index.chunks or unsaved:
                self._flush(unsaved, end=state)
            self.closed = True

    def _flush(self, streams: Sequence[Stream], *, end: str = "", record: bool = False) -> None:
        """Put what these streams have not on disk into a chunk; without any, only the job's end or its record."""
        if not streams and not end and not record:
            return
        if not self.index.chunks:
            self._folder.mkdir(parents=True, exist_ok=True)
        write_chunk(self._folder, self.index.chunks, self._records(streams, end), self.index)
        for stream in streams:
            if stream.schema.many:
                stream.stored += len(stream.tail)
                stream.tail = bytearray()
            else:
                stream.fresh, stream.saved_before = False, True

    def _records(self, streams: Sequence[Stream], end: str) -> Iterator[list[Any]]:
        if not self.index.chunks:
            yield schema_record(self._attempt, [stream.schema for stream in self._streams])
            if self._record:
                yield ["job", self._record]
        for number, stream in enumerate(self._streams):
            if stream in streams:
                position = stream.stored if stream.schema.many else 0
                with memoryview(stream.tail) as data:
                    yield from data_records(number, stream.schema.many, position, data, self._limits.record_bytes)
        if end:
            yield ["end", end, [number for number, stream in enumerate(self._streams) if stream.dataloss]]

    # -- the reader's side ---------------------------------------------------------------------------------------------

    @property
    def schemas(self) -> list[StreamSchema]:
        """What each stream holds."""
        return [stream.schema for stream in self._streams]

    @property
    def dataloss(self) -> bool:
        """Whether any stream lost items."""
        return any(stream.dataloss for stream in self._streams)

    def counts(self) -> list[StreamCount]:
        """Items of each stream that can be fetched now."""
        with self._lock:
            return [StreamCount(name=s.schema.name, count=s.count, closed=self.closed) for s in self._streams]

    def states(self) -> list[StreamState]:
        """How far each stream has come."""
        with self._lock:
            return [self._state(stream) for stream in self._streams]

    def _state(self, stream: Stream) -> StreamState:
        return StreamState(schema=stream.schema, count=stream.count, closed=self.closed, dataloss=stream.dataloss)

    def fetch(self, name: str, start: int, stop: int, offset: int) -> FetchedRange:
        """Items start..stop (-1: all there are) of a stream, from byte `offset` of that range on."""
        number = stream_number(self.schemas, name)
        stream = self._streams[number]
        with self._lock:
            state = self._state(stream)
            start, stop, low, high, more = fetch_span(start, stop, offset, state.count, stream.item_bytes)
            if not stream.schema.many:
                data = self._pinned_item(number, stream, offset, more)
                parts = [data[low:high]]
            else:
                pieces = list(self.index.pieces.get(number, ()))
                tail = bytes(stream.tail[max(low - stream.stored, 0) : max(high - stream.stored, 0)])
                stored = stream.stored
                parts = []
        if stream.schema.many:
            parts = [*read_bytes(self._folder, pieces, low, min(high, stored)), tail]
        return FetchedRange(state, start, stop, offset, more, bodies_of(parts))

    def _pinned_item(self, number: int, stream: Stream, offset: int, more: int) -> bytes:
        """The item that a reader began with, so that the parts it asks for are of one item."""
        pinned = self._pinned.pop(number, None)
        item = bytes(stream.tail) if offset == 0 or pinned is None else pinned
        if more:
            self._pinned[number] = item
        return item


def stream_number(schemas: Sequence[StreamSchema], name: str) -> int:
    """Which stream has this name; AskedWrongly `unknown_stream` if none."""
    for number, schema in enumerate(schemas):
        if schema.name == name:
            return number
    names = ", ".join(schema.name for schema in schemas) or "none"
    raise AskedWrongly(f"the job has no stream {name!r}", code="unknown_stream", hint=f"its streams: {names}")


def fetch_span(start: int, stop: int, offset: int, count: int, size: int) -> tuple[int, int, int, int, int]:
    """(start, stop, first byte, last byte + 1, next offset) of an answer to a fetch, kept within what there is."""
    stop = count if stop < 0 else min(stop, count)
    offset = max(offset, 0)
    start = min(max(start, 0), stop)
    low = min(start * size + offset, stop * size)
    high = min(low + wire_limits.FETCH_BYTES, stop * size)
    more = high - start * size if high < stop * size else 0
    return start, stop, low, high, more


def bodies_of(parts: Sequence[bytes]) -> list[bytes]:
    """The same bytes, in bodies of at most CHUNK_BYTES."""
    whole = parts[0] if len(parts) == 1 else b"".join(parts)
    return [whole[at : at + wire_limits.CHUNK_BYTES] for at in range(0, len(whole), wire_limits.CHUNK_BYTES)]


class StoredResults:
    """The results of a job that ended (or whose process did), read from its folder."""

    def __init__(self, folder: Path, index: FolderIndex) -> None:
        self._folder = folder
        self.index = index

    def fetch(self, name: str, start: int, stop: int, offset: int) -> FetchedRange:
        """As `JobResults.fetch`, from what is on disk."""
        number = stream_number(self.index.schemas, name)
        schema = self.index.schemas[number]
        size = item_bytes(schema)
        pieces: Sequence[Piece] = self.index.pieces.get(number, ())
        count = self.index.size(number) // size
        state = StreamState(schema=schema, count=count, closed=True, dataloss=number in self.index.lossy)
        start, stop, low, high, more = fetch_span(start, stop, offset, count, size)
        parts = list(read_bytes(self._folder, pieces, low, high))
        return FetchedRange(state, start, stop, offset, more, bodies_of(parts))
