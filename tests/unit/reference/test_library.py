"""The reference's library functions beside Python's math, to one step of 4.28 and 1e-14 of the value."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import library

from quaymaster._core.program.tree import Function

RAW = st.integers(-(2**31), 2**31 - 1)
TRUE: dict[str, Callable[..., float]] = {
    "math.sin2pi": lambda x: math.sin(2 * math.pi * (x % 1)),
    "math.cos2pi": lambda x: math.cos(2 * math.pi * (x % 1)),
    "math.sin": math.sin,
    "math.cos": math.cos,
    "math.exp": math.exp,
    "math.pow2": lambda x: 2**x,
    "math.ln": math.log,
    "math.log2": math.log2,
    "math.log10": math.log10,
    "math.log": math.log,
    "math.pow": math.pow,
    "math.sqrt": math.sqrt,
    "math.inv_sqrt": lambda x: 1 / math.sqrt(x),
    "math.inv": lambda x: 1 / x,
    "math.atan": math.atan,
    "math.atan2": math.atan2,
    "math.atan_2pi": lambda x: math.atan(x) / (2 * math.pi),
    "math.atan2_2pi": lambda y, x: math.atan2(y, x) / (2 * math.pi),
    "math.elu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "math.aelu": lambda x: x if x >= 0 else math.exp(x) - 1,
    "math.selu": lambda x: 1.05070098 * (x if x >= 0 else 1.67326324 * (math.exp(x) - 1)),
    "math.lrelu": lambda x: x if x >= 0 else round(0.01 * 2**28) / 2**28 * x,
    "math.plrelu": lambda x, a: x if x >= 0 else a * x,
    "math.abs": abs,
    "math.relu": lambda x: max(x, 0.0),
}
OUTSIDE = {
    "math.exp": [(2.08,), (7.9,)],
    "math.pow2": [(3.0,)],
    "math.ln": [(0.0,), (-1.0,), (1e-4,), (90050 / 2**28,)],
    "math.log2": [(0.0,), (2.0**-9,), (2.0**-8,)],
    "math.log10": [(-0.5,), (2 / 2**28,)],
    "math.log": [(0.0, 2.0), (2.0, 1.0), (2.0, -2.0), (0.5, 1.05), (2.0, 0.5), (2.0**-8, 2.0)],
    "math.pow": [(-1.0, 2.0), (0.0, -1.0), (1.0, 2.0), (0.0, 0.0)],
    "math.sqrt": [(-0.25,)],
    "math.inv_sqrt": [(0.0,), (0.01,), (1 / 64,)],
    "math.inv": [(0.0,), (0.1,), (-0.1,), (0.125,)],
    "math.atan": [(1 + 2.0**-28,), (-2.0,)],
}
FIRST_INSIDE: dict[str, list[tuple[tuple[float, ...], float]]] = {
    "math.ln": [((90051 / 2**28,), math.log(90051 / 2**28))],
    "math.log2": [((2.0**-8 + 2.0**-28,), math.log2(2.0**-8 + 2.0**-28))],
    "math.log10": [((3 / 2**28,), math.log10(3 / 2**28))],
    "math.log": [((4.0, 2.0), 2.0), ((0.5, 1.25), math.log(0.5, 1.25))],
    "math.pow": [((2.0, 0.0), 1.0), ((0.0, 3.0), 0.0), ((0.5, -2.5), 2**2.5)],
    "math.inv_sqrt": [((1 / 64 + 2.0**-28,), (1 / 64 + 2.0**-28) ** -0.5)],
    "math.inv": [((-0.125,), -8.0), ((0.125 + 2.0**-28,), 1 / (0.125 + 2.0**-28))],
    "math.atan": [((1.0,), math.pi / 4), ((-1.0,), -math.pi / 4)],
}
TWO = {"math.log", "math.pow", "math.atan2", "math.atan2_2pi", "math.plrelu"}


@pytest.mark.parametrize("function", TRUE)
@given(RAW, RAW)
def test_values(function: str, first: int, second: int) -> None:
    """Inside the domain: the true value modulo 16, told where that is another; outside: 0 and told."""
    raws = [first, second] if function in TWO else [first]
    told: list[str] = []
    got = library.value(function, "fixed", raws, told.append)
    if "math_domain" in told:
        assert (got, told) == (0, ["math_domain"])
        return
    true = TRUE[function](*(raw / 2**28 for raw in raws)) * 2**28
    apart = (got - true + 2**31) % 2**32 - 2**31
    assert abs(apart) <= 1 + 1e-14 * abs(true) * (30 if function == "math.log" else 1)
    assert told == ([] if abs(got - true) < 2**31 else ["overflow"])


@pytest.mark.parametrize(("function", "arguments"), [(f, a) for f, all_ in OUTSIDE.items() for a in all_])
def test_outside_the_domain(function: str, arguments: tuple[float, ...]) -> None:
    """There the result is 0, and that is told."""
    told: list[str] = []
    assert library.value(function, "fixed", [round(a * 2**28) for a in arguments], told.append) == 0
    assert told == ["math_domain"]


@pytest.mark.parametrize(("function", "arguments", "true"), [(f, *a) for f, all_ in FIRST_INSIDE.items() for a in all_])
def test_just_inside_the_domain(function: str, arguments: tuple[float, ...], true: float) -> None:
    """The first values inside have their results, which fit."""
    told: list[str] = []
    got = library.value(function, "fixed", [round(a * 2**28) for a in arguments], told.append)
    assert abs(got - true * 2**28) <= 1 and told == []


def test_corners() -> None:
    """Values that the platform's documentation names, and those of zero."""
    quiet: list[str] = []
    msb = [library.value("math.msb", t, [raw], quiet.append) for t, raw in [("fixed", round(0.1 * 2**28)), ("int", 5)]]
    assert msb == [-4, 2]
    assert library.value("math.msb", "int", [0], quiet.append) == 0
    assert library.value("math.msb", "fixed", [0], quiet.append) == -28
    assert library.value("math.pow", "fixed", [0, 2**28], quiet.append) == 0
    assert library.value("math.atan2", "fixed", [0, 0], quiet.append) == 0
    assert library.value("util.cond", "bool", [0, 5, 6], quiet.append) == 6
    assert not quiet
    assert library.value("math.abs", "int", [-(2**31)], quiet.append) == -(2**31)
    assert quiet == ["overflow"]


