"""An engine whose programs do what their declarations say, for tests of the controller alone.

A program is a tree with declarations as knobs: `values` ints saved to stream r1 (0, 1, 2, ...), `compile_ms`, `step_ns`
(simulated time per value), `fail_at` (raise after so many values), `steps` (values a machine makes per run call),
`pause_every` and `input_every` (a pause, an entry of input stream x, after so many values; IO2 is it), `silent`.
Run as a script it is a controller process with this engine: NAME BROKER DIR.
"""

from __future__ import annotations

import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from quaymaster._core.engine.watching import OutputOverflow
from quaymaster._core.errors import AskedWrongly, QuaymasterError
from quaymaster._core.program import tree
from quaymaster._core.program.codec import encode_program
from quaymaster.controller.runtime.engine import PlantOptions


def program(*, save: bool = True, all: bool = True, endless: bool = False, **knobs: int) -> tree.Program:
    """A program for the stand-in engine."""
    declarations = tuple(
        tree.Declaration(at=0, name=name, type="int", size=0, initial=(value,)) for name, value in knobs.items()
    )
    results = (tree.Result(at=0, tag="n", of=0, all=all),) if save else ()
    return tree.Program(
        declarations=declarations,
        streams=(tree.StreamDeclaration(at=0, name="r1"),),
        body=(tree.For(at=0, body=()),) if endless else (),
        nodes=(tree.Source(stream="r1"),),
        results=results,
        sources=(("script.py", 7),),
    )


def body(**knobs: Any) -> bytes:
    """The bytes of such a program."""
    return encode_program(program(**knobs))


@dataclass
class StandInImage:
    """What the runtime reads of an image."""

    knobs: dict[str, int]
    threads_needed: tuple[tuple[str, int, int], ...] = (("con1", 1, 1),)
    trace_lengths: dict[str, int] = field(default_factory=dict)
    inputs: tuple[Any, ...] = ()
    outside: tuple[str, ...] = ()
    complex_traces: frozenset[str] = frozenset()
    fine_traces: frozenset[str] = frozenset()


class StandInMachine:
    """Counts."""

    def __init__(self, knobs: dict[str, int], saving: bool = True) -> None:
        self.knobs = knobs
        self.clock_ns = 0
        self._done = 0
        self._drained = 0
        self._halted = threading.Event()
        self._io = {1: 0, 2: 0}
        self._entries: list[list[int]] = []
        self._taken = self._resumed = 0
        self._log: list[tuple[str, str, int, list[int]]] = []

    def run(self, max_steps: int) -> str:
        """Count on."""
        count = self.knobs.get("values", 0)
        for _ in range(min(self.knobs.get("steps", max_steps), max_steps)):
            if self._halted.is_set():
                return "running"
            if self._done == self.knobs.get("fail_at", -1):
                raise AskedWrongly("too many overlaps", code="too_many_overlaps", details={"at": 0})
            if self.waiting_for():
                return "waits"
            if (every := self.knobs.get("input_every", 0)) and self._done == every * (self._taken + 1):
                self._io[2] = self._entries.pop(0)[0]
                self._taken += 1
            if self._done == count:
                return "done"
            if "sleep_ms" in self.knobs:
                time.sleep(self.knobs["sleep_ms"] / 1000)
            self._done += 1
            self.clock_ns += self.knobs.get("step_ns", 4)
        return "running"

    def drain(self) -> list[tuple[Any, ...]]:
        """The numbers counted since; none of a program that is silent."""
        if "silent" in self.knobs:
            return []
        first, self._drained = self._drained, self._done
        return [(0, np.arange(first, self._done, dtype=np.int64), None)] if self._done > first else []

    def halt(self) -> None:
        """Stop counting."""
        self._halted.set()

    def push_input(self, name: str, raws: list[int]) -> None:
        """An entry waits."""
        if name != "x":
            raise AskedWrongly(f"the program has no input stream {name!r}", code="no_such_input_stream")
        self._noted("input", name, raws)
        self._entries.append(raws)

    def set_io(self, number: int, raw: int) -> None:
        """A register."""
        self._noted("io", str(number), [raw])
        self._io[number] = raw

    def io(self, number: int) -> int:
        """A register."""
        return self._io[number]

    def resume(self) -> None:
        """Count on from a pause."""
        if not self.paused:
            raise AskedWrongly("the job is not paused", code="not_paused")
        self._noted("resume", "", [])
        self._resumed += 1

    def trigger(self, name: str = "") -> None:
        """Noted, and no more."""
        self._noted("trigger", name, [])

    def _noted(self, kind: str, name: str, raws: list[int]) -> None:
        self._log.append((kind, name, self._done, list(raws)))

    @property
    def paused(self) -> bool:
        """After every `pause_every` values."""
        every = self.knobs.get("pause_every", 0)
        return bool(every) and self._done == every * (self._resumed + 1)

    def waiting_for(self) -> tuple[str, ...]:
        """An entry of x, if that is so."""
        every = self.knobs.get("input_every", 0)
        if every and self._done == every * (self._taken + 1) and not self._entries:
            return ("input stream 'x'",)
        return ("resume",) if self.paused else ()

    def outside_log(self) -> tuple[Any, ...]:
        """All that came, with the number of values before it."""
        return tuple(self._log)

    def events(self) -> list[tuple[str, int, int]]:
        """One event, three times, at line 7."""
        return [("division_by_zero", 0, 3)] if "event" in self.knobs else []

    def overflows(self) -> list[OutputOverflow]:
        """It plays nothing."""
        return []


