"""Every stream operator: the examples of the platform's pages, plain definitions, and any cut of the input."""

from __future__ import annotations

import cmath
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from example_streams import R1, R2, acquired, columns_of, program_of, results_of, saved
from hypothesis import given, settings
from hypothesis import strategies as st

from quaymaster._core.program import tree
from quaymaster._core.program.items import inputs_of, node_items
from quaymaster.controller.results.limits import ResultLimits
from quaymaster.controller.results.pipeline import Arrival, Pipeline

TIMED = tree.Source(stream="r1", timestamps=True)


def buffered(length: int, of: int = 0) -> tree.Buffer:
    """buffer(length)"""
    return tree.Buffer(of=of, lengths=(length,))


def out(nodes: Sequence[tree.StreamNode], values: Any, **options: Any) -> Any:
    """What the last node gives for values of r1, as nested lists."""
    return results_of(program_of(nodes, **options), [[saved(values)]]).tolist()


def number(value: float) -> tree.Constant:
    """A scalar beside a stream."""
    return tree.Constant(values=(value,), scalar=True)


def test_buffer_and_skip_is_the_example_of_the_page() -> None:
    """1 to 9 and 0 with length 3 and skip 2: four windows, the last, partial one is dropped."""
    window = tree.BufferAndSkip(of=0, length=3, skip=2)
    assert out([R1, window], [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]) == [[1, 2, 3], [3, 4, 5], [5, 6, 7], [7, 8, 9]]
    assert out([R1, tree.BufferAndSkip(of=0, length=2, skip=4)], range(9)) == [[0, 1], [4, 5]]


def test_skip_skip_last_and_take() -> None:
    """All but the first two, all but the last two, the first two."""
    assert out([R1, tree.Skip(of=0, count=2)], range(5)) == [2, 3, 4]
    assert out([R1, tree.SkipLast(of=0, count=2)], range(5)) == [0, 1, 2]
    assert out([R1, tree.Take(of=0, count=2)], range(5)) == [0, 1]
    assert out([R1, tree.Take(of=0, count=9)], range(5)) == [0, 1, 2, 3, 4]


def test_save_after_skip_last_is_the_last_that_is_certain() -> None:
    """`save` of skip_last(2): the third from the end, however it came."""
    program = program_of([R1, tree.SkipLast(of=0, count=2)], all=False)
    assert results_of(program, [[saved(range(5))], [saved([5])], [saved([6, 7])]]) == 5


def test_flatten_gives_the_numbers_one_by_one() -> None:
    """An array item becomes items; dtype stays."""
    assert out([R1, tree.Buffer(of=0, lengths=(2, 2)), tree.Flatten(of=1)], range(5)) == [0, 1, 2, 3]


def test_timestamps_are_values() -> None:
    """timestamps(): the times alone, as int64; their mean does not overflow."""
    nodes = [TIMED, tree.Timestamps(of=0)]
    times = [8, 1 << 52, 1 << 52]
    program = program_of(nodes)
    (values,) = columns_of(program, [[saved([1, 2, 3], times=times)]])
    assert values.dtype == np.int64 and values.tolist() == times
    mean = program_of([*nodes, tree.Average(of=1)], all=False)
    assert results_of(mean, [[saved([1, 2, 3], times=times)]]) == pytest.approx(sum(times) / 3, rel=1e-15)


def test_auto_reshape_blocks_are_the_loops() -> None:
    """Two loops of 2 and 3 around the save: items of shape (2, 3)."""
    v, w = (tree.Variable(type="int", name=name) for name in ("v1", "v2"))

    def loop(count: int, variable: tree.Variable, statement: tree.Statement) -> tree.For:
        less = tree.Binary(type="bool", operator="<", left=variable, right=tree.Value(type="int", raw=count))
        more = tree.Binary(type="int", operator="+", left=variable, right=tree.Value(type="int", raw=1))
        start = tree.Assign(at=-1, target=variable, value=tree.Value(type="int", raw=0))
        step = tree.Assign(at=-1, target=variable, value=more)
        return tree.For(at=-1, body=(statement,), start=start, condition=less, step=step)

    body = (loop(2, v, loop(3, w, tree.Save(at=-1, source=w, stream="r1"))),)
    assert out([R1, tree.AutoReshape(of=0)], range(6), body=body) == [[[0, 1, 2], [3, 4, 5]]]


