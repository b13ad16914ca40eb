"""Processes of measures into rows: what is read, and where its value goes."""

from __future__ import annotations

from ..._core.engine.codes import DIGITAL, EDGE, TAGGING, ProcessColumn
from ..._core.program import tree
from .code import Memory
from .measures import Integral, MeasureTables, Pulses, Tags


class ProcessRows:
    """Makes the rows; the measures that they belong to complete them."""

    def __init__(self, memory: Memory, measures: MeasureTables) -> None:
        self._memory = memory
        self._measures = measures

    def integral(self, node: tree.Process, number: int, part: Integral, slices: int, index: int) -> list[int]:
        """One of ``slices`` integrals, the ``number``-th of its measure; ``index``: the slot of its target's index."""
        row = [0] * ProcessColumn.COLUMNS
        row[ProcessColumn.KIND] = int("integration" in node.kind)
        row[ProcessColumn.NUMBER] = number
        row[ProcessColumn.LEGS] = len(part.legs)
        for k, (port, weights) in enumerate(part.legs):
            row[ProcessColumn.PORT_0 + k] = port
            row[ProcessColumn.WEIGHTS_0 + k] = weights
        name = node.target.name if isinstance(node.target, tree.Variable) else node.target.array
        row[ProcessColumn.TARGET] = self._memory.slots[name] + part.slice
        if isinstance(node.target, tree.Cell):
            row[ProcessColumn.SIZE] = self._memory.sizes[name]
            row[ProcessColumn.INDEX] = index
        if not node.kind.endswith((".full", ".sliced")):
            row[ProcessColumn.SUMMED] = node.window or slices
            row[ProcessColumn.SLICE] = part.slice
            row[ProcessColumn.SLICES] = slices
        row[ProcessColumn.AT] = node.at
        return row

    def tagging(self, node: tree.Tagging, element: str, part: Tags) -> list[int]:
        """Time tags at an analog input."""
        cells = self._memory.sizes[node.target.array]
        count = self._memory.slots[node.count.name] if node.count is not None else -1
        row = [0] * ProcessColumn.COLUMNS
        row[ProcessColumn.KIND] = TAGGING
        row[ProcessColumn.LEGS] = 1
        row[ProcessColumn.PORT_0] = part.port
        row[ProcessColumn.TARGET] = self._memory.slots[node.target.array]
        row[ProcessColumn.TAGGER] = self._measures.tagger(node, element, cells, count)
        row[ProcessColumn.AT] = node.at
        return row

    def digital(self, node: tree.Tagging | tree.Counting, part: Pulses) -> list[int]:
        """Time tags, or a count, at digital inputs."""
        count = node.target if isinstance(node, tree.Counting) else node.count
        slot = self._memory.slots[count.name] if count is not None else -1
        row = [0] * ProcessColumn.COLUMNS
        row[ProcessColumn.KIND] = DIGITAL
        row[ProcessColumn.LEGS] = 1
        row[ProcessColumn.AT] = node.at
        if isinstance(node, tree.Tagging):
            row[ProcessColumn.TARGET] = self._memory.slots[node.target.array]
            cells = self._memory.sizes[node.target.array]
        else:
            row[ProcessColumn.TARGET], cells = slot, 0
        row[ProcessColumn.TAGGER] = self._measures.counter(part.inputs, cells, slot)
        return row

    def edge(self, node: tree.WaitForTrigger, tag: tree.Variable, source: int) -> list[int]:
        """The time tag of a trigger at a digital input."""
        row = [0] * ProcessColumn.COLUMNS
        row[ProcessColumn.KIND] = EDGE
        row[ProcessColumn.LEGS] = 1
        row[ProcessColumn.TARGET] = self._memory.slots[tag.name]
        row[ProcessColumn.TAGGER] = self._measures.counter((source,), 0, self._memory.slots[tag.name])
        row[ProcessColumn.AT] = node.at
        return row
