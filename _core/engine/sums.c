/* Accumulated and moving sums over the slices of a process (docs/arithmetic.md 12). */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "machine_inside.h"

/* The values of the slices of one measure, and behind them the sum from the first slice on. */
static double *values_of(slice_sums *s, int64_t occurrence, int64_t slices)
{
    return s->values + (occurrence & (s->capacity - 1)) * (slices + 1);
}

/* Room for a measure whose slices begin while those of earlier ones are not done. */
static int grow(slice_sums *s, int64_t slices)
{
    slice_sums more = {.capacity = s->capacity ? 2 * s->capacity : 1, .base = s->base};
    more.values = calloc((size_t)(more.capacity * (slices + 1)), sizeof *more.values);
    if (!more.values)
        return MACHINE_NO_MEMORY;
    for (int64_t k = s->base; k < s->base + s->capacity; k++)
        memcpy(values_of(&more, k, slices), values_of(s, k, slices), (size_t)(slices + 1) * sizeof *more.values);
    free(s->values);
    *s = more;
    return 0;
}

/* The sum that ends with this slice, whose own integral is `value`. */
static double sum_to(double *values, int64_t slice, int64_t slices, int64_t summed, double value)
{
    values[slice] = value;
    if (slice < summed) /* from the first slice on */
        return values[slices] = (slice ? values[slices] : 0.0) + value;
    double sum = 0.0;
    for (int64_t k = slice - summed + 1; k <= slice; k++)
        sum += values[k];
    return sum;
}

/* The raw value of a summed slice; *overflowed comes in as what its own integral noticed. != 0: no memory. */
int sum_slices(machine *m, int64_t process, double value, int32_t *raw, int *overflowed)
{
    const int64_t *p = row(m->t.processes, PROCESS_COLUMNS, process);
    slice_sums *s = &m->sums[p[PROCESS_FIRST_SLICE]];
    int64_t slice = p[PROCESS_SLICE], slices = p[PROCESS_SLICES], occurrence = m->channels[process].done;
    while (occurrence - s->base >= s->capacity)
        if (grow(s, slices))
            return m->error = MACHINE_NO_MEMORY;
    double sum = sum_to(values_of(s, occurrence, slices), slice, slices, p[PROCESS_SUMMED], value);
    if (slice == slices - 1)
        s->base = occurrence + 1;
    int64_t own = (int64_t)floor(value * 0x1p28 + 0.5), wide = (int64_t)floor(sum * 0x1p28 + 0.5);
    *raw = (int32_t)(uint32_t)wide;
    /* that one slice alone would not have fitted says nothing of the sum; what wrapped before it was rounded does */
    *overflowed = (*overflowed && own == (int32_t)own) || *raw != wide;
    return 0;
}
