"""What reaches the machine from outside: who waits for it, until when, and who does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from engine_lab import Run, config, readout, start
from reference.building import (
    assign,
    binary,
    declare,
    demod,
    if_,
    integer,
    integration,
    measure,
    play,
    program,
    repeat,
    save,
    variable,
    wait,
)

from quaymaster._core.engine import machine as machines
from quaymaster._core.engine.machine import Machine
from quaymaster._core.engine.outside import Outside
from quaymaster._core.errors import AskedWrongly, Taken
from quaymaster._core.program import tree
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program

N, X = variable("n", "int"), variable("x", "int")
PAUSE = tree.Pause(at=-1)
ADVANCE = tree.AdvanceInput(at=-1, variable="x")


def whole(*body: tree.Statement, size: int = 0, type_: tree.VarType = "int") -> tree.Program:
    """A program with an int n, fixed m and the variable x of an input stream of that name."""
    x = msgspec.structs.replace(declare("x", type_, size=size), input="x")
    return program(*body, declarations=(declare("n", "int"), declare("m", "fixed"), x))


def io(number: int, type_: tree.VarType = "int") -> tree.Io:
    """An IO register."""
    return tree.Io(type=type_, number=number)  # type: ignore[arg-type]


def trigger(element: str, operation: str = "") -> tree.WaitForTrigger:
    """wait_for_trigger."""
    return tree.WaitForTrigger(at=-1, element=element, operation=operation)


def go(run: Run, steps: int = 100_000) -> str:
    """Run on until nothing goes on by itself, draining."""
    state = "running"
    while state in ("running", "blocked"):
        state = run.machine.run(steps)
        run.drain()
    return state


def with_period(made: tree.Program, period_ns: int, **options: Any) -> Run:
    """A machine whose plant has a source of triggers."""
    setup = config()
    image = compile_program(made, setup)
    hearing = plants.echo(setup, [info.name for info in image.element_info], 0.0)
    hearing = msgspec.structs.replace(hearing, trigger_period_ns=period_ns)
    return Run(Machine(image, plant=hearing, **options), image)


# ---------------------------------------------------------------- input streams


def test_an_advance_waits_for_its_item() -> None:
    """The elements that read it go on when it was pushed, at no instant that is over; the others went on meanwhile."""
    run = start(whole(play("long", "q1"), ADVANCE, wait(X, "q1"), save(X, "s"), *[play("long", "q2")] * 7))
    assert go(run) == "waits"
    assert run.machine.waiting_for() == ("input stream x",)
    assert (run.clock("q1"), run.clock("q2"), run.saved) == (100, 700, {})
    assert run.machine.push_input("x", [25]) == Outside("input", "x", 0, 700, (25,))
    assert go(run) == "done"
    assert (run.clock("q1"), run.clock("q2")) == (700 + 100, 700)
    assert run.saved == {"s": [25]}


def test_an_early_item_holds_nobody_up() -> None:
    """Items that were pushed before are taken in their order, and no clock waits for them."""
    run = start(whole(repeat("n", 3, ADVANCE, wait(X, "q1"), save(X, "s"))))
    for cycles in (4, 9, 5):
        run.machine.push_input("x", [cycles])
    assert go(run) == "done"
    assert run.clock("q1") == 4 * (4 + 9 + 5)
    assert run.saved == {"s": [4, 9, 5]}


def test_an_item_fills_an_array() -> None:
    """All cells at once; what the program assigned before is gone."""
    cells = [tree.Cell(type="int", array="x", index=integer(k)) for k in range(3)]
    run = start(whole(assign(cells[1], 7), ADVANCE, *(save(cell, "s") for cell in cells), size=3))
    run.machine.push_input("x", [1, -2, 3])
    assert go(run) == "done"
    assert run.saved == {"s": [1, -2, 3]}


def test_who_needs_no_input_does_not_wait() -> None:
    """An element in the same loop that reads nothing of it meets the others at the loop, not at the advance."""
    run = start(whole(ADVANCE, wait(X, "q1"), play("long", "q2"), play("long", "q2")))
    assert go(run) == "waits"
    assert run.clock("q2") == 200


def test_a_saved_item_has_the_time_of_its_arrival() -> None:
    """With timestamps, the time of an item is its instant."""
    made = whole(play("long", "q2"), ADVANCE, save(X, "s"))
    run = start(msgspec.structs.replace(made, nodes=(tree.Source(stream="s", timestamps=True),)))
    go(run)
    run.machine.push_input("x", [1])
    assert go(run) == "done"
    assert run.times == {"s": [100]}


def test_a_walk_that_all_make_together_is_not_split() -> None:
    """Where every strand waits for the same item, one walker goes on."""
    run = start(whole(ADVANCE, wait(X, "q1"), save(X, "s")))
    assert go(run) == "waits"
    assert run.machine.walkers == 1
    run.machine.push_input("x", [4])
    assert go(run) == "done"
    assert run.machine.walkers == 1


def test_a_gap_in_strict_timing_is_reported() -> None:
    """An item that comes late is a gap where none may be."""
    body = (play("long", "q1"), ADVANCE, wait(X, "q1"))
    run = start(whole(play("long", "q2"), play("long", "q2"), tree.StrictTiming(at=-1, body=body)))
    go(run)
    run.machine.push_input("x", [4])
    go(run)
    assert {code for code, _ in run.events} == {"strict_timing_gap"}


def test_an_advance_ends_the_pending_of_a_measure() -> None:
    """A variable that is measured too waits for no window any more once an item stands in it."""
    x = variable("x")
    late = measure("read", "r1", integration("late", x))
    run = start(whole(late, ADVANCE, if_(binary(x, "<", 1.0), play("long", "q1")), save(x, "s"), type_="fixed"))
    run.machine.push_input("x", [2**20])
    assert go(run) == "done"
    assert (run.clock("q1"), run.saved) == (100, {"s": [2**20]})


# ---------------------------------------------------------------- pauses


@pytest.mark.parametrize("forked", [False, True])
def test_before_a_pause_all_is_measured_and_saved(forked: bool) -> None:
    """A job is paused when the last window has ended and its value was saved; then time stands still."""
    m = variable("m")
    body = (play("long", "q1"), measure("read", "r1", integration("late", m)), save(m, "s"), PAUSE, play("long", "q1"))
    run = start(whole(*body), forked=forked)
    assert go(run) == "waits"
    assert run.machine.paused and run.machine.waiting_for() == ("pause",)
    assert len(run.saved["s"]) == 1
    assert (run.clock("q1"), run.clock("r1")) == (24 + 1000, 24 + 1000)
    assert run.machine.resume() == Outside("resume", "", 0, 1024)
    assert not run.machine.paused
    assert go(run) == "done"
    assert (run.clock("q1"), run.clock("r1")) == (1124, 1024)


def test_each_pause_needs_its_resume() -> None:
    """A loop with a pause stops once each time; who is not paused cannot be resumed."""
    run = start(whole(repeat("n", 3, play("long", "q1"), save(N, "s"), PAUSE)))
    with pytest.raises(AskedWrongly, match="not paused") as caught:
        run.machine.resume()
    assert caught.value.code == "not_paused"
    for count in (1, 2, 3):
        assert go(run) == "waits"
        assert len(run.saved["s"]) == count
        run.machine.resume()
    assert go(run) == "done"
    assert run.clock("q1") == 300


def test_a_job_that_waits_elsewhere_is_not_paused() -> None:
    """Paused is who has come to the pause with all strands."""
    run = start(whole(ADVANCE, wait(X, "q1"), PAUSE, play("long", "q2")))
    assert go(run) == "waits"
    assert not run.machine.paused
    run.machine.push_input("x", [4])
    assert go(run) == "waits"
    assert run.machine.paused


def test_a_pause_behind_an_endless_loop_is_never_reached() -> None:
    """An element that loops for ever never comes to a pause, so the others wait there for ever."""
    endless = tree.For(at=-1, body=(play("long", "q1"),))
    run = start(whole(endless, play("long", "q2"), PAUSE, play("long", "q2")))
    assert run.machine.run(100_000) == "running"
    assert run.clock("q2") == 100
    assert not run.machine.paused


def test_pauses_can_be_ignored() -> None:
    """As simulations do: nobody waits, and it is told."""
    run = start(whole(play("long", "q1"), PAUSE, play("long", "q1")), ignore_pauses=True)
    assert go(run) == "done"
    assert run.clock("q1") == 200
    assert {code for code, _ in run.events} == {"pause_ignored"}


# ---------------------------------------------------------------- IO registers


@pytest.mark.parametrize("forked", [False, True])
def test_a_loop_waits_for_a_register(forked: bool) -> None:
    """A polling loop ends soon after the value was set, with or without time in it, on one walk or on many."""
    waits = tree.For(at=-1, condition=binary(io(1), "==", 0), body=(wait(25, "q1"),))
    polls = tree.For(at=-1, condition=binary(io(2), "<", 3), body=())
    run = start(whole(waits, play("long", "q2"), polls, assign(N, io(2)), save(N, "s"), wait(N, "q1")), forked=forked)
    assert run.machine.run(200_000) == "running"
    run.machine.set_io(1, 1)
    assert run.machine.run(200_000) == "running"
    assert run.machine.waiting_for() == ()
    run.machine.set_io(2, 9)
    assert go(run) == "done"
    assert run.saved == {"s": [9]}
    assert run.clock("q1") % 100 == 36
    assert run.clock("q2") == 100


def test_a_register_that_was_set_before_is_there_from_the_start() -> None:
    """Its value stays until the program or somebody else writes another."""
    body = [
        assign(N, io(1)),
        save(N, "s"),
        assign(io(1), 5),
        assign(N, io(1)),
        save(N, "s"),
        assign(N, io(1)),
        save(N, "s"),
    ]
    run = start(whole(*body))
    run.machine.set_io(1, -9)
    assert run.machine.io(1) == -9
    assert go(run) == "done"
    assert run.saved == {"s": [-9, 5, 5]}
    assert run.machine.io(1) == 5


@pytest.mark.parametrize(
    ("type_", "raw", "seen"), [("int", -7, -7), ("fixed", 2**27, 2**27), ("bool", 4, 1), ("bool", 0, 0)]
)
def test_the_bits_are_read_as_what_is_wanted(type_: tree.VarType, raw: int, seen: int) -> None:
    """int and fixed take the bits, bool whether any is set."""
    made = program(
        assign(variable("v", type_), io(2, type_)), save(variable("v", type_), "s"), declarations=(declare("v", type_),)
    )
    run = start(made)
    run.machine.set_io(2, raw)
    go(run)
    assert run.saved == {"s": [seen]}


def test_what_the_program_assigns_can_be_read_from_outside() -> None:
    """Also a measured value, when it is there; a value from outside stands until the next assign."""
    m = variable("m")
    run = start(
        whole(
            measure("read", "r1", demod("cos", m)),
            assign(io(1, "fixed"), m),
            save(m, "s"),
            PAUSE,
            assign(io(1), 3),
        )
    )
    assert run.machine.io(1) == 0
    go(run)
    assert run.machine.io(1) == run.saved["s"][0] != 0
    run.machine.set_io(1, 77)
    assert run.machine.io(1) == 77
    run.machine.resume()
    go(run)
    assert run.machine.io(1) == 3


def test_strands_see_the_same_whenever_they_come_by() -> None:
    """A thread that is far ahead and one that comes late branch alike."""
    late = if_(binary(io(1), "==", 7), play("long", "q1"))
    body = (
        ADVANCE,
        wait(X, "q2"),
        assign(N, io(1)),
        if_(binary(N, "==", 0), play("long", "q1"), play("long", "q2")),
        late,
    )
    run = start(whole(*body), forked=True)
    go(run)
    run.machine.set_io(1, 7)
    run.machine.push_input("x", [4])
    assert go(run) == "done"
    log = run.machine.outside_log()
    again = start(whole(*body), outside=log)
    assert go(again) == "done"
    assert [again.clock(q) for q in ("q1", "q2")] == [run.clock(q) for q in ("q1", "q2")]


# ---------------------------------------------------------------- triggers


def test_an_element_waits_for_an_edge() -> None:
    """It goes on at the edge, which is on the 4 ns grid; who aligns with it follows; others do not wait."""
    run = start(
        whole(wait(5, "q1"), trigger("q1"), play("long", "q1"), *[play("short", "q2")] * 3, wait(integer(7), "dc"))
    )
    assert go(run) == "waits"
    assert run.machine.waiting_for() == ("trigger",)
    assert run.machine.trigger() == Outside("trigger", "", 0, 60)
    assert go(run) == "done"
    assert run.clock("q1") == 160


def test_an_edge_is_taken_once_by_each_thread() -> None:
    """Two waits need two edges, which are at least a cycle apart; another element takes the same ones."""
    run = start(whole(trigger("q1"), trigger("q1"), trigger("q2")))
    go(run)
    assert [run.machine.trigger("con1").instant_ns for _ in range(2)] == [0, 4]
    assert go(run) == "done"
    assert (run.clock("q1"), run.clock("q2")) == (4, 0)


def test_an_edge_that_nobody_waits_for_is_missed() -> None:
    """The edge came while the element played; it waits for the next one."""
    run = start(whole(trigger("q1"), play("long", "q1"), trigger("q1")))
    go(run)
    run.machine.trigger()
    run.machine.trigger()
    assert go(run) == "waits"
    assert run.clock("q1") == 100
    assert run.machine.trigger().instant_ns == 100
    assert go(run) == "done"


def test_a_periodic_source_needs_nobody() -> None:
    """Edges at all multiples of the period: scripts run on unattended."""
    run = with_period(whole(play("long", "q1"), trigger("q1"), trigger("q1"), play("long", "q1")), 1000)
    assert go(run) == "done"
    assert run.clock("q1") == 2100
    with pytest.raises(AskedWrongly, match="multiple of 4") as caught:
        with_period(whole(trigger("q1")), 1002)
    assert caught.value.code == "bad_plant"


def test_a_pulse_sounds_until_the_edge() -> None:
    """A readout beside hears 0.1 V for as long as the other element waits for its edge, and nothing after it.

    The sum over 400 ns of 0.1 V for 240 ns: integration weights 1, sign -1, factors 2**-12 of the demodulator and 1/2
    of none: D = -2**-12 * sum.
    """
    m = variable("m")
    flat = {name: readout(intermediate_frequency=0) for name in ("r1", "r2")}
    body = (trigger("r1", "long"), measure("bare", "r2", integration("cos", m), amplitude=(0.0,)), save(m, "s"))
    setup = config(**flat)
    image = compile_program(whole(*body), setup)
    hearing = plants.echo(setup, ["r1", "r2"], 0.0)
    run = Run(Machine(image, plant=hearing, outside=[Outside("trigger", "", 0, 240)]), image)
    assert go(run) == "done"
    assert run.clock("r1") == 240
    assert run.saved["s"] == [round(-(2.0**-12) * 0.1 * 240 * 2**28)]


def test_an_edge_of_the_log_is_known_before() -> None:
    """The same bits when the edge is known from the start."""
    body = (play("short", "q1"), trigger("q1", "long"), play("long", "q1"))
    run = start(whole(*body))
    go(run)
    run.machine.trigger()
    go(run)
    again = start(whole(*body), outside=run.machine.outside_log())
    assert go(again) == "done"
    assert again.clock("q1") == run.clock("q1")


# ---------------------------------------------------------------- the log, limits and wrong use


def test_slices_of_any_size_repeat() -> None:
    """Things that arrive at other moments are other runs; each repeats to its own bits."""
    body = (repeat("n", 6, ADVANCE, wait(X, "q1"), *[play("long", "q2")] * 3, save(N, "s"), save(X, "s")),)
    outcomes = []
    for steps in (3, 17, 1000):
        run = start(whole(*body))
        for count in range(300):
            state = run.machine.run(steps)
            run.drain()
            if state == "done":
                break
            if count % 3 == 0 or state == "waits":
                run.machine.push_input("x", [4 + count % 7])
        again = start(whole(*body), outside=run.machine.outside_log())
        assert go(again) == "done"
        assert again.saved == run.saved
        assert again.clock("q1") == run.clock("q1")
        assert again.machine.outside_log() == run.machine.outside_log()
        outcomes.append(run.clock("q1"))
    assert len(set(outcomes)) > 1


def test_a_halt_ends_who_waits() -> None:
    """A job that waits can be ended."""
    run = start(whole(play("long", "q1"), PAUSE))
    assert go(run) == "waits"
    run.machine.halt()
    assert run.machine.run(10) == "done"


def test_a_simulation_ends_where_it_waits() -> None:
    """A run that stops at an instant does not wait for what never comes."""
    made = whole(*[play("long", "q2")] * 20, trigger("q1"), ADVANCE, save(X, "s"))
    timed = msgspec.structs.replace(made, nodes=(tree.Source(stream="s", timestamps=True),))
    run = start(timed, stop_ns=1000)
    assert go(run) == "done"
    assert run.clock("q2") >= 1000


WRONG: list[tuple[str, Callable[[Machine], object], str]] = [
    ("stream", lambda m: m.push_input("y", [1]), "no_such_input_stream"),
    ("size", lambda m: m.push_input("x", [1, 2]), "input_size"),
    ("value", lambda m: m.push_input("x", [2**31]), "bad_input_value"),
    ("float", lambda m: m.push_input("x", [0.5]), "bad_input_value"),  # type: ignore[list-item]
    ("register", lambda m: m.set_io(3, 1), "no_such_io"),
    ("bits", lambda m: m.set_io(1, 2**31), "bad_input_value"),
    ("look", lambda m: m.io(0), "no_such_io"),
    ("controller", lambda m: m.trigger("con2"), "no_such_controller"),
]


@pytest.mark.parametrize(("call", "code"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_wrong_calls_change_nothing(call: Callable[[Machine], object], code: str) -> None:
    """A clear error, and no entry in the log."""
    run = start(whole(ADVANCE, wait(X, "q1")))
    with pytest.raises(AskedWrongly) as caught:
        call(run.machine)
    assert caught.value.code == code
    assert run.machine.outside_log() == ()


def test_bools_are_0_or_1() -> None:
    """The raw values of a stream of bools."""
    run = start(whole(ADVANCE, save(variable("x", "bool"), "s"), type_="bool"))
    with pytest.raises(AskedWrongly, match="not the raw number of a bool"):
        run.machine.push_input("x", [2])


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Items that nobody takes, entries and values of the log are bounded, and say so by name."""
    monkeypatch.setattr(machines, "INPUT_ITEMS_MAX", 3)
    run = start(whole(repeat("n", 8, ADVANCE, wait(X, "q1"))))
    for _ in range(3):
        run.machine.push_input("x", [4])
    with pytest.raises(Taken, match="INPUT_ITEMS_MAX") as full:
        run.machine.push_input("x", [4])
    assert full.value.code == "input_full"
    assert go(run) == "waits"  # they were taken: there is room
    run.machine.push_input("x", [4])
    monkeypatch.setattr(machines, "OUTSIDE_ENTRIES_MAX", 5)
    run.machine.set_io(1, 1)
    with pytest.raises(Taken, match="OUTSIDE_ENTRIES_MAX") as log_full:
        run.machine.set_io(1, 2)
    assert log_full.value.code == "outside_log_full"
    monkeypatch.setattr(machines, "OUTSIDE_ENTRIES_MAX", 50)
    monkeypatch.setattr(machines, "OUTSIDE_VALUES_MAX", 5)
    with pytest.raises(Taken, match="OUTSIDE_VALUES_MAX"):
        run.machine.push_input("x", [4])


