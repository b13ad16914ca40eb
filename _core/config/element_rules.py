"""What an element's ports demand of its frequency, its pulses and their waveforms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import limits
from .model import (
    AnalogOutput,
    ArbitraryWaveform,
    ConstantWaveform,
    Controller,
    Element,
    MWAnalogOutput,
    Waveform,
)
from .parse_pulses import check_rate, sample_count
from .ranges import full_scale_volts, highest
from .reading import Place, between
from .seen import Seen

_IF_LIMIT_HZ = {1e9: 500e6, 2e9: 1e9}
"""Highest magnitude of an intermediate frequency by the port's rate; at 2 GS/s half the rate (choice)."""


def check_ports_in_use(seen: Seen, name: str, element: Element, place: Place) -> None:
    """All rules that need an element and the ports it plays on."""
    ports = played_ports(seen.controllers, element)
    rate = max((port.sampling_rate for port in ports), default=1e9)
    _check_frequency(seen, element, rate, place)
    _check_mixer(seen, element, place)
    _check_core(seen, name, element, place)
    if element.sticky is not None and any(isinstance(p, AnalogOutput) and p.sampling_rate == 2e9 for p in ports):
        place.under("sticky").rule("sticky", "a port at 2 GS/s cannot be sticky")
    limit = sample_limit(ports)
    memory: dict[str, int] = {}
    for pulse in (seen.pulses.get(pulse_name) for pulse_name in dict.fromkeys(element.operations.values())):
        if pulse is None:
            continue
        for waveform_name in pulse.waveforms.values():
            waveform = seen.waveforms.get(waveform_name)
            if waveform is not None and waveform_name not in memory:
                memory[waveform_name] = sample_count(waveform)
                _check_samples(seen, waveform_name, name, limit)
    if ports:  # of ports that could not be read the rate is not known
        _check_rates(seen, element, rate)
    if sum(memory.values()) > limits.WAVEFORM_MEMORY:
        message = f"its waveforms hold {sum(memory.values())} samples; {limits.WAVEFORM_MEMORY} fit without compression"
        place.rule("waveformMemory", message, "warning")


def _check_core(seen: Seen, name: str, element: Element, place: Place) -> None:
    """A core is a thread of one controller (choice)."""
    homes = sorted({port.controller for port in element.input_ports.values()})
    if element.core is None or not homes:
        return
    first, home = seen.cores.setdefault(element.core, (name, homes[0]))
    if home != homes[0]:
        which = f"element '{first}' of core '{element.core}' is on {home}, this one on {homes[0]}"
        place.under("core").rule("core", f"{which}; a core is of one controller")


def played_ports(controllers: Mapping[str, Controller | None], element: Element) -> list[AnalogOutput | MWAnalogOutput]:
    """The declared analog outputs that an element plays on."""
    found = []
    for ref in element.input_ports.values():
        controller = controllers.get(ref.controller)
        if controller is not None:
            found.append(controller.fems[ref.fem].analog_outputs[ref.number])
    return found


def sample_limit(ports: Iterable[AnalogOutput | MWAnalogOutput]) -> float:
    """Samples are −limit … limit on all of the ports: volts, or 1 of a MW output."""
    return min(map(_limit, ports), default=limits.AMPLIFIED_VOLTS)


def _limit(port: AnalogOutput | MWAnalogOutput) -> float:
    return 1.0 if isinstance(port, MWAnalogOutput) else full_scale_volts(port)


def waveform_extent(waveform: Waveform) -> tuple[float, float]:
    """Lowest and highest sample of a waveform."""
    if isinstance(waveform, ConstantWaveform):
        return waveform.sample, waveform.sample
    if isinstance(waveform, ArbitraryWaveform):
        return min(waveform.samples), max(waveform.samples)
    return min(map(min, waveform.samples_array)), max(map(max, waveform.samples_array))


def _check_samples(seen: Seen, name: str, element: str, limit: float) -> None:
    """A waveform that an element plays must lie within what its ports can play."""
    waveform = seen.waveforms[name]
    if waveform is None:
        return
    if name not in seen.extents:
        seen.extents[name] = waveform_extent(waveform)
    low, high = seen.extents[name]
    place = Place(seen.report, "waveforms", f"waveforms.{name}")
    if low < -limit or high > limit:
        worst = low if low < -limit else high
        place.rule("range", f"has a sample of {worst:.10g}; element '{element}' can play {between(-limit, limit)}")
    elif high > highest(limit):
        # scripts in the field write 0.5 for "as much as there is"
        message = f"has a sample of {high:.10g}; the converter plays {highest(limit):.10g} at most, and that is played"
        place.rule("range", message, "warning")


def _check_rates(seen: Seen, element: Element, rate: float) -> None:
    for name in dict.fromkeys(element.operations.values()):
        pulse = seen.pulses.get(name)
        if pulse is not None:
            check_rate(pulse, rate, seen.waveforms, Place(seen.report, "pulses", f"pulses.{name}"))


def _check_frequency(seen: Seen, element: Element, rate: float, place: Place) -> None:
    """The frequency, the element's own or its oscillator's, must be one that the ports' rate can carry."""
    key, frequency = "intermediate_frequency", element.intermediate_frequency
    if element.oscillator is not None:
        oscillator = seen.oscillators.get(element.oscillator)
        key, frequency = "oscillator", None if oscillator is None else oscillator.intermediate_frequency
    limit = _IF_LIMIT_HZ.get(rate, _IF_LIMIT_HZ[2e9])
    if frequency is not None and abs(frequency) > limit:
        place.under(key).range(f"is {frequency:.10g} Hz; must be within ±{limit:.10g} Hz")


def _check_mixer(seen: Seen, element: Element, place: Place) -> None:
    """A mixer without an entry for exactly this (IF, LO) corrects nothing: a warning."""
    if element.mixInputs is None:
        return
    mixer, lo_frequency = element.mixInputs.mixer, element.mixInputs.lo_frequency
    frequency = element.intermediate_frequency
    if element.oscillator is not None:
        shared = seen.oscillators.get(element.oscillator)
        if shared is None:
            return
        frequency = shared.intermediate_frequency
        mixer, lo_frequency = (shared.mixer, shared.lo_frequency) if shared.mixer else (mixer, lo_frequency)
    corrections = seen.mixers.get(mixer)
    if corrections is None or frequency is None:
        return
    if not any((c.intermediate_frequency, c.lo_frequency) == (frequency, lo_frequency) for c in corrections):
        pair = f"IF {frequency:.10g} Hz and LO {lo_frequency:.10g} Hz"
        message = f"mixer '{mixer}' has no entry for {pair}: no correction is made"
        place.under("mixInputs").under("mixer").rule("mixerEntries", message, "warning")
