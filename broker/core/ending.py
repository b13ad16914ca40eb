"""How jobs end, other than by running to their end; and the waking of those who wait for a job."""

from __future__ import annotations

from typing import Any

import msgspec

from ..._core.errors import Taken
from ..._core.wire import Fault, JobState, StreamState, commands, limits
from ..._core.wire.requests import CancelJob, JobCanceled, JobInfo, ReportLine, ResultsState, WaitJob, WaitResults
from .cluster import Cluster, Errand, UserRequest, Wait
from .messages import Answer, Asked
from .rows import JobRow
from .states import EVENT_OF_REPORT, FINAL, HELD_BY_CONTROLLER, next_state


def move(cluster: Cluster, job: JobRow, event: str, **fields: Any) -> JobRow:
    """Move a job on by the table, stamp the time, and wake who waits for it."""
    state = next_state(job.state, event)
    if state == "running" and job.started_at_ms is None:
        fields.setdefault("started_at_ms", cluster.now_ms)
    if state in FINAL:
        fields.setdefault("ended_at_ms", cluster.now_ms)
        if job.state in HELD_BY_CONTROLLER and job.started_at_ms is None:
            fields.setdefault("started_at_ms", cluster.now_ms)
    if job.paused and state != "running":
        fields["paused"] = False
    moved = msgspec.structs.replace(job, state=state, **fields)
    cluster.put_job(moved)
    wake(cluster, job.job_id)
    release(cluster, job.job_id)
    if state in FINAL and len(cluster.finished) > 1:
        cluster.forget_old_jobs()
    return moved


def cancel_pending(cluster: Cluster, job: JobRow, user: str, why: str) -> None:
    """A pending job will never start."""
    move(cluster, job, "cancel", told=True, entries=[*job.entries, _note(f"canceled by {user}: {why}")])


def halt(cluster: Cluster, job: JobRow, user: str) -> None:
    """Ask the controller to end a job; it stays what it is until the controller reports."""
    if job.halt_by:
        return
    cluster.put_job(msgspec.structs.replace(job, halt_by=user))
    cluster.send(job.controller, commands.Halt(job_id=job.job_id, attempt=job.attempt))


def cancel_now(cluster: Cluster, job: JobRow, user: str, why: str) -> None:
    """End a held job at once, without waiting for its controller's last word (which may still add its results)."""
    move(
        cluster, job, "cancel", halt_by=job.halt_by or user, entries=[*job.entries, _note(f"canceled by {user}: {why}")]
    )
    cluster.send(job.controller, commands.Halt(job_id=job.job_id, attempt=job.attempt))


def fail_lost(cluster: Cluster, job: JobRow, reason: str) -> None:
    """The controller that held a job is gone."""
    fault = Fault(
        family="taken",
        code="controller_lost",
        message=f"controller {job.controller} was lost while the job was {job.state}: {reason}",
        hint="results saved before are kept; send the job again when the controller is back",
        details={"controller": job.controller, "state": job.state},
    )
    move(cluster, job, "fail", error=fault)


def _note(text: str) -> ReportLine:
    return ReportLine(severity="info", message=text)


# -- what others see of a job ------------------------------------------------------------------------------------------


def info_of(cluster: Cluster, job: JobRow, position: int | None = None) -> JobInfo:
    """A job as clients see it; its position is looked up unless it is given."""
    return JobInfo(
        job_id=job.job_id,
        qm_id=job.qm_id,
        user=job.user,
        state=job.state,
        position=cluster.position(job) if position is None else position,
        attempt=job.attempt,
        added_at_ms=job.added_at_ms,
        started_at_ms=job.started_at_ms,
        ended_at_ms=job.ended_at_ms,
        program_digest=job.program_digest,
        config_digest=job.config_digest,
        options=job.options,
        note=job.note,
        error=job.error,
        simulated=job.simulation is not None,
        paused=job.paused,
        waiting_for=cluster.waiting_for.get(job.job_id, []),
    )


def streams_of(cluster: Cluster, job: JobRow) -> list[StreamState]:
    """The streams of a job: as last reported, or as the image says they will be."""
    if job.streams:
        return job.streams
    reported = cluster.progress.get(job.job_id)
    if reported is not None:
        return reported
    image = cluster.images.get(job.image_id)
    ended = job.state in FINAL
    return [StreamState(schema=schema, closed=ended) for schema in image.streams] if image else []


def results_of(cluster: Cluster, job: JobRow) -> ResultsState:
    """How far the results of a job have come."""
    streams = streams_of(cluster, job)
    return ResultsState(
        job_id=job.job_id,
        state=job.state,
        streams=streams,
        done=job.state in FINAL,
        closed=job.cleared,
        dataloss=any(stream.dataloss for stream in streams),
    )