def test_histogram_counts_both_ends() -> None:
    """The page's bins 1-10 and 11-20; emitted after each item; vectors count element by element."""
    bins = ((1.0, 10.0), (11.0, 20.0))
    histogram = tree.Histogram(of=0, bins=bins)
    assert out([R1, histogram], [1, 10, 11, 20, 0, 21]) == [[1, 0], [2, 0], [2, 1], [2, 2], [2, 2], [2, 2]]
    vectors = [R1, buffered(3), tree.Histogram(of=1, bins=bins)]
    assert out(vectors, [1, 10, 11, 20, 0, 21]) == [[2, 1], [2, 2]]
    assert out(vectors, [1, 10, 11, 20, 0, 21], all=False) == [2, 2]


def test_histogram_bins_may_overlap_and_hold_fixeds() -> None:
    """Each bin counts for itself; a fixed is its number, not its raw integer."""
    histogram = tree.Histogram(of=0, bins=((0.0, 1.0), (0.5, 0.5), (-8.0, 8.0)))
    assert out([R1, histogram], [1 << 27, 1 << 28, -(1 << 28)], types=["fixed"], all=False) == [2, 1, 3]


def test_zip_makes_pairs() -> None:
    """self is value_0, other value_1, in the types they have; as long as the shorter."""
    program = program_of([R1, R2, tree.Zip(left=0, right=1)], types=["int", "bool"])
    first, second = columns_of(program, [[saved([7, 8, 9])], [saved([1, 0], 1)]])
    assert first.tolist() == [7, 8] and second.tolist() == [True, False] and second.dtype == np.bool_


def test_pairs_are_multiplied_summed_and_convolved() -> None:
    """(1, 2, 3) with (4, 5, 6): 4 10 18; 32; numpy's full, same and valid convolutions."""
    nodes = [R1, R2, buffered(3), buffered(3, 1), tree.Zip(left=2, right=3)]
    rounds = [[saved([1, 2, 3]), saved([4, 5, 6], 1)]]

    def of(node: tree.StreamNode) -> Any:
        return results_of(program_of([*nodes, node], types=["int", "int"]), rounds).tolist()

    assert of(tree.TupleMultiply(of=4)) == [[4.0, 10.0, 18.0]]
    assert of(tree.TupleDotProduct(of=4)) == [32.0]
    assert of(tree.TupleConvolution(of=4)) == [[4.0, 13.0, 28.0, 27.0, 18.0]]
    assert of(tree.TupleConvolution(of=4, mode="same")) == [[13.0, 28.0, 27.0]]
    assert of(tree.TupleConvolution(of=4, mode="valid")) == [[28.0]]


def test_dot_product_and_convolution_with_constants() -> None:
    """(1, 2, 3).(2, 0, 1) = 5; with (1, 1): 1 3 5 3."""
    assert out([R1, buffered(3), tree.DotProduct(of=1, vector=(2.0, 0.0, 1.0))], [1, 2, 3]) == [5.0]
    assert out([R1, buffered(3), tree.Convolution(of=1, vector=(1.0, 1.0))], [1, 2, 3]) == [[1.0, 3.0, 5.0, 3.0]]


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@pytest.mark.parametrize(("length", "taps"), [(1, 1), (5, 2), (5, 3), (5, 4), (5, 5), (2, 7), (3, 8), (1, 4)])
def test_convolutions_are_cut_as_numpy_does(mode: Any, length: int, taps: int) -> None:
    """Small whole numbers, so every sum is exact."""
    values, vector = list(range(1, length + 1)), [3.0 - tap for tap in range(taps)]
    got = out([R1, buffered(length), tree.Convolution(of=1, vector=tuple(vector), mode=mode)], values)
    assert got == [np.convolve(np.array(values, float), vector, mode).tolist()]


