"""The effective config (what ``get_config`` shows), its digest, and waveform overrides.

``effective_config`` writes all defaults out in the schema that users write, so it parses back to an equal ``Config``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from .model import (
    AnalogOutput,
    ArbitraryWaveform,
    Config,
    ConstantWaveform,
    Controller,
    Element,
    Fem,
    MWAnalogOutput,
    Octave,
    PortRef,
    Waveform,
)
from .overrides import apply_overrides

__all__ = ["apply_overrides", "config_digest", "effective_config"]

Ref = Callable[[PortRef], tuple[Any, ...]]


def effective_config(config: Config) -> dict[str, Any]:
    """The config as a dict of plain values with every default filled in; None means absent and is left out."""

    def ref(port: PortRef) -> tuple[Any, ...]:
        """An OPX has no FEMs to name."""
        if config.controllers[port.controller].type != "opx1000":
            return (port.controller, port.number)
        return (port.controller, port.fem, port.number)

    return {
        "controllers": {name: _controller(record) for name, record in config.controllers.items()},
        "octaves": {name: _octave(record, ref) for name, record in config.octaves.items()},
        "mixers": {name: [_plain(entry) for entry in entries] for name, entries in config.mixers.items()},
        "elements": {name: _element(record, ref) for name, record in config.elements.items()},
        "oscillators": {name: _plain(record) for name, record in config.oscillators.items()},
        "pulses": {name: _plain(record) for name, record in config.pulses.items()},
        "waveforms": {name: _waveform(record) for name, record in config.waveforms.items()},
        "digital_waveforms": {name: _plain(record) for name, record in config.digital_waveforms.items()},
        "integration_weights": {name: _plain(record) for name, record in config.integration_weights.items()},
    }


def config_digest(config: Config) -> str:
    """Hex blake2b over the effective config in canonical JSON: the same for equal configs, in every process."""
    text = msgspec.to_builtins(effective_config(config), str_keys=True)
    return hashlib.blake2b(msgspec.json.encode(text, order="deterministic"), digest_size=32).hexdigest()


def _plain(record: msgspec.Struct) -> dict[str, Any]:
    """A record's fields without those that are None; tuples become lists."""
    return {key: _value(value) for key, value in msgspec.structs.asdict(record).items() if value is not None}


def _value(value: Any) -> Any:
    if isinstance(value, msgspec.Struct):
        return _plain(value)
    if isinstance(value, Mapping):
        return {key: _value(item) for key, item in value.items()}
    return [_value(item) for item in value] if isinstance(value, tuple) else value


def _controller(controller: Controller) -> dict[str, Any]:
    if controller.type == "opx1000":
        fems = {index: {"type": fem.type, **_ports(fem)} for index, fem in controller.fems.items()}
        return {"type": controller.type, "fems": fems}
    return {"type": controller.type, **_ports(controller.fems[1])}


def _ports(fem: Fem) -> dict[str, Any]:
    return {
        "analog_outputs": {n: _analog_output(port, fem) for n, port in fem.analog_outputs.items()},
        "analog_inputs": {n: _plain(port) for n, port in fem.analog_inputs.items()},
        "digital_outputs": {n: _plain(port) for n, port in fem.digital_outputs.items()},
        "digital_inputs": {n: _plain(port) for n, port in fem.digital_inputs.items()},
    }


def _analog_output(port: AnalogOutput | MWAnalogOutput, fem: Fem) -> dict[str, Any]:
    values = _plain(port)
    if isinstance(port, AnalogOutput):
        if port.filter is not None:
            values["filter"] = {key: value for key, value in values["filter"].items() if value != []}
        if fem.type == "OPX":
            del values["output_mode"]  # only an LF-FEM has the key
    return values


def _octave(octave: Octave, ref: Ref) -> dict[str, Any]:
    outputs = {}
    for number, port in octave.RF_outputs.items():
        outputs[number] = _plain(port)
        for key in ("I_connection", "Q_connection"):
            connection = getattr(port, key)
            if connection is not None:
                outputs[number][key] = ref(connection)
    values: dict[str, Any] = {
        "RF_outputs": outputs,
        "RF_inputs": {number: _plain(port) for number, port in octave.RF_inputs.items()},
        "IF_outputs": {key: {"port": ref(port.port), "name": port.name} for key, port in octave.IF_outputs.items()},
        "loopbacks": [((device, output), lo_input) for device, output, lo_input in octave.loopbacks],
    }
    if octave.connectivity is not None:
        values["connectivity"] = octave.connectivity
    return values


def _element(element: Element, ref: Ref) -> dict[str, Any]:
    """Inputs and outputs that the element does not have are left out, and with them what only goes with them."""
    values = _with_refs(element, ref)
    for key in ("outputs", "digitalInputs", "digitalOutputs"):
        if not values[key]:
            del values[key]
    if not element.measures:
        values.pop("smearing")
    return {key: value for key, value in values.items() if value is not None}


def _with_refs(value: Any, ref: Ref) -> Any:
    """Plain values in which every port reference is written as a tuple."""
    if isinstance(value, PortRef):
        return ref(value)
    if isinstance(value, msgspec.Struct):
        fields = msgspec.structs.asdict(value)
        names = tuple(fields)
        if names == ("device", "number"):
            return tuple(fields.values())
        return {key: _with_refs(item, ref) for key, item in fields.items()}
    return {key: _with_refs(item, ref) for key, item in value.items()} if isinstance(value, dict) else value


def _waveform(waveform: Waveform) -> dict[str, Any]:
    if isinstance(waveform, ConstantWaveform):
        return {"type": "constant", "sample": waveform.sample}
    if isinstance(waveform, ArbitraryWaveform):
        samples = list(waveform.samples)
        rest = {"max_allowed_error": waveform.max_allowed_error, "sampling_rate": waveform.sampling_rate}
        given = {key: value for key, value in rest.items() if value is not None}
        return {"type": "arbitrary", "samples": samples, "is_overridable": waveform.is_overridable, **given}
    return {"type": "array", "samples_array": [list(row) for row in waveform.samples_array]}
