"""Controllers that come, go and come back, brokers that start again, and requests that are repeated."""

from __future__ import annotations

from typing import Any

import pytest

from quaymaster._core import wire
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.wire import commands, reports, requests
from quaymaster.broker.core import limits

DIGEST = wire.content_digest(b"program")
STREAM = wire.StreamState(schema=wire.StreamSchema(name="s", dtype="<i4"), count=1, closed=True)


@pytest.fixture
def qm(bench: Any, config: Any) -> str:
    """An open qm on con1."""
    return str(bench.open(config(1)))


def held(job_id: str, attempt: int, state: Any) -> reports.HeldJob:
    return reports.HeldJob(job_id=job_id, attempt=attempt, state=state)


def hello(name: str, instance: str) -> reports.Hello:
    return reports.Hello(name=name, type="opx+", instance=instance, version="0")


# -- gone and back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["loading", "running", "processing"])
def test_jobs_of_a_lost_controller_end_at_once(bench: Any, config: Any, qm: str, state: str) -> None:
    """`controller_lost`; the qm keeps its ports; other controllers never notice; the next job waits."""
    other = bench.open(config(1, controller="con2"))
    bench.needs = {"con2": 1}
    far = bench.add(other)
    bench.needs = {"con1": 1}
    job = bench.add(qm, b"here")
    for step in {"loading": (), "running": ("running",), "processing": ("running", "processing")}[state]:
        bench.status(job, step)
    assert bench.state(job) == state
    following = bench.add(qm, b"here") if state != "processing" else ""
    bench.gone("con1")
    info = bench.ask(requests.GetJob(job_id=job))
    assert (info.state, info.error.code) == ("error", "controller_lost")
    assert "con1" in info.error.message
    assert bench.state(far) == "loading"
    assert bench.refusal(requests.OpenQm(close_mode="never"), wire.pack_plain(config(1))).code in (
        "ports_taken",
        "controller_unavailable",
    )
    if following:
        assert bench.state(following) == "pending"
        bench.connect("con1", instance="new")
        assert bench.state(following) == "loading"


def test_partial_results_of_a_lost_controller_are_kept(bench: Any, qm: str) -> None:
    """The counts that were reported stay; the controller's spooled last word still adds to them."""
    job = bench.add(qm)
    bench.status(job, "running")
    bench.gone("con1")
    bench.connect("con1")
    schema = wire.StreamSchema(name="s", dtype="<i4")
    bench.status(job, "completed", streams=[wire.StreamState(schema=schema, count=7)])
    state = bench.ask(requests.GetResultsState(job_id=job))
    assert (state.state, state.streams[0].count) == ("error", 7)


def test_a_returning_controller_sheds_what_is_stale_before_it_gets_anything(bench: Any, config: Any, qm: str) -> None:
    """Jobs that ended in its absence are halted, qms that closed are closed, and only then are others opened."""
    job = bench.add(qm)
    bench.status(job, "running")
    bench.gone("con1")
    bench.ask(requests.CloseQm(qm_id=qm))
    bench.sent.clear()
    bench.say("con1", hello("con1", "con1-i"))
    assert [type(send.action) for send in bench.sent] == [commands.TakeInventory]
    other = bench.open(config(1))
    bench.sent.clear()
    bench.say("con1", reports.Inventory(jobs=[held(job, 1, "running"), held("99", 1, "running")], qm_ids=[qm]))
    kinds = [type(send.action) for send in bench.sent]
    assert kinds == [commands.Halt, commands.Halt, commands.Close, commands.Open]
    assert bench.sent[-1].action.qm_id == other


def test_a_new_process_of_a_name_takes_it_over(bench: Any, qm: str) -> None:
    """What the old process held is lost."""
    job = bench.add(qm)
    bench.connect("con1", instance="new")
    assert bench.state(job) == "error"
    assert bench.core.cluster.jobs[job].error.code == "controller_lost"


def test_the_same_process_on_a_new_connection_goes_on(bench: Any, qm: str) -> None:
    """A short cut that nobody noticed loses nothing."""
    job = bench.add(qm)
    bench.status(job, "running")
    bench.say("con1", hello("con1", "con1-i"))
    bench.say("con1", reports.Inventory(jobs=[held(job, 1, "running")], qm_ids=[qm]))
    assert bench.state(job) == "running"
    bench.status(job, "completed")
    assert bench.state(job) == "completed"


