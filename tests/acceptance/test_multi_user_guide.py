"""The code blocks of the platform's guide "Job Queue and Multiple Users", in its order, over real processes.

Each user is a Python session of its own, with a login name of its own; what stands in `run` is as a user would type it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from process_cluster import ProcessCluster
from user_process import User, UserError

PROGRAMS = """
    from quaymaster import QuantumMachinesManager
    from quaymaster.qua import *
    from example_configs import opx_readout_pair

    def counting(count):
        "Saves 0, 1, ... count - 1."
        with program() as prog:
            n = declare(int)
            stream = declare_stream()
            with for_(n, 0, n < count, n + 1):
                save(n, stream)
            with stream_processing():
                stream.save_all("n")
        return prog

    def readout(count):
        "Measures a constant readout pulse `count` times."
        with program() as prog:
            n = declare(int)
            I = declare(fixed)
            stream = declare_stream()
            with for_(n, 0, n < count, n + 1):
                reset_if_phase("rr")
                measure("readout", "rr", demod.full("cos", I, "out1"))
                save(I, stream)
            with stream_processing():
                stream.save_all("I")
        return prog

    def endless():
        "Runs until it is halted."
        with program() as prog:
            with infinite_loop_():
                wait(1000, "q")
        return prog
"""

READOUT_V, READOUT_NS, TIME_OF_FLIGHT_NS, FREQUENCY_HZ = 0.1, 1000, 24, 50e6
EXPECTED_I = READOUT_V * READOUT_NS / 2 / 4096 * abs(math.cos(2 * math.pi * FREQUENCY_HZ * TIME_OF_FLIGHT_NS * 1e-9))
"""|I| of a constant readout of whole periods that comes back time_of_flight later."""


@pytest.fixture
def user_at() -> Iterator[Callable[[ProcessCluster, str], User]]:
    """Starts sessions of users, which end with the test."""
    with ExitStack() as stack:

        def make(cluster: ProcessCluster, name: str) -> User:
            user = stack.enter_context(User(name, cluster.environment))
            user.run(PROGRAMS)
            return user

        yield make


def test_two_users_share_one_qm_through_its_queue(
    cluster: ProcessCluster, user_at: Callable[[ProcessCluster, str], User]
) -> None:
    """User 1 opens a qm, user 2 attaches to it by its id; both add, look, wait and remove; values are right."""
    alice, bob = user_at(cluster, "alice"), user_at(cluster, "bob")

    # Multiple users interaction with the queue
    alice.run("""
        config = opx_readout_pair()
        qmm = QuantumMachinesManager()
        qm = qmm.open_qm(config)
    """)
    assert re.fullmatch(r"qm-\d{13}", alice.value("qm.id"))
    bob.run("""
        qmm = QuantumMachinesManager()
        qm_list = qmm.list_open_quantum_machines()
        qm = qmm.get_qm(qm_list[0])
    """)
    assert bob.value("qm.id") == alice.value("qm.id")

    # Adding to the queue: a job that runs holds the others back, so that there is a queue to look at
    alice.run("running = qm.queue.add(endless()).wait_for_execution()")
    alice.run("first = qm.queue.add(counting(3))  # adds at the end of the queue")
    bob.run("second = qm.queue.add(counting(4))")
    alice.run("third = qm.queue.add(readout(5))")
    bob.run("front = qm.queue.add_to_start(counting(2))  # adds at the start of the queue")
    ids = [
        bob.value("front.id"),
        alice.value("first.id"),
        bob.value("second.id"),
        alice.value("third.id"),
    ]

    # Inspecting the queue: positions count from 1, and both users see the same
    for user in (alice, bob):
        assert user.value("qm.queue.count") == 4
        assert user.value("len(qm.queue)") == 4
        assert user.value("[job.id for job in qm.queue.pending_jobs]") == ids
        for position, job_id in enumerate(ids, 1):
            assert user.value(f"qm.queue.get_at({position}).id") == job_id
            assert user.value(f"qm.queue[{position}].id") == job_id
            assert user.value(f"qm.queue.get({job_id!r}).position_in_queue()") == position
        assert user.value("[job.id for job in qm.queue.get_by_user_id('bob')]") == [ids[0], ids[2]]
        for position in (0, 5):
            with pytest.raises(UserError, match="4 jobs") as caught:
                user.value(f"qm.queue[{position}]")
            assert "IndexError" in caught.value.kinds

    # Interacting with a pending job object
    alice.run("pending_job = qm.queue.get_at(1)")
    assert alice.value("pending_job.user_added") == "bob"
    assert alice.value("pending_job.status") == "pending"
    assert alice.value("pending_job.position_in_queue()") == 1
    alice.run("from datetime import datetime, timezone")
    assert alice.value("abs((datetime.now(timezone.utc) - pending_job.time_added).total_seconds())") < 60
    assert alice.value("pending_job.why()")

    # Removing pending jobs: by the object, by id, by position, by user; any user removes any job
    alice.run("pending_job = qm.queue[1]")
    assert alice.value("pending_job.cancel()") is True
    assert alice.value("qm.queue.count") == 3
    with pytest.raises(UserError, match="cancelled") as caught:
        bob.run("front.wait_for_execution()")
    assert "JobCancelledError" in caught.value.kinds
    bob.run("more = [qm.queue.add(counting(1)) for _ in range(3)]")
    assert alice.value(f"qm.queue.remove_by_id({bob.value('more[0].id')!r})") == 1
    with pytest.raises(UserError) as caught:
        alice.run(f"qm.queue.remove_by_position(4, expected_job_id={bob.value('more[2].id')!r})")
    assert alice.value(f"qm.queue.remove_by_position(4, expected_job_id={bob.value('more[1].id')!r})") == 1
    assert bob.value("qm.queue.remove_by_position(4)") == 1
    assert bob.value("qm.queue.remove_by_user_id('bob')") == 1
    assert [alice.value("first.id"), alice.value("third.id")] == bob.value("[job.id for job in qm.queue.pending_jobs]")
    bob.run("second = qm.queue.add(counting(4))")

    # The running job makes way; each pending job runs in turn, and its values are there for both users
    assert bob.value("qm.get_running_job().id") == alice.value("running.id")
    assert bob.value("qm.get_running_job().halt()") is True
    alice.run("job = first.wait_for_execution()")
    assert alice.value("job.result_handles.wait_for_all_values(60)") is True
    assert alice.value("job.result_handles.get('n').fetch_all()['value']") == [0, 1, 2]
    bob.run("job = second.wait_for_execution(60)")
    assert bob.value("job.result_handles.wait_for_all_values(60)") is True
    assert bob.value("job.result_handles.n.fetch_all()['value']") == [0, 1, 2, 3]
    bob.run(f"handles = qmm.get_job({alice.value('third.id')!r}).result_handles")
    assert bob.value("handles.wait_for_all_values(60)") is True
    values = bob.value("handles.I.fetch_all()['value']")
    assert len(values) == 5
    assert all(abs(abs(value) - EXPECTED_I) < 1e-5 for value in values)
    assert alice.value("(third.status, third.position_in_queue(), running.status, len(qm.queue))") == [
        "completed",
        -1,
        "canceled",
        0,
    ]

    # The qm outlives the script that opened it; anyone may close it
    assert alice.leave() == 0
    assert bob.value("qmm.list_open_quantum_machines()") == [bob.value("qm.id")]
    assert bob.value("qm.close()") is True
    assert bob.value("qmm.list_open_quantum_machines()") == []
    assert bob.value("job.result_handles.n.fetch_all()['value']") == [0, 1, 2, 3]
    assert bob.leave() == 0


TWO_CONFIGS = """
    def config_on(first_port, input_port, shareable=False):
        "The readout pair on other ports: outputs first_port and the next, an input, a digital output."
        config = opx_readout_pair(shareable=shareable)
        ports = config["controllers"]["con1"]
        ports["analog_outputs"] = {
            first_port + n: {"offset": 0.0, "shareable": shareable} for n in (0, 1)
        }
        ports["analog_inputs"] = {input_port: {"offset": 0.0, "shareable": shareable}}
        ports["digital_outputs"] = {input_port: {"shareable": shareable}}
        q, rr = config["elements"]["q"], config["elements"]["rr"]
        q["singleInput"] = {"port": ("con1", first_port)}
        q["digitalInputs"]["marker"]["port"] = ("con1", input_port)
        rr["singleInput"] = {"port": ("con1", first_port + 1)}
        rr["outputs"] = {"out1": ("con1", input_port)}
        return config
