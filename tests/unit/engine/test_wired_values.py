"""The compiled engine behind cables, beside float64 formulas."""

from compiled_engine import run
from reference.wire_checks import WireChecks


class TestCompiledWires(WireChecks):
    """All of ``WireChecks`` on the compiled engine."""

    run = staticmethod(run)
