"""A plant from the words of a cluster file: its name, loopback cables as text, noise."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from ..._core.config.model import Config, PortRef
from ..._core.engine.hearing import Hearing
from ..._core.errors import AskedWrongly
from .digital import lit
from .photons import parse_photons
from .plants import echo, loopback, none

_PORT = r"(?:(?P<{0}_controller>[^/>:\s]+)/(?:(?P<{0}_fem>\d+)/)?)?(?P<{0}_digital>d?)(?P<{0}_number>\d+)"
_CABLE = re.compile(rf"\s*{_PORT.format('out')}\s*>\s*{_PORT.format('in')}\s*:\s*(?P<latency>\d+)\s*")


def hearing(
    config: Config,
    elements: Sequence[str],
    *,
    plant: str = "echo",
    cables: Sequence[str] = (),
    noise_variance: float = 0.0,
    trigger_period_ns: int = 0,
    photons: str = "",
    controllers: Sequence[str] = ("con1",),
) -> Hearing:
    """The hearing tables of a plant named ``echo``, ``none`` or ``loopback``.

    ``cables``: ``con1/1>con1/1:24`` or ``1>1:24`` (of each of ``controllers``), output > input : latency in ns, one for
    all cables; ``d1>d1:24`` is one from a digital output to a digital input. ``noise_variance`` in V² per sample.
    ``trigger_period_ns``: between edges of an external trigger, from 0 on; a multiple of 4, 0 for none. ``photons``:
    light at all inputs, digital ones too, as ``parse_photons`` reads it. Raises AskedWrongly ``bad_plant``.
    """
    if trigger_period_ns < 0 or trigger_period_ns % 4:
        raise AskedWrongly(
            f"a trigger every {trigger_period_ns} ns is off the grid", code="bad_plant", hint="give a multiple of 4 ns"
        )
    found = _named(config, elements, plant, cables, noise_variance, controllers)
    light = parse_photons(photons)
    if light is not None:
        ports = tuple(msgspec.structs.replace(port, photons=light) for port in found.ports)
        digital = lit(config, found.digital, light)
        found = msgspec.structs.replace(found, ports=ports, digital=digital)
    return msgspec.structs.replace(found, trigger_period_ns=trigger_period_ns) if trigger_period_ns else found


def _named(
    config: Config,
    elements: Sequence[str],
    plant: str,
    cables: Sequence[str],
    noise_variance: float,
    controllers: Sequence[str],
) -> Hearing:
    if not (math.isfinite(noise_variance) and noise_variance >= 0.0):
        raise AskedWrongly(f"a noise variance of {noise_variance} V² is none", code="bad_plant", hint="give 0 or more")
    if plant == "none":
        return none(config, elements, noise_variance)
    if plant == "echo":
        return echo(config, elements, noise_variance)
    if plant == "loopback":
        found = parse_cables(cables, controllers)
        return loopback(config, elements, found.analog, found.latency_ns, noise_variance, found.digital or None)
    raise AskedWrongly(f"there is no plant {plant!r}", code="bad_plant", hint="use echo, none or loopback")


class Cables(msgspec.Struct, frozen=True):
    """(output, input) of each cable, of analog ports and of digital ones, and their one latency in ns."""

    analog: list[tuple[PortRef, PortRef]]
    digital: list[tuple[PortRef, PortRef]]
    latency_ns: int


def parse_cables(cables: Sequence[str], controllers: Sequence[str]) -> Cables:
    """The cables that a cluster file names; AskedWrongly ``bad_plant`` where one cannot be read. A port without a
    controller is of each of ``controllers``.

    >>> parse_cables(["1>2:24"], ["con1"]).analog
    [(PortRef(controller='con1', fem=1, number=1), PortRef(controller='con1', fem=1, number=2))]
    """
    found = Cables([], [], 0)
    latencies = set()
    for text in cables:
        match = _CABLE.fullmatch(text)
        if match is None or match["out_digital"] != match["in_digital"]:
            raise AskedWrongly(
                f"cannot read the loopback {text!r}",
                code="bad_plant",
                hint="write output > input : latency in ns, e.g. con1/1>con1/1:24 or 1>1:24, of digital ports d1>d1:24",
            )
        latencies.add(int(match["latency"]))
        kind = found.digital if match["out_digital"] else found.analog
        kind += dict.fromkeys((_port(match, "out", name), _port(match, "in", name)) for name in controllers)
    if len(latencies) > 1:
        raise AskedWrongly(
            f"the loopbacks have latencies {sorted(latencies)} ns",
            code="bad_plant",
            hint="one controller's loopbacks have one latency",
        )
    return msgspec.structs.replace(found, latency_ns=latencies.pop() if latencies else 0)


def _port(match: re.Match[str], side: str, controller: str) -> PortRef:
    return PortRef(
        match[f"{side}_controller"] or controller, int(match[f"{side}_fem"] or 1), int(match[f"{side}_number"])
    )
