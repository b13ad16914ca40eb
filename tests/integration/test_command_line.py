"""`quaymaster …` as a user types it: processes that come up, stay up, and end."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from example_configs import opx_readout_pair
from known_programs import endless, readings, run_readings
from process_cluster import ProcessCluster
from waiting import until

from quaymaster import QuantumMachinesManager, __version__
from quaymaster._core.errors import QuaymasterError
from quaymaster.cli.free_ports import free_ports

PATIENCE_S = 60.0
COMMAND = [sys.executable, "-P", "-m", "quaymaster"]


def run(*arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, without a terminal."""
    environment = {**os.environ, "COLUMNS": "200", **options.pop("env", {})}
    return subprocess.run(
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        env=environment,
        **options,
    )


class Up:
    """`quaymaster up` in the foreground, and what it started."""

    def __init__(self, directory: Path, *arguments: str) -> None:
        self.directory, self.port = directory, free_ports()
        self.process = subprocess.Popen(
            [*COMMAND, "up", "--dir", str(directory), "--port", str(self.port), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.ready = self.process.stdout.readline()
        assert self.ready, last_words(self.process)[1]
        self.children = {self.name_of(child): child for child in psutil.Process(self.process.pid).children()}

    @staticmethod
    def name_of(child: psutil.Process) -> str:
        """broker, con1, ..."""
        words = child.cmdline()
        return words[words.index("--cluster") - 1]

    def manager(self, user: str = "alice") -> QuantumMachinesManager:
        """A user."""
        return QuantumMachinesManager("127.0.0.1", self.port, user=user, timeout=30)

    def all_ended(self) -> None:
        """No process is left, and nobody listens."""
        _, alive = psutil.wait_procs(self.children.values(), timeout=PATIENCE_S)
        assert not alive, alive
        for port in range(self.port, self.port + 3):
            with socket.socket() as probe:
                assert probe.connect_ex(("127.0.0.1", port)) != 0


def last_words(process: subprocess.Popen[str]) -> tuple[str, str]:
    """What a process that was told to end still prints; one that does not end is killed with all that it started."""
    family = psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    try:
        return process.communicate(timeout=PATIENCE_S)
    except subprocess.TimeoutExpired:
        for one in (process, *family):
            with contextlib.suppress(psutil.NoSuchProcess):
                one.kill()
        process.communicate()
        raise


@pytest.fixture
def start_up(tmp_path: Path) -> Iterator[Callable[..., Up]]:
    """Starts clusters, and ends them in any case."""
    started: list[Up] = []

    def start(*arguments: str) -> Up:
        started.append(Up(tmp_path / f"up{len(started)}", *arguments))
        return started[-1]

    yield start
    for up in started:
        if up.process.poll() is None:
            up.process.terminate()
        last_words(up.process)


# -- up ---------------------------------------------------------------------------------------------------------------


def test_up_in_the_foreground(start_up: Callable[..., Up]) -> None:
    """One line when it is ready, by which time users can work; Ctrl-C ends every process."""
    up = start_up("--controllers", "con1:opx+,con2:opx1000=1:lf,2:mw")
    assert up.ready.startswith(f"quaymaster is ready on 127.0.0.1:{up.port} with con1 (opx+), con2 (opx1000)")
    assert set(up.children) == {"broker", "con1", "con2"}
    with up.manager() as qmm:
        found = {info.name: (info.type, info.fems) for info in qmm.get_controllers() if info.connected}
        assert found == {"con1": ("opx+", {}), "con2": ("opx1000", {1: "lf", 2: "mw"})}
        run_readings(qmm.open_qm(opx_readout_pair()), 10, 0.5)
    assert {path.name for path in up.directory.glob("*.log")} == {"broker.log", "con1.log", "con2.log"}
    up.process.send_signal(signal.SIGINT)
    out, err = up.process.communicate(timeout=PATIENCE_S)
    assert out == ""
    assert err == "every process has ended\n"
    assert up.process.returncode == 0
    up.all_ended()


def test_ctrl_c_in_a_terminal_reaches_all_at_once(tmp_path: Path) -> None:
    """A terminal sends it to the whole group: each ends, nobody is started again, no job that waits is lost."""
    command = [*COMMAND, "up", "--dir", str(tmp_path / "state"), "--port", str(port := free_ports())]
    pipes: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    for _ in range(2):
        process = subprocess.Popen(command, text=True, start_new_session=True, **pipes)
        try:
            assert process.stdout is not None
            assert process.stdout.readline().startswith("quaymaster is ready")
            family = psutil.Process(process.pid).children(recursive=True)
            with QuantumMachinesManager("127.0.0.1", port, user="alice", timeout=30) as qmm:
                if not qmm.list_open_qms():
                    qm = qmm.open_qm(opx_readout_pair())
                    qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
                    waiting = [qm.queue.add(readings(5, 0.5)) for _ in range(3)]
                else:
                    for job in waiting:
                        assert qmm.get_job(job.id).wait_for_execution(PATIENCE_S).state in ("processing", "completed")
        finally:
            os.killpg(process.pid, signal.SIGINT)
            _, err = last_words(process)
        assert process.returncode == 0
        assert err == "every process has ended\n"
        assert not psutil.wait_procs(family, timeout=PATIENCE_S)[1]


def test_ctrl_c_before_it_is_ready(tmp_path: Path) -> None:
    """No process is left behind."""
    command = [*COMMAND, "up", "--dir", str(tmp_path / "state"), "--port", str(free_ports())]
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        until(lambda: len(psutil.Process(process.pid).children()) >= 2, "two children")
        family = psutil.Process(process.pid).children()
    finally:
        process.send_signal(signal.SIGINT)
        out, err = last_words(process)
    assert (out, process.returncode) == ("", 0)
    assert "Traceback" not in err
    assert not psutil.wait_procs(family, timeout=PATIENCE_S)[1]


@pytest.mark.parametrize("name", ["broker", "con1"])
def test_a_child_that_is_killed_is_started_again(start_up: Callable[..., Up], name: str) -> None:
    """kill -9 of one: it comes back with its state, and the others stay the same processes."""
    up = start_up("--controllers", "con1")
    with up.manager() as qmm:
        qm = qmm.open_qm(opx_readout_pair())
        done = run_readings(qm, 10, 0.5)
        up.children[name].kill()
        until(lambda: len(up_children(up)) == 2 and up_children(up)[name] != up.children[name], f"a new {name}")
        until(lambda: "con1" in [info.name for info in qmm.get_controllers() if info.connected], "con1")
        assert qmm.list_open_qms() == [qm.id]
        assert qmm.get_job(done).status == "completed"
        run_readings(qm, 10, 0.25)
    (other,) = set(up.children) - {name}
    assert up_children(up)[other] == up.children[other]
    up.process.send_signal(signal.SIGINT)
    _, err = up.process.communicate(timeout=PATIENCE_S)
    assert f"{name} ended with status -9; starting it again" in err


def up_children(up: Up) -> dict[str, psutil.Process]:
    """The children that live now."""
    found = {}
    for child in psutil.Process(up.process.pid).children():
        try:
            found[up.name_of(child)] = child
        except (psutil.Error, ValueError):
            continue
    return found


def test_a_supervisor_that_is_killed_takes_its_children_along(start_up: Callable[..., Up]) -> None:
    """kill -9 of `up` itself, while a job runs: every child ends, and the same directory comes up again as it was."""
    up = start_up()
    with up.manager() as qmm:
        qm = qmm.open_qm(opx_readout_pair())
        qm.queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
        waiting = qm.queue.add(readings(10, 0.5))
    up.process.kill()
    up.process.wait()
    up.all_ended()
    again = Up(up.directory)
    try:
        with again.manager() as qmm:
            assert qmm.list_open_qms() == [qm.id]
            job = qmm.get_job(waiting.id).wait_for_execution(PATIENCE_S)
            assert job.result_handles.wait_for_all_values(PATIENCE_S)
    finally:
        again.process.terminate()
        again.process.communicate(timeout=PATIENCE_S)


def test_up_twice_in_one_directory(start_up: Callable[..., Up]) -> None:
    """The second one says who holds the directory; the first one goes on."""
    up = start_up("--controllers", "con1")
    second = run("up", "--dir", str(up.directory), "--port", str(free_ports()))
    assert_one_clear_line(second, f"process {up.process.pid}")
    with up.manager() as qmm:
        assert qmm.perform_healthcheck()


def test_up_on_a_port_that_is_taken(tmp_path: Path) -> None:
    """It gives up, says which, and leaves no process behind."""
    with socket.socket() as taken:
        port = free_ports()
        taken.bind(("127.0.0.1", port + 1))
        taken.listen()
        before = {child.pid for child in psutil.Process().children(recursive=True)}
        found = run("up", "--dir", str(tmp_path / "state"), "--port", str(port))
        assert found.returncode == 1
        assert f"port {port + 1} of 127.0.0.1 cannot be used" in found.stderr
        assert "Traceback" not in found.stderr
        assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


@pytest.mark.parametrize("detach", [[], ["--detach"]])
def test_up_on_the_port_of_another_cluster(start_up: Callable[..., Up], tmp_path: Path, detach: list[str]) -> None:
    """The second one says so and starts nothing; the first one keeps its controllers, named alike, and its work."""
    up = start_up("--controllers", "con1")
    with up.manager() as qmm:
        job = qmm.open_qm(opx_readout_pair()).queue.add(endless(0.5)).wait_for_execution(PATIENCE_S)
        for _ in range(2):
            second = run(
                "up", *detach, "--dir", str(tmp_path / "other"), "--port", str(up.port), "--controllers", "con1"
            )
            assert_one_clear_line(second, f"port {up.port} of 127.0.0.1 cannot be used")
        assert up_children(up) == up.children
        assert qmm.get_job(job.id).status == "running"
    assert [path.name for path in (tmp_path / "other").glob("*.log")] == []


@pytest.mark.parametrize("words", [["up"], ["up", "--detach"], ["down"]])
def test_a_directory_that_cannot_be(tmp_path: Path, words: list[str]) -> None:
    """A file where the folder would be is told in words."""
    (tmp_path / "file").touch()
    found = run(*words, "--dir", str(tmp_path / "file"))
    assert_one_clear_line(
        found, "no cluster was ever started" if words == ["down"] else "cannot hold the cluster's state"
    )


def test_detach_and_down(tmp_path: Path) -> None:
    """--detach returns when users can work; `down` ends every process; state stays for the next time."""
    directory, port = tmp_path / "state", free_ports()
    try:
        found = run("up", "--detach", "--dir", str(directory), "--port", str(port))
        assert found.returncode == 0, found.stderr
        assert found.stdout.startswith(f"quaymaster is ready on 127.0.0.1:{port}")
        assert found.stdout.count("\n") == 1
        supervisor = psutil.Process(int((directory / "up.pid").read_text()))
        family = [supervisor, *supervisor.children(recursive=True)]
        assert len(family) == 4
        with QuantumMachinesManager("127.0.0.1", port, timeout=30) as qmm:
            run_readings(qmm.open_qm(opx_readout_pair()), 10)
        again = run("up", "--detach", "--dir", str(directory), "--port", str(port))
        assert_one_clear_line(again, "already runs")
    finally:
        ended = run("down", "--dir", str(directory))
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == f"the cluster in {directory} has ended\n"
    _, alive = psutil.wait_procs(family, timeout=PATIENCE_S)
    assert not alive
    assert_one_clear_line(run("down", "--dir", str(directory)), "no cluster")
    assert_one_clear_line(run("down", "--dir", str(tmp_path / "never")), "no cluster")


# -- status, queue, doctor ---------------------------------------------------------------------------------------------


@pytest.fixture
def here(cluster: ProcessCluster) -> dict[str, str]:
    """The environment in which commands find the cluster."""
    return {name: cluster.environment[name] for name in ("QUAYMASTER_HOST", "QUAYMASTER_PORT")}


def test_status_and_queue(cluster: ProcessCluster, here: dict[str, str]) -> None:
    """Owners of ports, qms, what runs, what waits and whose it is: as text, and as JSON that says the same."""
    empty = run("status", env=here)
    assert empty.returncode == 0, empty.stderr
    assert "con1" in empty.stdout
    assert "no qm is open" in empty.stdout
    assert "no job is pending" in run("queue", "list", env=here).stdout
    alice, bob = cluster.manager("alice"), cluster.manager("bob")
    qm = alice.open_qm(opx_readout_pair(), close_other_machines=False)
    running = qm.queue.add(endless(0.5), note="drift").wait_for_execution(PATIENCE_S)
    waiting = [
        alice.get_qm(qm.id).queue.add(readings(5, 0.5)),
        bob.get_qm(qm.id).queue.add(readings(5, 0.25), note="bob's"),
    ]
    text = run("status", env=here).stdout
    for word in (qm.id, "alice", running.id, "connected", "con1/1 analog output 1", "2"):
        assert word in text, text
    told = json.loads(run("status", "--json", env=here).stdout)
    assert [(info["qm_id"], info["opened_by"], info["running_job"]) for info in told["qms"]] == [
        (qm.id, "alice", running.id)
    ]
    assert all(port["qm_ids"] == [qm.id] for port in told["ports"])
    assert {port["port"] for port in told["ports"]} >= {"con1/1 analog output 1", "con1/1 analog input 1"}
    assert told["jobs"]["pending"] == 2

    listed = json.loads(run("queue", "list", "--json", env=here).stdout)
    assert [(job["job_id"], job["user"], job["position"], job["state"]) for job in listed] == [
        (running.id, "alice", -1, "running"),
        (waiting[0].id, "alice", 1, "pending"),
        (waiting[1].id, "bob", 2, "pending"),
    ]
    text = run("queue", "list", env=here).stdout
    assert [text.find(job.id) for job in (running, *waiting)] == sorted(
        text.find(job.id) for job in (running, *waiting)
    )
    assert "bob's" in text
    only_bob = json.loads(run("queue", "list", "--json", "--user", "bob", env=here).stdout)
    assert [job["job_id"] for job in only_bob] == [waiting[1].id]
    assert json.loads(run("queue", "list", "--json", "--qm", "qm-1", env=here).stdout) == []

    canceled = run("queue", "cancel", waiting[0].id, running.id, env=here)
    assert canceled.returncode == 0, canceled.stderr
    assert canceled.stdout.splitlines() == [f"{waiting[0].id}: canceled", f"{running.id}: canceled"]
    bobs = waiting[1].wait_for_execution(PATIENCE_S)
    assert bobs.result_handles.wait_for_all_values(PATIENCE_S)
    late = run("queue", "cancel", "12345", bobs.id, env=here)
    assert late.returncode == 1
    assert f"{bobs.id}: had ended before" in late.stdout
    assert_one_clear_line(late, "could not cancel 12345")


def test_doctor(cluster: ProcessCluster, here: dict[str, str], tmp_path: Path) -> None:
    """Healthy: status 0. A port where somebody else listens, or a controller that is gone: status 1, and what to do."""
    well = run("doctor", "--dir", str(tmp_path), env=here)
    assert well.returncode == 0, well.stdout + well.stderr
    for word in ("python", "libzmq", "sqlite", "engine", "clock", "disk", "con1"):
        assert re.search(rf"^ok +{word}", well.stdout, re.MULTILINE), well.stdout
    findings = json.loads(run("doctor", "--json", "--dir", str(tmp_path), env=here).stdout)
    assert {finding["level"] for finding in findings} <= {"ok", "note"}

    cluster.kill("con1")
    until(lambda: not cluster.manager().get_controllers()[0].connected, "the loss of con1")
    gone = run("doctor", "--dir", str(tmp_path), env=here)
    assert gone.returncode == 1
    assert re.search(r"^bad +con1 .*gone", gone.stdout, re.MULTILINE), gone.stdout
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        broken = run("doctor", "--port", str(other.getsockname()[1]), "--dir", str(tmp_path))
    assert broken.returncode == 1
    assert re.search(r"^bad +cluster .*no broker of ours", broken.stdout, re.MULTILINE), broken.stdout
    assert "cluster" in broken.stderr
    assert "Traceback" not in broken.stderr
    free = run("doctor", "--port", str(free_ports()), "--dir", str(tmp_path))
    assert free.returncode == 0
    assert "quaymaster up" in free.stdout


# -- what is typed wrongly ---------------------------------------------------------------------------------------------


def assert_one_clear_line(found: subprocess.CompletedProcess[str], words: str) -> None:
    """An error in words (a second line may say what to do next), status 1 or 2, no traceback."""
    assert found.returncode in (1, 2), (found.stdout, found.stderr)
    assert words in found.stderr, found.stderr
    assert "Traceback" not in found.stderr
    if found.returncode == 1:
        lines = found.stderr.strip().splitlines()
        assert lines[0].startswith("error: ")
        assert len(lines) <= 2
        assert all(line.startswith("  next: ") for line in lines[1:])


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["fly"], "fly"),
        (["up", "--wings", "2"], "--wings"),
        (["up", "--port", "many"], "--port"),
        (["up", "--port", "70000"], "port"),
        (["up", "--controllers", "con1:opx9"], "con1:opx9"),
        (["up", "--controllers", "con1,con1"], "con1"),
        (["up", "--controllers", "con1:opx+=1:lf"], "no FEMs"),
        (["up", "--controllers", ""], "--controllers"),
        (["up", "--plant", "tree"], "tree"),
        (["up", "--plant", "loopback"], "connects nothing"),
        (["up", "--noise", "-1"], "noise"),
        (["up", "--photons", "many"], "photons"),
        (["broker", "--cluster", "/nowhere.toml"], "/nowhere.toml"),
        (["controller", "con1", "--cluster", "/nowhere.toml"], "/nowhere.toml"),
        (["controller"], "argument"),
        (["status", "--port", "1"], "127.0.0.1:1"),
        (["queue", "list", "--port", "1"], "127.0.0.1:1"),
        (["queue", "cancel"], "argument"),
        (["demo", "--seed", "one"], "--seed"),
    ],
)
def test_wrong_options_get_one_clear_line(arguments: list[str], words: str, tmp_path: Path) -> None:
    """Each says what is wrong, and is not a traceback."""
    more = ["--dir", str(tmp_path)] if arguments[0] == "up" else []
    assert_one_clear_line(run(*arguments, *more), words)


