/* Records: kept per element in the order of time, forgotten when no window can reach them (docs/arithmetic.md 4, 13). */
#include "inside.h"

#include <stdlib.h>

static int grow_ring(signals *s, element *e)
{
    uint64_t slots = e->slots ? 2 * e->slots : 16, one = sizeof *e->ring + sizeof *e->asides;
    if (s->ring_bytes + slots * one > SIGNAL_RING_BYTES_MAX)
        return SIGNAL_RING_FULL;
    played *ring = aligned_alloc(_Alignof(played), slots * sizeof *ring);
    aside *asides = malloc(slots * sizeof *asides);
    if (!ring || !asides) {
        free(ring);
        free(asides);
        return SIGNAL_NO_MEMORY;
    }
    for (uint64_t i = 0; i < e->count; i++) {
        ring[i] = e->ring[slot(e, i)];
        asides[i] = e->asides[slot(e, i)];
    }
    if (e->open >= 0)
        e->open = (int64_t)(((uint64_t)e->open - e->first) & (e->slots - 1));
    free(e->ring);
    free(e->asides);
    s->ring_bytes += (slots - e->slots) * one;
    e->ring = ring;
    e->asides = asides;
    e->first = 0;
    e->slots = slots;
    return SIGNAL_OK;
}

/* Drops records that no window can reach any more. */
static void drop_old(const signals *s, element *e)
{
    while (e->count) {
        const played *r = &e->ring[e->first];
        if (r->start + r->length + e->delay > s->forgotten)
            return;
        if (r->shape)
            shape_released(r->shape);
        e->first = slot(e, 1);
        e->count--;
    }
}

played *next_place(signals *s, element *e, int *code)
{
    drop_old(s, e);
    if (e->count == e->slots) {
        *code = grow_ring(s, e);
        if (*code)
            return NULL;
    }
    s->stamp++;
    return &e->ring[slot(e, e->count)];
}

static int check_sections(const signal_record_t *r)
{
    if (r->section_count < 0 || r->section_count > SIGNAL_SECTIONS_MAX || (r->section_count && !r->sections))
        return SIGNAL_TOO_LONG;
    for (int32_t i = 0; i < r->section_count; i++)
        if (i ? r->sections[i].start < r->sections[i - 1].start : r->sections[i].start != 0)
            return SIGNAL_BAD_ID;
    return SIGNAL_OK;
}

static int check_waveform(const signals *s, const signal_record_t *r)
{
    if (r->kind != SIGNAL_PULSE)
        return r->kind == SIGNAL_RAMP || r->kind == SIGNAL_RAMP_TO_ZERO ? SIGNAL_OK : SIGNAL_BAD_ID;
    if (r->waveform < 0 || r->waveform >= s->waveform_count)
        return SIGNAL_BAD_ID;
    const waveform *w = &s->waveforms[r->waveform];
    int64_t whole = r->stretched > r->length ? r->stretched : r->length;
    if (!w->constant && whole > w->n && w->n < 4)
        return SIGNAL_BAD_ID;
    if (s->elements[r->element].halves && (r->section_count || (!w->constant && (!w->halves_I || whole > w->n))))
        return SIGNAL_BAD_ID; /* nothing is stretched or swept at half ns */
    return !w->constant && whole > SIGNAL_SAMPLES_MAX ? SIGNAL_TOO_LONG : SIGNAL_OK;
}

static int check_record(const signals *s, const signal_record_t *r)
{
    if (r->element < 0 || r->element >= s->element_count)
        return SIGNAL_BAD_ID;
    int code = check_waveform(s, r);
    if (!code && r->section_count)
        code = check_sections(r);
    if (code)
        return code;
    if (r->length < 1 || r->length > OPEN_END / 2)
        return SIGNAL_TOO_LONG;
    if (r->start < s->elements[r->element].last)
        return SIGNAL_OUT_OF_ORDER;
    return SIGNAL_OK;
}

/* Whether a stretched waveform is cut: only then the stretch shows beside the length. */
static int is_cut(const signals *s, const signal_record_t *r)
{
    const waveform *w = &s->waveforms[r->waveform];
    return !w->constant && r->stretched > r->length && r->stretched > w->n;
}

/* The shape of the record; *code is set where one is needed and there is no room. */
static const shape *needed_shape(signals *s, const signal_record_t *record, int *code)
{
    signal_record_t r = *record;
    if (r.kind == SIGNAL_PULSE && !is_cut(s, &r))
        r.stretched = 0;
    if (r.kind == SIGNAL_PULSE && !r.stretched && !r.section_count)
        return NULL;
    if (r.kind != SIGNAL_PULSE)
        r.waveform = 0, r.stretched = 0;
    if (r.kind != SIGNAL_RAMP)
        r.slope = 0;
    return shape_of(&s->shapes, &r, code);
}

static played kept(const signal_record_t *r)
{
    return (played){.start = r->start, .length = r->length, .phase = r->phase, .inc = r->inc, .alpha_r = r->alpha_r,
                    .alpha_i = r->alpha_i, .waveform = r->kind == SIGNAL_PULSE ? r->waveform : 0,
                    .kind = (int16_t)r->kind, .mirrored = r->beta_r != 0.0 || r->beta_i != 0.0};
}

static aside aside_of(const element *e, const signal_record_t *r)
{
    return (aside){.beta_r = r->beta_r, .beta_i = r->beta_i, .m = {e->now[0], e->now[1]}, .order = r->order,
                   .thread = r->thread, .fold = r->fold};
}

