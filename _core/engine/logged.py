"""The dtypes of a machine's log (log.h): what was played, measured and reset, in the order in which it was found out.

``PLAYS``: one entry a record as the signal kernels take it (signals.h), with ``frame`` (the element's F, 2⁻⁶⁴ turns),
``play`` (row of ``Image.plays``, -1: none) and ``what``. ``WINDOWS``: one entry an acquisition; ``window`` is a row of
``Image.windows``, -1 for a raw trace. ``RESETS``: phase resets. ``SECTIONS``: those of chirps, by ``first_section``.
``CORRECTIONS``: what update_correction set, for the plays of the element from number ``plays`` on. ``OFFSETS``: what
set_dc_offset set; ``input`` is 1 for Q, else 0. The
``ramps`` are the starts of ramps to zero, as ``RESETS``. Times and lengths are ns.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np


class What(IntEnum):
    """What an entry of ``PLAYS`` is."""

    PLAY = 0
    MEASURE = 1
    HOLD_BEGIN = 2
    HOLD_END = 3


PLAYS = np.dtype(
    [
        ("start", "<i8"),
        ("length", "<i8"),
        ("phase", "<u8"),
        ("inc", "<u8"),
        ("alpha_r", "<f8"),
        ("alpha_i", "<f8"),
        ("beta_r", "<f8"),
        ("beta_i", "<f8"),
        ("element", "<i4"),
        ("waveform", "<i4"),
        ("thread", "<i4"),
        ("kind", "<i4"),
        ("order", "<i8"),
        ("stretched", "<i8"),
        ("sections", "<u8"),
        ("section_count", "<i4"),
        ("slope", "<i4"),
        ("fold", "<i4"),
        ("", "<i4"),  # a gap of the C struct
        ("frame", "<u8"),
        ("first_section", "<i8"),
        ("play", "<i4"),
        ("what", "<i4"),
    ]
)
WINDOWS = np.dtype([("start", "<i8"), ("end", "<i8"), ("measure", "<i4"), ("window", "<i4")])
RESETS = np.dtype([("time", "<i8"), ("element", "<i8")])
SECTIONS = np.dtype([("start", "<i8"), ("rate", "<u8")])
CORRECTIONS = np.dtype([("element", "<i8"), ("plays", "<i8"), ("c", "<f8", (4,))])
OFFSETS = np.dtype([("time", "<i8"), ("element", "<i4"), ("input", "<i4"), ("volts", "<f8")])


class Log(NamedTuple):
    """All lists of a log, structured arrays of the dtypes above."""

    plays: Any
    windows: Any
    resets: Any
    sections: Any
    corrections: Any
    offsets: Any
    ramps: Any


def later(log: Log, by_ns: int) -> Log:
    """The log of the same run, begun so much later."""
    moved = Log(*(entries.copy() for entries in log))
    for entries in (moved.plays, moved.windows):
        entries["start"] += by_ns
    moved.windows["end"] += by_ns
    for entries in (moved.resets, moved.offsets, moved.ramps):
        entries["time"] += by_ns
    return moved
