"""What must hold after every event, each rule with its own name.

`check_all` looks at a cluster as it stands. What needs a memory (an accepted job ends once, a canceled pending job
never starts, the log replays to the same rows) is kept by a `Witness`, which sees every change and instruction go by.
Both raise `Violation`. Tests and simulated runs call them after every step; a serving broker does not, they walk all.
"""

from __future__ import annotations

from collections.abc import Callable

from ..._core.wire import commands
from . import limits, simulations
from .cluster import Cluster
from .dispatch import capacity_of, obstacle
from .messages import Instruction, Send
from .rows import Change, JobRow, Logged, MetaRow, Put, Rows
from .states import FINAL, HELD_BY_CONTROLLER, OCCUPYING


class Violation(AssertionError):
    """An invariant does not hold; the message starts with its name."""


def _demand(condition: bool, name: str, story: str) -> None:
    if not condition:
        raise Violation(f"{name}: {story}")


def ports_have_rightful_owners(cluster: Cluster) -> None:
    """1. A port that is not shareable has one owner; sharers all say shareable and agree on what is physical."""
    for port, owners in cluster.ports.owners().items():
        claims = list(owners.values())
        if len(claims) > 1:
            shareable = all(claim.shareable for claim in claims)
            _demand(shareable, "ports_have_rightful_owners", f"{port} is held by {sorted(owners)}, not all shareable")
            same = all(claim.physical == claims[0].physical for claim in claims)
            _demand(same, "ports_have_rightful_owners", f"{sorted(owners)} disagree about {port}")


def qms_hold_all_their_ports(cluster: Cluster) -> None:
    """2. An open qm holds exactly the ports of its config, on all its controllers; a closed one holds none."""
    for qm_id in cluster.qms:
        held, wanted = cluster.ports.ports_of(qm_id), cluster.shapes[qm_id].ports
        _demand(held == wanted, "qms_hold_all_their_ports", f"{qm_id} holds {sorted(held)}, wants {sorted(wanted)}")
    owners = {qm_id for owned in cluster.ports.owners().values() for qm_id in owned}
    _demand(
        owners <= cluster.qms.keys(), "qms_hold_all_their_ports", f"closed qms hold ports: {owners - {*cluster.qms}}"
    )


def qms_run_one_job_at_a_time(cluster: Cluster) -> None:
    """4. Per qm at most one job loads or runs, and it is the one that the broker thinks it is."""
    occupying: dict[str, list[str]] = {}
    for job in cluster.jobs.values():
        if job.state in OCCUPYING and job.simulation is None:
            occupying.setdefault(job.qm_id, []).append(job.job_id)
    for qm_id, job_ids in occupying.items():
        _demand(len(job_ids) == 1, "qms_run_one_job_at_a_time", f"{qm_id} runs {job_ids}")
        _demand(qm_id in cluster.qms, "qms_run_one_job_at_a_time", f"{qm_id} is closed and runs {job_ids}")
    expected = {qm_id: job_ids[0] for qm_id, job_ids in occupying.items()}
    _demand(cluster.active == expected, "qms_run_one_job_at_a_time", f"{cluster.active} is not {expected}")


def threads_are_not_overdrawn(cluster: Cluster) -> None:
    """4. The account of each FEM is what its jobs need, and within its capacity."""
    needed: dict[tuple[str, int], int] = {}
    for job_id in cluster.active.values():
        for need in cluster.jobs[job_id].threads:
            key = (need.controller, need.fem)
            needed[key] = needed.get(key, 0) + need.threads
    account = {(need.controller, need.fem): need.threads for need in cluster.threads.all_used()}
    positive = {key: count for key, count in needed.items() if count}
    _demand({k: v for k, v in account.items() if v} == positive, "threads_are_not_overdrawn", f"{account} != {needed}")
    for (controller, fem), count in needed.items():
        capacity = capacity_of(cluster, controller, fem)
        _demand(capacity is None or count <= capacity, "threads_are_not_overdrawn", f"{controller}/{fem}: {count}")


