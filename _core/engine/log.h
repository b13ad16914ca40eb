/* What a run played and measured, for whoever wants to draw it: simulate, scopes (docs/arithmetic.md 14).
 *
 * A machine keeps a log only when it is asked for. It holds the records as the signal kernels got them, also of elements
 * that nobody hears, so that another `signals` can render output samples from them. Bounded by LOG_BYTES_MAX.
 */
#ifndef QUAYMASTER_LOG_H
#define QUAYMASTER_LOG_H

#include <stdint.h>

#include "signals.h"

#define LOG_BYTES_MAX (128ll << 20) /* all lists of one log together */

/* What an entry of the log is: a play, the play of a measure, or the two ends of a sticky element's held level. */
enum { LOGGED_PLAY = 0, LOGGED_MEASURE = 1, LOGGED_HOLD_BEGIN = 2, LOGGED_HOLD_END = 3 };

typedef struct {
    signal_record_t record; /* its sections pointer is NULL: they stand in the log's own list */
    uint64_t frame;         /* F of the element */
    int64_t first_section;
    int32_t play;           /* row of Image.plays; -1 where there is none */
    int32_t what;           /* LOGGED_… */
} logged_play;

typedef struct {
    int64_t start, end;
    int32_t measure; /* row of Image.measures */
    int32_t window;  /* row of Image.windows; -1: a raw trace */
} logged_window;

typedef struct {
    int64_t time;
    int64_t element;
} logged_reset;

/* From behind the first `plays` entries of the plays on, the records of the element have another correction. */
typedef struct {
    int64_t element, plays;
    double c[4];
} logged_correction;

/* From `time` on, the port of an input of the element has another offset. */
typedef struct {
    int64_t time;
    int32_t element, input; /* 0: single or I, 1: Q */
    double volts;
} logged_offset;

typedef struct {
    void *items;
    int64_t count, capacity, size;
} log_list;

typedef struct machine_log {
    log_list plays, windows, resets, sections, corrections, offsets, ramps;
} machine_log;

machine_log *log_new(void);
void log_free(machine_log *log);

/* Each is 0, or -1 when the log is full or there is no memory. */
int log_play(machine_log *log, const signal_record_t *r, uint64_t frame, int64_t play, int what);
void log_end_play(machine_log *log, int64_t number, int64_t t); /* what was logged without its end lasts until t */
int log_window(machine_log *log, int64_t start, int64_t end, int64_t measure, int64_t window);
int log_reset(machine_log *log, int64_t time, int64_t element);
int log_ramp(machine_log *log, int64_t time, int64_t element); /* a ramp to zero begins, if anything is held or not */
int log_correction(machine_log *log, int64_t element, const double c[4]);
int log_offset(machine_log *log, int64_t time, int32_t element, int32_t input, double volts);

#endif
