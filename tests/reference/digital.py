"""Section 20 of docs/arithmetic.md: the levels of digital outputs and inputs, ns by ns, and the edges in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef

from . import noise, photons

if TYPE_CHECKING:
    from .plants import Plant

HIGH_VOLTS = 3.3
FOREVER = 2**62
LOOK_NS = 10**6
"""How far a wait looks for light."""


@dataclass(frozen=True)
class Marker:
    """The digital waveform of a pulse of an element; ``pads``: its last part goes on to the end of the play; ``holds``:
    its last level is held (section 14)."""

    element: str
    start: int
    length: int
    samples: tuple[tuple[int, int], ...]
    pads: bool
    holds: bool

    def highs(self) -> Iterator[tuple[int, int]]:
        """(begin, end) of its high parts, in ns of its pulse; behind its samples it is low."""
        begin = 0
        for number, (value, length) in enumerate(self.samples):
            last = self.pads and number == len(self.samples) - 1
            end = min(begin + length, self.length) if length and not last else self.length
            if value and end > begin:
                yield begin, end
            begin = max(begin, end)

    @property
    def ends_high(self) -> bool:
        """Whether it is high in the last ns of its pulse."""
        return any(end == self.length for _, end in self.highs())


@dataclass(frozen=True)
class Markers:
    """What was played so far; ``let_go``: (element, instant) of ramps to zero, where held levels end."""

    played: Sequence[Marker]
    let_go: Sequence[tuple[str, int]]

    def spans(self, element: str) -> Iterator[tuple[int, int, int]]:
        """(start of the pulse or hold, begin, end) of all that is high, without delay and buffer."""
        mine = [marker for marker in self.played if marker.element == element]
        ends = sorted([m.start for m in mine] + [t for name, t in self.let_go if name == element])
        for marker in mine:
            for begin, end in marker.highs():
                yield marker.start, marker.start + begin, marker.start + end
            end = marker.start + marker.length
            if marker.holds and marker.ends_high:
                yield end, end, next((t for t in ends if t >= end), FOREVER)


def wires(plant: Plant, config: model.Config, port: PortRef) -> list[PortRef]:
    """The digital outputs that a digital input hears."""
    if plant.kind == "none" or config.digital_input(port).threshold >= HIGH_VOLTS:
        return []
    if plant.kind == "loopback" and plant.digital_wires:
        found = [output for output, heard_at in plant.digital_wires if heard_at == port]
    else:
        found = [port]
    return [output for output in found if output.number in config.fem(output).digital_outputs]


def delay(plant: Plant, config: model.Config, port: PortRef) -> int:
    """L: how late a digital input hears."""
    if plant.kind == "loopback":
        return plant.latency_ns
    owners = [element for element in config.elements.values() if port in element.digitalOutputs.values()]
    return min(element.time_of_flight or 0 for element in owners)


@dataclass(frozen=True)
class Listener:
    """A digital input at work. ``used``: the elements of the program."""

    config: model.Config
    plant: Plant
    used: Sequence[str]
    port: PortRef
    seed: int

    def heard_spans(self, markers: Markers, output: PortRef) -> Iterator[tuple[int, int]]:
        """(begin, end) of all that makes a digital output high, as an input hears it that has no delay."""
        for element in self.used:
            for digital in self.config.elements[element].digitalInputs.values():
                if digital.port == output:
                    for start, begin, end in markers.spans(element):
                        first = max(start, begin + digital.delay - digital.buffer)
                        yield first, end + digital.delay + digital.buffer

    def output_levels(self, markers: Markers, output: PortRef, times: range) -> list[bool]:
        """The levels of a digital output at these times, likewise."""
        high: set[int] = set()
        for begin, end in self.heard_spans(markers, output):
            high.update(range(max(begin, times.start), min(end, times.stop)))
        inverted = self.config.digital_output(output).inverted
        return [(t in high) != inverted for t in times]

    def levels(self, markers: Markers, times: range) -> list[bool]:
        """Whether the input is high at these times."""
        late = delay(self.plant, self.config, self.port)
        heard_at = range(times.start - late, times.stop - late)
        outputs = wires(self.plant, self.config, self.port)
        heard = [self.output_levels(markers, output, heard_at) for output in outputs]
        return [any(levels) or self.is_lit(t) for t, *levels in zip(times, *heard, strict=True)]

    def is_lit(self, t: int) -> bool:
        """Whether a photon makes the input high."""
        number = noise.number(self.config, self.port) + 64
        light, hears = self.plant.light, self.config.digital_input(self.port).threshold < HIGH_VOLTS
        return light is not None and hears and photons.shines(self.seed, number, light, t)

    def edges(self, markers: Markers, start: int, end: int) -> list[int]:
        """All edges at start, …, end − 1."""
        rising = self.config.digital_input(self.port).polarity == "RISING"
        levels = self.levels(markers, range(start - 1, end))
        return [start + i for i, (before, here) in enumerate(pairwise(levels)) if before != here and here == rising]

    def tags(self, markers: Markers, start: int, end: int) -> list[int]:
        """All tags of a window, counted from its start."""
        dead = self.config.digital_input(self.port).deadtime
        found: list[int] = []
        for edge in self.edges(markers, start, end):
            if not found or edge - start - found[-1] >= dead:
                found.append(edge - start)
        return found

    def first_edge(self, markers: Markers, start: int, end: int | None) -> int | None:
        """The first edge at ``start`` or later, before ``end``; None: whenever it comes, of light within LOOK_NS."""
        late = delay(self.plant, self.config, self.port)
        outputs = wires(self.plant, self.config, self.port)
        turns = {t + late for output in outputs for span in self.heard_spans(markers, output) for t in span}
        if self.plant.light is not None:
            turns |= set(range(start, start + LOOK_NS if end is None else end))
        for t in sorted(t for t in turns if t < FOREVER // 2):
            if start <= t and (end is None or t < end) and self.edges(markers, t, t + 1):
                return t
        return None
