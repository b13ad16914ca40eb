"""Statements of time, phase and frequency."""

from __future__ import annotations

from typing import Any

from ..._core.program import limits, tree
from ..._core.program.literals import fits32
from .builder import current
from .expressions import QuaExpression, turns, typed
from .later import Later
from .math_library import Math
from .numbers import python_number
from .position import refusal
from .pulses import cycles, named, named_elements

ONE_OVER_2PI = 0.15915494309189535
_UNITS: tuple[tree.FrequencyUnits, ...] = ("Hz", "mHz", "uHz", "nHz", "pHz")


def wait(duration: Any, *elements: str) -> None:
    """Pass ``duration`` cycles of 4 ns (at least 4) on each element; on every element of the program if none is
    named.
    """
    builder = current("wait")
    length = cycles(builder, duration, "of wait", limits.WAIT_MIN_CYCLES)
    builder.append(tree.Wait(at=builder.at(), duration=length, elements=named_elements(elements, "wait")))


def align(*elements: str) -> None:
    """Let ``elements`` (all of the program if none is named) go on together, when the slowest is ready."""
    builder = current("align")
    builder.append(tree.Align(at=builder.at(), elements=named_elements(elements, "align")))


def frame_rotation(angle: Any, *elements: str) -> None:
    """Turn the frame of ``elements`` by ``angle`` rad, which is multiplied by the fixed number 1/(2 pi): keep it in
    (-8, 8).

    A Python number is multiplied in Python.
    """
    number = python_number(angle)
    turned = typed(angle, "fixed", place="as angle") if number is None else number
    frame_rotation_2pi(turned * ONE_OVER_2PI, *elements)


def frame_rotation_2pi(angle: Any, *elements: str) -> None:
    """Turn the frame of ``elements`` by ``angle`` full turns, a fixed; a Python number may be of any size."""
    builder = current("frame_rotation_2pi")
    rotation = builder.own(turns(angle, place="as angle"))
    for element in _at_least_one(elements, "frame_rotation"):
        builder.append(tree.FrameRotation(at=builder.at(), element=element, turns=rotation))


def fast_frame_rotation(cosine: Any, sine: Any, *elements: str) -> None:
    """Turn the frame of ``elements`` by the angle of (``cosine``, ``sine``), two fixeds; how long the pair is does not
    matter.
    """
    frame_rotation_2pi(Math.atan2_2pi(sine, cosine), *_at_least_one(elements, "fast_frame_rotation"))


def reset_frame(*elements: str) -> None:
    """Set the frame of ``elements`` to 0."""
    builder = current("reset_frame")
    for element in _at_least_one(elements, "reset_frame"):
        builder.append(tree.ResetFrame(at=builder.at(), element=element))


def reset_if_phase(element: str) -> None:
    """Restart the phase of the element's oscillator at its next play, measure or align; the frame stays."""
    builder = current("reset_if_phase")
    builder.append(tree.ResetIfPhase(at=builder.at(), element=named(element, "the element of reset_if_phase")))


reset_phase = reset_if_phase


def update_frequency(element: str, new_frequency: Any, units: str = "Hz", keep_phase: bool = False) -> None:
    """Set the intermediate frequency of ``element`` to an int, in ``units`` (Hz, mHz, uHz, nHz, pHz).

    A Python float is truncated (100.7 is 100 Hz). ``keep_phase``: the phase goes on instead of jumping to that of an
    oscillator that always had the new frequency.
    """
    builder = current("update_frequency")
    number = python_number(new_frequency)
    if number is not None:
        if number - number != 0:
            raise refusal(f"{number} is not a finite frequency", code="not_finite")
        if not fits32(int(number)):
            raise refusal(f"frequency {number} {units} does not fit 32 bits", code="bad_frequency")
        new_frequency = int(number)
    if not isinstance(units, str) or units not in _UNITS:
        raise refusal(f"unknown units {units!r}", code="bad_units", hint=f"use one of {', '.join(_UNITS)}")
    if python_number(keep_phase) not in (True, False):
        raise refusal("keep_phase must be a Python bool", code="type_mismatch")
    builder.append(
        tree.UpdateFrequency(
            at=builder.at(),
            element=named(element, "the element of update_frequency"),
            frequency=builder.own(typed(new_frequency, "int", place="as frequency")),
            units=_UNITS[_UNITS.index(units)],
            keep_phase=bool(keep_phase),
        )
    )


def update_correction(element: str, c00: Any, c01: Any, c10: Any, c11: Any) -> None:
    """Give the pulses of ``element`` that follow another mixer correction: four fixeds or numbers from -2 to
    2 - 2**-16.

    The frame stays as it is.
    """
    builder = current("update_correction")
    values = tuple(builder.own(_in_range(value, "correction", -2.0, 2.0 - 2.0**-16)) for value in (c00, c01, c10, c11))
    builder.append(
        tree.UpdateCorrection(
            at=builder.at(),
            element=named(element, "the element of update_correction"),
            correction=(values[0], values[1], values[2], values[3]),
        )
    )


def set_dc_offset(element: str, element_input: str, offset: Any) -> None:
    """Set the DC offset of the port of an input of ``element`` ("single", "I" or "Q") to ``offset`` V, at once.

    It holds until it is set again, or the job ends. A fixed or a number from -0.5 to 0.5 - 2**-16, of an amplified port
    of an LF-FEM from -2.5 to 2.5 - 2**-16.
    """
    builder = current("set_dc_offset")
    builder.append(
        tree.SetDcOffset(
            at=builder.at(),
            element=named(element, "the element of set_dc_offset"),
            input=named(element_input, "the input of set_dc_offset"),
            offset=builder.own(_in_range(offset, "offset", -2.5, 2.5 - 2.0**-16)),
        )
    )


def reset_global_phase() -> None:
    """Restart the oscillator phases of all elements of the program at once; the frames stay."""
    builder = current("reset_global_phase")
    builder.append(tree.ResetGlobalPhase(at=builder.at()))


def _in_range(value: object, what: str, least: float, most: float) -> QuaExpression:
    """A fixed; a Python number must be in its range."""
    number = python_number(value)
    if number is not None and not least <= number <= most:
        raise refusal(f"{what} {number} is outside of [{least}, {most}]", code=f"bad_{what}")
    return typed(value, "fixed", place=f"as {what}")


def _at_least_one(elements: tuple[Any, ...], statement: str) -> tuple[str, ...]:
    if not elements:
        raise refusal(f"{statement} names no element", code="bad_name")
    return named_elements(elements, statement)


declare_struct = Later("declare_struct")
qua_struct = Later("qua_struct")
QuaArray = Later("QuaArray")
declare_external_stream = Later("declare_external_stream")
receive_from_external_stream = Later("receive_from_external_stream")
send_to_external_stream = Later("send_to_external_stream")
QuaStreamDirection = Later("QuaStreamDirection")
declare_with_stream = Later("declare_with_stream")
DeclarationType = Later("DeclarationType")
L = Later("L")
