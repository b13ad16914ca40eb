/* The log of a run: lists that double, up to LOG_BYTES_MAX together. */
#include <stdlib.h>
#include <string.h>

#include "log.h"

machine_log *log_new(void)
{
    machine_log *log = calloc(1, sizeof *log);
    if (!log)
        return NULL;
    log->plays.size = sizeof(logged_play);
    log->windows.size = sizeof(logged_window);
    log->resets.size = sizeof(logged_reset);
    log->sections.size = sizeof(signal_section_t);
    log->corrections.size = sizeof(logged_correction);
    log->offsets.size = sizeof(logged_offset);
    log->ramps.size = sizeof(logged_reset);
    return log;
}

void log_free(machine_log *log)
{
    if (!log)
        return;
    free(log->plays.items);
    free(log->windows.items);
    free(log->resets.items);
    free(log->sections.items);
    free(log->corrections.items);
    free(log->offsets.items);
    free(log->ramps.items);
    free(log);
}

static int64_t bytes_of(const machine_log *log)
{
    const log_list *lists[] = {&log->plays, &log->windows, &log->resets, &log->sections, &log->corrections, &log->offsets, &log->ramps};
    int64_t bytes = 0;
    for (size_t k = 0; k < sizeof lists / sizeof *lists; k++)
        bytes += lists[k]->capacity * lists[k]->size;
    return bytes;
}

/* Room for `count` more items; NULL when the log is full or there is no memory. */
static void *room(machine_log *log, log_list *list, int64_t count)
{
    int64_t capacity = list->capacity ? list->capacity : 64;
    while (capacity < list->count + count)
        capacity *= 2;
    if (capacity != list->capacity) {
        if (bytes_of(log) + (capacity - list->capacity) * list->size > LOG_BYTES_MAX)
            return NULL;
        void *items = realloc(list->items, (size_t)(capacity * list->size));
        if (!items)
            return NULL;
        list->items = items;
        list->capacity = capacity;
    }
    void *place = (char *)list->items + list->count * list->size;
    list->count += count;
    return place;
}

int log_play(machine_log *log, const signal_record_t *r, uint64_t frame, int64_t play, int what)
{
    int64_t first_section = log->sections.count;
    if (r->section_count > 0) {
        signal_section_t *sections = room(log, &log->sections, r->section_count);
        if (!sections)
            return -1;
        memcpy(sections, r->sections, (size_t)r->section_count * sizeof *sections);
    }
    logged_play *entry = room(log, &log->plays, 1);
    if (!entry)
        return -1;
    *entry = (logged_play){.record = *r, .frame = frame, .first_section = first_section, .play = (int32_t)play, .what = what};
    entry->record.sections = NULL;
    return 0;
}

void log_end_play(machine_log *log, int64_t number, int64_t t)
{
    signal_record_t *r = &((logged_play *)log->plays.items)[number].record;
    r->length = t - r->start;
}

int log_window(machine_log *log, int64_t start, int64_t end, int64_t measure, int64_t window)
{
    logged_window *entry = room(log, &log->windows, 1);
    if (!entry)
        return -1;
    *entry = (logged_window){start, end, (int32_t)measure, (int32_t)window};
    return 0;
}

static int log_instant(machine_log *log, log_list *list, int64_t time, int64_t element)
{
    logged_reset *entry = room(log, list, 1);
    if (!entry)
        return -1;
    *entry = (logged_reset){time, element};
    return 0;
}

int log_reset(machine_log *log, int64_t time, int64_t element) { return log_instant(log, &log->resets, time, element); }

int log_ramp(machine_log *log, int64_t time, int64_t element) { return log_instant(log, &log->ramps, time, element); }

int log_correction(machine_log *log, int64_t element, const double c[4])
{
    logged_correction *entry = room(log, &log->corrections, 1);
    if (!entry)
        return -1;
    *entry = (logged_correction){element, log->plays.count, {c[0], c[1], c[2], c[3]}};
    return 0;
}

int log_offset(machine_log *log, int64_t time, int32_t element, int32_t input, double volts)
{
    logged_offset *entry = room(log, &log->offsets, 1);
    if (!entry)
        return -1;
    *entry = (logged_offset){time, element, input, volts};
    return 0;
}
