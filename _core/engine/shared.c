/* What the processes and traces of one window share: noise, converter codes, and the turned phase. All of it is what each
 * would compute for itself; sharing changes only time. */
#include "inside.h"

#include <stdlib.h>

/* Room for `count` of `size` bytes, doubling up to SHARED_SAMPLES. */
static int room(void *array, int64_t *slots, int64_t count, size_t size)
{
    if (count <= *slots)
        return SIGNAL_OK;
    int64_t more = *slots ? *slots : 4 * BLOCK;
    while (more < count)
        more *= 2;
    char *items;
    memcpy(&items, array, sizeof items);
    items = realloc(items, (size_t)more * size);
    if (!items)
        return SIGNAL_NO_MEMORY;
    memcpy(array, &items, sizeof items);
    *slots = more;
    return SIGNAL_OK;
}

int port_noise(const signals *s, port *p, int64_t t, int count, const float **noise)
{
    shared_noise *x = &p->noise;
    int64_t end = x->start + x->count;
    if (t < x->start || t > end || t + count - x->start > SHARED_SAMPLES) {
        x->start = t & ~(int64_t)(NOISE_UNIT - 1);
        x->count = 0;
    }
    int64_t needed = (t + count - x->start + NOISE_UNIT - 1) & ~(int64_t)(NOISE_UNIT - 1);
    int code = room(&x->normal, &x->slots, needed, sizeof *x->normal);
    if (code)
        return code;
    if (x->count < needed)
        noise_samples(s->seed, (uint32_t)p->number, x->start + x->count, (int)(needed - x->count), x->normal + x->count);
    x->count = x->count < needed ? needed : x->count;
    *noise = x->normal + (t - x->start);
    return SIGNAL_OK;
}

/* floor(x 2^17 + 1/2), kept in 18 bits. */
CLONES static void whole_numbers(double *restrict x)
{
    for (int i = 0; i < BLOCK; i++) {
        double y = floor(x[i] * 131072.0 + 0.5);
        x[i] = y > 131071.0 ? 131071.0 : y;
    }
}

int shared_turn(signals *s, const window *w, int64_t from, const double **c, const double **sn)
{
    turn *x = &s->turn;
    if (!x->count || x->phase != w->phase || x->inc != w->inc || x->n != w->n || x->start > from ||
        from > x->start + x->count || from + BLOCK - x->start > SHARED_SAMPLES) {
        *x = (turn){.phase = w->phase, .inc = w->inc, .n = w->n, .start = from, .re = x->re, .im = x->im, .slots = x->slots,
                    .im_slots = x->im_slots};
    }
    int64_t needed = from + BLOCK - x->start;
    int code = room(&x->re, &x->slots, needed, sizeof *x->re);
    if (!code)
        code = room(&x->im, &x->im_slots, needed, sizeof *x->im);
    if (code)
        return code;
    for (; x->count < needed; x->count += BLOCK) {
        double re[BLOCK], im[BLOCK];
        const double *z, *y;
        z = carrier_block(s, BARE, w->inc, w->n, x->start + x->count, re, im, &y);
        if (!z)
            return SIGNAL_NO_MEMORY;
        block_turned(z, y, w->turn, x->re + x->count, x->im + x->count);
        whole_numbers(x->re + x->count);
        whole_numbers(x->im + x->count);
    }
    *c = x->re + (from - x->start);
    *sn = x->im + (from - x->start);
    return SIGNAL_OK;
}

int port_codes(signals *s, port *p, int64_t start, int64_t length, const int16_t **codes, int *clipped)
{
    shared_codes *x = &p->codes;
    if (x->stamp != s->stamp || x->start != start)
        *x = (shared_codes){.codes = x->codes, .slots = x->slots, .stamp = s->stamp, .start = start,
                            .first_clipped = INT64_MAX};
    if (x->count < length) {
        int code = room(&x->codes, &x->slots, (length + BLOCK - 1) / BLOCK * BLOCK, sizeof *x->codes);
        if (!code)
            code = hear(s, p, start, length);
        if (code)
            return code;
    }
    while (x->count < length) {
        int count = length - x->count < BLOCK ? (int)(length - x->count) : BLOCK;
        int64_t first;
        int code = code_samples(s, p, x->count, count, x->codes + x->count, &first);
        if (code)
            return code;
        if (first >= 0 && x->first_clipped == INT64_MAX)
            x->first_clipped = x->count + first;
        x->count += count;
    }
    *codes = x->codes;
    *clipped = x->first_clipped < length;
    return SIGNAL_OK;
}

void shared_free(port *p)
{
    free(p->noise.normal);
    free(p->codes.codes);
}
