/* Codes of the sums of voices, a GROUP of samples at a time that never leaves the registers.
 *
 * Voices lie between zeros: one that begins or ends inside a group is added to the whole of it. Between two such instants
 * the voices are the same, and what is left of them behind the last whole group is done again with the group that ends
 * there. Where a sum comes within 1 step of the range's end the samples are taken by the contract: what is out of range is
 * counted exactly. */
#include "voices.h"

/* What compilers do not find by themselves is written for AVX2 with fused multiply-adds; no result of a job is here. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(SIGNAL_NO_CLONES)
#include <immintrin.h>
#define WIDE 1
#define WIDE_INLINE __attribute__((target("avx2,fma"), always_inline)) static inline
#define WIDE_HERE (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#else
#define WIDE 0
#endif

#define EDGE 32766 /* steps: a sum of this size is looked at one by one */

/* The voices of some samples. */
typedef struct {
    const voice *of[SCOPE_EARS_MAX * GROUP];
    int count;
} sounding;

/* Samples [from, to) of the span, GROUP at least, all by the same voices; codes[port][t] is that of sample t. From `end` on
 * they are of no interest. */
typedef struct {
    int32_t from, to, end;
    int16_t *codes[2];
} stretch;

/* The voices that sound at t; returns the first sample behind it that has others. */
INLINE int32_t sounding_at(chorus *c, int32_t t, sounding *s)
{
    int32_t until = c->count;
    int count = 0;
    for (int e = 0; e < c->ears; e++) {
        while (c->next[e]->end <= t)
            c->next[e]++;
        const voice *v = c->next[e];
        int32_t change = v->start > t ? v->start : v->end;
        s->of[count] = v;
        count += v->start <= t;
        until = change < until ? change : until;
    }
    s->count = count;
    return until;
}

/* The voices that sound anywhere in the GROUP from t on, which next[] has reached. */
static void sounding_around(const chorus *c, int32_t t, sounding *s)
{
    s->count = 0;
    for (int e = 0; e < c->ears; e++)
        for (const voice *v = c->next[e]; v->start < t + GROUP; v++)
            s->of[s->count++] = v;
}

/* Codes by the contract of samples [t, to), of which those before `from` have been counted. */
static int code_exactly(chorus *c, int port, int32_t t, int32_t from, int32_t to, int16_t *codes)
{
    int code = from > t ? c->exactly(c, port, t, from - t, codes + t, 0) : SIGNAL_OK;
    return code ? code : c->exactly(c, port, from, to - from, codes + from, 1);
}

/* Codes of samples [t, to) of a group with the sums v, one of which is near the range's end or beyond; those before `from`
 * have been counted. */
static __attribute__((noinline)) int code_edge(chorus *c, int port, const float *v, int32_t t, int32_t from, int32_t to,
                                               int16_t *codes)
{
    int64_t over = 0;
    for (int32_t i = t; i < to; i++) {
        float size = fabsf(v[i - t]), y = floorf(v[i - t] + 0.5f);
        if (fabsf(size - 32768.0f) < 1.0f)
            return code_exactly(c, port, t, from, to, codes);
        over += i >= from && size > 32768.0f;
        if (c->saturates[port])
            y = y < -32768.0f ? -32768.0f : y > 32767.0f ? 32767.0f : y;
        codes[i] = (int16_t)(int32_t)y;
    }
    c->over += over;
    return SIGNAL_OK;
}

/* Where the group of a stretch of at least GROUP samples begins that has sample t, and those behind it. */
INLINE int32_t group_of(const stretch *x, int32_t t) { return t + GROUP <= x->to ? t : x->to - GROUP; }

static int stretch_plain(chorus *c, const sounding *s, const stretch *x)
{
    int code = SIGNAL_OK;
    for (int32_t from = x->from, t; !code && from < x->to; from = t + GROUP) {
        float v[2][GROUP];
        int edge = 0;
        t = group_of(x, from);
        for (int port = 0; port < c->ports; port++) {
            for (int i = 0; i < GROUP; i++)
                v[port][i] = c->rest[port];
            for (int k = 0; k < s->count; k++) {
                const voice *w = s->of[k];
                const float *re = w->re + (t - w->start), *im = w->im + (t - w->start);
                for (int i = 0; i < GROUP; i++)
                    v[port][i] += w->k[2 * port] * re[i] + w->k[2 * port + 1] * im[i];
            }
            for (int i = 0; i < GROUP; i++) {
                edge |= fabsf(v[port][i]) >= EDGE - 0.5f;
                x->codes[port][t + i] = edge ? 0 : (int16_t)(int32_t)floorf(v[port][i] + 0.5f);
            }
        }
        for (int port = 0; edge && !code && port < c->ports; port++)
            code = code_edge(c, port, v[port], t, from, x->end < t + GROUP ? x->end : t + GROUP, x->codes[port]);
    }
    return code;
}

