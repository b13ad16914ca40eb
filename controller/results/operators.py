"""From the nodes of a program to the operators that evaluate them."""

from __future__ import annotations

from collections.abc import Sequence

from ..._core.errors import OurBug
from ..._core.program import tree
from ..._core.program.items import inputs_of, reshape_lengths
from .batches import Form
from .grouping import (
    GroupingNode,
    buffer_and_skip_node,
    buffer_node,
    flatten_node,
    skip_last_node,
    skip_node,
    take_node,
)
from .nodes import (
    ArithmeticNode,
    AverageNode,
    BooleanToIntNode,
    ComplexPartNode,
    HistogramNode,
    MapNode,
    TimestampsNode,
    ZipNode,
)
from .spectra import FftNode
from .vectors import ConvolutionNode, DemodNode, DotProductNode, TupleConvolutionNode, TupleMultiplyNode

Operator = (
    GroupingNode
    | AverageNode
    | MapNode
    | BooleanToIntNode
    | ComplexPartNode
    | TimestampsNode
    | HistogramNode
    | DotProductNode
    | TupleMultiplyNode
    | ConvolutionNode
    | TupleConvolutionNode
    | DemodNode
    | FftNode
)
Joining = ArithmeticNode | ZipNode
"""What reads two nodes, or one and a constant."""

COUNTING = (
    tree.Buffer
    | tree.AutoReshape
    | tree.BufferAndSkip
    | tree.Skip
    | tree.SkipLast
    | tree.Take
    | tree.Average
    | tree.Histogram
)
"""Operators that need every item of their input to know the newest one of theirs."""


def joining_of(node: tree.Arithmetic | tree.Zip, forms: Sequence[Form]) -> Joining:
    """The operator of a node with two sides."""
    if isinstance(node, tree.Zip):
        return ZipNode(forms[node.left], forms[node.right])
    left, right = (forms[side] if isinstance(side, int) else None for side in (node.left, node.right))
    return ArithmeticNode(node, left, right)


def operator_of(program: tree.Program, node: tree.StreamNode, of: Form, *, every: bool, fine: bool) -> Operator:
    """The operator of a node with one input; `every`: somebody reads all of its items; `fine`: of samples two a ns."""
    match node:
        case tree.Buffer():
            return buffer_node(node.lengths, of)
        case tree.AutoReshape():
            return buffer_node(reshape_lengths(program, node), of)
        case tree.BufferAndSkip():
            return buffer_and_skip_node(node, of)
        case tree.Skip():
            return skip_node(node, of)
        case tree.SkipLast():
            return skip_last_node(node, of)
        case tree.Take():
            return take_node(node, of)
        case tree.Flatten():
            return flatten_node(of)
        case tree.Average():
            return AverageNode(of, every)
        case tree.Histogram():
            return HistogramNode(node, of, every)
        case _:
            return _itemwise(node, of, fine)


def _itemwise(node: tree.StreamNode, of: Form, fine: bool) -> Operator:
    """The operators that work on each item on its own."""
    match node:
        case tree.Map():
            return MapNode(node, of)
        case tree.BooleanToInt():
            return BooleanToIntNode(of)
        case tree.ComplexPart():
            return ComplexPartNode(node, of)
        case tree.Timestamps():
            return TimestampsNode(of)
        case tree.DotProduct():
            return DotProductNode(node, of)
        case tree.TupleDotProduct() | tree.TupleMultiply():
            return TupleMultiplyNode(of, summed=isinstance(node, tree.TupleDotProduct))
        case tree.Convolution():
            return ConvolutionNode(node, of)
        case tree.TupleConvolution():
            return TupleConvolutionNode(node, of)
        case tree.Fft():
            return FftNode(node, of)
        case tree.Demod():
            return DemodNode(node, of, fine)
        case _:
            raise OurBug(f"a pipeline holds a {type(node).__name__}, which no program may have")


def held_bytes(node: tree.StreamNode, form: Form, of: Form | None) -> int:
    """What an operator keeps between two rounds; `form` of its items, `of` of its input's."""
    match node:
        case tree.Buffer() | tree.AutoReshape() | tree.Histogram():
            return form.nbytes
        case tree.BufferAndSkip():
            return 2 * form.nbytes
        case tree.Average():
            return 2 * form.nbytes
        case tree.SkipLast() if of is not None:
            return node.count * of.nbytes
        case _:
            return 0


def used_nodes(program: tree.Program) -> list[bool]:
    """For each node, whether a result depends on it."""
    used = [False] * len(program.nodes)
    for result in program.results:
        used[result.of] = True
    for index in range(len(program.nodes) - 1, -1, -1):
        if used[index]:
            for of in inputs_of(program.nodes[index]):
                used[of] = True
    return used


def nodes_read_whole(program: tree.Program) -> list[bool]:
    """For each node, whether somebody needs all of its items (else the newest is enough)."""
    whole = [False] * len(program.nodes)
    for result in program.results:
        whole[result.of] |= result.all
    for index in range(len(program.nodes) - 1, -1, -1):
        node = program.nodes[index]
        inputs = inputs_of(node)
        counts = isinstance(node, COUNTING) or len(set(inputs)) > 1
        for of in inputs:
            whole[of] |= whole[index] or counts
    return whole


def bytes_per_arrival(program: tree.Program, forms: Sequence[Form], whole: Sequence[bool]) -> list[float]:
    """For each source, the most bytes of any one operator's items that one item of the source makes."""
    rates: list[dict[int, float]] = []  # for each node: items an item of each source makes
    most: dict[int, float] = {}
    for index, node in enumerate(program.nodes):
        rate: dict[int, float] = {index: 1.0} if isinstance(node, tree.Source) else {}
        for of in inputs_of(node):
            for source, items in rates[of].items():
                rate[source] = max(rate.get(source, 0.0), items * _items_made(node, forms[of], forms[index]))
        rates.append(rate)
        if whole[index]:
            for source, items in rate.items():
                most[source] = max(most.get(source, 0.0), items * forms[index].nbytes)
    return [most.get(index, 0.0) for index in range(len(program.nodes))]


def _items_made(node: tree.StreamNode, of: Form, form: Form) -> float:
    """Items of a node for each of its input's."""
    match node:
        case tree.Buffer() | tree.AutoReshape():
            return of.nbytes / form.nbytes
        case tree.BufferAndSkip():
            return 1 / node.skip
        case tree.Flatten():
            return of.nbytes / form.nbytes
        case _:
            return 1.0
