"""Sections 4 and 5 of docs/arithmetic.md: an input port, and the parts of the records that it hears."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef

from . import noise
from .board import Inlet
from .numbers import u64
from .plants import Hearing, Plant, Way, full_scale, gain, hearing, sign
from .records import Complex, Record, Steady, conjugate, times
from .tails import Tail


@dataclass(frozen=True)
class Part:
    """One component factor of a record at a port with the waveform it goes with: (κ, w) or (κ′, conj w)."""

    record: Record
    output: PortRef
    factor: Complex
    samples: tuple[Complex, ...] | Steady
    full_scale: float
    mirrored: bool = False
    twice: bool = False
    """The output has two samples a ns (section 17)."""
    delay: int = 0
    """Beside that of the plant."""


@dataclass(frozen=True)
class Heard:
    """An output that is heard sample after sample, and how late it is beside the plant's delay."""

    output: PortRef
    full_scale: float
    delay: int
    tail: Tail


@dataclass(frozen=True, kw_only=True)
class Ear:
    """An input port: what it hears, and what its converter does (section 5)."""

    at: Inlet
    hearing: Hearing
    gain: float
    offset: float
    sigma: float
    sign: float
    keeps_trace: bool
    light: tuple[float, float, int] | None
    per_ns: int
    number: int
    """P of section 7."""
    tails: tuple[Heard, ...] = ()

    def ways(self, records: list[Record], start: int, end: int) -> list[list[Part]]:
        """All that sounds in [start, end) here, in the order of summing: for each way of a record its parts."""
        found = []
        for record in sorted(records, key=lambda record: record.rank):
            for way in self.hearing.ways.get(record.element, []):
                begins = record.start + self.hearing.delay + way.delay
                if record.target not in ("", way.name):
                    continue
                seen = through_converters(record, way.shift) if self.at[1] else record
                if seen is not None and begins < end and start < begins + record.length:
                    found.append(parts_of(seen, way))
        return found

    def parts(self, records: list[Record], start: int, end: int) -> list[Part]:
        """The same, one after the other (sections 4, 5)."""
        return [part for way in self.ways(records, start, end) for part in way]


def through_converters(record: Record, shift: int) -> Record | None:
    """Section 17: the record after the up-converter and the down-converter; None outside the band of the input."""
    heard = record.signed + shift
    if not -(2**63) <= heard < 2**63:
        return None
    whole = None if record.whole is None else heard
    return replace(record, inc=u64(heard), whole=whole, theta=u64(record.theta + shift * record.start))


def parts_of(record: Record, way: Way) -> list[Part]:
    """Section 4: (κ, w), and (κ′, conj w) unless β is 0."""
    m = record.factor(way.name) if way.m is None else way.m

    def part(factor: Complex, samples: tuple[Complex, ...] | Steady, mirrored: bool) -> Part:
        scaled = (way.factor * factor[0], way.factor * factor[1])
        return Part(record, way.output, scaled, samples, way.full_scale, mirrored, way.twice, way.delay)

    found = [part(times(m, record.alpha), record.samples, False)]
    if record.beta != (0.0, 0.0):
        mirrored = tuple(conjugate(sample) for sample in record.samples)
        found.append(part(times(m, record.beta), mirrored, True))
    return found


def sounding_on(ways: dict[str, list[Way]], records: list[Record], start: int, end: int) -> list[Part]:
    """What elements play by these ways in [start, end), in the order of summing."""
    found = []
    for record in sorted(records, key=lambda record: record.rank):
        for way in ways.get(record.element, []):
            if record.target in ("", way.name) and record.start < end and start < record.start + record.length:
                found += parts_of(record, way)
    return found


def ear(
    config: model.Config, plant: Plant, used: list[str], at: Inlet, keeps_trace: bool, tail: Callable[[PortRef], Tail]
) -> Ear:
    """The input ``at`` of a config behind a plant; ``tail``: that of an output."""
    analog, hears = config.analog_input(at[0]), hearing(plant, config, used, at)
    outputs = [(output, config.analog_output(output)) for output in hears.tails]
    return Ear(
        at=at,
        hearing=hears,
        gain=gain(analog.gain_db),
        offset=analog.offset if isinstance(analog, model.AnalogInput) else 0.0,
        sigma=plant.noise,
        sign=sign(config, at[0]),
        keeps_trace=keeps_trace,
        light=plant.light,
        per_ns=round(analog.sampling_rate / 1e9),
        number=noise.number(config, at[0]) + (128 if at[1] == "Q" else 0),
        tails=tuple(Heard(ref, full_scale(port), port.delay, tail(ref)) for ref, port in outputs),
    )
