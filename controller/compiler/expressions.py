"""Expressions and assigns into instructions (docs/arithmetic.md, section 1)."""

from __future__ import annotations

from ..._core.engine.codes import SAVER, Library, LibraryArray, Op
from ..._core.engine.latencies import Latency
from ..._core.program import tree
from .code import EVERYBODY, Code, Memory
from .slices import names_in, register, seeds_in

_BINARY = {
    "+": Op.ADD,
    "-": Op.SUB,
    "*": Op.MUL,
    "/": Op.DIV,
    "&": Op.AND,
    "|": Op.OR,
    "^": Op.XOR,
    "<<": Op.SHL,
    ">>": Op.SHR,
    "<": Op.LT,
    "<=": Op.LE,
    ">": Op.GT,
    ">=": Op.GE,
    "==": Op.EQ,
}
_FIXED = {"*": Op.MUL_FIXED, "/": Op.DIV_FIXED}
_JUMPS_UNLESS = {
    "<": Op.JUMP_NOT_LT,
    "<=": Op.JUMP_NOT_LE,
    ">": Op.JUMP_NOT_GT,
    ">=": Op.JUMP_NOT_GE,
    "==": Op.JUMP_NOT_EQ,
}
_JUMPS_IF = {
    "<": Op.JUMP_NOT_GE,
    "<=": Op.JUMP_NOT_GT,
    ">": Op.JUMP_NOT_LE,
    ">=": Op.JUMP_NOT_LT,
    "==": Op.JUMP_EQ,
}
_DRAW_NOTHING = (tree.Value, tree.Variable)


