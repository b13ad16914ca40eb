"""The errors that users see, in three families that say whose move is next.

``AskedWrongly``: the client asked for something that cannot be; nothing was changed; change the request.
``Taken``: the request was fine, but something it needs is held or missing now; wait, or ask its holder.
``OurBug``: a promise of ours was broken; report it.

Each error carries a stable ``code`` (for programs), a message (the cause), a ``hint`` (the next step) and ``details``
(plain data: who holds what, since when). The same four travel on the wire.
"""

from __future__ import annotations

from typing import Any


class QuaymasterError(Exception):
    """Base of all errors that quaymaster raises on purpose."""

    family = "bug"
    default_code = "internal_error"

    def __init__(
        self, message: str, *, code: str | None = None, hint: str = "", details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.hint = hint
        self.details: dict[str, Any] = details or {}

    def __str__(self) -> str:
        text = f"{self.message} [{self.code}]"
        return f"{text}\n  next: {self.hint}" if self.hint else text


class AskedWrongly(QuaymasterError):
    """The request cannot be met as it stands; nothing was changed."""

    family = "asked_wrongly"
    default_code = "bad_request"


class Taken(QuaymasterError):
    """Something the request needs is held by somebody else, or not there now."""

    family = "taken"
    default_code = "taken"


class OurBug(QuaymasterError):
    """A promise of quaymaster's own was broken."""


def not_yet(what: str) -> AskedWrongly:
    """The error for a part of the platform that quaymaster does not do yet.

    >>> str(not_yet("simulate"))
    'simulate is not supported yet [not_yet]\\n  next: it comes with a later version; see CHANGELOG.md'
    """
    return AskedWrongly(
        f"{what} is not supported yet", code="not_yet", hint="it comes with a later version; see CHANGELOG.md"
    )
