"""Programs and jobs: compiling, queues, threads, execute, cancel, listing, waiting."""

from __future__ import annotations

from typing import Any

import pytest

from quaymaster._core import wire
from quaymaster._core.errors import AskedWrongly, Taken
from quaymaster._core.wire import commands, limits, records, reports, requests
from quaymaster.broker.core import Answer
from quaymaster.broker.core.states import FINAL, TABLE, next_state

DIGEST = wire.content_digest(b"program")


@pytest.fixture
def qm(bench: Any, config: Any) -> str:
    """An open qm on con1."""
    return str(bench.open(config(1)))


# -- adding ------------------------------------------------------------------------------------------------------------


def test_job_ids_are_consecutive_13_digit_strings(bench: Any, qm: str) -> None:
    """As on the platform: ...341, ...342."""
    ids = [bench.add(qm) for _ in range(3)]
    assert all(len(job_id) == 13 and job_id.isdigit() for job_id in ids)
    assert [int(job_id) - int(ids[0]) for job_id in ids] == [0, 1, 2]


def test_a_program_is_compiled_once(bench: Any, qm: str) -> None:
    """A digest that is known is not compiled again, and needs no body any more."""
    bench.add(qm)
    bench.add(qm, user="bob")
    bench.ask(requests.AddJob(qm_id=qm, digest=DIGEST))
    assert len(bench.commands(commands.CompileProgram)) == 1


def test_an_unknown_program_without_a_body_is_asked_for(bench: Any, qm: str) -> None:
    """The client sends it along then."""
    assert bench.refusal(requests.AddJob(qm_id=qm, digest=DIGEST)).code == "unknown_program"


def test_a_program_that_does_not_compile_never_enters_the_queue(bench: Any, qm: str) -> None:
    """The compiler's error reaches the caller as it is; execute changes nothing then."""
    running, pending = bench.add(qm), bench.add(qm)
    bench.compile_error = records.Fault(family="asked_wrongly", code="compile_error", message="line 3: no element 'x'")
    for args in (requests.AddJob, requests.Execute, requests.Compile):
        error = bench.refusal(args(qm_id=qm, digest=wire.content_digest(b"bad")), b"bad")
        assert (error.code, error.message) == ("compile_error", "line 3: no element 'x'")
    assert bench.state(running) == "loading"
    assert bench.queue(qm) == [pending]


def test_two_who_need_the_same_image_wait_for_one_compilation(bench: Any, qm: str) -> None:
    """Both are answered when the controller is done, in the order in which they asked."""
    bench.compiles = False
    args = requests.AddJob(qm_id=qm, digest=DIGEST)
    assert bench.ask(args, b"program", user="ann") is None
    assert bench.ask(args, b"program", user="bob") is None
    (command,) = bench.commands(commands.CompileProgram)
    bench.say("con1", bench.compiled(command))
    added = [answer.result.job_id for answer in bench.answers if isinstance(answer.result, requests.JobAdded)]
    assert added == sorted(added)
    assert [bench.core.cluster.jobs[job_id].user for job_id in added] == ["ann", "bob"]


def test_a_digest_must_be_that_of_the_body(bench: Any, qm: str) -> None:
    """Nobody can put another program under a known name."""
    assert bench.refusal(requests.AddJob(qm_id=qm, digest=DIGEST), b"other").code == "bad_digest"
    assert bench.refusal(requests.AddJob(qm_id=qm), b"other").code == "bad_request"
    assert bench.refusal(requests.AddJob(qm_id=qm, digest=DIGEST), b"program", b"program").code == "bad_frame"


