"""All results of a controller: one folder per job, a budget of bytes, reading also after a restart."""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from ..._core.errors import AskedWrongly
from ..._core.wire import StreamSchema
from .chunk_files import FolderIndex, read_index
from .job_results import FetchedRange, JobResults, StoredResults
from .limits import ResultLimits
from .pipeline import Pipeline

_JOB_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
UNSAVED_JOBS_MAX = 10_000
"""Ended jobs without any result whose streams are remembered, so that a fetch finds them empty, not gone."""


class ResultShelf:
    """Makes, finds, reads and drops the results of jobs. Every method may be called from any OS thread."""

    def __init__(
        self, directory: Path, limits: ResultLimits | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.limits = limits or ResultLimits()
        self._clock = clock
        self._directory = directory
        self._lock = threading.Lock()
        self._running: dict[str, JobResults] = {}
        self._reserved: dict[str, int] = {}  # bytes granted to running jobs
        self._open: OrderedDict[str, StoredResults] = OrderedDict()
        self._empty: OrderedDict[str, StoredResults] = OrderedDict()
        directory.mkdir(parents=True, exist_ok=True)
        self._ended = _folder_sizes(directory)  # oldest first
        self._used = sum(self._ended.values())

    def begin(
        self, job_id: str, attempt: int, pipeline: Pipeline, schemas: Sequence[StreamSchema], record: bytes = b""
    ) -> JobResults:
        """The results of a job that starts; those of an older attempt are deleted. `record`: see `records`."""
        folder = self._folder(job_id)
        self.drop([job_id])
        results = JobResults(
            attempt,
            pipeline,
            schemas,
            folder,
            self.limits,
            lambda size: self._reserve(job_id, size),
            self._clock,
            record,
        )
        with self._lock:
            self._running[job_id] = results
            self._ended.pop(job_id, None)
        return results

    def end(self, job_id: str) -> None:
        """A job has finished its results: from now on its folder may be deleted when room is needed."""
        with self._lock:
            results = self._running.pop(job_id, None)
            if results is None:
                return
            if results.index.chunks:
                self._used += results.index.bytes - self._reserved.pop(job_id, 0)
                self._ended[job_id] = results.index.bytes
                self._remember(job_id, StoredResults(self._folder(job_id), results.index))
            else:
                self._used -= self._reserved.pop(job_id, 0)
                self._empty[job_id] = StoredResults(self._folder(job_id), FolderIndex(schemas=results.schemas))
                if len(self._empty) > UNSAVED_JOBS_MAX:
                    self._empty.popitem(last=False)

    def fetch(self, job_id: str, stream: str, start: int, stop: int, offset: int) -> FetchedRange:
        """Items of a stream. Raises AskedWrongly: `results_gone`, `unknown_stream`."""
        try:
            return self._find(job_id).fetch(stream, start, stop, offset)
        except FileNotFoundError:
            raise _gone(job_id) from None

    def drop(self, job_ids: Iterable[str]) -> None:
        """Delete the results of jobs that do not run; whatever else is named is left alone."""
        for job_id in job_ids:
            if not _JOB_ID.fullmatch(job_id):
                continue
            with self._lock:
                if job_id in self._running:
                    continue
                self._delete(job_id)

    @property
    def used_bytes(self) -> int:
        """Bytes that results take, those asked for by running jobs included."""
        return self._used

    # -- inside --------------------------------------------------------------------------------------------------------

    def _folder(self, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise AskedWrongly(f"{job_id!r} is no job id", code="bad_job_id", hint="letters, digits, - and _")
        return self._directory / job_id

    def _find(self, job_id: str) -> JobResults | StoredResults:
        folder = self._folder(job_id)
        with self._lock:
            running = self._running.get(job_id) or self._empty.get(job_id)
            if running is not None:
                return running
            known = self._open.get(job_id)
            if known is not None:
                self._open.move_to_end(job_id)
                return known
        index = read_index(folder, self.limits.record_bytes)
        if not index.chunks:
            raise _gone(job_id)
        stored = StoredResults(folder, index)
        with self._lock:
            self._remember(job_id, stored)
        return stored

    def _remember(self, job_id: str, stored: StoredResults) -> None:
        self._open[job_id] = stored
        self._open.move_to_end(job_id)
        while len(self._open) > self.limits.open_jobs_max:
            self._open.popitem(last=False)

    def _reserve(self, job_id: str, size: int) -> bool:
        """Room for `size` more bytes of a running job; the oldest ended jobs make way."""
        with self._lock:
            while self._used + size > self.limits.controller_bytes_max and self._ended:
                self._delete(next(iter(self._ended)))
            if self._used + size > self.limits.controller_bytes_max:
                return False
            self._used += size
            self._reserved[job_id] = self._reserved.get(job_id, 0) + size
            return True

    def _delete(self, job_id: str) -> None:
        self._used -= self._ended.pop(job_id, 0)
        self._open.pop(job_id, None)
        self._empty.pop(job_id, None)
        shutil.rmtree(self._directory / job_id, ignore_errors=True)


def _gone(job_id: str) -> AskedWrongly:
    return AskedWrongly(
        f"the results of job {job_id} are not here (any more)",
        code="results_gone",
        hint="they were cleared, made way for newer ones, or the job never saved anything",
    )


def _folder_sizes(directory: Path) -> dict[str, int]:
    """Bytes of each job's folder, oldest first."""
    folders = [path for path in directory.iterdir() if path.is_dir() and _JOB_ID.fullmatch(path.name)]
    folders.sort(key=lambda path: path.stat().st_mtime)
    return {path.name: sum(file.stat().st_size for file in path.iterdir()) for path in folders}
