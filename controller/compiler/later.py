"""What the language has and this compiler does not lower yet: refused with ``not_yet``, never approximated.

Whoever teaches the compiler a construct takes its name out here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import msgspec

from ..._core.program import tree
from .problems import Problems

FUNCTIONS: frozenset[tree.Function] = frozenset()
PROCESSES: frozenset[tree.ProcessKind] = frozenset()
STATEMENTS: frozenset[type[tree.Node]] = frozenset()
EXPRESSIONS: frozenset[type[tree.Node]] = frozenset()
OPTIONS: frozenset[tuple[type[tree.Node], str]] = frozenset(
    {
        (tree.Chirp, "continues"),
    }
)
"""Fields that must be None or False."""


def refuse_later(program: tree.Program, problems: Problems) -> None:
    """Note each construct of ``program`` that comes later, at its line."""
    for statement in program.body:
        _search(statement, -1, problems)


def _search(node: tree.Node, at: int, problems: Problems) -> None:
    """Look at ``node`` and all below; ``at`` is that of the innermost node around it that has one."""
    kind = type(node)
    here = getattr(node, "at", at)
    if kind in _SUSPECTS:
        for name in _later_in(node):
            problems.add(here, f"{name} is not supported yet", later=True)
    for field in _inner(kind):
        value = getattr(node, field)
        if isinstance(value, tree.Node):
            _search(value, here, problems)
        elif isinstance(value, tuple):
            for item in value:
                if isinstance(item, tree.Node):
                    _search(item, here, problems)


_SUSPECTS = {tree.Call, tree.Process, *STATEMENTS, *EXPRESSIONS, *(kind for kind, _ in OPTIONS)}


@cache
def _inner(kind: type[tree.Node]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes."""
    plain = (int, str, bool, tree.VarType, tree.BinaryOperator, tree.Function, tree.ProcessKind, tree.FrequencyUnits)
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.type not in plain)


def _later_in(node: tree.Node) -> Iterable[str]:
    kind = type(node)
    if isinstance(node, tree.Call) and node.function in FUNCTIONS:
        yield node.function
    if isinstance(node, tree.Process) and node.kind in PROCESSES:
        yield node.kind
    if kind in STATEMENTS:
        yield kind.__name__
    if kind in EXPRESSIONS:
        yield "an array as a whole"
    for field in node.__struct_fields__:
        if (kind, field) in OPTIONS and getattr(node, field) not in (None, False):
            yield f"{kind.__name__.lower()}({field}=...)"
