"""Random configs of the executed language: single-input, IQ and MW elements on shared and separate ports and inputs.

Some are of an OPX+, some of an OPX1000 with an LF-FEM in slot 1 and a MW-FEM in slot 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config

FREQUENCIES = [50e6, 0.0, 50.123457e6, -33.3e6, 1e9 / 3, -0.1, 123456789.125, -399999999.0]
LO_FREQUENCY = 5e9
PULSE_LENGTHS = [16, 20, 32, 48]
WEIGHT_LENGTHS = [16, 4, 24, 44, 72]
LONG_WEIGHT_LENGTHS = [40, 72, 100, 160]
CORRECTIONS = [(1.0, 0.0, 0.0, 1.0), (1.02, 0.03, -0.05, 0.97), (0.5, -1.25, 1.5, 0.25)]
UP_CONVERTERS = {1: 5e9, 2: 5.123456789e9}
DOWN_CONVERTERS = [5e9, 4.9e9, 5.5e9, 4.5e9]
POWERS_DBM = [-11, -2, 1]
INPUT_KINDS = ("singleInput", "mixInputs", "MWInput", "multipleInputs", "singleInputCollection")
FINE_OUTPUT, FINE_MW_OUTPUT = 5, 8
"""The ports at 2 GS/s of an OPX1000."""
FINE_FILTERS: list[dict[str, Any]] = [
    {"filter": {"feedforward": [0.7, 0.2, -0.1]}},
    {"filter": {"feedforward": [0.6, 0.3]}, "crosstalk": {1: 0.2, 2: -0.1}},
    {"filter": {"feedforward": [0.9], "exponential": [(0.1, 50.0), (-0.05, 7.5)]}},
    {"filter": {"high_pass": 60.0}, "crosstalk": {4: 0.5}},
    {"filter": {"feedforward": [0.8]}, "crosstalk": {1: 0.15, 3: 0.4}},
    {"filter": {"feedforward": [0.5, -0.25]}, "crosstalk": {2: 0.3, 4: -0.2}},
]
MARKERS = {
    "on": [(1, 0)],
    "comb": [(1, 3), (0, 2), (1, 6), (0, 9), (1, 0)],
    "late": [(0, 7), (1, 4), (0, 30)],
    "blip": [(1, 1)],
}
DIGITAL_PORTS = (1, 2, 3)
SHAPES = {
    "saw": [0.05, -0.02, 0.11, 0.0, -0.07],
    "odd": [0.123456789, 0.3, -0.21, 0.0009765625, -0.4, 0.07, 0.2],
}


@dataclass(frozen=True)
class ElementFacts:
    """What a random program may do with an element."""

    name: str
    kind: str
    modulated: bool
    plays: tuple[str, ...]
    measures: tuple[str, ...]
    aliases: tuple[str, ...]
    outputs: tuple[str, ...]
    sticky: bool
    arrays: tuple[str, ...]
    """Operations with arrays of waveforms."""
    tags: bool
    """Its time of flight is long enough for time tagging, and its input is no MW one."""
    digital: tuple[str, ...]
    """Its digital outputs, which can be tagged."""
    fine: bool
    """Its ports play two samples a ns: no chirps, and no durations."""
    inputs: tuple[str, ...]
    """Those that have a DC offset."""
    chooses: bool
    """A play names the one input that it plays on."""

    @property
    def iq(self) -> bool:
        """Whether its waveforms have I and Q."""
        return self.kind != "single"


@dataclass(frozen=True)
class ConfigFacts:
    """A checked config, and what a program may do with it."""

    config: Config
    elements: tuple[ElementFacts, ...]
    raw: dict[str, Any] = field(repr=False)

    def pulse_length(self, element: str, operation: str) -> int:
        """Length in ns of the pulse of an operation."""
        return self.config.pulses[self.config.elements[element].operations[operation]].length

    def senders(self, element: str, output: str) -> list[tuple[str, str, str]]:
        """(element, operation, target) of plays that send a marker to the digital output of the number of an input."""
        port = self.config.elements[element].digitalOutputs[output]
        if self.config.digital_input(port).threshold >= 3.3:
            return []
        return [
            (other.name, operation, other.inputs[0] if other.chooses else "")
            for other in self.elements
            for operation in other.plays
            if any(digital.port == port for digital in self.config.elements[other.name].digitalInputs.values())
            and self.config.pulses[self.config.elements[other.name].operations[operation]].digital_marker is not None
        ]

    def weights_length(self, alias: str) -> int:
        """Length in ns of weights; their aliases are their names."""
        return self.config.integration_weights[alias].length

    def steady(self, alias: str) -> bool:
        """Whether weights have one cosine and one sine value throughout."""
        made = self.config.integration_weights[alias]
        return all(len({value for value, _ in pieces}) == 1 for pieces in (made.cosine, made.sine))


@dataclass(frozen=True)
class ConfigKind:
    """``loud``: up to the converter's range; ``overlap``: long windows; ``one_length``: equal windows; ``edges``: most
    elements send markers to digital input 1, and who measures reads it; ``holds``: what sounds may go on for seconds,
    so that no output has a filter that runs along with it."""

    loud: bool = False
    overlap: bool = False
    one_length: bool = False
    edges: bool = False
    holds: bool = False


def offset_inputs(record: dict[str, Any]) -> tuple[str, ...]:
    """The inputs of an element whose ports have a DC offset."""
    if "mixInputs" in record:
        return "I", "Q"
    several = record.get("multipleInputs") or record.get("singleInputCollection") or {"inputs": {}}
    return ("single",) if "singleInput" in record else tuple(several["inputs"])


def waveform(draw: st.DrawFn, count: int, loudness: float, slows: bool) -> dict[str, Any]:
    """A constant or arbitrary waveform of ``count`` samples; ``slows``: or of half as many at half the rate."""
    if draw(st.booleans()):
        shape = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
        rate = draw(st.sampled_from([{}, {}, {"sampling_rate": 0.5e9}])) if slows else {}
        count = count // 2 if rate else count
        samples = [loudness * shape[n % len(shape)] * (1 - n / 99) for n in range(count)]
        return {"type": "arbitrary", "samples": samples, **rate}
    return {"type": "constant", "sample": loudness * draw(st.sampled_from([0.1, -0.25, 0.0, 0.3]))}


def array(length: int, count: int, loudness: float) -> dict[str, Any]:
    """Several waveforms of ``length`` ns."""
    shape = SHAPES["odd"]
    rows = [[loudness * shape[(n * (k + 1)) % len(shape)] for n in range(length)] for k in range(count)]
    return {"type": "array", "samples_array": rows}


def window_lengths(draw: st.DrawFn, kind: ConfigKind) -> list[int]:
    """Lengths of three weights, which have nothing to do with the pulse's; the third is as long as the first."""
    lengths = LONG_WEIGHT_LENGTHS if kind.overlap else WEIGHT_LENGTHS
    first, second = (lengths[-1] if kind.one_length else draw(st.sampled_from(lengths)) for _ in range(2))
    return [first, second, first]


