"""Ramsey with a frame rotation: two pulses a time apart, the second turned by a detuning that is in the frame alone.

Both pulses fall into one readout window, where they interfere: (1 + exp(-i·phi))/2 of one pulse of twice the length.
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import PULSE_NS, PULSE_V, demodulated
from running import finish, results_of

from quaymaster.qua import (
    Cast,
    align,
    amp,
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    frame_rotation_2pi,
    measure,
    play,
    program,
    reset_frame,
    save,
    stream_processing,
    wait,
)

SHOTS = 50
DETUNING_HZ = 5e6
WAITS = np.arange(4, 150, 2)  # cycles
TURNS_PER_CYCLE = DETUNING_HZ * 4e-9

with program() as ramsey:
    n, tau, phi, i, q = declare(int), declare(int), declare(fixed), declare(fixed), declare(fixed)
    i_stream, q_stream = declare_stream(), declare_stream()
    with for_(n, 0, n < SHOTS, n + 1), for_(tau, int(WAITS[0]), tau <= int(WAITS[-1]), tau + int(WAITS[1] - WAITS[0])):
        reset_frame("qubit")
        assign(phi, Cast.mul_fixed_by_int(TURNS_PER_CYCLE, tau))
        play("x180", "qubit")
        wait(tau, "qubit")
        frame_rotation_2pi(phi, "qubit")
        play("x180", "qubit")
        measure("readout" * amp(0.0), "resonator", None, demod.full("cos", i), demod.full("sin", q))
        save(i, i_stream)
        save(q, q_stream)
        align()
        wait(250, "resonator")
    with stream_processing():
        i_stream.buffer(len(WAITS)).average().save("I")
        q_stream.buffer(len(WAITS)).average().save("Q")

results = results_of(ramsey)
found = results["I"] + 1j * results["Q"]
turns = np.round(TURNS_PER_CYCLE * WAITS * 2**16) / 2**16  # frames have a resolution of 2⁻¹⁶ turns
expected = demodulated(PULSE_V, PULSE_NS) + demodulated(PULSE_V, PULSE_NS, turns)
assert found.shape == expected.shape
assert np.abs(found - expected).max() < 1e-6, np.abs(found - expected).max()

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for part, name in ((np.real, "I"), (np.imag, "Q")):
    (dots,) = axes.plot(4 * WAITS, part(found) * 1e3, ".", label=name)
    axes.plot(4 * WAITS, part(expected) * 1e3, color=dots.get_color(), linewidth=0.8)
axes.set(
    xlabel="time between the pulses (ns)", ylabel="10⁻³", title=f"Ramsey at {DETUNING_HZ / 1e6:g} MHz; lines: formula"
)
axes.legend()
finish(figure)
print(f"ramsey: {found.size} points agree with the formula")
