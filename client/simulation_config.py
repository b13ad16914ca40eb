"""What to simulate: `SimulationConfig` and the interfaces that feed the inputs, as the platform names them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from .._core.config.model import Config, Element, PortRef
from .._core.errors import AskedWrongly, QuaymasterError
from .._core.wire import Simulation, content_digest, limits
from .._core.wire.records import Cable, RawInput
from .exceptions import platform_error

DEFAULT_LATENCY_NS: Final = 24


class LoopbackInterface:
    """Cables from outputs to inputs.

    `connections`: tuples (controller, output, controller, input), (controller, fem, output, controller, fem, input), or
    (element, element, input of the second: its number from 1, or its name). `latency` ns of all of them; `noisePower`:
    variance in V² of Gaussian noise at their inputs. Of an element with I and Q, I goes to the other's first output, Q
    to its second.
    """

    def __init__(self, connections: Sequence[Any], latency: int = DEFAULT_LATENCY_NS, noisePower: float = 0.0) -> None:
        self.connections = _tuples(connections, "LoopbackInterface")
        for item in self.connections:
            if len(item) not in (3, 4, 6):
                raise _bad(f"a connection has 3, 4 or 6 parts, not {len(item)}: {item!r:.100}")
        self.latency = _whole(latency, "latency", limits.SIMULATION_LATENCY_NS)
        self.noisePower = _variance(noisePower)

    def cables(self, config: Mapping[str, Any]) -> list[Cable]:
        """The connections as ports, once each."""
        named = any(len(item) == 3 for item in self.connections)
        elements = _checked(config).elements if named else {}
        return list(dict.fromkeys(_cable_of(item, elements) for item in self.connections))

    def __repr__(self) -> str:
        return f"LoopbackInterface({self.connections!r}, latency={self.latency}, noisePower={self.noisePower})"


class RawInterface:
    """Samples that inputs get: tuples (controller, input, samples) or (controller, fem, input, samples), in V, one a ns
    from the start; zero after them. A MW input gets complex ones, I + jQ behind its down-converter; real ones are I.
    `noisePower`: variance in V² of Gaussian noise at these inputs."""

    def __init__(self, connections: Sequence[Any], noisePower: float = 0.0) -> None:
        self.connections = _tuples(connections, "RawInterface")
        for item in self.connections:
            if len(item) not in (3, 4):
                raise _bad(f"raw samples are given as (controller, input, samples), not with {len(item)} parts")
        self.noisePower = _variance(noisePower)

    def inputs(self) -> tuple[list[RawInput], bytes]:
        """The inputs, and the samples of all of them, one after another."""
        inputs, parts = [], []
        for item in self.connections:
            target = _port(item[:-1])
            for part, samples in _parts_of(item):
                inputs.append(RawInput(target=target, samples=len(samples), part=part))
                parts.append(samples.tobytes())
        return inputs, b"".join(parts)

    def __repr__(self) -> str:
        return f"RawInterface({[item[:-1] for item in self.connections]}, noisePower={self.noisePower})"


@dataclass(frozen=True)
class InterOpxAddress:
    """One end of a link between controllers. Kept for scripts; all controllers of a config are simulated together."""

    controller: str
    is_left_connection: bool = True


@dataclass(frozen=True)
class InterOpxChannel:
    """One end of a link between controllers, by channel."""

    controller: str
    channel_number: int = 0


@dataclass(frozen=True)
class ControllerConnection:
    """A link between two controllers."""

    source: InterOpxAddress | InterOpxChannel
    target: InterOpxAddress | InterOpxChannel


InterOpxPairing = ControllerConnection


@dataclass
class SimulationConfig:
    """How long to simulate, in clock cycles of 4 ns, and what the inputs hear (`simulation_interface`; none: nothing).

    The `include_...` flags, `controller_connections` and `extraProcessingTimeoutInMs` are taken as the platform does
    and change nothing: samples of all ports are there for whoever asks, and all controllers are simulated together.
    """

    duration: int = 0
    include_analog_waveforms: bool = False
    include_digital_waveforms: bool = False
    simulation_interface: LoopbackInterface | RawInterface | None = None
    controller_connections: Sequence[Any] = field(default_factory=list)
    extraProcessingTimeoutInMs: int = -1

    def record(self, config: Mapping[str, Any]) -> tuple[Simulation, bytes]:
        """What travels: the simulation, and the raw samples. Raises AskedWrongly `bad_simulation`."""
        cycles = _whole(self.duration, "duration", limits.SIMULATION_CYCLES)
        if cycles < 1:
            raise _bad("a simulation lasts at least one clock cycle: give SimulationConfig(duration=...) in 4 ns")
        interface = self.simulation_interface
        if interface is None:
            return Simulation(duration_cycles=cycles), b""
        if isinstance(interface, LoopbackInterface):
            cables = interface.cables(config)
            if not cables:
                return Simulation(duration_cycles=cycles), b""
            return Simulation(
                duration_cycles=cycles,
                interface="loopback",
                cables=cables,
                latency_ns=interface.latency,
                noise_variance=interface.noisePower,
            ), b""
        if isinstance(interface, RawInterface):
            inputs, samples = interface.inputs()
            return Simulation(
                duration_cycles=cycles,
                interface="raw",
                inputs=inputs,
                noise_variance=interface.noisePower,
                samples_digest=content_digest(samples) if samples else "",
            ), samples
        raise _bad(f"simulation_interface is a LoopbackInterface or a RawInterface, not {type(interface).__name__}")


def _tuples(connections: Any, interface: str) -> list[tuple[Any, ...]]:
    """The connections of an interface, which are tuples or lists in a list."""
    is_list = isinstance(connections, (list, tuple))
    if not is_list or not all(isinstance(item, (list, tuple)) for item in connections):
        raise _bad(f"connections of a {interface} are a list of tuples, also a single one, not {connections!r:.100}")
    return [tuple(item) for item in connections]


def _parts_of(item: tuple[Any, ...]) -> list[tuple[Literal["", "I", "Q"], npt.NDArray[np.float64]]]:
    """The raw samples of a connection; of complex ones I and Q."""
    try:
        samples = np.asarray(item[-1])
        is_complex = np.iscomplexobj(samples)
        samples = samples.astype("<c16" if is_complex else "<f8")
    except (TypeError, ValueError):
        raise _bad(f"the raw samples of {item[:-1]!r} are not numbers") from None
    if samples.ndim != 1:
        raise _bad(f"the raw samples of {item[:-1]!r} have {samples.ndim} axes: give a list, one sample a ns")
    if not np.isfinite(samples).all():
        raise _bad(f"the raw samples of {item[:-1]!r} are not all finite")
    if is_complex:
        return [("I", samples.real.copy()), ("Q", samples.imag.copy())]
    return [("", samples)]


def _cable_of(item: tuple[Any, ...], elements: Mapping[str, Element]) -> Cable:
    if len(item) in (4, 6):
        half = len(item) // 2
        return Cable(source=_port(item[:half]), target=_port(item[half:]))
    source, target, number = item
    outputs = list(_element(elements, target).output_ports.items())
    place = next((k for k, (name, _) in enumerate(outputs) if number in (name, k + 1)), None)
    if place is None:
        raise _bad(f"element {target!r} has no output {number!r}; it has {[name for name, _ in outputs]}")
    return Cable(source=str(_played(_element(elements, source), source, place)), target=str(outputs[place][1]))


def _checked(config: Mapping[str, Any]) -> Config:
    """The config in which a connection names elements. Raises ConfigValidationException."""
    from .._core.config import check_config

    try:
        return check_config(config)
    except QuaymasterError as error:
        raise platform_error(error) from None


def _element(elements: Mapping[str, Element], name: Any) -> Element:
    if name not in elements:
        raise _bad(f"the config has no element {name!r}; it has {', '.join(elements)}")
    return elements[name]


def _played(element: Element, name: Any, place: int) -> PortRef:
    """The port of a single or MW input; of a mixer's, I for the first output, Q for the second."""
    if element.mixInputs is not None:
        return element.mixInputs.I if place == 0 else element.mixInputs.Q
    single = element.singleInput or element.MWInput
    if single is None:
        raise _bad(f"element {name!r} plays on no analog port that could be looped back")
    return single.port


