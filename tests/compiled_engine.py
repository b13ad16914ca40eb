"""The compiled engine with the face of the reference engine, for tests that judge both."""

from __future__ import annotations

import msgspec
from reference.engine import Outcome
from reference.plants import Plant

from quaymaster._core.config.model import Config
from quaymaster._core.engine.hearing import Hearing
from quaymaster._core.engine.image import Image
from quaymaster._core.engine.machine import Machine
from quaymaster._core.program import tree
from quaymaster._core.program.elements import elements_used
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program

STEPS = 1000
RUNS_MAX = 2000


def run(
    program: tree.Program,
    config: Config,
    *,
    seed: int,
    numerics: str,
    plant: Plant,
    forked: bool = False,
    steps: int = STEPS,
    limit: int = RUNS_MAX,
) -> Outcome:
    """Compile and run to the end. ``forked``: every strand walks on its own from the start."""
    image = compile_program(program, config)
    if forked:
        image = msgspec.structs.replace(image, forked=True)
    hearing = hearing_of(plant, config, elements_used(program))
    machine = Machine(image, seed=seed, numerics=numerics, plant=hearing)  # type: ignore[arg-type]
    return outcome_of(machine, image, hearing, steps, limit)


def hearing_of(plant: Plant, config: Config, used: tuple[str, ...]) -> Hearing:
    """The compiled engine's plant of a reference plant; it takes the variance of the noise."""
    variance = plant.noise * plant.noise
    if plant.kind == "echo":
        return plants.echo(config, used, variance)
    if plant.kind == "loopback":
        return plants.loopback(config, used, plant.wires, plant.latency_ns, variance)
    return plants.none(config, used, variance)


def outcome_of(machine: Machine, image: Image, hearing: Hearing, steps: int, limit: int) -> Outcome:
    """Run and drain until done; AssertionError if that takes more than ``limit`` runs."""
    streams: dict[str, list[tuple[int, int]]] = {s.name: [] for s in image.streams if not s.adc}
    traces: dict[str, list[tuple[int, int, list[int]]]] = {s.name: [] for s in image.streams if s.adc}
    for _ in range(limit):
        state = machine.run(steps)
        collect(machine, image, streams, traces)
        if state == "done":
            break
    else:
        raise AssertionError(f"not done after {limit} runs of {steps} steps")
    events = {(code, at) for code, at, _ in machine.events()} | {(code, -1) for code, _ in hearing.events}
    return Outcome(streams, traces, events, machine.clock_ns)


def collect(
    machine: Machine,
    image: Image,
    streams: dict[str, list[tuple[int, int]]],
    traces: dict[str, list[tuple[int, int, list[int]]]],
) -> None:
    """Append all that can be drained now."""
    while chunks := machine.drain():
        for chunk in chunks:
            name = image.streams[chunk[0]].name
            if len(chunk) == 4:
                _, codes, port, starts = chunk
                traces[name] += [(port, int(t), row.tolist()) for row, t in zip(codes, starts, strict=True)]
            else:
                _, values, times = chunk
                assert times is not None, f"stream {name} is saved without times"
                streams[name] += list(zip(values.tolist(), times.tolist(), strict=True))
