"""Raw ADC: the trace of one readout pulse, a single one and the mean of many, as before every calibration."""

import matplotlib.pyplot as plt
import numpy as np
from configuration import FREQUENCY_HZ, READOUT_NS, READOUT_V
from running import finish, results_of

from quaymaster.qua import (
    declare,
    declare_stream,
    for_,
    measure,
    program,
    reset_if_phase,
    save,
    stream_processing,
    wait,
)

SHOTS = 200

with program() as raw_adc:
    n = declare(int)
    adc, counter = declare_stream(adc_trace=True), declare_stream()
    with for_(n, 0, n < SHOTS, n + 1):
        reset_if_phase("resonator")
        measure("readout", "resonator", adc)
        save(n, counter)
        wait(1001, "resonator")
    with stream_processing():
        adc.input1().average().save("mean")
        adc.input1().save("single")
        counter.save("n")

results = results_of(raw_adc)
t = np.arange(READOUT_NS)  # ns since the first sample of the pulse is heard
expected = -READOUT_V * np.cos(2 * np.pi * FREQUENCY_HZ * t * 1e-9) * 4096
assert results["n"] == SHOTS - 1
for name in ("mean", "single"):
    assert results[name].shape == (READOUT_NS,)
    rounded = expected - results[name]  # the converter rounds down, so 0 to 1 count is lost
    assert rounded.min() >= -1e-6 and rounded.max() <= 1 + 1e-6, (name, rounded.min(), rounded.max())

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
shown = slice(0, 120)
axes.step(t[shown], results["single"][shown], where="mid", label="one trace")
axes.plot(t[shown], results["mean"][shown], ".", label=f"mean of {SHOTS}")
axes.plot(t[shown], expected[shown], linewidth=0.8, label="formula")
axes.set(xlabel="time in the window (ns)", ylabel="ADC counts", title="readout pulse of 0.1 V at 50 MHz, inverted")
axes.set_ylim(-450, 600)
axes.legend(loc="upper center", ncols=3)
finish(figure)
print(f"raw_adc: {READOUT_NS} samples agree with the formula within one count")
