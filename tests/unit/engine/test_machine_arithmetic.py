"""Every operator and function of section 1 of docs/arithmetic.md, beside Python's unbounded integers."""

from __future__ import annotations

from typing import Any

import pytest
from engine_lab import run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quaymaster._core.engine.machine import Machine
from quaymaster._core.program import tree

LOW, HIGH = -(2**31), 2**31 - 1
RAW = st.one_of(st.integers(LOW, HIGH), st.sampled_from([0, 1, -1, LOW, HIGH, 2**28, -(2**28), 31, 32, 4095, 4096]))
PROFILE = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def wrap(number: int) -> int:
    """The low 32 bits, two's complement."""
    return (number + 2**31) % 2**32 - 2**31


def told(true: int) -> set[str]:
    """The event of a result: an overflow where 32 bits do not hold the true one."""
    return set() if wrap(true) == true else {"overflow"}


def value(type: Any, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def evaluate(expression: tree.Expression, **variables: tuple[Any, Any]) -> tuple[dict[str, list[int]], set[str]]:
    """Assign ``expression`` to ``out``; the variables afterwards, and the events.

    ``variables``: name to (type, raw or list of raws). ``out`` has the type of the expression.
    """
    assign = tree.Assign(at=0, target=tree.Variable(type=expression.type, name="out"), value=expression)
    done = execute((assign,), out=(expression.type, 0), **variables)
    return done, {code for code, _, _ in done_machine(done).events()}


class Cells(dict[str, list[int]]):
    """The cells of all variables, and the machine they come from."""

    machine: Machine


def done_machine(cells: dict[str, list[int]]) -> Machine:
    """The machine behind the cells."""
    assert isinstance(cells, Cells)
    return cells.machine


def execute(body: tuple[tree.Statement, ...], **variables: tuple[Any, Any]) -> Cells:
    """Run the body for the saver, who needs all the variables."""
    declarations, saves, streams = [], [], []
    for name, (type, raw) in variables.items():
        cells = tuple(raw) if isinstance(raw, list) else (raw,)
        size = len(cells) if isinstance(raw, list) else 0
        declarations.append(tree.Declaration(at=0, name=name, type=type, size=size, initial=cells))
        streams.append(tree.StreamDeclaration(at=0, name=f"s_{name}", type=type))
        source = (
            tree.Cell(type=type, array=name, index=value("int", 0)) if size else tree.Variable(type=type, name=name)
        )
        saves.append(tree.Save(at=0, source=source, stream=f"s_{name}"))
    program = tree.Program(
        declarations=tuple(declarations),
        streams=tuple(streams),
        body=(*body, *saves),
        nodes=(),
        results=(),
        sources=tuple(("program.py", line) for line in range(1, 7)),
    )
    done = run(program)
    cells = Cells({name: done.machine.variable(name) for name in variables})
    cells.machine = done.machine
    return cells


def binary(type: Any, operator: Any, operands: Any, right: Any = None) -> tree.Binary:
    """Operator on variables a and b of these types."""
    return tree.Binary(
        type=type,
        operator=operator,
        left=tree.Variable(type=operands, name="a"),
        right=tree.Variable(type=right or operands, name="b"),
    )


EXPECTED: dict[str, dict[str, Any]] = {  # true results, not wrapped
    "int": {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "/": lambda a, b: a // b if b else 0,
        "&": lambda a, b: a & b,
        "|": lambda a, b: a | b,
        "^": lambda a, b: a ^ b,
    },
    "fixed": {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: (a * b) >> 28,
        "/": lambda a, b: (a << 28) // b if b else 0,
        "&": lambda a, b: a & b,
        "|": lambda a, b: a | b,
        "^": lambda a, b: a ^ b,
    },
}
COMPARISONS: dict[Any, Any] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
}


@pytest.mark.parametrize("type", ["int", "fixed"])
@PROFILE
@given(a=RAW, b=RAW)
def test_operators(type: str, a: int, b: int) -> None:
    """All operators on two numbers of one type, wrapped and told where 32 bits do not hold the result; 0 and an event
    where the divisor is 0."""
    for operator, expected in EXPECTED[type].items():
        cells, events = evaluate(binary(type, operator, type), a=(type, a), b=(type, b))
        assert cells["out"] == [wrap(expected(a, b))], operator
        assert events == ({"division_by_zero"} if operator == "/" and b == 0 else told(expected(a, b))), operator
    for operator, expected in COMPARISONS.items():
        cells, _ = evaluate(binary("bool", operator, type), a=(type, a), b=(type, b))
        assert cells["out"] == [int(expected(a, b))], operator


