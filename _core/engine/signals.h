/* Signals: records in, integrals and raw traces out (docs/arithmetic.md 4-9).
 *
 * The machine says what is played (records) and what is measured (acquisitions); this part knows what each input
 * port hears, and answers with integers. Nothing here has a clock, draws on global state or needs the GIL; one
 * `signals` belongs to one OS thread at a time.
 *
 * How it is used:
 *
 *   1. signals_new, then the tables: signals_add_waveform, _weights, _element, _port, _ear. Each returns an id,
 *      counted from 0 in the order of the calls, or a negative SIGNAL_… code.
 *   2. For every play: signal_record. Per element in the order of time; between elements in any order.
 *   3. For every acquisition, once all records that start before its window's end are known: signal_evaluate, or
 *      signal_trace for each output. Acquisitions on one port come in the order (window end, thread, order); traces in any.
 *   4. signal_forget_before(t), as often as one likes (it is two stores): no window evaluated or traced from
 *      now on starts before t. What can no longer be heard is dropped, in memory that stays bounded.
 *
 * A measure becomes one acquisition per window length: `process` numbers its processes through the whole measure,
 * and all processes of one acquisition have weights of one length (else SIGNAL_MIXED_WINDOWS; a dual process with two
 * lengths is to be refused before). A raw trace is a call of its own, signal_trace, for each output of the element.
 *
 * (The file is not named signal.h: the C library's <signal.h> would then be found here.)
 */
#ifndef QUAYMASTER_SIGNALS_H
#define QUAYMASTER_SIGNALS_H

#include <stdint.h>

/* Return codes. 0 is success; an id is >= 0; every code is negative and has a name for users. */
enum {
    SIGNAL_OK = 0,
    SIGNAL_NO_MEMORY = -1,         /* malloc said no */
    SIGNAL_RING_FULL = -2,         /* more than SIGNAL_RING_BYTES_MAX of records not yet forgotten, or
                                      SIGNAL_SHAPE_BYTES_MAX of their chirps, ramps and cuts, or
                                      SIGNAL_ROOT_BYTES_MAX of overlapping integrals */
    SIGNAL_TOO_MANY_OVERLAPS = -3, /* more than SIGNAL_OVERLAPS_MAX integrals overlap on a port: `too_many_overlaps` */
    SIGNAL_MIXED_WINDOWS = -4,     /* weights of different length in one acquisition */
    SIGNAL_TOO_LONG = -5,          /* a waveform, weights or window above SIGNAL_SAMPLES_MAX */
    SIGNAL_BAD_ID = -6,            /* an id that no table has, or a stretch of fewer than 4 samples: a bug of the caller */
    SIGNAL_OUT_OF_ORDER = -7       /* a record before an earlier one of its element, or a filter that would need
                                      forgotten ones: a bug of the caller */
};

/* Limits, each with its name in errors. */
#define SIGNAL_RING_BYTES_MAX (256u << 20)   /* records of all elements together, and samples of tails */
#define SIGNAL_OVERLAPS_MAX 64               /* integrals that overlap on a port, the new one counted */
#define SIGNAL_SAMPLES_MAX (1ll << 27)       /* one waveform, weights, window or trace */
#define SIGNAL_CACHE_ENTRIES_MAX (1u << 15)  /* remembered integrals; evicted all at once */
#define SIGNAL_PROCESSES_MAX 16              /* processes in one `acquisition`; more go into a further one */
#define SIGNAL_SECTIONS_MAX 4096             /* sections of one chirp */
#define SIGNAL_TAPS_MAX 65536                /* taps of an output filter, each kind */
#define SIGNAL_EXPONENTIALS_MAX 1024         /* exponentials of one stage of an output filter */
#define SIGNAL_SHAPE_BYTES_MAX (64u << 20)   /* different chirps, ramps and cuts among the records not yet forgotten */
#define SIGNAL_PULSE_BYTES_MAX (64u << 20)   /* remembered modulated pulses and turned weights; evicted all at once */
#define SIGNAL_ROOT_BYTES_MAX (64u << 20)    /* different ways in which integrals not yet forgotten overlap */

typedef struct signals signals;

/* What a record's waveform is. RAMP: w[n] = (n + 1) slope 2^-28. RAMP_TO_ZERO: w[n] = 1 - (n + 1) / length. Both have no
 * waveform id. A hold is made by signal_hold_begin alone. */
enum { SIGNAL_PULSE = 0, SIGNAL_RAMP = 1, SIGNAL_RAMP_TO_ZERO = 2, SIGNAL_HOLD = 3 };

