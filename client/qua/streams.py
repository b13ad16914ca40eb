"""Streams: declaring, saving to them, and the pipelines of ``stream_processing()``."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, NoReturn

import numpy as np

from ..._core.errors import not_yet
from ..._core.program import limits, tree
from .builder import Builder, StreamState, current
from .expressions import PythonNumber, QuaExpression, described, foreign, python_number, scalar
from .later import Later
from .position import refusal
from .pulses import named
from .variables import QuaArrayCell, QuaArrayVariable, QuaVariable, variable_type


class MapFunction:
    """What the functions of FUNCTIONS return, for ``map``."""

    def __init__(self, name: Literal["average", "boolean_to_int"]) -> None:
        self.name = name


class FUNCTIONS:
    """Functions for ``map``."""

    @staticmethod
    def average(axis: Any = None) -> MapFunction:
        """The mean of each item over its outermost axis."""
        if axis is not None:
            raise not_yet("FUNCTIONS.average(axis)")
        return MapFunction("average")

    @staticmethod
    def boolean_to_int() -> MapFunction:
        """True becomes 1, False 0."""
        return MapFunction("boolean_to_int")

    dot_product = Later("FUNCTIONS.dot_product")
    tuple_dot_product = Later("FUNCTIONS.tuple_dot_product")
    multiply_by = Later("FUNCTIONS.multiply_by")
    tuple_multiply = Later("FUNCTIONS.tuple_multiply")
    convolution = Later("FUNCTIONS.convolution")
    tuple_convolution = Later("FUNCTIONS.tuple_convolution")
    fft = Later("FUNCTIONS.fft")
    demod = Later("FUNCTIONS.demod")


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
        lengths = tuple(_count(arg, "a length of buffer") for arg in args)
        if not lengths:
            raise refusal("buffer needs a length", code="bad_stream")
        return _Node(self, lambda of: tree.Buffer(of=of, lengths=lengths))

    def average(self) -> Pipeline:
        """The running mean of all items so far."""
        return _Node(self, lambda of: tree.Average(of=of))

    def map(self, function: Any) -> Pipeline:
        """``function`` (of FUNCTIONS) applied to each item."""
        if isinstance(function, Later):
            function.refuse()
        if not isinstance(function, MapFunction):
            raise refusal("map takes a function of FUNCTIONS", code="bad_stream", hint="map(FUNCTIONS.average())")
        if function.name == "boolean_to_int":
            return self.boolean_to_int()
        return _Node(self, lambda of: tree.Map(of=of, function="average"))

    def boolean_to_int(self) -> Pipeline:
        """True becomes 1, False 0."""
        return _Node(self, lambda of: tree.BooleanToInt(of=of))

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

    # ---- what comes later

    buffer_and_skip = Later("buffer_and_skip")
    skip = Later("skip")
    skip_last = Later("skip_last")
    take = Later("take")
    histogram = Later("histogram")
    zip = Later("zip")
    flatten = Later("flatten")
    real = Later("real")
    image = Later("image")
    fft = Later("fft")
    dot_product = Later("dot_product")
    tuple_dot_product = Later("tuple_dot_product")
    multiply_by = Later("multiply_by")
    tuple_multiply = Later("tuple_multiply")
    convolution = Later("convolution")
    tuple_convolution = Later("tuple_convolution")


class Stream(Pipeline):
    """A stream as declared, and which part of it a pipeline reads: values or an analog input, with timestamps or
    without.
    """

    def __init__(self, owner: Builder, state: StreamState, input: int = 0, timestamps: bool = False) -> None:
        self.owner = owner
        self._state = state
        self._input = input
        self._timestamps = timestamps

    @property
    def name(self) -> str:
        """The stream's name in the program, r1, r2, ..."""
        return self._state.name

    def __repr__(self) -> str:
        parts = [f".input{self._input}()"] if self._input else []
        parts += [".with_timestamps()"] if self._timestamps else []
        return f"<stream {self.name}{''.join(parts)}>"

    def input1(self) -> Stream:
        """The samples of analog input 1 (of a raw stream)."""
        return Stream(self.owner, self._state, 1, self._timestamps)

    def input2(self) -> Stream:
        """The samples of analog input 2 (of a raw stream)."""
        return Stream(self.owner, self._state, 2, self._timestamps)

    def with_timestamps(self) -> Stream:
        """Each value with its time, in ns from the start of the program."""
        return Stream(self.owner, self._state, self._input, True)

    timestamps = Later("timestamps")
    auto_reshape = Later("auto_reshape")

    def index(self, builder: Builder) -> int:  # noqa: D102 - see Pipeline
        self._check_owner(builder)
        return builder.node(tree.Source(stream=self.name, input=self._input, timestamps=self._timestamps))

    def __lshift__(self, other: Any) -> None:
        save(other, self)

    def used_for_values(self, builder: Builder, type: tree.VarType) -> str:
        """Note that values of ``type`` are saved to it; returns its name."""
        self._check_owner(builder)
        state = self._state
        if state.adc:
            raise refusal(f"{self!r} holds raw samples; save needs a stream of its own", code="bad_stream")
        if state.type not in (None, type):
            raise refusal(
                f"{self!r} holds {state.type} values; this one is {type}",
                code="type_mismatch",
                hint="declare a stream for each type",
            )
        state.adc, state.type = False, type
        return self.name

    def used_for_samples(self, builder: Builder) -> str:
        """Note that raw samples go to it; returns its name."""
        self._check_owner(builder)
        state = self._state
        if state.adc is False:
            raise refusal(f"{self!r} holds saved values; raw samples need a stream of their own", code="bad_stream")
        if state.type not in (None, "int"):
            raise refusal(f"{self!r} is declared for {state.type} values; raw samples are int", code="type_mismatch")
        state.adc = True
        state.trace = True if state.trace is None else state.trace
        return self.name

    def known_type(self) -> tree.VarType | None:
        """The type of the values, where it is known already."""
        return self._state.type

    def _check_owner(self, builder: Builder) -> None:
        if self.owner is not builder:
            raise foreign(repr(self))


