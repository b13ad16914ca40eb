"""Pipelines: what the operators of ``stream_processing()`` make of streams."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, NoReturn

import msgspec
import numpy as np

from ..._core.program import limits, tree
from .builder import Builder, current
from .expressions import QuaExpression, described
from .later import Later
from .numbers import PythonNumber, python_number
from .position import refusal
from .pulses import named
from .variables import QuaArrayVariable


class MapFunction:
    """What the functions of FUNCTIONS return, for ``map``: ``make`` gives the node on the node of an index."""

    def __init__(self, make: Callable[[int], tree.StreamNode]) -> None:
        self.make = make


class FUNCTIONS:
    """Functions for ``map``: each works on every item by itself."""

    @staticmethod
    def average(axis: Any = None) -> MapFunction:
        """The mean of each item over an axis or a list of axes (default: the outermost)."""
        axes = _axes(axis)
        return MapFunction(lambda of: tree.Map(of=of, function="average", axes=axes))

    @staticmethod
    def boolean_to_int() -> MapFunction:
        """True becomes 1, False 0."""
        return MapFunction(lambda of: tree.BooleanToInt(of=of))

    @staticmethod
    def dot_product(vector: Any) -> MapFunction:
        """The dot product with ``vector``."""
        values = vector_of(vector, "dot_product")
        return MapFunction(lambda of: tree.DotProduct(of=of, vector=values))

    @staticmethod
    def tuple_dot_product() -> MapFunction:
        """The dot product of the two vectors of a pair."""
        return MapFunction(lambda of: tree.TupleDotProduct(of=of))

    @staticmethod
    def multiply_by(scalar_or_vector: Any) -> MapFunction:
        """The product with a number, or element by element with a vector."""
        factor = constant(scalar_or_vector)
        return MapFunction(lambda of: tree.Arithmetic(operator="*", left=of, right=factor))

    @staticmethod
    def tuple_multiply() -> MapFunction:
        """The product of the two values of a pair, element by element."""
        return MapFunction(lambda of: tree.TupleMultiply(of=of))

    @staticmethod
    def convolution(constant_vector: Any, mode: str | None = None) -> MapFunction:
        """The convolution with a vector; ``mode``: full (also "" and None), same or valid, as numpy has them."""
        values, kind = vector_of(constant_vector, "convolution"), _mode(mode, "convolution")
        return MapFunction(lambda of: tree.Convolution(of=of, vector=values, mode=kind))

    @staticmethod
    def tuple_convolution(mode: str | None = None) -> MapFunction:
        """The convolution of the two vectors of a pair."""
        kind = _mode(mode, "tuple_convolution")
        return MapFunction(lambda of: tree.TupleConvolution(of=of, mode=kind))

    @staticmethod
    def fft(output: str | None = None) -> MapFunction:
        """The Fourier transform; ``output``: normal (also None; N x 2, [re, im]), abs or angle (radians)."""
        kinds: dict[str | None, tree.FftOutput] = {None: "normal", "normal": "normal", "abs": "abs", "angle": "angle"}
        kind = kinds.get(output) if output is None or isinstance(output, str) else None
        if kind is None:
            raise refusal(f"the output of fft is normal, abs or angle, not {output!r}", code="bad_stream")
        return MapFunction(lambda of: tree.Fft(of=of, output=kind))

    @staticmethod
    def demod(frequency: float, iw_cos: Any, iw_sin: Any, *, integrate: bool | None = None) -> MapFunction:
        """Raw samples demodulated at ``frequency`` Hz; the weights are a number or one number a sample.

        Items with timestamps use them, others begin at 0 ns; raw traces at 2 GS/s count half ns.
        ``integrate``: the sum (default), else each sample's part.
        """
        number = python_number(frequency)
        if number is None or isinstance(number, bool):
            raise refusal(f"the frequency of demod is a number of Hz, not {frequency!r}", code="bad_stream")
        if not isinstance(integrate, (bool, type(None))):
            raise refusal(f"integrate of demod is True or False, not {integrate!r}", code="bad_stream")
        node = tree.Demod(
            of=0,
            frequency=_finite(number),
            cosine=constant(iw_cos),
            sine=constant(iw_sin),
            integrate=integrate is not False,
        )
        return MapFunction(lambda of: msgspec.structs.replace(node, of=of))


def _axes(axis: Any) -> tuple[int, ...]:
    if axis is None:
        return (0,)
    given = axis.tolist() if isinstance(axis, np.ndarray) else axis
    given = list(given) if isinstance(given, (list, tuple)) else [given]
    axes = [python_number(item) for item in given]
    if not axes or not all(isinstance(item, int) and not isinstance(item, bool) for item in axes):
        raise refusal(f"the axis of FUNCTIONS.average is an int or a list of ints, not {axis!r}", code="bad_stream")
    if any(abs(item) > limits.ITEM_AXES_MAX for item in axes if item is not None):
        raise refusal(f"items have at most {limits.ITEM_AXES_MAX} axes (ITEM_AXES_MAX)", code="bad_stream")
    return tuple(int(item) for item in axes if item is not None)


def _mode(mode: str | None, word: str) -> tree.ConvolutionMode:
    modes: dict[str | None, tree.ConvolutionMode] = {
        None: "full",
        "": "full",
        "full": "full",
        "same": "same",
        "valid": "valid",
    }
    kind = modes.get(mode) if mode is None or isinstance(mode, str) else None
    if kind is None:
        raise refusal(f"the mode of {word} is full, same or valid, not {mode!r}", code="bad_stream")
    return kind


class Pipeline:
    """A stream, or what operators make of one."""

    __array_ufunc__ = None
    depth = 1
    owner: Builder

    def index(self, builder: Builder) -> int:
        """The index of this pipeline's node in the program."""
        raise NotImplementedError

    # ---- results

    def save(self, tag: str) -> None:
        """Keep the last item as the result ``tag``."""
        self._result("save", tag, all=False)

    def save_all(self, tag: str) -> None:
        """Keep all items as the result ``tag``."""
        self._result("save_all", tag, all=True)

    def _result(self, word: str, tag: str, *, all: bool) -> None:
        builder = current(word)
        if not builder.block.streams:
            raise refusal(f"{word} stands outside of stream_processing()", code="misplaced")
        builder.add_result(named(tag, f"the tag of {word}"), self.index(builder), all=all)

    # ---- operators

    def buffer(self, *args: int) -> Pipeline:
        """Full blocks of items; ``buffer(n, m)`` gives items of shape (n, m)."""
        lengths = tuple(whole(arg, "a length of buffer") for arg in args)
        if not lengths:
            raise refusal("buffer needs a length", code="bad_stream")
        return self._then(lambda of: tree.Buffer(of=of, lengths=lengths))

    def buffer_and_skip(self, length: int, skip: int) -> Pipeline:
        """Full blocks of ``length`` items; each starts ``skip`` items after the one before."""
        length, skip = whole(length, "the length of buffer_and_skip"), whole(skip, "the skip of buffer_and_skip")
        return self._then(lambda of: tree.BufferAndSkip(of=of, length=length, skip=skip))

    def skip(self, length: int) -> Pipeline:
        """All items but the first ``length``."""
        count = whole(length, "the length of skip", least=0)
        return self._then(lambda of: tree.Skip(of=of, count=count))

    def skip_last(self, length: int) -> Pipeline:
        """All items but the last ``length``."""
        count = whole(length, "the length of skip_last", least=0)
        return self._then(lambda of: tree.SkipLast(of=of, count=count))

    def take(self, length: int) -> Pipeline:
        """The first ``length`` items."""
        count = whole(length, "the length of take", least=0)
        return self._then(lambda of: tree.Take(of=of, count=count))

    def flatten(self) -> Pipeline:
        """The numbers of each item, one by one, as items."""
        return self._then(lambda of: tree.Flatten(of=of))

    def zip(self, other: Pipeline) -> Pipeline:
        """Pairs of items: ``value_0`` of this pipeline, ``value_1`` of the other."""
        if not isinstance(other, Pipeline):
            raise refusal(f"zip takes another stream, not a {type(other).__name__}", code="bad_stream")
        return _Zip(self, other)

    def average(self) -> Pipeline:
        """The running mean of all items so far."""
        return self._then(lambda of: tree.Average(of=of))

    def histogram(self, bins: Any) -> Pipeline:
        """How many numbers so far lie in each of ``bins``, [[low, high], ...], both ends counted."""
        pairs = _bins(bins)
        return self._then(lambda of: tree.Histogram(of=of, bins=pairs))

    def map(self, function: Any) -> Pipeline:
        """``function`` (of FUNCTIONS) applied to each item."""
        if isinstance(function, Later):
            function.refuse()
        if not isinstance(function, MapFunction):
            raise refusal("map takes a function of FUNCTIONS", code="bad_stream", hint="map(FUNCTIONS.average())")
        return self._then(function.make)

    def boolean_to_int(self) -> Pipeline:
        """True becomes 1, False 0."""
        return self.map(FUNCTIONS.boolean_to_int())

    def dot_product(self, vector: Any) -> Pipeline:
        """The dot product of each item with ``vector``."""
        return self.map(FUNCTIONS.dot_product(vector))

    def tuple_dot_product(self) -> Pipeline:
        """The dot product of the two vectors of each pair."""
        return self.map(FUNCTIONS.tuple_dot_product())

    def multiply_by(self, scalar_or_vector: Any) -> Pipeline:
        """Each item times a number, or element by element times a vector."""
        return self.map(FUNCTIONS.multiply_by(scalar_or_vector))

    def tuple_multiply(self) -> Pipeline:
        """The product of the two values of each pair, element by element."""
        return self.map(FUNCTIONS.tuple_multiply())

    def convolution(self, constant_vector: Any, mode: str | None = None) -> Pipeline:
        """The convolution of each item with a vector; ``mode``: full (also "" and None), same or valid."""
        return self.map(FUNCTIONS.convolution(constant_vector, mode))

    def tuple_convolution(self, mode: str | None = None) -> Pipeline:
        """The convolution of the two vectors of each pair."""
        return self.map(FUNCTIONS.tuple_convolution(mode))

    def fft(self, output: str | None = None) -> Pipeline:
        """The Fourier transform of each item; ``output``: normal (N x 2, [re, im]), abs or angle."""
        return self.map(FUNCTIONS.fft(output))

    def real(self) -> Pipeline:
        """The real part of complex items."""
        return self._then(lambda of: tree.ComplexPart(of=of, part="real"))

    def image(self) -> Pipeline:
        """The imaginary part of complex items."""
        return self._then(lambda of: tree.ComplexPart(of=of, part="image"))

    def _then(self, make: Callable[[int], tree.StreamNode]) -> Pipeline:
        return _Node(self, make)

    def add(self, other: Any) -> Pipeline:
        """The same as ``+``."""
        return _Arithmetic("+", self, other)

    def subtract(self, other: Any) -> Pipeline:
        """The same as ``-``."""
        return _Arithmetic("-", self, other)

    def multiply(self, other: Any) -> Pipeline:
        """The same as ``*``."""
        return _Arithmetic("*", self, other)

    def divide(self, other: Any) -> Pipeline:
        """The same as ``/``."""
        return _Arithmetic("/", self, other)

    def __add__(self, other: Any) -> Pipeline:
        return _Arithmetic("+", self, other)

    def __radd__(self, other: Any) -> Pipeline:
        return _Arithmetic("+", other, self)

    def __sub__(self, other: Any) -> Pipeline:
        return _Arithmetic("-", self, other)

    def __rsub__(self, other: Any) -> Pipeline:
        return _Arithmetic("-", other, self)

    def __mul__(self, other: Any) -> Pipeline:
        return _Arithmetic("*", self, other)

    def __rmul__(self, other: Any) -> Pipeline:
        return _Arithmetic("*", other, self)

    def __truediv__(self, other: Any) -> Pipeline:
        return _Arithmetic("/", self, other)

    def __rtruediv__(self, other: Any) -> Pipeline:
        return _Arithmetic("/", other, self)

    def __neg__(self) -> Pipeline:
        return _Arithmetic("-", 0, self)

    __hash__ = object.__hash__

    def _no_operator(self, *_other: object) -> NoReturn:
        raise refusal(
            "streams can be added, subtracted, multiplied and divided only",
            code="no_such_operator",
            hint="compare in the program and save the bool, or compare the fetched result in Python",
        )

    __lt__ = __le__ = __gt__ = __ge__ = __eq__ = __ne__ = _no_operator
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __rshift__ = __rrshift__ = _no_operator
    __rlshift__ = __invert__ = __floordiv__ = __mod__ = __pow__ = __bool__ = __iter__ = _no_operator

    def __lshift__(self, other: Any) -> None:
        self._no_operator()


