"""An input stream: Python looks at each result and pushes the next parameter, while the program runs on.

Two pulses fall into one readout window, the second turned by what Python pushes and by a drift that it does not know:
they cancel where both together make half a turn. Q has another sign on each side of that, so Python halves an interval.
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import PULSE_NS, PULSE_V, demodulated
from running import finish, results_at_the_end, started

from quaymaster.qua import (
    advance_input_stream,
    align,
    amp,
    declare,
    declare_input_stream,
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

STEPS = 14
DRIFT = 0.1234

with program() as feedback:
    n, i, q = declare(int), declare(fixed), declare(fixed)
    turn = declare_input_stream(fixed, name="turn")
    i_stream, q_stream = declare_stream(), declare_stream()
    with for_(n, 0, n < STEPS, n + 1):
        advance_input_stream(turn)
        align()  # only the qubit's frame needs the entry; the resonator would not wait for it
        reset_frame("qubit")
        play("x180", "qubit")
        frame_rotation_2pi(turn + DRIFT, "qubit")
        play("x180", "qubit")
        measure("readout" * amp(0.0), "resonator", None, demod.full("cos", i), demod.full("sin", q))
        save(i, i_stream)
        save(q, q_stream)
        align()
        wait(250, "resonator")
    with stream_processing():
        i_stream.save_all("I")
        q_stream.save_all("Q")

low, high, pushed = 0.2, 0.6, []
with started(feedback) as (_, job):
    handle = job.result_handles.Q
    for step in range(STEPS):
        pushed.append((low + high) / 2)
        job.push_to_input_stream("turn", pushed[-1])
        handle.wait_for_values(step + 1)
        if handle.fetch(step)["value"][0] > 0:
            low = pushed[-1]
        else:
            high = pushed[-1]
    results = results_at_the_end(job)

found = results["I"]["value"] + 1j * results["Q"]["value"]
turns = np.round((np.array(pushed) + DRIFT) * 2**16) / 2**16  # frames have a resolution of 2⁻¹⁶ turns
expected = demodulated(PULSE_V, PULSE_NS) + demodulated(PULSE_V, PULSE_NS, turns)
assert np.abs(found - expected).max() < 1e-6, np.abs(found - expected).max()
assert abs(pushed[-1] + DRIFT - 0.5) < 0.4 / 2**STEPS + 2**-16

figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
many = np.linspace(0.2, 0.6, 200)
both = demodulated(PULSE_V, PULSE_NS) + demodulated(PULSE_V, PULSE_NS, many + DRIFT)
axes.plot(many, both.imag * 1e3, color="grey", linewidth=0.8, label="formula")
shown = axes.scatter(pushed, found.imag * 1e3, c=range(1, STEPS + 1), cmap="viridis", zorder=2)
figure.colorbar(shown, label="step")
axes.axhline(0, color="black", linewidth=0.5)
axes.set(xlabel="turn that Python pushed", ylabel="Q (10⁻³)", title=f"half a turn, less the drift: {pushed[-1]:.4f}")
axes.legend()
finish(figure)
print(f"input_stream_feedback: {STEPS} entries pushed, the pulses cancel at {pushed[-1]:.4f} turns")
