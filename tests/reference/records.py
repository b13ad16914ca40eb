"""Section 4 of docs/arithmetic.md: what a play puts on its element, as records."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor

from msgspec import structs

from quaymaster._core.config import model

from . import numbers
from .numbers import Report

Complex = tuple[float, float]
Sections = tuple[tuple[int, int], ...]
"""Section 13: (start in ns, rate) of each section of a sweep."""
ONE: Complex = (1.0, 0.0)


def times(x: Complex, y: Complex) -> Complex:
    """Section 4: (a+ib)(c+id) = (ac − bd) + i(ad + bc), each operation rounded."""
    a, b = x
    c, d = y
    return a * c - b * d, a * d + b * c


def conjugate(x: Complex) -> Complex:
    """The complex conjugate."""
    return x[0], -x[1]


@dataclass(frozen=True)
class Steady:
    """The samples of what is held (section 13): ``length`` times 1."""

    length: int

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, n: int) -> Complex:
        return ONE


@dataclass(frozen=True, kw_only=True)
class Record:
    """One waveform on one element: ``samples`` (wI, wQ) a ns from ``start``, and all that is needed to render it.

    ``target``: the one input that it is played on, "" for all of the element's.
    """

    element: str
    target: str = ""
    thread: int
    order: int
    start: int
    samples: tuple[Complex, ...] | Steady
    alpha: Complex
    beta: Complex
    theta: int
    inc: int
    correction: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)
    chirp: Sections = ()
    whole: int | None = None
    """Section 17: inc mod 2^65, as a signed number, of an element whose ports have two samples a ns."""
    twice: tuple[Complex, ...] | Steady = ()
    """Section 17: the samples two a ns, of an element whose ports have as many."""

    def factor(self, name: str) -> Complex:
        """Section 4: m of the port of I or Q."""
        c00, c01, c10, c11 = self.correction
        return {"I": (c00, -c01), "Q": (c10, -c11)}[name]

    @property
    def signed(self) -> int:
        """The increment as a signed number: inc, or of an output of two samples a ns the whole one."""
        if self.whole is not None:
            return self.whole
        return self.inc - 2**64 if self.inc >= 2**63 else self.inc

    def turned(self, n: int) -> int:
        """The phase since the start: inc·n, or χ(n) of a chirp (section 13), not wrapped."""
        turned, inc = 0, self.inc
        for j, (start, rate) in enumerate(self.chirp or ((0, 0),)):
            end = self.chirp[j + 1][0] if j + 1 < len(self.chirp) else n
            m = min(n, end) - start
            if m < 0:
                break
            turned += inc * m + rate * (m * (m + 1) // 2)
            inc += rate * (end - start)
        return turned

    def frequency(self, n: int) -> int:
        """The increment ``n`` ns after the start, not wrapped."""
        inc = self.inc
        for j, (start, rate) in enumerate(self.chirp):
            end = self.chirp[j + 1][0] if j + 1 < len(self.chirp) else n
            inc += rate * max(0, min(n, end) - start)
        return inc

    @property
    def rate(self) -> int:
        """That of the last section which begins before the end."""
        return [rate for start, rate in self.chirp if start < self.length][-1]

    @property
    def length(self) -> int:
        """In ns."""
        return len(self.samples)

    @property
    def peak(self) -> float:
        """Section 6, range: the greatest |wI| + |wQ| of the whole record."""
        return 1.0 if isinstance(self.samples, Steady) else max(abs(i) + abs(q) for i, q in self.samples)

    @property
    def rank(self) -> tuple[int, int, int]:
        """Section 5: the order in which records are summed."""
        return self.start, self.thread, self.order


def pulse_of(config: model.Config, element: str, operation: str) -> model.Pulse:
    """The pulse that an operation names."""
    return config.pulses[config.elements[element].operations[operation]]


def samples_of(
    config: model.Config, pulse: model.Pulse, length: int, stretched: bool, report: Report, number: int = 0
) -> list[Complex]:
    """Section 4: the samples (wI, wQ) of a pulse that lasts ``length`` ns; ``stretched`` where a duration was given.

    ``number``: which waveform of an array is loaded (section 13).
    """
    names = pulse.waveforms
    one = per_ns(config.waveforms[names.get("single") or names["I"]], pulse)
    first = played(one, length, stretched, report, number)
    second = [0.0] * length
    if "Q" in names:
        second = played(per_ns(config.waveforms[names["Q"]], pulse), length, stretched, report, number)
    return list(zip(first, second, strict=True))


def per_ns(waveform: model.Waveform, pulse: model.Pulse) -> model.Waveform:
    """Section 17: a waveform of two samples a ns as the inputs hear it: the mean of the two."""
    if isinstance(waveform, model.ArrayWaveform):
        rows = tuple(means(row, pulse) for row in waveform.samples_array)
        return structs.replace(waveform, samples_array=rows)
    if isinstance(waveform, model.ArbitraryWaveform):
        return structs.replace(waveform, samples=means(each_ns(waveform, pulse), pulse))
    return waveform


def each_ns(waveform: model.ArbitraryWaveform, pulse: model.Pulse) -> tuple[float, ...]:
    """Section 4: of a waveform with a lower rate of its own a sample for each ns."""
    if waveform.sampling_rate is None or len(waveform.samples) >= pulse.length:
        return waveform.samples
    return tuple(stretched_sample(list(waveform.samples), j, pulse.length) for j in range(pulse.length))


def twice_of(config: model.Config, element: str, pulse: model.Pulse, length: int, number: int) -> tuple[Complex, ...]:
    """Section 17: the samples of a pulse of ``length`` ns two a ns; none where the element's ports have one."""
    if not plays_twice(config, element):
        return ()
    parts = []
    for name in ("single",) if "single" in pulse.waveforms else ("I", "Q"):
        waveform = config.waveforms[pulse.waveforms[name]]
        if isinstance(waveform, model.ConstantWaveform):
            parts.append([waveform.sample] * (2 * length))
        else:
            array = isinstance(waveform, model.ArrayWaveform)
            parts.append(list(waveform.samples_array[number] if array else waveform.samples))
    return tuple(zip(parts[0], parts[1] if len(parts) == 2 else [0.0] * len(parts[0]), strict=False))


