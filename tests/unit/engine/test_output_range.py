"""Outputs beyond their range while a job runs (docs/arithmetic.md, section 14), by formula."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from engine_lab import bench, drive

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config, PortRef
from quaymaster._core.engine.machine import Machine
from quaymaster._core.engine.watching import OutputOverflow
from quaymaster._core.program import tree
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program

STEADY = {"intermediate_frequency": None}


def fixed(value: float) -> tree.Value:
    """A fixed literal."""
    return tree.Value(type="fixed", raw=round(value * 2**28))


def play(
    element: str, operation: str = "long", amplitude: float | None = None, duration: int | None = None
) -> tree.Play:
    """A play of 100 ns at 0.1 V (long), or of 20 ns (short), times an amplitude; for a duration in cycles."""
    scale = () if amplitude is None else (fixed(amplitude),)
    cycles = None if duration is None else tree.Value(type="int", raw=duration)
    return tree.Play(at=0, operation=operation, element=element, amplitude=scale, duration=cycles)


def wait(cycles: int, *elements: str) -> tree.Wait:
    """A wait."""
    return tree.Wait(at=0, duration=tree.Value(type="int", raw=cycles), elements=elements)


def seen(
    *body: tree.Statement,
    level: float = 0.1,
    waveform: dict[str, Any] | None = None,
    port: dict[str, Any] | None = None,
    trigger_period_ns: int = 0,
    declared: tuple[tree.Declaration, ...] = (),
    **elements: Any,
) -> list[OutputOverflow]:
    """What was out of range of all outputs. ``level``: of the pulses in V; ``waveform``: of the long one; ``port``:
    settings of output 1."""
    raw = bench(**elements)
    for element in raw["elements"].values():
        if element.get("intermediate_frequency", 0) is None:
            del element["intermediate_frequency"]
    raw["waveforms"]["level"]["sample"] = level
    if waveform is not None:
        raw["waveforms"]["own"] = waveform
        raw["pulses"]["long_pulse"]["waveforms"] = {"single": "own"}
    raw["controllers"]["con1"]["analog_outputs"][1] |= port or {}
    return watched(check_config(raw), *body, declared=declared, trigger_period_ns=trigger_period_ns)


def watched(
    setup: Config,
    *body: tree.Statement,
    declared: tuple[tree.Declaration, ...] = (),
    trigger_period_ns: int = 0,
) -> list[OutputOverflow]:
    """What was out of range when such a program has run."""
    program = tree.Program(
        declarations=declared, streams=(), body=body, nodes=(), results=(), sources=(("program.py", 1),)
    )
    image = compile_program(program, setup)
    hearing = plants.none(setup, [info.name for info in image.element_info])
    outputs = tuple(plants.output_ports(setup, image))
    machine = Machine(
        image, plant=msgspec.structs.replace(hearing, outputs=outputs, trigger_period_ns=trigger_period_ns)
    )
    while machine.run(1000) != "done":
        pass
    return machine.overflows()


def test_a_level_in_range_is_none() -> None:
    """0.49 V is in range; 0.5 V rounds to the first code beyond, 0.5 - 2^-16 V to the last one within: it is what a
    sample of 0.5 V plays."""
    for level in (0.49, 0.5 - 2.0**-16, 0.5):
        assert seen(play("q1"), level=level, q1=drive(1, **STEADY)) == []
    (found,) = seen(wait(10, "q1"), play("q1", amplitude=-1.0), level=-0.5, q1=drive(1, **STEADY))
    assert found == OutputOverflow(ref=PortRef("con1", 1, 1), count=100, first_ns=40, elements=("q1",), is_all=True)


def test_an_oscillation_counts_by_its_cosine() -> None:
    """0.6 V at 50 MHz is beyond 0.5 V where |cos| > 5/6: those of 100 samples, of which the first is at 0."""
    (found,) = seen(play("q1", amplitude=1.5), level=0.4)
    values = [0.6 * math.cos(2 * math.pi * 0.05 * t) for t in range(100)]
    beyond = [t for t, v in enumerate(values) if not -(2**15) <= math.floor(v * 65536 + 0.5) < 2**15]
    assert len(beyond) > 20
    assert (found.count, found.first_ns) == (len(beyond), beyond[0])


def test_two_inputs_of_an_element_on_one_port() -> None:
    """0.3 V from each of them: the port carries 0.6 V."""
    twice = {"multipleInputs": {"inputs": {"a": ("con1", 1), "b": ("con1", 1)}}, "operations": {"long": "long_pulse"}}
    (found,) = seen(play("q1"), level=0.3, q1=twice)
    assert (found.count, found.first_ns, found.elements) == (100, 0, ("q1",))


def test_two_elements_that_are_each_in_range() -> None:
    """0.3 V and 0.3 V on one port: exactly where they overlap."""
    pair = {"q1": drive(1, **STEADY), "q2": drive(1, **STEADY)}
    (found,) = seen(play("q1"), wait(20, "q2"), play("q2"), level=0.3, **pair)
    assert (found.count, found.first_ns, set(found.elements)) == (20, 80, {"q1", "q2"})
    assert seen(play("q1"), wait(25, "q2"), play("q2"), level=0.3, **pair) == []


def test_an_element_that_is_twice_on_a_port() -> None:
    """0.3 V from two inputs of one element add up to 0.6 V, though another element is on the port."""
    twice = drive(1, **STEADY, multipleInputs={"inputs": {"a": ("con1", 1), "b": ("con1", 1)}})
    del twice["singleInput"]
    (found,) = seen(play("q1"), wait(50, "q2"), play("q2", "short"), level=0.3, q1=twice, q2=drive(1, **STEADY))
    assert (found.count, found.first_ns, set(found.elements)) == (100, 0, {"q1"})


def test_an_element_that_lags_in_the_text() -> None:
    """A play that stands after a loop starts at 0 all the same, and overlaps the loop's first play."""
    pair = {"q1": drive(1, **STEADY), "q2": drive(1, **STEADY)}
    count = tree.Variable(type="int", name="n")

    def assigned(value: tree.Expression) -> tree.Assign:
        return tree.Assign(at=0, target=count, value=value)

    one = tree.Value(type="int", raw=1)
    loop = tree.For(
        at=0,
        body=(play("q1"), wait(100, "q1")),
        start=assigned(tree.Value(type="int", raw=0)),
        condition=tree.Binary(type="bool", operator="<", left=count, right=tree.Value(type="int", raw=3000)),
        step=assigned(tree.Binary(type="int", operator="+", left=count, right=one)),
    )
    counter = (tree.Declaration(at=0, name="n", type="int", size=0, initial=(0,)),)
    (found,) = seen(loop, play("q2"), level=0.3, declared=counter, **pair)
    assert (found.count, found.first_ns) == (100, 0)


