"""What one item of each stream node is: dtype and shape, known before any run. docs/streams.md has the table.

A source with timestamps carries one int64 beside each value; zip makes pairs. Operators that only choose and group
items take both as they are; what computes takes plain values (real, image and demod timestamps too, tuple_* and fft
the pairs).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from . import limits, tree
from .loops import LoopsUnknownError, saving_loops

Dtype: TypeAlias = Literal["int64", "float64", "bool", "complex128"]
Shape: TypeAlias = tuple[int | None, ...]
Report: TypeAlias = Callable[[int, str], None]

_DTYPES: dict[tree.VarType, Dtype] = {"int": "int64", "fixed": "float64", "bool": "bool"}


class Item(msgspec.Struct, frozen=True):
    """One item of a node; a None in ``shape`` is a trace length that is not known yet.

    ``second``: of a pair, the other value (value_1). ``undecided``: raw samples, which are complex where they are of a
    MW input; before the program meets a config nobody knows.
    """

    dtype: Dtype
    shape: Shape
    timestamps: bool = False
    second: Item | None = None
    undecided: bool = False


class _Fault(Exception):
    """Why an operator does not fit its items."""


def node_items(
    program: tree.Program,
    trace_lengths: Mapping[str, int] | None,
    report: Report,
    complex_traces: Collection[str] = (),
) -> list[Item | None]:
    """The item of each node of ``program``, None where it is faulty (each fault goes to ``report`` with its node's
    index).

    ``trace_lengths``: samples of a whole trace, by stream; without it they stay unknown. ``complex_traces``: streams
    that get those of MW inputs.
    """
    streams = {stream.name: stream for stream in program.streams}
    items: list[Item | None] = []
    for index, node in enumerate(program.nodes):
        if any(not 0 <= of < index for of in inputs_of(node)):
            report(index, "a stream operator must stand after its inputs")
            items.append(None)
            continue
        known = [item for item in (items[of] for of in inputs_of(node)) if item is not None]
        item: Item | None = None
        try:
            if isinstance(node, tree.Source):
                item = _source(node, streams, trace_lengths, complex_traces)
            elif len(known) == len(inputs_of(node)):
                item = _operator(node, known, program)
        except _Fault as fault:
            report(index, str(fault))
        items.append(item)
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


def fine_nodes(program: tree.Program, fine_traces: Collection[str]) -> list[bool]:
    """For each node, whether all that it reads is of ``fine_traces``, streams of raw traces with two samples a ns."""
    fine: list[bool] = []
    for node in program.nodes:
        known = [fine[of] for of in inputs_of(node)]
        fine.append(node.stream in fine_traces if isinstance(node, tree.Source) else bool(known) and all(known))
    return fine


def reshape_lengths(program: tree.Program, node: tree.AutoReshape) -> tuple[int, ...]:
    """The lengths of the blocks that ``auto_reshape()`` makes. Raises LoopsUnknownError."""
    source = program.nodes[node.of]
    if isinstance(source, tree.Timestamps):
        source = program.nodes[source.of]
    if not isinstance(source, tree.Source):
        raise LoopsUnknownError("auto_reshape() stands right after the stream")
    stream = next(item for item in program.streams if item.name == source.stream)
    if stream.adc and not (stream.trace and source.input):
        raise LoopsUnknownError("raw samples need declare_stream(adc_trace=True), and input1() or input2()")
    lengths = saving_loops(program, source.stream)
    if not lengths:
        raise LoopsUnknownError("there is no loop around the save")
    return lengths


def convolved_length(length: int, other: int, mode: tree.ConvolutionMode) -> int:
    """Cells of the convolution of two vectors."""
    if mode == "full":
        return length + other - 1
    return max(length, other) if mode == "same" else abs(length - other) + 1


def fft_steps(length: int) -> int:
    """``length`` times the sum of its prime factors."""
    rest, total, factor = length, 0, 2
    while factor * factor <= rest:
        while rest % factor == 0:
            rest, total = rest // factor, total + factor
        factor += 1
    return length * (total + (rest if rest > 1 else 0))


def _source(
    node: tree.Source,
    streams: Mapping[str, tree.StreamDeclaration],
    trace_lengths: Mapping[str, int] | None,
    complex_traces: Collection[str],
) -> Item:
    stream = streams.get(node.stream)
    if stream is None:
        raise _Fault(f"there is no stream {node.stream!r}")
    if node.input not in (0, 1, 2):
        raise _Fault(f"there is no analog input {node.input}")
    if not stream.adc:
        if node.input:
            raise _Fault(f"input{node.input}() is for raw samples, but stream {stream.name} holds saved values")
        return Item(_DTYPES[stream.type], (), node.timestamps)
    dtype: Dtype = "complex128" if stream.name in complex_traces else "int64"
    undecided = trace_lengths is None
    if not stream.trace:
        return Item(dtype, (), node.timestamps, undecided=undecided)
    length = (
        None if trace_lengths is None else trace_lengths.get(stream.name, 1)
    )  # 1: of a stream that no item comes to
    return Item(dtype, (length,), node.timestamps, undecided=undecided)


def _operator(node: tree.StreamNode, inputs: Sequence[Item], program: tree.Program) -> Item:
    match node:
        case tree.Buffer():
            return _buffered(inputs[0], node.lengths, "buffer")
        case tree.BufferAndSkip():
            if node.skip < 1:
                raise _Fault("buffer_and_skip needs a skip of at least 1")
            return _buffered(inputs[0], (node.length,), "buffer_and_skip")
        case tree.AutoReshape():
            try:
                return _buffered(inputs[0], reshape_lengths(program, node), "auto_reshape")
            except LoopsUnknownError as unknown:
                raise _Fault(f"auto_reshape() does not know its shape: {unknown}") from None
        case tree.Skip() | tree.SkipLast() | tree.Take():
            if node.count < 0:
                raise _Fault(f"{node.count} items cannot be skipped or taken")
            return inputs[0]
        case tree.Flatten():
            return _reshaped(inputs[0], ())
        case tree.Timestamps():
            if not inputs[0].timestamps:
                raise _Fault("timestamps() is for items that have timestamps")
            return Item("int64", inputs[0].shape)
        case tree.ComplexPart():
            return _part(node, inputs[0])
        case tree.Demod():
            return _demod(node, inputs[0])
    return _computed(node, inputs)


def _computed(node: tree.StreamNode, inputs: Sequence[Item]) -> Item:
    if any(item.timestamps for item in inputs):
        raise _Fault(
            "values with timestamps can be chosen, buffered and saved; only real, image and demod compute with them"
        )
    if any(item.dtype == "complex128" for item in inputs):
        raise _Fault("samples of a MW input are complex; compute with their parts: real() and image()")
    match node:
        case tree.TupleDotProduct() | tree.TupleMultiply() | tree.TupleConvolution():
            return _of_pair(node, inputs[0])
        case tree.Fft():
            return _fft(node, inputs[0])
    if any(item.second is not None for item in inputs):
        raise _Fault("pairs of zip() can be chosen, buffered and saved; tuple_... and fft alone compute with them")
    match node:
        case tree.Average():
            return Item("float64", inputs[0].shape)
        case tree.Map():
            return _mean(node, inputs[0])
        case tree.BooleanToInt():
            if inputs[0].dtype != "bool":
                raise _Fault(f"boolean_to_int() needs bools, but its items are {inputs[0].dtype}")
            return Item("int64", inputs[0].shape)
        case tree.Arithmetic():
            return _arithmetic(node, inputs)
        case tree.Zip():
            return Item(inputs[0].dtype, inputs[0].shape, second=inputs[1])
        case tree.Histogram():
            return _histogram(node)
        case tree.DotProduct():
            _same_length(node.vector, inputs[0].shape, "dot_product")
            return Item("float64", ())
        case tree.Convolution():
            return _convolved(inputs[0].shape, (len(node.vector),), node.mode, "convolution")
    raise _Fault(f"{type(node).__name__} is no operator")


def _part(node: tree.ComplexPart, item: Item) -> Item:
    if item.dtype != "complex128" and not item.undecided:
        raise _Fault(
            f"{node.part}() takes a part of complex raw samples, which come from inputs of MW-FEMs; "
            f"the items here are {item.dtype}"
        )
    return Item("int64", item.shape, item.timestamps)


def _reshaped(item: Item, shape: Shape) -> Item:
    """The same values in another shape; both of a pair."""
    second = None if item.second is None else _reshaped(item.second, shape)
    if second is not None and item.second is not None and shape == () and item.shape != item.second.shape:
        raise _Fault("flatten() of pairs needs values of one shape")
    return Item(item.dtype, shape, item.timestamps, second, item.undecided)


def _buffered(item: Item, lengths: tuple[int, ...], word: str) -> Item:
    if not lengths or any(length < 1 for length in lengths):
        raise _Fault(f"{word} needs lengths of at least 1")
    shape = lengths + item.shape
    cells = 1
    for length in shape:
        cells *= length or 1
    if cells > limits.BUFFER_ITEMS_MAX or len(shape) > limits.ITEM_AXES_MAX:
        raise _Fault(
            f"items of shape {_shown(shape)} exceed {limits.BUFFER_ITEMS_MAX} cells (BUFFER_ITEMS_MAX) "
            f"or {limits.ITEM_AXES_MAX} axes (ITEM_AXES_MAX)"
        )
    second = None if item.second is None else _buffered(item.second, lengths, word)
    return Item(item.dtype, shape, item.timestamps, second, item.undecided)


def _mean(node: tree.Map, item: Item) -> Item:
    axes = len(item.shape)
    if not axes:
        raise _Fault("map(FUNCTIONS.average()) needs items with an axis: buffer(...) before it")
    chosen = {axis % axes for axis in node.axes if -axes <= axis < axes}
    if not node.axes or len(chosen) < len(node.axes):
        raise _Fault(
            f"FUNCTIONS.average(axis) needs different axes of items of shape {_shown(item.shape)}, not {node.axes}"
        )
    return Item("float64", tuple(length for axis, length in enumerate(item.shape) if axis not in chosen))


def _arithmetic(node: tree.Arithmetic, inputs: Sequence[Item]) -> Item:
    if not inputs:
        raise _Fault(f"{node.operator} needs a stream on one side")
    shape = inputs[0].shape
    if len(inputs) == 2:
        shape = _joined(shape, inputs[1].shape, node.operator)
    for side in (node.left, node.right):
        if isinstance(side, tree.Constant) and not side.scalar and not _agree(shape, (len(side.values),)):
            raise _Fault(f"{node.operator} joins items of shape {_shown(shape)} and {len(side.values)} numbers")
    return Item("float64", shape)


def _histogram(node: tree.Histogram) -> Item:
    if not node.bins:
        raise _Fault("histogram needs bins")
    if not all(low <= high for low, high in node.bins):
        raise _Fault("a bin of histogram ends before it begins")
    return Item("int64", (len(node.bins),))


def _of_pair(node: tree.TupleDotProduct | tree.TupleMultiply | tree.TupleConvolution, item: Item) -> Item:
    if item.second is None:
        raise _Fault("tuple_dot_product, tuple_multiply and tuple_convolution need pairs: zip(...) before it")
    first, second = item.shape, item.second.shape
    match node:
        case tree.TupleMultiply():
            return Item("float64", _joined(first, second, "tuple_multiply"))
        case tree.TupleDotProduct():
            if len(_joined(first, second, "tuple_dot_product")) != 1:
                raise _Fault("tuple_dot_product needs pairs of vectors")
            return Item("float64", ())
        case _:
            return _convolved(first, second, node.mode, "tuple_convolution")


def _convolved(first: Shape, second: Shape, mode: tree.ConvolutionMode, word: str) -> Item:
    if len(first) != 1 or len(second) != 1 or second[0] == 0:
        raise _Fault(f"{word} needs vectors; these have shapes {_shown(first)} and {_shown(second)}")
    length, other = first[0], second[0]
    if length is None or other is None:
        return Item("float64", (None,))
    if length * other > limits.CONVOLUTION_PRODUCTS_MAX:
        raise _Fault(
            f"{word} of {length} with {other} numbers exceeds {limits.CONVOLUTION_PRODUCTS_MAX} products "
            "(CONVOLUTION_PRODUCTS_MAX)"
        )
    return Item("float64", (convolved_length(length, other, mode),))


def _fft(node: tree.Fft, item: Item) -> Item:
    shape = item.shape
    if item.second is not None:
        shape = _joined(shape, item.second.shape, "fft")
    elif len(shape) == 2 and shape[1] == 2:
        shape = shape[:1]
    if len(shape) != 1:
        raise _Fault(f"fft needs vectors or vectors of pairs; the items here have shape {_shown(item.shape)}")
    length = shape[0]
    if length is not None and fft_steps(length) > limits.FFT_STEPS_MAX:
        raise _Fault(
            f"fft of {length} numbers takes more than {limits.FFT_STEPS_MAX} steps (FFT_STEPS_MAX): length times the "
            "sum of its prime factors; choose a length of small factors"
        )
    return Item("float64", (length, 2) if node.output == "normal" else (length,))


def _demod(node: tree.Demod, item: Item) -> Item:
    if item.dtype == "complex128":
        raise _Fault("samples of a MW input are complex; demod takes their parts: real() and image()")
    if item.second is not None or len(item.shape) != 1:
        raise _Fault(f"demod needs vectors of samples; the items here have shape {_shown(item.shape)}")
    for weights in (node.cosine, node.sine):
        if not weights.scalar:
            _same_length(weights.values, item.shape, "demod")
    return Item("float64", () if node.integrate else item.shape)


def _same_length(vector: Sequence[float], shape: Shape, word: str) -> None:
    if not _agree(shape, (len(vector),)):
        raise _Fault(f"{word} joins items of shape {_shown(shape)} and {len(vector)} numbers")


def _joined(a: Shape, b: Shape, word: str) -> Shape:
    if not _agree(a, b):
        raise _Fault(f"{word} joins items of shapes {_shown(a)} and {_shown(b)}")
    return tuple(x if x is not None else y for x, y in zip(a, b, strict=True))


def _agree(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(x is None or y is None or x == y for x, y in zip(a, b, strict=True))


def _shown(shape: Shape) -> str:
    return "(" + ", ".join("trace" if length is None else str(length) for length in shape) + ")"
