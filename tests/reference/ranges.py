"""Sections 14 and 17 of docs/arithmetic.md: where an output goes beyond its range while a job runs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from math import floor

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef

from .board import Board
from .ears import Part, parts_of
from .levels import EVER
from .plants import Plant, Way, all_outputs, full_scale, is_sampled, lag_ns, played_on
from .records import Record
from .samples import heard
from .sites import Places

NEAR = 0.98
"""Where the sizes of all that sounds stay below that of the range, nothing can be out of it."""


LOOKED_AT_MAX = 20_000
"""Samples of one output that are looked at: a hold may last for seconds."""


@dataclass(frozen=True)
class Beyond:
    """``count`` samples out of range, the first at ``first_ns`` (-1: none); ``is_all``: all samples were looked at."""

    count: int
    first_ns: int
    is_all: bool = True

    def agrees(self, count: int, first_ns: int) -> bool:
        """Whether an engine that looks at all samples may have found that."""
        if self.is_all:
            return (count, first_ns) == (self.count, self.first_ns)
        return count >= self.count and (not self.count or 0 <= first_ns <= self.first_ns)

    def and_(self, other: Beyond) -> Beyond:
        """Of another part of the same port."""
        first = min((t for t in (self.first_ns, other.first_ns) if t >= 0), default=-1)
        return Beyond(self.count + other.count, first, self.is_all and other.is_all)


NONE = Beyond(0, -1)


def agree(expected: dict[PortRef, Beyond], got: dict[PortRef, Beyond]) -> bool:
    """Whether each output is out of range as it should be; those of the reference are ``expected``."""
    found = [(expected.get(port, NONE), got.get(port, NONE)) for port in expected.keys() | got.keys()]
    return all(one.agrees(other.count, other.first_ns) for one, other in found)


@dataclass(frozen=True)
class Line:
    """What elements play on a port, or on a part of one: factor times that reaches the output."""

    parts: list[Part]
    factor: float = 1.0


@dataclass(frozen=True)
class Watched:
    """An output: what reaches it, and what it makes of that; its range is ±``full_scale`` V."""

    lines: list[Line]
    fir: tuple[float, ...]
    offsets: list[tuple[int, float]]
    """From which sample on it is how many V, in the order of time."""
    delay: int
    full_scale: float

    def at(self, lines: list[Line], t: int) -> float:
        """Behind the filter and with the offset, in V."""
        offset = [volts for start, volts in self.offsets if start <= t][-1]
        if not self.fir:
            return sum_at(lines, t) + offset
        volts = 0.0
        for k, tap in enumerate(self.fir):
            volts += tap * (sum_at(lines, t - k) if t >= k else 0.0)
        return volts + offset


def sum_at(lines: list[Line], t: int) -> float:
    """Section 14: the port's own sum, then factor times those that crosstalk brings."""
    volts = heard(lines[0].parts, t)
    for line in lines[1:]:
        volts += line.factor * heard(line.parts, t)
    return volts


def overflows(config: model.Config, places: Places, board: Board, end_ns: int, plant: Plant) -> dict[PortRef, Beyond]:
    """What goes beyond its range of the outputs that are watched; those where nothing does are left out."""
    ranked = sorted(board.records, key=lambda record: record.rank)
    found: dict[PortRef, Beyond] = {}
    for port in all_outputs(config):
        output = config.analog_output(port)
        assert isinstance(output, model.AnalogOutput | model.MWAnalogOutput)
        if output.sampling_rate != 1e9 or is_sampled(config, port):
            continue
        if isinstance(output, model.MWAnalogOutput):
            parts = microwaves(config, places.used, port, output, ranked, lag_ns(plant, output))
        else:
            changes = sorted(board.offsets.get(port, []), key=lambda change: change[:2])
            offsets = [(-EVER, output.offset), *((t, v) for t, _, v in changes)]
            parts = [volts(config, places.used, port, output, ranked, offsets)]
        for part in parts:
            found[port] = found.get(port, NONE).and_(seen_at(part, end_ns))
    return {port: seen for port, seen in found.items() if seen != NONE}


