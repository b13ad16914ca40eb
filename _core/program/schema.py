"""The results of a program before it runs: their names, dtypes and shapes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from .check_streams import node_blame
from .issues import ProgramIssue, raise_issues
from .items import Dtype, node_items
from .tree import Program


class ResultInfo(msgspec.Struct, frozen=True, kw_only=True):
    """One result. ``dtype`` and ``shape`` are those of the value of one item, in numpy's words.

    ``timestamps``: each value has an int64 beside it (field ``timestamp``, of the same shape). ``all``: all items are
    kept (save_all), else the last one.
    """

    tag: str
    dtype: Dtype
    shape: tuple[int, ...]
    timestamps: bool = False
    all: bool = False


def result_schema(program: Program, trace_lengths: Mapping[str, int]) -> tuple[ResultInfo, ...]:
    """What each result of ``program`` holds, in the order of the program.

    ``trace_lengths``: for each stream of whole raw traces, samples of one trace (readout length + 2 smearing).
    Raises AskedWrongly (``bad_program``) where a stream operator does not fit its items.
    """
    issues: list[ProgramIssue] = []
    blame = node_blame(program)

    def report(index: int, message: str) -> None:
        at = blame.get(index, -1)
        file, line = program.sources[at] if 0 <= at < len(program.sources) else ("", 0)
        issues.append(ProgramIssue(at=at, file=file, line=line, message=message))

    items = node_items(program, trace_lengths, report)
    raise_issues(issues)
    infos = []
    for result in program.results:
        item = items[result.of]
        assert item is not None  # what has no item was reported
        shape = tuple(length for length in item.shape if length is not None)
        infos.append(
            ResultInfo(tag=result.tag, dtype=item.dtype, shape=shape, timestamps=item.timestamps, all=result.all)
        )
    return tuple(infos)