def plays_twice(config: model.Config, element: str) -> bool:
    """Section 17: whether the ports of an element have two samples a ns."""
    ports = config.elements[element].input_ports.values()
    return any(config.analog_output(port).sampling_rate == 2e9 for port in ports)


def means(samples: tuple[float, ...], pulse: model.Pulse) -> tuple[float, ...]:
    """The means of pairs, where there are two samples a ns."""
    if len(samples) != 2 * pulse.length:
        return samples
    return tuple((first + second) / 2 for first, second in zip(samples[::2], samples[1::2], strict=True))


def played(waveform: model.Waveform, length: int, stretched: bool, report: Report, number: int) -> list[float]:
    """Section 4: one waveform for ``length`` ns."""
    if isinstance(waveform, model.ConstantWaveform):
        return [waveform.sample] * length
    array = isinstance(waveform, model.ArrayWaveform)
    samples = list(waveform.samples_array[number] if array else waveform.samples)
    if not stretched:
        return samples
    if length < len(samples):
        report("shortened_waveform")
        return samples[:length]
    return [stretched_sample(samples, j, length) for j in range(length)]


def stretched_sample(w: list[float], j: int, length: int) -> float:
    """Section 4: sample ``j`` of ``w`` stretched to ``length``: the cubic through four neighbours."""
    x = (j * len(w)) / length
    b = min(max(floor(x) - 1, 0), len(w) - 4)
    t = x - b
    l0 = -(t - 1) * (t - 2) * (t - 3) / 6
    l1 = t * (t - 2) * (t - 3) / 2
    l2 = -t * (t - 1) * (t - 3) / 2
    l3 = t * (t - 1) * (t - 2) / 6
    return l0 * w[b] + l1 * w[b + 1] + l2 * w[b + 2] + l3 * w[b + 3]


def envelope_factors(raws: list[int], iq: bool, report: Report) -> tuple[Complex, Complex]:
    """Section 4: (alpha, beta) of no, one or four raw amplitude values."""
    values = [numbers.amplitude(raw, report) for raw in raws] or [1.0]
    if not iq:
        (a,) = values
        return (a, 0.0), (0.0, 0.0)
    a00, a01, a10, a11 = values if len(values) == 4 else (values[0], 0.0, 0.0, values[0])
    alpha = (a00 + a11) / 2, (a10 - a01) / 2
    beta = (a00 - a11) / 2, (a10 + a01) / 2
    return alpha, beta