def test_offset_and_delay_of_the_port() -> None:
    """0.3 V on an offset of 0.25 V is too much; instants are those at the port, behind its delay."""
    (found,) = seen(play("q1"), level=0.3, port={"offset": 0.25, "delay": 30}, q1=drive(1, **STEADY))
    assert (found.count, found.first_ns) == (100, 30)


def test_what_is_held_counts_too() -> None:
    """A sticky element plays 0.3 V twice: then 0.6 V are there, held for 400 ns and ramped down."""
    sticky = drive(1, **STEADY, sticky={"analog": True, "duration": 100})
    (found,) = seen(play("q1"), play("q1"), wait(100, "q1"), level=0.3, q1=sticky)
    held = math.floor(0.3 * 65536 + 0.5) / 65536
    ramp = [2 * held * (1 - (n + 1) / 100) for n in range(100)]
    beyond = sum(math.floor(v * 65536 + 0.5) > 2**15 - 1 for v in ramp)
    assert (found.count, found.first_ns) == (100 + 400 + beyond, 100)


def test_what_sounds_until_a_trigger_counts_too() -> None:
    """0.4 V on an offset of 0.1 V from 40 ns on, until the trigger at 300 ns."""
    waiting = tree.WaitForTrigger(at=0, element="q1", operation="long")
    port = {"offset": 0.1}
    (found,) = seen(wait(10, "q1"), waiting, level=0.4, port=port, trigger_period_ns=300, q1=drive(1, **STEADY))
    assert (found.count, found.first_ns) == (260, 40)


