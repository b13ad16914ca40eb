"""The library functions (docs/arithmetic.md, section 11): values by formula, within the last bits; the domains."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from engine_lab import run as run_program
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quaymaster._core.program import tree

ONE = 1 << 28
PROFILE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
RAW = st.one_of(st.integers(-(2**31), 2**31 - 1), st.sampled_from([0, 1, -1, ONE, -ONE, 2**31 - 1, -(2**31)]))


def wrap(number: int) -> int:
    """The low 32 bits, two's complement."""
    return (number + 2**31) % 2**32 - 2**31


def evaluate(expression: tree.Call, **cells: tuple[Any, Any]) -> tuple[dict[str, list[int]], set[str]]:
    """Assign ``expression`` to ``out``; the variables afterwards, and the events.

    ``cells``: name to (type, raw or raws).
    """
    given_: dict[str, tuple[Any, Any]] = {**cells, "out": (expression.type, 0)}
    declarations, saves, streams = [], [], []
    for name, (type, raw) in given_.items():
        raws = tuple(raw) if isinstance(raw, list) else (raw,)
        size = len(raws) if isinstance(raw, list) else 0
        declarations.append(tree.Declaration(at=0, name=name, type=type, size=size, initial=raws))
        streams.append(tree.StreamDeclaration(at=0, name=f"s_{name}", type=type))
        zero = tree.Value(type="int", raw=0)
        source = tree.Cell(type=type, array=name, index=zero) if size else tree.Variable(type=type, name=name)
        saves.append(tree.Save(at=0, source=source, stream=f"s_{name}"))
    out = tree.Assign(at=0, target=tree.Variable(type=expression.type, name="out"), value=expression)
    done = run_program(
        tree.Program(
            declarations=tuple(declarations),
            streams=tuple(streams),
            body=(out, *saves),
            nodes=(),
            results=(),
            sources=(("program.py", 1),),
        )
    )
    return {name: done.machine.variable(name) for name in given_}, {code for code, _, _ in done.machine.events()}


def call(function: Any, type: tree.VarType, *arguments: tree.Expression) -> tree.Call:
    """A call that gives ``type``."""
    return tree.Call(type=type, function=function, arguments=arguments)


def variables(type: tree.VarType, *names: str) -> tuple[tree.Variable, ...]:
    """Variables of one type."""
    return tuple(tree.Variable(type=type, name=name) for name in names)


def relu_like(x: float, y: float) -> float:
    """x where it is positive, else y."""
    return x if x >= 0 else y


SELU, ALPHA = 1.05070098, 1.67326324
ONE_ARGUMENT: dict[str, Callable[[float], float]] = {
    "sin2pi": lambda x: math.sin(2 * math.pi * x),
    "cos2pi": lambda x: math.cos(2 * math.pi * x),
    "sin": math.sin,
    "cos": math.cos,
    "exp": math.exp,
    "pow2": lambda x: 2.0**x,
    "ln": math.log,
    "log2": math.log2,
    "log10": math.log10,
    "sqrt": math.sqrt,
    "inv_sqrt": lambda x: 1 / math.sqrt(x),
    "inv": lambda x: 1 / x,
    "atan": math.atan,
    "atan_2pi": lambda x: math.atan(x) / (2 * math.pi),
    "elu": lambda x: relu_like(x, math.expm1(x)),
    "aelu": lambda x: relu_like(x, math.expm1(x)),
    "selu": lambda x: SELU * relu_like(x, ALPHA * math.expm1(x)),
}
DOMAINS: dict[str, Callable[[float], bool]] = {
    "exp": lambda x: x < 2.0794415416798357,
    "pow2": lambda x: x < 3,
    "ln": lambda x: x > math.exp(-8),
    "log2": lambda x: x > 2**-8,
    "log10": lambda x: x > 10**-8,
    "sqrt": lambda x: x >= 0,
    "inv_sqrt": lambda x: x > 1 / 64,
    "inv": lambda x: x <= -1 / 8 or x > 1 / 8,
    "atan": lambda x: -1 <= x <= 1,
}


def close(got: int, wanted: float) -> bool:
    """Within two units of the last place (of a double where that is coarser), modulo 2^32."""
    return abs(wrap(got - round(wanted * ONE))) <= 2 + abs(wanted) * ONE * 2**-48


def telling(events: set[str], wanted: float) -> bool:
    """Whether an overflow is told where a fixed does not hold the result, and nothing else; near its ends either is
    right."""
    if abs(abs(wanted) - 8) < 4 / ONE + abs(wanted) * 2**-44:
        return events <= {"overflow"}
    return events == (set() if -8 < wanted < 8 else {"overflow"})


