"""The compiled engine behind cables, beside float64 formulas."""

from compiled_engine import run
from reference.building import measure, program, wait
from reference.value_checks import wire
from reference.wire_checks import WireChecks, raw_ports

from quaymaster._core.config import check_config


class TestCompiledWires(WireChecks):
    """All of ``WireChecks`` on the compiled engine."""

    run = staticmethod(run)

    def test_a_filter_rests_for_a_second(self) -> None:
        """Two readouts a second apart hear the same: silence is passed over, in memory that stays small."""
        raw = raw_ports({1: {"filter": {"feedforward": [0.5], "feedback": [0.5]}}}, frequency=None)
        readout = measure("readout", "r", stream="adc")
        whole = program(readout, wait(250_000_000, "r"), readout)
        outcome = run(whole, check_config(raw), seed=1, numerics="linear", plant=wire((1, 1)))
        (_, first, one), (_, second, other) = outcome.traces["adc"]
        assert second - first == 1_000_000_200 and one == other and len(set(one)) == 10
