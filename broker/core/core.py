"""The broker's decisions: `handle(event, now) -> (changes, instructions)`.

No I/O, no clock, no chance of its own. Whoever drives it makes the changes durable first and follows the instructions
then; after a failed commit it throws the core away and loads a new one from the rows. The order of work in one event:

1. a repeat of a request is answered as before, or joins the one under way;
2. the event is handled: checks first, changes only when nothing can refuse any more;
3. queue heads that can start now are started;
4. if anything changed, one line of the log names who did what.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec

from ..._core.errors import AskedWrongly, OurBug, QuaymasterError
from ..._core.wire import RESULTS, reports, requests
from ..._core.wire import limits as wire_limits
from ..._core.wire.records import LatencyProfile
from . import controller_reports, errands, job_requests, limits, qm_requests, result_requests, simulations
from .cluster import Cluster, request_ms
from .dispatch import advance
from .ending import answer_pending, drop_errand, unpark
from .messages import Asked, Event, Gone, Instruction, Said
from .qm_requests import Answered
from .rows import Change, Rows

Handler = Callable[[Cluster, Asked, Any], Any]

HANDLERS: dict[type, Handler] = {
    requests.Hello: result_requests.hello,
    requests.OpenQm: qm_requests.open_qm,
    requests.ListQms: qm_requests.list_qms,
    requests.GetQm: qm_requests.get_qm,
    requests.CloseQm: qm_requests.close_qm,
    requests.CloseAllQms: qm_requests.close_all_qms,
    requests.GetConfig: qm_requests.get_config,
    requests.SetConfig: qm_requests.set_config,
    requests.SetIo: errands.set_io,
    requests.GetIo: errands.get_io,
    requests.GetElement: errands.get_element,
    requests.TellJob: errands.tell_job,
    requests.Compile: job_requests.compile_program,
    requests.AddJob: job_requests.add_job,
    requests.Execute: job_requests.add_job,
    requests.Simulate: simulations.simulate,
    requests.GetJobs: job_requests.get_jobs,
    requests.GetJob: job_requests.get_job,
    requests.RemoveJobs: job_requests.remove_jobs,
    requests.CancelJob: job_requests.cancel_job,
    requests.WaitJob: job_requests.wait_job,
    requests.WaitResults: result_requests.wait_results,
    requests.GetResultsState: result_requests.results_state,
    requests.Fetch: result_requests.fetch,
    requests.GetReport: result_requests.report,
    requests.Why: result_requests.why,
    requests.ClearResults: result_requests.clear_results,
    requests.GetStatus: result_requests.status,
}

REPORT_HANDLERS: dict[type, Callable[[Cluster, str, Any, Any], Any]] = {
    reports.Hello: controller_reports.hello,
    reports.Inventory: controller_reports.inventory,
    reports.Compiled: controller_reports.compiled,
    reports.Status: controller_reports.status,
    reports.Lacking: controller_reports.lacking,
    reports.Progress: controller_reports.progress,
    reports.Standing: errands.standing,
    reports.Delivered: errands.delivered,
    reports.NotDelivered: errands.not_delivered,
    reports.FetchedData: controller_reports.fetched,
    reports.FetchFailed: controller_reports.fetch_failed,
    reports.Trouble: controller_reports.trouble,
    reports.Leaving: controller_reports.leaving,
}

# Changes whose answer is remembered, so that a repeat is answered and not done. Jobs are found by their own rows.
REMEMBERED: frozenset[type] = frozenset(
    {
        requests.OpenQm,
        requests.CloseQm,
        requests.CloseAllQms,
        requests.SetConfig,
        requests.SetIo,
        requests.TellJob,
        requests.Compile,
        requests.RemoveJobs,
        requests.ClearResults,
    }
)
ERRANDS: frozenset[type] = frozenset({requests.TellJob, requests.SetIo, requests.GetIo, requests.GetElement})
SUBMISSIONS: frozenset[type] = frozenset({requests.AddJob, requests.Execute, requests.Simulate})


class Core:
    """See the module's docstring."""

    def __init__(self, rows: Rows, *, api: str = "qop2", latency: LatencyProfile = "ideal", version: str = "") -> None:
        self.cluster = Cluster(rows, api=api, latency=latency, version=version)

    def handle(self, event: Event, now_ms: int) -> tuple[list[Change], list[Instruction]]:
        """Decide. After an exception (our bug) the core must be thrown away."""
        cluster = self.cluster
        cluster.begin(now_ms)
        if isinstance(event, Asked):
            self._asked(event)
        elif isinstance(event, Said):
            self._said(event)
        elif isinstance(event, Gone):
            controller_reports.gone(cluster, event.controller, event.reason)
        else:
            self._ticked()
        advance(cluster)
        simulations.advance_simulations(cluster)
        return cluster.end()

    def waiting(self) -> list[Asked]:
        """Requests that are parked here and would be lost with this core."""
        cluster = self.cluster
        compiling = [asked for under_way in cluster.compiling.values() for asked in under_way.asked.values()]
        parked = [wait.asked for wait in cluster.waits.values()]
        fetching = [under_way.asked for under_way in cluster.fetching.values()]
        early = [asked for asked, _ in cluster.early.values()]
        brought = [errand.asked for errand in cluster.errands.values()]
        return [asked for asked in [*compiling, *parked, *fetching, *brought, *early] if asked.client]

    # -- requests ----------------------------------------------------------------------------------------------------

    def _asked(self, asked: Asked) -> None:
        cluster = self.cluster
        before = len(cluster.changes)
        try:
            if self._is_repeat(asked):
                return
            result = HANDLERS[type(asked.request.args)](cluster, asked, asked.request.args)
        except QuaymasterError as error:
            if len(cluster.changes) != before or isinstance(error, OurBug):
                raise OurBug(f"refused after changes were made: {error.message}") from error
            if not self._comes_early(asked, error):
                cluster.refuse(asked, error)
            return
        if isinstance(result, Answered):
            self._done(asked, result.result, result.bodies)
        elif result is not None:
            self._done(asked, result, ())

    def _comes_early(self, asked: Asked, error: QuaymasterError) -> bool:
        """Park a request that needs a controller which has not found the broker yet since its start."""
        controller = str(error.details.get("controller", "")) if error.code == "controller_unavailable" else ""
        if not controller or not self.cluster.may_still_report(controller):
            return False
        if len(self.cluster.early) >= wire_limits.PARKED_REQUESTS:
            return False
        self.cluster.early[(asked.user, asked.request.request_id)] = (asked, controller)
        return True

    def _done(self, asked: Asked, result: Any, bodies: tuple[Any, ...]) -> None:
        if type(asked.request.args) in REMEMBERED:
            method = str(type(asked.request.args).__struct_config__.tag)
            self.cluster.by(asked.user, method, "")
            self.cluster.remember(asked, method, result)
        self.cluster.answer(asked, result, bodies)

    def _is_repeat(self, asked: Asked) -> bool:
        """Answer a request that was made before, or join it to the one under way."""
        cluster = self.cluster
        key = (asked.user, asked.request.request_id)
        if key in cluster.waits:
            unpark(cluster, key)
            return False
        cluster.early.pop(key, None)
        if (fault := cluster.outcomes.pop(key, None)) is not None:
            cluster.refuse(asked, fault)
            return True
        if (image_id := cluster.compiling_of.get(key)) is not None:
            under_way = cluster.compiling[image_id]
            under_way.asked[key] = asked
            under_way.due_ms[key] = cluster.now_ms + wire_limits.PARK_MS
            return True
        kind = type(asked.request.args)
        if kind in ERRANDS and (delivery_id := errands.delivery_id_of(key)) in cluster.errands:
            drop_errand(cluster, delivery_id)  # it is sent again, and delivered once
        if kind in SUBMISSIONS:
            return self._is_repeated_submission(asked)
        return kind in REMEMBERED and self._is_repeated_change(asked)

    def _is_repeated_submission(self, asked: Asked) -> bool:
        cluster = self.cluster
        job_id = cluster.job_of_request.get((asked.user, asked.request.request_id))
        if job_id is None:
            made_ms = request_ms(asked.request.request_id)
            if made_ms <= cluster.forgotten_ms or made_ms < cluster.now_ms - limits.FINISHED_JOBS_KEPT_MS:
                raise too_old(made_ms, cluster.now_ms)
            return False
        job = cluster.jobs[job_id]
        image = cluster.images.get(job.image_id)
        cluster.answer(
            asked,
            requests.JobAdded(
                job_id=job_id, position=max(cluster.position(job), 0), warnings=image.warnings if image else []
            ),
        )
        return True

    def _is_repeated_change(self, asked: Asked) -> bool:
        cluster = self.cluster
        kept = cluster.answers.get(asked.user, OrderedDict())
        row = kept.get(asked.request.request_id)
        args = asked.request.args
        if row is None:
            made_ms = request_ms(asked.request.request_id)
            full = len(kept) >= limits.ANSWERS_KEPT_PER_USER
            oldest = min(map(request_ms, kept)) if full else 0
            if made_ms < max(oldest, cluster.now_ms - limits.ANSWERS_KEPT_MS):
                raise too_old(made_ms, cluster.now_ms)
            return False
        method = str(type(args).__struct_config__.tag)
        if row.method != method:
            raise AskedWrongly(
                f"request {row.request_id} was a {row.method} before, and is a {method} now", code="reused_request_id"
            )
        result = msgspec.msgpack.decode(row.result, type=RESULTS[type(args)])
        bodies: tuple[Any, ...] = ()
        if isinstance(args, requests.SetConfig):
            bodies = qm_requests.get_config(cluster, asked, requests.GetConfig(qm_id=args.qm_id)).bodies
        cluster.answer(asked, result, bodies)
        return True

    # -- reports and time --------------------------------------------------------------------------------------------

    def _said(self, said: Said) -> None:
        matter = said.report.matter
        if said.controller not in self.cluster.live and not isinstance(matter, reports.Hello):
            return
        again = REPORT_HANDLERS[type(matter)](self.cluster, said.controller, matter, said.bodies)
        for asked in again or ():
            self.cluster.seal()
            self._asked(asked)

    def _ticked(self) -> None:
        cluster = self.cluster
        for key in [key for key, wait in cluster.waits.items() if wait.due_ms <= cluster.now_ms]:
            asked = cluster.waits[key].asked
            unpark(cluster, key)
            answer_pending(cluster, asked)
        self._due_compilations()
        for key in [key for key, (_, name) in cluster.early.items() if not cluster.may_still_report(name)]:
            if key in cluster.early:
                self._asked(cluster.early.pop(key)[0])
                cluster.seal()
        for fetch_id in [key for key, fetching in cluster.fetching.items() if fetching.due_ms <= cluster.now_ms]:
            answer_pending(cluster, cluster.fetching.pop(fetch_id).asked)
        for delivery_id in [key for key, errand in cluster.errands.items() if errand.due_ms <= cluster.now_ms]:
            answer_pending(cluster, cluster.errands[delivery_id].asked)
            drop_errand(cluster, delivery_id)
        cluster.by("broker", "tick", "")
        controller_reports.lose_the_absent(cluster)
        cluster.forget_old_answers()
        cluster.forget_old_jobs()

    def _due_compilations(self) -> None:
        cluster = self.cluster
        for under_way in cluster.compiling.values():
            for key, asked in under_way.asked.items():
                if asked.client and under_way.due_ms[key] <= cluster.now_ms:
                    answer_pending(cluster, asked)
                    under_way.asked[key] = msgspec.structs.replace(asked, client=b"")


def too_old(made_ms: int, now_ms: int) -> AskedWrongly:
    """A request that may have been done and forgotten."""
    return AskedWrongly(
        f"by its id the request was made {max(0, now_ms - made_ms) // 1000} s ago; whether it was done is forgotten",
        code="too_old_to_repeat",
        hint="look whether it was done; if not, make a new request (and check that the clocks agree)",
    )
