"""Every function of the language, one by one: the compiled engine equals the reference bit for bit, on any raw values.

Random whole programs seldom draw each of forty functions; here each gets hundreds of arguments, edge cases first.
"""

from __future__ import annotations

from itertools import product

import pytest
from compiled_engine import run as run_compiled
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.benches import raw_bench
from reference.building import assign, cell, declare, program, repeat, save, variable
from reference.engine import run as run_reference
from reference.plants import Plant

from quaymaster._core.config import check_config
from quaymaster._core.program import tree
from quaymaster._core.program.functions import SIGNATURES, result_type

EDGES = [0, 1, -1, 2, 1 << 28, -(1 << 28), (1 << 31) - 1, -(1 << 31), 1 << 27, 1 << 26, 3 << 28, 558_205_610, 7]
# the last values outside of domains and the first ones inside: logarithms and bases, 1/sqrt x, 1/x, atan
EDGES += [3, 90_050, 90_051, 1 << 20, (1 << 20) + 1, 292_730_940, 292_730_941, 1 << 22, (1 << 22) + 1]
EDGES += [1 << 25, (1 << 25) + 1, -(1 << 25), 1 - (1 << 25), (1 << 28) + 1, -(1 << 28) - 1]
ONE_BY_ONE = sorted(name for name in SIGNATURES if not name.startswith("random."))
CASES = [
    (name, types)
    for name in ONE_BY_ONE
    for types in product(*SIGNATURES[name].takes)  # type: ignore[index]
    if SIGNATURES[name].alike is None or len(set(types[SIGNATURES[name].alike :])) == 1  # type: ignore[index]
]
RAW = st.one_of(st.sampled_from(EDGES), st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-(1 << 29), 1 << 29))
COUNT = 24


def argument(number: int, type_: tree.VarType, whole: bool) -> tree.Expression:
    """An array, or its cell of this round."""
    if whole:
        return tree.Whole(type=type_, array=f"a{number}")
    return cell(f"a{number}", variable("i", "int"), type_)


def one_call(name: str, types: tuple[tree.VarType, ...], raws: list[list[int]]) -> tree.Program:
    """Arrays of arguments, and the function of each round's cells (or of the whole arrays) saved."""
    signature = SIGNATURES[name]  # type: ignore[index]
    arguments = tuple(argument(k, type_, signature.arrays) for k, type_ in enumerate(types))
    gives = result_type(signature, arguments)
    call = tree.Call(type=gives, function=name, arguments=arguments)  # type: ignore[arg-type]
    arrays = tuple(
        declare(f"a{k}", type_, *(raw & 1 if type_ == "bool" else raw for raw in raws[k]), size=COUNT)
        for k, type_ in enumerate(types)
    )
    out = variable("out", gives)
    body = repeat("i", 1 if signature.arrays else COUNT, assign(out, call), save(out, "x"))
    return program(body, declarations=(*arrays, declare("out", gives), declare("i", "int")))


@pytest.mark.parametrize(("name", "types"), CASES, ids=[f"{name}-{'-'.join(types)}" for name, types in CASES])
@settings(max_examples=12)
@given(raws=st.lists(st.lists(RAW, min_size=COUNT, max_size=COUNT), min_size=3, max_size=3))
def test_a_function_of_any_values(name: str, types: tuple[tree.VarType, ...], raws: list[list[int]]) -> None:
    """The same bits and the same events (`math_domain`, `overflow`) for every argument."""
    whole = one_call(name, types, raws)
    config = check_config(raw_bench())
    outcomes = [
        run(whole, config, seed=1, numerics="linear", plant=Plant("none", 0.0)) for run in (run_compiled, run_reference)
    ]
    assert outcomes[0] == outcomes[1]
