/* What the signal kernels share behind signals.h: the tables, what a port remembers, and blocks of samples. */
#ifndef QUAYMASTER_INSIDE_H
#define QUAYMASTER_INSIDE_H

#include "noise.h"
#include "phase.h"
#include "remembered.h"
#include "signals.h"

/* Samples are worked on in blocks that stay in the first-level cache; LANES is the contract's. */
enum { BLOCK = 256, LANES = 16, PULSE_PAD = 16, RENDER_CHUNK = 4096 };

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
    double *halves_I, *halves_Q; /* two samples a ns, where it has them; halves_Q NULL: zeros */
} waveform;

typedef struct {
    double *re, *im; /* V = cosine - i sine; im NULL: zeros */
    int64_t n;
    /* of the exact numerics: floor(W 2^15 + 1/2) 2^-8 of cosine and sine, zeros up to whole BLOCKs; wide: a product with a
     * code may not fit 21 bits */
    double *cosine, *sine;
    int wide;
} weights;

/* What a record has beyond a plain pulse: a chirp, a ramp, a cut behind a stretch. Records that are equal in this share
 * one shape, whose serial number stands for it among remembered sums and is never used twice. */
typedef struct {
    int64_t start;
    uint64_t rate;
    uint64_t gained; /* what the earlier sections added to inc */
    uint64_t base;   /* chi(start) without inc start */
} section;

typedef struct shape {
    struct shape *next; /* in its bucket */
    uint64_t serial, hash;
    uint64_t uses; /* records in rings */
    double peak;   /* negative: not yet known */
    int64_t length, stretched;
    int32_t kind, waveform, slope, section_count;
    section sections[];
} shape;

enum { SHAPE_BUCKETS = 1024 };

typedef struct {
    shape *bucket[SHAPE_BUCKETS];
    uint64_t serial, bytes;
} shapes;

/* A record as it is kept: in one cache line what a scope reads of thousands. */
typedef struct {
    _Alignas(64) int64_t start;
    int64_t length;
    uint64_t phase, inc;
    double alpha_r, alpha_i;
    const shape *shape; /* NULL: a plain pulse, or a hold that does not sweep */
    int32_t waveform;
    int16_t kind;
    int8_t mirrored, corrected; /* beta is not 0; m is not what the element began with */
} played;

/* What else there is of it. */
typedef struct {
    double beta_r, beta_i;
    pair turn; /* e^{i theta} at its start; (0, 0): nobody has asked yet */
    pair m[2]; /* m_I, m_Q: the correction that its element had */
    int64_t order;
    int32_t thread, fold; /* fold: as of signal_record_t */
} aside;

/* A record that has no end yet ends here. */
#define OPEN_END (INT64_MAX / 4)

/* A queue of an element's records in the order of time, in rings that double. */
typedef struct {
    pair m[2];       /* m_I, m_Q at the start */
    pair now[2];     /* and of the records to come */
    int corrected;   /* whether the two may differ */
    int64_t delay;   /* greatest of the ports that hear it, -1: nobody does */
    int64_t last;    /* end of the newest record */
    played *ring;
    aside *asides; /* slot by slot */
    uint64_t first, count, slots; /* slots a power of two, or 0 */
    int64_t open;    /* slot of the hold without an end, -1: none */
    int32_t shifted; /* the next element that is this one shifted, -1: none */
    uint64_t shift;  /* of such a one: added to inc where their sum, signed, lies within 2^63 */
    int turns;       /* and 2^64 times this */
    int rendered;    /* an output carries it */
    int halves;      /* its output has two samples a ns */
} element;

/* Where the element's record number i stands in both rings. */
INLINE uint64_t slot(const element *e, uint64_t i) { return (e->first + i) & (e->slots - 1); }

typedef struct {
    int32_t element, which;
    int32_t output;  /* as the caller numbers it */
    int32_t channel; /* the same, counted from 0 among the output ports that this port hears */
    double full_scale; /* V: half the range of its converter; 0: half a volt */
    int64_t delay;     /* ns, beside that of the port */
    double factor;
    int halves; /* it comes in two samples a ns where the port has as many; else each of its samples holds for a ns */
} ear;

/* An output behind its filter, as far as it was needed: the samples of the ns [start, start + count), counted before its
 * delay, `per_ns` each. */
typedef struct {
    int32_t output;
    int per_ns;
    double *samples;
    int64_t start, count, slots; /* ns */
    int64_t reach; /* greatest delay with which a port hears it */
} tail;

typedef struct {
    int32_t tail, output, channel; /* as of an ear */
    int64_t delay;
    double full_scale;
} heard_tail;

