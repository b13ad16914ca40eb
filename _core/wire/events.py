"""What the broker publishes, and the beat that shows a peer to be alive.

Events are hints: one that is lost costs nothing, because each carries the revision of the broker's state, and a
reader who sees a gap asks again.
"""

# ruff: noqa: RUF012  (msgspec copies mutable defaults)

from __future__ import annotations

from typing import Literal

from .records import Name, Record


class Hint(Record, frozen=True, kw_only=True):
    """Something changed: ask for it if it matters to you."""

    kind: Literal["job", "qm", "controller"]
    id: Name
    state: Name = ""
    qm_id: Name = ""


class Event(Record, frozen=True, kw_only=True):
    """broker -> everybody who listens. One a second without hints is the beat."""

    revision: int
    hints: list[Hint] = []
    hints_left_out: int = 0


class Beat(Record, frozen=True, kw_only=True):
    """broker <-> controller, each second. `instance` is the sender's."""

    instance: Name
    revision: int = 0
