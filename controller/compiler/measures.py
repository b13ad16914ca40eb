"""The tables of measures: which weights read which input port, in which windows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import numpy as np

from ..._core.config.model import Config, PortRef
from ..._core.engine.codes import MeasureColumn, ProcessColumn, WindowColumn
from ..._core.engine.image import Ints, MeasuredPort, table
from ..._core.program import tree
from .problems import Problems
from .waveforms import PulseTables, PulseUse

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


class MeasureTables:
    """Measures, their windows and processes, and the input ports they read."""

    def __init__(self, config: Config, pulses: PulseTables, problems: Problems, sizes: Mapping[str, int]) -> None:
        self._config = config
        self._sizes = sizes
        self._pulses = pulses
        self._problems = problems
        self._ports: dict[PortRef, int] = {}
        self._kept: set[int] = set()
        self._trace_ports: list[int] = []
        self._measures: list[list[int]] = []
        self._windows: list[list[int]] = []
        self._processes: list[list[int]] = []
        self._checked: set[tuple[str, str]] = set()
        self._full: dict[tuple[str, str, tuple[str, ...], tuple[str, ...]], list[Integral]] = {}
        self.hearers: list[int] = []
        self.trace_lengths: dict[str, int] = {}

    def integrals(self, node: tree.Measure, use: PulseUse) -> list[list[Integral]] | None:
        """The integrals of each process, a slice each; None, and problems, where it cannot be."""
        if not self._check(node, use):
            return None
        found = [self._integrals(process, node, use) for process in node.processes]
        good = [item for item in found if item is not None]
        return good if len(good) == len(found) else None

    def _check(self, node: tree.Measure, use: PulseUse) -> bool:
        if (node.element, node.operation) in self._checked:
            return True
        element = self._config.elements[node.element]
        faults = []
        if not element.outputs:
            faults.append(f"element '{node.element}' has no outputs and cannot be measured")
        elif element.time_of_flight is None:
            faults.append(f"element '{node.element}' has no time_of_flight")
        if use.pulse.operation != "measurement":
            what = f"pulse '{use.name}' of operation '{node.operation}'"
            faults.append(f"{what} is a control pulse; measure needs a measurement pulse")
        for fault in faults:
            self._problems.add(node.at, fault)
        if not faults:
            self._checked.add((node.element, node.operation))
        return not faults

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
        return [
            Integral(((port, self._pulses.weights(name, chunk * k, chunk)),), chunk * k, chunk, k) for k in range(count)
        ]

    def _read(self, process: tree.Process, node: tree.Measure, use: PulseUse) -> list[tuple[int, str]] | None:
        """The input ports that a process reads, each with the name of its weights."""
        element = self._config.elements[node.element]
        read: list[tuple[int, str]] = []
        for alias, output in zip(process.weights, process.outputs, strict=True):
            if not output and len(element.outputs) == 1:
                output = next(iter(element.outputs))
            if output not in element.outputs:
                known = ", ".join(element.outputs)
                what = f"no output '{output}'" if output else "several outputs, so name one"
                self._problems.add(process.at, f"element '{node.element}' has {what}; it has: {known}")
                return None
            if alias not in use.pulse.integration_weights:
                known = ", ".join(sorted(use.pulse.integration_weights)) or "none"
                self._problems.add(
                    process.at, f"pulse '{use.name}' has no integration weights '{alias}'; it has: {known}"
                )
                return None
            read.append((self.port(element.outputs[output]), use.pulse.integration_weights[alias]))
        return read

    def port(self, ref: PortRef) -> int:
        """The number of an input port."""
        return self._ports.setdefault(ref, len(self._ports))

    def trace(self, node: tree.Measure, use: PulseUse) -> tuple[int, int] | None:
        """First entry and count in the table of trace ports; None where no raw trace is kept."""
        if node.stream is None or use.pulse.digital_marker is None:
            return None
        element = self._config.elements[node.element]
        length = use.length + 2 * element.smearing
        before = self.trace_lengths.setdefault(node.stream, length)
        if before != length:
            text = f"stream '{node.stream}' gets raw traces of {before} and of {length} samples"
            self._problems.add(node.at, f"{text}; give each length a stream of its own")
        numbers = [self.port(ref) for ref in element.outputs.values()]
        self._kept.update(numbers)
        self._trace_ports += numbers
        return len(self._trace_ports) - len(numbers), len(numbers)

    def add(
        self, play: int, trace: tuple[int, int, int], at: int, rows: list[tuple[list[int], Integral]]
    ) -> tuple[int, list[int]]:
        """Add a measure. ``trace``: the stream of its raw trace, first entry and count in the table of trace ports.
        ``rows``: process rows with their integrals, in the order of the text.

        Returns its number and the numbers of the processes, which stand in the table window by window. Windows that end
        together hold their processes in the order of the text: noise is drawn in that order.
        """
        number, first_window, first = len(self._measures), len(self._windows), len(self._processes)
        places = [0] * len(rows)
        for part in _windows([integral for _, integral in rows]):
            self._windows.append(_window(number, rows[part[0]][1], len(self._processes), len(part)))
            for k in part:
                places[k] = len(self._processes)
                rows[k][0][ProcessColumn.MEASURE] = number
                self._processes.append(rows[k][0])
        for k, (process, integral) in enumerate(rows):
            if process[ProcessColumn.SUMMED]:
                process[ProcessColumn.FIRST_SLICE] = places[k - integral.slice]
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
            "trace_ports": self._trace_table(),
            "ports": tuple(MeasuredPort(ref=ref, kept=number in self._kept) for ref, number in self._ports.items()),
        }

    def _trace_table(self) -> Ints:
        return np.array(self._trace_ports, dtype=np.int64)


def _windows(integrals: list[Integral]) -> Iterator[list[int]]:
    """The numbers of the integrals that share a window, window by window."""
    ends: dict[int, list[int]] = {}
    for k, integral in enumerate(integrals):
        ends.setdefault(integral.offset + integral.length, []).append(k)
    for members in ends.values():
        start = 0
        for k in range(1, len(members) + 1):
            if (
                k == len(members)
                or k - start == WINDOW_PROCESSES_MAX
                or integrals[members[k]].offset != integrals[members[start]].offset
            ):
                yield members[start:k]
                start = k


def _window(measure: int, integral: Integral, first: int, count: int) -> list[int]:
    row = [0] * WindowColumn.COLUMNS
    row[WindowColumn.MEASURE] = measure
    row[WindowColumn.LENGTH] = integral.length
    row[WindowColumn.OFFSET] = integral.offset
    row[WindowColumn.FIRST] = first
    row[WindowColumn.COUNT] = count
    return row
