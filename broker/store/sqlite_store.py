"""The embedded store.

One connection does all writing and all checkpoints, and no other process opens the file (SQLite before 3.52 can corrupt
a WAL that two connections checkpoint at once). A round's changes are one transaction; they are on disk when `commit`
returns.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
from collections import OrderedDict
from pathlib import Path
from typing import Any, Final

import msgspec

from ..._core.errors import OurBug, Taken
from ..core.rows import TABLE_OF, BodyRow, Change, Drop, Logged, MetaRow, Put, Rows, key_of
from .lock import DirectoryLock
from .schema import BY_NAME, CREATE, PUT_LOG, SCHEMA_VERSION, TABLES

LOG_KEPT_MS: Final = 90 * 24 * 3600 * 1000
LOG_LINES_KEPT: Final = 2_000_000
BODIES_CACHED_BYTES: Final = 64 * 1024 * 1024


class StoreUnavailable(Taken):
    """The changes could not be made durable; nothing of the round was done."""

    default_code = "store_unavailable"


class Store:
    """The rows of one broker, in a directory that it holds locked."""

    def __init__(self, directory: Path, *, now_ms: int) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = DirectoryLock(directory)
        self.path = directory / "broker.sqlite"
        self._cached: OrderedDict[str, bytes] = OrderedDict()
        self._cached_bytes = 0
        self.commits = 0
        try:
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=5)
            self._prepare(now_ms)
        except sqlite3.Error as error:
            self._lock.release()
            raise StoreUnavailable(
                f"the store {self.path} cannot be opened: {error}",
                hint="see that the disk has room and the file belongs to this user",
            ) from error
        except BaseException:
            self._lock.release()
            raise

    def _prepare(self, now_ms: int) -> None:
        os.chmod(self.path, 0o600)
        db = self._db
        db.execute("pragma journal_mode=wal")
        db.execute("pragma synchronous=full")
        db.execute("pragma wal_autocheckpoint=4000")
        (version,) = db.execute("pragma user_version").fetchone()
        if version > SCHEMA_VERSION:
            raise StoreUnavailable(
                f"the store was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION})",
                code="newer_store",
                hint="run the newer version, or use another directory",
            )
        db.executescript(CREATE)
        db.execute(f"pragma user_version={SCHEMA_VERSION}")
        self._new_epoch(now_ms)

    def _new_epoch(self, now_ms: int) -> None:
        """Each start of a broker is an epoch of its own, so that controllers can tell an old one."""
        found = self._db.execute("select record from meta").fetchone()
        if found is None:
            self.commit([Put(MetaRow(instance=secrets.token_hex(8), first_job=now_ms))])
            return
        meta = msgspec.msgpack.decode(found[0], type=MetaRow)
        self.commit([Put(msgspec.structs.replace(meta, epoch=meta.epoch + 1))])

    def load(self) -> Rows:
        """All rows; of the bodies, only the configs of open qms are read."""
        db = self._db
        (packed,) = db.execute("select record from meta").fetchone()
        decoder = TABLES[MetaRow].decoder
        assert decoder is not None
        rows = Rows(decoder.decode(packed))
        for record, table in TABLES.items():
            if record in (MetaRow, BodyRow):
                continue
            assert table.decoder is not None
            into = rows.tables[TABLE_OF[record]]
            for (packed,) in db.execute(f"select record from {table.name}"):
                row = table.decoder.decode(packed)
                into[key_of(row)] = row
        wanted = "select digest, body from body where digest in (select config_digest from qm)"
        for digest, body in db.execute(wanted):
            rows.tables["body"][digest] = BodyRow(digest=digest, body=body)
        rows.other_bodies = {digest for (digest,) in db.execute("select digest from body")}
        rows.revision = db.execute("select coalesce(max(revision), 0) from log").fetchone()[0]
        return rows

    def commit(self, changes: list[Change]) -> None:
        """Make a round's changes durable: all of them, or none and StoreUnavailable."""
        if not changes:
            return
        puts, drops, log = _sorted(changes)
        db = self._db
        try:
            db.execute("begin immediate")
            for record, rows in puts.items():
                table = TABLES[record]
                db.executemany(table.put, [table.columns(row) for row in rows.values()])
            for name, keys in drops.items():
                table = BY_NAME[name]
                db.executemany(table.drop, [table.key(_column_key(name, key)) for key in keys])
            if log:
                db.executemany(PUT_LOG, log)
            db.execute("commit")
        except sqlite3.Error as error:
            self._roll_back()
            raise StoreUnavailable(
                f"the store could not be written: {error}",
                hint="nothing of this was done; see that the disk has room, and try again",
            ) from error
        self.commits += 1
        for row in puts.get(BodyRow, {}).values():
            self._cache(row.digest, row.body)

    def _roll_back(self) -> None:
        try:
            if self._db.in_transaction:
                self._db.execute("rollback")
        except sqlite3.Error:
            self._db.close()
            self._db = sqlite3.connect(self.path, isolation_level=None, timeout=5)
            self._db.execute("pragma synchronous=full")

    def body(self, digest: str) -> bytes:
        """A program or config by its digest."""
        cached = self._cached.get(digest)
        if cached is not None:
            self._cached.move_to_end(digest)
            return cached
        try:
            found = self._db.execute("select body from body where digest=?", (digest,)).fetchone()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the store could not be read: {error}") from error
        if found is None:
            raise OurBug(f"the body {digest} is not in the store")
        self._cache(digest, found[0])
        return bytes(found[0])

    def _cache(self, digest: str, body: bytes) -> None:
        self._cached_bytes += len(body) - len(self._cached.pop(digest, b""))
        self._cached[digest] = body
        while self._cached_bytes > BODIES_CACHED_BYTES and len(self._cached) > 1:
            _, dropped = self._cached.popitem(last=False)
            self._cached_bytes -= len(dropped)

    def trim_log(self, now_ms: int) -> None:
        """Forget lines of the log that are older than 90 days, or beyond its length; the newest stays."""
        try:
            newest = self._db.execute("select coalesce(max(revision), 0) from log").fetchone()[0]
            self._db.execute(
                "delete from log where revision < ? and (at_ms < ? or revision <= ?)",
                (newest, now_ms - LOG_KEPT_MS, newest - LOG_LINES_KEPT),
            )
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the log could not be trimmed: {error}") from error

    def log(self, limit: int = 1000) -> list[Logged]:
        """The latest lines of the log, oldest first."""
        query = "select revision, at_ms, user, verb, target from log order by revision desc limit ?"
        lines = self._db.execute(query, (limit,)).fetchall()
        return [
            Logged(revision=revision, at_ms=at_ms, user=user, verb=verb, target=target)
            for revision, at_ms, user, verb, target in reversed(lines)
        ]

    def close(self) -> None:
        """Checkpoint, close, and let the next broker in."""
        try:
            self._db.execute("pragma wal_checkpoint(truncate)")
        except sqlite3.Error:
            pass  # the WAL is complete without it
        finally:
            self._db.close()
            self._lock.release()


def _column_key(table: str, key: Any) -> Any:
    return int(key) if table == "job" else key


def _sorted(changes: list[Change]) -> tuple[dict[type, dict[Any, Any]], dict[str, list[Any]], list[tuple[Any, ...]]]:
    """Puts by record type (the last of each row), drops by table, lines of the log.

    A row that is put after it was dropped is kept, one that is dropped after it was put is dropped.
    """
    puts: dict[type, dict[Any, Any]] = {}
    drops: dict[str, dict[Any, None]] = {}
    log: list[tuple[Any, ...]] = []
    for change in changes:
        if isinstance(change, Put):
            key = key_of(change.row)
            puts.setdefault(type(change.row), {})[key] = change.row
            if drops:
                drops.get(TABLE_OF[type(change.row)], {}).pop(key, None)
        elif isinstance(change, Drop):
            drops.setdefault(change.table, {})[change.key] = None
            for record, rows in puts.items():
                if TABLE_OF[record] == change.table:
                    rows.pop(change.key, None)
        else:
            log.append((change.revision, change.at_ms, change.user, change.verb, change.target))
    return puts, {name: list(keys) for name, keys in drops.items() if keys}, log
