"""The numbers that compiler and machine share: instructions, columns of the tables, events, limits.

``machine.h`` has the same in C; a test compares them through ``machine.opcodes()``.

An instruction has five int32 operands a … e. Slots are indices into the memory of int32 cells. ``mask`` says which
strands execute it: bit t is thread t, bit SAVER_BIT the saver.

Columns are plain numbers in a class: the compiler reads several for each row, and a member of an enum costs four times
as much.
"""

from __future__ import annotations

from enum import IntEnum

SAVER_BIT = 63
THREADS_MAX = 63
SAVER = 1 << SAVER_BIT


class Op(IntEnum):
    """What an instruction does. ``[x]`` is the cell of slot x."""

    END = 0
    MOVE = 1  # [a] = [b]
    TRUTH = 2  # [a] = [b] != 0
    ADD = 3  # [a] = [b] + [c], and so on
    SUB = 4
    MUL = 5
    MUL_FIXED = 6
    DIV = 7
    DIV_FIXED = 8
    AND = 9
    OR = 10
    XOR = 11
    SHL = 12
    SHR = 13
    LT = 14
    LE = 15
    GT = 16
    GE = 17
    EQ = 18
    TO_INT = 19  # [a] = [b] >> 28
    TO_FIXED = 20  # [a] = [b] << 28
    LOW_BIT = 21  # [a] = [b] & 1
    RAND_FIXED = 22  # [a] from seed [b]
    RAND_INT = 23  # [a] below [c] from seed [b]
    LOAD = 24  # [a] = array at b of c cells, index [d]
    STORE = 25  # array at a of b cells, index [c] = [d]
    JUMP = 26  # to a
    JUMP_FALSE = 27  # to a if not [b]
    JUMP_NOT_LT = 28  # to a if not [b] < [c], and so on
    JUMP_NOT_LE = 29
    JUMP_NOT_GT = 30
    JUMP_NOT_GE = 31
    JUMP_NOT_EQ = 32
    AWAIT = 33  # the value of slot a is read; strict block b or -1
    AWAIT_CELL = 34  # array at a of b cells, index [c]; strict block d or -1
    UNBIND = 35  # slot a is assigned: no longer pending
    UNBIND_CELL = 36  # array at a of b cells, index [c]
    PLAY = 37  # play a
    MEASURE = 38  # measure a
    HEAR = 39  # process a writes its target
    WAIT = 40  # [a] cycles
    WAIT_NS = 41  # a ns, literal (below 2**31)
    ALIGN = 42  # align a; b 1: and all windows so far end
    ROTATE = 43  # element a by [b]
    RESET_FRAME = 44  # element a
    RESET_PHASE = 45  # element a
    FREQUENCY = 46  # element a to [b], units c (power of ten), keep phase d
    SAVE = 47  # stream a, [b]
    SAVE_TIMED = 48  # stream a, [b], block c
    BLOCK_TIME = 49  # block a starts at the clock of thread b
    STAMP_CLEAR = 50
    STAMP_READ = 51  # slot a
    STAMP_READ_CELL = 52  # array at a of b cells, index [c]
    STAMP_WRITE = 53  # slot a
    STAMP_WRITE_CELL = 54  # array at a of b cells, index [c]
    STAMP_ZERO = 55  # slot a
    FUNCTION = 56  # [a] = library function b of [c], [d], [e]
    ARRAY_FUNCTION = 57  # [a] = array function b of the d cells at c, and the d cells at e
    AWAIT_ALL = 58  # array at a of b cells; strict block c or -1
    STAMP_READ_ALL = 59  # array at a of b cells
    RAMP_TO_ZERO = 60  # element a in b cycles; 0: as long as its config says
    SAVE_START = 61  # stream a, the start b (as of a block) in cycles
    IO_READ = 62  # [a] = IO register c, which slot b holds
    IO_WRITE = 63  # IO register c, which slot a holds, = [b]
    ADVANCE = 64  # the next item of input a to the c cells at b; strict block d or -1
    PAUSE = 65
    TRIGGER = 66  # element a waits for an edge, and sounds as play b or -1 does
    READY = 67  # what was read since the stamp was cleared is ready after latency a; strict block b or -1
    BRANCH = 68  # a branch is entered
    LOOSE = 69  # the clocks move by other than literal times
    JUMP_TRUE = 70  # to a if [b]
    JUMP_EQ = 71  # to a if [b] = [c]
    CORRECTION = 72  # element a gets the matrix [b], [c], [d], [e]
    SET_OFFSET = 73  # input b of row a gets the offset [c], kept in -d ... e steps of 2^-16 V
    RESET_NOW = 74  # the phase of element a, at once
    LOAD_WAVEFORM = 75  # [a] = [c], the number of one of b waveforms
    EDGE = 76  # element a waits at digital input b, sounds as play c or -1 does, and process d or -1 gets when


