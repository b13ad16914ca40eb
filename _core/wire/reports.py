"""What a controller tells the broker.

Reports that must not be lost carry a sequence number, 1, 2, 3, ... per controller instance, wait in the controller's
spool, and are sent again until a `commands.Acknowledge` covers them. The others (`hello`, `progress`, `fetched`,
`fetch_failed`, `standing`, `delivered`, `not_delivered`, `inventory`, `leaving`) have seq 0.
"""

# ruff: noqa: RUF012  (msgspec copies mutable defaults)

from __future__ import annotations

from typing import Literal

from .records import (
    Digest,
    ElementValues,
    Fault,
    JobState,
    Lines,
    Name,
    Names,
    Raw,
    Record,
    StreamSchema,
    StreamState,
    Text,
    ThreadNeed,
)
from .requests import ReportLine


class Matter(Record, frozen=True, kw_only=True, tag_field="report"):
    """What is reported."""


class Hello(Matter, frozen=True, kw_only=True, tag="hello"):
    """First words of a connection; the broker answers `commands.Welcome` and asks for an inventory."""

    name: Name
    type: Name  # "opx" | "opx+" | "opx1000"
    fems: dict[int, str] = {}
    instance: Name  # new with each process
    version: Name
    epoch: int = 0  # highest one seen
    alike: list[Name] = []  # other controllers with the same plant


class HeldJob(Record, frozen=True, kw_only=True):
    """A job that a controller knows of."""

    job_id: Name
    attempt: int
    state: JobState
    paused: bool = False
    waiting_for: Names = []


class Inventory(Matter, frozen=True, kw_only=True, tag="inventory"):
    """All that a controller holds now."""

    jobs: list[HeldJob] = []
    qm_ids: list[str] = []


class Compiled(Matter, frozen=True, kw_only=True, tag="compiled"):
    """A compilation ended: with an error, or with what the broker must know of the image."""

    compile_id: Name
    program_digest: Digest
    error: Fault | None = None
    threads: list[ThreadNeed] = []  # over every controller that the program's elements touch
    streams: list[StreamSchema] = []
    elements: list[str] = []
    warnings: Lines = []


class Status(Matter, frozen=True, kw_only=True, tag="status"):
    """A job changed its state. A short job may report its final state alone: `running` may be left out.

    With a final state come the streams as they are, the lines of the execution report, its counts, and the totals of
    the results where they are small (for views; the data stays with the controller).
    """

    job_id: Name
    attempt: int
    state: Literal["running", "processing", "completed", "error", "canceled"]
    error: Fault | None = None
    lines: list[ReportLine] = []
    counts: dict[str, int] = {}
    streams: list[StreamState] = []
    dataloss: bool = False
    io: list[Raw] = []  # both registers as the program left them, once it runs no more


class Lacking(Matter, frozen=True, kw_only=True, tag="lacking"):
    """A load named a program or a config that is not here; the broker sends it again with both bodies."""

    job_id: Name
    attempt: int


class StreamCount(Record, frozen=True, kw_only=True):
    """Items of one stream that can be fetched."""

    name: Name
    count: int
    closed: bool = False


class Progress(Matter, frozen=True, kw_only=True, tag="progress"):
    """How far the streams of a running job have come; at most ten a second and job."""

    job_id: Name
    attempt: int
    streams: list[StreamCount]
    dataloss: bool = False


class Standing(Matter, frozen=True, kw_only=True, tag="standing"):
    """A running job stands still, or no longer does: all that it saved before can be fetched by now."""

    job_id: Name
    attempt: int
    paused: bool = False
    waiting_for: Names = []


class Delivered(Matter, frozen=True, kw_only=True, tag="delivered"):
    """Answers a `commands.Deliver`: the job has it, and its record says so. Whether the job is in a pause now is told
    along, so that nobody takes an earlier pause for a new one."""

    delivery_id: Name
    job_id: Name
    attempt: int
    paused: bool = False
    io: list[Raw] = []  # both registers, where they were read or set
    element: ElementValues | None = None  # where one was read


class NotDelivered(Matter, frozen=True, kw_only=True, tag="not_delivered"):
    """Answers a `commands.Deliver` that cannot be followed; nothing was changed."""

    delivery_id: Name
    error: Fault


class FetchedData(Matter, frozen=True, kw_only=True, tag="fetched"):
    """Answers a `commands.FetchData`; the bytes follow as bodies of at most `limits.CHUNK_BYTES` each."""

    fetch_id: Name
    stream: StreamState
    start: int
    stop: int
    offset: int = 0
    next_offset: int = 0


class FetchFailed(Matter, frozen=True, kw_only=True, tag="fetch_failed"):
    """Answers a `commands.FetchData` that cannot be met."""

    fetch_id: Name
    error: Fault


class Trouble(Matter, frozen=True, kw_only=True, tag="trouble"):
    """A command could not be followed; for the broker's log and the people who read it."""

    command: Name
    error: Fault
    note: Text = ""


class Leaving(Matter, frozen=True, kw_only=True, tag="leaving"):
    """This controller was told to end: what runs is halted now, nothing new may be sent to it."""


Matters = (
    Hello
    | Inventory
    | Compiled
    | Status
    | Lacking
    | Progress
    | Standing
    | Delivered
    | NotDelivered
    | FetchedData
    | FetchFailed
    | Trouble
    | Leaving
)


class Report(Record, frozen=True, kw_only=True):
    """controller -> broker."""

    seq: int = 0
    matter: Matters
