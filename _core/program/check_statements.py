"""The checks of statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from . import limits, tree
from .check_expressions import ExpressionChecker, Report
from .check_pulses import PulseChecker, check_name


class StatementChecker:
    """Walks over all statements; faults go to ``report`` (at, message)."""

    def __init__(self, program: tree.Program, report: Report) -> None:
        self._declarations: Mapping[str, tree.Declaration] = {item.name: item for item in program.declarations}
        self._streams = {stream.name: stream for stream in program.streams}
        self._report = report
        self._expressions = ExpressionChecker(self._declarations, report)
        self._pulses = PulseChecker(self._declarations, self._streams, self._expressions, report)
        self._count = 0

    def check(self, body: Iterable[tree.Statement]) -> None:
        """Check the body of a program."""
        self._block(body, limits.BLOCK_DEPTH_MAX)
        if self._count > limits.STATEMENTS_MAX:
            self._report(-1, f"more than {limits.STATEMENTS_MAX} statements (STATEMENTS_MAX)")
        if self._expressions.count > limits.EXPRESSION_NODES_MAX:
            self._report(-1, f"more than {limits.EXPRESSION_NODES_MAX} parts of expressions (EXPRESSION_NODES_MAX)")

    def _block(self, body: Iterable[tree.Statement], depth: int) -> None:
        for statement in body:
            self._count += 1
            if depth <= 0:
                self._report(
                    statement.at, f"blocks are nested more than {limits.BLOCK_DEPTH_MAX} deep (BLOCK_DEPTH_MAX)"
                )
                return
            self._statement(statement, depth)

    def _statement(self, node: tree.Statement, depth: int) -> None:
        match node:
            case tree.Play():
                self._pulses.play(node)
            case tree.Assign():
                self._assign(node)
            case tree.Save():
                self._save(node)
            case tree.Measure():
                self._pulses.measure(node)
            case tree.Wait():
                self._expressions.check_cycles(node.duration, node.at, "the duration of wait", limits.WAIT_MIN_CYCLES)
                self._elements(node.elements, node.at)
            case tree.Align():
                self._elements(node.elements, node.at)
            case tree.FrameRotation():
                self._elements((node.element,), node.at)
                self._expressions.check(node.turns, node.at, "fixed", "the angle of a frame rotation")
            case tree.ResetFrame() | tree.ResetIfPhase():
                self._elements((node.element,), node.at)
            case tree.UpdateFrequency():
                self._elements((node.element,), node.at)
                self._expressions.check(node.frequency, node.at, "int", "a frequency")
            case tree.AdvanceInput():
                self._advance(node)
            case tree.Pause():
                pass
            case tree.WaitForTrigger():
                self._elements((node.element,), node.at)
                self._wait_for_trigger(node)
            case tree.UpdateCorrection():
                self._elements((node.element,), node.at)
                for value in node.correction:
                    self._expressions.check(value, node.at, "fixed", "a value of a correction")
            case tree.ResetGlobalPhase():
                pass
            case tree.LoadWaveform():
                self._elements((node.element,), node.at)
                check_name(node.operation, node.at, "a pulse", self._report)
                self._expressions.check(node.index, node.at, "int", "the number of a waveform")
            case tree.SetDcOffset():
                self._elements((node.element,), node.at)
                check_name(node.input, node.at, "an input", self._report)
                self._expressions.check(node.offset, node.at, "fixed", "a DC offset")
            case tree.RampToZero():
                self._elements((node.element,), node.at)
                self._ramp_to_zero(node)
            case _:
                self._nested(node, depth)

    def _nested(self, node: tree.StrictTiming | tree.If | tree.For | tree.ForEach, depth: int) -> None:
        match node:
            case tree.StrictTiming():
                self._block(node.body, depth - 1)
            case tree.If():
                if not node.branches:
                    self._report(node.at, "an if has no branch")
                for branch in node.branches:
                    self._expressions.check(branch.condition, branch.at, "bool", "the condition of a branch")
                    self._block(branch.body, depth - 1)
                self._block(node.otherwise, depth - 1)
            case tree.For():
                self._for(node)
                self._block(node.body, depth - 1)
            case tree.ForEach():
                self._for_each(node)
                self._block(node.body, depth - 1)

    def _assign(self, node: tree.Assign) -> None:
        self._expressions.check(node.target, node.at, None, "the target")
        wanted = None if node.target.type == "bool" else node.target.type
        self._expressions.check(node.value, node.at, wanted, f"the value assigned to a {node.target.type}")

    def _save(self, node: tree.Save) -> None:
        self._expressions.check(node.source, node.at, None, "the saved value")
        stream = self._streams.get(node.stream)
        if stream is None:
            self._report(node.at, f"there is no stream {node.stream!r}")
        elif stream.adc:
            self._report(node.at, f"stream {stream.name} holds raw samples; save needs a stream of its own")
        elif stream.type != node.source.type:
            self._report(node.at, f"stream {stream.name} holds {stream.type} values, not {node.source.type}")

    def _ramp_to_zero(self, node: tree.RampToZero) -> None:
        least, most = limits.DURATION_MIN_CYCLES, limits.RAMP_TO_ZERO_MAX_CYCLES
        if node.duration is not None and not least <= node.duration <= most:
            self._report(node.at, f"ramp_to_zero lasts {least} to {most} cycles, not {node.duration}")

    def _advance(self, node: tree.AdvanceInput) -> None:
        declaration = self._declarations.get(node.variable)
        if declaration is None or not declaration.input:
            self._report(node.at, f"{node.variable} belongs to no input stream")

    def _wait_for_trigger(self, node: tree.WaitForTrigger) -> None:
        if node.operation:
            check_name(node.operation, node.at, "a pulse", self._report)
        if node.source is not None:
            check_name(node.source.element, node.at, "a trigger element", self._report)
            if node.source.output:
                check_name(node.source.output, node.at, "an output", self._report)
        if node.tag is not None:
            self._expressions.check(node.tag, node.at, "int", "the time tag of a trigger")
            if node.source is None:
                self._report(node.at, "a time tag of a trigger needs a trigger element")

    def _for(self, node: tree.For) -> None:
        if (node.start is None) != (node.step is None) or (node.start is not None and node.condition is None):
            self._report(node.at, "a for loop has a start, a condition and a step, or no start and no step")
        for assign in (node.start, node.step):
            if assign is not None:
                self._assign(assign)
        if node.condition is not None:
            self._expressions.check(node.condition, node.at, "bool", "the condition of a loop")

    def _for_each(self, node: tree.ForEach) -> None:
        if not node.variables or len(node.variables) != len(node.arrays):
            self._report(node.at, f"for_each has {len(node.variables)} variables and {len(node.arrays)} arrays")
            return
        if len({variable.name for variable in node.variables}) < len(node.variables):
            self._report(node.at, "for_each has one variable twice")
        sizes = set()
        for variable, name in zip(node.variables, node.arrays, strict=True):
            scalar = self._expressions.variable(variable, node.at)
            if self._expressions.array(name, variable.type, node.at) and scalar:
                sizes.add(self._declarations[name].size)
        if len(sizes) > 1:
            self._report(node.at, f"the arrays of for_each have different lengths: {sorted(sizes)}")

    def _elements(self, names: tuple[str, ...], at: int) -> None:
        if len(names) > limits.ELEMENTS_MAX:
            self._report(at, f"more than {limits.ELEMENTS_MAX} elements in one statement (ELEMENTS_MAX)")
        for name in names:
            check_name(name, at, "an element", self._report)
