"""Streams: declaring them and saving to them. What is made of them: ``pipelines``."""

from __future__ import annotations

import math
from typing import Any, Literal

from ..._core.errors import not_yet
from ..._core.program import tree
from .builder import Builder, StreamState, current
from .expressions import described, foreign, scalar
from .later import Later
from .numbers import python_number
from .pipelines import FUNCTIONS as FUNCTIONS
from .pipelines import Pipeline, whole
from .position import refusal
from .pulses import named
from .variables import QuaArrayCell, QuaArrayVariable, QuaVariable, variable_type

Times = Literal["none", "beside", "alone"]


class Stream(Pipeline):
    """A stream as declared, and which part of it a pipeline reads: values or an analog input, timestamps beside them or
    alone, in the shape of the loops or one by one.
    """

    def __init__(
        self, owner: Builder, state: StreamState, input: int = 0, times: Times = "none", reshaped: bool = False
    ) -> None:
        self.owner = owner
        self._state = state
        self._input = input
        self._times = times
        self._reshaped = reshaped

    @property
    def name(self) -> str:
        """The stream's name in the program, r1, r2, ..."""
        return self._state.name

    def __repr__(self) -> str:
        parts = [f".input{self._input}()"] if self._input else []
        parts += {"none": [], "beside": [".with_timestamps()"], "alone": [".timestamps()"]}[self._times]
        parts += [".auto_reshape()"] if self._reshaped else []
        return f"<stream {self.name}{''.join(parts)}>"

    def input1(self) -> Stream:
        """The samples of analog input 1 (of a raw stream)."""
        return Stream(self.owner, self._state, 1, self._times, self._reshaped)

    def input2(self) -> Stream:
        """The samples of analog input 2 (of a raw stream)."""
        return Stream(self.owner, self._state, 2, self._times, self._reshaped)

    def with_timestamps(self) -> Stream:
        """Each value with its time, in ns from the start of the program."""
        return Stream(self.owner, self._state, self._input, "beside", self._reshaped)

    def timestamps(self) -> Stream:
        """The times of the values alone, in ns from the start of the program."""
        return Stream(self.owner, self._state, self._input, "alone", self._reshaped)

    def auto_reshape(self) -> Stream:
        """Blocks in the shape of the loops around the save, outermost first."""
        return Stream(self.owner, self._state, self._input, self._times, True)

    def index(self, builder: Builder) -> int:  # noqa: D102 - see Pipeline
        self._check_owner(builder)
        timed = self._times != "none"
        node = builder.node(tree.Source(stream=self.name, input=self._input, timestamps=timed))
        if self._times == "alone":
            node = builder.node(tree.Timestamps(of=node))
        return builder.node(tree.AutoReshape(of=node)) if self._reshaped else node

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


def bins(start: float, end: float, number_of_bins: int) -> list[list[float]]:
    """Bins for ``histogram`` that tile the whole numbers from ``start`` to ``end``: [[low, high], ...], equally wide
    (the last one ends at ``end``). As of the SDK, a last bin that would hold ``end`` alone is left out.
    """
    count = whole(number_of_bins, "the number of bins")
    width = math.ceil((end - start + 1) / count)
    lows = [start + number * width for number in range(count)]
    return [[low, min(low + width - 1, end)] for low in lows if low < end]


StreamType = Stream
STREAM_NAME_SEPARATOR = Later("STREAM_NAME_SEPARATOR")
