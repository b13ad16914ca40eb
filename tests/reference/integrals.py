"""Section 6 of docs/arithmetic.md: integrals with ``numerics="linear"``."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import floor, sqrt

from quaymaster._core.config import model

from . import noise
from .board import Window
from .ears import Ear, Part
from .numbers import Report, u64, wrap
from .phase import cosine_sine
from .records import Complex, Record, conjugate, pulse_of, times
from .samples import volts

OVERLAPS_MAX = 64


@dataclass(frozen=True)
class Integral:
    """What an integral multiplies the samples with: V[i] = cosine − i·sine at phase(i) = φ + inc·i."""

    window: Window
    cosine: tuple[float, ...]
    sine: tuple[float, ...]
    inc: int
    phi: int

    @property
    def length(self) -> int:
        """In ns."""
        return len(self.cosine)

    @property
    def q(self) -> int:
        """Section 7: counts the integral within its measure, two by two."""
        return 2 * self.window.number + self.window.output

    def v(self, i: int) -> Complex:
        """V[i] = Wc − i·Ws."""
        return self.cosine[i], -self.sine[i]

    def phase(self, i: int) -> int:
        """φ_d + inc_d·i."""
        return u64(self.phi + self.inc * i)

    def weight(self, i: int) -> float:
        """Re(V[i]·(c + is)) of the phase."""
        return times(self.v(i), cosine_sine(self.phase(i)))[0]


def per_ns(entries: tuple[tuple[float, int], ...]) -> tuple[float, ...]:
    """Weights of (value, ns) as one value a ns."""
    return tuple(value for value, length in entries for _ in range(length))


def integral_of(config: model.Config, window: Window) -> Integral:
    """The integral of a window: demodulation, or plain integration (V = Wc, no phase)."""
    node = window.listening.measure
    process = node.processes[window.process]
    pulse = pulse_of(config, node.element, node.operation)
    weights = config.integration_weights[pulse.integration_weights[process.weights[window.output]]]
    first = window.piece * (window.end - window.start)
    last = first + window.end - window.start
    cosine = per_ns(weights.cosine)[first:last]
    if "integration" in process.kind:
        return Integral(window, cosine, (0.0,) * len(cosine), 0, 0)
    return Integral(
        window, cosine, per_ns(weights.sine)[first:last], window.listening.inc, window.listening.phase(window.start)
    )


# ---------------------------------------------------------------- sums


def folded(lanes: list[float]) -> float:
    """Section 6: 16 lanes folded 8, 4, 2, 1."""
    for half in (8, 4, 2, 1):
        for j in range(half):
            lanes[j] += lanes[j + half]
    return lanes[0]


def in_lanes(numbers: list[tuple[int, float]]) -> float:
    """Section 6: the sum of (i, number) in 16 lanes, lane i mod 16, in order of i."""
    lanes = [0.0] * 16
    for i, number in numbers:
        lanes[i % 16] += number
    return folded(lanes)


def complex_in_lanes(numbers: list[tuple[int, Complex]]) -> Complex:
    """The same for complex numbers."""
    return in_lanes([(i, x[0]) for i, x in numbers]), in_lanes([(i, x[1]) for i, x in numbers])


def real_of_product(x: Complex, y: Complex) -> float:
    """Re(xy) = xr·yr − xi·yi."""
    return times(x, y)[0]


def kernels(integral: Integral, part: Part, delay: int) -> tuple[Complex, Complex]:
    """Section 6: K⁺ and K⁻ of a part of a record in a window."""
    record = part.record
    o = record.start + delay - integral.window.start
    plus, minus = [], []
    for i in range(max(0, o), min(integral.length, o + record.length)):
        n = i - o
        w = part.samples[n]
        up = cosine_sine(u64(integral.inc * i + record.turned(n)))
        down = cosine_sine(u64(integral.inc * i - record.turned(n)))
        plus.append((i, times(times(integral.v(i), w), up)))
        minus.append((i, times(times(integral.v(i), conjugate(w)), down)))
    return complex_in_lanes(plus), complex_in_lanes(minus)


def term(integral: Integral, part: Part, delay: int) -> float:
    """Section 6: Re(κ·e^{i(φ_d + θ)}·K⁺) + Re(conj(κ)·e^{i(φ_d − θ)}·K⁻)."""
    plus, minus = kernels(integral, part, delay)
    up = times(part.factor, cosine_sine(u64(integral.phi + part.record.theta)))
    down = times(conjugate(part.factor), cosine_sine(u64(integral.phi - part.record.theta)))
    return real_of_product(up, plus) + real_of_product(down, minus)


def carrier(integral: Integral, i: int) -> Complex:
    """X[i] = V[i]·e^{i·inc_d·i}."""
    return times(integral.v(i), cosine_sine(u64(integral.inc * i)))


def offset_part(integral: Integral) -> float:
    """Section 6: Re(e^{iφ_d}·K⁰)."""
    k0 = complex_in_lanes([(i, carrier(integral, i)) for i in range(integral.length)])
    return real_of_product(cosine_sine(integral.phi), k0)


# ---------------------------------------------------------------- noise


@dataclass
class Row:
    """Section 6: the row of an integral in the triangular factor of the covariance, and its own normal number z."""

    integral: Integral
    z: float
    entries: dict[int, float] = field(default_factory=dict)
    """L[j, k] by the place of the earlier integral k on its port."""
    diagonal: float = 0.0


def covariance(j: Integral, k: Integral) -> float:
    """Section 6: cov(j, k) over the samples that both windows hold."""
    shift = j.window.start - k.window.start
    both = range(max(0, -shift), min(j.length, k.length - shift))
    a = complex_in_lanes([(i, times(carrier(j, i), conjugate(carrier(k, i + shift)))) for i in both])
    b = complex_in_lanes([(i, times(carrier(j, i), carrier(k, i + shift))) for i in both])
    difference = real_of_product(cosine_sine(u64(j.phi - k.phi)), a)
    total = real_of_product(cosine_sine(u64(j.phi + k.phi)), b)
    return 0.5 * (difference + total)


def add_row(rows: list[Row], integral: Integral, z: float) -> float:
    """Section 6: the next row of a port; gives η of the integral."""
    row = Row(integral, z)
    earlier = [k for k, other in enumerate(rows) if other.integral.window.end > integral.window.start]
    if len(earlier) + 1 > OVERLAPS_MAX:
        raise OverflowError("too_many_overlaps")
    for k in earlier:
        known = 0.0
        for m in earlier:
            if m < k:
                known += row.entries[m] * rows[k].entries.get(m, 0.0)
        rest = covariance(integral, rows[k].integral) - known
        row.entries[k] = 0.0 if rows[k].diagonal == 0.0 else rest / rows[k].diagonal
    variance = covariance(integral, integral)
    explained = 0.0
    for k in earlier:
        explained += row.entries[k] * row.entries[k]
    rest = variance - explained
    row.diagonal = 0.0 if rest <= 1e-12 * variance else sqrt(rest)
    rows.append(row)
    eta = 0.0
    for k in earlier:
        eta += row.entries[k] * rows[k].z
    return eta + row.diagonal * z


def eta(integral: Integral, ear: Ear, rows: list[Row], seed: int) -> float:
    """Section 6: the noise of an integral, from its row, or from the samples where a raw trace of the port is kept."""
    window = integral.window
    if not ear.keeps_trace:
        z = noise.of_integral(seed, ear.number, window.end, window.listening.thread, integral.q)
        return add_row(rows, integral, z)
    n = [noise.of_sample(seed, ear.number, t) for t in range(window.start, window.end)]
    return in_lanes([(i, integral.weight(i) * n[i]) for i in range(integral.length)])


# ---------------------------------------------------------------- the integral


def reaches_range(ear: Ear, ways: list[list[Part]]) -> bool:
    """Section 6, range: whether the converter could saturate."""
    total = 0.0
    for way in ways:
        size = 0.0
        for part in way:
            size = size + abs(part.factor[0]) + abs(part.factor[1])
        total += size * way[0].record.peak
    return ear.gain * (total + 6 * ear.sigma) + abs(ear.offset) >= 0.5


def from_samples(integral: Integral, ear: Ear, records: list[Record], seed: int, report: Report) -> float:
    """Section 6, range: D from the clipped samples."""
    clipped = []
    for v in volts(ear, integral.window, records, seed, exact=False):
        clipped.append(min(max(v, -0.5), 2047 / 4096))
        if clipped[-1] != v:
            report("input_saturated")
    return 2.0**-12 * in_lanes([(i, integral.weight(i) * clipped[i]) for i in range(integral.length)])


def linear(
    config: model.Config, window: Window, ear: Ear, records: list[Record], rows: list[Row], seed: int, report: Report
) -> float:
    """Section 6: D of one integral. ``rows``: those of the earlier integrals of the port, to which its own is added."""
    integral = integral_of(config, window)
    if reaches_range(ear, ear.ways(records, window.start, window.end)):
        return from_samples(integral, ear, records, seed, report)
    total = 0.0
    for part in ear.parts(records, window.start, window.end):
        total += term(integral, part, ear.hearing.delay)
    inner = 0.5 * total
    if ear.sigma:
        inner += ear.sigma * eta(integral, ear, rows, seed)
    heard = ear.gain * inner
    if ear.offset:
        heard += ear.offset * offset_part(integral)
    return ear.sign * 2.0**-12 * heard


def target_value(d: float, report: Report) -> int:
    """Section 6: the raw 4.28 number of D."""
    rounded = floor(d * 2.0**28 + 0.5)
    if wrap(rounded) != rounded:
        report("integral_overflow")
    return wrap(rounded)
