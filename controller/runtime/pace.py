"""Real time for endless programs: never faster; and where that cannot be kept, at most half a core.

Pure: the caller tells the time and sleeps.
"""

from __future__ import annotations

SLOW_BELOW = 0.95


class Pace:
    """Tells after each slice how long to rest. Times in seconds of a monotonic clock, simulated ones in ns."""

    def __init__(self, now_s: float) -> None:
        self._began_s = now_s
        self._slice_began_s = now_s
        self._clock_ns = 0

    def begin_slice(self, now_s: float) -> None:
        """The machine starts to run."""
        self._slice_began_s = now_s

    def rest_s(self, now_s: float, clock_ns: int) -> float:
        """How long to rest after a slice: until real time has caught up, else as long as the slice took."""
        self._clock_ns = clock_ns
        ahead_s = clock_ns * 1e-9 - (now_s - self._began_s)
        return ahead_s if ahead_s > 0 else now_s - self._slice_began_s

    def stood(self, for_s: float) -> None:
        """The program stood still for so long, and need not catch up with that."""
        self._began_s += for_s

    def rate(self, now_s: float) -> float:
        """Simulated time per real time so far."""
        passed_s = now_s - self._began_s
        return self._clock_ns * 1e-9 / passed_s if passed_s > 0 else 1.0

    def complaint(self, now_s: float) -> str:
        """A sentence if real time was not kept, else ""."""
        rate = self.rate(now_s)
        if rate >= SLOW_BELOW or now_s - self._began_s < 1.0:
            return ""
        return f"this program cannot keep to real time here: it ran at {rate:.3g} of it"
