"""The schema of a qm config, as typed records with the platform's defaults filled in.

Field names are the config's own keys, so ``config.elements["q"].mixInputs.I`` reads as in the dict that a user wrote.
Units: ns, V, Hz, dB. What was normalised on the way in (by ``parse``):

- port, FEM and converter keys are ints; every port reference is one ``PortRef`` (two-part references mean FEM 1);
- an OPX or OPX+ holds its ports in ``fems[1]``, whose type is ``"OPX"``; an OPX1000 has ``"LF"`` and ``"MW"`` FEMs;
- integration weights are tuples of (value, length_ns), digital waveforms tuples of (value, length_ns);
- old names became new ones: ``thread`` is ``core``, ``outputPulseParameters`` is ``timeTaggingParameters``,
  ``hold_offset`` (in cycles) is ``sticky`` (in ns), ``upconverter_frequency`` is ``upconverters[1]``;
- an empty ``filter`` or ``crosstalk`` is the same as none.

The records are plain data and already checked: whoever holds a ``Config`` need not look for missing references.
Sources of the rules: the platform's configuration reference; what it leaves open is marked "choice".
"""

from __future__ import annotations

from typing import Literal

import msgspec

Correction = tuple[float, float, float, float]
"""A mixer correction (v00, v01, v10, v11): out_I = v00·I + v01·Q, out_Q = v10·I + v11·Q."""

IDENTITY: Correction = (1.0, 0.0, 0.0, 1.0)

InputKind = Literal["singleInput", "mixInputs", "singleInputCollection", "multipleInputs", "MWInput", "RF_inputs"]
FemType = Literal["OPX", "LF", "MW"]
ControllerType = Literal["opx1", "opx", "opx1000"]


class PortRef(msgspec.Struct, frozen=True, order=True):
    """One port number on one FEM of one controller; which kind of port is said by where the reference stands."""

    controller: str
    fem: int
    number: int

    def __str__(self) -> str:
        return f"{self.controller}/{self.fem}/{self.number}"


class OctavePort(msgspec.Struct, frozen=True, order=True):
    """An RF port of an Octave."""

    device: str
    number: int


# --- controllers ------------------------------------------------------------------------------------------------------


class AnalogOutputFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Filter of an analog output: y[n] = Σ feedback[m]·y[n−1−m] + Σ feedforward[k]·x[n−k] (plus sign on feedback).

    ``exponential`` holds (amplitude, time constant in ns) of the line that an LF-FEM corrects. ``high_pass`` (ns) is
    the older spelling of ``exponential_dc_gain = 0`` with ``exponential = ((1, high_pass),)``.
    """

    feedforward: tuple[float, ...] = ()
    feedback: tuple[float, ...] = ()
    exponential: tuple[tuple[float, float], ...] = ()
    exponential_dc_gain: float | None = None
    high_pass: float | None = None

    @property
    def is_endless(self) -> bool:
        """Whether it remembers more than its feedforward taps."""
        corrected = self.exponential or self.exponential_dc_gain is not None or self.high_pass is not None
        return bool(self.feedback or corrected)


class AnalogOutput(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="analog"):
    """An analog output in volts (OPX, OPX+, LF-FEM). ``upsampling_mode`` is None except on an LF-FEM at 1 GS/s."""

    offset: float = 0.0
    delay: int = 0
    shareable: bool = False
    filter: AnalogOutputFilter | None = None
    crosstalk: dict[int, float] = {}
    sampling_rate: float = 1e9
    upsampling_mode: Literal["mw", "pulse"] | None = None
    output_mode: Literal["direct", "amplified"] = "direct"
    min_voltage_limit: float | None = None
    max_voltage_limit: float | None = None


class Upconverter(msgspec.Struct, frozen=True, kw_only=True):
    """One digital up-converter of a MW output."""

    frequency: float


class MWAnalogOutput(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="microwave"):
    """A MW-FEM output: samples are −1…1 of ``full_scale_power_dbm``."""

    band: int
    upconverters: dict[int, Upconverter]
    full_scale_power_dbm: int = -11
    delay: int = 0
    shareable: bool = False
    sampling_rate: float = 1e9


class AnalogInput(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="analog"):
    """An analog input in volts (OPX, OPX+, LF-FEM)."""

    offset: float = 0.0
    gain_db: int = 0
    shareable: bool = False
    sampling_rate: float = 1e9


class MWAnalogInput(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="microwave"):
    """A MW-FEM input with its down-converter."""

    band: int
    downconverter_frequency: float
    gain_db: int = 0
    shareable: bool = False
    sampling_rate: float = 1e9
    lo_mode: Literal["auto", "always_on"] = "auto"


class DigitalOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A digital output; an inverted one is HIGH while idle. ``level`` is kept and has no effect."""

    shareable: bool = False
    inverted: bool = False
    level: Literal["TTL", "LVTTL"] = "LVTTL"


