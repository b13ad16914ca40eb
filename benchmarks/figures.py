"""What the benchmarks share: the table they print, the JSON line they end with, and where reference scripts are found.

A ratio is ours/reference for rates and reference/ours for times and memory: bigger is better.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Literal

REFERENCES_VARIABLE = "QUAYMASTER_REFERENCES"
"""Folder of the reference scripts (ref_broker.py, bench_interp.py); by default `shared/perf` beside the checkout."""


@dataclass(frozen=True)
class Figure:
    """One figure and the reference measured in the same run (None: there was none to run)."""

    name: str
    ours: float
    reference: float | None
    unit: str
    better: Literal["more", "less"]

    @property
    def ratio(self) -> float | None:
        """How many times better than the reference."""
        if self.reference is None or not self.ours or not self.reference:
            return None
        return self.ours / self.reference if self.better == "more" else self.reference / self.ours


def parser(doc: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has."""
    found = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    found.add_argument("--json", action="store_true", help="end with one JSON object")
    default = os.environ.get(REFERENCES_VARIABLE) or Path(__file__).resolve().parents[2] / "shared" / "perf"
    found.add_argument("--references", type=Path, default=default, help="folder of the reference scripts")
    return found


def show(figures: list[Figure], as_json: bool) -> None:
    """Print the table, and the JSON line if asked."""
    width = max(len(figure.name) for figure in figures)
    print(f"{'figure':{width}}  {'ours':>12}  {'reference':>12}  {'unit':8}  ratio")
    for figure in figures:
        reference = "-" if figure.reference is None else f"{figure.reference:12.4g}"
        ratio = "-" if figure.ratio is None else f"{figure.ratio:.3f}"
        print(f"{figure.name:{width}}  {figure.ours:12.4g}  {reference:>12}  {figure.unit:8}  {ratio}")
    if as_json:
        rows = {
            row.name: {"ours": row.ours, "reference": row.reference, "ratio": row.ratio, "unit": row.unit}
            for row in figures
        }
        print(json.dumps(rows))


def reference_script(folder: Path, name: str) -> ModuleType | None:
    """A reference script as a module, or None (said aloud) where the folder does not have it."""
    path = Path(folder) / f"{name}.py"
    if not path.exists():
        print(f"no reference {path.name} in {folder}: our own figures only (set {REFERENCES_VARIABLE})")
        return None
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
