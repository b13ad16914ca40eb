"""Section 13 of docs/arithmetic.md, sticky: what an element holds between its plays, as records that go on."""

from __future__ import annotations

from dataclasses import replace
from math import floor

from .board import Board
from .oscillator import Oscillator
from .records import Complex, Record, Sections, Steady, conjugate, times

FOREVER = 2**62
"""The length of a hold that nothing has ended yet, in ns."""


def rounded(v: float) -> float:
    """What an output can hold: floor(v·2¹⁶ + ½)·2⁻¹⁶."""
    return floor(v * 2.0**16 + 0.5) * 2.0**-16


def last_of(record: Record) -> Complex:
    """The last sample of A·w, at 2 GS/s the last of two a ns, each part rounded."""
    w = record.twice[-1] if record.twice else record.samples[-1]
    x = times(record.alpha, w)
    if record.beta != (0.0, 0.0):
        y = times(record.beta, conjugate(w))
        x = x[0] + y[0], x[1] + y[1]
    return rounded(x[0]), rounded(x[1])


class Hold:
    """What one sticky element holds: ``level`` is h; ``sounding`` its record while there is one."""

    def __init__(self, element: str, thread: int, oscillator: Oscillator, board: Board) -> None:
        self.element = element
        self.thread = thread
        self.oscillator = oscillator
        self.board = board
        self.level: Complex = (0.0, 0.0)
        self.order = 0
        self.sounding: Record | None = None

    def left_by(self, record: Record) -> None:
        """A play has ended: its last sample comes on top, and the hold has its order from here on."""
        t = record.start + record.length
        self.end(t)
        last = last_of(record)
        self.level = self.level[0] + last[0], self.level[1] + last[1]
        self.order = record.order
        self.begin(t)

    def turned(self, t: int) -> None:
        """inc, R, Q or F were set at ``t``: the hold goes on with the new phase."""
        if self.sounding is not None:
            self.end(t)
            self.begin(t)

    def along(self, t: int, chirp: Sections) -> None:
        """A pulse with a chirp begins at ``t``: what is held sweeps with it."""
        if self.sounding is not None:
            self.end(t)
            self.sounding = replace(self.record(t, Steady(FOREVER), Steady(FOREVER), self.order), chirp=chirp)
            self.board.records.append(self.sounding)

    def begin(self, t: int) -> None:
        """From ``t`` on the level sounds, if it is not 0."""
        if self.level != (0.0, 0.0):
            self.sounding = self.record(t, Steady(FOREVER), Steady(FOREVER), self.order)
            self.board.records.append(self.sounding)

    def end(self, t: int) -> None:
        """The level sounds until ``t``; a hold of no time is none."""
        if self.sounding is None:
            return
        self.board.records.remove(self.sounding)
        if t > self.sounding.start:
            lasts = t - self.sounding.start
            self.board.records.append(replace(self.sounding, samples=Steady(lasts), twice=Steady(2 * lasts)))
        self.sounding = None

    def ramp_to_zero(self, t: int, lasts: int, order: int) -> None:
        """From ``t`` on down to 0 in ``lasts`` ns; nothing where nothing is held."""
        self.end(t)
        if self.level != (0.0, 0.0):
            samples = tuple((1 - (n + 1) / lasts, 0.0) for n in range(lasts))
            twice = tuple((1 - (n + 1) / (2 * lasts), 0.0) for n in range(2 * lasts))
            self.board.records.append(self.record(t, samples, twice, order))
        self.level = (0.0, 0.0)

    def record(
        self, t: int, samples: tuple[Complex, ...] | Steady, twice: tuple[Complex, ...] | Steady, order: int
    ) -> Record:
        """A record of the level with the phase of the element at ``t``."""
        return Record(
            element=self.element,
            thread=self.thread,
            order=order,
            start=t,
            samples=samples,
            twice=twice,
            alpha=self.level,
            beta=(0.0, 0.0),
            theta=self.oscillator.phase(t),
            inc=self.oscillator.frequency(t),
            whole=self.oscillator.whole,
            correction=self.oscillator.correction,
            chirp=self.oscillator.sections,
        )
