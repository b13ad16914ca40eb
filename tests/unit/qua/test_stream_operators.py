"""Every stream operator gives exactly the node written down here, and says what it cannot take."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import quaymaster.qua as q
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import limits, tree
from quaymaster._core.program.schema import result_schema

F = q.FUNCTIONS
SOURCE = tree.Source(stream="r1")


def graph(write: Any) -> tuple[tree.StreamNode, ...]:
    """The nodes that `write(stream)` makes of a stream of ints that 7 x 3 loops save to."""
    with q.program() as prog:
        st, i, j = q.declare_stream(), q.declare(int), q.declare(int)
        with q.for_(i, 0, i < 7, i + 1), q.for_(j, 0, j < 3, j + 1):
            q.save(j, st)
        with q.stream_processing():
            write(st).save("x")
    return prog.tree.nodes


def number(value: float) -> tree.Constant:
    """A scalar beside a stream."""
    return tree.Constant(values=(value,), scalar=True)


ON_SCALARS: list[tuple[Any, tree.StreamNode]] = [
    (lambda st: st.buffer_and_skip(3, 2), tree.BufferAndSkip(of=0, length=3, skip=2)),
    (lambda st: st.skip(4), tree.Skip(of=0, count=4)),
    (lambda st: st.skip(np.int64(0)), tree.Skip(of=0, count=0)),
    (lambda st: st.skip_last(4), tree.SkipLast(of=0, count=4)),
    (lambda st: st.take(4), tree.Take(of=0, count=4)),
    (lambda st: st.flatten(), tree.Flatten(of=0)),
    (lambda st: st.histogram([[1, 10], (11, 20.5)]), tree.Histogram(of=0, bins=((1.0, 10.0), (11.0, 20.5)))),
    (lambda st: st.histogram(np.array([[1, 2]])), tree.Histogram(of=0, bins=((1.0, 2.0),))),
    (lambda st: st.zip(st), tree.Zip(left=0, right=0)),
    (lambda st: st.multiply_by(2), tree.Arithmetic(operator="*", left=0, right=number(2.0))),
    (lambda st: st.map(F.multiply_by(2)), tree.Arithmetic(operator="*", left=0, right=number(2.0))),
    (lambda st: st.auto_reshape(), tree.AutoReshape(of=0)),
]


@pytest.mark.parametrize(("write", "node"), ON_SCALARS)
def test_operators_on_a_stream(write: Any, node: tree.StreamNode) -> None:
    """One node that names the one before it."""
    assert graph(write) == (SOURCE, node)


V = (1.0, 2.0)
ON_VECTORS: list[tuple[Any, tree.StreamNode]] = [
    (lambda b: b.map(F.average(0)), tree.Map(of=1, function="average")),
    (lambda b: b.map(F.average(-1)), tree.Map(of=1, function="average", axes=(-1,))),
    (lambda b: b.map(F.average([0])), tree.Map(of=1, function="average", axes=(0,))),
    (lambda b: b.dot_product([1, 2]), tree.DotProduct(of=1, vector=V)),
    (lambda b: b.map(F.dot_product(np.array([1, 2]))), tree.DotProduct(of=1, vector=V)),
    (lambda b: b.multiply_by(V), tree.Arithmetic(operator="*", left=1, right=tree.Constant(values=V, scalar=False))),
    (lambda b: b.convolution(V), tree.Convolution(of=1, vector=V, mode="full")),
    (lambda b: b.convolution(V, ""), tree.Convolution(of=1, vector=V, mode="full")),
    (lambda b: b.map(F.convolution(V, "same")), tree.Convolution(of=1, vector=V, mode="same")),
    (lambda b: b.convolution(V, mode="valid"), tree.Convolution(of=1, vector=V, mode="valid")),
    (lambda b: b.fft(), tree.Fft(of=1, output="normal")),
    (lambda b: b.fft("abs"), tree.Fft(of=1, output="abs")),
    (lambda b: b.map(F.fft(output="angle")), tree.Fft(of=1, output="angle")),
    (
        lambda b: b.map(F.demod(50e6, 1.0, V)),
        tree.Demod(of=1, frequency=50e6, cosine=number(1.0), sine=tree.Constant(values=V, scalar=False)),
    ),
    (
        lambda b: b.map(F.demod(1, 0, 1, integrate=False)),
        tree.Demod(of=1, frequency=1.0, cosine=number(0.0), sine=number(1.0), integrate=False),
    ),
]


@pytest.mark.parametrize(("write", "node"), ON_VECTORS)
def test_operators_on_vectors(write: Any, node: tree.StreamNode) -> None:
    """As methods and as FUNCTIONS of map."""
    assert graph(lambda st: write(st.buffer(2))) == (SOURCE, tree.Buffer(of=0, lengths=(2,)), node)


@pytest.mark.parametrize(
    ("write", "node"),
    [
        (lambda z: z.tuple_dot_product(), tree.TupleDotProduct(of=2)),
        (lambda z: z.map(F.tuple_dot_product()), tree.TupleDotProduct(of=2)),
        (lambda z: z.tuple_multiply(), tree.TupleMultiply(of=2)),
        (lambda z: z.map(F.tuple_multiply()), tree.TupleMultiply(of=2)),
        (lambda z: z.tuple_convolution(), tree.TupleConvolution(of=2, mode="full")),
        (lambda z: z.map(F.tuple_convolution("valid")), tree.TupleConvolution(of=2, mode="valid")),
    ],
)
def test_operators_on_pairs(write: Any, node: tree.StreamNode) -> None:
    """They read what zip made; self is the left side."""
    nodes = graph(lambda st: write(st.buffer(2).zip(st.buffer(2))))
    assert nodes == (SOURCE, tree.Buffer(of=0, lengths=(2,)), tree.Zip(left=1, right=1), node)


def test_timestamps_alone_and_reshaped() -> None:
    """timestamps() are the times of the same source; auto_reshape() may stand before or after."""
    timed = tree.Source(stream="r1", timestamps=True)
    assert graph(lambda st: st.timestamps()) == (timed, tree.Timestamps(of=0))
    both = (timed, tree.Timestamps(of=0), tree.AutoReshape(of=1))
    assert graph(lambda st: st.timestamps().auto_reshape()) == both
    assert graph(lambda st: st.auto_reshape().timestamps()) == both
    assert graph(lambda st: st.with_timestamps().auto_reshape()) == (timed, tree.AutoReshape(of=0))


def test_auto_reshape_takes_the_loops_outermost_first() -> None:
    """The page's example: loops of 30 and 10 give shape (30, 10)."""
    with q.program() as prog:
        i, j, st = q.declare(int), q.declare(int), q.declare_stream()
        with q.for_(i, 0, i < 30, i + 1), q.for_(j, 0, j < 10, j + 1):
            q.save(i, st)
        with q.stream_processing():
            st.auto_reshape().save_all("reshaped")
    (info,) = result_schema(prog.tree, {})
    assert (info.dtype, info.shape) == ("int64", (30, 10))