@PROFILE
@given(a=RAW, b=RAW)
def test_the_quotient_of_two_ints_as_a_fixed(a: int, b: int) -> None:
    """floor(a * 2^28 / b), wrapped and told."""
    cells, events = evaluate(binary("fixed", "/", "int"), a=("int", a), b=("int", b))
    true = (a << 28) // b if b else 0
    assert cells["out"] == [wrap(true)]
    assert events == (told(true) if b else {"division_by_zero"})


def test_the_quotient_of_two_ints_beside_a_fixed() -> None:
    """3/4 + 1/8 is 0.875: it is not rounded down before."""
    quotient = binary("fixed", "/", "int")
    whole = tree.Binary(type="fixed", operator="+", left=quotient, right=tree.Value(type="fixed", raw=1 << 25))
    assert evaluate(whole, a=("int", 3), b=("int", 4))[0]["out"] == [7 << 25]


@pytest.mark.parametrize("type", ["int", "fixed"])
@PROFILE
@given(a=RAW, count=st.integers(-40, 40))
def test_shifts(type: str, a: int, count: int) -> None:
    """Raw shifts; a count outside 0 to 31 gives 0 to the left, the sign to the right; bits lost left are told."""
    inside = 0 <= count <= 31
    left, events = evaluate(binary(type, "<<", type, "int"), a=(type, a), b=("int", count))
    right, quiet = evaluate(binary(type, ">>", type, "int"), a=(type, a), b=("int", count))
    assert left["out"] == [wrap(a << count) if inside else 0]
    assert right["out"] == [a >> count if inside else (-1 if a < 0 else 0)]
    assert events == told(a << (count if inside else 32)) and quiet == set()


@pytest.mark.parametrize("a", [0, 1])
@pytest.mark.parametrize("b", [0, 1])
def test_bools(a: int, b: int) -> None:
    """Logical operators."""
    for operator, expected in {"&": a & b, "|": a | b, "^": a ^ b, "==": int(a == b)}.items():
        cells, _ = evaluate(binary("bool", operator, "bool"), a=("bool", a), b=("bool", b))
        assert cells["out"] == [expected]


CASTS: list[tuple[Any, Any, Any, Any]] = [
    ("cast.to_int", "fixed", "int", lambda a: a >> 28),
    ("cast.to_int", "int", "int", lambda a: a),
    ("cast.to_fixed", "int", "fixed", lambda a: a << 28),
    ("cast.to_fixed", "fixed", "fixed", lambda a: a),
    ("cast.to_bool", "int", "bool", lambda a: int(a != 0)),
    ("cast.to_bool", "fixed", "bool", lambda a: int(a != 0)),
    ("cast.unsafe_cast_int", "fixed", "int", lambda a: a),
    ("cast.unsafe_cast_fixed", "int", "fixed", lambda a: a),
    ("cast.unsafe_cast_bool", "int", "bool", lambda a: a & 1),
]


@pytest.mark.parametrize(("function", "source", "type", "expected"), CASTS)
@PROFILE
@given(a=RAW)
def test_casts(function: Any, source: Any, type: Any, expected: Any, a: int) -> None:
    """One argument, by the table; an int beyond a fixed wraps and is told, other bits are never."""
    call = tree.Call(type=type, function=function, arguments=(tree.Variable(type=source, name="a"),))
    cells, events = evaluate(call, a=(source, a))
    assert cells["out"] == [wrap(expected(a))]
    assert events == told(expected(a))


@pytest.mark.parametrize("a", [0, 1])
def test_casts_of_bools(a: int) -> None:
    """A bool counts as 0 or 1."""
    argument = (tree.Variable(type="bool", name="a"),)
    for function, type, expected in (("cast.to_int", "int", a), ("cast.to_fixed", "fixed", a << 28)):
        call = tree.Call(type=type, function=function, arguments=argument)  # type: ignore[arg-type]
        assert evaluate(call, a=("bool", a))[0]["out"] == [expected]


