/* The interpreter: one walker walks until it is blocked, at its slice's end, or done. */
#include "library.h"
#include "machine_inside.h"

static inline int32_t wrap(int64_t x) { return (int32_t)(uint32_t)(uint64_t)x; }

static int64_t floor_divide(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return (a % b != 0 && (a < 0) != (b < 0)) ? q - 1 : q;
}

static int64_t divide(machine *m, int64_t a, int64_t b, int32_t at)
{
    if (b == 0) {
        event(m, EVENT_DIVISION_BY_ZERO, at);
        return 0;
    }
    return floor_divide(a, b);
}

/* A count outside 0 … 31 is as good as 32: no bit of the 32 stays. */
static int64_t shift_left(int32_t a, int32_t count)
{
    return (int64_t)a * (1ll << (count < 0 || count > 31 ? 32 : count));
}

static int32_t shift_right(int32_t a, int32_t count)
{
    return count < 0 || count > 31 ? (a < 0 ? -1 : 0) : a >> count;
}

static int32_t draw(int32_t *seed)
{
    return *seed = (int32_t)((137939405ull * (uint32_t)*seed + 12345) & ((1u << 28) - 1));
}

/* Threads wait until `t`; in a strict block that is a gap. */
void clocks_to(machine *m, uint64_t mask, int64_t t, int64_t strict, int32_t at)
{
    THREADS_OF(mask, thread) {
        if (m->clock[thread] >= t)
            continue;
        m->clock[thread] = t;
        m->loose |= 1ull << thread;
        if (strict >= 0 && m->t.strict[strict] >> thread & 1)
            event(m, EVENT_STRICT_TIMING_GAP, at);
    }
    if (mask & ~MACHINE_SAVER && t > m->end)
        m->end = t;
}

/* Awaits the value of a tracked slot and moves the clocks of who reads it; != 0 when it is not there yet. */
static int await(machine *m, walker *w, const insn *i, int64_t slot, int64_t strict, int32_t at)
{
    int64_t bound_to = w->bound_to[slot];
    if (bound_to >= 0) {
        int64_t process = bound_to >> 40;
        try_queue(m, process_queue(m, process));
        if (w->bound_to[slot] >= 0) {
            w->process = process;
            w->occurrence = bound_to & ((1ll << 40) - 1);
            if (!(w->strands & (w->strands - 1)))
                w->state = AWAITS;
            else
                w->state = i->mask == MACHINE_SAVER ? FORKS_SAVER : FORKS_ALL;
            return 1;
        }
    }
    if (w->until[slot])
        clocks_to(m, i->mask, w->until[slot], strict, at);
    return 0;
}

static void wait_ns(machine *m, uint64_t mask, int64_t ns)
{
    THREADS_OF(mask, t) {
        m->clock[t] += ns;
        if (m->clock[t] > m->end)
            m->end = m->clock[t];
    }
}

static void align_at(machine *m, int64_t site, int64_t latest)
{
    THREADS_OF(m->t.align_masks[site], t)
        m->clock[t] = latest;
    if (latest > m->end)
        m->end = latest;
    const int64_t *align = m->t.aligns + 2 * site;
    for (int64_t k = align[0]; k < align[0] + align[1]; k++) {
        element *e = &m->elements[m->t.align_elements[k]];
        if (e->due)
            reset_phase(m, e, latest);
    }
}

/* != 0 when others are still to come. Who comes last takes all along. */
static int align(machine *m, walker *w, const insn *i)
{
    uint64_t all = m->t.align_masks[i->a];
    uint64_t mine = i->mask;
    if (mine != all) {
        m->arrived[i->a] |= mine;
        if (m->arrived[i->a] != all) {
            w->state = ALIGNS;
            w->site = i->a;
            return 1;
        }
        m->arrived[i->a] = 0;
    }
    int64_t latest = 0;
    THREADS_OF(all, t)
        latest = m->clock[t] > latest ? m->clock[t] : latest;
    if (all & (all - 1)) {
        latest += m->loose & all ? m->t.latencies[LATENCY_SYNC] : 0;
        m->loose &= ~all;
    }
    if (i->b && m->last_window > latest)
        latest = m->last_window; /* before a pause all is measured */
    align_at(m, i->a, latest);
    if (mine != all)
        for (int k = 0; k < m->walker_count; k++) {
            walker *other = m->walkers[k];
            if (other->state == ALIGNS && other->site == i->a) {
                other->state = RUNS;
                other->pc++;
            }
        }
    return 0;
}

