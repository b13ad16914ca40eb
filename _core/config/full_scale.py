"""What the converters play of a config: a value at the upper end of a range is one step below it.

A converter from −P to P has 2¹⁶ steps, of which P(1 − 2⁻¹⁵) is the highest. A config may say P for as much as there is
(a sample of 1.0 on a MW output, 0.5 V, 2.5 V amplified); as it stands it would wrap to −P.
"""

from __future__ import annotations

import msgspec

from .element_rules import played_ports, sample_limit, waveform_extent
from .model import AnalogOutput, ArbitraryWaveform, Config, ConstantWaveform, Controller, Waveform
from .ranges import full_scale_volts, highest


def as_played(config: Config) -> Config:
    """The config with samples and DC offsets between the highest step and the limit of their outputs at that step."""
    allowed = sample_limits(config)
    waveforms = {
        name: within(waveform, allowed[name]) if name in allowed else waveform
        for name, waveform in config.waveforms.items()
    }
    controllers = {name: _controller(controller) for name, controller in config.controllers.items()}
    return msgspec.structs.replace(config, waveforms=waveforms, controllers=controllers)


def sample_limits(config: Config) -> dict[str, float]:
    """The limit of the samples of each waveform, given the ports of all elements that play it."""
    found: dict[str, float] = {}
    for element in config.elements.values():
        limit = sample_limit(played_ports(config.controllers, element))
        for pulse in element.operations.values():
            for name in config.pulses[pulse].waveforms.values():
                found[name] = min(limit, found.get(name, limit))
    return found


def within(waveform: Waveform, limit: float) -> Waveform:
    """The waveform with no sample above the highest step below the limit."""
    top = highest(limit)
    if waveform_extent(waveform)[1] <= top:
        return waveform
    if isinstance(waveform, ConstantWaveform):
        return ConstantWaveform(sample=top)
    if isinstance(waveform, ArbitraryWaveform):
        return msgspec.structs.replace(waveform, samples=_kept(waveform.samples, top))
    return msgspec.structs.replace(waveform, samples_array=tuple(_kept(row, top) for row in waveform.samples_array))


def _kept(samples: tuple[float, ...], top: float) -> tuple[float, ...]:
    return tuple(min(sample, top) for sample in samples)


def _controller(controller: Controller) -> Controller:
    fems = {}
    for index, fem in controller.fems.items():
        outputs = {
            number: msgspec.structs.replace(port, offset=min(port.offset, highest(full_scale_volts(port))))
            if isinstance(port, AnalogOutput)
            else port
            for number, port in fem.analog_outputs.items()
        }
        fems[index] = msgspec.structs.replace(fem, analog_outputs=outputs)
    return msgspec.structs.replace(controller, fems=fems)
