"""The latency profiles: how long what the instrument does takes (docs/timing.md; docs/arithmetic.md, section 19)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Final

CYCLE_NS: Final = 4


class Latency(IntEnum):
    """Columns of a profile. ``machine.h`` has the same.

    From the end of a window to the first sample of what depends on it: VALUE for the condition of a play or the index
    of a target, CONDITION for the condition of a branch or loop (the branch comes on top), PARAMETER for any other
    operand. BRANCH: to enter a branch of an if. SYNC: to meet in an align, where the clocks did not move by literal
    durations alone.
    """

    VALUE = 0
    CONDITION = 1
    PARAMETER = 2
    BRANCH = 3
    SYNC = 4


PROFILES: Final[Mapping[str, tuple[int, ...]]] = {
    "ideal": (0, 0, 0, 0, 0),
    "opx": (50, 57, 70, 3, 5),
}
"""In cycles, in the order of Latency. A row never changes: another one gets another name."""

LEAD_IN_NS: Final[Mapping[str, int]] = {"ideal": 0, "opx": 232}
"""How long a simulation shows nothing before its program starts."""


def latencies_ns(profile: str) -> list[int]:
    """The latencies of a profile in ns. Raises KeyError."""
    return [CYCLE_NS * cycles for cycles in PROFILES[profile]]