class _Node(Pipeline):
    """One operator on one pipeline."""

    def __init__(self, of: Pipeline, make: Any) -> None:
        self.owner = of.owner
        self.depth = _depth(of)
        self._of = of
        self._make = make

    def index(self, builder: Builder) -> int:
        return builder.node(self._make(self._of.index(builder)))


class _Arithmetic(Pipeline):
    """Two pipelines, or one and a constant, joined by an operator."""

    def __init__(self, operator: tree.ArithmeticOperator, left: Any, right: Any) -> None:
        self._operator = operator
        self._left = left if isinstance(left, Pipeline) else _constant(left)
        self._right = right if isinstance(right, Pipeline) else _constant(right)
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


def _constant(value: Any) -> tree.Constant:
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


def _finite(number: PythonNumber) -> float:
    if number - number != 0:
        raise refusal(f"{number} is not a finite number", code="not_finite")
    return float(number)


def _count(value: object, what: str) -> int:
    number = python_number(value)
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number <= limits.BUFFER_ITEMS_MAX:
        shown = described(value) if isinstance(value, QuaExpression) else repr(value)
        raise refusal(
            f"{what} must be a Python int from 1 to {limits.BUFFER_ITEMS_MAX}, not {shown}", code="bad_stream"
        )
    return number


def declare_stream(adc_trace: bool | None = None) -> Stream:
    """Declare a stream. ``adc_trace``: items are whole raw traces (default: raw data arrive as single samples)."""
    builder = current("declare_stream")
    return Stream(builder, builder.declare_stream(None, adc=True if adc_trace else None, trace=bool(adc_trace)))


def declare_output_stream(
    target: str = "client", stream_id: int | str | None = None, dtype: Any = None, *, adc_trace: bool | None = None
) -> Stream:
    """Declare a stream; whether it holds values or raw traces shows at its first use. ``dtype``: the type of its
    values.
    """
    builder = current("declare_output_stream")
    if target != "client":
        raise not_yet(f"declare_output_stream(target={target!r})")
    name = f"r{stream_id}" if isinstance(stream_id, int) else stream_id
    if name is not None:
        named(name, "the stream_id")
    kind = None if dtype is None else variable_type(dtype)
    state = builder.declare_stream(name, adc=True if adc_trace else None, trace=adc_trace)
    state.type = kind
    return Stream(builder, state)


