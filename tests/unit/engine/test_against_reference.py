"""The compiled engine equals the reference engine bit for bit, on random whole programs.

Over 800 programs in the quick run, and as many again and more in the long one; `judging` has the sorts.
"""

from __future__ import annotations

import pytest
from compiled_engine import run as run_compiled
from example_configs import opx_two_qubits
from judging import TRIALS, judge
from reference.benches import bench, raw_bench
from reference.building import (
    align,
    cell,
    declare,
    demod,
    fixed,
    integration,
    measure,
    play,
    program,
    save,
    variable,
    wait,
)
from reference.engine import run as run_reference
from reference.plants import Plant
from reference.value_checks import wire

from quaymaster._core.config import check_config
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree

# hypothesis makes a failing program smaller for up to five minutes: a test that is ended meanwhile names none
pytestmark = pytest.mark.timeout(900)

EXAMPLES, EXAMPLES_BY_HAND, EXAMPLES_LONG = 75, 20, 120


@pytest.mark.parametrize("name", TRIALS)
def test_random_programs(name: str) -> None:
    """Each sort of programs."""
    trial = TRIALS[name]
    judge(trial, EXAMPLES_BY_HAND if trial.outside else EXAMPLES)


@pytest.mark.long
@pytest.mark.parametrize("name", TRIALS)
def test_many_random_programs(name: str) -> None:
    """The same, so that both runs together see more than 2,000."""
    judge(TRIALS[name], EXAMPLES_LONG)


@pytest.mark.parametrize("count", [64, 65])
def test_the_limit_of_overlapping_integrals(count: int) -> None:
    """Noise of 64 overlapping windows is drawn alike; 65 are refused by both."""
    raw = raw_bench(length=16)
    raw["integration_weights"]["cos"] = {"cosine": [(1.0, 16 * 100)], "sine": [(0.0, 16 * 100)]}
    x = variable("x")
    reads = [measure("readout", "r", integration("cos", x)) for _ in range(count)]
    whole = program(*reads, save(x, "x"), declarations="x:f")
    given_ = {"seed": 1, "numerics": "linear", "plant": Plant("none", 1e-3)}
    if count <= 64:
        outcomes = [run(whole, check_config(raw), **given_) for run in (run_compiled, run_reference)]  # type: ignore[arg-type]
        assert outcomes[0] == outcomes[1]
        return
    with pytest.raises(OverflowError):
        run_reference(whole, check_config(raw), **given_)  # type: ignore[arg-type]
    with pytest.raises(AskedWrongly) as refused:
        run_compiled(whole, check_config(raw), **given_)  # type: ignore[arg-type]
    assert refused.value.code == "too_many_overlaps"


def test_windows_of_one_measure_on_two_inputs_in_turn() -> None:
    """Slices on input 1, an integral on input 2, slices on input 1 again: all of input 1 in the order of ends."""
    setup = check_config(opx_two_qubits())
    a2, a5 = (tree.Whole(type="fixed", array=name) for name in ("a2", "a5"))
    one, other = {"weights": ("cos",), "outputs": ("out1",)}, {"weights": ("cos",), "outputs": ("out2",)}
    processes = (
        tree.Process(at=-1, kind="demod.sliced", target=a2, chunk=125, **one),
        tree.Process(at=-1, kind="integration.full", target=variable("x"), **other),
        tree.Process(at=-1, kind="demod.accumulated", target=a5, chunk=50, **one),
    )
    saves = [save(cell(name, k), "x") for name, count in (("a2", 2), ("a5", 5)) for k in range(count)]
    declared = (declare("x"), declare("a2", size=2), declare("a5", size=5))
    whole = program(measure("readout", "rr1", *processes), *saves, declarations=declared)
    given_ = {"seed": 1, "numerics": "linear", "plant": Plant("echo", 1e-3)}
    got, expected = (run(whole, setup, **given_) for run in (run_compiled, run_reference))  # type: ignore[arg-type]
    assert got == expected


@pytest.mark.parametrize("middle", ["rotation by 0", "play of 0", "nothing"])
def test_where_a_hold_is_split(middle: str) -> None:
    """Two holds of 0.3 V in a window count twice for its range, so that its noise is drawn otherwise; one does not."""
    raw = raw_bench(amplitude=0.3)
    raw["elements"]["q"]["sticky"] = {"analog": True, "duration": 40}
    x = variable("x")
    split = {
        "rotation by 0": tree.FrameRotation(at=-1, element="q", turns=fixed(0.0)),
        "play of 0": play("flat", "q", 0.0),
        "nothing": wait(5, "q"),
    }
    start = (play("flat", "q"), align("q", "r"), wait(20, "q"), split[middle], wait(60, "q"))
    whole = program(
        *start, measure("readout", "r", demod("cos", x), amplitude=(0.0,)), save(x, "x"), declarations="x:f"
    )
    given_ = {"seed": 1, "numerics": "linear", "plant": wire((4, 1), latency_ns=40, noise=1e-3)}
    got, expected = (run(whole, check_config(raw), **given_) for run in (run_compiled, run_reference))  # type: ignore[arg-type]
    assert got == expected
    without = program(*start[:2], wait(100, "q"), *whole.body[5:], declarations="x:f")
    one_hold = run_reference(without, check_config(raw), **given_)  # type: ignore[arg-type]
    assert (got.streams["x"][0][0] == one_hold.streams["x"][0][0]) == (middle == "nothing")


@pytest.mark.parametrize("numerics", ["linear", "exact"])
def test_the_comparison_can_fail(numerics: str) -> None:
    """Another seed gives other noise: the judge notices."""
    x = variable("x")
    whole = program(measure("readout", "r", demod("cos", x)), save(x, "x"), declarations="x:f")
    outcomes = [
        run(whole, bench(), seed=seed, numerics=numerics, plant=Plant("echo", 1e-3))  # type: ignore[arg-type]
        for run, seed in ((run_compiled, 1), (run_reference, 1), (run_reference, 2))
    ]
    assert outcomes[0] == outcomes[1] != outcomes[2]
