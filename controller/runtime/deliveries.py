"""What comes from outside for one run: taken in from the server's OS thread, given to the machine by its owner.

An answer leaves when the machine has it and the record says so. A repeat of what was delivered is answered, and not
delivered again.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from ..._core.errors import AskedWrongly, QuaymasterError, Taken
from ..._core.wire import fault_of, parcels
from ..._core.wire.commands import Deliver
from ..._core.wire.records import ElementValues
from ..._core.wire.reports import Delivered, Matter, NotDelivered
from .engine import Machine
from .inputs import Inputs, check_type
from .limits import DELIVERIES_KNOWN_MAX, DELIVERIES_WAITING_MAX

Keep = Callable[[Sequence[Any]], None]
"""Puts entries of a machine's `outside_log` on disk."""


class Deliveries:
    """`put` and `wake` may be called from any OS thread; the rest by the owner of the machine. `post` says answers."""

    def __init__(self, post: Callable[[Matter], None]) -> None:
        self._post = post
        self._lock = threading.Lock()
        self._rung = False  # something was put, or somebody woke, since it was last looked
        self._bell: threading.Event | None = None  # made when it is first waited for: most jobs never are
        self._waiting: deque[Deliver] = deque()
        self._known: dict[str, None] = {}  # in order
        self._kept = 0  # entries of the machine's log that are on disk, or need not be
        self._closed = False
        self.registers_were_set = False
        self.paused = False
        """Whether the job was told to be paused, and nobody has resumed it since."""

    def put(self, command: Deliver) -> None:
        """Take something in; it is delivered between two slices, or refused."""
        with self._lock:
            if not self._closed and len(self._waiting) < DELIVERIES_WAITING_MAX:
                self._waiting.append(command)
                self._ring()
                return
            closed = self._closed
        if closed:
            self._refuse(command, not_running(command.job_id))
            return
        words = f"{DELIVERIES_WAITING_MAX} things wait for job {command.job_id} already (DELIVERIES_WAITING_MAX)"
        self._refuse(command, Taken(words, code="too_many_deliveries", hint="wait until some have been taken"))

    def wake(self) -> None:
        """Make `wait` return."""
        with self._lock:
            self._ring()

    def _ring(self) -> None:
        self._rung = True
        if self._bell is not None:
            self._bell.set()

    def wait(self, timeout_s: float | None = None) -> None:
        """Return when something was put, or somebody wakes."""
        with self._lock:
            if self._rung:
                return
            if self._bell is None:
                self._bell = threading.Event()
        self._bell.wait(timeout_s)

    def _take(self) -> list[Deliver]:
        """All that was put."""
        with self._lock:
            self._rung = False
            if self._bell is not None:
                self._bell.clear()
            taken = list(self._waiting)
            self._waiting.clear()
            return taken

    def begin(self, machine: Machine) -> None:
        """What the machine was given before its first slice is in the record already."""
        self._kept = len(machine.outside_log())

    def deliver(self, machine: Machine, inputs: Inputs, keep: Keep) -> bool:
        """Give the machine what waits, put that on disk, answer. True if anything was.

        Raises OSError where it cannot be recorded.
        """
        if not self._rung:
            return False
        fresh: list[Deliver] = []
        answered = False
        for command in self._take():
            if any(command.delivery_id == other.delivery_id for other in fresh):
                continue  # the first one's answer serves both
            if command.delivery_id in self._known:
                self._answer(command, machine)
                answered = True
                continue
            try:
                self._give(command, machine, inputs)
            except QuaymasterError as error:
                self._refuse(command, error)
            else:
                fresh.append(command)
        try:
            self._record(machine, keep)
        except OSError as error:
            words = f"what was brought to job {fresh[0].job_id} cannot be recorded: {error}"
            for command in fresh:
                self._refuse(command, Taken(words, code="record_unwritable", hint="make room on the controller's disk"))
            raise
        for command in fresh:
            self._remember(command.delivery_id)
            self._answer(command, machine)
        return answered or bool(fresh)

    def close(self) -> None:
        """The run is over: whatever waits or comes is refused."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, deque()
        for command in waiting:
            self._refuse(command, not_running(command.job_id))

    # -- inside --------------------------------------------------------------------------------------------------------

    def _give(self, command: Deliver, machine: Machine, inputs: Inputs) -> None:
        parcel = command.parcel
        match parcel:
            case parcels.Push():
                check_type(inputs, parcel.entry)
                machine.push_input(parcel.entry.stream, parcel.entry.raws)
            case parcels.SetRegisters():
                for number, raw in ((1, parcel.io1), (2, parcel.io2)):
                    if raw is not None:
                        machine.set_io(number, raw)
            case parcels.Resume():
                machine.resume()
                self.paused = False
            case parcels.Trigger():
                machine.trigger(parcel.name)
            case parcels.SetFrequency():
                machine.set_frequency(parcel.element, parcel.frequency_hz)
            case parcels.SetCorrection():
                machine.set_correction(parcel.element, parcel.values)
            case parcels.SetOffsets():
                machine.set_offsets(parcel.element, parcel.offsets)
            case parcels.ReadElement():
                machine.element(parcel.element)  # refused here, where there is none

    def _record(self, machine: Machine, keep: Keep) -> None:
        entries = machine.outside_log()[self._kept :]
        if entries:
            keep(entries)
            self._kept += len(entries)

    def _remember(self, delivery_id: str) -> None:
        self._known[delivery_id] = None
        if len(self._known) > DELIVERIES_KNOWN_MAX:
            del self._known[next(iter(self._known))]

    def _answer(self, command: Deliver, machine: Machine) -> None:
        asks_for_io = isinstance(command.parcel, (parcels.SetRegisters, parcels.ReadRegisters))
        io = registers(machine) if asks_for_io else []
        self.registers_were_set |= isinstance(command.parcel, parcels.SetRegisters)
        self._post(
            Delivered(
                delivery_id=command.delivery_id,
                job_id=command.job_id,
                attempt=command.attempt,
                paused=self.paused,
                io=io,
                element=_element(machine, command.parcel) if isinstance(command.parcel, parcels.ReadElement) else None,
            )
        )

    def _refuse(self, command: Deliver, error: QuaymasterError) -> None:
        self._post(NotDelivered(delivery_id=command.delivery_id, error=fault_of(error)))


def _element(machine: Machine, parcel: parcels.ReadElement) -> ElementValues:
    now = machine.element(parcel.element)
    return ElementValues(frequency_hz=now.frequency_hz, correction=list(now.correction), offsets=dict(now.offsets))


def registers(machine: Machine) -> list[int]:
    """Both registers, each as its 32 bits, signed."""
    return [machine.io(1), machine.io(2)]


def not_running(job_id: str) -> QuaymasterError:
    """Nothing reaches a job that has ended, or is not here."""
    return AskedWrongly(f"job {job_id} does not run here (any more)", code="job_not_running")
