"""Plays into rows: pulses with their operands, and what must hold of both."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..._core.engine.codes import ChirpColumn, ElementColumn, PlayColumn, SectionColumn
from ..._core.engine.image import table
from ..._core.program import tree
from .code import Memory
from .elements import Elements
from .problems import Problems
from .waveforms import RAMP, PulseTables, PulseUse

UNITS = {"Hz": 0, "mHz": 3, "uHz": 6, "nHz": 9, "pHz": 12}
"""Frequencies are in 10⁻ⁿ Hz."""
STRETCHED_MAX_CYCLES = 2**24 - 1
"""The longest duration of a sampled waveform, as the platform has it."""
_UNSHAPED = (None, None, None, None)
_PLAIN_PLAY = [0] * PlayColumn.DURATION + [-1] * (PlayColumn.COLUMNS - PlayColumn.DURATION)
_PLAIN_PLAY[PlayColumn.SHAPED] = _PLAIN_PLAY[PlayColumn.CONTINUES] = 0


class PlayTables:
    """The rows of all plays of a program; plays that are equal share one. ``tables`` are fields of the image."""

    def __init__(self, elements: Elements, pulses: PulseTables, memory: Memory, problems: Problems) -> None:
        self._elements = elements
        self._pulses = pulses
        self._memory = memory
        self._problems = problems
        self._rows: dict[tuple[tuple[int, ...], str, str], int] = {}  # row, operation, pulse
        self._choices: dict[tuple[str, str], int] = {}
        self._chirps: list[list[int]] = []
        self._sections: list[list[int]] = []

    def tables(self) -> dict[str, Any]:
        """The fields of the image."""
        return {
            "plays": table([list(row) for row, _, _ in self._rows], PlayColumn.COLUMNS),
            "play_operations": tuple((operation, pulse) for _, operation, pulse in self._rows),
            "chirps": table(self._chirps, ChirpColumn.COLUMNS),
            "chirp_sections": table(self._sections, SectionColumn.COLUMNS),
        }

    def pulse(self, node: tree.Play | tree.Measure) -> PulseUse | None:
        """What a play or measure plays; None where that was found to be wrong."""
        kind = self._elements.info[self._elements.index[node.element]]
        if len(node.amplitude) == 4 and self._column(node.element, ElementColumn.KIND) == 1:
            self._problems.add(
                node.at, f"element '{node.element}' has a single input and cannot take an amplitude matrix"
            )
        if isinstance(node, tree.Play) and node.of_port and len(set(kind.inputs)) == len(kind.inputs):
            message = f"port_condition: element '{node.element}' is not on a port of an MW-FEM"  # whose I and Q are one
            self._problems.add(node.at, message)
        chirps = isinstance(node, tree.Play) and node.chirp is not None
        if chirps and not self._column(node.element, ElementColumn.HAS_OSCILLATOR):
            text = f"chirp: element '{node.element}' has no oscillator (no intermediate_frequency)"
            self._problems.add(node.at, text)
        if isinstance(node, tree.Play) and node.ramp is not None:
            if self._column(node.element, ElementColumn.KIND) == 2:
                self._problems.add(node.at, f"element '{node.element}' has two inputs; a ramp needs a single input")
            return RAMP
        use = self._pulses.pulse(node.element, node.operation, node.at)
        if use is not None and isinstance(node, tree.Play):
            self._check_stretch(node, use)
            if use.fine:
                self._check_fine(node, use)
        return use

    def _check_stretch(self, node: tree.Play, use: PulseUse) -> None:
        """How long a sampled waveform may get."""
        if use.samples and isinstance(node.duration, tree.Value) and node.duration.raw > STRETCHED_MAX_CYCLES:
            text = f"the sampled waveform of operation '{node.operation}' of element '{node.element}'"
            what = f"a duration of {node.duration.raw} cycles"
            self._problems.add(node.at, f"{what}: {text} can be stretched to {STRETCHED_MAX_CYCLES} cycles")

    def _check_fine(self, node: tree.Play, use: PulseUse) -> None:
        """What a port at 2 GS/s cannot do."""
        if node.chirp is not None:
            self._problems.add(node.at, f"element '{node.element}' plays at 2 GS/s, where there are no chirps")
        if node.duration is not None and use.samples:
            text = f"element '{node.element}' plays at 2 GS/s, where sampled waveforms keep their length"
            self._problems.add(node.at, f"{text}; give no duration for '{node.operation}'")

    def add(self, node: tree.Play | tree.Measure, use: PulseUse, slots: Iterator[int]) -> int:
        """The number of the row of a play or measure, with its operands from ``slots``."""
        amplitudes = [next(slots) for _ in node.amplitude]
        row = _PLAIN_PLAY.copy()
        row[PlayColumn.ELEMENT] = self._elements.index[node.element]
        row[PlayColumn.VOICE] = self._voice(node, use)
        row[PlayColumn.WAVEFORM] = use.waveform
        row[PlayColumn.LENGTH] = use.length
        row[PlayColumn.SAMPLES] = use.samples
        if amplitudes:
            row[PlayColumn.AMPLITUDES] = len(amplitudes)
            row[PlayColumn.AMPLITUDE_0 : PlayColumn.AMPLITUDE_0 + len(amplitudes)] = amplitudes
        row[PlayColumn.MARKER] = use.marker
        if use.choices:
            row[PlayColumn.CHOICE] = self.choice(node.element, node.operation)
        if isinstance(node, tree.Play):
            self._shape(row, node, slots)
        return self._rows.setdefault((tuple(row), node.operation, use.name), len(self._rows))

    def add_waiting(self, node: tree.WaitForTrigger, use: PulseUse) -> int:
        """The number of the row of what an element plays while it waits."""
        row = _PLAIN_PLAY.copy()
        row[PlayColumn.ELEMENT], row[PlayColumn.VOICE] = self._elements.index[node.element], self._voice(node, use)
        row[PlayColumn.WAVEFORM] = use.waveform
        row[PlayColumn.LENGTH], row[PlayColumn.SAMPLES] = use.length, use.samples
        row[PlayColumn.MARKER] = use.marker
        return self._rows.setdefault((tuple(row), node.operation, use.name), len(self._rows))

    def choice(self, element: str, operation: str) -> int:
        """Where the number of the waveform stands that an operation plays on an element."""
        if (element, operation) not in self._choices:
            self._choices[element, operation] = self._memory.reserved()
        return self._choices[element, operation]

    def _voice(self, node: tree.Play | tree.Measure | tree.WaitForTrigger, use: PulseUse) -> int:
        """The row of what sounds: the element's, or that of the one input that a play names as its target."""
        number, voices = self._elements.index[node.element], self._elements.voices.get(node.element)
        target = node.target if isinstance(node, tree.Play) else ""
        known = f"element '{node.element}' has a singleInputCollection"
        if voices is None:
            if target:
                text = f"element '{node.element}' has no singleInputCollection, so play takes no target ('{target}')"
                self._problems.add(node.at, text)
            return number
        if not isinstance(node, tree.Play):
            if use.waveform >= 0:
                self._problems.add(node.at, f"{known}: play(..., target=...) alone can say on which input")
        elif target not in voices:
            text = f"no input '{target}'" if target else "the play no target"
            self._problems.add(node.at, f"{known}, and {text}; its inputs are: {', '.join(voices)}")
        return voices.get(target, number)

    def _shape(self, row: list[int], node: tree.Play, slots: Iterator[int]) -> None:
        """Fill in the operands of a play behind its amplitude."""
        if node.ramp is not None:
            row[PlayColumn.RAMP] = next(slots)
        if node.duration is not None:
            row[PlayColumn.DURATION] = next(slots)
        if node.truncate is not None:
            row[PlayColumn.TRUNCATE] = next(slots)
        if node.chirp is not None:
            row[PlayColumn.CHIRP] = self._chirp(node.chirp, [next(slots) for _ in node.chirp.rates])
        if node.condition is not None:
            row[PlayColumn.CONDITION] = next(slots)
        row[PlayColumn.CONTINUES] = int(node.continues)
        shaped = node.ramp, node.truncate, node.chirp, node.condition
        row[PlayColumn.SHAPED] = int(shaped != _UNSHAPED)

    def _chirp(self, node: tree.Chirp, rates: list[int]) -> int:
        starts = node.times or (0,) * len(rates)
        self._chirps.append([len(self._sections), len(rates), UNITS[node.units], int(bool(node.times))])
        self._sections += [[rate, 4 * start] for rate, start in zip(rates, starts, strict=True)]
        return len(self._chirps) - 1

    def _column(self, element: str, column: int) -> int:
        return self._elements.rows[self._elements.index[element]][column]
