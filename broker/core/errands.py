"""What clients bring to running jobs: passed on to the job's controller, which answers when the job has it.

Rules:
1. An errand goes to a job that runs. For one that loads it waits here; `release` has the client ask again when the job
   has come further. Any other job refuses it (`job_not_running`).
2. A request keeps its delivery id however often it is sent, and the controller delivers an id once. So an answer that
   is lost, here or on the way, costs a repeat and nothing else.
3. Registers belong to the qm: a job that runs has them, starts with what was set before, and leaves what it made of
   them. A repeat of a set whose job has ended meanwhile sets the same in the next one.
"""

from __future__ import annotations

import hashlib

import msgspec

from ..._core.errors import AskedWrongly, OurBug, Taken
from ..._core.wire import commands, parcels, reports, requests
from ..._core.wire import limits as wire_limits
from .cluster import Cluster, Errand, UserRequest
from .ending import check_may_park, drop_errand, put_errand
from .messages import Asked
from .rows import JobRow
from .states import FINAL


def delivery_id_of(key: UserRequest) -> str:
    """The id under which a request reaches a job, however often it is sent."""
    return hashlib.blake2b("/".join(key).encode(), digest_size=16).hexdigest()


# -- requests ----------------------------------------------------------------------------------------------------------


def tell_job(cluster: Cluster, asked: Asked, args: requests.TellJob) -> None:
    """Something for a job; answered when its controller has delivered it."""
    _pass_on(cluster, asked, _running(cluster.job(args.job_id)), args.parcel)


def set_io(cluster: Cluster, asked: Asked, args: requests.SetIo) -> requests.IoValues | None:
    """Set registers: those of the running job, else those that the next one starts with."""
    job = _job_with_registers(cluster, args)
    if job is not None:
        _pass_on(cluster, asked, job, parcels.SetRegisters(io1=args.io1, io2=args.io2))
        return None
    qm = cluster.qm(args.qm_id)
    cluster.by(asked.user, "set_io", qm.qm_id)
    return keep_registers(
        cluster, qm.qm_id, [qm.io1_raw if args.io1 is None else args.io1, qm.io2_raw if args.io2 is None else args.io2]
    )


def get_io(cluster: Cluster, asked: Asked, args: requests.GetIo) -> requests.IoValues | None:
    """Read registers, from the running job where there is one."""
    job = _job_with_registers(cluster, args)
    if job is not None:
        _pass_on(cluster, asked, job, parcels.ReadRegisters())
        return None
    qm = cluster.qm(args.qm_id)
    return requests.IoValues(io1=qm.io1_raw, io2=qm.io2_raw)


def get_element(cluster: Cluster, asked: Asked, args: requests.GetElement) -> None:
    """What an element of a running job is set to, as its controller says."""
    _pass_on(cluster, asked, _running(cluster.job(args.job_id)), parcels.ReadElement(element=args.element))


def keep_registers(cluster: Cluster, qm_id: str, io: list[int]) -> requests.IoValues:
    """What an open qm's later jobs start with."""
    qm = cluster.qms.get(qm_id)
    values = requests.IoValues(io1=io[0], io2=io[1])
    if qm is not None and (qm.io1_raw, qm.io2_raw) != (values.io1, values.io2):
        row = msgspec.structs.replace(qm, io1_raw=values.io1, io2_raw=values.io2)
        cluster.put_qm(row, cluster.raw_configs[qm_id], cluster.shapes[qm_id])
    return values


def _job_with_registers(cluster: Cluster, args: requests.SetIo | requests.GetIo) -> JobRow | None:
    if bool(args.job_id) == bool(args.qm_id):
        raise AskedWrongly("registers are those of a qm or of a job, one of them", code="bad_request")
    if args.job_id:
        return _running(cluster.job(args.job_id))
    active = cluster.active.get(cluster.qm(args.qm_id).qm_id)
    return cluster.jobs[active] if active is not None else None


def _running(job: JobRow) -> JobRow:
    """The job, if it runs or is about to."""
    if job.simulation is None and job.state in ("loading", "running"):
        return job
    details = {"job_id": job.job_id, "state": job.state, "error_code": 1001}
    message = f"job {job.job_id} does not run: it is {job.state}"
    if job.simulation is not None:
        raise AskedWrongly(
            f"job {job.job_id} is a simulation: nothing reaches it from outside",
            code="simulated_job",
            hint="execute the program on an open qm for that",
            details={**details, "error_code": 1002},
        )
    if job.state == "pending":
        hint = "wait until it was started: wait_for_execution()"
        raise Taken(message, code="job_not_running", hint=hint, details=details)
    raise AskedWrongly(message, code="job_not_running", hint="add it again if it is still wanted", details=details)


