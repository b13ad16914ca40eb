"""What the compiler refuses: every fault with its line, all at once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest
from digital_lab import bench as digital_bench
from engine_lab import bench, config, drive, readout

import quaymaster.qua as q
from quaymaster._core.config import Config, check_config
from quaymaster._core.engine.codes import Op
from quaymaster._core.errors import AskedWrongly
from quaymaster.controller.compiler import compile_program


def refused(build: Callable[[], None], setup: Config | None = None) -> AskedWrongly:
    """The error of the program that ``build`` writes."""
    with q.program() as prog:
        build()
    with pytest.raises(AskedWrongly) as caught:
        compile_program(prog.tree, setup or config())
    return caught.value


def unknown_element() -> None:
    """An element that the config has not."""
    q.play("long", "q9")


def unknown_operation() -> None:
    """An operation that the element has not."""
    q.play("longer", "q1")


def matrix_on_a_single_input() -> None:
    """Four amplitudes need I and Q."""
    q.play("long" * q.amp(1.0, 0.0, 0.0, 1.0), "q1")


def control_pulse() -> None:
    """A control pulse cannot be measured."""
    q.measure("long", "r1", None)


def no_outputs() -> None:
    """q1 has no outputs."""
    q.measure("long", "q1", None)


def unknown_weights() -> None:
    """Weights that the pulse has not."""
    q.measure("read", "r1", None, q.demod.full("cosine", q.declare(q.fixed), "out1"))


def unknown_output() -> None:
    """An output that the element has not."""
    q.measure("read", "r1", None, q.demod.full("cos", q.declare(q.fixed), "out3"))


def two_lengths() -> None:
    """The two windows of a dual demodulation must be equal."""
    q.measure("read", "r1", None, q.dual_demod.full("cos", "out1", "late", "out2", q.declare(q.fixed)))


def rotation_without_oscillator() -> None:
    """dc has no frequency."""
    q.frame_rotation_2pi(0.25, "dc")


def correction_without_mixer() -> None:
    """q1 has a single input."""
    q.update_correction("q1", 1.0, 0.0, 0.0, 1.0)


def offset_of_an_unknown_input() -> None:
    """r1 has I and Q."""
    q.set_dc_offset("r1", "single", 0.1)


def waveform_of_no_array() -> None:
    """The pulse has one waveform alone."""
    q.load_waveform("long", 1, "q1")


def nobody_at_a_register() -> None:
    """A loop that waits for IO1 and holds nobody: q1 would play at once."""
    with q.while_((q.IO1 == 0) & (q.IO2 < 0.5)):
        pass
    q.play("long", "q1")


def condition_of_another_port() -> None:
    """q1 is on an OPX."""
    with q.port_condition(q.declare(bool)):
        q.play("long", "q1")


def frequency_without_oscillator() -> None:
    """dc has no frequency."""
    q.update_frequency("dc", 1_000_000)


def chirp_without_oscillator() -> None:
    """dc has no frequency to sweep from."""
    q.play("long", "dc", chirp=(1000, "Hz/nsec"))


def frequency_beyond() -> None:
    """It would play as -400 MHz."""
    q.update_frequency("q1", 600_000_000)


def frequency_below() -> None:
    """By one Hz."""
    q.update_frequency("q1", -500_000_001)


def long_stretch() -> None:
    """A sampled waveform over 67 ms."""
    q.play("ramp", "q1", duration=2**24)


def short_max_time() -> None:
    """A window shorter than the pulse of 400 ns."""
    q.measure("read", "tags", None, q.time_tagging.analog(q.declare(int, size=2), 399, element_output="out1"))


def near_detector() -> None:
    """r1 has a time of flight of 24 ns."""
    q.measure("read", "r1", None, q.time_tagging.analog(q.declare(int, size=2), 400, element_output="out1"))


def unnamed_output() -> None:
    """Two outputs and no name."""
    q.measure("read", "tags", None, q.time_tagging.high_res(q.declare(int, size=2), 400))


def no_digital_output() -> None:
    """r1 has analog outputs alone."""
    q.measure("read", "r1", None, q.time_tagging.digital(q.declare(int, size=2), 400))


def short_count() -> None:
    """A window shorter than the pulse."""
    q.measure("read", "r1", None, q.counting.digital(q.declare(int), 399, "opd"))


def unknown_trigger_element() -> None:
    """q9 is not there."""
    q.wait_for_trigger("q1", trigger_element="q9")


def trigger_element_without_digital_output() -> None:
    """r1 has analog outputs alone."""
    q.wait_for_trigger("q1", trigger_element=("r1", "out1"), time_tag_target=q.declare(int))


FAULTS = [
    (unknown_element, "element 'q9' is not in the config"),
    (unknown_operation, "has no operation 'longer'; it has: long, ramp, short"),
    (matrix_on_a_single_input, "single input and cannot take an amplitude matrix"),
    (control_pulse, "'iq_pulse' of operation 'long' is a control pulse"),
    (no_outputs, "'q1' has no outputs"),
    (unknown_weights, "no integration weights 'cosine'; it has: cos, late, sin"),
    (unknown_output, "no output 'out3'; it has: out1, out2"),
    (two_lengths, "weights of two lengths: 400 and 1000 ns"),
    (long_stretch, "can be stretched to 16777215 cycles"),
    (short_max_time, "max_time of time_tagging.analog is 399 ns, less than the 400 ns of pulse 'read_pulse'"),
    (near_detector, "time_of_flight of element 'r1' is 24 ns; time tagging needs 36 at least"),
    (unknown_trigger_element, "trigger_element 'q9' is not in the config"),
    (trigger_element_without_digital_output, "element 'r1' has no digitalOutputs"),
    (no_digital_output, "element 'r1' has no digitalOutputs"),
    (short_count, "max_time of counting.digital is 399 ns, less than the 400 ns of pulse 'read_pulse'"),
    (short_count, "element 'r1' has no digitalOutputs"),
    (unnamed_output, "element 'tags' has several outputs, so name one; it has: out1, out2"),
    (rotation_without_oscillator, "'dc' has no oscillator"),
    (frequency_without_oscillator, "'dc' has no oscillator"),
    (chirp_without_oscillator, "chirp: element 'dc' has no oscillator (no intermediate_frequency)"),
    (frequency_beyond, "update_frequency: 600000000 Hz of element 'q1' is outside ±500 MHz, the range of its ports"),
    (frequency_below, "update_frequency: -500000001 Hz of element 'q1' is outside ±500 MHz, the range of its ports"),
    (correction_without_mixer, "update_correction: element 'q1' has no mixer"),
    (offset_of_an_unknown_input, "element 'r1' has no input 'single'; it has: I, Q"),
    (waveform_of_no_array, "operation 'long' of element 'q1' has no waveform of type array"),
    (nobody_at_a_register, "nobody would wait here for IO1 and IO2: no element stands in this loop"),
    (condition_of_another_port, "'q1' is not on a port of an MW-FEM"),
]


def test_a_process_where_there_is_nothing_to_hear_says_so() -> None:
    """An element with digital outputs alone can be measured, but has no input to demodulate."""

    def build() -> None:
        q.measure("read", "only", None, q.demod.full("cos", q.declare(q.fixed)))

    assert "element 'only' has no `outputs`, so there is no input to read" in str(refused(build, digital_bench()))


@pytest.mark.parametrize(("build", "words"), FAULTS)
def test_each_fault_is_named_with_its_line(build: Callable[[], None], words: str) -> None:
    """The message says what is wrong and where: this file, the line of the statement."""
    error = refused(build, config(tags=readout(time_of_flight=36)))
    assert error.code == "compile_error"
    assert words in str(error)
    first = build.__code__.co_firstlineno
    last = first + len(inspect.getsourcelines(build)[0])
    (issue,) = {(issue["file"], issue["line"]) for issue in error.details["issues"]}
    assert issue[0] == __file__
    assert first < issue[1] < last


def test_sampled_waveforms_stretch_to_67_ms_and_constant_ones_as_long_as_you_like() -> None:
    """The longest stretch, and a longer constant, compile."""
    with q.program() as prog:
        q.play("ramp", "q1", duration=2**24 - 1)
        q.play("long", "q1", duration=2**24)
    compile_program(prog.tree, config())


def test_all_faults_come_at_once() -> None:
    """Two wrong operations and an amplitude matrix: three issues in the order of the text."""

    def build() -> None:
        unknown_operation()
        q.play("none", "q2")
        matrix_on_a_single_input()

    assert len(refused(build).details["issues"]) == 3


def test_a_bad_tree_is_refused_too() -> None:
    """What check_program finds is part of the same error."""

    def build() -> None:
        q.wait(3, "q1")

    from quaymaster._core.program import tree

    with q.program() as prog:
        q.wait(4, "q1")
    bad = tree.Program(
        declarations=(),
        streams=(),
        body=(tree.Wait(at=0, duration=tree.Value(type="int", raw=3), elements=("q1",)),),
        nodes=(),
        results=(),
        sources=prog.tree.sources,
    )
    with pytest.raises(AskedWrongly, match="the least is 4") as caught:
        compile_program(bad, config())
    assert caught.value.code == "compile_error"


def play(element: str) -> Callable[[], None]:
    """A program that plays on one element."""
    return lambda: q.play("long", element)


COLLECTION = {
    "singleInputCollection": {"inputs": {"a": ("con1", 1), "b": ("con1", 2)}},
    "operations": {"long": "long_pulse", "read": "single_read"},
    "outputs": {"out1": ("con1", 1)},
    "time_of_flight": 24,
    "smearing": 0,
}


def with_inputs(element: dict[str, Any]) -> Config:
    """The bench with one more element, that may measure."""
    raw = bench(new=element)
    raw["pulses"]["single_read"] = raw["pulses"]["read_pulse"] | {"waveforms": {"single": "level"}}
    return check_config(raw)


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda: q.play("long", "new"), "and the play no target; its inputs are: a, b"),
        (lambda: q.play("long", "new", target="c"), "and no input 'c'; its inputs are: a, b"),
        (lambda: q.play("long", "q1", target="a"), "'q1' has no singleInputCollection, so play takes no target ('a')"),
        (lambda: q.measure("read", "new"), r"play(..., target=...) alone can say on which input"),
        (lambda: q.wait_for_trigger("new", "long"), r"play(..., target=...) alone can say on which input"),
        (lambda: q.set_dc_offset("new", "single", 0.1), "'new' has no input 'single'; it has: a, b"),
        (lambda: q.play("long" * q.amp(1, 0, 0, 1), "new", target="a"), "has a single input"),
    ],
)
def test_what_an_element_of_several_inputs_needs(use: Callable[[], None], words: str) -> None:
    """A target that it has, and that another element has not; what names none is refused."""
    error = refused(use, with_inputs(COLLECTION))
    assert error.code == "compile_error"
    assert words in str(error)


def test_a_sticky_collection_comes_later() -> None:
    """Which input would hold is not known: not_yet, and the element's name."""
    error = refused(lambda: q.play("long", "new", target="a"), with_inputs(COLLECTION | {"sticky": {"analog": True}}))
    assert error.code == "not_yet"
    assert "element 'new': sticky with a singleInputCollection is not supported yet" in str(error)


