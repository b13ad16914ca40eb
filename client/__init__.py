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

_HOMES = {
    "CompilerOptionArguments": ".programs",
    "DifferenceReport": ".difference_report",
    "ExecutionReport": ".report",
    "QmJob": ".jobs",
    "QmPendingJob": ".jobs",
    "QmQueue": ".job_queue",
    "QuantumMachine": ".quantum_machine",
    "QuantumMachinesManager": ".quantum_machines_manager",
    "ResultHandles": ".results",
    "RunningQmJob": ".jobs",
}
_MODULES = ("exceptions", "qua")

__all__ = [
    "CompilerOptionArguments",
    "DifferenceReport",
    "ExecutionReport",
    "QmJob",
    "QmPendingJob",
    "QmQueue",
    "QuantumMachine",
    "QuantumMachinesManager",
    "ResultHandles",
    "RunningQmJob",
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
