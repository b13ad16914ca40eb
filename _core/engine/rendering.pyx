# cython: language_level=3, boundscheck=False, wraparound=False
"""Output samples from the log of a run: the records go into signals of their own, and each port is rendered there."""

from libc.stdint cimport int64_t
from libc.string cimport memset

import numpy as np

from quaymaster._core.engine.signals cimport (
    SIGNAL_LINEAR,
    signal_correction,
    signal_events_t,
    signal_hold_begin,
    signal_hold_end,
    signal_output_t,
    signal_record,
    signal_record_t,
    signal_render,
    signal_section_t,
    signal_step_t,
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
    cdef signal_events_t _events
    cdef readonly object image
    cdef readonly object outputs

    def __cinit__(self):
        self._signals = NULL
        memset(&self._events, 0, sizeof(signal_events_t))

    def __init__(self, image, outputs, log):
        if self._signals != NULL:
            raise OurBug("a renderer is made once")
        self.image, self.outputs = image, tuple(outputs)
        self._signals = signals_new(0, SIGNAL_LINEAR)
        if self._signals == NULL:
            raise MemoryError("no memory for the signals")
        self._add_tables(image)
        for output in self.outputs:
            self._add_output(output)
        numbers = {output.ref: number for number, output in enumerate(self.outputs)}
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
        for I, Q, n, constant in image.waveforms.tolist():
            _made(signals_add_waveform(self._signals, &samples[I], &samples[Q] if Q >= 0 else NULL, n, <int>constant))
        for element in image.element_info:
            c00, c01, c10, c11 = element.correction if len(element.inputs) == 2 else (1.0, 0.0, 0.0, 1.0)
            _made(signals_add_element(self._signals, c00, c01, c10, c11))

    cdef _add_output(self, output):
        cdef const double[::1] fir = np.array([*output.fir, 0.0])
        cdef const double[::1] iir = np.array([*output.iir, 0.0])
        cdef signal_output_t port
        memset(&port, 0, sizeof(signal_output_t))
        port.offset, port.delay, port.saturates = output.offset, output.delay_ns, output.is_filtered
        port.fir = &fir[0] if output.fir else NULL
        port.iir = &iir[0] if output.iir else NULL
        port.fir_count, port.iir_count = len(output.fir), len(output.iir)
        steps = np.array(list(output.steps), dtype=[("start", "<i8"), ("volts", "<f8")])
        cdef const signed char[::1] bytes_of_steps = _bytes_of(steps)
        port.steps, port.step_count = <const signal_step_t *>&bytes_of_steps[0], len(steps)
        _made(signals_add_output(self._signals, &port))

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
            record.sections = first + entry[k].first_section if record.section_count else NULL
            if entry[k].what == LOGGED_HOLD_BEGIN:
                code = signal_hold_begin(self._signals, &record)
            elif entry[k].what == LOGGED_HOLD_END:
                code = signal_hold_end(self._signals, record.element, record.start)
            elif record.waveform >= 0 or record.kind:
                code = signal_record(self._signals, &record)
            if code < 0:
                raise signal_error(code)

    def render(self, int64_t output, int64_t start, int64_t length):
        """`length` samples in V of one output, from `start` ns."""
        if not 0 <= output < len(self.outputs) or start < 0 or length < 0:
            raise OurBug(f"there is no output {output} from {start} ns")
        volts = np.zeros(max(length, 1))
        cdef double[::1] v = volts
        cdef int code
        if length:
            with nogil:
                code = signal_render(self._signals, <int>output, start, length, &v[0], &self._events)
            _made(code)
        return volts[:length]

    @property
    def overflows(self):
        """Samples out of range so far, of all outputs."""
        return self._events.output_overflow