BAD_LOGS = {
    "place": [Outside("input", "x", 1, 0, (1,))],
    "size": [Outside("input", "x", 0, 0, (1, 2))],
    "backwards": [Outside("input", "x", 0, 8, (1,)), Outside("input", "x", 1, 4, (1,))],
    "grid": [Outside("trigger", "", 0, 6)],
    "controller": [Outside("trigger", "con7", 0, 8)],
    "register": [Outside("io", "3", 0, 0, (1,))],
    "access": [Outside("io", "1", 5, 0, (1,)), Outside("io", "1", 4, 0, (1,))],
    "resume": [Outside("resume", "", 1)],
}


@pytest.mark.parametrize("name", BAD_LOGS)
def test_a_log_that_cannot_be_is_refused(name: str) -> None:
    """Places are counted, instants never fall, edges are on the grid, items fit."""
    with pytest.raises(AskedWrongly):
        start(whole(ADVANCE, wait(X, "q1")), outside=BAD_LOGS[name])


@pytest.mark.parametrize("moment", range(0, 60, 4))
def test_who_waited_long_hears_what_is_there(moment: int) -> None:
    """An element that waited while others measured so often that their past was forgotten measures at an instant where
    all that it hears is still known: live and from the log the same values, with noise."""
    m, b = variable("m"), variable("b")
    often = repeat("n", 150, measure("bare", "r1", integration("late", m)), save(m, "s"))
    once = (ADVANCE, wait(X, "r2"), repeat("k", 3, measure("read", "r2", demod("cos", b)), save(b, "t")))
    declared = (*whole().declarations, declare("k", "int"), declare("b", "fixed"))
    made = program(*once, often, declarations=declared)
    run = start(made, noise=1e-6)
    for _ in range(moment):
        run.machine.run(40)
        run.drain()
    entry = run.machine.push_input("x", [4])
    assert go(run) == "done"
    assert len(run.saved["s"]) == 150 and len(run.saved["t"]) == 3
    assert moment == 0 or entry.instant_ns > 0
    again = start(made, noise=1e-6, outside=[entry])
    assert go(again) == "done"
    assert again.saved == run.saved


