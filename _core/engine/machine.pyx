# cython: language_level=3, boundscheck=False, wraparound=False
"""The machine: a typed face of machine.h. Python makes the tables, C runs them without the GIL."""

from libc.stdlib cimport calloc, free
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset

from weakref import WeakKeyDictionary

import numpy as np

from quaymaster._core.engine.filters cimport add_filtered_output
from quaymaster._core.engine.signals cimport (
    SIGNAL_EXACT,
    SIGNAL_LINEAR,
    SIGNAL_OUTPUT_SINGLE,
    signal_output_t,
    signal_record,
    signal_record_t,
    signals,
    signals_add_crosstalk,
    signals_add_ear,
    signals_add_element,
    signals_add_halves,
    signals_add_level,
    signals_add_output,
    signals_add_photons,
    signals_add_port,
    signals_add_shifted,
    signals_add_source,
    signals_add_tail,
    signals_add_waveform,
    signals_add_weights,
    signals_free,
    signals_hear_tail,
    signals_new,
    signals_set_full_scale,
    signals_set_halves,
    signals_set_output_rate,
    signals_set_way_halves,
    signals_set_rate,
    signals_set_way,
)

from ..errors import AskedWrongly, OurBug, Taken, not_yet
from .codes import EVENT_NAMES, ElementColumn
from .latencies import latencies_ns
from .logged import CORRECTIONS, OFFSETS, PLAYS, RESETS, SECTIONS, WINDOWS, Log
from .outside import (
    CYCLE_NS,
    INPUT_ITEMS_MAX,
    OUTSIDE_ENTRIES_MAX,
    OUTSIDE_VALUES_MAX,
    SETTINGS,
    Outside,
    check_item,
    check_log,
    check_register,
    input_number,
)
from . import settings
from .outputs import OutputPort
from .queues import queues_of
from .verify import verify_image
from .watching import OutputOverflow, by_port, changed_offsets, outputs_to_watch


STATUS = ("running", "blocked", "done", "error", "waits")
WAITS = ("", "input stream ", "pause", "trigger", "an edge at digital input ")


def limits():
    """How many instructions and events the C side knows."""
    return {"opcodes": OP_COUNT, "events": EVENT_COUNT}


def _failure(int code):
    if code == MACHINE_RUN_AHEAD_VALUES:
        return AskedWrongly(f"more than {RUN_AHEAD_VALUES_MAX} measured values wait for one who reads them "
                            "(RUN_AHEAD_VALUES_MAX)", code="run_ahead",
                            hint="read or save the values in the loop that measures them")
    if code == MACHINE_RUN_AHEAD_PENDING:
        return AskedWrongly(f"more than {RUN_AHEAD_PENDING_MAX} acquisitions cannot be evaluated yet "
                            "(RUN_AHEAD_PENDING_MAX)", code="run_ahead",
                            hint="align the elements that share an input port")
    if code == MACHINE_TRACE_TOO_LONG:
        return AskedWrongly(f"one raw trace has more than {OUTPUT_TRACE_BYTES_MAX} bytes (OUTPUT_TRACE_BYTES_MAX)",
                            code="trace_too_long")
    if code == MACHINE_LOG_FULL:
        return AskedWrongly(f"the run played more than a log of {LOG_BYTES_MAX} bytes holds (LOG_BYTES_MAX)",
                            code="log_full", hint="simulate a shorter duration")
    if code == MACHINE_MARKERS_FULL:
        return AskedWrongly(f"more than {DIGITAL_PARTS_MAX} parts of markers may still be heard (DIGITAL_PARTS_MAX)",
                            code="run_ahead", hint="align the elements that play markers with those that hear them")
    if code == MACHINE_NO_MEMORY:
        return MemoryError("no memory for the machine")
    if code == MACHINE_DEADLOCK:
        return OurBug("all walkers wait for each other", code="deadlock")
    from .signals import signal_error
    return signal_error(code)


include "wiring.pxi"


