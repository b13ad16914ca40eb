"""How often the loops around a save run, where the program's text tells it: what ``auto_reshape()`` needs.

Known are: for_each_, whose arrays have their size; for_ with a variable that starts at a literal, is compared with a
literal, moves by a literal (``+``, ``-``, ``*``, Cast.mul_int_by_fixed) and is written nowhere in the loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from . import limits, tree
from .literals import FIXED_BITS, wrap32
from .node import Node

STEPS_MAX = 10_000  # of a loop whose variable is multiplied


class LoopsUnknownError(Exception):
    """The text does not tell how often the loops run; the message says why."""


def saving_loops(program: tree.Program, stream: str) -> tuple[int, ...]:
    """The counts of the loops around the one statement that writes to ``stream``, outermost first.

    A write in every branch of an if_ counts as one. Raises LoopsUnknownError.
    """
    found = _Search(program, stream).block(program.body, limits.BLOCK_DEPTH_MAX)
    if found is None:
        raise LoopsUnknownError(f"nothing is saved to stream {stream}")
    return found


class _Search:
    def __init__(self, program: tree.Program, stream: str) -> None:
        self._sizes: Mapping[str, int] = {item.name: item.size for item in program.declarations}
        self._stream = stream

    def block(self, body: Iterable[tree.Statement], depth: int) -> tuple[int, ...] | None:
        """The loops around the write in ``body``, None where there is none."""
        if depth <= 0:
            raise LoopsUnknownError(f"blocks are nested more than {limits.BLOCK_DEPTH_MAX} deep (BLOCK_DEPTH_MAX)")
        writes = [found for found in (self._statement(item, depth) for item in body) if found is not None]
        if len(writes) > 1:
            raise LoopsUnknownError(f"stream {self._stream} is saved at several places")
        return writes[0] if writes else None

    def _statement(self, node: tree.Statement, depth: int) -> tuple[int, ...] | None:
        match node:
            case tree.If():
                return self._if(node, depth)
            case tree.For() | tree.ForEach():
                inner = self.block(node.body, depth - 1)
                return None if inner is None else (self._count(node), *inner)
            case tree.StrictTiming():
                return self.block(node.body, depth - 1)
            case _:
                streams = (getattr(node, "stream", None), getattr(node, "timestamp_stream", None))
                return () if self._stream in streams else None

    def _if(self, node: tree.If, depth: int) -> tuple[int, ...] | None:
        bodies = [*(branch.body for branch in node.branches), node.otherwise]
        found = [self.block(body, depth - 1) for body in bodies]
        if any(item != found[0] for item in found):
            raise LoopsUnknownError(f"stream {self._stream} is saved in some branches of an if_ or switch_ only")
        return found[0]

    def _count(self, loop: tree.For | tree.ForEach) -> int:
        if isinstance(loop, tree.ForEach):
            count = self._sizes.get(loop.arrays[0], 0) if loop.arrays else 0
        else:
            count = for_count(loop)
        if count < 1:
            raise LoopsUnknownError("a loop around the save never runs")
        return count


def for_count(loop: tree.For) -> int:
    """How often the body of ``loop`` runs. Raises LoopsUnknownError."""
    if loop.start is None or loop.condition is None or loop.step is None:
        raise LoopsUnknownError("a while_ or infinite_loop_ stands around the save")
    variable = loop.start.target
    if not isinstance(variable, tree.Variable) or not isinstance(loop.start.value, tree.Value):
        raise LoopsUnknownError("a for_ around the save does not start at a number")
    if _written(loop.body, variable.name):
        raise LoopsUnknownError(f"{variable.name}, the variable of a for_ around the save, is changed in its body")
    operator, bound = _bound(loop.condition, variable)
    kind, amount = _move(loop.step, variable)
    return _walked(loop.start.value.raw, operator, bound, kind, amount)


class RoundedEnd(NamedTuple):
    """A for_ over a fixed that rounding ends elsewhere: how often its body runs, and would with the numbers as they
    were written; the step and, half a step away from that end, a bound that does not depend on rounding (raw)."""

    runs: int
    meant: int
    step: int
    bound: int


def rounded_end(loop: tree.For) -> RoundedEnd | None:
    """Where ``loop`` meets its bound within the rounding of its numbers, and on the other side than without it.

    Start, bound and step are each off by half a step of 2**-28 at most, the variable by as many of them as it has
    moved. None where the text does not tell, all is well, or that may be half a move, so that nobody could say.
    """
    if loop.start is None or loop.start.target.type != "fixed":
        return None
    try:
        runs = for_count(loop)
    except LoopsUnknownError:
        return None
    variable, start, condition, step = loop.start.target, loop.start.value, loop.condition, loop.step
    assert isinstance(variable, tree.Variable) and isinstance(start, tree.Value) and condition and step  # for_count
    operator, bound = _bound(condition, variable)
    kind, amount = _move(step, variable)
    if kind != "+" or amount == 0:
        return None
    moves = round((bound - start.raw) / amount)
    off = bound - start.raw - moves * amount
    meant = moves + (operator in ("<=", ">="))
    if moves < 1 or off == 0 or runs == meant or not 2 * abs(off) <= moves + 2 < abs(amount):
        return None
    outwards = 1 if operator in ("<=", ">=") else -1
    return RoundedEnd(runs, meant, amount, bound + outwards * amount // 2)


_MIRRORED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _bound(condition: tree.Expression, variable: tree.Variable) -> tuple[str, int]:
    """(operator, raw) of `variable operator number`."""
    if isinstance(condition, tree.Binary) and condition.operator in _MIRRORED:
        match condition.left, condition.right:
            case tree.Variable(name=variable.name), tree.Value(raw=raw):
                return condition.operator, raw
            case tree.Value(raw=raw), tree.Variable(name=variable.name):
                return _MIRRORED[condition.operator], raw
    raise LoopsUnknownError(f"a for_ around the save does not end where {variable.name} reaches a number")


def _move(step: tree.Assign, variable: tree.Variable) -> tuple[str, int]:
    """("+", raw) where the variable moves by a number; ("*", f) where it becomes v * f; (">>", f): (v * f) >> 28."""
    value = step.value
    if isinstance(step.target, tree.Variable) and step.target.name == variable.name:
        product = ">>" if variable.type == "fixed" else "*"
        match value:
            case tree.Binary(operator="+", left=tree.Variable(name=variable.name), right=tree.Value(raw=raw)):
                return "+", raw
            case tree.Binary(operator="+", left=tree.Value(raw=raw), right=tree.Variable(name=variable.name)):
                return "+", raw
            case tree.Binary(operator="-", left=tree.Variable(name=variable.name), right=tree.Value(raw=raw)):
                return "+", -raw
            case tree.Binary(operator="*", left=tree.Variable(name=variable.name), right=tree.Value(raw=raw)):
                return product, raw
            case tree.Binary(operator="*", left=tree.Value(raw=raw), right=tree.Variable(name=variable.name)):
                return product, raw
            case tree.Call(
                function="cast.mul_int_by_fixed",
                arguments=(tree.Variable(name=variable.name), tree.Value(raw=raw)),
            ):
                return ">>", raw
    raise LoopsUnknownError(f"{variable.name}, the variable of a for_ around the save, does not move by a number")


def _walked(start: int, operator: str, bound: int, kind: str, amount: int) -> int:
    """How many values satisfy the condition before the first that does not."""
    if operator in (">", ">="):  # the same walk, mirrored
        if kind == "+":
            return _walked(-start, _MIRRORED[operator], -bound, kind, -amount)
        return _multiplied(start, operator, bound, kind, amount)
    if kind != "+":
        return _multiplied(start, operator, bound, kind, amount)
    end = bound + (operator == "<=")  # the first value that is too much
    if start >= end:
        return 0
    count = -(-(end - start) // amount) if amount > 0 else 0
    if count == 0 or not -limits.INT_MAX <= start + count * amount <= limits.INT_MAX:
        raise LoopsUnknownError("a for_ around the save does not end before its variable overflows")
    return count


def _multiplied(value: int, operator: str, bound: int, kind: str, factor: int) -> int:
    for count in range(STEPS_MAX):
        if not _holds(value, operator, bound):
            return count
        product = value * factor
        value = wrap32(product >> FIXED_BITS if kind == ">>" else product)
    raise LoopsUnknownError(f"a for_ around the save takes more than {STEPS_MAX} multiplications (STEPS_MAX)")


def _holds(value: int, operator: str, bound: int) -> bool:
    match operator:
        case "<":
            return value < bound
        case "<=":
            return value <= bound
        case ">":
            return value > bound
        case _:
            return value >= bound


def _written(body: Iterable[tree.Statement], name: str) -> bool:
    """Whether anything in ``body`` may write the variable ``name``."""
    for node in _nodes(body):
        targets = [getattr(node, "target", None), *getattr(node, "variables", ())]
        if isinstance(node, tree.Call) and node.function.startswith("random."):
            targets.append(node.arguments[0] if node.arguments else None)
        if any(isinstance(target, tree.Variable) and target.name == name for target in targets):
            return True
    return False


def _nodes(body: Iterable[tree.Statement]) -> Iterator[Node]:
    """Everything in ``body``, however deep."""
    waiting: list[Node] = list(body)
    while waiting:
        node = waiting.pop()
        yield node
        for name in node.__struct_fields__:
            value = getattr(node, name)
            parts = value if isinstance(value, tuple) else (value,)
            waiting.extend(part for part in parts if isinstance(part, Node))