static int save(machine *m, walker *w, const insn *i, int64_t value, int64_t time)
{
    output *o = &m->outputs[i->a];
    if (o->count == o->capacity) {
        w->state = OUTPUT_FULL;
        return 1;
    }
    if (o->times)
        o->times[o->count] = time;
    o->values[o->count++] = value;
    return 0;
}

static int push_block(machine *m, walker *w, block_queue *b, int64_t time)
{
    if (b->count == b->capacity && !block_room(m, w, b))
        return 1;
    b->times[(b->first + b->count++) & (b->capacity - 1)] = time;
    return 0;
}

static int32_t function(machine *m, const int32_t *v, const insn *i, int32_t at)
{
    enum library_note note = LIBRARY_FITS;
    int32_t raw = library_value((enum library_function)i->b, v[i->c], v[i->d], v[i->e], &note);
    if (note != LIBRARY_FITS)
        event(m, note == LIBRARY_OUTSIDE ? EVENT_MATH_DOMAIN : EVENT_OVERFLOW, at);
    return raw;
}

static int32_t array_function(machine *m, const int32_t *v, const insn *i, int32_t at)
{
    enum library_note note = LIBRARY_FITS;
    int32_t raw = library_array_value((enum library_array_function)i->b, v + i->c, v + i->e, i->d, &note);
    if (note != LIBRARY_FITS)
        event(m, EVENT_OVERFLOW, at);
    return raw;
}

/* Awaits every cell of an array. */
static int await_all(machine *m, walker *w, const insn *i, int32_t at)
{
    for (int64_t k = 0; k < i->b; k++)
        if (await(m, w, i, i->a + k, i->c, at))
            return 1;
    return 0;
}

/* The start of a block goes from the thread that knows it to the saver. */
static int block_time(machine *m, walker *w, const insn *i)
{
    block_queue *b = &m->blocks[i->a];
    if (i->mask != MACHINE_SAVER) {
        if (i->mask & MACHINE_SAVER) {
            w->blocks[i->a] = m->clock[i->b];
            return 0;
        }
        return push_block(m, w, b, m->clock[i->b]);
    }
    if (!b->count) {
        w->state = AWAITS_BLOCK;
        w->site = i->a;
        return 1;
    }
    w->blocks[i->a] = b->times[b->first & (b->capacity - 1)];
    b->first++;
    b->count--;
    return 0;
}

static inline int64_t cell(machine *m, const walker *w, int64_t first, int64_t size, int32_t index_slot, int32_t at)
{
    int64_t index = w->memory[index_slot];
    if (index >= 0 && index < size)
        return first + index;
    if (at >= -1)
        event(m, EVENT_OUT_OF_BOUNDS, at);
    return -1;
}

static inline void raise_stamp(walker *w, int64_t slot)
{
    if (slot >= 0 && w->stamps[slot] > w->stamp)
        w->stamp = w->stamps[slot];
}

#define QUIET -2 /* `at` of look-ups that were or will be reported elsewhere */
#define BLOCKED_IF(x) do { if (x) goto blocked; } while (0)
#define WRAP(x) do { \
        int64_t true_ = (x); \
        if (__builtin_expect((v[i->a] = wrap(true_)) != true_, 0)) \
            goto overflowed; \
    } while (0)
#define BRANCH(condition) if (!(condition)) { pc = i->a; continue; } break

