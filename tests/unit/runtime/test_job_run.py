"""One attempt of a job with a machine that counts: states, halts, errors, pace."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2]))
import controller_stand_in as stand_in

from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program.endless import is_endless
from quaymaster._core.wire import Fault, JobOptions, parcels
from quaymaster._core.wire.commands import Deliver, Load
from quaymaster._core.wire.records import InputEntry
from quaymaster._core.wire.reports import Delivered, NotDelivered, Progress, Standing, Status
from quaymaster.controller.records import read_entries
from quaymaster.controller.results import ResultLimits, ResultShelf
from quaymaster.controller.results.chunk_files import read_index
from quaymaster.controller.runtime.engine import arrivals_of
from quaymaster.controller.runtime.job_run import JobRun, News, seed_of
from quaymaster.controller.runtime.library import Loaded, stream_schemas
from quaymaster.controller.runtime.pace import Pace


class Bench:
    """A run of a stand-in program, and what it says."""

    def __init__(
        self,
        path: Path,
        *,
        start: bool = True,
        source: Any = None,
        save: bool = True,
        reads_io: bool = False,
        **knobs: Any,
    ) -> None:
        program = stand_in.program(save=save, **knobs)
        self.engine = stand_in.StandInEngine()
        numbers = {item.name: item.initial[0] for item in program.declarations}
        loaded = Loaded(
            program=program,
            image=stand_in.StandInImage(numbers),
            plant=None,
            schemas=stream_schemas(program, {}),
            trace_lengths={},
            complex_traces=frozenset(),
            fine_traces=frozenset(),
            elements=(),
            threads=(),
            endless=is_endless(program.body),
            quick=False,
            inputs={"x": "int"},
            reads_io=reads_io,
            differences=lambda numerics: self.engine.differences(program, None, "ideal", numerics),
        )
        self.shelf = ResultShelf(path / "results", ResultLimits(flush_bytes=800))
        self.said: list[News] = []
        self.told: list[Any] = []  # out of the spool
        self.order: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        command = Load(
            job_id="12", attempt=1, qm_id="qm", program_digest="", config_digest="", start=start, options=JobOptions()
        )
        self.run = JobRun(
            command,
            source or (lambda: loaded),
            self.engine,
            self.shelf,
            self._post,
            self.gate,
            lambda seed: b"record of seed %d" % seed,
            self._say,
        )

    def _post(self, news: News) -> None:
        self.said.append(news)
        self.order.append(str(news.matter.__struct_config__.tag))

    def _say(self, matter: Any) -> None:
        self.told.append(matter)
        self.order.append(str(matter.__struct_config__.tag))

    def go(self) -> threading.Thread:
        """Run to the end on an OS thread."""
        thread = threading.Thread(target=lambda: self.run.first_slice() and self.run.run_on())
        thread.start()
        return thread

    @property
    def states(self) -> list[str]:
        """States in the order they were told."""
        return [news.state for news in self.said if isinstance(news.matter, Status)]

    @property
    def final(self) -> Status:
        """The last word."""
        matter = self.said[-1].matter
        assert isinstance(matter, Status)
        return matter

    def saved(self) -> list[int]:
        """All items."""
        return np.frombuffer(b"".join(self.shelf.fetch("12", "n", 0, -1, 0).bodies), "<i8").tolist()


def wait_for(what: Any, within_s: float = 5.0) -> None:
    """Until it is true."""
    until = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.002)


def test_a_short_job_says_one_thing(tmp_path: Path) -> None:
    """Its final state alone, with streams and totals; its values are kept."""
    bench = Bench(tmp_path, values=5)
    assert bench.run.first_slice() is False
    assert bench.states == ["completed"]
    assert bench.final.streams[0].count == 5 and bench.final.streams[0].closed
    assert bench.saved() == [0, 1, 2, 3, 4]


def test_a_job_without_results_touches_no_disk(tmp_path: Path) -> None:
    """The no-op path: no folder, no streams."""
    bench = Bench(tmp_path, save=False, values=3)
    bench.run.first_slice()
    assert bench.states == ["completed"] and bench.final.streams == []
    assert list((tmp_path / "results").iterdir()) == []


def test_a_long_job_says_where_it_is(tmp_path: Path) -> None:
    """running, progress at most ten a second, processing, completed; nothing is lost on the way."""
    bench = Bench(tmp_path, values=600, sleep_ms=1, steps=10)
    began = time.monotonic()
    bench.go().join()
    took_s = time.monotonic() - began
    assert bench.states == ["running", "processing", "completed"]
    progress = [news for news in bench.said if isinstance(news.matter, Progress)]
    assert 2 <= len(progress) <= took_s * 10 + 1
    assert bench.saved() == list(range(600))


def test_a_halt_keeps_what_was_saved_and_is_quick(tmp_path: Path) -> None:
    """canceled within 50 ms, with the values until then."""
    bench = Bench(tmp_path, values=1_000_000, sleep_ms=1, steps=10)
    thread = bench.go()
    wait_for(lambda: "running" in bench.states)
    time.sleep(0.05)
    began = time.monotonic()
    bench.run.halt()
    thread.join()
    assert time.monotonic() - began < 0.25  # 50 ms promised; the rest is for a busy test machine
    assert bench.states[-1] == "canceled"
    values = bench.saved()
    assert values and values == list(range(len(values)))


def test_a_halt_with_a_reason_is_an_error(tmp_path: Path) -> None:
    """E.g. the broker was away for too long."""
    bench = Bench(tmp_path, values=1_000_000, sleep_ms=1, steps=10)
    thread = bench.go()
    wait_for(lambda: "running" in bench.states)
    bench.run.halt(Fault(family="taken", code="broker_lost", message="away"))
    thread.join()
    assert bench.final.state == "error" and bench.final.error is not None and bench.final.error.code == "broker_lost"


def test_a_halt_before_the_start_ends_the_job_at_once(tmp_path: Path) -> None:
    """While it compiles, it is canceled without waiting; the compiler's late answer changes nothing."""
    release = threading.Event()

    def slow() -> Any:
        release.wait(5)
        raise AskedWrongly("too late", code="compile_error")

    bench = Bench(tmp_path, source=slow)
    thread = bench.go()
    bench.run.halt()
    assert bench.states == ["canceled"]
    release.set()
    thread.join()
    assert bench.states == ["canceled"]


