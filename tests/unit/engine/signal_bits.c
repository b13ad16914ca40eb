/* Prints a digest of what the signal kernels compute over a fixed job; test_signal_clones.py compares builds by it. */
#include "noise.h"
#include "signals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint64_t digest = 1469598103934665603ull, state = 88172645463325252ull;

static void take(const void *data, size_t size)
{
    const unsigned char *bytes = data;
    for (size_t i = 0; i < size; i++)
        digest = (digest ^ bytes[i]) * 1099511628211ull;
}

static uint64_t next(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    return state ^= state << 17;
}

static double uniform(void) { return (double)(int64_t)next() * 0x1p-63; }

static void need(int code)
{
    if (code < 0) {
        printf("error %d\n", code);
        exit(1);
    }
}

static void shot(signals *s, int64_t t, const int *element, int port[2], int weights[2])
{
    signal_events_t events = {0};
    for (int k = 0; k < 2; k++) {
        signal_record_t r = {.start = t + 7 * k, .length = 300 + 31 * k, .phase = next(), .inc = next(), .alpha_r = uniform(),
                             .alpha_i = uniform(), .beta_r = k * uniform(), .beta_i = k * uniform(), .element = element[k],
                             .waveform = k, .thread = k, .order = t};
        need(signal_record(s, &r));
    }
    signal_process_t processes[3] = {{SIGNAL_DEMOD, 0, 2, {port[0], port[1]}, {weights[0], weights[1]}},
                                     {SIGNAL_DEMOD, 1, 1, {port[0], 0}, {weights[1], 0}},
                                     {SIGNAL_INTEGRATION, 2, 1, {port[1], 0}, {weights[0], 0}}};
    int32_t raw[3];
    for (int k = 0; k < 2; k++) {
        signal_acquisition_t a = {t + 20 + 50 * k, next(), next(), k, 3, processes};
        double value;
        need(signal_evaluate(s, &a, raw, &events));
        take(raw, sizeof raw);
        a.start += 300;
        need(signal_integral(s, &a, &value, &events));
        take(&value, sizeof value);
    }
    int16_t codes[700];
    need(signal_trace(s, port[0], t, 700, codes, &events));
    take(codes, sizeof codes);
    take(&events, sizeof events);
    signal_forget_before(s, t + 700);
}

/* A chirp, a cut, ramps and holds, heard, integrated and rendered behind a filter. */
static void plays(int numerics)
{
    enum { N = 333 };
    double a[N], b[N], v[3000];
    const double fir[3] = {0.8, 0.1, -0.05}, iir[2] = {0.3, -0.1};
    signal_section_t sections[2] = {{0, next() >> 20}, {77, next() >> 20}};
    signal_events_t events = {0};
    signals *s = signals_new(next(), numerics);
    for (int i = 0; i < N; i++)
        a[i] = 0.2 * uniform(), b[i] = 0.2 * uniform();
    need(signals_add_waveform(s, a, b, 200, 0));
    int weights = signals_add_weights(s, b, a, N), element = signals_add_element(s, 1.1, 0.1, -0.2, 0.9);
    int port = signals_add_port(s, 257, 1.2, 0.01, 0.003, -1, 24, 0);
    int first = signals_add_output(s, &(signal_output_t){.offset = 0.01, .delay = 5});
    int second = signals_add_output(s, &(signal_output_t){.saturates = 1, .fir = fir, .iir = iir, .fir_count = 3, .iir_count = 2});
    need(signals_add_ear(s, port, element, 0, 0));
    need(signals_add_source(s, first, element, 0));
    need(signals_add_source(s, second, element, 1));
    need(signals_add_crosstalk(s, second, first, 0.1));
    signal_record_t r = {.length = 170, .stretched = 230, .phase = next(), .inc = next(), .alpha_r = 1.3, .beta_i = 0.2,
                         .element = element, .sections = sections, .section_count = 2};
    need(signal_record(s, &r));
    r = (signal_record_t){.start = 200, .length = 100, .alpha_r = 1.0, .element = element, .kind = SIGNAL_RAMP, .slope = 99999};
    need(signal_record(s, &r));
    r = (signal_record_t){.start = 300, .inc = next(), .alpha_r = 0.1, .alpha_i = 0.2, .element = element};
    need(signal_hold_begin(s, &r));
    need(signal_hold_end(s, element, 900));
    r.start = 900, r.length = 80, r.kind = SIGNAL_RAMP_TO_ZERO;
    need(signal_record(s, &r));
    signal_process_t process = {SIGNAL_DEMOD, 0, 1, {port, 0}, {weights, 0}};
    for (int k = 0; k < 8; k++) {
        signal_acquisition_t window = {100 * k, next(), next(), 0, 1, &process};
        int32_t raw;
        need(signal_evaluate(s, &window, &raw, &events));
        take(&raw, sizeof raw);
    }
    for (int output = 0; output < 2; output++) {
        need(signal_render(s, output, 0, 3000, v, &events));
        take(v, sizeof v);
    }
    take(&events, sizeof events);
    signals_free(s);
}

