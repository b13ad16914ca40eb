"""Whether what a client pushes has the type of the input stream; names and sizes are the machine's to check."""

from __future__ import annotations

from collections.abc import Mapping

from ..._core.errors import AskedWrongly
from ..._core.wire.records import InputEntry

Inputs = Mapping[str, str]
"""Type of each input stream of a program, by name."""
PYTHON_TYPE = {"int": "int", "fixed": "float", "bool": "bool"}


def check_type(inputs: Inputs, entry: InputEntry) -> None:
    """Raises AskedWrongly `input_type` where the values are of another type than the stream takes."""
    wanted = inputs.get(entry.stream)
    if wanted is not None and wanted != entry.type:
        raise AskedWrongly(
            f"the input stream {entry.stream!r} takes {PYTHON_TYPE[wanted]}, not {PYTHON_TYPE[entry.type]}",
            code="input_type",
            hint="the python type must be that of the QUA type: int for int, float for fixed, bool for bool",
        )
