"""What a client may ask of the broker: one record of arguments and one of result per method.

The method's name is the tag of its arguments, so one typed decode reads both. A method whose docstring says *parked* is
answered when what it waits for is true, or with `pending` after `limits.PARK_MS`; the client then sends the same
request (same request_id) again. `compile`, `add_job` and `execute` are parked only while a controller compiles.

A method marked *change* is done once per (user, request_id), however often it is sent.
"""

# ruff: noqa: RUF012  (msgspec copies mutable defaults)

from __future__ import annotations

from typing import Annotated, Generic, TypeVar, get_args

import msgspec

from . import limits
from .parcels import ToJob
from .records import (
    CloseMode,
    ControllerInfo,
    Digest,
    ElementValues,
    Fault,
    JobOptions,
    JobState,
    LatencyProfile,
    Lines,
    Name,
    Names,
    Note,
    Overrides,
    Raw,
    Record,
    Simulation,
    StreamState,
    Text,
    ThreadNeed,
)

R_co = TypeVar("R_co", bound=Record, covariant=True)


class Asks(Record, Generic[R_co], frozen=True, kw_only=True, tag_field="method"):
    """Arguments of a method that answers with an `R_co`."""


# -- results ---------------------------------------------------------------------------------------------------------


class Done(Record, frozen=True, kw_only=True):
    """Nothing to say but that it was done."""


class ClusterInfo(Record, frozen=True, kw_only=True):
    """Who answers."""

    version: Name  # of the broker's quaymaster
    api: Name  # the api profile, "qop2" or "qop3"
    latency: LatencyProfile = "ideal"  # of jobs that name none
    capabilities: Names
    controllers: list[ControllerInfo]
    instance: Name  # of the broker's store; stays the same over restarts
    user: Name  # as whom the broker sees this client
    events: Name = ""  # endpoint of the broker's hints (PUB)


class OpenedQm(Record, frozen=True, kw_only=True):
    """A qm was opened."""

    qm_id: Name
    closed_qms: Names = []
    canceled_jobs: Names = []
    warnings: Lines = []


class QmList(Record, frozen=True, kw_only=True):
    """Ids of open qms, oldest first."""

    qm_ids: list[str]


class QmInfo(Record, frozen=True, kw_only=True):
    """One open qm."""

    qm_id: Name
    opened_by: Name
    opened_at_ms: int
    controllers: Names
    ports: list[str]
    shared_with: list[str] = []  # qms that share a port with this one
    running_job: str | None = None  # loading or running
    pending_jobs: int = 0
    config_digest: Digest = ""


class ClosedQms(Record, frozen=True, kw_only=True):
    """Qms that were closed, and the jobs that ended with them."""

    qm_ids: list[str]
    canceled_jobs: list[str] = []


class ConfigFound(Record, frozen=True, kw_only=True):
    """The effective config follows as body 0."""

    config_digest: Digest
    warnings: Lines = []


class IoValues(Record, frozen=True, kw_only=True):
    """The 32 bits of both registers, as signed integers."""

    io1: Raw = 0
    io2: Raw = 0


class CompiledProgram(Record, frozen=True, kw_only=True):
    """A program that may be queued by id, on this qm alone, until the qm is closed."""

    program_id: Name
    threads: list[ThreadNeed] = []
    warnings: Lines = []


class JobAdded(Record, frozen=True, kw_only=True):
    """A job was accepted; it will end exactly once."""

    job_id: Name
    position: int  # 1-based, at the moment of acceptance; it may be loading by now
    removed_jobs: list[str] = []  # by `execute`
    canceled_jobs: list[str] = []  # by `execute`
    warnings: Lines = []


class JobInfo(Record, frozen=True, kw_only=True):
    """One job."""

    job_id: Name
    qm_id: Name
    user: Name
    state: JobState
    position: int = -1  # 1-based in the queue; -1 once not pending
    attempt: int = 0
    added_at_ms: int = 0
    started_at_ms: int | None = None
    ended_at_ms: int | None = None
    program_digest: Digest = ""
    config_digest: Digest = ""
    options: JobOptions = JobOptions()
    note: Note = ""
    error: Fault | None = None
    simulated: bool = False  # a simulation: it has no qm
    paused: bool = False  # it runs, and is in a `pause()`: until somebody resumes it
    waiting_for: Names = []  # what it needs from outside to go on, in words


class JobList(Record, frozen=True, kw_only=True):
    """Jobs in the order asked for: pending ones by position, others by id."""

    jobs: list[JobInfo]
    total: int  # that matched, also beyond the limit


