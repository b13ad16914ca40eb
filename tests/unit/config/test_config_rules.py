"""Every rule of a config, one row each: what is changed in a good config, and the issue that must come of it."""

from __future__ import annotations

from typing import Any, NamedTuple

import example_configs
import pytest

from quaymaster._core.config import ConfigIssue, check_config, parse_config
from quaymaster._core.errors import AskedWrongly

DELETE = object()
C, E, P, W = "controllers", "elements", "pulses", "waveforms"
OUT, IN, DO, DI = "analog_outputs", "analog_inputs", "digital_outputs", "digital_inputs"
CON = (C, "con1")
LF, MW = (*CON, "fems", 1), (*CON, "fems", "2")
BASES = {
    "iq": example_configs.opx_two_qubits,
    "pair": example_configs.opx_readout_pair,
    "fems": example_configs.opx1000_lf_mw,
}


class Rule(NamedTuple):
    """A change to a base config, and the path, group, level and a part of the message of the issue it gives."""

    base: str
    edits: dict[tuple[Any, ...], Any]
    path: str
    group: str
    text: str
    level: str = "config"


def edited(base: str, edits: dict[tuple[Any, ...], Any]) -> dict[str, Any]:
    """A fresh base config with values put in (or deleted) at key paths; missing dicts on the way are made."""
    config: Any = BASES[base]()
    for keys, value in edits.items():
        place = config
        for key in keys[:-1]:
            place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
        if value is DELETE:
            del place[keys[-1]]
        else:
            place[keys[-1]] = value
    return config


def issues_of(base: str, edits: dict[tuple[Any, ...], Any]) -> list[ConfigIssue]:
    return parse_config(edited(base, edits))[1]


PHYS = "physical"
WARN = "warning"
PORT_ROWS = [
    # what a config and its sections look like
    Rule("pair", {("elemnts",): {}}, "elemnts", "config.schema", "did you mean 'elements'?"),
    Rule("pair", {(E,): []}, "elements", "elements.schema", "must be a dict"),
    Rule("pair", {(E, 7): {}}, "elements.7", "elements.schema", "a name must be text"),
    Rule("pair", {(E, ""): {}}, "elements.", "elements.schema", "a name must be text"),
    Rule("pair", {(E, "q", "operatons"): {}}, "elements.q.operatons", "elements.schema", "did you mean 'operations'?"),
    Rule("pair", {CON: 5}, "controllers.con1", "controllers.schema", "must be a dict"),
    # controllers and FEMs
    Rule("pair", {(*CON, "type"): "opx2"}, "controllers.con1.type", "controllers.schema", "one of opx1, opx, opx1000"),
    Rule("fems", {(*CON, OUT): {}}, "controllers.con1", "controllers.femsOrPorts", "cannot be used together"),
    Rule("fems", {(*CON, "type"): "opx1"}, "controllers.con1", "controllers.femsOrPorts", "an opx1 has no 'fems'"),
    Rule("pair", {(*CON, "type"): "opx1000"}, "controllers.con1", "controllers.femsOrPorts", "ports in 'fems'"),
    Rule(
        "fems",
        {(*CON, "fems", 9): {"type": "LF"}},
        "controllers.con1.fems.9",
        "controllers.portNumbers",
        "1 to 8",
        PHYS,
    ),
    Rule("fems", {(*CON, "fems", "1"): {"type": "LF"}}, "controllers.con1.fems.1", "controllers.schema", "given twice"),
    Rule("fems", {(*LF, "type"): "HF"}, "controllers.con1.fems.1.type", "controllers.schema", "one of LF, MW"),
    Rule(
        "fems",
        {(*CON, "fems", 3): {DO: {1: {}}}},
        "controllers.con1.fems.3.type",
        "controllers.schema",
        "give 'LF' or 'MW'",
    ),
    # port numbers
    Rule(
        "pair", {(*CON, OUT, 11): {}}, "controllers.con1.analog_outputs.11", "controllers.portNumbers", "1 to 10", PHYS
    ),
    Rule("pair", {(*CON, OUT, 0): {}}, "controllers.con1.analog_outputs.0", "controllers.portNumbers", "1 to 10", PHYS),
    Rule("pair", {(*CON, IN, 3): {}}, "controllers.con1.analog_inputs.3", "controllers.portNumbers", "1 to 2", PHYS),
    Rule(
        "pair", {(*CON, DO, 11): {}}, "controllers.con1.digital_outputs.11", "controllers.portNumbers", "1 to 10", PHYS
    ),
    Rule(
        "pair", {(*CON, DI, 11): {}}, "controllers.con1.digital_inputs.11", "controllers.portNumbers", "1 to 10", PHYS
    ),
    Rule("fems", {(*LF, OUT, 9): {}}, "controllers.con1.fems.1.analog_outputs.9", "controllers.portNumbers", "8", PHYS),
    Rule("fems", {(*MW, OUT, 9): {}}, "controllers.con1.fems.2.analog_outputs.9", "controllers.portNumbers", "8", PHYS),
    Rule("fems", {(*LF, DO, 9): {}}, "controllers.con1.fems.1.digital_outputs.9", "controllers.portNumbers", "8", PHYS),
    Rule("pair", {(*CON, OUT, "x"): {}}, "controllers.con1.analog_outputs.x", "controllers.schema", "numeric string"),
    Rule("pair", {(*CON, OUT, "1"): {}}, "controllers.con1.analog_outputs.1", "controllers.schema", "given twice"),
]


