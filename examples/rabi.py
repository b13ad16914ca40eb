"""Rabi: amplitude and duration of a drive pulse are swept, and the readout hears the pulse beside its own probe.

Without a qubit the answer is the pulse's area, which is what turns a qubit; the probe is in every cell of the map.
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import PULSE_V, READOUT_NS, READOUT_V, demodulated
from running import finish, results_of

from quaymaster.qua import (
    align,
    amp,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    for_each_,
    measure,
    play,
    program,
    save,
    stream_processing,
    wait,
)

SHOTS = 20
AMPLITUDES = np.arange(-1.0, 1.001, 0.125)
DURATIONS_NS = np.arange(20, 801, 60)

with program() as rabi:
    n, t, a, i, q = declare(int), declare(int), declare(fixed), declare(fixed), declare(fixed)
    i_stream, q_stream = declare_stream(), declare_stream()
    amplitudes, durations = AMPLITUDES.tolist(), (DURATIONS_NS // 4).tolist()
    with for_(n, 0, n < SHOTS, n + 1), for_each_(a, amplitudes), for_each_(t, durations):
        play("x180" * amp(a), "qubit", duration=t)
        measure("readout", "resonator", None, demod.full("cos", i), demod.full("sin", q))
        save(i, i_stream)
        save(q, q_stream)
        wait(250, "resonator")
        align()
    with stream_processing():
        i_stream.buffer(len(DURATIONS_NS)).buffer(len(AMPLITUDES)).average().save("I")
        q_stream.buffer(len(DURATIONS_NS)).buffer(len(AMPLITUDES)).average().save("Q")

results = results_of(rabi)
probe = demodulated(READOUT_V, READOUT_NS)
expected = probe + demodulated(PULSE_V * AMPLITUDES[:, np.newaxis], DURATIONS_NS)
found = results["I"] + 1j * results["Q"]
assert found.shape == expected.shape
assert np.abs(found - expected).max() < 1e-6, np.abs(found - expected).max()

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
mesh = left.pcolormesh(DURATIONS_NS, AMPLITUDES, found.real * 1e3)
figure.colorbar(mesh, label="I (10⁻³)")
left.set(xlabel="duration (ns)", ylabel="amplitude", title="drive pulse beside the probe")
for k in range(0, len(AMPLITUDES), 4):
    (line,) = right.plot(DURATIONS_NS, found[k].real * 1e3, "o", label=f"amplitude {AMPLITUDES[k]:g}")
    right.plot(DURATIONS_NS, expected[k].real * 1e3, color=line.get_color())
right.set(xlabel="duration (ns)", ylabel="I (10⁻³)", title="dots: measured, lines: formula")
right.legend(loc="lower left")
finish(figure)
print(f"rabi: {found.size} points agree with the formula")