def save(var: Any, stream_or_tag: Any) -> None:
    """Append a variable, an array cell or a number to a stream.

    A text instead of a stream keeps all values, with timestamps, as the result of that name.
    """
    builder = current("save")
    if isinstance(stream_or_tag, Later):
        stream_or_tag.refuse()
    if isinstance(stream_or_tag, str):
        stream = _legacy_stream(builder, named(stream_or_tag, "the tag of save"))
    elif isinstance(stream_or_tag, Stream):
        stream = stream_or_tag
    else:
        raise refusal(f"save writes to a stream or a tag, not to a {type(stream_or_tag).__name__}", code="bad_stream")
    source = _saved(builder, var, stream.known_type())
    name = stream.used_for_values(builder, source.type)
    builder.append(tree.Save(at=builder.at(), source=source, stream=name))


def _saved(builder: Builder, var: Any, like: tree.VarType | None) -> tree.Value | tree.Variable | tree.Cell:
    if isinstance(var, QuaArrayVariable):
        raise refusal(f"save takes one number, not the whole array {var}", code="bad_save", hint="save its cells, a[i]")
    number = python_number(var)
    if number is not None and isinstance(number, bool) and like not in (None, "bool"):
        like = None
    expression = scalar(var, like, place="in save")
    node = builder.own(expression)
    if isinstance(expression, (QuaVariable, QuaArrayCell)) or isinstance(node, tree.Value):
        assert isinstance(node, (tree.Value, tree.Variable, tree.Cell))
        return node
    raise refusal(
        f"save takes a variable, an array cell or a number, not {described(expression)}",
        code="bad_save",
        hint="assign it to a variable first, and save that",
    )


def send_to_stream(stream: Any, data: Any) -> None:
    """The same as ``save(data, stream)``."""
    save(data, stream)


def _legacy_stream(builder: Builder, tag: str) -> Stream:
    """The hidden stream of ``save(x, tag)``, kept whole and with timestamps."""
    if tag not in builder.tagged:
        stream = Stream(builder, builder.declare_stream(None, adc=None, trace=None))
        builder.add_result(tag, stream.with_timestamps().index(builder), all=True)
        builder.tagged[tag] = stream.name
    return Stream(builder, builder.streams[builder.tagged[tag]])


def legacy_trace(builder: Builder, tag: str) -> str:
    """The hidden stream of ``measure(..., tag)``: results tag_input1 and tag_input2, whole traces with timestamps."""
    key = f"{tag}_input1"
    if key not in builder.tagged:
        stream = Stream(builder, builder.declare_stream(None, adc=True, trace=True))
        for number, part in enumerate((stream.input1(), stream.input2()), start=1):
            builder.add_result(f"{tag}_input{number}", part.with_timestamps().index(builder), all=True)
        builder.tagged[key] = stream.name
    return builder.tagged[key]


def timestamp_stream_name(builder: Builder, stream: Any, statement: str) -> str | None:
    """The stream that gets the start times of ``statement``: a stream, or the name of a result that keeps them all."""
    if stream is None:
        return None
    if isinstance(stream, Later):
        stream.refuse()
    if isinstance(stream, Stream):
        return stream.used_for_values(builder, "int")
    if not isinstance(stream, str):
        raise refusal(
            f"the timestamp_stream of {statement} must be a stream or a tag, not a {type(stream).__name__}",
            code="bad_stream",
        )
    tag = named(stream, f"the timestamp_stream of {statement}")
    if tag not in builder.timestamp_tags:
        made = Stream(builder, builder.declare_stream(None, adc=None, trace=None))
        builder.add_result(tag, made.index(builder), all=True)
        builder.timestamp_tags[tag] = made.used_for_values(builder, "int")
    return builder.timestamp_tags[tag]


StreamType = Stream
bins = Later("bins")
STREAM_NAME_SEPARATOR = Later("STREAM_NAME_SEPARATOR")
