/* Integrals of the exact numerics (docs/arithmetic.md 9): converter codes, 2.19 products, 16.16 sums. */
#include "inside.h"

/* All in doubles that hold integers: below 2^53 they are exact, and vector units have floor. */
INLINE double kept(double x)
{
    double y = floor(x * 131072.0 + 0.5);
    return y > 131071.0 ? 131071.0 : y;
}

/* (code W) >> 8 in 21 bits. */
INLINE double product(double code, double weight, int32_t *wrapped)
{
    double x = floor(code * floor(weight * 32768.0 + 0.5) * 0x1p-8);
    double y = x - 2097152.0 * floor((x + 1048576.0) * 0x1p-21);
    *wrapped |= x != y;
    return y;
}

/* Sum of BLOCK samples, below 2^53 in magnitude in every lane. */
CLONES static double sum_block(const int16_t *restrict codes, const double *restrict vr, const double *restrict vi,
                               const double *restrict c, const double *restrict s, int integration, int32_t *wrapped)
{
    double lane[LANES] = {0};
    int32_t flags[LANES] = {0};
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            int i = b + l;
            double cosine = integration ? 131072.0 : kept(c[i]), sine = integration ? 0.0 : kept(s[i]);
            double x = product(codes[i], vr[i], &flags[l]) * cosine, y = product(codes[i], -vi[i], &flags[l]) * sine;
            lane[l] += x + y;
        }
    for (int l = 0; l < LANES; l++)
        *wrapped |= flags[l];
    return lanes_fold(lane);
}

static int64_t block_sum(const signals *s, const window *w, int64_t from, int count, const int16_t *codes, int32_t *wrapped)
{
    double vr[BLOCK], vi[BLOCK], c[BLOCK], sn[BLOCK];
    int integration = (w->variant & 1) == SIGNAL_INTEGRATION;
    block_weights(s, w->variant, from, count, 0, vr, vi);
    block_turn(w->phase + w->inc * (uint64_t)from, w->inc, c, sn);
    return (int64_t)sum_block(codes, vr, vi, c, sn, integration, wrapped);
}

int exact_integral(signals *s, port *p, const window *w, int32_t *raw, signal_events_t *events)
{
    int16_t codes[BLOCK] = {0};
    int64_t clipped = 0;
    int32_t wrapped = 0;
    int code = hear(s, p, w->start, w->n);
    if (code)
        return code;
    uint64_t sum = 0;
    for (int64_t from = 0; from < w->n; from += BLOCK) {
        int count = w->n - from < BLOCK ? (int)(w->n - from) : BLOCK;
        clipped += code_samples(s, p, from, count, codes);
        sum += (uint64_t)block_sum(s, w, from, count, codes, &wrapped);
    }
    int64_t wide = (int64_t)sum >> 20;
    *raw = (int32_t)(uint32_t)wide;
    events->input_saturated += clipped > 0;
    events->integral_overflow += wrapped | (*raw != wide);
    return SIGNAL_OK;
}
