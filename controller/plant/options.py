"""A plant from the words of a cluster file: its name, loopback cables as text, noise."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

import msgspec

from ..._core.config.model import Config, PortRef
from ..._core.engine.hearing import Hearing
from ..._core.errors import AskedWrongly
from .photons import parse_photons
from .plants import echo, loopback, none

_PORT = r"(?:(?P<{0}_controller>[^/>:\s]+)/(?:(?P<{0}_fem>\d+)/)?)?(?P<{0}_number>\d+)"
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
    controller: str = "con1",
) -> Hearing:
    """The hearing tables of a plant named ``echo``, ``none`` or ``loopback``.

    ``cables``: ``con1/1>con1/1:24`` or ``1>1:24`` (of ``controller``), output > input : latency in ns, which is one for
    all cables. ``noise_variance`` in V² per sample. ``trigger_period_ns``: between edges of an external trigger, from 0
    on; a multiple of 4, 0 for none. ``photons``: light at all inputs, as ``parse_photons`` reads it. Raises
    AskedWrongly ``bad_plant``.
    """
    if trigger_period_ns < 0 or trigger_period_ns % 4:
        raise AskedWrongly(
            f"a trigger every {trigger_period_ns} ns is off the grid", code="bad_plant", hint="give a multiple of 4 ns"
        )
    found = _named(config, elements, plant, cables, noise_variance, controller)
    light = parse_photons(photons)
    if light is not None:
        ports = tuple(msgspec.structs.replace(port, photons=light) for port in found.ports)
        found = msgspec.structs.replace(found, ports=ports)
    return msgspec.structs.replace(found, trigger_period_ns=trigger_period_ns) if trigger_period_ns else found


def _named(
    config: Config, elements: Sequence[str], plant: str, cables: Sequence[str], noise_variance: float, controller: str
) -> Hearing:
    if not (math.isfinite(noise_variance) and noise_variance >= 0.0):
        raise AskedWrongly(f"a noise variance of {noise_variance} V² is none", code="bad_plant", hint="give 0 or more")
    if plant == "none":
        return none(config, elements, noise_variance)
    if plant == "echo":
        return echo(config, elements, noise_variance)
    if plant == "loopback":
        connections, latency_ns = parse_cables(cables, controller)
        return loopback(config, elements, connections, latency_ns, noise_variance)
    raise AskedWrongly(f"there is no plant {plant!r}", code="bad_plant", hint="use echo, none or loopback")


def parse_cables(cables: Sequence[str], controller: str) -> tuple[list[tuple[PortRef, PortRef]], int]:
    """(output, input) of each cable and their one latency in ns; AskedWrongly ``bad_plant`` where it cannot be read.

    >>> parse_cables(["1>2:24"], "con1")
    ([(PortRef(controller='con1', fem=1, number=1), PortRef(controller='con1', fem=1, number=2))], 24)
    """
    connections, latencies = [], set()
    for text in cables:
        match = _CABLE.fullmatch(text)
        if match is None:
            raise AskedWrongly(
                f"cannot read the loopback {text!r}",
                code="bad_plant",
                hint="write output > input : latency in ns, e.g. con1/1>con1/1:24 or 1>1:24",
            )
        latencies.add(int(match["latency"]))
        connections.append((_port(match, "out", controller), _port(match, "in", controller)))
    if len(latencies) > 1:
        raise AskedWrongly(
            f"the loopbacks have latencies {sorted(latencies)} ns",
            code="bad_plant",
            hint="one controller's loopbacks have one latency",
        )
    return connections, latencies.pop() if latencies else 0


def _port(match: re.Match[str], side: str, controller: str) -> PortRef:
    return PortRef(
        match[f"{side}_controller"] or controller, int(match[f"{side}_fem"] or 1), int(match[f"{side}_number"])
    )
