"""The ports that a qm with this config claims: every port declared in ``controllers``, used or not.

Two open qms may both claim a port only if both mark it shareable; then they must agree on all that is physical. The
offset is apart: sharers may differ in it, and the last opener's holds.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from .model import Config, Fem

Direction = Literal["in", "out"]
PortKind = Literal["analog", "digital", "microwave"]

_NOT_PHYSICAL = {"kind", "shareable", "offset", "level"}  # ``level`` is accepted and has no effect


class Port(msgspec.Struct, frozen=True, order=True):
    """A port of a controller: the unit of sharing. ``str`` reads as ``con1/1 analog output 3``."""

    controller: str
    fem: int
    direction: Direction
    kind: PortKind
    number: int

    def __str__(self) -> str:
        return f"{self.controller}/{self.fem} {self.kind} {self.direction}put {self.number}"


class PortClaim(msgspec.Struct, frozen=True, kw_only=True):
    """What a config says about a port. ``physical``: plain values by config key; ``offset`` in V, or None."""

    shareable: bool
    physical: dict[str, Any]
    offset: float | None = None


def ports_claimed(config: Config) -> dict[Port, PortClaim]:
    """Every declared port with its claim, in the order of the ports."""
    claims: dict[Port, PortClaim] = {}
    for controller_name, controller in config.controllers.items():
        for index, fem in controller.fems.items():
            claims.update(_claims(controller_name, index, fem))
    return dict(sorted(claims.items(), key=lambda item: item[0]))


def _claims(controller: str, index: int, fem: Fem) -> dict[Port, PortClaim]:
    analog: PortKind = "microwave" if fem.type == "MW" else "analog"
    groups: tuple[tuple[Direction, PortKind, dict[int, Any]], ...] = (
        ("out", analog, fem.analog_outputs),
        ("in", analog, fem.analog_inputs),
        ("out", "digital", fem.digital_outputs),
        ("in", "digital", fem.digital_inputs),
    )
    return {
        Port(controller, index, direction, kind, number): _claim(record)
        for direction, kind, ports in groups
        for number, record in ports.items()
    }


def _claim(record: msgspec.Struct) -> PortClaim:
    values: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(record))  # lists and text keys: equal when stored
    return PortClaim(
        shareable=values["shareable"],
        physical={key: value for key, value in values.items() if key not in _NOT_PHYSICAL},
        offset=values.get("offset"),
    )
