"""What users and strangers send that is wrong: a clear error each time, nothing changed, and bob's work goes on.

One cluster serves all these tests; on con2 bob works without a pause and checks every value.
"""

from __future__ import annotations

import contextlib
import copy
import os
import socket as plain_socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from example_configs import opx1000_lf_mw, opx_readout_pair
from known_programs import check_readings, endless, run_readings
from neighbour import Neighbour
from process_cluster import ProcessCluster
from user_process import User

from quaymaster import QuantumMachinesManager
from quaymaster._core import wire
from quaymaster._core.errors import AskedWrongly, QuaymasterError, Taken
from quaymaster._core.wire import requests
from quaymaster.client.exceptions import (
    FailedToAddJobToQueueException,
    OpenQmException,
    QMConnectionError,
)
from quaymaster.qua import declare, demod, fixed, measure, play, program

PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProcessCluster]:
    """con1 for the bad input, con2 for bob."""
    made = ProcessCluster(tmp_path_factory.mktemp("cluster"), {"con1": "opx+", "con2": "opx+"})
    try:
        made.start()
        yield made
    finally:
        made.stop()


@pytest.fixture(scope="module")
def working(cluster: ProcessCluster) -> Iterator[Neighbour]:
    """Bob, from the first test to the last."""
    bob = Neighbour(cluster.manager("bob"), "con2")
    yield bob
    bob.leave()


@pytest.fixture(autouse=True)
def bob(working: Neighbour) -> Iterator[Neighbour]:
    """After each test two more of bob's jobs come out right."""
    yield working
    working.check()


@pytest.fixture
def alice(cluster: ProcessCluster, working: Neighbour) -> Iterator[QuantumMachinesManager]:
    """The user who gets things wrong; what she leaves open is closed."""
    with QuantumMachinesManager("127.0.0.1", cluster.port, user="alice", timeout=20) as manager:
        yield manager
        for qm_id in set(manager.list_open_qms()) - {working.qm_id}:
            manager.get_qm(qm_id).close()


def changed(change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """The usual config, changed."""
    config = opx_readout_pair()
    change(config)
    return config


def renamed(config: dict[str, Any], name: str) -> None:
    config["controllers"][name] = config["controllers"].pop("con1")


BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a pulse that is not there": (lambda c: c["elements"]["q"]["operations"].update(pulse="nopulse"), "nopulse"),
    "a waveform that is not there": (lambda c: c["pulses"]["pulse"]["waveforms"].update(single="nowave"), "nowave"),
    "a port that is not declared": (lambda c: c["elements"]["q"].update(singleInput={"port": ("con1", 9)}), "9"),
    "a port that no OPX has": (lambda c: c["controllers"]["con1"]["analog_outputs"].update({11: {}}), "11"),
    "a controller that is not there": (lambda c: c["elements"]["q"].update(singleInput={"port": ("con7", 1)}), "con7"),
    "a key that does not exist": (lambda c: c["elements"]["q"].update(frequencey=1e6), "frequencey"),
    "a word for a number": (lambda c: c["elements"]["q"].update(intermediate_frequency="fast"), "intermediate_freq"),
    "a length that is no cycle": (lambda c: c["pulses"]["pulse"].update(length=101), "length"),
    "a sample of one volt": (lambda c: c["waveforms"]["drive_wf"].update(sample=1.0), "sample"),
    "not a number": (lambda c: c["waveforms"]["drive_wf"].update(sample=float("nan")), "sample"),
    "no mapping of elements": (lambda c: c.update(elements=[1, 2, 3]), "elements"),
}


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_config_opens_nothing(alice: QuantumMachinesManager, bob: Neighbour, what: str) -> None:
    """The error names what is wrong, as the platform's exception; no qm is opened, no port taken."""
    change, words = BROKEN[what]
    with pytest.raises(OpenQmException) as caught:
        alice.open_qm(changed(change), close_other_machines=False)
    assert isinstance(caught.value, AskedWrongly)
    assert words in str(caught.value)
    assert caught.value.config_validation_formatted_errors or caught.value.physical_validation_formatted_errors
    assert alice.list_open_qms() == [bob.qm_id]
    alice.open_qm(opx_readout_pair(), close_other_machines=False)