def test_those_who_wait_for_a_lost_controller_are_told(bench: Any, config: Any, qm: str) -> None:
    """Compilations and fetches end with `controller_lost`."""
    job = bench.add(qm)
    bench.status(job, "completed")
    bench.ask(requests.Fetch(job_id=job, stream="s"))
    bench.compiles = False
    bench.ask(requests.AddJob(qm_id=qm, digest=wire.content_digest(b"x")), b"x")
    bench.answers.clear()
    bench.gone("con1")
    assert [answer.error.code for answer in bench.answers] == ["controller_lost", "controller_lost"]


def test_a_controller_that_lacks_a_body_gets_it(bench: Any, qm: str) -> None:
    """The same attempt again, with program and config."""
    job = bench.add(qm)
    bench.say("con1", reports.Lacking(job_id=job, attempt=1))
    load = bench.sent[-1]
    assert (load.action.job_id, load.action.attempt) == (job, 1)
    assert load.bodies == (DIGEST, bench.core.cluster.qms[qm].config_digest)


def test_a_load_that_cannot_be_followed_fails_its_job(bench: Any, qm: str) -> None:
    """A trouble report about a load ends the job with the reason."""
    job = bench.add(qm)
    fault = wire.Fault(family="bug", code="disk_full", message="no room")
    bench.say("con1", reports.Trouble(command="load", error=fault, note=job))
    assert (bench.state(job), bench.core.cluster.jobs[job].error) == ("error", fault)


def test_unknown_controllers_and_jobs_in_reports_are_ignored(bench: Any) -> None:
    """A report about what is not here changes nothing."""
    revision = bench.core.cluster.revision
    bench.say("con9", reports.Status(job_id="17", attempt=1, state="running"))
    bench.say("con1", reports.Status(job_id="17", attempt=1, state="running"))
    bench.say("con1", reports.Progress(job_id="17", attempt=1, streams=[]))
    bench.say("con1", reports.Compiled(compile_id="c", program_digest="d"))
    bench.say("con1", reports.Lacking(job_id="17", attempt=1))
    assert bench.core.cluster.revision == revision


# -- the broker starts again -------------------------------------------------------------------------------------------


def test_queues_survive_the_broker(bench: Any, config: Any, qm: str) -> None:
    """Jobs are there in their order, qms with their ports and registers, and all run to their end."""
    bench.ask(requests.SetIo(qm_id=qm, io1=7))
    running = bench.add(qm)
    bench.status(running, "running")
    last, first = bench.add(qm), bench.add(qm, to_start=True)
    bench.crash()
    assert bench.queue(qm) == [first, last]
    assert bench.core.cluster.qms[qm].io1_raw == 7
    bench.say("con1", hello("con1", "con1-i"))
    bench.say("con1", reports.Inventory(jobs=[held(running, 1, "running")], qm_ids=[qm]))
    assert bench.state(running) == "running"
    for job, following in ((running, first), (first, last)):
        bench.status(job, "completed")
        assert bench.state(following) == "loading"


def test_a_load_that_was_lost_with_the_broker_is_sent_again(bench: Any, qm: str) -> None:
    """The same attempt, with its bodies, and not twice if the controller has it."""
    job = bench.add(qm)
    bench.crash()
    bench.sent.clear()
    bench.connect("con1", instance="con1-i")
    (load,) = [send for send in bench.sent if isinstance(send.action, commands.Load)]
    assert (load.action.job_id, load.action.attempt) == (job, 1)
    assert load.bodies[0] == DIGEST
    bench.crash()
    bench.sent.clear()
    bench.say("con1", hello("con1", "con1-i"))
    bench.say("con1", reports.Inventory(jobs=[held(job, 1, "loading")], qm_ids=[qm]))
    assert not [send for send in bench.sent if isinstance(send.action, commands.Load)]


def test_a_running_job_that_its_controller_lost_ends(bench: Any, qm: str) -> None:
    """Broker and controller both started again: the job is not run a second time."""
    job = bench.add(qm)
    bench.status(job, "running")
    bench.crash()
    bench.connect("con1", instance="new")
    assert bench.core.cluster.jobs[job].error.code == "controller_lost"


