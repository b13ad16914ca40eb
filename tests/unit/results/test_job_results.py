"""What jobs save: in memory, in chunk files, after crashes, within budgets."""

from __future__ import annotations

import math
import shutil
from pathlib import Path
from typing import Any

import msgpack
import msgspec
import numpy as np
import pytest

from quaymaster._core.errors import AskedWrongly, OurBug
from quaymaster._core.program import tree
from quaymaster._core.wire import StreamSchema, limits
from quaymaster.controller.results import Arrival, JobResults, Pipeline, ResultLimits, ResultShelf


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


SCHEMAS = [
    StreamSchema(name="all", dtype="<i8"),
    StreamSchema(name="last", dtype="<f8", many=False),
]
PROGRAM = tree.Program(
    declarations=(),
    streams=(tree.StreamDeclaration(at=-1, name="r1"),),
    body=(),
    nodes=(tree.Source(stream="r1"), tree.Average(of=0)),
    results=(tree.Result(at=-1, tag="all", of=0, all=True), tree.Result(at=-1, tag="last", of=1, all=False)),
    sources=(),
)


def begin(shelf: ResultShelf, job_id: str = "7", attempt: int = 1) -> JobResults:
    """A job that saves all values and their mean."""
    return shelf.begin(job_id, attempt, Pipeline(PROGRAM, {}), SCHEMAS)


def values(*numbers: int) -> list[Arrival]:
    """Values of stream r1."""
    return [Arrival(0, np.array(numbers, np.int64))]


def ints(shelf: ResultShelf, job_id: str = "7", start: int = 0, stop: int = -1) -> list[int]:
    """Items of `all`, fetched as often as it takes."""
    data, offset = b"", 0
    while True:
        got = shelf.fetch(job_id, "all", start, stop, offset)
        data += b"".join(got.bodies)
        offset = got.next_offset
        if not offset:
            return np.frombuffer(data, "<i8").tolist()


def mean(shelf: ResultShelf, job_id: str = "7") -> float:
    """The item of `last`."""
    return float(np.frombuffer(b"".join(shelf.fetch(job_id, "last", 0, -1, 0).bodies), "<f8")[0])


def test_values_can_be_fetched_before_and_after_they_are_on_disk(tmp_path: Path) -> None:
    """Count and content are the same while they are in memory, in chunk files, and after the end."""
    shelf = ResultShelf(tmp_path, ResultLimits(flush_bytes=40))
    job = begin(shelf)
    job.take(values(1, 2, 3))
    assert not (tmp_path / "7").exists()
    assert ints(shelf) == [1, 2, 3] and mean(shelf) == 2.0
    job.take(values(4, 5, 6))
    assert len(list((tmp_path / "7").glob("*.chunk"))) == 1
    job.take(values(7))
    assert ints(shelf) == [1, 2, 3, 4, 5, 6, 7] and ints(shelf, start=2, stop=5) == [3, 4, 5]
    assert [count.count for count in job.counts()] == [7, 1]
    job.finish()
    shelf.end("7")
    assert ints(shelf) == [1, 2, 3, 4, 5, 6, 7] and mean(shelf) == 4.0
    assert ints(ResultShelf(tmp_path)) == [1, 2, 3, 4, 5, 6, 7] and mean(ResultShelf(tmp_path)) == 4.0


def test_a_job_that_saves_nothing_makes_no_folder(tmp_path: Path) -> None:
    """And a fetch finds its streams empty."""
    shelf = ResultShelf(tmp_path)
    job = begin(shelf)
    job.finish()
    shelf.end("7")
    assert list(tmp_path.iterdir()) == []
    assert ints(shelf) == [] and shelf.fetch("7", "all", 0, -1, 0).stream.closed


def test_few_items_reach_the_disk_in_time(tmp_path: Path) -> None:
    """However few they are, after flush_after_s they are safe."""
    clock = Clock()
    shelf = ResultShelf(tmp_path)
    job = JobResults(1, Pipeline(PROGRAM, {}), SCHEMAS, tmp_path / "7", ResultLimits(), lambda _: True, clock)
    job.take(values(1))
    assert not (tmp_path / "7").exists()
    clock.now = 6.0
    job.take(values(2))
    assert ints(shelf) == [1, 2]


