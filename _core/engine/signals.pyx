# cython: language_level=3
"""A typed face of the signal kernels (signals.h), for tests and for plants; the machine calls the C functions."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset

import numpy as np

from ..errors import AskedWrongly, OurBug

cdef extern from "noise.h" nogil:
    void noise_pair(uint32_t w, uint32_t angle, float *first, float *second)
    void noise_philox(const uint32_t *counter, uint64_t key, uint32_t *word)
    void noise_samples(uint64_t seed, uint32_t number, int64_t t, int n, float *normal)
    ctypedef struct noise_place:
        uint32_t number
        uint32_t element
        uint32_t q
        int64_t end
    void noise_integral(uint64_t seed, const noise_place *place, float *first, float *second)

cdef extern from "phase.h" nogil:
    void phase_cossin(uint64_t p, double *c, double *s)
    double phase_ln(double u)


def signal_error(int code):
    """The exception for a negative code of signals.h."""
    if code == SIGNAL_NO_MEMORY:
        return MemoryError("no memory for signals")
    if code == SIGNAL_RING_FULL:
        return AskedWrongly(
            "more pulses are kept than SIGNAL_RING_BYTES_MAX holds",
            code="record_ring_full",
            hint="some element runs far ahead of the measurements that hear it; align it with them",
        )
    if code == SIGNAL_TOO_MANY_OVERLAPS:
        return AskedWrongly(
            "more than 64 integrals overlap on one input port (SIGNAL_OVERLAPS_MAX)",
            code="too_many_overlaps",
            hint="measure with fewer processes, or let the measurements follow one another",
        )
    if code == SIGNAL_TOO_LONG:
        return AskedWrongly("a waveform, weights or a window has more than 2^27 samples", code="window_too_long")
    names = {SIGNAL_MIXED_WINDOWS: "weights of different length in one acquisition",
             SIGNAL_OUT_OF_ORDER: "a record before an earlier one of its element, or a filter over forgotten ones"}
    return OurBug(names.get(code, f"the signal kernels were called with an id that is none ({code})"))


cdef int checked(int code) except -1:
    if code < 0:
        raise signal_error(code)
    return code


def cossin(phase):
    """(cos, sin) of a phase in 2^-64 turns."""
    cdef double c, s
    phase_cossin(<uint64_t>(phase & 0xFFFFFFFFFFFFFFFF), &c, &s)
    return c, s


def ln(double u):
    """The natural logarithm of 0 < u <= 1."""
    if not 2.0**-1022 <= u <= 1.0:
        raise ValueError("u must be in (0, 1] and normal")
    return phase_ln(u)


def philox(counter, key):
    """Four words of Philox4x32-10 for four counter words and a 64-bit key."""
    cdef uint32_t[4] words
    cdef uint32_t[4] out
    for i in range(4):
        words[i] = counter[i]
    noise_philox(words, key, out)
    return out[0], out[1], out[2], out[3]


def normal_pair(uint32_t w, uint32_t angle):
    """The two normals of two words."""
    cdef float x, y
    noise_pair(w, angle, &x, &y)
    return x, y


def sample_normals(uint64_t seed, uint32_t number, int64_t t, int n):
    """Normals of the samples t … t + n of input port ``number``, float64."""
    if n < 0:
        raise ValueError("n must not be negative")
    cdef int64_t first = t & ~<int64_t>63
    cdef int64_t last = (t + n + 63) & ~<int64_t>63
    cdef float[::1] out = np.zeros(max(last - first, 1), np.float32)
    noise_samples(seed, number, first, <int>(last - first), &out[0])
    return np.asarray(out)[t - first : t - first + n].astype(np.float64)


def integral_normals(uint64_t seed, uint32_t number, uint32_t element, int64_t end, uint32_t q):
    """The two normals of integral ``q`` of its measure."""
    cdef noise_place place
    cdef float x, y
    place.number, place.element, place.end, place.q = number, element, end, q
    noise_integral(seed, &place, &x, &y)
    return x, y


KINDS = {"pulse": SIGNAL_PULSE, "ramp": SIGNAL_RAMP, "ramp_to_zero": SIGNAL_RAMP_TO_ZERO}


cdef int fill_record(signal_record_t *r, element, start, phase, inc, alpha, beta, thread, order) except -1:
    memset(r, 0, sizeof(r[0]))
    a, b = complex(alpha), complex(beta)
    r.start, r.element, r.thread, r.order = start, element, thread, order
    r.phase, r.inc = phase & 0xFFFFFFFFFFFFFFFF, inc & 0xFFFFFFFFFFFFFFFF
    r.alpha_r, r.alpha_i, r.beta_r, r.beta_i = a.real, a.imag, b.real, b.imag
    return 0


cdef class Signals:
    """Tables, records and acquisitions of one job; see signals.h for what each field means."""

    cdef signals *s
    cdef signal_events_t seen

    def __cinit__(self, seed=0, numerics="linear"):
        if numerics not in ("linear", "exact"):
            raise ValueError("numerics must be 'linear' or 'exact'")
        memset(&self.seen, 0, sizeof(self.seen))
        self.s = signals_new(seed, SIGNAL_EXACT if numerics == "exact" else SIGNAL_LINEAR)
        if self.s == NULL:
            raise MemoryError

    def __dealloc__(self):
        signals_free(self.s)

    def add_waveform(self, I, Q=None, *, constant=False):
        """A waveform of samples in V, one per ns; Q None for a single input. Returns its id."""
        cdef const double[::1] x = np.ascontiguousarray(I, dtype=np.float64)
        cdef const double[::1] y
        if x.shape[0] == 0:
            raise ValueError("a waveform has at least one sample")
        if Q is None:
            return checked(signals_add_waveform(self.s, &x[0], NULL, x.shape[0], constant))
        y = np.ascontiguousarray(Q, dtype=np.float64)
        if y.shape[0] != x.shape[0]:
            raise ValueError("I and Q differ in length")
        return checked(signals_add_waveform(self.s, &x[0], &y[0], x.shape[0], constant))

    def add_weights(self, cosine, sine=None):
        """Integration weights, one value per ns; sine None for zeros. Returns their id."""
        cdef const double[::1] x = np.ascontiguousarray(cosine, dtype=np.float64)
        cdef const double[::1] y
        if x.shape[0] == 0:
            raise ValueError("weights have at least one value")
        if sine is None:
            return checked(signals_add_weights(self.s, &x[0], NULL, x.shape[0]))
        y = np.ascontiguousarray(sine, dtype=np.float64)
        if y.shape[0] != x.shape[0]:
            raise ValueError("cosine and sine differ in length")
        return checked(signals_add_weights(self.s, &x[0], &y[0], x.shape[0]))

    def add_element(self, correction=(1.0, 0.0, 0.0, 1.0)):
        """An element with its mixer correction. Returns its id."""
        c00, c01, c10, c11 = correction
        return checked(signals_add_element(self.s, c00, c01, c10, c11))

    def correct(self, element, correction):
        """Another mixer correction for the element's records and holds that are still to come."""
        cdef double c[4]
        c[0], c[1], c[2], c[3] = correction
        checked(signal_correction(self.s, element, c))

    def add_port(self, number=1, *, gain=1.0, offset=0.0, sigma=0.0, sign=1, delay=0, from_samples=False):
        """An input port. Returns its id."""
        return checked(signals_add_port(self.s, number, gain, offset, sigma, sign, delay, from_samples))

    def add_ear(self, port, element, which, output=0, *, delay=0, factor=1.0):
        """Lets a port hear output 0 (I), 1 (Q) or 2 (single) of an element, ``delay`` ns later and ``factor`` times."""
        ear = checked(signals_add_ear(self.s, port, element, which, output))
        checked(signals_set_way(self.s, port, ear, delay, factor))

    def add_level(self, volts, thread):
        """A DC offset, as an element whose output 2 may be heard. Returns its id."""
        return checked(signals_add_level(self.s, volts, thread))

    def level(self, level, t, setter, volts):
        """The DC offset is ``volts`` from ``t`` on; ``setter``: the thread that says so."""
        checked(signal_level(self.s, level, t, setter, volts))

    def record(self, element, waveform, start, length, *, phase=0, inc=0, alpha=1.0, beta=0.0, thread=0, order=0,
               kind="pulse", stretched=0, sections=(), slope=0):
        """A play. Phases and increments are taken modulo 2^64. ``sections``: (start, rate) of a chirp."""
        cdef signal_record_t r
        cdef signal_section_t *chirp = NULL
        if kind not in KINDS:
            raise ValueError("kind must be 'pulse', 'ramp' or 'ramp_to_zero'")
        sections = list(sections)
        fill_record(&r, element, start, phase, inc, alpha, beta, thread, order)
        r.length, r.waveform, r.kind, r.stretched, r.slope = length, waveform, KINDS[kind], stretched, slope
        if not sections:
            checked(signal_record(self.s, &r))
            return
        chirp = <signal_section_t *>malloc(len(sections) * sizeof(signal_section_t))
        if chirp == NULL:
            raise MemoryError
        try:
            for i, (first, rate) in enumerate(sections):
                chirp[i].start, chirp[i].rate = first, rate & 0xFFFFFFFFFFFFFFFF
            r.sections, r.section_count = chirp, len(sections)
            checked(signal_record(self.s, &r))
        finally:
            free(chirp)

    def hold_begin(self, element, start, *, phase=0, inc=0, level=1.0, thread=0, order=0):
        """A sticky element holds the complex ``level`` from ``start`` on."""
        cdef signal_record_t r
        fill_record(&r, element, start, phase, inc, level, 0.0, thread, order)
        checked(signal_hold_begin(self.s, &r))

    def hold_end(self, element, t):
        """The open hold of an element ends at ``t``."""
        checked(signal_hold_end(self.s, element, t))

    def add_output(self, *, offset=0.0, delay=0, saturates=False, fir=(), iir=()):
        """An analog output port that can be rendered. Returns its id."""
        cdef signal_output_t o
        cdef const double[::1] b = np.ascontiguousarray(fir, dtype=np.float64)
        cdef const double[::1] a = np.ascontiguousarray(iir, dtype=np.float64)
        memset(&o, 0, sizeof(o))
        o.offset, o.delay, o.saturates = offset, delay, saturates
        o.fir_count, o.iir_count = b.shape[0], a.shape[0]
        if b.shape[0]:
            o.fir = &b[0]
        if a.shape[0]:
            o.iir = &a[0]
        return checked(signals_add_output(self.s, &o))

    def add_source(self, output, element, which):
        """Output port ``output`` carries output 0 (I), 1 (Q) or 2 (single) of an element."""
        checked(signals_add_source(self.s, output, element, which))

    def add_crosstalk(self, output, source, factor):
        """``factor`` times the sum on ``source`` is added before the filter of ``output``."""
        checked(signals_add_crosstalk(self.s, output, source, factor))

    def render(self, output, start, length):
        """Output samples in V, float64."""
        cdef double[::1] v = np.zeros(max(length, 1))
        cdef int id = output
        cdef int64_t first = start, n = length
        cdef int code
        with nogil:
            code = signal_render(self.s, id, first, n, &v[0], &self.seen)
        checked(code)
        return np.asarray(v)[:length]

    def render_float32(self, outputs, start, int16_t[:, ::1] codes):
        """Codes of several outputs into the rows of ``codes``; float32 sums (signals.h)."""
        cdef int[::1] ids = np.ascontiguousarray(outputs, dtype=np.intc)
        cdef int64_t first = start
        cdef int code
        if ids.shape[0] != codes.shape[0] or codes.shape[0] == 0 or codes.shape[1] == 0:
            raise ValueError("codes has a row for each output, and columns")
        with nogil:
            code = signal_render_float32(self.s, &ids[0], <int>codes.shape[0], first, codes.shape[1], &codes[0, 0],
                                         codes.shape[1], &self.seen)
        checked(code)

    cdef int fill(self, signal_acquisition_t *a, signal_process_t *p, start, processes, phase, inc, element) except -1:
        if not 1 <= len(processes) <= SIGNAL_PROCESSES_MAX:
            raise ValueError("an acquisition has 1 … 16 processes")
        for i, (kind, legs) in enumerate(processes):
            if kind not in ("demod", "integration") or not 1 <= len(legs) <= 2:
                raise ValueError("a process is ('demod' or 'integration', one or two (port, weights))")
            p[i].kind = SIGNAL_INTEGRATION if kind == "integration" else SIGNAL_DEMOD
            p[i].process, p[i].legs = i, len(legs)
            for leg, (port, weights) in enumerate(legs):
                p[i].port[leg], p[i].weights[leg] = port, weights
        a.start, a.element, a.count, a.processes = start, element, len(processes), p
        a.phase, a.inc = phase & 0xFFFFFFFFFFFFFFFF, inc & 0xFFFFFFFFFFFFFFFF
        return 0

    def evaluate(self, start, processes, *, phase=0, inc=0, element=0):
        """Raw 4.28 results of one window. ``processes``: (kind, ((port, weights), …)) each."""
        cdef signal_acquisition_t a
        cdef signal_process_t[16] p
        cdef int32_t[16] raw
        cdef int code
        self.fill(&a, p, start, processes, phase, inc, element)
        with nogil:
            code = signal_evaluate(self.s, &a, raw, &self.seen)
        checked(code)
        return [raw[i] for i in range(a.count)]

    def integral(self, start, process, *, phase=0, inc=0, element=0):
        """The double before it is rounded to 4.28 (linear numerics)."""
        cdef signal_acquisition_t a
        cdef signal_process_t[16] p
        cdef double value
        self.fill(&a, p, start, [process], phase, inc, element)
        checked(signal_integral(self.s, &a, &value, &self.seen))
        return value

    def trace(self, port, start, length):
        """Converter codes of one port, int16."""
        cdef int16_t[::1] codes = np.zeros(max(length, 1), dtype=np.int16)
        cdef int id = port
        cdef int64_t first = start, n = length
        cdef int code
        with nogil:
            code = signal_trace(self.s, id, first, n, &codes[0], &self.seen)
        checked(code)
        return np.asarray(codes)[:length]

    def heard(self, port, start, length):
        """The voltage that one port hears, before noise, gain and offset, float64."""
        cdef double[::1] v = np.zeros(max(length, 1))
        checked(signal_heard(self.s, port, start, length, &v[0]))
        return np.asarray(v)[:length]

    def forget_before(self, t):
        """No window from now on starts before ``t``."""
        signal_forget_before(self.s, t)

    @property
    def events(self):
        """How often each event was noticed."""
        return {"integral_overflow": self.seen.integral_overflow, "input_saturated": self.seen.input_saturated}

    @property
    def output_overflow(self):
        """How many rendered samples were out of range."""
        return self.seen.output_overflow