def test_the_controller_gets_what_it_needs(bench: Any, qm: str) -> None:
    """The load names the attempt, carries a seed, and the program only if the controller has not seen it."""
    options = records.JobOptions(numerics="exact")
    bench.add(qm, options=options)
    (load,) = bench.commands(commands.Load)
    assert (load.attempt, load.qm_id, load.options.numerics, load.start) == (1, qm, "exact", True)
    assert load.options.seed is not None
    assert 0 <= load.options.seed < 2**63
    (send,) = [send for send in bench.sent if isinstance(send.action, commands.Load)]
    assert send.bodies == ("", "")  # it compiled the program just before
    chosen = bench.add(qm, options=records.JobOptions(seed=5))
    bench.status(bench.commands(commands.Load)[-1].job_id, "completed")
    assert bench.commands(commands.Load)[-1].job_id == chosen
    assert bench.commands(commands.Load)[-1].options.seed == 5


def test_compiled_programs_belong_to_their_qm(bench: Any, config: Any, qm: str) -> None:
    """An id can be queued many times on its qm, nowhere else, and not after the qm was closed."""
    other = bench.open(config(2))
    program = bench.ask(requests.Compile(qm_id=qm, digest=DIGEST), b"program").program_id
    for _ in range(3):
        bench.ask(requests.AddJob(qm_id=qm, program_id=program))
    assert bench.refusal(requests.AddJob(qm_id=other, program_id=program)).code == "unknown_program_id"
    assert bench.refusal(requests.AddJob(qm_id=qm, program_id="p-99")).code == "unknown_program_id"
    assert bench.refusal(requests.AddJob(qm_id=qm, program_id=program, digest=DIGEST)).code == "bad_request"
    bench.ask(requests.CloseQm(qm_id=qm))
    again = bench.open(config(1))
    assert bench.refusal(requests.AddJob(qm_id=again, program_id=program)).code == "unknown_program_id"


def test_overrides_go_with_a_compiled_program_and_fit_its_config(bench: Any) -> None:
    """A constant waveform takes a number; unknown names, lists, NaN and uncompiled programs are refused."""
    raw = {
        "controllers": {"con1": {"type": "opx1", "analog_outputs": {1: {}}}},
        "elements": {"q": {"singleInput": {"port": ("con1", 1)}, "operations": {"x": "p"}}},
        "pulses": {"p": {"operation": "control", "length": 16, "waveforms": {"single": "w"}}},
        "waveforms": {"w": {"type": "constant", "sample": 0.1}},
    }
    qm_id = bench.open(raw)
    program = bench.ask(requests.Compile(qm_id=qm_id, digest=DIGEST), b"program").program_id

    def add(**waveforms: Any) -> requests.AddJob:
        overrides = records.Overrides(waveforms=waveforms)
        return requests.AddJob(qm_id=qm_id, program_id=program, overrides=overrides)

    bench.ask(add(w=0.2))
    assert bench.commands(commands.Load)[-1].overrides == records.Overrides(waveforms={"w": 0.2})
    for bad in ({"w": [0.1] * 16}, {"v": 0.1}, {"w": float("nan")}, {"w": []}):
        assert bench.refusal(add(**bad)).code == "bad_override"
    uncompiled = requests.AddJob(qm_id=qm_id, digest=DIGEST, overrides=records.Overrides(waveforms={"w": 0.2}))
    assert bench.refusal(uncompiled, b"program").code == "bad_override"


def test_a_program_over_several_controllers(bench: Any, config: Any) -> None:
    """The first of them runs it, threads are taken on each, and it waits until all are there as configured."""
    qm_id = bench.open({"controllers": {**config(1)["controllers"], **config(1, controller="con2")["controllers"]}})
    bench.needs = {"con2": 2, "con1": 1}
    first = bench.add(qm_id)
    assert bench.sent[-1].controller == "con1"
    account = bench.core.cluster.threads
    assert (account.used("con1", 1), account.used("con2", 1)) == (1, 2)
    bench.gone("con2")
    assert bench.state(first) == "loading"
    second = bench.add(qm_id)
    bench.status(first, "completed")
    assert bench.state(second) == "pending"
    assert "con2 is not connected" in bench.ask(requests.Why(job_id=second)).text
    bench.connect("con2")
    assert bench.state(second) == "loading"
    bench.status(second, "completed")
    bench.gone("con2")
    bench.connect("con2", "opx1000", {1: "lf"}, instance="another")
    third = bench.add(qm_id)
    assert bench.state(third) == "pending"
    assert "con2 is an OPX1000; the config says" in bench.ask(requests.Why(job_id=third)).text
    bench.gone("con2")
    bench.connect("con2", instance="behind something else", alike=())
    assert "con2 was started with another plant than con1" in bench.ask(requests.Why(job_id=third)).text
    bench.gone("con2")
    bench.connect("con2", instance="the old one")
    assert bench.state(third) == "loading"
    bench.status(third, "completed")
    bench.needs = {"con2": 1}
    bench.add(qm_id, b"only con2")
    assert bench.sent[-1].controller == "con2"


