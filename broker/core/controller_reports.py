"""What controllers say, and what becomes of it: hello, inventory, compiled, status, progress, fetched, gone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from ..._core.errors import Taken
from ..._core.wire import Fault, StreamState, commands, fault_of, reports, requests
from ..._core.wire.events import Hint
from ..._core.wire.requests import ReportLine
from . import limits
from .cluster import Cluster, Compiling, Fetching, Live
from .dispatch import controllers_of, send_load
from .ending import answer_pending, drop_errand, event_of, fail_lost, move, wake
from .errands import keep_registers, note_standing
from .job_requests import check_ready, send_compile
from .messages import Asked, Send
from .rows import ControllerRow, ImageRow, JobRow
from .simulations import send_simulation
from .states import FINAL, HELD_BY_CONTROLLER, OCCUPYING, allows, next_state


def hello(cluster: Cluster, name: str, said: reports.Hello, bodies: Any) -> None:
    """A controller is here: it is asked what it holds, and given nothing else before that is reconciled."""
    live = cluster.live.get(name)
    if live is not None and live.connected and live.instance != said.instance:
        gone(cluster, name, "a new process took its place")
    if live is not None and live.connected:
        _abandon_requests(cluster, name, "it connected anew")
    cluster.by(f"controller:{name}", "hello", name)
    cluster.put_controller(ControllerRow(name=name, type=said.type, fems=said.fems))
    cluster.live[name] = Live(instance=said.instance, version=said.version, alike=frozenset(said.alike))
    cluster.hint(Hint(kind="controller", id=name, state="connected"))
    cluster.out.append(Send(name, commands.TakeInventory()))


def inventory(cluster: Cluster, name: str, said: reports.Inventory, bodies: Any) -> list[Asked]:
    """Reconcile: what runs goes on, what was lost is sent again or ends, what is stale is halted.

    Requests that waited for the controller to report are given back, to be handled again.

    Stale jobs and qms go first, so that the controller never sees a port with two owners.
    """
    cluster.by(f"controller:{name}", "inventory", name)
    cluster.live[name].ready = True
    held = {job.job_id: job for job in said.jobs}
    for there in said.jobs:
        row = cluster.jobs.get(there.job_id)
        stale = row is None or row.state in FINAL or row.attempt != there.attempt or row.controller != name
        if stale and there.state not in FINAL:
            cluster.send(name, commands.Halt(job_id=there.job_id, attempt=there.attempt))
    for qm_id in said.qm_ids:
        if qm_id not in cluster.qms:
            cluster.send(name, commands.Close(qm_id=qm_id))
    for qm in cluster.qms.values():
        if name in cluster.shapes[qm.qm_id].controllers:
            cluster.send(name, commands.Open(qm_id=qm.qm_id, config_digest=qm.config_digest), qm.config_digest)
    for row in _held_rows(cluster, name):
        at_controller = held.get(row.job_id)
        if at_controller is None or at_controller.attempt != row.attempt:
            _missing_there(cluster, row)
        elif row.halt_by and at_controller.state not in FINAL:
            cluster.send(name, commands.Halt(job_id=row.job_id, attempt=row.attempt))
        else:
            _stands(cluster, name, at_controller)
    cluster.simulations_dirty = True
    cluster.dirty |= cluster.blocked
    cluster.dirty |= {job.qm_id for job in _first_in_queues(cluster) if name in controllers_of(job)}
    cluster.blocked.clear()
    waited = [key for key, (_, controller) in cluster.early.items() if controller == name]
    return [cluster.early.pop(key)[0] for key in waited]


def _stands(cluster: Cluster, name: str, there: reports.HeldJob) -> None:
    """Whether a job that went on without us is in a pause."""
    note_standing(cluster, name, there.job_id, there.attempt, there.paused, there.waiting_for)


def _first_in_queues(cluster: Cluster) -> Iterable[JobRow]:
    return [cluster.jobs[queue[0]] for queue in cluster.queues.values() if queue]


def _held_rows(cluster: Cluster, name: str) -> list[JobRow]:
    ids = [*_held_ids(cluster), *cluster.simulating.get(name, ())]
    return [cluster.jobs[job_id] for job_id in sorted(ids) if cluster.jobs[job_id].controller == name]


def _held_ids(cluster: Cluster) -> list[str]:
    """Jobs of qms that a controller holds."""
    return [*cluster.active.values(), *(job_id for ids in cluster.processing.values() for job_id in ids)]


def _missing_there(cluster: Cluster, row: JobRow) -> None:
    """A job that should be held is not: a load may have been lost on the way; anything later is gone."""
    if row.state != "loading":
        fail_lost(cluster, row, "it was restarted and holds the job no more")
    elif row.halt_by:
        move(cluster, row, "cancel", told=True)
    else:
        _send_whole(cluster, row)


def _send_whole(cluster: Cluster, row: JobRow) -> None:
    """The load of a job with all its bodies."""
    if row.simulation is not None:
        send_simulation(cluster, row)
    else:
        send_load(cluster, row, with_bodies=True)


def leaving(cluster: Cluster, name: str, said: reports.Leaving, bodies: Any) -> None:
    """A controller is about to end: what it holds it will report itself, and queue heads wait for its return."""
    cluster.live[name].ready = False


def gone(cluster: Cluster, name: str, reason: str) -> None:
    """A controller's connection ended: its jobs end at once, its qms keep their ports and wait for it."""
    live = cluster.live.get(name)
    if live is None or not live.connected:
        return
    live.connected = live.ready = False
    live.gone_because = reason
    cluster.by("broker", "controller_lost", name)
    cluster.hint(Hint(kind="controller", id=name, state="lost"))
    for row in _held_rows(cluster, name):
        fail_lost(cluster, row, reason)
    _abandon_requests(cluster, name, reason)


