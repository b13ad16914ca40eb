"""The spool of reports, the table of port owners, the library, the report lines."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

sys.path.insert(0, str(Path(__file__).parents[2]))
import controller_stand_in as stand_in

from quaymaster._core.config import PortRef, check_config
from quaymaster._core.engine.codes import EVENT_NAMES
from quaymaster._core.engine.watching import OutputOverflow
from quaymaster._core.errors import AskedWrongly, QuaymasterError, Taken
from quaymaster._core.wire import Overrides, pack_plain
from quaymaster._core.wire.reports import Status
from quaymaster.controller.runtime import library as library_module
from quaymaster.controller.runtime.bounded import Bounded
from quaymaster.controller.runtime.library import Library, key_of
from quaymaster.controller.runtime.pair_files import PairFiles
from quaymaster.controller.runtime.port_table import PortTable
from quaymaster.controller.runtime.report_lines import overflow_lines, report_lines
from quaymaster.controller.runtime.spool import Spool


def status(job_id: str = "1") -> Status:
    """Any report."""
    return Status(job_id=job_id, attempt=1, state="running")


def test_reports_are_numbered_and_wait_until_acknowledged() -> None:
    """1, 2, 3; an acknowledgement covers all up to it, repeats and old ones change nothing."""
    spool = Spool()
    assert [spool.add(status()).seq for _ in range(3)] == [1, 2, 3]
    spool.acknowledge(2)
    spool.acknowledge(1)
    assert [report.seq for report in spool.waiting()] == [3] and spool.acknowledged == 2
    spool.acknowledge(99)
    assert len(spool) == 0 and spool.acknowledged == 3
    assert spool.add(status()).seq == 4


def test_a_full_spool_drops_its_oldest() -> None:
    """Bounded, whatever the broker does."""
    spool = Spool(reports_max=2)
    for _ in range(5):
        spool.add(status())
    assert [report.seq for report in spool.waiting()] == [4, 5]


def open_qm(table: PortTable, qm_id: str, **config: Any) -> None:
    """A qm opens with a config of one port."""
    table.open(qm_id, str(sorted(config.items())), check_config(stand_in.config(**config)))


def test_a_port_has_one_owner() -> None:
    """Another qm is refused by name, and changes nothing; after a close it may."""
    table = PortTable("con1", "opx+")
    open_qm(table, "qm-1", port=1)
    open_qm(table, "qm-1", port=1)
    with pytest.raises(Taken, match="held by qm-1"):
        open_qm(table, "qm-2", port=1)
    assert table.qm_ids == ["qm-1"]
    table.close("qm-1")
    table.close("qm-1")
    open_qm(table, "qm-2", port=1)
    assert table.is_open("qm-2")


def test_shareable_ports_are_shared_by_those_who_all_say_so() -> None:
    """One that does not say so is refused."""
    table = PortTable("con1", "opx+")
    open_qm(table, "qm-1", shareable=True)
    open_qm(table, "qm-2", shareable=True)
    with pytest.raises(Taken):
        open_qm(table, "qm-3", shareable=False)


def test_a_qm_changes_its_ports_by_opening_again() -> None:
    """A changed config replaces its claims."""
    table = PortTable("con1", "opx+")
    open_qm(table, "qm-1", port=1)
    open_qm(table, "qm-1", port=2)
    open_qm(table, "qm-2", port=1)


def test_ports_of_other_controllers_are_not_its_business() -> None:
    """Two qms that meet nowhere here are both welcome."""
    table = PortTable("con1", "opx+")
    open_qm(table, "qm-1", name="con2")
    open_qm(table, "qm-2", name="con2")
    assert table.qm_ids == ["qm-1", "qm-2"]


def test_the_wrong_type_of_controller_is_refused() -> None:
    """A config for an OPX does not open on an OPX1000."""
    with pytest.raises(AskedWrongly, match="opx1000"):
        open_qm(PortTable("con1", "opx1000"), "qm-1")


def test_qms_that_a_returning_broker_does_not_open_again_make_way() -> None:
    """The broker's account is the newer one."""
    table = PortTable("con1", "opx+")
    open_qm(table, "qm-1")
    table.doubt()
    open_qm(table, "qm-2")
    assert table.qm_ids == ["qm-2"]
    with pytest.raises(Taken):
        open_qm(table, "qm-3")


@pytest.fixture
def shop(tmp_path: Path) -> tuple[Library, stand_in.StandInEngine]:
    """A library with one config `c` and one program `p`."""
    engine = stand_in.StandInEngine()
    library = Library("con1", engine, PairFiles(tmp_path))
    library.add_config("c", pack_plain(stand_in.config()))
    library.add_program("p", stand_in.body(values=1))
    return library, engine


Shop = tuple[Library, stand_in.StandInEngine]


def test_a_program_is_compiled_once(shop: Shop) -> None:
    """By digest; then it is at hand."""
    library, engine = shop
    key = key_of("p", "c")
    assert library.at_hand(key) is None and not library.lacks(key)
    first = library.load(key)
    assert library.load(key) is first is library.at_hand(key) and engine.compiled == 1
    assert [schema.name for schema in first.schemas] == ["n"] and first.schemas[0].dtype == "<i8"


def test_what_is_lacking_is_known_before_it_is_needed(shop: Shop) -> None:
    """A program or a config that never came."""
    library, _ = shop
    assert library.lacks(key_of("other", "c")) and library.lacks(key_of("p", "other"))


def test_overrides_make_another_image(shop: Shop) -> None:
    """And those that do not fit the config are refused before anything runs."""
    library, _ = shop
    overrides = Overrides(waveforms={"w": 0.25})
    assert key_of("p", "c", overrides) != key_of("p", "c") == key_of("p", "c", Overrides())
    with pytest.raises(QuaymasterError, match="not in waveforms"):
        library.load(key_of("p", "c", overrides))


