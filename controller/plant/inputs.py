"""The input ports that a program measures, and the outputs that its elements play on, as the plants need them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ..._core.config.model import AnalogInput, Config, Element, PortRef
from ..._core.engine.hearing import Ear, InputPort
from ..._core.engine.outputs import Output
from .gain import GAIN

Noise = float | Mapping[PortRef, float]
"""Variance at the inputs in V² per sample: one for all, or by port (0 where none is named)."""


def adc_sign(config: Config, ref: PortRef) -> int:
    """−1 where the converter inverts (OPX and OPX+), else 1 (profile ``adc``)."""
    return -1 if config.fem(ref).type == "OPX" else 1


def input_ports(config: Config, elements: Sequence[str]) -> list[PortRef]:
    """Inputs that these elements measure, in the order of the elements and of their ``outputs``, once each."""
    return list(dict.fromkeys(ref for name in elements for ref in config.elements[name].outputs.values()))


def input_port(config: Config, ref: PortRef, noise: Noise, delay_ns: int, ears: Sequence[Ear]) -> InputPort:
    """An input with its gain, offset and sign from the config; a port that the config does not declare is plain."""
    declared = config.fem(ref).analog_inputs.get(ref.number)
    port = declared if isinstance(declared, AnalogInput) else AnalogInput()
    variance = noise if isinstance(noise, int | float) else noise.get(ref, 0.0)
    return InputPort(
        ref=ref,
        gain=GAIN[port.gain_db],
        offset=port.offset,
        sigma=math.sqrt(variance),
        sign=adc_sign(config, ref),
        delay_ns=delay_ns,
        ears=tuple(ears),
    )


def played_outputs(element: Element) -> list[tuple[Output, PortRef]]:
    """What an element plays and where: I and Q, or the single port; nothing for kinds that programs cannot use yet."""
    if element.mixInputs is not None:
        return [(Output.I, element.mixInputs.I), (Output.Q, element.mixInputs.Q)]
    if element.singleInput is not None:
        return [(Output.SINGLE, element.singleInput.port)]
    return []
