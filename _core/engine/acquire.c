/* Acquisitions: pending ones by queue, their evaluation in order, and the way of the values to who hears them.
 *
 * A queue holds the acquisitions of input ports that must be evaluated in one order: (end, thread, order, window).
 * It knows which threads matter there: a thread with clock c can start nothing there that ends (or is heard) before
 * c + lag. So all that ends at or before the least c + lag is complete.
 */
#include <stdlib.h>
#include <string.h>

#include "machine_inside.h"

#define FORGET_EVERY 64

static int earlier(const pending *a, const pending *b)
{
    if (a->end != b->end)
        return a->end < b->end;
    if (a->thread != b->thread)
        return a->thread < b->thread;
    return a->order != b->order ? a->order < b->order : a->window < b->window;
}

int push_pending(machine *m, int64_t number, const pending *p)
{
    queue *q = &m->queues[number];
    if (p->end > m->last_window)
        m->last_window = p->end;
    if (q->count == q->capacity) {
        int64_t capacity = q->capacity ? 2 * q->capacity : 16;
        pending *heap = realloc(q->heap, (size_t)capacity * sizeof *heap);
        if (!heap) {
            m->error = MACHINE_NO_MEMORY;
            return 1;
        }
        q->heap = heap;
        q->capacity = capacity;
    }
    int64_t k = q->count++;
    for (; k > 0 && earlier(p, &q->heap[(k - 1) / 2]); k = (k - 1) / 2)
        q->heap[k] = q->heap[(k - 1) / 2];
    q->heap[k] = *p;
    m->pending_count++;
    return 0;
}

static void pop_pending(machine *m, queue *q)
{
    pending last = q->heap[--q->count];
    int64_t k = 0;
    for (int64_t child; (child = 2 * k + 1) < q->count; k = child) {
        if (child + 1 < q->count && earlier(&q->heap[child + 1], &q->heap[child]))
            child++;
        if (!earlier(&q->heap[child], &last))
            break;
        q->heap[k] = q->heap[child];
    }
    q->heap[k] = last;
    m->pending_count--;
}

static int64_t horizon(const machine *m, const queue *q)
{
    int64_t least = NEVER;
    for (int k = 0; k < q->thread_count; k++) {
        int64_t b = bound_of(m, q->threads[k]);
        if (b != NEVER && b + q->lags[k] < least)
            least = b + q->lags[k];
    }
    return least;
}

/* ---- the way of a value */

static void give_late(machine *m, walker *w, int64_t process, int64_t occurrence, int32_t value, int64_t end)
{
    const int64_t *p = row(m->t.processes, PROCESS_COLUMNS, process);
    int64_t key = binding(process, occurrence), slot = p[PROCESS_TARGET], size = p[PROCESS_SIZE];
    channel *c = &m->channels[process];
    for (int64_t n = 0; n < (size ? size : 1); n++) {
        int64_t cell = size ? (c->hint + 1 + n) % size : 0;
        if (w->bound_to[slot + cell] != key)
            continue;
        give(w, slot + cell, value, end);
        c->hint = cell;
        break;
    }
    if (w->state == AWAITS && w->process == process && w->occurrence == occurrence)
        w->state = RUNS;
}

static void deliver(machine *m, int64_t process, int32_t value)
{
    channel *c = &m->channels[process];
    int64_t occurrence = c->done++;
    if (!m->t.hearers[process])
        return;
    int64_t place = occurrence & (c->capacity - 1);
    c->values[place] = value;
    for (int k = 0; k < m->walker_count; k++) {
        walker *w = m->walkers[k];
        if (w->strands & m->t.hearers[process] && w->heard[process] > occurrence)
            give_late(m, w, process, occurrence, value, c->ends[place]);
    }
}

int channel_room(machine *m, int64_t process, int soft)
{
    channel *c = &m->channels[process];
    int64_t base = c->done;
    for (int k = 0; k < m->walker_count; k++) {
        const walker *w = m->walkers[k];
        if (w->strands & m->t.hearers[process] && w->state != ENDED && w->heard[process] < base)
            base = w->heard[process];
    }
    c->base = base;
    if (c->started - base < c->capacity)
        return 0;
    int64_t width = c->width;
    if (soft && c->capacity * width >= RUN_AHEAD_VALUES)
        return 1;
    if (c->capacity * width >= RUN_AHEAD_VALUES_MAX)
        return MACHINE_RUN_AHEAD_VALUES;
    int64_t capacity = c->capacity ? 2 * c->capacity : width > 1 ? 2 : 16;
    int64_t *ends = malloc((size_t)capacity * sizeof *ends);
    int32_t *values = malloc((size_t)(capacity * width) * sizeof *values);
    if (!ends || !values) {
        free(ends);
        free(values);
        return MACHINE_NO_MEMORY;
    }
    for (int64_t k = base; k < c->started; k++) {
        ends[k & (capacity - 1)] = c->ends[k & (c->capacity - 1)];
        memcpy(values + (k & (capacity - 1)) * width, c->values + (k & (c->capacity - 1)) * width,
               (size_t)width * sizeof *values);
    }
    free(c->ends);
    free(c->values);
    c->ends = ends;
    c->values = values;
    c->capacity = capacity;
    return 0;
}