def test_all_errors_of_a_config_come_at_once(alice: QuantumMachinesManager) -> None:
    """Three mistakes, three lines."""
    config = opx_readout_pair()
    for name in ("a pulse that is not there", "a waveform that is not there", "a key that does not exist"):
        BROKEN[name][0](config)
    with pytest.raises(OpenQmException) as caught:
        alice.open_qm(config, close_other_machines=False)
    assert all(word in str(caught.value) for word in ("nopulse", "nowave", "frequencey"))


@pytest.mark.parametrize("config", [{}, None, 7, "config", [1], {"controllers": {}}, {1: object()}])
def test_what_is_no_config(alice: QuantumMachinesManager, bob: Neighbour, config: Any) -> None:
    """Anything but a config is refused with an error of ours."""
    with pytest.raises(QuaymasterError):
        alice.open_qm(config, close_other_machines=False)
    assert alice.list_open_qms() == [bob.qm_id]


@pytest.mark.parametrize("config", [changed(lambda c: renamed(c, "con9")), opx1000_lf_mw()])
def test_a_controller_that_is_unknown_or_of_another_type(
    alice: QuantumMachinesManager, bob: Neighbour, config: dict[str, Any]
) -> None:
    """A controller that the cluster has not, and one of another type, are refused by name."""
    if "con9" in config["controllers"]:
        for element in config["elements"].values():
            for key, port in (("singleInput", "port"), ("outputs", "out1")):
                if key in element:
                    element[key][port] = ("con9", element[key][port][1])
            if "digitalInputs" in element:
                element["digitalInputs"]["marker"]["port"] = ("con9", 1)
    (name,) = config["controllers"]
    with pytest.raises(OpenQmException, match=name):
        alice.open_qm(config, close_other_machines=False)
    assert alice.list_open_qms() == [bob.qm_id]


def bad_programs() -> dict[str, tuple[Callable[[], Any], str]]:
    """Programs that name what the config has not."""

    def plays(pulse: str, element: str) -> Callable[[], Any]:
        def build() -> Any:
            with program() as made:
                play(pulse, element)
            return made

        return build

    def measures(weights: str, output: str) -> Callable[[], Any]:
        def build() -> Any:
            with program() as made:
                value = declare(fixed)
                measure("readout", "rr", None, demod.full(weights, value, output))
            return made

        return build

    return {
        "an unknown element": (plays("pulse", "nobody"), "nobody"),
        "an unknown pulse": (plays("nopulse", "q"), "nopulse"),
        "unknown weights": (measures("noweights", "out1"), "noweights"),
        "an unknown output": (measures("cos", "out7"), "out7"),
    }


@pytest.mark.parametrize("what", bad_programs())
def test_a_program_with_unknown_names_is_not_queued(alice: QuantumMachinesManager, what: str) -> None:
    """The error names the thing and the line; nothing is queued, and the queue goes on working."""
    build, name = bad_programs()[what]
    qm = alice.open_qm(opx_readout_pair(), close_other_machines=False)
    for add in (qm.queue.add, qm.queue.add_to_start):
        with pytest.raises(FailedToAddJobToQueueException) as caught:
            add(build())
        assert name in str(caught.value)
        assert Path(__file__).name in str(caught.value)
    assert qm.queue.count == 0
    assert alice.get_jobs(qm_ids=[qm.id]) == []
    run_readings(qm, 5, 0.5)


@pytest.mark.parametrize("what", [None, 7, "play", bytes(4), {"body": []}, object()])
def test_what_is_no_program(alice: QuantumMachinesManager, what: Any) -> None:
    """Anything but a program is refused with an error of ours."""
    qm = alice.open_qm(opx_readout_pair(), close_other_machines=False)
    with pytest.raises((QuaymasterError, TypeError)) as caught:
        qm.queue.add(what)
    assert "program" in str(caught.value)
    assert qm.queue.count == 0
    run_readings(qm, 5, 0.25)


@pytest.mark.parametrize("body", [b"", b"garbage", bytes(1 << 20), msgspec.msgpack.encode({"body": [1, 2, 3]})])
def test_bytes_that_are_no_program(cluster: ProcessCluster, alice: QuantumMachinesManager, body: bytes) -> None:
    """A client of another make sends them: the controller that should compile them says no, and works on."""
    qm = alice.open_qm(opx_readout_pair(), close_other_machines=False)
    with Stranger(cluster) as socket:
        error = ask(socket, requests.AddJob(qm_id=qm.id, digest=wire.content_digest(body)), body).error
    assert error is not None
    assert error.family == "asked_wrongly", error
    assert qm.queue.count == 0
    run_readings(qm, 5, 0.75)


