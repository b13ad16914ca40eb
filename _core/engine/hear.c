/* What an input port hears: which records reach a window, and their samples (docs/arithmetic.md 4, 5, 8, 9). */
#include "inside.h"

#include <stdlib.h>

static inline const played *at(const element *e, uint64_t i)
{
    return &e->ring[(e->first + i) & (e->slots - 1)];
}

/* Number of the element's records that have ended at `t`. */
static uint64_t ended(const element *e, int64_t t)
{
    uint64_t low = 0, high = e->count;
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        const played *r = at(e, middle);
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
    if (a->record->thread != b->record->thread)
        return a->record->thread < b->record->thread ? -1 : 1;
    if (a->record->order != b->record->order)
        return a->record->order < b->record->order ? -1 : 1;
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
    const element *e = &s->elements[ear->element];
    pair m = ear->which == SIGNAL_OUTPUT_SINGLE ? (pair){1.0, 0.0} : e->m[ear->which];
    int64_t from = start - p->delay;
    for (uint64_t i = ended(e, from); i < e->count; i++) {
        const played *r = at(e, i);
        if (r->start >= from + length)
            break;
        if (r->length == 0) /* a hold that has never been */
            continue;
        heard *h = append(p);
        if (!h)
            return SIGNAL_NO_MEMORY;
        h->record = r;
        h->offset = r->start - from;
        h->k = times(m, (pair){r->alpha_r, r->alpha_i});
        h->k2 = times(m, (pair){r->beta_r, r->beta_i});
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
        p->heard_bound += (fabs(h->k.re) + fabs(h->k.im) + fabs(h->k2.re) + fabs(h->k2.im)) * peak;
    }
    return SIGNAL_OK;
}

int hear(signals *s, port *p, int64_t start, int64_t length)
{
    if (p->heard_stamp == s->stamp && p->heard_start == start && p->heard_length == length)
        return SIGNAL_OK;
    p->heard_stamp = 0;
    p->heard_count = 0;
    p->turned = 0;
    for (int i = 0; i < p->ear_count; i++) {
        int code = hear_ear(s, p, i, start, length);
        if (code)
            return code;
    }
    if (p->ear_count > 1)
        sort(p->heard, p->heard_count);
    int code = bound(s, p);
    if (code)
        return code;
    p->heard_start = start;
    p->heard_length = length;
    p->heard_stamp = s->stamp;
    return SIGNAL_OK;
}

void hear_turned(port *p, uint64_t phase)
{
    if (p->turned && p->turned_phase == phase)
        return;
    p->once = turned(phase);
    p->twice = turned(phase + phase);
    for (int i = 0; i < p->heard_count; i++) {
        heard *h = &p->heard[i];
        pair plus = turned(phase + h->record->phase), minus = turned(phase - h->record->phase);
        h->plus[0] = times(h->k, plus);
        h->minus[0] = times((pair){h->k.re, -h->k.im}, minus);
        h->plus[1] = times(h->k2, plus);
        h->minus[1] = times((pair){h->k2.re, -h->k2.im}, minus);
    }
    p->turned = 1;
    p->turned_phase = phase;
}

/* Adds `count` samples of one record from its sample n on. */
static void play_fresh(const signals *s, const heard *h, pair k, pair k2, int64_t n, int count, double *v)
{
    const played *r = h->record;
    double re[BLOCK], im[BLOCK], c[BLOCK], sn[BLOCK];
    if (r->kind == SIGNAL_HOLD && r->inc == 0) { /* w (c + is) is 1 */
        for (int i = 0; i < count; i++)
            v[i] += k.re;
        return;
    }
    record_samples(s, r, n, count, re, im);
    record_turn(r, 0, 0, 1, n, c, sn);
    block_play(re, im, 1.0, c, sn, k, count, v);
    if (r->beta_r != 0.0 || r->beta_i != 0.0)
        block_play(re, im, -1.0, c, sn, k2, count, v);
}

