/* Output samples (docs/arithmetic.md 14): sums, crosstalk, filters, offset, delay, 16 bits over 1 V. */
#include "inside.h"

#include <stdlib.h>

static double *taps(const double *from, int32_t count)
{
    double *copy = malloc(((size_t)count + 1) * sizeof *copy);
    if (copy && count)
        memcpy(copy, from, (size_t)count * sizeof *copy);
    return copy;
}

static int filtered(const output *o) { return o->fir_count || o->iir_count || o->stage_count; }

static int remembered_inputs(const output *o) { return o->fir_count ? o->fir_count - 1 : 0; }

int signals_add_output(signals *s, const signal_output_t *from)
{
    if (from->delay < 0 || from->fir_count < 0 || from->iir_count < 0 || from->step_count < 0)
        return SIGNAL_BAD_ID;
    if (from->fir_count > SIGNAL_TAPS_MAX || from->iir_count > SIGNAL_TAPS_MAX)
        return SIGNAL_TOO_LONG;
    output *o = one_more(&s->outputs, &s->output_count, sizeof *o);
    if (!o)
        return SIGNAL_NO_MEMORY;
    o->per_ns = 1;
    o->offset = from->offset;
    o->delay = from->delay;
    o->saturates = from->saturates;
    o->fir_count = from->fir ? from->fir_count : 0;
    o->iir_count = from->iir ? from->iir_count : 0;
    o->fir = taps(from->fir, o->fir_count);
    o->iir = taps(from->iir, o->iir_count);
    o->step_count = from->steps ? from->step_count : 0;
    o->steps = malloc(((size_t)o->step_count + 1) * sizeof *o->steps);
    if (o->steps && o->step_count)
        memcpy(o->steps, from->steps, (size_t)o->step_count * sizeof *o->steps);
    o->inputs = calloc((size_t)o->fir_count + RENDER_CHUNK, sizeof *o->inputs);
    o->outputs = calloc((size_t)o->iir_count + RENDER_CHUNK, sizeof *o->outputs);
    if (!o->fir || !o->iir || !o->steps || !o->inputs || !o->outputs) {
        output_free(o);
        return SIGNAL_NO_MEMORY;
    }
    s->output_delay = o->delay > s->output_delay ? o->delay : s->output_delay;
    for (int i = 0; i < s->element_count; i++)
        if (s->elements[i].rendered && s->elements[i].delay < s->output_delay)
            s->elements[i].delay = s->output_delay;
    return s->output_count++;
}

void output_free(output *o)
{
    free(o->sum.ears);
    free(o->sum.heard);
    free(o->fir);
    free(o->iir);
    free(o->inputs);
    free(o->outputs);
    free(o->crosstalks);
    free(o->steps);
    for (int i = 0; i < o->stage_count; i++)
        free(o->stages[i].amplitude);
    free(o->stages);
}

int signals_set_output_rate(signals *s, int id, int per_ns)
{
    if (id < 0 || id >= s->output_count || per_ns < 1 || per_ns > 2 || s->outputs[id].sum.ear_count)
        return SIGNAL_BAD_ID;
    s->outputs[id].per_ns = per_ns;
    return SIGNAL_OK;
}

int signals_add_exponentials(signals *s, int id, double dc_gain, const double *amplitudes, const double *decays,
                             int32_t count)
{
    if (id < 0 || id >= s->output_count || count < 0)
        return SIGNAL_BAD_ID;
    if (count > SIGNAL_EXPONENTIALS_MAX)
        return SIGNAL_TOO_LONG;
    output *o = &s->outputs[id];
    stage *x = one_more(&o->stages, &o->stage_count, sizeof *x);
    double *room = calloc(3 * (size_t)count + 1, sizeof *room);
    if (!x || !room) {
        free(room);
        return SIGNAL_NO_MEMORY;
    }
    memcpy(room, amplitudes, (size_t)count * sizeof *room);
    memcpy(room + count, decays, (size_t)count * sizeof *room);
    *x = (stage){.gain = dc_gain, .amplitude = room, .decay = room + count, .held = room + 2 * count, .count = count};
    o->stage_count++;
    return SIGNAL_OK;
}