def test_a_port_conflict_says_who_holds_it_and_takes_nothing(cluster: ProcessCluster, alice: Any) -> None:
    """The words that tools look for, the holder, the user, the time; no port of a refused config is taken."""
    held = alice.open_qm(opx_readout_pair(), close_other_machines=False)
    overlapping = opx_readout_pair()
    overlapping["controllers"]["con1"]["analog_outputs"][9] = {"offset": 0.0}
    with QuantumMachinesManager("127.0.0.1", cluster.port, user="carol") as carol:
        with pytest.raises(OpenQmException, match="cannot be used because it isn't shareable in other QM") as caught:
            carol.open_qm(overlapping, close_other_machines=False)
        assert isinstance(caught.value, Taken)
        text = str(caught.value)
        assert held.id in text
        assert "alice" in text
        assert " since 20" in text or "since" in str(caught.value.details), caught.value.details
        only_nine = opx_readout_pair()
        only_nine["controllers"]["con1"] = {"analog_outputs": {9: {"offset": 0.0}}}
        only_nine["elements"] = {"q": {**only_nine["elements"]["q"], "singleInput": {"port": ("con1", 9)}}}
        del only_nine["elements"]["q"]["digitalInputs"]
        carol.open_qm(only_nine, close_other_machines=False)
    run_readings(held, 5, 0.5)


