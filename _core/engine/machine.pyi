"""The virtual machine: runs an image in C, without the GIL."""

from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from .hearing import Hearing
from .image import Image

Values = npt.NDArray[np.int64]
Saved = tuple[int, Values, Values | None]
"""(stream, raw values, times in ns or None)."""
Traces = tuple[int, npt.NDArray[np.int16], int, Values]
"""(stream, codes (traces, samples), number of the input port, start times in ns)."""
Chunk = Saved | Traces

def limits() -> dict[str, int]:
    """How many instructions and events the C side knows."""

class Machine:
    """One run of one image behind one plant. Owned by one OS thread; ``halt`` may be called from any.

    Raises AskedWrongly ``bad_image``, ``bad_numerics``.
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
    ) -> None:
        """``stop_ns``: the run is done when every strand has come there; all streams must be timed, since what would
        be saved later is not. ``keep_log``: ``log`` tells what was played and measured."""
    def run(self, max_steps: int) -> str:
        """Run on for about ``max_steps`` instructions: "running", "blocked" (drain first) or "done".

        Raises AskedWrongly ``run_ahead``, ``trace_too_long``, ``too_many_overlaps``, ``log_full``.
        """
    def drain(self) -> list[Chunk]:
        """What was saved since the last call: at most OUTPUT_ITEMS_MAX values a stream and OUTPUT_TRACE_BYTES_MAX."""
    def log(self) -> tuple[Any, Any, Any, Any]:
        """Plays, windows, phase resets, chirp sections so far, as structured arrays of the dtypes in ``logged``.

        Raises OurBug where no log is kept.
        """
    def halt(self) -> None:
        """Make ``run`` return soon, and for good; what was saved can still be drained."""
    def events(self) -> list[tuple[str, int, int]]:
        """(code, source position, count) of what was noticed so far, position -1 for none."""
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
