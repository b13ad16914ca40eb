/* Light at an input: pulses that come at random, whatever is played (docs/arithmetic.md 18). */
#include "inside.h"

#include <stdlib.h>

enum { PHOTON_WORDS = 1 << 24 }; /* the fourth word of a counter, from here on */

int photons_set(photons *p, const uint64_t *thresholds, int count, double volts, int width)
{
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

int signals_add_photons(signals *s, int port_id, const uint64_t *thresholds, int count, double volts, int width)
{
    if (port_id < 0 || port_id >= s->port_count || count < 1 || count > SIGNAL_PHOTONS_MAX || width < 1 || width > BLOCK)
        return SIGNAL_BAD_ID;
    return photons_set(&s->ports[port_id].photons, thresholds, count, volts, width);
}

int photons_in_block(const photons *p, uint64_t seed, int32_t number, int64_t block, uint8_t *places)
{
    uint32_t counter[4] = {(uint32_t)block, (uint32_t)((uint64_t)block >> 32), (uint32_t)number, PHOTON_WORDS}, word[4];
    noise_philox(counter, seed, word);
    int count = 0, place = 1;
    while (count < p->count && word[0] >= p->thresholds[count])
        count++;
    for (int k = 0; k < count; k++) {
        if (place == 4) {
            counter[3]++;
            noise_philox(counter, seed, word);
            place = 0;
        }
        places[k] = (uint8_t)(word[place++] >> 24);
    }
    return count;
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
    uint8_t places[SIGNAL_PHOTONS_MAX];
    int number = photons_in_block(&p->photons, s->seed, p->number, block, places);
    for (int k = 0; k < number; k++)
        mark(&p->photons, block * BLOCK + places[k], t, count, lit);
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
