"""The compiled engine equals the reference engine bit for bit, on random whole programs.

Streams with values and times, raw traces with port, start and codes, events as sets of (code, place), the end.
Each function is one kind of programs, so that workers share the load; over 800 programs in all.
"""

from __future__ import annotations

import pytest
from compiled_engine import by_input
from compiled_engine import run as run_compiled
from hypothesis import HealthCheck, given, settings
from reference.benches import bench, raw_bench
from reference.building import align, demod, fixed, integration, measure, play, program, save, variable, wait
from reference.engine import run as run_reference
from reference.plants import Plant
from reference.programs import Case, Kind, cases
from reference.ranges import agree
from reference.value_checks import wire

from quaymaster._core.config import check_config
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import tree

EXAMPLES = 75
PROFILE = settings(
    max_examples=EXAMPLES,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def judge(case: Case, *, forked: bool = False) -> None:
    """Both engines, the same bits."""
    given_ = {"seed": case.seed, "numerics": case.numerics, "plant": case.plant, "latency": case.latency}
    expected = run_reference(case.program, case.config, **given_)  # type: ignore[arg-type]
    got = run_compiled(case.program, case.config, forked=forked, **given_)  # type: ignore[arg-type]
    assert got.streams == expected.streams
    assert by_input(got) == by_input(expected)
    assert got.events == expected.events
    assert got.end_ns == expected.end_ns
    assert agree(expected.overflows, got.overflows), (expected.overflows, got.overflows)


@PROFILE
@given(cases(Kind(photons=True)))
def test_linear(case: Case) -> None:
    """Integrals as sums over records; any plant."""
    judge(case)


@PROFILE
@given(cases(Kind(feedback=True)))
def test_linear_feedback(case: Case) -> None:
    """Measured values in conditions, amplitudes, durations, frequencies and indices."""
    judge(case)


@PROFILE
@given(cases(Kind(feedback=True, classical=True)))
def test_classical(case: Case) -> None:
    """Mostly arithmetic, draws and arrays, with their times."""
    judge(case)


@PROFILE
@given(cases(Kind(feedback=True, classical=True, library=True)))
def test_library(case: Case) -> None:
    """Mostly library functions, of values inside and outside their domains."""
    judge(case)


@PROFILE
@given(cases(Kind(numerics="exact", sigmas=(0.0, 1e-3))))
def test_exact(case: Case) -> None:
    """Converter codes and the widths of the hardware."""
    judge(case)


@PROFILE
@given(cases(Kind(numerics="exact", sigmas=(0.0, 0.02), loud=True, feedback=True, photons=True)))
def test_exact_loud_feedback(case: Case) -> None:
    """The same where converters saturate and values are used."""
    judge(case)


@PROFILE
@given(cases(Kind(sigmas=(1e-3,), traces=False)))
def test_noise_of_integrals(case: Case) -> None:
    """Noise drawn jointly for overlapping windows."""
    judge(case)


@PROFILE
@given(cases(Kind(sigmas=(1e-3,), feedback=True, photons=True)))
def test_noise_and_traces(case: Case) -> None:
    """Noise that raw traces and integrals share."""
    judge(case)


@PROFILE
@given(cases(Kind(overlap=True, sigmas=(0.0, 1e-3), traces=False, measures_max=12)))
def test_overlap(case: Case) -> None:
    """Many long windows on few inputs."""
    judge(case)


@PROFILE
@given(cases(Kind(loud=True, feedback=True, sigmas=(0.0, 0.02))))
def test_loud(case: Case) -> None:
    """Amplitudes that reach the converter's range: integrals fall back to samples."""
    judge(case)


@PROFILE
@given(cases(Kind(feedback=True, sigmas=(0.0, 1e-3))))
def test_forked_from_the_start(case: Case) -> None:
    """The engine with every strand on its own walks to the same bits."""
    judge(case, forked=True)


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