cdef class Machine:
    """One run of one image behind one plant. Owned by one OS thread; ``halt`` may be called from any."""

    cdef machine *_machine
    cdef signals *_signals
    cdef machine_tables _tables
    cdef readonly object image
    cdef object _arrays
    cdef object _timed
    cdef object _input_numbers
    cdef object _port_events
    cdef tuple _watched
    cdef bint _halted
    cdef list _outside
    cdef dict _idle
    cdef set _wired
    cdef dict _places
    cdef int64_t _outside_values
    cdef list _controllers

    def __cinit__(self):
        self._machine = NULL
        self._signals = NULL

    def __init__(self, image, *, seed=0, numerics="linear", plant, stop_ns=None, keep_log=False, outside=(),
                 ignore_pauses=False):
        if numerics not in ("linear", "exact"):
            raise AskedWrongly(f"there is no numerics {numerics!r}", code="bad_numerics", hint="use linear or exact")
        if self._machine != NULL:
            raise OurBug("a machine is started once")
        verify_image(image)
        check_log(image, outside)
        if plant.trigger_period_ns < 0 or plant.trigger_period_ns % CYCLE_NS:
            raise AskedWrongly(f"trigger_period_ns is a multiple of {CYCLE_NS}, not {plant.trigger_period_ns}",
                               code="bad_plant", hint="edges are on the grid of cycles")
        self.image = image
        self._outside = []
        self._idle = {output.ref: output.offset for output in plant.outputs}
        self._wired = {level.port for port in plant.ports for level in port.levels}
        self._places = {}
        self._outside_values = 0
        self._halted = False
        self._port_events = [(code, -1, 1) for code in dict.fromkeys(code for code, _ in plant.events)]
        self._signals = signals_new(<uint64_t>(seed & 0xFFFFFFFFFFFFFFFF), SIGNAL_EXACT if numerics == "exact" else SIGNAL_LINEAR)
        if self._signals == NULL:
            raise MemoryError("no memory for the signals")
        _add_samples(self._signals, image)
        _add_weights(self._signals, image)
        self._arrays = _add_ports(self._signals, image, plant)
        self._tables.level_columns = _level_columns(image)
        self._make(image, plant)
        _add_digital(self._machine, image, plant, seed)
        self._watched = ()
        if stop_ns is not None:
            machine_stop_at(self._machine, stop_ns)
        else:
            self._watched = _watch(self._machine, image, plant, self._arrays)
        if keep_log and machine_keep_log(self._machine):
            raise MemoryError("no memory for the log")
        if ignore_pauses:
            machine_ignore_pauses(self._machine)
        for entry in outside:
            self._enter(entry)

    def __dealloc__(self):
        if self._machine != NULL:
            machine_free(self._machine)
        elif self._signals != NULL:
            signals_free(self._signals)

    cdef _make(self, image, plant):
        queues = queues_of(image, plant)
        cdef dict arrays = self._arrays
        arrays.update(_flat_tables(image))
        arrays["window_queue"] = _flat(queues.window_queue, np.int64)
        arrays["lags"] = _flat(queues.lags, np.int64)
        self._input_numbers = np.array([port.ref.number for port in image.ports], dtype=np.int64)
        self._timed = np.array([stream.timed for stream in image.streams] + [False], dtype=np.uint8)
        cdef machine_tables *t = &self._tables
        cdef const int32_t[::1] i32
        cdef const int64_t[::1] i64
        cdef const uint64_t[::1] u64
        cdef const uint8_t[::1] u8
        t.code_count, t.memory_count, t.tracked_count = len(image.code), len(image.memory), image.tracked
        t.element_count, t.play_count, t.measure_count = len(image.elements), len(image.plays), len(image.measures)
        t.window_count, t.process_count, t.align_count = len(image.windows), len(image.processes), len(image.aligns)
        t.stream_count, t.source_count, t.block_count = len(image.streams), len(image.sources), image.blocks
        t.thread_count, t.queue_count, t.forked = len(image.threads), len(queues.lags), image.forked
        i32 = arrays["code"]; t.code = &i32[0]
        i32 = arrays["code_at"]; t.code_at = &i32[0]
        i32 = arrays["memory"]; t.memory = &i32[0]
        i64 = arrays["elements"]; t.elements = &i64[0]
        i64 = arrays["plays"]; t.plays = &i64[0]
        i64 = arrays["chirps"]; t.chirps = &i64[0]
        i64 = arrays["chirp_sections"]; t.chirp_sections = &i64[0]
        t.chirp_section_count = len(image.chirp_sections)
        t.input_count, t.trigger_period_ns = len(image.inputs), plant.trigger_period_ns
        self._controllers = list(dict.fromkeys(element.controller for element in image.element_info))
        arrays["controllers"] = _flat([self._controllers.index(e.controller) for e in image.element_info], np.int64)
        i64 = arrays["levels"]; t.levels = &i64[0]
        i64 = arrays["controllers"]; t.controllers = &i64[0]
        i64 = arrays["measures"]; t.measures = &i64[0]
        i64 = arrays["windows"]; t.windows = &i64[0]
        i64 = arrays["processes"]; t.processes = &i64[0]
        i64 = arrays["taggers"]; t.taggers = &i64[0]
        i64 = arrays["markers"]; t.markers = &i64[0]
        i64 = arrays["marker_parts"]; t.marker_parts = &i64[0]
        i64 = arrays["digital_reads"]; t.digital_reads = &i64[0]
        i64 = arrays["trace_ports"]; t.trace_ports = &i64[0]
        i64 = arrays["aligns"]; t.aligns = &i64[0]
        i64 = arrays["align_elements"]; t.align_elements = &i64[0]
        i64 = arrays["window_queue"]; t.window_queue = &i64[0]
        i64 = arrays["lags"]; t.lags = &i64[0]
        u64 = arrays["masks"]; t.masks = &u64[0]
        u64 = arrays["hearers"]; t.hearers = &u64[0]
        u64 = arrays["align_masks"]; t.align_masks = &u64[0]
        u64 = arrays["strict"]; t.strict = &u64[0]
        arrays["latencies"] = np.array(latencies_ns(image.latency), dtype=np.int64)
        i64 = arrays["latencies"]; t.latencies = &i64[0]
        t.delays = bool(arrays["latencies"].any())
        u8 = arrays["heard"]; t.heard = &u8[0]
        u8 = self._timed
        cdef signals *s = self._signals
        self._signals = NULL
        self._machine = machine_new(t, s, &u8[0])
        if self._machine == NULL:
            raise MemoryError("no memory for the machine")

    cdef machine *_ready(self) except NULL:
        if self._machine == NULL:
            raise OurBug("this machine was not started")
        return self._machine

    def run(self, int64_t max_steps):
        """Run on for about ``max_steps`` instructions: "running", "blocked" (drain first), "waits" or "done"."""
        cdef machine *m = self._ready()
        cdef int64_t left = max_steps, slice = 1 << 20
        cdef int status = 0
        with nogil:
            while left > 0 and not self._halted:
                status = machine_run(m, left if left < slice else slice)
                if status != 0:
                    break
                left -= slice
        if status == 3:
            raise _failure(machine_error(m))
        if self._halted and status in (0, 4):
            return "done"
        return STATUS[status]

    # ---- what comes from outside

    def push_input(self, name, raws):
        """One item for an input stream; see the stub."""
        cdef machine *m = self._ready()
        number = input_number(self.image, name)
        values = check_item(self.image.inputs[number], raws)
        if machine_input_waiting(m, number) >= INPUT_ITEMS_MAX:
            raise Taken(f"{INPUT_ITEMS_MAX} items of the input stream {name!r} wait to be taken (INPUT_ITEMS_MAX)",
                        code="input_full", hint="push on when the program has advanced")
        return self._enter(Outside("input", name, self._place("input", name), machine_now(m), values))

    def set_io(self, number, raw):
        """A value for an IO register; see the stub."""
        cdef machine *m = self._ready()
        check_register(number, raw)
        entry = self._enter(Outside("io", str(number), machine_io_place(m, number - 1), machine_now(m), (raw,)))
        machine_show_io(m, number - 1)
        return entry

    def io(self, number):
        """The raw value of an IO register; see the stub."""
        check_register(number, 0)
        return machine_io(self._ready(), number - 1)

    def resume(self):
        """End the pause; see the stub."""
        cdef machine *m = self._ready()
        if not machine_paused(m):
            raise AskedWrongly("the job is not paused", code="not_paused", hint="wait until it is")
        return self._enter(Outside("resume", "", self._place("resume", ""), machine_now(m)))

    def trigger(self, name=""):
        """A trigger edge; see the stub."""
        cdef machine *m = self._ready()
        if name and name not in self._controllers:
            raise AskedWrongly(f"the program has no element on a controller {name!r}", code="no_such_controller",
                               hint=f"it is on: {', '.join(self._controllers)}")
        return self._enter(Outside("trigger", name, self._place("trigger", ""), machine_trigger_instant(m)))

    def set_frequency(self, element, frequency_hz):
        """A frequency from outside; see the stub."""
        cdef machine *m = self._ready()
        number = settings.element_number(self.image, element)
        raws = settings.frequency_raws(self.image, number, frequency_hz)
        return self._set("frequency", settings.sharing(self.image, number), raws)

    def set_correction(self, element, values):
        """A correction from outside; see the stub."""
        number = settings.element_number(self.image, element)
        raws = settings.correction_raws(self.image, number, values)
        mixed = [row for row in settings.sharing(self.image, number) if self.image.element_info[row].mixed]
        return self._set("correction", mixed, raws)

    def set_offsets(self, element, offsets):
        """Offsets from outside, all of them or none; see the stub."""
        number = settings.element_number(self.image, element)
        checked = []
        for input, volts in offsets:
            known = settings.offset_input(self.image.element_info[number], input)
            self._check_hearing(known.row, known.place)
            checked.append((input, settings.offset_raws(known, volts)))
        self._check_room(len(checked), len(checked))
        return tuple([entry for input, raws in checked for entry in self._set("offset", [number], raws, input)])

    cdef _check_hearing(self, row, which):
        """What an input is wired to must be known from the start where it may change."""
        ref = self.image.element_info[row].inputs[which]
        if self._arrays["levels"][row * self._tables.level_columns + which] < 0 and ref in self._wired:
            raise not_yet(f"an offset from outside of {ref}, to which an input is wired and which has none at the start,")

    cdef _set(self, kind, numbers, raws, input=""):
        cdef machine *m = self._ready()
        self._check_room(len(numbers), len(numbers) * len(raws))
        now = machine_now(m)
        names = [self.image.element_info[number].name for number in numbers]
        return tuple([self._enter(Outside(kind, name, machine_acts(m, number), now, raws, input))
                      for number, name in zip(numbers, names)])

    cdef int _set_element(self, entry) except -1:
        """Let a setting take effect; the outputs that it changes are not watched any more."""
        cdef machine *m = self._ready()
        cdef machine_setting s
        cdef int64_t number = settings.element_number(self.image, entry.name), k
        memset(&s, 0, sizeof(machine_setting))
        s.place = entry.place
        info = self.image.element_info[number]
        ports = ()
        if entry.kind == "frequency":
            s.kind, (s.inc, s.which) = SETTING_FREQUENCY, entry.raws
        elif entry.kind == "correction":
            s.kind, ports = SETTING_CORRECTION, info.inputs
        else:
            s.kind = SETTING_OFFSET
            known = settings.offset_input(info, entry.input)
            s.row, s.which = known.row, known.place
            ports = self.image.element_info[s.row].inputs[s.which : s.which + 1]
        if entry.kind != "frequency":
            for k, raw in enumerate(entry.raws):
                s.values[k] = raw * settings.STEP
        for k, output in enumerate(self._watched):
            if output.ref in ports or (entry.kind == "correction" and not output.hears.isdisjoint(ports)):
                machine_stop_watching(m, k)
        return machine_set_element(m, number, &s)

    def element(self, name):
        """What an element has now; see the stub."""
        cdef machine *m = self._ready()
        cdef int64_t number = settings.element_number(self.image, name), k = 0
        cdef double c[4]
        cdef const machine_setting *next
        info = self.image.element_info[number]
        increment = machine_increment(m, number)
        correction = info.correction
        if machine_correction(m, number, c):
            correction = (c[0], c[1], c[2], c[3])
        offsets = {known.name: self._offset_now(known.row, known.place) for known in info.offsets}
        fold = machine_fold(m, number)
        while True:
            next = machine_next_setting(m, number, k)
            if next == NULL:
                break
            if next.kind == SETTING_FREQUENCY:
                increment, fold = next.inc, next.which
            elif next.kind == SETTING_CORRECTION:
                correction = (next.values[0], next.values[1], next.values[2], next.values[3])
            else:
                for known in info.offsets:
                    if (known.row, known.place) == (next.row, next.which):
                        offsets[known.name] = next.values[0]
            k += 1
        frequency_hz = settings.frequency_of(increment, fold)
        return settings.ElementNow(frequency_hz=frequency_hz, correction=correction, offsets=offsets)

    cdef _offset_now(self, row, place):
        """The offset of a port: what was set last, through whatever element."""
        cdef machine *m = self._ready()
        cdef double volts = 0.0
        ref = self.image.element_info[row].inputs[place]
        latest, found = 0, self._idle.get(ref, 0.0)
        for number, info in enumerate(self.image.element_info):
            for which, other in enumerate(info.inputs):
                change = machine_offset(m, number, which, &volts)
                if other == ref and change > latest:
                    latest, found = change, volts
        return found

    def outside_log(self):
        """All that came from outside so far; see the stub."""
        return tuple(self._outside)

    cdef _place(self, kind, name):
        """The next place of entries that are counted."""
        return self._places.get((kind, name), 0)

    cdef _check_room(self, entries, values):
        """Whether so much more fits into the log."""
        full = len(self._outside) + entries > OUTSIDE_ENTRIES_MAX
        if full or self._outside_values + values > OUTSIDE_VALUES_MAX:
            raise Taken(f"what came from outside fills the log of this job: {OUTSIDE_ENTRIES_MAX} entries "
                        f"(OUTSIDE_ENTRIES_MAX) or {OUTSIDE_VALUES_MAX} values (OUTSIDE_VALUES_MAX)",
                        code="outside_log_full", hint="start another job")

    cdef _enter(self, entry):
        """Let an entry of the log take effect."""
        cdef machine *m = self._ready()
        cdef int32_t[::1] raws
        self._check_room(1, len(entry.raws))
        cdef int64_t code
        if entry.kind == "io":
            code = machine_set_io(m, int(entry.name) - 1, entry.place, entry.raws[0])
        elif entry.kind == "input":
            raws = np.array(entry.raws, dtype=np.int32)
            code = machine_push_input(m, input_number(self.image, entry.name), entry.instant_ns, &raws[0])
        elif entry.kind == "resume":
            code = machine_resume(m)
        elif entry.kind in SETTINGS:
            code = self._set_element(entry)
        else:
            code = machine_trigger(m, self._controllers.index(entry.name) if entry.name else -1, entry.instant_ns)
        _made(<int>(code if code < 0 else 0))
        self._outside.append(entry)
        key = entry.kind, entry.name if entry.kind == "input" else ""
        self._places[key] = self._places.get(key, 0) + 1
        self._outside_values += len(entry.raws)
        return entry

    @property
    def paused(self):
        """Whether every strand has come to a pause."""
        return bool(machine_paused(self._ready()))

    def waiting_for(self):
        """What strands wait for from outside; see the stub."""
        cdef machine *m = self._ready()
        cdef int64_t site = 0, k
        found = {}
        for k in range(machine_walkers(m)):
            waits = machine_waits(m, k, &site)
            if waits:
                found[WAITS[waits] + self._waited_for(waits, site)] = None
        return tuple(found)

    cdef _waited_for(self, int waits, int64_t site):
        """The name behind a word of WAITS."""
        if waits == 1:
            return self.image.inputs[site].name
        return str(self.image.digital_inputs[site]) if waits == 4 else ""

    def drain(self):
        """What was saved since the last call, as chunks; see the stub."""
        cdef machine *m = self._ready()
        chunks = []
        cdef int64_t stream
        for stream in range(self._tables.stream_count):
            chunk = self._saved(m, stream)
            if chunk is not None:
                chunks.append(chunk)
        return chunks + self._traces(m)

    cdef _saved(self, machine *m, int64_t stream):
        cdef const int64_t *values
        cdef const int64_t *times
        cdef int64_t count = machine_saved(m, stream, &values, &times)
        if count == 0:
            return None
        raw = np.array(<const int64_t[:count]>values)
        stamps = np.array(<const int64_t[:count]>times) if times != NULL else None
        machine_saved_taken(m, stream)
        return int(stream), raw, stamps

    cdef _traces(self, machine *m):
        """The raw traces in order, of each stream those of one length that follow each other in one array."""
        cdef const machine_trace *traces
        cdef const int16_t *codes
        cdef int64_t count = machine_traces(m, &traces, &codes)
        if count == 0:
            return []
        cdef int64_t[::1] run_of = np.empty(count, np.int64)
        cdef int64_t k
        cdef int64_t run = 0
        cdef list runs = []  # stream, part of a MW input, samples of a trace, samples a ns
        cdef dict newest = {}
        cdef object key, kind
        for k in range(count):
            if (k == 0 or traces[k].measure != traces[k - 1].measure or traces[k].port != traces[k - 1].port
                    or traces[k].length != traces[k - 1].length):
                key = (int(self.image.measures[traces[k].measure, 3]), int(self.image.ports[traces[k].port].part))
                kind = (*key, traces[k].length, traces[k].per_ns)
                run = newest.get(key, -1)
                if run < 0 or runs[run] != kind:
                    run = len(runs)
                    newest[key] = run
                    runs.append(kind)
            run_of[k] = run
        # a run for each trace where two lengths take turns: so each is found without a look at all others
        ends = np.cumsum(np.bincount(run_of))
        parts = np.split(np.argsort(run_of, kind="stable"), ends[:-1])
        chunks = []
        for (stream, part, length, rate), members in zip(runs, parts):
            samples, inputs, starts = self._traces_of(traces, codes, members, length)
            if part == 2:  # behind each trace of I comes the one of Q
                samples = chunks.pop()[1] + 1j * samples
            chunks.append((stream, samples, inputs, starts, rate))
        machine_traces_taken(m)
        return chunks

    cdef _traces_of(self, const machine_trace *traces, const int16_t *codes, const int64_t[::1] members, int64_t length):
        """Codes, number of the input and start of each of these traces."""
        cdef int64_t size = members.shape[0]
        cdef int64_t place
        cdef const machine_trace *trace
        samples = np.empty((size, length), np.int16)
        ports, starts = np.empty(size, np.int64), np.empty(size, np.int64)
        cdef int16_t[:, ::1] rows = samples
        cdef int64_t[::1] port = ports
        cdef int64_t[::1] start = starts
        for place in range(size):
            trace = &traces[members[place]]
            memcpy(&rows[place, 0], codes + trace.first, <size_t>(2 * length))
            port[place] = trace.port
            start[place] = trace.start
        return samples, self._input_numbers[ports], starts

    def log(self):
        """What was played and measured so far; see the stub."""
        cdef const machine_log *log = machine_logged(self._ready())
        if log == NULL:
            raise OurBug("this machine keeps no log")
        return Log(_list_of(log.plays, PLAYS), _list_of(log.windows, WINDOWS), _list_of(log.resets, RESETS),
                   _list_of(log.sections, SECTIONS), _list_of(log.corrections, CORRECTIONS),
                   _list_of(log.offsets, OFFSETS), _list_of(log.ramps, RESETS))

    def halt(self):
        """Make ``run`` return soon, and for good; what was saved can still be drained."""
        self._halted = True

    def events(self):
        """(code, source position, count) of what was noticed so far, position -1 for none."""
        cdef machine *m = self._ready()
        cdef int64_t code, at, count
        found = list(self._port_events)
        for code in range(EVENT_COUNT):
            for at in range(-1, self._tables.source_count):
                count = machine_event(m, code, at)
                if count:
                    found.append((EVENT_NAMES[code], int(at), int(count)))
        return found

    def overflows(self):
        """The outputs that went beyond their range so far; see the stub."""
        cdef machine *m = self._ready()
        cdef const watch *w = machine_watched(m)
        cdef const watched_t *seen
        if w == NULL:
            if self._watched:
                raise _failure(machine_error(m))
            return []
        found = []
        for number, output in enumerate(self._watched):
            seen = watch_seen(w, number)
            if seen.count:
                names = tuple([self.image.element_info[seen.elements[k]].name for k in range(seen.element_count)])
                found.append(OutputOverflow(ref=output.ref, count=seen.count, first_ns=seen.first, elements=names,
                                            is_all=not seen.gave_up, is_clipped=output.is_filtered))
        return by_port(found)

    @property
    def clock_ns(self):
        """The latest simulated time that was reached; at the end, the end of the job."""
        return machine_clock(self._ready())

    @property
    def steps(self):
        """Instructions done."""
        return machine_steps(self._ready())

    @property
    def walkers(self):
        """How many walkers there are: 1 as long as nothing forked."""
        return machine_walkers(self._ready())

    def thread_clock(self, int64_t thread):
        """The clock of a thread, in ns."""
        if not 0 <= thread < self._tables.thread_count:
            raise IndexError(thread)
        return machine_thread_clock(self._ready(), thread)

    def variable(self, name, thread=None):
        """The raw cells of a variable, as the strand of ``thread`` (None: the saver) has them; for tests."""
        for other, _, slot, size in self.image.variables:
            if other == name:
                break
        else:
            raise KeyError(name)
        cdef const int32_t *memory = machine_memory(self._ready(), 63 if thread is None else thread)
        return [memory[slot + k] for k in range(max(size, 1))]