def test_a_halt_survives_the_broker(bench: Any, qm: str) -> None:
    """Asked for before the crash, sent again after it; a load that was never seen is canceled without one."""
    job = bench.add(qm)
    bench.status(job, "running")
    bench.ask(requests.CancelJob(job_id=job))
    bench.crash()
    bench.sent.clear()
    bench.say("con1", hello("con1", "con1-i"))
    bench.say("con1", reports.Inventory(jobs=[held(job, 1, "running")], qm_ids=[qm]))
    assert bench.sent[-1].action == commands.Halt(job_id=job, attempt=1)
    bench.status(job, "canceled")
    unseen = bench.add(qm)
    bench.ask(requests.CancelJob(job_id=unseen))
    bench.crash()
    bench.connect("con1", instance="con1-i")
    assert bench.state(unseen) == "canceled"


def test_a_controller_that_never_comes_back_loses_its_jobs(bench: Any, qm: str) -> None:
    """After an hour nobody knows how the job ended: `lost`, and the queue goes on waiting."""
    job = bench.add(qm)
    bench.crash()
    bench.tick(0)
    bench.tick(limits.LOST_AFTER_MS - 1)
    assert bench.state(job) == "loading"
    bench.tick(1)
    assert bench.state(job) == "lost"


# -- repeats -----------------------------------------------------------------------------------------------------------


def test_a_repeated_submission_finds_its_job(bench: Any, qm: str) -> None:
    """Also after the broker was started again, and after the job has ended."""
    request_id = wire.make_request_id(bench.now_ms, "mine")
    args = requests.AddJob(qm_id=qm, digest=DIGEST)
    job = bench.ask(args, b"program", request_id=request_id).job_id
    assert bench.ask(args, b"program", request_id=request_id).job_id == job
    bench.crash()
    assert bench.ask(args, b"program", request_id=request_id).job_id == job
    bench.connect("con1", instance="con1-i")
    bench.status(job, "completed")
    assert bench.ask(args, b"program", request_id=request_id).job_id == job
    assert len(bench.core.cluster.jobs) == 1


def test_a_submission_that_is_repeated_while_it_compiles_is_one_job(bench: Any, qm: str) -> None:
    """The client asks again with the same id, from a new connection even: one job, one answer at each place."""
    bench.compiles = False
    request_id = wire.make_request_id(bench.now_ms, "mine")
    args = requests.AddJob(qm_id=qm, digest=DIGEST)
    for _ in range(3):
        assert bench.ask(args, b"program", request_id=request_id) is None
        bench.tick(9_000)
    assert sum(answer.pending for answer in bench.answers) == 3
    (command,) = bench.commands(commands.CompileProgram)
    bench.say("con1", bench.compiled(command))
    assert len(bench.core.cluster.jobs) == 1
    job = bench.ask(args, b"program", request_id=request_id).job_id
    assert [*bench.core.cluster.jobs] == [job]


def test_an_error_reaches_a_client_that_was_away(bench: Any, qm: str) -> None:
    """The compile error came between two of its requests."""
    bench.compiles = False
    request_id = wire.make_request_id(bench.now_ms, "mine")
    args = requests.AddJob(qm_id=qm, digest=DIGEST)
    bench.ask(args, b"program", request_id=request_id)
    bench.tick(9_000)
    bench.compile_error = wire.Fault(family="asked_wrongly", code="compile_error", message="no")
    bench.say("con1", bench.compiled(bench.commands(commands.CompileProgram)[0]))
    with pytest.raises(AskedWrongly, match="no"):
        bench.ask(args, b"program", request_id=request_id)