/* A record as a port hears it in a window. */
typedef struct {
    const played *record;
    const aside *aside;
    int64_t offset; /* of its first sample from the window's start */
    pair k, k2;     /* component factors times e^{i theta}: with w, and with conj(w) */
    double size;    /* |re| + |im| of both before that */
    int32_t channel; /* of the ear */
    int32_t ear;     /* its place in port->ears */
} heard;

/* The rows of the covariance's root that belong to an integral: to the parts x and y of its noise N = x + iy. They depend
 * on its weights and increment and on the roots of the earlier integrals that it overlaps, and where those lie; integrals
 * that agree in this share one root, whose serial number is never used twice. */
typedef struct {
    uint64_t serial; /* of the earlier integral's root */
    int64_t shift;   /* start of this window - start of the earlier one */
} beside;

typedef struct root {
    struct root *next; /* in its bucket */
    uint64_t serial, hash;
    uint64_t uses; /* integrals of ports */
    uint64_t inc;
    int32_t variant, width; /* earlier integrals */
    double own_x, own_y;    /* the diagonal */
    double *x, *y;          /* x: 2 width entries; y: one more, that of its own x */
    beside beside[];
} root;

enum { ROOT_BUCKETS = 1024 };

typedef struct {
    root *bucket[ROOT_BUCKETS];
    uint64_t serial, bytes;
} roots;

/* An integral whose window may overlap later ones. */
typedef struct {
    int64_t start, end;
    root *root;
    pair z; /* its normals; 0 where the diagonal is */
} past;

/* Of the latest window: see shared.c. */
enum { SHARED_SAMPLES = 1 << 14 };

typedef struct {
    int64_t start, count, slots;
    float *normal;
} shared_noise;

typedef struct {
    int64_t start, count, slots, first_clipped;
    uint64_t stamp;
    int16_t *codes;
} shared_codes;

typedef struct {
    uint64_t phase, inc; /* at the start of a window of n ns */
    int64_t n, start, count, slots, im_slots;
    double *re, *im;
} turn;

/* Light: how many photons come in BLOCK ns, by the least threshold above a word; none where count is 0. */
typedef struct {
    uint64_t *thresholds;
    int count, width; /* ns */
    double volts;
} photons;

typedef struct {
    int32_t number;
    double gain, offset, sigma, sign;
    int64_t delay;
    int from_samples;
    int per_ns; /* samples of a raw trace */
    ear *ears;
    int ear_count, channels;
    heard_tail *tails;
    int tail_count;
    /* the records of the latest window looked at, in the contract's order */
    heard *heard;
    int heard_count, heard_slots;
    int64_t heard_start, heard_length;
    uint64_t heard_stamp;
    double heard_bound; /* sum of |factors| times peak */
    /* integrals in the order (end, thread, order, process, leg) */
    past *rows;
    int64_t row_first, row_count, row_slots;
    shared_noise noise;
    shared_codes codes;
    photons photons;
} port;

/* An analog output port; what it carries is what an input port without delay would hear of it. */
typedef struct {
    int32_t from;
    double factor;
} crosstalk;

/* Undoes gain + sum of amplitude decay^n: what each exponential holds, and the last sample that left. */
typedef struct {
    double gain, last;
    double *amplitude, *decay, *held;
    int32_t count;
} stage;

typedef struct {
    port sum;
    int per_ns; /* samples: 2 alone of what inputs hear behind a filter */
    double offset;
    signal_step_t *steps;
    int32_t step_count;
    int64_t delay;
    int saturates;
    double *fir, *iir;
    int32_t fir_count, iir_count;
    crosstalk *crosstalks;
    int crosstalk_count;
    /* of a filter: the next ns, and what it remembers, latest last */
    int64_t at;
    double *inputs, *outputs; /* fir_count - 1 and iir_count */
    stage *stages;
    int stage_count;
} output;

/* Modulated pulses w e^{i chi} and turned weights V e^{i inc i}: a hash table by shape, waveform or weights, and increment. */
typedef struct {
    uint64_t name, length, inc; /* of the waveform, shape or weights; ns; increment */
    double *re, *im;            /* NULL: a free slot. Zeros up to whole BLOCKs */
    float *fre, *fim;           /* the same between zeros, or NULL: scopes alone need them */
} pulse;

typedef struct {
    pulse *slot;
    uint64_t slots, count, bytes, evictions;
} pulses;

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
    output *outputs;
    tail *tails;
    int tail_count, failed; /* failed: the code of what went wrong while nobody could be told */
    int waveform_count, weight_count, element_count, port_count, output_count;
    int64_t output_delay; /* greatest of all outputs */
    remembered sums;
    shapes shapes;
    roots roots;
    pulses pulses;
    turn turn;
};

