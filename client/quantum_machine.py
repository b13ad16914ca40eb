"""`QuantumMachine`: a handle to an open qm. Any number of handles, of any users, may be to the same qm."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Final

from .._core.errors import not_yet
from .._core.wire import requests
from .connection import Asker
from .job_filters import job_filters
from .job_queue import QmQueue, checked_id, checked_note
from .jobs import QmJob, QmPendingJob, job_of
from .machine_settings import MachineSettings
from .programs import ProgramLike, job_options, send_program

if TYPE_CHECKING:
    from .simulated_job import SimulatedJob
    from .simulation_config import SimulationConfig

LOGGER: Final = logging.getLogger("quaymaster")
EXECUTE_START_TIMEOUT_S: Final = 300.0
"""How long `execute` waits for its job to start, unless told otherwise."""


class QuantumMachine(MachineSettings):
    """An open qm: its queue, its running job, its settings."""

    def __init__(self, connection: Asker, qm_id: str, controllers: Sequence[str] = ()) -> None:
        self._connection = connection
        self._id = qm_id
        self._controllers = tuple(controllers)
        self._closed = False
        self._queue = QmQueue(connection, qm_id)

    @property
    def id(self) -> str:
        """The qm's id, `qm-` and 13 digits."""
        return self._id

    @property
    def queue(self) -> QmQueue:
        """The pending jobs."""
        return self._queue

    @property
    def info(self) -> requests.QmInfo:
        """All that the broker tells about the qm: who opened it, its ports, what runs and how much waits."""
        return self._connection.ask(requests.GetQm(qm_id=self._id)).result

    def list_controllers(self) -> tuple[str, ...]:
        """The controllers whose ports the qm holds."""
        return self._controllers

    def close(self) -> bool:
        """Close the qm for all its users: its running job is halted, its pending jobs are canceled. Returns True."""
        closed = self._connection.ask(requests.CloseQm(qm_id=self._id)).result
        self._closed = True
        for job_id in closed.canceled_jobs:
            LOGGER.info("closing %s cancelled job %s", self._id, job_id)
        return True

    # -- running programs ------------------------------------------------------------------------------------------

    def execute(
        self,
        program: ProgramLike,
        duration_limit: Any = None,
        data_limit: Any = None,
        force_execution: Any = None,
        dry_run: Any = False,
        simulate: Any = None,
        compiler_options: Any = None,
        *,
        strict: bool | None = None,
        flags: Sequence[str] | None = None,
        wait_for_execution_timeout: float = EXECUTE_START_TIMEOUT_S,
        seed: int | None = None,
        numerics: str = "linear",
        latency: str | None = None,
        note: str = "",
    ) -> QmJob | SimulatedJob:
        """Clear the queue (of all users), cancel the running job, queue this program and wait until it starts.

        One step for the broker, so that no other user comes between; a program that does not compile changes nothing.
        `latency` is a profile of docs/timing.md; None: that of the cluster. `duration_limit`, `data_limit` and
        `force_execution` are ignored, as on the platform. Raises FailedToExecuteJobException where it was not accepted,
        else what `wait_for_execution` raises. With `simulate` (deprecated) it is `simulate`.
        """
        if simulate is not None:
            warnings.warn(
                "execute(simulate=...) is deprecated: use simulate(program, SimulationConfig(...))",
                DeprecationWarning,
                stacklevel=2,
            )
            return self.simulate(
                program,
                simulate,
                compiler_options,
                strict=strict,
                flags=flags,
                seed=seed,
                numerics=numerics,
                latency=latency,
                note=note,
            )
        if dry_run:
            raise not_yet("execute(dry_run=True)")
        options = job_options(
            self._connection,
            compiler_options,
            seed=seed,
            numerics=numerics,
            latency=latency,
            strict=strict,
            flags=flags,
        )

        def asking(digest: str) -> requests.Execute:
            return requests.Execute(qm_id=self._id, digest=digest, options=options, note=checked_note(note))

        added = send_program(self._connection, program, asking).result
        for job_id in [*added.removed_jobs, *added.canceled_jobs]:
            LOGGER.warning("executing job %s on %s cancelled job %s", added.job_id, self._id, job_id)
        pending = QmPendingJob(self._connection, added.job_id, self._id)
        return pending.wait_for_execution(wait_for_execution_timeout)

    def compile(
        self,
        program: ProgramLike,
        compiler_options: Any = None,
        *,
        seed: int | None = None,
        numerics: str = "linear",
        latency: str | None = None,
    ) -> str:
        """Compile a program; the id that is returned can be queued (`queue.add_compiled`) until the qm is closed.

        Raises CompilationException.
        """
        options = job_options(self._connection, compiler_options, seed=seed, numerics=numerics, latency=latency)

        def asking(digest: str) -> requests.Compile:
            return requests.Compile(qm_id=self._id, digest=digest, options=options)

        return send_program(self._connection, program, asking).result.program_id

    def simulate(
        self,
        program: ProgramLike,
        simulate: SimulationConfig,
        compiler_options: Any = None,
        *,
        strict: bool | None = None,
        flags: Sequence[str] | None = None,
        seed: int | None = None,
        numerics: str = "linear",
        latency: str | None = None,
        note: str = "",
        block: bool = True,
        input_streams: Mapping[str, list[Any]] | None = None,
        io_values: Sequence[Any] = (),
    ) -> SimulatedJob:
        """Simulate a program on the qm's effective config; the qm itself, its queue and its job are left alone.

        See `QuantumMachinesManager.simulate`.
        """
        from .simulated_job import start_simulation
        from .simulation_config import LoopbackInterface

        options = job_options(
            self._connection,
            compiler_options,
            seed=seed,
            numerics=numerics,
            latency=latency,
            strict=strict,
            flags=flags,
        )
        looped = isinstance(getattr(simulate, "simulation_interface", None), LoopbackInterface)
        config = self.get_config() if looped else {}  # only a loopback needs to know elements
        return start_simulation(
            self._connection,
            program,
            simulate,
            config,
            options,
            qm_id=self._id,
            note=checked_note(note),
            block=block,
            input_streams=input_streams,
            io_values=io_values,
        )

    def add_to_queue(
        self,
        program: ProgramLike | str,
        *,
        config: Any = None,
        compiler_options: Any = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> QmPendingJob:
        """`queue.add` of a program, or `queue.add_compiled` of the id of a compiled one, as newer SDKs name them."""
        if config is not None:
            raise not_yet("add_to_queue(config=...)")
        if not isinstance(program, str):
            if overrides is None:
                return self._queue.add(program, compiler_options)
            program = self.compile(program, compiler_options)
        return self._queue.add_compiled(program, overrides)

    def get_queue_count(self) -> int:
        """How many jobs are pending."""
        return self._queue.count

    # -- jobs ------------------------------------------------------------------------------------------------------

    def get_running_job(self) -> QmJob | None:
        """The job that is loading or running, or None."""
        job_id = self.info.running_job
        if job_id is None:
            return None
        return QmJob(self._connection, job_id, self._id)

    def get_job(self, job_id: str) -> QmPendingJob | QmJob | SimulatedJob:
        """A job by its id, pending, running or ended. Raises JobNotFoundError."""
        return job_of(self._connection, self._connection.ask(requests.GetJob(job_id=checked_id(job_id))).result)

    def get_jobs(
        self,
        job_ids: Sequence[str] = (),
        user_ids: Sequence[str] = (),
        description: str = "",
        status: str | Sequence[str] = (),
    ) -> list[QmPendingJob | QmJob | SimulatedJob]:
        """Jobs of this qm that match all given filters; pending ones by position, then the others by id."""
        asked = job_filters([self._id], job_ids, user_ids, description, status)
        return [job_of(self._connection, info) for info in self._connection.ask(asked).result.jobs]

    def save_config_to_file(self, filename: str | PathLike[str]) -> None:
        """Write the effective config to a file, as JSON that `open_qm_from_file` reads."""
        with open(filename, "w", encoding="utf-8") as file:
            json.dump(self.get_config(), file, indent=1)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, QuantumMachine) and other._id == self._id

    def __hash__(self) -> int:
        return hash(self._id)

    def __repr__(self) -> str:
        where = f" on {', '.join(self._controllers)}" if self._controllers else ""
        return f"<QuantumMachine {self._id}{where}{', closed' if self._closed else ''}>"


def controllers_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The names of a config's controllers."""
    section = config.get("controllers")
    return tuple(map(str, section)) if isinstance(section, Mapping) else ()
