/* Phases and the two functions that a result may pass through (docs/arithmetic.md 3).
 *
 * A phase is u64 in units of 2^-64 turns. Sine, cosine and logarithm are fixed polynomials, evaluated by Horner from
 * the inside with every operation rounded on its own: libm's differ between machines, these do not.
 */
#ifndef QUAYMASTER_PHASE_H
#define QUAYMASTER_PHASE_H

#include <stdint.h>
#include <string.h>

#include "clones.h"

INLINE double phase_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, 8);
    return x;
}

/* double(n) of an integer in the low 32 bits, exactly: in the mantissa of 2^52. */
INLINE double phase_whole(uint64_t n) { return phase_bits((n & 0xFFFFFFFFull) | 0x4330000000000000ull) - 0x1p52; }

/* double(r) for |r| < 2^62, rounded once. In 32-bit halves in the mantissas of 2^84 and 2^52, since vector units below
 * AVX-512DQ convert no int64: the first difference is exact, so the sum is the correctly rounded value. */
INLINE double phase_double(int64_t r)
{
    double high = phase_bits(((uint64_t)r >> 32 ^ 0x80000000ull) | 0x4530000000000000ull) - (0x1p84 + 0x1p63 + 0x1p52);
    return high + phase_bits(((uint64_t)r & 0xFFFFFFFFull) | 0x4330000000000000ull);
}

/* n (n + 1) / 2 modulo 2^64: the ns of a sweep, summed. */
INLINE uint64_t phase_triangle(uint64_t n) { return n & 1 ? n * ((n + 1) / 2) : n / 2 * (n + 1); }

INLINE void phase_cossin(uint64_t p, double *c, double *s)
{
    uint64_t k = (p + (1ull << 61)) >> 62;
    int64_t r = (int64_t)(p - (k << 62));
    double x = phase_double(r) * 3.40612158008655459e-19; /* 2 pi 2^-64 */
    double y = x * x;
    double sine = 1.0 / 355687428096000.0;
    sine = sine * y + -1.0 / 1307674368000.0;
    sine = sine * y + 1.0 / 6227020800.0;
    sine = sine * y + -1.0 / 39916800.0;
    sine = sine * y + 1.0 / 362880.0;
    sine = sine * y + -1.0 / 5040.0;
    sine = sine * y + 1.0 / 120.0;
    sine = sine * y + -1.0 / 6.0;
    sine = x * (1.0 + y * sine);
    double cosine = 1.0 / 20922789888000.0;
    cosine = cosine * y + -1.0 / 87178291200.0;
    cosine = cosine * y + 1.0 / 479001600.0;
    cosine = cosine * y + -1.0 / 3628800.0;
    cosine = cosine * y + 1.0 / 40320.0;
    cosine = cosine * y + -1.0 / 720.0;
    cosine = cosine * y + 1.0 / 24.0;
    cosine = cosine * y + -1.0 / 2.0;
    cosine = 1.0 + y * cosine;
    double even = (k & 1) ? sine : cosine, odd = (k & 1) ? cosine : sine;
    *c = ((k + 1) & 2) ? -even : even; /* k = 1, 2 */
    *s = (k & 2) ? -odd : odd;         /* k = 2, 3 */
}

/* ln u for normal u in (0, 1]. */
INLINE double phase_ln(double u)
{
    uint64_t bits;
    memcpy(&bits, &u, 8);
    double e = phase_whole(bits >> 52) - 1022.0;
    bits = (bits & 0xFFFFFFFFFFFFFull) | 0x3FE0000000000000ull;
    double m;
    memcpy(&m, &bits, 8);
    int small = m < 0.70710678118654752;
    m = small ? m + m : m;
    e = small ? e - 1.0 : e;
    double f = (m - 1.0) / (m + 1.0), g = f * f;
    double t = 1.0 / 21.0;
    t = t * g + 1.0 / 19.0;
    t = t * g + 1.0 / 17.0;
    t = t * g + 1.0 / 15.0;
    t = t * g + 1.0 / 13.0;
    t = t * g + 1.0 / 11.0;
    t = t * g + 1.0 / 9.0;
    t = t * g + 1.0 / 7.0;
    t = t * g + 1.0 / 5.0;
    t = t * g + 1.0 / 3.0;
    return e * 0.693147180559945309 + 2.0 * f * (1.0 + g * t);
}

#endif
