/* What an input port hears: which records reach a window, and their samples (docs/arithmetic.md 4, 5, 8, 9). */
#include "inside.h"

#include <stdlib.h>

uint64_t records_ended(const element *e, int64_t t)
{
    uint64_t low = 0, high = e->count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        const played *r = &e->ring[slot(e, middle)];
        if (r->start + r->length <= t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The contract's order of records; ears of one element in the order they were added. */
static int before(const void *x, const void *y)
{
    const heard *a = x, *b = y;
    if (a->record->start != b->record->start)
        return a->record->start < b->record->start ? -1 : 1;
    if (a->aside->thread != b->aside->thread)
        return a->aside->thread < b->aside->thread ? -1 : 1;
    if (a->aside->order != b->aside->order)
        return a->aside->order < b->aside->order ? -1 : 1;
    return a->ear - b->ear;
}

static void sort(heard *list, int count)
{
    if (count > 16) {
        qsort(list, (size_t)count, sizeof *list, before);
        return;
    }
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && before(&list[j], &list[j - 1]) < 0; j--) {
            heard h = list[j];
            list[j] = list[j - 1];
            list[j - 1] = h;
        }
}

static heard *append(port *p)
{
    if (p->heard_count == p->heard_slots) {
        int slots = p->heard_slots ? 2 * p->heard_slots : 16;
        heard *more = realloc(p->heard, (size_t)slots * sizeof *more);
        if (!more)
            return NULL;
        p->heard = more;
        p->heard_slots = slots;
    }
    return &p->heard[p->heard_count++];
}

static int hear_ear(signals *s, port *p, int index, int64_t start, int64_t length)
{
    const ear *ear = &p->ears[index];
    element *e = &s->elements[ear->element];
    int64_t from = start - p->delay - ear->delay;
    for (uint64_t i = records_ended(e, from); i < e->count; i++) {
        const played *r = &e->ring[slot(e, i)];
        if (r->start >= from + length)
            break;
        if (r->length == 0) /* a hold that has never been */
            continue;
        heard *h = append(p);
        if (!h)
            return SIGNAL_NO_MEMORY;
        aside *more = &e->asides[slot(e, i)];
        pair m = ear->which == SIGNAL_OUTPUT_SINGLE ? (pair){1.0, 0.0} : more->m[ear->which];
        h->record = r;
        h->aside = more;
        h->offset = r->start - from;
        if (more->turn.re == 0.0 && more->turn.im == 0.0)
            more->turn = turned(r->phase);
        pair k = times(m, (pair){r->alpha_r, r->alpha_i}), k2 = times(m, (pair){more->beta_r, more->beta_i});
        if (ear->factor != 1.0) {
            k = (pair){ear->factor * k.re, ear->factor * k.im};
            k2 = (pair){ear->factor * k2.re, ear->factor * k2.im};
        }
        h->size = fabs(k.re) + fabs(k.im) + fabs(k2.re) + fabs(k2.im);
        h->k = times(k, more->turn);
        h->k2 = times(k2, more->turn);
        h->channel = ear->channel;
        h->ear = index;
    }
    return SIGNAL_OK;
}

static int bound(signals *s, port *p)
{
    p->heard_bound = 0.0;
    for (int i = 0; i < p->heard_count; i++) {
        const heard *h = &p->heard[i];
        double peak = record_peak(s, h->record);
        if (peak < 0.0)
            return (int)peak;
        p->heard_bound += h->size * peak;
    }
    return SIGNAL_OK;
}

int hear(signals *s, port *p, int64_t start, int64_t length)
{
    if (p->heard_stamp == s->stamp && p->heard_start == start && p->heard_length == length)
        return SIGNAL_OK;
    if (s->failed)
        return s->failed;
    p->heard_stamp = 0;
    p->heard_count = 0;
    for (int i = 0; i < p->ear_count; i++) {
        int code = hear_ear(s, p, i, start, length);
        if (code)
            return code;
    }
    if (p->ear_count > 1)
        sort(p->heard, p->heard_count);
    int code = bound(s, p);
    if (!code && p->tail_count)
        code = tails_until(s, p, start + length);
    if (code)
        return code;
    p->heard_start = start;
    p->heard_length = length;
    p->heard_stamp = s->stamp;
    return SIGNAL_OK;
}

/* Adds `count` samples of one record from its sample n on. */
static void play_fresh(const signals *s, const heard *h, int64_t n, int count, double *v)
{
    const played *r = h->record;
    double re[BLOCK], im[BLOCK], c[BLOCK], sn[BLOCK];
    if (r->kind == SIGNAL_HOLD && r->inc == 0 && !r->shape) { /* w (c + is) is 1 */
        for (int i = 0; i < count; i++)
            v[i] += h->k.re;
        return;
    }
    record_samples(s, r, n, count, re, im);
    record_turn(r, 0, 0, 1, n, c, sn);
    block_play(re, im, 1.0, c, sn, h->k, count, v);
    if (r->mirrored)
        block_play(re, im, -1.0, c, sn, h->k2, count, v);
}

void play_heard(signals *s, const heard *h, int64_t from, int count, double *v)
{
    const played *r = h->record;
    int64_t low = h->offset > from ? h->offset : from;
    int64_t end = from + count, high = h->offset + r->length < end ? h->offset + r->length : end;
    if (low >= high)
        return;
    int64_t n = low - h->offset;
    int some = (int)(high - low);
    const pulse *x = !r->mirrored ? pulse_of(s, r, 0) : NULL;
    if (x)
        block_add(x->re + n, x->im + n, h->k, some, v + (low - from));
    else
        play_fresh(s, h, n, some, v + (low - from));
}

void play_channel(signals *s, const port *p, int channel, int64_t from, int count, double *v)
{
    memset(v, 0, (size_t)count * sizeof *v);
    for (int i = 0; i < p->heard_count; i++)
        if (channel < 0 || p->heard[i].channel == channel)
            play_heard(s, &p->heard[i], from, count, v);
}

/* The output converter of the exact numerics: 16 bits over its range, 1 V of an OPX. */
CLONES static void output_converter(double *restrict x, double full_scale, int count)
{
    double steps = 32768.0 / full_scale, step = full_scale * 0x1p-15;
    for (int i = 0; i < count; i++) {
        double v = floor(x[i] * steps + 0.5);
        v = v < -32768.0 ? -32768.0 : v;
        x[i] = (v > 32767.0 ? 32767.0 : v) * step;
    }
}

static double full_scale_of(const port *p, int channel)
{
    for (int i = 0; i < p->ear_count; i++)
        if (p->ears[i].channel == channel && p->ears[i].full_scale > 0.0)
            return p->ears[i].full_scale;
    for (int i = 0; i < p->tail_count; i++)
        if (p->tails[i].channel == channel)
            return p->tails[i].full_scale;
    return 0.5;
}

void through_output(const port *p, int channel, int count, double *v)
{
    output_converter(v, full_scale_of(p, channel), count);
}

static void hear_outputs(signals *s, const port *p, int64_t from, int count, double *v)
{
    if (s->numerics != SIGNAL_EXACT) {
        play_channel(s, p, -1, from, count, v);
        tails_add(s, p, -1, from, count, v);
        return;
    }
    double x[BLOCK];
    memset(v, 0, (size_t)count * sizeof *v);
    for (int channel = 0; channel < p->channels; channel++) {
        play_channel(s, p, channel, from, count, x);
        tails_add(s, p, channel, from, count, x);
        through_output(p, channel, count, x);
        for (int i = 0; i < count; i++)
            v[i] += x[i];
    }
}

void hear_samples(signals *s, const port *p, int64_t from, int count, double *v)
{
    hear_outputs(s, p, from, count, v);
    if (p->photons.count)
        photons_add(s, p, p->heard_start + from, count, v);
}

/* Noise of `count` samples; where there is none, zeros. */
static int noise_of(signals *s, port *p, int64_t from, int count, const float **noise)
{
    static const float silence[BLOCK];
    *noise = silence;
    return p->sigma != 0.0 ? port_noise(s, p, p->heard_start + from, count, noise) : SIGNAL_OK;
}

INLINE double input_stage(const port *p, double v, double noise)
{
    return p->sign * (p->gain * (v + p->sigma * noise) + p->offset);
}

CLONES static void convert(const port *p, const float *restrict noise, int count, double *restrict v)
{
    const port q = *p;
    for (int i = 0; i < count; i++)
        v[i] = input_stage(&q, v[i], (double)noise[i]);
}

int convert_samples(signals *s, port *p, int64_t from, int count, double *v)
{
    const float *noise;
    hear_samples(s, p, from, count, v);
    int code = noise_of(s, p, from, count, &noise);
    if (!code)
        convert(p, noise, count, v);
    return code;
}

/* Codes of what the port hears; whether any is at an end of the range. Sign and 4096 only scale: multiplied into gain and
 * offset they give the same bits. */
CLONES static int code_block(double sigma, double gain, double offset, const double *restrict v,
                             const float *restrict noise, int16_t *restrict codes)
{
    int32_t wide[BLOCK], most = 0, least = 0; /* compilers narrow whole arrays well, single doubles badly */
    for (int i = 0; i < BLOCK; i++) {
        double x = floor(gain * (v[i] + sigma * (double)noise[i]) + offset);
        x = x < -2048.0 ? -2048.0 : x;
        x = x > 2047.0 ? 2047.0 : x;
        wide[i] = (int32_t)x;
    }
    for (int i = 0; i < BLOCK; i++) {
        most = wide[i] > most ? wide[i] : most;
        least = wide[i] < least ? wide[i] : least;
        codes[i] = (int16_t)wide[i];
    }
    return most == 2047 || least == -2048;
}

/* The first of `count` samples that is out of range, or -1. */
static int64_t first_clipped(const port *p, const double *v, const float *noise, int count)
{
    for (int i = 0; i < count; i++) {
        double x = input_stage(p, v[i], (double)noise[i]) * 4096.0;
        if (!(x >= -2048.0 && x < 2048.0))
            return i;
    }
    return -1;
}

void code_volts(const port *p, double *v, const float *noise, int count, int16_t *codes, int64_t *first)
{
    double scale = p->sign * 4096.0;
    float last[BLOCK];
    int16_t all[BLOCK];
    if (count < BLOCK) {
        memset(v + count, 0, (size_t)(BLOCK - count) * sizeof *v);
        memset(last, 0, sizeof last);
        noise = memcpy(last, noise, (size_t)count * sizeof *last);
    }
    int at_end = code_block(p->sigma, scale * p->gain, scale * p->offset, v, noise, count < BLOCK ? all : codes);
    *first = at_end ? first_clipped(p, v, noise, count) : -1;
    if (count < BLOCK)
        memcpy(codes, all, (size_t)count * sizeof *codes);
}

int code_samples(signals *s, port *p, int64_t from, int count, int16_t *codes, int64_t *first)
{
    double v[BLOCK];
    const float *noise;
    hear_samples(s, p, from, count, v);
    int code = noise_of(s, p, from, count, &noise);
    if (!code)
        code_volts(p, v, noise, count, codes, first);
    return code;
}
