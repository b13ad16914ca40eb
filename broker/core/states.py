"""The life of a job, as a table.

Rules:
1. A job is in exactly one state. An event that the table does not list for that state raises and changes nothing.
2. From `pending` on, every job reaches one of the final states once, and none leaves a final state.
3. `loading` and `running` occupy the qm and its threads; `processing` only saves, so the next job may start.
"""

from __future__ import annotations

from typing import Final

from ..._core.errors import OurBug
from ..._core.wire import JobState

TABLE: Final[dict[JobState, dict[str, JobState]]] = {
    # state        event       next state
    "pending": {"start": "loading", "cancel": "canceled", "fail": "error"},
    "loading": {
        "run": "running",
        "process": "processing",
        "complete": "completed",
        "fail": "error",
        "cancel": "canceled",
        "lose": "lost",
    },
    "running": {
        "process": "processing",
        "complete": "completed",
        "fail": "error",
        "cancel": "canceled",
        "lose": "lost",
    },
    "processing": {"complete": "completed", "fail": "error", "cancel": "canceled", "lose": "lost"},
    "completed": {},
    "error": {},
    "canceled": {},
    "lost": {},
}

OCCUPYING: Final[frozenset[JobState]] = frozenset({"loading", "running"})
FINAL: Final[frozenset[JobState]] = frozenset(state for state, events in TABLE.items() if not events)
HELD_BY_CONTROLLER: Final[frozenset[JobState]] = frozenset({"loading", "running", "processing"})

EVENT_OF_REPORT: Final[dict[JobState, str]] = {
    "running": "run",
    "processing": "process",
    "completed": "complete",
    "error": "fail",
    "canceled": "cancel",
}
"""What a controller's status report means to the table."""


def next_state(state: JobState, event: str) -> JobState:
    """The state after `event`; raises OurBug where the table has none."""
    try:
        return TABLE[state][event]
    except KeyError:
        raise OurBug(f"a job that is {state} cannot {event}", code="bad_transition") from None


def allows(state: JobState, event: str) -> bool:
    """Whether the table lists `event` for `state`."""
    return event in TABLE[state]
