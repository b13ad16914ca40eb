"""A controller whose broker does not come back, in this process."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1]))
import controller_stand_in as stand_in

from quaymaster._core.wire import Command, commands, pack_plain
from quaymaster._core.wire.reports import Status
from quaymaster.controller import server as server_module
from quaymaster.controller.server import EpochFile, Server


def test_without_its_broker_for_too_long_it_halts_what_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """BROKER_AWAY_MAX_S (ten minutes, here less than a second) after it was last heard: the job ends as an error."""
    monkeypatch.setattr(server_module, "BROKER_AWAY_MAX_S", 0.5)
    server = Server(
        "con1",
        type="opx+",
        fems={},
        broker_endpoint="tcp://127.0.0.1:1",
        directory=tmp_path,
        engine=stand_in.StandInEngine(),
    )
    server._gate.set()
    server._obey(Command(epoch=1, action=commands.Open(qm_id="qm", config_digest="c")), [pack_plain(stand_in.config())])
    load = commands.Load(job_id="1", attempt=1, qm_id="qm", program_digest="p", config_digest="c")
    body = stand_in.body(values=1_000_000, sleep_ms=1, steps=10)
    began = time.monotonic()
    server._obey(Command(epoch=1, action=load), [body, b""])
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        while server._table.running:
            assert time.monotonic() - began < 10
            time.sleep(0.02)
    finally:
        server.stop()
        thread.join()
    assert time.monotonic() - began >= 0.5
    last = server._spool.waiting()[-1].matter
    assert isinstance(last, Status) and last.error is not None and last.error.code == "broker_lost"


def test_the_highest_epoch_is_remembered_over_restarts(tmp_path: Path) -> None:
    """A broker that was replaced stays replaced."""
    EpochFile(tmp_path / "epoch").check(5)
    assert EpochFile(tmp_path / "epoch").highest == 5
    (tmp_path / "epoch").write_text("garbage")
    assert EpochFile(tmp_path / "epoch").highest == 0
