"""What a qm's config means to the broker: which controllers, which ports, how each is to be set.

The one place where the core touches `_core.config`.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..._core.config import (
    Config,
    apply_overrides,
    effective_config,
    ports_claimed,
    read_config,
    simulated_bytes,
    thread_capacity,
    type_matches,
)

__all__ = [
    "Claim",
    "Config",
    "Shape",
    "apply_overrides",
    "effective_config",
    "shape_of",
    "simulated_bytes",
    "thread_capacity",
    "type_matches",
]


class Claim(msgspec.Struct, frozen=True):
    """How one config wants one port."""

    shareable: bool
    physical: dict[str, Any]  # property -> value; one value per port, so sharers must agree
    offset: float | None  # None where the port has none; sharers may differ


class Shape(msgspec.Struct, frozen=True):
    """The broker's view of a checked config, as it was written."""

    config: Config
    controllers: dict[str, tuple[str, dict[int, str]]]  # name -> (type, fem -> type), in the config's order
    ports: dict[str, Claim]  # port in words -> claim
    warnings: list[str]  # of the config, each with its path


def shape_of(raw: dict[Any, Any]) -> Shape:
    """Check a raw config. Raises AskedWrongly that holds all its errors, each with path, group and message."""
    config, issues = read_config(raw)
    controllers = {
        name: (str(controller.type), {fem: str(module.type) for fem, module in controller.fems.items()})
        for name, controller in config.controllers.items()
    }
    ports = {
        str(port): Claim(claim.shareable, claim.physical, claim.offset) for port, claim in ports_claimed(config).items()
    }
    return Shape(config, controllers, ports, [f"{issue.path} : {issue.message}" for issue in issues])
