"""Streams, saves and pipelines give exactly the graph written down here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import quaymaster.qua as q
from quaymaster._core.program import tree


def graph(write: Callable[[Any], Any], type: Any = int) -> tuple[tree.StreamNode, ...]:
    """The nodes that ``write(stream)`` makes of a stream of values."""
    with q.program() as prog:
        st, x = q.declare_stream(), q.declare(type)
        q.save(x, st)
        with q.stream_processing():
            write(st)
    return prog.tree.nodes


SOURCE = tree.Source(stream="r1")


@pytest.mark.parametrize(
    ("write", "operators"),
    [
        (lambda st: st, []),
        (lambda st: st.buffer(5), [tree.Buffer(of=0, lengths=(5,))]),
        (lambda st: st.buffer(2, 3), [tree.Buffer(of=0, lengths=(2, 3))]),
        (lambda st: st.buffer(np.int64(2), 3.0), [tree.Buffer(of=0, lengths=(2, 3))]),
        (lambda st: st.average(), [tree.Average(of=0)]),
        (
            lambda st: st.buffer(4).map(q.FUNCTIONS.average()),
            [tree.Buffer(of=0, lengths=(4,)), tree.Map(of=1, function="average")],
        ),
        (lambda st: st.buffer(5).average(), [tree.Buffer(of=0, lengths=(5,)), tree.Average(of=1)]),
    ],
)
def test_operators(write: Any, operators: list[tree.StreamNode]) -> None:
    """Each operator is one node that names the one before it."""
    assert graph(lambda st: write(st).save("x")) == (SOURCE, *operators)


def test_boolean_to_int() -> None:
    """Bools become numbers, by the method or by map."""
    for write in (lambda st: st.boolean_to_int(), lambda st: st.map(q.FUNCTIONS.boolean_to_int())):
        assert graph(lambda st, write=write: write(st).save("x"), bool) == (SOURCE, tree.BooleanToInt(of=0))


def constant(*values: float, scalar: bool = False) -> tree.Constant:
    """A constant beside a stream."""
    return tree.Constant(values=values, scalar=scalar)


@pytest.mark.parametrize(
    ("write", "operator", "left", "right"),
    [
        (lambda st: st + 1, "+", 0, constant(1.0, scalar=True)),
        (lambda st: 1 - st, "-", constant(1.0, scalar=True), 0),
        (lambda st: st * 0.5, "*", 0, constant(0.5, scalar=True)),
        (lambda st: np.float64(2) / st, "/", constant(2.0, scalar=True), 0),
        (lambda st: -st, "-", constant(0.0, scalar=True), 0),
        (lambda st: st * st, "*", 0, 0),
        (lambda st: st.add(1), "+", 0, constant(1.0, scalar=True)),
        (lambda st: st.subtract(1), "-", 0, constant(1.0, scalar=True)),
        (lambda st: st.multiply(st), "*", 0, 0),
        (lambda st: st.divide(2), "/", 0, constant(2.0, scalar=True)),
    ],
)
def test_arithmetic(write: Any, operator: Any, left: Any, right: Any) -> None:
    """Streams with numbers and with streams, in the order written."""
    nodes = graph(lambda st: write(st).save("x"))
    assert nodes == (SOURCE, tree.Arithmetic(operator=operator, left=left, right=right))


@pytest.mark.parametrize("vector", [[1, 2], (1.0, 2.0), np.array([1, 2])])
def test_arithmetic_with_a_vector(vector: Any) -> None:
    """A list or array of numbers on either side is one vector."""
    nodes = graph(lambda st: (vector * st.buffer(2)).save("x"))
    assert nodes[-1] == tree.Arithmetic(operator="*", left=constant(1.0, 2.0), right=1)


def test_what_is_used_twice_is_one_node() -> None:
    """A pipeline used twice, or written twice alike, is computed once."""

    def write(st: Any) -> None:
        mean = st.buffer(3).average()
        mean.save("a")
        mean.save_all("b")
        st.buffer(3).average().save("c")

    with q.program() as prog:
        st = q.declare_stream()
        with q.stream_processing():
            write(st)
    assert prog.tree.nodes == (SOURCE, tree.Buffer(of=0, lengths=(3,)), tree.Average(of=1))
    assert [(result.tag, result.of, result.all) for result in prog.tree.results] == [
        ("a", 2, False),
        ("b", 2, True),
        ("c", 2, False),
    ]


def test_raw_streams() -> None:
    """input1 and input2 choose the analog input; with_timestamps may stand on either side."""
    with q.program() as prog:
        st = q.declare_stream(adc_trace=True)
        q.measure("ro", "rr", adc_stream=st)
        with q.stream_processing():
            st.input1().save("a")
            st.input2().with_timestamps().save_all("b")
            st.with_timestamps().input2().save_all("c")
    assert prog.tree.nodes == (
        tree.Source(stream="r1", input=1),
        tree.Source(stream="r1", input=2, timestamps=True),
    )
    assert [result.of for result in prog.tree.results] == [0, 1, 1]
    (stream,) = prog.tree.streams
    assert (stream.adc, stream.trace, stream.type) == (True, True, "int")


@pytest.mark.parametrize(
    ("declare", "use", "adc", "trace"),
    [
        (lambda: q.declare_stream(), "save", False, False),
        (lambda: q.declare_stream(), "measure", True, False),
        (lambda: q.declare_stream(adc_trace=False), "measure", True, False),
        (lambda: q.declare_stream(adc_trace=True), "measure", True, True),
        (lambda: q.declare_stream(adc_trace=True), "nothing", True, True),
        (lambda: q.declare_output_stream(), "measure", True, True),
        (lambda: q.declare_output_stream(), "save", False, False),
        (lambda: q.declare_output_stream(adc_trace=False), "measure", True, False),
    ],
)
def test_what_a_stream_holds(declare: Any, use: str, adc: bool, trace: bool) -> None:
    """declare_stream says it, declare_output_stream learns it from the first use."""
    with q.program() as prog:
        st = declare()
        if use == "save":
            q.save(1, st)
        if use == "measure":
            q.measure("ro", "rr", adc_stream=st)
    (stream,) = prog.tree.streams
    assert (stream.adc, stream.trace) == (adc, trace)


@pytest.mark.parametrize(("type", "name"), [(int, "int"), (q.fixed, "fixed"), (bool, "bool")])
def test_a_stream_takes_the_type_of_its_values(type: Any, name: str) -> None:
    """The first save decides; later numbers follow it."""
    with q.program() as prog:
        st = q.declare_stream()
        q.save(q.declare(type), st)
        q.save(True if type is bool else 1, st)
    assert prog.tree.streams[0].type == name
    assert [statement.source.type for statement in prog.tree.body] == [name, name]  # type: ignore[union-attr]


def test_declared_output_streams() -> None:
    """dtype and stream_id are kept; automatic names step aside."""
    with q.program() as prog:
        q.declare_output_stream(dtype=q.fixed, stream_id="mine")
        q.declare_output_stream(stream_id=1)
        q.declare_stream()
    assert [(item.name, item.type) for item in prog.tree.streams] == [("mine", "fixed"), ("r1", "int"), ("r2", "int")]


SAVES: list[Any] = [
    lambda x, st: q.save(x, st),
    lambda x, st: q.send_to_stream(st, x),
    lambda x, st: st << x,
]


@pytest.mark.parametrize("save", SAVES)
def test_saves(save: Any) -> None:
    """A variable, a cell or a number, in each way to write it."""
    with q.program() as prog:
        n, a, st = q.declare(int), q.declare(int, size=2), q.declare_stream()
        for item in (n, a[n], 7):
            save(item, st)
    sources = [statement.source for statement in prog.tree.body]  # type: ignore[union-attr]
    variable = tree.Variable(type="int", name="v1")
    assert sources == [
        variable,
        tree.Cell(type="int", array="a1", index=variable),
        tree.Value(type="int", raw=7),
    ]
    assert {statement.stream for statement in prog.tree.body} == {"r1"}  # type: ignore[union-attr]


def test_save_to_a_tag_keeps_all_with_timestamps() -> None:
    """save(x, "tag") is save_all of a hidden stream with timestamps; further saves join it."""
    with q.program() as prog:
        n = q.declare(int)
        q.save(n, "n")
        q.save(5, "n")
    assert prog.tree.nodes == (tree.Source(stream="r1", timestamps=True),)
    (result,) = prog.tree.results
    assert (result.tag, result.of, result.all) == ("n", 0, True)
    assert [statement.stream for statement in prog.tree.body] == ["r1", "r1"]  # type: ignore[union-attr]


def test_measure_into_a_tag_keeps_both_inputs() -> None:
    """measure(..., "tag") makes the results tag_input1 and tag_input2, whole traces with timestamps."""
    with q.program() as prog:
        q.measure("ro", "rr", "raw")
        q.measure("ro", "rr", adc_stream="raw")
    assert prog.tree.nodes == tuple(tree.Source(stream="r1", input=k, timestamps=True) for k in (1, 2))
    assert [(result.tag, result.all) for result in prog.tree.results] == [("raw_input1", True), ("raw_input2", True)]
    (stream,) = prog.tree.streams
    assert (stream.adc, stream.trace) == (True, True)
    assert [statement.stream for statement in prog.tree.body] == ["r1", "r1"]  # type: ignore[union-attr]
