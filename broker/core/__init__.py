"""The broker's decisions, pure: `Core.handle(event, now)` gives changes to make durable and instructions to follow.

`states` (the life of a job), `ports` (who holds which port), `threads` (who takes which threads), `dispatch` (what runs
next), `*_requests` (what clients may ask), `controller_reports` (what controllers say), `cluster` (all state), `rows`
(what outlives the process), `invariants` (what must hold after every event).
"""

from .core import Core
from .messages import Answer, Asked, Event, Gone, Instruction, Publish, Said, Send, Ticked
from .rows import Change, MetaRow, Rows

__all__ = [
    "Answer",
    "Asked",
    "Change",
    "Core",
    "Event",
    "Gone",
    "Instruction",
    "MetaRow",
    "Publish",
    "Rows",
    "Said",
    "Send",
    "Ticked",
]
