/* DC offsets of output ports as inputs hear them: one record for each stretch of time (docs/arithmetic.md 5). */
#include "inside.h"

static played *at(const element *e, uint64_t i) { return &e->ring[slot(e, i)]; }

/* Puts at place i what holds from `start` to `end`; its order is the thread that set it, which no other record of that
 * start needs. */
static void put_stretch(element *e, uint64_t i, int64_t start, int64_t end, double volts, int32_t thread, int32_t setter)
{
    *at(e, i) = (played){.start = start, .length = end - start, .alpha_r = volts, .kind = SIGNAL_HOLD};
    e->asides[slot(e, i)] = (aside){.thread = thread, .order = setter, .m = {{1.0, 0.0}, {1.0, 0.0}}};
}

int signals_add_level(signals *s, double volts, int32_t thread)
{
    int code = SIGNAL_OK, id = signals_add_element(s, 1.0, 0.0, 0.0, 1.0);
    if (id < 0)
        return id;
    element *e = &s->elements[id];
    if (!next_place(s, e, &code))
        return code;
    put_stretch(e, e->count++, -OPEN_END, OPEN_END, volts, thread, -1);
    return id;
}

static int comes_later(const element *e, uint64_t i, int64_t t, int32_t setter)
{
    return at(e, i)->start > t || (at(e, i)->start == t && e->asides[slot(e, i)].order > setter);
}

int signal_level(signals *s, int id, int64_t t, int32_t setter, double volts)
{
    int code = SIGNAL_OK;
    if (id < 0 || id >= s->element_count || !s->elements[id].count)
        return SIGNAL_BAD_ID;
    element *e = &s->elements[id];
    if (!next_place(s, e, &code))
        return code;
    uint64_t place = e->count++;
    for (; place > 0 && comes_later(e, place - 1, t, setter); place--) {
        *at(e, place) = *at(e, place - 1);
        e->asides[slot(e, place)] = e->asides[slot(e, place - 1)];
    }
    if (place == 0)
        return SIGNAL_OUT_OF_ORDER; /* before what is forgotten */
    played *before = at(e, place - 1);
    int64_t end = place + 1 < e->count ? at(e, place + 1)->start : OPEN_END;
    before->length = t - before->start;
    put_stretch(e, place, t, end, volts, e->asides[slot(e, place - 1)].thread, setter);
    return SIGNAL_OK;
}
