/* Digital inputs (docs/arithmetic.md 20): parts of markers in rings by element, edges by a sweep over their ends. */
#include "digital.h"

#include <stdlib.h>
#include <string.h>

#include "inside.h"

#define OPEN (INT64_MAX / 4)
enum { CHUNK = 16 * BLOCK }; /* ns that are swept at once where there is light */

/* high in [from, to) of a pulse that starts at `start`; starts, from and to never fall from one to the next */
typedef struct {
    int64_t start, from, to;
} part;

typedef struct {
    part *ring;
    uint64_t first, count, slots; /* slots a power of two, or 0 */
    int heard;
    int64_t reach; /* the latest that an input hears of a part, after its end */
} player;

typedef struct {
    int32_t line, element;
    int64_t delay, buffer;
} source;

typedef struct {
    int inverted;
    int depth; /* while sweeping: parts that are high now */
} line;

typedef struct {
    int32_t number;
    int falling;
    int64_t dead, delay;
    line *lines;
    source *sources;
    int line_count, source_count;
    photons light;
} input;

/* The level of a line (LIGHT: of the light) goes up or down. */
typedef struct {
    int64_t t;
    int32_t line, step;
} change;

enum { LIGHT = -1 };

struct digital {
    uint64_t seed;
    player *players;
    input *inputs;
    int player_count, input_count;
    int64_t parts;
    change *changes;
    int64_t change_count, change_slots;
    int64_t *edges;
    int64_t edge_count, edge_slots;
};

/* --- life --------------------------------------------------------------------------------------------------------- */

digital *digital_new(uint64_t seed, int elements)
{
    digital *d = calloc(1, sizeof *d);
    if (!d)
        return NULL;
    d->seed = seed;
    d->player_count = elements;
    d->players = calloc((size_t)(elements > 0 ? elements : 1), sizeof *d->players);
    if (!d->players) {
        free(d);
        return NULL;
    }
    return d;
}

void digital_free(digital *d)
{
    if (!d)
        return;
    for (int k = 0; k < d->player_count; k++)
        free(d->players[k].ring);
    for (int k = 0; k < d->input_count; k++) {
        free(d->inputs[k].lines);
        free(d->inputs[k].sources);
        free(d->inputs[k].light.thresholds);
    }
    free(d->players);
    free(d->inputs);
    free(d->changes);
    free(d->edges);
    free(d);
}

int digital_add_input(digital *d, int32_t number, int falling, int64_t dead, int64_t delay)
{
    input *in = one_more(&d->inputs, &d->input_count, sizeof *in);
    if (!in)
        return DIGITAL_NO_MEMORY;
    in->number = number;
    in->falling = falling;
    in->dead = dead;
    in->delay = delay;
    return d->input_count++;
}

int digital_add_line(digital *d, int number, int inverted)
{
    if (number < 0 || number >= d->input_count)
        return DIGITAL_BAD_ID;
    input *in = &d->inputs[number];
    line *l = one_more(&in->lines, &in->line_count, sizeof *l);
    if (!l)
        return DIGITAL_NO_MEMORY;
    l->inverted = inverted;
    return in->line_count++;
}

int digital_add_marker(digital *d, int number, int line_number, int element, int64_t delay, int64_t buffer)
{
    if (number < 0 || number >= d->input_count || element < 0 || element >= d->player_count)
        return DIGITAL_BAD_ID;
    input *in = &d->inputs[number];
    if (line_number < 0 || line_number >= in->line_count)
        return DIGITAL_BAD_ID;
    source *s = one_more(&in->sources, &in->source_count, sizeof *s);
    if (!s)
        return DIGITAL_NO_MEMORY;
    in->source_count++;
    *s = (source){.line = line_number, .element = element, .delay = delay, .buffer = buffer};
    player *p = &d->players[element];
    p->heard = 1;
    if (delay + buffer + in->delay > p->reach)
        p->reach = delay + buffer + in->delay;
    return 0;
}

int digital_add_light(digital *d, int number, const uint64_t *thresholds, int count, int width)
{
    if (number < 0 || number >= d->input_count)
        return DIGITAL_BAD_ID;
    return photons_set(&d->inputs[number].light, thresholds, count, 0.0, width) ? DIGITAL_NO_MEMORY : 0;
}

