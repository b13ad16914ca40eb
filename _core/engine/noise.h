/* Noise numbers: Philox4x32-10 (Salmon et al. 2011) and normals from it in single precision (docs/arithmetic.md 7).
 *
 * A number belongs to its counter, not to a sequence: any sample of any port can be asked for at any time.
 */
#ifndef QUAYMASTER_NOISE_H
#define QUAYMASTER_NOISE_H

#include <math.h>

#include "phase.h"

/* Samples whose counters follow one another: NOISE_LANES counters give number 0 of all, then number 1 of all, … */
enum { NOISE_LANES = 16, NOISE_UNIT = 4 * NOISE_LANES };

/* One block of four 32-bit words; `key` is the job's seed. */
INLINE void noise_philox(const uint32_t counter[4], uint64_t key, uint32_t word[4])
{
    uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3];
    uint32_t low = (uint32_t)key, high = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t x = (uint64_t)0xD2511F53u * a, y = (uint64_t)0xCD9E8D57u * c;
        a = (uint32_t)(y >> 32) ^ b ^ low;
        b = (uint32_t)y;
        c = (uint32_t)(x >> 32) ^ d ^ high;
        d = (uint32_t)x;
        low += 0x9E3779B9u;
        high += 0xBB67AE85u;
    }
    word[0] = a, word[1] = b, word[2] = c, word[3] = d;
}

INLINE float noise_single(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, 4);
    return x;
}

INLINE uint32_t noise_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, 4);
    return bits;
}

/* ln u for u in [2^-32, 1]. */
INLINE float noise_ln(float u)
{
    uint32_t above = noise_bits(u) - 0x3F3504F3u; /* sqrt(1/2) */
    float e = (float)((int32_t)above >> 23);
    float f = noise_single((above & 0x7FFFFFu) + 0x3F3504F3u) - 1.0f, g = f * f;
    float t = 7.0376836292e-2f;
    t = t * f + -1.1514610310e-1f;
    t = t * f + 1.1676998740e-1f;
    t = t * f + -1.2420140846e-1f;
    t = t * f + 1.4249322787e-1f;
    t = t * f + -1.6668057665e-1f;
    t = t * f + 2.0000714765e-1f;
    t = t * f + -2.4999993993e-1f;
    t = t * f + 3.3333331174e-1f;
    float y = f * g * t;
    y = y + e * -2.12194440e-4f;
    y = y - 0.5f * g;
    y = y + f;
    return y + e * 0.693359375f;
}

/* Cosine and sine of a phase in 2^-32 turns. */
INLINE void noise_cossin(uint32_t p, float *c, float *s)
{
    uint32_t k = (p + (1u << 29)) >> 30;
    float x = (float)(int32_t)(p - (k << 30)) * 1.46291807926715968e-9f; /* 2 pi 2^-32 */
    float y = x * x;
    float sine = -1.9515295891e-4f;
    sine = sine * y + 8.3321608736e-3f;
    sine = sine * y + -1.6666654611e-1f;
    sine = x + x * (y * sine);
    float cosine = 2.4433157118e-5f;
    cosine = cosine * y + -1.3887316255e-3f;
    cosine = cosine * y + 4.1666645683e-2f;
    cosine = cosine * y + -0.5f;
    cosine = 1.0f + y * cosine;
    uint32_t odd = 0u - (k & 1u), a = noise_bits(cosine), b = noise_bits(sine);
    *c = noise_single(((a & ~odd) | (b & odd)) ^ ((k + 1u) & 2u) << 30); /* negative for k = 1, 2 */
    *s = noise_single(((b & ~odd) | (a & odd)) ^ (k & 2u) << 30);        /* negative for k = 2, 3 */
}

/* Two independent normals from two words (Box and Muller). */
INLINE void noise_pair(uint32_t w, uint32_t angle, float *first, float *second)
{
    float u = ((float)(int32_t)(w >> 1) + 0.5f) * 0x1p-31f;
    float x = sqrtf(-2.0f * noise_ln(u)), c, s;
    noise_cossin(angle, &c, &s);
    *first = x * c;
    *second = x * s;
}

/* normal[i] of sample t + i on input port `number` for i < n; t and n multiples of NOISE_UNIT, t >= 0. */
void noise_samples(uint64_t seed, uint32_t number, int64_t t, int n, float *normal);

/* One integral's place in the noise: docs/arithmetic.md 7. q: twice the number of its process, + 1 for the second output. */
typedef struct {
    uint32_t number, element, q;
    int64_t end;
} noise_place;

/* The two normals of an integral. */
void noise_integral(uint64_t seed, const noise_place *place, float *first, float *second);

#endif
