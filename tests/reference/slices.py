"""Section 2 of docs/arithmetic.md: what a strand executes. A strand's slice grows until nothing is missing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from quaymaster._core.program import tree

from .sites import Places, Site

# ---------------------------------------------------------------- what expressions and statements read and define


def parts(expression: tree.Expression) -> Iterator[tree.Expression]:
    """The expression and all expressions in it."""
    yield expression
    match expression:
        case tree.Cell():
            yield from parts(expression.index)
        case tree.Binary():
            yield from parts(expression.left)
            yield from parts(expression.right)
        case tree.Call():
            for argument in expression.arguments:
                yield from parts(argument)


def reads(expressions: Iterable[tree.Expression]) -> set[str]:
    """The variables and arrays that expressions read."""
    found: set[str] = set()
    for expression in expressions:
        for part in parts(expression):
            if isinstance(part, tree.Variable):
                found.add(part.name)
            elif isinstance(part, tree.Cell | tree.Whole):
                found.add(part.array)
            elif isinstance(part, tree.Io):
                found.add(target_name(part))
    return found


def draws(expressions: Iterable[tree.Expression]) -> set[str]:
    """The seed variables that expressions draw from, and the IO registers that they access: both define them."""
    every = [part for e in expressions for part in parts(e)]
    calls = [part for part in every if isinstance(part, tree.Call)]
    registers = {target_name(part) for part in every if isinstance(part, tree.Io)}
    return registers | {call.arguments[0].name for call in calls if call.function.startswith("random.")}


def target_name(target: tree.Target | tree.Io) -> str:
    """The variable, array or IO register that is written."""
    if isinstance(target, tree.Io):
        return f"IO{target.number}"
    return target.name if isinstance(target, tree.Variable) else target.array


def targets_of(process: tree.Process | tree.Tagging | tree.Counting) -> set[str]:
    """What a process writes: a variable or an array, and (section 18) a count."""
    counts = process.count if isinstance(process, tree.Tagging) else None
    return {target_name(process.target)} | (set() if counts is None else {counts.name})


def index_of(target: tree.Target | tree.Io) -> list[tree.Expression]:
    """The index of a target cell, if it is one."""
    return [target.index] if isinstance(target, tree.Cell) else []


def assign_expressions(assign: tree.Assign | None) -> list[tree.Expression]:
    """What an assign evaluates, in order; nothing for no assign."""
    return [] if assign is None else [*index_of(assign.target), assign.value]


def unit_expressions(node: tree.Statement) -> list[tree.Expression]:
    """The expressions of an assign or of a control statement: one unit."""
    match node:
        case tree.Assign():
            return assign_expressions(node)
        case tree.If():
            return [branch.condition for branch in node.branches]
        case tree.For():
            condition = [] if node.condition is None else [node.condition]
            return [*assign_expressions(node.start), *condition, *assign_expressions(node.step)]
        case tree.ForEach():
            type_of = {v.name: v.type for v in node.variables}
            zero = tree.Value(type="int", raw=0)
            pairs = zip(node.variables, node.arrays, strict=True)
            return [tree.Cell(type=type_of[v.name], array=array, index=zero) for v, array in pairs]
    return []


def unit_defines(node: tree.Statement) -> set[str]:
    """The variables that an assign or a control statement defines, seeds too."""
    defined = draws(unit_expressions(node))
    match node:
        case tree.Assign():
            defined.add(target_name(node.target))
        case tree.AdvanceInput():
            defined.add(node.variable)
        case tree.For():
            defined.update(target_name(a.target) for a in (node.start, node.step) if a is not None)
        case tree.ForEach():
            defined.update(variable.name for variable in node.variables)
    return defined


def play_operands(node: tree.Play) -> list[tuple[str, tree.Expression]]:
    """Section 13: the operands of a play, each with the field it belongs to, in the order of the fields."""
    fields: list[tuple[str, tree.Expression | None]] = [("amplitude", value) for value in node.amplitude]
    fields += [("ramp", node.ramp), ("duration", node.duration), ("truncate", node.truncate)]
    fields += [("chirp", rate) for rate in (node.chirp.rates if node.chirp is not None else ())]
    fields.append(("condition", node.condition))
    return [(name, operand) for name, operand in fields if operand is not None]


def operands(node: tree.Statement) -> list[tree.Expression]:
    """The operand expressions of a quantum statement or a save, each a unit of its own, in the order of evaluation."""
    match node:
        case tree.Play():
            return [operand for _, operand in play_operands(node)]
        case tree.Measure():
            return [*node.amplitude, *(i for process in node.processes for i in index_of(process.target))]
        case tree.Wait():
            return [node.duration]
        case tree.FrameRotation():
            return [node.turns]
        case tree.UpdateFrequency():
            return [node.frequency]
        case tree.UpdateCorrection():
            return list(node.correction)
        case tree.SetDcOffset():
            return [node.offset]
        case tree.LoadWaveform():
            return [node.index]
        case tree.Save():
            return [node.source]
    return []


def has_stamp(node: tree.Statement) -> bool:
    """Section 13: its start is saved."""
    return isinstance(node, tree.Play | tree.Measure) and node.timestamp_stream is not None


def operand_of_target(node: tree.Measure, process: int) -> int | None:
    """Which operand is the index of the target of a process; None if it has none."""
    before = len(node.amplitude) + sum(len(index_of(p.target)) for p in node.processes[:process])
    return before if index_of(node.processes[process].target) else None


# ---------------------------------------------------------------- the slice


def registers_written(places: Places) -> set[str]:
    """Section 15: the IO registers that the program assigns anywhere; the saver needs them."""
    found = set()
    for site in places:
        node = site.node
        assigns = (node,) if isinstance(node, tree.Assign) else ()
        assigns = (node.start, node.step) if isinstance(node, tree.For) else assigns
        found.update(target_name(a.target) for a in assigns if a is not None and isinstance(a.target, tree.Io))
    return found


class Slice:
    """What one strand executes of a program.

    ``elements``: the elements of its thread; None for the saver. ``statements``: executed whole. ``operands``: (site,
    number) executed only for the seeds they define or the cell they name. ``heard``: (site, process) that arrive.
    ``stamped``: statements of which the saver saves the start, and executes nothing else.
    """

    def __init__(self, places: Places, elements: set[str] | None) -> None:
        self.places = places
        self.elements = elements
        self.statements: set[Site] = set()
        self.operands: set[tuple[Site, int]] = set()
        self.heard: set[tuple[Site, int]] = set()
        self.stamped: set[Site] = set()
        self.needed: set[str] = set()
        self._close()

    def _own(self, site: Site) -> bool:
        """Section 2 (a)."""
        if self.elements is None:
            return isinstance(site.node, tree.Save | tree.Pause | tree.AdvanceInput)
        return not site.bodies and bool(self.elements & set(site.elements))

    def _close(self) -> None:
        for site in self.places:
            if self._own(site):
                self._add_statement(site)
            if self.elements is None and has_stamp(site.node):
                self.stamped.add(site)
                self._add_around(site)
            if self.elements is None and isinstance(site.node, tree.WaitForTrigger):
                self._add_around(site)
        if self.elements is None:
            self.needed |= registers_written(self.places)
        size = -1
        while size != self._size():
            size = self._size()
            for site in self.places:
                self._add_definitions(site)

    def _size(self) -> int:
        return len(self.statements) + len(self.operands) + len(self.heard) + len(self.needed)

    def _add_statement(self, site: Site) -> None:
        """Section 2 (b): with a statement, the control statements around it; what it reads is needed."""
        self.statements.add(site)
        self.needed |= reads(unit_expressions(site.node)) | reads(operands(site.node))
        self._add_around(site)

    def _add_around(self, site: Site) -> None:
        for outer in site.around:
            if outer not in self.statements:
                self._add_statement(outer)

    def _add_operand(self, site: Site, number: int) -> None:
        self.operands.add((site, number))
        self.needed |= reads([operands(site.node)[number]])
        self._add_around(site)

    def _add_definitions(self, site: Site) -> None:
        """Section 2 (c): whatever at this site defines a variable that is needed."""
        if unit_defines(site.node) & self.needed:
            self._add_statement(site)
        for number, operand in enumerate(operands(site.node)):
            if draws([operand]) & self.needed:
                self._add_operand(site, number)
        tag = site.node.tag if isinstance(site.node, tree.WaitForTrigger) else None
        if tag is not None and tag.name in self.needed:
            self.heard.add((site, 0))
            self._add_around(site)
        if isinstance(site.node, tree.Measure):
            for number, process in enumerate(site.node.processes):
                if targets_of(process) & self.needed:
                    self._hear(site, number)

    def _hear(self, site: Site, process: int) -> None:
        self.heard.add((site, process))
        self._add_around(site)
        index = operand_of_target(site.node, process)
        if index is not None:
            self._add_operand(site, index)
