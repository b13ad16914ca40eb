"""A simulated job: its state, its results, its samples and its waveform report."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NoReturn

import msgspec

from .._core.errors import AskedWrongly, OurBug
from .._core.wire import FINAL_STATES, JobInfo, JobOptions, Simulation, exception_of, limits, requests
from .connection import Asker
from .difference_report import DifferenceReport
from .exceptions import JobCancelledError, QMSimulationError, QmValueError
from .jobs import QmBaseJob
from .machine_numbers import entry_of, machine_number
from .programs import ProgramLike, encoded
from .report import ExecutionError, ExecutionReport
from .simulation_config import SimulationConfig

if TYPE_CHECKING:
    from .results import ResultHandles
    from .simulated_samples import SimulatorSamples
    from .waveform_report import WaveformReport

LOGGER: Final = logging.getLogger("quaymaster")

InputStreams = Mapping[str, list[Any]]
"""The entries of each input stream, in order: a value each, or a list as long as the stream."""
_NEEDS_A_QM: Final = frozenset(
    {
        "resume",
        "halt",
        "trigger",
        "push_to_input_stream",
        "insert_input_stream",
        "set_element_correction",
        "get_element_correction",
        "set_converter_frequency",
        "set_io_values",
        "set_io1_value",
        "set_io2_value",
        "get_io_values",
        "get_io1_value",
        "get_io2_value",
        "set_intermediate_frequency",
        "set_output_dc_offset_by_element",
        "set_input_dc_offset_by_element",
        "update_oscillator_frequency",
    }
)
"""What a job on a real qm can do and a simulated one cannot."""


class SimulatedJob(QmBaseJob):
    """A simulation, as `simulate` returns it. It has no qm and no place in a queue."""

    _kind = "simulation"

    def __init__(self, connection: Asker, job_id: str, qm_id: str = "", info: JobInfo | None = None) -> None:
        super().__init__(connection, job_id, qm_id, info)
        self._samples: SimulatorSamples | None = None
        self._report: WaveformReport | None = None

    @property
    def is_simulation(self) -> bool:
        """True."""
        return True

    @property
    def qm_id(self) -> str:
        """Empty: a simulation has no qm."""
        return ""

    def _raise_if_failed(self, info: JobInfo) -> None:
        """Failures of simulations have a class of their own."""
        if info.state == "canceled":
            raise JobCancelledError(f"simulation {info.job_id} was cancelled")
        if info.state in ("error", "lost"):
            if info.error is None:
                raise QMSimulationError(f"simulation {info.job_id} failed")
            error = exception_of(info.error)
            raise QMSimulationError(error.message, code=error.code, hint=error.hint, details=error.details)

    @property
    def result_handles(self) -> ResultHandles:
        """The results of the program by name: what was saved within the duration."""
        from .results import ResultHandles

        return ResultHandles(self._connection, self._id)

    def execution_report(self) -> ExecutionReport:
        """Warnings, errors and remarks from the simulation."""
        return ExecutionReport(self._connection.ask(requests.GetReport(job_id=self._id)).result)

    def get_errors(self) -> list[ExecutionError]:
        """The errors and warnings of `execution_report()`."""
        return self.execution_report().errors()

    def difference_report(self) -> DifferenceReport:
        """Where the simulation may differ from what the instrument would have done; known when it has ended."""
        return DifferenceReport(self._connection.ask(requests.GetReport(job_id=self._id)).result)

    def is_paused(self) -> bool:
        """False: nothing pauses a simulation."""
        return False

    # -- what was played -------------------------------------------------------------------------------------------

    def get_simulated_samples(self, include_analog: bool = True, include_digital: bool = True) -> SimulatorSamples:
        """The samples of all output ports of the config, by controller. Raises QMSimulationError before the end."""
        from .simulated_samples import PortSamples, SimulatorControllerSamples, SimulatorSamples

        if self._samples is None:
            self._samples = self._fetched_samples()
        chosen = {
            name: SimulatorControllerSamples(
                name,
                samples.analog if include_analog else PortSamples(),
                samples.digital if include_digital else PortSamples(),
                samples.analog_sampling_rate if include_analog else {},
            )
            for name, samples in self._samples.items()
        }
        return SimulatorSamples(chosen)

    def _fetched_samples(self) -> SimulatorSamples:
        import numpy as np

        from .simulated_samples import PortSamples, SimulatorControllerSamples, SimulatorSamples, analog_ports

        index = msgspec.json.decode(self._reserved("@samples"))
        length, controllers = index["duration_ns"], {}
        for name in dict.fromkeys([*index["analog"], *index["digital"]]):
            analog, digital = PortSamples(), PortSamples()
            rates: dict[str, float] = {}
            if name in index["analog"]:
                codes = np.frombuffer(self._reserved(f"@analog/{name}"), "<i2")
                analog.update(analog_ports(index["analog"][name], codes, length))
                rates = {port["key"]: 1e9 * port["samples_per_ns"] for port in index["analog"][name]}
            if name in index["digital"]:
                bools = np.frombuffer(self._reserved(f"@digital/{name}"), "|b1").reshape(-1, length)
                digital.update(zip(index["digital"][name], bools.copy(), strict=True))
            controllers[name] = SimulatorControllerSamples(name, analog, digital, rates)
        return SimulatorSamples(controllers)

    def get_simulated_waveform_report(self) -> WaveformReport:
        """Every pulse, marker, acquisition and phase reset. Raises QMSimulationError before the end."""
        from .waveform_report import WaveformReport

        if self._report is None:
            self._report = WaveformReport.from_tables(msgspec.json.decode(self._reserved("@report")), self._id)
        return self._report

    def simulated_analog_waveforms(self) -> dict[str, Any]:
        """Deprecated, as on the platform: {"elements": {name: [...]}, "controllers": {name: {"ports": {port: [...]}}}},
        a list of {"timestamp", "duration", "name"} in ns each."""
        from .waveform_lists import by_controller, by_element

        _warn_of("simulated_analog_waveforms")
        played = self.get_simulated_waveform_report().analog_waveforms
        return {"elements": by_element(played), "controllers": by_controller(played)}

    def simulated_digital_waveforms(self) -> dict[str, Any]:
        """Deprecated, as on the platform: the markers by port, {"controllers": {name: {"ports": {port: [...]}}}}."""
        from .waveform_lists import by_controller

        _warn_of("simulated_digital_waveforms")
        return {"controllers": by_controller(self.get_simulated_waveform_report().digital_waveforms)}

    def _reserved(self, stream: str) -> bytes:
        """The bytes of a stream of samples or of the report."""
        if self._info is None or self._info.state not in FINAL_STATES:
            self._info = self._connection.ask(requests.GetJob(job_id=self._id)).result
        if self._info.state not in FINAL_STATES:
            raise QMSimulationError(
                f"simulation {self._id} is {self._info.state}: its samples are not there yet",
                code="not_done",
                hint='wait for it first: job.wait_until("Done")',
            )
        self._raise_if_failed(self._info)
        parts: list[Any] = []
        offset, stop = 0, -1
        while True:
            asked = requests.Fetch(job_id=self._id, stream=stream, start=0, stop=stop, offset=offset)
            found, bodies = self._connection.ask(asked)
            parts += bodies
            if found.stream.dataloss:
                raise QMSimulationError(
                    f"the controller had no room for {stream} of simulation {self._id}", code="data_loss"
                )
            if found.next_offset == 0:
                return b"".join(parts)
            if found.next_offset <= offset:
                raise OurBug(f"the fetch of {stream} stands still at byte {offset}", code="bad_answer")
            offset, stop = found.next_offset, found.stop

    def __getattr__(self, name: str) -> Any:
        if name in _NEEDS_A_QM:
            raise _refusal(name)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def push_to_input_stream(self, name: str, data: Any) -> NoReturn:
        """Refused: a simulation gets nothing from outside."""
        raise _refusal("push_to_input_stream")

    def insert_input_stream(self, name: str, data: Any) -> NoReturn:
        """Refused: a simulation gets nothing from outside."""
        raise _refusal("insert_input_stream")


def _warn_of(name: str) -> None:
    warnings.warn(f"{name}() is deprecated: use get_simulated_waveform_report()", DeprecationWarning, stacklevel=3)


def _refusal(name: str) -> QMSimulationError:
    return QMSimulationError(
        f"{name} is not available for a simulated job",
        code="simulated_job",
        hint="execute the program on an open qm for that",
        details={"error_code": 1002},
    )


def with_outside(simulation: Simulation, input_streams: InputStreams, io_values: Sequence[Any]) -> Simulation:
    """The simulation of a program that gets this from outside before it starts. Raises QmValueError."""
    if not isinstance(input_streams, Mapping) or not all(isinstance(items, list) for items in input_streams.values()):
        raise QmValueError('input_streams is a dict of lists, the entries of each stream in order: {"x": [1, 2]}')
    entries = [entry_of(name, item) for name, items in input_streams.items() for item in items]
    if len(entries) > limits.SIMULATION_ENTRIES:
        raise QmValueError(f"{len(entries)} entries; the limit is {limits.SIMULATION_ENTRIES} (SIMULATION_ENTRIES)")
    if len(io_values) > 2:
        raise QmValueError("io_values are those of IO1 and IO2")
    raws = [0 if io is None else machine_number(io, f"the value of IO{n}")[1] for n, io in enumerate(io_values, 1)]
    io1, io2 = [*raws, 0, 0][:2]
    return msgspec.structs.replace(simulation, entries=entries, io1=io1, io2=io2)


def start_simulation(
    connection: Asker,
    program: ProgramLike,
    simulate: SimulationConfig,
    config: Mapping[str, Any],
    options: JobOptions,
    *,
    packed: bytes = b"",
    qm_id: str = "",
    note: str = "",
    block: bool = True,
    input_streams: InputStreams | None = None,
    io_values: Sequence[Any] = (),
) -> SimulatedJob:
    """Ask for a simulation, and wait for its end unless `block` is False. `packed`: the config's bytes, or `qm_id`."""
    if not isinstance(simulate, SimulationConfig):
        raise AskedWrongly(f"simulate takes a SimulationConfig, not {type(simulate).__name__}", code="bad_simulation")
    body, digest = encoded(program)
    simulation, samples = simulate.record(config)
    simulation = with_outside(simulation, input_streams or {}, io_values)
    asked = requests.Simulate(digest=digest, simulation=simulation, qm_id=qm_id, options=options, note=note)
    bodies = [body, packed, samples] if samples else [body, packed] if packed else [body]
    added = connection.ask(asked, *bodies).result
    for text in added.warnings:
        LOGGER.warning("simulating job %s: %s", added.job_id, text)
    job = SimulatedJob(connection, added.job_id)
    if block:
        job.wait_until("Done")
    return job
