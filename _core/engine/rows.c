/* Joint noise of overlapping integrals (docs/arithmetic.md 6). The noise of an integral is N = x + iy = sum X[i] n(u + i);
 * two rows of the covariance's root, one of each part, give it from its own normals and those of the integrals that it
 * overlaps. No phase is in them, so the rows of a loop are those of its first shots. */
#include "inside.h"

#include <stdlib.h>

/* --- covariances ----------------------------------------------------------------------------------------------- */

/* A = sum X_j conj(X_k) and B = sum X_j X_k over the samples that both windows hold. */
typedef struct {
    pair a, b;
} covariance;

static covariance covariance_sums(const signals *s, const root *j, const root *k, int64_t shift)
{
    double jr[BLOCK], ji[BLOCK], kr[BLOCK], ki[BLOCK], re[BLOCK], im[BLOCK];
    double ar[LANES] = {0}, ai[LANES] = {0}, br[LANES] = {0}, bi[LANES] = {0};
    int64_t j_length = s->weights[j->variant >> 1].n, k_length = s->weights[k->variant >> 1].n;
    /* sample i of j is sample i + shift of k */
    int64_t low = shift < 0 ? -shift : 0, high = k_length - shift < j_length ? k_length - shift : j_length;
    for (int64_t from = low & ~(int64_t)(LANES - 1); from < high; from += BLOCK) {
        turned_weights(s, j->variant, j->inc, from, low, high, jr, ji);
        turned_weights(s, k->variant, k->inc, from + shift, low + shift, high + shift, kr, ki);
        block_product(jr, ji, kr, ki, -1.0, re, im);
        block_lanes(re, ar);
        block_lanes(im, ai);
        block_product(jr, ji, kr, ki, 1.0, re, im);
        block_lanes(re, br);
        block_lanes(im, bi);
    }
    return (covariance){{lanes_fold(ar), lanes_fold(ai)}, {lanes_fold(br), lanes_fold(bi)}};
}

static int covariance_of(signals *s, const root *j, const root *k, int64_t shift, covariance *found)
{
    remembered_key key = {
        {REMEMBERED_COVARIANCE | (uint64_t)j->variant << 2 | (uint64_t)k->variant << 33, j->inc, k->inc, (uint64_t)shift}};
    int fresh;
    remembered_value *value = remembered_find(&s->sums, &key, 3 * (uint32_t)j->variant + (uint32_t)k->variant + 23, &fresh);
    if (!value)
        return SIGNAL_NO_MEMORY;
    if (fresh) {
        covariance c = covariance_sums(s, j, k, shift);
        value->number[0] = c.a.re, value->number[1] = c.a.im, value->number[2] = c.b.re, value->number[3] = c.b.im;
    }
    *found = (covariance){{value->number[0], value->number[1]}, {value->number[2], value->number[3]}};
    return SIGNAL_OK;
}

/* Of part p of j and part q of k; 0 is x, 1 is y. */
static double part_covariance(const covariance *c, int p, int q)
{
    if (p == q)
        return 0.5 * (p ? c->a.re - c->b.re : c->a.re + c->b.re);
    return 0.5 * (p ? c->b.im + c->a.im : c->b.im - c->a.im);
}

/* --- roots ------------------------------------------------------------------------------------------------------- */

static uint64_t mixed(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9E3779B97F4A7C15ull;
    return h ^ h >> 29;
}

static uint64_t hash(const window *w, const past *earlier, int width)
{
    uint64_t h = mixed((uint32_t)w->variant, w->inc);
    for (int k = 0; k < width; k++)
        h = mixed(h, earlier[k].root->serial + ((uint64_t)(w->start - earlier[k].start) << 32));
    return h;
}

static int same(const root *x, const window *w, const past *earlier, int width)
{
    if (x->variant != w->variant || x->inc != w->inc || x->width != width)
        return 0;
    for (int k = 0; k < width; k++)
        if (x->beside[k].serial != earlier[k].root->serial || x->beside[k].shift != w->start - earlier[k].start)
            return 0;
    return 1;
}

static uint64_t size_of(int width)
{
    return sizeof(root) + (uint64_t)width * sizeof(beside) + (4 * (uint64_t)width + 1) * sizeof(double);
}

/* Drops the roots that no integral has any more. */
static void sweep(roots *all)
{
    for (int b = 0; b < ROOT_BUCKETS; b++)
        for (root **link = &all->bucket[b]; *link;) {
            root *x = *link;
            if (x->uses) {
                link = &x->next;
                continue;
            }
            *link = x->next;
            all->bytes -= size_of(x->width);
            free(x);
        }
}

void roots_free(roots *all)
{
    for (int b = 0; b < ROOT_BUCKETS; b++)
        while (all->bucket[b]) {
            root *x = all->bucket[b];
            all->bucket[b] = x->next;
            free(x);
        }
}

/* The row of part q of a root, and its diagonal. */
static const double *row_of(const root *x, int q) { return q ? x->y : x->x; }
static double own_of(const root *x, int q) { return q ? x->own_y : x->own_x; }

/* sum over e before d of L[c, e] L[d, e], d being part q of the root k whose x is at `place` of row c. */
static double explained(const double *row, const root *k, int place, int q)
{
    const double *other = row_of(k, q);
    int first = place - 2 * k->width; /* where row d begins in row c */
    double sum = 0.0;
    for (int e = first > 0 ? first : 0; e < place + q; e++)
        sum += row[e] * other[e - first];
    return sum;
}

