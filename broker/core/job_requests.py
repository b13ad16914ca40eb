"""Requests on programs and jobs: compile, add, execute, list, remove, cancel, wait."""

from __future__ import annotations

from collections import OrderedDict

import msgspec

from ..._core.errors import AskedWrongly, Taken
from ..._core.wire import JobOptions, Overrides, commands, content_digest, requests
from ..._core.wire import limits as wire_limits
from ..._core.wire.frames import as_bytes
from . import limits
from .claims import Config, apply_overrides
from .cluster import Cluster, Compiling
from .dispatch import capacity_of, fem_words, note_program
from .ending import cancel_pending, check_may_park, halt, info_of, met, park
from .messages import Asked
from .rows import ImageRow, JobRow, ProgramRow, QmRow
from .states import FINAL

AddArgs = requests.AddJob | requests.Execute


def compile_program(cluster: Cluster, asked: Asked, args: requests.Compile) -> requests.CompiledProgram | None:
    """A program id for later use; None while a controller compiles."""
    qm = cluster.qm(args.qm_id)
    check_digest(asked, args.digest)
    image = cluster.images.get(image_id_of(args.digest, qm.config_digest, args.options.flags))
    if image is None:
        _ask_controller(cluster, asked, qm, args.digest, args.options)
        return None
    check_threads(cluster, qm.qm_id, image)
    if sum(program.qm_id == qm.qm_id for program in cluster.programs.values()) >= limits.PROGRAMS_PER_QM:
        raise Taken(
            f"{qm.qm_id} holds {limits.PROGRAMS_PER_QM} programs, the limit PROGRAMS_PER_QM",
            code="too_many_programs",
            hint="close the qm, or queue programs without compiling them first",
        )
    program_id = f"p-{cluster.meta.next_program}"
    cluster.by(asked.user, "compile", program_id)
    cluster.put_meta(next_program=cluster.meta.next_program + 1)
    cluster.put_program(
        ProgramRow(
            program_id=program_id,
            qm_id=qm.qm_id,
            user=asked.user,
            program_digest=args.digest,
            flags=args.options.flags,
            numerics=args.options.numerics,
            latency=args.options.latency,
            seed=args.options.seed,
        )
    )
    return requests.CompiledProgram(program_id=program_id, threads=image.threads, warnings=image.warnings)


def add_job(cluster: Cluster, asked: Asked, args: AddArgs) -> requests.JobAdded | None:
    """Queue a job (for `execute`: in place of all others); None while a controller compiles."""
    qm = cluster.qm(args.qm_id)
    if args.overrides is not None:
        check_overrides(cluster.shapes[qm.qm_id].config, args.overrides, by_id=bool(args.program_id))
    digest, options = _program_of(cluster, asked, args)
    image_id = image_id_of(digest, qm.config_digest, options.flags)
    image = cluster.images.get(image_id)
    if image is None:
        _ask_controller(cluster, asked, qm, digest, options)
        return None
    cluster.images.move_to_end(image_id)
    controller = check_threads(cluster, qm.qm_id, image) or next(iter(cluster.shapes[qm.qm_id].controllers))
    executes = isinstance(args, requests.Execute)
    check_room(cluster, asked.user, qm.qm_id, clears=executes)

    verb = "execute" if executes else "add_job"
    job_id = str(cluster.next_job)
    cluster.by(asked.user, verb, job_id)
    removed, halted = _make_way(cluster, qm.qm_id, asked.user, job_id) if executes else ([], [])
    to_start = isinstance(args, requests.AddJob) and args.to_start
    cluster.next_job += 1
    cluster.put_job(
        JobRow(
            job_id=job_id,
            qm_id=qm.qm_id,
            user=asked.user,
            request_id=asked.request.request_id,
            state="pending",
            place=cluster.first_place - 1 if to_start else cluster.last_place + 1,
            controller=controller,
            program_digest=digest,
            config_digest=qm.config_digest,
            image_id=image_id,
            options=options,
            overrides=args.overrides,
            threads=image.threads,
            note=args.note,
            added_at_ms=cluster.now_ms,
        )
    )
    position = 1 if to_start else len(cluster.queues[qm.qm_id])
    return requests.JobAdded(
        job_id=job_id, position=position, removed_jobs=removed, canceled_jobs=halted, warnings=image.warnings
    )


