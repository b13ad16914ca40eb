/* Sticky elements hold what their plays end with (docs/arithmetic.md 13). */
#include <math.h>

#include "machine_inside.h"

void forget(machine *m); /* acquire.c */

static int number_of(const machine *m, const element *e) { return (int)(e - m->elements); }

/* A record of the held level from `t` on. */
static signal_record_t held(const machine *m, const element *e, int64_t t)
{
    signal_record_t r = {.start = t, .alpha_r = e->held_r, .alpha_i = e->held_i, .element = number_of(m, e),
                         .waveform = -1, .thread = e->thread, .order = e->held_order};
    tune(e, t, &r);
    return r;
}

static int log_held(machine *m, const element *e, const signal_record_t *r, int what)
{
    if (!m->log || r->start >= m->stop || !log_play(m->log, r, e->F, -1, what))
        return 0;
    return m->error = MACHINE_LOG_FULL;
}

int hold_begins(machine *m, const signal_record_t *r)
{
    int code = 0;
    if (m->t.heard[r->element]) {
        code = signal_hold_begin(m->signals, r);
        if (code == SIGNAL_RING_FULL) {
            forget(m);
            code = signal_hold_begin(m->signals, r);
        }
    }
    return code >= 0 && m->watch ? watch_hold_begin(m->watch, r) : code;
}

int hold_ends(machine *m, int64_t number, int64_t t)
{
    int code = m->t.heard[number] ? signal_hold_end(m->signals, (int)number, t) : 0;
    return code >= 0 && m->watch ? watch_hold_end(m->watch, (int)number, t) : code;
}

static int end_hold(machine *m, element *e, int64_t t)
{
    if (!e->holds)
        return 0;
    e->holds = 0;
    signal_record_t r = held(m, e, t);
    int code = hold_ends(m, number_of(m, e), t);
    return code < 0 ? m->error = code : log_held(m, e, &r, LOGGED_HOLD_END);
}

static int open_hold(machine *m, element *e, signal_record_t *r)
{
    r->kind = SIGNAL_HOLD;
    e->holds = 1;
    int code = hold_begins(m, r);
    return code < 0 ? m->error = code : log_held(m, e, r, LOGGED_HOLD_BEGIN);
}

static int begin_hold(machine *m, element *e, int64_t t)
{
    if ((e->held_r == 0.0 && e->held_i == 0.0) || t >= m->stop)
        return 0;
    signal_record_t r = held(m, e, t);
    return open_hold(m, e, &r);
}

static double rounded(double v) { return floor(v * 0x1p16 + 0.5) * 0x1p-16; }

/* The play of a sticky element was recorded: what it holds from its end on. != 0: the job has failed. */
int hold_last(machine *m, const signal_record_t *r)
{
    element *e = &m->elements[r->element];
    double re, im;
    int code = signal_last_sample(m->signals, r, &re, &im);
    if (code < 0)
        return m->error = code;
    int64_t end = r->start + r->length;
    if (end_hold(m, e, end))
        return 1;
    e->held_r += rounded((r->alpha_r * re - r->alpha_i * im) + (r->beta_r * re + r->beta_i * im));
    e->held_i += rounded((r->alpha_r * im + r->alpha_i * re) + (r->beta_i * re - r->beta_r * im));
    e->held_order = r->order;
    return begin_hold(m, e, end);
}

/* The element's phase changed at `t`: the hold goes on with the new one. */
void hold_again(machine *m, element *e, int64_t t)
{
    if (!end_hold(m, e, t))
        begin_hold(m, e, t);
}

/* A pulse with a chirp begins: what is held sweeps along with it, until it ends. != 0: the job has failed. */
int hold_along(machine *m, element *e, const signal_record_t *r)
{
    if (end_hold(m, e, r->start))
        return 1;
    if (r->start >= m->stop)
        return 0;
    signal_record_t h = held(m, e, r->start);
    h.sections = r->sections;
    h.section_count = r->section_count;
    return open_hold(m, e, &h);
}

/* Ramps what is held down to 0, from `t` on in `ns`. */
static void bring_down(machine *m, element *e, int64_t t, int64_t ns)
{
    if (end_hold(m, e, t) || (e->held_r == 0.0 && e->held_i == 0.0))
        return;
    e->held_order = m->order[e->thread]++;
    signal_record_t r = held(m, e, t);
    r.kind = SIGNAL_RAMP_TO_ZERO;
    r.length = ns;
    e->held_r = e->held_i = 0.0;
    if (t >= m->stop)
        return;
    int code = m->t.heard[r.element] ? signal_record(m->signals, &r) : 0;
    if (code == SIGNAL_RING_FULL) {
        forget(m);
        code = signal_record(m->signals, &r);
    }
    if (code >= 0 && m->watch)
        code = watch_record(m->watch, &r);
    if (code < 0)
        m->error = code;
    else
        log_held(m, e, &r, LOGGED_PLAY);
}

/* Digital levels are held until here, whatever is held of analog ones. */
static void let_go(machine *m, const element *e, int64_t t)
{
    if (m->digital && t < m->stop)
        digital_low(m->digital, number_of(m, e), t);
    if (m->log && t < m->stop && log_ramp(m->log, t, number_of(m, e)))
        m->error = MACHINE_LOG_FULL;
}

void do_ramp_to_zero(machine *m, const insn *i)
{
    element *e = &m->elements[i->a];
    int64_t t = m->clock[e->thread], ns = i->b > 0 ? 4 * (int64_t)i->b : e->sticky;
    act(m, i->a);
    let_go(m, e, t);
    bring_down(m, e, t, ns);
    m->clock[e->thread] = t + ns;
    if (m->clock[e->thread] > m->end)
        m->end = m->clock[e->thread];
}

/* The job ends for these strands: all that their elements hold goes down, at the clocks as they are. */
void end_sticky(machine *m, uint64_t strands)
{
    for (int64_t k = 0; k < m->t.element_count; k++) {
        element *e = &m->elements[k];
        if (!e->sticky || !(strands >> e->thread & 1))
            continue;
        int64_t t = m->clock[e->thread];
        let_go(m, e, t);
        if (e->held_r == 0.0 && e->held_i == 0.0)
            continue;
        bring_down(m, e, t, e->sticky);
        if (t + e->sticky > m->end)
            m->end = t + e->sticky;
    }
}