def _pass_on(cluster: Cluster, asked: Asked, job: JobRow, parcel: parcels.Parcels) -> None:
    """Send it to a job that runs; for one that loads, keep it until that has come further."""
    if not cluster.is_ready(job.controller):
        raise Taken(
            f"controller {job.controller}, which runs job {job.job_id}, is not connected",
            code="controller_unavailable",
            hint="try again when it is back",
            details={"controller": job.controller},
        )
    check_may_park(cluster, asked.user)
    delivery_id = delivery_id_of((asked.user, asked.request.request_id))
    put_errand(cluster, delivery_id, Errand(asked, job.job_id, job.controller, cluster.now_ms + wire_limits.PARK_MS))
    if job.state == "running":
        cluster.send(
            job.controller,
            commands.Deliver(delivery_id=delivery_id, job_id=job.job_id, attempt=job.attempt, parcel=parcel),
        )


# -- reports -----------------------------------------------------------------------------------------------------------


def standing(cluster: Cluster, name: str, said: reports.Standing, bodies: object) -> None:
    """A job stands still, or goes on."""
    note_standing(cluster, name, said.job_id, said.attempt, said.paused, said.waiting_for)


def note_standing(cluster: Cluster, name: str, job_id: str, attempt: int, paused: bool, waiting_for: list[str]) -> None:
    """Whether a running job is paused is kept in its row; what it waits for is for `why`."""
    job = cluster.jobs.get(job_id)
    if job is None or job.controller != name or job.attempt != attempt or job.state != "running":
        return
    if waiting_for:
        cluster.waiting_for[job_id] = waiting_for
    else:
        cluster.waiting_for.pop(job_id, None)
    if job.paused != paused:
        cluster.by(f"controller:{name}", "paused" if paused else "goes_on", job_id)
        cluster.put_job(msgspec.structs.replace(job, paused=paused))


def delivered(cluster: Cluster, name: str, said: reports.Delivered, bodies: object) -> None:
    """A job has what was brought: the change is remembered, and the client told."""
    errand = cluster.errands.get(said.delivery_id)
    if errand is not None and errand.controller == name:
        drop_errand(cluster, said.delivery_id)
        _settle(cluster, errand, said)
    note_standing(cluster, name, said.job_id, said.attempt, said.paused, [])


def _settle(cluster: Cluster, errand: Errand, said: reports.Delivered) -> None:
    asked, args = errand.asked, errand.asked.request.args
    values = requests.IoValues(io1=said.io[0], io2=said.io[1]) if len(said.io) == 2 else requests.IoValues()
    if isinstance(args, requests.GetIo):
        cluster.answer(asked, values)
        return
    if isinstance(args, requests.GetElement):
        if said.element is None:
            raise OurBug(f"controller {errand.controller} read element {args.element!r} and says nothing of it")
        cluster.answer(asked, said.element)
        return
    method = str(type(args).__struct_config__.tag)
    verb = f"{method}:{args.parcel.__struct_config__.tag}" if isinstance(args, requests.TellJob) else method
    cluster.by(asked.user, verb, said.job_id)
    if isinstance(args, requests.SetIo) and len(said.io) == 2:
        keep_registers(cluster, cluster.jobs[errand.job_id].qm_id, said.io)
    result = values if isinstance(args, requests.SetIo) else requests.Done()
    cluster.remember(asked, method, result)
    cluster.answer(asked, result)


def not_delivered(cluster: Cluster, name: str, said: reports.NotDelivered, bodies: object) -> list[Asked]:
    """A job could not take it. Where it had just ended, the registers of its qm are set or read instead."""
    errand = cluster.errands.get(said.delivery_id)
    if errand is None or errand.controller != name:
        return []
    drop_errand(cluster, said.delivery_id)
    args = errand.asked.request.args
    if isinstance(args, (requests.SetIo, requests.GetIo)) and args.qm_id and said.error.code == "job_not_running":
        job = cluster.jobs.get(errand.job_id)
        if job is None or job.state in FINAL or job.state == "processing":
            return [errand.asked]
    cluster.refuse(errand.asked, said.error)
    return []
