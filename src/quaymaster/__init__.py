"""An open software twin of the multi-user Quantum Orchestration Platform.

The public names are loaded when they are first asked for, so that importing it and the command line stay quick.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from .client import QuantumMachinesManager as QuantumMachinesManager
    from .client import qua as qua

_HOMES = {"QuantumMachinesManager": ".client", "qua": ".client.qua"}

__all__ = ["QuantumMachinesManager", "__version__", "qua"]


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'quaymaster' has no attribute {name!r}; it has {', '.join(__all__)}")
    module = importlib.import_module(home, __name__)
    return module if name == "qua" else getattr(module, name)
