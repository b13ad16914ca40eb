"""A chirp seen by its own echo: which frequency sounds when, a demodulation of ten slices at each frequency.

The sweep is the discrete one of the platform, 2π(f·n + a·n(n+1)/2); each point is the plain sum over its slice.
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import PULSE_V, READOUT_NS, TIME_OF_FLIGHT_NS
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
    reset_if_phase,
    save,
    stream_processing,
    update_frequency,
    wait,
)

SHOTS = 4
START_HZ, RATE_HZ_PER_NS = 20_000_000, 60_000  # 60 MHz in 1 µs
FREQUENCIES = np.arange(10_000_000, 90_000_001, 2_000_000)
SLICES, SLICE_NS = 10, READOUT_NS // 10

with program() as chirp_spectroscopy:
    n, f, k = declare(int), declare(int), declare(int)
    i, q = declare(fixed, size=SLICES), declare(fixed, size=SLICES)
    i_stream, q_stream = declare_stream(), declare_stream()
    first, last, step = int(FREQUENCIES[0]), int(FREQUENCIES[-1]), int(FREQUENCIES[1] - FREQUENCIES[0])
    update_frequency("qubit", START_HZ)
    with for_(n, 0, n < SHOTS, n + 1), for_(f, first, f <= last, f + step):
        update_frequency("resonator", f)
        reset_if_phase("qubit")
        reset_if_phase("resonator")
        align()
        play("x180", "qubit", duration=READOUT_NS // 4, chirp=(RATE_HZ_PER_NS, "Hz/nsec"))
        measure(
            "readout" * amp(0.0),
            "resonator",
            demod.sliced("cos", i, SLICE_NS // 4),
            demod.sliced("sin", q, SLICE_NS // 4),
        )
        with for_(k, 0, k < SLICES, k + 1):
            save(i[k], i_stream)
            save(q[k], q_stream)
        wait(250)
    with stream_processing():
        i_stream.buffer(SLICES).buffer(len(FREQUENCIES)).average().save("I")
        q_stream.buffer(SLICES).buffer(len(FREQUENCIES)).average().save("Q")

results = results_of(chirp_spectroscopy)
found = results["I"] + 1j * results["Q"]
t = np.arange(READOUT_NS)
volts = -PULSE_V * np.cos(2e-9 * np.pi * (START_HZ * t + RATE_HZ_PER_NS * t * (t + 1) / 2))
turning = np.exp(2e-9j * np.pi * np.outer(FREQUENCIES, t + TIME_OF_FLIGHT_NS))
expected = (volts * turning).reshape(len(FREQUENCIES), SLICES, SLICE_NS).sum(axis=2) / 4096
assert found.shape == expected.shape
error = np.abs(found - expected).max()
assert error < 1e-6, error
middles = (np.arange(SLICES) + 0.5) * SLICE_NS
loudest = FREQUENCIES[np.abs(found).argmax(axis=0)]
assert np.abs(loudest - START_HZ - RATE_HZ_PER_NS * middles).max() <= step

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
image = axes.imshow(
    np.abs(found) * 1e3, origin="lower", aspect="auto", extent=(0, READOUT_NS, first / 1e6 - 1, last / 1e6 + 1)
)
axes.plot(t, (START_HZ + RATE_HZ_PER_NS * t) / 1e6, color="white", linewidth=0.8, linestyle="--")
axes.set(xlabel="time in the pulse (ns)", ylabel="demodulated at (MHz)", title="a chirp by slices; line: its frequency")
figure.colorbar(image, label="|I + iQ| (10⁻³)")
finish(figure)
print(f"chirp_spectroscopy: {found.size} points agree with their sums within {error:.1e}")
