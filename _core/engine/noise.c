#include "noise.h"

enum { QUADS = 64 };

/* Four words of each of QUADS counters, by word, so that the rounds run side by side. */
CLONES static void quads(uint64_t seed, uint32_t number, uint64_t first, uint32_t word[4][QUADS])
{
    for (int i = 0; i < QUADS; i++) {
        uint64_t n = first + (uint64_t)i;
        uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32), number, 0}, out[4];
        noise_philox(counter, seed, out);
        word[0][i] = out[0], word[1][i] = out[1], word[2][i] = out[2], word[3][i] = out[3];
    }
}

CLONES static void normals(const uint32_t *restrict w, const uint32_t *restrict angle, double *restrict first,
                           double *restrict second)
{
    for (int i = 0; i < QUADS; i++)
        noise_pair(w[i], angle[i], first + i, second + i);
}

void noise_samples(uint64_t seed, uint32_t number, int64_t t, int n, double *normal)
{
    uint32_t word[4][QUADS];
    double out[4][QUADS];
    int skip = (int)(t & 3);
    uint64_t quad = (uint64_t)(t >> 2);
    for (int done = 0; done < n; quad += QUADS) {
        quads(seed, number, quad, word);
        normals(word[0], word[1], out[0], out[1]);
        normals(word[2], word[3], out[2], out[3]);
        for (int i = skip; i < 4 * QUADS && done < n; i++)
            normal[done++] = out[i & 3][i >> 2];
        skip = 0;
    }
}

void noise_integrals(uint64_t seed, const noise_place *place, int count, double *z)
{
    for (int i = 0; i < count; i++) { /* a few: one by one is faster than vectors, whose inputs wait for the stores */
        const noise_place *p = place + i;
        uint32_t counter[4] = {(uint32_t)p->end, (uint32_t)((uint64_t)p->end >> 32), p->number + p->thread * 65536u,
                               65536u + (p->q >> 1)};
        uint32_t word[4];
        double pair[2];
        noise_philox(counter, seed, word);
        noise_pair(word[0], word[1], pair, pair + 1);
        z[i] = pair[p->q & 1];
    }
}
