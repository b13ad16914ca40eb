#!/usr/bin/env python3
"""Many users at the queues of a cluster for a while, and a check that nothing was lost or mixed up.

    python deploy/load/queue.py --embedded --users 16 --seconds 30
    python deploy/load/queue.py --host 127.0.0.1 --port 9510 --controllers con1,con2

Every two users share a qm; the qms are spread over the controllers, which must have the echo plant without noise. Each
user adds jobs (at the end or the start of the queue), looks at positions and at the whole queue, cancels some jobs,
removes some by position, and compares what the others measured with the formula. At the end the broker's own list of
jobs is compared with what the users were promised: every accepted job ended exactly once, in a state that fits what
its user did, and there is no job that nobody was promised. Exit status: 0, or 1 if anything is wrong.
"""

# ruff: noqa: E402  (the path is set right before anything is imported)

from __future__ import annotations

import sys

# As a script this file's folder comes first on the path, and `import queue` would find this file.
sys.path[:] = [entry for entry in sys.path if entry != __file__.rpartition("/")[0]]

import argparse
import contextlib
import json
import math
import random
import secrets
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quaymaster import QuantumMachinesManager
from quaymaster._core.errors import QuaymasterError
from quaymaster.qua import (
    amp,
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    measure,
    program,
    save,
    stream_processing,
    wait,
)

USERS_PER_QM = 2
QMS_PER_CONTROLLER = 8
OUTSTANDING_MAX = 8
"""A user with so many jobs that are not fetched yet adds no more."""
PATIENCE_S = 120.0
LISTED_MAX = 10_000
"""The broker lists so many jobs at most in one answer."""
AMPLITUDE_V, READOUT_NS, FREQUENCY_HZ, TIME_OF_FLIGHT_NS = 0.2, 400, 50e6, 24
TOLERANCE = 1e-6
SHOTS, SCALES = range(1, 9), [k / 8 for k in range(1, 9)]
SPINS = (0, 0, 0, 3_000_000)
"""Additions that a job makes before it measures: most are short, some keep a queue waiting for a while."""
EXPECTED_ERRORS = frozenset({"unknown_job", "bad_position", "job_moved", "job_canceled"})
"""Codes that a user meets who looks at a queue which others move."""
WEIGHTS = {"add": 8, "add_to_start": 2, "position": 4, "pending_jobs": 2, "cancel": 1, "remove_by_position": 1}


def config(controller: str, output: int) -> dict[str, Any]:
    """One readout element on an output of its own; all share the input."""
    return {
        "controllers": {
            controller: {"analog_outputs": {output: {}}, "analog_inputs": {1: {"offset": 0.0, "shareable": True}}}
        },
        "elements": {
            "resonator": {
                "singleInput": {"port": (controller, output)},
                "outputs": {"out1": (controller, 1)},
                "time_of_flight": TIME_OF_FLIGHT_NS,
                "smearing": 0,
                "intermediate_frequency": FREQUENCY_HZ,
                "operations": {"readout": "readout"},
            }
        },
        "pulses": {
            "readout": {
                "operation": "measurement",
                "length": READOUT_NS,
                "waveforms": {"single": "flat"},
                "integration_weights": {"cos": "cos"},
            }
        },
        "waveforms": {"flat": {"type": "constant", "sample": AMPLITUDE_V}},
        "integration_weights": {"cos": {"cosine": [(1.0, READOUT_NS)], "sine": [(0.0, READOUT_NS)]}},
    }


def readings(shots: int, scale: float, spins: int = 0) -> Any:
    """A job whose results tell which one it was: `shots` items, each worth `expected(scale)`."""
    with program() as made:
        shot, value, stream = declare(int), declare(fixed), declare_stream()
        if spins:
            with for_(shot, 0, shot < spins, shot + 1):
                assign(value, value + scale)
        with for_(shot, 0, shot < shots, shot + 1):
            measure("readout" * amp(scale), "resonator", None, demod.full("cos", value))
            save(value, stream)
            wait(100, "resonator")
        with stream_processing():
            stream.save_all("I")
    return made


