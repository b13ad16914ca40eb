"""Random configs of the executed language: single-input and IQ elements on shared and separate ports and inputs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config
from quaymaster._core.program import tree
from quaymaster.controller.compiler import later

FREQUENCIES = [50e6, 0.0, 50.123457e6, -33.3e6, 1e9 / 3, -0.1, 123456789.125, -399999999.0]
LO_FREQUENCY = 5e9
PULSE_LENGTHS = [16, 20, 32, 48]
WEIGHT_LENGTHS = [16, 4, 24, 44, 72]
LONG_WEIGHT_LENGTHS = [40, 72, 100, 160]
CORRECTIONS = [(1.0, 0.0, 0.0, 1.0), (1.02, 0.03, -0.05, 0.97), (0.5, -1.25, 1.5, 0.25)]
SHAPES = {
    "saw": [0.05, -0.02, 0.11, 0.0, -0.07],
    "odd": [0.123456789, 0.3, -0.21, 0.0009765625, -0.4, 0.07, 0.2],
}


@dataclass(frozen=True)
class ElementFacts:
    """What a random program may do with an element."""

    name: str
    iq: bool
    modulated: bool
    plays: tuple[str, ...]
    measures: tuple[str, ...]
    aliases: tuple[str, ...]
    outputs: tuple[str, ...]
    sticky: bool
    arrays: tuple[str, ...]
    """Operations with arrays of waveforms."""
    tags: bool
    """Its time of flight is long enough for time tagging."""


@dataclass(frozen=True)
class ConfigFacts:
    """A checked config, and what a program may do with it."""

    config: Config
    elements: tuple[ElementFacts, ...]
    raw: dict[str, Any] = field(repr=False)

    def pulse_length(self, element: str, operation: str) -> int:
        """Length in ns of the pulse of an operation."""
        return self.config.pulses[self.config.elements[element].operations[operation]].length

    def weights_length(self, alias: str) -> int:
        """Length in ns of weights; their aliases are their names."""
        return self.config.integration_weights[alias].length


@dataclass(frozen=True)
class ConfigKind:
    """``loud``: up to the converter's range; ``overlap``: long windows; ``one_length``: equal windows."""

    loud: bool = False
    overlap: bool = False
    one_length: bool = False


