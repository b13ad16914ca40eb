"""The program tree: what a client sends, and all that compiler and engines read.

A program is plain data (msgspec records, MessagePack on the wire). Literals are already raw machine numbers: an int
is its 32-bit value, a fixed its 4.28 raw integer, a bool 0 or 1. Every node that can be blamed carries ``at``, an
index into ``Program.sources`` (file, line); -1 where there is none. Expressions carry their type.

Names of variables are unique in a program; ``v1, v2`` for scalars, ``a1`` for arrays, ``r1`` for streams, as users
see them, and ``h1`` for scalars that they do not see.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

from .node import Node as Node

# What begins with "as" below is part of this module: readers write tree.Buffer.
from .stream_nodes import Arithmetic as Arithmetic
from .stream_nodes import ArithmeticOperator as ArithmeticOperator
from .stream_nodes import AutoReshape as AutoReshape
from .stream_nodes import Average as Average
from .stream_nodes import BooleanToInt as BooleanToInt
from .stream_nodes import Buffer as Buffer
from .stream_nodes import BufferAndSkip as BufferAndSkip
from .stream_nodes import ComplexPart as ComplexPart
from .stream_nodes import Constant as Constant
from .stream_nodes import Convolution as Convolution
from .stream_nodes import ConvolutionMode as ConvolutionMode
from .stream_nodes import Demod as Demod
from .stream_nodes import DotProduct as DotProduct
from .stream_nodes import Fft as Fft
from .stream_nodes import FftOutput as FftOutput
from .stream_nodes import Flatten as Flatten
from .stream_nodes import Histogram as Histogram
from .stream_nodes import Map as Map
from .stream_nodes import Skip as Skip
from .stream_nodes import SkipLast as SkipLast
from .stream_nodes import Source as Source
from .stream_nodes import StreamNode as StreamNode
from .stream_nodes import Take as Take
from .stream_nodes import Timestamps as Timestamps
from .stream_nodes import TupleConvolution as TupleConvolution
from .stream_nodes import TupleDotProduct as TupleDotProduct
from .stream_nodes import TupleMultiply as TupleMultiply
from .stream_nodes import Zip as Zip

VarType: TypeAlias = Literal["int", "fixed", "bool"]
BinaryOperator: TypeAlias = Literal["+", "-", "*", "/", "&", "|", "^", "<<", ">>", "<", "<=", ">", ">=", "=="]
Function: TypeAlias = Literal[
    "cast.to_int",
    "cast.to_fixed",
    "cast.to_bool",
    "cast.unsafe_cast_int",
    "cast.unsafe_cast_fixed",
    "cast.unsafe_cast_bool",
    "cast.mul_fixed_by_int",
    "cast.mul_int_by_fixed",
    "random.rand_int",
    "random.rand_fixed",
    "math.abs",
    "math.relu",
    "math.sum",
    "math.max",
    "math.min",
    "math.argmax",
    "math.argmin",
    "math.dot",
    "math.sin2pi",
    "math.cos2pi",
    "math.sin",
    "math.cos",
    "math.exp",
    "math.pow2",
    "math.ln",
    "math.log2",
    "math.log10",
    "math.log",
    "math.pow",
    "math.sqrt",
    "math.inv_sqrt",
    "math.inv",
    "math.atan",
    "math.atan2",
    "math.atan_2pi",
    "math.atan2_2pi",
    "math.msb",
    "math.lrelu",
    "math.plrelu",
    "math.elu",
    "math.aelu",
    "math.selu",
    "util.cond",
]
FrequencyUnits: TypeAlias = Literal["Hz", "mHz", "uHz", "nHz", "pHz"]
ProcessKind: TypeAlias = Literal[
    "demod.full",
    "dual_demod.full",
    "integration.full",
    "dual_integration.full",
    "demod.sliced",
    "demod.accumulated",
    "demod.moving_window",
    "integration.sliced",
    "integration.accumulated",
    "integration.moving_window",
]
TaggingKind: TypeAlias = Literal["time_tagging.analog", "time_tagging.high_res", "time_tagging.digital"]
CountingKind: TypeAlias = Literal["counting.digital"]


# ---------------------------------------------------------------- expressions


class Value(Node, frozen=True):
    """A literal: ``raw`` in the machine format of ``type`` (int32, 4.28 raw, 0/1)."""

    type: VarType
    raw: int


class Variable(Node, frozen=True):
    """The value of a scalar variable."""

    type: VarType
    name: str


class Cell(Node, frozen=True):
    """One cell of an array; reading outside gives 0, writing outside does nothing (both are reported)."""

    type: VarType
    array: str
    index: Expression


class Whole(Node, frozen=True):
    """All cells of an array of ``type``.

    Stands only as an argument of math.sum, max, min, argmax, argmin and dot, and as the target of a process that
    writes slices or time tags; nowhere else.
    """

    type: VarType
    array: str


class Binary(Node, frozen=True):
    """``left operator right``. Both sides have one type, except that shifts take an int on the right; comparisons
    give bool.

    ``/`` of two ints has type int (floor), or type fixed: then it is their quotient in 4.28. Unary minus arrives as
    ``0 - x``, ``~x`` as ``x ^ 1`` (in the type of x).
    """

    type: VarType
    operator: BinaryOperator
    left: Expression
    right: Expression


class Call(Node, frozen=True):
    """A library function (docs/arithmetic.md, sections 1 and 11). Arguments are evaluated left to right.

    ``random.*`` take the seed variable first, advance it, and return a number drawn from it.
    ``random.rand_int(seed, n)``: int in [0, n); ``random.rand_fixed(seed)``: [0, 1).

    ``math.*`` by arguments and result: abs, relu: one int or fixed, its type. sum, max, min: a ``Whole`` of int or
    fixed, its type; argmax, argmin: the same, int. dot: two of one length, of bools too: fixed where one is, else int.
    msb: int or fixed, int. log(x, base), pow(base, x), atan2(y, x), atan2_2pi(y, x), plrelu(x, a): two fixed, fixed.
    All others: one fixed, fixed.

    ``util.cond(condition, a, b)``: a bool and two of one type, that type; all three are evaluated.
    """

    type: VarType
    function: Function
    arguments: tuple[Expression, ...]


class Io(Node, frozen=True):
    """IO register 1 or 2, its 32 bits read as ``type`` (a bool: whether any is set), or, as a target, written as it.

    Every read looks whether something was set from outside (docs/arithmetic.md, section 15).
    """

    type: VarType
    number: Literal[1, 2]


Expression: TypeAlias = Value | Variable | Cell | Whole | Binary | Call | Io
Target: TypeAlias = Variable | Cell

# ---------------------------------------------------------------- statements


class Assign(Node, frozen=True):
    """``target = value``. The types agree, except that a bool target takes any value (non-zero is true)."""

    at: int
    target: Target | Io
    value: Expression


class Save(Node, frozen=True):
    """Append the value of a variable, a cell or a literal to a stream."""

    at: int
    source: Value | Variable | Cell
    stream: str


class Chirp(Node, frozen=True):
    """A sweep of the frequency during a play (docs/arithmetic.md, section 13).

    ``rates``: ints, in ``units`` per ns, one for each section. ``times``: the starts of the sections in cycles from
    the start of the pulse, the first 0, each after the one before; () for one rate, or for sections of equal length.
    """

    rates: tuple[Expression, ...]
    times: tuple[int, ...] = ()
    units: FrequencyUnits = "Hz"


class Play(Node, frozen=True):
    """Play the pulse that ``operation`` names on ``element``, or a ramp (``operation`` is "" then, without amplitude).

    Operands are evaluated in the order of the fields (section 13 of docs/arithmetic.md has their effects):
    ``amplitude``: none, one or four fixed expressions (v00, v01, v10, v11).
    ``ramp``: the slope of a ramp in V/ns, a fixed; it needs a duration.
    ``duration``: int, cycles of 4 ns, or None.
    ``truncate``: int, cycles; after any stretch only that much of the pulse is played, and time passes for no more.
    ``chirp``: its rates, from the first on.
    ``condition``: bool; where it is false nothing is played, but time passes as if.
    ``timestamp_stream``: an int stream that gets the start, in cycles, or None.
    ``continues``: its chirp, or the one that goes on meanwhile, goes on after it.
    ``target``: the input of the element that it plays on, of an element that has several of which one plays at a time.
    ``of_port``: the condition is that of a port (``port_condition``), which MW-FEMs alone have.
    """

    at: int
    operation: str
    element: str
    amplitude: tuple[Expression, ...] = ()
    ramp: Expression | None = None
    duration: Expression | None = None
    truncate: Expression | None = None
    chirp: Chirp | None = None
    condition: Expression | None = None
    timestamp_stream: str | None = None
    continues: bool = False
    target: str = ""
    of_port: bool = False


class Process(Node, frozen=True):
    """Integrals of a measurement, written to a fixed ``target`` when their windows have ended.

    ``weights``: aliases of the pulse's integration weights, one for each entry of ``outputs`` (names of the element's
    outputs; "" is the element's only output, which the compiler fills in). The dual kinds have two of each, all named.

    The kinds that end in full write one integral over the whole weights to a variable or a cell. The others (section
    12 of docs/arithmetic.md) write one value for each slice of ``chunk`` cycles to the cells of a ``Whole``: sliced
    the integral of the slice, accumulated the sum of the slices so far, moving_window that of the last ``window``
    slices. ``chunk`` and ``window`` are 0 where the kind has none.
    """

    at: int
    kind: ProcessKind
    weights: tuple[str, ...]
    outputs: tuple[str, ...]
    target: Target | Whole
    chunk: int = 0
    window: int = 0


class Tagging(Node, frozen=True):
    """Times of pulses on ``output`` ("": the element's only one) in a window of ``max_time`` ns (section 18 of
    docs/arithmetic.md): ns, or ps with high_res. ``output`` of digital is one of the element's digital outputs, which
    are digital inputs of its controller (section 20).

    ``target``: an int array that gets them; ``count``: an int variable that gets how many, or None.
    """

    at: int
    kind: TaggingKind
    output: str
    target: Whole
    max_time: int
    count: Variable | None = None


class Counting(Node, frozen=True):
    """How many pulses come at digital ``outputs`` of the element in a window of ``max_time`` ns, all together (section
    20 of docs/arithmetic.md). An output "" is the element's only one.

    ``target``: an int variable that gets their number.
    """

    at: int
    kind: CountingKind
    outputs: tuple[str, ...]
    max_time: int
    target: Variable


class Measure(Node, frozen=True):
    """Play a measurement pulse and acquire.

    ``stream``: where the raw trace goes, or None. ``timestamp_stream``: an int stream that gets the start, in cycles,
    or None.
    """

    at: int
    operation: str
    element: str
    amplitude: tuple[Expression, ...] = ()
    stream: str | None = None
    processes: tuple[Process | Tagging | Counting, ...] = ()
    timestamp_stream: str | None = None


class RampToZero(Node, frozen=True):
    """Bring what a sticky element holds down to 0 in ``duration`` cycles (None: the duration of its config)."""

    at: int
    element: str
    duration: int | None = None


class AdvanceInput(Node, frozen=True):
    """Take the next item of the input stream that the variable or array ``variable`` belongs to; it waits for one."""

    at: int
    variable: str


class Pause(Node, frozen=True):
    """Every element of the program stops here, when all is measured and saved, until the job is resumed."""

    at: int


class TriggerSource(Node, frozen=True):
    """A digital output of an element, which is a digital input of its controller; "" is its only one."""

    element: str
    output: str = ""


class WaitForTrigger(Node, frozen=True):
    """``element`` goes on behind the next edge of a trigger. ``operation``: a constant pulse that it plays until then,
    or "".

    ``source``: the digital input at which the edge comes; None: the trigger of the controller.
    ``tag``: an int variable that gets when the edge came, in ns from the start of the wait; it needs a source.
    """

    at: int
    element: str
    operation: str = ""
    source: TriggerSource | None = None
    tag: Variable | None = None


class Wait(Node, frozen=True):
    """Pass ``duration`` cycles of 4 ns on each of ``elements`` (none named: every element of the program)."""

    at: int
    duration: Expression
    elements: tuple[str, ...] = ()


class Align(Node, frozen=True):
    """All of ``elements`` go on together (none named: every element of the program)."""

    at: int
    elements: tuple[str, ...] = ()


class FrameRotation(Node, frozen=True):
    """Turn the element's frame by ``turns`` (fixed, in 2 pi)."""

    at: int
    element: str
    turns: Expression