/* One section of a chirp: from `start` ns of the record on the frequency grows by `rate` (2^-64 turns per ns^2). */
typedef struct {
    int64_t start; /* the first section's is 0; growing */
    uint64_t rate;
} signal_section_t;

/* One play or measure on one element. Zero what is not said: a plain pulse has kind, sections, stretched and slope 0. */
typedef struct {
    int64_t start;    /* ns */
    int64_t length;   /* ns that it sounds: of a constant any, of an arbitrary waveform its own or another */
    uint64_t phase;   /* theta(start), 2^-64 turns */
    uint64_t inc;     /* 2^-64 turns per ns */
    double alpha_r, alpha_i, beta_r, beta_i; /* from the rounded amplitudes; single input: (a, 0, 0, 0) */
    int32_t element;  /* id */
    int32_t waveform; /* id */
    int32_t thread;   /* number of the element's thread */
    int32_t kind;     /* SIGNAL_PULSE, _RAMP, _RAMP_TO_ZERO */
    int64_t order;    /* order in the thread: grows with every play and measure of the thread */
    int64_t stretched; /* truncate: ns that the waveform is stretched to before it is cut to `length`; 0: to `length` */
    const signal_section_t *sections; /* of a chirp; copied; NULL: none */
    int32_t section_count;            /* 0 … SIGNAL_SECTIONS_MAX */
    int32_t slope;    /* of a ramp: fixed raw */
    int32_t fold;     /* of an output with two samples a ns: 1 where its increment is an odd number of turns from inc as a
                         signed number: beyond 500 MHz */
} signal_record_t;

/* What a process does with the samples. */
enum { SIGNAL_DEMOD = 0, SIGNAL_INTEGRATION = 1 };

/* One process: one leg, or two for dual_demod. Leg n reads input port `port[n]` with weights `weights[n]`; n is the
 * contract's `output`, so that 2 * process + n counts the integrals of a measure (choice). */
typedef struct {
    int32_t kind;       /* SIGNAL_DEMOD or SIGNAL_INTEGRATION */
    int32_t process;    /* its number within the measure, from 0 in the order of the text */
    int32_t legs;       /* 1 or 2 */
    int32_t port[2];    /* ids of input ports */
    int32_t weights[2]; /* ids */
} signal_process_t;

/* One window and the processes that read it. */
typedef struct {
    int64_t start;      /* ns: start of the measure + time_of_flight */
    uint64_t phase;     /* theta(start) of the measuring element with the state of its measure's start */
    uint64_t inc;       /* of the same state */
    int32_t element;    /* number of the measuring element in the program */
    int32_t count;      /* processes, 1 … SIGNAL_PROCESSES_MAX */
    const signal_process_t *processes;
} signal_acquisition_t;

/* What was noticed; added to, never cleared here. */
typedef struct {
    int64_t integral_overflow; /* integrals that wrapped */
    int64_t input_saturated;   /* integrals and traces with at least one sample out of range */
    uint32_t overflowed;       /* by signal_evaluate: bit k is processes[k] */
    uint32_t saturated;        /* likewise */
    int64_t output_overflow;   /* rendered output samples out of range */
} signal_events_t;

/* Numerics of a job. */
enum { SIGNAL_LINEAR = 0, SIGNAL_EXACT = 1 };

/* NULL when there is no memory. */
signals *signals_new(uint64_t seed, int numerics);
void signals_free(signals *s);

/* A waveform of `n` samples, 1 per ns; Q may be NULL (single input). constant: n = 1, any length can be played. */
int signals_add_waveform(signals *s, const double *I, const double *Q, int64_t n, int constant);

/* Weights of n ns, one value per ns (the config's 4 ns steps already repeated). sine may be NULL for zeros. */
int signals_add_weights(signals *s, const double *cosine, const double *sine, int64_t n);

/* An element with its mixer correction: m_I = c00 - i c01, m_Q = c10 - i c11; single input: (1, 0, 0, 1). */
int signals_add_element(signals *s, double c00, double c01, double c10, double c11);

/* Another correction (c00, c01, c10, c11) for the element's records and holds that are still to come. */
int signal_correction(signals *s, int element, const double c[4]);

/* An input port. number = fem * 256 + port number; gain = 10^(gain_db / 20); offset in V; sigma in V per sample;
 * sign +1 or -1; delay in ns (>= 0) of all that it hears; from_samples: a measure of the program keeps a raw trace of it. */
int signals_add_port(signals *s, int32_t number, double gain, double offset, double sigma, int sign, int64_t delay,
                     int from_samples);