def _abandon_requests(cluster: Cluster, name: str, reason: str) -> None:
    """Compilations and fetches that were under way at a controller are answered with an error; whether an errand was
    done is not known here, so its client asks again."""
    error = fault_of(
        Taken(
            f"controller {name} was lost: {reason}",
            code="controller_lost",
            hint="try again when it is back",
            details={"controller": name},
        )
    )
    for under_way in [c for c in cluster.compiling.values() if c.controller == name]:
        _refuse_all(cluster, under_way, error)
    for fetch_id in [key for key, fetching in cluster.fetching.items() if fetching.controller == name]:
        cluster.refuse(cluster.fetching.pop(fetch_id).asked, error)
    for delivery_id in [key for key, errand in cluster.errands.items() if errand.controller == name]:
        answer_pending(cluster, cluster.errands[delivery_id].asked)
        drop_errand(cluster, delivery_id)


def compiled(cluster: Cluster, name: str, said: reports.Compiled, bodies: Any) -> list[Asked]:
    """A compilation ended; the requests that waited for it are given back, to be handled again."""
    under_way = next((c for c in cluster.compiling.values() if c.action.compile_id == said.compile_id), None)
    if under_way is None or under_way.controller != name:
        return []
    if said.error is not None:
        cluster.live[name].programs.discard(said.program_digest)
        home = str(said.error.details.get("controller", "")) if said.error.code == "wrong_controller" else ""
        if home in under_way.others:
            _ask_home(cluster, under_way, home)
        else:
            _refuse_all(cluster, under_way, said.error)
        return []
    waiting = list(under_way.asked.values())
    _forget_compiling(cluster, under_way)
    program_digest = under_way.image_id.split("/", 1)[0]
    body = next((asked.bodies[0] for asked in waiting if asked.bodies), None)
    if body is not None:
        cluster.put_body(program_digest, body if isinstance(body, bytes) else bytes(body))
    if program_digest not in cluster.known_bodies:
        return waiting
    cluster.by(f"controller:{name}", "compiled", under_way.image_id)
    cluster.put_image(
        ImageRow(
            image_id=under_way.image_id,
            program_digest=program_digest,
            threads=said.threads,
            streams=said.streams,
            elements=said.elements,
            warnings=said.warnings,
        )
    )
    return waiting


def _ask_home(cluster: Cluster, under_way: Compiling, home: str) -> None:
    """Of a qm over several controllers, only the first whose elements a program uses can compile it."""
    under_way.others.remove(home)
    try:
        check_ready(cluster, home)
    except Taken as error:
        _refuse_all(cluster, under_way, fault_of(error))
    else:
        under_way.controller = home
        send_compile(cluster, under_way)


def _refuse_all(cluster: Cluster, under_way: Compiling, error: Fault) -> None:
    """Nothing was changed: every request that waited gets the error, now or when it re-arms."""
    for asked in under_way.asked.values():
        cluster.refuse(asked, error)
    _forget_compiling(cluster, under_way)


def _forget_compiling(cluster: Cluster, under_way: Compiling) -> None:
    del cluster.compiling[under_way.image_id]
    for key in under_way.asked:
        del cluster.compiling_of[key]


def status(cluster: Cluster, name: str, said: reports.Status, bodies: Any) -> None:
    """A job changed its state. A report about an older attempt, or one that the table rules out, changes nothing."""
    job = cluster.jobs.get(said.job_id)
    if job is None or job.controller != name or job.attempt != said.attempt:
        return
    verb = f"report:{said.state}"
    if job.state in FINAL:
        if said.state in FINAL and not job.told:
            cluster.by(f"controller:{name}", verb, job.job_id)
            cluster.put_job(msgspec.structs.replace(job, **_last_words(cluster, job, said)))
        return
    event = event_of(said.state)
    if not allows(job.state, event):
        return
    cluster.by(f"controller:{name}", verb, job.job_id)
    if len(said.io) == 2 and job.state in OCCUPYING and next_state(job.state, event) not in OCCUPYING:
        keep_registers(cluster, job.qm_id, said.io)
    if said.state in FINAL:
        move(cluster, job, event, error=said.error, **_last_words(cluster, job, said))
        return
    move(cluster, job, event)


