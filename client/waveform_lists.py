"""The older form of a waveform report: starts and lengths of what was played, by element and by port.

Scripts in the field read it for the times of pulses:
`job.simulated_analog_waveforms()["elements"]["q"][0]["timestamp"]`. Names: the platform's SDK before 1.2. An IQ pulse
is two entries, I and Q one behind the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .simulated_samples import ByPort
from .waveform_report import PlayedWaveform


def by_element(waveforms: Sequence[PlayedWaveform]) -> dict[str, list[dict[str, Any]]]:
    """The entries of each element, in the order of time."""
    found: dict[str, list[dict[str, Any]]] = {}
    for played in waveforms:
        found.setdefault(played.element, []).append(_entry(played))
    return found


def by_controller(waveforms: Sequence[PlayedWaveform]) -> dict[str, dict[str, ByPort[list[dict[str, Any]]]]]:
    """The entries of each port, in the order of time: {controller: {"ports": {"1-1": [...]}}}; "1" is "1-1"."""
    found: dict[str, dict[str, ByPort[list[dict[str, Any]]]]] = {}
    for played in waveforms:
        ports = found.setdefault(played.controller, {"ports": ByPort()})["ports"]
        for number in played.output_ports:
            ports.setdefault(f"{played.fem}-{number}", []).append(_entry(played))
    return found


def _entry(played: PlayedWaveform) -> dict[str, Any]:
    """Start and length in ns, and the name of the waveform."""
    return {"timestamp": played.timestamp, "duration": played.length, "name": played.waveform_name}
