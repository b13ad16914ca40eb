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

    def v(self, i: int) -> Complex:
        """V[i] = Wc − i·Ws."""
        return self.cosine[i], -self.sine[i]

    def carrier(self, i: int) -> Complex:
        """X[i] = V[i]·e^{i·inc_d·i}."""
        return times(self.v(i), cosine_sine(u64(self.inc * i)))

    @property
    def turn(self) -> Complex:
        """e^{iφ_d}."""
        return cosine_sine(self.phi)


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


def plus(x: Complex, y: Complex) -> Complex:
    """The sum, part by part."""
    return x[0] + y[0], x[1] + y[1]


def term(integral: Integral, part: Part, delay: int) -> Complex:
    """Section 6: κ_θ·K⁺ + conj(κ_θ)·K⁻, κ_θ = κ·e^{iθ}."""
    up, down = kernels(integral, part, delay)
    turned = times(part.factor, cosine_sine(part.record.theta))
    return plus(times(turned, up), times(conjugate(turned), down))


def offset_sum(integral: Integral) -> Complex:
    """Section 6: K⁰."""
    return complex_in_lanes([(i, integral.carrier(i)) for i in range(integral.length)])


# ---------------------------------------------------------------- noise

Entry = tuple[int, int]
"""A component of a port's noise: the place of an integral on its port, and 0 for its x, 1 for its y."""


@dataclass
class Row:
    """Section 6: the rows of x and y of an integral in the triangular factor of the covariance, and its own normals."""

    integral: Integral
    z: tuple[float, float]
    entries: tuple[dict[Entry, float], dict[Entry, float]] = field(default_factory=lambda: ({}, {}))
    diagonal: list[float] = field(default_factory=lambda: [0.0, 0.0])


def covariance(j: Integral, k: Integral) -> list[list[float]]:
    """Section 6: cov of x and y of j with x and y of k over the samples that both windows hold."""
    a, b = products(j, k)
    return [
        [0.5 * (a[0] + b[0]), 0.5 * (b[1] - a[1])],
        [0.5 * (b[1] + a[1]), 0.5 * (a[0] - b[0])],
    ]


def products(j: Integral, k: Integral) -> tuple[Complex, Complex]:
    """Section 6: A and B."""
    shift = j.window.start - k.window.start
    both = range(max(0, -shift), min(j.length, k.length - shift))
    a = complex_in_lanes([(i, times(j.carrier(i), conjugate(k.carrier(i + shift)))) for i in both])
    b = complex_in_lanes([(i, times(j.carrier(i), k.carrier(i + shift))) for i in both])
    return a, b


def add_row(rows: list[Row], integral: Integral, z: tuple[float, float]) -> Complex:
    """Section 6: the next rows of a port; gives N of the integral."""
    own = len(rows)
    rows.append(Row(integral, z))
    earlier = [k for k in range(own) if rows[k].integral.window.end > integral.window.start]
    if len(earlier) + 1 > OVERLAPS_MAX:
        raise OverflowError("too_many_overlaps")
    before = [(k, q) for k in earlier for q in (0, 1)]
    return fill(rows, own, 0, before), fill(rows, own, 1, [*before, (own, 0)])


def fill(rows: list[Row], own: int, part: int, before: list[Entry]) -> float:
    """The row of one part behind those before it; gives the part."""
    row, integral = rows[own].entries[part], rows[own].integral
    square = 0.0
    for k, q in before:
        known = 0.0
        for e in before:
            if e < (k, q):
                known += row[e] * rows[k].entries[q].get(e, 0.0)
        rest = covariance(integral, rows[k].integral)[part][q] - known
        row[k, q] = 0.0 if rows[k].diagonal[q] == 0.0 else rest / rows[k].diagonal[q]
        square += row[k, q] * row[k, q]
    rest = covariance(integral, integral)[part][part] - square
    negligible = rest <= 1e-12 * products(integral, integral)[0][0]
    rows[own].diagonal[part] = 0.0 if negligible else sqrt(rest)
    total = 0.0
    for k, q in before:
        total += row[k, q] * rows[k].z[q]
    return total + rows[own].diagonal[part] * rows[own].z[part]


def noise_of(integral: Integral, ear: Ear, rows: list[Row], seed: int) -> Complex:
    """Section 6: N of an integral, from its rows, or from the samples where a raw trace of the port is kept."""
    window = integral.window
    if not ear.keeps_trace:
        z = noise.of_integral(seed, ear.number, window.end, window.listening.element, window.number, window.output)
        return add_row(rows, integral, z)
    n = [noise.of_sample(seed, ear.number, t) for t in range(window.start, window.end)]
    return weighted(integral, n)


def weighted(integral: Integral, numbers: list[float]) -> Complex:
    """Σ X[i]·number[i] in lanes."""
    products = []
    for i, number in enumerate(numbers):
        x = integral.carrier(i)
        products.append((i, (x[0] * number, x[1] * number)))
    return complex_in_lanes(products)


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
    return 2.0**-12 * real_of_product(integral.turn, weighted(integral, clipped))


def linear(
    config: model.Config, window: Window, ear: Ear, records: list[Record], rows: list[Row], seed: int, report: Report
) -> float:
    """Section 6: D of one integral. ``rows``: those of the earlier integrals of the port, to which its own is added."""
    integral = integral_of(config, window)
    if ear.light or ear.tails or reaches_range(ear, ear.ways(records, window.start, window.end)):
        return from_samples(integral, ear, records, seed, report)
    signal = (0.0, 0.0)
    for part in ear.parts(records, window.start, window.end):
        signal = plus(signal, term(integral, part, ear.hearing.delay + part.delay))
    noise_sum = noise_of(integral, ear, rows, seed) if ear.sigma else (0.0, 0.0)
    level = offset_sum(integral) if ear.offset else (0.0, 0.0)
    re, im = (ear.gain * (0.5 * signal[p] + ear.sigma * noise_sum[p]) + ear.offset * level[p] for p in (0, 1))
    return ear.sign * 2.0**-12 * real_of_product(integral.turn, (re, im))


def target_value(d: float, report: Report) -> int:
    """Section 6: the raw 4.28 number of D."""
    rounded = floor(d * 2.0**28 + 0.5)
    if wrap(rounded) != rounded:
        report("integral_overflow")
    return wrap(rounded)
