"""The reference engine: runs a program from its first statement to its last sample, following docs/arithmetic.md.

``run`` lets every strand go on until all are blocked or done, then evaluates the least pending window (its end, thread,
order): what is blocked can start nothing before that window ends, so all records that it hears are known. And again.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef
from quaymaster._core.engine.outside import Outside
from quaymaster._core.program import tree

from .board import Board, Inlet, Window
from .digital import Listener, Markers
from .ears import Ear, ear
from .exact import exact, narrowed
from .integrals import Row, integral_of, linear, target_value
from .latencies import Latencies
from .levels import level_records
from .numbers import Report
from .outside import Incoming
from .plants import Plant, inlet_of, inlets_of, played_on
from .ranges import Beyond, overflows
from .records import Record, pulse_of
from .samples import codes, sums_of, trace
from .sites import Places
from .strands import Strand
from .tagging import BEFORE_NS, tags
from .tails import Tail

Numerics = Literal["linear", "exact"]


@dataclass(frozen=True)
class Outcome:
    """What a job leaves: streams of (raw value, time_ns), traces of (input number, start_ns, codes), events, end, and
    the outputs that were out of range. ``waits``: it is not done, and waits for what nobody will bring."""

    streams: dict[str, list[tuple[int, int]]]
    traces: dict[str, list[tuple[int, int, list[int]]]]
    events: set[tuple[str, int]]
    end_ns: int
    overflows: dict[PortRef, Beyond] = field(default_factory=dict)
    waits: bool = False


def run(
    program: tree.Program,
    config: model.Config,
    *,
    seed: int,
    numerics: Numerics,
    plant: Plant,
    outside: Sequence[Outside] = (),
    latency: str = "ideal",
) -> Outcome:
    """Run ``program`` on ``config`` to its end, or until it waits for more than the log ``outside`` has."""
    return Job(program, config, seed, numerics, plant, outside, latency).run()


class Job:
    """One run: the strands, the board between them, and the inputs."""

    def __init__(
        self,
        program: tree.Program,
        config: model.Config,
        seed: int,
        numerics: Numerics,
        plant: Plant,
        outside: Sequence[Outside] = (),
        latency: str = "ideal",
    ) -> None:
        self.config = config
        self.seed = seed
        self.plant = replace(plant, profile=latency)
        self.numerics = numerics
        self.board = Board(streams={s.name: [] for s in program.streams if not s.adc})
        self.traces: dict[str, list[tuple[int, int, list[int]]]] = {s.name: [] for s in program.streams if s.adc}
        self.cells = {d.name: d.size for d in program.declarations}
        self.places = Places(program, config)
        self.ears = self._ears(self.plant)
        self.rows: dict[Inlet, list[Row]] = defaultdict(list)
        self.halves: dict[tuple[int, int, int, int], list[float]] = defaultdict(list)
        self.pieces: dict[tuple[int, int, int], list[float]] = defaultdict(list)
        threads = number_threads(config, self.places.used)
        numbers = [*sorted(set(threads.values())), None]
        incoming = Incoming(outside, plant.trigger_period_ns)
        latencies = Latencies.of(latency)
        self.strands = [
            Strand(program, config, self.places, threads, n, self.board, incoming, latencies) for n in numbers
        ]

    def _ears(self, plant: Plant) -> dict[Inlet, Ear]:
        """All inputs of the elements of the program; tells where elements disagree about their time of flight."""
        traced = {*traced_ports(self.config, self.places), *tagged_ports(self.config, self.places)}
        inlets = {at for element in self.places.used for at in inlets_of(self.config.elements[element])}
        tails: dict[PortRef, Tail] = {}

        def tail(output: PortRef) -> Tail:
            return tails.setdefault(output, self._tail(output))

        ears = {at: ear(self.config, plant, self.places.used, at, at[0] in traced, tail) for at in inlets}
        if any(e.hearing.tof_disagree for e in ears.values()):
            self.board.events.add(("tof_disagree", -1))
        return ears

    def _tail(self, output: PortRef) -> Tail:
        """Section 5: an output that is heard sample after sample."""
        port = self.config.analog_output(output)
        assert isinstance(port, model.AnalogOutput) and port.filter is not None
        per_ns = round(port.sampling_rate / 1e9)
        own = played_on(self.config, self.places.used, output)
        others = [
            (played_on(self.config, self.places.used, PortRef(output.controller, output.fem, number)), factor)
            for number, factor in port.crosstalk.items()
        ]

        def sums(start: int, end: int) -> list[float]:
            found = sums_of(own, self.board.records, start, end, per_ns)
            for ways, factor in others:
                more = sums_of(ways, self.board.records, start, end, per_ns)
                found = [x + factor * y for x, y in zip(found, more, strict=True)]
            return found

        def next_sound(t: int) -> int:
            elements = own.keys() | {element for ways, _ in others for element in ways}
            played = [record for record in self.board.records if record.element in elements]
            return min([max(record.start, t) for record in played if record.start + record.length > t], default=2**62)

        return Tail(port.filter, sums, next_sound, per_ns)

    def run(self) -> Outcome:
        """Strands as far as they go, one window, and again."""
        running = [strand.run() for strand in self.strands]
        while running or self.board.windows:
            running = advance(running, self.board)
            window = min(self.board.windows, key=lambda w: w.rank, default=None)
            if self.found_edge(None if window is None else window.end):
                continue
            if window is not None:
                self.board.windows.remove(window)
                self.evaluate(window)
            elif self.board.lookouts or any(strand.outside for strand in self.strands):
                break
            elif running:
                raise AssertionError("all strands are blocked and nothing is pending")
        end_ns = self.board.end_ns
        beyond = overflows(self.config, self.places, self.board, end_ns, self.plant)
        return Outcome(self.board.streams, self.traces, self.board.events, end_ns, beyond, bool(running))

    def found_edge(self, end: int | None) -> bool:
        """Section 15: the first edge that a strand waits for, if it comes before the next window ends: nobody can do
        anything before."""
        markers = Markers(self.board.markers, self.board.let_go)
        found = []
        for number, lookout in enumerate(self.board.lookouts):
            listener = Listener(self.config, self.plant, self.places.used, lookout.port, self.seed)
            edge = listener.first_edge(markers, lookout.at_least, end)
            if edge is not None:
                found.append((edge, number))
        if found:
            edge, number = min(found)
            self.board.lookouts.pop(number).edge = edge
            self.board.changes += 1
        return bool(found)

    def sounding(self) -> list[Record]:
        """All records so far, of elements and of DC offsets."""
        heard = {port for hears in self.ears.values() for port in hears.hearing.levels}
        return [*self.board.records, *level_records(self.config, heard, len(self.strands) - 1, self.board)]

    def evaluate(self, window: Window) -> None:
        """A window has ended: keep its trace, or its part of the value of a process."""
        self.board.passed(window.end)
        if window.process < 0:
            self.keep_trace(window)
        elif isinstance(node := window.listening.measure.processes[window.process], tree.Counting):
            self.count(window, node)
        elif isinstance(node, tree.Tagging):
            self.tag(window, node)
        else:
            self.integrate(window, node)

    def keep_trace(self, window: Window) -> None:
        """Section 8: a raw trace."""
        measure = window.listening.measure
        report = self.reporter(measure.at)
        hears, exactly = self.ears[window.at], self.numerics == "exact"
        kept = trace(hears, window, self.sounding(), self.seed, exactly, report)
        self.traces[measure.stream or ""].append((window.at[0].number, window.start, kept))

    def tag(self, window: Window, node: tree.Tagging) -> None:
        """Section 18: the tags of a window, a value for each cell and one for the count."""
        cells = self.cells[node.target.array]
        if node.kind == "time_tagging.digital":
            self.settle_tags(window, self.pulses(window.at[0], window)[:cells], cells)
            return
        seen = replace(window, start=window.start - BEFORE_NS)
        hears, exactly = self.ears[window.at], self.numerics == "exact"
        heard = codes(hears, seen, self.sounding(), self.seed, exactly, self.reporter(node.at))
        rules = self.config.elements[window.listening.measure.element].timeTaggingParameters
        self.settle_tags(window, tags(node, rules, heard, cells), cells)

    def settle_tags(self, window: Window, found: list[int], cells: int) -> None:
        """A value for each cell, and one for the count."""
        key = (*window.listening.key, window.process)
        for piece, raw in enumerate([*found, *[0] * (cells - len(found)), len(found)]):
            self.board.settle((*key, piece), raw, window.end)

    def count(self, window: Window, node: tree.Counting) -> None:
        """Section 20: how many pulses came at all inputs together."""
        known = self.config.elements[window.listening.measure.element].digitalOutputs
        ports = [known[name or next(iter(known))] for name in node.outputs]
        total = sum(len(self.pulses(port, window)) for port in ports)
        self.board.settle((*window.listening.key, window.process, 0), total, window.end)

    def pulses(self, port: PortRef, window: Window) -> list[int]:
        """Section 20: the tags of a digital input."""
        listener = Listener(self.config, self.plant, self.places.used, port, self.seed)
        return listener.tags(Markers(self.board.markers, self.board.let_go), window.start, window.end)

    def integrate(self, window: Window, process: tree.Process) -> None:
        """Sections 6, 9 and 12: one integral; the last one of a piece of its process settles a value."""
        report = self.reporter(process.at)
        key = (*window.listening.key, window.process)
        halves = self.halves[(*key, window.piece)]
        halves.append(self.integral(window, report))
        if len(halves) < len(process.outputs):
            return
        self.pieces[key].append(self.sum_of(halves, report))
        total = self.sum_of(self.pieces[key][first_piece(process, window.piece) :], report)
        raw = int(total) if self.numerics == "exact" else target_value(total, report)
        self.board.settle((*key, window.piece), raw, window.end)

    def sum_of(self, parts: list[float], report: Report) -> float:
        """Doubles added from 0.0 in order; exact: raw numbers, with wrap."""
        if self.numerics == "exact":
            return narrowed(32, sum(int(part) for part in parts), report)
        total = 0.0
        for part in parts:
            total += part
        return total

    def integral(self, window: Window, report: Report) -> float:
        """D of one integral, or its raw number where numerics are exact."""
        hears, records = self.ears[window.at], self.sounding()
        if self.numerics == "linear":
            return linear(self.config, window, hears, records, self.rows[window.at], self.seed, report)
        heard = codes(hears, window, records, self.seed, True, report)
        return exact(integral_of(self.config, window), heard, report)

    def reporter(self, at: int) -> Report:
        """Section 10: an event and where."""
        return lambda code: self.board.events.add((code, at))


def first_piece(process: tree.Process, piece: int) -> int:
    """Section 12: the first slice that counts for cell ``piece``: itself, the first, or the first of its window."""
    if process.kind.endswith(".accumulated"):
        return 0
    return max(0, piece - process.window + 1) if process.kind.endswith(".moving_window") else piece


def number_threads(config: model.Config, used: list[str]) -> dict[str, int]:
    """Section 2: the thread of each element; threads are numbered as their first elements appear."""
    names: dict[str, int] = {}
    return {e: names.setdefault(config.elements[e].core or f"element {e}", len(names)) for e in used}


def traced_ports(config: model.Config, places: Places) -> Iterator[PortRef]:
    """Section 6: ports of which any measure of the program keeps a raw trace."""
    for site in places:
        node = site.node
        if not isinstance(node, tree.Measure) or node.stream is None:
            continue
        if pulse_of(config, node.element, node.operation).digital_marker is not None:
            yield from config.elements[node.element].output_ports.values()


def tagged_ports(config: model.Config, places: Places) -> Iterator[PortRef]:
    """Section 18: ports that any measure of the program tags."""
    for site in places:
        for process in site.node.processes if isinstance(site.node, tree.Measure) else ():
            if isinstance(process, tree.Tagging) and process.kind != "time_tagging.digital":
                yield inlet_of(config.elements[site.node.element], process.output, 0)[0]


def advance(running: list[Iterator[None]], board: Board) -> list[Iterator[None]]:
    """Let every strand go on until none can."""
    before = -1
    while before != board.changes:
        before = board.changes
        running = [strand for strand in running if not done(strand)]
    return running


def done(strand: Iterator[None]) -> bool:
    """One more step of a strand; whether it has ended."""
    return next(strand, strand) is strand
