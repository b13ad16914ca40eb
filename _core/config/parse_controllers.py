"""Reading ``controllers``: types, FEMs, and every port with the ranges of its hardware.

A controller without a type is an OPX (``opx1``), or an OPX1000 if it holds ``fems``. A FEM without a type is LF or MW
if its keys make that clear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from . import limits
from .issues import shown
from .model import (
    AnalogInput,
    AnalogOutput,
    Controller,
    ControllerType,
    DigitalInput,
    DigitalOutput,
    Fem,
    FemType,
    MWAnalogInput,
    MWAnalogOutput,
    Upconverter,
)
from .parse_filters import read_filter
from .ranges import highest
from .reading import Fields, Place, as_float, entries, numbered
from .seen import PORT_WORDS, Seen

_TYPES: tuple[ControllerType, ...] = ("opx1", "opx", "opx1000")
_PORT_KEYS = tuple(PORT_WORDS)
_MW_ONLY = {
    "band",
    "full_scale_power_dbm",
    "upconverters",
    "upconverter_frequency",
    "downconverter_frequency",
    "lo_mode",
}
_LF_ONLY = {
    "offset",
    "filter",
    "crosstalk",
    "upsampling_mode",
    "output_mode",
    "min_voltage_limit",
    "max_voltage_limit",
}
_OUTPUT_KEYS = {
    "OPX": {"offset", "delay", "shareable", "filter", "crosstalk", "sampling_rate"},
    "LF": {"delay", "shareable", "sampling_rate"} | _LF_ONLY,
    "MW": {
        "delay",
        "shareable",
        "sampling_rate",
        "band",
        "full_scale_power_dbm",
        "upconverters",
        "upconverter_frequency",
    },
}
_INPUT_KEYS = {
    "OPX": {"offset", "gain_db", "shareable", "sampling_rate"},
    "LF": {"offset", "gain_db", "shareable", "sampling_rate"},
    "MW": {"gain_db", "shareable", "sampling_rate", "band", "downconverter_frequency", "lo_mode"},
}


def read_controllers(seen: Seen) -> None:
    """Fill ``seen.controllers`` (and its broken ports) from the raw section."""
    raw, place, most = seen.section("controllers")
    for name, value, here in entries(raw, place, most):
        seen.controllers[name] = _controller(seen, name, value, here)


def _controller(seen: Seen, name: str, raw: object, place: Place) -> Controller | None:
    fields = Fields(raw, place, ("type", "fems", *_PORT_KEYS))
    direct = fields.given(*_PORT_KEYS)
    default: ControllerType = "opx1000" if "fems" in fields else "opx1"
    kind = fields.choice("type", default, _TYPES)
    if fields.broken:
        return None
    if "fems" in fields and direct:
        place.rule("femsOrPorts", f"'fems' and {direct[0]!r} cannot be used together")
        return None
    if kind == "opx1000" and direct:
        place.rule("femsOrPorts", f"an opx1000 holds its ports in 'fems', not in {direct[0]!r}")
        return None
    if kind != "opx1000":
        if "fems" in fields:
            place.rule("femsOrPorts", f"an {kind} has no 'fems'; only an opx1000 has")
            return None
        return Controller(type=kind, fems={1: _fem(seen, (name, 1), fields, place, "OPX")})
    return Controller(type=kind, fems=_fems(seen, name, fields))


def _fems(seen: Seen, name: str, fields: Fields) -> dict[int, Fem]:
    fems: dict[int, Fem] = {}
    if "fems" not in fields:
        return fems
    for index, raw, here in numbered(fields.raw("fems"), fields.at("fems"), limits.FEMS_MAX, "FEM"):
        inner = Fields(raw, here, ("type", *_PORT_KEYS))
        kind = None if inner.broken else _fem_type(inner)
        if kind is None:
            seen.broken_fems.add((name, index))
            continue
        fem = _fem(seen, (name, index), inner, here, kind)
        if kind == "MW":
            _check_coupled(fem, here)
        fems[index] = fem
    return fems


def _fem_type(fields: Fields) -> FemType | None:
    """The stated type, or the one that the port's keys give away."""
    types: tuple[FemType, ...] = ("LF", "MW")
    if "type" in fields:
        return fields.choice("type", None, types)
    keys: set[Any] = set()
    for kind in ("analog_outputs", "analog_inputs"):
        ports = fields.raw(kind)
        for port in ports.values() if isinstance(ports, Mapping) else ():
            keys.update(port if isinstance(port, Mapping) else ())
    found = [kind for kind, only in zip(types, (_LF_ONLY, _MW_ONLY), strict=True) if keys & only]
    if len(found) == 1:
        return found[0]
    fields.at("type").schema("the required key 'type' is missing: give 'LF' or 'MW'; the ports' keys do not tell which")
    return None


