/* Ramps, cuts, chirps and conditions of a play (docs/arithmetic.md 13). */
#include "machine_inside.h"

static void cut(machine *m, int64_t cycles, int32_t at, signal_record_t *r)
{
    if (cycles < 4) {
        event(m, EVENT_SHORT_DURATION, at);
        cycles = 4;
    }
    if (4 * cycles >= r->length)
        return;
    r->stretched = r->length;
    r->length = 4 * cycles;
}

/* The sections of a chirp of a pulse that lasts `whole` ns, of which the record may be a part. Where several start at
   one sample the last of them counts: the others have no length. */
static void chirp_sections(machine *m, const walker *w, const int64_t *chirp, int64_t whole, signal_record_t *r)
{
    int64_t count = chirp[CHIRP_COUNT], part = whole / count;
    int32_t made = 0;
    for (int64_t k = 0; k < count; k++) {
        const int64_t *section = row(m->t.chirp_sections, SECTION_COLUMNS, chirp[CHIRP_FIRST] + k);
        int64_t start = chirp[CHIRP_TIMED] ? section[SECTION_START] : k * part;
        if (start >= r->length)
            break;
        if (made && m->sections[made - 1].start == start)
            made--;
        m->sections[made].start = start;
        m->sections[made++].rate = increment(w->memory[section[SECTION_RATE]], (int)chirp[CHIRP_POWER]);
    }
    r->sections = m->sections;
    r->section_count = made;
}

/* Gives the record of a play its shape; its length becomes what is played of it. */
void shape_record(machine *m, const walker *w, const int64_t *play, int32_t at, signal_record_t *r)
{
    if (play[PLAY_RAMP] >= 0) {
        r->kind = SIGNAL_RAMP;
        r->slope = w->memory[play[PLAY_RAMP]];
    }
    int64_t whole = r->length;
    if (play[PLAY_TRUNCATE] >= 0)
        cut(m, w->memory[play[PLAY_TRUNCATE]], at, r);
    if (play[PLAY_CHIRP] >= 0)
        chirp_sections(m, w, row(m->t.chirps, CHIRP_COLUMNS, play[PLAY_CHIRP]), whole, r);
}
