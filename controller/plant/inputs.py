"""The input ports that a program measures, and the outputs that its elements play on, as the plants need them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from ..._core.config.model import AnalogOutput, Config, Element, MWAnalogInput, PortRef
from ..._core.config.ranges import full_scale_volts
from ..._core.config.simulated import samples_per_ns
from ..._core.engine.hearing import Ear, InputPort, Part
from ..._core.engine.measured import Input, measured_inputs
from ..._core.engine.outputs import Output
from .gain import GAIN

Noise = float | Mapping[PortRef, float]
"""Variance at the inputs in V² per sample: one for all, or by port (0 where none is named)."""

_TURN = 1 << 64


def adc_sign(config: Config, ref: PortRef) -> int:
    """−1 where the converter inverts (OPX and OPX+), else 1 (profile ``adc``)."""
    return -1 if config.fem(ref).type == "OPX" else 1


def input_ports(config: Config, elements: Sequence[str]) -> list[Input]:
    """Inputs that these elements measure, in the order of the elements and of their ``outputs``, once each."""
    return list(dict.fromkeys(each for name in elements for each in measured_inputs(config.elements[name])))


def input_port(config: Config, at: Input, noise: Noise, delay_ns: int, ears: Sequence[Ear]) -> InputPort:
    """An input with its gain, offset and sign from the config; a port that the config does not declare is plain."""
    ref, part = at
    port = config.fem(ref).analog_inputs.get(ref.number)
    variance = noise if isinstance(noise, int | float) else noise.get(ref, 0.0)
    return InputPort(
        ref=ref,
        place=config.place(ref.controller),
        part=part,
        gain=GAIN[port.gain_db] if port is not None else 1.0,
        offset=0.0 if port is None or isinstance(port, MWAnalogInput) else port.offset,
        sigma=math.sqrt(variance),
        sign=adc_sign(config, ref),
        delay_ns=delay_ns,
        ears=tuple(ears),
    )


def played_outputs(element: Element) -> list[tuple[Output, PortRef]]:
    """What an element plays and where: I and Q, or the same on each of its ports; nothing behind an Octave."""
    if element.mixInputs is not None:
        return [(Output.I, element.mixInputs.I), (Output.Q, element.mixInputs.Q)]
    if element.MWInput is not None:
        return [(Output.I, element.MWInput.port), (Output.Q, element.MWInput.port)]
    if element.singleInputCollection is not None:
        return [(Output.SINGLE, ref) for ref in dict.fromkeys(element.singleInputCollection.inputs.values())]
    return [(Output.SINGLE, ref) for ref in element.input_ports.values()]


def ears_at(config: Config, name: str, which: Output, port: PortRef, at: Input) -> list[Ear]:
    """That output of the element, on ``port``, as the input hears it: one ear, or none where it cannot be heard.

    A real input hears outputs in volts, a part of a MW input the same part of a MW output, with the frequency that lies
    between their converters, as far as that can lie in the band of the input.
    """
    element, (ref, part) = config.elements[name], at
    output, heard_at = config.analog_output(port), config.fem(ref).analog_inputs.get(ref.number)
    per_ns = samples_per_ns(output)
    if element.MWInput is None or isinstance(output, AnalogOutput):
        ear = Ear(name, which, port, full_scale=full_scale_volts(output), per_ns=per_ns)
        return [ear] if part == Part.WHOLE else []
    if not isinstance(heard_at, MWAnalogInput) or part != (Part.I if which == Output.I else Part.Q):
        return []
    up, down = output.upconverters[element.MWInput.upconverter].frequency, heard_at.downconverter_frequency
    shift = increment(Fraction(up) - Fraction(down))
    ear = Ear(name, which, port, shift, full_scale_volts(output), per_ns=per_ns)
    return [ear] if abs(shift) < _TURN else []


def increment(frequency_hz: Fraction) -> int:
    """A frequency in 2⁻⁶⁴ turns a ns, rounded to nearest, not wrapped.

    >>> increment(Fraction(-250_000_000)) == -(1 << 62)
    True
    """
    return math.floor(frequency_hz * _TURN / 10**9 + Fraction(1, 2))
