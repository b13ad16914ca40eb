/* Phase and frequency of an element: what sets them, and sweeps that go on behind their pulses (docs/arithmetic.md 3, 13). */
#include "machine_inside.h"
#include "phase.h"

#define HZ_IN_NS 1000000000ll
#define FREQUENCY_MAX_HZ 500000000 /* of either sign, at one sample a ns; at two twice as much */

/* Floor of raw * 2^64 / (10^9 * 10^power) + 1/2. */
static __int128 whole_increment(int32_t raw, int power)
{
    __int128 divisor = HZ_IN_NS;
    for (int k = 0; k < power; k++)
        divisor *= 10;
    __int128 dividend = (((__int128)raw) * ((__int128)1 << 65)) + divisor;
    divisor *= 2;
    __int128 quotient = dividend / divisor;
    if (dividend % divisor < 0)
        quotient--;
    return quotient;
}

uint64_t increment(int32_t raw, int power) { return (uint64_t)whole_increment(raw, power); }

static uint64_t own_phase(const element *e, int64_t t) { return e->inc * (uint64_t)t + e->R + e->Q + e->F; }

/* What the sweep adds to the element's own phase and frequency at t. */
static void swept(const element *e, int64_t t, uint64_t *phase, uint64_t *inc)
{
    uint64_t n = (uint64_t)(t - e->swept_from);
    *phase = e->swept_phase + e->swept_inc * n + e->swept.rate * phase_triangle(n);
    *inc = e->swept_inc + e->swept.rate * n;
}

void tune(const element *e, int64_t t, signal_record_t *r)
{
    r->inc = e->inc;
    r->fold = e->fold;
    r->phase = own_phase(e, t);
    if (!e->sweeps)
        return;
    uint64_t phase, inc;
    swept(e, t, &phase, &inc);
    r->inc += inc;
    r->phase += phase;
    r->sections = &e->swept;
    r->section_count = 1;
}

void leave_sweep(element *e, const signal_record_t *r, int continues)
{
    e->sweeps = continues && r->section_count;
    if (!e->sweeps)
        return;
    uint64_t chi = 0, inc = r->inc;
    for (int32_t k = 0; k < r->section_count; k++) {
        const signal_section_t *now = &r->sections[k];
        uint64_t n = (uint64_t)((k + 1 < r->section_count ? now[1].start : r->length) - now->start);
        chi += inc * n + now->rate * phase_triangle(n);
        inc += now->rate * n;
    }
    e->swept_from = r->start + r->length;
    e->swept_phase = r->phase + chi - own_phase(e, e->swept_from);
    e->swept_inc = inc - e->inc;
    e->swept = (signal_section_t){0, r->sections[r->section_count - 1].rate};
}

void end_sweep(machine *m, element *e, int64_t t)
{
    e->sweeps = 0;
    if (e->holds)
        hold_again(m, e, t);
}

/* The phase without the frame is 0 at t; a sweep goes on from there with the frequency that it has. */
void reset_phase(machine *m, element *e, int64_t t)
{
    if (m->log && t < m->stop && log_reset(m->log, t, e - m->elements))
        m->error = MACHINE_LOG_FULL;
    e->R = 0 - e->inc * (uint64_t)t;
    e->Q = 0;
    e->due = 0;
    if (e->sweeps) {
        swept(e, t, &e->swept_phase, &e->swept_inc);
        e->swept_phase = 0;
        e->swept_from = t;
    }
    if (e->holds)
        hold_again(m, e, t);
}

void do_reset_now(machine *m, const insn *i)
{
    element *e = &m->elements[i->a];
    act(m, i->a);
    int due = e->due;
    reset_phase(m, e, m->clock[e->thread]);
    e->due = due; /* that of reset_if_phase comes all the same */
}

void change_frequency(machine *m, element *e, int64_t t, uint64_t inc, int fold, int keep_phase)
{
    uint64_t phase = 0, ignored;
    if (e->sweeps)
        swept(e, t, &phase, &ignored);
    e->Q = keep_phase ? e->Q + (e->inc - inc) * (uint64_t)t + phase : 0;
    e->inc = inc;
    e->fold = e->halves ? fold : 0;
    end_sweep(m, e, t);
}

void do_frequency(machine *m, const walker *w, const insn *i, int32_t at)
{
    element *e = &m->elements[i->a];
    int64_t raw = w->memory[i->b], most = (int64_t)FREQUENCY_MAX_HZ << (e->halves != 0);
    __int128 whole = whole_increment(w->memory[i->b], i->c);
    int fold = (int)((whole + ((__int128)1 << 63)) >> 64) & 1;
    act(m, i->a);
    if (!i->c && (raw < -most || raw > most)) /* an int of mHz or less cannot be beyond */
        event(m, EVENT_FREQUENCY_RANGE, at);
    change_frequency(m, e, m->clock[e->thread], (uint64_t)whole, fold, i->d);
}

void do_rotate(machine *m, const walker *w, const insn *i)
{
    element *e = &m->elements[i->a];
    act(m, i->a);
    e->F += (uint64_t)(((int64_t)w->memory[i->b] + (1 << 11)) >> 12) << 48;
    if (e->holds)
        hold_again(m, e, m->clock[e->thread]);
}

void do_reset_frame(machine *m, const insn *i)
{
    element *e = &m->elements[i->a];
    act(m, i->a);
    e->F = 0;
    if (e->holds)
        hold_again(m, e, m->clock[e->thread]);
}