class _Node(Pipeline):
    """One operator on one pipeline."""

    def __init__(self, of: Pipeline, make: Callable[[int], tree.StreamNode]) -> None:
        self.owner = of.owner
        self.depth = _depth(of)
        self._of = of
        self._make = make

    def index(self, builder: Builder) -> int:
        return builder.node(self._make(self._of.index(builder)))


class _Zip(Pipeline):
    """Two pipelines side by side."""

    def __init__(self, left: Pipeline, right: Pipeline) -> None:
        self.owner = left.owner
        self.depth = _depth(left, right)
        self._left = left
        self._right = right

    def index(self, builder: Builder) -> int:
        return builder.node(tree.Zip(left=self._left.index(builder), right=self._right.index(builder)))


class _Arithmetic(Pipeline):
    """Two pipelines, or one and a constant, joined by an operator."""

    def __init__(self, operator: tree.ArithmeticOperator, left: Any, right: Any) -> None:
        self._operator = operator
        self._left = left if isinstance(left, Pipeline) else constant(left)
        self._right = right if isinstance(right, Pipeline) else constant(right)
        pipelines = [side for side in (self._left, self._right) if isinstance(side, Pipeline)]
        self.owner = pipelines[0].owner
        self.depth = _depth(*pipelines)

    def index(self, builder: Builder) -> int:
        left, right = (
            side.index(builder) if isinstance(side, Pipeline) else side for side in (self._left, self._right)
        )
        return builder.node(tree.Arithmetic(operator=self._operator, left=left, right=right))