def test_auto_reshape_of_traces() -> None:
    """Each measure in the loops gives one trace of the chosen input."""
    with q.program() as prog:
        i, st = q.declare(int), q.declare_stream(adc_trace=True)
        with q.for_(i, 0, i < 5, i + 1):
            q.measure("ro", "rr", adc_stream=st)
        with q.stream_processing():
            st.input1().auto_reshape().average().save("x")
    (info,) = result_schema(prog.tree, {"r1": 100})
    assert (info.dtype, info.shape) == ("float64", (5, 100))


def test_bins_tile_the_whole_numbers() -> None:
    """Equally wide, the last one ends at the end."""
    assert q.bins(1, 20, 2) == [[1, 10], [11, 20]]
    assert q.bins(0, 10, 2) == [[0, 5], [6, 10]]
    assert q.bins(1, 4, 4) == [[1, 1], [2, 2], [3, 3]]
    assert q.bins(0, 10, 5) == [[0, 2], [3, 5], [6, 8], [9, 10]]


REFUSED: list[tuple[str, Any, str]] = [
    ("window 0", lambda st: st.buffer_and_skip(0, 1), "the length of buffer_and_skip must be a Python int from 1"),
    ("window skip", lambda st: st.buffer_and_skip(3, 0), "the skip of buffer_and_skip must be"),
    ("skip -1", lambda st: st.skip(-1), "the length of skip must be a Python int from 0"),
    ("take 0.5", lambda st: st.take(0.5), "the length of take must be"),
    ("histogram 3", lambda st: st.histogram(3), "a list of [low, high] pairs"),
    ("histogram flat", lambda st: st.histogram([1, 2]), "a list of [low, high] pairs"),
    ("histogram 3 edges", lambda st: st.histogram([[1, 2, 3]]), "a list of [low, high] pairs"),
    ("histogram none", lambda st: st.histogram([]), "a list of [low, high] pairs"),
    ("zip 3", lambda st: st.zip(3), "zip takes another stream, not a int"),
    ("dot 3", lambda st: st.dot_product(3), "dot_product takes a list of numbers, not 3"),
    ("mode", lambda st: st.convolution([1], "half"), "the mode of convolution is full, same or valid, not 'half'"),
    ("mode list", lambda st: st.tuple_convolution([1]), "the mode of tuple_convolution"),
    ("fft output", lambda st: st.fft("phase"), "the output of fft is normal, abs or angle, not 'phase'"),
    ("axis text", lambda st: F.average("x"), "the axis of FUNCTIONS.average is an int"),
    ("axis none", lambda st: F.average([]), "the axis of FUNCTIONS.average is an int"),
    ("axis 99", lambda st: F.average(99), "(ITEM_AXES_MAX)"),
    ("demod text", lambda st: F.demod("f", 1, 1), "the frequency of demod"),
    ("demod integrate", lambda st: F.demod(1, 1, 1, integrate=3), "integrate of demod"),
    ("demod nan", lambda st: F.demod(float("inf"), 1, 1), "inf is not a finite number"),
]


