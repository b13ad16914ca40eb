# cython: language_level=3
"""An output with its filter, for the modules that link the signal kernels."""

from libc.string cimport memset

from quaymaster._core.engine.signals cimport (
    signal_output_t,
    signals,
    signals_add_exponentials,
    signals_add_output,
)


cdef inline int add_filtered_output(signals *s, filter, int per_ns):
    """Adds an output with the ``fir``, ``iir`` and ``exponentials`` of ``filter``; its id, or the code of an error."""
    import numpy as np

    cdef const double[::1] fir = np.array([*filter.fir, 0.0])
    cdef const double[::1] iir = np.array([*filter.iir, 0.0])
    cdef const double[::1] amplitudes
    cdef const double[::1] decays
    cdef signal_output_t port
    memset(&port, 0, sizeof(signal_output_t))
    port.fir = &fir[0] if filter.fir else NULL
    port.iir = &iir[0] if filter.iir else NULL
    port.fir_count, port.iir_count = len(filter.fir), len(filter.iir)
    cdef int number = signals_add_output(s, &port)
    cdef int code
    for stage in filter.exponentials if number >= 0 else ():
        amplitudes, decays = np.array([*stage.amplitudes, 0.0]), np.array([*stage.decays(per_ns), 0.0])
        code = signals_add_exponentials(s, number, stage.dc_gain, &amplitudes[0], &decays[0],
                                       <int>len(stage.amplitudes))
        if code < 0:
            return code
    return number