int signals_add_source(signals *s, int id, int element_id, int which)
{
    if (id < 0 || id >= s->output_count || element_id < 0 || element_id >= s->element_count)
        return SIGNAL_BAD_ID;
    if (which < SIGNAL_OUTPUT_I || which > SIGNAL_OUTPUT_SINGLE)
        return SIGNAL_BAD_ID;
    port *p = &s->outputs[id].sum;
    ear *added = one_more(&p->ears, &p->ear_count, sizeof *added);
    if (!added)
        return SIGNAL_NO_MEMORY;
    element *e = &s->elements[element_id];
    int halves = s->outputs[id].per_ns == 2;
    if (halves && !e->halves)
        return SIGNAL_BAD_ID;
    e->rendered = 1;
    e->delay = s->output_delay > e->delay ? s->output_delay : e->delay;
    *added = (ear){.element = element_id, .which = which, .factor = 1.0, .halves = halves};
    p->channels = 1;
    p->ear_count++;
    s->stamp++;
    return SIGNAL_OK;
}

int signals_add_crosstalk(signals *s, int id, int from, double factor)
{
    if (id < 0 || id >= s->output_count || from < 0 || from >= s->output_count)
        return SIGNAL_BAD_ID;
    output *o = &s->outputs[id];
    crosstalk *added = one_more(&o->crosstalks, &o->crosstalk_count, sizeof *added);
    if (!added)
        return SIGNAL_NO_MEMORY;
    *added = (crosstalk){from, factor};
    o->crosstalk_count++;
    return SIGNAL_OK;
}

CLONES static void add_scaled(const double *restrict x, double factor, int count, double *restrict v)
{
    for (int i = 0; i < count; i++)
        v[i] += factor * x[i];
}

/* Each of `count` samples becomes two. */
static void hold_samples(int count, double *v)
{
    for (int i = count - 1; i >= 0; i--)
        v[2 * i] = v[2 * i + 1] = v[i];
}

/* The sum of what is played on a port in `count` ns, at most BLOCK samples. */
static void play_sum(signals *s, const port *p, int per_ns, int64_t from, int count, double *v)
{
    if (per_ns == 2)
        play_channel_halves(s, p, -1, from, count, v);
    else
        play_channel(s, p, -1, from, count, v);
}

/* What reaches the filter in the `count` ns from `t`, at most RENDER_CHUNK samples, crosstalk included; nothing before 0.
 * A source with fewer samples than the output holds them, of one with more it gets those once a ns. */
static int sum_chunk(signals *s, output *o, int64_t t, int count, double *v)
{
    int per_ns = o->per_ns, most = BLOCK / per_ns;
    int code = hear(s, &o->sum, t, count);
    for (int from = 0; !code && from < count; from += most)
        play_sum(s, &o->sum, per_ns, from, count - from < most ? count - from : most, v + per_ns * from);
    for (int i = 0; !code && i < o->crosstalk_count; i++) {
        const crosstalk *c = &o->crosstalks[i];
        output *source = &s->outputs[c->from];
        int held = source->per_ns < per_ns;
        double x[BLOCK];
        code = hear(s, &source->sum, t, count);
        for (int from = 0; !code && from < count; from += most) {
            int some = count - from < most ? count - from : most;
            play_sum(s, &source->sum, held ? 1 : per_ns, from, some, x);
            if (held)
                hold_samples(some, x);
            add_scaled(x, c->factor, per_ns * some, v + per_ns * from);
        }
    }
    return code;
}

/* y[i] = sum over k of b_k x[i - k], terms in the order of k. */
CLONES static void fir_block(const double *restrict b, int32_t taps, const double *restrict x, int count,
                             double *restrict y)
{
    for (int i = 0; i < count; i++)
        y[i] = 0.0;
    for (int32_t k = 0; k < taps; k++)
        for (int i = 0; i < count; i++)
            y[i] += b[k] * x[i - k];
}

/* Runs `count` sums, at o->inputs behind the remembered ones, through the filter: to o->outputs behind those. */
static void filter_sums(output *o, int count)
{
    const double *x = o->inputs + remembered_inputs(o);
    double *y = o->outputs + o->iir_count;
    if (!o->fir_count)
        memcpy(y, x, (size_t)count * sizeof *y);
    for (int from = 0; o->fir_count && from < count; from += BLOCK)
        fir_block(o->fir, o->fir_count, x + from, count - from < BLOCK ? count - from : BLOCK, y + from);
    for (int i = 0; o->iir_count && i < count; i++) {
        double v = y[i];
        for (int32_t m = 0; m < o->iir_count; m++)
            v += o->iir[m] * y[i - m - 1];
        y[i] = v;
    }
}

/* Each exponential holds q_i; the line gives gain x + sum A_i q_i for x, and x is chosen so that this is the sample. */
static void undo(stage *s, int count, double *v)
{
    double first = s->gain;
    for (int32_t i = 0; i < s->count; i++)
        first += s->amplitude[i];
    for (int n = 0; n < count; n++) {
        double x = v[n];
        for (int32_t i = 0; i < s->count; i++)
            x -= s->amplitude[i] * (s->decay[i] * s->held[i] - s->last);
        x /= first;
        for (int32_t i = 0; i < s->count; i++)
            s->held[i] = s->decay[i] * s->held[i] + (x - s->last);
        s->last = v[n] = x;
    }
}