def test_average_over_chosen_axes_is_numpys() -> None:
    """axis 0, 1, -1, and both, of an item of shape (2, 3)."""
    item = np.arange(6.0).reshape(2, 3)
    for axes in ((0,), (1,), (-1,), (0, 1), (1, 0), (-2,)):
        nodes = [R1, tree.Buffer(of=0, lengths=(2, 3)), tree.Map(of=1, function="average", axes=axes)]
        assert out(nodes, range(6)) == [item.mean(axis=axes).tolist()]


LENGTHS = [1, 2, 3, 4, 5, 7, 8, 12, 30, 49, 64, 97]


@pytest.mark.parametrize("length", LENGTHS)
def test_fft_is_its_definition(length: int) -> None:
    """N numbers become N pairs [re, im] of sum x[n] exp(-2 pi i k n / N); abs and angle are those of the pairs."""
    values = [(17 * n * n + 5) % 23 - 11 for n in range(length)]
    expected = [
        sum(x * cmath.exp(-2j * math.pi * (k * n % length) / length) for n, x in enumerate(values))
        for k in range(length)
    ]

    def of(kind: Any) -> Any:
        return results_of(program_of([R1, buffered(length), tree.Fft(of=1, output=kind)]), [[saved(values)]])[0]

    normal = of("normal")
    assert normal.shape == (length, 2)
    np.testing.assert_allclose(normal, [[x.real, x.imag] for x in expected], rtol=0, atol=1e-12 * 11 * length)
    np.testing.assert_allclose(of("abs"), [abs(x) for x in expected], rtol=0, atol=1e-12 * 11 * length)
    angles = np.arctan2(normal[:, 1], normal[:, 0])
    np.testing.assert_allclose(of("angle"), angles, rtol=0, atol=1e-15 * 8)


def test_fft_of_pairs_is_complex() -> None:
    """A buffer of N x 2, and a pair of vectors from zip: re and im of each number."""
    re, im = [1, -2, 0, 5, 3], [0, 4, 4, -1, 2]
    expected = np.fft.fft(np.array(re) + 1j * np.array(im))
    wanted = np.stack([expected.real, expected.imag], axis=1)
    mixed = [x for pair in zip(re, im, strict=True) for x in pair]
    square = results_of(
        program_of([R1, tree.Buffer(of=0, lengths=(5, 2)), tree.Fft(of=1, output="normal")]), [[saved(mixed)]]
    )
    nodes = [R1, R2, buffered(5), buffered(5, 1), tree.Zip(left=2, right=3), tree.Fft(of=4)]
    zipped = results_of(program_of(nodes, types=["int", "int"]), [[saved(re), saved(im, 1)]])
    np.testing.assert_allclose(square[0], wanted, atol=1e-13)
    assert zipped.tobytes() == square.tobytes()


