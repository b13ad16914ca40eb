/* Loops over BLOCK samples, each so plain that the compiler vectorises it; the same bits at every width. */
#include "inside.h"

CLONES void block_cossin(const uint64_t *restrict phase, double *restrict c, double *restrict s)
{
    for (int i = 0; i < BLOCK; i++)
        phase_cossin(phase[i], c + i, s + i);
}

void block_turn(uint64_t p, uint64_t inc, double *restrict c, double *restrict s)
{
    uint64_t phase[BLOCK];
    for (int i = 0; i < LANES; i++)
        phase[i] = p + inc * (uint64_t)i;
    for (int i = LANES; i < BLOCK; i++)
        phase[i] = phase[i - LANES] + LANES * inc;
    block_cossin(phase, c, s);
}

CLONES void block_add(const double *restrict re, const double *restrict im, pair k, int count, double *restrict v)
{
    for (int i = 0; i < count; i++)
        v[i] += k.re * re[i] - k.im * im[i];
}

CLONES void block_times(double *restrict re, double *restrict im, const double *restrict c, const double *restrict s)
{
    for (int i = 0; i < BLOCK; i++) {
        double x = re[i], y = im[i];
        re[i] = x * c[i] - y * s[i];
        im[i] = x * s[i] + y * c[i];
    }
}

CLONES void block_product(const double *restrict ar, const double *restrict ai, const double *restrict br,
                          const double *restrict bi, double sign, double *restrict re, double *restrict im)
{
    for (int i = 0; i < BLOCK; i++) {
        double y = sign * bi[i];
        re[i] = ar[i] * br[i] - ai[i] * y;
        im[i] = ar[i] * y + ai[i] * br[i];
    }
}

CLONES void block_turned(const double *restrict re, const double *restrict im, pair z, double *restrict c,
                         double *restrict s)
{
    for (int i = 0; i < BLOCK; i++) {
        c[i] = z.re * re[i] - z.im * im[i];
        s[i] = z.re * im[i] + z.im * re[i];
    }
}

CLONES void block_weigh(const double *restrict re, const double *restrict im, const double *restrict x,
                        double *restrict lane_re, double *restrict lane_im)
{
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            lane_re[l] += re[b + l] * x[b + l];
            lane_im[l] += im[b + l] * x[b + l];
        }
}

CLONES void block_weigh_single(const double *restrict re, const double *restrict im, const float *restrict x,
                               double *restrict lane_re, double *restrict lane_im)
{
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            lane_re[l] += re[b + l] * (double)x[b + l];
            lane_im[l] += im[b + l] * (double)x[b + l];
        }
}

CLONES void block_play(const double *restrict re, const double *restrict im, double sign, const double *restrict c,
                       const double *restrict s, pair k, int count, double *restrict v)
{
    for (int i = 0; i < count; i++) {
        double y = sign * im[i];
        double pr = re[i] * c[i] - y * s[i], pi = re[i] * s[i] + y * c[i];
        v[i] += k.re * pr - k.im * pi;
    }
}

CLONES void block_lanes(const double *restrict x, double *restrict lane)
{
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++)
            lane[l] += x[b + l];
}

double lanes_fold(double *lane)
{
    for (int half = LANES / 2; half > 0; half /= 2)
        for (int j = 0; j < half; j++)
            lane[j] += lane[j + half];
    return lane[0];
}

void block_weights(const signals *s, int32_t variant, int64_t from, int count, int skip, double *re, double *im)
{
    const weights *w = &s->weights[variant >> 1];
    memset(re, 0, BLOCK * sizeof *re);
    memset(im, 0, BLOCK * sizeof *im);
    memcpy(re + skip, w->re + from, (size_t)count * sizeof *re);
    if (w->im && (variant & 1) == SIGNAL_DEMOD)
        memcpy(im + skip, w->im + from, (size_t)count * sizeof *im);
}

void turned_weights(const signals *s, int32_t variant, uint64_t inc, int64_t from, int64_t low, int64_t high, double *re,
                    double *im)
{
    double c[BLOCK], sn[BLOCK];
    int64_t first = low > from ? low : from, end = high < from + BLOCK ? high : from + BLOCK;
    block_weights(s, variant, first, (int)(end - first), (int)(first - from), re, im);
    block_turn(inc * (uint64_t)from, inc, c, sn);
    block_times(re, im, c, sn);
}