def test_few_items_reach_the_disk_though_no_more_arrive(tmp_path: Path) -> None:
    """A job that stands still asks what is due, and when there is more; nothing once all is on disk."""
    clock = Clock()
    job = JobResults(1, Pipeline(PROGRAM, {}), SCHEMAS, tmp_path / "7", ResultLimits(), lambda _: True, clock)
    assert job.keep_due() is None
    clock.now = 1.0
    job.take(values(1))
    clock.now = 4.0
    assert job.keep_due() == pytest.approx(1.0)
    assert not (tmp_path / "7").exists()
    clock.now = 5.0
    assert job.keep_due() is None
    assert ints(ResultShelf(tmp_path)) == [1]


def test_a_crash_in_the_middle_of_a_chunk_keeps_the_earlier_ones(tmp_path: Path) -> None:
    """A chunk just begun, one cut short, and a flipped bit cost only what follows them."""
    clock = Clock()
    shelf = ResultShelf(tmp_path, clock=clock)
    job = begin(shelf)
    for number in range(4):
        clock.now += 10.0
        job.take(values(number))
    folder = tmp_path / "7"
    chunks = sorted(folder.glob("*.chunk"))
    assert len(chunks) == 4
    (folder / "000004.chunk").write_bytes(b"\x94\xa5items")
    chunks[3].write_bytes(chunks[3].read_bytes()[:-3])
    after = ResultShelf(tmp_path)
    assert ints(after) == [0, 1, 2]
    assert mean(after) == 1.0
    flipped = bytearray(chunks[2].read_bytes())
    flipped[len(flipped) // 2] ^= 1
    chunks[2].write_bytes(flipped)
    assert ints(ResultShelf(tmp_path)) == [0, 1]
    chunks[1].unlink()
    assert ints(ResultShelf(tmp_path)) == [0]


def test_a_chunk_is_synced_before_it_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the sync fails the items stay in memory, no chunk counts, and a later try puts them on disk."""
    shelf = ResultShelf(tmp_path, ResultLimits(flush_bytes=1))
    job = begin(shelf)

    def broken(_: int) -> None:
        raise OSError("no space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("quaymaster.controller.results.chunk_files.os.fsync", broken)
        with pytest.raises(OSError):
            job.take(values(1, 2))
    assert job.index.chunks == 0 and ints(shelf) == [1, 2]
    job.finish()
    shelf.end("7")
    assert ints(ResultShelf(tmp_path)) == [1, 2]


def test_a_newer_attempt_begins_from_nothing(tmp_path: Path) -> None:
    """The results of the older attempt are gone."""
    shelf = ResultShelf(tmp_path, ResultLimits(flush_bytes=1))
    begin(shelf).take(values(1, 2))
    second = ResultShelf(tmp_path, ResultLimits(flush_bytes=1))
    job = begin(second, attempt=2)
    job.take(values(9))
    job.finish()
    second.end("7")
    assert ints(ResultShelf(tmp_path)) == [9]


def test_beyond_its_budget_a_job_loses_items_and_says_so(tmp_path: Path) -> None:
    """What fits is kept in order; then the stream is flagged, and takes no more even where something would fit."""
    shelf = ResultShelf(tmp_path, ResultLimits(job_bytes_max=8 + 3 * 8))
    job = begin(shelf)
    job.take(values(1, 2))
    job.take(values(3, 4))
    job.take(values(5))
    assert ints(shelf) == [1, 2] and job.dataloss and mean(shelf) == 3.0
    states = {state.schema.name: state.dataloss for state in job.states()}
    assert states == {"all": True, "last": False}
    job.finish()
    shelf.end("7")
    assert ResultShelf(tmp_path).fetch("7", "all", 0, -1, 0).stream.dataloss


def test_the_oldest_ended_jobs_make_way_for_new_results(tmp_path: Path) -> None:
    """The controller's budget deletes ended jobs, oldest first, and never a running one."""
    shelf = ResultShelf(tmp_path, ResultLimits(controller_bytes_max=1_000))
    for job_id in ("1", "2"):
        job = begin(shelf, job_id)
        job.take(values(*range(40)))
        job.finish()
        shelf.end(job_id)
    running = begin(shelf, "3")
    running.take(values(*range(40)))
    with pytest.raises(AskedWrongly, match="not here"):
        shelf.fetch("1", "all", 0, -1, 0)
    assert ints(shelf, "2") == list(range(40)) and not running.dataloss
    running.take(values(*range(90)))
    assert running.dataloss and shelf.used_bytes <= 1_000


def test_dropping_results_leaves_running_jobs_alone(tmp_path: Path) -> None:
    """Only ended jobs are dropped; unknown and impossible names change nothing."""
    shelf = ResultShelf(tmp_path, ResultLimits(flush_bytes=1))
    job = begin(shelf)
    job.take(values(1))
    shelf.drop(["7", "8", "../7", "."])
    assert ints(shelf) == [1]
    job.finish()
    shelf.end("7")
    shelf.drop(["7"])
    assert list(tmp_path.iterdir()) == [] and shelf.used_bytes == 0
    with pytest.raises(AskedWrongly, match="not here"):
        shelf.fetch("7", "all", 0, -1, 0)


@pytest.mark.parametrize("job_id", ["", "..", "../x", "a/b", ".hidden", "x" * 65])
def test_a_job_id_is_no_path(tmp_path: Path, job_id: str) -> None:
    """Ids that could name another place are refused."""
    with pytest.raises(AskedWrongly):
        ResultShelf(tmp_path).fetch(job_id, "all", 0, -1, 0)


def test_large_ranges_come_in_parts(tmp_path: Path) -> None:
    """An answer carries at most FETCH_BYTES in bodies of at most CHUNK_BYTES; the parts make the whole."""
    count = 3 * limits.FETCH_BYTES // 16
    shelf = ResultShelf(tmp_path)
    job = begin(shelf)
    job.take([Arrival(0, np.arange(count))])
    job.finish()
    shelf.end("7")
    first = shelf.fetch("7", "all", 0, -1, 0)
    assert sum(map(len, first.bodies)) == limits.FETCH_BYTES and first.next_offset == limits.FETCH_BYTES
    assert max(map(len, first.bodies)) <= limits.CHUNK_BYTES
    assert ints(shelf) == list(range(count))
    assert ints(ResultShelf(tmp_path), start=count - 2, stop=count + 5) == [count - 2, count - 1]


def test_the_parts_of_a_large_last_item_are_of_one_item(tmp_path: Path) -> None:
    """A reader in the middle of an item is not given the newer one."""
    cells = limits.FETCH_BYTES // 8 + 10
    program = tree.Program(
        declarations=(),
        streams=PROGRAM.streams,
        body=(),
        nodes=(tree.Source(stream="r1"), tree.Buffer(of=0, lengths=(cells,))),
        results=(tree.Result(at=-1, tag="big", of=1, all=False),),
        sources=(),
    )
    shelf = ResultShelf(tmp_path)
    schema = StreamSchema(name="big", dtype="<i8", shape=[cells], many=False)
    job = shelf.begin("7", 1, Pipeline(program, {}), [schema])
    job.take([Arrival(0, np.full(cells, 1))])
    first = shelf.fetch("7", "big", 0, -1, 0)
    job.take([Arrival(0, np.full(cells, 2))])
    rest = shelf.fetch("7", "big", 0, -1, first.next_offset)
    assert rest.next_offset == 0
    item = np.frombuffer(b"".join([*first.bodies, *rest.bodies]), "<i8")
    assert item.shape == (cells,) and set(item.tolist()) == {1}
    job.finish()
    shelf.end("7")
    again = ResultShelf(tmp_path)
    tail = again.fetch("7", "big", 0, -1, limits.FETCH_BYTES)
    assert np.frombuffer(b"".join(tail.bodies), "<i8").tolist() == [2] * 10


def test_timestamps_are_packed_beside_values(tmp_path: Path) -> None:
    """An item with timestamps is a packed pair (value, int64); in a buffer, pairs one after another."""
    program = tree.Program(
        declarations=(),
        streams=(tree.StreamDeclaration(at=-1, name="r1", type="fixed"),),
        body=(),
        nodes=(tree.Source(stream="r1", timestamps=True), tree.Buffer(of=0, lengths=(2,))),
        results=(tree.Result(at=-1, tag="pairs", of=1, all=True),),
        sources=(),
    )
    shelf = ResultShelf(tmp_path)
    schema = StreamSchema(name="pairs", dtype="<f8", shape=[2], timestamps=True)
    job = shelf.begin("7", 1, Pipeline(program, {}), [schema])
    job.take([Arrival(0, np.array([1 << 27, 1 << 28]), np.array([16, 48]))])
    pairs = np.frombuffer(
        b"".join(shelf.fetch("7", "pairs", 0, -1, 0).bodies), [("value", "<f8"), ("timestamp", "<i8")]
    )
    assert pairs.tolist() == [(0.5, 16), (1.0, 48)]


def test_bools_take_a_byte(tmp_path: Path) -> None:
    """A bool stream is kept as numpy bools."""
    program = tree.Program(
        declarations=(),
        streams=(tree.StreamDeclaration(at=-1, name="r1", type="bool"),),
        body=(),
        nodes=(tree.Source(stream="r1"),),
        results=(tree.Result(at=-1, tag="b", of=0, all=True),),
        sources=(),
    )
    shelf = ResultShelf(tmp_path)
    job = shelf.begin("7", 1, Pipeline(program, {}), [StreamSchema(name="b", dtype="|b1")])
    job.take(values(1, 0, 1))
    assert shelf.fetch("7", "b", 0, -1, 0).bodies == [b"\x01\x00\x01"]


def test_an_unknown_stream_is_named_with_the_known_ones(tmp_path: Path) -> None:
    """The hint lists what there is."""
    shelf = ResultShelf(tmp_path)
    begin(shelf)
    with pytest.raises(AskedWrongly, match="no stream 'al'") as error:
        shelf.fetch("7", "al", 0, -1, 0)
    assert "all, last" in error.value.hint


def test_a_folder_deleted_under_a_reader_is_gone_not_a_crash(tmp_path: Path) -> None:
    """Somebody removed the files by hand."""
    shelf = ResultShelf(tmp_path)
    job = begin(shelf)
    job.take(values(1))
    job.finish()
    shelf.end("7")
    shutil.rmtree(tmp_path / "7")
    with pytest.raises(AskedWrongly, match="not here"):
        shelf.fetch("7", "all", 0, -1, 0)


@pytest.mark.parametrize(
    "garbage", [b"", b"\xc1", b"\x93\xa5items\x00", msgpack.packb({"a": 1}), b"\xdd" + b"\xff" * 4]
)
def test_a_chunk_of_garbage_is_no_results(tmp_path: Path, garbage: bytes) -> None:
    """A file that is no chunk makes the results of that job unreadable, nothing else."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "000000.chunk").write_bytes(garbage)
    with pytest.raises(AskedWrongly):
        ResultShelf(tmp_path).fetch("7", "all", 0, -1, 0)


def test_the_mean_in_the_file_is_the_mean(tmp_path: Path) -> None:
    """From saves to a file and back: the running average of 1..1000."""
    shelf = ResultShelf(tmp_path)
    job = begin(shelf)
    for part in np.array_split(np.arange(1, 1001), 13):
        job.take([Arrival(0, part)])
    job.finish()
    shelf.end("7")
    assert math.isclose(mean(shelf), 500.5, rel_tol=1e-15)


def test_every_record_of_a_chunk_is_bounded(tmp_path: Path) -> None:
    """A large batch is cut into records of at most record_bytes."""
    shelf = ResultShelf(tmp_path, ResultLimits(record_bytes=64))
    job = begin(shelf)
    job.take(values(*range(100)))
    job.finish()
    shelf.end("7")
    records: list[Any] = list(msgpack.Unpacker((tmp_path / "7" / "000000.chunk").open("rb")))
    assert max(len(record[3]) for record in records if record[0] == "items") == 64
    assert ints(ResultShelf(tmp_path, ResultLimits(record_bytes=64))) == list(range(100))


def test_large_items_of_save_go_to_disk_in_time_not_each_time(tmp_path: Path) -> None:
    """Rows make chunks by size; the newest item of a save stream only every few seconds, while its room lasts, and at
    the end in any case."""
    program = tree.Program(
        declarations=(),
        streams=PROGRAM.streams,
        body=(),
        nodes=(tree.Source(stream="r1"), tree.Buffer(of=0, lengths=(1_000,))),
        results=(tree.Result(at=-1, tag="big", of=1, all=False), tree.Result(at=-1, tag="all", of=0, all=True)),
        sources=(),
    )
    schemas = [StreamSchema(name="big", dtype="<i8", shape=[1_000], many=False), StreamSchema(name="all", dtype="<i8")]
    clock, asked = Clock(), []

    def reserve(size: int) -> bool:
        asked.append(size)
        return sum(asked) <= 3 * 8_000 + 10 * 8_000

    job = JobResults(1, Pipeline(program, {}), schemas, tmp_path / "7", ResultLimits(flush_bytes=8_000), reserve, clock)
    sizes = []
    for second in range(8):
        clock.now = 2.0 * second
        job.take([Arrival(0, np.full(1_000, second))])
        sizes.append(sum(path.stat().st_size for path in (tmp_path / "7").iterdir()))
    written = np.diff([0, *sizes])
    assert [bool(size > 15_000) for size in written] == [False] * 3 + [True] + [False] * 2 + [True] + [False]
    job.finish()
    last = ResultShelf(tmp_path).fetch("7", "big", 0, -1, 0)
    assert set(np.frombuffer(b"".join(last.bodies), "<i8").tolist()) == {7} and not job.dataloss


def test_pairs_are_packed_one_value_after_the_other(tmp_path: Path) -> None:
    """zip of an int and a buffer of fixeds: the bytes of `<i8,(2,)<f8`, before and after the disk."""
    program = msgspec.structs.replace(
        PROGRAM,
        streams=(tree.StreamDeclaration(at=-1, name="r1"), tree.StreamDeclaration(at=-1, name="r2", type="fixed")),
        nodes=(
            tree.Source(stream="r1"),
            tree.Source(stream="r2"),
            tree.Buffer(of=1, lengths=(2,)),
            tree.Zip(left=0, right=2),
        ),
        results=(tree.Result(at=-1, tag="pairs", of=3, all=True),),
    )
    shelf = ResultShelf(tmp_path)
    schema = StreamSchema(name="pairs", dtype="<i8,(2,)<f8")
    job = shelf.begin("7", 1, Pipeline(program, {}), [schema])
    job.take([Arrival(0, np.array([5, 6])), Arrival(1, np.array([1 << 27, 1 << 28, 3 << 28, 0]))])

    def fetched() -> Any:
        (body,) = shelf.fetch("7", "pairs", 0, -1, 0).bodies
        return np.frombuffer(body, np.dtype(schema.dtype)).tolist()

    before = fetched()
    job.finish()
    shelf.end("7")
    assert [(first, second.tolist()) for first, second in before] == [(5, [0.5, 1.0]), (6, [3.0, 0.0])]
    shelf = ResultShelf(tmp_path)
    assert [(first, second.tolist()) for first, second in fetched()] == [(5, [0.5, 1.0]), (6, [3.0, 0.0])]


def test_a_schema_of_another_size_is_a_fault_of_ours(tmp_path: Path) -> None:
    """Nothing is stored under a schema that the items do not have."""
    with pytest.raises(OurBug, match="another size"):
        ResultShelf(tmp_path).begin("7", 1, Pipeline(PROGRAM, {}), [SCHEMAS[0], StreamSchema(name="last", dtype="|b1")])
