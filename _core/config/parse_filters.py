"""Reading ``filter`` of an analog output.

An OPX+ has one FIR and up to three one-pole stages, given as their combined feedback taps; it must be stable, which for
one tap is the platform's −1 < b < 1. A config says ``opx1`` for OPX and OPX+ alike; the OPX+'s wider limits hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from . import limits
from .issues import shown
from .model import AnalogOutputFilter, FemType
from .reading import Fields, Place, as_float, as_list

_KEYS = {
    "OPX": ("feedforward", "feedback"),
    "LF": ("feedforward", "feedback", "exponential", "exponential_dc_gain", "high_pass"),
}


def read_filter(port: Fields, kind: FemType) -> AnalogOutputFilter | None:
    """The filter of an OPX, OPX+ or LF-FEM output; None if there is none, or an empty one."""
    if "filter" not in port:
        return None
    place = port.at("filter")
    fields = Fields(port.raw("filter"), place, _KEYS[kind])
    found = AnalogOutputFilter(
        feedforward=_taps(fields, "feedforward"),
        feedback=_taps(fields, "feedback"),
        exponential=_exponential(fields),
        exponential_dc_gain=fields.number("exponential_dc_gain", None),
        high_pass=fields.number("high_pass", None),
    )
    if kind == "LF" and found.feedback:  # an empty list is what older tools write for none
        text = "an LF-FEM has no feedback taps; it corrects by exponential: [(amplitude, time constant in ns), ...]"
        fields.at("feedback").rule("feedback", text)
    _check_taps(found, fields)
    _check_exponential(found, fields)
    return None if found == AnalogOutputFilter() else found


def _taps(fields: Fields, key: str) -> tuple[float, ...]:
    if key not in fields:
        return ()
    raw = as_list(fields.raw(key))
    if raw is None:
        fields.mismatch(key, "a list of numbers")
        return ()
    if len(raw) > limits.ENTRY_KEYS_MAX:
        fields.at(key).range(f"has {len(raw)} taps; at most {limits.FEEDFORWARD_TAPS_MAX[0]} are allowed")
        return ()
    taps = [as_float(tap) for tap in raw]
    for index, tap in enumerate(taps):
        if tap is None:
            fields.at(key).item(index).schema(f"must be a finite number, not {shown(raw[index])}")
    return tuple(tap for tap in taps if tap is not None)


def _check_taps(found: AnalogOutputFilter, fields: Fields) -> None:
    poles = len(found.feedback)
    most_poles = len(limits.FEEDFORWARD_TAPS_MAX) - 1
    if poles > most_poles:
        fields.at("feedback").range(f"has {poles} taps; at most {most_poles} are allowed")
    elif not is_stable(found.feedback):
        fields.at("feedback").range("is not stable: every pole must lie inside the unit circle (one tap: -1 < b < 1)")
    most = limits.FEEDFORWARD_TAPS_MAX[min(poles, most_poles)]
    if len(found.feedforward) > most:
        taps = f"{len(found.feedforward)} taps; with {poles} feedback taps at most {most} are allowed"
        fields.at("feedforward").range(f"has {taps}")
    for index, tap in enumerate(found.feedforward):
        if not -2.0 < tap < 2.0:
            fields.at("feedforward").item(index).range(f"is {tap:.10g}; must be above -2 and below 2")


def is_stable(feedback: Sequence[float]) -> bool:
    """Whether all poles of y[n] = Σ feedback[m]·y[n−1−m] lie inside the unit circle (step-down recursion).

    >>> is_stable([0.5]), is_stable([1.0]), is_stable([1.8, -0.81]), is_stable([1.8, -0.79])
    (True, False, True, False)
    """
    row = [1.0, *(-tap for tap in feedback)]
    while len(row) > 1:
        last = row[-1]
        if not abs(last) < 1.0:
            return False
        row = [(row[i] - last * row[-1 - i]) / (1.0 - last * last) for i in range(len(row) - 1)]
    return True


def _exponential(fields: Fields) -> tuple[tuple[float, float], ...]:
    if "exponential" not in fields:
        return ()
    raw = as_list(fields.raw("exponential"))
    if raw is None:
        fields.mismatch("exponential", "a list of (amplitude, time constant in ns)")
        return ()
    if len(raw) > limits.EXPONENTIALS_MAX:
        fields.at("exponential").range(f"has {len(raw)} entries; at most {limits.EXPONENTIALS_MAX} are allowed")
        return ()
    pairs = [_pair(item, fields.at("exponential").item(index)) for index, item in enumerate(raw)]
    return tuple(pair for pair in pairs if pair is not None)


def _pair(raw: object, place: Place) -> tuple[float, float] | None:
    parts = as_list(raw)
    if parts is None or len(parts) != 2:
        place.schema(f"must be (amplitude, time constant in ns), not {shown(raw)}")
        return None
    amplitude, tau = as_float(parts[0]), as_float(parts[1])
    if amplitude is None or tau is None:
        place.schema(f"must be two finite numbers, not {shown(raw)}")
        return None
    if tau <= 0:
        place.range(f"the time constant is {tau:.10g} ns; must be above 0")
    return amplitude, tau


def _check_exponential(found: AnalogOutputFilter, fields: Fields) -> None:
    gain = 1.0 if found.exponential_dc_gain is None else found.exponential_dc_gain
    if gain + sum(amplitude for amplitude, _ in found.exponential) == 0.0:
        fields.at("exponential").range("the dc gain and the amplitudes add up to 0: such a line cannot be corrected")
    if found.high_pass is None:
        return
    if found.high_pass <= 0:
        fields.at("high_pass").range(f"is {found.high_pass:.10g} ns; must be above 0")
    if found.exponential_dc_gain is not None:
        fields.at("high_pass").rule("highPass", "high_pass and exponential_dc_gain cannot be used together")
    else:
        text = "high_pass is deprecated: write exponential_dc_gain 0 and exponential [(1, high_pass)]"
        fields.at("high_pass").rule("highPass", text, "warning")
