/* What the files of the machine share. */
#ifndef QUAYMASTER_MACHINE_INSIDE_H
#define QUAYMASTER_MACHINE_INSIDE_H

#include <stdint.h>

#include "digital.h"
#include "log.h"
#include "machine.h"
#include "signals.h"
#include "watch.h"

#define NEVER INT64_MAX

/* Columns of the tables; codes.py has the same. */
enum { PLAY_ELEMENT, PLAY_WAVEFORM, PLAY_LENGTH, PLAY_SAMPLES, PLAY_AMPLITUDES, PLAY_AMPLITUDE_0, PLAY_DURATION = 9,
       PLAY_SHAPED, PLAY_RAMP, PLAY_TRUNCATE, PLAY_CHIRP, PLAY_CONDITION, PLAY_CHOICE, PLAY_CONTINUES,
       PLAY_MARKER, PLAY_VOICE, PLAY_COLUMNS };
enum { MARKER_FIRST, MARKER_COUNT, MARKER_LENGTH, MARKER_COLUMNS };
enum { PART_VALUE, PART_LENGTH, PART_COLUMNS };
enum { CHIRP_FIRST, CHIRP_COUNT, CHIRP_POWER, CHIRP_TIMED, CHIRP_COLUMNS };
enum { SECTION_RATE, SECTION_START, SECTION_COLUMNS };
enum { ELEMENT_THREAD, ELEMENT_INCREMENT, ELEMENT_KIND, ELEMENT_TIME_OF_FLIGHT, ELEMENT_SMEARING,
       ELEMENT_HAS_OSCILLATOR, ELEMENT_STICKY, ELEMENT_HOLDS_MARKER, ELEMENT_HALVES, ELEMENT_FOLD,
       ELEMENT_OWNER, ELEMENT_COLUMNS };
enum { MEASURE_PLAY, MEASURE_FIRST_WINDOW, MEASURE_WINDOWS, MEASURE_STREAM, MEASURE_FIRST_TRACE_PORT,
       MEASURE_TRACE_PORTS, MEASURE_FIRST_PROCESS, MEASURE_PROCESSES, MEASURE_AT, MEASURE_COLUMNS };
enum { WINDOW_MEASURE, WINDOW_LENGTH, WINDOW_FIRST, WINDOW_COUNT, WINDOW_OFFSET, WINDOW_COLUMNS };
enum { PROCESS_KIND, PROCESS_NUMBER, PROCESS_LEGS, PROCESS_PORT_0, PROCESS_PORT_1, PROCESS_WEIGHTS_0,
       PROCESS_WEIGHTS_1, PROCESS_TARGET, PROCESS_SIZE, PROCESS_INDEX, PROCESS_AT, PROCESS_MEASURE,
       PROCESS_SUMMED, PROCESS_SLICE, PROCESS_SLICES, PROCESS_FIRST_SLICE, PROCESS_TAGGER, PROCESS_COLUMNS };
enum { PROCESS_TAGGING = 2, PROCESS_DIGITAL = 3, PROCESS_EDGE = 4 }; /* PROCESS_KIND; the others are those of signals.h */
enum { TAGGER_SIGNAL_THRESHOLD, TAGGER_SIGNAL_ABOVE, TAGGER_DERIVATIVE_THRESHOLD, TAGGER_DERIVATIVE_ABOVE, TAGGER_DEAD,
       TAGGER_HIGH_RES, TAGGER_CELLS, TAGGER_COUNT, TAGGER_FIRST_INPUT, TAGGER_INPUTS, TAGGER_COLUMNS };

typedef struct {
    int32_t op, a, b, c, d, e;
    uint64_t mask; /* strands of the walker that execute it */
} insn;

enum state { RUNS, AWAITS, ALIGNS, AWAITS_BLOCK, AWAITS_OUTSIDE, AWAITS_EDGE, IS_AHEAD, OUTPUT_FULL, ENDED, FORKS_SAVER, FORKS_ALL };

