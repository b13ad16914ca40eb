"""Pulse stretching: a sampled Gaussian is played at many durations; its area, so the rotation, grows with them."""

import matplotlib.pyplot as plt
import numpy as np
from configuration import GAUSS, GAUSS_NS, demodulated
from running import finish, results_of

from quaymaster.qua import (
    align,
    amp,
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
    wait,
)

SHOTS = 10
CYCLES = np.arange(GAUSS_NS // 4, 201, 5)

with program() as stretched_pulses:
    n, t, a, i, q = declare(int), declare(int), declare(fixed), declare(fixed), declare(fixed)
    i_stream, q_stream = declare_stream(), declare_stream()
    first, last = int(CYCLES[0]), int(CYCLES[-1])
    with for_(n, 0, n < SHOTS, n + 1), for_(a, 0.25, a < 1.1, a + 0.25), for_(t, first, t <= last, t + 5):
        play("gauss" * amp(a), "qubit", duration=t)
        measure("readout" * amp(0.0), "resonator", None, demod.full("cos", i), demod.full("sin", q))
        save(i, i_stream)
        save(q, q_stream)
        wait(250, "resonator")
        align()
    with stream_processing():
        i_stream.buffer(4, len(CYCLES)).average().save("I")
        q_stream.buffer(4, len(CYCLES)).average().save("Q")

results = results_of(stretched_pulses)
found = results["I"] + 1j * results["Q"]
scale = 4 * CYCLES / GAUSS_NS
amplitudes = np.array([0.25, 0.5, 0.75, 1.0])
# a smooth pulse gives half its sum, as a constant one does; stretched by s it has s times the sum, within its cut edges
expected = np.outer(amplitudes, demodulated(GAUSS.sum(), scale))
assert found.shape == expected.shape
error = np.abs(found - expected).max() / np.abs(expected).max()
assert error < 2e-3, error
assert np.abs(found[:, 0] - expected[:, 0]).max() < 1e-6

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
for k, amplitude in enumerate(amplitudes):
    (dots,) = axes.plot(4 * CYCLES, found[k].real * 1e3, ".", label=f"amplitude {amplitude:g}")
    axes.plot(4 * CYCLES, expected[k].real * 1e3, color=dots.get_color(), linewidth=0.8)
axes.set(xlabel="duration (ns)", ylabel="I (10⁻³)", title="a Gaussian of 200 ns, stretched; lines: its area")
axes.legend()
finish(figure)
print(f"stretched_pulses: {found.size} points agree with the area within {error:.1e}")
