/* Integrals of the linear numerics (docs/arithmetic.md 6): remembered sums, a few multiplications each. */
#include "inside.h"

static pair folded(double *re, double *im)
{
    double x = lanes_fold(re);
    return (pair){x, lanes_fold(im)};
}

/* K+ and K- of a record in a window, for w (conjugate 1.0) or conj(w) (-1.0). */
static void integral_sums(const signals *s, const window *w, const heard *h, double conjugate, double out[4])
{
    const played *r = h->record;
    double vr[BLOCK], vi[BLOCK], wr[BLOCK], wi[BLOCK], ar[BLOCK], ai[BLOCK], c[BLOCK], sn[BLOCK];
    double plus_re[LANES] = {0}, plus_im[LANES] = {0}, minus_re[LANES] = {0}, minus_im[LANES] = {0};
    int64_t low = h->offset > 0 ? h->offset : 0;
    int64_t high = h->offset + r->length < w->n ? h->offset + r->length : w->n;
    for (int64_t from = low & ~(int64_t)(LANES - 1); from < high; from += BLOCK) {
        int64_t first = low > from ? low : from, end = high < from + BLOCK ? high : from + BLOCK;
        int count = (int)(end - first), skip = (int)(first - from);
        uint64_t i = (uint64_t)from;
        memset(wr, 0, sizeof wr);
        memset(wi, 0, sizeof wi);
        block_weights(s, w->variant, first, count, skip, vr, vi);
        record_samples(s, r, first - h->offset, count, wr + skip, wi + skip);

        block_product(vr, vi, wr, wi, conjugate, ar, ai);
        record_turn(r, w->inc * i, w->inc, 1, from - h->offset, c, sn);
        block_times(ar, ai, c, sn);
        block_lanes(ar, plus_re);
        block_lanes(ai, plus_im);

        block_product(vr, vi, wr, wi, -conjugate, ar, ai);
        record_turn(r, w->inc * i, w->inc, -1, from - h->offset, c, sn);
        block_times(ar, ai, c, sn);
        block_lanes(ar, minus_re);
        block_lanes(ai, minus_im);
    }
    out[0] = lanes_fold(plus_re), out[1] = lanes_fold(plus_im);
    out[2] = lanes_fold(minus_re), out[3] = lanes_fold(minus_im);
}

/* What K+ and K- depend on. Of a hold: where it lies in the window, and the phase with which it comes there. */
static remembered_key integral_key(const window *w, const heard *h, int conjugated)
{
    const played *r = h->record;
    uint64_t kind = REMEMBERED_INTEGRAL | (uint64_t)conjugated << 2 | (uint64_t)w->variant << 34;
    if (r->kind == SIGNAL_HOLD) {
        int64_t low = h->offset > 0 ? h->offset : 0, end = h->offset + r->length, high = end < w->n ? end : w->n;
        return (remembered_key){{kind | 0x7FFFFFFFull << 3, (uint64_t)low << 32 | (uint64_t)high,
                                 r->inc * (uint64_t)h->offset, r->inc, w->inc}};
    }
    kind |= (uint64_t)r->waveform << 3;
    uint64_t length = r->shape ? 1ull << 63 | r->shape->serial : (uint64_t)r->length;
    return (remembered_key){{kind, length, (uint64_t)h->offset, r->inc, w->inc}};
}

/* k e^{i theta} K+ + conj(k e^{i theta}) K-, for k with w or k2 with conj(w). */
static void add_sums(const heard *h, int conjugated, const double *K, pair *sum)
{
    pair k = conjugated ? h->k2 : h->k;
    pair plus = times(k, (pair){K[0], K[1]}), minus = times((pair){k.re, -k.im}, (pair){K[2], K[3]});
    sum->re += plus.re + minus.re;
    sum->im += plus.im + minus.im;
}

/* The term of a record. What a hold that sweeps gives is not remembered: it hardly comes again. */
static int add_term(signals *s, const window *w, const heard *h, int conjugated, pair *sum)
{
    double swept[4];
    if (h->record->kind == SIGNAL_HOLD && h->record->shape) {
        integral_sums(s, w, h, conjugated ? -1.0 : 1.0, swept);
        add_sums(h, conjugated, swept, sum);
        return SIGNAL_OK;
    }
    remembered_key key = integral_key(w, h, conjugated);
    int fresh;
    uint32_t hint = 4 * (uint32_t)w->variant + 2 * (uint32_t)h->ear + (uint32_t)conjugated;
    hint += (uint32_t)(w->inc * 0x9E3779B97F4A7C15ull >> 56); /* demodulators of several frequencies in turn */
    remembered_value *value = remembered_find(&s->sums, &key, hint, &fresh);
    if (!value)
        return SIGNAL_NO_MEMORY;
    if (fresh)
        integral_sums(s, w, h, conjugated ? -1.0 : 1.0, value->number);
    add_sums(h, conjugated, value->number, sum);
    return SIGNAL_OK;
}

