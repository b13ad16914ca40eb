"""Plain config dicts, as users write them, for tests of every room. Each call returns a fresh dict."""

from __future__ import annotations

from typing import Any

READOUT_LENGTH_NS = 1000
GAUSS = [round(0.25 * 2.718281828459045 ** (-(((i - 29.5) / 15.0) ** 2)), 12) for i in range(60)]


def opx_two_qubits() -> dict[str, Any]:
    """An OPX+ with two IQ qubits behind mixers, a two-output readout, a flux line, and shareable readout ports.

    Elements: q1 (ports 1, 2; IF 50 MHz), q2 (3, 4; IF −80 MHz), rr1 and rr2 (both 5, 6; IF 60 and −60 MHz; outputs
    1, 2), flux (7). Operations: x180 (60 ns, arbitrary), saturation (10 µs), readout (1 µs, weights cos/sin/minus_sin).
    """
    length = READOUT_LENGTH_NS
    return {
        "version": 1,
        "controllers": {
            "con1": {
                "type": "opx1",
                "analog_outputs": {
                    1: {"offset": 0.01},
                    2: {"offset": -0.02},
                    3: {"offset": 0.0, "delay": 8},
                    4: {"offset": 0.0, "delay": 8},
                    5: {"offset": 0.0, "shareable": True},
                    6: {"offset": 0.0, "shareable": True},
                    7: {"offset": 0.1, "filter": {"feedforward": [0.9, -0.1], "feedback": [0.2]}},
                },
                "digital_outputs": {1: {"shareable": True}, 2: {"inverted": True}},
                "analog_inputs": {
                    1: {"offset": 0.0, "gain_db": 3, "shareable": True},
                    2: {"offset": 0.0, "gain_db": 3, "shareable": True},
                },
            }
        },
        "elements": {
            "q1": _iq_element(1, 2, "mixer_q1", 4.9e9, 50e6),
            "q2": _iq_element(3, 4, "mixer_q2", 5.1e9, -80e6),
            "rr1": _readout_element("mixer_rr", 60e6),
            "rr2": _readout_element("mixer_rr", -60e6),
            "flux": {
                "singleInput": {"port": ("con1", 7)},
                "operations": {"step": "flux_pulse"},
                "sticky": {"analog": True, "duration": 100},
            },
        },
        "pulses": {
            "x180_pulse": {"operation": "control", "length": 60, "waveforms": {"I": "gauss_wf", "Q": "zero_wf"}},
            "saturation_pulse": {
                "operation": "control",
                "length": 10_000,
                "waveforms": {"I": "sat_wf", "Q": "zero_wf"},
            },
            "flux_pulse": {"operation": "control", "length": 16, "waveforms": {"single": "flux_wf"}},
            "readout_pulse": {
                "operation": "measurement",
                "length": length,
                "waveforms": {"I": "readout_wf", "Q": "zero_wf"},
                "digital_marker": "ON",
                "integration_weights": {"cos": "cos_w", "sin": "sin_w", "minus_sin": "minus_sin_w"},
            },
        },
        "waveforms": {
            "zero_wf": {"type": "constant", "sample": 0.0},
            "sat_wf": {"type": "constant", "sample": 0.1},
            "flux_wf": {"type": "constant", "sample": 0.3},
            "readout_wf": {"type": "constant", "sample": 0.2},
            "gauss_wf": {"type": "arbitrary", "samples": list(GAUSS)},
        },
        "digital_waveforms": {"ON": {"samples": [(1, 0)]}},
        "integration_weights": {
            "cos_w": {"cosine": [(1.0, length)], "sine": [(0.0, length)]},
            "sin_w": {"cosine": [(0.0, length)], "sine": [(1.0, length)]},
            "minus_sin_w": {"cosine": [(0.0, length)], "sine": [(-1.0, length)]},
        },
        "mixers": {
            "mixer_q1": [_mixer_entry(50e6, 4.9e9, (1.0, 0.02, -0.01, 0.98))],
            "mixer_q2": [_mixer_entry(-80e6, 5.1e9, (1.0, 0.0, 0.0, 1.0))],
            "mixer_rr": [
                _mixer_entry(60e6, 7.2e9, (1.0, 0.0, 0.0, 1.0)),
                _mixer_entry(-60e6, 7.2e9, (0.99, 0.01, 0.01, 1.01)),
            ],
        },
    }


