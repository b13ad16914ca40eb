"""Reading what connects an element: its one analog input kind, its outputs, its digital inputs and outputs."""

from __future__ import annotations

from typing import Any

from . import limits
from .issues import shown
from .model import (
    ElementDigitalInput,
    InputCollection,
    InputKind,
    MicrowaveInput,
    MicrowaveOutput,
    MixInputs,
    MWAnalogOutput,
    OctavePort,
    PortRef,
    RFPort,
    SingleInput,
)
from .parse_signals import mixer_name
from .reading import Fields, Place, as_key, as_list, as_name, entries, nearest
from .seen import Seen

INPUT_KINDS: tuple[InputKind, ...] = (
    "singleInput",
    "mixInputs",
    "singleInputCollection",
    "multipleInputs",
    "MWInput",
    "RF_inputs",
)
OUTPUT_KINDS = ("outputs", "MWOutput", "RF_outputs")


def read_input(seen: Seen, element: Fields) -> dict[str, Any]:
    """The element's input as the keyword of its record; {} if it has none, more than one, or a wrong one."""
    given = element.given(*INPUT_KINDS)
    if len(given) > 1:
        element.place.rule("oneInputKind", f"has {' and '.join(given)}; at most one of them is allowed")
    read = {
        "singleInput": _single,
        "mixInputs": _mixed,
        "singleInputCollection": _collection,
        "multipleInputs": _collection,
        "MWInput": _microwave,
        "RF_inputs": _octave_input,
    }
    found = {kind: read[kind](seen, element.raw(kind), element.at(kind)) for kind in given}
    return {kind: record for kind, record in found.items() if record is not None} if len(found) == 1 else {}


def _analog_output(seen: Seen, raw: object, place: Place, microwave: bool = False) -> PortRef | None:
    """A declared output of the right sort: in volts, or microwave."""
    ref = seen.port(raw, place, "analog_outputs")
    controller = None if ref is None else seen.controllers[ref.controller]
    if ref is None or controller is None:
        return None
    return ref if _is_sort(controller.fems[ref.fem].type == "MW", microwave, "output", place) else None


def _analog_input(seen: Seen, raw: object, place: Place, microwave: bool = False) -> PortRef | None:
    ref = seen.port(raw, place, "analog_inputs")
    controller = None if ref is None else seen.controllers[ref.controller]
    if ref is None or controller is None:
        return None
    return ref if _is_sort(controller.fems[ref.fem].type == "MW", microwave, "input", place) else None


def _is_sort(found: bool, wanted: bool, word: str, place: Place) -> bool:
    """Whether a port is microwave or not, as wanted. An element names the other end: it *plays* on an output."""
    key = "MWInput" if word == "output" else "MWOutput"
    if found and not wanted:
        place.rule("portKinds", f"is an {word} of a MW-FEM; use {key}")
    elif wanted and not found:
        place.rule("portKinds", f"is not an {word} of a MW-FEM; {key} needs one")
    return found == wanted


def _single(seen: Seen, raw: object, place: Place) -> SingleInput | None:
    fields = Fields(raw, place, ("port",))
    port = _analog_output(seen, fields.raw("port"), fields.at("port")) if fields.require("port") else None
    return None if port is None else SingleInput(port=port)


def _mixed(seen: Seen, raw: object, place: Place) -> MixInputs | None:
    fields = Fields(raw, place, ("I", "Q", "mixer", "lo_frequency"))
    in_phase, quadrature = (
        _analog_output(seen, fields.raw(key), fields.at(key)) if fields.require(key) else None for key in ("I", "Q")
    )
    mixer, lo_frequency = mixer_name(seen, fields), fields.number("lo_frequency", 0.0, 0.0)
    if in_phase is None or quadrature is None:
        return None
    _check_together(place, in_phase, quadrature)
    return MixInputs(I=in_phase, Q=quadrature, mixer=mixer, lo_frequency=lo_frequency)


def _check_together(place: Place, in_phase: PortRef, quadrature: PortRef) -> None:
    """Both ports of a mixer are fed by one pulse processor, so by one module (choice)."""
    homes = [f"{ref.controller}/{ref.fem}" for ref in (in_phase, quadrature)]
    if homes[0] != homes[1]:
        place.rule("oneModule", f"I is on {homes[0]} and Q on {homes[1]}; both must be on one controller and FEM")


def _collection(seen: Seen, raw: object, place: Place) -> InputCollection | None:
    fields = Fields(raw, place, ("inputs",))
    if not fields.require("inputs"):
        return None
    inputs: dict[str, PortRef] = {}
    wrong = False
    here = fields.at("inputs")
    for name, value, at in entries(fields.raw("inputs"), here):
        ref = _analog_output(seen, value, at)
        if ref is None:
            wrong = True
        else:
            inputs[name] = ref
    if len({ref.controller for ref in inputs.values()}) > 1:
        here.rule("oneModule", "all inputs must be on one controller")
    if not inputs and not wrong and fields.raw("inputs") == {}:
        here.schema("needs at least one input")
    return None if wrong or not inputs else InputCollection(inputs=inputs)


