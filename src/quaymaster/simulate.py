"""What a simulation is asked for with, under the module name that scripts know."""

from __future__ import annotations

from .client.simulation_config import (
    ControllerConnection,
    InterOpxAddress,
    InterOpxChannel,
    InterOpxPairing,
    LoopbackInterface,
    RawInterface,
    SimulationConfig,
)

__all__ = [
    "ControllerConnection",
    "InterOpxAddress",
    "InterOpxChannel",
    "InterOpxPairing",
    "LoopbackInterface",
    "RawInterface",
    "SimulationConfig",
]