def test_the_controller_that_has_the_elements_compiles(bench: Any, config: Any) -> None:
    """Of a qm over two controllers one says that the program belongs to the other; the other is asked. Where the first
    is away, the other is; where the one that it belongs to is away, the error says so."""
    qm_id = bench.open({"controllers": {**config(1)["controllers"], **config(1, controller="con2")["controllers"]}})
    bench.compiles = False
    bench.ask(requests.AddJob(qm_id=qm_id, digest=DIGEST), b"program")
    home = {"controller": "con2"}
    wrong = records.Fault(family="asked_wrongly", code="wrong_controller", message="not here", details=home)
    for controller in ("con1", "con2"):
        assert bench.sent[-1].controller == controller
        command = bench.sent[-1].action
        bench.needs, bench.compile_error = {"con2": 1}, wrong if controller == "con1" else None
        bench.say(controller, bench.compiled(command))
    assert bench.sent[-1].controller == "con2"
    assert isinstance(bench.sent[-1].action, commands.Load)
    bench.gone("con1")
    bench.ask(requests.Compile(qm_id=qm_id, digest=wire.content_digest(b"other")), b"other")
    assert (bench.sent[-1].controller, type(bench.sent[-1].action)) == ("con2", commands.CompileProgram)
    bench.say("con2", bench.compiled(bench.sent[-1].action))
    bench.connect("con1")
    bench.gone("con2")
    bench.ask(requests.Compile(qm_id=qm_id, digest=wire.content_digest(b"more")), b"more")
    assert bench.sent[-1].controller == "con1"
    bench.compile_error = wrong
    bench.say("con1", bench.compiled(bench.sent[-1].action))
    assert bench.answers[-1].error.code == "controller_unavailable"
    assert "con2" in bench.answers[-1].error.message


def test_a_command_that_could_not_be_followed_answers_who_waits(bench: Any, qm: str) -> None:
    """A compilation and a fetch that the controller stumbles over end with its reason."""
    job = bench.add(qm)
    bench.status(job, "completed")
    fault = records.Fault(family="bug", code="internal_error", message="stumbled")
    bench.ask(requests.Fetch(job_id=job, stream="s"))
    bench.say("con1", reports.Trouble(command="fetch", error=fault, note=job))
    assert bench.answers[-1].error == fault
    bench.compiles = False
    bench.ask(requests.AddJob(qm_id=qm, digest=wire.content_digest(b"x")), b"x")
    bench.say("con1", reports.Trouble(command="compile", error=fault, note=qm))
    assert bench.answers[-1].error == fault
    running = bench.add(qm)
    bench.say("con1", reports.Trouble(command="halt", error=fault, note=running))
    assert bench.state(running) == "loading"