class Expressions:
    """Lowers expressions for the strands ``mask`` at the source position ``at``.

    ``stamping``: the strands that note how late what they read is: the saver in an assign, for the times of what it
    saves; with latencies also the threads, in whatever concerns the variables ``late``.
    """

    def __init__(self, code: Code, memory: Memory, measured: set[str], timed: bool, late: set[str]) -> None:
        self.code = code
        self.memory = memory
        self.strict = -1
        self._measured = measured
        self._late = late
        self._savers = SAVER if timed else 0
        self._stamping = 0

    # ---- reads

    def read(self, node: tree.Expression, mask: int, at: int) -> int:
        """The slot that holds the value of ``node``: of a variable itself, of anything else a temporary or constant."""
        match node:
            case tree.Value():
                return self.memory.constant(node.raw)
            case tree.Variable():
                slot = self.memory.slots[node.name]
                if node.name in self._measured:
                    self.code.emit(Op.AWAIT, slot, self.strict, mask=mask, at=at)
                if self._stamping:
                    self._stamp(Op.STAMP_READ, slot, mask=mask, at=at)
                return slot
            case _:
                slot = self.memory.temporary()
                self.into(slot, node, mask, at)
                return slot

    def steady(self, node: tree.Expression, mask: int, at: int, later: tuple[tree.Expression, ...]) -> int:
        """Like ``read``, for a value that is used after ``later`` were evaluated, which may advance it as a seed."""
        slot = self.read(node, mask, at)
        if not isinstance(node, tree.Variable):
            return slot
        for other in later:
            if not isinstance(other, _DRAW_NOTHING) and node.name in seeds_in(other):
                kept = self.memory.temporary()
                self.code.emit(Op.MOVE, kept, slot, mask=mask, at=at)
                return kept
        return slot

    def into(self, slot: int, node: tree.Expression, mask: int, at: int) -> None:
        """Put the value of ``node`` into ``slot``; the slot changes only with the last instruction."""
        match node:
            case tree.Value() | tree.Variable():
                self.code.emit(Op.MOVE, slot, self.read(node, mask, at), mask=mask, at=at)
            case tree.Cell():
                index = self.read(node.index, mask, at)
                self.load(slot, node.array, index, mask, at)
            case tree.Io():
                self._io(slot, node, mask, at)
            case tree.Binary():
                left = self.steady(node.left, mask, at, (node.right,))
                right = self.read(node.right, mask, at)
                op = (
                    _FIXED.get(node.operator, _BINARY[node.operator])
                    if node.type == "fixed"
                    else _BINARY[node.operator]
                )
                self.code.emit(op, slot, left, right, mask=mask, at=at)
            case tree.Call():
                self._call(slot, node, mask, at)

    def load(self, slot: int, array: str, index: int, mask: int, at: int) -> None:
        """Put a cell into ``slot``."""
        first, size = self.memory.slots[array], self.memory.sizes[array]
        if array in self._measured:
            self.code.emit(Op.AWAIT_CELL, first, size, index, self.strict, mask=mask, at=at)
        self._stamp(Op.STAMP_READ_CELL, first, size, index, mask=mask, at=at)
        self.code.emit(Op.LOAD, slot, first, size, index, mask=mask, at=at)

    def _io(self, slot: int, node: tree.Io, mask: int, at: int) -> None:
        place = self.memory.slots[register(node)]
        self.code.emit(Op.IO_READ, slot, place, node.number - 1, mask=mask, at=at)
        self._stamp(Op.STAMP_READ, place, mask=mask, at=at)
        if node.type == "bool":
            self.code.emit(Op.TRUTH, slot, slot, mask=mask, at=at)

    def _call(self, slot: int, node: tree.Call, mask: int, at: int) -> None:
        function, arguments = node.function, node.arguments
        if function.startswith("random."):
            self._random(slot, node, mask, at)
            return
        if isinstance(arguments[0], tree.Whole):
            self._array_function(slot, node, mask, at)
            return
        if function.startswith(("math.", "util.")):
            self._function(slot, node, mask, at)
            return
        left = self.steady(arguments[0], mask, at, arguments[1:])
        if len(arguments) == 2:
            op = Op.MUL if function == "cast.mul_fixed_by_int" else Op.MUL_FIXED
            self.code.emit(op, slot, left, self.read(arguments[1], mask, at), mask=mask, at=at)
            return
        self.code.emit(_cast(function, arguments[0].type), slot, left, mask=mask, at=at)

    def _function(self, slot: int, node: tree.Call, mask: int, at: int) -> None:
        arguments = node.arguments
        slots = [self.steady(one, mask, at, arguments[k + 1 :]) for k, one in enumerate(arguments)]
        slots += [slots[0]] * (3 - len(slots))
        self.code.emit(Op.FUNCTION, slot, _library(node), *slots, mask=mask, at=at)

    def _array_function(self, slot: int, node: tree.Call, mask: int, at: int) -> None:
        first = [self._whole(one, mask, at) for one in node.arguments if isinstance(one, tree.Whole)]
        place, size = first[0]
        self.code.emit(Op.ARRAY_FUNCTION, slot, _library_array(node), place, size, first[-1][0], mask=mask, at=at)

    def _whole(self, node: tree.Whole, mask: int, at: int) -> tuple[int, int]:
        """Read all cells of an array; returns where it begins, and its size."""
        first, size = self.memory.slots[node.array], self.memory.sizes[node.array]
        if node.array in self._measured:
            self.code.emit(Op.AWAIT_ALL, first, size, self.strict, mask=mask, at=at)
        self._stamp(Op.STAMP_READ_ALL, first, size, mask=mask, at=at)
        return first, size

    def _random(self, slot: int, node: tree.Call, mask: int, at: int) -> None:
        seed = node.arguments[0]
        assert isinstance(seed, tree.Variable)
        below = self.read(node.arguments[1], mask, at) if len(node.arguments) == 2 else 0
        place = self.read(seed, mask, at)
        op = Op.RAND_INT if node.function == "random.rand_int" else Op.RAND_FIXED
        self.code.emit(op, slot, place, below, mask=mask, at=at)
        self.written(seed.name, mask, at, drawn=True)

    # ---- writes

    def assign(self, node: tree.Assign, mask: int) -> None:
        """Lower an assign."""
        self._stamping = mask & self._stampers(_target(node.target))
        self._stamp(Op.STAMP_CLEAR, mask=mask, at=node.at)
        if isinstance(node.target, tree.Variable):
            self._convert(self.memory.slots[node.target.name], node, mask)
            self._stamp(Op.STAMP_WRITE, self.memory.slots[node.target.name], mask=mask, at=node.at)
            self._stamping = 0
            self.unbind(node.target.name, mask, node.at)
        elif isinstance(node.target, tree.Io):
            self._assign_io(node, node.target, mask)
        else:
            self._assign_cell(node, node.target, mask)
        self._stamping = 0

    def _stampers(self, name: str) -> int:
        """The strands that keep the stamp of a variable."""
        return EVERYBODY & ~SAVER | self._savers if name in self._late else self._savers

    def _convert(self, slot: int, node: tree.Assign, mask: int) -> None:
        if node.target.type == "bool" and node.value.type != "bool":
            self.code.emit(Op.TRUTH, slot, self.read(node.value, mask, node.at), mask=mask, at=node.at)
        else:
            self.into(slot, node.value, mask, node.at)

    def _assign_io(self, node: tree.Assign, target: tree.Io, mask: int) -> None:
        value, place = self.memory.temporary(), self.memory.slots[register(target)]
        self._convert(value, node, mask)
        self.code.emit(Op.IO_WRITE, place, value, target.number - 1, mask=mask, at=node.at)
        self._stamp(Op.STAMP_WRITE, place, mask=mask, at=node.at)

    def advance(self, number: int, name: str, mask: int, at: int) -> None:
        """The next item of an input stream becomes the value of its variable."""
        first, size = self.memory.slots[name], max(self.memory.sizes[name], 1)
        self.code.emit(Op.ADVANCE, number, first, size, self.strict, mask=mask, at=at)

    def _assign_cell(self, node: tree.Assign, target: tree.Cell, mask: int) -> None:
        first, size, at = self.memory.slots[target.array], self.memory.sizes[target.array], node.at
        index = self.steady(target.index, mask, at, (node.value,))
        if node.target.type == "bool" and node.value.type != "bool":
            value = self.memory.temporary()
            self._convert(value, node, mask)
        else:
            value = self.read(node.value, mask, at)
        self.code.emit(Op.STORE, first, size, index, value, mask=mask, at=at)
        self._stamp(Op.STAMP_WRITE_CELL, first, size, index, mask=mask, at=at)
        if target.array in self._measured:
            self.code.emit(Op.UNBIND_CELL, first, size, index, mask=mask, at=at)

    def unbind(self, name: str, mask: int, at: int) -> None:
        """A scalar was assigned: it waits for no measure any more."""
        if name in self._measured:
            self.code.emit(Op.UNBIND, self.memory.slots[name], mask=mask, at=at)

    def written(self, name: str, mask: int, at: int, *, drawn: bool = False) -> None:
        """A scalar was written by a draw or a for_each: its stamp is 0."""
        self.code.emit(Op.STAMP_ZERO, self.memory.slots[name], mask=mask & self._stampers(name), at=at)
        self.unbind(name, mask, at)

    def _stamp(self, op: Op, *operands: int, mask: int, at: int) -> None:
        if self._stamping:
            self.code.emit(op, *operands, mask=mask & self._stamping, at=at)

    # ---- what takes time

    def watch(self, node: tree.Expression, mask: int, at: int) -> bool:
        """Begin to note how late what ``node`` reads is; False, and nothing, where it cannot be late."""
        if not self._late or isinstance(node, tree.Value) or self._late.isdisjoint(names_in(node)):
            return False
        self._stamping = mask & ~SAVER
        self._stamp(Op.STAMP_CLEAR, mask=mask, at=at)
        return True

    def ready(self, latency: Latency, mask: int, at: int) -> None:
        """Let the threads wait until what was read since ``watch`` is ready."""
        self.code.emit(Op.READY, latency, self.strict, mask=mask & self._stamping, at=at)
        self._stamping = 0

    # ---- conditions

    def jump_unless(self, node: tree.Expression, mask: int, at: int) -> int:
        """A jump taken where ``node`` does not hold; returns its place, to be landed."""
        return self._jump(_JUMPS_UNLESS, Op.JUMP_FALSE, node, mask, at)

    def jump_if(self, node: tree.Expression, mask: int, at: int) -> int:
        """A jump taken where ``node`` holds; returns its place, to be landed."""
        return self._jump(_JUMPS_IF, Op.JUMP_TRUE, node, mask, at)

    def _jump(self, comparisons: dict[str, Op], of_bool: Op, node: tree.Expression, mask: int, at: int) -> int:
        late = self.watch(node, mask, at)
        if isinstance(node, tree.Binary) and node.operator in comparisons:
            op = comparisons[node.operator]
            compared = [self.steady(node.left, mask, at, (node.right,)), self.read(node.right, mask, at)]
        else:
            op, compared = of_bool, [self.read(node, mask, at)]
        if late:
            self.ready(Latency.CONDITION, mask, at)
        return self.code.emit(op, 0, *compared, mask=mask, at=at)


