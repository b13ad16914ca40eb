"""Small words for program trees, for tests: numbers become raw, positions are given at the end by ``program``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

import msgspec

from quaymaster._core.program import tree

Number = int | float | bool
Operand = tree.Expression | Number


def fixed(value: float) -> tree.Value:
    """A fixed literal."""
    return tree.Value(type="fixed", raw=round(value * 2**28))


def integer(value: int) -> tree.Value:
    """An int literal."""
    return tree.Value(type="int", raw=value)


def boolean(value: bool) -> tree.Value:
    """A bool literal."""
    return tree.Value(type="bool", raw=int(value))


def expression(value: Operand) -> tree.Expression:
    """A Python number as a literal of its type; expressions stay."""
    if isinstance(value, bool):
        return boolean(value)
    if isinstance(value, int):
        return integer(value)
    return fixed(value) if isinstance(value, float) else value


def variable(name: str, type_: tree.VarType = "fixed") -> tree.Variable:
    """A scalar variable."""
    return tree.Variable(type=type_, name=name)


def cell(name: str, index: Operand, type_: tree.VarType = "fixed") -> tree.Cell:
    """A cell of an array."""
    return tree.Cell(type=type_, array=name, index=expression(index))


def binary(left: Operand, operator: str, right: Operand) -> tree.Binary:
    """``left operator right``."""
    a, b = expression(left), expression(right)
    compares = operator in ("<", "<=", ">", ">=", "==")
    return tree.Binary(type="bool" if compares else a.type, operator=operator, left=a, right=b)  # type: ignore[arg-type]


def assign(target: tree.Target, value: Operand) -> tree.Assign:
    """``target = value``."""
    return tree.Assign(at=-1, target=target, value=expression(value))


def save(source: tree.Variable | tree.Cell | tree.Value, stream: str) -> tree.Save:
    """Append to a stream."""
    return tree.Save(at=-1, source=source, stream=stream)


def play(operation: str, element: str, *amplitude: Operand, duration: Operand | None = None) -> tree.Play:
    """Play with an amplitude of none, one or four values."""
    lasts = None if duration is None else expression(duration)
    amplitudes = tuple(expression(a) for a in amplitude)
    return tree.Play(at=-1, operation=operation, element=element, amplitude=amplitudes, duration=lasts)


def measure(
    operation: str,
    element: str,
    *processes: tree.Process,
    amplitude: tuple[Operand, ...] = (),
    stream: str | None = None,
) -> tree.Measure:
    """Play and acquire."""
    amplitudes = tuple(expression(a) for a in amplitude)
    return tree.Measure(
        at=-1, operation=operation, element=element, amplitude=amplitudes, stream=stream, processes=processes
    )


def demod(weights: str, target: tree.Target, output: str = "out1") -> tree.Process:
    """demod.full."""
    return tree.Process(at=-1, kind="demod.full", weights=(weights,), outputs=(output,), target=target)


def dual_demod(
    first: str, second: str, target: tree.Target, outputs: tuple[str, str] = ("out1", "out2")
) -> tree.Process:
    """dual_demod.full."""
    return tree.Process(at=-1, kind="dual_demod.full", weights=(first, second), outputs=outputs, target=target)


def integration(weights: str, target: tree.Target, output: str = "out1") -> tree.Process:
    """integration.full."""
    return tree.Process(at=-1, kind="integration.full", weights=(weights,), outputs=(output,), target=target)


def wait(duration: Operand, *elements: str) -> tree.Wait:
    """Pass cycles."""
    return tree.Wait(at=-1, duration=expression(duration), elements=elements)


def align(*elements: str) -> tree.Align:
    """Go on together."""
    return tree.Align(at=-1, elements=elements)


def if_(condition: Operand, *body: tree.Statement, otherwise: tuple[tree.Statement, ...] = ()) -> tree.If:
    """One branch and an else."""
    branch = tree.Branch(at=-1, condition=expression(condition), body=body)
    return tree.If(at=-1, branches=(branch,), otherwise=otherwise)


def repeat(name: str, times: int, *body: tree.Statement) -> tree.For:
    """for_(name, 0, name < times, name + 1)."""
    i = variable(name, "int")
    return tree.For(
        at=-1,
        start=assign(i, 0),
        condition=binary(i, "<", times),
        step=assign(i, binary(i, "+", 1)),
        body=body,
    )


def declare(name: str, type_: tree.VarType = "fixed", *initial: int, size: int = 0) -> tree.Declaration:
    """A scalar, or an array if a size is given; initial values are raw."""
    values = initial or (0,) * max(size, 1)
    return tree.Declaration(at=-1, name=name, type=type_, size=size, initial=values)


def program(*body: tree.Statement, declarations: tuple[tree.Declaration, ...] | str = "") -> tree.Program:
    """A program with every position given; streams are declared as they are used.

    ``declarations``: or names with a type letter, as in "x:f i:i b:b".
    """
    if isinstance(declarations, str):
        types: dict[str, tree.VarType] = {"f": "fixed", "i": "int", "b": "bool"}
        pairs = [text.split(":") for text in declarations.split()]
        declarations = tuple(declare(name, types[letter]) for name, letter in pairs)
    streams = {d.name: d for statement in body for d in streams_in(statement)}
    saved = [name for name in sorted(streams) if not streams[name].adc]
    whole = tree.Program(
        declarations=declarations,
        streams=tuple(streams[name] for name in sorted(streams)),
        body=body,
        nodes=tuple(tree.Source(stream=name, timestamps=True) for name in saved),
        results=tuple(tree.Result(at=-1, tag=name, of=n, all=True) for n, name in enumerate(saved)),
        sources=(),
    )
    return numbered(whole)


def streams_in(node: Any) -> Iterator[tree.StreamDeclaration]:
    """The streams that a statement and those in it write."""
    if isinstance(node, tree.Play | tree.Measure) and node.timestamp_stream is not None:
        yield tree.StreamDeclaration(at=-1, name=node.timestamp_stream)
    if isinstance(node, tree.Save):
        yield tree.StreamDeclaration(at=-1, name=node.stream, type=node.source.type)
    elif isinstance(node, tree.Measure):
        if node.stream is not None:
            yield tree.StreamDeclaration(at=-1, name=node.stream, adc=True, trace=True)
    elif isinstance(node, tree.If | tree.For | tree.ForEach | tree.StrictTiming | tree.Branch):
        inner = [*node.branches, *node.otherwise] if isinstance(node, tree.If) else node.body
        for child in inner:
            yield from streams_in(child)


def numbered(whole: tree.Program) -> tree.Program:
    """The same program with its own position in every node that has one, in the order of the text."""
    numbers = count()

    def renumbered(node: Any) -> Any:
        if isinstance(node, tuple):
            return tuple(renumbered(item) for item in node)
        if not isinstance(node, tree.Node):
            return node
        fields = msgspec.structs.asdict(node)
        own = {"at": next(numbers)} if "at" in fields else {}
        others = {name: renumbered(value) for name, value in fields.items() if name != "at"}
        return type(node)(**own, **others)

    result: tree.Program = renumbered(whole)
    sources = tuple(("program.py", line + 1) for line in range(next(numbers)))
    return msgspec.structs.replace(result, sources=sources)
