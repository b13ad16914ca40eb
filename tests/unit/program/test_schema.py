"""The results of a program before it runs, by the tables of the platform."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest
from example_trees import program

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster._core.program.schema import ResultInfo, result_schema

LENGTHS = {"r2": 1000}
INT, FIXED, BOOL = (tree.Source(stream=name) for name in ("r1", "r4", "r3"))
TRACE = tree.Source(stream="r2", input=1)
SAMPLE = tree.Source(stream="r5", input=1)
TIMED = tree.Source(stream="r1", timestamps=True)
ONE = tree.Constant(values=(1.0,), scalar=True)
DEMOD = tree.Demod(of=0, frequency=1e6, cosine=ONE, sine=ONE)


def plus(left: Any, right: Any) -> tree.Arithmetic:
    """A sum."""
    return tree.Arithmetic(operator="+", left=left, right=right)


CASES: list[tuple[tuple[tree.StreamNode, ...], str, tuple[int, ...], bool]] = [
    ((INT,), "int64", (), False),
    ((FIXED,), "float64", (), False),
    ((BOOL,), "bool", (), False),
    ((TIMED,), "int64", (), True),
    ((TRACE,), "int64", (1000,), False),
    ((SAMPLE,), "int64", (), False),
    ((tree.Source(stream="r2", input=2, timestamps=True),), "int64", (1000,), True),
    ((INT, tree.Buffer(of=0, lengths=(5,))), "int64", (5,), False),
    ((BOOL, tree.Buffer(of=0, lengths=(5,))), "bool", (5,), False),
    ((TIMED, tree.Buffer(of=0, lengths=(5,))), "int64", (5,), True),
    ((INT, tree.Buffer(of=0, lengths=(30, 10))), "int64", (30, 10), False),
    ((INT, tree.Buffer(of=0, lengths=(10,)), tree.Buffer(of=1, lengths=(5,))), "int64", (5, 10), False),
    ((TRACE, tree.Buffer(of=0, lengths=(4,))), "int64", (4, 1000), False),
    ((INT, tree.Average(of=0)), "float64", (), False),
    ((BOOL, tree.Average(of=0)), "float64", (), False),
    ((INT, tree.Buffer(of=0, lengths=(7,)), tree.Average(of=1)), "float64", (7,), False),
    ((TRACE, tree.Average(of=0)), "float64", (1000,), False),
    ((TRACE, tree.Map(of=0, function="average")), "float64", (), False),
    ((INT, tree.Buffer(of=0, lengths=(3, 4)), tree.Map(of=1, function="average")), "float64", (4,), False),
    ((BOOL, tree.BooleanToInt(of=0)), "int64", (), False),
    ((BOOL, tree.BooleanToInt(of=0), tree.Average(of=1)), "float64", (), False),
    ((BOOL, tree.Buffer(of=0, lengths=(3,)), tree.BooleanToInt(of=1)), "int64", (3,), False),
    ((INT, plus(0, tree.Constant(values=(1.0,), scalar=True))), "float64", (), False),
    ((INT, FIXED, plus(0, 1)), "float64", (), False),
    ((TRACE, plus(0, tree.Constant(values=(0.5,) * 1000, scalar=False))), "float64", (1000,), False),
    ((TIMED, tree.Timestamps(of=0)), "int64", (), False),
    ((TIMED, tree.BufferAndSkip(of=0, length=3, skip=2)), "int64", (3,), True),
    ((FIXED, tree.BufferAndSkip(of=0, length=3, skip=2)), "float64", (3,), False),
    ((BOOL, tree.Skip(of=0, count=2)), "bool", (), False),
    ((TIMED, tree.SkipLast(of=0, count=2)), "int64", (), True),
    ((FIXED, tree.Take(of=0, count=2)), "float64", (), False),
    ((BOOL, tree.Buffer(of=0, lengths=(2, 3)), tree.Flatten(of=1)), "bool", (), False),
    ((FIXED, tree.Histogram(of=0, bins=((0.0, 1.0),) * 5)), "int64", (5,), False),
    ((INT, tree.Buffer(of=0, lengths=(2, 3, 4)), tree.Map(of=1, function="average", axes=(-1, 0))), "float64", (3,),
     False),
    ((TRACE, tree.Map(of=0, function="average", axes=(-1,))), "float64", (), False),
    ((TRACE, tree.DotProduct(of=0, vector=(1.0,) * 1000)), "float64", (), False),
    ((TRACE, tree.Convolution(of=0, vector=(1.0,) * 3)), "float64", (1002,), False),
    ((TRACE, tree.Convolution(of=0, vector=(1.0,) * 3, mode="same")), "float64", (1000,), False),
    ((TRACE, tree.Convolution(of=0, vector=(1.0,) * 3, mode="valid")), "float64", (998,), False),
    ((TRACE, tree.Fft(of=0)), "float64", (1000, 2), False),
    ((TRACE, tree.Fft(of=0, output="abs")), "float64", (1000,), False),
    ((INT, tree.Buffer(of=0, lengths=(6, 2)), tree.Fft(of=1, output="angle")), "float64", (6,), False),
    ((TRACE, DEMOD), "float64", (), False),
    ((tree.Source(stream="r2", input=1, timestamps=True), msgspec.structs.replace(DEMOD, integrate=False)), "float64",
     (1000,), False),
    ((INT, FIXED, tree.Zip(left=0, right=1), tree.TupleMultiply(of=2)), "float64", (), False),
    ((TRACE, tree.Zip(left=0, right=0), tree.TupleDotProduct(of=1)), "float64", (), False),
    ((TRACE, tree.Zip(left=0, right=0), tree.TupleConvolution(of=1)), "float64", (1999,), False),
    ((TRACE, tree.Zip(left=0, right=0), tree.Fft(of=1, output="abs")), "float64", (1000,), False),
]  # fmt: skip


@pytest.mark.parametrize(("nodes", "dtype", "shape", "timestamps"), CASES)
@pytest.mark.parametrize("keep_all", [False, True])
def test_schema(nodes: Any, dtype: Any, shape: tuple[int, ...], timestamps: bool, keep_all: bool) -> None:
    """dtype and shape of one item of the last node, kept by save and by save_all."""
    made = program(nodes=nodes, results=(tree.Result(at=0, tag="x", of=len(nodes) - 1, all=keep_all),))
    assert result_schema(made, LENGTHS) == (
        ResultInfo(tag="x", dtype=dtype, shape=shape, timestamps=timestamps, all=keep_all),
    )


@pytest.mark.parametrize(
    ("nodes", "second", "wire"),
    [
        ((INT, BOOL, tree.Zip(left=0, right=1)), ("bool", ()), "<i8,|b1"),
        ((INT, TRACE, tree.Zip(left=0, right=1)), ("int64", (1000,)), "<i8,(1000,)<i8"),
        ((INT, FIXED, tree.Zip(left=0, right=1), tree.Buffer(of=2, lengths=(2, 3))), ("float64", (2, 3)),
         "(2,3,)<i8,(2,3,)<f8"),
        ((INT, FIXED, tree.Zip(left=0, right=1), tree.Skip(of=2, count=3)), ("float64", ()), "<i8,<f8"),
    ],
)  # fmt: skip
def test_schema_of_pairs(nodes: Any, second: Any, wire: str) -> None:
    """zip keeps two dtypes and shapes; on the wire one text has both, in numpy's words."""
    made = program(nodes=nodes, results=(tree.Result(at=0, tag="x", of=len(nodes) - 1, all=True),))
    (info,) = result_schema(made, LENGTHS)
    assert (info.dtype, info.second) == ("int64", second)
    assert (info.wire_dtype, info.wire_shape) == (wire, ())
    assert [part[0].shape for part in np.dtype(wire).fields.values()] == [info.shape, second[1]]  # type: ignore[union-attr]