@pytest.mark.parametrize(("rate", "count"), [(2e9, 200), (0.03e9, 3)])
def test_rates_of_waveforms_that_come_later(rate: float, count: int) -> None:
    """More samples than the port plays, and fewer than a cubic needs: not_yet, and the waveform's name."""
    raw = bench(new={"singleInput": {"port": ("con1", 1)}, "operations": {"own": "own_pulse"}})
    raw["waveforms"]["own"] = {"type": "arbitrary", "samples": [0.1] * count, "sampling_rate": rate}
    raw["pulses"]["own_pulse"] = {"operation": "control", "length": 100, "waveforms": {"single": "own"}}
    error = refused(lambda: q.play("own", "new"), check_config(raw))
    assert error.code == "not_yet"
    assert "waveform 'own' at another rate" in str(error)


def fems(element: dict[str, Any], parts: dict[str, dict[str, Any]] | None = None, **output: Any) -> Config:
    """A config with this element alone, on an OPX1000 with an LF-FEM and a MW-FEM; ``parts``: more by section."""
    low = {"type": "LF", "analog_outputs": {1: output}, "analog_inputs": {1: {}}}
    microwave = {
        "type": "MW",
        "analog_outputs": {1: {"band": 1, "upconverter_frequency": 5e9}},
        "analog_inputs": {1: {"band": 1, "downconverter_frequency": 5e9}},
    }
    raw = bench()
    raw["controllers"] = {"con1": {"type": "opx1000", "fems": {1: low, 2: microwave}}}
    raw["elements"] = {"new": element}
    for section, entries in (parts or {}).items():
        raw[section] |= entries
    return check_config(raw)


