"""Blocks: loops, branches, strict timing. Each is used in a ``with`` and adds its statement when the block ends."""

from __future__ import annotations

from collections.abc import Callable, Collection, Set
from types import TracebackType
from typing import Any

import msgspec

from ..._core.program import tree
from .builder import Block, Builder, SwitchState, active, current
from .expressions import binary, described, scalar, typed
from .later import Later
from .loop_ends import warn_of_rounding
from .numbers import own_type, python_number
from .position import refusal
from .variables import (
    QuaArrayVariable,
    QuaVariable,
    assignment,
    declare_array,
    declare_hidden,
    initial_values,
    own_array,
    target_of,
)


class BlockScope:
    """The ``with`` of one block. ``word``: the name it has in the language; ``finish`` gets the statements inside."""

    def __init__(
        self, builder: Builder, word: str, finish: Callable[[Block], None], block: Block | None = None
    ) -> None:
        self.word = word
        self.at = builder.at()
        self._builder = builder
        self._finish = finish
        self._block = block if block is not None else Block()
        self._entered = False
        builder.unentered[id(self)] = self

    def __enter__(self) -> None:
        if self._entered or active() is not self._builder:
            raise refusal(f"this {self.word} was used before", code="misplaced", hint="make a new one for each `with`")
        self._entered = True
        self._builder.open_block(self._block)
        del self._builder.unentered[id(self)]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        block = self._builder.close_block()
        if kind is None:
            self._finish(block)

    def __repr__(self) -> str:
        return f"<block {self.word}>"


_MISSING: Any = object()


def for_(var: Any, init: Any = _MISSING, cond: Any = _MISSING, update: Any = _MISSING) -> BlockScope:
    """Assign ``init`` to ``var``; while ``cond``: the block, then assign ``update`` to ``var``."""
    builder = current("for_")
    if isinstance(var, (tuple, list)) and init is _MISSING:
        raise refusal("for_ got one tuple", code="missing_star", hint="write for_(*from_array(...)), with the star")
    if init is _MISSING or cond is _MISSING or update is _MISSING:
        raise refusal("for_ takes a variable, its start, a condition and its next value", code="bad_loop")
    if not isinstance(var, QuaVariable):
        target_of(builder, var, "for_")
        raise refusal("for_ needs a scalar variable", code="bad_target")
    start = assignment(builder, var, init)
    condition = condition_of(builder, cond, "for_")
    step = assignment(builder, var, update)
    at = start.at

    def finish(block: Block) -> None:
        loop = tree.For(at=at, start=start, condition=condition, step=step, body=tuple(block.statements))
        builder.append(loop)
        warn_of_rounding(loop, builder.source(at))

    return BlockScope(builder, "for_", finish)


def while_(cond: Any = True) -> BlockScope:
    """The block again and again while ``cond`` holds."""
    builder = current("while_")
    at, condition = builder.at(), condition_of(builder, cond, "while_")
    return BlockScope(
        builder,
        "while_",
        lambda block: builder.append(tree.For(at=at, condition=condition, body=tuple(block.statements))),
    )


def infinite_loop_() -> BlockScope:
    """The block again and again, without end."""
    builder = current("infinite_loop_")
    at = builder.at()
    return BlockScope(
        builder, "infinite_loop_", lambda block: builder.append(tree.For(at=at, body=tuple(block.statements)))
    )


def for_each_(var: Any, values: Any) -> BlockScope:
    """The block once for each value: ``var`` a variable and ``values`` an array or a list of numbers, or as many of
    each.

    Lists become hidden arrays of the variable's type; all must have one length.
    """
    builder = current("for_each_")
    variables = tuple(var) if isinstance(var, (tuple, list)) else (var,)
    given = _sequences(values)
    if len(variables) != len(given):
        raise refusal(
            f"for_each_ has {len(variables)} variables but {len(given)} arrays",
            code="bad_loop",
            hint="write for_each_((x, y), (xs, ys))",
        )
    for variable in variables:
        if not isinstance(variable, QuaVariable):
            target_of(builder, variable, "for_each_")
            raise refusal("for_each_ needs scalar variables", code="bad_target")
        builder.own(variable)
    at = builder.at()
    lists = [_values_for(builder, variable, sequence) for variable, sequence in zip(variables, given, strict=True)]
    sizes = [values.size if isinstance(values, QuaArrayVariable) else len(values) for values in lists]
    if len(set(sizes)) > 1:
        raise refusal(f"the arrays of for_each_ have different lengths: {', '.join(map(str, sizes))}", code="bad_loop")
    arrays = [
        values if isinstance(values, QuaArrayVariable) else declare_array(builder, variable.type, values)
        for variable, values in zip(variables, lists, strict=True)
    ]

    def finish(block: Block) -> None:
        builder.append(
            tree.ForEach(
                at=at,
                variables=tuple(variable.node for variable in variables),
                arrays=tuple(own_array(builder, array) for array in arrays),
                body=tuple(block.statements),
            )
        )

    return BlockScope(builder, "for_each_", finish)


