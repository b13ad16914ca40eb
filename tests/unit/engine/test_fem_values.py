"""The compiled engine on an OPX1000 beside float64 formulas."""

from compiled_engine import run
from reference.fem_checks import FemChecks


class TestCompiledFems(FemChecks):
    """All of ``FemChecks`` on the compiled engine."""

    run = staticmethod(run)
