/* Output samples for scopes: the records of a span as voices in float32, two ports of a mixer side by side.
 *
 * Every play is two multiply-adds per sample and port with factors from mixer, amplitude and phase (voices.c). */
#include "voices.h"

#include <stdlib.h>

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

/* Room for `more` voices behind those there are; NULL: no memory. */
static voice *room_for(voices *all, int64_t more)
{
    if (all->count + more > all->slots) {
        int64_t slots = 2 * all->slots + more;
        voice *items = realloc(all->items, (size_t)slots * sizeof *items);
        if (!items)
            return NULL;
        all->items = items;
        all->slots = slots;
    }
    return &all->items[all->count];
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
    float k[BLOCK][4];
} factors;

CLONES static void set_factors(factors *restrict f, const pair *m, int count)
{
    pair first = m[0], second = m[1];
    for (int i = 0; i < count; i++) {
        double c, s;
        phase_cossin(f->phase[i], &c, &s);
        double re = 65536.0 * (f->ar[i] * c - f->ai[i] * s), im = 65536.0 * (f->ar[i] * s + f->ai[i] * c);
        f->k[i][0] = (float)(first.re * re - first.im * im);
        f->k[i][1] = (float)-(first.re * im + first.im * re);
        f->k[i][2] = (float)(second.re * re - second.im * im);
        f->k[i][3] = (float)-(second.re * im + second.im * re);
    }
}

/* In one branch: there are as many comparisons as plays. */
static int same_pulse(const played *a, const played *b)
{
    uint64_t kinds = (uint64_t)(uint32_t)(a->waveform ^ b->waveform) | (uint64_t)(uint16_t)(a->kind ^ b->kind);
    return !(kinds | (uint64_t)(a->length ^ b->length) | (a->inc ^ b->inc) | ((uintptr_t)a->shape ^ (uintptr_t)b->shape));
}

/* Up to BLOCK records of one element from number *i on that start before t + count: 1 when there are more, 0 at the end, and
 * a negative code; SCOPE_FALLBACK where one is not a remembered pulse. */
enum { SCOPE_FALLBACK = -1000 };

static int gather_some(signals *s, const scope *x, int ear_index, int64_t t, int64_t count, uint64_t *i, voices *all)
{
    const element *e = &s->elements[x->of[0]->sum.ears[ear_index].element];
    pair m[2] = {mixer(s, x, 0, ear_index), mixer(s, x, x->count - 1, ear_index)};
    const played *last = NULL;
    const pulse *p = NULL;
    factors f;
    int n = 0;
    voice *v = room_for(all, BLOCK + 1);
    if (!v)
        return SIGNAL_NO_MEMORY;
    for (; *i < e->count && n < BLOCK; ++*i, n++) {
        const played *r = &e->ring[slot(e, *i)];
        __builtin_prefetch(&e->ring[slot(e, *i + 24)]);
        if (r->start >= t + count)
            break;
        if (r->mirrored || r->corrected)
            return SCOPE_FALLBACK;
        if (!last || !same_pulse(r, last))
            p = pulse_of(s, r, 1);
        if (!p)
            return SCOPE_FALLBACK;
        v[n].re = p->fre + PULSE_PAD;
        v[n].im = p->fim + PULSE_PAD;
        v[n].start = (int32_t)(r->start - t);
        v[n].end = (int32_t)(r->start - t + r->length);
        f.phase[n] = r->phase;
        f.ar[n] = r->alpha_r;
        f.ai[n] = r->alpha_i;
        last = r;
    }
    set_factors(&f, m, n);
    for (int k = 0; k < n; k++)
        memcpy(v[k].k, f.k[k], sizeof v[k].k);
    v[n] = NO_VOICE;
    all->count += n;
    return n == BLOCK;
}

/* All plays of the ports in [t, t + count); those of each ear begin at its start. */
static int gather(signals *s, const scope *x, int64_t t, int64_t count, voices *all, int64_t *starts)
{
    uint64_t evictions = s->pulses.evictions;
    const port *p = &x->of[0]->sum;
    all->count = 0;
    for (int ear_index = 0; ear_index < p->ear_count; ear_index++) {
        uint64_t i = records_ended(&s->elements[p->ears[ear_index].element], t);
        int code = 1;
        starts[ear_index] = all->count;
        while (code > 0)
            code = gather_some(s, x, ear_index, t, count, &i, all);
        if (code)
            return code;
        all->count++; /* NO_VOICE */
    }
    return s->pulses.evictions == evictions ? SIGNAL_OK : SCOPE_FALLBACK;
}

/* The samples [t, t + count) of one port by the contract; t counts behind the delay. */
static int render_exactly(signals *s, int output, int64_t t, int64_t count, int16_t *codes, signal_events_t *events)
{
    double v[BLOCK];
    for (int64_t from = 0; from < count; from += BLOCK) {
        int some = count - from < BLOCK ? (int)(count - from) : BLOCK;
        int code = signal_render(s, output, t + from, some, v, events);
        if (code)
            return code;
        for (int i = 0; i < some; i++)
            codes[from + i] = (int16_t)(int32_t)(v[i] * 65536.0);
    }
    return SIGNAL_OK;
}

/* A span of a scope, and whom to ask for what float32 cannot tell. */
typedef struct {
    chorus c;
    signals *s;
    const scope *x;
    int64_t t;
    signal_events_t *events;
} span;

static int span_exactly(chorus *c, int port, int32_t t, int count, int16_t *codes, int counts)
{
    span *it = (span *)c; /* its first member */
    signal_events_t again = {0};
    return render_exactly(it->s, it->x->id[port], it->t + t, count, codes, counts ? it->events : &again);
}

/* The samples [t, t + count) of the ports in float32, t behind the delay; `done` samples of the request come before. */
static int render_span(signals *s, const scope *x, int64_t t, int64_t count, int64_t done, voices *all,
                       signal_events_t *events)
{
    int64_t starts[SCOPE_EARS_MAX];
    int code = gather(s, x, t - x->of[0]->delay, count, all, starts);
    if (code)
        return code;
    span it = {.s = s, .x = x, .t = t, .events = events};
    it.c.ears = x->of[0]->sum.ear_count;
    it.c.ports = x->count;
    it.c.count = (int32_t)count;
    it.c.exactly = span_exactly;
    for (int e = 0; e < it.c.ears; e++)
        it.c.next[e] = &all->items[starts[e]];
    for (int port = 0; port < 2; port++) {
        it.c.rest[port] = x->rest[port];
        it.c.idle[port] = x->idle[port];
        it.c.saturates[port] = x->of[port]->saturates;
        it.c.codes[port] = x->codes[port] + done;
    }
    code = voices_to_codes(&it.c);
    events->output_overflow += it.c.over;
    return code;
}

static int in_float32(const output *o)
{
    return !o->fir_count && !o->iir_count && !o->step_count && !o->crosstalk_count && !o->stage_count && fabs(o->offset) < 0.4999 &&
           o->sum.ear_count <= SCOPE_EARS_MAX;
}

static int render_scope(signals *s, const scope *x, int64_t start, int64_t length, voices *all, signal_events_t *events)
{
    for (int64_t done = 0; done < length; done += VOICES_SPAN) {
        int64_t count = length - done < VOICES_SPAN ? length - done : VOICES_SPAN, t = start + done;
        int code = in_float32(x->of[0]) ? render_span(s, x, t, count, done, all, events) : SCOPE_FALLBACK;
        for (int port = 0; code == SCOPE_FALLBACK && port < x->count; port++) {
            int exact = render_exactly(s, x->id[port], t, count, x->codes[port] + done, events);
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
