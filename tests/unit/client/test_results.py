"""Result handles against a connection without sockets: mapping, waiting, dtypes and shapes of every kind of stream."""

from __future__ import annotations

import logging
import math
from typing import Any, NoReturn

import msgspec
import numpy as np
import pytest
from fake_connection import NEVER, FakeConnection
from hypothesis import given
from hypothesis import strategies as st

from quaymaster._core.errors import AskedWrongly, OurBug, QuaymasterError, Taken
from quaymaster._core.wire import StreamSchema, StreamState, requests
from quaymaster.client.exceptions import (
    DataFetchingError,
    QmNoResultsError,
    QMTimeoutError,
    StreamProcessingDataLossError,
)
from quaymaster.client.jobs import QmJob
from quaymaster.client.results import MultipleResultHandle, ResultHandles, SingleResultHandle


class Store:
    """Streams of one job as a controller keeps them: a schema and the bytes of its items."""

    def __init__(self, connection: FakeConnection, *, answer_bytes: int = 1 << 20, chunk_bytes: int = 1 << 20) -> None:
        self.connection = connection
        self.streams: dict[str, tuple[StreamSchema, bytes, int]] = {}
        self.answer_bytes, self.chunk_bytes = answer_bytes, chunk_bytes
        self.state: Any = "completed"
        self.closed = False
        self.dataloss = False
        connection.on(requests.GetResultsState, lambda asked: self.results_state())
        connection.on(requests.WaitResults, lambda asked: self.results_state())
        connection.on(requests.Fetch, self.fetch)
        connection.on(requests.GetReport, requests.ExecutionReport(job_id="7", state="completed"))

    def add(self, name: str, dtype: str, items: Any, shape: tuple[int, ...] = (), **kind: bool) -> None:
        """Keep items, given as what numpy packs: values, or (value, timestamp) pairs."""
        schema = StreamSchema(name=name, dtype=dtype, shape=list(shape), **kind)
        packed = np.dtype([("value", dtype), ("timestamp", "<i8")]) if schema.timestamps else np.dtype(dtype)
        array = np.array(items, packed)
        self.streams[name] = (schema, array.tobytes(), len(items))

    def stream_state(self, name: str) -> StreamState:
        schema, _, count = self.streams[name]
        final = self.state in ("completed", "error", "canceled")
        return StreamState(schema=schema, count=count, closed=final, dataloss=self.dataloss)

    def results_state(self) -> requests.ResultsState:
        return requests.ResultsState(
            job_id="7",
            state=self.state,
            streams=[self.stream_state(name) for name in self.streams],
            done=self.state in ("completed", "error", "canceled"),
            closed=self.closed,
            dataloss=self.dataloss,
        )

    def fetch(self, asked: requests.Fetch) -> tuple[requests.Fetched, list[bytes]]:
        _, data, count = self.streams[asked.stream]
        size = len(data) // count if count else 0
        start = min(asked.start, count)
        stop = count if asked.stop < 0 else max(start, min(asked.stop, count))
        rest = data[start * size : stop * size][asked.offset :]
        part = rest[: self.answer_bytes]
        chunks = [part[at : at + self.chunk_bytes] for at in range(0, len(part), self.chunk_bytes)]
        following = asked.offset + len(part) if len(part) < len(rest) else 0
        state = self.stream_state(asked.stream)
        return requests.Fetched(
            stream=state, start=start, stop=stop, offset=asked.offset, next_offset=following
        ), chunks


@pytest.fixture
def connection() -> FakeConnection:
    return FakeConnection()


@pytest.fixture
def store(connection: FakeConnection) -> Store:
    return Store(connection)


@pytest.fixture
def handles(connection: FakeConnection, store: Store) -> ResultHandles:
    """I: save_all of three fixed; n: save of an int; trace: save_all of two buffers of four; none: no item yet."""
    store.add("I", "<f8", [0.25, -0.5, 0.125])
    store.add("n", "<i8", [41], many=False)
    store.add("trace", "<i8", [[1, 2, 3, 4], [5, 6, 7, 8]], shape=(4,))
    store.add("none", "<f8", [], many=False)
    return QmJob(connection, "7").result_handles