# ---------------------------------------------------------------- what is saved while nobody goes on


def forever(*body: tree.Statement) -> tree.For:
    """An endless loop."""
    return tree.For(at=-1, body=body)


COUNT = assign(N, binary(N, "+", 1)), save(N, "s")


@pytest.mark.parametrize(
    "body",
    [
        (forever(trigger("q1"), *COUNT, play("long", "q1")),),
        (repeat("n", 1000, trigger("q1"), save(N, "s"), play("long", "q1")),),
        (repeat("n", 1000, trigger("q1"), play("long", "q1")), save(N, "s")),
        (repeat("n", 1000, ADVANCE, play("long", "q1", duration=X), save(N, "s")),),
        (repeat("n", 1000, ADVANCE, play("long", "q1")), save(N, "s")),
        (repeat("n", 1000, trigger("q1"), play("long", "q1"), assign(io(1), N), save(io(1), "s")),),
    ],
)
def test_nothing_is_saved_of_shots_that_did_not_happen(body: tuple[tree.Statement, ...]) -> None:
    """A program that waits for a trigger or an item saves nothing of what comes behind."""
    run = start(whole(*body))
    assert go(run) == "waits"
    assert run.saved == {}
    assert run.machine.io(1) == 0


def test_saves_keep_up_with_triggers() -> None:
    """Each trigger lets one shot happen, and one is saved."""
    run = start(whole(forever(trigger("q1"), *COUNT, play("long", "q1"))))
    for shots in (1, 2, 3):
        go(run)
        run.machine.trigger("con1")
        assert go(run) == "waits"
        assert run.saved == {"s": list(range(1, shots + 1))}


def test_saves_keep_up_with_the_elements_of_their_loop() -> None:
    """Beside another endless loop: what q1's loop saves is as many as q1 played, and the other goes on as well."""
    run = start(whole(forever(play("long", "q1"), wait(25, "q1"), *COUNT), forever(wait(50, "q2"))))
    for _ in range(20):
        run.machine.run(5000)
        run.drain()
    played = run.clock("q1") // 200
    assert played > 1000
    assert 0 <= played - len(run.saved["s"]) <= 2000
    assert run.clock("q2") > 200_000
