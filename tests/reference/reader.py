"""Section 2 of docs/arithmetic.md: what a strand knows, and how it reads and writes that."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator

from quaymaster._core.config import model
from quaymaster._core.program import tree

from . import library, numbers
from .board import Board
from .latencies import Latencies
from .numbers import Report
from .outside import Incoming
from .sites import Places, Site
from .slices import target_name
from .variables import Cell, Variables, declared

Steps = Generator[None, None, None]
Reading = Generator[None, None, int]


class Reader:
    """A clock and variables: of thread ``thread``, or of the saver (no thread, no clock).

    Every step that may have to wait is a generator; it yields while what it needs is not on the board yet.
    """

    def __init__(
        self,
        program: tree.Program,
        config: model.Config,
        places: Places,
        threads: dict[str, int],
        thread: int | None,
        board: Board,
        incoming: Incoming,
        latencies: Latencies,
    ) -> None:
        self.config = config
        self.places = places
        self.thread_of = threads
        self.thread = thread
        self.elements = {e for e in places.used if thread is not None and threads[e] == thread}
        self.board = board
        self.incoming = incoming
        self.latencies = latencies
        self.variables: Variables = declared(program)
        self.inputs = {d.name: d.input for d in program.declarations}
        self.taken: Counter[str] = Counter()
        self.registers = {1: Cell(0), 2: Cell(0)}
        self.accesses: Counter[int] = Counter()
        self.outside = False  # whether it waits for the outside
        self.clock = 0
        self.strict: list[Site] = []
        self.stamp_read = 0
        self.loose = False
        """Section 19: whether its clock moved by other than literal times since it last met others."""

    def reporter(self, at: int) -> Report:
        """Section 10: an event and where."""
        return lambda code: self.board.events.add((code, at))

    def read(self, cell: Cell, at: int) -> Reading:
        """Section 2, reads: the value is awaited here, and the clock goes to the end of its window."""
        if cell.pending is not None:
            while cell.pending not in self.board.values:
                yield
            cell.receive(*self.board.values[cell.pending])
        self.wait_until(cell.until, at)
        self.stamp_read = max(self.stamp_read, cell.stamp)
        return cell.raw

    def wait_until(self, instant: int, at: int) -> None:
        """The clock goes to an instant, if there is a clock and it is later; in a strict block that is told."""
        if self.thread is None or instant <= self.clock:
            return
        self.clock = instant
        self.loose = True
        if any(self.elements & set(site.elements) for site in self.strict):
            self.reporter(at)("strict_timing_gap")

    def late(self, expression: tree.Expression, latency: int, at: int) -> Reading:
        """Section 19: an operand or a condition; the clock goes to when what it depends on is ready."""
        self.stamp_read = 0
        raw = yield from self.evaluate(expression, at)
        if self.stamp_read > 0 and self.latencies.any:
            self.wait_until(self.stamp_read + latency, at)
        return raw

    def cell(self, array: str, index: int, at: int) -> Cell | None:
        """A cell of an array; outside there is none, which is told."""
        cells = self.variables[array]
        if 0 <= index < len(cells):
            return cells[index]
        self.reporter(at)("out_of_bounds")
        return None

    def evaluate(self, expression: tree.Expression, at: int) -> Reading:
        """Section 1: the raw value of an expression."""
        match expression:
            case tree.Value():
                return expression.raw
            case tree.Variable():
                return (yield from self.read(self.variables[expression.name][0], at))
            case tree.Cell():
                cell = self.cell(expression.array, (yield from self.evaluate(expression.index, at)), at)
                return 0 if cell is None else (yield from self.read(cell, at))
            case tree.Io():
                cell = self.access(expression.number)
                self.stamp_read = max(self.stamp_read, cell.stamp)
                return numbers.stored(expression.type, cell.raw)
            case tree.Binary():
                a = yield from self.evaluate(expression.left, at)
                b = yield from self.evaluate(expression.right, at)
                sides = expression.left.type
                return numbers.binary(expression.operator, sides, expression.type, a, b, self.reporter(at))
            case tree.Call():
                return (yield from self.call(expression, at))

    def call(self, call: tree.Call, at: int) -> Reading:
        """Section 1: casts and random numbers."""
        if call.function.startswith("random."):
            return (yield from self.draw(call, at))
        if isinstance(call.arguments[0], tree.Whole):
            return (yield from self.call_of_arrays(call, at))
        values = []
        for argument in call.arguments:
            values.append((yield from self.evaluate(argument, at)))
        match call.function:
            case "cast.mul_fixed_by_int":
                return numbers.kept(values[0] * values[1], self.reporter(at))
            case "cast.mul_int_by_fixed":
                return numbers.kept((values[0] * values[1]) >> 28, self.reporter(at))
        if call.function.startswith("cast."):
            return numbers.convert(call.function, call.arguments[0].type, values[0], self.reporter(at))
        return library.value(call.function, call.arguments[0].type, values, self.reporter(at))

    def call_of_arrays(self, call: tree.Call, at: int) -> Reading:
        """Section 11: a function of whole arrays reads all their cells."""
        arrays = []
        for argument in call.arguments:
            assert isinstance(argument, tree.Whole)
            cells = []
            for cell in self.variables[argument.array]:
                cells.append((yield from self.read(cell, at)))
            arrays.append(cells)
        types: list[str] = [argument.type for argument in call.arguments]
        return library.of_arrays(call.function, types, arrays, self.reporter(at))

    def draw(self, call: tree.Call, at: int) -> Reading:
        """Section 1, random: the seed advances after the other argument has been evaluated."""
        seed = self.variables[target_name(call.arguments[0])][0]
        limit = 0
        if call.function == "random.rand_int":
            limit = yield from self.evaluate(call.arguments[1], at)
        state = numbers.next_seed((yield from self.read(seed, at)))
        seed.write(state, 0)
        return numbers.wrap((state * limit) >> 28) if call.function == "random.rand_int" else state

    def access(self, number: int) -> Cell:
        """Section 15: an access of an IO register, which first takes what was set from outside for it."""
        cell = self.registers[number]
        raw = self.incoming.set_before(number, self.accesses[number])
        self.accesses[number] += 1
        if raw is not None:
            cell.write(raw, 0)
        return cell

    def wait_outside(self) -> Steps:
        """One look at what may have come from outside."""
        self.outside = True
        yield
        self.outside = False

    def advance(self, node: tree.AdvanceInput, at: int) -> Steps:
        """Section 15: the next item of an input stream; its instant is that of a value that is read."""
        name = self.inputs[node.variable]
        while (item := self.incoming.item(name, self.taken[name])) is None:
            yield from self.wait_outside()
        self.taken[name] += 1
        instant, raws = item
        for cell, raw in zip(self.variables[node.variable], raws, strict=True):
            cell.write(raw, instant)
        self.wait_until(instant, at)

    def assign(self, node: tree.Assign) -> Steps:
        """Section 2: an assign; its stamp is the greatest of all that it read."""
        self.stamp_read = 0
        cell = None
        if isinstance(node.target, tree.Cell):
            cell = self.cell(node.target.array, (yield from self.evaluate(node.target.index, node.at)), node.at)
        elif isinstance(node.target, tree.Variable):
            cell = self.variables[node.target.name][0]
        raw = yield from self.evaluate(node.value, node.at)
        if isinstance(node.target, tree.Io):
            cell = self.access(node.target.number)
        if cell is not None:
            cell.write(numbers.stored(node.target.type, raw), self.stamp_read)
