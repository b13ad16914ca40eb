"""play, its chirps and ramps, and ramp_to_zero."""

from __future__ import annotations

import math
from collections.abc import Collection
from itertools import pairwise
from typing import Any

import numpy as np

from ..._core.program import limits, tree
from .builder import Builder, current
from .control import condition_of, within_port
from .expressions import QuaExpression, typed
from .later import Later
from .numbers import python_number
from .position import refusal
from .pulses import PulseUse, cycles, named, pulse_use
from .streams import timestamp_stream_name
from .variables import QuaArrayVariable, own_array

CHIRP_UNITS: dict[str, tree.FrequencyUnits] = {
    "Hz/nsec": "Hz",
    "GHz/sec": "Hz",
    "mHz/nsec": "mHz",
    "MHz/sec": "mHz",
    "uHz/nsec": "uHz",
    "KHz/sec": "uHz",
    "kHz/sec": "uHz",
    "nHz/nsec": "nHz",
    "Hz/sec": "nHz",
    "pHz/nsec": "pHz",
    "mHz/sec": "pHz",
}
"""The units of a chirp, as they are written, and the frequency that they add each ns."""

_CHIRP_FORMS = "write (rate, units), (rates, units) or (rates, times, units), for example (25000, 'Hz/nsec')"


class Ramp:
    """What ``ramp`` returns: a slope to be played."""

    def __init__(self, slope: QuaExpression) -> None:
        self.slope = slope

    def __repr__(self) -> str:
        return f"ramp({self.slope})"


def ramp(v: Any) -> Ramp:
    """A voltage that rises by ``v`` V each ns (a fixed or a number), for ``play(ramp(v), element, duration=...)``.

    Only an element with a single input plays it; a sticky element starts from what it holds.
    """
    number = python_number(v)
    if number is not None and not -8 <= number < 8:
        raise refusal(f"slope {number} V/ns is outside of [-8, 8)", code="bad_ramp", hint="slopes are in volts per ns")
    return Ramp(typed(v, "fixed", place="as slope of ramp"))


def play(
    pulse: Any,
    element: str,
    duration: Any = None,
    condition: Any = None,
    chirp: Any = None,
    truncate: Any = None,
    timestamp_stream: Any = None,
    continue_chirp: bool = False,
    target: str = "",
    *,
    amplitude_scale: Any = None,
) -> None:
    """Play ``pulse`` (an operation of the element, maybe ``* amp(...)``, or a ``ramp``) on ``element``.

    ``duration``: cycles of 4 ns to stretch it to. ``amplitude_scale``: the same as ``* amp(...)``.
    ``condition``: a bool; where it is false nothing is played, but the same time passes.
    ``chirp``: (rate, units), (rates, units) or (rates, times, units): ints by which the frequency rises, in units of
    CHIRP_UNITS; several rates hold for sections of equal length, or from ``times`` on (cycles, the first 0). Lists
    lose what stands behind the point, as on the platform.
    ``continue_chirp``: the sweep, that of ``chirp`` or the one that an earlier play left, goes on after this play, and
    through those that follow, until one without continue_chirp ends; a chirp given meanwhile changes its rate.
    ``truncate``: cycles of 4 ns of the (stretched) pulse that are played.
    ``timestamp_stream``: a stream, or a tag, that gets the start in cycles of 4 ns.
    ``target``: the input to play on, by its name, of an element with a singleInputCollection, and of no other.
    """
    builder = current("play")
    if not isinstance(continue_chirp, bool):
        raise refusal(
            f"continue_chirp must be True or False, not {continue_chirp!r}",
            code="bad_chirp",
            hint="it is decided when the program is written",
        )
    use = _pulse(builder, pulse, amplitude_scale)
    slope = builder.own(pulse.slope) if isinstance(pulse, Ramp) else None
    if slope is not None and duration is None:
        raise refusal("a ramp needs a duration", code="bad_ramp", hint="play(ramp(v), element, duration=...)")
    least = limits.DURATION_MIN_CYCLES
    statement = tree.Play(
        at=builder.at(),
        operation=use.operation,
        element=named(element, "the element of play"),
        amplitude=use.amplitude,
        ramp=slope,
        duration=None if duration is None else cycles(builder, duration, "as duration", least),
        truncate=None if truncate is None else cycles(builder, truncate, "as truncate", least),
        chirp=None if chirp is None else _chirp(builder, chirp),
        condition=_condition(builder, condition),
        continues=continue_chirp,
        target=named(target, "the target of play") if target != "" else "",
        of_port=builder.port_condition is not None,
        timestamp_stream=timestamp_stream_name(builder, timestamp_stream, "play"),
    )
    builder.append(statement)


def _condition(builder: Builder, condition: object) -> tree.Expression | None:
    """The play's own condition, and that of the block around it."""
    around = builder.port_condition
    if condition is None:
        return None if around is None else builder.own(around)
    return within_port(builder, condition_of(builder, condition, "play"))


def _pulse(builder: Builder, pulse: object, amplitude_scale: object) -> PulseUse:
    if not isinstance(pulse, Ramp):
        return pulse_use(builder, "play", pulse, amplitude_scale)
    if amplitude_scale is not None:
        raise refusal("a ramp has no amplitude", code="bad_amplitude", hint="multiply its slope: ramp(a * v)")
    return PulseUse("", ())


