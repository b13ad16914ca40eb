"""The tables of measures: which weights read which input port, in which windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ..._core.config.limits import TIME_OF_FLIGHT_MIN_TAGGING_NS
from ..._core.config.model import Config, PortRef, TimeTaggingParameters
from ..._core.config.simulated import samples_per_ns
from ..._core.engine.codes import MeasureColumn, ProcessColumn, TaggerColumn, WindowColumn
from ..._core.engine.image import MeasuredPort, table
from ..._core.engine.measured import Input, measured_inputs, named_inputs
from ..._core.program import tree
from .problems import Problems
from .waveforms import PulseTables, PulseUse

DEAD_NS: dict[tree.TaggingKind, int] = {"time_tagging.analog": 2, "time_tagging.high_res": 84}
CHUNK_MIN_OF_CHANGING_WEIGHTS = 7  # cycles: as the platform has it
DEMODULATED_MAX_HZ = 500e6  # of inputs at 1 GS/s
WINDOW_PROCESSES_MAX = 16  # of one acquisition of the signal kernels; more share the window in a further one

Leg = tuple[int, int]
"""(port, weights)."""


class Integral(msgspec.Struct, frozen=True, gc=False):
    """One window of a process: ``legs``, where it lies in ns from the start of the measure's windows, and of a slice
    its number."""

    legs: tuple[Leg, ...]
    offset: int
    length: int
    slice: int = 0


class Tags(msgspec.Struct, frozen=True):
    """The window of a process that tags: its input ``port``, and its place like that of an integral."""

    port: int
    length: int
    offset: int = 0


class Pulses(msgspec.Struct, frozen=True):
    """The window of a process that tags or counts at digital ``inputs``, and its place."""

    inputs: tuple[int, ...]
    length: int
    offset: int = 0


class Edge(msgspec.Struct, frozen=True):
    """Where the time tag of a trigger stands among the windows: it has none."""

    input: int
    length: int = 0
    offset: int = 0


Window = Integral | Tags | Pulses | Edge


class TraceKind(NamedTuple):
    """The raw traces of a stream: samples of each, samples a ns, and whether they are of MW inputs."""

    length: int
    per_ns: int
    complex: bool


class MeasureTables:
    """Measures, their windows and processes, and the input ports they read."""

    def __init__(self, config: Config, pulses: PulseTables, problems: Problems, program: tree.Program) -> None:
        self._config = config
        self._sizes = {item.name: item.size for item in program.declarations}
        self._whole = {item.name for item in program.streams if item.trace}
        self._pulses = pulses
        self._problems = problems
        self._ports: dict[Input, int] = {}
        self._kept: set[int] = set()
        self._trace_ports: list[int] = []
        self._measures: list[list[int]] = []
        self._windows: list[list[int]] = []
        self._processes: list[list[int]] = []
        self._checked: set[tuple[str, str]] = set()
        self._full: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[Integral]] = {}
        self.hearers: list[int] = []
        self._traces: dict[str, TraceKind] = {}
        self._traces_lost: dict[str, TraceKind] = {}
        self.trace_inputs: dict[str, set[int]] = {}
        self._taggers: list[list[int]] = []
        self._digital_inputs: dict[PortRef, int] = {}
        self._digital_reads: list[int] = []

    def parts(self, node: tree.Measure, use: PulseUse) -> list[Sequence[Window]] | None:
        """The windows of each process, of an integral a slice each; None, and problems, where it cannot be."""
        if not self._check(node, use):
            return None
        found = [self._windows_of(process, node, use) for process in node.processes]
        good = [item for item in found if item is not None]
        return good if len(good) == len(found) else None

    def _windows_of(
        self, process: tree.Process | tree.Tagging | tree.Counting, node: tree.Measure, use: PulseUse
    ) -> Sequence[Window] | None:
        if isinstance(process, tree.Counting):
            return self._pulses_at(process, process.outputs, node, use)
        if not isinstance(process, tree.Tagging):
            return self._integrals(process, node, use)
        if process.kind == "time_tagging.digital":
            return self._pulses_at(process, (process.output,), node, use)
        return self._tags(process, node, use)

    def _check(self, node: tree.Measure, use: PulseUse) -> bool:
        if (node.element, node.operation) in self._checked:
            return True
        element = self._config.elements[node.element]
        faults = []
        if not element.output_ports and not element.digitalOutputs:
            faults.append(f"element '{node.element}' has no outputs and cannot be measured")
        elif element.output_ports and element.time_of_flight is None:
            faults.append(f"element '{node.element}' has no time_of_flight")
        frequency = abs(self._config.intermediate_frequency(node.element) or 0.0)
        if frequency > DEMODULATED_MAX_HZ and any(self._per_ns(ref) == 1 for ref in element.output_ports.values()):
            what = f"element '{node.element}' of {frequency / 1e6:.10g} MHz measures an input at 1 GS/s"
            faults.append(f"{what}, which demodulates up to 500 MHz; give the input sampling_rate 2e9")
        if use.pulse.operation != "measurement":
            what = f"pulse '{use.name}' of operation '{node.operation}'"
            faults.append(f"{what} is a control pulse; measure needs a measurement pulse")
        for fault in faults:
            self._problems.add(node.at, fault)
        if not faults:
            self._checked.add((node.element, node.operation))
        return not faults

    def _tags(self, process: tree.Tagging, node: tree.Measure, use: PulseUse) -> list[Tags] | None:
        element, faults = self._config.elements[node.element], []
        if element.MWOutput is not None:
            text = f"{process.kind} reads the codes of an input in volts"
            self._problems.add(process.at, f"{text}; that of element '{node.element}' is a MW input (I and Q)")
            return None
        ref = self._output(process.output, process.at, node.element)
        faults += _short(process, use)
        if (element.time_of_flight or 0) < TIME_OF_FLIGHT_MIN_TAGGING_NS:
            what = f"time_of_flight of element '{node.element}' is {element.time_of_flight} ns"
            faults.append(f"{what}; time tagging needs {TIME_OF_FLIGHT_MIN_TAGGING_NS} at least")
        for fault in faults:
            self._problems.add(process.at, fault)
        if ref is None or faults:
            return None
        self._kept.add(self.port(ref))
        return [Tags(self.port(ref), process.max_time)]

    def _pulses_at(
        self, process: tree.Tagging | tree.Counting, names: tuple[str, ...], node: tree.Measure, use: PulseUse
    ) -> list[Pulses] | None:
        refs = [self._digital_output(name, process.at, node.element) for name in names]
        faults = _short(process, use)
        for fault in faults:
            self._problems.add(process.at, fault)
        if None in refs or faults:
            return None
        return [Pulses(tuple(self.digital_input(ref) for ref in refs if ref is not None), process.max_time)]

    def _digital_output(self, name: str, at: int, element: str) -> PortRef | None:
        """The digital input behind a digital output of an element; "" is its only one."""
        known = self._config.elements[element].digitalOutputs
        if not name and len(known) == 1:
            return next(iter(known.values()))
        if not known:
            self._problems.add(at, f"element '{element}' has no digitalOutputs")
        elif name not in known:
            what = f"no digital output '{name}'" if name else "several digital outputs, so name one"
            self._problems.add(at, f"element '{element}' has {what}; it has: {', '.join(known)}")
        return known.get(name)

    def trigger_input(self, node: tree.WaitForTrigger, source: tree.TriggerSource) -> int | None:
        """The digital input that a wait listens to; None, and a problem, where there is none."""
        if source.element not in self._config.elements:
            self._problems.add(node.at, f"trigger_element '{source.element}' is not in the config")
            return None
        ref = self._digital_output(source.output, node.at, source.element)
        return None if ref is None else self.digital_input(ref)

    def digital_input(self, ref: PortRef) -> int:
        """The number of a digital input."""
        return self._digital_inputs.setdefault(ref, len(self._digital_inputs))

    def counter(self, inputs: tuple[int, ...], cells: int, count: int) -> int:
        """Add what a process reads and writes that tags or counts at digital inputs. Returns its number."""
        row = [0] * TaggerColumn.COLUMNS
        row[TaggerColumn.CELLS] = cells
        row[TaggerColumn.COUNT] = count
        row[TaggerColumn.FIRST_INPUT] = len(self._digital_reads)
        row[TaggerColumn.INPUTS] = len(inputs)
        self._digital_reads += inputs
        self._taggers.append(row)
        return len(self._taggers) - 1

    def tagger(self, node: tree.Tagging, element: str, cells: int, count: int) -> int:
        """Add how a process tags; ``count``: the slot of its count or -1. Returns its number."""
        rules = self._config.elements[element].timeTaggingParameters or TimeTaggingParameters()
        row = [0] * TaggerColumn.COLUMNS
        row[TaggerColumn.SIGNAL_THRESHOLD] = rules.signalThreshold
        row[TaggerColumn.SIGNAL_ABOVE] = int(rules.signalPolarity == "ABOVE")
        row[TaggerColumn.DERIVATIVE_THRESHOLD] = rules.derivativeThreshold
        row[TaggerColumn.DERIVATIVE_ABOVE] = int(rules.derivativePolarity == "ABOVE")
        row[TaggerColumn.DEAD] = DEAD_NS[node.kind]
        row[TaggerColumn.HIGH_RES] = int(node.kind == "time_tagging.high_res")
        row[TaggerColumn.CELLS] = cells
        row[TaggerColumn.COUNT] = count
        self._taggers.append(row)
        return len(self._taggers) - 1

    def _integrals(self, process: tree.Process, node: tree.Measure, use: PulseUse) -> list[Integral] | None:
        key = (node.element, node.operation, process.weights, process.outputs)
        full = not isinstance(process.target, tree.Whole)
        if full and key in self._full:
            return self._full[key]
        read = self._read(process, node, use)
        if read is None:
            return None
        lengths = [self._pulses.weights_length(name) for _, name in read]
        if len(set(lengths)) > 1:
            self._problems.add(
                process.at, f"{process.kind} with weights of two lengths: {lengths[0]} and {lengths[1]} ns"
            )
            return None
        if isinstance(process.target, tree.Whole):
            return self._slices(process, process.target.array, read[0], lengths[0])
        self._full[key] = [Integral(tuple((port, self._pulses.weights(name)) for port, name in read), 0, lengths[0])]
        return self._full[key]

    def _slices(self, process: tree.Process, array: str, read: tuple[int, str], length: int) -> list[Integral] | None:
        (port, name), chunk, count = read, 4 * process.chunk, self._sizes[array]
        if chunk * count != length:
            slices = f"{count} slices of {chunk} ns"
            text = f"{process.kind} into '{array}': {slices} are {chunk * count} ns, but the weights last {length} ns"
            self._problems.add(process.at, text)
            return None
        if process.chunk < CHUNK_MIN_OF_CHANGING_WEIGHTS and not self._config.integration_weights[name].constant:
            text = f"{process.kind} into '{array}': slices of {process.chunk} x 4 ns, but the weights '{name}' change"
            self._problems.add(
                process.at, f"{text}; the least is {CHUNK_MIN_OF_CHANGING_WEIGHTS} where weights are not constant"
            )
            return None
        return [
            Integral(((port, self._pulses.weights(name, chunk * k, chunk)),), chunk * k, chunk, k) for k in range(count)
        ]

    def _read(self, process: tree.Process, node: tree.Measure, use: PulseUse) -> list[tuple[int, str]] | None:
        """The input ports that a process reads, each with the name of its weights."""
        read: list[tuple[int, str]] = []
        for leg, (alias, output) in enumerate(zip(process.weights, process.outputs, strict=True)):
            at = self._output(output, process.at, node.element, leg)
            if at is None:
                return None
            if alias not in use.pulse.integration_weights:
                known = ", ".join(sorted(use.pulse.integration_weights)) or "none"
                self._problems.add(
                    process.at, f"pulse '{use.name}' has no integration weights '{alias}'; it has: {known}"
                )
                return None
            read.append((self.port(at), use.pulse.integration_weights[alias]))
        return read

    def _output(self, name: str, at: int, element: str, leg: int = 0) -> Input | None:
        """The input behind an element's output; "" is its only one, or of a MW input the part of leg ``leg``."""
        record = self._config.elements[element]
        inputs = named_inputs(record)
        if not name and (len(inputs) == 1 or record.MWOutput is not None):
            name = list(inputs)[leg]
        if not inputs:
            self._problems.add(at, f"element '{element}' has no `outputs`, so there is no input to read")
            return None
        if name not in inputs:
            what = f"no output '{name}'" if name else "several outputs, so name one"
            self._problems.add(at, f"element '{element}' has {what}; it has: {', '.join(inputs)}")
            return None
        return inputs[name]

    def port(self, at: Input) -> int:
        """The number of an input port, or of a part of it."""
        return self._ports.setdefault(at, len(self._ports))

    def trace_kind(self, stream: str) -> TraceKind:
        """What the raw traces of a stream are, or would be if their pulses had a digital marker; of length -1 where
        nothing is measured into it."""
        return self._traces.get(stream) or self._traces_lost.get(stream) or TraceKind(-1, 1, False)

    def trace(self, node: tree.Measure, use: PulseUse) -> tuple[int, int] | None:
        """First entry and count in the table of trace ports; None where no raw trace is kept."""
        if node.stream is None:
            return None
        element = self._config.elements[node.element]
        rates = {self._per_ns(ref) for ref in element.output_ports.values()}
        kinds = [
            TraceKind(rate * (use.length + 2 * element.smearing), rate, element.MWOutput is not None) for rate in rates
        ]
        heard = self.trace_inputs.setdefault(node.stream, set())
        if use.pulse.digital_marker is None:
            if len(kinds) == 1:
                self._traces_lost.setdefault(node.stream, kinds[0])
            return None
        if not element.output_ports:
            self._problems.add(node.at, f"element '{node.element}' has no analog output, so no raw trace")
            return None
        if len(kinds) > 1:
            text = f"the inputs of element '{node.element}' have two sampling rates"
            self._problems.add(node.at, f"{text}, so no stream holds raw traces of both; give them one sampling_rate")
            return None
        kind, before = kinds[0], self._traces.setdefault(node.stream, kinds[0])
        if before.per_ns != kind.per_ns:
            text = f"stream '{node.stream}' gets raw traces of inputs at 1 GS/s and at 2 GS/s"
            self._problems.add(node.at, f"{text}; give each rate a stream of its own")
        elif before.length != kind.length and node.stream in self._whole:
            text = f"stream '{node.stream}' gets raw traces of {before.length} and of {kind.length} samples"
            self._problems.add(node.at, f"{text}; give each length a stream of its own")
        if before.complex != kind.complex:
            text = f"stream '{node.stream}' gets raw traces of real inputs and of complex ones"
            self._problems.add(node.at, f"{text}; give each kind a stream of its own")
        heard.update(ref.number for ref in element.output_ports.values())
        numbers = [self.port(at) for at in measured_inputs(element)]
        self._kept.update(numbers)
        self._trace_ports += numbers
        return len(self._trace_ports) - len(numbers), len(numbers)

    def add(
        self, play: int, trace: tuple[int, int, int], at: int, rows: list[tuple[list[int], Window]]
    ) -> tuple[int, list[int]]:
        """Add a measure. ``trace``: the stream of its raw trace, first entry and count in the table of trace ports.
        ``rows``: process rows with their windows, in the order of the text.

        Returns its number and the numbers of the processes, which stand in the table window by window. Windows that end
        together hold their processes in the order of the text: noise is drawn in that order.
        """
        number, first_window, first = len(self._measures), len(self._windows), len(self._processes)
        places = [0] * len(rows)
        for part in _windows([window for _, window in rows]):
            self._windows.append(_window(number, rows[part[0]][1], len(self._processes), len(part)))
            for k in part:
                places[k] = len(self._processes)
                rows[k][0][ProcessColumn.MEASURE] = number
                self._processes.append(rows[k][0])
        for k, (process, _) in enumerate(rows):
            if process[ProcessColumn.SUMMED]:
                process[ProcessColumn.FIRST_SLICE] = places[k - process[ProcessColumn.SLICE]]
        row = [0] * MeasureColumn.COLUMNS
        row[MeasureColumn.PLAY] = play
        row[MeasureColumn.FIRST_WINDOW] = first_window
        row[MeasureColumn.WINDOWS] = len(self._windows) - first_window
        row[MeasureColumn.STREAM], row[MeasureColumn.FIRST_TRACE_PORT], row[MeasureColumn.TRACE_PORTS] = trace
        row[MeasureColumn.FIRST_PROCESS] = first
        row[MeasureColumn.PROCESSES] = len(rows)
        row[MeasureColumn.AT] = at
        self._measures.append(row)
        return number, places

    def tables(self) -> dict[str, Any]:
        """The fields of the image."""
        return {
            "measures": table(self._measures, MeasureColumn.COLUMNS),
            "windows": table(self._windows, WindowColumn.COLUMNS),
            "processes": table(self._processes, ProcessColumn.COLUMNS),
            "taggers": table(self._taggers, TaggerColumn.COLUMNS),
            "trace_ports": np.array(self._trace_ports, dtype=np.int64),
            "digital_inputs": tuple(self._digital_inputs),
            "digital_reads": np.array(self._digital_reads, dtype=np.int64),
            "ports": tuple(
                MeasuredPort(ref=ref, kept=number in self._kept, part=part, per_ns=self._per_ns(ref))
                for (ref, part), number in self._ports.items()
            ),
        }

    def _per_ns(self, ref: PortRef) -> int:
        """Samples a ns of a raw trace."""
        return samples_per_ns(self._config.analog_input(ref))


