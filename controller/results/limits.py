"""How much the results of a controller may take, each bound by name."""

from __future__ import annotations

from dataclasses import dataclass

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultLimits:
    """Bounds in bytes and seconds. Where a byte budget ends, items are dropped and the stream is flagged `dataloss`."""

    job_bytes_max: int = 4 * GIB
    """Stored results of one job."""
    controller_bytes_max: int = 32 * GIB
    """Stored results of all jobs; those of the oldest ended jobs are deleted first."""
    pairing_bytes_max: int = 64 * MIB
    """Items of the longer stream that an operator between two streams keeps until the other stream catches up."""
    buffers_bytes_max: int = 1 * GIB
    """What the buffers and averages of one job may hold at once; a program that needs more is refused."""
    item_bytes_max: int = 2 * GIB - 1
    """One item of a result, such as a raw trace; a program with larger ones is refused. numpy has no larger ones."""
    round_bytes_max: int = 8 * MIB
    """What the items of one operator may take at a time; more input is worked through in several rounds."""
    flush_bytes: int = 1 * MIB
    """So many new bytes make a chunk file."""
    flush_after_s: float = 5.0
    """Items older than this (or a twentieth of the job's age) are put on disk, however few."""
    record_bytes: int = 1 * MIB
    """The largest record in a chunk file."""
    open_jobs_max: int = 256
    """Ended jobs whose index of chunks stays in memory."""
