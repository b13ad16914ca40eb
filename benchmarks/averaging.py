"""The averaging loop that the engine is judged by: play 100 ns, measure 1 µs, save I and Q, wait 10 µs, noise in each
integral. On the instrument a shot takes 11.1 µs."""

from __future__ import annotations

from typing import Any

from quaymaster._core.config import check_config
from quaymaster._core.engine.image import Image
from quaymaster._core.engine.machine import Machine
from quaymaster.controller.compiler import compile_program
from quaymaster.controller.plant import hearing
from quaymaster.qua import declare, declare_stream, demod, fixed, for_, measure, play, program, save, wait

NOISE_V2 = 1e-4
STEPS = 10_000_000


def readout_config(frequency_hz: float = 50e6) -> dict[str, Any]:
    """One readout element that also plays a 100 ns drive pulse."""
    flat = [(1.0, 1000)], [(0.0, 1000)]
    return {
        "controllers": {"con1": {"analog_outputs": {1: {}}, "analog_inputs": {1: {}}, "digital_outputs": {1: {}}}},
        "elements": {
            "resonator": {
                "singleInput": {"port": ("con1", 1)},
                "outputs": {"out1": ("con1", 1)},
                "time_of_flight": 24,
                "smearing": 0,
                "intermediate_frequency": frequency_hz,
                "operations": {"readout": "readout", "x": "x"},
            }
        },
        "pulses": {
            "x": {"operation": "control", "length": 100, "waveforms": {"single": "flat"}},
            "readout": {
                "operation": "measurement",
                "length": 1000,
                "waveforms": {"single": "flat"},
                "integration_weights": {"cos": "cosine", "sin": "sine"},
            },
        },
        "waveforms": {"flat": {"type": "constant", "sample": 0.2}},
        "integration_weights": {
            "cosine": {"cosine": flat[0], "sine": flat[1]},
            "sine": {"cosine": flat[1], "sine": flat[0]},
        },
    }


def averaging_program(shots: int) -> program:
    """The loop, saving every I and Q."""
    with program() as prog:
        n = declare(int)
        i, q = declare(fixed), declare(fixed)
        i_stream, q_stream = declare_stream(), declare_stream()
        with for_(n, 0, n < shots, n + 1):
            play("x", "resonator")
            measure("readout", "resonator", None, demod.full("cos", i), demod.full("sin", q))
            save(i, i_stream)
            save(q, q_stream)
            wait(2500, "resonator")
    return prog


class Loop:
    """The loop, compiled; each `run` is a fresh machine over the same image."""

    def __init__(self, shots: int, frequency_hz: float = 50e6) -> None:
        self.shots = shots
        config = check_config(readout_config(frequency_hz))
        self.image: Image = compile_program(averaging_program(shots).tree, config)
        self.plant = hearing(config, ["resonator"], plant="echo", noise_variance=NOISE_V2)

    def run(self) -> None:
        """Run to the end, draining as the controller does."""
        machine = Machine(self.image, seed=1, plant=self.plant)
        saved = 0
        while machine.run(STEPS) != "done":
            saved += sum(len(chunk[1]) for chunk in machine.drain())
        saved += sum(len(chunk[1]) for chunk in machine.drain())
        assert saved == 2 * self.shots, saved