class DigitalInput(msgspec.Struct, frozen=True, kw_only=True):
    """A digital input (OPD): ``deadtime`` in ns, ``threshold`` in V. Defaults where none is stated are a choice."""

    shareable: bool = False
    polarity: Literal["RISING", "FALLING"] = "RISING"
    deadtime: int = 4
    threshold: float = 0.0


class Fem(msgspec.Struct, frozen=True, kw_only=True):
    """The ports declared on one front-end module; an OPX or OPX+ is one module of type ``"OPX"``."""

    type: FemType
    analog_outputs: dict[int, AnalogOutput | MWAnalogOutput] = {}
    analog_inputs: dict[int, AnalogInput | MWAnalogInput] = {}
    digital_outputs: dict[int, DigitalOutput] = {}
    digital_inputs: dict[int, DigitalInput] = {}


class Controller(msgspec.Struct, frozen=True, kw_only=True):
    """One controller of the config. Types ``opx1`` and ``opx`` both match OPX and OPX+ hardware."""

    type: ControllerType = "opx1"
    fems: dict[int, Fem] = {}


# --- octaves (parsed and kept; elements on an Octave come later) ------------------------------------------------------


class OctaveRFOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An up-converter of an Octave."""

    LO_frequency: float | None = None
    LO_source: Literal["internal", "external"] = "internal"
    output_mode: Literal["always_off", "always_on", "triggered", "triggered_reversed"] = "always_off"
    gain: float = 0.0
    input_attenuators: Literal["OFF", "ON"] = "OFF"
    I_connection: PortRef | None = None
    Q_connection: PortRef | None = None


class OctaveRFInput(msgspec.Struct, frozen=True, kw_only=True):
    """A down-converter of an Octave."""

    RF_source: str = "RF_in"
    LO_frequency: float | None = None
    LO_source: str = "internal"
    IF_mode_I: Literal["direct", "envelope", "mixer", "off"] = "direct"
    IF_mode_Q: Literal["direct", "envelope", "mixer", "off"] = "direct"


class OctaveIFOutput(msgspec.Struct, frozen=True, kw_only=True):
    """An IF output of an Octave, wired to an analog input."""

    port: PortRef
    name: str


class Octave(msgspec.Struct, frozen=True, kw_only=True):
    """One Octave; ``connectivity`` is (controller, fem) of its default wiring."""

    RF_outputs: dict[int, OctaveRFOutput] = {}
    RF_inputs: dict[int, OctaveRFInput] = {}
    IF_outputs: dict[str, OctaveIFOutput] = {}
    connectivity: tuple[str, int] | None = None
    loopbacks: tuple[tuple[str, str, str], ...] = ()
    """(octave, synthesizer output, LO input) of each cable."""


# --- elements ---------------------------------------------------------------------------------------------------------


class SingleInput(msgspec.Struct, frozen=True, kw_only=True):
    """One analog output."""

    port: PortRef


class MixInputs(msgspec.Struct, frozen=True, kw_only=True):
    """Two analog outputs behind an IQ mixer; ``mixer`` is '' for none."""

    I: PortRef  # noqa: E741 - the config's own key
    Q: PortRef
    mixer: str = ""
    lo_frequency: float = 0.0


class InputCollection(msgspec.Struct, frozen=True, kw_only=True):
    """Named analog outputs: one at a time (``singleInputCollection``) or all together (``multipleInputs``)."""

    inputs: dict[str, PortRef]


class MicrowaveInput(msgspec.Struct, frozen=True, kw_only=True):
    """A MW output through one of its up-converters."""

    port: PortRef
    upconverter: int = 1


class MicrowaveOutput(msgspec.Struct, frozen=True, kw_only=True):
    """A MW input that the element measures."""

    port: PortRef


class RFPort(msgspec.Struct, frozen=True, kw_only=True):
    """An Octave port of an element."""

    port: OctavePort


class ElementDigitalInput(msgspec.Struct, frozen=True, kw_only=True):
    """A digital output that the element drives; ``delay`` and ``buffer`` in ns."""

    port: PortRef
    delay: int
    buffer: int


class TimeTaggingParameters(msgspec.Struct, frozen=True, kw_only=True):
    """When an analog input trace counts as a tag; thresholds in ADC counts."""

    signalThreshold: int = 800
    signalPolarity: Literal["ABOVE", "BELOW"] = "BELOW"
    derivativeThreshold: int = 300
    derivativePolarity: Literal["ABOVE", "BELOW"] = "BELOW"


class Sticky(msgspec.Struct, frozen=True, kw_only=True):
    """The element holds its last value; ``duration`` in ns is how long ramp_to_zero takes."""

    analog: bool = True
    digital: bool = False
    duration: int = 4


class Element(msgspec.Struct, frozen=True, kw_only=True):
    """Something that programs play to and measure; at most one of the six input kinds is set."""

    singleInput: SingleInput | None = None
    mixInputs: MixInputs | None = None
    singleInputCollection: InputCollection | None = None
    multipleInputs: InputCollection | None = None
    MWInput: MicrowaveInput | None = None
    RF_inputs: RFPort | None = None
    outputs: dict[str, PortRef] = {}
    MWOutput: MicrowaveOutput | None = None
    RF_outputs: RFPort | None = None
    digitalInputs: dict[str, ElementDigitalInput] = {}
    digitalOutputs: dict[str, PortRef] = {}
    intermediate_frequency: float | None = None
    oscillator: str | None = None
    operations: dict[str, str] = {}
    time_of_flight: int | None = None
    smearing: int = 0
    timeTaggingParameters: TimeTaggingParameters | None = None
    sticky: Sticky | None = None
    core: str | None = None

    @property
    def input_kind(self) -> InputKind | None:
        """Which of the six input kinds the element has; None for an element that only measures or is only digital."""
        kinds: tuple[InputKind, ...] = (
            "singleInput",
            "mixInputs",
            "singleInputCollection",
            "multipleInputs",
            "MWInput",
            "RF_inputs",
        )
        return next((kind for kind in kinds if getattr(self, kind) is not None), None)

    @property
    def input_ports(self) -> dict[str, PortRef]:
        """Analog or MW outputs that the element plays on, by name: ``port``, or ``I`` and ``Q``, or the given names."""
        if self.singleInput is not None:
            return {"port": self.singleInput.port}
        if self.mixInputs is not None:
            return {"I": self.mixInputs.I, "Q": self.mixInputs.Q}
        if self.MWInput is not None:
            return {"port": self.MWInput.port}
        collection = self.singleInputCollection or self.multipleInputs
        return dict(collection.inputs) if collection is not None else {}

    @property
    def output_ports(self) -> dict[str, PortRef]:
        """Analog or MW inputs that the element measures, by output name (a MW output is called ``out1``)."""
        if self.MWOutput is not None:
            return {"out1": self.MWOutput.port}
        return dict(self.outputs)

    @property
    def measures(self) -> bool:
        """Whether ``measure`` can be used on the element."""
        return bool(self.outputs) or self.MWOutput is not None or self.RF_outputs is not None


# --- oscillators, mixers, pulses, waveforms, weights ------------------------------------------------------------------


class Oscillator(msgspec.Struct, frozen=True, kw_only=True):
    """A named oscillator that elements share: frequency, frame and correction matrix. ``mixer`` is '' for none."""

    intermediate_frequency: float = 0.0
    mixer: str = ""
    lo_frequency: float = 0.0


class MixerEntry(msgspec.Struct, frozen=True, kw_only=True):
    """The correction of a mixer at exactly one (IF, LO)."""

    intermediate_frequency: float
    lo_frequency: float
    correction: Correction


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """``waveforms`` has the key ``single``, or ``I`` and ``Q``, or is empty (digital only). ``length`` in ns."""

    operation: Literal["control", "measurement"]
    length: int
    waveforms: dict[str, str] = {}
    digital_marker: str | None = None
    integration_weights: dict[str, str] = {}


class ConstantWaveform(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="constant"):
    """One sample for the whole pulse."""

    sample: float

    type = "constant"


class ArbitraryWaveform(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="arbitrary"):
    """Samples; ``max_allowed_error`` is None where ``sampling_rate`` is given or the samples can be overridden."""

    samples: tuple[float, ...]
    is_overridable: bool = False
    max_allowed_error: float | None = None
    sampling_rate: float | None = None

    type = "arbitrary"


class ArrayWaveform(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", tag="array"):
    """Several lists of samples of one length; which of them plays is chosen at run time."""

    samples_array: tuple[tuple[float, ...], ...]

    type = "array"


Waveform = ConstantWaveform | ArbitraryWaveform | ArrayWaveform


class DigitalWaveform(msgspec.Struct, frozen=True, kw_only=True):
    """(value 0 or 1, length in ns) in order; length 0 means until the end of the pulse."""

    samples: tuple[tuple[int, int], ...]


class IntegrationWeights(msgspec.Struct, frozen=True, kw_only=True):
    """(value, length in ns) in order; cosine and sine have the same total length, which alone sets the window."""

    cosine: tuple[tuple[float, int], ...]
    sine: tuple[tuple[float, int], ...]

    @property
    def length(self) -> int:
        """Total length in ns."""
        return sum(length for _, length in self.cosine)

    @property
    def constant(self) -> bool:
        """Whether cosine and sine have one value each, from start to end."""
        return all(len({value for value, _ in part}) == 1 for part in (self.cosine, self.sine))


# --- the whole --------------------------------------------------------------------------------------------------------


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A checked qm config with all defaults filled in."""

    controllers: dict[str, Controller] = {}
    octaves: dict[str, Octave] = {}
    mixers: dict[str, tuple[MixerEntry, ...]] = {}
    elements: dict[str, Element] = {}
    oscillators: dict[str, Oscillator] = {}
    pulses: dict[str, Pulse] = {}
    waveforms: dict[str, Waveform] = {}
    digital_waveforms: dict[str, DigitalWaveform] = {}
    integration_weights: dict[str, IntegrationWeights] = {}

    def fem(self, ref: PortRef) -> Fem:
        """The module that a reference points into; KeyError if the config has none such."""
        return self.controllers[ref.controller].fems[ref.fem]

    def place(self, controller: str) -> int:
        """The place of a controller among all, from 0 in the order of their names; ValueError if the config has none
        such."""
        return sorted(self.controllers).index(controller)

    def analog_output(self, ref: PortRef) -> AnalogOutput | MWAnalogOutput:
        """The declared analog or MW output; KeyError if the config has none such."""
        return self.fem(ref).analog_outputs[ref.number]

    def analog_input(self, ref: PortRef) -> AnalogInput | MWAnalogInput:
        """The declared analog or MW input; KeyError if the config has none such."""
        return self.fem(ref).analog_inputs[ref.number]

    def digital_output(self, ref: PortRef) -> DigitalOutput:
        """The declared digital output; KeyError if the config has none such."""
        return self.fem(ref).digital_outputs[ref.number]

    def digital_input(self, ref: PortRef) -> DigitalInput:
        """The declared digital input; KeyError if the config has none such."""
        return self.fem(ref).digital_inputs[ref.number]

    def intermediate_frequency(self, element: str) -> float | None:
        """The element's frequency in Hz with its sign, its own or its oscillator's; None where nothing modulates."""
        record = self.elements[element]
        if record.oscillator is not None:
            return self.oscillators[record.oscillator].intermediate_frequency
        return record.intermediate_frequency

    def mixer_correction(self, element: str) -> Correction:
        """The correction matrix at program start: the entry of exactly this (IF, LO), else identity (choice).

        A shared oscillator that names a mixer brings its own (mixer, LO) for all its elements.
        """
        record = self.elements[element]
        if record.mixInputs is None:
            return IDENTITY
        mixer, lo_frequency = record.mixInputs.mixer, record.mixInputs.lo_frequency
        if record.oscillator is not None and self.oscillators[record.oscillator].mixer:
            shared = self.oscillators[record.oscillator]
            mixer, lo_frequency = shared.mixer, shared.lo_frequency
        frequency = self.intermediate_frequency(element)
        for entry in self.mixers.get(mixer, ()):
            if entry.intermediate_frequency == frequency and entry.lo_frequency == lo_frequency:
                return entry.correction
        return IDENTITY
