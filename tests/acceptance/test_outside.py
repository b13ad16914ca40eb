"""What comes from outside while a program runs, as users write it: pause and resume, IO values, inputs, triggers; and a
job that is run again from its record. Real processes.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from example_configs import opx_readout_pair, opx_two_qubits
from known_programs import iq_by_formula, readings
from process_cluster import ProcessCluster
from waiting import until

from quaymaster._core.engine.outside import Outside
from quaymaster._core.errors import QuaymasterError
from quaymaster.client.exceptions import InvalidJobExecutionStatusError, QmValueError, UnknownInputStreamError
from quaymaster.controller.records import LOG_NAME, append_entries, read_entries
from quaymaster.controller.records.replay import replay
from quaymaster.qua import (
    IO1,
    IO2,
    advance_input_stream,
    amp,
    assign,
    declare,
    declare_input_stream,
    declare_stream,
    demod,
    fixed,
    for_,
    if_,
    infinite_loop_,
    measure,
    pause,
    play,
    program,
    save,
    stream_processing,
    wait,
    wait_for_trigger,
    while_,
)

PATIENCE_S = 60.0


def pausing(points: int) -> Any:
    """One pause a point; then IO1, as fixed, scales a readout, and IO2 gets the number of the point."""
    with program() as made:
        n, scale, i = declare(int), declare(fixed), declare(fixed)
        n_stream, i_stream = declare_stream(), declare_stream()
        with for_(n, 0, n < points, n + 1):
            save(n, n_stream)
            pause()
            assign(scale, IO1)
            assign(IO2, n)
            measure("readout" * amp(scale), "rr", None, demod.full("cos", i))
            save(i, i_stream)
        with stream_processing():
            n_stream.save_all("n")
            i_stream.save_all("I")
    return made


def feeding(shots: int) -> Any:
    """Takes an amplitude and two ints before each readout; one more stream with one bool."""
    with program() as made:
        n, i, sum = declare(int), declare(fixed), declare(int)
        scale = declare_input_stream(fixed, name="scale")
        pair = declare_input_stream(int, name="pair", size=2)
        go = declare_input_stream(bool, name="go")
        i_stream, sums, goes = declare_stream(), declare_stream(), declare_stream()
        with for_(n, 0, n < shots, n + 1):
            advance_input_stream(scale)
            advance_input_stream(pair)
            advance_input_stream(go)
            assign(sum, pair[0] + pair[1])
            save(sum, sums)
            save(go, goes)
            measure("readout" * amp(scale), "rr", None, demod.full("cos", i))
            save(i, i_stream)
        with stream_processing():
            i_stream.save_all("I")
            sums.save_all("sum")
            goes.save_all("go")
    return made


def polling() -> Any:
    """Looks at IO1 until it is not zero, then saves it."""
    with program() as made:
        x = declare(int)
        stream = declare_stream()
        with while_(IO1 == 0):
            wait(1000, "q")
        assign(x, IO1)
        save(x, stream)
        with stream_processing():
            stream.save_all("x")
    return made


# -- pause, resume, IO -------------------------------------------------------------------------------------------------


def test_a_sweep_with_a_pause_and_an_io_value_per_point(cluster: ProcessCluster) -> None:
    """As scripts in the field do: wait for the pause, fetch, set IO1, resume. All saved before is there."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    scales = [0.25, 0.5, 1.0, -0.5]
    job = qm.execute(pausing(len(scales)))
    handles = job.result_handles
    for point, scale in enumerate(scales):
        until(job.is_paused, f"pause {point}")
        assert job.status == "running"
        assert "resume" in job.why()
        assert handles.n.fetch_all()["value"].tolist() == list(range(point + 1))
        assert handles.I.count_so_far() == point
        qm.set_io1_value(scale)
        assert qm.get_io1_value()["fixed_value"] == scale
        assert job.resume() is True
    assert handles.wait_for_all_values(PATIENCE_S)
    assert np.allclose(handles.I.fetch_all()["value"], [iq_by_formula(scale)[0] for scale in scales], atol=1e-6)
    assert job.wait_until("Done", PATIENCE_S)
    assert job.resume() is False
    assert qm.get_io2_value()["int_value"] == 3  # what the program left there
    assert qm.io1["fixed_value"] == -0.5


