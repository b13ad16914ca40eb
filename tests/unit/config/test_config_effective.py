"""The effective config, its digest, and overrides."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path
from typing import Any

import example_configs
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.config import apply_overrides, check_config, config_digest, effective_config
from quaymaster._core.config.model import ArbitraryWaveform, ConstantWaveform
from quaymaster._core.errors import AskedWrongly

EXAMPLES = [example_configs.opx_two_qubits, example_configs.opx_readout_pair, example_configs.opx1000_lf_mw]


@st.composite
def good_configs(draw: st.DrawFn) -> dict[str, Any]:
    """An example with optional keys set to random good values."""
    raw = draw(st.sampled_from(EXAMPLES))()
    for section in ("elements", "pulses", "waveforms", "integration_weights"):
        for name in draw(st.lists(st.text(st.characters(codec="utf-8"), min_size=1, max_size=20), max_size=2)):
            if raw[section]:
                raw[section].setdefault(name, copy.deepcopy(next(iter(raw[section].values()))))
    volts = st.floats(-0.5, 0.49)
    for element in raw["elements"].values():
        if draw(st.booleans()):
            element["core"] = draw(st.sampled_from(["a", "b"]))
        if "outputs" in element:
            element["time_of_flight"] = 4 * draw(st.integers(9, 100))
            element["smearing"] = draw(st.integers(0, element["time_of_flight"] - 8))
            if draw(st.booleans()):
                element["timeTaggingParameters"] = {}
    for controller in raw["controllers"].values():
        for port in controller.get("analog_outputs", {}).values():
            port["offset"] = draw(volts)
            port["delay"] = draw(st.integers(0, 16_000))
            port["crosstalk"] = draw(st.dictionaries(st.integers(1, 10), volts, max_size=2))
            port["filter"] = {"feedforward": draw(st.lists(volts, max_size=4))}
    weights = st.lists(st.tuples(st.floats(-1000, 1000), st.integers(1, 50).map(lambda n: 4 * n)), min_size=1)
    raw["integration_weights"]["drawn"] = dict.fromkeys(("cosine", "sine"), draw(weights))
    raw["oscillators"] = {"osc": {"intermediate_frequency": draw(st.floats(-5e8, 5e8))}}
    raw["waveforms"]["drawn"] = {"type": "array", "samples_array": [draw(st.lists(volts, min_size=1))]}
    return raw


@settings(max_examples=100, deadline=None)
@given(good_configs())
def test_effective_config_parses_back(raw: dict[str, Any]) -> None:
    """The effective config is a config: it parses to an equal one, also after a trip over JSON or MessagePack."""
    config = check_config(raw)
    effective = effective_config(config)
    assert check_config(effective) == config
    assert effective_config(check_config(effective)) == effective
    assert check_config(msgspec.json.decode(msgspec.json.encode(effective))) == config
    assert check_config(msgspec.msgpack.decode(msgspec.msgpack.encode(effective), strict=False)) == config
    assert config_digest(check_config(effective)) == config_digest(config)


def test_effective_config_shows_defaults_in_the_users_schema() -> None:
    """Defaults are written out with the keys that a user would have written; what is absent stays absent."""
    effective = effective_config(check_config(example_configs.opx_readout_pair()))
    con1 = effective["controllers"]["con1"]
    assert con1["analog_outputs"][1] == {
        "offset": 0.0,
        "delay": 0,
        "shareable": False,
        "crosstalk": {},
        "sampling_rate": 1e9,
    }
    assert con1["digital_outputs"][1] == {"shareable": False, "inverted": False, "level": "LVTTL"}
    element = effective["elements"]["q"]
    assert element == {
        "singleInput": {"port": ("con1", 1)},
        "intermediate_frequency": 100e6,
        "operations": {"pulse": "pulse"},
        "digitalInputs": {"marker": {"port": ("con1", 1), "delay": 0, "buffer": 0}},
    }
    lf_mw = effective_config(check_config(example_configs.opx1000_lf_mw()))
    assert lf_mw["elements"]["q"]["MWInput"] == {"port": ("con1", 2, 1), "upconverter": 2}
    assert lf_mw["controllers"]["con1"]["fems"][2]["analog_outputs"][8]["upconverters"] == {1: {"frequency": 7e9}}


def test_effective_config_of_an_octave() -> None:
    """Octaves parse back too."""
    raw = example_configs.opx_readout_pair()
    raw["octaves"] = {
        "oct1": {
            "RF_outputs": {1: {"I_connection": ("con1", 1), "Q_connection": ("con1", 2), "input_attenuators": "ON"}},
            "RF_inputs": {"2": {"RF_source": "loopback1", "IF_mode_I": "mixer"}},
            "IF_outputs": {"IF_out1": {"port": ("con1", 1), "name": "in1"}},
            "loopbacks": [(("oct1", "Synth1"), "Dmd1LO")],
        },
        "oct2": {"connectivity": ("con1", 1)},
    }
    config = check_config(raw)
    assert check_config(effective_config(config)) == config


def test_digest_is_canonical() -> None:
    """The digest ignores order and spelling, and sees every value."""
    raw = example_configs.opx_readout_pair()
    digest = config_digest(check_config(raw))
    turned = {key: dict(reversed(raw[key].items())) for key in reversed(raw)}
    turned["controllers"]["con1"]["analog_outputs"] = {"2": {}, "1": {"offset": -0.0}}
    assert config_digest(check_config(turned)) == digest
    turned["waveforms"]["drive_wf"]["sample"] += 1e-12
    assert config_digest(check_config(turned)) != digest


def test_digest_is_stable_across_processes() -> None:
    """Another process with another hash seed computes the same digest."""
    code = (
        "import example_configs; from quaymaster._core.config import *;"
        "print(config_digest(check_config(example_configs.opx_two_qubits())))"
    )
    here = str(Path(example_configs.__file__).parent)
    environment = {"PYTHONPATH": here, "PYTHONHASHSEED": "77"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == config_digest(check_config(example_configs.opx_two_qubits()))


def overridable() -> dict[str, Any]:
    raw = example_configs.opx_readout_pair()
    samples = [0.01 * (i % 10) for i in range(100)]
    raw["waveforms"]["open"] = {"type": "arbitrary", "samples": samples, "is_overridable": True}
    raw["waveforms"]["closed"] = {"type": "arbitrary", "samples": samples}
    raw["waveforms"]["array"] = {"type": "array", "samples_array": [samples]}
    raw["pulses"]["open_pulse"] = {"operation": "control", "length": 100, "waveforms": {"single": "open"}}
    raw["elements"]["q"]["operations"]["open"] = "open_pulse"
    return raw


def test_overrides_change_only_the_named_waveforms() -> None:
    """A number replaces a constant, a list of the same length an overridable arbitrary waveform; the rest stays."""
    config = check_config(overridable())
    changed = apply_overrides(config, {"waveforms": {"drive_wf": -0.25, "open": [0.125] * 100}})
    assert changed.waveforms["drive_wf"] == ConstantWaveform(sample=-0.25)
    assert changed.waveforms["open"] == ArbitraryWaveform(samples=(0.125,) * 100, is_overridable=True)
    assert changed.waveforms["closed"] == config.waveforms["closed"]
    assert config.waveforms["drive_wf"] == ConstantWaveform(sample=0.2)
    assert config_digest(changed) != config_digest(config)
    assert apply_overrides(config, {}) == config


@pytest.mark.parametrize(
    ("overrides", "text"),
    [
        (5, "overrides : must be a dict"),
        ({"waveform": {}}, "did you mean 'waveforms'?"),
        ({"waveforms": []}, "overrides.waveforms : must be a dict"),
        ({"waveforms": {"drive": 0.1}}, "did you mean 'drive_wf'?"),
        ({"waveforms": {"drive_wf": [0.1]}}, "overridden by one finite number"),
        ({"waveforms": {"drive_wf": float("inf")}}, "overridden by one finite number"),
        ({"waveforms": {"drive_wf": 0.51}}, "must be between -0.5"),
        ({"waveforms": {"open": 0.1}}, "overridden by a list"),
        ({"waveforms": {"open": []}}, "has 0 samples; the waveform has 100"),
        ({"waveforms": {"open": [0.1] * 99}}, "has 99 samples; the waveform has 100"),
        ({"waveforms": {"open": [0.1] * 99 + ["a"]}}, "overrides.waveforms.open[99] : must be a finite number"),
        ({"waveforms": {"open": [0.1] * 99 + [0.6]}}, "has a sample of 0.6"),
        ({"waveforms": {"closed": [0.1] * 100}}, "not declared with is_overridable=True"),
        ({"waveforms": {"array": [0.1] * 100}}, "an array waveform cannot be overridden"),
    ],
)
def test_wrong_overrides(overrides: Any, text: str) -> None:
    """Each rule of overrides is refused with words that say which waveform and why."""
    with pytest.raises(AskedWrongly) as caught:
        apply_overrides(check_config(overridable()), overrides)
    assert caught.value.code == "bad_override"
    assert text in caught.value.message


def test_all_wrong_overrides_at_once() -> None:
    """Two wrong overrides are both named."""
    with pytest.raises(AskedWrongly) as caught:
        apply_overrides(check_config(overridable()), {"waveforms": {"nobody": 0.1, "drive_wf": "x"}})
    assert [issue["path"] for issue in caught.value.details["issues"]] == [
        "overrides.waveforms.nobody",
        "overrides.waveforms.drive_wf",
    ]
