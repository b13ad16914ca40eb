"""One simulation, from its load to its end: compile, run to the end of the duration, render, store, report.

It has nothing to do with the jobs of qms: it opens no ports, waits in no queue, runs on an OS thread of its own.
Its samples and its report are stored as streams with names that no program can use:

    @samples           JSON: duration, and for each controller its ports in the order of the streams below:
                       digital ones by name, analog ones as {key, samples_per_ns, parts, step}
    @analog/<name>     int16: port by port of one controller the codes of its samples, all of I, then all of Q where
                       there are 2 parts; a code is `step` V, or `step` of the full scale of a MW output
    @digital/<name>    bool (ports, ns)
    @report            JSON, see `report`
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from ..._core.config import Config, PortRef, SimulatedOutput, digital_outputs, simulated_outputs
from ..._core.engine.image import Image
from ..._core.engine.latencies import LEAD_IN_NS
from ..._core.engine.logged import later
from ..._core.engine.machine import Machine
from ..._core.engine.watching import OutputOverflow
from ..._core.errors import AskedWrongly
from ..._core.program import tree
from ..._core.program.differences import differences_of
from ..._core.program.elements import elements_used
from ..._core.program.used import Setting
from ..._core.wire import Fault, JobState, StreamSchema
from ..._core.wire.commands import Load
from ..._core.wire.reports import Standing, Status
from ..._core.wire.requests import ReportLine
from ..compiler import compile_program, flag_lines, refuse_gaps, remark_lines
from ..plant import with_lags
from ..results import JobResults, Pipeline, ResultShelf
from ..runtime.bounded import Bounded
from ..runtime.ending import End, close_results, last_word, unwritable
from ..runtime.engine import arrivals_of
from ..runtime.inputs import check_type
from ..runtime.job_run import News, seed_of
from ..runtime.library import Key, Library, key_of, stream_schemas
from ..runtime.report_lines import differences_line, fault_in_program, overflow_lines, report_lines
from .limits import COMPILED_BYTES_MAX, COMPILED_MAX, SIMULATION_STEPS_MAX, SLICE_STEPS
from .plant import hearing_of
from .report import report_of
from .samples import analog_samples, digital_samples, scale_of

log = logging.getLogger(__name__)
WAITS = "the program waits for {}, which nobody brings to a simulation: what comes after it was not simulated [waits]"


@dataclass(frozen=True, slots=True)
class Compiled:
    """A program as it is simulated."""

    program: tree.Program
    config: Config
    image: Image
    schemas: tuple[StreamSchema, ...]


class Simulations:
    """Makes simulations of what the library knows; keeps what was compiled for them. Safe from any OS thread."""

    def __init__(self, library: Library, shelf: ResultShelf, post: Callable[[News], None]) -> None:
        self._library = library
        self._shelf = shelf
        self._post = post
        self._lock = threading.Lock()
        self._compiled: Bounded[Key, Compiled] = Bounded(entries_max=COMPILED_MAX, bytes_max=COMPILED_BYTES_MAX)

    def run(self, command: Load, samples: bytes) -> SimulationRun:
        """A simulation that is ready to go; `samples`: the raw ones of its inputs."""
        return SimulationRun(command, samples, self, self._shelf, self._post)

    def compiled(self, command: Load) -> Compiled:
        """The program of a load, compiled. Raises QuaymasterError."""
        latency = command.options.latency
        key = key_of(command.program_digest, command.config_digest, None, latency)
        with self._lock:
            known = self._compiled.get(key)
        if known is not None:
            return known
        program, config = self._library.parts(key)
        image = compile_program(with_times(program), config, latency)
        made = Compiled(program, config, image, stream_schemas(program, image.trace_lengths, image.complex_traces))
        with self._lock:
            self._compiled.put(key, made, image.code.nbytes + image.samples.nbytes + image.weight_values.nbytes)
        return made


def with_times(program: tree.Program) -> tree.Program:
    """The program with a look at the time of every save, so that a run that stops knows what came after."""
    saved = [stream.name for stream in program.streams if not stream.adc]
    extra = tuple(tree.Source(stream=name, timestamps=True) for name in saved)
    return msgspec.structs.replace(program, nodes=program.nodes + extra)


class SimulationRun:
    """One simulation. The server's OS thread calls `halt`; `run` is the whole work, on a thread of its own."""

    def __init__(
        self,
        command: Load,
        samples: bytes,
        simulations: Simulations,
        shelf: ResultShelf,
        post: Callable[[News], None],
    ) -> None:
        assert command.simulation is not None
        self.job_id = command.job_id
        self.attempt = command.attempt
        self.qm_id = ""
        self.state: JobState = "loading"
        self.standing = Standing(job_id=self.job_id, attempt=self.attempt)
        self._command = command
        self._simulation = command.simulation
        self._raw = samples
        self._simulations = simulations
        self._shelf = shelf
        self._post = post
        self._halted = threading.Event()
        self._reason: Fault | None = None
        self._machine: Machine | None = None
        self._compiled: Compiled | None = None
        self._results: JobResults | None = None
        self._events: list[tuple[str, int, int]] = []
        self._overflows: list[OutputOverflow] = []
        self._stopped_at = ""  # what the program waits for, that nobody brings

    def start(self) -> bool:
        """Simulations start at once."""
        return False

    def halt(self, reason: Fault | None = None) -> None:
        """End soon: `canceled`, or `error` with a reason."""
        self._reason = self._reason or reason
        self._halted.set()
        if self._machine is not None:
            self._machine.halt()

    def run(self) -> None:
        """Simulate."""
        try:
            self._work()
        except Exception as error:
            self._fail(error)
        else:
            if self._halted.is_set():
                self._end("error" if self._reason else "canceled", self._reason, ())
            else:
                self._end("completed", None, self._events)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        self._compiled = compiled = self._simulations.compiled(self._command)
        refuse_gaps(compiled.image, self._command.options.flags)
        self.state = "running"
        self._post(News(self, "running", Status(job_id=self.job_id, attempt=self.attempt, state="running")))
        options, duration_ns = self._command.options, 4 * self._simulation.duration_cycles
        config = with_lags(compiled.config, compiled.image.latency)
        lead_ns = min(LEAD_IN_NS[options.latency], duration_ns)
        plant = hearing_of(self._simulation, self._raw, config, elements_used(compiled.program), lead_ns)
        seed = seed_of(self.job_id) if options.seed is None else options.seed
        self._machine = machine = Machine(
            compiled.image,
            seed=seed,
            numerics=options.numerics,
            plant=plant,
            stop_ns=duration_ns - lead_ns,
            keep_log=True,
            ignore_pauses=True,
        )
        self._prepare(machine, compiled.image)
        if self._halted.is_set():
            machine.halt()
        self._results = self._begin(compiled, duration_ns)
        if lead_ns < duration_ns:
            self._run(machine)
        if not self._halted.is_set():
            self._store(compiled, machine, lead_ns, duration_ns)

    def _prepare(self, machine: Machine, image: Image) -> None:
        """What the program has got from outside before it starts."""
        types = {item.name: item.type for item in image.inputs}
        for number, raw in ((1, self._simulation.io1), (2, self._simulation.io2)):
            if raw:
                machine.set_io(number, raw)
        for entry in self._simulation.entries:
            check_type(types, entry)
            machine.push_input(entry.stream, entry.raws)

    def _begin(self, compiled: Compiled, duration_ns: int) -> JobResults:
        image, limits = compiled.image, self._shelf.limits
        pipeline = Pipeline(compiled.program, image.trace_lengths, limits, image.complex_traces, image.fine_traces)
        schemas = [*compiled.schemas, *reserved_schemas(compiled.config, duration_ns)]
        return self._shelf.begin(self.job_id, self.attempt, pipeline, schemas)

    def _run(self, machine: Machine) -> None:
        assert self._results is not None
        status = "running"
        while status not in ("done", "waits") and not self._halted.is_set():
            status = machine.run(SLICE_STEPS)
            while chunks := machine.drain():
                self._results.take(arrivals_of(chunks))
            self._stopped_at = ", ".join(machine.waiting_for()) if status in ("done", "waits") else ""
            if machine.steps > SIMULATION_STEPS_MAX:
                raise AskedWrongly(
                    f"the simulation took more than {SIMULATION_STEPS_MAX} instructions (SIMULATION_STEPS_MAX)",
                    code="simulation_too_long",
                    hint="a loop in which no time goes by has no end; or simulate a shorter duration",
                )

    def _store(self, compiled: Compiled, machine: Machine, lead_ns: int, duration_ns: int) -> None:
        """Render the samples, and put them and the report beside the results."""
        assert self._results is not None
        logged = later(machine.log(), lead_ns)
        config, image = compiled.config, compiled.image
        analog, self._overflows = analog_samples(with_lags(config, image.latency), image, logged, duration_ns)
        digital = digital_samples(config, image, logged, duration_ns)
        for controller, outputs in analog_by_controller(config).items():
            parts = [part.tobytes() for output in outputs for part in analog[output]]
            self._results.put(f"@analog/{controller}", b"".join(parts))
        for controller, refs in digital_by_controller(config).items():
            self._results.put(f"@digital/{controller}", b"".join(digital[ref].tobytes() for ref in refs))
        self._results.put("@samples", index_of(config, duration_ns))
        self._results.put("@report", report_of(config, image, logged, duration_ns))
        self._events = list(machine.events())

    def _fail(self, error: Exception) -> None:
        if isinstance(error, OSError):
            error = unwritable(error)
        fault = fault_in_program(error, self._compiled.program.sources if self._compiled is not None else ())
        if fault.family == "bug":
            log.error("simulation %s failed by a fault of ours", self.job_id, exc_info=error)
        self._end("error", fault, ())

    def _differences(self, compiled: Compiled) -> tuple[str, ...]:
        setting = Setting(
            numerics=self._command.options.numerics,
            latency=self._command.options.latency,
            plant=self._simulation.interface,
            noisy=self._simulation.noise_variance > 0.0,
            simulated=True,
        )
        return differences_of(compiled.program, compiled.config, setting)

    def _end(self, state: End, error: Fault | None, events: Any) -> None:
        state, error = close_results(self.job_id, self._results, self._shelf, state, error)
        self._machine = None
        lines: list[ReportLine] = []
        counts: dict[str, int] = {}
        if self._compiled is not None:
            lines, counts = report_lines(events, self._compiled.program.sources)
            beyond, samples = overflow_lines(self._overflows)
            if samples:
                lines += beyond
                counts["output_overflow"] = samples
            said = [*flag_lines(self._command.options.flags), *remark_lines(self._compiled.image)]
            lines += [ReportLine(severity="warn", message=text) for text in said]
            lines.insert(0, differences_line(self._differences(self._compiled)))
            if self._stopped_at:
                lines.append(ReportLine(severity="warn", message=WAITS.format(self._stopped_at)))
        self.state = state
        status = last_word(self.job_id, self.attempt, state, error, self._results, lines, counts, [])
        self._post(News(self, state, status))