/* --- one window of one integral -------------------------------------------------------------------------------- */

typedef struct {
    int32_t variant;     /* 2 * weights + kind: what V is */
    int64_t start, n;
    uint64_t phase, inc; /* 0, 0 for integration */
    pair turn;           /* e^{i phase} */
    uint32_t element, q;  /* its place in the noise */
} window;

/* --- blocks (blocks.c) ----------------------------------------------------------------------------------------- */

/* c + i s of BLOCK phases. */
void block_cossin(const uint64_t *phase, double *c, double *s);

/* v <- v + Re(k (re + i im)) for `count` samples. */
void block_add(const double *re, const double *im, pair k, int count, double *v);

/* c + i s of the phases p, p + inc, … for BLOCK samples. */
void block_turn(uint64_t p, uint64_t inc, double *c, double *s);

/* x <- x (c + i s), sample by sample. */
void block_times(double *re, double *im, const double *c, const double *s);

/* c + i s <- z (re + i im). */
void block_turned(const double *re, const double *im, pair z, double *c, double *s);

/* lane[i mod LANES] += (re + i im) x[i], the parts apart. */
void block_weigh(const double *re, const double *im, const double *x, double *lane_re, double *lane_im);
void block_weigh_single(const double *re, const double *im, const float *x, double *lane_re, double *lane_im);

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

/* BLOCK samples from `from` of X = V e^{i inc i}; zeros outside [low, high). */
void turned_weights(const signals *s, int32_t variant, uint64_t inc, int64_t from, int64_t low, int64_t high, double *re,
                    double *im);

/* --- waveforms (waveform.c) -------------------------------------------------------------------------------------- */

/* w[from … from + count) of the waveform played for `length` ns, at re + skip and im + skip. */
void waveform_samples(const waveform *w, int64_t length, int64_t from, int count, double *re, double *im);

/* Greatest |wI| + |wQ| of n samples; im may be NULL. */
double peak_of(const double *re, const double *im, int64_t n);

/* w[from … from + count) of a record of any kind, as above. */
void record_samples(const signals *s, const played *r, int64_t from, int count, double *re, double *im);

/* The same, two a ns, of a record whose output has as many (halves.c). */
void record_halves(const signals *s, const played *r, int64_t from, int count, double *re, double *im);

/* Greatest |wI| + |wQ| over the whole record; negative code: SIGNAL_NO_MEMORY. */
double record_peak(signals *s, const played *r);

/* c + i s of BLOCK phases p + inc i + sign chi(n + i). */
void record_turn(const played *r, uint64_t p, uint64_t inc, int sign, int64_t n, double *c, double *s);

/* --- records (records.c) ----------------------------------------------------------------------------------------- */

/* A place behind the element's newest record; the same one until it is taken. NULL, and *code, where there is no room. */
played *next_place(signals *s, element *e, int *code);

/* --- tables that grow (signals.c) -------------------------------------------------------------------------------- */

/* Room for one more in `*table` (a pointer to the items), which doubles; the new item is zeroed. */
void *one_more(void *table, int *count, size_t size);

/* The channel of a port on which it hears that output, a new one where there is none yet. */
int port_channel(port *p, int32_t output);

/* --- outputs (outputs.c) ----------------------------------------------------------------------------------------- */

void output_free(output *o);

/* The samples of the next `count` ns, at most RENDER_CHUNK of them, of an output with a filter. */
int output_goes_on(signals *s, output *o, int count, double *v);

/* `count` <= RENDER_CHUNK samples from t >= 0 behind the filter, if there is one, v with room for RENDER_CHUNK. What
 * reached it more than `reach` ns before a sample plays no part in that: it may begin anew so long before t. */
int output_samples(signals *s, output *o, int64_t t, int64_t reach, int count, double *v);

/* A filter forgets what it remembers below 2^-60 V. Whether it then stands: in silence each sample is *level. */
int output_stands(output *o, double *level);

/* *until becomes the first ns from t on that anything reaches the filter in, or end. */
int output_silence(signals *s, output *o, int64_t t, int64_t end, int64_t *until);

/* --- shapes (shapes.c) ------------------------------------------------------------------------------------------- */

/* The shape of a record that needs one; NULL with *code set when there is no room. Counts one more use. */
const shape *shape_of(shapes *all, const signal_record_t *r, int *code);

void shape_released(const shape *x);

void shapes_free(shapes *all);

/* --- modulated pulses (pulses.c) --------------------------------------------------------------------------------- */

/* The pulse of a record from its first sample to its last, or NULL: too long to be remembered, a hold, or no memory. */
const pulse *pulse_of(signals *s, const played *r, int with_floats);

