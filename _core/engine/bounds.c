/* What watched outputs could carry at most, and how a program changes that: corrections, offsets (watch.h). */
#include "watch_inside.h"

#include <stdlib.h>

enum { ADVANCE_STEPS = 64 };

static double factor_of(const signals *s, const ear *ear)
{
    const pair *m = s->elements[ear->element].now;
    return ear->which == SIGNAL_OUTPUT_SINGLE ? 1.0 : fabs(m[ear->which].re) + fabs(m[ear->which].im);
}

static way *add_way(source *e, int output)
{
    way *added = one_more(&e->ways, &e->way_count, sizeof *added);
    if (added) {
        *added = (way){.output = output, .loud_from = -1};
        e->way_count++;
    }
    return added;
}

/* The greatest part of an element's signal on that output, as its correction is now; by several inputs, or crosstalk. */
static double factor_to(const watch *w, int number, int element)
{
    output *out = &w->signals->outputs[number];
    double all = 0.0, factor;
    for (int line = 0; line < line_count(out); line++) {
        const port *p = line_of(w, out, line, &factor);
        for (int k = 0; k < p->ear_count; k++)
            if (p->ears[k].element == element)
                all += fabs(factor) * factor_of(w->signals, &p->ears[k]);
    }
    return w->lookouts[number].range.gain * all;
}

int watch_ways(watch *w, int number)
{
    output *out = &w->signals->outputs[number];
    lookout *o = &w->lookouts[number];
    double factor;
    for (int line = 0; line < line_count(out); line++) {
        const port *p = line_of(w, out, line, &factor);
        for (int k = 0; k < p->ear_count; k++) {
            int element = p->ears[k].element;
            source *e = &w->sources[element];
            way *way = way_to(e, number);
            if (!way && !(way = add_way(e, number)))
                return 1;
            way->factor = factor_to(w, number, element);
            o->threads |= 1ull << e->thread;
        }
    }
    return 0;
}

static int ears_on(const watch *w, output *out)
{
    int count = 0;
    double factor;
    for (int line = 0; line < line_count(out); line++)
        count += line_of(w, out, line, &factor)->ear_count;
    return count;
}

void watch_calm(watch *w, source *e)
{
    e->alone = 1;
    e->calm = 1e300;
    for (int k = 0; k < e->way_count; k++) {
        const lookout *o = &w->lookouts[e->ways[k].output];
        double calm = (o->safe - o->offset) / (e->ways[k].factor > 0.0 ? e->ways[k].factor : 1e-300);
        e->calm = calm < e->calm ? calm : e->calm;
        e->alone &= ears_on(w, &w->signals->outputs[e->ways[k].output]) == 1 && !o->range.reach;
    }
}

int watch_correction(watch *w, int element, const double c[4])
{
    source *e = &w->sources[element];
    int code = watch_gather(w, e);
    if (code)
        return code;
    signal_correction(w->signals, element, c);
    for (int k = 0; k < e->way_count; k++) {
        lookout *o = &w->lookouts[e->ways[k].output];
        double factor = factor_to(w, e->ways[k].output, element), more = factor - e->ways[k].factor;
        if (more <= 0.0)
            continue;
        e->ways[k].factor = factor;
        o->loud += more * (e->loud + e->held);
        w->near |= o->loud >= o->safe;
    }
    watch_calm(w, e);
    return SIGNAL_OK;
}

static int comes_later(const step *one, const step *other)
{
    return one->start > other->start || (one->start == other->start && one->setter > other->setter);
}

/* Puts a step in its place: of several at one instant that of the last thread is right, of one thread the latest. */
static int add_step(lookout *o, step added)
{
    if (!one_more(&o->steps, &o->step_count, sizeof added))
        return SIGNAL_NO_MEMORY;
    int k = o->step_count++;
    for (; k > 0 && comes_later(&o->steps[k - 1], &added); k--)
        o->steps[k] = o->steps[k - 1];
    o->steps[k] = added;
    return SIGNAL_OK;
}

/* The end of what the element has played so far. */
static int64_t last_end(const watch *w, int element)
{
    const source *e = &w->sources[element];
    if (!e->lately_count)
        return w->signals->elements[element].last;
    const signal_record_t *r = &e->lately[(e->lately_first + e->lately_count - 1) % LATELY_MAX];
    return r->start + r->length;
}

/* What is known to sound from t on was looked at with a smaller offset. */
static void look_again(watch *w, int number, int64_t t)
{
    lookout *o = &w->lookouts[number];
    int64_t end = t;
    for (int k = 0; k < w->signals->element_count; k++) {
        source *e = &w->sources[k];
        way *way = way_to(e, number);
        if (!way)
            continue;
        end = last_end(w, k) > end ? last_end(w, k) : end;
        end = e->held_until > end ? e->held_until : end;
        if (e->held_from >= 0) {
            int64_t from = e->held_from > t ? e->held_from : t;
            way->loud_from = way->loud_from < 0 || from < way->loud_from ? from : way->loud_from;
        }
    }
    watch_span(w, o, t, end + o->range.reach);
}

int watch_offset(watch *w, int64_t place, int64_t t, int32_t setter, double volts)
{
    int number = w->outputs_of[place];
    if (number < 0 || w->lookouts[number].seen.gave_up)
        return SIGNAL_OK;
    lookout *o = &w->lookouts[number];
    double more = fabs(volts) - o->offset;
    if (more > 0.0) {
        o->offset += more;
        o->loud += more;
        w->near |= o->loud >= o->safe;
        for (int k = 0; k < w->signals->element_count; k++)
            watch_calm(w, &w->sources[k]);
        if (o->loud >= o->safe)
            look_again(w, number, t);
    }
    if (o->step_count == WATCH_STEPS_MAX)
        watch_gives_up(w, o);
    w->due |= o->step_count >= ADVANCE_STEPS && !(o->step_count & (o->step_count - 1));
    return o->seen.gave_up ? SIGNAL_OK : add_step(o, (step){.start = t, .setter = setter, .volts = volts});
}
