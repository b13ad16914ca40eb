"""A program as bytes (MessagePack of the records of ``tree``) and its digest."""

from __future__ import annotations

import hashlib

import msgspec

from ..errors import AskedWrongly
from .limits import PROGRAM_BYTES_MAX
from .tree import Program

_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Program)


def encode_program(program: Program) -> bytes:
    """The bytes of ``program``: the same tree gives the same bytes, everywhere.

    Raises AskedWrongly (``program_too_large``) above PROGRAM_BYTES_MAX.
    """
    body = _ENCODER.encode(program)
    _check_size(len(body))
    return body


def decode_program(body: bytes | bytearray | memoryview) -> Program:
    """The tree that ``body`` holds. Its form is right afterwards; its meaning is for ``check_program`` to judge.

    Raises AskedWrongly: ``program_too_large``, or ``bad_program`` where the bytes are not a program.
    """
    _check_size(memoryview(body).nbytes)
    try:
        return _DECODER.decode(body)
    except RecursionError:
        raise _bad("it is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise _bad(str(error)) from None


def program_digest(program: Program | bytes | bytearray | memoryview) -> str:
    """The name of a program by its content: blake2b (256 bit) over its encoded bytes, in hex."""
    body = encode_program(program) if isinstance(program, Program) else program
    return hashlib.blake2b(body, digest_size=32).hexdigest()


def _check_size(size_bytes: int) -> None:
    if size_bytes > PROGRAM_BYTES_MAX:
        raise AskedWrongly(
            f"the program has {size_bytes} bytes; the limit is {PROGRAM_BYTES_MAX} (PROGRAM_BYTES_MAX)",
            code="program_too_large",
            hint="loop with for_ instead of unrolling in Python, or split the program into several jobs",
        )


def _bad(why: str) -> AskedWrongly:
    return AskedWrongly(
        f"these bytes are not a program: {why}",
        code="bad_program",
        hint="build it with quaymaster.qua, in the same version as the broker's",
    )
