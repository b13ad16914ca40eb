"""What a program reads or awaits from outside while it runs."""

from __future__ import annotations

from collections.abc import Iterator

from ..._core.engine.image import ImageInput
from ..._core.program import tree
from ..._core.program.node import Node
from ..._core.program.used import walk
from .slices import REGISTERS, names_in

_WORDS = {tree.AdvanceInput: "input", tree.Pause: "pause", tree.WaitForTrigger: "trigger"}


def inputs_of(program: tree.Program) -> tuple[ImageInput, ...]:
    """The input streams, in the order of their declarations."""
    return tuple(
        ImageInput(name=item.input, type=item.type, size=max(item.size, 1))
        for item in program.declarations
        if item.input
    )


def outside_of(program: tree.Program) -> tuple[str, ...]:
    """The words of ``Image.outside``, each once, in the order of the text."""
    found = (word for statement in program.body for node in walk(statement) for word in _words(node))
    return tuple(dict.fromkeys(found))


def _words(node: Node) -> Iterator[str]:
    kind = type(node)
    if isinstance(node, tree.Io):
        yield f"io{node.number}"
    elif kind in _WORDS and not (isinstance(node, tree.WaitForTrigger) and node.source is not None):
        yield _WORDS[kind]


def awaited_registers(loop: tree.For) -> list[str]:
    """The IO registers that alone decide when ``loop`` ends; none where anything else does, too."""
    names = set() if loop.condition is None else names_in(loop.condition)
    return sorted(names) if names <= set(REGISTERS) else []


def nobody_waits(registers: list[str]) -> str:
    """What is wrong with a loop that waits for registers and that no strand executes."""
    return (
        f"nobody would wait here for {' and '.join(registers)}: no element stands in this loop, and nothing that comes "
        "later needs what is done in it; put into it what has to wait, for example wait(4, element) or align()"
    )
