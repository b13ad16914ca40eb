"""The engine's figures, in CPU seconds of one OS thread, beside a reference that runs in turn, or a stated limit.

The averaging loop stands beside a tree-walking interpreter in Python (`bench_interp.py`); loops that an instrument runs
too stand beside its rate, 1 / 11.1 µs; the others beside the limit that their name tells. All are measured in turn,
several times; figures are medians, and the ratio is that of the medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from types import ModuleType

from averaging import Loop
from figures import Figure, parser, reference_script, show
from loops import (
    BRANCHES,
    Bench,
    compare_loop,
    counting_loop,
    one_readout,
    pair_loop,
    resident_mb,
    switch_loop,
    thousand_statements,
)

from quaymaster.controller.compiler import compile_program

WALKER_SHOTS = 20_000
INSTRUMENT_HZ = 1 / 11.1e-6
PAIR_HZ = 0.8e6
COMPILE_MS = 10.0
SAVES_M = 20.0
MEMORY_MB = 50.0
ODD_HZ, ROUND_HZ = 50.123457e6, 50e6


def cpu_seconds(run: Callable[[], object]) -> float:
    """CPU time of this OS thread in a call."""
    began = time.thread_time()
    run()
    return time.thread_time() - began


def main() -> None:
    """Measure in turn, print medians."""
    options = parser(__doc__)
    options.add_argument("--repeat", type=int, default=5)
    options.add_argument("--shots", type=int, default=200_000)
    options.add_argument("--saves", type=int, default=100_000_000)
    chosen = options.parse_args()
    reference = reference_script(chosen.references, "bench_interp")
    samples: dict[str, list[float]] = {}
    grown_mb = averaged_saves(10_000_000, chosen.saves, samples)
    measures = [*loops(chosen.shots), *branches(chosen.shots), ("compile", compiling())]
    if reference is not None:
        measures.append(("walker", walker(reference)))
    for _ in range(chosen.repeat):
        for name, measure in measures:
            samples.setdefault(name, []).append(measure())
    show(figures({name: statistics.median(values) for name, values in samples.items()}, grown_mb), chosen.json)


def figures(found: dict[str, float], grown_mb: float) -> list[Figure]:
    """The table."""
    branch_ns = (found["switch 24"] - found["switch 1"]) / (BRANCHES - 1)
    compare_ns = (found["compare 24"] - found["compare 1"]) / (BRANCHES - 1)
    return [
        Figure("averaging loop", found["round"], found.get("walker"), "shots/s", "more"),
        Figure("two readouts, dual demodulation (limit)", found["pair"], PAIR_HZ, "shots/s", "more"),
        Figure("with the raw trace saved (instrument)", found["raw"], INSTRUMENT_HZ, "shots/s", "more"),
        Figure("with numerics exact (instrument)", found["exact"], INSTRUMENT_HZ, "shots/s", "more"),
        Figure("50.123457 MHz (50 MHz)", found["odd"], found["round"], "shots/s", "more"),
        Figure("compile 1,000 statements (limit)", found["compile"], COMPILE_MS, "ms", "less"),
        Figure("a branch of a switch (a compare)", branch_ns, compare_ns, "ns", "less"),
        Figure("saves, buffer(100).average() (limit)", found["saves"], SAVES_M, "M/s", "more"),
        Figure("its memory above idle (limit)", grown_mb, MEMORY_MB, "MB", "less"),
    ]


Measure = tuple[str, Callable[[], float]]


def loops(shots: int) -> list[Measure]:
    """Shots a second of the loops that measure."""
    odd, even = Loop(shots, ODD_HZ), Loop(shots, ROUND_HZ)
    slow = shots // 20
    return [
        ("round", lambda: shots / cpu_seconds(even.run)),
        ("odd", lambda: shots / cpu_seconds(odd.run)),
        ("pair", rate(pair_loop(shots), shots, 4 * shots)),
        ("raw", rate(one_readout(slow, raw=True), slow, 3 * slow)),
        ("exact", rate(one_readout(slow, numerics="exact"), slow, 2 * slow)),
    ]


def rate(bench: Bench, shots: int, drained: int) -> Callable[[], float]:
    """Shots a second; what came out is counted."""

    def measure() -> float:
        found: list[int] = []
        seconds = cpu_seconds(lambda: found.append(bench.run()))
        assert found == [drained], (found, drained)
        return shots / seconds

    return measure


def branches(rounds: int) -> list[Measure]:
    """ns an iteration, of a switch and of a loop that only compares, with few and with many."""
    made = {
        "switch 1": switch_loop(rounds, 1),
        f"switch {BRANCHES}": switch_loop(rounds, BRANCHES),
        "compare 1": compare_loop(rounds, 1),
        f"compare {BRANCHES}": compare_loop(rounds, BRANCHES),
    }
    return [(name, lambda bench=bench: cpu_seconds(bench.run) * 1e9 / rounds) for name, bench in made.items()]


def compiling() -> Callable[[], float]:
    """ms from a program's tree and a config to its image."""
    tree, config = thousand_statements().tree, one_readout(1).config
    return lambda: 1e3 * cpu_seconds(lambda: compile_program(tree, config))


def averaged_saves(few: int, many: int, samples: dict[str, list[float]]) -> float:
    """M saves a second, and the most memory that `many` saves take above what `few` leave behind, in MB."""
    small, large = counting_loop(few), counting_loop(many)
    assert small.run_with_results() == 49.5
    idle_mb = resident_mb()
    found: list[float] = []
    seconds = cpu_seconds(lambda: found.append(large.run_with_results()))
    assert found == [49.5], found
    samples["saves"] = [many / seconds / 1e6]
    return resident_mb(most=True) - idle_mb


def walker(reference: ModuleType) -> Callable[[], float]:
    """Shots a second of the tree walker."""
    tree_walker, tree = reference.Walker(reference.sample_noise1), reference.tree(WALKER_SHOTS)
    return lambda: WALKER_SHOTS / cpu_seconds(lambda: tree_walker.run(tree))


if __name__ == "__main__":
    main()
