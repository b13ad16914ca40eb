"""The reference engine beside float64 formulas."""

from reference.engine import run
from reference.value_checks import ValueChecks


class TestReferenceValues(ValueChecks):
    """All of ``ValueChecks`` on the reference engine."""

    run = staticmethod(run)