static void job(int numerics, double scale, int from_samples)
{
    enum { N = 333 };
    double a[N], b[N];
    signals *s = signals_new(next(), numerics);
    for (int i = 0; i < N; i++)
        a[i] = 0.2 * scale * uniform(), b[i] = 0.2 * scale * uniform();
    need(signals_add_waveform(s, a, b, 290, 0)); /* stretched to 300 */
    need(signals_add_waveform(s, a, NULL, N, 0));
    int weights[2] = {signals_add_weights(s, b, a, N), signals_add_weights(s, a, NULL, N)};
    int element[2] = {signals_add_element(s, 1.1, 0.1, -0.2, 0.9), signals_add_element(s, 1, 0, 0, 1)};
    int port[2];
    for (int k = 0; k < 2; k++) {
        port[k] = signals_add_port(s, 257 + k, 1.2, 0.01 * k, 0.003, -1, 24, from_samples);
        need(signals_add_ear(s, port[k], element[0], k, k));
        need(signals_add_ear(s, port[k], element[1], SIGNAL_OUTPUT_SINGLE, 3));
    }
    for (int k = 0; k < 40; k++)
        shot(s, 2000 * k, element, port, weights);
    signals_free(s);
}

/* Codes of a scope are within one step of the contract's, and as many are out of range: what is no part of the digest. */
static void scope(int saturates)
{
    signals *s = signals_new(5, SIGNAL_LINEAR);
    int16_t codes[3][9001];
    double I[130], Q[130], volts[9001];
    int output[3];
    for (int k = 0; k < 3; k++)
        need(output[k] = signals_add_output(s, &(signal_output_t){.offset = 0.01 * k, .saturates = saturates}));
    for (int k = 0; k < 130; k++)
        I[k] = 0.3 * uniform(), Q[k] = 0.3 * uniform();
    need(signals_add_waveform(s, I, Q, 130, 0));
    need(signals_add_waveform(s, &(double){0.31}, NULL, 1, 1));
    for (int e = 0; e < 4; e++) {
        need(signals_add_element(s, 1.0, 0.1, -0.1, 0.9));
        for (int k = 0; k < (e < 3 ? 2 : 0); k++)
            need(signals_add_source(s, output[k], e, k ? SIGNAL_OUTPUT_Q : SIGNAL_OUTPUT_I));
    }
    need(signals_add_source(s, output[2], 3, SIGNAL_OUTPUT_SINGLE));
    for (int e = 0; e < 4; e++)
        for (int64_t t = (int64_t)(next() % 50); t < 9000; t += (int64_t)(next() % 3 * 30)) {
            signal_record_t r = {.start = t, .length = e ? (int64_t)(4 + next() % 90) : 130, .waveform = e != 0, .element = e,
                                 .phase = next(), .inc = e == 3 ? 0 : next(), .alpha_r = e == 3 ? 2 * uniform() : uniform()};
            need(signal_record(s, &r));
            t += r.length;
        }
    signal_events_t fast = {0}, slow = {0};
    need(signal_render_float32(s, output, 3, 100, 8901, codes[0], 9001, &fast));
    for (int k = 0; k < 3; k++) {
        need(signal_render(s, output[k], 100, 8901, volts, &slow));
        for (int i = 0; i < 8901; i++)
            need(abs(codes[k][i] - (int)(volts[i] * 65536.0)) <= 1 ? 0 : -100);
    }
    need(slow.output_overflow > 0 && fast.output_overflow == slow.output_overflow ? 0 : -101);
    signals_free(s);
}

int main(void)
{
    float normal[1024];
    noise_samples(next(), 257, 64, 1024, normal);
    take(normal, sizeof normal);
    job(SIGNAL_LINEAR, 0.3, 0);
    job(SIGNAL_LINEAR, 0.3, 1);
    job(SIGNAL_LINEAR, 3.0, 0); /* beyond the converter's range */
    job(SIGNAL_EXACT, 1.0, 0);
    plays(SIGNAL_LINEAR);
    plays(SIGNAL_EXACT);
    scope(0);
    scope(1);
    printf("%016" PRIx64 "\n", digest);
    return 0;
}
