"""Which outputs are watched for their range while a job runs, and what was seen (docs/arithmetic.md, section 14)."""

from __future__ import annotations

import msgspec
import numpy as np
import numpy.typing as npt

from ..config.model import PortRef
from .codes import ElementColumn, Op, PlayColumn
from .image import Image
from .outputs import Output, OutputPort

SAFE_V = 0.5 - 2.0**-16
"""Below this a sum is in range, however it is rounded."""
STRETCH_PEAK = 15.0
"""A stretched waveform stays below so many times its own peak: the cubic through four samples goes on for up to one of
them behind the last, where its weights are 1, 4, 6 and 4."""
AMPLITUDE_PEAK = {0: 1.0, 1: 2.0, 4: 8.0}
"""What a pulse may become times its own size, by how many amplitude values it has."""


class OutputOverflow(msgspec.Struct, frozen=True, kw_only=True):
    """An output port that went beyond its range while a job ran: ``count`` samples (``is_all`` False: at least), the
    first at ``first_ns``, while ``elements`` sounded."""

    ref: PortRef
    count: int
    first_ns: int
    elements: tuple[str, ...]
    is_all: bool


def outputs_to_watch(image: Image, outputs: tuple[OutputPort, ...]) -> list[OutputPort]:
    """Those of the outputs that could go beyond their range, by the waveforms and amplitudes of the program's text.

    What stands behind a filter, takes crosstalk, or has an offset or a correction that the program changes is not
    watched, nor what spans another range than ±0.5 V or has two samples a ns."""
    loudest, changed = _loudest(image), _changed(image)
    return [
        output
        for output in outputs
        if output.sources
        and output.full_scale == 0.5
        and output.per_ns == 1
        and not output.is_filtered
        and not output.crosstalk
        and output.ref not in changed
        and abs(output.offset) + sum(_size(image, s) * loudest[s[0]] for s in output.sources) >= SAFE_V
    ]


def _changed(image: Image) -> set[PortRef]:
    """The ports of which the program changes the offset, or the correction of an element on them."""
    corrected = image.code[image.code[:, 0] == Op.CORRECTION, 1].tolist()
    return changed_offsets(image).union(*(image.element_info[number].inputs for number in corrected))


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
    for play in image.plays:
        element = int(play[PlayColumn.VOICE])
        sticky = bool(image.elements[element][ElementColumn.STICKY])
        unknown = sticky or play[PlayColumn.RAMP] >= 0 or play[PlayColumn.CHOICE] >= 0
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
