"""Gaps inside strict_timing_ that are certain before the program runs (docs/timing.md, "Strict timing").

The instructions are read once, in their order, with what is known of the clocks: two clocks can be compared while both
have moved by known times only since they last met. What is known is forgotten where a jump arrives or something from
outside is awaited, and of a thread where an instruction moves it by an unknown time. So a gap that is found here is
there whenever its line is executed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count

import msgspec

from ..._core.engine.codes import (
    SAVER,
    ElementColumn,
    MeasureColumn,
    Op,
    PlayColumn,
    ProcessColumn,
    WindowColumn,
)
from ..._core.engine.image import Gap, Image
from .problems import Problems

LENIENT = "not-strict-timing"
"""The compile flag with which gaps are warnings."""

_STILL = frozenset(
    {
        *range(Op.MOVE, Op.JUMP),
        *range(Op.UNBIND, Op.PLAY),
        *range(Op.ROTATE, Op.FUNCTION),
        Op.FUNCTION,
        Op.ARRAY_FUNCTION,
        Op.STAMP_READ_ALL,
        Op.SAVE_START,
        Op.READY,
        Op.BRANCH,
        Op.LOOSE,
        Op.END,
    }
)
"""What moves no clock and changes nothing that is known of the ends of windows, or does so below."""

_JUMPS = range(Op.JUMP, Op.JUMP_NOT_EQ + 1)


class StrictBlock(msgspec.Struct):
    """A strict_timing_ block: the number of its first instruction, its elements, the block around it (-1: none)."""

    first: int
    elements: tuple[str, ...]
    outer: int


Instant = tuple[int, int]
"""An instant: ns from the origin of a frame. Only instants of one frame can be compared."""


class _Reader:
    """``constants``: the values of slots that never change."""

    def __init__(self, image: Image, blocks: Sequence[StrictBlock], constants: Mapping[int, int]) -> None:
        self.gaps: dict[tuple[int, str], int] = {}  # ns by (at, element)
        self._image = image
        self._blocks = blocks
        self._constants = constants
        self._thread = {info.name: info.thread for info in image.element_info}
        self._window = _windows(image)
        self._frames = count()
        self._forget()
        start = next(self._frames), 0
        self._clock.update((thread, start) for thread in range(len(image.threads)))
        self._from_start = True

    def _forget(self) -> None:
        """Nothing is known of any clock, nor of what is waited for."""
        self._from_start = False
        self._clock: dict[int, Instant] = {}
        self._moved: dict[int, int] = {}  # thread: the instruction by which it last moved on
        self._started: dict[int, Instant] = {}  # measure: the start of its windows
        self._ends: dict[tuple[int, int], Instant | None] = {}  # (thread, slot): None: there is nothing to wait for

    def read(self) -> list[Gap]:
        """All gaps, in the order of the text."""
        image = self._image
        landings = {int(row[1]) for row in image.code if row[0] in _JUMPS}
        for place, (row, mask, at) in enumerate(
            zip(image.code.tolist(), image.masks.tolist(), image.code_at.tolist(), strict=True)
        ):
            if place in landings:
                self._forget()
            self._instruction(place, row, _threads(mask & ~SAVER), at)
        return [Gap(at=at, element=element, gap_ns=ns) for (at, element), ns in self.gaps.items()]

    def _instruction(self, place: int, row: list[int], threads: list[int], at: int) -> None:
        op, a, b, c, d, _ = row
        match op:
            case Op.PLAY:
                self._move(threads, place, self._length(a))
            case Op.MEASURE:
                self._measure(threads, place, a)
            case Op.WAIT_NS:
                self._move(threads, place, a)
            case Op.WAIT:
                self._move(threads, place, self._cycles(a))
            case Op.RAMP_TO_ZERO:
                sticky = int(self._image.elements[a, ElementColumn.STICKY])
                self._move(threads, place, 4 * b if b else sticky)
            case Op.ALIGN:
                self._align(_threads(int(self._image.align_masks[a])))
            case Op.HEAR:
                self._hear(threads, a)
            case Op.UNBIND:
                self._settle(threads, [a])
            case Op.UNBIND_CELL:
                self._settle(threads, [] if self._cell(a, b, c) is None else [self._cell(a, b, c) or 0])
            case Op.AWAIT:
                self._await(threads, [a], b, at)
            case Op.AWAIT_CELL:
                slot = self._cell(a, b, c)
                self._await(threads, [slot] if slot is not None else [], d, at, known=slot is not None)
            case Op.AWAIT_ALL:
                self._await(threads, list(range(a, a + b)), c, at)
            case _:
                if op not in _STILL and op not in _JUMPS:
                    self._forget()

    # ---- clocks

    def _now(self, thread: int) -> Instant:
        return self._clock.setdefault(thread, (next(self._frames), 0))

    def _lose(self, thread: int) -> None:
        """The clock of a thread moved by an unknown time."""
        self._clock[thread] = (next(self._frames), 0)

    def _move(self, threads: list[int], place: int, ns: int | None) -> None:
        for thread in threads:
            if ns is None:
                self._lose(thread)
            else:
                frame, offset = self._now(thread)
                self._clock[thread] = frame, offset + ns
            self._moved[thread] = place

    def _align(self, threads: list[int]) -> None:
        clocks = [self._now(thread) for thread in threads]
        together = max(clocks) if len({frame for frame, _ in clocks}) == 1 else (next(self._frames), 0)
        for thread in threads:
            self._clock[thread] = together

    def _cycles(self, slot: int) -> int | None:
        """The ns of a number of cycles, where it is a constant."""
        raw = self._constants.get(slot)
        return None if raw is None else 4 * max(raw, 4)

    def _length(self, number: int) -> int | None:
        """How long a play lasts, where that is known."""
        play = self._image.plays[number].tolist()
        ns: int | None = play[PlayColumn.LENGTH]
        if play[PlayColumn.DURATION] >= 0:
            ns = self._cycles(play[PlayColumn.DURATION])
        if play[PlayColumn.TRUNCATE] >= 0:
            cut = self._cycles(play[PlayColumn.TRUNCATE])
            ns = None if ns is None or cut is None else min(ns, cut)
        return ns

    # ---- windows

    def _measure(self, threads: list[int], place: int, number: int) -> None:
        measure = self._image.measures[number].tolist()
        play = self._image.plays[measure[MeasureColumn.PLAY]].tolist()
        flight = int(self._image.elements[play[PlayColumn.ELEMENT], ElementColumn.TIME_OF_FLIGHT])
        for thread in threads:
            frame, offset = self._now(thread)
            self._started[number] = frame, offset + flight
        self._move(threads, place, play[PlayColumn.LENGTH])

    def _hear(self, threads: list[int], number: int) -> None:
        process = self._image.processes[number].tolist()
        started = self._started.get(process[ProcessColumn.MEASURE])
        first, size = process[ProcessColumn.TARGET], process[ProcessColumn.SIZE]
        slot = self._cell(first, size, process[ProcessColumn.INDEX]) if size else first
        for thread in threads:
            if slot is None or started is None:  # some cell, or some instant
                self._from_start = False
                for other in range(first, first + max(size, 1)):
                    self._ends.pop((thread, other), None)
            else:
                self._ends[thread, slot] = started[0], started[1] + self._window[number]

    def _cell(self, first: int, size: int, index_slot: int) -> int | None:
        """The slot of a cell, where its index is a constant that lies inside."""
        index = self._constants.get(index_slot, -1)
        return first + index if 0 <= index < size else None

    def _settle(self, threads: list[int], slots: list[int]) -> None:
        for thread in threads:
            for slot in slots:
                self._ends[thread, slot] = None

    def _await(self, threads: list[int], slots: list[int], strict: int, at: int, *, known: bool = True) -> None:
        for thread in threads:
            if not known:
                self._lose(thread)
            for slot in slots:
                self._read(thread, slot, strict, at)

    def _read(self, thread: int, slot: int, strict: int, at: int) -> None:
        """A thread reads a value: it goes on at the end of its window, if that is later."""
        if (thread, slot) in self._ends:
            end, now = self._ends[thread, slot], self._now(thread)
            if end is None:
                return
            if end[0] != now[0]:
                self._lose(thread)
            elif end > now:
                self._note(thread, strict, at, end[1] - now[1])
                self._clock[thread] = end
        elif not self._from_start:
            self._lose(thread)
        self._ends[thread, slot] = None

    def _note(self, thread: int, strict: int, at: int, ns: int) -> None:
        """A clock moved; it tears a block apart that has elements of the thread, if it moved on in the block before."""
        while strict >= 0:
            block = self._blocks[strict]
            names = [name for name in block.elements if self._thread[name] == thread]
            if names and self._moved.get(thread, -1) >= block.first:
                self.gaps[at, names[0]] = max(ns, self.gaps.get((at, names[0]), 0))
                return
            strict = block.outer


def _threads(mask: int) -> list[int]:
    return [thread for thread in range(mask.bit_length()) if mask >> thread & 1]


def _windows(image: Image) -> list[int]:
    """For each process the end of its window, in ns from the start of its measure's windows."""
    ends = [0] * len(image.processes)
    for row in image.windows.tolist():
        for process in range(row[WindowColumn.FIRST], row[WindowColumn.FIRST] + row[WindowColumn.COUNT]):
            ends[process] = row[WindowColumn.OFFSET] + row[WindowColumn.LENGTH]
    return ends


