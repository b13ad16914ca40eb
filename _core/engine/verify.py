"""An image from outside is checked before C runs it: every index it holds lies in the table it points into."""

from __future__ import annotations

from collections.abc import Iterable
from weakref import WeakSet

import numpy as np

from ..config.limits import TAGGING_COUNTS_MAX
from ..errors import AskedWrongly
from ..program.limits import DIGITAL_OUTPUTS_MAX
from .codes import (
    DIGITAL,
    EDGE,
    TAGGING,
    THREADS_MAX,
    ChirpColumn,
    ElementColumn,
    Library,
    LibraryArray,
    MarkerColumn,
    MeasureColumn,
    Op,
    PartColumn,
    PlayColumn,
    ProcessColumn,
    SectionColumn,
    TaggerColumn,
    WindowColumn,
)
from .image import Image, Ints
from .latencies import PROFILES, Latency

# What the operands a … e of each instruction are: s slot, t tracked slot, l length of the array at the slot before,
# a likewise and at least 1, r array of the length before, f library function, g array function, d latency, p place in
# the code, P play, q play or -1, M measure, H process, h process or -1, A align, E element, S stream, B block,
# T thread, R IO register, I input stream, D digital input, i input of an element, w a number of waveforms, o a range of
# offsets, k strict or -1.
_OPERANDS: dict[int, str] = {
    **dict.fromkeys((Op.MOVE, Op.TRUTH, Op.TO_INT, Op.TO_FIXED, Op.LOW_BIT, Op.RAND_FIXED), "ss"),
    **dict.fromkeys(range(Op.ADD, Op.EQ + 1), "sss"),
    Op.RAND_INT: "sss",
    Op.LOAD: "ssls",
    Op.STORE: "slss",
    Op.JUMP: "p",
    Op.JUMP_FALSE: "ps",
    Op.JUMP_TRUE: "ps",
    Op.JUMP_EQ: "pss",
    **dict.fromkeys(range(Op.JUMP_NOT_LT, Op.JUMP_NOT_EQ + 1), "pss"),
    Op.AWAIT: "tk",
    Op.AWAIT_CELL: "tmsk",
    Op.UNBIND: "t",
    Op.UNBIND_CELL: "tms",
    Op.PLAY: "P",
    Op.MEASURE: "M",
    Op.HEAR: "H",
    Op.WAIT: "s",
    Op.ALIGN: "A",
    Op.ROTATE: "Es",
    Op.RESET_FRAME: "E",
    Op.RESET_PHASE: "E",
    Op.FREQUENCY: "Esu",
    Op.SAVE: "Ss",
    Op.SAVE_TIMED: "SsB",
    Op.BLOCK_TIME: "BT",
    Op.STAMP_READ: "s",
    Op.STAMP_READ_CELL: "sls",
    Op.STAMP_WRITE: "s",
    Op.STAMP_WRITE_CELL: "sls",
    Op.STAMP_ZERO: "s",
    Op.FUNCTION: "sfsss",
    Op.ARRAY_FUNCTION: "sgsar",
    Op.AWAIT_ALL: "tmk",
    Op.STAMP_READ_ALL: "sl",
    Op.RAMP_TO_ZERO: "E",
    Op.READY: "dk",
    Op.SAVE_START: "SB",
    Op.IO_READ: "ssR",
    Op.IO_WRITE: "ssR",
    Op.ADVANCE: "Islk",
    Op.TRIGGER: "Eq",
    Op.CORRECTION: "Essss",
    Op.SET_OFFSET: "Eisoo",
    Op.RESET_NOW: "E",
    Op.LOAD_WAVEFORM: "sws",
    Op.EDGE: "EDqh",
}

_STAMPS = (*range(Op.STAMP_CLEAR, Op.STAMP_ZERO + 1), Op.STAMP_READ_ALL, Op.READY)

OFFSET_STEPS_MAX = 1 << 18  # of 2^-16 V: beyond the range of any output

