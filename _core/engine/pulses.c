/* Modulated pulses, remembered: w e^{i chi} depends on shape and increment alone, every play of it on one factor more; and
 * the turned weights V e^{i inc i} of demodulation likewise. */
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

static int64_t whole_blocks(uint64_t n) { return (int64_t)((n + BLOCK - 1) / BLOCK * BLOCK); }

/* Room for the samples of x. */
static int allocate(pulse *x, uint64_t n)
{
    x->re = malloc(2 * (size_t)whole_blocks(n) * sizeof *x->re);
    if (!x->re)
        return SIGNAL_NO_MEMORY;
    x->im = x->re + whole_blocks(n);
    return SIGNAL_OK;
}

static int fill(const signals *s, const played *r, pulse *x)
{
    double c[BLOCK], sn[BLOCK];
    if (allocate(x, (uint64_t)r->length))
        return SIGNAL_NO_MEMORY;
    for (int64_t from = 0; from < r->length; from += BLOCK) {
        int count = r->length - from < BLOCK ? (int)(r->length - from) : BLOCK;
        memset(x->re + from, 0, BLOCK * sizeof *x->re);
        memset(x->im + from, 0, BLOCK * sizeof *x->im);
        record_samples(s, r, from, count, x->re + from, x->im + from);
        record_turn(r, 0, 0, 1, from, c, sn);
        block_times(x->re + from, x->im + from, c, sn);
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

static uint64_t bytes_of(uint64_t n, int with_floats)
{
    return 16 * (uint64_t)whole_blocks(n) + (with_floats ? 8 * (n + 3 * PULSE_PAD) : 0);
}

/* The slot of a name, which is free where x->re is NULL; NULL: no memory. */
static pulse *slot_of(pulses *all, uint64_t name, uint64_t length, uint64_t inc, int with_floats)
{
    pulse *x = all->slots ? place(all->slot, all->slots, name, length, inc) : NULL;
    if (x && x->re && (!with_floats || x->fre))
        return x;
    if (all->bytes + bytes_of(length, with_floats) > SIGNAL_PULSE_BYTES_MAX)
        release(all);
    if (2 * all->count >= all->slots && grow(all))
        return NULL;
    return place(all->slot, all->slots, name, length, inc);
}

static void taken(pulses *all, pulse *x, uint64_t name, uint64_t length, uint64_t inc)
{
    x->name = name, x->length = length, x->inc = inc;
    all->count++;
    all->bytes += bytes_of(length, 0);
}

const pulse *pulse_of(signals *s, const played *r, int with_floats)
{
    if (r->length > PULSE_SAMPLES_MAX || r->kind == SIGNAL_HOLD)
        return NULL;
    uint64_t name = r->shape ? 1ull << 63 | r->shape->serial : (uint64_t)r->waveform, length = (uint64_t)r->length;
    pulse *x = slot_of(&s->pulses, name, length, r->inc, with_floats);
    if (!x)
        return NULL;
    if (!x->re) {
        if (fill(s, r, x))
            return NULL;
        taken(&s->pulses, x, name, length, r->inc);
    }
    if (with_floats && !x->fre) {
        if (fill_floats(x))
            return NULL;
        s->pulses.bytes += bytes_of(length, 1) - bytes_of(length, 0);
    }
    return x;
}

/* X in samples from … from + BLOCK of n, zeros behind them. */
static void carrier(const signals *s, int32_t variant, uint64_t inc, int64_t n, int64_t from, double *re, double *im)
{
    if (variant == BARE)
        block_turn(inc * (uint64_t)from, inc, re, im);
    else
        turned_weights(s, variant, inc, from, 0, n, re, im);
}

const double *carrier_block(signals *s, int32_t variant, uint64_t inc, int64_t n, int64_t from, double *re, double *im,
                            const double **imaginary)
{
    *imaginary = im;
    if (n > PULSE_SAMPLES_MAX) {
        carrier(s, variant, inc, n, from, re, im);
        return re;
    }
    uint64_t name = 1ull << 62 | (uint64_t)(variant - BARE);
    pulse *x = slot_of(&s->pulses, name, (uint64_t)n, inc, 0);
    if (!x || (!x->re && allocate(x, (uint64_t)n)))
        return NULL;
    if (x->name != name) {
        for (int64_t block = 0; block < n; block += BLOCK)
            carrier(s, variant, inc, n, block, x->re + block, x->im + block);
        taken(&s->pulses, x, name, (uint64_t)n, inc);
    }
    *imaginary = x->im + from;
    return x->re + from;
}
