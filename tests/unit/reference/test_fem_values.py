"""The reference engine on an OPX1000 beside float64 formulas."""

from reference.engine import run
from reference.fem_checks import FemChecks


class TestReferenceFems(FemChecks):
    """All of ``FemChecks`` on the reference engine."""

    run = staticmethod(run)