def out(value: Any, key: str, text: str, level: str = PHYS, group: str = "range") -> Rule:
    """A wrong key of an OPX output."""
    path = f"controllers.con1.analog_outputs.1.{key}"
    return Rule("pair", {(*CON, OUT, 1, key): value}, path, f"controllers.{group}", text, level)


def lf(number: int, key: str, value: Any, text: str, level: str = PHYS, group: str = "range") -> Rule:
    """A wrong key of an LF-FEM output."""
    path = f"controllers.con1.fems.1.analog_outputs.{number}.{key}"
    return Rule("fems", {(*LF, OUT, number, key): value}, path, f"controllers.{group}", text, level)


def mw(number: int, key: str, value: Any, text: str, level: str = PHYS, group: str = "range", kind: str = OUT) -> Rule:
    """A wrong key of a MW-FEM port."""
    path = f"controllers.con1.fems.2.{kind}.{number}.{key}"
    return Rule("fems", {(*MW, kind, number, key): value}, path, f"controllers.{group}", text, level)


VALUE_ROWS = [
    # OPX outputs
    out(0.5, "offset", "must be between -0.5 and 0.49998"),
    out(-0.51, "offset", "is -0.51"),
    out("0.1", "offset", "must be a finite number", "config", "schema"),
    out(float("nan"), "offset", "must be a finite number", "config", "schema"),
    out(True, "offset", "must be a finite number", "config", "schema"),
    out(-1, "delay", "between 0 and 16000"),
    out(16_001, "delay", "between 0 and 16000"),
    out(1.5, "delay", "must be an integer", "config", "schema"),
    out(1, "shareable", "True or False", "config", "schema"),
    out(2e9, "sampling_rate", "must be 1e+09"),
    out("direct", "output_mode", "unknown key 'output_mode'", "config", "schema"),
    out({"feedfoward": []}, "filter.feedfoward", "did you mean 'feedforward'?", "config", "schema")._replace(
        edits={(*CON, OUT, 1, "filter"): {"feedfoward": []}}
    ),
    out([1.0] * 45, "filter.feedforward", "at most 44")._replace(
        edits={(*CON, OUT, 1, "filter"): {"feedforward": [1.0] * 45}}
    ),
    out(None, "filter.feedforward", "with 3 feedback taps at most 23")._replace(
        edits={(*CON, OUT, 1, "filter"): {"feedforward": [0.1] * 24, "feedback": [0.1, 0.1, 0.1]}}
    ),
    out(None, "filter.feedforward[1]", "above -2 and below 2")._replace(
        edits={(*CON, OUT, 1, "filter"): {"feedforward": [0.1, 2.0]}}
    ),
    out(None, "filter.feedback", "at most 3")._replace(edits={(*CON, OUT, 1, "filter"): {"feedback": [0.1] * 4}}),
    out(None, "filter.feedback", "not stable")._replace(edits={(*CON, OUT, 1, "filter"): {"feedback": [1.0]}}),
    out(None, "crosstalk.11", "no analog output 11", PHYS, "portNumbers")._replace(
        edits={(*CON, OUT, 1, "crosstalk"): {11: 0.1}}
    ),
    out(None, "crosstalk.2", "finite number", "config", "schema")._replace(
        edits={(*CON, OUT, 1, "crosstalk"): {2: "x"}}
    ),
    # OPX inputs, digital ports
    *(
        Rule(
            "pair",
            {(*CON, *keys): value},
            f"controllers.con1.{'.'.join(map(str, keys))}",
            "controllers.range",
            text,
            PHYS,
        )
        for keys, value, text in [
            ((IN, 1, "offset"), 0.6, "between -0.5"),
            ((IN, 1, "gain_db"), 21, "between -12 and 20"),
            ((IN, 1, "gain_db"), -13, "between -12 and 20"),
            ((IN, 1, "sampling_rate"), 2e9, "must be 1e+09"),
            ((DI, 1, "deadtime"), 3, "between 4 and 16"),
            ((DI, 1, "deadtime"), 17, "between 4 and 16"),
            ((DI, 1, "threshold"), 3.4, "between 0 and 3.3"),
        ]
    ),
    Rule(
        "pair",
        {(*CON, DI, 1, "polarity"): "UP"},
        "controllers.con1.digital_inputs.1.polarity",
        "controllers.schema",
        "one of RISING, FALLING",
    ),
    Rule(
        "pair",
        {(*CON, DO, 1, "inverted"): "yes"},
        "controllers.con1.digital_outputs.1.inverted",
        "controllers.schema",
        "True or False",
    ),
    # LF-FEM
    lf(1, "offset", 2.6, "between -2.5 and 2.5"),
    lf(1, "offset", 2.5, "the converter plays 2.49992", WARN),
    lf(2, "offset", 0.5, "the converter plays 0.49998", WARN),
    lf(2, "offset", 0.6, "between -0.5 and 0.5"),
    lf(2, "sampling_rate", 1.5e9, "must be 1e+09 or 2e+09"),
    lf(2, "upsampling_mode", "mw", "only a port at 1e9", "config", "upsamplingMode"),
    lf(1, "output_mode", "loud", "one of direct, amplified", "config", "schema"),
    lf(1, "max_voltage_limit", 3.0, "between -2.5 and 2.5"),
    lf(1, "min_voltage_limit", 1.0, "above max_voltage_limit")._replace(
        edits={(*LF, OUT, 1, "min_voltage_limit"): 1.0, (*LF, OUT, 1, "max_voltage_limit"): 0.5}
    ),
    lf(1, "band", 1, "unknown key 'band'", "config", "schema"),
    lf(3, "filter.exponential[0]", None, "time constant is 0")._replace(
        edits={(*LF, OUT, 3, "filter"): {"exponential": [(0.1, 0.0)]}}
    ),
    lf(3, "filter.exponential[0]", None, "(amplitude, time constant", "config", "schema")._replace(
        edits={(*LF, OUT, 3, "filter"): {"exponential": [0.1]}}
    ),
    lf(3, "filter.high_pass", None, "cannot be used together", "config", "highPass")._replace(
        edits={(*LF, OUT, 3, "filter", "high_pass"): 10.0}
    ),
    lf(3, "filter.high_pass", None, "deprecated", WARN, "highPass")._replace(
        edits={(*LF, OUT, 3, "filter"): {"high_pass": 1e5}}
    ),
    lf(3, "filter.feedback", None, "it corrects by exponential", "config", "feedback")._replace(
        edits={(*LF, OUT, 3, "filter"): {"feedback": [0.1]}}
    ),
    lf(1, "gain_db", 30, "-3 and 29")._replace(
        edits={(*LF, IN, 1, "gain_db"): 30}, path="controllers.con1.fems.1.analog_inputs.1.gain_db"
    ),
    # MW-FEM
    mw(1, "band", DELETE, "the required key 'band' is missing", "config", "schema"),
    mw(1, "band", 4, "between 1 and 3"),
    mw(1, "full_scale_power_dbm", -12, "between -11 and 16"),
    mw(1, "full_scale_power_dbm", -10, "steps of 3"),
    mw(1, "delay", -1, "between 0"),
    mw(1, "offset", 0.0, "unknown key 'offset'", "config", "schema"),
    mw(8, "upconverter_frequency", 5e9, "band 3 is"),
    mw(1, "upconverters.1.frequency", None, "band 2 is")._replace(
        edits={(*MW, OUT, 1, "upconverters", 1): {"frequency": 1e9}}
    ),
    mw(1, "upconverters.1.frequency", None, "'frequency' is missing", "config", "schema")._replace(
        edits={(*MW, OUT, 1, "upconverters", 1): {}}
    ),
    mw(1, "upconverters.3", {"frequency": 5e9}, "no upconverter 3", PHYS, "portNumbers")._replace(
        edits={(*MW, OUT, 1, "upconverters", 3): {"frequency": 5e9}}
    ),
    mw(1, "upconverters", {}, "at least one", "config", "upconverters"),
    Rule(
        "fems",
        {(*MW, OUT, 1, "upconverter_frequency"): 5e9},
        "controllers.con1.fems.2.analog_outputs.1",
        "controllers.upconverters",
        "exactly one of",
    ),
    Rule(
        "fems",
        {(*MW, OUT, 8, "upconverter_frequency"): DELETE},
        "controllers.con1.fems.2.analog_outputs.8",
        "controllers.upconverters",
        "exactly one of",
    ),
    mw(2, "downconverter_frequency", DELETE, "is missing", "config", "schema", IN),
    mw(2, "downconverter_frequency", 1e9, "band 3 is", kind=IN),
    mw(2, "gain_db", 33, "between 0 and 32", kind=IN),
    mw(2, "gain_db", -1, "between 0 and 32", kind=IN),
    mw(2, "lo_mode", "never", "one of auto, always_on", "config", "schema", IN),
    *(
        Rule(
            "fems",
            {
                (*MW, OUT): {n: {"band": b, "upconverter_frequency": 7e9} for n, b in outs.items()},
                (*MW, IN): {n: {"band": b, "downconverter_frequency": 7e9} for n, b in ins.items()},
            },
            "controllers.con1.fems.2",
            "controllers.coupledPorts",
            "must use one band",
            PHYS,
        )
        for outs, ins in [
            ({1: 2}, {1: 3}),
            ({2: 2, 3: 3}, {}),
            ({4: 2, 5: 3}, {}),
            ({6: 2, 7: 3}, {}),
            ({8: 2}, {2: 3}),
        ]
    ),
]


