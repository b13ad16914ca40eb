/* Integrals of the exact numerics (docs/arithmetic.md 9): converter codes, 2.19 products, 16.16 sums. */
#include "inside.h"

/* All in doubles that hold integers: below 2^53 they are exact, and vector units have floor. */
INLINE double kept(double x)
{
    double y = floor(x * 131072.0 + 0.5);
    return y > 131071.0 ? 131071.0 : y;
}

/* (code W) >> 8 in 21 bits, where W is the weight as an integer. */
INLINE double product(double code, double weight)
{
    return floor(code * floor(weight * 32768.0 + 0.5) * 0x1p-8);
}

INLINE double wrapped_21(double x) { return x - 2097152.0 * floor((x + 1048576.0) * 0x1p-21); }

/* Adds the products of BLOCK samples to the lanes: below 2^53 in magnitude, so exact in any order. Returns a number that
 * is not 0 when a product wrapped. */
CLONES static double sum_block(const int16_t *restrict codes, const double *restrict vr, const double *restrict vi,
                               const double *restrict c, const double *restrict s, double *restrict lane)
{
    double wraps[LANES] = {0};
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            int i = b + l;
            double code = (double)codes[i], px = product(code, vr[i]), py = product(code, -vi[i]);
            double x = wrapped_21(px), y = wrapped_21(py);
            wraps[l] += fabs(px - x) + fabs(py - y);
            lane[l] += x * kept(c[i]) + y * kept(s[i]);
        }
    return lanes_fold(wraps);
}

/* The same for an integration: the cosine is exactly one, the sine 0. */
CLONES static double sum_plain_block(const int16_t *restrict codes, const double *restrict vr, double *restrict lane)
{
    double wraps[LANES] = {0};
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            double px = product((double)codes[b + l], vr[b + l]), x = wrapped_21(px);
            wraps[l] += fabs(px - x);
            lane[l] += x * 131072.0;
        }
    return lanes_fold(wraps);
}

static int block_sum(signals *s, const window *w, int64_t from, const int16_t *codes, int64_t *sum, int *wrapped)
{
    double vr[BLOCK], vi[BLOCK], lane[LANES] = {0}, wraps;
    int count = w->n - from < BLOCK ? (int)(w->n - from) : BLOCK;
    block_weights(s, w->variant, from, count, 0, vr, vi);
    if ((w->variant & 1) == SIGNAL_INTEGRATION) {
        wraps = sum_plain_block(codes, vr, lane);
    } else {
        const double *c, *sn;
        int code = shared_turn(s, w, from, &c, &sn);
        if (code)
            return code;
        wraps = sum_block(codes, vr, vi, c, sn, lane);
    }
    *sum = (int64_t)lanes_fold(lane);
    *wrapped |= wraps != 0.0;
    return SIGNAL_OK;
}

/* Codes of one block of the window, zeros behind its end. */
static int window_codes(signals *s, port *p, const window *w, int64_t from, int16_t *codes, int *clipped)
{
    int count = w->n - from < BLOCK ? (int)(w->n - from) : BLOCK;
    memset(codes, 0, BLOCK * sizeof *codes);
    if (w->n <= SHARED_SAMPLES) {
        const int16_t *all;
        int some, code = port_codes(s, p, w->start, w->n, &all, &some);
        if (code)
            return code;
        memcpy(codes, all + from, (size_t)count * sizeof *codes);
        *clipped |= some;
        return SIGNAL_OK;
    }
    int64_t first;
    int code = hear(s, p, w->start, w->n);
    if (!code)
        code = code_samples(s, p, from, count, codes, &first);
    *clipped |= !code && first >= 0;
    return code;
}

int exact_integral(signals *s, port *p, const window *w, int32_t *raw, signal_events_t *events)
{
    int16_t codes[BLOCK];
    int clipped = 0, wrapped = 0;
    uint64_t sum = 0;
    for (int64_t from = 0; from < w->n; from += BLOCK) {
        int64_t part;
        int code = window_codes(s, p, w, from, codes, &clipped);
        if (!code)
            code = block_sum(s, w, from, codes, &part, &wrapped);
        if (code)
            return code;
        sum += (uint64_t)part;
    }
    int64_t wide = (int64_t)sum >> 20;
    *raw = (int32_t)(uint32_t)wide;
    events->input_saturated += clipped;
    events->integral_overflow += wrapped | (*raw != wide);
    return SIGNAL_OK;
}
