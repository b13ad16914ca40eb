"""The stream pipelines of one program: raw values of streams in, items of results out.

Pure: no files, no clock. Any cut of the input into rounds gives the same items (but `save` is only shown the newest
item of each round, and a pairing of streams that is cut for want of memory depends on who was ahead).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._core.errors import AskedWrongly, OurBug
from ..._core.program import tree
from ..._core.program.items import fine_nodes, inputs_of
from .batches import Batch, Form, Kind
from .grouping import Pairing
from .limits import ResultLimits
from .operators import (
    COUNTING,
    Joining,
    Operator,
    bytes_per_arrival,
    held_bytes,
    joining_of,
    nodes_read_whole,
    operator_of,
    used_nodes,
)


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one stream got, in order.

    Saved values: `values` (n,) raw integers, `timestamps` (n,) ns or None. Raw traces: `values` (traces, samples) of
    ADC counts, complex ones of a MW input, `timestamps` (traces,) the instants of their first samples, `inputs`
    (traces,) the numbers of the analog inputs, `per_ns` samples a ns.
    """

    stream: int
    values: NDArray[Any]
    timestamps: NDArray[np.int64] | None = None
    inputs: NDArray[np.int64] | None = None
    per_ns: int = 1

    def rows(self, chosen: slice | NDArray[np.bool_]) -> Arrival:
        """Some of the values, with all that belongs to them."""
        stamps = None if self.timestamps is None else self.timestamps[chosen]
        inputs = None if self.inputs is None else self.inputs[chosen]
        return replace(self, values=self.values[chosen], timestamps=stamps, inputs=inputs)

    def of_input(self, number: int) -> Arrival:
        """The raw traces of one analog input; of all for 0."""
        if number == 0 or self.inputs is None:
            return self
        chosen = self.inputs == number
        return self if chosen.all() else self.rows(chosen)


class Pipeline:
    """Evaluates the nodes of `program`. `trace_lengths`: samples of a trace by name of a stream of whole traces.

    `complex_traces`: the streams that get traces of MW inputs. `fine_traces`: those of two samples a ns.
    """

    def __init__(
        self,
        program: tree.Program,
        trace_lengths: Mapping[str, int],
        limits: ResultLimits | None = None,
        complex_traces: Collection[str] = (),
        fine_traces: Collection[str] = (),
    ) -> None:
        self._limits = limits or ResultLimits()
        self._nodes = program.nodes
        self._results = [result.of for result in program.results]
        self._streams = {stream.name: index for index, stream in enumerate(program.streams)}
        self._declarations = program.streams
        self._trace_lengths = trace_lengths
        self._complex_traces = frozenset(complex_traces)
        self._fine = fine_nodes(program, fine_traces)
        whole = nodes_read_whole(program)
        self._only_last = [not flag for flag in whole]
        self._wanted = used_nodes(program)
        self.forms: list[Form] = []
        self._operators: dict[int, Operator] = {}
        self._joinings: dict[int, Joining] = {}
        self._pairings: dict[int, Pairing] = {}
        for index, node in enumerate(self._nodes):
            self._add(program, index, node, whole[index])
        self._check_memory()
        self._check_items([result.tag for result in program.results])
        self._row_bytes = self._bytes_by_stream(bytes_per_arrival(program, self.forms, whole))

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
            lost.append(here or any(lost[of] for of in inputs_of(node)))
        return [lost[of] for of in self._results]

    def rounds(self, arrivals: Iterable[Arrival]) -> Iterator[list[Arrival]]:
        """The same arrivals in rounds for `push`, so that what operators make of one round stays within bounds."""
        arrivals = list(arrivals)
        sizes: dict[int, float] = {}
        for arrival in arrivals:
            cells = arrival.values.shape[1] if self._single_samples(arrival.stream) else 1
            size = len(arrival.values) * cells * self._row_bytes.get(arrival.stream, 0.0)
            sizes[arrival.stream] = sizes.get(arrival.stream, 0.0) + size
        count = ceil(max(sizes.values(), default=0.0) / self._limits.round_bytes_max)
        if count <= 1:
            yield arrivals
            return
        for number in range(count):
            if share := _share(arrivals, number, count):
                yield share

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
            elif isinstance(node, tree.Arithmetic | tree.Zip):
                outputs.append(self._join(index, node, outputs))
            else:
                outputs.append(self._operate(index, node, outputs[node.of]))
        return [outputs[of] for of in self._results]

    # -- building ------------------------------------------------------------------------------------------------------

    def _add(self, program: tree.Program, index: int, node: tree.StreamNode, every: bool) -> None:
        match node:
            case tree.Source():
                self.forms.append(self._source_form(node))
            case tree.Arithmetic() | tree.Zip():
                self._joinings[index] = joining_of(node, self.forms)
                self.forms.append(self._joinings[index].form)
                if len(set(inputs_of(node))) == 2:
                    self._pairings[index] = Pairing(self._limits.pairing_bytes_max)
            case _:
                self._operators[index] = operator_of(
                    program, node, self.forms[node.of], every=every, fine=self._fine[index]
                )
                self.forms.append(self._operators[index].form)

    def _source_form(self, node: tree.Source) -> Form:
        stream = self._declarations[self._streams[node.stream]]
        if not stream.adc:
            kind: Kind = stream.type
            return Form(kind, (), node.timestamps)
        shape = (self._trace_lengths.get(stream.name, 1),) if stream.trace else ()
        return Form("complex" if stream.name in self._complex_traces else "int", shape, node.timestamps)

    def _check_memory(self) -> None:
        held = 0
        for index, node in enumerate(self._nodes):
            if self._wanted[index]:
                inputs = inputs_of(node)
                held += held_bytes(node, self.forms[index], self.forms[inputs[0]] if inputs else None)
        if held > self._limits.buffers_bytes_max:
            raise AskedWrongly(
                f"the stream buffers of this program take {held} bytes; the limit is "
                f"{self._limits.buffers_bytes_max} (buffers_bytes_max)",
                code="too_large",
                hint="buffer less: let average() or map(FUNCTIONS.average()) work on smaller blocks",
            )

    def _check_items(self, tags: Sequence[str]) -> None:
        most = self._limits.item_bytes_max
        for tag, form in zip(tags, self.result_forms, strict=True):
            if form.nbytes > most:
                raise AskedWrongly(
                    f"an item of result '{tag}' takes {form.nbytes} bytes; the limit is {most} (item_bytes_max)",
                    code="too_large",
                    hint="measure with a shorter pulse, or buffer less",
                )

    def _bytes_by_stream(self, by_source: Sequence[float]) -> dict[int, float]:
        rows: dict[int, float] = {}
        for size, node in zip(by_source, self._nodes, strict=True):
            if isinstance(node, tree.Source):
                stream = self._streams[node.stream]
                rows[stream] = max(rows.get(stream, 0.0), size)
        return rows

    def _single_samples(self, stream: int) -> bool:
        return self._declarations[stream].adc and not self._declarations[stream].trace

    # -- running -------------------------------------------------------------------------------------------------------

    def _source(self, index: int, node: tree.Source, arrivals: Sequence[Arrival]) -> Batch | None:
        stream = self._declarations[self._streams[node.stream]]
        chosen = [part for part in (a.of_input(node.input) for a in arrivals) if len(part.values)]
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

    def _operate(self, index: int, node: tree.StreamNode, batch: Batch | None) -> Batch | None:
        if batch is None:
            return None
        if self._only_last[index] and not isinstance(node, COUNTING):
            batch = batch.last()
        made = self._operators[index].feed(batch)
        return made if len(made) else None

    def _join(self, index: int, node: tree.Arithmetic | tree.Zip, outputs: Sequence[Batch | None]) -> Batch | None:
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
        return self._joinings[index].join(left, right)


