"""Where in the user's text we are, and refusals that say so."""

from __future__ import annotations

import sys

from ..._core.errors import AskedWrongly

_OURS = tuple(f"{__name__.partition('.')[0]}.{room}." for room in ("client", "_core"))


def caller_position() -> tuple[str, int]:
    """File and line of the innermost frame outside our own code; ("", 0) where there is none.

    The file is spelled as the user's code object has it.
    """
    frame = sys._getframe(1)
    while frame is not None:
        name = frame.f_globals.get("__name__")
        if not (isinstance(name, str) and name.startswith(_OURS)):
            return frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back  # type: ignore[assignment]
    return "", 0


def refusal(message: str, *, code: str, hint: str = "") -> AskedWrongly:
    """An error to raise about the user's present line, which ``details`` names (file, line)."""
    file, line = caller_position()
    return AskedWrongly(message, code=code, hint=hint, details={"file": file, "line": line})