/* ---- evaluation */

void forget(machine *m);

/* Lets the signals drop what no window of now or later can hear. */
void forget(machine *m)
{
    int64_t t = NEVER;
    m->since_forget = 0;
    if (m->digital)
        forget_markers(m);
    for (int64_t n = 0; n < m->t.queue_count; n++) {
        const queue *q = &m->queues[n];
        for (int64_t k = 0; k < q->count; k++)
            if (q->heap[k].start < t)
                t = q->heap[k].start;
        for (int k = 0; k < q->thread_count; k++)
            if (bound_of(m, q->threads[k]) < t)
                t = bound_of(m, q->threads[k]);
    }
    if (t == NEVER)
        return;
    signal_forget_before(m->signals, t);
    if (t > m->forgotten)
        m->forgotten = t;
}

static int evaluate(machine *m, const pending *p)
{
    const int64_t *window = row(m->t.windows, WINDOW_COLUMNS, p->window);
    if (writes_block(m->t.processes[PROCESS_COLUMNS * window[WINDOW_FIRST] + PROCESS_KIND]))
        return evaluate_tags(m, p);
    signal_acquisition_t a = {.start = p->start, .phase = p->phase, .inc = p->inc, .element = p->element,
                              .count = (int32_t)window[WINDOW_COUNT],
                              .processes = &m->processes[window[WINDOW_FIRST]]};
    int32_t raw[MACHINE_PROCESSES_MAX];
    double value[MACHINE_PROCESSES_MAX];
    signal_events_t noticed;
    memset(&noticed, 0, sizeof noticed);
    int code = signal_evaluate_values(m->signals, &a, raw, value, &noticed);
    if (code < 0) {
        m->error = code;
        return 1;
    }
    for (int32_t k = 0; k < a.count; k++) {
        int64_t process = window[WINDOW_FIRST] + k, at = m->t.processes[PROCESS_COLUMNS * process + PROCESS_AT];
        int overflowed = noticed.overflowed >> k & 1;
        if (m->t.processes[PROCESS_COLUMNS * process + PROCESS_SUMMED] &&
            sum_slices(m, process, value[k], &raw[k], &overflowed))
            return 1;
        if (overflowed)
            event(m, EVENT_INTEGRAL_OVERFLOW, at);
        if (noticed.saturated >> k & 1)
            event(m, EVENT_INPUT_SATURATED, at);
        deliver(m, process, raw[k]);
    }
    return 0;
}

/* Room for the codes of one more trace; the caller has seen that all stay within the limits. */
static int grow_codes(machine *m, int64_t length)
{
    int64_t needed = m->trace_bytes / 2 + length, capacity = m->trace_codes_capacity;
    if (needed <= capacity)
        return 0;
    capacity = 2 * capacity > needed ? 2 * capacity : needed;
    int16_t *codes = realloc(m->trace_codes, (size_t)capacity * sizeof *codes);
    if (!codes)
        return m->error = MACHINE_NO_MEMORY;
    m->trace_codes = codes;
    m->trace_codes_capacity = capacity;
    return 0;
}

static int add_trace(machine *m, const pending *p, int64_t port, int64_t at)
{
    if (m->trace_count == m->trace_capacity) {
        int64_t capacity = m->trace_capacity ? 2 * m->trace_capacity : 64;
        machine_trace *traces = realloc(m->traces, (size_t)capacity * sizeof *traces);
        if (!traces)
            return m->error = MACHINE_NO_MEMORY;
        m->traces = traces;
        m->trace_capacity = capacity;
    }
    int per_ns = signal_per_ns(m->signals, (int)port);
    int64_t length = per_ns * (p->end - p->start), first = m->trace_bytes / 2;
    if (grow_codes(m, length))
        return m->error;
    m->traces[m->trace_count++] =
        (machine_trace){.measure = p->window, .port = port, .start = p->start, .length = length, .first = first,
                        .per_ns = per_ns};
    m->trace_bytes += 2 * length;
    signal_events_t noticed;
    memset(&noticed, 0, sizeof noticed);
    int16_t *codes = m->trace_codes + first;
    int code = per_ns == 2 ? signal_trace_halves(m->signals, (int)port, p->start, p->end - p->start, codes, &noticed)
                           : signal_trace(m->signals, (int)port, p->start, length, codes, &noticed);
    if (code < 0)
        return m->error = code;
    if (noticed.input_saturated)
        event(m, EVENT_INPUT_SATURATED, at);
    return 0;
}