def _make_way(cluster: Cluster, qm_id: str, user: str, job_id: str) -> tuple[list[str], list[str]]:
    """The first two thirds of `execute`: clear the queue, halt what runs."""
    removed = list(cluster.queues[qm_id])
    for pending in removed:
        cancel_pending(cluster, cluster.jobs[pending], user, f"execute put job {job_id} in its place")
    running = cluster.active.get(qm_id)
    if running is None:
        return removed, []
    halt(cluster, cluster.jobs[running], user)
    return removed, [running]


def _program_of(cluster: Cluster, asked: Asked, args: AddArgs) -> tuple[str, JobOptions]:
    """Digest and options of what is to run."""
    if not args.program_id:
        check_digest(asked, args.digest)
        return args.digest, args.options
    if args.digest or asked.bodies:
        raise AskedWrongly("either program_id or a program, not both", code="bad_request")
    program = cluster.programs.get(args.program_id)
    if program is None or program.qm_id != args.qm_id:
        raise AskedWrongly(
            f"{args.qm_id} has no compiled program {args.program_id!r}",
            code="unknown_program_id",
            hint="a program id belongs to the qm that it was compiled for, and ends with it; compile the program again",
        )
    options = args.options
    if options.flags and options.flags != program.flags:
        raise AskedWrongly("compiler options cannot be given with a compiled program", code="bad_request")
    seed = options.seed if options.seed is not None else program.seed
    return program.program_digest, msgspec.structs.replace(
        options, flags=program.flags, seed=seed, numerics=program.numerics, latency=program.latency
    )


def check_digest(asked: Asked, digest: str) -> None:
    """The digest of a request must be that of its body, where it has one."""
    if len(asked.bodies) > 1:
        raise AskedWrongly("one program at a time", code="bad_frame")
    if not digest:
        raise AskedWrongly("a program is named by the digest of its bytes", code="bad_request")
    if asked.bodies and content_digest(as_bytes(asked.bodies[0])) != digest:
        raise AskedWrongly("the digest is not that of the program's bytes", code="bad_digest")


def check_overrides(config: Config, overrides: Overrides, *, by_id: bool) -> None:
    """Overrides go with a compiled program, and fit the waveforms of the qm's config."""
    if not by_id:
        raise AskedWrongly(
            "overrides go with a compiled program", code="bad_override", hint="compile it first, and queue its id"
        )
    apply_overrides(config, {"waveforms": overrides.waveforms})


def check_threads(cluster: Cluster, qm_id: str, image: ImageRow) -> str:
    """The controller that runs an image ("" for any), the first of those it needs; what could never run is refused."""
    names = sorted({need.controller for need in image.threads})
    for name in names:
        if name not in cluster.shapes[qm_id].controllers:
            raise AskedWrongly(f"the program needs {name}, which {qm_id} does not name", code="wrong_controller")
    for need in image.threads:
        capacity = capacity_of(cluster, need.controller, need.fem)
        if capacity is not None and need.threads > capacity:
            raise AskedWrongly(
                f"failed to allocate resources: the program needs {need.threads} threads on "
                f"{fem_words(cluster, need.controller, need.fem)}, which has {capacity}",
                code="too_many_threads",
                hint="use fewer elements, or let some share a thread (`core`)",
                details={"controller": need.controller, "fem": need.fem, "needs": need.threads, "has": capacity},
            )
    return names[0] if names else ""


def check_room(cluster: Cluster, user: str, qm_id: str, *, clears: bool) -> None:
    """Queues are bounded, each with a name."""
    bounds = [
        ("BROKER_PENDING_JOBS", cluster.state_counts["pending"], wire_limits.BROKER_PENDING_JOBS),
        ("USER_PENDING_JOBS", cluster.pending_of_user.get(user, 0), wire_limits.USER_PENDING_JOBS),
        ("QM_PENDING_JOBS", 0 if clears else len(cluster.queues[qm_id]), wire_limits.QM_PENDING_JOBS),
    ]
    for name, count, limit in bounds:
        if count >= limit:
            raise Taken(
                f"{count} jobs are pending, the limit {name}",
                code="queue_full",
                hint="wait until some have run, or remove some",
                details={"limit": name, "value": limit},
            )


