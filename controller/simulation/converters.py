"""Behind the filters of an output: up-sampling, delay, offset and the converter's steps (docs/arithmetic.md 14, 17)."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..._core.engine.outputs import OutputPort
from ..._core.engine.rendering import Renderer

Floats = npt.NDArray[np.float64]

HALF_OF_TAPS: Final = (-1119, 2232, 3842, -5712, -9997, 18124, 58166)
"""The first 7 of 14 symmetric taps in 2⁻¹⁶, equal in ripple: 0.978 … 1 up to 350 MHz, at most 0.011 from 650 MHz."""
TAPS: Final = tuple(tap / 65536 for tap in (*HALF_OF_TAPS, *HALF_OF_TAPS[::-1]))
_REACH = 3
"""Samples on either side of one that the taps reach."""
CHUNK_NS: Final = 1 << 20


def codes_of(renderer: Renderer, number: int, port: OutputPort, duration_ns: int) -> tuple[npt.NDArray[np.int16], int]:
    """The codes of one output of the renderer over ``duration_ns``, and how many samples were out of range."""
    codes = np.empty(duration_ns * port.samples_per_ns, "<i2")
    delayed = min(port.delay_ns, duration_ns) * port.samples_per_ns
    before, overflows = quantised(np.full(1, port.offset), port)
    codes[:delayed] = before
    overflows *= delayed
    upsampler = Upsampler(renderer, number, port)
    place = delayed
    while place < len(codes):
        count = min(CHUNK_NS * port.samples_per_ns, len(codes) - place)
        volts = upsampler.next(count) + offsets(port, place - delayed, count)
        codes[place : place + count], found = quantised(volts, port)
        overflows += found
        place += count
    return codes, overflows


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


def quantised(volts: Floats, port: OutputPort) -> tuple[npt.NDArray[np.int16], int]:
    """Codes of the converter: wrapped into its range, or kept in it behind a filter (up-sampling `mw` is one); how many
    were out."""
    steps = np.floor(volts * (32768.0 / port.full_scale) + 0.5)
    kept = np.clip(np.nan_to_num(steps), -32768.0, 32767.0)
    overflows = int(np.count_nonzero(kept != steps))
    if overflows and not port.is_filtered and port.upsampling != "mw":
        kept = steps - 65536.0 * np.floor((steps + 32768.0) / 65536.0)
    return kept.astype("<i2"), overflows
