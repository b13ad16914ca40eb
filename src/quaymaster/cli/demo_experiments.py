"""The experiments of the demo: configs, programs, and the formulas that judge their results.

Each controller's output 1 is wired back to its input 1 with a delay of LATENCY_NS. A cosine of amplitude a, demodulated
over N ns with the phase of its own oscillator, then gives I = -a·N/2/4096·cos(2πf·LATENCY) (the converter inverts).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..client.qua import (
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    measure,
    play,
    program,
    save,
    stream_processing,
    update_frequency,
    wait,
)

LATENCY_NS = 264
TRACE_TOF_NS = 24
READOUT_NS = 1000
AMPLITUDE = 0.2
NOISE_V2 = 1e-4
FREQUENCY_HZ = 50_000_000
SWEEP_HZ = range(1_000_000, 101_000_000, 1_000_000)
COUNTS_PER_V = 4096
Program = Any


def demo_config(controller: str, time_of_flight_ns: int) -> dict[str, Any]:
    """One readout element on output 1 and input 1 of a controller, and a drive on output 2."""
    return {
        "controllers": {
            controller: {
                "analog_outputs": {1: {"offset": 0.0}, 2: {"offset": 0.0}},
                "analog_inputs": {1: {"offset": 0.0}},
                "digital_outputs": {1: {}},
            }
        },
        "elements": {
            "resonator": {
                "singleInput": {"port": (controller, 1)},
                "outputs": {"out1": (controller, 1)},
                "time_of_flight": time_of_flight_ns,
                "smearing": 0,
                "intermediate_frequency": FREQUENCY_HZ,
                "operations": {"readout": "readout_pulse"},
            },
            "drive": {
                "singleInput": {"port": (controller, 2)},
                "intermediate_frequency": 20e6,
                "operations": {"x180": "x180_pulse"},
            },
        },
        "pulses": {
            "readout_pulse": {
                "operation": "measurement",
                "length": READOUT_NS,
                "waveforms": {"single": "readout_wf"},
                "integration_weights": {"cos": "cosine", "sin": "sine"},
                "digital_marker": "on",
            },
            "x180_pulse": {"operation": "control", "length": 100, "waveforms": {"single": "drive_wf"}},
        },
        "waveforms": {
            "readout_wf": {"type": "constant", "sample": AMPLITUDE},
            "drive_wf": {"type": "constant", "sample": 0.1},
        },
        "digital_waveforms": {"on": {"samples": [(1, 0)]}},
        "integration_weights": {
            "cosine": {"cosine": [(1.0, READOUT_NS)], "sine": [(0.0, READOUT_NS)]},
            "sine": {"cosine": [(0.0, READOUT_NS)], "sine": [(1.0, READOUT_NS)]},
        },
    }


def time_of_flight_program(shots: int) -> Program:
    """Average the raw trace of one readout pulse."""
    with program() as prog:
        n = declare(int)
        adc = declare_stream(adc_trace=True)
        with for_(n, 0, n < shots, n + 1):
            measure("readout", "resonator", adc)
            wait(1000, "resonator")
        with stream_processing():
            adc.input1().average().save("trace")
    return prog


def sweep_program(shots: int) -> Program:
    """Demodulate at each frequency of SWEEP_HZ, averaged over shots."""
    with program() as prog:
        n, f = declare(int), declare(int)
        i, q = declare(fixed), declare(fixed)
        i_stream, q_stream = declare_stream(), declare_stream()
        with for_(n, 0, n < shots, n + 1), for_(f, SWEEP_HZ.start, f < SWEEP_HZ.stop, f + SWEEP_HZ.step):
            update_frequency("resonator", f)
            measure("readout", "resonator", None, demod.full("cos", i), demod.full("sin", q))
            save(i, i_stream)
            save(q, q_stream)
            wait(250, "resonator")
        with stream_processing():
            i_stream.buffer(len(SWEEP_HZ)).average().save("I")
            q_stream.buffer(len(SWEEP_HZ)).average().save("Q")
    return prog


def drive_program(pulses: int) -> Program:
    """A calibration stand-in: many drive pulses, and how many there were."""
    with program() as prog:
        n, count = declare(int), declare(int)
        stream = declare_stream()
        with for_(n, 0, n < pulses, n + 1):
            play("x180", "drive")
            assign(count, count + 1)
            wait(100, "drive")
        save(count, stream)
        with stream_processing():
            stream.save("count")
    return prog


def expected_trace() -> NDArray[np.float64]:
    """Counts of the averaged raw trace, sample by sample: the pulse arrives LATENCY_NS after it was played."""
    t = np.arange(READOUT_NS) + TRACE_TOF_NS - LATENCY_NS
    # the oscillator runs from the start of the program; a shot lasts 5 µs, which holds whole periods
    signal = AMPLITUDE * np.cos(2 * np.pi * FREQUENCY_HZ * 1e-9 * t)
    # the converter rounds down: half a count on the average, where noise is larger than a count
    return np.where(t >= 0, -signal * COUNTS_PER_V, 0.0) - 0.5


def expected_sweep(frequencies_hz: NDArray[Any] | range = SWEEP_HZ) -> NDArray[np.complex128]:
    """I + iQ at each frequency, for those with whole periods in a readout."""
    phase = 2 * np.pi * np.array(frequencies_hz) * 1e-9 * LATENCY_NS
    scale = -AMPLITUDE * READOUT_NS / 2 / COUNTS_PER_V
    return scale * (np.cos(phase) + 1j * np.sin(phase))


def sweep_sigma(shots: int) -> float:
    """Standard deviation of one averaged I or Q: of σ·Σ cos over N samples, scaled, over shots."""
    return float(np.sqrt(NOISE_V2 * READOUT_NS / 2) / COUNTS_PER_V / np.sqrt(shots))


def trace_sigma(shots: int) -> float:
    """Standard deviation, in counts, of one sample of the averaged trace (noise and rounding)."""
    return float(np.sqrt((NOISE_V2 * COUNTS_PER_V**2 + 1 / 12) / shots))
