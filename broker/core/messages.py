"""What goes into the core and what comes out of it, beside the changes to rows.

Events: a client asked, a controller said something or is gone, time went by. Instructions: answer a client, send a
command to a controller, hint to listeners. The core sees routing ids as opaque tokens and bodies as opaque bytes.
"""

from __future__ import annotations

from typing import Any

import msgspec

from ..._core.wire import Fault, Hint, Report, Request
from ..._core.wire.commands import Actions
from ..._core.wire.records import Record

# -- events ----------------------------------------------------------------------------------------------------------


class Asked(msgspec.Struct, frozen=True):
    """A client's request; `client` says where the answer goes, `user` who asks."""

    client: bytes
    user: str
    request: Request
    bodies: tuple[Any, ...] = ()


class Said(msgspec.Struct, frozen=True):
    """A controller's report."""

    controller: str
    report: Report
    bodies: tuple[Any, ...] = ()


class Gone(msgspec.Struct, frozen=True):
    """A controller's connection ended, or it missed its heartbeats."""

    controller: str
    reason: str


class Ticked(msgspec.Struct, frozen=True):
    """Time went by; sent at least once a second."""


Event = Asked | Said | Gone | Ticked

# -- instructions ----------------------------------------------------------------------------------------------------


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Exactly one of: a result, an error, pending."""

    client: bytes
    request_id: str
    result: Record | None = None
    error: Fault | None = None
    pending: bool = False
    bodies: tuple[Any, ...] = ()


class Send(msgspec.Struct, frozen=True):
    """A command. A body that is a `str` is named by its digest ("" is an empty one), and read by whoever sends it."""

    controller: str
    action: Actions
    bodies: tuple[str | bytes, ...] = ()


class Publish(msgspec.Struct, frozen=True):
    """A hint for listeners."""

    hint: Hint


Instruction = Answer | Send | Publish
