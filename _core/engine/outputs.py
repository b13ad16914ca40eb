"""Analog outputs as the renderer needs them: what they carry, and what stands behind it (docs/arithmetic.md 14, 17)."""

from __future__ import annotations

from decimal import Decimal
from enum import IntEnum
from typing import Literal

import msgspec

from ..config.model import PortRef


class Output(IntEnum):
    """Which output of an element an ear is at; the numbers are those of signals.h."""

    I = 0  # noqa: E741 - the config's own word
    Q = 1
    SINGLE = 2


class Exponentials(msgspec.Struct, frozen=True, kw_only=True):
    """Undoes a line whose step response is ``dc_gain`` + Σ A·e^(−t/τ). ``terms``: (A, τ in ns)."""

    dc_gain: float
    terms: tuple[tuple[float, float], ...]

    @property
    def amplitudes(self) -> list[float]:
        """A of each term."""
        return [amplitude for amplitude, _ in self.terms]

    def decays(self, per_ns: int) -> list[float]:
        """e^(−T/τ) of each term, the nearest double, with ``per_ns`` samples of T in a ns.

        >>> Exponentials(dc_gain=1.0, terms=((0.1, 100.0),)).decays(1)
        [0.9900498337491681]
        """
        return [float((-1 / (per_ns * Decimal(tau_ns))).exp()) for _, tau_ns in self.terms]


class OutputPort(msgspec.Struct, frozen=True, kw_only=True):
    """One analog output, or I or Q before one up-converter of a MW output.

    ``sources``: (index of the element in the image, which of its outputs). ``per_ns``: samples a ns of the waveforms
    and filters, 1 or 2. ``upsampling``: how 1 becomes 2 behind them. ``crosstalk``: (other port, factor), of the sums
    before their filters. ``offset`` in V; ``steps``: its changes, (ns before the delay, V). The converter spans
    ±``full_scale``. A port with a filter saturates, others wrap.
    """

    ref: PortRef
    upconverter: int = 0
    per_ns: int = 1
    upsampling: Literal["mw", "pulse"] | None = None
    full_scale: float = 0.5
    offset: float = 0.0
    steps: tuple[tuple[int, float], ...] = ()
    delay_ns: int = 0
    fir: tuple[float, ...] = ()
    iir: tuple[float, ...] = ()
    exponentials: tuple[Exponentials, ...] = ()
    sources: tuple[tuple[int, Output], ...] = ()
    crosstalk: tuple[tuple[PortRef, float], ...] = ()

    @property
    def is_filtered(self) -> bool:
        """Whether the port has a filter."""
        return bool(self.fir or self.iir or self.exponentials)

    @property
    def hears(self) -> frozenset[PortRef]:
        """Itself and the ports that crosstalk brings."""
        return frozenset((self.ref, *(ref for ref, _ in self.crosstalk)))

    @property
    def samples_per_ns(self) -> int:
        """Of the port's converter."""
        return 2 if self.upsampling is not None else self.per_ns
