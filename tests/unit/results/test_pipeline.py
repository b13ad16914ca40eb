"""The stream operators, against plain lists and the examples of the platform's pages."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from example_streams import R1, R2, acquired, program_of, results_of, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster.controller.results.limits import ResultLimits
from quaymaster.controller.results.pipeline import Arrival, Pipeline


def test_save_all_keeps_every_value_in_the_type_of_the_stream() -> None:
    """int stays int64, a fixed is raw * 2**-28 as float64, a bool is bool."""
    raws = [3, -5, 0]
    ints = results_of(program_of([R1]), [[saved(raws)]])
    fixeds = results_of(program_of([R1], types=["fixed"]), [[saved([1 << 28, -(1 << 27), 1])]])
    bools = results_of(program_of([R1], types=["bool"]), [[saved(raws)]])
    assert ints.dtype == np.int64 and ints.tolist() == raws
    assert fixeds.dtype == np.float64 and fixeds.tolist() == [1.0, -0.5, 2.0**-28]
    assert bools.dtype == np.bool_ and bools.tolist() == [True, True, False]


def test_save_keeps_the_last() -> None:
    """`save` shows the newest value."""
    assert results_of(program_of([R1], all=False), [[saved([1, 2])], [saved([7])]]) == 7


def test_buffer_gives_full_blocks_only() -> None:
    """The stream page: a buffer emits when it is full; what is left over never comes out."""
    out = results_of(program_of([R1, tree.Buffer(of=0, lengths=(3,))]), [[saved(range(8))]])
    assert out.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_buffer_of_several_lengths_is_nested_buffers() -> None:
    """buffer(2, 3) is buffer(3).buffer(2): shape (2, 3), the later values in the inner axis."""
    several = results_of(program_of([R1, tree.Buffer(of=0, lengths=(2, 3))]), [[saved(range(12))]])
    nested = [R1, tree.Buffer(of=0, lengths=(3,)), tree.Buffer(of=1, lengths=(2,))]
    assert several.tolist() == results_of(program_of(nested), [[saved(range(12))]]).tolist()
    assert several.tolist() == [[[0, 1, 2], [3, 4, 5]], [[6, 7, 8], [9, 10, 11]]]


def test_average_emits_after_every_item_and_save_keeps_the_last() -> None:
    """The page: average() is the running mean from the start, emitted each time; of ints it is float64."""
    nodes = [R1, tree.Average(of=0)]
    running = results_of(program_of(nodes), [[saved([1, 2])], [saved([6, 7])]])
    assert running.dtype == np.float64 and running.tolist() == [1.0, 1.5, 3.0, 4.0]
    assert results_of(program_of(nodes, all=False), [[saved([1, 2])], [saved([6, 7])]]) == 4.0


def test_average_of_buffers_is_element_wise() -> None:
    """buffer(2).average(): the mean of the rows."""
    nodes = [R1, tree.Buffer(of=0, lengths=(2,)), tree.Average(of=1)]
    assert results_of(program_of(nodes, all=False), [[saved([1, 10, 3, 20, 5])]]).tolist() == [2.0, 15.0]


def test_map_average_is_over_the_outermost_axis() -> None:
    """1-D items become scalars; buffer(n).buffer(m).map(average) gives n values."""
    flat = [R1, tree.Buffer(of=0, lengths=(4,)), tree.Map(of=1, function="average")]
    assert results_of(program_of(flat), [[saved([1, 2, 3, 6, 5, 5, 5, 5])]]).tolist() == [3.0, 5.0]
    rows = [R1, tree.Buffer(of=0, lengths=(2, 3)), tree.Map(of=1, function="average")]
    assert results_of(program_of(rows), [[saved([1, 2, 3, 5, 6, 7])]]).tolist() == [[3.0, 4.0, 5.0]]


def test_map_average_of_computed_items_is_right_whatever_the_batch() -> None:
    """Items that are floats already are summed per item, one at a time or many together."""
    nodes: list[tree.StreamNode] = [
        R1,
        tree.Arithmetic(operator="*", left=0, right=tree.Constant(values=(0.1,), scalar=True)),
        tree.Buffer(of=1, lengths=(3,)),
        tree.Map(of=2, function="average"),
    ]
    values = list(range(30))
    together = results_of(program_of(nodes), [[saved(values)]])
    apart = results_of(program_of(nodes), [[saved([value])] for value in values])
    expected = [math.fsum(0.1 * x for x in values[at : at + 3]) / 3 for at in range(0, 30, 3)]
    assert together.tolist() == apart.tolist() == expected


def test_boolean_to_int() -> None:
    """True becomes 1, and can be averaged then."""
    nodes = [R1, tree.BooleanToInt(of=0), tree.Average(of=1)]
    assert results_of(program_of(nodes, 1, types=["bool"]), [[saved([1, 0, 1])]]).tolist() == [1, 0, 1]
    assert results_of(program_of(nodes, all=False, types=["bool"]), [[saved([1, 0, 1, 1])]]) == 0.75


@pytest.mark.parametrize(
    "operator, expected", [("+", [3.0, 6.0]), ("-", [1.0, 2.0]), ("*", [2.0, 8.0]), ("/", [2.0, 2.0])]
)
def test_arithmetic_of_two_streams_pairs_by_arrival(operator: Any, expected: list[float]) -> None:
    """The i-th item of one with the i-th of the other; as long as the shorter; float64."""
    nodes = [R1, R2, tree.Arithmetic(operator=operator, left=0, right=1)]
    program = program_of(nodes, types=["int", "int"])
    out = results_of(program, [[saved([2, 4, 9])], [saved([1], 1)], [saved([2], 1)]])
    assert out.dtype == np.float64 and out.tolist() == expected


def test_arithmetic_with_numbers_and_vectors() -> None:
    """A scalar on either side; a vector beside items of its length; division by zero is inf or nan."""
    number, vector = tree.Constant(values=(2.0,), scalar=True), tree.Constant(values=(1.0, 0.0), scalar=False)
    assert results_of(
        program_of([R1, tree.Arithmetic(operator="-", left=number, right=0)]), [[saved([5])]]
    ).tolist() == [-3]
    rows = [R1, tree.Buffer(of=0, lengths=(2,)), tree.Arithmetic(operator="/", left=1, right=vector)]
    assert results_of(program_of(rows), [[saved([4, 4])]]).tolist() == [[4.0, math.inf]]


def test_a_node_used_twice_is_one_node() -> None:
    """x * x pairs each item with itself, also where x is an average."""
    nodes = [R1, tree.Average(of=0), tree.Arithmetic(operator="*", left=1, right=1)]
    assert results_of(program_of(nodes), [[saved([1, 3])], [saved([5])]]).tolist() == [1.0, 4.0, 9.0]
    assert results_of(program_of(nodes, all=False), [[saved([1, 3])], [saved([5])]]) == 9.0


def test_averages_of_two_streams_combine_item_by_item() -> None:
    """I.average() - Q.average() saved at its last: the difference of the means after equally many items."""
    nodes = [R1, R2, tree.Average(of=0), tree.Average(of=1), tree.Arithmetic(operator="-", left=2, right=3)]
    program = program_of(nodes, all=False, types=["int", "int"])
    assert results_of(program, [[saved([1, 2, 3]), saved([1, 1], 1)]]) == 0.5


def test_timestamps_stay_beside_their_values() -> None:
    """with_timestamps() items can be buffered; each value keeps its own time."""
    program = program_of([tree.Source(stream="r1", timestamps=True), tree.Buffer(of=0, lengths=(2,))])
    (batch,) = Pipeline(program, {}).push([saved([5, 6, 7], times=[10, 20, 30])])
    assert batch is not None and batch.timestamps is not None
    assert batch.values.tolist() == [[5, 6]] and batch.timestamps.tolist() == [[10, 20]]


def test_raw_traces_as_items_and_as_samples() -> None:
    """adc_trace=True: a trace is an item; else each sample is; input1() chooses an input; times count 1 ns a sample."""
    first = acquired(0, np.array([[1, 2, 3]], np.int16), np.array([100]), 1)
    second = acquired(0, np.array([[7, 8, 9]], np.int16), np.array([100]), 2)
    source = tree.Source(stream="r1", input=2, timestamps=True)
    (traces,) = Pipeline(program_of([source], adc=True, trace=True), {"r1": 3}).push([first, second])
    (samples,) = Pipeline(program_of([source], adc=True), {}).push([first, second])
    assert traces is not None and traces.timestamps is not None
    assert traces.values.tolist() == [[7, 8, 9]] and traces.timestamps.tolist() == [[100, 101, 102]]
    assert samples is not None and samples.values.tolist() == [7, 8, 9] and samples.values.dtype == np.int64
    every = Pipeline(program_of([R1], adc=True, trace=True), {"r1": 3}).push([first, second])[0]
    assert every is not None and every.values.tolist() == [[1, 2, 3], [7, 8, 9]]


def test_raw_traces_keep_their_order_and_their_inputs() -> None:
    """Traces of two inputs by turns: an input alone has its own, in order; without a choice all come as they came."""
    traces, starts = [[1, 2], [3, 4], [5, 6], [7, 8], [9, 10]], np.array([10, 10, 20, 20, 30])
    arrival = acquired(0, traces, starts, [1, 2, 1, 2, 1])
    for number, chosen in ((0, [0, 1, 2, 3, 4]), (1, [0, 2, 4]), (2, [1, 3])):
        program = program_of([tree.Source(stream="r1", input=number, timestamps=True)], adc=True, trace=True)
        for cuts in ([arrival], [arrival.rows(slice(0, 1)), arrival.rows(slice(1, None))]):
            (batch,) = Pipeline(program, {"r1": 2}).push(cuts)
            assert batch is not None and batch.timestamps is not None
            assert batch.values.tolist() == [traces[k] for k in chosen]
            assert batch.timestamps[:, 0].tolist() == starts[chosen].tolist()


def test_two_samples_of_one_ns_have_one_timestamp() -> None:
    """Of an input at 2 GS/s."""
    trace = acquired(0, np.array([[1, 2, 3, 4]], np.int16), np.array([100]), 1, per_ns=2)
    source = tree.Source(stream="r1", timestamps=True)
    (batch,) = Pipeline(program_of([source], adc=True, trace=True), {"r1": 4}).push([trace])
    assert batch is not None and batch.timestamps is not None
    assert batch.timestamps.tolist() == [[100, 100, 101, 101]]


def test_the_mean_of_many_numbers_is_exact() -> None:
    """Sums of ints and fixeds are exact: the mean of 3 million large values is the fraction, rounded once or twice."""
    rng = np.random.default_rng(5)
    raws = rng.integers(-(2**31), 2**31, 3_000_000)
    nodes = [R1, tree.Average(of=0)]
    exact = Fraction(sum(raws.tolist()), len(raws))
    for kind, unit in (("int", Fraction(1)), ("fixed", Fraction(1, 2**28))):
        chunks = [[saved(part)] for part in np.array_split(raws, 7)]
        mean = results_of(program_of(nodes, all=False, types=[kind]), chunks)
        assert mean == pytest.approx(float(exact * unit), rel=3e-16)


def test_the_mean_of_computed_numbers_is_as_good_as_one_rounding() -> None:
    """A float stream with a large offset: the compensated sum equals math.fsum to the last digits."""
    raws = np.random.default_rng(6).integers(0, 2**31, 300_000)
    scale = tree.Arithmetic(operator="+", left=0, right=tree.Constant(values=(1e9 + 0.1,), scalar=True))
    nodes = [R1, scale, tree.Average(of=1)]
    mean = results_of(program_of(nodes, all=False), [[saved(part)] for part in np.array_split(raws, 11)])
    assert mean == pytest.approx(math.fsum(float(x) + (1e9 + 0.1) for x in raws) / len(raws), rel=3e-16)


def plain(nodes: Sequence[tree.StreamNode], values: list[int], other: list[int]) -> list[Any]:
    """The same operators over lists of floats and nested lists, one after another."""
    streams: dict[str, list[Any]] = {"r1": list(values), "r2": list(other)}
    out: list[list[Any]] = []
    for node in nodes:
        match node:
            case tree.Source():
                out.append(streams[node.stream])
            case tree.Buffer():
                items = out[node.of]
                for length in reversed(node.lengths):
                    items = [items[at : at + length] for at in range(0, len(items) - length + 1, length)]
                out.append(items)
            case tree.Average():
                items = [np.array(item, float) for item in out[node.of]]
                out.append([np.mean(items[: n + 1], axis=0) for n in range(len(items))])
            case tree.Map():
                out.append([np.mean(np.array(item, float), axis=0) for item in out[node.of]])
            case tree.Arithmetic():
                sides = [
                    out[side] if isinstance(side, int) else itertools.repeat(np.array(side.values[0]))
                    for side in (node.left, node.right)
                ]
                functions: dict[str, Any] = {"+": np.add, "-": np.subtract, "*": np.multiply, "/": np.true_divide}
                pairs = zip(*sides, strict=False)
                out.append([functions[node.operator](np.array(a, float), np.array(b, float)) for a, b in pairs])
    return out[-1]


@st.composite
def graphs(draw: st.DrawFn) -> list[tree.StreamNode]:
    """A chain of operators over two int streams, with shapes that fit."""
    nodes: list[tree.StreamNode] = [R1, R2]
    shapes: list[tuple[int, ...]] = [(), ()]
    for _ in range(draw(st.integers(1, 6))):
        of = draw(st.integers(0, len(nodes) - 1))
        kind = draw(st.sampled_from(["buffer", "average", "map", "scalar", "pair"]))
        if kind == "buffer" and len(shapes[of]) < 4:
            lengths = tuple(draw(st.lists(st.integers(1, 3), min_size=1, max_size=2)))
            nodes.append(tree.Buffer(of=of, lengths=lengths))
            shapes.append(lengths + shapes[of])
        elif kind == "map" and shapes[of]:
            nodes.append(tree.Map(of=of, function="average"))
            shapes.append(shapes[of][1:])
        elif kind == "scalar":
            constant = tree.Constant(values=(draw(st.sampled_from([0.5, 3.0, -1.25])),), scalar=True)
            nodes.append(tree.Arithmetic(operator=draw(st.sampled_from("+-*/")), left=of, right=constant))
            shapes.append(shapes[of])
        elif kind == "pair":
            partner = draw(st.sampled_from([at for at, shape in enumerate(shapes) if shape == shapes[of]]))
            nodes.append(tree.Arithmetic(operator=draw(st.sampled_from("+-*")), left=of, right=partner))
            shapes.append(shapes[of])
        else:
            nodes.append(tree.Average(of=of))
            shapes.append(shapes[of])
    return nodes


def rounds_of(values: list[int], other: list[int], cuts: list[tuple[int, int]]) -> list[list[Arrival]]:
    """Both streams cut at random places."""
    rounds, a, b = [], 0, 0
    for step_a, step_b in [*cuts, (len(values), len(other))]:
        rounds.append([saved(values[a : a + step_a]), saved(other[b : b + step_b], 1)])
        a, b = a + step_a, b + step_b
    return rounds


NUMBERS = st.lists(st.integers(-(2**31), 2**31 - 1), max_size=40)
CUTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8)


@settings(max_examples=300, deadline=None)
@given(graphs(), NUMBERS, NUMBERS, CUTS)
def test_any_cut_of_the_input_gives_the_same_bits_and_they_are_right(
    nodes: list[tree.StreamNode], values: list[int], other: list[int], cuts: list[tuple[int, int]]
) -> None:
    """save_all of any graph: equal to the bit however the input is cut, equal to the plain lists within rounding."""
    program = program_of(nodes, types=["int", "int"])
    whole = results_of(program, [[saved(values), saved(other, 1)]])
    cut = results_of(program, rounds_of(values, other, cuts))
    assert whole.shape == cut.shape
    assert whole.tobytes() == cut.tobytes()
    expected = plain(nodes, values, other)
    assert len(whole) == len(expected)
    largest = max((float(np.max(np.abs(np.array(item, float)))) for item in expected), default=0.0)
    for ours, theirs in zip(whole, expected, strict=True):
        np.testing.assert_allclose(ours, np.array(theirs, float), rtol=1e-9, atol=1e-9 * max(largest, 2.0**62))


@settings(max_examples=100, deadline=None)
@given(graphs(), NUMBERS, NUMBERS, CUTS)
def test_save_is_the_last_item_of_save_all(
    nodes: list[tree.StreamNode], values: list[int], other: list[int], cuts: list[tuple[int, int]]
) -> None:
    """Computing only what the newest item needs gives the very bits that computing everything gives."""
    rounds = rounds_of(values, other, cuts)
    every = results_of(program_of(nodes, types=["int", "int"]), rounds)
    last = results_of(program_of(nodes, all=False, types=["int", "int"]), rounds)
    if len(every):
        assert last.tobytes() == every[-1].tobytes()


def test_a_stream_far_ahead_of_its_partner_is_cut_and_said_so() -> None:
    """Beyond pairing_bytes_max the pairing stops: earlier items stay right, the result is flagged."""
    nodes = [R1, R2, tree.Arithmetic(operator="+", left=0, right=1)]
    pipeline = Pipeline(program_of(nodes, types=["int", "int"]), {}, ResultLimits(pairing_bytes_max=800))
    (first,) = pipeline.push([saved([1]), saved([1], 1)])
    assert first is not None and first.values.tolist() == [2.0] and pipeline.cut_results() == [False]
    pipeline.push([saved(range(101))])
    assert pipeline.cut_results() == [True]
    assert pipeline.push([saved(range(101), 1)]) == [None]


def test_buffers_that_need_too_much_memory_are_refused() -> None:
    """The limit is named before the job starts."""
    nodes = [R1, tree.Buffer(of=0, lengths=(1 << 20,)), tree.Buffer(of=1, lengths=(32,))]
    with pytest.raises(AskedWrongly, match="buffers_bytes_max"):
        Pipeline(program_of(nodes), {}, ResultLimits(buffers_bytes_max=1 << 20))


@pytest.mark.parametrize(("timestamps", "most"), [(False, (1 << 28) - 1), (True, (1 << 27) - 1)])
def test_items_that_numpy_cannot_have_are_refused(timestamps: bool, most: int) -> None:
    """Raw traces of 2^31 bytes: the limit and the result are named before the job starts; a sample less will do."""
    whole = program_of([tree.Source(stream="r1", timestamps=timestamps)], adc=True, trace=True)
    Pipeline(whole, {"r1": most})
    with pytest.raises(AskedWrongly, match=f"takes {1 << 31} bytes.*item_bytes_max") as caught:
        Pipeline(whole, {"r1": most + 1})
    assert caught.value.code == "too_large"
