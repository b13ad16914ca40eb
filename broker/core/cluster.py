"""All that the broker knows, and the only place where it changes.

Rows come in by `put_*` and `drop_*`, which record the change and keep what is derived from rows (queues, port table,
thread account, counters, references to bodies) in step. What is volatile (who is connected, who waits) is lost with the
process: controllers say hello again, clients re-arm.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from typing import Any

import msgspec

from ..._core.errors import AskedWrongly, QuaymasterError
from ..._core.wire import Fault, Hint, StreamState, fault_of, unpack_plain
from ..._core.wire.commands import Actions, CompileProgram
from ..._core.wire.records import LatencyProfile, Record
from . import limits
from .claims import Shape, shape_of
from .messages import Answer, Asked, Instruction, Publish, Send
from .ports import PortTable
from .rows import (
    AnswerRow,
    BodyRow,
    Change,
    ControllerRow,
    Drop,
    ImageRow,
    JobRow,
    Logged,
    MetaRow,
    ProgramRow,
    Put,
    QmRow,
    Rows,
)
from .states import FINAL, HELD_BY_CONTROLLER, OCCUPYING
from .threads import ThreadAccount

UserRequest = tuple[str, str]
"""(user, request_id): what makes a request the same request."""


class Live(msgspec.Struct):
    """A controller's connection."""

    instance: str
    version: str
    connected: bool = True
    ready: bool = False  # its inventory was reconciled: it may be given jobs
    programs: set[str] = msgspec.field(default_factory=set)  # bodies that it has been sent
    gone_because: str = ""
    alike: frozenset[str] = frozenset()  # other controllers with the same plant


class Wait(msgspec.Struct):
    """A parked request."""

    asked: Asked
    job_id: str
    due_ms: int


class Compiling(msgspec.Struct):
    """A compilation under way and the requests that need it."""

    image_id: str
    action: CompileProgram
    bodies: tuple[str | bytes, ...]
    controller: str
    others: list[str]  # controllers of the qm that were not asked yet
    asked: OrderedDict[UserRequest, Asked]
    due_ms: dict[UserRequest, int]


class Fetching(msgspec.Struct):
    """A fetch that was passed on to a controller."""

    asked: Asked
    job_id: str
    controller: str
    due_ms: int


class Errand(msgspec.Struct):
    """Something for a running job, on its way to the controller (or waiting here while the job loads)."""

    asked: Asked
    job_id: str
    controller: str
    due_ms: int


