"""time_tagging and counting: when pulses come, and how many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..._core.program import limits, tree
from ..._core.program.check_pulses import max_time_max_ns
from .builder import Builder
from .expressions import QuaExpression, described
from .position import refusal
from .processes import output_name, python_count, whole_array
from .pulses import named
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
            count=None if self.count is None else int_variable(builder, self.count, f"targetLen of {self.kind}"),
        )


class CountingProcess(NamedTuple):
    """One process that counts, as ``counting.digital`` returns."""

    kind: tree.CountingKind
    target: Any
    max_time: Any
    outputs: Any

    def node(self, builder: Builder) -> tree.Counting:
        """The tree of it, checked."""
        most = max_time_max_ns(self.kind)
        return tree.Counting(
            at=builder.at(),
            kind=self.kind,
            outputs=self._outputs(),
            max_time=python_count(self.max_time, f"max_time of {self.kind}", most, "it is counted in ns"),
            target=int_variable(builder, self.target, f"the target of {self.kind}"),
        )

    def _outputs(self) -> tuple[str, ...]:
        if isinstance(self.outputs, str):
            return (output_name(self.outputs, self.kind),)
        if not isinstance(self.outputs, Sequence) or not self.outputs:
            raise refusal(
                f"element_outputs of {self.kind} must be the name of an output or a list of names, "
                f"not {self.outputs!r:.60}",
                code="bad_measure",
            )
        names = tuple(named(output, f"an output of {self.kind}") for output in self.outputs)
        if len(names) > limits.DIGITAL_OUTPUTS_MAX or len(set(names)) < len(names):
            most = f"{limits.DIGITAL_OUTPUTS_MAX} (DIGITAL_OUTPUTS_MAX)"
            raise refusal(f"{self.kind} counts at most {most} outputs, each once", code="bad_measure")
        return names


def int_variable(builder: Builder, given: Any, what: str) -> tree.Variable:
    """An int variable that gets a number; ``what`` it is, for the error."""
    target = target_of(builder, given, what)
    if not isinstance(target, tree.Variable) or target.type != "int":
        shown = described(given) if isinstance(given, QuaExpression) else repr(given)
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

    @staticmethod
    def digital(target: Any, max_time: int, targetLen: Any = None, element_output: str = "") -> TaggingProcess:
        """Tags in ns of the pulses at a digital input: one of the element's ``digitalOutputs``.

        ``polarity`` of the input says which edge of a pulse counts, ``deadtime`` how long after it no other does.
        """
        return TaggingProcess("time_tagging.digital", target, max_time, targetLen, element_output)


class counting:
    """Numbers of pulses at digital inputs, which an element has as its ``digitalOutputs``."""

    @staticmethod
    def digital(target: Any, max_time: int, element_outputs: str | Sequence[str] = "") -> CountingProcess:
        """How many pulses come in ``max_time`` ns from the start of the window, into the int variable ``target``.

        ``element_outputs``: one of the element's digital outputs, or several, which are counted together; "" is its
        only one.
        """
        return CountingProcess("counting.digital", target, max_time, element_outputs)
