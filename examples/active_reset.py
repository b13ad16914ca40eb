"""Active reset: a readout decides in real time, by a threshold, whether a pi pulse follows; a second one looks.

The state is drawn by the program (the plant has no qubit) and sets the amplitude of the probe: 1 excited, 1/2 ground.
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import PULSE_NS, READOUT_NS, READOUT_V, TIME_OF_FLIGHT_NS, demodulated
from running import finish, results_of

from quaymaster.qua import (
    Random,
    align,
    amp,
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    if_,
    measure,
    play,
    program,
    save,
    stream_processing,
    wait,
)

SHOTS, SEED = 500, 12345
EXCITED, GROUND = 1.0, 0.5
LEVELS = {state: demodulated(READOUT_V * state, READOUT_NS).real for state in (EXCITED, GROUND)}
THRESHOLD = sum(LEVELS.values()) / 2

with program() as active_reset:
    n, flips = declare(int), declare(int, value=0)
    state, i = declare(fixed), declare(fixed)
    before, after, flip_stream = declare_stream(), declare_stream(), declare_stream()
    random = Random(SEED)
    with for_(n, 0, n < SHOTS, n + 1):
        assign(state, GROUND)
        with if_(random.rand_int(2) == 1):
            assign(state, EXCITED)
        measure("readout" * amp(state), "resonator", None, demod.full("cos", i))
        save(i, before)
        align()
        with if_(i < THRESHOLD):
            play("x180", "qubit")
            assign(state, GROUND)
            assign(flips, flips + 1)
        align()
        measure("readout" * amp(state), "resonator", None, demod.full("cos", i))
        save(i, after)
        wait(250, "resonator")
    save(flips, flip_stream)
    with stream_processing():
        before.with_timestamps().save_all("before")
        after.with_timestamps().save_all("after")
        flip_stream.save("flips")


def drawn(count, seed):
    """The bits that Random(seed).rand_int(2) draws: the generator of the platform's documentation."""
    for _ in range(count):
        seed = (137939405 * seed + 12345) % 2**28
        yield seed * 2 >> 28


results = results_of(active_reset)
excited = np.array(list(drawn(SHOTS, SEED)), dtype=bool)
seen = {name: results[name]["value"] for name in ("before", "after")}
assert np.abs(seen["before"] - np.where(excited, LEVELS[EXCITED], LEVELS[GROUND])).max() < 1e-6
assert np.abs(seen["after"] - LEVELS[GROUND]).max() < 1e-6
assert results["flips"] == excited.sum()
between_ns = results["after"]["timestamp"] - results["before"]["timestamp"]
# the branch, taken or not, begins with the end of the first window; the second readout comes after the pulse
assert set(between_ns[~excited]) == {READOUT_NS + TIME_OF_FLIGHT_NS}
assert set(between_ns[excited]) == {READOUT_NS + TIME_OF_FLIGHT_NS + PULSE_NS}

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
bins = np.linspace(1.2 * LEVELS[EXCITED], 0, 60)
for name in ("before", "after"):
    axes.hist(seen[name], bins, alpha=0.6, label=f"{name} the reset")
axes.axvline(THRESHOLD, color="black", linestyle=":", label="threshold")
axes.set(xlabel="I", ylabel="shots", title=f"{results['flips']} of {SHOTS} shots were excited, and reset")
axes.legend()
finish(figure)
print(f"active_reset: {results['flips']} of {SHOTS} reset, {between_ns[excited][0]} ns from result to result")