def _sequences(values: Any) -> tuple[Any, ...]:
    """The sequences that ``for_each_`` walks over: one, or one for each variable."""
    if isinstance(values, Later):
        values.refuse()
    if isinstance(values, QuaArrayVariable):
        return (values,)
    if not isinstance(values, Collection) or isinstance(values, (str, bytes, dict, Set)):
        raise refusal(
            f"for_each_ walks over arrays or lists of numbers, not a {type(values).__name__}",
            code="bad_loop",
            hint="a set has no order: write sorted(...)" if isinstance(values, Set) else "",
        )
    items = tuple(values)
    if not items:
        raise refusal("for_each_ has no values", code="bad_loop")
    nested = any(isinstance(item, (QuaArrayVariable, Collection)) and python_number(item) is None for item in items)
    return items if nested else (values,)


def _values_for(builder: Builder, variable: QuaVariable, values: Any) -> QuaArrayVariable | tuple[int, ...]:
    """What ``variable`` walks over: an array of its type, or raw values of its type."""
    if isinstance(values, QuaArrayVariable):
        own_array(builder, values)
        if values.type != variable.type:
            raise refusal(
                f"for_each_ walks over {values!r} with {described(variable)}",
                code="type_mismatch",
                hint=f"declare the variable as {values.type} too",
            )
        return values
    if not isinstance(values, Collection):
        raise refusal(f"for_each_ cannot walk over a {type(values).__name__}", code="bad_loop")
    numbers = [number for number in map(python_number, values) if number is not None]
    if variable.type == "int" and any(isinstance(number, float) and not number.is_integer() for number in numbers):
        raise refusal(
            f"for_each_ walks over floats with {described(variable)}",
            code="type_mismatch",
            hint="declare the variable as fixed",
        )
    kinds = {own_type(number) for number in numbers}
    if "bool" in kinds and kinds != {"bool"}:
        raise refusal("for_each_ cannot walk over bools and numbers in one list", code="type_mismatch")
    return initial_values(variable.type, values)


def strict_timing_() -> BlockScope:
    """The block must play without gaps."""
    builder = current("strict_timing_")
    at = builder.at()
    return BlockScope(
        builder, "strict_timing_", lambda block: builder.append(tree.StrictTiming(at=at, body=tuple(block.statements)))
    )


def condition_of(builder: Builder, cond: object, statement: str) -> tree.Expression:
    """``cond`` as a bool expression."""
    number = python_number(cond)
    if number is not None and not isinstance(number, bool):
        raise refusal(f"the condition of {statement} must be bool, not {number!r}", code="type_mismatch")
    return builder.own(typed(cond, "bool", place=f"as condition of {statement}"))


def within_port(builder: Builder, condition: tree.Expression) -> tree.Expression:
    """``condition``, and that of the ``port_condition`` around it."""
    around = builder.port_condition
    if around is None:
        return condition
    return tree.Binary(type="bool", operator="&", left=builder.own(around), right=condition)


def if_(expression: Any, unsafe: bool = False) -> BlockScope:
    """The block if ``expression`` holds. (``unsafe`` changes nothing here.)"""
    builder = current("if_")
    at, condition = builder.at(), condition_of(builder, expression, "if_")

    def finish(block: Block) -> None:
        branch = tree.Branch(at=at, condition=condition, body=tuple(block.statements))
        builder.append(tree.If(at=at, branches=(branch,)), if_open=True)

    return BlockScope(builder, "if_", finish)


