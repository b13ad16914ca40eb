"""The client's connection against a scripted broker: a ROUTER socket in an OS thread of the test."""

from __future__ import annotations

import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import zmq

from quaymaster._core.errors import AskedWrongly, Taken
from quaymaster._core.wire import Reply, Request, answer, decode_request, encode, refusal, requests
from quaymaster.client.connection import Connection, WaitedLongEnough, address_of
from quaymaster.client.exceptions import JobNotFoundError, QMConnectionError, QMTimeoutError

INFO = requests.ClusterInfo(version="9.9", api="qop2", capabilities=[], controllers=[], instance="i", user="alice")
Script = Callable[[Request, int], "Reply | None"]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class StubBroker:
    """Answers requests by a script: (request, how often this request_id was seen) -> reply, or None for silence.

    Until a connection has said hello it is told to, as by the real one.
    """

    def __init__(self, port: int, script: Script, *, hello: Script | None = None) -> None:
        self.port = port
        self.script = script
        self.hello = hello
        self.seen: list[Request] = []
        self.hellos: list[Request] = []
        self.forget = threading.Event()
        self._stopping = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> StubBroker:
        self._thread.start()
        assert self._ready.wait(5)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping = True
        self._thread.join(5)

    def _run(self) -> None:
        context = zmq.Context()
        router = context.socket(zmq.ROUTER)
        router.linger = 0
        router.bind(f"tcp://127.0.0.1:{self.port}")
        self._ready.set()
        greeted: set[bytes] = set()
        while not self._stopping:
            if not router.poll(20):
                continue
            peer, *frames = router.recv_multipart()
            request, _ = decode_request(frames)
            if self.forget.is_set():
                self.forget.clear()
                greeted.clear()
            reply = self._reply(request, peer, greeted)
            if reply is not None:
                router.send_multipart([peer, *encode(reply)])
        context.destroy(linger=0)

    def _reply(self, request: Request, peer: bytes, greeted: set[bytes]) -> Reply | None:
        if isinstance(request.args, requests.Hello):
            self.hellos.append(request)
            if self.hello is not None:
                return self.hello(request, len(self.hellos))
            greeted.add(peer)
            return answer(request.request_id, INFO)
        self.seen.append(request)
        if peer not in greeted:
            return refusal(request.request_id, AskedWrongly("say hello", code="hello_first"))
        times = sum(seen.request_id == request.request_id for seen in self.seen)
        return self.script(request, times)


def lists_qms(request: Request, times: int) -> Reply | None:
    return answer(request.request_id, requests.QmList(qm_ids=["qm-1"]))


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def connection_to(port: int) -> Iterator[Callable[..., Connection]]:
    """Makes connections to the stub, and closes them at the end."""
    made: list[Connection] = []

    def connect(timeout_s: float = 5.0) -> Connection:
        made.append(Connection("127.0.0.1", port, "alice", timeout_s))
        return made[-1]

    yield connect
    for connection in made:
        connection.close()


