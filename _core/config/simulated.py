"""The ports whose samples a simulation of a config makes, and how much they take."""

from __future__ import annotations

from .model import AnalogOutput, Config, PortRef

ANALOG_BYTES = 2
"""Of one analog sample: a code of 2⁻¹⁶ V."""


def analog_outputs(config: Config) -> tuple[PortRef, ...]:
    """All analog outputs that the config declares, by controller, FEM and number."""
    return tuple(
        PortRef(name, fem, number)
        for name, controller in config.controllers.items()
        for fem, module in sorted(controller.fems.items())
        for number, port in sorted(module.analog_outputs.items())
        if isinstance(port, AnalogOutput)
    )


def digital_outputs(config: Config) -> tuple[PortRef, ...]:
    """All digital outputs that the config declares, likewise."""
    return tuple(
        PortRef(name, fem, number)
        for name, controller in config.controllers.items()
        for fem, module in sorted(controller.fems.items())
        for number in sorted(module.digital_outputs)
    )


def simulated_bytes(config: Config, duration_ns: int) -> int:
    """What the samples of a simulation take: ANALOG_BYTES a ns and analog output, 1 a ns and digital one.

    >>> simulated_bytes(Config(), 1000)
    0
    """
    return duration_ns * (ANALOG_BYTES * len(analog_outputs(config)) + len(digital_outputs(config)))
