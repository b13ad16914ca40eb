"""Section 14 of docs/arithmetic.md: where an output goes beyond its range while a job runs."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import floor

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef
from quaymaster._core.program import tree

from .ears import Part, parts_of
from .plants import port_of, volts_of
from .records import Record
from .samples import heard
from .sites import Places

NEAR_V = 0.49
"""Where the sizes of all that sounds stay below, nothing can be out of range."""


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
        return count >= self.count and (not self.count or first_ns == self.first_ns)


NONE = Beyond(0, -1)


def agree(expected: dict[PortRef, Beyond], got: dict[PortRef, Beyond]) -> bool:
    """Whether each output is out of range as it should be; those of the reference are ``expected``."""
    found = [(expected.get(port, NONE), got.get(port, NONE)) for port in expected.keys() | got.keys()]
    return all(one.agrees(other.count, other.first_ns) for one, other in found)


def changed(config: model.Config, places: Places) -> set[PortRef]:
    """The ports of which the program changes the offset, or the correction of an element on them."""
    found: set[PortRef] = set()
    for site in places:
        node = site.node
        if isinstance(node, tree.UpdateCorrection):
            mixed = [config.elements[element] for element in site.elements if config.elements[element].mixInputs]
            found.update(port for element in mixed for port in element.input_ports.values())
        elif isinstance(node, tree.SetDcOffset):
            found.add(port_of(config, node.element, node.input))
    return found


def overflows(config: model.Config, places: Places, records: list[Record], end_ns: int) -> dict[PortRef, Beyond]:
    """What goes beyond its range of the plain outputs; those where nothing does are left out."""
    used, left_out = places.used, changed(config, places)
    found: dict[PortRef, list[Part]] = {}
    for record in sorted(records, key=lambda record: record.rank):
        if record.element in used:
            for way in volts_of(config, record.element).values():
                if record.target not in ("", way.name):
                    continue
                found.setdefault(way.output, []).extend(parts_of(record, way))
    found = {port: parts for port, parts in found.items() if is_plain(config, port) and port not in left_out}
    beyond = {port: seen_at(config, port, parts, end_ns) for port, parts in found.items()}
    return {port: seen for port, seen in beyond.items() if seen != NONE}


def is_plain(config: model.Config, port: PortRef) -> bool:
    """No filter and no crosstalk, ±0.5 V and one sample a ns."""
    output = config.analog_output(port)
    if not isinstance(output, model.AnalogOutput) or output.output_mode != "direct" or output.sampling_rate != 1e9:
        return False
    return not output.crosstalk and (output.filter is None or not (output.filter.feedforward or output.filter.feedback))


def seen_at(config: model.Config, port: PortRef, parts: list[Part], end_ns: int) -> Beyond:
    """The samples of one output, where what sounds could be too much."""
    output = config.analog_output(port)
    edges = {min(t, end_ns) for part in parts for t in (part.record.start, part.record.start + part.record.length)}
    instants: list[int] = []
    left = LOOKED_AT_MAX
    for start, end in pairwise(sorted(edges)):
        sounding = [p for p in parts if p.record.start < end and start < p.record.start + p.record.length]
        if sum(size(part) for part in sounding) + abs(output.offset) < NEAR_V:
            continue
        instants += [t for t in range(start, min(end, start + left)) if is_out(heard(sounding, t) + output.offset)]
        left -= end - start
        if left < 0:
            break
    return Beyond(len(instants), instants[0] + output.delay if instants else -1, left >= 0)


def size(part: Part) -> float:
    """No sample of the part is greater."""
    return (abs(part.factor[0]) + abs(part.factor[1])) * part.record.peak


def is_out(volts: float) -> bool:
    """Whether it rounds to a code outside of 16 bits over 1 V."""
    return not -(2**15) <= floor(volts * 2.0**16 + 0.5) < 2**15
