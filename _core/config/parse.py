"""From the dict that a user wrote to a checked ``Config``: all errors at once, and nothing but those on any input.

``parse_config`` returns what it found; ``read_config`` and ``check_config`` raise it. Sections are read in the order in
which they refer to each other, so each reference is checked where it stands (see ``seen``). ``version`` is accepted and
ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from ..errors import not_yet
from .full_scale import as_played
from .issues import ConfigIssue, Report, config_error, shown
from .limits import ENTRIES_MAX
from .model import Config
from .parse_controllers import read_controllers
from .parse_elements import read_elements
from .parse_octaves import read_octaves
from .parse_pulses import read_pulses
from .parse_signals import (
    read_digital_waveforms,
    read_integration_weights,
    read_mixers,
    read_oscillators,
    read_waveforms,
)
from .reading import Fields, Place
from .seen import Seen

R = TypeVar("R")

SECTIONS = tuple(ENTRIES_MAX)
"""The sections of a config."""


def parse_config(raw: Mapping[str, Any]) -> tuple[Config | None, list[ConfigIssue]]:
    """The config with defaults filled in, or None if anything is wrong; and all issues, warnings last."""
    if not isinstance(raw, Mapping):
        report = Report()
        report.add("config.schema", "config", f"a config must be a dict, not {shown(raw)}")
        return None, report.issues()
    seen = Seen(raw)
    _check_sections(seen)
    read_controllers(seen)
    read_octaves(seen)
    read_mixers(seen)
    read_oscillators(seen)
    read_waveforms(seen)
    read_digital_waveforms(seen)
    read_integration_weights(seen)
    read_pulses(seen)
    elements = read_elements(seen)
    issues = seen.report.issues()
    if seen.report.errors:
        return None, issues
    return Config(
        controllers=_whole(seen.controllers),
        octaves=_whole(seen.octaves),
        mixers=_whole(seen.mixers),
        elements=elements,
        oscillators=_whole(seen.oscillators),
        pulses=_whole(seen.pulses),
        waveforms=_whole(seen.waveforms),
        digital_waveforms=_whole(seen.digital_waveforms),
        integration_weights=_whole(seen.integration_weights),
    ), issues


def read_config(raw: Mapping[str, Any]) -> tuple[Config, list[ConfigIssue]]:
    """The checked config as it was written, and the warnings of it.

    Raises AskedWrongly: ``config_error`` with every issue in its message and in ``details["issues"]``; ``not_yet`` for
    a correct config whose elements use an Octave.
    """
    config, issues = parse_config(raw)
    if config is None:
        raise config_error(issues)
    for name, element in config.elements.items():
        if element.RF_inputs is not None or element.RF_outputs is not None:
            key = "RF_inputs" if element.RF_inputs is not None else "RF_outputs"
            raise not_yet(f"an element on an Octave ({key} of element '{name}')")
    return config, issues


def check_config(raw: Mapping[str, Any]) -> Config:
    """The checked config as it is played (see ``full_scale``). Raises what ``read_config`` raises."""
    return as_played(read_config(raw)[0])


def _check_sections(seen: Seen) -> None:
    """Unknown sections; an absent section is an empty one."""
    fields = Fields(seen.raw, Place(seen.report, "config", ""), ("version", *SECTIONS))
    if not fields.given(*SECTIONS):
        Place(seen.report, "config", "config").schema(
            "a config needs at least controllers and elements; this one is empty"
        )


def _whole(records: Mapping[str, R | None]) -> dict[str, R]:
    """The records of a section without errors: none is None."""
    return {name: record for name, record in records.items() if record is not None}