def test_a_program_that_does_not_compile_says_why_each_time(shop: Shop) -> None:
    """A failure is not remembered as an image."""
    library, engine = shop
    library.add_program("bad", stand_in.body(wrong=1))
    for _ in range(2):
        with pytest.raises(AskedWrongly, match=r"script.py:7"):
            library.load(key_of("bad", "c"))
    assert engine.compiled == 2


def test_bytes_that_are_no_program_or_no_config_are_refused(shop: Shop) -> None:
    """Garbage has a name."""
    library, _ = shop
    library.add_program("garbage", b"\xc1\xff")
    library.add_config("garbage", b"\xc1\xff")
    for key in (key_of("garbage", "c"), key_of("p", "garbage")):
        with pytest.raises(AskedWrongly):
            library.load(key)


def test_a_program_of_several_controllers(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """It runs on the first of them, where the others have the same plant; one of another controller alone does not."""
    library, engine = shop
    homes: Any = (("con1", 1, 1), ("con2", 1, 1))
    monkeypatch.setattr(engine, "compile", lambda *_: stand_in.StandInImage({}, threads_needed=homes[1:]))
    with pytest.raises(AskedWrongly, match="belongs on con2"):
        library.load(key_of("p", "c"))
    monkeypatch.setattr(engine, "compile", lambda *_: stand_in.StandInImage({}, threads_needed=homes))
    with pytest.raises(AskedWrongly, match="con2 has another plant than con1") as error:
        library.load(key_of("p", "c"))
    assert error.value.code == "plants_differ"
    monkeypatch.setattr(engine, "alike", frozenset({"con2"}))
    assert [need.controller for need in library.load(key_of("p", "c")).threads] == ["con1", "con2"]


def test_programs_at_hand_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The least recently used one is compiled again."""
    monkeypatch.setattr(library_module, "LOADED_MAX", 2)
    engine = stand_in.StandInEngine()
    library = Library("con1", engine, PairFiles(tmp_path))
    library.add_config("c", pack_plain(stand_in.config()))
    for name in ("p", "q", "r"):
        library.add_program(name, stand_in.body(values=1))
        library.load(key_of(name, "c"))
    assert library.at_hand(key_of("p", "c")) is None and library.at_hand(key_of("r", "c")) is not None
    library.load(key_of("p", "c"))
    assert engine.compiled == 4


def test_what_was_not_used_for_longest_is_forgotten() -> None:
    """Beyond entries or bytes; the newest stays, however large; a value of the same key takes its place."""
    kept: Bounded[str, int] = Bounded(entries_max=3, bytes_max=100)
    for number, name in enumerate("abc"):
        kept.put(name, number, 10)
    assert kept.get("a") == 0
    kept.put("d", 3, 10)
    assert "b" not in kept and "a" in kept and kept.get("d") == 3
    kept.put("a", 9, 85)
    assert kept.get("a") == 9 and "c" not in kept and "d" in kept
    kept.put("huge", 1, 1_000)
    assert [name for name in ("a", "d", "huge") if name in kept] == ["huge"]


def test_slow_programs_are_kept_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new process finds the program there, without the broker sending it again."""
    monkeypatch.setattr(library_module, "IMAGE_FILE_AFTER_S", 0.0)
    for process in range(2):
        engine = stand_in.StandInEngine()
        library = Library("con1", engine, PairFiles(tmp_path))
        library.add_config("c", pack_plain(stand_in.config()))
        if process == 0:
            library.add_program("p", stand_in.body(values=9))
        assert not library.lacks(key_of("p", "c"))
        assert library.load(key_of("p", "c")).image.knobs == {"values": 9}


def test_pair_files_are_checked_and_bounded(tmp_path: Path) -> None:
    """A damaged file is deleted; the oldest go when there is no room."""
    files = PairFiles(tmp_path, bytes_max=300)
    files.put("a", b"program", b"image")
    assert files.get("a") == (b"program", b"image") and files.get("b") is None
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert files.get("a") is None and list(tmp_path.iterdir()) == []
    for name in "abcdefgh":
        files.put(name, b"p" * 10, b"i" * 60)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 300 and files.has("h")


def test_report_lines_are_bounded_and_counts_are_not() -> None:
    """A thousand lines, or 64 KiB, are enough for a reader; totals stay right."""
    lines, counts = report_lines([("out_of_bounds", -1, 2)] * 3_000, ())
    assert sum(len(line.message) for line in lines) < 65 * 1024 and counts == {"out_of_bounds": 6_000}
    assert lines[0].message.startswith("an index was outside")
    lines, _ = report_lines([("x", -1, 1)] * 3_000, ())
    assert len(lines) == 1_000


def test_each_event_has_a_sentence() -> None:
    """No reader gets a bare code; an offset is told by its port's range, which differs."""
    lines, _ = report_lines([(name, -1, 1) for name in EVENT_NAMES], ())
    for name, line in zip(EVENT_NAMES, lines, strict=True):
        assert len(line.message.removesuffix(f" [{name}]").split()) > 3
    assert "its port's range" in lines[EVENT_NAMES.index("offset_range")].message


def test_an_output_beyond_its_range_is_told_with_all_that_is_known() -> None:
    """Port, how often, since when, who."""
    seen = OutputOverflow(ref=PortRef("con1", 1, 3), count=20, first_ns=80, elements=("q1", "q2"), is_all=True)
    lines, total = overflow_lines([seen, structs.replace(seen, count=7, is_all=False, elements=())])
    assert total == 27
    assert "con1/1/3" in lines[0].message
    assert "in 20 samples, first at 80 ns while q1, q2 sounded" in lines[0].message
    assert "at least 7 samples" in lines[1].message