class Cluster:
    """The state of the core. See the module's docstring."""

    def __init__(self, rows: Rows, *, api: str = "qop2", latency: LatencyProfile = "ideal", version: str = "") -> None:
        self.api = api
        self.latency = latency  # of jobs that name none
        self.version = version
        self.events = ""  # endpoint of the hints, for clients to know
        self.meta: MetaRow = rows.meta
        self.revision = rows.revision
        self.now_ms = 0
        self.started_ms: int | None = None
        # rows
        self.jobs: dict[str, JobRow] = {}
        self.qms: dict[str, QmRow] = {}
        self.programs: dict[str, ProgramRow] = {}
        self.images: OrderedDict[str, ImageRow] = OrderedDict()
        self.controllers: dict[str, ControllerRow] = {}
        self.answers: dict[str, OrderedDict[str, AnswerRow]] = {}
        self.known_bodies: set[str] = set(rows.known_bodies)
        # derived from rows
        self.queues: dict[str, deque[str]] = {}
        self.active: dict[str, str] = {}  # qm -> its job that loads or runs
        self.processing: dict[str, set[str]] = {}  # qm -> jobs that only save
        self.simulations: deque[str] = deque()  # pending ones, in the order in which they were accepted
        self.simulating: dict[str, set[str]] = {}  # controller -> simulations that it holds
        self.ports = PortTable()
        self.threads = ThreadAccount()
        self.raw_configs: dict[str, dict[Any, Any]] = {}
        self.shapes: dict[str, Shape] = {}
        self.job_of_request: dict[UserRequest, str] = {}
        self.pending_of_user: Counter[str] = Counter()
        self.state_counts: Counter[str] = Counter()
        self.references: Counter[str] = Counter()  # body digest or image id -> rows that need it
        self.finished: deque[str] = deque()
        self.forgotten_ms = 0  # requests as old as this may belong to a job that was forgotten
        self.first_place = 0
        self.last_place = 0
        self.next_job = self.meta.first_job
        # volatile
        self.live: dict[str, Live] = {}
        self.waits: dict[UserRequest, Wait] = {}
        self.waits_on: dict[str, set[UserRequest]] = {}
        self.parked_of_user: Counter[str] = Counter()
        self.compiling: dict[str, Compiling] = {}  # by image id
        self.compiling_of: dict[UserRequest, str] = {}
        self.fetching: dict[str, Fetching] = {}
        self.errands: dict[str, Errand] = {}  # by delivery id
        self.errands_of: dict[str, set[str]] = {}  # job -> its errands
        self.waiting_for: dict[str, list[str]] = {}  # what running jobs need from outside to go on, in words
        self.early: dict[UserRequest, tuple[Asked, str]] = {}  # wait for a controller to report after the start
        self.outcomes: OrderedDict[UserRequest, Fault] = OrderedDict()
        self.progress: dict[str, list[StreamState]] = {}
        self.counter = 0  # for ids of compilations and fetches
        self.dirty: set[str] = set()  # qms whose queue head must be looked at
        self.blocked: set[str] = set()  # qms whose head waits for threads or a controller
        self.simulations_dirty = True  # some simulation may be able to start
        self.simulated_shapes: OrderedDict[str, Shape] = OrderedDict()  # by digest of the config
        # of the event at hand
        self.changes: list[Change] = []
        self.out: list[Instruction] = []
        self._log: tuple[str, str, str] | None = None
        self._load(rows)

    # -- the event at hand -------------------------------------------------------------------------------------------

    def begin(self, now_ms: int) -> None:
        """A new event is about to be handled."""
        self.now_ms = now_ms
        if self.started_ms is None:
            self.started_ms = now_ms
        self.changes = []
        self.out = []
        self._log = None

    def by(self, user: str, verb: str, target: str) -> None:
        """Name who makes the changes of this event, what is done, and to what. The first one named stays."""
        if self._log is None:
            self._log = (user, verb, target)

    def seal(self) -> None:
        """Close what was changed since the last time with a line of the log; what follows has another author."""
        if self.changes and not isinstance(self.changes[-1], Logged):
            assert self._log is not None, "a change that names no user"
            self.revision += 1
            user, verb, target = self._log
            self.changes.append(Logged(revision=self.revision, at_ms=self.now_ms, user=user, verb=verb, target=target))
        self._log = None

    def end(self) -> tuple[list[Change], list[Instruction]]:
        """The event is done: its changes, each group closed by a line of the log, and what is to be done about it."""
        self.seal()
        return self.changes, self.out

    def answer(self, asked: Asked, result: Record, bodies: tuple[Any, ...] = ()) -> None:
        """Answer a request with its result; one whose client has gone to re-arm finds it again in the rows."""
        if asked.client:
            self.out.append(
                Answer(client=asked.client, request_id=asked.request.request_id, result=result, bodies=bodies)
            )

    def refuse(self, asked: Asked, error: QuaymasterError | Fault) -> None:
        """Answer a request with an error; one whose client has gone to re-arm gets it then."""
        fault = error if isinstance(error, Fault) else fault_of(error)
        if asked.client:
            self.out.append(Answer(client=asked.client, request_id=asked.request.request_id, error=fault))
            return
        self.outcomes[(asked.user, asked.request.request_id)] = fault
        if len(self.outcomes) > limits.OUTCOMES_KEPT:
            self.outcomes.popitem(last=False)

    def send(self, controller: str, action: Actions, *bodies: str | bytes) -> None:
        """A command for a controller; one that is not ready gets what it needs from its reconciliation instead."""
        if self.is_ready(controller):
            self.out.append(Send(controller, action, bodies))

    def hint(self, hint: Hint) -> None:
        """Tell listeners that something changed."""
        self.out.append(Publish(hint))

    def fresh_id(self, prefix: str) -> str:
        """A volatile id, unique in this process."""
        self.counter += 1
        return f"{prefix}{self.started_ms}-{self.counter}"

    # -- looking up --------------------------------------------------------------------------------------------------

    def qm(self, qm_id: str) -> QmRow:
        """The open qm of that id, or `unknown_qm`."""
        row = self.qms.get(qm_id)
        if row is None:
            open_ones = ", ".join(list(self.qms)[:10]) or "none"
            raise AskedWrongly(
                f"no open qm has the id {qm_id!r}; open ones: {open_ones}",
                code="unknown_qm",
                hint="it may have been closed by any user; list the open qms, or open it again",
            )
        return row

    def job(self, job_id: str) -> JobRow:
        """The job of that id, or `unknown_job`."""
        row = self.jobs.get(job_id)
        if row is None:
            raise AskedWrongly(
                f"there is no job {job_id!r}",
                code="unknown_job",
                hint=f"ids are listed by get_jobs; the last {limits.FINISHED_JOBS_KEPT} finished jobs are kept",
            )
        return row

    def is_ready(self, controller: str) -> bool:
        """Whether a controller can be given jobs now."""
        live = self.live.get(controller)
        return live is not None and live.connected and live.ready

    def may_still_report(self, controller: str) -> bool:
        """Whether the broker has started so lately that a controller it knows may not have found it yet."""
        started_ms = self.now_ms if self.started_ms is None else self.started_ms
        is_known = controller in self.controllers and not self.is_ready(controller)
        live = self.live.get(controller)
        return is_known and (live is None or live.connected) and self.now_ms - started_ms < limits.COME_BACK_MS

    def position(self, job: JobRow) -> int:
        """1-based position of a pending job in its queue, -1 for others."""
        queue = self.simulations if job.simulation is not None else self.queues.get(job.qm_id, ())
        return queue.index(job.job_id) + 1 if job.state == "pending" else -1

    # -- changing rows -----------------------------------------------------------------------------------------------

    def put_job(self, job: JobRow) -> None:
        """Add a job or move it on; everything derived from its state follows."""
        self.changes.append(Put(job))
        old = self.jobs.get(job.job_id)
        self._derive_job(old, job)
        if old is None or old.state != job.state:
            self.hint(Hint(kind="job", id=job.job_id, state=job.state, qm_id=job.qm_id))

    def _derive_job(self, old: JobRow | None, job: JobRow) -> None:
        self.jobs[job.job_id] = job
        if old is None:
            self.job_of_request[(job.user, job.request_id)] = job.job_id
            if job.state not in FINAL:  # one that had ended needs nothing, and must not drop what a later one needs
                self._refer(job)
        was = old.state if old else None
        if was == job.state:
            return
        self.state_counts[job.state] += 1
        if was is not None:
            self.state_counts[was] -= 1
        if job.simulation is not None:
            self._derive_simulation(was, job)
        else:
            self._derive_queue(was, job)
            self._derive_occupation(was, job)
        if job.state in FINAL:
            if old is not None:
                self._unrefer(job)
            self.progress.pop(job.job_id, None)
            self.waiting_for.pop(job.job_id, None)
            self.finished.append(job.job_id)

    def _derive_queue(self, was: str | None, job: JobRow) -> None:
        queue = self.queues.setdefault(job.qm_id, deque()) if job.qm_id in self.qms else None
        if job.state == "pending":
            assert queue is not None
            if queue and job.place < self.jobs[queue[0]].place:
                queue.appendleft(job.job_id)
            else:
                queue.append(job.job_id)
            self.first_place = min(self.first_place, job.place)
            self.last_place = max(self.last_place, job.place)
            self.pending_of_user[job.user] += 1
            self.dirty.add(job.qm_id)
        elif was == "pending":
            assert queue is not None
            if queue[0] == job.job_id:
                queue.popleft()
                self.dirty.add(job.qm_id)
            else:
                queue.remove(job.job_id)
            self._one_less_pending(job.user)

    def _one_less_pending(self, user: str) -> None:
        self.pending_of_user[user] -= 1
        if not self.pending_of_user[user]:
            del self.pending_of_user[user]

    def _derive_simulation(self, was: str | None, job: JobRow) -> None:
        if job.state == "pending":
            self.simulations.append(job.job_id)
            self.pending_of_user[job.user] += 1
        elif was == "pending":
            self.simulations.remove(job.job_id)
            self._one_less_pending(job.user)
        held = self.simulating.setdefault(job.controller, set())
        if job.state in HELD_BY_CONTROLLER:
            held.add(job.job_id)
        else:
            held.discard(job.job_id)
        self.simulations_dirty = True

    def _derive_occupation(self, was: str | None, job: JobRow) -> None:
        if job.state in OCCUPYING:
            if was not in OCCUPYING:
                self.active[job.qm_id] = job.job_id
                self.threads.take(job.job_id, job.threads)
        elif was in OCCUPYING:
            del self.active[job.qm_id]
            self.threads.give_back(job.job_id, job.threads)
            self.dirty.add(job.qm_id)
            self.dirty |= self.blocked
            self.blocked.clear()
        if job.state == "processing":
            self.processing.setdefault(job.qm_id, set()).add(job.job_id)
        elif was == "processing":
            self.processing[job.qm_id].discard(job.job_id)

    def forget_old_jobs(self) -> None:
        """Drop finished jobs beyond what is kept; the newest one always stays, since ids count on from it."""
        too_old = self.now_ms - limits.FINISHED_JOBS_KEPT_MS
        while len(self.finished) > 1:
            job = self.jobs[self.finished[0]]
            if len(self.finished) <= limits.FINISHED_JOBS_KEPT and (job.ended_at_ms or 0) >= too_old:
                return
            if int(job.job_id) == self.next_job - 1:
                self.finished.rotate(-1)
                return
            self.finished.popleft()
            del self.jobs[job.job_id]
            self.job_of_request.pop((job.user, job.request_id), None)
            self.state_counts[job.state] -= 1
            self.forgotten_ms = max(self.forgotten_ms, request_ms(job.request_id))
            self.changes.append(Drop("job", job.job_id))

    def put_qm(self, qm: QmRow, raw: dict[Any, Any], shape: Shape) -> None:
        """Open a qm (its ports must be free), or give an open one another config of the same ports."""
        self.changes.append(Put(qm))
        old = self.qms.get(qm.qm_id)
        if old is not None and old.config_digest != qm.config_digest:
            self._release(old.config_digest)
            self._hold(qm.config_digest)
        elif old is None:
            self._hold(qm.config_digest)
        self._derive_qm(qm, raw, shape)
        self.hint(Hint(kind="qm", id=qm.qm_id, state="open"))

    def _derive_qm(self, qm: QmRow, raw: dict[Any, Any], shape: Shape) -> None:
        self.qms[qm.qm_id] = qm
        self.queues.setdefault(qm.qm_id, deque())
        self.raw_configs[qm.qm_id] = raw
        self.shapes[qm.qm_id] = shape
        self.ports.free(qm.qm_id)
        self.ports.take(qm.qm_id, shape.ports)

    def drop_qm(self, qm_id: str) -> None:
        """Close a qm whose jobs have all ended: free its ports, forget its programs."""
        assert not self.queues[qm_id] and qm_id not in self.active
        self.changes.append(Drop("qm", qm_id))
        qm = self.qms.pop(qm_id)
        del self.queues[qm_id], self.raw_configs[qm_id], self.shapes[qm_id]
        self.processing.pop(qm_id, None)
        self.ports.free(qm_id)
        self.dirty.discard(qm_id)
        self.blocked.discard(qm_id)
        self._release(qm.config_digest)
        for program in [p for p in self.programs.values() if p.qm_id == qm_id]:
            del self.programs[program.program_id]
            self.changes.append(Drop("program", program.program_id))
            self._release(program.program_digest)
        self.hint(Hint(kind="qm", id=qm_id, state="closed"))

    def put_program(self, program: ProgramRow) -> None:
        """Keep a compiled program by id."""
        self.changes.append(Put(program))
        self.programs[program.program_id] = program
        self._hold(program.program_digest)

    def put_image(self, image: ImageRow) -> None:
        """Keep what is known of an image; the least recently used ones that no job needs make room."""
        self.changes.append(Put(image))
        if image.image_id not in self.images:
            self._hold(image.program_digest)
        self.images[image.image_id] = image
        if len(self.images) > limits.IMAGES_KEPT:
            self._drop_an_image()

    def _drop_an_image(self) -> None:
        newest = next(reversed(self.images))
        for image_id in self.images:
            if not self.references[image_id] and image_id != newest:
                image = self.images.pop(image_id)
                self.changes.append(Drop("image", image_id))
                self._release(image.program_digest)
                return

    def put_body(self, digest: str, body: bytes) -> None:
        """Keep a program or config; somebody must hold it before the event ends."""
        if digest not in self.known_bodies:
            self.known_bodies.add(digest)
            self.changes.append(Put(BodyRow(digest=digest, body=body)))

    def put_controller(self, row: ControllerRow) -> None:
        """Remember a controller's name and type."""
        if self.controllers.get(row.name) != row:
            self.changes.append(Put(row))
            self.controllers[row.name] = row

    def put_meta(self, **fields: Any) -> None:
        """Change the store's own row."""
        self.meta = msgspec.structs.replace(self.meta, **fields)
        self.changes.append(Put(self.meta))

    def remember(self, asked: Asked, method: str, result: Record) -> None:
        """Keep the answer to a change for its repeats."""
        row = AnswerRow(
            user=asked.user,
            request_id=asked.request.request_id,
            answered_at_ms=self.now_ms,
            method=method,
            result=msgspec.msgpack.encode(result),
        )
        self.changes.append(Put(row))
        kept = self.answers.setdefault(asked.user, OrderedDict())
        kept[row.request_id] = row
        while len(kept) > limits.ANSWERS_KEPT_PER_USER:
            self._drop_oldest_answer(asked.user)

    def forget_old_answers(self) -> None:
        """Drop answers that are older than a day."""
        for user in list(self.answers):
            kept = self.answers[user]
            while kept and next(iter(kept.values())).answered_at_ms < self.now_ms - limits.ANSWERS_KEPT_MS:
                self._drop_oldest_answer(user)
            if not kept:
                del self.answers[user]

    def _drop_oldest_answer(self, user: str) -> None:
        request_id, _ = self.answers[user].popitem(last=False)
        self.changes.append(Drop("answer", (user, request_id)))

    # -- references: a body lives as long as a row names it ----------------------------------------------------------

    def _refer(self, job: JobRow) -> None:
        for digest in _needed(job):
            self.references[digest] += 1

    def _unrefer(self, job: JobRow) -> None:
        for digest in _needed(job):
            self._release(digest)

    def _hold(self, digest: str) -> None:
        self.references[digest] += 1

    def _release(self, digest: str) -> None:
        self.references[digest] -= 1
        if self.references[digest] <= 0:
            del self.references[digest]
            if digest in self.known_bodies:
                self.known_bodies.discard(digest)
                self.changes.append(Drop("body", digest))

    # -- loading -----------------------------------------------------------------------------------------------------

    def _load(self, rows: Rows) -> None:
        tables = rows.tables
        self.controllers.update(tables["controller"])
        for qm in sorted(tables["qm"].values(), key=lambda row: row.qm_id):
            raw = unpack_plain(tables["body"][qm.config_digest].body)
            self._hold(qm.config_digest)
            self._derive_qm(qm, raw, shape_of(raw))
        for program in tables["program"].values():
            self.programs[program.program_id] = program
            self._hold(program.program_digest)
        for image in tables["image"].values():
            self.images[image.image_id] = image
            self._hold(image.program_digest)
        self._load_jobs(sorted(tables["job"].values(), key=lambda row: (row.place, int(row.job_id))))
        for row in sorted(tables["answer"].values(), key=lambda row: row.answered_at_ms):
            self.answers.setdefault(row.user, OrderedDict())[row.request_id] = row
        self.changes, self.out = [], []

    def _load_jobs(self, jobs: list[JobRow]) -> None:
        for job in jobs:
            self._derive_job(None, job)
            self.next_job = max(self.next_job, int(job.job_id) + 1)
        self.finished = deque(sorted(self.finished, key=lambda key: (self.jobs[key].ended_at_ms or 0, int(key))))
        if len(self.finished) >= limits.FINISHED_JOBS_KEPT:
            self.forgotten_ms = max(request_ms(self.jobs[self.finished[0]].request_id), self.forgotten_ms)


def _needed(job: JobRow) -> list[str]:
    """What must be kept until a job has ended."""
    if job.simulation is None:
        return [job.program_digest, job.image_id]
    samples = [job.simulation.samples_digest] if job.simulation.samples_digest else []
    return [job.program_digest, job.config_digest, *samples]


def request_ms(request_id: str) -> int:
    """The time that a request id carries."""
    return int(request_id[:13])