cdef _list_of(log_list items, dtype):
    """A copy of one list of a log."""
    if items.count == 0:
        return np.zeros(0, dtype=dtype)
    if dtype.itemsize != items.size:
        raise OurBug(f"an entry of the log has {items.size} bytes, not {dtype.itemsize}")
    cdef bytes copy = (<const char *>items.items)[:items.count * items.size]
    return np.frombuffer(copy, dtype=dtype)


_TABLES = WeakKeyDictionary()


def _flat_tables(image):
    """The tables of an image as C reads them; made once for each image."""
    arrays = _TABLES.get(image)
    if arrays is None:
        arrays = {}
        for name in ("code", "code_at", "memory"):
            arrays[name] = _flat(getattr(image, name), np.int32)
        for name in ("elements", "plays", "chirps", "chirp_sections", "measures", "windows", "processes", "taggers",
                     "markers", "marker_parts", "digital_reads", "trace_ports", "aligns", "align_elements"):
            arrays[name] = _flat(getattr(image, name), np.int64)
        for name in ("masks", "hearers", "align_masks", "strict"):
            arrays[name] = _flat(getattr(image, name), np.uint64)
        _TABLES[image] = arrays
    return arrays


def _flat(array, dtype):
    """Contiguous cells of a table, with a spare one so that an empty table has an address."""
    return np.concatenate((np.asarray(array, dtype=dtype).ravel(), np.zeros(1, dtype=dtype)))
