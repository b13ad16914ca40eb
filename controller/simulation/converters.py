"""Behind the filters of an output: up-sampling, delay, offset and the converter's steps (docs/arithmetic.md 14, 17)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..._core.engine.outputs import OutputPort
from ..._core.engine.rendering import Renderer
from ..._core.engine.watching import OutputOverflow

Floats = npt.NDArray[np.float64]

HALF_OF_TAPS: Final = (-1119, 2232, 3842, -5712, -9997, 18124, 58166)
"""The first 7 of 14 symmetric taps in 2⁻¹⁶, equal in ripple: 0.978 … 1 up to 350 MHz, at most 0.011 from 650 MHz."""
TAPS: Final = tuple(tap / 65536 for tap in (*HALF_OF_TAPS, *HALF_OF_TAPS[::-1]))
_REACH = 3
"""Samples on either side of one that the taps reach."""
CHUNK_NS: Final = 1 << 20


def codes_of(
    renderer: Renderer, number: int, port: OutputPort, duration_ns: int
) -> tuple[npt.NDArray[np.int16], OutputOverflow | None]:
    """The codes of one output of the renderer over ``duration_ns``, and what of it was out of range."""
    codes = np.empty(duration_ns * port.samples_per_ns, "<i2")
    delayed = min(port.delay_ns, duration_ns) * port.samples_per_ns
    codes[:delayed], found = quantised(np.full(delayed, port.offset), port)
    beyond = [found]
    upsampler = Upsampler(renderer, number, port)
    place = delayed
    while place < len(codes):
        count = min(CHUNK_NS * port.samples_per_ns, len(codes) - place)
        volts = upsampler.next(count) + offsets(port, place - delayed, count)
        codes[place : place + count], found = quantised(volts, port)
        beyond.append(found + place)
        place += count
    return codes, _overflow(beyond, port)


def _overflow(beyond: list[npt.NDArray[np.intp]], port: OutputPort) -> OutputOverflow | None:
    """What is told of an output, from the numbers of its samples out of range."""
    count = sum(map(len, beyond))
    if not count:
        return None
    first = next(int(numbers[0]) for numbers in beyond if len(numbers))
    return OutputOverflow(
        ref=port.ref,
        count=count,
        first_ns=first // port.samples_per_ns,
        elements=(),
        is_all=True,
        is_clipped=_clips(port),
    )


def _clips(port: OutputPort) -> bool:
    """Whether an output is kept in its range: behind a filter, of which up-sampling `mw` is one. Others wrap."""
    return port.is_filtered or port.upsampling == "mw"


class Upsampler:
    """The samples of an output behind its filters at the rate of its converter, chunk after chunk."""

    def __init__(self, renderer: Renderer, number: int, port: OutputPort) -> None:
        self._renderer, self._number, self._mode = renderer, number, port.upsampling
        self._at = _REACH if self._mode == "mw" else 0
        self._window: Floats = np.zeros(0)
        if self._mode == "mw":
            self._window = np.concatenate((np.zeros(_REACH), renderer.sums(number, 0, _REACH)))

    def next(self, count: int) -> Floats:
        """The next ``count`` samples, an even number where the rate is doubled."""
        if self._mode is None:
            return self._sums(count)
        sums = self._sums(count // 2)
        if self._mode == "pulse":
            return np.repeat(sums, 2)
        window = np.concatenate((self._window, sums))
        self._window = window[len(sums) :]
        made = np.zeros((len(sums), 2))
        for half in range(2):
            for j, tap in enumerate(TAPS[half::2]):
                first = 2 * _REACH - j
                made[:, half] += tap * window[first : first + len(sums)]
        return made.reshape(-1)

    def _sums(self, count: int) -> Floats:
        at, self._at = self._at, self._at + count
        return self._renderer.sums(self._number, at, count)


def offsets(port: OutputPort, first: int, count: int) -> Floats:
    """The offset in V of ``count`` samples from ``first`` on, counted before the delay."""
    starts = np.array([start for start, _ in port.steps], dtype=np.int64) * port.samples_per_ns
    levels = np.array([port.offset, *(volts for _, volts in port.steps)])
    return levels[np.searchsorted(starts, np.arange(first, first + count), side="right")]


def quantised(volts: Floats, port: OutputPort) -> tuple[npt.NDArray[np.int16], npt.NDArray[np.intp]]:
    """Codes of the converter, wrapped into its range or kept in it; and the numbers of the samples that were out."""
    steps = np.floor(volts * (32768.0 / port.full_scale) + 0.5)
    kept = np.clip(np.nan_to_num(steps), -32768.0, 32767.0)
    beyond = np.flatnonzero(kept != steps)
    if len(beyond) and not _clips(port):
        kept = steps - 65536.0 * np.floor((steps + 32768.0) / 65536.0)
    return kept.astype("<i2"), beyond
