"""A small OPX+ config for tests of the engines, as a raw dict whose parts a test replaces."""

from __future__ import annotations

from typing import Any

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config

WINDOW_NS = 200


def raw_bench(
    *,
    frequency: float | None = 50e6,
    iq_frequency: float = 40e6,
    length: int = WINDOW_NS,
    time_of_flight: int = 40,
    amplitude: float = 0.1,
    gain_db: int = 0,
    offset: float = 0.0,
    correction: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0),
) -> dict[str, Any]:
    """``r``: one input (port 1), output out1; ``m``: IQ (ports 2, 3), outputs out1, out2; ``q``: one input (port 4).

    Operations: ``readout`` (constant; weights cos, sin, minus_sin, short); on ``q`` ``pulse`` (arbitrary), ``flat``.
    """

    def weights(cosine: float, sine: float, lasts: int = length) -> dict[str, Any]:
        return {"cosine": [(cosine, lasts)], "sine": [(sine, lasts)]}

    aliases = {"cos": "cos", "sin": "sin", "minus_sin": "minus_sin", "short": "short"}
    readout = {"operation": "measurement", "length": length, "digital_marker": "on", "integration_weights": aliases}
    own = {} if frequency is None else {"intermediate_frequency": frequency}
    return {
        "controllers": {
            "con1": {
                "type": "opx1",
                "analog_outputs": {n: {} for n in range(1, 6)},
                "analog_inputs": {n: {"gain_db": gain_db, "offset": offset} for n in (1, 2)},
            }
        },
        "elements": {
            "r": {
                "singleInput": {"port": ("con1", 1)},
                "outputs": {"out1": ("con1", 1)},
                "time_of_flight": time_of_flight,
                "smearing": 0,
                "operations": {"readout": "readout"},
                **own,
            },
            "m": {
                "mixInputs": {"I": ("con1", 2), "Q": ("con1", 3), "mixer": "mixer", "lo_frequency": 5e9},
                "outputs": {"out1": ("con1", 1), "out2": ("con1", 2)},
                "time_of_flight": time_of_flight,
                "smearing": 0,
                "intermediate_frequency": iq_frequency,
                "operations": {"readout": "iq_readout"},
            },
            "q": {
                "singleInput": {"port": ("con1", 4)},
                "intermediate_frequency": 30e6,
                "operations": {"pulse": "pulse", "flat": "flat"},
            },
        },
        "pulses": {
            "readout": {**readout, "waveforms": {"single": "level"}},
            "iq_readout": {**readout, "waveforms": {"I": "level", "Q": "half"}},
            "pulse": {"operation": "control", "length": 16, "waveforms": {"single": "ramp"}},
            "flat": {"operation": "control", "length": 20, "waveforms": {"single": "level"}},
        },
        "waveforms": {
            "level": {"type": "constant", "sample": amplitude},
            "half": {"type": "constant", "sample": amplitude / 2},
            "ramp": {"type": "arbitrary", "samples": [0.01 * (n + 1) for n in range(16)]},
        },
        "digital_waveforms": {"on": {"samples": [(1, 0)]}},
        "integration_weights": {
            "cos": weights(1.0, 0.0),
            "sin": weights(0.0, 1.0),
            "minus_sin": weights(0.0, -1.0),
            "short": weights(1.0, 0.0, 40),
        },
        "mixers": {
            "mixer": [{"intermediate_frequency": iq_frequency, "lo_frequency": 5e9, "correction": list(correction)}]
        },
    }


def bench(**changes: Any) -> Config:
    """The checked config of ``raw_bench``."""
    return check_config(raw_bench(**changes))
