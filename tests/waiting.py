"""Waiting for what processes do in their own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0
POLL_S = 0.01


def until(true: Callable[[], Any], what: str, *, patience_s: float = PATIENCE_S) -> None:
    """Wait for a condition."""
    end = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < end, f"{what} did not come true"
        time.sleep(POLL_S)
