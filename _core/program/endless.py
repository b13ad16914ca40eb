"""Whether a program ends by itself; one that does not keeps to real time."""

from __future__ import annotations

from collections.abc import Iterable

from . import tree


def has_no_end(loop: tree.For) -> bool:
    """Whether a loop has no condition, or one that is literally true."""
    return loop.condition is None or (isinstance(loop.condition, tree.Value) and loop.condition.raw != 0)


def is_endless(body: Iterable[tree.Statement]) -> bool:
    """True if the block is sure to reach a loop that has no condition, or one that is literally true.

    Loops inside branches are left out (they may not be reached), loops inside loops are not.
    """
    for statement in body:
        if type(statement) not in _BLOCKS:  # most are not
            continue
        assert isinstance(statement, tree.For | tree.ForEach | tree.StrictTiming)
        if (isinstance(statement, tree.For) and has_no_end(statement)) or is_endless(statement.body):
            return True
    return False


_BLOCKS = frozenset({tree.For, tree.ForEach, tree.StrictTiming})
