"""Section 2 of docs/arithmetic.md: a strand walks the program with its own clock and variables.

Every step that may have to wait is a generator; it yields while what it needs is not on the board yet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from dataclasses import dataclass, field, replace

from quaymaster._core.config import model
from quaymaster._core.program import tree

from . import library, numbers
from .board import Board, Inlet, Listening, Lookout, Window
from .digital import FOREVER, Marker
from .holds import Hold
from .latencies import Latencies
from .numbers import Report
from .oscillator import Oscillator
from .outside import Incoming
from .phase import chirp_rate, whole_of
from .plants import full_scale, inlet_of, inlets_of, port_of
from .records import ONE, Complex, Record, Steady, envelope_factors, plays_twice, pulse_of, samples_of, twice_of
from .sites import Places, Site
from .slices import Slice, operands, play_operands, target_name
from .variables import Cell, Variables, declared

Steps = Generator[None, None, None]
Reading = Generator[None, None, int]


class Strand:
    """One strand: of thread ``thread`` with its ``elements``, or the saver (no thread, no clock)."""

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
        self.board = board
        self.incoming = incoming
        self.registers = {1: Cell(0), 2: Cell(0)}
        self.inputs = {d.name: d.input for d in program.declarations}
        self.accesses: Counter[int] = Counter()
        self.taken: Counter[str] = Counter()
        self.acts: Counter[str] = Counter()
        self.pauses = 0
        self.last_edge = -1
        self.outside = False  # whether it waits for the outside
        self.elements = {e for e in places.used if thread is not None and threads[e] == thread}
        self.slice = Slice(places, None if thread is None else self.elements)
        self.variables: Variables = declared(program)
        self.oscillators = {
            e: Oscillator(config.intermediate_frequency(e), config.mixer_correction(e), plays_twice(config, e))
            for e in self.elements
        }
        sticky = [e for e in places.used if e in self.elements and config.elements[e].sticky is not None]
        self.holds = {e: Hold(e, thread or 0, self.oscillators[e], board) for e in sticky}
        self.loaded: dict[tuple[str, str], int] = {}
        self.clock = 0
        self.order = 0
        self.passes: Counter[Site] = Counter()
        self.entries: Counter[Site] = Counter()
        self.meetings: Counter[Site] = Counter()
        self.strict: list[Site] = []
        self.stamp_read = 0
        self.latencies = latencies
        self.loose = False
        """Section 19: whether its clock moved by other than literal times since it last met others."""

    def run(self) -> Steps:
        """The whole walk."""
        yield from self.body(self.places.body)
        self.board.passed(self.clock)
        for element, hold in self.holds.items():
            self.board.let_go.append((element, self.clock))
            if hold.level != (0.0, 0.0):
                self.board.passed(self.clock + self.down_at_once(element, None))

    # ------------------------------------------------------------ reading and writing

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
                return numbers.wrap(values[0] * values[1])
            case "cast.mul_int_by_fixed":
                return numbers.wrap((values[0] * values[1]) >> 28)
        if call.function.startswith("cast."):
            return numbers.convert(call.function, call.arguments[0].type, values[0])
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
        return library.of_arrays(call.function, call.arguments[0].type, arrays)

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

    def meet(self, site: Site) -> Steps:
        """Section 2, align: the site's threads go to the latest of their clocks; then due resets happen."""
        mine = self.elements & set(site.elements)
        if not mine:
            return
        self.meetings[site] += 1
        expected = {self.thread_of[element] for element in site.elements}
        assert self.thread is not None
        there = self.board.arrive((site.number, self.meetings[site]), self.thread, (self.clock, self.loose))
        while set(there) != expected:
            yield
        self.clock = max(clock for clock, _ in there.values())
        if len(expected) > 1:
            if any(loose for _, loose in there.values()):
                self.clock += self.latencies.sync
            self.loose = False
        if isinstance(site.node, tree.Pause):
            key = site.number, self.meetings[site]
            self.clock = self.board.pauses.setdefault(key, max(self.clock, self.board.last_window))
        for element in mine:
            self.begin(element)

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
        self.board.save(site.node.timestamp_stream or "", numbers.wrap(start // 4), start)

    def start_of_block(self, site: Site) -> Reading:
        """Section 2, time of a save: when the innermost enclosing block that has elements began; 0 outside any."""
        outer = next((o for o in reversed(site.around) if o.elements), None)
        if outer is None:
            return 0
        key = outer.number, self.entries[outer]
        while key not in self.board.block_starts:
            yield
        return self.board.block_starts[key]

    def perform(self, site: Site, values: list[int]) -> Steps:
        """Section 2, statements: the effect of a quantum statement of this thread."""
        node = site.node
        match node:
            case tree.Play():
                self.act(node.element)
                self.play(node, PlayValues.of(node, values))
                times = (node.duration, node.truncate)
                self.loose |= any(time is not None and not isinstance(time, tree.Value) for time in times)
            case tree.Measure():
                self.measure(site, node, values)
            case tree.Wait():
                self.clock += 4 * self.cycles(values[0], node.at)
                self.loose |= not isinstance(node.duration, tree.Value)
            case tree.Align():
                yield from self.meet(site)
            case tree.Pause():
                yield from self.pause(site)
            case tree.WaitForTrigger():
                yield from self.wait_for_trigger(site, node)
            case tree.RampToZero():
                self.act(node.element)
                self.clock += self.down_at_once(node.element, node.duration)
            case tree.LoadWaveform():
                self.load(node, values[0])
            case tree.SetDcOffset():
                port = port_of(self.config, node.element, node.input)
                most = full_scale(self.config.analog_output(port))
                report = self.reporter(node.at)
                volts = numbers.in_steps(values[0], int(most * 2**16), "offset_range", report, int(2 * most))
                self.act(node.element)
                self.set_offset(node.element, node.input, volts)
            case _:
                for element in self.elements & set(site.elements):
                    self.turn(element, node, values)

    def load(self, node: tree.LoadWaveform, number: int) -> None:
        """Section 13, load_waveform: a number outside the array changes nothing."""
        pulse = pulse_of(self.config, node.element, node.operation)
        arrays = [self.config.waveforms[name] for name in pulse.waveforms.values()]
        (count,) = {len(array.samples_array) for array in arrays if isinstance(array, model.ArrayWaveform)}
        if 0 <= number < count:
            self.loaded[node.element, node.operation] = number
        else:
            self.reporter(node.at)("waveform_index")

    def pause(self, site: Site) -> Steps:
        """Section 15: all meet when all is measured, and go on when the job is resumed."""
        yield from self.meet(site)
        while self.pauses == self.incoming.resumes:
            yield from self.wait_outside()
        self.pauses += 1

    def wait_for_trigger(self, site: Site, node: tree.WaitForTrigger) -> Steps:
        """Section 15: until the next edge that this thread has not taken; a constant pulse may sound until then."""
        if node.operation:
            self.act(node.element)
            self.begin(node.element)
        at_least = max(self.clock, self.last_edge + 1)
        if node.source is not None:
            sound = self.begin_sound(node)
            lookout = Lookout(self.config.elements[node.source.element], node.source, at_least)
            self.board.lookouts.append(lookout)
            while lookout.edge is None:
                yield
            edge, end = lookout.edge, 4 * (lookout.edge // 4) + 4
            self.end_sound(sound, end)
            if node.tag is not None:
                self.board.settle((site.number, self.passes[site], 0, 0), numbers.wrap(edge - self.clock), end)
        else:
            while (edge := self.incoming.edge(self.controller_of(node.element), at_least)) is None:
                yield from self.wait_outside()
            end = edge
            self.end_sound(self.begin_sound(node), end)
        if node.operation:
            self.sweep_ends(node.element, end)
            self.order += 1
        self.clock, self.last_edge = end, edge
        self.loose = True

    def controller_of(self, name: str) -> str:
        """Where the trigger of an element comes to."""
        element = self.config.elements[name]
        (controller, *_) = [ref.controller for ref in [*element.input_ports.values(), *element.output_ports.values()]]
        return controller

    def begin_sound(self, node: tree.WaitForTrigger) -> tuple[Record | None, Marker | None]:
        """Section 15: a hold of the value of a constant pulse, from now on, and its marker."""
        if not node.operation:
            return None, None
        pulse = pulse_of(self.config, node.element, node.operation)
        hold = self.holds.get(node.element)
        record = marker = None
        if pulse.waveforms:
            (level,) = samples_of(self.config, pulse, 1, False, self.reporter(node.at))
            oscillator = self.oscillators[node.element]
            record = Record(
                element=node.element,
                thread=self.thread or 0,
                order=self.order,
                start=self.clock,
                samples=Steady(FOREVER),
                twice=Steady(FOREVER),
                alpha=level,
                beta=(0.0, 0.0),
                theta=oscillator.phase(self.clock),
                inc=oscillator.frequency(self.clock),
                whole=oscillator.whole,
                correction=oscillator.correction,
                chirp=oscillator.sections,
            )
            if hold is not None:
                hold.left_by(replace(record, start=self.clock - 1, samples=((1.0, 0.0),), twice=()))
                record = None
            else:
                self.board.records.append(record)
        if pulse.digital_marker is not None:
            samples = self.config.digital_waveforms[pulse.digital_marker].samples
            sticky = self.config.elements[node.element].sticky
            marker = Marker(node.element, self.clock, FOREVER, samples, sticky is not None and bool(sticky.digital))
            self.board.markers.append(marker)
        return record, marker

    def end_sound(self, sound: tuple[Record | None, Marker | None], end: int) -> None:
        """It lasts until ``end``; what lasts no time is none."""
        record, marker = sound
        lasts = end - self.clock
        if record is not None:
            self.board.records.remove(record)
            ended = replace(record, samples=Steady(lasts), twice=Steady(2 * lasts))
            self.board.records += [ended] if lasts else []
        if marker is not None:
            self.board.markers.remove(marker)
            self.board.markers.append(replace(marker, length=lasts))

    def sweep_ends(self, element: str, end: int) -> None:
        """With the pulse of a wait; what a sticky element holds sweeps no longer."""
        if self.oscillators[element].sweep is not None:
            self.oscillators[element].sweep = None
            if element in self.holds:
                self.holds[element].turned(end)

    def act(self, element: str) -> None:
        """Section 15: the element is about to do something; what was set from outside before that happens now."""
        oscillator = self.oscillators[element]
        for entry in self.incoming.settings_before(element, self.acts[element]):
            match entry.kind:
                case "frequency":
                    oscillator.become(self.clock, whole_of(*entry.raws), keep_phase=False)
                case "correction":
                    c00, c01, c10, c11 = (raw * 2.0**-16 for raw in entry.raws)
                    oscillator.correction = c00, c01, c10, c11
                case "offset":
                    self.set_offset(element, entry.input, entry.raws[0] * 2.0**-16)
            if entry.kind != "offset" and element in self.holds:
                self.holds[element].turned(self.clock)
        self.acts[element] += 1

    def set_offset(self, element: str, input: str, volts: float) -> None:
        """Section 14, set_dc_offset: the port has another offset from now on."""
        port = port_of(self.config, element, input)
        self.board.offsets.setdefault(port, []).append((self.clock, self.thread or 0, volts))

    def turn(self, element: str, node: tree.Statement, values: list[int]) -> None:
        """Section 3: the oscillator or the frame of an element changes; what it holds goes on with that."""
        if isinstance(node, tree.ResetGlobalPhase) and self.config.intermediate_frequency(element) is None:
            return
        if isinstance(node, tree.UpdateCorrection) and self.config.elements[element].mixInputs is None:
            return
        oscillator = self.oscillators[element]
        self.act(element)
        match node:
            case tree.ResetIfPhase():
                oscillator.due = True
                return
            case tree.ResetGlobalPhase():
                oscillator.restart(self.clock)
            case tree.UpdateCorrection():
                report = self.reporter(node.at)
                c00, c01, c10, c11 = (numbers.in_steps(raw, 2**17, "correction_range", report) for raw in values)
                oscillator.correction = c00, c01, c10, c11
            case tree.FrameRotation():
                oscillator.rotate(values[0])
            case tree.ResetFrame():
                oscillator.frame = 0
            case tree.UpdateFrequency():
                oscillator.update(self.clock, values[0], node.units, node.keep_phase)
        if element in self.holds:
            self.holds[element].turned(self.clock)

    def begin(self, element: str) -> None:
        """Section 3: a play, measure or align of an element: a due reset happens, for what it holds too."""
        if self.oscillators[element].begin(self.clock) and element in self.holds:
            self.holds[element].turned(self.clock)

    def down_at_once(self, element: str, cycles: int | None) -> int:
        """Section 13, ramp_to_zero from now on, without moving the clock; gives how long it takes, in ns."""
        sticky = self.config.elements[element].sticky
        assert sticky is not None
        lasts = sticky.duration if cycles is None else 4 * cycles
        self.board.let_go.append((element, self.clock))
        self.holds[element].ramp_to_zero(self.clock, lasts, self.order)
        self.order += 1
        return lasts

    def cycles(self, raw: int, at: int) -> int:
        """Section 2: a duration below 4 counts as 4."""
        if raw < 4:
            self.reporter(at)("short_duration")
        return max(raw, 4)

    def play(self, node: tree.Play | tree.Measure, given: PlayValues) -> None:
        """Sections 2, 4 and 13: a record from now on; the clock passes its length."""
        report = self.reporter(node.at)
        duration = None if given.duration is None else 4 * self.cycles(given.duration, node.at)
        samples, alpha, beta = self.envelope(node, given, duration, report)
        lasts = len(samples)
        if given.truncate is not None:
            lasts = min(lasts, 4 * self.cycles(given.truncate, node.at))
        oscillator = self.oscillators[node.element]
        self.begin(node.element)
        if given.condition and given.ramp is None:
            self.mark(node, lasts)
        silent = given.ramp is None and not pulse_of(self.config, node.element, node.operation).waveforms
        own = sections(node, given.rates, lasts)
        record = Record(
            element=node.element,
            thread=self.thread or 0,
            order=self.order,
            start=self.clock,
            samples=tuple(samples[:lasts]),
            twice=self.twice(node, given, lasts),
            alpha=alpha,
            beta=beta,
            theta=oscillator.phase(self.clock),
            inc=oscillator.frequency(self.clock),
            whole=oscillator.whole,
            correction=oscillator.correction,
            chirp=own or oscillator.sections,
            target=node.target if isinstance(node, tree.Play) else "",
        )
        self.order += 1
        self.clock += lasts
        if given.condition:
            self.sound_out(record, silent, bool(own), isinstance(node, tree.Play) and node.continues)

    def sound_out(self, record: Record, silent: bool, chirped: bool, continues: bool) -> None:
        """Section 13: what is played sounds, if it has a waveform; then sweep and hold are as it left them."""
        hold = self.holds.get(record.element)
        if hold is not None and chirped:
            hold.along(record.start, record.chirp)
        if not silent:
            self.board.records.append(record)
        self.oscillators[record.element].played(record, continues)
        if hold is not None and not silent:
            hold.left_by(record)
        elif hold is not None and record.chirp:
            hold.turned(self.clock)

    def twice(self, node: tree.Play | tree.Measure, given: PlayValues, lasts: int) -> tuple[Complex, ...]:
        """Section 17: the same samples two a ns, of an element whose ports have as many."""
        if given.ramp is not None:
            steps = 2 * lasts if plays_twice(self.config, node.element) else 0
            return tuple((0.5 * ((n + 1) * given.ramp * 2.0**-28), 0.0) for n in range(steps))
        pulse = pulse_of(self.config, node.element, node.operation)
        if not pulse.waveforms:
            return ()
        number = self.loaded.get((node.element, node.operation), 0)
        return twice_of(self.config, node.element, pulse, lasts, number)[: 2 * lasts]

    def mark(self, node: tree.Play | tree.Measure, lasts: int) -> None:
        """Section 14: the digital marker of a pulse that is played from now on."""
        marker, sticky = (
            pulse_of(self.config, node.element, node.operation).digital_marker,
            self.config.elements[node.element].sticky,
        )
        if marker is not None:
            samples = self.config.digital_waveforms[marker].samples
            holds = sticky is not None and sticky.digital
            self.board.markers.append(Marker(node.element, self.clock, lasts, samples, holds))

    def envelope(
        self, node: tree.Play | tree.Measure, given: PlayValues, duration: int | None, report: Report
    ) -> tuple[list[Complex], Complex, Complex]:
        """Sections 4 and 13: the samples of a pulse or of a ramp, and its amplitude."""
        if given.ramp is not None:
            return [((n + 1) * given.ramp * 2.0**-28, 0.0) for n in range(duration or 0)], ONE, (0.0, 0.0)
        pulse = pulse_of(self.config, node.element, node.operation)
        lasts = pulse.length if duration is None else duration
        if not pulse.waveforms:
            return [(0.0, 0.0)] * lasts, ONE, (0.0, 0.0)
        alpha, beta = envelope_factors(given.amplitude, "single" not in pulse.waveforms, report)
        number = self.loaded.get((node.element, node.operation), 0)
        return samples_of(self.config, pulse, lasts, duration is not None, report, number), alpha, beta

    def measure(self, site: Site, node: tree.Measure, values: list[int]) -> None:
        """Section 2, measure: plays, and opens the windows of its acquisitions."""
        start = self.clock
        oscillator = self.oscillators[node.element]
        self.act(node.element)
        self.begin(node.element)
        if oscillator.sweep is not None:
            oscillator.sweep = None
            if node.element in self.holds:
                self.holds[node.element].turned(self.clock)
        listening = Listening(
            measure=node,
            key=(site.number, self.passes[site]),
            thread=self.thread or 0,
            element=self.places.used.index(node.element),
            order=self.order,
            start=start,
            inc=oscillator.inc,
            phase_at_0=oscillator.phase(0),
        )
        opened = windows_of(self.config, listening)
        self.board.windows += opened
        self.board.last_window = max([self.board.last_window, *(window.end for window in opened)])
        self.board.changes += 1
        self.play(node, PlayValues(amplitude=values[: len(node.amplitude)]))


@dataclass
class PlayValues:
    """The values of the operands of a play, raw."""

    amplitude: list[int]
    ramp: int | None = None
    duration: int | None = None
    truncate: int | None = None
    rates: list[int] = field(default_factory=list)
    condition: int = 1

    @classmethod
    def of(cls, node: tree.Play, values: list[int]) -> PlayValues:
        """Each value to its field."""
        pairs = [(name, value) for (name, _), value in zip(play_operands(node), values, strict=True)]
        single = {name: value for name, value in pairs if name not in ("amplitude", "chirp")}
        amplitude, rates = ([value for name, value in pairs if name == of] for of in ("amplitude", "chirp"))
        return cls(amplitude=amplitude, rates=rates, **single)


def sections(node: tree.Play | tree.Measure, rates: list[int], lasts: int) -> tuple[tuple[int, int], ...]:
    """Section 13: (start in ns, rate) of the sections of a chirp; none without one."""
    if isinstance(node, tree.Measure) or node.chirp is None:
        return ()
    starts = [4 * start for start in node.chirp.times] or [j * (lasts // len(rates)) for j in range(len(rates))]
    return tuple((start, chirp_rate(rate, node.chirp.units)) for start, rate in zip(starts, rates, strict=True))


def at_of_operand(node: tree.Statement, number: int) -> int:
    """Section 10: the index of a target is blamed on its process, all else on the statement."""
    if isinstance(node, tree.Measure) and number >= len(node.amplitude):
        with_index = [process for process in node.processes if isinstance(process.target, tree.Cell)]
        return with_index[number - len(node.amplitude)].at
    return node.at


def tagged_inlet(element: model.Element, process: tree.Tagging | tree.Counting) -> Inlet:
    """The input that is tagged; of several that are counted, the first."""
    if isinstance(process, tree.Tagging) and process.kind != "time_tagging.digital":
        return inlet_of(element, process.output, 0)
    name = process.output if isinstance(process, tree.Tagging) else process.outputs[0]
    return element.digitalOutputs[name or next(iter(element.digitalOutputs))], "digital"


def windows_of(config: model.Config, listening: Listening) -> list[Window]:
    """Section 2: the windows of the integrals of a measure; section 8: those of its raw traces."""
    node = listening.measure
    element = config.elements[node.element]
    pulse = pulse_of(config, node.element, node.operation)
    begin = listening.start + (element.time_of_flight or 0)
    found = []
    number = 0
    for n, process in enumerate(node.processes):
        if isinstance(process, tree.Tagging | tree.Counting):
            at, end = tagged_inlet(element, process), begin + process.max_time
            found.append(Window(listening=listening, process=n, output=0, at=at, start=begin, end=end))
            continue
        length = config.integration_weights[pulse.integration_weights[process.weights[0]]].length
        size = 4 * process.chunk or length
        for piece in range(length // size):
            first = begin + piece * size
            for output, name in enumerate(process.outputs):
                window = Window(
                    listening=listening,
                    process=n,
                    output=output,
                    piece=piece,
                    number=number,
                    at=inlet_of(element, name, output),
                    start=first,
                    end=first + size,
                )
                found.append(window)
            number += 1
    if node.stream is not None and pulse.digital_marker is not None:
        first, last = begin - element.smearing, begin + pulse.length + element.smearing
        for output, at in enumerate(inlets_of(element)):
            found.append(Window(listening=listening, process=-1, output=output, at=at, start=first, end=last))
    return found