class RemovedJobs(Record, frozen=True, kw_only=True):
    """Ids of pending jobs that are canceled now."""

    job_ids: list[str]


class JobCanceled(Record, frozen=True, kw_only=True):
    """`canceled` is False where the job had ended before."""

    canceled: bool
    state: JobState


class ResultsState(Record, frozen=True, kw_only=True):
    """How far the streams of a job have come."""

    job_id: Name
    state: JobState
    streams: list[StreamState] = []
    done: bool = False  # nothing more will come
    closed: bool = False  # results were cleared or never kept
    dataloss: bool = False


class Fetched(Record, frozen=True, kw_only=True):
    """Items start..stop of a stream; their bytes follow as bodies of at most `limits.CHUNK_BYTES` each.

    Bytes `offset` up to `offset + sum(len(body))` of the requested range; `next_offset` is 0 when the range is
    complete.
    """

    stream: StreamState
    start: int
    stop: int
    offset: int = 0
    next_offset: int = 0


class ReportLine(Record, frozen=True, kw_only=True):
    """One entry of an execution report."""

    code: int = 0
    severity: Name = "warn"  # "info" | "warn" | "error" | "difference": the message has ids of program.differences
    message: Text


class ExecutionReport(Record, frozen=True, kw_only=True):
    """What happened while a job ran."""

    job_id: Name
    state: JobState
    entries: list[ReportLine] = []
    counts: dict[str, int] = {}
    error: Fault | None = None


class Words(Record, frozen=True, kw_only=True):
    """A sentence for a reader."""

    text: Text


class Cleared(Record, frozen=True, kw_only=True):
    """Jobs whose results are gone."""

    job_ids: list[str]


class PortStatus(Record, frozen=True, kw_only=True):
    """A claimed port and who holds it."""

    port: Name
    shareable: bool
    qm_ids: list[str]


class ClusterStatus(Record, frozen=True, kw_only=True):
    """All that `quaymaster status` shows."""

    version: Name
    controllers: list[ControllerInfo]
    ports: list[PortStatus]
    qms: list[QmInfo]
    threads_used: list[ThreadNeed]
    jobs: dict[str, int]  # how many are in each state
    revision: int
    counters: dict[str, int] = {}  # frames dropped, commits, ...


# -- arguments -------------------------------------------------------------------------------------------------------


class Hello(Asks[ClusterInfo], frozen=True, kw_only=True, tag="hello"):
    """Names the user of this connection; first of all requests. Others are refused with `hello_first` until then."""

    user: Name
    client_version: Name = ""


class OpenQm(Asks[OpenedQm], frozen=True, kw_only=True, tag="open_qm"):
    """Open a qm; body 0 is the config as MessagePack of the raw dict. *Change.*"""

    close_mode: CloseMode | None = None  # None: what the api profile says (qop2: all, qop3: if_needed)


class ListQms(Asks[QmList], frozen=True, kw_only=True, tag="list_qms"):
    """Ids of all open qms."""


class GetQm(Asks[QmInfo], frozen=True, kw_only=True, tag="get_qm"):
    """One qm, or `unknown_qm`."""

    qm_id: Name


class CloseQm(Asks[ClosedQms], frozen=True, kw_only=True, tag="close_qm"):
    """Close a qm: its running job is halted, its pending jobs are canceled. *Change.*"""

    qm_id: Name


class CloseAllQms(Asks[ClosedQms], frozen=True, kw_only=True, tag="close_all_qms"):
    """Close every user's qms. *Change.*"""


class GetConfig(Asks[ConfigFound], frozen=True, kw_only=True, tag="get_config"):
    """The effective config of a qm, defaults filled in, changes applied."""

    qm_id: Name


class ConfigChange(Record, frozen=True, kw_only=True):
    """One setter of the platform.

    kind                      target    port           values
    intermediate_frequency    element                  [hz]
    mixer_correction          mixer                    [c00, c01, c10, c11] at `frequency` and `lo_frequency`
    output_dc_offset          element   "single"|"I"|"Q"  [volts]
    input_dc_offset           element   output name    [volts]
    digital_delay             element   digital input  [ns]
    digital_buffer            element   digital input  [ns]
    digital_input_threshold   controller  "fem/number"  [volts]
    digital_input_deadtime    controller  "fem/number"  [ns]
    digital_input_polarity    controller  "fem/number"  [1 rising, 0 falling]
    """

    kind: Name
    target: Name
    port: Name = ""
    frequency: float = 0.0
    lo_frequency: float = 0.0
    values: Annotated[list[float], msgspec.Meta(max_length=8)]