def _fem(seen: Seen, owner: tuple[str, int], fields: Fields, place: Place, kind: FemType) -> Fem:
    """The ports of one module; ports that cannot be read are noted as broken."""
    ports: dict[str, dict[int, Any]] = {}
    for key, count in limits.PORT_COUNTS[kind].items():
        ports[key] = {}
        if key not in fields:
            continue
        for number, raw, here in numbered(fields.raw(key), fields.at(key), count, PORT_WORDS[key]):
            here.level = "physical"
            port = _port(key, kind, raw, here)
            if port is None:
                seen.broken_ports.add((*owner, key, number))
            else:
                ports[key][number] = port
    return Fem(type=kind, **ports)


def _port(key: str, kind: FemType, raw: object, place: Place) -> object | None:
    if key == "digital_outputs":
        return _digital_output(raw, place)
    if key == "digital_inputs":
        return _digital_input(raw, place)
    if key == "analog_outputs":
        fields = Fields(raw, place, _OUTPUT_KEYS[kind])
        return _mw_output(fields) if kind == "MW" else _analog_output(fields, kind)
    fields = Fields(raw, place, _INPUT_KEYS[kind])
    return _mw_input(fields) if kind == "MW" else _analog_input(fields, kind)


def _sampling_rate(fields: Fields, rates: tuple[float, ...]) -> float:
    rate = fields.number("sampling_rate", 1e9)
    if rate not in rates:
        allowed = " or ".join(f"{r:g}" for r in rates)
        fields.at("sampling_rate").range(f"is {rate:.10g}; must be {allowed}")
    return rate


def _analog_output(fields: Fields, kind: FemType) -> AnalogOutput | None:
    if fields.broken:
        return None
    mode = fields.choice("output_mode", "direct", ("direct", "amplified")) if kind == "LF" else "direct"
    rate = _sampling_rate(fields, (1e9, 2e9) if kind == "LF" else (1e9,))
    return AnalogOutput(
        offset=_output_offset(fields, kind, mode),
        delay=fields.integer("delay", 0, 0, limits.OUTPUT_DELAY_MAX_NS),
        shareable=fields.boolean("shareable", False),
        filter=read_filter(fields, kind),
        crosstalk=_crosstalk(fields, kind),
        sampling_rate=rate,
        upsampling_mode=_upsampling_mode(fields, rate) if kind == "LF" else None,
        output_mode="amplified" if mode == "amplified" else "direct",
        **_voltage_limits(fields),
    )


def _output_offset(fields: Fields, kind: FemType, output_mode: str) -> float:
    """The DC offset in V of an analog output; at the upper end of an LF-FEM's range there is a step less."""
    if kind != "LF":
        return fields.number("offset", 0.0, limits.VOLTS_LOW, limits.VOLTS_HIGH)
    limit = limits.AMPLIFIED_VOLTS if output_mode == "amplified" else -limits.VOLTS_LOW
    offset = fields.number("offset", 0.0, -limit, limit)
    if highest(limit) < offset <= limit:
        message = f"is {offset:.10g}; the converter plays {highest(limit):.10g} V at most, and that is played"
        fields.at("offset").rule("range", message, "warning")
    return offset


def _upsampling_mode(fields: Fields, rate: float) -> Literal["mw", "pulse"] | None:
    modes: tuple[Literal["mw", "pulse"], ...] = ("mw", "pulse")
    if rate == 1e9:
        return fields.choice("upsampling_mode", "mw", modes)
    if "upsampling_mode" in fields:
        fields.at("upsampling_mode").rule("upsamplingMode", "only a port at 1e9 samples/s has an upsampling_mode")
    return None


def _voltage_limits(fields: Fields) -> dict[str, float | None]:
    most = limits.AMPLIFIED_VOLTS
    low = fields.number("min_voltage_limit", None, -most, most)
    high = fields.number("max_voltage_limit", None, -most, most)
    if low is not None and high is not None and low > high:
        fields.at("min_voltage_limit").range(f"is {low:.10g}, above max_voltage_limit {high:.10g}")
    return {"min_voltage_limit": low, "max_voltage_limit": high}


def _crosstalk(fields: Fields, kind: FemType) -> dict[int, float]:
    factors: dict[int, float] = {}
    if "crosstalk" not in fields:
        return factors
    count = limits.PORT_COUNTS[kind]["analog_outputs"]
    for source, raw, here in numbered(fields.raw("crosstalk"), fields.at("crosstalk"), count, "analog output"):
        factor = as_float(raw)
        if factor is None:
            here.schema(f"must be a finite number, not {shown(raw)}")
        else:
            factors[source] = factor
    return factors


def _analog_input(fields: Fields, kind: FemType) -> AnalogInput | None:
    if fields.broken:
        return None
    return AnalogInput(
        offset=fields.number("offset", 0.0, limits.VOLTS_LOW, limits.VOLTS_HIGH),
        gain_db=fields.integer("gain_db", 0, *limits.GAIN_DB[kind]),
        shareable=fields.boolean("shareable", False),
        sampling_rate=_sampling_rate(fields, (1e9, 2e9) if kind == "LF" else (1e9,)),
    )


def _band(fields: Fields) -> int:
    band = fields.need_integer("band", 1, 3)
    fields.broken = fields.broken or band not in limits.BANDS_HZ
    return band