def _last_words(cluster: Cluster, job: JobRow, said: reports.Status) -> dict[str, Any]:
    entries = [*job.entries, *said.lines] if said.lines else job.entries
    streams = said.streams or cluster.progress.get(job.job_id, [])
    return {
        "told": True,
        "entries": entries[: limits.REPORT_ENTRIES_PER_JOB],
        "counts": said.counts,
        "streams": streams,
    }


def lacking(cluster: Cluster, name: str, said: reports.Lacking, bodies: Any) -> None:
    """A load named what the controller does not have: send it again, whole."""
    job = cluster.jobs.get(said.job_id)
    if job is not None and job.controller == name and job.attempt == said.attempt and job.state == "loading":
        _send_whole(cluster, job)


def progress(cluster: Cluster, name: str, said: reports.Progress, bodies: Any) -> None:
    """Streams have come further; not a change of rows."""
    job = cluster.jobs.get(said.job_id)
    if job is None or job.attempt != said.attempt or job.state not in HELD_BY_CONTROLLER or job.controller != name:
        return
    image = cluster.images.get(job.image_id)
    counts = {count.name: count for count in said.streams}
    cluster.progress[job.job_id] = [
        StreamState(
            schema=schema,
            count=counts[schema.name].count if schema.name in counts else 0,
            closed=schema.name in counts and counts[schema.name].closed,
            dataloss=said.dataloss,
        )
        for schema in (image.streams if image else [])
    ]
    wake(cluster, job.job_id)


def _fetching(cluster: Cluster, name: str, fetch_id: str) -> Fetching | None:
    """The fetch that a controller answers; it is over then."""
    found = cluster.fetching.get(fetch_id)
    return cluster.fetching.pop(fetch_id) if found is not None and found.controller == name else None


def fetched(cluster: Cluster, name: str, said: reports.FetchedData, bodies: Any) -> None:
    """Data for a client: passed on untouched."""
    fetching = _fetching(cluster, name, said.fetch_id)
    if fetching is not None:
        result = requests.Fetched(
            stream=said.stream, start=said.start, stop=said.stop, offset=said.offset, next_offset=said.next_offset
        )
        cluster.answer(fetching.asked, result, tuple(bodies))


def fetch_failed(cluster: Cluster, name: str, said: reports.FetchFailed, bodies: Any) -> None:
    """A fetch that cannot be met."""
    fetching = _fetching(cluster, name, said.fetch_id)
    if fetching is not None:
        cluster.refuse(fetching.asked, said.error)


def trouble(cluster: Cluster, name: str, said: reports.Trouble, bodies: Any) -> None:
    """A command that could not be followed: whoever waits for its outcome learns the reason."""
    for under_way in [c for c in cluster.compiling.values() if c.controller == name and said.command == "compile"]:
        if said.note in (under_way.action.compile_id, under_way.action.qm_id):
            _refuse_all(cluster, under_way, said.error)
    if said.command == "fetch":
        for fetch_id, fetching in list(cluster.fetching.items()):
            if fetching.controller == name and said.note in (fetch_id, fetching.job_id):
                cluster.refuse(cluster.fetching.pop(fetch_id).asked, said.error)
    job = cluster.jobs.get(said.note)
    if job is not None and job.controller == name and job.state == "loading" and said.command in ("load", "start"):
        cluster.by(f"controller:{name}", "trouble", job.job_id)
        line = ReportLine(severity="error", message=f"{said.command}: {said.error.message}")
        move(cluster, job, "fail", error=said.error, told=True, entries=[*job.entries, line])


def lose_the_absent(cluster: Cluster) -> None:
    """Jobs held by a controller that never came back after the broker's restart: they may have ended, nobody knows."""
    if cluster.started_ms is None or cluster.now_ms - cluster.started_ms < limits.LOST_AFTER_MS:
        return
    simulating = [job_id for ids in cluster.simulating.values() for job_id in ids]
    for job_id in [*_held_ids(cluster), *simulating]:
        job = cluster.jobs[job_id]
        if job.controller not in cluster.live:
            cluster.by("broker", "lose", job_id)
            fault = Fault(
                family="taken",
                code="lost",
                message=f"controller {job.controller} has not come back for {limits.LOST_AFTER_MS // 60000} minutes; "
                "the job may have ended there",
                hint="if it comes back, its results can still be fetched",
            )
            move(cluster, job, "lose", error=fault)
