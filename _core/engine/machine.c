/* The machine: its life, the order in which walkers run, and what is drained. */
#include <stdlib.h>
#include <string.h>

#include "machine_inside.h"

/* ---- life */

static int new_queues(machine *m)
{
    for (int64_t n = 0; n < m->t.queue_count; n++) {
        queue *q = &m->queues[n];
        for (int64_t t = 0; t < m->t.thread_count; t++) {
            int64_t lag = m->t.lags[n * m->t.thread_count + t];
            if (lag < 0)
                continue;
            m->heard |= 1ull << t;
            q->threads[q->thread_count] = (int32_t)t;
            q->lags[q->thread_count++] = lag;
        }
    }
    return 0;
}

static void new_elements(machine *m)
{
    for (int64_t k = 0; k < m->t.element_count; k++) {
        const int64_t *e = row(m->t.elements, ELEMENT_COLUMNS, k);
        m->elements[k].thread = (int32_t)e[ELEMENT_THREAD];
        m->elements[k].inc = (uint64_t)e[ELEMENT_INCREMENT];
        m->elements[k].halves = (int32_t)e[ELEMENT_HALVES];
        m->elements[k].fold = (int32_t)e[ELEMENT_FOLD];
        m->elements[k].sticky = (int32_t)e[ELEMENT_STICKY];
        m->sticky |= e[ELEMENT_STICKY] != 0;
    }
}

static void new_processes(machine *m)
{
    for (int64_t k = 0; k < m->t.process_count; k++) {
        const int64_t *p = row(m->t.processes, PROCESS_COLUMNS, k);
        m->processes[k] = (signal_process_t){
            .kind = (int32_t)p[PROCESS_KIND], .process = (int32_t)p[PROCESS_NUMBER], .legs = (int32_t)p[PROCESS_LEGS],
            .port = {(int32_t)p[PROCESS_PORT_0], (int32_t)p[PROCESS_PORT_1]},
            .weights = {(int32_t)p[PROCESS_WEIGHTS_0], (int32_t)p[PROCESS_WEIGHTS_1]}};
    }
}

static void new_channels(machine *m)
{
    for (int64_t k = 0; k < m->t.process_count; k++)
        m->channels[k].width = channel_width(m, k);
}

static int new_outputs(machine *m, const uint8_t *timed)
{
    for (int64_t k = 0; k < m->t.stream_count; k++) {
        output *o = &m->outputs[k];
        o->capacity = OUTPUT_ITEMS_MAX;
        o->values = malloc(OUTPUT_ITEMS_MAX * sizeof *o->values);
        o->times = timed[k] ? malloc(OUTPUT_ITEMS_MAX * sizeof *o->times) : NULL;
        if (!o->values || (timed[k] && !o->times))
            return MACHINE_NO_MEMORY;
    }
    return 0;
}

static void *zeros(int64_t count, size_t size) { return calloc((size_t)(count > 0 ? count : 1), size); }

static int new_walkers(machine *m)
{
    uint64_t all = MACHINE_SAVER | ((1ull << m->t.thread_count) - 1);
    walker *w = walker_new(m, all, NULL);
    if (!w)
        return MACHINE_NO_MEMORY;
    m->walkers[m->walker_count++] = w;
    return m->t.forked ? fork_walker(m, w, 0) : 0;
}

machine *machine_new(const machine_tables *tables, struct signals *s, const uint8_t *timed)
{
    machine *m = calloc(1, sizeof *m);
    if (!m) {
        signals_free(s);
        return NULL;
    }
    m->t = *tables;
    m->signals = s;
    m->stop = NEVER;
    m->tails_keep_ns = signal_tails_keep_ns(s);
    m->elements = zeros(m->t.element_count, sizeof *m->elements);
    m->queues = zeros(m->t.queue_count, sizeof *m->queues);
    m->channels = zeros(m->t.process_count, sizeof *m->channels);
    m->sections = zeros(m->t.chirp_section_count, sizeof *m->sections);
    m->sums = zeros(m->t.process_count, sizeof *m->sums);
    m->processes = zeros(m->t.process_count, sizeof *m->processes);
    m->arrived = zeros(m->t.align_count, sizeof *m->arrived);
    m->blocks = zeros(m->t.block_count, sizeof *m->blocks);
    m->outputs = zeros(m->t.stream_count, sizeof *m->outputs);
    m->events = zeros(EVENT_COUNT * (m->t.source_count + 1), sizeof *m->events);
    m->offsets_now = zeros(m->t.element_count * m->t.level_columns, sizeof *m->offsets_now);
    if (!m->elements || !m->queues || !m->channels || !m->sums || !m->sections || !m->processes || !m->arrived || !m->blocks || !m->outputs ||
        !m->events || !m->offsets_now || new_outputs(m, timed) || new_queues(m) || outside_new(m)) {
        machine_free(m);
        return NULL;
    }
    new_elements(m);
    new_processes(m);
    new_channels(m);
    if (new_walkers(m)) {
        machine_free(m);
        return NULL;
    }
    return m;
}

