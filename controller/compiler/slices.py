"""What each strand executes (docs/arithmetic.md, section 2).

The tree becomes *units*: an assign, a control statement with all its conditions, one process of a measure as heard, an
operand that draws random numbers, an index of a target. A unit reads and defines variables. Quantum statements, and
saves, define nothing: who executes them is known at once, with all their other operands. From there masks of strands
flow to a fixed point: to the control statements around, and from who reads a variable to all that define it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set

import msgspec

from ..._core.engine.codes import SAVER
from ..._core.program import tree
from ..._core.program.elements import OF_OSCILLATORS, elements_of
from .elements import Elements


class Unit(msgspec.Struct, eq=False, gc=False):
    """A unit of execution; ``mask``: the strands that execute (or hear) it."""

    reads: set[str]
    defines: set[str]
    parent: Unit | None
    mask: int = 0


class Step(msgspec.Struct, kw_only=True, gc=False):
    """A statement with its units. ``operands``: in the order of evaluation; ``heard``: one a process, or the tag of
    a trigger; ``bodies``: of an If one a branch and one for otherwise, of the others one. ``elements``: those it names
    (of a block: in it).
    ``stamp``: the saver's part in a statement whose start it saves."""

    statement: tree.Statement
    unit: Unit
    operands: tuple[tuple[tree.Expression, Unit], ...] = ()
    heard: tuple[Unit, ...] = ()
    bodies: tuple[tuple[Step, ...], ...] = ()
    elements: tuple[str, ...] = ()
    stamp: Unit | None = None


class Slices(msgspec.Struct, kw_only=True):
    """The program as steps. ``measured``: targets of measures; ``reset``: elements whose phase is reset; ``needed``: by
    variable the strands that need it; ``outside``: something is read or awaited from outside."""

    steps: tuple[Step, ...]
    measured: set[str]
    reset: set[str]
    units: Sequence[Unit]
    needed: dict[str, int]
    outside: bool

    def late(self) -> set[str]:
        """The variables that may depend on what is measured, or comes from outside."""
        late = set(self.measured)
        for step in _all(self.steps):
            if isinstance(step.statement, tree.AdvanceInput):
                late.add(step.statement.variable)
        size = -1
        while size != len(late):
            size = len(late)
            for unit in self.units:
                if not late.isdisjoint(unit.reads):
                    late |= unit.defines
        return late


def _all(steps: Iterable[Step]) -> Iterator[Step]:
    for step in steps:
        yield step
        for body in step.bodies:
            yield from _all(body)


def names_in(node: tree.Expression) -> set[str]:
    """The variables and arrays that an expression reads, seeds too."""
    names: set[str] = set()
    _note(node, names, set())
    return names


def seeds_in(node: tree.Expression) -> set[str]:
    """The seed variables that evaluating an expression advances, and the IO registers that it looks at."""
    seeds: set[str] = set()
    _note(node, set(), seeds)
    return seeds


def _note(node: tree.Expression, reads: set[str], seeds: set[str]) -> None:
    """Add the variables and arrays that an expression reads, seeds too, and the seeds that it advances.

    A look at an IO register defines it, as a draw does its seed.
    """
    match node:
        case tree.Value():
            return
        case tree.Variable():
            reads.add(node.name)
        case tree.Binary():
            _note(node.left, reads, seeds)
            _note(node.right, reads, seeds)
        case tree.Cell():
            reads.add(node.array)
            _note(node.index, reads, seeds)
        case tree.Whole():
            reads.add(node.array)
        case tree.Io():
            reads.add(register(node))
            seeds.add(register(node))
        case tree.Call():
            if node.function.startswith("random.") and isinstance(node.arguments[0], tree.Variable):
                seeds.add(node.arguments[0].name)
            for argument in node.arguments:
                _note(argument, reads, seeds)


REGISTERS = ("IO1", "IO2")


def register(node: tree.Io) -> str:
    """What an IO register is called among the variables."""
    return f"IO{node.number}"


