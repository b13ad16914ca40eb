"""What clients bring to running jobs: to which job it goes, once, whoever repeats, dies or comes late."""

from __future__ import annotations

from typing import Any

import pytest

from quaymaster._core.errors import AskedWrongly, Taken
from quaymaster._core.wire import commands, parcels, reports, requests
from quaymaster._core.wire.records import ElementValues, Fault, InputEntry
from quaymaster.broker.core import Answer

PUSH = parcels.Push(entry=InputEntry(stream="x", type="int", raws=[5]))


@pytest.fixture
def qm(bench: Any, config: Any) -> str:
    """An open qm on con1."""
    return str(bench.open(config(1)))


@pytest.fixture
def job(bench: Any, qm: str) -> str:
    """A job that runs on it."""
    job_id = bench.add(qm)
    bench.status(job_id, "running")
    return str(job_id)


def deliveries(bench: Any) -> list[commands.Deliver]:
    """Commands so far."""
    return list(bench.commands(commands.Deliver))


def deliver(bench: Any, command: commands.Deliver, **fields: Any) -> None:
    """The controller has delivered it."""
    bench.say(
        "con1",
        reports.Delivered(delivery_id=command.delivery_id, job_id=command.job_id, attempt=command.attempt, **fields),
    )


def answer_to(bench: Any, request_id: str) -> Answer:
    """The last answer to a request."""
    return [answer for answer in bench.answers if answer.request_id == request_id][-1]


def test_it_goes_to_the_controller_and_is_answered_when_that_has_delivered(bench: Any, job: str) -> None:
    """With (job, attempt); the log names the user and what was brought."""
    assert bench.ask(requests.TellJob(job_id=job, parcel=PUSH), user="bob") is None
    (command,) = deliveries(bench)
    assert (command.job_id, command.attempt, command.parcel) == (job, 1, PUSH)
    deliver(bench, command)
    assert bench.answers[-1].result == requests.Done()
    line = bench.witness.log[-1]
    assert (line.user, line.verb, line.target) == ("bob", "tell_job:push", job)
    assert not bench.core.cluster.errands


def test_a_repeat_is_sent_with_the_same_id_and_answered_once_done(bench: Any, job: str) -> None:
    """While it is under way, after a timeout, after the answer: never a second delivery id for one request."""
    request_id = f"{bench.now_ms:013d}-push"
    args = requests.TellJob(job_id=job, parcel=PUSH)
    bench.ask(args, request_id=request_id)
    bench.ask(args, request_id=request_id)
    bench.tick(9_000)
    assert answer_to(bench, request_id).pending
    bench.ask(args, request_id=request_id)
    assert len({command.delivery_id for command in deliveries(bench)}) == 1
    deliver(bench, deliveries(bench)[0])
    assert answer_to(bench, request_id).result == requests.Done()
    count = len(deliveries(bench))
    assert bench.ask(args, request_id=request_id) == requests.Done()
    assert len(deliveries(bench)) == count
    bench.ask(args, user="eve", request_id=request_id)
    assert deliveries(bench)[-1].delivery_id != deliveries(bench)[0].delivery_id


def test_the_answer_survives_a_crash(bench: Any, qm: str, job: str) -> None:
    """Before its commit the request is sent again, under the same id; after it, it is answered from the rows."""
    request_id = f"{bench.now_ms:013d}-push"
    args = requests.TellJob(job_id=job, parcel=PUSH)
    bench.ask(args, request_id=request_id)
    bench.crash()
    assert bench.ask(args, request_id=request_id) is None  # waits for the controller to come back
    bench.say("con1", reports.Hello(name="con1", type="opx+", instance="con1-i", version="0"))
    held = reports.HeldJob(job_id=job, attempt=1, state="running")
    bench.say("con1", reports.Inventory(jobs=[held], qm_ids=[qm]))
    first, second = deliveries(bench)
    assert first.delivery_id == second.delivery_id
    deliver(bench, second)
    bench.crash()
    assert bench.ask(args, request_id=request_id) == requests.Done()


