"""Output samples from the log of a run: the records go into signals of their own, and each port is rendered there."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..config.model import PortRef
from .image import Image
from .logged import Log
from .outputs import OutputPort

class Renderer:
    """Renders the analog outputs of a finished run. Owned by one OS thread.

    ``log``: that of the machine. ``per_ns``: samples a ns, 1 or 2, which the outputs have in common; of 2 the waveforms
    are the image's fine ones. ``others``: sums of further outputs at that rate, from sample 0 on, for crosstalk. Raises
    AskedWrongly ``record_ring_full``.
    """

    image: Image
    outputs: tuple[OutputPort, ...]
    def __init__(
        self,
        image: Image,
        outputs: Sequence[OutputPort],
        log: Log,
        per_ns: int = 1,
        others: Sequence[tuple[PortRef, npt.NDArray[np.float64]]] = (),
    ) -> None: ...
    def sums(self, output: int, start: int, length: int) -> npt.NDArray[np.float64]:
        """``length`` samples of one output from sample ``start`` on: behind its filter, before its delay, its offset
        and its converter. Chunk after chunk is cheapest."""
