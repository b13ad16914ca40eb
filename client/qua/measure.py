"""measure and its processes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from ..._core.program import limits, tree
from .builder import Builder, current
from .expressions import QuaExpression
from .later import Later
from .position import refusal
from .processes import MeasureProcess
from .pulses import named, pulse_use
from .streams import Stream, legacy_trace, timestamp_stream_name
from .tagging import CountingProcess, TaggingProcess


class demod:
    """Demodulation at the element's intermediate frequency."""

    @staticmethod
    def full(iw: str, target: Any, element_output: str = "") -> MeasureProcess:
        """One integral over the whole weights ``iw``, into the fixed ``target``."""
        return MeasureProcess("demod.full", (iw,), (element_output,), target)

    @staticmethod
    def sliced(iw: str, target: Any, samples_per_chunk: int, element_output: str = "") -> MeasureProcess:
        """One integral over each slice of ``samples_per_chunk`` cycles of 4 ns, into the cells of a fixed array.

        The weights last as long as all the slices.
        """
        return MeasureProcess("demod.sliced", (iw,), (element_output,), target, samples_per_chunk)

    @staticmethod
    def accumulated(iw: str, target: Any, samples_per_chunk: int, element_output: str = "") -> MeasureProcess:
        """Like ``sliced``, but each cell has the sum of the slices so far."""
        return MeasureProcess("demod.accumulated", (iw,), (element_output,), target, samples_per_chunk)

    @staticmethod
    def moving_window(
        iw: str, target: Any, samples_per_chunk: int, chunks_per_window: int, element_output: str = ""
    ) -> MeasureProcess:
        """Like ``sliced``, but each cell has the sum of the last ``chunks_per_window`` slices."""
        return MeasureProcess(
            "demod.moving_window", (iw,), (element_output,), target, samples_per_chunk, chunks_per_window
        )


class integration:
    """Integration without demodulation."""

    @staticmethod
    def full(iw: str, target: Any, element_output: str = "") -> MeasureProcess:
        """One integral over the whole weights ``iw``, into the fixed ``target``."""
        return MeasureProcess("integration.full", (iw,), (element_output,), target)

    @staticmethod
    def sliced(iw: str, target: Any, samples_per_chunk: int, element_output: str = "") -> MeasureProcess:
        """One integral over each slice of ``samples_per_chunk`` cycles of 4 ns, into the cells of a fixed array.

        The weights last as long as all the slices.
        """
        return MeasureProcess("integration.sliced", (iw,), (element_output,), target, samples_per_chunk)

    @staticmethod
    def accumulated(iw: str, target: Any, samples_per_chunk: int, element_output: str = "") -> MeasureProcess:
        """Like ``sliced``, but each cell has the sum of the slices so far."""
        return MeasureProcess("integration.accumulated", (iw,), (element_output,), target, samples_per_chunk)

    @staticmethod
    def moving_window(
        iw: str, target: Any, samples_per_chunk: int, chunks_per_window: int, element_output: str = ""
    ) -> MeasureProcess:
        """Like ``sliced``, but each cell has the sum of the last ``chunks_per_window`` slices."""
        return MeasureProcess(
            "integration.moving_window", (iw,), (element_output,), target, samples_per_chunk, chunks_per_window
        )


def _no_dual(library: str, name: str) -> Callable[..., NoReturn]:
    """A process that the platform lists as unsupported."""

    def refuse(*_args: object, **_kwargs: object) -> NoReturn:
        single = library.removeprefix("dual_")
        raise refusal(
            f"{library}.{name} is not supported by the platform",
            code="no_such_process",
            hint=f"use {single}.{name} for each output, into an array of its own, and add the cells",
        )

    return refuse


class dual_demod:
    """The sum of the demodulations of two outputs."""

    @staticmethod
    def full(*args: Any, **kwargs: Any) -> MeasureProcess:
        """``full(iw1, iw2, target)`` for the outputs out1 and out2, or ``full(iw1, output1, iw2, output2, target)``."""
        return _dual("dual_demod.full", args, kwargs)

    sliced = staticmethod(_no_dual("dual_demod", "sliced"))
    accumulated = staticmethod(_no_dual("dual_demod", "accumulated"))
    moving_window = staticmethod(_no_dual("dual_demod", "moving_window"))


