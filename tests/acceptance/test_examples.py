"""The programs of examples/, run as a user runs them: each checks its own numbers and ends in a plot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from process_cluster import ProcessCluster

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
SHARED = {"configuration.py", "running.py"}
NAMES = sorted(path.stem for path in EXAMPLES.glob("*.py") if path.name not in SHARED)
LINES_MAX = 100


@pytest.mark.parametrize("name", NAMES)
def test_an_example_agrees_with_its_formula_and_draws(cluster: ProcessCluster, tmp_path: Path, name: str) -> None:
    """The script ends well, says what it found, and its plot is a picture."""
    plot = tmp_path / f"{name}.png"
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / f"{name}.py"), str(plot)],
        env=cluster.environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-3000:] + cluster.logs()
    assert done.stdout.startswith(f"{name}: ")
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_there_are_examples_and_they_are_short() -> None:
    """At least six, each to be read at a glance."""
    assert len(NAMES) >= 6
    for name in NAMES:
        assert len((EXAMPLES / f"{name}.py").read_text().splitlines()) <= LINES_MAX, name
