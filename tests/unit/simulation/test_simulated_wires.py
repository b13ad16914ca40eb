"""A looped simulation: what an input hears are the samples that the output puts out, by two ways through the engine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from reference.wire_checks import HALF_SINE, fine_fems, raw_ports
from simulated import simulated

from quaymaster.client import LoopbackInterface, SimulationConfig
from quaymaster.client.qua import (
    FUNCTIONS,
    amp,
    declare_stream,
    frame_rotation_2pi,
    measure,
    play,
    program,
    set_dc_offset,
    stream_processing,
    wait,
)

PORTS = {
    "plain": {},
    "delay": {"delay": 13},
    "offset": {"offset": -0.05, "delay": 6},
    "crosstalk": {"crosstalk": {4: 0.25, 2: -0.5}, "delay": 2},
    "fir": {"filter": {"feedforward": [0.7, 0.2, -0.1]}, "crosstalk": {3: 0.3}, "offset": 0.02},
    "iir": {"filter": {"feedforward": [0.7, 0.2], "feedback": [0.6, -0.2]}, "crosstalk": {3: 0.3}, "offset": 0.02},
}


@pytest.mark.parametrize("kind", PORTS)
def test_a_loopback_hears_the_samples_of_the_port(tmp_path: Path, kind: str) -> None:
    """Exact numerics: code t is floor(-4096 times sample t - 24 of the port), rounded to 16 bits as it leaves."""
    with program() as prog:
        adc = declare_stream(adc_trace=True)
        frame_rotation_2pi(0.1, "m")
        play("readout" * amp(0.3), "m")
        wait(7, "q")
        play("pulse", "q", duration=16)
        set_dc_offset("q", "single", 0.1)  # of port 4
        measure("readout", "r", adc_stream=adc)
        with stream_processing():
            adc.input1().save("adc")
    raw = raw_ports({1: PORTS[kind]})
    cable = SimulationConfig(100, simulation_interface=LoopbackInterface([("con1", 1, "con1", 1)], latency=24))
    found = simulated(tmp_path, prog, raw, cable, numerics="exact")
    heard = np.array(found.values("adc", "<i8"))
    sent = found.analog["1"][40 - 24 : 240 - 24]
    assert np.array_equal(heard, np.floor(-4096 * sent))
    assert len(set(heard.tolist())) > 10


FINE_PORTS = {
    "fir": {"filter": {"feedforward": [0.7, 0.2, -0.1]}, "offset": 0.02, "delay": 3},
    "exponentials": {"filter": {"feedforward": [0.9], "exponential": [(0.1, 30.0), (-0.05, 7.5)]}},
    "crosstalk": {"filter": {"exponential": [(0.1, 30.0)]}, "crosstalk": {2: 0.5}, "delay": 1},
}


@pytest.mark.parametrize("rate", [1e9, 2e9])
@pytest.mark.parametrize("kind", FINE_PORTS)
def test_a_loopback_hears_a_filter_at_2_gs(tmp_path: Path, kind: str, rate: float) -> None:
    """Code k is floor(4096 times sample 2·(40 - 24) + k of the port); at 1 GS/s each second one."""
    with program() as prog:
        adc = declare_stream(adc_trace=True)
        wait(7, "g")
        play("pulse", "g")
        set_dc_offset("g", "single", 0.1)  # of port 2
        measure("readout", "f", adc_stream=adc)
        with stream_processing():
            adc.input1().save("adc")
    raw = fine_fems(rate, frequency=70e6, **FINE_PORTS[kind])
    wires = [("con1", 1, 1, "con1", 1, 1)]
    cable = SimulationConfig(100, simulation_interface=LoopbackInterface(wires, latency=24))
    found = simulated(tmp_path, prog, raw, cable, numerics="exact")
    heard = np.array(found.values("adc", "<i8"))
    sent = found.analog["1"][2 * (40 - 24) :][:400]
    assert np.array_equal(heard, np.floor(4096 * sent)[:: round(2e9 / rate)])
    assert len(set(heard.tolist())) > 10


@pytest.mark.parametrize("timed", [False, True])
def test_a_stream_demodulates_half_ns(tmp_path: Path, timed: bool) -> None:
    """650 MHz in a raw trace at 2 GS/s: the sum over samples k of code/4096 times cos and sin of 650 MHz at k/2 ns, and
    the same beside the formula of what is played, 200 ns of half a sine that come 40 ns after the trace begins."""
    with program() as prog:
        adc = declare_stream(adc_trace=True)
        wait(10, "f")
        measure("readout", "f", adc_stream=adc)
        with stream_processing():
            traces = adc.input1()
            traces.save("adc")
            timed_traces = traces.with_timestamps() if timed else traces
            for name, weights in ("cos", (1.0, 0.0)), ("sin", (0.0, 1.0)):
                timed_traces.map(FUNCTIONS.demod(650e6, *weights)).save(name)
    cable = SimulationConfig(100, simulation_interface=LoopbackInterface([("con1", 1, 1, "con1", 1, 1)], latency=40))
    found = simulated(tmp_path, prog, fine_fems(2e9, frequency=650e6), cable)
    (cosine,), (sine,) = found.values("cos", "<f8"), found.values("sin", "<f8")
    codes, start = np.array(found.values("adc", "<i8")), 80 if timed else 0
    wanted = np.sum(codes / 4096 * np.exp(2j * np.pi * 650e6 * (start + np.arange(400) / 2) * 1e-9))
    assert abs(complex(cosine, sine) - wanted) < 1e-9
    played = 0.5 * HALF_SINE.sum() * np.exp(2j * np.pi * 650e6 * (start - 40) * 1e-9)  # from 40 ns, heard from 80 ns
    assert abs(complex(cosine, sine) - played) < 0.02 * abs(played)