def fast() -> Config:
    """An element on an LF-FEM output at 2 GS/s, with a sampled pulse of two samples a ns and a constant one."""
    element = drive(1) | {"singleInput": {"port": ("con1", 1, 1)}, "operations": {"edge": "edge", "long": "long_pulse"}}
    edge = {"operation": "control", "length": 20, "waveforms": {"single": "edge"}}
    waveform = {"type": "arbitrary", "samples": [0.01 * k for k in range(40)]}
    return fems(element, {"pulses": {"edge": edge}, "waveforms": {"edge": waveform}}, sampling_rate=2e9)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"duration": 10}, "sampled waveforms keep their length"),
        ({"chirp": (1000, "Hz/nsec")}, "there are no chirps"),
    ],
)
def test_what_a_port_at_2_gs_cannot_do(options: dict[str, Any], words: str) -> None:
    """No duration of a sampled pulse, no chirp; plain plays, cut ones and longer constants compile."""

    def build() -> None:
        q.play("edge", "new", **options)

    error = refused(build, fast())
    assert error.code == "compile_error"
    assert words in str(error)
    with q.program() as prog:
        q.play("edge", "new")
        q.play("edge", "new", truncate=4)
        q.play("long", "new", duration=10)
    image = compile_program(prog.tree, fast())
    assert image.fine.tolist() == [[0, -1], [-1, -1]]
    assert image.samples[:40].tolist() == [0.01 * k for k in range(40)]
    assert image.samples[40:60] == pytest.approx([0.01 * (2 * k + 0.5) for k in range(20)])


