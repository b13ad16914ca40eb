"""Named limits of a config: what the platform's hardware allows, and what keeps reading bounded.

Nothing here limits depth: the schema does, because a value is only entered where the schema has a mapping or a list.
"""

from __future__ import annotations

from typing import Final

# --- reading is bounded (choices; far above any real config) ----------------------------------------------------------

ISSUES_MAX: Final = 200
"""Issues reported at once; what is beyond is counted, not listed."""
ENTRIES_MAX: Final = {
    "controllers": 64,
    "octaves": 64,
    "mixers": 4_096,
    "elements": 4_096,
    "oscillators": 4_096,
    "pulses": 65_536,
    "waveforms": 65_536,
    "digital_waveforms": 16_384,
    "integration_weights": 65_536,
}
"""Entries of each section of a config."""
ENTRY_KEYS_MAX: Final = 4_096
"""Keys of one mapping inside an entry (operations, inputs, weights of a pulse, ...)."""
NAME_LENGTH_MAX: Final = 256
"""Characters of a name."""
MIXER_ENTRIES_MAX: Final = 65_536
"""Corrections of one mixer."""
SAMPLES_MAX: Final = 1_000_000
"""Samples of one waveform, pairs of one digital waveform, entries of one list of integration weights."""
SAMPLES_TOTAL_MAX: Final = 8_000_000
"""Samples, pairs and weights of the whole config."""
WAVEFORM_MEMORY: Final = 65_000
"""Samples per element that fit into the hardware without compression; more is a warning."""

# --- hardware ---------------------------------------------------------------------------------------------------------

CYCLE_NS: Final = 4
VOLTS_LOW: Final = -0.5
VOLTS_HIGH: Final = 0.5 - 2**-16
AMPLIFIED_VOLTS: Final = 2.5
CORRECTION_LOW: Final = -2.0
CORRECTION_HIGH: Final = 2.0 - 2**-16
OUTPUT_DELAY_MAX_NS: Final = 16_000
FEEDFORWARD_TAPS_MAX: Final = (44, 37, 30, 23)
"""Feedforward coefficients of an OPX+ by number of feedback taps (0 to 3)."""
EXPONENTIALS_MAX: Final = 16
"""Exponential corrections of one LF-FEM port (choice)."""
FEMS_MAX: Final = 8
BANDS_HZ: Final = {1: (50e6, 5.5e9), 2: (4.5e9, 7.5e9), 3: (6.5e9, 10.5e9)}
FULL_SCALE_POWERS_DBM: Final = tuple(range(-11, 17, 3))
COUPLED_PORTS: Final = (
    (("out", 1), ("in", 1)),
    (("out", 2), ("out", 3)),
    (("out", 4), ("out", 5)),
    (("out", 6), ("out", 7)),
    (("out", 8), ("in", 2)),
)
"""Ports of a MW-FEM that share a synthesizer and so must use one band."""
PORT_COUNTS: Final = {
    "OPX": {"analog_outputs": 10, "analog_inputs": 2, "digital_outputs": 10, "digital_inputs": 10},
    "LF": {"analog_outputs": 8, "analog_inputs": 2, "digital_outputs": 8, "digital_inputs": 8},
    "MW": {"analog_outputs": 8, "analog_inputs": 2, "digital_outputs": 8, "digital_inputs": 8},
}
"""Ports by FEM type; digital inputs of FEMs are a choice."""
GAIN_DB: Final = {"OPX": (-12, 20), "LF": (-3, 29), "MW": (0, 32)}
DEADTIME_NS: Final = (4, 16)
THRESHOLD_MAX_VOLTS: Final = 3.3
PULSE_LENGTH_MIN_NS: Final = 16
PULSE_LENGTH_MAX_NS: Final = 1_000_000_000
"""Longest pulse (choice)."""
TIME_OF_FLIGHT_MIN_NS: Final = 24
TIME_OF_FLIGHT_MIN_TAGGING_NS: Final = 36
TIME_OF_FLIGHT_MAX_NS: Final = 1_000_000
"""Longest time of flight (choice)."""
STICKY_DURATION_MAX_NS: Final = 1_000_000_000
DIGITAL_WINDOW_NS: Final = 255
"""delay + 2·buffer of a digital input of an element."""
WEIGHT_MAX: Final = 2048.0
WEIGHT_USUAL_MAX: Final = 1024.0
"""The format table of the documentation ends here; above it, a warning."""
TAGGING_COUNTS_MAX: Final = 65_536
OCTAVE_LO_HZ: Final = (2e9, 18e9)
OCTAVE_GAIN_DB: Final = (-20.0, 20.0)