def _share(arrivals: Sequence[Arrival], number: int, count: int) -> list[Arrival]:
    """The `number`-th of `count` equal parts of each stream's rows, in order."""
    totals: dict[int, int] = {}
    for arrival in arrivals:
        totals[arrival.stream] = totals.get(arrival.stream, 0) + len(arrival.values)
    before = dict.fromkeys(totals, 0)
    share: list[Arrival] = []
    for arrival in arrivals:
        total, at = totals[arrival.stream], before[arrival.stream]
        before[arrival.stream] += len(arrival.values)
        start, stop = (max(total * edge // count - at, 0) for edge in (number, number + 1))
        if start < min(stop, len(arrival.values)):
            share.append(arrival.rows(slice(start, stop)))
    return share


def _saved(arrival: Arrival, kind: Kind, timestamps: bool) -> Batch:
    values = arrival.values != 0 if kind == "bool" else arrival.values.astype(np.int64, copy=False)
    return Batch(values, _stamps(arrival) if timestamps else None)


def _samples(arrival: Arrival, trace: bool, timestamps: bool, shape: tuple[int, ...]) -> Batch:
    values = arrival.values.astype(np.complex128 if np.iscomplexobj(arrival.values) else np.int64)
    stamps = None
    if timestamps:
        stamps = _stamps(arrival)[:, np.newaxis] + np.arange(values.shape[1], dtype=np.int64) // arrival.per_ns
    if not trace:
        return Batch(values.reshape(-1), None if stamps is None else stamps.reshape(-1))
    if values.shape[1:] != shape:
        raise OurBug(f"a raw trace has {values.shape[1]} samples where {shape[0]} were announced")
    return Batch(values, stamps)


def _stamps(arrival: Arrival) -> NDArray[np.int64]:
    if arrival.timestamps is None:
        raise OurBug("values came without the timestamps that a stream needs")
    return arrival.timestamps.astype(np.int64, copy=False)
