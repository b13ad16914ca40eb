"""A bench for digital inputs: a counter that reads inputs 1 and 2, and elements that send markers to the outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from engine_lab import Run

import quaymaster.qua as q
from quaymaster._core.config import Config, check_config
from quaymaster._core.engine.machine import Machine
from quaymaster._core.program import tree
from quaymaster._core.program.elements import elements_used
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program

FLIGHT_NS = 36
READ_NS = 100
PULSE_NS = 40
COMB = [(1, 5), (0, 10), (1, 5), (0, 3), (1, 0)]
"""High at 0-5, 15-20 and 23-40 of a pulse of 40 ns."""


def raw_bench(
    rules: dict[str, Any] | None = None,
    *,
    outputs: dict[int, dict[str, Any]] | None = None,
    marker: tuple[int, int] = (0, 0),
    sticky: bool = False,
) -> dict[str, Any]:
    """``counter`` reads digital inputs 1 (of ``rules``) and 2; ``q`` sends its markers to output 1, ``p`` to 2.

    ``marker``: delay and buffer of q's; ``outputs``: settings of digital outputs; ``sticky``: q holds its markers.
    """
    silent = {"singleInput": {"port": ("con1", 1)}}
    plays = {"on": "on_pulse", "comb": "comb_pulse", "plain": "plain_pulse", "late": "late_pulse"}
    delay, buffer = marker
    holds = {"sticky": {"analog": True, "digital": True, "duration": 40}} if sticky else {}
    pulses = {
        f"{name}_pulse": {
            "operation": "control",
            "length": PULSE_NS,
            "waveforms": {"single": "zero"},
            "digital_marker": name,
        }
        for name in ("on", "comb", "late")
    }
    return {
        "controllers": {
            "con1": {
                "type": "opx1",
                "analog_outputs": {n: {} for n in (1, 2, 3)},
                "analog_inputs": {1: {}},
                "digital_outputs": {1: {}, 2: {}} | (outputs or {}),
                "digital_inputs": {1: rules or {}, 2: {}},
            }
        },
        "elements": {
            "counter": silent
            | {
                "outputs": {"out1": ("con1", 1)},
                "digitalOutputs": {"one": ("con1", 1), "two": ("con1", 2)},
                "operations": {"read": "read_pulse"},
                "time_of_flight": FLIGHT_NS,
            },
            "only": {"digitalOutputs": {"opd": ("con1", 1)}, "operations": {"read": "bare_pulse"}},
            "q": {
                "singleInput": {"port": ("con1", 2)},
                "digitalInputs": {"m": {"port": ("con1", 1), "delay": delay, "buffer": buffer}},
                "operations": plays,
            }
            | holds,
            "p": {
                "singleInput": {"port": ("con1", 3)},
                "digitalInputs": {"m": {"port": ("con1", 2), "delay": 0, "buffer": 0}},
                "operations": plays,
            },
        },
        "pulses": pulses
        | {
            "plain_pulse": {"operation": "control", "length": PULSE_NS, "waveforms": {"single": "zero"}},
            "read_pulse": {"operation": "measurement", "length": READ_NS, "waveforms": {"single": "zero"}},
            "bare_pulse": {"operation": "measurement", "length": READ_NS},
        },
        "waveforms": {"zero": {"type": "constant", "sample": 0.0}},
        "digital_waveforms": {
            "on": {"samples": [(1, 0)]},
            "comb": {"samples": COMB},
            "late": {"samples": [(0, 30), (1, 0)]},
        },
    }


def bench(*args: Any, **more: Any) -> Config:
    """The checked config."""
    return check_config(raw_bench(*args, **more))


def written(build: Callable[[], None]) -> tree.Program:
    """The tree of the program that ``build`` writes."""
    with q.program() as made:
        build()
    return made.tree


def start(
    build: Callable[[], None],
    config: Config | None = None,
    *,
    forked: bool = False,
    plant: str = "loopback",
    cables: tuple[str, ...] = (),
    **options: Any,
) -> Run:
    """A machine with the program that ``build`` writes; behind loopback, without latency, unless another is named."""
    program, config = written(build), config or bench()
    image = compile_program(program, config)
    if forked:
        image = msgspec.structs.replace(image, forked=True)
    light = options.pop("photons", "")
    hearing = plants.hearing(config, elements_used(program), plant=plant, cables=cables, photons=light)
    return Run(Machine(image, plant=hearing, **options), image)


def run(build: Callable[[], None], config: Config | None = None, **options: Any) -> Run:
    """Run it to its end, or until it waits; results by stream name r1, r2, …"""
    done = start(build, config, **options)
    while not done.states or done.states[-1] not in ("done", "waits"):
        done.states.append(done.machine.run(10_000))
        done.drain()
    return done


def tagged(
    play: Callable[[], None], config: Config | None = None, *, max_time: int = 400, cells: int = 12, **given: Any
) -> list[int]:
    """The tags at input 1 of a window that begins at FLIGHT_NS, while others do what ``play`` writes."""

    def build() -> None:
        times, count, i, tags = q.declare(int, size=cells), q.declare(int), q.declare(int), q.declare_stream()
        play()
        q.measure("read", "counter", None, q.time_tagging.digital(times, max_time, count, "one"))
        with q.for_(i, 0, i < count, i + 1):
            q.save(times[i], tags)
        with q.stream_processing():
            tags.save_all("tags")

    return run(build, config, **given).saved.get("r1", [])
