"""The samples of a simulation: analog outputs rendered from the log, digital ones from its markers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..._core.config import Config, PortRef, SimulatedOutput, digital_outputs, simulated_outputs
from ..._core.config.model import MWAnalogOutput
from ..._core.config.ranges import full_scale_volts
from ..._core.engine.image import Image
from ..._core.engine.logged import Log, What
from ..._core.engine.outputs import OutputPort
from ..._core.engine.rendering import Renderer
from ..._core.engine.watching import OutputOverflow, by_port
from ..._core.errors import AskedWrongly
from ..plant import Steps, output_ports
from .converters import codes_of
from .limits import HELD_NS

Codes = dict[SimulatedOutput, list[npt.NDArray[np.int16]]]
"""The codes of each output; of I and of Q where its samples have both."""
FOREVER = 1 << 60  # ns


def offset_steps(image: Image, offsets: Any) -> dict[PortRef, Steps]:
    """The changes of each port's offset in a log; at one instant the last thread is right."""
    found: dict[PortRef, list[tuple[int, int, float]]] = {}
    for time, number, which, volts in offsets.tolist():
        element = image.element_info[number]
        found.setdefault(element.inputs[which], []).append((time, element.thread, volts))
    return {
        ref: [(time, volts) for time, _, volts in sorted(changes, key=lambda change: change[:2])]
        for ref, changes in found.items()
    }


def analog_samples(config: Config, image: Image, log: Log, duration_ns: int) -> tuple[Codes, list[OutputOverflow]]:
    """The codes of every analog output of the config, and those of them that went beyond their range.

    Raises AskedWrongly ``too_large`` where crosstalk between two rates would need more than HELD_NS.
    """
    outputs = simulated_outputs(config)
    ports = output_ports(config, image, offset_steps(image, log.offsets))
    made: dict[int, tuple[npt.NDArray[np.int16], OutputOverflow | None]] = {}
    for per_ns in (1, 2):
        chosen = [number for number, port in enumerate(ports) if port.per_ns == per_ns]
        if chosen:
            renderer = _renderer(image, ports, chosen, log, duration_ns)
            for place, number in enumerate(chosen):
                made[number] = codes_of(renderer, place, ports[number], duration_ns)
    rest = iter(made[number] for number in range(len(ports)))
    codes: Codes = {}
    beyond: list[OutputOverflow] = []
    for output in outputs:
        parts = [next(rest) for _ in range(output.parts)]
        codes[output] = [part for part, _ in parts]
        beyond += [found for _, found in parts if found is not None]
    return codes, by_port(beyond)


def _renderer(image: Image, ports: list[OutputPort], chosen: list[int], log: Log, duration_ns: int) -> Renderer:
    """The renderer of the ``chosen`` ports, which have one rate, with what crosstalk brings from ports at the other.

    Of a source at 2 GS/s its sum once a ns is added, as inputs hear it; one at 1 GS/s holds each sample for a ns.
    """
    own = [ports[number] for number in chosen]
    per_ns = own[0].per_ns
    wanted = {ref for port in own for ref, _ in port.crosstalk}
    sources = [
        OutputPort(ref=port.ref, sources=port.sources) for port in ports if port.ref in wanted and port.per_ns != per_ns
    ]
    if per_ns == 1 or not sources:
        return Renderer(image, [*own, *sources], log, per_ns)
    if duration_ns > HELD_NS:
        raise AskedWrongly(
            f"a simulation of {duration_ns} ns with crosstalk from outputs at 1 GS/s onto others at 2 GS/s; "
            f"the limit is {HELD_NS} ns (HELD_NS)",
            code="too_large",
            hint="simulate a shorter duration, or give the ports one sampling_rate",
        )
    slow = Renderer(image, sources, log)
    sums = [(port.ref, np.repeat(slow.sums(number, 0, duration_ns), 2)) for number, port in enumerate(sources)]
    return Renderer(image, own, log, per_ns, sums)


def scale_of(config: Config, output: SimulatedOutput) -> float:
    """What one code of an output is: V, or the part of full scale of a MW output."""
    port = config.analog_output(output.ref)
    return (1.0 if isinstance(port, MWAnalogOutput) else full_scale_volts(port)) / 32768.0


def digital_samples(config: Config, image: Image, log: Log, duration_ns: int) -> dict[PortRef, npt.NDArray[np.bool_]]:
    """Every digital output of the config, one bool a ns: the OR of the markers on it, turned where it is inverted.

    A marker's samples start with its pulse, `delay` later; `buffer` makes each high part longer on both sides. The last
    part goes on to the end of the pulse where its length is 0. A sticky element with ``digital`` holds the last level
    of its markers until it plays another marker or begins a ramp to zero.
    """
    edges = {ref: np.zeros(duration_ns + 1, np.int32) for ref in digital_outputs(config)}
    sounds = while_waiting(log.plays, duration_ns)
    shown = [*markers(config, image, played(log.plays)), *markers(config, image, sounds)]
    for marker in [*shown, *held_markers(config, image, log)]:
        if marker.ref in edges:
            _raise(edges[marker.ref], marker, duration_ns)
    return {ref: (np.cumsum(edge[:-1]) > 0) ^ config.digital_output(ref).inverted for ref, edge in edges.items()}


