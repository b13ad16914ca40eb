/* The library functions: fixed polynomials in doubles, each operation rounded on its own; nothing of libm's. */
#include "library.h"

#include <math.h>

#include "phase.h"

#define LN_2 0.6931471805599453
#define LOG2_E 1.4426950408889634
#define LOG10_E 0.4342944819032518
#define TURNS 0.15915494309189535 /* 1 / 2 pi */
#define HALF_PI 1.5707963267948966
#define EXP_BELOW 2.0794415416798357     /* ln 8 */
#define LN_ABOVE 0.00033546262790251185  /* e^-8 */
#define BASE_ABOVE 1.0905077326652577    /* 2^(1/8) */
#define LEAKY 2684355 /* round(0.01 * 2^28) */

static inline int32_t wrap(__int128 x, enum library_note *note)
{
    int32_t raw = (int32_t)(uint32_t)x;
    if (raw != x)
        *note = LIBRARY_WRAPPED;
    return raw;
}

static inline double real(int32_t raw) { return (double)raw * 0x1p-28; }
static inline int64_t product(int32_t a, int32_t b) { return ((int64_t)a * b) >> 28; }

/* fmod is exact: a power may be far beyond what an int64 holds, and wraps all the same */
static int32_t fixed(double y, enum library_note *note)
{
    double steps = floor(y * 0x1p28 + 0.5);
    if (!(steps >= -0x1p31 && steps < 0x1p31))
        *note = LIBRARY_WRAPPED;
    return (int32_t)(uint32_t)(int64_t)fmod(steps, 0x1p32);
}

static double power_of_two(int64_t k) { return phase_bits((uint64_t)(k + 1023) << 52); }

/* Sum of r^j / j!, j <= 14. */
static double exp_series(double r)
{
    static const double factorials[15] = {1.0, 1.0, 2.0, 6.0, 24.0, 120.0, 720.0, 5040.0, 40320.0, 362880.0, 3628800.0,
                                          39916800.0, 479001600.0, 6227020800.0, 87178291200.0};
    double sum = 1.0 / factorials[14];
    for (int j = 13; j >= 0; j--)
        sum = sum * r + 1.0 / factorials[j];
    return sum;
}

static double exponential(double x)
{
    double k = floor(x * LOG2_E + 0.5);
    double r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10;
    return exp_series(r) * power_of_two((int64_t)k);
}

static double power_of_2(double x)
{
    double k = floor(x + 0.5);
    return exp_series((x - k) * LN_2) * power_of_two((int64_t)k);
}

static double atan_series(double v)
{
    double g = v * v, sum = -1.0 / 39.0;
    for (int j = 18; j >= 0; j--)
        sum = sum * g + (j & 1 ? -1.0 : 1.0) / (double)(2 * j + 1);
    return v * sum;
}

static double atan_positive(double v)
{
    int inverse = v > 1.0;
    if (inverse)
        v = 1.0 / v;
    double y = v > 0.41421356237309503 ? 0.7853981633974483 + atan_series((v - 1.0) / (v + 1.0)) : atan_series(v);
    return inverse ? HALF_PI - y : y;
}

static double arc_tangent(double v) { return v < 0 ? -atan_positive(-v) : atan_positive(v); }

static double arc_tangent_2(double y, double x)
{
    if (y == 0.0 && x == 0.0)
        return 0.0;
    double angle = x == 0.0 ? HALF_PI : atan_positive(fabs(y) / fabs(x));
    angle = x < 0.0 ? 2.0 * HALF_PI - angle : angle;
    return y < 0.0 ? -angle : angle;
}

static void radians(double x, double *c, double *s)
{
    double turns = x * TURNS;
    phase_cossin((uint64_t)((turns - floor(turns)) * 0x1p64), c, s);
}

static int32_t highest_bit(int32_t raw)
{
    uint32_t size = raw < 0 ? 0u - (uint32_t)raw : (uint32_t)raw;
    return size ? 31 - __builtin_clz(size) : 0;
}

/* 0, and a note, outside the domain. */
static double outside(enum library_note *note)
{
    *note = LIBRARY_OUTSIDE;
    return 0.0;
}

static double power(double base, double x, enum library_note *note)
{
    if (base == 0.0 && x > 0.0)
        return 0.0;
    if (!(base > 0.0) || base == 1.0)
        return outside(note);
    return x == 0.0 ? 1.0 : exponential(x * phase_ln(base));
}