def test_two_users_one_resumes_the_others_job(cluster: ProcessCluster) -> None:
    """The pause holds the qm's place; anyone may resume, once; the next job starts with the registers as they are."""
    alice, bob = cluster.manager("alice"), cluster.manager("bob")
    qm = alice.open_qm(opx_readout_pair())
    job = qm.execute(pausing(2))
    until(job.is_paused, "the pause")
    theirs = bob.get_qm(qm.id)
    waiting = theirs.queue.add(polling())
    assert waiting.status == "pending"
    same = bob.get_job(job.id)
    assert same.is_paused()
    theirs.set_io_values(0.5, 7)
    assert job.get_io_values(io1_type=float, io2_type=int) == (0.5, 7)
    assert same.resume() is True
    until(lambda: job.is_paused() and job.result_handles.n.count_so_far() == 2, "the second pause")
    resumed = [None, None]

    def resume(k: int, who: Any) -> None:
        resumed[k] = who.resume()

    threads = [threading.Thread(target=resume, args=pair) for pair in enumerate((job, same))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(resumed) == [False, True]  # type: ignore[type-var]
    assert job.wait_until("Done", PATIENCE_S)
    done = waiting.wait_for_execution(PATIENCE_S)
    assert done.wait_until("Done", PATIENCE_S)
    assert done.result_handles.x.fetch_all()["value"].tolist() == [1 << 27]  # 0.5, read as an int


def test_io_values_reach_a_program_that_looks_for_them(cluster: ProcessCluster) -> None:
    """It takes at most half a core meanwhile, and the qm keeps what is set for its later jobs."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(polling())
    before, began = controller_cpu_s(cluster), time.monotonic()
    time.sleep(1.5)
    share = (controller_cpu_s(cluster) - before) / (time.monotonic() - began)
    assert share < 0.75  # 0.5 promised, the rest is for the heartbeats of a busy machine
    job.set_io1_value(-42)
    assert job.wait_until("Done", PATIENCE_S)
    assert job.result_handles.x.fetch_all()["value"].tolist() == [-42]
    with pytest.raises(InvalidJobExecutionStatusError):
        job.set_io1_value(1)
    again = qm.execute(polling())
    assert again.wait_until("Done", PATIENCE_S)
    assert again.result_handles.x.fetch_all()["value"].tolist() == [-42]


def controller_cpu_s(cluster: ProcessCluster) -> float:
    """Processor time of con1 so far."""
    fields = Path(f"/proc/{cluster.processes['con1'].pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


# -- input streams -----------------------------------------------------------------------------------------------------


def test_input_streams_feed_a_running_program(cluster: ProcessCluster) -> None:
    """Scalars and arrays of each type, in turn and ahead; what does not fit is refused by name and changes nothing."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(feeding(3))
    until(lambda: "input stream" in job.why(), "the wait for an input")
    assert job.status == "running"
    with pytest.raises(UnknownInputStreamError, match="nothing"):
        job.push_to_input_stream("nothing", 1.0)
    for name, data in (("pair", [1]), ("pair", [1, 2, 3]), ("pair", [1.0, 2.0]), ("scale", 1), ("go", 1)):
        with pytest.raises(QmValueError):
            job.push_to_input_stream(name, data)
    for k in range(3):
        job.insert_input_stream("pair", [k, 10])
    for scale, go in ((0.5, True), (0.25, False), (1.0, True)):
        job.push_to_input_stream("go", go)
        job.push_to_input_stream("scale", scale)
        handles = job.result_handles
    assert job.wait_until("Done", PATIENCE_S)
    assert handles.sum.fetch_all()["value"].tolist() == [10, 11, 12]
    assert handles.go.fetch_all()["value"].tolist() == [True, False, True]
    assert np.allclose(handles.I.fetch_all()["value"], [iq_by_formula(x)[0] for x in (0.5, 0.25, 1.0)], atol=1e-6)
    with pytest.raises(InvalidJobExecutionStatusError, match="completed"):
        job.push_to_input_stream("scale", 0.5)


def test_a_job_that_waits_can_be_halted_and_keeps_what_it_saved(cluster: ProcessCluster) -> None:
    """The qm is free for the next one."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(pausing(3))
    until(job.is_paused, "the pause")
    assert job.halt() is True
    assert job.result_handles.n.fetch_all()["value"].tolist() == [0]
    assert not job.is_paused()
    assert qm.execute(feeding(0)).wait_until("Done", PATIENCE_S)


# -- triggers ----------------------------------------------------------------------------------------------------------


def triggered(count: int) -> Any:
    """Waits for a trigger, then says when."""
    with program() as made:
        n, i = declare(int), declare(fixed)
        stream = declare_stream()
        with for_(n, 0, n < count, n + 1):
            wait_for_trigger("rr")
            measure("readout", "rr", None, demod.full("cos", i))
            save(i, stream)
        with stream_processing():
            stream.with_timestamps().save_all("I")
    return made


def test_triggers_by_hand(cluster: ProcessCluster) -> None:
    """One edge each; the program waits for it however long it takes."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(triggered(2))
    for k in range(2):
        until(lambda: "trigger" in job.why(), "the wait for a trigger")
        assert job.result_handles.I.count_so_far() == k
        job.trigger()
        until(lambda k=k: job.result_handles.I.count_so_far() == k + 1 or job.is_finished(), "the shot")  # type: ignore[misc]
    assert job.wait_until("Done", PATIENCE_S)


def test_triggers_of_the_plant(make_cluster: Callable[..., ProcessCluster]) -> None:
    """A source with a period, as the plant's option: every shot waits for the next edge, whatever anybody does."""
    cluster = make_cluster({"con1": "opx+ --trigger-period-ns=10000"})
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(triggered(4))
    assert job.wait_until("Done", PATIENCE_S)
    times = job.result_handles.I.fetch_all()["timestamp"]
    assert np.diff(times).tolist() == [10_000] * 3


def test_an_endless_program_stands_still_too(cluster: ProcessCluster) -> None:
    """Nothing more comes while it is paused, and it goes on at its own pace afterwards, not faster."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as made:
        n, stream = declare(int, value=0), declare_stream()
        with infinite_loop_():
            wait(250_000, "q")  # 1 ms
            save(n, stream)
            assign(n, n + 1)
            with if_(n == 100):
                pause()
        with stream_processing():
            stream.save_all("n")
    job = qm.execute(made)
    until(job.is_paused, "the pause")
    handle = job.result_handles.n
    assert handle.count_so_far() == 100
    time.sleep(1.0)
    assert handle.count_so_far() == 100
    began = time.monotonic()
    assert job.resume() is True
    until(lambda: handle.count_so_far() > 100, "more values")
    count, passed_ms = handle.count_so_far(), 1000 * (time.monotonic() - began)
    assert count < 100 + passed_ms + 700  # without the second that it stood, but with slices of some length
    assert job.halt() is True


def test_a_controller_that_is_stopped_for_a_moment_answers_late(cluster: ProcessCluster) -> None:
    """The call waits for it, and is done once."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(pausing(2))
    until(job.is_paused, "the pause")
    cluster.kill("con1", signal.SIGSTOP)
    answers: list[bool] = []
    resuming = threading.Thread(target=lambda: answers.append(job.resume()))
    resuming.start()
    time.sleep(1.0)
    assert answers == []
    assert job.is_paused()
    cluster.kill("con1", signal.SIGCONT)
    resuming.join(PATIENCE_S)
    assert answers == [True]
    until(lambda: job.is_paused() and job.result_handles.n.count_so_far() == 2, "the second pause")


# -- processes that die ------------------------------------------------------------------------------------------------


def test_a_pause_outlives_the_broker(cluster: ProcessCluster) -> None:
    """kill -9 of the broker while the job is paused: after its restart it is paused, and goes on when resumed."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(pausing(2))
    until(job.is_paused, "the pause")
    cluster.kill("broker", signal.SIGKILL)
    cluster.start_broker()
    assert job.is_paused()
    assert job.status == "running"
    cluster.wait_connected("con1")
    assert job.is_paused()
    assert job.result_handles.n.count_so_far() == 1
    job.result_handles.n.wait_for_values(1, PATIENCE_S)
    qm.set_io1_value(0.5)
    assert job.resume() is True
    until(lambda: job.is_paused() and job.result_handles.I.count_so_far() == 1, "the second pause")
    assert job.resume() is True
    assert job.wait_until("Done", PATIENCE_S)
    assert np.allclose(job.result_handles.I.fetch_all()["value"], iq_by_formula(0.5)[0], atol=1e-6)


def test_requests_under_way_while_the_broker_dies_are_done_once(cluster: ProcessCluster) -> None:
    """Entries pushed while the broker is killed again and again arrive once each, in order."""
    manager = cluster.manager(timeout=PATIENCE_S)
    qm = manager.open_qm(opx_readout_pair())
    count = 60
    with program() as counting:
        n = declare(int)
        x = declare_input_stream(int, name="x")
        stream = declare_stream()
        with for_(n, 0, n < count, n + 1):
            advance_input_stream(x)
            save(x, stream)
        with stream_processing():
            stream.save_all("x")
    job = qm.execute(counting)
    pushed = threading.Thread(target=lambda: [job.push_to_input_stream("x", k) for k in range(count)])
    pushed.start()
    for _ in range(2):
        time.sleep(0.15)
        cluster.kill("broker", signal.SIGKILL)
        cluster.start_broker()
        cluster.wait_connected("con1")
    pushed.join(PATIENCE_S)
    assert job.wait_until("Done", PATIENCE_S)
    assert job.result_handles.x.fetch_all()["value"].tolist() == list(range(count))


def test_a_paused_job_ends_with_its_controller(cluster: ProcessCluster) -> None:
    """As any running job: `controller_lost`, with what it had saved; the next resume is False."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    job = qm.execute(pausing(2))
    until(job.is_paused, "the pause")
    cluster.kill("con1", signal.SIGKILL)
    until(job.is_finished, "the end")
    assert job.info.error is not None
    assert job.info.error.code == "controller_lost"
    assert not job.is_paused()
    assert job.resume() is False


# -- again from the record ---------------------------------------------------------------------------------------------


def busy(shots: int) -> Any:
    """Everything from outside at once, with noise and random numbers of the job."""
    with program() as made:
        n, i, x, io = declare(int), declare(fixed), declare(int), declare(int)
        scale = declare_input_stream(fixed, name="scale")
        i_stream, x_stream = declare_stream(), declare_stream()
        with for_(n, 0, n < shots, n + 1):
            with for_(x, 0, x < 200, x + 1):
                wait(25, "rr")
                assign(io, IO1)
                save(io, x_stream)
            assign(IO2, io + n)
            advance_input_stream(scale)
            measure("readout" * amp(scale), "rr", None, demod.full("cos", i))
            save(i, i_stream)
            pause()
        with stream_processing():
            i_stream.with_timestamps().save_all("I")
            x_stream.save_all("io")
            x_stream.average().save("mean")
    return made


def run_busy(cluster: ProcessCluster, shots: int = 12) -> Any:
    """A job that gets all of it at moments of chance."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    chance = np.random.default_rng(7)
    qm.set_io_values(3, 4)
    job = qm.execute(busy(shots))
    for k in range(shots):
        for _ in range(int(chance.integers(4))):
            time.sleep(chance.uniform(0, 0.01))
            qm.set_io1_value(int(chance.integers(1000)))
        job.push_to_input_stream("scale", 1.0 / (k + 1))
        until(job.is_paused, "the pause")
        time.sleep(chance.uniform(0, 0.01))
        job.resume()
    assert job.wait_until("Done", PATIENCE_S)
    return job


def test_a_job_run_again_gives_the_same_bits_and_a_falsified_record_does_not(cluster: ProcessCluster) -> None:
    """IO values at arbitrary moments, inputs and pauses; then one bit of the log is changed, then it is cut short."""
    job = run_busy(cluster)
    directory = cluster.directory / "con1"
    done = replay(directory, job.id)
    assert done.same, done
    assert [stream.name for stream in done.streams] == ["I", "io", "mean"]
    assert done.streams[1].items == 12 * 200
    folder = directory / "results" / job.id
    log = read_entries(folder, Outside)
    assert done.from_outside == len(log) >= 24

    last = max(k for k, entry in enumerate(log) if entry.kind == "input")
    other = [
        *log[:last],
        Outside("input", "scale", log[last].place, log[last].instant_ns, (1 << 20,)),
        *log[last + 1 :],
    ]
    rewrite(folder, other)
    falsified = replay(directory, job.id)
    assert not falsified.same
    assert falsified.streams[0].difference == "first at item 11 of 12"
    assert not falsified.streams[1].difference

    rewrite(folder, log[:-1])
    cut = replay(directory, job.id)
    assert not cut.same
    assert "pause" in cut.trouble

    (folder / LOG_NAME).write_bytes(b"\0\0\0\1xxxxx")
    with pytest.raises(QuaymasterError, match="damaged"):
        replay(directory, job.id)


def rewrite(folder: Path, entries: list[Outside]) -> None:
    """Another log in the place of a folder's own."""
    (folder / LOG_NAME).unlink()
    append_entries(folder, entries)


def readings_between_pauses(points: int) -> Any:
    """Raw traces and demodulated values of rr, a pause before each but the first."""
    with program() as made:
        n, i = declare(int), declare(fixed)
        adc, i_stream = declare_stream(adc_trace=True), declare_stream()
        with for_(n, 0, n < points, n + 1):
            with if_(n > 0):
                pause()
            measure("readout", "rr", demod.full("cos", i), adc_stream=adc)
            save(i, i_stream)
        with stream_processing():
            adc.input1().save_all("adc")
            i_stream.save_all("I")
    return made


def test_settings_of_a_running_job_and_the_same_bits_again(cluster: ProcessCluster) -> None:
    """A frequency is that of the next readout, and what the job says it has; the qm's setters reach the job, too, and a
    replay from the record has all of it."""
    raw = opx_readout_pair()
    raw["digital_waveforms"]["traced"] = {"samples": [(1, 0)]}
    raw["pulses"]["readout_pulse"]["digital_marker"] = "traced"
    qm = cluster.manager().open_qm(raw)
    job = qm.execute(readings_between_pauses(4))
    assert job.get_intermediate_frequency("rr") == qm.get_intermediate_frequency("rr")
    frequencies = [job.get_intermediate_frequency("rr")]
    for frequency in (20e6, 0.0):
        until(job.is_paused, "the pause")
        job.set_intermediate_frequency("rr", frequency)
        assert job.get_intermediate_frequency("rr") == frequency
        assert qm.get_intermediate_frequency("rr") == frequencies[0]  # the qm's later jobs have it not
        job.resume()
        frequencies.append(frequency)
    until(job.is_paused, "the last pause")
    with pytest.raises(QmValueError, match="does not use"):
        job.set_intermediate_frequency("q", 1e6)
    qm.set_intermediate_frequency("q", 30e6)  # not in this program: a change for later jobs alone
    qm.set_intermediate_frequency("rr", 40e6)
    frequencies.append(40e6)
    job.resume()
    job.wait_until("Done", timeout=PATIENCE_S)
    with pytest.raises(InvalidJobExecutionStatusError):
        job.set_intermediate_frequency("rr", 1e6)
    traces = np.array(job.result_handles.get("adc").fetch_all()).reshape(4, -1)
    length = traces.shape[1]
    for trace, frequency in zip(traces.astype(float), frequencies, strict=True):
        spectrum = np.abs(np.fft.rfft(trace - (0.0 if frequency == 0 else trace.mean())))
        assert abs(np.argmax(spectrum) * 1e3 / length - frequency / 1e6) <= 1e3 / length
    done = replay(cluster.directory / "con1", job.id)
    assert done.same, done
    log = read_entries(cluster.directory / "con1" / "results" / job.id, Outside)
    assert [entry.kind for entry in log if entry.kind != "resume"] == ["frequency"] * 3
    last = max(k for k, entry in enumerate(log) if entry.kind == "frequency")
    other = msgspec.structs.replace(log[last], raws=(log[last].raws[0] + (1 << 40), 0))
    rewrite(cluster.directory / "con1" / "results" / job.id, [*log[:last], other, *log[last + 1 :]])
    assert not replay(cluster.directory / "con1", job.id).same


def test_a_mixer_is_calibrated_while_an_endless_program_plays(cluster: ProcessCluster) -> None:
    """As scripts do it: a loop that plays, and setters of the qm until the leakage is least; the job has each."""
    qm = cluster.manager().open_qm(opx_two_qubits())
    with program() as forever, infinite_loop_():
        play("x180", "q1")
    job = qm.execute(forever)
    for step in (0.001, -0.002):
        qm.set_output_dc_offset_by_element("q1", ("I", "Q"), (step, -step))
        qm.set_mixer_correction("mixer_q1", 50e6, 4.9e9, (1.0 + step, 0.0, 0.0, 1.0 - step))
        assert job.get_output_dc_offset_by_element("q1", "Q") == pytest.approx(-step, abs=2**-17)
        assert job.get_element_correction("q1") == pytest.approx((1.0 + step, 0.0, 0.0, 1.0 - step), abs=2**-17)
        assert qm.get_output_dc_offset_by_element("q1", "I") == step
    with pytest.raises(QmValueError, match="outside"):
        job.set_element_correction("q1", (2.0, 0.0, 0.0, 1.0))
    with pytest.raises(QmValueError, match="does not use"):
        job.set_element_correction("q2", (1.0, 0.0, 0.0, 1.0))
    with pytest.raises(QmValueError, match="outside"):
        job.set_output_dc_offset_by_element("q1", ("I", "Q"), (0.1, 0.6))
    assert job.get_output_dc_offset_by_element("q1", "I") == pytest.approx(-0.002, abs=2**-17)  # neither of them
    job.halt()


def test_the_command_line_runs_a_job_again(cluster: ProcessCluster, tmp_path: Path) -> None:
    """Exit status 0 and words where all bits are the same, 1 where not or where there is no record."""
    job = run_busy(cluster, 3)
    path = tmp_path / "cluster.toml"
    path.write_text(
        f'[broker]\ndirectory = "{cluster.directory / "broker"}"\n'
        f'[[controllers]]\nname = "con1"\ndirectory = "{cluster.directory / "con1"}"\n'
    )

    def run(job_id: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-P", "-m", "quaymaster", "replay", job_id, "--cluster", str(path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    done = run(job.id)
    assert done.returncode == 0, done.stderr
    assert "the same, bit by bit" in done.stdout
    gone = run("1234")
    assert gone.returncode == 1
    assert "record_gone" in gone.stderr
    folder = cluster.directory / "con1" / "results" / job.id
    rewrite(folder, read_entries(folder, Outside)[:-1])
    changed = run(job.id)
    assert changed.returncode == 1
    assert "NOT the same" in changed.stdout


def test_noise_overrides_and_numerics_are_in_the_record(make_cluster: Callable[..., ProcessCluster]) -> None:
    """Two jobs that differ by them alone, each run again to its own bits."""
    cluster = make_cluster({"con1": "opx+ --noise=1e-5"})
    qm = cluster.manager().open_qm(opx_readout_pair())
    plain = qm.execute(readings(20, 0.5), numerics="exact", seed=5)
    assert plain.wait_until("Done", PATIENCE_S)
    compiled = qm.compile(readings(20, 0.5))
    weaker = qm.queue.add_compiled(compiled, overrides={"waveforms": {"readout_wf": 0.05}})
    assert weaker.wait_until("Done", PATIENCE_S)
    means = []
    for job in (plain, weaker.wait_for_execution()):
        done = replay(cluster.directory / "con1", job.id)
        assert done.same, done
        assert done.streams[0].items == 20
        means.append(job.result_handles.I.fetch_all()["value"].mean())
    assert means[0] / means[1] == pytest.approx(2.0, rel=0.2)


def test_a_job_that_saves_nothing_is_run_again_if_it_got_something(cluster: ProcessCluster) -> None:
    """Its record is what came from outside; a job that got nothing either has none."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as made:
        play("pulse", "q")
        pause()
        play("pulse", "q")
    job = qm.execute(made)
    until(job.is_paused, "the pause")
    job.resume()
    assert job.wait_until("Done", PATIENCE_S)
    done = replay(cluster.directory / "con1", job.id)
    assert (done.same, done.from_outside, done.streams) == (True, 1, [])
    with program() as silent:
        play("pulse", "q")
    other = qm.execute(silent)
    assert other.wait_until("Done", PATIENCE_S)
    with pytest.raises(QuaymasterError) as caught:
        replay(cluster.directory / "con1", other.id)
    assert caught.value.code == "record_gone"


def test_only_completed_jobs_can_be_run_again(cluster: ProcessCluster) -> None:
    """Where a halted one was stopped is not in its record; an endless one never completes."""
    qm = cluster.manager().open_qm(opx_readout_pair())
    with program() as endless:
        n, stream = declare(int, value=0), declare_stream()
        with infinite_loop_():
            wait(1000, "q")
            save(n, stream)
        with stream_processing():
            stream.save_all("n")
    job = qm.execute(endless)
    job.result_handles.n.wait_for_values(1)
    job.halt()
    with pytest.raises(QuaymasterError) as caught:
        replay(cluster.directory / "con1", job.id)
    assert caught.value.code == "job_not_completed"
