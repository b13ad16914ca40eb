"""Sections 2 to 4 and 13 to 15 of docs/arithmetic.md: what the quantum statements of a strand do, and when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any

from quaymaster._core.config import model
from quaymaster._core.program import tree

from . import numbers
from .board import Listening, Lookout
from .digital import FOREVER, Marker
from .holds import Hold
from .numbers import Report
from .oscillator import Oscillator
from .phase import chirp_rate, whole_of
from .plants import full_scale, port_of
from .reader import Reader, Steps
from .records import ONE, Complex, Record, Steady, envelope_factors, plays_twice, pulse_of, samples_of, twice_of
from .sites import Site
from .slices import play_operands
from .windows import windows_of


class Player(Reader):
    """What the elements of a strand are: oscillators, frames, what they hold."""

    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.oscillators = {
            e: Oscillator(
                self.config.intermediate_frequency(e), self.config.mixer_correction(e), plays_twice(self.config, e)
            )
            for e in self.elements
        }
        sticky = [e for e in self.places.used if e in self.elements and self.config.elements[e].sticky is not None]
        self.holds = {e: Hold(e, self.thread or 0, self.oscillators[e], self.board) for e in sticky}
        self.loaded: dict[tuple[str, str], int] = {}
        self.acts: Counter[str] = Counter()
        self.order = 0
        self.passes: Counter[Site] = Counter()
        self.meetings: Counter[Site] = Counter()
        self.pauses = 0
        self.last_edge = -1

    def meet(self, site: Site) -> Steps:
        """Section 2, align: the site's threads go to the latest of their clocks; then due resets happen."""
        mine = self.elements & set(site.elements)
        if not mine:
            return
        self.meetings[site] += 1
        expected = {self.thread_of[element] for element in site.elements}
        assert self.thread is not None
        there = self.board.arrive((site.number, self.meetings[site]), self.thread, (self.clock, self.loose))
        while set(there) != expected:
            yield
        self.clock = max(clock for clock, _ in there.values())
        if len(expected) > 1:
            if any(loose for _, loose in there.values()):
                self.clock += self.latencies.sync
            self.loose = False
        if isinstance(site.node, tree.Pause):
            key = site.number, self.meetings[site]
            self.clock = self.board.pauses.setdefault(key, max(self.clock, self.board.last_window))
        for element in mine:
            self.begin(element)

    def perform(self, site: Site, values: list[int]) -> Steps:
        """Section 2, statements: the effect of a quantum statement of this thread."""
        node = site.node
        match node:
            case tree.Play():
                self.act(node.element)
                self.play(node, PlayValues.of(node, values))
                times = (node.duration, node.truncate)
                self.loose |= any(time is not None and not isinstance(time, tree.Value) for time in times)
            case tree.Measure():
                self.measure(site, node, values)
            case tree.Wait():
                self.clock += 4 * self.cycles(values[0], node.at)
                self.loose |= not isinstance(node.duration, tree.Value)
            case tree.Align():
                yield from self.meet(site)
            case tree.Pause():
                yield from self.pause(site)
            case tree.WaitForTrigger():
                yield from self.wait_for_trigger(site, node)
            case tree.RampToZero():
                self.act(node.element)
                self.clock += self.down_at_once(node.element, node.duration)
            case tree.LoadWaveform():
                self.load(node, values[0])
            case tree.SetDcOffset():
                port = port_of(self.config, node.element, node.input)
                most = full_scale(self.config.analog_output(port))
                report = self.reporter(node.at)
                volts = numbers.in_steps(values[0], int(most * 2**16), "offset_range", report, int(2 * most))
                self.act(node.element)
                self.set_offset(node.element, node.input, volts)
            case _:
                for element in self.elements & set(site.elements):
                    self.turn(element, node, values)

    def load(self, node: tree.LoadWaveform, number: int) -> None:
        """Section 13, load_waveform: a number outside the array changes nothing."""
        pulse = pulse_of(self.config, node.element, node.operation)
        arrays = [self.config.waveforms[name] for name in pulse.waveforms.values()]
        (count,) = {len(array.samples_array) for array in arrays if isinstance(array, model.ArrayWaveform)}
        if 0 <= number < count:
            self.loaded[node.element, node.operation] = number
        else:
            self.reporter(node.at)("waveform_index")

    def pause(self, site: Site) -> Steps:
        """Section 15: all meet when all is measured, and go on when the job is resumed."""
        yield from self.meet(site)
        while self.pauses == self.incoming.resumes:
            yield from self.wait_outside()
        self.pauses += 1

    def wait_for_trigger(self, site: Site, node: tree.WaitForTrigger) -> Steps:
        """Section 15: until the next edge that this thread has not taken; a constant pulse may sound until then."""
        if node.operation:
            self.act(node.element)
            self.begin(node.element)
        at_least = max(self.clock, self.last_edge + 1)
        if node.source is not None:
            sound = self.begin_sound(node)
            lookout = Lookout(self.config.elements[node.source.element], node.source, at_least)
            self.board.lookouts.append(lookout)
            while lookout.edge is None:
                yield
            edge, end = lookout.edge, 4 * (lookout.edge // 4) + 4
            self.end_sound(sound, end)
            if node.tag is not None:
                self.board.settle((site.number, self.passes[site], 0, 0), numbers.wrap(edge - self.clock), end)
        else:
            while (edge := self.incoming.edge(self.controller_of(node.element), at_least)) is None:
                yield from self.wait_outside()
            end = edge
            self.end_sound(self.begin_sound(node), end)
        if node.operation:
            self.sweep_ends(node.element, end)
            self.order += 1
        self.clock, self.last_edge = end, edge
        self.loose = True

    def controller_of(self, name: str) -> str:
        """Where the trigger of an element comes to."""
        element = self.config.elements[name]
        (controller, *_) = [ref.controller for ref in [*element.input_ports.values(), *element.output_ports.values()]]
        return controller

    def begin_sound(self, node: tree.WaitForTrigger) -> tuple[Record | None, Marker | None]:
        """Section 15: a hold of the value of a constant pulse, from now on, and its marker."""
        if not node.operation:
            return None, None
        pulse = pulse_of(self.config, node.element, node.operation)
        hold = self.holds.get(node.element)
        record = marker = None
        if pulse.waveforms:
            (level,) = samples_of(self.config, pulse, 1, False, self.reporter(node.at))
            oscillator = self.oscillators[node.element]
            record = Record(
                element=node.element,
                thread=self.thread or 0,
                order=self.order,
                start=self.clock,
                samples=Steady(FOREVER),
                twice=Steady(FOREVER),
                alpha=level,
                beta=(0.0, 0.0),
                theta=oscillator.phase(self.clock),
                inc=oscillator.frequency(self.clock),
                whole=oscillator.whole,
                correction=oscillator.correction,
                chirp=oscillator.sections,
            )
            if hold is not None:
                hold.left_by(replace(record, start=self.clock - 1, samples=((1.0, 0.0),), twice=()))
                record = None
            else:
                self.board.records.append(record)
        if pulse.digital_marker is not None:
            samples = self.config.digital_waveforms[pulse.digital_marker].samples
            sticky = self.config.elements[node.element].sticky
            marker = Marker(
                node.element, self.clock, FOREVER, samples, True, sticky is not None and bool(sticky.digital)
            )
            self.board.markers.append(marker)
        return record, marker

    def end_sound(self, sound: tuple[Record | None, Marker | None], end: int) -> None:
        """It lasts until ``end``; what lasts no time is none."""
        record, marker = sound
        lasts = end - self.clock
        if record is not None:
            self.board.records.remove(record)
            ended = replace(record, samples=Steady(lasts), twice=Steady(2 * lasts))
            self.board.records += [ended] if lasts else []
        if marker is not None:
            self.board.markers.remove(marker)
            self.board.markers.append(replace(marker, length=lasts))

    def sweep_ends(self, element: str, end: int) -> None:
        """With the pulse of a wait; what a sticky element holds sweeps no longer."""
        if self.oscillators[element].sweep is not None:
            self.oscillators[element].sweep = None
            if element in self.holds:
                self.holds[element].turned(end)

    def act(self, element: str) -> None:
        """Section 15: the element is about to do something; what was set from outside before that happens now."""
        oscillator = self.oscillators[element]
        for entry in self.incoming.settings_before(element, self.acts[element]):
            match entry.kind:
                case "frequency":
                    oscillator.become(self.clock, whole_of(*entry.raws), keep_phase=False)
                case "correction":
                    c00, c01, c10, c11 = (raw * 2.0**-16 for raw in entry.raws)
                    oscillator.correction = c00, c01, c10, c11
                case "offset":
                    self.set_offset(element, entry.input, entry.raws[0] * 2.0**-16)
            if entry.kind != "offset" and element in self.holds:
                self.holds[element].turned(self.clock)
        self.acts[element] += 1

    def set_offset(self, element: str, input: str, volts: float) -> None:
        """Section 14, set_dc_offset: the port has another offset from now on."""
        port = port_of(self.config, element, input)
        self.board.offsets.setdefault(port, []).append((self.clock, self.thread or 0, volts))

    def turn(self, element: str, node: tree.Statement, values: list[int]) -> None:
        """Section 3: the oscillator or the frame of an element changes; what it holds goes on with that."""
        if isinstance(node, tree.ResetGlobalPhase) and self.config.intermediate_frequency(element) is None:
            return
        if isinstance(node, tree.UpdateCorrection) and self.config.elements[element].mixInputs is None:
            return
        oscillator = self.oscillators[element]
        self.act(element)
        match node:
            case tree.ResetIfPhase():
                oscillator.due = True
                return
            case tree.ResetGlobalPhase():
                oscillator.restart(self.clock)
            case tree.UpdateCorrection():
                report = self.reporter(node.at)
                c00, c01, c10, c11 = (numbers.in_steps(raw, 2**17, "correction_range", report) for raw in values)
                oscillator.correction = c00, c01, c10, c11
            case tree.FrameRotation():
                oscillator.rotate(values[0])
            case tree.ResetFrame():
                oscillator.frame = 0
            case tree.UpdateFrequency():
                oscillator.update(self.clock, values[0], node.units, node.keep_phase, self.reporter(node.at))
        if element in self.holds:
            self.holds[element].turned(self.clock)

    def begin(self, element: str) -> None:
        """Section 3: a play, measure or align of an element: a due reset happens, for what it holds too."""
        if self.oscillators[element].begin(self.clock) and element in self.holds:
            self.holds[element].turned(self.clock)

    def down_at_once(self, element: str, cycles: int | None) -> int:
        """Section 13, ramp_to_zero from now on, without moving the clock; gives how long it takes, in ns."""
        sticky = self.config.elements[element].sticky
        assert sticky is not None
        lasts = sticky.duration if cycles is None else 4 * cycles
        self.board.let_go.append((element, self.clock))
        self.holds[element].ramp_to_zero(self.clock, lasts, self.order)
        self.order += 1
        return lasts

    def cycles(self, raw: int, at: int) -> int:
        """Section 2: a duration below 4 counts as 4."""
        if raw < 4:
            self.reporter(at)("short_duration")
        return max(raw, 4)

    def play(self, node: tree.Play | tree.Measure, given: PlayValues) -> None:
        """Sections 2, 4 and 13: a record from now on; the clock passes its length."""
        report = self.reporter(node.at)
        duration = None if given.duration is None else 4 * self.cycles(given.duration, node.at)
        samples, alpha, beta = self.envelope(node, given, duration, report)
        lasts = len(samples)
        if given.truncate is not None:
            lasts = min(lasts, 4 * self.cycles(given.truncate, node.at))
        oscillator = self.oscillators[node.element]
        self.begin(node.element)
        if given.condition and given.ramp is None:
            self.mark(node, lasts)
        silent = given.ramp is None and not pulse_of(self.config, node.element, node.operation).waveforms
        own = sections(node, given.rates, len(samples))
        record = Record(
            element=node.element,
            thread=self.thread or 0,
            order=self.order,
            start=self.clock,
            samples=tuple(samples[:lasts]),
            twice=self.twice(node, given, lasts),
            alpha=alpha,
            beta=beta,
            theta=oscillator.phase(self.clock),
            inc=oscillator.frequency(self.clock),
            whole=oscillator.whole,
            correction=oscillator.correction,
            chirp=own or oscillator.sections,
            target=node.target if isinstance(node, tree.Play) else "",
        )
        self.order += 1
        self.clock += lasts
        if given.condition:
            self.sound_out(record, silent, bool(own), isinstance(node, tree.Play) and node.continues)

    def sound_out(self, record: Record, silent: bool, chirped: bool, continues: bool) -> None:
        """Section 13: what is played sounds, if it has a waveform; then sweep and hold are as it left them."""
        hold = self.holds.get(record.element)
        if hold is not None and chirped:
            hold.along(record.start, record.chirp)
        if not silent:
            self.board.records.append(record)
        self.oscillators[record.element].played(record, continues)
        if hold is not None and not silent:
            hold.left_by(record)
        elif hold is not None and record.chirp:
            hold.turned(self.clock)

    def twice(self, node: tree.Play | tree.Measure, given: PlayValues, lasts: int) -> tuple[Complex, ...]:
        """Section 17: the same samples two a ns, of an element whose ports have as many."""
        if given.ramp is not None:
            steps = 2 * lasts if plays_twice(self.config, node.element) else 0
            return tuple((0.5 * ((n + 1) * given.ramp * 2.0**-28), 0.0) for n in range(steps))
        pulse = pulse_of(self.config, node.element, node.operation)
        if not pulse.waveforms:
            return ()
        number = self.loaded.get((node.element, node.operation), 0)
        return twice_of(self.config, node.element, pulse, lasts, number)[: 2 * lasts]

    def mark(self, node: tree.Play | tree.Measure, lasts: int) -> None:
        """Section 14: the digital marker of a pulse that is played from now on."""
        pulse = pulse_of(self.config, node.element, node.operation)
        sticky = self.config.elements[node.element].sticky
        if pulse.digital_marker is not None:
            samples = self.config.digital_waveforms[pulse.digital_marker].samples
            holds = sticky is not None and bool(sticky.digital)
            self.board.markers.append(Marker(node.element, self.clock, lasts, samples, lasts > pulse.length, holds))

    def envelope(
        self, node: tree.Play | tree.Measure, given: PlayValues, duration: int | None, report: Report
    ) -> tuple[list[Complex], Complex, Complex]:
        """Sections 4 and 13: the samples of a pulse or of a ramp, and its amplitude."""
        if given.ramp is not None:
            return [((n + 1) * given.ramp * 2.0**-28, 0.0) for n in range(duration or 0)], ONE, (0.0, 0.0)
        pulse = pulse_of(self.config, node.element, node.operation)
        lasts = pulse.length if duration is None else duration
        if not pulse.waveforms:
            return [(0.0, 0.0)] * lasts, ONE, (0.0, 0.0)
        alpha, beta = envelope_factors(given.amplitude, "single" not in pulse.waveforms, report)
        number = self.loaded.get((node.element, node.operation), 0)
        return samples_of(self.config, pulse, lasts, duration is not None, report, number), alpha, beta

    def measure(self, site: Site, node: tree.Measure, values: list[int]) -> None:
        """Section 2, measure: plays, and opens the windows of its acquisitions."""
        start = self.clock
        oscillator = self.oscillators[node.element]
        self.act(node.element)
        self.begin(node.element)
        if oscillator.sweep is not None:
            oscillator.sweep = None
            if node.element in self.holds:
                self.holds[node.element].turned(self.clock)
        listening = Listening(
            measure=node,
            key=(site.number, self.passes[site]),
            thread=self.thread or 0,
            element=self.places.used.index(node.element),
            order=self.order,
            start=start,
            inc=oscillator.inc,
            phase_at_0=oscillator.phase(0),
        )
        opened = windows_of(self.config, listening)
        self.board.windows += opened
        self.board.last_window = max([self.board.last_window, *(window.end for window in opened)])
        self.board.changes += 1
        self.play(node, PlayValues(amplitude=values[: len(node.amplitude)]))


@dataclass
class PlayValues:
    """The values of the operands of a play, raw."""

    amplitude: list[int]
    ramp: int | None = None
    duration: int | None = None
    truncate: int | None = None
    rates: list[int] = field(default_factory=list)
    condition: int = 1

    @classmethod
    def of(cls, node: tree.Play, values: list[int]) -> PlayValues:
        """Each value to its field."""
        pairs = [(name, value) for (name, _), value in zip(play_operands(node), values, strict=True)]
        single = {name: value for name, value in pairs if name not in ("amplitude", "chirp")}
        amplitude, rates = ([value for name, value in pairs if name == of] for of in ("amplitude", "chirp"))
        return cls(amplitude=amplitude, rates=rates, **single)


def sections(node: tree.Play | tree.Measure, rates: list[int], lasts: int) -> tuple[tuple[int, int], ...]:
    """Section 13: (start in ns, rate) of the sections of a chirp of a pulse of this length; none without one."""
    if isinstance(node, tree.Measure) or node.chirp is None:
        return ()
    starts = [4 * start for start in node.chirp.times] or [j * (lasts // len(rates)) for j in range(len(rates))]
    return tuple((start, chirp_rate(rate, node.chirp.units)) for start, rate in zip(starts, rates, strict=True))