def test_a_controller_that_the_cluster_file_does_not_name(tmp_path: Path) -> None:
    """It says which ones there are."""
    file = Path(__file__).parents[2] / "deploy" / "cluster.toml"
    assert_one_clear_line(run("controller", "con9", "--cluster", str(file)), "con1, con2")


def test_no_broker_at_an_address_beyond_this_machine(tmp_path: Path) -> None:
    """Keys come later: the broker refuses to start where others could reach it."""
    text = (Path(__file__).parents[2] / "deploy" / "cluster.toml").read_text()
    file = tmp_path / "cluster.toml"
    text = text.replace("/var/lib/quaymaster", str(tmp_path)).replace('"127.0.0.1"', '"0.0.0.0"')
    file.write_text(text.replace("9510", str(free_ports())))
    found = run("broker", "--cluster", str(file))
    assert_one_clear_line(found, "0.0.0.0")
    assert "[keys_required]" in found.stderr


def test_version_and_help() -> None:
    """`version` prints it; each command explains itself."""
    assert run("version").stdout == f"{__version__}\n"
    for command in ([], ["up"], ["down"], ["status"], ["queue"], ["queue", "list"], ["demo"], ["doctor"], ["broker"]):
        found = run(*command, "--help")
        assert found.returncode == 0
        assert "Usage" in found.stdout