def test_a_request_is_answered_after_a_greeting(port: int, connection_to: Any) -> None:
    """A broker first hears hello with the user's name; then requests are answered, from many OS threads."""
    with StubBroker(port, lists_qms) as broker:
        connection = connection_to()
        assert connection.info.version == "9.9"
        assert [request.args.user for request in broker.hellos] == ["alice"]
        results: list[Any] = []

        def ask() -> None:
            results.append(connection.ask(requests.ListQms()).result.qm_ids)

        threads = [threading.Thread(target=ask) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(5)
        assert results == [["qm-1"]] * 20
        assert len({request.request_id for request in broker.seen}) == 20


def test_a_refused_connection_names_the_address_at_once(port: int) -> None:
    """Where nobody listens, the error comes within 2 s, names host and port, and says what to do."""
    begun = time.monotonic()
    with pytest.raises(QMConnectionError) as caught:
        Connection("127.0.0.1", port, "alice", 30.0)
    assert time.monotonic() - begun < 2.0
    assert caught.value.code == "unreachable"
    assert f"127.0.0.1:{port}" in caught.value.message
    assert "connection refused" in caught.value.message
    assert "quaymaster up" in caught.value.hint
    assert isinstance(caught.value, ConnectionError)
    assert isinstance(caught.value, Taken)


def test_something_else_at_the_address_is_named(port: int) -> None:
    """A listener that speaks another protocol is an error about it, not a long wait."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()

        def serve() -> None:
            peer, _ = listener.accept()
            with peer:
                peer.sendall(b"HTTP/1.0 400 Bad Request\r\n\r\n" * 10)
                time.sleep(0.2)

        threading.Thread(target=serve, daemon=True).start()
        begun = time.monotonic()
        with pytest.raises(QMConnectionError, match=r"no quaymaster broker|lost"):
            Connection("127.0.0.1", port, "alice", 10.0)
        assert time.monotonic() - begun < 5.0


def test_a_silent_listener_is_given_up_after_the_timeout(port: int) -> None:
    """A listener that never answers is given up when the manager's timeout is over."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", port))
        listener.listen()
        begun = time.monotonic()
        with pytest.raises(QMConnectionError, match=f"127.0.0.1:{port}"):
            Connection("127.0.0.1", port, "alice", 0.7)
        assert 0.5 < time.monotonic() - begun < 3.0


def test_a_refused_greeting_is_the_error(port: int) -> None:
    """What the broker says against a greeting is what the caller hears."""

    def refuses(request: Request, times: int) -> Reply | None:
        return refusal(request.request_id, Taken("too many clients", code="too_many_clients"))

    with StubBroker(port, lists_qms, hello=refuses), pytest.raises(Taken, match="too many clients"):
        Connection("127.0.0.1", port, "alice", 5.0)


def test_an_error_comes_back_as_the_platforms_exception(port: int, connection_to: Any) -> None:
    """Family, code, message and hint of a refusal arrive, in the class that the platform has for it."""

    def refuses(request: Request, times: int) -> Reply | None:
        return refusal(request.request_id, AskedWrongly("no job 7", code="unknown_job", hint="look at get_jobs()"))

    with StubBroker(port, refuses):
        with pytest.raises(JobNotFoundError) as caught:
            connection_to().ask(requests.GetJob(job_id="7"))
        assert isinstance(caught.value, AskedWrongly)
        assert (caught.value.code, caught.value.hint) == ("unknown_job", "look at get_jobs()")


def test_a_parked_request_is_armed_again_with_its_id(port: int, connection_to: Any) -> None:
    """`pending` is followed by the same request with the same id, until there is an answer; the timeout counts anew."""
    info = requests.JobInfo(job_id="1", qm_id="qm-1", user="alice", state="running")

    def parks(request: Request, times: int) -> Reply | None:
        if times < 4:
            time.sleep(0.4)
            return Reply(request_id=request.request_id, pending=True)
        return answer(request.request_id, info)

    with StubBroker(port, parks) as broker:
        assert connection_to(1.0).ask(requests.WaitJob(job_id="1", until=["running"])).result == info
        assert len(broker.seen) == 4
        assert len({request.request_id for request in broker.seen}) == 1


def test_a_callers_own_wait_ends_in_time(port: int, connection_to: Any) -> None:
    """`wait_s` bounds a parked request, which is not armed again afterwards."""

    def parks(request: Request, times: int) -> Reply | None:
        time.sleep(0.1)
        return Reply(request_id=request.request_id, pending=True)

    with StubBroker(port, parks) as broker:
        connection = connection_to()
        begun = time.monotonic()
        with pytest.raises(WaitedLongEnough):
            connection.ask(requests.WaitJob(job_id="1", until=["running"]), wait_s=0.5)
        assert 0.4 < time.monotonic() - begun < 1.5
        time.sleep(0.4)
        armed = len(broker.seen)
        time.sleep(0.4)
        assert len(broker.seen) == armed


def test_silence_on_a_change_says_that_the_outcome_is_unknown(port: int, connection_to: Any) -> None:
    """No answer to a change is `timeout_unknown`, a TimeoutError; no answer to a read says that it changes nothing."""
    with StubBroker(port, lambda request, times: None):
        connection = connection_to(0.5)
        begun = time.monotonic()
        with pytest.raises(QMTimeoutError, match="whether it was done is unknown") as caught:
            connection.ask(requests.CloseAllQms())
        assert 0.4 < time.monotonic() - begun < 2.0
        assert caught.value.code == "timeout_unknown"
        assert isinstance(caught.value, TimeoutError)
        with pytest.raises(QMTimeoutError, match="changes nothing") as caught:
            connection.ask(requests.ListQms())
        assert caught.value.code == "timeout"


def test_after_a_reconnect_the_same_request_is_sent_again(port: int, connection_to: Any) -> None:
    """A broker that dies with a request unanswered gets it again, with the same id, after a greeting."""
    with StubBroker(port, lambda request, times: None) as first:
        connection = connection_to(20.0)
        results: list[Any] = []
        caller = threading.Thread(
            target=lambda: results.append(connection.ask(requests.CloseAllQms()).result), daemon=True
        )
        caller.start()
        deadline = time.monotonic() + 5
        while not first.seen and time.monotonic() < deadline:
            time.sleep(0.01)
    time.sleep(0.3)
    closed = requests.ClosedQms(qm_ids=["qm-1"])
    with StubBroker(port, lambda request, times: answer(request.request_id, closed)) as second:
        caller.join(10)
        assert results == [closed]
        assert [request.request_id for request in second.seen] == [request.request_id for request in first.seen]
        assert len(second.hellos) == 1


def test_a_broker_that_forgot_the_client_is_greeted_again(port: int, connection_to: Any) -> None:
    """`hello_first` is answered by a hello and the same request again; the caller notices nothing."""
    with StubBroker(port, lists_qms) as broker:
        connection = connection_to()
        connection.ask(requests.ListQms())
        broker.forget.set()
        assert connection.ask(requests.ListQms()).result.qm_ids == ["qm-1"]
        assert len(broker.hellos) == 2
        assert broker.seen[-1].request_id == broker.seen[-2].request_id


def test_requests_while_the_broker_is_gone_wait_for_it(port: int, connection_to: Any) -> None:
    """A request made while nobody listens is sent when the broker is back; one that waits too long was never sent."""
    with StubBroker(port, lists_qms):
        connection = connection_to(1.0)
        connection.ask(requests.ListQms())
    time.sleep(0.2)
    with pytest.raises(QMConnectionError, match=f"127.0.0.1:{port}") as caught:
        connection.ask(requests.CloseAllQms())
    assert caught.value.code == "unreachable"
    with StubBroker(port, lists_qms):
        deadline = time.monotonic() + 8
        while True:
            try:
                assert connection.ask(requests.ListQms()).result.qm_ids == ["qm-1"]
                break
            except QMConnectionError:
                assert time.monotonic() < deadline


def test_closing_fails_what_is_under_way(port: int, connection_to: Any) -> None:
    """`close` takes less than 2 s, ends waiting callers with an error, and may be called twice."""
    with StubBroker(port, lambda request, times: None):
        connection = connection_to()
        errors: list[BaseException] = []

        def wait() -> None:
            try:
                connection.ask(requests.WaitJob(job_id="1"))
            except Exception as error:
                errors.append(error)

        caller = threading.Thread(target=wait)
        caller.start()
        time.sleep(0.2)
        begun = time.monotonic()
        connection.close()
        connection.close()
        assert time.monotonic() - begun < 2.0
        caller.join(2)
        assert getattr(errors[0], "code", "") == "connection_closed"
        with pytest.raises(Taken, match="was closed"):
            connection.ask(requests.ListQms())


EXITS = {
    "idle": "",
    "waiting": """
        import threading
        threading.Thread(target=lambda: c.ask(requests.WaitJob(job_id="1")), daemon=True).start()
        import time; time.sleep(0.3)
    """,
    "gone": "import time; print('now', flush=True); time.sleep(0.8)",
    "crashed": "raise SystemExit(3)",
}


@pytest.mark.parametrize("state", EXITS)
def test_a_process_ends_quickly_in_each_state(port: int, state: str) -> None:
    """A script that never closes its manager ends in less than 2 s: idle, waiting, without its broker, by an error."""
    script = f"""
import time
from quaymaster._core.wire import requests
from quaymaster.client.connection import Connection
c = Connection("127.0.0.1", {port}, "alice", 30.0)
{textwrap.dedent(EXITS[state])}
print("end", time.time(), flush=True)
"""
    broker = StubBroker(port, lambda request, times: None)
    with broker:
        process = subprocess.Popen([sys.executable, "-P", "-c", script], stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        if state == "gone":
            assert process.stdout.readline() == "now\n"
            broker.__exit__()
        out, _ = process.communicate(timeout=20)
    ended = time.time()
    assert process.returncode == (3 if state == "crashed" else 0)
    if state != "crashed":
        assert ended - float(out.split()[-1]) < 2.0


def test_a_connection_that_is_let_go_ends_its_os_thread(port: int) -> None:
    """Without any reference left, the OS thread and its sockets are gone."""
    with StubBroker(port, lists_qms):
        connection = Connection("127.0.0.1", port, "alice", 5.0)
        thread = connection._thread._thread
        del connection
        thread.join(3)
        assert not thread.is_alive()


def test_a_copy_in_a_forked_process_is_refused(port: int, connection_to: Any) -> None:
    """A connection belongs to the process that made it; elsewhere it says so instead of hanging."""
    with StubBroker(port, lists_qms):
        connection = connection_to()
        connection._pid += 1
        with pytest.raises(Taken, match="another process"):
            connection.ask(requests.ListQms())
        connection._pid -= 1


def test_what_the_broker_would_not_read_is_refused_here(port: int, connection_to: Any) -> None:
    """Values beyond the wire's types and limits are an error that names the field, at once, and nothing is sent."""
    with StubBroker(port, lists_qms) as broker:
        connection = connection_to()
        wrong: list[Any] = [
            requests.GetJobs(user_ids=["x" * 300]),
            requests.GetJobs(limit=0),
            requests.GetJob(job_id=7),  # type: ignore[arg-type]
            requests.SetIo(qm_id="qm-1", io1=2**70),
            requests.OpenQm(close_mode="most"),  # type: ignore[arg-type]
        ]
        for arguments in wrong:
            with pytest.raises(AskedWrongly, match="cannot be asked with these values") as caught:
                connection.ask(arguments)
            assert caught.value.code == "bad_value"
        with pytest.raises(AskedWrongly, match="BODY_BYTES") as caught:
            connection.ask(requests.OpenQm(), bytes(17 << 20))
        assert caught.value.code == "too_large"
        assert broker.seen == []
    with pytest.raises(AskedWrongly, match="hello"):
        Connection("127.0.0.1", port, "x" * 300, 1.0)


def test_where_a_manager_connects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments before environment variables before 127.0.0.1:9510; a port that is none is refused."""
    monkeypatch.delenv("QUAYMASTER_HOST", raising=False)
    monkeypatch.delenv("QUAYMASTER_PORT", raising=False)
    assert address_of(None, None) == ("127.0.0.1", 9510)
    monkeypatch.setenv("QUAYMASTER_HOST", "lab")
    monkeypatch.setenv("QUAYMASTER_PORT", "1234")
    assert address_of(None, None) == ("lab", 1234)
    assert address_of("here", 99) == ("here", 99)
    for wrong in ("x", 0, 70000, True and -1):
        with pytest.raises(AskedWrongly, match="is not a port"):
            address_of("here", wrong)