typedef struct {
    uint64_t strands;
    insn *code;         /* what its strands execute, nothing else */
    int32_t *at, *origin; /* of each instruction: source position, index in the image */
    int64_t pc;
    int32_t *memory;
    int64_t *until;     /* tracked slot: end of the window of the measure that wrote it last, else 0 */
    int64_t *bound_to;  /* tracked slot: the value it waits for, see binding(); -1 for none */
    int64_t *stamps;    /* slot; only with the saver, or with latencies */
    int64_t *blocks;    /* block: when it started; only with the saver */
    int64_t *heard;     /* process: how often its HEAR was passed */
    int64_t stamp;
    enum state state;
    int64_t process, occurrence; /* AWAITS */
    int64_t site;                /* ALIGNS, AWAITS_BLOCK, AWAITS_OUTSIDE: the input or the element */
    enum waits waits;            /* AWAITS_OUTSIDE */
    int sounds;                  /* what its element plays while it waits for a trigger has begun */
    int looks;                   /* for an edge at the digital input `input`; there is none before `looked` */
    int rests;                   /* nobody is left who could make one, unless something arrives from outside */
    int64_t input, looked;
    int64_t *taken;              /* input: items */
    int64_t io_passed[2], io_taken[2]; /* accesses of the register; entries of it */
    int64_t pauses;              /* that it has passed */
    int64_t stop_clock;
    int thread;                  /* of a walker of one thread, else -1 */
    int forced;                  /* may pass soft limits once */
    int64_t rounds;              /* of a loop that not all of its strands walk */
} walker;

/* The values of one process: entries [base, started) are kept, those before `done` have a value. */
typedef struct {
    int64_t started, done, base, capacity;
    int64_t width; /* cells of one value: 1, or what a process that tags writes */
    int64_t *ends;
    int32_t *values;
    int64_t hint; /* array targets: the cell that the last late value went to */
} channel;

/* Slices of one process that are summed, by measure: those of [base, …), each with the slices' values and one sum. */
typedef struct {
    double *values;
    int64_t capacity, base;
} slice_sums;

typedef struct {
    int64_t end, order, start;
    uint64_t phase, inc;
    int32_t thread, element, window; /* window: of Image.windows, or the measure of a raw trace */
} pending;

typedef struct {
    pending *heap;
    int64_t count, capacity;
    int32_t threads[MACHINE_THREADS_MAX];
    int64_t lags[MACHINE_THREADS_MAX];
    int thread_count;
} queue;

typedef struct {
    uint64_t inc, R, Q, F;
    int32_t thread, due;
    int32_t halves, fold; /* two samples a ns; as of signal_record_t, of such alone */
    int32_t sticky, holds; /* ns of its ramp to zero, or 0; whether a hold is open */
    int64_t held_order;    /* of the play that left it */
    int64_t sound;         /* of a sticky one that waits: what it plays, in the log */
    double held_r, held_i;
    int sweeps;            /* a chirp goes on behind its pulse: above the element's own at swept_from */
    int64_t swept_from;
    uint64_t swept_phase, swept_inc;
    signal_section_t swept; /* its one section */
    int64_t acts;           /* that have begun */
    int begun;              /* the last of them has not ended: it may begin again, for want of room */
    machine_setting *settings; /* from outside, in the order of their places */
    int64_t setting_count, setting_taken, setting_capacity;
    int corrected;
    double correction[4];
} element;

typedef struct {
    int64_t *values; /* raws, and starts in cycles, which outlast 32 bits */
    int64_t *times;
    int64_t count, capacity;
} output;

typedef struct {
    int64_t *times;
    int64_t first, count, capacity;
} block_queue;

/* What was set in an IO register from outside, before access `place`. */
typedef struct {
    int64_t place;
    int32_t raw;
} io_entry;

typedef struct {
    io_entry *entries;
    int64_t count, capacity;
    uint64_t strands; /* that read or write it */
    int32_t latest;   /* as far as the saver knows */
} io_register;

/* Items of one input stream; those before `base` were taken by all and are gone. */
typedef struct {
    int64_t *instants;
    int32_t *raws;
    int64_t base, count, capacity, size;
    uint64_t strands;
} input;

typedef struct {
    int64_t instant, controller;
} edge;

typedef struct {
    io_register io[2];
    int64_t shown[2]; /* entries that somebody has met */
    input *inputs;
    int64_t resumes;
    int ignores_pauses;
    edge *edges; /* in the order of time */
    int64_t edge_count, edge_capacity;
    int64_t last_edge[64]; /* of each thread, the one that it took last */
} outside;

