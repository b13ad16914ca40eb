/* What comes from outside: IO registers, input streams, pauses, triggers (docs/arithmetic.md 15).
 *
 * All of it is numbered or carries an instant, and is known to every walker in the same order, so that a run with the
 * same entries from the start makes the same bits. A walker that waits for the outside holds nobody back: its bound is
 * NEVER. So whatever arrives gets an instant that nothing evaluated or forgotten lies behind (see machine_now). */
#include <stdlib.h>
#include <string.h>

#include "machine_inside.h"

#define IO_RUN_AHEAD 1024 /* accesses of one register that a walker is ahead of another that walks too */
#define CYCLE_NS 4

/* ---- life */

int outside_new(machine *m)
{
    outside *o = &m->outside;
    o->shown[0] = o->shown[1] = 0;
    o->inputs = calloc((size_t)(m->t.input_count ? m->t.input_count : 1), sizeof *o->inputs);
    if (!o->inputs)
        return MACHINE_NO_MEMORY;
    for (int64_t k = 0; k < m->t.code_count; k++) {
        const int32_t *c = m->t.code + 6 * k;
        if (c[0] == OP_ADVANCE) {
            o->inputs[c[1]].size = c[3];
            o->inputs[c[1]].strands |= m->t.masks[k];
        } else if (c[0] == OP_IO_READ || c[0] == OP_IO_WRITE) {
            o->io[c[3]].strands |= m->t.masks[k];
        }
    }
    for (int t = 0; t < 64; t++)
        o->last_edge[t] = -1;
    return 0;
}

void outside_free(machine *m)
{
    outside *o = &m->outside;
    for (int64_t k = 0; o->inputs && k < m->t.input_count; k++) {
        free(o->inputs[k].instants);
        free(o->inputs[k].raws);
    }
    free(o->inputs);
    free(o->io[0].entries);
    free(o->io[1].entries);
    free(o->edges);
}

/* Room for one more item; the array may move. */
static int grown(void *array, int64_t count, int64_t *capacity, size_t size)
{
    if (count < *capacity)
        return 0;
    int64_t more = *capacity ? 2 * *capacity : 16;
    char *items;
    memcpy(&items, array, sizeof items);
    items = realloc(items, (size_t)more * size);
    if (!items)
        return MACHINE_NO_MEMORY;
    memcpy(array, &items, sizeof items);
    *capacity = more;
    return 0;
}

/* ---- waiting */

/* Strands `mask` of a walker are to wait alone, and the others go on: != 0 where there are others. */
int forks_to_wait(walker *w, uint64_t mask)
{
    if (mask == w->strands)
        return 0;
    int saver_alone = mask == MACHINE_SAVER || (mask | MACHINE_SAVER) == w->strands;
    w->state = saver_alone ? FORKS_SAVER : FORKS_ALL;
    return 1;
}

/* The strands `mask` of a walker wait for the outside; others in it go on alone. Always 1: the walker is blocked. */
static int wait_outside(walker *w, uint64_t mask, enum waits waits, int64_t site)
{
    if (forks_to_wait(w, mask))
        return 1;
    w->state = AWAITS_OUTSIDE;
    w->waits = waits;
    w->site = site;
    return 1;
}

/* Something arrived: who waits looks again. What followed from their waiting is found anew. */
static void arrived(machine *m)
{
    for (int k = 0; k < m->walker_count; k++) {
        m->walkers[k]->rests = 0;
        if (m->walkers[k]->state == AWAITS_OUTSIDE)
            m->walkers[k]->state = RUNS;
    }
    for (int t = 0; t < 64; t++)
        if (m->floor[t] == NEVER)
            m->floor[t] = 0;
}

int64_t machine_now(const machine *m) { return m->end > m->forgotten ? m->end : m->forgotten; }

/* ---- IO registers */

/* How many accesses of the register the slowest other walker that walks now has passed. */
static int64_t slowest(const machine *m, const walker *but, int64_t number)
{
    int64_t least = NEVER;
    for (int k = 0; k < m->walker_count; k++) {
        const walker *w = m->walkers[k];
        if (w != but && w->strands & m->outside.io[number].strands && (w->state == RUNS || w->state == IS_AHEAD) &&
            w->io_passed[number] < least)
            least = w->io_passed[number];
    }
    return least;
}

/* One more access: what was set from outside for it is there now. != 0: the walker is far ahead of others, and waits for
 * them: a value can only be set where nobody has passed. */
