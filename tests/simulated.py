"""One simulation on a controller's room alone: no broker, no sockets. For tests of samples, report and results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from quaymaster._core.config import check_config
from quaymaster._core.wire import JobOptions, Simulation
from quaymaster._core.wire.commands import Load
from quaymaster._core.wire.reports import Status
from quaymaster.client.simulated_samples import analog_ports
from quaymaster.client.simulation_config import SimulationConfig
from quaymaster.client.waveform_report import WaveformReport
from quaymaster.controller.results import ResultShelf
from quaymaster.controller.simulation import Simulations


class Parts:
    """Stands in for the library: one program and one config."""

    def __init__(self, program: Any, config: dict[str, Any]) -> None:
        self.program, self.config = program.tree, check_config(config)

    def parts(self, key: object) -> tuple[Any, Any]:
        return self.program, self.config


class Simulated:
    """A finished simulation."""

    def __init__(self, shelf: ResultShelf, final: Status) -> None:
        self.shelf, self.final = shelf, final

    def bytes(self, stream: str) -> bytes:
        """The whole of a stream."""
        parts, offset = [], 0
        while True:
            found = self.shelf.fetch("7", stream, 0, -1, offset)
            parts += found.bodies
            offset = found.next_offset
            if not offset:
                return b"".join(parts)

    @property
    def analog(self) -> dict[str, np.ndarray[Any, Any]]:
        """Samples of con1 as the client has them, by key; those of FEM 1 by port number."""
        index = msgspec.json.decode(self.bytes("@samples"))
        codes = np.frombuffer(self.bytes("@analog/con1"), "<i2")
        found = analog_ports(index["analog"]["con1"], codes, index["duration_ns"])
        return {key.removeprefix("1-"): samples for key, samples in found.items()}

    @property
    def digital(self) -> dict[str, np.ndarray[Any, Any]]:
        """Bools of con1, by port number."""
        index = msgspec.json.decode(self.bytes("@samples"))
        rows = np.frombuffer(self.bytes("@digital/con1"), "|b1").reshape(-1, index["duration_ns"])
        return {key.removeprefix("1-"): row for key, row in zip(index["digital"]["con1"], rows, strict=True)}

    @property
    def report(self) -> WaveformReport:
        """The waveform report as the client has it."""
        return WaveformReport.from_tables(msgspec.json.decode(self.bytes("@report")))

    def values(self, stream: str, dtype: str = "<f8") -> list[Any]:
        """The items of a stream of scalars."""
        return np.frombuffer(self.bytes(stream), dtype).tolist()  # type: ignore[no-any-return]


def simulated(
    tmp_path: Path, program: Any, config: dict[str, Any], simulate: SimulationConfig | int, **options: Any
) -> Simulated:
    """Simulate a program; `simulate`: a config, or the duration in cycles."""
    asked = simulate if isinstance(simulate, SimulationConfig) else SimulationConfig(simulate)
    record, samples = asked.record(config)
    return run_one(tmp_path, program, config, record, samples, **options)


def run_one(
    tmp_path: Path, program: Any, config: dict[str, Any], record: Simulation, samples: bytes, **options: Any
) -> Simulated:
    """The same with the record that travels."""
    shelf = ResultShelf(tmp_path / "results")
    news: list[Any] = []
    command = Load(
        job_id="7",
        attempt=1,
        qm_id="",
        program_digest="p",
        config_digest="c",
        options=JobOptions(**{"seed": 1, **options}),
        simulation=record,
    )
    simulations = Simulations(Parts(program, config), shelf, news.append)  # type: ignore[arg-type]
    simulations.run(command, samples).run()
    return Simulated(shelf, news[-1].matter)