class SetConfig(Asks[ConfigFound], frozen=True, kw_only=True, tag="set_config"):
    """Change the effective config of a qm for jobs that start later; the new one follows as body 0. *Change.*"""

    qm_id: Name
    changes: Annotated[list[ConfigChange], msgspec.Meta(min_length=1, max_length=1000)]


class SetIo(Asks[IoValues], frozen=True, kw_only=True, tag="set_io"):
    """Set one or both registers: of a qm (`qm_id`), whose running job sees them at once and whose later jobs start with
    them; or of a job (`job_id`), refused with `job_not_running` where it does not run. *Change.*

    A register is 32 bits, here as a signed integer. Parked while the job loads, and until its controller has answered.
    """

    qm_id: Name = ""
    job_id: Name = ""
    io1: Raw | None = None
    io2: Raw | None = None


class GetIo(Asks[IoValues], frozen=True, kw_only=True, tag="get_io"):
    """Both registers: of a qm (those of its running job, if there is one), or of a running job. Parked as `set_io`."""

    qm_id: Name = ""
    job_id: Name = ""


class GetElement(Asks[ElementValues], frozen=True, kw_only=True, tag="get_element"):
    """What an element of a running job is set to. Parked as `set_io`. Refused: `job_not_running`, `no_such_element`."""

    job_id: Name
    element: Name


class TellJob(Asks[Done], frozen=True, kw_only=True, tag="tell_job"):
    """Bring something to a running job: done when its controller has delivered and recorded it. *Change.*

    Parked while the job loads, and until its controller has answered. Refused: `job_not_running`, `not_paused`,
    `no_such_input_stream`, `input_size`, `input_type`, `input_full`, `no_such_element`, `no_such_input`,
    `no_oscillator`, `no_mixer`, `bad_setting`, `outside_log_full`, `too_many_deliveries`.
    """

    job_id: Name
    parcel: ToJob


class Compile(Asks[CompiledProgram], frozen=True, kw_only=True, tag="compile"):
    """Compile a program (body 0) for a qm. Parked while the controller compiles. *Change.*"""

    qm_id: Name
    digest: Digest  # `content_digest(body)`
    options: JobOptions = JobOptions()


class AddJob(Asks[JobAdded], frozen=True, kw_only=True, tag="add_job"):
    """Queue a program on a qm: by `program_id`, or by `digest` with the program as body 0.

    The body may be left out when the broker is likely to have it; it answers `unknown_program` where it does not.
    Parked while the controller compiles. *Change*; a repeat finds its job for as long as the job is kept.
    """

    qm_id: Name
    program_id: Name = ""
    digest: Digest = ""
    to_start: bool = False
    overrides: Overrides | None = None
    options: JobOptions = JobOptions()
    note: Note = ""


class Execute(Asks[JobAdded], frozen=True, kw_only=True, tag="execute"):
    """Clear the queue of a qm, cancel its running job, add this one: in one step, so that no other user comes between.

    A program that does not compile changes nothing. Arguments as for `add_job`. *Change.*
    """

    qm_id: Name
    program_id: Name = ""
    digest: Digest = ""
    overrides: Overrides | None = None
    options: JobOptions = JobOptions()
    note: Note = ""


class Simulate(Asks[JobAdded], frozen=True, kw_only=True, tag="simulate"):
    """Simulate a program for a while: a job without a qm, which takes no ports, no threads and no place in a queue.

    Body 0: the program. Body 1: the config as MessagePack of the raw dict, or empty with `qm_id`, whose effective
    config is taken then. Body 2: the raw samples, where the simulation has `inputs`. Parked never; the job is pending
    while its controller is busy with other simulations. *Change*, as for `add_job`.
    """

    digest: Digest  # `content_digest` of the program
    simulation: Simulation
    qm_id: Name = ""
    options: JobOptions = JobOptions()
    note: Note = ""


class GetJobs(Asks[JobList], frozen=True, kw_only=True, tag="get_jobs"):
    """Jobs that match all given filters (an empty one matches all)."""

    qm_ids: Names = []
    job_ids: Names = []
    user_ids: Names = []
    states: list[JobState] = []
    note: Note = ""  # substring
    limit: Annotated[int, msgspec.Meta(ge=1, le=limits.LIST_ITEMS)] = 1000