class ResetFrame(Node, frozen=True):
    """Set the element's frame to 0."""

    at: int
    element: str


class ResetIfPhase(Node, frozen=True):
    """Restart the element's oscillator phase at its next play, measure or align."""

    at: int
    element: str


class UpdateFrequency(Node, frozen=True):
    """Set the element's intermediate frequency to an int, in ``units``."""

    at: int
    element: str
    frequency: Expression
    units: FrequencyUnits = "Hz"
    keep_phase: bool = False


class UpdateCorrection(Node, frozen=True):
    """Give the pulses of the element that follow another mixer correction: fixeds c00, c01, c10, c11."""

    at: int
    element: str
    correction: tuple[Expression, Expression, Expression, Expression]


class ResetGlobalPhase(Node, frozen=True):
    """Restart the oscillator phases of all elements of the program, each at its own clock."""

    at: int


class SetDcOffset(Node, frozen=True):
    """Set the offset of the port of an input of the element (single, I or Q) to a fixed, in V."""

    at: int
    element: str
    input: str
    offset: Expression


class LoadWaveform(Node, frozen=True):
    """Choose the waveform of an array, by its number, that ``operation`` plays on the element from here on."""

    at: int
    operation: str
    index: Expression
    element: str


class StrictTiming(Node, frozen=True):
    """The body must have no gaps."""

    at: int
    body: tuple[Statement, ...]


