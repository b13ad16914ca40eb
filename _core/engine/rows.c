/* Joint noise of overlapping integrals (docs/arithmetic.md 6): one row of the covariance's root at a time. */
#include "inside.h"

#include <stdlib.h>

/* A = sum X_j conj(X_k) and B = sum X_j X_k over the samples that both windows hold. */
static void covariance_sums(const signals *s, const window *j, const window *k, double out[4])
{
    double jr[BLOCK], ji[BLOCK], kr[BLOCK], ki[BLOCK], re[BLOCK], im[BLOCK];
    double ar[LANES] = {0}, ai[LANES] = {0}, br[LANES] = {0}, bi[LANES] = {0};
    window x = *j, y = *k;
    x.phase = y.phase = 0;
    int64_t shift = j->start - k->start; /* sample i of j is sample i + shift of k */
    int64_t low = shift < 0 ? -shift : 0, high = k->n - shift < j->n ? k->n - shift : j->n;
    for (int64_t from = low & ~(int64_t)(LANES - 1); from < high; from += BLOCK) {
        turned_weights(s, &x, from, low, high, jr, ji);
        turned_weights(s, &y, from + shift, low + shift, high + shift, kr, ki);
        block_product(jr, ji, kr, ki, -1.0, re, im);
        block_lanes(re, ar);
        block_lanes(im, ai);
        block_product(jr, ji, kr, ki, 1.0, re, im);
        block_lanes(re, br);
        block_lanes(im, bi);
    }
    out[0] = lanes_fold(ar), out[1] = lanes_fold(ai), out[2] = lanes_fold(br), out[3] = lanes_fold(bi);
}

static int covariance(signals *s, const port *p, const window *j, const window *k, double *cov)
{
    remembered_key key = {{REMEMBERED_COVARIANCE | (uint64_t)j->variant << 2 | (uint64_t)k->variant << 33, j->inc, k->inc,
                           (uint64_t)(j->start - k->start)}};
    int fresh;
    uint32_t hint = 3 * (uint32_t)j->variant + (uint32_t)k->variant + 23;
    remembered_value *value = remembered_find(&s->sums, &key, hint, &fresh);
    if (!value)
        return SIGNAL_NO_MEMORY;
    if (fresh)
        covariance_sums(s, j, k, value->number);
    const double *x = value->number;
    double apart = j->phase == k->phase ? x[0] : real_times(turned(j->phase - k->phase), (pair){x[0], x[1]});
    uint64_t both = j->phase + k->phase;
    pair z = both == 2 * p->turned_phase ? p->twice : turned(both);
    double together = real_times(z, (pair){x[2], x[3]});
    *cov = 0.5 * (apart + together);
    return SIGNAL_OK;
}

/* A place for a new row behind those that a window from now on can still overlap. */
static int make_room(signals *s, port *p)
{
    while (p->row_count && p->rows[p->row_first].end <= s->forgotten) {
        p->row_first++;
        p->row_count--;
    }
    if (p->row_count == 0)
        p->row_first = 0;
    if (p->row_first + p->row_count < p->row_slots)
        return SIGNAL_OK;
    if (p->row_first >= p->row_slots / 2 && p->row_first > 0) {
        memmove(p->rows, p->rows + p->row_first, (size_t)p->row_count * sizeof *p->rows);
        p->row_first = 0;
        return SIGNAL_OK;
    }
    int64_t slots = p->row_slots ? 2 * p->row_slots : 16;
    if ((uint64_t)slots * sizeof *p->rows > SIGNAL_RING_BYTES_MAX)
        return SIGNAL_RING_FULL;
    past *more = realloc(p->rows, (size_t)slots * sizeof *more);
    if (!more)
        return SIGNAL_NO_MEMORY;
    p->rows = more;
    p->row_slots = slots;
    return SIGNAL_OK;
}

/* sum over m < k of L[j, m] L[k, m]; `width` columns of row j end at j, those of k at k. */
static double overlap(const past *j, const past *k, int before_k, int width)
{
    int first_k = before_k - k->width; /* column of row j where row k begins */
    double sum = 0.0;
    for (int m = first_k > 0 ? first_k : 0; m < before_k && m < width; m++)
        sum += j->row[m] * k->row[m - first_k];
    return sum;
}

/* Fills row j from the `width` rows before it. */
static int fill_row(signals *s, const port *p, const window *w, past *j, const past *earlier)
{
    double square = 0.0, cov;
    int code;
    for (int k = 0; k < j->width; k++) {
        const past *e = &earlier[k];
        window other = {.variant = e->variant, .start = e->start, .n = e->end - e->start, .phase = e->phase, .inc = e->inc};
        code = covariance(s, p, w, &other, &cov);
        if (code)
            return code;
        j->row[k] = e->diagonal == 0.0 ? 0.0 : (cov - overlap(j, e, k, j->width)) / e->diagonal;
        square += j->row[k] * j->row[k];
    }
    code = covariance(s, p, w, w, &cov);
    if (code)
        return code;
    double rest = cov - square;
    j->diagonal = rest <= 1e-12 * cov ? 0.0 : sqrt(rest);
    return SIGNAL_OK;
}

int rows_noise(signals *s, port *p, const window *w, double *eta)
{
    int code = make_room(s, p);
    if (code)
        return code;
    past *rows = p->rows + p->row_first, *j = &rows[p->row_count];
    int width = 0;
    while (width < p->row_count && rows[p->row_count - 1 - width].end > w->start)
        width++;
    if (width >= SIGNAL_OVERLAPS_MAX)
        return SIGNAL_TOO_MANY_OVERLAPS;
    j->start = w->start;
    j->end = w->start + w->n;
    j->phase = w->phase;
    j->inc = w->inc;
    j->variant = w->variant;
    j->width = width;
    j->z = w->z;
    code = fill_row(s, p, w, j, j - width);
    if (code)
        return code;
    double sum = 0.0;
    for (int k = 0; k < width; k++)
        sum += j->row[k] * (j - width + k)->z;
    *eta = sum + j->diagonal * j->z;
    p->row_count++;
    return SIGNAL_OK;
}
