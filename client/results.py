"""`job.result_handles`: the streams of a job by name, fetched while it runs and after (the platform's streams page).

Waiting parks on the broker. Fetching goes on by position: each answer holds what fits, the next is asked for where it
ended.
"""

from __future__ import annotations

import logging
import operator
from collections.abc import Collection, ItemsView, Iterator, KeysView, Mapping, ValuesView
from typing import TYPE_CHECKING, Any, Final, overload

from .._core.errors import AskedWrongly, OurBug, QuaymasterError
from .._core.program.limits import OWN_TAG_PREFIX
from .._core.wire import FINAL_STATES, StreamSchema, StreamState, requests
from .connection import Asker, WaitedLongEnough, timed_out
from .exceptions import DataFetchingError, QmValueError, StreamProcessingDataLossError

if TYPE_CHECKING:
    import numpy as np

LOGGER: Final = logging.getLogger("quaymaster")
VERY_LONG_S: Final = 2e6
_FAILED: Final = ("error", "canceled", "lost")
_WHOLE: Final = (0, slice(None), slice(1), slice(0, 1), slice(0, 1, 1), slice(0, None))
"""What may be given to a `save` handle without a warning: it has one item."""


class ResultHandle:
    """One stream of a job."""

    def __init__(self, results: ResultHandles, schema: StreamSchema) -> None:
        self._results = results
        self._schema = schema

    @property
    def name(self) -> str:
        """The stream's name."""
        return self._schema.name

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._results.job_id

    @property
    def expected_count(self) -> int:
        """How many items there will be, where that is known: 1 for a `save`, 0 (unknown) for a `save_all`."""
        return 0 if self._schema.many else 1

    @property
    def numpy_dtype(self) -> np.dtype[Any]:
        """The dtype of an item."""
        from .result_arrays import item_dtype

        return item_dtype(self._schema)

    def count_so_far(self) -> int:
        """How many items can be fetched now; also `len(handle)`."""
        return self._results.count_of(self.name)

    def __len__(self) -> int:
        return self.count_so_far()

    def __bool__(self) -> bool:
        return True  # a handle is one, also when nothing was saved yet

    def has_dataloss(self) -> bool:
        """Whether the job saved more than could be kept."""
        return self._results.has_dataloss()

    def is_processing(self) -> bool:
        """Whether more may come."""
        return self._results.is_processing()

    def wait_for_values(self, count: int = 1, timeout: float = VERY_LONG_S) -> None:
        """Wait until `count` items are there (none: not at all), or none can come any more.

        Raises QMTimeoutError (a TimeoutError).
        """
        self._results.wait(self.name, max(count, 0), timeout)

    def wait_for_all_values(self, timeout: float | None = None) -> bool:
        """Wait until all items are there. True if the job went well, False if it failed or was canceled."""
        return self._results.wait_for_all_values(timeout)

    def fetch_all(self, *, check_for_errors: bool = True, flat_struct: bool = False) -> Any:
        """All items that are there now; with `flat_struct` an item's shape is in the array's shape, not its dtype."""
        return self.fetch(slice(0, None), check_for_errors=check_for_errors, flat_struct=flat_struct)

    def fetch(
        self,
        item: int | slice,
        *,
        check_for_errors: bool = True,
        flat_struct: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """An item, or the items of a slice without step; items that are not there yet are left out.

        Raises StreamProcessingDataLossError where the stream has gaps.
        """
        start, stop = _range_of(item, self.name)
        return self._results.fetched(self._schema, start, stop, flat_struct, check_for_errors, timeout)

    def strict_fetch(self, item: int | slice, **options: Any) -> Any:
        """Same as `fetch`."""
        return self.fetch(item, **options)

    def __repr__(self) -> str:
        shape = f" of shape {tuple(self._schema.shape)}" if self._schema.shape else ""
        pairs = " with timestamps" if self._schema.timestamps else ""
        kind = "save_all" if self._schema.many else "save"
        return f"<{type(self).__name__} {self.name!r} of job {self.job_id}: {kind} {self._schema.dtype}{shape}{pairs}>"


class MultipleResultHandle(ResultHandle):
    """A stream that ends in `save_all`: items add up."""


class SingleResultHandle(ResultHandle):
    """A stream that ends in `save`: the last item counts."""

    def wait_for_values(self, count: int = 1, timeout: float = VERY_LONG_S) -> None:
        """Wait until there is an item. Raises RuntimeError for another count than 1."""
        if count != 1:
            raise RuntimeError("single result can wait only for a single value")
        super().wait_for_values(1, timeout)

    def fetch_all(self, *, check_for_errors: bool = True, flat_struct: bool = False) -> Any:
        """The item as it is now; None, with a warning, if there is none yet."""
        return self.fetch(0, check_for_errors=check_for_errors, flat_struct=flat_struct)

    def fetch(
        self,
        item: int | slice = 0,
        *,
        check_for_errors: bool = True,
        flat_struct: bool = False,
        timeout: float | None = None,
    ) -> Any:
        """The item as it is now, whatever index is given; None, with a warning, if there is none yet."""
        from .result_arrays import single_value

        if item not in _WHOLE:
            LOGGER.warning("Fetching single result will always return the single value")
        records = self._results.fetched(self._schema, 0, 1, False, check_for_errors, timeout)
        if len(records) == 0:
            LOGGER.warning("Nothing to fetch: no results were found. Please wait until the results are ready")
            return None
        return single_value(records)


class ResultHandles(Mapping[str, ResultHandle]):
    """The streams of one job by name: `handles.get("I")` (None if unknown), `handles.I`, `"I" in handles`.

    Iterating yields (name, handle), as on the platform; `keys()`, `items()` and `values()` are as of any mapping.
    """

    def __init__(self, connection: Asker, job_id: str) -> None:
        self._connection = connection
        self._job_id = job_id
        self._errors_told = False
        self._handles: dict[str, ResultHandle] = {
            stream.schema.name: (MultipleResultHandle if stream.schema.many else SingleResultHandle)(
                self, stream.schema
            )
            for stream in self._state().streams
            if not stream.schema.name.startswith(OWN_TAG_PREFIX)  # samples and report of a simulation
        }

    @property
    def job_id(self) -> str:
        """The job's id."""
        return self._job_id

    # -- the mapping -----------------------------------------------------------------------------------------------

    @overload
    def get(self, name: str, /) -> ResultHandle | None: ...

    @overload
    def get(self, name: str, /, default: Any) -> Any: ...

    def get(self, name: str, /, default: Any = None) -> Any:
        """The handle of a stream; `default` if the job has none of that name."""
        return self._handles.get(name, default)

    def __getitem__(self, name: str) -> ResultHandle:
        return self._handles.get(name)  # type: ignore[return-value]  # None if unknown, as on the platform

    def __getattr__(self, name: str) -> ResultHandle:
        handle = self.__dict__.get("_handles", {}).get(name)
        if handle is None:
            raise AttributeError(f"job {self.__dict__.get('_job_id')} has no stream {name!r}; it has {self._names()}")
        return handle  # type: ignore[no-any-return]

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._handles]

    def __iter__(self) -> Iterator[tuple[str, ResultHandle]]:  # type: ignore[override]
        return self.iterate_results()

    def iterate_results(self) -> Iterator[tuple[str, ResultHandle]]:
        """(name, handle) of each stream."""
        return iter(list(self._handles.items()))

    def __len__(self) -> int:
        return len(self._handles)

    def __contains__(self, name: object) -> bool:
        return name in self._handles

    def keys(self) -> KeysView[str]:
        """The names of the streams."""
        return self._handles.keys()

    def items(self) -> ItemsView[str, ResultHandle]:
        """(name, handle) of each stream."""
        return self._handles.items()

    def values(self) -> ValuesView[ResultHandle]:
        """The handles."""
        return self._handles.values()

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def _names(self) -> str:
        return ", ".join(self.__dict__.get("_handles", {})) or "none"

    def __repr__(self) -> str:
        return f"<ResultHandles of job {self._job_id}: {self._names()}>"

    # -- how far it has come ---------------------------------------------------------------------------------------

    def _state(self) -> requests.ResultsState:
        return self._connection.ask(requests.GetResultsState(job_id=self._job_id)).result

    def count_of(self, name: str) -> int:
        """How many items of a stream can be fetched now.

        Of a job that failed the keeper of its results is asked, where it is there: a controller that was lost had told
        of other items than it has kept.
        """
        state = self._state()
        counts = [stream.count for stream in state.streams if stream.schema.name == name]
        if not counts:
            raise DataFetchingError(f"Result named '{name}' not found for job {self._job_id}", code="unknown_stream")
        if state.state not in _FAILED or state.closed:
            return counts[0]
        asked = requests.Fetch(job_id=self._job_id, stream=name, start=0, stop=0, offset=0)
        try:
            return self._connection.ask(asked).result.stream.count
        except QuaymasterError as error:
            instead = {"controller_unavailable": counts[0], "controller_lost": counts[0], "results_gone": 0}
            if error.code not in instead:
                raise
            return instead[error.code]

    def is_processing(self) -> bool:
        """Whether more may come."""
        state = self._state()
        return not (state.done or state.closed)

    def has_dataloss(self) -> bool:
        """Whether the job saved more than could be kept."""
        return self._state().dataloss

    def wait(self, name: str, count: int, timeout: float) -> requests.ResultsState:
        """Park on the broker until a stream (all, where `name` is empty) has come so far (count -1: to its end), or the
        job has ended. With a timeout (s) of zero or less it is looked at once."""
        if timeout <= 0:
            state = self._state()
            if state.state in FINAL_STATES or _enough(state.streams, name, count):
                return state
            raise self._not_in_time(name, timeout)
        arguments = requests.WaitResults(job_id=self._job_id, stream=name, count=count)
        try:
            return self._connection.ask(arguments, wait_s=timeout).result
        except WaitedLongEnough:
            raise self._not_in_time(name, timeout) from None

    def _not_in_time(self, name: str, timeout: float) -> QuaymasterError:
        what = f"result {name}" if name else f"job {self._job_id}"
        return timed_out(f"{what} was not done in time ({timeout:g} s)", hint="the job goes on; wait again")

    def wait_for_all_values(self, timeout: float | None = None) -> bool:
        """Wait until everything is there. True if the job went well, False if it failed or was canceled.

        Raises QMTimeoutError (a TimeoutError) after `timeout` seconds; with zero or less it is looked at once.
        """
        state = self.wait("", -1, VERY_LONG_S if timeout is None else timeout)
        if state.closed or state.state in _FAILED:
            LOGGER.warning("Job failed or canceled, data processing has stopped, not all data is available")
            return False
        return True

    # -- fetching --------------------------------------------------------------------------------------------------

    def fetch_results(
        self,
        wait_until_done: bool = True,
        timeout: float = VERY_LONG_S,
        stream_names: Mapping[str, int | slice] | Collection[str] | None = None,
        item: int | slice | None = None,
    ) -> dict[str, Any]:
        """Results by name: of all streams, of those named, or of `{name: index or slice}`.

        Raises DataFetchingError for an unknown name, QmValueError for `{name: ...}` together with `item`.
        """
        if isinstance(stream_names, Mapping) and item is not None:
            raise QmValueError("Cannot specify both stream_names and item")
        if isinstance(stream_names, str):
            stream_names = [stream_names]
        names = list(self._handles if stream_names is None else stream_names)
        unknown = [name for name in names if name not in self._handles]
        if unknown:
            raise DataFetchingError(
                f"Unknown stream names: {unknown}; job {self._job_id} has {self._names()}", code="unknown_stream"
            )
        chosen = stream_names if isinstance(stream_names, Mapping) else dict.fromkeys(names, item)
        if wait_until_done:
            self.wait_for_all_values(timeout)
        fetched = {name: self._handles[name].fetch(slice(None) if at is None else at) for name, at in chosen.items()}
        for name in [name for name, value in fetched.items() if value is None]:
            LOGGER.warning("Failed to fetch results for stream '%s'", name)
            del fetched[name]
        return fetched

    def fetched(
        self,
        schema: StreamSchema,
        start: int,
        stop: int,
        flat_struct: bool,
        check_for_errors: bool,
        timeout: float | None,
    ) -> np.ndarray[Any, Any]:
        """Items `start` to `stop` (-1: all there are now) of a stream as an array, asked for answer by answer."""
        from .result_arrays import array_of

        wait_s = VERY_LONG_S if timeout is None else timeout
        chunks: list[Any] = []
        end, offset = stop, 0
        while True:
            asked = requests.Fetch(job_id=self._job_id, stream=schema.name, start=start, stop=end, offset=offset)
            try:
                found, bodies = self._connection.ask(asked, wait_s=wait_s)
            except WaitedLongEnough:
                raise timed_out(f"result {schema.name} was not fetched in time ({timeout:g} s)") from None
            if found.stream.dataloss:
                raise StreamProcessingDataLossError(f"Data loss detected in data for job: {self._job_id}")
            chunks += bodies
            if found.next_offset == 0:
                break
            if found.next_offset <= offset:
                raise OurBug(f"the fetch of {schema.name!r} stands still at byte {offset}", code="bad_answer")
            end, offset = found.stop, found.next_offset
        if check_for_errors and found.stream.closed:
            self._tell_errors(schema.name)
        return array_of(found.stream.schema, found.stop - found.start, chunks, flat_struct)

    def _tell_errors(self, name: str) -> None:
        """Log, once per job, that its report holds errors."""
        if self._errors_told:
            return
        self._errors_told = True
        report = self._connection.ask(requests.GetReport(job_id=self._job_id)).result
        if any(line.severity == "error" for line in report.entries):
            LOGGER.error(
                "Runtime errors were detected for stream named '%s'. "
                "Please fetch the execution report using job.execution_report() for more information",
                name,
            )


