"""The tables. What is looked for or sorted by stands in plain columns; the rest of a row is MessagePack of its record.

Each row table has the same shape of statement, so one list says how a record becomes columns and where it goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec

from ..core.rows import AnswerRow, BodyRow, ControllerRow, ImageRow, JobRow, MetaRow, ProgramRow, QmRow

SCHEMA_VERSION: Final = 1

CREATE: Final = """
create table if not exists meta(name text primary key, record blob not null) without rowid;
create table if not exists job(
    job_id integer primary key, qm_id text not null, user text not null, request_id text not null,
    state text not null, place integer not null, record blob not null, unique(user, request_id));
create table if not exists qm(qm_id text primary key, user text not null, config_digest text not null,
    record blob not null) without rowid;
create table if not exists program(program_id text primary key, qm_id text not null,
    record blob not null) without rowid;
create table if not exists image(image_id text primary key, record blob not null) without rowid;
create table if not exists controller(name text primary key, record blob not null) without rowid;
create table if not exists answer(user text not null, request_id text not null, answered_at_ms integer not null,
    record blob not null, primary key(user, request_id)) without rowid;
create table if not exists body(digest text primary key, body blob not null);
create table if not exists log(revision integer primary key, at_ms integer not null, user text not null,
    verb text not null, target text not null);
"""

_pack = msgspec.msgpack.Encoder().encode


class Table(msgspec.Struct, frozen=True):
    """How records of one kind are written, dropped and read."""

    name: str
    put: str
    drop: str
    columns: Callable[[Any], tuple[Any, ...]]
    key: Callable[[Any], tuple[Any, ...]]
    decoder: msgspec.msgpack.Decoder[Any] | None = None


def _table(
    name: str, columns: str, keys: str, to_columns: Callable[[Any], tuple[Any, ...]], record: type | None
) -> Table:
    names = columns.split()
    marks = ",".join("?" * len(names))
    key_names = keys.split()
    updates = ",".join(f"{column}=excluded.{column}" for column in names if column not in key_names)
    conflict = f" on conflict({','.join(key_names)}) do update set {updates}"
    return Table(
        name=name,
        put=f"insert into {name}({','.join(names)}) values({marks}){conflict}",
        drop=f"delete from {name} where {' and '.join(f'{key}=?' for key in key_names)}",
        columns=to_columns,
        key=lambda key: key if isinstance(key, tuple) else (key,),
        decoder=msgspec.msgpack.Decoder(record) if record else None,
    )


def _job_columns(row: JobRow) -> tuple[Any, ...]:
    return (int(row.job_id), row.qm_id, row.user, row.request_id, row.state, row.place, _pack(row))


TABLES: Final[dict[type, Table]] = {
    JobRow: _table("job", "job_id qm_id user request_id state place record", "job_id", _job_columns, JobRow),
    QmRow: _table(
        "qm",
        "qm_id user config_digest record",
        "qm_id",
        lambda row: (row.qm_id, row.user, row.config_digest, _pack(row)),
        QmRow,
    ),
    ProgramRow: _table(
        "program",
        "program_id qm_id record",
        "program_id",
        lambda row: (row.program_id, row.qm_id, _pack(row)),
        ProgramRow,
    ),
    ImageRow: _table("image", "image_id record", "image_id", lambda row: (row.image_id, _pack(row)), ImageRow),
    ControllerRow: _table("controller", "name record", "name", lambda row: (row.name, _pack(row)), ControllerRow),
    AnswerRow: _table(
        "answer",
        "user request_id answered_at_ms record",
        "user request_id",
        lambda row: (row.user, row.request_id, row.answered_at_ms, _pack(row)),
        AnswerRow,
    ),
    MetaRow: _table("meta", "name record", "name", lambda row: ("meta", _pack(row)), MetaRow),
    BodyRow: _table("body", "digest body", "digest", lambda row: (row.digest, row.body), None),
}

BY_NAME: Final[dict[str, Table]] = {table.name: table for table in TABLES.values()}
PUT_LOG: Final = "insert into log(revision, at_ms, user, verb, target) values(?,?,?,?,?)"
