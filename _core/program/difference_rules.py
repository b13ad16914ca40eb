"""When a program meets a difference between the twin and the instrument: one predicate for each row of the table in
``differences``. Pure functions of ``Used``; where the text cannot tell, they hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ..config.model import AnalogOutput, ArbitraryWaveform, ArrayWaveform
from ..config.threads import threads_needed
from . import tree
from .used import OutputPort, Plant, Used

CYCLES_MIN = 4
ROUNDED_BITS = 12  # a literal that was rounded to 2**-28 ends in so many zero bits once in 4,096


def always(used: Used) -> bool:
    """Every program."""
    return True


# ---------------------------------------------------------------- time


def latencies(profile: str) -> Callable[[Used], bool]:
    """What takes time, in a job with this latency profile."""
    return lambda used: used.setting.latency == profile and _takes_time(used)


def _takes_time(used: Used) -> bool:
    """Control, calculations, operands that are no literals, aligns of several elements, or results of measures."""
    calculated = (tree.If, tree.For, tree.ForEach, tree.Assign, tree.Process, tree.Tagging, tree.Counting)
    if any(used.all(kind) for kind in calculated) or _computed_operands(used):
        return True
    return any(len(node.elements or used.elements) > 1 for node in used.all(tree.Align))


def _played(used: Used) -> list[tree.Play | tree.Measure]:
    return [*used.all(tree.Play), *used.all(tree.Measure)]


def _computed_operands(used: Used) -> bool:
    played = _played(used)
    operands = [value for node in played for value in node.amplitude]
    operands += [node.duration for node in used.all(tree.Play) if node.duration is not None]
    operands += [node.duration for node in used.all(tree.Wait)]
    operands += [node.frequency for node in used.all(tree.UpdateFrequency)]
    operands += [node.turns for node in used.all(tree.FrameRotation)]
    return any(not isinstance(operand, tree.Value) for operand in operands)


def asks_instants(used: Used) -> bool:
    """Time stamps of plays or of saved values reach a stream, or samples are kept."""
    stamped = any(node.timestamp_stream is not None for node in _played(used))
    return stamped or stamps_saves(used) or used.setting.simulated


def stamps_saves(used: Used) -> bool:
    """Saved values come with their times."""
    return any(node.timestamps for node in used.all(tree.Source)) or bool(used.all(tree.Timestamps))


def waits_everywhere(used: Used) -> bool:
    """A wait names no element, where there are several."""
    return len(used.elements) > 1 and any(not node.elements for node in used.all(tree.Wait))


def needs_elsewhere(used: Used) -> bool:
    """Several threads, and measured values that something reads, saves apart."""
    if used.threads() < 2:
        return False
    targets: list[tree.Target | tree.Whole] = [process.target for process in used.all(tree.Process)]
    for tagging in used.all(tree.Tagging):
        targets += [tagging.target] if tagging.count is None else [tagging.target, tagging.count]
    measured = {target.name if isinstance(target, tree.Variable) else target.array for target in targets}
    mentions = [node for kind in (tree.Variable, tree.Cell, tree.Whole) for node in used.all(kind)]
    no_reads = [
        *targets,
        *(save.source for save in used.all(tree.Save)),
        *(node.target for node in used.all(tree.Assign)),
    ]
    return _count(mentions, measured) > _count(no_reads, measured)


def _count(nodes: Iterable[tree.Node], names: set[str]) -> int:
    """How many of these nodes are variables or arrays of these names."""
    return sum(getattr(node, "name", None) in names or getattr(node, "array", None) in names for node in nodes)


def short_durations(used: Used) -> bool:
    """A duration, truncate or wait that is calculated, or is a literal below 4 cycles."""
    cycles = [node.duration for node in used.all(tree.Play)] + [node.truncate for node in used.all(tree.Play)]
    cycles += [node.duration for node in used.all(tree.Wait)]
    return any(
        value is not None and not (isinstance(value, tree.Value) and value.raw >= CYCLES_MIN) for value in cycles
    )


def strict_timing(used: Used) -> bool:
    """A strict_timing_ block."""
    return bool(used.all(tree.StrictTiming))


# ---------------------------------------------------------------- numbers


def divides(used: Used) -> bool:
    """A divisor that is calculated, or 0."""
    return any(not (isinstance(node.right, tree.Value) and node.right.raw != 0) for node in used.operators("/"))


def leaves_arrays(used: Used) -> bool:
    """An index that is calculated, or a literal outside its array."""
    sizes = {item.name: item.size for item in used.program.declarations}
    return any(
        not (isinstance(cell.index, tree.Value) and 0 <= cell.index.raw < sizes.get(cell.array, 0))
        for cell in used.all(tree.Cell)
    )


def shifts(used: Used) -> bool:
    """A shift by a calculated count, or by a literal outside 0...31."""
    return any(
        not (isinstance(node.right, tree.Value) and 0 <= node.right.raw < 32) for node in used.operators("<<", ">>")
    )


def rounded_literals(used: Used) -> bool:
    """A fixed literal or initial value that 4.28 had to round: one whose last bits are not zero."""
    raws = [value.raw for value in used.all(tree.Value) if value.type == "fixed"]
    raws += [raw for item in used.program.declarations if item.type == "fixed" for raw in item.initial]
    return any(raw % (1 << ROUNDED_BITS) for raw in raws)


def calls(*prefixes: str) -> Callable[[Used], bool]:
    """Library functions whose names begin so."""

    def used_calls(used: Used) -> bool:
        return used.calls(*prefixes)

    return used_calls


# ---------------------------------------------------------------- pulses and phases


def scales(used: Used) -> bool:
    """An amplitude beside a pulse."""
    return any(node.amplitude for node in _played(used))


def _sampled(used: Used) -> list[tuple[tree.Play, int]]:
    """Plays with a duration of a pulse with samples, and the length of the pulse in ns."""
    return [
        (node, pulse.length)
        for node, pulse in used.pulses(tree.Play)
        if isinstance(node, tree.Play)
        and node.duration is not None
        and any(isinstance(waveform, ArbitraryWaveform | ArrayWaveform) for waveform in used.waveforms(pulse))
    ]


def stretches(used: Used) -> bool:
    """An arbitrary waveform with a duration that may be longer than it, or with fewer samples than its pulse has ns."""
    return _has_slow_waveforms(used) or any(
        not (isinstance(node.duration, tree.Value) and 4 * node.duration.raw <= length)
        for node, length in _sampled(used)
    )


def _has_slow_waveforms(used: Used) -> bool:
    return any(
        isinstance(waveform, ArbitraryWaveform) and len(waveform.samples) < pulse.length
        for kind in (tree.Play, tree.Measure)
        for _, pulse in used.pulses(kind)
        for waveform in used.waveforms(pulse)
    )


def shortens(used: Used) -> bool:
    """An arbitrary waveform with a duration that may be shorter than it."""
    return any(
        not (isinstance(node.duration, tree.Value) and 4 * node.duration.raw >= length)
        for node, length in _sampled(used)
    )


def plays_arrays(used: Used) -> bool:
    """A pulse with an array of waveforms."""
    pulses = [pulse for kind in (tree.Play, tree.Measure) for _, pulse in used.pulses(kind)]
    return any(isinstance(waveform, ArrayWaveform) for pulse in pulses for waveform in used.waveforms(pulse))


def holds_markers(used: Used) -> bool:
    """A sticky element that holds its digital levels."""
    return any(element.sticky is not None and element.sticky.digital for element in used.elements.values())


def truncates(used: Used) -> bool:
    """A play with truncate."""
    return any(node.truncate is not None for node in used.all(tree.Play))


def spans_controllers(used: Used) -> bool:
    """Elements of several controllers."""
    return len({controller for controller, _ in threads_needed(used.config, used.elements)}) > 1


def has_several_inputs(used: Used) -> bool:
    """An element with several inputs that are no pair."""
    return any(element.multipleInputs or element.singleInputCollection for element in used.elements.values())


def sweeps_on(used: Used) -> bool:
    """A chirp, and a play whose sweep goes on."""
    return bool(used.all(tree.Chirp)) and any(node.continues for node in used.all(tree.Play))


def has(*kinds: type[tree.Node]) -> Callable[[Used], bool]:
    """A statement or operator of one of these kinds."""

    def used_has(used: Used) -> bool:
        return any(used.all(kind) for kind in kinds)

    return used_has


def computes_frequencies(used: Used) -> bool:
    """A frequency in Hz that only the run knows; an int of finer units is always in range."""
    tunes = (node for node in used.all(tree.UpdateFrequency) if node.units == "Hz")
    return any(not isinstance(node.frequency, tree.Value) for node in tunes)


def turns_by_pairs(used: Used) -> bool:
    """A frame turned by the angle of a pair of numbers."""
    turns = [node.turns for node in used.all(tree.FrameRotation)]
    return any(isinstance(node, tree.Call) and node.function == "math.atan2_2pi" for node in turns)


def stamps_conditional_plays(used: Used) -> bool:
    """A play with a condition whose start is saved."""
    return any(node.condition is not None and node.timestamp_stream is not None for node in used.all(tree.Play))


def shares_oscillators(used: Used) -> bool:
    """Elements on one oscillator, of which the text says more than plays."""
    names = [element.oscillator for element in used.elements.values() if element.oscillator is not None]
    changes = (tree.FrameRotation, tree.ResetFrame, tree.ResetIfPhase, tree.UpdateFrequency, tree.UpdateCorrection)
    return len(set(names)) < len(names) and has(*changes)(used)


def resets_many(used: Used) -> bool:
    """A reset of all phases, where there are several elements."""
    return bool(used.all(tree.ResetGlobalPhase)) and len(used.elements) > 1


def lacks_correction(used: Used) -> bool:
    """An element with a mixer that has no entry for exactly the element's frequencies."""
    return any(_lacks_correction(used, name) for name in used.elements)


