"""Stream pipelines without the language: programs of nodes, arrivals, and what comes out of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from quaymaster._core.program import tree
from quaymaster.controller.results.batches import as_floats
from quaymaster.controller.results.pipeline import Arrival, Pipeline

R1 = tree.Source(stream="r1")
R2 = tree.Source(stream="r2")


def program_of(
    nodes: Sequence[tree.StreamNode],
    of: int = -1,
    *,
    all: bool = True,
    types: Sequence[str] = ("int",),
    body: Sequence[tree.Statement] = (),
    **adc: bool,
) -> tree.Program:
    """A program with streams r1, r2, ... of `types`, these nodes, and one result of node `of`."""
    streams = tuple(
        tree.StreamDeclaration(at=-1, name=f"r{number}", type=kind, **adc)  # type: ignore[arg-type]
        for number, kind in enumerate(types, 1)
    )
    result = tree.Result(at=-1, tag="out", of=of % len(nodes), all=all)
    return tree.Program(
        declarations=(), streams=streams, body=tuple(body), nodes=tuple(nodes), results=(result,), sources=()
    )


def saved(raws: Any, stream: int = 0, times: Any = None) -> Arrival:
    """Values saved to a stream."""
    stamps = None if times is None else np.array(times, np.int64)
    return Arrival(stream, np.array(raws, np.int64), stamps)


def acquired(stream: int, traces: Any, starts: Any = None, inputs: int | Sequence[int] = 1, per_ns: int = 1) -> Arrival:
    """Raw traces (traces, samples) of one input, or of one input each."""
    numbers = np.broadcast_to(np.array(inputs, np.int64), len(traces))
    return Arrival(stream, np.array(traces), starts, numbers, per_ns)


def results_of(
    program: tree.Program,
    rounds: Sequence[Sequence[Arrival]],
    lengths: dict[str, int] | None = None,
    fine: Sequence[str] = (),
) -> Any:
    """All items of the result, as one array (floats for a fixed), or the last one for `save`."""
    pipeline = Pipeline(program, lengths or {}, fine_traces=fine)
    form = pipeline.result_forms[0]
    parts = [batch for batch in (pipeline.push(round)[0] for round in rounds) if batch is not None]
    if not parts:
        return np.empty((0, *form.shape))
    values = np.concatenate([as_floats(p.values, form.kind) if form.kind == "fixed" else p.values for p in parts])
    return values if program.results[0].all else values[-1]


def columns_of(program: tree.Program, rounds: Sequence[Sequence[Arrival]]) -> list[Any]:
    """Every array of the result's items (values, timestamps, second values), whole."""
    pipeline = Pipeline(program, {})
    parts = [batch for batch in (pipeline.push(round)[0] for round in rounds) if batch is not None]
    return [np.concatenate(columns) for columns in zip(*(part.columns for part in parts), strict=True)]
