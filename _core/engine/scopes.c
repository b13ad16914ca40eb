/* Output samples for scopes: float32 sums of modulated pulses, two ports of a mixer side by side.
 *
 * Every play is two multiply-adds per sample and port with factors from mixer, amplitude and phase. Pulses lie between
 * zeros, so that sums are read and written in whole groups of GROUP; groups that nothing touches are filled. Where a sum
 * comes within 1 LSB of the range's end the samples are taken from signal_render: overflows are counted exactly. */
#include "inside.h"

#include <stdlib.h>

/* What compilers do not find by themselves is written for AVX2 with fused multiply-adds; no result of a job is here. */
#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define WIDE 1
#define WIDE_INLINE __attribute__((target("avx2,fma"), always_inline)) static inline
#define WIDE_HERE (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
#else
#define WIDE 0
#endif

enum { GROUP = PULSE_PAD, TILE = 1024, SPAN = 64 * TILE, SCOPE_EARS_MAX = 64 };

/* A play within a span, for the two ports: adds k[0] re + k[1] im to the first, k[2] re + k[3] im to the second. */
typedef struct {
    const float *re, *im;
    int64_t start;
    int32_t length;
    float k[4];
} voice;

typedef struct {
    voice *items;
    int64_t count, slots;
} voices;

/* One output, or two that carry the same elements with one delay. */
typedef struct {
    int id[2], count;
    const output *of[2];
    int16_t *codes[2];
    float rest[2];   /* sums where nothing plays, and their codes */
    int16_t idle[2];
} scope;

/* A group of which a sum is near the range's end or beyond: codes as the port keeps them; how many are beyond, or
 * UNDECIDED where a sum is too near to tell. */
enum { UNDECIDED = 1 << 20 };

static __attribute__((noinline)) int convert_group(const float *v, int saturates, int16_t *codes)
{
    int over = 0;
    for (int l = 0; l < GROUP; l++) {
        float size = fabsf(v[l]), y = floorf(v[l] + 0.5f);
        if (fabsf(size - 32768.0f) < 1.0f)
            return UNDECIDED;
        over += size > 32768.0f;
        if (saturates)
            y = y < -32768.0f ? -32768.0f : y > 32767.0f ? 32767.0f : y;
        codes[l] = (int16_t)(int32_t)y;
    }
    return over;
}

/* Codes of `count` sums, which become `rest` again; returns how many were out of range, UNDECIDED or more if that has to
 * be looked at. */
INLINE int convert_plain(float *restrict v, float rest, int saturates, int count, int16_t *restrict codes)
{
    int over = 0;
    for (int i = 0; i < count; i += GROUP) {
        int edge = 0;
        for (int l = i; l < i + GROUP; l++) {
            edge |= fabsf(v[l]) > 32766.0f;
            codes[l] = edge ? 0 : (int16_t)(int32_t)floorf(v[l] + 0.5f);
        }
        if (edge)
            over += convert_group(v + i, saturates, codes + i);
        for (int l = i; l < i + GROUP; l++)
            v[l] = rest;
    }
    return over;
}

#if WIDE
/* How many of 16 magnitudes are out of range, or UNDECIDED. */
__attribute__((target("avx2,fma"))) static int beyond(__m256 x, __m256 y)
{
    const __m256 below = _mm256_set1_ps(32767.0f), above = _mm256_set1_ps(32769.0f);
    int least = _mm256_movemask_ps(_mm256_cmp_ps(x, below, _CMP_GT_OQ)) |
                _mm256_movemask_ps(_mm256_cmp_ps(y, below, _CMP_GT_OQ)) << 8;
    int most = _mm256_movemask_ps(_mm256_cmp_ps(x, above, _CMP_GE_OQ)) |
               _mm256_movemask_ps(_mm256_cmp_ps(y, above, _CMP_GE_OQ)) << 8;
    return least == most ? __builtin_popcount((unsigned)most) : UNDECIDED;
}