def _lacks_correction(used: Used, name: str) -> bool:
    element = used.elements[name]
    if element.mixInputs is None:
        return False
    mixer, lo_frequency = element.mixInputs.mixer, element.mixInputs.lo_frequency
    if element.oscillator is not None and used.config.oscillators[element.oscillator].mixer:
        shared = used.config.oscillators[element.oscillator]
        mixer, lo_frequency = shared.mixer, shared.lo_frequency
    wanted = (used.config.intermediate_frequency(name), lo_frequency)
    entries = used.config.mixers.get(mixer, ())
    return bool(mixer) and wanted not in [(entry.intermediate_frequency, entry.lo_frequency) for entry in entries]


def moves_phase(used: Used) -> bool:
    """Frequencies or frames that the program changes."""
    return bool(used.all(tree.UpdateFrequency) or used.all(tree.FrameRotation) or used.all(tree.UpdateCorrection))


# ---------------------------------------------------------------- measuring


def numerics(name: str) -> Callable[[Used], bool]:
    """Integrals that are computed with these numerics."""

    def used_numerics(used: Used) -> bool:
        return used.setting.numerics == name and bool(used.all(tree.Process))

    return used_numerics


def plant(name: Plant) -> Callable[[Used], bool]:
    """Inputs that are measured behind this plant."""

    def used_plant(used: Used) -> bool:
        return used.setting.plant == name and bool(used.measured())

    return used_plant


