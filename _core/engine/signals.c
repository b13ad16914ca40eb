/* The face of the signal kernels: tables, records, acquisitions (signals.h). */
#include "inside.h"

#include <stdlib.h>

/* --- tables ---------------------------------------------------------------------------------------------------- */

signals *signals_new(uint64_t seed, int numerics)
{
    signals *s = calloc(1, sizeof *s);
    if (s) {
        s->seed = seed;
        s->numerics = numerics;
        s->stamp = 1;
    }
    return s;
}

void signals_free(signals *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->waveform_count; i++) {
        free(s->waveforms[i].I);
        free(s->waveforms[i].Q);
        free(s->waveforms[i].halves_I);
        free(s->waveforms[i].halves_Q);
    }
    for (int i = 0; i < s->weight_count; i++) {
        free(s->weights[i].re);
        free(s->weights[i].im);
        free(s->weights[i].cosine);
        free(s->weights[i].sine);
    }
    for (int i = 0; i < s->element_count; i++) {
        free(s->elements[i].ring);
        free(s->elements[i].asides);
    }
    for (int i = 0; i < s->port_count; i++) {
        free(s->ports[i].ears);
        free(s->ports[i].tails);
        free(s->ports[i].heard);
        free(s->ports[i].rows);
        shared_free(&s->ports[i]);
        free(s->ports[i].photons.thresholds);
    }
    for (int i = 0; i < s->output_count; i++)
        output_free(&s->outputs[i]);
    free(s->outputs);
    for (int i = 0; i < s->tail_count; i++)
        free(s->tails[i].samples);
    free(s->tails);
    free(s->turn.re);
    free(s->turn.im);
    shapes_free(&s->shapes);
    pulses_free(&s->pulses);
    roots_free(&s->roots);
    free(s->waveforms);
    free(s->weights);
    free(s->elements);
    free(s->ports);
    remembered_free(&s->sums);
    free(s);
}

void *one_more(void *table, int *count, size_t size)
{
    char *items;
    memcpy(&items, table, sizeof items);
    if ((*count & (*count - 1)) == 0) {
        items = realloc(items, (*count ? 2 * (size_t)*count : 1) * size);
        if (!items)
            return NULL;
        memcpy(table, &items, sizeof items);
    }
    char *item = items + (size_t)*count * size;
    memset(item, 0, size);
    return item;
}

static double *copied(const double *x, int64_t n, int64_t times)
{
    double *y = malloc((size_t)(n * times) * sizeof *y);
    for (int64_t i = 0; y && i < n * times; i++)
        y[i] = x[i % n];
    return y;
}

int signals_add_waveform(signals *s, const double *I, const double *Q, int64_t n, int constant)
{
    if (n < 1 || (constant && n != 1))
        return SIGNAL_BAD_ID;
    if (n > SIGNAL_SAMPLES_MAX)
        return SIGNAL_TOO_LONG;
    waveform *w = one_more(&s->waveforms, &s->waveform_count, sizeof *w);
    if (!w)
        return SIGNAL_NO_MEMORY;
    int64_t repeat = constant ? BLOCK : 1;
    w->I = copied(I, n, repeat);
    w->Q = Q ? copied(Q, n, repeat) : NULL;
    w->n = n;
    w->constant = constant;
    w->peak = peak_of(I, Q, n);
    if (!w->I || (Q && !w->Q)) {
        free(w->I);
        free(w->Q);
        return SIGNAL_NO_MEMORY;
    }
    return s->waveform_count++;
}

/* Weights as integers of the exact numerics, times 2^-8; *wide where one could make a product of more than 21 bits. */
static double *whole_weights(const double *x, int64_t n, int *wide)
{
    double *y = calloc((size_t)((n + BLOCK - 1) / BLOCK * BLOCK), sizeof *y);
    for (int64_t i = 0; y && i < n; i++) {
        double whole = floor(x[i] * 32768.0 + 0.5);
        *wide |= fabs(whole) >= 131072.0;
        y[i] = whole * 0x1p-8;
    }
    return y;
}

