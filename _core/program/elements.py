"""Which elements a program names."""

from __future__ import annotations

from collections.abc import Iterable

from . import tree


def elements_used(program: tree.Program) -> tuple[str, ...]:
    """All elements that any statement of ``program`` names, in the order of first use."""
    return tuple(first_uses(program.body))


def elements_in(body: Iterable[tree.Statement], everything: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The elements that a block names, nested blocks included, in the order of first use.

    A ``wait`` or ``align`` that names none stands for ``everything`` (give the elements of the program), and so do
    ``pause`` and ``reset_global_phase``.
    """
    found: dict[str, int] = {}
    _add_named(body, everything, found)
    return tuple(found)


def first_uses(body: Iterable[tree.Statement]) -> dict[str, int]:
    """Each element that a statement names, in order, with the source position of the first one that does."""
    uses: dict[str, int] = {}
    _add_named(body, (), uses)
    return uses


def elements_of(statement: tree.Statement, everything: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The elements that one statement names itself; a block names none. Where they repeat, so do they here."""
    kind = type(statement)
    if kind in _NAMELESS:
        return ()
    if kind in _OF_ALL:
        return everything
    if kind in _OF_MANY:
        return statement.elements or everything  # type: ignore[union-attr]
    return (statement.element,)  # type: ignore[union-attr]


# Looked up by type, for compilers ask this of every statement, and of those in blocks once more for each block around.
_BLOCKS = frozenset({tree.For, tree.ForEach, tree.StrictTiming})
_NAMELESS = frozenset({tree.Assign, tree.AdvanceInput, tree.Save, tree.If, *_BLOCKS})
_OF_MANY = frozenset({tree.Wait, tree.Align})
_OF_ALL = frozenset({tree.Pause, tree.ResetGlobalPhase})
OF_OSCILLATORS = frozenset(
    {tree.FrameRotation, tree.ResetFrame, tree.ResetIfPhase, tree.UpdateFrequency, tree.UpdateCorrection}
)
"""What is said of one element and holds for all that share its oscillator."""


def _add_named(body: Iterable[tree.Statement], everything: tuple[str, ...], found: dict[str, int]) -> None:
    for statement in body:
        kind = type(statement)
        if kind in _BLOCKS:
            _add_named(statement.body, everything, found)  # type: ignore[union-attr]
        elif kind is tree.If:
            for branch in statement.branches:  # type: ignore[union-attr]
                _add_named(branch.body, everything, found)
            _add_named(statement.otherwise, everything, found)  # type: ignore[union-attr]
        elif kind not in _NAMELESS:
            for name in elements_of(statement, everything):
                found.setdefault(name, statement.at)