def certain_gaps(image: Image, blocks: Sequence[StrictBlock], constants: Mapping[int, int]) -> tuple[Gap, ...]:
    """The gaps inside ``blocks`` that are there whenever their lines are executed, in the order of the text."""
    return tuple(_Reader(image, blocks, constants).read()) if blocks else ()


def gap_lines(image: Image) -> list[str]:
    """The gaps of an image, one a line, as warnings."""
    return [f"{place(image, gap.at)}{_words(gap)}" for gap in image.gaps]


def refuse_gaps(image: Image, flags: Sequence[str]) -> None:
    """Raise AskedWrongly ``compile_error`` with all gaps of an image, unless the flag LENIENT is given."""
    if not image.gaps or LENIENT in flags:
        return
    problems = Problems(image.sources)
    for gap in image.gaps:
        problems.add(gap.at, _words(gap))
    problems.raise_if_any(
        hint=f"read the value later or outside the block, or compile with the flag {LENIENT!r} to be warned only"
    )


def _words(gap: Gap) -> str:
    return f"a gap of {gap.gap_ns} ns inside strict_timing_: element '{gap.element}' waits here for a measured value"


def place(image: Image, at: int) -> str:
    """ "file:line: " of a node, "" where it has none."""
    file, line = image.sources[at] if 0 <= at < len(image.sources) else ("", 0)
    return f"{file}:{line}: " if file else ""
