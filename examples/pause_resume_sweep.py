"""A sweep of something that no program can set: one pause a point, in which Python turns the knob of an instrument.

The instrument is a magnet whose field moves a resonance across the probe. There is none behind the twin's ports, so
Python passes the transmission that it would cause along as IO1, and the program scales its probe by that.
"""

import time

import matplotlib.pyplot as plt
import numpy as np
from configuration import READOUT_NS, READOUT_V, demodulated
from running import finish, results_at_the_end, started

from quaymaster.qua import (
    FUNCTIONS,
    IO1,
    amp,
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    measure,
    pause,
    program,
    save,
    stream_processing,
    wait,
)

FIELDS_MT = np.linspace(-20, 20, 21)
RESONANCE_MT, WIDTH_MT = 4.0, 6.0
AVERAGES = 100


def transmission(field_mt):
    """A dip of half the height."""
    return 1 - 0.5 / (1 + ((field_mt - RESONANCE_MT) / (WIDTH_MT / 2)) ** 2)


def wait_until_job_is_paused(job):
    """As in the scripts of many laboratories."""
    while not job.is_paused():
        time.sleep(0.01)


with program() as sweep:
    point, n, scale, i = declare(int), declare(int), declare(fixed), declare(fixed)
    i_stream = declare_stream()
    with for_(point, 0, point < len(FIELDS_MT), point + 1):
        pause()
        assign(scale, IO1)
        with for_(n, 0, n < AVERAGES, n + 1):
            measure("readout" * amp(scale), "resonator", None, demod.full("cos", i))
            save(i, i_stream)
            wait(250, "resonator")
    with stream_processing():
        i_stream.buffer(AVERAGES).map(FUNCTIONS.average()).save_all("I")

with started(sweep) as (qm, job):
    for k, field_mt in enumerate(FIELDS_MT):
        wait_until_job_is_paused(job)
        assert job.result_handles.I.count_so_far() == k  # all points before this one can be fetched
        qm.set_io1_value(transmission(field_mt))  # here a script sets its instrument
        job.resume()
    found = results_at_the_end(job)["I"]["value"]

scales = np.round(transmission(FIELDS_MT) * 2**16) / 2**16  # amplitudes have a resolution of 2⁻¹⁶
expected = demodulated(READOUT_V * scales, READOUT_NS).real
assert np.abs(found - expected).max() < 1e-6, np.abs(found - expected).max()

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
many = np.linspace(FIELDS_MT[0], FIELDS_MT[-1], 300)
axes.plot(many, -demodulated(READOUT_V * transmission(many), READOUT_NS).real * 1e3, color="grey", label="formula")
axes.plot(FIELDS_MT, -found * 1e3, ".", label=f"mean of {AVERAGES} readouts")
axes.set(xlabel="field (mT)", ylabel="-I (10⁻³)", title=f"{len(FIELDS_MT)} pauses, a field in each")
axes.legend()
finish(figure)
print(f"pause_resume_sweep: {len(found)} points agree with the formula")
