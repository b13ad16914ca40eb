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
COUNTING_NS, PHOTON_NS, PHOTON_V = 1000, 16, 0.3
GAUSS_NS, GAUSS_V = 200, 0.2
GAUSS = GAUSS_V * np.exp(-((np.arange(GAUSS_NS) - (GAUSS_NS - 1) / 2) ** 2) / (2 * (GAUSS_NS / 6) ** 2))


def demodulated(volts, ns, turns=0.0):
    """I + iQ of a constant pulse, or of several (arrays)."""
    return -volts * ns / 2 / 4096 * np.exp(-2j * np.pi * np.asarray(turns))


def _element(port, operations, **more):
    return {
        "singleInput": {"port": ("con1", port)},
        "outputs": {"out1": ("con1", 1)},
        "time_of_flight": TIME_OF_FLIGHT_NS,
        "smearing": 0,
        "operations": operations,
    } | more


# In ADC counts, and the converter inverts: more than 500/4096 V that were reached within a nanosecond.
TAGGING = {
    "signalThreshold": -500,
    "signalPolarity": "Below",
    "derivativeThreshold": -300,
    "derivativePolarity": "Below",
}

config = {
    "controllers": {"con1": {"analog_outputs": {1: {}, 2: {}}, "analog_inputs": {1: {}}, "digital_outputs": {1: {}}}},
    "elements": {
        "qubit": _element(1, {"x180": "x180", "gauss": "gauss"}, intermediate_frequency=FREQUENCY_HZ),
        "resonator": _element(2, {"readout": "readout"}, intermediate_frequency=FREQUENCY_HZ),
        "emitter": _element(1, {"photon": "photon"}),
        "detector": _element(2, {"count": "counting"}, timeTaggingParameters=TAGGING),
    },
    "pulses": {
        "x180": {"operation": "control", "length": PULSE_NS, "waveforms": {"single": "square"}},
        "gauss": {"operation": "control", "length": GAUSS_NS, "waveforms": {"single": "gauss"}},
        "photon": {"operation": "control", "length": PHOTON_NS, "waveforms": {"single": "photon"}},
        "counting": {"operation": "measurement", "length": COUNTING_NS, "waveforms": {"single": "nothing"}},
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
        "photon": {"type": "constant", "sample": PHOTON_V},
        "nothing": {"type": "constant", "sample": 0.0},
        "gauss": {"type": "arbitrary", "samples": GAUSS.tolist()},
    },
    "digital_waveforms": {"on": {"samples": [(1, 0)]}},
    "integration_weights": {
        "cosine": {"cosine": [(1.0, READOUT_NS)], "sine": [(0.0, READOUT_NS)]},
        "sine": {"cosine": [(0.0, READOUT_NS)], "sine": [(1.0, READOUT_NS)]},
    },
}
