"""The pulses that a program plays and the weights it measures with, as tables of samples."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..._core.config.model import ArbitraryWaveform, ArrayWaveform, Config, ConstantWaveform, Element, Pulse, Waveform
from ..._core.config.parse_pulses import sample_count
from ..._core.engine.image import Ints, table
from .problems import Problems

Samples = npt.NDArray[np.float64]


class PulseUse(msgspec.Struct, frozen=True):
    """A pulse on an element: its waveform (-1: none), its length in ns, and samples, one a ns (0: constant).

    ``choices``: that many waveforms from this one on are an array; 0: there is one alone. ``fine``: it is sampled twice
    a ns. ``marker``: the number of its digital waveform, -1: none, or the element has no digital input.
    """

    name: str
    pulse: Pulse
    waveform: int
    length: int
    samples: int
    choices: int = 0
    fine: bool = False
    marker: int = -1


RAMP = PulseUse("", Pulse(operation="control", length=16), -1, 16, 0)
"""What a ramp plays: no pulse of the config."""


class _Pool:
    """Arrays end to end; equal ones are kept once."""

    def __init__(self) -> None:
        self.parts: list[Samples] = []
        self._offsets: dict[bytes, int] = {}
        self._size = 0

    def add(self, values: Samples) -> int:
        key = values.tobytes()
        if key not in self._offsets:
            self._offsets[key] = self._size
            self.parts.append(values)
            self._size += len(values)
        return self._offsets[key]

    def whole(self) -> Samples:
        return np.concatenate(self.parts) if self.parts else np.zeros(0)


class PulseTables:
    """Waveforms and weights in the order of first use."""

    def __init__(self, config: Config, problems: Problems) -> None:
        self._config = config
        self._problems = problems
        self._samples = _Pool()
        self._values = _Pool()
        self._rows: list[list[int]] = []
        self._waveforms: dict[tuple[int, ...], int] = {}
        self._weights: dict[tuple[int, ...], int] = {}
        self._weights_of: dict[tuple[str, int, int | None], int] = {}
        self._lengths: dict[str, int] = {}
        self._uses: dict[tuple[str, str], PulseUse | None] = {}
        self._markers: dict[tuple[str, int], int] = {}

    def pulse(self, element: str, operation: str, at: int) -> PulseUse | None:
        """The pulse that an operation names on an element; None, and a problem, where there is none to use."""
        if (element, operation) not in self._uses:
            self._uses[element, operation] = self._use(element, operation, at)
        return self._uses[element, operation]

    def _use(self, element: str, operation: str, at: int) -> PulseUse | None:
        record = self._config.elements[element]
        name = record.operations.get(operation)
        if name is None:
            known = ", ".join(sorted(record.operations)) or "none"
            self._problems.add(at, f"element '{element}' has no operation '{operation}'; it has: {known}")
            return None
        pulse = self._config.pulses[name]
        marker = -1
        if pulse.digital_marker is not None and record.digitalInputs:
            marker = self._markers.setdefault((pulse.digital_marker, pulse.length), len(self._markers))
        if not pulse.waveforms or record.input_kind is None:
            return PulseUse(name, pulse, -1, pulse.length, 0, marker=marker)
        per_ns = 2 if plays_at_2_gs(self._config, record) else 1
        parts = self._parts(element, record, name, pulse, per_ns, at)
        if parts is None:
            return None
        counts = {len(part) for part in parts if isinstance(part, list)}
        if counts:
            return self._array(name, pulse, parts, counts, per_ns, marker, at)
        single = [part for part in parts if not isinstance(part, list)]
        waveform, samples = self._waveform(single, pulse.length, per_ns)
        return PulseUse(name, pulse, waveform, pulse.length, samples, fine=per_ns == 2, marker=marker)

    def _array(
        self,
        name: str,
        pulse: Pulse,
        parts: list[Samples | list[Samples]],
        counts: set[int],
        per_ns: int,
        marker: int,
        at: int,
    ) -> PulseUse | None:
        """An array of waveforms, one after the other in the table; what is no array is the same in each."""
        if len(counts) > 1:
            self._problems.add(at, f"pulse '{name}' has arrays of {' and '.join(map(str, sorted(counts)))} waveforms")
            return None
        (count,) = counts
        first = len(self._rows)
        for number in range(count):
            chosen = [part[number] if isinstance(part, list) else part for part in parts]
            self._rows.append(self._row(chosen, pulse.length, per_ns))
        return PulseUse(name, pulse, first, pulse.length, pulse.length, count, per_ns == 2, marker)

    def _parts(
        self, element: str, record: Element, name: str, pulse: Pulse, per_ns: int, at: int
    ) -> list[Samples | list[Samples]] | None:
        """The samples of I and Q, or of the single input; of an array a list."""
        keys = ("single",) if record.mixInputs is None and record.MWInput is None else ("I", "Q")
        if set(pulse.waveforms) != set(keys):
            has = " and ".join(sorted(pulse.waveforms))
            message = f"pulse '{name}' has waveforms {has}, but element '{element}' needs {' and '.join(keys)}"
            self._problems.add(at, message)
            return None
        parts: list[Samples | list[Samples]] = []
        for key in keys:
            waveform = self._config.waveforms[pulse.waveforms[key]]
            slow = per_ns == 1 and is_slow(waveform, pulse.length)
            if waveform.type != "constant" and not slow and sample_count(waveform) != per_ns * pulse.length:
                rate = "two samples" if per_ns == 2 else "one sample"
                text = f"waveform '{pulse.waveforms[key]}' at another rate than {rate} per ns"
                self._problems.add(at, f"{text} is not supported yet", later=True)
                return None
            if isinstance(waveform, ArrayWaveform):
                parts.append([np.array(samples, dtype=np.float64) for samples in waveform.samples_array])
            else:
                parts.append(_samples(waveform, pulse.length))
        return parts

    def _waveform(self, parts: list[Samples], length: int, per_ns: int) -> tuple[int, int]:
        """The number of a waveform, and its samples (0: constant); a constant beside samples is written out."""
        row = self._row(parts, length, per_ns)
        key = tuple(row)
        if key not in self._waveforms:
            self._waveforms[key] = len(self._rows)
            self._rows.append(row)
        return self._waveforms[key], 0 if row[3] else row[2]

    def _row(self, parts: list[Samples], length: int, per_ns: int) -> list[int]:
        """A row of the table of waveforms, and of that of the fine ones.

        What is sampled twice a ns is heard as the mean of the two.
        """
        constant, fine = all(len(part) == 1 for part in parts), (-1, -1)
        if not constant:
            parts = [np.full(per_ns * length, part[0]) if len(part) == 1 else part for part in parts]
            if per_ns == 2:
                fine = self._offsets(parts)
                parts = [(part[0::2] + part[1::2]) / 2 for part in parts]
        return [*self._offsets(parts), len(parts[0]), int(constant), *fine]

    def _offsets(self, parts: list[Samples]) -> tuple[int, int]:
        """Where I and Q stand among the samples; -1 for none."""
        offsets = [self._samples.add(part) for part in parts]
        return offsets[0], offsets[1] if len(offsets) == 2 else -1

    def weights(self, name: str, offset: int = 0, length: int | None = None) -> int:
        """The number of integration weights, or of ``length`` ns of them from ``offset`` on."""
        if (name, offset, length) not in self._weights_of:
            self._weights_of[name, offset, length] = self._part_of_weights(name, offset, length)
        return self._weights_of[name, offset, length]

    def weights_length(self, name: str) -> int:
        """How long integration weights last, in ns."""
        if name not in self._lengths:
            self._lengths[name] = self._config.integration_weights[name].length
        return self._lengths[name]

    def _part_of_weights(self, name: str, offset: int, length: int | None) -> int:
        record = self._config.integration_weights[name]
        part = slice(offset, None if length is None else offset + length)
        cosine, sine = _spread(record.cosine)[part], _spread(record.sine)[part]
        key = (self._values.add(cosine), self._values.add(sine), len(cosine))
        return self._weights.setdefault(key, len(self._weights))

    def tables(self) -> dict[str, Any]:
        """The fields of the image."""
        waveforms: Ints = table([row[:4] for row in self._rows], 4)
        fine: Ints = table([row[4:] for row in self._rows], 2)
        weights: Ints = table([list(key) for key in self._weights], 3)
        parts = [self._config.digital_waveforms[name].samples for name, _ in self._markers]
        firsts = accumulate([len(part) for part in parts], initial=0)
        markers = zip(firsts, parts, self._markers, strict=False)
        return {
            "markers": table([[first, len(part), length] for first, part, (_, length) in markers], 3),
            "marker_parts": table([list(pair) for part in parts for pair in part], 2),
            "waveforms": waveforms,
            "fine": fine,
            "samples": self._samples.whole(),
            "weights": weights,
            "weight_values": self._values.whole(),
        }


def plays_at_2_gs(config: Config, element: Element) -> bool:
    """Whether a port that the element plays on has two samples a ns."""
    return any(config.analog_output(ref).sampling_rate == 2e9 for ref in element.input_ports.values())


def is_slow(waveform: Waveform, length: int) -> bool:
    """Whether a waveform of ``length`` ns has, at a rate of its own, fewer samples than ns, and enough for a cubic."""
    own = isinstance(waveform, ArbitraryWaveform) and waveform.sampling_rate is not None
    return own and 4 <= sample_count(waveform) < length


def _stretched(samples: Samples, length: int) -> Samples:
    """One sample a ns from fewer: cubics through four neighbours (docs/arithmetic.md, section 4)."""
    x = (np.arange(length) * len(samples)) / length
    first = np.clip(np.floor(x).astype(np.int64) - 1, 0, len(samples) - 4)
    t = x - first
    found: Samples = -(t - 1) * (t - 2) * (t - 3) / 6 * samples[first]
    found += t * (t - 2) * (t - 3) / 2 * samples[first + 1]
    found += -t * (t - 1) * (t - 3) / 2 * samples[first + 2]
    found += t * (t - 1) * (t - 2) / 6 * samples[first + 3]
    return found


def _samples(waveform: ConstantWaveform | ArbitraryWaveform, length: int) -> Samples:
    if isinstance(waveform, ConstantWaveform):
        return np.array([waveform.sample], dtype=np.float64)
    samples = np.array(waveform.samples, dtype=np.float64)
    return samples if len(samples) >= length else _stretched(samples, length)


def _spread(pairs: Sequence[tuple[float, int]]) -> Samples:
    """(value, length in ns) pairs as one value per ns."""
    values = np.array([value for value, _ in pairs], dtype=np.float64)
    return np.repeat(values, [length for _, length in pairs])