#if WIDE
/* A voice in registers; re and im are the addresses that sample 0 of the span would have. */
typedef struct {
    uintptr_t re, im;
    __m256 k0, k1, k2, k3;
} loud;

WIDE_INLINE loud loud_of(const voice *v)
{
    uintptr_t before = (uintptr_t)v->start * sizeof *v->re; /* wraps as it should where start is negative */
    return (loud){(uintptr_t)v->re - before, (uintptr_t)v->im - before, _mm256_set1_ps(v->k[0]),
                  _mm256_set1_ps(v->k[1]), _mm256_set1_ps(v->k[2]), _mm256_set1_ps(v->k[3])};
}

/* 8 samples, read once: compilers would read them for each use. */
WIDE_INLINE __m256 samples(uintptr_t from, intptr_t t)
{
    __m256 x = _mm256_loadu_ps((const float *)from + t);
    __asm__("" : "+x"(x));
    return x;
}

/* Adds 8 samples of a voice to the sums of the ports. */
WIDE_INLINE void add(loud v, intptr_t t, int ports, __m256 *a, __m256 *b)
{
    __m256 x = samples(v.re, t), y = samples(v.im, t);
    *a = _mm256_fmadd_ps(v.k0, x, *a);
    if (ports == 2)
        *b = _mm256_fmadd_ps(v.k2, x, *b);
    *a = _mm256_fmadd_ps(v.k1, y, *a);
    if (ports == 2)
        *b = _mm256_fmadd_ps(v.k3, y, *b);
}

/* The sums of a group, in 8 samples each. */
typedef struct {
    __m256 a0, a1, b0, b1;
} group;

WIDE_INLINE void add_group(loud v, intptr_t t, int ports, group *g)
{
    add(v, t, ports, &g->a0, &g->b0);
    add(v, t + 8, ports, &g->a1, &g->b1);
}

/* Codes of 16 sums; those out of range are at its ends. */
WIDE_INLINE __m256i codes_of(__m256 x, __m256 y)
{
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(_mm256_cvtps_epi32(x), _mm256_cvtps_epi32(y)), 0xD8);
}

/* Sets the codes of a group of the stretch; whether one is at the edge. */
WIDE_INLINE int store(group g, intptr_t t, int ports, int16_t *codes_a, int16_t *codes_b)
{
    __m256i a = codes_of(g.a0, g.a1), most = _mm256_abs_epi16(a);
    _mm256_storeu_si256((void *)(codes_a + t), a);
    if (ports == 2) {
        __m256i b = codes_of(g.b0, g.b1);
        _mm256_storeu_si256((void *)(codes_b + t), b);
        most = _mm256_max_epu16(most, _mm256_abs_epi16(b));
    }
    __m256i beyond = _mm256_subs_epu16(most, _mm256_set1_epi16(EDGE - 1));
    return !_mm256_testz_si256(beyond, beyond);
}

/* Bits of the lanes with x > limit. */
WIDE_INLINE int above(__m256 x, __m256 y, float limit)
{
    const __m256 l = _mm256_set1_ps(limit), sign = _mm256_set1_ps(-0.0f);
    return _mm256_movemask_ps(_mm256_cmp_ps(_mm256_andnot_ps(sign, x), l, _CMP_GT_OQ)) |
           _mm256_movemask_ps(_mm256_cmp_ps(_mm256_andnot_ps(sign, y), l, _CMP_GT_OQ)) << 8;
}

/* As code_edge, for codes that stand there saturated. */
WIDE_INLINE int edge_of(chorus *c, int port, __m256 x, __m256 y, int32_t t, int32_t from, int32_t to, int16_t *codes)
{
    int lanes = (1 << (to - t)) - 1, counted = (1 << (from - t)) - 1;
    int most = above(x, y, 32769.0f) & lanes, least = above(x, y, 32767.0f) & lanes;
    if (c->saturates[port] && most == least) {
        c->over += __builtin_popcount((unsigned)(most & ~counted));
        return SIGNAL_OK;
    }
    float sums[GROUP];
    _mm256_storeu_ps(sums, x), _mm256_storeu_ps(sums + 8, y);
    return code_edge(c, port, sums, t, from, to, codes);
}

