"""Samples and report of elements with several inputs: which port carries what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from example_configs import opx_readout_pair
from simulated import simulated

from quaymaster.client.qua import play, program, set_dc_offset, wait

LSB = 2.0**-16
T = np.arange(300)


def config(kind: str) -> dict[str, Any]:
    """q plays 0.2 V for 100 ns on the ports 1, 3 and 4, without a carrier."""
    raw = opx_readout_pair()
    outputs = raw["controllers"]["con1"]["analog_outputs"]
    outputs |= {n: {"offset": 0.0} for n in (3, 4) if n not in outputs}
    element = raw["elements"]["q"]
    del element["singleInput"], element["intermediate_frequency"]
    element[kind] = {"inputs": {"a": ("con1", 1), "b": ("con1", 3), "c": ("con1", 4)}}
    return raw


def test_all_ports_play_together(tmp_path: Path) -> None:
    """Three ports have the same samples, and the report an entry for each, with a pulser of its own; one marker."""
    with program() as prog:
        play("pulse", "q")
    found = simulated(tmp_path, prog, config("multipleInputs"), 75)
    for port in ("1", "3", "4"):
        assert np.abs(found.analog[port] - np.where(T < 100, 0.2, 0.0)).max() <= LSB
    entries = found.report.analog_waveforms
    assert [entry.output_ports for entry in entries] == [[1], [3], [4]]
    assert len({entry.pulser["pulserIndex"] for entry in entries}) == 3
    assert not any(entry.iq_info["isPartOfIq"] for entry in entries)
    assert found.digital["1"].tolist() == (T < 100).tolist()


def test_the_target_plays(tmp_path: Path) -> None:
    """One port at a time, also in the report; each port has its own offset, by the input's name."""
    with program() as prog:
        play("pulse", "q", target="b")
        wait(12, "q")
        set_dc_offset("q", "a", 0.125)
        play("pulse", "q", target="a")
    found = simulated(tmp_path, prog, config("singleInputCollection"), 75)
    assert np.abs(found.analog["3"] - np.where(T < 100, 0.2, 0.0)).max() <= LSB
    late = np.where((T >= 148) & (T < 248), 0.2, 0.0) + np.where((T >= 148) & (T < 300), 0.125, 0.0)
    assert np.abs(found.analog["1"] - late)[:248].max() <= LSB
    assert not found.analog["4"].any()
    first, second = found.report.analog_waveforms
    assert (first.element, first.output_ports, first.timestamp) == ("q", [3], 0)
    assert (second.element, second.output_ports, second.timestamp) == ("q", [1], 148)
    assert second.current_dc_offset_by_port == {"1": 0.125}