def el(base: str, element: str, key: str, value: Any, text: str, group: str = "schema", level: str = "config") -> Rule:
    """A wrong key of an element (dots in ``key`` go deeper)."""
    edits = {(E, element, *key.split(".")): value}
    return Rule(base, edits, f"elements.{element}.{key}", f"elements.{group}", text, level)


ELEMENT_ROWS = [
    # inputs and outputs
    el("pair", "q", "singleInput.port", ("con2", 1), "controller 'con2' is not in controllers", "portsExist"),
    el("pair", "q", "singleInput.port", ("con1", 3), "analog output 3 of con1/1 is not declared", "portsExist"),
    el("pair", "q", "singleInput.port", ("con1", 2, 1), "has no FEM 2", "portsExist"),
    el("fems", "flux", "singleInput.port", ("con1", 5, 1), "declares no FEM 5", "portsExist"),
    el("pair", "q", "singleInput.port", "con1", "must be (controller, port)"),
    el("pair", "q", "singleInput.port", ("con1", "one"), "must be (controller, port)"),
    el("pair", "q", "singleInput.port", DELETE, "the required key 'port' is missing"),
    el("pair", "rr", "outputs.out1", ("con1", 2), "analog input 2 of con1/1 is not declared", "portsExist"),
    el("iq", "q1", "mixInputs.I", DELETE, "the required key 'I' is missing"),
    el("iq", "q1", "mixInputs.I", ("con1", 9), "analog output 9", "portsExist"),
    el("iq", "q1", "mixInputs.mixer", "mixer_q3", "did you mean 'mixer_q", "mixersExist", WARN),
    el("iq", "q1", "mixInputs.lo_frequency", -1.0, "between 0", "range"),
    el("iq", "q1", "mixInputs.mixer", "mixer_q2", "no entry for IF 50000000 Hz", "mixerEntries", WARN),
    el("fems", "flux", "singleInput.port", ("con1", 2, 1), "use MWInput", "portKinds"),
    el("fems", "q", "MWInput.port", ("con1", 1, 1), "MWInput needs one", "portKinds"),
    el("fems", "rr", "MWOutput.port", ("con1", 1, 1), "MWOutput needs one", "portKinds"),
    el("fems", "lf_rr", "outputs.out1", ("con1", 2, 2), "use MWOutput", "portKinds"),
    el("fems", "q", "MWInput.upconverter", 3, "between 1 and 2", "range"),
    el("fems", "rr", "MWInput.upconverter", 2, "no upconverter 2; declared: 1", "upconvertersExist"),
    el("pair", "q", "multipleInputs.inputs", {}, "needs at least one input")._replace(
        edits={(E, "q", "singleInput"): DELETE, (E, "q", "multipleInputs"): {"inputs": {}}}
    ),
    el("pair", "q", "singleInputCollection.inputs.o2", None, "analog output 7", "portsExist")._replace(
        edits={
            (E, "q", "singleInput"): DELETE,
            (E, "q", "singleInputCollection"): {"inputs": {"o1": ("con1", 1), "o2": ("con1", 7)}},
        }
    ),
    Rule(
        "fems",
        {
            (E, "x"): {"mixInputs": {"I": ("con1", 1, 1), "Q": ("con1", 4, 1)}},
            (*CON, "fems", 4): {"type": "LF", OUT: {1: {}}},
        },
        "elements.x.mixInputs",
        "elements.oneModule",
        "I is on con1/1 and Q on con1/4",
    ),
    Rule(
        "pair",
        {(E, "q", "mixInputs"): {"I": ("con1", 1), "Q": ("con1", 2)}},
        "elements.q",
        "elements.oneInputKind",
        "singleInput and mixInputs",
    ),
    Rule(
        "fems",
        {(E, "rr", "outputs"): {"out1": ("con1", 1, 1)}},
        "elements.rr",
        "elements.oneOutputKind",
        "outputs and MWOutput",
    ),
    Rule("pair", {(E, "none"): {}}, "elements.none", "elements.hasPorts", "at least one input or output"),
    # digital inputs and outputs
    el("pair", "q", "digitalInputs.marker.port", ("con1", 2), "digital output 2", "portsExist"),
    el("pair", "q", "digitalInputs.marker.delay", DELETE, "'delay' is missing"),
    el("pair", "q", "digitalInputs.marker.buffer", DELETE, "'buffer' is missing"),
    el("pair", "q", "digitalInputs.marker.delay", 256, "between 0 and 255", "range"),
    el("pair", "q", "digitalInputs.marker.buffer", 128, "between 0 and 127", "range"),
    el("pair", "q", "digitalInputs.marker", None, "must be at most 255", "range")._replace(
        edits={
            (E, "q", "digitalInputs", "marker", "delay"): 200,
            (E, "q", "digitalInputs", "marker", "buffer"): 28,
        }
    ),
    el("pair", "q", "digitalOutputs.d", None, "digital input 1", "portsExist")._replace(
        edits={(E, "q", "digitalOutputs"): {"d": ("con1", 1)}}
    ),
    # frequency
    el("pair", "q", "intermediate_frequency", 501e6, "within ±500000000 Hz", "range"),
    el("pair", "q", "intermediate_frequency", -501e6, "within ±500000000 Hz", "range"),
    el("fems", "fast", "intermediate_frequency", 1.1e9, "within ±1000000000 Hz", "range"),
    el("pair", "q", "intermediate_frequency", "5e6", "finite number"),
    el("pair", "q", "oscillator", "osc", "oscillator 'osc' is not in oscillators", "oscillatorsExist"),
    el("pair", "q", "oscillator", None, "excludes 'intermediate_frequency'", "oneOscillator")._replace(
        edits={(E, "q", "oscillator"): "osc", ("oscillators", "osc"): {"intermediate_frequency": 1e6}}
    ),
    el("pair", "q", "oscillator", None, "within ±", "range")._replace(
        edits={
            (E, "q", "oscillator"): "osc",
            (E, "q", "intermediate_frequency"): DELETE,
            ("oscillators", "osc"): {"intermediate_frequency": 1e9},
        }
    ),
    # windows
    el("pair", "rr", "time_of_flight", DELETE, "needs a time_of_flight", "timeOfFlight"),
    el("pair", "q", "time_of_flight", 24, "without outputs has no time_of_flight", "timeOfFlight"),
    el("pair", "q", "smearing", 0, "without outputs has no smearing", "timeOfFlight"),
    el("pair", "rr", "time_of_flight", 20, "between 24", "range"),
    el("pair", "rr", "time_of_flight", 30, "multiple of 4", "range"),
    el("pair", "rr", "time_of_flight", None, "between 36", "range")._replace(
        edits={(E, "rr", "time_of_flight"): 32, (E, "rr", "timeTaggingParameters"): {}}
    ),
    el("pair", "rr", "smearing", 17, "between 0 and 16", "range"),
    # time tagging, sticky, core
    el("pair", "rr", "timeTaggingParameters", {"signalThreshold": 5}, "all four", "allTaggingParameters"),
    el("pair", "rr", "outputPulseParameters.signalThreshold", None, "between -65536", "range")._replace(
        edits={(E, "rr", "outputPulseParameters"): {"signalThreshold": 70_000}}
    ),
    el("pair", "rr", "outputPulseParameters", None, "old name", "oneName")._replace(
        edits={(E, "rr", "outputPulseParameters"): {}, (E, "rr", "timeTaggingParameters"): {}}
    ),
    el("iq", "flux", "sticky.analog", False, "must be True", "range"),
    el("iq", "flux", "sticky.analog", DELETE, "'analog' is missing"),
    el("iq", "flux", "sticky.duration", 6, "multiple of 4", "range"),
    el("iq", "flux", "sticky.duration", 0, "between 4", "range"),
    el("iq", "flux", "hold_offset", {"duration": 1}, "old form", "oneName"),
    el("pair", "q", "hold_offset.duration", None, "between 1", "range")._replace(
        edits={(E, "q", "hold_offset"): {"duration": 0}}
    ),
    el("fems", "fast", "sticky", {"analog": True}, "2 GS/s cannot be sticky", "sticky"),
    el("pair", "q", "thread", None, "old name", "oneName")._replace(
        edits={(E, "q", "thread"): "a", (E, "q", "core"): "a"}
    ),
    el("pair", "q", "core", 5, "must be a name"),
    el("pair", "rr", "core", None, "element 'q' of core 'a' is on con1, this one on con2", "core")._replace(
        edits={
            (C, "con2"): {"analog_outputs": {2: {}}},
            (E, "q", "core"): "a",
            (E, "rr", "core"): "a",
            (E, "rr", "singleInput", "port"): ("con2", 2),
        }
    ),
    # operations
    el("pair", "q", "operations.pulse", "puls", "did you mean 'pulse'?", "allPulsesExist"),
    el("pair", "q", "operations.pulse", 5, "must be a pulse's name"),
    Rule(
        "iq",
        {(E, "flux", "operations", "x"): "x180_pulse"},
        "elements.flux",
        "elements.allPulsesExist",
        "has singleInput (waveforms: single), but pulse 'x180_pulse' of operation 'x' has waveforms I and Q",
    ),
    Rule(
        "iq",
        {(E, "q1", "operations", "x"): "flux_pulse"},
        "elements.q1",
        "elements.allPulsesExist",
        "has mixInputs (waveforms: I and Q), but pulse 'flux_pulse' of operation 'x' has waveforms single",
    ),
    Rule(
        "fems",
        {(E, "q", "operations", "x"): "flux_pulse"},
        "elements.q",
        "elements.allPulsesExist",
        "has MWInput (waveforms: I and Q)",
    ),
    Rule("pair", {(E, "q", "singleInput"): DELETE}, "elements.q", "elements.allPulsesExist", "no analog input"),
    Rule(
        "pair",
        {(W, "drive_wf"): {"type": "arbitrary", "samples": [0.0] * 65_001}, (P, "pulse", "length"): 65_000},
        "pulses.pulse.waveforms.single",
        "pulses.waveformLengths",
        "has 65001 samples",
    ),
    Rule(
        "pair",
        {(W, "drive_wf"): {"type": "arbitrary", "samples": [0.0] * 65_004}, (P, "pulse", "length"): 65_004},
        "elements.q",
        "elements.waveformMemory",
        "65000 fit without compression",
        WARN,
    ),
]


