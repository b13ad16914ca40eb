"""What each input port hears: plain data that plants make and the machine turns into signals (docs/arithmetic.md 5).

The machine calls, in this order: ``signals_add_port(number, gain, offset, sigma, sign, delay_ns, kept)`` for each port,
where ``kept`` is the image's knowledge of raw traces, then ``signals_add_ear(port, element, which, output)`` for its
ears in their order, with one number per output port. Raw samples become a record of an element of their own.

An input of a MW-FEM is two ports here: the parts I and Q of what its down-converter gives.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import msgspec

from ..config.model import PortRef
from .outputs import Exponentials, Output, OutputPort


class Part(IntEnum):
    """Which part of an input is meant: all of a real one, or I or Q of a MW input."""

    WHOLE = 0
    I = 1  # noqa: E741 - the field's own word
    Q = 2


class Ear(msgspec.Struct, frozen=True):
    """``which`` output of an element is heard, through the analog output ``port``.

    ``shift``: what converters up and down add to the element's frequency, in 2⁻⁶⁴ turns a ns (not wrapped).
    ``full_scale``: the output's range is ±``full_scale`` V, for the steps of the exact numerics. ``delay_ns``: how much
    later than by the input's own delay, ``factor``: how many times it is heard. ``played``: the port on which the
    element plays it, where it comes to ``port`` by crosstalk. ``per_ns``: samples a ns of both ports, the smaller one.
    """

    element: str
    which: Output
    port: PortRef
    shift: int = 0
    full_scale: float = 0.5
    delay_ns: int = 0
    factor: float = 1.0
    played: PortRef | None = None
    per_ns: int = 1

    @property
    def source(self) -> PortRef:
        """The port on which the element plays it."""
        return self.played or self.port


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """The DC offset of the analog output ``port``: ``volts`` where the program does not change it.

    ``place``: the number of the port among all outputs that have one; levels are summed in that order.
    """

    port: PortRef
    place: int
    volts: float
    delay_ns: int = 0
    full_scale: float = 0.5


class Tail(msgspec.Struct, frozen=True, kw_only=True):
    """The analog output ``port`` behind a filter with a memory without end, or one of two samples a ns, as inputs hear
    it, sample after sample.

    ``sources``: what is played on it; ``crosstalk``: what is played on other outputs, times a factor each. ``per_ns``:
    samples a ns.
    """

    port: PortRef
    sources: tuple[Ear, ...]
    crosstalk: tuple[tuple[tuple[Ear, ...], float], ...] = ()
    fir: tuple[float, ...] = ()
    iir: tuple[float, ...] = ()
    exponentials: tuple[Exponentials, ...] = ()
    per_ns: int = 1
    delay_ns: int = 0
    full_scale: float = 0.5

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements that come through it."""
        ears = [*self.sources, *(ear for sources, _ in self.crosstalk for ear in sources)]
        return tuple(dict.fromkeys(ear.element for ear in ears))


class Photons(msgspec.Struct, frozen=True, kw_only=True):
    """Light at an input: pulses of ``volts`` for ``width_ns`` that come at random (docs/arithmetic.md 18).

    ``thresholds``: entry k is 2³² times the probability that at most k come in 256 ns, rounded up; the last one is 2³².
    """

    volts: float
    width_ns: int
    thresholds: tuple[int, ...]


class InputPort(msgspec.Struct, frozen=True, kw_only=True):
    """An analog input, or a part of one: the converter sees ``sign · (gain · (heard + sigma · noise) + offset)``.

    ``place``: that of its controller among those of the config;
    ``offset`` in V; ``sigma`` in V per sample; ``delay_ns`` of everything that is heard but ``photons``;
    ``levels``: the DC offsets of outputs that are heard; ``tails``: outputs that are heard sample after sample.
    """

    ref: PortRef
    place: int = 0
    part: Part = Part.WHOLE
    gain: float = 1.0
    offset: float = 0.0
    sigma: float = 0.0
    sign: int = 1
    delay_ns: int = 0
    ears: tuple[Ear, ...] = ()
    levels: tuple[Level, ...] = ()
    tails: tuple[Tail, ...] = ()
    photons: Photons | None = None

    @property
    def number(self) -> int:
        """What the port's noise is counted by (docs/arithmetic.md 7)."""
        return self.place * 65536 + self.ref.fem * 256 + self.ref.number + (128 if self.part == Part.Q else 0)


class RawSamples(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """What an input, or a part of one, hears beside its ears: float64 samples in V, one a ns from the job's start; zero
    after them."""

    ref: PortRef
    samples: Any
    part: Part = Part.WHOLE


class Marker(msgspec.Struct, frozen=True):
    """The markers of an element as one of its digital inputs has them: later by ``delay``, longer by ``buffer`` ns."""

    element: str
    delay: int
    buffer: int


class DigitalLine(msgspec.Struct, frozen=True):
    """A digital output that is heard: the OR of ``markers``, turned where it is ``inverted``."""

    inverted: bool
    markers: tuple[Marker, ...]


class DigitalPort(msgspec.Struct, frozen=True, kw_only=True):
    """A digital input: high where any of ``lines`` is, ``delay_ns`` later, and for as long as a photon lasts.

    ``falling``: its pulses begin where it goes low. ``dead_ns``: no pulse counts for so long after one. ``place``: that
    of its controller among those of the config.
    """

    ref: PortRef
    place: int = 0
    falling: bool = False
    dead_ns: int = 4
    delay_ns: int = 0
    lines: tuple[DigitalLine, ...] = ()
    photons: Photons | None = None

    @property
    def number(self) -> int:
        """What the port's light is counted by (docs/arithmetic.md 20)."""
        return self.place * 65536 + self.ref.fem * 256 + self.ref.number + 64

    @property
    def elements(self) -> tuple[str, ...]:
        """The elements whose markers it hears."""
        return tuple(dict.fromkeys(marker.element for line in self.lines for marker in line.markers))


class Hearing(msgspec.Struct, frozen=True, kw_only=True):
    """All inputs that a program measures. ``events``: (code, input port) of what was noticed when it was built.

    ``digital``: the digital inputs that an element of the config has.
    ``outputs``: those whose range is watched while the job runs.
    ``trigger_period_ns``: of a source of trigger edges, the first at 0; a multiple of 4, 0 where there is none.
    """

    ports: tuple[InputPort, ...]
    digital: tuple[DigitalPort, ...] = ()
    outputs: tuple[OutputPort, ...] = ()
    raw: tuple[RawSamples, ...] = ()
    events: tuple[tuple[str, PortRef], ...] = ()
    trigger_period_ns: int = 0

    def port(self, ref: PortRef, part: Part = Part.WHOLE) -> InputPort:
        """The input, or part of it, of that reference; KeyError if the program does not measure it."""
        for port in self.ports:
            if port.ref == ref and port.part == part:
                return port
        raise KeyError(ref)

    def digital_port(self, ref: PortRef) -> DigitalPort:
        """The digital input of that reference; KeyError if no element has it."""
        for port in self.digital:
            if port.ref == ref:
                return port
        raise KeyError(ref)
