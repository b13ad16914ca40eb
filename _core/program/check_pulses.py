"""The checks of play and measure."""

from __future__ import annotations

from collections.abc import Mapping

from . import limits, tree
from .check_expressions import ExpressionChecker, Report


def check_name(name: str, at: int, what: str, report: Report) -> None:
    """Report a name that is empty or too long."""
    if not 0 < len(name) <= limits.NAME_LENGTH_MAX:
        report(at, f"the name of {what} has 1 to {limits.NAME_LENGTH_MAX} characters")


class PulseChecker:
    """Checks what plays a pulse; faults go to ``report`` (at, message)."""

    def __init__(
        self,
        declarations: Mapping[str, tree.Declaration],
        streams: Mapping[str, tree.StreamDeclaration],
        expressions: ExpressionChecker,
        report: Report,
    ) -> None:
        self._declarations = declarations
        self._streams = streams
        self._expressions = expressions
        self._report = report

    def play(self, node: tree.Play) -> None:
        """Check a play."""
        check_name(node.element, node.at, "an element", self._report)
        if node.ramp is None:
            check_name(node.operation, node.at, "a pulse", self._report)
        else:
            self._ramp(node, node.ramp)
        if node.target:
            check_name(node.target, node.at, "an input", self._report)
        if node.amplitude:
            self._amplitude(node)
        least = limits.DURATION_MIN_CYCLES
        if node.duration is not None:
            self._expressions.check_cycles(node.duration, node.at, "the duration of play", least)
        if node.truncate is not None:
            self._expressions.check_cycles(node.truncate, node.at, "the truncate of play", least)
        if node.chirp is not None:
            self._chirp(node.chirp, node.at)
        if node.condition is not None:
            self._expressions.check(node.condition, node.at, "bool", "the condition of play")
        if node.timestamp_stream is not None:
            self._timestamp_stream(node, node.timestamp_stream)

    def measure(self, node: tree.Measure) -> None:
        """Check a measure and its processes."""
        check_name(node.element, node.at, "an element", self._report)
        check_name(node.operation, node.at, "a pulse", self._report)
        if node.amplitude:
            self._amplitude(node)
        if node.stream is not None:
            stream = self._streams.get(node.stream)
            if stream is None:
                self._report(node.at, f"there is no stream {node.stream!r}")
            elif not stream.adc:
                self._report(
                    node.at, f"stream {stream.name} holds saved values; raw samples need a stream of their own"
                )
        if node.timestamp_stream is not None:
            self._timestamp_stream(node, node.timestamp_stream)
        if len(node.processes) > limits.PROCESSES_MAX:
            self._report(node.at, f"more than {limits.PROCESSES_MAX} processes in one measure (PROCESSES_MAX)")
        slices = 0
        for process in node.processes:
            if isinstance(process, tree.Tagging):
                self._tagging(process)
            elif isinstance(process, tree.Counting):
                self._counting(process)
            else:
                slices += self._process(process)
        if slices > limits.SLICES_MAX:
            self._report(node.at, f"{slices} slices in one measure; the limit is {limits.SLICES_MAX} (SLICES_MAX)")

    def _amplitude(self, node: tree.Play | tree.Measure) -> None:
        if len(node.amplitude) not in (1, 4):
            self._report(node.at, f"an amplitude has 1 or 4 values, not {len(node.amplitude)}")
        for value in node.amplitude:
            self._expressions.check(value, node.at, "fixed", "an amplitude")

    def _ramp(self, node: tree.Play, slope: tree.Expression) -> None:
        self._expressions.check(slope, node.at, "fixed", "the slope of a ramp")
        if node.operation or node.amplitude:
            self._report(node.at, "a ramp has no pulse and no amplitude")
        if node.duration is None:
            self._report(node.at, "a ramp needs a duration")

    def _chirp(self, node: tree.Chirp, at: int) -> None:
        if not 0 < len(node.rates) <= limits.CHIRP_SECTIONS_MAX:
            self._report(at, f"a chirp has 1 to {limits.CHIRP_SECTIONS_MAX} rates (CHIRP_SECTIONS_MAX)")
            return
        for rate in node.rates:
            self._expressions.check(rate, at, "int", "the rate of a chirp")
        if not node.times:
            return
        if len(node.times) != len(node.rates):
            self._report(at, f"a chirp has {len(node.rates)} rates and {len(node.times)} times")
        rising = all(a < b for a, b in zip(node.times, node.times[1:], strict=False))
        if node.times[0] != 0 or not rising or node.times[-1] > limits.INT_MAX:
            self._report(at, f"the times of a chirp start with 0 and rise, up to {limits.INT_MAX} cycles")

    def _timestamp_stream(self, node: tree.Play | tree.Measure, name: str) -> None:
        stream = self._streams.get(name)
        if stream is None:
            self._report(node.at, f"there is no stream {name!r}")
        elif stream.adc or stream.type != "int":
            holds = "raw samples" if stream.adc else f"{stream.type} values"
            self._report(node.at, f"stream {stream.name} holds {holds}; timestamps need a stream of ints")

    def _process(self, node: tree.Process) -> int:
        """Check a process; returns the number of its slices (0 for one in full)."""
        count = 2 if node.kind.startswith("dual_") else 1
        if len(node.weights) != count or len(node.outputs) != count:
            self._report(node.at, f"{node.kind} takes {count} weights and outputs")
            return 0
        for weights in node.weights:
            check_name(weights, node.at, "integration weights", self._report)
        for output in node.outputs:
            if output or count == 2:
                check_name(output, node.at, "an output", self._report)
        if node.kind.endswith(".full"):
            self._full(node)
            return 0
        return self._sliced(node)

    def _full(self, node: tree.Process) -> None:
        if node.chunk or node.window:
            self._report(node.at, f"{node.kind} has no chunk and no window")
        if isinstance(node.target, tree.Whole):
            self._report(node.at, f"{node.kind} writes one value, not the whole array {node.target.array}")
        else:
            self._expressions.check(node.target, node.at, "fixed", f"the target of {node.kind}")

    def _sliced(self, node: tree.Process) -> int:
        if not 0 < node.chunk <= limits.INT_MAX:
            self._report(node.at, f"a chunk of {node.kind} has 1 to {limits.INT_MAX} cycles, not {node.chunk}")
        if not isinstance(node.target, tree.Whole):
            self._report(node.at, f"{node.kind} writes a whole array")
            return 0
        if not self._expressions.array(node.target.array, node.target.type, node.at):
            return 0
        if node.target.type != "fixed":
            self._report(node.at, f"{node.kind} writes a fixed array, but {node.target.array} is {node.target.type}")
        size = self._declarations[node.target.array].size
        if node.kind.endswith(".moving_window"):
            if not 0 < node.window <= size:
                self._report(node.at, f"the window of {node.kind} has 1 to {size} chunks, not {node.window}")
        elif node.window:
            self._report(node.at, f"{node.kind} has no window")
        return size

    def _tagging(self, node: tree.Tagging) -> None:
        if node.output:
            check_name(node.output, node.at, "an output", self._report)
        self._max_time(node)
        self._expressions.array(node.target.array, node.target.type, node.at)
        if node.target.type != "int":
            self._report(node.at, f"{node.kind} writes an int array, but {node.target.array} is {node.target.type}")
        if node.count is not None:
            self._expressions.check(node.count, node.at, "int", f"the count of {node.kind}")

    def _counting(self, node: tree.Counting) -> None:
        most = limits.DIGITAL_OUTPUTS_MAX
        if not 0 < len(node.outputs) <= most or len(set(node.outputs)) < len(node.outputs):
            self._report(node.at, f"{node.kind} takes 1 to {most} different outputs (DIGITAL_OUTPUTS_MAX)")
        for output in node.outputs:
            if output or len(node.outputs) > 1:
                check_name(output, node.at, "an output", self._report)
        self._max_time(node)
        self._expressions.check(node.target, node.at, "int", f"the target of {node.kind}")

    def _max_time(self, node: tree.Tagging | tree.Counting) -> None:
        most = max_time_max_ns(node.kind)
        if not 0 < node.max_time <= most:
            self._report(node.at, f"max_time of {node.kind} has 1 to {most} ns, not {node.max_time}")


def max_time_max_ns(kind: tree.TaggingKind | tree.CountingKind) -> int:
    """The longest window of a kind of time tagging or counting, in ns (MAX_TIME_MAX_NS, MAX_TIME_MAX_HIGH_RES_NS)."""
    return limits.MAX_TIME_MAX_HIGH_RES_NS if kind == "time_tagging.high_res" else limits.MAX_TIME_MAX_NS