def row(
    section: str, keys: tuple[Any, ...], value: Any, text: str, group: str = "schema", level: str = "config"
) -> Rule:
    """A wrong value somewhere in a section of the small config."""
    path = ".".join([section, *map(str, keys)])
    return Rule("pair", {(section, *keys): value}, path, f"{section}.{group}", text, level)


def at(rule: Rule, suffix: str) -> Rule:
    """The same rule, reported deeper."""
    return rule._replace(path=rule.path + suffix)


MX, IW, DW, OSC = "mixers", "integration_weights", "digital_waveforms", "oscillators"
SIGNAL_ROWS = [
    # pulses
    row(P, ("pulse", "operation"), "play", "one of control, measurement"),
    row(P, ("pulse", "operation"), DELETE, "'operation' is missing"),
    row(P, ("pulse", "length"), DELETE, "'length' is missing"),
    row(P, ("pulse", "length"), 12, "between 16", "range"),
    row(P, ("pulse", "length"), 18, "multiple of 4", "range"),
    row(P, ("pulse", "length"), 16.5, "must be an integer"),
    row(P, ("pulse", "waveforms"), {"single": "drive_wf", "I": "drive_wf"}, "'single', or 'I' and 'Q'", "waveformKeys"),
    row(P, ("pulse", "waveforms"), {"I": "drive_wf"}, "'single', or 'I' and 'Q'", "waveformKeys"),
    row(P, ("pulse", "waveforms", "single"), "drive", "did you mean 'drive_wf'?", "allWaveformsExist"),
    row(P, ("pulse", "digital_marker"), "OFF", "digital waveform 'OFF'", "digitalMarkersExist"),
    row(P, ("readout_pulse", "integration_weights", "cos"), "x", "weights 'x'", "allWeightsExist"),
    row(P, ("pulse", "integration_weights"), {"cos": "cos_w"}, "only a measurement pulse", "weightsOnMeasurement"),
    # waveforms
    row(W, ("w",), {"type": "ramp"}, "one of constant, arbitrary, array")._replace(path="waveforms.w.type"),
    row(W, ("w",), {"type": "constant"}, "'sample' is missing")._replace(path="waveforms.w.sample"),
    row(W, ("w",), {"type": "constant", "samples": [1]}, "did you mean 'sample'?")._replace(path="waveforms.w.samples"),
    row(W, ("w",), {"type": "constant", "sample": 3.0}, "between -2.5", "range")._replace(path="waveforms.w.sample"),
    row(W, ("w",), {"type": "arbitrary", "samples": []}, "must be a list of 1")._replace(path="waveforms.w.samples"),
    row(W, ("w",), {"type": "arbitrary", "samples": [0, "a"]}, "finite")._replace(path="waveforms.w.samples[1]"),
    row(W, ("w",), {"type": "arbitrary", "samples": [0.0, 3.0]}, "2.5", "range")._replace(
        path="waveforms.w.samples[1]"
    ),
    row(W, ("drive_wf", "sample"), 0.51, "element 'q' can play between -0.5", "range")._replace(
        path="waveforms.drive_wf"
    ),
    row(W, ("drive_wf", "sample"), 0.5, "the converter plays 0.49998", "range", WARN)._replace(
        path="waveforms.drive_wf"
    ),
    row(W, ("drive_wf", "sample"), 0.49999, "the converter plays 0.49998", "range", WARN)._replace(
        path="waveforms.drive_wf"
    ),
    Rule("fems", {(W, "zero_wf", "sample"): 1.0}, "waveforms.zero_wf", "waveforms.range", "plays 0.99996", WARN),
    Rule("fems", {(W, "amplified_wf", "sample"): 2.5}, "waveforms.amplified_wf", "waveforms.range", "2.49992", WARN),
    Rule("fems", {(W, "amplified_wf", "sample"): 2.51}, "waveforms.amplified_wf.sample", "waveforms.range", "2.5"),
    Rule(
        "fems",
        {(W, "readout_wf", "sample"): 1.01},
        "waveforms.readout_wf",
        "waveforms.range",
        "can play between -1 and 1",
    ),
    row(W, ("w",), {"type": "array", "samples_array": []}, "1 to")._replace(path="waveforms.w.samples_array"),
    row(W, ("w",), {"type": "array", "samples_array": [[0], [0, 0]]}, "same length", "arrayLengths")._replace(
        path="waveforms.w.samples_array"
    ),
    *(
        row(
            W, ("w",), {"type": "arbitrary", "samples": [0.0], **more}, "cannot be used together", "compression"
        )._replace(path=f"waveforms.w.{key}")
        for key, more in [
            ("max_allowed_error", {"max_allowed_error": 1e-3, "sampling_rate": 5e8}),
            ("max_allowed_error", {"max_allowed_error": 1e-3, "is_overridable": True}),
            ("sampling_rate", {"sampling_rate": 5e8, "is_overridable": True}),
        ]
    ),
    Rule(
        "pair",
        {(W, "drive_wf"): {"type": "arbitrary", "samples": [0.1] * 99}},
        "pulses.pulse.waveforms.single",
        "pulses.waveformLengths",
        "has 99 samples, but the pulse lasts 100 ns",
    ),
    Rule(
        "pair",
        {(W, "drive_wf"): {"type": "arbitrary", "samples": [0.1] * 200}},
        "pulses.pulse.waveforms.single",
        "pulses.waveformLengths",
        "1 samples per ns",
    ),
    Rule(
        "pair",
        {(W, "drive_wf"): {"type": "arbitrary", "samples": [0.1] * 100, "sampling_rate": 0.5e9}},
        "pulses.pulse.waveforms.single",
        "pulses.waveformLengths",
        "that takes 50",
    ),
    Rule(
        "fems",
        {(W, "fast_wf", "samples"): [0.1] * 16},
        "pulses.fast_pulse.waveforms.single",
        "pulses.waveformLengths",
        "2 samples per ns",
    ),
    Rule(
        "pair",
        {(W, "drive_wf"): {"type": "array", "samples_array": [[0.1] * 96]}},
        "pulses.pulse.waveforms.single",
        "pulses.waveformLengths",
        "has 96 samples",
    ),
    # digital waveforms
    row(DW, ("ON", "samples"), [(2, 0)], "must be (0 or 1, length")._replace(path="digital_waveforms.ON.samples[0]"),
    row(DW, ("ON", "samples"), [(1, -4)], "must be (0 or 1, length")._replace(path="digital_waveforms.ON.samples[0]"),
    row(DW, ("ON", "samples"), DELETE, "'samples' is missing"),
    row(DW, ("ON", "samples"), [(1, 0), (0, 8)], "never played", "endlessSample", WARN),
    # integration weights
    row(IW, ("cos_w", "sine"), DELETE, "'sine' is missing"),
    row(IW, ("cos_w", "sine"), [], "non-empty list"),
    row(IW, ("cos_w", "sine"), [(0.0, 996)], "cosine lasts 1000 ns and sine 996 ns", "equalLengths")._replace(
        path="integration_weights.cos_w"
    ),
    at(row(IW, ("cos_w", "sine"), [(0.0, 4), (0.0, 6)], "multiple of 4", "multipleOf4"), "[1]"),
    at(row(IW, ("cos_w", "sine"), [(0.0, 0)], "positive multiple of 4", "multipleOf4"), "[0]"),
    at(row(IW, ("cos_w", "sine"), [(2049.0, 1000)], "between -2048 and 2048", "range"), "[0]"),
    at(row(IW, ("cos_w", "sine"), [0.0, (0.0, 4)], "must be (value, length"), "[0]"),
    row(IW, ("cos_w", "cosine"), [(1025.0, 1000)], "may not be represented", "usualRange", WARN),
    # oscillators and mixers
    row(OSC, ("o",), {}, "'intermediate_frequency' is missing")._replace(path="oscillators.o.intermediate_frequency"),
    row(OSC, ("o",), {"intermediate_frequency": 0, "mixer": "m"}, "mixer 'm'", "mixersExist", WARN)._replace(
        path="oscillators.o.mixer"
    ),
    row(MX, ("m",), {}, "must be a list"),
    *(
        row(MX, ("m",), [{"intermediate_frequency": 1, "lo_frequency": 1, "correction": c}], text, group)._replace(
            path=f"mixers.m[0].correction{suffix}"
        )
        for c, text, group, suffix in [
            ([1, 0, 0], "four numbers", "schema", ""),
            ([1, 0, 0, 2.0], "between -2 and 2 - 2**-16", "range", "[3]"),
            ([1, -2.1, 0, 1], "between -2 and 2 - 2**-16", "range", "[1]"),
            ([1, "a", 0, 1], "finite number", "schema", "[1]"),
        ]
    ),
]