/* X of BLOCK samples of a window from `from`, zeros behind its end, until the next call of either: remembered, or made in
 * re and im (BLOCK each). variant BARE: V = 1. NULL: no memory. */
enum { BARE = -1 };
const double *carrier_block(signals *s, int32_t variant, uint64_t inc, int64_t n, int64_t from, double *re, double *im,
                            const double **imaginary);

void pulses_free(pulses *all);

/* --- what a port hears (hear.c) ---------------------------------------------------------------------------------- */

/* Number of the element's records that have ended at `t`. */
uint64_t records_ended(const element *e, int64_t t);

/* Fills port->heard for the window; remembers it until something changes. */
int hear(signals *s, port *p, int64_t start, int64_t length);

/* The records of one channel, or of all (-1), summed in samples from … from + count <= from + BLOCK. */
void play_channel(signals *s, const port *p, int channel, int64_t from, int count, double *v);

/* Adds samples from … from + count <= from + BLOCK of one record to v. */
void play_heard(signals *s, const heard *h, int64_t from, int count, double *v);

/* play_channel with two samples a ns: 2 count <= BLOCK of them (halves.c). */
void play_channel_halves(signals *s, const port *p, int channel, int64_t from, int count, double *v);

/* BLOCK samples behind the converter of a channel's output; only of the exact numerics. */
void through_output(const port *p, int channel, int count, double *v);

/* Voltage heard in samples from … from + count (from counted in the window that `hear` was given). */
void hear_samples(signals *s, const port *p, int64_t from, int count, double *v);

/* The same behind noise, gain, offset and sign. */
int convert_samples(signals *s, port *p, int64_t from, int count, double *v);

/* Converter codes of the samples; *first is the first one that was out of range, or -1. */
int code_samples(signals *s, port *p, int64_t from, int count, int16_t *codes, int64_t *first);

/* Codes of `count` <= BLOCK samples that are heard as v, which is overwritten; *first as above. */
void code_volts(const port *p, double *v, const float *noise, int count, int16_t *codes, int64_t *first);

/* --- outputs that are heard sample after sample (tails.c) ---------------------------------------------------------- */

/* Brings a tail, or all that a port hears, to the ns t (of the port: without its own delays). */
int tail_until(signals *s, int32_t id, int64_t t);
int tails_until(signals *s, const port *p, int64_t t);

/* Adds what the port hears of one channel, or of all (-1), in `count` samples from `from` of its window. */
void tails_add(const signals *s, const port *p, int channel, int64_t from, int count, double *v);

/* The same with two samples a ns: 2 count of them. */
void tails_add_halves(const signals *s, const port *p, int channel, int64_t from, int count, double *v);

/* --- what one window shares (shared.c) --------------------------------------------------------------------------- */

/* Normals of samples t … t + count, count <= BLOCK, until the next call. */
int port_noise(const signals *s, port *p, int64_t t, int count, const float **noise);

/* Cosine and sine of the window's phase in its samples from … from + BLOCK as integers of the exact numerics, until the
 * next call. */
int shared_turn(signals *s, const window *w, int64_t from, const double **c, const double **sn);

/* Codes of a window of at most SHARED_SAMPLES, until the next call; whether any was out of range. */
int port_codes(signals *s, port *p, int64_t start, int64_t length, const int16_t **codes, int *clipped);

void shared_free(port *p);

/* --- light (photons.c) ------------------------------------------------------------------------------------------- */

/* thresholds and the rest are checked before. */
int photons_set(photons *p, const uint64_t *thresholds, int count, double volts, int width);

/* The photons of [BLOCK block, BLOCK block + BLOCK), in any order: places counted from its begin, at most
 * SIGNAL_PHOTONS_MAX. Returns how many. */
int photons_in_block(const photons *p, uint64_t seed, int32_t number, int64_t block, uint8_t *places);

/* lit[k] is 1 where sample t + k, k < count <= BLOCK, is lit; returns whether any is. lit holds BLOCK. */
int photons_lit(const signals *s, const port *p, int64_t t, int count, uint8_t *lit);

/* Adds the light of samples t … t + count. */
void photons_add(const signals *s, const port *p, int64_t t, int count, double *v);

/* --- integrals --------------------------------------------------------------------------------------------------- */

/* linear.c: the D of one window on one port, from sums or, near the converter's range, from samples. */
int linear_integral(signals *s, port *p, const window *w, double *value, signal_events_t *events);

/* rows.c: N of one window from the joint noise of all that overlap it. */
int rows_noise(signals *s, port *p, const window *w, pair *noise);

void roots_free(roots *all);

/* exact.c: the 4.28 result of one window on one port, from codes. */
int exact_integral(signals *s, port *p, const window *w, int32_t *raw, signal_events_t *events);

#endif
