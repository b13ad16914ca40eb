"""The checks of streams, stream nodes and results."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from . import limits, tree
from .items import inputs_of, node_items


def check_streams(program: tree.Program, report: Callable[[int, str], None]) -> None:
    """Report (at, message) for each fault in the streams, nodes and results of ``program``."""
    _check_declarations(program, report)
    if len(program.nodes) > limits.NODES_MAX:
        report(-1, f"more than {limits.NODES_MAX} stream operators (NODES_MAX)")
        return
    if len(program.results) > limits.RESULTS_MAX:
        report(-1, f"more than {limits.RESULTS_MAX} results (RESULTS_MAX)")
        return
    blame = node_blame(program)
    node_items(program, None, lambda index, message: report(blame.get(index, -1), message))
    _check_constants(program, lambda index, message: report(blame.get(index, -1), message))
    _check_results(program, report)


def node_blame(program: tree.Program) -> dict[int, int]:
    """For each node that a result reads, the ``at`` of (one of) its results."""
    blame: dict[int, int] = {}
    for result in program.results:
        if 0 <= result.of < len(program.nodes):
            blame.setdefault(result.of, result.at)
    for index in range(len(program.nodes) - 1, -1, -1):
        if index in blame:
            for of in inputs_of(program.nodes[index]):
                blame.setdefault(of, blame[index])
    return blame


def _check_declarations(program: tree.Program, report: Callable[[int, str], None]) -> None:
    if len(program.streams) > limits.STREAMS_MAX:
        report(-1, f"more than {limits.STREAMS_MAX} streams (STREAMS_MAX)")
    seen: set[str] = set()
    for stream in program.streams:
        if not 0 < len(stream.name) <= limits.NAME_LENGTH_MAX:
            report(stream.at, f"the name of a stream has 1 to {limits.NAME_LENGTH_MAX} characters")
        if stream.name in seen:
            report(stream.at, f"there are two streams {stream.name!r}")
        if stream.trace and not stream.adc:
            report(stream.at, f"stream {stream.name} has traces but no raw samples")
        if stream.adc and stream.type != "int":
            report(stream.at, f"raw samples of stream {stream.name} are int, not {stream.type}")
        seen.add(stream.name)


def _check_constants(program: tree.Program, report: Callable[[int, str], None]) -> None:
    values = 0
    for index, node in enumerate(program.nodes):
        word, vectors = _numbers(node)
        values += sum(len(vector) for vector in vectors)
        for vector in vectors:
            if not all(math.isfinite(value) for value in vector):
                report(index, f"a constant beside {word} is not finite")
        for constant in _constants(node):
            if not constant.values or (constant.scalar and len(constant.values) != 1):
                report(index, f"a constant beside {word} has the wrong number of values")
    if values > limits.CONSTANT_VALUES_MAX:
        report(-1, f"more than {limits.CONSTANT_VALUES_MAX} constants beside streams (CONSTANT_VALUES_MAX)")


def _constants(node: tree.StreamNode) -> list[tree.Constant]:
    match node:
        case tree.Arithmetic():
            return [side for side in (node.left, node.right) if isinstance(side, tree.Constant)]
        case tree.Demod():
            return [node.cosine, node.sine]
        case _:
            return []


def _numbers(node: tree.StreamNode) -> tuple[str, list[Sequence[float]]]:
    """The word of an operator and the numbers that it takes beside its items."""
    vectors: list[Sequence[float]] = [constant.values for constant in _constants(node)]
    match node:
        case tree.Arithmetic():
            return node.operator, vectors
        case tree.Demod():
            return "demod", [*vectors, (node.frequency,)]
        case tree.DotProduct():
            return "dot_product", [node.vector]
        case tree.Convolution():
            return "convolution", [node.vector]
        case tree.Histogram():
            return "histogram", list(node.bins)
        case _:
            return "", vectors


def _check_results(program: tree.Program, report: Callable[[int, str], None]) -> None:
    seen: set[str] = set()
    for result in program.results:
        if not 0 < len(result.tag) <= limits.NAME_LENGTH_MAX:
            report(result.at, f"the tag of a result has 1 to {limits.NAME_LENGTH_MAX} characters")
        if result.tag.startswith(limits.OWN_TAG_PREFIX):
            report(result.at, f"the tag {result.tag!r} of a result begins with {limits.OWN_TAG_PREFIX}, as ours do")
        if result.tag in seen:
            report(result.at, f"there are two results {result.tag!r}")
        seen.add(result.tag)
        if not 0 <= result.of < len(program.nodes):
            report(result.at, f"result {result.tag!r} reads a stream operator that is not there")
