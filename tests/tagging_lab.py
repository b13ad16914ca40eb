"""A bench for time tagging: a detector on input 1 that hears given samples, an idle one, and a drive element."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from engine_lab import Run

import quaymaster.qua as q
from quaymaster._core.config import Config, check_config
from quaymaster._core.config.model import PortRef
from quaymaster._core.engine.hearing import RawSamples
from quaymaster._core.engine.image import Image
from quaymaster._core.engine.machine import Machine
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program

Volts = npt.NDArray[np.float64]
FLIGHT_NS = 36
READ_NS = 100
PULSES = {
    "signalThreshold": -500,
    "signalPolarity": "Below",
    "derivativeThreshold": -100,
    "derivativePolarity": "Below",
}
"""Positive pulses of more than 500/4096 V that rise by more than 100/4096 V a ns; an OPX inverts."""


def raw_bench(rules: dict[str, Any] | None = None, *, two_outputs: bool = False, **more: Any) -> dict[str, Any]:
    """``spcm`` (input 1, rules PULSES or these), ``dark`` (input 2), ``q`` plays; ``more``: of spcm."""
    silent = {"singleInput": {"port": ("con1", 1)}, "time_of_flight": FLIGHT_NS, "smearing": 0}
    tagging = {"timeTaggingParameters": PULSES if rules is None else rules}
    outputs = {"out1": ("con1", 1)} | ({"out2": ("con1", 2)} if two_outputs else {})
    operations = {"read": "read_pulse", "short": "short_pulse"}
    return {
        "controllers": {
            "con1": {"type": "opx1", "analog_outputs": {n: {} for n in (1, 2)}, "analog_inputs": {1: {}, 2: {}}}
        },
        "elements": {
            "spcm": silent | tagging | {"outputs": outputs, "operations": operations} | more,
            "dark": silent | tagging | {"outputs": {"out1": ("con1", 2)}, "operations": operations},
            "q": {"singleInput": {"port": ("con1", 2)}, "operations": {"x": "drive_pulse"}},
        },
        "pulses": {
            "read_pulse": {
                "operation": "measurement",
                "length": READ_NS,
                "waveforms": {"single": "zero"},
                "digital_marker": "on",
                "integration_weights": {"w": "w"},
            },
            "short_pulse": {"operation": "measurement", "length": 16, "waveforms": {"single": "zero"}},
            "drive_pulse": {"operation": "control", "length": 20, "waveforms": {"single": "level"}},
        },
        "waveforms": {"zero": {"type": "constant", "sample": 0.0}, "level": {"type": "constant", "sample": 0.1}},
        "digital_waveforms": {"on": {"samples": [(1, 0)]}},
        "integration_weights": {"w": {"cosine": [(1.0, READ_NS)], "sine": [(0.0, READ_NS)]}},
    }


def bench(rules: dict[str, Any] | None = None, **more: Any) -> Config:
    """The checked config."""
    return check_config(raw_bench(rules, **more))


def written(build: Callable[[], None]) -> Any:
    """The tree of the program that ``build`` writes."""
    with q.program() as made:
        build()
    return made.tree


def machine_of(image: Image, config: Config, volts: Volts, noise: float = 0.0, **options: Any) -> Machine:
    """A machine whose input 1 hears these samples from 0 on; ``noise``: variance in V²."""
    hearing = plants.none(config, [info.name for info in image.element_info], noise)
    raw = (RawSamples(ref=PortRef("con1", 1, 1), samples=np.asarray(volts, dtype=np.float64)),)
    return Machine(image, plant=msgspec.structs.replace(hearing, raw=raw), **options)


def run(
    build: Callable[[], None], volts: Volts, config: Config | None = None, *, forked: bool = False, **options: Any
) -> Run:
    """Run what ``build`` writes to its end; results by stream name r1, r2, …"""
    config = config or bench()
    image = compile_program(written(build), config)
    if forked:
        image = Image(**({name: getattr(image, name) for name in image.__struct_fields__} | {"forked": True}))
    done = Run(machine_of(image, config, volts, **options), image)
    while not done.states or done.states[-1] != "done":
        done.states.append(done.machine.run(10_000))
        done.drain()
    return done


def tagged(
    volts: Volts,
    config: Config | None = None,
    *,
    kind: str = "analog",
    cells: int = 8,
    max_time: int = 400,
    **given: Any,
) -> list[int]:
    """The tags of one window of the detector, which begins at FLIGHT_NS."""

    def build() -> None:
        times, count, i, tags = q.declare(int, size=cells), q.declare(int), q.declare(int), q.declare_stream()
        q.measure("read", "spcm", None, getattr(q.time_tagging, kind)(times, max_time, count))
        with q.for_(i, 0, i < count, i + 1):
            q.save(times[i], tags)
        with q.stream_processing():
            tags.save_all("tags")

    return run(build, volts, config, **given).saved.get("r1", [])


def pulses(starts: list[int], length: int, level: float = 0.3, width: int = 6) -> Volts:
    """Rectangles of ``level`` volts that start at these samples of the window."""
    volts = np.zeros(FLIGHT_NS + length)
    for start in starts:
        volts[FLIGHT_NS + start : FLIGHT_NS + start + width] = level
    return volts
