"""A controller process against a broker that the test plays: loads, fetches, halts, kills, garbage, lost brokers."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import zmq

sys.path.insert(0, str(Path(__file__).parents[1]))
import controller_stand_in as stand_in

from quaymaster._core.wire import (
    Beat,
    Command,
    Report,
    commands,
    content_digest,
    decode_report,
    encode,
    pack_plain,
    parcels,
)
from quaymaster._core.wire.reports import (
    Compiled,
    Delivered,
    FetchedData,
    FetchFailed,
    Hello,
    Inventory,
    Lacking,
    NotDelivered,
    Progress,
    Standing,
    Status,
    Trouble,
)

TESTS = Path(__file__).parents[1]
CONFIG = pack_plain(stand_in.config())


class PlayedBroker:
    """The broker's end: a ROUTER on a free port. Beats by itself while it waits."""

    def __init__(self, port: int = 0) -> None:
        self.context = zmq.Context()
        self.socket = self.context.socket(zmq.ROUTER)
        self.socket.set(zmq.LINGER, 0)
        self.socket.set(zmq.ROUTER_MANDATORY, 1)
        self.socket.bind(f"tcp://127.0.0.1:{port or '*'}")
        self.endpoint = self.socket.get(zmq.LAST_ENDPOINT).decode().rstrip("\0")
        self.peer = b""
        self.heard: list[Report] = []
        self.bodies: list[list[bytes]] = []
        self.beats = 0
        self.epoch = 1
        self._beat_at = 0.0

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.endpoint.rsplit(":", 1)[1])

    def tell(self, action: commands.Action, *bodies: bytes, epoch: int | None = None) -> None:
        """Send a command to the newest controller."""
        command = Command(epoch=self.epoch if epoch is None else epoch, action=action)  # type: ignore[arg-type]
        self.socket.send_multipart([self.peer, *encode(command, *bodies)])

    def hear(self, what: type[Any], within_s: float = 10.0, **fields: Any) -> Any:
        """Wait for a report of a kind, with these fields; it is taken out of what was heard."""
        until = time.monotonic() + within_s
        while True:
            for at, report in enumerate(self.heard):
                matter = report.matter
                if isinstance(matter, what) and all(getattr(matter, name) == value for name, value in fields.items()):
                    self.last_bodies = self.bodies.pop(at)
                    return self.heard.pop(at).matter
            left = until - time.monotonic()
            assert left > 0, f"no {what.__name__} {fields} in {within_s} s; heard {[r.matter for r in self.heard]}"
            self.listen(min(left, 0.2))

    def listen(self, for_s: float) -> None:
        """Take what comes for a while."""
        until = time.monotonic() + for_s
        while (left := until - time.monotonic()) > 0:
            self._beat()
            if self.socket.poll(min(200, int(left * 1000) + 1)):
                peer, *frames = self.socket.recv_multipart()
                message, bodies = decode_report(frames)
                if isinstance(message, Beat):
                    self.beats += 1
                    continue
                if isinstance(message.matter, Hello):
                    self.peer = peer
                self.heard.append(message)
                self.bodies.append(list(bodies))
                return

    def _beat(self) -> None:
        if self.peer and time.monotonic() >= self._beat_at:
            self._beat_at = time.monotonic() + 1.0
            with suppress(zmq.ZMQError):  # gone, or full: the controller's silence rules are what the tests look at
                self.socket.send_multipart([self.peer, *encode(Beat(instance="broker"))], zmq.DONTWAIT)

    def greet(self, seq: int = 0) -> Hello:
        """Welcome a controller that says hello, and open a qm on it."""
        hello: Hello = self.hear(Hello, within_s=20)
        try:
            self.tell(commands.Welcome(broker="store", seq=seq, heartbeat_ms=1000))
        except zmq.ZMQError:  # it has dialed anew since: a later hello is on its way
            return self.greet(seq)
        self.tell(commands.Open(qm_id="qm-1", config_digest="c"), CONFIG)
        return hello

    def inventory(self) -> dict[str, tuple[int, str]]:
        """What it holds: job -> (attempt, state)."""
        self.tell(commands.TakeInventory())
        held: Inventory = self.hear(Inventory)
        return {job.job_id: (job.attempt, job.state) for job in held.jobs}

    def load(self, job_id: str, body: bytes, attempt: int = 1, *, with_bodies: bool = True, **more: Any) -> None:
        """Send a job."""
        digest = content_digest(body)
        load = commands.Load(
            job_id=job_id, attempt=attempt, qm_id="qm-1", program_digest=digest, config_digest="c", **more
        )
        self.tell(load, *((body, CONFIG) if with_bodies else (b"", b"")))

    def fetch(self, job_id: str, start: int = 0, stop: int = -1, stream: str = "n") -> list[int]:
        """All items of a stream, asked for in as many parts as it takes."""
        data, offset = b"", 0
        while True:
            asked = commands.FetchData(
                fetch_id=f"f{offset}", job_id=job_id, stream=stream, start=start, stop=stop, offset=offset
            )
            self.tell(asked)
            got: FetchedData = self.hear(FetchedData, fetch_id=f"f{offset}")
            data += b"".join(self.last_bodies)
            offset = got.next_offset
            if not offset:
                return np.frombuffer(data, "<i8").tolist()

    def close(self) -> None:
        """Die."""
        self.socket.close(0)
        self.context.term()


