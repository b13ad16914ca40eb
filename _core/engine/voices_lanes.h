/* Sixteen floats in registers: with AVX2 and fused multiply-adds in two, with AVX-512 in one. */
#ifndef VOICES_LANES_H
#define VOICES_LANES_H
#include <immintrin.h>

#define TARGET_AVX2 "avx2,fma"
#define INLINE_AVX2 __attribute__((target(TARGET_AVX2), always_inline)) static inline

typedef struct {
    __m256 low, high;
} lanes_avx2;

/* All of them x. */
INLINE_AVX2 lanes_avx2 all_avx2(float x) { return (lanes_avx2){_mm256_set1_ps(x), _mm256_set1_ps(x)}; }

/* Read once: compilers would read them for each use. */
INLINE_AVX2 lanes_avx2 read_avx2(const float *from)
{
    lanes_avx2 x = {_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)};
    __asm__("" : "+x"(x.low), "+x"(x.high));
    return x;
}

INLINE_AVX2 void write_avx2(float *to, lanes_avx2 x) { _mm256_storeu_ps(to, x.low), _mm256_storeu_ps(to + 8, x.high); }

/* k x + sum */
INLINE_AVX2 lanes_avx2 fused_avx2(lanes_avx2 k, lanes_avx2 x, lanes_avx2 sum)
{
    return (lanes_avx2){_mm256_fmadd_ps(k.low, x.low, sum.low), _mm256_fmadd_ps(k.high, x.high, sum.high)};
}

/* Their codes; those out of range are at its ends. */
INLINE_AVX2 __m256i codes_avx2(lanes_avx2 x)
{
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(_mm256_cvtps_epi32(x.low), _mm256_cvtps_epi32(x.high)), 0xD8);
}

/* Bits of those of a size above the limit. */
INLINE_AVX2 int above_avx2(lanes_avx2 x, float limit)
{
    const __m256 l = _mm256_set1_ps(limit), sign = _mm256_set1_ps(-0.0f);
    return _mm256_movemask_ps(_mm256_cmp_ps(_mm256_andnot_ps(sign, x.low), l, _CMP_GT_OQ)) |
           _mm256_movemask_ps(_mm256_cmp_ps(_mm256_andnot_ps(sign, x.high), l, _CMP_GT_OQ)) << 8;
}

#define TARGET_AVX512 "avx512f,avx2,fma"
#define INLINE_AVX512 __attribute__((target(TARGET_AVX512), always_inline)) static inline

typedef __m512 lanes_avx512;

INLINE_AVX512 lanes_avx512 all_avx512(float x) { return _mm512_set1_ps(x); }

INLINE_AVX512 lanes_avx512 read_avx512(const float *from)
{
    __m512 x = _mm512_loadu_ps(from);
    __asm__("" : "+v"(x));
    return x;
}

INLINE_AVX512 void write_avx512(float *to, lanes_avx512 x) { _mm512_storeu_ps(to, x); }

INLINE_AVX512 lanes_avx512 fused_avx512(lanes_avx512 k, lanes_avx512 x, lanes_avx512 sum) { return _mm512_fmadd_ps(k, x, sum); }

INLINE_AVX512 __m256i codes_avx512(lanes_avx512 x) { return _mm512_cvtsepi32_epi16(_mm512_cvtps_epi32(x)); }

INLINE_AVX512 int above_avx512(lanes_avx512 x, float limit)
{
    return _mm512_cmp_ps_mask(_mm512_abs_ps(x), _mm512_set1_ps(limit), _CMP_GT_OQ);
}
#endif
