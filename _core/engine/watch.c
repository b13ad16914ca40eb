/* Outputs watched for their range: bounds first, samples only where those do not suffice (watch.h). */
#include "watch.h"

#include <stdlib.h>

#include "inside.h"

/* A sample is out of range if it rounds to a code outside; below this it cannot be, whatever the rounding of the sum. */
static const double SAFE = 0.5 - 0x1p-16;

enum { ADVANCE_RECORDS = 1024, ADVANCE_SPANS = 32 };

/* One way of an element to a watched output: |Re| + |Im| of the factor m of its port; whether the element's open hold
 * could be too much there together with all that was known when it began (what comes later is looked at by itself). */
typedef struct {
    int32_t output, holds_loudly;
    double factor;
} way;

/* An element on watched outputs. `calm`: with the least of its ports alone on it, what stays below that is not even kept. */
typedef struct {
    way *ways;
    int way_count;
    int32_t thread;
    int alone;
    double calm, loud, held; /* loud: of its pulses so far; held: of what it held so far */
    int64_t held_from;       /* of an open hold, -1: none */
} source;

typedef struct {
    int64_t start, end;
} span;

typedef struct {
    uint64_t threads;
    double loud; /* of all its elements together, offset included */
    span spans[WATCH_SPANS_MAX];
    int span_count;
    int64_t checked; /* all before is counted */
    watched_t seen;
} lookout;

struct watch {
    signals *signals;
    source *sources;
    lookout *lookouts;
    int records, due;
};

static double size(double re, double im) { return fabs(re) + fabs(im); }

static double factor_of(const signals *s, const ear *ear)
{
    const element *e = &s->elements[ear->element];
    return ear->which == SIGNAL_OUTPUT_SINGLE ? 1.0 : size(e->m[ear->which].re, e->m[ear->which].im);
}

static int add_ways(watch *w, int output)
{
    const port *p = &w->signals->outputs[output].sum;
    lookout *o = &w->lookouts[output];
    o->seen.first = -1;
    o->loud = fabs(w->signals->outputs[output].offset);
    for (int k = 0; k < p->ear_count; k++) {
        source *e = &w->sources[p->ears[k].element];
        double factor = factor_of(w->signals, &p->ears[k]);
        if (e->way_count && e->ways[e->way_count - 1].output == output) { /* a port that two of its inputs name */
            e->ways[e->way_count - 1].factor += factor;
            continue;
        }
        way *added = one_more(&e->ways, &e->way_count, sizeof *added);
        if (!added)
            return 1;
        *added = (way){.output = output, .factor = factor};
        e->way_count++;
        o->threads |= 1ull << e->thread;
    }
    return 0;
}

/* Whether nobody else is on the element's ports, and how loud it may be there. */
static void set_calm(watch *w, source *e)
{
    e->alone = 1;
    e->calm = 1e300;
    for (int k = 0; k < e->way_count; k++) {
        const output *o = &w->signals->outputs[e->ways[k].output];
        double calm = (SAFE - fabs(o->offset)) / (e->ways[k].factor > 0.0 ? e->ways[k].factor : 1e-300);
        e->calm = calm < e->calm ? calm : e->calm;
        e->alone &= o->sum.ear_count == 1;
    }
}

watch *watch_new(signals *s, const int32_t *thread)
{
    watch *w = calloc(1, sizeof *w);
    if (!w) {
        signals_free(s);
        return NULL;
    }
    w->signals = s;
    w->sources = calloc((size_t)s->element_count + 1, sizeof *w->sources);
    w->lookouts = calloc((size_t)s->output_count + 1, sizeof *w->lookouts);
    int failed = !w->sources || !w->lookouts;
    for (int k = 0; !failed && k < s->element_count; k++) {
        w->sources[k].thread = thread[k];
        w->sources[k].held_from = -1;
    }
    for (int k = 0; !failed && k < s->output_count; k++)
        failed = add_ways(w, k);
    if (failed) {
        watch_free(w);
        return NULL;
    }
    for (int k = 0; k < s->element_count; k++)
        set_calm(w, &w->sources[k]);
    return w;
}

void watch_free(watch *w)
{
    if (!w)
        return;
    for (int k = 0; w->sources && k < w->signals->element_count; k++)
        free(w->sources[k].ways);
    free(w->sources);
    free(w->lookouts);
    signals_free(w->signals);
    free(w);
}

/* ---- spans */

static void give_up(lookout *o)
{
    o->seen.gave_up = 1;
    o->span_count = 0;
}

static void add_span(watch *w, lookout *o, int64_t start, int64_t end)
{
    if (o->seen.gave_up || end <= start)
        return;
    if (o->span_count && o->spans[o->span_count - 1].start <= start && start <= o->spans[o->span_count - 1].end) {
        span *last = &o->spans[o->span_count - 1];
        last->end = end > last->end ? end : last->end;
        return;
    }
    if (o->span_count == WATCH_SPANS_MAX) { /* one around them all: what lies between cannot be out of range */
        for (int k = 1; k < o->span_count; k++) {
            o->spans[0].start = o->spans[k].start < o->spans[0].start ? o->spans[k].start : o->spans[0].start;
            o->spans[0].end = o->spans[k].end > o->spans[0].end ? o->spans[k].end : o->spans[0].end;
        }
        o->span_count = 1;
    }
    o->spans[o->span_count++] = (span){start, end};
    w->due |= o->span_count >= ADVANCE_SPANS;
}

