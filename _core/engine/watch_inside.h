/* What the two files of the watch share: its elements, and what is known of each output. */
#ifndef QUAYMASTER_WATCH_INSIDE_H
#define QUAYMASTER_WATCH_INSIDE_H

#include "inside.h"
#include "watch.h"

/* Records of an element that nobody had to look at yet. */
enum { LATELY_MAX = 128 };

/* One way of an element to a watched output: the greatest that |Re| + |Im| of the factor m of its port was, times what
 * crosstalk and filter may make of that. loud_from: since when the element's open hold could be too much there together
 * with all that was known then (what comes later is looked at by itself); -1: it could not. */
typedef struct {
    int32_t output;
    double factor;
    int64_t loud_from;
} way;

/* An element on watched outputs. `calm`: with the least of its ports alone on it, what stays below that is not even kept. */
typedef struct {
    way *ways;
    int way_count;
    int32_t thread;
    int alone;
    double calm, loud, held; /* loud: of its pulses so far; held: of what it held so far */
    int64_t held_from;       /* of an open hold, -1: none */
    int64_t held_until;      /* the end of the last one that has ended */
    signal_record_t *lately; /* a ring: its latest records, not yet among the signals */
    uint32_t lately_first, lately_count;
} source;

typedef struct {
    int64_t start, end;
} span;

/* From `start` on the offset is `volts`, as a thread set it. */
typedef struct {
    int64_t start;
    int32_t setter;
    double volts;
} step;

typedef struct {
    watch_range_t range;
    uint64_t threads;
    double safe; /* what stays below is in range, whatever the rounding of the sum */
    double loud; /* of all its elements together, greatest offset included */
    double offset; /* the greatest, without its sign */
    step *steps;   /* in the order of time; the first one holds at all that may still be looked at */
    int step_count;
    span spans[WATCH_SPANS_MAX];
    int span_count;
    int64_t checked; /* all before is counted */
    watched_t seen;
} lookout;

struct watch {
    signals *signals;
    source *sources;
    lookout *lookouts;
    int count; /* watched outputs: the first ones of the signals */
    const int32_t *outputs_of; /* which of them each input of each element plays on, -1: none; `columns` an element */
    int columns;
    int records, due, near, gave_up; /* near, gave_up: some output is, has */
};

/* What reaches an output before its filter: its own sum, and those that crosstalk brings. */
INLINE int line_count(const output *o) { return 1 + o->crosstalk_count; }

INLINE port *line_of(const watch *w, output *o, int k, double *factor)
{
    *factor = k ? o->crosstalks[k - 1].factor : 1.0;
    return k ? &w->signals->outputs[o->crosstalks[k - 1].from].sum : &o->sum;
}

/* The way of an element to that output, NULL: there is none. */
INLINE way *way_to(source *e, int output)
{
    for (int k = 0; k < e->way_count; k++)
        if (e->ways[k].output == output)
            return &e->ways[k];
    return NULL;
}

/* bounds.c: the ways of all elements to that output, or greater ones than before. != 0: no memory. */
int watch_ways(watch *w, int output);

/* Whether nobody else is on the element's outputs, and no filter remembers it; how loud it may be there. */
void watch_calm(watch *w, source *e);

/* [start, end) of that output has to be looked at. */
void watch_span(watch *w, lookout *o, int64_t start, int64_t end);

void watch_gives_up(watch *w, lookout *o);

/* The element's latest records go among the signals: a SIGNAL_… code; where they find no room, its outputs give up. */
int watch_gather(watch *w, source *e);

#endif
