"""The samples of a simulation: a mapping of controllers to analog and digital samples by port.

Analog samples are float64 in V: of an OPX at 1 GS/s, of an LF-FEM at 2 GS/s. Those of a MW-FEM are complex128, I + jQ
before the up-converter as a part of full scale. Digital samples are bools, one a ns. Ports are named "fem-port", an
OPX's "1-port", MW outputs "fem-port-upconverter"; "port" alone, as text or number, is read as "1-port".
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .._core.errors import AskedWrongly

if TYPE_CHECKING:
    from matplotlib.figure import Figure


T = TypeVar("T")


class ByPort(dict[str, T]):
    """Something by port. `["1-2"]`, `["2"]` and `[2]` are the same."""

    def __missing__(self, key: Any) -> T:
        name = f"1-{key}"
        if name in self.keys():
            return self[name]
        raise KeyError(f"no samples of port {key!r}; there are {', '.join(self) or 'none'}")

    def __contains__(self, key: object) -> bool:
        return super().__contains__(key) or super().__contains__(f"1-{key}")

    def get(self, key: Any, default: Any = None) -> Any:
        """What is of a port, or `default`."""
        try:
            return self[key]
        except KeyError:
            return default


class PortSamples(ByPort[npt.NDArray[Any]]):
    """Samples by port."""


class SimulatorControllerSamples:
    """The samples of one controller; `analog_sampling_rate` by port, in samples a second."""

    def __init__(self, name: str, analog: PortSamples, digital: PortSamples, rates: Mapping[str, float]) -> None:
        self.name = name
        self.analog = analog
        self.digital = digital
        self.analog_sampling_rate: ByPort[float] = ByPort(rates)

    def plot(self, analog_ports: Sequence[Any] | None = None, digital_ports: Sequence[Any] | None = None) -> Figure:
        """Draw the samples over time in ns on the current axes, and return their figure.

        Ports that are not named are drawn where they are not zero throughout; a name alone is one port. Needs
        matplotlib: `not_installed`.
        """
        pyplot = pyplot_module()
        axes = pyplot.gca()
        for port in _drawn(self.analog, analog_ports):
            samples = self.analog[port]
            t = np.arange(len(samples)) * (1e9 / self.analog_sampling_rate.get(port, 1e9))
            for part, values in _parts(samples):
                axes.plot(t, values, label=f"{self.name} A{_short(port)}{part}")
        for port in _drawn(self.digital, digital_ports):
            axes.plot(self.digital[port].astype(float), label=f"{self.name} D{_short(port)}", linestyle="--")
        axes.set_xlabel("Time [ns]")
        axes.set_ylabel("Output [V], markers 0 or 1" if _drawn(self.digital, digital_ports) else "Output [V]")
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper right")
        figure: Figure = axes.figure
        return figure

    def to_dict(self) -> dict[str, Any]:
        """Lists of numbers by kind and port."""
        return {
            "analog": {port: _plain(samples) for port, samples in self.analog.items()},
            "digital": {port: samples.tolist() for port, samples in self.digital.items()},
            "analog_sampling_rate": dict(self.analog_sampling_rate),
        }

    def __repr__(self) -> str:
        return f"<samples of {self.name}: analog {', '.join(self.analog)}; digital {', '.join(self.digital)}>"


class SimulatorSamples(Mapping[str, SimulatorControllerSamples]):
    """The samples of all controllers, by name: `samples["con1"]` or `samples.con1`."""

    def __init__(self, controllers: Mapping[str, SimulatorControllerSamples]) -> None:
        self._controllers = dict(controllers)

    def __getitem__(self, name: str) -> SimulatorControllerSamples:
        return self._controllers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._controllers)

    def __len__(self) -> int:
        return len(self._controllers)

    def __getattr__(self, name: str) -> SimulatorControllerSamples:
        if name.startswith("_"):  # looked for by copy and pickle, on an object that has no controllers yet
            raise AttributeError(name)
        found = self._controllers.get(name)
        if found is None:
            raise AttributeError(f"no samples of controller {name!r}; there are {', '.join(self) or 'none'}")
        return found

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._controllers]

    def to_dict(self) -> dict[str, Any]:
        """`to_dict` of each controller, by name."""
        return {name: samples.to_dict() for name, samples in self.items()}

    def to_json(self) -> str:
        """The same as JSON."""
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        return f"<SimulatorSamples of {', '.join(self) or 'no controller'}>"


def _drawn(samples: PortSamples, chosen: Sequence[Any] | None) -> list[Any]:
    if chosen is not None:
        ports = [chosen] if isinstance(chosen, (str, int)) else list(chosen)
        for port in ports:
            samples[port]  # a KeyError that names the ports there are
        return ports
    return [port for port, values in samples.items() if values.any()]


def _parts(samples: npt.NDArray[Any]) -> list[tuple[str, npt.NDArray[Any]]]:
    """What is drawn of samples: they, or I and Q."""
    return [(" I", samples.real), (" Q", samples.imag)] if np.iscomplexobj(samples) else [("", samples)]


def _plain(samples: npt.NDArray[Any]) -> Any:
    """Lists that JSON has: numbers, or of complex samples I and Q."""
    if np.iscomplexobj(samples):
        return {"I": samples.real.tolist(), "Q": samples.imag.tolist()}
    return samples.tolist()


def analog_ports(
    ports: Sequence[Mapping[str, Any]], codes: npt.NDArray[np.int16], duration_ns: int
) -> dict[str, npt.NDArray[Any]]:
    """The samples of each port from the codes of all, one after another, as the controller describes them."""
    found, place = {}, 0
    for port in ports:
        count = duration_ns * port["samples_per_ns"]
        parts = codes[place : place + port["parts"] * count].reshape(port["parts"], count) * port["step"]
        found[port["key"]] = parts[0] if port["parts"] == 1 else parts[0] + 1j * parts[1]
        place += port["parts"] * count
    return found


def _short(port: Any) -> str:
    """ "3" for "1-3", as OPX ports are known."""
    return str(port).removeprefix("1-")


def pyplot_module() -> Any:
    """matplotlib.pyplot. Raises AskedWrongly `not_installed`."""
    try:
        from matplotlib import pyplot
    except ImportError:
        raise AskedWrongly(
            "plots need matplotlib, which is not installed",
            code="not_installed",
            hint="pip install 'quaymaster[plot]'",
        ) from None
    return pyplot