def test_repeated_changes_are_answered_and_not_done(bench: Any, config: Any) -> None:
    """Open, close, remove, set: the first answer again, also over a restart, and nothing happens twice."""
    opened_id = wire.make_request_id(bench.now_ms, "open")
    body = wire.pack_plain(config(1))
    first = bench.ask(requests.OpenQm(close_mode="all"), body, request_id=opened_id)
    bench.crash()
    assert bench.ask(requests.OpenQm(close_mode="all"), body, request_id=opened_id) == first
    qm_id = first.qm_id
    bench.connect("con1")
    jobs = [bench.add(qm_id) for _ in range(4)]
    removed_id = wire.make_request_id(bench.now_ms, "rem1")
    for _ in range(3):
        answer = bench.ask(requests.RemoveJobs(qm_id=qm_id, position=1), request_id=removed_id)
        assert answer.job_ids == [jobs[1]]
    assert bench.queue(qm_id) == jobs[2:]
    closed_id = wire.make_request_id(bench.now_ms, "clos")
    closed = bench.ask(requests.CloseQm(qm_id=qm_id), request_id=closed_id)
    assert bench.ask(requests.CloseQm(qm_id=qm_id), request_id=closed_id) == closed


def test_an_id_cannot_be_used_for_two_things(bench: Any, config: Any) -> None:
    """An id that opened a qm does not close one."""
    request_id = wire.make_request_id(bench.now_ms, "once")
    qm_id = bench.ask(requests.OpenQm(close_mode="never"), wire.pack_plain(config(1)), request_id=request_id).qm_id
    with pytest.raises(AskedWrongly) as caught:
        bench.ask(requests.CloseQm(qm_id=qm_id), request_id=request_id)
    assert caught.value.code == "reused_request_id"