def octave(edits: dict[tuple[Any, ...], Any], path: str, group: str, text: str) -> Rule:
    """A wrong Octave."""
    return Rule("pair", {("octaves", "oct1", *keys): value for keys, value in edits.items()}, path, group, text)


OCTAVE_ROWS = [
    octave({("RF_outputs", 6): {}}, "octaves.oct1.RF_outputs.6", "octaves.portNumbers", "1 to 5")._replace(level=PHYS),
    octave(
        {("RF_outputs", 1): {"LO_frequency": 1e9}},
        "octaves.oct1.RF_outputs.1.LO_frequency",
        "octaves.range",
        "between 2000000000",
    ),
    octave(
        {("RF_outputs", 1): {"gain": 20.5}}, "octaves.oct1.RF_outputs.1.gain", "octaves.range", "between -20 and 20"
    ),
    octave({("RF_outputs", 1): {"gain": 0.3}}, "octaves.oct1.RF_outputs.1.gain", "octaves.range", "multiple of 0.5"),
    octave(
        {("RF_outputs", 1): {"output_mode": "on"}},
        "octaves.oct1.RF_outputs.1.output_mode",
        "octaves.schema",
        "one of always_off",
    ),
    octave(
        {("RF_inputs", 1): {"RF_source": "loopback"}},
        "octaves.oct1.RF_inputs.1.RF_source",
        "octaves.RFSource",
        "RF_in only",
    ),
    octave({("connectivity",): "con9"}, "octaves.oct1.connectivity", "octaves.controllersExist", "controller 'con9'"),
    octave(
        {("connectivity",): "con1", ("RF_outputs", 1): {"I_connection": ("con1", 1)}},
        "octaves.oct1.connectivity",
        "octaves.connectivity",
        "cannot be combined",
    ),
    octave(
        {("loopbacks",): [("oct1", "x")]}, "octaves.oct1.loopbacks[0]", "octaves.schema", "((octave, output), input)"
    ),
    el("pair", "q", "RF_inputs.port", None, "octave 'oct9' is not in octaves", "octavesExist")._replace(
        edits={(E, "q"): {"RF_inputs": {"port": ("oct9", 1)}}}
    ),
    el("pair", "q", "RF_inputs.port", None, "declares no RF_outputs 2", "octavesExist")._replace(
        edits={(E, "q"): {"RF_inputs": {"port": ("oct1", 2)}}, ("octaves", "oct1"): {"RF_outputs": {1: {}}}}
    ),
]

