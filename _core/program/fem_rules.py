"""When a program meets a difference that FEMs of an OPX1000 bring; pure functions of ``Used``."""

from __future__ import annotations

from ..config.model import AnalogOutput, MWAnalogInput, MWAnalogOutput
from . import tree
from .used import Used


def hears_microwaves(used: Used) -> bool:
    """A MW input that is measured, behind a plant that leads something to it."""
    heard = any(isinstance(port, MWAnalogInput) for _, port in used.inputs())
    return heard and used.setting.plant in ("echo", "loopback")


def mixes_fems(used: Used) -> bool:
    """Elements on LF- and on MW-FEMs, where nothing has latencies."""
    kinds = {isinstance(port, MWAnalogOutput) for port in used.outputs()}
    return len(kinds) == 2 and used.setting.latency == "ideal"


def upsamples(used: Used) -> bool:
    """Samples are kept of an LF-FEM port at 1 GS/s."""
    return used.setting.simulated and any(
        isinstance(port, AnalogOutput) and port.upsampling_mode is not None for port in used.outputs()
    )


def undoes_exponentials(used: Used) -> bool:
    """Samples are kept of a port that corrects exponentials or a high pass."""
    filters = [port.filter for port in used.outputs() if isinstance(port, AnalogOutput)]
    corrected = [f for f in filters if f is not None and (f.exponential or f.high_pass is not None)]
    return used.setting.simulated and bool(corrected)


def amplified(used: Used) -> bool:
    """An amplified port is played on."""
    return any(isinstance(port, AnalogOutput) and port.output_mode == "amplified" for port in used.outputs())


def halves_of_ns(used: Used) -> bool:
    """A port at 2 GS/s is measured, or played on while something is."""
    if any(port.sampling_rate == 2e9 for _, port in used.inputs()):
        return True
    return bool(used.all(tree.Measure)) and any(port.sampling_rate == 2e9 for port in used.outputs())
