"""What a simulation measures: silence, cables, raw samples; and what it saves within its duration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from example_configs import opx_readout_pair
from simulated import simulated

from quaymaster.client.qua import (
    assign,
    declare,
    declare_stream,
    demod,
    fixed,
    for_,
    if_,
    infinite_loop_,
    integration,
    measure,
    play,
    program,
    save,
    stream_processing,
    wait,
)
from quaymaster.client.simulation_config import LoopbackInterface, RawInterface, SimulationConfig

FULL = 2.0**-12 * 0.1 * 1000 / 2  # readout of 0.1 V over 1 us, weights 1


def readout(shots: int = 1, process: Any = demod) -> Any:
    """`shots` measurements of rr, 4 us apart, saved as I; their numbers as n."""
    with program() as prog:
        n, value = declare(int), declare(fixed)
        values, numbers = declare_stream(), declare_stream()
        with for_(n, 0, n < shots, n + 1):
            measure("readout", "rr", process.full("cos", value, "out1"))
            save(value, values)
            save(n, numbers)
            wait(750, "rr")
        with stream_processing():
            values.save_all("I")
            numbers.save_all("n")
            values.buffer(3).average().save("mean")
    return prog


def test_without_an_interface_inputs_hear_nothing(tmp_path: Path) -> None:
    """Zero, whatever the cluster's own plant is."""
    assert simulated(tmp_path, readout(), opx_readout_pair(), 1000).values("I") == [0.0]


def test_loopback_gives_the_demodulation_of_the_pulse(tmp_path: Path) -> None:
    """sign · 2^-12 · A N / 2 · cos of the phase that the carrier turns in the time of flight; the OPX inverts."""
    interface = LoopbackInterface([("con1", 2, "con1", 1)], latency=24)
    found = simulated(tmp_path, readout(), opx_readout_pair(), SimulationConfig(1000, simulation_interface=interface))
    assert found.values("I")[0] == pytest.approx(-FULL * np.cos(2 * np.pi * 0.05 * 24), abs=1e-6)


def test_loopback_with_a_latency_hears_a_part(tmp_path: Path) -> None:
    """524 ns late, half of the pulse is in the window; 500 ns are whole periods, so the value is half."""
    interface = LoopbackInterface([("con1", 2, "con1", 1)], latency=524)
    found = simulated(tmp_path, readout(), opx_readout_pair(), SimulationConfig(1000, simulation_interface=interface))
    assert found.values("I")[0] == pytest.approx(-FULL / 2 * np.cos(2 * np.pi * 0.05 * 524), abs=1e-6)


def test_loopback_between_elements(tmp_path: Path) -> None:
    """(element, element, input) is the cable between their ports: rr hears q, and not itself."""
    with program() as prog:
        value, values = declare(fixed), declare_stream()
        play("pulse", "q", duration=250)
        measure("readout", "rr", demod.full("cos", value, "out1"))
        save(value, values)
        with stream_processing():
            values.save("I")
    config = opx_readout_pair()
    config["elements"]["q"]["intermediate_frequency"] = 50e6
    interface = LoopbackInterface([("q", "rr", 1)], latency=24)
    found = simulated(tmp_path, prog, config, SimulationConfig(500, simulation_interface=interface))
    assert found.values("I")[0] == pytest.approx(-2 * FULL * np.cos(2 * np.pi * 0.05 * 24), abs=1e-6)


def test_raw_samples_are_demodulated(tmp_path: Path) -> None:
    """0.08 V on the carrier, by the sample's time: -2^-12 · 0.08 · 1000 / 2 in each of two windows."""
    samples = 0.08 * np.cos(2 * np.pi * 0.05 * np.arange(8000))
    interface = RawInterface([("con1", 1, samples)])
    found = simulated(tmp_path, readout(2), opx_readout_pair(), SimulationConfig(2000, simulation_interface=interface))
    assert found.values("I") == pytest.approx([-0.8 * FULL] * 2, abs=1e-6)


def test_raw_samples_end_in_silence(tmp_path: Path) -> None:
    """A level of 0.1 V for the first 524 ns: the window of 24 … 1024 integrates 500 samples of it."""
    interface = RawInterface([("con1", 1, [0.1] * 524)])
    prog = readout(1, integration)
    found = simulated(tmp_path, prog, opx_readout_pair(), SimulationConfig(1000, simulation_interface=interface))
    assert found.values("I")[0] == pytest.approx(-(2.0**-12) * 0.1 * 500, abs=1e-6)


def test_noise_has_the_variance_that_was_asked_for(tmp_path: Path) -> None:
    """200 integrals of noise of 1e-4 V^2: their variance is (2^-12)^2 · 1e-4 · 1000 within 35 % (about 3.5 sigma)."""
    interface = RawInterface([("con1", 1, [])], noisePower=1e-4)
    prog = readout(200, integration)
    found = simulated(tmp_path, prog, opx_readout_pair(), SimulationConfig(201_000, simulation_interface=interface))
    values = np.array(found.values("I"))
    assert len(values) == 200
    assert np.var(values) == pytest.approx(2.0**-24 * 1e-4 * 1000, rel=0.35)


def test_only_what_ran_inside_the_duration_is_saved(tmp_path: Path) -> None:
    """Shots begin at 0, 4, 8 us: of 9 us the third window ends at 9024 ns, so two values, but three numbers.

    A number is saved with the start of its turn. A buffer of three that was not filled yields nothing.
    """
    found = simulated(tmp_path, readout(1000), opx_readout_pair(), 2250)
    assert found.final.state == "completed"
    assert found.values("I") == [0.0, 0.0]
    assert found.values("n", "<i8") == [0, 1, 2]
    assert found.values("mean") == []
    longer = simulated(tmp_path, readout(1000), opx_readout_pair(), 2256)
    assert len(longer.values("I")) == 3
    assert len(longer.values("mean")) == 3


def test_branches_follow_what_is_heard(tmp_path: Path) -> None:
    """A loop that plays only while the measured value is below a threshold, behind raw samples of two levels."""
    with program() as prog:
        value, count = declare(fixed), declare(int, value=0)
        counts = declare_stream()
        with infinite_loop_():
            measure("readout", "rr", integration.full("cos", value, "out1"))
            with if_(value < -0.01):
                play("pulse", "rr2")
                assign(count, count + 1)
            save(count, counts)
            wait(250, "rr", "rr2")
        with stream_processing():
            counts.save_all("count")
    config = opx_readout_pair()
    config["elements"]["rr2"] = {**config["elements"]["q"], "digitalInputs": {}}
    level = np.where(np.arange(8000) < 4000, 0.2, 0.0)
    interface = RawInterface([("con1", 1, level)])
    found = simulated(tmp_path, prog, config, SimulationConfig(2000, simulation_interface=interface))
    counts_found = found.values("count", "<i8")
    assert counts_found[:2] == [1, 2]
    assert counts_found[-1] == 2
    plays = [entry.timestamp for entry in found.report.analog_waveforms if entry.element == "rr2"]
    assert len(plays) == 2
    assert plays[0] == 1024, "the branch is known when the window has ended"