def test_a_stretched_waveform_swings_beyond_its_last_sample() -> None:
    """0.1 V back and forth, stretched from 100 to 200 ns: the cubic through the last four samples is far beyond range
    half a sample behind them, where nothing else of it is."""
    samples = [0.1 * (-1) ** (n + 1) for n in range(100)]
    last = np.polynomial.Polynomial.fit(range(4), samples[-4:], 3)(3.5)
    assert last > 0.5
    back_and_forth = {"type": "arbitrary", "samples": samples}
    (found,) = seen(play("q1", duration=50), waveform=back_and_forth, q1=drive(1, **STEADY))
    assert (found.count, found.first_ns) == (1, 199)


def test_crosstalk_and_own_pulses_add_up() -> None:
    """Own 0.4 V for 100 ns and 0.3 V for 100 ns times 0.5: 0.55 V where they overlap, 80 ns of it; of the same with
    the sign turned nothing is out."""
    pair = {"q1": drive(1, **STEADY), "q2": drive(2, **STEADY)}
    body = (play("q1", amplitude=4 / 3), wait(5, "q2"), play("q2"))
    (found,) = seen(*body, level=0.3, port={"crosstalk": {2: 0.5}}, **pair)
    assert found == OutputOverflow(
        ref=PortRef("con1", 1, 1), count=80, first_ns=20, elements=("q1", "q2"), is_all=True, is_clipped=False
    )
    assert seen(*body, level=0.3, port={"crosstalk": {2: -0.5}}, **pair) == []


def test_crosstalk_alone() -> None:
    """0.3 V twice as strong on a port where nobody plays, seen with the delay of that port."""
    (found,) = seen(play("q2"), level=0.3, port={"crosstalk": {2: 2.0}, "delay": 12}, q2=drive(2, **STEADY))
    assert (found.ref.number, found.count, found.first_ns, found.elements) == (1, 100, 12, ("q2",))


def test_crosstalk_from_itself_and_from_a_port_at_its_limit() -> None:
    """0.3 V on port 1, 1.7 times that with its own crosstalk: 0.51 V; port 2, with 0.3 V, is in range."""
    pair = {"q1": drive(1, **STEADY), "q2": drive(2, **STEADY)}
    (found,) = seen(play("q1"), play("q2"), level=0.3, port={"crosstalk": {1: 0.7}}, **pair)
    assert (found.ref.number, found.count, found.elements) == (1, 100, ("q1",))


def test_the_edges_of_a_step_through_a_filter() -> None:
    """0.4 V through the taps 1.5, -0.5: 0.6 V in the first sample, then 0.4 V, then -0.2 V in the sample behind."""
    (found,) = seen(play("q1"), level=0.4, port={"filter": {"feedforward": [1.5, -0.5]}}, q1=drive(1, **STEADY))
    assert found == OutputOverflow(
        ref=PortRef("con1", 1, 1), count=1, first_ns=0, elements=("q1",), is_all=True, is_clipped=True
    )


def test_a_filter_remembers_what_is_in_range_by_itself() -> None:
    """0.3 V, 16 ns of silence, 0.3 V: taps for now and for 18 ns ago (1 each) add up 18 ns behind each start, and the
    last 2 ns of the first pulse with the first 2 ns of the second."""
    taps = {"filter": {"feedforward": [1.0, *[0.0] * 17, 1.0]}}
    (found,) = seen(play("q1"), wait(4, "q1"), play("q1", "short"), level=0.3, port=taps, q1=drive(1, **STEADY))
    assert (found.count, found.first_ns) == ((100 - 18) + 2 + (20 - 18), 18)


def test_a_quiet_pulse_before_a_loud_one_is_remembered() -> None:
    """Taps 0.5 for now and 1.9 for 40 ns ago: 0.2 V become 0.48 V; the 0.3 V behind them 0.53 V for 40 ns."""
    taps = {"filter": {"feedforward": [0.5, *[0.0] * 39, 1.9]}}
    quiet, loud = play("q1", "short", 2 / 3), play("q1", "short")
    (found,) = seen(*[quiet] * 20, loud, loud, level=0.3, port=taps, q1=drive(1, **STEADY))
    now = np.concatenate((np.full(400, 0.2), np.full(40, 0.3)))
    both = 0.5 * now + 1.9 * np.concatenate((np.zeros(40), now[:-40]))
    assert (found.count, found.first_ns) == (int((both > 0.5).sum()), int(np.argmax(both > 0.5))) == (40, 400)