def weights(draw: st.DrawFn, length: int) -> dict[str, Any]:
    """Integration weights of two pieces."""
    values = draw(st.sampled_from([(1.0, 0.0), (0.0, 1.0), (-0.75, 0.3), (1.999, -1.37), (100.0, 30.5)]))
    first = draw(st.sampled_from([4, 8, length]))
    if first >= length:
        return {"cosine": [(values[0], length)], "sine": [(values[1], length)]}
    return {
        "cosine": [(values[0], first), (values[0] / 3, length - first)],
        "sine": [(values[1], first), (-values[1] / 7, length - first)],
    }


class ConfigMaker:
    """Draws the parts of one config into ``raw``."""

    def __init__(self, draw: st.DrawFn, kind: ConfigKind) -> None:
        self.draw = draw
        self.loudness = 1.0 if kind.loud else 0.25
        self.kind = kind
        self.facts: list[ElementFacts] = []
        self.arrays: set[str] = set()
        self.has_fems = not kind.one_length and draw(st.booleans())
        lengths = window_lengths(draw, kind)
        self.raw: dict[str, Any] = {
            "controllers": {"con1": self.controller()},
            "elements": {},
            "pulses": {},
            "waveforms": {},
            "digital_waveforms": {name: {"samples": samples} for name, samples in MARKERS.items()},
            "integration_weights": {f"w{n + 1}": weights(draw, length) for n, length in enumerate(lengths)},
            "mixers": {"mixer": []},
        }

    def controller(self) -> dict[str, Any]:
        """An OPX+, or an OPX1000 with both kinds of FEMs."""
        inputs = {n: self.analog_input() for n in (1, 2)}
        digital = {} if self.kind.one_length else self.digital_ports()
        outputs: dict[int, dict[str, Any]] = {n: self.analog_output() for n in range(1, 9)}
        if not self.has_fems:
            return {"type": "opx1", "analog_outputs": outputs, "analog_inputs": inputs, **digital}
        modes = st.sampled_from(["direct", "amplified"])
        for output in outputs.values():
            output["output_mode"] = self.draw(modes)
            if self.kind.loud and output["output_mode"] == "amplified" and self.draw(st.booleans()):
                output["offset"] = 2.2
        outputs[FINE_OUTPUT] |= {"sampling_rate": 2e9} | self.draw(st.sampled_from([{}, *FINE_FILTERS]))
        rate = self.draw(st.sampled_from([1e9, 2e9]))
        for heard in inputs.values():
            heard["sampling_rate"] = rate
        microwave = {
            "type": "MW",
            "analog_outputs": {1: self.mw_output(), FINE_MW_OUTPUT: self.mw_output() | {"sampling_rate": 2e9}},
            "analog_inputs": {n: self.mw_input() for n in (1, 2)},
            **self.digital_ports(),
        }
        return {
            "type": "opx1000",
            "fems": {1: {"type": "LF", "analog_outputs": outputs, "analog_inputs": inputs, **digital}, 2: microwave},
        }

    def digital_ports(self) -> dict[str, Any]:
        """Digital outputs, now and then inverted, and inputs with either polarity."""
        inverted, polarities = st.sampled_from([False, False, True]), st.sampled_from(["RISING", "RISING", "FALLING"])
        thresholds = st.sampled_from([1.5] if self.kind.edges else [0.0, 1.5, 1.5, 1.5, 3.3])
        return {
            "digital_outputs": {n: {"inverted": self.draw(inverted)} for n in DIGITAL_PORTS},
            "digital_inputs": {
                n: {
                    "polarity": self.draw(polarities),
                    "deadtime": self.draw(st.sampled_from([4, 5, 9, 15, 16])),
                    "threshold": self.draw(thresholds),
                }
                for n in DIGITAL_PORTS
            },
        }

    def digital_inputs(self, module: tuple[str, int]) -> dict[str, Any]:
        """Where an element sends its markers: up to two digital outputs of its module."""
        windows = st.sampled_from([(0, 0), (5, 0), (0, 6), (13, 2), (57, 99)])
        ports = self.draw(st.lists(st.sampled_from(DIGITAL_PORTS), max_size=2))
        ports += [1] if self.kind.edges else []
        found = {}
        for n, port in enumerate(ports):
            delay, buffer = self.draw(windows)
            found[f"marker{n + 1}"] = {"port": (*module, port), "delay": delay, "buffer": buffer}
        return found

    def mw_output(self) -> dict[str, Any]:
        """A MW output with two up-converters."""
        power = self.draw(st.sampled_from([*POWERS_DBM, 16] if self.kind.loud else POWERS_DBM))
        converters = {number: {"frequency": frequency} for number, frequency in UP_CONVERTERS.items()}
        return {"band": 1, "full_scale_power_dbm": power, "upconverters": converters}

    def mw_input(self) -> dict[str, Any]:
        """A MW input: its down-converter, near to the up-converters or far from them."""
        gain_db = self.draw(st.sampled_from([0, 3, 32] if self.kind.loud else [0, 3]))
        return {
            "band": 1,
            "downconverter_frequency": self.draw(st.sampled_from(DOWN_CONVERTERS)),
            "gain_db": gain_db,
            "sampling_rate": self.draw(st.sampled_from([1e9, 2e9])),
        }

    def analog_input(self) -> dict[str, Any]:
        """An input port."""
        least = -3 if self.has_fems else -12
        gains = [0, 3, least, 20] if self.kind.loud else [0, 3, least]
        gain_db = self.draw(st.sampled_from(gains))
        return {"gain_db": gain_db, "offset": self.draw(st.sampled_from([0.0, 0.01, -0.125]))}

    def analog_output(self) -> dict[str, Any]:
        """An output port: with an offset and a delay, crosstalk, or a FIR filter, now and then."""
        offset = self.draw(st.sampled_from([0.0, 0.0, 0.0, 0.2, -0.03]))
        port: dict[str, Any] = {"offset": offset, "delay": 7} if offset else {}
        extra = self.draw(st.sampled_from(["", "", "crosstalk", "fir", "iir", "iir"]))
        if extra == "crosstalk":
            port["crosstalk"] = self.draw(st.sampled_from([{1: 0.1}, {2: -0.05, 3: 0.2}, {FINE_OUTPUT: 0.3}, {4: 1.5}]))
        elif extra:
            port["filter"] = {"feedforward": self.draw(st.sampled_from([[0.9], [0.7, 0.2, -0.1], [1.75, -0.5]]))}
            if extra == "iir":
                port["filter"] |= {"exponential": [(0.1, 50.0)]} if self.has_fems else {"feedback": [0.5]}
        return port

    def end_filters(self) -> None:
        """Leave no filter that runs along with what is held: of those at 1 GS/s the FIR alone."""
        controller = self.raw["controllers"]["con1"]
        for port in (controller["fems"][1] if self.has_fems else controller)["analog_outputs"].values():
            if port.get("sampling_rate") == 2e9 and "filter" in port:
                port.pop("filter" if self.kind.holds else "crosstalk", None)  # held there: what waits for a trigger
                continue
            for endless in ("feedback", "exponential"):
                port.get("filter", {}).pop(endless, None)

    def pulse(self, name: str, kind: str, measures: bool, fine: bool) -> None:
        """A pulse with its own waveforms; those of MW elements may be as loud as 1."""
        iq, loudness = kind != "single", self.loudness * (2.0 if kind == "mw" else 1.0)
        length = self.draw(st.sampled_from(PULSE_LENGTHS))
        keys = ("I", "Q") if iq else ("single",)
        count = 0 if self.kind.one_length else self.draw(st.sampled_from([0, 0, 0, 2, 3]))
        for key in keys:
            samples = 2 * length if fine else length
            form = array(samples, count, loudness) if count else waveform(self.draw, samples, loudness, not fine)
            self.raw["waveforms"][f"{name}.{key}"] = form
        if count:
            self.arrays.add(name)
        pulse: dict[str, Any] = {
            "operation": "measurement" if measures else "control",
            "length": length,
            "waveforms": {key: f"{name}.{key}" for key in keys},
        }
        if measures:
            pulse["integration_weights"] = {name: name for name in ("w1", "w2", "w3")}
        if (self.kind.edges or self.draw(st.booleans())) and not (self.kind.one_length and not measures):
            pulse["digital_marker"] = "on" if self.kind.one_length else self.draw(st.sampled_from(sorted(MARKERS)))
        self.raw["pulses"][name] = pulse

    def hum(self, name: str, iq: bool) -> None:
        """A constant pulse, as an element may play it while it waits for a trigger."""
        keys = ("I", "Q") if iq else ("single",)
        for key, level in zip(keys, (0.11, -0.23), strict=False):
            self.raw["waveforms"][f"{name}.hum.{key}"] = {"type": "constant", "sample": self.loudness * level}
        waveforms = {key: f"{name}.hum.{key}" for key in keys}
        hum = {"operation": "control", "length": 16, "waveforms": waveforms}
        self.raw["pulses"][f"{name}.hum"] = hum
        if not self.kind.one_length:
            marker = self.draw(st.sampled_from(sorted(MARKERS)))
            self.raw["pulses"][f"{name}.beep"] = hum | {"digital_marker": marker}

    def element(self, name: str, kind: str, inputs: tuple[int, ...]) -> None:
        """An element; ``inputs``: the input ports that it measures, of which a MW element takes the first."""
        draw = self.draw
        iq = kind != "single"
        operations = ("play", "other") if not inputs else ("play", "read")
        port = draw(st.sampled_from({"mw": [1, FINE_MW_OUTPUT], "iq": [1, 3], "single": [1, 2, FINE_OUTPUT]}[kind]))
        fine = self.has_fems and port in (FINE_OUTPUT, FINE_MW_OUTPUT)
        slow = any(self.input_rate(kind, number) == 1e9 for number in inputs)
        for operation in operations:
            self.pulse(f"{name}.{operation}", kind, operation == "read", fine)
        record: dict[str, Any] = {"operations": {operation: f"{name}.{operation}" for operation in operations}}
        self.hum(name, iq)
        record["operations"]["hum"] = f"{name}.hum"
        if not self.kind.one_length:
            record["operations"]["beep"] = f"{name}.beep"
        frequencies = [*FREQUENCIES, *([650e6, -999999999.5] if fine and not slow else [])]
        frequency = draw(st.sampled_from(frequencies if iq else [*frequencies, None]))
        if frequency is not None:
            record["intermediate_frequency"] = frequency
        if kind == "mw":
            record["MWInput"] = {
                "port": ("con1", 2, port),
                "upconverter": draw(st.sampled_from([1, 2])),
            }
        elif iq:
            record["mixInputs"] = {
                "I": ("con1", port),
                "Q": ("con1", port + 1),
                "mixer": "mixer",
                "lo_frequency": LO_FREQUENCY,
            }
            self.mixer(frequency or 0.0)
        else:
            record.update(self.single(port, chooses=not inputs, several=not (fine or self.kind.one_length)))
        if inputs:
            if kind == "mw":
                record["MWOutput"] = {"port": ("con1", 2, inputs[0])}
            else:
                record["outputs"] = {f"out{n + 1}": ("con1", port) for n, port in enumerate(inputs)}
            record["time_of_flight"] = draw(st.sampled_from([24, 28, 60]))
            if not self.kind.one_length and draw(st.booleans()):
                record["time_of_flight"] = draw(st.sampled_from([36, 60]))
                record["timeTaggingParameters"] = self.tagging()
            record["smearing"] = draw(st.sampled_from([0, 3, 16]))
        digital = self.digital(record, kind, bool(inputs)) if not self.kind.one_length else ()
        if draw(st.sampled_from([False, False, True])):
            record["core"] = next(name for name in INPUT_KINDS if name in record)  # those of one core are of one kind
        chooses = "singleInputCollection" in record
        halves = fine and kind != "mw"
        if not (self.kind.one_length or halves or chooses) and draw(st.sampled_from([False, False, True])):
            record["sticky"] = {"analog": True, "duration": draw(st.sampled_from([4, 16, 40, 200]))}
            record["sticky"]["digital"] = draw(st.booleans())
        if frequency is not None and abs(frequency) <= 500e6 and draw(st.sampled_from([False, False, True])):
            self.share(record)
        self.raw["elements"][name] = record
        self.facts.append(
            ElementFacts(
                name=name,
                kind=kind,
                modulated=frequency is not None,
                plays=operations,
                measures=("read",) if inputs else (),
                aliases=("w1", "w2", "w3"),
                outputs=("out1", "out2") if kind == "mw" and inputs else tuple(record.get("outputs", {})),
                sticky="sticky" in record,
                arrays=tuple(o for o in operations if f"{name}.{o}" in self.arrays),
                digital=digital,
                tags=kind != "mw" and record.get("time_of_flight", 0) >= 36,
                fine=fine,
                inputs=offset_inputs(record),
                chooses=chooses,
            )
        )

    def digital(self, record: dict[str, Any], kind: str, measures: bool) -> tuple[str, ...]:
        """Markers of an element, and of one that measures digital outputs, which are given back."""
        module = ("con1", 2) if kind == "mw" else ("con1", 1)
        record["digitalInputs"] = self.digital_inputs(module)
        ports = self.draw(st.lists(st.sampled_from(DIGITAL_PORTS), max_size=2, unique=True)) if measures else []
        ports = [1, *(port for port in ports if port != 1)] if self.kind.edges and measures else ports
        record["digitalOutputs"] = {f"opd{n + 1}": (*module, port) for n, port in enumerate(ports)}
        return tuple(record["digitalOutputs"])

    def single(self, port: int, *, chooses: bool, several: bool) -> dict[str, Any]:
        """One input, several that play together, or, where it ``chooses``, several of which one plays."""
        kinds = ["singleInput"] * 3 + (["multipleInputs", *["singleInputCollection"] * chooses] if several else [])
        kind = self.draw(st.sampled_from(kinds))
        if kind == "singleInput":
            return {"singleInput": {"port": ("con1", port)}}
        ports = self.draw(st.sampled_from([(port, 4), (4, port), (port, 1, 4)]))
        return {kind: {"inputs": {f"in{n}": ("con1", each) for n, each in enumerate(ports)}}}

    def input_rate(self, kind: str, number: int) -> float:
        """The sampling rate of an input of an element of that kind."""
        controller = self.raw["controllers"]["con1"]
        module = controller["fems"][2 if kind == "mw" else 1] if self.has_fems else controller
        return float(module["analog_inputs"][number].get("sampling_rate", 1e9))

    def tagging(self) -> dict[str, Any]:
        """When pulses are tagged: by default, or by thresholds that pulses of either sign may pass."""
        if self.draw(st.integers(0, 3)) == 3:
            return {}
        polarities = st.sampled_from(["Above", "Below", "Ascending", "Descending"])
        return {
            "signalThreshold": self.draw(st.sampled_from([-1, 30, -50, 100])),
            "signalPolarity": self.draw(polarities),
            "derivativeThreshold": self.draw(st.sampled_from([-1, 20, -20, -10000, 10000])),
            "derivativePolarity": self.draw(polarities),
        }

    def share(self, record: dict[str, Any]) -> None:
        """Put the element on the oscillator that all who share have; the first one says its frequency."""
        frequency = record.pop("intermediate_frequency")
        oscillator = {"intermediate_frequency": frequency, "mixer": "mixer", "lo_frequency": LO_FREQUENCY}
        self.raw.setdefault("oscillators", {}).setdefault("shared", oscillator)
        record["oscillator"] = "shared"
        self.mixer(self.raw["oscillators"]["shared"]["intermediate_frequency"])

    def mixer(self, frequency: float) -> None:
        """A correction for this frequency, unless there is one."""
        entries = self.raw["mixers"]["mixer"]
        correction = self.draw(st.sampled_from(CORRECTIONS))
        if all(entry["intermediate_frequency"] != frequency for entry in entries):
            entries.append(
                {
                    "intermediate_frequency": frequency,
                    "lo_frequency": LO_FREQUENCY,
                    "correction": list(correction),
                }
            )


