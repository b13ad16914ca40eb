"""What a program uses, gathered in one walk over its tree: the ground on which ``differences`` decides."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, TypeVar

import msgspec

from ..config.model import (
    AnalogInput,
    AnalogOutput,
    Config,
    Element,
    MWAnalogInput,
    MWAnalogOutput,
    PortRef,
    Pulse,
    Waveform,
)
from . import tree
from .elements import elements_used
from .node import Node

Plant = Literal["echo", "loopback", "none", "raw"]
Numerics = Literal["linear", "exact"]
N = TypeVar("N", bound=Node)
OutputPort = AnalogOutput | MWAnalogOutput


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """How a job is computed, apart from its program and config. ``noisy``: the inputs have noise; ``lit``: photons
    come to them.

    ``plant``: echo, loopback, none or raw. ``simulated``: the samples of its ports are kept.
    """

    numerics: Numerics = "linear"
    latency: str = "ideal"
    plant: str = "echo"
    noisy: bool = False
    lit: bool = False
    simulated: bool = False


class Used:
    """A program on a config, with what is asked of it; elements that the config does not have are left out."""

    def __init__(self, program: tree.Program, config: Config, setting: Setting) -> None:
        self.program = program
        self.config = config
        self.setting = setting
        self._nodes: dict[type[Node], list[Any]] = {}
        for root in (*program.body, *program.nodes):
            for node in walk(root):
                self._nodes.setdefault(type(node), []).append(node)
        self.elements: dict[str, Element] = {
            name: config.elements[name] for name in elements_used(program) if name in config.elements
        }

    def all(self, kind: type[N]) -> list[N]:
        """All nodes of a kind, in the order of the text."""
        return self._nodes.get(kind, [])

    def calls(self, *prefixes: str) -> bool:
        """Whether a library function is called whose name begins so."""
        return any(call.function.startswith(prefixes) for call in self.all(tree.Call))

    def operators(self, *operators: str) -> Iterator[tree.Binary]:
        """All operations with one of these operators."""
        return (node for node in self.all(tree.Binary) if node.operator in operators)

    def pulses(self, kind: type[tree.Play] | type[tree.Measure]) -> Iterator[tuple[tree.Play | tree.Measure, Pulse]]:
        """Each play, or measure, with the pulse that it names."""
        for node in self.all(kind):
            element = self.elements.get(node.element)
            name = element.operations.get(node.operation) if element is not None else None
            if name is not None:
                yield node, self.config.pulses[name]

    def waveforms(self, pulse: Pulse) -> list[Waveform]:
        """The waveforms of a pulse."""
        return [self.config.waveforms[name] for name in pulse.waveforms.values()]

    def measured(self) -> dict[str, Element]:
        """The elements that the program measures with a process or a raw trace."""
        hears = [node for node in self.all(tree.Measure) if node.processes or node.stream is not None]
        return {node.element: self.elements[node.element] for node in hears if node.element in self.elements}

    def outputs(self) -> Iterator[OutputPort]:
        """The analog outputs that the program's elements play on."""
        for element in self.elements.values():
            for ref in element.input_ports.values():
                yield self.config.analog_output(ref)

    def inputs(self) -> Iterator[tuple[PortRef, AnalogInput | MWAnalogInput]]:
        """The analog inputs that the program measures."""
        for element in self.measured().values():
            for ref in element.output_ports.values():
                yield ref, self.config.analog_input(ref)

    def threads(self) -> int:
        """How many threads the program's elements need: elements of one core share one."""
        return len({(element.core is not None, element.core or name) for name, element in self.elements.items()})


def walk(root: Node) -> Iterator[Node]:
    """``root`` and all nodes below, in the order of the text."""
    todo = [root]
    while todo:
        node = todo.pop()
        yield node
        inner: list[Node] = []
        for field in _inner(type(node)):
            value = getattr(node, field)
            if isinstance(value, Node):
                inner.append(value)
            elif isinstance(value, tuple):
                inner += [item for item in value if isinstance(item, Node)]
        todo += reversed(inner)


@cache
def _inner(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a kind of node that may hold nodes."""
    return tuple(field.name for field in msgspec.structs.fields(kind) if field.type not in (int, str, bool, float))
