"""The analog outputs of a config, with what the elements of a program play on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..._core.config import Config, PortRef, analog_outputs
from ..._core.config.model import AnalogOutput
from ..._core.engine.image import Image
from ..._core.engine.outputs import Output, OutputPort
from .inputs import played_outputs

Steps = Sequence[tuple[int, float]]
"""(ns, V): what an offset changes to, in the order of time."""


def output_ports(config: Config, image: Image, steps: Mapping[PortRef, Steps] | None = None) -> list[OutputPort]:
    """All analog outputs of the config, with what the elements of an image play on them; ``steps`` of their offsets."""
    sources: dict[PortRef, list[tuple[int, Output]]] = {}
    for number, element in enumerate(image.element_info):
        for which, ref in played_outputs(config.elements[element.name]):
            sources.setdefault(ref, []).append((number, which))
    changes = steps or {}
    return [_output_port(config, ref, sources.get(ref, []), changes.get(ref, ())) for ref in analog_outputs(config)]


def _output_port(config: Config, ref: PortRef, sources: Sequence[tuple[int, Output]], steps: Steps) -> OutputPort:
    port = config.analog_output(ref)
    assert isinstance(port, AnalogOutput)
    taps = port.filter
    return OutputPort(
        ref=ref,
        offset=port.offset,
        steps=tuple(steps),
        delay_ns=port.delay,
        fir=taps.feedforward if taps is not None else (),
        iir=taps.feedback if taps is not None else (),
        sources=tuple(sources),
        crosstalk=tuple((PortRef(ref.controller, ref.fem, number), f) for number, f in port.crosstalk.items()),
    )
