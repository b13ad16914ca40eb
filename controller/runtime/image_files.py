"""Compiled programs on disk, named by what they were made from, bounded by bytes. A cache: losing it costs time alone.

A file is the BLAKE2b (32 bytes) of the rest, then MessagePack of [program, image]; one that does not agree is deleted.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from pathlib import Path

import msgspec

from .limits import IMAGE_FILES_BYTES_MAX

log = logging.getLogger(__name__)
_CHECK_BYTES = 32
_PAIR = msgspec.msgpack.Decoder(tuple[bytes, bytes])


class ImageFiles:
    """A directory of (program, image) pairs by digest. Safe from any OS thread."""

    def __init__(self, directory: Path, bytes_max: int = IMAGE_FILES_BYTES_MAX) -> None:
        self._directory = directory
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def get(self, digest: str) -> tuple[bytes, bytes] | None:
        """(program, image) under this digest, or None."""
        path = self._path(digest)
        try:
            body = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        if hashlib.blake2b(body[_CHECK_BYTES:], digest_size=_CHECK_BYTES).digest() == body[:_CHECK_BYTES]:
            try:
                return _PAIR.decode(body[_CHECK_BYTES:])
            except msgspec.MsgspecError:
                pass
        log.warning("the image file %s is damaged: deleted", path.name)
        path.unlink(missing_ok=True)
        return None

    def has(self, digest: str) -> bool:
        """Whether there is a file; it may turn out to be damaged."""
        return self._path(digest).exists()

    def put(self, digest: str, program: bytes, image: bytes) -> None:
        """Keep a pair; a disk that is full is no error of the job."""
        body = msgspec.msgpack.encode((program, image))
        path = self._path(digest)
        unfinished = path.with_suffix(f".{threading.get_ident()}.part")
        try:
            with self._lock:
                unfinished.write_bytes(hashlib.blake2b(body, digest_size=_CHECK_BYTES).digest() + body)
                unfinished.replace(path)
                self._make_room()
        except OSError as error:
            log.warning("the image %s was not kept: %s", digest, error)
            unfinished.unlink(missing_ok=True)

    def _path(self, digest: str) -> Path:
        name = hashlib.blake2b(digest.encode(), digest_size=20).hexdigest()  # whatever a digest looks like
        return self._directory / f"{name}.image"

    def _make_room(self) -> None:
        files = sorted((path.stat().st_mtime, path.stat().st_size, path) for path in self._directory.iterdir())
        excess = sum(size for _, size, _ in files) - self._bytes_max
        for _, size, path in files:
            if excess <= 0:
                break
            path.unlink(missing_ok=True)
            excess -= size