WIDE_INLINE int convert_wide(float *v, float rest, int saturates, int count, int16_t *codes)
{
    const __m256 edge = _mm256_set1_ps(32766.0f), idle = _mm256_set1_ps(rest), sign = _mm256_set1_ps(-0.0f);
    int over = 0;
    for (int i = 0; i < count; i += GROUP) {
        __m256 x = _mm256_load_ps(v + i), y = _mm256_load_ps(v + i + 8);
        __m256 x_size = _mm256_andnot_ps(sign, x), y_size = _mm256_andnot_ps(sign, y);
        __m256i both = _mm256_packs_epi32(_mm256_cvtps_epi32(x), _mm256_cvtps_epi32(y)); /* saturates */
        _mm256_storeu_si256((void *)(codes + i), _mm256_permute4x64_epi64(both, 0xD8));
        if (__builtin_expect(_mm256_movemask_ps(_mm256_cmp_ps(_mm256_max_ps(x_size, y_size), edge, _CMP_GT_OQ)), 0))
            over += saturates ? beyond(x_size, y_size) : convert_group(v + i, saturates, codes + i);
        _mm256_store_ps(v + i, idle);
        _mm256_store_ps(v + i + 8, idle);
    }
    return over;
}
#endif

static voice *one_voice(voices *all)
{
    if (all->count == all->slots) {
        int64_t slots = all->slots ? 2 * all->slots : 256;
        voice *more = realloc(all->items, (size_t)slots * sizeof *more);
        if (!more)
            return NULL;
        all->items = more;
        all->slots = slots;
    }
    return &all->items[all->count++];
}

