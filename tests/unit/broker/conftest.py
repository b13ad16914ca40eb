"""A core with its rows and two controllers that answer at once: events in, instructions out, invariants after each."""

from __future__ import annotations

from typing import Any

import pytest

from quaymaster._core import wire
from quaymaster._core.errors import QuaymasterError
from quaymaster._core.wire import commands, reports, requests
from quaymaster._core.wire.records import Fault
from quaymaster.broker.core import Answer, Asked, Core, Gone, MetaRow, Publish, Said, Send, Ticked
from quaymaster.broker.core.invariants import Witness, check_all, same_after_reload

START_MS = 1_658_058_752_694
PROGRAM = b"program"


def opx_config(*ports: int, controller: str = "con1", shareable: bool = False, **port: Any) -> dict[str, Any]:
    """A config that declares analog outputs of an OPX."""
    outputs = {number: {"shareable": shareable, **port} for number in ports}
    return {"controllers": {controller: {"type": "opx1", "analog_outputs": outputs}}}


class Bench:
    """Drives one core. Compilations are answered at once with `needs`; everything else is up to the test."""

    def __init__(self, api: str = "qop2") -> None:
        self.now_ms = START_MS
        self.witness = Witness(MetaRow(instance="bench", first_job=START_MS))
        self.api = api
        self.core = Core(self.witness.rows, api=api, version="0")
        self.needs: dict[str, int] = {"con1": 1}
        self.compile_error: Fault | None = None
        self.compiles = True
        self.sent: list[Send] = []
        self.answers: list[Answer] = []
        self.hints: list[wire.Hint] = []
        self.count = 0
        self.seq = 0

    # -- controllers

    def connect(
        self,
        name: str,
        kind: str = "opx+",
        fems: dict[int, str] | None = None,
        instance: str = "",
        alike: tuple[str, ...] = ("con1", "con2"),
    ) -> None:
        """A controller says hello and holds nothing."""
        hello = reports.Hello(
            name=name, type=kind, fems=fems or {}, instance=instance or f"{name}-i", version="0", alike=[*alike]
        )
        self.say(name, hello)
        self.say(name, reports.Inventory())

    def say(self, controller: str, matter: Any, *bodies: bytes) -> None:
        """A report."""
        self.seq += 1
        self.feed(Said(controller, reports.Report(seq=self.seq, matter=matter), bodies))

    def status(self, job_id: str, state: str, controller: str = "con1", **fields: Any) -> None:
        """A controller reports a state of a job's latest attempt."""
        attempt = fields.pop("attempt", self.core.cluster.jobs[job_id].attempt)
        self.say(controller, reports.Status(job_id=job_id, attempt=attempt, state=state, **fields))  # type: ignore[arg-type]

    def gone(self, controller: str) -> None:
        """A controller's connection ends."""
        self.feed(Gone(controller, "killed"))

    # -- clients

    def ask(self, args: Any, *bodies: bytes, user: str = "ann", request_id: str = "") -> Any:
        """A request and its result; raises the error it was answered with; None while it is parked."""
        self.count += 1
        request_id = request_id or wire.make_request_id(self.now_ms, f"{self.count:06d}")
        self.feed(Asked(user.encode(), user, requests.Request(request_id=request_id, args=args), bodies))
        mine = [answer for answer in self.answers if answer.request_id == request_id]
        if not mine:
            return None
        if mine[-1].error is not None:
            raise wire.exception_of(mine[-1].error)
        return mine[-1].result

    def refusal(self, args: Any, *bodies: bytes, user: str = "ann") -> QuaymasterError:
        """The error that a request is answered with; it must have changed nothing."""
        before = self.visible()
        with pytest.raises(QuaymasterError) as caught:
            self.ask(args, *bodies, user=user)
        assert self.visible() == before
        return caught.value

    def visible(self) -> Any:
        """All that users can see change (that a program was compiled is no such thing)."""
        cluster = self.core.cluster
        return dict(cluster.jobs), dict(cluster.qms), dict(cluster.programs), dict(cluster.answers)

    def open(self, config: dict[str, Any], mode: Any = "never", user: str = "ann") -> str:
        """Open a qm, give its id."""
        self.now_ms += 1
        return str(self.ask(requests.OpenQm(close_mode=mode), wire.pack_plain(config), user=user).qm_id)

    def add(self, qm_id: str, program: bytes = PROGRAM, user: str = "ann", **fields: Any) -> str:
        """Add a job, give its id."""
        args = requests.AddJob(qm_id=qm_id, digest=wire.content_digest(program), **fields)
        return str(self.ask(args, program, user=user).job_id)

    # -- the machinery

    def feed(self, event: Any) -> None:
        """One event; then the invariants, the rows, and what the controllers answer at once."""
        changes, instructions = self.core.handle(event, self.now_ms)
        check_all(self.core.cluster)
        self.witness.see(changes, instructions)
        self.witness.the_log_replays(self.core.cluster)
        self.hints += [i.hint for i in instructions if isinstance(i, Publish)]
        self.answers += [i for i in instructions if isinstance(i, Answer)]
        sends = [i for i in instructions if isinstance(i, Send)]
        self.sent += sends
        for send in sends:
            if isinstance(send.action, commands.CompileProgram) and self.compiles:
                self.say(send.controller, self.compiled(send.action))

    def compiled(self, action: commands.CompileProgram) -> reports.Compiled:
        """What a controller says of a program."""
        return reports.Compiled(
            compile_id=action.compile_id,
            program_digest=action.program_digest,
            error=self.compile_error,
            threads=[wire.ThreadNeed(controller=name, threads=count) for name, count in self.needs.items()],
            streams=[wire.StreamSchema(name="s", dtype="<i4")],
            elements=["q"],
        )

    def commands(self, kind: type) -> list[Any]:
        """Commands of one kind so far."""
        return [send.action for send in self.sent if isinstance(send.action, kind)]

    def tick(self, after_ms: int) -> None:
        """Time goes by."""
        self.now_ms += after_ms
        self.feed(Ticked())

    def crash(self) -> None:
        """The broker is lost and loaded from its rows; nobody is connected."""
        lost = self.core.cluster
        self.core = Core(self.witness.rows, api=self.api, version="0")
        same_after_reload(lost, self.core.cluster)

    def state(self, job_id: str) -> str:
        """The state of a job."""
        return self.core.cluster.jobs[job_id].state

    def queue(self, qm_id: str) -> list[str]:
        """Pending jobs of a qm in order, as a client sees them."""
        listed = self.ask(requests.GetJobs(qm_ids=[qm_id], states=["pending"])).jobs
        assert [job.position for job in listed] == list(range(1, len(listed) + 1))
        return [job.job_id for job in listed]


@pytest.fixture
def bench() -> Bench:
    """A core with two OPX+."""
    made = Bench()
    made.connect("con1")
    made.connect("con2")
    return made


@pytest.fixture
def config() -> Any:
    """`opx_config`."""
    return opx_config


@pytest.fixture
def new_bench() -> type[Bench]:
    """For tests that want another profile or other controllers."""
    return Bench
