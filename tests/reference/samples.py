"""Sections 8 and 9 of docs/arithmetic.md: what the converter of an input sees, sample by sample, and its codes."""

from __future__ import annotations

from itertools import product
from math import floor

from quaymaster._core.config.model import PortRef

from . import noise, photons
from .board import Window
from .ears import Ear, Part, sounding_on
from .numbers import Report, u64
from .phase import cosine_sine
from .plants import Way
from .records import Record, conjugate, times


def sounding(part: Part, t: int) -> float:
    """Section 8: what one part of a record adds at its own time ``t``; nothing before its start and after its end."""
    record = part.record
    n = t - part.delay - record.start
    if not 0 <= n < record.length:
        return 0.0
    k = times(part.factor, cosine_sine(record.theta))
    p = times(part.samples[n], cosine_sine(u64(record.turned(n))))
    return k[0] * p[0] - k[1] * p[1]


def sounding_halves(part: Part, t: int, half: int) -> float:
    """Section 17: the same at ``t`` + ``half`` / 2; what comes from an output of one sample a ns holds."""
    record = part.record
    n = 2 * (t - part.delay - record.start) + half
    if not part.twice:
        return sounding(part, t)
    if not 0 <= n < 2 * record.length:
        return 0.0
    k = times(part.factor, cosine_sine(record.theta))
    w = record.twice[n]
    p = times(conjugate(w) if part.mirrored else w, cosine_sine(u64(record.signed // 2 * n)))
    return k[0] * p[0] - k[1] * p[1]


def heard(parts: list[Part], t: int, half: int | None = None) -> float:
    """Section 8: the sum over the records in order, from 0.0; with ``half`` of inputs of two samples a ns."""
    total = 0.0
    for part in parts:
        total += sounding(part, t) if half is None else sounding_halves(part, t, half)
    return total


def sums_of(ways: dict[str, list[Way]], records: list[Record], start: int, end: int, per_ns: int) -> list[float]:
    """Sections 8 and 17: what elements play by these ways in samples [start, end), of which there are ``per_ns``."""
    parts = sounding_on(ways, records, start // per_ns, (end - 1) // per_ns + 1)
    if per_ns == 1:
        return [heard(parts, t) for t in range(start, end)]
    return [heard(parts, k // 2, k % 2) for k in range(start, end)]


def heard_tails(ear: Ear, t: int, half: int | None, output: PortRef | None = None) -> list[float]:
    """Section 5: the samples of the outputs that are heard sample after sample, or of one of them."""
    return [each.tail.at(t - each.delay, half or 0) for each in ear.tails if output in (None, each.output)]


def heard_from_converters(ear: Ear, parts: list[Part], t: int, half: int | None = None) -> float:
    """Section 9: the sum on each output port passes its converter; then the ports are added."""
    total = 0.0
    outputs = {(part.output, part.full_scale) for part in parts} | {(e.output, e.full_scale) for e in ear.tails}
    for output, full_scale in sorted(outputs):
        volts = heard([part for part in parts if part.output == output], t, half)
        for sample in heard_tails(ear, t, half, output):
            volts += sample
        steps, step = 2**15 / full_scale, full_scale / 2**15
        total += min(max(floor(volts * steps + 0.5), -(2**15)), 2**15 - 1) * step
    return total


def volts(
    ear: Ear, window: Window, records: list[Record], seed: int, exact: bool, halves: tuple[int | None, ...] = (None,)
) -> list[float]:
    """Section 8: v(t) for each sample of a window, after the sign. ``halves``: (0, 1) for two samples a ns."""
    parts = ear.parts(records, window.start, window.end)
    result = []
    for t, half in product(range(window.start, window.end), halves):
        here = t - ear.hearing.delay
        if exact:
            signal = heard_from_converters(ear, parts, here, half)
        else:
            signal = heard(parts, here, half)
            for sample in heard_tails(ear, here, half):
                signal += sample
        if ear.light and photons.shines(seed, ear.number, ear.light, t):
            signal += ear.light[1]
        if ear.sigma:
            signal += ear.sigma * noise.of_sample(seed, ear.number + 64 * (half or 0), t)
        result.append((ear.gain * signal + ear.offset) * ear.sign)
    return result


def code(v: float, report: Report) -> int:
    """Section 8: the code of the converter, saturated."""
    rounded = floor(v * 4096)
    kept = min(max(rounded, -2048), 2047)
    if kept != rounded:
        report("input_saturated")
    return kept


def codes(ear: Ear, window: Window, records: list[Record], seed: int, exact: bool, report: Report) -> list[int]:
    """Section 8: the codes of a window."""
    return [code(v, report) for v in volts(ear, window, records, seed, exact)]


def trace(ear: Ear, window: Window, records: list[Record], seed: int, exact: bool, report: Report) -> list[int]:
    """Sections 8 and 17: the codes of a raw trace, two a ns where the input has as many."""
    halves = (0, 1) if ear.per_ns == 2 else (None,)
    return [code(v, report) for v in volts(ear, window, records, seed, exact, halves)]
