"""The stream pipelines of one program: raw values of streams in, items of results out.

Pure: no files, no clock. Any cut of the input into rounds gives the same items (but `save` is only shown the newest
item of each round, and a pairing of streams that is cut for want of memory depends on who was ahead).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._core.errors import AskedWrongly, OurBug
from ..._core.program import tree
from .limits import ResultLimits
from .nodes import ArithmeticNode, AverageNode, Batch, BooleanToIntNode, BufferNode, Form, Kind, MapNode, Pairing


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one stream got, in order.

    Saved values: `values` (n,) raw integers, `timestamps` (n,) ns or None. Raw traces (`input` 1 or 2): `values`
    (traces, samples) of ADC counts, `timestamps` (traces,) the instants of their first samples, one sample a ns.
    """

    stream: int
    values: NDArray[Any]
    timestamps: NDArray[np.int64] | None = None
    input: int = 0


Operator = BufferNode | AverageNode | MapNode | BooleanToIntNode | ArithmeticNode


class Pipeline:
    """Evaluates the nodes of `program`. `trace_lengths`: samples of a trace by name of a stream of whole traces."""

    def __init__(
        self, program: tree.Program, trace_lengths: Mapping[str, int], limits: ResultLimits | None = None
    ) -> None:
        self._limits = limits or ResultLimits()
        self._nodes = program.nodes
        self._results = [result.of for result in program.results]
        self._streams = {stream.name: index for index, stream in enumerate(program.streams)}
        self._declarations = program.streams
        self._trace_lengths = trace_lengths
        every = _read_whole(program)
        self._only_last = [not flag for flag in every]
        self.forms: list[Form] = []
        self._operators: list[Operator | None] = []
        self._pairings: dict[int, Pairing] = {}
        used = _used(program)
        for index, node in enumerate(self._nodes):
            self._add(index, node, every[index], used[index])
        self._wanted = used
        self._check_memory()

    @property
    def result_forms(self) -> list[Form]:
        """The form of each result's items."""
        return [self.forms[of] for of in self._results]

    def cut_results(self) -> list[bool]:
        """For each result, whether a pairing it depends on was cut: what comes after is lost."""
        lost: list[bool] = []
        for index, node in enumerate(self._nodes):
            pairing = self._pairings.get(index)
            here = pairing is not None and pairing.cut
            lost.append(here or any(lost[of] for of in _inputs(node)))
        return [lost[of] for of in self._results]

    def push(self, arrivals: Iterable[Arrival]) -> list[Batch | None]:
        """Feed what arrived; for each result, its new items (None: none)."""
        by_stream: dict[int, list[Arrival]] = {}
        for arrival in arrivals:
            by_stream.setdefault(arrival.stream, []).append(arrival)
        if not by_stream:
            return [None] * len(self._results)
        outputs: list[Batch | None] = []
        for index, node in enumerate(self._nodes):
            if not self._wanted[index]:
                outputs.append(None)
            elif isinstance(node, tree.Source):
                outputs.append(self._source(index, node, by_stream.get(self._streams[node.stream], ())))
            else:
                outputs.append(self._operate(index, node, outputs))
        return [outputs[of] for of in self._results]

    # -- building ------------------------------------------------------------------------------------------------------

    def _add(self, index: int, node: tree.StreamNode, every: bool, used: bool) -> None:
        operator: Operator | None = None
        match node:
            case tree.Source():
                self.forms.append(self._source_form(node))
            case tree.Buffer():
                # An unused buffer gets no memory; its length-1 stand-in only carries the form.
                operator = BufferNode(node if used else tree.Buffer(of=node.of, lengths=(1,)), self.forms[node.of])
            case tree.Average():
                operator = AverageNode(self.forms[node.of], every)
            case tree.Map():
                operator = MapNode(self.forms[node.of])
            case tree.BooleanToInt():
                operator = BooleanToIntNode(self.forms[node.of])
            case tree.Arithmetic():
                left, right = (self.forms[side] if isinstance(side, int) else None for side in (node.left, node.right))
                operator = ArithmeticNode(node, left, right)
                if left is not None and right is not None and node.left != node.right:
                    self._pairings[index] = Pairing(self._limits.pairing_bytes_max)
        self._operators.append(operator)
        if operator is not None:
            self.forms.append(operator.form)

    def _source_form(self, node: tree.Source) -> Form:
        stream = self._declarations[self._streams[node.stream]]
        if not stream.adc:
            kind: Kind = stream.type
            return Form(kind, (), node.timestamps)
        shape = (self._trace_lengths[stream.name],) if stream.trace else ()
        return Form("int", shape, node.timestamps)

    def _check_memory(self) -> None:
        held = 0
        for form, node, wanted in zip(self.forms, self._nodes, self._wanted, strict=True):
            if wanted and isinstance(node, tree.Buffer | tree.Average):
                held += prod(form.shape) * (16 if form.timestamps or isinstance(node, tree.Average) else 8)
        if held > self._limits.buffers_bytes_max:
            raise AskedWrongly(
                f"the stream buffers of this program take {held} bytes; the limit is "
                f"{self._limits.buffers_bytes_max} (buffers_bytes_max)",
                code="too_large",
                hint="buffer less: let average() or map(FUNCTIONS.average()) work on smaller blocks",
            )

    # -- running -------------------------------------------------------------------------------------------------------

    def _source(self, index: int, node: tree.Source, arrivals: Sequence[Arrival]) -> Batch | None:
        stream = self._declarations[self._streams[node.stream]]
        chosen = [a for a in arrivals if len(a.values) and (node.input in (0, a.input))]
        if not chosen:
            return None
        kind = self.forms[index].kind
        if stream.adc:
            parts = [_samples(a, stream.trace, node.timestamps, self.forms[index].shape) for a in chosen]
        else:
            parts = [_saved(a, kind, node.timestamps) for a in chosen]
        if len(parts) == 1:
            return parts[0]
        stamps = [part.timestamps for part in parts if part.timestamps is not None]
        return Batch(np.concatenate([part.values for part in parts]), np.concatenate(stamps) if stamps else None)

    def _operate(self, index: int, node: tree.StreamNode, outputs: Sequence[Batch | None]) -> Batch | None:
        operator = self._operators[index]
        if isinstance(operator, ArithmeticNode):
            assert isinstance(node, tree.Arithmetic)
            return self._combine(index, node, operator, outputs)
        assert operator is not None and not isinstance(node, tree.Source | tree.Arithmetic)
        batch = outputs[node.of]
        if batch is None:
            return None
        if self._only_last[index] and isinstance(operator, MapNode | BooleanToIntNode):
            batch = batch.last()
        made = operator.feed(batch)
        return made if len(made) else None

    def _combine(
        self, index: int, node: tree.Arithmetic, operator: ArithmeticNode, outputs: Sequence[Batch | None]
    ) -> Batch | None:
        left, right = (outputs[side] if isinstance(side, int) else None for side in (node.left, node.right))
        pairing = self._pairings.get(index)
        if pairing is not None:
            pairs = pairing.feed(left.values if left else None, right.values if right else None)
            if pairs is None:
                return None
            left, right = Batch(pairs[0]), Batch(pairs[1])
        elif left is None and right is None:
            return None
        if self._only_last[index]:
            left, right = (side.last() if side is not None else None for side in (left, right))
        return operator.feed(left, right)