# -- the mapping ------------------------------------------------------------------------------------------------------


def test_handles_are_a_mapping_by_name(handles: ResultHandles) -> None:
    """get (None if unknown), [], attributes, in, keys, items, values, len; iterating yields (name, handle)."""
    assert isinstance(handles.get("I"), MultipleResultHandle)
    assert isinstance(handles.n, SingleResultHandle)
    assert handles.get("x") is None
    assert handles.get("x", 5) == 5
    assert handles["trace"] is handles.trace
    assert "I" in handles
    assert "x" not in handles
    assert list(handles.keys()) == ["I", "n", "trace", "none"]
    assert [name for name, _ in handles] == ["I", "n", "trace", "none"]
    assert dict(handles.items())["n"] is handles.n
    assert len(list(handles.values())) == len(handles) == 4
    assert hasattr(handles, "I")
    assert not hasattr(handles, "x")


def test_an_unknown_attribute_names_the_streams(handles: ResultHandles) -> None:
    """A typing error in a stream's name is answered with the names there are."""
    with pytest.raises(AttributeError, match="I, n, trace, none"):
        _ = handles.Q


def test_a_handle_tells_about_itself(handles: ResultHandles) -> None:
    """name, job_id, numpy_dtype, expected_count, count_so_far, len, and a repr that asks nobody."""
    assert (handles.I.name, handles.I.job_id) == ("I", "7")
    assert handles.I.numpy_dtype == np.dtype([("value", "<f8")])
    assert handles.trace.numpy_dtype == np.dtype([("value", "<i8", (4,))])
    assert (handles.I.count_so_far(), len(handles.I), len(handles.none)) == (3, 3, 0)
    assert bool(handles.none)
    assert handles.n.expected_count == 1
    assert repr(handles.trace) == "<MultipleResultHandle 'trace' of job 7: save_all <i8 of shape (4,)>"
    assert repr(handles) == "<ResultHandles of job 7: I, n, trace, none>"


# -- dtypes and shapes ------------------------------------------------------------------------------------------------


def test_save_all_of_scalars_is_a_record_array(handles: ResultHandles) -> None:
    """n items, one field "value"; flat_struct changes nothing."""
    for flat in (False, True):
        found = handles.I.fetch_all(flat_struct=flat)
        assert found.dtype == np.dtype([("value", "<f8")])
        assert found.shape == (3,)
        assert found["value"].tolist() == [0.25, -0.5, 0.125]


def test_save_of_a_scalar_is_a_numpy_scalar(handles: ResultHandles) -> None:
    """One layer is peeled: a numpy scalar, flat or not."""
    for flat in (False, True):
        found = handles.n.fetch_all(flat_struct=flat)
        assert isinstance(found, np.int64)
        assert found == 41


def test_save_all_of_buffers(handles: ResultHandles) -> None:
    """The buffer's length is in the field's shape; flat, it is in the array's."""
    found = handles.trace.fetch_all()
    assert (found.dtype, found.shape) == (np.dtype([("value", "<i8", (4,))]), (2,))
    assert found["value"].tolist() == [[1, 2, 3, 4], [5, 6, 7, 8]]
    flat = handles.trace.fetch_all(flat_struct=True)
    assert (flat.dtype, flat.shape) == (np.dtype("<i8"), (2, 4))
    flat[0, 0] = 9  # the caller's own


def test_one_item_of_save_all(connection: FakeConnection, store: Store) -> None:
    """One item: a record array of one with value of shape (1, n); flat, without the leading axis."""
    store.add("t", "<i8", [[1, 2, 3]], shape=(3,))
    handle = ResultHandles(connection, "7").t
    assert handle.fetch_all()["value"].shape == (1, 3)
    assert handle.fetch_all(flat_struct=True).tolist() == [1, 2, 3]