class Process:
    """A controller process with the stand-in engine."""

    def __init__(self, broker: PlayedBroker, directory: Path, name: str = "con1") -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(TESTS / "controller_stand_in.py"), name, broker.endpoint, str(directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def kill(self) -> None:
        """-9."""
        self.process.kill()
        self.process.wait()

    def end(self) -> tuple[int, str, str]:
        """(exit code, stdout, stderr) after SIGTERM."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=15)
        return self.process.returncode, out, err


@pytest.fixture
def broker() -> Iterator[PlayedBroker]:
    """A broker."""
    played = PlayedBroker()
    yield played
    played.close()


@pytest.fixture
def controller(broker: PlayedBroker, tmp_path: Path) -> Iterator[Process]:
    """A controller process; it is ended in any case."""
    process = Process(broker, tmp_path / "con1")
    yield process
    if process.process.poll() is None:
        process.kill()


def test_a_job_from_compile_to_fetch(broker: PlayedBroker, controller: Process) -> None:
    """Compile, load without bodies, run, fetch; a stop by SIGTERM is clean, and one ready line was printed."""
    hello = broker.greet()
    assert (hello.name, hello.type) == ("con1", "opx+") and hello.instance
    body = stand_in.body(values=1000)
    digest = content_digest(body)
    broker.tell(
        commands.CompileProgram(compile_id="1", qm_id="qm-1", program_digest=digest, config_digest="c"), body, CONFIG
    )
    compiled: Compiled = broker.hear(Compiled)
    assert compiled.error is None and [stream.name for stream in compiled.streams] == ["n"]
    assert [(need.controller, need.threads) for need in compiled.threads] == [("con1", 1)]
    broker.load("1", body, with_bodies=False)
    done: Status = broker.hear(Status, job_id="1", state="completed")
    assert done.streams[0].count == 1000 and done.streams[0].closed
    assert broker.fetch("1") == list(range(1000)) and broker.fetch("1", 10, 13) == [10, 11, 12]
    assert broker.inventory() == {"1": (1, "completed")}
    broker.tell(commands.Acknowledge(seq=99))
    assert broker.inventory() == {}
    code, out, _ = controller.end()
    assert code == 0 and out == f"quaymaster controller con1 (opx+) ready, pid {controller.process.pid}\n"


def test_errors_are_reports_not_ends(broker: PlayedBroker, controller: Process) -> None:
    """A program that does not compile or is none, a bad config, a qm that is not open, a stale attempt."""
    broker.greet()
    broker.load("1", stand_in.body(wrong=1))
    assert "script.py:7" in broker.hear(Status, job_id="1", state="error").error.message
    broker.load("2", b"\xc1 this is no program")
    assert broker.hear(Status, job_id="2", state="error").error.code == "bad_program"
    broker.tell(commands.Open(qm_id="qm-2", config_digest="bad"), b"\xc1")
    assert broker.hear(Trouble, command="open").note == "qm-2"
    load = commands.Load(job_id="3", attempt=1, qm_id="qm-9", program_digest="p", config_digest="c")
    broker.tell(load, stand_in.body(values=1), CONFIG)
    assert broker.hear(Status, job_id="3", state="error").error.code == "unknown_qm"
    broker.load("4", stand_in.body(values=1), attempt=3)
    broker.hear(Status, job_id="4", state="completed")
    broker.load("4", stand_in.body(values=1), attempt=2)
    trouble: Trouble = broker.hear(Trouble, command="load")
    assert trouble.error.code == "stale_attempt" and trouble.note == "4"
    broker.tell(commands.FetchData(fetch_id="x", job_id="77", stream="n", start=0, stop=-1))
    assert broker.hear(FetchFailed, fetch_id="x").error.code == "results_gone"
    broker.load("5", stand_in.body(values=1))
    broker.hear(Status, job_id="5", state="completed")


def test_what_it_lacks_it_asks_for(broker: PlayedBroker, controller: Process) -> None:
    """A load without bodies of a program that never came: lacking; then with them it runs."""
    broker.greet()
    body = stand_in.body(values=3)
    broker.load("1", body, with_bodies=False)
    assert broker.hear(Lacking).attempt == 1
    broker.load("1", body)
    broker.hear(Status, job_id="1", state="completed")


def test_a_running_job_is_seen_and_halted(broker: PlayedBroker, controller: Process) -> None:
    """Progress and partial results while it runs; halt ends it fast and keeps them; heartbeats go on meanwhile."""
    broker.greet()
    broker.load("1", stand_in.body(values=10_000_000, sleep_ms=1, steps=10))
    broker.hear(Status, job_id="1", state="running")
    progress: Progress = broker.hear(Progress, job_id="1")
    assert progress.streams[0].count > 0 and not progress.streams[0].closed
    live = broker.fetch("1")
    assert live == list(range(len(live))) and live
    broker.listen(1.5)
    began = time.monotonic()
    broker.tell(commands.Halt(job_id="1", attempt=1))
    final: Status = broker.hear(Status, job_id="1", state="canceled")
    assert time.monotonic() - began < 0.5
    values = broker.fetch("1")
    assert values == list(range(final.streams[0].count)) and len(values) >= len(live)
    broker.tell(commands.Halt(job_id="1", attempt=1))
    broker.hear(Status, job_id="1", state="canceled")
    assert broker.beats >= 1


def test_jobs_run_side_by_side(broker: PlayedBroker, controller: Process) -> None:
    """A long one does not hold up short ones, nor does one that compiles for long."""
    broker.greet()
    broker.load("1", stand_in.body(values=10_000_000, sleep_ms=1, steps=10))
    broker.load("2", stand_in.body(compile_ms=5_000))
    broker.hear(Status, job_id="1", state="running")
    for job_id in ("3", "4", "5"):
        broker.load(job_id, stand_in.body(values=2))
        broker.hear(Status, within_s=2, job_id=job_id, state="completed")
    broker.tell(commands.Halt(job_id="2", attempt=1))
    broker.hear(Status, within_s=2, job_id="2", state="canceled")


def test_a_job_waits_for_its_start(broker: PlayedBroker, controller: Process) -> None:
    """Loaded without start, started later."""
    broker.greet()
    broker.load("1", stand_in.body(values=2), start=False)
    time.sleep(0.2)
    assert broker.inventory() == {"1": (1, "loading")}
    broker.tell(commands.Start(job_id="1", attempt=1))
    broker.hear(Status, job_id="1", state="completed")


def test_a_job_stands_still_and_is_brought_what_it_waits_for(broker: PlayedBroker, controller: Process) -> None:
    """Fetches go on while it is paused, a new broker finds it so; what is not here refuses."""
    broker.greet()
    broker.load("1", stand_in.body(values=7, pause_every=5))
    broker.hear(Status, state="running")
    assert broker.hear(Standing).paused
    assert broker.fetch("1") == [0, 1, 2, 3, 4]
    broker.tell(commands.TakeInventory())
    (held,) = broker.hear(Inventory).jobs
    assert (held.state, held.paused) == ("running", True)
    assert [told.matter.streams[0].count for told in broker.heard if isinstance(told.matter, Progress)] == [5, 5]
    resume = commands.Deliver(delivery_id="d", job_id="1", attempt=1, parcel=parcels.Resume())
    broker.tell(msgspec.structs.replace(resume, delivery_id="e", attempt=2))
    assert broker.hear(NotDelivered, delivery_id="e").error.code == "job_not_running"
    broker.tell(resume)
    assert not broker.hear(Delivered, delivery_id="d").paused
    assert broker.hear(Status, state="completed").streams[0].count == 7
    broker.tell(resume)
    assert broker.hear(NotDelivered, delivery_id="d").error.code == "job_not_running"


def test_a_closed_qm_ends_its_jobs_and_frees_its_ports(broker: PlayedBroker, controller: Process) -> None:
    """Another qm may have them then; before, it is refused by name."""
    broker.greet()
    broker.load("1", stand_in.body(values=10_000_000, sleep_ms=1, steps=10))
    broker.hear(Status, job_id="1", state="running")
    broker.tell(commands.Open(qm_id="qm-2", config_digest="c"))
    assert "qm-1" in broker.hear(Trouble, command="open").error.message
    broker.tell(commands.Close(qm_id="qm-1"))
    broker.hear(Status, job_id="1", state="canceled")
    broker.tell(commands.Open(qm_id="qm-2", config_digest="c"))
    broker.tell(commands.TakeInventory())
    assert broker.hear(Inventory).qm_ids == ["qm-2"]


def test_killed_while_it_loads(broker: PlayedBroker, controller: Process, tmp_path: Path) -> None:
    """The next process holds nothing, takes the job again as a new attempt, and runs it."""
    first = broker.greet()
    body = stand_in.body(values=5, compile_ms=10_000)
    broker.load("1", body)
    assert broker.inventory() == {"1": (1, "loading")}
    controller.kill()
    again = Process(broker, tmp_path / "con1")
    try:
        assert broker.greet().instance != first.instance
        assert broker.inventory() == {}
        broker.load("1", stand_in.body(values=5), attempt=2)
        broker.hear(Status, job_id="1", attempt=2, state="completed")
    finally:
        again.kill()


def test_killed_while_it_runs(broker: PlayedBroker, controller: Process, tmp_path: Path) -> None:
    """The next process holds nothing, and serves what was on disk; a halt of the old attempt is answered."""
    broker.greet()
    broker.load("1", stand_in.body(values=10_000_000, steps=100_000))
    while broker.hear(Progress, job_id="1").streams[0].count < 200_000:
        pass
    controller.kill()
    broker.heard.clear()
    broker.bodies.clear()
    again = Process(broker, tmp_path / "con1")
    try:
        broker.greet()
        assert broker.inventory() == {}
        values = broker.fetch("1")
        assert len(values) >= 131_072 and values == list(range(len(values)))
        broker.tell(commands.Halt(job_id="1", attempt=1))
        broker.hear(Status, job_id="1", state="canceled")
    finally:
        again.kill()


def test_killed_before_its_report_was_acknowledged(broker: PlayedBroker, controller: Process, tmp_path: Path) -> None:
    """The results of the completed job are on disk: synced before `completed` was said."""
    broker.greet()
    broker.load("1", stand_in.body(values=300))
    broker.hear(Status, job_id="1", state="completed")
    controller.kill()
    again = Process(broker, tmp_path / "con1")
    try:
        broker.greet()
        assert broker.inventory() == {}
        assert broker.fetch("1") == list(range(300))
        broker.tell(commands.DropResults(job_ids=["1"]))
        time.sleep(0.3)
        broker.tell(commands.FetchData(fetch_id="x", job_id="1", stream="n", start=0, stop=-1))
        assert broker.hear(FetchFailed).error.code == "results_gone"
    finally:
        again.kill()


def test_a_broker_that_dies_and_comes_back(broker: PlayedBroker, controller: Process) -> None:
    """The job runs on; reports of the meantime come with their numbers, the inventory tells the rest."""
    hello = broker.greet()
    broker.load("1", stand_in.body(values=100, sleep_ms=10, steps=10))
    broker.load("2", stand_in.body(values=10_000_000, sleep_ms=1, steps=10))
    broker.hear(Status, job_id="2", state="running")
    broker.close()
    time.sleep(1.5)
    back = PlayedBroker(broker.port)
    back.epoch = 2
    try:
        assert back.greet().instance == hello.instance
        done: Status = back.hear(Status, job_id="1", state="completed")
        assert done.streams[0].count == 100
        assert back.inventory() == {"1": (1, "completed"), "2": (1, "running")}
        assert back.fetch("1") == list(range(100))
        back.tell(commands.Halt(job_id="2", attempt=1), epoch=1)
        assert back.hear(Trouble, command="halt").error.code == "old_epoch"
        back.tell(commands.Halt(job_id="2", attempt=1))
        back.hear(Status, job_id="2", state="canceled")
    finally:
        back.close()


def test_a_broker_that_was_restarted_asks_for_the_hello(broker: PlayedBroker, controller: Process) -> None:
    """say_hello on the old connection: hello again, and all that was not acknowledged comes again, in order."""
    broker.greet()
    for job_id in ("1", "2"):
        broker.load(job_id, stand_in.body(values=1))
        broker.hear(Status, job_id=job_id, state="completed")
    broker.tell(commands.SayHello())
    broker.greet(seq=1)
    broker.hear(Status, job_id="2", state="completed")
    broker.listen(0.3)
    assert not [report for report in broker.heard if isinstance(report.matter, Status)]


def test_a_broker_that_falls_silent_is_dialed_again(broker: PlayedBroker, controller: Process) -> None:
    """A link that was cut looks like silence: after three missed beats it says hello on a new connection."""
    broker.greet()
    first = broker.peer
    broker.load("1", stand_in.body(values=30, sleep_ms=100, steps=10))
    broker.hear(Status, job_id="1", state="running")
    time.sleep(4.0)
    broker.peer = b""
    broker.greet(seq=1)
    assert broker.peer != first
    broker.hear(Status, job_id="1", state="completed")


def test_garbage_frames_change_nothing(broker: PlayedBroker, controller: Process) -> None:
    """Frames that are no command, of another version, too short, empty: the next command works."""
    broker.greet()
    good = encode(Command(epoch=1, action=commands.TakeInventory()))
    for frames in (
        [b""],
        [b"\x01"],
        [b"\xff\x03", b"\x80"],
        [bytes([9, 3]), good[1]],
        [good[0], b"\xc1"],
        [good[0], b"\xdf\xff\xff\xff\xff"],
        [good[0], b"\x00" * 1_000_000],
        [good[0], good[1][:-1]],
        [*good, *[b"x"] * 5],
    ):
        broker.socket.send_multipart([broker.peer, *frames])
    broker.load("1", stand_in.body(values=2))
    broker.hear(Status, job_id="1", state="completed")


def test_a_reader_that_does_not_read_holds_up_nobody(broker: PlayedBroker, controller: Process) -> None:
    """Many large fetches of which no answer is taken for a while: jobs run on, memory is bounded, all answers come."""
    broker.greet()
    broker.load("1", stand_in.body(values=2_000_000, steps=1_000_000))
    broker.hear(Status, within_s=30, job_id="1", state="completed")
    asked = 20
    for number in range(asked):
        broker.tell(commands.FetchData(fetch_id=str(number), job_id="1", stream="n", start=0, stop=-1))
    broker.load("2", stand_in.body(values=2))
    time.sleep(1.5)
    status = Path(f"/proc/{controller.process.pid}/status")
    if status.exists():
        resident_kb = next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmRSS"))
        assert resident_kb < 250_000  # 20 answers of 8 MiB are not held at once
    for number in range(asked):
        got: FetchedData = broker.hear(FetchedData, within_s=30, fetch_id=str(number))
        assert got.next_offset == 8 * 1024 * 1024
    broker.hear(Status, within_s=30, job_id="2", state="completed")


def test_two_controllers_of_one_name(broker: PlayedBroker, controller: Process, tmp_path: Path) -> None:
    """On one directory the second does not start; the one that the broker refuses says why and ends."""
    broker.greet()
    second = Process(broker, tmp_path / "con1")
    code, _, err = second.end() if second.process.wait(10) is not None else (0, "", "")
    assert code != 0 and "held by another controller" in err
    fault = {"family": "taken", "code": "name_taken", "message": "a newer process has taken the name con1"}
    from quaymaster._core.wire import Fault

    broker.tell(commands.Refuse(error=Fault(**fault)))  # type: ignore[arg-type]
    assert controller.process.wait(10) != 0
    assert "has taken the name con1" in controller.end()[2]


def test_a_stop_keeps_partial_results_and_says_so(broker: PlayedBroker, controller: Process) -> None:
    """SIGTERM while a job runs: its values are on disk, its last word is an error that names the stop."""
    broker.greet()
    broker.load("1", stand_in.body(values=10_000_000, sleep_ms=1, steps=10))
    broker.hear(Progress, job_id="1")
    controller.process.send_signal(signal.SIGTERM)
    last: Status = broker.hear(Status, job_id="1", state="error")
    assert last.error is not None and last.error.code == "controller_lost" and last.streams[0].count > 0
    assert controller.process.wait(10) == 0


def test_an_address_beyond_this_machine_is_refused(tmp_path: Path) -> None:
    """Without keys it dials loopback alone."""
    command = [sys.executable, "-m", "quaymaster.controller", "con1", "--broker", "tcp://192.0.2.1:9511"]
    ended = subprocess.run([*command, "--dir", str(tmp_path)], capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1 and "keys_needed" in ended.stderr


@pytest.mark.long
@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_instant_the_results_are_a_prefix(broker: PlayedBroker, tmp_path: Path, seed: int) -> None:
    """kill -9 while chunks are written: what the next process finds is the first values, in order, without a gap."""
    first = Process(broker, tmp_path / "con1")
    broker.greet()
    broker.load("1", stand_in.body(values=10_000_000, steps=100_000))
    broker.hear(Status, job_id="1", state="running")
    time.sleep(random.Random(seed).uniform(0, 0.6))
    first.kill()
    broker.heard.clear()
    broker.bodies.clear()
    again = Process(broker, tmp_path / "con1")
    try:
        broker.greet()
        assert broker.inventory() == {}
        broker.tell(commands.FetchData(fetch_id="x", job_id="1", stream="n", start=0, stop=-1))
        report = broker.hear((FetchedData, FetchFailed), fetch_id="x")  # type: ignore[arg-type]
        if isinstance(report, FetchFailed):
            assert report.error.code == "results_gone"
        else:
            values = broker.fetch("1")
            assert values == list(range(report.stream.count)) and report.stream.closed
        broker.load("1", stand_in.body(values=9), attempt=2)
        broker.hear(Status, job_id="1", attempt=2, state="completed")
        assert broker.fetch("1") == list(range(9))
    finally:
        again.kill()
