/* The spans of watched outputs that could be out of range: samples are looked at where bounds do not suffice (watch.h). */
#include "watch_inside.h"

enum { ADVANCE_SPANS = 32 };

/* ---- spans */

void watch_gives_up(watch *w, lookout *o)
{
    o->seen.gave_up = w->gave_up = 1;
    o->span_count = 0;
}

void watch_span(watch *w, lookout *o, int64_t start, int64_t end)
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

/* ---- samples */

static void name_element(lookout *o, int32_t element)
{
    for (int32_t n = 0; n < o->seen.element_count; n++)
        if (o->seen.elements[n] == element)
            return;
    if (o->seen.element_count < WATCH_NAMED_MAX)
        o->seen.elements[o->seen.element_count++] = element;
}

/* Those that sound at t, or did while the filter's taps remember it. */
static int name_elements(watch *w, int number, int64_t t)
{
    output *out = &w->signals->outputs[number];
    int64_t taps = out->fir_count ? out->fir_count - 1 : 0;
    for (int line = 0; line < line_count(out); line++) {
        double factor;
        port *p = line_of(w, out, line, &factor);
        int code = hear(w->signals, p, t - taps, taps + 1);
        if (code)
            return code;
        for (int k = 0; k < p->heard_count; k++)
            name_element(&w->lookouts[number], p->ears[p->heard[k].ear].element);
    }
    return SIGNAL_OK;
}

static int is_out(double v, double offset, double steps)
{
    double code = floor((v + offset) * steps + 0.5);
    return code < -32768.0 || code > 32767.0;
}

/* The number of the step that holds at t. */
static int step_at(const lookout *o, int64_t t)
{
    int k = 0;
    while (k + 1 < o->step_count && o->steps[k + 1].start <= t)
        k++;
    return k;
}

/* Counts in [t, t + count), count <= RENDER_CHUNK, sample by sample. */
static int count_samples(watch *w, int number, int64_t t, int count)
{
    output *out = &w->signals->outputs[number];
    lookout *o = &w->lookouts[number];
    double v[RENDER_CHUNK], steps = 32768.0 / o->range.full_scale;
    int first = -1, code = output_samples(w->signals, out, t, o->range.reach, count, v);
    if (code)
        return code;
    for (int i = 0, k = step_at(o, t); i < count; i++) {
        while (k + 1 < o->step_count && o->steps[k + 1].start <= t + i)
            k++;
        if (is_out(v[i], o->steps[k].volts, steps) && !o->seen.count++)
            first = i;
    }
    if (first >= 0) {
        o->seen.first = t + first + o->range.delay;
        code = name_elements(w, number, t + first);
    }
    if (o->seen.count >= WATCH_COUNTED_MAX)
        watch_gives_up(w, o);
    return code;
}

/* No sample of what the port was last found to hear is greater; negative: an error code. */
static double greatest_of(watch *w, const port *p)
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

/* No sample in [t, t + count) behind the filter is greater; negative: an error code. */
static double greatest(watch *w, int number, int64_t t, int64_t count)
{
    output *out = &w->signals->outputs[number];
    const watch_range_t *range = &w->lookouts[number].range;
    double all = 0.0;
    for (int line = 0; line < line_count(out); line++) {
        double factor;
        port *p = line_of(w, out, line, &factor);
        int code = hear(w->signals, p, t - range->reach, count + range->reach);
        double sum = code ? code : greatest_of(w, p);
        if (sum < 0.0)
            return sum;
        all += fabs(factor) * sum;
    }
    return range->gain * all;
}

/* Counts in [t, t + count): halved again and again, where what sounds together could be too much. */
static int count_out(watch *w, int number, int64_t t, int64_t count)
{
    const lookout *o = &w->lookouts[number];
    double sum = greatest(w, number, t, count);
    if (sum < 0.0)
        return (int)sum;
    if (sum + o->offset < o->safe || o->seen.gave_up)
        return SIGNAL_OK;
    if (count <= RENDER_CHUNK)
        return count_samples(w, number, t, (int)count);
    int code = count_out(w, number, t, count / 2);
    return code ? code : count_out(w, number, t + count / 2, count - count / 2);
}