def _target(target: tree.Target | tree.Io) -> str:
    """The name of what is assigned."""
    match target:
        case tree.Variable():
            return target.name
        case tree.Cell():
            return target.array
        case tree.Io():
            return register(target)


def _cast(function: str, type: tree.VarType) -> Op:
    """The instruction of a cast with one argument of ``type``."""
    match function:
        case "cast.to_int":
            return Op.TO_INT if type == "fixed" else Op.MOVE
        case "cast.to_fixed":
            return Op.MOVE if type == "fixed" else Op.TO_FIXED
        case "cast.to_bool":
            return Op.TRUTH
        case "cast.unsafe_cast_bool":
            return Op.LOW_BIT
        case _:
            return Op.MOVE


def _library(node: tree.Call) -> Library:
    """The number of a function of numbers."""
    name = node.function.split(".")[1].upper()
    if name == "MSB":
        return Library.MSB_FIXED if node.arguments[0].type == "fixed" else Library.MSB_INT
    return Library["ELU" if name == "AELU" else name]


def _library_array(node: tree.Call) -> LibraryArray:
    """The number of a function of arrays."""
    name = node.function.split(".")[1].upper()
    if name == "DOT":  # int times fixed is the product of the raws, as int times int is
        fixed = all(argument.type == "fixed" for argument in node.arguments)
        return LibraryArray.DOT_FIXED if fixed else LibraryArray.DOT_INT
    return LibraryArray[name]
