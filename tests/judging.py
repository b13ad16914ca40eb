"""The compiled engine beside the reference engine on random whole programs: what is drawn, and what must agree."""

from __future__ import annotations

from dataclasses import dataclass
from traceback import clear_frames
from typing import Any

from compiled_engine import run as run_compiled
from compiled_engine import run_by_hand
from hypothesis import HealthCheck, given, settings
from reference.engine import Outcome
from reference.engine import run as run_reference
from reference.plants import all_outputs, port_of
from reference.programs import Case, Kind, cases
from reference.ranges import agree, heard_at

from quaymaster._core.config.model import PortRef
from quaymaster._core.engine.outside import Outside


@dataclass(frozen=True)
class Trial:
    """A sort of programs. ``forked``: every strand walks on its own from the start. ``outside``: things reach the job
    at random moments; a run that knows its log from the start, and the reference with that log, are the same run."""

    kind: Kind
    forked: bool = False
    outside: bool = False


TRIALS = {
    # integrals as sums over records; any plant
    "linear": Trial(Kind(photons=True)),
    # measured values in conditions, amplitudes, durations, frequencies and indices
    "feedback": Trial(Kind(feedback=True)),
    # mostly arithmetic, draws and arrays, with their times
    "classical": Trial(Kind(feedback=True, classical=True)),
    # mostly library functions, of values inside and outside their domains
    "library": Trial(Kind(feedback=True, classical=True, library=True)),
    # converter codes and the widths of the hardware
    "exact": Trial(Kind(numerics="exact", sigmas=(0.0, 1e-3))),
    # the same where converters saturate and values are used
    "exact loud": Trial(Kind(numerics="exact", sigmas=(0.0, 0.02), loud=True, feedback=True, photons=True)),
    # noise drawn jointly for overlapping windows
    "noise": Trial(Kind(sigmas=(1e-3,), traces=False)),
    # noise that raw traces and integrals share
    "noise and traces": Trial(Kind(sigmas=(1e-3,), feedback=True, photons=True)),
    # many long windows on few inputs
    "overlap": Trial(Kind(overlap=True, sigmas=(0.0, 1e-3), traces=False, measures_max=12)),
    # amplitudes that reach the converter's range: integrals fall back to samples
    "loud": Trial(Kind(loud=True, feedback=True, sigmas=(0.0, 0.02))),
    "forked": Trial(Kind(feedback=True, sigmas=(0.0, 1e-3)), forked=True),
    # waits for markers at digital inputs, and for ones that never come
    "edges": Trial(Kind(edges=True, feedback=True)),
    "edges forked": Trial(Kind(edges=True, feedback=True, sigmas=(0.0, 1e-3)), forked=True),
    "edges outside": Trial(Kind(edges=True, outside=True, feedback=True), outside=True),
    "outside": Trial(Kind(outside=True, feedback=True), outside=True),
    # the order of evaluation does not depend on when things arrive
    "outside forked": Trial(Kind(outside=True, feedback=True, sigmas=(0.0, 1e-3)), forked=True, outside=True),
    # mostly arithmetic with IO registers and inputs, and its times
    "outside classical": Trial(Kind(outside=True, feedback=True, classical=True, traces=False), outside=True),
    "outside exact": Trial(Kind(outside=True, numerics="exact", sigmas=(0.0, 1e-3)), outside=True),
}


def judge(trial: Trial, examples: int) -> None:
    """Both engines, the same bits, on so many random programs."""

    @settings(
        max_examples=examples,
        deadline=None,
        print_blob=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
    )
    @given(cases(trial.kind))
    def check(case: Case) -> None:
        try:
            if trial.outside:
                judge_by_hand(case, trial.forked)
            else:
                judge_alone(case, trial.forked)
        except Exception as failure:
            clear_frames(failure.__traceback__)  # hundreds of failures are kept, and their frames hold machines
            raise

    check()


def judge_alone(case: Case, forked: bool) -> None:
    """On both engines, nothing from outside."""
    given_ = setting_of(case)
    got = run_compiled(case.program, case.config, forked=forked, **given_)
    compare(got, run_reference(case.program, case.config, **given_))


def judge_by_hand(case: Case, forked: bool) -> None:
    """Live, on the reference with the log of that, and compiled with that log."""
    given_ = setting_of(case)
    live, log = run_by_hand(case.program, case.config, forked=forked, hand=case.hand, **given_)
    expected = run_reference(case.program, case.config, outside=log, **given_)
    again = run_compiled(case.program, case.config, outside=log, forked=forked, **given_)
    unwatched = ports_set(case, log)
    for outcome in (live, again, expected):
        for port in unwatched:
            outcome.overflows.pop(port, None)
    for got in (live, again):
        compare(got, expected)


def ports_set(case: Case, log: tuple[Outside, ...]) -> set[PortRef]:
    """The outputs whose offset or correction came from outside: they are watched until then."""
    found: set[PortRef] = set()
    for entry in log:
        if entry.kind == "correction":
            corrected = set(case.config.elements[entry.name].input_ports.values())
            found.update(port for port in all_outputs(case.config) if corrected & heard_at(case.config, port))
        elif entry.kind == "offset":
            found.add(port_of(case.config, entry.name, entry.input))
    return found


def setting_of(case: Case) -> dict[str, Any]:
    """What both engines are given beside the program and the config."""
    return {"seed": case.seed, "numerics": case.numerics, "plant": case.plant, "latency": case.latency}


def compare(got: Outcome, expected: Outcome) -> None:
    """Streams with values and times, raw traces with port, start and codes, events as sets of (code, place), the end,
    and what went beyond the range of an output. Of jobs that wait for ever what came until then: how far those get that
    do not wait is no matter of the contract."""
    assert got.waits == expected.waits
    if got.waits:
        for name, items in got.streams.items():
            both = min(len(items), len(expected.streams[name]))
            assert items[:both] == expected.streams[name][:both]
        return
    assert got.streams == expected.streams
    assert got.traces == expected.traces
    assert got.events == expected.events
    assert got.end_ns == expected.end_ns
    assert agree(expected.overflows, got.overflows), (expected.overflows, got.overflows)
