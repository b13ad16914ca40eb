"""The waveform report of a simulation in the form in which it travels: tables of what does not change, rows of plays.

The client makes of it the entries that the platform lists (`client.waveform_report`). A report is JSON:

    elements      [{name, controller, fem, ports, kind, pulsers, correction, offsets, upconverter, digital}]
    pulses        [{operation, pulse, waveforms, marker, digital}]        by play row of the image
    corrections   [[c00, c01, c10, c11]]                      what update_correction set
    plays         [[start, length, play row, element, a00, a01, a10, a11, hertz, phase, frame, chirp, what, correction,
                    offsets]]                                 correction: in the table above, -1: the element's own;
                                                              offsets: of its ports, null: the element's own
    acquisitions  [[start, end, element, process, FEM, ports]]
    events        [[name, time, element]]
    left_out      plays and acquisitions beyond REPORT_ENTRIES_MAX

Times in ns, phases and frames in turns. A chirp is {rates, times}: Hz per ns, and ns from the start of the play.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np

from ..._core.config import Config, PortRef
from ..._core.config.model import AnalogOutput
from ..._core.engine.codes import DIGITAL, MeasureColumn, PlayColumn, ProcessColumn, TaggerColumn, WindowColumn
from ..._core.engine.hearing import Part
from ..._core.engine.image import Image, ImageElement
from ..._core.engine.logged import Log, What
from ..plant import Steps
from .samples import offset_steps, while_waiting

REPORT_ENTRIES_MAX = 100_000
"""Plays, and acquisitions, in one report; the samples hold them all."""

Reader = tuple[str, int, list[int]]
"""Something that reads a window: its name, and the FEM and the numbers of its inputs."""
_PROCESSES = {0: "DemodIntegration", 1: "FullIntegration", 2: "TimeTagging"}
_TURN = 2.0**-64


def report_of(config: Config, image: Image, log: Log, duration_ns: int) -> bytes:
    """The report of a run of ``duration_ns``, as JSON."""
    plays, windows = log.plays, log.windows
    played = (plays["what"] == What.PLAY) | (plays["what"] == What.MEASURE)
    numbers = np.flatnonzero(played & (plays["length"] > 0))  # the pulse of a wait may last no time
    sounds, of = _sounds(plays, duration_ns)
    played = np.concatenate((plays[numbers], sounds))
    order = np.argsort(played["start"], kind="stable")
    played, numbers = played[order], np.concatenate((numbers, of))[order]
    windows = windows[np.argsort(windows["start"], kind="stable")]
    shown, heard = played[:REPORT_ENTRIES_MAX], windows[:REPORT_ENTRIES_MAX]
    return msgspec.json.encode(
        {
            "elements": _elements(config, image),
            "pulses": [*(_pulse(config, *names) for names in image.play_operations), _named("ramp_to_zero")],
            "corrections": log.corrections["c"].tolist(),
            "plays": _plays(
                shown,
                log.sections,
                len(image.play_operations),
                _corrections(log, numbers),
                _offsets(config, image, log),
            ),
            "acquisitions": _acquisitions(image, heard),
            "events": [["phase_reset", time, element] for time, element in log.resets[:REPORT_ENTRIES_MAX].tolist()],
            "left_out": len(played) - len(shown) + len(windows) - len(heard),
        }
    )


def _sounds(plays: Any, duration_ns: int) -> tuple[Any, Any]:
    """What was played while waiting for triggers, as plays: a hold of a pulse, from its begin to its end; and their
    numbers in the log."""
    numbers = np.flatnonzero((plays["what"] == What.HOLD_BEGIN) & (plays["play"] >= 0))
    begins = while_waiting(plays, duration_ns)
    begins["alpha_r"], begins["alpha_i"], begins["what"] = 1.0, 0.0, What.PLAY
    sounding = begins["length"] > 0
    return begins[sounding], numbers[sounding]


def _elements(config: Config, image: Image) -> list[dict[str, Any]]:
    """The elements; their pulsers are two a thread, or as many as the most ports that an element of it plays on."""
    most = [2] * len(image.threads)
    for info in image.element_info:
        most[info.thread] = max(most[info.thread], len(info.inputs))
    first = [sum(most[:thread]) for thread in range(len(most))]
    return [_element(config, info, first[info.thread]) for info in image.element_info]


def _element(config: Config, info: ImageElement, pulser: int) -> dict[str, Any]:
    element = config.elements[info.name]
    ports = list(info.inputs) or list(info.outputs)
    fem = ports[0].fem if ports else 1
    return {
        "name": info.name,
        "controller": info.controller,
        "fem": fem,
        "ports": [[ref.controller, ref.fem, ref.number] for ref in info.inputs],
        "kind": element.input_kind or "",
        "pulsers": [pulser + part for part in range(max(1, len(info.inputs)))],
        "correction": list(info.correction),
        "offsets": [_offset(config, ref) for ref in info.inputs],
        "upconverter": element.MWInput.upconverter if element.MWInput is not None else 0,
        "digital": [
            [digital.port.controller, digital.port.fem, digital.port.number, digital.delay, digital.buffer]
            for digital in element.digitalInputs.values()
        ],
    }


def _offset(config: Config, ref: PortRef) -> float:
    port = config.analog_output(ref)
    return port.offset if isinstance(port, AnalogOutput) else 0.0


def _named(name: str) -> dict[str, Any]:
    """What is played and is no pulse of the config."""
    waveforms = dict.fromkeys(("single", "I", "Q"), name)
    return {"operation": name, "pulse": name, "waveforms": waveforms, "marker": None, "digital": []}


def _pulse(config: Config, operation: str, name: str) -> dict[str, Any]:
    pulse = config.pulses.get(name)
    if pulse is None:
        return _named("ramp")
    marker = pulse.digital_marker
    parts = config.digital_waveforms[marker].samples if marker is not None else ()
    return {
        "operation": operation,
        "pulse": name,
        "waveforms": pulse.waveforms,
        "marker": marker,
        "digital": [list(part) for part in parts],
    }


def _corrections(log: Log, numbers: Any) -> list[int]:
    """For the plays with these numbers in the log the last correction of their element before them, -1 for none."""
    found = np.full(len(numbers), -1, dtype=np.int64)
    elements = log.plays["element"][numbers]
    for number, (element, before, _) in enumerate(log.corrections.tolist()):
        found[(elements == element) & (numbers >= before)] = number
    return found.tolist()


def _offsets(config: Config, image: Image, log: Log) -> Callable[[int, int], list[float] | None]:
    """The offsets of an element's ports at an instant; None where no port was ever set."""
    steps = offset_steps(image, log.offsets)

    def at(element: int, time: int) -> list[float] | None:
        if not steps:
            return None
        return [
            _offset_at(steps.get(ref, ()), time, _offset(config, ref)) for ref in image.element_info[element].inputs
        ]

    return at


