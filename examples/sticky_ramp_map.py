"""A map over two gate voltages: sticky gates are ramped from point to point, and go down at the end of each line.

The gates hold what they have got to, the sensor integrates what it hears: here the sum of both gates, a plane. A level
is a sum of steps of 2⁻¹⁶ V resolution.
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import READOUT_NS, config
from running import finish, results_of

from quaymaster.qua import (
    align,
    amp,
    declare,
    declare_stream,
    fixed,
    for_,
    integration,
    measure,
    play,
    program,
    ramp,
    ramp_to_zero,
    save,
    stream_processing,
    wait,
)

POINTS_X, POINTS_Y = 24, 16
RAMP_NS = 100
STEP_X, STEP_Y = 0.008, -0.006  # V from point to point


def gate(port):
    """A sticky element without an oscillator, which the sensor's input hears."""
    return {
        "singleInput": {"port": ("con1", port)},
        "outputs": {"out1": ("con1", 1)},
        "time_of_flight": 40,
        "smearing": 0,
        "sticky": {"analog": True, "duration": 400},
        "operations": {},
    }


outputs = {port: {} for port in (1, 2, 3, 4)}
gates_config = config | {
    "controllers": {"con1": config["controllers"]["con1"] | {"analog_outputs": outputs}},
    "elements": config["elements"] | {"gate_x": gate(3), "gate_y": gate(4)},
}

with program() as sticky_ramp_map:
    x, y, level = declare(int), declare(int), declare(fixed)
    stream = declare_stream()
    with for_(y, 0, y < POINTS_Y, y + 1):
        play(ramp(STEP_Y / RAMP_NS), "gate_y", duration=RAMP_NS // 4)
        align("gate_x", "gate_y")
        with for_(x, 0, x < POINTS_X, x + 1):
            play(ramp(STEP_X / RAMP_NS), "gate_x", duration=RAMP_NS // 4)
            wait(25, "gate_x")  # settle
            align("gate_x", "resonator")
            measure("readout" * amp(0.0), "resonator", integration.full("cos", level))
            align("gate_x", "resonator")
            save(level, stream)
        ramp_to_zero("gate_x")
        align("gate_x", "gate_y")
    ramp_to_zero("gate_y")
    with stream_processing():
        stream.buffer(POINTS_X).buffer(POINTS_Y).save("map")

found = -results_of(sticky_ramp_map, gates_config)["map"] * 4096 / READOUT_NS  # V; the converter inverts
gate_x, gate_y = STEP_X * np.arange(1, POINTS_X + 1), STEP_Y * np.arange(1, POINTS_Y + 1)
expected = gate_x[None, :] + gate_y[:, None]
assert found.shape == expected.shape
error = np.abs(found - expected).max()
assert error < (POINTS_X + POINTS_Y) * 2.0**-17 + 1e-4, error  # half a step of each ramp, and of the integral

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
spacing = STEP_X / 2, STEP_Y / 2
extent = (gate_x[0] - spacing[0], gate_x[-1] + spacing[0], gate_y[0] - spacing[1], gate_y[-1] + spacing[1])
image = axes.imshow(found * 1e3, origin="lower", aspect="auto", extent=[1e3 * value for value in extent])
axes.contour(1e3 * gate_x, 1e3 * gate_y, expected * 1e3, colors="white", linewidths=0.6)
axes.set(xlabel="gate x (mV)", ylabel="gate y (mV)", title="what the sensor hears of two gates; lines: their sum")
figure.colorbar(image, label="level (mV)")
finish(figure)
print(f"sticky_ramp_map: {found.size} points agree with the sum of the gates within {error * 1e6:.0f} µV")
