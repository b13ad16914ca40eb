"""A job again, from its record: the same program behind the same plant, with what came from outside at the same places.

Runs in this process, reads a controller's directory and writes nothing there, so it may be done while the controller
works. What the job saved is compared byte by byte with what it saves now.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from ..._core.config import Config, apply_overrides, check_config
from ..._core.engine.image import ENGINE_VERSION
from ..._core.engine.outside import Outside
from ..._core.errors import AskedWrongly, QuaymasterError
from ..._core.program.codec import decode_program
from ..._core.program.elements import elements_used
from ..._core.program.tree import Program
from ..._core.wire import Overrides, StreamSchema, content_digest, unpack_plain
from ..results import Pipeline, ResultLimits, ResultShelf
from ..results.chunk_files import FolderIndex, read_index
from ..results.job_results import StoredResults
from ..runtime.engine import PlantOptions, arrivals_of
from ..runtime.library import stream_schemas
from ..runtime.pair_files import checked_pair, pair_file_name
from ..runtime.platform_engine import PLANTS, PlatformEngine
from .job_record import JobRecord, decode_record
from .outside_log import read_entries

STEPS_A_SLICE = 1_000_000
_OVERRIDES = msgspec.msgpack.Decoder(Overrides)


class StreamReplayed(msgspec.Struct, frozen=True, kw_only=True):
    """One result: `difference` says where it is not the same, "" where every bit is."""

    name: str
    items: int
    difference: str = ""


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """A job that was run again."""

    job_id: str
    controller: str
    same: bool
    streams: list[StreamReplayed]
    from_outside: int
    """Entries in the log of what came from outside."""
    trouble: str = ""
    """Why it did not come to its end this time, which the record says it did."""


def replay(directory: Path, job_id: str) -> Replayed:
    """Run a job of the controller that works in `directory` again, and compare.

    Raises AskedWrongly: `record_gone`, `record_damaged`, `job_not_completed`, `engine_differs`, `plant_differs`.
    """
    folder = directory / "results" / job_id
    index = read_index(folder, ResultLimits().record_bytes)
    record = _record(index, job_id)
    program, config = _sources(directory, record)
    log = _log(folder, job_id)
    with tempfile.TemporaryDirectory(prefix="quaymaster-replay-") as scratch:
        now, trouble = _run(Path(scratch), record, program, config, log, index.schemas)
        before = StoredResults(folder, index)
        try:
            streams = [_compared(schema, number, index, before, now) for number, schema in enumerate(index.schemas)]
        except FileNotFoundError:  # cleared meanwhile
            raise gone(job_id) from None
    same = not trouble and not any(stream.difference for stream in streams)
    return Replayed(
        job_id=job_id,
        controller=record.controller,
        same=same,
        streams=streams,
        from_outside=len(log),
        trouble=trouble,
    )


# -- the record --------------------------------------------------------------------------------------------------------


def _record(index: FolderIndex, job_id: str) -> JobRecord:
    if not index.chunks or not index.job:
        raise gone(job_id)
    if not index.ended or index.state != "completed":
        how = f"it ended as {index.state}" if index.ended else "it runs still, or its controller was killed"
        raise AskedWrongly(
            f"job {job_id} did not run to its end: {how}",
            code="job_not_completed",
            hint="where it was stopped is not part of its record; only completed jobs can be run again",
        )
    record = decode_record(index.job)
    if record.engine_version != ENGINE_VERSION:
        raise AskedWrongly(
            f"job {job_id} ran on engine version {record.engine_version} (quaymaster {record.version}); "
            f"this is {ENGINE_VERSION}",
            code="engine_differs",
            hint="run it again with the version that ran it",
        )
    if record.plant.plant not in PLANTS:
        raise AskedWrongly(
            f"job {job_id} ran behind the plant {record.plant.plant!r}, which is not here",
            code="plant_differs",
            hint=f"there are {', '.join(PLANTS)}",
        )
    return record


def _sources(directory: Path, record: JobRecord) -> tuple[Program, Config]:
    """The program and the config that the record names, each checked against its digest."""
    try:
        pair = checked_pair((directory / "sources" / pair_file_name(record.key)).read_bytes())
    except FileNotFoundError:
        raise AskedWrongly(
            f"the program of job {record.job_id} is not here any more: it made way for newer ones",
            code="record_gone",
        ) from None
    digests = record.key.split(":")
    if pair is None or [content_digest(body) for body in pair] != digests[:2]:
        raise damaged(record.job_id, "program and config are not those of the job")
    config = check_config(unpack_plain(pair[1]))
    if record.overrides:
        config = apply_overrides(config, {"waveforms": _OVERRIDES.decode(record.overrides).waveforms})
    return decode_program(pair[0]), config


def _log(folder: Path, job_id: str) -> list[Outside]:
    try:
        return read_entries(folder, Outside)
    except (ValueError, msgspec.MsgspecError) as error:
        raise damaged(job_id, f"the log of what came from outside cannot be read: {error}") from None


def gone(job_id: str) -> QuaymasterError:
    """There is nothing to compare with."""
    return AskedWrongly(
        f"there is no record of job {job_id} here (any more)",
        code="record_gone",
        hint="it was cleared, made way for newer ones, or the job saved nothing and got nothing from outside",
    )


def damaged(job_id: str, why: str) -> QuaymasterError:
    """The record was changed after the job."""
    return AskedWrongly(f"the record of job {job_id} is damaged: {why}", code="record_damaged")


# -- running and comparing ---------------------------------------------------------------------------------------------


def _run(
    scratch: Path,
    record: JobRecord,
    program: Program,
    config: Config,
    log: list[Outside],
    schemas: list[StreamSchema],
) -> tuple[StoredResults, str]:
    """The results of the job as it runs now, and what kept it from its end, if anything did."""
    plant = msgspec.structs.asdict(record.plant)
    engine = PlatformEngine(record.controller, PlantOptions(**plant))
    image = engine.compile(program, config, record.latency)
    if list(stream_schemas(program, image.trace_lengths, image.complex_traces)) != schemas:
        raise damaged(record.job_id, "the program has other results than the job")
    registers = enumerate((record.io1, record.io2), 1)
    first = [Outside("io", str(number), 0, 0, (raw,)) for number, raw in registers if raw]
    shelf = ResultShelf(scratch)
    pipeline = Pipeline(program, image.trace_lengths, shelf.limits, image.complex_traces, image.fine_traces)
    results = shelf.begin(record.job_id, record.attempt, pipeline, schemas)
    trouble = ""
    try:
        behind = engine.plant(image, config, elements_used(program))
        machine = engine.machine(image, behind, record.seed, record.numerics, [*first, *log])  # type: ignore[arg-type]
        status = "running"
        while status not in ("done", "waits"):
            status = machine.run(STEPS_A_SLICE)
            while chunks := machine.drain():
                results.take(arrivals_of(chunks))
        if status == "waits":
            trouble = f"it waits for {', '.join(machine.waiting_for())}, which is not in its record"
    except QuaymasterError as error:
        trouble = error.message
    results.finish()
    return StoredResults(scratch / record.job_id, results.index), trouble


def _compared(
    schema: StreamSchema, number: int, index: FolderIndex, before: StoredResults, now: StoredResults
) -> StreamReplayed:
    """What was saved against what is saved now; of a stream that had lost items, as far as it goes."""
    size = max(_item_bytes(schema), 1)
    then, again = index.size(number), now.index.size(number)
    items = then // size
    lossy = number in index.lossy
    if again != then and not (lossy and again > then):
        words = f"{items} items before, {again // size} now"
        return StreamReplayed(name=schema.name, items=items, difference=words)
    if lossy and not schema.many:
        return StreamReplayed(name=schema.name, items=items)  # which item it kept is chance
    at = 0
    for old, new in zip(_bytes(before, schema, items), _bytes(now, schema, items), strict=True):
        if old != new:
            first = next(k for k, (a, b) in enumerate(zip(old, new, strict=True)) if a != b)
            words = f"first at item {(at + first) // size} of {items}"
            return StreamReplayed(name=schema.name, items=items, difference=words)
        at += len(old)
    return StreamReplayed(name=schema.name, items=items)


def _item_bytes(schema: StreamSchema) -> int:
    values = int(np.prod(schema.shape, dtype=np.int64))
    return values * (np.dtype(schema.dtype).itemsize + (8 if schema.timestamps else 0))


def _bytes(stored: StoredResults, schema: StreamSchema, items: int) -> Iterator[Any]:
    """The bytes of the first items of a stream, in parts that are the same for equal streams."""
    offset = 0
    while items:
        found = stored.fetch(schema.name, 0, items, offset)
        yield from found.bodies
        if not found.next_offset:
            return
        offset = found.next_offset
