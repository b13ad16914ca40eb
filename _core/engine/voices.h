/* Plays as a scope hears them, and the codes of their sums in float32 (voices.c). */
#ifndef QUAYMASTER_VOICES_H
#define QUAYMASTER_VOICES_H

#include "inside.h"

enum { GROUP = PULSE_PAD, SCOPE_EARS_MAX = 64 };

/* A play within a span of samples: adds k[0] re + k[1] im to the first port, k[2] re + k[3] im to the second. Before and
 * behind its samples stand GROUP zeros. */
typedef struct {
    const float *re, *im;
    int32_t start, end; /* samples of the span; start may lie before it */
    float k[4];
} voice;

/* A voice that ends each ear's list. */
#define NO_VOICE ((voice){.start = INT32_MAX, .end = INT32_MAX})

/* A span of one port, or of two that carry the same elements. */
typedef struct chorus {
    const voice *next[SCOPE_EARS_MAX]; /* of each ear: in the order of time, none beside another, NO_VOICE behind the last */
    int ears, ports;
    int32_t count;      /* samples, at most VOICES_SPAN */
    float rest[2];      /* sums where nothing plays, and their codes */
    int16_t idle[2];
    int saturates[2];
    int16_t *codes[2];  /* of `count` samples each */
    int64_t over;       /* samples that were out of range */
    /* Sets `count` codes from sample t on by the contract and, where told to, counts what was out of range; a SIGNAL_…
     * code. */
    int (*exactly)(struct chorus *c, int port, int32_t t, int count, int16_t *codes, int counts);
} chorus;

#define VOICES_SPAN (1 << 16)

/* Sets the codes of the whole span; a SIGNAL_… code. */
int voices_to_codes(chorus *c);

#endif
