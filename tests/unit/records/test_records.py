"""The record of a job on disk: what it survives, what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster._core.engine.image import ENGINE_VERSION
from quaymaster._core.engine.outside import Outside
from quaymaster._core.errors import AskedWrongly
from quaymaster.controller.records import (
    LOG_NAME,
    JobRecord,
    append_entries,
    decode_record,
    encode_record,
    read_entries,
)
from quaymaster.controller.records.job_record import PlantRecord
from quaymaster.controller.records.replay import replay
from quaymaster.controller.results.chunk_files import FolderIndex, schema_record, write_chunk

ENTRIES = st.builds(
    Outside,
    kind=st.sampled_from(["io", "input", "resume", "trigger"]),
    name=st.text(max_size=8),
    place=st.integers(0, 2**62),
    instant_ns=st.integers(0, 2**62),
    raws=st.lists(st.integers(-(2**31), 2**31 - 1), max_size=4).map(tuple),
)


def record(**changes: Any) -> JobRecord:
    """Any record."""
    made = JobRecord(
        job_id="7",
        attempt=1,
        qm_id="qm-1",
        controller="con1",
        key="p:c",
        overrides=b"",
        numerics="linear",
        seed=2**62,
        io1=-1,
        io2=5,
        plant=PlantRecord(plant="loopback", loopback=("1>1:24",), noise=1e-6, trigger_period_ns=400, photons="1e6"),
        engine_version=ENGINE_VERSION,
        version="0",
    )
    return msgspec.structs.replace(made, **changes)


@given(entries=st.lists(ENTRIES, max_size=5), cut=st.integers(0, 200), at=st.integers(0, 5))
def test_a_log_is_read_back_up_to_the_line_that_a_crash_cut(
    tmp_path_factory: pytest.TempPathFactory, entries: list[Outside], cut: int, at: int
) -> None:
    """Appended in parts; of a log that ends anywhere, every whole line is there and nothing else."""
    folder = tmp_path_factory.mktemp("log")
    assert read_entries(folder, Outside) == []
    sizes = [append_entries(folder, [entry]) for entry in entries[:at]]
    sizes += [append_entries(folder, entries[at:])] if entries[at:] else []
    assert read_entries(folder, Outside) == entries
    if entries:
        path = folder / LOG_NAME
        data = path.read_bytes()
        assert sum(sizes) == len(data)
        path.write_bytes(data[: len(data) - min(cut, len(data))])
        left = read_entries(folder, Outside)
        assert left == entries[: len(left)]
        assert (len(left) == len(entries)) == (cut == 0)


def test_a_log_that_was_changed_is_damaged(tmp_path: Path) -> None:
    """Any bit of a line that is whole."""
    append_entries(tmp_path, [Outside("io", "1", 3, 40, (7,)), Outside("resume")])
    path = tmp_path / LOG_NAME
    data = path.read_bytes()
    for at in range(4, 12):
        path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with pytest.raises((ValueError, msgspec.MsgspecError)):
            read_entries(tmp_path, Outside)


def test_a_record_is_read_back() -> None:
    """Every field."""
    assert decode_record(encode_record(record())) == record()


def test_a_record_of_another_world_is_refused_by_name() -> None:
    """Bytes that are none, and a plant with options that are not known here."""
    with pytest.raises(AskedWrongly) as caught:
        decode_record(b"\xc1")
    assert caught.value.code == "record_damaged"
    raw = msgspec.msgpack.decode(encode_record(record()))
    raw["plant"]["qubits"] = 2
    with pytest.raises(AskedWrongly) as caught:
        decode_record(msgspec.msgpack.encode(raw))
    assert caught.value.code == "plant_differs"
    del raw["seed"], raw["plant"]["qubits"]
    with pytest.raises(AskedWrongly) as caught:
        decode_record(msgspec.msgpack.encode(raw))
    assert caught.value.code == "record_damaged"


def folder_with(directory: Path, *, job: bytes, state: str = "completed", end: bool = True) -> None:
    """The folder of job 7, which saved nothing."""
    folder = directory / "results" / "7"
    folder.mkdir(parents=True)
    records: list[list[Any]] = [schema_record(1, [])]
    records += [["job", job]] if job else []
    records += [["end", state, []]] if end else []
    write_chunk(folder, 0, records, FolderIndex())


@pytest.mark.parametrize(
    ("job", "options", "code"),
    [
        (record(), {"end": False}, "job_not_completed"),
        (record(), {"state": "canceled"}, "job_not_completed"),
        (record(engine_version=ENGINE_VERSION + 1), {}, "engine_differs"),
        (record(plant=PlantRecord(plant="aquarium")), {}, "plant_differs"),
        (None, {}, "record_gone"),
        (record(), {}, "record_gone"),  # its program is not here any more
    ],
)
def test_what_cannot_be_run_again_says_why(tmp_path: Path, job: JobRecord | None, options: Any, code: str) -> None:
    """Each reason has a code, and words that name the job."""
    folder_with(tmp_path, job=encode_record(job) if job is not None else b"", **options)
    with pytest.raises(AskedWrongly, match="7") as caught:
        replay(tmp_path, "7")
    assert caught.value.code == code


def test_a_job_that_was_never_here(tmp_path: Path) -> None:
    """No folder at all; nothing is made by looking."""
    with pytest.raises(AskedWrongly) as caught:
        replay(tmp_path, "7")
    assert caught.value.code == "record_gone"
    assert list(tmp_path.iterdir()) == []
