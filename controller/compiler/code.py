"""Instructions and memory cells as they are made."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..._core.engine.codes import SAVER, Op
from ..._core.program import tree

EVERYBODY = (1 << 64) - 1
WORDS = 6  # of an instruction: operation and operands


class Memory:
    """Slots: measured variables first, the other variables, then constants and temporaries as they come."""

    def __init__(self, declarations: tuple[tree.Declaration, ...], measured: set[str]) -> None:
        self.cells: list[int] = []
        self.slots: dict[str, int] = {}
        self.sizes: dict[str, int] = {}
        self._constants: dict[int, int] = {}
        self._temporaries: list[int] = []
        self._used = 0
        for item in sorted(declarations, key=lambda item: item.name not in measured):
            self.slots[item.name] = len(self.cells)
            self.sizes[item.name] = item.size
            self.cells += item.initial
        for name in ("IO1", "IO2"):
            self.slots[name] = self.reserved()
        self.tracked = sum(max(item.size, 1) for item in declarations if item.name in measured)
        self.variables = tuple((item.name, item.type, self.slots[item.name], item.size) for item in declarations)

    def constant(self, raw: int) -> int:
        """The slot of a constant."""
        if raw not in self._constants:
            self._constants[raw] = self.reserved(raw)
        return self._constants[raw]

    @property
    def constants(self) -> dict[int, int]:
        """The value of each slot that holds a constant."""
        return {slot: raw for raw, slot in self._constants.items()}

    def reserved(self, raw: int = 0) -> int:
        """A slot of its own."""
        self.cells.append(raw)
        return len(self.cells) - 1

    def temporary(self) -> int:
        """A slot for the rest of this statement."""
        if self._used == len(self._temporaries):
            self._temporaries.append(self.reserved())
        self._used += 1
        return self._temporaries[self._used - 1]

    def next_statement(self) -> None:
        """All temporaries are free again."""
        self._used = 0


class Code:
    """The instructions so far. ``dead``: strands that never get here, because they walk an endless loop before.

    ``endless``: strands of all endless loops so far, also of those that stand in a branch. ``forked``: others have
    something to do behind such a loop, so that text order would never come to it.
    """

    def __init__(self) -> None:
        self._words: list[int] = []
        self._masks: list[int] = []
        self._ats: list[int] = []
        self.dead = 0
        self.endless = 0
        self.forked = False

    def __len__(self) -> int:
        return len(self._ats)

    def alive(self, mask: int) -> int:
        """The strands of ``mask`` that can get here."""
        return mask & ~self.dead

    def emit(self, op: Op, a: int = 0, b: int = 0, c: int = 0, d: int = 0, e: int = 0, *, mask: int, at: int) -> int:
        """Add an instruction for those of its strands that can get here; returns its place, -1 where there is none."""
        mask &= ~self.dead
        if not mask:
            return -1
        if self.endless and mask & ~self.endless:
            self.forked = True
        self._words += (op, a, b, c, d, e)
        self._masks.append(mask)
        self._ats.append(at)
        return len(self._ats) - 1

    def end(self) -> None:
        """The end of the program, for everybody."""
        self._words += (Op.END, 0, 0, 0, 0, 0)
        self._masks.append(EVERYBODY)
        self._ats.append(-1)

    def land(self, *places: int) -> None:
        """Let the jumps at these places lead here."""
        for place in places:
            if place >= 0:
                self._words[WORDS * place + 1] = len(self)

    def tables(self) -> dict[str, Any]:
        """The fields of the image."""
        return {
            "code": np.array(self._words, dtype=np.int32).reshape(-1, WORDS),
            "masks": np.array(self._masks, dtype=np.uint64),
            "code_at": np.array(self._ats, dtype=np.int32),
        }


def saver_of(mask: int) -> int:
    """The saver, if it is among these strands."""
    return mask & SAVER