def queues_are_dense_and_in_order(cluster: Cluster) -> None:
    """5. Every pending job stands in its qm's queue once, in the order of places; positions are 1, 2, 3, ..."""
    pending: dict[str, list[JobRow]] = {qm_id: [] for qm_id in cluster.qms}
    for job in cluster.jobs.values():
        if job.state == "pending" and job.simulation is None:
            _demand(job.qm_id in pending, "queues_are_dense_and_in_order", f"{job.job_id} waits for a closed qm")
            pending[job.qm_id].append(job)
    for qm_id, jobs in pending.items():
        expected = [job.job_id for job in sorted(jobs, key=lambda job: job.place)]
        queue = list(cluster.queues[qm_id])
        _demand(queue == expected, "queues_are_dense_and_in_order", f"{qm_id}: {queue} is not {expected}")
        positions = [cluster.position(cluster.jobs[job_id]) for job_id in queue]
        _demand(positions == list(range(1, len(queue) + 1)), "queues_are_dense_and_in_order", f"{positions}")
        _demand(len({job.place for job in jobs}) == len(jobs), "queues_are_dense_and_in_order", "places repeat")


def idle_heads_have_an_obstacle(cluster: Cluster) -> None:
    """A job that could run, runs: nothing is forgotten in a queue."""
    for qm_id, queue in cluster.queues.items():
        if queue and qm_id not in cluster.active:
            head = cluster.jobs[queue[0]]
            _demand(bool(obstacle(cluster, head)), "idle_heads_have_an_obstacle", f"{head.job_id} of {qm_id} could run")


def bodies_are_kept_as_needed(cluster: Cluster) -> None:
    """A body is kept exactly as long as an open qm, a program, an image or an unfinished job names it."""
    needed = {qm.config_digest for qm in cluster.qms.values()}
    needed |= {program.program_digest for program in cluster.programs.values()}
    needed |= {image.program_digest for image in cluster.images.values()}
    unfinished = {digest for job in cluster.jobs.values() if job.state not in FINAL for digest in _bodies_of(job)}
    _demand(unfinished <= cluster.known_bodies, "bodies_are_kept_as_needed", "an unfinished job has no program")
    both = needed | unfinished
    _demand(cluster.known_bodies == both, "bodies_are_kept_as_needed", f"{cluster.known_bodies ^ both}")


def _bodies_of(job: JobRow) -> list[str]:
    """The bodies that an unfinished job itself needs."""
    if job.simulation is None:
        return [job.program_digest]
    return [job.program_digest, job.config_digest, *filter(None, [job.simulation.samples_digest])]


def simulations_are_apart_and_bounded(cluster: Cluster) -> None:
    """Simulations have no qm; a controller holds at most SIMULATIONS_AT_ONCE; one that could start has started."""
    name = "simulations_are_apart_and_bounded"
    jobs = [job for job in cluster.jobs.values() if job.simulation is not None]
    _demand(all(not job.qm_id and not job.threads for job in jobs), name, "a simulation of a qm, or with threads")
    pending = [job.job_id for job in jobs if job.state == "pending"]
    _demand(sorted(pending) == sorted(cluster.simulations), name, f"{pending} and {list(cluster.simulations)}")
    held: dict[str, set[str]] = {}
    for job in jobs:
        if job.state in HELD_BY_CONTROLLER:
            held.setdefault(job.controller, set()).add(job.job_id)
    known = {controller: ids for controller, ids in cluster.simulating.items() if ids}
    _demand(known == held, name, f"{known} is not {held}")
    _demand(all(len(ids) <= limits.SIMULATIONS_AT_ONCE for ids in held.values()), name, f"too many: {held}")
    idle = [job_id for job_id in pending if not simulations.obstacle(cluster, cluster.jobs[job_id])]
    _demand(not idle, name, f"{idle} could run")


