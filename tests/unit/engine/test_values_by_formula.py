"""The compiled engine beside float64 formulas and hand-worked instants: no other engine is asked.

If the engine were replaced by zeros, these must fail:
``test_echo_demod_is_half_the_amplitude_turned_by_the_flight``, ``test_frequencies_that_divide_nothing``,
``test_dual_demod_of_an_iq_readout_behind_a_mixer``, ``test_amplitude_matrix``, ``test_raw_trace_of_an_echo``,
``test_integration_adds_up_volts_with_gain_and_offset``, ``test_exact_numerics_stay_near_the_formula``,
``test_noise_of_integrals_has_the_right_size``.

If I and Q were swapped, these must fail: ``test_the_outputs_of_an_iq_readout_are_not_swapped``,
``test_dual_demod_of_an_iq_readout_behind_a_mixer``, ``test_amplitude_matrix``; and where the cosine and the sine of a
demodulation were swapped: ``test_echo_demod_is_half_the_amplitude_turned_by_the_flight``.

``TestTheChecksThemselves`` holds this: with a compiled engine falsified so, the named checks do fail.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from compiled_engine import run
from reference.building import numbered
from reference.engine import Outcome
from reference.timing_checks import TimingChecks
from reference.value_checks import ValueChecks

from quaymaster._core.config.model import Config
from quaymaster._core.program import tree

ZERO_MUST_FAIL = [
    ("test_echo_demod_is_half_the_amplitude_turned_by_the_flight", (28,)),
    ("test_frequencies_that_divide_nothing", (50.123457e6,)),
    ("test_dual_demod_of_an_iq_readout_behind_a_mixer", ((1.02, 0.03, -0.05, 0.97),)),
    ("test_the_outputs_of_an_iq_readout_are_not_swapped", ()),
    ("test_amplitude_matrix", ()),
    ("test_integration_adds_up_volts_with_gain_and_offset", ()),
    ("test_raw_trace_of_an_echo", ()),
    ("test_exact_numerics_stay_near_the_formula", (50e6,)),
    ("test_noise_of_integrals_has_the_right_size", ()),
]
SWAPPED_OUTPUTS_MUST_FAIL = [
    ("test_the_outputs_of_an_iq_readout_are_not_swapped", ()),
    ("test_dual_demod_of_an_iq_readout_behind_a_mixer", ((1.0, 0.0, 0.0, 1.0),)),
    ("test_amplitude_matrix", ()),
]
SWAPPED_QUADRATURES_MUST_FAIL = [("test_echo_demod_is_half_the_amplitude_turned_by_the_flight", (28,))]


class TestValues(ValueChecks):
    """All of ``ValueChecks`` on the compiled engine."""

    run = staticmethod(run)


class TestTiming(TimingChecks):
    """All of ``TimingChecks`` on the compiled engine."""

    run = staticmethod(run)


def zeros(program: tree.Program, config: Config, **given: Any) -> Outcome:
    """An engine that measures nothing: values and codes are 0, times are right."""
    outcome = run(program, config, **given)
    streams = {name: [(0, time_ns) for _, time_ns in items] for name, items in outcome.streams.items()}
    traces = {name: [(n, at, [0] * len(codes)) for n, at, codes in items] for name, items in outcome.traces.items()}
    return Outcome(streams, traces, set(), outcome.end_ns)


def with_processes(program: tree.Program, change: Any) -> tree.Program:
    """The program with ``change`` made to every process of its measures."""
    body = tuple(
        msgspec.structs.replace(node, processes=tuple(map(change, node.processes)))
        if isinstance(node, tree.Measure)
        else node
        for node in program.body
    )
    return numbered(msgspec.structs.replace(program, body=body))


def swapped_outputs(program: tree.Program, config: Config, **given: Any) -> Outcome:
    """An engine that takes out1 for out2: I and Q of the ports are swapped."""
    other = {"out1": "out2", "out2": "out1"}

    def change(process: tree.Process) -> tree.Process:
        return msgspec.structs.replace(process, outputs=tuple(other[name] for name in process.outputs))

    return run(with_processes(program, change), config, **given)


def swapped_quadratures(program: tree.Program, config: Config, **given: Any) -> Outcome:
    """An engine that takes cosine weights for sine weights: I and Q of a demodulation are swapped."""
    other = {"cos": "sin", "sin": "cos"}

    def change(process: tree.Process) -> tree.Process:
        return msgspec.structs.replace(process, weights=tuple(other.get(name, name) for name in process.weights))

    return run(with_processes(program, change), config, **given)


class TestTheChecksThemselves:
    """Checks that a wrong engine passes are none."""

    @pytest.mark.parametrize(
        ("engine", "name", "arguments"),
        [
            *((zeros, *check) for check in ZERO_MUST_FAIL),
            *((swapped_outputs, *check) for check in SWAPPED_OUTPUTS_MUST_FAIL),
            *((swapped_quadratures, *check) for check in SWAPPED_QUADRATURES_MUST_FAIL),
        ],
    )
    def test_a_falsified_engine_fails(self, engine: Any, name: str, arguments: tuple[Any, ...]) -> None:
        """The named check fails on an engine of zeros, with outputs swapped, or with quadratures swapped."""

        class Falsified(ValueChecks):
            run = staticmethod(engine)

        with pytest.raises(AssertionError):
            getattr(Falsified(), name)(*arguments)