def _dual(kind: tree.ProcessKind, args: tuple[Any, ...], kwargs: dict[str, Any]) -> MeasureProcess:
    """A process of two outputs, given in the short or in the long form."""
    short = ("iw1", "iw2", "target")
    long = ("iw1", "element_output1", "iw2", "element_output2", "target")
    names = {3: short, 5: long}.get(len(args) + len(kwargs), long)
    given = dict(zip(names, args, strict=False)) | kwargs
    if len(args) > len(names) or len(given) != len(args) + len(kwargs) or set(given) != set(names):
        raise refusal(
            f"{kind} got wrong arguments",
            code="bad_measure",
            hint=f"write {kind}(iw1, iw2, target) or {kind}(iw1, output1, iw2, output2, target)",
        )
    weights = given["iw1"], given["iw2"]
    outputs = given.get("element_output1", "out1"), given.get("element_output2", "out2")
    return MeasureProcess(kind, weights, outputs, given["target"])


class dual_integration:
    """The sum of the integrations of two outputs."""

    @staticmethod
    def full(*args: Any, **kwargs: Any) -> MeasureProcess:
        """``full(iw1, iw2, target)`` for the outputs out1 and out2, or ``full(iw1, output1, iw2, output2, target)``."""
        return _dual("dual_integration.full", args, kwargs)

    sliced = staticmethod(_no_dual("dual_integration", "sliced"))
    accumulated = staticmethod(_no_dual("dual_integration", "accumulated"))
    moving_window = staticmethod(_no_dual("dual_integration", "moving_window"))


def measure(
    pulse: Any,
    element: str,
    *outputs: Any,
    stream: Any = None,
    timestamp_stream: Any = None,
    adc_stream: Any = None,
    amplitude_scale: Any = None,
) -> None:
    """Play a measurement pulse on ``element`` and acquire what comes back.

    ``outputs``: processes (``demod.full(...)``, ``time_tagging.analog(...)``, ...) or the older tuples
    (weights, target), (weights, output, target).
    ``adc_stream``: a stream, or a tag, that gets the raw trace; older programs give it (or None) before the processes.
    ``timestamp_stream``: a stream, or a tag, that gets the start in cycles of 4 ns.
    """
    builder = current("measure")
    if builder.port_condition is not None:
        raise refusal("a measure cannot stand in port_condition", code="misplaced", hint="measure behind the block")
    trace, given = _raw_stream(outputs, stream, adc_stream)
    if len(given) > limits.PROCESSES_MAX:
        raise refusal(f"more than {limits.PROCESSES_MAX} processes (PROCESSES_MAX)", code="bad_measure")
    operation, amplitude = pulse_use(builder, "measure", pulse, amplitude_scale)
    name = named(element, "the element of measure")
    processes = tuple(_process(output).node(builder) for output in given)
    integrals = [process for process in map(_process, given) if isinstance(process, MeasureProcess)]
    slices = sum(len(process.target) for process in integrals if process.sliced)
    if slices > limits.SLICES_MAX:
        raise refusal(f"{slices} slices in one measure, more than {limits.SLICES_MAX} (SLICES_MAX)", code="bad_measure")
    builder.append(
        tree.Measure(
            at=builder.at(),
            operation=operation,
            element=name,
            amplitude=amplitude,
            stream=None if trace is None else _trace_name(builder, trace),
            processes=processes,
            timestamp_stream=timestamp_stream_name(builder, timestamp_stream, "measure"),
        )
    )


def _raw_stream(outputs: tuple[Any, ...], stream: Any, adc_stream: Any) -> tuple[Any, tuple[Any, ...]]:
    """The raw stream and the processes, wherever the stream was given."""
    places = [place for place in (stream, adc_stream) if place is not None]
    if outputs and (outputs[0] is None or isinstance(outputs[0], (str, Stream))):
        places += [outputs[0]] if outputs[0] is not None else []
        outputs = outputs[1:]
    if len(places) > 1:
        raise refusal("measure got two raw streams", code="bad_measure", hint="give adc_stream only")
    return (places[0] if places else None), outputs


def _process(output: Any) -> MeasureProcess | TaggingProcess | CountingProcess:
    if isinstance(output, (MeasureProcess, TaggingProcess, CountingProcess)):
        return output
    if isinstance(output, Later):
        output.refuse()
    if isinstance(output, tuple) and len(output) == 2:
        return demod.full(output[0], output[1])
    if isinstance(output, tuple) and len(output) == 3:
        return demod.full(output[0], output[2], output[1])
    shown = str(output) if isinstance(output, QuaExpression) else f"a {type(output).__name__}"
    raise refusal(
        f"{shown} is not a process of measure",
        code="bad_measure",
        hint="write demod.full(weights, target), or the tuple (weights, target) or (weights, output, target)",
    )


def _trace_name(builder: Builder, trace: Any) -> str:
    if isinstance(trace, str):
        return legacy_trace(builder, named(trace, "the tag of measure"))
    if isinstance(trace, Later):
        trace.refuse()
    if not isinstance(trace, Stream):
        raise refusal(f"adc_stream must be a stream, not a {type(trace).__name__}", code="bad_measure")
    return trace.used_for_samples(builder)
