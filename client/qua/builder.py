"""The program under construction: one builder per ``with program()``, one at a time per OS thread (or asyncio task)."""

from __future__ import annotations

from collections.abc import Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING

import msgspec

from ..._core.program import limits, tree
from .expressions import QuaExpression, foreign
from .position import caller_position, refusal

if TYPE_CHECKING:
    from .control import BlockScope

_CURRENT: ContextVar[Builder | None] = ContextVar("quaymaster_program", default=None)


class SwitchState(msgspec.Struct):
    """What a ``switch_`` has collected so far."""

    subject: QuaExpression
    unsafe: bool
    branches: list[tree.Branch] = []
    otherwise: tuple[tree.Statement, ...] = ()
    has_default: bool = False


class Block(msgspec.Struct):
    """The statements of one block; ``if_open``: the last one is an If that an ``elif_`` or ``else_`` may extend.
    ``port_condition``: what plays in it are subject to."""

    statements: list[tree.Statement] = []
    if_open: bool = False
    switch: SwitchState | None = None
    streams: bool = False
    port_condition: QuaExpression | None = None


class StreamState(msgspec.Struct):
    """A stream as far as its uses tell: ``adc`` and ``type`` are None until then."""

    name: str
    at: int
    adc: bool | None = None
    trace: bool | None = None
    type: tree.VarType | None = None


