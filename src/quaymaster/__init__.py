"""An open software twin of the multi-user Quantum Orchestration Platform.

The public names are loaded when they are first asked for, so that importing it and the command line stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .client import LoopbackInterface as LoopbackInterface
    from .client import QuantumMachinesManager as QuantumMachinesManager
    from .client import RawInterface as RawInterface
    from .client import SimulationConfig as SimulationConfig
    from .client import qua as qua

_HOMES = {
    "LoopbackInterface": ".client",
    "QuantumMachinesManager": ".client",
    "RawInterface": ".client",
    "SimulationConfig": ".client",
    "qua": ".client.qua",
}

__all__ = [
    "LoopbackInterface",
    "QuantumMachinesManager",
    "RawInterface",
    "SimulationConfig",
    "__version__",
    "qua",
]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'quaymaster' has no attribute {name!r}; it has {', '.join(__all__)}")
    module = importlib.import_module(home, __name__)
    return module if name == "qua" else getattr(module, name)
