"""The platform's setters, as changes to a raw config: what later jobs of the qm are compiled and run against."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any

from ..._core.errors import AskedWrongly
from ..._core.wire.requests import ConfigChange

Raw = dict[Any, Any]


def changed_config(raw: Raw, changes: list[ConfigChange]) -> Raw:
    """A copy of a raw config with all changes made. Raises AskedWrongly; the given one is left as it is."""
    result = copy.deepcopy(raw)
    for change in changes:
        setter = _SETTERS.get(change.kind)
        if setter is None:
            raise _bad(f"{change.kind!r} cannot be set; one of {', '.join(_SETTERS)} can")
        if not all(math.isfinite(value) for value in change.values):
            raise _bad(f"{change.kind} of {change.target!r} must be finite, not {change.values}")
        setter(result, change)
    return result


def _set_frequency(raw: Raw, change: ConfigChange) -> None:
    (value,) = _values(change, 1)
    element = _element(raw, change)
    if element.get("oscillator"):
        raise _bad(
            f"element {change.target!r} plays with oscillator {element['oscillator']!r}; it has no own frequency"
        )
    element["intermediate_frequency"] = value


def _set_correction(raw: Raw, change: ConfigChange) -> None:
    values = _values(change, 4)
    entries = _entry(raw.get("mixers"), change.target, "mixer")
    for entry in entries:
        if (
            float(entry.get("intermediate_frequency", 0)) == change.frequency
            and float(entry.get("lo_frequency", 0)) == change.lo_frequency
        ):
            entry["correction"] = values
            return
    known = ", ".join(f"({e.get('intermediate_frequency')}, {e.get('lo_frequency')})" for e in entries[:10])
    raise _bad(
        f"mixer {change.target!r} has no entry for intermediate frequency {change.frequency} and LO "
        f"{change.lo_frequency}; it has {known}"
    )


def _set_output_offset(raw: Raw, change: ConfigChange) -> None:
    (value,) = _values(change, 1)
    element = _element(raw, change)
    if (single := element.get("singleInput")) and change.port in ("single", "port", ""):
        port = single["port"]
    elif (mixed := element.get("mixInputs")) and change.port in ("I", "Q"):
        port = mixed[change.port]
    elif several := element.get("multipleInputs") or element.get("singleInputCollection"):
        port = _entry(several.get("inputs"), change.port, f"input of {change.target!r}")
    else:
        raise _bad(f"element {change.target!r} has no input {change.port!r} with an offset (single, or I and Q)")
    _port(raw, port, "analog_outputs")["offset"] = value


def _set_input_offset(raw: Raw, change: ConfigChange) -> None:
    (value,) = _values(change, 1)
    port = _entry(_element(raw, change).get("outputs"), change.port, f"output of {change.target!r}")
    _port(raw, port, "analog_inputs")["offset"] = value


def _whole(value: float) -> float:
    """An int where the value is one; what is none stays, and is refused as in a config."""
    return int(value) if value == int(value) else value


def _set_digital(key: str) -> Callable[[Raw, ConfigChange], None]:
    def setter(raw: Raw, change: ConfigChange) -> None:
        (value,) = _values(change, 1)
        inputs = _element(raw, change).get("digitalInputs")
        _entry(inputs, change.port, f"digital input of {change.target!r}")[key] = _whole(value)

    return setter


def _set_digital_input(key: str, value_of: Callable[[float], Any]) -> Callable[[Raw, ConfigChange], None]:
    def setter(raw: Raw, change: ConfigChange) -> None:
        (value,) = _values(change, 1)
        _entry(raw.get("controllers"), change.target, "controller")
        reference = (change.target, *(_number(part, change) for part in change.port.split("/")))
        port = _found(raw, reference, "digital_inputs")
        if port is None:
            raise _bad(f"there is no digital input {change.port} of {change.target!r}")
        port[key] = value_of(value)

    return setter


def _number(text: str, change: ConfigChange) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 4:
        raise _bad(f"{change.kind} names no port: {change.port!r}")
    return int(text)


_SETTERS: dict[str, Callable[[Raw, ConfigChange], None]] = {
    "intermediate_frequency": _set_frequency,
    "mixer_correction": _set_correction,
    "output_dc_offset": _set_output_offset,
    "input_dc_offset": _set_input_offset,
    "digital_delay": _set_digital("delay"),
    "digital_buffer": _set_digital("buffer"),
    "digital_input_threshold": _set_digital_input("threshold", float),
    "digital_input_deadtime": _set_digital_input("deadtime", _whole),
    "digital_input_polarity": _set_digital_input("polarity", lambda value: "RISING" if value else "FALLING"),
}


def _values(change: ConfigChange, count: int) -> list[float]:
    if len(change.values) != count:
        raise _bad(f"{change.kind} takes {count} values, not {len(change.values)}")
    return change.values


def _element(raw: Raw, change: ConfigChange) -> dict[str, Any]:
    element = _entry(raw.get("elements"), change.target, "element")
    assert isinstance(element, dict)
    return element


def _entry(entries: Any, name: str, what: str) -> Any:
    """An entry of a section, which may be null, as an absent one is."""
    entries = entries or {}
    if name not in entries:
        raise _bad(f"there is no {what} {name!r}; there is {', '.join(map(str, list(entries)[:20])) or 'none'}")
    return entries[name]


def _port(raw: Raw, reference: Any, kind: str) -> dict[str, Any]:
    """The raw dict of a port that is there: reference is (controller, port) or (controller, fem, port)."""
    port = _found(raw, reference, kind)
    assert port is not None
    return port


def _found(raw: Raw, reference: Any, kind: str) -> dict[str, Any] | None:
    """The same, where it is there."""
    controller, *numbers = reference
    holder = raw["controllers"][controller]
    fem = int(numbers[0]) if len(numbers) == 2 else 1
    if holder.get("fems"):
        holder = _numbered(holder["fems"], fem)
    elif fem != 1:
        return None
    return _numbered(holder.get(kind) if holder else None, int(numbers[-1]))


def _numbered(entries: Any, number: int) -> dict[str, Any] | None:
    """The dict of a number, of which the key is an int or a numeric string."""
    found = next((entry for key, entry in (entries or {}).items() if int(key) == number), None)
    assert found is None or isinstance(found, dict)
    return found


def _bad(text: str) -> AskedWrongly:
    return AskedWrongly(text, code="bad_change", hint="nothing was changed")
