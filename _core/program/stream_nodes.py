"""Stream pipelines: a graph of operators, each after its inputs (whose places in the graph it names).

What one item of each operator is: ``items``; what it computes: docs/streams.md.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from .node import Node

ArithmeticOperator: TypeAlias = Literal["+", "-", "*", "/"]
ConvolutionMode: TypeAlias = Literal["full", "same", "valid"]
FftOutput: TypeAlias = Literal["normal", "abs", "angle"]


class Source(Node, frozen=True):
    """Items of a stream. ``input``: 0 for saved values, 1 or 2 for the samples of that analog input.

    0 on a raw stream is whatever input its samples come from.
    """

    stream: str
    input: int = 0
    timestamps: bool = False


class Buffer(Node, frozen=True):
    """Full blocks of ``lengths`` items; (n, l) is buffer(l).buffer(n): items of shape (n, l) + the input's."""

    of: int
    lengths: tuple[int, ...]


class Average(Node, frozen=True):
    """Running mean over all items so far, emitted after each."""

    of: int


class Map(Node, frozen=True):
    """A function on each item: the mean over ``axes`` (negative ones count from the innermost)."""

    of: int
    function: Literal["average"]
    axes: tuple[int, ...] = (0,)


class BooleanToInt(Node, frozen=True):
    """True becomes 1."""

    of: int


class Arithmetic(Node, frozen=True):
    """Item by item ``left operator right``; a side is another node (its index) or a constant."""

    operator: ArithmeticOperator
    left: int | Constant
    right: int | Constant


class Constant(Node, frozen=True):
    """A number (shape ()) or a vector that an operator takes beside a stream."""

    values: tuple[float, ...]
    scalar: bool


class Timestamps(Node, frozen=True):
    """The timestamps of items that have them, as ints."""

    of: int


class AutoReshape(Node, frozen=True):
    """Blocks shaped by the loops around the save, outermost first; ``of`` is a Source or its Timestamps.

    ``loops.saving_loops`` finds the lengths.
    """

    of: int


class BufferAndSkip(Node, frozen=True):
    """Full blocks of ``length`` items; each starts ``skip`` items after the one before."""

    of: int
    length: int
    skip: int


class Skip(Node, frozen=True):
    """All items but the first ``count``."""

    of: int
    count: int


class SkipLast(Node, frozen=True):
    """All items but the last ``count``."""

    of: int
    count: int


class Take(Node, frozen=True):
    """The first ``count`` items."""

    of: int
    count: int


class Flatten(Node, frozen=True):
    """The numbers of each item, one by one, as items."""

    of: int


class ComplexPart(Node, frozen=True):
    """The real or the imaginary part of complex items."""

    of: int
    part: Literal["real", "image"]


class Histogram(Node, frozen=True):
    """How many numbers so far lie in each of ``bins`` (low, high), both ends counted; emitted after each item."""

    of: int
    bins: tuple[tuple[float, float], ...]


class Zip(Node, frozen=True):
    """Pairs of items by arrival: value_0 of ``left``, value_1 of ``right``."""

    left: int
    right: int


class DotProduct(Node, frozen=True):
    """The dot product of each item with ``vector``."""

    of: int
    vector: tuple[float, ...]


class Convolution(Node, frozen=True):
    """The convolution of each item with ``vector``."""

    of: int
    vector: tuple[float, ...]
    mode: ConvolutionMode = "full"


class TupleDotProduct(Node, frozen=True):
    """The dot product of the two vectors of each pair."""

    of: int


class TupleMultiply(Node, frozen=True):
    """The product of the two values of each pair, element by element."""

    of: int


class TupleConvolution(Node, frozen=True):
    """The convolution of the two vectors of each pair."""

    of: int
    mode: ConvolutionMode = "full"


class Fft(Node, frozen=True):
    """The discrete Fourier transform of each item: a vector, an N x 2 array [re, im], or a pair of vectors re, im."""

    of: int
    output: FftOutput = "normal"


class Demod(Node, frozen=True):
    """Each item demodulated at ``frequency`` Hz; ``cosine`` and ``sine`` are its weights, a number or one a sample.

    ``integrate``: the sum over the item, else one value a sample.
    """

    of: int
    frequency: float
    cosine: Constant
    sine: Constant
    integrate: bool = True


StreamNode: TypeAlias = (
    Source
    | Buffer
    | Average
    | Map
    | BooleanToInt
    | Arithmetic
    | Timestamps
    | AutoReshape
    | BufferAndSkip
    | Skip
    | SkipLast
    | Take
    | Flatten
    | ComplexPart
    | Histogram
    | Zip
    | DotProduct
    | Convolution
    | TupleDotProduct
    | TupleMultiply
    | TupleConvolution
    | Fft
    | Demod
)
