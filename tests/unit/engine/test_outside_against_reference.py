"""What comes from outside: a run that things reach at random moments, and one that knows its log from the start,
are the same run, and that of the reference engine, bit for bit."""

from __future__ import annotations

import pytest
from compiled_engine import by_input, run_by_hand
from compiled_engine import run as run_compiled
from hypothesis import HealthCheck, given, settings
from reference.engine import run as run_reference
from reference.programs import Case, Kind, cases

PROFILE = settings(
    max_examples=20,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)


def judge(case: Case, *, forked: bool = False) -> None:
    """Live, on the reference with the log of that, and compiled with that log: the same bits."""
    given_ = {"seed": case.seed, "numerics": case.numerics, "plant": case.plant, "latency": case.latency}
    live, log = run_by_hand(case.program, case.config, forked=forked, hand=case.hand, **given_)  # type: ignore[arg-type]
    expected = run_reference(case.program, case.config, outside=log, **given_)  # type: ignore[arg-type]
    again = run_compiled(case.program, case.config, outside=log, forked=forked, **given_)  # type: ignore[arg-type]
    for got in (live, again):
        assert got.streams == expected.streams
        assert by_input(got) == by_input(expected)
        assert got.events == expected.events
        assert got.end_ns == expected.end_ns


@PROFILE
@given(cases(Kind(outside=True, feedback=True)))
def test_linear(case: Case) -> None:
    """All of it, with feedback."""
    judge(case)


@PROFILE
@given(cases(Kind(outside=True, feedback=True, sigmas=(0.0, 1e-3))))
def test_forked_from_the_start(case: Case) -> None:
    """Every strand on its own, with noise: the order of evaluation does not depend on when things arrive."""
    judge(case, forked=True)


@PROFILE
@given(cases(Kind(outside=True, feedback=True, classical=True, traces=False)))
def test_classical(case: Case) -> None:
    """Mostly arithmetic with IO registers and inputs, and its times."""
    judge(case)


@pytest.mark.parametrize("numerics", ["exact"])
@PROFILE
@given(cases(Kind(outside=True, numerics="exact", sigmas=(0.0, 1e-3))))
def test_exact(numerics: str, case: Case) -> None:
    """Converter codes."""
    judge(case)
