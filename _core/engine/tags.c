/* Time tags of one window on one port, from its converter codes (docs/arithmetic.md 18). */
#include "inside.h"

#include <stdlib.h>

enum { CHUNK = 16 * BLOCK }; /* records are looked up anew for each */

/* The scan: sample i of the window is next; what the sample before it was. */
typedef struct {
    int32_t s, d, level, slope; /* signs: s code > level and d change > slope are the conditions */
    int64_t i;
    int32_t code;
    int signal, both;
    int32_t *tags;
    int64_t most, count, latest; /* latest: ns */
    int16_t rest;                /* the code of silence, once it is known */
    int rest_known, rest_clipped;
} scan;

static void look(scan *x, int32_t code)
{
    x->signal = x->s * code > x->level;
    x->both = x->signal & (x->d * (code - x->code) > x->slope);
    x->code = code;
}

/* ps of sample i, where the signal was not yet beyond the threshold at i - 1: the straight line's crossing. */
static int64_t crossing(const scan *x, int32_t before)
{
    int64_t way = 2000 * llabs((int64_t)x->s * x->level - before), all = llabs((int64_t)x->code - before);
    return 1000 * (x->i - 1) + (way + all) / (2 * all);
}

static void edge(scan *x, const signal_tagger_t *t, int32_t before, int was_beyond)
{
    if (x->i < 0 || (x->count && x->i - x->latest < t->dead) || x->count == x->most)
        return;
    int64_t tag = x->i;
    if (t->high_res)
        tag = x->i == 0 ? 0 : was_beyond ? 1000 * x->i : crossing(x, before);
    x->tags[x->count++] = (int32_t)tag;
    x->latest = x->i;
}

/* Whether any sample of a block is an edge; most blocks have none. */
CLONES static int has_edges(const int16_t *restrict codes, int count, scan x)
{
    uint8_t both[BLOCK + 1], found = 0;
    both[0] = (uint8_t)x.both;
    both[1] = (x.s * codes[0] > x.level) & (x.d * (codes[0] - x.code) > x.slope);
    for (int k = 1; k < count; k++)
        both[k + 1] = (x.s * codes[k] > x.level) & (x.d * (codes[k] - codes[k - 1]) > x.slope);
    for (int k = 0; k < count; k++)
        found |= both[k + 1] & (uint8_t)~both[k];
    return found;
}

/* At most a block. */
static void scan_codes(scan *x, const signal_tagger_t *t, const int16_t *codes, int count)
{
    if (!has_edges(codes, count, *x)) {
        x->code = count > 1 ? codes[count - 2] : x->code;
        look(x, codes[count - 1]);
        x->i += count;
        return;
    }
    for (int k = 0; k < count; k++, x->i++) {
        int32_t before = x->code;
        int was_beyond = x->signal, was_both = x->both;
        look(x, codes[k]);
        if (x->both && !was_both)
            edge(x, t, before, was_beyond);
    }
}

/* Samples in which nothing is heard: from the second on nothing changes. */
static int scan_silence(signals *s, port *p, int64_t from, int count, scan *x, const signal_tagger_t *t, int *clipped)
{
    if (!x->rest_known) {
        int64_t first;
        int code = code_samples(s, p, from, 1, &x->rest, &first);
        if (code)
            return code;
        x->rest_known = 1;
        x->rest_clipped = first >= 0;
    }
    int16_t two[2] = {x->rest, x->rest};
    int some = count < 2 ? count : 2;
    scan_codes(x, t, two, some);
    x->i += count - some;
    *clipped |= x->rest_clipped;
    return SIGNAL_OK;
}

static int is_silent(signals *s, const port *p, int64_t from, int count)
{
    uint8_t lit[BLOCK];
    if (p->sigma != 0.0 || p->tail_count)
        return 0;
    for (int k = 0; k < p->heard_count; k++) {
        const heard *h = &p->heard[k];
        int sounds = h->offset < from + count && h->offset + h->record->length > from;
        if (sounds && record_peak(s, h->record) != 0.0) /* detectors are read with pulses of 0 V */
            return 0;
    }
    return !photons_lit(s, p, p->heard_start + from, count, lit);
}

static int scan_chunk(signals *s, port *p, int64_t start, int64_t length, scan *x, const signal_tagger_t *t, int *clipped)
{
    int16_t codes[BLOCK];
    int code = hear(s, p, start, length);
    for (int64_t from = 0; !code && from < length; from += BLOCK) {
        int count = length - from < BLOCK ? (int)(length - from) : BLOCK;
        int64_t first;
        if (is_silent(s, p, from, count)) {
            code = scan_silence(s, p, from, count, x, t, clipped);
            continue;
        }
        code = code_samples(s, p, from, count, codes, &first);
        if (code)
            return code;
        *clipped |= first >= 0;
        scan_codes(x, t, codes, count);
    }
    return code;
}

int signal_tags(signals *s, const signal_tagger_t *t, int64_t start, int64_t length, int32_t *tags, int64_t most,
                int64_t *count, signal_events_t *events)
{
    if (t->port < 0 || t->port >= s->port_count)
        return SIGNAL_BAD_ID;
    if (length < 0 || length > SIGNAL_SAMPLES_MAX)
        return SIGNAL_TOO_LONG;
    port *p = &s->ports[t->port];
    scan x = {.s = t->signal_above ? 1 : -1, .d = t->derivative_above ? 1 : -1, .i = -SIGNAL_TAGS_LEAD, .tags = tags, .most = most};
    x.level = x.s * t->signal_threshold;
    x.slope = x.d * t->derivative_threshold;
    int64_t first = start - SIGNAL_TAGS_LEAD, all = length + SIGNAL_TAGS_LEAD;
    int code = SIGNAL_OK, clipped = 0;
    for (int64_t from = 0; !code && from < all; from += CHUNK)
        code = scan_chunk(s, p, first + from, all - from < CHUNK ? all - from : CHUNK, &x, t, &clipped);
    events->input_saturated += clipped;
    *count = x.count;
    return code;
}
