"""The ``with program()`` scope: what is kept, what is left behind, and who may build at the same time."""

from __future__ import annotations

import asyncio
import inspect
import threading
from typing import Any

import pytest

import quaymaster.qua as q
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster.client.qua.builder import active


def line() -> int:
    """The line of the caller."""
    frame = inspect.currentframe()
    assert frame is not None and frame.f_back is not None
    return frame.f_back.f_lineno


def test_every_statement_knows_its_line() -> None:
    """Places are file and line of the user's statement, the file as the code object spells it."""
    with q.program() as prog:
        n = q.declare(int)
        q.wait(4)
        first = line() - 1
        with q.for_(n, 0, n < 2, n + 1):
            q.play(
                "x",
                "q",
            )
            loop = line() - 5
    body = prog.tree.body
    places = [prog.tree.sources[at] for at in (body[0].at, body[1].at, body[1].body[0].at)]  # type: ignore[union-attr]
    file = test_every_statement_knows_its_line.__code__.co_filename
    assert places == [(file, first), (file, loop), (file, loop + 1)]


def test_a_macro_is_blamed_at_its_own_line() -> None:
    """A statement in a function of the user stands where the function says it."""

    def macro() -> int:
        q.align()
        return line() - 1

    with q.program() as prog:
        expected = macro()
    assert prog.tree.sources[prog.tree.body[0].at] == (__file__, expected)


def test_the_file_is_spelled_as_python_knows_it() -> None:
    """A program written in a notebook cell or typed in keeps that name."""
    source = "with q.program() as prog:\n\n    q.align()\n"
    scope: dict[str, Any] = {"q": q}
    exec(compile(source, "<cell 7>", "exec"), scope)
    assert scope["prog"].tree.sources == (("<cell 7>", 3),)


def test_a_program_cannot_be_used_half_built() -> None:
    """tree raises before, during and after a failed build; repr says which."""
    prog = q.program()
    assert repr(prog) == "<program, not begun>"
    for state in ("not begun", "being built"):
        if state == "being built":
            prog.__enter__()
        with pytest.raises(AskedWrongly) as caught:
            _ = prog.tree
        assert caught.value.code == "program_not_built"
        assert state in caught.value.message
        assert repr(prog) == f"<program, {state}>"
    prog.__exit__(None, None, None)
    assert prog.tree.body == ()


def test_a_failed_program_leaves_nothing_behind() -> None:
    """After an error inside, no program is open, the scope cannot be used, and the next one starts at v1."""
    failed = q.program()
    with pytest.raises(ZeroDivisionError), failed:
        n = q.declare(int)
        with q.while_(n < 3):
            raise ZeroDivisionError
    assert active() is None
    with pytest.raises(AskedWrongly, match="failed"):
        _ = failed.tree
    with q.program() as prog:
        q.declare(int)
    assert prog.tree.declarations[0].name == "v1"


def test_a_program_that_is_refused_at_its_end_leaves_nothing_behind() -> None:
    """The same after a fault that only the end shows."""
    with pytest.raises(AskedWrongly, match="not used in a `with`") as caught, q.program():
        q.if_(True)
    assert caught.value.code == "not_entered"
    assert f"if_(...) at {__file__}:" in caught.value.message
    assert active() is None


def test_a_nested_program_is_refused_and_the_outer_one_goes_on() -> None:
    """The refusal changes nothing in the outer program."""
    with q.program() as prog:
        q.align()
        with pytest.raises(AskedWrongly, match="within a program"), q.program():
            pass
        q.wait(4)
    assert [type(statement) for statement in prog.tree.body] == [tree.Align, tree.Wait]


def test_a_refused_statement_changes_nothing() -> None:
    """Whoever catches a refusal goes on with the program as it was."""
    with q.program() as prog:
        n = q.declare(int)
        for wrong in (lambda: q.play("x", 3), lambda: q.for_each_((n, n), ([1], [1, 2])), lambda: q.save(n + 1, "x")):
            with pytest.raises(AskedWrongly):
                wrong()
    assert prog.tree.body == ()
    assert len(prog.tree.declarations) == 1


