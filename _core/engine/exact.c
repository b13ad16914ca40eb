/* Integrals of the exact numerics (docs/arithmetic.md 9): converter codes, 2.19 products, 16.16 sums. */
#include "inside.h"

static inline int64_t kept(double x, double low, double high)
{
    double y = floor(x + 0.5);
    return (int64_t)(y < low ? low : y > high ? high : y);
}

/* (code W) >> 8 in 21 bits. */
static inline int64_t product(int16_t code, double weight, int *wrapped)
{
    int64_t x = ((int64_t)code * (int64_t)floor(weight * 32768.0 + 0.5)) >> 8;
    int64_t y = (int64_t)((uint64_t)x << 43) >> 43;
    *wrapped |= x != y;
    return y;
}

static uint64_t block_sum(const signals *s, const window *w, int64_t from, int count, const int16_t *codes, int *wrapped)
{
    double vr[BLOCK], vi[BLOCK], c[BLOCK], sn[BLOCK];
    int integration = (w->variant & 1) == SIGNAL_INTEGRATION;
    uint64_t sum = 0;
    block_weights(s, w->variant, from, count, 0, vr, vi);
    block_turn(w->phase + w->inc * (uint64_t)from, w->inc, c, sn);
    for (int i = 0; i < count; i++) {
        int64_t cosine = integration ? 131072 : kept(c[i] * 131072.0, -131072.0, 131071.0);
        int64_t sine = integration ? 0 : kept(sn[i] * 131072.0, -131072.0, 131071.0);
        sum += (uint64_t)(product(codes[i], vr[i], wrapped) * cosine + product(codes[i], -vi[i], wrapped) * sine);
    }
    return sum;
}

int exact_integral(signals *s, port *p, const window *w, int32_t *raw, signal_events_t *events)
{
    int16_t codes[BLOCK];
    int64_t clipped = 0;
    int wrapped = 0, code = hear(s, p, w->start, w->n);
    if (code)
        return code;
    uint64_t sum = 0;
    for (int64_t from = 0; from < w->n; from += BLOCK) {
        int count = w->n - from < BLOCK ? (int)(w->n - from) : BLOCK;
        clipped += code_samples(s, p, from, count, codes);
        sum += block_sum(s, w, from, count, codes, &wrapped);
    }
    int64_t wide = (int64_t)sum >> 20;
    *raw = (int32_t)(uint32_t)wide;
    events->input_saturated += clipped > 0;
    events->integral_overflow += wrapped | (*raw != wide);
    return SIGNAL_OK;
}