static int access_io(machine *m, walker *w, int64_t number, int64_t slot)
{
    io_register *r = &m->outside.io[number];
    if (m->walker_count > 1 && w->io_passed[number] > IO_RUN_AHEAD) {
        int64_t least = slowest(m, w, number);
        if (least != NEVER && w->io_passed[number] - least > IO_RUN_AHEAD) {
            if (!w->forced) {
                w->state = IS_AHEAD;
                return 1;
            }
            w->forced = 0;
        }
    }
    int64_t place = w->io_passed[number]++;
    while (w->io_taken[number] < r->count && r->entries[w->io_taken[number]].place <= place) {
        int64_t entry = w->io_taken[number]++;
        w->memory[slot] = r->entries[entry].raw;
        if (w->stamps)
            w->stamps[slot] = 0;
        if (entry >= m->outside.shown[number]) {
            m->outside.shown[number] = entry + 1;
            r->latest = r->entries[entry].raw;
        }
    }
    return 0;
}

int do_io_read(machine *m, walker *w, const insn *i)
{
    if (access_io(m, w, i->c, i->b))
        return 1;
    w->memory[i->a] = w->memory[i->b];
    return 0;
}

int do_io_write(machine *m, walker *w, const insn *i)
{
    int32_t raw = w->memory[i->b];
    if (access_io(m, w, i->c, i->a))
        return 1;
    w->memory[i->a] = raw;
    if (i->mask & MACHINE_SAVER && w->io_taken[i->c] == m->outside.io[i->c].count)
        m->outside.io[i->c].latest = raw;
    return 0;
}

int machine_set_io(machine *m, int64_t number, int64_t place, int32_t raw)
{
    io_register *r = &m->outside.io[number];
    int code = grown(&r->entries, r->count, &r->capacity, sizeof *r->entries);
    if (code)
        return code;
    r->entries[r->count++] = (io_entry){place, raw};
    return 0;
}

void machine_show_io(machine *m, int64_t number)
{
    io_register *r = &m->outside.io[number];
    if (r->count)
        r->latest = r->entries[r->count - 1].raw;
    m->outside.shown[number] = r->count;
}

int64_t machine_io_place(const machine *m, int64_t number)
{
    int64_t most = 0;
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k]->io_passed[number] > most)
            most = m->walkers[k]->io_passed[number];
    return most;
}

int32_t machine_io(const machine *m, int64_t number) { return m->outside.io[number].latest; }

/* ---- input streams */

/* Items before this one were taken by all who take any. */
static int64_t taken_by_all(const machine *m, int64_t number)
{
    int64_t least = NEVER;
    for (int k = 0; k < m->walker_count; k++) {
        const walker *w = m->walkers[k];
        if (w->strands & m->outside.inputs[number].strands && w->state != ENDED && w->taken[number] < least)
            least = w->taken[number];
    }
    return least == NEVER ? m->outside.inputs[number].base : least;
}

int do_advance(machine *m, walker *w, const insn *i, int32_t at)
{
    const input *in = &m->outside.inputs[i->a];
    int64_t k = w->taken[i->a];
    if (k >= in->count)
        return wait_outside(w, i->mask, WAITS_INPUT, i->a);
    int64_t instant = in->instants[k - in->base];
    memcpy(w->memory + i->b, in->raws + (k - in->base) * in->size, (size_t)in->size * sizeof *in->raws);
    for (int64_t slot = i->b; slot < (int64_t)i->b + i->c; slot++) {
        if (slot < m->t.tracked_count) {
            w->until[slot] = 0;
            w->bound_to[slot] = -1;
        }
        if (w->stamps)
            w->stamps[slot] = instant;
    }
    clocks_to(m, i->mask, instant, i->d, at);
    w->taken[i->a]++;
    return 0;
}

/* Drops what all have taken once that is the greater part. */
static void drop_taken(machine *m, int64_t number)
{
    input *in = &m->outside.inputs[number];
    int64_t base = taken_by_all(m, number), gone = base - in->base, kept = in->count - base;
    if (gone <= kept)
        return;
    memmove(in->instants, in->instants + gone, (size_t)kept * sizeof *in->instants);
    memmove(in->raws, in->raws + gone * in->size, (size_t)(kept * in->size) * sizeof *in->raws);
    in->base = base;
}

