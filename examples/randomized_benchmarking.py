"""Randomized benchmarking: random Cliffords from a switch of 24, and the one that undoes them, found while they play.

Checked: the last one undoes the others, and the readout comes when all pulses are over (45/24 a Clifford on average).
"""

import matplotlib.pyplot as plt
import numpy as np
from configuration import READOUT_NS, TIME_OF_FLIGHT_NS
from running import finish, results_of

from quaymaster import qua
from quaymaster.qua import align, amp, assign, declare, declare_stream, fixed, for_, frame_rotation_2pi, play, save

DEPTHS, SEQUENCES, PULSE_CYCLES, WAIT_CYCLES = np.arange(1, 62, 12), 20, 5, 250
PULSES = {"1": (0.0, 0), "x": (0.0, 1), "X": (0.0, 2), "-x": (0.0, -1)}  # turn of the axis, quarter turns about it
PULSES |= {"y": (0.25, 1), "Y": (0.25, 2), "-y": (0.25, -1)}
CLIFFORDS = [
    *("1", "X", "Y", "Y X", "x y", "x -y", "-x y", "-x -y", "y x", "y -x", "-y x", "-y -x", "x", "-x", "y", "-y"),
    *("-x y x", "-x -y x", "X y", "X -y", "Y x", "Y -x", "x y x", "-x y -x"),
]
LENGTHS = np.array([len(clifford.split()) for clifford in CLIFFORDS])


def rotation(pulse):
    """The turn of the Bloch sphere: quarter turns about an axis in the plane."""
    turn, quarters = PULSES[pulse]
    x, y, angle = np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn), quarters * np.pi / 2
    cross = np.array([[0, 0, y], [0, 0, -x], [-y, x, 0]])
    return np.rint(np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross).astype(int)


def product(pulses):
    """The turn of pulses one after the other."""
    whole = np.eye(3, dtype=int)
    for pulse in pulses:
        whole = rotation(pulse) @ whole
    return whole


matrices = [product(clifford.split()) for clifford in CLIFFORDS]
number = {matrix.tobytes(): k for k, matrix in enumerate(matrices)}
after = np.array([[number[(b @ a).tobytes()] for b in matrices] for a in matrices])  # first a, then b
undoing = [int(np.flatnonzero(row == 0)[0]) for row in after]
assert len(number) == 24 and LENGTHS.sum() == 45

with qua.program() as benchmarking:
    m, n, k, gate, total, i = declare(int), declare(int), declare(int), declare(int), declare(int), declare(fixed)
    table, undo = declare(int, value=after.ravel().tolist()), declare(int, value=undoing)
    gates, totals, values, random = declare_stream(), declare_stream(), declare_stream(), qua.Random(7)
    with qua.for_each_(m, DEPTHS.tolist()), for_(n, 0, n < SEQUENCES, n + 1):
        assign(total, 0)
        with for_(k, 0, k <= m, k + 1):
            assign(gate, random.rand_int(24))
            with qua.if_(k == m):
                assign(gate, undo[total])
            assign(total, table[total * 24 + gate])
            with qua.switch_(gate):
                for each, clifford in enumerate(CLIFFORDS):
                    with qua.case_(each):
                        for turn, quarters in map(PULSES.get, clifford.split()):
                            frame_rotation_2pi(turn, "qubit")
                            play("x180" * amp(quarters / 2), "qubit", duration=PULSE_CYCLES)
                            frame_rotation_2pi(-turn, "qubit")
            save(gate, gates)
        align()
        qua.measure("readout", "resonator", None, qua.demod.full("cos", i))
        save(i, values)
        save(total, totals)
        qua.wait(WAIT_CYCLES, "resonator")
    with qua.stream_processing():
        gates.save_all("gates")
        totals.save_all("totals")
        values.with_timestamps().save_all("values")

results = results_of(benchmarking)
depths = np.repeat(DEPTHS, SEQUENCES)
sequences = np.split(results["gates"]["value"], np.cumsum(depths + 1)[:-1])
assert not results["totals"]["value"].any()
for sequence in sequences:
    assert (product(" ".join(CLIFFORDS[gate] for gate in sequence).split()) == np.eye(3)).all()
pulses = np.array([LENGTHS[sequence].sum() for sequence in sequences])
rounds_ns = pulses * 4 * PULSE_CYCLES + READOUT_NS + 4 * WAIT_CYCLES
ends_ns = np.cumsum(rounds_ns) - 4 * WAIT_CYCLES + TIME_OF_FLIGHT_NS
assert results["values"]["timestamp"].tolist() == ends_ns.tolist()

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
left.plot(depths + 1, pulses, ".", label="sequences")
left.plot(DEPTHS + 1, (DEPTHS + 1) * 45 / 24, label="45/24 a Clifford")
left.set(xlabel="Cliffords, with the last one", ylabel="pulses", title="every sequence comes back to where it began")
left.legend()
right.hist(results["gates"]["value"], np.arange(25) - 0.5, rwidth=0.8)
right.set(xlabel="Clifford", ylabel="how often", title=f"{sum(map(len, sequences))} Cliffords played")
finish(figure)
print(f"randomized_benchmarking: {len(sequences)} sequences undone, each as long as its pulses")
