"""Simulations: jobs without a qm.

Rules:
1. A simulation takes no ports, no threads and no place in the queue of a qm.
2. It goes to a connected controller whose name its config uses, else to any whose type fits; the one with the fewest.
3. Each controller runs at most SIMULATIONS_AT_ONCE; the others wait for it, in the order in which they were accepted.
"""

from __future__ import annotations

import msgspec

from ..._core.errors import AskedWrongly, Taken
from ..._core.wire import Simulation, commands, content_digest, requests, unpack_plain
from ..._core.wire import limits as wire_limits
from ..._core.wire.frames import as_bytes
from . import limits
from .claims import Shape, shape_of, simulated_bytes, type_matches
from .cluster import Cluster
from .dispatch import seed_of
from .messages import Asked
from .rows import JobRow
from .states import next_state


def simulate(cluster: Cluster, asked: Asked, args: requests.Simulate) -> requests.JobAdded:
    """Accept a simulation."""
    program, config, samples = _bodies(asked, args)
    config_digest, shape = _config(cluster, args.qm_id, config)
    check_size(shape, args.simulation)
    controller = choose_controller(cluster, shape)
    check_room(cluster, asked.user)
    job_id = str(cluster.next_job)
    cluster.by(asked.user, "simulate", job_id)
    cluster.next_job += 1
    for digest, body in ((args.digest, program), (config_digest, config), (args.simulation.samples_digest, samples)):
        if digest and body:
            cluster.put_body(digest, body)
    cluster.put_job(
        JobRow(
            job_id=job_id,
            qm_id="",
            user=asked.user,
            request_id=asked.request.request_id,
            state="pending",
            place=0,
            controller=controller,
            program_digest=args.digest,
            config_digest=config_digest,
            image_id="",
            options=args.options,
            note=args.note,
            added_at_ms=cluster.now_ms,
            simulation=args.simulation,
        )
    )
    warnings = [] if args.qm_id else shape.warnings  # those of a qm were told when it was opened
    return requests.JobAdded(job_id=job_id, position=len(waiting(cluster, controller)), warnings=warnings)


def _bodies(asked: Asked, args: requests.Simulate) -> tuple[bytes, bytes, bytes]:
    """Program, config and raw samples, each fitting its digest; the last two may be empty."""
    bodies = [as_bytes(body) for body in asked.bodies]
    if not 1 <= len(bodies) <= 3 or not bodies[0]:
        raise AskedWrongly("simulate takes a program, a config and raw samples as its bodies", code="bad_frame")
    program, config, samples = [*bodies, b"", b""][:3]
    wanted = args.simulation.samples_digest
    if content_digest(program) != args.digest or bool(samples) != bool(wanted):
        raise AskedWrongly("a digest is not that of its body", code="bad_digest")
    if samples and content_digest(samples) != wanted:
        raise AskedWrongly("the digest is not that of the raw samples", code="bad_digest")
    if len(samples) != 8 * sum(item.samples for item in args.simulation.inputs):
        raise AskedWrongly("the raw samples are not as many as the inputs say", code="bad_body")
    if bool(config) == bool(args.qm_id):
        raise AskedWrongly("simulate takes a config or the id of a qm, one of them", code="bad_request")
    return program, config, samples


def _config(cluster: Cluster, qm_id: str, body: bytes) -> tuple[str, Shape]:
    """Digest and shape of the config that is simulated."""
    if qm_id:
        return cluster.qm(qm_id).config_digest, cluster.shapes[qm_id]
    digest = content_digest(body)
    shape = cluster.simulated_shapes.get(digest)
    if shape is None:
        shape = shape_of(unpack_plain(body))
        cluster.simulated_shapes[digest] = shape
        if len(cluster.simulated_shapes) > limits.SIMULATED_SHAPES_KEPT:
            cluster.simulated_shapes.popitem(last=False)
    return digest, shape


def check_size(shape: Shape, simulation: Simulation) -> None:
    """The samples of a simulation are bounded. Raises AskedWrongly `simulation_too_long`."""
    size = simulated_bytes(shape.config, 4 * simulation.duration_cycles)
    if size <= wire_limits.SIMULATION_BYTES:
        return
    fits = simulation.duration_cycles * wire_limits.SIMULATION_BYTES // size
    raise AskedWrongly(
        f"simulating {simulation.duration_cycles} cycles makes {size} bytes of samples; "
        f"the limit is {wire_limits.SIMULATION_BYTES} (SIMULATION_BYTES)",
        code="simulation_too_long",
        hint=f"simulate at most {fits} cycles with this config, or leave ports out of it",
        details={"limit": "SIMULATION_BYTES", "value": wire_limits.SIMULATION_BYTES, "cycles": fits},
    )