class Builder:
    """Collects declarations, statements and stream nodes, and makes a ``tree.Program`` of them."""

    def __init__(self) -> None:
        self.declarations: list[tree.Declaration] = []
        self.streams: dict[str, StreamState] = {}
        self.tagged: dict[str, str] = {}  # save(x, "tag") and measure(..., "tag"): tag -> hidden stream
        self.timestamp_tags: dict[str, str] = {}  # play(..., timestamp_stream="tag"): tag -> hidden stream
        self.blocks: list[Block] = [Block()]
        self.nodes: list[tree.StreamNode] = []
        self.results: dict[str, tree.Result] = {}
        self.unentered: dict[int, BlockScope] = {}
        self._node_index: dict[tree.StreamNode, int] = {}
        self._sources: dict[tuple[str, int], int] = {}
        self._counts: dict[str, int] = {}
        self.statement_count = 0

    # ---- names and positions

    def at(self) -> int:
        """The index of the user's present line in ``sources``."""
        return self._sources.setdefault(caller_position(), len(self._sources))

    def source(self, at: int) -> tuple[str, int]:
        """File and line of ``at``."""
        return list(self._sources)[at]

    def new_name(self, letter: str) -> str:
        """The next of v1, v2, ... (scalars), a1 ... (arrays), r1 ... (streams), h1 ... (hidden scalars)."""
        self._counts[letter] = self._counts.get(letter, 0) + 1
        return f"{letter}{self._counts[letter]}"

    # ---- declarations

    def declare(self, letter: str, type: tree.VarType, size: int, initial: tuple[int, ...], input: str = "") -> str:
        """Add a variable and return its name: a letter with a number, or, of an input stream, what is given."""
        if len(self.declarations) >= limits.VARIABLES_MAX:
            raise refusal(f"more than {limits.VARIABLES_MAX} variables (VARIABLES_MAX)", code="too_many_variables")
        name = letter if input else self.new_name(letter)
        made = tree.Declaration(at=self.at(), name=name, type=type, size=size, initial=initial, input=input)
        self.declarations.append(made)
        return name

    def declare_stream(self, name: str | None, adc: bool | None, trace: bool | None) -> StreamState:
        """Add a stream, called r1, r2, ... unless ``name`` is given."""
        if name is None:
            name = self.new_name("r")
            while name in self.streams:  # a user may have chosen that very name
                name = self.new_name("r")
        elif name in self.streams:
            raise refusal(f"there is already a stream {name!r}", code="duplicate_stream")
        state = StreamState(name=name, at=self.at(), adc=adc, trace=trace)
        self.streams[name] = state
        return state

    # ---- statements and blocks

    @property
    def block(self) -> Block:
        """The innermost open block."""
        return self.blocks[-1]

    @property
    def port_condition(self) -> QuaExpression | None:
        """What plays are subject to here: the innermost ``port_condition``, which has the outer ones in it."""
        return next((block.port_condition for block in reversed(self.blocks) if block.port_condition is not None), None)

    def append(self, statement: tree.Statement, *, if_open: bool = False) -> None:
        """Add a statement to the innermost block."""
        block = self.block
        if block.switch is not None:
            raise refusal("only case_ and default_ may stand directly in switch_", code="misplaced")
        if block.streams:
            raise refusal("statements may not stand in stream_processing()", code="misplaced")
        if self.statement_count >= limits.STATEMENTS_MAX:
            raise refusal(
                f"more than {limits.STATEMENTS_MAX} statements (STATEMENTS_MAX)",
                code="program_too_large",
                hint="loop with for_ instead of unrolling in Python",
            )
        self.statement_count += 1
        block.statements.append(statement)
        block.if_open = if_open

    def replace_last(self, statement: tree.Statement, *, if_open: bool) -> None:
        """Put ``statement`` in the place of the block's last one."""
        self.block.statements[-1] = statement
        self.block.if_open = if_open

    def open_block(self, block: Block) -> None:
        """Statements go into ``block`` from now on."""
        if len(self.blocks) >= limits.BLOCK_DEPTH_MAX:
            raise refusal(
                f"blocks are nested more than {limits.BLOCK_DEPTH_MAX} deep (BLOCK_DEPTH_MAX)", code="nested_too_deep"
            )
        self.blocks.append(block)

    def close_block(self) -> Block:
        """Leave the innermost block and return it."""
        return self.blocks.pop()

    def own(self, expression: QuaExpression) -> tree.Expression:
        """The tree of ``expression``, which must use this program's variables only."""
        if expression.owner is not None and expression.owner is not self:
            raise foreign(str(expression))
        return expression.node

    def own_all(self, expressions: Sequence[QuaExpression]) -> tuple[tree.Expression, ...]:
        """``own`` for each."""
        return tuple(self.own(expression) for expression in expressions)

    # ---- streams

    def node(self, node: tree.StreamNode) -> int:
        """The index of ``node``, which is added unless an equal one is there."""
        if node not in self._node_index:
            self._node_index[node] = len(self.nodes)
            self.nodes.append(node)
        return self._node_index[node]

    def add_result(self, tag: str, of: int, *, all: bool) -> None:
        """Keep node ``of`` as the result ``tag``."""
        if tag.startswith(limits.OWN_TAG_PREFIX):
            raise refusal(
                f"the tag {tag!r} of a result begins with {limits.OWN_TAG_PREFIX}",
                code="bad_name",
                hint="tags that begin so are those of simulated samples; give it another name",
            )
        earlier = self.results.get(tag)
        if earlier is not None:
            file, line = self.source(earlier.at)
            raise refusal(
                f"there is already a result {tag!r} ({file}:{line})",
                code="duplicate_tag",
                hint="every save and save_all needs a tag of its own",
            )
        self.results[tag] = tree.Result(at=self.at(), tag=tag, of=of, all=all)

    # ---- the end

    def finish(self) -> tree.Program:
        """The program as plain data."""
        if len(self.blocks) > 1:
            raise refusal("a block is still open", code="not_entered", hint="use blocks in `with` statements only")
        for scope in self.unentered.values():
            file, line = self.source(scope.at)
            raise refusal(f"{scope.word}(...) at {file}:{line} is not used in a `with`", code="not_entered")
        return tree.Program(
            declarations=tuple(self.declarations),
            streams=tuple(_stream_declaration(state) for state in self.streams.values()),
            body=tuple(self.blocks[0].statements),
            nodes=tuple(self.nodes),
            results=tuple(self.results.values()),
            sources=tuple(self._sources),
        )


def _stream_declaration(state: StreamState) -> tree.StreamDeclaration:
    adc = bool(state.adc)
    return tree.StreamDeclaration(
        at=state.at, name=state.name, adc=adc, trace=adc and bool(state.trace), type=state.type or "int"
    )


def active() -> Builder | None:
    """The program that is being built here, or None."""
    return _CURRENT.get()


def current(what: str) -> Builder:
    """The program that is being built; ``what`` stands in the refusal if there is none."""
    builder = _CURRENT.get()
    if builder is None:
        raise refusal(f"{what} stands outside of a program", code="outside_program", hint="use it in `with program():`")
    return builder


def begin(builder: Builder) -> None:
    """Make ``builder`` the current one; a program within a program is refused."""
    if _CURRENT.get() is not None:
        raise refusal("a program cannot stand within a program", code="nested_program")
    _CURRENT.set(builder)


def end() -> None:
    """No program is being built here any more."""
    _CURRENT.set(None)
