"""Which outputs are watched for their range while a job runs, and what was seen (docs/arithmetic.md, section 14)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
import numpy as np
import numpy.typing as npt

from ..config.model import PortRef
from .codes import ElementColumn, Op, PlayColumn
from .image import Image
from .outputs import Output, OutputPort

STRETCH_PEAK = 15.0
"""A stretched waveform stays below so many times its own peak: the cubic through four samples goes on for up to one of
them behind the last, where its weights are 1, 4, 6 and 4."""
AMPLITUDE_PEAK = {0: 1.0, 1: 2.0, 4: 8.0}
"""What a pulse may become times its own size, by how many amplitude values it has."""


class OutputOverflow(msgspec.Struct, frozen=True, kw_only=True):
    """An output port that went beyond its range while a job ran: ``count`` samples (``is_all`` False: at least), the
    first at ``first_ns``, while ``elements`` sounded. ``is_clipped``: behind a filter; others wrap."""

    ref: PortRef
    count: int
    first_ns: int
    elements: tuple[str, ...]
    is_all: bool
    is_clipped: bool = False


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """An output that is watched. What leaves its filter is at most ``gain`` times the greatest that reached it, and
    depends on nothing that did more than ``reach_ns`` ago."""

    output: OutputPort
    gain: float
    reach_ns: int

    @property
    def safe(self) -> float:
        """V: below this a sum is in range, however it is rounded."""
        return self.output.full_scale * (1.0 - 2.0**-15)


def by_port(found: Iterable[OutputOverflow]) -> list[OutputOverflow]:
    """What was seen of each port: a MW output has parts, I and Q of each of its up-converters."""
    seen: dict[PortRef, OutputOverflow] = {}
    for part in sorted(found, key=lambda part: part.first_ns):
        first = seen.setdefault(part.ref, part)
        if first is not part:
            count, is_all = first.count + part.count, first.is_all and part.is_all
            seen[part.ref] = msgspec.structs.replace(first, count=count, is_all=is_all)
    return list(seen.values())


def outputs_to_watch(image: Image, outputs: tuple[OutputPort, ...]) -> list[Watched]:
    """Those of the outputs that could go beyond their range, by the waveforms and amplitudes of the program's text.

    Not watched is what stands behind a filter with a memory without end, or has two samples a ns."""
    loudest, changed = _loudest(image), changed_offsets(image)
    sums = {output.ref: _greatest_sum(image, output, loudest) for output in outputs}
    watched = []
    for output in outputs:
        if output.per_ns != 1 or output.iir or output.exponentials:
            continue
        each = Watched(output=output, gain=_gain(output), reach_ns=max(len(output.fir) - 1, 0))
        heard = _greatest_sum(image, output, loudest)
        heard += sum(_product(abs(factor), sums.get(ref, 0.0)) for ref, factor in output.crosstalk)
        offset = output.full_scale if output.ref in changed else abs(output.offset)
        if heard and offset + _product(each.gain, heard) >= each.safe:
            watched.append(each)
    return watched


def _greatest_sum(image: Image, output: OutputPort, loudest: list[float]) -> float:
    return sum(_product(_size(image, source), loudest[source[0]]) for source in output.sources)


def _product(factor: float, loudest: float) -> float:
    """Nothing comes of what has no bound either, times 0."""
    return factor * loudest if factor else 0.0


def _gain(output: OutputPort) -> float:
    """What the taps make of a sum at most."""
    return sum(map(abs, output.fir)) if output.fir else 1.0


def changed_offsets(image: Image) -> set[PortRef]:
    """The ports of which the program changes the offset."""
    rows = image.code[image.code[:, 0] == Op.SET_OFFSET, 1:3].tolist()
    return {image.element_info[number].inputs[which] for number, which in rows}


def _size(image: Image, source: tuple[int, Output]) -> float:
    """|Re| + |Im| of the factor from an element to its port."""
    number, which = source
    c = image.element_info[number].correction
    return 1.0 if which == Output.SINGLE else abs(c[2 * which]) + abs(c[2 * which + 1])


def _loudest(image: Image) -> list[float]:
    """The greatest amplitude that each element may have at once."""
    loudest = [0.0] * len(image.elements)
    corrected = set(image.code[image.code[:, 0] == Op.CORRECTION, 1].tolist())
    for play in image.plays:
        element = int(play[PlayColumn.VOICE])
        sticky = bool(image.elements[element][ElementColumn.STICKY])
        unknown = sticky or element in corrected or play[PlayColumn.RAMP] >= 0 or play[PlayColumn.CHOICE] >= 0
        loudest[element] = max(loudest[element], float("inf") if unknown else _play_peak(image, play))
    return loudest


def _play_peak(image: Image, play: npt.NDArray[np.int64]) -> float:
    if play[PlayColumn.WAVEFORM] < 0:
        return 0.0
    first, second, count, _ = (int(x) for x in image.waveforms[play[PlayColumn.WAVEFORM]])
    sizes = np.abs(image.samples[first : first + count])
    if second >= 0:
        sizes = sizes + np.abs(image.samples[second : second + count])
    factor = AMPLITUDE_PEAK[int(play[PlayColumn.AMPLITUDES])]
    return float(sizes.max()) * factor * (STRETCH_PEAK if play[PlayColumn.DURATION] >= 0 else 1.0)