int signals_add_weights(signals *s, const double *cosine, const double *sine, int64_t n)
{
    if (n < 1)
        return SIGNAL_BAD_ID;
    if (n > SIGNAL_SAMPLES_MAX)
        return SIGNAL_TOO_LONG;
    weights *w = one_more(&s->weights, &s->weight_count, sizeof *w);
    if (!w)
        return SIGNAL_NO_MEMORY;
    w->n = n;
    w->re = copied(cosine, n, 1);
    w->im = sine ? copied(sine, n, 1) : NULL;
    if (s->numerics == SIGNAL_EXACT) {
        w->cosine = whole_weights(cosine, n, &w->wide);
        w->sine = sine ? whole_weights(sine, n, &w->wide) : NULL;
    }
    if (!w->re || (sine && !w->im) || (s->numerics == SIGNAL_EXACT && (!w->cosine || (sine && !w->sine)))) {
        free(w->re);
        free(w->im);
        free(w->cosine);
        free(w->sine);
        return SIGNAL_NO_MEMORY;
    }
    for (int64_t i = 0; w->im && i < n; i++)
        w->im[i] = -w->im[i];
    return s->weight_count++;
}

int signals_add_element(signals *s, double c00, double c01, double c10, double c11)
{
    element *e = one_more(&s->elements, &s->element_count, sizeof *e);
    if (!e)
        return SIGNAL_NO_MEMORY;
    e->m[SIGNAL_OUTPUT_I] = (pair){c00, -c01};
    e->m[SIGNAL_OUTPUT_Q] = (pair){c10, -c11};
    memcpy(e->now, e->m, sizeof e->now);
    e->delay = -1;
    e->last = INT64_MIN;
    e->open = -1;
    e->shifted = -1;
    return s->element_count++;
}

int signal_correction(signals *s, int id, const double c[4])
{
    if (id < 0 || id >= s->element_count)
        return SIGNAL_BAD_ID;
    element *e = &s->elements[id];
    e->now[SIGNAL_OUTPUT_I] = (pair){c[0], -c[1]};
    e->now[SIGNAL_OUTPUT_Q] = (pair){c[2], -c[3]};
    e->corrected = 1;
    return SIGNAL_OK;
}

int signals_add_shifted(signals *s, int id, uint64_t shift, int turns)
{
    if (id < 0 || id >= s->element_count)
        return SIGNAL_BAD_ID;
    pair i = s->elements[id].m[SIGNAL_OUTPUT_I], q = s->elements[id].m[SIGNAL_OUTPUT_Q];
    int made = signals_add_element(s, i.re, -i.im, q.re, -q.im);
    if (made < 0)
        return made;
    element *e = &s->elements[made], *of = &s->elements[id];
    e->shift = shift;
    e->turns = turns;
    e->halves = of->halves;
    e->shifted = of->shifted;
    of->shifted = made;
    return made;
}

int signals_add_port(signals *s, int32_t number, double gain, double offset, double sigma, int sign, int64_t delay,
                     int from_samples)
{
    if (delay < 0)
        return SIGNAL_BAD_ID;
    port *p = one_more(&s->ports, &s->port_count, sizeof *p);
    if (!p)
        return SIGNAL_NO_MEMORY;
    p->number = number;
    p->gain = gain;
    p->offset = offset;
    p->sigma = sigma;
    p->sign = sign < 0 ? -1.0 : 1.0;
    p->delay = delay;
    p->from_samples = from_samples;
    p->per_ns = 1;
    return s->port_count++;
}

int port_channel(port *p, int32_t output)
{
    for (int i = 0; i < p->ear_count; i++)
        if (p->ears[i].output == output)
            return p->ears[i].channel;
    for (int i = 0; i < p->tail_count; i++)
        if (p->tails[i].output == output)
            return p->tails[i].channel;
    return p->channels++;
}

int signals_add_ear(signals *s, int port_id, int element_id, int which, int32_t output)
{
    if (port_id < 0 || port_id >= s->port_count || element_id < 0 || element_id >= s->element_count)
        return SIGNAL_BAD_ID;
    if (which < SIGNAL_OUTPUT_I || which > SIGNAL_OUTPUT_SINGLE)
        return SIGNAL_BAD_ID;
    port *p = &s->ports[port_id];
    ear *added = one_more(&p->ears, &p->ear_count, sizeof *added);
    if (!added)
        return SIGNAL_NO_MEMORY;
    element *e = &s->elements[element_id];
    e->delay = p->delay > e->delay ? p->delay : e->delay;
    *added = (ear){.element = element_id, .which = which, .output = output, .channel = port_channel(p, output), .factor = 1.0};
    s->stamp++;
    return p->ear_count++;
}