def many_elements(count: int, first_output: int) -> dict[str, Any]:
    """An OPX+ config with `count` drive elements on two ports, each in a thread of its own, and a readout."""
    config = opx_readout_pair()
    ports = {"outputs": (first_output, first_output + 1), "input": first_output // 2 + 1}
    drive, readout = config["elements"]["q"], config["elements"]["rr"]
    del drive["digitalInputs"]
    drive["singleInput"]["port"] = ("con1", ports["outputs"][0])
    readout["singleInput"]["port"] = ("con1", ports["outputs"][1])
    readout["outputs"]["out1"] = ("con1", ports["input"])
    config["controllers"]["con1"] = {
        "analog_outputs": {port: {"offset": 0.0} for port in ports["outputs"]},
        "analog_inputs": {ports["input"]: {"offset": 0.0}},
    }
    config["elements"] = {"rr": readout, **{f"q{k}": copy.deepcopy(drive) for k in range(count)}}
    return config


def plays_on(count: int) -> Any:
    """Uses so many elements, once each."""
    with program() as made:
        for number in range(count):
            play("pulse", f"q{number}")
    return made


def test_threads_that_never_fit(alice: QuantumMachinesManager) -> None:
    """An OPX+ has 18 threads: a program that needs 19 is refused when it is added; one with 18 runs."""
    qm = alice.open_qm(many_elements(19, 1), close_other_machines=False)
    with pytest.raises(FailedToAddJobToQueueException, match="19 threads") as caught:
        qm.queue.add(plays_on(19))
    assert caught.value.code == "too_many_threads"
    assert caught.value.hint
    assert qm.queue.count == 0
    assert qm.queue.add(plays_on(18)).wait_for_execution(PATIENCE_S).result_handles.wait_for_all_values(PATIENCE_S)


def test_threads_that_do_not_fit_now(alice: QuantumMachinesManager, cluster: ProcessCluster) -> None:
    """While one thread is taken, a job that needs all 18 stays pending, and says why; it starts when it fits."""
    first = alice.open_qm(many_elements(18, 3), close_other_machines=False)
    second = alice.open_qm(opx_readout_pair(), close_other_machines=False)
    holder = second.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
    waiting = first.queue.add(plays_on(18))
    why = waiting.why()
    assert "18 threads" in why
    assert holder.id in why
    assert waiting.status == "pending"
    assert waiting.position_in_queue() == 1
    holder.result_handles.get("I").wait_for_values(10, timeout=PATIENCE_S)
    assert waiting.status == "pending"
    holder.halt()
    done = waiting.wait_for_execution(PATIENCE_S)
    assert done.result_handles.wait_for_all_values(PATIENCE_S)
    assert done.status == "completed"
    assert check_readings(holder.result_handles, 0.5) >= 10


# -- strangers ---------------------------------------------------------------------------------------------------------


class Stranger:
    """A client of another make: a bare DEALER at the broker's door."""

    def __init__(self, cluster: ProcessCluster, name: str = "clients", greet: bool = True) -> None:
        self._context: zmq.Context[Any] = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.connect(cluster.endpoints[name])
        self._greet = greet

    def __enter__(self) -> Any:
        if self._greet:
            try:
                assert ask(self._socket, requests.Hello(user="stranger")).error is None
            except BaseException:
                self.__exit__()  # a context that is collected with an open socket waits for it without end
                raise
        return self._socket

    def __exit__(self, *_: object) -> None:
        self._socket.close(0)
        self._context.term()


def ask(socket: Any, arguments: Any, *bodies: bytes) -> wire.Reply:
    """One request and its reply, armed again while it is pending."""
    request = wire.Request(request_id=wire.make_request_id(int(1e12), os.urandom(4).hex()), args=arguments)
    while True:
        socket.send_multipart(wire.encode(request, *bodies))
        reply = hear(socket)
        if not reply.pending:
            return reply


def hear(socket: Any) -> wire.Reply:
    """The next reply."""
    assert socket.poll(int(PATIENCE_S * 1000)), "the broker does not answer"
    return wire.decode_reply(socket.recv_multipart())[0]


GOOD = wire.encode(wire.Request(request_id=wire.make_request_id(int(1e12), "abcd"), args=requests.GetStatus()))
GARBAGE: dict[str, tuple[list[bytes], str]] = {
    "an empty frame": ([b""], "bad_frame"),
    "letters": ([b"hello"], "bad_frame"),
    "a head alone": ([GOOD[0]], "bad_frame"),
    "random bytes": ([GOOD[0], bytes(range(256)) * 10], "bad_frame"),
    "a tower of arrays": ([GOOD[0], b"\x91" * 100_000], "bad_frame"),
    "a length of 4 GB": ([GOOD[0], b"\xdd\xff\xff\xff\xff"], "bad_frame"),
    "the start of a message": ([GOOD[0], GOOD[1][:-5]], "bad_frame"),
    "a wrong version": ([bytes([99, 1]), GOOD[1]], "wrong_version"),
    "a report in place of a request": ([bytes([GOOD[0][0], 4]), GOOD[1]], "bad_frame"),
    "an unknown method": ([GOOD[0], GOOD[1].replace(b"status", b"statue")], "bad_frame"),
    "20 MiB of zeros in one frame": ([bytes(20 << 20)], "bad_frame"),
    "20 MiB of zeros as an envelope": ([GOOD[0], bytes((20 << 20) - 2)], "too_large"),
    "20 MiB of zeros in bodies": ([*GOOD, *[bytes(1 << 20)] * 20], "too_large"),
}


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_is_answered_with_an_error(cluster: ProcessCluster, alice: QuantumMachinesManager, what: str) -> None:
    """A stranger at the clients' door: an error with a code and a sentence, and the next good request is answered."""
    frames, code = GARBAGE[what]
    before = alice.list_open_qms()
    with Stranger(cluster) as socket:
        socket.send_multipart(frames)
        error = hear(socket).error
        assert error is not None
        assert error.code == code
        assert error.message
        if code == "wrong_version":
            assert "99" in error.message
            assert str(wire.limits.PROTOCOL_VERSION) in error.message
        assert ask(socket, requests.ListQms()).error is None
    assert alice.list_open_qms() == before
    assert cluster.processes["broker"].poll() is None


@pytest.mark.parametrize("what", GARBAGE)
def test_garbage_at_the_controllers_door(cluster: ProcessCluster, alice: QuantumMachinesManager, what: str) -> None:
    """A stranger where controllers dial in: no controller appears, none is lost."""
    with Stranger(cluster, "controllers", greet=False) as socket:
        socket.send_multipart(GARBAGE[what][0])
        socket.poll(2000)
        assert {info.name for info in alice.get_controllers() if info.connected} == {"con1", "con2"}
    assert cluster.processes["broker"].poll() is None


def test_more_than_any_message_may_hold(cluster: ProcessCluster, alice: QuantumMachinesManager) -> None:
    """A frame beyond MESSAGE_BYTES costs the stranger its connection, and nobody else anything."""
    with Stranger(cluster) as socket:
        socket.send_multipart([GOOD[0], bytes(wire.limits.MESSAGE_BYTES + 1)])
        qm = alice.open_qm(opx_readout_pair(), close_other_machines=False)
        run_readings(qm, 5)
    with Stranger(cluster) as socket:
        assert ask(socket, requests.ListQms()).error is None


def test_bytes_that_are_not_zeromq(cluster: ProcessCluster, alice: QuantumMachinesManager) -> None:
    """A web browser, a port scanner and noise, at every door."""
    doors = [int(endpoint.rpartition(":")[2]) for endpoint in cluster.endpoints.values()]
    for port in doors:
        for said in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), bytes(1 << 20)):
            door = plain_socket.create_connection(("127.0.0.1", port), timeout=5)
            with door, contextlib.suppress(OSError):  # the broker may have hung up already
                door.sendall(said)
    assert {info.name for info in alice.get_controllers() if info.connected} == {"con1", "con2"}
    assert cluster.processes["broker"].poll() is None


