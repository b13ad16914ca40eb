"""What has been read of a config so far, so that references are checked where they stand.

Sections are read in the order controllers, octaves, mixers, oscillators, waveforms, digital waveforms, weights, pulses,
elements. Each name maps to its record, or to None if the entry itself was wrong: then it exists, its own error is
reported, and nothing that refers to it is blamed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .issues import Report, shown
from .limits import ENTRIES_MAX, FEMS_MAX, SAMPLES_TOTAL_MAX
from .model import (
    Controller,
    DigitalWaveform,
    IntegrationWeights,
    MixerEntry,
    Octave,
    Oscillator,
    PortRef,
    Pulse,
    Waveform,
)
from .reading import Place, as_key, as_list, as_name, nearest, shown_names

PORT_WORDS = {
    "analog_outputs": "analog output",
    "analog_inputs": "analog input",
    "digital_outputs": "digital output",
    "digital_inputs": "digital input",
}


class Seen:
    """The records read so far, and the report that they are checked into."""

    def __init__(self, raw: Mapping[Any, Any]) -> None:
        self.raw = raw
        self.report = Report()
        self.samples_left = SAMPLES_TOTAL_MAX
        self.controllers: dict[str, Controller | None] = {}
        self.broken_ports: set[tuple[str, int, str, int]] = set()
        self.broken_fems: set[tuple[str, int]] = set()
        self.octaves: dict[str, Octave | None] = {}
        self.mixers: dict[str, tuple[MixerEntry, ...] | None] = {}
        self.oscillators: dict[str, Oscillator | None] = {}
        self.waveforms: dict[str, Waveform | None] = {}
        self.digital_waveforms: dict[str, DigitalWaveform | None] = {}
        self.integration_weights: dict[str, IntegrationWeights | None] = {}
        self.extents: dict[str, tuple[float, float]] = {}
        """Lowest and highest sample of the waveforms looked at so far."""
        self.pulses: dict[str, Pulse | None] = {}
        self.cores: dict[str, tuple[str, str]] = {}
        """Of each core the first element that names it, and the controller of that."""

    def section(self, name: str) -> tuple[object, Place, int]:
        """The raw section (an absent one is empty), its place and how many entries it may have."""
        raw = self.raw.get(name)
        return ({} if raw is None else raw), Place(self.report, name, name), ENTRIES_MAX[name]

    def take_samples(self, count: int, place: Place) -> bool:
        """Account for samples; reports and returns False once the whole config has too many."""
        if count > self.samples_left:
            place.range(f"the config has more than {SAMPLES_TOTAL_MAX} samples and weights in all")
            return False
        self.samples_left -= count
        return True

    def port(self, raw: object, place: Place, kind: str) -> PortRef | None:
        """A reference to a declared port of one kind (``analog_outputs``, ...); None if there is none such."""
        parts = as_list(raw)
        if parts is None or len(parts) not in (2, 3):
            place.schema(f"must be (controller, port) or (controller, fem, port), not {shown(raw)}")
            return None
        name = as_name(parts[0])
        fem, number = (as_key(parts[1]) if len(parts) == 3 else 1), as_key(parts[-1])
        if name is None or fem is None or number is None:
            place.schema(f"must be (controller, port) or (controller, fem, port), not {shown(raw)}")
            return None
        return self._declared(PortRef(name, fem, number), place, kind)

    def _declared(self, ref: PortRef, place: Place, kind: str) -> PortRef | None:
        group = "portsExist"
        if ref.controller not in self.controllers:
            hint = nearest(ref.controller, self.controllers)
            place.rule(group, f"controller '{ref.controller}' is not in controllers; {hint}")
            return None
        controller = self.controllers[ref.controller]
        if controller is None or (ref.controller, ref.fem) in self.broken_fems:
            return None
        fem = controller.fems.get(ref.fem)
        if fem is None:
            place.rule(group, self._no_fem(ref, controller))
            return None
        ports: Mapping[int, object] = getattr(fem, kind)
        if ref.number in ports:
            return ref
        if (ref.controller, ref.fem, kind, ref.number) not in self.broken_ports:
            word = PORT_WORDS[kind]
            declared = shown_names([str(n) for n in ports]) or "none"
            where = f"{ref.controller}/{ref.fem}"
            place.rule(group, f"{word} {ref.number} of {where} is not declared in controllers; declared: {declared}")
        return None

    @staticmethod
    def _no_fem(ref: PortRef, controller: Controller) -> str:
        if controller.type != "opx1000":
            return f"controller '{ref.controller}' is an {controller.type}, which has no FEM {ref.fem}"
        here = shown_names([str(n) for n in controller.fems]) or "none"
        return f"controller '{ref.controller}' declares no FEM {ref.fem} (of 1 to {FEMS_MAX}); declared: {here}"