def test_what_comes_while_the_job_loads_waits_for_it(bench: Any, qm: str) -> None:
    """Nothing is sent before it runs; then the client asks again, and it is."""
    job = bench.add(qm)
    request_id = f"{bench.now_ms:013d}-push"
    args = requests.TellJob(job_id=job, parcel=PUSH)
    assert bench.ask(args, request_id=request_id) is None
    assert deliveries(bench) == []
    bench.status(job, "running")
    assert answer_to(bench, request_id).pending
    bench.ask(args, request_id=request_id)
    assert len(deliveries(bench)) == 1


@pytest.mark.parametrize("end", ["completed", "error", "canceled"])
def test_a_job_that_ends_meanwhile_refuses(bench: Any, job: str, end: str) -> None:
    """Whatever was not delivered before its end was not done: the client asks again and is told that it has ended."""
    request_id = f"{bench.now_ms:013d}-push"
    args = requests.TellJob(job_id=job, parcel=PUSH)
    bench.ask(args, request_id=request_id)
    bench.status(job, end)
    assert answer_to(bench, request_id).pending
    with pytest.raises(AskedWrongly) as caught:
        bench.ask(args, request_id=request_id)
    assert caught.value.code == "job_not_running"
    assert end in caught.value.message


def test_jobs_that_do_not_run_are_refused_by_name(bench: Any, qm: str, job: str) -> None:
    """A pending one is said to be waited for, an unknown one is unknown; nothing is changed."""
    pending = bench.add(qm)
    error = bench.refusal(requests.TellJob(job_id=pending, parcel=parcels.Resume()))
    assert isinstance(error, Taken)
    assert (error.code, error.details["state"]) == ("job_not_running", "pending")
    assert bench.refusal(requests.TellJob(job_id="1", parcel=PUSH)).code == "unknown_job"
    assert bench.refusal(requests.SetIo(job_id=pending, io1=1)).code == "job_not_running"
    assert bench.refusal(requests.SetIo(job_id=job, qm_id=qm, io1=1)).code == "bad_request"
    assert bench.refusal(requests.GetIo()).code == "bad_request"


def test_the_controllers_refusal_is_the_clients(bench: Any, job: str) -> None:
    """Family, code and words; nothing is remembered, so a later try may succeed."""
    request_id = f"{bench.now_ms:013d}-push"
    args = requests.TellJob(job_id=job, parcel=parcels.Resume())
    bench.ask(args, request_id=request_id)
    fault = Fault(family="asked_wrongly", code="not_paused", message="job is not paused")
    bench.say("con1", reports.NotDelivered(delivery_id=deliveries(bench)[0].delivery_id, error=fault))
    assert answer_to(bench, request_id).error == fault
    assert bench.ask(args) is None
    assert len(deliveries(bench)) == 2


def test_a_connection_that_ends_leaves_it_open(bench: Any, qm: str, job: str) -> None:
    """Whether it was done is not known, so the client asks again rather than being told that it failed."""
    request_id = f"{bench.now_ms:013d}-push"
    args = requests.TellJob(job_id=job, parcel=PUSH)
    bench.ask(args, request_id=request_id)
    bench.say("con1", reports.Hello(name="con1", type="opx+", instance="con1-i", version="0"))
    assert answer_to(bench, request_id).pending
    bench.say("con1", reports.Inventory(jobs=[reports.HeldJob(job_id=job, attempt=1, state="running")], qm_ids=[qm]))
    bench.ask(args, request_id=request_id)
    deliver(bench, deliveries(bench)[-1])
    assert answer_to(bench, request_id).result == requests.Done()


def test_a_lost_controller_ends_job_and_errand(bench: Any, job: str) -> None:
    """The job ends with its controller; the next try is refused."""
    request_id = f"{bench.now_ms:013d}-push"
    args = requests.TellJob(job_id=job, parcel=PUSH)
    bench.ask(args, request_id=request_id)
    bench.gone("con1")
    assert answer_to(bench, request_id).pending
    with pytest.raises(AskedWrongly, match="error"):
        bench.ask(args, request_id=request_id)


# -- pauses ------------------------------------------------------------------------------------------------------------


def stand(bench: Any, job: str, *, paused: bool = False, waiting_for: tuple[str, ...] = (), attempt: int = 1) -> None:
    """The job stands still."""
    bench.say("con1", reports.Standing(job_id=job, attempt=attempt, paused=paused, waiting_for=list(waiting_for)))