def counters_are_right(cluster: Cluster) -> None:
    """What is counted along the way is what a count would give."""
    states: dict[str, int] = {}
    users: dict[str, int] = {}
    for job in cluster.jobs.values():
        states[job.state] = states.get(job.state, 0) + 1
        if job.state == "pending":
            users[job.user] = users.get(job.user, 0) + 1
    _demand({k: v for k, v in cluster.state_counts.items() if v} == states, "counters_are_right", f"{states}")
    _demand(dict(cluster.pending_of_user) == users, "counters_are_right", f"{users}")
    finals = {job.job_id for job in cluster.jobs.values() if job.state in FINAL}
    _demand(set(cluster.finished) == finals, "counters_are_right", "finished jobs")
    _demand(len(cluster.finished) == len(finals), "counters_are_right", "a job finished twice")


def waiting_requests_wait_for_something(cluster: Cluster) -> None:
    """No request is parked on a job that has ended or is gone."""
    for wait in cluster.waits.values():
        job = cluster.jobs.get(wait.job_id)
        story = f"{wait.asked.request.request_id} waits for {wait.job_id}"
        _demand(job is not None and job.state not in FINAL, "waiting_requests_wait_for_something", story)
    users: dict[str, int] = {}
    for user in [*(user for user, _ in cluster.waits), *(errand.asked.user for errand in cluster.errands.values())]:
        users[user] = users.get(user, 0) + 1
    _demand(dict(cluster.parked_of_user) == users, "waiting_requests_wait_for_something", f"{users} is not the count")


def errands_go_to_running_jobs(cluster: Cluster) -> None:
    """What is brought is on its way to a job that loads or runs, at its controller; only such jobs stand still."""
    name = "errands_go_to_running_jobs"
    for delivery_id, errand in cluster.errands.items():
        job = cluster.jobs.get(errand.job_id)
        _demand(job is not None and job.state in HELD_BY_CONTROLLER, name, f"{delivery_id} goes to {errand.job_id}")
        _demand(job is None or job.controller == errand.controller, name, f"{delivery_id} is at {errand.controller}")
    known = {delivery_id for ids in cluster.errands_of.values() for delivery_id in ids}
    _demand(known == cluster.errands.keys(), name, f"{known} are not {set(cluster.errands)}")
    for job in cluster.jobs.values():
        _demand(not job.paused or job.state == "running", name, f"{job.job_id} is {job.state} and paused")
    running = {job.job_id for job in cluster.jobs.values() if job.state in HELD_BY_CONTROLLER}
    _demand(cluster.waiting_for.keys() <= running, name, f"{cluster.waiting_for.keys() - running} wait, and do not run")


STANDING: tuple[Callable[[Cluster], None], ...] = (
    ports_have_rightful_owners,
    qms_hold_all_their_ports,
    qms_run_one_job_at_a_time,
    threads_are_not_overdrawn,
    queues_are_dense_and_in_order,
    idle_heads_have_an_obstacle,
    bodies_are_kept_as_needed,
    simulations_are_apart_and_bounded,
    counters_are_right,
    waiting_requests_wait_for_something,
    errands_go_to_running_jobs,
)


def check_all(cluster: Cluster) -> None:
    """Every rule that can be seen in the state."""
    for rule in STANDING:
        rule(cluster)


