"""Reading ``elements``: their timing, and their operations against the pulses."""

from __future__ import annotations

from typing import Any, Literal

from . import limits
from .element_rules import check_ports_in_use
from .issues import shown
from .model import Element, InputKind, Sticky, TimeTaggingParameters
from .parse_inputs import INPUT_KINDS, OUTPUT_KINDS, measures, read_digital, read_input, read_outputs
from .reading import Fields, as_name, entries, nearest
from .seen import Seen

_KEYS = (
    *INPUT_KINDS,
    *OUTPUT_KINDS,
    "digitalInputs",
    "digitalOutputs",
    "intermediate_frequency",
    "oscillator",
    "operations",
    "time_of_flight",
    "smearing",
    "timeTaggingParameters",
    "outputPulseParameters",
    "sticky",
    "hold_offset",
    "core",
    "thread",
    "measurement_qe",
)
_TAGGING_KEYS = ("signalThreshold", "signalPolarity", "derivativeThreshold", "derivativePolarity")
_Polarity = Literal["ABOVE", "BELOW"]
_POLARITIES: dict[str, _Polarity] = {
    **dict.fromkeys(("ABOVE", "Above", "above", "ASCENDING", "Ascending", "ascending"), "ABOVE"),
    **dict.fromkeys(("BELOW", "Below", "below", "DESCENDING", "Descending", "descending"), "BELOW"),
}
_SINGLE, _IQ = frozenset({"single"}), frozenset({"I", "Q"})
_WANTED: dict[InputKind | None, frozenset[str]] = {
    "singleInput": _SINGLE,
    "singleInputCollection": _SINGLE,
    "multipleInputs": _SINGLE,
    "mixInputs": _IQ,
    "MWInput": _IQ,
    "RF_inputs": _IQ,
    None: frozenset(),
}


def read_elements(seen: Seen) -> dict[str, Element]:
    """All elements of the raw section; pulses, ports, mixers and oscillators have been read before."""
    raw, place, most = seen.section("elements")
    elements = {}
    for name, value, here in entries(raw, place, most):
        fields = Fields(value, here, _KEYS)
        if not fields.broken:
            elements[name] = _element(seen, name, fields)
    return elements


def _element(seen: Seen, name: str, fields: Fields) -> Element:
    connected: dict[str, Any] = {
        **read_input(seen, fields),
        **read_outputs(seen, fields),
        **read_digital(seen, fields),
    }
    if not fields.given(*INPUT_KINDS, "digitalInputs", "digitalOutputs") and not measures(fields):
        fields.place.rule("hasPorts", "an element needs at least one input or output")
    tagging = _tagging(fields)
    element = Element(
        **connected,
        **_oscillation(seen, fields),
        **_window(fields, tagging is not None),
        operations=_operations(seen, name, fields),
        timeTaggingParameters=tagging,
        sticky=_sticky(fields),
        core=_renamed_name(fields),
    )
    check_ports_in_use(seen, name, element, fields.place)
    return element


def _one_of(fields: Fields, new: str, old: str) -> str | None:
    """Which of a key's two names is given; reports both."""
    given = fields.given(new, old)
    if len(given) == 2:
        fields.at(old).rule("oneName", f"'{old}' is the old name of '{new}'; give only one of them")
    return given[0] if given else None


def _renamed_name(fields: Fields) -> str | None:
    key = _one_of(fields, "core", "thread")
    return fields.name(key, None) if key else None


def _oscillation(seen: Seen, fields: Fields) -> dict[str, Any]:
    frequency, oscillator = fields.number("intermediate_frequency", None), fields.name("oscillator", None)
    if len(fields.given("intermediate_frequency", "oscillator")) == 2:
        fields.at("oscillator").rule("oneOscillator", "'oscillator' excludes 'intermediate_frequency'")
    if oscillator is not None and oscillator not in seen.oscillators:
        message = f"oscillator '{oscillator}' is not in oscillators; {nearest(oscillator, seen.oscillators)}"
        fields.at("oscillator").rule("oscillatorsExist", message)
    return {"intermediate_frequency": frequency, "oscillator": oscillator}