@PROFILE
@given(f=RAW, i=RAW)
def test_mixed_products(f: int, i: int) -> None:
    """fixed by int stays fixed; int by fixed stays int; what does not fit is told."""
    fixed, whole = tree.Variable(type="fixed", name="f"), tree.Variable(type="int", name="i")
    by_int = tree.Call(type="fixed", function="cast.mul_fixed_by_int", arguments=(fixed, whole))
    by_fixed = tree.Call(type="int", function="cast.mul_int_by_fixed", arguments=(whole, fixed))
    variables = {"f": ("fixed", f), "i": ("int", i)}
    for call, true in ((by_int, f * i), (by_fixed, (i * f) >> 28)):
        cells, events = evaluate(call, **variables)
        assert cells["out"] == [wrap(true)]
        assert events == told(true)


FIXED = 2**28
BY_HAND: list[tuple[Any, Any, int, int, int, bool]] = [
    # type of the sides, operator, raws, raw result, whether it is told
    ("fixed", "+", 4 * FIXED, 4 * FIXED, -8 * FIXED, True),
    ("fixed", "+", 4 * FIXED, 4 * FIXED - 1, 8 * FIXED - 1, False),
    ("int", "+", HIGH, 1, LOW, True),
    ("int", "+", HIGH, 0, HIGH, False),
    ("fixed", "-", 0, LOW, LOW, True),  # -(-8)
    ("int", "-", LOW, 1, HIGH, True),
    ("int", "-", -1, HIGH, LOW, False),
    ("int", "*", 2**16, 2**15, LOW, True),
    ("int", "*", 2**16, -(2**15), LOW, False),
    ("fixed", "*", 3 * FIXED, 3 * FIXED, -7 * FIXED, True),
    ("fixed", "*", 2 * FIXED, -4 * FIXED, LOW, False),
    ("int", "/", LOW, -1, LOW, True),
    ("int", "/", LOW, 1, LOW, False),
    ("fixed", "/", 7 * FIXED, FIXED // 4, -4 * FIXED, True),  # 28 - 32
    ("fixed", "/", FIXED, FIXED // 4, 4 * FIXED, False),
    ("fixed", "/", LOW, -FIXED, LOW, True),
]


@pytest.mark.parametrize(("type", "operator", "a", "b", "result", "overflows"), BY_HAND)
def test_overflow_by_hand(type: Any, operator: Any, a: int, b: int, result: int, overflows: bool) -> None:
    """The last result that fits and the first that does not, of each operator: 4 + 4 is -8 in 4.28, and told."""
    cells, events = evaluate(binary(type, operator, type), a=(type, a), b=(type, b))
    assert cells["out"] == [result]
    assert events == ({"overflow"} if overflows else set())


@pytest.mark.parametrize(("count", "result", "overflows"), [(0, 3, False), (29, 3 << 29, False), (30, LOW // 2, True)])
def test_shifts_by_hand(count: int, result: int, overflows: bool) -> None:
    """3 << 29 would be 3 * 2^29 = 1610612736, which fits; 3 << 30 does not, and keeps its low 32 bits."""
    cells, events = evaluate(binary("int", "<<", "int"), a=("int", 3), b=("int", count))
    assert (cells["out"], events) == ([result], {"overflow"} if overflows else set())


def test_the_place_of_an_overflow() -> None:
    """Each statement has its own: the assign, the step of a loop; a draw has none."""
    x, y, n = (tree.Variable(type="int", name=name) for name in "xyn")
    grown = tree.Binary(type="int", operator="+", left=x, right=value("int", 1))
    doubled = tree.Binary(type="int", operator="<<", left=n, right=value("int", 16))
    drawn = tree.Call(type="int", function="random.rand_int", arguments=(y, value("int", HIGH)))
    loop = tree.For(
        at=1,
        start=tree.Assign(at=2, target=n, value=value("int", 1)),
        condition=tree.Binary(type="bool", operator=">", left=n, right=value("int", 0)),
        step=tree.Assign(at=3, target=n, value=doubled),
        body=(tree.Assign(at=4, target=x, value=grown),),
    )
    cells = execute((loop, tree.Assign(at=5, target=y, value=drawn)), x=("int", HIGH), y=("int", 5), n=("int", 0))
    assert cells["n"] == [0] and cells["x"] == [LOW + 1]
    assert done_machine(cells).events() == [("overflow", 3, 1), ("overflow", 4, 1)]


@PROFILE
@given(seed=RAW, n=RAW)
def test_random(seed: int, n: int) -> None:
    """The generator of the platform; the seed variable keeps its state."""
    state = (137939405 * (seed % 2**32) + 12345) % 2**28
    name = tree.Variable(type="int", name="s")
    below = tree.Call(type="int", function="random.rand_int", arguments=(name, tree.Variable(type="int", name="n")))
    cells, _ = evaluate(below, s=("int", seed), n=("int", n))
    assert cells["out"] == [wrap((state * n) >> 28)]
    assert cells["s"] == [state]
    unit = tree.Call(type="fixed", function="random.rand_fixed", arguments=(name,))
    cells, _ = evaluate(unit, s=("int", seed))
    assert (cells["out"], cells["s"]) == ([state], [state])


def test_a_draw_beside_its_own_seed() -> None:
    """Left to right: the seed is read before the draw on its right advances it; on the left it is drawn first."""
    seed = tree.Variable(type="int", name="s")
    draw = tree.Call(type="int", function="random.rand_int", arguments=(seed, value("int", 1000)))
    state = (137939405 * 5 + 12345) % 2**28
    drawn = (state * 1000) >> 28
    before = tree.Binary(type="int", operator="+", left=seed, right=draw)
    after = tree.Binary(type="int", operator="+", left=draw, right=seed)
    assert evaluate(before, s=("int", 5))[0]["out"] == [wrap(5 + drawn)]
    assert evaluate(after, s=("int", 5))[0]["out"] == [wrap(drawn + state)]


@PROFILE
@given(cells=st.lists(RAW, min_size=1, max_size=5), index=st.integers(-3, 7), new=RAW)
def test_cells(cells: list[int], index: int, new: int) -> None:
    """Reading outside gives 0, writing outside does nothing; both are reported."""
    place = tree.Cell(type="int", array="x", index=tree.Variable(type="int", name="i"))
    inside = 0 <= index < len(cells)
    after, events = evaluate(place, x=("int", cells), i=("int", index))
    assert after["out"] == [cells[index] if inside else 0]
    assert events == (set() if inside else {"out_of_bounds"})
    written = execute((tree.Assign(at=0, target=place, value=value("int", new)),), x=("int", cells), i=("int", index))
    expected = [new if k == index else old for k, old in enumerate(cells)]
    assert written["x"] == expected


@PROFILE
@given(raw=RAW)
def test_a_bool_takes_any_number(raw: int) -> None:
    """Assigned to a bool, what is not 0 is true: a scalar and a cell."""
    for target in (
        tree.Variable(type="bool", name="t"),
        tree.Cell(type="bool", array="u", index=value("int", 1)),
    ):
        assign = tree.Assign(at=0, target=target, value=tree.Variable(type="fixed", name="a"))
        cells = execute((assign,), t=("bool", 0), u=("bool", [0, 0]), a=("fixed", raw))
        assert cells["t"][0] | cells["u"][1] == int(raw != 0)


@PROFILE
@given(data=st.data())
def test_nested_expressions(data: st.DataObject) -> None:
    """Random trees of + − * & | ^ on four ints: order and temporaries are right."""
    raws = [data.draw(RAW) for _ in range(4)]
    names = "abcd"

    def draw(depth: int) -> tuple[tree.Expression, int]:
        if depth == 0 or data.draw(st.booleans()):
            k = data.draw(st.integers(0, 3))
            return tree.Variable(type="int", name=names[k]), raws[k]
        operator = data.draw(st.sampled_from(list("+-*&|^")))
        left, right = draw(depth - 1), draw(depth - 1)
        node = tree.Binary(type="int", operator=operator, left=left[0], right=right[0])  # type: ignore[arg-type]
        return node, wrap(EXPECTED["int"][operator](left[1], right[1]))

    node, expected = draw(5)
    cells, _ = evaluate(node, **{name: ("int", raw) for name, raw in zip(names, raws, strict=True)})
    assert cells["out"] == [expected]
