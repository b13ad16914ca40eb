"""Values at the upper limit of an output: accepted, told, and played as the highest step of the converter."""

from __future__ import annotations

from typing import Any

import example_configs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster._core.config import apply_overrides, check_config, effective_config, read_config
from quaymaster._core.config.model import AnalogOutput, ArbitraryWaveform, ArrayWaveform, ConstantWaveform, PortRef

LIMITS = {"direct_wf": 0.5, "mw_wf": 1.0, "amplified_wf": 2.5}
"""Constant waveforms of the config by the limit of the port that plays them."""


def fems(**samples: float) -> dict[str, Any]:
    raw = example_configs.opx1000_lf_mw()
    raw["waveforms"] |= {name: {"type": "constant", "sample": samples.get(name, 0.1)} for name in LIMITS}
    raw["pulses"]["lf_readout_pulse"]["waveforms"] = {"single": "direct_wf"}
    raw["pulses"]["x180_pulse"]["waveforms"]["I"] = "mw_wf"
    return raw


def top(limit: float) -> float:
    """The highest of 2^16 steps from -limit to limit."""
    return limit - 2 * limit / 65536


@pytest.mark.parametrize(("name", "limit"), LIMITS.items())
@given(part=st.floats(-1.0, 1.0) | st.floats(0.9999, 1.0))
def test_what_is_played_is_within_the_steps_of_the_converter(name: str, limit: float, part: float) -> None:
    """Up to the highest step a sample is as written; from there to the limit, which is accepted, it is that step."""
    sample = part * limit
    played = check_config(fems(**{name: sample})).waveforms[name]
    assert played == ConstantWaveform(sample=min(sample, top(limit)))


def test_what_was_written_stays_to_be_read() -> None:
    """The effective config has the written numbers, and each that is played otherwise has a warning with its path."""
    raw = fems(mw_wf=1.0, amplified_wf=2.5)
    raw["controllers"]["con1"]["fems"][1]["analog_outputs"][1]["offset"] = 2.5
    config, warnings = read_config(raw)
    written = effective_config(config)
    assert [written["waveforms"][name]["sample"] for name in ("mw_wf", "amplified_wf")] == [1.0, 2.5]
    assert written["controllers"]["con1"]["fems"][1]["analog_outputs"][1]["offset"] == 2.5
    paths = ["controllers.con1.fems.1.analog_outputs.1.offset", "waveforms.amplified_wf", "waveforms.mw_wf"]
    assert sorted(issue.path for issue in warnings) == paths
    assert {issue.level for issue in warnings} == {"warning"}


@pytest.mark.parametrize(("number", "limit"), [(1, 2.5), (2, 0.5)])
def test_offsets(number: int, limit: float) -> None:
    """Of an amplified and of a direct output; the lower limit is a step of its own."""
    raw = fems()
    port = raw["controllers"]["con1"]["fems"][1]["analog_outputs"][number]
    for written, played in ((limit, top(limit)), (-limit, -limit), (top(limit), top(limit))):
        port["offset"] = written
        output = check_config(raw).analog_output(PortRef("con1", 1, number))
        assert isinstance(output, AnalogOutput)
        assert output.offset == played


def readout_pair() -> dict[str, Any]:
    raw = example_configs.opx_readout_pair()
    raw["waveforms"]["open"] = {"type": "arbitrary", "samples": [0.5, -0.5] * 50, "is_overridable": True}
    raw["waveforms"]["rows"] = {"type": "array", "samples_array": [[0.25] * 100, [0.5, 0.1] * 50]}
    for name in ("open", "rows"):
        raw["pulses"][name] = {"operation": "control", "length": 100, "waveforms": {"single": name}}
        raw["elements"]["q"]["operations"][name] = name
    return raw


def test_sampled_waveforms_and_arrays() -> None:
    """Sample by sample, row by row."""
    waveforms = check_config(readout_pair()).waveforms
    assert waveforms["open"] == ArbitraryWaveform(samples=(top(0.5), -0.5) * 50, is_overridable=True)
    assert waveforms["rows"] == ArrayWaveform(samples_array=((0.25,) * 100, (top(0.5), 0.1) * 50))


def test_overrides() -> None:
    """The samples of overrides likewise."""
    changed = apply_overrides(check_config(readout_pair()), {"waveforms": {"drive_wf": 0.5, "open": [0.49999] * 100}})
    assert changed.waveforms["drive_wf"] == ConstantWaveform(sample=top(0.5))
    assert changed.waveforms["open"] == ArbitraryWaveform(samples=(top(0.5),) * 100, is_overridable=True)


def test_a_waveform_of_two_elements_is_within_what_both_can_play() -> None:
    """The narrower range counts, for both."""
    raw = fems(amplified_wf=0.5)
    raw["elements"]["lf_rr"]["operations"]["step"] = "flux_pulse"
    assert check_config(raw).waveforms["amplified_wf"] == ConstantWaveform(sample=top(0.5))
