#include "noise.h"

enum { COUNTERS = 64 };

/* Where one multiplication of 32-bit words to 64 bits in every 64-bit lane is an instruction, it is written as such:
 * compilers do not find it. Integers: the same words everywhere. */
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define WIDE_LANES 1
#else
#define WIDE_LANES 0
#endif

typedef struct {
    uint32_t low, high;
} round_key;

static void words_plain(const round_key *key, uint32_t number, uint64_t first, int count, uint32_t word[4][COUNTERS])
{
    uint64_t seed = (uint64_t)key->high << 32 | key->low;
    for (int i = 0; i < count; i++) {
        uint64_t n = first + (uint64_t)i;
        uint32_t counter[4] = {(uint32_t)n, (uint32_t)(n >> 32), number, 0}, out[4];
        noise_philox(counter, seed, out);
        word[0][i] = out[0], word[1][i] = out[1], word[2][i] = out[2], word[3][i] = out[3];
    }
}

/* A word in the low half of each 64-bit lane; the high halves hold anything, since the multiplication does not look. */
#if WIDE_LANES
#define WORDS_OF(name, isa, vector, lanes, set, load, add, product, shift, mixed, store_two)                            \
    __attribute__((target(isa))) static void name(const round_key *key, uint32_t number, uint64_t first, int count,    \
                                                  uint32_t word[4][COUNTERS])                                          \
    {                                                                                                                  \
        uint64_t step[lanes];                                                                                          \
        for (int l = 0; l < lanes; l++)                                                                                \
            step[l] = (uint64_t)l;                                                                                     \
        for (int i = 0; i < count; i += 2 * lanes) {                                                                   \
            vector a[2], b[2], c[2], d[2];                                                                             \
            for (int h = 0; h < 2; h++) {                                                                              \
                a[h] = add(set((long long)(first + (uint64_t)(i + h * lanes))), load((const void *)step));              \
                b[h] = shift(a[h], 32);                                                                                \
                c[h] = set((long long)number);                                                                         \
                d[h] = set(0);                                                                                         \
            }                                                                                                          \
            for (int round = 0; round < 10; round++) {                                                                 \
                vector low = set((long long)key[round].low), high = set((long long)key[round].high);                   \
                for (int h = 0; h < 2; h++) {                                                                          \
                    vector x = product(a[h], set(0xD2511F53ll)), y = product(c[h], set(0xCD9E8D57ll));                  \
                    a[h] = mixed(shift(y, 32), b[h], low);                                                             \
                    c[h] = mixed(shift(x, 32), d[h], high);                                                            \
                    b[h] = y;                                                                                          \
                    d[h] = x;                                                                                          \
                }                                                                                                      \
            }                                                                                                          \
            store_two(&word[0][i], a);                                                                                 \
            store_two(&word[1][i], b);                                                                                 \
            store_two(&word[2][i], c);                                                                                 \
            store_two(&word[3][i], d);                                                                                 \
        }                                                                                                              \
    }

#define MIXED_AVX2(x, y, z) _mm256_xor_si256(_mm256_xor_si256(x, y), z)
#define MIXED_AVX512(x, y, z) _mm512_ternarylogic_epi64(x, y, z, 0x96)
#define STORE_AVX2(at, v)                                                                                              \
    _mm256_storeu_si256((void *)(at),                                                                                  \
                        _mm256_permute4x64_epi64(_mm256_castps_si256(_mm256_shuffle_ps(_mm256_castsi256_ps((v)[0]),      \
                                                                                       _mm256_castsi256_ps((v)[1]), 0x88)), \
                                                 0xD8))
#define STORE_AVX512(at, v)                                                                                            \
    (_mm256_storeu_si256((void *)(at), _mm512_cvtepi64_epi32((v)[0])),                                                 \
     _mm256_storeu_si256((void *)((at) + 8), _mm512_cvtepi64_epi32((v)[1])))

WORDS_OF(words_avx2, "avx2", __m256i, 4, _mm256_set1_epi64x, _mm256_loadu_si256, _mm256_add_epi64, _mm256_mul_epu32,
         _mm256_srli_epi64, MIXED_AVX2, STORE_AVX2)
WORDS_OF(words_avx512, "avx512f", __m512i, 8, _mm512_set1_epi64, _mm512_loadu_si512, _mm512_add_epi64, _mm512_mul_epu32,
         _mm512_srli_epi64, MIXED_AVX512, STORE_AVX512)
#endif

/* Four words of each of `count` counters, by word; count a multiple of NOISE_LANES. */
static void words(const round_key *key, uint32_t number, uint64_t first, int count, uint32_t word[4][COUNTERS])
{
#if WIDE_LANES
    if (__builtin_cpu_supports("avx512f")) {
        words_avx512(key, number, first, count, word);
        return;
    }
    if (__builtin_cpu_supports("avx2")) {
        words_avx2(key, number, first, count, word);
        return;
    }
#endif
    words_plain(key, number, first, count, word);
}

/* Pairs of NOISE_LANES words each: the first normals of all, then the second ones. */
CLONES static void normals(uint32_t word[restrict 4][COUNTERS], int count, float *restrict normal)
{
    for (int i = 0; i < count; i += NOISE_LANES)
        for (int half = 0; half < 2; half++) {
            float *to = normal + 4 * i + 2 * NOISE_LANES * half;
            const uint32_t *w = word[2 * half] + i, *angle = word[2 * half + 1] + i;
            for (int l = 0; l < NOISE_LANES; l++)
                noise_pair(w[l], angle[l], to + l, to + NOISE_LANES + l);
        }
}

void noise_samples(uint64_t seed, uint32_t number, int64_t t, int n, float *normal)
{
    uint32_t word[4][COUNTERS];
    round_key key[10] = {{(uint32_t)seed, (uint32_t)(seed >> 32)}};
    for (int round = 1; round < 10; round++)
        key[round] = (round_key){key[round - 1].low + 0x9E3779B9u, key[round - 1].high + 0xBB67AE85u};
    for (int done = 0; done < n; done += 4 * COUNTERS) {
        int count = (n - done) / 4 < COUNTERS ? (n - done) / 4 : COUNTERS;
        words(key, number, (uint64_t)(t + done) / 4, count, word);
        normals(word, count, normal + done);
    }
}

void noise_integral(uint64_t seed, const noise_place *p, float *first, float *second)
{
    uint32_t counter[4] = {(uint32_t)p->end, (uint32_t)((uint64_t)p->end >> 32), p->number,
                           0x80000000u + p->element * 65536u + 2 * (p->q >> 2) + (p->q & 1)};
    uint32_t word[4], at = p->q & 2;
    noise_philox(counter, seed, word);
    noise_pair(word[at], word[at + 1], first, second);
}
