"""The engine beside a tree-walking interpreter in Python (`bench_interp.py`), in CPU seconds of one OS thread.

The variants are measured in turn, several times; figures are medians.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from averaging import Loop
from figures import Figure, parser, reference_script, show

WALKER_SHOTS = 20_000


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
    chosen = options.parse_args()
    loop = Loop(chosen.shots)
    reference = reference_script(chosen.references, "bench_interp")
    ours, walker = [], []
    for _ in range(chosen.repeat):
        ours.append(chosen.shots / cpu_seconds(loop.run))
        if reference is not None:
            tree_walker = reference.Walker(reference.sample_noise1)
            tree = reference.tree(WALKER_SHOTS)
            walker.append(WALKER_SHOTS / cpu_seconds(lambda: tree_walker.run(tree)))  # noqa: B023 - called at once
    beside = statistics.median(walker) if walker else None
    show([Figure("averaging loop", statistics.median(ours), beside, "shots/s", "more")], chosen.json)


if __name__ == "__main__":
    main()