_VERIFIED: WeakSet[Image] = WeakSet()


def verify_image(image: Image) -> None:
    """Raise AskedWrongly ``bad_image`` where a table points outside another. Each image is looked at once."""
    if image in _VERIFIED:
        return
    try:
        _verify(image)
        _VERIFIED.add(image)
    except (IndexError, ValueError, TypeError) as error:
        raise AskedWrongly(f"this image cannot be run: {error}", code="bad_image", hint="compile it again") from None


def _verify(image: Image) -> None:
    _shapes(image)
    if image.latency not in PROFILES:
        raise ValueError(f"no latency profile {image.latency:.50}")
    slots, tracked = len(image.memory), image.tracked
    if not 0 <= tracked <= slots or len(image.threads) > THREADS_MAX:
        raise ValueError("tracked slots or threads")
    counts = {
        "s": slots,
        "t": tracked,
        "p": len(image.code),
        "P": len(image.plays),
        "R": 2,
        "I": len(image.inputs),
        "D": len(image.digital_inputs),
        "M": len(image.measures),
        "H": len(image.processes),
        "A": len(image.aligns),
        "E": len(image.elements),
        "S": len(image.streams),
        "B": image.blocks,
        "T": len(image.threads),
        "u": 13,
        "i": max((len(info.inputs) for info in image.element_info), default=0),
        "w": len(image.waveforms) + 1,
        "o": OFFSET_STEPS_MAX + 1,
        "f": len(Library),
        "g": len(LibraryArray),
        "d": len(Latency),
    }
    _instructions(image, counts, slots, tracked)
    _owners(image)
    _outside(image)
    _tables(image, slots, tracked)
    _measures(image)
    _edges(image)


def _shapes(image: Image) -> None:
    wanted = {
        "code": 6,
        "elements": ElementColumn.COLUMNS,
        "plays": PlayColumn.COLUMNS,
        "chirps": ChirpColumn.COLUMNS,
        "chirp_sections": SectionColumn.COLUMNS,
        "measures": MeasureColumn.COLUMNS,
        "windows": WindowColumn.COLUMNS,
        "processes": ProcessColumn.COLUMNS,
        "taggers": TaggerColumn.COLUMNS,
        "markers": MarkerColumn.COLUMNS,
        "marker_parts": PartColumn.COLUMNS,
        "aligns": 2,
        "waveforms": 4,
        "fine": 2,
        "weights": 3,
    }
    for name, columns in wanted.items():
        if getattr(image, name).ndim != 2 or getattr(image, name).shape[1] != columns:
            raise ValueError(f"the shape of {name}")
    for one, other in (("masks", "code"), ("code_at", "code"), ("hearers", "processes"), ("align_masks", "aligns")):
        if getattr(image, one).shape != (len(getattr(image, other)),):
            raise ValueError(f"the length of {one}")
    if len(image.fine) != len(image.waveforms):
        raise ValueError("the length of fine")
    if len(image.element_info) != len(image.elements):
        raise ValueError("the length of element_info")
    if not len(image.code) or image.code[-1, 0] != Op.END or int(image.masks[-1]) != (1 << 64) - 1:
        raise ValueError("the end of the code")