def choose_controller(cluster: Cluster, shape: Shape) -> str:
    """The controller that will simulate a config. Raises Taken `controller_unavailable`."""
    kinds = [kind for kind, _ in shape.controllers.values()]
    ready = [name for name in sorted(cluster.controllers) if cluster.is_ready(name)]
    fitting = [name for name in ready if any(type_matches(kind, cluster.controllers[name].type) for kind in kinds)]
    named = [name for name in fitting if name in shape.controllers]
    chosen = named or fitting
    if chosen:
        return min(chosen, key=lambda name: (load_of(cluster, name), name))
    wanted = ", ".join(f"{name} ({kind})" for name, (kind, _) in shape.controllers.items()) or "none"
    known = next((name for name in shape.controllers if name in cluster.controllers), "")
    raise Taken(
        f"no connected controller can simulate this config, whose controllers are {wanted}",
        code="controller_unavailable",
        hint="start a controller of that type; `quaymaster status` shows which are connected",
        details={"controller": known} if known else {},
    )


def check_room(cluster: Cluster, user: str) -> None:
    """Waiting simulations are bounded as pending jobs are. Raises Taken `queue_full`."""
    for name, count, limit in (
        ("BROKER_PENDING_JOBS", cluster.state_counts["pending"], wire_limits.BROKER_PENDING_JOBS),
        ("USER_PENDING_JOBS", cluster.pending_of_user.get(user, 0), wire_limits.USER_PENDING_JOBS),
        ("SIMULATIONS_WAITING", len(cluster.simulations), limits.SIMULATIONS_WAITING),
    ):
        if count >= limit:
            raise Taken(
                f"{count} jobs are pending, the limit {name}",
                code="queue_full",
                hint="wait until some have run, or cancel some",
                details={"limit": name, "value": limit},
            )


# -- what runs next --------------------------------------------------------------------------------------------------


def waiting(cluster: Cluster, controller: str) -> list[str]:
    """The simulations that wait for a controller, in order."""
    return [job_id for job_id in cluster.simulations if cluster.jobs[job_id].controller == controller]


def load_of(cluster: Cluster, controller: str) -> int:
    """How many simulations a controller has or will have."""
    return len(cluster.simulating.get(controller, ())) + len(waiting(cluster, controller))


def obstacle(cluster: Cluster, job: JobRow) -> str:
    """Why a pending simulation cannot start now, in words; "" if it can."""
    if not cluster.is_ready(job.controller):
        return f"its controller {job.controller} is not connected"
    others = cluster.simulating.get(job.controller, set())
    if len(others) >= limits.SIMULATIONS_AT_ONCE:
        which = ", ".join(sorted(others, key=int))
        return f"{job.controller} runs {len(others)} simulations already (SIMULATIONS_AT_ONCE): {which}"
    return ""


def advance_simulations(cluster: Cluster) -> None:
    """Start every simulation that can start now."""
    if not cluster.simulations_dirty:
        return
    cluster.simulations_dirty = False
    full: set[str] = set()
    for job_id in list(cluster.simulations):
        job = cluster.jobs[job_id]
        if job.controller in full:
            continue
        if obstacle(cluster, job):
            full.add(job.controller)
        else:
            _start(cluster, job)


def _start(cluster: Cluster, job: JobRow) -> None:
    loading = msgspec.structs.replace(job, state=next_state(job.state, "start"), attempt=job.attempt + 1)
    cluster.by("broker", "start", job.job_id)
    cluster.put_job(loading)
    send_simulation(cluster, loading)


def send_simulation(cluster: Cluster, job: JobRow) -> None:
    """The load command of a simulation, always whole."""
    assert job.simulation is not None
    options = job.options
    if options.seed is None:
        options = msgspec.structs.replace(options, seed=seed_of(cluster.meta.instance, job.job_id))
    samples = [job.simulation.samples_digest] if job.simulation.samples_digest else []
    cluster.send(
        job.controller,
        commands.Load(
            job_id=job.job_id,
            attempt=job.attempt,
            qm_id="",
            program_digest=job.program_digest,
            config_digest=job.config_digest,
            options=options,
            simulation=job.simulation,
        ),
        job.program_digest,
        job.config_digest,
        *samples,
    )


def words(cluster: Cluster, job: JobRow) -> str:
    """Why a pending simulation waits, in a sentence."""
    ahead = waiting(cluster, job.controller).index(job.job_id)
    if ahead:
        return f"simulation {job.job_id} is pending: {ahead} simulation{'s' if ahead > 1 else ''} go before it"
    return f"simulation {job.job_id} is next: {obstacle(cluster, job) or 'it is about to start'}"
