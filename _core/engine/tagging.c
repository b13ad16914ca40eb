/* Processes that tag or count: one value is a block, the count and then a cell for each tag (docs/arithmetic.md 18, 20). */
#include <string.h>

#include "machine_inside.h"

static const int64_t *tagger_of(const machine *m, int64_t process)
{
    return row(m->t.taggers, TAGGER_COLUMNS, m->t.processes[PROCESS_COLUMNS * process + PROCESS_TAGGER]);
}

int64_t channel_width(const machine *m, int64_t process)
{
    if (!writes_block(m->t.processes[PROCESS_COLUMNS * process + PROCESS_KIND]))
        return 1;
    return 1 + tagger_of(m, process)[TAGGER_CELLS];
}

/* A walker hears a block that comes later: all that it writes waits for it. */
static void bind_tags(const machine *m, walker *w, int64_t process, int64_t key)
{
    const int64_t *t = tagger_of(m, process);
    int64_t slot = m->t.processes[PROCESS_COLUMNS * process + PROCESS_TARGET];
    for (int64_t k = 0; k < t[TAGGER_CELLS]; k++)
        w->bound_to[slot + k] = key;
    if (t[TAGGER_COUNT] >= 0)
        w->bound_to[t[TAGGER_COUNT]] = key;
}

static int all_wait(const int64_t *bound_to, int64_t cells, int64_t key)
{
    int64_t others = 0;
    for (int64_t k = 0; k < cells; k++)
        others |= bound_to[k] ^ key;
    return !others;
}

/* The same as give for each cell; arrays are long, so a loop for each of what a cell has. */
static void give_all(walker *w, int64_t slot, const int32_t *tags, int64_t cells, int64_t end)
{
    memcpy(w->memory + slot, tags, (size_t)cells * sizeof *tags);
    for (int64_t k = slot; k < slot + cells; k++)
        w->until[k] = end;
    for (int64_t k = slot; k < slot + cells; k++)
        w->bound_to[k] = -1;
    for (int64_t k = slot; w->stamps && k < slot + cells; k++)
        w->stamps[k] = end;
}

/* Gives a walker the block; with a key only to what still waits for it. */
static void give_tags(const machine *m, walker *w, int64_t process, const int32_t *block, int64_t end, int64_t key)
{
    const int64_t *t = tagger_of(m, process);
    int64_t slot = m->t.processes[PROCESS_COLUMNS * process + PROCESS_TARGET];
    int64_t cells = t[TAGGER_CELLS], count = t[TAGGER_COUNT];
    if (key < 0 || all_wait(w->bound_to + slot, cells, key))
        give_all(w, slot, block + 1, cells, end);
    else
        for (int64_t k = 0; k < cells; k++)
            if (w->bound_to[slot + k] == key)
                give(w, slot + k, block[1 + k], end);
    if (count >= 0 && (key < 0 || w->bound_to[count] == key))
        give(w, count, block[0], end);
}

void hear_tags(const machine *m, walker *w, int64_t process, int64_t occurrence)
{
    const channel *c = &m->channels[process];
    int64_t place = occurrence & (c->capacity - 1);
    if (occurrence >= c->done)
        bind_tags(m, w, process, binding(process, occurrence));
    else
        give_tags(m, w, process, c->values + place * c->width, c->ends[place], -1);
}

static void deliver_tags(machine *m, int64_t process, int64_t occurrence)
{
    channel *c = &m->channels[process];
    int64_t place = occurrence & (c->capacity - 1);
    for (int k = 0; k < m->walker_count; k++) {
        walker *w = m->walkers[k];
        if (!(w->strands & m->t.hearers[process]) || w->heard[process] <= occurrence)
            continue;
        give_tags(m, w, process, c->values + place * c->width, c->ends[place], binding(process, occurrence));
        if (w->state == AWAITS && w->process == process && w->occurrence == occurrence)
            w->state = RUNS;
    }
}

void settle_count(machine *m, int64_t process, int32_t count, int64_t end)
{
    channel *c = &m->channels[process];
    int64_t occurrence = c->started++, place = occurrence & (c->capacity - 1);
    c->done++;
    if (!m->t.hearers[process])
        return;
    c->ends[place] = end;
    c->values[place * c->width] = count;
    deliver_tags(m, process, occurrence);
}

/* The tags of an analog input, and their number; a negative code when that failed. */
static int tags_of(machine *m, int64_t process, int64_t start, int64_t length, int32_t *tags, int64_t *count)
{
    const int64_t *p = row(m->t.processes, PROCESS_COLUMNS, process), *t = tagger_of(m, process);
    signal_tagger_t rules = {.port = (int32_t)p[PROCESS_PORT_0],
                             .signal_threshold = (int32_t)t[TAGGER_SIGNAL_THRESHOLD],
                             .derivative_threshold = (int32_t)t[TAGGER_DERIVATIVE_THRESHOLD],
                             .signal_above = t[TAGGER_SIGNAL_ABOVE] != 0,
                             .derivative_above = t[TAGGER_DERIVATIVE_ABOVE] != 0,
                             .high_res = t[TAGGER_HIGH_RES] != 0,
                             .dead = t[TAGGER_DEAD]};
    signal_events_t noticed;
    memset(&noticed, 0, sizeof noticed);
    int code = signal_tags(m->signals, &rules, start, length, tags, tags ? t[TAGGER_CELLS] : 0, count, &noticed);
    if (noticed.input_saturated)
        event(m, EVENT_INPUT_SATURATED, p[PROCESS_AT]);
    return code;
}

/* The same of digital inputs; of several their numbers together. */
static int pulses_of(machine *m, int64_t process, int64_t start, int64_t length, int32_t *tags, int64_t *count)
{
    const int64_t *t = tagger_of(m, process);
    for (int64_t k = 0; tags && k < t[TAGGER_INPUTS]; k++) {
        int64_t input = m->t.digital_reads[t[TAGGER_FIRST_INPUT] + k], some = 0;
        int code = digital_tags(m->digital, (int)input, start, length, t[TAGGER_CELLS] ? tags : NULL, t[TAGGER_CELLS], &some);
        if (code)
            return MACHINE_NO_MEMORY;
        *count += some;
    }
    return 0;
}

/* The block of one process; a negative code when that failed. */
static int evaluate_process(machine *m, int64_t process, int64_t start, int64_t length)
{
    channel *c = &m->channels[process];
    int64_t occurrence = c->done, count = 0;
    int heard = m->t.hearers[process] != 0;
    int digital = m->t.processes[PROCESS_COLUMNS * process + PROCESS_KIND] == PROCESS_DIGITAL;
    int32_t *block = heard ? c->values + (occurrence & (c->capacity - 1)) * c->width : NULL;
    if (heard)
        memset(block, 0, (size_t)c->width * sizeof *block);
    int code = (digital ? pulses_of : tags_of)(m, process, start, length, heard ? block + 1 : NULL, &count);
    if (code < 0)
        return code;
    c->done++;
    if (heard) {
        block[0] = (int32_t)count;
        deliver_tags(m, process, occurrence);
    }
    return 0;
}

int evaluate_tags(machine *m, const pending *p)
{
    const int64_t *window = row(m->t.windows, WINDOW_COLUMNS, p->window);
    int64_t start = p->end - window[WINDOW_LENGTH];
    for (int64_t k = 0; k < window[WINDOW_COUNT]; k++) {
        int code = evaluate_process(m, window[WINDOW_FIRST] + k, start, window[WINDOW_LENGTH]);
        if (code < 0) {
            m->error = code;
            return 1;
        }
    }
    return 0;
}