def _offset_at(steps: Steps, time: int, idle: float) -> float:
    """What the last change until ``time`` made of an offset."""
    place = bisect_right(steps, time, key=lambda step: step[0])
    return steps[place - 1][1] if place else idle


def _plays(
    plays: Any, sections: Any, ramp: int, corrections: list[int], offsets: Callable[[int, int], list[float] | None]
) -> list[list[Any]]:
    """One row a play, in the order of time; ``ramp``: the pulse of those that bring a sticky element to 0."""
    signed = plays["inc"].astype(np.int64).astype(np.float64)
    signed -= np.where(plays["fold"] == 1, np.copysign(2.0**64, signed), 0.0)  # within 1 GHz
    columns = (
        plays["start"],
        plays["length"],
        np.where(plays["play"] < 0, ramp, plays["play"]),
        plays["element"],
        plays["alpha_r"] + plays["beta_r"],
        plays["beta_i"] - plays["alpha_i"],
        plays["alpha_i"] + plays["beta_i"],
        plays["alpha_r"] - plays["beta_r"],
        np.round(signed * (_TURN * 1e9), 3),
        plays["phase"] * _TURN,
        plays["frame"] * _TURN,
    )
    rows = [list(row) for row in zip(*(column.tolist() for column in columns), strict=True)]
    chirps = zip(plays["section_count"].tolist(), plays["first_section"].tolist(), strict=True)
    for row, (count, first), what, correction in zip(rows, chirps, plays["what"].tolist(), corrections, strict=False):
        chirp = _chirp(sections[first : first + count]) if count else None
        row += [chirp, what, correction, offsets(row[3], row[0])]
    return rows


def _chirp(sections: Any) -> dict[str, Any]:
    rates = sections["rate"].astype(np.int64) * (_TURN * 1e9)
    return {"rates": rates.tolist(), "times": sections["start"].tolist()}


def _acquisitions(image: Image, windows: Any) -> list[list[Any]]:
    """One row for each process of each window, and for each raw trace."""
    rows: list[list[Any]] = []
    known: dict[tuple[int, int], tuple[int, list[Reader]]] = {}
    for start, end, measure, window in windows.tolist():
        if (measure, window) not in known:
            known[measure, window] = _element_of(image, measure), _processes(image, measure, window)
        element, processes = known[measure, window]
        rows += [[start, end, element, *process] for process in processes]
    return rows


def _element_of(image: Image, measure: int) -> int:
    play = image.measures[measure, MeasureColumn.PLAY]
    return int(image.plays[play, PlayColumn.VOICE])


def _processes(image: Image, measure: int, window: int) -> list[Reader]:
    """What reads a window."""
    if window < 0:
        row = image.measures[measure]
        first, count = row[MeasureColumn.FIRST_TRACE_PORT], row[MeasureColumn.TRACE_PORTS]
        return [("RawSamples", *_ports(image, image.trace_ports[first : first + count]))]
    row = image.windows[window]
    first, count = int(row[WindowColumn.FIRST]), int(row[WindowColumn.COUNT])
    found = []
    for process in image.processes[first : first + count]:
        if process[ProcessColumn.KIND] == DIGITAL:
            found.append(_digital_process(image, image.taggers[process[ProcessColumn.TAGGER]]))
            continue
        legs = process[ProcessColumn.PORT_0 : ProcessColumn.PORT_0 + process[ProcessColumn.LEGS]]
        name = _PROCESSES.get(int(process[ProcessColumn.KIND]), "Process")
        found.append((name, *_ports(image, legs)))
    return found


def _digital_process(image: Image, tagger: Any) -> Reader:
    """What tags or counts at digital inputs."""
    first, count = tagger[TaggerColumn.FIRST_INPUT], tagger[TaggerColumn.INPUTS]
    refs = [image.digital_inputs[number] for number in image.digital_reads[first : first + count]]
    name = "DigitalTimeTagging" if tagger[TaggerColumn.CELLS] else "DigitalCounting"
    return name, refs[0].fem, [ref.number for ref in refs]


def _ports(image: Image, ports: Any) -> tuple[int, list[int]]:
    """The FEM of input ports, that of the first, and their numbers; one for the two parts of a MW input."""
    numbers = [(image.ports[port].ref.number, image.ports[port].part) for port in ports]
    shown = [number for number, part in numbers if part != Part.Q or (number, Part.I) not in numbers]
    return image.ports[ports[0]].ref.fem, shown
