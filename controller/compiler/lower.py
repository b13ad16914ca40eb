"""Statements into instructions: the order of reads, aligns and effects (docs/arithmetic.md, section 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..._core.engine.codes import (
    SAVER,
    ElementColumn,
    Op,
)
from ..._core.engine.image import table
from ..._core.engine.latencies import Latency
from ..._core.engine.settings import FREQUENCY_MAX_HZ
from ..._core.program import tree
from ..._core.program.endless import has_no_end, is_endless
from .code import Code, Memory, saver_of
from .elements import Elements
from .endless_loops import EndlessLoops
from .expressions import Expressions
from .gaps import StrictBlock
from .measures import Edge, Integral, MeasureTables, Pulses, Tags, Window
from .outside import awaited_registers, nobody_waits
from .plays import UNITS, PlayTables
from .problems import Problems
from .processes import ProcessRows
from .slices import Slices, Step, play_operands
from .waveforms import RAMP, PulseTables, PulseUse

_NS_MAX = 1 << 31


@dataclass
class _Head:
    """What all branches of an If begin with: strands that never come there, the block outside, that of them all."""

    step: Step
    dead: int
    outer: int
    block: int | None = None


class Lowering:
    """Lowers the steps of one program; afterwards ``tables`` are fields of the image."""

    def __init__(
        self,
        program: tree.Program,
        slices: Slices,
        elements: Elements,
        pulses: PulseTables,
        measures: MeasureTables,
        problems: Problems,
        *,
        delays: bool,
    ) -> None:
        self.code = Code()
        self.memory = Memory(program.declarations, slices.measured)
        self.timed = {node.stream for node in program.nodes if isinstance(node, tree.Source) and node.timestamps}
        self.paced = bool(self.timed) or slices.outside or is_endless(program.body)
        late = slices.late() if delays else set()
        self.values = Expressions(self.code, self.memory, slices.measured, bool(self.timed), late)
        self._delays = delays
        self._slices = slices
        self._elements = elements
        self._pulses = pulses
        self._measures = measures
        self._problems = problems
        self._endless = EndlessLoops(slices, elements, problems)
        self._streams = {stream.name: number for number, stream in enumerate(program.streams)}
        named = [item for item in program.declarations if item.input]
        self._inputs = {item.name: number for number, item in enumerate(named)}
        self._plays = PlayTables(elements, pulses, self.memory, problems)
        self._processes = ProcessRows(self.memory, measures)
        self._align_rows: list[list[int]] = []
        self._align_elements: list[int] = []
        self._align_masks: list[int] = []
        self._strict: list[int] = []
        self.strict_blocks: list[StrictBlock] = []
        self._block = 0  # where saves of the present block find its start; 0: outside any, never set
        self._blocks = 1

    def lower(self) -> None:
        """Lower the whole program."""
        self._body(self._slices.steps)
        self.code.end()

    def tables(self) -> dict[str, Any]:
        """The fields of the image."""
        return {
            **self.code.tables(),
            "memory": np.array(self.memory.cells, dtype=np.int32),
            **self._plays.tables(),
            "aligns": table(self._align_rows, 2),
            "align_elements": np.array(self._align_elements, dtype=np.int64),
            "align_masks": np.array(self._align_masks, dtype=np.uint64),
            "strict": np.array(self._strict, dtype=np.uint64),
            "hearers": np.array(self._measures.hearers, dtype=np.uint64),
            "tracked": self.memory.tracked,
            "blocks": self._blocks,
            "forked": self.code.forked,
            "variables": self.memory.variables,
        }

    # ---- statements

    def _body(self, steps: tuple[Step, ...]) -> None:
        for step in steps:
            self.memory.next_statement()
            self._step(step)

    def _step(self, step: Step) -> None:
        if self.code.dead:
            self._endless.check(step, self.code.dead)
        _LOWERED_BY[type(step.statement)](self, step.statement, step)

    def _advance(self, node: tree.AdvanceInput, step: Step) -> None:
        self.values.advance(self._inputs[node.variable], node.variable, step.unit.mask, node.at)

    def _assign(self, node: tree.Assign, step: Step) -> None:
        self.values.assign(node, step.unit.mask)

    def _align_named(self, node: tree.Align, step: Step) -> None:
        self._align(step.elements, node.at)

    def _reset_global_phase(self, node: tree.ResetGlobalPhase, step: Step) -> None:
        for name in step.elements:
            if self._has(name, ElementColumn.HAS_OSCILLATOR):
                self.code.emit(Op.RESET_NOW, self._elements.index[name], mask=self._mask_of(name), at=node.at)

    def _operands(self, step: Step, ats: Sequence[int]) -> list[int]:
        """Evaluate the operands in order; returns their slots."""
        if not step.operands:
            return []
        if len(step.operands) == 1 and not self._delays:
            ((operand, owner),) = step.operands
            return [self.values.read(operand, owner.mask, ats[0])]
        slots = []
        nodes = [node for node, _ in step.operands]
        for k, (node, unit) in enumerate(step.operands):
            at = ats[min(k, len(ats) - 1)]
            late = self._delays and self.values.watch(node, unit.mask, at)
            slots.append(self.values.steady(node, unit.mask, at, tuple(nodes[k + 1 :])))
            if late:
                self.values.ready(_latency(step.statement, k), unit.mask, at)
        return slots

    def _loosen(self, step: Step, *times: tree.Expression | None) -> None:
        """The clocks of a statement move by other than literal times."""
        if self._delays and any(time is not None and not isinstance(time, tree.Value) for time in times):
            self.code.emit(Op.LOOSE, mask=step.unit.mask & ~SAVER, at=step.statement.at)

    def _save(self, node: tree.Save, step: Step) -> None:
        mask, at, stream = step.unit.mask, node.at, self._streams[node.stream]
        (_, unit), timed = step.operands[0], node.stream in self.timed
        index = slot = 0
        if isinstance(node.source, tree.Cell):
            array = node.source.array
            first, size = self.memory.slots[array], self.memory.sizes[array]
            index = self.values.read(node.source.index, unit.mask, at)
            slot = self.memory.temporary()
            self.values.load(slot, array, index, unit.mask, at)
        else:
            slot = self.values.read(node.source, unit.mask, at)
        if not timed:
            self.code.emit(Op.SAVE, stream, slot, mask=mask, at=at)
            return
        self.code.emit(Op.STAMP_CLEAR, mask=mask, at=at)
        if isinstance(node.source, tree.Cell):
            self.code.emit(Op.STAMP_READ_CELL, first, size, index, mask=mask, at=at)
        elif isinstance(node.source, tree.Variable):
            self.code.emit(Op.STAMP_READ, slot, mask=mask, at=at)
        self.code.emit(Op.SAVE_TIMED, stream, slot, self._block, mask=mask, at=at)

    def _play(self, node: tree.Play, step: Step) -> None:
        slots = self._operands(step, (node.at,))
        use = self._plays.pulse(node)
        if use is None:
            return
        number = self._plays.add(node, use, iter(slots))
        self._stamp(node, step)
        self.code.emit(Op.PLAY, number, mask=step.unit.mask, at=node.at)
        self._loosen(step, node.duration, node.truncate)

    def _measure(self, node: tree.Measure, step: Step) -> None:
        ats = [node.at] * len(node.amplitude)
        ats += [process.at for process in node.processes if isinstance(process.target, tree.Cell)]
        slots = iter(self._operands(step, ats))
        use = self._plays.pulse(node)
        windows = self._measures.parts(node, use) if use is not None else None
        if use is None or windows is None:
            return
        play = self._plays.add(node, use, slots)
        rows: list[tuple[list[int], Window]] = []
        heard: list[tuple[int, int]] = []  # at, strands
        integrals = 0
        for process, parts, unit in zip(node.processes, windows, step.heard, strict=True):
            index = next(slots) if isinstance(process.target, tree.Cell) else 0
            for part in parts:
                if isinstance(process, tree.Process) and isinstance(part, Integral):
                    rows.append((self._processes.integral(process, integrals, part, len(parts), index), part))
                    integrals += 1
                elif isinstance(process, tree.Tagging) and isinstance(part, Tags):
                    rows.append((self._processes.tagging(process, node.element, part), part))
                elif isinstance(process, tree.Tagging | tree.Counting) and isinstance(part, Pulses):
                    rows.append((self._processes.digital(process, part), part))
                heard.append((process.at, unit.mask))
        self._stamp(node, step)
        number, places = self._measures.add(play, self._trace(node, use), node.at, rows)
        self.code.emit(Op.MEASURE, number, mask=step.unit.mask, at=node.at)
        hearers = [0] * len(places)
        for place, (at, mask) in zip(places, heard, strict=True):
            hearers[place - len(self._measures.hearers)] = self.code.alive(mask)
            self.code.emit(Op.HEAR, place, mask=mask, at=at)
        self._measures.hearers += hearers

    def _trace(self, node: tree.Measure, use: PulseUse) -> tuple[int, int, int]:
        """Stream (-1: no raw trace is kept), first entry and count in the table of trace ports."""
        if node.stream is None:
            return -1, 0, 0
        trace = self._measures.trace(node, use)
        return (-1, 0, 0) if trace is None else (self._streams[node.stream], *trace)

    def _stamp(self, node: tree.Play | tree.Measure, step: Step) -> None:
        """Let the saver save the start of this statement: the clock of its thread, after all reads."""
        if step.stamp is None or node.timestamp_stream is None or not self.code.alive(step.stamp.mask):
            return
        number = self._tell_saver(node.element, node.at)
        self.code.emit(Op.SAVE_START, self._streams[node.timestamp_stream], number, mask=step.stamp.mask, at=node.at)

    def _wait(self, node: tree.Wait, step: Step) -> None:
        (slot,) = self._operands(step, (node.at,))
        if isinstance(node.duration, tree.Value) and 4 <= node.duration.raw < _NS_MAX // 4:
            self.code.emit(Op.WAIT_NS, 4 * node.duration.raw, mask=step.unit.mask, at=node.at)
        else:
            self.code.emit(Op.WAIT, slot, mask=step.unit.mask, at=node.at)
            self._loosen(step, node.duration)

    def _ramp_to_zero(self, node: tree.RampToZero, step: Step) -> None:
        number = self._elements.index[node.element]
        if not self._has(node.element, ElementColumn.STICKY):
            self._problems.add(node.at, f"ramp_to_zero: element '{node.element}' is not sticky")
        self.code.emit(Op.RAMP_TO_ZERO, number, node.duration or 0, mask=step.unit.mask, at=node.at)

    def _pause(self, node: tree.Pause, step: Step) -> None:
        self._align(step.elements, node.at, measured=True)
        if step.elements and step.unit.mask & self.code.dead:
            self.code.dead |= step.unit.mask  # a pause that some never come to is never left
        self.code.emit(Op.PAUSE, mask=step.unit.mask, at=node.at)

    def _wait_for_trigger(self, node: tree.WaitForTrigger, step: Step) -> None:
        number, play = self._elements.index[node.element], -1
        if node.operation:
            use = self._pulses.pulse(node.element, node.operation, node.at)
            if use is None:
                return
            self._check_sounding(node, use)
            play = self._plays.add_waiting(node, use)
        if node.source is None:
            self.code.emit(Op.TRIGGER, number, play, mask=step.unit.mask, at=node.at)
            self._tell_saver(node.element, node.at)
            return
        source = self._measures.trigger_input(node, node.source)
        if source is None:
            return
        place = -1 if node.tag is None else self._time_tag(node, node.tag, source)
        self.code.emit(Op.EDGE, number, source, play, place, mask=step.unit.mask, at=node.at)
        if place >= 0:
            (unit,) = step.heard
            self._measures.hearers.append(self.code.alive(unit.mask))
            self.code.emit(Op.HEAR, place, mask=unit.mask, at=node.at)
        self._tell_saver(node.element, node.at)

    def _tell_saver(self, element: str, at: int) -> int:
        """The saver comes here when the element does; returns where it finds the element's clock."""
        number, thread = self._blocks, self._elements.thread[element]
        self._blocks += 1
        if self.code.alive(SAVER):
            self.code.emit(Op.BLOCK_TIME, number, thread, mask=SAVER | 1 << thread, at=at)
        return number

    def _time_tag(self, node: tree.WaitForTrigger, tag: tree.Variable, source: int) -> int:
        """The process that gets the time tag of a trigger: of a measure that is never made."""
        play = self._plays.add_waiting(node, RAMP)
        row = self._processes.edge(node, tag, source)
        (place,) = self._measures.add(play, (-1, 0, 0), node.at, [(row, Edge(source))])[1]
        return place

    def _check_sounding(self, node: tree.WaitForTrigger, use: PulseUse) -> None:
        """The pulse of a wait_for_trigger is constant, so that it can last as long as the wait does."""
        if use.samples:
            what = f"wait_for_trigger: the pulse '{use.name}'"
            self._problems.add(node.at, f"{what} is not constant, so it cannot sound until the trigger comes")

    def _phase(
        self, node: tree.FrameRotation | tree.ResetFrame | tree.ResetIfPhase | tree.UpdateFrequency, step: Step
    ) -> None:
        slots = self._operands(step, (node.at,))
        if not self._has(node.element, ElementColumn.HAS_OSCILLATOR):
            what = type(node).__name__
            self._problems.add(
                node.at, f"{_WORDS[what]}: element '{node.element}' has no oscillator (no intermediate_frequency)"
            )
        for name in step.elements:
            number, mask = self._elements.index[name], self._mask_of(name)
            match node:
                case tree.FrameRotation():
                    self.code.emit(Op.ROTATE, number, slots[0], mask=mask, at=node.at)
                case tree.ResetFrame():
                    self.code.emit(Op.RESET_FRAME, number, mask=mask, at=node.at)
                case tree.ResetIfPhase():
                    self.code.emit(Op.RESET_PHASE, number, mask=mask, at=node.at)
                case tree.UpdateFrequency():
                    power = UNITS[node.units]
                    self._check_frequency(node, name)
                    self.code.emit(Op.FREQUENCY, number, slots[0], power, int(node.keep_phase), mask=mask, at=node.at)

    def _check_frequency(self, node: tree.UpdateFrequency, element: str) -> None:
        """A literal beyond what the ports of an element carry is refused; what a run finds is an event."""
        most = FREQUENCY_MAX_HZ[self._elements.info[self._elements.index[element]].per_ns]
        if node.units == "Hz" and isinstance(node.frequency, tree.Value) and abs(node.frequency.raw) > most:
            text = f"update_frequency: {node.frequency.raw} Hz of element '{element}'"
            self._problems.add(node.at, f"{text} is outside ±{most / 1e6:g} MHz, the range of its ports")

    def _correct(self, node: tree.UpdateCorrection, step: Step) -> None:
        slots = self._operands(step, (node.at,))
        if not self._has_mixer(node.element):
            why = _DIGITAL if node.element in self._elements.microwaves else "no mixInputs"
            self._problems.add(node.at, f"update_correction: element '{node.element}' has no mixer ({why})")
        for name in filter(self._has_mixer, step.elements):
            self.code.emit(Op.CORRECTION, self._elements.index[name], *slots, mask=self._mask_of(name), at=node.at)

    def _set_offset(self, node: tree.SetDcOffset, step: Step) -> None:
        (slot,) = self._operands(step, (node.at,))
        inputs = self._elements.offsets[node.element]
        if node.input not in inputs:
            known = f"it has: {', '.join(inputs) or 'none'}"
            if node.element in self._elements.microwaves:
                known = "outputs of an MW-FEM have no DC offset"
            self._problems.add(node.at, f"set_dc_offset: element '{node.element}' has no input '{node.input}'; {known}")
            return
        number, which = inputs[node.input]
        port = self._elements.info[number].inputs[which]
        low, high = -self._elements.ranges[port], self._elements.ranges[port] * (1.0 - 2.0**-15)
        if isinstance(node.offset, tree.Value) and not low <= node.offset.raw * 2.0**-28 <= high:
            volts = f"{node.offset.raw * 2.0**-28:.10g} V on analog output {port}"
            self._problems.add(node.at, f"set_dc_offset: {volts}, which has {low} to {high:.10g} V")
        steps = int(-low * 65536), int(high * 65536)
        self.code.emit(Op.SET_OFFSET, number, which, slot, *steps, mask=step.unit.mask, at=node.at)

    def _load_waveform(self, node: tree.LoadWaveform, step: Step) -> None:
        (slot,) = self._operands(step, (node.at,))
        use = self._pulses.pulse(node.element, node.operation, node.at)
        if use is not None and not use.choices:
            what = f"operation '{node.operation}' of element '{node.element}'"
            self._problems.add(node.at, f"load_waveform: {what} has no waveform of type array")
        if use is not None:
            choice = self._plays.choice(node.element, node.operation)
            self.code.emit(Op.LOAD_WAVEFORM, choice, use.choices, slot, mask=step.unit.mask, at=node.at)

    def _has(self, element: str, column: int) -> bool:
        return bool(self._elements.rows[self._elements.index[element]][column])

    def _has_mixer(self, element: str) -> bool:
        return element in self._elements.mixed

    def _mask_of(self, element: str) -> int:
        """The strand of an element's thread."""
        return 1 << self._elements.thread[element]

    def _align(self, names: tuple[str, ...], at: int, *, measured: bool = False) -> None:
        """Let the threads of these elements meet; nothing where one thread alone has no reset to take.

        ``measured``: and let all windows so far end.
        """
        threads = self._elements.thread_mask(names)
        resets = tuple(self._elements.index[name] for name in names if name in self._slices.reset)
        if not threads & (threads - 1) and not resets and not measured:
            return
        number = len(self._align_rows)
        self._align_rows.append([len(self._align_elements), len(resets)])
        self._align_elements += resets
        self._align_masks.append(threads)
        self.code.emit(Op.ALIGN, number, int(measured), mask=threads, at=at)
        if threads & self.code.dead:
            self.code.dead |= threads  # who waits here for an endless loop waits for ever

    # ---- control

    def _block_time(self, step: Step, at: int) -> int:
        """Let the saver know when this block starts; returns where saves find it.

        Only where times are saved, or others see results of a program that has not come to its end: the saver does not
        run ahead of the elements there.
        """
        if not step.elements or not self.paced or not saver_of(step.unit.mask):
            return self._block
        number = self._blocks
        self._blocks += 1
        self._emit_block(number, step, at)
        return number

    def _emit_block(self, number: int, step: Step, at: int) -> None:
        thread = self._elements.thread[step.elements[0]]
        if self.code.alive(saver_of(step.unit.mask)):
            self.code.emit(Op.BLOCK_TIME, number, thread, mask=saver_of(step.unit.mask) | 1 << thread, at=at)

    def _if(self, node: tree.If, step: Step) -> None:
        """One condition jumps over its body; of several each jumps to its body, and what does not hold falls through to
        the next one: a chain of comparisons without jumps taken."""
        outer, dead, mask = self._block, self.code.dead, step.unit.mask
        self._align(step.elements, node.at)
        head = _Head(step, self.code.dead, outer)
        if len(node.branches) == 1:
            self._one_condition(node.branches[0], node.at, head, mask)
        else:
            self._several_conditions(node, head, mask)
        self._block, self.code.dead = outer, dead | head.dead

    def _one_condition(self, branch: tree.Branch, at: int, head: _Head, mask: int) -> None:
        self.memory.next_statement()
        skip = self.values.jump_unless(branch.condition, mask, branch.at)
        self._branch(head, 0, branch.at)
        end = self.code.emit(Op.JUMP, 0, mask=mask, at=branch.at)
        self.code.land(skip)
        self._branch(head, 1, at)
        self.code.land(end)

    def _several_conditions(self, node: tree.If, head: _Head, mask: int) -> None:
        jumps = []
        for branch in node.branches:
            self.memory.next_statement()
            jumps.append(self.values.jump_if(branch.condition, mask, branch.at))
        self._branch(head, len(jumps), node.at)
        ends = [self.code.emit(Op.JUMP, 0, mask=mask, at=node.at)]
        for number, (jump, branch) in enumerate(zip(jumps, node.branches, strict=True)):
            self.code.land(jump)
            self._branch(head, number, branch.at)
            if number < len(jumps) - 1:
                ends.append(self.code.emit(Op.JUMP, 0, mask=mask, at=branch.at))
        self.code.land(*ends)

    def _branch(self, head: _Head, body: int, at: int) -> None:
        """The body of a branch, for all strands that come to the head of the If; it starts the one block of all."""
        self.code.dead = head.dead
        if self._delays:
            self.code.emit(Op.BRANCH, mask=head.step.unit.mask & ~SAVER, at=at)
        if head.block is None:
            head.block = self._block_time(head.step, at)
        elif head.block != head.outer:
            self._emit_block(head.block, head.step, at)
        self._block = head.block
        self._body(head.step.bodies[body])

    def _for(self, node: tree.For, step: Step) -> None:
        outer, mask = self._block, step.unit.mask
        if not mask and (awaited := awaited_registers(node)):
            self._problems.add(node.at, nobody_waits(awaited))
        if node.start is not None:
            self.values.assign(node.start, mask)
        head = len(self.code)
        self._align(step.elements, node.at)
        dead = self.code.dead
        self.memory.next_statement()
        endless = has_no_end(node)
        skip = -1
        if node.condition is not None and not endless:
            skip = self.values.jump_unless(node.condition, mask, node.at)
        self._block = self._block_time(step, node.at)
        self._body(step.bodies[0])
        self.memory.next_statement()
        if node.step is not None:
            self.values.assign(node.step, mask)
        self.code.emit(Op.JUMP, head, mask=mask, at=node.at)
        self.code.land(skip)
        self._block, self.code.dead = outer, dead | mask if endless else dead
        if endless:
            self.code.endless |= mask
            self._endless.add(step, mask & ~dead)

    def _for_each(self, node: tree.ForEach, step: Step) -> None:
        outer, mask, at = self._block, step.unit.mask, node.at
        counter, one, zero = self.memory.reserved(), self.memory.constant(1), self.memory.constant(0)
        count = self.memory.constant(self.memory.sizes[node.arrays[0]])
        self.code.emit(Op.MOVE, counter, zero, mask=mask, at=at)
        head = len(self.code)
        self._align(step.elements, at)
        dead = self.code.dead
        skip = self.code.emit(Op.JUMP_NOT_LT, 0, counter, count, mask=mask, at=at)
        for variable, array in zip(node.variables, node.arrays, strict=True):
            self.values.load(self.memory.slots[variable.name], array, counter, mask, at)
            self.values.written(variable.name, mask, at)
        self._block = self._block_time(step, at)
        self._body(step.bodies[0])
        self.code.emit(Op.ADD, counter, counter, one, mask=mask, at=at)
        self.code.emit(Op.JUMP, head, mask=mask, at=at)
        self.code.land(skip)
        self._block, self.code.dead = outer, dead

    def _strict_timing(self, _: tree.StrictTiming, step: Step) -> None:
        outer = self.values.strict
        threads = self._elements.thread_mask(step.elements)
        self._strict.append(threads | (self._strict[outer] if outer >= 0 else 0))
        self.strict_blocks.append(StrictBlock(len(self.code), step.elements, outer))
        self.values.strict = len(self._strict) - 1
        self._body(step.bodies[0])
        self.values.strict = outer


