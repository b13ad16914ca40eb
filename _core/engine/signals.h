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
    SIGNAL_RING_FULL = -2,         /* more than SIGNAL_RING_BYTES_MAX of records not yet forgotten */
    SIGNAL_TOO_MANY_OVERLAPS = -3, /* more than SIGNAL_OVERLAPS_MAX integrals overlap on a port: `too_many_overlaps` */
    SIGNAL_MIXED_WINDOWS = -4,     /* weights of different length in one acquisition */
    SIGNAL_TOO_LONG = -5,          /* a waveform, weights or window above SIGNAL_SAMPLES_MAX */
    SIGNAL_BAD_ID = -6,            /* an id that no table has, or a stretch of fewer than 4 samples: a bug of the caller */
    SIGNAL_OUT_OF_ORDER = -7       /* a record before an earlier one of its element: a bug of the caller */
};

/* Limits, each with its name in errors. */
#define SIGNAL_RING_BYTES_MAX (256u << 20)   /* records of all elements together */
#define SIGNAL_OVERLAPS_MAX 64               /* integrals that overlap on a port, the new one counted */
#define SIGNAL_SAMPLES_MAX (1ll << 27)       /* one waveform, weights, window or trace */
#define SIGNAL_CACHE_ENTRIES_MAX (1u << 15)  /* remembered integrals; evicted all at once */
#define SIGNAL_PROCESSES_MAX 16              /* processes in one `acquisition`; more go into a further one */

typedef struct signals signals;

/* One play or measure on one element. 88 bytes. */
typedef struct {
    int64_t start;    /* ns */
    int64_t length;   /* ns: of a constant any, of an arbitrary waveform its own or another (stretched, cut) */
    uint64_t phase;   /* theta(start), 2^-64 turns */
    uint64_t inc;     /* 2^-64 turns per ns */
    double alpha_r, alpha_i, beta_r, beta_i; /* from the rounded amplitudes; single input: (a, 0, 0, 0) */
    int32_t element;  /* id */
    int32_t waveform; /* id */
    int32_t thread;   /* number of the element's thread */
    int32_t reserved; /* 0 */
    int64_t order;    /* order in the thread: grows with every play and measure of the thread */
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
    int32_t thread;     /* of the measuring element */
    int32_t count;      /* processes, 1 … SIGNAL_PROCESSES_MAX */
    int64_t order;      /* order in the thread, as of the measure's record */
    const signal_process_t *processes;
} signal_acquisition_t;

/* What was noticed; added to, never cleared here. */
typedef struct {
    int64_t integral_overflow; /* integrals that wrapped */
    int64_t input_saturated;   /* integrals and traces with at least one sample out of range */
    uint32_t overflowed;       /* by signal_evaluate: bit k is processes[k] */
    uint32_t saturated;        /* likewise */
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

/* An input port. number = fem * 256 + port number; gain = 10^(gain_db / 20); offset in V; sigma in V per sample;
 * sign +1 or -1; delay in ns (>= 0) of all that it hears; from_samples: a measure of the program keeps a raw trace of it. */
int signals_add_port(signals *s, int32_t number, double gain, double offset, double sigma, int sign, int64_t delay,
                     int from_samples);

/* `port` hears that output of `element`: SIGNAL_OUTPUT_I, _Q or _SINGLE. output: any number that is the same for all
 * ears on one output port (the exact numerics add records there before they round). Before the first record. */
enum { SIGNAL_OUTPUT_I = 0, SIGNAL_OUTPUT_Q = 1, SIGNAL_OUTPUT_SINGLE = 2 };
int signals_add_ear(signals *s, int port, int element, int which, int32_t output);

/* Keeps a copy of the record, if any port hears its element. */
int signal_record(signals *s, const signal_record_t *record);

/* raw[k] = 4.28 result of processes[k]. An error leaves raw undefined; the job has then failed. */
int signal_evaluate(signals *s, const signal_acquisition_t *a, int32_t *raw, signal_events_t *events);

/* `length` converter codes of one input port from `start` (may be negative: nothing was played before 0). */
int signal_trace(signals *s, int port, int64_t start, int64_t length, int16_t *codes, signal_events_t *events);

void signal_forget_before(signals *s, int64_t t);

/* For tests and for other plants: the signal that a port hears, in V, before noise, gain and offset. */
int signal_heard(signals *s, int port, int64_t start, int64_t length, double *v);

/* The double that `raw` of process 0 of the acquisition is rounded from (linear numerics); for tests. */
int signal_integral(signals *s, const signal_acquisition_t *a, double *value, signal_events_t *events);

#endif