def _iq_element(in_phase: int, quadrature: int, mixer: str, lo_frequency: float, frequency: float) -> dict[str, Any]:
    return {
        "mixInputs": {
            "I": ("con1", in_phase),
            "Q": ("con1", quadrature),
            "mixer": mixer,
            "lo_frequency": lo_frequency,
        },
        "intermediate_frequency": frequency,
        "operations": {"x180": "x180_pulse", "saturation": "saturation_pulse"},
    }


def _readout_element(mixer: str, frequency: float) -> dict[str, Any]:
    return {
        "mixInputs": {"I": ("con1", 5), "Q": ("con1", 6), "mixer": mixer, "lo_frequency": 7.2e9},
        "intermediate_frequency": frequency,
        "operations": {"readout": "readout_pulse"},
        "digitalInputs": {"switch": {"port": ("con1", 1), "delay": 136, "buffer": 0}},
        "outputs": {"out1": ("con1", 1), "out2": ("con1", 2)},
        "time_of_flight": 24,
        "smearing": 0,
    }


def _mixer_entry(frequency: float, lo_frequency: float, correction: tuple[float, ...]) -> dict[str, Any]:
    return {"intermediate_frequency": frequency, "lo_frequency": lo_frequency, "correction": correction}


def opx_readout_pair(controller: str = "con1", shareable: bool = False) -> dict[str, Any]:
    """The smallest useful config: a one-port drive ``q`` (port 1) and a one-port readout ``rr`` (port 2, input 1).

    Operations: q.pulse (100 ns, 0.2 V), rr.readout (1 µs, 0.1 V, weights cos and sin). ``rr`` has IF 50 MHz and
    time_of_flight 24 ns. All ports are shareable or none.
    """
    length = READOUT_LENGTH_NS
    return {
        "controllers": {
            controller: {
                "type": "opx1",
                "analog_outputs": {n: {"offset": 0.0, "shareable": shareable} for n in (1, 2)},
                "analog_inputs": {1: {"offset": 0.0, "shareable": shareable}},
                "digital_outputs": {1: {"shareable": shareable}},
            }
        },
        "elements": {
            "q": {
                "singleInput": {"port": (controller, 1)},
                "intermediate_frequency": 100e6,
                "operations": {"pulse": "pulse"},
                "digitalInputs": {"marker": {"port": (controller, 1), "delay": 0, "buffer": 0}},
            },
            "rr": {
                "singleInput": {"port": (controller, 2)},
                "intermediate_frequency": 50e6,
                "operations": {"readout": "readout_pulse"},
                "outputs": {"out1": (controller, 1)},
                "time_of_flight": 24,
                "smearing": 0,
            },
        },
        "pulses": {
            "pulse": {
                "operation": "control",
                "length": 100,
                "waveforms": {"single": "drive_wf"},
                "digital_marker": "ON",
            },
            "readout_pulse": {
                "operation": "measurement",
                "length": length,
                "waveforms": {"single": "readout_wf"},
                "integration_weights": {"cos": "cos_w", "sin": "sin_w"},
            },
        },
        "waveforms": {
            "drive_wf": {"type": "constant", "sample": 0.2},
            "readout_wf": {"type": "constant", "sample": 0.1},
        },
        "digital_waveforms": {"ON": {"samples": [(1, 0)]}},
        "integration_weights": {
            "cos_w": {"cosine": [(1.0, length)], "sine": [(0.0, length)]},
            "sin_w": {"cosine": [(0.0, length)], "sine": [(1.0, length)]},
        },
    }


