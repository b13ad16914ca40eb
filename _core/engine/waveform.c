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

double waveform_peak(signals *s, int id, int64_t length)
{
    const waveform *w = &s->waveforms[id];
    if (w->constant || length == w->n)
        return w->peak;
    remembered_key key = {{REMEMBERED_PEAK, (uint64_t)id, (uint64_t)length}};
    int fresh;
    remembered_value *value = remembered_find(&s->sums, &key, (uint32_t)id + 51, &fresh);
    if (!value)
        return SIGNAL_NO_MEMORY;
    if (!fresh)
        return value->number[0];
    double re[BLOCK], im[BLOCK], peak = 0.0;
    for (int64_t from = 0; from < length; from += BLOCK) {
        int count = length - from < BLOCK ? (int)(length - from) : BLOCK;
        waveform_samples(w, length, from, count, re, im);
        peak = fmax(peak, peak_of(re, im, count));
    }
    value->number[0] = peak;
    return peak;
}