# -- streams with reserved names -------------------------------------------------------------------------------------


def analog_by_controller(config: Config) -> dict[str, list[SimulatedOutput]]:
    """The simulated analog outputs by controller, in their order."""
    found: dict[str, list[SimulatedOutput]] = {}
    for output in simulated_outputs(config):
        found.setdefault(output.ref.controller, []).append(output)
    return found


def digital_by_controller(config: Config) -> dict[str, list[PortRef]]:
    """The digital outputs by controller, in their order."""
    found: dict[str, list[PortRef]] = {}
    for ref in digital_outputs(config):
        found.setdefault(ref.controller, []).append(ref)
    return found


def reserved_schemas(config: Config, duration_ns: int) -> list[StreamSchema]:
    """The streams of samples and report."""
    schemas = [StreamSchema(name=name, dtype="|u1") for name in ("@samples", "@report")]
    schemas += [
        StreamSchema(name=f"@analog/{controller}", dtype="<i2", shape=[duration_ns])
        for controller in analog_by_controller(config)
    ]
    schemas += [
        StreamSchema(name=f"@digital/{controller}", dtype="|b1", shape=[duration_ns])
        for controller in digital_by_controller(config)
    ]
    return schemas


def index_of(config: Config, duration_ns: int) -> bytes:
    """The JSON of `@samples`."""
    return msgspec.json.encode(
        {
            "duration_ns": duration_ns,
            "analog": {
                name: [_described(config, output) for output in outputs]
                for name, outputs in analog_by_controller(config).items()
            },
            "digital": {
                name: [f"{ref.fem}-{ref.number}" for ref in refs]
                for name, refs in digital_by_controller(config).items()
            },
        }
    )


def _described(config: Config, output: SimulatedOutput) -> dict[str, Any]:
    return {
        "key": output.key,
        "samples_per_ns": output.samples_per_ns,
        "parts": output.parts,
        "step": scale_of(config, output),
    }