def opx1000_lf_mw() -> dict[str, Any]:
    """An OPX1000 with an LF-FEM in slot 1 and a MW-FEM in slot 2.

    Elements: flux (LF, amplified, 1 GS/s), fast (LF at 2 GS/s), lf_rr (LF readout), q (MW, up-converter 2), rr (MW
    readout).
    """
    length = READOUT_LENGTH_NS
    return {
        "controllers": {
            "con1": {
                "type": "opx1000",
                "fems": {
                    1: {
                        "type": "LF",
                        "analog_outputs": {
                            1: {"offset": 1.5, "output_mode": "amplified", "upsampling_mode": "pulse", "delay": 141},
                            2: {"sampling_rate": 2e9, "output_mode": "direct"},
                            3: {
                                "filter": {"exponential": [(0.1, 200.0), (-0.02, 30.0)], "exponential_dc_gain": 0.9},
                                "crosstalk": {1: 0.05},
                            },
                        },
                        "analog_inputs": {1: {"gain_db": -3, "offset": 0.01}},
                        "digital_outputs": {1: {}},
                    },
                    "2": {
                        "type": "MW",
                        "analog_outputs": {
                            1: {
                                "band": 2,
                                "full_scale_power_dbm": -8,
                                "upconverters": {1: {"frequency": 5e9}, 2: {"frequency": 5.2e9}},
                            },
                            8: {"band": 3, "upconverter_frequency": 7e9, "shareable": True},
                        },
                        "analog_inputs": {2: {"band": 3, "downconverter_frequency": 7e9, "shareable": True}},
                    },
                },
            }
        },
        "elements": {
            "flux": {"singleInput": {"port": ("con1", 1, 1)}, "operations": {"step": "flux_pulse"}},
            "fast": {"singleInput": {"port": ("con1", 1, 2)}, "operations": {"edge": "fast_pulse"}},
            "lf_rr": {
                "singleInput": {"port": ("con1", 3)},
                "intermediate_frequency": 20e6,
                "outputs": {"out1": ("con1", 1)},
                "time_of_flight": 28,
                "operations": {"readout": "lf_readout_pulse"},
            },
            "q": {
                "MWInput": {"port": ("con1", 2, 1), "upconverter": 2},
                "intermediate_frequency": -120e6,
                "operations": {"x180": "x180_pulse"},
            },
            "rr": {
                "MWInput": {"port": ("con1", 2, 8)},
                "MWOutput": {"port": ("con1", 2, 2)},
                "intermediate_frequency": 30e6,
                "time_of_flight": 28,
                "operations": {"readout": "readout_pulse"},
            },
        },
        "pulses": {
            "flux_pulse": {"operation": "control", "length": 40, "waveforms": {"single": "amplified_wf"}},
            "fast_pulse": {"operation": "control", "length": 16, "waveforms": {"single": "fast_wf"}},
            "x180_pulse": {"operation": "control", "length": 60, "waveforms": {"I": "gauss_wf", "Q": "zero_wf"}},
            "lf_readout_pulse": {
                "operation": "measurement",
                "length": length,
                "waveforms": {"single": "readout_wf"},
                "integration_weights": {"cos": "cos_w"},
            },
            "readout_pulse": {
                "operation": "measurement",
                "length": length,
                "waveforms": {"I": "readout_wf", "Q": "zero_wf"},
                "integration_weights": {"cos": "cos_w"},
            },
        },
        "waveforms": {
            "zero_wf": {"type": "constant", "sample": 0.0},
            "amplified_wf": {"type": "constant", "sample": 2.0},
            "fast_wf": {"type": "arbitrary", "samples": [0.01 * i for i in range(32)]},
            "gauss_wf": {
                "type": "arbitrary",
                "samples": [4 * sample * 0.9 for sample in GAUSS],
                "is_overridable": True,
            },
            "readout_wf": {"type": "constant", "sample": 0.25},
        },
        "digital_waveforms": {},
        "integration_weights": {"cos_w": {"cosine": [(1.0, length)], "sine": [(0.0, length)]}},
    }