def _microwave(seen: Seen, raw: object, place: Place) -> MicrowaveInput | None:
    fields = Fields(raw, place, ("port", "upconverter"))
    upconverter = fields.integer("upconverter", 1, 1, 2)
    if not fields.require("port"):
        return None
    ref = _analog_output(seen, fields.raw("port"), fields.at("port"), microwave=True)
    controller = None if ref is None else seen.controllers[ref.controller]
    if ref is None or controller is None:
        return None
    port = controller.fems[ref.fem].analog_outputs[ref.number]
    if isinstance(port, MWAnalogOutput) and upconverter not in port.upconverters:
        declared = " and ".join(map(str, sorted(port.upconverters)))
        message = f"port {ref} has no upconverter {upconverter}; declared: {declared}"
        fields.at("upconverter").rule("upconvertersExist", message)
    return MicrowaveInput(port=ref, upconverter=upconverter)


def _octave_input(seen: Seen, raw: object, place: Place) -> RFPort | None:
    return _octave_port(seen, raw, place, "RF_outputs")


def _octave_port(seen: Seen, raw: object, place: Place, kind: str) -> RFPort | None:
    """A port of an Octave; an element's input is the Octave's RF output and the other way round."""
    fields = Fields(raw, place, ("port",))
    if not fields.require("port"):
        return None
    parts, here = as_list(fields.raw("port")), fields.at("port")
    name, number = (as_name(parts[0]), as_key(parts[1])) if parts is not None and len(parts) == 2 else (None, None)
    if name is None or number is None:
        here.schema(f"must be (octave, port), not {shown(fields.raw('port'))}")
        return None
    if name not in seen.octaves:
        here.rule("octavesExist", f"octave '{name}' is not in octaves; {nearest(name, seen.octaves)}")
        return None
    octave = seen.octaves[name]
    if octave is not None and number not in getattr(octave, kind):
        here.rule("octavesExist", f"octave '{name}' declares no {kind} {number}")
    return RFPort(port=OctavePort(name, number))


def read_outputs(seen: Seen, element: Fields) -> dict[str, Any]:
    """The element's outputs as keywords of its record."""
    given = element.given(*OUTPUT_KINDS)
    if "MWOutput" in given and len(given) > 1:
        element.place.rule("oneOutputKind", f"has {' and '.join(given)}; only one of them is allowed")
    found: dict[str, Any] = {}
    if "outputs" in given:
        ports = entries(element.raw("outputs"), element.at("outputs"))
        refs = {name: _analog_input(seen, raw, here) for name, raw, here in ports}
        found["outputs"] = {name: ref for name, ref in refs.items() if ref is not None}
    if "MWOutput" in given:
        fields = Fields(element.raw("MWOutput"), element.at("MWOutput"), ("port",))
        if fields.require("port"):
            ref = _analog_input(seen, fields.raw("port"), fields.at("port"), microwave=True)
            found["MWOutput"] = None if ref is None else MicrowaveOutput(port=ref)
    if "RF_outputs" in given:
        found["RF_outputs"] = _octave_port(seen, element.raw("RF_outputs"), element.at("RF_outputs"), "RF_inputs")
    return found


def measures(element: Fields) -> bool:
    """Whether the element is given any output, right or wrong; an empty dict of outputs is none."""
    return any(element.raw(kind) != {} for kind in element.given(*OUTPUT_KINDS))


def read_digital(seen: Seen, element: Fields) -> dict[str, Any]:
    """The element's digital inputs and outputs as keywords of its record."""
    found: dict[str, Any] = {"digitalInputs": {}, "digitalOutputs": {}}
    if "digitalInputs" in element:
        for name, raw, here in entries(element.raw("digitalInputs"), element.at("digitalInputs")):
            record = _digital_input(seen, raw, here)
            if record is not None:
                found["digitalInputs"][name] = record
    if "digitalOutputs" in element:
        for name, raw, here in entries(element.raw("digitalOutputs"), element.at("digitalOutputs")):
            ref = seen.port(raw, here, "digital_inputs")
            if ref is not None:
                found["digitalOutputs"][name] = ref
    return found


def _digital_input(seen: Seen, raw: object, place: Place) -> ElementDigitalInput | None:
    fields = Fields(raw, place, ("port", "delay", "buffer"))
    window = limits.DIGITAL_WINDOW_NS
    delay, buffer = fields.need_integer("delay", 0, window), fields.need_integer("buffer", 0, window // 2)
    port = seen.port(fields.raw("port"), fields.at("port"), "digital_outputs") if fields.require("port") else None
    if 0 <= delay <= window and 0 <= buffer <= window // 2 and delay + 2 * buffer > window:
        place.range(f"delay + 2*buffer is {delay + 2 * buffer} ns; must be at most {window}")
    return None if port is None or fields.broken else ElementDigitalInput(port=port, delay=delay, buffer=buffer)