class Branch(Node, frozen=True):
    """One ``if_`` or ``elif_`` of an If."""

    at: int
    condition: Expression
    body: tuple[Statement, ...]


class If(Node, frozen=True):
    """The first branch whose condition holds, else ``otherwise``. ``switch_`` arrives in this form too."""

    at: int
    branches: tuple[Branch, ...]
    otherwise: tuple[Statement, ...] = ()


class For(Node, frozen=True):
    """``start; while condition: body; step``. ``start`` and ``step`` are None for ``while_``; ``condition`` is None
    too for ``infinite_loop_``."""

    at: int
    body: tuple[Statement, ...]
    start: Assign | None = None
    condition: Expression | None = None
    step: Assign | None = None


class ForEach(Node, frozen=True):
    """Variables walk over arrays of one length in lockstep."""

    at: int
    variables: tuple[Variable, ...]
    arrays: tuple[str, ...]
    body: tuple[Statement, ...]


Statement: TypeAlias = (
    Assign
    | Save
    | Play
    | Measure
    | Wait
    | Align
    | FrameRotation
    | ResetFrame
    | ResetIfPhase
    | UpdateFrequency
    | UpdateCorrection
    | ResetGlobalPhase
    | SetDcOffset
    | LoadWaveform
    | RampToZero
    | AdvanceInput
    | Pause
    | WaitForTrigger
    | StrictTiming
    | If
    | For
    | ForEach
)

# ---------------------------------------------------------------- declarations


class Declaration(Node, frozen=True):
    """A variable. ``size`` 0 is a scalar; ``initial`` has max(size, 1) raw values. ``input``: the input stream whose
    items it takes, or "".
    """

    at: int
    name: str
    type: VarType
    size: int
    initial: tuple[int, ...]
    input: str = ""


class StreamDeclaration(Node, frozen=True):
    """A stream. ``adc`` where a measure writes raw traces to it; ``trace``: items are whole traces, else single
    samples.
    """

    at: int
    name: str
    adc: bool = False
    trace: bool = False
    type: VarType = "int"


class Result(Node, frozen=True):
    """``save(tag)`` keeps the last item of node ``of``, ``save_all(tag)`` all of them."""

    at: int
    tag: str
    of: int
    all: bool


class Program(Node, frozen=True):
    """A whole program. ``nodes`` name only earlier nodes as their inputs."""

    declarations: tuple[Declaration, ...]
    streams: tuple[StreamDeclaration, ...]
    body: tuple[Statement, ...]
    nodes: tuple[StreamNode, ...]
    results: tuple[Result, ...]
    sources: tuple[tuple[str, int], ...]
