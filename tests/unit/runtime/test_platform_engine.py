"""The runtime on the real compiler and machine: values from a formula, a raw trace, an endless program."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("quaymaster._core.engine.machine", reason="needs the compiled engine")

from quaymaster import qua
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program.codec import encode_program
from quaymaster._core.wire import FINAL_STATES, JobOptions, Overrides, pack_plain
from quaymaster._core.wire.commands import Load
from quaymaster._core.wire.reports import Progress, Status
from quaymaster.controller.results import ResultShelf
from quaymaster.controller.runtime.engine import PlantOptions
from quaymaster.controller.runtime.job_run import JobRun, News
from quaymaster.controller.runtime.library import Library, key_of
from quaymaster.controller.runtime.pair_files import PairFiles
from quaymaster.controller.runtime.platform_engine import PlatformEngine

AMPLITUDE, LENGTH_NS = 0.2, 1000

CONFIG: dict[str, Any] = {
    "controllers": {
        "con1": {
            "type": "opx1",
            "analog_outputs": {1: {"offset": 0.0}},
            "analog_inputs": {1: {"offset": 0.0, "gain_db": 0}},
        }
    },
    "elements": {
        "r": {
            "singleInput": {"port": ("con1", 1)},
            "outputs": {"out1": ("con1", 1)},
            "intermediate_frequency": 50e6,
            "operations": {"readout": "readout_pulse"},
            "time_of_flight": 200,
            "smearing": 0,
        }
    },
    "pulses": {
        "readout_pulse": {
            "operation": "measurement",
            "length": LENGTH_NS,
            "waveforms": {"single": "flat"},
            "digital_marker": "ON",
            "integration_weights": {"cos": "cos", "sin": "sin"},
        }
    },
    "waveforms": {"flat": {"type": "constant", "sample": AMPLITUDE}},
    "digital_waveforms": {"ON": {"samples": [(1, 0)]}},
    "integration_weights": {
        "cos": {"cosine": [(1.0, LENGTH_NS)], "sine": [(0.0, LENGTH_NS)]},
        "sin": {"cosine": [(0.0, LENGTH_NS)], "sine": [(1.0, LENGTH_NS)]},
    },
}


class Bench:
    """Runs programs as a controller does, without its socket."""

    def __init__(self, path: Path, **plant: Any) -> None:
        self.engine = PlatformEngine("con1", PlantOptions(**plant))
        self.library = Library("con1", self.engine, PairFiles(path / "images"))
        self.library.add_config("c", pack_plain(CONFIG))
        self.shelf = ResultShelf(path / "results")
        self.said: list[News] = []
        self.gate = threading.Event()
        self.gate.set()
        self.jobs = 0

    def begin(self, program: Any, **more: Any) -> JobRun:
        """A job of a program."""
        self.jobs += 1
        body = encode_program(program if not hasattr(program, "tree") else program.tree)
        digest = str(self.jobs)
        self.library.add_program(digest, body)
        load = Load(job_id=str(self.jobs), attempt=1, qm_id="qm", program_digest=digest, config_digest="c", **more)
        key = key_of(digest, "c", load.overrides)
        return JobRun(load, lambda: self.library.load(key), self.engine, self.shelf, self.said.append, self.gate)

    def run(self, program: Any, **more: Any) -> Status:
        """To its end."""
        run = self.begin(program, **more)
        if run.first_slice():
            run.run_on()
        matter = self.said[-1].matter
        assert isinstance(matter, Status)
        return matter

    def fetch(self, stream: str) -> Any:
        """What the last job saved."""
        got = self.shelf.fetch(str(self.jobs), stream, 0, -1, 0)
        schema = got.stream.schema
        return np.frombuffer(b"".join(got.bodies), schema.dtype).reshape(-1, *schema.shape)


def averaging(shots: int) -> Any:
    """Measure I and Q, save them all and their mean, and a raw trace."""
    with qua.program() as prog:
        n = qua.declare(int)
        i, q = qua.declare(qua.fixed), qua.declare(qua.fixed)
        i_stream, adc = qua.declare_stream(), qua.declare_stream(adc_trace=True)
        with qua.for_(n, 0, n < shots, n + 1):
            qua.measure("readout", "r", qua.demod.full("cos", i), qua.demod.full("sin", q), adc_stream=adc)
            qua.wait(100, "r")
            qua.save(i, i_stream)
        with qua.stream_processing():
            i_stream.save_all("I")
            i_stream.average().save("I_mean")
            i_stream.buffer(2).map(qua.FUNCTIONS.average()).save_all("I_pairs")
            adc.input1().average().save("trace")
    return prog


def test_a_readout_through_the_echo_gives_the_formula(tmp_path: Path) -> None:
    """|I| = a N / 2 / 4096 with whole periods, at a time of flight of whole periods; OPX inputs invert; the trace is
    the sampled cosine."""
    bench = Bench(tmp_path)
    final = bench.run(averaging(10))
    assert final.state == "completed" and final.error is None, final
    expected = -AMPLITUDE * LENGTH_NS / 2 / 4096
    values = bench.fetch("I")
    assert values.shape == (10,) and values == pytest.approx(np.full(10, expected), abs=1e-6)
    assert bench.fetch("I_mean") == pytest.approx([expected], abs=1e-6)
    assert bench.fetch("I_pairs").shape == (5,)
    trace = bench.fetch("trace")
    assert trace.shape == (1, LENGTH_NS)
    shape = -AMPLITUDE * 4096 * np.cos(2 * np.pi * 0.05 * np.arange(LENGTH_NS))
    assert np.abs(trace[0] - shape).max() <= 1.001


def test_overrides_and_plants_and_seeds_reach_the_machine(tmp_path: Path) -> None:
    """Half the amplitude gives half the value; no plant gives nothing; noise follows the seed."""
    bench = Bench(tmp_path)
    expected = -AMPLITUDE * LENGTH_NS / 2 / 4096
    bench.run(averaging(1), overrides=Overrides(waveforms={"flat": AMPLITUDE / 2}))
    assert bench.fetch("I") == pytest.approx([expected / 2], abs=1e-6)
    silent = Bench(tmp_path / "none", plant="none")
    silent.run(averaging(1))
    assert silent.fetch("I").tolist() == [0.0]
    noisy = Bench(tmp_path / "noisy", noise=1e-4)
    values = []
    for seed in (1, 1, 2):
        noisy.run(averaging(3), options=JobOptions(seed=seed))
        values.append(noisy.fetch("I").tolist())
    assert values[0] == values[1] != values[2]
    lit = Bench(tmp_path / "lit", plant="none", photons="5e7:0.25:8")
    lit.run(averaging(20))
    assert len(set(lit.fetch("I").tolist())) > 10
    wired = Bench(tmp_path / "wired", plant="loopback", loopback=("1>1:200",))
    wired.run(averaging(1), options=JobOptions(numerics="exact"))
    assert wired.fetch("I") == pytest.approx([expected], rel=2e-3)


def test_an_endless_program_keeps_to_real_time_and_is_halted(tmp_path: Path) -> None:
    """1 us a shot: after about 0.6 s of real time no more than that has passed in the program, and halt is quick."""
    bench = Bench(tmp_path)
    with qua.program() as prog:
        i = qua.declare(qua.fixed)
        stream = qua.declare_stream()
        with qua.infinite_loop_():
            qua.measure("readout", "r", qua.demod.full("cos", i))
            qua.save(i, stream)
        with qua.stream_processing():
            stream.save_all("I")
    run = bench.begin(prog)
    began = time.monotonic()
    thread = threading.Thread(target=lambda: run.first_slice() and run.run_on())
    thread.start()
    time.sleep(0.6)
    halted = time.monotonic()
    run.halt()
    thread.join()
    assert time.monotonic() - halted < 0.2
    passed_us = (time.monotonic() - began) * 1e6
    final = bench.said[-1].matter
    assert isinstance(final, Status) and final.state == "canceled"
    assert 10_000 < final.streams[0].count <= passed_us + 50_000
    assert any(isinstance(news.matter, Progress) for news in bench.said)


def test_what_does_not_compile_says_where(tmp_path: Path) -> None:
    """An element that the config does not have: file and line of the user's statement."""
    bench = Bench(tmp_path)
    with qua.program() as prog:
        qua.play("readout", "nobody")
    final = bench.run(prog)
    assert final.state == "error" and final.error is not None
    assert "nobody" in final.error.message and "test_platform_engine.py" in final.error.message
    assert bench.said[-1].state in FINAL_STATES


def test_bad_plants_are_refused_at_the_start() -> None:
    """An unknown plant, a cable that cannot be read."""
    for options in (PlantOptions(plant="qubits"), PlantOptions(plant="loopback", loopback=("1-1",))):
        with pytest.raises(AskedWrongly):
            PlatformEngine("con1", options)


def test_values_that_nobody_keeps_do_not_stop_a_job(tmp_path: Path) -> None:
    """More saves to a stream without a result than the machine's buffers hold: they are thrown away."""
    bench = Bench(tmp_path)
    with qua.program() as prog:
        n = qua.declare(int)
        stream = qua.declare_stream()
        with qua.for_(n, 0, n < 300_000, n + 1):
            qua.save(n, stream)
    final = bench.run(prog)
    assert final.state == "completed" and final.streams == []
    assert list((tmp_path / "results").iterdir()) == []
