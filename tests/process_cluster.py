"""A cluster of real processes: a broker and controllers on free ports of loopback, always reaped."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quaymaster import QuantumMachinesManager

START_S = 30.0
STOP_S = 8.0


class ProcessCluster:
    """One broker and its controllers as processes of this machine, their state and logs in one directory.

    `controllers` are {name: type}, e.g. {"con1": "opx+", "con2": "opx1000=1:lf,2:mw"}; words after the type are options
    of its process ("opx+ --noise=1e-6"). Processes can be killed and started again by name ("broker", "con1"); a broker
    that is started again has the same ports and the same store.
    """

    def __init__(self, directory: Path, controllers: Mapping[str, str], *, latency: str = "ideal") -> None:
        self.directory = directory
        self.controllers = dict(controllers)
        self.latency = latency
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.endpoints: dict[str, str] = {}
        self._managers: list[QuantumMachinesManager] = []
        self._starts = 0

    # -- users ------------------------------------------------------------------------------------------------------

    @property
    def port(self) -> int:
        """Where clients connect, on 127.0.0.1."""
        return int(self.endpoints["clients"].rpartition(":")[2])

    @property
    def environment(self) -> dict[str, str]:
        """For processes whose `QuantumMachinesManager()` is to find this cluster."""
        return {**os.environ, "QUAYMASTER_HOST": "127.0.0.1", "QUAYMASTER_PORT": str(self.port)}

    def manager(self, user: str = "alice", timeout: float = 20.0) -> QuantumMachinesManager:
        """A manager of this process, closed with the cluster."""
        from quaymaster import QuantumMachinesManager

        self._managers.append(QuantumMachinesManager("127.0.0.1", self.port, user=user, timeout=timeout))
        return self._managers[-1]

    # -- processes --------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all, and return when the broker knows every controller as connected."""
        self.start_broker()
        for name in self.controllers:
            self.start_controller(name)
        self.wait_connected(*self.controllers)

    def start_broker(self) -> None:
        """Start the broker: on ports of the system's choice at first, on the same ones later."""
        given = [f"--{name}={endpoint}" for name, endpoint in self.endpoints.items()] or ["--port=0"]
        options = [f"--dir={self.directory / 'broker'}", f"--latency={self.latency}", *given]
        line = self._start("broker", ["quaymaster.broker", *options], "ready")
        words = dict(word.split("=", 1) for word in line.split() if "=" in word)
        self.endpoints = {name: words[name] for name in ("clients", "controllers", "events")}

    def start_controller(self, name: str) -> None:
        """Start one controller; it may not have reported to the broker yet."""
        words, *more = self.controllers[name].split()
        kind, _, fems = words.partition("=")
        options = [f"--type={kind}", f"--broker={self.endpoints['controllers']}", f"--dir={self.directory / name}"]
        if fems:
            options.append(f"--fems={fems.replace(':', '=')}")
        self._start(name, ["quaymaster.controller", name, *options, *more], "")

    def _start(self, name: str, module: list[str], ready: str) -> str:
        """Start a process; returns the line of its log that holds `ready`, if that is asked for."""
        self._starts += 1
        log = self.directory / f"{self._starts:02d}-{name}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", *module], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )
        self.processes[name] = process
        until = time.monotonic() + START_S
        while ready:
            lines = [line for line in log.read_text(errors="replace").splitlines() if ready in line]
            if lines:
                return lines[0]
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(f"{name} did not start:\n{log.read_text(errors='replace')[-2000:]}")
            time.sleep(0.02)
        return ""

    def wait_connected(self, *names: str) -> None:
        """Return when the broker knows these controllers as connected."""
        manager = self.manager("fixture")
        until = time.monotonic() + START_S
        while not set(names) <= {info.name for info in manager.get_controllers() if info.connected}:
            dead = [name for name, process in self.processes.items() if process.poll() is not None]
            if dead or time.monotonic() > until:
                raise AssertionError(f"not all of {names} are connected; ended: {dead}\n{self.logs()}")
            time.sleep(0.02)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> None:
        """Send a signal to one process; after SIGKILL or SIGTERM, wait for its end."""
        process = self.processes[name]
        process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            process.wait(STOP_S)

    def logs(self) -> str:
        """The ends of all logs."""
        parts = [
            f"--- {path.name}\n{path.read_text(errors='replace')[-2000:]}" for path in self.directory.glob("*.log")
        ]
        return "\n".join(sorted(parts))

    def stop(self) -> None:
        """End every process: with SIGTERM, after a while with SIGKILL."""
        for manager in self._managers:
            manager.close()
        alive = [process for process in self.processes.values() if process.poll() is None]
        for process in alive:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        until = time.monotonic() + STOP_S
        for process in alive:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
