/* The virtual machine: one bytecode, walked by walkers (docs/arithmetic.md, sections 1-3).
 *
 * A *walker* is a set of strands that walk together, with one position and one memory. A run starts with one walker
 * for all strands (the fast path). When it needs a value that cannot be evaluated yet, because a thread that lags
 * could still play into that window, it forks: the saver alone if only the saver reads, else one walker a strand.
 * Forked walkers meet at aligns and at measured values; the order of evaluation is the same, so are all bits.
 *
 * Threads are numbered from 0; bit 63 of a mask is the saver, which has no clock.
 */
#ifndef QUAYMASTER_MACHINE_H
#define QUAYMASTER_MACHINE_H

#include <stdint.h>

#define MACHINE_SAVER (1ull << 63)
#define MACHINE_THREADS_MAX 63
#define MACHINE_PROCESSES_MAX 16 /* in one window; = SIGNAL_PROCESSES_MAX */

/* Soft limits hold a walker back while others can go on; hard ones end the job with an error that names them. */
#define RUN_AHEAD_VALUES (1ll << 16)     /* values of one process not yet taken by all that hear it */
#define RUN_AHEAD_VALUES_MAX (1ll << 22)
#define RUN_AHEAD_PENDING (1ll << 12)    /* acquisitions not yet evaluated */
#define RUN_AHEAD_PENDING_MAX (1ll << 20)
#define SLICE_NS 100000                  /* how far one forked walker runs past the slowest other */
#define SLICE_STEPS (1ll << 16)
#define LOOP_ROUNDS (1ll << 22)          /* of a loop that only some strands walk, before the others go on alone */
#define OUTPUT_ITEMS_MAX (1ll << 16)     /* saved values of one stream not yet drained */
#define OUTPUT_TRACE_BYTES_MAX (64ll << 20) /* the raw traces of one measure */
#define OUTPUT_TRACE_BYTES (4ll << 20)      /* raw traces not yet drained, unless one measure has more: reused while near */
#define STOP_LOOK_STEPS 4096             /* a run that stops at an instant looks this often whether it is there */

enum opcode {
    OP_END, OP_MOVE, OP_TRUTH, OP_ADD, OP_SUB, OP_MUL, OP_MUL_FIXED, OP_DIV, OP_DIV_FIXED, OP_AND, OP_OR, OP_XOR,
    OP_SHL, OP_SHR, OP_LT, OP_LE, OP_GT, OP_GE, OP_EQ, OP_TO_INT, OP_TO_FIXED, OP_LOW_BIT, OP_RAND_FIXED, OP_RAND_INT,
    OP_LOAD, OP_STORE, OP_JUMP, OP_JUMP_FALSE, OP_JUMP_NOT_LT, OP_JUMP_NOT_LE, OP_JUMP_NOT_GT, OP_JUMP_NOT_GE,
    OP_JUMP_NOT_EQ, OP_AWAIT, OP_AWAIT_CELL, OP_UNBIND, OP_UNBIND_CELL, OP_PLAY, OP_MEASURE, OP_HEAR, OP_WAIT,
    OP_WAIT_NS, OP_ALIGN, OP_ROTATE, OP_RESET_FRAME, OP_RESET_PHASE, OP_FREQUENCY, OP_SAVE, OP_SAVE_TIMED,
    OP_BLOCK_TIME, OP_STAMP_CLEAR, OP_STAMP_READ, OP_STAMP_READ_CELL, OP_STAMP_WRITE, OP_STAMP_WRITE_CELL,
    OP_STAMP_ZERO, OP_FUNCTION, OP_ARRAY_FUNCTION, OP_AWAIT_ALL, OP_STAMP_READ_ALL, OP_RAMP_TO_ZERO,
    OP_SAVE_START, OP_IO_READ, OP_IO_WRITE, OP_ADVANCE, OP_PAUSE, OP_TRIGGER,
    OP_READY, OP_BRANCH, OP_LOOSE, OP_JUMP_TRUE, OP_JUMP_EQ,
    OP_CORRECTION, OP_SET_OFFSET, OP_RESET_NOW, OP_LOAD_WAVEFORM, OP_EDGE,
    OP_COUNT
};