def _enough(streams: Collection[StreamState], name: str, count: int) -> bool:
    """Whether a stream (all, where `name` is empty) has `count` items (-1: all), as the broker says of waits."""
    asked_for = [stream for stream in streams if name in ("", stream.schema.name)]
    return bool(asked_for) and all(stream.closed or 0 <= count <= stream.count for stream in asked_for)


def _range_of(item: int | slice, name: str) -> tuple[int, int]:
    """(start, stop) of an index or slice; stop is -1 for an open end. Raises AskedWrongly `bad_value`."""
    if isinstance(item, slice):
        if item.step not in (1, None):
            raise AskedWrongly(
                f"Got step={item.step} for item named '{name}', Fetch supports step=1 or None in slices.",
                code="bad_value",
            )
        start = 0 if item.start is None else operator.index(item.start)
        stop = -1 if item.stop is None else operator.index(item.stop)
        if start < 0 or (item.stop is not None and stop < 0):
            raise QmValueError(f"fetch counts from 0 on; {item} of '{name}' has a negative end")
        return start, stop if stop < 0 else max(start, stop)
    try:
        index = operator.index(item)
    except TypeError:
        raise AskedWrongly(
            f"fetch supports only int or slice for item named '{name}', not {item!r:.50}", code="bad_value"
        ) from None
    if index < 0:
        raise QmValueError(f"fetch counts from 0 on; there is no item {index} of '{name}'")
    return index, index + 1