def _chirp(builder: Builder, chirp: object) -> tree.Chirp:
    if isinstance(chirp, Later):
        chirp.refuse()
    if not isinstance(chirp, (tuple, list)) or len(chirp) not in (2, 3):
        raise _bad_chirp("a chirp is a tuple of two or three")
    units = chirp[-1]
    if not isinstance(units, str) or units not in CHIRP_UNITS:
        raise refusal(f"unknown units {units!r} of a chirp", code="bad_units", hint=f"use one of {_units()}")
    rates = _rates(builder, chirp[0])
    times = _times(chirp[1]) if len(chirp) == 3 else ()
    if len(chirp) == 3 and len(times) != len(rates):
        raise _bad_chirp(f"this chirp has {len(rates)} rates and {len(times)} times")
    return tree.Chirp(rates=rates, times=times, units=CHIRP_UNITS[units])


def _rates(builder: Builder, rates: object) -> tuple[tree.Expression, ...]:
    if isinstance(rates, QuaArrayVariable):
        name, count = own_array(builder, rates), len(rates)
        if rates.type != "int":
            raise refusal(f"the rates {rates} ({rates.type}) of a chirp must be int", code="type_mismatch")
        _check_sections(count)
        indices = (tree.Value(type="int", raw=index) for index in range(count))
        return tuple(tree.Cell(type="int", array=name, index=index) for index in indices)
    if isinstance(rates, np.ndarray) and rates.ndim:
        rates = list(rates)
    if not isinstance(rates, (list, tuple, range)):
        return (_rate(builder, rates),)
    _check_sections(len(rates))
    return tuple(_rate(builder, _without_fraction(rate)) for rate in rates)


def _check_sections(count: int) -> None:
    if not 0 < count <= limits.CHIRP_SECTIONS_MAX:
        raise _bad_chirp(f"a chirp has 1 to {limits.CHIRP_SECTIONS_MAX} rates (CHIRP_SECTIONS_MAX), not {count}")


def _without_fraction(value: object) -> object:
    """As on the platform, what stands in a list is made an int as Python does it (``int(2.7)`` is 2)."""
    number = python_number(value)
    return int(number) if isinstance(number, float) and math.isfinite(number) else value


def _rate(builder: Builder, rate: object) -> tree.Expression:
    number = python_number(rate)
    if number is not None:
        if number != number or not limits.INT_MIN <= number <= limits.INT_MAX:
            raise refusal(
                f"chirp rate {number} does not fit 32 bits", code="bad_chirp", hint="use coarser units, such as Hz/nsec"
            )
        if number != int(number):
            raise refusal(
                f"chirp rate {number} is a float where an int is needed",
                code="type_mismatch",
                hint="use finer units, such as mHz/nsec",
            )
    return builder.own(typed(rate, "int", place="as rate of a chirp"))


def _times(times: object) -> tuple[int, ...]:
    """Starts of sections in cycles, Python ints."""
    if isinstance(times, QuaArrayVariable) or not isinstance(times, Collection) or isinstance(times, str):
        raise _bad_chirp("the times of a chirp are a list of Python ints")
    if len(times) > limits.CHIRP_SECTIONS_MAX:
        raise _bad_chirp(f"a chirp has at most {limits.CHIRP_SECTIONS_MAX} times (CHIRP_SECTIONS_MAX)")
    numbers = [python_number(_without_fraction(time)) for time in times]
    starts: list[int] = []
    for number in numbers:
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number <= limits.INT_MAX:
            raise _bad_chirp("the times of a chirp are a list of Python ints, in cycles of 4 ns")
        starts.append(number)
    if not starts or starts[0] != 0:
        raise _bad_chirp("the first time of a chirp must be 0")
    if any(a >= b for a, b in pairwise(starts)):
        raise _bad_chirp("the times of a chirp must rise")
    return tuple(starts)


def _bad_chirp(message: str) -> Exception:
    return refusal(message, code="bad_chirp", hint=_CHIRP_FORMS)


def _units() -> str:
    return ", ".join(CHIRP_UNITS)


def ramp_to_zero(element: str, duration: int | None = None) -> None:
    """Bring what the sticky ``element`` holds down to 0, in ``duration`` cycles of 4 ns (None: as its config says)."""
    builder = current("ramp_to_zero")
    builder.append(
        tree.RampToZero(
            at=builder.at(),
            element=named(element, "the element of ramp_to_zero"),
            duration=None if duration is None else _ramp_cycles(duration),
        )
    )


def _ramp_cycles(duration: object) -> int:
    if isinstance(duration, Later):
        duration.refuse()
    number = python_number(duration)
    least, most = limits.DURATION_MIN_CYCLES, limits.RAMP_TO_ZERO_MAX_CYCLES
    if number is None or isinstance(number, bool) or not least <= number <= most or number != int(number):
        shown = str(duration) if number is None and isinstance(duration, QuaExpression) else repr(duration)
        raise refusal(
            f"the duration of ramp_to_zero must be a Python int from {least} to {most} cycles, not {shown}",
            code="bad_duration",
            hint="a cycle is 4 ns",
        )
    return int(number)


def load_waveform(pulse: str, waveform_index: Any, element: str) -> None:
    """Let ``pulse`` play the waveform ``waveform_index`` (from 0) of its array on ``element`` from here on.

    An int; a number that the array does not have changes nothing, and is reported. Without it the first one plays.
    """
    builder = current("load_waveform")
    number = python_number(waveform_index)
    if number is not None and (number < 0 or isinstance(number, bool)):
        raise refusal(f"there is no waveform {number!r}", code="bad_waveform_index", hint="the first one is 0")
    builder.append(
        tree.LoadWaveform(
            at=builder.at(),
            operation=named(pulse, "the pulse of load_waveform"),
            index=builder.own(typed(waveform_index, "int", place="as waveform_index of load_waveform")),
            element=named(element, "the element of load_waveform"),
        )
    )
