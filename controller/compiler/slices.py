"""What each strand executes (docs/arithmetic.md, section 2).

The tree becomes *units*: an assign, a control statement with all its conditions, a quantum statement, one operand of a
quantum statement, one process of a measure as heard, a save. A unit reads and defines variables; an operand defines a
hidden variable that its statement reads. Masks of strands then flow to a fixed point: to the control statements around,
and from who reads a variable to all that define it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from ..._core.engine.codes import SAVER
from ..._core.program import tree
from ..._core.program.elements import elements_in
from .elements import Elements


class Unit(msgspec.Struct, eq=False):
    """A unit of execution; ``mask``: the strands that execute (or hear) it."""

    reads: set[str]
    defines: set[str]
    parent: Unit | None
    mask: int = 0


class Step(msgspec.Struct, kw_only=True):
    """A statement with its units. ``operands``: in the order of evaluation; ``heard``: one a process; ``bodies``: of an
    If one a branch and one for otherwise, of the others one. ``elements``: those it names (of a block: in it).
    ``stamp``: the saver's part in a statement whose start it saves."""

    statement: tree.Statement
    unit: Unit | None
    operands: tuple[tuple[tree.Expression, Unit], ...] = ()
    heard: tuple[Unit, ...] = ()
    bodies: tuple[tuple[Step, ...], ...] = ()
    elements: tuple[str, ...] = ()
    stamp: Unit | None = None


class Slices(msgspec.Struct, kw_only=True):
    """The program as steps. ``needed``: by variable the strands that need it; ``measured``: targets of measures."""

    steps: tuple[Step, ...]
    needed: dict[str, int]
    measured: set[str]
    reset: set[str]


def variables_in(node: tree.Expression) -> Iterator[str]:
    """The variables and arrays that an expression reads, seeds too."""
    match node:
        case tree.Value():
            return
        case tree.Variable():
            yield node.name
        case tree.Whole():
            yield node.array
        case tree.Cell():
            yield node.array
            yield from variables_in(node.index)
        case tree.Binary():
            yield from variables_in(node.left)
            yield from variables_in(node.right)
        case tree.Call():
            for argument in node.arguments:
                yield from variables_in(argument)


def seeds_in(node: tree.Expression) -> Iterator[str]:
    """The seed variables that evaluating an expression advances."""
    match node:
        case tree.Cell():
            yield from seeds_in(node.index)
        case tree.Binary():
            yield from seeds_in(node.left)
            yield from seeds_in(node.right)
        case tree.Call():
            seed = node.arguments[0]
            if node.function.startswith("random.") and isinstance(seed, tree.Variable):
                yield seed.name
            for argument in node.arguments:
                yield from seeds_in(argument)
        case _:
            return


