"""The rows that the broker lives from, and the changes that are made to them.

Everything that must outlive the broker is one of these records; the rest of the core (queues, port table, accounts, who
waits) is derived from them. A change replaces or drops one row, so applying the same changes again gives the same rows.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..._core.wire import Fault, JobOptions, JobState, Overrides, Simulation, StreamSchema, StreamState, ThreadNeed
from ..._core.wire.records import LatencyProfile
from ..._core.wire.requests import ReportLine


class JobRow(msgspec.Struct, frozen=True, kw_only=True):
    """One job, from its acceptance until it is forgotten."""

    job_id: str
    qm_id: str
    user: str
    request_id: str
    state: JobState
    place: int  # orders the queue of its qm; smaller is nearer to the front
    attempt: int = 0
    controller: str  # the one that runs it
    program_digest: str
    config_digest: str
    image_id: str
    options: JobOptions
    overrides: Overrides | None = None
    threads: list[ThreadNeed] = []
    note: str = ""
    paused: bool = False  # it runs, and is in a `pause()`
    halt_by: str = ""  # user who asked for its end while it was held by a controller
    added_at_ms: int
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    error: Fault | None = None
    entries: list[ReportLine] = []
    counts: dict[str, int] = {}
    streams: list[StreamState] = []
    told: bool = False  # the controller's last word on it has arrived
    cleared: bool = False  # its results were dropped
    simulation: Simulation | None = None  # a simulation has no qm: `qm_id` is empty


class QmRow(msgspec.Struct, frozen=True, kw_only=True):
    """One open qm. Its config is the body named by `config_digest`."""

    qm_id: str
    user: str
    opened_at_ms: int
    config_digest: str
    opened_digest: str  # of the config as it was opened, before any setter
    io1_raw: int = 0  # the 32 bits of a register, as a signed integer
    io2_raw: int = 0


class ProgramRow(msgspec.Struct, frozen=True, kw_only=True):
    """A program compiled on request, bound to its qm."""

    program_id: str
    qm_id: str
    user: str
    program_digest: str
    flags: list[str] = []
    numerics: str = "linear"
    latency: LatencyProfile = "ideal"
    seed: int | None = None


class ImageRow(msgspec.Struct, frozen=True, kw_only=True):
    """What a controller said of a program compiled against a config."""

    image_id: str
    program_digest: str
    threads: list[ThreadNeed] = []
    streams: list[StreamSchema] = []
    elements: list[str] = []
    warnings: list[str] = []


class ControllerRow(msgspec.Struct, frozen=True, kw_only=True):
    """A controller that has reported at least once."""

    name: str
    type: str
    fems: dict[int, str] = {}


class AnswerRow(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a change, kept so that a repeat of the request gets it again."""

    user: str
    request_id: str
    answered_at_ms: int
    method: str
    result: bytes  # MessagePack of the result record


class MetaRow(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of itself."""

    instance: str
    epoch: int = 1
    first_job: int  # ids count up from here
    last_qm_ms: int = 0
    next_program: int = 1


class BodyRow(msgspec.Struct, frozen=True, kw_only=True):
    """A program or a config, named by its content."""

    digest: str
    body: bytes


class Put(msgspec.Struct, frozen=True):
    """Write a row, in place of the one with the same key."""

    row: JobRow | QmRow | ProgramRow | ImageRow | ControllerRow | AnswerRow | MetaRow | BodyRow


class Drop(msgspec.Struct, frozen=True):
    """Forget the row of this table with this key."""

    table: str
    key: Any


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """The line of the log that names who made the changes around it."""

    revision: int
    at_ms: int
    user: str
    verb: str
    target: str


Change = Put | Drop | Logged

TABLE_OF: dict[type, str] = {
    JobRow: "job",
    QmRow: "qm",
    ProgramRow: "program",
    ImageRow: "image",
    ControllerRow: "controller",
    AnswerRow: "answer",
    MetaRow: "meta",
    BodyRow: "body",
}


def key_of(row: Any) -> Any:
    """The key of a row in its table."""
    match row:
        case JobRow():
            return row.job_id
        case QmRow():
            return row.qm_id
        case ProgramRow():
            return row.program_id
        case ImageRow():
            return row.image_id
        case ControllerRow():
            return row.name
        case AnswerRow():
            return (row.user, row.request_id)
        case BodyRow():
            return row.digest
    return "meta"


class Rows:
    """All rows in memory: what the store loads, what tests replay the log into."""

    def __init__(self, meta: MetaRow) -> None:
        self.tables: dict[str, dict[Any, Any]] = {name: {} for name in TABLE_OF.values()}
        self.tables["meta"]["meta"] = meta
        self.revision = 0
        self.other_bodies: set[str] = set()  # digests of bodies that are on disk but were not read

    @property
    def known_bodies(self) -> set[str]:
        """Digests of all bodies that are kept."""
        return self.other_bodies | self.tables["body"].keys()

    @property
    def meta(self) -> MetaRow:
        """The one row of the table "meta"."""
        row = self.tables["meta"]["meta"]
        assert isinstance(row, MetaRow)
        return row

    def apply(self, changes: list[Change]) -> None:
        """Make changes as the store would."""
        for change in changes:
            if isinstance(change, Put):
                self.tables[TABLE_OF[type(change.row)]][key_of(change.row)] = change.row
            elif isinstance(change, Drop):
                self.tables[change.table].pop(change.key, None)
            else:
                self.revision = change.revision
