"""The base of every message record, and the small types that messages share.

Records are frozen and typed to the last field: an unknown field, a missing field or a wrong type is refused while the
bytes are read, before anything is built from them. No field is untyped, so a message cannot nest deeper than its type.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from . import limits


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A message or a part of one."""


Name = Annotated[str, msgspec.Meta(max_length=limits.NAME_CHARS)]
Digest = Annotated[str, msgspec.Meta(max_length=limits.DIGEST_CHARS)]
Note = Annotated[str, msgspec.Meta(max_length=limits.NOTE_CHARS)]
Text = Annotated[str, msgspec.Meta(max_length=limits.MESSAGE_CHARS)]
Names = Annotated[list[Name], msgspec.Meta(max_length=limits.LIST_ITEMS)]
Lines = Annotated[list[Text], msgspec.Meta(max_length=limits.DETAILS_ITEMS)]

Scalar = str | int | float | bool | None
Number = int | float | bool
Detail = Scalar | list[Scalar | dict[str, Scalar]] | dict[str, Scalar]
Details = Annotated[dict[str, Detail], msgspec.Meta(max_length=limits.DETAILS_ITEMS)]

JobState = Literal["pending", "loading", "running", "processing", "completed", "error", "canceled", "lost"]
FINAL_STATES: frozenset[str] = frozenset({"completed", "error", "canceled", "lost"})

CloseMode = Literal["never", "if_needed", "all"]
Numerics = Literal["linear", "exact"]
LatencyProfile = Literal["ideal", "opx"]


class Fault(Record, frozen=True, kw_only=True):
    """An error as it travels: the fields of `QuaymasterError`."""

    family: Literal["asked_wrongly", "taken", "bug"]
    code: Name
    message: Text
    hint: Text = ""
    details: Details = {}


class JobOptions(Record, frozen=True, kw_only=True):
    """How a job is to be computed; part of the job, never of the machine it happens to run on."""

    numerics: Numerics = "linear"
    latency: LatencyProfile = "ideal"
    seed: int | None = None  # None: the broker derives one from the job id, so a job always has a seed
    flags: Names = []  # compiler flags, as the platform names them


Samples = Annotated[list[float], msgspec.Meta(max_length=limits.OVERRIDE_SAMPLES)]


class Overrides(Record, frozen=True, kw_only=True):
    """Waveforms that this job alone plays differently: a number for a constant one, samples for an arbitrary one."""

    waveforms: Annotated[dict[Name, float | Samples], msgspec.Meta(max_length=limits.DETAILS_ITEMS)] = {}


PortWords = Annotated[str, msgspec.Meta(pattern=r"^[^/]+/[0-9]{1,3}/[0-9]{1,4}$", max_length=limits.NAME_CHARS)]
"""A port as `PortRef` prints it: controller/fem/number."""


class Cable(Record, frozen=True, kw_only=True):
    """From an analog output to an analog input."""

    source: PortWords
    target: PortWords


class RawInput(Record, frozen=True, kw_only=True):
    """`samples` doubles in V, one a ns from the start, that an analog input gets; zero after them.

    `part`: I or Q of complex ones.
    """

    target: PortWords
    samples: Annotated[int, msgspec.Meta(ge=0)]
    part: Literal["", "I", "Q"] = ""


Raw = Annotated[int, msgspec.Meta(ge=-(2**31), le=2**31 - 1)]
"""A machine number: the 32 bits of a register or of a cell, read as a signed integer."""
ValueType = Literal["int", "fixed", "bool"]


class ElementValues(Record, frozen=True, kw_only=True):
    """What an element of a running job is set to: Hz, c00, c01, c10, c11, and V by the names of its inputs."""

    frequency_hz: float
    correction: Annotated[list[float], msgspec.Meta(min_length=4, max_length=4)]
    offsets: Annotated[dict[Name, float], msgspec.Meta(max_length=64)] = {}


class InputEntry(Record, frozen=True, kw_only=True):
    """One entry for an input stream of the program."""

    stream: Name
    type: ValueType
    raws: Annotated[list[Raw], msgspec.Meta(min_length=1, max_length=limits.INPUT_VALUES)]


class Simulation(Record, frozen=True, kw_only=True):
    """What makes a job a simulation: for how long, what its inputs hear, and what it has got from outside before it
    starts."""

    duration_cycles: Annotated[int, msgspec.Meta(ge=1, le=limits.SIMULATION_CYCLES)]
    interface: Literal["none", "loopback", "raw"] = "none"
    cables: Annotated[list[Cable], msgspec.Meta(max_length=limits.SIMULATION_CABLES)] = []
    latency_ns: Annotated[int, msgspec.Meta(ge=0, le=limits.SIMULATION_LATENCY_NS)] = 24
    noise_variance: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0  # V² per sample, at every input that is connected
    inputs: Annotated[list[RawInput], msgspec.Meta(max_length=limits.SIMULATION_CABLES)] = []
    samples_digest: Digest = ""  # of the samples of all `inputs`, one after another: little-endian float64
    entries: Annotated[list[InputEntry], msgspec.Meta(max_length=limits.SIMULATION_ENTRIES)] = []
    io1: Raw = 0
    io2: Raw = 0


class ThreadNeed(Record, frozen=True, kw_only=True):
    """Threads that a program takes on one FEM of one controller; an OPX or OPX+ counts as FEM 1, as in `PortRef`."""

    controller: Name
    fem: int = 1
    threads: int


class StreamSchema(Record, frozen=True, kw_only=True):
    """What a stream of a job will hold, known before the job starts."""

    name: Name
    dtype: Name  # numpy dtype string of one value, e.g. "<i4", "<f8", "|b1"
    shape: Annotated[list[int], msgspec.Meta(max_length=32)] = []  # of one item; [] is a scalar
    many: bool = True  # True: save_all, items add up; False: save, the last item counts
    timestamps: bool = False  # True: each item is a pair (value, timestamp int64 ns)


class StreamState(Record, frozen=True, kw_only=True):
    """How far a stream has come."""

    schema: StreamSchema
    count: int = 0  # items that can be fetched now
    closed: bool = False  # no more items will come
    dataloss: bool = False


class ControllerInfo(Record, frozen=True, kw_only=True):
    """A controller as the broker knows it."""

    name: Name
    type: Name  # "opx", "opx+", "opx1000"
    fems: dict[int, str] = {}  # slot -> "lf" | "mw"
    connected: bool = True
    version: Name = ""