static double logarithm(double x, double base, enum library_note *note)
{
    return x > 0x1p-8 && base > BASE_ABOVE ? phase_ln(x) / phase_ln(base) : outside(note);
}

/* Functions whose fixed result is that of a double of x and y. */
static double value(enum library_function function, double x, double y, enum library_note *note)
{
    double c, s;
    switch (function) {
    case LIBRARY_SIN: radians(x, &c, &s); return s;
    case LIBRARY_COS: radians(x, &c, &s); return c;
    case LIBRARY_EXP: return x < EXP_BELOW ? exponential(x) : outside(note);
    case LIBRARY_POW2: return x < 3.0 ? power_of_2(x) : outside(note);
    case LIBRARY_LN: return x > LN_ABOVE ? phase_ln(x) : outside(note);
    case LIBRARY_LOG2: return x > 0x1p-8 ? phase_ln(x) * LOG2_E : outside(note);
    case LIBRARY_LOG10: return x > 1e-8 ? phase_ln(x) * LOG10_E : outside(note);
    case LIBRARY_LOG: return logarithm(x, y, note);
    case LIBRARY_POW: return power(x, y, note);
    case LIBRARY_SQRT: return x >= 0.0 ? sqrt(x) : outside(note);
    case LIBRARY_INV_SQRT: return x > 0x1p-6 ? 1.0 / sqrt(x) : outside(note);
    case LIBRARY_INV: return x <= -0.125 || x > 0.125 ? 1.0 / x : outside(note);
    case LIBRARY_ATAN: return x >= -1.0 && x <= 1.0 ? arc_tangent(x) : outside(note);
    case LIBRARY_ATAN_2PI: return arc_tangent(x) * TURNS;
    case LIBRARY_ATAN2: return arc_tangent_2(x, y);
    case LIBRARY_ATAN2_2PI: return arc_tangent_2(x, y) * TURNS;
    case LIBRARY_ELU: return x >= 0.0 ? x : exponential(x) - 1.0;
    case LIBRARY_SELU: return x >= 0.0 ? 1.05070098 * x : 1.05070098 * 1.67326324 * (exponential(x) - 1.0);
    default: return 0.0;
    }
}

int32_t library_value(enum library_function function, int32_t a, int32_t b, int32_t c, enum library_note *note)
{
    double cosine, sine;
    switch (function) {
    case LIBRARY_ABS: return wrap(a < 0 ? -(int64_t)a : a, note);
    case LIBRARY_RELU: return a < 0 ? 0 : a;
    case LIBRARY_SIN2PI: phase_cossin((uint64_t)(int64_t)a << 36, &cosine, &sine); return fixed(sine, note);
    case LIBRARY_COS2PI: phase_cossin((uint64_t)(int64_t)a << 36, &cosine, &sine); return fixed(cosine, note);
    case LIBRARY_MSB_INT: return highest_bit(a);
    case LIBRARY_MSB_FIXED: return highest_bit(a) - 28;
    case LIBRARY_LRELU: return wrap(a < 0 ? product(LEAKY, a) : a, note);
    case LIBRARY_PLRELU: return wrap(a < 0 ? product(b, a) : a, note);
    case LIBRARY_COND: return a ? b : c;
    default: return fixed(value(function, real(a), real(b), note), note);
    }
}

static int32_t place(const int32_t *a, int64_t size, int greatest)
{
    int64_t best = 0;
    for (int64_t k = 1; k < size; k++)
        if (greatest ? a[k] > a[best] : a[k] < a[best])
            best = k;
    return (int32_t)best;
}

int32_t library_array_value(enum library_array_function function, const int32_t *a, const int32_t *b, int64_t size,
                            enum library_note *note)
{
    int64_t sum = 0;
    __int128 products = 0; /* of ints: two of them may be more than an int64 holds */
    switch (function) {
    case LIBRARY_SUM:
        for (int64_t k = 0; k < size; k++)
            sum += a[k];
        return wrap(sum, note);
    case LIBRARY_MAX: return a[place(a, size, 1)];
    case LIBRARY_MIN: return a[place(a, size, 0)];
    case LIBRARY_ARGMAX: return place(a, size, 1);
    case LIBRARY_ARGMIN: return place(a, size, 0);
    case LIBRARY_DOT_INT:
        for (int64_t k = 0; k < size; k++)
            products += (int64_t)a[k] * b[k];
        return wrap(products, note);
    case LIBRARY_DOT_FIXED:
        for (int64_t k = 0; k < size; k++)
            sum += product(a[k], b[k]);
        return wrap(sum, note);
    default: return 0;
    }
}
