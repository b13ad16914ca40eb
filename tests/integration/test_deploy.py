"""deploy/: the processes that its cluster file and its units describe, started by their own command lines."""

from __future__ import annotations

import configparser
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from example_configs import opx_readout_pair
from known_programs import AMPLITUDE_V, FREQUENCY_HZ, READOUT_NS, check_readings, readings

from quaymaster import QuantumMachinesManager
from quaymaster._core.errors import QuaymasterError
from quaymaster.cli.cluster_file import read_cluster
from quaymaster.cli.free_ports import free_ports

DEPLOY = Path(__file__).parents[2] / "deploy"
UNITS = {"broker": "quaymaster-broker.service", "controller": "quaymaster-controller@.service"}
PATIENCE_S = 60.0
LATENCY_NS = 24
NOISE_V2 = 1e-6


def unit(name: str) -> configparser.ConfigParser:
    """A unit file as systemd reads it."""
    parsed = configparser.ConfigParser(interpolation=None, strict=False)
    parsed.optionxform = str  # type: ignore[method-assign, assignment]
    parsed.read(DEPLOY / "systemd" / UNITS[name])
    return parsed


def command_of(name: str, cluster_file: Path, instance: str = "") -> list[str]:
    """The command line of a unit's ExecStart, with this environment's program and the copied cluster file."""
    program, *arguments = shlex.split(unit(name)["Service"]["ExecStart"].replace("%i", instance))
    assert program == "/opt/quaymaster/bin/quaymaster"
    assert arguments.count("/etc/quaymaster/cluster.toml") == 1
    script = shutil.which("quaymaster", path=str(Path(sys.executable).parent))
    assert script, "the console script is not installed beside this Python"
    return [script, *(str(cluster_file) if a == "/etc/quaymaster/cluster.toml" else a for a in arguments)]


@pytest.fixture
def cluster_file(tmp_path: Path) -> Path:
    """deploy/cluster.toml, with its directories and its port replaced."""
    text = (DEPLOY / "cluster.toml").read_text()
    assert text.count("/var/lib/quaymaster/") >= 3
    assert text.count("\nport = 9510\n") == 1
    text = text.replace("/var/lib/quaymaster", str(tmp_path / "state")).replace("port = 9510", f"port = {free_ports()}")
    path = tmp_path / "cluster.toml"
    path.write_text(text)
    return path