static int add_records(signals *s, const port *p, const window *w, pair *sum)
{
    int code = SIGNAL_OK;
    for (int i = 0; !code && i < p->heard_count; i++) {
        const heard *h = &p->heard[i];
        code = add_term(s, w, h, 0, sum);
        if (!code && h->record->mirrored)
            code = add_term(s, w, h, 1, sum);
    }
    return code;
}

/* K0, the integral of a constant 1 V. */
static int offset_sum(signals *s, const window *w, pair *sum)
{
    remembered_key key = {{REMEMBERED_OFFSET, (uint64_t)w->variant, w->inc}};
    int fresh;
    remembered_value *value = remembered_find(&s->sums, &key, (uint32_t)w->variant + 37, &fresh);
    if (!value)
        return SIGNAL_NO_MEMORY;
    if (fresh) {
        double re[BLOCK], im[BLOCK], lane_re[LANES] = {0}, lane_im[LANES] = {0};
        for (int64_t from = 0; from < w->n; from += BLOCK) {
            turned_weights(s, w->variant, w->inc, from, 0, w->n, re, im);
            block_lanes(re, lane_re);
            block_lanes(im, lane_im);
        }
        pair k = folded(lane_re, lane_im);
        value->number[0] = k.re;
        value->number[1] = k.im;
    }
    *sum = (pair){value->number[0], value->number[1]};
    return SIGNAL_OK;
}

/* N from the port's own samples, where a raw trace shows them. */
static int sample_noise(signals *s, port *p, const window *w, pair *noise)
{
    double re[BLOCK], im[BLOCK], lane_re[LANES] = {0}, lane_im[LANES] = {0};
    float last[BLOCK] = {0};
    for (int64_t from = 0; from < w->n; from += BLOCK) {
        int count = w->n - from < BLOCK ? (int)(w->n - from) : BLOCK;
        const float *x;
        const double *y, *z = carrier_block(s, w->variant, w->inc, w->n, from, re, im, &y);
        int code = z ? port_noise(s, p, w->start + from, count, &x) : SIGNAL_NO_MEMORY;
        if (code)
            return code;
        if (count < BLOCK)
            x = memcpy(last, x, (size_t)count * sizeof *last);
        block_weigh_single(z, y, x, lane_re, lane_im);
    }
    *noise = folded(lane_re, lane_im);
    return SIGNAL_OK;
}

/* Near the converter's range: sample by sample, clipped. */
static int clipped_integral(signals *s, port *p, const window *w, double *value, signal_events_t *events)
{
    double v[BLOCK], re[BLOCK], im[BLOCK], lane_re[LANES] = {0}, lane_im[LANES] = {0};
    int clipped = 0;
    for (int64_t from = 0; from < w->n; from += BLOCK) {
        int count = w->n - from < BLOCK ? (int)(w->n - from) : BLOCK;
        memset(v, 0, sizeof v);
        int code = convert_samples(s, p, from, count, v);
        if (code)
            return code;
        for (int i = 0; i < count; i++) {
            clipped |= (v[i] < -0.5) | (v[i] > 2047.0 / 4096.0);
            v[i] = v[i] < -0.5 ? -0.5 : v[i] > 2047.0 / 4096.0 ? 2047.0 / 4096.0 : v[i];
        }
        const double *y, *z = carrier_block(s, w->variant, w->inc, w->n, from, re, im, &y);
        if (!z)
            return SIGNAL_NO_MEMORY;
        block_weigh(z, y, v, lane_re, lane_im);
    }
    events->input_saturated += clipped;
    *value = 0x1p-12 * real_times(w->turn, folded(lane_re, lane_im));
    return SIGNAL_OK;
}

int linear_integral(signals *s, port *p, const window *w, double *value, signal_events_t *events)
{
    int code = hear(s, p, w->start, w->n);
    if (code)
        return code;
    if (p->photons.count || p->tail_count || p->gain * (p->heard_bound + 6.0 * p->sigma) + fabs(p->offset) >= 0.5)
        return clipped_integral(s, p, w, value, events);
    pair sum = {0.0, 0.0}, noise = {0.0, 0.0}, k0 = {0.0, 0.0};
    code = add_records(s, p, w, &sum);
    if (!code && p->sigma != 0.0)
        code = p->from_samples ? sample_noise(s, p, w, &noise) : rows_noise(s, p, w, &noise);
    if (!code && p->offset != 0.0)
        code = offset_sum(s, w, &k0);
    if (code)
        return code;
    pair v = {p->gain * (0.5 * sum.re + p->sigma * noise.re) + p->offset * k0.re,
              p->gain * (0.5 * sum.im + p->sigma * noise.im) + p->offset * k0.im};
    *value = p->sign * 0x1p-12 * real_times(w->turn, v);
    return SIGNAL_OK;
}
