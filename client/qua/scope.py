"""``with program() as prog``: the scope, and the finished program."""

from __future__ import annotations

from types import TracebackType

from ..._core.program.check import check_program, raise_issues
from ..._core.program.tree import Program
from .builder import Builder, begin, end
from .position import refusal


class ProgramScope:
    """A program. After the ``with`` block, ``tree`` is its record, ready to be sent."""

    def __init__(self) -> None:
        self._builder: Builder | None = None
        self._tree: Program | None = None
        self._state = "not begun"

    def __enter__(self) -> ProgramScope:
        if self._state != "not begun":
            raise refusal("this program is built already", code="misplaced", hint="make a new one with program()")
        builder = Builder()
        begin(builder)
        self._builder, self._state = builder, "being built"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        end()
        builder, self._builder, self._state = self._builder, None, "failed"
        if kind is not None or builder is None:
            return
        finished = builder.finish()
        raise_issues(check_program(finished))
        self._tree, self._state = finished, "built"

    @property
    def tree(self) -> Program:
        """The program as plain data. Raises AskedWrongly (``program_not_built``) unless its ``with`` block has ended
        well.
        """
        if self._tree is None:
            raise refusal(
                f"this program is {self._state}",
                code="program_not_built",
                hint="use it after its `with program() as prog:` block",
            )
        return self._tree

    def __repr__(self) -> str:
        if self._tree is None:
            return f"<program, {self._state}>"
        tags = ", ".join(result.tag for result in self._tree.results) or "none"
        counts = (
            f"{len(self._tree.declarations)} variables, {len(self._tree.streams)} streams, "
            f"{len(self._tree.body)} statements at the top"
        )
        return f"<program: {counts}; results: {tags}>"


def program() -> ProgramScope:
    """A new program, to be filled in ``with program() as prog:``."""
    return ProgramScope()