@pytest.mark.parametrize("changing", ["cosine", "sine", ""])
@pytest.mark.parametrize("kind", ["sliced", "accumulated", "moving_window"])
def test_slices_of_weights_that_change_have_7_cycles(changing: str, kind: str) -> None:
    """Ten slices of 6 cycles need constant weights; five of 12 do not. Pieces of one value are constant."""
    raw = bench()
    weights = {"cosine": [(1.0, 100), (1.0, 140)], "sine": [(0.5, 240)]}
    raw["integration_weights"]["w_cos"] = weights | ({changing: [(0.5, 100), (0.25, 140)]} if changing else {})
    del raw["elements"]["dc"]
    setup = check_config(raw)

    def build(cells: int, chunk: int) -> Callable[[], None]:
        window = (2,) if kind == "moving_window" else ()

        def measures() -> None:
            array = q.declare(q.fixed, size=cells)
            q.measure("read", "r1", None, getattr(q.demod, kind)("cos", array, chunk, *window, "out1"))

        return measures

    def compiles(cells: int, chunk: int) -> None:
        with q.program() as prog:
            build(cells, chunk)()
        compile_program(prog.tree, setup)

    compiles(5, 12)
    if not changing:
        compiles(10, 6)
        return
    error = refused(build(10, 6), setup)
    assert error.code == "compile_error"
    assert "slices of 6 x 4 ns, but the weights 'w_cos' change; the least is 7 where weights" in str(error)


