"""What a simulated program gets from outside before it starts: entries of input streams, registers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from example_configs import opx_readout_pair
from simulated import Simulated, run_one

from quaymaster.client.qua import (
    IO1,
    advance_input_stream,
    assign,
    declare,
    declare_input_stream,
    declare_stream,
    for_,
    program,
    save,
    stream_processing,
    wait,
)
from quaymaster.client.simulated_job import with_outside
from quaymaster.client.simulation_config import SimulationConfig

CYCLES = 1000


def outside(tmp_path: Path, prog: Any, streams: Any = None, io: Any = ()) -> Simulated:
    """Simulate with this from outside."""
    config = opx_readout_pair()
    record, samples = SimulationConfig(CYCLES).record(config)
    return run_one(tmp_path, prog, config, with_outside(record, streams or {}, io), samples)


def taking(count: int) -> Any:
    """Takes `count` entries of x, and saves each."""
    with program() as prog:
        n, stream = declare(int), declare_stream()
        x = declare_input_stream(int, name="x")
        with for_(n, 0, n < count, n + 1):
            advance_input_stream(x)
            wait(10, "q")
            save(x, stream)
        with stream_processing():
            stream.save_all("x")
    return prog


def test_entries_and_registers_are_there_from_the_start(tmp_path: Path) -> None:
    """In order, at once; a register as it was given."""
    assert outside(tmp_path, taking(3), {"x": [5, -6, 7]}).values("x", "<i8") == [5, -6, 7]
    with program() as prog:
        x, stream = declare(int), declare_stream()
        assign(x, IO1)
        save(x, stream)
        with stream_processing():
            stream.save_all("x")
    assert outside(tmp_path, prog, io=(42,)).values("x", "<i8") == [42]


def test_a_program_that_waits_for_more_ends_there(tmp_path: Path) -> None:
    """What it saved is there, and the report says for what it waits."""
    found = outside(tmp_path, taking(3), {"x": [5]})
    assert found.final.state == "completed"
    assert found.values("x", "<i8") == [5]
    assert any("input stream x" in line.message and "[waits]" in line.message for line in found.final.lines)


def test_an_entry_that_does_not_fit_is_refused(tmp_path: Path) -> None:
    """By name, type and size, as while a job runs."""
    for streams, code in (
        ({"y": [1]}, "no_such_input_stream"),
        ({"x": [1.0]}, "input_type"),
        ({"x": [[1, 2]]}, "input_size"),
    ):
        found = outside(tmp_path, taking(1), streams)
        assert found.final.state == "error"
        assert found.final.error is not None
        assert found.final.error.code == code
