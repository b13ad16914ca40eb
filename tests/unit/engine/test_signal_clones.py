"""One program, several instruction sets: the same bits."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "_core" / "engine"
SOURCES = re.findall(
    r"(\w+)\.c\b", re.findall(r"set\(SIGNAL_SOURCES ([^)]*)", (ENGINE.parent / "CMakeLists.txt").read_text())[0]
)
FLAGS = ["-O3", "-ffp-contract=off", "-fno-math-errno", "-fno-trapping-math", "-std=gnu11"]
BUILDS = {
    "plain": ("-DSIGNAL_NO_CLONES",),
    "no optimiser": ("-DSIGNAL_NO_CLONES", "-O0"),
    "avx2": ("-DSIGNAL_NO_CLONES", "-mavx2"),
    "avx2, fma": ("-DSIGNAL_NO_CLONES", "-mavx2", "-mfma"),
    "avx512f": ("-DSIGNAL_NO_CLONES", "-mavx512f"),
    "native": ("-DSIGNAL_NO_CLONES", "-march=native"),
    "clones": (),
    "clones, avx2": ("-DSIGNAL_NO_AVX512",),
}


def runs_here(flags: tuple[str, ...]) -> bool:
    """Whether this machine has the instructions."""
    have = set(Path("/proc/cpuinfo").read_text().split()) if Path("/proc/cpuinfo").exists() else set()
    return all(flag[2:] in have for flag in flags if flag in ("-mavx2", "-mfma", "-mavx512f"))


def digest(tmp_path: Path, flags: tuple[str, ...]) -> str:
    """What the fixed job of signal_bits.c gives in a build with these flags."""
    program = tmp_path / "bits"
    sources = [str(Path(__file__).with_name("signal_bits.c")), *(str(ENGINE / f"{name}.c") for name in SOURCES)]
    command = ["gcc", *FLAGS, *flags, f"-I{ENGINE}", *sources, "-o", str(program), "-lm"]
    subprocess.run(command, check=True, capture_output=True)
    return subprocess.run([program], check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.long
@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_every_instruction_set_gives_the_same_bits(tmp_path: Path) -> None:
    """The kernels built for each instruction set, without the optimiser, and with clones chosen when loaded: a job with
    overlaps, noise, stretched pulses, chirps, holds, clipping, traces, output samples and both numerics has
    one digest. What scopes show, which may differ, is in each within one step of the contract."""
    digests = {name: digest(tmp_path, flags) for name, flags in BUILDS.items() if runs_here(flags)}
    assert len(set(digests.values())) == 1, digests
    assert not any(digest.startswith("error") for digest in digests.values()), digests
