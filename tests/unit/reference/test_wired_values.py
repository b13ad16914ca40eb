"""The reference engine behind cables, beside float64 formulas."""

from reference.engine import run
from reference.wire_checks import WireChecks


class TestReferenceWires(WireChecks):
    """All of ``WireChecks`` on the reference engine."""

    run = staticmethod(run)
