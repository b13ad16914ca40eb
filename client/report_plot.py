"""The picture of a waveform report: a row for each element, its pulses as bars, its acquisitions hatched below them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .simulated_samples import SimulatorSamples
    from .waveform_report import AdcAcquisition, PlayedWaveform, WaveformReport

LABELS_MAX = 60
"""More bars than this are drawn without names."""


def draw_report(
    report: WaveformReport, samples: SimulatorSamples | None, controllers: Sequence[str] | None, pyplot: Any
) -> Figure:
    """The figure; `controllers`: only these."""
    kept = [name for name in report.controllers_in_use if controllers is None or name in controllers]
    elements = [name for name in report.elements_in_report if _home(report, name) in kept]
    sampled = kept if samples is not None else []
    heights = [3.0] * len(sampled) + [0.8 + 0.6 * len(elements)]
    figure, axes = pyplot.subplots(
        len(heights), 1, sharex=True, squeeze=False, figsize=(11, 1.2 + sum(heights)), height_ratios=heights
    )
    rows = axes[:, 0]
    for axis, name in zip(rows[:-1], sampled, strict=True):
        pyplot.sca(axis)
        if samples is not None and name in samples:
            samples[name].plot()
        axis.set_xlabel("")
    _draw_bars(rows[-1], report, elements)
    figure.tight_layout()
    return figure  # type: ignore[no-any-return]


def _home(report: WaveformReport, element: str) -> str:
    entries: list[PlayedWaveform | AdcAcquisition] = [*report.waveforms, *report.adc_acquisitions]
    return next(entry.controller for entry in entries if entry.element == element)


def _draw_bars(axis: Any, report: WaveformReport, elements: Sequence[str]) -> None:
    shown: dict[tuple[str, int], Any] = {}
    for entry in report.waveforms:
        shown.setdefault((entry.element, entry.timestamp), entry)
    colors = [f"C{number % 10}" for number in range(len(elements))]
    for place, name in enumerate(elements):
        bars = [entry for (element, _), entry in shown.items() if element == name]
        spans = [(entry.timestamp, entry.length) for entry in bars]
        axis.broken_barh(spans, (place - 0.1, 0.4), facecolors=colors[place], edgecolor="black", linewidth=0.4)
        windows = [(a.start_time, a.end_time - a.start_time) for a in report.adc_acquisitions if a.element == name]
        axis.broken_barh(
            windows, (place - 0.35, 0.2), facecolors="none", edgecolor="black", hatch="////", linewidth=0.4
        )
        for entry in bars if len(shown) <= LABELS_MAX else ():
            middle = entry.timestamp + entry.length / 2
            label = entry.pulse_name.removeprefix("OriginPulseName=")
            axis.text(middle, place + 0.1, label, ha="center", va="center", fontsize=7, clip_on=True)
    for event in report.events:
        if event.element in elements:
            place = elements.index(event.element)
            axis.plot([event.timestamp], [place - 0.25], marker="v", color="red", markersize=5)
    axis.set_yticks(range(len(elements)), labels=elements)
    axis.set_ylim(-0.6, len(elements) - 0.4)
    axis.set_xlabel("Time [ns]")
    axis.set_title("pulses (bars), acquisitions (hatched), phase resets (triangles)", fontsize=8)