def test_arrays() -> None:
    """Sums and dot products wrap, which is told; ties of argmax and argmin go to the first."""
    cells = [3, -5, 2**31 - 1, -5, 2**31 - 1]
    told: list[str] = []
    names = ("sum", "max", "min", "argmax", "argmin")
    of = {name: library.of_arrays(f"math.{name}", ["int"], [cells], told.append) for name in names}
    assert of == {"sum": -9, "max": 2**31 - 1, "min": -5, "argmax": 2, "argmin": 1}
    assert told == ["overflow"]
    half, two = 2**27, 2**29
    assert library.of_arrays("math.dot", ["fixed"] * 2, [[half, two], [half, half]], told.append) == 2**26 + 2**28
    assert library.of_arrays("math.sum", ["fixed"], [[7 * 2**28, 7 * 2**28, -7 * 2**28]], told.append) == 7 * 2**28
    assert told == ["overflow"]
    assert library.of_arrays("math.dot", ["int"] * 2, [[2**20, 3], [2**20, 4]], told.append) == 12
    assert told == ["overflow"] * 2
    assert library.of_arrays("math.dot", ["int", "fixed"], [[3, -1], [half, two]], told.append) == -half
    assert told == ["overflow"] * 2
    assert library.of_arrays("math.dot", ["fixed", "int"], [[half, two], [16, 4]], told.append) == 0
    assert told == ["overflow"] * 3


def test_every_function_is_there() -> None:
    """No name of the language is missing."""
    arrays = {f"math.{name}" for name in ("sum", "max", "min", "argmax", "argmin", "dot")}
    known = set(library.OF_RAWS) | set(library.OF_DOUBLES) | arrays
    assert {name for name in get_args(Function) if not name.startswith(("cast.", "random."))} == known
