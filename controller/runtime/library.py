"""Programs, configs and what was compiled from them: each by digest, each bounded, safe from any OS thread.

`files` keeps images on disk, `sources` the programs and configs that records of jobs name.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any

import msgspec

from ..._core.config import Config, apply_overrides, check_config
from ..._core.errors import AskedWrongly, OurBug
from ..._core.program.codec import decode_program
from ..._core.program.elements import elements_used
from ..._core.program.endless import is_endless
from ..._core.program.schema import result_schema
from ..._core.program.tree import Program
from ..._core.wire import Overrides, StreamSchema, ThreadNeed, unpack_plain
from .bounded import Bounded
from .engine import Engine, LatencyProfile, Numerics
from .inputs import Inputs
from .limits import (
    CONFIG_BYTES_MAX,
    CONFIGS_MAX,
    IMAGE_FILE_AFTER_S,
    LOADED_BYTES_MAX,
    LOADED_MAX,
    PROGRAM_BYTES_MAX,
    PROGRAMS_MAX,
)
from .pair_files import PairFiles

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Key:
    """What an image is made from."""

    program: str
    config: str
    overrides: bytes = b""  # MessagePack of the overrides, b"" for none
    latency: LatencyProfile = "ideal"

    @property
    def digest(self) -> str:
        """One name for all of it."""
        parts = [self.program, self.config]
        if self.overrides:
            parts.append(hashlib.blake2b(self.overrides, digest_size=20).hexdigest())
        if self.latency != "ideal":
            parts.append(self.latency)
        return ":".join(parts)


@dataclass(frozen=True, slots=True)
class Loaded:
    """A program ready to run: its image, and what the runtime must know of it."""

    program: Program
    image: Any
    plant: Any
    schemas: tuple[StreamSchema, ...]
    trace_lengths: dict[str, int]
    complex_traces: frozenset[str]
    fine_traces: frozenset[str]
    elements: tuple[str, ...]
    threads: tuple[ThreadNeed, ...]
    endless: bool
    quick: bool
    """It saves and measures nothing, so a first slice is over at once."""
    inputs: Inputs
    """Type of each input stream, by name."""
    reads_io: bool
    """It reads IO1 or IO2, so it may ask again and again for what is not there yet."""
    differences: Callable[[Numerics], tuple[str, ...]]
    """Ids of the differences from the instrument that it may meet; found when first asked for."""


def key_of(
    program_digest: str,
    config_digest: str,
    overrides: Overrides | None = None,
    latency: LatencyProfile = "ideal",
) -> Key:
    """The key of a program with a config, overrides and a latency profile."""
    packed = b"" if overrides is None or not overrides.waveforms else _ENCODER.encode(overrides)
    return Key(program_digest, config_digest, packed, latency)


_ENCODER = msgspec.msgpack.Encoder(order="deterministic")
_OVERRIDES = msgspec.msgpack.Decoder(Overrides)


class Library:
    """What a controller knows by digest."""

    def __init__(self, controller: str, engine: Engine, files: PairFiles, sources: PairFiles | None = None) -> None:
        self._controller = controller
        self._engine = engine
        self._files = files
        self._sources = sources
        self._lock = threading.Lock()
        self._programs: Bounded[str, bytes] = Bounded(entries_max=PROGRAMS_MAX, bytes_max=PROGRAM_BYTES_MAX)
        self._configs: Bounded[str, tuple[bytes, Config | None]] = Bounded(
            entries_max=CONFIGS_MAX, bytes_max=CONFIG_BYTES_MAX
        )
        self._loaded: Bounded[Key, Loaded] = Bounded(entries_max=LOADED_MAX, bytes_max=LOADED_BYTES_MAX)
        self._compiling: dict[Key, threading.Lock] = {}

    def add_program(self, digest: str, body: bytes) -> None:
        """A program came over the wire."""
        with self._lock:
            if self._programs.get(digest) is None:
                self._programs.put(digest, body, len(body))

    def add_config(self, digest: str, body: bytes) -> None:
        """A config came over the wire; it is read when it is needed."""
        with self._lock:
            if self._configs.get(digest) is None:
                self._configs.put(digest, (body, None), len(body))

    def config(self, digest: str) -> Config:
        """The config of this digest. Raises AskedWrongly: `unknown_config`, or what is wrong with it."""
        with self._lock:
            known = self._configs.get(digest)
            if known is None:
                raise AskedWrongly(f"no config {digest} here", code="unknown_config")
        body, config = known
        if config is None:
            config = check_config(unpack_plain(body))
            with self._lock:
                self._configs.put(digest, (body, config), 2 * len(body))
        return config

    def parts(self, key: Key) -> tuple[Program, Config]:
        """A program and a config as they are, for a simulation. Raises QuaymasterError."""
        with self._lock:
            body = self._programs.get(key.program)
        if body is None:
            raise OurBug(f"program {key.program} was dropped before it was used", code="unknown_program")
        return decode_program(body), self.config(key.config)

    def at_hand(self, key: Key) -> Loaded | None:
        """What is in memory already."""
        with self._lock:
            return self._loaded.get(key)

    def lacks(self, key: Key) -> bool:
        """Whether the broker must send the program or the config (again)."""
        with self._lock:
            if key in self._loaded:
                return False
            if key.config not in self._configs:
                return True
            return key.program not in self._programs and not self._files.has(key.digest)

    def warnings(self, loaded: Loaded, flags: Sequence[str]) -> list[str]:
        """What the compiler says of a program with these flags. Raises AskedWrongly where they do not allow it."""
        return self._engine.warnings(loaded.image, flags)

    def load(self, key: Key) -> Loaded:
        """The compiled program: from memory, from disk, or compiled now. Raises QuaymasterError."""
        with self._lock:
            compiling = self._compiling.setdefault(key, threading.Lock())
        try:
            with compiling:
                return self.at_hand(key) or self._from_file(key) or self._compile(key)
        finally:
            with self._lock:
                self._compiling.pop(key, None)

    def keep_sources(self, key: Key) -> None:
        """Put the program and the config of a job on disk, where they are not yet, so that it can be run again."""
        if self._sources is None or self._sources.has(key.digest):
            return
        with self._lock:
            program, config = self._programs.get(key.program), self._configs.get(key.config)
        if program is None and (pair := self._files.get(key.digest)) is not None:
            program = pair[0]
        if program is None or config is None:
            log.warning("program or config of %s are not at hand: its jobs cannot be run again", key.digest)
            return
        self._sources.put(key.digest, program, config[0])

    # -- inside --------------------------------------------------------------------------------------------------------

    def _effective_config(self, key: Key) -> Config:
        config = self.config(key.config)
        if not key.overrides:
            return config
        overrides = _OVERRIDES.decode(key.overrides)
        return apply_overrides(config, {"waveforms": overrides.waveforms})

    def _from_file(self, key: Key) -> Loaded | None:
        pair = self._files.get(key.digest)
        if pair is None:
            return None
        try:
            image = self._engine.decode(pair[1])
            return self._keep(key, decode_program(pair[0]), image, self._effective_config(key), len(pair[1]))
        except AskedWrongly as error:
            log.info("an image on disk is of no use (%s): compiling again", error.message)
            self.add_program(key.program, pair[0])
            return None

    def _compile(self, key: Key) -> Loaded:
        with self._lock:
            body = self._programs.get(key.program)
        if body is None:
            raise OurBug(f"program {key.program} was dropped before it was compiled", code="unknown_program")
        program, config = decode_program(body), self._effective_config(key)
        began = time.monotonic()
        image = self._engine.compile(program, config, key.latency)
        took_s = time.monotonic() - began
        encoded = self._engine.encode(image) if took_s >= IMAGE_FILE_AFTER_S else None
        loaded = self._keep(key, program, image, config, len(encoded or body))
        if encoded is not None:
            self._files.put(key.digest, body, encoded)
        return loaded

    def _keep(self, key: Key, program: Program, image: Any, config: Config, size: int) -> Loaded:
        self._check_home(image)
        elements = elements_used(program)
        schemas = stream_schemas(program, image.trace_lengths, image.complex_traces)
        loaded = Loaded(
            program=program,
            image=image,
            plant=self._engine.plant(image, config, elements),
            schemas=schemas,
            trace_lengths=dict(image.trace_lengths),
            complex_traces=image.complex_traces,
            fine_traces=image.fine_traces,
            elements=elements,
            threads=tuple(ThreadNeed(controller=c, fem=fem, threads=n) for c, fem, n in image.threads_needed),
            endless=is_endless(program.body),
            quick=not schemas and self._engine.is_quick(image),
            inputs={item.name: item.type for item in image.inputs},
            reads_io=bool({"io1", "io2"} & {*image.outside}),
            differences=cache(partial(self._engine.differences, program, config, key.latency)),
        )
        with self._lock:
            self._loaded.put(key, loaded, size)
        return loaded

    def _check_home(self, image: Any) -> None:
        homes = sorted({controller for controller, _, _ in image.threads_needed})
        if homes and homes[0] != self._controller:
            raise AskedWrongly(
                f"this program belongs on {homes[0]}; this is {self._controller}",
                code="wrong_controller",
                details={"controller": homes[0]},
            )
        unlike = [name for name in homes[1:] if name not in self._engine.alike]
        if unlike:
            raise AskedWrongly(
                f"the program uses elements of {', '.join(homes)}, and {unlike[0]} has another plant than "
                f"{self._controller}, where it would run",
                code="plants_differ",
                hint="give them the same plant, loopback, noise, trigger_period_ns and photons in the cluster file",
            )


def stream_schemas(
    program: Program, trace_lengths: dict[str, int], complex_traces: Collection[str] = ()
) -> tuple[StreamSchema, ...]:
    """What each result will hold, as it travels."""
    return tuple(
        StreamSchema(
            name=info.tag,
            dtype=info.wire_dtype,
            shape=list(info.wire_shape),
            many=info.all,
            timestamps=info.timestamps,
        )
        for info in result_schema(program, trace_lengths, complex_traces)
    )