class StandInEngine:
    """See `quaymaster.controller.runtime.engine.Engine`."""

    def __init__(self) -> None:
        self.compiled = 0
        self.machines: list[StandInMachine] = []

    def compile(self, program: tree.Program, config: Any, latency: str) -> StandInImage:
        """Takes `compile_ms`."""
        knobs = {item.name: item.initial[0] for item in program.declarations}
        self.compiled += 1
        time.sleep(knobs.get("compile_ms", 0) / 1000)
        if "wrong" in knobs:
            raise AskedWrongly("script.py:7: no element q", code="compile_error")
        return StandInImage(knobs)

    def warnings(self, image: Any, flags: Any) -> list[str]:
        """One, where a flag asks for it."""
        return ["warned"] if "warn" in flags else []

    def plant(self, image: Any, config: Any, elements: Any) -> None:
        """Nothing."""

    def is_quick(self, image: Any) -> bool:
        """Where it neither sleeps nor saves much."""
        return image.knobs.keys() <= {"values"} and image.knobs.get("values", 0) < 10

    version = 1
    options = PlantOptions()
    alike: frozenset[str] = frozenset()

    def machine(self, image: StandInImage, plant: Any, seed: int, numerics: str, outside: Any = ()) -> StandInMachine:
        """A counter."""
        self.machines.append(StandInMachine(image.knobs))
        return self.machines[-1]

    def differences(self, program: tree.Program, config: Any, latency: str, numerics: str) -> tuple[str, ...]:
        """One for each of the numerics."""
        return ("simulated_time", f"{numerics}_numerics")

    def encode(self, image: StandInImage) -> bytes:
        """The knobs."""
        return repr(sorted(image.knobs.items())).encode()

    def decode(self, body: bytes) -> StandInImage:
        """Not possible: compile again."""
        raise AskedWrongly("no image", code="bad_image")


def config(name: str = "con1", port: int = 1, *, shareable: bool = False) -> dict[str, Any]:
    """A config that claims one analog output."""
    return {
        "controllers": {name: {"type": "opx1", "analog_outputs": {port: {"offset": 0.0, "shareable": shareable}}}},
        "elements": {},
        "pulses": {},
    }


if __name__ == "__main__":
    from quaymaster.controller.server import run_controller

    try:
        run_controller(sys.argv[1], broker_endpoint=sys.argv[2], directory=Path(sys.argv[3]), engine=StandInEngine())
    except QuaymasterError as error:
        sys.exit(str(error))
