/* Raw traces with two samples a ns (docs/arithmetic.md 17): sample 2n + p is what is heard at n + p/2 ns. */
#include "inside.h"

#include <stdlib.h>

enum { HALF_BLOCK = BLOCK / 2 };

int signals_add_halves(signals *s, int id, const double *I, const double *Q)
{
    if (id < 0 || id >= s->waveform_count || s->waveforms[id].constant || s->waveforms[id].halves_I)
        return SIGNAL_BAD_ID;
    waveform *w = &s->waveforms[id];
    size_t bytes = 2 * (size_t)w->n * sizeof *I;
    w->halves_I = malloc(bytes);
    w->halves_Q = Q ? malloc(bytes) : NULL;
    if (!w->halves_I || (Q && !w->halves_Q))
        return SIGNAL_NO_MEMORY;
    memcpy(w->halves_I, I, bytes);
    if (Q)
        memcpy(w->halves_Q, Q, bytes);
    return SIGNAL_OK;
}

int signals_set_halves(signals *s, int id)
{
    if (id < 0 || id >= s->element_count)
        return SIGNAL_BAD_ID;
    s->elements[id].halves = 1;
    return SIGNAL_OK;
}

int signals_set_way_halves(signals *s, int port_id, int ear_id)
{
    if (port_id < 0 || port_id >= s->port_count || ear_id < 0 || ear_id >= s->ports[port_id].ear_count)
        return SIGNAL_BAD_ID;
    ear *way = &s->ports[port_id].ears[ear_id];
    if (!s->elements[way->element].halves)
        return SIGNAL_BAD_ID;
    way->halves = 1;
    return SIGNAL_OK;
}

int signals_set_rate(signals *s, int port_id, int per_ns)
{
    if (port_id < 0 || port_id >= s->port_count || per_ns < 1 || per_ns > 2)
        return SIGNAL_BAD_ID;
    s->ports[port_id].per_ns = per_ns;
    return SIGNAL_OK;
}

int signal_per_ns(const signals *s, int port_id) { return s->ports[port_id].per_ns; }

/* `count` samples, two a ns, of a pulse from sample n on. */
static void pulse_halves(const waveform *w, int64_t n, int count, double *re, double *im)
{
    if (w->constant)
        n = 0; /* BLOCK copies are stored */
    const double *I = w->constant ? w->I : w->halves_I, *Q = w->constant ? w->Q : w->halves_Q;
    memcpy(re, I + n, (size_t)count * sizeof *re);
    if (Q)
        memcpy(im, Q + n, (size_t)count * sizeof *im);
    else
        memset(im, 0, (size_t)count * sizeof *im);
}

void record_halves(const signals *s, const played *r, int64_t n, int count, double *re, double *im)
{
    if (r->kind == SIGNAL_PULSE) {
        pulse_halves(&s->waveforms[r->waveform], n, count, re, im);
        return;
    }
    for (int i = 0; i < count; i++) {
        double k = (double)(n + i + 1);
        re[i] = r->kind == SIGNAL_HOLD ? 1.0
                : r->kind == SIGNAL_RAMP ? 0.5 * (k * (double)r->shape->slope * 0x1p-28)
                                         : 1.0 - k / (double)(2 * r->length);
        im[i] = 0.0;
    }
}

/* Adds samples of a record whose output has two a ns: all in half ns. */
static void play_halves(const signals *s, const heard *h, int64_t from, int count, double *v)
{
    const played *r = h->record;
    int64_t low = h->offset > from ? h->offset : from;
    int64_t end = from + count, high = h->offset + r->length < end ? h->offset + r->length : end;
    if (low >= high)
        return;
    double re[BLOCK], im[BLOCK], c[BLOCK], sn[BLOCK];
    int64_t n = 2 * (low - h->offset);
    uint64_t inc = (uint64_t)((int64_t)r->inc >> 1) ^ (uint64_t)h->aside->fold << 63;
    int some = (int)(2 * (high - low));
    record_halves(s, r, n, some, re, im);
    block_turn(inc * (uint64_t)n, inc, c, sn);
    v += 2 * (low - from);
    block_play(re, im, 1.0, c, sn, h->k, some, v);
    if (r->mirrored)
        block_play(re, im, -1.0, c, sn, h->k2, some, v);
}

