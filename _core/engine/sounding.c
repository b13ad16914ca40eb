/* What an element plays while it waits for a trigger: a constant pulse, for as long as the wait lasts (docs/arithmetic.md
 * 15). */
#include "machine_inside.h"

/* The record of a constant pulse that sounds while its element waits, from `t` on. */
static int sounding(machine *m, const int64_t *play, int64_t t, signal_record_t *r)
{
    element *e = &m->elements[play[PLAY_ELEMENT]];
    *r = (signal_record_t){.kind = SIGNAL_PULSE, .start = t, .length = play[PLAY_LENGTH], .alpha_r = 1.0,
                           .element = (int32_t)play[PLAY_VOICE], .waveform = (int32_t)play[PLAY_WAVEFORM],
                           .thread = e->thread, .order = m->order[e->thread]};
    double re = 0.0, im = 0.0;
    int code = play[PLAY_WAVEFORM] < 0 ? 0 : signal_last_sample(m->signals, r, &re, &im);
    tune(e, t, r);
    r->alpha_r = re;
    r->alpha_i = im;
    r->kind = SIGNAL_HOLD;
    r->waveform = -1;
    return code;
}

static int log_sound(machine *m, const signal_record_t *r, const int64_t *play, int what)
{
    int64_t number = (play - m->t.plays) / PLAY_COLUMNS;
    if (m->log && r->start < m->stop && log_play(m->log, r, m->elements[play[PLAY_ELEMENT]].F, number, what))
        return m->error = MACHINE_LOG_FULL;
    return 0;
}

/* A sticky element: the value is added to what it holds, as if a pulse had ended at `t`. What it plays is a play without
 * a sound of its own in the log, of which the end is not yet known. */
static int add_to_hold(machine *m, const int64_t *play, int64_t t)
{
    element *e = &m->elements[play[PLAY_ELEMENT]];
    signal_record_t r = {.kind = SIGNAL_PULSE, .start = t - play[PLAY_LENGTH], .length = play[PLAY_LENGTH], .alpha_r = 1.0,
                         .element = (int32_t)play[PLAY_ELEMENT], .waveform = (int32_t)play[PLAY_WAVEFORM],
                         .thread = e->thread, .order = m->order[e->thread]};
    if (play[PLAY_WAVEFORM] >= 0 && hold_last(m, &r))
        return 1;
    if (sends_marker(m, play))
        start_marker(m, play, t, OPEN_MARKER);
    tune(e, t, &r);
    r.start = t;
    r.length = m->stop - t;
    r.waveform = -1;
    r.section_count = 0;
    if (!m->log)
        return 0;
    e->sound = m->log->plays.count;
    return log_sound(m, &r, play, LOGGED_PLAY);
}

static void leave_hold(machine *m, const int64_t *play, int64_t start, int64_t t)
{
    element *e = &m->elements[play[PLAY_ELEMENT]];
    if (sends_marker(m, play))
        end_marker(m, play, start, t);
    if (m->log)
        log_end_play(m->log, e->sound, t);
    if (e->sweeps)
        end_sweep(m, e, t);
}

int begin_sound(machine *m, const int64_t *play, int64_t t)
{
    element *e = &m->elements[play[PLAY_ELEMENT]];
    act(m, play[PLAY_ELEMENT]);
    if (e->due)
        reset_phase(m, e, t);
    if (t >= m->stop)
        return 0;
    signal_record_t r;
    int code = marker_room(m, play);
    if (code >= 0 && e->sticky)
        return add_to_hold(m, play, t);
    if (code >= 0)
        code = sounding(m, play, t, &r);
    if (code >= 0 && play[PLAY_WAVEFORM] >= 0)
        code = hold_begins(m, &r);
    if (code < 0)
        return m->error = code;
    if (sends_marker(m, play))
        start_marker(m, play, t, OPEN_MARKER);
    return log_sound(m, &r, play, LOGGED_HOLD_BEGIN);
}

int end_sound(machine *m, const int64_t *play, int64_t start, int64_t t)
{
    element *e = &m->elements[play[PLAY_ELEMENT]];
    if (start < m->stop && e->sticky) {
        leave_hold(m, play, start, t);
    } else if (start < m->stop) {
        signal_record_t r;
        int code = sounding(m, play, t, &r);
        if (code >= 0 && play[PLAY_WAVEFORM] >= 0)
            code = hold_ends(m, r.element, t);
        if (code < 0)
            return m->error = code;
        if (sends_marker(m, play))
            end_marker(m, play, start, t);
        if (log_sound(m, &r, play, LOGGED_HOLD_END))
            return 1;
    }
    e->sweeps = 0; /* it ends with the pulse, as with any other */
    m->order[e->thread]++;
    return 0;
}
