"""Processes that are killed, stopped or slow, in a whole cluster: what is lost is said, all else goes on.

Alice works on con1, where it happens; bob works on con2 without a pause, and checks every value.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq
from example_configs import opx_readout_pair
from known_programs import (
    check_long_count,
    check_readings,
    endless,
    long_count,
    readings,
    run_readings,
)
from neighbour import Neighbour
from process_cluster import ProcessCluster
from waiting import until

from quaymaster import QuantumMachinesManager
from quaymaster._core import wire
from quaymaster._core.errors import QuaymasterError
from quaymaster._core.wire import FINAL_STATES, requests
from quaymaster.client.exceptions import ErrorJobStateError
from quaymaster.controller.results import ResultLimits

PATIENCE_S = 60.0


@pytest.fixture
def cluster(make_cluster: Callable[..., ProcessCluster]) -> ProcessCluster:
    """con1 for what happens, con2 for bob."""
    return make_cluster({"con1": "opx+", "con2": "opx+"})


@pytest.fixture
def alice(cluster: ProcessCluster) -> Any:
    """Alice's manager."""
    return cluster.manager("alice", timeout=PATIENCE_S)


@pytest.fixture
def qm(alice: Any) -> Any:
    """Alice's qm on con1."""
    return alice.open_qm(opx_readout_pair(), close_other_machines=False)


@pytest.fixture
def bob(cluster: ProcessCluster) -> Iterator[Neighbour]:
    """Works through whatever happens."""
    neighbour = Neighbour(cluster.manager("bob", timeout=PATIENCE_S), "con2")
    yield neighbour
    neighbour.check()
    neighbour.leave()


def ended(alice: Any, job_id: str) -> Any:
    """A job's record, once it has ended."""
    until(lambda: alice.get_job(job_id).state in FINAL_STATES, f"the end of job {job_id}")
    return alice.get_job(job_id).info


def holds_ports(alice: Any, qm: Any) -> bool:
    """Whether all ports of a qm are still its own."""
    owners = [port.qm_ids for port in alice.status().ports if port.port.startswith("con1/")]
    return bool(owners) and all(ids == [qm.id] for ids in owners)


def works_again(cluster: ProcessCluster, qm: Any, scale: float) -> None:
    """Start con1 again; the qm runs a job as if nothing had been."""
    cluster.start_controller("con1")
    cluster.wait_connected("con1")
    run_readings(qm, 10, scale, PATIENCE_S)


def assert_lost(info: Any, state: str) -> None:
    """The job ended with `controller_lost`, and says in which state it was."""
    assert info.state == "error"
    assert info.error.code == "controller_lost"
    assert "con1" in info.error.message
    assert info.error.details["state"] == state
    assert info.error.hint


# -- a controller killed with -9 ---------------------------------------------------------------------------------------


