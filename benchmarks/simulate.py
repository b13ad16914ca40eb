"""How long from the call of `simulate` to the samples in hand, through a cluster of processes, warm.

40 us (10,000 cycles) of an OPX+ with all its ports declared: ten analog and ten digital outputs, five IQ elements that
play and measure side by side. The goal is 50 ms.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from figures import Figure, parser, show
from process_cluster import ProcessCluster

from quaymaster import LoopbackInterface, SimulationConfig
from quaymaster.qua import align, declare, declare_stream, dual_demod, fixed, for_, measure, play, program, save, wait

GOAL_MS = 50.0
REPEATS = 30


def full_config() -> dict[str, Any]:
    """Ten analog and ten digital outputs, two inputs; five elements on two ports each, one of which measures."""
    elements = {}
    for number in range(1, 6):
        elements[f"q{number}"] = {
            "mixInputs": {"I": ("con1", 2 * number - 1), "Q": ("con1", 2 * number)},
            "intermediate_frequency": 10e6 * number + 123.457,
            "operations": {"pulse": "pulse", "readout": "readout"},
            "digitalInputs": {"marker": {"port": ("con1", number), "delay": 10, "buffer": 2}},
        }
    elements["q5"] |= {"outputs": {"out1": ("con1", 1), "out2": ("con1", 2)}, "time_of_flight": 24, "smearing": 0}
    length = 1000
    return {
        "controllers": {
            "con1": {
                "type": "opx1",
                "analog_outputs": {number: {"offset": 0.01} for number in range(1, 11)},
                "digital_outputs": {number: {} for number in range(1, 11)},
                "analog_inputs": {1: {}, 2: {}},
            }
        },
        "elements": elements,
        "pulses": {
            "pulse": {
                "operation": "control",
                "length": 100,
                "waveforms": {"I": "shape", "Q": "zero"},
                "digital_marker": "ON",
            },
            "readout": {
                "operation": "measurement",
                "length": length,
                "waveforms": {"I": "level", "Q": "zero"},
                "integration_weights": {"cos": "cos", "sin": "sin"},
                "digital_marker": "ON",
            },
        },
        "waveforms": {
            "shape": {"type": "arbitrary", "samples": [0.002 * k for k in range(100)]},
            "level": {"type": "constant", "sample": 0.1},
            "zero": {"type": "constant", "sample": 0.0},
        },
        "digital_waveforms": {"ON": {"samples": [(1, 0)]}},
        "integration_weights": {
            "cos": {"cosine": [(1.0, length)], "sine": [(0.0, length)]},
            "sin": {"cosine": [(0.0, length)], "sine": [(1.0, length)]},
        },
    }


def sequence() -> program:
    """Ten pulses on each of four elements, then a readout; again and again."""
    names = [f"q{number}" for number in range(1, 5)]
    with program() as prog:
        n, k = declare(int), declare(int)
        value, values = declare(fixed), declare_stream()
        with for_(n, 0, n < 1_000_000, n + 1):
            for name in names:
                with for_(k, 0, k < 10, k + 1):
                    play("pulse", name)
            align()
            measure("readout", "q5", dual_demod.full("cos", "out1", "sin", "out2", value))
            save(value, values)
            wait(25)
    return prog


def measured(qmm: Any) -> tuple[float, float]:
    """Median ms to the samples, and to the samples and the report."""
    config, prog = full_config(), sequence()
    asked = SimulationConfig(10_000, simulation_interface=LoopbackInterface([("con1", 9, "con1", 1)]))
    samples_ms, all_ms = [], []
    for _ in range(REPEATS):
        began = time.perf_counter()
        job = qmm.simulate(config, prog, asked)
        job.get_simulated_samples()
        samples_ms.append(1000 * (time.perf_counter() - began))
        job.get_simulated_waveform_report()
        all_ms.append(1000 * (time.perf_counter() - began))
    return statistics.median(samples_ms[3:]), statistics.median(all_ms[3:])


def main() -> None:
    """Start a cluster, measure, print."""
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        cluster = ProcessCluster(Path(folder), {"con1": "opx+"})
        try:
            cluster.start()
            samples_ms, all_ms = measured(cluster.manager())
        finally:
            cluster.stop()
    show(
        [
            Figure("simulate 40 us, 10 + 10 ports: call to samples", samples_ms, GOAL_MS, "ms", "less"),
            Figure("the same, and the report", all_ms, GOAL_MS, "ms", "less"),
        ],
        options.json,
    )


if __name__ == "__main__":
    main()
