"""Checks of time against instants worked out by hand from section 2 of docs/arithmetic.md, for whichever engine.

The bench: ``r`` reads out for 200 ns, its window is [40, 240) after its start; ``q`` plays ``flat`` for 20 ns. What the
clock of an element is shows in the time of a literal saved in a block of that element: its start.
"""

from __future__ import annotations

import msgspec

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config
from quaymaster._core.program import tree

from .benches import bench, raw_bench
from .building import (
    align,
    assign,
    binary,
    boolean,
    cell,
    declare,
    demod,
    if_,
    integer,
    measure,
    play,
    program,
    repeat,
    save,
    variable,
    wait,
)
from .engine import Outcome
from .plants import Plant
from .value_checks import Run

X, Y, I1, N = variable("x"), variable("y"), variable("i", "int"), variable("n", "int")
READ = measure("readout", "r", demod("cos", X))
NAMES = "x:f y:f i:i n:i j:i"


def declared() -> tuple[tree.Declaration, ...]:
    """x, y, i, n, j, an array a of three and one of ints, c."""
    types: dict[str, tree.VarType] = {"f": "fixed", "i": "int"}
    scalars = [declare(name, types[letter]) for name, letter in (text.split(":") for text in NAMES.split())]
    return (*scalars, declare("a", "fixed", size=3), declare("c", "int", 4, 5, 6, size=3))


def mark(element: str, stream: str) -> tree.Statement:
    """A block of ``element`` that saves a literal: its time is the clock of the element."""
    return if_(boolean(True), save(integer(1), stream), tree.ResetFrame(at=-1, element=element))


def stamped(node: tree.Play | tree.Measure) -> tree.Play | tree.Measure:
    """The same statement, which saves its start to s."""
    return msgspec.structs.replace(node, timestamp_stream="s")


def with_free_element() -> Config:
    """The bench with one more element like q."""
    raw = raw_bench()
    raw["elements"]["m_free"] = raw["elements"]["q"]
    return check_config(raw)