def test_a_controller_killed_while_it_loads(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """It has not answered the load command: the job ends, the one behind it waits and runs when it is back."""
    run_readings(qm, 10, 0.5)
    cluster.kill("con1", signal.SIGSTOP)  # the load command is on its way, and nobody takes it
    loading, waiting = qm.queue.add(readings(10, 0.5)), qm.queue.add(readings(10, 0.5))
    assert alice.get_job(loading.id).state == "loading"
    cluster.kill("con1")
    assert_lost(ended(alice, loading.id), "loading")
    assert waiting.status == "pending"
    assert "con1" in waiting.why()
    assert holds_ports(alice, qm)
    with pytest.raises(ErrorJobStateError, match="lost"):
        loading.wait_for_execution(PATIENCE_S)
    cluster.start_controller("con1")
    job = waiting.wait_for_execution(PATIENCE_S)
    assert job.result_handles.wait_for_all_values(PATIENCE_S)
    check_readings(job.result_handles, 0.5, 10)
    run_readings(qm, 10, 0.25)


def test_a_controller_killed_while_it_compiles(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """The user who adds is told so, nothing is queued, and the same program goes well when it is back."""
    cluster.kill("con1", signal.SIGSTOP)
    errors: list[Exception] = []

    def add() -> None:
        try:
            qm.queue.add(readings(10, 0.75))
        except Exception as error:
            errors.append(error)

    adding = threading.Thread(target=add)
    adding.start()
    asked = alice.status().counters["commits"]
    assert asked >= 0  # the broker goes on while it waits for the compiler
    time.sleep(0.2)
    cluster.kill("con1")
    adding.join(PATIENCE_S)
    assert isinstance(errors[0], QuaymasterError)
    assert errors[0].code == "controller_lost"
    assert qm.queue.count == 0
    works_again(cluster, qm, 0.75)


def test_a_controller_killed_while_it_runs(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """The running job ends with what it had saved; the queue behind it stays, in order, and runs when it is back."""
    running = qm.queue.add(endless(0.5, shot_cycles=2500)).wait_for_execution(PATIENCE_S)
    waiting = [qm.queue.add(readings(5, (k + 1) / 8)) for k in range(4)]
    more_than_a_chunk = ResultLimits().flush_bytes // 12  # of three streams with 8 bytes an item: twice as much
    running.result_handles.get("Q").wait_for_values(more_than_a_chunk, timeout=PATIENCE_S)
    cluster.kill("con1")
    assert_lost(ended(alice, running.id), "running")
    assert [job.id for job in qm.queue.pending_jobs] == [job.id for job in waiting]
    assert holds_ports(alice, qm)
    assert running.result_handles.wait_for_all_values(PATIENCE_S) is False
    works_again(cluster, qm, 0.75)
    check_all_in_order(waiting)
    assert check_readings(running.result_handles, 0.5) > 0  # the chunks on its disk when it was killed
    assert running.status == "error"


def check_all_in_order(jobs: list[Any]) -> None:
    """Jobs of `readings(5, (k + 1) / 8)` ran one after another, once each."""
    started: list[int] = []
    for number, job in enumerate(jobs):
        run = job.wait_for_execution(PATIENCE_S)
        assert run.result_handles.wait_for_all_values(PATIENCE_S)
        check_readings(run.result_handles, (number + 1) / 8, 5)
        assert run.info.attempt == 1
        started.append(run.info.started_at_ms)
    assert started == sorted(started)


def test_a_controller_killed_again_and_again_while_it_reports(
    cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour
) -> None:
    """Short jobs one after another, three kills among them: each ends once, completed and right, or lost; no gap."""
    accepted = [qm.queue.add(readings(5, (k % 8 + 1) / 8)).id for k in range(120)]
    for kill in range(3):
        reported = 30 * kill + 10
        until(lambda reported=reported: alice.get_job(accepted[reported]).state in FINAL_STATES, "a job's end")
        cluster.kill("con1")
        until(lambda: "con1" not in connected(alice), "the loss of con1")
        cluster.start_controller("con1")
    states = [ended(alice, job_id) for job_id in accepted]
    lost = [info for info in states if info.state == "error"]
    assert {info.error.code for info in lost} <= {"controller_lost"}
    assert len(lost) <= 2 * 3  # the one that ran, and perhaps one that still saved
    assert all(info.attempt == 1 for info in states)
    for number, info in enumerate(states):
        assert info.state in ("completed", "error")
        if info.state == "completed":
            check_readings(alice.get_job_result_handles(info.job_id), (number % 8 + 1) / 8, 5)


def connected(alice: Any) -> set[str]:
    """Names of the controllers that are connected."""
    return {info.name for info in alice.get_controllers() if info.connected}


def test_a_controller_killed_with_a_report_that_nobody_heard(cluster: ProcessCluster, alice: Any, qm: Any) -> None:
    """Its job ends while the broker is down, then it ends too: the job is lost, its results are kept."""
    run_readings(qm, 5, 0.5)
    job = qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
    job.result_handles.get("Q").wait_for_values(50, timeout=PATIENCE_S)
    cluster.kill("broker")
    cluster.kill("con1", signal.SIGTERM)  # it halts the job, and finds nobody to tell
    cluster.start_broker()
    cluster.start_controller("con1")
    cluster.wait_connected("con1", "con2")
    info = ended(alice, job.id)
    assert_lost(info, "running")
    assert check_readings(alice.get_job_result_handles(job.id), 0.5) >= 50
    run_readings(qm, 5, 0.25)


def test_a_controller_told_to_end(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """SIGTERM: its running job ends with all that it saved, and none of those that wait is lost with it."""
    running = qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
    waiting = [qm.queue.add(readings(5, (k + 1) / 8)) for k in range(4)]
    running.result_handles.get("Q").wait_for_values(50, timeout=PATIENCE_S)
    seen = len(running.result_handles.get("Q").fetch_all())
    cluster.kill("con1", signal.SIGTERM)
    assert cluster.processes["con1"].returncode == 0
    info = ended(alice, running.id)
    assert (info.state, info.error.code) == ("error", "controller_lost")
    assert [job.id for job in qm.queue.pending_jobs] == [job.id for job in waiting]
    assert holds_ports(alice, qm)
    works_again(cluster, qm, 0.75)
    check_all_in_order(waiting)
    assert check_readings(running.result_handles, 0.5) >= seen


def test_a_stopped_controller_is_named_after_missed_heartbeats(
    cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour
) -> None:
    """SIGSTOP leaves the connection open: three missed heartbeats, and the job ends. Awake, it halts what is stale."""
    running = qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
    waiting = qm.queue.add(readings(10, 0.25))
    running.result_handles.get("Q").wait_for_values(10, timeout=PATIENCE_S)
    cluster.kill("con1", signal.SIGSTOP)
    info = ended(alice, running.id)
    assert_lost(info, "running")
    assert "3 heartbeats" in info.error.message
    assert waiting.status == "pending"
    assert holds_ports(alice, qm)
    cluster.kill("con1", signal.SIGCONT)
    job = waiting.wait_for_execution(PATIENCE_S)  # the port is free: the stale job was halted
    assert job.result_handles.wait_for_all_values(PATIENCE_S)
    check_readings(job.result_handles, 0.25, 10)
    assert alice.get_job(running.id).status == "error"
    assert check_readings(running.result_handles, 0.5) >= 10


# -- the broker killed with -9 -----------------------------------------------------------------------------------------


def test_a_broker_killed_with_a_queue(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """Queued jobs are there, in order, and run once each; the running one goes on, and loses no value."""
    running = qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
    waiting = [qm.queue.add(readings(5, (k + 1) / 8)) for k in range(5)]
    first = qm.queue.add_to_start(readings(5, 0.125))
    running.result_handles.get("Q").wait_for_values(20, timeout=PATIENCE_S)
    cluster.kill("broker")
    cluster.start_broker()
    assert [job.id for job in qm.queue.pending_jobs] == [first.id, *(job.id for job in waiting)]
    assert alice.list_open_qms().count(qm.id) == 1
    cluster.wait_connected("con1", "con2")
    seen = len(running.result_handles.get("Q").fetch_all())
    running.result_handles.get("Q").wait_for_values(seen + 100, timeout=PATIENCE_S)
    assert (running.status, running.info.attempt) == ("running", 1)
    running.halt()
    check_all_in_order(waiting)
    assert ended(alice, first.id).started_at_ms <= waiting[0].info.started_at_ms
    assert check_readings(running.result_handles, 0.5) > seen + 100


def test_a_job_that_ends_while_the_broker_is_away(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """It completes once, its results are whole."""
    blocks = 100
    job = qm.queue.add(long_count(blocks)).wait_for_execution(PATIENCE_S)
    behind = qm.queue.add(readings(5, 0.5))
    cluster.kill("broker")
    cluster.start_broker()
    info = ended(alice, job.id)
    assert (info.state, info.attempt) == ("completed", 1)
    assert check_long_count(job.result_handles, blocks) == blocks
    done = behind.wait_for_execution(PATIENCE_S)
    assert done.result_handles.wait_for_all_values(PATIENCE_S)
    check_readings(done.result_handles, 0.5, 5)


def test_a_broker_killed_again_and_again_under_load(
    cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour
) -> None:
    """Three kills while alice adds: every job that she was promised ends once, with its own values, in her order."""
    accepted: list[str] = []
    stop = threading.Event()
    failures: list[Exception] = []

    def add() -> None:
        try:
            while not stop.is_set():
                accepted.append(qm.queue.add(readings(5, (len(accepted) % 8 + 1) / 8)).id)
        except Exception as error:
            failures.append(error)

    adding = threading.Thread(target=add)
    adding.start()
    for _ in range(3):
        wanted = len(accepted) + 15
        until(lambda wanted=wanted: len(accepted) >= wanted or failures, "more jobs")
        cluster.kill("broker")
        cluster.start_broker()
    stop.set()
    adding.join(PATIENCE_S)
    assert not failures, failures
    infos = [ended(alice, job_id) for job_id in accepted]
    assert len(set(accepted)) == len(accepted)
    assert [info.state for info in infos] == ["completed"] * len(accepted)
    for number, info in enumerate(infos):
        check_readings(alice.get_job_result_handles(info.job_id), (number % 8 + 1) / 8, 5)
    started = [info.started_at_ms for info in infos]
    assert started == sorted(started)
    assert len(alice.get_jobs(qm_ids=[qm.id])) == len(accepted)


def test_everything_killed_at_once(cluster: ProcessCluster, alice: Any, qm: Any) -> None:
    """A power cut: the qm and its queue are there, the running job is lost, the rest runs."""
    running = qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
    waiting = [qm.queue.add(readings(5, (k + 1) / 8)) for k in range(3)]
    running.result_handles.get("Q").wait_for_values(100, timeout=PATIENCE_S)
    for name in ("con1", "con2", "broker"):
        cluster.processes[name].kill()
    for name in ("con1", "con2", "broker"):
        cluster.kill(name)
    cluster.start_broker()
    for name in ("con1", "con2"):
        cluster.start_controller(name)
    check_all_in_order(waiting)
    assert_lost(ended(alice, running.id), "running")


# -- slow readers ------------------------------------------------------------------------------------------------------


def test_a_slow_reader_holds_up_nobody(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """Someone asks for 80 MB of results and reads nothing: alice and bob work on, and she fetches the same data."""
    shots = 500_000
    big = qm.queue.add(long_count(shots, 1)).wait_for_execution(PATIENCE_S)
    assert big.result_handles.wait_for_all_values(PATIENCE_S)
    context: zmq.Context[Any] = zmq.Context()
    lazy = context.socket(zmq.DEALER)
    lazy.set(zmq.LINGER, 0)
    lazy.set(zmq.RCVHWM, 1)
    lazy.connect(cluster.endpoints["clients"])
    fetch = requests.Fetch(job_id=big.id, stream="total")
    for number, arguments in enumerate([requests.Hello(user="lazy"), *[fetch] * 20]):
        request_id = wire.make_request_id(int(time.time() * 1000), f"lazy{number:04d}{os.getpid()}")
        lazy.send_multipart(wire.encode(wire.Request(request_id=request_id, args=arguments)))
    try:
        for number in range(5):
            run_readings(qm, 10, (number + 1) / 8, PATIENCE_S)
        assert check_long_count(big.result_handles, shots, 1) == shots
        bob.check()
        assert connected(alice) == {"con1", "con2"}
    finally:
        lazy.close(0)
        context.term()


def test_a_stopped_client_holds_up_nobody(cluster: ProcessCluster, alice: Any, qm: Any, bob: Neighbour) -> None:
    """A client process that is stopped (SIGSTOP) while it waits and fetches is like one that is not there."""
    from user_process import User

    job = qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
    with User("dave", cluster.environment) as dave:
        dave.run(
            f"""
            import threading
            from quaymaster import QuantumMachinesManager
            handles = QuantumMachinesManager().get_job_result_handles({job.id!r})
            def look():
                while True:
                    handles.get("I").fetch_all()
            threading.Thread(target=look, daemon=True).start()
            """
        )
        os.kill(dave._process.pid, signal.SIGSTOP)
        job.result_handles.get("Q").wait_for_values(100, timeout=PATIENCE_S)
        bob.check()
        job.halt()
        run_readings(qm, 10, 0.75, PATIENCE_S)
        os.kill(dave._process.pid, signal.SIGCONT)
        assert dave.value("len(handles.get('Q').fetch_all())") >= 100


def test_a_manager_outlives_its_broker(cluster: ProcessCluster) -> None:
    """A request that is made while the broker is down is answered when it is back, on the same manager."""
    manager = QuantumMachinesManager("127.0.0.1", cluster.port, user="carol", timeout=PATIENCE_S)
    with manager:
        qm = manager.open_qm(opx_readout_pair(), close_other_machines=False)
        cluster.kill("broker")
        added: list[Any] = []
        adding = threading.Thread(target=lambda: added.append(qm.queue.add(readings(5, 0.5))))
        adding.start()
        cluster.start_broker()
        adding.join(PATIENCE_S)
        job = added[0].wait_for_execution(PATIENCE_S)
        assert job.result_handles.wait_for_all_values(PATIENCE_S)
        check_readings(job.result_handles, 0.5, 5)
        assert len(manager.get_jobs(qm_ids=[qm.id])) == 1
