"""The image as data: the same bytes for the same input, a round trip, and no trust in bytes from outside."""

from __future__ import annotations

import time
from collections.abc import Callable

import msgspec
import numpy as np
import pytest
from engine_lab import config
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import quaymaster.qua as q
from quaymaster._core.engine import codes
from quaymaster._core.engine.image import ENGINE_VERSION, Image, decode_image, encode_image
from quaymaster._core.engine.machine import Machine, limits
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program


def program(shots: int = 5) -> tree.Program:
    """A program with a bit of everything that tables are made of."""
    with q.program() as prog:
        n, a = q.declare(int), q.declare(q.fixed)
        cells, stream, raw = q.declare(q.fixed, size=3), q.declare_stream(), q.declare_stream(adc_trace=True)
        with q.for_(n, 0, n < shots, n + 1):
            q.reset_if_phase("q1")
            q.play("long" * q.amp(a), "q1", duration=n + 10)
            q.measure("read", "r1", raw, q.demod.full("cos", a, "out1"), q.demod.full("late", cells[n], "out2"))
            q.frame_rotation_2pi(a, "q1")
            q.update_frequency("q1", n + 1000)
            with q.strict_timing_():
                q.play("ramp", "q1")
            with q.if_(a > 0.5):
                q.save(cells[n], stream)
        with q.stream_processing():
            stream.with_timestamps().save_all("values")
            raw.input1().save_all("raw")
    return prog.tree


def hearing(image: Image) -> plants.Hearing:
    """Echo."""
    return plants.echo(config(), [info.name for info in image.element_info])


def finished(image: Image) -> list[object]:
    """All that a run leaves."""
    machine = Machine(image, plant=hearing(image))
    assert machine.run(1_000_000) == "done"
    chunks = [
        tuple(part.tolist() if isinstance(part, np.ndarray) else part for part in chunk) for chunk in machine.drain()
    ]
    return [chunks, machine.events(), machine.clock_ns]


def test_round_trip() -> None:
    """Encoded, decoded and encoded again: the same bytes, and the same run."""
    image = compile_program(program(), config())
    body = encode_image(image)
    again = decode_image(body)
    assert encode_image(again) == body
    assert finished(again) == finished(image)


def test_the_same_program_gives_the_same_bytes() -> None:
    """Compiled twice, byte for byte; another program has another name."""
    one = compile_program(program(), config())
    assert encode_image(compile_program(program(), config())) == encode_image(one)
    assert compile_program(program(6), config()).digest != one.digest


def test_bytes_that_are_no_image() -> None:
    """Garbage and other versions are refused with a code."""
    body = encode_image(compile_program(program(), config()))
    for bad in (b"", b"garbage", body[:-1], body[:40]):
        with pytest.raises(AskedWrongly) as caught:
            decode_image(bad)
        assert caught.value.code == "bad_image"
    other = body.replace(b"engine_version" + bytes([ENGINE_VERSION]), b"engine_version\x63", 1)
    with pytest.raises(AskedWrongly) as caught:
        decode_image(other)
    assert caught.value.code == "image_version"


def waiting() -> tree.Program:
    """A program that meets what comes from outside."""
    with q.program() as prog:
        x = q.declare_input_stream("client", "x", int, size=3)
        with q.while_(q.IO1 == 0):
            q.assign(q.IO1, 1)
        q.advance_input_stream(x)
        q.wait(x[1], "q1")
        q.wait_for_trigger("q1", "long")
        q.pause()
    return prog.tree


TABLES = (
    "code",
    "elements",
    "plays",
    "chirps",
    "chirp_sections",
    "measures",
    "windows",
    "processes",
    "trace_ports",
    "aligns",
    "align_elements",
)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    written=st.sampled_from([program, waiting]),
    table=st.sampled_from(TABLES),
    place=st.integers(0, 10**6),
    number=st.sampled_from([-(2**31), -2, 10**6, 2**31 - 1]),
)
def test_an_index_outside_its_table_is_refused_or_harmless(
    written: Callable[[], tree.Program], table: str, place: int, number: int
) -> None:
    """One number of a table replaced by a wild one: refused as bad_image, or it is no index and the run goes on."""
    image = compile_program(written(), config())
    changed = getattr(image, table).copy()
    if not changed.size:
        return
    changed.flat[place % changed.size] = number
    fields = {name: getattr(image, name) for name in image.__struct_fields__} | {table: changed}
    try:
        machine = Machine(Image(**fields), plant=hearing(image))
        for item in image.inputs:
            machine.push_input(item.name, [5, 6, 7])
        machine.run(20_000)
        machine.trigger()
        machine.run(20_000)
        machine.drain()
    except AskedWrongly:
        pass
    except Exception as error:
        assert type(error).__name__ in ("OurBug", "MemoryError"), error


def test_python_and_c_number_instructions_alike() -> None:
    """The two lists have one length, and each instruction does what its name says in the tests of arithmetic."""
    assert limits() == {"opcodes": len(codes.Op), "events": len(codes.EVENT_NAMES)}


def test_schema_input() -> None:
    """Streams and trace lengths are in the image."""
    image = compile_program(program(), config())
    assert image.trace_lengths == {"r2": 400}
    assert [(stream.adc, stream.timed) for stream in image.streams] == [(False, True), (True, False)]
    assert image.threads_needed == (("con1", 1, 3),)
    assert msgspec.to_builtins(image.results[0])["tag"] == "values"


def test_a_hundred_statements_compile_fast() -> None:
    """100 plays with amplitudes: a bound far above what it takes, so that only a change of order shows."""
    with q.program() as prog:
        level = q.declare(q.fixed)
        for k in range(100):
            q.play("long" * q.amp(level + 0.01 * k), "q1")
    setup = config()
    begin = time.thread_time()
    compile_program(prog.tree, setup)
    assert time.thread_time() - begin < 0.2
