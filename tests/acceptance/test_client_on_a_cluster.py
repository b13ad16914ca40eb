"""The client against a broker and an OPX+ as real processes: results of every kind, precompiled programs, restarts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from example_configs import opx_readout_pair
from process_cluster import ProcessCluster

from quaymaster import SimulationConfig
from quaymaster._core.errors import QuaymasterError
from quaymaster.client.exceptions import (
    FailedToAddJobToQueueException,
    JobCancelledError,
    JobNotFoundError,
    QmNoResultsError,
)
from quaymaster.client.qua import (
    FUNCTIONS,
    amp,
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    infinite_loop_,
    measure,
    play,
    program,
    reset_if_phase,
    save,
    stream_processing,
    strict_timing_,
    wait,
)

SHOTS = 6


def counting(count: int = 3) -> Any:
    """Saves 0, 1, ... count - 1 as "n"."""
    with program() as prog:
        n = declare(int)
        stream = declare_stream()
        with for_(n, 0, n < count, n + 1):
            save(n, stream)
        with stream_processing():
            stream.save_all("n")
    return prog


def endless() -> Any:
    """Runs until it is halted."""
    with program() as prog, infinite_loop_():
        wait(1000, "q")
    return prog


def every_pipeline() -> Any:
    """n = 0 ... 5 through each operator, x = n / 4 as fixed, b = n > 2."""
    with program() as prog:
        n = declare(int)
        x = declare(fixed)
        b = declare(bool)
        ints, fixeds, bools = declare_stream(), declare_stream(), declare_stream()
        assign(x, 0.0)
        with for_(n, 0, n < SHOTS, n + 1):
            save(n, ints)
            save(x, fixeds)
            assign(b, n > 2)
            save(b, bools)
            assign(x, x + 0.25)
        with stream_processing():
            ints.save_all("ints")
            ints.save("last_int")
            fixeds.save_all("fixeds")
            fixeds.save("last_fixed")
            bools.save_all("bools")
            bools.boolean_to_int().save_all("bits")
            ints.buffer(3).save_all("threes")
            ints.buffer(3).save("last_three")
            ints.buffer(3).buffer(2).save_all("table")
            ints.buffer(3).buffer(2).map(FUNCTIONS.average()).save("column_means")
            ints.average().save("mean")
            ints.buffer(3).average().save("mean_three")
            ints.with_timestamps().save_all("stamped")
            (ints * 2 + 1).save_all("odd")
            ints.buffer(SHOTS + 1).save_all("never")
    return prog


def test_results_of_every_pipeline(cluster: ProcessCluster) -> None:
    """dtypes, shapes and values of each operator, flat and not, computed by hand."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    handles = qm.execute(every_pipeline()).result_handles
    assert handles.wait_for_all_values(60) is True
    found = {name: handle.fetch_all() for name, handle in handles.items()}
    flat = {name: handle.fetch_all(flat_struct=True) for name, handle in handles.items()}
    assert found["ints"].dtype == np.dtype([("value", "<i8")])
    assert found["ints"]["value"].tolist() == [0, 1, 2, 3, 4, 5]
    assert (found["last_int"], type(found["last_int"])) == (5, np.int64)
    assert found["fixeds"]["value"].tolist() == [0.0, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert (found["last_fixed"], type(found["last_fixed"])) == (1.25, np.float64)
    assert found["bools"]["value"].dtype == np.bool_
    assert found["bools"]["value"].tolist() == [False, False, False, True, True, True]
    assert found["bits"]["value"].tolist() == [0, 0, 0, 1, 1, 1]
    assert found["threes"].dtype == np.dtype([("value", "<i8", (3,))])
    assert flat["threes"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["last_three"].tolist() == [3, 4, 5]
    assert found["table"]["value"].shape == (1, 2, 3)
    assert flat["table"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found["column_means"].tolist() == [1.5, 2.5, 3.5]
    assert found["mean"] == 2.5
    assert found["mean_three"].tolist() == [1.5, 2.5, 3.5]
    assert found["stamped"]["value"].tolist() == [0, 1, 2, 3, 4, 5]
    assert found["stamped"]["timestamp"].dtype == np.int64
    assert found["odd"]["value"].tolist() == [1, 3, 5, 7, 9, 11]
    assert found["never"].shape == (0,)
    assert handles.threes.fetch(1)["value"].tolist() == [[3, 4, 5]]
    assert handles.ints.fetch(slice(2, 4))["value"].tolist() == [2, 3]
    assert handles.ints.count_so_far() == SHOTS


def test_a_raw_trace(cluster: ProcessCluster) -> None:
    """What the ADC saw of a constant readout pulse: its length, in counts, negative where the pulse is positive."""
    config = opx_readout_pair()
    config["pulses"]["readout_pulse"]["digital_marker"] = "ON"
    config["elements"]["rr"]["intermediate_frequency"] = 0.0
    qm = cluster.manager().open_qm(config)
    with program() as prog:
        trace = declare_stream(adc_trace=True)
        measure("readout", "rr", adc_stream=trace)
        with stream_processing():
            trace.input1().save("trace")
    handles = qm.execute(prog).result_handles
    assert handles.wait_for_all_values(60) is True
    samples = handles.trace.fetch_all()
    assert samples.shape == (1000,)
    assert np.all(np.abs(samples + 0.1 * 4096) <= 1)


def test_results_while_the_job_runs(cluster: ProcessCluster) -> None:
    """A job that never ends can be watched: values come, waiting for more parks, and its halt keeps what was saved."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as prog:
        n = declare(int, value=0)
        stream = declare_stream()
        with infinite_loop_():
            save(n, stream)
            assign(n, n + 1)
            wait(25_000_000, "q")
        with stream_processing():
            stream.save_all("n")
            stream.save("last")
    job = qm.execute(prog)
    handles = job.result_handles
    handles.n.wait_for_values(3, timeout=60)
    assert handles.is_processing() is True
    assert handles.n.fetch(slice(0, 3))["value"].tolist() == [0, 1, 2]
    assert handles.last.fetch_all() >= 2
    assert job.halt() is True
    assert handles.wait_for_all_values(60) is False
    kept = handles.n.fetch_all()["value"]
    assert kept.tolist() == list(range(len(kept)))
    assert len(kept) >= 3
    assert job.status == "canceled"


def test_precompiled_programs_and_overrides(cluster: ProcessCluster) -> None:
    """A compiled id is queued again and again; an override changes one job alone; the id ends with the qm."""
    qmm = cluster.manager()
    qm = qmm.open_qm(opx_readout_pair())
    with program() as prog:
        i = declare(fixed)
        stream = declare_stream()
        reset_if_phase("rr")
        measure("readout", "rr", demod.full("cos", i, "out1"))
        save(i, stream)
        with stream_processing():
            stream.save("I")
    program_id = qm.compile(prog)

    def value(**overrides: Any) -> float:
        job = qm.queue.add_compiled(program_id, **overrides).wait_for_execution(60)
        assert job.result_handles.wait_for_all_values(60) is True
        return float(job.result_handles.I.fetch_all())

    plain = value()
    assert plain != 0.0
    doubled = value(overrides={"waveforms": {"readout_wf": 0.2}})
    assert doubled == pytest.approx(2 * plain, abs=1e-4)
    assert value() == plain
    halved = {"waveforms": {"readout_wf": 0.05}}
    for added in (program_id, prog):
        job = qm.add_to_queue(added, overrides=halved).wait_for_execution(60)
        assert job.result_handles.wait_for_all_values(60) is True
        assert float(job.result_handles.I.fetch_all()) == pytest.approx(0.5 * plain, abs=1e-4)
    assert (job.is_simulation, job.get_errors(), qm.get_queue_count()) == (False, [], 0)
    with pytest.raises(FailedToAddJobToQueueException, match="missing"):
        qm.queue.add_compiled(program_id, overrides={"waveforms": {"missing": 0.1}})
    qm.close()
    again = qmm.open_qm(opx_readout_pair())
    with pytest.raises(FailedToAddJobToQueueException) as caught:
        again.queue.add_compiled(program_id)
    assert caught.value.code == "unknown_program_id"


def test_execute_takes_the_qm_over(cluster: ProcessCluster) -> None:
    """One step: all that is pending is removed, the running job ends, the new one runs; its victims are told."""
    alice, bob = cluster.manager("alice"), cluster.manager("bob")
    qm = alice.open_qm(opx_readout_pair())
    theirs = bob.get_qm(qm.id)
    running = theirs.execute(endless())
    waiting = theirs.queue.add(counting())
    job = qm.execute(counting(2))
    assert job.result_handles.wait_for_all_values(60) is True
    assert job.result_handles.n.fetch_all()["value"].tolist() == [0, 1]
    with pytest.raises(JobCancelledError):
        waiting.wait_for_execution(60)
    assert running.status == "canceled"
    assert "alice" in running.why()
    assert [handle.user_added for handle in alice.get_jobs(status="completed")] == ["alice"]


def test_a_program_that_does_not_compile(cluster: ProcessCluster) -> None:
    """The error names file and line, nothing is queued, nothing that runs is disturbed."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    running = qm.execute(endless())
    with program() as prog:
        play("no_such_pulse", "q")
    for attempt in (qm.queue.add, qm.execute, qm.compile):
        with pytest.raises(QuaymasterError, match=r"test_client_on_a_cluster\.py:[0-9]+") as caught:
            attempt(prog)
        assert "no_such_pulse" in str(caught.value)
    assert qm.queue.count == 0
    assert running.status == "running"
    assert running.halt() is True


def test_a_gap_in_strict_timing(cluster: ProcessCluster) -> None:
    """It is refused with its length, 24 + 1000 - 100 ns; with the flag it is a warning, and an event of the run."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as prog:
        value = declare(fixed)
        with strict_timing_():
            play("pulse", "q")
            measure("readout", "rr", None, demod.full("cos", value))
            play("pulse" * amp(value), "q")
    for attempt in (qm.queue.add, qm.execute, qm.compile):
        with pytest.raises(QuaymasterError, match=r"[0-9]+: a gap of 924 ns inside strict_timing_: element 'q'"):
            attempt(prog)
    job = qm.execute(prog, flags=["not-strict-timing"])
    job.wait_until("Done", 60)
    assert any("strict_timing_" in error.message for error in job.execution_report().errors())


def test_overflow_is_in_the_execution_report(cluster: ProcessCluster) -> None:
    """4 + 4 is -8 in 4.28, and 2^31 - 1 and 1 are -2^31: wrapped as the platform does, and told with file and line."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as prog:
        f, n, i = declare(fixed, value=4.0), declare(int, value=2**31 - 1), declare(int)
        with for_(i, 0, i < 3, i + 1):
            assign(f, 4.0)
            assign(f, f + f)
        assign(n, n + 1)
        save(f, "f")
        save(n, "n")
    job = qm.execute(prog)
    assert job.result_handles.wait_for_all_values(60)
    assert (job.result_handles.get("f").fetch_all()["value"], job.result_handles.get("n").fetch_all()["value"]) == (
        -8.0,
        -(2**31),
    )
    first = prog.tree.body[0].body[1].at  # type: ignore[union-attr]
    lines = [prog.tree.sources[at][1] for at in (first, prog.tree.body[1].at)]  # type: ignore[union-attr]
    said = [error.message for error in job.execution_report().errors() if "[overflow]" in error.message]
    assert len(said) == 2
    assert f"test_client_on_a_cluster.py:{lines[0]}: " in said[0] and "wrapped (3 times)" in said[0]
    assert f"test_client_on_a_cluster.py:{lines[1]}: " in said[1]


def test_a_job_with_latencies(cluster: ProcessCluster) -> None:
    """The dependent pulse starts 280 ns after the last acquired sample, by id too; the job says its profile."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as prog:
        value, starts = declare(fixed), declare_stream()
        measure("readout", "rr", None, demod.full("cos", value))
        play("pulse" * amp(value), "q", timestamp_stream=starts)
        with stream_processing():
            starts.save("start")
    compiled = qm.compile(prog, latency="opx")
    for start, latency, ready_ns in (
        (lambda: qm.execute(prog, latency="opx"), "opx", 280),
        (lambda: qm.execute(prog), "ideal", 0),
        (lambda: qm.queue.add_compiled(compiled).wait_for_execution(60), "opx", 280),
    ):
        job = start()
        assert job.result_handles.wait_for_all_values(60)
        assert job.result_handles.get("start").fetch_all() == (24 + 1000 + ready_ns) // 4
        assert job.info.options.latency == latency
        assert f"{latency}_latencies" in {item.id for item in job.difference_report()}


def test_latencies_of_jobs_that_name_none(make_cluster: Callable[..., ProcessCluster]) -> None:
    """A cluster with the profile opx gives it to scripts that know no profiles; one that asks for another gets that."""
    cluster = make_cluster(latency="opx")
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as prog:
        value, starts = declare(fixed), declare_stream()
        measure("readout", "rr", None, demod.full("cos", value))
        play("pulse" * amp(value), "q", timestamp_stream=starts)
        with stream_processing():
            starts.save("start")
    compiled = qm.compile(prog)
    for start, ready_ns in (
        (lambda: qm.execute(prog), 280),
        (lambda: qm.execute(prog, latency="ideal"), 0),
        (lambda: qm.queue.add(prog).wait_for_execution(60), 280),
        (lambda: qm.queue.add_compiled(compiled).wait_for_execution(60), 280),
        (lambda: qm.simulate(prog, SimulationConfig(1000)), 280),
    ):
        handles = start().result_handles
        assert handles.wait_for_all_values(60)
        assert handles.get("start").fetch_all() == (24 + 1000 + ready_ns) // 4
    with pytest.raises(QuaymasterError, match="latency is ideal or opx, not 'fast'"):
        qm.execute(prog, latency="fast")


def test_settings_change_what_later_jobs_do(cluster: ProcessCluster) -> None:
    """A setter changes the effective config for all users and the next job, and survives in get_config."""
    qmm = cluster.manager()
    qm = qmm.open_qm(opx_readout_pair())
    qm.set_intermediate_frequency("rr", 20e6)
    qm.set_output_dc_offset_by_element("q", "single", 0.125)
    qm.set_digital_delay("q", "marker", 40)
    other = qmm.get_qm(qm.id)
    assert other.get_intermediate_frequency("rr") == 20e6
    assert other.get_output_dc_offset_by_element("q", "single") == 0.125
    assert other.get_digital_delay("q", "marker") == 40
    qm.set_io_values(7, 0.5)
    assert other.io1["int_value"] == 7
    assert other.io2["fixed_value"] == 0.5
    assert qm.execute(counting()).result_handles.wait_for_all_values(60) is True


def test_a_broker_restart_loses_nothing(cluster: ProcessCluster) -> None:
    """Killed and started again: the manager goes on, the queue is there in order, ended jobs and results too."""
    qmm = cluster.manager()
    qm = qmm.open_qm(opx_readout_pair())
    done = qm.execute(counting(4))
    assert done.result_handles.wait_for_all_values(60) is True
    running = qm.execute(endless())
    pending = [qm.queue.add(counting(n)) for n in (1, 2, 3)]
    waited: list[Any] = []
    waiter = threading.Thread(target=lambda: waited.append(pending[0].wait_for_execution(60)))
    waiter.start()
    cluster.kill("broker")
    cluster.start_broker()
    assert [job.id for job in qm.queue.pending_jobs] == [job.id for job in pending]
    assert qmm.get_job(done.id).status == "completed"
    cluster.wait_connected("con1")
    assert qmm.get_job(done.id).result_handles.n.fetch_all()["value"].tolist() == [0, 1, 2, 3]
    assert running.status == "running"
    assert running.halt() is True
    waiter.join(60)
    assert [job.id for job in waited] == [pending[0].id]
    for count, job in enumerate(pending, 1):
        handles = job.wait_for_execution(60).result_handles
        assert handles.wait_for_all_values(60) is True
        assert handles.n.fetch_all()["value"].tolist() == list(range(count))


def test_results_outlive_the_qm_until_they_are_cleared(cluster: ProcessCluster) -> None:
    """By job id after the qm was closed; cleared by clear_all_job_results; the job stays listed."""
    qmm = cluster.manager()
    qm = qmm.open_qm(opx_readout_pair())
    job = qm.execute(counting())
    assert job.result_handles.wait_for_all_values(60) is True
    qm.close()
    handles = qmm.get_job_result_handles(job.id)
    assert handles.n.fetch_all()["value"].tolist() == [0, 1, 2]
    qmm.clear_all_job_results()
    with pytest.raises(QmNoResultsError):
        handles.n.fetch_all()
    assert qmm.get_job(job.id).status == "completed"
    with pytest.raises(JobNotFoundError):
        qmm.get_job("1")


def test_many_os_threads_use_one_manager(cluster: ProcessCluster) -> None:
    """Eight OS threads add, wait and fetch through one manager; every job ends once, with its own values."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    results: dict[int, list[list[int]]] = {}

    def use(number: int) -> None:
        results[number] = []
        for turn in range(3):
            job = qm.queue.add(counting(number + turn + 1)).wait_for_execution(60)
            assert job.result_handles.wait_for_all_values(60) is True
            results[number].append(job.result_handles.n.fetch_all()["value"].tolist())

    threads = [threading.Thread(target=use, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert results == {number: [list(range(number + turn + 1)) for turn in range(3)] for number in range(8)}


def test_a_user_that_vanishes_leaves_the_qm_to_others(
    cluster: ProcessCluster, make_cluster: Callable[..., ProcessCluster]
) -> None:
    """A script that is killed while it waits costs nobody anything: its job runs on, others see and end it."""
    from user_process import User

    with User("alice", cluster.environment) as alice:
        alice.run("""
            from quaymaster import QuantumMachinesManager
            from quaymaster.qua import *
            from example_configs import opx_readout_pair
            qm = QuantumMachinesManager().open_qm(opx_readout_pair())
            with program() as prog:
                with infinite_loop_():
                    wait(1000, "q")
            job = qm.execute(prog)
        """)
        alice.kill()
    qmm = cluster.manager("bob")
    (qm_id,) = qmm.list_open_qms()
    qm = qmm.get_qm(qm_id)
    running = qm.get_running_job()
    assert running is not None
    assert (running.user_added, running.status) == ("alice", "running")
    begun = time.monotonic()
    assert running.halt() is True
    assert time.monotonic() - begun < 10
    assert qm.execute(counting()).result_handles.wait_for_all_values(60) is True


def test_adding_through_broker_kills_doubles_and_loses_nothing(cluster: ProcessCluster) -> None:
    """While one user adds jobs the broker is killed three times: each `add` that returned is one job, in its order."""
    qm = cluster.manager(timeout=60.0).open_qm(opx_readout_pair())
    running = qm.execute(endless())
    prog = counting(1)
    added: list[str] = []
    stop = threading.Event()

    def add() -> None:
        while not stop.is_set():
            added.append(qm.queue.add(prog, note=str(len(added))).id)

    adder = threading.Thread(target=add)
    adder.start()
    for _ in range(3):
        before = len(added)
        deadline = time.monotonic() + 30
        while len(added) < before + 5 and time.monotonic() < deadline:
            time.sleep(0.01)
        cluster.kill("broker")
        cluster.start_broker()
        cluster.wait_connected("con1")
    stop.set()
    adder.join(60)
    assert not adder.is_alive()
    assert len(added) >= 15
    pending = qm.queue.pending_jobs
    assert [job.id for job in pending] == added
    assert [job.note for job in pending] == [str(number) for number in range(len(added))]
    assert qm.queue.clear() == len(added)
    assert running.halt() is True