def spread(raw: dict[str, Any], names: set[str]) -> None:
    """A second controller like the first, with these elements on its ports."""
    raw["controllers"]["con2"] = raw["controllers"]["con1"]
    for name in names:
        raw["elements"][name] = moved(raw["elements"][name])
        if "core" in raw["elements"][name]:
            raw["elements"][name]["core"] += "2"


def moved(part: Any) -> Any:
    """A part of an element with ports of con2 in place of those of con1."""
    if isinstance(part, dict):
        return {key: moved(value) for key, value in part.items()}
    if isinstance(part, list):
        return [moved(value) for value in part]
    return ("con2", *part[1:]) if isinstance(part, tuple) and part[0] == "con1" else part


@st.composite
def configs(draw: st.DrawFn, kind: ConfigKind) -> ConfigFacts:
    """A config of two to four elements, at least one of which measures."""
    maker = ConfigMaker(draw, kind)
    kinds = st.sampled_from(["single", "iq", "mw", "mw"] if maker.has_fems else ["single", "iq"])
    maker.element("r", "single", (1,))
    maker.element("m", draw(kinds), draw(st.sampled_from([(1,), (1, 2), (2, 1), (2,)])))
    for name in ("q", "p"):
        if draw(st.booleans()):
            maker.element(name, draw(kinds), ())
    if kind.holds or any("sticky" in element for element in maker.raw["elements"].values()):
        maker.end_filters()
    if draw(st.integers(0, 7)) == 7:
        spread(maker.raw, draw(st.sets(st.sampled_from(sorted(maker.raw["elements"])), min_size=1)))
    return ConfigFacts(check_config(maker.raw), tuple(maker.facts), maker.raw)
