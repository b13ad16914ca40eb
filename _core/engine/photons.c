/* Light at an input: pulses that come at random, whatever is played (docs/arithmetic.md 18). */
#include "inside.h"

#include <stdlib.h>

enum { PHOTON_WORDS = 1 << 24 }; /* the fourth word of a counter, from here on */

int signals_add_photons(signals *s, int port_id, const uint64_t *thresholds, int count, double volts, int width)
{
    if (port_id < 0 || port_id >= s->port_count || count < 1 || count > SIGNAL_PHOTONS_MAX || width < 1 || width > BLOCK)
        return SIGNAL_BAD_ID;
    photons *p = &s->ports[port_id].photons;
    free(p->thresholds);
    p->thresholds = malloc((size_t)count * sizeof *p->thresholds);
    if (!p->thresholds)
        return SIGNAL_NO_MEMORY;
    memcpy(p->thresholds, thresholds, (size_t)count * sizeof *p->thresholds);
    p->count = count;
    p->volts = volts;
    p->width = width;
    return SIGNAL_OK;
}

/* Marks the samples t … t + count that one photon at `at` lights. */
static void mark(const photons *p, int64_t at, int64_t t, int count, uint8_t *lit)
{
    int64_t from = at > t ? at : t, end = at + p->width < t + count ? at + p->width : t + count;
    for (int64_t k = from; k < end; k++)
        lit[k - t] = 1;
}

static void mark_block(const signals *s, const port *p, int64_t block, int64_t t, int count, uint8_t *lit)
{
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)((uint64_t)block >> 32), (uint32_t)p->number, PHOTON_WORDS}, word[4];
    noise_philox(counter, s->seed, word);
    int number = 0, place = 1;
    while (number < p->photons.count && word[0] >= p->photons.thresholds[number])
        number++;
    for (int k = 0; k < number; k++) {
        if (place == 4) {
            counter[3]++;
            noise_philox(counter, s->seed, word);
            place = 0;
        }
        mark(&p->photons, block * BLOCK + (word[place++] >> 24), t, count, lit);
    }
}

int photons_lit(const signals *s, const port *p, int64_t t, int count, uint8_t *lit)
{
    int any = 0;
    memset(lit, 0, BLOCK);
    if (!p->photons.count)
        return 0;
    int64_t first = t - p->photons.width + 1;
    for (int64_t block = first < 0 ? 0 : first / BLOCK; block * BLOCK < t + count; block++)
        mark_block(s, p, block, t, count, lit);
    for (int k = 0; k < BLOCK; k++)
        any |= lit[k];
    return any;
}

void photons_add(const signals *s, const port *p, int64_t t, int count, double *v)
{
    uint8_t lit[BLOCK];
    if (!photons_lit(s, p, t, count, lit))
        return;
    for (int k = 0; k < count; k++)
        if (lit[k])
            v[k] += p->photons.volts;
}
