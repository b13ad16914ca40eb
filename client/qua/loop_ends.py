"""The warning about a for_ over a fixed whose end depends on the rounding of its numbers."""

from __future__ import annotations

import logging
from typing import Final

from ..._core.program import tree
from ..._core.program.literals import FIXED_ONE
from ..._core.program.loops import rounded_end

LOGGER: Final = logging.getLogger("quaymaster")
_DIGITS = 7


def warn_of_rounding(loop: tree.For, source: tuple[str, int]) -> None:
    """Log how often ``loop`` runs, where its numbers as they were written would make it another count."""
    found = rounded_end(loop)
    if found is None or loop.start is None:
        return
    LOGGER.warning(
        "%s:%d: this for_ over the fixed %s runs %d times, not %d: a fixed has steps of 2**-28, and %d times its step "
        "%s comes out beside the bound; compare with a number half a step away, such as %s",
        *source,
        getattr(loop.start.target, "name", ""),
        found.runs,
        found.meant,
        max(found.runs, found.meant) - 1,
        _short(found.step),
        _short(found.bound),
    )


def _short(raw: int) -> str:
    return f"{raw / FIXED_ONE:.{_DIGITS}g}"
