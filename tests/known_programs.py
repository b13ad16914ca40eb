"""Programs for `example_configs.opx_readout_pair()` on the echo plant, whose results a formula tells.

`scale` makes each job's values its own, so that results that were mixed up would show.
"""

from __future__ import annotations

import math
from typing import Any

from quaymaster.qua import (
    amp,
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    infinite_loop_,
    measure,
    play,
    program,
    save,
    stream_processing,
    wait,
)

AMPLITUDE_V = 0.1
READOUT_NS = 1000
FREQUENCY_HZ = 50e6
TIME_OF_FLIGHT_NS = 24
TOLERANCE = 1e-6


def iq_by_formula(scale: float) -> tuple[float, float]:
    """I and Q of one readout: a·N/2/4096 turned by ω·tof; the converter inverts."""
    size = scale * AMPLITUDE_V * READOUT_NS / 2 / 4096
    turn = 2 * math.pi * FREQUENCY_HZ * 1e-9 * TIME_OF_FLIGHT_NS
    return -size * math.cos(turn), -size * math.sin(turn)


def readings(shots: int, scale: float = 1.0) -> Any:
    """Streams n (0, 1, ...), I and Q, `shots` items each."""
    with program() as made:
        n, i, q = declare(int), declare(fixed), declare(fixed)
        n_stream, i_stream, q_stream = declare_stream(), declare_stream(), declare_stream()
        with for_(n, 0, n < shots, n + 1):
            measure("readout" * amp(scale), "rr", None, demod.full("cos", i), demod.full("sin", q))
            save(n, n_stream)
            save(i, i_stream)
            save(q, q_stream)
            wait(250, "rr")
        with stream_processing():
            n_stream.save_all("n")
            i_stream.save_all("I")
            q_stream.save_all("Q")
    return made


def check_readings(handles: Any, scale: float = 1.0, shots: int | None = None) -> int:
    """Compare with the formula what a job of `readings` or `endless` has saved; returns how many shots that is."""
    found = {name: handles.get(name).fetch_all()["value"].tolist() for name in ("n", "I", "Q")}
    count = min(map(len, found.values()))
    assert shots is None or [len(values) for values in found.values()] == [shots] * 3, found
    assert found["n"] == list(range(len(found["n"])))
    for name, expected in zip("IQ", iq_by_formula(scale), strict=True):
        wrong = [value for value in found[name] if abs(value - expected) > TOLERANCE]
        assert not wrong, f"{name} should be {expected}, scale {scale}; it is {wrong[:5]} in {len(wrong)} shots"
    return count


def run_readings(qm: Any, shots: int, scale: float = 1.0, timeout_s: float = 30.0) -> str:
    """Queue `readings`, wait for them, check them; returns the job's id."""
    job = qm.queue.add(readings(shots, scale)).wait_for_execution(timeout_s)
    assert job.result_handles.wait_for_all_values(timeout_s), job.execution_report()
    check_readings(job.result_handles, scale, shots)
    return str(job.id)


def endless(scale: float = 1.0, shot_cycles: int = 25_000) -> Any:
    """As `readings`, in real time, until it is halted; one shot takes so many cycles, 100 µs unless told."""
    with program() as made:
        n, i, q = declare(int), declare(fixed), declare(fixed)
        n_stream, i_stream, q_stream = declare_stream(), declare_stream(), declare_stream()
        with infinite_loop_():
            measure("readout" * amp(scale), "rr", None, demod.full("cos", i), demod.full("sin", q))
            save(n, n_stream)
            save(i, i_stream)
            save(q, q_stream)
            assign(n, n + 1)
            wait(shot_cycles - READOUT_NS // 4, "rr")
        with stream_processing():
            n_stream.save_all("n")
            i_stream.save_all("I")
            q_stream.save_all("Q")
    return made


def long_count(blocks: int, pulses: int = 100_000) -> Any:
    """Stream total: pulses, 2·pulses, ... `blocks` items; about 10 ms a block of 100,000."""
    with program() as made:
        block, pulse, total = declare(int), declare(int), declare(int, value=0)
        stream = declare_stream()
        with for_(block, 0, block < blocks, block + 1):
            with for_(pulse, 0, pulse < pulses, pulse + 1):
                play("pulse", "q")
                assign(total, total + 1)
            save(total, stream)
        with stream_processing():
            stream.save_all("total")
    return made


def check_long_count(handles: Any, blocks: int | None, pulses: int = 100_000) -> int:
    """Compare what a job of `long_count` has saved; None: it may have been cut short. Returns how many items."""
    found = handles.get("total").fetch_all()["value"].tolist()
    assert found == [pulses * (k + 1) for k in range(len(found))]
    assert blocks is None or len(found) == blocks
    return len(found)