void walk(machine *m, walker *w, int64_t budget)
{
    const insn *code = w->code;
    int32_t *v = w->memory;
    int64_t pc = w->pc, left = budget, slot;
    while (left-- > 0) {
        const insn *i = &code[pc];
        switch (i->op) {
        case OP_END:
            if (m->sticky)
                end_sticky(m, w->strands);
            w->state = ENDED;
            w->pc = pc;
            goto out;
        case OP_MOVE: v[i->a] = v[i->b]; break;
        case OP_TRUTH: v[i->a] = v[i->b] != 0; break;
        case OP_ADD: WRAP((int64_t)v[i->b] + v[i->c]); break;
        case OP_SUB: WRAP((int64_t)v[i->b] - v[i->c]); break;
        case OP_MUL: WRAP((int64_t)v[i->b] * v[i->c]); break;
        case OP_MUL_FIXED: WRAP(((int64_t)v[i->b] * v[i->c]) >> 28); break;
        case OP_DIV: WRAP(divide(m, v[i->b], v[i->c], w->at[pc])); break;
        case OP_DIV_FIXED: WRAP(divide(m, (int64_t)v[i->b] * (1ll << 28), v[i->c], w->at[pc])); break;
        case OP_AND: v[i->a] = v[i->b] & v[i->c]; break;
        case OP_OR: v[i->a] = v[i->b] | v[i->c]; break;
        case OP_XOR: v[i->a] = v[i->b] ^ v[i->c]; break;
        case OP_SHL: WRAP(shift_left(v[i->b], v[i->c])); break;
        case OP_SHR: v[i->a] = shift_right(v[i->b], v[i->c]); break;
        case OP_LT: v[i->a] = v[i->b] < v[i->c]; break;
        case OP_LE: v[i->a] = v[i->b] <= v[i->c]; break;
        case OP_GT: v[i->a] = v[i->b] > v[i->c]; break;
        case OP_GE: v[i->a] = v[i->b] >= v[i->c]; break;
        case OP_EQ: v[i->a] = v[i->b] == v[i->c]; break;
        case OP_TO_INT: v[i->a] = v[i->b] >> 28; break;
        case OP_TO_FIXED: WRAP((int64_t)v[i->b] * (1ll << 28)); break;
        case OP_LOW_BIT: v[i->a] = v[i->b] & 1; break;
        case OP_RAND_FIXED: v[i->a] = draw(&v[i->b]); break;
        case OP_RAND_INT: {
            int64_t n = v[i->c];
            v[i->a] = wrap((draw(&v[i->b]) * n) >> 28);
            break;
        }
        case OP_LOAD:
            slot = cell(m, w, i->b, i->c, i->d, w->at[pc]);
            v[i->a] = slot < 0 ? 0 : v[slot];
            break;
        case OP_STORE:
            slot = cell(m, w, i->a, i->b, i->c, w->at[pc]);
            if (slot >= 0)
                v[slot] = v[i->d];
            break;
        case OP_JUMP:
            if (i->a <= pc && w->thread < 0) {
                w->rounds = i->mask == w->strands ? 0 : w->rounds + 1;
                if (w->rounds > LOOP_ROUNDS) { /* it may have no end: what is behind it must not wait */
                    w->pc = i->a;
                    w->state = FORKS_ALL;
                    goto out;
                }
            }
            if (i->a <= pc && w->thread >= 0 && m->clock[w->thread] >= w->stop_clock) {
                w->pc = i->a;
                goto out;
            }
            pc = i->a;
            continue;
        case OP_JUMP_FALSE: BRANCH(v[i->b]);
        case OP_JUMP_NOT_LT: BRANCH(v[i->b] < v[i->c]);
        case OP_JUMP_NOT_LE: BRANCH(v[i->b] <= v[i->c]);
        case OP_JUMP_NOT_GT: BRANCH(v[i->b] > v[i->c]);
        case OP_JUMP_NOT_GE: BRANCH(v[i->b] >= v[i->c]);
        case OP_JUMP_NOT_EQ: BRANCH(v[i->b] == v[i->c]);
        case OP_JUMP_TRUE: BRANCH(!v[i->b]);
        case OP_JUMP_EQ: BRANCH(v[i->b] != v[i->c]);
        case OP_AWAIT: BLOCKED_IF(await(m, w, i, i->a, i->b, w->at[pc])); break;
        case OP_AWAIT_CELL:
            slot = cell(m, w, i->a, i->b, i->c, QUIET);
            BLOCKED_IF(slot >= 0 && await(m, w, i, slot, i->d, w->at[pc]));
            break;
        case OP_UNBIND: w->until[i->a] = 0; w->bound_to[i->a] = -1; break;
        case OP_UNBIND_CELL:
            slot = cell(m, w, i->a, i->b, i->c, QUIET);
            if (slot >= 0) {
                w->until[slot] = 0;
                w->bound_to[slot] = -1;
            }
            break;
        case OP_PLAY: BLOCKED_IF(do_play(m, w, i, w->at[pc])); break;
        case OP_MEASURE:
            BLOCKED_IF(do_measure(m, w, i, w->at[pc]));
            if (m->output_full) {
                w->pc = pc + 1;
                goto out;
            }
            break;
        case OP_HEAR: do_hear(m, w, i); break;
        case OP_WAIT: {
            int64_t cycles = v[i->a];
            if (cycles < 4) {
                event(m, EVENT_SHORT_DURATION, w->at[pc]);
                cycles = 4;
            }
            wait_ns(m, i->mask, 4 * cycles);
            break;
        }
        case OP_WAIT_NS: wait_ns(m, i->mask, i->a); break;
        case OP_ALIGN: BLOCKED_IF(align(m, w, i)); break;
        case OP_ROTATE: do_rotate(m, w, i); break;
        case OP_RESET_FRAME: do_reset_frame(m, i); break;
        case OP_RAMP_TO_ZERO: do_ramp_to_zero(m, i); break;
        case OP_IO_READ: BLOCKED_IF(do_io_read(m, w, i)); break;
        case OP_IO_WRITE: BLOCKED_IF(do_io_write(m, w, i)); break;
        case OP_ADVANCE: BLOCKED_IF(do_advance(m, w, i, w->at[pc])); break;
        case OP_PAUSE: BLOCKED_IF(do_pause(m, w, i, w->at[pc])); break;
        case OP_TRIGGER: BLOCKED_IF(do_trigger(m, w, i)); break;
        case OP_EDGE: BLOCKED_IF(do_edge(m, w, i)); break;
        case OP_RESET_PHASE:
            act(m, i->a);
            m->elements[i->a].due = 1;
            break;
        case OP_FREQUENCY: do_frequency(m, w, i, w->at[pc]); break;
        case OP_CORRECTION: do_correction(m, w, i, w->at[pc]); break;
        case OP_SET_OFFSET: do_offset(m, w, i, w->at[pc]); break;
        case OP_RESET_NOW: do_reset_now(m, i); break;
        case OP_LOAD_WAVEFORM:
            if (v[i->c] >= 0 && v[i->c] < i->b)
                v[i->a] = v[i->c];
            else
                event(m, EVENT_WAVEFORM_INDEX, w->at[pc]);
            break;
        case OP_SAVE: BLOCKED_IF(save(m, w, i, v[i->b], 0)); break;
        case OP_SAVE_TIMED: {
            int64_t time = w->stamp > 0 ? w->stamp : w->blocks[i->c];
            if (w->stamp > 0 ? time > m->stop : time >= m->stop)
                break; /* after the end of a run that stops */
            BLOCKED_IF(save(m, w, i, v[i->b], time));
            break;
        }
        case OP_SAVE_START: {
            int64_t time = w->blocks[i->b];
            if (time >= m->stop)
                break;
            BLOCKED_IF(save(m, w, i, time / 4, time));
            break;
        }
        case OP_READY:
            if (w->stamp)
                clocks_to(m, i->mask, w->stamp + m->t.latencies[i->a], i->b, w->at[pc]);
            break;
        case OP_BRANCH:
            wait_ns(m, i->mask, m->t.latencies[LATENCY_BRANCH]);
            m->loose |= i->mask & ~MACHINE_SAVER;
            break;
        case OP_LOOSE: m->loose |= i->mask & ~MACHINE_SAVER; break;
        case OP_BLOCK_TIME: BLOCKED_IF(block_time(m, w, i)); break;
        case OP_STAMP_CLEAR: w->stamp = 0; break;
        case OP_STAMP_READ: raise_stamp(w, i->a); break;
        case OP_STAMP_READ_CELL: raise_stamp(w, cell(m, w, i->a, i->b, i->c, QUIET)); break;
        case OP_STAMP_WRITE: w->stamps[i->a] = w->stamp; break;
        case OP_STAMP_WRITE_CELL:
            slot = cell(m, w, i->a, i->b, i->c, QUIET);
            if (slot >= 0)
                w->stamps[slot] = w->stamp;
            break;
        case OP_STAMP_ZERO: w->stamps[i->a] = 0; break;
        case OP_FUNCTION: v[i->a] = function(m, v, i, w->at[pc]); break;
        case OP_ARRAY_FUNCTION: v[i->a] = array_function(m, v, i, w->at[pc]); break;
        case OP_AWAIT_ALL: BLOCKED_IF(await_all(m, w, i, w->at[pc])); break;
        case OP_STAMP_READ_ALL:
            for (slot = i->a; slot < (int64_t)i->a + i->b; slot++)
                raise_stamp(w, slot);
            break;
        }
        pc++;
        continue;
    overflowed:
        event(m, EVENT_OVERFLOW, w->at[pc]);
        pc++;
    }
blocked:
    w->pc = pc;
out:
    m->steps += budget - (left > 0 ? left : 0);
}
