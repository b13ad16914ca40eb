"""Section 5 of docs/arithmetic.md: the DC offsets of outputs as inputs hear them, a record for each stretch of time."""

from __future__ import annotations

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef

from .board import Board
from .plants import all_outputs, level_name
from .records import Record, Steady

EVER = 2**61
"""A level has been there since −EVER ns, and goes on until EVER."""


def level_records(config: model.Config, heard: set[PortRef], threads: int, board: Board) -> list[Record]:
    """The records of the outputs whose offset is heard, behind all those of the ``threads``."""
    found = []
    for place, port in enumerate(all_outputs(config)):
        if port in heard:
            changes = sorted(board.offsets.get(port, []), key=lambda change: change[:2])
            starts = [-EVER, *(t for t, _, _ in changes)]
            output = config.analog_output(port)
            assert isinstance(output, model.AnalogOutput)
            volts = [output.offset, *(v for _, _, v in changes)]
            for start, end, level in zip(starts, [*starts[1:], EVER], volts, strict=True):
                if end > start:
                    found.append(steady(port, threads + place, start, end, level))
    return found


def steady(port: PortRef, thread: int, start: int, end: int, volts: float) -> Record:
    """One stretch."""
    return Record(
        element=level_name(port),
        thread=thread,
        order=0,
        start=start,
        samples=Steady(end - start),
        alpha=(volts, 0.0),
        beta=(0.0, 0.0),
        theta=0,
        inc=0,
    )
