"""`quaymaster up`: an embedded cluster, the processes of a cluster file as children of one supervisor.

A child that dies is started again, with growing pauses if it dies at once. The supervisor's end is the children's end:
they are told when it stops, and each watches for its parent's death (`process.py`).
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO

from .._core.errors import AskedWrongly, QuaymasterError, Taken
from .cluster_file import Cluster, write_cluster
from .process import PARENT_VARIABLE

START_TIMEOUT_S = 30.0
"""The cluster must be ready by then, or `up` gives up and says which log to read."""
STOP_TIMEOUT_S = 8.0
"""A child that has not ended so long after SIGTERM is killed."""
RESTART_PAUSES_S = (0.1, 0.5, 2.0, 5.0)
"""Pauses before a child is started again; the last one is kept while it goes on dying within `STEADY_S`."""
STEADY_S = 10.0
POLL_S = 0.1


def default_directory() -> Path:
    """Where `up` keeps its state when no --dir is given."""
    state = os.environ.get("XDG_STATE_HOME")
    return (Path(state) if state else Path.home() / ".local" / "state") / "quaymaster"


class Child:
    """One process of the cluster and its log."""

    def __init__(self, name: str, arguments: list[str], directory: Path) -> None:
        self.name = name
        self.arguments = arguments
        self.log = directory / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None
        self.deaths = 0
        self.started_s = 0.0
        self.again_at_s = 0.0
        self.log_start = 0

    def start(self) -> None:
        """Start the process; what it prints goes to its log."""
        with self.log.open("ab") as log:
            self.log_start = log.tell()
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-m", "quaymaster", *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, PARENT_VARIABLE: str(os.getpid())},
            )
        self.started_s = time.monotonic()

    def is_dead(self) -> bool:
        """Whether it was started and has ended."""
        return self.process is not None and self.process.poll() is not None

    def says(self, words: bytes) -> bool:
        """Whether its log has these words since it was started."""
        with self.log.open("rb") as log:
            log.seek(self.log_start)
            return words in log.read()

    def look(self) -> str | None:
        """Start it again if it died and its pause is over; returns a line to print when it has just died."""
        assert self.process is not None
        status = self.process.poll()
        now = time.monotonic()
        if status is None:
            if now - self.started_s > STEADY_S:
                self.deaths = 0
            return None
        if self.again_at_s == 0.0:
            pause = RESTART_PAUSES_S[min(self.deaths, len(RESTART_PAUSES_S) - 1)]
            self.deaths += 1
            self.again_at_s = now + pause
            return f"{self.name} ended with status {status}; starting it again in {pause} s (log: {self.log})"
        if now >= self.again_at_s:
            self.again_at_s = 0.0
            self.start()
        return None

    def ask_to_stop(self) -> None:
        """SIGTERM, if it is alive."""
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def wait_stopped(self, until_s: float) -> None:
        """Wait for its end until then, and kill it after that."""
        if self.process is None:
            return
        try:
            self.process.wait(max(0.0, until_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class EmbeddedCluster:
    """The children of one cluster. Use it as a context manager: leaving it ends them all.

    Raises Taken `directory_in_use` when another `up` runs in the same directory, `port_in_use` when somebody listens
    where its broker would, `not_ready` when the cluster does not come up in START_TIMEOUT_S.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.directory = Path(cluster.broker.directory).parent
        make_directory(self.directory)
        self._lock: IO[str] | None = None
        path = self.directory / "cluster.toml"
        named = [("broker", ["broker"]), *((entry.name, ["controller", entry.name]) for entry in cluster.controllers)]
        self.children = [Child(name, [*arguments, "--cluster", str(path)], self.directory) for name, arguments in named]

    def __enter__(self) -> EmbeddedCluster:
        self._lock = lock_directory(self.directory)
        write_cluster(self.cluster, self.directory / "cluster.toml")
        try:
            check_ports(self.cluster)
            broker, *controllers = self.children
            broker.start()
            self.wait_for(lambda: broker.says(b"broker ready"))
            for child in controllers:  # not before: they would report to another cluster's broker on those ports
                child.start()
            self.wait_for(lambda: ready(self.cluster))
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def wait_for(self, came_true: Callable[[], bool]) -> None:
        """Return when that is so and every child that was started lives."""
        until_s = time.monotonic() + START_TIMEOUT_S
        while any(child.is_dead() for child in self.children) or not came_true():
            dead = [child for child in self.children if child.is_dead()]
            if dead or time.monotonic() > until_s:
                raise Taken(_why_not_ready(dead or self.children), code="not_ready", hint="read the log named above")
            time.sleep(POLL_S)

    def supervise(self) -> None:
        """Look after the children for ever (until a signal raises)."""
        while True:
            for child in self.children:
                if line := child.look():
                    print(line, file=sys.stderr, flush=True)
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End every child: controllers and broker together, then by force."""
        for child in reversed(self.children):
            child.ask_to_stop()
        until_s = time.monotonic() + STOP_TIMEOUT_S
        for child in self.children:
            child.wait_stopped(until_s)
        if self._lock:
            self._lock.seek(0)
            self._lock.truncate()
            self._lock.close()
            self._lock = None


def make_directory(directory: Path) -> None:
    """The folder of a cluster's state and logs; raises AskedWrongly `bad_directory` where it cannot be."""
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise AskedWrongly(
            f"{directory} cannot hold the cluster's state: {error.strerror}",
            code="bad_directory",
            hint="give another --dir",
        ) from None