def demodulated(values: Sequence[int], times: Sequence[float], frequency: float, c: Any, s: Any) -> list[float]:
    """Each sample's part, by the formula with counts * 2**-12."""
    w = 2 * math.pi * frequency * 1e-9
    c, s = (x if isinstance(x, list) else [x] * len(values) for x in (c, s))
    return [
        x / 4096 * (a * math.cos(w * t) + b * math.sin(w * t)) for x, t, a, b in zip(values, times, c, s, strict=True)
    ]


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("weights", [(1.0, 0.0), ([1.0, 0.5, -1.0, 2.0, 0.0], -0.25)])
def test_demod_is_its_formula(timed: bool, weights: Any) -> None:
    """Against math.cos and math.sin; times from the timestamps, else 0, 1, 2, ... ns; summed or not."""
    traces, starts = np.array([[2047, -2048, 5, 100, 7], [1, 2, 3, 4, 5]]), np.array([1000, 3004])
    cosine, sine = (tree.Constant(values=tuple(x), scalar=False) if isinstance(x, list) else number(x) for x in weights)
    for integrate in (True, False):
        node = tree.Demod(of=0, frequency=50.123457e6, cosine=cosine, sine=sine, integrate=integrate)
        program = program_of([TIMED if timed else R1, node], adc=True, trace=True)
        got = results_of(program, [[acquired(0, traces, starts, 1)]], {"r1": 5})
        for item, values, start in zip(got, traces.tolist(), starts.tolist(), strict=True):
            times = [start + n if timed else n for n in range(5)]
            parts = demodulated(values, times, 50.123457e6, *weights)
            np.testing.assert_allclose(item, sum(parts) if integrate else parts, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("timed", [False, True])
@pytest.mark.parametrize("between", [[], [tree.Arithmetic(operator="*", left=number(2.0), right=0)]])
def test_demod_of_samples_two_a_ns(timed: bool, between: list[tree.StreamNode]) -> None:
    """Raw traces at 2 GS/s, also behind other operators: sample k at k/2 ns, or as much after the first timestamp."""
    if timed and between:
        return
    traces, starts = np.array([[2047, -2048, 5, 100], [1, 2, 3, 4]]), np.array([1000, 3004])
    node = tree.Demod(of=len(between), frequency=650.123457e6, cosine=number(1.0), sine=number(-0.5), integrate=False)
    program = program_of([TIMED if timed else R1, *between, node], adc=True, trace=True)
    got = results_of(program, [[acquired(0, traces, starts, 1, per_ns=2)]], {"r1": 4}, ["r1"])
    for item, values, start in zip(got, traces.tolist(), starts.tolist(), strict=True):
        times = [start * timed + n / 2 for n in range(4)]
        parts = demodulated(values, times, 650.123457e6, 1.0, -0.5)
        np.testing.assert_allclose(item, np.array(parts) * (2 if between else 1), rtol=1e-9, atol=1e-12)


def test_demod_of_single_samples_two_a_ns() -> None:
    """Three samples an item: the second one begins at half a ns."""
    nodes = [TIMED, tree.Buffer(of=0, lengths=(3,))]
    node = tree.Demod(of=1, frequency=70e6, cosine=number(1.0), sine=number(1.0), integrate=False)
    samples = np.array([[5, 6, 7, 8, 9, 10]])
    arrival = acquired(0, samples, np.array([1000]), 1, per_ns=2)
    got = results_of(program_of([*nodes, node], adc=True), [[arrival]], fine=["r1"])
    wanted = demodulated(samples[0].tolist(), [1000 + n / 2 for n in range(6)], 70e6, 1.0, 1.0)
    np.testing.assert_allclose(got.reshape(-1), wanted, rtol=1e-9, atol=1e-13)


def test_demod_of_two_rates_counts_ns() -> None:
    """Where a stream at 1 GS/s takes part, each sample counts a ns."""
    nodes = [R1, tree.Source(stream="r2", input=1), tree.Arithmetic(operator="+", left=0, right=1)]
    node = tree.Demod(of=2, frequency=70e6, cosine=number(1.0), sine=number(0.0), integrate=False)
    arrivals = [acquired(stream, np.array([[3, 4]]), per_ns=2 - stream) for stream in (0, 1)]
    program = program_of([*nodes, node], types=["int", "int"], adc=True, trace=True)
    (got,) = results_of(program, [arrivals], {"r1": 2, "r2": 2}, ["r1"])
    np.testing.assert_allclose(got, demodulated([6, 8], [0, 1], 70e6, 1.0, 0.0), rtol=1e-9)


def test_demod_of_whole_periods_finds_the_amplitude() -> None:
    """A cosine of 1000 counts over 10 periods of 100 ns: 1000 * N / 2 / 4096; a sine weight finds nothing."""
    trace = np.round(1000 * np.cos(2 * np.pi * np.arange(1000) / 100)).astype(np.int64)[np.newaxis]
    for cosine, sine, wanted in ((1.0, 0.0, 1000 * 500 / 4096), (0.0, 1.0, 0.0)):
        node = tree.Demod(of=0, frequency=10e6, cosine=number(cosine), sine=number(sine))
        got = results_of(program_of([R1, node], adc=True, trace=True), [[acquired(0, trace)]], {"r1": 1000})
        assert got[0] == pytest.approx(wanted, abs=0.01)


# ---- any graph, any cut ----------------------------------------------------------------------------------------------

SIDES = st.sampled_from([0.5, 3.0, -1.25])
SMALL = st.integers(1, 4)


def vectors(length: int | None) -> st.SearchStrategy[tuple[float, ...]]:
    """A constant of the length of the items, or of any."""
    size = length or 2
    return st.lists(SIDES, min_size=size, max_size=size).map(tuple)


@st.composite
def candidates(draw: st.DrawFn, nodes: Sequence[tree.StreamNode], lengths: Sequence[int | None]) -> tree.StreamNode:
    """Any operator on any earlier node; it may not fit."""
    of, other = draw(st.integers(0, len(nodes) - 1)), draw(st.integers(0, len(nodes) - 1))
    vector, mode = draw(vectors(lengths[of])), draw(st.sampled_from(["full", "same", "valid"]))
    weights = st.sampled_from([number(0.75), tree.Constant(values=vector, scalar=False)])
    kinds: list[Any] = [
        lambda: tree.Buffer(of=of, lengths=tuple(draw(st.lists(SMALL, min_size=1, max_size=2)))),
        lambda: tree.BufferAndSkip(of=of, length=draw(SMALL), skip=draw(SMALL)),
        lambda: tree.Skip(of=of, count=draw(st.integers(0, 5))),
        lambda: tree.SkipLast(of=of, count=draw(st.integers(0, 5))),
        lambda: tree.Take(of=of, count=draw(st.integers(0, 20))),
        lambda: tree.Flatten(of=of),
        lambda: tree.Timestamps(of=of),
        lambda: tree.Average(of=of),
        lambda: tree.Map(
            of=of, function="average", axes=tuple(draw(st.permutations([0, 1])))[: draw(st.integers(1, 2))]
        ),
        lambda: tree.Histogram(of=of, bins=((-5.0, 5.0), (0.0, 1e9), (3.0, 3.0))),
        lambda: tree.Zip(left=of, right=other),
        lambda: tree.Arithmetic(operator=draw(st.sampled_from("+-*/")), left=of, right=other),
        lambda: tree.Arithmetic(operator="*", left=number(draw(SIDES)), right=of),
        lambda: tree.DotProduct(of=of, vector=vector),
        lambda: tree.Convolution(of=of, vector=vector, mode=mode),
        lambda: tree.TupleDotProduct(of=of),
        lambda: tree.TupleMultiply(of=of),
        lambda: tree.TupleConvolution(of=of, mode=mode),
        lambda: tree.Fft(of=of, output=draw(st.sampled_from(["normal", "abs", "angle"]))),
        lambda: tree.Demod(
            of=of, frequency=5e7, cosine=draw(weights), sine=draw(weights), integrate=draw(st.booleans())
        ),
    ]
    return draw(st.sampled_from(kinds))()


@st.composite
def graphs(draw: st.DrawFn) -> tuple[tree.StreamNode, ...]:
    """Operators that fit over an int and a fixed stream and one with times; many hit vectors and pairs."""
    nodes: list[tree.StreamNode] = [R1, R2, TIMED]
    nodes += [buffered(3), buffered(3, 1), buffered(3, 2), tree.Zip(left=3, right=4)]
    lengths: list[int | None] = [None, None, None, 3, 3, 3, 3]
    for _ in range(draw(st.integers(1, 7))):
        node = draw(candidates(nodes, lengths))
        faults: list[int] = []
        program = program_of([*nodes, node], types=["int", "fixed"])
        items = node_items(program, {}, lambda index, _, faults=faults: faults.append(index))  # type: ignore[misc]
        if not faults and (item := items[-1]) is not None and len(item.shape) < 4:
            nodes.append(node)
            lengths.append(item.shape[0] if len(item.shape) == 1 else None)
    return tuple(nodes)


NUMBERS = st.lists(st.one_of(st.integers(-20, 20), st.integers(-(2**31), 2**31 - 1)), max_size=40)
CUTS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=8)


