/* Codes of the sums of voices, a GROUP of samples at a time that never leaves the registers.
 *
 * Voices lie between zeros: one that begins or ends inside a group is added to the whole of it. Between two such instants
 * the voices are the same, and what is left of them behind the last whole group is done again with the group that ends
 * there. Where a sum comes within 1 step of the range's end the samples are taken by the contract: what is out of range is
 * counted exactly. */
#include "voices.h"

/* What compilers do not find by themselves is written for AVX2 and AVX-512 (voices_lanes.h); no result of a job is here. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(SIGNAL_NO_CLONES)
#define WIDE 1
#else
#define WIDE 0
#endif
#ifdef SIGNAL_NO_AVX512 /* a test of the other way on a machine that has both */
#define NO_AVX512 1
#else
#define NO_AVX512 0
#endif

#define EDGE 32766 /* steps: a sum of this size is looked at one by one */
#define FILL_MANY 256

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
#include "voices_lanes.h"

#define WIDE_NAME(name) name##_avx2
#define WIDE_INLINE INLINE_AVX2
#define WIDE_TARGET __attribute__((target(TARGET_AVX2)))
#include "voices_wide.h"
#undef WIDE_NAME
#undef WIDE_INLINE
#undef WIDE_TARGET

#define WIDE_NAME(name) name##_avx512
#define WIDE_INLINE INLINE_AVX512
#define WIDE_TARGET __attribute__((target(TARGET_AVX512)))
#include "voices_wide.h"
#undef WIDE_NAME
#undef WIDE_INLINE
#undef WIDE_TARGET
#endif

typedef int stretcher(chorus *c, const sounding *s, const stretch *x);

/* Sets `count` codes; many of them by the instruction that does not read the memory first. */
INLINE void fill(int16_t *codes, int32_t count, int16_t code)
{
#if WIDE
    if (count >= FILL_MANY) {
        size_t left = (size_t)count;
        __asm__ volatile("rep stosw" : "+D"(codes), "+c"(left) : "a"(code) : "memory");
        return;
    }
#endif
    for (int32_t i = 0; i < count; i++)
        codes[i] = code;
}

static int fill_idle(const chorus *c, int32_t from, int32_t to)
{
    for (int port = 0; port < c->ports; port++)
        fill(c->codes[port] + from, to - from, c->idle[port]);
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
__attribute__((target(TARGET_AVX2))) static int span_avx2(chorus *c)
{
    return span_of(c, stretch_calm_avx2, stretch_wide_avx2);
}

__attribute__((target(TARGET_AVX512))) static int span_avx512(chorus *c)
{
    return span_of(c, stretch_calm_avx512, stretch_wide_avx512);
}
#endif

int voices_to_codes(chorus *c)
{
#if WIDE
    int fused = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (fused && !NO_AVX512 && __builtin_cpu_supports("avx512f"))
        return span_avx512(c);
    if (fused)
        return span_avx2(c);
#endif
    return span_of(c, stretch_plain, stretch_plain);
}
