"""What play and measure share: pulses and their amplitudes, names, durations."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..._core.program import limits, tree
from .builder import Builder
from .expressions import QuaExpression, typed
from .later import Later
from .numbers import python_number
from .position import refusal


class AmplifiedPulse(NamedTuple):
    """``pulse * amp(...)``."""

    pulse: str
    amplitude: Amplitude


class Amplitude:
    """What ``amp`` returns: one or four fixed expressions, to be multiplied with the name of a pulse."""

    def __init__(self, values: tuple[QuaExpression, ...]) -> None:
        self.values = values

    def __rmul__(self, pulse: object) -> AmplifiedPulse:
        if isinstance(pulse, Later):
            pulse.refuse()
        if not isinstance(pulse, str):
            raise refusal(
                f"amp(...) multiplies the name of a pulse, not a {type(pulse).__name__}", code="bad_amplitude"
            )
        return AmplifiedPulse(pulse, self)

    __mul__ = __rmul__

    def __repr__(self) -> str:
        return f"amp({', '.join(map(str, self.values))})"


def amp(v1: Any, v2: Any = None, v3: Any = None, v4: Any = None) -> Amplitude:
    """The factor in ``pulse * amp(a)``, or the matrix in ``pulse * amp(v00, v01, v10, v11)``.

    Each is a fixed expression or a number from -2 to 2 - 2**-16.
    """
    return _amplitude(tuple(value for value in (v1, v2, v3, v4) if value is not None))


def _amplitude(values: tuple[Any, ...]) -> Amplitude:
    if len(values) not in (1, 4):
        raise refusal(
            f"an amplitude has 1 or 4 values, not {len(values)}",
            code="bad_amplitude",
            hint="amp(a) scales; amp(v00, v01, v10, v11) mixes I and Q",
        )
    return Amplitude(tuple(_factor(value) for value in values))


def _factor(value: object) -> QuaExpression:
    number = python_number(value)
    if number is not None and not limits.AMPLITUDE_MIN <= number <= limits.AMPLITUDE_MAX:
        raise refusal(
            f"amplitude {number} is outside of [-2, 2 - 2**-16]",
            code="bad_amplitude",
            hint="raise the amplitude of the waveform in the config instead",
        )
    return typed(value, "fixed", place="as amplitude")


class PulseUse(NamedTuple):
    """A pulse as ``play`` and ``measure`` take it."""

    operation: str
    amplitude: tuple[tree.Expression, ...]


def pulse_use(builder: Builder, statement: str, pulse: object, amplitude_scale: object) -> PulseUse:
    """Name and amplitude of ``pulse``; ``amplitude_scale`` is the other way to give the latter."""
    if isinstance(pulse, Later):
        pulse.refuse()
    amplitude: Amplitude | None = None
    if isinstance(pulse, AmplifiedPulse):
        if amplitude_scale is not None:
            raise refusal(f"{statement} takes amp(...) or amplitude_scale, not both", code="bad_amplitude")
        amplitude = pulse.amplitude
    elif amplitude_scale is not None:
        values = amplitude_scale if isinstance(amplitude_scale, (tuple, list)) else (amplitude_scale,)
        amplitude = _amplitude(tuple(values))
    name = pulse.pulse if isinstance(pulse, AmplifiedPulse) else pulse
    operation = named(name, f"the pulse of {statement}")
    return PulseUse(operation, builder.own_all(amplitude.values) if amplitude else ())


def named(value: object, what: str) -> str:
    """``value`` as a name (text of 1 to NAME_LENGTH_MAX characters)."""
    if isinstance(value, str) and len(value) > limits.NAME_LENGTH_MAX:
        text = f"{what} has {len(value)} characters, more than {limits.NAME_LENGTH_MAX} (NAME_LENGTH_MAX)"
        raise refusal(text, code="bad_name")
    if not isinstance(value, str) or not value:
        shown = repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
        raise refusal(f"{what} must be a name (text), not {shown}", code="bad_name")
    try:
        value.encode()
    except UnicodeEncodeError:
        text = f"{what} must be a name (text); {value!r} has a surrogate, which is half a character"
        raise refusal(text, code="bad_name") from None
    return str.__str__(value)  # plain text also of numpy's texts and text enums


def named_elements(elements: tuple[Any, ...], statement: str) -> tuple[str, ...]:
    """``elements`` as names."""
    if len(elements) == 1 and isinstance(elements[0], (list, tuple)):
        raise refusal(
            f"{statement} takes elements one by one, not a {type(elements[0]).__name__}",
            code="bad_name",
            hint=f"write {statement}(..., *elements)",
        )
    return tuple(named(element, f"an element of {statement}") for element in elements)


def cycles(builder: Builder, value: object, place: str, least: int) -> tree.Expression:
    """A number of 4 ns cycles, an int; a literal below ``least`` is refused."""
    number = python_number(value)
    if number is not None and not least <= number <= limits.INT_MAX:
        raise refusal(
            f"{number} cycles {place} is outside of {least} to {limits.INT_MAX}",
            code="bad_duration",
            hint="a cycle is 4 ns; pulses and waits last at least 16 ns",
        )
    return builder.own(typed(value, "int", place=place))