def test_a_literal_frequency_is_one_that_the_ports_carry() -> None:
    """±500 MHz at 1 GS/s, ±1 GHz at 2 GS/s, both included; int32 of mHz and less is always within. Elements that share
    an oscillator must all carry it."""
    with q.program() as prog:
        q.update_frequency("q1", 500_000_000)
        q.update_frequency("q1", -500_000_000, keep_phase=True)
        q.update_frequency("q1", 2**31 - 1, units="mHz")
    compile_program(prog.tree, config())
    element = drive(1) | {"singleInput": {"port": ("con1", 1, 1)}, "operations": {"long": "long_pulse"}}
    fine = fems(element, sampling_rate=2e9)
    with q.program() as prog:
        q.update_frequency("new", 1_000_000_000)
        q.update_frequency("new", -1_000_000_000)
    compile_program(prog.tree, fine)
    error = refused(lambda: q.update_frequency("new", 1_000_000_001), fine)
    assert "1000000001 Hz of element 'new' is outside ±1000 MHz" in str(error)
    raw = bench()
    raw["oscillators"] = {"both": {"intermediate_frequency": 50e6}}
    for name in ("q1", "q2"):
        del raw["elements"][name]["intermediate_frequency"]
        raw["elements"][name]["oscillator"] = "both"
    del raw["elements"]["dc"]

    def on_the_first() -> None:
        q.play("long", "q2")
        q.update_frequency("q1", 600_000_000)

    issues = refused(on_the_first, check_config(raw)).details["issues"]
    assert sorted("'q1'" in issue["message"] for issue in issues) == [False, True]


@pytest.mark.parametrize("rate", [1e9, 2e9])
def test_an_input_at_1_gs_demodulates_up_to_500_mhz(rate: float) -> None:
    """An element of 650 MHz measures an input at 2 GS/s alone."""
    element = {
        "singleInput": {"port": ("con1", 1, 1)},
        "intermediate_frequency": 650e6,
        "outputs": {"out1": ("con1", 1, 1)},
        "time_of_flight": 24,
        "operations": {"read": "read_single"},
    }
    pulse = bench()["pulses"]["read_pulse"] | {"waveforms": {"single": "level"}}
    low = {
        "type": "LF",
        "analog_outputs": {1: {"sampling_rate": 2e9}},
        "analog_inputs": {1: {"sampling_rate": rate}},
    }
    controllers = {"con1": {"type": "opx1000", "fems": {1: low}}}
    setup = fems(element, {"controllers": controllers, "pulses": {"read_single": pulse}})

    def build() -> None:
        q.measure("read", "new", None, q.demod.full("cos", q.declare(q.fixed)))

    if rate == 1e9:
        assert "'new' of 650 MHz measures an input at 1 GS/s, which demodulates up to 500 MHz" in str(
            refused(build, setup)
        )
        return
    with q.program() as prog:
        build()
    compile_program(prog.tree, setup)


@pytest.mark.parametrize("rates", [(2e9, 2e9), (1e9, 2e9)])
def test_raw_traces_at_2_gs(rates: tuple[float, float]) -> None:
    """They are twice as long; inputs at two rates have no common stream, but can be measured."""
    element = {
        "singleInput": {"port": ("con1", 1, 1)},
        "outputs": {"out1": ("con1", 1, 1), "out2": ("con1", 1, 2)},
        "time_of_flight": 24,
        "operations": {"read": "read_single"},
    }
    pulse = bench()["pulses"]["read_pulse"] | {"waveforms": {"single": "level"}}
    inputs = {n: {"sampling_rate": rate} for n, rate in zip((1, 2), rates, strict=True)}
    low = {"type": "LF", "analog_outputs": {1: {}}, "analog_inputs": inputs}
    controllers = {"con1": {"type": "opx1000", "fems": {1: low}}}
    setup = fems(element, {"controllers": controllers, "pulses": {"read_single": pulse}})

    def build() -> None:
        q.measure("read", "new", adc_stream=q.declare_stream(adc_trace=True))

    if rates[0] != rates[1]:
        assert "two sampling rates" in str(refused(build, setup))
        with q.program() as prog:
            q.measure("read", "new", None, q.demod.full("cos", q.declare(q.fixed), "out2"))
        compile_program(prog.tree, setup)
        return
    with q.program() as prog:
        build()
        with q.stream_processing():
            pass
    image = compile_program(prog.tree, setup)
    assert list(image.trace_lengths.values()) == [2 * pulse["length"]]
    assert [port.per_ns for port in image.ports] == [2, 2]