/* Photons come to the port, a pulse of `volts` for `width` ns each: thresholds[k] is 2^32 times the probability of at most
 * k of them in 256 ns, rounded up; growing, the last one 2^32. Its integrals are taken from samples. */
#define SIGNAL_PHOTONS_MAX 256
int signals_add_photons(signals *s, int port, const uint64_t *thresholds, int count, double volts, int width);

/* `port` hears that output of `element`: SIGNAL_OUTPUT_I, _Q or _SINGLE. output: any number that is the same for all
 * ears on one output port (the exact numerics add records there before they round). Before the first record. */
enum { SIGNAL_OUTPUT_I = 0, SIGNAL_OUTPUT_Q = 1, SIGNAL_OUTPUT_SINGLE = 2 };
int signals_add_ear(signals *s, int port, int element, int which, int32_t output);

/* That ear of a port (the id that signals_add_ear returned) hears `delay` ns (>= 0) later, and factor times as much. */
int signals_set_way(signals *s, int port, int ear, int64_t delay, double factor);

/* The DC offset of an output port, as an element of its own whose output SIGNAL_OUTPUT_SINGLE may have ears: `volts` at all
 * times, records of `thread`, behind all those of elements. */
int signals_add_level(signals *s, double volts, int32_t thread);

/* The level is `volts` from t on; of several at one t that of the greatest setting thread is right, of one thread the
 * latest call. In any order of t, as long as no window that hears t was evaluated. */
int signal_level(signals *s, int level, int64_t t, int32_t setter, double volts);

/* The converter of that output of a port has the range +-full_scale V (exact numerics; 0.5 where nothing is said). */
int signals_set_full_scale(signals *s, int port, int32_t output, double full_scale);

/* The element as a converter between its output and an input makes it: D = turns 2^64 + shift is added to the frequency of
 * its records (signed: with their fold), those for which that lies within 2^63 are kept here, too. Returns an id for ears.
 * Before the first record; what is shifted cannot be shifted again. */
int signals_add_shifted(signals *s, int element, uint64_t shift, int turns);

/* An output (signals_add_output, with a filter) that ports hear behind its filter, run from sample 0 on. Returns an id.
 * signals_set_output_rate, before any source, lets it take per_ns (1 or 2) samples a ns; so does one that brings crosstalk
 * to it. Such an output cannot be rendered. */
int signals_set_output_rate(signals *s, int output, int per_ns);
int signals_add_tail(signals *s, int output_id);

/* The port hears that tail, `delay` ns later than by its own delay, on the output that ears call `output`. Its integrals are
 * taken from samples. */
int signals_hear_tail(signals *s, int port, int tail, int32_t output, int64_t delay, double full_scale);

/* How many ns before the end of a window tails can keep with ease, INT64_MAX where there are none; signal_forget_before
 * before each evaluation tells them what need not be kept. */
int64_t signal_tails_keep_ns(const signals *s);

/* Keeps a copy of the record, if any port hears its element. */
int signal_record(signals *s, const signal_record_t *record);

/* The last sample of the record's waveform (at 2 GS/s of two a ns), before amplitude and phase: what a sticky element holds. */
int signal_last_sample(signals *s, const signal_record_t *record, double *re, double *im);

/* Sticky elements: from r->start on the element holds the level alpha (beta 0) with phase and inc, until signal_hold_end;
 * only start, phase, inc, alpha, sections, element, thread and order (that of the play that left it) are read. One hold of an
 * element at a time, ended before the next begins. Among the element's records it comes before those that start at its
 * start or later; a record that sounds beside an open hold is followed by the hold's end before anything is evaluated. */
int signal_hold_begin(signals *s, const signal_record_t *r);

/* The open hold of the element ends at t; OK where none is open. t before its start is SIGNAL_OUT_OF_ORDER; at its
 * start it has never been. */
int signal_hold_end(signals *s, int element, int64_t t);

/* raw[k] = 4.28 result of processes[k]. An error leaves raw undefined; the job has then failed. */
int signal_evaluate(signals *s, const signal_acquisition_t *a, int32_t *raw, signal_events_t *events);

/* The same; value[k] is the double that raw[k] is rounded from (exact numerics: raw[k] 2^-28). */
int signal_evaluate_values(signals *s, const signal_acquisition_t *a, int32_t *raw, double *value,
                           signal_events_t *events);

/* `length` converter codes of one input port from `start` (may be negative: nothing was played before 0). */
int signal_trace(signals *s, int port, int64_t start, int64_t length, int16_t *codes, signal_events_t *events);

