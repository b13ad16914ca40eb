"""Signals by the definition, in plain numpy: whole arrays of samples, phases as exact integers, no remembered sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

TURN = 1 << 64


@dataclass
class Play:
    """A record with its samples written out."""

    start: int
    w: np.ndarray
    phase: int = 0
    inc: int = 0
    alpha: complex = 1.0
    beta: complex = 0.0
    m: complex = 1.0

    def at(self, times: np.ndarray) -> np.ndarray:
        """Voltage at the times: Re(m e^{i theta} (alpha w + beta conj(w)))."""
        n = times - self.start
        inside = (n >= 0) & (n < len(self.w))
        w = np.where(inside, self.w[np.clip(n, 0, len(self.w) - 1)], 0)
        return np.real(self.m * turn(self.phase, self.inc, n) * (self.alpha * w + self.beta * np.conj(w)))


def turn(phase: int, inc: int, n: np.ndarray) -> np.ndarray:
    """e^{i (phase + inc n)}, the phase reduced as an integer before it becomes a float."""
    whole = [((phase + inc * int(k) + TURN // 2) % TURN - TURN // 2) / TURN for k in n]
    return np.exp(2j * np.pi * np.array(whole))


def demod(cosine: Any, sine: Any, v: np.ndarray, phase: int, inc: int) -> float:
    """2^-12 sum of (Wc cos + Ws sin) v over a window."""
    z = turn(phase, inc, np.arange(len(v)))
    return float(np.sum((np.asarray(cosine) * z.real + np.asarray(sine) * z.imag) * v)) / 4096


class Formula:
    """What the tests of the signal kernels compare with."""

    Play = Play
    turn = staticmethod(turn)
    demod = staticmethod(demod)

    @staticmethod
    def inc(frequency: float) -> int:
        """Increment of a frequency in Hz."""
        return round(frequency * TURN / 10**9) % TURN


@pytest.fixture(scope="session")
def formula() -> type[Formula]:
    """The formulas."""
    return Formula