/* Whether something so loud could be too much on that output together with all others. `of`: what the output's bound
 * already holds of its kind. */
static int is_loud(const watch *w, const way *way, double of, double loud)
{
    return w->lookouts[way->output].loud + way->factor * (loud - of) >= SAFE;
}

static void louder(watch *w, const source *e, double *of, double loud)
{
    for (int k = 0; loud > *of && k < e->way_count; k++)
        w->lookouts[e->ways[k].output].loud += e->ways[k].factor * (loud - *of);
    *of = loud > *of ? loud : *of;
}

/* ---- what is played */

static double loudness(const signal_record_t *r)
{
    return size(r->alpha_r, r->alpha_i) + size(r->beta_r, r->beta_i);
}

/* Whether the peak of the record's waveform can be read off its table. */
static int is_plain(const signals *s, const signal_record_t *r)
{
    if (r->kind != SIGNAL_PULSE || r->stretched || r->waveform < 0 || r->waveform >= s->waveform_count)
        return 0;
    const waveform *w = &s->waveforms[r->waveform];
    return w->constant || w->n == r->length;
}

static int no_room(watch *w, const source *e)
{
    for (int k = 0; k < e->way_count; k++)
        give_up(&w->lookouts[e->ways[k].output]);
    return SIGNAL_OK;
}

static int is_watched(const watch *w, const source *e)
{
    for (int k = 0; k < e->way_count; k++)
        if (!w->lookouts[e->ways[k].output].seen.gave_up)
            return 1;
    return 0;
}

int watch_record(watch *w, const signal_record_t *r)
{
    source *e = &w->sources[r->element];
    signals *s = w->signals;
    double factors = loudness(r);
    if (e->alone && e->held == 0.0 && is_plain(s, r) && factors * s->waveforms[r->waveform].peak < e->calm)
        return SIGNAL_OK;
    if (!is_watched(w, e))
        return SIGNAL_OK;
    int code = signal_record(s, r);
    if (code == SIGNAL_RING_FULL)
        return no_room(w, e);
    if (code < 0)
        return code;
    const element *kept = &s->elements[r->element];
    double peak = record_peak(s, &kept->ring[(kept->first + kept->count - 1) & (kept->slots - 1)]);
    if (peak < 0.0)
        return (int)peak;
    for (int k = 0; k < e->way_count; k++)
        if (is_loud(w, &e->ways[k], e->loud, factors * peak))
            add_span(w, &w->lookouts[e->ways[k].output], r->start, r->start + r->length);
    louder(w, e, &e->loud, factors * peak);
    w->due |= ++w->records >= ADVANCE_RECORDS;
    return SIGNAL_OK;
}

int watch_hold_begin(watch *w, const signal_record_t *r)
{
    source *e = &w->sources[r->element];
    if (!is_watched(w, e))
        return SIGNAL_OK;
    int code = signal_hold_begin(w->signals, r);
    if (code == SIGNAL_RING_FULL)
        return no_room(w, e);
    double loud = size(r->alpha_r, r->alpha_i);
    for (int k = 0; k < e->way_count; k++)
        e->ways[k].holds_loudly = is_loud(w, &e->ways[k], e->held, loud);
    louder(w, e, &e->held, loud);
    e->held_from = r->start;
    return code;
}

int watch_hold_end(watch *w, int element, int64_t t)
{
    source *e = &w->sources[element];
    if (e->held_from < 0)
        return SIGNAL_OK;
    for (int k = 0; k < e->way_count; k++)
        if (e->ways[k].holds_loudly)
            add_span(w, &w->lookouts[e->ways[k].output], e->held_from, t);
    e->held_from = -1;
    return signal_hold_end(w->signals, element, t);
}

/* ---- looking */

static int is_out(double v, double offset)
{
    double code = floor((v + offset) * 65536.0 + 0.5);
    return code < -32768.0 || code > 32767.0;
}

static void name_elements(lookout *o, const port *p, int64_t t)
{
    for (int k = 0; k < p->heard_count; k++) {
        const heard *h = &p->heard[k];
        int32_t element = p->ears[h->ear].element;
        int known = t < h->record->start || t >= h->record->start + h->record->length;
        for (int32_t n = 0; n < o->seen.element_count; n++)
            known |= o->seen.elements[n] == element;
        if (!known && o->seen.element_count < WATCH_NAMED_MAX)
            o->seen.elements[o->seen.element_count++] = element;
    }
}

