"""The qm config of the examples, and the formula of what comes back.

There is no qubit behind the ports of a fresh cluster: its plant `echo` brings what an element plays back to the inputs
among its outputs, TIME_OF_FLIGHT_NS later. Here that is two whole periods of the oscillators, so a constant pulse of v
volts over t ns (whole periods too), with its frame turned by phi against the element that measures, gives
I + iQ = -v·t/2/4096·exp(-i·phi); the converter inverts.
"""

import numpy as np

FREQUENCY_HZ = 50e6
TIME_OF_FLIGHT_NS = 40
READOUT_NS, READOUT_V = 1000, 0.1
PULSE_NS, PULSE_V = 100, 0.2
GAUSS_NS, GAUSS_V = 200, 0.2
GAUSS = GAUSS_V * np.exp(-((np.arange(GAUSS_NS) - (GAUSS_NS - 1) / 2) ** 2) / (2 * (GAUSS_NS / 6) ** 2))


def demodulated(volts, ns, turns=0.0):
    """I + iQ of a constant pulse, or of several (arrays)."""
    return -volts * ns / 2 / 4096 * np.exp(-2j * np.pi * np.asarray(turns))


def _element(port, operations):
    return {
        "singleInput": {"port": ("con1", port)},
        "outputs": {"out1": ("con1", 1)},
        "intermediate_frequency": FREQUENCY_HZ,
        "time_of_flight": TIME_OF_FLIGHT_NS,
        "smearing": 0,
        "operations": operations,
    }


config = {
    "controllers": {"con1": {"analog_outputs": {1: {}, 2: {}}, "analog_inputs": {1: {}}, "digital_outputs": {1: {}}}},
    "elements": {
        "qubit": _element(1, {"x180": "x180", "gauss": "gauss"}),
        "resonator": _element(2, {"readout": "readout"}),
    },
    "pulses": {
        "x180": {"operation": "control", "length": PULSE_NS, "waveforms": {"single": "square"}},
        "gauss": {"operation": "control", "length": GAUSS_NS, "waveforms": {"single": "gauss"}},
        "readout": {
            "operation": "measurement",
            "length": READOUT_NS,
            "waveforms": {"single": "readout"},
            "digital_marker": "on",
            "integration_weights": {"cos": "cosine", "sin": "sine"},
        },
    },
    "waveforms": {
        "square": {"type": "constant", "sample": PULSE_V},
        "readout": {"type": "constant", "sample": READOUT_V},
        "gauss": {"type": "arbitrary", "samples": GAUSS.tolist()},
    },
    "digital_waveforms": {"on": {"samples": [(1, 0)]}},
    "integration_weights": {
        "cosine": {"cosine": [(1.0, READOUT_NS)], "sine": [(0.0, READOUT_NS)]},
        "sine": {"cosine": [(0.0, READOUT_NS)], "sine": [(1.0, READOUT_NS)]},
    },
}
