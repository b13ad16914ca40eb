"""What a cable brings from an analog output to an input: the elements there, later by the port's delay, through its FIR
filter, what crosstalk adds, and the DC offset (docs/arithmetic.md 5).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from ..._core.config.model import AnalogOutput, Config, MWAnalogOutput, PortRef
from ..._core.config.ranges import full_scale_volts
from ..._core.config.simulated import samples_per_ns
from ..._core.engine.hearing import Ear, Level, Part, Tail
from ..._core.engine.measured import Input
from ..._core.engine.outputs import Output
from .inputs import ears_at, played_outputs
from .outputs import exponentials


def place_of(ref: PortRef) -> tuple[str, int, int]:
    """The order of ports."""
    return ref.controller, ref.fem, ref.number


def ears_of_wires(config: Config, name: str, wired: Sequence[PortRef], at: Input) -> Iterator[Ear]:
    """An element as an input hears it through the outputs ``wired`` to it: what it plays there, then what it brings to
    them by crosstalk, output by output."""
    played = played_outputs(config.elements[name])
    for which, port in played:
        if port in wired and not has_tail(config.analog_output(port)):
            yield from _through(config, name, which, port, port, 1.0, at)
    for output in wired:
        for which, source in played:
            factor = _crosstalk(config, source, output)
            if factor is not None and not has_tail(config.analog_output(output)):
                yield from _through(config, name, which, source, output, factor, at)


def tails_of_wires(config: Config, elements: Sequence[str], wired: Sequence[PortRef], at: Input) -> tuple[Tail, ...]:
    """The outputs of which an input hears every sample, since their filters have a memory without end, or take two
    samples a ns."""
    found = []
    for ref in wired:
        port = _declared(config, ref)
        if isinstance(port, AnalogOutput) and at[1] == Part.WHOLE and has_tail(port):
            assert port.filter is not None
            found.append(
                Tail(
                    port=ref,
                    sources=_played_on(config, elements, ref, at),
                    crosstalk=tuple(
                        (_played_on(config, elements, PortRef(ref.controller, ref.fem, number), at), factor)
                        for number, factor in port.crosstalk.items()
                    ),
                    fir=port.filter.feedforward,
                    iir=port.filter.feedback,
                    exponentials=exponentials(port.filter),
                    per_ns=samples_per_ns(port),
                    delay_ns=port.delay,
                    full_scale=full_scale_volts(port),
                )
            )
    return tuple(found)


def _played_on(config: Config, elements: Sequence[str], port: PortRef, at: Input) -> tuple[Ear, ...]:
    """What the elements play on an output in volts."""
    return tuple(
        ear
        for name in elements
        for which, played in played_outputs(config.elements[name])
        if played == port
        for ear in ears_at(config, name, which, port, at)
    )


def has_tail(port: AnalogOutput | MWAnalogOutput) -> bool:
    """Whether an output is heard sample after sample: behind a filter with a memory without end, or any at 2 GS/s."""
    if not isinstance(port, AnalogOutput) or port.filter is None:
        return False
    return port.filter.is_endless or (port.sampling_rate == 2e9 and bool(port.filter.feedforward))


def levels_of_wires(
    config: Config, wired: Sequence[PortRef], at: Input, places: Sequence[PortRef]
) -> tuple[Level, ...]:
    """The DC offsets that come with the cables; microwaves have none."""
    found = []
    for ref in wired:
        port = _declared(config, ref)
        if isinstance(port, AnalogOutput) and at[1] == Part.WHOLE:
            volts, place, range_volts = port.offset, places.index(ref), full_scale_volts(port)
            found.append(Level(port=ref, place=place, volts=volts, delay_ns=port.delay, full_scale=range_volts))
    return tuple(found)


def fir_of(port: AnalogOutput | MWAnalogOutput) -> tuple[float, ...]:
    """The taps through which a port is heard that is not heard sample after sample."""
    taps = port.filter if isinstance(port, AnalogOutput) else None
    return () if taps is None else taps.feedforward


def _through(
    config: Config, name: str, which: Output, source: PortRef, port: PortRef, factor: float, at: Input
) -> Iterator[Ear]:
    """The ears for what an element plays on ``source`` and so brings to an output: one, or one for each tap of the
    output's filter."""
    output = config.analog_output(port)
    full_scale = full_scale_volts(output)
    for ear in ears_at(config, name, which, source, at):
        for k, tap in enumerate(fir_of(output) or (1.0,)):
            yield msgspec.structs.replace(
                ear,
                port=port,
                full_scale=full_scale,
                delay_ns=output.delay + k,
                factor=factor * tap,
                played=None if source == port else source,
                per_ns=min(ear.per_ns, samples_per_ns(output)),
            )


def _crosstalk(config: Config, source: PortRef, output: PortRef) -> float | None:
    """What of one output is added to another, None where nothing is."""
    port = _declared(config, output)
    if not isinstance(port, AnalogOutput) or (source.controller, source.fem) != (output.controller, output.fem):
        return None
    return port.crosstalk.get(source.number)


def _declared(config: Config, ref: PortRef) -> AnalogOutput | MWAnalogOutput | None:
    """An output, if the config has it: a cable may lead from ports of others."""
    controller = config.controllers.get(ref.controller)
    module = controller.fems.get(ref.fem) if controller is not None else None
    return module.analog_outputs.get(ref.number) if module is not None else None