@pytest.fixture
def processes(cluster_file: Path, tmp_path: Path) -> Iterator[dict[str, subprocess.Popen[bytes]]]:
    """The broker and all controllers of the file, each started as its unit says."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    commands = {"broker": command_of("broker", cluster_file)}
    commands |= {e.name: command_of("controller", cluster_file, e.name) for e in read_cluster(cluster_file).controllers}
    try:
        for name, command in commands.items():
            with (tmp_path / f"{name}.log").open("wb") as log:
                started[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        yield started
    finally:
        for process in started.values():
            process.terminate()
        for process in started.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def manager(cluster_file: Path, *names: str) -> QuantumMachinesManager:
    """A manager of the cluster, once these controllers have reported to it."""
    broker = read_cluster(cluster_file).broker
    until = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = QuantumMachinesManager(broker.host, broker.port, user="alice", timeout=20)
            if set(names) <= {info.name for info in found.get_controllers() if info.connected}:
                return found
            found.close()
        except QuaymasterError:
            pass
        assert time.monotonic() < until, "the cluster did not come up"
        time.sleep(0.05)


def looped_back(controller: str) -> dict[str, Any]:
    """A readout on output 1 and input 1, as the file wires con2, whose window begins when its pulse comes back."""
    config = opx_readout_pair(controller)
    config["elements"]["rr"]["singleInput"]["port"] = (controller, 1)
    config["elements"]["q"]["singleInput"]["port"] = (controller, 2)
    assert config["elements"]["rr"]["time_of_flight"] == LATENCY_NS
    return config


def test_the_processes_of_the_cluster_file(processes: dict[str, subprocess.Popen[bytes]], cluster_file: Path) -> None:
    """A job on each controller: echo without noise to 1e-6, loopback with noise to six of its standard deviations."""
    with manager(cluster_file, "con1", "con2") as qmm:
        echo = qmm.open_qm(opx_readout_pair("con1"), close_other_machines=False)
        wired = qmm.open_qm(looped_back("con2"), close_other_machines=False)
        jobs = [qm.queue.add(readings(100, 1.0)).wait_for_execution(PATIENCE_S) for qm in (echo, wired)]
        for job in jobs:
            assert job.result_handles.wait_for_all_values(PATIENCE_S), job.execution_report()
        check_readings(jobs[0].result_handles, 1.0, 100)
        turn = 2 * math.pi * FREQUENCY_HZ * 1e-9 * LATENCY_NS
        size = AMPLITUDE_V * READOUT_NS / 2 / 4096
        sigma = math.sqrt(NOISE_V2 * READOUT_NS / 2) / 4096
        for name, expected in (("I", -size * math.cos(turn)), ("Q", -size * math.sin(turn))):
            values = jobs[1].result_handles.get(name).fetch_all()["value"]
            assert abs(values - expected).max() < 6 * sigma
            assert 0.5 * sigma < values.std() < 1.5 * sigma


def test_a_unit_that_is_stopped_ends_cleanly_and_comes_back(
    processes: dict[str, subprocess.Popen[bytes]], cluster_file: Path
) -> None:
    """KillSignal of the units ends each process with status 0; started again, qms and jobs are there."""
    with manager(cluster_file, "con1", "con2") as qmm:
        qm = qmm.open_qm(opx_readout_pair("con1"), close_other_machines=False)
        job = qm.queue.add(readings(10, 0.5)).wait_for_execution(PATIENCE_S)
        assert job.result_handles.wait_for_all_values(PATIENCE_S)
    for name in list(processes):
        number = signal.Signals[unit("broker")["Service"]["KillSignal"]]
        os.kill(processes[name].pid, number)
    assert [process.wait(15) for process in processes.values()] == [0, 0, 0]
    for name in list(processes):
        kind, instance = ("broker", "") if name == "broker" else ("controller", name)
        command = command_of(kind, cluster_file, instance)
        processes[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with manager(cluster_file, "con1", "con2") as qmm:
        assert qmm.list_open_qms() == [qm.id]
        found = qmm.get_job(job.id)
        assert found.status == "completed"
        check_readings(found.result_handles, 0.5, 10)


@pytest.mark.parametrize("name", UNITS)
def test_units_restart_and_hold_their_state(name: str) -> None:
    """Each unit restarts its process, has the state folder of the cluster file, and keeps out of everything else."""
    service = unit(name)["Service"]
    assert service["Restart"] == "always"
    assert service["User"] == "quaymaster"
    assert Path("/var/lib", service["StateDirectory"]) == Path("/var/lib/quaymaster")
    assert service["ProtectSystem"] == "strict"
    assert int(service["TimeoutStopSec"]) > 10
    assert unit(name)["Install"]["WantedBy"] == "multi-user.target"


def test_the_cluster_file_explains_each_entry() -> None:
    """Every key in it has a comment above it or beside it, and it reads as it is."""
    lines = (DEPLOY / "cluster.toml").read_text().splitlines()
    explained: set[str] = set()
    for number, line in enumerate(lines):
        key = line.split(" = ")[0]
        if " = " in line and not line.startswith("#"):
            if key not in explained:
                above = next(text for text in reversed(lines[:number]) if " = " not in text)
                assert above.startswith("#"), f"{key} is not explained"
            explained.add(key)
    cluster = read_cluster(DEPLOY / "cluster.toml")
    assert [entry.name for entry in cluster.controllers] == ["con1", "con2"]
    assert explained == {
        "directory",
        "host",
        "port",
        "latency",
        "name",
        "type",
        "plant",
        "noise",
        "loopback",
        "trigger_period_ns",
        "photons",
    }
