"""Reading ``mixers``, ``oscillators``, ``waveforms``, ``digital_waveforms`` and ``integration_weights``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from . import limits
from .issues import shown
from .model import (
    ArbitraryWaveform,
    ArrayWaveform,
    ConstantWaveform,
    DigitalWaveform,
    IntegrationWeights,
    MixerEntry,
    Oscillator,
    Waveform,
)
from .reading import Fields, Place, as_bool, as_float, as_int, as_list, entries, nearest
from .seen import Seen

_MAX_ALLOWED_ERROR = 1e-4
_WAVEFORM_KEYS = {
    "constant": ("type", "sample"),
    "arbitrary": ("type", "samples", "is_overridable", "max_allowed_error", "sampling_rate"),
    "array": ("type", "samples_array"),
}


# --- mixers and oscillators -------------------------------------------------------------------------------------------


def read_mixers(seen: Seen) -> None:
    """Fill ``seen.mixers``: each a list of {intermediate_frequency, lo_frequency, correction}."""
    raw, place, most = seen.section("mixers")
    for name, value, here in entries(raw, place, most):
        items = as_list(value)
        if items is None or len(items) > limits.MIXER_ENTRIES_MAX:
            here.schema(f"must be a list of at most {limits.MIXER_ENTRIES_MAX} corrections, not {shown(value)}")
            seen.mixers[name] = None
            continue
        read = [_mixer_entry(item, here.item(index)) for index, item in enumerate(items)]
        seen.mixers[name] = None if None in read else tuple(entry for entry in read if entry is not None)


def _mixer_entry(raw: object, place: Place) -> MixerEntry | None:
    fields = Fields(raw, place, ("intermediate_frequency", "lo_frequency", "correction"))
    frequency, lo_frequency = fields.need_number("intermediate_frequency"), fields.need_number("lo_frequency", 0.0)
    values = _correction(fields)
    if fields.broken or values is None:
        return None
    v00, v01, v10, v11 = values
    return MixerEntry(intermediate_frequency=frequency, lo_frequency=lo_frequency, correction=(v00, v01, v10, v11))


def _correction(fields: Fields) -> list[float] | None:
    if not fields.require("correction"):
        return None
    raw = as_list(fields.raw("correction"))
    if raw is None or len(raw) != 4:
        fields.mismatch("correction", "four numbers (v00, v01, v10, v11)")
        return None
    place = fields.at("correction")
    values = []
    for index, item in enumerate(raw):
        value = as_float(item)
        if value is None:
            place.item(index).schema(f"must be a finite number, not {shown(item)}")
            continue
        if not limits.CORRECTION_LOW <= value <= limits.CORRECTION_HIGH:
            place.item(index).range(f"is {value:.10g}; must be between -2 and 2 - 2**-16")
        values.append(value)
    return values if len(values) == 4 else None


def read_oscillators(seen: Seen) -> None:
    """Fill ``seen.oscillators``."""
    raw, place, most = seen.section("oscillators")
    for name, value, here in entries(raw, place, most):
        fields = Fields(value, here, ("intermediate_frequency", "mixer", "lo_frequency"))
        record = Oscillator(
            intermediate_frequency=fields.need_number("intermediate_frequency"),
            mixer=mixer_name(seen, fields),
            lo_frequency=fields.number("lo_frequency", 0.0, 0.0),
        )
        seen.oscillators[name] = None if fields.broken else record


def mixer_name(seen: Seen, fields: Fields) -> str:
    """The ``mixer`` of an oscillator or an element; '' for none.

    One that is not in mixers has no entry for any (IF, LO): nothing is corrected, and that is a warning (choice).
    """
    if fields.raw("mixer") == "":
        return ""
    name = fields.name("mixer", "")
    if name and name not in seen.mixers:
        hint = nearest(name, seen.mixers)
        message = f"mixer '{name}' is not in mixers: no correction is made; {hint}"
        fields.at("mixer").rule("mixersExist", message, "warning")
    return name


# --- waveforms --------------------------------------------------------------------------------------------------------


def read_waveforms(seen: Seen) -> None:
    """Fill ``seen.waveforms``. Values are checked against ±2.5 here and against the ports in use with the elements."""
    raw, place, most = seen.section("waveforms")
    for name, value, here in entries(raw, place, most):
        seen.waveforms[name] = _waveform(seen, value, here)


def _waveform(seen: Seen, raw: object, place: Place) -> Waveform | None:
    kind = raw.get("type") if isinstance(raw, Mapping) else None
    known = _WAVEFORM_KEYS.get(kind) if isinstance(kind, str) else None
    fields = Fields(raw, place, known or {key for keys in _WAVEFORM_KEYS.values() for key in keys})
    kind = fields.need_choice("type", "constant", tuple(_WAVEFORM_KEYS))
    if fields.broken:
        return None
    if kind == "constant":
        sample = fields.need_number("sample", -limits.AMPLIFIED_VOLTS, limits.AMPLIFIED_VOLTS)
        return None if fields.broken else ConstantWaveform(sample=sample)
    return _arbitrary(seen, fields) if kind == "arbitrary" else _array(seen, fields)


def _arbitrary(seen: Seen, fields: Fields) -> ArbitraryWaveform | None:
    samples = samples_of(seen, fields.raw("samples"), fields.at("samples")) if fields.require("samples") else None
    overridable = fields.boolean("is_overridable", False)
    error = fields.number("max_allowed_error", None, 0.0)
    rate = fields.number("sampling_rate", None, 1.0, 2e9)
    if error is not None and rate is not None:
        fields.at("max_allowed_error").rule("compression", "cannot be used together with sampling_rate")
    for key in fields.given("max_allowed_error", "sampling_rate") if overridable else ():
        fields.at(key).rule("compression", "cannot be used together with is_overridable")
    if error is None and rate is None and not overridable:
        error = _MAX_ALLOWED_ERROR
    if samples is None:
        return None
    return ArbitraryWaveform(samples=samples, is_overridable=overridable, max_allowed_error=error, sampling_rate=rate)


def _array(seen: Seen, fields: Fields) -> ArrayWaveform | None:
    if not fields.require("samples_array"):
        return None
    raw, place = as_list(fields.raw("samples_array")), fields.at("samples_array")
    if raw is None or not 0 < len(raw) <= limits.ENTRY_KEYS_MAX:
        fields.mismatch("samples_array", f"a list of 1 to {limits.ENTRY_KEYS_MAX} lists of samples")
        return None
    rows = [samples_of(seen, row, place.item(index)) for index, row in enumerate(raw)]
    good = tuple(row for row in rows if row is not None)
    if len({len(row) for row in good}) > 1:
        place.rule("arrayLengths", "all lists of samples must have the same length")
    return ArrayWaveform(samples_array=good) if len(good) == len(rows) else None


def samples_of(seen: Seen, raw: object, place: Place) -> tuple[float, ...] | None:
    """A non-empty list of finite numbers within ±2.5; only the first wrong one is reported."""
    items = as_list(raw)
    if items is None or not 0 < len(items) <= limits.SAMPLES_MAX:
        place.schema(f"must be a list of 1 to {limits.SAMPLES_MAX} numbers, not {shown(raw)}")
        return None
    if not seen.take_samples(len(items), place):
        return None
    if all(type(item) is float for item in items) and all(map(math.isfinite, items)):
        values = [item + 0.0 for item in items]  # the common case, without a call for each
    else:
        values = []
        for index, item in enumerate(items):
            value = as_float(item)
            if value is None:
                place.item(index).schema(f"must be a finite number, not {shown(item)}")
                return None
            values.append(value)
    most = limits.AMPLIFIED_VOLTS
    if min(values) < -most or max(values) > most:
        index = next(i for i, value in enumerate(values) if abs(value) > most)
        place.item(index).range(f"is {values[index]:.10g}; no port plays more than {most}")
    return tuple(values)


# --- digital waveforms ------------------------------------------------------------------------------------------------


def read_digital_waveforms(seen: Seen) -> None:
    """Fill ``seen.digital_waveforms``: (value 0 or 1, length in ns); length 0 is until the end of the pulse."""
    raw, place, most = seen.section("digital_waveforms")
    for name, value, here in entries(raw, place, most):
        fields = Fields(value, here, ("samples",))
        pairs = _digital_pairs(seen, fields) if fields.require("samples") else None
        seen.digital_waveforms[name] = None if pairs is None else DigitalWaveform(samples=pairs)


def _digital_pairs(seen: Seen, fields: Fields) -> tuple[tuple[int, int], ...] | None:
    items, place = as_list(fields.raw("samples")), fields.at("samples")
    if items is None or len(items) > limits.SAMPLES_MAX:
        fields.mismatch("samples", "a list of (0 or 1, length in ns)")
        return None
    if not seen.take_samples(len(items), place):
        return None
    pairs = []
    for index, item in enumerate(items):
        pair = _digital_pair(item)
        if pair is None:
            place.item(index).schema(f"must be (0 or 1, length in ns), not {shown(item)}")
            return None
        pairs.append(pair)
    if any(length == 0 for _, length in pairs[:-1]):
        place.rule(
            "endlessSample", "what follows a length of 0 (until the end of the pulse) is never played", "warning"
        )
    return tuple(pairs)


def _digital_pair(raw: object) -> tuple[int, int] | None:
    parts = as_list(raw)
    if parts is None or len(parts) != 2:
        return None
    flag = as_bool(parts[0])
    value, length = (as_int(parts[0]) if flag is None else int(flag)), as_int(parts[1])
    if value not in (0, 1) or length is None or not 0 <= length <= limits.PULSE_LENGTH_MAX_NS:
        return None
    return value, length


# --- integration weights ----------------------------------------------------------------------------------------------


def read_integration_weights(seen: Seen) -> None:
    """Fill ``seen.integration_weights``, both spellings made (value, length in ns)."""
    raw, place, most = seen.section("integration_weights")
    for name, value, here in entries(raw, place, most):
        fields = Fields(value, here, ("cosine", "sine"))
        parts = [_weights(seen, fields, key) if fields.require(key) else None for key in ("cosine", "sine")]
        cosine, sine = parts
        if cosine is None or sine is None:
            seen.integration_weights[name] = None
            continue
        record = IntegrationWeights(cosine=cosine, sine=sine)
        sine_length = sum(length for _, length in sine)
        if record.length != sine_length:
            message = f"cosine lasts {record.length} ns and sine {sine_length} ns; they must last equally long"
            here.rule("equalLengths", message)
        seen.integration_weights[name] = record


def _weights(seen: Seen, fields: Fields, key: str) -> tuple[tuple[float, int], ...] | None:
    """A list of (value, ns), or one value per 4 ns; a plain list of exactly two numbers is one (value, ns)."""
    items, place = as_list(fields.raw(key)), fields.at(key)
    if items is None or not 0 < len(items) <= limits.SAMPLES_MAX:
        fields.mismatch(key, "a non-empty list of (value, length in ns), or of one value per 4 ns")
        return None
    if not seen.take_samples(len(items), place):
        return None
    plain = [as_float(item) for item in items]
    pairs: list[Any]
    if None not in plain:
        pairs = [(plain[0], items[1])] if len(plain) == 2 else [(value, limits.CYCLE_NS) for value in plain]
    else:
        pairs = list(items)
    read = []
    for index, item in enumerate(pairs):
        pair = _weight(item, place.item(index))
        if pair is None:
            return None
        read.append(pair)
    if max(abs(value) for value, _ in read) > limits.WEIGHT_USUAL_MAX:
        place.rule("usualRange", f"weights above {limits.WEIGHT_USUAL_MAX:g} may not be represented", "warning")
    return tuple(read)


def _weight(raw: object, place: Place) -> tuple[float, int] | None:
    parts = as_list(raw)
    value, length = (as_float(parts[0]), as_int(parts[1])) if parts is not None and len(parts) == 2 else (None, None)
    if value is None or length is None:
        place.schema(f"must be (value, length in ns), not {shown(raw)}")
        return None
    if not -limits.WEIGHT_MAX <= value <= limits.WEIGHT_MAX:
        place.range(f"the weight is {value:.10g}; must be between -2048 and 2048")
    if length <= 0 or length % limits.CYCLE_NS or length > limits.PULSE_LENGTH_MAX_NS:
        place.rule("multipleOf4", f"the length is {length} ns; must be a positive multiple of 4")
    return value, length
