"""Chirps that go on behind their pulses (docs/arithmetic.md, section 13): what an input hears, by running sums."""

from __future__ import annotations

import math
from collections.abc import Iterable

import pytest
from engine_lab import Run, bench, config, drive, run, traced

from quaymaster._core.config import check_config
from quaymaster._core.program import tree

F0 = 1e6
RATE = 200_000
NONE = math.nan


def literal(type: tree.VarType, raw: int) -> tree.Value:
    """A literal."""
    return tree.Value(type=type, raw=raw)


def chirp(*rates: int, times: tuple[int, ...] = ()) -> tree.Chirp:
    """A chirp in Hz per ns."""
    return tree.Chirp(rates=tuple(literal("int", rate) for rate in rates), times=times)


def play(operation: str = "short", element: str = "f1", **more: object) -> tree.Play:
    """A play of 20 ns ("short") or 100 ns ("long") at 0.1 V."""
    return tree.Play(at=0, operation=operation, element=element, **more)  # type: ignore[arg-type]


def go_on(operation: str = "short", **more: object) -> tree.Play:
    """A play with continue_chirp."""
    return play(operation, continues=True, **more)


def wait(cycles: int) -> tree.Wait:
    """A wait of f1."""
    return tree.Wait(at=0, duration=literal("int", cycles), elements=("f1",))


def heard(*body: tree.Statement, sticky: bool = False) -> list[float]:
    """The 400 samples, in volts to 1/4096, that input 1 hears of f1, which begins at 1 MHz."""
    single = {"outputs": {"out1": ("con1", 1)}, "time_of_flight": 24, "smearing": 0, "intermediate_frequency": F0}
    if sticky:
        single["sticky"] = {"analog": True, "duration": 16}
    silent = tree.Measure(at=0, operation="read", element="r1", amplitude=(literal("fixed", 0),), stream="adc")
    done: Run = run(traced(silent, *body), config=config(f1=drive(9, **single)))
    (trace,) = [codes for name, port, _, codes in done.traces if name == "adc" and port == 1]
    return [-(code + 0.5) / 4096 for code in trace]


def turns(rates: Iterable[float], frequency: float = F0, phase: float = 0.0) -> list[float]:
    """The phase at each ns, in turns: a frequency that grows by a rate each ns, summed; NONE: the oscillator's own."""
    found = []
    for n, rate in enumerate(rates):
        if math.isnan(rate):
            found.append(F0 * n / 1e9)
            continue
        found.append(phase)
        frequency += rate
        phase += frequency / 1e9
    return found


def sounds(got: list[float], wanted: list[float], where: Iterable[int], level: float = 0.1) -> bool:
    """At these ns there is the cosine of that phase, within half a step of converter and output."""
    return all(abs(got[n] - level * math.cos(2 * math.pi * wanted[n])) <= 0.54 / 4096 for n in where)


def test_a_chirp_goes_on_until_the_next_pulse_has_ended() -> None:
    """The platform's first example: in the background during the wait, on through the second pulse, then no more."""
    got = heard(go_on(chirp=chirp(RATE)), wait(10), play(), play())
    phases = turns([RATE] * 80 + [NONE] * 20)
    assert sounds(got, phases, [*range(20), *range(60, 100)])
    assert not any(abs(v) > 1 / 4096 for v in got[20:60] + got[100:])


def test_a_chirp_goes_on_as_long_as_it_is_told_to_and_another_changes_its_rate() -> None:
    """The second example: two pulses sweep, the third goes on from their frequency with its rate, and is the last."""
    got = heard(go_on(chirp=chirp(RATE)), go_on(), play(chirp=chirp(-3 * RATE)), play())
    assert sounds(got, turns([RATE] * 40 + [-3 * RATE] * 20 + [NONE] * 20), range(80))


def test_segments_of_one_sweep() -> None:
    """Chirps that go on, with gaps between them: each begins with the frequency that the one before has reached."""
    rates = [RATE, -RATE, 2 * RATE]
    got = heard(*(part for rate in rates for part in (go_on(chirp=chirp(rate)), wait(4))), play())
    phases = turns([rate for rate in rates for _ in range(36)] + [2 * RATE] * 20)
    assert sounds(got, phases, [n for n in range(128) if n % 36 < 20])


def test_the_last_section_of_a_pulse_goes_on() -> None:
    """A section that would begin behind the pulse's end does not begin."""
    got = heard(go_on(chirp=chirp(RATE, -RATE, 5 * RATE, times=(0, 3, 5))), play())
    assert sounds(got, turns([RATE] * 12 + [-RATE] * 28), range(40))
    got = heard(go_on("long", truncate=literal("int", 5), chirp=chirp(*[RATE, -RATE] * 5)), play())
    assert sounds(got, turns([RATE] * 10 + [-RATE] * 30), range(40))
    got = heard(go_on("long", truncate=literal("int", 5), chirp=chirp(RATE, -RATE)), play())
    assert sounds(got, turns([RATE] * 40), range(40))


def test_what_is_held_sweeps_too() -> None:
    """A sticky element sweeps on while it waits; a chirp on top of what it holds sweeps both; at last both stand."""
    got = heard(go_on(chirp=chirp(RATE)), wait(10), play(chirp=chirp(-RATE)), wait(5), sticky=True)
    phases = turns([RATE] * 60 + [-RATE] * 20 + [NONE] * 20)
    assert sounds(got, phases, range(60))
    assert sounds(got, phases, range(60, 100), level=0.2)