__attribute__((target("avx2,fma"), noinline)) static int edges_of(chorus *c, const group *g, int32_t t, int32_t from,
                                                                  const stretch *x)
{
    int32_t to = x->end < t + GROUP ? x->end : t + GROUP;
    int code = edge_of(c, 0, g->a0, g->a1, t, from, to, x->codes[0]);
    return code || c->ports == 1 ? code : edge_of(c, 1, g->b0, g->b1, t, from, to, x->codes[1]);
}

/* A stretch with one voice, with two, or (`count` 3) with any number. */
WIDE_INLINE int stretch_of(chorus *c, const sounding *s, const stretch *x, int count, int ports)
{
    const loud v = loud_of(s->of[0]), w = loud_of(s->of[count == 2]);
    const __m256 rest_a = _mm256_set1_ps(c->rest[0]), rest_b = _mm256_set1_ps(c->rest[1]);
    int16_t *const codes_a = x->codes[0], *const codes_b = x->codes[1];
    for (int32_t from = x->from, t; from < x->to; from = t + GROUP) {
        t = group_of(x, from);
        group g = {rest_a, rest_a, rest_b, rest_b};
        if (count == 3)
            for (int k = 0; k < s->count; k++)
                add_group(loud_of(s->of[k]), t, ports, &g);
        else
            add_group(v, t, ports, &g);
        if (count == 2)
            add_group(w, t, ports, &g);
        if (__builtin_expect(store(g, t, ports, codes_a, codes_b), 0)) {
            group edge = g;
            int code = edges_of(c, &edge, t, from, x);
            if (code)
                return code;
        }
    }
    return SIGNAL_OK;
}

__attribute__((target("avx2,fma"), noinline)) static int stretch_wide(chorus *c, const sounding *s, const stretch *x)
{
    return c->ports == 2 ? stretch_of(c, s, x, 3, 2) : stretch_of(c, s, x, 3, 1);
}

/* Calm stretches have one voice or two most of the time. */
WIDE_INLINE int stretch_calm(chorus *c, const sounding *s, const stretch *x)
{
    if (s->count == 2)
        return c->ports == 2 ? stretch_of(c, s, x, 2, 2) : stretch_of(c, s, x, 2, 1);
    if (s->count == 1)
        return c->ports == 2 ? stretch_of(c, s, x, 1, 2) : stretch_of(c, s, x, 1, 1);
    return stretch_wide(c, s, x);
}
#endif

typedef int stretcher(chorus *c, const sounding *s, const stretch *x);

static int fill_idle(const chorus *c, int32_t from, int32_t to)
{
    for (int port = 0; port < c->ports; port++)
        for (int32_t t = from; t < to; t++)
            c->codes[port][t] = c->idle[port];
    return SIGNAL_OK;
}

/* The GROUP from t on, or what is left of it in the span: voices begin or end in it. */
static int around(chorus *c, stretcher *set_codes, sounding *s, int32_t t)
{
    sounding_around(c, t, s);
    if (!s->count)
        return fill_idle(c, t, c->count - t < GROUP ? c->count : t + GROUP);
    if (t + GROUP <= c->count)
        return set_codes(c, s, &(stretch){t, t + GROUP, t + GROUP, {c->codes[0], c->codes[1]}});
    int16_t last[2][GROUP];
    int code = set_codes(c, s, &(stretch){t, t + GROUP, c->count, {last[0] - t, last[1] - t}});
    for (int port = 0; port < c->ports; port++)
        memcpy(c->codes[port] + t, last[port], (size_t)(c->count - t) * sizeof *last[port]);
    return code;
}

INLINE int span_of(chorus *c, stretcher *calm, stretcher *set_codes)
{
    sounding s;
    int code = SIGNAL_OK;
    for (int32_t t = 0, until; !code && t < c->count; t = until) {
        until = sounding_at(c, t, &s);
        if (until - t < GROUP) {
            code = around(c, set_codes, &s, t);
            until = t + GROUP;
        } else if (s.count)
            code = calm(c, &s, &(stretch){t, until, until, {c->codes[0], c->codes[1]}});
        else
            fill_idle(c, t, until);
    }
    return code;
}

#if WIDE
__attribute__((target("avx2,fma"))) static int span_wide(chorus *c) { return span_of(c, stretch_calm, stretch_wide); }
#endif

int voices_to_codes(chorus *c)
{
#if WIDE
    if (WIDE_HERE)
        return span_wide(c);
#endif
    return span_of(c, stretch_plain, stretch_plain);
}
