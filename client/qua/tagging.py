"""time_tagging: when pulses come, and how many."""

from __future__ import annotations

from typing import Any, NamedTuple

from ..._core.program import tree
from ..._core.program.check_pulses import max_time_max_ns
from .builder import Builder
from .expressions import QuaExpression, described
from .later import Later, LaterLibrary
from .position import refusal
from .processes import output_name, python_count, whole_array
from .variables import target_of


class TaggingProcess(NamedTuple):
    """One process that tags, as ``time_tagging.analog`` and its like return."""

    kind: tree.TaggingKind
    target: Any
    max_time: Any
    count: Any
    output: Any

    def node(self, builder: Builder) -> tree.Tagging:
        """The tree of it, checked."""
        most = max_time_max_ns(self.kind)
        return tree.Tagging(
            at=builder.at(),
            kind=self.kind,
            output=output_name(self.output, self.kind),
            target=whole_array(builder, self.target, self.kind, "int", "a cell for each tag"),
            max_time=python_count(self.max_time, f"max_time of {self.kind}", most, "it is counted in ns"),
            count=None if self.count is None else self._counter(builder),
        )

    def _counter(self, builder: Builder) -> tree.Variable:
        what = f"targetLen of {self.kind}"
        target = target_of(builder, self.count, what)
        if not isinstance(target, tree.Variable) or target.type != "int":
            shown = described(self.count) if isinstance(self.count, QuaExpression) else repr(self.count)
            raise refusal(f"{what} must be an int variable, not {shown}", code="bad_target")
        return target


class time_tagging:
    """Times of pulses on an input, from the start of the window (measure + time_of_flight).

    A pulse is where the signal passes signalThreshold while its change from one ns to the next is beyond
    derivativeThreshold: ``timeTaggingParameters`` of the element, in ADC counts, which an OPX and OPX+ invert.
    """

    @staticmethod
    def analog(target: Any, max_time: int, targetLen: Any = None, element_output: str = "") -> TaggingProcess:
        """Tags in ns, with a dead time of 2 ns.

        ``target``: an int array; its cells get the first tags, and 0 where there are no more. ``max_time``: ns, as long
        as the pulse at least. ``targetLen``: an int variable that gets how many tags were written.
        """
        return TaggingProcess("time_tagging.analog", target, max_time, targetLen, element_output)

    @staticmethod
    def high_res(target: Any, max_time: int, targetLen: Any = None, element_output: str = "") -> TaggingProcess:
        """Like ``analog``, but tags in ps, between the samples, with a dead time of 84 ns. ``max_time`` is in ns."""
        return TaggingProcess("time_tagging.high_res", target, max_time, targetLen, element_output)

    digital = Later("time_tagging.digital")


counting = LaterLibrary("counting", "digital")