/* ---- looking */

/* Since when the element holds something that must be looked at on that output; -1: it does not. */
static int64_t loud_hold(source *e, int output)
{
    const way *way = way_to(e, output);
    return way && e->held_from >= 0 ? way->loud_from : -1;
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
    for (int k = 0; k < w->signals->element_count; k++) {
        int64_t start = loud_hold(&w->sources[k], number);
        start = start > o->checked || start < 0 ? start : o->checked;
        if (start >= 0 && start < next.start)
            next = (span){start, until};
    }
    return next;
}

/* All that sounds on the output goes among the signals. */
static int gather_all(watch *w, int number)
{
    output *out = &w->signals->outputs[number];
    int code = SIGNAL_OK;
    for (int line = 0; line < line_count(out); line++) {
        double factor;
        const port *p = line_of(w, out, line, &factor);
        for (int k = 0; !code && k < p->ear_count; k++)
            code = watch_gather(w, &w->sources[p->ears[k].element]);
    }
    return code;
}

static void drop_spans(lookout *o)
{
    int kept = 0;
    for (int k = 0; k < o->span_count; k++)
        if (o->spans[k].end > o->checked)
            o->spans[kept++] = o->spans[k];
    o->span_count = kept;
}

static int look(watch *w, int number, int64_t until)
{
    lookout *o = &w->lookouts[number];
    while (!o->seen.gave_up) {
        span next = next_span(w, number, until);
        if (next.start >= next.end)
            break;
        int code = gather_all(w, number);
        if (!code)
            code = count_out(w, number, next.start, next.end - next.start);
        if (code < 0)
            return code;
        o->checked = next.end;
    }
    drop_spans(o);
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
    return t - o->range.reach;
}

/* Steps that nothing has any more that may still be looked at. */
static void drop_steps(lookout *o, int64_t t)
{
    int old = step_at(o, t);
    for (int k = old; k < o->step_count; k++)
        o->steps[k - old] = o->steps[k];
    o->step_count -= old;
}

/* Records that ended before t are forgotten; where many are left, somebody lags: they go among the signals. */
static int forget_lately(watch *w, source *e, int64_t t)
{
    while (e->lately_count && e->lately[e->lately_first].start + e->lately[e->lately_first].length <= t) {
        e->lately_first = (e->lately_first + 1) % LATELY_MAX;
        e->lately_count--;
    }
    return e->lately_count > LATELY_MAX / 2 ? watch_gather(w, e) : SIGNAL_OK;
}

int watch_is_due(const watch *w) { return w->due; }

int watch_advance(watch *w, const int64_t *bound, int64_t end)
{
    int64_t needed = end;
    for (int k = 0; k < w->count; k++) {
        int64_t until = end;
        for (uint64_t rest = w->lookouts[k].threads; rest; rest &= rest - 1) {
            int64_t b = bound[__builtin_ctzll(rest)];
            until = b < until ? b : until;
        }
        int code = look(w, k, until);
        if (code < 0)
            return code;
        int64_t from = needed_from(w, k, until);
        drop_steps(&w->lookouts[k], from);
        needed = from < needed ? from : needed;
    }
    w->records = w->due = 0;
    for (int k = 0; k < w->signals->element_count; k++) {
        int code = forget_lately(w, &w->sources[k], needed);
        if (code < 0)
            return code;
    }
    signal_forget_before(w->signals, needed);
    return SIGNAL_OK;
}

void watch_stop(watch *w, int output) { watch_gives_up(w, &w->lookouts[output]); }

const watched_t *watch_seen(const watch *w, int output) { return &w->lookouts[output].seen; }