def told(true: int) -> set[str]:
    """The same of a raw result that is known to the last bit."""
    return set() if wrap(true) == true else {"overflow"}


@pytest.mark.parametrize("name", sorted(ONE_ARGUMENT))
@PROFILE
@given(raw=RAW)
def test_functions_of_one_number(name: str, raw: int) -> None:
    """Python's function of the exact number, or 0 and an event outside the domain."""
    cells, events = evaluate(call(f"math.{name}", "fixed", *variables("fixed", "a")), a=("fixed", raw))
    if name in DOMAINS and not DOMAINS[name](raw / ONE):
        assert cells["out"] == [0]
        assert events == {"math_domain"}
        return
    wanted = ONE_ARGUMENT[name](raw / ONE)
    assert close(cells["out"][0], wanted)
    assert telling(events, wanted)


@PROFILE
@given(a=RAW, b=RAW)
def test_functions_of_two_numbers(a: int, b: int) -> None:
    """atan2 in its quadrant, log to a base, power, and the leaky line with a slope."""
    x, y = a / ONE, b / ONE

    def run(name: str) -> tuple[int, set[str]]:
        cells, events = evaluate(
            call(f"math.{name}", "fixed", *variables("fixed", "a", "b")), a=("fixed", a), b=("fixed", b)
        )
        return cells["out"][0], events

    assert close(run("atan2")[0], math.atan2(x, y))
    assert close(run("atan2_2pi")[0], math.atan2(x, y) / (2 * math.pi))
    sloped = a if a >= 0 else (a * b) >> 28
    assert run("plrelu") == (wrap(sloped), told(sloped))
    if x > 2**-8 and y > 2 ** (1 / 8):
        wanted, (raw, events) = math.log(x) / math.log(y), run("log")
        assert abs(wrap(raw - round(wanted * ONE))) <= 2 + abs(wanted / math.log(y)) * ONE * 2**-44
        assert telling(events, wanted)
    else:
        assert run("log") == (0, {"math_domain"})
    if x == 0 and y > 0:
        assert run("pow") == (0, set())
    elif x > 0 and x != 1:
        wanted, (raw, events) = x**y, run("pow")
        assert abs(wrap(raw - round(wanted * ONE))) <= 2 + wanted * ONE * 2**-44
        assert telling(events, wanted)
    else:
        assert run("pow") == (0, {"math_domain"})


@PROFILE
@given(a=RAW)
def test_functions_of_bits(a: int) -> None:
    """Absolute value (which wraps), rectifiers, and the place of the highest bit."""
    for type in ("int", "fixed"):
        for name, wanted in (("abs", abs(a)), ("relu", max(a, 0))):
            cells, events = evaluate(call(f"math.{name}", type, *variables(type, "a")), a=(type, a))  # type: ignore[arg-type]
            assert (cells["out"], events) == ([wrap(wanted)], told(wanted))
        msb = evaluate(call("math.msb", "int", *variables(type, "a")), a=(type, a))[0]["out"]  # type: ignore[arg-type]
        assert msb == [(abs(a).bit_length() - 1 if a else 0) - (28 if type == "fixed" else 0)]
    leaky = evaluate(call("math.lrelu", "fixed", *variables("fixed", "a")), a=("fixed", a))[0]["out"]
    assert leaky == [a if a >= 0 else wrap((a * round(0.01 * ONE)) >> 28)]


@PROFILE
@given(cells=st.lists(st.tuples(RAW, RAW), min_size=1, max_size=6))
def test_functions_of_arrays(cells: list[tuple[int, int]]) -> None:
    """Sums and dot products wrap, which is told of the whole of them; of equal cells the first is meant."""
    a, b = [x for x, _ in cells], [y for _, y in cells]
    whole: Any = {name: {t: tree.Whole(type=t, array=name) for t in ("int", "fixed")} for name in ("a", "b")}  # type: ignore[arg-type]
    for type in ("int", "fixed"):
        shift = 28 if type == "fixed" else 0
        wanted: dict[str, tuple[Any, int]] = {
            "sum": (type, sum(a)),
            "max": (type, max(a)),
            "min": (type, min(a)),
            "argmax": ("int", a.index(max(a))),
            "argmin": ("int", a.index(min(a))),
        }
        for name, (gives, result) in wanted.items():
            made = call(f"math.{name}", gives, whole["a"][type])
            done, events = evaluate(made, a=(type, a))
            assert (done["out"], events) == ([wrap(result)], told(result))
        dot = call("math.dot", type, whole["a"][type], whole["b"][type])  # type: ignore[arg-type]
        products = sum((x * y) >> shift for x, y in cells)
        done, events = evaluate(dot, a=(type, a), b=(type, b))
        assert (done["out"], events) == ([wrap(products)], told(products))
    for first, second in (("int", "fixed"), ("fixed", "int")):
        dot = call("math.dot", "fixed", whole["a"][first], whole["b"][second])
        done, events = evaluate(dot, a=(first, a), b=(second, b))
        products = sum(x * y for x, y in cells)
        assert (done["out"], events) == ([wrap(products)], told(products))


