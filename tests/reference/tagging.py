"""Section 18 of docs/arithmetic.md: time tags from the codes of a window."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import floor

from quaymaster._core.config.model import TimeTaggingParameters
from quaymaster._core.program import tree

BEFORE_NS = 2
"""How many samples before its window are looked at."""
DEAD_NS = {"time_tagging.analog": 2, "time_tagging.high_res": 84}


def beyond(threshold: int, polarity: str) -> Callable[[int], bool]:
    """Whether a number is above, or below, a threshold."""
    return (lambda x: x > threshold) if polarity == "ABOVE" else (lambda x: x < threshold)


def tags(node: tree.Tagging, rules: TimeTaggingParameters | None, codes: list[int], cells: int) -> list[int]:
    """The kept tags; ``codes`` begins with the samples before the window."""
    rules = rules or TimeTaggingParameters()
    code = dict(enumerate(codes, start=-BEFORE_NS))
    high = beyond(rules.signalThreshold, rules.signalPolarity)
    steep = beyond(rules.derivativeThreshold, rules.derivativePolarity)

    def both(i: int) -> bool:
        return high(code[i]) and steep(code[i] - code[i - 1])

    found: list[int] = []
    for i in range(len(codes) - BEFORE_NS):
        if both(i) and not both(i - 1) and (not found or i - found[-1] >= DEAD_NS[node.kind]):
            found.append(i)
    kept = found[:cells]
    if node.kind == "time_tagging.analog":
        return kept
    return [picoseconds(i, code[i - 1], code[i], rules.signalThreshold, high(code[i - 1])) for i in kept]


def picoseconds(i: int, before: int, here: int, threshold: int, already: bool) -> int:
    """Where the straight line between two samples crosses the threshold; the sample itself where it was beyond it."""
    if i == 0 or already:
        return 1000 * i
    way = Fraction(1000 * abs(threshold - before), abs(here - before))
    return 1000 * (i - 1) + floor(way + Fraction(1, 2))