enum event {
    EVENT_DIVISION_BY_ZERO, EVENT_OUT_OF_BOUNDS, EVENT_SHORT_DURATION, EVENT_SHORTENED_WAVEFORM,
    EVENT_AMPLITUDE_RANGE, EVENT_STRICT_TIMING_GAP, EVENT_INTEGRAL_OVERFLOW, EVENT_INPUT_SATURATED,
    EVENT_MATH_DOMAIN, EVENT_PAUSE_IGNORED, EVENT_CORRECTION_RANGE, EVENT_OFFSET_RANGE,
    EVENT_WAVEFORM_INDEX, EVENT_OVERFLOW, EVENT_FREQUENCY_RANGE, EVENT_COUNT
};

/* Columns of a latency profile; latencies.py has the same. */
enum latency { LATENCY_VALUE, LATENCY_CONDITION, LATENCY_PARAMETER, LATENCY_BRANCH, LATENCY_SYNC, LATENCY_COUNT };

enum status { STATUS_RUNNING, STATUS_BLOCKED, STATUS_DONE, STATUS_ERROR, STATUS_WAITS };

/* What a walker waits for from outside, or for ever at a digital input. */
enum waits { WAITS_NOTHING, WAITS_INPUT, WAITS_RESUME, WAITS_TRIGGER, WAITS_EDGE };

/* Errors of the machine itself; SIGNAL_… codes of signals.h keep their numbers (-1 … -99). */
enum { MACHINE_NO_MEMORY = -100, MACHINE_RUN_AHEAD_VALUES = -101, MACHINE_RUN_AHEAD_PENDING = -102,
       MACHINE_DEADLOCK = -103, MACHINE_TRACE_TOO_LONG = -104, MACHINE_LOG_FULL = -105, MACHINE_MARKERS_FULL = -106 };

/* The tables of an image and of its plant, as flat arrays (columns: codes.py). They must outlive the machine. */
typedef struct {
    int64_t code_count, memory_count, tracked_count /* slots of measured variables: they come first */, element_count, play_count, measure_count, window_count, process_count;
    int64_t align_count, stream_count, source_count, block_count, thread_count, queue_count, forked;
    int64_t chirp_section_count, input_count, trigger_period_ns /* 0: no periodic source of triggers */;
    const int32_t *code;       /* code_count x 6 */
    const uint64_t *masks;
    const int32_t *code_at;
    const int32_t *memory;
    const int64_t *elements, *plays, *chirps, *chirp_sections, *measures, *windows, *processes, *taggers, *markers, *marker_parts, *digital_reads, *trace_ports, *aligns, *align_elements;
    const uint64_t *hearers, *align_masks, *strict;
    const int64_t *latencies;     /* ns, by enum latency */
    int64_t delays;               /* some latency is not 0 */
    const int64_t *levels; /* of the ports of each element's inputs: in the signals, -1: nobody hears */
    int64_t level_columns; /* the most inputs of an element */
    const int64_t *controllers;   /* element: number of its controller */
    const uint8_t *heard;         /* element: some port hears it */
    const int64_t *window_queue;  /* window: its queue; the last queue is that of the traces */
    const int64_t *lags;          /* queue_count x thread_count: ns, -1 where the thread does not matter there */
} machine_tables;

typedef struct machine machine;
struct signals;

/* Takes over `s` (also when it fails: then NULL). */
machine *machine_new(const machine_tables *tables, struct signals *s, const uint8_t *timed);
void machine_free(machine *m);

/* Before the first run. The run ends when every strand has come to `stop_ns`: what starts there or later is not recorded,
 * what would be saved later is not saved. Saves need their times for that: every stream must be timed. */
void machine_stop_at(machine *m, int64_t stop_ns);

