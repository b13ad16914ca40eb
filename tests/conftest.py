"""Fixtures that start clusters of real processes, and end them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import zmq
from hypothesis import settings
from process_cluster import ProcessCluster

# No test asserts a time: machines are shared and slow at moments, and an example that took long is not a failure.
settings.register_profile("quaymaster", deadline=None, print_blob=True)
settings.load_profile("quaymaster")

# A background job of a script begins with Ctrl-C ignored, and hands that down; what the tests start must hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A context that a failed test leaves behind with an open socket would stop the garbage collector for ever.
zmq.Context.__del__ = lambda self: None  # type: ignore[method-assign]


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[Callable[..., ProcessCluster]]:
    """Starts clusters with the controllers that are named: make_cluster({"con1": "opx+"})."""
    made: list[ProcessCluster] = []

    def make(controllers: Mapping[str, str] | None = None, **options: str) -> ProcessCluster:
        directory = tmp_path / f"cluster-{len(made)}"
        directory.mkdir()
        made.append(ProcessCluster(directory, controllers or {"con1": "opx+"}, **options))
        made[-1].start()
        return made[-1]

    yield make
    for cluster in made:
        cluster.stop()


@pytest.fixture
def cluster(make_cluster: Callable[..., ProcessCluster]) -> ProcessCluster:
    """A broker and one OPX+, con1, with the echo plant."""
    return make_cluster()