# -- parked requests ---------------------------------------------------------------------------------------------------


def check_may_park(cluster: Cluster, user: str) -> None:
    """Requests may wait up to named bounds, so that no user's waiting fills the broker. Raises Taken."""
    parked = len(cluster.waits) + len(cluster.compiling_of) + len(cluster.fetching) + len(cluster.errands)
    for name, count, limit in (
        ("PARKED_REQUESTS", parked, limits.PARKED_REQUESTS),
        ("USER_PARKED_REQUESTS", cluster.parked_of_user[user], limits.USER_PARKED_REQUESTS),
    ):
        if count >= limit:
            raise Taken(
                f"{count} requests wait already, the limit {name}",
                code="too_many_requests",
                hint="wait for fewer things at once",
                details={"limit": name, "value": limit},
            )


def park(cluster: Cluster, asked: Asked, job_id: str, due_ms: int) -> None:
    """Keep a request until its job says more, or until it is due."""
    key = (asked.user, asked.request.request_id)
    cluster.waits[key] = Wait(asked, job_id, due_ms)
    cluster.parked_of_user[asked.user] += 1
    cluster.waits_on.setdefault(job_id, set()).add(key)


def unpark(cluster: Cluster, key: UserRequest) -> None:
    """Forget a parked request."""
    wait = cluster.waits.pop(key)
    _one_less_parked(cluster, key[0])
    keys = cluster.waits_on[wait.job_id]
    keys.discard(key)
    if not keys:
        del cluster.waits_on[wait.job_id]


def _one_less_parked(cluster: Cluster, user: str) -> None:
    cluster.parked_of_user[user] -= 1
    if not cluster.parked_of_user[user]:
        del cluster.parked_of_user[user]


def put_errand(cluster: Cluster, delivery_id: str, errand: Errand) -> None:
    """Something for a running job is on its way."""
    cluster.errands[delivery_id] = errand
    cluster.errands_of.setdefault(errand.job_id, set()).add(delivery_id)
    cluster.parked_of_user[errand.asked.user] += 1


def drop_errand(cluster: Cluster, delivery_id: str) -> None:
    """It is no longer waited for here."""
    errand = cluster.errands.pop(delivery_id)
    theirs = cluster.errands_of[errand.job_id]
    theirs.discard(delivery_id)
    if not theirs:
        del cluster.errands_of[errand.job_id]
    _one_less_parked(cluster, errand.asked.user)


def release(cluster: Cluster, job_id: str) -> None:
    """A job has come further: who brings it something asks again, and learns how it stands."""
    for delivery_id in sorted(cluster.errands_of.get(job_id, ())):
        answer_pending(cluster, cluster.errands[delivery_id].asked)
        drop_errand(cluster, delivery_id)


def wake(cluster: Cluster, job_id: str) -> None:
    """Answer those parked requests on a job that are true now."""
    keys = cluster.waits_on.get(job_id)
    if not keys:
        return
    job = cluster.jobs[job_id]
    for key in sorted(keys):
        wait = cluster.waits[key]
        result = met(cluster, job, wait.asked.request.args)
        if result is not None:
            unpark(cluster, key)
            cluster.answer(wait.asked, result)


def met(cluster: Cluster, job: JobRow, args: Any) -> JobInfo | ResultsState | JobCanceled | None:
    """The answer to a waiting request if what it waits for is true, else None."""
    ended = job.state in FINAL
    match args:
        case WaitJob():
            return info_of(cluster, job) if ended or job.state in args.until else None
        case CancelJob():
            return JobCanceled(canceled=job.state == "canceled", state=job.state) if ended else None
        case WaitResults():
            return results_of(cluster, job) if ended or _enough(streams_of(cluster, job), args) else None
    raise AssertionError(f"{type(args).__name__} does not wait")


def _enough(streams: list[StreamState], args: WaitResults) -> bool:
    asked_for = [s for s in streams if not args.stream or s.schema.name == args.stream]
    if args.count >= 0:
        return all(s.count >= args.count or s.closed for s in asked_for) and bool(asked_for)
    return all(s.closed for s in asked_for) and bool(asked_for)


def answer_pending(cluster: Cluster, asked: Asked) -> None:
    """It is not true yet: ask again."""
    cluster.out.append(Answer(client=asked.client, request_id=asked.request.request_id, pending=True))


def event_of(state: JobState) -> str:
    """What a reported state means to the table of states."""
    return EVENT_OF_REPORT[state]