def _check_in_band(frequency: float, band: int, place: Place) -> None:
    if band in limits.BANDS_HZ:
        low, high = limits.BANDS_HZ[band]
        if not low <= frequency <= high:
            place.range(f"is {frequency:.10g} Hz; band {band} is {low:.10g} to {high:.10g} Hz")


def _mw_output(fields: Fields) -> MWAnalogOutput | None:
    band = _band(fields)
    upconverters = _upconverters(fields, band)
    powers = limits.FULL_SCALE_POWERS_DBM
    power = fields.integer("full_scale_power_dbm", powers[0], powers[0], powers[-1])
    if powers[0] <= power <= powers[-1] and power not in powers:
        fields.at("full_scale_power_dbm").range(f"is {power}; must be -11, -8, -5, ... 16 (steps of 3)")
    delay = fields.integer("delay", 0, 0, limits.OUTPUT_DELAY_MAX_NS)
    shareable, rate = fields.boolean("shareable", False), _sampling_rate(fields, (1e9, 2e9))
    if fields.broken:
        return None
    return MWAnalogOutput(
        band=band,
        upconverters=upconverters,
        full_scale_power_dbm=power,
        delay=delay,
        shareable=shareable,
        sampling_rate=rate,
    )


def _upconverters(fields: Fields, band: int) -> dict[int, Upconverter]:
    """Exactly one of the two spellings, with at least one converter."""
    given = fields.given("upconverters", "upconverter_frequency")
    if len(given) != 1:
        if fields.readable:
            fields.place.rule("upconverters", "give exactly one of 'upconverters' and 'upconverter_frequency'")
        fields.broken = True
        return {}
    if given == ["upconverter_frequency"]:
        frequency = fields.need_number("upconverter_frequency")
        if not fields.broken:
            _check_in_band(frequency, band, fields.at("upconverter_frequency"))
        return {1: Upconverter(frequency=frequency)}
    converters: dict[int, Upconverter] = {}
    for number, raw, here in numbered(fields.raw("upconverters"), fields.at("upconverters"), 2, "upconverter"):
        inner = Fields(raw, here, ("frequency",))
        frequency = inner.need_number("frequency")
        if inner.broken:
            fields.broken = True
            continue
        _check_in_band(frequency, band, inner.at("frequency"))
        converters[number] = Upconverter(frequency=frequency)
    if not converters and not fields.broken:
        fields.at("upconverters").rule("upconverters", "at least one upconverter is needed")
    return converters


def _mw_input(fields: Fields) -> MWAnalogInput | None:
    band = _band(fields)
    frequency = fields.need_number("downconverter_frequency")
    if "downconverter_frequency" in fields:
        _check_in_band(frequency, band, fields.at("downconverter_frequency"))
    modes: tuple[Literal["auto", "always_on"], ...] = ("auto", "always_on")
    port = MWAnalogInput(
        band=band,
        downconverter_frequency=frequency,
        gain_db=fields.integer("gain_db", 0, *limits.GAIN_DB["MW"]),
        shareable=fields.boolean("shareable", False),
        sampling_rate=_sampling_rate(fields, (1e9, 2e9)),
        lo_mode=fields.choice("lo_mode", "auto", modes),
    )
    return None if fields.broken else port


def _digital_output(raw: object, place: Place) -> DigitalOutput | None:
    fields = Fields(raw, place, ("shareable", "inverted", "level"))
    levels: tuple[Literal["TTL", "LVTTL"], ...] = ("TTL", "LVTTL")
    port = DigitalOutput(
        shareable=fields.boolean("shareable", False),
        inverted=fields.boolean("inverted", False),
        level=fields.choice("level", "LVTTL", levels),
    )
    return None if fields.broken else port


def _digital_input(raw: object, place: Place) -> DigitalInput | None:
    fields = Fields(raw, place, ("shareable", "polarity", "deadtime", "threshold"))
    polarities: tuple[Literal["RISING", "FALLING"], ...] = ("RISING", "FALLING")
    port = DigitalInput(
        shareable=fields.boolean("shareable", False),
        polarity=fields.choice("polarity", "RISING", polarities),
        deadtime=fields.integer("deadtime", 4, *limits.DEADTIME_NS),
        threshold=fields.number("threshold", 0.0, 0.0, limits.THRESHOLD_MAX_VOLTS),
    )
    return None if fields.broken else port


def _check_coupled(fem: Fem, place: Place) -> None:
    """Ports of a MW-FEM that share a synthesizer must be in one band."""
    for first, second in limits.COUPLED_PORTS:
        bands = []
        for direction, number in (first, second):
            ports = fem.analog_outputs if direction == "out" else fem.analog_inputs
            port = ports.get(number)
            if isinstance(port, (MWAnalogOutput, MWAnalogInput)):
                bands.append((f"analog {direction}put {number}", port.band))
        if len(bands) == 2 and bands[0][1] != bands[1][1]:
            (one, band_one), (two, band_two) = bands
            message = f"{one} (band {band_one}) and {two} (band {band_two}) must use one band"
            place.rule("coupledPorts", message, "physical")
