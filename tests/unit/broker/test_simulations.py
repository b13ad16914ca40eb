"""Simulations in the core: jobs without a qm, a few at once on each controller."""

from __future__ import annotations

from typing import Any

import pytest

from quaymaster._core import wire
from quaymaster._core.wire import commands, requests
from quaymaster._core.wire.records import RawInput, Simulation
from quaymaster.broker.core import limits


def asking(program: bytes = b"program", cycles: int = 1000, **fields: Any) -> requests.Simulate:
    """A request to simulate."""
    simulation = fields.pop("simulation", Simulation(duration_cycles=cycles))
    return requests.Simulate(digest=wire.content_digest(program), simulation=simulation, **fields)


def start(bench: Any, config: Any, program: bytes = b"program", user: str = "ann", **fields: Any) -> str:
    """Ask for a simulation of a config with port 1; its job id."""
    body = wire.pack_plain(fields.pop("raw", None) or config(1))
    return str(bench.ask(asking(program, **fields), program, body, user=user).job_id)


def test_a_simulation_is_sent_at_once_and_holds_nothing(bench: Any, config: Any) -> None:
    """No qm, no ports, no threads: an open qm on the same ports goes on as if it were not there."""
    qm_id = bench.open(config(1))
    job_id = start(bench, config)
    (load,) = bench.commands(commands.Load)
    assert (load.job_id, load.qm_id, load.simulation.duration_cycles) == (job_id, "", 1000)
    assert load.options.seed is not None
    assert bench.state(job_id) == "loading"
    assert bench.core.cluster.threads.all_used() == []
    real = bench.add(qm_id)
    assert bench.state(real) == "loading"
    info = bench.ask(requests.GetJob(job_id=job_id))
    assert info.simulated and info.qm_id == ""


def test_what_a_config_warns_of_is_told(bench: Any, config: Any) -> None:
    """With its path, where the config comes along; of a qm it was told when that was opened."""
    raw = config(1)
    raw["integration_weights"] = {"strong": {"cosine": [(1500.0, 16)], "sine": [(0.0, 16)]}}
    (warning,) = bench.ask(asking(), b"program", wire.pack_plain(raw)).warnings
    assert warning.startswith("integration_weights.strong")
    assert bench.ask(asking(qm_id=bench.open(raw)), b"program").warnings == []


def test_only_a_few_run_at_once(bench: Any, config: Any) -> None:
    """SIMULATIONS_AT_ONCE of one controller; the next waits, says why, and follows when one ends."""
    jobs = [start(bench, config, bytes([65 + k]) * 3) for k in range(limits.SIMULATIONS_AT_ONCE + 2)]
    states = [bench.state(job_id) for job_id in jobs]
    assert states == ["loading"] * limits.SIMULATIONS_AT_ONCE + ["pending"] * 2
    assert "SIMULATIONS_AT_ONCE" in bench.ask(requests.Why(job_id=jobs[-2])).text
    assert "1 simulation go" in bench.ask(requests.Why(job_id=jobs[-1])).text
    assert [job.position for job in bench.ask(requests.GetJobs(states=["pending"])).jobs] == [1, 2]
    bench.status(jobs[0], "completed")
    assert bench.state(jobs[-2]) == "loading"
    assert bench.ask(requests.CancelJob(job_id=jobs[-1])).canceled
    assert bench.state(jobs[-1]) == "canceled"


def test_the_least_loaded_of_several_takes_it(bench: Any, config: Any) -> None:
    """A config that names both controllers goes to the one with fewer simulations."""
    both = {**config(1)}
    both["controllers"] = {**config(1)["controllers"], **config(1, controller="con2")["controllers"]}
    start(bench, config, b"a", raw=both)
    start(bench, config, b"b", raw=both)
    assert [send.controller for send in bench.sent if isinstance(send.action, commands.Load)] == ["con1", "con2"]


def test_another_controller_of_the_type_stands_in(bench: Any, config: Any) -> None:
    """A config of con7, which is not here, is simulated by one whose type fits."""
    job_id = start(bench, config, raw=config(1, controller="con7"))
    assert bench.state(job_id) == "loading"


def test_no_controller_of_the_type_is_said(bench: Any) -> None:
    """An OPX1000's config has no one here: the error names what it wants."""
    raw = {"controllers": {"big": {"type": "opx1000", "fems": {1: {"type": "LF", "analog_outputs": {1: {}}}}}}}
    error = bench.refusal(asking(), b"program", wire.pack_plain(raw))
    assert error.code == "controller_unavailable"
    assert "big (opx1000)" in error.message


