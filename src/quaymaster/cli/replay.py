"""`quaymaster replay`: run a job again from its record, and say whether the results are the same bits."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from .._core.errors import AskedWrongly, QuaymasterError
from ..controller.records.replay import Replayed, replay
from .cluster_file import read_cluster
from .json_output import json_of


def replay_job(job_id: str, directory: Path, cluster: Path | None, as_json: bool) -> bool:
    """Run a job again; prints what is the same and what is not. True where all is.

    The controllers are those of a cluster file, or of the embedded cluster in `directory`. Raises AskedWrongly.
    """
    if not job_id.isascii() or not job_id.isalnum():
        raise AskedWrongly(f"{job_id!r:.80} is no job id", code="bad_job_id")
    done = _replayed(job_id, cluster or directory / "cluster.toml")
    print(json_of(done)) if as_json else _show(done)
    return done.same


def _replayed(job_id: str, cluster: Path) -> Replayed:
    """From the controller that has the record; an error of one that has more than nothing goes first."""
    gone: QuaymasterError | None = None
    for entry in read_cluster(cluster).controllers:
        try:
            return replay(Path(entry.directory), job_id)
        except AskedWrongly as error:
            if error.code != "record_gone":
                raise
            gone = gone or error
    assert gone is not None
    raise gone


def _show(done: Replayed) -> None:
    table = Table("result", "items", "", title=f"job {done.job_id} of {done.controller}, again", title_justify="left")
    for stream in done.streams:
        table.add_row(stream.name, str(stream.items), stream.difference or "the same bits")
    console = Console()
    if done.streams:
        console.print(table)
    came = f"{done.from_outside} thing{'s' if done.from_outside != 1 else ''} came from outside"
    if done.same:
        console.print(f"{came}; every result is the same, bit by bit")
    else:
        console.print(f"{came}; NOT the same as the record says{f': {done.trouble}' if done.trouble else ''}")
