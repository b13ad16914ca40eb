"""Writes docs/differences.md from the table in `_core/program/differences.py`. Run it when the table changes."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from quaymaster._core.program.differences import DIFFERENCES

PAGE = Path(__file__).with_name("differences.md")
HEAD = """\
# Where the twin and the instrument differ

What quaymaster approximates, and what it chose where the platform's documentation is silent. `job.difference_report()`
lists the rows that a job's program may meet, as its text shows; what was met in its run, with file and line, is in
`job.execution_report()`. What quaymaster does not do at all is refused with the error `not_yet`, and is not here.

This page is written by `docs/write_differences.py` from the table in `_core/program/differences.py`; do not edit it.
"""


def page() -> str:
    """The whole page."""
    parts = [HEAD]
    for area, rows in groupby(DIFFERENCES.values(), key=lambda row: row.area):
        parts.append(f"\n## {area}\n\n| Id | Difference | Details |\n|---|---|---|\n")
        for row in rows:
            parts.append(f"| `{row.id}` | {row.sentence} | {row.documented} |\n")
    return "".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page())
