/* Plays, measures, heard values, corrections, offsets: the statements that know of signals. */
#include <string.h>

#include "machine_inside.h"

void forget(machine *m); /* acquire.c */

#define RECORDS_FORGET_EVERY 1024

/* A fixed rounded to 2^-16 and kept in low … high of such steps; the event `code` where it had to be. */
static double in_steps(machine *m, int32_t raw, int64_t low, int64_t high, int code, int32_t at)
{
    int64_t steps = ((int64_t)raw + (1 << 11)) >> 12;
    if (steps < low || steps > high) {
        event(m, code, at);
        steps = steps < 0 ? low : high;
    }
    return (double)steps * 0x1p-16;
}

static double amplitude(machine *m, int32_t raw, int32_t at)
{
    return in_steps(m, raw, -(1 << 17), (1 << 17) - 1, EVENT_AMPLITUDE_RANGE, at);
}

void change_correction(machine *m, int64_t number, int64_t t, const double c[4])
{
    element *e = &m->elements[number];
    signal_correction(m->signals, (int)number, c);
    if (m->watch) {
        int code = watch_correction(m->watch, (int)number, c);
        m->error = code < 0 ? code : m->error;
    }
    if (m->log && log_correction(m->log, number, c))
        m->error = MACHINE_LOG_FULL;
    memcpy(e->correction, c, sizeof e->correction);
    e->corrected = 1;
    if (e->holds)
        hold_again(m, e, t);
}

void do_correction(machine *m, const walker *w, const insn *i, int32_t at)
{
    const int32_t slots[] = {i->b, i->c, i->d, i->e};
    double c[4];
    act(m, i->a);
    for (int k = 0; k < 4; k++)
        c[k] = in_steps(m, w->memory[slots[k]], -(1 << 17), (1 << 17) - 1, EVENT_CORRECTION_RANGE, at);
    change_correction(m, i->a, m->clock[m->elements[i->a].thread], c);
}

/* Who watches the port hears of it. */
static int watch_change(machine *m, int64_t place, int64_t t, int32_t thread, double volts)
{
    int code = m->watch && t < m->stop ? watch_offset(m->watch, place, t, thread, volts) : 0;
    if (code < 0)
        return code;
    return m->watch && watch_is_due(m->watch) && advance_watch(m) ? m->error : 0;
}

/* A log hears of it, and the inputs that are wired to the port. */
void change_offset(machine *m, int64_t row, int64_t which, int64_t t, double volts)
{
    int64_t place = m->t.level_columns * row + which, level = m->t.levels[place];
    m->offsets_now[place] = (offset_now){volts, ++m->offset_changes};
    int code = level < 0 ? 0 : signal_level(m->signals, (int)level, t, m->elements[row].thread, volts);
    if (code >= 0)
        code = watch_change(m, place, t, m->elements[row].thread, volts);
    if (code < 0)
        m->error = code;
    else if (m->log && t < m->stop && log_offset(m->log, t, (int32_t)row, (int32_t)which, volts))
        m->error = MACHINE_LOG_FULL;
}

void do_offset(machine *m, const walker *w, const insn *i, int32_t at)
{
    double volts = in_steps(m, w->memory[i->c], -(int64_t)i->d, i->e, EVENT_OFFSET_RANGE, at);
    act(m, row(m->t.elements, ELEMENT_COLUMNS, i->a)[ELEMENT_OWNER]);
    change_offset(m, i->a, i->b, m->clock[m->elements[i->a].thread], volts);
}

static void set_amplitude(machine *m, const walker *w, const int64_t *play, int32_t at, signal_record_t *r)
{
    r->alpha_r = 1;
    r->alpha_i = r->beta_r = r->beta_i = 0;
    if (play[PLAY_AMPLITUDES] == 1) {
        r->alpha_r = amplitude(m, w->memory[play[PLAY_AMPLITUDE_0]], at);
    } else if (play[PLAY_AMPLITUDES] == 4) {
        double a[4];
        for (int k = 0; k < 4; k++)
            a[k] = amplitude(m, w->memory[play[PLAY_AMPLITUDE_0 + k]], at);
        r->alpha_r = (a[0] + a[3]) / 2;
        r->alpha_i = (a[2] - a[1]) / 2;
        r->beta_r = (a[0] - a[3]) / 2;
        r->beta_i = (a[2] + a[1]) / 2;
    }
}

static int64_t play_length(machine *m, const walker *w, const int64_t *play, int32_t at)
{
    if (play[PLAY_DURATION] < 0)
        return play[PLAY_LENGTH];
    int64_t cycles = w->memory[play[PLAY_DURATION]];
    if (cycles < 4) {
        event(m, EVENT_SHORT_DURATION, at);
        cycles = 4;
    }
    if (play[PLAY_SAMPLES] > 4 * cycles)
        event(m, EVENT_SHORTENED_WAVEFORM, at);
    return 4 * cycles;
}

