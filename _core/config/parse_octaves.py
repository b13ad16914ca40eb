"""Reading ``octaves``: enough to check and keep them. Elements that use an Octave come later."""

from __future__ import annotations

from typing import Literal

from . import limits
from .issues import shown
from .model import Octave, OctaveIFOutput, OctaveRFInput, OctaveRFOutput, PortRef
from .reading import Fields, Place, as_key, as_list, as_name, entries, nearest, numbered
from .seen import Seen

_KEYS = ("RF_outputs", "RF_inputs", "IF_outputs", "connectivity", "loopbacks")
_RF_OUTPUT_KEYS = (
    "LO_frequency",
    "LO_source",
    "output_mode",
    "gain",
    "input_attenuators",
    "I_connection",
    "Q_connection",
)
_RF_INPUT_KEYS = ("RF_source", "LO_frequency", "LO_source", "IF_mode_I", "IF_mode_Q")
_DEMODULATION_LO_SOURCES = ("internal", "external", "Dmd1LO", "Dmd2LO", "analyzer", "off")
_IF_NAMES = {"IF_out1": "out1", "IF_out2": "out2"}


def read_octaves(seen: Seen) -> None:
    """Fill ``seen.octaves`` from the raw section."""
    raw, place, most = seen.section("octaves")
    for name, value, here in entries(raw, place, most):
        seen.octaves[name] = _octave(seen, value, here)


def _octave(seen: Seen, raw: object, place: Place) -> Octave | None:
    fields = Fields(raw, place, _KEYS)
    outputs: dict[int, OctaveRFOutput] = {}
    if "RF_outputs" in fields:
        for number, value, here in numbered(fields.raw("RF_outputs"), fields.at("RF_outputs"), 5, "RF output"):
            outputs[number] = _rf_output(seen, Fields(value, here, _RF_OUTPUT_KEYS))
    inputs: dict[int, OctaveRFInput] = {}
    if "RF_inputs" in fields:
        for number, value, here in numbered(fields.raw("RF_inputs"), fields.at("RF_inputs"), 2, "RF input"):
            inputs[number] = _rf_input(number, Fields(value, here, _RF_INPUT_KEYS))
    explicit = any(port.I_connection or port.Q_connection for port in outputs.values())
    if "connectivity" in fields and explicit:
        fields.at("connectivity").rule("connectivity", "cannot be combined with I_connection and Q_connection")
    octave = Octave(
        RF_outputs=outputs,
        RF_inputs=inputs,
        IF_outputs=_if_outputs(seen, fields),
        connectivity=_connectivity(seen, fields),
        loopbacks=_loopbacks(fields),
    )
    return None if fields.broken else octave


def _rf_output(seen: Seen, fields: Fields) -> OctaveRFOutput:
    sources: tuple[Literal["internal", "external"], ...] = ("internal", "external")
    modes: tuple[Literal["always_off", "always_on", "triggered", "triggered_reversed"], ...]
    modes = ("always_off", "always_on", "triggered", "triggered_reversed")
    attenuators: dict[str, Literal["OFF", "ON"]] = {"OFF": "OFF", "ON": "ON", "off": "OFF", "on": "ON"}
    gain = fields.number("gain", 0.0, *limits.OCTAVE_GAIN_DB)
    if not (2 * gain).is_integer():
        fields.at("gain").range(f"is {gain:.10g} dB; must be a multiple of 0.5")
    return OctaveRFOutput(
        LO_frequency=fields.number("LO_frequency", None, *limits.OCTAVE_LO_HZ),
        LO_source=fields.choice("LO_source", "internal", sources),
        output_mode=fields.choice("output_mode", "always_off", modes),
        gain=gain,
        input_attenuators=fields.choice("input_attenuators", "OFF", attenuators),
        I_connection=_port(seen, fields, "I_connection"),
        Q_connection=_port(seen, fields, "Q_connection"),
    )


def _port(seen: Seen, fields: Fields, key: str) -> PortRef | None:
    return seen.port(fields.raw(key), fields.at(key), "analog_outputs") if key in fields else None


def _rf_input(number: int, fields: Fields) -> OctaveRFInput:
    modes: tuple[Literal["direct", "envelope", "mixer", "off"], ...] = ("direct", "envelope", "mixer", "off")
    source = fields.name("RF_source", "RF_in")
    if number == 1 and source != "RF_in":
        fields.at("RF_source").rule("RFSource", f"RF input 1 is fed by RF_in only, not by {shown(source)}")
    return OctaveRFInput(
        RF_source=source,
        LO_frequency=fields.number("LO_frequency", None, *limits.OCTAVE_LO_HZ),
        LO_source=fields.choice("LO_source", "internal" if number == 1 else "external", _DEMODULATION_LO_SOURCES),
        IF_mode_I=fields.choice("IF_mode_I", "direct", modes),
        IF_mode_Q=fields.choice("IF_mode_Q", "direct", modes),
    )


def _if_outputs(seen: Seen, fields: Fields) -> dict[str, OctaveIFOutput]:
    outputs: dict[str, OctaveIFOutput] = {}
    if "IF_outputs" not in fields:
        return outputs
    place = fields.at("IF_outputs")
    section = Fields(fields.raw("IF_outputs"), place, _IF_NAMES)
    for key in section.given(*_IF_NAMES):
        inner = Fields(section.raw(key), section.at(key), ("port", "name"))
        name = inner.name("name", _IF_NAMES[key])
        if inner.require("port"):
            port = seen.port(inner.raw("port"), inner.at("port"), "analog_inputs")
            if port is not None:
                outputs[key] = OctaveIFOutput(port=port, name=name)
    return outputs


def _connectivity(seen: Seen, fields: Fields) -> tuple[str, int] | None:
    """A controller's name, or (controller, fem)."""
    if "connectivity" not in fields:
        return None
    raw, place = fields.raw("connectivity"), fields.at("connectivity")
    parts = as_list(raw)
    if parts is None:
        parts = (raw, 1)
    name, fem = (as_name(parts[0]), as_key(parts[1])) if len(parts) == 2 else (None, None)
    if name is None or fem is None or not 1 <= fem <= limits.FEMS_MAX:
        place.schema(f"must be a controller or (controller, fem), not {shown(raw)}")
        return None
    if name not in seen.controllers:
        place.rule("controllersExist", f"controller '{name}' is not in controllers; {nearest(name, seen.controllers)}")
    return name, fem


def _loopbacks(fields: Fields) -> tuple[tuple[str, str, str], ...]:
    """Each cable as ((octave, output), input)."""
    if "loopbacks" not in fields:
        return ()
    cables = []
    raw = as_list(fields.raw("loopbacks"))
    if raw is None or len(raw) > limits.ENTRY_KEYS_MAX:
        fields.mismatch("loopbacks", "a short list of ((octave, output), input)")
        return ()
    for index, item in enumerate(raw):
        cable = as_list(item) or ()
        source = (as_list(cable[0]) if len(cable) == 2 else None) or ()
        names = [as_name(part) for part in (*source, *cable[1:])]
        if len(names) != 3 or None in names:
            fields.at("loopbacks").item(index).schema(f"must be ((octave, output), input), not {shown(item)}")
        else:
            cables.append((str(names[0]), str(names[1]), str(names[2])))
    return tuple(cables)