int signals_set_way(signals *s, int port_id, int ear_id, int64_t delay, double factor)
{
    if (port_id < 0 || port_id >= s->port_count || ear_id < 0 || ear_id >= s->ports[port_id].ear_count || delay < 0)
        return SIGNAL_BAD_ID;
    port *p = &s->ports[port_id];
    ear *way = &p->ears[ear_id];
    element *e = &s->elements[way->element];
    way->delay = delay;
    way->factor = factor;
    e->delay = p->delay + delay > e->delay ? p->delay + delay : e->delay;
    s->stamp++;
    return SIGNAL_OK;
}

int signals_set_full_scale(signals *s, int port_id, int32_t output, double full_scale)
{
    if (port_id < 0 || port_id >= s->port_count || !(full_scale > 0.0))
        return SIGNAL_BAD_ID;
    port *p = &s->ports[port_id];
    for (int i = 0; i < p->ear_count; i++)
        if (p->ears[i].output == output)
            p->ears[i].full_scale = full_scale;
    s->stamp++;
    return SIGNAL_OK;
}

/* --- acquisitions ---------------------------------------------------------------------------------------------- */

static int check_process(const signals *s, const signal_process_t *process, int64_t *n)
{
    if (process->legs < 1 || process->legs > 2)
        return SIGNAL_BAD_ID;
    for (int leg = 0; leg < process->legs; leg++) {
        int32_t port = process->port[leg], id = process->weights[leg];
        if (port < 0 || port >= s->port_count || id < 0 || id >= s->weight_count)
            return SIGNAL_BAD_ID;
        if (*n && *n != s->weights[id].n)
            return SIGNAL_MIXED_WINDOWS;
        *n = s->weights[id].n;
    }
    return SIGNAL_OK;
}

/* The window of every demodulation of an acquisition. */
static window window_of_all(const signal_acquisition_t *a, int64_t n)
{
    int demod = 0;
    for (int i = 0; i < a->count; i++)
        demod |= a->processes[i].kind == SIGNAL_DEMOD;
    return (window){
        .start = a->start,
        .n = n,
        .phase = a->phase,
        .inc = a->inc,
        .turn = demod ? turned(a->phase) : (pair){1.0, 0.0},
        .element = (uint32_t)a->element,
    };
}

static window window_of(const window *all, const signal_process_t *process, int leg)
{
    window w = *all;
    w.variant = 2 * process->weights[leg] + process->kind;
    w.q = 2 * (uint32_t)process->process + (uint32_t)leg;
    if (process->kind != SIGNAL_DEMOD) {
        w.phase = w.inc = 0;
        w.turn = (pair){1.0, 0.0};
    }
    return w;
}

static int linear_value(signals *s, const window *all, const signal_process_t *process, double *value,
                        signal_events_t *events)
{
    double sum = 0.0;
    for (int leg = 0; leg < process->legs; leg++) {
        window w = window_of(all, process, leg);
        double d;
        int code = linear_integral(s, &s->ports[process->port[leg]], &w, &d, events);
        if (code)
            return code;
        sum = leg ? sum + d : d;
    }
    *value = sum;
    return SIGNAL_OK;
}

/* Notes for process k what has been noticed since `before`. */
static void note(signal_events_t *events, const signal_events_t *before, int k)
{
    events->overflowed |= (uint32_t)(events->integral_overflow != before->integral_overflow) << k;
    events->saturated |= (uint32_t)(events->input_saturated != before->input_saturated) << k;
}

static int linear_all(signals *s, const signal_acquisition_t *a, int64_t n, int32_t *raw, double *value,
                      signal_events_t *events)
{
    window all = window_of_all(a, n);
    double d;
    for (int i = 0; i < a->count; i++) {
        signal_events_t before = *events;
        int code = linear_value(s, &all, &a->processes[i], &d, events);
        if (code)
            return code;
        if (value)
            value[i] = d;
        int64_t wide = (int64_t)floor(d * 268435456.0 + 0.5);
        raw[i] = (int32_t)(uint32_t)wide;
        events->integral_overflow += raw[i] != wide;
        note(events, &before, i);
    }
    return SIGNAL_OK;
}

