"""Which elements a program names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import tree


def elements_used(program: tree.Program) -> tuple[str, ...]:
    """All elements that any statement of ``program`` names, in the order of first use."""
    return elements_in(program.body)


def elements_in(body: Iterable[tree.Statement], everything: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The elements that a block names, nested blocks included, in the order of first use.

    A ``wait`` or ``align`` that names none stands for ``everything`` (give the elements of the program).
    """
    return tuple(dict.fromkeys(_named(body, everything)))


def _named(body: Iterable[tree.Statement], everything: tuple[str, ...]) -> Iterator[str]:
    for statement in body:
        match statement:
            case tree.Wait() | tree.Align():
                yield from statement.elements or everything
            case tree.If():
                for branch in statement.branches:
                    yield from _named(branch.body, everything)
                yield from _named(statement.otherwise, everything)
            case tree.For() | tree.ForEach() | tree.StrictTiming():
                yield from _named(statement.body, everything)
            case tree.Assign() | tree.Save():
                pass
            case _:
                yield statement.element