def _instructions(image: Image, counts: dict[str, int], slots: int, tracked: int) -> None:
    ops = image.code[:, 0].astype(np.int64)
    _within(ops, len(Op), "an instruction")
    _within(image.code_at.astype(np.int64) + 1, len(image.sources) + 1, "a source position")
    known = (1 << 63) | ((1 << len(image.threads)) - 1)
    if any(int(mask) & ~known for mask in image.masks[:-1]) or any(int(mask) & ~known for mask in image.align_masks):
        raise ValueError("a mask names a thread that is not there")
    for op in np.unique(ops):
        rows = image.code[ops == op, 1:].astype(np.int64)
        for column, kind in enumerate(_OPERANDS.get(Op(int(op)), "")):
            values = rows[:, column]
            if kind in "lm":
                _ranges(rows[:, column - 1], values, slots if kind == "l" else tracked)
            elif kind == "a":
                _ranges(rows[:, column - 1], np.maximum(values, 1), slots)
            elif kind == "r":
                _ranges(values, rows[:, column - 1], slots)
            elif kind == "k":
                _within(values + 1, len(image.strict) + 1, "a strict block")
            elif kind == "q":
                _within(values + 1, len(image.plays) + 1, "a play")
            elif kind == "h":
                _within(values + 1, len(image.processes) + 1, "a process")
            else:
                _within(values, counts[kind], f"operand {kind} of {Op(int(op)).name}")


def _owners(image: Image) -> None:
    """Stamps are the saver's alone where nothing takes time, and who hears a process is among its hearers: the machine
    has room for no other."""
    ops, masks = image.code[:, 0], image.masks
    savers = [Op.SAVE_TIMED, Op.SAVE_START, *([] if any(PROFILES[image.latency]) else _STAMPS)]
    if (masks[np.isin(ops, savers)] != np.uint64(1 << 63)).any():
        raise ValueError("a stamp of a strand that has none")
    hears = ops == Op.HEAR
    if (masks[hears] & ~image.hearers[image.code[hears, 1]]).any():
        raise ValueError("a process is heard by a strand that it does not know")


def _outside(image: Image) -> None:
    """Advances fill their variable with whole items; who sounds while it waits is who waits."""
    code = image.code.astype(np.int64)
    advances = code[code[:, 0] == Op.ADVANCE]
    sizes = np.array([item.size for item in image.inputs], dtype=np.int64)
    if (sizes < 1).any() or not np.array_equal(sizes[advances[:, 1]], advances[:, 3]):
        raise ValueError("an item of an input stream does not fit its variable")
    for op, column in ((Op.TRIGGER, 2), (Op.EDGE, 3)):
        sounding = code[(code[:, 0] == op) & (code[:, column] >= 0)]
        if not np.array_equal(image.plays[sounding[:, column], PlayColumn.ELEMENT], sounding[:, 1]):
            raise ValueError("an element waits for a trigger while another one sounds")

    for _, number, which in code[code[:, 0] == Op.SET_OFFSET, :3].tolist():
        if which >= len(image.element_info[number].inputs):
            raise ValueError("an offset of an input that its element has not")


def _edges(image: Image) -> None:
    """The time of an edge is settled by the wait for it, and by nothing else."""
    code, kinds = image.code.astype(np.int64), image.processes[:, ProcessColumn.KIND]
    measured = code[code[:, 0] == Op.MEASURE, 1]
    if np.isin(image.processes[kinds == EDGE, ProcessColumn.MEASURE], measured).any():
        raise ValueError("a measure waits for an edge")
    tagged = code[(code[:, 0] == Op.EDGE) & (code[:, 4] >= 0), 4]
    if (kinds[tagged] != EDGE).any():
        raise ValueError("a wait for an edge settles the value of a measure")


def _tables(image: Image, slots: int, tracked: int) -> None:
    _within(image.elements[:, ElementColumn.THREAD], len(image.threads), "a thread")
    _within(image.elements[:, ElementColumn.OWNER], len(image.elements), "an element of which it is an input")
    _plays(image, slots)
    _measure_rows(image)
    _processes(image, slots, tracked)
    _ranges(image.aligns[:, 0], image.aligns[:, 1], len(image.align_elements))
    _within(image.align_elements, len(image.elements), "an element")
    _numbers(image)
    _taggers(image, tracked)
    _samples(image)


