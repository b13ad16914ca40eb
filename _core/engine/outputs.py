"""Analog output ports as the renderer needs them: what they carry and what stands behind it (docs/arithmetic.md 14)."""

from __future__ import annotations

from enum import IntEnum

import msgspec

from ..config.model import PortRef


class Output(IntEnum):
    """Which output of an element an ear is at; the numbers are those of signals.h."""

    I = 0  # noqa: E741 - the config's own word
    Q = 1
    SINGLE = 2


class OutputPort(msgspec.Struct, frozen=True, kw_only=True):
    """One analog output. ``sources``: (index of the element in the image, which of its outputs); ``crosstalk``: (other
    port, factor), of the sums before their filters; ``offset`` in V; ``steps``: its changes, (ns before the delay,
    V). A port with taps saturates, others wrap."""

    ref: PortRef
    offset: float = 0.0
    steps: tuple[tuple[int, float], ...] = ()
    delay_ns: int = 0
    fir: tuple[float, ...] = ()
    iir: tuple[float, ...] = ()
    sources: tuple[tuple[int, Output], ...] = ()
    crosstalk: tuple[tuple[PortRef, float], ...] = ()

    @property
    def is_filtered(self) -> bool:
        """Whether the port has a filter."""
        return bool(self.fir or self.iir)
