"""What the inputs of a simulation hear: nothing, cables from outputs, or samples that the user gave."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import numpy as np

from ..._core.config import Config, PortRef
from ..._core.config.limits import PORT_COUNTS
from ..._core.config.model import MWAnalogInput
from ..._core.engine.hearing import Hearing, Part, RawSamples
from ..._core.errors import AskedWrongly
from ..._core.wire import Simulation
from ..plant import loopback, none


def hearing_of(
    simulation: Simulation, raw: bytes, config: Config, elements: Sequence[str], lead_ns: int = 0
) -> Hearing:
    """The hearing tables of a simulation, the program of which starts after `lead_ns`; `raw`: the samples of its inputs
    from the simulation's start on, one after another.

    Noise is at the inputs that are connected to something. A port that the hardware has and the config does not declare
    is silent: scripts in the field name cables of a whole set-up beside a config of a part of it. Raises AskedWrongly:
    `bad_simulation` for a port that the hardware does not have, and for complex samples of an input in volts.
    """
    if simulation.interface == "loopback":
        named = [(port_of(cable.source), port_of(cable.target)) for cable in simulation.cables]
        cables = [
            (source, target)
            for source, target in named
            if _is_declared(config, source, "analog_outputs") & _is_declared(config, target, "analog_inputs")
        ]
        noise = dict.fromkeys([target for _, target in cables], simulation.noise_variance)
        return loopback(config, elements, cables, simulation.latency_ns, noise)
    if simulation.interface == "raw":
        given = _raw_samples(simulation, raw, lead_ns)
        samples = [item for item in given if _is_declared(config, item.ref, "analog_inputs")]
        noise = {item.ref: simulation.noise_variance for item in samples}
        raws = tuple(_of_its_input(config, item) for item in samples)
        return msgspec.structs.replace(none(config, elements, noise), raw=raws)
    return none(config, elements)


def port_of(words: str) -> PortRef:
    """The port of `controller/fem/number`."""
    controller, fem, number = words.split("/")
    return PortRef(controller, int(fem), int(number))


def _raw_samples(simulation: Simulation, raw: bytes, lead_ns: int) -> list[RawSamples]:
    values, found = np.frombuffer(raw, "<f8"), []
    if not np.isfinite(values).all():
        raise AskedWrongly("raw samples must be finite numbers in V", code="bad_simulation")
    start = 0
    for item in simulation.inputs:
        own = values[start : start + item.samples]
        found.append(RawSamples(ref=port_of(item.target), part=_PARTS[item.part], samples=own[lead_ns:]))
        start += item.samples
    return found


_PARTS = {"": Part.WHOLE, "I": Part.I, "Q": Part.Q}


def _of_its_input(config: Config, item: RawSamples) -> RawSamples:
    """Samples as their input takes them: real ones of a MW input are its I."""
    if isinstance(config.analog_input(item.ref), MWAnalogInput):
        return item if item.part != Part.WHOLE else msgspec.structs.replace(item, part=Part.I)
    if item.part != Part.WHOLE:
        raise AskedWrongly(
            f"the raw samples of {item.ref} are complex, but it is an input in volts",
            code="bad_simulation",
            hint="give real samples; complex ones are for inputs of an MW-FEM",
        )
    return item


def _is_declared(config: Config, ref: PortRef, kind: str) -> bool:
    """Whether the config declares a port of the hardware."""
    controller = config.controllers.get(ref.controller)
    module = controller.fems.get(ref.fem) if controller is not None else None
    if module is None or not 1 <= ref.number <= PORT_COUNTS[module.type][kind]:
        what = kind[:-1].replace("_", " ")
        raise AskedWrongly(
            f"the simulation interface names {what} {ref}, which the controllers of the config do not have",
            code="bad_simulation",
            hint="name ports of controllers and FEMs that the config declares, or leave the connection out",
        )
    return ref.number in getattr(module, kind)