/* Each of the others holds for a ns. */
static void play_held(signals *s, const heard *h, int64_t from, int count, double *v)
{
    double x[HALF_BLOCK] = {0};
    play_heard(s, h, from, count, x);
    for (int i = 0; i < count; i++) {
        v[2 * i] += x[i];
        v[2 * i + 1] += x[i];
    }
}

void play_channel_halves(signals *s, const port *p, int channel, int64_t from, int count, double *v)
{
    memset(v, 0, 2 * (size_t)count * sizeof *v);
    for (int i = 0; i < p->heard_count; i++) {
        const heard *h = &p->heard[i];
        if (channel >= 0 && h->channel != channel)
            continue;
        if (p->ears[h->ear].halves)
            play_halves(s, h, from, count, v);
        else
            play_held(s, h, from, count, v);
    }
}

static void hear_outputs_halves(signals *s, const port *p, int64_t from, int count, double *v)
{
    double x[BLOCK];
    if (s->numerics != SIGNAL_EXACT) {
        play_channel_halves(s, p, -1, from, count, v);
        tails_add_halves(s, p, -1, from, count, v);
        return;
    }
    memset(v, 0, 2 * (size_t)count * sizeof *v);
    for (int channel = 0; channel < p->channels; channel++) {
        play_channel_halves(s, p, channel, from, count, x);
        tails_add_halves(s, p, channel, from, count, x);
        through_output(p, channel, 2 * count, x);
        for (int i = 0; i < 2 * count; i++)
            v[i] += x[i];
    }
}

static void add_light(const signals *s, const port *p, int64_t t, int count, double *v)
{
    uint8_t lit[BLOCK];
    if (!photons_lit(s, p, t, count, lit))
        return;
    for (int i = 0; i < 2 * count; i++)
        if (lit[i / 2])
            v[i] += p->photons.volts;
}

/* Normals of sample t + i / 2: those of whole ns are the port's own, those between are of a number of their own. */
static void noise_halves(const signals *s, const port *p, int64_t t, int count, float *noise)
{
    float own[HALF_BLOCK + NOISE_UNIT];
    int64_t first = t & ~(int64_t)(NOISE_UNIT - 1);
    int all = (int)((t + count - first + NOISE_UNIT - 1) & ~(int64_t)(NOISE_UNIT - 1));
    for (int half = 0; half < 2; half++) {
        noise_samples(s->seed, (uint32_t)(p->number + SIGNAL_HALF_NUMBER * half), first, all, own);
        for (int i = 0; i < count; i++)
            noise[2 * i + half] = own[t - first + i];
    }
}

static void code_halves(signals *s, const port *p, int64_t from, int count, int16_t *codes, int64_t *first)
{
    double v[BLOCK];
    float noise[BLOCK] = {0};
    int64_t t = p->heard_start + from;
    hear_outputs_halves(s, p, from, count, v);
    if (p->photons.count)
        add_light(s, p, t, count, v);
    if (p->sigma != 0.0)
        noise_halves(s, p, t, count, noise);
    code_volts(p, v, noise, 2 * count, codes, first);
}

int signal_trace_halves(signals *s, int id, int64_t start, int64_t length, int16_t *codes, signal_events_t *events)
{
    if (id < 0 || id >= s->port_count)
        return SIGNAL_BAD_ID;
    if (length < 0 || length > SIGNAL_SAMPLES_MAX / 2)
        return SIGNAL_TOO_LONG;
    port *p = &s->ports[id];
    int code = hear(s, p, start, length), clipped = 0;
    for (int64_t from = 0; !code && from < length; from += HALF_BLOCK) {
        int count = length - from < HALF_BLOCK ? (int)(length - from) : HALF_BLOCK;
        int64_t first;
        code_halves(s, p, from, count, codes + 2 * from, &first);
        clipped |= first >= 0;
    }
    events->input_saturated += clipped;
    return code;
}
