"""No function whose bits differ between machines stands where results are made (docs/arithmetic.md 3)."""

from __future__ import annotations

import ast
import re
import struct
import sys
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMPILED = ("signals", "machine", "rendering")

NAMES = (
    *(
        "sin",
        "cos",
        "tan",
        "sincos",
        "sinpi",
        "cospi",
        "asin",
        "acos",
        "atan",
        "atan2",
        "sinh",
        "cosh",
        "tanh",
        "asinh",
    ),
    *(
        "acosh",
        "atanh",
        "exp",
        "exp2",
        "exp10",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "pow",
        "cbrt",
        "hypot",
        "erf",
    ),
    *("erfc", "gamma", "tgamma", "lgamma", "j0", "j1", "y0", "y1"),
)
TRANSCENDENTAL = re.compile(rf"_ZGV.*|(__)?c?({'|'.join(NAMES)})(f|l|f32|f64)?(_finite|_fma|_avx2|_r)?")
"""Of C libraries, with their vector (_ZGV...), complex, single and long variants."""

PYTHON_NAMES = {
    *NAMES,
    *("arcsin", "arccos", "arctan", "arctan2", "arcsinh", "arccosh", "arctanh"),
    *("power", "float_power", "logaddexp", "logaddexp2", "angle", "unwrap", "sinc", "i0", "polar", "phase", "rect"),
}
UNORDERED = {
    "dot",
    "vdot",
    "inner",
    "matmul",
    "tensordot",
    "einsum",
    "convolve",
    "correlate",
    "fft",
    "linalg",
    "random",
}
"""Sums of doubles whose order numpy does not state, and generators of its own."""
ALLOWED: dict[str, str] = {}
"""module:name -> why its bits reach no result. There is none so far."""


def undefined_symbols(path: Path) -> set[str]:
    """Names that a 64-bit little-endian ELF file takes from other libraries."""
    data = path.read_bytes()
    assert data[:6] == b"\x7fELF\x02\x01", path
    (table,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [struct.unpack_from("<IIQQQQIIQQ", data, table + k * size) for k in range(count)]
    found = set()
    for kind, offset, length, link, entry in ((s[1], s[4], s[5], s[6], s[9]) for s in sections):
        if kind != 11:  # SHT_DYNSYM
            continue
        strings = sections[link][4]
        for at in range(offset, offset + length, entry):
            name, _, _, section = struct.unpack_from("<IBBH", data, at)
            if section == 0:
                found.add(data[strings + name : data.index(b"\0", strings + name)].decode())
    return found - {""}


def transcendental(names: set[str]) -> set[str]:
    return {name for name in names if TRANSCENDENTAL.fullmatch(name)}


elf = pytest.mark.skipif(sys.platform != "linux", reason="reads ELF files")


@elf
@pytest.mark.parametrize("module", COMPILED)
def test_compiled_modules_take_no_transcendental_function_from_a_library(module: str) -> None:
    """The symbols that the engine's modules import: none is a sine, exponential, logarithm or power of libm."""
    names = undefined_symbols(Path(str(import_module(f"quaymaster._core.engine.{module}").__file__)))
    assert "PyModuleDef_Init" in names or "PyModule_Create2" in names, "the file was not read"
    assert transcendental(names) == set()


@elf
def test_a_module_that_takes_them_would_be_found() -> None:
    """The same look at numpy's own module finds what it takes from libm."""
    module = import_module("numpy._core._multiarray_umath")
    assert {"sin", "exp"} & transcendental(undefined_symbols(Path(str(module.__file__))))
    assert transcendental({"_ZGVbN2v_sin", "sincosf", "csin", "__pow_finite", "log2", "floor", "sqrt"}) == {
        "_ZGVbN2v_sin",
        "sincosf",
        "csin",
        "__pow_finite",
        "log2",
    }


def uses(text: str) -> set[str]:
    """What a Python or Cython text calls of numpy, math and cmath that has no bits of its own everywhere."""
    called = set(re.findall(r"\b(?:np|numpy|math|cmath)\.(\w+)", text))
    imported = re.findall(
        r"^\s*(?:from|cimport)\s+(?:math|cmath|numpy|libc\.math)\s+c?import\s+\(?([\w, \n]+)", text, re.M
    )
    called.update(name for group in imported for name in re.findall(r"\w+", group))
    return called & (PYTHON_NAMES | UNORDERED)


def code_of(path: Path) -> str:
    """A file without its strings and comments, as far as its language allows."""
    text = path.read_text()
    if path.suffix == ".py":
        tree = ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                node.value = ""
        return ast.unparse(tree)
    return re.sub(r'"""(.|\n)*?"""|"[^"\n]*"|#.*', "", text)


def test_python_calls_none_where_results_are_made() -> None:
    """In the core and the controller: none of numpy's or math's, no sum in an order that numpy does not state."""
    found = {
        f"{path.relative_to(ROOT)}:{name}"
        for room in ("_core", "controller")
        for suffix in ("py", "pyx")
        for path in sorted((ROOT / room).rglob(f"*.{suffix}"))
        for name in uses(code_of(path))
    }
    assert found == set(ALLOWED)


@pytest.mark.parametrize(
    "text",
    [
        "np.sin(x)",
        "math.log2(3)",
        "from math import floor, exp",
        "from libc.math cimport pow",
        "numpy.convolve(a, b)",
        "np.random.normal()",
    ],
)
def test_a_call_would_be_found(text: str) -> None:
    """Each way to write one."""
    assert uses(text)


def test_products_of_matrices_are_not_written_with_an_operator() -> None:
    """``@`` is a sum in numpy's order too."""
    for room in ("_core", "controller"):
        for path in sorted((ROOT / room).rglob("*.py")):
            operators = [type(node.op) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.BinOp)]
            assert ast.MatMult not in operators, path
