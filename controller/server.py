"""A controller process: the socket loop that turns commands into runs and runs into reports.

One OS thread owns the socket and all tables; jobs, compilations and fetches have threads of their own and speak to it
through an inbox. `run_controller` is the whole process.
"""

from __future__ import annotations

import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import zmq

from .._core.errors import AskedWrongly, Taken
from .._core.wire import Command, Fault, Report, as_bytes, commands, exception_of, fault_of, reports
from .._core.wire.reports import Matter
from .fetching import Answer, Fetcher
from .inbox import Inbox
from .link import Link, check_endpoint
from .records import JobRecord, encode_record
from .records.job_record import PlantRecord
from .results import ResultLimits, ResultShelf
from .runtime.deliveries import not_running
from .runtime.engine import Engine, PlantOptions
from .runtime.job_run import JobRun, News
from .runtime.job_table import JobTable
from .runtime.lanes import Lanes
from .runtime.library import Key, Library, key_of
from .runtime.limits import BROKER_AWAY_MAX_S, STOP_WITHIN_S
from .runtime.pair_files import PairFiles
from .runtime.port_table import PortTable
from .runtime.runs import Run
from .runtime.spool import Spool

if TYPE_CHECKING:
    from .simulation import Simulations

log = logging.getLogger(__name__)
VERSION = metadata.version("quaymaster")
LOOK_S = 1.0


class Stop:
    """Asks the server to end."""


Mail = News | Answer | Matter | Stop


