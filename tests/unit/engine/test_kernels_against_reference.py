"""The signal kernels beside the reference, window by window: it runs the program, they hear its records."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from reference.board import Inlet, Listening, Window
from reference.engine import Job
from reference.integrals import integral_of
from reference.plants import all_outputs, level_name
from reference.programs import Case, Kind, cases

from quaymaster._core.config import model
from quaymaster._core.config.model import PortRef
from quaymaster._core.engine.signals import Signals

KINDS = {
    "linear": Kind(one_length=True),
    "exact": Kind(one_length=True, numerics="exact", sigmas=(0.0, 1e-3)),
    "noise": Kind(one_length=True, sigmas=(1e-3, 3.3e-3), traces=False),
    "traces": Kind(one_length=True, sigmas=(0.0, 1e-3)),
    "loud": Kind(one_length=True, loud=True, sigmas=(0.0, 0.02)),
    "overlap": Kind(one_length=True, overlap=True, sigmas=(0.0, 1e-3), traces=False, measures_max=14),
}


class LoggedJob(Job):
    """A reference run that remembers the windows in the order in which they were evaluated."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.log: list[Window] = []

    def evaluate(self, window: Window) -> None:
        self.log.append(window)
        super().evaluate(window)


class Kernels:
    """The kernels with everything that a finished reference run has played."""

    def __init__(self, job: LoggedJob, case: Case) -> None:
        self.job = job
        self.signals = Signals(case.seed, case.numerics)
        self.ports = {at[0]: self.add_port(at) for at in job.ears}
        self.elements = {e: self.signals.add_element(case.config.mixer_correction(e)) for e in job.places.used}
        self.levels: dict[PortRef, int] = {}
        self.add_ears()
        self.add_levels()
        for record in sorted(job.board.records, key=lambda r: (r.start, r.thread, r.order)):
            iq = case.config.elements[record.element].mixInputs is not None
            first, second = zip(*record.samples, strict=True)
            waveform = self.signals.add_waveform(first, second if iq else None)
            self.signals.record(
                self.elements[record.element],
                waveform,
                record.start,
                record.length,
                phase=record.theta,
                inc=record.inc,
                alpha=complex(*record.alpha),
                beta=complex(*record.beta),
                thread=record.thread,
                order=record.order,
            )

    def add_port(self, at: Inlet) -> int:
        ear = self.job.ears[at]
        return self.signals.add_port(
            ear.number,
            gain=ear.gain,
            offset=ear.offset,
            sigma=ear.sigma,
            sign=int(ear.sign),
            delay=ear.hearing.delay,
            from_samples=ear.keeps_trace,
        )

    def add_ears(self) -> None:
        outputs = sorted(
            {way.output for ear in self.job.ears.values() for ways in ear.hearing.ways.values() for way in ways}
        )
        for (port, _), ear in self.job.ears.items():
            levels = {level_name(output): output for output in ear.hearing.levels}
            for element, ways in ear.hearing.ways.items():
                source = self.level_of(levels[element]) if element in levels else self.elements[element]
                for way in ways:
                    self.signals.add_ear(
                        self.ports[port],
                        source,
                        {"I": 0, "Q": 1, "single": 2}[way.name],
                        outputs.index(way.output),
                        delay=way.delay,
                        factor=way.factor,
                    )

    def level_of(self, output: PortRef) -> int:
        """What stands for the DC offset of an output."""
        if output not in self.levels:
            port = self.job.config.analog_output(output)
            assert isinstance(port, model.AnalogOutput)
            place = len(self.job.strands) - 1 + all_outputs(self.job.config).index(output)
            self.levels[output] = self.signals.add_level(port.offset, place)
        return self.levels[output]

    def add_levels(self) -> None:
        """What the program has changed, thread by thread."""
        for output, changes in self.job.board.offsets.items():
            for t, thread, volts in sorted(changes, key=lambda change: (change[1], change[0])):
                if output in self.levels:
                    self.signals.level(self.levels[output], t, thread, volts)

    def values(self, listening: Listening, windows: list[Window]) -> list[int]:
        """The raw values of all processes of a measure."""
        processes = []
        for number, process in enumerate(listening.measure.processes):
            legs = []
            for window in sorted((w for w in windows if w.process == number), key=lambda w: w.output):
                integral = integral_of(self.job.config, window)
                legs.append((self.ports[window.at[0]], self.signals.add_weights(integral.cosine, integral.sine)))
            processes.append(("integration" if "integration" in process.kind else "demod", legs))
        start = windows[0].start
        return self.signals.evaluate(
            start,
            processes,  # type: ignore[arg-type]
            phase=listening.phase(start),
            inc=listening.inc,
            element=listening.element,
        )


def judge(case: Case) -> None:
    """Every process and trace of a run has the same bits."""
    job = LoggedJob(case.program, case.config, case.seed, case.numerics, case.plant)
    outcome = job.run()
    kernels = Kernels(job, case)
    by_measure: dict[Listening, list[Window]] = {}
    for window in job.log:
        if window.process >= 0:
            by_measure.setdefault(window.listening, []).append(window)
    for listening, windows in sorted(by_measure.items(), key=lambda item: max(w.rank for w in item[1])):
        got = kernels.values(listening, windows)
        expected = [job.board.values[(*listening.key, n, 0)][0] for n in range(len(listening.measure.processes))]
        assert got == expected, (listening, windows)
    for traces in outcome.traces.values():
        for number, start, codes in traces:
            port = next(p for p in kernels.ports if p.number == number)
            assert kernels.signals.trace(kernels.ports[port], start, len(codes)).tolist() == codes


@pytest.mark.parametrize("kind", KINDS)
def test_kernels_equal_the_reference(kind: str) -> None:
    """50 programs of each kind: integrals and raw traces bit for bit."""

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases(KINDS[kind]))
    def check(case: Case) -> None:
        judge(case)

    check()