/* Fills the row of part p; sums[k] belong to the earlier integral k, sums[width] to itself. Returns the diagonal. */
static double fill_row(root *j, const past *earlier, const covariance *sums, int p)
{
    double *row = p ? j->y : j->x, square = 0.0;
    for (int d = 0; d < 2 * j->width + p; d++) {
        int q = d & 1, place = d - q;
        const root *k = place < 2 * j->width ? earlier[d / 2].root : j;
        double own = own_of(k, q), cov = part_covariance(&sums[d / 2], p, q);
        row[d] = own == 0.0 ? 0.0 : (cov - explained(row, k, place, q)) / own;
        square += row[d] * row[d];
    }
    double rest = part_covariance(&sums[j->width], p, p) - square;
    return rest <= 1e-12 * sums[j->width].a.re ? 0.0 : sqrt(rest);
}

static int fill(signals *s, root *j, const past *earlier)
{
    covariance sums[SIGNAL_OVERLAPS_MAX];
    for (int k = 0; k <= j->width; k++) {
        const root *other = k < j->width ? earlier[k].root : j;
        int code = covariance_of(s, j, other, k < j->width ? j->beside[k].shift : 0, &sums[k]);
        if (code)
            return code;
    }
    j->own_x = fill_row(j, earlier, sums, 0);
    j->own_y = fill_row(j, earlier, sums, 1);
    return SIGNAL_OK;
}

static int new_root(signals *s, const window *w, const past *earlier, int width, uint64_t h, root **made)
{
    roots *all = &s->roots;
    uint64_t size = size_of(width);
    if (all->bytes + size > SIGNAL_ROOT_BYTES_MAX)
        sweep(all);
    if (all->bytes + size > SIGNAL_ROOT_BYTES_MAX)
        return SIGNAL_RING_FULL;
    root *x = malloc(size);
    if (!x)
        return SIGNAL_NO_MEMORY;
    *x = (root){.serial = ++all->serial, .hash = h, .inc = w->inc, .variant = w->variant, .width = width};
    x->x = (double *)(x->beside + width);
    x->y = x->x + 2 * width;
    for (int k = 0; k < width; k++)
        x->beside[k] = (beside){earlier[k].root->serial, w->start - earlier[k].start};
    int code = fill(s, x, earlier);
    if (code) {
        free(x);
        return code;
    }
    root **bucket = &all->bucket[h % ROOT_BUCKETS];
    x->next = *bucket;
    *bucket = x;
    all->bytes += size;
    *made = x;
    return SIGNAL_OK;
}

static int root_of(signals *s, const window *w, const past *earlier, int width, root **found)
{
    uint64_t h = hash(w, earlier, width);
    for (root *x = s->roots.bucket[h % ROOT_BUCKETS]; x; x = x->next)
        if (x->hash == h && same(x, w, earlier, width)) {
            *found = x;
            return SIGNAL_OK;
        }
    return new_root(s, w, earlier, width, h, found);
}

/* --- integrals of a port ------------------------------------------------------------------------------------------ */

/* A place for a new integral behind those that a window from now on can still overlap. */
static int make_room(signals *s, port *p)
{
    while (p->row_count && p->rows[p->row_first].end <= s->forgotten) {
        p->rows[p->row_first].root->uses--;
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

/* The integral's own normals, where a part of it is not wholly made of earlier ones. */
static pair drawn(const signals *s, const port *p, const window *w, const root *j)
{
    if (j->own_x == 0.0 && j->own_y == 0.0)
        return (pair){0.0, 0.0};
    noise_place place = {(uint32_t)p->number, w->element, w->q, w->start + w->n};
    float x, y;
    noise_integral(s->seed, &place, &x, &y);
    return (pair){j->own_x == 0.0 ? 0.0 : (double)x, j->own_y == 0.0 ? 0.0 : (double)y};
}

int rows_noise(signals *s, port *p, const window *w, pair *noise)
{
    int code = make_room(s, p);
    if (code)
        return code;
    past *all = p->rows + p->row_first, *own = &all[p->row_count];
    int width = 0;
    while (width < p->row_count && all[p->row_count - 1 - width].end > w->start)
        width++;
    if (width >= SIGNAL_OVERLAPS_MAX)
        return SIGNAL_TOO_MANY_OVERLAPS;
    const past *earlier = own - width;
    root *j;
    code = root_of(s, w, earlier, width, &j);
    if (code)
        return code;
    pair z = drawn(s, p, w, j), sum = {0.0, 0.0};
    for (int k = 0; k < width; k++) {
        sum.re += j->x[2 * k] * earlier[k].z.re;
        sum.re += j->x[2 * k + 1] * earlier[k].z.im;
        sum.im += j->y[2 * k] * earlier[k].z.re;
        sum.im += j->y[2 * k + 1] * earlier[k].z.im;
    }
    sum.im += j->y[2 * width] * z.re;
    *noise = (pair){sum.re + j->own_x * z.re, sum.im + j->own_y * z.im};
    *own = (past){.start = w->start, .end = w->start + w->n, .root = j, .z = z};
    j->uses++;
    p->row_count++;
    return SIGNAL_OK;
}