def test_a_pause_is_seen_and_survives_a_crash(bench: Any, qm: str, job: str) -> None:
    """The state stays running, the slot is kept, `why` says what to do; after a restart it is paused still."""
    waiting = bench.add(qm)
    stand(bench, job, paused=True, waiting_for=("pause",))
    info = bench.ask(requests.GetJob(job_id=job))
    assert (info.state, info.paused) == ("running", True)
    assert "resume" in bench.ask(requests.Why(job_id=job)).text
    assert bench.state(waiting) == "pending"
    assert "paused: it goes on when anybody calls job.resume()" in bench.ask(requests.Why(job_id=waiting)).text
    bench.crash()
    assert bench.ask(requests.GetJob(job_id=job)).paused
    bench.say("con1", reports.Hello(name="con1", type="opx+", instance="con1-i", version="0"))
    there = reports.HeldJob(job_id=job, attempt=1, state="running", paused=True, waiting_for=["pause"])
    bench.say("con1", reports.Inventory(jobs=[there], qm_ids=[qm]))
    assert bench.ask(requests.GetJob(job_id=job)).paused
    bench.ask(requests.TellJob(job_id=job, parcel=parcels.Resume()), user="bob")
    deliver(bench, deliveries(bench)[-1], paused=False)
    assert not bench.ask(requests.GetJob(job_id=job)).paused


def test_whoever_resumed_is_told_only_when_the_pause_is_over_for_all(bench: Any, job: str) -> None:
    """After the answer nobody sees the old pause; a pause that began meanwhile is seen."""
    stand(bench, job, paused=True)
    bench.ask(requests.TellJob(job_id=job, parcel=parcels.Resume()))
    assert bench.ask(requests.GetJob(job_id=job)).paused
    deliver(bench, deliveries(bench)[-1], paused=False)
    assert not bench.ask(requests.GetJob(job_id=job)).paused
    stand(bench, job, paused=True)
    assert bench.ask(requests.GetJob(job_id=job)).paused


def test_a_restarted_brokers_pause_ends_where_the_controller_says_so(bench: Any, qm: str, job: str) -> None:
    """The job was resumed just before the crash, and the news was lost with it."""
    stand(bench, job, paused=True)
    bench.crash()
    bench.say("con1", reports.Hello(name="con1", type="opx+", instance="con1-i", version="0"))
    bench.say("con1", reports.Inventory(jobs=[reports.HeldJob(job_id=job, attempt=1, state="running")], qm_ids=[qm]))
    assert not bench.ask(requests.GetJob(job_id=job)).paused


def test_what_a_job_waits_for_is_said(bench: Any, job: str) -> None:
    """In `why` and in the job's record, until something comes or it ends."""
    stand(bench, job, waiting_for=("input stream 'x'",))
    assert bench.ask(requests.GetJob(job_id=job)).waiting_for == ["input stream 'x'"]
    assert "waits for input stream 'x'" in bench.ask(requests.Why(job_id=job)).text
    bench.ask(requests.TellJob(job_id=job, parcel=PUSH))
    deliver(bench, deliveries(bench)[-1])
    assert bench.ask(requests.GetJob(job_id=job)).waiting_for == []
    stand(bench, job, waiting_for=("trigger",))
    bench.status(job, "completed")
    assert bench.ask(requests.GetJob(job_id=job)).waiting_for == []


def test_news_of_an_older_attempt_or_of_an_ended_job_change_nothing(bench: Any, job: str) -> None:
    """As for every report."""
    stand(bench, job, paused=True, attempt=7)
    assert not bench.ask(requests.GetJob(job_id=job)).paused
    bench.say("con2", reports.Standing(job_id=job, attempt=1, paused=True))
    assert not bench.ask(requests.GetJob(job_id=job)).paused
    stand(bench, job, paused=True)
    bench.status(job, "processing")
    assert not bench.ask(requests.GetJob(job_id=job)).paused
    bench.status(job, "completed")
    stand(bench, job, paused=True)
    assert not bench.ask(requests.GetJob(job_id=job)).paused


# -- registers ---------------------------------------------------------------------------------------------------------


