"""A small bench for tests of compiler and machine: one OPX, drive elements, readout elements, and how to run on it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from quaymaster._core.config import Config, check_config
from quaymaster._core.engine.image import Image
from quaymaster._core.engine.machine import Machine
from quaymaster._core.program import tree
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program


def drive(port: int, **more: Any) -> dict[str, Any]:
    """A single-input element with 100 ns and 20 ns pulses."""
    operations = {"long": "long_pulse", "short": "short_pulse", "ramp": "ramp_pulse"}
    return {
        "singleInput": {"port": ("con1", port)},
        "intermediate_frequency": 50e6,
        "operations": operations,
    } | more


def readout(**more: Any) -> dict[str, Any]:
    """An IQ element that measures inputs 1 and 2 with a 400 ns pulse, 24 ns later."""
    return {
        "mixInputs": {"I": ("con1", 3), "Q": ("con1", 4)},
        "intermediate_frequency": 60e6,
        "operations": {"read": "read_pulse", "bare": "bare_pulse", "long": "iq_pulse"},
        "outputs": {"out1": ("con1", 1), "out2": ("con1", 2)},
        "time_of_flight": 24,
        "smearing": 0,
    } | more


def bench(**more: Any) -> dict[str, Any]:
    """The config as a user writes it; ``more``: further elements, or others in the place of the usual ones."""
    weights = {"cos": "w_cos", "sin": "w_sin", "late": "w_late"}
    return {
        "controllers": {
            "con1": {
                "type": "opx1",
                "analog_outputs": {n: {"offset": 0.0} for n in range(1, 11)},
                "analog_inputs": {1: {"offset": 0.0}, 2: {"offset": 0.0}},
            }
        },
        "elements": {
            "q1": drive(1),
            "q2": drive(2),
            "r1": readout(),
            "r2": readout(intermediate_frequency=70e6),
            "c1": drive(5, core="shared"),
            "c2": drive(6, core="shared"),
            "dc": drive(7) | {"intermediate_frequency": None},
        }
        | more,
        "pulses": {
            "long_pulse": {"operation": "control", "length": 100, "waveforms": {"single": "level"}},
            "short_pulse": {"operation": "control", "length": 20, "waveforms": {"single": "level"}},
            "ramp_pulse": {"operation": "control", "length": 40, "waveforms": {"single": "slope"}},
            "iq_pulse": {"operation": "control", "length": 100, "waveforms": {"I": "level", "Q": "nothing"}},
            "read_pulse": _read(weights) | {"digital_marker": "on"},
            "bare_pulse": _read(weights),
        },
        "waveforms": {
            "level": {"type": "constant", "sample": 0.1},
            "nothing": {"type": "constant", "sample": 0.0},
            "slope": {"type": "arbitrary", "samples": [k / 400 for k in range(40)]},
        },
        "digital_waveforms": {"on": {"samples": [(1, 0)]}},
        "integration_weights": {
            "w_cos": {"cosine": [(1.0, 400)], "sine": [(0.0, 400)]},
            "w_sin": {"cosine": [(0.0, 400)], "sine": [(1.0, 400)]},
            "w_late": {"cosine": [(1.0, 1000)], "sine": [(0.0, 1000)]},
        },
    }


def _read(weights: dict[str, str]) -> dict[str, Any]:
    waveforms = {"I": "level", "Q": "nothing"}
    return {"operation": "measurement", "length": 400, "waveforms": waveforms, "integration_weights": weights}


def config(**more: Any) -> Config:
    """The checked config."""
    raw = bench(**more)
    for element in raw["elements"].values():
        if element.get("intermediate_frequency", 0) is None:
            del element["intermediate_frequency"]
    return check_config(raw)


@dataclass
class Run:
    """What a run left behind."""

    machine: Machine
    image: Image
    saved: dict[str, list[int]] = field(default_factory=dict)
    times: dict[str, list[int]] = field(default_factory=dict)
    traces: list[tuple[str, int, int, list[int]]] = field(default_factory=list)
    states: list[str] = field(default_factory=list)

    @property
    def events(self) -> set[tuple[str, int]]:
        """(code, line) of what was noticed."""
        return {(code, self.image.sources[at][1] if at >= 0 else -1) for code, at, _ in self.machine.events()}

    def clock(self, element: str) -> int:
        """The clock of an element's thread."""
        (thread,) = (info.thread for info in self.image.element_info if info.name == element)
        return self.machine.thread_clock(thread)

    def drain(self) -> None:
        """Take what was saved."""
        for chunk in self.machine.drain():
            name = self.image.streams[chunk[0]].name
            if len(chunk) == 5:
                rows = zip(*chunk[1:4], strict=True)
                self.traces += [(name, int(number), int(t), row.tolist()) for row, number, t in rows]
                continue
            _, values, times = chunk
            self.saved.setdefault(name, []).extend(values.tolist())
            if times is not None:
                self.times.setdefault(name, []).extend(times.tolist())


def traced(*body: tree.Statement) -> tree.Program:
    """A program with a stream "adc" of raw traces, and nothing else."""
    return tree.Program(
        declarations=(),
        streams=(tree.StreamDeclaration(at=0, name="adc", adc=True),),
        body=body,
        nodes=(),
        results=(),
        sources=(("program.py", 1),),
    )


def start(program: tree.Program, *, forked: bool = False, **options: Any) -> Run:
    """A machine at the start. ``options``: config, plant ("none", "echo"), noise (V²), seed, numerics, latency."""
    setup = options.pop("config", None) or config()
    image = compile_program(program, setup, options.pop("latency", "ideal"))
    if forked:
        image = _replaced(image, forked=True)
    names = list(dict.fromkeys(info.name for info in image.element_info))
    make = {"none": plants.none, "echo": plants.echo}[options.pop("plant", "echo")]
    hearing = make(setup, names, options.pop("noise", 0.0))
    return Run(Machine(image, plant=hearing, **options), image)


def _replaced(image: Image, **changes: Any) -> Image:
    fields = {name: getattr(image, name) for name in image.__struct_fields__}
    return Image(**(fields | changes))


def run(program: tree.Program, *, steps: int = 100_000, **options: Any) -> Run:
    """Run to the end, in portions of ``steps``."""
    done = start(program, **options)
    while not done.states or done.states[-1] != "done":
        done.states.append(done.machine.run(steps))
        done.drain()
    return done
