"""What a round promises: replies after the commit, all or nothing, and a broker that survives its store and its bugs.

The server runs in this process, on an OS thread of its own, with a store whose commits the test can hold up or break.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zmq

from quaymaster._core import wire
from quaymaster._core.errors import OurBug, QuaymasterError
from quaymaster._core.wire import commands, reports, requests
from quaymaster.broker.core import core as core_module
from quaymaster.broker.server import Server
from quaymaster.broker.store import Store, StoreUnavailable

PROGRAM = b"program"
DIGEST = wire.content_digest(PROGRAM)


class TroubledStore(Store):
    """A store whose commits take time or fail when a test says so."""

    before_commit: Callable[[], None] = staticmethod(lambda: None)
    committed_at = 0.0

    def commit(self, changes: Any) -> None:
        """As the real one, but for what the test does before."""
        if changes:
            self.before_commit()
        super().commit(changes)
        self.committed_at = time.monotonic()


class Peer:
    """A socket that sends and receives messages in the test's own thread."""

    def __init__(self, endpoint: str) -> None:
        self.context: zmq.Context[Any] = zmq.Context()
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.count = 0

    def send(self, args: Any, *bodies: bytes) -> str:
        """Send a request, give its id."""
        self.count += 1
        request_id = wire.make_request_id(time.time_ns() // 10**6, f"{self.count:06d}")
        self.socket.send_multipart(wire.encode(wire.Request(request_id=request_id, args=args), *bodies))
        return request_id

    def reply(self, timeout_ms: int = 5000) -> wire.Reply | None:
        """The next reply, if one comes."""
        return wire.decode_reply(self.socket.recv_multipart())[0] if self.socket.poll(timeout_ms) else None

    def ask(self, args: Any, *bodies: bytes) -> Any:
        """A request and its result."""
        self.send(args, *bodies)
        reply = self.reply()
        assert reply is not None, f"no answer to {args}"
        return wire.result_of(reply, args)

    def say(self, matter: Any, seq: int = 0) -> None:
        """Send a report."""
        self.socket.send_multipart(wire.encode(wire.Report(seq=seq, matter=matter)))

    def command(self, kind: type) -> Any:
        """The next command of a kind; beats and others are passed over."""
        while self.socket.poll(5000):
            record, _ = wire.decode_command(self.socket.recv_multipart())
            if isinstance(record, wire.Command) and isinstance(record.action, kind):
                return record.action
        raise AssertionError(f"no {kind.__name__} came")

    def greet(self) -> None:
        """As con1, which holds nothing."""
        self.say(reports.Hello(name="con1", type="opx+", instance="i", version="0"))
        self.command(commands.TakeInventory)
        self.say(reports.Inventory())

    def close(self) -> None:
        """Leave."""
        self.socket.close(0)
        self.context.term()


class World:
    """A server on a thread, a client, a controller, one open qm and one compiled program."""

    def __init__(self, directory: Path) -> None:
        self.stopping = False
        self.started = threading.Event()
        self.thread = threading.Thread(target=self.serve, args=(directory,))
        self.thread.start()
        assert self.started.wait(10)
        self.controller = Peer(self.server.controller_endpoint)
        self.controller.greet()
        self.client = Peer(self.server.client_endpoint)
        self.client.ask(requests.Hello(user="ann"))
        config = {"controllers": {"con1": {"type": "opx1", "analog_outputs": {1: {}}}}}
        while True:
            try:
                self.qm = self.client.ask(requests.OpenQm(close_mode="never"), wire.pack_plain(config)).qm_id
                break
            except QuaymasterError as error:
                assert error.code in ("unknown_controller", "controller_unavailable")
        self.add = requests.AddJob(qm_id=self.qm, digest=DIGEST)

    def serve(self, directory: Path) -> None:
        """The one thread that owns the store and the sockets."""
        self.store = TroubledStore(directory, now_ms=time.time_ns() // 10**6)
        endpoint = "tcp://127.0.0.1:*"
        self.server = Server(
            self.store, client_endpoint=endpoint, controller_endpoint=endpoint, event_endpoint=endpoint
        )
        self.started.set()
        self.server.run(lambda: self.stopping)
        self.server.close()
        self.store.close()

    def add_first_job(self) -> str:
        """Add a job whose program must be compiled; its load is received."""
        self.client.send(self.add, PROGRAM)
        compile_ = self.controller.command(commands.CompileProgram)
        self.controller.say(reports.Compiled(compile_id=compile_.compile_id, program_digest=DIGEST), seq=1)
        reply = self.client.reply()
        assert reply is not None
        self.controller.command(commands.Load)
        return str(wire.result_of(reply, self.add).job_id)

    def end(self) -> None:
        """Stop the thread, close everything."""
        self.stopping = True
        self.thread.join(10)
        self.client.close()
        self.controller.close()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A running server."""
    made = World(tmp_path)
    yield made
    made.end()


def test_no_reply_leaves_before_its_commit(world: World) -> None:
    """A commit that takes half a second holds back the reply of its round, the load of the job, and reads beside it."""
    world.add_first_job()
    world.store.before_commit = lambda: time.sleep(0.5)
    started = time.monotonic()
    world.client.send(world.add)
    reader = Peer(world.server.client_endpoint)
    assert world.client.reply(300) is None
    assert world.client.reply() is not None
    assert time.monotonic() - started >= 0.5
    assert time.monotonic() >= world.store.committed_at > started
    reader.close()


def test_the_load_command_leaves_after_the_commit_of_loading(world: World) -> None:
    """When the controller hears of a job, its row says loading on disk."""
    first = world.add_first_job()
    world.client.ask(world.add)
    world.store.before_commit = lambda: time.sleep(0.2)
    world.controller.say(reports.Status(job_id=first, attempt=1, state="completed"), seq=2)
    load = world.controller.command(commands.Load)
    assert time.monotonic() >= world.store.committed_at
    other = Store.__new__(Store)  # a second reader of the same file, without its lock
    other._db = sqlite3.connect(f"file:{world.store.path}?mode=ro", uri=True)
    assert other.load().tables["job"][load.job_id].state == "loading"
    other._db.close()


def test_a_failed_commit_is_all_or_nothing(world: World) -> None:
    """All who asked get `store_unavailable`, nothing of the round is there; then it works again, and so does con1."""
    job = world.add_first_job()

    def fail() -> None:
        raise StoreUnavailable("no room")

    world.store.before_commit = fail
    with pytest.raises(QuaymasterError) as caught:
        world.client.ask(world.add)
    assert caught.value.code == "store_unavailable"
    world.store.before_commit = lambda: None
    world.controller.command(commands.SayHello)
    assert [j.job_id for j in world.client.ask(requests.GetJobs()).jobs] == [job]
    world.controller.say(reports.Hello(name="con1", type="opx+", instance="i", version="0"))
    world.controller.command(commands.TakeInventory)
    world.controller.say(
        reports.Inventory(jobs=[reports.HeldJob(job_id=job, attempt=1, state="running")], qm_ids=[world.qm])
    )
    again = world.client.ask(world.add).job_id
    world.controller.say(reports.Status(job_id=job, attempt=1, state="completed"), seq=2)
    assert world.controller.command(commands.Load).job_id == again


def test_parked_requests_are_answered_when_the_core_starts_over(world: World) -> None:
    """A client that waits for a job when a commit fails is told to ask again, at once."""
    job = world.add_first_job()
    world.client.send(requests.WaitJob(job_id=job))
    other = Peer(world.server.client_endpoint)
    other.ask(requests.Hello(user="bob"))

    def fail() -> None:
        raise StoreUnavailable("no room")

    world.store.before_commit = fail
    with pytest.raises(QuaymasterError):
        other.ask(world.add)
    reply = world.client.reply(1000)
    assert reply is not None
    assert reply.pending
    world.store.before_commit = lambda: None
    other.close()


def test_a_bug_in_the_core_costs_one_request(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one who met it is told `internal_error`; what was decided before stands; everybody else is served."""
    job = world.add_first_job()

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(core_module.HANDLERS, requests.GetIo, broken)
    with pytest.raises(OurBug, match="ZeroDivisionError"):
        world.client.ask(requests.GetIo(qm_id=world.qm))
    assert world.client.ask(requests.GetJob(job_id=job)).state == "loading"
    assert world.client.ask(requests.GetStatus()).counters["core_failures"] == 1


def test_a_report_that_breaks_the_core_does_not_come_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is skipped in the next welcome, so that it cannot break the core for ever."""
    world.add_first_job()

    def broken(*_: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setitem(core_module.REPORT_HANDLERS, reports.Lacking, broken)
    world.controller.say(reports.Lacking(job_id="17", attempt=1), seq=7)
    world.controller.command(commands.SayHello)
    world.controller.say(reports.Hello(name="con1", type="opx+", instance="i", version="0"))
    assert world.controller.command(commands.Welcome).seq == 7


def test_reports_are_acknowledged_after_their_commit(world: World) -> None:
    """And one that is sent again is passed over."""
    job = world.add_first_job()
    world.controller.say(reports.Status(job_id=job, attempt=1, state="running"), seq=2)
    world.client.ask(requests.WaitJob(job_id=job, until=["running"]))
    revision = world.client.ask(requests.GetStatus()).revision
    world.controller.say(reports.Status(job_id=job, attempt=1, state="running"), seq=2)
    world.controller.say(reports.Status(job_id=job, attempt=1, state="completed"), seq=3)
    acknowledged = 0
    while acknowledged < 3:
        acknowledged = world.controller.command(commands.Acknowledge).seq
    assert world.client.ask(requests.GetStatus()).revision == revision + 1


def test_an_unknown_connection_is_asked_for_its_hello(world: World) -> None:
    """Beats and reports of a connection that has not said hello; and a controller of no known type is refused."""
    stranger = Peer(world.server.controller_endpoint)
    stranger.socket.send_multipart(wire.encode(wire.Beat(instance="x")))
    stranger.command(commands.SayHello)
    stranger.say(reports.Status(job_id="17", attempt=1, state="running"), seq=1)
    stranger.command(commands.SayHello)
    stranger.say(reports.Hello(name="con9", type="toaster", instance="x", version="0"))
    assert stranger.command(commands.Refuse).error.code == "controller_type"
    stranger.socket.send_multipart([b"\x09\x04", b"\x80"])
    assert stranger.command(commands.Refuse).error.code == "wrong_version"
    stranger.close()


def test_users_say_hello_first(world: World) -> None:
    """A request before hello is refused with `hello_first`; a name must be a name."""
    stranger = Peer(world.server.client_endpoint)
    for args, code in (
        (requests.ListQms(), "hello_first"),
        (requests.Hello(user=""), "bad_user"),
        (requests.Hello(user=" ann"), "bad_user"),
        (requests.Hello(user="a\nb"), "bad_user"),
    ):
        with pytest.raises(QuaymasterError) as caught:
            stranger.ask(args)
        assert caught.value.code == code
    assert stranger.ask(requests.Hello(user="Jürgen")).user == "Jürgen"
    stranger.close()