/* Two samples a ns (docs/arithmetic.md 17). The waveform of n samples has 2 n of them; an output of the element has two a
 * ns, before anything is shifted; so has that way of a port (else what it hears so holds for a ns); raw traces of the port
 * have per_ns (1 or 2), its noise at half ns that of the number above its own by SIGNAL_HALF_NUMBER. */
#define SIGNAL_HALF_NUMBER 64
int signals_add_halves(signals *s, int waveform, const double *I, const double *Q);
int signals_set_halves(signals *s, int element);
int signals_set_way_halves(signals *s, int port, int ear);
int signals_set_rate(signals *s, int port, int per_ns);
int signal_per_ns(const signals *s, int port);

/* signal_trace for `length` ns of a port with two samples a ns: 2 length codes. */
int signal_trace_halves(signals *s, int port, int64_t start, int64_t length, int16_t *codes, signal_events_t *events);

/* How a port is tagged (docs/arithmetic.md 18); thresholds in converter codes. */
typedef struct {
    int32_t port;
    int32_t signal_threshold, derivative_threshold;
    int signal_above, derivative_above; /* 0: below */
    int high_res;                       /* tags in ps, else ns */
    int64_t dead;                       /* ns */
} signal_tagger_t;

#define SIGNAL_TAGS_LEAD 2 /* samples before its window that tagging looks at: nothing from there on may be forgotten */

/* The first `most` tags of [start, start + length), and how many they are. May be asked for in any order. */
int signal_tags(signals *s, const signal_tagger_t *t, int64_t start, int64_t length, int32_t *tags, int64_t most,
                int64_t *count, signal_events_t *events);

void signal_forget_before(signals *s, int64_t t);

/* --- output samples (docs/arithmetic.md 14) ---------------------------------------------------------------------- */

/* From sample `start` on, counted before the delay, the offset is `volts`. */
typedef struct {
    int64_t start;
    double volts;
} signal_step_t;

/* An analog output port that can be rendered. Taps and steps are copied; fir NULL: the one tap 1; iir NULL: none. */
typedef struct {
    double offset;      /* V */
    const signal_step_t *steps; /* changes of the offset, in the order of time; NULL: none */
    int32_t step_count;
    int64_t delay;      /* ns, >= 0 */
    int saturates;      /* out of range: 0 wraps, 1 saturates (a filtered port) */
    const double *fir;  /* b_0 … */
    const double *iir;  /* a_1 … */
    int32_t fir_count, iir_count; /* 0 … SIGNAL_TAPS_MAX */
} signal_output_t;

/* Returns its id. */
int signals_add_output(signals *s, const signal_output_t *o);

/* Behind the taps of the output, one more stage that undoes a line whose step response is dc_gain + sum over i of
 * amplitude_i decay_i^n (docs/arithmetic.md 17): 1 … SIGNAL_EXPONENTIALS_MAX of them, their sum with dc_gain not 0. */
int signals_add_exponentials(signals *s, int output, double dc_gain, const double *amplitudes, const double *decays,
                             int32_t count);

/* The output port carries that output (SIGNAL_OUTPUT_…) of the element. Before the first record. */
int signals_add_source(signals *s, int output, int element, int which);

/* factor times the sum of the records on port `from` is added before the filter of `output`, in the order of the calls. */
int signals_add_crosstalk(signals *s, int output, int from, double factor);

/* `length` samples in V of one output from `start` >= 0, rounded to 2^-16 and in range. Once all records that start before
 * the end are known. A port with a filter runs through all samples from 0: chunk after chunk is cheapest, and the only way
 * once older records are forgotten (a chunk may begin anew at 0 as long as nothing was forgotten). */
int signal_render(signals *s, int output, int64_t start, int64_t length, double *volts, signal_events_t *events);

/* What stands before its offset, delay and converter: behind the filter, neither rounded nor in range. */
int signal_render_sums(signals *s, int output, int64_t start, int64_t length, double *volts);

/* For scopes: the same as codes (V * 65536), `count` outputs side by side, row k at codes + k * stride. Sums are in float32
 * where a port has no filter and no crosstalk: a code may be 1 LSB off the contract, and differ by as much between
 * machines; the count of overflows is exact. No result of a job may come from it. */
int signal_render_float32(signals *s, const int *outputs, int count, int64_t start, int64_t length, int16_t *codes,
                          int64_t stride, signal_events_t *events);

/* For tests and for other plants: the signal that a port hears, in V, before noise, gain and offset. */
int signal_heard(signals *s, int port, int64_t start, int64_t length, double *v);

/* The double that `raw` of process 0 of the acquisition is rounded from (linear numerics); for tests. */
int signal_integral(signals *s, const signal_acquisition_t *a, double *value, signal_events_t *events);

#endif