"""


def test_two_qms_side_by_side(cluster: ProcessCluster, user_at: Callable[[ProcessCluster, str], User]) -> None:
    """Two users with configs on different ports: both qms stay open, run at the same time, and give right values."""
    alice, bob = user_at(cluster, "alice"), user_at(cluster, "bob")
    for user in (alice, bob):
        user.run(TWO_CONFIGS)

    # One script may hold both...
    alice.run("""
        qmm = QuantumMachinesManager()
        config_1 = config_on(1, 1)
        config_2 = config_on(3, 2)
        qm1 = qmm.open_qm(config_1, close_other_machines=False)
        qm2 = qmm.open_qm(config_2, close_other_machines=False)
    """)
    assert alice.value("qmm.list_open_quantum_machines()") == alice.value("[qm1.id, qm2.id]")
    alice.run("""
        qm1.close()
        qm2.close()
    """)
    assert alice.value("qmm.list_open_quantum_machines()") == []

    # ... or each user's script opens its own
    alice.run("qm = qmm.open_qm(config_1, close_other_machines=False)")
    bob.run("""
        qmm = QuantumMachinesManager()
        qm = qmm.open_qm(config_on(3, 2), close_other_machines=False)
    """)
    assert bob.value("qmm.list_open_quantum_machines()") == [alice.value("qm.id"), bob.value("qm.id")]
    alice.run("held = qm.execute(endless())")
    bob.run("job = qm.execute(readout(3))")
    assert bob.value("job.result_handles.wait_for_all_values(60)") is True
    assert all(abs(abs(value) - EXPECTED_I) < 1e-5 for value in bob.value("job.result_handles.I.fetch_all()['value']"))
    assert alice.value("held.status") == "running"
    assert alice.value("held.halt()") is True

    # By default, opening a qm closes any existing qms
    bob.run("qm = qmm.open_qm(config_on(3, 2))")
    assert bob.value("qmm.list_open_quantum_machines()") == [bob.value("qm.id")]
    with pytest.raises(UserError, match="no open qm"):
        alice.value("qm.queue.count")


def test_two_qms_with_and_without_shareable_ports(
    cluster: ProcessCluster, user_at: Callable[[ProcessCluster, str], User]
) -> None:
    """A port that both configs declare opens twice only if both say shareable; the refusal names port and holder."""
    alice, bob = user_at(cluster, "alice"), user_at(cluster, "bob")
    for user in (alice, bob):
        user.run(TWO_CONFIGS)
        user.run("qmm = QuantumMachinesManager()")
    words = "cannot be used because it isn't shareable in other QM"

    for ours, theirs in ((False, False), (True, False), (False, True)):
        alice.run(f"qm = qmm.open_qm(config_on(1, 1, shareable={ours}), close_other_machines=False)")
        with pytest.raises(UserError, match=words) as caught:
            bob.run(f"qmm.open_qm(config_on(1, 1, shareable={theirs}), close_other_machines=False)")
        assert "OpenQmException" in caught.value.kinds
        assert "alice" in str(caught.value)
        assert alice.value("qm.id") in str(caught.value)
        assert alice.value("qmm.list_open_quantum_machines()") == [alice.value("qm.id")]
        alice.run("qm.close()")

    alice.run("qm = qmm.open_qm(config_on(1, 1, shareable=True), close_other_machines=False)")
    bob.run("qm = qmm.open_qm(config_on(1, 1, shareable=True), close_other_machines=False)")
    assert bob.value("qmm.list_open_quantum_machines()") == [alice.value("qm.id"), bob.value("qm.id")]
    for user in (alice, bob):
        user.run("job = qm.execute(readout(2))")
        assert user.value("job.result_handles.wait_for_all_values(60)") is True
        values = user.value("job.result_handles.I.fetch_all()['value']")
        assert all(abs(abs(value) - EXPECTED_I) < 1e-5 for value in values)
    assert alice.value("qm.close()") is True
    bob.run("job = qm.execute(counting(2))")
    assert bob.value("job.result_handles.wait_for_all_values(60)") is True
    assert bob.value("job.result_handles.n.fetch_all()['value']") == [0, 1]