def _depth(*pipelines: Pipeline) -> int:
    depth = 1 + max(pipeline.depth for pipeline in pipelines)
    if depth > limits.PIPELINE_DEPTH_MAX:
        raise refusal(
            f"more than {limits.PIPELINE_DEPTH_MAX} stream operators on one another (PIPELINE_DEPTH_MAX)",
            code="bad_stream",
        )
    return depth


def constant(value: Any) -> tree.Constant:
    """A number, or a flat list of numbers, that an operator takes beside a stream."""
    number = python_number(value)
    if number is not None:
        return tree.Constant(values=(_finite(number),), scalar=True)
    if isinstance(value, Later):
        value.refuse()
    if isinstance(value, (QuaExpression, QuaArrayVariable)):
        raise refusal(
            f"{value} is known only when the program runs; stream operators take streams and Python numbers",
            code="bad_stream",
            hint="save it to a stream of its own",
        )
    if isinstance(value, Collection) and not isinstance(value, (str, bytes, dict, set)):
        numbers = [python_number(item) for item in (value.tolist() if isinstance(value, np.ndarray) else value)]
        if numbers and all(number is not None for number in numbers):
            return tree.Constant(
                values=tuple(_finite(number) for number in numbers if number is not None), scalar=False
            )
    raise refusal("stream operators take streams, numbers and flat lists of numbers", code="bad_stream")


