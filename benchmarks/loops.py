"""The programs of the engine's figures, beside the averaging loop: each compiled once, each run on a fresh machine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from averaging import NOISE_V2, STEPS, readout_config

from quaymaster._core.config import check_config
from quaymaster._core.engine.machine import Machine
from quaymaster.controller.compiler import compile_program
from quaymaster.controller.plant import hearing
from quaymaster.controller.results import Pipeline
from quaymaster.controller.runtime.engine import arrivals_of
from quaymaster.qua import (
    align,
    amp,
    assign,
    case_,
    declare,
    declare_stream,
    demod,
    dual_demod,
    fixed,
    for_,
    if_,
    measure,
    play,
    program,
    save,
    stream_processing,
    switch_,
    wait,
)

FREQUENCIES_HZ = {"rr1": 50e6, "rr2": -70e6}
BRANCHES = 24


class Bench:
    """A program on a config; `run` gives the number of values and traces drained."""

    def __init__(
        self, prog: program, config: dict[str, Any], elements: Sequence[str], numerics: str = "linear"
    ) -> None:
        self.tree = prog.tree
        self.config = check_config(config)
        self.image = compile_program(self.tree, self.config)
        self.numerics = numerics
        self.plant = hearing(self.config, list(elements), plant="echo", noise_variance=NOISE_V2)

    def run(self) -> int:
        """Run to the end, draining as the controller does."""
        machine = Machine(self.image, seed=1, plant=self.plant, numerics=self.numerics)
        drained, more = 0, True
        while more:
            more = machine.run(STEPS) != "done"
            drained += sum(len(chunk[1]) for chunk in machine.drain())
        return drained

    def run_with_results(self) -> float:
        """Run to the end with the stream pipeline of the program; returns the last item of its first result."""
        machine = Machine(self.image, seed=1, plant=self.plant, numerics=self.numerics)
        pipeline, last, more = Pipeline(self.tree, self.image.trace_lengths), None, True
        while more:
            more = machine.run(STEPS) != "done"
            for arrivals in pipeline.rounds(arrivals_of(machine.drain())):
                (made,) = pipeline.push(arrivals)
                last = last if made is None or not len(made) else made.values[-1]
        assert last is not None
        return float(last.mean())


def pair_config() -> dict[str, Any]:
    """Two IQ readout elements on one pair of outputs and one pair of inputs, 1 µs readout with a marker."""
    config = readout_config()
    con = config["controllers"]["con1"]
    con["analog_outputs"] = {1: {}, 2: {}}
    con["analog_inputs"] = {1: {}, 2: {}}
    config["waveforms"]["zero"] = {"type": "constant", "sample": 0.0}
    config["waveforms"]["flat"]["sample"] = 0.1
    for pulse in config["pulses"].values():
        pulse["waveforms"] = {"I": "flat", "Q": "zero"}
    config["integration_weights"]["minus"] = {"cosine": [(0.0, 1000)], "sine": [(-1.0, 1000)]}
    config["pulses"]["readout"]["integration_weights"]["minus"] = "minus"
    config["elements"] = {
        name: {
            "mixInputs": {"I": ("con1", 1), "Q": ("con1", 2)},
            "outputs": {"out1": ("con1", 1), "out2": ("con1", 2)},
            "time_of_flight": 24,
            "smearing": 0,
            "intermediate_frequency": frequency,
            "operations": {"readout": "readout", "x": "x"},
        }
        for name, frequency in FREQUENCIES_HZ.items()
    }
    return config


def pair_loop(shots: int) -> Bench:
    """Two readout elements at once, each with I and Q by dual demodulation, all four saved."""
    with program() as prog:
        n = declare(int)
        values = {name: (declare(fixed), declare(fixed)) for name in FREQUENCIES_HZ}
        streams = {name: (declare_stream(), declare_stream()) for name in FREQUENCIES_HZ}
        with for_(n, 0, n < shots, n + 1):
            for name, (i, q) in values.items():
                play("x", name)
                measure(
                    "readout",
                    name,
                    None,
                    dual_demod.full("cos", "out1", "sin", "out2", i),
                    dual_demod.full("minus", "out1", "cos", "out2", q),
                )
                save(i, streams[name][0])
                save(q, streams[name][1])
                wait(2500, name)
            align()
    return Bench(prog, pair_config(), list(FREQUENCIES_HZ))


def one_readout(shots: int, *, raw: bool = False, numerics: str = "linear") -> Bench:
    """The averaging loop, with the raw trace of each shot saved, or with other numerics."""
    config = readout_config()
    config["digital_waveforms"] = {"on": {"samples": [(1, 0)]}}
    config["pulses"]["readout"]["digital_marker"] = "on"
    with program() as prog:
        n, i, q = declare(int), declare(fixed), declare(fixed)
        i_stream, q_stream, traces = declare_stream(), declare_stream(), declare_stream(adc_trace=True)
        with for_(n, 0, n < shots, n + 1):
            play("x", "resonator")
            measure("readout", "resonator", traces if raw else None, demod.full("cos", i), demod.full("sin", q))
            save(i, i_stream)
            save(q, q_stream)
            wait(2500, "resonator")
    return Bench(prog, config, ["resonator"], numerics)


def switch_loop(rounds: int, branches: int) -> Bench:
    """A switch in a loop whose last branch plays, so that all its conditions are compared."""
    with program() as prog:
        n, chosen = declare(int), declare(int, value=branches - 1)
        with for_(n, 0, n < rounds, n + 1), switch_(chosen):
            for k in range(branches):
                with case_(k):
                    play("x", "resonator")
    return Bench(prog, readout_config(), ["resonator"])


def compare_loop(rounds: int, compares: int) -> Bench:
    """The same loop with so many comparisons, each assigned to a bool, in place of the switch."""
    with program() as prog:
        n, holds = declare(int), declare(bool)
        with for_(n, 0, n < rounds, n + 1):
            for k in range(compares):
                assign(holds, n == k)
            play("x" * amp(0.5), "resonator")
            with if_(holds):
                wait(4, "resonator")
    return Bench(prog, readout_config(), ["resonator"])


def counting_loop(saves: int) -> Bench:
    """So many saves of a counter that runs from 0 to 99, through buffer(100).average()."""
    with program() as prog:
        n, k, stream = declare(int), declare(int), declare_stream()
        with for_(n, 0, n < saves // 100, n + 1), for_(k, 0, k < 100, k + 1):
            save(k, stream)
        with stream_processing():
            stream.buffer(100).average().save("mean")
    return Bench(prog, readout_config(), ())


def thousand_statements() -> program:
    """A calibration of 1,000 statements in a loop: pulses of many kinds, 100 readouts, feedback, frames."""
    with program() as prog:
        n, i, q, a = declare(int), declare(fixed), declare(fixed), declare(fixed)
        i_stream, q_stream = declare_stream(), declare_stream()
        with for_(n, 0, n < 100, n + 1):
            for _ in range(100):
                play("x" * amp(a), "resonator")
                play("x", "resonator", duration=25)
                wait(250, "resonator")
                measure("readout", "resonator", None, demod.full("cos", i), demod.full("sin", q))
                save(i, i_stream)
                save(q, q_stream)
                assign(a, a * 0.5 + i)
                align("resonator")
                with if_(i > 0.1):
                    play("x", "resonator")
    return prog


def resident_mb(*, most: bool = False) -> float:
    """Memory of this process in MB, now or the most that it ever had."""
    field = "VmHWM:" if most else "VmRSS:"
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6
