"""Section 5 of docs/arithmetic.md: what an input port hears of the elements."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from typing import Literal

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef


@dataclass(frozen=True)
class Plant:
    """``noise``: sigma in V of each sample before the input's gain. ``wires``: (output, input) pairs. ``light``: rate a
    second, V and ns of photons (section 18)."""

    kind: Literal["none", "echo", "loopback"] = "none"
    noise: float = 0.0
    wires: tuple[tuple[PortRef, PortRef], ...] = ()
    latency_ns: int = 0
    trigger_period_ns: int = 0
    light: tuple[float, float, int] | None = None


@dataclass
class Hearing:
    """What an input hears: for each element the ways to it, (output port, which of its inputs); ``delay`` ns late."""

    delay: int = 0
    ways: dict[str, list[tuple[PortRef, str]]] = field(default_factory=dict)
    tof_disagree: bool = False


def outputs_of(config: model.Config, element: str) -> dict[str, tuple[PortRef, str]]:
    """Section 4: for each input of the element its output port, and its name again: I, Q, or port for the only one."""
    record = config.elements[element]
    if record.mixInputs is None:
        return {} if record.singleInput is None else {"port": (record.singleInput.port, "port")}
    return {"I": (record.mixInputs.I, "I"), "Q": (record.mixInputs.Q, "Q")}


def hearing(plant: Plant, config: model.Config, used: list[str], port: PortRef) -> Hearing:
    """Section 5: what input ``port`` hears of the elements ``used`` by the program."""
    if plant.kind == "echo":
        return echo(config, used, port)
    if plant.kind == "loopback":
        return loopback(plant, config, used, port)
    return Hearing()


def echo(config: model.Config, used: list[str], port: PortRef) -> Hearing:
    """Section 5, echo: I to the first output, Q to the second; a single input to every output."""
    heard = Hearing()
    flights = []
    for element in used:
        outputs = list(config.elements[element].outputs.values())
        if port not in outputs:
            continue
        flights.append(config.elements[element].time_of_flight or 0)
        by_input = outputs_of(config, element)
        ways = [by_input["port"]] * outputs.count(port) if "port" in by_input else []
        ways += [way for name, way in by_input.items() if name in "IQ" and outputs["IQ".index(name) :][:1] == [port]]
        heard.ways[element] = ways
    heard.delay = min(flights, default=0)
    heard.tof_disagree = len(set(flights)) > 1
    return heard


def loopback(plant: Plant, config: model.Config, used: list[str], port: PortRef) -> Hearing:
    """Section 5, loopback: every element on an output port that is wired to this input."""
    heard = Hearing(delay=plant.latency_ns)
    for element in used:
        found = [way for way in outputs_of(config, element).values() if (way[0], port) in plant.wires]
        if found:
            heard.ways[element] = found
    return heard


def gain(gain_db: int) -> float:
    """Section 5: 10^(dB/20), the nearest double."""
    with localcontext() as context:
        context.prec = 60
        return float(Decimal(10) ** (Decimal(gain_db) / 20))


def sign(config: model.Config, port: PortRef) -> float:
    """Section 5: the converters of an OPX and OPX+ invert."""
    return -1.0 if config.controllers[port.controller].type in ("opx1", "opx") else 1.0