class _Cutter:
    """``needed``: by variable the strands that are known to need it."""

    def __init__(self, elements: Elements) -> None:
        self.elements = elements
        self.units: list[Unit] = []
        self.needed: dict[str, int] = {}
        self.measured: set[str] = set()
        self.reset: set[str] = set()
        self._settled: dict[int, Unit] = {}
        self._named: dict[tuple[str, ...], tuple[tuple[str, ...], Unit]] = {}
        self._hidden = 0
        self.outside = False

    def unit(self, parent: Unit | None, mask: int = 0) -> Unit:
        unit = Unit(set(), set(), parent, mask)
        self.units.append(unit)
        return unit

    def settled(self, mask: int) -> Unit:
        """What these strands execute, and never others: it defines nothing."""
        if mask not in self._settled:
            self._settled[mask] = Unit(set(), set(), None, mask)
        return self._settled[mask]

    def block(self, body: Iterable[tree.Statement], parent: Unit | None) -> tuple[Step, ...]:
        return tuple([self.step(statement, parent) for statement in body])

    def step(self, node: tree.Statement, parent: Unit | None) -> Step:
        if type(node) not in _NOT_QUANTUM:
            return self.quantum(node, parent)
        match node:
            case tree.Assign():
                unit = self.unit(parent)
                self.assign(unit, node)
                return Step(statement=node, unit=unit)
            case tree.AdvanceInput():
                unit = self.unit(parent, SAVER)  # it saves nothing of what comes behind before that
                unit.defines.add(node.variable)
                self.outside = True
                return Step(statement=node, unit=unit)
            case tree.Save():
                return self.save(node, parent)
            case tree.StrictTiming():
                body = self.block(node.body, parent)
                return Step(statement=node, unit=self.settled(0), bodies=(body,), elements=_elements(body))
            case tree.If() | tree.For() | tree.ForEach():
                return self.control(node, parent)
            case _:
                return self.quantum(node, parent)

    def save(self, node: tree.Save, parent: Unit | None) -> Step:
        if parent is not None:
            parent.mask |= SAVER
        unit = self.settled(SAVER)
        return Step(statement=node, unit=unit, operands=(self.operand(node.source, unit, parent),))

    def operand(self, node: tree.Expression, owner: Unit, parent: Unit | None) -> tuple[tree.Expression, Unit]:
        """An operand of what ``owner`` executes, with its unit: one of its own where it defines seeds."""
        if isinstance(node, tree.Value):
            return node, owner
        reads: set[str] = set()
        seeds: set[str] = set()
        _note(node, reads, seeds)
        if seeds:
            unit = Unit(reads, seeds, parent, owner.mask)
            self.units.append(unit)
            return node, unit
        for name in reads:
            self.needed[name] = self.needed.get(name, 0) | owner.mask
        return node, owner

    def names(self, node: tree.Statement) -> tuple[tuple[str, ...], Unit]:
        """The elements that a quantum statement names, once each, and what their threads execute."""
        named = elements_of(node, self.elements.names)
        if type(node) in OF_OSCILLATORS:
            named = self.elements.sharing.get(named[0], named)
        if named not in self._named:
            names = tuple(dict.fromkeys(named))
            self._named[named] = names, self.settled(self.elements.thread_mask(names))
        if type(node) is tree.Pause:
            return self._named[named][0], self.settled(self._named[named][1].mask | SAVER)
        return self._named[named]

    def quantum(self, node: tree.Statement, parent: Unit | None) -> Step:
        names, unit = self.names(node)
        if parent is not None:
            parent.mask |= unit.mask
        operands = [self.operand(value, unit, parent) for value in _operands(node)]
        heard: tuple[Unit, ...] = ()
        if isinstance(node, tree.Measure):
            heard = tuple([self.process(process, unit, parent, operands) for process in node.processes])
        elif isinstance(node, tree.ResetIfPhase):
            self.reset.update(names)
        elif isinstance(node, _AWAITING):
            self.outside = True
            if parent is not None:
                parent.mask |= SAVER
            if isinstance(node, tree.WaitForTrigger) and node.tag is not None:
                heard = (self.time_tag(node.tag, parent),)
        stamp = None
        if isinstance(node, _PLAYING) and node.timestamp_stream is not None:
            stamp = self.settled(SAVER)
            if parent is not None:
                parent.mask |= SAVER
        return Step(statement=node, unit=unit, operands=tuple(operands), heard=heard, elements=names, stamp=stamp)

    def process(
        self,
        node: tree.Process | tree.Tagging | tree.Counting,
        measure: Unit,
        parent: Unit | None,
        operands: list[tuple[tree.Expression, Unit]],
    ) -> Unit:
        """A process as heard: it defines its targets; who hears it executes the index too."""
        heard = self.unit(parent)
        if isinstance(node, tree.Tagging) and node.count is not None:
            heard.defines.add(node.count.name)
            self.measured.add(node.count.name)
        if isinstance(node.target, tree.Variable):
            name = node.target.name
        else:
            name = node.target.array
        if isinstance(node.target, tree.Cell):
            index = self.unit(parent, measure.mask)
            _note(node.target.index, index.reads, index.defines)
            self._hidden += 1
            index.defines.add(f"%{self._hidden}")
            heard.reads.add(f"%{self._hidden}")
            operands.append((node.target.index, index))
        heard.defines.add(name)
        self.measured.add(name)
        return heard

    def time_tag(self, tag: tree.Variable, parent: Unit | None) -> Unit:
        """The time tag of a trigger, as heard."""
        heard = self.unit(parent)
        heard.defines.add(tag.name)
        self.measured.add(tag.name)
        return heard

    def assign(self, unit: Unit, node: tree.Assign) -> None:
        """Add an assign to its unit."""
        _note(node.value, unit.reads, unit.defines)
        match node.target:
            case tree.Cell():
                _note(node.target.index, unit.reads, unit.defines)
                unit.defines.add(node.target.array)
            case tree.Variable():
                unit.defines.add(node.target.name)
            case tree.Io():  # the saver knows what it holds, for whoever looks from outside
                name = register(node.target)
                unit.defines.add(name)
                self.needed[name] = self.needed.get(name, 0) | SAVER

    def control(self, node: tree.If | tree.For | tree.ForEach, parent: Unit | None) -> Step:
        unit = self.unit(parent)
        bodies: Sequence[Iterable[tree.Statement]]
        match node:
            case tree.If():
                for branch in node.branches:
                    _note(branch.condition, unit.reads, unit.defines)
                bodies = [*(branch.body for branch in node.branches), node.otherwise]
            case tree.For():
                for assign in (node.start, node.step):
                    if assign is not None:
                        self.assign(unit, assign)
                if node.condition is not None:
                    _note(node.condition, unit.reads, unit.defines)
                bodies = [node.body]
            case tree.ForEach():
                unit.reads.update(node.arrays)
                unit.defines.update(variable.name for variable in node.variables)
                bodies = [node.body]
        steps = tuple([self.block(body, unit) for body in bodies])
        return Step(statement=node, unit=unit, bodies=steps, elements=_elements(*steps))


