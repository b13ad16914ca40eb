"""Sections 5 and 17 of docs/arithmetic.md: what an input port hears of the elements."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor
from typing import Literal

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef

from .board import Inlet
from .records import ONE, Complex


@dataclass(frozen=True)
class Plant:
    """``noise``: sigma in V of each sample before the input's gain. ``wires``: (output, input) pairs. ``light``: rate a
    second, V and ns of photons (section 18).
    ``profile``: that of the job's latencies. ``digital_wires``: the same of digital ports; none: each output to the
    input of its number (section 20)."""

    kind: Literal["none", "echo", "loopback"] = "none"
    noise: float = 0.0
    wires: tuple[tuple[PortRef, PortRef], ...] = ()
    latency_ns: int = 0
    trigger_period_ns: int = 0
    light: tuple[float, float, int] | None = None
    profile: str = "ideal"
    digital_wires: tuple[tuple[PortRef, PortRef], ...] = ()


@dataclass(frozen=True)
class Way:
    """How an input hears the input ``name`` of an element: through ``output``, moved by ``shift`` in frequency,
    ``delay`` ns later than by the plant, times ``factor``.

    ``m``: the factor of the way; None: that of the record's mixer.
    """

    output: PortRef
    name: str
    full_scale: float = 0.5
    shift: int = 0
    m: Complex | None = None
    twice: bool = False
    delay: int = 0
    factor: float = 1.0


@dataclass
class Hearing:
    """What an input hears: for each element the ways to it; all ``delay`` ns late."""

    delay: int = 0
    ways: dict[str, list[Way]] = field(default_factory=dict)
    tof_disagree: bool = False
    levels: list[PortRef] = field(default_factory=list)
    """The outputs of which the DC offset is heard, in their order."""
    tails: list[PortRef] = field(default_factory=list)
    """The outputs that are heard sample after sample, in their order."""


def inlets_of(element: model.Element) -> list[Inlet]:
    """Section 17: what an element measures: its outputs in order, or I and Q of its MW input."""
    if element.MWOutput is not None:
        return [(element.MWOutput.port, "I"), (element.MWOutput.port, "Q")]
    return [(port, "") for port in element.outputs.values()]


def inlet_of(element: model.Element, name: str, leg: int) -> Inlet:
    """The input that leg ``leg`` of a process reads, which calls it ``name``; no name is the only one, or the leg's."""
    if element.MWOutput is not None:
        part = {"out1": "I", "I": "I", "out2": "Q", "Q": "Q", "": "IQ"[leg]}[name]
        return element.MWOutput.port, part
    return element.outputs[name or next(iter(element.outputs))], ""


def full_scale(port: model.AnalogOutput | model.MWAnalogOutput) -> float:
    """Section 17: V of the end of an output's range."""
    if isinstance(port, model.AnalogOutput):
        return {"direct": 0.5, "amplified": 2.5}[port.output_mode]
    with localcontext() as context:
        context.prec = 60
        milliwatt = Decimal(10) ** (Decimal(port.full_scale_power_dbm) / 10)
        return float((2 * 50 * milliwatt / 1000).sqrt())


def ways_of(config: model.Config, element: str, at: Inlet) -> dict[str, Way]:
    """Sections 4 and 17: for each input of the element its way to the measured input ``at``, where there can be one."""
    record = config.elements[element]
    port, part = at
    if record.MWInput is not None:
        output, heard_at = config.analog_output(record.MWInput.port), config.analog_input(port)
        if not part or not isinstance(heard_at, model.MWAnalogInput):
            return {}
        assert isinstance(output, model.MWAnalogOutput)
        volts = full_scale(output)
        m = {"I": (volts, -0.0), "Q": (0.0, -volts)}[part]
        up = Fraction(output.upconverters[record.MWInput.upconverter].frequency)
        apart = up - Fraction(heard_at.downconverter_frequency)
        shift = floor(apart * 2**64 / 10**9 + Fraction(1, 2))
        return {part: Way(record.MWInput.port, part, volts, shift, m, output.sampling_rate == 2e9)}
    return {} if part else volts_of(config, element)


def volts_of(config: model.Config, element: str) -> dict[str, Way]:
    """Section 4: for each input of an element that plays volts the way through its output port."""
    record = config.elements[element]
    ports: dict[str, PortRef] = {}
    m: Complex | None = ONE
    if record.singleInput is not None:
        ports = {"single": record.singleInput.port}
    elif record.mixInputs is not None:
        ports, m = {"I": record.mixInputs.I, "Q": record.mixInputs.Q}, None
    elif record.multipleInputs is not None:
        ports = record.multipleInputs.inputs
    elif record.singleInputCollection is not None:
        ports = record.singleInputCollection.inputs
    return {name: volts_way(config, name, out, m) for name, out in ports.items()}


def port_of(config: model.Config, element: str, name: str) -> PortRef:
    """The output port behind an input of an element: "I", "Q", "single" for the only one, or as the config names it."""
    return volts_of(config, element)[name].output


def volts_way(config: model.Config, name: str, port: PortRef, m: Complex | None) -> Way:
    """The way through an output in volts."""
    output = config.analog_output(port)
    return Way(port, name, full_scale(output), m=m, twice=output.sampling_rate == 2e9)


