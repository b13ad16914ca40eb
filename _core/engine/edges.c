/* Waits for an edge at a digital input (docs/arithmetic.md 15): known is what no thread that it hears can change any more. */
#include <stddef.h>

#include "machine_inside.h"

#define CYCLE_NS 4
#define LOOK_NS (1ll << 20) /* of light are looked at in one step */

/* Threads other than `own` change nothing at the input before this. */
static int64_t known_until(const machine *m, int64_t input, int own)
{
    int64_t least = NEVER;
    for (int k = 0, element; (element = digital_source(m->digital, (int)input, k)) >= 0; k++) {
        int thread = m->elements[element].thread;
        int64_t bound = bound_of(m, thread);
        if (thread != own && bound != NEVER && bound + digital_delay(m->digital, (int)input) < least)
            least = bound + digital_delay(m->digital, (int)input);
    }
    return least < m->stop ? least : m->stop;
}

/* The first instant at which who waited for an edge at `t` goes on. */
static int64_t behind(int64_t t) { return (t / CYCLE_NS + 1) * CYCLE_NS; }

int edge_may_be_known(const machine *m, const walker *w)
{
    return !w->rests && w->looked < known_until(m, w->input, w->thread);
}

/* An edge before `least` follows from what was played so far; who makes a later one has to go on first. */
int64_t edge_floor(const machine *m, const walker *w, const int64_t *bound)
{
    int64_t least = NEVER, edge = NEVER;
    if (w->looked >= m->stop)
        return NEVER;
    for (int k = 0, element; (element = digital_source(m->digital, (int)w->input, k)) >= 0; k++) {
        int thread = m->elements[element].thread;
        if (thread != w->thread && bound[thread] != NEVER && bound[thread] + digital_delay(m->digital, (int)w->input) < least)
            least = bound[thread] + digital_delay(m->digital, (int)w->input);
    }
    if (least <= w->looked || digital_is_lit(m->digital, (int)w->input) ||
        digital_edge(m->digital, (int)w->input, w->looked, least, &edge))
        return behind(w->looked);
    if (edge != NEVER)
        return behind(edge);
    return least == NEVER ? NEVER : behind(least);
}

/* The tag of a wait for whoever needs it. != 0: there is no room, or the job has failed. */
static int tag(machine *m, int64_t process, int64_t ns, int64_t end)
{
    if (process >= 0)
        settle_count(m, process, (int32_t)(uint32_t)(uint64_t)ns, end);
    return m->error != 0;
}

/* The wait is over: the edge came at t. */
static int go_on(machine *m, walker *w, const insn *i, const int64_t *play, int64_t t)
{
    int thread = m->elements[i->a].thread;
    int64_t c = m->clock[thread], end = behind(t);
    w->looks = w->rests = 0;
    if (play && end_sound(m, play, c, end))
        return 1;
    m->outside.last_edge[thread] = t;
    m->clock[thread] = end;
    m->loose |= 1ull << thread;
    if (end > m->end)
        m->end = end;
    return tag(m, i->d, t - c, end);
}

int do_edge(machine *m, walker *w, const insn *i)
{
    int thread = m->elements[i->a].thread;
    int64_t c = m->clock[thread], last = m->outside.last_edge[thread];
    const int64_t *play = i->c < 0 ? NULL : row(m->t.plays, PLAY_COLUMNS, i->c);
    if (i->d >= 0 && value_room(m, w, i->d, 1))
        return 1;
    if (!w->looks) { /* its own marker may make the edge */
        if (play && begin_sound(m, play, c))
            return 1;
        w->looks = 1;
        w->input = i->b;
        w->looked = c > last ? c : last + 1;
    }
    int64_t until = known_until(m, i->b, thread), t = NEVER;
    if (digital_is_lit(m->digital, i->b) && until - w->looked > LOOK_NS)
        until = w->looked + LOOK_NS;
    int64_t looked = w->looked;
    if (until > w->looked) {
        if (digital_edge(m->digital, i->b, w->looked, until, &t))
            return m->error = MACHINE_NO_MEMORY;
        w->looked = until;
    }
    if (t != NEVER)
        return go_on(m, w, i, play, t);
    if (until == NEVER) { /* what arrives from outside may still make one, but none before now */
        w->rests = 1;
        w->looked = looked > machine_now(m) ? looked : machine_now(m);
    }
    if ((w->rests || known_until(m, i->b, thread) <= w->looked) && !forks_to_wait(w, i->mask))
        w->state = AWAITS_EDGE;
    return 1;
}
