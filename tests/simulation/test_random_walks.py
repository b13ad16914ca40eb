"""Seeded histories of the broker core among simulated clients and controllers, every invariant after every step.

Clients ask for all that can be asked, at random, and repeat requests. Controllers run jobs, lose loads, die, come back,
cut their connections, and send unacknowledged reports again. The broker is thrown away at random instants, before or
after a commit, and loaded from the rows. A failure names its seed.
"""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest

from quaymaster._core import wire
from quaymaster._core.wire import commands, reports, requests
from quaymaster._core.wire.records import Fault
from quaymaster.broker.core import Answer, Asked, Core, Gone, MetaRow, Said, Send, Ticked
from quaymaster.broker.core.claims import shape_of
from quaymaster.broker.core.errands import delivery_id_of
from quaymaster.broker.core.invariants import Witness, check_all, same_after_reload

STEPS = 180
USERS = ("ann", "bob", "eve")
CONTROLLERS = {"con1": ("opx+", {}), "con2": ("opx", {}), "con3": ("opx1000", {1: "lf", 2: "mw"})}
START_MS = 1_658_058_752_694


def config(name: str, shareable: bool, *ports: int, delay: int = 0, offset: float = 0.0) -> dict[str, Any]:
    """A config that declares some analog outputs of one controller."""
    outputs = {port: {"shareable": shareable, "delay": delay, "offset": offset} for port in ports}
    if name == "con3":
        return {"controllers": {name: {"type": "opx1000", "fems": {1: {"type": "LF", "analog_outputs": outputs}}}}}
    return {"controllers": {name: {"type": "opx1", "analog_outputs": outputs}}}


def with_element(raw: dict[str, Any], port: int) -> dict[str, Any]:
    """The config with an element on one port of con1, whose offset can be set."""
    return {**raw, "elements": {"q": {"singleInput": {"port": ("con1", port)}}}}