@pytest.mark.parametrize(("write", "message"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refusals_at_once(write: Any, message: str) -> None:
    """Named at the line where it is written."""
    with q.program():
        st = q.declare_stream()
        with pytest.raises(AskedWrongly) as caught:
            write(st)
    assert message in caught.value.message
    assert caught.value.details["file"] == __file__


def _many(b: Any, times: int) -> Any:
    for _ in range(times):
        b = b.buffer(1)
    return b


FAULTS: list[tuple[str, Any, str]] = [
    ("real", lambda st: st.real(), "complex raw samples, which come from inputs of MW-FEMs; the items here are int64"),
    ("image", lambda st: st.buffer(2).image(), "image() takes a part of complex raw samples"),
    ("axis", lambda st: st.buffer(2).map(F.average(1)), "different axes of items of shape (2), not (1,)"),
    ("axis twice", lambda st: st.buffer(2, 3).map(F.average([0, -2])), "different axes"),
    ("dot scalar", lambda st: st.dot_product([1]), "dot_product joins items of shape () and 1 numbers"),
    ("dot length", lambda st: st.buffer(2).dot_product([1]), "dot_product joins items of shape (2) and 1 numbers"),
    ("convolve", lambda st: st.buffer(2, 2).convolution([1]), "convolution needs vectors"),
    ("products", lambda st: st.buffer(1 << 20).convolution([1] * 99), "(CONVOLUTION_PRODUCTS_MAX)"),
    ("fft scalar", lambda st: st.fft(), "fft needs vectors or vectors of pairs; the items here have shape ()"),
    ("fft cube", lambda st: st.buffer(2, 3).fft(), "the items here have shape (2, 3)"),
    ("fft prime", lambda st: st.buffer(99991).fft(), "(FFT_STEPS_MAX)"),
    ("demod scalar", lambda st: st.map(F.demod(1, 1, 1)), "demod needs vectors of samples"),
    ("demod weights", lambda st: st.buffer(3).map(F.demod(1, V, 1)), "demod joins items of shape (3) and 2 numbers"),
    ("no pairs", lambda st: st.tuple_multiply(), "zip(...) before it"),
    ("pair shapes", lambda st: st.zip(st.buffer(2)).tuple_multiply(), "joins items of shapes () and (2)"),
    ("pair scalars", lambda st: st.zip(st).tuple_dot_product(), "needs pairs of vectors"),
    ("pair mean", lambda st: st.zip(st).average(), "pairs of zip() can be chosen, buffered and saved"),
    ("pair of pairs", lambda st: st.zip(st).zip(st), "pairs of zip() can be chosen"),
    ("flat pairs", lambda st: st.zip(st.buffer(2)).flatten(), "needs values of one shape"),
    ("timed zip", lambda st: st.with_timestamps().zip(st), "values with timestamps can be chosen"),
    ("bin", lambda st: st.histogram([[2, 1]]), "a bin of histogram ends before it begins"),
    ("axes", lambda st: _many(st, limits.ITEM_AXES_MAX + 1), "(ITEM_AXES_MAX)"),
]


@pytest.mark.parametrize(("write", "message"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS])
def test_refusals_at_the_end(write: Any, message: str) -> None:
    """What does not fit its items is refused with the whole program, naming the line of the result."""
    with pytest.raises(AskedWrongly) as caught:
        graph(write)
    assert message in caught.value.message
    (issue,) = caught.value.details["issues"]
    assert issue["file"] == __file__