/* Room for a record on an element and all that are it shifted: what comes after cannot fail for want of a place. */
static int reserve(signals *s, int32_t id)
{
    for (int code = SIGNAL_OK; id >= 0; id = s->elements[id].shifted)
        if (s->elements[id].delay >= 0 && !next_place(s, &s->elements[id], &code))
            return code;
    return SIGNAL_OK;
}

/* The record as it comes out of the converters to element `id`; whether it lies in their band. */
static int through_converters(const signals *s, int32_t id, const signal_record_t *record, signal_record_t *shifted)
{
    const element *e = &s->elements[id];
    __int128 frequency = (int64_t)record->inc;
    if (record->fold) /* within 1 GHz it has the other sign */
        frequency += frequency < 0 ? (__int128)1 << 64 : -((__int128)1 << 64);
    *shifted = *record;
    shifted->element = id;
    shifted->inc += e->shift;
    shifted->phase += e->shift * (uint64_t)record->start;
    shifted->fold = 0;
    frequency += e->turns * ((__int128)1 << 64) + e->shift;
    return frequency >= INT64_MIN && frequency <= INT64_MAX;
}

static int keep(signals *s, const signal_record_t *record)
{
    int code = SIGNAL_OK;
    element *e = &s->elements[record->element];
    int64_t end = record->start + record->length;
    if (e->delay < 0) {
        e->last = end;
        return SIGNAL_OK;
    }
    played *place = next_place(s, e, &code);
    if (!place)
        return code;
    const shape *shape = NULL;
    if (record->kind != SIGNAL_PULSE || record->stretched || record->section_count) {
        shape = needed_shape(s, record, &code);
        if (code)
            return code;
    }
    *place = kept(record);
    place->corrected = (int8_t)e->corrected;
    place->shape = shape;
    e->asides[place - e->ring] = aside_of(e, record);
    e->last = end;
    e->count++;
    return SIGNAL_OK;
}

int signal_record(signals *s, const signal_record_t *record)
{
    int code = check_record(s, record);
    if (!code && s->elements[record->element].shifted >= 0)
        code = reserve(s, record->element);
    if (!code)
        code = keep(s, record);
    if (code)
        return code;
    signal_record_t shifted;
    for (int32_t id = s->elements[record->element].shifted; !code && id >= 0; id = s->elements[id].shifted)
        if (through_converters(s, id, record, &shifted))
            code = keep(s, &shifted);
    return code;
}

int signal_last_sample(signals *s, const signal_record_t *record, double *re, double *im)
{
    int code = check_waveform(s, record);
    if (code)
        return code;
    double i[BLOCK], q[BLOCK] = {0};
    played r = kept(record);
    const shape *shape = needed_shape(s, record, &code);
    if (code)
        return code;
    r.shape = shape;
    if (s->elements[record->element].halves)
        record_halves(s, &r, 2 * r.length - 1, 1, i, q);
    else
        record_samples(s, &r, r.length - 1, 1, i, q);
    if (shape)
        shape_released(shape);
    *re = i[0];
    *im = q[0];
    return SIGNAL_OK;
}

/* The shape of a hold that sweeps: its length, which nobody knows yet, is no part of it. */
static const shape *hold_shape(signals *s, const signal_record_t *record, int *code)
{
    *code = check_sections(record);
    if (*code)
        return NULL;
    signal_record_t r = {.kind = SIGNAL_HOLD, .sections = record->sections, .section_count = record->section_count};
    return shape_of(&s->shapes, &r, code);
}

static int keep_hold(signals *s, const signal_record_t *record)
{
    int code = SIGNAL_OK;
    element *e = &s->elements[record->element];
    if (e->delay < 0)
        return SIGNAL_OK;
    played *place = next_place(s, e, &code);
    if (!place)
        return code;
    const shape *shape = record->section_count ? hold_shape(s, record, &code) : NULL;
    if (code)
        return code;
    signal_record_t plain = *record;
    plain.kind = SIGNAL_HOLD;
    plain.beta_r = plain.beta_i = 0.0;
    *place = kept(&plain);
    place->corrected = (int8_t)e->corrected;
    place->shape = shape;
    e->asides[place - e->ring] = aside_of(e, &plain);
    place->length = OPEN_END - record->start;
    e->open = place - e->ring;
    e->count++;
    return SIGNAL_OK;
}

int signal_hold_begin(signals *s, const signal_record_t *record)
{
    if (record->element < 0 || record->element >= s->element_count)
        return SIGNAL_BAD_ID;
    const element *e = &s->elements[record->element];
    if (e->open >= 0 || record->start < e->last)
        return SIGNAL_OUT_OF_ORDER;
    int code = e->shifted >= 0 ? reserve(s, record->element) : SIGNAL_OK;
    if (!code)
        code = keep_hold(s, record);
    signal_record_t shifted;
    for (int32_t id = e->shifted; !code && id >= 0; id = s->elements[id].shifted)
        if (through_converters(s, id, record, &shifted))
            code = keep_hold(s, &shifted);
    return code;
}

int signal_hold_end(signals *s, int id, int64_t t)
{
    if (id < 0 || id >= s->element_count)
        return SIGNAL_BAD_ID;
    for (; id >= 0; id = s->elements[id].shifted) {
        element *e = &s->elements[id];
        if (e->open < 0)
            continue;
        played *r = &e->ring[e->open];
        if (t < r->start)
            return SIGNAL_OUT_OF_ORDER;
        r->length = t - r->start;
        e->open = -1;
        s->stamp++;
    }
    return SIGNAL_OK;
}

void signal_forget_before(signals *s, int64_t t)
{
    if (t > s->forgotten)
        s->forgotten = t;
    for (int i = 0; i < s->tail_count && !s->failed; i++) /* before records go that the filters still need */
        s->failed = tail_until(s, i, t);
}