class Marker:
    """The markers that one play row of the image sends to one digital output: their high parts within the pulse.
    ``pads``: whether the last part goes on to the end, of each."""

    def __init__(
        self, ref: PortRef, delay: int, buffer: int, starts: Any, lengths: Any, samples: Any, pads: Any
    ) -> None:
        self.ref, self.delay, self.buffer = ref, delay, buffer
        self.starts, self.lengths, self.samples, self.pads = starts, lengths, samples, pads


def played(plays: Any) -> Any:
    """The plays of a log that have their length: of a pulse that sounds during a wait only the ends are logged."""
    return plays[(plays["what"] == What.PLAY) | (plays["what"] == What.MEASURE)]


def while_waiting(plays: Any, duration_ns: int) -> Any:
    """What was played while elements waited for triggers, as plays that last as long as the waits did."""
    begins = plays[(plays["what"] == What.HOLD_BEGIN) & (plays["play"] >= 0)].copy()
    ends = plays[(plays["what"] == What.HOLD_END) & (plays["play"] >= 0)]
    for sound in begins:
        mine = ends["start"][(ends["element"] == sound["element"]) & (ends["start"] >= sound["start"])]
        sound["length"] = (mine.min() if len(mine) else duration_ns) - sound["start"]
    return begins


def markers(config: Config, image: Image, plays: Any) -> Iterable[Marker]:
    """The markers of plays, by play row and digital output."""
    real = plays[plays["play"] >= 0]
    for row in np.unique(real["play"]).tolist():
        chosen = real[real["play"] == row]
        pulse = config.pulses.get(image.play_operations[row][1])  # a ramp has none
        if pulse is None or pulse.digital_marker is None:
            continue
        element = config.elements[image.element_info[int(chosen["element"][0])].name]
        samples = config.digital_waveforms[pulse.digital_marker].samples
        starts, lengths = chosen["start"], chosen["length"]
        pads = (lengths > pulse.length) | (chosen["what"] == What.HOLD_BEGIN)
        for digital in element.digitalInputs.values():
            yield Marker(digital.port, digital.delay, digital.buffer, starts, lengths, samples, pads)


def held_markers(config: Config, image: Image, log: Log) -> Iterable[Marker]:
    """What sticky elements hold behind their markers, as markers that are high throughout."""
    for number, info in enumerate(image.element_info):
        element = config.elements[info.name]
        if element.sticky is None or not element.sticky.digital or not element.digitalInputs:
            continue
        plays = log.plays[(log.plays["element"] == number) & (log.plays["play"] >= 0)]
        plays = plays[[_marker_of(config, image, row) is not None for row in plays["play"].tolist()]]
        high = np.array([_ends_high(config, image, play) for play in plays], dtype=bool)
        begins = (plays["start"] + plays["length"])[high]
        ends = np.sort(np.concatenate((plays["start"], log.ramps["time"][log.ramps["element"] == number])))
        ends = np.append(ends, FOREVER)[np.searchsorted(ends, begins)]
        for digital in element.digitalInputs.values():
            yield Marker(digital.port, digital.delay, digital.buffer, begins, ends - begins, ((1, 0),), False)


def _marker_of(config: Config, image: Image, row: int) -> str | None:
    pulse = config.pulses.get(image.play_operations[row][1])
    return None if pulse is None else pulse.digital_marker


def _ends_high(config: Config, image: Image, play: Any) -> bool:
    """Whether the marker of a play is high in its last ns: a last part goes on to the end where its length is 0."""
    left = int(play["length"])
    pulse = config.pulses[image.play_operations[int(play["play"])][1]]
    samples = config.digital_waveforms[pulse.digital_marker or ""].samples
    for value, length in samples:
        if length == 0 or length >= left:
            return bool(value)
        left -= length
    goes_on = play["length"] > pulse.length or play["what"] == What.HOLD_END
    return bool(samples and samples[-1][0] and goes_on)


def _raise(edges: npt.NDArray[np.int32], marker: Marker, duration_ns: int) -> None:
    """Count where the high parts of a marker begin and end."""
    at = 0
    for number, (value, length) in enumerate(marker.samples):
        goes_on = (length == 0) | (marker.pads if number == len(marker.samples) - 1 else False)
        begins = marker.starts + np.minimum(at, marker.lengths)
        ends = marker.starts + np.where(goes_on, marker.lengths, np.minimum(at + length, marker.lengths))
        at += length
        if value:
            sounding = ends > begins
            lows = np.clip(begins[sounding] + marker.delay - marker.buffer, 0, duration_ns)
            highs = np.clip(ends[sounding] + marker.delay + marker.buffer, 0, duration_ns)
            np.add.at(edges, lows, 1)
            np.add.at(edges, highs, -1)
        if length == 0:
            return
