"""The tests that docs/timing.md names are there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HOME = "tests/unit/engine/test_machine_timing.py"
BOTH = "tests/reference/timing_checks.py"


def names_in(path: str) -> set[str]:
    """The names of the tests of a file."""
    found = ast.walk(ast.parse((ROOT / path).read_text()))
    return {node.name for node in found if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def test_each_test_that_the_timing_page_names_exists() -> None:
    """A bare name is in test_machine_timing, one marked R in timing_checks, others say their path."""
    page = (ROOT / "docs" / "timing.md").read_text()
    named = re.findall(r"(\*R\* )?`(?:(tests/[\w/]+\.py)::)?(test_\w+)`", page)
    assert len(named) > 30
    for both, path, name in named:
        assert name in names_in(path or (BOTH if both else HOME)), name


def test_every_row_names_a_test() -> None:
    """No rule without one; profiles are told in words."""
    lines = (ROOT / "docs" / "timing.md").read_text().partition("## Threads")[2].splitlines()
    rows = [line for line in lines if line.startswith("|") and "---" not in line and "Shown by" not in line]
    assert rows and all("`test_" in row or "::test_" in row for row in rows)
