"""What hangs behind the ports: nothing, a cable, an echo."""

from .lags import with_lags
from .options import Cables, hearing, parse_cables
from .outputs import Steps, output_ports
from .photons import parse_photons, photons
from .plants import echo, loopback, none

__all__ = [
    "Cables",
    "Steps",
    "echo",
    "hearing",
    "loopback",
    "none",
    "output_ports",
    "parse_cables",
    "parse_photons",
    "photons",
    "with_lags",
]