typedef struct {
    double volts;
    int64_t changes; /* of all offsets, up to this one; 0: it was never changed */
} offset_now;

struct machine {
    machine_tables t;
    signals *signals;
    int64_t tails_keep_ns; /* NEVER without tails */
    uint64_t heard;        /* threads that matter to a queue */
    int error;
    int64_t steps, end, since_forget;
    int64_t forgotten;  /* what was played before cannot be heard any more */
    int64_t last_window; /* the latest end of any window or trace so far */
    outside outside;
    int64_t clock[64], floor[64], order[64];
    uint64_t loose;     /* threads that moved by other than literal times since they last met others */
    element *elements;
    queue *queues;
    int64_t pending_count;
    channel *channels;
    signal_section_t *sections; /* room for those of one chirp */
    int sticky;         /* some element is */
    slice_sums *sums;   /* at the process of the first slice */
    signal_process_t *processes;
    uint64_t *arrived;  /* align: threads that are there */
    block_queue *blocks;
    walker *walkers[64 + 1];
    int walker_count;
    output *outputs;
    machine_trace *traces;
    int16_t *trace_codes; /* of all of them, one after the other; the room is kept */
    int64_t trace_codes_capacity;
    int64_t trace_count, trace_capacity, trace_bytes;
    int output_full;    /* a trace did not fit */
    int64_t *events;    /* [code][at + 1] */
    int64_t stop;       /* NEVER, or where the run ends */
    machine_log *log;   /* NULL: none is kept */
    offset_now *offsets_now; /* by row and input */
    int64_t offset_changes;
    watch *watch;       /* NULL: no output is watched */
    digital *digital;   /* NULL: no digital input is read */
};

static inline void event(machine *m, int code, int64_t at)
{
    m->events[code * (m->t.source_count + 1) + at + 1]++;
}

/* A measured value comes into a slot. */
static inline void give(walker *w, int64_t slot, int32_t value, int64_t end)
{
    w->memory[slot] = value;
    w->until[slot] = end;
    w->bound_to[slot] = -1;
    if (w->stamps)
        w->stamps[slot] = end;
}

static inline int64_t binding(int64_t process, int64_t occurrence) { return process << 40 | occurrence; }
static inline const int64_t *row(const int64_t *table, int64_t columns, int64_t i) { return table + columns * i; }

#define THREADS_OF(mask, t) \
    for (uint64_t rest_ = (mask) & ~MACHINE_SAVER; rest_; rest_ &= rest_ - 1) \
        for (int t = __builtin_ctzll(rest_), once_ = 1; once_; once_ = 0)

/* A thread starts nothing before this. */
static inline int64_t bound_of(const machine *m, int thread)
{
    return m->clock[thread] > m->floor[thread] ? m->clock[thread] : m->floor[thread];
}

/* A process that writes a block: a count, and cells before it. */
static inline int writes_block(int64_t kind) { return kind >= PROCESS_TAGGING; }

/* walk.c */
void clocks_to(machine *m, uint64_t mask, int64_t t, int64_t strict, int32_t at);
void walk(machine *m, walker *w, int64_t budget);

/* operations.c: the statements that know of signals; 0, or != 0 when the walker cannot go on (its state says why) */
int do_play(machine *m, walker *w, const insn *i, int32_t at);
int do_measure(machine *m, walker *w, const insn *i, int32_t at);
int do_hear(machine *m, walker *w, const insn *i);
int value_room(machine *m, walker *w, int64_t first, int64_t count); /* for one more value of each process */
void do_correction(machine *m, const walker *w, const insn *i, int32_t at);
void change_correction(machine *m, int64_t number, int64_t t, const double c[4]);
void change_offset(machine *m, int64_t row, int64_t which, int64_t t, double volts);
void do_offset(machine *m, const walker *w, const insn *i, int32_t at);

/* settings.c: an element begins to do something */
void settings_free(machine *m);
void take_settings(machine *m, int64_t number);
static inline void act(machine *m, int64_t number)
{
    element *e = &m->elements[number];
    if (e->setting_taken < e->setting_count)
        take_settings(m, number);
    e->acts++;
}