_DIGITAL = "the up-converters of an MW-FEM are digital"
_WORDS = {
    "FrameRotation": "frame_rotation",
    "ResetFrame": "reset_frame",
    "ResetIfPhase": "reset_if_phase",
    "UpdateFrequency": "update_frequency",
}


def _latency(node: tree.Statement, operand: int) -> Latency:
    """Which latency an operand has."""
    if isinstance(node, tree.Measure):
        return Latency.PARAMETER if operand < len(node.amplitude) else Latency.VALUE
    condition = isinstance(node, tree.Play) and node.condition is not None and operand == len(play_operands(node)) - 1
    return Latency.VALUE if condition else Latency.PARAMETER


_LOWERED_BY: dict[type[tree.Node], Callable[[Lowering, Any, Step], None]] = {
    tree.Play: Lowering._play,
    tree.Measure: Lowering._measure,
    tree.AdvanceInput: Lowering._advance,
    tree.Save: Lowering._save,
    tree.Assign: Lowering._assign,
    tree.Wait: Lowering._wait,
    tree.Align: Lowering._align_named,
    tree.If: Lowering._if,
    tree.For: Lowering._for,
    tree.ForEach: Lowering._for_each,
    tree.StrictTiming: Lowering._strict_timing,
    tree.RampToZero: Lowering._ramp_to_zero,
    tree.Pause: Lowering._pause,
    tree.WaitForTrigger: Lowering._wait_for_trigger,
    tree.SetDcOffset: Lowering._set_offset,
    tree.LoadWaveform: Lowering._load_waveform,
    tree.UpdateCorrection: Lowering._correct,
    tree.ResetGlobalPhase: Lowering._reset_global_phase,
    tree.FrameRotation: Lowering._phase,
    tree.ResetFrame: Lowering._phase,
    tree.ResetIfPhase: Lowering._phase,
    tree.UpdateFrequency: Lowering._phase,
}
"""Looked up by type, for a program has thousands of statements."""