/* Adds the samples of one record to v. */
static void play(signals *s, const heard *h, int64_t from, int count, double *v)
{
    const played *r = h->record;
    int64_t low = h->offset > from ? h->offset : from;
    int64_t end = from + count, high = h->offset + r->length < end ? h->offset + r->length : end;
    if (low >= high)
        return;
    int64_t n = low - h->offset;
    pair z = turned(r->phase), k = times(h->k, z);
    int some = (int)(high - low), plain = r->beta_r == 0.0 && r->beta_i == 0.0;
    const pulse *x = plain ? pulse_of(s, r, 0) : NULL;
    if (x)
        block_add(x->re + n, x->im + n, k, some, v + (low - from));
    else
        play_fresh(s, h, k, times(h->k2, z), n, some, v + (low - from));
}

void play_channel(signals *s, const port *p, int channel, int64_t from, int count, double *v)
{
    memset(v, 0, (size_t)count * sizeof *v);
    for (int i = 0; i < p->heard_count; i++)
        if (channel < 0 || p->heard[i].channel == channel)
            play(s, &p->heard[i], from, count, v);
}

/* The output converter of the exact numerics: 16 bits over 1 V. */
CLONES static void output_converter(double *restrict x, int count)
{
    for (int i = 0; i < count; i++) {
        double v = floor(x[i] * 65536.0 + 0.5) * 0x1p-16;
        v = v < -0.5 ? -0.5 : v;
        x[i] = v > 0.5 - 0x1p-16 ? 0.5 - 0x1p-16 : v;
    }
}

void hear_samples(signals *s, const port *p, int64_t from, int count, double *v)
{
    if (s->numerics != SIGNAL_EXACT) {
        play_channel(s, p, -1, from, count, v);
        return;
    }
    double x[BLOCK];
    memset(v, 0, (size_t)count * sizeof *v);
    for (int channel = 0; channel < p->channels; channel++) {
        play_channel(s, p, channel, from, count, x);
        output_converter(x, count);
        for (int i = 0; i < count; i++)
            v[i] += x[i];
    }
}

CLONES static void input_stage(const port *p, const double *restrict noise, int count, double *restrict v)
{
    double sigma = p->sigma, gain = p->gain, offset = p->offset, sign = p->sign;
    for (int i = 0; i < count; i++)
        v[i] = sign * (gain * (v[i] + sigma * noise[i]) + offset);
}

int convert_samples(signals *s, port *p, int64_t from, int count, double *v)
{
    static const double silence[BLOCK];
    const double *noise = silence;
    hear_samples(s, p, from, count, v);
    int code = p->sigma != 0.0 ? port_noise(s, p, p->heard_start + from, count, &noise) : SIGNAL_OK;
    if (!code)
        input_stage(p, noise, count, v);
    return code;
}

/* v becomes the codes, as doubles; returns how many had to be kept in range. */
CLONES static double code_block(double *restrict v)
{
    double out_of_range = 0.0, lane[LANES] = {0};
    for (int b = 0; b < BLOCK; b += LANES)
        for (int l = 0; l < LANES; l++) {
            double x = floor(v[b + l] * 4096.0);
            double y = x < -2048.0 ? -2048.0 : x;
            y = y > 2047.0 ? 2047.0 : y;
            lane[l] += x != y ? 1.0 : 0.0;
            v[b + l] = y;
        }
    for (int l = 0; l < LANES; l++)
        out_of_range += lane[l];
    return out_of_range;
}

CLONES static void narrow(const double *restrict v, int16_t *restrict codes)
{
    for (int i = 0; i < BLOCK; i++)
        codes[i] = (int16_t)(int32_t)v[i];
}

static int64_t first_clipped(const double *v, int count)
{
    for (int i = 0; i < count; i++)
        if (!(v[i] * 4096.0 >= -2048.0 && v[i] * 4096.0 < 2048.0))
            return i;
    return -1;
}

int code_samples(signals *s, port *p, int64_t from, int count, int16_t *codes, int64_t *first)
{
    double v[BLOCK] = {0}, kept[BLOCK];
    int16_t all[BLOCK];
    int code = convert_samples(s, p, from, count, v);
    if (code)
        return code;
    memcpy(kept, v, sizeof kept);
    *first = code_block(kept) != 0.0 ? first_clipped(v, count) : -1;
    narrow(kept, all);
    memcpy(codes, all, (size_t)count * sizeof *codes);
    return SIGNAL_OK;
}
