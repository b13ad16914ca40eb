"""What strands leave for each other and for the inputs: meetings, values, block starts, records, windows, events."""

from __future__ import annotations

from dataclasses import dataclass, field

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef
from quaymaster._core.program import tree

from .digital import Marker
from .numbers import u64
from .records import Record

Inlet = tuple[PortRef, str]
"""An input: a port and "" for all of it, or "I" or "Q" for a part of a MW input (section 17), or "digital" for
a digital input (section 20)."""
Key = tuple[int, int]
"""(site, occurrence)."""
Arrival = tuple[int, bool]
"""(clock, whether it is loose: section 19)."""


@dataclass(frozen=True, kw_only=True)
class Listening:
    """A measure at work: where and when, and the oscillator of its element as it was at its start (section 6)."""

    measure: tree.Measure
    key: Key
    thread: int
    element: int
    order: int
    start: int
    inc: int
    phase_at_0: int

    def phase(self, t: int) -> int:
        """θ(t) with the state that the element had when its measure started."""
        return u64(self.inc * t + self.phase_at_0)


@dataclass(frozen=True, kw_only=True)
class Window:
    """One integral or one raw trace: the samples [start, end) of an input. A trace has ``process`` = −1.

    ``piece``: which slice of its process (section 12); ``number``: which integral of its measure (section 7).
    """

    listening: Listening
    process: int
    output: int
    piece: int = 0
    number: int = 0
    at: Inlet
    start: int
    end: int

    @property
    def rank(self) -> tuple[int, int, int, int, int]:
        """Section 6: the order in which acquisitions are evaluated."""
        return self.end, self.listening.thread, self.listening.order, self.process, self.output


@dataclass
class Lookout:
    """A strand that waits for an edge at a digital input, at ``at_least`` or later; ``edge``: when it came."""

    element: model.Element
    source: tree.TriggerSource
    at_least: int
    edge: int | None = None

    @property
    def port(self) -> PortRef:
        """The digital input."""
        outputs = self.element.digitalOutputs
        return outputs[self.source.output or next(iter(outputs))]


@dataclass
class Board:
    """Written and read by all strands; ``changes`` counts what was written."""

    changes: int = 0
    meetings: dict[Key, dict[int, Arrival]] = field(default_factory=dict)
    values: dict[tuple[int, int, int, int], tuple[int, int]] = field(default_factory=dict)
    """(site, occurrence, process, slice) → (raw value, end of its window)."""
    block_starts: dict[Key, int] = field(default_factory=dict)
    starts: dict[Key, int] = field(default_factory=dict)
    """When the plays and measures with a timestamp_stream started."""
    records: list[Record] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    lookouts: list[Lookout] = field(default_factory=list)
    let_go: list[tuple[str, int]] = field(default_factory=list)
    """(element, instant) where what sticky elements hold of their markers ends."""
    windows: list[Window] = field(default_factory=list)
    streams: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    events: set[tuple[str, int]] = field(default_factory=set)
    end_ns: int = 0
    last_window: int = 0
    """The latest end of any window that was opened."""
    offsets: dict[PortRef, list[tuple[int, int, float]]] = field(default_factory=dict)
    """Of an output: (when, the thread that says so, V) of each change of its DC offset."""
    pauses: dict[Key, int] = field(default_factory=dict)
    """When all had come to a pause, and all windows had ended."""

    def arrive(self, key: Key, thread: int, clock: Arrival) -> dict[int, Arrival]:
        """A thread arrives at a meeting; gives who is there and when each came, and whether it was loose."""
        self.changes += 1
        there = self.meetings.setdefault(key, {})
        there[thread] = clock
        return there

    def begin_block(self, key: Key, clock: int) -> None:
        """A block begins; all its threads say the same instant."""
        self.changes += 1
        assert self.block_starts.setdefault(key, clock) == clock

    def begin_pulse(self, key: Key, clock: int) -> None:
        """A play or measure starts whose start is saved."""
        self.changes += 1
        self.starts[key] = clock

    def settle(self, key: tuple[int, int, int, int], raw: int, end: int) -> None:
        """A process has its value."""
        self.changes += 1
        self.values[key] = raw, end

    def save(self, stream: str, raw: int, time_ns: int) -> None:
        """Append to a stream."""
        self.streams[stream].append((raw, time_ns))

    def passed(self, t: int) -> None:
        """The job lasts at least until ``t``."""
        self.end_ns = max(self.end_ns, t)
