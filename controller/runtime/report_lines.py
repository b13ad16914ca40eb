"""The execution report of a job: what its machine noticed, where in the program, how often."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..._core.engine.watching import OutputOverflow
from ..._core.errors import QuaymasterError
from ..._core.wire import Fault, fault_of
from ..._core.wire.requests import ReportLine
from .limits import REPORT_CHARS_MAX, REPORT_LINES_MAX

MEANINGS = {
    "division_by_zero": "a division by zero gave 0",
    "overflow": "a result did not fit an int (32 bits) or a fixed (at least -8 and below 8) and wrapped",
    "out_of_bounds": "an index was outside its array: a read gave 0, a write did nothing",
    "short_duration": "a duration below 4 cycles counted as 4",
    "shortened_waveform": "an arbitrary waveform was played shorter than it is: its first samples were played",
    "amplitude_range": "an amplitude was outside [-2, 2) and was kept within",
    "correction_range": "a value of a mixer correction was outside [-2, 2) and was kept within",
    "frequency_range": "a frequency was beyond what the ports carry (500 MHz of either sign, 1 GHz at 2 GS/s): "
    "another one, its alias, was played",
    "offset_range": "a DC offset was outside its port's range and was kept within",
    "waveform_index": "load_waveform got a number that its array of waveforms does not have, and changed nothing",
    "strict_timing_gap": "a value was awaited inside strict_timing_, so there was a gap",
    "integral_overflow": "an integral left the range of its fixed-point register and wrapped",
    "pause_ignored": "a pause was ignored, as in every simulation: its elements met there and went on",
    "math_domain": "a library function got an argument outside its domain and gave 0",
    "input_saturated": "an input went beyond the converter's range and was clipped",
    "tof_disagree": "elements that measure on one input have different times of flight; the smallest was used",
    "too_many_overlaps": "more than 64 integrals overlap on one port",
}
"""What each event of the engine means for a reader (docs/arithmetic.md)."""


def place_of(sources: Sequence[tuple[str, int]], at: int) -> str:
    """`file:line` of a source position, "" where there is none."""
    if not 0 <= at < len(sources):
        return ""
    file, line = sources[at]
    return f"{file}:{line}"


def report_lines(
    events: Iterable[tuple[str, int, int]], sources: Sequence[tuple[str, int]]
) -> tuple[list[ReportLine], dict[str, int]]:
    """Lines and counts by code, from (code, source position, count)."""
    lines: list[ReportLine] = []
    counts: dict[str, int] = {}
    room = REPORT_CHARS_MAX
    for code, at, count in events:
        counts[code] = counts.get(code, 0) + count
        if len(lines) < REPORT_LINES_MAX and room > 0:
            place = place_of(sources, at)
            times = f" ({count} times)" if count > 1 else ""
            where = f"{place}: " if place else ""
            message = f"{where}{MEANINGS.get(code, code)}{times} [{code}]"
            lines.append(ReportLine(severity="warn", message=message))
            room -= len(message)
    return lines, counts


def overflow_lines(overflows: Iterable[OutputOverflow]) -> tuple[list[ReportLine], int]:
    """A line for each output that went beyond its range, and how many samples of all did."""
    lines, total = [], 0
    for seen in overflows:
        total += seen.count
        port = f"{seen.ref.controller}/{seen.ref.fem}/{seen.ref.number}"
        often = f"{'' if seen.is_all else 'at least '}{seen.count} samples"
        who = f" while {', '.join(seen.elements)} sounded" if seen.elements else ""
        end = "was clipped" if seen.is_clipped else "wrapped"
        what = f"output {port} went beyond its range in {often}, first at {seen.first_ns} ns{who}: it {end}"
        lines.append(ReportLine(severity="warn", message=f"{what} [output_overflow]"))
    return lines, total


def differences_line(ids: Iterable[str]) -> ReportLine:
    """The entry that says where the twin and the instrument differ: ids of `_core.program.differences`, with spaces."""
    return ReportLine(severity="difference", message=" ".join(ids))


def fault_in_program(error: BaseException, sources: Sequence[tuple[str, int]]) -> Fault:
    """The fault of an error that ended a run; where it names a source position (details `at`), file and line."""
    fault = fault_of(error)
    if not isinstance(error, QuaymasterError):
        return fault
    at = error.details.get("at")
    place = place_of(sources, at) if isinstance(at, int) else ""
    if not place or place in fault.message:
        return fault
    return fault_of(type(error)(f"{place}: {error.message}", code=error.code, hint=error.hint, details=error.details))
