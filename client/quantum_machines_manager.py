"""`QuantumMachinesManager`: where a script begins. It connects to the broker, opens and finds qms, lists jobs."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Final, NoReturn

from .._core.errors import AskedWrongly, not_yet
from .._core.wire import JobInfo, requests, unpack_plain
from .._core.wire.records import CloseMode, ControllerInfo
from .connection import DEFAULT_TIMEOUT_S, Connection, address_of, client_version, login_name
from .exceptions import QMHealthCheckError
from .job_filters import job_filters
from .job_queue import checked_id, checked_note
from .jobs import QmJob, QmPendingJob, job_of
from .plain import pack_config
from .programs import ProgramLike, job_options
from .quantum_machine import QuantumMachine, controllers_of
from .results import ResultHandles

if TYPE_CHECKING:
    from .simulated_job import SimulatedJob
    from .simulation_config import SimulationConfig

LOGGER: Final = logging.getLogger("quaymaster")
_TAKEN_AND_IGNORED: Final = frozenset(
    {
        "add_debug_data",
        "async_follow_redirects",
        "async_trust_env",
        "connection_headers",
        "file_store_root",
        "follow_gateway_redirections",
        "store",
    }
)
"""Keywords of the platform's manager that mean nothing here."""
_REFUSED: Final = frozenset({"credentials", "octave", "octave_calibration_db_path"})
"""Keywords of the platform's manager that would mean something; given, they are refused by name."""