def check_ports(cluster: Cluster) -> None:
    """Nobody may listen where the broker will; raises Taken `port_in_use`."""
    for port in range(cluster.broker.port, cluster.broker.port + 3):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((cluster.broker.host, port))
            except OSError as error:
                raise Taken(
                    f"port {port} of {cluster.broker.host} cannot be used: {error.strerror}",
                    code="port_in_use",
                    hint="`quaymaster status` says whether a cluster runs there already: use that one, end it, or give "
                    "another --port (and --dir)",
                ) from None


def ready(cluster: Cluster) -> bool:
    """Whether the broker answers and knows all controllers of the cluster as connected."""
    from ..client import QuantumMachinesManager

    try:
        with QuantumMachinesManager(cluster.broker.host, cluster.broker.port, timeout=1.0) as qmm:
            connected = {info.name for info in qmm.status().controllers if info.connected}
    except (QuaymasterError, OSError):
        return False
    return {entry.name for entry in cluster.controllers} <= connected


def _why_not_ready(children: list[Child]) -> str:
    lines = [f"{child.name} did not come up; its log {child.log} ends:\n{_tail(child.log)}" for child in children]
    return "\n".join(lines)


def _tail(path: Path, lines: int = 5) -> str:
    with contextlib.suppress(OSError):
        return "\n".join("    " + line for line in path.read_text(errors="replace").splitlines()[-lines:])
    return "    (empty)"


def lock_directory(directory: Path) -> IO[str]:
    """Hold the directory for this process; the file `up.pid` says who holds it."""
    import fcntl

    handle = (directory / "up.pid").open("a+")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        handle.seek(0)
        raise Taken(
            f"a cluster already runs in {directory} (process {handle.read().strip() or 'unknown'})",
            code="directory_in_use",
            hint="end it with `quaymaster down`, or give another --dir and --port",
        ) from None
    handle.truncate(0)
    handle.write(f"{os.getpid()}\n")
    handle.flush()
    return handle


def _raise_interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def run(cluster: Cluster) -> None:
    """Run a cluster in the foreground: one line when it is ready; Ctrl-C or SIGTERM ends every process."""
    signal.signal(signal.SIGTERM, _raise_interrupt)
    signal.signal(signal.SIGHUP, _raise_interrupt)
    try:
        with EmbeddedCluster(cluster) as running:
            print(ready_line(cluster), flush=True)
            running.supervise()
    except KeyboardInterrupt:
        print("every process has ended", file=sys.stderr)


def ready_line(cluster: Cluster) -> str:
    """What `up` prints, once, when users can connect."""
    names = ", ".join(f"{entry.name} ({entry.type})" for entry in cluster.controllers)
    where = f"{cluster.broker.host}:{cluster.broker.port}"
    return f"quaymaster is ready on {where} with {names}; state and logs in {Path(cluster.broker.directory).parent}"


def detach(cluster: Cluster) -> None:
    """Start `up` in a session of its own, and return when it is ready."""
    directory = Path(cluster.broker.directory).parent
    make_directory(directory)
    lock_directory(directory).close()
    check_ports(cluster)
    path = directory / "wanted.toml"
    write_cluster(cluster, path)
    with (directory / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "quaymaster.cli.embedded", str(path)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    until_s = time.monotonic() + START_TIMEOUT_S
    while process.poll() is not None or not ready(cluster):
        if process.poll() is not None or time.monotonic() > until_s:
            process.terminate()
            raise Taken(
                f"the cluster did not come up; {directory / 'up.log'} ends:\n{_tail(directory / 'up.log')}",
                code="not_ready",
            )
        time.sleep(POLL_S)
    print(ready_line(cluster))


def down(directory: Path) -> None:
    """Tell the `up` that runs in a directory to end, and wait until it has."""
    path = directory / "up.pid"
    try:
        lock_directory(directory).close()
    except (FileNotFoundError, NotADirectoryError):
        raise AskedWrongly(f"no cluster was ever started in {directory}", code="nothing_runs") from None
    except Taken:
        pass
    else:
        raise AskedWrongly(f"no cluster runs in {directory}", code="nothing_runs")
    pid = int(path.read_text().strip())
    os.kill(pid, signal.SIGTERM)
    until_s = time.monotonic() + STOP_TIMEOUT_S + 2
    while time.monotonic() < until_s:
        try:
            lock_directory(directory).close()
        except Taken:
            time.sleep(POLL_S)
        else:
            path.unlink(missing_ok=True)
            print(f"the cluster in {directory} has ended")
            return
    raise Taken(f"process {pid} has not ended yet", code="still_ending", hint=f"look at {directory / 'up.log'}")


def main() -> None:
    """`python -m quaymaster.cli.embedded FILE`: what `up --detach` leaves running."""
    from .cluster_file import read_cluster

    try:
        run(read_cluster(Path(sys.argv[1])))
    except QuaymasterError as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
