"""What a submission carries: a program's bytes and digest, the job's options, its overrides."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar, cast

from .._core.engine.latencies import PROFILES
from .._core.errors import AskedWrongly, QuaymasterError
from .._core.program.codec import encode_program
from .._core.program.tree import Program
from .._core.wire import Asks, JobOptions, Overrides, content_digest, requests
from .._core.wire.records import LatencyProfile, Numerics, Record
from .connection import Answer, Asker
from .plain import plain_number

R = TypeVar("R", bound=Record)
LOGGER: Final = logging.getLogger("quaymaster")

SMALL_PROGRAM_BYTES = 4096
"""A program up to this size is always sent along; of a larger one, the digest is tried first once the broker had it."""
KNOWN_PROGRAMS_MAX = 1_000


class ProgramLike(Protocol):
    """What `quaymaster.qua.program()` makes."""

    @property
    def tree(self) -> Program:
        """The program as plain data."""


@dataclass
class CompilerOptionArguments:
    """Compiler options, as the platform names them."""

    strict: bool | None = None
    flags: list[str] = field(default_factory=list)


_ENCODED: weakref.WeakKeyDictionary[Any, tuple[bytes, str]] = weakref.WeakKeyDictionary()
_ENCODED_LOCK = threading.Lock()


def encoded(program: ProgramLike) -> tuple[bytes, str]:
    """The bytes of a program and their digest. Raises AskedWrongly: `not_a_program`, `program_too_large`."""
    with _ENCODED_LOCK:
        known = _ENCODED.get(program) if _is_keyable(program) else None
    if known is not None:
        return known
    tree = getattr(program, "tree", None)
    if not isinstance(tree, Program):
        raise AskedWrongly(
            f"a program is what `with program() as prog:` makes, not {type(program).__name__}",
            code="not_a_program",
            hint="use quaymaster.qua; to queue a compiled program by its id, use queue.add_compiled(program_id)",
        )
    body = encode_program(tree)
    result = (body, content_digest(body))
    if _is_keyable(program):
        with _ENCODED_LOCK:
            _ENCODED[program] = result
    return result


def _is_keyable(program: object) -> bool:
    return type(program).__hash__ is object.__hash__ and hasattr(program, "__weakref__")


def send_program(connection: Asker, program: ProgramLike, asking: Callable[[str], Asks[R]]) -> Answer[R]:
    """Ask with a program; `asking` makes the request from its digest. What the compiler warns of is logged.

    The body is left out where the broker is likely to have it.
    """
    answer = _sent(connection, program, asking)
    if isinstance(answer.result, (requests.CompiledProgram, requests.JobAdded)):
        for text in answer.result.warnings:
            LOGGER.warning("%s", text)
    return answer


def _sent(connection: Asker, program: ProgramLike, asking: Callable[[str], Asks[R]]) -> Answer[R]:
    body, digest = encoded(program)
    known = connection.known_programs
    if digest in known:
        try:
            return connection.ask(asking(digest))
        except QuaymasterError as error:
            if error.code != "unknown_program":
                raise
    answer = connection.ask(asking(digest), body)
    if len(body) > SMALL_PROGRAM_BYTES:
        if len(known) >= KNOWN_PROGRAMS_MAX:
            known.clear()
        known.add(digest)
    return answer


def job_options(
    connection: Asker,
    compiler_options: Any = None,
    *,
    seed: int | None = None,
    numerics: str = "linear",
    latency: str | None = None,
    strict: bool | None = None,
    flags: Sequence[str] | None = None,
) -> JobOptions:
    """The options of a job, with the latency profile of the cluster where it names none; `compiler_options` is a
    CompilerOptionArguments, a mapping, or anything with `flags`."""
    if compiler_options is not None and (strict is not None or flags is not None):
        raise AskedWrongly("give compiler_options, or strict and flags, not both", code="bad_value")
    if isinstance(compiler_options, Mapping):
        strict, flags = compiler_options.get("strict"), compiler_options.get("flags")
    elif compiler_options is not None:
        strict, flags = getattr(compiler_options, "strict", None), getattr(compiler_options, "flags", None)
    if numerics not in ("linear", "exact"):
        raise AskedWrongly(f'numerics is "linear" or "exact", not {numerics!r:.50}', code="bad_value")
    latency = latency or connection.info.latency
    if latency not in PROFILES:
        raise AskedWrongly(f"latency is {' or '.join(PROFILES)}, not {latency!r:.50}", code="bad_value")
    if seed is not None and (isinstance(seed, bool) or not -(2**63) <= _index(seed, "seed") < 2**63):
        raise AskedWrongly(f"a seed is a 64-bit integer, not {seed!r:.50}", code="bad_value")
    names = [str(flag) for flag in flags or ()] + (["strict"] if strict else [])
    return JobOptions(
        numerics=cast(Numerics, numerics),
        latency=cast(LatencyProfile, latency),
        seed=None if seed is None else int(seed),
        flags=names,
    )


def _index(value: Any, what: str) -> int:
    try:
        return int(value.__index__())
    except AttributeError:
        raise AskedWrongly(f"{what} must be an integer, not {value!r:.50}", code="bad_value") from None


def overrides_of(overrides: Mapping[str, Any] | None) -> Overrides | None:
    """The overrides of a job from `{"waveforms": {name: number or samples}}`; None where there are none."""
    if not overrides:
        return None
    if not isinstance(overrides, Mapping) or not isinstance(overrides.get("waveforms", {}), Mapping):
        raise AskedWrongly('overrides are {"waveforms": {name: number or samples}}', code="bad_override")
    others = [str(key) for key in overrides if key != "waveforms"]
    if others:
        raise AskedWrongly(f"only waveforms can be overridden, not {', '.join(others)}", code="bad_override")
    waveforms = {str(name): _waveform(str(name), value) for name, value in overrides["waveforms"].items()}
    return Overrides(waveforms=waveforms) if waveforms else None


def _waveform(name: str, value: Any) -> float | list[float]:
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, (list, tuple)):
        if not value:
            raise AskedWrongly(f"the override of {name!r} has no samples", code="bad_override")
        return [float(plain_number(sample, f"a sample of {name!r}")) for sample in value]
    return float(plain_number(value, f"the override of {name!r}"))
