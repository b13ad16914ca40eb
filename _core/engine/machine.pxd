"""C names of machine.h, and of what stands beside it, for the machine."""

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t

from quaymaster._core.engine.signals cimport signals

cdef extern from "log.h" nogil:
    enum:
        LOG_BYTES_MAX
    ctypedef struct log_list:
        void *items
        int64_t count
        int64_t capacity
        int64_t size
    ctypedef struct machine_log:
        log_list plays
        log_list windows
        log_list resets
        log_list sections
        log_list corrections
        log_list offsets
        log_list ramps

cdef extern from "watch.h" nogil:
    ctypedef struct watch:
        pass
    ctypedef struct watched_t:
        int64_t count, first
        int32_t elements[8]
        int32_t element_count, gave_up
    ctypedef struct watch_range_t:
        double full_scale, offset
        int64_t delay
        double gain
        int64_t reach
    watch *watch_new(signals *s, const int32_t *thread, const watch_range_t *ranges, int count,
                     const int32_t *outputs_of, int columns)
    const watched_t *watch_seen(const watch *w, int output)

cdef extern from "digital.h" nogil:
    enum:
        DIGITAL_PARTS_MAX
    ctypedef struct digital:
        pass
    digital *digital_new(uint64_t seed, int elements)
    int digital_add_input(digital *d, int32_t number, int falling, int64_t dead, int64_t delay)
    int digital_add_line(digital *d, int input, int inverted)
    int digital_add_marker(digital *d, int input, int line, int element, int64_t delay, int64_t buffer)
    int digital_add_light(digital *d, int input, const uint64_t *thresholds, int count, int width)

cdef extern from "machine.h" nogil:
    ctypedef struct machine_tables:
        int64_t code_count, memory_count, tracked_count, element_count, play_count, measure_count, window_count
        int64_t process_count, align_count, stream_count, source_count, block_count, thread_count, queue_count, forked
        int64_t chirp_section_count, input_count, trigger_period_ns
        const int32_t *code
        const uint64_t *masks
        const int32_t *code_at
        const int32_t *memory
        const int64_t *elements
        const int64_t *plays
        const int64_t *chirps
        const int64_t *chirp_sections
        const int64_t *measures
        const int64_t *windows
        const int64_t *processes
        const int64_t *taggers
        const int64_t *markers
        const int64_t *marker_parts
        const int64_t *digital_reads
        const int64_t *trace_ports
        const int64_t *aligns
        const int64_t *align_elements
        const uint64_t *hearers
        const uint64_t *align_masks
        const uint64_t *strict
        const int64_t *latencies
        int64_t delays
        const int64_t *levels
        int64_t level_columns
        const int64_t *controllers
        const uint8_t *heard
        const int64_t *window_queue
        const int64_t *lags

    ctypedef struct machine:
        pass

    ctypedef struct machine_trace:
        int64_t measure, port, start, length, first, per_ns

    enum:
        OP_COUNT
        EVENT_COUNT
        RUN_AHEAD_VALUES_MAX
        RUN_AHEAD_PENDING_MAX
        OUTPUT_TRACE_BYTES_MAX
        MACHINE_NO_MEMORY
        MACHINE_RUN_AHEAD_VALUES
        MACHINE_RUN_AHEAD_PENDING
        MACHINE_DEADLOCK
        MACHINE_TRACE_TOO_LONG
        MACHINE_LOG_FULL
        MACHINE_MARKERS_FULL

    void machine_hear_digital(machine *m, digital *d)
    void machine_watch(machine *m, watch *w)
    const watch *machine_watched(machine *m)
    machine *machine_new(const machine_tables *tables, signals *s, const uint8_t *timed)
    void machine_free(machine *m)
    int machine_run(machine *m, int64_t max_steps)
    int machine_error(const machine *m)
    int64_t machine_clock(const machine *m)
    int64_t machine_steps(const machine *m)
    void machine_stop_at(machine *m, int64_t stop_ns)
    int machine_keep_log(machine *m)
    const machine_log *machine_logged(const machine *m)
    int64_t machine_walkers(const machine *m)
    int64_t machine_thread_clock(const machine *m, int64_t thread)
    int64_t machine_event(const machine *m, int64_t code, int64_t at)
    const int32_t *machine_memory(const machine *m, int64_t strand)
    int64_t machine_saved(const machine *m, int64_t stream, const int64_t **values, const int64_t **times)
    void machine_saved_taken(machine *m, int64_t stream)
    int64_t machine_traces(const machine *m, const machine_trace **traces, const int16_t **codes)
    void machine_traces_taken(machine *m)
    int64_t machine_now(const machine *m)
    enum:
        SETTING_FREQUENCY
        SETTING_CORRECTION
        SETTING_OFFSET
    ctypedef struct machine_setting:
        int64_t place
        int32_t kind, which
        int64_t row
        uint64_t inc
        double values[4]
    int64_t machine_acts(const machine *m, int64_t element)
    int machine_set_element(machine *m, int64_t element, const machine_setting *s)
    const machine_setting *machine_next_setting(const machine *m, int64_t element, int64_t k)
    uint64_t machine_increment(const machine *m, int64_t element)
    int machine_fold(const machine *m, int64_t element)
    int machine_correction(const machine *m, int64_t element, double *c)
    int64_t machine_offset(const machine *m, int64_t row, int64_t which, double *volts)
    void machine_stop_watching(machine *m, int64_t output)
    int64_t machine_io_place(const machine *m, int64_t number)
    int machine_set_io(machine *m, int64_t number, int64_t place, int32_t raw)
    void machine_show_io(machine *m, int64_t number)
    int32_t machine_io(const machine *m, int64_t number)
    int64_t machine_push_input(machine *m, int64_t number, int64_t instant_ns, const int32_t *raws)
    int64_t machine_input_waiting(const machine *m, int64_t number)
    void machine_ignore_pauses(machine *m)
    int machine_paused(const machine *m)
    int64_t machine_resume(machine *m)
    int64_t machine_trigger_instant(const machine *m)
    int64_t machine_trigger(machine *m, int64_t controller, int64_t instant_ns)
    int machine_waits(const machine *m, int64_t walker, int64_t *site)