def heard_at(config: model.Config, port: PortRef) -> set[PortRef]:
    """The port, and those that crosstalk brings to it."""
    return {port, *(source for source, _ in crosstalk_of(port, config.analog_output(port)))}


def crosstalk_of(port: PortRef, output: model.AnalogOutput | model.MWAnalogOutput) -> list[tuple[PortRef, float]]:
    """(source, factor), in their order."""
    if not isinstance(output, model.AnalogOutput):
        return []
    return [(PortRef(port.controller, port.fem, number), factor) for number, factor in output.crosstalk.items()]


def volts(
    config: model.Config,
    used: list[str],
    port: PortRef,
    output: model.AnalogOutput,
    ranked: list[Record],
    offsets: list[tuple[int, float]],
) -> Watched:
    """An output in volts."""
    lines = [
        Line(list(played(played_on(config, used, source), ranked)), factor)
        for source, factor in [(port, 1.0), *crosstalk_of(port, output)]
    ]
    fir = output.filter.feedforward if output.filter is not None else ()
    return Watched(lines, fir, offsets, output.delay, full_scale(output))


def microwaves(
    config: model.Config,
    used: list[str],
    port: PortRef,
    output: model.MWAnalogOutput,
    ranked: list[Record],
    lag: int,
) -> list[Watched]:
    """Section 17: I and Q before each up-converter of a MW output, in parts of its range."""
    found = []
    for converter in output.upconverters:
        on = [
            name
            for name in used
            if (way := config.elements[name].MWInput) is not None and (way.port, way.upconverter) == (port, converter)
        ]
        for part, m in (("I", (1.0, -0.0)), ("Q", (0.0, -1.0))):
            ways = {name: [Way(port, part, 1.0, m=m)] for name in on}
            found.append(Watched([Line(list(played(ways, ranked)))], (), [(-EVER, 0.0)], output.delay + lag, 1.0))
    return found


def played(ways: dict[str, list[Way]], ranked: list[Record]) -> Iterable[Part]:
    """All that is played by these ways, in the order of summing."""
    for record in ranked:
        for way in ways.get(record.element, []):
            if record.target in ("", way.name):
                yield from parts_of(record, way)


def seen_at(output: Watched, end_ns: int) -> Beyond:
    """The samples of one output, where what sounds could be too much."""
    reach = max(len(output.fir) - 1, 0)
    gain = sum(map(abs, output.fir)) if output.fir else 1.0
    spans = {(p.record.start, p.record.start + p.record.length + reach) for line in output.lines for p in line.parts}
    edges = {min(t, end_ns) for span in spans for t in span}
    instants: list[int] = []
    left = LOOKED_AT_MAX
    for start, end in pairwise(sorted(edges)):
        lines = [Line([p for p in line.parts if sounds(p, start - reach, end)], line.factor) for line in output.lines]
        loud = sum(abs(line.factor) * size(part) for line in lines for part in line.parts)
        if gain * loud + max(abs(v) for _, v in output.offsets) < NEAR * output.full_scale:
            continue
        looked_at = range(start, min(end, start + left))
        instants += [t for t in looked_at if is_out(output.at(lines, t), output.full_scale)]
        left -= end - start
        if left < 0:
            break
    return Beyond(len(instants), instants[0] + output.delay if instants else -1, left >= 0)


def sounds(part: Part, start: int, end: int) -> bool:
    """Whether any of [start, end) is of the part."""
    return part.record.start < end and start < part.record.start + part.record.length


def size(part: Part) -> float:
    """No sample of the part is greater."""
    return (abs(part.factor[0]) + abs(part.factor[1])) * part.record.peak


def is_out(value: float, full_scale: float) -> bool:
    """Whether it rounds to a code outside of 16 bits over the range."""
    return not -(2**15) <= floor(value * (2**15 / full_scale) + 0.5) < 2**15