def expected(scale: float) -> float:
    """a·N/2/4096·cos(ω·tof), inverted by the converter."""
    turn = 2 * math.pi * FREQUENCY_HZ * 1e-9 * TIME_OF_FLIGHT_NS
    return -scale * AMPLITUDE_V * READOUT_NS / 2 / 4096 * math.cos(turn)


@dataclass
class Promise:
    """A job that the broker has accepted."""

    job: Any
    shots: int
    scale: float
    canceled: bool = False
    """The broker has confirmed its cancellation to us, and it had not ended before."""


@dataclass
class Log:
    """What the users met. Each user has one of their own; they are merged at the end."""

    times_ms: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    promises: dict[str, Promise] = field(default_factory=dict)
    fetched: int = 0
    unknown_adds: int = 0

    @contextlib.contextmanager
    def timed(self, operation: str) -> Iterator[None]:
        """Time an operation; an error of ours is counted and ends it."""
        began = time.perf_counter()
        try:
            yield
        except QuaymasterError as error:
            self.errors[error.code] += 1
            if error.code not in EXPECTED_ERRORS:
                self.wrong.append(f"{operation}: {error.code}: {error.message}")
            if operation.startswith("add") and error.code == "timeout_unknown":
                self.unknown_adds += 1
        finally:
            self.times_ms[operation].append(1e3 * (time.perf_counter() - began))

    def merge(self, other: Log) -> None:
        """Add what another one holds."""
        for operation, times in other.times_ms.items():
            self.times_ms[operation] += times
        self.errors += other.errors
        self.wrong += other.wrong
        self.promises |= other.promises
        self.fetched += other.fetched
        self.unknown_adds += other.unknown_adds


class User(threading.Thread):
    """One user, with a connection of their own, at a qm that others use too."""

    def __init__(self, name: str, manager: QuantumMachinesManager, qm_id: str, seed: int, stop_s: float) -> None:
        super().__init__(name=name, daemon=True)
        self.manager, self.qm = manager, manager.get_qm(qm_id)
        self.chance = random.Random(seed)
        self.stop_s = stop_s
        self.log = Log()
        self.waiting: list[Promise] = []

    def run(self) -> None:
        """Work until it is time, then see every job to its end."""
        try:
            while time.monotonic() < self.stop_s:
                self.act()
            while self.waiting:
                self.fetch()
        except Exception as error:  # a bug of ours or of this script: the run has failed
            self.log.wrong.append(f"{self.name} gave up: {type(error).__name__}: {error}")

    def act(self) -> None:
        """One thing that users do."""
        if len(self.waiting) >= OUTSTANDING_MAX:
            self.fetch()
            return
        (what,) = self.chance.choices([*WEIGHTS], [*WEIGHTS.values()])
        if what.startswith("add"):
            self.add(what)
        elif what == "pending_jobs":
            self.look()
        elif self.waiting:
            newest_first = what in ("cancel", "remove_by_position")  # the newest is most likely still to be canceled
            getattr(self, what)(self.waiting[-1] if newest_first else self.chance.choice(self.waiting))

    def add(self, how: str) -> None:
        """Queue a job."""
        shots, scale = self.chance.choice(SHOTS), self.chance.choice(SCALES)
        made = readings(shots, scale, self.chance.choice(SPINS))
        with self.log.timed(how):
            promise = Promise(getattr(self.qm.queue, how)(made, note=f"{shots} at {scale}"), shots, scale)
            if promise.job.id in self.log.promises:
                self.log.wrong.append(f"{promise.job.id} was promised twice")
            self.log.promises[promise.job.id] = promise
            self.waiting.append(promise)

    def position(self, promise: Promise) -> None:
        """Look where a job is."""
        with self.log.timed("position"):
            position = promise.job.position_in_queue()
            if position != -1 and position < 1:
                self.log.wrong.append(f"{promise.job.id} is at position {position}")

    def look(self) -> None:
        """Look at the whole queue: positions are 1, 2, 3, ..."""
        with self.log.timed("pending_jobs"):
            infos = self.manager.get_job_infos(qm_ids=[self.qm.id], states=["pending"])
            if [info.position for info in infos] != list(range(1, len(infos) + 1)):
                self.log.wrong.append(f"positions are not 1, 2, 3, ...: {[info.position for info in infos]}")

    def cancel(self, promise: Promise) -> None:
        """Cancel a job, wherever it is."""
        with self.log.timed("cancel"):
            promise.canceled |= promise.job.cancel()

    def remove_by_position(self, promise: Promise) -> None:
        """Remove the job where it was a moment ago, if it is still there."""
        with self.log.timed("remove_by_position"):
            position = promise.job.position_in_queue()
            if position > 0:
                removed = self.qm.queue.remove_by_position(position, expected_job_id=promise.job.id)
                promise.canceled |= removed == 1

    def fetch(self) -> None:
        """See the oldest job to its end, and compare its results."""
        promise = self.waiting.pop(0)
        with self.log.timed("wait and fetch"):
            job = promise.job.wait_for_execution(PATIENCE_S)
            job.result_handles.wait_for_all_values(PATIENCE_S)
            if job.info.state == "canceled":
                return
            values = job.result_handles.get("I").fetch_all()["value"].tolist()
            self.log.fetched += 1
            if len(values) != promise.shots or any(abs(v - expected(promise.scale)) > TOLERANCE for v in values):
                self.log.wrong.append(
                    f"{job.id}: {promise.shots} times {expected(promise.scale)} was promised, {values[:4]}... came"
                )