def test_a_stream_has_raw_traces_of_one_rate() -> None:
    """Traces of an input at 2 GS/s cannot go where those of one at 1 GS/s go, though they are as long in samples."""
    read = bench()["pulses"]["read_pulse"] | {"waveforms": {"single": "level"}, "integration_weights": {}}
    low = {"type": "LF", "analog_outputs": {1: {}}, "analog_inputs": {1: {}, 2: {"sampling_rate": 2e9}}}
    elements = {
        f"r{n}": {
            "singleInput": {"port": ("con1", 1, 1)},
            "outputs": {"out1": ("con1", 1, n)},
            "time_of_flight": 24,
            "operations": {"read": f"read{n}"},
        }
        for n in (1, 2)
    }
    pulses = {"read1": read | {"length": 2 * read["length"]}, "read2": read}
    raw = bench() | {"controllers": {"con1": {"type": "opx1000", "fems": {1: low}}}, "elements": elements}
    raw["pulses"] = raw["pulses"] | pulses

    def build() -> None:
        traces = q.declare_stream(adc_trace=True)
        q.measure("read", "r1", adc_stream=traces)
        q.measure("read", "r2", adc_stream=traces)

    assert "gets raw traces of inputs at 1 GS/s and at 2 GS/s" in str(refused(build, check_config(raw)))


def test_a_stream_has_one_kind_of_raw_traces() -> None:
    """Traces of a real input and of a MW input cannot go to one stream."""
    readout_on = {"intermediate_frequency": 60e6, "time_of_flight": 24, "operations": {"read": "read_pulse"}}
    element = {"MWInput": {"port": ("con1", 2, 1)}, "MWOutput": {"port": ("con1", 2, 1)}, **readout_on}
    raw = bench()
    raw["controllers"]["con1"] = {
        "type": "opx1000",
        "fems": {
            1: {
                "type": "LF",
                "analog_outputs": {n: {} for n in range(1, 9)},
                "analog_inputs": {1: {}, 2: {}},
            },
            2: {
                "type": "MW",
                "analog_outputs": {1: {"band": 1, "upconverter_frequency": 5e9}},
                "analog_inputs": {1: {"band": 1, "downconverter_frequency": 5e9}},
            },
        },
    }
    raw["elements"] = {"new": element, "r1": raw["elements"]["r1"]}

    def build() -> None:
        traces = q.declare_stream(adc_trace=True)
        q.measure("read", "r1", adc_stream=traces)
        q.measure("read", "new", adc_stream=traces)

    error = refused(build, check_config(raw))
    assert error.code == "compile_error"
    assert "give each kind a stream of its own" in str(error)


def test_the_parts_of_a_microwave_input_have_names() -> None:
    """An unknown output name lists those there are."""
    element = {
        "MWInput": {"port": ("con1", 2, 1)},
        "MWOutput": {"port": ("con1", 2, 1)},
        "intermediate_frequency": 60e6,
        "time_of_flight": 24,
        "operations": {"read": "read_pulse"},
    }

    def build() -> None:
        x = q.declare(q.fixed)
        q.measure("read", "new", q.demod.full("cos", x, "in"))

    error = refused(build, fems(element))
    assert error.code == "compile_error"
    assert "it has: out1, out2, I, Q" in str(error)


def test_a_core_has_elements_of_one_kind() -> None:
    """A single input and an IQ pair on one core."""
    setup = config(a=drive(8, core="k"), b=readout(core="k"))

    def build() -> None:
        q.play("long", "a")
        q.play("long", "b")

    error = refused(build, setup)
    assert error.code == "compile_error"
    assert "share core 'k'" in str(error)