/* Number of the element's first record that ends after t. */
static uint64_t first_after(const element *e, int64_t t)
{
    uint64_t low = 0, high = e->count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        const played *r = &e->ring[(e->first + middle) & (e->slots - 1)];
        if (r->start + r->length <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static pair mixer(const signals *s, const scope *x, int port, int ear_index)
{
    const ear *ear = &x->of[port]->sum.ears[ear_index];
    return ear->which == SIGNAL_OUTPUT_SINGLE ? (pair){1.0, 0.0} : s->elements[ear->element].m[ear->which];
}

/* Factors of BLOCK plays: alpha (ar + i ai) at phase c + is, on ports with the mixers m. */
typedef struct {
    double ar[BLOCK], ai[BLOCK];
    uint64_t phase[BLOCK];
    float k[4][BLOCK];
} factors;

CLONES static void set_factors(factors *restrict f, const pair *m, int count)
{
    pair first = m[0], second = m[1];
    for (int i = 0; i < count; i++) {
        double c, s;
        phase_cossin(f->phase[i], &c, &s);
        double re = 65536.0 * (f->ar[i] * c - f->ai[i] * s), im = 65536.0 * (f->ar[i] * s + f->ai[i] * c);
        f->k[0][i] = (float)(first.re * re - first.im * im);
        f->k[1][i] = (float)-(first.re * im + first.im * re);
        f->k[2][i] = (float)(second.re * re - second.im * im);
        f->k[3][i] = (float)-(second.re * im + second.im * re);
    }
}

/* Up to BLOCK records of one element from number *i on that start before `end`: 1 when there are more, 0 at the end, and
 * a negative code; SCOPE_FALLBACK where one is not a remembered pulse. */
enum { SCOPE_FALLBACK = -1000 };

static int gather_some(signals *s, const scope *x, int ear_index, int64_t end, uint64_t *i, voices *all)
{
    const element *e = &s->elements[x->of[0]->sum.ears[ear_index].element];
    pair m[2] = {mixer(s, x, 0, ear_index), mixer(s, x, x->count - 1, ear_index)};
    const played *last = NULL;
    const pulse *p = NULL;
    factors f;
    int count = 0;
    int64_t first = all->count;
    for (; *i < e->count && count < BLOCK; ++*i) {
        const played *r = &e->ring[(e->first + *i) & (e->slots - 1)];
        __builtin_prefetch(&e->ring[(e->first + *i + 24) & (e->slots - 1)]);
        if (r->start >= end)
            break;
        if (r->mirrored)
            return SCOPE_FALLBACK;
        if (!last || r->waveform != last->waveform || r->length != last->length || r->inc != last->inc ||
            r->shape != last->shape || r->kind != last->kind)
            p = pulse_of(s, r, 1);
        voice *v = p ? one_voice(all) : NULL;
        if (!v)
            return p ? SIGNAL_NO_MEMORY : SCOPE_FALLBACK;
        *v = (voice){.re = p->fre + PULSE_PAD, .im = p->fim + PULSE_PAD, .start = r->start, .length = (int32_t)r->length};
        f.phase[count] = r->phase;
        f.ar[count] = r->alpha_r;
        f.ai[count++] = r->alpha_i;
        last = r;
    }
    set_factors(&f, m, count);
    for (int k = 0; k < count; k++)
        for (int q = 0; q < 4; q++)
            all->items[first + k].k[q] = f.k[q][k];
    return count == BLOCK;
}

/* All plays of the ports in [t, t + count). */
static int gather(signals *s, const scope *x, int64_t t, int64_t count, voices *all, int64_t *starts)
{
    uint64_t evictions = s->pulses.evictions;
    const port *p = &x->of[0]->sum;
    all->count = 0;
    for (int ear_index = 0; ear_index < p->ear_count; ear_index++) {
        uint64_t i = first_after(&s->elements[p->ears[ear_index].element], t);
        int code = 1;
        starts[ear_index] = all->count;
        while (code > 0)
            code = gather_some(s, x, ear_index, t + count, &i, all);
        if (code)
            return code;
    }
    starts[p->ear_count] = all->count;
    return s->pulses.evictions == evictions ? SIGNAL_OK : SCOPE_FALLBACK;
}

/* Adds k[0] re + k[1] im to a and k[2] re + k[3] im to b (NULL for one port), in whole groups of 8 of the sums. */
typedef void adder(const float *re, const float *im, const float *k, int count, float *a, float *b);

INLINE void add_plain(const float *re, const float *im, const float *k, int count, float *a, float *b)
{
    for (int i = 0; i < count; i++)
        a[i] += k[0] * re[i] + k[1] * im[i];
    for (int i = 0; b && i < count; i++)
        b[i] += k[2] * re[i] + k[3] * im[i];
}

#if WIDE
WIDE_INLINE void add_wide(const float *re, const float *im, const float *k, int count, float *a, float *b)
{
    const __m256 k0 = _mm256_set1_ps(k[0]), k1 = _mm256_set1_ps(k[1]), k2 = _mm256_set1_ps(k[2]), k3 = _mm256_set1_ps(k[3]);
    for (int i = 0; !b && i < count; i += 8) {
        __m256 x = _mm256_loadu_ps(re + i), y = _mm256_loadu_ps(im + i);
        _mm256_store_ps(a + i, _mm256_fmadd_ps(k1, y, _mm256_fmadd_ps(k0, x, _mm256_load_ps(a + i))));
    }
    for (int i = 0; b && i < count; i += 8) {
        __m256 x = _mm256_loadu_ps(re + i), y = _mm256_loadu_ps(im + i);
        _mm256_store_ps(a + i, _mm256_fmadd_ps(k1, y, _mm256_fmadd_ps(k0, x, _mm256_load_ps(a + i))));
        _mm256_store_ps(b + i, _mm256_fmadd_ps(k3, y, _mm256_fmadd_ps(k2, x, _mm256_load_ps(b + i))));
    }
}
#endif

/* Adds what sounds in the tile [t, t + count) to the sums; *next: the first voice that may sound. Bits of the result stand
 * for groups. */
INLINE uint64_t add_voices(adder *add, const voice *items, int64_t *next, int64_t end, int64_t t, int count, float *a,
                           float *b)
{
    uint64_t dirty = 0;
    for (; *next < end && items[*next].start < t + count; ++*next) {
        const voice *v = &items[*next];
        int64_t rel = v->start - t, high = rel + v->length;
        int from = rel > 0 ? (int)rel & ~7 : 0, to = high < count ? (int)high : count;
        if (to > from) {
            add(v->re + (from - rel), v->im + (from - rel), v->k, (to - from + 7) & ~7, a + from, b ? b + from : NULL);
            dirty |= ~0ull >> (63 - (to - 1) / GROUP) & ~0ull << from / GROUP;
        }
        if (high > count)
            break; /* goes on in the next tile */
    }
    return dirty;
}

/* The samples [t, t + count) of one port by the contract; t counts behind the delay. */
static int render_exactly(signals *s, const scope *x, int port, int64_t t, int64_t count, int16_t *codes,
                          signal_events_t *events)
{
    double v[BLOCK];
    for (int64_t from = 0; from < count; from += BLOCK) {
        int some = count - from < BLOCK ? (int)(count - from) : BLOCK;
        int code = signal_render(s, x->id[port], t + from, some, v, events);
        if (code)
            return code;
        for (int i = 0; i < some; i++)
            codes[from + i] = (int16_t)(int32_t)(v[i] * 65536.0);
    }
    return SIGNAL_OK;
}

/* Length of the run of equal bits of `bits` from bit `at` on. */
static int run(uint64_t bits, int at)
{
    uint64_t rest = (bits >> at & 1 ? ~bits : bits) >> at;
    return rest ? __builtin_ctzll(rest) : 64;
}

typedef int converter(float *v, float rest, int saturates, int count, int16_t *codes);

/* Turns `count` touched sums from `at` on into codes and counts what was out of range. */
INLINE int finish_run(converter *convert, signals *s, const scope *x, int port, int64_t t, int at, int count, float *sums,
                      int16_t *codes, signal_events_t *events)
{
    int saturates = x->of[port]->saturates, whole = count & ~(GROUP - 1), tail = count - whole;
    int over = convert(sums + at, x->rest[port], saturates, whole, codes + at);
    if (__builtin_expect(tail, 0)) {
        int16_t last[GROUP];
        int more = convert(sums + at + whole, x->rest[port], saturates, GROUP, last);
        memcpy(codes + at + whole, last, (size_t)tail * sizeof *codes);
        over = over || more ? UNDECIDED : 0; /* the group goes on behind the end: looked at one by one */
    }
    if (__builtin_expect(over >= UNDECIDED, 0))
        return render_exactly(s, x, port, t + at, count, codes + at, events);
    events->output_overflow += over;
    return SIGNAL_OK;
}

/* The codes of a tile: of the runs that `dirty` says were touched, and of the rest. */
INLINE int finish_tile(converter *convert, signals *s, const scope *x, uint64_t dirty, int64_t t, int count,
                       float sums[2][TILE + 96], int64_t done, signal_events_t *events)
{
    for (int i = 0, some; i < count; i += some) {
        some = run(dirty, i / GROUP) * GROUP;
        some = some < count - i ? some : count - i;
        for (int port = 0; port < x->count; port++) {
            int16_t *codes = x->codes[port] + done;
            if (!(dirty >> i / GROUP & 1)) {
                int16_t idle = x->idle[port];
                for (int k = i; k < i + some; k++)
                    codes[k] = idle;
                continue;
            }
            int code = finish_run(convert, s, x, port, t, i, some, sums[port], codes, events);
            if (code)
                return code;
        }
    }
    return SIGNAL_OK;
}

/* A span of the ports in float32, t behind the delay; `done` samples of the request come before. */
INLINE int render_span(adder *add, converter *convert, signals *s, const scope *x, const voices *all, int64_t *next,
                       int64_t t, int64_t count, int64_t done, signal_events_t *events)
{
    _Alignas(64) float sums[2][TILE + 96]; /* apart in the low 12 bits of their addresses */
    const port *p = &x->of[0]->sum;
    int64_t ends[SCOPE_EARS_MAX];
    for (int e = 0; e < p->ear_count; e++)
        ends[e] = next[e + 1];
    for (int port = 0; port < x->count; port++)
        for (int i = 0; i < TILE + GROUP; i++)
            sums[port][i] = x->rest[port];
    for (int64_t from = 0; from < count; from += TILE) {
        int some = count - from < TILE ? (int)(count - from) : TILE;
        uint64_t dirty = 0;
        for (int e = 0; e < p->ear_count; e++)
            dirty |= add_voices(add, all->items, &next[e], ends[e], t - x->of[0]->delay + from, some, sums[0],
                                x->count == 2 ? sums[1] : NULL);
        int code = finish_tile(convert, s, x, dirty, t + from, some, sums, done + from, events);
        if (code)
            return code;
    }
    return SIGNAL_OK;
}

static int span_plain(signals *s, const scope *x, const voices *all, int64_t *next, int64_t t, int64_t count, int64_t done,
                      signal_events_t *events)
{
    return render_span(add_plain, convert_plain, s, x, all, next, t, count, done, events);
}

#if WIDE
__attribute__((target("avx2,fma"))) static int span_wide(signals *s, const scope *x, const voices *all, int64_t *next,
                                                         int64_t t, int64_t count, int64_t done, signal_events_t *events)
{
    return render_span(add_wide, convert_wide, s, x, all, next, t, count, done, events);
}
#endif

static int span(signals *s, const scope *x, const voices *all, int64_t *next, int64_t t, int64_t count, int64_t done,
                signal_events_t *events)
{
#if WIDE
    if (WIDE_HERE)
        return span_wide(s, x, all, next, t, count, done, events);
#endif
    return span_plain(s, x, all, next, t, count, done, events);
}

static int in_float32(const output *o)
{
    return !o->fir_count && !o->iir_count && !o->step_count && !o->crosstalk_count && !o->stage_count && fabs(o->offset) < 0.4999 &&
           o->sum.ear_count <= SCOPE_EARS_MAX;
}

static int render_scope(signals *s, const scope *x, int64_t start, int64_t length, voices *all, signal_events_t *events)
{
    int64_t next[SCOPE_EARS_MAX + 1];
    for (int64_t done = 0; done < length; done += SPAN) {
        int64_t count = length - done < SPAN ? length - done : SPAN, t = start + done;
        int code = SCOPE_FALLBACK;
        if (in_float32(x->of[0]))
            code = gather(s, x, t - x->of[0]->delay, count, all, next);
        if (!code)
            code = span(s, x, all, next, t, count, done, events);
        for (int port = 0; code == SCOPE_FALLBACK && port < x->count; port++) {
            int exact = render_exactly(s, x, port, t, count, x->codes[port] + done, events);
            code = exact ? exact : port + 1 < x->count ? SCOPE_FALLBACK : SIGNAL_OK;
        }
        if (code)
            return code;
    }
    return SIGNAL_OK;
}

/* Whether two ports can be rendered side by side. */
static int go_together(const output *a, const output *b)
{
    if (!in_float32(a) || !in_float32(b) || a->delay != b->delay || a->sum.ear_count != b->sum.ear_count)
        return 0;
    for (int i = 0; i < a->sum.ear_count; i++)
        if (a->sum.ears[i].element != b->sum.ears[i].element)
            return 0;
    return 1;
}

int signal_render_float32(signals *s, const int *outputs, int count, int64_t start, int64_t length, int16_t *codes,
                          int64_t stride, signal_events_t *events)
{
    if (start < 0 || length < 0)
        return SIGNAL_BAD_ID;
    if (length > SIGNAL_SAMPLES_MAX)
        return SIGNAL_TOO_LONG;
    for (int k = 0; k < count; k++)
        if (outputs[k] < 0 || outputs[k] >= s->output_count)
            return SIGNAL_BAD_ID;
    voices all = {0};
    int code = SIGNAL_OK;
    for (int k = 0; !code && k < count;) {
        scope x = {.id = {outputs[k], outputs[k]}, .count = 1, .codes = {codes + k * stride, codes + k * stride}};
        x.of[0] = x.of[1] = &s->outputs[outputs[k]];
        if (k + 1 < count && go_together(x.of[0], &s->outputs[outputs[k + 1]])) {
            x.id[1] = outputs[k + 1];
            x.of[1] = &s->outputs[x.id[1]];
            x.codes[1] = codes + (k + 1) * stride;
            x.count = 2;
        }
        for (int port = 0; port < 2; port++) {
            x.rest[port] = (float)(x.of[port]->offset * 65536.0);
            x.idle[port] = (int16_t)(int32_t)floor(x.of[port]->offset * 65536.0 + 0.5);
        }
        code = render_scope(s, &x, start, length, &all, events);
        k += x.count;
    }
    free(all.items);
    return code;
}
