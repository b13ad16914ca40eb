"""What good configs become: defaults, old names, both spellings, references."""

from __future__ import annotations

from typing import Any

import example_configs
import numpy as np
import pytest

from quaymaster._core.config import PortRef, check_config, parse_config
from quaymaster._core.config.model import (
    AnalogInput,
    AnalogOutput,
    AnalogOutputFilter,
    ArbitraryWaveform,
    DigitalOutput,
    MWAnalogInput,
    MWAnalogOutput,
    Sticky,
    TimeTaggingParameters,
)
from quaymaster._core.errors import AskedWrongly


def small(**sections: Any) -> dict[str, Any]:
    """The small config with entries added to its sections."""
    raw = example_configs.opx_readout_pair()
    for section, entries in sections.items():
        raw.setdefault(section, {}).update(entries)
    return raw


def test_defaults_of_an_opx() -> None:
    """Ports without keys have the platform's defaults; an OPX holds them in FEM 1."""
    config = check_config({"controllers": {"con1": {"analog_outputs": {1: {}}, "analog_inputs": {"2": {}}}}})
    assert config.controllers["con1"].type == "opx1"
    assert config.analog_output(PortRef("con1", 1, 1)) == AnalogOutput(
        offset=0.0, delay=0, shareable=False, filter=None, sampling_rate=1e9, upsampling_mode=None, output_mode="direct"
    )
    assert config.analog_input(PortRef("con1", 1, 2)) == AnalogInput(offset=0.0, gain_db=0, sampling_rate=1e9)


def test_defaults_of_fems() -> None:
    """LF outputs upsample in mode mw at 1 GS/s and not at all at 2 GS/s; MW outputs default to −11 dBm."""
    config = check_config(example_configs.opx1000_lf_mw())
    modes = {n: port.upsampling_mode for n, port in config.controllers["con1"].fems[1].analog_outputs.items()}
    assert modes == {1: "pulse", 2: None, 3: "mw"}
    port = config.analog_output(PortRef("con1", 2, 8))
    assert isinstance(port, MWAnalogOutput)
    assert (port.full_scale_power_dbm, port.upconverters[1].frequency) == (-11, 7e9)
    incoming = config.analog_input(PortRef("con1", 2, 2))
    assert isinstance(incoming, MWAnalogInput)
    assert (incoming.lo_mode, incoming.gain_db) == ("auto", 0)


def test_fem_type_is_found_from_the_keys() -> None:
    """A FEM without a type is LF or MW where its ports' keys tell; a controller with fems is an OPX1000."""
    fems = {
        1: {"analog_outputs": {1: {"output_mode": "amplified"}}},
        "2": {"analog_inputs": {1: {"band": 1, "downconverter_frequency": 1e9}}},
    }
    config = check_config({"controllers": {"con1": {"fems": fems}}})
    assert config.controllers["con1"].type == "opx1000"
    assert [fem.type for fem in config.controllers["con1"].fems.values()] == ["LF", "MW"]


def test_port_references_two_and_three_parts() -> None:
    """Two-part references mean FEM 1; numeric strings and lists are taken as well."""
    raw = example_configs.opx_readout_pair()
    for port in (("con1", 1), ["con1", 1, 1], ("con1", "1"), ("con1", "1", 1)):
        raw["elements"]["q"]["singleInput"]["port"] = port
        element = check_config(raw).elements["q"]
        assert element.singleInput is not None
        assert element.singleInput.port == PortRef("con1", 1, 1)
        assert str(element.singleInput.port) == "con1/1/1"


def test_iq_element() -> None:
    """Field names are the config's keys, and the correction is that of exactly this (IF, LO)."""
    config = check_config(example_configs.opx_two_qubits())
    q1 = config.elements["q1"]
    assert q1.mixInputs is not None
    assert (PortRef("con1", 1, 1), PortRef("con1", 1, 2)) == (q1.mixInputs.I, q1.mixInputs.Q)
    assert (q1.input_kind, q1.measures, q1.time_of_flight) == ("mixInputs", False, None)
    assert config.mixer_correction("q1") == (1.0, 0.02, -0.01, 0.98)
    assert config.mixer_correction("rr2") == (0.99, 0.01, 0.01, 1.01)
    assert config.mixer_correction("flux") == (1.0, 0.0, 0.0, 1.0)
    assert config.elements["rr1"].output_ports == {"out1": PortRef("con1", 1, 1), "out2": PortRef("con1", 1, 2)}
    assert config.intermediate_frequency("q2") == -80e6
    assert config.intermediate_frequency("flux") is None