def _port(parts: Any) -> str:
    """`controller/fem/number` of (controller, number) or (controller, fem, number)."""
    try:
        controller, *numbers = parts
        fem, number = map(_port_number, numbers if len(numbers) == 2 else (1, *numbers))
    except (TypeError, ValueError):
        raise _bad(f"{parts!r:.100} is not a port: give (controller, number) or (controller, fem, number)") from None
    return f"{controller}/{fem}/{number}"


def _port_number(value: Any) -> int:
    """A number of a FEM or port, also as text. Raises TypeError and ValueError for what is none."""
    number = int(value)
    if isinstance(value, bool) or not (isinstance(value, str) or number == value):
        raise ValueError
    return number


def _whole(value: Any, what: str, most: int) -> int:
    try:
        number = int(value)
        if isinstance(value, bool) or number != value or not 0 <= number <= most:
            raise ValueError
    except (TypeError, ValueError):
        raise _bad(f"{what} must be a whole number from 0 to {most}, not {value!r:.50}") from None
    return number


def _variance(value: Any) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise _bad(f"noisePower must be a number, not {value!r:.50}") from None
    if not (np.isfinite(number) and number >= 0):
        raise _bad(f"noisePower is a variance in V², 0 or more, not {value!r:.50}")
    return number


def _bad(message: str) -> AskedWrongly:
    return AskedWrongly(message, code="bad_simulation")
