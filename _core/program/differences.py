"""Where the twin and the instrument differ, in one table: what is approximated, and what was chosen where the
platform's documentation is silent.

Each row says it in a sentence, names the page that has the details, and decides whether a program uses it.
``job.difference_report()`` and docs/differences.md are both made from this table. What the twin does not do at all is
refused with ``not_yet`` and is no difference.

A rule looks at the program's text, not at its run: it holds where the difference *may* be met, and does not miss
one. What was met in a run is in its execution report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from ..config.model import Config
from . import difference_rules as rules
from . import fem_rules, tree
from .used import Setting, Used

_NUMBERS = "docs/arithmetic.md, section 1"
_TIME = "docs/timing.md"
_PHASE = "docs/arithmetic.md, section 3"
_RECORDS = "docs/arithmetic.md, section 4"
_PLANTS = "docs/arithmetic.md, section 5"
_STREAMS = "docs/streams.md"
_OUTSIDE = "docs/arithmetic.md, section 15"
_FEMS = "docs/arithmetic.md, section 17"


class Difference(msgspec.Struct, frozen=True):
    """One row. ``documented``: page and section; ``used``: whether a program on a config, so computed, meets it."""

    id: str
    area: str
    sentence: str
    documented: str
    used: Callable[[Used], bool]


_ROWS = (
    Difference(
        "simulated_time",
        "Time",
        "The job runs in simulated time, as fast as the computer allows; only endless programs keep to real time.",
        _TIME,
        rules.always,
    ),
    Difference(
        "ideal_latencies",
        "Time",
        "Calculations, branches, loops, aligns and results of measurements take no time (profile ideal); the "
        "instrument needs some cycles for each.",
        _TIME,
        rules.latencies("ideal"),
    ),
    Difference(
        "opx_latencies",
        "Time",
        "Feedback, branches and aligns take the times of a table (profile opx): the published figures of feedback, and "
        "assumed ones for the rest; calculations take none.",
        _TIME,
        rules.latencies("opx"),
    ),
    Difference(
        "start_of_program",
        "Time",
        "Instants count from the first statement at 0 ns; the instrument has a lead-in before it, which simulations in "
        "profile opx show.",
        _TIME,
        rules.asks_instants,
    ),
    Difference(
        "save_times",
        "Time",
        "The time of a saved value, in ns, is the end of the last measurement window that it comes from, else the "
        "start of the block around the save; the platform does not say which instant it takes.",
        "docs/arithmetic.md, section 2",
        rules.stamps_saves,
    ),
    Difference(
        "wait_for_all",
        "Time",
        "A wait() that names no element holds every element of the program.",
        "docs/arithmetic.md, section 2",
        rules.waits_everywhere,
    ),
    Difference(
        "needed_values",
        "Time",
        "An element waits for a measured value exactly where it reads it, and needs every calculation of a variable "
        "that it reads, wherever that stands in the text.",
        "docs/arithmetic.md, section 2",
        rules.needs_elsewhere,
    ),
    Difference(
        "several_controllers",
        "Time",
        "A program on several controllers is simulated whole by the first of them (in the order of their names): they "
        "start at one instant, and what goes from one to another takes no more time than within one.",
        _TIME,
        rules.spans_controllers,
    ),
    Difference(
        "short_durations",
        "Time",
        "A duration or wait below 4 cycles counts as 4 (event short_duration); on the instrument it is undefined.",
        "docs/arithmetic.md, section 2",
        rules.short_durations,
    ),
    Difference(
        "strict_timing",
        "Time",
        "Gaps inside strict_timing_ are compile errors where they follow from literal durations; all others are found "
        "while the job runs (event strict_timing_gap).",
        "docs/timing.md, strict timing",
        rules.strict_timing,
    ),
    Difference(
        "io_without_time",
        "Time",
        "Reading an IO register takes no time, and a loop that only waits for one lets none go by; a value set from "
        "outside is seen at the first read that no element has come to yet.",
        _OUTSIDE,
        rules.has(tree.Io),
    ),
    Difference(
        "input_instants",
        "Time",
        "advance_input_stream holds the elements that need its variable, and no others; a late item lets them go on at "
        "the instant that the job has reached.",
        _OUTSIDE,
        rules.has(tree.AdvanceInput),
    ),
    Difference(
        "pause_stops_time",
        "Time",
        "A pause begins when all windows have ended and their values are saved, and no simulated time goes by in it.",
        _OUTSIDE,
        rules.has(tree.Pause),
    ),
    Difference(
        "trigger_edges",
        "Time",
        "Trigger edges come from outside or from a periodic source, on the 4 ns grid; each thread takes an edge once, "
        "and no time goes by between an edge and what follows it.",
        _OUTSIDE,
        rules.waits_for_triggers,
    ),
    Difference(
        "digital_triggers",
        "Time",
        "Who waits for a pulse at a digital input goes on at the first multiple of 4 ns behind its edge, and its time "
        "tag is there then; each thread takes an edge once.",
        "docs/arithmetic.md, section 15",
        rules.waits_at_digital_inputs,
    ),
    Difference(
        "division_by_zero",
        "Numbers",
        "A division by zero gives 0 (event division_by_zero); on the instrument it is undefined.",
        _NUMBERS,
        rules.divides,
    ),
    Difference(
        "array_bounds",
        "Numbers",
        "A read outside an array gives 0 and a write outside does nothing (event out_of_bounds); on the instrument "
        "both are undefined.",
        _NUMBERS,
        rules.leaves_arrays,
    ),
    Difference(
        "shift_counts",
        "Numbers",
        "A shift by a count outside 0...31 gives 0 for << (event overflow) and the sign for >>.",
        _NUMBERS,
        rules.shifts,
    ),
    Difference(
        "literal_rounding",
        "Numbers",
        "A fixed literal is rounded to the nearest step of 2^-28, halves away from zero.",
        _NUMBERS,
        rules.rounded_literals,
    ),
    Difference(
        "cast_rounding",
        "Numbers",
        "Cast.to_int and Cast.mul_int_by_fixed round towards minus infinity.",
        _NUMBERS,
        rules.calls("cast.to_int", "cast.mul_int_by_fixed"),
    ),
    Difference(
        "random_numbers",
        "Numbers",
        "Random draws from the documented generator; how its state becomes a number is not published and was chosen.",
        _NUMBERS,
        rules.calls("random."),
    ),
    Difference(
        "math_precision",
        "Numbers",
        "Functions of Math are exact to about 2^-28, and give 0 outside the documented ranges of their arguments "
        "(event math_domain); the instrument's have errors of their own.",
        "docs/arithmetic.md, section 11",
        rules.calls(
            *(
                f"math.{name}"
                for name in (
                    "sin",
                    "cos",
                    "exp",
                    "pow",
                    "ln",
                    "log",
                    "sqrt",
                    "inv",
                    "atan",
                    "lrelu",
                    "elu",
                    "aelu",
                    "selu",
                )
            )
        ),
    ),
    Difference(
        "approximate_elu",
        "Numbers",
        "Math.aelu is Math.elu; the instrument's is an approximation that is not published.",
        "docs/arithmetic.md, section 11",
        rules.calls("math.aelu"),
    ),
    Difference(
        "amplitude_resolution",
        "Pulses and phases",
        "An amplitude is rounded to the nearest step of 2^-16 and kept within -2...2-2^-16 (event amplitude_range).",
        _RECORDS,
        rules.scales,
    ),
    Difference(
        "stretched_waveforms",
        "Pulses and phases",
        "A stretched waveform, also one with a sampling_rate below 1 GS/s, is the cubic through four samples around; "
        "near its ends, and in how it is rounded, the instrument may differ.",
        _RECORDS,
        rules.stretches,
    ),
    Difference(
        "shortened_waveforms",
        "Pulses and phases",
        "A sampled waveform with a shorter duration keeps its first samples (event shortened_waveform); on the "
        "instrument it is corrupted.",
        _RECORDS,
        rules.shortens,
    ),
    Difference(
        "frame_resolution",
        "Pulses and phases",
        "Each rotation of a frame is rounded to the nearest 2^-16 turns before it is added.",
        _PHASE,
        rules.has(tree.FrameRotation),
    ),
    Difference(
        "frequency_range",
        "Pulses and phases",
        "A frequency beyond 500 MHz of either sign (1 GHz at 2 GS/s) that only the run knows plays as its alias (event "
        "frequency_range); the platform says no more than the range.",
        _PHASE,
        rules.computes_frequencies,
    ),
    Difference(
        "fast_frame_rotation",
        "Pulses and phases",
        "fast_frame_rotation(cos, sin) turns the frame by the angle of the pair, whatever its length; the instrument "
        "multiplies by the matrix.",
        _PHASE,
        rules.turns_by_pairs,
    ),
    Difference(
        "fresh_phases",
        "Pulses and phases",
        "Each job starts with the frequencies and mixer corrections of the config and with frames at 0.",
        _PHASE,
        rules.moves_phase,
    ),
    Difference(
        "shared_oscillators",
        "Pulses and phases",
        "What is said of the phase, frame, frequency or correction of one element on a shared oscillator is done for "
        "each element on it at its own clock, so elements at different clocks take it at different instants.",
        _PHASE,
        rules.shares_oscillators,
    ),
    Difference(
        "global_phase",
        "Pulses and phases",
        "reset_global_phase() restarts the phase of each element at its own clock; the instrument resets all at one "
        "instant, which is the same after an align().",
        _PHASE,
        rules.resets_many,
    ),
    Difference(
        "frame_and_correction",
        "Pulses and phases",
        "update_correction() leaves the frame as it is; up to QOP 3.3 the instrument resets it.",
        _PHASE,
        rules.has(tree.UpdateCorrection),
    ),
    Difference(
        "offsets_of_jobs",
        "Pulses and phases",
        "An offset that set_dc_offset() sets holds until the job ends, then the port has the idle value of its qm "
        "again; up to QOP 3.5 the instrument keeps it.",
        "docs/arithmetic.md, section 14",
        rules.has(tree.SetDcOffset),
    ),
    Difference(
        "mixer_without_entry",
        "Pulses and phases",
        "A mixer that has no entry for exactly the element's frequencies corrects nothing.",
        _RECORDS,
        rules.lacks_correction,
    ),
    Difference(
        "loaded_waveforms",
        "Pulses and phases",
        "Before any load_waveform() the first waveform of an array plays; a number that the array does not have "
        "changes nothing (event waveform_index).",
        "docs/arithmetic.md, section 13",
        rules.plays_arrays,
    ),
    Difference(
        "held_markers",
        "Pulses and phases",
        "A raw trace is kept by the digital marker of its own pulse, never by a level that a sticky element holds.",
        "docs/arithmetic.md, section 14",
        rules.holds_markers,
    ),
    Difference(
        "truncated_pulses",
        "Pulses and phases",
        "A truncate beyond the end of its pulse keeps the whole pulse; on the instrument it is undefined. The sections "
        "of a chirp are parts of the whole pulse, cut or not; the platform does not say.",
        "docs/arithmetic.md, section 13",
        rules.truncates,
    ),
    Difference(
        "after_a_chirp",
        "Pulses and phases",
        "After a chirp the element's own frequency goes on, as if it had run during the chirp.",
        "docs/arithmetic.md, section 13",
        rules.has(tree.Chirp),
    ),
    Difference(
        "several_inputs",
        "Pulses and phases",
        "Of multipleInputs an echo hears the first; they need as many threads as ports, a singleInputCollection one; "
        "set_dc_offset takes their names. The platform says none of that.",
        "docs/arithmetic.md, section 4",
        rules.has_several_inputs,
    ),
    Difference(
        "sweeps",
        "Pulses and phases",
        "A chirp with continue_chirp goes on with the rate of its last section; a measure and update_frequency end it, "
        "resets of the phase leave its frequency; the platform does not say. An OPX, which has none, sweeps too.",
        "docs/arithmetic.md, section 13",
        rules.sweeps_on,
    ),
    Difference(
        "starts_of_conditional_plays",
        "Pulses and phases",
        "A play whose condition is false leaves its start in its timestamp_stream all the same; the platform does not "
        "say whether it does.",
        "docs/arithmetic.md, section 13",
        rules.stamps_conditional_plays,
    ),
    Difference(
        "simulated_outputs",
        "Pulses and phases",
        "Samples of an output are its sum, with crosstalk, then filtered, then with the DC offset added, then delayed; "
        "the platform does not say where the offset is added.",
        "docs/arithmetic.md, section 14",
        rules.simulated_outputs,
    ),
    Difference(
        "unwatched_outputs",
        "Pulses and phases",
        "While a job runs, outputs with feedback, exponential or high-pass filters or at 2 GS/s are not looked at for "
        "samples beyond their range; a simulation looks at all.",
        "docs/arithmetic.md, section 14",
        rules.unwatched_outputs,
    ),
    Difference(
        "linear_numerics",
        "Measuring",
        "Integrals are computed in floating point (numerics linear): without the steps of 16 bits of the outputs and "
        "12 bits of the inputs, and without the widths of the registers between, unless a signal nears the "
        "converter's range.",
        "docs/arithmetic.md, section 6",
        rules.numerics("linear"),
    ),
    Difference(
        "exact_widths",
        "Measuring",
        "Integrals are computed with the published widths 2.19 and 16.16 (numerics exact); that each step truncates, "
        "and the 17 bits of cosine and sine, were chosen.",
        "docs/arithmetic.md, section 9",
        rules.numerics("exact"),
    ),
    Difference(
        "demodulation_phase",
        "Measuring",
        "Output and demodulation share one phase; on the instrument they differ by a constant.",
        "docs/arithmetic.md, section 6",
        rules.demodulates,
    ),
    Difference(
        "slice_edges",
        "Measuring",
        "A slice ends where the next begins; the platform's formulas share a sample between them.",
        "docs/arithmetic.md, section 12",
        rules.slices,
    ),
    Difference(
        "tagged_edges",
        "Measuring",
        "Time tagging takes the difference of two samples for the derivative, looks at two samples before its window, "
        "and gives its values when max_time is over; cells without a tag become 0. The platform says none of this.",
        "docs/arithmetic.md, section 18",
        rules.tags,
    ),
    Difference(
        "tagged_crossings",
        "Measuring",
        "A high_res tag is where the straight line between two samples crosses the threshold.",
        "docs/arithmetic.md, section 18",
        rules.tags_high_res,
    ),
    Difference(
        "digital_inputs",
        "Measuring",
        "Digital inputs hear digital outputs, each that of its number unless cables say otherwise, as 0 or 3.3 V and "
        "never before a marker's pulse starts; their dead time counts from the last tag of a window, and tags and "
        "counts are there when max_time is over. The platform says none of this.",
        "docs/arithmetic.md, section 20",
        rules.reads_digital_inputs,
    ),
    Difference(
        "inverted_inputs",
        "Measuring",
        "Inputs of an OPX or OPX+ invert: integrals, raw traces and time tags alike have the sign flipped.",
        _PLANTS,
        rules.inverting,
    ),
    Difference(
        "raw_traces",
        "Measuring",
        "A raw trace is rounded down to 12 bits and clipped; a digital marker of any shape keeps the whole trace, "
        "margins of the smearing included.",
        "docs/arithmetic.md, section 8",
        rules.keeps_traces,
    ),
    Difference(
        "echo_plant",
        "Measuring",
        "Inputs hear the elements that measure them, without loss, after the time of flight (plant echo), in place of "
        "a device.",
        _PLANTS,
        rules.plant("echo"),
    ),
    Difference(
        "loopback_plant",
        "Measuring",
        "Inputs hear outputs through cables without loss, all of one latency (plant loopback), in place of a device.",
        _PLANTS,
        rules.plant("loopback"),
    ),
    Difference(
        "silent_plant",
        "Measuring",
        "Inputs hear nothing but their noise and offset (plant none).",
        _PLANTS,
        rules.plant("none"),
    ),
    Difference(
        "raw_plant",
        "Measuring",
        "Inputs hear the samples that were given, then nothing (interface raw), whatever the program plays.",
        _PLANTS,
        rules.plant("raw"),
    ),
    Difference(
        "white_noise",
        "Measuring",
        "The noise of an input is white and normal, of one variance at all times.",
        "docs/arithmetic.md, section 7",
        rules.noisy,
    ),
    Difference(
        "steady_light",
        "Measuring",
        "Photons come to the inputs at one rate, whatever is played; each is a rectangle, and two at once are as one.",
        "docs/arithmetic.md, section 18",
        rules.lit,
    ),
    Difference(
        "unheard_outputs",
        "Measuring",
        "An echo is of elements: inputs do not hear the DC offsets, delays, filters and crosstalk of their outputs. "
        "Cables (plant loopback) bring all of these.",
        _PLANTS,
        rules.unheard_outputs,
    ),
    Difference(
        "times_of_flight",
        "Measuring",
        "Where elements that measure one input have different times of flight, it hears all after the smallest "
        "(event tof_disagree).",
        _PLANTS,
        rules.different_flights,
    ),
    Difference(
        "shared_ports",
        "Measuring",
        "Jobs on ports that they share are each alone in their samples: the sum on the port is not formed.",
        _PLANTS,
        rules.shares_ports,
    ),
    Difference(
        "microwave_levels",
        "OPX1000",
        "A MW input hears a MW output without loss, in the volts of its full-scale power, as I and Q with 12 bits over "
        "1 V and noise of its own for each; the platform does not publish the range of MW inputs.",
        _FEMS,
        fem_rules.hears_microwaves,
    ),
    Difference(
        "microwave_band",
        "OPX1000",
        "A MW input hears what lies within 500 MHz of its down-converter, and nothing else; phases of the converters "
        "count from the start of the program.",
        _FEMS,
        fem_rules.hears_microwaves,
    ),
    Difference(
        "fem_delays",
        "OPX1000",
        "Outputs of LF- and MW-FEMs are aligned (profile ideal); on the instrument, and with profile opx, MW outputs "
        "come 141 ns later, in band 2 161 ns.",
        _FEMS,
        fem_rules.mixes_fems,
    ),
    Difference(
        "amplified_volts",
        "OPX1000",
        "Waveforms of an amplified port are volts at the port, as its offset is; the platform does not say so.",
        _FEMS,
        fem_rules.amplified,
    ),
    Difference(
        "two_gigasamples",
        "OPX1000",
        "Integrals hear a port at 2 GS/s once a ns, as the mean of its two samples, behind a filter as the first of "
        "them, and on an input at 2 GS/s count each ns once; raw traces there have two samples a ns, and outputs at "
        "1 GS/s hold theirs.",
        _FEMS,
        fem_rules.halves_of_ns,
    ),
    Difference(
        "upsampling",
        "OPX1000",
        "Samples of an LF-FEM port at 1 GS/s become 2 GS/s through 14 taps of our own (mode mw) or are held (mode "
        "pulse); the taps of the instrument are not published.",
        _FEMS,
        fem_rules.upsamples,
    ),
    Difference(
        "exponential_filters",
        "OPX1000",
        "Exponential corrections undo the line exactly at the samples of the port; how the instrument does it is not "
        "published.",
        _FEMS,
        fem_rules.undoes_exponentials,
    ),
    Difference(
        "histogram_ends",
        "Streams",
        "Both ends of a bin of histogram() count to it.",
        _STREAMS,
        rules.has(tree.Histogram),
    ),
    Difference(
        "zip_order",
        "Streams",
        "zip() puts the stream that it is called on first: value_0.",
        _STREAMS,
        rules.has(tree.Zip),
    ),
    Difference(
        "flattened_items",
        "Streams",
        "flatten() gives single numbers, however many axes the items have.",
        _STREAMS,
        rules.has(tree.Flatten),
    ),
    Difference(
        "blocks_of_pairs",
        "Streams",
        "Blocks of the pairs of zip() are pairs of blocks: value_0 and value_1 each have the shape of the block.",
        _STREAMS,
        rules.blocks_of_pairs,
    ),
    Difference(
        "convolution_mode",
        "Streams",
        "A convolution without a mode is full.",
        _STREAMS,
        rules.convolves_full,
    ),
    Difference(
        "stream_demod",
        "Streams",
        "FUNCTIONS.demod() counts in volts, 2^-12 for each count of the converter, so it gives 4096 times what "
        "demod.full gives; the platform names no scale.",
        _STREAMS,
        rules.has(tree.Demod),
    ),
)

DIFFERENCES: Mapping[str, Difference] = {row.id: row for row in _ROWS}
"""All rows by id, in the order of the page."""


def differences_of(program: tree.Program, config: Config, setting: Setting) -> tuple[str, ...]:
    """The ids of what ``program`` on ``config``, computed as ``setting`` says, may meet; in the order of the table."""
    used = Used(program, config, setting)
    return tuple(row.id for row in _ROWS if row.used(used))
