"""C names of signals.h for Cython modules that link the signal kernels."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint32_t, uint64_t

cdef extern from "signals.h" nogil:
    enum:
        SIGNAL_OK
        SIGNAL_NO_MEMORY
        SIGNAL_RING_FULL
        SIGNAL_TOO_MANY_OVERLAPS
        SIGNAL_MIXED_WINDOWS
        SIGNAL_TOO_LONG
        SIGNAL_BAD_ID
        SIGNAL_OUT_OF_ORDER
        SIGNAL_PULSE
        SIGNAL_RAMP
        SIGNAL_RAMP_TO_ZERO
        SIGNAL_HOLD
        SIGNAL_SECTIONS_MAX
        SIGNAL_PROCESSES_MAX
        SIGNAL_DEMOD
        SIGNAL_INTEGRATION
        SIGNAL_LINEAR
        SIGNAL_EXACT
        SIGNAL_OUTPUT_I
        SIGNAL_OUTPUT_Q
        SIGNAL_OUTPUT_SINGLE

    ctypedef struct signals:
        pass

    ctypedef struct signal_section_t:
        int64_t start
        uint64_t rate

    ctypedef struct signal_record_t:
        int64_t start
        int64_t length
        uint64_t phase
        uint64_t inc
        double alpha_r
        double alpha_i
        double beta_r
        double beta_i
        int32_t element
        int32_t waveform
        int32_t thread
        int32_t kind
        int64_t order
        int64_t stretched
        const signal_section_t *sections
        int32_t section_count
        int32_t slope
        int32_t fold

    ctypedef struct signal_process_t:
        int32_t kind
        int32_t process
        int32_t legs
        int32_t[2] port
        int32_t[2] weights

    ctypedef struct signal_acquisition_t:
        int64_t start
        uint64_t phase
        uint64_t inc
        int32_t element
        int32_t count
        const signal_process_t *processes

    ctypedef struct signal_events_t:
        int64_t integral_overflow
        int64_t input_saturated
        uint32_t overflowed
        uint32_t saturated
        int64_t output_overflow

    ctypedef struct signal_step_t:
        int64_t start
        double volts

    ctypedef struct signal_output_t:
        double offset
        const signal_step_t *steps
        int32_t step_count
        int64_t delay
        int saturates
        const double *fir
        const double *iir
        int32_t fir_count
        int32_t iir_count

    signals *signals_new(uint64_t seed, int numerics)
    void signals_free(signals *s)
    int signals_add_waveform(signals *s, const double *I, const double *Q, int64_t n, int constant)
    int signals_add_weights(signals *s, const double *cosine, const double *sine, int64_t n)
    int signals_add_element(signals *s, double c00, double c01, double c10, double c11)
    int signal_correction(signals *s, int element, const double *c)
    int signals_add_port(signals *s, int32_t number, double gain, double offset, double sigma, int sign, int64_t delay,
                         int from_samples)
    int signals_add_photons(signals *s, int port, const uint64_t *thresholds, int count, double volts, int width)
    int signals_add_ear(signals *s, int port, int element, int which, int32_t output)
    int signals_set_way(signals *s, int port, int ear, int64_t delay, double factor)
    int signals_set_output_rate(signals *s, int output, int per_ns)
    int signals_add_tail(signals *s, int output_id)
    int signals_hear_tail(signals *s, int port, int tail, int32_t output, int64_t delay, double full_scale)
    int signals_add_level(signals *s, double volts, int32_t thread)
    int signal_level(signals *s, int level, int64_t t, int32_t setter, double volts)
    int signals_set_full_scale(signals *s, int port, int32_t output, double full_scale)
    int signals_add_halves(signals *s, int waveform, const double *I, const double *Q)
    int signals_set_halves(signals *s, int element)
    int signals_set_way_halves(signals *s, int port, int ear)
    int signals_set_rate(signals *s, int port, int per_ns)
    int signals_add_shifted(signals *s, int element, uint64_t shift, int turns)
    int signal_record(signals *s, const signal_record_t *record)
    int signal_hold_begin(signals *s, const signal_record_t *r)
    int signal_hold_end(signals *s, int element, int64_t t)
    int signals_add_output(signals *s, const signal_output_t *o)
    int signals_add_source(signals *s, int output, int element, int which)
    int signals_add_crosstalk(signals *s, int output, int source, double factor)
    int signals_add_exponentials(signals *s, int output, double dc_gain, const double *amplitudes,
                                 const double *decays, int32_t count)
    int signal_render(signals *s, int output, int64_t start, int64_t length, double *volts, signal_events_t *events)
    int signal_render_sums(signals *s, int output, int64_t start, int64_t length, double *volts)
    int signal_render_float32(signals *s, const int *outputs, int count, int64_t start, int64_t length, int16_t *codes,
                              int64_t stride, signal_events_t *events)
    int signal_evaluate(signals *s, const signal_acquisition_t *a, int32_t *raw, signal_events_t *events)
    int signal_trace(signals *s, int port, int64_t start, int64_t length, int16_t *codes, signal_events_t *events)
    void signal_forget_before(signals *s, int64_t t)
    int signal_heard(signals *s, int port, int64_t start, int64_t length, double *v)
    int signal_integral(signals *s, const signal_acquisition_t *a, double *value, signal_events_t *events)
