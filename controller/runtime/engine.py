"""The seam between the runtime and the engine: what the runtime asks of a compiler and a machine, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..._core.config import Config
from ..._core.engine.settings import ElementNow
from ..._core.engine.watching import OutputOverflow
from ..._core.program import tree
from ..results import Arrival

Numerics = Literal["linear", "exact"]
LatencyProfile = Literal["ideal", "opx"]


class Machine(Protocol):
    """Runs one image once. Owned by one OS thread; `halt` may be called from any, all else between two runs."""

    def run(self, max_steps: int) -> str:
        """Run on without the GIL: "running", "blocked" (buffers full: drain), "waits" (nothing can go on without the
        outside) or "done". Raises QuaymasterError."""

    def drain(self) -> Sequence[tuple[Any, ...]]:
        """What was saved since: (stream, raw int64 values, int64 times or None) for saved values,
        (stream, int16 array (traces, samples), input 1 or 2, start times, samples a ns) for raw traces."""

    def halt(self) -> None:
        """Make `run` return soon."""

    @property
    def clock_ns(self) -> int:
        """Simulated time."""

    def push_input(self, name: str, raws: Sequence[int]) -> object:
        """One entry for an input stream. Raises AskedWrongly, Taken."""

    def set_io(self, number: int, raw: int) -> object:
        """Set register 1 or 2 to 32 bits, signed."""

    def io(self, number: int) -> int:
        """The 32 bits of register 1 or 2, signed."""

    def resume(self) -> object:
        """Go on from a `pause()`."""

    def trigger(self, name: str = "") -> object:
        """An edge of an external trigger."""

    def set_frequency(self, element: str, frequency_hz: float) -> object:
        """Another frequency of an element's oscillator, from the next thing on that it does. Raises AskedWrongly."""

    def set_correction(self, element: str, values: Sequence[float]) -> object:
        """Another correction of an element's mixer, likewise."""

    def set_offsets(self, element: str, offsets: Sequence[tuple[str, float]]) -> object:
        """Other DC offsets of the ports of an element's inputs, likewise; all of them or none."""

    def element(self, name: str) -> ElementNow:
        """What an element is set to. Raises AskedWrongly."""

    def waiting_for(self) -> tuple[str, ...]:
        """What it needs from outside to go on, in words."""

    @property
    def paused(self) -> bool:
        """Whether it is in a `pause()`."""

    def outside_log(self) -> tuple[Any, ...]:
        """What came from outside so far, each entry with its place: a record that msgspec can encode."""

    def events(self) -> Iterable[tuple[str, int, int]]:
        """(code, source position, count) of what was noticed."""

    def overflows(self) -> Sequence[OutputOverflow]:
        """The outputs that went beyond their range."""


class Engine(Protocol):
    """Compiles programs and makes machines."""

    def compile(self, program: tree.Program, config: Config, latency: LatencyProfile) -> Any:
        """The image of a program with a latency profile. Raises AskedWrongly."""

    def warnings(self, image: Any, flags: Sequence[str]) -> list[str]:
        """What is to be said of an image compiled with these flags. Raises AskedWrongly where they do not allow it."""

    def plant(self, image: Any, config: Config, elements: Sequence[str]) -> Any:
        """What hangs behind the ports for this image."""

    def is_quick(self, image: Any) -> bool:
        """Whether instructions of this image cost next to nothing: it measures nothing."""

    def machine(self, image: Any, plant: Any, seed: int, numerics: Numerics, outside: Sequence[Any] = ()) -> Machine:
        """A machine at the start of the image; what came from outside in an earlier run comes again, at its places."""

    @property
    def version(self) -> int:
        """The same image gives the same bits with the same version."""

    @property
    def options(self) -> PlantOptions:
        """What hangs behind the ports."""

    @property
    def alike(self) -> Collection[str]:
        """Other controllers with the same behind their ports: a program may use elements of theirs, too."""

    def differences(
        self, program: tree.Program, config: Config, latency: LatencyProfile, numerics: Numerics
    ) -> tuple[str, ...]:
        """Ids of what this program, so computed, may meet where the twin and the instrument differ."""

    def encode(self, image: Any) -> bytes:
        """An image as bytes."""

    def decode(self, body: bytes) -> Any:
        """The image in bytes that `encode` wrote. Raises AskedWrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantOptions:
    """What hangs behind the ports. `noise`: variance at each analog input, in V². `trigger_period_ns`: between edges of
    an external trigger, the first at 0; a multiple of 4, 0 for none.

    `loopback`: "con1/1>con1/1:24" or "1>1:24": output > input : latency in ns. `photons`: light at each analog input,
    "rate", "rate:volts" or "rate:volts:ns", e.g. "1e6:0.3:8".
    """

    plant: str = "echo"
    loopback: tuple[str, ...] = ()
    noise: float = 0.0
    trigger_period_ns: int = 0
    photons: str = ""


def arrivals_of(chunks: Iterable[tuple[Any, ...]]) -> list[Arrival]:
    """What a machine drained, as the pipelines take it."""
    arrivals = []
    for chunk in chunks:
        if len(chunk) == 5:
            stream, samples, inputs, starts, per_ns = chunk
            arrivals.append(Arrival(stream, samples, starts, inputs, per_ns))
        else:
            stream, values, times = chunk
            arrivals.append(Arrival(stream, values, times))
    return arrivals