class Witness:
    """Sees all that happens, over restarts too, and remembers what must not be forgotten."""

    def __init__(self, meta: MetaRow) -> None:
        self.rows = Rows(meta)
        self.jobs: dict[str, JobRow] = {}
        self.ended: dict[str, str] = {}
        self.never_start: set[str] = set()
        self.log: list[Logged] = []

    def see(self, changes: list[Change], instructions: list[Instruction]) -> None:
        """The outcome of one event; applied to the rows, as a store would."""
        self.every_change_names_its_user(changes)
        for change in changes:
            if isinstance(change, Put) and isinstance(change.row, JobRow):
                self.accepted_jobs_end_once(change.row)
        for instruction in instructions:
            if isinstance(instruction, Send) and isinstance(instruction.action, commands.Load):
                self.canceled_pending_jobs_never_start(instruction.action.job_id)
        self.rows.apply(changes)

    def accepted_jobs_end_once(self, row: JobRow) -> None:
        """3. A job reaches one final state and stays in it; its attempts only count up."""
        before = self.jobs.get(row.job_id)
        if row.job_id in self.ended:
            same = self.ended[row.job_id] == row.state
            _demand(same, "accepted_jobs_end_once", f"{row.job_id} was {self.ended[row.job_id]}, is {row.state}")
        elif row.state in FINAL:
            self.ended[row.job_id] = row.state
            if row.state == "canceled" and (before is None or before.state == "pending"):
                self.never_start.add(row.job_id)
        if before is not None:
            _demand(row.attempt >= before.attempt, "accepted_jobs_end_once", f"attempt of {row.job_id} went back")
            _demand(row.user == before.user, "accepted_jobs_end_once", f"{row.job_id} changed its user")
        self.jobs[row.job_id] = row

    def canceled_pending_jobs_never_start(self, job_id: str) -> None:
        """3. A job that was canceled while pending is never sent to a controller."""
        _demand(job_id not in self.never_start, "canceled_pending_jobs_never_start", job_id)

    def every_change_names_its_user(self, changes: list[Change]) -> None:
        """6. Changes end with a line of the log that names a user, with revisions that count by one."""
        if not changes:
            return
        name = "every_change_names_its_user"
        _demand(isinstance(changes[-1], Logged), name, f"{len(changes)} changes have no line after them")
        expected = self.rows.revision
        for line in [change for change in changes if isinstance(change, Logged)]:
            expected += 1
            _demand(bool(line.user), name, f"{line} names nobody")
            _demand(line.revision == expected, name, f"{line.revision} is not {expected}")
            self.log.append(line)

    def the_log_replays(self, cluster: Cluster) -> None:
        """6. The rows that all changes add up to are the state."""
        tables = self.rows.tables
        pairs: list[tuple[str, dict[str, object]]] = [
            ("job", dict(cluster.jobs)),
            ("qm", dict(cluster.qms)),
            ("program", dict(cluster.programs)),
            ("image", dict(cluster.images)),
            ("controller", dict(cluster.controllers)),
        ]
        for name, rows in pairs:
            _demand(tables[name] == rows, "the_log_replays", f"table {name} differs")
        _demand(self.rows.meta == cluster.meta, "the_log_replays", "meta differs")
        _demand(self.rows.known_bodies == cluster.known_bodies, "the_log_replays", "bodies differ")
        remembered = {(row.user, row.request_id) for kept in cluster.answers.values() for row in kept.values()}
        _demand(set(tables["answer"]) == remembered, "the_log_replays", "answers differ")


def same_after_reload(before: Cluster, after: Cluster) -> None:
    """A core loaded from the rows is the one that was lost, but for connections and waiting requests."""
    _demand(dict(before.images) == dict(after.images), "same_after_reload", "images")  # their age is not kept
    for name in ("jobs", "qms", "programs", "controllers", "known_bodies", "meta", "revision", "active"):
        _demand(getattr(before, name) == getattr(after, name), "same_after_reload", name)
    _demand(before.next_job == after.next_job, "same_after_reload", "next_job")
    _demand(before.queues == after.queues, "same_after_reload", f"queues {before.queues} and {after.queues}")
    _demand(before.ports.owners() == after.ports.owners(), "same_after_reload", "ports")
    _demand(before.threads.all_used() == after.threads.all_used(), "same_after_reload", "threads")
    _demand(+before.references == +after.references, "same_after_reload", "references")
