/* The digital side of plays: what they send to the digital inputs that somebody reads (docs/arithmetic.md 20). */
#include "machine_inside.h"

static int marker_error(int code) { return code == DIGITAL_FULL ? MACHINE_MARKERS_FULL : MACHINE_NO_MEMORY; }

static const int64_t *marker_of(const machine *m, const int64_t *play)
{
    return row(m->t.markers, MARKER_COLUMNS, play[PLAY_MARKER]);
}

int marker_room(machine *m, const int64_t *play)
{
    int element = (int)play[PLAY_ELEMENT];
    if (!sends_marker(m, play))
        return 0;
    int64_t count = marker_of(m, play)[MARKER_COUNT];
    int code = digital_room(m->digital, element, count);
    if (code == DIGITAL_FULL) {
        forget_markers(m);
        code = digital_room(m->digital, element, count);
    }
    return code < 0 ? marker_error(code) : 0;
}

/* A part of length 0, and every one that is longer than the play, goes on to its end; so does the last one where the play
 * is longer than its pulse. */
void start_marker(machine *m, const int64_t *play, int64_t start, int64_t length)
{
    const int64_t *marker = marker_of(m, play);
    int element = (int)play[PLAY_ELEMENT], high = 0;
    digital_low(m->digital, element, start);
    for (int64_t k = 0, at = 0; k < marker[MARKER_COUNT] && at < length; k++) {
        const int64_t *part = row(m->t.marker_parts, PART_COLUMNS, marker[MARKER_FIRST] + k);
        int goes_on = !part[PART_LENGTH] || (k + 1 == marker[MARKER_COUNT] && length > marker[MARKER_LENGTH]);
        int64_t end = goes_on || at + part[PART_LENGTH] > length ? length : at + part[PART_LENGTH];
        if (part[PART_VALUE])
            digital_high(m->digital, element, start, start + at, start + end);
        high = part[PART_VALUE] && end == length;
        at = end;
    }
    if (high && (length == OPEN_MARKER || m->t.elements[ELEMENT_COLUMNS * element + ELEMENT_HOLDS_MARKER]))
        digital_hold(m->digital, element);
}

void end_marker(machine *m, const int64_t *play, int64_t start, int64_t t)
{
    int element = (int)play[PLAY_ELEMENT];
    digital_low(m->digital, element, t);
    if (t > start && digital_ends(m->digital, element, t) && m->t.elements[ELEMENT_COLUMNS * element + ELEMENT_HOLDS_MARKER])
        digital_hold(m->digital, element);
}

/* No level before this is looked at again: by windows that wait or may still be opened, or by who waits for an edge. */
static int64_t looked_at_from(const machine *m)
{
    int64_t t = NEVER;
    for (int64_t n = 0; n < m->t.queue_count; n++)
        for (int64_t k = 0; k < m->queues[n].count; k++)
            if (m->queues[n].heap[k].start < t)
                t = m->queues[n].heap[k].start;
    for (int thread = 0; thread < m->t.thread_count; thread++)
        if (bound_of(m, thread) < t)
            t = bound_of(m, thread);
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k]->looks && m->walkers[k]->looked < t)
            t = m->walkers[k]->looked;
    return t;
}

void forget_markers(machine *m)
{
    int64_t t = looked_at_from(m);
    if (t != NEVER)
        digital_forget_before(m->digital, t);
}
