"""Section 5 of docs/arithmetic.md: outputs behind endless filters, or filters at 2 GS/s, sample after sample."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
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
        self.held = [0.0] * len(self.terms)

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
    """One output behind its filter: ``known`` samples so far, from the start on; where it stands kept as one."""

    def __init__(self, filter_: model.AnalogOutputFilter, sums: Sums, next_sound: NextSound, per_ns: int) -> None:
        self.sums, self.next_sound, self.per_ns = sums, next_sound, per_ns
        self.fir, self.iir = filter_.feedforward, filter_.feedback
        self.inputs = [0.0] * max(len(self.fir) - 1, 0)
        self.outputs = [0.0] * len(self.iir)
        self.stages = stages_of(filter_, per_ns)
        self.known = 0
        self.samples: dict[int, float] = {}
        self.stands: list[tuple[int, int, float]] = []

    def at(self, t: int, half: int = 0) -> float:
        """The sample at ``t`` + ``half`` / 2 ns; 0 before the start. At 1 GS/s it holds for a ns."""
        return self.sample(self.per_ns * t + (half if self.per_ns == 2 else 0))

    def sample(self, n: int) -> float:
        """F[n]."""
        block = SETTLES_NS * self.per_ns
        while self.known <= n:
            if self.known % block == 0:
                self.forget_small()
                self.stand(n + 1, block)
            end = min(n + 1, (self.known // block + 1) * block)
            self.samples |= zip(range(self.known, end), map(self.next, self.sums(self.known, end)), strict=True)
            self.known = end
        if n in self.samples or n < 0:
            return self.samples.get(n, 0.0)
        return next(level for start, end, level in reversed(self.stands) if start <= n < end)

    def memory(self) -> tuple[float, ...]:
        """All that it remembers."""
        return (*self.inputs, *self.outputs, *(x for stage in self.stages for x in (*stage.held, stage.last)))

    def forget_small(self) -> None:
        """Each thing of less than 2^-60 V."""
        self.inputs, self.outputs = without_small(self.inputs), without_small(self.outputs)
        for stage in self.stages:
            stage.held = without_small(stage.held)
            (stage.last,) = without_small([stage.last])

    def stand(self, end: int, block: int) -> None:
        """Whole blocks of silence, until ``end`` at most, that leave all as it is, as one level."""
        trial = deepcopy((self.inputs, self.outputs, self.stages))
        before = self.memory()
        level = self.next(0.0)
        stands = self.memory() == before
        self.inputs, self.outputs, self.stages = trial
        if not stands:
            return
        silence = min(self.per_ns * self.next_sound(self.known // self.per_ns), end)
        until = silence // block * block
        if until > self.known:
            self.stands.append((self.known, until, level))
            self.known = until

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


def without_small(values: list[float]) -> list[float]:
    """Those below 2^-60 in size are 0."""
    return [0.0 if abs(x) < SMALL else x for x in values]


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
