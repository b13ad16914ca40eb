"""What is set of an element of a running job from outside: checked, and in the numbers of the engine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import msgspec

from ..errors import AskedWrongly
from .codes import ElementColumn
from .image import Image, ImageElement, OffsetInput

FREQUENCY_MAX_HZ = {1: 500e6, 2: 1e9}
"""By the samples a ns of the ports; at 2 GS/s half the rate, as in configs."""
STEP = 2.0**-16
CORRECTION_STEPS = 1 << 17  # of STEP: what a value of a correction stays below, in size


class ElementNow(msgspec.Struct, frozen=True, kw_only=True):
    """What an element of a run has, or will have with the next thing that it does.

    ``frequency_hz``: of its oscillator, 0.0 without one. ``offsets``: V, by the names of its inputs.
    """

    frequency_hz: float
    correction: tuple[float, float, float, float]
    offsets: dict[str, float]


def phase_increment(frequency_hz: float) -> int:
    """Turns per ns of a frequency in units of 2⁻⁶⁴, rounded to nearest, modulo 2⁶⁴ (docs/arithmetic.md 3).

    >>> hex(phase_increment(250e6))
    '0x4000000000000000'
    """
    exact = Fraction(frequency_hz) * 2**64 / 10**9 + Fraction(1, 2)
    return (exact.numerator // exact.denominator) % 2**64


def phase_fold(frequency_hz: float) -> int:
    """1 where the increment of a frequency lies an odd number of turns from what ``phase_increment`` is as a signed
    number: from 500 MHz to 1.5 GHz, on either side.

    >>> phase_fold(499e6), phase_fold(650e6), phase_fold(-650e6)
    (0, 1, 1)
    """
    exact = Fraction(frequency_hz) * 2**64 / 10**9 + Fraction(1, 2)
    return (exact.numerator // exact.denominator + (1 << 63) >> 64) & 1


def frequency_of(increment: int, fold: int = 0) -> float:
    """The frequency in Hz of an increment and its fold, to 10⁻⁹ Hz.

    >>> frequency_of(phase_increment(-50.123457e6)), frequency_of(phase_increment(650e6), 1)
    (-50123457.0, 650000000.0)
    """
    signed = (increment ^ 1 << 63) - (1 << 63)
    if fold:
        signed += -(1 << 64) if signed > 0 else 1 << 64
    return round(float(Fraction(signed * 10**9, 2**64)), 9)


def element_number(image: Image, name: str) -> int:
    """The row of an element; AskedWrongly ``no_such_element`` where the program does not use it."""
    names = [info.name for info in image.element_info]
    if name in names:
        return names.index(name)
    known = ", ".join(dict.fromkeys(names))
    raise AskedWrongly(
        f"the program does not use an element {name!r:.60}", code="no_such_element", hint=f"it uses: {known or 'none'}"
    )


def sharing(image: Image, number: int) -> list[int]:
    """The rows of the elements that share an oscillator with this one, itself among them."""
    mine = image.element_info[number].oscillator
    names = {image.element_info[number].name}
    names |= {info.name for info in image.element_info if mine and info.oscillator == mine}
    return sorted(element_number(image, name) for name in names)


def frequency_raws(image: Image, number: int, frequency_hz: float) -> tuple[int, int]:
    """Increment and fold, as an entry of a log has them; AskedWrongly ``no_oscillator``, ``bad_setting``."""
    limit = FREQUENCY_MAX_HZ[image.element_info[number].per_ns]
    if not image.elements[number, ElementColumn.HAS_OSCILLATOR]:
        name = image.element_info[number].name
        raise AskedWrongly(f"element {name!r} has no oscillator (no intermediate_frequency)", code="no_oscillator")
    if not math.isfinite(frequency_hz) or abs(frequency_hz) > limit:
        raise _bad(f"an intermediate frequency of {frequency_hz} Hz is outside ±{limit / 1e6:g} MHz")
    return phase_increment(frequency_hz), phase_fold(frequency_hz)


def correction_raws(image: Image, number: int, values: Sequence[float]) -> tuple[int, ...]:
    """Four steps of 2⁻¹⁶; AskedWrongly ``no_mixer``, ``bad_setting``."""
    if not image.element_info[number].mixed:
        name = image.element_info[number].name
        raise AskedWrongly(f"element {name!r} has no mixer (no mixInputs)", code="no_mixer")
    if len(values) != 4:
        raise _bad(f"a correction has 4 values, not {len(values)}")
    return tuple(_steps(value, -CORRECTION_STEPS, CORRECTION_STEPS - 1, "a correction") for value in values)


def offset_input(info: ImageElement, name: str) -> OffsetInput:
    """An input that has an offset; AskedWrongly ``no_such_input``."""
    for known in info.offsets:
        if known.name == name:
            return known
    has = ", ".join(known.name for known in info.offsets) or "none"
    raise AskedWrongly(
        f"element {info.name!r} has no input {name!r:.60} with an offset", code="no_such_input", hint=f"it has: {has}"
    )


def offset_raws(input: OffsetInput, volts: float) -> tuple[int]:
    """Steps of 2⁻¹⁶ V, the upper end of the range one step of the converter below it; AskedWrongly ``bad_setting``."""
    if input.high * STEP < volts <= -input.low * STEP:
        return (input.high,)
    return (_steps(volts, input.low, input.high, "the offset in V"),)


def _steps(value: float, low: int, high: int, what: str) -> int:
    steps = math.floor(value / STEP + 0.5) if math.isfinite(value) else high + 1
    if not low <= steps <= high:
        raise _bad(f"{value} is outside of what {what} may be: {low * STEP:g} to {high * STEP:.6g}")
    return steps


def _bad(words: str) -> AskedWrongly:
    return AskedWrongly(words, code="bad_setting", hint="nothing was changed")
