"""The qm config: model, checks, ports claimed, threads needed, effective form and digest.

``check_config(raw)`` turns the dict that a user wrote into a checked ``Config``, or raises an error that lists all that
is wrong; ``read_config`` gives it as it was written, with its warnings. Everything else here derives from a ``Config``.
"""

from .effective import apply_overrides, config_digest, effective_config
from .issues import ConfigIssue, config_error
from .model import Config, PortRef
from .parse import check_config, parse_config, read_config
from .ports import Port, PortClaim, ports_claimed
from .simulated import SimulatedOutput, digital_outputs, simulated_bytes, simulated_outputs
from .threads import thread_capacity, thread_of, threads_needed, type_matches

__all__ = [
    "Config",
    "ConfigIssue",
    "Port",
    "PortClaim",
    "PortRef",
    "SimulatedOutput",
    "apply_overrides",
    "check_config",
    "config_digest",
    "config_error",
    "digital_outputs",
    "effective_config",
    "parse_config",
    "ports_claimed",
    "read_config",
    "simulated_bytes",
    "simulated_outputs",
    "thread_capacity",
    "thread_of",
    "threads_needed",
    "type_matches",
]
