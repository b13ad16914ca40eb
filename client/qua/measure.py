"""measure and its processes."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..._core.program import limits, tree
from .builder import Builder, current
from .expressions import QuaExpression
from .later import Later, LaterLibrary, refuse_given
from .position import refusal
from .pulses import named, pulse_use
from .streams import Stream, legacy_trace
from .variables import target_of


class MeasureProcess(NamedTuple):
    """One integral of a measurement, as ``demod.full`` and its like return. Output "" is the element's only one."""

    kind: tree.ProcessKind
    weights: tuple[str, ...]
    outputs: tuple[str, ...]
    target: Any

    def node(self, builder: Builder) -> tree.Process:
        """The tree of it, checked."""
        target = target_of(builder, self.target, self.kind)
        if target.type != "fixed":
            raise refusal(f"{self.kind} writes a fixed, not a {target.type}", code="type_mismatch")
        return tree.Process(
            at=builder.at(),
            kind=self.kind,
            weights=tuple(named(weights, f"the integration weights of {self.kind}") for weights in self.weights),
            outputs=tuple(self._output(output) for output in self.outputs),
            target=target,
        )

    def _output(self, output: object) -> str:
        return "" if isinstance(output, str) and output == "" else named(output, f"the output of {self.kind}")


class demod:
    """Demodulation at the element's intermediate frequency."""

    @staticmethod
    def full(iw: str, target: Any, element_output: str = "") -> MeasureProcess:
        """One integral over the whole weights ``iw``, into the fixed ``target``."""
        return MeasureProcess("demod.full", (iw,), (element_output,), target)

    sliced = Later("demod.sliced")
    accumulated = Later("demod.accumulated")
    moving_window = Later("demod.moving_window")


class integration:
    """Integration without demodulation."""

    @staticmethod
    def full(iw: str, target: Any, element_output: str = "") -> MeasureProcess:
        """One integral over the whole weights ``iw``, into the fixed ``target``."""
        return MeasureProcess("integration.full", (iw,), (element_output,), target)

    sliced = Later("integration.sliced")
    accumulated = Later("integration.accumulated")
    moving_window = Later("integration.moving_window")


class dual_demod:
    """The sum of the demodulations of two outputs."""

    @staticmethod
    def full(*args: Any, **kwargs: Any) -> MeasureProcess:
        """``full(iw1, iw2, target)`` for the outputs out1 and out2, or ``full(iw1, output1, iw2, output2, target)``."""
        short = ("iw1", "iw2", "target")
        long = ("iw1", "element_output1", "iw2", "element_output2", "target")
        given = _arguments(args, kwargs, {3: short, 5: long}.get(len(args) + len(kwargs), long))
        return MeasureProcess(
            "dual_demod.full",
            (given["iw1"], given["iw2"]),
            (given.get("element_output1", "out1"), given.get("element_output2", "out2")),
            given["target"],
        )

    sliced = Later("dual_demod.sliced")
    accumulated = Later("dual_demod.accumulated")
    moving_window = Later("dual_demod.moving_window")


def _arguments(args: tuple[Any, ...], kwargs: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    given = dict(zip(names, args, strict=False)) | kwargs
    if len(args) > len(names) or len(given) != len(args) + len(kwargs) or set(given) != set(names):
        raise refusal(
            "dual_demod.full got wrong arguments",
            code="bad_measure",
            hint="write dual_demod.full(iw1, iw2, target) or dual_demod.full(iw1, output1, iw2, output2, target)",
        )
    return given


dual_integration = LaterLibrary("dual_integration", "full sliced accumulated moving_window")
time_tagging = LaterLibrary("time_tagging", "analog high_res digital")
counting = LaterLibrary("counting", "digital")
DigitalMeasureProcess = Later("DigitalMeasureProcess")


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

    ``outputs``: processes (``demod.full(...)``, ...) or the older tuples (weights, target), (weights, output, target).
    ``adc_stream``: a stream, or a tag, that gets the raw trace; older programs give it (or None) before the processes.
    """
    builder = current("measure")
    refuse_given("measure", timestamp_stream=timestamp_stream)
    trace, given = _raw_stream(outputs, stream, adc_stream)
    if len(given) > limits.PROCESSES_MAX:
        raise refusal(f"more than {limits.PROCESSES_MAX} processes (PROCESSES_MAX)", code="bad_measure")
    operation, amplitude = pulse_use(builder, "measure", pulse, amplitude_scale)
    name = named(element, "the element of measure")
    processes = tuple(_process(output).node(builder) for output in given)
    builder.append(
        tree.Measure(
            at=builder.at(),
            operation=operation,
            element=name,
            amplitude=amplitude,
            stream=None if trace is None else _trace_name(builder, trace),
            processes=processes,
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


def _process(output: Any) -> MeasureProcess:
    if isinstance(output, MeasureProcess):
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
