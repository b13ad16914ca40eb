"""The compiled engine with the face of the reference engine, for tests that judge both."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import msgspec
import numpy as np
from reference.engine import Outcome
from reference.plants import Plant
from reference.ranges import Beyond

from quaymaster._core.config.model import Config
from quaymaster._core.engine.hearing import Hearing
from quaymaster._core.engine.image import Image
from quaymaster._core.engine.machine import Machine
from quaymaster._core.engine.outside import Outside
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster._core.program.elements import elements_used
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program
from quaymaster.controller.plant.digital import lit

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
    outside: Sequence[Outside] = (),
    latency: str = "ideal",
) -> Outcome:
    """Compile and run to the end. ``forked``: every strand walks on its own from the start."""
    machine, image, hearing = machine_of(program, config, seed, numerics, plant, forked, outside, latency)
    return outcome_of(machine, image, hearing, steps, limit)


def machine_of(
    program: tree.Program,
    config: Config,
    seed: int,
    numerics: str,
    plant: Plant,
    forked: bool = False,
    outside: Sequence[Outside] = (),
    latency: str = "ideal",
) -> tuple[Machine, Image, Hearing]:
    """A machine at the start."""
    image = compile_program(program, config, latency)
    if forked:
        image = msgspec.structs.replace(image, forked=True)
    late = plants.with_lags(config, latency)
    hearing = hearing_of(plant, late, elements_used(program))
    hearing = msgspec.structs.replace(hearing, outputs=tuple(plants.output_ports(late, image)))
    machine = Machine(image, seed=seed, numerics=numerics, plant=hearing, outside=outside)  # type: ignore[arg-type]
    return machine, image, hearing


def run_by_hand(
    program: tree.Program,
    config: Config,
    *,
    seed: int,
    numerics: str,
    plant: Plant,
    forked: bool = False,
    hand: int = 0,
    limit: int = RUNS_MAX,
    latency: str = "ideal",
) -> tuple[Outcome, tuple[Outside, ...]]:
    """Compile and run to the end, with what comes from outside drawn by ``hand``: what the job waits for, at last, and
    between slices of any size whatever comes to mind. Returns the log too."""
    machine, image, hearing = machine_of(program, config, seed, numerics, plant, forked, latency=latency)
    streams: dict[str, list[tuple[int, int]]] = {s.name: [] for s in image.streams if not s.adc}
    traces: dict[str, list[tuple[int, int, list[int]]]] = {s.name: [] for s in image.streams if s.adc}
    random = Random(hand)
    steps = random.choice([(1, 3), (1, 20), (30, 300), (1000, 1001)])
    eagerness = random.choice([0.0, 0.1, 0.5])
    for _ in range(limit):
        state = machine.run(random.randrange(*steps))
        collect(machine, image, streams, traces)
        if state == "done" or is_stuck(machine, state):
            break
        if random.random() < eagerness:
            come_by(machine, image, random, random.choice(["io", "io", "input", "trigger", "set", "set"]))
        elif state == "waits" and random.random() < 0.7:
            come_by(machine, image, random, random.choice(from_outside(machine)))
    else:
        raise AssertionError(f"not done after {limit} runs: {machine.waiting_for()}")
    return outcome_at_end(machine, hearing, streams, traces, is_stuck(machine, state)), machine.outside_log()


def from_outside(machine: Machine) -> list[str]:
    """What it waits for that can still come."""
    found = [what for what in machine.waiting_for() if not what.startswith("an edge")]
    return [what for what in found if what != "pause" or machine.paused]


def is_stuck(machine: Machine, state: str) -> bool:
    """Whether it waits for edges alone, which never come."""
    return state == "waits" and not from_outside(machine)


def come_by(machine: Machine, image: Image, random: Random, what: str) -> None:
    """Something reaches a machine from outside."""
    if what == "io":
        machine.set_io(random.choice([1, 2]), random.choice([0, 1, 5, -3, 2**28, random.randrange(-(2**31), 2**31)]))
    elif what == "pause":
        if machine.paused:
            machine.resume()
    elif what == "set":
        set_something(machine, image, random)
    elif what == "trigger":
        machine.trigger(random.choice(["", *sorted({e.controller for e in image.element_info})]))
    elif image.inputs:
        named = [item for item in image.inputs if what == f"input stream {item.name}"]
        item = random.choice(named or image.inputs)
        least, most = (0, 2) if item.type == "bool" else (-9, 9) if random.random() < 0.5 else (-(2**31), 2**31)
        machine.push_input(item.name, [random.randrange(least, most) for _ in range(item.size)])


def set_something(machine: Machine, image: Image, random: Random) -> None:
    """A setting of an element comes from outside; what it cannot have is refused."""
    if not image.element_info:
        return
    info = random.choice(image.element_info)
    what = random.choice(["frequency", "correction", "offset"])
    try:
        if what == "frequency":
            machine.set_frequency(
                info.name,
                random.choice([0.0, 50e6, -12.5e6, 1e9 / 7, 6.5e8] if info.per_ns == 2 else [0.0, 50e6, -1e9 / 7]),
            )
        elif what == "correction":
            machine.set_correction(info.name, [random.uniform(-2, 1.99) for _ in range(4)])
        elif info.offsets:
            machine.set_offsets(info.name, [(random.choice(info.offsets).name, random.uniform(-0.5, 0.49))])
    except AskedWrongly as error:
        assert error.code in ("no_oscillator", "no_mixer", "not_yet")


def hearing_of(plant: Plant, config: Config, used: tuple[str, ...]) -> Hearing:
    """The compiled engine's plant of a reference plant; it takes the variance of the noise."""
    plain = msgspec.structs.replace(plain_hearing_of(plant, config, used), trigger_period_ns=plant.trigger_period_ns)
    if plant.light is None:
        return plain
    light = plants.photons(*plant.light)
    ports = tuple(msgspec.structs.replace(port, photons=light) for port in plain.ports)
    return msgspec.structs.replace(plain, ports=ports, digital=lit(config, plain.digital, light))


