/* What the signal kernels share behind signals.h: the tables, what a port remembers, and blocks of samples. */
#ifndef QUAYMASTER_INSIDE_H
#define QUAYMASTER_INSIDE_H

#include "noise.h"
#include "phase.h"
#include "remembered.h"
#include "signals.h"

/* Samples are worked on in blocks that stay in the first-level cache; LANES is the contract's. */
enum { BLOCK = 256, LANES = 16 };

typedef struct {
    double re, im;
} pair;

INLINE pair times(pair x, pair y)
{
    double a = x.re * y.re, b = x.im * y.im, c = x.re * y.im, d = x.im * y.re;
    ROUNDED(a);
    ROUNDED(b);
    ROUNDED(c);
    ROUNDED(d);
    return (pair){a - b, c + d};
}

INLINE double real_times(pair x, pair y) { return x.re * y.re - x.im * y.im; }

INLINE pair turned(uint64_t phase)
{
    pair z;
    phase_cossin(phase, &z.re, &z.im);
    return z;
}

/* --- tables ---------------------------------------------------------------------------------------------------- */

typedef struct {
    double *I, *Q; /* Q NULL: zeros. A constant is stored BLOCK times. */
    int64_t n;
    int constant;
    double peak; /* max |wI| + |wQ| over all samples */
} waveform;

typedef struct {
    double *re, *im; /* V = cosine - i sine; im NULL: zeros */
    int64_t n;
} weights;

/* A queue of an element's records in the order of time, in a ring that doubles. */
typedef struct {
    pair m[2];       /* m_I, m_Q */
    int64_t delay;   /* greatest of the ports that hear it, -1: nobody does */
    int64_t last;    /* end of the newest record */
    signal_record_t *ring;
    uint64_t first, count, slots; /* slots a power of two, or 0 */
} element;

typedef struct {
    int32_t element, which;
    int32_t output;  /* as the caller numbers it */
    int32_t channel; /* the same, counted from 0 among the output ports that this port hears */
} ear;

/* A record as a port hears it in a window. */
typedef struct {
    const signal_record_t *record;
    int64_t offset; /* of its first sample from the window's start */
    pair k, k2;     /* component factors: with w, and with conj(w) */
    pair plus[2], minus[2]; /* k e^{i(phi + theta)} and conj(k) e^{i(phi - theta)} of k and k2, for port->turned */
    int32_t channel; /* of the ear */
    int32_t ear;     /* its place in port->ears */
} heard;

/* An integral whose window may overlap later ones: its row of the covariance's root. */
typedef struct {
    int64_t start, end;
    uint64_t phase, inc;
    int32_t variant;
    int32_t width; /* of the row, without the diagonal */
    double z, diagonal;
    double row[SIGNAL_OVERLAPS_MAX];
} past;

typedef struct {
    int32_t number;
    double gain, offset, sigma, sign;
    int64_t delay;
    int from_samples;
    ear *ears;
    int ear_count, channels;
    /* the records of the latest window looked at, in the contract's order */
    heard *heard;
    int heard_count, heard_slots;
    int64_t heard_start, heard_length;
    uint64_t heard_stamp;
    double heard_bound; /* sum of |factors| times peak */
    /* what depends on the demodulator's phase at the window's start, for the list above */
    int turned;
    uint64_t turned_phase;
    pair once, twice; /* e^{i phi}, e^{2 i phi} */
    /* integrals in the order (end, thread, order, process, leg) */
    past *rows;
    int64_t row_first, row_count, row_slots;
} port;

struct signals {
    uint64_t seed;
    int numerics;
    int64_t forgotten; /* no window starts before */
    uint64_t stamp;    /* counts what may change a heard list */
    uint64_t ring_bytes;
    waveform *waveforms;
    weights *weights;
    element *elements;
    port *ports;
    int waveform_count, weight_count, element_count, port_count;
    remembered sums;
};

/* --- one window of one integral -------------------------------------------------------------------------------- */

typedef struct {
    int32_t variant;     /* 2 * weights + kind: what V is */
    int64_t start, n;
    uint64_t phase, inc; /* 0, 0 for integration */
    double z;            /* its normal, where its port has noise and no samples of its own */
} window;

/* --- blocks (blocks.c) ----------------------------------------------------------------------------------------- */

/* c + i s of the phases p, p + inc, … for BLOCK samples. */
void block_turn(uint64_t p, uint64_t inc, double *c, double *s);

/* x <- x (c + i s), sample by sample. */
void block_times(double *re, double *im, const double *c, const double *s);

/* out <- Re(x (c + i s)). */
void block_real_times(const double *re, const double *im, const double *c, const double *s, double *out);

/* x <- x y. */
void block_scale(double *x, const double *y);

/* v <- v + Re(k P), P = (re + i sign im)(c + i s), for `count` samples. */
void block_play(const double *re, const double *im, double sign, const double *c, const double *s, pair k, int count,
                double *v);

/* out <- a b for sign 1.0, a conj(b) for -1.0. */
void block_product(const double *ar, const double *ai, const double *br, const double *bi, double sign, double *re,
                   double *im);

/* lane[i mod LANES] += x[i]. */
void block_lanes(const double *x, double *lane);

double lanes_fold(double *lane);

/* V of samples from … from + count of a window, zeros up to BLOCK: re, im hold BLOCK each. */
void block_weights(const signals *s, int32_t variant, int64_t from, int count, int skip, double *re, double *im);

/* BLOCK samples from `from` of V turned by `inc` from `phase` at the window's start; zeros outside [low, high). */
void turned_weights(const signals *s, const window *w, int64_t from, int64_t low, int64_t high, double *re, double *im);

/* --- waveforms (waveform.c) -------------------------------------------------------------------------------------- */

/* w[from … from + count) of the waveform played for `length` ns, at re + skip and im + skip. */
void waveform_samples(const waveform *w, int64_t length, int64_t from, int count, double *re, double *im);

/* Greatest |wI| + |wQ| of n samples; im may be NULL. */
double peak_of(const double *re, const double *im, int64_t n);

/* Greatest |wI| + |wQ| of the waveform played for `length` ns; negative code: SIGNAL_NO_MEMORY. */
double waveform_peak(signals *s, int id, int64_t length);

/* --- what a port hears (hear.c) ---------------------------------------------------------------------------------- */

/* Fills port->heard for the window; remembers it until something changes. */
int hear(signals *s, port *p, int64_t start, int64_t length);

/* Fills what depends on the phase, for the list of `hear`. */
void hear_turned(port *p, uint64_t phase);

/* Voltage heard in samples from … from + count (from counted in the window that `hear` was given). */
void hear_samples(signals *s, const port *p, int64_t from, int count, double *v);

/* The same behind noise, gain, offset and sign. */
void convert_samples(signals *s, const port *p, int64_t from, int count, double *v);

/* Converter codes of the samples; returns how many were out of range. */
int64_t code_samples(signals *s, const port *p, int64_t from, int count, int16_t *codes);

/* --- integrals --------------------------------------------------------------------------------------------------- */

/* linear.c: the D of one window on one port, from sums or, near the converter's range, from samples. */
int linear_integral(signals *s, port *p, const window *w, double *value, signal_events_t *events);

/* rows.c: eta of one window from the joint noise of all that overlap it. */
int rows_noise(signals *s, port *p, const window *w, double *eta);

/* exact.c: the 4.28 result of one window on one port, from codes. */
int exact_integral(signals *s, port *p, const window *w, int32_t *raw, signal_events_t *events);

#endif