int digital_hears(const digital *d, int element) { return d->players[element].heard; }
int64_t digital_delay(const digital *d, int number) { return d->inputs[number].delay; }
int digital_is_lit(const digital *d, int number) { return d->inputs[number].light.count > 0; }

/* --- what is played ------------------------------------------------------------------------------------------------ */

static part *last_of(player *p) { return &p->ring[(p->first + p->count - 1) & (p->slots - 1)]; }

int digital_room(digital *d, int element, int64_t count)
{
    player *p = &d->players[element];
    if (d->parts + count > DIGITAL_PARTS_MAX)
        return DIGITAL_FULL;
    if (p->count + (uint64_t)count <= p->slots)
        return 0;
    uint64_t slots = p->slots ? p->slots : 16;
    while (slots < p->count + (uint64_t)count)
        slots *= 2;
    part *ring = malloc(slots * sizeof *ring);
    if (!ring)
        return DIGITAL_NO_MEMORY;
    for (uint64_t k = p->first; k < p->first + p->count; k++)
        ring[k & (slots - 1)] = p->ring[k & (p->slots - 1)];
    free(p->ring);
    p->ring = ring;
    p->slots = slots;
    return 0;
}

void digital_high(digital *d, int element, int64_t start, int64_t from, int64_t to)
{
    player *p = &d->players[element];
    p->count++;
    d->parts++;
    *last_of(p) = (part){start, from, to};
}

void digital_hold(digital *d, int element)
{
    if (d->players[element].count)
        last_of(&d->players[element])->to = OPEN;
}

void digital_low(digital *d, int element, int64_t t)
{
    player *p = &d->players[element];
    while (p->count && last_of(p)->from >= t && last_of(p)->to > t) { /* it never came to be high */
        p->count--;
        d->parts--;
    }
    if (p->count && last_of(p)->to > t)
        last_of(p)->to = t;
}

int digital_ends(const digital *d, int element, int64_t t)
{
    const player *p = &d->players[element];
    return p->count && p->ring[(p->first + p->count - 1) & (p->slots - 1)].to == t;
}

void digital_forget_before(digital *d, int64_t t)
{
    for (int k = 0; k < d->player_count; k++) {
        player *p = &d->players[k];
        while (p->count && p->ring[p->first & (p->slots - 1)].to + p->reach < t - DIGITAL_LEAD) {
            p->first++;
            p->count--;
            d->parts--;
        }
    }
}

/* --- edges --------------------------------------------------------------------------------------------------------- */

static int add_change(digital *d, int64_t t, int32_t line, int32_t step)
{
    if (d->change_count == d->change_slots) {
        int64_t slots = d->change_slots ? 2 * d->change_slots : 64;
        change *changes = realloc(d->changes, (size_t)slots * sizeof *changes);
        if (!changes)
            return DIGITAL_NO_MEMORY;
        d->changes = changes;
        d->change_slots = slots;
    }
    d->changes[d->change_count++] = (change){t, line, step};
    return 0;
}

/* What is high in [from, to), as far as it lies in [start, end). */
static int add_span(digital *d, int32_t line, int64_t from, int64_t to, int64_t start, int64_t end)
{
    if (to <= start || from >= end || to <= from)
        return 0;
    int code = add_change(d, from > start ? from : start, line, 1);
    return code || to >= end ? code : add_change(d, to, line, -1);
}

/* The parts of one source that are heard in [start, end). */
static int add_parts(digital *d, const input *in, const source *s, int64_t start, int64_t end)
{
    const player *p = &d->players[s->element];
    int64_t late = s->delay + in->delay;
    uint64_t low = 0, high = p->count;
    while (low < high) { /* the first that ends behind start */
        uint64_t middle = (low + high) / 2;
        if (p->ring[(p->first + middle) & (p->slots - 1)].to + late + s->buffer > start)
            high = middle;
        else
            low = middle + 1;
    }
    for (; low < p->count; low++) {
        const part *x = &p->ring[(p->first + low) & (p->slots - 1)];
        int64_t from = x->from + s->delay - s->buffer;
        from = (from > x->start ? from : x->start) + in->delay;
        if (from >= end)
            break;
        int code = add_span(d, s->line, from, x->to + late + s->buffer, start, end);
        if (code)
            return code;
    }
    return 0;
}

