/* Output ports watched for samples beyond their range while a job runs (docs/arithmetic.md, section 14).
 *
 * A watch has signals of its own, with the waveforms and elements of the job and the outputs to be watched. It takes
 * every record of their elements, bounds what a port could carry from amplitudes and peaks, and renders only the spans
 * where that bound reaches the range. What it counts is exact.
 */
#ifndef QUAYMASTER_WATCH_H
#define QUAYMASTER_WATCH_H

#include <stdint.h>

#include "signals.h"

#define WATCH_COUNTED_MAX (1ll << 20) /* samples out of range of one port; then it is watched no more */
#define WATCH_SPANS_MAX 256           /* spans of one port not yet rendered; then they become one */
#define WATCH_STEPS_MAX 8192          /* changes of one offset while some thread lags; then the port is watched no more */
#define WATCH_NAMED_MAX 8             /* elements named at the first sample out of range */

typedef struct watch watch;

/* An output that is watched: what stands behind its filter, and what is known of that. */
typedef struct {
    double full_scale; /* V: half the range of its converter */
    double offset;     /* V */
    int64_t delay;     /* ns */
    double gain;       /* what leaves its filter is not greater than this times the greatest that reached it */
    int64_t reach;     /* ns: what reached the filter longer ago plays no part in a sample */
} watch_range_t;

/* Of one output port. */
typedef struct {
    int64_t count, first; /* samples out of range; the first one's instant in ns, -1: none */
    int32_t elements[WATCH_NAMED_MAX];
    int32_t element_count;
    int32_t gave_up; /* there may be more: a limit was reached, or the records found no room */
} watched_t;

/* Takes over `s` (also when it fails: then NULL), with all its tables and sources. thread[e]: of element e. Watched are
 * the first `count` of its outputs, as `ranges` say. outputs_of (kept by the caller): which of them each of the `columns`
 * inputs of each element plays on, -1: none. */
watch *watch_new(signals *s, const int32_t *thread, const watch_range_t *ranges, int count, const int32_t *outputs_of,
                 int columns);
void watch_free(watch *w);

/* What an element plays, in the order of time; as signal_record, signal_hold_begin and signal_hold_end. */
int watch_record(watch *w, const signal_record_t *r);
int watch_hold_begin(watch *w, const signal_record_t *r);
int watch_hold_end(watch *w, int element, int64_t t);

/* The correction of an element for what is still to come; as signal_correction. */
int watch_correction(watch *w, int element, const double c[4]);

/* From t on the offset of the output that an input plays on, at `place` in outputs_of, is `volts`; of several at one t
 * that of the greatest setting thread is right, of one thread the latest call. */
int watch_offset(watch *w, int64_t place, int64_t t, int32_t setter, double volts);

/* True now and then: it is time to advance. */
int watch_is_due(const watch *w);

/* Looks at all before `end` that is complete: no thread t plays anything before bound[t]. */
int watch_advance(watch *w, const int64_t *bound, int64_t end);

/* From here on nothing more is counted there, whatever plays. */
void watch_stop(watch *w, int output);

const watched_t *watch_seen(const watch *w, int output);

#endif
