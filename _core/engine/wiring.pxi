# What an image and a plant are to the kernels: waveforms, inputs with what they hear, outputs that are watched.
# Part of machine.pyx.


cdef int _made(int code) except -1:
    if code < 0:
        raise _failure(code)
    return code


cdef int _added(int code) except -1:
    if code < 0:
        raise MemoryError("no memory for the digital inputs")
    return code


cdef _add_waveforms(signals *s, image):
    cdef const double[::1] samples = np.concatenate((image.samples, [0.0]))
    cdef int64_t I, Q, n, constant
    for I, Q, n, constant in image.waveforms.tolist():
        _made(signals_add_waveform(s, &samples[I], &samples[Q] if Q >= 0 else NULL, n, <int>constant))


cdef _add_samples(signals *s, image):
    _add_waveforms(s, image)
    for element in image.element_info:
        c00, c01, c10, c11 = (element.full_scale * c for c in element.mixer)
        _made(signals_add_element(s, c00, c01, c10, c11))


cdef _add_halves(signals *s, image):
    """What is played with two samples a ns, for raw traces and filters that have as many, and what is held of it."""
    cdef const double[::1] samples = np.concatenate((image.samples, [0.0]))
    cdef int64_t I, Q
    for number, (I, Q) in enumerate(image.fine.tolist()):
        if I >= 0:
            _made(signals_add_halves(s, number, &samples[I], &samples[Q] if Q >= 0 else NULL))
    for number, element in enumerate(image.element_info):
        if element.per_ns == 2:
            _made(signals_set_halves(s, number))


cdef _add_weights(signals *s, image):
    cdef const double[::1] weights = np.concatenate((image.weight_values, [0.0]))
    cdef int64_t I, Q, n
    for I, Q, n in image.weights.tolist():
        _made(signals_add_weights(s, &weights[I], &weights[Q], n))


cdef dict _add_ports(signals *s, image, plant):
    """The inputs of the image, with what they hear of the plant; the tables that the machine needs of that."""
    index = {(e.name, ref): number for number, e in enumerate(image.element_info) for ref in e.inputs}
    outputs, shifted = {}, {}
    heard = np.zeros(len(image.element_info) + 1, dtype=np.uint8)
    fine = _has_halves(image, plant)
    if fine or _holds_halves(image):
        _add_halves(s, image)
    for measured in image.ports:
        port = plant.port(measured.ref, measured.part)
        number = _made(signals_add_port(s, port.number, port.gain, port.offset, port.sigma, port.sign,
                                        port.delay_ns, measured.kept))
        _made(signals_set_rate(s, number, measured.per_ns))
        _add_photons(s, number, port.photons)
        for ear in port.ears:
            if (ear.element, ear.source) not in index:
                continue
            element = index[ear.element, ear.source]
            output = outputs.setdefault(ear.port, len(outputs))
            banded = measured.part != 0 and image.element_info[element].per_ns == 2
            through = _shifted(s, shifted, element, ear.shift, banded)
            way = _made(signals_add_ear(s, number, through, int(ear.which), output))
            _made(signals_set_way(s, number, way, ear.delay_ns, ear.factor))
            if fine and ear.per_ns == 2:
                _made(signals_set_way_halves(s, number, way))
            _made(signals_set_full_scale(s, number, output, ear.full_scale))
            heard[element] = 1
    _add_raw(s, image, plant, len(outputs))
    levels = _add_levels(s, image, plant, outputs)
    _add_tails(s, image, plant, outputs, index, heard)
    return {"heard": heard, "levels": levels}


def _has_halves(image, plant):
    """Whether anybody looks at half ns: raw traces, or filters that inputs hear."""
    kept = any(measured.kept and measured.per_ns == 2 for measured in image.ports)
    tails = (tail for measured in image.ports for tail in plant.port(measured.ref, measured.part).tails)
    return kept or any(tail.per_ns == 2 for tail in tails)


def _holds_halves(image):
    """Whether a sticky element holds the last of two samples a ns."""
    sticky = image.elements[:, ElementColumn.STICKY].tolist()
    return any(lasts and element.per_ns == 2 for lasts, element in zip(sticky, image.element_info, strict=False))


