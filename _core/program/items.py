"""What one item of each stream node is: dtype and shape, known before any run.

| node | dtype | shape |
|---|---|---|
| source of saved values | int64, float64 or bool, by the stream's type | () |
| source of raw samples | int64 | (), or (trace length,) |
| buffer(n, m) | as its input | (n, m) + the input's |
| average, arithmetic | float64 | as its input (stream with stream: both alike; vector: the item has its length) |
| map(average) | float64 | the input's without its outermost axis |
| boolean_to_int | int64 | as its input, which is bool |

A source with timestamps carries one int64 beside each value; such items can be buffered and kept, no more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from . import limits, tree

Dtype: TypeAlias = Literal["int64", "float64", "bool"]
Report: TypeAlias = Callable[[int, str], None]

_DTYPES: dict[tree.VarType, Dtype] = {"int": "int64", "fixed": "float64", "bool": "bool"}


class Item(msgspec.Struct, frozen=True):
    """One item of a node; a None in ``shape`` is a trace length that is not known yet."""

    dtype: Dtype
    shape: tuple[int | None, ...]
    timestamps: bool = False


def node_items(program: tree.Program, trace_lengths: Mapping[str, int] | None, report: Report) -> list[Item | None]:
    """The item of each node of ``program``, None where it is faulty (each fault goes to ``report`` with its node's
    index).

    ``trace_lengths``: samples of a whole trace, by stream; without it they stay unknown.
    """
    streams = {stream.name: stream for stream in program.streams}
    items: list[Item | None] = []
    for index, node in enumerate(program.nodes):
        if isinstance(node, tree.Source):
            items.append(_source(node, streams, trace_lengths, index, report))
            continue
        inputs = [_input(of, items) for of in inputs_of(node)]
        known = [item for item in inputs if item is not None]
        if len(known) < len(inputs):
            if any(not 0 <= of < index for of in inputs_of(node)):
                report(index, "a stream operator must stand after its inputs")
            items.append(None)
            continue
        items.append(_operator(node, known, index, report))
    return items


def inputs_of(node: tree.StreamNode) -> tuple[int, ...]:
    """The indices of the nodes that ``node`` reads."""
    match node:
        case tree.Source():
            return ()
        case tree.Arithmetic():
            return tuple(side for side in (node.left, node.right) if isinstance(side, int))
        case tree.Zip():
            return (node.left, node.right)
        case _:
            return (node.of,)


def _input(of: int, items: Sequence[Item | None]) -> Item | None:
    return items[of] if 0 <= of < len(items) else None


def _source(
    node: tree.Source,
    streams: Mapping[str, tree.StreamDeclaration],
    trace_lengths: Mapping[str, int] | None,
    index: int,
    report: Report,
) -> Item | None:
    stream = streams.get(node.stream)
    if stream is None:
        report(index, f"there is no stream {node.stream!r}")
        return None
    if node.input not in (0, 1, 2):
        report(index, f"there is no analog input {node.input}")
        return None
    if not stream.adc:
        if node.input:
            report(index, f"input{node.input}() is for raw samples, but stream {stream.name} holds saved values")
            return None
        return Item(_DTYPES[stream.type], (), node.timestamps)
    if not stream.trace:
        return Item("int64", (), node.timestamps)
    length = None if trace_lengths is None else trace_lengths.get(stream.name)
    if trace_lengths is not None and length is None:
        report(index, f"stream {stream.name} gets no raw samples: no measure writes to it")
        return None
    return Item("int64", (length,), node.timestamps)


def _operator(node: tree.StreamNode, inputs: Sequence[Item], index: int, report: Report) -> Item | None:
    if any(item.timestamps for item in inputs) and not isinstance(node, tree.Buffer):
        report(index, "values with timestamps can be buffered and saved, but not computed with")
        return None
    match node:
        case tree.Buffer():
            return _buffer(node, inputs[0], index, report)
        case tree.Average():
            return Item("float64", inputs[0].shape)
        case tree.Map():
            if not inputs[0].shape:
                report(index, "map(FUNCTIONS.average()) needs items with an axis: buffer(...) before it")
                return None
            return Item("float64", inputs[0].shape[1:])
        case tree.BooleanToInt():
            if inputs[0].dtype != "bool":
                report(index, f"boolean_to_int() needs bools, but its items are {inputs[0].dtype}")
                return None
            return Item("int64", inputs[0].shape)
        case tree.Arithmetic():
            return _arithmetic(node, inputs, index, report)
    return None


def _buffer(node: tree.Buffer, item: Item, index: int, report: Report) -> Item | None:
    if not node.lengths or any(length < 1 for length in node.lengths):
        report(index, "buffer needs lengths of at least 1")
        return None
    shape = node.lengths + item.shape
    cells = 1
    for length in shape:
        cells *= length or 1
    if cells > limits.BUFFER_ITEMS_MAX or len(shape) > limits.BLOCK_DEPTH_MAX:
        report(index, f"items of shape {shape} exceed {limits.BUFFER_ITEMS_MAX} cells (BUFFER_ITEMS_MAX)")
        return None
    return Item(item.dtype, shape, item.timestamps)


def _arithmetic(node: tree.Arithmetic, inputs: Sequence[Item], index: int, report: Report) -> Item | None:
    if not inputs:
        report(index, f"{node.operator} needs a stream on one side")
        return None
    shape = inputs[0].shape
    if len(inputs) == 2 and not _agree(shape, inputs[1].shape):
        report(index, f"{node.operator} joins items of shapes {_shown(shape)} and {_shown(inputs[1].shape)}")
        return None
    for side in (node.left, node.right):
        if isinstance(side, tree.Constant) and not side.scalar and not _agree(shape, (len(side.values),)):
            report(index, f"{node.operator} joins items of shape {_shown(shape)} and {len(side.values)} numbers")
            return None
    if len(inputs) == 2:
        shape = tuple(a if a is not None else b for a, b in zip(shape, inputs[1].shape, strict=True))
    return Item("float64", shape)


def _agree(a: tuple[int | None, ...], b: tuple[int | None, ...]) -> bool:
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def _shown(shape: tuple[int | None, ...]) -> str:
    return "(" + ", ".join("trace" if length is None else str(length) for length in shape) + ")"
