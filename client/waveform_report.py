"""The waveform report of a simulation: every pulse with its parameters, markers, acquisitions and phase resets.

A play on an element with I and Q gives two analog entries, one for each port: amplitude, frame and correction are the
rows of the matrices that make that port. `current_phase` is in radians; all times are ns.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .simulated_samples import SimulatorSamples, pyplot_module

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class PlayedWaveform:
    """What analog and digital entries share."""

    waveform_name: str
    pulse_name: str
    length: int
    timestamp: int
    iq_info: dict[str, Any]
    element: str
    output_ports: list[int]
    controller: str
    fem: int
    pulser: dict[str, Any]

    @property
    def ends_at(self) -> int:
        """The ns after its last sample."""
        return self.timestamp + self.length

    @property
    def ports(self) -> list[int]:
        """Same as `output_ports`."""
        return self.output_ports

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def to_string(self) -> str:
        """A line for a reader."""
        ports = ", ".join(map(str, self.output_ports))
        return (
            f"Waveform Name: {self.waveform_name}, {self.pulse_name}, start: {self.timestamp} ns, "
            f"length: {self.length} ns, element: {self.element}, output ports: [{ports}] of {self.controller}"
        )


@dataclass(frozen=True)
class PlayedAnalogWaveform(PlayedWaveform):
    """One waveform on one analog port; `port_to_duc`: of a MW output its number and that of the up-converter."""

    current_amp_elements: list[float] = field(default_factory=list)
    current_dc_offset_by_port: dict[str, float] = field(default_factory=dict)
    current_intermediate_frequency: float = 0.0
    current_frame: list[float] = field(default_factory=list)
    current_correction_elements: list[float] = field(default_factory=list)
    chirp_info: dict[str, Any] | None = None
    current_phase: float = 0.0
    port_to_duc: dict[str, int] = field(default_factory=dict)

    def to_string(self) -> str:
        """A line for a reader."""
        amplitude = ", ".join(f"{value:g}" for value in self.current_amp_elements)
        frame = ", ".join(f"{value:.4g}" for value in self.current_frame)
        chirp = f", chirp: {self.chirp_info}" if self.chirp_info else ""
        return (
            f"{super().to_string()}, amplitude: [{amplitude}], frequency: {self.current_intermediate_frequency:g} Hz, "
            f"phase: {self.current_phase:.4f} rad, frame: [{frame}]{chirp}"
        )


@dataclass(frozen=True)
class PlayedDigitalWaveform(PlayedWaveform):
    """One marker on one digital port; `timestamp` and `length` are those of its pulse."""


@dataclass(frozen=True)
class AdcAcquisition:
    """One process on one window; `start_time` includes the time of flight."""

    start_time: int
    end_time: int
    process: str
    pulser: dict[str, Any]
    quantum_element: str
    adc_ports: list[int]
    controller: str
    fem: int

    @property
    def element(self) -> str:
        """Same as `quantum_element`."""
        return self.quantum_element

    @property
    def ports(self) -> list[int]:
        """Same as `adc_ports`."""
        return self.adc_ports

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def to_string(self) -> str:
        """A line for a reader."""
        ports = ", ".join(map(str, self.adc_ports))
        return (
            f"Adc Acquisition: start: {self.start_time} ns, end: {self.end_time} ns, process: {self.process}, "
            f"element: {self.quantum_element}, adc ports: [{ports}] of {self.controller}"
        )


@dataclass(frozen=True)
class ReportEvent:
    """A phase reset."""

    name: str
    timestamp: int
    controller: str
    fem: int
    element: str
    is_i: bool = True
    is_q: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The fields by name."""
        return asdict(self)

    def to_string(self) -> str:
        """A line for a reader."""
        return f"Event: {self.name} at {self.timestamp} ns, element: {self.element} of {self.controller}"