def rounds_of(values: list[int], other: list[int], cuts: list[tuple[int, int]]) -> list[list[Arrival]]:
    """Both streams cut at random places; values of r1 have times 4 ns apart."""
    rounds, a, b = [], 0, 0
    times = [1000 + 4 * n for n in range(len(values))]
    for step_a, step_b in [*cuts, (len(values), len(other))]:
        first = saved(values[a : a + step_a], times=times[a : a + step_a])
        rounds.append([first, saved(other[b : b + step_b], 1)])
        a, b = a + step_a, b + step_b
    return rounds


@settings(max_examples=400, deadline=None)
@given(graphs(), NUMBERS, NUMBERS, CUTS)
def test_any_cut_gives_the_same_bits(
    nodes: tuple[tree.StreamNode, ...], values: list[int], other: list[int], cuts: list[tuple[int, int]]
) -> None:
    """save_all of any node: every array equal to the bit however the input came; save is the last of them."""
    types = ["int", "fixed"]
    program = program_of(nodes, types=types)
    whole = columns_of(program, rounds_of(values, other, []))
    cut = columns_of(program, rounds_of(values, other, cuts))
    assert [(x.shape, x.dtype, x.tobytes()) for x in whole] == [(x.shape, x.dtype, x.tobytes()) for x in cut]
    last = columns_of(program_of(nodes, types=types, all=False), rounds_of(values, other, cuts))
    assert [x[-1].tobytes() for x in last] == [x[-1].tobytes() for x in whole]
    items = node_items(program, {}, lambda _, message: pytest.fail(message))
    item = items[-1]
    assert item is not None
    if whole:
        assert whole[0].shape[1:] == item.shape
        assert len(whole) == 1 + item.timestamps + (item.second is not None)


