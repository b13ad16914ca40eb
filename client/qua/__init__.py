"""The language: ``from quaymaster.qua import *``, then what one writes for the platform, name for name.

A program is built by running Python once; the result is data (``prog.tree``) that a broker can check and a controller
can run. Names that come later exist, and raise an error with code ``not_yet`` where they are used.
"""

from __future__ import annotations

from typing import Any

from ..._core.errors import AskedWrongly as QmQuaException
from .broadcast import broadcast
from .control import (
    case_,
    default_,
    elif_,
    else_,
    for_,
    for_each_,
    if_,
    infinite_loop_,
    port_condition,
    stream_processing,
    strict_timing_,
    switch_,
    while_,
)
from .expressions import IO1, IO2, fixed
from .inputs import advance_input_stream, declare_input_stream, pause, receive_from_stream, wait_for_trigger
from .library import Cast, Random, call_library_function, call_vectors_library_function
from .math_library import Math, Util
from .measure import (
    demod,
    dual_demod,
    dual_integration,
    integration,
    measure,
)
from .play import load_waveform, play, ramp, ramp_to_zero
from .processes import MeasureProcess as AnalogMeasureProcess
from .pulses import amp
from .scope import program
from .statements import (
    DeclarationType,
    L,
    QuaArray,
    QuaStreamDirection,
    align,
    declare_external_stream,
    declare_struct,
    declare_with_stream,
    fast_frame_rotation,
    frame_rotation,
    frame_rotation_2pi,
    qua_struct,
    receive_from_external_stream,
    reset_frame,
    reset_global_phase,
    reset_if_phase,
    reset_phase,
    send_to_external_stream,
    set_dc_offset,
    update_correction,
    update_frequency,
    wait,
)
from .streams import (
    FUNCTIONS,
    STREAM_NAME_SEPARATOR,
    StreamType,
    bins,
    declare_output_stream,
    declare_stream,
    save,
    send_to_stream,
)
from .tagging import CountingProcess as DigitalMeasureProcess
from .tagging import counting, time_tagging
from .variables import QuaVariable as Variable
from .variables import assign, declare

# Names that are used in annotations only.
AmpValuesType = ChirpType = MeasurePulseType = MessageExpressionType = MessageVarType = PlayPulseType = Any

__all__ = [
    "FUNCTIONS",
    "IO1",
    "IO2",
    "STREAM_NAME_SEPARATOR",
    "AmpValuesType",
    "AnalogMeasureProcess",
    "Cast",
    "ChirpType",
    "DeclarationType",
    "DigitalMeasureProcess",
    "L",
    "Math",
    "MeasurePulseType",
    "MessageExpressionType",
    "MessageVarType",
    "PlayPulseType",
    "QmQuaException",
    "QuaArray",
    "QuaStreamDirection",
    "Random",
    "StreamType",
    "Util",
    "Variable",
    "advance_input_stream",
    "align",
    "amp",
    "assign",
    "bins",
    "broadcast",
    "call_library_function",
    "call_vectors_library_function",
    "case_",
    "counting",
    "declare",
    "declare_external_stream",
    "declare_input_stream",
    "declare_output_stream",
    "declare_stream",
    "declare_struct",
    "declare_with_stream",
    "default_",
    "demod",
    "dual_demod",
    "dual_integration",
    "elif_",
    "else_",
    "fast_frame_rotation",
    "fixed",
    "for_",
    "for_each_",
    "frame_rotation",
    "frame_rotation_2pi",
    "if_",
    "infinite_loop_",
    "integration",
    "load_waveform",
    "measure",
    "pause",
    "play",
    "port_condition",
    "program",
    "qua_struct",
    "ramp",
    "ramp_to_zero",
    "receive_from_external_stream",
    "receive_from_stream",
    "reset_frame",
    "reset_global_phase",
    "reset_if_phase",
    "reset_phase",
    "save",
    "send_to_external_stream",
    "send_to_stream",
    "set_dc_offset",
    "stream_processing",
    "strict_timing_",
    "switch_",
    "time_tagging",
    "update_correction",
    "update_frequency",
    "wait",
    "wait_for_trigger",
    "while_",
]
