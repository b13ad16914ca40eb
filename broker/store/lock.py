"""One broker per directory: an operating system lock on a file, which ends with the process however it ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from ..._core.errors import Taken


class DirectoryLock:
    """Held from construction to `release`. Raises Taken (`store_locked`) if another process holds it."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / "broker.lock"
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(self._descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(self._descriptor)
            raise Taken(
                f"another broker (process {holder}) uses {directory}",
                code="store_locked",
                hint="stop it, or give this one another directory",
                details={"directory": str(directory), "process": holder},
            ) from None
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next broker in."""
        os.close(self._descriptor)
