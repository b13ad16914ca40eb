"""What a program must be, so that whoever reads it can trust it: names, types, arity, order, sizes.

The language front end and the server both ask here. A decoded tree has the right form (``codec``); whether it means
something is decided here, and all that is wrong is said at once.
"""

from __future__ import annotations

from . import limits, tree
from .check_expressions import Report
from .check_statements import StatementChecker
from .check_streams import check_streams
from .issues import ProgramIssue, raise_issues

__all__ = ["ISSUES_MAX", "ProgramIssue", "check_program", "raise_issues"]

ISSUES_MAX = 100
REGISTERS = ("IO1", "IO2")


def check_program(program: tree.Program) -> list[ProgramIssue]:
    """All faults of ``program`` (the first ISSUES_MAX), in the order: sources, variables, statements, streams."""
    issues: list[ProgramIssue] = []

    def report(at: int, message: str) -> None:
        if len(issues) < ISSUES_MAX:
            file, line = program.sources[at] if 0 <= at < len(program.sources) else ("", 0)
            issue = ProgramIssue(at=at, file=file, line=line, message=message)
            if issue not in issues:
                issues.append(issue)

    _check_sources(program, report)
    _check_declarations(program, report)
    StatementChecker(program, report).check(program.body)
    check_streams(program, report)
    return issues


def _check_sources(program: tree.Program, report: Report) -> None:
    if len(program.sources) > limits.SOURCES_MAX:
        report(-1, f"more than {limits.SOURCES_MAX} source lines (SOURCES_MAX)")
    for file, line in program.sources:
        if len(file) > limits.PATH_LENGTH_MAX or line < 0:
            report(-1, f"a source line has a path of at most {limits.PATH_LENGTH_MAX} characters and a line from 0 on")


def _check_declarations(program: tree.Program, report: Report) -> None:
    if len(program.declarations) > limits.VARIABLES_MAX:
        report(-1, f"more than {limits.VARIABLES_MAX} variables (VARIABLES_MAX)")
    if sum(max(item.size, 0) for item in program.declarations) > limits.ARRAY_CELLS_MAX:
        report(-1, f"the arrays have more than {limits.ARRAY_CELLS_MAX} cells together (ARRAY_CELLS_MAX)")
    seen: set[str] = set()
    inputs: set[str] = set()
    for item in program.declarations:
        if not 0 < len(item.name) <= limits.NAME_LENGTH_MAX:
            report(item.at, f"the name of a variable has 1 to {limits.NAME_LENGTH_MAX} characters")
        if item.name in seen:
            report(item.at, f"there are two variables {item.name!r}")
        seen.add(item.name)
        if item.name in REGISTERS:
            report(item.at, f"{item.name} is a register, and no name of a variable")
        if len(item.input) > limits.NAME_LENGTH_MAX:
            report(item.at, f"the name of an input stream has 1 to {limits.NAME_LENGTH_MAX} characters")
        if item.input and item.input in inputs:
            report(item.at, f"there are two input streams {item.input!r}")
        inputs.add(item.input)
        if item.size < 0 or len(item.initial) != max(item.size, 1):
            report(item.at, f"{item.name} has size {item.size} but {len(item.initial)} initial values")
        least, most = (0, 1) if item.type == "bool" else (limits.INT_MIN, limits.INT_MAX)
        if not all(least <= raw <= most for raw in item.initial):
            report(item.at, f"an initial value of {item.name} does not fit a {item.type}")
