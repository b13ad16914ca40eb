"""Section 19 of docs/arithmetic.md: how long what the instrument does takes."""

from __future__ import annotations

from dataclasses import dataclass

from quaymaster._core.engine.latencies import PROFILES
from quaymaster._core.program import tree

from .slices import play_operands


@dataclass(frozen=True)
class Latencies:
    """A profile, in ns."""

    value: int
    condition: int
    parameter: int
    branch: int
    sync: int

    @classmethod
    def of(cls, profile: str) -> Latencies:
        """The profile of this name; its table is in cycles of 4 ns."""
        return cls(*(4 * cycles for cycles in PROFILES[profile]))

    @property
    def any(self) -> bool:
        """Whether anything takes time."""
        return self != Latencies(0, 0, 0, 0, 0)

    def of_operand(self, node: tree.Statement, number: int) -> int:
        """From the end of a window to what an operand of a quantum statement is good for."""
        match node:
            case tree.Play():
                return self.value if play_operands(node)[number][0] == "condition" else self.parameter
            case tree.Measure():
                return self.parameter if number < len(node.amplitude) else self.value
        return self.parameter
