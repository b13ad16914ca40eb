"""Section 2 of docs/arithmetic.md: a strand walks the program with its own clock and variables."""

from __future__ import annotations

from collections import Counter
from typing import Any

from quaymaster._core.program import tree

from .player import Player
from .reader import Reading, Steps
from .sites import Site
from .slices import Slice, operands, target_name
from .variables import Cell


class Strand(Player):
    """One strand: of a thread with its elements, or the saver (no thread, no clock)."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.slice = Slice(self.places, None if self.thread is None else self.elements)
        self.entries: Counter[Site] = Counter()

    def run(self) -> Steps:
        """The whole walk."""
        yield from self.body(self.places.body)
        self.board.passed(self.clock)
        for element, hold in self.holds.items():
            self.board.let_go.append((element, self.clock))
            if hold.level != (0.0, 0.0):
                self.board.passed(self.clock + self.down_at_once(element, None))

    # ------------------------------------------------------------ blocks

    def body(self, sites: list[Site]) -> Steps:
        """Statements one after the other."""
        for site in sites:
            yield from self.statement(site)

    def statement(self, site: Site) -> Steps:
        """Section 2: one statement, as far as it belongs to this strand."""
        match site.node:
            case tree.StrictTiming():
                self.strict.append(site)
                yield from self.body(site.bodies[0])
                self.strict.pop()
            case tree.If() | tree.For() | tree.ForEach():
                if site in self.slice.statements:
                    yield from self.control(site)
            case tree.Assign():
                if site in self.slice.statements:
                    yield from self.assign(site.node)
            case tree.AdvanceInput():
                if site in self.slice.statements:
                    yield from self.advance(site.node, site.node.at)
            case _:
                yield from self.operation(site)

    def control(self, site: Site) -> Steps:
        """Section 2: a control statement."""
        match site.node:
            case tree.If():
                yield from self.choose(site, site.node)
            case tree.For():
                yield from self.loop(site, site.node)
            case tree.ForEach():
                yield from self.walk(site, site.node)

    def choose(self, site: Site, node: tree.If) -> Steps:
        """Section 2, If: align, read conditions until one holds, enter its branch."""
        yield from self.meet(site)
        chosen = len(node.branches)
        for number, branch in enumerate(node.branches):
            if (yield from self.late(branch.condition, self.latencies.condition, branch.at)):
                chosen = number
                break
        if self.thread is not None:
            self.clock += self.latencies.branch
            self.loose = True
        yield from self.enter(site, chosen)

    def loop(self, site: Site, node: tree.For) -> Steps:
        """Section 2, For, while, infinite: start once; again and again align, condition, body, step."""
        if node.start is not None:
            yield from self.assign(node.start)
        while True:
            yield from self.meet(site)
            if node.condition is not None and not (
                yield from self.late(node.condition, self.latencies.condition, node.at)
            ):
                return
            yield from self.enter(site, 0)
            if node.step is not None:
                yield from self.assign(node.step)

    def walk(self, site: Site, node: tree.ForEach) -> Steps:
        """Section 2, ForEach: align, read the cells, body; the first array says how often."""
        for index in range(len(self.variables[node.arrays[0]])):
            yield from self.meet(site)
            for variable, array in zip(node.variables, node.arrays, strict=True):
                cell = self.cell(array, index, node.at)
                raw = 0 if cell is None else (yield from self.read(cell, node.at))
                self.variables[variable.name][0].write(raw, 0)
            yield from self.enter(site, 0)
        yield from self.meet(site)

    def enter(self, site: Site, number: int) -> Steps:
        """The block starts now (section 2, time of a save); then its body."""
        self.entries[site] += 1
        if self.elements & set(site.elements):
            self.board.begin_block((site.number, self.entries[site]), self.clock)
        yield from self.body(site.bodies[number])

    # ------------------------------------------------------------ quantum statements and saves

    def operation(self, site: Site) -> Steps:
        """A quantum statement or a save: the operands that this strand executes, then the statement if its own."""
        self.passes[site] += 1
        mine = site in self.slice.statements
        if mine and isinstance(site.node, tree.Save):
            yield from self.save(site, site.node)
            return
        if site in self.slice.stamped:
            yield from self.stamp(site)
        values: dict[int, int] = {}
        for number, operand in enumerate(operands(site.node)):
            if mine or (site, number) in self.slice.operands:
                at = at_of_operand(site.node, number)
                if isinstance(site.node, tree.Save):  # section 19: no operand of a quantum statement
                    values[number] = yield from self.evaluate(operand, at)
                    continue
                latency = self.latencies.of_operand(site.node, number)
                values[number] = yield from self.late(operand, latency, at)
        if mine:
            self.board.begin_pulse((site.number, self.passes[site]), self.clock)
            yield from self.perform(site, list(values.values()))
        if isinstance(site.node, tree.Measure):
            self.expect(site, site.node, mine, values)
        tag = site.node.tag if isinstance(site.node, tree.WaitForTrigger) else None
        if tag is not None and (mine or (site, 0) in self.slice.heard):
            self.variables[tag.name][0].expect((site.number, self.passes[site], 0, 0))

    def expect(self, site: Site, node: tree.Measure, mine: bool, values: dict[int, int]) -> None:
        """Section 2: the targets of a measure, own or heard, are pending from here on."""
        indices = iter(range(len(node.amplitude), len(operands(node))))
        for number, process in enumerate(node.processes):
            operand = next(indices) if isinstance(process.target, tree.Cell) else None
            if not mine and (site, number) not in self.slice.heard:
                continue
            index = None if operand is None else values[operand]
            for piece, cell in enumerate(self.cells_of(process, index)):
                cell.expect((site.number, self.passes[site], number, piece))

    def cells_of(self, process: tree.Process | tree.Tagging | tree.Counting, index: int | None) -> list[Cell]:
        """The cells that a process writes: one, none if it is outside its array, or all of an array (section 12), and
        behind them its count (section 18)."""
        if isinstance(process, tree.Tagging) and process.count is not None:
            return [*self.variables[process.target.array], *self.variables[process.count.name]]
        if index is None:
            return self.variables[target_name(process.target)]
        cell = self.cell(target_name(process.target), index, process.at)
        return [] if cell is None else [cell]

    def save(self, site: Site, node: tree.Save) -> Steps:
        """Section 2, time of a save: the stamp of the operand, else the start of the innermost block with elements."""
        raw, stamp = 0, 0
        match node.source:
            case tree.Value():
                raw = node.source.raw
            case tree.Variable():
                cell: Cell | None = self.variables[node.source.name][0]
            case tree.Cell():
                index = yield from self.evaluate(node.source.index, node.at)
                cell = self.cell(node.source.array, index, node.at)
        if not isinstance(node.source, tree.Value) and cell is not None:
            raw = yield from self.read(cell, node.at)
            stamp = cell.stamp
        if stamp == 0:
            stamp = yield from self.start_of_block(site)
        self.board.save(node.stream, raw, stamp)

    def stamp(self, site: Site) -> Steps:
        """Section 13, timestamp_stream: the start in cycles, at its own time."""
        key = site.number, self.passes[site]
        while key not in self.board.starts:
            yield
        start = self.board.starts[key]
        assert isinstance(site.node, tree.Play | tree.Measure)
        self.board.save(site.node.timestamp_stream or "", start // 4, start)

    def start_of_block(self, site: Site) -> Reading:
        """Section 2, time of a save: when the innermost enclosing block that has elements began; 0 outside any."""
        outer = next((o for o in reversed(site.around) if o.elements), None)
        if outer is None:
            return 0
        key = outer.number, self.entries[outer]
        while key not in self.board.block_starts:
            yield
        return self.board.block_starts[key]


def at_of_operand(node: tree.Statement, number: int) -> int:
    """Section 10: the index of a target is blamed on its process, all else on the statement."""
    if isinstance(node, tree.Measure) and number >= len(node.amplitude):
        with_index = [process for process in node.processes if isinstance(process.target, tree.Cell)]
        return with_index[number - len(node.amplitude)].at
    return node.at