def image_id_of(program_digest: str, config_digest: str, flags: list[str]) -> str:
    """The name of an image: what it is compiled from."""
    return f"{program_digest}/{config_digest}/{','.join(flags)}" if flags else f"{program_digest}/{config_digest}"


# -- compiling -------------------------------------------------------------------------------------------------------


def _ask_controller(cluster: Cluster, asked: Asked, qm: QmRow, digest: str, options: JobOptions) -> None:
    """Have a program compiled, once for all who ask; the request is handled again when the controller has answered."""
    check_may_park(cluster, asked.user)
    key = (asked.user, asked.request.request_id)
    image_id = image_id_of(digest, qm.config_digest, options.flags)
    under_way = cluster.compiling.get(image_id)
    if under_way is None:
        body = _body_of(cluster, asked, digest)
        action = commands.CompileProgram(
            compile_id=cluster.fresh_id("c"),
            qm_id=qm.qm_id,
            program_digest=digest,
            config_digest=qm.config_digest,
            options=options,
        )
        names = list(cluster.shapes[qm.qm_id].controllers)
        first = next((name for name in names if cluster.is_ready(name)), names[0])
        check_ready(cluster, first)
        others = [name for name in names if name != first]
        under_way = Compiling(image_id, action, (body, qm.config_digest), first, others, OrderedDict(), {})
        cluster.compiling[image_id] = under_way
        send_compile(cluster, under_way)
    under_way.asked[key] = asked
    under_way.due_ms[key] = cluster.now_ms + wire_limits.PARK_MS
    cluster.compiling_of[key] = image_id


def check_ready(cluster: Cluster, controller: str) -> None:
    """A controller must be there to compile. Raises Taken."""
    if not cluster.is_ready(controller):
        raise Taken(
            f"controller {controller}, which would compile the program, is not connected",
            code="controller_unavailable",
            hint="try again when it is back",
            details={"controller": controller},
        )


def send_compile(cluster: Cluster, under_way: Compiling) -> None:
    """The compile command, to the controller whose turn it is."""
    note_program(cluster.live[under_way.controller], under_way.action.program_digest)
    cluster.send(under_way.controller, under_way.action, *under_way.bodies)


def _body_of(cluster: Cluster, asked: Asked, digest: str) -> bytes | str:
    if asked.bodies:
        return as_bytes(asked.bodies[0])
    if digest in cluster.known_bodies:
        return digest
    raise AskedWrongly(
        f"the program {digest} is not known here", code="unknown_program", hint="send the program along with its digest"
    )


# -- jobs ------------------------------------------------------------------------------------------------------------


def get_job(cluster: Cluster, asked: Asked, args: requests.GetJob) -> requests.JobInfo:
    """One job."""
    return info_of(cluster, cluster.job(args.job_id))


def get_jobs(cluster: Cluster, asked: Asked, args: requests.GetJobs) -> requests.JobList:
    """Jobs by filters: pending ones by position, after them the others by id."""
    states, users, notes = set(args.states), set(args.user_ids), args.note
    found = [
        job
        for job in _candidates(cluster, args)
        if (not states or job.state in states)
        and (not users or job.user in users)
        and (not args.qm_ids or job.qm_id in args.qm_ids)
        and (not notes or notes in job.note)
    ]
    found.sort(key=_listing_key)
    return requests.JobList(jobs=_infos(cluster, found[: args.limit]), total=len(found))


def _listing_key(job: JobRow) -> tuple[bool, str, int, int]:
    pending = job.state == "pending"
    return (not pending, job.qm_id if pending else "", job.place if pending else 0, int(job.job_id))


def _candidates(cluster: Cluster, args: requests.GetJobs) -> list[JobRow]:
    if args.job_ids:
        return [cluster.jobs[job_id] for job_id in dict.fromkeys(args.job_ids) if job_id in cluster.jobs]
    if args.states and set(args.states) <= {"pending", "loading", "running"}:
        queued = [job_id for qm_id in cluster.queues for job_id in cluster.queues[qm_id]]
        simulating = [job_id for ids in cluster.simulating.values() for job_id in ids]
        held = [*cluster.active.values(), *cluster.simulations, *simulating]
        return [cluster.jobs[job_id] for job_id in [*queued, *held]]
    return list(cluster.jobs.values())