def test_the_wire_text_of_one_value_is_numpys() -> None:
    """Beside it goes the shape."""
    made = program(nodes=(BOOL, tree.Buffer(of=0, lengths=(4,))), results=(tree.Result(at=0, tag="x", of=1, all=True),))
    (info,) = result_schema(made, {})
    assert (info.wire_dtype, info.wire_shape) == (np.dtype("bool").str, (4,))


def test_results_come_in_order() -> None:
    """Several results, in the order of the program."""
    results = tuple(tree.Result(at=0, tag=tag, of=of, all=False) for tag, of in (("b", 1), ("a", 0)))
    made = program(nodes=(INT, tree.Average(of=0)), results=results)
    assert [(info.tag, info.dtype) for info in result_schema(made, {})] == [("b", "float64"), ("a", "int64")]


def test_a_vector_that_does_not_fit_the_trace() -> None:
    """Only the trace length shows it; the line of the result is named."""
    vector = tree.Constant(values=(1.0, 2.0), scalar=False)
    made = program(nodes=(TRACE, plus(0, vector)), results=(tree.Result(at=1, tag="x", of=1, all=True),))
    with pytest.raises(AskedWrongly, match=r"user.py:7: \+ joins items of shape \(1000\) and 2 numbers"):
        result_schema(made, LENGTHS)


def test_a_trace_that_nobody_measures() -> None:
    """A raw stream that no measure writes to has items of one sample, of which none ever comes."""
    made = program(nodes=(TRACE, tree.Average(of=0)), results=(tree.Result(at=1, tag="x", of=1, all=True),))
    (info,) = result_schema(made, {})
    assert (info.shape, info.dtype) == ((1,), "float64")
