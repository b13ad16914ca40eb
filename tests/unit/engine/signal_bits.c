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
        signal_acquisition_t a = {t + 20 + 50 * k, next(), next(), k, 3, t, processes};
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

int main(void)
{
    double normal[1000];
    noise_samples(next(), 257, 5, 1000, normal);
    take(normal, sizeof normal);
    job(SIGNAL_LINEAR, 0.3, 0);
    job(SIGNAL_LINEAR, 0.3, 1);
    job(SIGNAL_LINEAR, 3.0, 0); /* beyond the converter's range */
    job(SIGNAL_EXACT, 1.0, 0);
    printf("%016" PRIx64 "\n", digest);
    return 0;
}
