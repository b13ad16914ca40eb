"""Simulations: a program run for a while, apart from all qms, its outputs rendered and its pulses listed.

`plant` (what the inputs hear), `samples` (analog and digital outputs), `report` (the waveform report), `run` (one job).
"""

from .run import SimulationRun, Simulations

__all__ = ["SimulationRun", "Simulations"]