RULES = PORT_ROWS + VALUE_ROWS + ELEMENT_ROWS + SIGNAL_ROWS + OCTAVE_ROWS


@pytest.mark.parametrize("rule", RULES, ids=[f"{n}-{rule.path}" for n, rule in enumerate(RULES)])
def test_rule(rule: Rule) -> None:
    """A broken rule gives an issue with its path, group, level and words; only warnings let the config through."""
    config, issues = parse_config(edited(rule.base, rule.edits))
    found = [issue for issue in issues if (issue.path, issue.group, issue.level) == (rule.path, rule.group, rule.level)]
    assert any(rule.text in issue.message for issue in found), "\n".join(map(str, issues))
    assert (config is None) == (rule.level != "warning")


@pytest.mark.parametrize("base", BASES)
def test_good_configs_have_no_issues(base: str) -> None:
    """The examples are good: without a change, not even a warning is given, so each row above shows its own rule."""
    config, issues = parse_config(BASES[base]())
    assert config is not None
    assert issues == []


def test_all_errors_at_once() -> None:
    """Faults in five places of one config are all listed, each once, in the message and in the details."""
    edits = {
        (*CON, OUT, 1, "offset"): 0.7,
        (E, "rr", "time_of_flight"): DELETE,
        (E, "rr", "operations", "x"): "missing",
        (E, "q", "singleInput", "port"): ("con1", 4),
        (P, "pulse", "length"): 10,
        (W, "w"): {"type": "constant"},
    }
    with pytest.raises(AskedWrongly) as caught:
        check_config(edited("pair", edits))
    error = caught.value
    assert error.code == "config_error"
    paths = sorted(issue["path"] for issue in error.details["issues"])
    assert paths == [
        "controllers.con1.analog_outputs.1.offset",
        "elements.q.singleInput.port",
        "elements.rr.operations.x",
        "elements.rr.time_of_flight",
        "pulses.pulse.length",
        "pulses.pulse.length",
        "waveforms.w.sample",
    ]
    lines = error.message.splitlines()
    assert len(lines) == len(paths)
    where = "controllers.con1.analog_outputs.1.offset [controllers.range]"
    assert f"PHYSICAL CONFIG ERROR in key {where} : is 0.7; must be between -0.5 and 0.4999847412" in lines
    where = "elements.rr.operations.x [elements.allPulsesExist]"
    assert any(line.startswith(f"CONFIG ERROR in key {where} : pulse 'missing' is not in pulses") for line in lines)


