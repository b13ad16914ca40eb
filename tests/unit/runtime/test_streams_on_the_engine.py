"""Stream operators behind the real compiler and machine: loops, timestamps and raw traces arrive as they need them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("quaymaster._core.engine.machine", reason="needs the compiled engine")

from example_configs import opx_readout_pair

from quaymaster import qua
from quaymaster._core.program.codec import encode_program
from quaymaster._core.wire import pack_plain
from quaymaster._core.wire.commands import Load
from quaymaster.controller.results import ResultShelf
from quaymaster.controller.runtime.engine import PlantOptions
from quaymaster.controller.runtime.job_run import JobRun
from quaymaster.controller.runtime.library import Library, key_of
from quaymaster.controller.runtime.pair_files import PairFiles
from quaymaster.controller.runtime.platform_engine import PlatformEngine


def program() -> Any:
    """4 x 3 readouts: the demodulation, the loop variable and the raw trace, each through operators."""
    functions = qua.FUNCTIONS
    with qua.program() as made:
        n, i, value = qua.declare(int), qua.declare(int), qua.declare(qua.fixed)
        values, numbers, traces = qua.declare_stream(), qua.declare_stream(), qua.declare_stream(adc_trace=True)
        with qua.for_(n, 0, n < 4, n + 1), qua.for_(i, 0, i < 3, i + 1):
            qua.measure("readout", "rr", traces, qua.demod.full("cos", value, "out1"))
            qua.save(value, values)
            qua.save(i, numbers)
            qua.wait(100, "rr")
        with qua.stream_processing():
            values.auto_reshape().save_all("shaped")
            values.timestamps().save_all("times")
            numbers.histogram([[0, 1], [2, 2]]).save("counts")
            traces.input1().with_timestamps().map(functions.demod(50e6, 1.0, 0.0)).save_all("demodulated")
            traces.input1().auto_reshape().map(functions.average([0, 1])).fft("abs").save("spectrum")
    return made.tree


def results(path: Path) -> dict[str, Any]:
    """All results of the program, run to its end."""
    library = Library("con1", PlatformEngine("con1", PlantOptions()), PairFiles(path / "images"))
    config = opx_readout_pair()
    config["pulses"]["readout_pulse"]["digital_marker"] = "ON"  # without it there is no raw trace
    library.add_config("c", pack_plain(config))
    library.add_program("p", encode_program(program()))
    shelf, gate, said = ResultShelf(path / "results"), threading.Event(), list[Any]()
    gate.set()
    load = Load(job_id="1", attempt=1, qm_id="qm", program_digest="p", config_digest="c")
    key = key_of("p", "c", load.overrides)
    run = JobRun(load, lambda: library.load(key), PlatformEngine("con1", PlantOptions()), shelf, said.append, gate)
    if run.first_slice():
        run.run_on()
    assert said[-1].matter.state == "completed", said[-1]
    fetched = {}
    for name in ("shaped", "times", "counts", "demodulated", "spectrum"):
        got = shelf.fetch("1", name, 0, -1, 0)
        items = np.frombuffer(b"".join(got.bodies), got.stream.schema.dtype)
        fetched[name] = items.reshape(-1, *got.stream.schema.shape)
    return fetched


def test_operators_on_a_running_job(tmp_path: Path) -> None:
    """Shapes of the loops; counts of 4 rounds of 0, 1, 2; equal steps of time; the stream's demodulation is 4096 times
    the machine's; the mean trace has its peak at 50 MHz.
    """
    found = results(tmp_path)
    assert found["shaped"].shape == (1, 4, 3)
    assert found["counts"].tolist() == [[8, 4]]
    steps = np.diff(found["times"])
    assert len(steps) == 11 and steps.min() == steps.max() > 400
    machine = found["shaped"].reshape(-1)
    assert np.abs(machine).min() > 1e-3
    np.testing.assert_allclose(found["demodulated"] / 4096, machine, rtol=2e-3)  # the trace is whole ADC counts
    (spectrum,) = found["spectrum"]
    assert np.argmax(spectrum[: len(spectrum) // 2]) == round(50e6 * len(spectrum) * 1e-9)