def test_repeats_that_may_be_forgotten_are_refused(bench: Any, qm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Older than a day, or older than the oldest of a thousand: never done twice."""
    old = wire.make_request_id(bench.now_ms - limits.ANSWERS_KEPT_MS - 1, "old1")
    with pytest.raises(AskedWrongly) as caught:
        bench.ask(requests.SetIo(qm_id=qm, io1=1), request_id=old)
    assert caught.value.code == "too_old_to_repeat"
    monkeypatch.setattr(limits, "ANSWERS_KEPT_PER_USER", 3)
    first = wire.make_request_id(bench.now_ms, "aaaa")
    bench.ask(requests.SetIo(qm_id=qm, io1=1), request_id=first, user="bob")
    for _ in range(3):
        bench.now_ms += 1
        bench.ask(requests.SetIo(qm_id=qm, io1=2), user="bob")
    with pytest.raises(AskedWrongly) as caught:
        bench.ask(requests.SetIo(qm_id=qm, io1=1), request_id=first, user="bob")
    assert caught.value.code == "too_old_to_repeat"
    assert bench.ask(requests.GetIo(qm_id=qm)).io1 == 2
    very_old = wire.make_request_id(bench.now_ms - limits.FINISHED_JOBS_KEPT_MS - 1, "old2")
    with pytest.raises(AskedWrongly):
        bench.ask(requests.AddJob(qm_id=qm, digest=DIGEST), b"program", request_id=very_old)


def test_answers_are_forgotten_after_a_day(bench: Any, qm: str) -> None:
    """The rows of remembered answers do not grow for ever."""
    bench.ask(requests.SetIo(qm_id=qm, io1=1))
    assert bench.witness.rows.tables["answer"]
    bench.tick(limits.ANSWERS_KEPT_MS + 1)
    assert not bench.witness.rows.tables["answer"]


def test_finished_jobs_are_forgotten_beyond_what_is_kept(bench: Any, qm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go; ids never come back, and a repeat of a forgotten submission is refused."""
    monkeypatch.setattr(limits, "FINISHED_JOBS_KEPT", 3)
    first_id = wire.make_request_id(bench.now_ms, "aaaa")
    args = requests.AddJob(qm_id=qm, digest=DIGEST)
    jobs = [bench.ask(args, b"program", request_id=first_id).job_id]
    bench.status(jobs[0], "completed")
    for _ in range(5):
        bench.now_ms += 1
        jobs.append(bench.add(qm))
        bench.status(jobs[-1], "completed")
    assert [*bench.core.cluster.jobs] == jobs[-3:]
    with pytest.raises(AskedWrongly) as caught:
        bench.ask(args, b"program", request_id=first_id)
    assert caught.value.code == "too_old_to_repeat"
    bench.crash()
    bench.connect("con1", instance="con1-i")
    assert int(bench.add(qm)) == int(jobs[-1]) + 1


def test_old_images_make_room(bench: Any, qm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are not kept for ever, but as long as a job or a compiled program needs them."""
    monkeypatch.setattr(limits, "IMAGES_KEPT", 2)
    program = bench.ask(requests.Compile(qm_id=qm, digest=DIGEST), b"program").program_id
    running = bench.add(qm, b"running")
    for number in range(5):
        bench.ask(requests.Compile(qm_id=qm, digest=wire.content_digest(b"%d" % number)), b"%d" % number)
    assert len(bench.core.cluster.images) <= 3
    bench.status(running, "completed")
    assert bench.state(bench.ask(requests.AddJob(qm_id=qm, program_id=program)).job_id) == "loading"


def test_the_log_names_who_did_what(bench: Any, qm: str) -> None:
    """Every change has one line, with a user; a controller's report names the controller."""
    job = bench.add(qm, user="bob")
    bench.status(job, "completed")
    lines = [(line.user, line.verb) for line in bench.witness.log]
    for expected in (("ann", "open_qm"), ("bob", "add_job"), ("controller:con1", "report:completed")):
        assert expected in lines
    assert [line.revision for line in bench.witness.log] == list(range(1, len(lines) + 1))


def test_requests_right_after_a_start_wait_for_the_controller(bench: Any, config: Any, qm: str) -> None:
    """A broker that was started again does not refuse at once what needs a controller that is about to come back."""
    bench.crash()
    assert bench.ask(requests.AddJob(qm_id=qm, digest=DIGEST), b"program", user="bob") is None
    assert bench.ask(requests.OpenQm(close_mode="never"), wire.pack_plain(config(2))) is None
    bench.connect("con1", instance="con1-i")
    assert [job.user for job in bench.core.cluster.jobs.values()] == ["bob"]
    assert len(bench.core.cluster.qms) == 2


def test_requests_after_a_restart_wait_for_the_controllers(bench: Any, qm: str) -> None:
    """Until a controller that the broker knows has found it again, what needs it is parked; then it is done, once."""
    job = bench.add(qm)
    bench.status(job, "completed")
    bench.crash()
    fetch, add = requests.Fetch(job_id=job, stream="s"), requests.AddJob(qm_id=qm, digest=wire.content_digest(b"new"))
    assert bench.ask(fetch) is None
    same = wire.make_request_id(bench.now_ms, "same")
    assert bench.ask(add, b"new", request_id=same) is None
    assert bench.ask(add, b"new", request_id=same) is None  # sent again, as clients do
    assert bench.commands(commands.FetchData) == []
    bench.connect("con1", instance="con1-i")
    assert [action.job_id for action in bench.commands(commands.FetchData)] == [job]
    (answer,) = [answer for answer in bench.answers if answer.request_id == same]
    assert bench.state(answer.result.job_id) == "loading"
    assert len(bench.core.cluster.jobs) == 2


def test_requests_after_a_restart_do_not_wait_for_ever(bench: Any, qm: str) -> None:
    """A controller that does not come back in COME_BACK_MS is said to be away, then and at once afterwards."""
    job = bench.add(qm)
    bench.status(job, "completed")
    bench.crash()
    bench.tick(1)
    fetch = requests.Fetch(job_id=job, stream="s")
    early = wire.make_request_id(bench.now_ms, "early")
    assert bench.ask(fetch, request_id=early) is None
    bench.tick(limits.COME_BACK_MS)
    (answer,) = [answer for answer in bench.answers if answer.request_id == early]
    assert answer.error.code == "controller_unavailable"
    assert bench.refusal(fetch).code == "controller_unavailable"


def test_a_controller_that_leaves_is_given_nothing_new(bench: Any, qm: str) -> None:
    """It reports the end of its job before its connection ends; the next job waits for its return."""
    job, following = bench.add(qm), bench.add(qm)
    bench.status(job, "running")
    bench.say("con1", reports.Leaving())
    bench.status(job, "error", error=wire.Fault(family="taken", code="controller_lost", message="stopped"))
    bench.gone("con1")
    assert (bench.state(job), bench.state(following)) == ("error", "pending")
    bench.connect("con1", instance="next")
    assert bench.state(following) == "loading"