/* oscillator.c */
void do_rotate(machine *m, const walker *w, const insn *i);
void do_reset_frame(machine *m, const insn *i);
void change_frequency(machine *m, element *e, int64_t t, uint64_t inc, int fold, int keep_phase);
uint64_t increment(int32_t raw, int power);
void tune(const element *e, int64_t t, signal_record_t *r); /* r gets phase and frequency, and the sweep that goes on */
void leave_sweep(element *e, const signal_record_t *r, int continues); /* a pulse ends: its sweep goes on, or none does */
void end_sweep(machine *m, element *e, int64_t t);
void reset_phase(machine *m, element *e, int64_t t);
void do_reset_now(machine *m, const insn *i);
void do_frequency(machine *m, const walker *w, const insn *i, int32_t at);

/* shaped.c: ramps, cuts, chirps, conditions */
void shape_record(machine *m, const walker *w, const int64_t *play, int32_t at, signal_record_t *r);

/* sticky.c */

/* What an element holds from the record on, and until t, for all that listen and watch: a SIGNAL_… code. */
int hold_begins(machine *m, const signal_record_t *r);
int hold_ends(machine *m, int64_t number, int64_t t);

int hold_last(machine *m, const signal_record_t *r);
void hold_again(machine *m, element *e, int64_t t);
int hold_along(machine *m, element *e, const signal_record_t *r);
void do_ramp_to_zero(machine *m, const insn *i);
void end_sticky(machine *m, uint64_t strands);

/* outside.c */
int outside_new(machine *m);
void outside_free(machine *m);
int do_io_read(machine *m, walker *w, const insn *i);
int do_io_write(machine *m, walker *w, const insn *i);
int do_advance(machine *m, walker *w, const insn *i, int32_t at);
int do_pause(machine *m, walker *w, const insn *i, int32_t at);
int do_trigger(machine *m, walker *w, const insn *i);
int forks_to_wait(walker *w, uint64_t mask);

/* machine.c */
int block_room(machine *m, walker *w, block_queue *b);
int advance_watch(machine *m);

/* acquire.c */
int channel_room(machine *m, int64_t process, int soft);
int push_pending(machine *m, int64_t queue, const pending *p);
int64_t try_queue(machine *m, int64_t queue);
int64_t try_all(machine *m);
int64_t process_queue(const machine *m, int64_t process);

/* tagging.c */
int64_t channel_width(const machine *m, int64_t process);
void settle_count(machine *m, int64_t process, int32_t count, int64_t end); /* a value that no window has; there is room */
void hear_tags(const machine *m, walker *w, int64_t process, int64_t occurrence);
int evaluate_tags(machine *m, const pending *p);

/* markers.c: where digital inputs are read */
static inline int sends_marker(const machine *m, const int64_t *play)
{
    return m->digital && play[PLAY_MARKER] >= 0 && digital_hears(m->digital, (int)play[PLAY_ELEMENT]);
}
int marker_room(machine *m, const int64_t *play); /* 0, or a MACHINE_ code */
void start_marker(machine *m, const int64_t *play, int64_t start, int64_t length); /* of a play that sends one */
void forget_markers(machine *m);

#define OPEN_MARKER (INT64_MAX / 8) /* the length of a pulse that has no end yet */
void end_marker(machine *m, const int64_t *play, int64_t start, int64_t t);

/* sounding.c: what an element plays while it waits; != 0 when the job has failed */
int begin_sound(machine *m, const int64_t *play, int64_t t);
int end_sound(machine *m, const int64_t *play, int64_t start, int64_t t);

/* edges.c */
int do_edge(machine *m, walker *w, const insn *i);
int edge_may_be_known(const machine *m, const walker *w); /* of a walker that looks for one */
int64_t edge_floor(const machine *m, const walker *w, const int64_t *bound); /* it goes on no earlier, by threads' bounds */

/* floors.c */
void raise_floors(machine *m);

/* sums.c */
int sum_slices(machine *m, int64_t process, double value, int32_t *raw, int *overflowed);

/* fork.c */
walker *walker_new(machine *m, uint64_t strands, const walker *from);
void walker_free(walker *w);
int fork_walker(machine *m, walker *w, int saver_only);

#endif
