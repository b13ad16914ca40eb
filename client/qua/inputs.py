"""What a program takes from outside while it runs: input streams, pauses, triggers."""

from __future__ import annotations

from typing import Any

from ..._core.errors import not_yet
from ..._core.program import limits, tree
from .builder import Builder, current
from .expressions import QuaExpression, described, foreign
from .later import Later, refuse_given
from .position import refusal
from .pulses import named
from .tagging import int_variable
from .variables import QuaArrayVariable, QuaVariable, initial_of

VARIABLE_PREFIX = "input_stream_"


class QuaVariableInputStream(QuaVariable):
    """A scalar that takes the items of an input stream, one at each ``advance_input_stream``."""

    __slots__ = ()


class QuaArrayInputStream(QuaArrayVariable):
    """An array that takes the items of an input stream, all its cells at each ``advance_input_stream``."""


def declare_input_stream(*args: Any, **kwargs: Any) -> Any:
    """Declare an input stream, and the variable or array that takes its items; read that as any other.

    Written as ``declare_input_stream("client", name, type)`` or, as before, ``declare_input_stream(type, name)``; with
    ``size=`` or ``value=`` as in ``declare``: until the first advance it holds that. The job is given items by
    ``job.push_to_input_stream(name, data)``.
    """
    builder = current("declare_input_stream")
    by_source = isinstance(args[0], str) if args else "source" in kwargs
    return (_declared_by_source if by_source else _declared)(builder, *args, **kwargs)


def _declared_by_source(
    builder: Builder, source: str, stream_id: Any, dtype: Any, *, value: Any = None, size: int | None = None
) -> Any:
    if source == "opnic":
        raise not_yet("declare_input_stream('opnic', ...)")
    if source != "client":
        raise refusal(
            f"there is no source {source!r} of an input stream",
            code="bad_stream",
            hint='write declare_input_stream("client", name, type)',
        )
    name = str(stream_id) if isinstance(stream_id, int) and not isinstance(stream_id, bool) else stream_id
    return _declared(builder, dtype, name, value, size)


def _declared(builder: Builder, t: Any, name: Any, value: Any = None, size: int | None = None) -> Any:
    name = named(name, "the name of an input stream")
    if len(VARIABLE_PREFIX + name) > limits.NAME_LENGTH_MAX:
        most = limits.NAME_LENGTH_MAX - len(VARIABLE_PREFIX)
        raise refusal(f"the name of an input stream has at most {most} characters", code="bad_name")
    if any(item.input == name for item in builder.declarations):
        raise refusal(f"there is already an input stream {name!r}", code="duplicate_stream")
    type, initial, array = initial_of(t, value, size)
    place = builder.declare(VARIABLE_PREFIX + name, type, len(initial) if array else 0, initial, input=name)
    if array:
        return QuaArrayInputStream(builder, place, type, len(initial))
    return QuaVariableInputStream(tree.Variable(type=type, name=place), builder)


def advance_input_stream(input_stream: Any) -> None:
    """Let the variable or array of an input stream hold the next item; who needs it waits until there is one."""
    builder = current("advance_input_stream")
    if isinstance(input_stream, Later):
        input_stream.refuse()
    if isinstance(input_stream, QuaArrayInputStream):
        name = input_stream.name
    elif isinstance(input_stream, QuaVariableInputStream):
        name = input_stream.node.name
    else:
        named_so = isinstance(input_stream, QuaExpression)
        shown = described(input_stream) if named_so else f"a {type(input_stream).__name__}"
        raise refusal(
            f"advance_input_stream takes an input stream, not {shown}",
            code="bad_stream",
            hint='declare it with declare_input_stream("client", name, type)',
        )
    if input_stream.owner is not builder:
        raise foreign(str(input_stream))
    builder.append(tree.AdvanceInput(at=builder.at(), variable=name))


def receive_from_stream(stream: Any, *, target_variable: Any = None) -> None:
    """The same as ``advance_input_stream(stream)``."""
    current("receive_from_stream")
    refuse_given("receive_from_stream", target_variable=target_variable)
    advance_input_stream(stream)


def pause() -> None:
    """Stop here, when all is measured and saved, until ``job.resume()``; outputs go on as they are."""
    builder = current("pause")
    builder.append(tree.Pause(at=builder.at()))


def wait_for_trigger(
    element: str, pulse_to_play: str | None = None, trigger_element: Any = None, time_tag_target: Any = None
) -> None:
    """Let ``element`` wait for the next edge of the trigger of its controller, or of a digital input.

    ``pulse_to_play``: an operation of it, a constant pulse that it plays until then. ``trigger_element``: an element
    with a digital output (``digitalOutputs``), which is a digital input of its controller, or (element, output) where
    it has several. ``time_tag_target``: an int variable that gets when the pulse came there, in ns from the start of
    the wait.
    """
    builder = current("wait_for_trigger")
    if time_tag_target is not None and trigger_element is None:
        raise refusal(
            "wait_for_trigger: time_tag_target needs a trigger_element; the trigger of a controller has no time tag",
            code="bad_trigger",
            hint="name an element with a digital output",
        )
    tag = None
    if time_tag_target is not None:
        tag = int_variable(builder, time_tag_target, "time_tag_target of wait_for_trigger")
    builder.append(
        tree.WaitForTrigger(
            at=builder.at(),
            element=named(element, "the element of wait_for_trigger"),
            operation="" if pulse_to_play is None else named(pulse_to_play, "the pulse of wait_for_trigger"),
            source=None if trigger_element is None else _source(trigger_element),
            tag=tag,
        )
    )


def _source(trigger_element: Any) -> tree.TriggerSource:
    """An element, or a pair (element, output)."""
    if not isinstance(trigger_element, tuple):
        return tree.TriggerSource(element=named(trigger_element, "the trigger_element of wait_for_trigger"))
    if len(trigger_element) != 2:
        raise refusal(
            f"a trigger_element is an element or (element, output), not {trigger_element!r:.60}",
            code="bad_trigger",
        )
    element, output = trigger_element
    return tree.TriggerSource(
        element=named(element, "the trigger_element of wait_for_trigger"),
        output=named(output, "the output of a trigger_element"),
    )