def _plays(image: Image, slots: int) -> None:
    """Plays, with their markers and chirps."""
    plays = image.plays
    _within(plays[:, PlayColumn.ELEMENT], len(image.elements), "an element")
    _within(plays[:, PlayColumn.VOICE], len(image.elements), "what sounds")
    _within(plays[:, PlayColumn.WAVEFORM] + 1, len(image.waveforms) + 1, "a waveform")
    _within(plays[:, PlayColumn.DURATION] + 1, slots + 1, "a duration")
    for operand in (PlayColumn.RAMP, PlayColumn.TRUNCATE, PlayColumn.CONDITION, PlayColumn.CHOICE):
        _within(plays[:, operand] + 1, slots + 1, "an operand of a play")
    _within(plays[:, PlayColumn.CHIRP] + 1, len(image.chirps) + 1, "a chirp")
    _within(plays[:, PlayColumn.CONTINUES], 2, "whether a sweep goes on")
    _within(plays[:, PlayColumn.MARKER] + 1, len(image.markers) + 1, "a marker")
    _ranges(image.markers[:, MarkerColumn.FIRST], image.markers[:, MarkerColumn.COUNT], len(image.marker_parts))
    _within(image.marker_parts[:, PartColumn.LENGTH], 1 << 31, "the length of a part of a marker")
    _ranges(image.chirps[:, ChirpColumn.FIRST], image.chirps[:, ChirpColumn.COUNT], len(image.chirp_sections))
    _within(image.chirps[:, ChirpColumn.COUNT] - 1, 1 << 12, "the sections of a chirp")
    _within(image.chirps[:, ChirpColumn.POWER], 13, "the units of a chirp")
    _within(image.chirp_sections[:, SectionColumn.RATE], slots, "the rate of a chirp")
    if not np.isin(plays[:, PlayColumn.AMPLITUDES], (0, 1, 4)).all():
        raise ValueError("a play has 0, 1 or 4 amplitudes")
    for number, column in enumerate(range(PlayColumn.AMPLITUDE_0, PlayColumn.AMPLITUDE_3 + 1)):
        given = plays[plays[:, PlayColumn.AMPLITUDES] > number]  # a program without any value has no slot at all
        _within(given[:, column], slots, "an amplitude")


def _measure_rows(image: Image) -> None:
    """Measures, with their windows and raw traces."""
    measures, processes, windows = image.measures, image.processes, image.windows
    _within(measures[:, MeasureColumn.PLAY], len(image.plays), "a play")
    _within(measures[:, MeasureColumn.STREAM] + 1, len(image.streams) + 1, "a stream")
    _within(measures[:, MeasureColumn.AT] + 1, len(image.sources) + 1, "a source position")
    _ranges(measures[:, MeasureColumn.FIRST_WINDOW], measures[:, MeasureColumn.WINDOWS], len(windows))
    _ranges(measures[:, MeasureColumn.FIRST_PROCESS], measures[:, MeasureColumn.PROCESSES], len(processes))
    _ranges(measures[:, MeasureColumn.FIRST_TRACE_PORT], measures[:, MeasureColumn.TRACE_PORTS], len(image.trace_ports))
    _within(image.trace_ports, len(image.ports), "a port")
    _within(windows[:, WindowColumn.MEASURE], len(measures), "a measure")
    _within(windows[:, WindowColumn.COUNT] - 1, 16, "processes of a window")
    _ranges(windows[:, WindowColumn.FIRST], windows[:, WindowColumn.COUNT], len(processes))


def _processes(image: Image, slots: int, tracked: int) -> None:
    """What is read in windows, and where it goes."""
    processes = image.processes
    integrals = processes[processes[:, ProcessColumn.KIND] < TAGGING]
    for weights in (ProcessColumn.WEIGHTS_0, ProcessColumn.WEIGHTS_1):
        _within(integrals[:, weights], len(image.weights), "weights")
    _within(processes[:, ProcessColumn.INDEX], slots, "an index")
    _within(processes[:, ProcessColumn.MEASURE], len(image.measures), "a measure")
    analog = processes[processes[:, ProcessColumn.KIND] < DIGITAL]
    for column in (ProcessColumn.PORT_0, ProcessColumn.PORT_1):
        _within(analog[:, column], len(image.ports), "a port")
    _within(image.digital_reads, len(image.digital_inputs), "a digital input")
    _within(processes[:, ProcessColumn.AT] + 1, len(image.sources) + 1, "a source position")
    _ranges(processes[:, ProcessColumn.TARGET], np.maximum(processes[:, ProcessColumn.SIZE], 1), tracked)


