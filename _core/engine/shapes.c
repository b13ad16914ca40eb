/* Shapes: chirps, ramps and cuts, each kept once however many records have it (docs/arithmetic.md 13). */
#include "inside.h"

#include <stdlib.h>

static uint64_t mixed(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9E3779B97F4A7C15ull;
    return h ^ h >> 29;
}

static uint64_t hash(const signal_record_t *r)
{
    uint64_t h = mixed(mixed((uint64_t)r->kind, (uint32_t)r->waveform), (uint64_t)r->length);
    h = mixed(mixed(h, (uint64_t)r->stretched), (uint32_t)r->slope);
    for (int32_t i = 0; i < r->section_count; i++)
        h = mixed(mixed(h, (uint64_t)r->sections[i].start), r->sections[i].rate);
    return mixed(h, (uint64_t)r->section_count);
}

static int same(const shape *x, const signal_record_t *r)
{
    if (x->kind != r->kind || x->waveform != r->waveform || x->length != r->length || x->stretched != r->stretched ||
        x->slope != r->slope || x->section_count != r->section_count)
        return 0;
    for (int32_t i = 0; i < r->section_count; i++)
        if (x->sections[i].start != r->sections[i].start || x->sections[i].rate != r->sections[i].rate)
            return 0;
    return 1;
}

static uint64_t size_of(int32_t sections) { return sizeof(shape) + (uint64_t)sections * sizeof(section); }

/* Drops the shapes that no record has any more. */
static void sweep(shapes *all)
{
    for (int b = 0; b < SHAPE_BUCKETS; b++)
        for (shape **link = &all->bucket[b]; *link;) {
            shape *x = *link;
            if (x->uses) {
                link = &x->next;
                continue;
            }
            *link = x->next;
            all->bytes -= size_of(x->section_count);
            free(x);
        }
}

static void fill(shape *x, const signal_record_t *r)
{
    uint64_t gained = 0, base = 0;
    for (int32_t i = 0; i < r->section_count; i++) {
        const signal_section_t *now = &r->sections[i];
        if (i) {
            uint64_t m = (uint64_t)(now->start - now[-1].start);
            base += gained * m + now[-1].rate * phase_triangle(m);
            gained += now[-1].rate * m;
        }
        x->sections[i] = (section){now->start, now->rate, gained, base};
    }
}

const shape *shape_of(shapes *all, const signal_record_t *r, int *code)
{
    uint64_t h = hash(r), size = size_of(r->section_count);
    shape **bucket = &all->bucket[h % SHAPE_BUCKETS];
    for (shape *x = *bucket; x; x = x->next)
        if (x->hash == h && same(x, r)) {
            x->uses++;
            return x;
        }
    if (all->bytes + size > SIGNAL_SHAPE_BYTES_MAX)
        sweep(all);
    *code = all->bytes + size > SIGNAL_SHAPE_BYTES_MAX ? SIGNAL_RING_FULL : SIGNAL_NO_MEMORY;
    shape *x = *code == SIGNAL_RING_FULL ? NULL : malloc(size);
    if (!x)
        return NULL;
    *x = (shape){.next = *bucket, .serial = ++all->serial, .hash = h, .uses = 1, .peak = -1.0, .length = r->length,
                 .stretched = r->stretched, .kind = r->kind, .waveform = r->waveform, .slope = r->slope,
                 .section_count = r->section_count};
    fill(x, r);
    *bucket = x;
    all->bytes += size;
    *code = SIGNAL_OK;
    return x;
}

void shape_released(const shape *x)
{
    ((shape *)x)->uses--; /* records see shapes as const; the table owns them */
}

void shapes_free(shapes *all)
{
    for (int b = 0; b < SHAPE_BUCKETS; b++)
        while (all->bucket[b]) {
            shape *x = all->bucket[b];
            all->bucket[b] = x->next;
            free(x);
        }
}

void record_turn(const played *r, uint64_t p, uint64_t inc, int sign, int64_t n, double *c, double *s)
{
    const shape *x = r->shape;
    if (!x || !x->section_count) {
        uint64_t own = sign > 0 ? r->inc : (uint64_t)0 - r->inc;
        block_turn(p + own * (uint64_t)n, inc + own, c, s);
        return;
    }
    uint64_t phase[BLOCK];
    int32_t j = 0;
    for (int i = 0; i < BLOCK; i++) {
        while (j + 1 < x->section_count && x->sections[j + 1].start <= n + i)
            j++;
        const section *now = &x->sections[j];
        uint64_t m = (uint64_t)(n + i - now->start);
        uint64_t chi = r->inc * (uint64_t)(n + i) + now->base + now->gained * m + now->rate * phase_triangle(m);
        phase[i] = p + inc * (uint64_t)i + (sign > 0 ? chi : (uint64_t)0 - chi);
    }
    block_cossin(phase, c, s);
}
