"""The plants: which input hears which output, with what delay (docs/arithmetic.md 5). Pure functions.

``elements`` are the names of a program's elements, in the order of first use. Echo is what makes readout work without
any hardware model; loopback is a cable from an output to an input; none is silence (noise and offset remain).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ..._core.config.model import Config, PortRef
from ..._core.engine.hearing import Ear, Hearing
from ..._core.engine.measured import Input, measured_inputs
from ..._core.engine.outputs import Output
from ..._core.errors import AskedWrongly
from .digital import Cable, digital_ports, straight
from .inputs import Noise, ears_at, input_port, input_ports, played_outputs
from .wires import ears_of_wires, levels_of_wires, place_of, tails_of_wires


def none(config: Config, elements: Sequence[str], noise: Noise = 0.0) -> Hearing:
    """Inputs that hear nothing."""
    ports = tuple(input_port(config, at, noise, 0, ()) for at in input_ports(config, elements))
    return Hearing(ports=ports, digital=digital_ports(config, elements))


def echo(config: Config, elements: Sequence[str], noise: Noise = 0.0) -> Hearing:
    """Each input hears all elements that measure it, delayed by the smallest of their times of flight.

    So a pulse fills its own window. Where the times differ, the event ``tof_disagree`` names the input. A digital input
    hears the digital output of its number.
    """
    ports, events = [], []
    for at in input_ports(config, elements):
        hearable = [name for name in elements if at in measured_inputs(config.elements[name])]
        times = [config.elements[name].time_of_flight or 0 for name in hearable]
        if len(set(times)) > 1:
            events.append(("tof_disagree", at[0]))
        ears = [ear for name in hearable for ear in _echo_ears(config, name, at)]
        ports.append(input_port(config, at, noise, min(times), ears))
    digital = digital_ports(config, elements, straight(config))
    return Hearing(ports=tuple(ports), digital=digital, events=tuple(events))


def _echo_ears(config: Config, name: str, at: Input) -> Iterable[Ear]:
    """I is heard at the element's first output, Q at its second, any other port at every output; of ports that play
    together the first."""
    element = config.elements[name]
    outputs, played = measured_inputs(element), played_outputs(element)
    for which, port in played[:1] if element.multipleInputs is not None else played:
        heard_at = outputs if which == Output.SINGLE else outputs[which : which + 1]
        for heard in heard_at:
            if heard == at:
                yield from ears_at(config, name, which, port, at)


def loopback(
    config: Config,
    elements: Sequence[str],
    connections: Iterable[tuple[PortRef, PortRef]],
    latency_ns: int,
    noise: Noise = 0.0,
    digital: Iterable[Cable] | None = None,
) -> Hearing:
    """Cables from analog outputs to analog inputs: an input hears the outputs wired to it, with their delays, offsets,
    crosstalk and FIR filters, as ``wires`` says.

    ``digital``: cables from digital outputs to digital inputs; None: from each output to the input of its number.
    Raises AskedWrongly ``bad_plant`` for a negative latency. Cables to inputs that nobody measures do nothing.
    """
    if latency_ns < 0:
        raise AskedWrongly(
            f"a loopback cannot have a latency of {latency_ns} ns", code="bad_plant", hint="give 0 or more"
        )
    pairs = list(dict.fromkeys(connections))
    places = sorted({output for output, _ in pairs}, key=place_of)
    ports = []
    for at in input_ports(config, elements):
        wired = [output for output in places if (output, at[0]) in pairs]
        ears = [ear for name in elements for ear in ears_of_wires(config, name, wired, at)]
        port = input_port(config, at, noise, latency_ns, ears)
        levels, tails = levels_of_wires(config, wired, at, places), tails_of_wires(config, elements, wired, at)
        ports.append(msgspec.structs.replace(port, levels=levels, tails=tails))
    cables = straight(config) if digital is None else list(digital)
    return Hearing(ports=tuple(ports), digital=digital_ports(config, elements, cables, latency_ns))