@settings(max_examples=100, deadline=None)
@given(graphs(), NUMBERS, NUMBERS)
def test_rounds_do_not_change_a_bit(nodes: tuple[tree.StreamNode, ...], values: list[int], other: list[int]) -> None:
    """What a pipeline divides for want of room gives the same items, in order."""
    program = program_of(nodes, types=["int", "fixed"])
    (arrivals,) = rounds_of(values, other, [])
    whole = columns_of(program, [arrivals])
    small = Pipeline(program, {}, ResultLimits(round_bytes_max=100))
    assert [x.tobytes() for x in whole] == [x.tobytes() for x in columns_of(program, list(small.rounds(arrivals)))]


def test_rounds_bound_what_one_operator_makes() -> None:
    """1,000 values into 100 bins, all kept, are 800 kB; in rounds of at most 80 kB there are ten or more of them."""
    histogram = tree.Histogram(of=0, bins=tuple((float(n), n + 1.0) for n in range(100)))
    pipeline = Pipeline(program_of([R1, histogram]), {}, ResultLimits(round_bytes_max=80_000))
    rounds = list(pipeline.rounds([saved(range(600)), saved(range(600, 1000))]))
    assert len(rounds) >= 10
    sizes = [batch.values.nbytes for (batch,) in map(pipeline.push, rounds) if batch is not None]
    assert max(sizes) <= 80_000 and sum(sizes) == 800_000
    last = Pipeline(program_of([R1, histogram], all=False), {}, ResultLimits(round_bytes_max=80_000))
    assert len(list(last.rounds([saved(range(1000))]))) == 1


def test_traces_are_divided_too() -> None:
    """Raw traces by rows, single samples by the traces they came in."""
    traces = acquired(0, np.arange(40).reshape(10, 4), np.arange(10) * 100, 1)
    for options, nodes in (({"trace": True}, [TIMED]), ({"trace": False}, [TIMED, tree.Timestamps(of=0)])):
        pipeline = Pipeline(program_of(nodes, adc=True, **options), {"r1": 4}, ResultLimits(round_bytes_max=64))
        rounds = list(pipeline.rounds([traces]))
        assert len(rounds) > 1
        assert np.concatenate([a.values for (a,) in rounds]).tolist() == traces.values.tolist()