class TimingChecks:
    """Instants of saves and the end of jobs."""

    run: Run

    def outcome(self, *body: tree.Statement, config: Config | None = None) -> Outcome:
        """Run on the bench behind an echo."""
        whole = program(*body, declarations=declared())
        return type(self).run(whole, config or bench(), seed=1, numerics="linear", plant=Plant("echo"))

    def times(self, *body: tree.Statement, stream: str = "s", config: Config | None = None) -> list[int]:
        """When the items of a stream were saved."""
        return [time_ns for _, time_ns in self.outcome(*body, config=config).streams[stream]]

    def test_elements_are_parallel_and_one_element_is_in_order(self) -> None:
        """Plays of q add up; r has its own clock."""
        body = (play("flat", "q"), play("flat", "q", duration=10), mark("q", "q"), mark("r", "r"))
        outcome = self.outcome(*body)
        assert outcome.streams == {"q": [(1, 60)], "r": [(1, 0)]}
        assert outcome.end_ns == 60

    def test_the_job_ends_with_its_last_window(self) -> None:
        """The readout lasts until 200, its window until 240."""
        assert self.outcome(READ, mark("r", "s")).end_ns == 240
        assert self.times(READ, mark("r", "s")) == [200]

    def test_loop_bodies_begin_aligned(self) -> None:
        """An iteration lasts as long as its slowest element; after the loop the elements are aligned."""
        loop = repeat("i", 3, play("flat", "q"), READ, save(integer(0), "s"))
        assert self.times(loop, mark("q", "s")) == [0, 200, 400, 600]

    def test_starts_of_plays_and_measures(self) -> None:
        """timestamp_stream gets the start in cycles, after the reads of the operands; its time is the start in ns."""
        body = (play("flat", "q"), stamped(play("flat", "q")), stamped(READ), stamped(play("flat", "q", X)))
        assert self.outcome(*body).streams["s"] == [(5, 20), (0, 0), (60, 240)]

    def test_starts_come_in_the_order_of_the_text(self) -> None:
        """Saves and starts of two elements in one stream, in and after a loop, whatever the instants are."""
        loop = repeat("i", 2, stamped(READ), save(I1, "s"), stamped(play("flat", "q")))
        early = stamped(play("flat", "m_free"))
        outcome = self.outcome(loop, save(integer(-1), "s"), early, config=with_free_element())
        assert [raw for raw, _ in outcome.streams["s"]] == [0, 0, 0, 50, 1, 50, -1, 0]

    def test_a_play_that_is_not_played_leaves_its_start(self) -> None:
        """One item each time the statement is reached, so that buffers keep their shape."""
        silent = msgspec.structs.replace(stamped(play("flat", "q")), condition=boolean(False))
        assert self.outcome(silent, stamped(play("flat", "q"))).streams["s"] == [(0, 0), (5, 20)]

    def test_starts_outlast_ints(self) -> None:
        """The 2^31st cycle, 8.6 s from the start, is no int of the language any more, but a stream has 64 bits."""
        body = (wait(2**31 - 1, "q"), play("flat", "q"), stamped(play("flat", "q")))
        assert self.outcome(*body).streams["s"] == [(2**31 + 4, 4 * (2**31 + 4))]

    def test_an_element_outside_a_loop_does_not_wait_for_it(self) -> None:
        """After a loop of r, q still starts at 0."""
        assert self.times(repeat("i", 3, READ), mark("q", "s")) == [0]

    def test_a_value_is_awaited_where_it_is_read(self) -> None:
        """The readout ends at 200, its value comes at 240: a block whose condition reads it begins then."""
        chosen = if_(binary(X, "<", 1.0), save(integer(1), "s"), play("flat", "q"))
        assert self.times(READ, mark("q", "s"), chosen, mark("r", "s")) == [0, 240, 200]

    def test_assignment_ends_waiting(self) -> None:
        """A variable overwritten after the measure is not awaited."""
        chosen = if_(binary(X, "<", 1.0), save(integer(1), "s"), play("flat", "q"))
        assert self.times(READ, assign(X, 0.5), chosen) == [0]

    def test_only_conditions_up_to_the_one_that_holds_are_read(self) -> None:
        """An elif on a measured value costs nothing if the if holds; else it is awaited."""

        def chain(first: bool) -> tree.If:
            play_q = (play("flat", "q"), save(integer(1), "s"))
            branches = (
                tree.Branch(at=-1, condition=boolean(first), body=play_q),
                tree.Branch(at=-1, condition=binary(X, ">", 7.0), body=play_q),
            )
            return tree.If(at=-1, branches=branches, otherwise=play_q)

        assert self.times(READ, chain(True)) == [0]
        assert self.times(READ, chain(False)) == [240]

    def test_cells_are_awaited_one_by_one(self) -> None:
        """a[0] is measured until 240, a[1] until 440: reading a[0] waits for its own window only."""
        reads = [measure("readout", "r", demod("cos", cell("a", n))) for n in (0, 1)]
        first = if_(binary(cell("a", 0), "<", 1.0), save(integer(1), "s"), play("flat", "q"))
        second = if_(binary(cell("a", 1), "<", 1.0), save(integer(1), "s"), play("flat", "q"))
        assert self.times(*reads, first, second) == [240, 440]

    def test_time_of_a_save(self) -> None:
        """Measured: the end of the window, also through assigns; literals and constants: the block; outside: 0."""
        body = (
            READ,
            save(X, "s"),
            assign(Y, binary(X, "+", 0.5)),
            save(Y, "s"),
            assign(Y, 0.25),
            save(Y, "s"),
            save(integer(3), "t"),
            repeat("i", 2, wait(5, "q"), save(Y, "s"), save(I1, "t")),
        )
        outcome = self.outcome(*body)
        assert [t for _, t in outcome.streams["s"]] == [240, 240, 0, 0, 20]
        assert outcome.streams["t"] == [(3, 0), (0, 0), (1, 20)]

    def test_the_innermost_block_with_elements_dates_a_save(self) -> None:
        """A loop without elements inside a block of q takes that block's start."""
        inner = repeat("j", 2, save(integer(1), "s"))
        assert self.times(repeat("i", 2, inner, play("flat", "q"))) == [0, 0, 20, 20]

    def test_wait(self) -> None:
        """Each element passes the cycles, none named means all, and a duration below 4 counts as 4, which is told."""
        assert self.times(wait(10, "q"), mark("q", "s"), mark("r", "s")) == [40, 0]
        assert self.times(wait(10), mark("q", "s"), mark("r", "s")) == [40, 40]
        outcome = self.outcome(wait(binary(1, "&", 1), "q"), mark("q", "s"))
        assert outcome.streams["s"] == [(1, 16)]
        assert {code for code, _ in outcome.events} == {"short_duration"}

    def test_elements_of_one_core_share_a_clock(self) -> None:
        """q and r on one core play one after the other, and a wait of both passes once."""
        raw = raw_bench()
        for element in ("q", "r"):
            raw["elements"][element]["core"] = "a"
        body = (play("flat", "q"), READ, wait(10, "q", "r"), mark("q", "s"))
        assert self.times(*body, config=check_config(raw)) == [20 + 200 + 40]

    def test_align(self) -> None:
        """All go to the latest clock; elements not named stay."""
        body = (wait(10, "q"), wait(20, "r"), align("q", "r"), mark("q", "s"), mark("m", "s"))
        assert self.times(*body) == [80, 0]

    def test_a_wait_for_a_measured_time(self) -> None:
        """The duration is read first: q waits until 240, then for 4 cycles of 16 ns (a value below 1 counts as 4)."""
        cycles = tree.Call(type="int", function="cast.to_int", arguments=(X,))
        assert self.times(READ, wait(cycles, "q"), mark("q", "s")) == [256]

    def test_for_each_reads_its_cells_after_the_alignment(self) -> None:
        """Cells measured until 240 and 440 date the iterations of a loop of q over them."""
        reads = [measure("readout", "r", demod("cos", cell("a", n))) for n in (0, 1)]
        walk = tree.ForEach(
            at=-1, variables=(Y,), arrays=("a",), body=(play("flat", "q"), save(integer(1), "s"), save(Y, "t"))
        )
        outcome = self.outcome(*reads, walk)
        assert [t for _, t in outcome.streams["s"]] == [240, 440, 460]
        assert [t for _, t in outcome.streams["t"]] == [240, 440, 460]

    def test_strict_timing_tells_gaps(self) -> None:
        """A read inside strict_timing that moves the clock of its element is told; one that does not is not."""
        wait_for_x = if_(binary(X, "<", 1.0), play("flat", "q"))

        def codes(*body: tree.Statement) -> set[str]:
            return {code for code, _ in self.outcome(*body).events}

        assert codes(READ, tree.StrictTiming(at=-1, body=(wait_for_x,))) == {"strict_timing_gap"}
        assert codes(READ, tree.StrictTiming(at=-1, body=(wait(75, "q"), wait_for_x))) == set()
        assert codes(READ, wait_for_x, tree.StrictTiming(at=-1, body=(play("flat", "q"),))) == set()

    def test_a_draw_for_one_element_advances_the_seed_for_all(self) -> None:
        """An amplitude of q draws once; what is drawn and saved afterwards is the second number."""
        draw = tree.Call(type="fixed", function="random.rand_fixed", arguments=(N,))
        outcome = self.outcome(assign(N, 5), play("flat", "q", draw), assign(X, draw), save(X, "s"))
        first = (137939405 * 5 + 12345) % 2**28
        assert outcome.streams["s"] == [((137939405 * first + 12345) % 2**28, 0)]

    def test_reads_outside_an_array(self) -> None:
        """A cell outside is 0, a write outside is lost, and both are told at their own statements."""
        body = (
            assign(cell("c", 3, "int"), 9),
            assign(N, cell("c", -1, "int")),
            save(N, "s"),
            save(cell("c", 2, "int"), "s"),
        )
        outcome = self.outcome(*body)
        assert [raw for raw, _ in outcome.streams["s"]] == [0, 6]
        assert {code for code, _ in outcome.events} == {"out_of_bounds"}
        assert {place for _, place in outcome.events} == {s.at for s in self.statements(*body)[:2]}

    def statements(self, *body: tree.Statement) -> list[tree.Statement]:
        """The statements with their positions, as they are in the program."""
        return list(program(*body, declarations=declared()).body)

    def test_windows_may_outlast_and_overlap_their_pulses(self) -> None:
        """Two readouts in a row: windows [40, 240) and [240, 440); with longer weights the value comes later."""
        raw = raw_bench()
        raw["integration_weights"]["cos"] = {"cosine": [(1.0, 300)], "sine": [(0.0, 300)]}
        again = measure("readout", "r", demod("cos", Y))
        assert self.times(READ, again, save(X, "s"), save(Y, "s"), config=check_config(raw)) == [340, 540]
