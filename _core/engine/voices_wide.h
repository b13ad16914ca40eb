/* Stretches of a chorus with the lanes of one instruction set: included once for each (WIDE_NAME, WIDE_INLINE, WIDE_TARGET). */
#define lanes WIDE_NAME(lanes)
#define loud WIDE_NAME(loud)
#define group WIDE_NAME(group)
#define loud_of WIDE_NAME(loud_of)
#define add WIDE_NAME(add)
#define store WIDE_NAME(store)
#define edge_of WIDE_NAME(edge_of)
#define edges_of WIDE_NAME(edges_of)
#define stretch_of WIDE_NAME(stretch_of)
#define stretch_wide WIDE_NAME(stretch_wide)
#define stretch_calm WIDE_NAME(stretch_calm)

/* A voice in registers; re and im are the addresses that sample 0 of the span would have. */
typedef struct {
    uintptr_t re, im;
    lanes k0, k1, k2, k3;
} loud;

WIDE_INLINE loud loud_of(const voice *v)
{
    uintptr_t before = (uintptr_t)v->start * sizeof *v->re; /* wraps as it should where start is negative */
    return (loud){(uintptr_t)v->re - before,        (uintptr_t)v->im - before,    WIDE_NAME(all)(v->k[0]),
                  WIDE_NAME(all)(v->k[1]), WIDE_NAME(all)(v->k[2]), WIDE_NAME(all)(v->k[3])};
}

/* The sums of a group on two ports. */
typedef struct {
    lanes a, b;
} group;

/* Adds a GROUP of samples of a voice to the sums of the ports. */
WIDE_INLINE void add(loud v, intptr_t t, int ports, group *g)
{
    lanes x = WIDE_NAME(read)((const float *)v.re + t), y = WIDE_NAME(read)((const float *)v.im + t);
    g->a = WIDE_NAME(fused)(v.k0, x, g->a);
    if (ports == 2)
        g->b = WIDE_NAME(fused)(v.k2, x, g->b);
    g->a = WIDE_NAME(fused)(v.k1, y, g->a);
    if (ports == 2)
        g->b = WIDE_NAME(fused)(v.k3, y, g->b);
}

/* Sets the codes of a group of the stretch; whether one is at the edge. */
WIDE_INLINE int store(group g, intptr_t t, int ports, int16_t *codes_a, int16_t *codes_b)
{
    __m256i a = WIDE_NAME(codes)(g.a), most = _mm256_abs_epi16(a);
    _mm256_storeu_si256((void *)(codes_a + t), a);
    if (ports == 2) {
        __m256i b = WIDE_NAME(codes)(g.b);
        _mm256_storeu_si256((void *)(codes_b + t), b);
        most = _mm256_max_epu16(most, _mm256_abs_epi16(b));
    }
    __m256i beyond = _mm256_subs_epu16(most, _mm256_set1_epi16(EDGE - 1));
    return !_mm256_testz_si256(beyond, beyond);
}

/* As code_edge, for codes that stand there saturated. */
WIDE_INLINE int edge_of(chorus *c, int port, lanes x, int32_t t, int32_t from, int32_t to, int16_t *codes)
{
    int there = (1 << (to - t)) - 1, counted = (1 << (from - t)) - 1;
    int most = WIDE_NAME(above)(x, 32769.0f) & there, least = WIDE_NAME(above)(x, 32767.0f) & there;
    if (c->saturates[port] && most == least) {
        c->over += __builtin_popcount((unsigned)(most & ~counted));
        return SIGNAL_OK;
    }
    float sums[GROUP];
    WIDE_NAME(write)(sums, x);
    return code_edge(c, port, sums, t, from, to, codes);
}

WIDE_TARGET __attribute__((noinline)) static int edges_of(chorus *c, const group *g, int32_t t, int32_t from,
                                                          const stretch *x)
{
    int32_t to = x->end < t + GROUP ? x->end : t + GROUP;
    int code = edge_of(c, 0, g->a, t, from, to, x->codes[0]);
    return code || c->ports == 1 ? code : edge_of(c, 1, g->b, t, from, to, x->codes[1]);
}

/* A stretch with one voice, with two, or (`count` 3) with any number. */
WIDE_INLINE int stretch_of(chorus *c, const sounding *s, const stretch *x, int count, int ports)
{
    const loud v = loud_of(s->of[0]), w = loud_of(s->of[count == 2]);
    const group rest = {WIDE_NAME(all)(c->rest[0]), WIDE_NAME(all)(c->rest[1])};
    int16_t *const codes_a = x->codes[0], *const codes_b = x->codes[1];
    for (int32_t from = x->from, t; from < x->to; from = t + GROUP) {
        t = group_of(x, from);
        group g = rest;
        if (count == 3)
            for (int k = 0; k < s->count; k++)
                add(loud_of(s->of[k]), t, ports, &g);
        else
            add(v, t, ports, &g);
        if (count == 2)
            add(w, t, ports, &g);
        if (__builtin_expect(store(g, t, ports, codes_a, codes_b), 0)) {
            group edge = g;
            int code = edges_of(c, &edge, t, from, x);
            if (code)
                return code;
        }
    }
    return SIGNAL_OK;
}

WIDE_TARGET __attribute__((noinline)) static int stretch_wide(chorus *c, const sounding *s, const stretch *x)
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

#undef lanes
#undef loud
#undef group
#undef loud_of
#undef add
#undef store
#undef edge_of
#undef edges_of
#undef stretch_of
#undef stretch_wide
#undef stretch_calm