/* Before the first run: keep a log of what is played and measured; 0, or -1 without memory. */
struct machine_log;
int machine_keep_log(machine *m);
const struct machine_log *machine_logged(const machine *m);

/* What comes from outside, between runs (outside.c). Places count from 0; each gives 0, a place, or a negative error.
 * What is known when the run begins is given in the same way, with the places and instants that it had. */
int64_t machine_now(const machine *m); /* no instant of what arrives now may lie before */
int64_t machine_io_place(const machine *m, int64_t number); /* the next access of the register that nobody has passed */
int machine_set_io(machine *m, int64_t number, int64_t place, int32_t raw);
void machine_show_io(machine *m, int64_t number); /* what was set last is what machine_io says */
int32_t machine_io(const machine *m, int64_t number);
int64_t machine_push_input(machine *m, int64_t number, int64_t instant_ns, const int32_t *raws);
int64_t machine_input_waiting(const machine *m, int64_t number); /* items that somebody has not taken yet */
void machine_ignore_pauses(machine *m);
int machine_paused(const machine *m); /* every strand has come to a pause */
int64_t machine_resume(machine *m);
int64_t machine_trigger_instant(const machine *m);
int64_t machine_trigger(machine *m, int64_t controller /* -1: all */, int64_t instant_ns);

/* Settings of elements, likewise (settings.c); elements and rows are those of the table. */
enum setting_kind { SETTING_FREQUENCY, SETTING_CORRECTION, SETTING_OFFSET };
typedef struct {
    int64_t place;     /* it happens just before this act of the element */
    int32_t kind, which; /* which: of an offset, the input of `row`; of a frequency, as `fold` of signal_record_t */
    int64_t row;
    uint64_t inc;      /* of a frequency */
    double values[4];  /* of a correction; the first, of an offset in V */
} machine_setting;
int64_t machine_acts(const machine *m, int64_t element); /* that have begun: the place of a setting that arrives */
int machine_set_element(machine *m, int64_t element, const machine_setting *s);
const machine_setting *machine_next_setting(const machine *m, int64_t element, int64_t k); /* k after the last taken; NULL: no more */
uint64_t machine_increment(const machine *m, int64_t element);
int machine_fold(const machine *m, int64_t element);
int machine_correction(const machine *m, int64_t element, double c[4]); /* 0: never changed */
int64_t machine_offset(const machine *m, int64_t row, int64_t which, double *volts); /* the number of the change; 0: none */
void machine_stop_watching(machine *m, int64_t output);

int machine_waits(const machine *m, int64_t walker, int64_t *site); /* an enum waits; site: input, element, or digital input */

/* Before the first run: the outputs whose range is watched. Takes over `w`; machine_watched looks at all that is complete
 * and gives what was seen (NULL: nothing is watched, or an error code is set). */
struct watch;
void machine_watch(machine *m, struct watch *w);

/* Before the first run: the digital inputs of the image, in its order. Takes over `d`. */
struct digital;
void machine_hear_digital(machine *m, struct digital *d);
const struct watch *machine_watched(machine *m);

/* Runs at most about max_steps instructions; an enum status. */
int machine_run(machine *m, int64_t max_steps);

int machine_error(const machine *m);
int64_t machine_clock(const machine *m);
int64_t machine_steps(const machine *m);
int64_t machine_walkers(const machine *m);
int64_t machine_thread_clock(const machine *m, int64_t thread);
int64_t machine_event(const machine *m, int64_t code, int64_t at);
const int32_t *machine_memory(const machine *m, int64_t strand);

/* What is waiting to be drained. */
int64_t machine_saved(const machine *m, int64_t stream, const int64_t **values, const int64_t **times);
void machine_saved_taken(machine *m, int64_t stream);
typedef struct { int64_t measure, port, start, length, first, per_ns; } machine_trace; /* `length` codes from `first` on */
int64_t machine_traces(const machine *m, const machine_trace **traces, const int16_t **codes);
void machine_traces_taken(machine *m);

#endif
