"""Section 5 of docs/arithmetic.md: outputs behind endless filters, or filters at 2 GS/s, sample after sample."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from quaymaster._core.config import model

SETTLES_NS = 1024
SMALL = 2.0**-60
LARGE = 2.0**20

Sums = Callable[[int, int], list[float]]
"""The sums that reach the filter in samples from … to."""
NextSound = Callable[[int], int]
"""The first ns from … on that something may reach the filter in."""


@dataclass
class Stage:
    """Section 17: undoes gain + Σ A·z^n."""

    gain: float
    terms: list[tuple[float, float]]
    held: list[float] = field(default_factory=list)
    last: float = 0.0

    def __post_init__(self) -> None:
        self.rest()

    def rest(self) -> None:
        """Nothing is remembered."""
        self.held, self.last = [0.0] * len(self.terms), 0.0

    def next(self, u: float) -> float:
        """The x for which the line gives u."""
        x, first = u, self.gain
        for a, _ in self.terms:
            first += a
        for (a, z), q in zip(self.terms, self.held, strict=True):
            x -= a * (z * q - self.last)
        x /= first
        self.held = [z * q + (x - self.last) for (_, z), q in zip(self.terms, self.held, strict=True)]
        self.last = x
        return x


class Tail:
    """One output behind its filter: ``known`` samples so far, from the start on; those of silences are left out."""

    def __init__(self, filter_: model.AnalogOutputFilter, sums: Sums, next_sound: NextSound, per_ns: int) -> None:
        self.sums, self.next_sound, self.per_ns = sums, next_sound, per_ns
        self.fir, self.iir = filter_.feedforward, filter_.feedback
        self.inputs = [0.0] * max(len(self.fir) - 1, 0)
        self.outputs = [0.0] * len(self.iir)
        self.stages = stages_of(filter_, per_ns)
        self.known = 0
        self.samples: dict[int, float] = {}

    def at(self, t: int, half: int = 0) -> float:
        """The sample at ``t`` + ``half`` / 2 ns; 0 before the start. At 1 GS/s it holds for a ns."""
        return self.sample(self.per_ns * t + (half if self.per_ns == 2 else 0))

    def sample(self, n: int) -> float:
        """F[n]."""
        block = SETTLES_NS * self.per_ns
        while self.known <= n:
            if self.known % block == 0 and self.settle():
                silence = min(self.per_ns * self.next_sound(self.known // self.per_ns), n + 1)
                self.known = max(self.known, silence // block * block)
            end = min(n + 1, (self.known // block + 1) * block)
            self.samples |= zip(range(self.known, end), map(self.next, self.sums(self.known, end)), strict=True)
            self.known = end
        return self.samples.get(n, 0.0)

    def settle(self) -> bool:
        """What remembers nothing of 2^-60 V or more comes to rest; whether it is at rest."""
        held = [x for stage in self.stages for x in (*stage.held, stage.last)]
        if any(abs(x) >= SMALL or x != x for x in (*self.inputs, *self.outputs, *held)):
            return False
        self.inputs, self.outputs = [0.0] * len(self.inputs), [0.0] * len(self.outputs)
        for stage in self.stages:
            stage.rest()
        return True

    def next(self, x: float) -> float:
        """FIR, IIR, exponentials; ``inputs`` and ``outputs`` have the latest first."""
        y = x
        if self.fir:
            y = 0.0
            for b, value in zip(self.fir, (x, *self.inputs), strict=True):
                y += b * value
            self.inputs = [x, *self.inputs][: len(self.fir) - 1]
        for a, value in zip(self.iir, self.outputs, strict=True):
            y += a * value
        self.outputs = [y, *self.outputs][: len(self.iir)]
        for stage in self.stages:
            y = stage.next(y)
        return y if abs(y) < LARGE else 0.0


def stages_of(filter_: model.AnalogOutputFilter, per_ns: int) -> list[Stage]:
    """Section 17: the exponentials, then the high pass."""
    found = []
    if filter_.exponential or filter_.exponential_dc_gain is not None:
        gain = 1.0 if filter_.exponential_dc_gain is None else filter_.exponential_dc_gain
        found.append(Stage(gain, [(a, decay(tau, per_ns)) for a, tau in filter_.exponential]))
    if filter_.high_pass is not None:
        found.append(Stage(0.0, [(1.0, decay(filter_.high_pass, per_ns))]))
    return found


def decay(tau_ns: float, per_ns: int) -> float:
    """e^(−T/τ), the nearest double."""
    return float((-1 / (per_ns * Decimal(tau_ns))).exp())
