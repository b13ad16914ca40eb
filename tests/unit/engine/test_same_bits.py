"""The same images and the same bits on each supported Python and at each dispatch level, on random whole programs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from reference.programs import Case, Kind, cases
from same_bits import digests, written

from quaymaster._core.program.codec import encode_program

ROOT = Path(__file__).parents[3]
SCRIPT = ROOT / "tests" / "same_bits.py"
KINDS = (Kind(), Kind(numerics="exact"), Kind(feedback=True, loud=True))
EACH = 25
PYTHONS = ("3.11", "3.12", "3.13")
LEVELS = {"default": (), "avx2": ("-mavx2",), "avx512f": ("-mavx512f",)}


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of random jobs."""
    path = tmp_path_factory.mktemp("bits") / "jobs"
    found: list[Case] = []
    for number, kind in enumerate(KINDS):

        @seed(number)
        @settings(
            max_examples=EACH,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
            deadline=None,
        )
        @given(cases(kind))
        def collect(case: Case) -> None:
            found.append(case)

        collect()
    written(path, ((encode_program(c.program), c.facts.raw, c.numerics, c.latency) for c in found))
    return path


def told(python: str, jobs: Path, **environment: str) -> dict[str, str]:
    """What another process says."""
    command = [python, "-P", str(SCRIPT), str(jobs)]
    done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **environment})
    found: dict[str, str] = json.loads(done.stdout)
    return found


def test_the_order_of_hashes_does_not_matter(jobs: Path) -> None:
    """Two processes that hash strings differently."""
    assert told(sys.executable, jobs, PYTHONHASHSEED="1") == told(sys.executable, jobs, PYTHONHASHSEED="2")


def interpreter(version: str) -> str | None:
    """A Python of this version, on the path or among those of pyenv; None where there is none that works."""
    kept = sorted(Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin/python"))
    for python in (shutil.which(f"python{version}"), *map(str, kept)):
        if python and not subprocess.run([python, "-c", "import venv"], capture_output=True).returncode:
            return python
    return None


def installed(python: str, home: Path, *flags: str) -> str:
    """A Python of a fresh virtual environment that has this tree, compiled with ``flags``."""
    source = home / "source"
    kept = shutil.ignore_patterns(".git", "build", ".tox", "*.so", "__pycache__")
    shutil.copytree(ROOT, source, ignore=kept)
    subprocess.run([python, "-m", "venv", str(home / "venv")], check=True)
    own = str(home / "venv" / "bin" / "python")
    environment = {**os.environ, "CFLAGS": " ".join(flags)}
    environment.pop("PYTHONPATH", None)
    subprocess.run([own, "-m", "pip", "install", "-q", str(source)], check=True, env=environment)
    return own


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("version", PYTHONS)
def test_each_supported_python(version: str, jobs: Path, tmp_path: Path) -> None:
    """An installation of its own gives what this one gives: images byte for byte, and all values."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"there is no Python {version} here")
    assert told(installed(python, tmp_path), jobs) == digests(jobs)


@pytest.mark.long
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("level", LEVELS)
def test_each_dispatch_level(level: str, jobs: Path, tmp_path: Path) -> None:
    """An installation that of one level alone gives what this one gives, which chooses when it is loaded."""
    have = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else set()
    if any(flag[2:] not in have for flag in LEVELS[level]):
        pytest.skip(f"this machine has no {level}")
    assert told(installed(sys.executable, tmp_path, "-DSIGNAL_NO_CLONES", *LEVELS[level]), jobs) == digests(jobs)
