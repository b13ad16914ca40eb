"""Sine, cosine and arc tangent of the stream operators: the contract's, bit for bit, and nothing of numpy's own."""

from __future__ import annotations

import ast
import math
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from reference.library import atan2 as reference_atan2
from reference.phase import cosine_sine as reference_cosine_sine

import quaymaster.controller.results.circular as circular

PHASES = st.lists(st.one_of(st.integers(0, 2**64 - 1), st.integers(0, 64).map(lambda k: (k << 58) % 2**64)), min_size=1)
NUMBERS = st.one_of(st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-300, 1e300]), st.floats(-1e6, 1e6))


@given(PHASES)
def test_cosine_and_sine_are_the_contracts(phases: list[int]) -> None:
    """Each phase alone through the reference engine gives the same bits; both are right within 2**-51."""
    cosine, sine = circular.cosine_sine(np.array(phases, np.uint64))
    assert list(zip(cosine.tolist(), sine.tolist(), strict=True)) == [reference_cosine_sine(phase) for phase in phases]
    turns = [2 * math.pi * (phase / 2**64) for phase in phases]
    np.testing.assert_allclose(cosine, [math.cos(x) for x in turns], rtol=0, atol=2e-15)
    np.testing.assert_allclose(sine, [math.sin(x) for x in turns], rtol=0, atol=2e-15)


@given(NUMBERS, NUMBERS)
def test_arc_tangent_is_the_contracts(y: float, x: float) -> None:
    """The same bits as the reference; math.atan2 within rounding, but for the sign of zeros."""
    (angle,) = circular.arc_tangent(np.array([y]), np.array([x])).tolist()
    assert angle == reference_atan2(y, x)
    if y != 0:
        assert abs(angle - math.atan2(y, x)) < 1e-15


def test_the_quarters_are_exact() -> None:
    """0, 1/4, 1/2 and 3/4 turns."""
    cosine, sine = circular.cosine_sine(np.array([0, 1 << 62, 2 << 62, 3 << 62], np.uint64))
    assert cosine.tolist() == [1, 0, -1, 0] and sine.tolist() == [0, 1, 0, -1]
    assert np.isnan(circular.arc_tangent(np.array([np.nan, 1.0]), np.array([1.0, np.nan]))).all()


NAMES = """sin cos tan arcsin arccos arctan arctan2 atan2 sinh cosh tanh exp exp2 expm1 log log2 log10 log1p power pow
float_power hypot cbrt angle dot vdot inner matmul tensordot einsum convolve correlate fft"""
MACHINE_DEPENDENT = set(NAMES.split())


def test_no_function_that_differs_between_machines_is_called() -> None:
    """In all of controller/results: no transcendental of numpy or math, no BLAS, no numpy.fft."""
    folder = Path(circular.__file__).parent
    for path in sorted(folder.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in ("np", "math"):
                assert node.attr not in MACHINE_DEPENDENT, f"{path.name}:{node.lineno}"
            assert not (isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)), f"{path.name}:{node.lineno}"
