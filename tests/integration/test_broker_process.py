"""The broker as a process on loopback, with controllers and clients written here: kills, garbage, floods, silence."""

from __future__ import annotations

import os
import signal
import socket as plain_socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from quaymaster._core import wire
from quaymaster._core.errors import QuaymasterError
from quaymaster._core.wire import commands, reports, requests

PROGRAM = b"program"
DIGEST = wire.content_digest(PROGRAM)
PATIENCE_S = 20.0


class BrokerProcess:
    """`python -m quaymaster.broker`, on ports that stay the same over restarts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.ports = free_ports(3)
        self.start()

    def start(self) -> None:
        """Start and wait for the ready line."""
        clients, controllers, events = (f"tcp://127.0.0.1:{port}" for port in self.ports)
        arguments = [
            "--dir",
            str(self.directory),
            "--clients",
            clients,
            "--controllers",
            controllers,
            "--events",
            events,
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "quaymaster.broker", *arguments], stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        assert self.ready.startswith("broker ready "), self.ready
        self.endpoints = dict(part.split("=", 1) for part in self.ready.split()[2:])

    def kill(self) -> None:
        """kill -9."""
        self.process.kill()
        self.process.wait(PATIENCE_S)

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


class FakeController(threading.Thread):
    """Answers commands; keeps loaded jobs running until it is told to finish them."""

    def __init__(self, endpoint: str, name: str = "con1", *, quick: bool = False, instance: str = "") -> None:
        super().__init__(daemon=True)
        self.endpoint, self.controller, self.quick = endpoint, name, quick
        self.instance = instance or f"{name}-{time.monotonic_ns()}"
        self.jobs: dict[str, tuple[int, str]] = {}
        self.loads: list[str] = []
        self.refused: wire.Fault | None = None
        self.hellos = 0
        self.seq = 0
        self.spool: list[reports.Report] = []
        self.tasks: list[Any] = []
        self.ended = threading.Event()
        self.start()

    def run(self) -> None:
        """One thread owns the socket."""
        context: zmq.Context[Any] = zmq.Context()
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(self.endpoint)
        self.hello()
        beat_at = 0.0
        while not self.ended.is_set():
            if self.socket.poll(20):
                record, _ = wire.decode_command(self.socket.recv_multipart())
                if isinstance(record, wire.Command):
                    self.obey(record.action)
            while self.tasks:
                self.tasks.pop(0)()
            if time.monotonic() > beat_at:
                beat_at = time.monotonic() + 0.5
                self.socket.send_multipart(wire.encode(wire.Beat(instance=self.instance)))
        self.socket.close(0)
        context.term()

    def hello(self) -> None:
        """Say hello, and again what was not acknowledged."""
        self.hellos += 1
        self.say(reports.Hello(name=self.controller, type="opx+", instance=self.instance, version="0"), spooled=False)
        for report in self.spool:
            self.socket.send_multipart(wire.encode(report))

    def say(self, matter: Any, *bodies: bytes, spooled: bool = True) -> None:
        """A report."""
        self.seq += spooled
        report = wire.Report(seq=self.seq if spooled else 0, matter=matter)
        if spooled:
            self.spool.append(report)
        self.socket.send_multipart(wire.encode(report, *bodies))

    def obey(self, action: Any) -> None:
        """Follow a command."""
        match action:
            case commands.SayHello():
                self.hello()
            case commands.Refuse():
                self.refused = action.error
                self.ended.set()
            case commands.Acknowledge():
                self.spool = [report for report in self.spool if report.seq > action.seq]
            case commands.TakeInventory():
                held = [
                    reports.HeldJob(job_id=job_id, attempt=attempt, state=state)  # type: ignore[arg-type]
                    for job_id, (attempt, state) in self.jobs.items()
                ]
                self.say(reports.Inventory(jobs=held), spooled=False)
            case commands.CompileProgram():
                threads = [wire.ThreadNeed(controller=self.controller, threads=1)]
                streams = [wire.StreamSchema(name="s", dtype="<i4")]
                self.say(
                    reports.Compiled(
                        compile_id=action.compile_id,
                        program_digest=action.program_digest,
                        threads=threads,
                        streams=streams,
                    )
                )
            case commands.Load() if action.job_id not in self.jobs:
                self.loads.append(action.job_id)
                self.jobs[action.job_id] = (action.attempt, "running")
                if self.quick:
                    self.end_job(action.job_id)
                else:
                    self.say(reports.Status(job_id=action.job_id, attempt=action.attempt, state="running"))
            case commands.Halt():
                self.jobs.setdefault(action.job_id, (action.attempt, "running"))
                self.end_job(action.job_id, "canceled")
            case commands.FetchData():
                stream = wire.StreamState(schema=wire.StreamSchema(name="s", dtype="<i4"), count=1 << 20)
                chunk = bytes(range(256)) * 4096
                self.say(
                    reports.FetchedData(fetch_id=action.fetch_id, stream=stream, start=0, stop=1 << 20),
                    *[chunk] * 4,
                    spooled=False,
                )

    def end_job(self, job_id: str, state: Any = "completed") -> None:
        """In the controller's own thread: a job reaches its end."""
        attempt, _ = self.jobs[job_id]
        self.jobs[job_id] = (attempt, state)
        self.say(reports.Status(job_id=job_id, attempt=attempt, state=state))

    def finish(self, job_id: str) -> None:
        """From a test: let a job complete."""
        self.tasks.append(lambda: self.end_job(job_id))

    def leave(self) -> None:
        """The process is gone."""
        self.ended.set()
        self.join(PATIENCE_S)


