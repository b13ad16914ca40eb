"""How much later outputs of an MW-FEM come than those of an LF-FEM, by the latency profile (docs/arithmetic.md 19)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from ..._core.config.model import AnalogOutput, Config, Fem, MWAnalogOutput

LAGS_NS: Final[Mapping[str, Mapping[int, int]]] = {"ideal": {}, "opx": {1: 141, 2: 161, 3: 141}}
"""By profile and band, as the vendor's example configs compensate them."""


def with_lags(config: Config, profile: str) -> Config:
    """The config with the delays that its MW outputs have in a latency profile; the same where they have none."""
    lags = LAGS_NS[profile]
    if not lags:
        return config
    controllers = {
        name: msgspec.structs.replace(
            controller, fems={number: _with_lags(module, lags) for number, module in controller.fems.items()}
        )
        for name, controller in config.controllers.items()
    }
    return msgspec.structs.replace(config, controllers=controllers)


def _with_lags(module: Fem, lags: Mapping[int, int]) -> Fem:
    outputs = {number: _later(port, lags) for number, port in module.analog_outputs.items()}
    return msgspec.structs.replace(module, analog_outputs=outputs)


def _later(port: AnalogOutput | MWAnalogOutput, lags: Mapping[int, int]) -> AnalogOutput | MWAnalogOutput:
    if not isinstance(port, MWAnalogOutput):
        return port
    return msgspec.structs.replace(port, delay=port.delay + lags[port.band])
