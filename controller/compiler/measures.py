"""The tables of measures: which weights read which input port, in which windows."""

from __future__ import annotations

from typing import Any

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


class MeasureTables:
    """Measures, their windows and processes, and the input ports they read."""

    def __init__(self, config: Config, pulses: PulseTables, problems: Problems) -> None:
        self._config = config
        self._pulses = pulses
        self._problems = problems
        self._ports: dict[PortRef, int] = {}
        self._kept: set[int] = set()
        self._trace_ports: list[int] = []
        self._measures: list[list[int]] = []
        self._windows: list[list[int]] = []
        self._processes: list[list[int]] = []
        self.hearers: list[int] = []
        self.trace_lengths: dict[str, int] = {}

    def legs(self, node: tree.Measure, use: PulseUse) -> list[tuple[list[Leg], int]] | None:
        """For each process its legs and the length of its window; None, and problems, where it cannot be."""
        if not self._check(node, use):
            return None
        found = [self._process_legs(process, node, use) for process in node.processes]
        good = [item for item in found if item is not None]
        return good if len(good) == len(found) else None

    def _check(self, node: tree.Measure, use: PulseUse) -> bool:
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
        return not faults

    def _process_legs(self, process: tree.Process, node: tree.Measure, use: PulseUse) -> tuple[list[Leg], int] | None:
        element = self._config.elements[node.element]
        legs: list[Leg] = []
        lengths: list[int] = []
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
            name = use.pulse.integration_weights[alias]
            lengths.append(self._config.integration_weights[name].length)
            legs.append((self.port(element.outputs[output]), self._pulses.weights(name)))
        if len(set(lengths)) > 1:
            self._problems.add(
                process.at, f"{process.kind} with weights of two lengths: {lengths[0]} and {lengths[1]} ns"
            )
            return None
        return legs, lengths[0]

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
        self, play: int, stream: int, trace: tuple[int, int] | None, at: int, rows: list[tuple[list[int], int]]
    ) -> tuple[int, list[int]]:
        """Add a measure. ``rows``: process rows with their window lengths, in the order of the text.

        Returns its number and the numbers of the processes, which stand in the table window by window.
        """
        number, first_window, first = len(self._measures), len(self._windows), len(self._processes)
        places = [0] * len(rows)
        for length in dict.fromkeys(length for _, length in rows):
            members = [k for k, (_, other) in enumerate(rows) if other == length]
            for start in range(0, len(members), WINDOW_PROCESSES_MAX):
                part = members[start : start + WINDOW_PROCESSES_MAX]
                self._windows.append(_window(number, length, len(self._processes), len(part)))
                for k in part:
                    places[k] = len(self._processes)
                    rows[k][0][ProcessColumn.MEASURE] = number
                    self._processes.append(rows[k][0])
        row = [0] * MeasureColumn.COLUMNS
        row[MeasureColumn.PLAY] = play
        row[MeasureColumn.FIRST_WINDOW] = first_window
        row[MeasureColumn.WINDOWS] = len(self._windows) - first_window
        row[MeasureColumn.STREAM] = stream if trace is not None else -1
        row[MeasureColumn.FIRST_TRACE_PORT], row[MeasureColumn.TRACE_PORTS] = trace or (0, 0)
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


def _window(measure: int, length: int, first: int, count: int) -> list[int]:
    row = [0] * WindowColumn.COLUMNS
    row[WindowColumn.MEASURE] = measure
    row[WindowColumn.LENGTH] = length
    row[WindowColumn.FIRST] = first
    row[WindowColumn.COUNT] = count
    return row
