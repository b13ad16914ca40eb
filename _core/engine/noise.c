#include "noise.h"

enum { QUADS = 64 };

/* Where one multiplication of 32-bit words to 64 bits in every 64-bit lane is an instruction, it is written as such:
 * compilers do not find it. Integers: the same words everywhere. */
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define WIDE_LANES 1
#else
#define WIDE_LANES 0
#endif

static void quads_plain(uint64_t seed, uint32_t number, uint64_t first, uint64_t word[4][QUADS])
{
    for (int i = 0; i < QUADS; i++) {
        uint64_t n = first + (uint64_t)i;
        uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32), number, 0}, out[4];
        noise_philox(counter, seed, out);
        word[0][i] = out[0], word[1][i] = out[1], word[2][i] = out[2], word[3][i] = out[3];
    }
}

/* A word in the low half of each 64-bit lane; the high halves hold anything, since the multiplication does not look. */
#if WIDE_LANES
#define QUADS_OF(name, isa, vector, lanes, set, load, store, add, product, shift, exclusive)                            \
    __attribute__((target(isa))) static void name(uint64_t seed, uint32_t number, uint64_t first, uint64_t word[4][QUADS]) \
    {                                                                                                                  \
        uint64_t step[lanes];                                                                                          \
        for (int l = 0; l < lanes; l++)                                                                                \
            step[l] = (uint64_t)l;                                                                                     \
        for (int i = 0; i < QUADS; i += 2 * lanes) {                                                                   \
            vector a[2], b[2], c[2], d[2];                                                                             \
            for (int h = 0; h < 2; h++) {                                                                              \
                a[h] = add(set((long long)(first + (uint64_t)(i + h * lanes))), load((const void *)step));              \
                b[h] = shift(a[h], 32);                                                                                \
                c[h] = set((long long)number);                                                                         \
                d[h] = set(0);                                                                                         \
            }                                                                                                          \
            uint32_t low = (uint32_t)seed, high = (uint32_t)(seed >> 32);                                              \
            for (int round = 0; round < 10; round++) {                                                                 \
                for (int h = 0; h < 2; h++) {                                                                          \
                    vector x = product(a[h], set(0xD2511F53ll)), y = product(c[h], set(0xCD9E8D57ll));                  \
                    a[h] = exclusive(exclusive(shift(y, 32), b[h]), set((long long)low));                              \
                    c[h] = exclusive(exclusive(shift(x, 32), d[h]), set((long long)high));                             \
                    b[h] = y;                                                                                          \
                    d[h] = x;                                                                                          \
                }                                                                                                      \
                low += 0x9E3779B9u;                                                                                    \
                high += 0xBB67AE85u;                                                                                   \
            }                                                                                                          \
            for (int h = 0; h < 2; h++) {                                                                              \
                int at = i + h * lanes;                                                                                \
                store((void *)&word[0][at], a[h]);                                                                     \
                store((void *)&word[1][at], b[h]);                                                                     \
                store((void *)&word[2][at], c[h]);                                                                     \
                store((void *)&word[3][at], d[h]);                                                                     \
            }                                                                                                          \
        }                                                                                                              \
    }

QUADS_OF(quads_avx2, "avx2", __m256i, 4, _mm256_set1_epi64x, _mm256_loadu_si256, _mm256_storeu_si256, _mm256_add_epi64,
         _mm256_mul_epu32, _mm256_srli_epi64, _mm256_xor_si256)
QUADS_OF(quads_avx512, "avx512f", __m512i, 8, _mm512_set1_epi64, _mm512_loadu_si512, _mm512_storeu_si512,
         _mm512_add_epi64, _mm512_mul_epu32, _mm512_srli_epi64, _mm512_xor_si512)
#endif

/* Four words of each of QUADS counters, by word, in the low halves. */
static void quads(uint64_t seed, uint32_t number, uint64_t first, uint64_t word[4][QUADS])
{
#if WIDE_LANES
    if (__builtin_cpu_supports("avx512f")) {
        quads_avx512(seed, number, first, word);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        quads_avx2(seed, number, first, word);
        return;
    }
#endif
    quads_plain(seed, number, first, word);
}

CLONES static void normals(const uint64_t *restrict w, const uint64_t *restrict angle, double *restrict first,
                           double *restrict second)
{
    for (int i = 0; i < QUADS; i++)
        noise_pair(w[i], angle[i], first + i, second + i);
}

CLONES static void interleave(double out[restrict 4][QUADS], double *restrict normal)
{
    for (int i = 0; i < QUADS; i++)
        for (int j = 0; j < 4; j++)
            normal[4 * i + j] = out[j][i];
}

void noise_samples(uint64_t seed, uint32_t number, int64_t t, int n, double *normal)
{
    uint64_t word[4][QUADS];
    double out[4][QUADS], mixed[4 * QUADS];
    int skip = (int)(t & 3);
    uint64_t quad = (uint64_t)(t >> 2);
    for (int done = 0; done < n; quad += QUADS) {
        int some = 4 * QUADS - skip < n - done ? 4 * QUADS - skip : n - done;
        quads(seed, number, quad, word);
        normals(word[0], word[1], out[0], out[1]);
        normals(word[2], word[3], out[2], out[3]);
        interleave(out, mixed);
        memcpy(normal + done, mixed + skip, (size_t)some * sizeof *normal);
        done += some;
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
