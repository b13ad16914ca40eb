/* The floors of threads: how far they are at least when they go on, as far as that follows from each other. */
#include "machine_inside.h"

/* Who measures the value that a walker waits for. */
static int measuring(const machine *m, const walker *w)
{
    int64_t measure = m->t.processes[PROCESS_COLUMNS * w->process + PROCESS_MEASURE];
    int64_t play = m->t.measures[MEASURE_COLUMNS * measure + MEASURE_PLAY];
    return m->elements[m->t.plays[PLAY_COLUMNS * play + PLAY_ELEMENT]].thread;
}

static int holds_nobody(const walker *w) { return w->state == ENDED || w->state == AWAITS_OUTSIDE; }

/* The least time at which a blocked walker of one thread can go on, where threads are at `bound` at least. */
static int64_t blocked_until(const machine *m, const walker *w, const int64_t *bound)
{
    if (holds_nobody(w))
        return NEVER;
    if (w->state == AWAITS_EDGE)
        return edge_floor(m, w, bound);
    if (w->state == AWAITS) {
        const channel *c = &m->channels[w->process];
        if (w->occurrence < c->started)
            return c->ends[w->occurrence & (c->capacity - 1)];
        return bound[measuring(m, w)];
    }
    int64_t latest = 0;
    if (w->state == ALIGNS)
        for (uint64_t rest = m->t.align_masks[w->site]; rest; rest &= rest - 1) {
            int other = __builtin_ctzll(rest), is_there = m->arrived[w->site] >> other & 1;
            int64_t t = is_there ? bound_of(m, other) : bound[other];
            latest = t > latest ? t : latest;
        }
    return latest;
}

static int waits_for_others(const walker *w)
{
    return w->thread >= 0 && (w->state == AWAITS || w->state == ALIGNS || w->state == AWAITS_EDGE);
}

/* From above: who waits for an edge goes on only if something that goes on makes one, so two who wait for each other never
 * do. Each pass lowers what one more step of waiting explains. */
static void lower_bounds(const machine *m, int64_t *bound)
{
    for (int k = 0; k < m->walker_count; k++)
        if (waits_for_others(m->walkers[k]))
            bound[m->walkers[k]->thread] = NEVER;
    for (int again = 1; again;) {
        again = 0;
        for (int k = 0; k < m->walker_count; k++) {
            const walker *w = m->walkers[k];
            if (!waits_for_others(w))
                continue;
            int64_t until = blocked_until(m, w, bound), own = bound_of(m, w->thread);
            until = until > own ? until : own;
            again |= until < bound[w->thread];
            bound[w->thread] = until;
        }
    }
}

/* From below: nobody waits for an edge, so nobody's wait explains itself. */
static void raise_bounds(const machine *m, int64_t *bound)
{
    for (int again = 1, pass = 0; again && pass <= m->walker_count; pass++) {
        again = 0;
        for (int k = 0; k < m->walker_count; k++) {
            const walker *w = m->walkers[k];
            int64_t until = w->thread < 0 ? 0 : blocked_until(m, w, bound);
            if (w->thread >= 0 && until > bound[w->thread]) {
                bound[w->thread] = until;
                again = 1;
            }
        }
    }
}

void raise_floors(machine *m)
{
    int64_t bound[MACHINE_THREADS_MAX];
    int edges = 0;
    for (int t = 0; t < m->t.thread_count; t++)
        bound[t] = bound_of(m, t);
    for (int k = 0; k < m->walker_count; k++) {
        const walker *w = m->walkers[k];
        edges |= w->state == AWAITS_EDGE;
        for (uint64_t rest = w->strands & ~MACHINE_SAVER; rest && holds_nobody(w); rest &= rest - 1)
            bound[__builtin_ctzll(rest)] = NEVER;
    }
    (edges ? lower_bounds : raise_bounds)(m, bound);
    for (int t = 0; t < m->t.thread_count; t++)
        if (bound[t] > m->floor[t])
            m->floor[t] = bound[t];
}
