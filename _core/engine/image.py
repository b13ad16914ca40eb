"""The image: a program compiled against a config, as flat tables that the machine runs and the wire carries.

An image is plain data. ``encode_image`` gives bytes that depend on nothing but the content; ``image_digest`` of program
and config digests is its name, so that a program already compiled is not compiled again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from ..config.model import PortRef
from ..errors import AskedWrongly, OurBug
from ..program.tree import Result, StreamNode
from .hearing import Part

ENGINE_VERSION = 23
"""Raised whenever the same image would run to other bits, or the tables mean something else."""
IMAGE_BYTES_MAX = 512 * 1024 * 1024

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class StreamInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A stream. ``trace_length``: samples of a raw trace, -1 where none is measured; ``timed``: saves carry their time.

    ``complex``: its traces are of a MW input, I + iQ. ``per_ns``: samples a ns of its traces.
    """

    name: str
    type: str
    adc: bool
    trace_length: int
    timed: bool
    complex: bool = False
    per_ns: int = 1


class MeasuredPort(msgspec.Struct, frozen=True, kw_only=True):
    """An input port that the program measures, or a part of it. ``kept``: some measure keeps a raw trace of it, of
    ``per_ns`` samples a ns."""

    ref: PortRef
    kept: bool
    part: Part = Part.WHOLE
    per_ns: int = 1


class ImageInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input stream: items of ``size`` raw values of ``type``, 1 for a scalar."""

    name: str
    type: str
    size: int


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A gap inside strict_timing_ that the compiler is sure of: where, on which element, how long."""

    at: int
    element: str
    gap_ns: int


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something that the compiler says of a line, which changes nothing."""

    at: int
    text: str


class OffsetInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input of an element that has a DC offset, from ``low`` to ``high`` steps of 2⁻¹⁶ V: its row in the table of
    elements, and its place among the ``inputs`` there."""

    name: str
    row: int
    place: int
    low: int
    high: int


class ImageElement(msgspec.Struct, frozen=True, kw_only=True):
    """An element of the program, or one input of it where one plays at a time (those stand behind all elements).

    ``inputs``: (port,), (I, Q), a MW output twice, several that play together, or (); ``outputs`` as in the config.

    ``full_scale``: volts of a sample 1.0; 1.0 except on MW outputs. ``per_ns``: samples a ns of the ports it plays on.
    ``oscillator``: the name of one that elements share, else "". ``mixed``: it has a mixer. ``offsets``: its inputs
    that have a DC offset.
    """

    name: str
    thread: int
    controller: str
    inputs: tuple[PortRef, ...]
    outputs: tuple[PortRef, ...]
    time_of_flight: int
    correction: tuple[float, float, float, float]
    full_scale: float = 1.0
    per_ns: int = 1
    oscillator: str = ""
    mixed: bool = False
    offsets: tuple[OffsetInput, ...] = ()

    @property
    def mixer(self) -> tuple[float, float, float, float]:
        """The correction, that of nothing where there is no I and Q."""
        return self.correction if len(self.inputs) == 2 else (1.0, 0.0, 0.0, 1.0)