def vector_of(value: Any, word: str) -> tuple[float, ...]:
    """A flat list of numbers."""
    numbers = constant(value)
    if numbers.scalar:
        raise refusal(f"{word} takes a list of numbers, not {value!r}", code="bad_stream")
    return numbers.values


def _bins(value: Any) -> tuple[tuple[float, float], ...]:
    if isinstance(value, Later):
        value.refuse()
    rows = value.tolist() if isinstance(value, np.ndarray) else value
    if isinstance(rows, (list, tuple)) and rows and all(isinstance(row, Collection) for row in rows):
        pairs = [vector_of(row, "a bin of histogram") for row in rows]
        if all(len(pair) == 2 for pair in pairs):
            return tuple((pair[0], pair[1]) for pair in pairs)
    raise refusal("histogram takes bins as a list of [low, high] pairs", code="bad_stream", hint="[[0, 9], [10, 19]]")


def _finite(number: PythonNumber) -> float:
    if number - number != 0:
        raise refusal(f"{number} is not a finite number", code="not_finite")
    return float(number)


def whole(value: object, what: str, least: int = 1) -> int:
    """A Python int from ``least`` to BUFFER_ITEMS_MAX."""
    number = python_number(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= limits.BUFFER_ITEMS_MAX:
        shown = described(value) if isinstance(value, QuaExpression) else repr(value)
        raise refusal(
            f"{what} must be a Python int from {least} to {limits.BUFFER_ITEMS_MAX}, not {shown}", code="bad_stream"
        )
    return number
