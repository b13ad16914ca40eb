"""The reference engine beside instants worked out by hand."""

from reference.engine import run
from reference.timing_checks import TimingChecks


class TestReferenceTiming(TimingChecks):
    """All of ``TimingChecks`` on the reference engine."""

    run = staticmethod(run)
