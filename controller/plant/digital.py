"""What digital inputs hear: the markers on digital outputs (docs/arithmetic.md 20)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ..._core.config.model import Config, PortRef
from ..._core.engine.hearing import DigitalLine, DigitalPort, Marker, Photons

HIGH_VOLTS = 3.3
"""The level of a digital output and of light; an input with a threshold that this does not pass hears nothing."""

Cable = tuple[PortRef, PortRef]
"""(digital output, digital input)."""


def digital_inputs(config: Config) -> list[PortRef]:
    """The digital inputs that any element of the config has, once each."""
    return list(dict.fromkeys(ref for element in config.elements.values() for ref in element.digitalOutputs.values()))


def straight(config: Config) -> list[Cable]:
    """A cable from each digital output to the input of its number."""
    return [(ref, ref) for ref in digital_inputs(config) if _declared(config, ref)]


def digital_ports(
    config: Config, elements: Sequence[str], cables: Iterable[Cable] = (), latency_ns: int | None = None
) -> tuple[DigitalPort, ...]:
    """All digital inputs; ``elements``: those of the program. ``latency_ns`` None: the smallest time of flight of the
    elements that have the input. Cables from outputs that the config does not declare do nothing."""
    wires = [cable for cable in dict.fromkeys(cables) if _declared(config, cable[0])]
    ports = []
    for ref in digital_inputs(config):
        rules, outputs = config.digital_input(ref), [output for output, heard_at in wires if heard_at == ref]
        ports.append(
            DigitalPort(
                ref=ref,
                place=config.place(ref.controller),
                falling=rules.polarity == "FALLING",
                dead_ns=rules.deadtime,
                delay_ns=_flight(config, ref) if latency_ns is None else latency_ns,
                lines=tuple(_line(config, elements, output) for output in outputs) if _hears(config, ref) else (),
            )
        )
    return tuple(ports)


def lit(config: Config, ports: Iterable[DigitalPort], light: Photons) -> tuple[DigitalPort, ...]:
    """The same inputs with light, where they hear anything at all."""
    return tuple(msgspec.structs.replace(port, photons=light) if _hears(config, port.ref) else port for port in ports)


def _hears(config: Config, ref: PortRef) -> bool:
    return config.digital_input(ref).threshold < HIGH_VOLTS


def _declared(config: Config, ref: PortRef) -> bool:
    controller = config.controllers.get(ref.controller)
    module = controller.fems.get(ref.fem) if controller is not None else None
    return module is not None and ref.number in module.digital_outputs


def _line(config: Config, elements: Sequence[str], output: PortRef) -> DigitalLine:
    markers = [
        Marker(name, digital.delay, digital.buffer)
        for name in elements
        for digital in config.elements[name].digitalInputs.values()
        if digital.port == output
    ]
    return DigitalLine(config.digital_output(output).inverted, tuple(markers))


def _flight(config: Config, ref: PortRef) -> int:
    """The smallest time of flight of the elements that have a digital input; 0 for those that have none."""
    owners = [element for element in config.elements.values() if ref in element.digitalOutputs.values()]
    return min(element.time_of_flight or 0 for element in owners)