def test_without_continue_chirp_a_chirp_ends_with_its_pulse() -> None:
    """Also that of a pulse on top of what is held: the level under it sweeps along, and comes back."""
    got = heard(play(), play(chirp=chirp(RATE)), wait(5), sticky=True)
    phases = turns([NONE] * 20) + turns([RATE] * 20, phase=0.02) + turns([NONE] * 60)[40:]
    assert sounds(got, phases, range(20))
    assert sounds(got, phases, range(20, 60), level=0.2)


@pytest.mark.parametrize("statement", ["reset_if_phase", "reset_global_phase"])
def test_a_reset_leaves_the_frequency(statement: str) -> None:
    """The phase is 0 where it happens; the sweep goes on with the frequency that it has."""
    node = {"reset_if_phase": tree.ResetIfPhase(at=0, element="f1"), "reset_global_phase": tree.ResetGlobalPhase(at=0)}
    got = heard(go_on(chirp=chirp(RATE)), node[statement], play())
    assert sounds(got, turns([RATE] * 20) + turns([RATE] * 20, frequency=F0 + 20 * RATE), range(40))


@pytest.mark.parametrize("keep", [True, False])
def test_a_new_frequency_ends_a_sweep(keep: bool) -> None:
    """With keep_phase from the phase that the sweep has; without as if the new one had run from the start."""
    new = tree.UpdateFrequency(at=0, element="f1", frequency=literal("int", 5_000_000), keep_phase=keep)
    got = heard(go_on(chirp=chirp(RATE)), new, go_on())
    reached = turns([RATE] * 21)[20]
    after = [(reached if keep else 0.1) + 5e6 * n / 1e9 for n in range(20)]
    assert sounds(got, turns([RATE] * 20) + after, range(40))


def test_a_frame_rotation_turns_a_sweep() -> None:
    """A quarter of a turn on top of it."""
    quarter = tree.FrameRotation(at=0, element="f1", turns=literal("fixed", 1 << 26))
    got = heard(go_on(chirp=chirp(RATE)), quarter, play())
    phases = turns([RATE] * 40)
    assert sounds(got, phases[:20] + [phase + 0.25 for phase in phases[20:]], range(40))


def test_a_pulse_that_is_not_played_is_a_wait() -> None:
    """A sweep goes on over a play whose condition is false, which begins none either."""
    false = literal("bool", 0)
    got = heard(go_on(chirp=chirp(RATE)), play(condition=false, chirp=chirp(7 * RATE)), play())
    assert sounds(got, turns([RATE] * 60), [*range(20), *range(40, 60)])
    assert not any(abs(v) > 1 / 4096 for v in got[20:40])


def test_continue_chirp_alone_begins_nothing() -> None:
    """Where no sweep goes on there is none to go on."""
    got = heard(go_on(), play())
    assert sounds(got, turns([NONE] * 40), range(40))


def test_a_measure_ends_a_sweep() -> None:
    """It plays, and demodulates, with the element's own frequency."""
    single = {"outputs": {"out1": ("con1", 1)}, "time_of_flight": 24, "smearing": 0, "intermediate_frequency": F0}
    single["operations"] = {"short": "short_pulse", "read": "single_read"}
    setup = bench(f1=drive(9, **single))
    setup["pulses"]["single_read"] = setup["pulses"]["read_pulse"] | {"waveforms": {"single": "level"}}
    measure = tree.Measure(at=0, operation="read", element="f1", stream="adc")
    program = tree.Program(
        declarations=(),
        streams=(tree.StreamDeclaration(at=0, name="adc", adc=True),),
        body=(go_on(chirp=chirp(50 * RATE)), measure, go_on()),
        nodes=(),
        results=(),
        sources=(("program.py", 1),),
    )
    done = run(program, config=check_config(setup))
    ((_, _, start, codes),) = done.traces
    assert start == 44
    assert sounds([-(code + 0.5) / 4096 for code in codes], [F0 * (20 + n) / 1e9 for n in range(400)], range(400))


@pytest.mark.parametrize("numerics", ["linear", "exact"])
def test_what_is_held_and_sweeps_is_demodulated(numerics: str) -> None:
    """An integral over it is the sum over its samples: of a level that sweeps under r1's window."""
    single = {"outputs": {"out1": ("con1", 1)}, "time_of_flight": 24, "smearing": 0, "intermediate_frequency": F0}
    single["sticky"] = {"analog": True, "duration": 16}
    x = tree.Variable(type="fixed", name="x")
    process = tree.Process(at=0, kind="integration.full", weights=("cos",), outputs=("out1",), target=x)
    silent = tree.Measure(at=0, operation="read", element="r1", amplitude=(literal("fixed", 0),), processes=(process,))
    program = tree.Program(
        declarations=(tree.Declaration(at=0, name="x", type="fixed", size=0, initial=(0,)),),
        streams=(tree.StreamDeclaration(at=0, name="s", type="fixed"),),
        body=(silent, go_on(chirp=chirp(RATE)), wait(100), tree.Save(at=0, source=x, stream="s")),
        nodes=(),
        results=(),
        sources=(("program.py", 1),),
    )
    done = run(program, config=config(f1=drive(9, **single)), numerics=numerics)
    (raw,) = done.saved["s"]
    wanted = -sum(0.1 * math.cos(2 * math.pi * turn) for turn in turns([RATE] * 400)) / 4096
    assert abs(raw / 2**28 - wanted) < (0.002 if numerics == "linear" else 0.05) * abs(0.1 * 400 / 4096)
