"""Requests on results: how far, fetch, report, why, clear; and the status of the whole cluster."""

from __future__ import annotations

import msgspec

from ..._core.errors import AskedWrongly, Taken
from ..._core.wire import StreamState, commands, requests
from ..._core.wire import limits as wire_limits
from ..._core.wire.records import ControllerInfo
from . import simulations
from .cluster import Cluster, Fetching
from .dispatch import obstacle
from .ending import check_may_park, met, park, results_of, streams_of
from .messages import Asked
from .qm_requests import qm_info
from .rows import JobRow
from .states import FINAL


def hello(cluster: Cluster, asked: Asked, args: requests.Hello) -> requests.ClusterInfo:
    """Who answers."""
    return requests.ClusterInfo(
        version=cluster.version,
        api=cluster.api,
        latency=cluster.latency,
        capabilities=["qm.shared_ports", "queue", "execute"],
        controllers=controller_infos(cluster),
        instance=cluster.meta.instance,
        user=asked.user,
        events=cluster.events,
    )


def controller_infos(cluster: Cluster) -> list[ControllerInfo]:
    """All controllers that ever reported, by name."""
    infos = []
    for name in sorted(cluster.controllers):
        row, live = cluster.controllers[name], cluster.live.get(name)
        infos.append(
            ControllerInfo(
                name=name,
                type=row.type,
                fems=row.fems,
                connected=live is not None and live.connected,
                version=live.version if live else "",
            )
        )
    return infos


def results_state(cluster: Cluster, asked: Asked, args: requests.GetResultsState) -> requests.ResultsState:
    """How far the streams of a job have come."""
    return results_of(cluster, cluster.job(args.job_id))


def wait_results(cluster: Cluster, asked: Asked, args: requests.WaitResults) -> msgspec.Struct | None:
    """Parked until there is enough."""
    job = cluster.job(args.job_id)
    if args.stream:
        _stream(cluster, job, args.stream)
    result = met(cluster, job, args)
    if result is None:
        check_may_park(cluster, asked.user)
        park(cluster, asked, job.job_id, cluster.now_ms + wire_limits.PARK_MS)
    return result


def _stream(cluster: Cluster, job: JobRow, name: str) -> StreamState:
    streams = streams_of(cluster, job)
    for stream in streams:
        if stream.schema.name == name:
            return stream
    names = ", ".join(stream.schema.name for stream in streams[:50]) or "none"
    raise AskedWrongly(
        f"job {job.job_id} has no stream {name!r}; it has {names}", code="unknown_stream", details={"job": job.job_id}
    )


def fetch(cluster: Cluster, asked: Asked, args: requests.Fetch) -> requests.Fetched | None:
    """Passed on to the controller that keeps the data, and its answer passed back."""
    job = cluster.job(args.job_id)
    if job.cleared:
        raise AskedWrongly(f"the results of job {job.job_id} were cleared", code="results_cleared")
    stream = _stream(cluster, job, args.stream)
    if job.state in ("pending", "loading") or not job.attempt:
        return requests.Fetched(stream=stream, start=args.start, stop=args.start)
    if not cluster.is_ready(job.controller):
        raise Taken(
            f"controller {job.controller}, which keeps the results of job {job.job_id}, is not connected",
            code="controller_unavailable",
            hint="the results are kept; try again when it is back",
            details={"controller": job.controller},
        )
    check_may_park(cluster, asked.user)
    fetch_id = cluster.fresh_id("f")
    cluster.fetching[fetch_id] = Fetching(asked, job.job_id, job.controller, cluster.now_ms + wire_limits.PARK_MS)
    cluster.send(
        job.controller,
        commands.FetchData(
            fetch_id=fetch_id,
            job_id=job.job_id,
            stream=args.stream,
            start=args.start,
            stop=args.stop,
            offset=args.offset,
        ),
    )
    return None


def report(cluster: Cluster, asked: Asked, args: requests.GetReport) -> requests.ExecutionReport:
    """What happened while a job ran."""
    job = cluster.job(args.job_id)
    return requests.ExecutionReport(
        job_id=job.job_id, state=job.state, entries=job.entries, counts=job.counts, error=job.error
    )


def why(cluster: Cluster, asked: Asked, args: requests.Why) -> requests.Words:
    """Why a job is where it is."""
    return requests.Words(text=why_words(cluster, cluster.job(args.job_id)))


def why_words(cluster: Cluster, job: JobRow) -> str:
    """The sentence for `why`."""
    if job.state != "pending":
        stands = _stands(cluster, job)
        by = f", its end was asked for by {job.halt_by}" if job.halt_by else ""
        error = f": {job.error.message}" if job.error else ""
        return f"job {job.job_id} is {job.state} on {job.controller}{stands}{by}{error}"
    if job.simulation is not None:
        return simulations.words(cluster, job)
    position = cluster.position(job)
    running = cluster.active.get(job.qm_id)
    if position > 1:
        ahead = f"{position - 1} job{'s' if position > 2 else ''} of {job.qm_id} go before it"
        return f"job {job.job_id} is pending at position {position}: {ahead}"
    if running is not None:
        other = cluster.jobs[running]
        stands = _stands(cluster, other)
        return f"job {job.job_id} is next: job {running} of {other.user} is {other.state} on {job.qm_id}{stands}"
    return f"job {job.job_id} is next: {obstacle(cluster, job) or 'it is about to start'}"


def _stands(cluster: Cluster, job: JobRow) -> str:
    """Why a running job stands still."""
    if job.paused:
        return ", paused: it goes on when anybody calls job.resume()"
    waiting_for = ", ".join(cluster.waiting_for.get(job.job_id, ()))
    return f", and waits for {waiting_for}" if waiting_for else ""


def clear_results(cluster: Cluster, asked: Asked, args: requests.ClearResults) -> requests.Cleared:
    """Drop results of finished jobs; the jobs themselves stay listed."""
    named = [cluster.job(job_id) for job_id in dict.fromkeys(args.job_ids)] or [
        job for job in cluster.jobs.values() if job.streams
    ]
    chosen = [job for job in named if job.state in FINAL and not job.cleared]
    cluster.by(asked.user, "clear_results", f"{len(chosen)} jobs")
    by_controller: dict[str, list[str]] = {}
    for job in chosen:
        cluster.put_job(msgspec.structs.replace(job, cleared=True))
        by_controller.setdefault(job.controller, []).append(job.job_id)
    for controller, job_ids in by_controller.items():
        for start in range(0, len(job_ids), wire_limits.LIST_ITEMS):
            cluster.send(controller, commands.DropResults(job_ids=job_ids[start : start + wire_limits.LIST_ITEMS]))
    return requests.Cleared(job_ids=[job.job_id for job in chosen][: wire_limits.LIST_ITEMS])


def status(cluster: Cluster, asked: Asked, args: requests.GetStatus) -> requests.ClusterStatus:
    """Controllers, ports with owners, qms, queues."""
    ports = [
        requests.PortStatus(
            port=port, shareable=all(claim.shareable for claim in owners.values()), qm_ids=sorted(owners)
        )
        for port, owners in sorted(cluster.ports.owners().items())
    ]
    return requests.ClusterStatus(
        version=cluster.version,
        controllers=controller_infos(cluster),
        ports=ports,
        qms=[qm_info(cluster, qm) for qm in cluster.qms.values()],
        threads_used=cluster.threads.all_used(),
        jobs={state: count for state, count in cluster.state_counts.items() if count},
        revision=cluster.revision,
    )