def test_missing_mixer_entry_is_identity_with_a_warning() -> None:
    """Without an entry for the pair nothing is corrected, and the user is told."""
    raw = example_configs.opx_two_qubits()
    raw["elements"]["q1"]["intermediate_frequency"] = 51e6
    config, issues = parse_config(raw)
    assert config is not None
    assert config.mixer_correction("q1") == (1.0, 0.0, 0.0, 1.0)
    assert [(issue.level, issue.path) for issue in issues] == [("warning", "elements.q1.mixInputs.mixer")]


def test_shared_oscillator_brings_frequency_and_matrix() -> None:
    """Elements on one oscillator have its frequency and its mixer's correction, whatever their own mixer is."""
    raw = example_configs.opx_two_qubits()
    raw["oscillators"] = {"osc": {"intermediate_frequency": 50e6, "mixer": "mixer_q1", "lo_frequency": 4.9e9}}
    del raw["elements"]["q2"]["intermediate_frequency"]
    raw["elements"]["q2"]["oscillator"] = "osc"
    config = check_config(raw)
    assert config.intermediate_frequency("q2") == 50e6
    assert config.mixer_correction("q2") == config.mixer_correction("q1")


def test_old_names() -> None:
    """thread, outputPulseParameters, hold_offset (in cycles) become core, timeTaggingParameters, sticky (in ns)."""
    raw = example_configs.opx_readout_pair()
    raw["elements"]["q"].update({"thread": "a", "hold_offset": {"duration": 25}, "measurement_qe": "x"})
    parameters = {
        "signalThreshold": 500,
        "signalPolarity": "Descending",
        "derivativeThreshold": -300,
        "derivativePolarity": "ASCENDING",
    }
    raw["elements"]["rr"].update({"outputPulseParameters": parameters, "time_of_flight": 36})
    config = check_config(raw)
    assert config.elements["q"].core == "a"
    assert config.elements["q"].sticky == Sticky(analog=True, digital=False, duration=100)
    assert config.elements["rr"].timeTaggingParameters == TimeTaggingParameters(
        signalThreshold=500, signalPolarity="BELOW", derivativeThreshold=-300, derivativePolarity="ABOVE"
    )


def test_integration_weights_spellings() -> None:
    """One value per 4 ns, a plain pair as one (value, ns), and pairs all become pairs."""
    weights = {
        "list": {"cosine": [1.0, 2.0, 3.0], "sine": [0, 0, 0]},
        "pair": {"cosine": [1.0, 12], "sine": (0.0, 12)},
        "pairs": {"cosine": [(1.0, 8), [2.0, 4]], "sine": np.array([[0.0, 4.0], [1.0, 8.0]])},
    }
    found = check_config(small(integration_weights=weights)).integration_weights
    assert found["list"].cosine == ((1.0, 4), (2.0, 4), (3.0, 4))
    assert found["pair"].cosine == ((1.0, 12),)
    assert found["pairs"].cosine == ((1.0, 8), (2.0, 4))
    assert found["pairs"].sine == ((0.0, 4), (1.0, 8))
    assert {record.length for name, record in found.items() if name in weights} == {12}


def test_waveform_defaults() -> None:
    """An arbitrary waveform may lose 1e-4 in compression unless it is overridable or has a rate of its own."""
    waveforms = {
        "a": {"type": "arbitrary", "samples": [0.0, 0.1]},
        "b": {"type": "arbitrary", "samples": [0.0, 0.1], "is_overridable": True},
        "c": {"type": "arbitrary", "samples": [0.0, 0.1], "sampling_rate": 5e8},
    }
    found = check_config(small(waveforms=waveforms)).waveforms
    errors = [found[name].max_allowed_error for name in "abc" if isinstance(found[name], ArbitraryWaveform)]
    assert errors == [1e-4, None, None]


