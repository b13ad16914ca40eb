"""Reading ``pulses``: length, the waveforms' keys and lengths, marker and weights."""

from __future__ import annotations

from . import limits
from .issues import shown
from .model import ArbitraryWaveform, ArrayWaveform, Pulse, Waveform
from .reading import Fields, Place, as_name, entries, nearest
from .seen import Seen

_KEYS = ("operation", "length", "waveforms", "digital_marker", "integration_weights")
WAVEFORM_KEYS = (frozenset({"single"}), frozenset({"I", "Q"}), frozenset[str]())
"""What ``waveforms`` of a pulse may hold: for one port, for I and Q, for a digital-only pulse."""


def read_pulses(seen: Seen) -> None:
    """Fill ``seen.pulses``."""
    raw, place, most = seen.section("pulses")
    for name, value, here in entries(raw, place, most):
        seen.pulses[name] = _pulse(seen, Fields(value, here, _KEYS))


def _pulse(seen: Seen, fields: Fields) -> Pulse | None:
    operation = fields.need_choice("operation", "measurement", ("control", "measurement"))
    length = fields.need_integer("length", limits.PULSE_LENGTH_MIN_NS, limits.PULSE_LENGTH_MAX_NS, limits.CYCLE_NS)
    waveforms = _waveforms(seen, fields)
    marker = fields.name("digital_marker", None)
    if marker is not None and marker not in seen.digital_waveforms:
        hint = nearest(marker, seen.digital_waveforms)
        message = f"digital waveform '{marker}' is not in digital_waveforms; {hint}"
        fields.at("digital_marker").rule("digitalMarkersExist", message)
    weights = _weights(seen, fields, operation)
    if waveforms is None or fields.broken:
        return None
    pulse = Pulse(
        operation="measurement" if operation == "measurement" else "control",
        length=length,
        waveforms=waveforms,
        digital_marker=marker,
        integration_weights=weights,
    )
    _check_lengths(seen, pulse, fields)
    return pulse


def _waveforms(seen: Seen, fields: Fields) -> dict[str, str] | None:
    """{'single'}, {'I', 'Q'} or nothing, each an existing waveform; None if it cannot be read."""
    if "waveforms" not in fields:
        return {}
    place = fields.at("waveforms")
    inner = Fields(fields.raw("waveforms"), place, ("single", "I", "Q"))
    if inner.broken:
        return None
    given = inner.given("single", "I", "Q")
    if frozenset(given) not in WAVEFORM_KEYS:
        place.rule("waveformKeys", f"has {', '.join(given)}; must be 'single', or 'I' and 'Q', or empty (digital only)")
        return None
    found: dict[str, str] = {}
    for key in given:
        name = inner.name(key, None)
        if name is None:
            return None
        found[key] = name
        if name not in seen.waveforms:
            hint = nearest(name, seen.waveforms)
            place.under(key).rule("allWaveformsExist", f"waveform '{name}' is not in waveforms; {hint}")
    return found


def _weights(seen: Seen, fields: Fields, operation: str) -> dict[str, str]:
    found: dict[str, str] = {}
    if "integration_weights" not in fields:
        return found
    place = fields.at("integration_weights")
    for alias, raw, here in entries(fields.raw("integration_weights"), place):
        name = as_name(raw)
        if name is None:
            here.schema(f"must be a name, not {shown(raw)}")
            continue
        found[alias] = name
        if name not in seen.integration_weights:
            hint = nearest(name, seen.integration_weights)
            here.rule("allWeightsExist", f"weights '{name}' are not in integration_weights; {hint}")
    if found and operation == "control":
        place.rule("weightsOnMeasurement", "only a measurement pulse has integration_weights")
    return found


def sample_count(waveform: Waveform) -> int:
    """Samples that the waveform is given by: one for a constant."""
    if isinstance(waveform, ArbitraryWaveform):
        return len(waveform.samples)
    return len(waveform.samples_array[0]) if isinstance(waveform, ArrayWaveform) else 1


def sample_counts(waveform: Waveform, length: int) -> tuple[int, ...]:
    """How many samples may fill ``length`` ns: at the waveform's own rate, else at 1 GS/s or at 2 GS/s. () is any."""
    if isinstance(waveform, ArbitraryWaveform) and waveform.sampling_rate is not None:
        return (round(length * waveform.sampling_rate / 1e9),)
    return () if waveform.type == "constant" else (length, 2 * length)


def _check_lengths(seen: Seen, pulse: Pulse, fields: Fields) -> None:
    place = fields.at("waveforms")
    for key, name in pulse.waveforms.items():
        waveform = seen.waveforms.get(name)
        if waveform is None:
            continue
        allowed = sample_counts(waveform, pulse.length)
        if allowed and sample_count(waveform) not in allowed:
            message = _length_message(name, waveform, pulse, allowed)
            place.under(key).rule("waveformLengths", message)


def _length_message(name: str, waveform: Waveform, pulse: Pulse, allowed: tuple[int, ...]) -> str:
    """Which count would be right, and why."""
    text = f"waveform '{name}' has {sample_count(waveform)} samples, but the pulse lasts {pulse.length} ns"
    if len(allowed) == 1:
        return f"{text}: at the waveform's sampling_rate that takes {allowed[0]}"
    return f"{text}: one sample per ns (or two, on a port at 2 GS/s)"


def check_rate(pulse: Pulse, rate: float, waveforms: dict[str, Waveform | None], place: Place) -> None:
    """Check that a pulse's waveforms have as many samples as ports at ``rate`` take (``place`` is the pulse's)."""
    factor = 2 if rate == 2e9 else 1
    for key, name in pulse.waveforms.items():
        waveform = waveforms.get(name)
        if waveform is None or len(sample_counts(waveform, pulse.length)) != 2:
            continue
        count, wrong = sample_count(waveform), (3 - factor) * pulse.length
        if count == wrong:
            message = (
                f"waveform '{name}' has {count} samples, but an element plays this pulse at {factor} samples per ns"
            )
            place.under("waveforms").under(key).rule("waveformLengths", message)