def test_a_filter_of_an_oscillation() -> None:
    """0.4 V at 50 MHz through 0.8, 0.5: |0.8 + 0.5 e^{-i 0.1 pi}| times as much, behind the first sample."""
    (found,) = seen(play("q1"), level=0.4, port={"filter": {"feedforward": [0.8, 0.5]}})
    wave = [0.4 * math.cos(2 * math.pi * 0.05 * t) for t in range(100)]
    behind = [0.8 * v + 0.5 * before for v, before in zip(wave, [0.0, *wave[:-1]], strict=True)]
    beyond = [t for t, v in enumerate(behind) if not -(2**15) <= math.floor(v * 65536 + 0.5) < 2**15]
    assert len(beyond) > 10
    assert (found.count, found.first_ns) == (len(beyond), beyond[0])


def test_a_filter_between_crosstalk_and_offset() -> None:
    """(0.3 + 0.5·0.3) V times 0.9 and 0.1 V: 0.505 V; of 0.8 times that and the offset 0.46 V."""
    pair = {"q1": drive(1, **STEADY), "q2": drive(2, **STEADY)}
    port = {"crosstalk": {2: 0.5}, "offset": 0.1}
    (found,) = seen(play("q1"), play("q2"), level=0.3, port=port | {"filter": {"feedforward": [0.9]}}, **pair)
    assert (found.count, found.first_ns) == (100, 0)
    assert seen(play("q1"), play("q2"), level=0.3, port=port | {"filter": {"feedforward": [0.8]}}, **pair) == []


def test_what_is_held_behind_a_filter() -> None:
    """0.3 V held for 200 ns behind the taps 1 and 1: 0.6 V from the second ns on, until the ramp to zero."""
    sticky = drive(1, **STEADY, sticky={"analog": True, "duration": 100})
    filtered = {"filter": {"feedforward": [1.0, 1.0]}}
    (found,) = seen(play("q1"), wait(50, "q1"), level=0.3, port=filtered, q1=sticky)
    held = math.floor(0.3 * 65536 + 0.5) / 65536
    sums = [0.3] * 100 + [held] * 200 + [held * (1 - (n + 1) / 100) for n in range(100)]
    behind = [v + before for v, before in zip(sums, [0.0, *sums[:-1]], strict=True)]
    assert (found.count, found.first_ns) == (sum(v > 0.5 - 2**-17 for v in behind), 1)


def offset(element: str, volts: float) -> tree.SetDcOffset:
    """A change of the offset of its port."""
    return tree.SetDcOffset(at=0, element=element, input="single", offset=fixed(volts))


def test_an_offset_that_changes_between_pulses() -> None:
    """0.3 V for 100 ns each, on 0 V, 0.25 V and -0.1 V: the second one is too much."""
    (found,) = seen(
        play("q1"), offset("q1", 0.25), play("q1"), offset("q1", -0.1), play("q1"), level=0.3, q1=drive(1, **STEADY)
    )
    assert (found.count, found.first_ns, found.elements) == (100, 100, ("q1",))


def test_an_offset_that_changes_within_a_pulse() -> None:
    """0.3 V for 400 ns; the offset is 0.25 V from 120 ns to 200 ns and from 360 ns on, by another element."""
    pair = {"q1": drive(1, **STEADY), "q2": drive(1, **STEADY)}
    changes = (wait(30, "q2"), offset("q2", 0.25), wait(20, "q2"), offset("q2", 0.0), wait(40, "q2"))
    (found,) = seen(play("q1", duration=100), *changes, offset("q2", 0.25), level=0.3, port={"delay": 5}, **pair)
    assert (found.count, found.first_ns, found.elements) == (80 + 40, 125, ("q1",))