static void rest(stage *s)
{
    memset(s->held, 0, (size_t)s->count * sizeof *s->held);
    s->last = 0.0;
}

/* Values below 2^-60 become 0. */
static void forget_small(double *x, int64_t count)
{
    for (int64_t i = 0; i < count; i++)
        x[i] = fabs(x[i]) < 0x1p-60 ? 0.0 : x[i];
}

static void forget_all(output *o)
{
    memset(o->inputs, 0, (size_t)remembered_inputs(o) * sizeof *o->inputs);
    memset(o->outputs, 0, (size_t)o->iir_count * sizeof *o->outputs);
    for (int i = 0; i < o->stage_count; i++)
        rest(&o->stages[i]);
}

/* Whether one more sample of silence would leave what a stage remembers as it is, where *v goes in and comes out. */
static int stage_stands(const stage *s, double *v)
{
    double first = s->gain, x = *v;
    for (int32_t i = 0; i < s->count; i++)
        first += s->amplitude[i];
    for (int32_t i = 0; i < s->count; i++)
        x -= s->amplitude[i] * (s->decay[i] * s->held[i] - s->last);
    x /= first;
    int stands = x == s->last;
    for (int32_t i = 0; i < s->count; i++)
        stands &= s->decay[i] * s->held[i] + (x - s->last) == s->held[i];
    *v = x;
    return stands;
}

int output_stands(output *o, double *level)
{
    forget_small(o->inputs, remembered_inputs(o));
    forget_small(o->outputs, o->iir_count);
    double v = 0.0;
    for (int32_t m = 0; m < o->iir_count; m++)
        v += o->iir[m] * o->outputs[o->iir_count - m - 1];
    int stands = 1;
    for (int32_t k = 0; k < remembered_inputs(o); k++)
        stands &= o->inputs[k] == 0.0;
    for (int32_t m = 0; m < o->iir_count; m++)
        stands &= o->outputs[m] == v;
    for (int i = 0; i < o->stage_count; i++) {
        forget_small(o->stages[i].held, o->stages[i].count);
        forget_small(&o->stages[i].last, 1);
        stands &= stage_stands(&o->stages[i], &v);
    }
    *level = v;
    return stands;
}

/* Moves *until, the end of a silence from t on, to the first sample that anything on the port reaches. */
static int until_heard(signals *s, port *p, int64_t t, int64_t *until)
{
    int code = hear(s, p, t, *until - t);
    for (int i = 0; !code && i < p->heard_count; i++)
        if (t + p->heard[i].offset < *until)
            *until = t + (p->heard[i].offset > 0 ? p->heard[i].offset : 0);
    return code;
}

int output_silence(signals *s, output *o, int64_t t, int64_t end, int64_t *until)
{
    *until = end;
    int code = until_heard(s, &o->sum, t, until);
    for (int i = 0; !code && *until > t && i < o->crosstalk_count; i++)
        code = until_heard(s, &s->outputs[o->crosstalks[i].from].sum, t, until);
    return code;
}

/* The samples of the next `count` ns, at most RENDER_CHUNK of them, of a filtered port. */
static int next_chunk(signals *s, output *o, int count, double *v)
{
    int history = remembered_inputs(o), samples = o->per_ns * count;
    int code = sum_chunk(s, o, o->at, count, o->inputs + history);
    if (code)
        return code;
    filter_sums(o, samples);
    memcpy(v, o->outputs + o->iir_count, (size_t)samples * sizeof *v);
    memmove(o->inputs, o->inputs + samples, (size_t)history * sizeof *o->inputs);
    memmove(o->outputs, o->outputs + samples, (size_t)o->iir_count * sizeof *o->outputs);
    for (int i = 0; i < o->stage_count; i++)
        undo(&o->stages[i], samples, v);
    o->at += count;
    return SIGNAL_OK;
}

int output_goes_on(signals *s, output *o, int count, double *v) { return next_chunk(s, o, count, v); }

int output_samples(signals *s, output *o, int64_t t, int64_t reach, int count, double *v)
{
    if (!filtered(o))
        return sum_chunk(s, o, t, count, v);
    if (t < o->at || t - reach > o->at) {
        forget_all(o);
        o->at = t > reach ? t - reach : 0;
    }
    while (o->at < t) {
        int code = next_chunk(s, o, t - o->at < RENDER_CHUNK ? (int)(t - o->at) : RENDER_CHUNK, v);
        if (code)
            return code;
    }
    return next_chunk(s, o, count, v);
}

