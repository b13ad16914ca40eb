"""The small parts of the server: endpoints, the inbox, the command line, the lanes."""

from __future__ import annotations

import select
import threading
from queue import SimpleQueue
from typing import Any

import pytest

from quaymaster._core.errors import AskedWrongly
from quaymaster.controller.__main__ import fems_of, parser
from quaymaster.controller.inbox import Inbox
from quaymaster.controller.link import check_endpoint
from quaymaster.controller.runtime.lanes import Lanes
from quaymaster.controller.runtime.limits import BACKGROUND_THREADS


@pytest.mark.parametrize("endpoint", ["tcp://127.0.0.1:9511", "tcp://localhost:1", "tcp://[::1]:9511", "ipc:///tmp/x"])
def test_loopback_is_dialed(endpoint: str) -> None:
    """All spellings of this machine."""
    check_endpoint(endpoint)


@pytest.mark.parametrize("endpoint", ["tcp://10.0.0.1:9511", "tcp://example.org:9511", "tcp://0.0.0.0:9511"])
def test_other_machines_need_keys(endpoint: str) -> None:
    """Which this version does not have."""
    with pytest.raises(AskedWrongly) as refused:
        check_endpoint(endpoint)
    assert refused.value.code == "keys_needed"


@pytest.mark.parametrize("endpoint", ["", "con1", "tcp://127.0.0.1", "http://127.0.0.1:80", "tcp://:9511"])
def test_what_is_no_endpoint_is_said_so(endpoint: str) -> None:
    """With an example of one."""
    with pytest.raises(AskedWrongly) as refused:
        check_endpoint(endpoint)
    assert refused.value.code == "bad_endpoint"


def test_the_inbox_wakes_once_and_gives_all_in_order() -> None:
    """Many puts make one readable byte; after a take it is quiet until the next put."""
    inbox: Inbox[int] = Inbox()

    def readable() -> bool:
        return bool(select.select([inbox.fileno()], [], [], 0)[0])

    assert not readable()
    threads = [threading.Thread(target=lambda: [inbox.put(n) for n in range(500)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    got: list[int] = []
    while any(thread.is_alive() for thread in threads) or readable():
        if readable():
            got.extend(inbox.take())
    assert sorted(got) == sorted(list(range(500)) * 4) and list(inbox.take()) == []
    inbox.put(7)
    assert readable()
    inbox.close()
    inbox.put(8)


def test_the_command_line() -> None:
    """As the page of the module says."""
    words = ["con3", "--type", "opx1000", "--fems", "1=lf,2=mw", "--broker", "tcp://127.0.0.1:1", "--dir", "d"]
    given = parser().parse_args([*words, "--loopback", "1>1:24"])
    assert given.fems == {1: "lf", 2: "mw"} and given.loopback == ["1>1:24"] and given.plant == "echo"
    assert fems_of("") == {}


class Run:
    """A run that ends in its first slice, or says that there is more."""

    def __init__(self, more: bool, done: SimpleQueue[Any]) -> None:
        self.more, self.done = more, done

    def first_slice(self) -> bool:
        """Says on which OS thread it ran."""
        self.done.put(("first", threading.current_thread().name))
        return self.more

    def run_on(self) -> None:
        """Likewise."""
        self.done.put(("on", threading.current_thread().name))


def test_short_jobs_share_a_thread_and_long_ones_get_their_own() -> None:
    """The first slice of a job that needs nothing compiled runs on the short lane; what is left does not."""
    lanes, done = Lanes(), SimpleQueue[Any]()
    lanes.submit(Run(False, done), short=True)  # type: ignore[arg-type]
    assert done.get(timeout=5) == ("first", "short-jobs")
    lanes.submit(Run(True, done), short=True)  # type: ignore[arg-type]
    assert done.get(timeout=5) == ("first", "short-jobs")
    what, name = done.get(timeout=5)
    assert what == "on" and name.startswith("job-")
    lanes.submit(Run(False, done), short=False)  # type: ignore[arg-type]
    assert done.get(timeout=5)[1].startswith("job-")
    lanes.close()


def test_background_work_has_few_threads_and_survives_errors() -> None:
    """One that fails does not take its thread along."""
    lanes, done = Lanes(), SimpleQueue[str]()
    for _ in range(3 * BACKGROUND_THREADS):
        lanes.later(lambda: 1 / 0)  # type: ignore[arg-type, return-value]
        lanes.later(lambda: done.put(threading.current_thread().name))
    names = {done.get(timeout=5) for _ in range(3 * BACKGROUND_THREADS)}
    assert names == {"background"} and lanes._background_threads == BACKGROUND_THREADS
    lanes.close()