def _window(fields: Fields, tagging: bool) -> dict[str, Any]:
    """time_of_flight (required if and only if the element has outputs) and smearing (allowed only then).

    An element that has digital outputs alone may have both (choice).
    """
    digital = "digitalOutputs" in fields and fields.raw("digitalOutputs") != {}
    if not measures(fields) and not digital:
        for key in fields.given("time_of_flight", "smearing"):
            fields.at(key).rule("timeOfFlight", f"an element without outputs has no {key}")
        return {}
    least = limits.TIME_OF_FLIGHT_MIN_TAGGING_NS if tagging else limits.TIME_OF_FLIGHT_MIN_NS
    if "time_of_flight" not in fields:
        if not measures(fields):
            return {"smearing": fields.integer("smearing", 0, 0, limits.TIME_OF_FLIGHT_MAX_NS)}
        fields.at("time_of_flight").rule("timeOfFlight", "an element with outputs needs a time_of_flight")
    delay = fields.integer("time_of_flight", None, least, limits.TIME_OF_FLIGHT_MAX_NS, limits.CYCLE_NS)
    longest = max(0, (limits.TIME_OF_FLIGHT_MAX_NS if delay is None else delay) - 8)
    return {"time_of_flight": delay, "smearing": fields.integer("smearing", 0, 0, longest)}


def _tagging(fields: Fields) -> TimeTaggingParameters | None:
    key = _one_of(fields, "timeTaggingParameters", "outputPulseParameters")
    if key is None:
        return None
    inner = Fields(fields.raw(key), fields.at(key), _TAGGING_KEYS)
    given = inner.given(*_TAGGING_KEYS)
    if given and len(given) < len(_TAGGING_KEYS):
        missing = ", ".join(k for k in _TAGGING_KEYS if k not in given)
        fields.at(key).rule("allTaggingParameters", f"give all four parameters or none; missing: {missing}")
    most = limits.TAGGING_COUNTS_MAX
    return TimeTaggingParameters(
        signalThreshold=inner.integer("signalThreshold", 800, -most, most),
        signalPolarity=inner.choice("signalPolarity", "BELOW", _POLARITIES),
        derivativeThreshold=inner.integer("derivativeThreshold", 300, -most, most),
        derivativePolarity=inner.choice("derivativePolarity", "BELOW", _POLARITIES),
    )


def _sticky(fields: Fields) -> Sticky | None:
    if len(fields.given("sticky", "hold_offset")) == 2:
        fields.at("hold_offset").rule("oneName", "'hold_offset' is the old form of 'sticky'; give only one of them")
    longest = limits.STICKY_DURATION_MAX_NS
    if "sticky" in fields:
        inner = Fields(fields.raw("sticky"), fields.at("sticky"), ("analog", "digital", "duration"))
        if inner.require("analog") and not inner.boolean("analog", True):
            inner.at("analog").range("must be True: an element that is sticky is so in its analog part")
        duration = inner.integer("duration", limits.CYCLE_NS, limits.CYCLE_NS, longest, limits.CYCLE_NS)
        return Sticky(digital=inner.boolean("digital", False), duration=duration)
    if "hold_offset" in fields:
        inner = Fields(fields.raw("hold_offset"), fields.at("hold_offset"), ("duration",))
        cycles = inner.need_integer("duration", 1, longest // limits.CYCLE_NS)
        return Sticky(duration=cycles * limits.CYCLE_NS)
    return None


def _operations(seen: Seen, element: str, fields: Fields) -> dict[str, str]:
    """Each operation's pulse exists and has the waveforms that the element's input takes."""
    found: dict[str, str] = {}
    if "operations" not in fields:
        return found
    kinds = fields.given(*INPUT_KINDS)
    for operation, raw, here in entries(fields.raw("operations"), fields.at("operations")):
        name = as_name(raw)
        if name is None:
            here.schema(f"must be a pulse's name, not {shown(raw)}")
            continue
        found[operation] = name
        if name not in seen.pulses:
            here.rule("allPulsesExist", f"pulse '{name}' is not in pulses; {nearest(name, seen.pulses)}")
            continue
        pulse = seen.pulses[name]
        if pulse is None or len(kinds) > 1 or not pulse.waveforms:
            continue
        kind = next((k for k in INPUT_KINDS if k in kinds), None)
        if frozenset(pulse.waveforms) != _WANTED[kind]:
            wanted = " and ".join(sorted(_WANTED[kind])) or "none: it has no analog input"
            offered = " and ".join(pulse.waveforms)
            message = (
                f"element '{element}' has {kind or 'no input'} (waveforms: {wanted}), "
                f"but pulse '{name}' of operation '{operation}' has waveforms {offered}"
            )
            fields.place.rule("allPulsesExist", message)
    return found
