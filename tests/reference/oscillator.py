"""Section 3 of docs/arithmetic.md: the oscillator and the frame of an element."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from quaymaster._core.config import model
from quaymaster._core.config.model import IDENTITY

from .numbers import Report, u64
from .phase import UNITS, whole_increment
from .records import Record, Sections


@dataclass(frozen=True)
class Sweep:
    """Section 13: a chirp that goes on behind its pulse, as what it adds to the element's own phase.

    ``above`` and ``faster``: that of phase and frequency at ``start`` (ns); ``rate``: of the frequency, per ns.
    """

    start: int
    above: int
    faster: int
    rate: int

    def phase(self, t: int) -> int:
        """What it adds to the phase at ``t``."""
        m = t - self.start
        return self.above + self.faster * m + self.rate * (m * (m + 1) // 2)

    def frequency(self, t: int) -> int:
        """What it adds to the frequency at ``t``."""
        return self.faster + self.rate * (t - self.start)


class Oscillator:
    """Keeps inc, R, Q and F of an element, and the correction of its mixer; ``due`` while a reset_if_phase waits for
    its instant."""

    def __init__(self, frequency: float | None, correction: model.Correction = IDENTITY, halves: bool = False) -> None:
        self.halves = halves
        self.whole: int | None = None
        self.tune(0 if frequency is None else whole_increment(Fraction(frequency)))
        self.reset = 0
        self.kept = 0
        self.frame = 0
        self.due = False
        self.correction = correction
        self.sweep: Sweep | None = None

    def tune(self, whole: int) -> None:
        """Another increment; ``whole``: before it is taken mod 2^64. Where ports have two samples a ns it is kept mod
        2^65, signed."""
        self.inc = u64(whole)
        self.whole = (whole + 2**64) % 2**65 - 2**64 if self.halves else None

    def own(self, t: int) -> int:
        """inc·t + R + Q + F."""
        return self.inc * t + self.reset + self.kept + self.frame

    def phase(self, t: int) -> int:
        """θ(t): the element's own, and what a sweep that goes on adds."""
        return u64(self.own(t) + (0 if self.sweep is None else self.sweep.phase(t)))

    def frequency(self, t: int) -> int:
        """The increment at ``t``."""
        return u64(self.inc + (0 if self.sweep is None else self.sweep.frequency(t)))

    @property
    def sections(self) -> Sections:
        """Section 13: those of a record that has no chirp of its own: one where a sweep goes on."""
        return () if self.sweep is None else ((0, self.sweep.rate),)

    def played(self, record: Record, continues: bool) -> None:
        """Section 13: a pulse has ended: its sweep goes on behind it, or none does."""
        end = record.start + record.length
        if not continues or not record.chirp:
            self.sweep = None
            return
        above = record.theta + record.turned(record.length) - self.own(end)
        self.sweep = Sweep(end, above, record.frequency(record.length) - self.inc, record.rate)

    def begin(self, t: int) -> bool:
        """A play, measure or align of the element at ``t``: a due reset happens. Gives whether there was one."""
        due = self.due
        if due:
            self.restart(t)
            self.due = False
        return due

    def restart(self, t: int) -> None:
        """The phase without the frame is 0 at ``t``; a sweep goes on with the frequency that it has."""
        self.reset = u64(-self.inc * t)
        self.kept = 0
        if self.sweep is not None:
            self.sweep = Sweep(t, 0, self.sweep.frequency(t), self.sweep.rate)

    def update(self, t: int, frequency: int, units: str, keep_phase: bool, report: Report) -> None:
        """update_frequency at ``t``."""
        if abs(Fraction(frequency, UNITS[units])) > (10**9 if self.halves else 5 * 10**8):
            report("frequency_range")
        self.become(t, whole_increment(Fraction(frequency, UNITS[units])), keep_phase)

    def become(self, t: int, whole: int, keep_phase: bool) -> None:
        """The increment becomes ``whole``, as ``tune`` takes it, at ``t``."""
        after = u64(whole)
        swept = 0 if self.sweep is None else self.sweep.phase(t)
        self.kept = u64(self.kept + (self.inc - after) * t + swept) if keep_phase else 0
        self.tune(whole)
        self.sweep = None

    def rotate(self, raw: int) -> None:
        """frame_rotation by the fixed number of turns ``raw``."""
        self.frame = u64(self.frame + ((raw + 2**11) >> 12) * 2**48)