def test_an_offset_that_changes_behind_a_filter() -> None:
    """0.3 V end at 100 ns, taps bring half of them back 40 ns later: 0.15 V with 0.4 V of offset from 100 ns on."""
    taps = {"filter": {"feedforward": [0.3, *[0.0] * 39, 0.5]}}
    body = (play("q1"), offset("q1", 0.4), wait(25, "q1"), play("q1", "short", 0.1))
    (found,) = seen(*body, level=0.3, port=taps, q1=drive(1, **STEADY))
    assert (found.count, found.first_ns) == (40, 100)


def test_an_offset_that_changes_under_what_is_held() -> None:
    """0.3 V held from 100 ns on, for 400 ns; 0.25 V of offset from 300 ns to 400 ns, by another element."""
    pair = {"q1": drive(1, **STEADY, sticky={"analog": True, "duration": 100}), "q2": drive(1, **STEADY)}
    changes = (wait(75, "q2"), offset("q2", 0.25), wait(25, "q2"), offset("q2", 0.0))
    (found,) = seen(play("q1"), wait(100, "q1"), *changes, level=0.3, **pair)
    assert (found.count, found.first_ns, found.elements) == (100, 300, ("q1",))


def test_an_offset_that_changes_under_what_was_held() -> None:
    """Of 0.2 V and 0.35 V where the hold has ended, at 500 ns for a frame rotation, before the program comes to the
    offset."""
    sticky = drive(1, intermediate_frequency=0.0, sticky={"analog": True, "duration": 100})
    pair = {"q1": sticky, "q2": drive(1, **STEADY)}
    turn = tree.FrameRotation(at=0, element="q1", turns=fixed(0.0))
    changes = (wait(75, "q2"), offset("q2", 0.35), wait(25, "q2"), offset("q2", 0.0))
    (found,) = seen(play("q1"), wait(100, "q1"), turn, wait(100, "q1"), *changes, level=0.2, **pair)
    assert (found.count, found.first_ns, found.elements) == (100, 300, ("q1",))


def test_the_last_thread_is_right_of_offsets_at_one_instant() -> None:
    """0.3 V, and two offsets at 16 ns: that of the element that comes later in the program holds, in any order."""
    pair = {"q1": drive(1, **STEADY), "q2": drive(1, **STEADY)}
    for first, second, count in ((0.0, 0.25, 100), (0.25, 0.0, 0)):
        for order in (1, -1):
            changes = [offset("q1", first), offset("q2", second)][::order]
            found = seen(wait(4, "q1"), wait(4, "q2"), *changes, play("q1"), level=0.3, **pair)
            assert sum(each.count for each in found) == count


def test_thousands_of_offsets() -> None:
    """One for each of 3,000 pulses, every tenth of which is too much with it."""
    body = [
        part
        for k in range(300)
        for part in (offset("q1", 0.25), play("q1", "short"), offset("q1", 0.01), *[play("q1", "short")] * 9)
    ]
    (found,) = seen(*body, level=0.3, q1=drive(1, **STEADY))
    assert (found.count, found.first_ns) == (300 * 20, 0)


def test_a_correction_that_changes() -> None:
    """I of 0.3 V through c00 = 1, then 1.8: 0.54 V on the port of I; c10 = -1.7 brings 0.51 V to the port of Q."""
    mixed = {
        "mixInputs": {"I": ("con1", 1), "Q": ("con1", 2), "mixer": "m", "lo_frequency": 5e9},
        "intermediate_frequency": 0.0,
        "operations": {"iq": "iq_pulse"},
    }

    def correction(*values: float) -> tree.UpdateCorrection:
        return tree.UpdateCorrection(at=0, element="q", correction=tuple(map(fixed, values)))

    body = (play("q", "iq"), correction(1.8, 0.0, 0.0, 1.0), play("q", "iq"), correction(1.0, 0.0, -1.7, 1.0))
    found = seen(*body, play("q", "iq"), level=0.3, q=mixed)
    assert [(each.ref.number, each.count, each.first_ns) for each in found] == [(1, 100, 100), (2, 100, 200)]


