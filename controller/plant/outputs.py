"""The analog outputs of a config, with what the elements of a program play on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..._core.config import Config, PortRef, SimulatedOutput, simulated_outputs
from ..._core.config.model import AnalogOutputFilter, MWAnalogOutput
from ..._core.config.ranges import full_scale_volts
from ..._core.config.simulated import samples_per_ns
from ..._core.engine.image import Image
from ..._core.engine.outputs import Exponentials, Output, OutputPort
from .inputs import played_outputs

Steps = Sequence[tuple[int, float]]
"""(ns, V): what an offset changes to, in the order of time."""


def output_ports(config: Config, image: Image, steps: Mapping[PortRef, Steps] | None = None) -> list[OutputPort]:
    """All analog outputs of the config with what the elements of an image play on them; of MW outputs I, then Q.

    ``steps``: those of their offsets.
    """
    changes = steps or {}
    return [
        port
        for output in simulated_outputs(config)
        for port in _parts(config, image, output, changes.get(output.ref, ()))
    ]


def _parts(config: Config, image: Image, output: SimulatedOutput, steps: Steps) -> list[OutputPort]:
    port = config.analog_output(output.ref)
    if isinstance(port, MWAnalogOutput):
        return [
            OutputPort(
                ref=output.ref,
                upconverter=output.upconverter,
                per_ns=output.samples_per_ns,
                full_scale=1.0,
                delay_ns=port.delay,
                sources=_sources(config, image, output, part),
            )
            for part in (Output.I, Output.Q)
        ]
    taps = port.filter or AnalogOutputFilter()
    return [
        OutputPort(
            ref=output.ref,
            per_ns=samples_per_ns(port),
            upsampling=port.upsampling_mode,
            full_scale=full_scale_volts(port),
            offset=port.offset,
            steps=tuple(steps),
            delay_ns=port.delay,
            fir=taps.feedforward,
            iir=taps.feedback,
            exponentials=exponentials(taps),
            sources=_sources(config, image, output, None),
            crosstalk=tuple((PortRef(output.ref.controller, output.ref.fem, n), f) for n, f in port.crosstalk.items()),
        )
    ]


def _sources(
    config: Config, image: Image, output: SimulatedOutput, part: Output | None
) -> tuple[tuple[int, Output], ...]:
    """The elements on an output, through its up-converter where it has one, and which of their outputs it carries."""
    found = []
    for number, info in enumerate(image.element_info):
        element = config.elements[info.name]
        if element.MWInput is not None and element.MWInput.upconverter != output.upconverter:
            continue
        for which, ref in played_outputs(element):
            if ref == output.ref and ref in info.inputs and part in (None, which):
                found.append((number, which))
    return tuple(found)


def exponentials(taps: AnalogOutputFilter) -> tuple[Exponentials, ...]:
    """What undoes the exponentials of a line; the older high_pass is a stage of its own."""
    stages = []
    if taps.exponential or taps.exponential_dc_gain is not None:
        gain = 1.0 if taps.exponential_dc_gain is None else taps.exponential_dc_gain
        stages.append(Exponentials(dc_gain=gain, terms=taps.exponential))
    if taps.high_pass is not None:
        stages.append(Exponentials(dc_gain=0.0, terms=((1.0, taps.high_pass),)))
    return tuple(stages)