class WaveformReport:
    """What a simulation played and measured, in the order of time.

    `left_out`: plays and acquisitions beyond the controller's limit, which only the samples show.
    """

    def __init__(
        self,
        analog_waveforms: Sequence[PlayedAnalogWaveform],
        digital_waveforms: Sequence[PlayedDigitalWaveform],
        adc_acquisitions: Sequence[AdcAcquisition],
        events: Sequence[ReportEvent] = (),
        job_id: str = "",
        left_out: int = 0,
    ) -> None:
        self.analog_waveforms = list(analog_waveforms)
        self.digital_waveforms = list(digital_waveforms)
        self.adc_acquisitions = list(adc_acquisitions)
        self.events = list(events)
        self.job_id = job_id
        self.left_out = left_out

    @classmethod
    def from_tables(cls, tables: Mapping[str, Any], job_id: str = "") -> WaveformReport:
        """A report from the tables in which it travels."""
        return cls(
            [entry for play in tables["plays"] for entry in _analog(tables, play)],
            [entry for play in tables["plays"] for entry in _digital(tables, play)],
            [_acquisition(tables, row) for row in tables["acquisitions"]],
            [_event(tables, row) for row in tables["events"]],
            job_id,
            tables.get("left_out", 0),
        )

    @property
    def waveforms(self) -> list[PlayedWaveform]:
        """Analog and digital ones."""
        return [*self.analog_waveforms, *self.digital_waveforms]

    def _entries(self) -> list[PlayedWaveform | AdcAcquisition]:
        return [*self.waveforms, *self.adc_acquisitions]

    @property
    def controllers_in_use(self) -> list[str]:
        """The controllers that played or measured."""
        return sorted({entry.controller for entry in self._entries()})

    @property
    def elements_in_report(self) -> list[str]:
        """The elements that played or measured."""
        return sorted({entry.element for entry in self._entries()})

    def report_by_controllers(self) -> dict[str, WaveformReport]:
        """A report for each controller."""
        return {name: self._where("controller", name) for name in self.controllers_in_use}

    def report_by_elements(self) -> dict[str, WaveformReport]:
        """A report for each element."""
        return {name: self._where("element", name) for name in self.elements_in_report}

    def _where(self, what: str, name: str) -> WaveformReport:
        def chosen(entries: Sequence[Any]) -> list[Any]:
            return [entry for entry in entries if getattr(entry, what) == name]

        return WaveformReport(
            chosen(self.analog_waveforms),
            chosen(self.digital_waveforms),
            chosen(self.adc_acquisitions),
            chosen(self.events),
            self.job_id,
        )

    def to_dict(self) -> dict[str, Any]:
        """All entries as dicts."""
        return {
            "analog_waveforms": [entry.to_dict() for entry in self.analog_waveforms],
            "digital_waveforms": [entry.to_dict() for entry in self.digital_waveforms],
            "adc_acquisitions": [entry.to_dict() for entry in self.adc_acquisitions],
            "events": [entry.to_dict() for entry in self.events],
        }

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict())

    def to_string(self) -> str:
        """All entries, a line each."""
        groups: tuple[tuple[str, list[Any]], ...] = (
            ("Analog Waveforms", self.analog_waveforms),
            ("Digital Waveforms", self.digital_waveforms),
            ("Adc Acquisitions", self.adc_acquisitions),
            ("Events", self.events),
        )
        lines = []
        for title, entries in groups:
            if entries:
                lines += [title, *(f"  {entry.to_string()}" for entry in entries)]
        if self.left_out:
            lines.append(f"... and {self.left_out} plays and acquisitions that are not listed")
        return "\n".join(lines)

    def create_plot(
        self,
        samples: SimulatorSamples | None = None,
        controllers: Sequence[str] | None = None,
        plot: bool = True,
        save_path: str | None = None,
    ) -> Figure:
        """Draw the pulses as bars by element over time in ns, with the samples above where they are given.

        Returns the figure (of matplotlib; whether it is shown is up to the caller). `save_path`: beside a file of that
        name a picture of each controller is written, `waveform_report_<controller>_<job>.png`; the file itself is left
        alone, since scripts give their own name here, as the platform's SDK takes it.
        """
        from .report_plot import draw_report

        pyplot = pyplot_module()
        for name in self.controllers_in_use if save_path is not None else ():
            if controllers is None or name in controllers:
                picture = draw_report(self, samples, [name], pyplot)
                picture.savefig(Path(str(save_path)).parent / f"waveform_report_{name}_{self.job_id}.png")
                pyplot.close(picture)
        return draw_report(self, samples, controllers, pyplot)

    def plot(self, samples: SimulatorSamples | None = None) -> Figure:
        """Same as `create_plot`."""
        return self.create_plot(samples)

    def __repr__(self) -> str:
        return (
            f"<WaveformReport of job {self.job_id}: {len(self.analog_waveforms)} analog, {len(self.digital_waveforms)} "
            f"digital waveforms, {len(self.adc_acquisitions)} acquisitions, {len(self.events)} events>"
        )


_IQ_KINDS = ("mixInputs", "MWInput")

# -- from the tables -------------------------------------------------------------------------------------------------