class GetJob(Asks[JobInfo], frozen=True, kw_only=True, tag="get_job"):
    """One job, or `unknown_job`."""

    job_id: Name


class RemoveJobs(Asks[RemovedJobs], frozen=True, kw_only=True, tag="remove_jobs"):
    """Cancel pending jobs of a qm: exactly one of `job_ids`, `position`, `user_ids`, `all`. *Change.*

    `expected_job_id` goes with `position`: if another job has moved there, nothing is removed (`job_moved`).
    `job_ids` and `position` that name no pending job are refused (`unknown_job`, `bad_position`).
    """

    qm_id: Name
    job_ids: Names = []
    position: int | None = None
    expected_job_id: Name = ""
    user_ids: Names = []
    all: bool = False


class CancelJob(Asks[JobCanceled], frozen=True, kw_only=True, tag="cancel_job"):
    """Cancel a pending job, or halt one that loads, runs or processes. *Change.*"""

    job_id: Name


class WaitJob(Asks[JobInfo], frozen=True, kw_only=True, tag="wait_job"):
    """Parked until the job's state is one of `until`, or final."""

    job_id: Name
    until: list[JobState] = []


class WaitResults(Asks[ResultsState], frozen=True, kw_only=True, tag="wait_results"):
    """Parked until a stream holds `count` items (-1: until it is closed), or the job has ended. No stream: all."""

    job_id: Name
    stream: Name = ""
    count: int = -1


class GetResultsState(Asks[ResultsState], frozen=True, kw_only=True, tag="results_state"):
    """How far the streams of a job have come."""

    job_id: Name


class Fetch(Asks[Fetched], frozen=True, kw_only=True, tag="fetch"):
    """Data of a stream: items `start` to `stop` (-1: all there are now), from byte `offset` of that range on."""

    job_id: Name
    stream: Name
    start: Annotated[int, msgspec.Meta(ge=0)] = 0
    stop: Annotated[int, msgspec.Meta(ge=-1)] = -1
    offset: Annotated[int, msgspec.Meta(ge=0)] = 0


class GetReport(Asks[ExecutionReport], frozen=True, kw_only=True, tag="report"):
    """The execution report of a job."""

    job_id: Name


class Why(Asks[Words], frozen=True, kw_only=True, tag="why"):
    """Why a job is where it is, in words."""

    job_id: Name


class ClearResults(Asks[Cleared], frozen=True, kw_only=True, tag="clear_results"):
    """Drop the results of these finished jobs (none named: of all). *Change.*"""

    job_ids: Names = []


class GetStatus(Asks[ClusterStatus], frozen=True, kw_only=True, tag="status"):
    """Controllers, ports with owners, qms, queues."""


Arguments = (
    Hello
    | OpenQm
    | ListQms
    | GetQm
    | CloseQm
    | CloseAllQms
    | GetConfig
    | SetConfig
    | SetIo
    | GetIo
    | GetElement
    | TellJob
    | Compile
    | AddJob
    | Execute
    | Simulate
    | GetJobs
    | GetJob
    | RemoveJobs
    | CancelJob
    | WaitJob
    | WaitResults
    | GetResultsState
    | Fetch
    | GetReport
    | Why
    | ClearResults
    | GetStatus
)


def _result_type(arguments: type[Record]) -> type[Record]:
    (base,) = arguments.__orig_bases__  # type: ignore[attr-defined]
    (result,) = get_args(base)
    assert isinstance(result, type)
    return result


METHODS: dict[str, type[Record]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Arguments)}
"""Method name -> record of its arguments."""
RESULTS: dict[type[Record], type[Record]] = {kind: _result_type(kind) for kind in METHODS.values()}
"""Record of arguments -> record of the result."""


REQUEST_ID_PATTERN = r"^[0-9]{13}-[0-9A-Za-z]{4,32}$"


class Request(Record, frozen=True, kw_only=True):
    """client -> broker. The id is made by the client: milliseconds since 1970, a dash, letters of chance.

    The time in it lets the broker tell a repeat that it has forgotten from a new request.
    """

    request_id: Annotated[str, msgspec.Meta(pattern=REQUEST_ID_PATTERN)]
    args: Arguments


class Reply(Record, frozen=True, kw_only=True):
    """broker -> client. Exactly one of: pending, a result (packed as the method says), an error.

    `request_id` is empty where the request could not be read.
    """

    request_id: Name
    pending: bool = False
    result: msgspec.Raw = msgspec.Raw(b"\xc0")
    error: Fault | None = None