def _infos(cluster: Cluster, jobs: list[JobRow]) -> list[requests.JobInfo]:
    """Infos of many jobs, with each queue walked once."""
    qm_ids = {job.qm_id for job in jobs if job.state == "pending"}
    queues = [cluster.queues[qm_id] if qm_id else cluster.simulations for qm_id in qm_ids]
    places = {job_id: n for queue in queues for n, job_id in enumerate(queue, 1)}
    return [info_of(cluster, job, places.get(job.job_id, -1)) for job in jobs]


def remove_jobs(cluster: Cluster, asked: Asked, args: requests.RemoveJobs) -> requests.RemovedJobs:
    """Cancel pending jobs; which ones is said in exactly one way."""
    qm = cluster.qm(args.qm_id)
    chosen = _chosen(cluster, args, list(cluster.queues[qm.qm_id]))
    cluster.by(asked.user, "remove_jobs", qm.qm_id)
    for job_id in chosen:
        cancel_pending(cluster, cluster.jobs[job_id], asked.user, "removed from the queue")
    return requests.RemovedJobs(job_ids=chosen)


def _chosen(cluster: Cluster, args: requests.RemoveJobs, queue: list[str]) -> list[str]:
    ways = [bool(args.job_ids), args.position is not None, bool(args.user_ids), args.all]
    if sum(ways) != 1:
        raise AskedWrongly("say which jobs: by job_ids, position, user_ids or all, one of them", code="bad_request")
    if args.all:
        return queue
    if args.user_ids:
        return [job_id for job_id in queue if cluster.jobs[job_id].user in args.user_ids]
    if args.position is not None:
        return [_at_position(args.position, args.expected_job_id, queue)]
    pending = set(queue)
    missing = [job_id for job_id in args.job_ids if job_id not in pending]
    if missing:
        raise AskedWrongly(
            f"no pending job of {args.qm_id} has the id {missing[0]!r}",
            code="unknown_job",
            hint="it may have started, ended or been removed; nothing was removed",
            details={"missing": missing[:100]},
        )
    return list(dict.fromkeys(args.job_ids))


def _at_position(position: int, expected: str, queue: list[str]) -> str:
    if not 1 <= position <= len(queue):
        raise AskedWrongly(
            f"position {position} is not in the queue, which holds {len(queue)} jobs (positions count from 1)",
            code="bad_position",
            details={"length": len(queue)},
        )
    found = queue[position - 1]
    if expected and found != expected:
        raise Taken(
            f"position {position} holds job {found}, not {expected}; nothing was removed",
            code="job_moved",
            hint="the queue has moved; remove the job by its id",
            details={"found": found},
        )
    return found


def cancel_job(cluster: Cluster, asked: Asked, args: requests.CancelJob) -> requests.JobCanceled | None:
    """Cancel a pending job at once; halt a held one and wait for its end."""
    job = cluster.job(args.job_id)
    if job.state in FINAL:
        ours = job.state == "canceled" and job.halt_by == asked.user
        return requests.JobCanceled(canceled=ours, state=job.state)
    cluster.by(asked.user, "cancel_job", job.job_id)
    if job.state == "pending":
        job = msgspec.structs.replace(job, halt_by=asked.user)
        cancel_pending(cluster, job, asked.user, "canceled")
        return requests.JobCanceled(canceled=True, state="canceled")
    check_may_park(cluster, asked.user)
    halt(cluster, job, asked.user)
    park(cluster, asked, job.job_id, cluster.now_ms + wire_limits.PARK_MS)
    return None


def wait_job(cluster: Cluster, asked: Asked, args: requests.WaitJob) -> msgspec.Struct | None:
    """Parked until the job has come so far."""
    job = cluster.job(args.job_id)
    result = met(cluster, job, args)
    if result is None:
        check_may_park(cluster, asked.user)
        park(cluster, asked, job.job_id, cluster.now_ms + wire_limits.PARK_MS)
    return result