def test_help_loads_nothing_heavy() -> None:
    """What takes long to import is not imported for --help."""
    code = (
        "import sys; from quaymaster.cli import app\n"
        "try: app(['--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'numpy', 'zmq', 'msgspec', 'matplotlib', 'sqlite3'} & set(sys.modules)), file=sys.stderr)"
    )
    found = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, timeout=PATIENCE_S)
    assert found.stderr == "[]\n"


# -- demo -------------------------------------------------------------------------------------------------------------


def test_demo_without_a_terminal(tmp_path: Path) -> None:
    """It shows the queues moving, the numbers agree with the formulas, and the picture is there."""
    picture = tmp_path / "demo.png"
    found = run("demo", "--plot", str(picture), "--seed", "7")
    assert found.returncode == 0, found.stdout + found.stderr
    text = " ".join(found.stdout.split())
    assert "trace: as the formula says" in text
    assert "sweep: as the formula says" in text
    assert "queues: " in text
    assert "3 users on 2 controllers" in text
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 20_000


def test_demo_refuses_a_picture_that_cannot_be_written(tmp_path: Path) -> None:
    """Said before anything is started."""
    found = run("demo", "--plot", str(tmp_path / "nowhere" / "demo.png"))
    assert_one_clear_line(found, "nowhere")


def test_the_errors_are_ours() -> None:
    """An error of the client library in a command is one of ours, with a next step."""
    with pytest.raises(QuaymasterError) as caught:
        QuantumMachinesManager("127.0.0.1", 1, timeout=1)
    assert caught.value.hint