cdef _add_tails(signals *s, image, plant, outputs, index, heard):
    """The outputs that inputs hear sample after sample, one for all inputs that do."""
    made = {}
    for number, measured in enumerate(image.ports):
        for tail in plant.port(measured.ref, measured.part).tails:
            if tail.port not in made:
                made[tail.port] = _add_tail(s, tail, index, heard)
            output = outputs.setdefault(tail.port, len(outputs))
            _made(signals_hear_tail(s, number, made[tail.port], output, tail.delay_ns, tail.full_scale))


cdef int _add_tail(signals *s, tail, index, heard) except -1:
    cdef int number = _made(add_filtered_output(s, tail, tail.per_ns))
    _made(signals_set_output_rate(s, number, tail.per_ns))
    _add_sources(s, number, tail.sources, index, heard)
    cdef signal_output_t plain
    cdef int other
    memset(&plain, 0, sizeof(signal_output_t))
    for sources, factor in tail.crosstalk:
        other = _made(signals_add_output(s, &plain))
        if tail.per_ns == 2 and all(ear.per_ns == 2 for ear in sources):
            _made(signals_set_output_rate(s, other, 2))
        _add_sources(s, other, sources, index, heard)
        _made(signals_add_crosstalk(s, number, other, factor))
    return _made(signals_add_tail(s, number))


cdef _add_sources(signals *s, int output, ears, index, heard):
    for ear in ears:
        if (ear.element, ear.source) in index:
            element = index[ear.element, ear.source]
            _made(signals_add_source(s, output, element, int(ear.which)))
            heard[element] = 1


cdef _add_levels(signals *s, image, plant, outputs):
    """The DC offsets that inputs hear, where they are not 0 or the program changes them; by element and input."""
    changed, made = changed_offsets(image), {}
    for number, measured in enumerate(image.ports):
        for level in plant.port(measured.ref, measured.part).levels:
            if level.volts == 0.0 and level.port not in changed:
                continue
            if level.port not in made:
                made[level.port] = _made(
                    signals_add_level(s, level.volts, len(image.threads) + level.place))
            output = outputs.setdefault(level.port, len(outputs))
            way = _made(signals_add_ear(s, number, made[level.port], SIGNAL_OUTPUT_SINGLE, output))
            _made(signals_set_way(s, number, way, level.delay_ns, 1.0))
            _made(signals_set_full_scale(s, number, output, level.full_scale))
    rows = np.full((len(image.element_info) + 1, _level_columns(image)), -1, dtype=np.int64)
    for number, element in enumerate(image.element_info):
        for which, ref in enumerate(element.inputs):
            rows[number, which] = made.get(ref, -1)
    return rows.ravel()

def _level_columns(image):
    """Inputs of the element that has most."""
    return max((len(element.inputs) for element in image.element_info), default=0) or 1


cdef _shifted(signals *s, shifted, element, shift, banded):
    """The element as converters that add ``shift`` to its frequency make it, of those that are there already.

    ``banded``: it may leave the band of the input without being shifted."""
    if not shift and not banded:
        return element
    if (element, shift) not in shifted:
        shifted[element, shift] = _made(
            signals_add_shifted(s, element, <uint64_t>(shift & 0xFFFFFFFFFFFFFFFF), shift >> 64))
    return shifted[element, shift]


cdef _add_photons(signals *s, int number, photons):
    cdef uint64_t[::1] thresholds
    if photons is not None:
        thresholds = np.array(photons.thresholds, dtype=np.uint64)
        _made(signals_add_photons(s, number, &thresholds[0], len(thresholds), photons.volts,
                                  photons.width_ns))


cdef _add_raw(signals *s, image, plant, output):
    """Raw samples: one record from 0 on, of an element that only this input hears."""
    cdef const double[::1] samples
    cdef signal_record_t record
    measured = [(port.ref, port.part) for port in image.ports]
    for number, raw in enumerate(plant.raw):
        if (raw.ref, raw.part) not in measured or not len(raw.samples):
            continue
        samples = np.ascontiguousarray(raw.samples, dtype=np.float64)
        memset(&record, 0, sizeof(signal_record_t))
        record.length = len(raw.samples)
        record.alpha_r = 1.0
        record.thread = len(image.threads) + number
        record.waveform = _made(signals_add_waveform(s, &samples[0], NULL, record.length, 0))
        record.element = _made(signals_add_element(s, 1.0, 0.0, 0.0, 1.0))
        _made(signals_add_ear(s, measured.index((raw.ref, raw.part)), record.element, SIGNAL_OUTPUT_SINGLE,
                              output + number))
        _made(signal_record(s, &record))


