"""Section 3 of docs/arithmetic.md: the oscillator and the frame of an element."""

from __future__ import annotations

from fractions import Fraction

from quaymaster._core.config import model
from quaymaster._core.config.model import IDENTITY

from .numbers import u64
from .phase import increment, increment_of


class Oscillator:
    """Keeps inc, R, Q and F of an element, and the correction of its mixer; ``due`` while a reset_if_phase waits for
    its instant."""

    def __init__(self, frequency: float | None, correction: model.Correction = IDENTITY) -> None:
        self.inc = 0 if frequency is None else increment(Fraction(frequency))
        self.reset = 0
        self.kept = 0
        self.frame = 0
        self.due = False
        self.correction = correction

    def phase(self, t: int) -> int:
        """θ(t) = inc·t + R + Q + F."""
        return u64(self.inc * t + self.reset + self.kept + self.frame)

    def begin(self, t: int) -> bool:
        """A play, measure or align of the element at ``t``: a due reset happens. Gives whether there was one."""
        due = self.due
        if due:
            self.restart(t)
            self.due = False
        return due

    def restart(self, t: int) -> None:
        """The phase without the frame is 0 at ``t``."""
        self.reset = u64(-self.inc * t)
        self.kept = 0

    def update(self, t: int, frequency: int, units: str, keep_phase: bool) -> None:
        """update_frequency at ``t``."""
        after = increment_of(frequency, units)
        self.kept = u64(self.kept + (self.inc - after) * t) if keep_phase else 0
        self.inc = after

    def rotate(self, raw: int) -> None:
        """frame_rotation by the fixed number of turns ``raw``."""
        self.frame = u64(self.frame + ((raw + 2**11) >> 12) * 2**48)