def test_registers_of_an_idle_qm_are_kept_for_its_next_jobs(bench: Any, qm: str) -> None:
    """No controller is asked; every later job starts with them."""
    assert bench.ask(requests.SetIo(qm_id=qm, io1=7)) == requests.IoValues(io1=7)
    assert bench.ask(requests.SetIo(qm_id=qm, io2=-1)) == requests.IoValues(io1=7, io2=-1)
    assert deliveries(bench) == []
    bench.add(qm)
    load = bench.commands(commands.Load)[-1]
    assert (load.io1, load.io2) == (7, -1)


def test_registers_of_a_running_job_are_set_and_read_there(bench: Any, qm: str, job: str) -> None:
    """Under the qm's name or the job's; what was set is there for later jobs too."""
    bench.ask(requests.SetIo(qm_id=qm, io1=7), user="bob")
    assert deliveries(bench)[-1].parcel == parcels.SetRegisters(io1=7)
    deliver(bench, deliveries(bench)[-1], io=[7, 3])
    assert bench.answers[-1].result == requests.IoValues(io1=7, io2=3)
    assert bench.witness.log[-1].user == "bob"
    bench.ask(requests.GetIo(job_id=job))
    assert deliveries(bench)[-1].parcel == parcels.ReadRegisters()
    deliver(bench, deliveries(bench)[-1], io=[8, 3])
    assert bench.answers[-1].result == requests.IoValues(io1=8, io2=3)
    bench.status(job, "completed")
    assert bench.ask(requests.GetIo(qm_id=qm)) == requests.IoValues(io1=7, io2=3)


def test_an_element_of_a_running_job_is_set_and_read_there(bench: Any, job: str) -> None:
    """Passed on as it is; the answer is the controller's."""
    told = parcels.SetFrequency(element="q", frequency_hz=5e7)
    bench.ask(requests.TellJob(job_id=job, parcel=told), user="bob")
    assert deliveries(bench)[-1].parcel == told
    deliver(bench, deliveries(bench)[-1])
    assert bench.answers[-1].result == requests.Done()
    assert (bench.witness.log[-1].user, bench.witness.log[-1].verb) == ("bob", "tell_job:set_frequency")
    bench.ask(requests.GetElement(job_id=job, element="q"))
    assert deliveries(bench)[-1].parcel == parcels.ReadElement(element="q")
    values = ElementValues(frequency_hz=5e7, correction=[1.0, 0.0, 0.0, 1.0])
    deliver(bench, deliveries(bench)[-1], element=values)
    assert bench.answers[-1].result == values
    bench.status(job, "completed")
    assert bench.refusal(requests.GetElement(job_id=job, element="q")).code == "job_not_running"


def test_what_a_program_leaves_in_the_registers_is_the_next_jobs_start(bench: Any, qm: str, job: str) -> None:
    """Told with the report that frees the qm, so that the next load has it."""
    bench.add(qm)
    bench.status(job, "processing", io=[1, 2])
    load = bench.commands(commands.Load)[-1]
    assert (load.io1, load.io2) == (1, 2)
    bench.status(job, "completed", io=[5, 5])
    assert bench.ask(requests.GetIo(qm_id=qm)) is None  # the next job loads: it is asked when it runs
    assert bench.core.cluster.qms[qm].io1_raw == 1


def test_registers_set_just_as_a_job_ends_are_the_qms(bench: Any, qm: str, job: str) -> None:
    """The controller has no job for it any more: the qm keeps them."""
    request_id = f"{bench.now_ms:013d}-seti"
    bench.ask(requests.SetIo(qm_id=qm, io1=9), request_id=request_id)
    command = deliveries(bench)[-1]
    bench.status(job, "completed")
    assert answer_to(bench, request_id).pending
    fault = Fault(family="asked_wrongly", code="job_not_running", message="over")
    bench.say("con1", reports.NotDelivered(delivery_id=command.delivery_id, error=fault))
    assert bench.ask(requests.SetIo(qm_id=qm, io1=9), request_id=request_id) == requests.IoValues(io1=9)


def test_what_waits_is_bounded_per_user(bench: Any, job: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As all parked requests."""
    monkeypatch.setattr("quaymaster._core.wire.limits.USER_PARKED_REQUESTS", 2)
    for _ in range(2):
        bench.ask(requests.TellJob(job_id=job, parcel=PUSH))
    assert bench.refusal(requests.TellJob(job_id=job, parcel=PUSH)).code == "too_many_requests"
    assert bench.ask(requests.TellJob(job_id=job, parcel=PUSH), user="bob") is None