def _samples(image: Image) -> None:
    """Waveforms and weights within their samples."""
    for offsets, rows, size in ((2, image.waveforms, image.samples), (2, image.weights, image.weight_values)):
        for column in range(offsets):
            given = rows[rows[:, column] >= 0]
            _ranges(given[:, column], given[:, offsets], len(size))
    _within(image.waveforms[:, 1] + 1, len(image.samples) + 1, "samples")
    for column in range(2):
        has_fine = image.fine[:, column] >= 0
        _ranges(image.fine[has_fine, column], 2 * image.waveforms[has_fine, 2], len(image.samples))


def _numbers(image: Image) -> None:
    """Lengths and times that are no indices."""
    times = image.elements[:, (ElementColumn.TIME_OF_FLIGHT, ElementColumn.SMEARING, ElementColumn.STICKY)]
    _within(times.ravel(), 1 << 31, "a time of flight")
    _within(image.plays[:, (PlayColumn.LENGTH, PlayColumn.SAMPLES)].ravel(), 1 << 31, "the length of a pulse")
    _within(image.processes[:, ProcessColumn.KIND], EDGE + 1, "the kind of a process")
    _within(image.processes[:, ProcessColumn.LEGS] - 1, 2, "the legs of a process")
    _within(image.processes[:, ProcessColumn.NUMBER], 1 << 17, "the number of a process")
    _within(image.processes[:, ProcessColumn.SIZE], len(image.memory) + 1, "the size of a target")
    _within(image.windows[:, WindowColumn.OFFSET], 1 << 31, "the offset of a window")
    _within(image.windows[:, WindowColumn.LENGTH], (1 << 27) + 1, "the length of a window")
    _summed(image.processes[image.processes[:, ProcessColumn.SUMMED] != 0], image.processes)
    if image.blocks < 1 or (len(image.waveforms) and image.waveforms[:, 2].min() < 1):
        raise ValueError("an empty waveform, or no block")


def _taggers(image: Image, tracked: int) -> None:
    """Who tags or counts knows how, and writes tracked slots; the processes of one window are of one sort."""
    kinds = np.maximum(image.processes[:, ProcessColumn.KIND], TAGGING - 1)
    tags = kinds >= TAGGING
    rows = image.processes[tags]
    _within(rows[:, ProcessColumn.TAGGER], len(image.taggers), "a tagger")
    _within(rows[:, ProcessColumn.LEGS] - 1, 1, "the inputs of a process that tags")
    _within(rows[:, ProcessColumn.SUMMED], 1, "the slices of a process that tags")
    cells = image.taggers[:, TaggerColumn.CELLS]
    _within(cells, tracked + 1, "the cells of a tagger")
    _ranges(rows[:, ProcessColumn.TARGET], cells[rows[:, ProcessColumn.TAGGER]], tracked)
    _within(image.taggers[:, TaggerColumn.COUNT] + 1, tracked + 1, "the count of a tagger")
    _within(image.taggers[:, TaggerColumn.DEAD], 1 << 31, "the dead time of a tagger")
    first, count = image.taggers[:, TaggerColumn.FIRST_INPUT], image.taggers[:, TaggerColumn.INPUTS]
    _ranges(first, count, len(image.digital_reads))
    digital = image.taggers[rows[rows[:, ProcessColumn.KIND] >= DIGITAL, ProcessColumn.TAGGER]]
    _within(digital[:, TaggerColumn.INPUTS] - 1, DIGITAL_OUTPUTS_MAX, "the digital inputs of a process")
    if (digital[:, TaggerColumn.CELLS].astype(bool) & (digital[:, TaggerColumn.INPUTS] != 1)).any():
        raise ValueError("a process that tags several inputs")
    for threshold in (TaggerColumn.SIGNAL_THRESHOLD, TaggerColumn.DERIVATIVE_THRESHOLD):
        _within(image.taggers[:, threshold] + TAGGING_COUNTS_MAX, 2 * TAGGING_COUNTS_MAX + 1, "a threshold")
    first, count = image.windows[:, WindowColumn.FIRST], image.windows[:, WindowColumn.COUNT]
    if not np.array_equal(np.repeat(kinds[first], count), kinds):
        raise ValueError("a window of processes of two sorts")