def noisy(used: Used) -> bool:
    """Inputs with noise that are measured."""
    return used.setting.noisy and bool(used.measured())


def lit(used: Used) -> bool:
    """Inputs to which photons come that are measured."""
    return used.setting.lit and bool(used.measured())


def demodulates(used: Used) -> bool:
    """A demodulation."""
    return any("demod" in process.kind for process in used.all(tree.Process))


def slices(used: Used) -> bool:
    """A process that writes one value a slice."""
    return any(process.chunk for process in used.all(tree.Process))


def tags(used: Used) -> bool:
    """Time tags of analog inputs."""
    return any(process.kind != "time_tagging.digital" for process in used.all(tree.Tagging))


def reads_digital_inputs(used: Used) -> bool:
    """Time tags or counts of digital inputs, or waits for pulses there."""
    if used.all(tree.Counting) or waits_at_digital_inputs(used):
        return True
    return any(process.kind == "time_tagging.digital" for process in used.all(tree.Tagging))


def waits_at_digital_inputs(used: Used) -> bool:
    """A wait for a pulse at a digital input."""
    return any(node.source is not None for node in used.all(tree.WaitForTrigger))


def waits_for_triggers(used: Used) -> bool:
    """A wait for the trigger of a controller."""
    return any(node.source is None for node in used.all(tree.WaitForTrigger))