def test_too_long_says_how_long_would_fit(bench: Any, config: Any) -> None:
    """The bytes of all ports are bounded by SIMULATION_BYTES; the hint has the number of cycles that fit."""
    raw = config(*range(1, 11))
    fits = wire.limits.SIMULATION_BYTES // (4 * 2 * 10)
    error = bench.refusal(asking(cycles=fits + 1), b"program", wire.pack_plain(raw))
    assert error.code == "simulation_too_long"
    assert f"at most {fits} cycles" in error.hint
    assert start(bench, config, cycles=fits, raw=raw)


@pytest.mark.parametrize("bodies", [(), (b"",), (b"other", b"c"), (b"program",), (b"program", b"", b"raw")])
def test_bodies_must_fit(bench: Any, bodies: tuple[bytes, ...]) -> None:
    """A program that is not the digest's, no config, samples without inputs: refused, nothing changed."""
    assert bench.refusal(asking(), *bodies).code in ("bad_frame", "bad_digest", "bad_request", "bad_body")


def test_a_wrong_config_is_refused_with_all_its_faults(bench: Any) -> None:
    """As when a qm is opened."""
    raw = {"controllers": {"con1": {"type": "opx1", "analog_outputs": {1: {"offset": "high"}}}}}
    error = bench.refusal(asking(), b"program", wire.pack_plain(raw))
    assert "offset" in error.message


def test_a_qms_config_can_be_simulated(bench: Any, config: Any) -> None:
    """`qm_id` in place of a config: that of the qm; its queue is left alone."""
    qm_id = bench.open(config(3))
    job_id = str(bench.ask(asking(qm_id=qm_id), b"program").job_id)
    (load,) = bench.commands(commands.Load)
    assert load.config_digest == bench.core.cluster.qms[qm_id].config_digest
    assert bench.queue(qm_id) == []
    bench.ask(requests.CloseQm(qm_id=qm_id))
    assert bench.state(job_id) == "loading"
    bench.status(job_id, "completed")


def test_raw_samples_travel_and_are_dropped_at_the_end(bench: Any, config: Any) -> None:
    """The third body is kept with the job and forgotten with its end; the invariants watch the bodies."""
    samples = bytes(24)
    simulation = Simulation(
        duration_cycles=9,
        interface="raw",
        inputs=[RawInput(target="con1/1/1", samples=3)],
        samples_digest=wire.content_digest(samples),
    )
    job_id = str(bench.ask(asking(simulation=simulation), b"program", wire.pack_plain(config(1)), samples).job_id)
    (send,) = [send for send in bench.sent if isinstance(send.action, commands.Load)]
    assert send.bodies[2] == wire.content_digest(samples)
    bench.status(job_id, "completed")
    assert not bench.core.cluster.known_bodies


def test_a_repeat_finds_its_job(bench: Any, config: Any) -> None:
    """The same request id gives the same job, before and after a crash."""
    request_id = wire.make_request_id(bench.now_ms, "simulate1")
    body = wire.pack_plain(config(1))
    first = bench.ask(asking(), b"program", body, request_id=request_id)
    assert bench.ask(asking(), b"program", body, request_id=request_id).job_id == first.job_id
    bench.crash()
    bench.connect("con1")
    assert bench.ask(asking(), b"program", body, request_id=request_id).job_id == first.job_id


def test_a_crash_sends_lost_loads_again(bench: Any, config: Any) -> None:
    """A simulation that was loading when the broker fell is sent again, whole; pending ones follow in order."""
    jobs = [start(bench, config, bytes([65 + k]) * 3) for k in range(limits.SIMULATIONS_AT_ONCE + 1)]
    bench.crash()
    bench.sent.clear()
    bench.connect("con1")
    assert [load.job_id for load in bench.commands(commands.Load)] == jobs[: limits.SIMULATIONS_AT_ONCE]
    bench.status(jobs[0], "completed")
    assert bench.state(jobs[-1]) == "loading"


def test_a_lost_controller_ends_its_simulations(bench: Any, config: Any) -> None:
    """They are errors, `controller_lost`; a pending one waits for it to come back."""
    jobs = [start(bench, config, bytes([65 + k]) * 3) for k in range(limits.SIMULATIONS_AT_ONCE + 1)]
    bench.gone("con1")
    assert [bench.state(job_id) for job_id in jobs] == ["error"] * limits.SIMULATIONS_AT_ONCE + ["pending"]
    assert "not connected" in bench.ask(requests.Why(job_id=jobs[-1])).text
    bench.connect("con1", instance="again")
    assert bench.state(jobs[-1]) == "loading"


def test_a_finished_one_takes_nothing_from_the_next_at_a_reload(bench: Any, config: Any) -> None:
    """Two simulations of one program and config, the first ended: after a crash the second still has its bodies."""
    first, second = start(bench, config), start(bench, config)
    bench.status(first, "completed")
    bench.crash()
    bench.sent.clear()
    bench.connect("con1")
    assert [load.job_id for load in bench.commands(commands.Load)] == [second]
    assert bench.core.cluster.known_bodies
