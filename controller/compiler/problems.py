"""All that is wrong with a program against a config, collected and raised at once."""

from __future__ import annotations

from typing import Any

import msgspec

from ..._core.errors import AskedWrongly
from ..._core.program.issues import ProgramIssue

PROBLEMS_MAX = 100


class Problems:
    """Collects faults by source position; ``raise_if_any`` names them all."""

    def __init__(self, sources: tuple[tuple[str, int], ...]) -> None:
        self._sources = sources
        self._found: dict[ProgramIssue, bool] = {}

    def add(self, at: int, message: str, *, later: bool = False) -> None:
        """Note a fault; ``later``: a part of the platform that is not supported yet."""
        file, line = self._sources[at] if 0 <= at < len(self._sources) else ("", 0)
        self.add_issue(ProgramIssue(at=at, file=file, line=line, message=message), later=later)

    def add_issue(self, issue: ProgramIssue, *, later: bool = False) -> None:
        """Note a fault that has its place already."""
        if len(self._found) < PROBLEMS_MAX:
            self._found.setdefault(issue, later)

    def line(self, at: int) -> int:
        """The line of a source position; 0 where it is not known."""
        return self._sources[at][1] if 0 <= at < len(self._sources) else 0

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_if_any(self, hint: str = "correct the lines named") -> None:
        """Raise AskedWrongly: ``not_yet`` where nothing else is wrong, else ``compile_error`` with ``hint``."""
        if not self._found:
            return
        only_later = all(self._found.values())
        head = "the program has an error" if len(self._found) == 1 else f"the program has {len(self._found)} errors"
        lines = "".join(f"\n  {issue}" for issue in self._found)
        details: dict[str, Any] = {"issues": [msgspec.to_builtins(issue) for issue in self._found]}
        raise AskedWrongly(
            f"{head}:{lines}",
            code="not_yet" if only_later else "compile_error",
            hint="it comes with a later version; see CHANGELOG.md" if only_later else hint,
            details=details,
        )
