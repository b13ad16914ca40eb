"""Section 20 of docs/arithmetic.md: the levels of digital outputs and inputs, ns by ns, and the edges in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef

from . import photons

if TYPE_CHECKING:
    from .plants import Plant

HIGH_VOLTS = 3.3


@dataclass(frozen=True)
class Marker:
    """The digital waveform of a pulse of an element; ``holds``: its last level is held (section 14)."""

    element: str
    start: int
    length: int
    samples: tuple[tuple[int, int], ...]
    holds: bool

    def levels(self) -> list[bool]:
        """Its level in each ns of its pulse; behind its samples it is low."""
        found: list[bool] = []
        for value, length in self.samples:
            found += [bool(value)] * (length or self.length)
            if length == 0:
                break
        return (found + [False] * self.length)[: self.length]


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
            levels = marker.levels()
            turns = [n for n in range(1, marker.length) if levels[n] != levels[n - 1]]
            for begin, end in pairwise([0, *turns, marker.length]):
                if levels[begin]:
                    yield marker.start, marker.start + begin, marker.start + end
            end = marker.start + marker.length
            if marker.holds and levels[-1]:
                yield end, end, next((t for t in ends if t >= end), 2**62)


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

    def output_levels(self, markers: Markers, output: PortRef, times: range) -> list[bool]:
        """The levels of a digital output at these times, as an input hears it that has no delay."""
        high: set[int] = set()
        for element in self.used:
            for digital in self.config.elements[element].digitalInputs.values():
                if digital.port == output:
                    for start, begin, end in markers.spans(element):
                        first = max(start, begin + digital.delay - digital.buffer, times.start)
                        high.update(range(first, min(end + digital.delay + digital.buffer, times.stop)))
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
        number = self.port.fem * 256 + self.port.number + 64
        light, hears = self.plant.light, self.config.digital_input(self.port).threshold < HIGH_VOLTS
        return light is not None and hears and photons.shines(self.seed, number, light, t)

    def tags(self, markers: Markers, start: int, end: int) -> list[int]:
        """All tags of a window, counted from its start."""
        rules = self.config.digital_input(self.port)
        levels = self.levels(markers, range(start - 1, end))
        found: list[int] = []
        for i, (before, here) in enumerate(pairwise(levels)):
            edge = before != here and here == (rules.polarity == "RISING")
            if edge and (not found or i - found[-1] >= rules.deadtime):
                found.append(i)
        return found