void machine_free(machine *m)
{
    if (!m)
        return;
    settings_free(m);
    for (int k = 0; k < m->walker_count; k++)
        walker_free(m->walkers[k]);
    for (int64_t k = 0; m->queues && k < m->t.queue_count; k++)
        free(m->queues[k].heap);
    for (int64_t k = 0; m->channels && k < m->t.process_count; k++) {
        free(m->channels[k].ends);
        free(m->channels[k].values);
    }
    for (int64_t k = 0; m->sums && k < m->t.process_count; k++)
        free(m->sums[k].values);
    for (int64_t k = 0; m->blocks && k < m->t.block_count; k++)
        free(m->blocks[k].times);
    for (int64_t k = 0; m->outputs && k < m->t.stream_count; k++) {
        free(m->outputs[k].values);
        free(m->outputs[k].times);
    }
    void *parts[] = {m->elements, m->queues, m->channels, m->sums, m->sections, m->processes, m->arrived, m->blocks, m->outputs, m->events,
                     m->traces, m->trace_codes};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        free(parts[k]);
    outside_free(m);
    signals_free(m->signals);
    log_free(m->log);
    watch_free(m->watch);
    digital_free(m->digital);
    free(m);
}

/* Room for one more start of a block; 0 when the walker has to wait, or the job has failed. */
int block_room(machine *m, walker *w, block_queue *b)
{
    if (b->capacity >= RUN_AHEAD_VALUES && !w->forced) {
        w->state = IS_AHEAD;
        if (w->thread < 0)
            w->state = FORKS_ALL;
        return 0;
    }
    if (b->capacity >= RUN_AHEAD_VALUES_MAX) {
        m->error = MACHINE_RUN_AHEAD_VALUES;
        return 0;
    }
    int64_t capacity = b->capacity ? 2 * b->capacity : 16;
    int64_t *times = malloc((size_t)capacity * sizeof *times);
    if (!times) {
        m->error = MACHINE_NO_MEMORY;
        return 0;
    }
    for (int64_t k = b->first; k < b->first + b->count; k++)
        times[k & (capacity - 1)] = b->times[k & (b->capacity - 1)];
    free(b->times);
    b->times = times;
    b->capacity = capacity;
    w->forced = 0;
    return 1;
}

/* ---- who runs next */

static int64_t sweep(machine *m)
{
    raise_floors(m);
    return try_all(m);
}

static int64_t key_of(const machine *m, const walker *w)
{
    if (w->strands & MACHINE_SAVER)
        return -1; /* it holds nobody back, and frees what others wait for */
    return w->thread >= 0 ? m->clock[w->thread] : 0;
}

static walker *least(const machine *m, enum state state)
{
    walker *found = NULL;
    for (int k = 0; k < m->walker_count; k++) {
        walker *w = m->walkers[k];
        if (w->state == AWAITS_BLOCK && state == RUNS && m->blocks[w->site].count)
            w->state = RUNS;
        if (w->state == AWAITS_EDGE && state == RUNS && edge_may_be_known(m, w))
            w->state = RUNS;
        if (w->state == state && (!found || key_of(m, w) < key_of(m, found)))
            found = w;
    }
    return found;
}

static int any(const machine *m, enum state state)
{
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k]->state == state)
            return 1;
    return 0;
}

static void retry_ahead(machine *m, const walker *but)
{
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k]->state == IS_AHEAD && m->walkers[k] != but)
            m->walkers[k]->state = RUNS;
}

/* A walker at the instant where the run stops: one of several strands forks, so that those behind come there too. != 0:
 * it ended. */
static int stops(machine *m, walker *w)
{
    int64_t latest = 0;
    for (uint64_t rest = w->strands & ~MACHINE_SAVER; rest; rest &= rest - 1) {
        int64_t clock = m->clock[__builtin_ctzll(rest)];
        latest = clock > latest ? clock : latest;
    }
    if (latest < m->stop || w->state != RUNS)
        return 0;
    w->state = w->thread >= 0 ? ENDED : FORKS_ALL;
    return w->thread >= 0;
}

static void run_one(machine *m, walker *w, int64_t budget)
{
    if (m->stop != NEVER && stops(m, w)) {
        sweep(m);
        return;
    }
    if (m->stop != NEVER && w->state == FORKS_ALL) {
        m->error = fork_walker(m, w, 0);
        return;
    }
    if (m->stop != NEVER && budget > STOP_LOOK_STEPS)
        budget = STOP_LOOK_STEPS;
    int alone = m->walker_count == 1;
    int64_t before = m->steps;
    if (w->thread >= 0)
        w->stop_clock = m->clock[w->thread] + SLICE_NS < m->stop ? m->clock[w->thread] + SLICE_NS : m->stop;
    walk(m, w, alone || budget < SLICE_STEPS ? budget : SLICE_STEPS);
    if (m->error)
        return;
    if (w->state == FORKS_ALL || w->state == FORKS_SAVER) {
        int code = fork_walker(m, w, w->state == FORKS_SAVER);
        if (code)
            m->error = code;
        return;
    }
    if (w->state != IS_AHEAD || m->steps - before > 1)
        retry_ahead(m, w);
    if (!alone || w->state == ENDED)
        sweep(m);
}