/* Brings a filter to sample t: on from where it is, or anew from 0. */
static int seek(signals *s, output *o, int64_t t, double *scratch)
{
    if (t < o->at) {
        forget_all(o);
        o->at = 0;
    }
    if (o->at + o->delay < s->forgotten && o->at < t)
        return SIGNAL_OUT_OF_ORDER;
    while (o->at < t) {
        int code = next_chunk(s, o, t - o->at < RENDER_CHUNK ? (int)(t - o->at) : RENDER_CHUNK, scratch);
        if (code)
            return code;
    }
    return SIGNAL_OK;
}

CLONES static int32_t round_block(double offset, int saturates, int count, double *restrict v)
{
    int32_t out_of_range = 0;
    for (int i = 0; i < count; i++) {
        double x = floor((v[i] + offset) * 65536.0 + 0.5);
        double kept = x < -32768.0 ? -32768.0 : x;
        kept = kept > 32767.0 ? 32767.0 : kept;
        double wrapped = x - 65536.0 * floor((x + 32768.0) * 0x1p-16);
        out_of_range += x != kept;
        v[i] = (saturates ? kept : wrapped) * 0x1p-16;
    }
    return out_of_range;
}

/* `count` <= RENDER_CHUNK samples from t of what is behind the filter, t counted before the delay. */
static int behind_filter(signals *s, output *o, int64_t t, int count, double *v)
{
    if (t < 0) {
        int before = -t < count ? (int)-t : count;
        memset(v, 0, (size_t)before * sizeof *v);
        return before < count ? behind_filter(s, o, 0, count - before, v + before) : SIGNAL_OK;
    }
    if (!filtered(o))
        return sum_chunk(s, o, t, count, v);
    int code = t == o->at ? SIGNAL_OK : seek(s, o, t, v);
    return code ? code : next_chunk(s, o, count, v);
}

/* The offset at sample t, counted before the delay; in *until the first sample behind that may have another. */
static double offset_at(const output *o, int64_t t, int64_t *until)
{
    int32_t low = 0, high = o->step_count;
    while (low < high) {
        int32_t middle = (low + high) / 2;
        if (o->steps[middle].start <= t)
            low = middle + 1;
        else
            high = middle;
    }
    *until = low < o->step_count ? o->steps[low].start : INT64_MAX;
    return low ? o->steps[low - 1].volts : o->offset;
}

/* Adds the offset to `count` samples from t, rounds them and keeps them in range; how many were not. */
static int64_t convert_outputs(const output *o, int64_t t, int count, double *v)
{
    int64_t out_of_range = 0, until;
    for (int from = 0, some; from < count; from += some) {
        double offset = offset_at(o, t + from, &until);
        some = until < t + count ? (int)(until - (t + from)) : count - from;
        out_of_range += round_block(offset, o->saturates, some, v + from);
    }
    return out_of_range;
}

int signal_render_sums(signals *s, int id, int64_t start, int64_t length, double *volts)
{
    if (id < 0 || id >= s->output_count || start < 0)
        return SIGNAL_BAD_ID;
    if (length < 0 || length > SIGNAL_SAMPLES_MAX)
        return SIGNAL_TOO_LONG;
    int code = SIGNAL_OK;
    for (int64_t from = 0; !code && from < length; from += RENDER_CHUNK) {
        int count = length - from < RENDER_CHUNK ? (int)(length - from) : RENDER_CHUNK;
        code = behind_filter(s, &s->outputs[id], start + from, count, volts + from);
    }
    return code;
}

int signal_render(signals *s, int id, int64_t start, int64_t length, double *volts, signal_events_t *events)
{
    if (id < 0 || id >= s->output_count || start < 0)
        return SIGNAL_BAD_ID;
    if (length < 0 || length > SIGNAL_SAMPLES_MAX)
        return SIGNAL_TOO_LONG;
    output *o = &s->outputs[id];
    double v[RENDER_CHUNK];
    for (int64_t from = 0; from < length; from += RENDER_CHUNK) {
        int count = length - from < RENDER_CHUNK ? (int)(length - from) : RENDER_CHUNK;
        int code = behind_filter(s, o, start + from - o->delay, count, v);
        if (code)
            return code;
        events->output_overflow += convert_outputs(o, start + from - o->delay, count, v);
        memcpy(volts + from, v, (size_t)count * sizeof *v);
    }
    return SIGNAL_OK;
}
