"""What a program must be, so that whoever reads it can trust it; all that is wrong is said at once."""

from __future__ import annotations

from .issues import ProgramIssue, raise_issues
from .tree import Program

__all__ = ["ProgramIssue", "check_program", "raise_issues"]


def check_program(program: Program) -> list[ProgramIssue]:
    """All faults of ``program``."""
    return []
