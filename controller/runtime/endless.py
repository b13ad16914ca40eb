"""Whether a program ends by itself; one that does not keeps to real time (see `pace`)."""

from __future__ import annotations

from collections.abc import Iterable

from ..._core.program import tree


def is_endless(body: Iterable[tree.Statement]) -> bool:
    """True if the block is sure to reach a loop that has no condition, or one that is literally true.

    Loops inside branches are left out (they may not be reached), loops inside loops are not.
    """
    for statement in body:
        match statement:
            case tree.For():
                condition = statement.condition
                if condition is None or (isinstance(condition, tree.Value) and condition.raw != 0):
                    return True
                if is_endless(statement.body):
                    return True
            case tree.ForEach() | tree.StrictTiming():
                if is_endless(statement.body):
                    return True
            case _:
                pass
    return False
