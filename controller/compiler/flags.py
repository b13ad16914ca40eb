"""The compile flags: the platform's are taken; of others there is a warning (choice: the platform does not say)."""

from __future__ import annotations

from collections.abc import Iterable

from ..._core.config.reading import nearest
from .gaps import LENIENT

FLAGS = frozenset(
    {
        LENIENT,
        "auto-element-thread",
        "disable-crosstalk-matrix-ports-alignment",
        "disable-filtered-ports-alignment",
        "skip-loop-rolling",
        "skip-loop-unrolling",
        "strict",
    }
)
"""Source: the platform's page of compiler flags, and its client library."""

_TOLD_MAX = 20


def flag_lines(flags: Iterable[str]) -> list[str]:
    """A warning for each flag that is none."""
    unknown = [flag for flag in dict.fromkeys(flags) if flag not in FLAGS][:_TOLD_MAX]
    return [f"there is no compile flag {flag!r}: it has no effect; {nearest(flag, FLAGS)}" for flag in unknown]
