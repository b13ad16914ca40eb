"""The platform's own API against a quaymaster cluster: manager, qms, queue, jobs, results, exceptions, and `qua`.

Names are loaded when they are first asked for.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import exceptions as exceptions
    from . import qua as qua
    from .difference_report import DifferenceReport as DifferenceReport
    from .job_queue import QmQueue as QmQueue
    from .jobs import QmJob as QmJob
    from .jobs import QmPendingJob as QmPendingJob
    from .jobs import RunningQmJob as RunningQmJob
    from .programs import CompilerOptionArguments as CompilerOptionArguments
    from .quantum_machine import QuantumMachine as QuantumMachine
    from .quantum_machines_manager import QuantumMachinesManager as QuantumMachinesManager
    from .report import ExecutionReport as ExecutionReport
    from .results import ResultHandles as ResultHandles
    from .simulated_job import SimulatedJob as SimulatedJob
    from .simulated_samples import SimulatorControllerSamples as SimulatorControllerSamples
    from .simulated_samples import SimulatorSamples as SimulatorSamples
    from .simulation_config import ControllerConnection as ControllerConnection
    from .simulation_config import InterOpxAddress as InterOpxAddress
    from .simulation_config import InterOpxChannel as InterOpxChannel
    from .simulation_config import InterOpxPairing as InterOpxPairing
    from .simulation_config import LoopbackInterface as LoopbackInterface
    from .simulation_config import RawInterface as RawInterface
    from .simulation_config import SimulationConfig as SimulationConfig
    from .waveform_report import WaveformReport as WaveformReport

_HOMES = {
    "CompilerOptionArguments": ".programs",
    "ControllerConnection": ".simulation_config",
    "DifferenceReport": ".difference_report",
    "ExecutionReport": ".report",
    "InterOpxAddress": ".simulation_config",
    "InterOpxChannel": ".simulation_config",
    "InterOpxPairing": ".simulation_config",
    "LoopbackInterface": ".simulation_config",
    "QmJob": ".jobs",
    "QmPendingJob": ".jobs",
    "QmQueue": ".job_queue",
    "QuantumMachine": ".quantum_machine",
    "QuantumMachinesManager": ".quantum_machines_manager",
    "RawInterface": ".simulation_config",
    "ResultHandles": ".results",
    "RunningQmJob": ".jobs",
    "SimulatedJob": ".simulated_job",
    "SimulationConfig": ".simulation_config",
    "SimulatorControllerSamples": ".simulated_samples",
    "SimulatorSamples": ".simulated_samples",
    "WaveformReport": ".waveform_report",
}
_MODULES = ("exceptions", "qua")

__all__ = [
    "CompilerOptionArguments",
    "ControllerConnection",
    "DifferenceReport",
    "ExecutionReport",
    "InterOpxAddress",
    "InterOpxChannel",
    "InterOpxPairing",
    "LoopbackInterface",
    "QmJob",
    "QmPendingJob",
    "QmQueue",
    "QuantumMachine",
    "QuantumMachinesManager",
    "RawInterface",
    "ResultHandles",
    "RunningQmJob",
    "SimulatedJob",
    "SimulationConfig",
    "SimulatorControllerSamples",
    "SimulatorSamples",
    "WaveformReport",
    "exceptions",
    "qua",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f".{name}", __name__)
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home, __name__), name)