/* Nobody runs: evaluates, or lets somebody pass a soft limit; an enum status, STATUS_RUNNING to go on. */
static int unblock(machine *m)
{
    if (sweep(m)) {
        retry_ahead(m, NULL);
        return STATUS_RUNNING;
    }
    if (m->error)
        return STATUS_ERROR;
    if (least(m, RUNS)) /* an edge may be known now */
        return STATUS_RUNNING;
    if (m->output_full || any(m, OUTPUT_FULL))
        return STATUS_BLOCKED;
    if (m->stop == NEVER && any(m, AWAITS_OUTSIDE))
        return STATUS_WAITS; /* who is ahead waits with them: a soft limit is no reason to run into a hard one */
    walker *w = least(m, IS_AHEAD);
    if (w) {
        w->state = RUNS;
        w->forced = 1;
        return STATUS_RUNNING;
    }
    if (m->stop == NEVER && any(m, AWAITS_EDGE))
        return STATUS_WAITS; /* for ever: nobody is left who could make an edge */
    int ended = 0;
    for (int k = 0; k < m->walker_count; k++)
        ended += m->walkers[k]->state == ENDED;
    if (ended == m->walker_count && !m->pending_count)
        return STATUS_DONE;
    if (m->stop != NEVER)
        return STATUS_DONE; /* the others wait for what would come after the stop */
    m->error = MACHINE_DEADLOCK;
    return STATUS_ERROR;
}

int machine_run(machine *m, int64_t max_steps)
{
    int64_t stop = m->steps + max_steps;
    while (!m->error) {
        if (m->output_full || any(m, OUTPUT_FULL))
            return STATUS_BLOCKED;
        if (m->steps >= stop)
            return STATUS_RUNNING;
        walker *w = least(m, RUNS);
        if (w) {
            run_one(m, w, stop - m->steps);
            continue;
        }
        int status = unblock(m);
        if (status != STATUS_RUNNING)
            return status;
    }
    return STATUS_ERROR;
}

void machine_stop_at(machine *m, int64_t stop_ns) { m->stop = stop_ns; }

int machine_keep_log(machine *m)
{
    if (!m->log)
        m->log = log_new();
    return m->log ? 0 : -1;
}

void machine_watch(machine *m, watch *w) { m->watch = w; }

void machine_hear_digital(machine *m, digital *d) { m->digital = d; }

/* Lets the watch look at what is complete; != 0 when the job has failed. */
int advance_watch(machine *m)
{
    int64_t bounds[MACHINE_THREADS_MAX];
    for (int t = 0; t < m->t.thread_count; t++)
        bounds[t] = bound_of(m, t);
    int code = watch_advance(m->watch, bounds, m->end);
    if (code < 0)
        m->error = code;
    return code < 0;
}

const struct watch *machine_watched(machine *m) { return m->watch && !advance_watch(m) ? m->watch : NULL; }

const struct machine_log *machine_logged(const machine *m) { return m->log; }

/* ---- what is seen from outside */

int machine_error(const machine *m) { return m->error; }
int64_t machine_steps(const machine *m) { return m->steps; }
int64_t machine_walkers(const machine *m) { return m->walker_count; }
int64_t machine_clock(const machine *m) { return m->end; }
int64_t machine_thread_clock(const machine *m, int64_t thread) { return m->clock[thread]; }

int64_t machine_event(const machine *m, int64_t code, int64_t at)
{
    return m->events[code * (m->t.source_count + 1) + at + 1];
}

const int32_t *machine_memory(const machine *m, int64_t strand)
{
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k]->strands >> strand & 1)
            return m->walkers[k]->memory;
    return NULL;
}

int64_t machine_saved(const machine *m, int64_t stream, const int64_t **values, const int64_t **times)
{
    *values = m->outputs[stream].values;
    *times = m->outputs[stream].times;
    return m->outputs[stream].count;
}

void machine_saved_taken(machine *m, int64_t stream)
{
    m->outputs[stream].count = 0;
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k]->state == OUTPUT_FULL)
            m->walkers[k]->state = RUNS;
}

int64_t machine_traces(const machine *m, const machine_trace **traces, const int16_t **codes)
{
    *traces = m->traces;
    *codes = m->trace_codes;
    return m->trace_count;
}

void machine_traces_taken(machine *m)
{
    m->trace_count = m->trace_bytes = 0;
    m->output_full = 0;
}