static int add_light(digital *d, const input *in, int64_t start, int64_t end)
{
    uint8_t places[SIGNAL_PHOTONS_MAX];
    int64_t first = start - in->light.width + 1;
    for (int64_t block = first < 0 ? 0 : first / BLOCK; in->light.count && block * BLOCK < end; block++) {
        int count = photons_in_block(&in->light, d->seed, in->number, block, places);
        for (int k = 0; k < count; k++) {
            int64_t t = block * BLOCK + places[k];
            int code = add_span(d, LIGHT, t, t + in->light.width, start, end);
            if (code)
                return code;
        }
    }
    return 0;
}

static int by_time(const void *a, const void *b)
{
    const change *x = a, *y = b;
    return x->t < y->t ? -1 : x->t > y->t;
}

static int level_of(const input *in, int light)
{
    for (int k = 0; k < in->line_count; k++)
        if ((in->lines[k].depth > 0) != in->lines[k].inverted)
            return 1;
    return light > 0;
}

static int add_edge(digital *d, int64_t t)
{
    if (d->edge_count == d->edge_slots) {
        int64_t slots = d->edge_slots ? 2 * d->edge_slots : 64;
        int64_t *edges = realloc(d->edges, (size_t)slots * sizeof *edges);
        if (!edges)
            return DIGITAL_NO_MEMORY;
        d->edges = edges;
        d->edge_slots = slots;
    }
    d->edges[d->edge_count++] = t;
    return 0;
}

/* Finds all edges of [start, end). */
static int find_edges(digital *d, input *in, int64_t start, int64_t end)
{
    int light = 0, level = 0, code = 0;
    int64_t before = start - DIGITAL_LEAD;
    d->change_count = d->edge_count = 0;
    for (int k = 0; !code && k < in->source_count; k++)
        code = add_parts(d, in, &in->sources[k], before, end);
    if (!code)
        code = add_light(d, in, before, end);
    if (code)
        return code;
    qsort(d->changes, (size_t)d->change_count, sizeof *d->changes, by_time);
    for (int k = 0; k < in->line_count; k++)
        in->lines[k].depth = 0;
    int64_t k = 0;
    for (int64_t t = before; !code; t = d->changes[k].t) {
        for (; k < d->change_count && d->changes[k].t == t; k++)
            *(d->changes[k].line == LIGHT ? &light : &in->lines[d->changes[k].line].depth) += d->changes[k].step;
        int was = level;
        level = level_of(in, light);
        if (t > before && level != was && level != in->falling)
            code = add_edge(d, t);
        if (k == d->change_count)
            break;
    }
    return code;
}

int digital_tags(digital *d, int number, int64_t start, int64_t length, int32_t *tags, int64_t most, int64_t *count)
{
    input *in = &d->inputs[number];
    int64_t chunk = in->light.count && length > CHUNK ? CHUNK : length, latest = -OPEN;
    *count = 0;
    for (int64_t from = 0; from < length; from += chunk) {
        int64_t until = length - from < chunk ? length : from + chunk;
        int code = find_edges(d, in, start + from, start + until);
        if (code)
            return code;
        for (int64_t k = 0; k < d->edge_count; k++) {
            int64_t at = d->edges[k] - start;
            if (at - latest < in->dead)
                continue;
            latest = at;
            if (tags && *count == most)
                return 0;
            if (tags)
                tags[*count] = (int32_t)at;
            ++*count;
        }
    }
    return 0;
}

int digital_edge(digital *d, int number, int64_t from, int64_t until, int64_t *t)
{
    input *in = &d->inputs[number];
    int64_t end = until < OPEN ? until : OPEN, chunk = CHUNK;
    for (int64_t start = from; start < end;) {
        int64_t stop = end - start < chunk ? end : start + chunk;
        int code = find_edges(d, in, start, stop);
        if (code)
            return code;
        if (d->edge_count) {
            *t = d->edges[0];
            return 0;
        }
        start = stop;
        chunk *= in->light.count ? 1 : 2; /* markers are few where there is no edge; light is everywhere */
    }
    return 0;
}

int digital_source(const digital *d, int number, int k)
{
    const input *in = &d->inputs[number];
    return k < in->source_count ? in->sources[k].element : -1;
}