def check_with_broker(manager: QuantumMachinesManager, users: list[User], log: Log) -> Counter[str]:
    """Compare the broker's list with the promises; what is wrong goes into the log. Returns ends by state."""
    ends: Counter[str] = Counter()
    ids = list(log.promises)
    listed: dict[str, Any] = {}
    for start in range(0, len(ids), 1000):
        for job in manager.get_jobs(job_ids=ids[start : start + 1000]):
            if job.id in listed:
                log.wrong.append(f"{job.id} is listed twice")
            listed[job.id] = job.info
    for job_id, promise in log.promises.items():
        info = listed.get(job_id)
        if info is None:
            log.wrong.append(f"{job_id} was accepted, and is lost")
            continue
        ends[info.state] += 1
        if info.state != ("canceled" if promise.canceled else "completed"):
            asked = "canceled" if promise.canceled else "not canceled"
            log.wrong.append(f"{job_id} was {asked}, and is {info.state}: {info.error}")
        if info.attempt > 1 or info.note != f"{promise.shots} at {promise.scale}":
            log.wrong.append(f"{job_id} is another job: {info}")
    _check_nobody_elses(manager, users, log)
    return ends


def _check_nobody_elses(manager: QuantumMachinesManager, users: list[User], log: Log) -> None:
    """Jobs that the broker has for these users and nobody was promised; as many as there were adds in the dark."""
    extra = 0
    for user in users:
        infos = manager.get_job_infos(user_ids=[user.name], limit=LISTED_MAX)
        extra += len({info.job_id for info in infos} - user.log.promises.keys())
        if len(infos) == LISTED_MAX:
            print(f"{user.name} has more than {LISTED_MAX} jobs; the others were not looked for")
    if extra > log.unknown_adds:
        log.wrong.append(f"{extra} jobs that nobody was promised")


