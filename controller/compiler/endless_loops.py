"""What stands behind endless loops in the text: others do it beside them, but nobody who has to walk the loop first."""

from __future__ import annotations

from ..._core.engine.codes import SAVER
from ..._core.program import tree
from .elements import Elements
from .problems import Problems
from .slices import Slices, Step, Unit


class EndlessLoops:
    """The endless loops so far. A statement that could never come to pass because of one of them is a fault: it would
    be left out in silence, while the rest of the program runs."""

    def __init__(self, slices: Slices, elements: Elements, problems: Problems) -> None:
        self._slices = slices
        self._elements = elements
        self._problems = problems
        self._bound: list[tuple[Step, int]] = []  # loops, and who walks them without an element in them
        self._told: set[tuple[int, str]] = set()

    def add(self, step: Step, mask: int) -> None:
        """A loop that the strands of ``mask`` never leave."""
        self._bound.append((step, mask & ~SAVER & ~self._elements.thread_mask(step.elements)))

    def check(self, step: Step, dead: int) -> None:
        """A statement that the strands of ``dead`` never come to."""
        if not self._bound:
            return
        node = step.statement
        alive = self._elements.thread_mask(self._elements.names) & ~dead
        stamps = step.stamp is not None and step.unit.mask & alive
        if dead & SAVER and alive and (stamps or isinstance(node, tree.Save)):
            loop = self._bound[0][0]
            self._tell(
                loop,
                "saves",
                node.at,
                f"nothing would be saved here: the endless loop {self._place(loop)} comes first, and of endless loops "
                "side by side one alone can save; save in that loop, or give it an end",
            )
        if step.bodies or isinstance(node, tree.Assign | tree.AdvanceInput | tree.Save):
            return
        for loop, bound in self._bound:
            if held := step.unit.mask & bound & dead:
                shared = ", ".join(sorted(self._shared(loop, held)))
                self._tell(
                    loop,
                    step.elements[0],
                    node.at,
                    f"element '{step.elements[0]}' would never get here: it shares {shared} with the endless loop "
                    f"{self._place(loop)}, and so has to walk that first; endless loops side by side share no "
                    "variable, random generator or IO register",
                )

    def _tell(self, loop: Step, whom: str, at: int, message: str) -> None:
        if (loop.statement.at, whom) not in self._told:
            self._told.add((loop.statement.at, whom))
            self._problems.add(at, message)

    def _place(self, loop: Step) -> str:
        line = self._problems.line(loop.statement.at)
        return f"in line {line}" if line else "before it"

    def _shared(self, loop: Step, strands: int) -> set[str]:
        """What the loop defines and the strands need."""
        defined = {name for unit in self._slices.units if _is_in(unit, loop.unit) for name in unit.defines}
        return {name for name in defined if self._slices.needed.get(name, 0) & strands and not name.startswith("%")}


def _is_in(unit: Unit, block: Unit) -> bool:
    """Whether a unit is a block or in it."""
    inner: Unit | None = unit
    while inner is not None and inner is not block:
        inner = inner.parent
    return inner is not None
