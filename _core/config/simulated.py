"""The ports whose samples a simulation of a config makes, and how much they take."""

from __future__ import annotations

import msgspec

from .model import AnalogInput, AnalogOutput, Config, MWAnalogInput, MWAnalogOutput, PortRef

ANALOG_BYTES = 2
"""Of one analog sample: a code of 16 bits."""


class SimulatedOutput(msgspec.Struct, frozen=True):
    """An analog output, or one up-converter of a MW output (``upconverter`` 0: none), whose samples are I and Q."""

    ref: PortRef
    upconverter: int
    samples_per_ns: int

    @property
    def parts(self) -> int:
        """1, or 2 where each sample is I and Q."""
        return 2 if self.upconverter else 1

    @property
    def key(self) -> str:
        """How it is called beside its controller: "fem-port", or "fem-port-upconverter"."""
        name = f"{self.ref.fem}-{self.ref.number}"
        return f"{name}-{self.upconverter}" if self.upconverter else name


def simulated_outputs(config: Config) -> tuple[SimulatedOutput, ...]:
    """All analog outputs that the config declares, by controller, FEM, number and up-converter.

    An LF-FEM plays 2 samples a ns whatever the rate of its waveforms, a MW-FEM as many as they have.
    """
    found: list[SimulatedOutput] = []
    for name, controller in config.controllers.items():
        for fem, module in sorted(controller.fems.items()):
            for number, port in sorted(module.analog_outputs.items()):
                ref = PortRef(name, fem, number)
                if isinstance(port, AnalogOutput):
                    found.append(SimulatedOutput(ref, 0, 2 if module.type == "LF" else 1))
                else:
                    found += [SimulatedOutput(ref, n, samples_per_ns(port)) for n in sorted(port.upconverters)]
    return tuple(found)


def samples_per_ns(port: AnalogOutput | MWAnalogOutput | AnalogInput | MWAnalogInput) -> int:
    """How many samples a ns an analog port has: 1, or 2 at 2 GS/s."""
    return 2 if port.sampling_rate == 2e9 else 1


def digital_outputs(config: Config) -> tuple[PortRef, ...]:
    """All digital outputs that the config declares, likewise."""
    return tuple(
        PortRef(name, fem, number)
        for name, controller in config.controllers.items()
        for fem, module in sorted(controller.fems.items())
        for number in sorted(module.digital_outputs)
    )


def simulated_bytes(config: Config, duration_ns: int) -> int:
    """What the samples of a simulation take: ANALOG_BYTES each, of I and Q separately, and 1 a ns and digital output.

    >>> simulated_bytes(Config(), 1000)
    0
    """
    analog = sum(output.samples_per_ns * output.parts for output in simulated_outputs(config))
    return duration_ns * (ANALOG_BYTES * analog + len(digital_outputs(config)))