def test_a_job_loaded_without_start_waits_for_it(tmp_path: Path) -> None:
    """`start` says that an OS thread is needed; before that nothing runs."""
    bench = Bench(tmp_path, start=False, values=2)
    assert bench.run.first_slice() is False
    assert bench.said == [] and bench.engine.machines == []
    assert bench.run.start() is True
    assert bench.run.start() is False
    bench.run.first_slice()
    assert bench.states == ["completed"]


def test_a_parked_job_can_be_halted(tmp_path: Path) -> None:
    """It ends without an OS thread, and a late start finds it ended."""
    bench = Bench(tmp_path, start=False, values=2)
    bench.run.first_slice()
    bench.run.halt()
    assert bench.states == ["canceled"]
    assert bench.run.start() is False


def test_an_error_of_the_machine_names_file_and_line_and_keeps_values(tmp_path: Path) -> None:
    """A named limit of the engine, with the source position that it blames."""
    bench = Bench(tmp_path, values=50, fail_at=20)
    bench.go().join()
    assert bench.final.state == "error" and bench.final.error is not None
    assert bench.final.error.code == "too_many_overlaps" and bench.final.error.message.startswith("script.py:7: ")
    assert bench.saved() == list(range(20))


def test_a_program_that_does_not_compile_is_an_error_of_the_job(tmp_path: Path) -> None:
    """With the compiler's own words."""

    def wrong() -> Any:
        raise AskedWrongly("script.py:7: no element q", code="compile_error")

    bench = Bench(tmp_path, source=wrong)
    bench.run.first_slice()
    assert bench.final.error is not None and bench.final.error.message == "script.py:7: no element q"


def test_a_bug_is_reported_as_one(tmp_path: Path) -> None:
    """An exception that is not ours ends the job, not the process."""
    bench = Bench(tmp_path, source=lambda: 1 / 0)
    bench.run.first_slice()
    assert bench.final.error is not None and bench.final.error.family == "bug"


