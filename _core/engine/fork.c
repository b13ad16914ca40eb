/* Walkers: their code, their memory, and how one becomes several. */
#include <stdlib.h>
#include <string.h>

#include "machine_inside.h"

static int is_jump(int op) { return (op >= OP_JUMP && op <= OP_JUMP_NOT_EQ) || op == OP_JUMP_TRUE || op == OP_JUMP_EQ; }

/* Leaves out what none of the strands executes; jumps go to the next instruction that is left. */
static int cut_code(const machine *m, walker *w, int64_t *new_pc)
{
    int64_t count = m->t.code_count, kept = 0;
    int64_t *index = malloc((size_t)(count + 1) * sizeof *index);
    if (!index)
        return MACHINE_NO_MEMORY;
    for (int64_t k = 0; k < count; k++) {
        index[k] = kept;
        kept += (m->t.masks[k] & w->strands) != 0;
    }
    w->code = malloc((size_t)kept * sizeof *w->code);
    w->at = malloc((size_t)kept * sizeof *w->at);
    w->origin = malloc((size_t)kept * sizeof *w->origin);
    if (w->code && w->at && w->origin) {
        for (int64_t k = 0; k < count; k++) {
            const int32_t *c = m->t.code + 6 * k;
            uint64_t mask = m->t.masks[k] & w->strands;
            if (!mask)
                continue;
            insn *i = &w->code[index[k]];
            *i = (insn){c[0], c[1], c[2], c[3], c[4], c[5], mask};
            if (is_jump(i->op))
                i->a = (int32_t)index[i->a];
            w->at[index[k]] = m->t.code_at[k];
            w->origin[index[k]] = (int32_t)k;
        }
        *new_pc = index[*new_pc];
    }
    free(index);
    return w->code && w->at && w->origin ? 0 : MACHINE_NO_MEMORY;
}

static void *copy(const void *from, int64_t count, size_t size)
{
    void *to = calloc((size_t)(count ? count : 1), size);
    if (to && from)
        memcpy(to, from, (size_t)count * size);
    return to;
}

void walker_free(walker *w)
{
    if (!w)
        return;
    void *parts[] = {w->code, w->at, w->origin, w->memory, w->until, w->bound_to, w->stamps, w->blocks, w->heard, w->taken};
    for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
        free(parts[k]);
    free(w);
}

/* A walker for these strands, at the place and with the memory of `from` (NULL: at the start). */
walker *walker_new(machine *m, uint64_t strands, const walker *from)
{
    walker *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    int64_t pc = from ? from->origin[from->pc] : 0;
    int saves = (strands & MACHINE_SAVER) != 0, ok = 1;
    w->strands = strands;
    w->thread = strands & (strands - 1) || saves ? -1 : __builtin_ctzll(strands);
    w->stop_clock = NEVER;
    ok &= cut_code(m, w, &pc) == 0;
    w->pc = pc;
    ok &= (w->memory = copy(from ? from->memory : m->t.memory, m->t.memory_count, sizeof *w->memory)) != NULL;
    ok &= (w->until = copy(from ? from->until : NULL, m->t.tracked_count, sizeof *w->until)) != NULL;
    ok &= (w->bound_to = copy(from ? from->bound_to : NULL, m->t.tracked_count, sizeof *w->bound_to)) != NULL;
    ok &= (w->heard = copy(from ? from->heard : NULL, m->t.process_count, sizeof *w->heard)) != NULL;
    ok &= (w->taken = copy(from ? from->taken : NULL, m->t.input_count, sizeof *w->taken)) != NULL;
    if (from && from->looks && strands & from->code[from->pc].mask) { /* who waits for an edge goes on waiting */
        w->looks = 1;
        w->input = from->input;
        w->looked = from->looked;
    }
    if (from) {
        memcpy(w->io_passed, from->io_passed, sizeof w->io_passed);
        memcpy(w->io_taken, from->io_taken, sizeof w->io_taken);
        w->pauses = from->pauses;
    }
    if (ok && !from)
        for (int64_t k = 0; k < m->t.tracked_count; k++)
            w->bound_to[k] = -1;
    if (saves || m->t.delays)
        ok &= (w->stamps = copy(from ? from->stamps : NULL, m->t.memory_count, sizeof *w->stamps)) != NULL;
    w->stamp = from ? from->stamp : 0;
    if (saves) {
        ok &= (w->blocks = copy(from ? from->blocks : NULL, m->t.block_count, sizeof *w->blocks)) != NULL;
    }
    if (ok)
        return w;
    walker_free(w);
    return NULL;
}

/* Puts in the place of `w` one walker for its saver and one for the rest, or one for each strand. */
int fork_walker(machine *m, walker *w, int saver_only)
{
    walker *made[64];
    int count = 0;
    uint64_t rest = w->strands;
    if (saver_only) {
        made[count++] = walker_new(m, rest & ~MACHINE_SAVER, w);
        rest = MACHINE_SAVER;
    }
    for (; rest; rest &= rest - 1)
        made[count++] = walker_new(m, rest & (0 - rest), w);
    int ok = 1, kept = 0;
    for (int k = 0; k < count; k++)
        ok &= made[k] != NULL;
    if (!ok) {
        for (int k = 0; k < count; k++)
            walker_free(made[k]);
        return MACHINE_NO_MEMORY;
    }
    for (int k = 0; k < m->walker_count; k++)
        if (m->walkers[k] != w)
            m->walkers[kept++] = m->walkers[k];
    for (int k = 0; k < count; k++)
        m->walkers[kept++] = made[k];
    m->walker_count = kept;
    walker_free(w);
    return 0;
}