static int exact_all(signals *s, const signal_acquisition_t *a, int64_t n, int32_t *raw, double *value,
                     signal_events_t *events)
{
    window all = window_of_all(a, n);
    for (int i = 0; i < a->count; i++) {
        const signal_process_t *process = &a->processes[i];
        signal_events_t before = *events;
        int64_t wide = 0;
        for (int leg = 0; leg < process->legs; leg++) {
            window w = window_of(&all, process, leg);
            int32_t one;
            int code = exact_integral(s, &s->ports[process->port[leg]], &w, &one, events);
            if (code)
                return code;
            wide += one;
        }
        raw[i] = (int32_t)(uint32_t)wide;
        if (value)
            value[i] = (double)raw[i] * 0x1p-28;
        events->integral_overflow += raw[i] != wide;
        note(events, &before, i);
    }
    return SIGNAL_OK;
}

/* Checks the acquisition; *n becomes the length of its window. */
static int check_acquisition(const signals *s, const signal_acquisition_t *a, int64_t *n)
{
    *n = 0;
    if (a->count < 1 || a->count > SIGNAL_PROCESSES_MAX)
        return SIGNAL_BAD_ID;
    for (int i = 0; i < a->count; i++) {
        int code = check_process(s, &a->processes[i], n);
        if (code)
            return code;
    }
    return SIGNAL_OK;
}

int signal_evaluate_values(signals *s, const signal_acquisition_t *a, int32_t *raw, double *value,
                           signal_events_t *events)
{
    int64_t n;
    int code = check_acquisition(s, a, &n);
    if (code)
        return code;
    return s->numerics == SIGNAL_EXACT ? exact_all(s, a, n, raw, value, events)
                                       : linear_all(s, a, n, raw, value, events);
}

int signal_evaluate(signals *s, const signal_acquisition_t *a, int32_t *raw, signal_events_t *events)
{
    return signal_evaluate_values(s, a, raw, NULL, events);
}

int signal_integral(signals *s, const signal_acquisition_t *a, double *value, signal_events_t *events)
{
    int64_t n;
    int code = check_acquisition(s, a, &n);
    if (code)
        return code;
    window all = window_of_all(a, n);
    return linear_value(s, &all, &a->processes[0], value, events);
}

static int look_at(signals *s, int id, int64_t start, int64_t length)
{
    if (id < 0 || id >= s->port_count)
        return SIGNAL_BAD_ID;
    if (length < 0 || length > SIGNAL_SAMPLES_MAX)
        return SIGNAL_TOO_LONG;
    return hear(s, &s->ports[id], start, length);
}

int signal_trace(signals *s, int id, int64_t start, int64_t length, int16_t *codes, signal_events_t *events)
{
    int code = look_at(s, id, start, length);
    if (code)
        return code;
    port *p = &s->ports[id];
    int clipped = 0, shared = s->numerics == SIGNAL_EXACT && length <= SHARED_SAMPLES; /* integrals read them too */
    if (length == 0)
        return SIGNAL_OK;
    if (shared) {
        const int16_t *all;
        code = port_codes(s, p, start, length, &all, &clipped);
        if (!code)
            memcpy(codes, all, (size_t)length * sizeof *codes);
    }
    for (int64_t from = 0; !code && !shared && from < length; from += BLOCK) {
        int count = length - from < BLOCK ? (int)(length - from) : BLOCK;
        int64_t first;
        code = code_samples(s, p, from, count, codes + from, &first);
        clipped |= !code && first >= 0;
    }
    events->input_saturated += clipped;
    return code;
}

int signal_heard(signals *s, int id, int64_t start, int64_t length, double *v)
{
    int code = look_at(s, id, start, length);
    if (code)
        return code;
    for (int64_t from = 0; from < length; from += BLOCK) {
        int count = length - from < BLOCK ? (int)(length - from) : BLOCK;
        hear_samples(s, &s->ports[id], from, count, v + from);
    }
    return SIGNAL_OK;
}
