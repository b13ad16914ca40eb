"""The seam between the runtime and the engine: what the runtime asks of a compiler and a machine, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np

from ..._core.config import Config
from ..._core.program import tree
from ..results import Arrival

Numerics = Literal["linear", "exact"]


class Machine(Protocol):
    """Runs one image once. Owned by one OS thread; `halt` may be called from any."""

    def run(self, max_steps: int) -> str:
        """Run on without the GIL: "running", "blocked" (buffers full: drain) or "done". Raises QuaymasterError."""

    def drain(self) -> Sequence[tuple[Any, ...]]:
        """What was saved since: (stream, raw int64 values, int64 times or None) for saved values,
        (stream, int16 array (traces, samples), input 1 or 2, start times) for raw traces."""

    def halt(self) -> None:
        """Make `run` return soon."""

    @property
    def clock_ns(self) -> int:
        """Simulated time."""

    def events(self) -> Iterable[tuple[str, int, int]]:
        """(code, source position, count) of what was noticed."""


class Engine(Protocol):
    """Compiles programs and makes machines."""

    def compile(self, program: tree.Program, config: Config) -> Any:
        """The image of a program. Raises AskedWrongly."""

    def plant(self, image: Any, config: Config, elements: Sequence[str]) -> Any:
        """What hangs behind the ports for this image."""

    def is_quick(self, image: Any) -> bool:
        """Whether instructions of this image cost next to nothing: it measures nothing."""

    def machine(self, image: Any, plant: Any, seed: int, numerics: Numerics) -> Machine:
        """A machine at the start of the image."""

    def differences(self, program: tree.Program, config: Config, numerics: Numerics) -> tuple[str, ...]:
        """Ids of what this program, so computed, may meet where the twin and the instrument differ."""

    def encode(self, image: Any) -> bytes:
        """An image as bytes."""

    def decode(self, body: bytes) -> Any:
        """The image in bytes that `encode` wrote. Raises AskedWrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantOptions:
    """What hangs behind the ports. `noise`: variance at each analog input, in V².

    `loopback`: "con1/1>con1/1:24" or "1>1:24": output > input : latency in ns.
    """

    plant: str = "echo"
    loopback: tuple[str, ...] = ()
    noise: float = 0.0


def arrivals_of(chunks: Iterable[tuple[Any, ...]]) -> list[Arrival]:
    """What a machine drained, as the pipelines take it."""
    arrivals = []
    for chunk in chunks:
        if len(chunk) == 4:
            stream, samples, input, starts = chunk
            arrivals.append(Arrival(stream, samples, np.asarray(starts, np.int64), input))
        else:
            stream, values, times = chunk
            arrivals.append(Arrival(stream, values, times))
    return arrivals
