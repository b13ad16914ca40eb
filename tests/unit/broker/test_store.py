"""The store: what is committed is there again, what fails leaves nothing, and one broker has a directory."""

from __future__ import annotations

import random
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from quaymaster._core import wire
from quaymaster._core.errors import Taken
from quaymaster._core.wire import requests
from quaymaster.broker.core import Asked, Core, Rows
from quaymaster.broker.core.invariants import same_after_reload
from quaymaster.broker.core.rows import BodyRow, ControllerRow, Drop, ImageRow, JobRow, Logged, ProgramRow, Put, QmRow
from quaymaster.broker.store import Store, StoreUnavailable

NOW_MS = 1_658_058_752_694


def job(number: int, **fields: Any) -> JobRow:
    """A job row."""
    defaults: dict[str, Any] = {
        "job_id": str(NOW_MS + number),
        "qm_id": "qm-1",
        "user": "ann",
        "request_id": wire.make_request_id(NOW_MS, f"{number:06d}"),
        "state": "pending",
        "place": number,
        "controller": "con1",
        "program_digest": "p",
        "config_digest": "c",
        "image_id": "p/c",
        "options": wire.JobOptions(),
        "added_at_ms": NOW_MS,
    }
    return JobRow(**{**defaults, **fields})


def line(revision: int) -> Logged:
    """A line of the log."""
    return Logged(revision=revision, at_ms=NOW_MS, user="ann", verb="add_job", target="17")


def rows_of(store: Store) -> dict[str, dict[Any, Any]]:
    """All tables."""
    return store.load().tables


@pytest.fixture
def store(tmp_path: Path) -> Any:
    """A new store."""
    made = Store(tmp_path / "state", now_ms=NOW_MS)
    yield made
    made.close()


def test_it_is_durable_by_its_settings(store: Store) -> None:
    """WAL, and a sync with every commit; the file is its user's alone."""
    assert store._db.execute("pragma journal_mode").fetchone() == ("wal",)
    assert store._db.execute("pragma synchronous").fetchone() == (2,)  # FULL
    assert store.path.stat().st_mode & 0o077 == 0


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    """Every kind of row, after close and open; instance stays, epoch counts up."""
    store = Store(tmp_path, now_ms=NOW_MS)
    meta = store.load().meta
    rows = [
        job(1, note="ü", options=wire.JobOptions(seed=5), overrides=wire.Overrides(waveforms={"w": [0.1, 0.2]})),
        QmRow(qm_id="qm-1", user="ann", opened_at_ms=1, config_digest="c", opened_digest="c", io1_raw=1, io2_raw=-5),
        ProgramRow(program_id="p-1", qm_id="qm-1", user="ann", program_digest="p"),
        ImageRow(image_id="p/c", program_digest="p", threads=[wire.ThreadNeed(controller="con1", threads=2)]),
        ControllerRow(name="con1", type="opx1000", fems={1: "lf"}),
        BodyRow(digest="c", body=b"\x80"),
        BodyRow(digest="p", body=b"program"),
    ]
    store.commit([*map(Put, rows), line(1)])
    store.close()
    store = Store(tmp_path, now_ms=NOW_MS + 9)
    loaded = store.load()
    assert loaded.tables["job"] == {rows[0].job_id: rows[0]}
    assert loaded.tables["qm"] == {"qm-1": rows[1]}
    assert loaded.tables["program"] == {"p-1": rows[2]}
    assert loaded.tables["image"] == {"p/c": rows[3]}
    assert loaded.tables["controller"] == {"con1": rows[4]}
    assert loaded.tables["body"] == {"c": rows[5]}  # programs stay on disk
    assert loaded.known_bodies == {"c", "p"}
    assert store.body("p") == b"program"
    assert loaded.revision == 1
    assert loaded.meta == msgspec.structs.replace(meta, epoch=meta.epoch + 1)
    assert store.log() == [line(1)]
    store.close()


def test_of_several_changes_to_a_row_the_last_counts(store: Store) -> None:
    """Put, put; put, drop; drop, put, all in one round."""
    store.commit([Put(job(3)), line(1)])
    store.commit(
        [
            Put(job(1)),
            Put(job(1, state="completed")),
            Put(job(2)),
            Drop("job", job(2).job_id),
            Drop("job", job(3).job_id),
            Put(job(3, state="error")),
            line(2),
        ]
    )
    assert {row.job_id: row.state for row in rows_of(store)["job"].values()} == {
        job(1).job_id: "completed",
        job(3).job_id: "error",
    }