def test_a_wrong_entry_is_not_blamed_twice() -> None:
    """What refers to a broken port, pulse or waveform is not reported as well."""
    edits = {
        (*CON, OUT, 1): 5,
        (P, "readout_pulse", "operation"): DELETE,
        (W, "drive_wf"): {"type": "constant"},
    }
    assert sorted(issue.path for issue in issues_of("pair", edits)) == [
        "controllers.con1.analog_outputs.1",
        "pulses.readout_pulse.operation",
        "waveforms.drive_wf.sample",
    ]
    broken = issues_of("fems", {(*LF, "type"): "lf"})
    assert [issue.path for issue in broken] == ["controllers.con1.fems.1.type"], "its pulses at 2 GS/s are not blamed"


def test_octave_parses_and_is_then_refused() -> None:
    """A correct Octave section is kept; an element on it is refused as coming later."""
    raw = example_configs.opx_readout_pair()
    raw["octaves"] = {
        "oct1": {
            "RF_outputs": {1: {"LO_frequency": 5e9, "gain": -10.5, "output_mode": "always_on"}},
            "RF_inputs": {1: {}, 2: {"RF_source": "loopback1"}},
            "IF_outputs": {"IF_out1": {"port": ("con1", 1)}},
            "connectivity": "con1",
            "loopbacks": [(("oct1", "Synth1"), "Dmd1LO")],
        }
    }
    config = check_config(raw)
    assert config.octaves["oct1"].RF_inputs[1].LO_source == "internal"
    assert config.octaves["oct1"].RF_inputs[2].LO_source == "external"
    assert config.octaves["oct1"].IF_outputs["IF_out1"].name == "out1"
    raw["elements"]["up"] = {"RF_inputs": {"port": ("oct1", 1)}, "intermediate_frequency": 5e6}
    with pytest.raises(AskedWrongly) as caught:
        check_config(raw)
    assert caught.value.code == "not_yet"
    assert "RF_inputs of element 'up'" in caught.value.message


def test_issues_are_bounded() -> None:
    """A config with thousands of faults lists the first 200 and counts the rest; a huge section is not read."""
    raw = example_configs.opx_readout_pair()
    raw["pulses"] = {f"p{i}": {} for i in range(1000)}
    _, issues = parse_config(raw)
    assert len(issues) == 201
    assert "more issues are not listed" in issues[-1].message
    raw["pulses"] = {f"p{i}": {} for i in range(70_000)}
    _, issues = parse_config(raw)
    assert any(issue.path == "pulses" and "at most 65536" in issue.message for issue in issues)
