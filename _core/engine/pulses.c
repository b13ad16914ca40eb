/* Modulated pulses, remembered: w e^{i chi} depends on shape and increment alone, every play of it on one factor more. */
#include "inside.h"

#include <stdlib.h>

enum { FIRST_SLOTS = 256, PULSE_SAMPLES_MAX = 1 << 16 };

static uint64_t hash(uint64_t name, uint64_t length, uint64_t inc)
{
    uint64_t h = (name * 0x9E3779B97F4A7C15ull ^ length) * 0xC2B2AE3D27D4EB4Full ^ inc * 0xD6E8FEB86659FD93ull;
    h = (h ^ h >> 32) * 0xFF51AFD7ED558CCDull;
    return h ^ h >> 32;
}

static pulse *place(pulse *slot, uint64_t slots, uint64_t name, uint64_t length, uint64_t inc)
{
    uint64_t i = hash(name, length, inc) & (slots - 1);
    while (slot[i].re && (slot[i].name != name || slot[i].length != length || slot[i].inc != inc))
        i = (i + 1) & (slots - 1);
    return &slot[i];
}

static void release(pulses *all)
{
    for (uint64_t i = 0; i < all->slots; i++) {
        free(all->slot[i].re);
        free(all->slot[i].fre);
        all->slot[i] = (pulse){0};
    }
    all->count = all->bytes = 0;
    all->evictions++;
}

void pulses_free(pulses *all)
{
    release(all);
    free(all->slot);
    *all = (pulses){0};
}

static int grow(pulses *all)
{
    uint64_t slots = all->slots ? 4 * all->slots : FIRST_SLOTS;
    pulse *more = calloc(slots, sizeof *more);
    if (!more)
        return SIGNAL_NO_MEMORY;
    for (uint64_t i = 0; i < all->slots; i++) {
        const pulse *x = &all->slot[i];
        if (x->re)
            *place(more, slots, x->name, x->length, x->inc) = *x;
    }
    free(all->slot);
    all->slot = more;
    all->slots = slots;
    return SIGNAL_OK;
}

static int fill(const signals *s, const played *r, pulse *x)
{
    double re[BLOCK], im[BLOCK], c[BLOCK], sn[BLOCK];
    size_t n = (size_t)r->length;
    x->re = malloc(2 * n * sizeof *x->re);
    if (!x->re)
        return SIGNAL_NO_MEMORY;
    x->im = x->re + n;
    memset(re, 0, sizeof re);
    memset(im, 0, sizeof im);
    for (int64_t from = 0; from < r->length; from += BLOCK) {
        int count = r->length - from < BLOCK ? (int)(r->length - from) : BLOCK;
        record_samples(s, r, from, count, re, im);
        record_turn(r, 0, 0, 1, from, c, sn);
        block_times(re, im, c, sn);
        memcpy(x->re + from, re, (size_t)count * sizeof *re);
        memcpy(x->im + from, im, (size_t)count * sizeof *im);
    }
    return SIGNAL_OK;
}

/* The same in float32 steps of the converter, between zeros. */
static int fill_floats(pulse *x)
{
    size_t n = (size_t)x->length, room = 2 * PULSE_PAD + (n + PULSE_PAD - 1) / PULSE_PAD * PULSE_PAD;
    float *both = aligned_alloc(64, 2 * room * sizeof *both);
    if (!both)
        return SIGNAL_NO_MEMORY;
    memset(both, 0, 2 * room * sizeof *both);
    x->fre = both;
    x->fim = both + room;
    for (size_t i = 0; i < n; i++) {
        x->fre[PULSE_PAD + i] = (float)x->re[i];
        x->fim[PULSE_PAD + i] = (float)x->im[i];
    }
    return SIGNAL_OK;
}

static uint64_t bytes_of(const played *r, int with_floats)
{
    uint64_t n = (uint64_t)r->length;
    return 16 * n + (with_floats ? 8 * (n + 3 * PULSE_PAD) : 0);
}

const pulse *pulse_of(signals *s, const played *r, int with_floats)
{
    if (r->length > PULSE_SAMPLES_MAX || r->kind == SIGNAL_HOLD)
        return NULL;
    pulses *all = &s->pulses;
    uint64_t name = r->shape ? 1ull << 63 | r->shape->serial : (uint64_t)r->waveform, length = (uint64_t)r->length;
    pulse *x = all->slots ? place(all->slot, all->slots, name, length, r->inc) : NULL;
    if (x && x->re && (!with_floats || x->fre))
        return x;
    if (all->bytes + bytes_of(r, with_floats) > SIGNAL_PULSE_BYTES_MAX)
        release(all);
    if (2 * all->count >= all->slots && grow(all))
        return NULL;
    x = place(all->slot, all->slots, name, length, r->inc);
    if (!x->re) {
        if (fill(s, r, x))
            return NULL;
        x->name = name, x->length = length, x->inc = r->inc;
        all->count++;
        all->bytes += bytes_of(r, 0);
    }
    if (with_floats && !x->fre) {
        if (fill_floats(x))
            return NULL;
        all->bytes += bytes_of(r, 1) - bytes_of(r, 0);
    }
    return x;
}
