"""Programs that wait for the outside, simulated: nothing comes, and pauses wait for nobody."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from example_configs import opx_readout_pair
from simulated import simulated

from quaymaster.client.qua import (
    advance_input_stream,
    declare_input_stream,
    pause,
    play,
    program,
    wait,
    wait_for_trigger,
)

LSB = 2.0**-16


def unmarked() -> dict[str, Any]:
    """A config whose drive pulse, 0.2 V at 100 MHz, has no digital marker."""
    config = opx_readout_pair()
    for pulse in config["pulses"].values():
        if pulse["operation"] == "control":
            pulse.pop("digital_marker", None)
    return config


def test_a_pulse_sounds_while_its_element_waits(tmp_path: Path) -> None:
    """Samples and report show it from the wait to the end of the simulation, for no trigger comes."""
    with program() as prog:
        wait(25, "q")
        wait_for_trigger("q", "pulse")
        play("pulse", "q")
    found = simulated(tmp_path, prog, unmarked(), 125)
    t = np.arange(500)
    wanted = np.where(t >= 100, 0.2 * np.cos(2 * np.pi * 0.1 * t), 0.0)
    assert np.abs(found.analog["1"] - wanted).max() <= LSB
    (entry,) = found.report.analog_waveforms
    assert (entry.timestamp, entry.length, entry.element) == (100, 400, "q")
    assert found.final.state == "completed"


def test_a_pause_is_ignored_and_told(tmp_path: Path) -> None:
    """The elements meet there, and go on; the report names it, as it does a compile flag that is none."""
    with program() as prog:
        play("pulse", "q")
        pause()
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 75, flags=["no-pauses"])
    assert any("no compile flag 'no-pauses'" in line.message for line in found.final.lines)
    assert [(e.timestamp, e.length) for e in found.report.analog_waveforms] == [(0, 100), (100, 100)]
    assert found.final.counts["pause_ignored"] == 1
    assert any("a pause was ignored" in line.message for line in found.final.lines)


def test_an_input_that_nobody_pushes_ends_with_the_duration(tmp_path: Path) -> None:
    """The element waits; the simulation is complete all the same."""
    with program() as prog:
        tau = declare_input_stream("client", "tau", int)
        play("pulse", "q")
        advance_input_stream(tau)
        wait(tau, "q")
        play("pulse", "q")
    found = simulated(tmp_path, prog, opx_readout_pair(), 75)
    assert [(e.timestamp, e.length) for e in found.report.analog_waveforms] == [(0, 100)]
    assert found.final.state == "completed"