def hearing(plant: Plant, config: model.Config, used: list[str], at: Inlet) -> Hearing:
    """Section 5: what input ``at`` hears of the elements ``used`` by the program."""
    if plant.kind == "echo":
        return echo(config, used, at)
    if plant.kind == "loopback":
        return loopback(plant, config, used, at)
    return Hearing()


def echo(config: model.Config, used: list[str], at: Inlet) -> Hearing:
    """Section 5, echo: I to the first output, Q to the second; a single input to every output, as the first of several
    that play together, and each of those of which one plays."""
    heard = Hearing()
    flights = []
    for element in used:
        outputs = inlets_of(config.elements[element])
        if at not in outputs:
            continue
        flights.append(config.elements[element].time_of_flight or 0)
        by_input, record = ways_of(config, element, at), config.elements[element]
        ways = list(by_input.values())
        if record.mixInputs is not None or record.MWInput is not None:
            ways = [way for name, way in by_input.items() if outputs["IQ".index(name) :][:1] == [at]]
        elif record.multipleInputs is not None:
            ways = ways[:1]
        heard.ways[element] = ways
    heard.delay = min(flights, default=0)
    heard.tof_disagree = len(set(flights)) > 1
    return heard


def loopback(plant: Plant, config: model.Config, used: list[str], at: Inlet) -> Hearing:
    """Section 5, loopback: every element on an output port that is wired to this input, and what crosstalk brings
    there; with the delay, the FIR filter and the DC offset of the port."""
    heard = Hearing(delay=plant.latency_ns)
    wired = [output for output in all_outputs(config) if (output, at[0]) in plant.wires]
    for element in used:
        own = list(ways_of(config, element, at).values())
        found = [way for way in own if way.output in wired and not is_sampled(config, way.output)]
        for output in wired:
            if is_sampled(config, output):
                continue
            port = config.analog_output(output)
            found += [
                replace(
                    way,
                    output=output,
                    full_scale=full_scale(port),
                    factor=factor,
                    twice=way.twice and port.sampling_rate == 2e9,
                )
                for way in own
                if (factor := crosstalk(config, way.output, output)) is not None
            ]
        if found:
            heard.ways[element] = [late for way in found for late in through_port(plant, config, way)]
    if not at[1]:
        heard.tails = [output for output in wired if is_sampled(config, output)]
        heard.levels = [output for output in wired if isinstance(config.analog_output(output), model.AnalogOutput)]
        for output in heard.levels:
            port = config.analog_output(output)
            heard.ways[level_name(output)] = [Way(output, "single", full_scale(port), delay=port.delay, m=ONE)]
    return heard


def level_name(output: PortRef) -> str:
    """What stands for an element in the records of a DC offset."""
    return f"offset of {output}"


def all_outputs(config: model.Config) -> list[PortRef]:
    """All analog outputs in their order."""
    return sorted(
        (
            PortRef(controller, fem, number)
            for controller, record in config.controllers.items()
            for fem, module in record.fems.items()
            for number in module.analog_outputs
        ),
        key=lambda ref: (ref.controller, ref.fem, ref.number),
    )


def crosstalk(config: model.Config, source: PortRef, output: PortRef) -> float | None:
    """Section 14: what of ``source`` is added to ``output``."""
    port = config.analog_output(output)
    if not isinstance(port, model.AnalogOutput) or (source.controller, source.fem) != (output.controller, output.fem):
        return None
    return port.crosstalk.get(source.number)


def is_sampled(config: model.Config, output: PortRef) -> bool:
    """Section 5: whether an output has a filter with more than a feedforward, or at 2 GS/s any filter."""
    port = config.analog_output(output)
    if not isinstance(port, model.AnalogOutput) or port.filter is None:
        return False
    others = port.filter.feedback or port.filter.exponential or port.filter.exponential_dc_gain is not None
    at_2_gs = port.sampling_rate == 2e9 and port.filter.feedforward
    return bool(others or at_2_gs) or port.filter.high_pass is not None


def played_on(config: model.Config, used: list[str], output: PortRef) -> dict[str, list[Way]]:
    """What the elements play on an output in volts, of each the ways that lead there."""
    ways = {e: [way for way in volts_of(config, e).values() if way.output == output] for e in used}
    return {e: found for e, found in ways.items() if found}


def lag_ns(plant: Plant, port: model.AnalogOutput | model.MWAnalogOutput) -> int:
    """Section 19: how much later a MW output comes."""
    if plant.profile == "ideal" or not isinstance(port, model.MWAnalogOutput):
        return 0
    return {1: 141, 2: 161, 3: 141}[port.band]


def through_port(plant: Plant, config: model.Config, way: Way) -> list[Way]:
    """Section 5: later by the delay of the port; once for each tap of its filter if it has a FIR alone."""
    port = config.analog_output(way.output)
    taps: tuple[float, ...] = (1.0,)
    if isinstance(port, model.AnalogOutput) and port.filter is not None:
        taps = port.filter.feedforward or taps
    delay = port.delay + lag_ns(plant, port)
    return [replace(way, delay=delay + k, factor=way.factor * tap) for k, tap in enumerate(taps)]


def gain(gain_db: int) -> float:
    """Section 5: 10^(dB/20), the nearest double."""
    with localcontext() as context:
        context.prec = 60
        return float(Decimal(10) ** (Decimal(gain_db) / 20))


def sign(config: model.Config, port: PortRef) -> float:
    """Section 5: the converters of an OPX and OPX+ invert."""
    return -1.0 if config.controllers[port.controller].type in ("opx1", "opx") else 1.0