int64_t machine_push_input(machine *m, int64_t number, int64_t instant_ns, const int32_t *raws)
{
    input *in = &m->outside.inputs[number];
    drop_taken(m, number);
    int64_t held = in->count - in->base, capacity = in->capacity;
    int code = grown(&in->instants, held, &capacity, sizeof *in->instants);
    if (!code && capacity != in->capacity) {
        int32_t *more = realloc(in->raws, (size_t)(capacity * in->size + 1) * sizeof *more);
        in->raws = more ? more : in->raws;
        code = more ? 0 : MACHINE_NO_MEMORY;
    }
    if (code)
        return code;
    in->capacity = capacity;
    in->instants[held] = instant_ns;
    memcpy(in->raws + held * in->size, raws, (size_t)in->size * sizeof *raws);
    arrived(m);
    return in->count++;
}

int64_t machine_input_waiting(const machine *m, int64_t number)
{
    return m->outside.inputs[number].count - taken_by_all(m, number);
}

/* ---- pauses */

int do_pause(machine *m, walker *w, const insn *i, int32_t at)
{
    if (m->outside.ignores_pauses) {
        event(m, EVENT_PAUSE_IGNORED, at);
        return 0;
    }
    if (w->pauses == m->outside.resumes)
        return wait_outside(w, i->mask, WAITS_RESUME, 0);
    w->pauses++;
    return 0;
}

int machine_paused(const machine *m)
{
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k]->state != AWAITS_OUTSIDE || m->walkers[k]->waits != WAITS_RESUME)
            return 0;
    return 1;
}

int64_t machine_resume(machine *m)
{
    arrived(m);
    return m->outside.resumes++;
}

void machine_ignore_pauses(machine *m) { m->outside.ignores_pauses = 1; }

/* ---- triggers */

/* The first edge that the thread of an element can take at `t` or later; NEVER: none is known. */
static int64_t next_edge(const machine *m, int64_t element, int thread, int64_t t)
{
    const outside *o = &m->outside;
    int64_t from = t > o->last_edge[thread] ? t : o->last_edge[thread] + 1, found = NEVER;
    if (m->t.trigger_period_ns > 0)
        found = (from + m->t.trigger_period_ns - 1) / m->t.trigger_period_ns * m->t.trigger_period_ns;
    int64_t low = 0, high = o->edge_count;
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (o->edges[middle].instant < from)
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < o->edge_count && o->edges[low].instant < found; low++)
        if (o->edges[low].controller < 0 || o->edges[low].controller == m->t.controllers[element])
            return o->edges[low].instant;
    return found;
}

int do_trigger(machine *m, walker *w, const insn *i)
{
    int thread = m->elements[i->a].thread;
    int64_t c = m->clock[thread], t = next_edge(m, i->a, thread, c);
    const int64_t *play = i->b < 0 ? NULL : row(m->t.plays, PLAY_COLUMNS, i->b);
    if (t == NEVER && i->mask != w->strands)
        return wait_outside(w, i->mask, WAITS_TRIGGER, i->a);
    if (play && !w->sounds && begin_sound(m, play, c))
        return 1;
    w->sounds = 1;
    if (t == NEVER)
        return wait_outside(w, i->mask, WAITS_TRIGGER, i->a);
    w->sounds = 0;
    if (play && end_sound(m, play, c, t))
        return 1;
    m->outside.last_edge[thread] = t;
    m->clock[thread] = t;
    m->loose |= 1ull << thread;
    if (t > m->end)
        m->end = t;
    return 0;
}

int64_t machine_trigger_instant(const machine *m)
{
    const outside *o = &m->outside;
    int64_t t = (machine_now(m) + CYCLE_NS - 1) / CYCLE_NS * CYCLE_NS;
    int64_t after = o->edge_count ? o->edges[o->edge_count - 1].instant + CYCLE_NS : 0;
    return t > after ? t : after;
}

int64_t machine_trigger(machine *m, int64_t controller, int64_t instant_ns)
{
    outside *o = &m->outside;
    int code = grown(&o->edges, o->edge_count, &o->edge_capacity, sizeof *o->edges);
    if (code)
        return code;
    o->edges[o->edge_count] = (edge){instant_ns, controller};
    arrived(m);
    return o->edge_count++;
}

int machine_waits(const machine *m, int64_t walker, int64_t *site)
{
    if (walker >= m->walker_count)
        return WAITS_NOTHING;
    if (m->walkers[walker]->state == AWAITS_EDGE) {
        *site = m->walkers[walker]->input;
        return WAITS_EDGE;
    }
    if (m->walkers[walker]->state != AWAITS_OUTSIDE)
        return WAITS_NOTHING;
    *site = m->walkers[walker]->site;
    return m->walkers[walker]->waits;
}
