"""An image as text, one instruction a line, for tests and for reports of our own bugs."""

from __future__ import annotations

from ..._core.engine.codes import SAVER_BIT, Op
from ..._core.engine.image import Image

_SLOTS_FROM = {Op.JUMP_FALSE: 1, Op.SAVE: 1, Op.SAVE_TIMED: 1, Op.ROTATE: 1, Op.FREQUENCY: 1}


def disassemble(image: Image) -> str:
    """All instructions: place, operation, operands, who executes it, and the source line."""
    lines = []
    for place, (row, mask, at) in enumerate(zip(image.code, image.masks, image.code_at, strict=True)):
        op = Op(int(row[0]))
        operands = " ".join(str(int(value)) for value in row[1:])
        file, line = image.sources[at] if 0 <= at < len(image.sources) else ("", 0)
        where = f"  ; {file}:{line}" if file else ""
        lines.append(f"{place:4d} {op.name.lower():16s} {operands:24s} {strands_text(image, int(mask))}{where}")
    return "\n".join(lines)


def strands_text(image: Image, mask: int) -> str:
    """The names of the threads in a mask; ``all`` where everybody is."""
    if mask == (1 << 64) - 1:
        return "all"
    names = [name for thread, name in enumerate(image.threads) if mask >> thread & 1]
    return ",".join([*names, "saver"] if mask >> SAVER_BIT & 1 else names)