def test_an_endless_filter_is_not_watched() -> None:
    """What stands behind feedback is not looked at."""
    assert seen(play("q1"), level=0.5, port={"filter": {"feedforward": [1.0], "feedback": [0.1]}}) == []


def test_many_quiet_pulses_before_a_loud_one() -> None:
    """Of 5,000 pulses in range on a port that two elements share nothing is kept; the one of 0.6 V counts."""
    quiet = [play("q1", "short", 0.5)] * 5000
    (found,) = seen(*quiet, play("q1", "short", 1.5), level=0.4, q1=drive(1, **STEADY), q2=drive(1, **STEADY))
    assert (found.count, found.first_ns) == (20, 100_000)


def opx1000(*body: tree.Statement, config: dict[str, Any], **elements: Any) -> list[OutputOverflow]:
    """The same on a FEM, the module 1 of an OPX1000."""
    raw = bench(**elements)
    raw["controllers"]["con1"] = {"type": "opx1000", "fems": {1: config}}
    raw["elements"] = elements
    raw["waveforms"] |= {"high": {"type": "constant", "sample": 2.4}, "wide": {"type": "constant", "sample": 0.8}}
    raw["pulses"] |= {
        "high_pulse": {"operation": "control", "length": 48, "waveforms": {"single": "high"}},
        "wide_pulse": {"operation": "control", "length": 48, "waveforms": {"I": "wide", "Q": "nothing"}},
    }
    return watched(check_config(raw), *body)


def lf(**port: Any) -> dict[str, Any]:
    """A LF-FEM with an output 1."""
    return {"type": "LF", "analog_outputs": {1: {"offset": 0.0} | port}}


def test_an_amplified_output_spans_five_volts() -> None:
    """2.4 V and 0.2 V of offset are beyond 2.5 V; 0.05 V of offset and 2.4 V are not."""
    one = {
        "singleInput": {"port": ("con1", 1, 1)},
        "operations": {"high": "high_pulse"},
    }
    for offset, count in ((0.2, 48), (0.05, 0)):
        config = lf(output_mode="amplified", offset=offset)
        found = opx1000(play("q", "high"), config=config, q=one)
        assert [(each.count, each.first_ns, each.is_clipped) for each in found] == [(count, 0, False)] * bool(count)


@pytest.mark.parametrize("dbm", [-11, 10])
def test_a_microwave_output_spans_what_it_has(dbm: int) -> None:
    """Samples of 0.8 times 1.5 are 1.2 of the full scale, whatever that is: I where |cos| > 1/1.2, Q where |sin| is."""
    port = {"band": 1, "full_scale_power_dbm": dbm, "upconverters": {1: {"frequency": 1e9}, 2: {"frequency": 1.1e9}}}
    config = {"type": "MW", "analog_outputs": {1: port}}
    mw = {
        "MWInput": {"port": ("con1", 1, 1), "upconverter": 2},
        "intermediate_frequency": 25e6,
        "operations": {"wide": "wide_pulse"},
    }
    (found,) = opx1000(play("q", "wide", 1.5), config=config, q=mw)
    wave = [1.2 * np.exp(2j * np.pi * 0.025 * t) for t in range(48)]
    codes = [[math.floor(v * 2**15 + 0.5) for v in (z.real, z.imag)] for z in wave]
    beyond = [t for t, both in enumerate(codes) for code in both if not -(2**15) <= code < 2**15]
    assert len(beyond) > 10
    assert (found.ref, found.count, found.first_ns) == (PortRef("con1", 1, 1), len(beyond), beyond[0])
    assert opx1000(play("q", "wide"), config=config, q=mw) == []


@pytest.mark.parametrize("plays", [30, 300])
def test_counting_stops(plays: int) -> None:
    """2^20 samples are counted, in whole stretches; then the count is a lower bound."""
    long = tree.Play(
        at=0, operation="long", element="q1", duration=tree.Value(type="int", raw=10_000), amplitude=(fixed(1.99),)
    )
    (found,) = seen(*[long] * plays, level=0.4, q1=drive(1, **STEADY))
    if plays * 40_000 < 2**20:
        assert (found.count, found.is_all) == (plays * 40_000, True)
    else:
        assert found.count >= 2**20
        assert not found.is_all
