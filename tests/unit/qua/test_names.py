"""All public names of the language exist; those that come later say so."""

from __future__ import annotations

from typing import Any

import pytest

import quaymaster.qua as q
from quaymaster._core.errors import AskedWrongly

# The names that ``from qm.qua import *`` gives (SDK 1.4.1), and dual_integration, which only the wire format knows.
PLATFORM = [
    "L",
    "if_",
    "amp",
    "IO1",
    "IO2",
    "Math",
    "Cast",
    "Util",
    "play",
    "wait",
    "save",
    "for_",
    "ramp",
    "bins",
    "fixed",
    "pause",
    "align",
    "case_",
    "else_",
    "elif_",
    "demod",
    "Random",
    "assign",
    "while_",
    "program",
    "measure",
    "switch_",
    "declare",
    "default_",
    "counting",
    "Variable",
    "broadcast",
    "ChirpType",
    "for_each_",
    "FUNCTIONS",
    "StreamType",
    "dual_demod",
    "reset_frame",
    "reset_phase",
    "integration",
    "ramp_to_zero",
    "time_tagging",
    "load_waveform",
    "AmpValuesType",
    "PlayPulseType",
    "set_dc_offset",
    "reset_if_phase",
    "MessageVarType",
    "frame_rotation",
    "QmQuaException",
    "infinite_loop_",
    "port_condition",
    "declare_stream",
    "strict_timing_",
    "DeclarationType",
    "MeasurePulseType",
    "update_frequency",
    "wait_for_trigger",
    "update_correction",
    "stream_processing",
    "frame_rotation_2pi",
    "reset_global_phase",
    "fast_frame_rotation",
    "AnalogMeasureProcess",
    "advance_input_stream",
    "declare_output_stream",
    "MessageExpressionType",
    "DigitalMeasureProcess",
    "call_library_function",
    "call_vectors_library_function",
    "qua_struct",
    "QuaArray",
    "declare_struct",
    "declare_external_stream",
    "QuaStreamDirection",
    "receive_from_external_stream",
    "send_to_external_stream",
    "declare_with_stream",
    "declare_input_stream",
    "receive_from_stream",
    "send_to_stream",
    "STREAM_NAME_SEPARATOR",
    "dual_integration",
]

MATH = [
    "log",
    "pow",
    "div",
    "exp",
    "pow2",
    "ln",
    "log2",
    "log10",
    "sqrt",
    "inv_sqrt",
    "inv",
    "MSB",
    "msb",
    "elu",
    "aelu",
    "selu",
    "relu",
    "plrelu",
    "lrelu",
    "sin2pi",
    "cos2pi",
    "atan_2pi",
    "atan2_2pi",
    "abs",
    "sin",
    "cos",
    "atan",
    "atan2",
    "sum",
    "max",
    "min",
    "argmax",
    "argmin",
    "dot",
]


def test_every_name_of_the_platform_is_there() -> None:
    """``from quaymaster.qua import *`` gives each name, and nothing else."""
    assert sorted(q.__all__) == sorted(PLATFORM)
    assert [name for name in PLATFORM if not hasattr(q, name)] == []


def test_the_star_import_works() -> None:
    """A program as users begin it."""
    scope: dict[str, Any] = {}
    exec(
        "from quaymaster.qua import *\n"
        "with program() as prog:\n"
        "    a = declare(fixed, value=0.5)\n"
        "    play('x' * amp(a), 'q')\n",
        scope,
    )
    assert len(scope["prog"].tree.body) == 1


def test_the_exception_name_of_the_platform_catches_ours() -> None:
    """``except QmQuaException`` works."""
    with pytest.raises(q.QmQuaException):
        q.align()


LATER: list[tuple[str, Any]] = [
    ("receive_from_stream(target_variable=...)", lambda x, st: q.receive_from_stream(1, target_variable=x)),
    ("declare_input_stream('opnic', ...)", lambda x, st: q.declare_input_stream("opnic", 1, int)),
    ("declare_struct", lambda x, st: q.declare_struct(int)),
    ("qua_struct", lambda x, st: q.qua_struct(int)),
    ("QuaArray", lambda x, st: q.QuaArray[int, 3]),
    ("declare_external_stream", lambda x, st: q.declare_external_stream(int, 1, 0)),
    ("receive_from_external_stream", lambda x, st: q.receive_from_external_stream(1, 2)),
    ("send_to_external_stream", lambda x, st: q.send_to_external_stream(1, 2)),
    ("QuaStreamDirection", lambda x, st: q.QuaStreamDirection("a")),
    ("declare_with_stream", lambda x, st: q.declare_with_stream(int, "a")),
    ("DeclarationType", lambda x, st: q.DeclarationType(0)),
    ("STREAM_NAME_SEPARATOR", lambda x, st: q.STREAM_NAME_SEPARATOR + "a"),
    ("call_library_function", lambda x, st: q.call_library_function(1, int)),
    ("call_vectors_library_function", lambda x, st: q.call_vectors_library_function(1, int)),
    ("L", lambda x, st: q.L(3)),
    ("declare_output_stream(target='opnic')", lambda x, st: q.declare_output_stream(target="opnic")),
]  # fmt: skip


@pytest.mark.parametrize(("name", "use"), LATER, ids=[f"{index}-{item[0]}" for index, item in enumerate(LATER)])
def test_names_that_come_later_say_so(name: str, use: Any) -> None:
    """Using it raises not_yet with its name, at that line, and changes nothing in the program."""
    with q.program() as prog:
        x, st = q.declare(q.fixed), q.declare_stream()
        with pytest.raises(AskedWrongly) as caught:
            use(x, st)
    assert caught.value.code == "not_yet"
    assert caught.value.message == f"{name} is not supported yet"
    assert prog.tree.body == ()


def test_unknown_names_are_attribute_errors() -> None:
    """Math.sine is a misspelling, not a thing that comes later."""
    with pytest.raises(AttributeError, match="'Math' has no attribute 'sine'"):
        _ = q.Math.sine
    with pytest.raises(AttributeError, match="'counting' has no attribute 'analog'"):
        _ = q.counting.analog


def test_every_function_of_math_is_there() -> None:
    """Under its names on the platform, old ones too, and nothing else."""
    assert sorted(name for name in vars(q.Math) if not name.startswith("_")) == sorted(MATH)


def test_names_that_come_later_can_be_looked_at() -> None:
    """repr says what they are; nothing else is refused by importing them."""
    assert repr(q.L) == "<L: comes with a later version>"