def _saved(arrival: Arrival, kind: Kind, timestamps: bool) -> Batch:
    values = arrival.values != 0 if kind == "bool" else arrival.values.astype(np.int64, copy=False)
    return Batch(values, _stamps(arrival) if timestamps else None)


def _samples(arrival: Arrival, trace: bool, timestamps: bool, shape: tuple[int, ...]) -> Batch:
    values = arrival.values.astype(np.int64)
    stamps = None
    if timestamps:
        stamps = _stamps(arrival)[:, np.newaxis] + np.arange(values.shape[1], dtype=np.int64)
    if not trace:
        return Batch(values.reshape(-1), None if stamps is None else stamps.reshape(-1))
    if values.shape[1:] != shape:
        raise OurBug(f"a raw trace has {values.shape[1]} samples where {shape[0]} were announced")
    return Batch(values, stamps)


def _stamps(arrival: Arrival) -> NDArray[np.int64]:
    if arrival.timestamps is None:
        raise OurBug("values came without the timestamps that a stream needs")
    return arrival.timestamps.astype(np.int64, copy=False)


def _inputs(node: tree.StreamNode) -> tuple[int, ...]:
    match node:
        case tree.Source():
            return ()
        case tree.Arithmetic():
            return tuple(side for side in (node.left, node.right) if isinstance(side, int))
        case _:
            return (node.of,)


def _used(program: tree.Program) -> list[bool]:
    """For each node, whether a result depends on it."""
    used = [False] * len(program.nodes)
    for result in program.results:
        used[result.of] = True
    for index in range(len(program.nodes) - 1, -1, -1):
        if used[index]:
            for of in _inputs(program.nodes[index]):
                used[of] = True
    return used


def _read_whole(program: tree.Program) -> list[bool]:
    """For each node, whether somebody needs all of its items (else the newest is enough)."""
    whole = [False] * len(program.nodes)
    for result in program.results:
        whole[result.of] |= result.all
    for index in range(len(program.nodes) - 1, -1, -1):
        node = program.nodes[index]
        inputs = _inputs(node)
        counts = isinstance(node, tree.Buffer | tree.Average) or len(set(inputs)) > 1
        for of in inputs:
            whole[of] |= whole[index] or counts
    return whole
