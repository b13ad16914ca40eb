/* Outputs watched for their range (watch.h): what each element plays, and whether it could be too much anywhere. */
#include "watch_inside.h"

#include <stdlib.h>

enum { ADVANCE_RECORDS = 1024 };

static double size(double re, double im) { return fabs(re) + fabs(im); }

static int set_output(watch *w, int number, const watch_range_t *range)
{
    lookout *o = &w->lookouts[number];
    o->range = *range;
    o->safe = range->full_scale * (1.0 - 0x1p-15);
    o->loud = o->offset = fabs(range->offset);
    o->seen.first = -1;
    step *first = one_more(&o->steps, &o->step_count, sizeof *first);
    if (!first)
        return 1;
    *first = (step){.start = INT64_MIN, .setter = -1, .volts = range->offset};
    o->step_count++;
    return watch_ways(w, number);
}

static int set_element(watch *w, source *e)
{
    watch_calm(w, e);
    e->lately = e->way_count ? malloc(LATELY_MAX * sizeof *e->lately) : NULL;
    return e->way_count && !e->lately;
}

watch *watch_new(signals *s, const int32_t *thread, const watch_range_t *ranges, int count, const int32_t *outputs_of,
                 int columns)
{
    watch *w = calloc(1, sizeof *w);
    if (!w) {
        signals_free(s);
        return NULL;
    }
    w->signals = s;
    w->count = count;
    w->outputs_of = outputs_of;
    w->columns = columns;
    w->sources = calloc((size_t)s->element_count + 1, sizeof *w->sources);
    w->lookouts = calloc((size_t)count + 1, sizeof *w->lookouts);
    int failed = !w->sources || !w->lookouts;
    for (int k = 0; !failed && k < s->element_count; k++) {
        w->sources[k].thread = thread[k];
        w->sources[k].held_from = -1;
    }
    for (int k = 0; !failed && k < count; k++)
        failed = set_output(w, k, &ranges[k]);
    for (int k = 0; !failed && k < s->element_count; k++)
        failed = set_element(w, &w->sources[k]);
    if (failed) {
        watch_free(w);
        return NULL;
    }
    return w;
}

void watch_free(watch *w)
{
    if (!w)
        return;
    for (int k = 0; w->sources && k < w->signals->element_count; k++) {
        free(w->sources[k].ways);
        free(w->sources[k].lately);
    }
    for (int k = 0; w->lookouts && k < w->count; k++)
        free(w->lookouts[k].steps);
    free(w->sources);
    free(w->lookouts);
    signals_free(w->signals);
    free(w);
}

/* ---- bounds */

/* Whether something so loud could be too much on that output together with all others. `of`: what the output's bound
 * already holds of its kind. */
static int is_loud(const watch *w, const way *way, double of, double loud)
{
    const lookout *o = &w->lookouts[way->output];
    return o->loud + way->factor * (loud - of) >= o->safe;
}

static void louder(watch *w, const source *e, double *of, double loud)
{
    for (int k = 0; loud > *of && k < e->way_count; k++) {
        lookout *o = &w->lookouts[e->ways[k].output];
        o->loud += e->ways[k].factor * (loud - *of);
        w->near |= o->loud >= o->safe;
    }
    *of = loud > *of ? loud : *of;
}

static double loudness(const signal_record_t *r)
{
    return size(r->alpha_r, r->alpha_i) + size(r->beta_r, r->beta_i);
}

/* A pulse of the element sounds, so loud at most. */
static void pulse_sounds(watch *w, source *e, const signal_record_t *r, double loud)
{
    if (loud <= e->loud && !w->near)
        return;
    for (int k = 0; k < e->way_count; k++)
        if (is_loud(w, &e->ways[k], e->loud, loud)) {
            lookout *o = &w->lookouts[e->ways[k].output];
            watch_span(w, o, r->start, r->start + r->length + o->range.reach);
        }
    louder(w, e, &e->loud, loud);
}

/* ---- what is played */

