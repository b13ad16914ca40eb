"""Output samples from the log of a run: the records go into signals of their own, and each port is rendered there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .image import Image
from .logged import Log
from .outputs import OutputPort

class Renderer:
    """Renders the analog outputs of a finished run. Owned by one OS thread.

    ``log``: that of the machine. Raises AskedWrongly ``record_ring_full``.
    """

    image: Image
    outputs: tuple[OutputPort, ...]
    def __init__(self, image: Image, outputs: Sequence[OutputPort], log: Log) -> None: ...
    def render(self, output: int, start: int, length: int) -> npt.NDArray[np.float64]:
        """``length`` samples in V of one output, from ``start`` ns; multiples of 2⁻¹⁶ in [-0.5, 0.5)."""
    @property
    def overflows(self) -> int:
        """Samples out of range so far, of all outputs."""
