"""Overrides of a precompiled program: other samples for waveforms of its config.

A constant waveform can always be overridden, by a number. An arbitrary one only if it is declared ``is_overridable``,
by a list of the same length. Nothing else can be overridden. Samples at the upper limit of the ports are played as
those of a config are (see ``full_scale``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from ..errors import AskedWrongly
from . import limits
from .full_scale import sample_limits, within
from .issues import Report, shown
from .model import ArbitraryWaveform, Config, ConstantWaveform, Waveform
from .reading import Fields, Place, as_float, as_list, between, entries, nearest


def apply_overrides(config: Config, overrides: Mapping[str, Any]) -> Config:
    """The config with the overridden waveforms; AskedWrongly (``bad_override``) names everything that is wrong."""
    report = Report()
    fields = Fields(overrides, Place(report, "overrides", "overrides"), ("waveforms",))
    changed: dict[str, Waveform] = {}
    if "waveforms" in fields:
        allowed = sample_limits(config)
        for name, raw, place in entries(
            fields.raw("waveforms"), fields.at("waveforms"), limits.ENTRIES_MAX["waveforms"]
        ):
            limit = allowed.get(name, limits.AMPLIFIED_VOLTS)
            waveform = _override(config, name, raw, place, limit)
            if waveform is not None:
                changed[name] = within(waveform, limit)
    if report.errors:
        issues = report.issues()
        text = "\n".join(f"{issue.path} : {issue.message}" for issue in issues)
        details = {"issues": [msgspec.to_builtins(issue) for issue in issues]}
        raise AskedWrongly(text, code="bad_override", hint="correct the overrides; nothing was queued", details=details)
    return msgspec.structs.replace(config, waveforms={**config.waveforms, **changed})


def _override(config: Config, name: str, raw: object, place: Place, limit: float) -> Waveform | None:
    waveform = config.waveforms.get(name)
    if waveform is None:
        place.rule("waveformsExist", f"waveform '{name}' is not in waveforms; {nearest(name, config.waveforms)}")
    elif isinstance(waveform, ConstantWaveform):
        return _constant(raw, place, limit)
    elif not isinstance(waveform, ArbitraryWaveform):
        place.rule("overridable", "an array waveform cannot be overridden; choose a row with load_waveform")
    elif not waveform.is_overridable:
        place.rule("overridable", f"arbitrary waveform '{name}' is not declared with is_overridable=True")
    else:
        return _arbitrary(waveform, raw, place, limit)
    return None


def _constant(raw: object, place: Place, limit: float) -> ConstantWaveform | None:
    sample = as_float(raw)
    if sample is None:
        place.schema(f"a constant waveform is overridden by one finite number, not {shown(raw)}")
        return None
    _check_range([sample], place, limit)
    return ConstantWaveform(sample=sample)


def _arbitrary(waveform: ArbitraryWaveform, raw: object, place: Place, limit: float) -> ArbitraryWaveform | None:
    items = as_list(raw)
    if items is None:
        place.schema(f"an arbitrary waveform is overridden by a list of samples, not {shown(raw)}")
        return None
    if len(items) != len(waveform.samples):
        place.rule("sameLength", f"has {len(items)} samples; the waveform has {len(waveform.samples)}")
        return None
    samples = [as_float(item) for item in items]
    if None in samples:
        index = samples.index(None)
        place.item(index).schema(f"must be a finite number, not {shown(items[index])}")
        return None
    values = [sample for sample in samples if sample is not None]
    _check_range(values, place, limit)
    return msgspec.structs.replace(waveform, samples=tuple(values))


def _check_range(values: list[float], place: Place, limit: float) -> None:
    for value in values:
        if abs(value) > limit:
            place.range(f"has a sample of {value:.10g}; must be {between(-limit, limit)}")
            return
