"""The socket loop: frames to events, changes to the store, instructions to frames.

One round: poll; drain both ROUTERs without blocking, frame by frame; let the core decide on each message; commit once;
only then send commands, replies and hints. Every reply of a round leaves after its commit, reads too. If the commit
fails, all who asked in the round get `store_unavailable`, and the core is thrown away and loaded from the rows.

Nothing that a peer sends ends the loop: what cannot be read is answered with an error (clients) or dropped and counted.
"""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Callable
from typing import Any, Final

import msgspec
import zmq

from .._core.errors import OurBug, QuaymasterError, Taken
from .._core.wire import (
    Beat,
    Command,
    Event,
    Hint,
    Reply,
    answer,
    commands,
    decode_report,
    decode_request,
    encode,
    fault_of,
    refusal,
    reports,
    requests,
)
from .._core.wire import limits as wire_limits
from .._core.wire.records import LatencyProfile
from .core import Answer, Asked, Change, Core, Gone, Instruction, Publish, Said, Send, Ticked
from .core.messages import Event as CoreEvent
from .peers import Link, Links, Sessions
from .sockets import Outbox, bind, receive
from .store import Store, StoreUnavailable

MESSAGES_PER_ROUND: Final = 256
BYTES_PER_ROUND: Final = 64 * 1024 * 1024
POLL_MS: Final = 200
BACKLOG_POLL_MS: Final = 5
ACKNOWLEDGE_EVERY: Final = 256  # reports; otherwise with the beat
HINTS_PER_EVENT: Final = 200
PUBLISH_EVERY_S: Final = 0.02  # listeners are people; hints of some rounds travel together
LISTEN_BACK_S: Final = 0.3  # so long after a connection ended, controllers are probed in each round
LOG_TRIM_S: Final = 3600.0


