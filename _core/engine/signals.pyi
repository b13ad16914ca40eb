"""A typed face of the signal kernels (signals.h), for tests and for plants; the machine calls the C functions."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

Process = tuple[Literal["demod", "integration"], Sequence[tuple[int, int]]]
"""(kind, one or two legs of (port, weights))."""

def signal_error(code: int) -> Exception:
    """The exception for a negative code of signals.h."""

def cossin(phase: int) -> tuple[float, float]:
    """(cos, sin) of a phase in 2^-64 turns."""

def ln(u: float) -> float:
    """The natural logarithm of 0 < u <= 1."""

def philox(counter: Sequence[int], key: int) -> tuple[int, int, int, int]:
    """Four words of Philox4x32-10 for four counter words and a 64-bit key."""

def normal_pair(w: int, angle: int) -> tuple[float, float]:
    """The two normals of two 32-bit words."""

def sample_normals(seed: int, number: int, t: int, n: int) -> npt.NDArray[np.float64]:
    """Normals of the samples t … t + n of input port ``number``."""

def integral_normals(seed: int, number: int, element: int, end: int, q: int) -> tuple[float, float]:
    """The two normals of integral ``q`` of its measure."""

class Signals:
    """Tables, records and acquisitions of one job; see signals.h for what each field means."""

    def __init__(self, seed: int = 0, numerics: Literal["linear", "exact"] = "linear") -> None: ...
    def add_waveform(self, I: npt.ArrayLike, Q: npt.ArrayLike | None = None, *, constant: bool = False) -> int:
        """A waveform of samples in V, one per ns; Q None for a single input. Returns its id."""
    def add_weights(self, cosine: npt.ArrayLike, sine: npt.ArrayLike | None = None) -> int:
        """Integration weights, one value per ns; sine None for zeros. Returns their id."""
    def add_element(self, correction: tuple[float, float, float, float] = (1.0, 0.0, 0.0, 1.0)) -> int:
        """An element with its mixer correction. Returns its id."""
    def correct(self, element: int, correction: tuple[float, float, float, float]) -> None:
        """Another mixer correction for the element's records and holds that are still to come."""
    def add_port(
        self,
        number: int = 1,
        *,
        gain: float = 1.0,
        offset: float = 0.0,
        sigma: float = 0.0,
        sign: int = 1,
        delay: int = 0,
        from_samples: bool = False,
    ) -> int:
        """An input port. Returns its id."""
    def add_ear(
        self, port: int, element: int, which: int, output: int = 0, *, delay: int = 0, factor: float = 1.0
    ) -> None:
        """Lets a port hear output 0 (I), 1 (Q) or 2 (single) of an element, ``delay`` ns later and ``factor`` times."""
    def add_level(self, volts: float, thread: int) -> int:
        """A DC offset, as an element whose output 2 may be heard. Returns its id."""
    def level(self, level: int, t: int, setter: int, volts: float) -> None:
        """The DC offset is ``volts`` from ``t`` on; ``setter``: the thread that says so."""
    def record(
        self,
        element: int,
        waveform: int,
        start: int,
        length: int,
        *,
        phase: int = 0,
        inc: int = 0,
        alpha: complex = 1.0,
        beta: complex = 0.0,
        thread: int = 0,
        order: int = 0,
        kind: Literal["pulse", "ramp", "ramp_to_zero"] = "pulse",
        stretched: int = 0,
        sections: Sequence[tuple[int, int]] = (),
        slope: int = 0,
    ) -> None:
        """A play. Phases and increments are taken modulo 2^64. ``sections``: (start, rate) of a chirp."""
    def hold_begin(
        self,
        element: int,
        start: int,
        *,
        phase: int = 0,
        inc: int = 0,
        level: complex = 1.0,
        thread: int = 0,
        order: int = 0,
    ) -> None:
        """A sticky element holds the complex ``level`` from ``start`` on."""
    def hold_end(self, element: int, t: int) -> None:
        """The open hold of an element ends at ``t``."""
    def add_output(
        self,
        *,
        offset: float = 0.0,
        delay: int = 0,
        saturates: bool = False,
        fir: npt.ArrayLike = (),
        iir: npt.ArrayLike = (),
    ) -> int:
        """An analog output port that can be rendered. Returns its id."""
    def add_source(self, output: int, element: int, which: int) -> None:
        """Output port ``output`` carries output 0 (I), 1 (Q) or 2 (single) of an element."""
    def add_crosstalk(self, output: int, source: int, factor: float) -> None:
        """``factor`` times the sum on ``source`` is added before the filter of ``output``."""
    def render(self, output: int, start: int, length: int) -> npt.NDArray[np.float64]:
        """Output samples in V."""
    def render_float32(self, outputs: Sequence[int], start: int, codes: npt.NDArray[np.int16]) -> None:
        """Codes of several outputs into the rows of ``codes``; float32 sums (signals.h)."""
    def evaluate(
        self,
        start: int,
        processes: Sequence[Process],
        *,
        phase: int = 0,
        inc: int = 0,
        element: int = 0,
    ) -> list[int]:
        """Raw 4.28 results of one window."""
    def integral(self, start: int, process: Process, *, phase: int = 0, inc: int = 0, element: int = 0) -> float:
        """The double before it is rounded to 4.28 (linear numerics)."""
    def trace(self, port: int, start: int, length: int) -> npt.NDArray[np.int16]:
        """Converter codes of one port."""
    def heard(self, port: int, start: int, length: int) -> npt.NDArray[np.float64]:
        """The voltage that one port hears, before noise, gain and offset."""
    def forget_before(self, t: int) -> None:
        """No window from now on starts before ``t``."""
    @property
    def events(self) -> dict[str, int]:
        """How often each event was noticed."""
    @property
    def output_overflow(self) -> int:
        """How many rendered samples were out of range."""
