"""Results that stay empty because no raw trace that they read is ever kept: told, since the platform runs such programs
in silence.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..._core.engine.image import Image, Remark
from ..._core.program import tree
from ..._core.program.items import inputs_of
from .gaps import place


def silent_streams(program: tree.Program, inputs: Mapping[str, set[int]]) -> tuple[Remark, ...]:
    """One remark for each raw stream that results read in vain. ``inputs``: the analog inputs of which each stream
    keeps traces, empty where measures write to it but no pulse has a digital marker."""
    raw = {stream.name for stream in program.streams if stream.adc}
    if not raw:
        return ()
    sources = _sources(program)
    read: dict[str, dict[int, tree.Result]] = {}
    for result in program.results:
        for source in sources[result.of]:
            if source.stream in raw:
                read.setdefault(source.stream, {}).setdefault(source.input, result)
    remarks = []
    for stream, results in read.items():
        kept = inputs.get(stream)
        if kept and (0 in results or kept & results.keys()):
            continue
        result = next(iter(results.values()))
        remarks.append(Remark(at=result.at, text=f"result '{result.tag}' stays empty: {_why(stream, kept, results)}"))
    return tuple(remarks)


def remark_lines(image: Image) -> list[str]:
    """The remarks of an image, one a line, as warnings."""
    return [f"{place(image, remark.at)}{remark.text}" for remark in image.remarks]


def _sources(program: tree.Program) -> list[set[tree.Source]]:
    """The sources that each node reads."""
    found: list[set[tree.Source]] = []
    for node in program.nodes:
        own: set[tree.Source] = {node} if isinstance(node, tree.Source) else set()
        found.append(own.union(*(found[of] for of in inputs_of(node))))
    return found


def _why(stream: str, kept: set[int] | None, results: Mapping[int, tree.Result]) -> str:
    if kept is None:
        return f"no measure writes to stream '{stream}'"
    if not kept:
        return f"no pulse measured into stream '{stream}' has a digital_marker, without which no raw trace is kept"
    there, wanted = (" and ".join(str(number) for number in sorted(numbers)) for numbers in (kept, results))
    return f"stream '{stream}' has raw traces of analog input {there}, none of input {wanted}"
