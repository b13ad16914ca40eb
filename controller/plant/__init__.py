"""What hangs behind the ports: nothing, a cable, an echo."""

from .options import hearing, parse_cables
from .plants import echo, loopback, none

__all__ = ["echo", "hearing", "loopback", "none", "parse_cables"]
