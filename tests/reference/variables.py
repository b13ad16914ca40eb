"""Section 2 of docs/arithmetic.md, reads: the cells of a strand's variables, and when they were written."""

from __future__ import annotations

from dataclasses import dataclass

from quaymaster._core.program import tree


@dataclass
class Cell:
    """A scalar, or one cell of an array.

    ``pending``: the process (site, occurrence, number, slice) whose value is still to come. ``until``: the end of the
    window if a measure wrote it last, else 0. ``stamp``: the time that a save of it has, 0 if purely classical.
    """

    raw: int
    pending: tuple[int, int, int, int] | None = None
    until: int = 0
    stamp: int = 0

    def write(self, raw: int, stamp: int) -> None:
        """Written by anything but a process; that ends what was pending."""
        self.raw, self.pending, self.until, self.stamp = raw, None, 0, stamp

    def expect(self, process: tuple[int, int, int, int]) -> None:
        """Written by a process, whose value comes later."""
        self.pending = process

    def receive(self, raw: int, end: int) -> None:
        """The value of the process has come."""
        self.raw, self.pending, self.until, self.stamp = raw, None, end, end


Variables = dict[str, list[Cell]]
"""By name; a scalar has one cell."""


def declared(program: tree.Program) -> Variables:
    """Fresh variables of a program, each with its initial value."""
    return {d.name: [Cell(raw) for raw in d.initial] for d in program.declarations}