def open_qms(manager: QuantumMachinesManager, controllers: list[str], users: int) -> list[str]:
    """As many qms as the users need, spread over the controllers; their ids."""
    wanted = min(-(-users // USERS_PER_QM), QMS_PER_CONTROLLER * len(controllers))
    return [
        manager.open_qm(
            config(controllers[k % len(controllers)], k // len(controllers) + 1), close_other_machines=False
        ).id
        for k in range(wanted)
    ]


def report(log: Log, ends: Counter[str], seconds: float) -> dict[str, Any]:
    """Print rates, percentiles and errors; the same as an object."""
    requests = sum(map(len, log.times_ms.values()))
    ended = sum(ends.values())
    print(f"{ended} jobs ended ({', '.join(f'{n} {state}' for state, n in sorted(ends.items()))}) in {seconds:.1f} s")
    print(f"{ended / seconds:.0f} jobs/s, {requests / seconds:.0f} operations/s, {log.fetched} results compared")
    print(f"{'operation':20} {'count':>8} {'p50':>9} {'p90':>9} {'p99':>9} {'max':>9}  ms")
    table = {}
    for operation, times in sorted(log.times_ms.items()):
        row = [percentile(times, share) for share in (0.5, 0.9, 0.99, 1.0)]
        table[operation] = {"count": len(times), **dict(zip(("p50", "p90", "p99", "max"), row, strict=True))}
        print(f"{operation:20} {len(times):8} " + " ".join(f"{value:9.2f}" for value in row))
    print("errors by code: " + (", ".join(f"{code} {n}" for code, n in log.errors.most_common()) or "none"))
    for line in log.wrong[:20]:
        print(f"WRONG: {line}")
    print("nothing was lost or mixed up" if not log.wrong else f"{len(log.wrong)} things are wrong")
    return {
        "jobs_per_s": ended / seconds,
        "operations_per_s": requests / seconds,
        "ends": dict(ends),
        "operations_ms": table,
        "errors": dict(log.errors),
        "wrong": len(log.wrong),
    }


def percentile(times: list[float], share: float) -> float:
    """The value below which this share of the times lies."""
    ordered = sorted(times)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


@contextlib.contextmanager
def cluster_of(given: argparse.Namespace) -> Iterator[tuple[str, int]]:
    """Host and port of the cluster: the one that is named, or one of our own."""
    if not given.embedded:
        yield given.host, given.port
        return
    from quaymaster.cli.cluster_file import embedded_cluster
    from quaymaster.cli.embedded import EmbeddedCluster
    from quaymaster.cli.free_ports import free_ports

    with tempfile.TemporaryDirectory(prefix="quaymaster-load-") as directory:
        names = given.controllers or "con1,con2"
        made = embedded_cluster(names, Path(directory), free_ports())
        with EmbeddedCluster(made):
            yield made.broker.host, made.broker.port


def run(given: argparse.Namespace, host: str, port: int) -> dict[str, Any]:
    """Let the users work; returns what `report` returns."""
    run_name = f"load-{secrets.token_hex(3)}"
    log = Log()
    with contextlib.ExitStack() as stack:

        def manager(user: str) -> QuantumMachinesManager:
            return stack.enter_context(QuantumMachinesManager(host, port, user=user, timeout=PATIENCE_S))

        overseer = manager(run_name)
        known = [info.name for info in overseer.get_controllers() if info.connected and info.type != "opx1000"]
        controllers = [part.partition(":")[0] for part in given.controllers.split(",")] if given.controllers else known
        qm_ids = open_qms(overseer, controllers, given.users)
        try:
            names = [f"{run_name}-{number:03d}" for number in range(given.users)]
            managers = {name: manager(name) for name in names}
            began_s = time.monotonic()
            stop_s = began_s + given.seconds
            users = [
                User(name, managers[name], qm_ids[k % len(qm_ids)], given.seed + k, stop_s)
                for k, name in enumerate(names)
            ]
            for user in users:
                user.start()
            for user in users:
                user.join()
                log.merge(user.log)
            seconds = time.monotonic() - began_s
            ends = check_with_broker(overseer, users, log)
        finally:
            for qm_id in qm_ids:
                with contextlib.suppress(QuaymasterError):
                    overseer.get_qm(qm_id).close()
    print(f"{given.users} users at {len(qm_ids)} qms on {', '.join(controllers)}; seed {given.seed}")
    return report(log, ends, seconds)


def main() -> int:
    """0 if every promise was kept, else 1."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--users", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9510)
    parser.add_argument("--controllers", default="", help="names, by commas; all OPX and OPX+ unless given")
    parser.add_argument("--embedded", action="store_true", help="start a cluster for this run")
    parser.add_argument("--seed", type=int, default=1, help="of what the users choose to do")
    parser.add_argument("--json", action="store_true", help="the figures as one JSON object on the last line")
    given = parser.parse_args()
    if given.users < 1:
        parser.error("--users must be at least 1")
    try:
        with cluster_of(given) as (host, port):
            figures = run(given, host, port)
    except QuaymasterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if given.json:
        print(json.dumps(figures))
    return 1 if figures["wrong"] else 0


if __name__ == "__main__":
    sys.exit(main())