cdef _add_digital(machine *m, image, plant, seed):
    """The digital inputs that the program reads, and the markers that they hear."""
    if not image.digital_inputs:
        return
    index = {element.name: number for number, element in reversed(list(enumerate(image.element_info)))}
    cdef uint64_t[::1] thresholds
    cdef digital *d = digital_new(<uint64_t>(seed & 0xFFFFFFFFFFFFFFFF), len(index))
    if d == NULL:
        raise MemoryError("no memory for the digital inputs")
    machine_hear_digital(m, d)
    for ref in image.digital_inputs:
        port = plant.digital_port(ref)
        number = _added(digital_add_input(d, port.number, port.falling, port.dead_ns, port.delay_ns))
        for line in port.lines:
            place = _added(digital_add_line(d, number, line.inverted))
            for marker in line.markers:
                if marker.element in index:
                    _added(digital_add_marker(d, number, place, index[marker.element], marker.delay, marker.buffer))
        if port.photons is not None:
            thresholds = np.array(port.photons.thresholds, dtype=np.uint64)
            _added(digital_add_light(d, number, &thresholds[0], len(thresholds), port.photons.width_ns))


cdef tuple _watch(machine *m, image, plant, arrays):
    """Lets the machine watch the outputs that could go beyond their range; returns those."""
    watched = _watched_outputs(image, plant)
    if not watched:
        return ()
    cdef signals *s = signals_new(0, SIGNAL_LINEAR)
    if s == NULL:
        raise MemoryError("no memory for the signals")
    cdef const int32_t[::1] threads = np.array([element.thread for element in image.element_info] + [0], dtype=np.int32)
    cdef watch_range_t *ranges = <watch_range_t *>calloc(len(watched), sizeof(watch_range_t))
    try:
        if ranges == NULL:
            raise MemoryError("no memory to watch the outputs")
        _add_waveforms(s, image)
        for element in image.element_info:
            c00, c01, c10, c11 = element.mixer
            _made(signals_add_element(s, c00, c01, c10, c11))
        _add_watched(s, [each.output for each in watched], plant.outputs)
        for number, each in enumerate(watched):
            ranges[number] = watch_range_t(
                each.output.full_scale, each.output.offset, each.output.delay_ns, each.gain, each.reach_ns)
    except BaseException:
        signals_free(s)
        free(ranges)
        raise
    arrays["watched"] = _watched_inputs(image, [each.output for each in watched])
    cdef const int32_t[::1] outputs_of = arrays["watched"]
    cdef watch *w = watch_new(s, &threads[0], ranges, <int>len(watched), &outputs_of[0], <int>_level_columns(image))
    free(ranges)
    if w == NULL:
        raise MemoryError("no memory to watch the outputs")
    machine_watch(m, w)
    return tuple([each.output for each in watched])


def _watched_inputs(image, watched):
    """The number of the output that each input of each element plays on among those in volts that are watched, or -1."""
    numbers = {output.ref: number for number, output in enumerate(watched)}
    rows = np.full((len(image.element_info) + 1, _level_columns(image)), -1, dtype=np.int32)
    for number, element in enumerate(image.element_info):
        for which, ref in enumerate(element.inputs):
            rows[number, which] = numbers.get(ref, -1)
    return rows.ravel()


cdef _add_watched(signals *s, watched, outputs):
    """The outputs to be watched, and behind them those that crosstalk brings there and that are not watched."""
    numbers = {}
    sources = {ref for output in watched for ref, _ in output.crosstalk}
    others = [output for output in outputs if output.ref in sources and output not in watched]
    for output in watched:
        numbers[output.ref] = _made(add_filtered_output(s, output, 1))
    for output in others:
        numbers[output.ref] = _made(add_filtered_output(s, OutputPort(ref=output.ref), 1))
    for number, output in enumerate([*watched, *others]):
        for element, which in output.sources:
            _made(signals_add_source(s, number, element, int(which)))
    for number, output in enumerate(watched):
        for ref, factor in output.crosstalk:
            if ref in numbers:
                _made(signals_add_crosstalk(s, number, numbers[ref], factor))


_WATCHED = WeakKeyDictionary()


def _watched_outputs(image, plant):
    """The outputs of the plant that are to be watched; found once for each image and set of outputs."""
    found = _WATCHED.get(image)
    if found is None or found[0] is not plant.outputs:
        found = _WATCHED[image] = plant.outputs, outputs_to_watch(image, plant.outputs)
    return found[1]
