# cython: language_level=3, boundscheck=False, wraparound=False
"""Output samples from the log of a run: the records go into signals of their own, and each port is rendered there.

A renderer of half ns has all times twice as long and waveforms of two samples a ns: for ports at 2 GS/s.
"""

from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memset

import numpy as np

from quaymaster._core.engine.filters cimport add_filtered_output
from quaymaster._core.engine.signals cimport (
    SIGNAL_LINEAR,
    SIGNAL_OUTPUT_SINGLE,
    SIGNAL_RAMP,
    signal_correction,
    signal_hold_begin,
    signal_hold_end,
    signal_output_t,
    signal_record,
    signal_record_t,
    signal_render_sums,
    signal_section_t,
    signals,
    signals_add_crosstalk,
    signals_add_element,
    signals_add_output,
    signals_add_source,
    signals_add_waveform,
    signals_free,
    signals_new,
)

from ..errors import OurBug
from .logged import CORRECTIONS, PLAYS, SECTIONS
from .signals import signal_error

cdef extern from "log.h" nogil:
    enum:
        LOGGED_HOLD_BEGIN
        LOGGED_HOLD_END
    ctypedef struct logged_play:
        signal_record_t record
        int64_t first_section
        int what
    ctypedef struct logged_correction:
        int64_t element, plays
        double c[4]


cdef int _made(int code) except -1:
    if code < 0:
        raise signal_error(code)
    return code


cdef _bytes_of(array):
    """The bytes of a structured array, with one spare so that an empty one has an address."""
    return np.frombuffer(np.ascontiguousarray(array).tobytes() + b"\0", np.int8)


cdef class Renderer:
    """Renders the analog outputs of a finished run. Owned by one OS thread."""

    cdef signals *_signals
    cdef readonly object image
    cdef readonly object outputs
    cdef int _per_ns

    def __cinit__(self):
        self._signals = NULL

    def __init__(self, image, outputs, log, per_ns=1, others=()):
        if self._signals != NULL:
            raise OurBug("a renderer is made once")
        if per_ns not in (1, 2):
            raise OurBug(f"there are no ports with {per_ns} samples a ns")
        self.image, self.outputs, self._per_ns = image, tuple(outputs), per_ns
        self._signals = signals_new(0, SIGNAL_LINEAR)
        if self._signals == NULL:
            raise MemoryError("no memory for the signals")
        self._add_tables(image)
        for output in self.outputs:
            _made(add_filtered_output(self._signals, output, per_ns))
        numbers = {output.ref: number for number, output in enumerate(self.outputs)}
        for ref, samples in others:
            numbers[ref] = self._add_other(samples)
        for number, output in enumerate(self.outputs):
            for element, which in output.sources:
                _made(signals_add_source(self._signals, number, element, int(which)))
            for ref, factor in output.crosstalk:
                if ref in numbers:
                    _made(signals_add_crosstalk(self._signals, number, numbers[ref], factor))
        self._add_records(log.plays, log.sections, log.corrections)

    def __dealloc__(self):
        if self._signals != NULL:
            signals_free(self._signals)

    cdef _add_tables(self, image):
        cdef const double[::1] samples = np.concatenate((image.samples, [0.0]))
        cdef int64_t I, Q, n, constant
        for (I, Q, n, constant), (fine_I, fine_Q) in zip(image.waveforms.tolist(), image.fine.tolist()):
            if self._per_ns == 2 and fine_I >= 0:
                I, Q, n = fine_I, fine_Q, 2 * n
            _made(signals_add_waveform(self._signals, &samples[I], &samples[Q] if Q >= 0 else NULL, n, <int>constant))
        for element in image.element_info:
            c00, c01, c10, c11 = element.mixer
            _made(signals_add_element(self._signals, c00, c01, c10, c11))

    cdef int _add_other(self, samples) except -1:
        """An output whose sums are known: one record from 0 on, of an element of its own. Returns its id."""
        cdef const double[::1] v = np.ascontiguousarray(samples, dtype=np.float64)
        cdef signal_output_t port
        cdef signal_record_t record
        memset(&port, 0, sizeof(signal_output_t))
        memset(&record, 0, sizeof(signal_record_t))
        cdef int number = _made(signals_add_output(self._signals, &port))
        record.waveform = _made(signals_add_waveform(self._signals, &v[0], NULL, len(samples), 0))
        record.element = _made(signals_add_element(self._signals, 1.0, 0.0, 0.0, 1.0))
        record.length, record.alpha_r = len(samples), 1.0
        _made(signals_add_source(self._signals, number, record.element, SIGNAL_OUTPUT_SINGLE))
        _made(signal_record(self._signals, &record))
        return number

    cdef _add_records(self, plays, sections, corrections):
        """Every record, each element's in the order of time: as they stand in the log."""
        if (plays.dtype != PLAYS or PLAYS.itemsize != sizeof(logged_play) or SECTIONS.itemsize != sizeof(signal_section_t)
                or CORRECTIONS.itemsize != sizeof(logged_correction)):
            raise OurBug("the log's entries are not those of log.h")
        cdef const signed char[::1] bytes_of_plays = _bytes_of(plays)
        cdef const signed char[::1] bytes_of_sections = _bytes_of(sections)
        cdef const signed char[::1] bytes_of_corrections = _bytes_of(corrections)
        cdef const logged_play *entry = <const logged_play *>&bytes_of_plays[0]
        cdef const signal_section_t *first = <const signal_section_t *>&bytes_of_sections[0]
        cdef const logged_correction *correction = <const logged_correction *>&bytes_of_corrections[0]
        cdef signal_record_t record
        cdef int64_t k, count = len(plays), corrected = 0, correction_count = len(corrections)
        cdef int code = 0
        for k in range(count):
            while corrected < correction_count and correction[corrected].plays <= k:
                _made(signal_correction(self._signals, <int>correction[corrected].element, correction[corrected].c))
                corrected += 1
            record = entry[k].record
            if self._per_ns == 2:
                _halve(&record)
            record.sections = first + entry[k].first_section if record.section_count else NULL
            if entry[k].what == LOGGED_HOLD_BEGIN:
                code = signal_hold_begin(self._signals, &record)
            elif entry[k].what == LOGGED_HOLD_END:
                code = signal_hold_end(self._signals, record.element, record.start)
            elif record.waveform >= 0 or record.kind:
                code = signal_record(self._signals, &record)
            if code < 0:
                raise signal_error(code)

    def sums(self, int64_t output, int64_t start, int64_t length):
        """`length` samples of one output from sample `start` on, before its delay, its offset and its converter."""
        if not 0 <= output < len(self.outputs) or start < 0 or length < 0:
            raise OurBug(f"there is no output {output} from sample {start}")
        volts = np.zeros(max(length, 1))
        cdef double[::1] v = volts
        cdef int code
        if length:
            with nogil:
                code = signal_render_sums(self._signals, <int>output, start, length, &v[0])
            _made(code)
        return volts[:length]


cdef void _halve(signal_record_t *record) noexcept:
    """A record in half ns: twice as long, half as fast."""
    record.start *= 2
    record.length *= 2
    record.stretched *= 2
    record.inc = <uint64_t>(<int64_t>record.inc >> 1) ^ <uint64_t>record.fold << 63
    if record.kind == SIGNAL_RAMP:
        record.alpha_r *= 0.5
