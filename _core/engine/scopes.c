/* Output samples for scopes: float32 sums of modulated pulses, exact where a code might wrap or saturate. */
#include "inside.h"

#include <stdlib.h>

int signal_render_float32(signals *s, const int *outputs, int count, int64_t start, int64_t length, int16_t *codes,
                          int64_t stride, signal_events_t *events)
{
    double v[BLOCK];
    for (int k = 0; k < count; k++)
        for (int64_t from = 0; from < length; from += BLOCK) {
            int n = length - from < BLOCK ? (int)(length - from) : BLOCK;
            int code = signal_render(s, outputs[k], start + from, n, v, events);
            if (code)
                return code;
            for (int i = 0; i < n; i++)
                codes[k * stride + from + i] = (int16_t)(int32_t)(v[i] * 65536.0);
        }
    return SIGNAL_OK;
}