def both(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    """One config over the controllers of two."""
    return {"controllers": {**first["controllers"], **second["controllers"]}}


CONFIGS = [
    config("con1", False, 1, 2),
    config("con1", False, 2, 3),
    config("con1", True, 1, 4),
    with_element(config("con1", True, 4, 5, offset=0.1), 4),
    config("con1", True, 4, delay=8),
    config("con2", False, 1),
    config("con2", True, 2),
    config("con3", True, 1),
    both(config("con1", True, 4), config("con2", True, 2)),
    both(config("con1", False, 6), config("con2", False, 1)),
    {"controllers": {"con2": {"type": "opx1000"}}},
    {"controllers": {"con1": {"analog_outputs": {99: {}}}}},
]


class SimulatedController:
    """What a controller does with commands; it asserts what a controller relies on."""

    def __init__(self, name: str, chance: random.Random, count: int) -> None:
        self.name = name
        self.chance = chance
        self.instance = f"{name}-{count}"
        self.jobs: dict[str, tuple[int, str, str]] = {}  # job -> (attempt, state, qm)
        self.qms: dict[str, dict[str, Any]] = {}
        self.paused: dict[str, bool] = {}
        self.delivered: dict[str, str] = {}  # delivery id -> job, of those that were done
        self.io: dict[str, list[int]] = {}
        self.spool: deque[reports.Report] = deque()
        self.seq = 0
        self.connected = False
        self.greeted = False  # the broker has heard its hello on this connection; commands before that go nowhere
        self.inbox: deque[commands.Action] = deque()
        self.outbox: deque[reports.Report] = deque()

    def hello(self) -> None:
        """A new connection: what was under way on the old one is lost."""
        self.connected, self.greeted = True, False
        self.inbox.clear()
        self.outbox.clear()
        kind, fems = CONTROLLERS[self.name]
        matter = reports.Hello(
            name=self.name, type=kind, fems=fems, instance=self.instance, version="1", alike=[*CONTROLLERS]
        )
        self.outbox.append(reports.Report(matter=matter))
        self.outbox.extend(self.spool)

    def say(self, matter: Any) -> None:
        """A report that must not be lost."""
        self.seq += 1
        report = reports.Report(seq=self.seq, matter=matter)
        self.spool.append(report)
        if self.connected:
            self.outbox.append(report)

    def obey(self) -> None:
        """Follow the next command."""
        command = self.inbox.popleft()
        match command:
            case commands.Open():
                self.open(command)
            case commands.Close():
                self.qms.pop(command.qm_id, None)
                for job_id, (_, state, qm_id) in list(self.jobs.items()):
                    if qm_id == command.qm_id and state not in wire.FINAL_STATES:
                        self.finish(job_id, "canceled")
            case commands.CompileProgram():
                self.compile(command)
            case commands.Load():
                self.load(command)
            case commands.Halt():
                self.halt(command)
            case commands.Deliver():
                self.deliver(command)
            case commands.FetchData():
                matter = reports.FetchFailed(
                    fetch_id=command.fetch_id, error=Fault(family="asked_wrongly", code="nothing", message="nothing")
                )
                self.outbox.append(reports.Report(matter=matter))
            case commands.TakeInventory():
                held = [
                    reports.HeldJob(
                        job_id=job_id,
                        attempt=attempt,
                        state=state,  # type: ignore[arg-type]
                        paused=state == "running" and self.paused.get(job_id, False),
                    )
                    for job_id, (attempt, state, _) in self.jobs.items()
                ]
                self.outbox.append(reports.Report(matter=reports.Inventory(jobs=held, qm_ids=list(self.qms))))

    def open(self, command: commands.Open) -> None:
        """A port has one owner here too, unless all its owners share it."""
        claims = shape_of(CONFIG_OF[command.config_digest]).ports
        mine = {port: claim for port, claim in claims.items() if port.startswith(f"{self.name}/")}
        for qm_id, other in self.qms.items():
            for port in mine.keys() & other.keys() if qm_id != command.qm_id else ():
                assert mine[port].shareable and other[port].shareable, f"{port} would have two owners at {self.name}"
        self.qms[command.qm_id] = mine

    def compile(self, command: commands.CompileProgram) -> None:
        """A program's bytes say what it needs; one in eight has an error."""
        program = PROGRAMS[command.program_digest]
        if program.endswith(b"bad"):
            matter = reports.Compiled(
                compile_id=command.compile_id,
                program_digest=command.program_digest,
                error=Fault(family="asked_wrongly", code="compile_error", message="no"),
            )
        else:
            needs = [part.split(b":") for part in program.split(b" ")[1:]]
            matter = reports.Compiled(
                compile_id=command.compile_id,
                program_digest=command.program_digest,
                threads=[wire.ThreadNeed(controller=c.decode(), fem=1, threads=int(n)) for c, n in needs],
                streams=[wire.StreamSchema(name="s", dtype="<i4")],
            )
        self.say(matter)

    def load(self, command: commands.Load) -> None:
        """A load of an attempt that is known changes nothing; a qm has one job that loads or runs."""
        known = self.jobs.get(command.job_id)
        if known is not None and known[0] == command.attempt:
            return
        if self.chance.random() < 0.1:
            self.say(reports.Lacking(job_id=command.job_id, attempt=command.attempt))
            return
        if command.simulation is not None:
            assert not command.qm_id, "a simulation has no qm"
            self.jobs[command.job_id] = (command.attempt, "loading", "")
            return
        assert command.qm_id in self.qms, "a load for a qm that is not open here"
        busy = [
            job_id
            for job_id, (_, state, qm_id) in self.jobs.items()
            if qm_id == command.qm_id and state in ("loading", "running") and job_id != command.job_id
        ]
        assert not busy, f"{command.job_id} is loaded while {busy} run on {command.qm_id}"
        self.jobs[command.job_id] = (command.attempt, "loading", command.qm_id)

    def halt(self, command: commands.Halt) -> None:
        """End it; a job that is not here counts as canceled."""
        held = self.jobs.get(command.job_id)
        if held is None or held[0] < command.attempt:
            self.say(reports.Status(job_id=command.job_id, attempt=command.attempt, state="canceled"))
            self.jobs[command.job_id] = (command.attempt, "canceled", "")
        elif held[0] == command.attempt and held[1] not in wire.FINAL_STATES:
            self.finish(command.job_id, "canceled")

    def deliver(self, command: commands.Deliver) -> None:
        """An id is done once, by the job that it was sent to; answers may be lost.

        Registers are the qm's: where the job that got them has ended meanwhile, a repeat sets the same in the next one.
        """
        is_for_qm = isinstance(command.parcel, (wire.parcels.SetRegisters, wire.parcels.ReadRegisters))
        assert is_for_qm or self.delivered.get(command.delivery_id, command.job_id) == command.job_id
        attempt, state, _ = self.jobs.get(command.job_id, (0, "", ""))
        paused = self.paused.get(command.job_id, False)
        resumes = isinstance(command.parcel, wire.parcels.Resume)
        is_known = self.delivered.get(command.delivery_id) == command.job_id
        if state != "running" or attempt != command.attempt:
            self.refuse(command, "job_not_running")
        elif not is_known and resumes and not paused:
            self.refuse(command, "not_paused")
        else:
            if not is_known:
                self.delivered[command.delivery_id] = command.job_id
                self.paused[command.job_id] = paused and not resumes
                if isinstance(command.parcel, wire.parcels.SetRegisters):
                    self.io[command.job_id] = [command.parcel.io1 or 0, command.parcel.io2 or 0]
            said = reports.Delivered(
                delivery_id=command.delivery_id,
                job_id=command.job_id,
                attempt=attempt,
                paused=self.paused[command.job_id],
                io=self.io.get(command.job_id, [0, 0]),
            )
            self.outbox.append(reports.Report(matter=said))

    def refuse(self, command: commands.Deliver, code: str) -> None:
        """Nothing was done."""
        fault = Fault(family="asked_wrongly", code=code, message=code)
        matter = reports.NotDelivered(delivery_id=command.delivery_id, error=fault)
        self.outbox.append(reports.Report(matter=matter))

    def finish(self, job_id: str, state: str) -> None:
        """A job's last word."""
        attempt, _, qm_id = self.jobs[job_id]
        self.jobs[job_id] = (attempt, state, qm_id)
        error = Fault(family="bug", code="overflow", message="it broke") if state == "error" else None
        self.say(reports.Status(job_id=job_id, attempt=attempt, state=state, error=error))  # type: ignore[arg-type]

    def work(self) -> None:
        """One of its jobs comes a step further."""
        alive = [job_id for job_id, (_, state, _) in self.jobs.items() if state not in wire.FINAL_STATES]
        if not alive:
            return
        job_id = self.chance.choice(alive)
        attempt, state, qm_id = self.jobs[job_id]
        if self.paused.get(job_id, False) and self.chance.random() < 0.8:
            return
        if state == "running" and qm_id and self.chance.random() < 0.4:
            self.paused[job_id] = True
            if self.connected:
                matter = reports.Standing(job_id=job_id, attempt=attempt, paused=True)
                self.outbox.append(reports.Report(matter=matter))
            return
        following = {
            "loading": ["running", "running", "running", "completed", "error"],
            "running": ["processing", "completed", "error"],
        }
        state = self.chance.choice(following.get(state, ["completed"]))
        if state in wire.FINAL_STATES:
            self.finish(job_id, state)
            return
        self.jobs[job_id] = (attempt, state, qm_id)
        self.say(reports.Status(job_id=job_id, attempt=attempt, state=state))  # type: ignore[arg-type]
        counts = [reports.StreamCount(name="s", count=self.chance.randrange(5))]
        matter = reports.Progress(job_id=job_id, attempt=attempt, streams=counts)
        if self.connected:
            self.outbox.append(reports.Report(matter=matter))


PROGRAM_TEXTS = [b"0 con1:2", b"1 con1:9", b"2 con1:18", b"3 con2:3", b"4", b"5 con1:19", b"6 con1:1 con2:1", b"7 bad"]
PROGRAMS = {wire.content_digest(text): text for text in PROGRAM_TEXTS}
BODIES = [wire.pack_plain(raw) for raw in CONFIGS]
CONFIG_OF: dict[str, dict[str, Any]] = {
    wire.content_digest(body): raw for body, raw in zip(BODIES, CONFIGS, strict=True)
}


def fits(text: bytes, controllers: Any) -> bool:
    """Whether a program uses only these controllers, so that it may run there."""
    return all(part.split(b":")[0].decode() in controllers for part in text.split(b" ")[1:] if b":" in part)


class World:
    """One history."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.is_lively = seed % 3 == 0  # most of what is asked is brought to running jobs
        self.now_ms = START_MS
        meta = MetaRow(instance="walk", first_job=START_MS)
        self.witness = Witness(meta)
        self.core = Core(self.witness.rows)
        self.controllers = {name: SimulatedController(name, self.chance, 0) for name in CONTROLLERS}
        self.count = 0
        self.asked: list[Asked] = []
        self.jobs_of: dict[tuple[str, str], str] = {}
        self.rearm: deque[Asked] = deque(maxlen=20)
        self.told_done: set[tuple[str, str]] = set()
        self.gone: dict[str, str] = {}  # what lost controllers had delivered

    def step(self) -> None:
        """Something happens."""
        self.now_ms += self.chance.choice((0, 0, 1, 5, 200, 3000))
        kinds = (
            self.ask,
            self.obey,
            self.hear,
            self.work,
            self.ask_again,
            self.tick,
            self.connect,
            self.cut,
            self.crash,
        )
        self.chance.choices(kinds, (22, 30, 30, 14, 6, 2, 0.7, 0.7, 0.7))[0]()

    def feed(self, event: Any, *, commit: bool = True) -> None:
        """One event through the core, the store and the network."""
        changes, instructions = self.core.handle(event, self.now_ms)
        check_all(self.core.cluster)
        if not commit:
            return
        self.witness.see(changes, instructions)
        self.witness.the_log_replays(self.core.cluster)
        for instruction in instructions:
            if isinstance(instruction, Send):
                if isinstance(instruction.action, commands.Open):
                    body = self.witness.rows.tables["body"].get(instruction.action.config_digest)
                    CONFIG_OF.setdefault(
                        instruction.action.config_digest, wire.unpack_plain(body.body) if body else {"controllers": {}}
                    )
                if self.controllers[instruction.controller].greeted:
                    self.controllers[instruction.controller].inbox.append(instruction.action)
            elif isinstance(instruction, Answer):
                self.note_answer(instruction)

    def note_answer(self, answer: Answer) -> None:
        """A submission that is repeated names the same job for ever."""
        assert answer.client, "an answer to nobody"
        if answer.pending:
            self.rearm.extend(asked for asked in self.asked[-20:] if asked.request.request_id == answer.request_id)
        if isinstance(answer.result, requests.Done):
            self.told_done.add((answer.client.decode(), answer.request_id))
        if isinstance(answer.result, requests.JobAdded):
            key = (answer.client.decode(), answer.request_id)
            assert self.jobs_of.setdefault(key, answer.result.job_id) == answer.result.job_id
            assert answer.result.job_id in self.witness.jobs, "a job was confirmed that is not in the rows"

    def ask(self) -> None:
        """A client asks for something."""
        self.ask_for(*self.any_request())

    def ask_for(self, args: Any, bodies: tuple[bytes, ...]) -> None:
        """Any user asks for this."""
        user = self.chance.choice(USERS)
        self.count += 1
        request = requests.Request(request_id=wire.make_request_id(self.now_ms, f"{self.count:06d}"), args=args)
        asked = Asked(user.encode(), user, request, bodies)
        self.asked.append(asked)
        self.feed(asked)

    def any_request(self) -> tuple[Any, tuple[bytes, ...]]:
        """Any request with arguments that often make sense."""
        chance, cluster = self.chance, self.core.cluster
        qm_id = chance.choice([*cluster.qms] * 5 + ["qm-0"])
        job_id = chance.choice([*list(cluster.jobs)[-12:], "17"])
        fitting = [
            text for text in PROGRAM_TEXTS if qm_id in cluster.qms and fits(text, cluster.shapes[qm_id].controllers)
        ]
        text = chance.choice(fitting * 3 + PROGRAM_TEXTS)
        program = wire.content_digest(text)
        kinds = (
            "open",
            "close",
            "close_all",
            "add",
            "add_id",
            "execute",
            "simulate",
            "compile",
            "remove",
            "cancel",
            "wait",
            "bring",
            "other",
        )
        match chance.choices(kinds, (10, 1, 0.3, 45, 6, 5, 6, 5, 6, 6, 10, 150 if self.is_lively else 12, 8))[0]:
            case "open":
                mode = chance.choice((None, *["never"] * 12, "if_needed"))
                return requests.OpenQm(close_mode=mode), (chance.choice(BODIES),)  # type: ignore[arg-type]
            case "close":
                return requests.CloseQm(qm_id=qm_id), ()
            case "close_all":
                return requests.CloseAllQms(), ()
            case "add":
                args = requests.AddJob(qm_id=qm_id, digest=program, to_start=chance.random() < 0.3)
                return args, (text,) if chance.random() < 0.8 else ()
            case "add_id":
                program_id = chance.choice([*cluster.programs, "p-0"])
                return requests.AddJob(qm_id=qm_id, program_id=program_id), ()
            case "execute":
                return requests.Execute(qm_id=qm_id, digest=program), (text,)
            case "simulate":
                return self.any_simulation(qm_id, text)
            case "compile":
                return requests.Compile(qm_id=qm_id, digest=program), (text,)
            case "remove":
                return self.any_removal(qm_id, job_id), ()
            case "cancel":
                return requests.CancelJob(job_id=job_id), ()
            case "wait":
                until: list[Any] = [chance.choice(("running", "completed"))]
                some = (requests.WaitJob(job_id=job_id, until=until), requests.WaitResults(job_id=job_id, count=2))
                return chance.choice(some), ()
            case "bring":
                return self.any_errand(qm_id, job_id)
        return self.any_reading(qm_id, job_id), ()

    def any_simulation(self, qm_id: str, text: bytes) -> tuple[Any, tuple[bytes, ...]]:
        """A simulation of a config or of a qm, with raw samples or without; seldom one that is too long."""
        raw = self.chance.choice((b"", bytes(16)))
        simulation = wire.Simulation(
            duration_cycles=self.chance.choice((10, 1000, 1000, 200_000_000)),
            interface="raw" if raw else "none",
            inputs=[wire.records.RawInput(target="con1/1/1", samples=2)] if raw else [],
            samples_digest=wire.content_digest(raw) if raw else "",
        )
        of_qm = self.chance.random() < 0.3
        args = requests.Simulate(digest=wire.content_digest(text), simulation=simulation, qm_id=qm_id if of_qm else "")
        bodies = (text, b"" if of_qm else self.chance.choice(BODIES), raw)
        return args, bodies if raw else bodies[:2]

    def any_errand(self, qm_id: str, job_id: str) -> tuple[Any, tuple[bytes, ...]]:
        """Something for a job, most often for one that runs; where none does, most often one is added."""
        jobs = self.core.cluster.jobs
        running = [active for active in self.core.cluster.active.values() if jobs[active].state == "running"]
        if not running and self.chance.random() < 0.8:
            text = PROGRAM_TEXTS[0]
            return requests.AddJob(qm_id=qm_id, digest=wire.content_digest(text)), (text,)
        job_id = self.chance.choice([job_id, *running * 9])
        errands = (
            requests.TellJob(job_id=job_id, parcel=wire.parcels.Resume()),
            requests.TellJob(
                job_id=job_id, parcel=wire.parcels.Push(entry=wire.records.InputEntry(stream="x", type="int", raws=[1]))
            ),
            requests.TellJob(job_id=job_id, parcel=wire.parcels.Trigger()),
            requests.SetIo(job_id=job_id, io1=4),
            requests.SetIo(qm_id=qm_id, io2=5),
            requests.GetIo(qm_id=qm_id),
        )
        return self.chance.choice(errands), ()

    def any_removal(self, qm_id: str, job_id: str) -> Any:
        """A removal, in each of its ways."""
        ways: list[dict[str, Any]] = [
            {"job_ids": [job_id]},
            {"position": self.chance.randrange(4)},
            {"position": 1, "expected_job_id": job_id},
            {"user_ids": [self.chance.choice(USERS)]},
            {"all": True},
            {},
        ]
        return requests.RemoveJobs(qm_id=qm_id, **self.chance.choice(ways))

    def any_reading(self, qm_id: str, job_id: str) -> Any:
        """Requests that mostly read."""
        return self.chance.choice(
            (
                requests.GetStatus(),
                requests.GetJobs(),
                requests.GetJobs(states=["pending"]),
                requests.Why(job_id=job_id),
                requests.GetQm(qm_id=qm_id),
                requests.GetConfig(qm_id=qm_id),
                requests.Fetch(job_id=job_id, stream="s"),
                requests.GetResultsState(job_id=job_id),
                requests.GetReport(job_id=job_id),
                requests.ClearResults(),
                requests.SetIo(qm_id=qm_id, io1=3),
                requests.SetConfig(qm_id=qm_id, changes=[self.any_change()] * 2),
                requests.SetConfig(qm_id=qm_id, changes=[self.any_change()]),
            )
        )

    def any_change(self) -> requests.ConfigChange:
        """A setter: an offset, seldom one that does not exist."""
        kind = self.chance.choice(("output_dc_offset", "output_dc_offset", "colour"))
        return requests.ConfigChange(kind=kind, target="q", port="single", values=[self.chance.choice((0.0, 0.2, 0.3))])

    def ask_again(self) -> None:
        """A client that had no answer sends the same request again."""
        if self.rearm and self.chance.random() < 0.8:
            self.feed(self.rearm.popleft())
        elif self.asked:
            self.feed(self.chance.choice(self.asked[-20:]))

    def obey(self) -> None:
        """A controller follows a command."""
        busy = [controller for controller in self.controllers.values() if controller.inbox]
        if busy:
            self.chance.choice(busy).obey()

    def hear(self) -> None:
        """The broker hears a report; the acknowledgement may take its time."""
        talking = [controller for controller in self.controllers.values() if controller.outbox]
        if not talking:
            return
        controller = self.chance.choice(talking)
        report = controller.outbox.popleft()
        controller.greeted |= isinstance(report.matter, reports.Hello)
        self.feed(Said(controller.name, report))
        if report.seq and self.chance.random() < 0.8:
            while controller.spool and controller.spool[0].seq <= report.seq:
                controller.spool.popleft()

    def work(self) -> None:
        """A controller's jobs come further."""
        self.chance.choice(list(self.controllers.values())).work()

    def tick(self) -> None:
        """Time goes by."""
        self.now_ms += self.chance.choice((1000, 9000))
        self.feed(Ticked())

    def connect(self) -> None:
        """A controller that is away comes back, as the same process or as a new one; or one connects anew."""
        controller = self.chance.choice(list(self.controllers.values()))
        if self.chance.random() < 0.5:
            self.count += 1
            self.gone.update(controller.delivered)
            controller = SimulatedController(controller.name, self.chance, self.count)
            self.controllers[controller.name] = controller
        controller.hello()

    def cut(self) -> None:
        """A connection ends, and the broker sees it."""
        controller = self.chance.choice(list(self.controllers.values()))
        controller.connected = controller.greeted = False
        controller.inbox.clear()
        controller.outbox.clear()
        self.feed(Gone(controller.name, "cut"))

    def crash(self) -> None:
        """The broker is lost, perhaps in the middle of a commit, and starts again from the rows."""
        lost = self.core.cluster
        if self.chance.random() < 0.5 and self.asked:
            self.feed(self.chance.choice(self.asked[-20:]), commit=False)
            lost = None  # type: ignore[assignment]
        self.core = Core(self.witness.rows)
        self.core.cluster.begin(self.now_ms)
        check_all(self.core.cluster)
        if lost is not None:
            same_after_reload(lost, self.core.cluster)
        for controller in self.controllers.values():
            if controller.connected:
                controller.hello()

    def calm(self) -> None:
        """All that was said is heard."""
        while any(controller.inbox or controller.outbox for controller in self.controllers.values()):
            self.obey()
            self.hear()

    def settle(self) -> None:
        """Heal everything, and let all run to its end: every accepted job must end."""
        for controller in self.controllers.values():
            controller.hello()
        for _ in range(4000):
            for controller in self.controllers.values():
                while controller.inbox:
                    controller.obey()
                while controller.outbox:
                    report = controller.outbox.popleft()
                    controller.greeted |= isinstance(report.matter, reports.Hello)
                    self.feed(Said(controller.name, report))
                controller.spool.clear()
                controller.work()
            if all(job.state in wire.FINAL_STATES for job in self.witness.jobs.values()):
                return
        stuck = [job for job in self.witness.jobs.values() if job.state not in wire.FINAL_STATES]
        raise AssertionError(f"{len(stuck)} jobs never end, the first: {stuck[0]}")


def check_deliveries(world: World) -> None:
    """OK means delivered: every TellJob that was answered so was done by a controller, under the request's one id."""
    done = dict(world.gone)
    for controller in world.controllers.values():
        done.update(controller.delivered)
    for asked in world.asked:
        key = (asked.user, asked.request.request_id)
        if isinstance(asked.request.args, requests.TellJob) and key in world.told_done:
            assert done[delivery_id_of(key)] == asked.request.args.job_id


def walk(seed: int) -> World:
    """One seeded history, and then all jobs must come to an end."""
    world = World(seed)
    for controller in world.controllers.values():
        controller.hello()
    world.calm()
    if world.is_lively:
        for body in (BODIES[0], BODIES[5], BODIES[7]):  # one on each controller
            world.ask_for(requests.OpenQm(close_mode="never"), (body,))
    for _ in range(STEPS):
        world.step()
    check_deliveries(world)
    world.settle()
    return world


@pytest.mark.parametrize("block", range(20))
def test_random_walks_keep_every_invariant(block: int) -> None:
    """2,000 histories; a failure names its seed."""
    for seed in range(block * 100, block * 100 + 100):
        try:
            walk(seed)
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error}") from error


def test_walks_reach_what_they_are_for() -> None:
    """The histories are not empty: jobs end in every way, qms close, requests are refused, brokers are reloaded."""
    states: dict[str, int] = {}
    simulated = delivered = 0
    for seed in range(60):
        world = walk(seed)
        delivered += len(world.told_done)
        for job in world.witness.jobs.values():
            states[job.state] = states.get(job.state, 0) + 1
            simulated += job.simulation is not None
    assert simulated >= 20
    assert delivered >= 15
    assert {"completed", "error", "canceled"} <= states.keys()
    assert min(states.values()) >= 20
