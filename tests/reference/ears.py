"""Sections 4 and 5 of docs/arithmetic.md: an input port, and the parts of the records that it hears."""

from __future__ import annotations

from dataclasses import dataclass

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef

from .plants import Hearing, Plant, gain, hearing, sign
from .records import Complex, Record, Steady, conjugate, times


@dataclass(frozen=True)
class Part:
    """One component factor of a record at a port with the waveform it goes with: (κ, w) or (κ′, conj w)."""

    record: Record
    output: PortRef
    factor: Complex
    samples: tuple[Complex, ...] | Steady


@dataclass(frozen=True, kw_only=True)
class Ear:
    """An input port: what it hears, and what its converter does (section 5)."""

    port: PortRef
    hearing: Hearing
    gain: float
    offset: float
    sigma: float
    sign: float
    keeps_trace: bool
    light: tuple[float, float, int] | None

    @property
    def number(self) -> int:
        """Section 7: P."""
        return self.port.fem * 256 + self.port.number

    def ways(self, records: list[Record], start: int, end: int) -> list[list[Part]]:
        """All that sounds in [start, end) here, in the order of summing: for each way of a record its parts."""
        found = []
        for record in sorted(records, key=lambda record: record.rank):
            begins = record.start + self.hearing.delay
            if begins < end and start < begins + record.length:
                ways = self.hearing.ways.get(record.element, [])
                found += [parts_of(record, output, record.factor(name)) for output, name in ways]
        return found

    def parts(self, records: list[Record], start: int, end: int) -> list[Part]:
        """The same, one after the other (sections 4, 5)."""
        return [part for way in self.ways(records, start, end) for part in way]


def parts_of(record: Record, output: PortRef, m: Complex) -> list[Part]:
    """Section 4: (κ, w), and (κ′, conj w) unless β is 0."""
    found = [Part(record, output, times(m, record.alpha), record.samples)]
    if record.beta != (0.0, 0.0):
        mirrored = tuple(conjugate(sample) for sample in record.samples)
        found.append(Part(record, output, times(m, record.beta), mirrored))
    return found


def ear(config: model.Config, plant: Plant, used: list[str], port: PortRef, keeps_trace: bool) -> Ear:
    """The input ``port`` of a config behind a plant."""
    analog = config.analog_input(port)
    return Ear(
        port=port,
        hearing=hearing(plant, config, used, port),
        gain=gain(analog.gain_db),
        offset=analog.offset,
        sigma=plant.noise,
        sign=sign(config, port),
        keeps_trace=keeps_trace,
        light=plant.light,
    )