/* A walker that cannot go on for want of room: forked ones wait, the others fork. */
static int ahead(machine *m, walker *w)
{
    w->state = w->strands & (w->strands - 1) ? FORKS_ALL : IS_AHEAD;
    (void)m;
    return 1;
}

static int fail(machine *m, int code)
{
    m->error = code;
    return 1;
}

/* Logs a play whose record was taken. != 0: the log is full, and the job has failed. */
static int log_pulse(machine *m, const signal_record_t *r, const int64_t *play, int what)
{
    if (!m->log || r->start >= m->stop)
        return 0;
    int64_t number = (play - m->t.plays) / PLAY_COLUMNS;
    return log_play(m->log, r, m->elements[play[PLAY_ELEMENT]].F, number, what) ? fail(m, MACHINE_LOG_FULL) : 0;
}

static int log_acquisition(machine *m, const pending *p, int64_t measure, int64_t window)
{
    if (!m->log || p->start >= m->stop)
        return 0;
    return log_window(m->log, p->start, p->end, measure, window) ? fail(m, MACHINE_LOG_FULL) : 0;
}

/* Starts the pulse of a play or measure: r is filled, the clock moved on. What starts where the run stops is not heard. */
static int start_pulse(machine *m, walker *w, const int64_t *play, int32_t at, signal_record_t *r, int what)
{
    int64_t number = play[PLAY_ELEMENT];
    element *e = &m->elements[number];
    int64_t t = m->clock[e->thread];
    int played = play[PLAY_CONDITION] < 0 || w->memory[play[PLAY_CONDITION]];
    if (!e->begun)
        act(m, number);
    e->begun = 1;
    if (e->due)
        reset_phase(m, e, t);
    if (e->sweeps && what == LOGGED_MEASURE)
        end_sweep(m, e, t); /* it demodulates with one frequency */
    *r = (signal_record_t){.kind = SIGNAL_PULSE};
    r->start = t;
    r->length = play_length(m, w, play, at);
    tune(e, t, r);
    r->element = (int32_t)play[PLAY_VOICE];
    r->waveform = (int32_t)play[PLAY_WAVEFORM] + (play[PLAY_CHOICE] < 0 ? 0 : w->memory[play[PLAY_CHOICE]]);
    r->thread = e->thread;
    r->order = m->order[e->thread];
    set_amplitude(m, w, play, at, r);
    int sounds = r->waveform >= 0;
    if (play[PLAY_SHAPED]) {
        shape_record(m, w, play, at, r);
        sounds = played && (sounds || (r->kind == SIGNAL_RAMP && row(m->t.elements, ELEMENT_COLUMNS, number)[ELEMENT_KIND]));
    }
    int marks = played && t < m->stop && sends_marker(m, play);
    if (marks) {
        int code = marker_room(m, play);
        if (code == MACHINE_MARKERS_FULL && !w->forced)
            return ahead(m, w);
        if (code)
            return fail(m, code);
    }
    if (e->holds && played && play[PLAY_CHIRP] >= 0 && hold_along(m, e, r))
        return 1;
    if (sounds && m->t.heard[r->element] && t < m->stop) {
        if (++m->since_forget >= RECORDS_FORGET_EVERY)
            forget(m);
        int code = signal_record(m->signals, r);
        if (code == SIGNAL_RING_FULL) {
            forget(m);
            code = signal_record(m->signals, r);
        }
        if (code == SIGNAL_RING_FULL && !w->forced)
            return ahead(m, w);
        if (code < 0)
            return fail(m, code);
    }
    if (sounds && m->watch && t < m->stop) {
        int code = watch_record(m->watch, r);
        if (code < 0)
            return fail(m, code);
        if (watch_is_due(m->watch) && advance_watch(m))
            return 1;
    }
    if (marks) {
        start_marker(m, play, t, r->length);
        if (++m->since_forget >= RECORDS_FORGET_EVERY)
            forget(m);
    }
    if (played && log_pulse(m, r, play, what))
        return 1;
    int turned = played && r->section_count;
    if (turned)
        leave_sweep(e, r, play[PLAY_CONTINUES] > 0);
    if (sounds && e->sticky && hold_last(m, r))
        return 1;
    if (turned && e->holds && !sounds)
        hold_again(m, e, t + r->length);
    e->begun = 0;
    m->order[e->thread]++;
    m->clock[e->thread] = t + r->length;
    if (m->clock[e->thread] > m->end)
        m->end = m->clock[e->thread];
    return 0;
}

int do_play(machine *m, walker *w, const insn *i, int32_t at)
{
    signal_record_t r;
    if (start_pulse(m, w, row(m->t.plays, PLAY_COLUMNS, i->a), at, &r, LOGGED_PLAY))
        return 1;
    w->forced = 0;
    return 0;
}