class Image(msgspec.Struct, frozen=True, kw_only=True, eq=False, weakref=True):
    """A compiled program. Column meanings: ``codes``; every ``…_at`` indexes ``sources``, -1 for none.

    ``code`` int32 (n, 6): op and operands; ``masks`` uint64 (n,): strands; ``code_at`` int32 (n,). ``memory`` int32:
    initial cells, those of measured variables first (``tracked`` of them). ``waveforms``: int64 (n, 4) offset of I,
    offset of Q (-1: none), count, constant, into ``samples``; ``fine``: int64 (n, 2) offsets of the same with two
    samples a ns, -1 where there are none; ``weights``: int64 (n, 3) offset of cosine, of sine, count, into
    ``weight_values``. ``aligns``: int64 (n, 2) first and count in ``align_elements`` (those that may have a reset to
    take); ``align_masks``: uint64 thread masks; ``strict``: likewise, of strict blocks. ``hearers``: uint64,
    strands that hear each process. ``forked``: text order would never come to what runs beside an endless loop.
    ``inputs``: input streams, as ADVANCE numbers them. ``outside``: what the program reads or awaits from outside, in
    the order of the text: "io1", "io2", "input", "pause", "trigger".
    ``markers``: digital waveforms of pulses, by their parts in ``marker_parts``. ``digital_reads`` int64: numbers of
    ``digital_inputs``, as processes read them.
    ``variables``: (name, type, slot, size). ``play_operations``: (operation, pulse) of each row of ``plays``.
    """

    engine_version: int
    digest: str
    code: npt.NDArray[np.int32]
    masks: npt.NDArray[np.uint64]
    code_at: npt.NDArray[np.int32]
    memory: npt.NDArray[np.int32]
    elements: Ints
    plays: Ints
    chirps: Ints
    chirp_sections: Ints
    measures: Ints
    windows: Ints
    processes: Ints
    taggers: Ints
    hearers: npt.NDArray[np.uint64]
    trace_ports: Ints
    markers: Ints
    marker_parts: Ints
    digital_reads: Ints
    aligns: Ints
    align_elements: Ints
    align_masks: npt.NDArray[np.uint64]
    strict: npt.NDArray[np.uint64]
    waveforms: Ints
    fine: Ints
    samples: Floats
    weights: Ints
    weight_values: Floats
    tracked: int
    blocks: int
    forked: bool
    play_operations: tuple[tuple[str, str], ...] = ()
    threads: tuple[str, ...]
    threads_needed: tuple[tuple[str, int, int], ...]
    variables: tuple[tuple[str, str, int, int], ...]
    element_info: tuple[ImageElement, ...]
    ports: tuple[MeasuredPort, ...]
    digital_inputs: tuple[PortRef, ...] = ()
    streams: tuple[StreamInfo, ...]
    nodes: tuple[StreamNode, ...]
    results: tuple[Result, ...]
    sources: tuple[tuple[str, int], ...]
    inputs: tuple[ImageInput, ...] = ()
    outside: tuple[str, ...] = ()
    gaps: tuple[Gap, ...] = ()
    remarks: tuple[Remark, ...] = ()
    latency: str = "ideal"

    @property
    def saver(self) -> int:
        """The number of the saving strand: after the last thread."""
        return len(self.threads)

    @property
    def trace_lengths(self) -> dict[str, int]:
        """Samples of one raw trace, by stream; streams that never get one are left out."""
        return {stream.name: stream.trace_length for stream in self.streams if stream.trace_length >= 0}

    @property
    def complex_traces(self) -> frozenset[str]:
        """The streams that get raw traces of MW inputs."""
        return frozenset(stream.name for stream in self.streams if stream.complex)

    @property
    def fine_traces(self) -> frozenset[str]:
        """The streams that get raw traces of two samples a ns."""
        return frozenset(stream.name for stream in self.streams if stream.per_ns == 2)


def image_digest(program_digest: str, config_digest: str, latency: str = "ideal") -> str:
    """The name of the image of a program, a config and a latency profile, made by this engine version."""
    text = f"{ENGINE_VERSION}:{program_digest}:{config_digest}:{latency}"
    return hashlib.blake2b(text.encode(), digest_size=32).hexdigest()


_DTYPES = ("<i4", "<i8", "<u8", "<f8")


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        little = np.ascontiguousarray(value, dtype=value.dtype.newbyteorder("<"))
        return [little.dtype.str, list(value.shape), little.tobytes()]
    raise NotImplementedError(f"an image holds no {type(value).__name__}")


def _array(type: Any, value: Any) -> Any:
    dtype, shape, body = msgspec.convert(value, tuple[str, tuple[int, ...], bytes])
    if dtype not in _DTYPES or any(n < 0 for n in shape):
        raise ValueError(f"an array of {dtype} with shape {shape}")
    # frombuffer refuses bytes that are not whole numbers, reshape a count that is not the shape's
    return np.frombuffer(body, dtype=dtype).astype(np.dtype(dtype).newbyteorder("=")).reshape(shape)


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_plain)
_DECODER = msgspec.msgpack.Decoder(Image, dec_hook=_array)


class _Version(msgspec.Struct):
    engine_version: int


def encode_image(image: Image) -> bytes:
    """The bytes of an image."""
    return _ENCODER.encode(image)


def decode_image(body: bytes | memoryview) -> Image:
    """The image that ``encode_image`` wrote.

    Raises AskedWrongly: ``image_version`` for another engine's, ``bad_image`` for what is no image.
    """
    if len(body) > IMAGE_BYTES_MAX:
        raise AskedWrongly(f"an image of {len(body)} bytes; the limit is {IMAGE_BYTES_MAX} (IMAGE_BYTES_MAX)")
    try:
        version = msgspec.msgpack.decode(body, type=_Version).engine_version
        if version != ENGINE_VERSION:
            raise AskedWrongly(
                f"an image of engine version {version}; this is {ENGINE_VERSION}",
                code="image_version",
                hint="compile the program again",
            )
        return _DECODER.decode(body)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise AskedWrongly(f"these bytes are not an image: {error}", code="bad_image") from None


def table(rows: Sequence[Sequence[int]], columns: int) -> Ints:
    """An int64 table of ``columns`` columns, also where there are no rows."""
    if any(len(row) != columns for row in rows):
        raise OurBug(f"a row of a table has not {columns} columns")
    flat = np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=len(rows) * columns)
    return flat.reshape(len(rows), columns)
