"""The virtual machine: runs an image in C, without the GIL."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from .hearing import Hearing
from .image import Image
from .logged import Log
from .outside import Outside
from .settings import ElementNow
from .watching import OutputOverflow

Values = npt.NDArray[np.int64]
Saved = tuple[int, Values, Values | None]
"""(stream, raw values, times in ns or None)."""
Traces = tuple[int, npt.NDArray[np.int16], Values, Values, int]
"""(stream, codes (traces, samples), number of the input port and start in ns of each trace, samples a ns). Those of one
stream come in the order of docs/arithmetic.md, section 10, in several such where their length changes."""
Chunk = Saved | Traces

def limits() -> dict[str, int]:
    """How many instructions and events the C side knows."""

class Machine:
    """One run of one image behind one plant. Owned by one OS thread; ``halt`` may be called from any.

    What comes from outside is given between runs, by the OS thread that owns the machine; each call takes effect as a
    whole or raises and changes nothing, and returns its entry of the log (docs/arithmetic.md, section 15).

    Raises AskedWrongly ``bad_image``, ``bad_numerics``, ``bad_plant``, ``bad_outside_log``.
    """

    image: Image
    def __init__(
        self,
        image: Image,
        *,
        seed: int = 0,
        numerics: Literal["linear", "exact"] = "linear",
        plant: Hearing,
        stop_ns: int | None = None,
        keep_log: bool = False,
        outside: Sequence[Outside] = (),
        ignore_pauses: bool = False,
    ) -> None:
        """``stop_ns``: the run is done when every strand has come there; all streams must be timed, since what would
        be saved later is not. ``keep_log``: ``log`` tells what was played and measured.
        ``outside``: the log of an earlier run, known from the start: the same bits again. ``ignore_pauses``: pauses
        wait for nobody, which is the event ``pause_ignored``."""
    def run(self, max_steps: int) -> str:
        """Run on for about ``max_steps`` instructions: "running", "blocked" (drain first), "waits" (nothing can go on
        before something comes from outside) or "done".

        Raises AskedWrongly ``run_ahead``, ``trace_too_long``, ``too_many_overlaps``, ``log_full``.
        """
    def drain(self) -> list[Chunk]:
        """What was saved since the last call: at most OUTPUT_ITEMS_MAX values a stream and, of
        raw traces, OUTPUT_TRACE_BYTES or those of one measure (OUTPUT_TRACE_BYTES_MAX)."""
    def push_input(self, name: str, raws: Sequence[int]) -> Outside:
        """The next item of an input stream: ``raws`` are as many raw numbers as its variable has cells.

        Raises AskedWrongly ``no_such_input_stream``, ``input_size``, ``bad_input_value``; Taken ``input_full`` (more
        than INPUT_ITEMS_MAX items that nobody has taken), ``outside_log_full``.
        """
    def set_io(self, number: int, raw: int) -> Outside:
        """Let IO register ``number`` (1 or 2) hold ``raw`` from the first access on that no strand has passed.

        Raises AskedWrongly ``no_such_io``, ``bad_input_value``; Taken ``outside_log_full``.
        """
    def io(self, number: int) -> int:
        """The raw value of IO register ``number``: what was set or assigned last. AskedWrongly ``no_such_io``."""
    def resume(self) -> Outside:
        """End the pause. Raises AskedWrongly ``not_paused``; Taken ``outside_log_full``."""
    def trigger(self, name: str = "") -> Outside:
        """A trigger edge at the controller ``name``, or at all. One that nobody waits for, now or at a clock that lies
        behind, is missed.

        Raises AskedWrongly ``no_such_controller``; Taken ``outside_log_full``.
        """
    def set_frequency(self, element: str, frequency_hz: float) -> tuple[Outside, ...]:
        """Let the oscillator of an element have this frequency, as update_frequency does, from the next thing on that
        an element does which has it: one entry for each.

        Raises AskedWrongly ``no_such_element``, ``no_oscillator``, ``bad_setting``; Taken ``outside_log_full``.
        """
    def set_correction(self, element: str, values: Sequence[float]) -> tuple[Outside, ...]:
        """Likewise a correction (c00, c01, c10, c11), as update_correction does.

        Raises AskedWrongly ``no_such_element``, ``no_mixer``, ``bad_setting``; Taken ``outside_log_full``.
        """
    def set_offsets(self, element: str, offsets: Sequence[tuple[str, float]]) -> tuple[Outside, ...]:
        """Likewise the DC offsets of the ports of inputs ("single", "I", "Q", or as the config names them), as
        set_dc_offset does; where one of them cannot be, none is set.

        Raises AskedWrongly ``no_such_element``, ``no_such_input``, ``bad_setting``, ``not_yet`` (a port without an
        offset that is wired to a measured input); Taken ``outside_log_full``.
        """
    def element(self, name: str) -> ElementNow:
        """What an element has, or will have with the next thing that it does. AskedWrongly ``no_such_element``."""
    def outside_log(self) -> tuple[Outside, ...]:
        """All that came from outside so far, what was given at the start too."""
    @property
    def paused(self) -> bool:
        """Whether every strand has come to a pause; all that was saved before it can be drained then."""
    def waiting_for(self) -> tuple[str, ...]:
        """What strands wait for from outside, each once: "pause", "trigger", "input stream NAME"; () for nothing.

        Also "an edge at digital input REF", of who waits for one that can never come (docs/arithmetic.md, section 15).
        """
    def log(self) -> Log:
        """All that was played, measured and set so far.

        Raises OurBug where no log is kept.
        """
    def halt(self) -> None:
        """Make ``run`` return soon, and for good; what was saved can still be drained."""
    def events(self) -> list[tuple[str, int, int]]:
        """(code, source position, count) of what was noticed so far, position -1 for none."""
    def overflows(self) -> list[OutputOverflow]:
        """The outputs of ``plant.outputs`` that went beyond their range, as far as all that plays there is known;
        none where the run has a ``stop_ns``."""
    @property
    def clock_ns(self) -> int:
        """The latest simulated time that was reached; at the end, the end of the job."""
    @property
    def steps(self) -> int:
        """Instructions done."""
    @property
    def walkers(self) -> int:
        """How many walkers there are: 1 as long as nothing forked."""
    def thread_clock(self, thread: int) -> int:
        """The clock of a thread, in ns."""
    def variable(self, name: str, thread: int | None = None) -> list[int]:
        """The raw cells of a variable, as the strand of ``thread`` (None: the saver) has them; for tests."""