/* Whether the peak of the record's waveform can be read off its table. */
static int is_plain(const signals *s, const signal_record_t *r)
{
    if (r->kind != SIGNAL_PULSE || r->stretched || r->waveform < 0 || r->waveform >= s->waveform_count)
        return 0;
    const waveform *w = &s->waveforms[r->waveform];
    return w->constant || w->n == r->length;
}

static int no_room(watch *w, source *e)
{
    for (int k = 0; k < e->way_count; k++)
        watch_gives_up(w, &w->lookouts[e->ways[k].output]);
    return SIGNAL_OK;
}

static int is_watched(const watch *w, const source *e)
{
    for (int k = 0; k < e->way_count; k++)
        if (!w->lookouts[e->ways[k].output].seen.gave_up)
            return 1;
    return 0;
}

int watch_gather(watch *w, source *e)
{
    int code = SIGNAL_OK, wanted = is_watched(w, e);
    for (uint32_t k = 0; wanted && !code && k < e->lately_count; k++)
        code = signal_record(w->signals, &e->lately[(e->lately_first + k) % LATELY_MAX]);
    e->lately_count = 0;
    return code == SIGNAL_RING_FULL ? no_room(w, e) : code;
}

/* A plain record waits until somebody looks: most are forgotten before. */
static int keep_for_later(watch *w, source *e, const signal_record_t *r)
{
    int code = e->lately_count == LATELY_MAX ? watch_gather(w, e) : SIGNAL_OK;
    e->lately[(e->lately_first + e->lately_count++) % LATELY_MAX] = *r;
    w->due |= e->lately_count == LATELY_MAX;
    return code;
}

/* A record of which only the signals can tell how loud it is. */
static int keep_now(watch *w, source *e, const signal_record_t *r, double *peak)
{
    signals *s = w->signals;
    *peak = 0.0;
    int code = watch_gather(w, e);
    if (code || !is_watched(w, e))
        return code;
    code = signal_record(s, r);
    if (code)
        return code == SIGNAL_RING_FULL ? no_room(w, e) : code;
    const element *kept = &s->elements[r->element];
    *peak = record_peak(s, &kept->ring[slot(kept, kept->count - 1)]);
    w->due |= ++w->records >= ADVANCE_RECORDS;
    return *peak < 0.0 ? (int)*peak : SIGNAL_OK;
}

int watch_record(watch *w, const signal_record_t *r)
{
    source *e = &w->sources[r->element];
    int plain = is_plain(w->signals, r);
    double factors = loudness(r), peak = plain ? w->signals->waveforms[r->waveform].peak : 0.0;
    if (plain && e->alone && e->held == 0.0 && factors * peak < e->calm)
        return SIGNAL_OK;
    if (!e->way_count || (w->gave_up && !is_watched(w, e)))
        return SIGNAL_OK;
    int code = plain && !r->section_count ? keep_for_later(w, e, r) : keep_now(w, e, r, &peak);
    if (!code)
        pulse_sounds(w, e, r, factors * peak);
    return code;
}

int watch_hold_begin(watch *w, const signal_record_t *r)
{
    source *e = &w->sources[r->element];
    if (!is_watched(w, e))
        return SIGNAL_OK;
    int code = watch_gather(w, e);
    if (code || !is_watched(w, e))
        return code;
    code = signal_hold_begin(w->signals, r);
    if (code == SIGNAL_RING_FULL)
        return no_room(w, e);
    double loud = size(r->alpha_r, r->alpha_i);
    for (int k = 0; k < e->way_count; k++)
        e->ways[k].loud_from = is_loud(w, &e->ways[k], e->held, loud) ? r->start : -1;
    louder(w, e, &e->held, loud);
    e->held_from = r->start;
    return code;
}

int watch_hold_end(watch *w, int element, int64_t t)
{
    source *e = &w->sources[element];
    if (e->held_from < 0)
        return SIGNAL_OK;
    for (int k = 0; k < e->way_count; k++) {
        lookout *o = &w->lookouts[e->ways[k].output];
        if (e->ways[k].loud_from >= 0)
            watch_span(w, o, e->ways[k].loud_from, t + o->range.reach);
    }
    e->held_from = -1;
    e->held_until = t;
    int code = watch_gather(w, e);
    return code ? code : signal_hold_end(w->signals, element, t);
}
