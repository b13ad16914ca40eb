"""How many volts the ports of each kind span."""

from __future__ import annotations

from .model import AnalogOutput, MWAnalogOutput


def full_scale_volts(port: AnalogOutput | MWAnalogOutput) -> float:
    """Half the range of an output in V: 0.5, 2.5 where it is amplified, or what a sample of 1.0 is on a MW output.

    >>> full_scale_volts(AnalogOutput(output_mode="amplified"))
    2.5
    """
    if isinstance(port, MWAnalogOutput):
        return FULL_SCALE_VOLTS[port.full_scale_power_dbm]
    return 2.5 if port.output_mode == "amplified" else 0.5


def highest(limit: float) -> float:
    """The highest value that a converter from −limit to limit plays: one of its 2¹⁶ steps below the limit.

    >>> highest(1.0)
    0.999969482421875
    """
    return limit * (1.0 - 2.0**-15)


FULL_SCALE_VOLTS = {
    -11: 0.08912509381337455,
    -8: 0.12589254117941673,
    -5: 0.1778279410038923,
    -2: 0.251188643150958,
    1: 0.35481338923357547,
    4: 0.5011872336272722,
    7: 0.7079457843841379,
    10: 1.0,
    13: 1.4125375446227544,
    16: 1.9952623149688795,
}
"""√(2 · 50 Ω · 10^(dBm/10) mW), the nearest double, for every power that a config may hold."""