def tags_high_res(used: Used) -> bool:
    """Time tags between samples."""
    return any(process.kind == "time_tagging.high_res" for process in used.all(tree.Tagging))


def keeps_traces(used: Used) -> bool:
    """A raw trace."""
    return any(node.stream is not None for node in used.all(tree.Measure))


def inverting(used: Used) -> bool:
    """Inputs of an OPX or OPX+."""
    return any(used.config.fem(ref).type == "OPX" for ref, _ in used.inputs())


def unheard_outputs(used: Used) -> bool:
    """Inputs that hear the elements of outputs with an offset, a delay, a filter or crosstalk."""
    if not used.measured() or used.setting.plant != "echo":
        return False
    return bool(used.all(tree.SetDcOffset)) or any(map(_shaped, used.outputs()))


def simulated_outputs(used: Used) -> bool:
    """Samples are kept of outputs with an offset, a delay, a filter or crosstalk."""
    return used.setting.simulated and (bool(used.all(tree.SetDcOffset)) or any(map(_shaped, used.outputs())))


def unwatched_outputs(used: Used) -> bool:
    """A job plays on outputs with endless filters or at 2 GS/s."""
    return not used.setting.simulated and any(map(_is_unwatched, used.outputs()))


def _is_unwatched(port: OutputPort) -> bool:
    if port.sampling_rate == 2e9:
        return True
    taps = port.filter if isinstance(port, AnalogOutput) else None
    if taps is None:
        return False
    exponential = taps.exponential or taps.exponential_dc_gain is not None
    return bool(taps.feedback or exponential) or taps.high_pass is not None


def _shaped(port: OutputPort) -> bool:
    if port.delay != 0:
        return True
    return isinstance(port, AnalogOutput) and bool(port.offset or port.filter is not None or port.crosstalk)


def different_flights(used: Used) -> bool:
    """Elements that the echo brings to one input, with different times of flight."""
    if used.setting.plant != "echo" or not used.measured():
        return False
    times: dict[object, set[int | None]] = {}
    for element in used.elements.values():
        for ref in element.output_ports.values():
            times.setdefault(ref, set()).add(element.time_of_flight)
    return any(len(found) > 1 for found in times.values())


def shares_ports(used: Used) -> bool:
    """Ports that other qms may hold too."""
    return any(port.shareable for port in used.outputs()) or any(port.shareable for _, port in used.inputs())


# ---------------------------------------------------------------- streams


def blocks_of_pairs(used: Used) -> bool:
    """A zip, and a buffer."""
    blocks = (*used.all(tree.Buffer), *used.all(tree.BufferAndSkip))
    return bool(used.all(tree.Zip)) and bool(blocks)


def convolves_full(used: Used) -> bool:
    """A convolution over all overlaps, which is also what no mode means."""
    modes = [node.mode for node in used.all(tree.Convolution)]
    return "full" in [*modes, *(node.mode for node in used.all(tree.TupleConvolution))]