class Server:
    """One controller. `serve` runs until `stop`, or until the broker refuses this controller (then it raises)."""

    def __init__(
        self,
        name: str,
        *,
        type: str,
        fems: Mapping[int, str],
        broker_endpoint: str,
        directory: Path,
        engine: Engine,
        limits: ResultLimits | None = None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        self._name, self._type, self._fems = name, type, dict(fems)
        self._instance = secrets.token_hex(8)
        self._epoch = EpochFile(directory / "epoch")
        self._engine = engine
        self._on_ready: Callable[[], None] | None = on_ready
        self._inbox: Inbox[Mail] = Inbox()
        self._shelf = ResultShelf(directory / "results", limits)
        images, sources = PairFiles(directory / "images"), PairFiles(directory / "sources", synced=True)
        self._library = Library(name, engine, images, sources)
        self._ports = PortTable(name, type)
        self._spool = Spool()
        self._lanes = Lanes()
        self._table = JobTable(self._launch, self._spooled)
        self._fetcher = Fetcher(self._shelf, self._inbox.put)
        self._gate = threading.Event()
        self._link = Link(broker_endpoint, self._instance, self._hello)
        self._broker_seen = time.monotonic()
        self._simulations: Simulations | None = None
        self._raw_samples: dict[str, bytes] = {}  # of simulations that were loaded and have not begun
        self._stopping = False
        self._refused: Fault | None = None

    def stop(self) -> None:
        """End the process soon; from any OS thread or a signal handler."""
        self._inbox.put(Stop())

    def serve(self) -> None:
        """The loop."""
        try:
            while not self._stopping:
                self._round(LOOK_S)
        finally:
            self._close()
        if self._refused is not None:
            raise exception_of(self._refused)

    # -- the loop ------------------------------------------------------------------------------------------------------

    def _round(self, longest_s: float) -> None:
        now = time.monotonic()
        self._link.tick(now)
        self._link.flush()
        self._mind_broker(now)
        poller = zmq.Poller()
        poller.register(self._inbox.fileno(), zmq.POLLIN)
        self._link.register(poller)
        poller.poll(int(1000 * min(self._link.due_in_s(now), longest_s)) + 1)
        for command, bodies in self._link.receive(time.monotonic()):
            self._obey(command, bodies)
        for mail in self._inbox.take():
            self._read(mail)
        self._link.flush()

    def _mind_broker(self, now: float) -> None:
        """Without a broker nothing new starts, and after BROKER_AWAY_MAX_S nothing goes on."""
        if self._link.up:
            self._broker_seen = now
            return
        self._gate.clear()
        if now - self._broker_seen > BROKER_AWAY_MAX_S and self._table.running:
            text = f"the broker was away for more than {BROKER_AWAY_MAX_S:.0f} s"
            self._table.halt_where(lambda _: True, Fault(family="taken", code="broker_lost", message=text))

    def _read(self, mail: Mail) -> None:
        match mail:
            case News():
                if self._table.take(mail) and isinstance(mail.matter, reports.Progress):
                    self._link.send(Report(matter=mail.matter))
            case Answer():
                self._link.send(mail.report, *mail.bodies, gone=mail.sent)
            case Stop():
                self._stopping = True
            case _:
                self._spooled(mail)

    def _spooled(self, matter: Matter) -> int:
        """Send a report that must not be lost."""
        report = self._spool.add(matter)
        self._link.send(report)
        return report.seq

    def _hello(self) -> Report:
        return Report(
            matter=reports.Hello(
                name=self._name,
                type=self._type,
                fems=self._fems,
                instance=self._instance,
                version=VERSION,
                epoch=self._epoch.highest,
                alike=sorted(self._engine.alike),
            )
        )

    def _close(self) -> None:
        """Halt what runs, wait until its results are on disk, tell the broker, end."""
        self._link.send(Report(matter=reports.Leaving()))  # before the jobs end, or the next ones would come
        reason = Fault(family="taken", code="controller_lost", message=f"controller {self._name} was stopped")
        self._table.halt_where(lambda _: True, reason)
        until = time.monotonic() + STOP_WITHIN_S
        while self._table.running and time.monotonic() < until:
            self._round(0.05)
        self._fetcher.close()
        self._lanes.close()
        self._link.close()
        self._inbox.close()

    # -- commands ------------------------------------------------------------------------------------------------------

    def _obey(self, command: Command, bodies: Sequence[bytes]) -> None:
        action = command.action
        try:
            self._epoch.check(command.epoch)
            self._act(action, [as_bytes(body) for body in bodies])
        except Exception as error:
            fault = fault_of(error)
            if fault.family == "bug":
                log.exception("command %s failed", type(action).__name__)
            name = str(action.__struct_config__.tag)
            self._spooled(reports.Trouble(command=name, error=fault, note=_subject(action)))

    def _act(self, action: commands.Action, bodies: list[bytes]) -> None:
        match action:
            case commands.Load():
                self._load(action, bodies)
            case commands.Acknowledge():
                self._spool.acknowledge(action.seq)
            case commands.FetchData():
                self._fetcher.ask(action)
            case commands.Halt():
                self._table.halt(action.job_id, action.attempt)
            case commands.Deliver():
                self._deliver(action)
            case commands.Start():
                run = self._table.find_run(action.job_id, action.attempt)
                if isinstance(run, JobRun) and run.start():
                    self._lanes.submit(run, short=True)
            case commands.CompileProgram():
                self._compile(action, bodies)
            case commands.Open():
                self._open(action, bodies)
            case commands.Close():
                self._ports.close(action.qm_id)
                self._table.halt_where(lambda run: run.qm_id == action.qm_id)
            case commands.DropResults():
                self._lanes.later(lambda: self._shelf.drop(action.job_ids))
            case commands.TakeInventory():
                for told in self._table.progress():  # first, so that who hears of a pause can count what was saved
                    self._link.send(Report(matter=told))
                jobs = self._table.inventory(self._spool.acknowledged)
                self._link.send(Report(matter=reports.Inventory(jobs=jobs, qm_ids=self._ports.qm_ids)))
            case commands.Welcome():
                self._welcome(action)
            case commands.SayHello():
                self._link.say_hello(time.monotonic())
            case commands.Refuse():
                self._refused, self._stopping = action.error, True

    def _welcome(self, action: commands.Welcome) -> None:
        self._link.welcomed(time.monotonic())
        self._gate.set()
        self._ports.doubt()
        self._spool.acknowledge(action.seq)
        for report in self._spool.waiting():
            self._link.send(report)
        log.info("welcomed by the broker; %d reports sent again", len(self._spool))
        if self._on_ready is not None:
            self._on_ready()
            self._on_ready = None

    def _open(self, action: commands.Open, bodies: list[bytes]) -> None:
        if bodies:
            self._library.add_config(action.config_digest, bodies[0])
        self._ports.open(action.qm_id, action.config_digest, self._library.config(action.config_digest))

    def _load(self, action: commands.Load, bodies: list[bytes]) -> None:
        key = key_of(action.program_digest, action.config_digest, action.overrides, action.options.latency)
        self._learn(key, bodies)
        if action.simulation is not None:  # comes whole
            if len(bodies) > 2 and self._table.is_new(action.job_id, action.attempt):
                self._raw_samples[action.job_id] = bodies[2]
            self._table.load(action)
            return
        if self._library.lacks(key) and self._table.is_new(action.job_id, action.attempt):
            lacking = reports.Lacking(job_id=action.job_id, attempt=action.attempt)
            self._spooled(lacking)
            return
        self._table.load(action)

    def _learn(self, key: Key, bodies: list[bytes]) -> None:
        program, config = [*bodies, b"", b""][:2]  # a third one is of a simulation
        if program:
            self._library.add_program(key.program, program)
        if config:
            self._library.add_config(key.config, config)

    def _deliver(self, action: commands.Deliver) -> None:
        run = self._table.find_run(action.job_id, action.attempt)
        if isinstance(run, JobRun):
            run.deliver(action)
        else:
            fault = fault_of(not_running(action.job_id))
            self._say(reports.NotDelivered(delivery_id=action.delivery_id, error=fault))

    def _say(self, matter: Matter) -> None:
        """Leave a report that need not be kept, in its turn; from any OS thread."""
        self._inbox.put(Answer(Report(matter=matter)))  # type: ignore[arg-type]

    def _launch(self, action: commands.Load) -> Run:
        return self._launch_job(action) if action.simulation is None else self._launch_simulation(action)

    def _launch_simulation(self, action: commands.Load) -> Run:
        """A simulation on an OS thread of its own."""
        if self._simulations is None:
            from .simulation import Simulations

            self._simulations = Simulations(self._library, self._shelf, self._inbox.put)
        run = self._simulations.run(action, self._raw_samples.pop(action.job_id, b""))
        self._lanes.do(run.run)
        return run

    def _launch_job(self, action: commands.Load) -> Run:
        key = key_of(action.program_digest, action.config_digest, action.overrides, action.options.latency)
        loaded = self._library.at_hand(key)
        library = self._library
        run = JobRun(
            action,
            (lambda: library.load(key)) if loaded is None else (lambda: loaded),
            self._engine,
            self._shelf,
            self._inbox.put,
            self._gate,
            partial(self._recorded, action, key),
            self._say,
        )
        if not self._ports.is_open(action.qm_id):
            error = AskedWrongly(f"{action.qm_id} is not open on {self._name}", code="unknown_qm")
            run.halt(fault_of(error))
        elif loaded is not None and loaded.quick and self._gate.is_set():
            if run.first_slice():  # here and now: a change of OS thread takes longer than all of it
                self._lanes.do(run.run_on)
        else:
            self._lanes.submit(run, short=loaded is not None and not loaded.schemas)
        return run

    def _recorded(self, action: commands.Load, key: Key, seed: int) -> bytes:
        """The record of a job that starts; program and config are put on disk with it."""
        self._library.keep_sources(key)
        options = self._engine.options
        return encode_record(
            JobRecord(
                job_id=action.job_id,
                attempt=action.attempt,
                qm_id=action.qm_id,
                controller=self._name,
                key=key.digest,
                overrides=key.overrides,
                numerics=action.options.numerics,
                latency=action.options.latency,
                seed=seed,
                io1=action.io1,
                io2=action.io2,
                plant=PlantRecord(**asdict(options)),
                engine_version=self._engine.version,
                version=VERSION,
            )
        )

    def _compile(self, action: commands.CompileProgram, bodies: list[bytes]) -> None:
        key = key_of(action.program_digest, action.config_digest, None, action.options.latency)
        self._learn(key, bodies)
        if self._library.at_hand(key) is not None:
            self._spooled(self._compiled(action, key))
        else:
            self._lanes.later(lambda: self._inbox.put(self._compiled(action, key)))

    def _compiled(self, action: commands.CompileProgram, key: Key) -> reports.Compiled:
        """The answer to a compile command; on an OS thread of its own unless the image is at hand."""
        compile_id, digest = action.compile_id, action.program_digest
        try:
            loaded = self._library.load(key)
            warnings = self._library.warnings(loaded, action.options.flags)
        except Exception as error:
            fault = fault_of(error)
            if fault.family == "bug":
                log.exception("program %s could not be compiled", digest)
            return reports.Compiled(compile_id=compile_id, program_digest=digest, error=fault)
        return reports.Compiled(
            compile_id=compile_id,
            program_digest=digest,
            threads=list(loaded.threads),
            streams=list(loaded.schemas),
            elements=list(loaded.elements),
            warnings=warnings,
        )


def _subject(action: commands.Action) -> str:
    """The id of what a command was about: a job, a qm, a compilation."""
    names = ("job_id", "qm_id", "compile_id", "fetch_id")
    return next((str(getattr(action, name)) for name in names if hasattr(action, name)), "")


class EpochFile:
    """The highest epoch of any broker that was obeyed; lower ones are refused, after a restart too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self.highest = int(path.read_text())
        except (OSError, ValueError):
            self.highest = 0

    def check(self, epoch: int) -> None:
        """Remember a higher epoch; raises AskedWrongly `old_epoch` for a lower one."""
        if epoch < self.highest:
            raise AskedWrongly(f"epoch {epoch} is over: {self.highest} has begun", code="old_epoch")
        if epoch > self.highest:
            self.highest = epoch
            unfinished = self._path.with_suffix(".part")
            unfinished.write_text(str(epoch))
            unfinished.replace(self._path)


@contextmanager
def held_directory(directory: Path) -> Iterator[None]:
    """The directory is this process's alone. Raises Taken `directory_taken`."""
    import fcntl

    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            raise Taken(
                f"{directory} is held by another controller (pid {lock.read().strip() or 'unknown'})",
                code="directory_taken",
                hint="give each controller a directory of its own",
            ) from None
        lock.seek(0)
        lock.truncate()
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def run_controller(
    name: str,
    *,
    type: str = "opx+",
    fems: Mapping[int, str] | None = None,
    broker_endpoint: str,
    directory: Path,
    plant: str = "echo",
    loopback: Sequence[str] = (),
    noise: float = 0.0,
    trigger_period_ns: int = 0,
    photons: str = "",
    alike: Collection[str] = (),
    engine: Engine | None = None,
) -> None:
    """Be the controller `name` until SIGTERM or SIGINT; prints one line when the broker has welcomed it.

    `fems`: slot -> "lf" or "mw", of an OPX1000. Plant as in `PlantOptions`; `alike`: other controllers with the same
    one. Raises QuaymasterError: `directory_taken`, `keys_needed`, `bad_plant`, or what the broker refused it with (its
    name was taken by a newer process).
    """
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    check_endpoint(broker_endpoint)
    if engine is None:
        from .runtime.platform_engine import PlatformEngine

        options = PlantOptions(
            plant=plant,
            loopback=tuple(loopback),
            noise=noise,
            trigger_period_ns=trigger_period_ns,
            photons=photons,
        )
        engine = PlatformEngine(name, options, alike)

    def ready() -> None:
        print(f"quaymaster controller {name} ({type}) ready, pid {os.getpid()}", flush=True)

    with held_directory(directory):
        server = Server(
            name,
            type=type,
            fems=fems or {},
            broker_endpoint=broker_endpoint,
            directory=directory,
            engine=engine,
            on_ready=ready,
        )
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: server.stop())
        log.info("controller %s looks for the broker at %s", name, broker_endpoint)
        server.serve()
        log.info("controller %s has ended", name)
