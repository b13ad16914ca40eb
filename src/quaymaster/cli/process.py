"""`quaymaster broker` and `quaymaster controller`: one process of a cluster file on this host."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

from .. import __version__
from .cluster_file import read_cluster

PARENT_VARIABLE = "QUAYMASTER_PARENT"
"""Set by a supervisor to its own process id: the child ends when that is no longer its parent."""
PARENT_POLL_S = 0.5


def end_with_parent() -> None:
    """If a supervisor started this process, end (as by SIGTERM) when it is gone, even if it was killed with -9."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None:
        return

    def watch() -> None:
        while os.getppid() == int(parent):
            time.sleep(PARENT_POLL_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()


def run_broker_process(path: Path) -> None:
    """Serve as the broker of the cluster file until SIGTERM or SIGINT."""
    from ..broker.run import run_broker

    cluster = read_cluster(path)
    end_with_parent()
    run_broker(
        Path(cluster.broker.directory),
        client_endpoint=cluster.endpoint(0),
        controller_endpoint=cluster.endpoint(1),
        event_endpoint=cluster.endpoint(2),
        latency=cluster.broker.latency,
        version=__version__,
    )


def run_controller_process(name: str, path: Path) -> None:
    """Serve as one controller of the cluster file until SIGTERM or SIGINT."""
    from ..controller.server import run_controller

    cluster = read_cluster(path)
    entry = cluster.controller(name)
    end_with_parent()
    run_controller(
        entry.name,
        type=entry.type,
        fems={int(slot): kind for slot, kind in entry.fems.items()},
        broker_endpoint=cluster.endpoint(1),
        directory=Path(entry.directory),
        plant=entry.plant,
        loopback=list(entry.loopback),
        noise=entry.noise,
        trigger_period_ns=entry.trigger_period_ns,
        photons=entry.photons,
        alike=cluster.alike(entry),
    )