def _summed(rows: Ints, processes: Ints) -> None:
    """Summed slices of one process know the same first slice and the same count."""
    slices = rows[:, ProcessColumn.SLICES]
    _within(rows[:, ProcessColumn.FIRST_SLICE], len(processes), "a first slice")
    _within(slices - 1, 1 << 16, "the slices of a process")
    _within(rows[:, ProcessColumn.SUMMED] - 1, 1 << 16, "the slices of a sum")
    _within(rows[:, ProcessColumn.SLICE], 1 << 16, "a slice")
    if not (
        np.array_equal(processes[rows[:, ProcessColumn.FIRST_SLICE], ProcessColumn.SLICES], slices)
        and (rows[:, ProcessColumn.SLICE] < slices).all()
    ):
        raise ValueError("slices that do not fit")


def _measures(image: Image) -> None:
    """Measures have their windows, and these their processes, in the order of the tables; weights fill their window."""
    measures, windows, processes = image.measures, image.windows, image.processes
    counts, per_measure = windows[:, WindowColumn.COUNT], measures[:, MeasureColumn.WINDOWS]
    _in_order(windows[:, WindowColumn.FIRST], counts, len(processes))
    _in_order(measures[:, MeasureColumn.FIRST_WINDOW], per_measure, len(windows))
    _in_order(measures[:, MeasureColumn.FIRST_PROCESS], measures[:, MeasureColumn.PROCESSES], len(processes))
    owners = np.repeat(np.arange(len(measures)), per_measure)
    held = np.bincount(owners, weights=counts, minlength=len(measures))
    lengths = np.repeat(windows[:, WindowColumn.LENGTH], counts)
    dual = processes[:, ProcessColumn.LEGS] == 2
    integral = processes[:, ProcessColumn.KIND] < TAGGING
    if not (
        np.array_equal(windows[:, WindowColumn.MEASURE], owners)
        and np.array_equal(processes[:, ProcessColumn.MEASURE], np.repeat(owners, counts))
        and np.array_equal(measures[:, MeasureColumn.PROCESSES], held.astype(np.int64))
        and np.array_equal(image.weights[processes[integral, ProcessColumn.WEIGHTS_0], 2], lengths[integral])
        and np.array_equal(image.weights[processes[dual, ProcessColumn.WEIGHTS_1], 2], lengths[dual])
    ):
        raise ValueError("a measure, its windows and its processes do not fit")


def _in_order(first: Ints, counts: Ints, total: int) -> None:
    if not np.array_equal(first, np.cumsum(counts) - counts) or int(counts.sum()) != total:
        raise ValueError("rows that do not follow each other")


def _within(values: Ints, count: int, what: str) -> None:
    if len(values) and (values.min() < 0 or values.max() >= count):
        raise ValueError(f"{what} is outside its table")


def _ranges(first: Ints, count: Iterable[int] | Ints, limit: int) -> None:
    sizes = np.asarray(count, dtype=np.int64)
    if len(sizes) and (first.min() < 0 or sizes.min() < 0 or (first + sizes).max() > limit):
        raise ValueError("a range is outside its table")
