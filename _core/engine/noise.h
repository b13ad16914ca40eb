/* Noise numbers: Philox4x32-10 (Salmon et al. 2011) and normals from it (docs/arithmetic.md 7).
 *
 * A number belongs to its counter, not to a sequence: any sample of any port can be asked for at any time.
 */
#ifndef QUAYMASTER_NOISE_H
#define QUAYMASTER_NOISE_H

#include <math.h>

#include "phase.h"

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

/* Two independent normals from two words in the low halves of w and angle (Box and Muller). */
INLINE void noise_pair(uint64_t w, uint64_t angle, double *first, double *second)
{
    double u = (phase_whole(w) + 1.0) * 0x1p-32; /* (w + 1) 2^-32 */
    double x = sqrt(-2.0 * phase_ln(u)), c, s;
    phase_cossin(angle << 32, &c, &s);
    *first = x * c;
    *second = x * s;
}

/* normal[i] of sample t + i on input port `number` for i < n. t any, n >= 0. */
void noise_samples(uint64_t seed, uint32_t number, int64_t t, int n, double *normal);

/* One integral's place in the noise: docs/arithmetic.md 7. */
typedef struct {
    uint32_t number, thread, q;
    int64_t end;
} noise_place;

/* z of `count` integrals, side by side. */
void noise_integrals(uint64_t seed, const noise_place *place, int count, double *z);

#endif
