"""Fluorescence lifetime: photons leave an emitter at random after each shot, a detector's input tags them.

There is no emitter on a fresh cluster, so the program makes one: it draws each delay from an exponential distribution
and plays a short pulse, which the plant `echo` brings to the detector.
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import COUNTING_NS
from running import finish, results_of

from quaymaster.qua import (
    Cast,
    Math,
    Random,
    Util,
    align,
    assign,
    declare,
    declare_stream,
    fixed,
    for_,
    measure,
    play,
    program,
    save,
    stream_processing,
    time_tagging,
    wait,
)

SHOTS = 5000
LIFETIME_NS, FIRST_NS = 160, 16  # the shortest wait is 16 ns
BIN_NS = 20
BINS = [[t, t + BIN_NS - 1] for t in range(0, COUNTING_NS, BIN_NS)]

with program() as lifetime:
    n, i, counts, delay, u = declare(int), declare(int), declare(int), declare(int), declare(fixed)
    times = declare(int, size=10)
    times_stream, counts_stream, delays_stream = declare_stream(), declare_stream(), declare_stream()
    random = Random(20260101)
    with for_(n, 0, n < SHOTS, n + 1):
        assign(u, random.rand_fixed())
        assign(u, Util.cond(u < 0.001, 0.001, u))  # a fixed ends at -8, and ln(0.001) is -6.9: beyond the window
        assign(delay, FIRST_NS // 4 + Cast.mul_int_by_fixed(LIFETIME_NS // 4, -Math.ln(u)))
        align()
        measure("count", "detector", None, time_tagging.analog(times, COUNTING_NS, counts))
        wait(delay, "emitter")
        play("photon", "emitter")
        with for_(i, 0, i < counts, i + 1):
            save(times[i], times_stream)
        save(counts, counts_stream)
        save(delay, delays_stream)
    with stream_processing():
        times_stream.histogram(BINS).save("histogram")
        times_stream.save_all("times")
        counts_stream.average().save("counts")
        delays_stream.save_all("delays")

results = results_of(lifetime)
emitted = 4 * results["delays"]["value"]
heard = emitted[emitted < COUNTING_NS]
assert np.array_equal(results["times"]["value"], heard)  # each photon within the window, to the nanosecond
assert np.array_equal(results["histogram"], np.histogram(heard, np.arange(0, COUNTING_NS + 1, BIN_NS))[0])
assert results["counts"] == len(heard) / SHOTS
step = np.exp(-4 / LIFETIME_NS)  # delays are whole cycles, so their distribution is geometric
mean = FIRST_NS + 4 * step / (1 - step)
assert abs(emitted.mean() - mean) < 4 * LIFETIME_NS / np.sqrt(SHOTS), emitted.mean()

centers = np.array(BINS).mean(axis=1)
edges = np.arange(0, COUNTING_NS + 1, BIN_NS)
left = np.where(edges >= FIRST_NS, step ** np.ceil((edges - FIRST_NS).clip(0) / 4), 1.0)  # not yet emitted
figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
axes.bar(centers, results["histogram"], width=BIN_NS - 3, color="tab:blue", alpha=0.6, label=f"{len(heard)} tags")
axes.plot(centers, -SHOTS * np.diff(left), "o-", color="tab:red", markersize=3, label=f"lifetime of {LIFETIME_NS} ns")
axes.set(xlabel="time since the shot (ns)", ylabel=f"photons in {BIN_NS} ns", title="time-tagged photons")
axes.legend()
finish(figure)
print(f"time_tagging_histogram: {len(heard)} tags are where their photons left; mean {emitted.mean():.1f} ns")
