"""What can be set and read of an open qm: frequencies, corrections, offsets, digital windows, IO registers.

A setter changes the qm's config for jobs that start later, and frequencies, corrections and offsets of outputs for the
job that runs, too. What is read comes from the effective config, which the broker holds. Names and arguments: the
platform's queue page, 2.2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from .._core.errors import QuaymasterError, not_yet
from .._core.wire import limits, parcels, requests, unpack_plain
from .connection import Asker
from .exceptions import InvalidConfigError, QmValueError
from .machine_numbers import io_value, machine_number
from .machine_values import offset_pairs
from .plain import plain_number

Config = dict[Any, Any]


class MachineSettings:
    """The setters and getters of a `QuantumMachine`."""

    _connection: Asker
    _id: str

    def get_config(self) -> Config:
        """The effective config: defaults filled in, changes applied; port references and pairs are lists."""
        answer = self._connection.ask(requests.GetConfig(qm_id=self._id))
        return unpack_plain(answer.bodies[0])

    # -- setters ---------------------------------------------------------------------------------------------------

    def set_intermediate_frequency(self, element: str, freq: float) -> None:
        """Set the intermediate frequency of an element, in Hz; the running job has it with the next thing that the
        element does."""
        change = _change("intermediate_frequency", element, [freq])
        self._change(change)
        self._tell_running(parcels.SetFrequency(element=element, frequency_hz=change.values[0]))

    def set_mixer_correction(
        self, mixer: str, intermediate_frequency: float, lo_frequency: float, values: Sequence[float]
    ) -> None:
        """Set the correction matrix (c00, c01, c10, c11) of a mixer at a pair of frequencies, in Hz. In the running job
        the elements on the mixer with these frequencies have it with the next thing that they do."""
        frequency = float(plain_number(intermediate_frequency, "intermediate_frequency"))
        lo = float(plain_number(lo_frequency, "lo_frequency"))
        change = _change("mixer_correction", mixer, list(values), frequency=frequency, lo_frequency=lo)
        self._change(change)
        elements = _elements_on(self.get_config(), mixer, frequency, lo)
        self._tell_running(*(parcels.SetCorrection(element=name, values=change.values) for name in elements))

    def set_output_dc_offset_by_element(
        self, element: str, input: str | Sequence[str], offset: float | Sequence[float]
    ) -> None:
        """Set the offset in volts of an output: input "single", "I" or "Q", or as the config names it; or several with
        as many offsets. The running job has it with the next thing that the element does."""
        pairs = offset_pairs(input, offset)
        self._change(*(_change("output_dc_offset", element, [value], port=name) for name, value in pairs))
        self._tell_running(parcels.SetOffsets(element=element, offsets=pairs))

    def set_input_dc_offset_by_element(self, element: str, output: str, offset: float) -> None:
        """Set the offset in volts of the analog input behind an element's output."""
        self._change(_change("input_dc_offset", element, [offset], port=output))

    def set_digital_delay(self, element: str, digital_input: str, delay: int) -> None:
        """Set the delay of a digital input, in ns."""
        self._change(_change("digital_delay", element, [delay], port=digital_input))

    def set_digital_buffer(self, element: str, digital_input: str, buffer: int) -> None:
        """Set the buffer of a digital input, in ns."""
        self._change(_change("digital_buffer", element, [buffer], port=digital_input))

    def set_digital_input_threshold(self, port: Sequence[Any], threshold: float) -> None:
        """Set the threshold of a digital input (controller, number) or (controller, fem, number), in volts."""
        self._change(_port_change("digital_input_threshold", port, threshold))

    def set_digital_input_deadtime(self, port: Sequence[Any], deadtime: int) -> None:
        """Set the dead time of a digital input, in ns: so long after a pulse no other one counts."""
        self._change(_port_change("digital_input_deadtime", port, deadtime))

    def set_digital_input_polarity(self, port: Sequence[Any], polarity: str) -> None:
        """Set which edge of a pulse counts at a digital input: "RISING" or "FALLING"."""
        if polarity not in ("RISING", "FALLING"):
            raise QmValueError(f'the polarity of a digital input is "RISING" or "FALLING", not {polarity!r:.60}')
        self._change(_port_change("digital_input_polarity", port, int(polarity == "RISING")))

    def _change(self, *changes: requests.ConfigChange) -> None:
        self._connection.ask(requests.SetConfig(qm_id=self._id, changes=list(changes)))

    def _tell_running(self, *told: parcels.ToJob) -> None:
        """Bring settings to the job that is loading or running, if there is one and its program uses the element."""
        for parcel in told:
            job_id = self._connection.ask(requests.GetQm(qm_id=self._id)).result.running_job
            if job_id is None:
                return
            try:
                self._connection.ask(requests.TellJob(job_id=job_id, parcel=parcel))
            except QuaymasterError as error:
                if error.code not in ("job_not_running", "no_such_element"):
                    error.hint = f"later jobs of the qm have it; job {job_id}, which runs, has not"
                    raise

    # -- getters ---------------------------------------------------------------------------------------------------

    def get_intermediate_frequency(self, element: str) -> float:
        """The intermediate frequency of an element, its own or its oscillator's, in Hz."""
        config = self.get_config()
        found = _entry(config.get("elements", {}), element, "element")
        if found.get("oscillator") is not None:
            found = config["oscillators"][found["oscillator"]]
        return float(found.get("intermediate_frequency") or 0.0)

    def get_output_dc_offset_by_element(self, element: str, iq_input: str) -> float:
        """The offset in volts of an output: "single", or "I" or "Q"."""
        config = self.get_config()
        found = _entry(config.get("elements", {}), element, "element")
        if "singleInput" in found:
            port = found["singleInput"]["port"]
        elif "mixInputs" in found:
            if iq_input not in ("I", "Q"):
                raise QmValueError(f"Port must be I or Q, got {iq_input}.")
            port = found["mixInputs"][iq_input]
        elif several := found.get("multipleInputs") or found.get("singleInputCollection"):
            port = _entry(several["inputs"], iq_input, f"input of {element!r}")
        else:
            raise QmValueError(f"element {element!r} has no single or mixed input, so no output offset")
        return float(_port(config, port, "analog_outputs").get("offset") or 0.0)

    def get_input_dc_offset_by_element(self, element: str, output: str) -> float:
        """The offset in volts of the analog input behind an element's output."""
        config = self.get_config()
        found = _entry(config.get("elements", {}), element, "element")
        port = _entry(found.get("outputs", {}), output, f"output of {element!r}")
        return float(_port(config, port, "analog_inputs").get("offset") or 0.0)

    def get_digital_delay(self, element: str, digital_input: str) -> int:
        """The delay of a digital input, in ns."""
        return int(self._digital_input(element, digital_input).get("delay") or 0)

    def get_digital_buffer(self, element: str, digital_input: str) -> int:
        """The buffer of a digital input, in ns."""
        return int(self._digital_input(element, digital_input).get("buffer") or 0)

    def get_time_of_flight(self, element: str) -> int:
        """The time of flight of an element, in ns."""
        return int(self._element(element).get("time_of_flight") or 0)

    def get_smearing(self, element: str) -> int:
        """The smearing of an element, in ns."""
        return int(self._element(element).get("smearing") or 0)

    def _element(self, element: str) -> Any:
        return _entry(self.get_config().get("elements", {}), element, "element")

    def _digital_input(self, element: str, digital_input: str) -> Any:
        return _entry(self._element(element).get("digitalInputs", {}), digital_input, f"digital input of {element!r}")

    # -- IO registers ----------------------------------------------------------------------------------------------

    def set_io_values(self, value_1: Any = None, value_2: Any = None) -> None:
        """Set one or both registers: int becomes int, float fixed, bool bool. None leaves one as it is.

        The running job sees them at once, later jobs start with them. Source: the platform's QuantumMachine.
        """
        if value_1 is None and value_2 is None:
            return
        io1 = None if value_1 is None else machine_number(value_1, "the value of IO1")[1]
        io2 = None if value_2 is None else machine_number(value_2, "the value of IO2")[1]
        self._connection.ask(requests.SetIo(qm_id=self._id, io1=io1, io2=io2))

    def set_io1_value(self, value_1: Any) -> None:
        """Set IO1."""
        self.set_io_values(value_1=value_1)

    def set_io2_value(self, value_2: Any) -> None:
        """Set IO2."""
        self.set_io_values(value_2=value_2)

    def get_io_values(self) -> list[dict[str, Any]]:
        """Both registers as they are now, each as int, fixed and bool: three readings of the same 32 bits."""
        values = self._connection.ask(requests.GetIo(qm_id=self._id)).result
        return [_io(1, values.io1), _io(2, values.io2)]

    def get_io1_value(self) -> dict[str, Any]:
        """IO1 as int, fixed and bool."""
        return self.get_io_values()[0]

    def get_io2_value(self) -> dict[str, Any]:
        """IO2 as int, fixed and bool."""
        return self.get_io_values()[1]

    @property
    def io1(self) -> dict[str, Any]:
        """IO1; assign a number to set it."""
        return self.get_io1_value()

    @io1.setter
    def io1(self, value: Any) -> None:
        self.set_io1_value(value)

    @property
    def io2(self) -> dict[str, Any]:
        """IO2; assign a number to set it."""
        return self.get_io2_value()

    @io2.setter
    def io2(self, value: Any) -> None:
        self.set_io2_value(value)

    # -- what comes later ------------------------------------------------------------------------------------------

    def set_output_filter_by_element(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Comes later."""
        raise not_yet("set_output_filter_by_element")

    def get_digital_input_threshold(self, port: Any) -> float:
        """The threshold of a digital input (controller, number), in volts."""
        return float(_port(self.get_config(), port, "digital_inputs")["threshold"])

    def get_digital_input_deadtime(self, port: Any) -> int:
        """The dead time of a digital input (controller, number), in ns."""
        return int(_port(self.get_config(), port, "digital_inputs")["deadtime"])

    def get_digital_input_polarity(self, port: Any) -> str:
        """The polarity of a digital input (controller, number): "RISING" or "FALLING"."""
        return str(_port(self.get_config(), port, "digital_inputs")["polarity"])

    def calibrate_element(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Comes later."""
        raise not_yet("calibrate_element")

    @property
    def octave(self) -> NoReturn:
        """Comes later."""
        raise not_yet("octave")


def _change(
    kind: str, target: str, values: list[Any], *, port: str = "", frequency: float = 0.0, lo_frequency: float = 0.0
) -> requests.ConfigChange:
    """One change, checked so far as the wire's limits go."""
    for name in (target, port):
        if not isinstance(name, str) or len(name) > limits.NAME_CHARS:
            raise QmValueError(f"{name!r:.60} is no name in a config")
    if len(values) > 8:
        raise QmValueError(f"{kind} takes at most 8 values, not {len(values)}")
    numbers = [float(plain_number(value, kind)) for value in values]
    return requests.ConfigChange(
        kind=kind, target=target, port=port, frequency=frequency, lo_frequency=lo_frequency, values=numbers
    )


def _elements_on(config: Config, mixer: str, frequency: float, lo_frequency: float) -> list[str]:
    """The elements that a mixer corrects at a pair of frequencies: their own, or those of their oscillator."""
    found = []
    for name, element in config.get("elements", {}).items():
        mixed = element.get("mixInputs")
        if mixed is None:
            continue
        shared = config.get("oscillators", {}).get(element.get("oscillator")) or {}
        source = shared if shared.get("mixer") else mixed
        hertz = shared.get("intermediate_frequency") if shared else element.get("intermediate_frequency")
        if source.get("mixer") == mixer and (hertz, source.get("lo_frequency") or 0.0) == (frequency, lo_frequency):
            found.append(name)
    return found


def _port_change(kind: str, port: Sequence[Any], value: Any) -> requests.ConfigChange:
    """A change of a port (controller, number) or (controller, fem, number)."""
    parts = [port] if isinstance(port, str) else list(port)
    if len(parts) not in (2, 3) or not all(isinstance(part, int) for part in parts[1:]):
        raise QmValueError(f"a port is (controller, number) or (controller, fem, number), not {port!r:.60}")
    return _change(kind, parts[0], [value], port="/".join(map(str, parts[1:])))


def _entry(entries: Mapping[str, Any], name: str, what: str) -> Any:
    """An entry of a config by name. Raises InvalidConfigError that lists the names there are."""
    if name not in entries:
        names = ", ".join(map(str, list(entries)[:20])) or "none"
        raise InvalidConfigError(f"there is no {what} {name!r}; there is {names}")
    return entries[name]


def _port(config: Config, reference: Sequence[Any], kind: str) -> Any:
    """A port's section; the reference is (controller, port) or (controller, fem, port)."""
    controller, *rest = reference
    holder = _entry(config.get("controllers", {}), controller, "controller")
    if "fems" in holder:
        holder = _numbered(holder["fems"], rest[0] if len(rest) == 2 else 1, f"FEM of {controller}")
    return _numbered(holder.get(kind, {}), rest[-1], f"port among the {kind} of {controller}")


def _numbered(entries: Mapping[Any, Any], number: Any, what: str) -> Any:
    for key in (number, str(number)):
        if key in entries:
            return entries[key]
    raise InvalidConfigError(f"there is no {what} {number}; there is {', '.join(map(str, entries)) or 'none'}")


def _io(number: int, raw: int) -> dict[str, Any]:
    value = io_value(raw)
    return {
        "io_number": number,
        "int_value": value.int_value,
        "fixed_value": value.double_value,
        "boolean_value": value.boolean_value,
    }
