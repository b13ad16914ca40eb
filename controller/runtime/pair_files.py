"""Pairs of bodies on disk, named by what they are: a program with its image, a program with its config.

Bounded by bytes, the least recently used make way. A file is the BLAKE2b (32 bytes) of the rest, then MessagePack of
the pair; one that does not agree is deleted.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from pathlib import Path

import msgspec

from .limits import PAIR_FILES_BYTES_MAX

log = logging.getLogger(__name__)
_CHECK_BYTES = 32
_PAIR = msgspec.msgpack.Decoder(tuple[bytes, bytes])


class PairFiles:
    """A directory of pairs by digest. Safe from any OS thread. `synced`: a file outlives the machine's fall."""

    def __init__(self, directory: Path, bytes_max: int = PAIR_FILES_BYTES_MAX, *, synced: bool = False) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._synced = synced
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, digest: str) -> tuple[bytes, bytes] | None:
        """The pair under this digest, or None."""
        path = self._path(digest)
        try:
            body = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        pair = checked_pair(body)
        if pair is None:
            log.warning("the file %s is damaged: deleted", path.name)
            path.unlink(missing_ok=True)
        return pair

    def has(self, digest: str) -> bool:
        """Whether there is a file, which counts as used now; it may turn out to be damaged."""
        try:
            os.utime(self._path(digest))
        except OSError:
            return False
        return True

    def put(self, digest: str, first: bytes, second: bytes) -> None:
        """Keep a pair; a disk that is full is no error of the job."""
        body = msgspec.msgpack.encode((first, second))
        path = self._path(digest)
        unfinished = path.with_suffix(f".{threading.get_ident()}.part")
        try:
            with self._lock:
                with unfinished.open("wb") as file:
                    file.write(hashlib.blake2b(body, digest_size=_CHECK_BYTES).digest() + body)
                    if self._synced:
                        file.flush()
                        os.fsync(file.fileno())
                unfinished.replace(path)
                self._make_room()
        except OSError as error:
            log.warning("%s was not kept: %s", digest, error)
            unfinished.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        return self._directory / pair_file_name(digest)

    def _make_room(self) -> None:
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._directory.iterdir())
        excess = sum(size for _, size, _ in files) - self._bytes_max
        for _, size, path in files:
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size


def pair_file_name(digest: str) -> str:
    """The name of the file of a digest, whatever that looks like."""
    return f"{hashlib.blake2b(digest.encode(), digest_size=20).hexdigest()}.pair"


def checked_pair(body: bytes) -> tuple[bytes, bytes] | None:
    """The pair in the bytes of a file; None where they are damaged."""
    if hashlib.blake2b(body[_CHECK_BYTES:], digest_size=_CHECK_BYTES).digest() != body[:_CHECK_BYTES]:
        return None
    try:
        return _PAIR.decode(body[_CHECK_BYTES:])
    except msgspec.MsgspecError:
        return None