/* Room for what a measure will make; != 0 when the walker has to wait or the job has failed. */
static int measure_room(machine *m, walker *w, const int64_t *measure)
{
    if (m->pending_count >= RUN_AHEAD_PENDING) {
        if (m->pending_count >= RUN_AHEAD_PENDING_MAX)
            return fail(m, MACHINE_RUN_AHEAD_PENDING);
        if (!w->forced && !try_all(m))
            return m->error ? 1 : ahead(m, w);
    }
    return value_room(m, w, measure[MEASURE_FIRST_PROCESS], measure[MEASURE_PROCESSES]);
}

int value_room(machine *m, walker *w, int64_t first, int64_t count)
{
    for (int64_t process = first; process < first + count; process++) {
        const channel *c = &m->channels[process];
        if (c->started - c->base < c->capacity || !m->t.hearers[process])
            continue;
        int code = channel_room(m, process, !w->forced);
        if (code > 0)
            return ahead(m, w);
        if (code < 0)
            return fail(m, code);
    }
    return 0;
}

static void start_channels(machine *m, int64_t first, int64_t count, int64_t end)
{
    for (int64_t p = first; p < first + count; p++) {
        channel *c = &m->channels[p];
        if (m->t.hearers[p])
            c->ends[c->started & (c->capacity - 1)] = end;
        c->started++;
    }
}

/* Evaluates what is complete in the queues of a measure's windows. */
static void try_windows(machine *m, const int64_t *measure)
{
    const int64_t *queues = m->t.window_queue + measure[MEASURE_FIRST_WINDOW];
    for (int64_t k = 0; k < measure[MEASURE_WINDOWS]; k++)
        if (k == 0 || queues[k] != queues[k - 1])
            try_queue(m, queues[k]);
}

int do_measure(machine *m, walker *w, const insn *i, int32_t at)
{
    const int64_t *measure = row(m->t.measures, MEASURE_COLUMNS, i->a);
    const int64_t *play = row(m->t.plays, PLAY_COLUMNS, measure[MEASURE_PLAY]);
    const int64_t *e = row(m->t.elements, ELEMENT_COLUMNS, play[PLAY_ELEMENT]);
    if (measure_room(m, w, measure))
        return 1;
    signal_record_t r;
    if (start_pulse(m, w, play, at, &r, LOGGED_MEASURE))
        return 1;
    w->forced = 0;
    int64_t flight = e[ELEMENT_TIME_OF_FLIGHT];
    pending p = {.order = r.order, .inc = r.inc, .thread = r.thread, .element = r.element};
    for (int64_t k = 0; k < measure[MEASURE_WINDOWS]; k++) {
        p.window = (int32_t)(measure[MEASURE_FIRST_WINDOW] + k);
        const int64_t *window = row(m->t.windows, WINDOW_COLUMNS, p.window);
        p.start = r.start + flight + window[WINDOW_OFFSET];
        p.phase = r.phase + r.inc * (uint64_t)(flight + window[WINDOW_OFFSET]);
        p.end = p.start + window[WINDOW_LENGTH];
        start_channels(m, window[WINDOW_FIRST], window[WINDOW_COUNT], p.end);
        if (log_acquisition(m, &p, i->a, p.window))
            return 1;
        int64_t kind = m->t.processes[PROCESS_COLUMNS * window[WINDOW_FIRST] + PROCESS_KIND];
        if (writes_block(kind))
            p.start -= kind == PROCESS_TAGGING ? SIGNAL_TAGS_LEAD : DIGITAL_LEAD;
        if (push_pending(m, m->t.window_queue[p.window], &p))
            return 1;
    }
    try_windows(m, measure); /* behind them all: a queue may hold the first and the last */
    if (measure[MEASURE_STREAM] >= 0) {
        p.start = r.start + flight - e[ELEMENT_SMEARING];
        p.end = p.start + play[PLAY_LENGTH] + 2 * e[ELEMENT_SMEARING];
        p.window = i->a;
        if (log_acquisition(m, &p, i->a, -1))
            return 1;
        if (push_pending(m, m->t.queue_count - 1, &p))
            return 1;
        try_queue(m, m->t.queue_count - 1);
    }
    return m->error != 0;
}

int do_hear(machine *m, walker *w, const insn *i)
{
    const int64_t *p = row(m->t.processes, PROCESS_COLUMNS, i->a);
    channel *c = &m->channels[i->a];
    int64_t occurrence = w->heard[i->a]++, slot = p[PROCESS_TARGET];
    if (writes_block(p[PROCESS_KIND])) {
        hear_tags(m, w, i->a, occurrence);
        return 0;
    }
    if (p[PROCESS_SIZE]) {
        int64_t index = w->memory[p[PROCESS_INDEX]];
        if (index < 0 || index >= p[PROCESS_SIZE]) {
            event(m, EVENT_OUT_OF_BOUNDS, p[PROCESS_AT]);
            return 0;
        }
        slot += index;
    }
    if (occurrence >= c->done) {
        w->bound_to[slot] = binding(i->a, occurrence);
        return 0;
    }
    int64_t place = occurrence & (c->capacity - 1);
    give(w, slot, c->values[place], c->ends[place]);
    return 0;
}
