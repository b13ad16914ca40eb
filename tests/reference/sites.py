"""The places of a program: one ``Site`` for each statement, with what is around it and the elements it names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from quaymaster._core.config import model
from quaymaster._core.program import tree

Control = tree.If | tree.For | tree.ForEach


@dataclass(eq=False)
class Site:
    """A statement at its place in the program. ``bodies``: those of the branches of an If and its otherwise, or one."""

    number: int
    node: tree.Statement
    around: tuple[Site, ...]
    """The control statements around it, outermost first."""
    bodies: list[list[Site]] = field(default_factory=list)
    elements: list[str] = field(default_factory=list)
    """Elements that it names, or that statements in it name, in the order of the text."""

    @property
    def is_control(self) -> bool:
        """Section 2 (b): If, For and ForEach are the control statements; strict_timing is none."""
        return isinstance(self.node, Control)

    def __repr__(self) -> str:
        return f"{type(self.node).__name__}#{self.number}"


def bodies_of(node: tree.Statement) -> list[tuple[tree.Statement, ...]]:
    """The blocks that a statement holds."""
    match node:
        case tree.If():
            return [branch.body for branch in node.branches] + [node.otherwise]
        case tree.For() | tree.ForEach() | tree.StrictTiming():
            return [node.body]
    return []


def names_all(node: tree.Statement) -> bool:
    """wait and align without elements mean all elements of the program, and so do pause and reset_global_phase."""
    of_all = isinstance(node, tree.Pause | tree.ResetGlobalPhase)
    return of_all or (isinstance(node, tree.Wait | tree.Align) and not node.elements)


def elements_named(node: tree.Statement) -> list[str]:
    """The elements in the text of one statement, without those of the statements in it."""
    match node:
        case tree.Wait() | tree.Align():
            return list(node.elements)
        case tree.AdvanceInput() | tree.Pause() | tree.ResetGlobalPhase():
            return []
        case tree.Assign() | tree.Save() | tree.If() | tree.For() | tree.ForEach() | tree.StrictTiming():
            return []
    return [node.element]


OF_OSCILLATORS = tree.FrameRotation | tree.ResetFrame | tree.ResetIfPhase | tree.UpdateFrequency | tree.UpdateCorrection


def sharing(config: model.Config, used: list[str]) -> dict[str, list[str]]:
    """Section 3: for each element all elements of the program on its oscillator; itself where it shares none."""
    own = {e: config.elements[e].oscillator for e in used}
    return {e: [o for o in used if own[e] is not None and own[o] == own[e]] or [e] for e in used}


def elements_used(body: tuple[tree.Statement, ...]) -> list[str]:
    """Section 2: the elements named in any statement, in the order of their first appearance."""
    found: dict[str, None] = {}
    for node in body:
        found.update(dict.fromkeys(elements_named(node)))
        for inner in bodies_of(node):
            found.update(dict.fromkeys(elements_used(inner)))
    return list(found)


class Places:
    """All sites of a program, numbered in the order of its text."""

    def __init__(self, program: tree.Program, config: model.Config | None = None) -> None:
        self.used = elements_used(program.body)
        self.sharing = {} if config is None else sharing(config, self.used)
        self.all: list[Site] = []
        self.body = self._place(program.body, ())

    def _place(self, body: tuple[tree.Statement, ...], around: tuple[Site, ...]) -> list[Site]:
        return [self._site(node, around) for node in body]

    def _site(self, node: tree.Statement, around: tuple[Site, ...]) -> Site:
        site = Site(len(self.all), node, around)
        self.all.append(site)
        inner = (*around, site) if site.is_control else around
        site.bodies = [self._place(body, inner) for body in bodies_of(node)]
        named = self.used if names_all(node) else elements_named(node)
        if isinstance(node, OF_OSCILLATORS):
            named = self.sharing.get(node.element, named)
        below = [element for body in site.bodies for child in body for element in child.elements]
        site.elements = list(dict.fromkeys([*named, *below]))
        return site

    def __iter__(self) -> Iterator[Site]:
        return iter(self.all)