def test_a_round_is_all_or_nothing(store: Store) -> None:
    """A request id is unique for its user: a second job with it fails the round, and the round alone."""
    store.commit([Put(job(1)), line(1)])
    twice = job(2, request_id=job(1).request_id)
    with pytest.raises(StoreUnavailable) as caught:
        store.commit(
            [Put(QmRow(qm_id="q", user="a", opened_at_ms=1, config_digest="c", opened_digest="c")), Put(twice)]
        )
    assert caught.value.code == "store_unavailable"
    assert not rows_of(store)["qm"]
    store.commit([Put(job(2)), line(2)])
    assert len(rows_of(store)["job"]) == 2


def test_a_full_disk_is_said_and_survived(store: Store) -> None:
    """No room: StoreUnavailable, nothing changed; room again: it goes on."""
    store.commit([Put(job(1)), line(1)])
    (pages,) = store._db.execute("pragma page_count").fetchone()
    store._db.execute(f"pragma max_page_count={pages}")
    with pytest.raises(StoreUnavailable, match="full"):
        store.commit([Put(BodyRow(digest="b", body=bytes(10**6))), line(2)])
    assert store.load().revision == 1
    store._db.execute("pragma max_page_count=1000000")
    store.commit([Put(BodyRow(digest="b", body=bytes(10**6))), line(2)])
    assert store.body("b") == bytes(10**6)


def test_one_broker_has_a_directory(tmp_path: Path) -> None:
    """A second one is refused with the number of the first one's process; after a close it may."""
    first = Store(tmp_path, now_ms=NOW_MS)
    with pytest.raises(Taken) as caught:
        Store(tmp_path, now_ms=NOW_MS)
    assert caught.value.code == "store_locked"
    assert caught.value.details["process"].isdigit()
    first.close()
    Store(tmp_path, now_ms=NOW_MS).close()


def test_a_newer_or_broken_store_is_refused_in_words(tmp_path: Path) -> None:
    """A file of a later version, and one that is no database; both leave the directory free."""
    Store(tmp_path, now_ms=NOW_MS).close()
    db = sqlite3.connect(tmp_path / "broker.sqlite")
    db.execute("pragma user_version=99")
    db.commit()
    db.close()
    with pytest.raises(StoreUnavailable) as caught:
        Store(tmp_path, now_ms=NOW_MS)
    assert caught.value.code == "newer_store"
    (tmp_path / "broker.sqlite").write_bytes(b"not a database" * 1000)
    for file in tmp_path.glob("broker.sqlite-*"):
        file.unlink()
    with pytest.raises(StoreUnavailable, match="cannot be opened"):
        Store(tmp_path, now_ms=NOW_MS)


def test_the_log_is_trimmed(store: Store) -> None:
    """Lines older than 90 days go, the newest stays whatever its age: revisions count on from it."""
    old = [
        Logged(revision=number, at_ms=NOW_MS - 91 * 24 * 3600 * 1000, user="ann", verb="v", target="t")
        for number in (1, 2, 3)
    ]
    store.commit(list(old))
    store.trim_log(NOW_MS)
    assert [entry.revision for entry in store.log()] == [3]


def test_a_core_loaded_from_disk_is_the_one_that_was_lost(store: Store, bench: Any, config: Any) -> None:
    """A random history whose changes go through SQLite: the loaded core equals the one in memory."""
    chance = random.Random(5)
    store.commit([Put(bench.witness.rows.meta)])
    for changes in (list(map(Put, bench.core.cluster.controllers.values())),):
        store.commit([*changes, *bench.witness.log])
    core: Core = bench.core
    real = core.handle

    def handle(event: Any, now_ms: int) -> Any:
        changes, instructions = real(event, now_ms)
        store.commit(changes)
        return changes, instructions

    core.handle = handle  # type: ignore[method-assign]
    qms = [bench.open(config(1)), bench.open(config(2))]
    for _ in range(60):
        jobs = [row for row in core.cluster.jobs.values() if row.state in ("loading", "running")]
        match chance.randrange(4):
            case 0 | 1:
                bench.add(chance.choice(qms), chance.choice([b"a", b"b"]), to_start=chance.random() < 0.3)
            case 2 if jobs:
                bench.status(chance.choice(jobs).job_id, chance.choice(["completed", "error", "processing"]))
            case 3:
                bench.ask(requests.RemoveJobs(qm_id=chance.choice(qms), user_ids=["ann"]))
    bench.ask(requests.CloseQm(qm_id=qms[0]))
    loaded: Rows = store.load()
    same_after_reload(core.cluster, Core(loaded).cluster)
    assert loaded.tables["answer"] == bench.witness.rows.tables["answer"]
    digest = next(iter(core.cluster.images.values())).program_digest
    assert store.body(digest) in (b"a", b"b")
    request = requests.Request(request_id=wire.make_request_id(NOW_MS, "last"), args=requests.GetStatus())
    assert Core(loaded).handle(Asked(b"x", "ann", request), NOW_MS)[0] == []
