"""What is wrong with a program: one record for each fault."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..errors import AskedWrongly


class ProgramIssue(msgspec.Struct, frozen=True, kw_only=True):
    """One fault. ``at``: index into ``Program.sources``, -1 where none fits; ``file`` and ``line`` are that place
    ("", 0).
    """

    at: int
    file: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.message}" if self.file else self.message


def raise_issues(issues: Sequence[ProgramIssue]) -> None:
    """Raise AskedWrongly (``bad_program``) that names all ``issues``; nothing happens where there are none."""
    if not issues:
        return
    head = "the program has an error" if len(issues) == 1 else f"the program has {len(issues)} errors"
    lines = "".join(f"\n  {issue}" for issue in issues)
    raise AskedWrongly(
        f"{head}:{lines}",
        code="bad_program",
        hint="correct the lines named; nothing was sent or changed",
        details={"issues": [msgspec.to_builtins(issue) for issue in issues]},
    )
