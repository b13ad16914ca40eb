"""Raw streams that a program reads in vain are told, with the line; what their items would be is known all the same."""

from __future__ import annotations

from typing import Any

import pytest
from engine_lab import bench, config, readout, run

from quaymaster._core.config import check_config
from quaymaster._core.engine.image import Image, decode_image, encode_image
from quaymaster._core.errors import AskedWrongly
from quaymaster.client import qua as q
from quaymaster.controller.compiler import compile_program, remark_lines


def image(operation: str | None, inputs: list[int], outputs: tuple[int, ...] = (1, 2)) -> Image:
    """A program that measures ``operation`` on r1 into a raw stream and reads the ``inputs`` of it (0: all)."""
    with q.program() as prog:
        stream = q.declare_stream(adc_trace=True)
        if operation is not None:
            q.measure(operation, "r1", stream)
        with q.stream_processing():
            for number in inputs:
                part = {0: stream, 1: stream.input1(), 2: stream.input2()}[number]
                part.average().save(f"in{number}")
    element = readout(outputs={f"out{number}": ("con1", number) for number in outputs})
    return decode_image(encode_image(compile_program(prog.tree, config(r1=element))))


@pytest.mark.parametrize(
    "operation, inputs, outputs, words",
    [
        ("bare", [1], (1, 2), "no pulse measured into stream 'r1' has a digital_marker"),
        ("bare", [0, 2], (1, 2), "no pulse measured into stream 'r1' has a digital_marker"),
        ("read", [2], (1,), "stream 'r1' has raw traces of analog input 1, none of input 2"),
        (None, [1], (1,), "no measure writes to stream 'r1'"),
        ("read", [2], (1, 2), ""),
        ("read", [1, 2], (1,), ""),
        ("read", [0], (2,), ""),
    ],
)
def test_a_stream_that_is_read_in_vain_is_told(
    operation: str | None, inputs: list[int], outputs: tuple[int, ...], words: str
) -> None:
    """Once a stream, and not where something of what is read does come."""
    lines = remark_lines(image(operation, inputs, outputs))
    assert len(lines) == bool(words)
    for line in lines:
        assert line.startswith(f"{__file__}:") and f"result 'in{inputs[0]}' stays empty" in line and words in line


def test_a_trace_that_is_not_kept_has_its_length_all_the_same() -> None:
    """So that what is computed with it is checked as if it had its digital marker."""
    assert image("bare", [1]).trace_lengths == {"r1": 400}
    assert image(None, [1]).trace_lengths == {}


def two_lengths(**stream: Any) -> Any:
    """A program that measures 400 and 100 ns by turns into one raw stream, and its config."""
    raw = bench()
    raw["pulses"]["brief_pulse"] = raw["pulses"]["read_pulse"] | {"length": 100, "integration_weights": {}}
    raw["elements"]["r1"]["operations"]["brief"] = "brief_pulse"
    del raw["elements"]["dc"]["intermediate_frequency"]
    with q.program() as prog:
        n, samples = q.declare(int), q.declare_stream(**stream)
        with q.for_(n, 0, n < 2, n + 1):
            q.measure("read", "r1", samples)
            q.measure("brief", "r1", samples)
        with q.stream_processing():
            samples.input1().save_all("samples")
    return prog.tree, check_config(raw)


def test_single_samples_may_come_of_pulses_of_any_length() -> None:
    """Their items are numbers; the traces come in their order. Whole traces in one stream have one length."""
    program, setup = two_lengths()
    done = run(program, config=setup)
    wanted = [(start + 24, length) for start, length in ((0, 400), (400, 100), (500, 400), (900, 100))]
    assert [(start, len(codes)) for _, _, start, codes in done.traces] == [item for item in wanted for _ in range(2)]
    program, setup = two_lengths(adc_trace=True)
    with pytest.raises(AskedWrongly, match="gets raw traces of 400 and of 100 samples"):
        run(program, config=setup)
