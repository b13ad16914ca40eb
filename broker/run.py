"""Starting and ending a broker: `run_broker(...)`, and the command line of `python -m quaymaster.broker`."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import time
from pathlib import Path
from types import FrameType
from typing import get_args

from .._core.errors import AskedWrongly, QuaymasterError
from .._core.wire.records import LatencyProfile
from .server import Server
from .sockets import check_libzmq, check_loopback
from .store import Store

APIS = ("qop2", "qop3")


def run_broker(
    directory: Path | str,
    client_endpoint: str,
    controller_endpoint: str,
    event_endpoint: str,
    *,
    api: str = "qop2",
    latency: LatencyProfile = "ideal",
    version: str = "",
) -> None:
    """Serve until SIGTERM or SIGINT. Writes one line on standard output when ready:

    ``broker ready clients=tcp://127.0.0.1:5000 controllers=... events=... instance=... pid=...``

    ``latency``: the profile of jobs that name none (docs/timing.md). Ports given as ``*`` or 0 are chosen by the system
    and named in that line. Raises QuaymasterError where it cannot start: `keys_required`, `bad_endpoint`,
    `store_locked`, `store_unavailable`, `newer_store`.
    """
    check_libzmq()
    if api not in APIS:
        raise AskedWrongly(f"there is no api profile {api!r}; there is {', '.join(APIS)}", code="bad_profile")
    for endpoint in (client_endpoint, controller_endpoint, event_endpoint):
        check_loopback(endpoint)
    stop = _StopSignal()
    store = Store(Path(directory), now_ms=time.time_ns() // 1_000_000)
    try:
        server = Server(
            store,
            client_endpoint=client_endpoint,
            controller_endpoint=controller_endpoint,
            event_endpoint=event_endpoint,
            api=api,
            latency=latency,
            version=version,
        )
        try:
            print(
                f"broker ready clients={server.client_endpoint} controllers={server.controller_endpoint} "
                f"events={server.event_endpoint} instance={server.instance} pid={os.getpid()}",
                flush=True,
            )
            server.run(lambda: stop.came, stop.descriptor)
        finally:
            server.close()
    finally:
        store.close()


class _StopSignal:
    """SIGTERM and SIGINT as a flag and a readable descriptor, so that a poll ends at once."""

    def __init__(self) -> None:
        self.came = False
        self.descriptor, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self.came = True
        with contextlib.suppress(BlockingIOError):  # full means that it is readable already
            os.write(self._write, b"x")


def main(arguments: list[str] | None = None) -> int:
    """`python -m quaymaster.broker`."""
    from importlib.metadata import version

    parser = argparse.ArgumentParser(prog="python -m quaymaster.broker", description="Start one broker.")
    parser.add_argument("--dir", required=True, help="directory of its store")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=0, help="clients; controllers get port+1, events port+2; 0: any")
    parser.add_argument("--clients", help="endpoint for clients, in place of host and port")
    parser.add_argument("--controllers", help="endpoint for controllers")
    parser.add_argument("--events", help="endpoint for events")
    parser.add_argument("--api", default="qop2", choices=APIS, help="platform behaviour")
    profiles = get_args(LatencyProfile)
    parser.add_argument("--latency", default="ideal", choices=profiles, help="latency profile of jobs that name none")
    given = parser.parse_args(arguments)
    defaults = [f"tcp://{given.host}:{given.port + n if given.port else '*'}" for n in range(3)]
    try:
        run_broker(
            given.dir,
            given.clients or defaults[0],
            given.controllers or defaults[1],
            given.events or defaults[2],
            api=given.api,
            latency=given.latency,
            version=version("quaymaster"),
        )
    except QuaymasterError as error:
        print(f"broker: {error}", file=sys.stderr, flush=True)
        return 1
    return 0