def _analog(tables: Mapping[str, Any], play: Sequence[Any]) -> list[PlayedAnalogWaveform]:
    start, length, row, element_number, *rest = play
    matrix, (hertz, phase, frame, chirp, _, corrected, offsets) = rest[:4], rest[4:]
    pulse, element = tables["pulses"][row], tables["elements"][element_number]
    correction = element["correction"] if corrected < 0 else tables["corrections"][corrected]
    cosine, sine = math.cos(2 * math.pi * frame), math.sin(2 * math.pi * frame)
    parts = list(element["ports"])
    is_iq = element["kind"] in _IQ_KINDS
    entries = []
    for part, (controller, fem, number) in enumerate(parts) if pulse["waveforms"] else ():
        name = ("I", "Q")[part] if is_iq else "single"
        rotation = ([cosine, -sine], [sine, cosine])[part] if is_iq else [cosine, sine]
        entries.append(
            PlayedAnalogWaveform(
                waveform_name=pulse["waveforms"][name],
                pulse_name=f"OriginPulseName={pulse['pulse']}",
                length=length,
                timestamp=start,
                iq_info=_iq_info(element, start, is_iq, part),
                element=element["name"],
                output_ports=[number],
                controller=controller,
                fem=fem,
                pulser={"controllerName": controller, "pulserIndex": element["pulsers"][part]},
                current_amp_elements=matrix[2 * part : 2 * part + 2] if is_iq else matrix[:1],
                current_dc_offset_by_port={str(number): (offsets or element["offsets"])[part]},
                current_intermediate_frequency=hertz,
                current_frame=[round(value, 12) + 0.0 for value in rotation],
                current_correction_elements=correction[2 * part : 2 * part + 2] if is_iq else [],
                chirp_info=_chirp(chirp, length, hertz),
                current_phase=2 * math.pi * phase,
                port_to_duc={str(number): element["upconverter"]} if element["upconverter"] else {},
            )
        )
    return entries


def _iq_info(element: Mapping[str, Any], start: int, is_iq: bool, part: int) -> dict[str, Any]:
    return {
        "isPartOfIq": is_iq,
        "iqGroupId": f"{element['name']}-{start}" if is_iq else "",
        "isI": is_iq and part == 0,
        "isQ": is_iq and part == 1,
    }


def _chirp(chirp: Mapping[str, Any] | None, length: int, hertz: float) -> dict[str, Any] | None:
    """What sweeps a pulse: the rate from each time on, and the frequencies where it starts and ends. Names: the
    platform's report."""
    if chirp is None:
        return None
    rates, times = chirp["rates"], chirp["times"]
    swept = sum(rate * (end - start) for rate, start, end in zip(rates, times, [*times[1:], length], strict=True))
    return {
        "rate": rates,
        "times": times,
        "units": "Hz/nsec",
        "startFrequency": hertz,
        "endFrequency": hertz + swept,
    }


def _digital(tables: Mapping[str, Any], play: Sequence[Any]) -> list[PlayedDigitalWaveform]:
    start, length, row, element_number = play[:4]
    pulse, element = tables["pulses"][row], tables["elements"][element_number]
    if pulse["marker"] is None:
        return []
    return [
        PlayedDigitalWaveform(
            waveform_name=pulse["marker"],
            pulse_name=f"OriginPulseName={pulse['pulse']}",
            length=length,
            timestamp=start,
            iq_info={"isPartOfIq": False, "iqGroupId": "", "isI": False, "isQ": False},
            element=element["name"],
            output_ports=[number],
            controller=controller,
            fem=fem,
            pulser={"controllerName": controller, "pulserIndex": element["pulsers"][0]},
        )
        for controller, fem, number, _, _ in element["digital"]
    ]


def _acquisition(tables: Mapping[str, Any], row: Sequence[Any]) -> AdcAcquisition:
    start, end, number, process, fem, ports = row
    element = tables["elements"][number]
    return AdcAcquisition(
        start_time=start,
        end_time=end,
        process=process,
        pulser={"controllerName": element["controller"], "pulserIndex": element["pulsers"][0]},
        quantum_element=element["name"],
        adc_ports=ports,
        controller=element["controller"],
        fem=fem,
    )


def _event(tables: Mapping[str, Any], row: Sequence[Any]) -> ReportEvent:
    name, time, number = row
    element = tables["elements"][number]
    is_q = element["kind"] in _IQ_KINDS
    return ReportEvent(name, time, element["controller"], element["fem"], element["name"], True, is_q)