def _short(process: tree.Tagging | tree.Counting, use: PulseUse) -> list[str]:
    """A window that ends before its pulse is a fault."""
    if process.max_time >= use.length:
        return []
    what = f"max_time of {process.kind} is {process.max_time} ns"
    return [f"{what}, less than the {use.length} ns of pulse '{use.name}'"]


def _windows(parts: list[Window]) -> Iterator[list[int]]:
    """The numbers of the processes of one kind, a slice of an integral each, that share a window, window by window."""
    ends: dict[int, list[int]] = {}
    for k, part in enumerate(parts):
        ends.setdefault(part.offset + part.length, []).append(k)
    for members in ends.values():
        start = 0
        for k in range(1, len(members) + 1):
            if (
                k == len(members)
                or k - start == WINDOW_PROCESSES_MAX
                or parts[members[k]].offset != parts[members[start]].offset
                or type(parts[members[k]]) is not type(parts[members[start]])
            ):
                yield members[start:k]
                start = k


def _window(measure: int, part: Window, first: int, count: int) -> list[int]:
    row = [0] * WindowColumn.COLUMNS
    row[WindowColumn.MEASURE] = measure
    row[WindowColumn.LENGTH] = part.length
    row[WindowColumn.OFFSET] = part.offset
    row[WindowColumn.FIRST] = first
    row[WindowColumn.COUNT] = count
    return row
