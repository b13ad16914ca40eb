/* What is set of an element from outside while a run goes on: a frequency, a correction, an offset (docs/arithmetic.md 15).
 *
 * An element counts its acts. A setting has a place among them and happens just before the act of that place, as if the
 * program's statement stood there: whenever it arrives, a run that knows it from the start makes the same of it. */
#include <stdlib.h>
#include <string.h>

#include "machine_inside.h"

void settings_free(machine *m)
{
    for (int64_t k = 0; m->elements && k < m->t.element_count; k++)
        free(m->elements[k].settings);
    free(m->offsets_now);
}

static void apply(machine *m, int64_t number, const machine_setting *s)
{
    element *e = &m->elements[number];
    int64_t t = m->clock[e->thread];
    switch (s->kind) {
    case SETTING_FREQUENCY: change_frequency(m, e, t, s->inc, s->which, 0); break;
    case SETTING_CORRECTION: change_correction(m, number, t, s->values); break;
    case SETTING_OFFSET: change_offset(m, s->row, s->which, t, s->values[0]); break;
    }
}

void take_settings(machine *m, int64_t number)
{
    element *e = &m->elements[number];
    while (e->setting_taken < e->setting_count && e->settings[e->setting_taken].place <= e->acts)
        apply(m, number, &e->settings[e->setting_taken++]);
}

int64_t machine_acts(const machine *m, int64_t number) { return m->elements[number].acts; }

int machine_set_element(machine *m, int64_t number, const machine_setting *s)
{
    element *e = &m->elements[number];
    if (e->setting_count == e->setting_capacity) {
        int64_t more = e->setting_capacity ? 2 * e->setting_capacity : 4;
        machine_setting *items = realloc(e->settings, (size_t)more * sizeof *items);
        if (!items)
            return MACHINE_NO_MEMORY;
        e->settings = items;
        e->setting_capacity = more;
    }
    e->settings[e->setting_count++] = *s;
    return 0;
}

const machine_setting *machine_next_setting(const machine *m, int64_t number, int64_t k)
{
    const element *e = &m->elements[number];
    return e->setting_taken + k < e->setting_count ? &e->settings[e->setting_taken + k] : NULL;
}

uint64_t machine_increment(const machine *m, int64_t number) { return m->elements[number].inc; }

int machine_fold(const machine *m, int64_t number) { return m->elements[number].fold; }

int machine_correction(const machine *m, int64_t number, double c[4])
{
    const element *e = &m->elements[number];
    if (e->corrected)
        memcpy(c, e->correction, sizeof e->correction);
    return e->corrected;
}

int64_t machine_offset(const machine *m, int64_t row, int64_t which, double *volts)
{
    const offset_now *o = &m->offsets_now[row * m->t.level_columns + which];
    *volts = o->volts;
    return o->changes;
}

void machine_stop_watching(machine *m, int64_t output)
{
    if (m->watch)
        watch_stop(m->watch, (int)output);
}
