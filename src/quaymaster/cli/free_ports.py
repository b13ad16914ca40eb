"""Ports for a cluster that lives for a while only: the demo, benchmarks, tests."""

from __future__ import annotations

import socket

from .._core.errors import Taken

TRIES = 100


def free_ports() -> int:
    """The first of three neighbouring ports of 127.0.0.1 that nobody uses now. Raises Taken `no_free_ports`."""
    for _ in range(TRIES):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if port <= 65533 and all(_is_free(port + k) for k in range(3)):
            return port
    raise Taken("no three neighbouring free ports on 127.0.0.1", code="no_free_ports")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