/* The raw traces of one measure, of all its outputs; != 0 when they found no room or failed. */
static int evaluate_traces(machine *m, const pending *p)
{
    if (p->end > m->stop)
        return 0;
    const int64_t *measure = row(m->t.measures, MEASURE_COLUMNS, p->window);
    const int64_t *ports = m->t.trace_ports + measure[MEASURE_FIRST_TRACE_PORT];
    int64_t bytes = 0;
    for (int64_t k = 0; k < measure[MEASURE_TRACE_PORTS]; k++)
        bytes += 2 * signal_per_ns(m->signals, (int)ports[k]) * (p->end - p->start);
    if (bytes > OUTPUT_TRACE_BYTES_MAX)
        return m->error = MACHINE_TRACE_TOO_LONG;
    if (m->trace_count && m->trace_bytes + bytes > OUTPUT_TRACE_BYTES) {
        m->output_full = 1;
        return 1;
    }
    for (int64_t k = 0; k < measure[MEASURE_TRACE_PORTS]; k++)
        if (add_trace(m, p, ports[k], measure[MEASURE_AT]))
            return 1;
    return 0;
}

int64_t process_queue(const machine *m, int64_t process)
{
    const int64_t *measure =
        row(m->t.measures, MEASURE_COLUMNS, m->t.processes[PROCESS_COLUMNS * process + PROCESS_MEASURE]);
    for (int64_t k = measure[MEASURE_FIRST_WINDOW]; k < measure[MEASURE_FIRST_WINDOW] + measure[MEASURE_WINDOWS]; k++) {
        const int64_t *window = row(m->t.windows, WINDOW_COLUMNS, k);
        if (process >= window[WINDOW_FIRST] && process < window[WINDOW_FIRST] + window[WINDOW_COUNT])
            return m->t.window_queue[k];
    }
    return 0;
}

/* Whether somebody who can go on, in a statement not yet come to, may still be heard so long before t that tails would
 * keep too many samples from there on: then that one goes first. */
static int too_far_ahead(const machine *m, int64_t t)
{
    for (int k = 0; k < m->walker_count; k++) {
        const walker *w = m->walkers[k];
        if (w->state != RUNS && w->state != IS_AHEAD)
            continue;
        THREADS_OF(w->strands & m->heard, thread)
            if (bound_of(m, thread) < t - m->tails_keep_ns)
                return 1;
    }
    return 0;
}

static int64_t try_before(machine *m, int64_t number, int64_t t);

/* Evaluates what is complete in other queues and ends before t, the end of what comes first in this one: nothing old keeps
 * the samples of tails. */
static int64_t try_older(machine *m, int64_t t)
{
    int64_t count = 0;
    for (int64_t n = 0; n < m->t.queue_count; n++)
        count += try_before(m, n, t);
    return count;
}

/* Evaluates what is complete and ends before t, in order; returns how many. */
static int64_t try_before(machine *m, int64_t number, int64_t t)
{
    queue *q = &m->queues[number];
    if (!q->count || q->heap[0].end >= t || m->error)
        return 0;
    int traces = number == m->t.queue_count - 1;
    int64_t until = horizon(m, q), count = 0;
    while (q->count && q->heap[0].end <= until && q->heap[0].end < t) {
        if (m->tails_keep_ns != NEVER) {
            count += try_older(m, q->heap[0].end);
            if (m->error || too_far_ahead(m, q->heap[0].end))
                break;
            forget(m);
        }
        if (traces ? evaluate_traces(m, &q->heap[0]) : evaluate(m, &q->heap[0]))
            break;
        if (q->heap[0].end > m->end)
            m->end = q->heap[0].end;
        pop_pending(m, q);
        count++;
        if (++m->since_forget >= FORGET_EVERY)
            forget(m);
    }
    return count;
}

int64_t try_queue(machine *m, int64_t number) { return try_before(m, number, NEVER); }

int64_t try_all(machine *m)
{
    int64_t count = 0;
    for (int64_t k = 0; k < m->t.queue_count; k++)
        count += try_queue(m, k);
    return count;
}