def test_nested_buffers(connection: FakeConnection, store: Store) -> None:
    """buffer(10).buffer(5): sub-shape (5, 10), flat (n, 5, 10); its save is an array (5, 10)."""
    data = np.arange(150.0).reshape(3, 5, 10)
    store.add("all", "<f8", data, shape=(5, 10))
    store.add("last", "<f8", data[:1], shape=(5, 10), many=False)
    handles = ResultHandles(connection, "7")
    assert handles.get("all").fetch_all()["value"].shape == (3, 5, 10)
    assert np.array_equal(handles.get("all").fetch_all(flat_struct=True), data)
    for flat in (False, True):
        assert np.array_equal(handles.last.fetch_all(flat_struct=flat), data[0])


def test_save_of_a_buffer_is_an_array(connection: FakeConnection, store: Store) -> None:
    """save of buffer(5): shape (5,), also for a buffer of one."""
    store.add("b", "<f8", [[1, 2, 3, 4, 5]], shape=(5,), many=False)
    store.add("one", "<f8", [[1]], shape=(1,), many=False)
    handles = ResultHandles(connection, "7")
    assert handles.b.fetch_all().tolist() == [1, 2, 3, 4, 5]
    assert handles.one.fetch_all().shape == (1,)


def test_timestamps_are_a_second_field(connection: FakeConnection, store: Store) -> None:
    """value and timestamp (int64): records for save_all, one record for save, shapes inside for buffers."""
    store.add("all", "<i8", [(5, 100), (6, 200)], timestamps=True)
    store.add("last", "<f8", [(0.5, 300)], timestamps=True, many=False)
    store.add("buffered", "<i8", [[(1, 10), (2, 20)], [(3, 30), (4, 40)]], shape=(2,), timestamps=True)
    handles = ResultHandles(connection, "7")
    both = handles.get("all").fetch_all()
    assert both.dtype == np.dtype([("value", "<i8"), ("timestamp", "<i8")])
    assert (both["value"].tolist(), both["timestamp"].tolist()) == ([5, 6], [100, 200])
    assert (handles.last.fetch_all()["value"], handles.last.fetch_all()["timestamp"]) == (0.5, 300)
    buffered = handles.buffered.fetch_all()
    assert buffered["value"].tolist() == [[1, 2], [3, 4]]
    assert buffered["timestamp"].tolist() == [[10, 20], [30, 40]]


def test_pairs_have_two_fields(connection: FakeConnection, store: Store) -> None:
    """zip: fields value_0 and value_1, each in its own type and shape; `save` gives the one record."""
    store.add("pairs", "<i8,(2,)<f8", [(1, [0.5, 1.5]), (2, [2.5, 3.5])])
    store.add("last", "<i8,|b1", [(7, True)], many=False)
    handles = ResultHandles(connection, "7")
    for flat in (False, True):
        found = handles.pairs.fetch_all(flat_struct=flat)
        assert found.dtype == np.dtype([("value_0", "<i8"), ("value_1", "<f8", (2,))])
        assert found["value_0"].tolist() == [1, 2]
        assert found["value_1"].tolist() == [[0.5, 1.5], [2.5, 3.5]]
        one = handles.last.fetch_all(flat_struct=flat)
        assert (one["value_0"], one["value_1"]) == (7, True)
    assert handles.pairs.numpy_dtype == np.dtype([("value_0", "<i8"), ("value_1", "<f8", (2,))])


def test_narrow_wire_types_are_widened(connection: FakeConnection, store: Store) -> None:
    """int32, float32 and bool on the wire are int64, float64 and bool for users."""
    store.add("i", "<i4", [-7, 2**31 - 1])
    store.add("f", "<f4", [0.5])
    store.add("b", "|b1", [True, False])
    handles = ResultHandles(connection, "7")
    assert handles.i.fetch_all()["value"].dtype == np.int64
    assert handles.i.fetch_all()["value"].tolist() == [-7, 2**31 - 1]
    assert handles.f.fetch_all()["value"].dtype == np.float64
    assert handles.b.fetch_all()["value"].dtype == np.bool_
    assert handles.b.fetch_all()["value"].tolist() == [True, False]


