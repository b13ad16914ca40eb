"""Section 9 of docs/arithmetic.md: integrals with ``numerics="exact"``, in the widths of the hardware."""

from __future__ import annotations

from math import floor

from .integrals import Integral
from .numbers import Report, u64, wrap_to
from .phase import cosine_sine
from .records import times


def narrowed(bits: int, value: int, report: Report) -> int:
    """Wrap to a width; that it wrapped is told."""
    result = wrap_to(bits, value)
    if result != value:
        report("integral_overflow")
    return result


def integer_weight(weight: float) -> int:
    """A weight in units of 2^-15."""
    return floor(weight * 2.0**15 + 0.5)


def integer_wave(value: float) -> int:
    """A cosine or sine in units of 2^-17, kept in range."""
    return min(max(floor(value * 2.0**17 + 0.5), -(2**17)), 2**17 - 1)


def exact(integral: Integral, codes: list[int], report: Report) -> int:
    """Section 9: the raw number of one integral from the codes of its window."""
    process = integral.window.listening.measure.processes[integral.window.process]
    demodulates = "integration" not in process.kind
    total = 0
    for i, code in enumerate(codes):
        c, s = 2**17, 0
        if demodulates:
            cosine, sine = times(integral.turn, cosine_sine(u64(integral.inc * i)))
            c, s = integer_wave(cosine), integer_wave(sine)
        in_cosine = narrowed(21, (code * integer_weight(integral.cosine[i])) >> 8, report)
        in_sine = narrowed(21, (code * integer_weight(integral.sine[i])) >> 8, report)
        total += in_cosine * c + in_sine * s
    return narrowed(32, total >> 20, report)
