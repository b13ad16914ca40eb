"""What the compiler does not lower yet is refused by name and line, whatever it is, and never crashes it."""

from __future__ import annotations

from typing import Any

import pytest
from example_configs import opx_readout_pair
from example_trees import BOOL, FIXED, INT, likely_program, program
from hypothesis import HealthCheck, given, settings

from quaymaster._core.config.model import Config
from quaymaster._core.config.parse import parse_config
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree
from quaymaster._core.program.check import check_program
from quaymaster._core.program.functions import SIGNATURES, result_type
from quaymaster.controller.compiler import compile_program, later

VARIABLES: dict[tree.VarType, tree.Variable] = {"int": INT, "fixed": FIXED, "bool": BOOL}
ARRAY = tree.Whole(type="fixed", array="a2")


def config() -> Config:
    """One readout element q with the operation x and the weights w."""
    raw = opx_readout_pair()
    element = raw["elements"]["rr"] | {"operations": {"x": "readout_pulse"}}
    raw["elements"] = {"q": element}
    raw["pulses"]["readout_pulse"]["integration_weights"] = {"w": "cos_w"}
    parsed, issues = parse_config(raw)
    assert parsed is not None, issues
    return parsed


CONFIG = config()


def call(function: tree.Function) -> tree.Statement:
    """An assign of a right call of ``function``."""
    signature = SIGNATURES[function]
    arguments: list[tree.Expression] = [ARRAY if signature.arrays else VARIABLES[types[0]] for types in signature.takes]
    made = tree.Call(type=result_type(signature, arguments), function=function, arguments=tuple(arguments))
    return tree.Assign(at=1, target=VARIABLES[made.type], value=made)


def refused(*body: tree.Statement) -> str:
    """The message of not_yet that ``body`` gets, which names the second source line."""
    made = program(*body)
    assert check_program(made) == []
    with pytest.raises(AskedWrongly) as caught:
        compile_program(made, CONFIG)
    assert caught.value.code == "not_yet"
    assert "user.py:7: " in caught.value.message
    return caught.value.message


@pytest.mark.parametrize("function", sorted(later.FUNCTIONS))
def test_functions(function: tree.Function) -> None:
    """Each function, wherever it stands."""
    assert f"{function} is not supported yet" in refused(call(function))
    assert f"{function} is not supported yet" in refused(tree.StrictTiming(at=0, body=(call(function),)))


@pytest.mark.parametrize("kind", sorted(later.PROCESSES))
def test_processes(kind: tree.ProcessKind) -> None:
    """Each kind of process."""
    window = 2 if kind.endswith(".moving_window") else 0
    process = tree.Process(at=1, kind=kind, weights=("w",), outputs=("",), target=ARRAY, chunk=1, window=window)
    assert f"{kind} is not supported yet" in refused(
        tree.Measure(at=0, operation="x", element="q", processes=(process,))
    )


OPTIONS: dict[str, Any] = {
    "continues": {"continues": True},
}


@pytest.mark.parametrize(("kind", "option"), sorted(later.OPTIONS, key=str))
def test_options(kind: Any, option: str) -> None:
    """Each option of play and measure."""
    if kind is tree.Chirp:
        statement: Any = tree.Play(at=1, operation="x", element="q", chirp=tree.Chirp(rates=(INT,), **OPTIONS[option]))
    else:
        statement = kind(at=1, **({"operation": "x", "element": "q"} | OPTIONS[option]))
    assert f"{kind.__name__.lower()}({option}=...) is not supported yet" in refused(statement)


@pytest.mark.skipif(tree.RampToZero not in later.STATEMENTS, reason="it is known")
def test_ramp_to_zero() -> None:
    """The statement."""
    assert "RampToZero is not supported yet" in refused(tree.RampToZero(at=1, element="q"))


@settings(max_examples=300, suppress_health_check=list(HealthCheck), deadline=None)
@given(likely_program())
def test_nearly_right_programs_compile_or_are_refused(made: tree.Program) -> None:
    """Whatever the new parts of the tree hold: an image, or one error in words."""
    try:
        compile_program(made, CONFIG)
    except AskedWrongly as error:
        assert error.code in ("compile_error", "not_yet")
        assert error.code == "not_yet" or check_program(made) or "user.py" in error.message
