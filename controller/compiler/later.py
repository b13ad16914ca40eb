"""What the language has and this compiler does not lower yet: refused with ``not_yet``, never approximated.

Whoever teaches the compiler a construct takes its name out here.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import get_args

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
    _search(program.body, -1, problems)


def _search(nodes: Iterable[object], at: int, problems: Problems) -> None:
    """Look at ``nodes`` and all below; ``at`` is that of the innermost node around them that has one."""
    for node in nodes:
        if not isinstance(node, tree.Node):
            continue
        kind = type(node)
        if kind in _SUSPECTS and (name := _later(node)):
            problems.add(getattr(node, "at", at), f"{name} is not supported yet", later=True)
        for field in _options(kind):
            if getattr(node, field):
                name = f"{kind.__name__.lower()}({field}=...)"
                problems.add(getattr(node, "at", at), f"{name} is not supported yet", later=True)
        for field in _ways(kind):
            value = getattr(node, field)
            if value:
                _search(value if isinstance(value, tuple) else (value,), getattr(node, "at", at), problems)


_SUSPECTS = {
    *STATEMENTS,
    *EXPRESSIONS,
    *([tree.Call] if FUNCTIONS else []),
    *([tree.Process] if PROCESSES else []),
}
_LOOKED_AT = {*_SUSPECTS, *(kind for kind, _ in OPTIONS)}


@cache
def _ways(kind: type[tree.Node]) -> tuple[str, ...]:
    """The fields of a kind of node below which something may stand that is looked at; the others need no look."""
    return tuple(field for field, kinds in _fields(kind) if any(_below(kind) & _LOOKED_AT for kind in kinds))


@cache
def _below(kind: type[tree.Node]) -> frozenset[type[tree.Node]]:
    """``kind`` and all kinds of node that may stand below it."""
    found, todo = {kind}, [kind]
    while todo:
        new = {inner for _, kinds in _fields(todo.pop()) for inner in kinds} - found
        found |= new
        todo += new
    return frozenset(found)


@cache
def _fields(kind: type[tree.Node]) -> tuple[tuple[str, frozenset[type[tree.Node]]], ...]:
    """Each field of a kind of node that may hold nodes, with their kinds."""
    fields = [(field.name, frozenset(_kinds(field.type))) for field in msgspec.structs.fields(kind)]
    return tuple((name, kinds) for name, kinds in fields if kinds)


def _kinds(annotation: object) -> Iterable[type[tree.Node]]:
    """The kinds of node that a type names."""
    if isinstance(annotation, type) and issubclass(annotation, tree.Node):
        yield annotation
    for argument in get_args(annotation):
        yield from _kinds(argument)


def _later(node: tree.Node) -> str:
    """What ``node`` is, if it comes later; else ""."""
    if isinstance(node, tree.Call):
        return node.function if node.function in FUNCTIONS else ""
    if isinstance(node, tree.Process):
        return node.kind if node.kind in PROCESSES else ""
    return "an array as a whole" if type(node) in EXPRESSIONS else type(node).__name__


@cache
def _options(kind: type[tree.Node]) -> tuple[str, ...]:
    """The fields of a kind of node that must be None or False, in their order."""
    return tuple(field for field in kind.__struct_fields__ if (kind, field) in OPTIONS)
