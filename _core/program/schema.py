"""The results of a program before it runs: their names, dtypes and shapes."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import msgspec

from .check_streams import node_blame
from .issues import ProgramIssue, raise_issues
from .items import Dtype, Shape, node_items
from .tree import Program

_WIRE: dict[Dtype, str] = {"int64": "<i8", "float64": "<f8", "bool": "|b1", "complex128": "<c16"}


class ResultInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One result. ``dtype`` and ``shape`` are those of the value of one item, in numpy's words.

    ``second``: of pairs (zip), dtype and shape of the other value; fields ``value_0`` and ``value_1`` then.
    ``timestamps``: each value has an int64 beside it (field ``timestamp``, of the same shape). ``all``: all items are
    kept (save_all), else the last one.
    """

    tag: str
    dtype: Dtype
    shape: tuple[int, ...]
    second: tuple[Dtype, tuple[int, ...]] | None = None
    timestamps: bool = False
    all: bool = False

    @property
    def wire_dtype(self) -> str:
        """numpy's text for one value as it travels: ``<i8``; of a pair ``<i8,(3,)<f8``, which holds both shapes."""
        if self.second is None:
            return _WIRE[self.dtype]
        parts = ((self.dtype, self.shape), self.second)
        return ",".join((f"({','.join(map(str, shape))},)" if shape else "") + _WIRE[dtype] for dtype, shape in parts)

    @property
    def wire_shape(self) -> tuple[int, ...]:
        """The shape beside ``wire_dtype``: () for a pair."""
        return self.shape if self.second is None else ()


def result_schema(
    program: Program, trace_lengths: Mapping[str, int], complex_traces: Collection[str] = ()
) -> tuple[ResultInfo, ...]:
    """What each result of ``program`` holds, in the order of the program.

    ``trace_lengths``: for each stream of whole raw traces, samples of one trace (readout length + 2 smearing).
    ``complex_traces``: streams that get the traces of MW inputs.
    Raises AskedWrongly (``bad_program``) where a stream operator does not fit its items.
    """
    issues: list[ProgramIssue] = []
    blame = node_blame(program)

    def report(index: int, message: str) -> None:
        at = blame.get(index, -1)
        file, line = program.sources[at] if 0 <= at < len(program.sources) else ("", 0)
        issues.append(ProgramIssue(at=at, file=file, line=line, message=message))

    items = node_items(program, trace_lengths, report, complex_traces)
    raise_issues(issues)
    infos = []
    for result in program.results:
        item = items[result.of]
        assert item is not None  # what has no item was reported
        infos.append(
            ResultInfo(
                tag=result.tag,
                dtype=item.dtype,
                shape=_known(item.shape),
                second=None if item.second is None else (item.second.dtype, _known(item.second.shape)),
                timestamps=item.timestamps,
                all=result.all,
            )
        )
    return tuple(infos)


def _known(shape: Shape) -> tuple[int, ...]:
    return tuple(length for length in shape if length is not None)