class Library(IntEnum):
    """Operand b of FUNCTION: a function of one to three raw numbers. ``library.h`` has the same."""

    ABS = 0
    RELU = 1
    SIN2PI = 2
    COS2PI = 3
    SIN = 4
    COS = 5
    EXP = 6
    POW2 = 7
    LN = 8
    LOG2 = 9
    LOG10 = 10
    LOG = 11
    POW = 12
    SQRT = 13
    INV_SQRT = 14
    INV = 15
    ATAN = 16
    ATAN2 = 17
    ATAN_2PI = 18
    ATAN2_2PI = 19
    MSB_INT = 20
    MSB_FIXED = 21
    LRELU = 22
    PLRELU = 23
    ELU = 24
    SELU = 25
    COND = 26


class LibraryArray(IntEnum):
    """Operand b of ARRAY_FUNCTION."""

    SUM = 0
    MAX = 1
    MIN = 2
    ARGMAX = 3
    ARGMIN = 4
    DOT_INT = 5
    DOT_FIXED = 6


class PlayColumn:
    """Columns of ``Image.plays`` (int64): what a play or the pulse of a measure needs."""

    ELEMENT = 0
    WAVEFORM = 1  # -1: the pulse or the element has none
    LENGTH = 2  # ns
    SAMPLES = 3  # of an arbitrary waveform; 0 for a constant
    AMPLITUDES = 4  # 0, 1, 4
    AMPLITUDE_0 = 5  # slots
    AMPLITUDE_1 = 6
    AMPLITUDE_2 = 7
    AMPLITUDE_3 = 8
    DURATION = 9  # slot, -1: none
    SHAPED = 10  # 1: some of the following is there
    RAMP = 11  # slot of the slope, -1: no ramp
    TRUNCATE = 12  # slot, -1: none
    CHIRP = 13  # in Image.chirps, -1: none
    CONDITION = 14  # slot, -1: none
    CHOICE = 15  # slot of what is added to WAVEFORM, -1: none
    CONTINUES = 16  # 1: its sweep goes on behind it
    MARKER = 17  # in Image.markers, -1: no digital output gets one
    VOICE = 18  # what sounds, in Image.elements: ELEMENT itself, or one input of it
    COLUMNS = 19


class MarkerColumn:
    """Columns of ``Image.markers`` (int64): digital waveforms of pulses."""

    FIRST = 0  # in Image.marker_parts
    COUNT = 1
    LENGTH = 2  # of the pulse, in ns
    COLUMNS = 3


class PartColumn:
    """Columns of ``Image.marker_parts`` (int64)."""

    VALUE = 0  # 0 or 1
    LENGTH = 1  # ns; 0: to the end of the pulse
    COLUMNS = 2


class ChirpColumn:
    """Columns of ``Image.chirps`` (int64)."""

    FIRST = 0  # in Image.chirp_sections
    COUNT = 1
    POWER = 2  # of ten: the units of the rates
    TIMED = 3  # 0: sections of equal length
    COLUMNS = 4


