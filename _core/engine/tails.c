/* Outputs behind endless filters, or filters of two samples a ns, as inputs hear them: sample after sample
 * (docs/arithmetic.md 5). Times and counts are ns. */
#include "inside.h"

#include <stdlib.h>

enum { TAIL_BLOCK = 1024 };

#define TAIL_VOLTS_MAX 0x1p20 /* what a filter that grows without end makes beyond this counts as 0 */

int signals_add_tail(signals *s, int output_id)
{
    if (output_id < 0 || output_id >= s->output_count)
        return SIGNAL_BAD_ID;
    tail *l = one_more(&s->tails, &s->tail_count, sizeof *l);
    if (!l)
        return SIGNAL_NO_MEMORY;
    l->output = output_id;
    l->per_ns = s->outputs[output_id].per_ns;
    return s->tail_count++;
}

int signals_hear_tail(signals *s, int port_id, int tail_id, int32_t output, int64_t delay, double full_scale)
{
    if (port_id < 0 || port_id >= s->port_count || tail_id < 0 || tail_id >= s->tail_count || delay < 0)
        return SIGNAL_BAD_ID;
    port *p = &s->ports[port_id];
    heard_tail *added = one_more(&p->tails, &p->tail_count, sizeof *added);
    if (!added)
        return SIGNAL_NO_MEMORY;
    tail *l = &s->tails[tail_id];
    l->reach = p->delay + delay > l->reach ? p->delay + delay : l->reach;
    *added = (heard_tail){.tail = tail_id, .channel = port_channel(p, output), .output = output, .delay = delay,
                          .full_scale = full_scale};
    p->tail_count++;
    s->stamp++;
    return SIGNAL_OK;
}

/* Room for one more block behind the samples; those that no window can reach any more make it. */
static int room(signals *s, tail *l)
{
    if (l->count + TAIL_BLOCK <= l->slots)
        return SIGNAL_OK;
    int64_t old = s->forgotten - l->reach - l->start;
    old = old < 0 ? 0 : old < l->count ? old : l->count;
    size_t bytes_a_ns = (size_t)l->per_ns * sizeof *l->samples;
    if (old > 0 && 2 * old >= l->count) {
        memmove(l->samples, l->samples + l->per_ns * old, (size_t)(l->count - old) * bytes_a_ns);
        l->start += old;
        l->count -= old;
    }
    if (l->count + TAIL_BLOCK <= l->slots)
        return SIGNAL_OK;
    int64_t slots = l->slots ? 2 * l->slots : 8 * TAIL_BLOCK;
    uint64_t more = (uint64_t)(slots - l->slots) * bytes_a_ns;
    if (s->ring_bytes + more > SIGNAL_RING_BYTES_MAX)
        return SIGNAL_RING_FULL;
    double *samples = realloc(l->samples, (size_t)slots * bytes_a_ns);
    if (!samples)
        return SIGNAL_NO_MEMORY;
    s->ring_bytes += more;
    l->samples = samples;
    l->slots = slots;
    return SIGNAL_OK;
}

int64_t signal_tails_keep_ns(const signals *s)
{
    int64_t bytes_a_ns = 0;
    for (int i = 0; i < s->tail_count; i++)
        bytes_a_ns += s->tails[i].per_ns * (int64_t)sizeof *s->tails[i].samples;
    return bytes_a_ns ? SIGNAL_RING_BYTES_MAX / 4 / bytes_a_ns : INT64_MAX;
}

/* Appends `count` <= TAIL_BLOCK ns; a filter that stands where nothing sounds gives its level. */
static int append(signals *s, tail *l, int count, int silent, double level)
{
    output *o = &s->outputs[l->output];
    int code = room(s, l);
    if (code)
        return code;
    double *v = l->samples + l->per_ns * l->count;
    int samples = l->per_ns * count;
    if (silent) {
        for (int i = 0; i < samples; i++)
            v[i] = level;
        o->at += count;
    } else {
        code = output_goes_on(s, o, count, v);
    }
    for (int i = 0; !code && i < samples; i++)
        v[i] = fabs(v[i]) < TAIL_VOLTS_MAX ? v[i] : 0.0;
    l->count += code ? 0 : count;
    return code;
}

/* Leaves out what no window can reach any more of a silence that goes on until t. */
static void skip_silence(const signals *s, tail *l, int64_t t)
{
    int64_t kept = s->forgotten - l->reach, at = l->start + l->count;
    kept = kept < t ? kept : t;
    if (kept <= at)
        return;
    l->start = kept;
    l->count = 0;
    s->outputs[l->output].at = kept;
}

int tail_until(signals *s, int32_t id, int64_t t)
{
    tail *l = &s->tails[id];
    output *o = &s->outputs[l->output];
    int64_t silent_until = 0; /* where the filter stands: from here on something may sound */
    double level = 0.0;
    for (int64_t at; (at = l->start + l->count) < t;) {
        int64_t end = (at / TAIL_BLOCK + 1) * TAIL_BLOCK;
        int code = SIGNAL_OK;
        if (at % TAIL_BLOCK == 0 && silent_until <= at && output_stands(o, &level)) {
            code = output_silence(s, o, at, end < t ? end : t, &silent_until);
            if (!code && silent_until == end)
                code = output_silence(s, o, at, t, &silent_until);
            if (!code)
                skip_silence(s, l, silent_until);
        }
        at = l->start + l->count;
        end = (at / TAIL_BLOCK + 1) * TAIL_BLOCK;
        end = end < t ? end : t;
        if (!code && at < end)
            code = append(s, l, (int)(end - at), silent_until >= end, level);
        if (code)
            return code;
    }
    return SIGNAL_OK;
}

int tails_until(signals *s, const port *p, int64_t t)
{
    int code = SIGNAL_OK;
    for (int i = 0; !code && i < p->tail_count; i++)
        code = tail_until(s, p->tails[i].tail, t - p->delay - p->tails[i].delay);
    return code;
}

/* Adds to `per_ns` samples a ns: of a tail with two the first alone to one, of a tail with one the same to both. */
INLINE void add_each(const signals *s, const port *p, int channel, int64_t from, int count, int per_ns, double *v)
{
    for (int i = 0; i < p->tail_count; i++) {
        const heard_tail *h = &p->tails[i];
        if (channel >= 0 && h->channel != channel)
            continue;
        const tail *l = &s->tails[h->tail];
        int64_t t = p->heard_start + from - p->delay - h->delay - l->start;
        int second = l->per_ns - 1;
        for (int k = t < 0 ? (int)(-t < count ? -t : count) : 0; k < count; k++) {
            const double *x = l->samples + l->per_ns * (t + k);
            v[per_ns * k] += x[0];
            if (per_ns == 2)
                v[2 * k + 1] += x[second];
        }
    }
}

void tails_add(const signals *s, const port *p, int channel, int64_t from, int count, double *v)
{
    add_each(s, p, channel, from, count, 1, v);
}

void tails_add_halves(const signals *s, const port *p, int channel, int64_t from, int count, double *v)
{
    add_each(s, p, channel, from, count, 2, v);
}