class Server:
    """The broker's process, without its command line. One OS thread owns it."""

    def __init__(
        self,
        store: Store,
        *,
        client_endpoint: str,
        controller_endpoint: str,
        event_endpoint: str,
        api: str = "qop2",
        latency: LatencyProfile = "ideal",
        version: str = "",
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._store = store
        self._api, self._latency, self._version, self._clock_ms = api, latency, version, clock_ms
        self._context: zmq.Context[Any] = zmq.Context()
        self._open: list[zmq.Socket[Any]] = []
        try:
            self._front, self.client_endpoint = self._bound(zmq.ROUTER, client_endpoint)
            self._back, self.controller_endpoint = self._bound(zmq.ROUTER, controller_endpoint)
            self._hints, self.event_endpoint = self._bound(zmq.PUB, event_endpoint)
        except BaseException:
            self.close()
            raise
        self._monitor = self._back.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self._clients, self._controllers = Outbox(self._front), Outbox(self._back)
        self._sessions, self._links = Sessions(), Links()
        self.counters: dict[str, int] = {}
        self._changes: list[Change] = []
        self._instructions: list[Instruction] = []
        self._asked: list[tuple[bytes, str]] = []  # (client, request id) of this round, for a failed commit
        self._tick_at = self._trim_at = self._round_at = time.monotonic()
        self._probe_until = 0.0
        self._at_beat = False
        self._late: list[tuple[Send, QuaymasterError]] = []  # commands whose bodies could not be read
        self._fresh_hints: list[Hint] = []
        self._hints_left_out = 0
        self._publish_at = 0.0
        self._core = self._load()
        self._epoch = self._core.cluster.meta.epoch

    def _bound(self, kind: int, endpoint: str) -> tuple[zmq.Socket[Any], str]:
        socket, bound = bind(self._context, kind, endpoint)
        self._open.append(socket)
        return socket, bound

    def _load(self) -> Core:
        core = Core(self._store.load(), api=self._api, latency=self._latency, version=self._version)
        core.cluster.events = self.event_endpoint
        return core

    @property
    def instance(self) -> str:
        """The name of the store, the same over restarts."""
        return self._core.cluster.meta.instance

    # -- the loop ----------------------------------------------------------------------------------------------------

    def run(self, should_stop: Callable[[], bool], wake_descriptor: int | None = None) -> None:
        """Serve until told to stop. `wake_descriptor` becomes readable when it is time to look."""
        poller = zmq.Poller()
        for socket in (self._front, self._back, self._monitor):
            poller.register(socket, zmq.POLLIN)
        if wake_descriptor is not None:
            poller.register(wake_descriptor, zmq.POLLIN)
        while not should_stop():
            ready = dict(poller.poll(self._patience_ms()))
            self._forgive_own_absence()
            self.round(front=self._front in ready, back=self._back in ready, disconnected=self._monitor in ready)

    def _patience_ms(self) -> int:
        now = time.monotonic()
        if now < self._probe_until:
            return 20
        if not (self._clients.is_empty and self._controllers.is_empty):
            return BACKLOG_POLL_MS
        due = min(self._tick_at, self._publish_at) if self._fresh_hints else self._tick_at
        return max(0, min(POLL_MS, int((due - now) * 1000) + 1))

    def _forgive_own_absence(self) -> None:
        """If this process was stopped or starved since the last round, the silence is ours and not the controllers'.

        Silence is judged by the time taken here, so a stop in the middle of a round blames nobody either.
        """
        last, self._round_at = self._round_at, time.monotonic()
        absence = self._round_at - last - POLL_MS / 1000
        if absence > 0.5:
            for link in self._links.by_name.values():
                link.heard_at += absence

    def round(self, *, front: bool = True, back: bool = True, disconnected: bool = False) -> None:
        """One round, as the module's docstring says."""
        self._changes, self._instructions, self._asked = [], [], []
        now_ms = self._clock_ms()
        if self._late:
            self._give_up_late(now_ms)
        if disconnected:
            self._drain_monitor()
        if back:
            self._drain(self._back, self._hear, now_ms)
        if front:
            self._drain(self._front, self._ask, now_ms)
        now = time.monotonic()
        if now < self._probe_until:
            self._probe()
        if now >= self._tick_at:
            self._tick(now, now_ms)
        self._commit_and_act()
        if not self._clients.is_empty:
            self._clients.retry()
        if not self._controllers.is_empty:
            self._controllers.retry()

    def _drain(self, socket: zmq.Socket[Any], handle: Callable[[bytes, list[bytes], int], None], now_ms: int) -> None:
        room = BYTES_PER_ROUND
        for _ in range(MESSAGES_PER_ROUND):
            message = receive(socket)
            if message is None:
                return
            handle(*message, now_ms)
            room -= sum(map(len, message[1]))
            if room < 0:
                return  # the rest waits in libzmq's queues until this has been written

    def _count(self, what: str) -> None:
        self.counters[what] = self.counters.get(what, 0) + 1

    # -- deciding ----------------------------------------------------------------------------------------------------

    def _decide(self, event: CoreEvent, now_ms: int) -> bool:
        """Let the core decide; False if it broke, and was loaded again from what was decided before."""
        try:
            changes, instructions = self._core.handle(event, now_ms)
        except Exception as error:  # a bug: what was decided before it stands, the core does not
            self._count("core_failures")
            traceback.print_exc(file=sys.stderr)
            if isinstance(event, Asked):
                self._reply(event.client, refusal(event.request.request_id, OurBug(f"{type(error).__name__}: {error}")))
            self._commit_and_act()
            link = self._links.by_name.get(event.controller) if isinstance(event, Said) else None
            self._start_over("the broker met a bug of its own and starts over from its store")
            if link is not None and isinstance(event, Said):
                self._links.skip(link.instance, event.report.seq)
            return False
        self._changes += changes
        self._instructions += instructions
        return True

    def _ask(self, client: bytes, frames: list[bytes], now_ms: int) -> None:
        """A message from a client."""
        request_id = ""
        try:
            request, bodies = decode_request(frames)
            request_id = request.request_id
            if isinstance(request.args, requests.Hello):
                self._sessions.greet(client, request.args.user)
            user = self._sessions.user_of(client)
        except QuaymasterError as error:
            self._count(f"refused_{error.code}")
            self._instructions.append(Answer(client=client, request_id=request_id, error=fault_of(error)))
            return
        self._asked.append((client, request_id))
        self._decide(Asked(client, user, request, tuple(bodies)), now_ms)

    def _hear(self, peer: bytes, frames: list[bytes], now_ms: int) -> None:
        """A message from a controller."""
        try:
            report, bodies = decode_report(frames)
        except QuaymasterError as error:
            self._count(f"dropped_{error.code}")
            if peer not in self._links.by_peer:
                self._command(peer, commands.Refuse(error=fault_of(error)))
            return
        link = self._links.by_peer.get(peer)
        if isinstance(report, Beat):
            if link is None:
                self._command(peer, commands.SayHello())
            else:
                link.heard_at = time.monotonic()
            return
        if isinstance(report.matter, reports.Hello):
            self._greet(peer, report, report.matter, now_ms)
            return
        if link is None:
            self._command(peer, commands.SayHello())
            return
        link.heard_at = time.monotonic()
        if report.seq and report.seq <= link.seq:
            return  # sent again, and durable before
        self._decide(Said(link.name, report, tuple(bodies)), now_ms)
        link.seq = max(link.seq, report.seq)

    def _greet(self, peer: bytes, report: reports.Report, said: reports.Hello, now_ms: int) -> None:
        """A controller says hello, perhaps in the place of an older process of its name."""
        if said.epoch > self._epoch:
            self._refuse_newer(peer, said)
            return
        try:
            link, before = self._links.welcome(peer, said, time.monotonic())
        except QuaymasterError as error:
            self._command(peer, commands.Refuse(error=fault_of(error)))
            return
        if before is not None:
            self._instructions = [i for i in self._instructions if not _is_for(i, said.name)]
            if before.instance != said.instance and before.peer != peer:
                taken = Taken(f"a newer process has taken the name {said.name}", code="name_taken")
                self._command(before.peer, commands.Refuse(error=fault_of(taken)))
        self._instructions.append(
            Send(
                link.name,
                commands.Welcome(broker=self.instance, seq=link.seq, heartbeat_ms=wire_limits.HEARTBEAT_MS),
            )
        )
        self._decide(Said(link.name, report), now_ms)

    def _refuse_newer(self, peer: bytes, said: reports.Hello) -> None:
        """The controller has obeyed a later broker: this one's store is older, or another one."""
        stale = Taken(
            f"this broker's epoch is {self._epoch}; controller {said.name} has obeyed a broker of epoch {said.epoch}",
            code="stale_broker",
            hint="start the broker with its latest store; with a new store, give the controller a new directory too",
            details={"controller": said.name, "broker": self._epoch, "seen": said.epoch},
        )
        print(f"broker: {stale}", file=sys.stderr, flush=True)
        frames = encode(Command(epoch=said.epoch, action=commands.Refuse(error=fault_of(stale))))
        self._controllers.send(peer, frames)

    # -- controllers that go away ------------------------------------------------------------------------------------

    def _drain_monitor(self) -> None:
        """Some connection ended; which one, a probe of all controllers shows."""
        for _ in range(MESSAGES_PER_ROUND):
            try:
                self._monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                break
        self._probe_until = time.monotonic() + LISTEN_BACK_S

    def _probe(self) -> None:
        beat = encode(Beat(instance=self.instance, revision=self._core.cluster.revision))
        for link in list(self._links.by_name.values()):
            if not self._controllers.send(link.peer, beat):
                self._lose(link, "its connection ended")

    def _lose(self, link: Link, reason: str) -> None:
        self._links.drop(link)
        self._controllers.forget(link.peer)
        self._decide(Gone(link.name, reason), self._clock_ms())

    def _tick(self, now: float, now_ms: int) -> None:
        """Each second: beats, acknowledgements, silence, time for the core."""
        self._at_beat = True
        self._tick_at = now + wire_limits.HEARTBEAT_MS / 1000
        for link in self._links.silent(self._round_at):
            self._lose(link, f"it missed {wire_limits.HEARTBEATS_MISSED} heartbeats")
        self._decide(Ticked(), now_ms)
        self._probe()
        if now >= self._trim_at:
            self._trim_at = now + LOG_TRIM_S
            try:
                self._store.trim_log(now_ms)
            except StoreUnavailable:
                self._count("log_trims_failed")

    # -- acting ------------------------------------------------------------------------------------------------------

    def _commit_and_act(self) -> None:
        """Make the round durable, then do what was decided."""
        changes, instructions = self._changes, self._instructions
        self._changes, self._instructions = [], []
        if changes:
            try:
                self._store.commit(changes)
            except StoreUnavailable as error:
                self._count("commits_failed")
                for client, request_id in self._asked:
                    self._reply(client, refusal(request_id, error))
                self._start_over("the broker could not write its store and starts over from it")
                return
        for instruction in instructions:
            if isinstance(instruction, Answer):
                self._answer(instruction)
            elif isinstance(instruction, Send):
                self._send(instruction)
            elif isinstance(instruction, Publish):
                self._note_hint(instruction.hint)
        self._acknowledge()
        if self._at_beat or (self._fresh_hints and time.monotonic() >= self._publish_at):
            self._publish()
        self._at_beat = False

    def _answer(self, instruction: Answer) -> None:
        if instruction.error is not None:
            reply = refusal(instruction.request_id, instruction.error)
        elif instruction.pending:
            reply = Reply(request_id=instruction.request_id, pending=True)
        else:
            assert instruction.result is not None
            result = instruction.result
            if isinstance(result, requests.ClusterStatus):
                result = msgspec.structs.replace(result, counters=self._all_counters())
            reply = answer(instruction.request_id, result)
        self._reply(instruction.client, reply, *instruction.bodies)

    def _all_counters(self) -> dict[str, int]:
        return {
            **self.counters,
            "commits": self._store.commits,
            "replies_dropped": self._clients.dropped,
            "commands_dropped": self._controllers.dropped,
        }

    def _reply(self, client: bytes, reply: Reply, *bodies: Any) -> None:
        try:
            frames = encode(reply, *bodies)
        except QuaymasterError as error:  # more than fits into one answer
            frames = encode(refusal(reply.request_id, error))
        if not self._clients.send(client, frames):
            self._count("replies_to_nobody")

    def _send(self, instruction: Send) -> None:
        """A command with its bodies."""
        link = self._links.by_name.get(instruction.controller)
        if link is None:
            return
        try:
            bodies = [
                body if isinstance(body, bytes) else self._store.body(body) if body else b""
                for body in instruction.bodies
            ]
        except QuaymasterError as error:
            self._count(f"commands_without_body_{error.code}")
            self._late.append((instruction, error))
            return
        if not self._controllers.send(
            link.peer, encode(Command(epoch=self._epoch, action=instruction.action), *bodies)
        ):
            self._probe_until = time.monotonic() + LISTEN_BACK_S

    def _give_up_late(self, now_ms: int) -> None:
        """Bodies that could not be read. A body may be gone because a later command of that round overtook this one; a
        job that still waits for its load fails, and a store that cannot be read means to start over.
        """
        late, self._late = self._late, []
        if any(isinstance(error, StoreUnavailable) for _, error in late):
            self._start_over("the broker could not read its store and starts over from it")
            return
        for instruction, error in late:
            action = instruction.action
            if isinstance(action, commands.Load):
                matter = reports.Trouble(command="load", error=fault_of(error), note=action.job_id)
                self._decide(Said(instruction.controller, reports.Report(matter=matter)), now_ms)

    def _command(self, peer: bytes, action: commands.Actions) -> None:
        """A command for a connection that has no name yet."""
        self._controllers.send(peer, encode(Command(epoch=self._epoch, action=action)))

    def _acknowledge(self) -> None:
        """Tell controllers which reports they may forget: all at the beat, sooner when there are many."""
        for link in self._links.by_name.values():
            if link.seq - link.acknowledged >= (1 if self._at_beat else ACKNOWLEDGE_EVERY):
                link.acknowledged = link.seq
                self._command(link.peer, commands.Acknowledge(seq=link.seq))

    def _note_hint(self, hint: Hint) -> None:
        if len(self._fresh_hints) < HINTS_PER_EVENT:
            self._fresh_hints.append(hint)
        else:
            self._hints_left_out += 1

    def _publish(self) -> None:
        event = Event(
            revision=self._core.cluster.revision, hints=self._fresh_hints, hints_left_out=self._hints_left_out
        )
        self._fresh_hints, self._hints_left_out = [], 0
        self._publish_at = time.monotonic() + PUBLISH_EVERY_S
        for frame, flags in zip(encode(event), (zmq.SNDMORE, 0), strict=True):
            self._hints.send(frame, flags)

    def _start_over(self, why: str) -> None:
        """Throw the core away and load it from the rows; waiting clients ask again, controllers say hello again."""
        print(f"broker: {why}", file=sys.stderr, flush=True)
        for asked in self._core.waiting():
            self._reply(asked.client, Reply(request_id=asked.request.request_id, pending=True))
        for link in list(self._links.by_name.values()):
            self._links.drop(link)
            self._links.forget(link.instance)
            self._command(link.peer, commands.SayHello())
        self._changes, self._instructions, self._asked = [], [], []
        self._core = self._load()

    def close(self) -> None:
        """Close sockets, then the context; what was promised has been written."""
        if getattr(self, "_monitor", None) is not None:
            self._back.disable_monitor()
            self._monitor.close(0)
        for socket in self._open:
            socket.close()
        self._context.term()


def _is_for(instruction: Instruction, controller: str) -> bool:
    return isinstance(instruction, Send) and instruction.controller == controller