class Client:
    """Asks, and asks again with the same id when there is no answer."""

    def __init__(self, endpoint: str, user: str = "ann") -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.user = user
        self.count = 0
        self.ask(requests.Hello(user=user))

    def ask(self, args: Any, *bodies: bytes, request_id: str = "") -> Any:
        """The result; raises the error."""
        self.count += 1
        chance = f"{id(self) % 10**8:08d}{self.count:08d}"
        request = wire.Request(
            request_id=request_id or wire.make_request_id(time.time_ns() // 10**6, chance), args=args
        )
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            self.socket.send_multipart(wire.encode(request, *bodies))
            while self.socket.poll(1000):
                reply, self.bodies = wire.decode_reply(self.socket.recv_multipart())
                if reply.request_id != request.request_id:
                    continue
                if reply.error is not None and reply.error.code == "hello_first":
                    self.ask(requests.Hello(user=self.user))
                elif not reply.pending:
                    return wire.result_of(reply, args)
                break
        raise TimeoutError(f"no answer to {args}")

    def raw(self, *frames: bytes) -> wire.Reply:
        """Send any frames, give the reply."""
        self.socket.send_multipart(list(frames))
        assert self.socket.poll(5000), "no answer"
        return wire.decode_reply(self.socket.recv_multipart())[0]

    def open(self, *ports: int, controller: str = "con1") -> str:
        """Open a qm."""
        raw = {"controllers": {controller: {"type": "opx1", "analog_outputs": {port: {} for port in ports}}}}
        return str(self.ask(requests.OpenQm(close_mode="never"), wire.pack_plain(raw)).qm_id)

    def add(self, qm_id: str) -> str:
        """Add a job."""
        return str(self.ask(requests.AddJob(qm_id=qm_id, digest=DIGEST), PROGRAM).job_id)

    def wait(self, job_id: str, *states: Any) -> Any:
        """Wait for a state."""
        return self.ask(requests.WaitJob(job_id=job_id, until=list(states)))

    def pending(self, qm_id: str) -> list[str]:
        """The queue."""
        return [job.job_id for job in self.ask(requests.GetJobs(qm_ids=[qm_id], states=["pending"])).jobs]

    def until_connected(self, *names: str) -> None:
        """Wait until these controllers, and of those named no other, are connected."""
        until(lambda: set(names) <= {c.name for c in self.ask(requests.GetStatus()).controllers if c.connected})

    def leave(self) -> None:
        """Vanish."""
        self.socket.close(0)
        self.context.term()


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [plain_socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def until(condition: Any) -> None:
    """Wait for a condition."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never became true"
        time.sleep(0.02)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[BrokerProcess]:
    """A broker."""
    made = BrokerProcess(tmp_path / "state")
    yield made
    if made.process.poll() is None:
        made.kill()


@pytest.fixture
def controller(broker: BrokerProcess) -> Iterator[FakeController]:
    """con1, connected."""
    made = FakeController(broker.endpoints["controllers"])
    yield made
    made.leave()


@pytest.fixture
def client(broker: BrokerProcess, controller: FakeController) -> Iterator[Client]:
    """A client; con1 is connected."""
    made = Client(broker.endpoints["clients"])
    made.until_connected("con1")
    yield made
    made.leave()


def test_a_job_runs_from_its_submission_to_its_end(client: Client, controller: FakeController) -> None:
    """Add, running, completed, and its data in chunks, over real sockets."""
    qm = client.open(1)
    job = client.add(qm)
    assert client.wait(job, "running").state == "running"
    controller.finish(job)
    assert client.wait(job).state == "completed"
    client.ask(requests.Fetch(job_id=job, stream="s"))
    assert [len(body) for body in client.bodies] == [1 << 20] * 4


def test_it_ends_cleanly_and_starts_again(broker: BrokerProcess, client: Client) -> None:
    """SIGTERM: exit code 0, no lock left, the qm is there after a start."""
    qm = client.open(1)
    assert broker.stop() == 0
    broker.start()
    assert client.ask(requests.ListQms()).qm_ids == [qm]
    broker.process.send_signal(signal.SIGINT)
    assert broker.process.wait(PATIENCE_S) == 0


def test_a_killed_broker_loses_nothing(broker: BrokerProcess, client: Client, controller: FakeController) -> None:
    """kill -9 with one job running and three queued: the order is there, the running one goes on, all end once."""
    qm = client.open(1)
    running = client.add(qm)
    client.wait(running, "running")
    queued = [client.add(qm) for _ in range(3)]
    broker.kill()
    controller.finish(running)  # while nobody listens: the report waits in the spool
    broker.start()
    until(lambda: controller.hellos >= 2)
    assert client.wait(running).state == "completed"
    for job in queued:
        client.wait(job, "running")
        controller.finish(job)
        assert client.wait(job).state == "completed"
    assert controller.loads == [running, *queued]


def test_kills_under_load_lose_no_accepted_job(tmp_path: Path) -> None:
    """Three kills while four users submit: every confirmed job exists, is one job, and ends."""
    broker = BrokerProcess(tmp_path / "state")
    fakes = [FakeController(broker.endpoints["controllers"], name, quick=True) for name in ("con1", "con2")]
    first = Client(broker.endpoints["clients"])
    first.until_connected("con1", "con2")
    qms = [first.open(1, controller=name) for name in ("con1", "con2")]
    accepted: list[str] = []
    stop = threading.Event()
    problems: list[BaseException] = []

    def submit(number: int) -> None:
        try:
            mine = Client(broker.endpoints["clients"], f"user{number}")
            while not stop.is_set():
                try:
                    accepted.append(mine.add(qms[number % 2]))
                except QuaymasterError as error:
                    if error.code not in ("controller_unavailable", "controller_lost", "store_unavailable"):
                        raise
                    time.sleep(0.05)
            mine.leave()
        except BaseException as error:
            problems.append(error)

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        time.sleep(0.7)
        broker.kill()
        broker.start()
    time.sleep(0.7)
    stop.set()
    for thread in threads:
        thread.join(60)
    assert not problems, problems
    assert len(accepted) == len(set(accepted)) > 50
    until(lambda: not first.ask(requests.GetJobs(states=["pending", "loading", "running"])).jobs)
    states = {job: first.ask(requests.GetJob(job_id=job)).state for job in accepted}
    assert set(states.values()) <= {"completed", "error"}  # error: what ran when its controller counted as lost
    assert sum(state == "completed" for state in states.values()) > len(states) / 2
    for fake in fakes:
        fake.leave()
    first.leave()
    assert broker.stop() == 0


def test_a_killed_controller_is_noticed_at_once(
    broker: BrokerProcess, client: Client, controller: FakeController
) -> None:
    """Its job ends with `controller_lost` in under two seconds; when it is back, the queue goes on."""
    qm = client.open(1)
    job, following = client.add(qm), client.add(qm)
    client.wait(job, "running")
    started = time.monotonic()
    controller.leave()
    info = client.wait(job)
    assert time.monotonic() - started < 2.0
    assert (info.state, info.error.code) == ("error", "controller_lost")
    assert client.pending(qm) == [following]
    assert "not connected" in client.ask(requests.Why(job_id=following)).text
    back = FakeController(broker.endpoints["controllers"], quick=True)
    assert client.wait(following).state == "completed"
    back.leave()


def test_a_silent_controller_is_noticed_by_its_heartbeats(broker: BrokerProcess, client: Client) -> None:
    """A connection that stays open and says nothing counts as lost after three beats."""
    context: zmq.Context[Any] = zmq.Context()
    silent = context.socket(zmq.DEALER)
    silent.linger = 0
    silent.connect(broker.endpoints["controllers"])
    hello = reports.Hello(name="con2", type="opx", instance="i", version="0")
    silent.send_multipart(wire.encode(wire.Report(matter=hello)))
    client.until_connected("con2")
    started = time.monotonic()

    def is_lost() -> bool:
        return not next(c for c in client.ask(requests.GetStatus()).controllers if c.name == "con2").connected

    until(is_lost)
    assert 2.0 < time.monotonic() - started < 6.0
    silent.send_multipart(wire.encode(wire.Beat(instance="i")))
    actions = []
    while silent.poll(500):
        record, _ = wire.decode_command(silent.recv_multipart())
        actions += [record.action] if isinstance(record, wire.Command) else []
    assert isinstance(actions[-1], commands.SayHello)
    silent.close(0)
    context.term()


def test_a_stopped_broker_does_not_blame_its_controllers(
    broker: BrokerProcess, client: Client, controller: FakeController
) -> None:
    """SIGSTOP for five seconds: the controllers' silence was the broker's own, and the job goes on."""
    qm = client.open(1)
    job = client.add(qm)
    client.wait(job, "running")
    os.kill(broker.process.pid, signal.SIGSTOP)
    time.sleep(5)
    os.kill(broker.process.pid, signal.SIGCONT)
    time.sleep(0.5)
    controller.finish(job)
    assert client.wait(job).state == "completed"


def test_a_second_process_of_a_name_takes_it_over(
    broker: BrokerProcess, client: Client, controller: FakeController
) -> None:
    """The older one is told so, and ends."""
    newer = FakeController(broker.endpoints["controllers"], quick=True)
    until(lambda: controller.refused is not None)
    assert controller.refused is not None
    assert controller.refused.code == "name_taken"
    client.until_connected("con1")
    qm = client.open(1)
    assert client.wait(client.add(qm)).state == "completed"
    newer.leave()


def test_a_controller_that_has_seen_a_later_broker_is_told_so(broker: BrokerProcess, client: Client) -> None:
    """A broker with an older store does not lead: the controller is refused in words, under an epoch that it obeys."""
    context: zmq.Context[Any] = zmq.Context()
    later = context.socket(zmq.DEALER)
    later.linger = 0
    later.connect(broker.endpoints["controllers"])
    hello = reports.Hello(name="con2", type="opx", instance="i", version="0", epoch=99)
    later.send_multipart(wire.encode(wire.Report(matter=hello)))
    assert later.poll(5000)
    record, _ = wire.decode_command(later.recv_multipart())
    assert isinstance(record, wire.Command)
    assert isinstance(record.action, commands.Refuse)
    assert (record.epoch, record.action.error.code) == (99, "stale_broker")
    later.close(0)
    context.term()


def test_garbage_is_answered_and_harms_nobody(broker: BrokerProcess, client: Client) -> None:
    """Frames of garbage at every socket; other clients are served as before."""
    other = Client(broker.endpoints["clients"], "eve")
    good = wire.encode(wire.Request(request_id=wire.make_request_id(1, "abcd"), args=requests.GetStatus()))
    for frames, code in [
        ((b"",), "bad_frame"),
        ((b"garbage",), "bad_frame"),
        ((os.urandom(2), os.urandom(50)), None),
        ((b"\x01\x01", os.urandom(1000)), "bad_frame"),
        ((b"\x01\x01", b"\x91" * 10_000), "bad_frame"),
        ((b"\x01\x01", b"\xdd\xff\xff\xff\xff"), "bad_frame"),
        ((b"\x07\x01", good[1]), "wrong_version"),
        ((bytes(20 << 20),), "bad_frame"),
        ((good[0], bytes(2 << 20)), "too_large"),
        ((*good, bytes(17 << 20)), "too_large"),
        ((*good, *[b""] * 200), "too_large"),
    ]:
        reply = other.raw(*frames)
        assert reply.error is not None
        assert code is None or reply.error.code == code, (frames[0][:10], reply.error)
    context: zmq.Context[Any] = zmq.Context()
    for endpoint in (broker.endpoints["controllers"], broker.endpoints["events"]):
        for kind in (zmq.DEALER, zmq.REQ, zmq.SUB):
            stranger = context.socket(kind)
            stranger.linger = 1000
            stranger.connect(endpoint)
            if kind == zmq.SUB:
                stranger.subscribe(b"")
            else:
                stranger.send_multipart([os.urandom(10), bytes(1 << 20)])
                stranger.close()
        with plain_socket.create_connection(("127.0.0.1", int(endpoint.rsplit(":", 1)[1]))) as stream:
            stream.sendall(os.urandom(4096))
    context.destroy(0)
    assert client.ask(requests.ListQms()).qm_ids == []
    with pytest.raises(QuaymasterError, match=r"bytes after its value|MessagePack"):
        client.ask(requests.OpenQm(), bytes(15 << 20) + b"x")
    assert other.ask(requests.ListQms()).qm_ids == []
    assert broker.process.poll() is None
    other.leave()


def test_more_than_the_message_limit_ends_the_connection_only(broker: BrokerProcess, client: Client) -> None:
    """libzmq drops a peer that sends a frame beyond MESSAGE_BYTES; the broker and everybody else go on."""
    context: zmq.Context[Any] = zmq.Context()
    big = context.socket(zmq.DEALER)
    big.linger = 0
    big.connect(broker.endpoints["clients"])
    big.send_multipart([b"\x01\x01", bytes(wire.limits.MESSAGE_BYTES + 1)])
    assert not big.poll(1000)
    assert client.ask(requests.ListQms()).qm_ids == []
    big.close(0)
    context.term()


def test_a_client_that_vanishes_leaves_its_work(
    broker: BrokerProcess, client: Client, controller: FakeController
) -> None:
    """Its qm and jobs stay, its parked request troubles nobody."""
    gone = Client(broker.endpoints["clients"], "bob")
    qm = gone.open(1)
    job = gone.add(qm)
    request = wire.Request(
        request_id=wire.make_request_id(time.time_ns() // 10**6, "park"), args=requests.WaitJob(job_id=job)
    )
    gone.socket.send_multipart(wire.encode(request))
    client.wait(job, "running")
    gone.leave()
    controller.finish(job)
    assert client.wait(job).state == "completed"
    assert client.ask(requests.GetJob(job_id=job)).user == "bob"
    assert client.ask(requests.ListQms()).qm_ids == [qm]


def test_a_client_that_does_not_read_holds_nobody_up(broker: BrokerProcess, client: Client) -> None:
    """160 MB of answers that nobody reads: others are answered as quickly as before."""
    qm = client.open(1)
    job = client.add(qm)
    client.wait(job, "running")
    context: zmq.Context[Any] = zmq.Context()
    lazy = context.socket(zmq.DEALER)
    lazy.linger = 0
    lazy.rcvhwm = 1
    lazy.connect(broker.endpoints["clients"])
    hello = wire.Request(request_id=wire.make_request_id(1, "lazy"), args=requests.Hello(user="lazy"))
    lazy.send_multipart(wire.encode(hello))
    for number in range(40):
        fetch = requests.Fetch(job_id=job, stream="s")
        request = wire.Request(request_id=wire.make_request_id(time.time_ns() // 10**6, f"l{number:05d}"), args=fetch)
        lazy.send_multipart(wire.encode(request))
    slowest = 0.0
    for _ in range(50):
        started = time.monotonic()
        client.ask(requests.GetQm(qm_id=qm))
        slowest = max(slowest, time.monotonic() - started)
    assert slowest < 1.0
    lazy.close(0)
    context.term()


def test_events_carry_a_revision_and_a_beat(broker: BrokerProcess, client: Client) -> None:
    """Whoever listens sees hints of what changed, and at least one event in two seconds."""
    context: zmq.Context[Any] = zmq.Context()
    listener = context.socket(zmq.SUB)
    listener.subscribe(b"")
    listener.connect(client.ask(requests.Hello(user="ann")).events)
    assert listener.poll(3000)
    before = wire.decode_event(listener.recv_multipart()).revision
    qm = client.open(1)
    seen: list[wire.Event] = []
    while not any(hint.kind == "qm" and hint.id == qm for event in seen for hint in event.hints):
        assert listener.poll(2000)
        seen.append(wire.decode_event(listener.recv_multipart()))
    assert seen[-1].revision > before
    listener.close(0)
    context.term()


@pytest.mark.parametrize("endpoint", ["tcp://0.0.0.0:0", "tcp://*:0", "tcp://192.0.2.1:5000", "tcp://example.org:1"])
def test_other_addresses_need_keys(tmp_path: Path, endpoint: str) -> None:
    """Any address but loopback is refused in words, and with exit code 1."""
    command = [sys.executable, "-m", "quaymaster.broker", "--dir", str(tmp_path), "--clients", endpoint]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert ended.returncode == 1
    assert "keys_required" in ended.stderr
    assert not ended.stdout


def test_a_taken_port_and_a_taken_directory_are_said(broker: BrokerProcess, tmp_path: Path) -> None:
    """A second broker on the same directory or port ends with a sentence."""
    for directory, code in ((broker.directory, "store_locked"), (tmp_path / "other", "bad_endpoint")):
        command = [sys.executable, "-m", "quaymaster.broker", "--dir", str(directory)]
        ended = subprocess.run(
            [*command, "--clients", broker.endpoints["clients"]], capture_output=True, text=True, timeout=20
        )
        assert ended.returncode == 1
        assert code in ended.stderr