def complex_results(nodes: list[tree.StreamNode], traces: Any) -> Any:
    """What the last node gives for complex traces of r1."""
    arrival = acquired(0, np.array(traces, np.complex128), np.arange(len(traces)), 1)
    pipeline = Pipeline(program_of(nodes, adc=True, trace=True), {"r1": len(traces[0])}, None, {"r1"})
    (batch,) = pipeline.push([arrival])
    assert batch is not None
    return batch.values.dtype, batch.values.tolist()


def test_parts_of_complex_samples() -> None:
    """real() and image() are the counts of I and of Q, as int64; the samples themselves are complex128."""
    traces = [[1 + 2j, -3 - 4j], [5j, 2047 - 2048j]]
    raw = tree.Source(stream="r1")
    assert complex_results([raw], traces) == (np.complex128, traces)
    part = tree.ComplexPart(of=0, part="real")
    assert complex_results([raw, part], traces) == (np.int64, [[1, -3], [0, 2047]])
    part = tree.ComplexPart(of=0, part="image")
    assert complex_results([raw, part], traces) == (np.int64, [[2, -4], [5, -2048]])
    assert complex_results([raw, part, tree.Average(of=1)], traces)[1] == [[2.0, -4.0], [3.5, -1026.0]]
    assert complex_results([raw, buffered(2)], traces) == (np.complex128, [traces])


def test_parts_of_complex_samples_keep_their_timestamps() -> None:
    """So that demod of either part counts from the start of the program."""
    traces = [[1 + 2j, -3 - 4j, 5j], [2047 - 2048j, 7, 100j]]
    arrival = acquired(0, np.array(traces), np.array([1000, 2003]))
    demod = tree.Demod(of=1, frequency=50.123457e6, cosine=number(1.0), sine=number(-0.5))
    for part in ("real", "image"):
        program = program_of([TIMED, tree.ComplexPart(of=0, part=part), demod], adc=True, trace=True)
        pipeline = Pipeline(program, {"r1": 3}, complex_traces={"r1"})
        assert pipeline.forms[1].timestamps
        (batch,) = pipeline.push([arrival])
        assert batch is not None
        for got, trace, start in zip(batch.values, traces, (1000, 2003), strict=True):
            values = [int(getattr(complex(sample), part[:4])) for sample in trace]
            wanted = demodulated(values, [start + n for n in range(3)], 50.123457e6, 1.0, -0.5)
            np.testing.assert_allclose(got, sum(wanted), rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize("node", [tree.Average(of=0), tree.Fft(of=0), tree.Zip(left=0, right=0)])
def test_complex_samples_are_computed_with_in_parts(node: tree.StreamNode) -> None:
    """All other operators name real() and image()."""
    found: list[str] = []
    program = program_of([tree.Source(stream="r1"), node], adc=True, trace=True)
    node_items(program, {"r1": 4}, lambda _, message: found.append(message), {"r1"})
    assert found == ["samples of a MW input are complex; compute with their parts: real() and image()"]


def test_before_the_config_is_known_raw_samples_may_be_complex() -> None:
    """A program alone may take parts of raw samples; with a config whose input is real it may not."""
    program = program_of(
        [tree.Source(stream="r1"), buffered(2), tree.ComplexPart(of=1, part="real")], adc=True, trace=True
    )
    found: list[str] = []
    node_items(program, None, lambda _, message: found.append(message))
    assert not found
    node_items(program, {"r1": 4}, lambda _, message: found.append(message))
    assert "the items here are int64" in found[0]


def test_the_graph_knows_every_operator() -> None:
    """Each node class that has an input is drawn above, or has a test of its own here."""
    drawn = {"Buffer", "BufferAndSkip", "Skip", "SkipLast", "Take", "Flatten", "Timestamps", "Average", "Map"}
    drawn |= {"Histogram", "Zip", "Arithmetic", "DotProduct", "Convolution", "TupleDotProduct", "TupleMultiply"}
    drawn |= {"TupleConvolution", "Fft", "Demod"}
    elsewhere = {"Source", "AutoReshape", "BooleanToInt", "ComplexPart"}
    assert {kind.__name__ for kind in tree.StreamNode.__args__} == drawn | elsewhere  # type: ignore[attr-defined]
    assert inputs_of(tree.Zip(left=1, right=2)) == (1, 2)