def test_a_dot_product_counts_bools() -> None:
    """Bools are the ints 0 and 1: two arrays of them give how often both hold, beside numbers they choose."""
    a, b, c = (tree.Whole(type=type, array=name) for name, type in (("a", "bool"), ("b", "bool"), ("c", "fixed")))  # type: ignore[arg-type]
    cells = {"a": ("bool", [1, 1, 0, 1]), "b": ("bool", [1, 0, 0, 1]), "c": ("fixed", [ONE, 3, ONE, -ONE // 2])}
    assert evaluate(call("math.dot", "int", a, b), **cells)[0]["out"] == [2]
    assert evaluate(call("math.dot", "fixed", a, c), **cells)[0]["out"] == [ONE + 3 - ONE // 2]
    assert evaluate(call("math.dot", "fixed", c, b), **cells)[0]["out"] == [ONE - ONE // 2]


LEAST, GREATEST = -(2**31), 2**31 - 1


@pytest.mark.parametrize(
    ("name", "type", "cells", "result", "overflows"),
    [
        ("sum", "fixed", [7 * ONE, 7 * ONE, -7 * ONE], 7 * ONE, False),  # a part of it does not fit, all of it does
        ("sum", "int", [GREATEST, 1], LEAST, True),
        ("dot", "int", [LEAST, LEAST], 0, True),  # 2^63
        ("dot", "fixed", [2 * ONE, 2 * ONE], -8 * ONE, True),
        ("dot", "fixed", [2 * ONE, ONE], 5 * ONE, False),
    ],
)
def test_overflow_of_arrays_by_hand(name: str, type: Any, cells: list[int], result: int, overflows: bool) -> None:
    """The sum of all cells, or of their squares: 4 + 4 does not fit a fixed, 7 + 7 - 7 does."""
    whole = tree.Whole(type=type, array="a")
    made = call(f"math.{name}", type, *[whole] * (2 if name == "dot" else 1))
    done, events = evaluate(made, a=(type, cells))
    assert (done["out"], events) == ([result], {"overflow"} if overflows else set())


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("abs", [-8.0], -8.0),
        ("plrelu", [-4.0, -3.0], -4.0),  # 12
        ("pow", [2.0, 3.5], 2**3.5 - 16),
        ("selu", [7.9], 1.05070098 * 7.9 - 16),
        ("log", [1 / 64, 1.25], math.log(1 / 64, 1.25) + 16),  # -18.6
    ],
)
def test_overflow_of_numbers_by_hand(name: str, arguments: list[float], result: float) -> None:
    """Results of 8 and more are 16 less, and told."""
    names = "ab"[: len(arguments)]
    given_ = {name: ("fixed", round(x * ONE)) for name, x in zip(names, arguments, strict=True)}
    done, events = evaluate(call(f"math.{name}", "fixed", *variables("fixed", *names)), **given_)
    assert close(done["out"][0], result) and events == {"overflow"}


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("log2", [2.0**-9]),
        ("ln", [1e-4]),
        ("inv", [0.1]),
        ("inv_sqrt", [0.01]),
        ("log", [0.5, 1.05]),
        ("pow", [1.0, 2.0]),
        ("pow", [0.0, 0.0]),
        ("atan", [1.5]),
    ],
)
def test_outside_the_documented_ranges(name: str, arguments: list[float]) -> None:
    """0, and told, where the platform documents no result, also where a wrapped number could be given."""
    names = "ab"[: len(arguments)]
    given_ = {name: ("fixed", round(x * ONE)) for name, x in zip(names, arguments, strict=True)}
    done, events = evaluate(call(f"math.{name}", "fixed", *variables("fixed", *names)), **given_)
    assert (done["out"], events) == ([0], {"math_domain"})


@pytest.mark.parametrize("truth", [0, 1])
def test_cond(truth: int) -> None:
    """One of two values; the seed of the one that is not chosen advances too."""
    seed = tree.Variable(type="int", name="s")
    draws = tuple(call("random.rand_int", "int", seed, tree.Value(type="int", raw=1 << 28)) for _ in range(2))
    made = call("util.cond", "int", tree.Variable(type="bool", name="c"), *draws)
    first = (137939405 * 7 + 12345) % 2**28
    second = (137939405 * first + 12345) % 2**28
    cells, _ = evaluate(made, c=("bool", truth), s=("int", 7))
    assert cells["out"] == [first if truth else second]
    assert cells["s"] == [second]