# -- fetching ---------------------------------------------------------------------------------------------------------


def test_fetch_takes_an_index_or_a_slice(handles: ResultHandles) -> None:
    """An index is one item, a slice a range; what is not there yet is left out."""
    assert handles.I.fetch(1)["value"].tolist() == [-0.5]
    assert handles.I.fetch(np.int64(2))["value"].tolist() == [0.125]
    assert handles.I.fetch(slice(1, 3))["value"].tolist() == [-0.5, 0.125]
    assert handles.I.fetch(slice(2))["value"].tolist() == [0.25, -0.5]
    assert handles.I.fetch(slice(1, 99))["value"].tolist() == [-0.5, 0.125]
    assert handles.I.fetch(99).shape == (0,)
    assert handles.I.fetch(slice(2, 1)).shape == (0,)


@pytest.mark.parametrize("wrong", [slice(0, 3, 2), -1, slice(-2, None), slice(0, -1), "x", 1.5, None])
def test_fetch_refuses_other_indices(handles: ResultHandles, wrong: Any) -> None:
    """A step, negative ends, and what is no index are refused before anything is asked."""
    with pytest.raises(QuaymasterError) as caught:
        handles.I.fetch(wrong)
    assert caught.value.code == "bad_value"


def test_large_results_come_in_pieces_and_go_on_by_position(connection: FakeConnection) -> None:
    """Answers hold what fits; the next asks from the byte where it ended, for the range of the first answer."""
    store = Store(connection, answer_bytes=1000, chunk_bytes=333)
    data = np.arange(1000.0).reshape(100, 10)
    store.add("big", "<f8", data, shape=(10,))
    handle = ResultHandles(connection, "7").big
    connection.asked.clear()
    assert np.array_equal(handle.fetch_all(flat_struct=True), data)
    fetches = [asked for asked in connection.asked if isinstance(asked, requests.Fetch)]
    assert [asked.offset for asked in fetches] == list(range(0, 8000, 1000))
    assert {(asked.start, asked.stop) for asked in fetches[1:]} == {(0, 100)}
    assert np.array_equal(handle.fetch(slice(7, 93), flat_struct=True), data[7:93])