class _Cutter:
    def __init__(self, elements: Elements) -> None:
        self.elements = elements
        self.units: list[Unit] = []
        self.hidden = 0
        self.measured: set[str] = set()
        self.reset: set[str] = set()

    def unit(self, parent: Unit | None, mask: int = 0) -> Unit:
        unit = Unit(set(), set(), parent, mask)
        self.units.append(unit)
        return unit

    def block(self, body: Iterable[tree.Statement], parent: Unit | None) -> tuple[Step, ...]:
        return tuple(self.step(statement, parent) for statement in body)

    def step(self, node: tree.Statement, parent: Unit | None) -> Step:
        match node:
            case tree.Assign():
                unit = self.unit(parent)
                _assign(unit, node)
                return Step(statement=node, unit=unit)
            case tree.Save():
                return self.save(node, parent)
            case tree.If() | tree.For() | tree.ForEach() | tree.StrictTiming():
                return self.control(node, parent)
            case _:
                return self.quantum(node, parent)

    def save(self, node: tree.Save, parent: Unit | None) -> Step:
        unit = self.unit(parent, SAVER)
        return Step(statement=node, unit=unit, operands=(self.operand(node.source, unit),))

    def operand(self, node: tree.Expression, owner: Unit) -> tuple[tree.Expression, Unit]:
        unit = self.unit(owner.parent)
        unit.reads.update(variables_in(node))
        self.hidden += 1
        name = f"%{self.hidden}"
        unit.defines.update(seeds_in(node), (name,))
        owner.reads.add(name)
        return node, unit

    def quantum(self, node: tree.Statement, parent: Unit | None) -> Step:
        names = elements_in((node,), self.elements.names)
        unit = self.unit(parent, self.elements.thread_mask(names))
        operands = [self.operand(value, unit) for value in _operands(node)]
        heard: list[Unit] = []
        if isinstance(node, tree.Measure):
            for process in node.processes:
                heard.append(self.process(process, unit, operands))
        if isinstance(node, tree.ResetIfPhase):
            self.reset.add(node.element)
        stamped = isinstance(node, tree.Play | tree.Measure) and node.timestamp_stream is not None
        return Step(
            statement=node,
            unit=unit,
            operands=tuple(operands),
            heard=tuple(heard),
            elements=names,
            stamp=self.unit(parent, SAVER) if stamped else None,
        )

    def process(self, node: tree.Process, measure: Unit, operands: list[tuple[tree.Expression, Unit]]) -> Unit:
        """A process as heard: it defines its target; who hears it executes the index too."""
        heard = self.unit(measure.parent)
        if isinstance(node.target, tree.Cell):
            heard.defines.add(node.target.array)
            self.measured.add(node.target.array)
            index = self.operand(node.target.index, measure)
            heard.reads.update(name for name in index[1].defines if name.startswith("%"))
            operands.append(index)
        else:
            name = node.target.name if isinstance(node.target, tree.Variable) else node.target.array
            heard.defines.add(name)
            self.measured.add(name)
        return heard

    def control(self, node: tree.If | tree.For | tree.ForEach | tree.StrictTiming, parent: Unit | None) -> Step:
        names = elements_in((node,), self.elements.names)
        if isinstance(node, tree.StrictTiming):
            return Step(statement=node, unit=None, bodies=(self.block(node.body, parent),), elements=names)
        unit = self.unit(parent)
        bodies: Sequence[Iterable[tree.Statement]]
        match node:
            case tree.If():
                for branch in node.branches:
                    _expression(unit, branch.condition)
                bodies = [*(branch.body for branch in node.branches), node.otherwise]
            case tree.For():
                for assign in (node.start, node.step):
                    if assign is not None:
                        _assign(unit, assign)
                if node.condition is not None:
                    _expression(unit, node.condition)
                bodies = [node.body]
            case tree.ForEach():
                unit.reads.update(node.arrays)
                unit.defines.update(variable.name for variable in node.variables)
                bodies = [node.body]
        steps = tuple(self.block(body, unit) for body in bodies)
        return Step(statement=node, unit=unit, bodies=steps, elements=names)


def _expression(unit: Unit, node: tree.Expression) -> None:
    unit.reads.update(variables_in(node))
    unit.defines.update(seeds_in(node))


def _assign(unit: Unit, node: tree.Assign) -> None:
    _expression(unit, node.value)
    if isinstance(node.target, tree.Cell):
        _expression(unit, node.target.index)
        unit.defines.add(node.target.array)
    else:
        unit.defines.add(node.target.name)


def play_operands(node: tree.Play) -> Iterator[tree.Expression]:
    """The operands of a play in the order of evaluation."""
    yield from node.amplitude
    for operand in (node.ramp, node.duration, node.truncate):
        if operand is not None:
            yield operand
    if node.chirp is not None:
        yield from node.chirp.rates
    if node.condition is not None:
        yield node.condition


def _operands(node: tree.Statement) -> Iterator[tree.Expression]:
    """The operands of a quantum statement in the order of evaluation, but for the targets of a measure."""
    match node:
        case tree.Play():
            yield from play_operands(node)
        case tree.Measure():
            yield from node.amplitude
        case tree.Wait():
            yield node.duration
        case tree.FrameRotation():
            yield node.turns
        case tree.UpdateFrequency():
            yield node.frequency
        case _:
            return


def cut_slices(program: tree.Program, elements: Elements) -> Slices:
    """The program as steps whose units know their strands."""
    cutter = _Cutter(elements)
    steps = cutter.block(program.body, None)
    needed = _flow(cutter.units)
    return Slices(steps=steps, needed=needed, measured=cutter.measured, reset=cutter.reset)


def _flow(units: Sequence[Unit]) -> dict[str, int]:
    """Carry the masks of strands to a fixed point; returns the strands that need each variable."""
    needed: dict[str, int] = {}
    definers: dict[str, list[Unit]] = {}
    for unit in units:
        for name in unit.defines:
            definers.setdefault(name, []).append(unit)
    todo = [unit for unit in units if unit.mask]
    while todo:
        unit = todo.pop()
        reached = [unit.parent] if unit.parent is not None else []
        for name in unit.reads:
            before = needed.get(name, 0)
            if before | unit.mask != before:
                needed[name] = before | unit.mask
                reached += definers.get(name, [])
        for name in unit.defines:
            if needed.get(name, 0) & ~unit.mask:
                reached.append(unit)
        for other in reached:
            mask = other.mask | (unit.mask if other is unit.parent else 0)
            for name in other.defines:
                mask |= needed.get(name, 0)
            if mask != other.mask:
                other.mask = mask
                todo.append(other)
    return needed