class SectionColumn:
    """Columns of ``Image.chirp_sections`` (int64)."""

    RATE = 0  # slot
    START = 1  # ns, of a timed chirp
    COLUMNS = 2


class ElementColumn:
    """Columns of ``Image.elements`` (int64)."""

    THREAD = 0
    INCREMENT = 1  # u64 bits
    KIND = 2  # 0 no analog input, 1 single, 2 IQ
    TIME_OF_FLIGHT = 3
    SMEARING = 4
    HAS_OSCILLATOR = 5
    STICKY = 6  # ns of its ramp to zero; 0: it holds nothing
    HOLDS_MARKER = 7  # 1: its digital level is held, too
    HALVES = 8  # 1: its ports have two samples a ns
    FOLD = 9  # of such an element: 1 where the increment before it wraps is an odd number of turns from INCREMENT
    OWNER = 10  # the element: of one input of it its row, else the row itself
    COLUMNS = 11


class MeasureColumn:
    """Columns of ``Image.measures`` (int64)."""

    PLAY = 0
    FIRST_WINDOW = 1
    WINDOWS = 2
    STREAM = 3  # of the raw trace, -1: none kept
    FIRST_TRACE_PORT = 4  # in Image.trace_ports
    TRACE_PORTS = 5
    FIRST_PROCESS = 6
    PROCESSES = 7
    AT = 8
    COLUMNS = 9


class WindowColumn:
    """Columns of ``Image.windows`` (int64): processes of one measure that have one window."""

    MEASURE = 0
    LENGTH = 1
    FIRST = 2  # in Image.processes
    COUNT = 3
    OFFSET = 4  # ns from the start of the measure's windows
    COLUMNS = 5


TAGGING = 2  # the kind of a process that tags an analog input
DIGITAL = 3  # the kind of one that tags or counts at digital inputs
EDGE = 4  # the kind of what gets the time tag of a wait at a digital input: no MEASURE has it


class ProcessColumn:
    """Columns of ``Image.processes`` (int64), sorted by window. From the kind TAGGING on they have no weights and no
    index, from DIGITAL on no port."""

    KIND = 0  # 0 demod, 1 integration, 2 TAGGING, 3 DIGITAL, 4 EDGE
    NUMBER = 1  # among the integrals of its measure
    LEGS = 2
    PORT_0 = 3
    PORT_1 = 4
    WEIGHTS_0 = 5
    WEIGHTS_1 = 6
    TARGET = 7  # slot
    SIZE = 8  # cells of the target array, 0 for a scalar
    INDEX = 9  # slot of the index
    AT = 10
    MEASURE = 11
    SUMMED = 12  # slices that a value is the sum of; 0: its own integral alone
    SLICE = 13  # its number, of a summed slice
    SLICES = 14
    FIRST_SLICE = 15  # in Image.processes
    TAGGER = 16  # in Image.taggers, of the kinds from TAGGING on
    COLUMNS = 17


class TaggerColumn:
    """Columns of ``Image.taggers`` (int64): how a process tags, and what it writes beside its target."""

    SIGNAL_THRESHOLD = 0  # converter codes
    SIGNAL_ABOVE = 1  # 0: below
    DERIVATIVE_THRESHOLD = 2
    DERIVATIVE_ABOVE = 3
    DEAD = 4  # ns
    HIGH_RES = 5  # 1: tags in ps
    CELLS = 6  # of the target array; 0: it only counts
    COUNT = 7  # slot of the count, -1: none
    FIRST_INPUT = 8  # in Image.digital_reads, of the kinds from DIGITAL on: no thresholds, no dead time
    INPUTS = 9
    COLUMNS = 10


EVENT_NAMES = (
    "division_by_zero",
    "out_of_bounds",
    "short_duration",
    "shortened_waveform",
    "amplitude_range",
    "strict_timing_gap",
    "integral_overflow",
    "input_saturated",
    "math_domain",
    "pause_ignored",
    "correction_range",
    "offset_range",
    "waveform_index",
    "overflow",
    "frequency_range",
)