@pytest.mark.parametrize("fail_at", [None, 20])
def test_a_bug_in_the_last_words_still_ends_the_job(
    fail_at: int | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waits hears of an error: that of the job where it had one, else that of its end."""

    def broken(_: Any) -> Any:
        raise ZeroDivisionError("of the states")

    monkeypatch.setattr("quaymaster.controller.results.job_results.JobResults.states", broken)
    bench = Bench(tmp_path, values=50, **({} if fail_at is None else {"fail_at": fail_at}))
    bench.go().join()
    assert bench.final.state == "error" and bench.final.error is not None
    assert bench.final.error.family == ("bug" if fail_at is None else "asked_wrongly")
    assert bench.said[-1].state == "error"


def test_a_disk_that_is_full_is_an_error_of_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has not completed: its results are not there."""

    def full(_: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("quaymaster.controller.results.chunk_files.os.fsync", full)
    bench = Bench(tmp_path, values=5)
    bench.run.first_slice()
    assert bench.final.state == "error" and bench.final.error is not None
    assert bench.final.error.code == "results_unwritable"


def test_the_execution_report_names_events_with_place_and_count(tmp_path: Path) -> None:
    """One line an event and place; totals by code."""
    bench = Bench(tmp_path, values=1, event=1)
    bench.run.first_slice()
    differences, line = bench.final.lines
    assert (differences.severity, differences.message) == ("difference", "simulated_time linear_numerics")
    assert "script.py:7" in line.message and "3 times" in line.message and line.severity == "warn"
    assert bench.final.counts == {"division_by_zero": 3}


def test_nothing_starts_while_the_broker_is_away(tmp_path: Path) -> None:
    """The gate holds a loaded job back; it can be halted there, or go on."""
    bench = Bench(tmp_path, values=1)
    bench.gate.clear()
    thread = bench.go()
    time.sleep(0.1)
    assert bench.said == [] and bench.engine.machines == []
    bench.gate.set()
    thread.join()
    assert bench.states == ["completed"]


def test_an_endless_program_keeps_to_real_time(tmp_path: Path) -> None:
    """1 ms of simulated time a value, 0.5 s of real time: about 500 values, never many more."""
    bench = Bench(tmp_path, values=1_000_000_000, endless=True, step_ns=1_000_000)
    began = time.monotonic()
    thread = bench.go()
    time.sleep(0.5)
    bench.run.halt()
    thread.join()
    passed_ms = (time.monotonic() - began) * 1000
    # The first slices are cut by instructions, not yet by simulated time.
    assert len(bench.engine.machines) == 1
    assert bench.engine.machines[0].clock_ns / 1e6 <= max(passed_ms + 100, 600)


def test_pace_rests_until_real_time_has_caught_up() -> None:
    """Ahead: the difference. Behind: as long as the slice took, so half a core at most."""
    pace = Pace(100.0)
    pace.begin_slice(100.0)
    assert pace.rest_s(100.01, 30_000_000) == pytest.approx(0.02)
    pace.begin_slice(100.03)
    assert pace.rest_s(100.23, 40_000_000) == pytest.approx(0.2)
    assert "0.0" in pace.complaint(110.0) and pace.complaint(100.5) == ""


def test_time_that_a_program_stood_still_need_not_be_caught_up() -> None:
    """After a pause of 10 s it is as far ahead as it was before."""
    pace = Pace(100.0)
    pace.begin_slice(100.0)
    assert pace.rest_s(100.01, 30_000_000) == pytest.approx(0.02)
    pace.stood(10.0)
    pace.begin_slice(110.03)
    assert pace.rest_s(110.04, 50_000_000) == pytest.approx(0.01)


def test_endless_programs_are_told_from_their_loops() -> None:
    """No condition, or a literally true one, at a place that is surely reached."""
    from quaymaster._core.program import tree

    true, false = (tree.Value(type="bool", raw=raw) for raw in (1, 0))
    forever = tree.For(at=0, body=())
    assert is_endless([forever])
    assert is_endless([tree.For(at=0, body=(), condition=true)])
    assert is_endless([tree.For(at=0, body=(forever,), condition=false)])
    assert is_endless([tree.StrictTiming(at=0, body=(forever,))])
    assert not is_endless([tree.For(at=0, body=(), condition=false)])
    assert not is_endless([tree.If(at=0, branches=(tree.Branch(at=0, condition=true, body=(forever,)),))])


def test_the_default_seed_is_the_jobs_number() -> None:
    """Any other id gives a number too."""
    assert seed_of("42") == 42 and seed_of("abc") == int.from_bytes(b"abc", "big")


def test_what_a_machine_drains_becomes_arrivals() -> None:
    """Three entries are saved values, five are raw traces."""
    samples, inputs, starts = np.zeros((2, 4), np.int16), np.array([2, 1]), np.array([100, 104])
    values, traces = arrivals_of([(0, np.array([1]), None), (1, samples, inputs, starts, 2)])
    assert (values.stream, values.inputs, values.timestamps) == (0, None, None)
    assert (traces.stream, traces.inputs, traces.timestamps, traces.per_ns) == (1, inputs, starts, 2)


def test_a_stream_that_lost_items_is_named_in_the_report(tmp_path: Path) -> None:
    """The job completes; streams, status and report say what is missing."""
    bench = Bench(tmp_path, values=50)
    bench.shelf.limits = ResultLimits(job_bytes_max=80)
    bench.go().join()
    assert bench.final.state == "completed" and bench.final.dataloss and bench.final.streams[0].dataloss
    assert any("'n' is not complete" in line.message for line in bench.final.lines)


# -- what comes from outside -------------------------------------------------------------------------------------------


def bring(parcel: Any, delivery_id: str = "d") -> Deliver:
    """A command for the job."""
    return Deliver(delivery_id=delivery_id, job_id="12", attempt=1, parcel=parcel)


def log_of(path: Path) -> list[Any]:
    """The entries in the job's folder: (kind, name, values before it, raws)."""
    return [tuple(entry) for entry in read_entries(path / "results" / "12", list)]


def test_a_paused_job_tells_all_and_sleeps_until_it_is_resumed(tmp_path: Path) -> None:
    """Its values are there before it says so; it takes no time meanwhile; OK comes when the record has the resume."""
    bench = Bench(tmp_path, values=12, pause_every=5)
    thread = bench.go()
    wait_for(lambda: bench.told)
    assert bench.told[0] == Standing(job_id="12", attempt=1, paused=True, waiting_for=["resume"])
    assert bench.run.standing == bench.told[0]
    assert bench.order[-2:] == ["progress", "standing"] and bench.saved() == [0, 1, 2, 3, 4]
    used = time.thread_time_ns(), time.process_time()
    time.sleep(0.3)
    assert time.process_time() - used[1] < 0.1
    bench.run.deliver(bring(parcels.Resume()))
    wait_for(lambda: len(bench.told) == 3)
    assert bench.told[1] == Delivered(delivery_id="d", job_id="12", attempt=1, paused=False)
    assert log_of(tmp_path) == [("resume", "", 5, [])]
    bench.run.deliver(bring(parcels.Resume(), "e"))
    thread.join()
    assert bench.states == ["running", "processing", "completed"] and bench.saved() == list(range(12))
    assert log_of(tmp_path) == [("resume", "", 5, []), ("resume", "", 10, [])]


def test_what_was_saved_before_a_long_pause_reaches_the_disk(tmp_path: Path) -> None:
    """Nothing more arrives and nobody resumes: after flush_after_s it is safe all the same."""
    bench = Bench(tmp_path, values=12, pause_every=5)
    bench.shelf.limits = ResultLimits(flush_after_s=0.2)
    thread = bench.go()
    wait_for(lambda: bench.told)
    wait_for(lambda: list((tmp_path / "results" / "12").glob("*.chunk")))
    assert ResultShelf(tmp_path / "results").fetch("12", "n", 0, -1, 0).stream.count == 5
    bench.run.halt()
    thread.join()


def test_a_repeat_is_answered_and_not_delivered_again(tmp_path: Path) -> None:
    """The same id twice is one resume; another one finds the job not paused, or at its next pause."""
    bench = Bench(tmp_path, values=12, pause_every=5)
    thread = bench.go()
    wait_for(lambda: bench.told)
    for _ in range(3):
        bench.run.deliver(bring(parcels.Resume()))
    wait_for(lambda: isinstance(bench.told[-1], Standing) and len(bench.told) > 2)
    answers = len(bench.told)
    bench.run.deliver(bring(parcels.Resume()))
    wait_for(lambda: len(bench.told) == answers + 2)
    assert isinstance(bench.told[-2], Delivered) and bench.told[-2].paused
    assert isinstance(bench.told[-1], Standing) and bench.told[-1].paused
    assert not any(isinstance(said, NotDelivered) for said in bench.told)
    assert log_of(tmp_path) == [("resume", "", 5, [])]
    bench.run.halt()
    thread.join()
    assert bench.states[-1] == "canceled" and bench.saved() == list(range(10))


def test_a_job_waits_for_its_input_and_refuses_what_does_not_fit(tmp_path: Path) -> None:
    """A wrong type and an unknown name change nothing; the right entry is in the record, and the job goes on."""
    bench = Bench(tmp_path, values=7, input_every=3)
    thread = bench.go()
    wait_for(lambda: bench.told)
    assert bench.told[0] == Standing(job_id="12", attempt=1, waiting_for=["input stream 'x'"])
    bench.run.deliver(bring(parcels.Push(entry=InputEntry(stream="x", type="fixed", raws=[1])), "a"))
    bench.run.deliver(bring(parcels.Push(entry=InputEntry(stream="y", type="int", raws=[1])), "b"))
    bench.run.deliver(bring(parcels.Resume(), "c"))
    wait_for(lambda: len(bench.told) == 4)
    assert [said.error.code for said in bench.told[1:]] == ["input_type", "no_such_input_stream", "not_paused"]
    assert log_of(tmp_path) == []
    for number in (41, 42):
        bench.run.deliver(bring(parcels.Push(entry=InputEntry(stream="x", type="int", raws=[number])), f"p{number}"))
    thread.join()
    assert bench.states[-1] == "completed"
    assert [entry[3] for entry in log_of(tmp_path)] == [[41], [42]]
    assert bench.final.io == [0, 42]


def test_registers_are_set_and_read_while_it_runs(tmp_path: Path) -> None:
    """The answer has both, and so has the last report, since an answer may be lost."""
    bench = Bench(tmp_path, values=3, pause_every=2)
    thread = bench.go()
    wait_for(lambda: bench.told)
    bench.run.deliver(bring(parcels.SetRegisters(io2=-5), "a"))
    bench.run.deliver(bring(parcels.ReadRegisters(), "b"))
    wait_for(lambda: len([said for said in bench.told if isinstance(said, Delivered)]) == 2)
    answers = [said for said in bench.told if isinstance(said, Delivered)]
    assert [answer.io for answer in answers] == [[0, -5], [0, -5]] and all(answer.paused for answer in answers)
    bench.run.deliver(bring(parcels.Resume(), "c"))
    thread.join()
    assert bench.final.io == [0, -5]
    assert [entry[:2] for entry in log_of(tmp_path)] == [("io", "2"), ("resume", "")]


def test_a_halt_ends_a_job_that_stands_still(tmp_path: Path) -> None:
    """At once, with all that it saved; what still waits for it is refused, and so is what comes later."""
    bench = Bench(tmp_path, values=12, pause_every=5)
    thread = bench.go()
    wait_for(lambda: bench.told)
    began = time.monotonic()
    bench.run.halt()
    thread.join()
    assert time.monotonic() - began < 0.5
    assert bench.states[-1] == "canceled" and bench.saved() == [0, 1, 2, 3, 4]
    bench.run.deliver(bring(parcels.Resume()))
    assert isinstance(bench.told[-1], NotDelivered) and bench.told[-1].error.code == "job_not_running"


def test_what_cannot_be_recorded_ends_the_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OK never leaves without the record."""
    bench = Bench(tmp_path, values=12, pause_every=5)
    thread = bench.go()
    wait_for(lambda: bench.told)

    def full(folder: Path, entries: Any) -> int:
        raise OSError("no space left on device")

    monkeypatch.setattr("quaymaster.controller.runtime.job_run.append_entries", full)
    bench.run.deliver(bring(parcels.Resume()))
    thread.join()
    assert not any(isinstance(said, Delivered) for said in bench.told)
    refused = [said for said in bench.told if isinstance(said, NotDelivered)]
    assert [said.error.code for said in refused] == ["record_unwritable"]
    assert bench.final.state == "error"


def test_a_job_without_results_has_a_record_once_something_comes(tmp_path: Path) -> None:
    """A folder for what came from outside, with the record of the job; without that it makes none."""
    bench = Bench(tmp_path, save=False, values=3, pause_every=2)
    thread = bench.go()
    wait_for(lambda: bench.told)
    assert list((tmp_path / "results").iterdir()) == []
    bench.run.deliver(bring(parcels.Resume()))
    thread.join()
    assert bench.states[-1] == "completed" and log_of(tmp_path) == [("resume", "", 2, [])]
    index = read_index(tmp_path / "results" / "12", 1 << 20)
    assert (index.job, index.state, index.schemas) == (b"record of seed 12", "completed", [])


def test_too_much_at_once_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits for one job is bounded."""
    monkeypatch.setattr("quaymaster.controller.runtime.deliveries.DELIVERIES_WAITING_MAX", 2)
    bench = Bench(tmp_path, values=3)
    for number in range(3):
        bench.run.deliver(bring(parcels.Resume(), str(number)))
    assert [said.error.code for said in bench.told] == ["too_many_deliveries"]
    bench.run.first_slice()
    assert len(bench.told) == 3 and bench.states == ["completed"]


def test_a_job_that_looks_for_a_register_takes_half_a_core(tmp_path: Path) -> None:
    """A slice that saves nothing is followed by a rest as long as it was."""
    bench = Bench(tmp_path, values=2_000_000_000, reads_io=True, silent=1)
    thread = bench.go()
    wait_for(lambda: "running" in bench.states)
    began, used = time.monotonic(), time.process_time()
    time.sleep(1.0)
    share = (time.process_time() - used) / (time.monotonic() - began)
    bench.run.halt()
    thread.join()
    assert share < 0.8  # 0.5 promised; the rest is for what else this process does