class QuantumMachinesManager:
    """A user's way into a cluster. Close it, or use it as a context manager; it also closes with the process.

    `host` and `port` default to QUAYMASTER_HOST and QUAYMASTER_PORT, else 127.0.0.1:9510; `user` to the login name;
    `timeout` (s, 60) is the longest silence of the broker that a request takes. `cluster_name` is a label. Raises
    QMConnectionError, naming the address and the next step, where no broker answers.
    """

    def __init__(
        self,
        host: str | None = None,
        port: int | None = None,
        *,
        cluster_name: str | None = None,
        timeout: float | None = None,
        user: str | None = None,
        log_level: int | str | None = None,
        **platform: Any,
    ) -> None:
        _check_keywords(platform)
        if log_level is not None:
            LOGGER.setLevel(log_level if isinstance(log_level, int) else log_level.upper())
        self._cluster_name = cluster_name
        chosen_host, chosen_port = address_of(host, port)
        timeout_s = DEFAULT_TIMEOUT_S if timeout is None else float(timeout)
        if not timeout_s > 0:
            raise AskedWrongly(f"timeout must be more than 0 s, not {timeout!r}", code="bad_value")
        self._connection = Connection(chosen_host, chosen_port, user or login_name(), timeout_s)
        LOGGER.debug("connected to %s, version %s", self._connection.address, self._connection.info.version)

    # -- qms -------------------------------------------------------------------------------------------------------

    def open_qm(
        self,
        config: Mapping[str, Any],
        close_other_machines: bool | str | None = None,
        validate_with_protobuf: bool = False,
        add_calibration_elements_to_config: bool = True,
        use_calibration_data: bool = True,
        keep_dc_offsets_when_closing: bool = False,
        **ignored: Any,
    ) -> QuantumMachine:
        """Open a qm; the config is only read.

        `close_other_machines`: False closes none, True all others (as the platform's QOP2; "if_needed" only those in
        the way), None leaves it to the cluster. Which qms were closed and which jobs were canceled is logged. Raises
        OpenQmException that lists all that is wrong, or who holds which port since when.

        `keep_dc_offsets_when_closing`: an instrument's outputs then keep their offsets when the qm is closed. Here
        nothing sees an output that no qm has, and the next qm brings its own offsets.
        """
        if ignored:
            LOGGER.warning("Unused kwargs: %s, please remove them", list(ignored))
        mode = self._close_mode(close_other_machines)
        answer = self._connection.ask(requests.OpenQm(close_mode=mode), pack_config(config))
        for text in answer.result.warnings:
            LOGGER.warning("opening %s: %s", answer.result.qm_id, text)
        return QuantumMachine(self._connection, answer.result.qm_id, controllers_of(config))

    def _close_mode(self, close: bool | str | None) -> CloseMode | None:
        if close is None or close == "all" or close == "if_needed" or close == "never":
            return close  # type: ignore[return-value]
        if isinstance(close, str):
            raise AskedWrongly(
                f"close_other_machines is True, False, None, 'all', 'if_needed' or 'never', not {close!r:.50}",
                code="bad_value",
            )
        if not close:
            return "never"
        return "if_needed" if self._connection.info.api == "qop3" else "all"

    def open_qm_from_file(
        self, filename: str | PathLike[str], close_other_machines: bool | str | None = None
    ) -> QuantumMachine:
        """Open a qm with a config from a JSON file; entries that are null are left out."""
        with open(filename, encoding="utf-8") as file:
            config = json.load(file, object_hook=lambda entry: {k: v for k, v in entry.items() if v is not None})
        return self.open_qm(config, close_other_machines)

    def get_qm(self, machine_id: str) -> QuantumMachine:
        """A handle to an open qm, whoever opened it. Raises QMFailedToGetQuantumMachineError."""
        info = self._connection.ask(requests.GetQm(qm_id=str(machine_id)[:256])).result
        return QuantumMachine(self._connection, info.qm_id, info.controllers)

    def list_open_qms(self) -> list[str]:
        """Ids of all open qms, oldest first."""
        return self._connection.ask(requests.ListQms()).result.qm_ids

    def list_open_quantum_machines(self) -> list[str]:
        """Same as `list_open_qms`."""
        return self.list_open_qms()

    def close_all_qms(self) -> None:
        """Close the qms of all users."""
        closed = self._connection.ask(requests.CloseAllQms()).result
        if closed.qm_ids:
            LOGGER.info("closed %s", ", ".join(closed.qm_ids))

    def close_all_quantum_machines(self) -> None:
        """Same as `close_all_qms`."""
        self.close_all_qms()

    def validate_qua_config(self, qua_config: Mapping[str, Any]) -> None:
        """Check a config without opening it. Raises ConfigValidationException that lists all that is wrong."""
        from .._core.config import check_config
        from .._core.errors import QuaymasterError
        from .exceptions import platform_error

        try:
            check_config(unpack_plain(pack_config(qua_config)))
        except QuaymasterError as error:
            raise platform_error(error) from None

    # -- jobs and results ------------------------------------------------------------------------------------------

    def get_job(self, job_id: str) -> QmPendingJob | QmJob | SimulatedJob:
        """A job by its id, pending, running or ended, of any qm. Raises JobNotFoundError."""
        return job_of(self._connection, self._connection.ask(requests.GetJob(job_id=checked_id(job_id))).result)

    def get_jobs(
        self,
        qm_ids: Sequence[str] = (),
        job_ids: Sequence[str] = (),
        user_ids: Sequence[str] = (),
        description: str = "",
        status: str | Sequence[str] = (),
    ) -> list[QmPendingJob | QmJob | SimulatedJob]:
        """Jobs of the cluster that match all given filters; pending ones by position, then the others by id."""
        asked = job_filters(qm_ids, job_ids, user_ids, description, status)
        return [job_of(self._connection, info) for info in self._connection.ask(asked).result.jobs]

    def get_job_infos(
        self, *, qm_ids: Sequence[str] = (), user_ids: Sequence[str] = (), states: Sequence[str] = (), limit: int = 0
    ) -> list[JobInfo]:
        """The broker's records of jobs that match all given filters."""
        asked = job_filters(qm_ids, (), user_ids, "", states, limit=limit)
        return self._connection.ask(asked).result.jobs

    def cancel_job(self, job_id: str) -> bool:
        """Cancel a job, pending or started, of any user. False where it had ended before."""
        return self._connection.ask(requests.CancelJob(job_id=checked_id(job_id))).result.canceled

    def get_job_result_handles(self, job_id: str) -> ResultHandles:
        """The results of a job by its id, also after its qm was closed."""
        return ResultHandles(self._connection, checked_id(job_id))

    def clear_all_job_results(self) -> None:
        """Delete the results of all finished jobs, of all users; the jobs stay listed."""
        self._connection.ask(requests.ClearResults())

    def reset_data_processing(self) -> NoReturn:
        """Comes later."""
        raise not_yet("reset_data_processing")

    def simulate(
        self,
        config: Mapping[str, Any],
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
        """Simulate a program on a config for `simulate.duration` clock cycles, and wait until that is done.

        It takes no ports, needs no qm and waits in no queue. With `block=False` it returns at once, to be waited for by
        `job.wait_until("Done")`. Nothing reaches it from outside: `input_streams` ({name: [entry, ...]}), `io_values`
        (IO1, IO2) are there from the start, and a `pause()` waits for nobody. Raises ConfigValidationException,
        QMSimulationError where the program does not compile or asks for too much, and Taken where no controller of the
        config's type is connected.
        """
        from .simulated_job import start_simulation

        options = job_options(
            self._connection,
            compiler_options,
            seed=seed,
            numerics=numerics,
            latency=latency,
            strict=strict,
            flags=flags,
        )
        packed = pack_config(config)
        return start_simulation(
            self._connection,
            program,
            simulate,
            config,
            options,
            packed=packed,
            note=checked_note(note),
            block=block,
            input_streams=input_streams,
            io_values=io_values,
        )

    # -- the cluster -----------------------------------------------------------------------------------------------

    def status(self) -> requests.ClusterStatus:
        """Controllers, ports with their holders, qms, queues."""
        return self._connection.ask(requests.GetStatus()).result

    def get_controllers(self) -> list[ControllerInfo]:
        """All controllers of the cluster, with `name`, `type`, `fems` and whether they are `connected`."""
        return self.status().controllers

    def perform_healthcheck(self, strict: bool = True) -> bool:
        """Whether the broker answers and every controller is connected. If not: QMHealthCheckError, or False."""
        gone = [info.name for info in self.get_controllers() if not info.connected]
        if not gone:
            LOGGER.info("Health check passed")
            return True
        words = f"not connected: {', '.join(gone)}"
        if strict:
            raise QMHealthCheckError(words, hint="see their logs; `quaymaster status` shows when they are back")
        LOGGER.warning("Health check failed: %s", words)
        return False

    def version(self) -> dict[str, str]:
        """Versions of the client and of the broker (`server`)."""
        return {"client": client_version(), "server": self._connection.info.version}

    def version_dict(self) -> dict[str, str]:
        """Versions by package, as the platform names the keys."""
        return {"quaymaster": client_version(), "QOP": self._connection.info.version}

    @property
    def cluster_name(self) -> str:
        """The label given, or "any"."""
        return self._cluster_name or "any"

    @property
    def user(self) -> str:
        """As whom the broker sees this manager; jobs that it adds carry this as `user_added`."""
        return self._connection.info.user

    @property
    def capabilities(self) -> list[str]:
        """What the broker can do, as the platform names it."""
        return self._connection.info.capabilities

    @property
    def octave_manager(self) -> NoReturn:
        """Comes later."""
        raise not_yet("octave_manager")

    def close(self) -> None:
        """End the connection. Qms and jobs live on in the cluster. Twice is fine."""
        self._connection.close()

    def __enter__(self) -> QuantumMachinesManager:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = ", closed" if self._connection.closed else ""
        return f"<QuantumMachinesManager {self._connection.address} as {self._connection.user}{state}>"


def _check_keywords(platform: Mapping[str, Any]) -> None:
    """Take the platform's keywords that mean nothing here, refuse the others by name."""
    for name, value in platform.items():
        if name in _REFUSED:
            if value is not None:
                raise not_yet(f"QuantumMachinesManager({name}=...)")
        elif name not in _TAKEN_AND_IGNORED:
            raise TypeError(f"QuantumMachinesManager() got an unexpected keyword argument {name!r}")