def waveform(draw: st.DrawFn, length: int, loudness: float) -> dict[str, Any]:
    """A constant or arbitrary waveform of ``length`` ns."""
    if draw(st.booleans()):
        shape = SHAPES[draw(st.sampled_from(sorted(SHAPES)))]
        return {
            "type": "arbitrary",
            "samples": [loudness * shape[n % len(shape)] * (1 - n / 99) for n in range(length)],
        }
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
    first = draw(st.sampled_from([4, 8]))
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
        inputs = {n: self.analog_input() for n in (1, 2)}
        lengths = window_lengths(draw, kind)
        outputs = {n: self.analog_output() for n in range(1, 9)}
        self.raw: dict[str, Any] = {
            "controllers": {"con1": {"type": "opx1", "analog_outputs": outputs, "analog_inputs": inputs}},
            "elements": {},
            "pulses": {},
            "waveforms": {},
            "digital_waveforms": {"on": {"samples": [(1, 0)]}},
            "integration_weights": {f"w{n + 1}": weights(draw, length) for n, length in enumerate(lengths)},
            "mixers": {"mixer": []},
        }

    def analog_input(self) -> dict[str, Any]:
        """An input port."""
        gains = [0, 3, -12, 20] if self.kind.loud else [0, 3, -12]
        gain_db = self.draw(st.sampled_from(gains))
        return {"gain_db": gain_db, "offset": self.draw(st.sampled_from([0.0, 0.01, -0.125]))}

    def analog_output(self) -> dict[str, Any]:
        """An output port."""
        offset = self.draw(st.sampled_from([0.0, 0.0, 0.0, 0.2]))
        return {"offset": offset, "delay": 7} if offset else {}

    def pulse(self, name: str, iq: bool, measures: bool) -> None:
        """A pulse with its own waveforms."""
        length = self.draw(st.sampled_from(PULSE_LENGTHS))
        keys = ("I", "Q") if iq else ("single",)
        count = 0 if self.kind.one_length else self.draw(st.sampled_from([0, 0, 0, 2, 3]))
        for key in keys:
            form = array(length, count, self.loudness) if count else waveform(self.draw, length, self.loudness)
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
            if self.draw(st.booleans()):
                pulse["digital_marker"] = "on"
        self.raw["pulses"][name] = pulse

    def hum(self, name: str, iq: bool) -> None:
        """A constant pulse, as an element may play it while it waits for a trigger."""
        keys = ("I", "Q") if iq else ("single",)
        for key, level in zip(keys, (0.11, -0.23), strict=False):
            self.raw["waveforms"][f"{name}.hum.{key}"] = {"type": "constant", "sample": self.loudness * level}
        waveforms = {key: f"{name}.hum.{key}" for key in keys}
        self.raw["pulses"][f"{name}.hum"] = {"operation": "control", "length": 16, "waveforms": waveforms}

    def element(self, name: str, iq: bool, inputs: tuple[int, ...]) -> None:
        """An element; ``inputs``: the input ports that it measures."""
        draw = self.draw
        operations = ("play", "other") if not inputs else ("play", "read")
        for operation in operations:
            self.pulse(f"{name}.{operation}", iq, operation == "read")
        record: dict[str, Any] = {"operations": {operation: f"{name}.{operation}" for operation in operations}}
        self.hum(name, iq)
        record["operations"]["hum"] = f"{name}.hum"
        frequency = draw(st.sampled_from(FREQUENCIES if iq else [*FREQUENCIES, None]))
        if frequency is not None:
            record["intermediate_frequency"] = frequency
        if iq:
            first = draw(st.sampled_from([1, 3]))
            record["mixInputs"] = {
                "I": ("con1", first),
                "Q": ("con1", first + 1),
                "mixer": "mixer",
                "lo_frequency": LO_FREQUENCY,
            }
            self.mixer(frequency or 0.0)
        else:
            record["singleInput"] = {"port": ("con1", draw(st.sampled_from([1, 2, 5])))}
        if inputs:
            record["outputs"] = {f"out{n + 1}": ("con1", port) for n, port in enumerate(inputs)}
            record["time_of_flight"] = draw(st.sampled_from([24, 28, 60]))
            if not self.kind.one_length and draw(st.booleans()):
                record["time_of_flight"] = draw(st.sampled_from([36, 60]))
                record["timeTaggingParameters"] = self.tagging()
            record["smearing"] = draw(st.sampled_from([0, 3, 16]))
        if draw(st.sampled_from([False, False, True])):
            record["core"] = "iq" if iq else "single"  # elements of one core are of one kind
        known = tree.RampToZero not in later.STATEMENTS and not self.kind.one_length
        if known and draw(st.sampled_from([False, False, True])):
            record["sticky"] = {"analog": True, "duration": draw(st.sampled_from([4, 16, 40, 200]))}
        if frequency is not None and draw(st.sampled_from([False, False, True])):
            self.share(record)
        self.raw["elements"][name] = record
        self.facts.append(
            ElementFacts(
                name=name,
                iq=iq,
                modulated=frequency is not None,
                plays=operations,
                measures=("read",) if inputs else (),
                aliases=("w1", "w2", "w3"),
                outputs=tuple(record.get("outputs", {})),
                sticky="sticky" in record,
                arrays=tuple(o for o in operations if f"{name}.{o}" in self.arrays),
                tags=record.get("time_of_flight", 0) >= 36,
            )
        )

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


@st.composite
def configs(draw: st.DrawFn, kind: ConfigKind) -> ConfigFacts:
    """A config of two to four elements, at least one of which measures."""
    maker = ConfigMaker(draw, kind)
    maker.element("r", False, (1,))
    maker.element("m", draw(st.booleans()), draw(st.sampled_from([(1,), (1, 2), (2, 1), (2,)])))
    for name in ("q", "p"):
        if draw(st.booleans()):
            maker.element(name, draw(st.booleans()), ())
    return ConfigFacts(check_config(maker.raw), tuple(maker.facts), maker.raw)
