"""What runs next.

Rules:
1. Per qm, one job loads or runs; the head of its queue follows it. (`processing` may overlap the next.)
2. A head starts when its controllers are ready, are what its config says of them, and have its threads free; until
   then it stays pending.
3. Heads of different qms compete for threads in the order of `start_key`. A head that does not fit now does not hold
   back others that do.
"""

from __future__ import annotations

import hashlib

import msgspec

from ..._core.errors import AskedWrongly
from ..._core.wire import commands
from ..._core.wire.requests import ReportLine
from . import limits
from .claims import thread_capacity
from .cluster import Cluster, Live
from .hardware import check_hardware
from .rows import JobRow
from .states import next_state


def advance(cluster: Cluster) -> None:
    """Start every job that can start now."""
    if not cluster.dirty:
        return
    heads = [cluster.jobs[cluster.queues[qm_id][0]] for qm_id in cluster.dirty if _waits(cluster, qm_id)]
    cluster.dirty.clear()
    if len(heads) > 1:
        heads.sort(key=start_key)
    for job in heads:
        if obstacle(cluster, job):
            cluster.blocked.add(job.qm_id)
        else:
            start(cluster, job)


def start_key(job: JobRow) -> tuple[int, int]:
    """Who goes first among the heads of all queues: the one that has waited longest."""
    return (job.added_at_ms, int(job.job_id))


def _waits(cluster: Cluster, qm_id: str) -> bool:
    return bool(cluster.queues.get(qm_id)) and qm_id not in cluster.active


def obstacle(cluster: Cluster, job: JobRow) -> str:
    """Why the head of an idle queue cannot start now, in words; "" if it can."""
    for name in controllers_of(job):
        if not cluster.is_ready(name):
            return f"its controller {name} is not connected"
        try:
            check_hardware(cluster.controllers[name], *cluster.shapes[job.qm_id].controllers[name])
        except AskedWrongly as error:
            return error.message
        if name != job.controller and job.controller not in cluster.live[name].alike:
            return f"{name} was started with another plant than {job.controller}, where it would run; start both again"
    for need in job.threads:
        capacity = capacity_of(cluster, need.controller, need.fem)
        used = cluster.threads.used(need.controller, need.fem)
        if capacity is not None and used + need.threads > capacity:
            users = cluster.threads.users(need.controller, need.fem)
            who = ", ".join(f"job {key} of {cluster.jobs[key].qm_id}: {count}" for key, count in users.items())
            return (
                f"it needs {need.threads} threads on {fem_words(cluster, need.controller, need.fem)}, "
                f"where {used} of {capacity} are taken ({who})"
            )
    return ""


def controllers_of(job: JobRow) -> list[str]:
    """Those that must be there when a job starts: the one that runs it first."""
    return list(dict.fromkeys([job.controller, *(need.controller for need in job.threads)]))


def capacity_of(cluster: Cluster, controller: str, fem: int) -> int | None:
    """Threads of a FEM; None where the controller has no such FEM."""
    row = cluster.controllers.get(controller)
    if row is None or (row.fems and fem not in row.fems):
        return None
    return thread_capacity(row.type, row.fems.get(fem))


def fem_words(cluster: Cluster, controller: str, fem: int) -> str:
    """A FEM as users know it."""
    row = cluster.controllers.get(controller)
    return f"{controller} FEM {fem}" if row is not None and row.fems else controller


def start(cluster: Cluster, job: JobRow) -> None:
    """Give a pending job to its controller."""
    qm = cluster.qms[job.qm_id]
    loading = msgspec.structs.replace(
        job, state=next_state(job.state, "start"), attempt=job.attempt + 1, config_digest=qm.config_digest
    )
    cluster.by("broker", "start", job.job_id)
    cluster.put_job(loading)
    send_load(cluster, loading)
    _tell_sharers(cluster, loading)


def send_load(cluster: Cluster, job: JobRow, *, with_bodies: bool = False) -> None:
    """The load command of a job; the program goes along unless the controller was sent it before."""
    qm = cluster.qms[job.qm_id]
    live = cluster.live.get(job.controller)
    knows = live is not None and job.program_digest in live.programs and not with_bodies
    if live is not None:
        note_program(live, job.program_digest)
    options = job.options
    if options.seed is None:
        options = msgspec.structs.replace(options, seed=seed_of(cluster.meta.instance, job.job_id))
    cluster.send(
        job.controller,
        commands.Load(
            job_id=job.job_id,
            attempt=job.attempt,
            qm_id=job.qm_id,
            program_digest=job.program_digest,
            config_digest=qm.config_digest,
            options=options,
            overrides=job.overrides,
            io1=qm.io1_raw,
            io2=qm.io2_raw,
        ),
        "" if knows else job.program_digest,
        qm.config_digest if with_bodies else "",
    )


def note_program(live: Live, digest: str) -> None:
    """Remember that a controller was sent a program."""
    if len(live.programs) >= limits.KNOWN_BODIES_PER_CONTROLLER:
        live.programs.clear()
    live.programs.add(digest)


def seed_of(instance: str, job_id: str) -> int:
    """The seed of a job that was given none: 63 bits from the store's name and the job's id."""
    text = f"{instance}/{job_id}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big") >> 1


def _tell_sharers(cluster: Cluster, job: JobRow) -> None:
    """Jobs that share ports run side by side, each alone in its samples; both reports must say so."""
    for other_qm, ports in cluster.ports.shared_between(job.qm_id).items():
        other_id = cluster.active.get(other_qm)
        if other_id is None:
            continue
        _add_entry(cluster, job.job_id, _not_summed(cluster.jobs[other_id], ports))
        _add_entry(cluster, other_id, _not_summed(job, ports))


def _not_summed(other: JobRow, ports: list[str]) -> ReportLine:
    which = ", ".join(ports[:8]) + (" ..." if len(ports) > 8 else "")
    return ReportLine(
        severity="warn",
        message=f"ports shared with job {other.job_id} of qm {other.qm_id}, which ran at the same time ({which}): "
        "the sum is not formed yet; each job is alone in its samples",
    )


def _add_entry(cluster: Cluster, job_id: str, entry: ReportLine) -> None:
    job = cluster.jobs[job_id]
    if len(job.entries) < limits.REPORT_ENTRIES_PER_JOB:
        cluster.put_job(msgspec.structs.replace(job, entries=[*job.entries, entry]))