def test_a_program_is_built_once() -> None:
    """A finished scope cannot be entered again."""
    prog = q.program()
    with prog:
        pass
    with pytest.raises(AskedWrongly, match="built already"), prog:
        pass


def test_a_block_is_used_once() -> None:
    """The scope of a block cannot be entered twice."""
    with q.program() as prog:
        loop = q.infinite_loop_()
        with loop:
            q.align()
        with pytest.raises(AskedWrongly, match="used before"), loop:
            pass
    assert len(prog.tree.body) == 1


def test_a_block_that_is_left_open_is_refused() -> None:
    """Entering a block without a with, and never leaving it, does not lose statements silently."""
    with pytest.raises(AskedWrongly, match="a block is still open"), q.program():
        q.infinite_loop_().__enter__()
        q.align()


@pytest.mark.parametrize(
    "statement",
    [
        lambda: q.declare(int),
        lambda: q.align(),
        lambda: q.play("x", "q"),
        lambda: q.declare_stream(),
        lambda: q.Random(),
        lambda: q.stream_processing(),
        lambda: q.if_(True),
    ],
)
def test_statements_stand_in_a_program(statement: Any) -> None:
    """Outside of a program, each names itself in the refusal."""
    with pytest.raises(AskedWrongly, match="stands outside of a program") as caught:
        statement()
    assert caught.value.code == "outside_program"


def test_variables_stay_in_their_program() -> None:
    """A variable, an array or a stream of another program is refused, wherever it is used."""
    with q.program():
        old, array, stream = q.declare(int), q.declare(int, size=2), q.declare_stream()
    with q.program():
        new = q.declare(int)
        for use in (
            lambda: q.assign(new, old),
            lambda: q.assign(old, 1),
            lambda: new + old,
            lambda: q.for_each_(new, array),
            lambda: q.assign(new, array[0]),
            lambda: q.save(new, stream),
            lambda: q.measure("r", "q", adc_stream=stream),
        ):
            with pytest.raises(AskedWrongly, match="declared in another program") as caught:
                use()
            assert caught.value.code == "other_program"


def test_os_threads_build_at_once() -> None:
    """Eight OS threads, all inside their programs at the same time, get eight whole programs."""
    count = 8
    barrier = threading.Barrier(count)
    built: list[Any] = [None] * count

    def build(index: int) -> None:
        with q.program() as prog:
            n = q.declare(int)
            barrier.wait(30)
            for _ in range(index + 1):
                q.assign(n, index)
            barrier.wait(30)
        built[index] = prog.tree

    workers = [threading.Thread(target=build, args=(index,)) for index in range(count)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [len(program.body) for program in built] == list(range(1, count + 1))
    assert all(len(program.declarations) == 1 for program in built)


def test_asyncio_tasks_build_at_once() -> None:
    """Two tasks that take turns inside their programs do not mix."""

    async def build(element: str) -> tree.Program:
        with q.program() as prog:
            for _ in range(3):
                q.play("x", element)
                await asyncio.sleep(0)
        return prog.tree

    async def both() -> list[tree.Program]:
        return await asyncio.gather(build("a"), build("b"))

    for program, element in zip(asyncio.run(both()), "ab", strict=True):
        assert [statement.element for statement in program.body] == [element] * 3  # type: ignore[union-attr]


def test_the_repr_is_short_and_telling() -> None:
    """Counts and the names of the results."""
    with q.program() as prog:
        n, st = q.declare(int), q.declare_stream()
        q.save(n, st)
        with q.stream_processing():
            st.save_all("n")
    assert repr(prog) == "<program: 1 variables, 1 streams, 1 statements at the top; results: n>"


def test_building_twice_gives_the_same_tree() -> None:
    """The tree depends on the text alone."""

    def build() -> tree.Program:
        with q.program() as prog:
            n, st = q.declare(int), q.declare_stream()
            with q.for_(n, 0, n < 5, n + 1):
                q.save(n, st)
            with q.stream_processing():
                st.buffer(5).save("n")
        return prog.tree

    assert build() == build()