/* No sample of what the port was last found to hear is greater; negative: an error code. */
static double greatest(watch *w, const port *p)
{
    double sum = 0.0;
    for (int k = 0; k < p->heard_count; k++) {
        const heard *h = &p->heard[k];
        double peak = record_peak(w->signals, h->record);
        if (peak < 0.0)
            return peak;
        sum += (sqrt(h->k.re * h->k.re + h->k.im * h->k.im) + sqrt(h->k2.re * h->k2.re + h->k2.im * h->k2.im)) * peak;
    }
    return sum;
}

static void count_samples(watch *w, int number, int64_t t, int64_t count)
{
    output *out = &w->signals->outputs[number];
    lookout *o = &w->lookouts[number];
    double v[BLOCK];
    for (int64_t from = 0; from < count; from += BLOCK) {
        int some = count - from < BLOCK ? (int)(count - from) : BLOCK;
        play_channel(w->signals, &out->sum, -1, from, some, v);
        for (int i = 0; i < some; i++)
            if (is_out(v[i], out->offset) && !o->seen.count++) {
                o->seen.first = t + from + i + out->delay;
                name_elements(o, &out->sum, t + from + i);
            }
    }
    if (o->seen.count >= WATCH_COUNTED_MAX)
        give_up(o);
}

/* Counts in [t, t + count): halved again and again, where what sounds together could be too much. */
static int count_out(watch *w, int number, int64_t t, int64_t count)
{
    output *out = &w->signals->outputs[number];
    int code = hear(w->signals, &out->sum, t, count);
    if (code)
        return code;
    double sum = greatest(w, &out->sum);
    if (sum < 0.0)
        return (int)sum;
    if (sum + fabs(out->offset) < SAFE || w->lookouts[number].seen.gave_up)
        return SIGNAL_OK;
    if (count <= RENDER_CHUNK) {
        count_samples(w, number, t, count);
        return SIGNAL_OK;
    }
    code = count_out(w, number, t, count / 2);
    return code ? code : count_out(w, number, t + count / 2, count - count / 2);
}

/* Since when the element holds something that must be looked at on that output; -1: it does not. */
static int64_t loud_hold(const source *e, int output)
{
    for (int k = 0; k < e->way_count; k++)
        if (e->ways[k].output == output && e->ways[k].holds_loudly)
            return e->held_from;
    return -1;
}

/* The next span to be looked at, from what is checked up to `until`; an empty one where there is none. */
static span next_span(const watch *w, int number, int64_t until)
{
    const lookout *o = &w->lookouts[number];
    span next = {until, until};
    for (int k = 0; k < o->span_count; k++) {
        int64_t start = o->spans[k].start > o->checked ? o->spans[k].start : o->checked;
        if (start < o->spans[k].end && start < next.start)
            next = (span){start, o->spans[k].end < until ? o->spans[k].end : until};
    }
    const port *p = &w->signals->outputs[number].sum;
    for (int k = 0; k < p->ear_count; k++) {
        int64_t start = loud_hold(&w->sources[p->ears[k].element], number);
        start = start > o->checked || start < 0 ? start : o->checked;
        if (start >= 0 && start < next.start)
            next = (span){start, until};
    }
    return next;
}

static int look(watch *w, int number, int64_t until)
{
    lookout *o = &w->lookouts[number];
    while (!o->seen.gave_up) {
        span next = next_span(w, number, until);
        if (next.start >= next.end)
            break;
        int code = count_out(w, number, next.start, next.end - next.start);
        if (code < 0)
            return code;
        o->checked = next.end;
    }
    int kept = 0;
    for (int k = 0; k < o->span_count; k++)
        if (o->spans[k].end > o->checked)
            o->spans[kept++] = o->spans[k];
    o->span_count = kept;
    return SIGNAL_OK;
}

/* The first instant that some output still needs. */
static int64_t needed_from(const watch *w, int number, int64_t until)
{
    const lookout *o = &w->lookouts[number];
    int64_t t = until;
    for (int k = 0; k < o->span_count; k++) {
        int64_t start = o->spans[k].start > o->checked ? o->spans[k].start : o->checked;
        t = start < t ? start : t;
    }
    return t;
}

int watch_is_due(const watch *w) { return w->due; }

int watch_advance(watch *w, const int64_t *bound, int64_t end)
{
    int64_t needed = end;
    for (int k = 0; k < w->signals->output_count; k++) {
        int64_t until = end;
        for (uint64_t rest = w->lookouts[k].threads; rest; rest &= rest - 1) {
            int64_t b = bound[__builtin_ctzll(rest)];
            until = b < until ? b : until;
        }
        int code = look(w, k, until);
        if (code < 0)
            return code;
        int64_t from = needed_from(w, k, until);
        needed = from < needed ? from : needed;
    }
    w->records = w->due = 0;
    signal_forget_before(w->signals, needed);
    return SIGNAL_OK;
}

void watch_stop(watch *w, int output) { give_up(&w->lookouts[output]); }

const watched_t *watch_seen(const watch *w, int output) { return &w->lookouts[output].seen; }