ON_MICROWAVES = [
    (
        lambda: q.measure("read", "new", None, q.time_tagging.analog(q.declare(int, size=3), 1000)),
        "time_tagging.analog reads the codes of an input in volts; that of element 'new' is a MW input",
    ),
    (
        lambda: q.update_correction("new", 1.0, 0.0, 0.0, 1.0),
        "element 'new' has no mixer (the up-converters of an MW-FEM are digital)",
    ),
    (lambda: q.set_dc_offset("new", "I", 0.1), "'new' has no input 'I'; outputs of an MW-FEM have no DC offset"),
]


@pytest.mark.parametrize(("build", "words"), ON_MICROWAVES)
def test_what_an_element_on_an_mw_fem_does_not_have(build: Callable[[], None], words: str) -> None:
    """Codes of one converter to tag, a mixer, DC offsets: errors of the program that say why."""
    element = {
        "MWInput": {"port": ("con1", 2, 1)},
        "MWOutput": {"port": ("con1", 2, 1)},
        "intermediate_frequency": 50e6,
        "time_of_flight": 40,
        "operations": {"read": "read_pulse"},
    }
    error = refused(build, fems(element))
    assert error.code == "compile_error"
    assert words in str(error)


@pytest.mark.parametrize(("mode", "most"), [("direct", 0.5), ("amplified", 2.5)])
def test_an_offset_within_the_range_of_its_port(mode: str, most: float) -> None:
    """The ends of the range compile, what lies beyond is an error that says where it lies."""
    element = {"singleInput": {"port": ("con1", 1, 1)}, "operations": {}}
    setup = fems(element, output_mode=mode)
    with q.program() as prog:
        q.set_dc_offset("new", "single", -most)
        q.set_dc_offset("new", "single", most * (1 - 2.0**-15))
    compile_program(prog.tree, setup)
    if mode == "direct":
        error = refused(lambda: q.set_dc_offset("new", "single", 0.6), setup)
        assert "0.6" in str(error) and "on analog output con1/1/1, which has -0.5 to 0.4999847412 V" in str(error)


def test_a_correction_on_a_shared_oscillator_leaves_microwaves_alone() -> None:
    """An element with a mixer and one on an MW-FEM share an oscillator: only the mixer is corrected."""
    mixed = {"mixInputs": {"I": ("con1", 1, 1), "Q": ("con1", 1, 2)}, "oscillator": "shared", "operations": {}}
    element = {"MWInput": {"port": ("con1", 2, 1)}, "oscillator": "shared", "operations": {"long": "iq_pulse"}}
    low = {"type": "LF", "analog_outputs": {1: {}, 2: {}}, "analog_inputs": {}}
    microwave = {"type": "MW", "analog_outputs": {1: {"band": 1, "upconverter_frequency": 5e9}}, "analog_inputs": {}}
    raw = bench() | {"oscillators": {"shared": {"intermediate_frequency": 50e6}}}
    raw["controllers"] = {"con1": {"type": "opx1000", "fems": {1: low, 2: microwave}}}
    raw["elements"] = {"mixed": mixed, "new": element}
    with q.program() as prog:
        q.play("long", "new")
        q.update_correction("mixed", 1.0, 0.0, 0.0, 0.5)
    image = compile_program(prog.tree, check_config(raw))
    corrected = image.code[image.code[:, 0] == Op.CORRECTION, 1].tolist()
    assert [image.element_info[number].name for number in corrected] == ["mixed"]


def test_loops_that_wait_for_a_register_with_somebody() -> None:
    """An element in the loop, or a value that a later statement needs, makes it wait; a counter ends one by itself."""
    with q.program() as prog:
        n, m, stream = q.declare(int), q.declare(int), q.declare_stream()
        with q.while_(q.IO1 == 0):
            q.align()
        with q.while_(q.IO1 == 1):
            pass
        q.assign(n, q.IO1)
        q.save(n, stream)
        with q.while_((m < 3) & (q.IO2 == 0)):
            q.assign(m, m + 1)
        q.play("long", "q1")
    compile_program(prog.tree, config())
