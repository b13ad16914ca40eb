"""No-op jobs through a whole cluster: submit -> done, beside a bare pyzmq broker.

One broker (journal on, SQLite FULL), two controllers, a job that is one `wait(4)` and saves nothing. Submitters are OS
threads of one client process in a closed loop, each with its own connection and its own qm (so that no queue is shared,
as in the reference, where any worker takes any job). The reference is the least that routes and journals a job in
Python: `ref_broker.py` with its journal at SQLite FULL and two workers, driven the same way. Ours and the reference are
measured in turn, several times; figures are medians.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Figure, parser, show

from quaymaster import QuantumMachinesManager
from quaymaster.cli.cluster_file import embedded_cluster
from quaymaster.cli.embedded import EmbeddedCluster
from quaymaster.cli.free_ports import free_ports
from quaymaster.qua import declare, program, wait

SUBMITTERS = 16
Call = Callable[[], None]


def noop(cycles: int = 4) -> program:
    """A job that waits and saves nothing; another number of cycles makes another program."""
    with program() as prog:
        declare(int)
        wait(cycles, "drive")
    return prog


def config(controller: str, port: int) -> dict:
    """A qm with one drive element on one output."""
    return {
        "controllers": {controller: {"analog_outputs": {port: {}}}},
        "elements": {
            "drive": {
                "singleInput": {"port": (controller, port)},
                "intermediate_frequency": 1e6,
                "operations": {"x": "x"},
            }
        },
        "pulses": {"x": {"operation": "control", "length": 16, "waveforms": {"single": "w"}}},
        "waveforms": {"w": {"type": "constant", "sample": 0.1}},
    }


def closed_loop(make: Callable[[int], Call], submitters: int, seconds: float) -> tuple[float, float]:
    """Jobs a second and median milliseconds a job."""
    latencies: list[float] = []
    ready, lock = threading.Barrier(submitters + 1), threading.Lock()
    stop_s = [0.0]

    def work(number: int) -> None:
        call, mine = make(number), []
        call()
        ready.wait(60)
        ready.wait(60)
        while time.perf_counter() < stop_s[0]:
            began = time.perf_counter()
            call()
            mine.append(time.perf_counter() - began)
        with lock:
            latencies.extend(mine)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(submitters)]
    for thread in threads:
        thread.start()
    ready.wait(60)
    began = time.perf_counter()
    stop_s[0] = began + seconds
    ready.wait(60)
    for thread in threads:
        thread.join()
    return len(latencies) / (time.perf_counter() - began), 1e3 * statistics.median(latencies)


def our_caller(port: int, new_program: bool = False) -> Callable[[int], Call]:
    """Submit a no-op job and wait until it is done."""

    def make(number: int) -> Call:
        qmm = QuantumMachinesManager("127.0.0.1", port, user=f"user{number}")
        qm = qmm.open_qm(config(f"con{number % 2 + 1}", number // 2 + 1), close_other_machines=False)
        same = noop()
        cycles = iter(range(5 + number * 100_000, 1 << 30))

        def call() -> None:
            job = qm.queue.add(noop(next(cycles)) if new_program else same)
            job.wait_until("Done")

        return call

    return make


@contextlib.contextmanager
def our_cluster() -> Iterator[int]:
    """An embedded cluster of two controllers; yields its port."""
    with tempfile.TemporaryDirectory() as directory:
        port = free_ports()
        with EmbeddedCluster(embedded_cluster("con1:opx+,con2:opx+", Path(directory), port, plant="none")):
            yield port


@contextlib.contextmanager
def reference_cluster(folder: Path) -> Iterator[str]:
    """The reference broker with its journal at FULL and two workers; yields its address."""
    script, port = folder / "ref_broker.py", free_ports()
    front, back = f"tcp://127.0.0.1:{port}", f"tcp://127.0.0.1:{port + 1}"
    with tempfile.TemporaryDirectory() as directory:
        environment = {**os.environ, "REF_SYNC": "FULL"}
        commands = [["broker", front, back, f"{directory}/db"], ["node", back, "n0"], ["node", back, "n1"]]
        processes = [subprocess.Popen([sys.executable, str(script), *command], env=environment) for command in commands]
        try:
            time.sleep(1)
            yield front
        finally:
            for process in processes:
                process.kill()
                process.wait()


def reference_caller(front: str) -> Callable[[int], Call]:
    """One job through the reference."""
    import msgpack
    import zmq

    context = zmq.Context.instance()

    def make(number: int) -> Call:
        socket = context.socket(zmq.DEALER)
        socket.connect(front)
        count = iter(range(1 << 60))

        def call() -> None:
            head = msgpack.packb({"op": "run", "id": next(count)})
            socket.send_multipart([head, msgpack.packb([1, 2, 3])])
            socket.recv_multipart()

        return call

    return make


def main() -> None:
    """Measure in turn, print medians."""
    options = parser(__doc__)
    options.add_argument("--seconds", type=float, default=3.0)
    options.add_argument("--repeat", type=int, default=3)
    chosen = options.parse_args()
    seen: dict[str, list[tuple[float, float]]] = {name: [] for name in ("o1", "o16", "new", "r1", "r16")}
    has_reference = (Path(chosen.references) / "ref_broker.py").exists()
    for _ in range(chosen.repeat):
        with our_cluster() as port:
            seen["o16"].append(closed_loop(our_caller(port), SUBMITTERS, chosen.seconds))
        with our_cluster() as port:
            seen["o1"].append(closed_loop(our_caller(port), 1, chosen.seconds))
        with our_cluster() as port:
            seen["new"].append(closed_loop(our_caller(port, new_program=True), SUBMITTERS, chosen.seconds))
        if has_reference:
            with reference_cluster(Path(chosen.references)) as front:
                seen["r16"].append(closed_loop(reference_caller(front), SUBMITTERS, chosen.seconds))
                seen["r1"].append(closed_loop(reference_caller(front), 1, chosen.seconds))

    def median(name: str, column: int) -> float | None:
        return statistics.median(row[column] for row in seen[name]) if seen[name] else None

    show(
        [
            Figure(f"rate, {SUBMITTERS} submitters", median("o16", 0) or 0, median("r16", 0), "jobs/s", "more"),
            Figure("p50, 1 submitter", median("o1", 1) or 0, median("r1", 1), "ms", "less"),
            Figure(
                f"rate, {SUBMITTERS} submitters, new program each time",
                median("new", 0) or 0,
                median("r16", 0),
                "jobs/s",
                "more",
            ),
        ],
        chosen.json,
    )


if __name__ == "__main__":
    main()