def test_a_broker_of_another_version_is_said_to_be_one() -> None:
    """A client that meets a broker which speaks another version of the protocol says so, and does not hang."""
    context: zmq.Context[Any] = zmq.Context()
    socket = context.socket(zmq.ROUTER)
    port = socket.bind_to_random_port("tcp://127.0.0.1")

    def answer() -> None:
        if socket.poll(5000):
            peer, *_ = socket.recv_multipart()
            head, *rest = wire.encode(wire.refusal("", AskedWrongly("version 99", code="wrong_version")))
            socket.send_multipart([peer, bytes([99, head[1]]), *rest])

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        with pytest.raises(QMConnectionError):
            QuantumMachinesManager("127.0.0.1", port, timeout=3)
    finally:
        thread.join()
        socket.close(0)
        context.term()


# -- a client that vanishes ------------------------------------------------------------------------------------------


VANISHING = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from example_configs import opx_readout_pair
from known_programs import endless, readings
from quaymaster import QuantumMachinesManager
qm = QuantumMachinesManager().open_qm(opx_readout_pair(), close_other_machines=False)
holder = qm.queue.add(endless(0.25)).wait_for_execution()
waiting = qm.queue.add(readings(7, 0.5))
"""


def test_a_client_that_vanishes_in_the_midst_of_a_request(
    cluster: ProcessCluster, alice: QuantumMachinesManager
) -> None:
    """Killed while it waits for a job: its qm and its jobs are there, and others go on with them."""
    with User("dave", cluster.environment) as dave:
        dave.run(VANISHING)
        qm_id, running, waiting = (dave.value(name) for name in ("qm.id", "holder.id", "waiting.id"))
        dave.run(
            "import threading; threading.Thread(target=waiting.wait_for_execution, daemon=True).start()",
        )
        dave.kill()
    qm = alice.get_qm(qm_id)
    assert [job.id for job in qm.queue.pending_jobs] == [waiting]
    held = alice.get_job(running)
    assert (held.status, held.user_added) == ("running", "dave")
    held.result_handles.get("I").wait_for_values(5, timeout=PATIENCE_S)
    held.halt()
    job = alice.get_job(waiting).wait_for_execution(PATIENCE_S)
    assert job.result_handles.wait_for_all_values(PATIENCE_S)
    check_readings(job.result_handles, 0.5, 7)
    assert check_readings(held.result_handles, 0.25) >= 5


def test_a_client_that_vanishes_while_its_program_is_sent(
    cluster: ProcessCluster, alice: QuantumMachinesManager
) -> None:
    """It announces a body and hangs up in the midst of it: nothing is queued."""
    qm = alice.open_qm(opx_readout_pair(), close_other_machines=False)
    body = bytes(8 << 20)
    with Stranger(cluster) as socket:
        arguments = requests.AddJob(qm_id=qm.id, digest=wire.content_digest(body))
        request = wire.Request(request_id=wire.make_request_id(int(1e12), "gone"), args=arguments)
        head, envelope, _ = wire.encode(request, body)
        socket.send(head, zmq.SNDMORE)
        socket.send(envelope, zmq.SNDMORE)
    assert qm.queue.count == 0
    run_readings(qm, 5)
