"""Bounds of simulations, by name."""

from __future__ import annotations

from typing import Final

SIMULATION_STEPS_MAX: Final = 3_000_000_000
"""Instructions of one simulation: ends a program that goes round and round without time going by."""
SLICE_STEPS: Final = 20_000_000
"""Instructions between looks at halt."""
HELD_NS: Final = 16_000_000
"""Of a simulation with crosstalk from outputs at 1 GS/s onto others at 2 GS/s: the sums of a source stay in memory."""
COMPILED_MAX: Final = 200
"""Programs compiled for simulation that stay in memory."""
COMPILED_BYTES_MAX: Final = 256 * 1024 * 1024