def plain_hearing_of(plant: Plant, config: Config, used: tuple[str, ...]) -> Hearing:
    """The same without a source of triggers and without light."""
    variance = plant.noise * plant.noise
    if plant.kind == "echo":
        return plants.echo(config, used, variance)
    if plant.kind == "loopback":
        return plants.loopback(config, used, plant.wires, plant.latency_ns, variance, plant.digital_wires or None)
    return plants.none(config, used, variance)


def outcome_of(machine: Machine, image: Image, hearing: Hearing, steps: int, limit: int) -> Outcome:
    """Run and drain until done; AssertionError if that takes more than ``limit`` runs."""
    streams: dict[str, list[tuple[int, int]]] = {s.name: [] for s in image.streams if not s.adc}
    traces: dict[str, list[tuple[int, int, list[int]]]] = {s.name: [] for s in image.streams if s.adc}
    for _ in range(limit):
        state = machine.run(steps)
        collect(machine, image, streams, traces)
        if state == "done" or is_stuck(machine, state):
            break
    else:
        raise AssertionError(f"not done after {limit} runs of {steps} steps")
    return outcome_at_end(machine, hearing, streams, traces, is_stuck(machine, state))


def outcome_at_end(
    machine: Machine,
    hearing: Hearing,
    streams: dict[str, list[tuple[int, int]]],
    traces: dict[str, list[tuple[int, int, list[int]]]],
    waits: bool,
) -> Outcome:
    """What a machine that is done, or waits for ever, leaves."""
    events = {(code, at) for code, at, _ in machine.events()} | {(code, -1) for code, _ in hearing.events}
    beyond = {seen.ref: Beyond(seen.count, seen.first_ns, seen.is_all) for seen in machine.overflows()}
    return Outcome(streams, traces, events, machine.clock_ns, beyond, waits)


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
            if len(chunk) == 5:
                for row, number, t in zip(*chunk[1:4], strict=True):
                    parts = (row.real, row.imag) if np.iscomplexobj(row) else (row,)
                    traces[name] += [(int(number), int(t), part.tolist()) for part in parts]
            else:
                _, values, times = chunk
                assert times is not None, f"stream {name} is saved without times"
                streams[name] += list(zip(values.tolist(), times.tolist(), strict=True))
