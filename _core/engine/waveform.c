/* Samples of a waveform as it is played: whole, cut, or stretched by cubics (docs/arithmetic.md 4). */
#include "inside.h"

/* Sample j of w[0 … n) stretched to `length`: the cubic through four neighbours at x. */
static inline void stretch(const waveform *w, int64_t length, int64_t j, double *re, double *im)
{
    double x = (double)(j * w->n) / (double)length;
    int64_t b = (int64_t)x - 1; /* x >= 0: truncation is floor */
    b = b < 0 ? 0 : b;
    b = b > w->n - 4 ? w->n - 4 : b;
    double t = x - (double)b, t1 = t - 1.0, t2 = t - 2.0, t3 = t - 3.0;
    double l0 = -t1 * t2 * t3 / 6.0, l1 = t * t2 * t3 / 2.0, l2 = -t * t1 * t3 / 2.0, l3 = t * t1 * t2 / 6.0;
    const double *I = w->I + b;
    *re = l0 * I[0] + l1 * I[1] + l2 * I[2] + l3 * I[3];
    const double *Q = w->Q ? w->Q + b : NULL;
    *im = Q ? l0 * Q[0] + l1 * Q[1] + l2 * Q[2] + l3 * Q[3] : 0.0;
}

void waveform_samples(const waveform *w, int64_t length, int64_t from, int count, double *re, double *im)
{
    if (!w->constant && length > w->n) {
        for (int i = 0; i < count; i++)
            stretch(w, length, from + i, re + i, im + i);
        return;
    }
    if (w->constant)
        from = 0; /* BLOCK copies are stored */
    memcpy(re, w->I + from, (size_t)count * sizeof *re);
    if (w->Q)
        memcpy(im, w->Q + from, (size_t)count * sizeof *im);
    else
        memset(im, 0, (size_t)count * sizeof *im);
}

double peak_of(const double *re, const double *im, int64_t n)
{
    double peak = 0.0;
    for (int64_t i = 0; i < n; i++) {
        peak = fmax(peak, fabs(re[i]) + (im ? fabs(im[i]) : 0.0));
    }
    return peak;
}

/* w of a ramp: no waveform, no imaginary part. */
CLONES static void ramp_samples(const shape *x, int64_t from, int count, double *restrict re, double *restrict im)
{
    double slope = (double)x->slope, length = (double)x->length;
    for (int i = 0; i < count; i++) {
        double n = (double)from + (double)(i + 1);
        re[i] = x->kind == SIGNAL_RAMP ? n * slope * 0x1p-28 : 1.0 - n / length;
        im[i] = 0.0;
    }
}

void record_samples(const signals *s, const played *r, int64_t from, int count, double *re, double *im)
{
    if (r->kind == SIGNAL_PULSE) {
        int64_t whole = r->shape && r->shape->stretched ? r->shape->stretched : r->length;
        waveform_samples(&s->waveforms[r->waveform], whole, from, count, re, im);
        return;
    }
    if (r->kind != SIGNAL_HOLD) {
        ramp_samples(r->shape, from, count, re, im);
        return;
    }
    for (int i = 0; i < count; i++) {
        re[i] = 1.0;
        im[i] = 0.0;
    }
}

static double peak_by_samples(const signals *s, const played *r)
{
    double re[BLOCK], im[BLOCK], peak = 0.0;
    for (int64_t from = 0; from < r->length; from += BLOCK) {
        int count = r->length - from < BLOCK ? (int)(r->length - from) : BLOCK;
        record_samples(s, r, from, count, re, im);
        peak = fmax(peak, peak_of(re, im, count));
    }
    return peak;
}

/* Of a record with a shape: a ramp's greatest value is its last or its first. */
static double shaped_peak(const signals *s, const played *r)
{
    double re, im, last;
    if (r->kind == SIGNAL_PULSE)
        return s->waveforms[r->waveform].constant ? s->waveforms[r->waveform].peak : peak_by_samples(s, r);
    record_samples(s, r, 0, 1, &re, &im);
    record_samples(s, r, r->length - 1, 1, &last, &im);
    return fmax(fabs(re), fabs(last));
}

double record_peak(signals *s, const played *r)
{
    if (r->kind == SIGNAL_HOLD)
        return 1.0;
    if (r->shape) {
        shape *x = (shape *)r->shape; /* const to records; the peak is found once */
        if (x->peak < 0.0)
            x->peak = shaped_peak(s, r);
        return x->peak;
    }
    const waveform *w = &s->waveforms[r->waveform];
    if (w->constant || r->length == w->n)
        return w->peak;
    remembered_key key = {{REMEMBERED_PEAK, (uint64_t)r->waveform, (uint64_t)r->length}};
    int fresh;
    remembered_value *value = remembered_find(&s->sums, &key, (uint32_t)r->waveform + 51, &fresh);
    if (!value)
        return SIGNAL_NO_MEMORY;
    if (fresh)
        value->number[0] = peak_by_samples(s, r);
    return value->number[0];
}