def test_numpy_values_are_numbers() -> None:
    """numpy's scalars and arrays stand for Python's numbers and lists, and the records hold plain Python."""
    raw = small(waveforms={"w": {"type": "arbitrary", "samples": np.linspace(0, 0.25, 5)}})
    raw["pulses"]["pulse"]["length"] = np.int64(120)
    raw["waveforms"]["drive_wf"]["sample"] = np.float32(0.25)
    raw["controllers"]["con1"]["analog_outputs"][1]["shareable"] = np.bool_(True)
    config = check_config(raw)
    waveform = config.waveforms["w"]
    assert isinstance(waveform, ArbitraryWaveform)
    assert waveform.samples == (0.0, 0.0625, 0.125, 0.1875, 0.25)
    assert {type(sample) for sample in waveform.samples} == {float}
    assert type(config.pulses["pulse"].length) is int
    port = config.analog_output(PortRef("con1", 1, 1))
    assert port.shareable is True


def test_empty_filters_and_digital_ports() -> None:
    """Empty filters are none; digital ports default to not inverted, LVTTL; level is kept."""
    raw = example_configs.opx_readout_pair()
    outputs = raw["controllers"]["con1"]["analog_outputs"]
    outputs[1].update({"filter": {"feedforward": [], "feedback": []}, "crosstalk": {}})
    outputs[2]["filter"] = {"feedforward": [1.0], "feedback": [1.8, -0.81]}
    raw["controllers"]["con1"]["digital_outputs"][2] = {"level": "TTL"}
    config = check_config(raw)
    first, second = (config.analog_output(PortRef("con1", 1, n)) for n in (1, 2))
    assert isinstance(first, AnalogOutput) and isinstance(second, AnalogOutput)
    assert (first.filter, first.crosstalk) == (None, {})
    assert second.filter == AnalogOutputFilter(feedforward=(1.0,), feedback=(1.8, -0.81))
    assert config.digital_output(PortRef("con1", 1, 2)) == DigitalOutput(shareable=False, inverted=False, level="TTL")
    fems = example_configs.opx1000_lf_mw()
    fems["controllers"]["con1"]["fems"][1]["analog_outputs"][3]["filter"] = {"feedforward": [], "feedback": []}
    third = check_config(fems).analog_output(PortRef("con1", 1, 3))
    assert isinstance(third, AnalogOutput) and third.filter is None


@pytest.mark.parametrize("version", [1, "2.0", None, {"a": 1}])
def test_version_is_ignored(version: object) -> None:
    """Whatever ``version`` says is accepted and has no effect."""
    raw = example_configs.opx_readout_pair()
    assert check_config({**raw, "version": version}) == check_config(raw)


def test_input_kinds_with_several_ports() -> None:
    """Collections keep their inputs' names and order."""
    raw = example_configs.opx_readout_pair()
    inputs = {"b": ("con1", 2), "a": ("con1", 1)}
    raw["elements"]["many"] = {"multipleInputs": {"inputs": inputs}, "operations": {"pulse": "pulse"}}
    raw["elements"]["one"] = {"singleInputCollection": {"inputs": inputs}, "operations": {"pulse": "pulse"}}
    config = check_config(raw)
    for name, kind in (("many", "multipleInputs"), ("one", "singleInputCollection")):
        assert config.elements[name].input_kind == kind
        assert list(config.elements[name].input_ports.items()) == [
            ("b", PortRef("con1", 1, 2)),
            ("a", PortRef("con1", 1, 1)),
        ]


def test_an_element_of_digital_outputs_may_have_a_time_of_flight() -> None:
    """It needs none, and takes one in the range of the others."""
    raw = small()
    raw["controllers"]["con1"]["digital_inputs"] = {1: {}}
    raw["elements"]["opd"] = {"digitalOutputs": {"out1": ("con1", 1)}}
    assert check_config(raw).elements["opd"].time_of_flight is None
    raw["elements"]["opd"]["time_of_flight"] = 48
    assert check_config(raw).elements["opd"].time_of_flight == 48
    raw["elements"]["opd"]["time_of_flight"] = 20
    with pytest.raises(AskedWrongly, match="between 24"):
        check_config(raw)