_PLAYING = (tree.Play, tree.Measure)
_AWAITING = (tree.Pause, tree.WaitForTrigger)
_CLASSICAL = (tree.Assign, tree.AdvanceInput, tree.Save)
_NOT_QUANTUM = frozenset({*_CLASSICAL, tree.If, tree.For, tree.ForEach, tree.StrictTiming})


def _elements(*bodies: tuple[Step, ...]) -> tuple[str, ...]:
    """The elements named in blocks, in the order of first use."""
    found: dict[str, None] = {}
    for body in bodies:
        for step in body:
            for name in step.elements:
                found[name] = None
    return tuple(found)


def play_operands(node: tree.Play) -> Sequence[tree.Expression]:
    """The operands of a play in the order of evaluation."""
    if node.ramp is None and node.truncate is None and node.chirp is None and node.condition is None:
        return node.amplitude if node.duration is None else (*node.amplitude, node.duration)
    operands = [*node.amplitude, *(one for one in (node.ramp, node.duration, node.truncate) if one is not None)]
    if node.chirp is not None:
        operands += node.chirp.rates
    if node.condition is not None:
        operands.append(node.condition)
    return operands


def _operands(node: tree.Statement) -> Sequence[tree.Expression]:
    """The operands of a quantum statement in the order of evaluation, but for the targets of a measure."""
    match node:
        case tree.Play():
            return play_operands(node)
        case tree.Measure():
            return node.amplitude
        case tree.Wait():
            return (node.duration,)
        case tree.FrameRotation():
            return (node.turns,)
        case tree.UpdateFrequency():
            return (node.frequency,)
        case tree.UpdateCorrection():
            return node.correction
        case tree.SetDcOffset():
            return (node.offset,)
        case tree.LoadWaveform():
            return (node.index,)
        case _:
            return ()


def cut_slices(program: tree.Program, elements: Elements) -> Slices:
    """The program as steps whose units know their strands."""
    cutter = _Cutter(elements)
    steps = cutter.block(program.body, None)
    defined = _flow(cutter.units, cutter.needed)
    outside = cutter.outside or not defined.isdisjoint(REGISTERS)
    return Slices(
        steps=steps,
        measured=cutter.measured,
        reset=cutter.reset,
        units=cutter.units,
        needed=cutter.needed,
        outside=outside,
    )


def _flow(units: Sequence[Unit], needed: dict[str, int]) -> Set[str]:
    """Carry the masks of strands to a fixed point; returns all that is defined.

    ``needed``: by variable the strands that need it already.
    """
    definers: dict[str, list[Unit]] = {}
    for unit in units:
        for name in unit.defines:
            definers.setdefault(name, []).append(unit)
            unit.mask |= needed.get(name, 0)
    todo = [unit for unit in units if unit.mask]
    while todo:
        unit = todo.pop()
        strands, parent = unit.mask, unit.parent
        if parent is not None and parent.mask | strands != parent.mask:
            parent.mask |= strands
            todo.append(parent)
        for name in unit.reads:
            before = needed.get(name, 0)
            if before | strands == before:
                continue
            needed[name] = before | strands
            for other in definers.get(name, ()):
                if other.mask | strands != other.mask:
                    other.mask |= strands
                    todo.append(other)
    return definers.keys()
