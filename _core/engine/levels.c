/* DC offsets of output ports as inputs hear them: one record for each stretch of time (docs/arithmetic.md 5). */
#include "inside.h"

static played *at(const element *e, uint64_t i) { return &e->ring[(e->first + i) & (e->slots - 1)]; }

/* What holds from `start` to `end`; its order is the thread that set it, which no other record of that start needs. */
static played stretch(int64_t start, int64_t end, double volts, int32_t thread, int32_t setter)
{
    return (played){.start = start, .length = end - start, .alpha_r = volts, .thread = thread, .order = setter,
                    .kind = SIGNAL_HOLD, .m = {{1.0, 0.0}, {1.0, 0.0}}};
}

int signals_add_level(signals *s, double volts, int32_t thread)
{
    int code = SIGNAL_OK, id = signals_add_element(s, 1.0, 0.0, 0.0, 1.0);
    if (id < 0)
        return id;
    element *e = &s->elements[id];
    played *first = next_place(s, e, &code);
    if (!first)
        return code;
    *first = stretch(-OPEN_END, OPEN_END, volts, thread, -1);
    e->count++;
    return id;
}

static int comes_later(const played *r, int64_t t, int32_t setter)
{
    return r->start > t || (r->start == t && r->order > setter);
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
    for (; place > 0 && comes_later(at(e, place - 1), t, setter); place--)
        *at(e, place) = *at(e, place - 1);
    if (place == 0)
        return SIGNAL_OUT_OF_ORDER; /* before what is forgotten */
    played *before = at(e, place - 1);
    int64_t end = place + 1 < e->count ? at(e, place + 1)->start : OPEN_END;
    before->length = t - before->start;
    *at(e, place) = stretch(t, end, volts, before->thread, setter);
    return SIGNAL_OK;
}
