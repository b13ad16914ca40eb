"""What the compiler makes of IO registers, input streams, pauses and triggers, and what of them it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from engine_lab import config, drive

import quaymaster.qua as q
from quaymaster._core.engine.codes import SAVER, Op
from quaymaster._core.engine.image import Image, ImageInput, decode_image, encode_image
from quaymaster._core.engine.verify import verify_image
from quaymaster._core.errors import AskedWrongly
from quaymaster.controller.compiler import compile_program


def compiled(build: Callable[[], Any], **elements: Any) -> Image:
    """The image of what ``build`` writes."""
    with q.program() as prog:
        build()
    return compile_program(prog.tree, config(**elements))


def masks(image: Image, op: Op) -> list[int]:
    """The strands of each instruction of a kind."""
    return [int(mask) for mask in image.masks[image.code[:, 0] == op]]


def test_the_image_tells_what_it_waits_for() -> None:
    """In the order of the text, each once; the inputs with type and size; also after the way through bytes."""

    def build() -> None:
        q.declare_input_stream("client", "a", q.fixed, size=4)
        b = q.declare_input_stream("client", "b", bool)
        q.wait_for_trigger("q1")
        with q.if_(q.IO2 == 1):
            q.pause()
        q.assign(q.IO1, 3)
        q.advance_input_stream(b)
        q.pause()

    image = decode_image(encode_image(compiled(build)))
    assert image.outside == ("trigger", "io2", "pause", "io1", "input")
    assert image.inputs == (ImageInput(name="a", type="fixed", size=4), ImageInput(name="b", type="bool", size=1))
    assert compiled(lambda: q.play("long", "q1")).outside == ()


def test_who_executes_what() -> None:
    """A pause is of all threads and the saver; an advance of who needs it; the saver follows what is assigned to IO."""

    def build() -> None:
        n = q.declare_input_stream("client", "n", int)
        q.advance_input_stream(n)
        q.wait(n, "q1")
        q.play("long", "q2")
        q.assign(q.IO1, n)
        q.pause()

    image = compiled(build)
    assert masks(image, Op.PAUSE) == [SAVER | 0b11]
    assert masks(image, Op.ADVANCE) == [SAVER | 0b01]
    assert masks(image, Op.IO_WRITE) == [SAVER]


def test_a_register_that_is_only_read_is_of_who_reads_it() -> None:
    """The saver has no part in it."""

    def build() -> None:
        with q.while_(q.IO1 == 0):
            q.wait(100, "q1")
        q.play("long", "q2")

    assert masks(compiled(build), Op.IO_READ) == [0b01]


REFUSED: list[tuple[str, Callable[[], Any], str, str]] = [
    ("element", lambda: q.wait_for_trigger("q9"), "compile_error", "element 'q9' is not in the config"),
    ("operation", lambda: q.wait_for_trigger("q1", "x"), "compile_error", "no operation 'x'"),
    ("shape", lambda: q.wait_for_trigger("q1", "ramp"), "compile_error", "'ramp_pulse' is not constant"),
]


@pytest.mark.parametrize(("build", "code", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_refused(build: Callable[[], Any], code: str, words: str) -> None:
    """With the line; a sticky element may wait in silence or with a pulse."""
    sticky = drive(8, sticky={"analog": True, "duration": 100})
    with pytest.raises(AskedWrongly, match=words) as caught:
        compiled(build, s1=sticky)
    assert caught.value.code == code
    assert __file__ in str(caught.value)
    compiled(lambda: q.wait_for_trigger("s1"), s1=sticky)
    compiled(lambda: q.wait_for_trigger("s1", "long"), s1=sticky)


@pytest.mark.parametrize(("op", "operand", "value"), [(Op.ADVANCE, 3, 2), (Op.TRIGGER, 1, 1), (Op.IO_READ, 3, 2)])
def test_images_that_do_not_fit_are_refused(op: Op, operand: int, value: int) -> None:
    """An item of another size than its variable, another element than the pulse's, a third register."""

    def build() -> None:
        x = q.declare_input_stream("client", "x", int, size=3)
        q.advance_input_stream(x)
        q.wait(x[0] + q.IO1, "q1")
        q.wait_for_trigger("q1", "long")
        q.play("long", "q2")

    image = compiled(build)
    verify_image(image)
    code = image.code.copy()
    code[np.flatnonzero(code[:, 0] == op)[0], operand] = value
    with pytest.raises(AskedWrongly) as caught:
        verify_image(msgspec.structs.replace(image, code=code))
    assert caught.value.code == "bad_image"
