"""The record of a job: with the program, the config and the log of what came from outside it determines every bit."""

from __future__ import annotations

import msgspec

from ..._core.errors import AskedWrongly
from ..runtime.engine import LatencyProfile


class PlantRecord(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What hung behind the ports, as in `runtime.engine.PlantOptions`."""

    plant: str
    loopback: tuple[str, ...] = ()
    noise: float = 0.0
    trigger_period_ns: int = 0
    photons: str = ""


class JobRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt of one job."""

    job_id: str
    attempt: int
    qm_id: str
    controller: str
    key: str  # of the program with its config, as `runtime.library.Key.digest`
    overrides: bytes  # MessagePack, b"" for none
    numerics: str
    latency: LatencyProfile = "ideal"
    seed: int
    io1: int
    io2: int
    plant: PlantRecord
    engine_version: int
    version: str  # of quaymaster


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(JobRecord).decode


def encode_record(record: JobRecord) -> bytes:
    """A record as bytes."""
    return _encode(record)


def decode_record(body: bytes) -> JobRecord:
    """The record in bytes that `encode_record` wrote. Raises AskedWrongly: `record_damaged`, `plant_differs`."""
    try:
        return _decode(body)
    except msgspec.ValidationError as error:
        if "`$.plant" not in str(error):
            raise AskedWrongly(f"the record of the job cannot be read: {error}", code="record_damaged") from None
        raise AskedWrongly(
            f"the job ran behind a plant that this version does not know: {error}",
            code="plant_differs",
            hint="run it again with the version that ran it",
        ) from None
    except msgspec.DecodeError as error:
        raise AskedWrongly(f"the record of the job cannot be read: {error}", code="record_damaged") from None