def elif_(expression: Any) -> BlockScope:
    """The block if ``expression`` holds and nothing before it did; directly after ``if_`` or ``elif_``."""
    builder = current("elif_")
    _open_if(builder, "elif_")
    at, condition = builder.at(), condition_of(builder, expression, "elif_")

    def finish(block: Block) -> None:
        branch = tree.Branch(at=at, condition=condition, body=tuple(block.statements))
        before = _open_if(builder, "elif_")
        builder.replace_last(msgspec.structs.replace(before, branches=(*before.branches, branch)), if_open=True)

    return BlockScope(builder, "elif_", finish)


def else_() -> BlockScope:
    """The block if nothing before it held; directly after ``if_`` or ``elif_``."""
    builder = current("else_")
    _open_if(builder, "else_")

    def finish(block: Block) -> None:
        before = _open_if(builder, "else_")
        builder.replace_last(msgspec.structs.replace(before, otherwise=tuple(block.statements)), if_open=False)

    return BlockScope(builder, "else_", finish)


def _open_if(builder: Builder, word: str) -> tree.If:
    last = builder.block.statements[-1] if builder.block.if_open else None
    if not isinstance(last, tree.If):
        raise refusal(f"{word} must stand directly after the block of an if_ or elif_", code="misplaced")
    return last


def switch_(expression: Any, unsafe: bool = False) -> BlockScope:
    """Choose one of the ``case_`` blocks inside by the value of ``expression``, which is evaluated once.

    ``unsafe``: the platform may skip the check that one matches; ``default_`` is then refused.
    """
    builder = current("switch_")
    at = builder.at()
    subject = scalar(expression, place="in switch_")
    builder.own(subject)
    if not isinstance(subject, QuaVariable):
        hidden = declare_hidden(builder, subject.type)
        builder.append(assignment(builder, hidden, subject))
        subject = hidden
    state = SwitchState(subject=subject, unsafe=unsafe)

    def finish(block: Block) -> None:
        if not state.branches:
            raise refusal("switch_ has no case_", code="misplaced")
        builder.append(tree.If(at=at, branches=tuple(state.branches), otherwise=state.otherwise))

    return BlockScope(builder, "switch_", finish, Block(switch=state))


def case_(case_exp: Any) -> BlockScope:
    """The block of the surrounding ``switch_`` for the value ``case_exp``."""
    builder = current("case_")
    state = _switch(builder, "case_")
    if state.has_default:
        raise refusal("case_ must stand before default_", code="misplaced")
    at = builder.at()
    condition = builder.own(binary("==", state.subject, case_exp))
    return BlockScope(
        builder,
        "case_",
        lambda block: state.branches.append(tree.Branch(at=at, condition=condition, body=tuple(block.statements))),
    )


def default_() -> BlockScope:
    """The block of the surrounding ``switch_`` for all other values."""
    builder = current("default_")
    state = _switch(builder, "default_")
    if state.unsafe:
        raise refusal("an unsafe switch_ takes no default_", code="misplaced", hint="leave out unsafe=True")
    if state.has_default:
        raise refusal("switch_ has a default_ already", code="misplaced")
    if not state.branches:
        raise refusal("default_ must stand after a case_", code="misplaced")

    def finish(block: Block) -> None:
        state.has_default = True
        state.otherwise = tuple(block.statements)

    return BlockScope(builder, "default_", finish)


def _switch(builder: Builder, word: str) -> SwitchState:
    state = builder.block.switch
    if state is None:
        raise refusal(f"{word} must stand directly in a switch_", code="misplaced")
    return state


def stream_processing() -> BlockScope:
    """The block in which streams are processed and named."""
    builder = current("stream_processing")
    if len(builder.blocks) > 1:
        raise refusal("stream_processing() must stand outside of other blocks", code="misplaced")
    return BlockScope(builder, "stream_processing", lambda block: None, Block(streams=True))


def port_condition(condition: Any) -> BlockScope:
    """What is played in the block sounds only where ``condition``, a bool, holds; the same time passes either way.

    For elements on MW-FEM ports, as on the platform. The condition is evaluated where the block begins; a block in
    another one sounds where both hold. A measure cannot stand in it.
    """
    builder = current("port_condition")
    value = within_port(builder, condition_of(builder, condition, "port_condition"))
    held = declare_hidden(builder, "bool")
    builder.append(tree.Assign(at=builder.at(), target=target_of(builder, held, "assign"), value=value))
    return BlockScope(
        builder,
        "port_condition",
        lambda block: builder.block.statements.extend(block.statements),
        Block(port_condition=held),
    )
