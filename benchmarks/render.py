"""Rendering ten output ports beside `render_cached` (render.c, compiled here) and the numpy block variant of
`bench_kernels.py`: pulses back to back and at 10 % duty, CPU time of one OS thread, chunks of 1 ms through the call.

Before times are taken each variant is judged against double precision: largest error in steps of the converter, and the
count of overflows.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
from figures import Figure, parser, reference_script, show

from quaymaster._core.engine.signals import Signals

PORTS = 10
CHUNK = 1_000_000
FLAGS = ("-O3", "-ffast-math", "-w", "-Wno-psabi", "-march=x86-64-v3", "-shared", "-fPIC")

Codes = npt.NDArray[np.int16]


class Ours:
    """The task of `bench_kernels.Setup` as records: five IQ pairs, two elements each."""

    def __init__(self, setup: Any) -> None:
        self.signals = Signals()
        outputs = [self.signals.add_output(offset=float(dc), saturates=True) for dc in setup.dc]
        turn = 1 << 64
        for e in range(setup.E):
            c00, c01, c10, c11 = (float(x) for x in setup.mix[e])
            element = self.signals.add_element((c00, c01, c10, c11))
            for which in (0, 1):
                self.signals.add_source(outputs[2 * (e // 2) + which], element, which)
            waveform = self.signals.add_waveform(setup.eI[e].astype(float), setup.eQ[e].astype(float))
            inc = round(setup.w[e] / (2 * np.pi) * turn)
            for start in range(int(setup.start[e]), CHUNK, setup.period):
                phase = inc * start + round(setup.phase[e] / (2 * np.pi) * turn)
                self.signals.record(element, waveform, start, setup.L, phase=phase, inc=inc)
        self.outputs = outputs
        self.codes: Codes = np.zeros((PORTS, CHUNK), np.int16)

    def run(self) -> None:
        """One chunk."""
        self.signals.render_float32(self.outputs, 0, self.codes)


def cached(folder: Path, temporary: Path, setup: Any, codes: Codes) -> Callable[[], int] | None:
    """`render_cached` as a call that fills `codes` and returns the overflows."""
    compiler = shutil.which(os.environ.get("CC", "cc"))
    source = folder / "render.c"
    if compiler is None or not source.exists():
        print("no compiler or no render.c: without render_cached")
        return None
    library = temporary / "render.so"
    subprocess.run([compiler, *FLAGS, "-o", str(library), str(source), "-lm"], check=True)
    function = ctypes.CDLL(str(library)).render_cached
    function.restype = ctypes.c_int64
    function.argtypes = [ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64]
    return lambda: int(function(ctypes.addressof(setup.task), 0, CHUNK, codes.ctypes.data, CHUNK))


def judge(setup: Any, ours: Ours) -> None:
    """Print the largest error, and our count of overflows beside that of the contract's own path in doubles. The pulses
    before 0 that the task has are left out of the error."""
    ours.run()
    counted, first = ours.signals.output_overflow, setup.period
    error = int(np.abs(ours.codes[:, first:].astype(int) - setup.reference(first, CHUNK - first)[0]).max())
    for output in ours.outputs:
        ours.signals.render(output, 0, CHUNK)
    exact = ours.signals.output_overflow - counted
    print(f"period {setup.period}: largest error {error} LSB; overflows {counted}, by the contract {exact}")


def timed(run: Callable[[], object]) -> float:
    """Port samples per CPU second of a chunk."""
    began = time.thread_time()
    run()
    return PORTS * CHUNK / (time.thread_time() - began)


def figures(reference: ModuleType, folder: Path, period: int, repeat: int) -> list[Figure]:
    """One setup, all variants in turn."""
    setup = reference.Setup(100, period)
    ours = Ours(setup)
    judge(setup, ours)
    block = np.zeros((PORTS, CHUNK // 5), np.int16)
    theirs = np.zeros((PORTS, CHUNK), np.int16)
    rates: dict[str, list[float]] = {"ours": [], "cached": [], "numpy": []}
    with tempfile.TemporaryDirectory() as temporary:
        best = cached(folder, Path(temporary), setup, theirs)
        for _ in range(repeat):
            rates["ours"].append(timed(ours.run))
            if best is not None:
                rates["cached"].append(timed(best))
            rates["numpy"].append(timed(lambda: reference.numpy_block(setup, 0, block)) / 5)
    rate = statistics.median(rates["ours"])
    names = {"cached": "render_cached", "numpy": "numpy blocks"}
    return [
        Figure(f"10 ports, 100/{period}, {names[kind]}", rate, statistics.median(values), "samples/s", "more")
        for kind, values in rates.items()
        if kind in names and values
    ]


def main() -> None:
    """Measure in turn, print medians."""
    options = parser(__doc__)
    options.add_argument("--repeat", type=int, default=7)
    chosen = options.parse_args()
    reference = reference_script(chosen.references, "bench_kernels")
    if reference is None:
        raise SystemExit("the task to render is bench_kernels.py's")
    folder = Path(chosen.references)
    rows = [row for period in (100, 1000) for row in figures(reference, folder, period, chosen.repeat)]
    show(rows, chosen.json)


if __name__ == "__main__":
    main()