@given(
    dtype=st.sampled_from(["<i8", "<f8", "|b1"]),
    shape=st.lists(st.integers(1, 4), max_size=3),
    count=st.integers(0, 20),
    timestamps=st.booleans(),
    answer_bytes=st.integers(1, 500),
    ends=st.tuples(st.integers(0, 25), st.integers(0, 25)),
)
def test_any_range_arrives_whole_in_any_pieces(
    dtype: str, shape: list[int], count: int, timestamps: bool, answer_bytes: int, ends: tuple[int, int]
) -> None:
    """Whatever the type, the shape and the sizes of answers, a slice is what numpy's slice of all items is."""
    connection = FakeConnection()
    store = Store(connection, answer_bytes=answer_bytes, chunk_bytes=max(1, answer_bytes // 3))
    values = (np.arange(count * math.prod(shape)).reshape(count, *shape) % 251).astype(dtype)
    stamps = np.arange(values.size).reshape(values.shape) * 1000
    items = values
    if timestamps:
        items = np.empty(values.shape, [("value", dtype), ("timestamp", "<i8")])
        items["value"], items["timestamp"] = values, stamps
    store.add("s", dtype, items, shape=tuple(shape), timestamps=timestamps)
    handle = ResultHandles(connection, "7").s
    start, stop = ends
    found = handle.fetch(slice(start, stop))
    assert np.array_equal(found["value"], values[start : max(start, stop)])
    if timestamps:
        assert np.array_equal(found["timestamp"], stamps[start : max(start, stop)])
    assert np.array_equal(handle.fetch_all()["value"], values)


def test_a_fetch_that_stands_still_is_an_error(connection: FakeConnection, store: Store) -> None:
    """An answer that never gets further, or holds too few bytes, does not loop and does not invent data."""
    store.add("I", "<f8", [1.0, 2.0])
    handle = ResultHandles(connection, "7").I
    state = store.stream_state("I")
    connection.on(requests.Fetch, (requests.Fetched(stream=state, start=0, stop=2, offset=0, next_offset=0), [b"1234"]))
    with pytest.raises(OurBug, match="4 bytes"):
        handle.fetch_all()
    connection.on(requests.Fetch, (requests.Fetched(stream=state, start=0, stop=2, next_offset=8), [bytes(8)]))
    with pytest.raises(OurBug, match="stands still"):
        handle.fetch_all()


def test_a_save_handle_has_one_item(handles: ResultHandles, caplog: pytest.LogCaptureFixture) -> None:
    """Any index gives the item, with a warning; nothing there yet is None, with a warning."""
    with caplog.at_level(logging.WARNING, "quaymaster"):
        assert handles.n.fetch(0) == handles.n.fetch(slice(None)) == 41
        assert caplog.text == ""
        assert handles.n.fetch(3) == 41
        assert "always return the single value" in caplog.text
        caplog.clear()
        assert handles.none.fetch_all() is None
        assert "Nothing to fetch" in caplog.text


def test_data_loss_is_an_error_at_fetch(handles: ResultHandles, store: Store) -> None:
    """A stream with gaps raises instead of returning them; has_dataloss tells before."""
    assert handles.I.has_dataloss() is False
    store.dataloss = True
    assert handles.I.has_dataloss() is True
    with pytest.raises(StreamProcessingDataLossError, match="job: 7"):
        handles.I.fetch_all()


def test_run_time_errors_are_logged_once(
    connection: FakeConnection, handles: ResultHandles, caplog: pytest.LogCaptureFixture
) -> None:
    """A job whose report holds errors says so at the first fetch after its end, unless check_for_errors is off."""
    line = requests.ReportLine(code=3, severity="error", message="index out of range")
    connection.on(requests.GetReport, requests.ExecutionReport(job_id="7", state="completed", entries=[line]))
    with caplog.at_level(logging.ERROR, "quaymaster"):
        handles.I.fetch_all(check_for_errors=False)
        assert caplog.text == ""
        handles.I.fetch_all()
        handles.trace.fetch_all()
    assert caplog.text.count("execution_report()") == 1


def test_cleared_results_are_named(handles: ResultHandles, connection: FakeConnection) -> None:
    """Results that were cleared raise QmNoResultsError."""
    connection.on(requests.Fetch, AskedWrongly("the results of job 7 were cleared", code="results_cleared"))
    with pytest.raises(QmNoResultsError):
        handles.I.fetch_all()


def test_fetch_results(handles: ResultHandles, connection: FakeConnection, store: Store) -> None:
    """A dict of all that has data; chosen names, or a mapping of names to indices; unknown names are an error."""
    found = handles.fetch_results()
    assert list(found) == ["I", "n", "trace"]
    assert any(isinstance(asked, requests.WaitResults) for asked in connection.asked)
    assert list(handles.fetch_results(stream_names=["n"])) == ["n"]
    assert handles.fetch_results(stream_names={"I": 0})["I"]["value"].tolist() == [0.25]
    assert handles.fetch_results(stream_names=["I"], item=slice(0, 2))["I"].shape == (2,)
    with pytest.raises(DataFetchingError, match="nope"):
        handles.fetch_results(stream_names=["nope"])
    with pytest.raises(ValueError, match="Cannot specify both"):
        handles.fetch_results(stream_names={"I": 0}, item=0)
    connection.asked.clear()
    handles.fetch_results(wait_until_done=False, stream_names=["I"])
    assert not any(isinstance(asked, requests.WaitResults) for asked in connection.asked)
    connection.on(requests.WaitResults, NEVER)
    with pytest.raises(QMTimeoutError):
        handles.fetch_results(timeout=0.1)


# -- waiting ----------------------------------------------------------------------------------------------------------


def test_waiting_parks_on_the_broker(handles: ResultHandles, connection: FakeConnection) -> None:
    """One request each, no polling: count and stream go to the broker, the timeout stays with the caller."""
    connection.asked.clear()
    connection.waits.clear()
    handles.I.wait_for_values(2, timeout=9.0)
    handles.n.wait_for_values()
    assert handles.wait_for_all_values(timeout=5.0) is True
    assert connection.asked == [
        requests.WaitResults(job_id="7", stream="I", count=2),
        requests.WaitResults(job_id="7", stream="n", count=1),
        requests.WaitResults(job_id="7"),
    ]
    assert connection.waits[0] == 9.0
    assert connection.waits[2] == 5.0


def test_a_save_handle_waits_for_one_value_only(handles: ResultHandles) -> None:
    """Another count is a RuntimeError, as on the platform."""
    with pytest.raises(RuntimeError, match="single value"):
        handles.n.wait_for_values(2)


@pytest.mark.parametrize(("state", "good"), [("completed", True), ("canceled", False), ("error", False)])
def test_wait_for_all_values_says_whether_the_job_went_well(
    handles: ResultHandles, store: Store, state: str, good: bool
) -> None:
    """True when done, False if the job failed or was canceled; is_processing is over then."""
    store.state = state
    assert handles.wait_for_all_values() is good
    assert handles.I.wait_for_all_values() is good
    assert handles.is_processing() is False


def test_waiting_in_vain_is_a_timeout(handles: ResultHandles, store: Store, connection: FakeConnection) -> None:
    """A TimeoutError that names the stream or the job; the job goes on."""
    store.state = "running"
    connection.on(requests.WaitResults, NEVER)
    assert handles.is_processing() is True
    with pytest.raises(TimeoutError, match="result I was not done in time"):
        handles.I.wait_for_values(5, timeout=0.1)
    with pytest.raises(TimeoutError, match="job 7 was not done in time"):
        handles.wait_for_all_values(timeout=0.1)


def test_what_a_lost_controller_kept_is_counted(
    handles: ResultHandles, store: Store, connection: FakeConnection
) -> None:
    """Of a job that failed the count is that of the items that can be fetched; with no controller there, what was last
    heard of them."""
    heard = store.results_state()
    streams = [msgspec.structs.replace(stream, count=0) for stream in heard.streams]
    connection.on(requests.GetResultsState, msgspec.structs.replace(heard, state="error", streams=streams))
    assert (len(handles.I), handles.I.count_so_far()) == (3, 3)

    def away(asked: requests.Fetch) -> NoReturn:
        raise Taken("controller con1 is not connected", code="controller_unavailable")

    def gone(asked: requests.Fetch) -> NoReturn:
        raise AskedWrongly("the results of job 7 are gone", code="results_gone")

    for answer in (away, gone):
        connection.on(requests.Fetch, answer)
        assert len(handles.I) == 0


def test_a_timeout_of_zero_looks_at_once(handles: ResultHandles, store: Store, connection: FakeConnection) -> None:
    """What is there is there, what is not there is a TimeoutError; nothing waits on the broker."""
    assert handles.wait_for_all_values(0) is True
    assert handles.I.wait_for_all_values(timeout=0.0) is True
    handles.I.wait_for_values(7, timeout=0)
    store.state = "canceled"
    assert handles.wait_for_all_values(0) is False
    store.state = "running"
    handles.I.wait_for_values(3, timeout=0)
    handles.I.wait_for_values(-1, timeout=0)  # not "to its end", which is -1 on the wire
    with pytest.raises(TimeoutError, match="result I was not done in time"):
        handles.I.wait_for_values(4, timeout=0)
    with pytest.raises(TimeoutError, match="job 7 was not done in time"):
        handles.wait_for_all_values(0)
    assert not any(isinstance(asked, requests.WaitResults) for asked in connection.asked)


def test_a_controller_that_is_gone(handles: ResultHandles, connection: FakeConnection) -> None:
    """What the broker refuses arrives with its code."""
    connection.on(requests.Fetch, Taken("controller con1 is not connected", code="controller_unavailable"))
    with pytest.raises(Taken) as caught:
        handles.I.fetch_all()
    assert caught.value.code == "controller_unavailable"
