"""What stands behind endless loops in the text: beside them, or refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from engine_lab import config

import quaymaster.qua as q
from quaymaster._core.errors import AskedWrongly
from quaymaster.controller.compiler import compile_program


def compiled(build: Callable[[], None]) -> None:
    """Compile what ``build`` writes."""
    with q.program() as prog:
        build()
    compile_program(prog.tree, config())


def one_saves_behind_another() -> None:
    """Two endless loops that save."""
    a, b = q.declare(q.fixed), q.declare(q.fixed)
    with q.infinite_loop_():
        q.measure("read", "r1", None, q.demod.full("cos", a, "out1"))
        q.save(a, "a")
    with q.infinite_loop_():
        q.measure("read", "r2", None, q.demod.full("cos", b, "out1"))
        q.save(b, "b")


def a_start_is_saved_behind_another() -> None:
    """A timestamp is saved by who saves all else."""
    a = q.declare(int)
    with q.infinite_loop_():
        q.play("long", "q1")
        q.save(a, "a")
    q.play("long", "q2", timestamp_stream="t")


@pytest.mark.parametrize("build", [one_saves_behind_another, a_start_is_saved_behind_another])
def test_one_endless_loop_alone_can_save(build: Callable[[], None]) -> None:
    """What a second one saves would be lost in silence; the error names both lines."""
    with pytest.raises(
        AskedWrongly, match=r"py:\d+: nothing would be saved here: the endless loop in line \d+ comes first"
    ):
        compiled(build)


def a_counter_of_both() -> None:
    """n counts in both loops."""
    n = q.declare(int)
    for element in ("q1", "q2"):
        with q.infinite_loop_(), q.for_(n, 0, n < 3, n + 1):
            q.play("long", element)


def a_register_of_both() -> None:
    """Both look at IO1."""
    for element in ("q1", "q2"):
        with q.infinite_loop_():
            q.play("long", element, condition=q.IO1 == 0)


def a_generator_of_both() -> None:
    """Both draw from one generator."""
    random = q.Random(1)
    for element in ("q1", "q2"):
        with q.infinite_loop_():
            q.wait(random.rand_int(5) + 4, element)


@pytest.mark.parametrize(
    ("build", "shared"), [(a_counter_of_both, "v1"), (a_register_of_both, "IO1"), (a_generator_of_both, "")]
)
def test_endless_loops_that_share(build: Callable[[], None], shared: str) -> None:
    """The second one would never start, and its elements stand still; the error says what they share."""
    with pytest.raises(AskedWrongly, match=f"element 'q2' would never get here: it shares {shared}.* in line"):
        compiled(build)


def loops_of_their_own() -> None:
    """Nothing is shared, one saves."""
    n, m = q.declare(int), q.declare(int)
    with q.infinite_loop_(), q.for_(n, 0, n < 3, n + 1):
        q.play("long", "q1")
        q.save(n, "n")
    with q.infinite_loop_(), q.for_(m, 0, m < 3, m + 1):
        q.play("long", "q2")


def nobody_is_left() -> None:
    """What stands behind an endless loop of all elements is never reached, as anybody sees."""
    n = q.declare(int)
    with q.infinite_loop_():
        q.play("long", "q1")
        q.save(n, "n")
    q.play("long", "q1")
    q.save(n, "n")


def a_loop_that_may_not_be_reached() -> None:
    """In a branch: the second loop may well run."""
    n = q.declare(int)
    with q.if_(q.IO1 == 1), q.infinite_loop_():
        q.play("long", "q1")
    with q.for_(n, 0, n < 3, n + 1):
        q.play("long", "q2")
        q.save(n, "n")


@pytest.mark.parametrize("build", [loops_of_their_own, nobody_is_left, a_loop_that_may_not_be_reached])
def test_what_is_accepted(build: Callable[[], None]) -> None:
    """No error where nothing is lost."""
    compiled(build)
