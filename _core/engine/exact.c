/* Integrals of the exact numerics (docs/arithmetic.md 9): converter codes, 2.19 products, 16.16 sums. */
#include "inside.h"

/* All in doubles that hold integers: below 2^53 they are exact in any order, and vector units have floor. Weights come as
 * W 2^-8, so that floor(code W 2^-8) is (code W) >> 8. */

/* Adds the products of BLOCK samples to the lanes where none can wrap. */
CLONES static void sum_block(const int16_t *restrict codes, const double *restrict cosine, const double *restrict sine,
                             const double *restrict c, const double *restrict s, double *restrict lane)
{
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            double code = (double)codes[b + l];
            lane[l] += floor(code * cosine[b + l]) * c[b + l] + floor(code * sine[b + l]) * s[b + l];
        }
}

INLINE double wrapped_21(double x) { return x - 2097152.0 * floor((x + 1048576.0) * 0x1p-21); }

/* The same of wide weights: products of 21 bits that wrap. Returns a number that is not 0 when one did. */
CLONES static double sum_wide_block(const int16_t *restrict codes, const double *restrict cosine,
                                    const double *restrict sine, const double *restrict c, const double *restrict s,
                                    double *restrict lane)
{
    double wraps[LANES] = {0};
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            double code = (double)codes[b + l], px = floor(code * cosine[b + l]), py = floor(code * sine[b + l]);
            double x = wrapped_21(px), y = wrapped_21(py);
            wraps[l] += fabs(px - x) + fabs(py - y);
            lane[l] += x * c[b + l] + y * s[b + l];
        }
    return lanes_fold(wraps);
}

/* Cosine 2^17 (exactly one) and sine 0 of an integration. */
static int block_sum(signals *s, const window *w, int64_t from, const int16_t *codes, int64_t *sum, int *wrapped)
{
    static const double none[BLOCK];
    double one[BLOCK], lane[LANES] = {0}, wraps = 0.0;
    const weights *v = &s->weights[w->variant >> 1];
    const double *c = one, *sn = none, *sine = v->sine ? v->sine + from : none;
    if ((w->variant & 1) == SIGNAL_INTEGRATION) {
        for (int i = 0; i < BLOCK; i++)
            one[i] = 131072.0;
        sine = none;
    } else {
        int code = shared_turn(s, w, from, &c, &sn);
        if (code)
            return code;
    }
    if (v->wide)
        wraps = sum_wide_block(codes, v->cosine + from, sine, c, sn, lane);
    else
        sum_block(codes, v->cosine + from, sine, c, sn, lane);
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