def test_queues_are_bounded_by_name(bench: Any, qm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The refusal names the limit; execute, which clears the queue, still works."""
    monkeypatch.setattr(limits, "QM_PENDING_JOBS", 2)
    for _ in range(3):
        bench.add(qm)
    error = bench.refusal(requests.AddJob(qm_id=qm, digest=DIGEST))
    assert (error.code, error.details["limit"]) == ("queue_full", "QM_PENDING_JOBS")
    bench.ask(requests.Execute(qm_id=qm, digest=DIGEST))
    monkeypatch.setattr(limits, "USER_PENDING_JOBS", 1)
    assert bench.refusal(requests.AddJob(qm_id=qm, digest=DIGEST)).details["limit"] == "USER_PENDING_JOBS"


# -- order -------------------------------------------------------------------------------------------------------------


def test_one_job_at_a_time_in_queue_order(bench: Any, qm: str) -> None:
    """add_to_start goes in front of all that wait, and the next starts when the running one is done."""
    running = bench.add(qm)
    last = bench.add(qm)
    first = bench.add(qm, to_start=True)
    very_first = bench.add(qm, to_start=True)
    assert bench.queue(qm) == [very_first, first, last]
    for expected in (very_first, first, last):
        bench.status(running, "running")
        bench.status(running, "completed")
        assert bench.state(expected) == "loading"
        running = expected


def test_the_next_job_may_start_while_one_only_saves(bench: Any, qm: str) -> None:
    """`processing` frees the qm and its threads."""
    first, second = bench.add(qm), bench.add(qm)
    bench.status(first, "running")
    bench.status(first, "processing")
    assert bench.state(second) == "loading"
    bench.status(first, "completed")
    assert bench.state(first) == "completed"


def test_different_qms_run_side_by_side(bench: Any, config: Any, qm: str) -> None:
    """Also on one controller, while threads last."""
    other = bench.open(config(2))
    assert bench.state(bench.add(qm)) == bench.state(bench.add(other)) == "loading"


def test_what_never_fits_is_refused_at_add(bench: Any, qm: str) -> None:
    """An OPX+ has 18 threads."""
    bench.needs = {"con1": 19}
    error = bench.refusal(requests.AddJob(qm_id=qm, digest=DIGEST), b"program")
    assert error.code == "too_many_threads"
    assert "failed to allocate resources" in error.message
    assert error.details == {"controller": "con1", "fem": 1, "needs": 19, "has": 18}
    bench.needs = {"con1": 18}
    assert bench.state(bench.add(qm, b"fits")) == "loading"


def test_what_does_not_fit_now_waits_and_says_why(bench: Any, config: Any, qm: str) -> None:
    """Threads are counted over all qms of a controller; a job that fits may overtake one that does not."""
    bench.needs = {"con1": 10}
    running = bench.add(qm)
    second, third = bench.open(config(2)), bench.open(config(3))
    bench.needs = {"con1": 9}
    waiting = bench.add(second, b"one thread too many")
    bench.needs = {"con1": 8}
    overtaking = bench.add(third, b"smaller")
    assert [bench.state(job) for job in (running, waiting, overtaking)] == ["loading", "pending", "loading"]
    words = bench.ask(requests.Why(job_id=waiting)).text
    for word in ("9 threads", "con1", "18", running, qm):
        assert word in words
    bench.status(overtaking, "completed")
    assert bench.state(waiting) == "pending"
    bench.status(running, "completed")
    assert bench.state(waiting) == "loading"


def test_the_oldest_head_gets_freed_threads_first(bench: Any, config: Any, qm: str) -> None:
    """Among heads that wait for the same threads, the one that was added first starts first."""
    bench.needs = {"con1": 18}
    running = bench.add(qm)
    qms = [bench.open(config(number)) for number in (2, 3, 4)]
    bench.now_ms += 1
    waiting = [bench.add(qm_id) for qm_id in reversed(qms)]
    for expected in waiting:
        bench.status(running, "completed")
        assert [bench.state(job) for job in waiting if bench.state(job) == "loading"] == ["loading"]
        assert bench.state(expected) == "loading"
        running = expected


def test_why_says_what_a_job_waits_for(bench: Any, qm: str) -> None:
    """A place in the queue, a job of somebody, a controller that is away, an end."""
    running, second, third = bench.add(qm, user="bob"), bench.add(qm), bench.add(qm)

    def why(job: str) -> str:
        return str(bench.ask(requests.Why(job_id=job)).text)

    assert "position 2" in why(third)
    assert running in why(second)
    assert "bob" in why(second)
    assert "loading" in why(running)
    bench.gone("con1")
    assert "not connected" in why(second)
    assert "was lost" in why(running)


def test_jobs_that_share_ports_are_told_so(bench: Any, config: Any) -> None:
    """Both reports name the other job, its qm and the port, and say that the sum is not formed yet."""
    first, second = bench.open(config(1, 2, shareable=True)), bench.open(config(1, 3, shareable=True))
    one, two = bench.add(first), bench.add(second)
    for mine, other, other_qm in ((one, two, second), (two, one, first)):
        (entry,) = bench.ask(requests.GetReport(job_id=mine)).entries
        assert f"ports shared with job {other} of qm {other_qm}" in entry.message
        assert "con1/1 analog output 1" in entry.message
        assert "the sum is not formed yet" in entry.message


# -- execute, remove, cancel -------------------------------------------------------------------------------------------


def test_execute_clears_cancels_and_adds_in_one_step(bench: Any, qm: str) -> None:
    """The queue of all users is canceled, the running job halted; the new one starts when that has ended."""
    running, pending, others = bench.add(qm), bench.add(qm), bench.add(qm, user="bob")
    bench.status(running, "running")
    added = bench.ask(requests.Execute(qm_id=qm, digest=DIGEST), user="eve")
    assert (added.removed_jobs, added.canceled_jobs) == ([pending, others], [running])
    assert bench.state(pending) == bench.state(others) == "canceled"
    assert bench.state(added.job_id) == "pending"
    assert bench.commands(commands.Halt)[-1].job_id == running
    bench.status(running, "canceled")
    assert bench.state(added.job_id) == "loading"


def test_removals_in_each_of_their_ways(bench: Any, qm: str) -> None:
    """By id, by position (from 1), by user, all; the ids come back."""
    bench.add(qm)
    a, b, c, d, e = (bench.add(qm, user=user) for user in ("ann", "bob", "ann", "bob", "eve"))
    assert bench.ask(requests.RemoveJobs(qm_id=qm, position=1)).job_ids == [a]
    assert bench.ask(requests.RemoveJobs(qm_id=qm, job_ids=[c]), user="eve").job_ids == [c]
    assert bench.ask(requests.RemoveJobs(qm_id=qm, user_ids=["bob"])).job_ids == [b, d]
    assert bench.ask(requests.RemoveJobs(qm_id=qm, user_ids=["nobody"])).job_ids == []
    assert bench.ask(requests.RemoveJobs(qm_id=qm, all=True)).job_ids == [e]
    assert bench.queue(qm) == []


def test_a_position_can_carry_the_job_it_expects(bench: Any, qm: str) -> None:
    """If another job has moved there, nothing is removed."""
    bench.add(qm)
    first, second = bench.add(qm), bench.add(qm)
    error = bench.refusal(requests.RemoveJobs(qm_id=qm, position=1, expected_job_id=second))
    assert (error.code, error.details["found"]) == ("job_moved", first)
    assert bench.ask(requests.RemoveJobs(qm_id=qm, position=2, expected_job_id=second)).job_ids == [second]


@pytest.mark.parametrize("position", [0, -1, 2, 10**9])
def test_positions_outside_the_queue_name_its_length(bench: Any, qm: str, position: int) -> None:
    """Positions are 1-based."""
    bench.add(qm)
    bench.add(qm)
    error = bench.refusal(requests.RemoveJobs(qm_id=qm, position=position))
    assert (error.code, error.details["length"]) == ("bad_position", 1)


def test_what_is_not_pending_cannot_be_removed(bench: Any, qm: str) -> None:
    """A running job and an unknown one: refused, and nothing else is removed either."""
    running, pending = bench.add(qm), bench.add(qm)
    for missing in (running, "17"):
        assert bench.refusal(requests.RemoveJobs(qm_id=qm, job_ids=[pending, missing])).code == "unknown_job"
    assert bench.refusal(requests.RemoveJobs(qm_id=qm)).code == "bad_request"
    assert bench.refusal(requests.RemoveJobs(qm_id=qm, all=True, position=1)).code == "bad_request"
    assert bench.queue(qm) == [pending]


def test_a_canceled_pending_job_never_starts(bench: Any, qm: str) -> None:
    """OK to its cancel means that it will not run."""
    running, pending = bench.add(qm), bench.add(qm)
    assert bench.ask(requests.CancelJob(job_id=pending)).canceled
    bench.status(running, "completed")
    assert bench.state(pending) == "canceled"
    assert not bench.ask(requests.CancelJob(job_id=running)).canceled


def test_a_halted_job_ends_when_its_controller_says_so(bench: Any, qm: str) -> None:
    """The caller waits for it; the next job starts after it; a job that was quicker completes."""
    first, second = bench.add(qm), bench.add(qm)
    bench.status(first, "running")
    assert bench.ask(requests.CancelJob(job_id=first), user="eve") is None
    assert bench.ask(requests.CancelJob(job_id=first), user="bob") is None
    assert len(bench.commands(commands.Halt)) == 1
    assert bench.state(second) == "pending"
    bench.status(first, "canceled")
    assert bench.answers[-1].result == requests.JobCanceled(canceled=True, state="canceled")
    assert bench.state(second) == "loading"
    assert bench.ask(requests.CancelJob(job_id=second)) is None
    bench.status(second, "completed")
    assert bench.answers[-1].result == requests.JobCanceled(canceled=False, state="completed")
    assert len(bench.commands(commands.Halt)) == 2


# -- listing and waiting -----------------------------------------------------------------------------------------------


def test_listing_filters(bench: Any, config: Any, qm: str) -> None:
    """By qm, id, user, state and note; pending ones by position; the total counts beyond the limit."""
    other = bench.open(config(2))
    a, b = bench.add(qm, user="ann"), bench.add(qm, user="bob", note="sweep of q1")
    c, d = bench.add(qm, user="ann", to_start=True), bench.add(other, user="ann")

    def ids(**filters: Any) -> list[str]:
        return [job.job_id for job in bench.ask(requests.GetJobs(**filters)).jobs]

    assert ids(qm_ids=[qm], states=["pending"]) == [c, b]
    assert ids(user_ids=["ann"]) == [c, a, d]
    assert ids(job_ids=[d, "17", b]) == [b, d]
    assert ids(note="q1") == [b]
    assert ids(states=["loading"], qm_ids=[other]) == [d]
    assert ids(states=["completed"]) == []
    listed = bench.ask(requests.GetJobs(limit=1))
    assert (len(listed.jobs), listed.total) == (1, 4)


def test_a_job_tells_its_story(bench: Any, qm: str) -> None:
    """Who, when, where, how it ended."""
    added_ms = bench.now_ms
    job = bench.add(qm, user="bob", note="n")
    bench.now_ms += 5
    bench.status(job, "running")
    bench.now_ms += 5
    fault = records.Fault(family="bug", code="overflow", message="it broke")
    bench.status(job, "error", error=fault, lines=[requests.ReportLine(message="port 1 overflowed")], counts={"n": 3})
    info = bench.ask(requests.GetJob(job_id=job))
    assert (info.user, info.qm_id, info.state, info.position, info.attempt) == ("bob", qm, "error", -1, 1)
    assert (info.added_at_ms, info.started_at_ms, info.ended_at_ms) == (added_ms, added_ms + 5, added_ms + 10)
    assert (info.error, info.note) == (fault, "n")
    report = bench.ask(requests.GetReport(job_id=job))
    assert (report.entries[0].message, report.counts, report.error) == ("port 1 overflowed", {"n": 3}, fault)
    assert bench.refusal(requests.GetJob(job_id="17")).code == "unknown_job"


def test_waiting_for_a_job(bench: Any, qm: str) -> None:
    """Answered at once if true, when it becomes true, or when the job has ended."""
    job = bench.add(qm)
    assert bench.ask(requests.WaitJob(job_id=job, until=["loading"])).state == "loading"
    assert bench.ask(requests.WaitJob(job_id=job, until=["running"])) is None
    bench.status(job, "running")
    assert bench.answers[-1].result.state == "running"
    assert bench.ask(requests.WaitJob(job_id=job, until=["processing"])) is None
    bench.status(job, "completed")
    assert bench.answers[-1].result.state == "completed"
    assert bench.ask(requests.WaitJob(job_id=job, until=["running"])).state == "completed"


def test_a_parked_request_is_answered_pending_in_time(bench: Any, qm: str) -> None:
    """Within PARK_MS and a tick; the client asks again with the same id and waits on."""
    job = bench.add(qm)
    request_id = wire.make_request_id(bench.now_ms, "wait1")
    args = requests.WaitJob(job_id=job, until=["completed"])
    assert bench.ask(args, request_id=request_id) is None
    bench.tick(limits.PARK_MS - 1)
    assert not bench.answers[-1].pending
    bench.tick(1)
    assert bench.answers[-1] == Answer(client=b"ann", request_id=request_id, pending=True)
    assert limits.PARK_MS + 1000 < limits.REQUEST_TIMEOUT_MS
    bench.answers.clear()
    bench.ask(args, request_id=request_id)
    bench.ask(args, request_id=request_id)
    bench.status(job, "completed")
    assert [answer.request_id for answer in bench.answers] == [request_id]


def test_waiting_is_bounded_by_name(bench: Any, qm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """One user's waiting fills neither the broker nor the others' share; reads go on."""
    job = bench.add(qm)
    monkeypatch.setattr(limits, "USER_PARKED_REQUESTS", 2)
    args = requests.WaitJob(job_id=job)
    for _ in range(2):
        assert bench.ask(args) is None
    assert bench.refusal(args).details["limit"] == "USER_PARKED_REQUESTS"
    assert bench.refusal(requests.CancelJob(job_id=job)).code == "too_many_requests"
    assert not bench.core.cluster.jobs[job].halt_by
    assert bench.ask(requests.GetJob(job_id=job)).state == "loading"
    assert bench.ask(args, user="bob") is None
    monkeypatch.setattr(limits, "PARKED_REQUESTS", 3)
    assert bench.refusal(args, user="eve").details["limit"] == "PARKED_REQUESTS"
    bench.status(job, "completed")
    assert not bench.core.cluster.parked_of_user


def test_waiting_for_results(bench: Any, qm: str) -> None:
    """A count of items, a closed stream, or the end; unknown streams are named with those there are."""
    job = bench.add(qm)
    bench.status(job, "running")
    assert bench.ask(requests.WaitResults(job_id=job, stream="s", count=3)) is None
    counts = [reports.StreamCount(name="s", count=2)]
    bench.say("con1", reports.Progress(job_id=job, attempt=1, streams=counts))
    assert bench.core.cluster.waits
    counts = [reports.StreamCount(name="s", count=4)]
    bench.say("con1", reports.Progress(job_id=job, attempt=1, streams=counts))
    assert bench.answers[-1].result.streams[0].count == 4
    assert bench.ask(requests.WaitResults(job_id=job)) is None
    bench.status(job, "completed")
    assert bench.answers[-1].result.done
    error = bench.refusal(requests.WaitResults(job_id=job, stream="nothing"))
    assert error.code == "unknown_stream"
    assert "it has s" in error.message


def test_listeners_are_told_of_every_change(bench: Any, config: Any, qm: str) -> None:
    """A hint for each state of a job, for qms that open and close, for controllers that go; and for a moved offset."""
    job = bench.add(qm)
    bench.status(job, "running")
    bench.status(job, "completed")
    assert [hint.state for hint in bench.hints if hint.id == job] == ["pending", "loading", "running", "completed"]
    first = bench.open(config(2, shareable=True, offset=0.1))
    bench.open(config(2, shareable=True, offset=0.2))
    bench.ask(requests.CloseQm(qm_id=first))
    assert [hint.state for hint in bench.hints if hint.id == first] == ["open", "offset_changed", "closed"]
    bench.gone("con2")
    assert [hint.state for hint in bench.hints if hint.id == "con2"] == ["connected", "lost"]


def test_fetch_is_passed_on_and_its_data_passed_back(bench: Any, qm: str) -> None:
    """The bodies are those of the controller, untouched; its errors too."""
    job = bench.add(qm)
    assert bench.ask(requests.Fetch(job_id=job, stream="s")).stop == 0  # nothing can be there yet
    bench.status(job, "completed")
    assert bench.ask(requests.Fetch(job_id=job, stream="s", start=2, stop=4)) is None
    fetch = bench.commands(commands.FetchData)[-1]
    assert (fetch.job_id, fetch.stream, fetch.start, fetch.stop) == (job, "s", 2, 4)
    stream = wire.StreamState(schema=wire.StreamSchema(name="s", dtype="<i4"), count=9, closed=True)
    bench.say("con1", reports.FetchedData(fetch_id=fetch.fetch_id, stream=stream, start=2, stop=4), b"\x01\x02")
    assert bench.answers[-1].bodies == (b"\x01\x02",)
    assert (bench.answers[-1].result.start, bench.answers[-1].result.stop) == (2, 4)
    bench.ask(requests.Fetch(job_id=job, stream="s"))
    fault = records.Fault(family="asked_wrongly", code="out_of_range", message="no")
    bench.say("con1", reports.FetchFailed(fetch_id=bench.commands(commands.FetchData)[-1].fetch_id, error=fault))
    assert bench.answers[-1].error == fault
    bench.gone("con1")
    assert bench.refusal(requests.Fetch(job_id=job, stream="s")).code == "controller_unavailable"


def test_cleared_results_are_gone_and_the_jobs_stay(bench: Any, qm: str) -> None:
    """Only finished jobs; the controller is told; a fetch says why there is nothing."""
    schema = wire.StreamSchema(name="s", dtype="<i4")
    job, running = bench.add(qm), bench.add(qm)
    bench.status(job, "completed", streams=[wire.StreamState(schema=schema, count=1)])
    assert bench.ask(requests.ClearResults()).job_ids == [job]
    assert bench.commands(commands.DropResults)[-1].job_ids == [job]
    assert bench.ask(requests.ClearResults(job_ids=[running, job])).job_ids == []
    assert bench.refusal(requests.Fetch(job_id=job, stream="s")).code == "results_cleared"
    assert bench.ask(requests.GetResultsState(job_id=job)).closed
    assert bench.ask(requests.GetJob(job_id=job)).state == "completed"


# -- states ------------------------------------------------------------------------------------------------------------


def test_the_table_of_states() -> None:
    """Every state is reachable from pending, final states have no way out, and every other one can end."""
    reached, front = {"pending"}, ["pending"]
    while front:
        for following in TABLE[front.pop()].values():  # type: ignore[index]
            if following not in reached:
                reached.add(following)
                front.append(following)
    assert reached == set(TABLE)
    assert FINAL == wire.FINAL_STATES
    for state, events in TABLE.items():
        assert state in FINAL or FINAL & set(events.values())
    with pytest.raises(Exception, match="completed cannot start"):
        next_state("completed", "start")


@pytest.mark.parametrize("state", ["running", "processing", "completed", "error", "canceled"])
def test_reports_about_ended_jobs_change_nothing(bench: Any, qm: str, state: str) -> None:
    """Nor do reports of another attempt or from another controller."""
    job = bench.add(qm)
    bench.status(job, state, attempt=2)
    bench.status(job, state, controller="con2")
    assert bench.state(job) == "loading"
    bench.status(job, "completed")
    revision = bench.core.cluster.revision
    bench.status(job, state)
    assert bench.state(job) == "completed"
    assert bench.core.cluster.revision == revision


def test_errors_are_of_the_right_family(bench: Any, qm: str) -> None:
    """What can be had later is Taken, what can never be had is AskedWrongly."""
    bench.gone("con1")
    error = bench.refusal(requests.AddJob(qm_id=qm, digest=DIGEST), b"program")
    assert isinstance(error, Taken)
    assert isinstance(bench.refusal(requests.GetJob(job_id="17")), AskedWrongly)
