"""The table of differences: each row holds for a program that meets it, and not for one beside it that does not."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from example_configs import opx1000_lf_mw, opx_readout_pair, opx_two_qubits

from quaymaster import qua
from quaymaster._core.config import check_config
from quaymaster._core.program import tree
from quaymaster._core.program.differences import DIFFERENCES, differences_of
from quaymaster._core.program.used import Setting
from quaymaster.qua import (
    IO1,
    Cast,
    Random,
    advance_input_stream,
    align,
    amp,
    assign,
    declare,
    declare_input_stream,
    declare_stream,
    demod,
    fixed,
    for_,
    frame_rotation_2pi,
    measure,
    pause,
    play,
    program,
    save,
    stream_processing,
    strict_timing_,
    update_frequency,
    wait,
    wait_for_trigger,
)

DOCS = Path(__file__).resolve().parents[3] / "docs"
Body = Callable[[], object]


def ids(body: Body, config: dict[str, Any] | None = None, **setting: Any) -> set[str]:
    """The ids for a program of this body on a config (two IQ qubits and two readouts unless told)."""
    with program() as made:
        body()
    checked = check_config(config or opx_two_qubits())
    return set(differences_of(made.tree, checked, Setting(**setting)))


def of_nodes(*nodes: tree.StreamNode) -> set[str]:
    """The ids for a program of these stream operators alone."""
    made = tree.Program(declarations=(), streams=(), body=(), nodes=nodes, results=(), sources=())
    return set(differences_of(made, check_config(opx_two_qubits()), Setting()))


def measure_i() -> Any:
    """Demodulate one output of rr1 into a variable."""
    i = declare(fixed)
    measure("readout", "rr1", None, demod.full("cos", i, "out1"))
    return i


def in_loop() -> None:
    n = declare(int)
    with for_(n, 0, n < 3, n + 1):
        play("x180", "q1")


def two_elements(wait_for: str = "") -> None:
    play("x180", "q1")
    play("x180", "q2")
    wait(10, *([wait_for] if wait_for else []))


def feed_forward(element: str) -> None:
    i = measure_i()
    play("x180" * amp(i), element)


def play_for(cycles: int) -> None:
    play("x180", "q1", duration=cycles)


def indexed(index: int | None) -> None:
    cells = declare(int, size=3)
    v = declare(int)
    assign(v, cells[v if index is None else index])


def shifted(count: int) -> None:
    v = declare(int)
    assign(v, v << count)


def divided(by: int) -> None:
    v = declare(int)
    assign(v, v / by)


def literal(number: float) -> None:
    v = declare(fixed)
    assign(v, number)


def raw_trace() -> None:
    measure("readout", "rr1", declare_stream(adc_trace=True))


def tags(kind: str) -> None:
    process = getattr(qua.time_tagging, kind)(declare(int, size=3), 1000, element_output="out1")
    measure("readout", "rr1", None, process)


def stamped(stamps: bool) -> None:
    v, stream = declare(int), declare_stream()
    save(v, stream)
    with stream_processing():
        (stream.with_timestamps() if stamps else stream).save_all("v")


def strict() -> None:
    with strict_timing_():
        play("x180", "q1")


def no_mixer_entry() -> dict[str, Any]:
    config = opx_two_qubits()
    config["mixers"]["mixer_q1"] = []
    return config


def two_inputs() -> dict[str, Any]:
    """With an element "many" that plays on two ports at once."""
    config = opx_two_qubits()
    config["waveforms"]["level"] = {"type": "constant", "sample": 0.1}
    config["pulses"]["level"] = {"operation": "control", "length": 40, "waveforms": {"single": "level"}}
    inputs = {"inputs": {"a": ("con1", 1), "b": ("con1", 2)}}
    config["elements"]["many"] = {"multipleInputs": inputs, "operations": {"x180": "level"}}
    return config


def on_one_oscillator() -> dict[str, Any]:
    config = opx_two_qubits()
    config["oscillators"] = {"osc": {"intermediate_frequency": 50e6, "mixer": "mixer_q1", "lo_frequency": 4.9e9}}
    for name in ("q1", "q2"):
        del config["elements"][name]["intermediate_frequency"]
        config["elements"][name]["oscillator"] = "osc"
    return config


def with_array() -> dict[str, Any]:
    config = opx_two_qubits()
    samples = config["waveforms"]["gauss_wf"]["samples"]
    config["waveforms"]["gauss_wf"] = {"type": "array", "samples_array": [samples, samples[::-1]]}
    return config


def with_digital_sticky() -> dict[str, Any]:
    config = opx_two_qubits()
    config["elements"]["flux"]["sticky"]["digital"] = True
    return config


def plain() -> None:
    """Play, and nothing else."""
    play("x180", "q1")


def on_fems(body: Body, **setting: Any) -> set[str]:
    """The ids on an OPX1000."""
    return ids(body, opx1000_lf_mw(), **setting)


def read_rr() -> None:
    measure("readout", "rr", None, demod.full("cos", declare(fixed)))


def read_lf() -> None:
    measure("readout", "lf_rr", None, demod.full("cos", declare(fixed)))


def play_q() -> None:
    play("x180", "q")


def step_and_play() -> None:
    play("step", "flux")
    play("x180", "q")


def edge_and_read() -> None:
    play("edge", "fast")
    read_rr()


def second_qubit_on(controller: str) -> dict[str, Any]:
    """The config with q2 on such a controller, whose ports are those of con1."""
    raw = opx_two_qubits()
    raw["controllers"]["con2"] = raw["controllers"]["con1"]
    raw["elements"]["q2"]["mixInputs"] |= {"I": (controller, 3), "Q": (controller, 4)}
    return raw


CASES: dict[str, tuple[Callable[[], set[str]], Callable[[], set[str]]]] = {
    "ideal_latencies": (lambda: ids(in_loop), lambda: ids(plain)),
    "save_times": (lambda: ids(lambda: stamped(True)), lambda: ids(lambda: stamped(False))),
    "start_of_program": (lambda: ids(lambda: stamped(True)), lambda: ids(lambda: stamped(False))),
    "wait_for_all": (lambda: ids(two_elements), lambda: ids(lambda: two_elements("q1"))),
    "needed_values": (lambda: ids(lambda: feed_forward("q1")), lambda: ids(lambda: feed_forward("rr1"))),
    "several_controllers": (
        lambda: ids(two_elements, second_qubit_on("con2")),
        lambda: ids(two_elements, second_qubit_on("con1")) | ids(plain, second_qubit_on("con2")),
    ),
    "short_durations": (lambda: ids(lambda: wait(declare(int), "q1")), lambda: ids(lambda: wait(4, "q1"))),
    "strict_timing": (lambda: ids(strict), lambda: ids(plain)),
    "division_by_zero": (lambda: ids(lambda: divided(0)), lambda: ids(lambda: divided(3))),
    "array_bounds": (lambda: ids(lambda: indexed(None)), lambda: ids(lambda: indexed(2))),
    "shift_counts": (lambda: ids(lambda: shifted(32)), lambda: ids(lambda: shifted(31))),
    "literal_rounding": (lambda: ids(lambda: literal(0.1)), lambda: ids(lambda: literal(0.125))),
    "cast_rounding": (
        lambda: ids(lambda: assign(declare(int), Cast.to_int(declare(fixed)))),
        lambda: ids(lambda: assign(declare(fixed), Cast.to_fixed(declare(int)))),
    ),
    "random_numbers": (lambda: ids(lambda: assign(declare(int), Random().rand_int(3))), lambda: ids(plain)),
    "math_precision": (
        lambda: ids(lambda: assign(declare(fixed), qua.Math.sqrt(declare(fixed)))),
        lambda: ids(lambda: assign(declare(fixed), qua.Math.abs(declare(fixed)))),
    ),
    "approximate_elu": (
        lambda: ids(lambda: assign(declare(fixed), qua.Math.aelu(declare(fixed)))),
        lambda: ids(lambda: assign(declare(fixed), qua.Math.elu(declare(fixed)))),
    ),
    "amplitude_resolution": (lambda: ids(lambda: play("x180" * amp(0.5), "q1")), lambda: ids(plain)),
    "stretched_waveforms": (lambda: ids(lambda: play_for(16)), lambda: ids(lambda: play_for(15))),
    "shortened_waveforms": (lambda: ids(lambda: play_for(14)), lambda: ids(lambda: play_for(15))),
    "frequency_range": (
        lambda: ids(lambda: update_frequency("q1", declare(int))),
        lambda: ids(lambda: (update_frequency("q1", 10**7), update_frequency("q1", declare(int), units="mHz"))),
    ),
    "frame_resolution": (lambda: ids(lambda: frame_rotation_2pi(0.25, "q1")), lambda: ids(plain)),
    "fast_frame_rotation": (
        lambda: ids(lambda: qua.fast_frame_rotation(0.6, 0.8, "q1")),
        lambda: ids(lambda: frame_rotation_2pi(0.25, "q1")),
    ),
    "starts_of_conditional_plays": (
        lambda: ids(lambda: play("x180", "q1", condition=declare(bool), timestamp_stream="t")),
        lambda: ids(lambda: play("x180", "q1", condition=declare(bool))),
    ),
    "shared_oscillators": (
        lambda: ids(lambda: (plain(), play("x180", "q2"), frame_rotation_2pi(0.25, "q1")), on_one_oscillator()),
        lambda: ids(lambda: (plain(), play("x180", "q2")), on_one_oscillator()),
    ),
    "global_phase": (
        lambda: ids(lambda: (two_elements(), qua.reset_global_phase())),
        lambda: ids(lambda: (plain(), qua.reset_global_phase())),
    ),
    "frame_and_correction": (
        lambda: ids(lambda: qua.update_correction("q1", 1.0, 0.0, 0.0, 1.0)),
        lambda: ids(plain),
    ),
    "offsets_of_jobs": (lambda: ids(lambda: qua.set_dc_offset("q1", "I", 0.1)), lambda: ids(plain)),
    "loaded_waveforms": (lambda: ids(plain, with_array()), lambda: ids(plain)),
    "held_markers": (
        lambda: ids(lambda: play("step", "flux"), with_digital_sticky()),
        lambda: ids(lambda: play("step", "flux")),
    ),
    "fresh_phases": (lambda: ids(lambda: frame_rotation_2pi(0.25, "q1")), lambda: ids(plain)),
    "mixer_without_entry": (lambda: ids(plain, no_mixer_entry()), lambda: ids(plain)),
    "truncated_pulses": (lambda: ids(lambda: play("x180", "q1", truncate=5)), lambda: ids(plain)),
    "after_a_chirp": (lambda: ids(lambda: play("x180", "q1", chirp=(1000, "Hz/nsec"))), lambda: ids(plain)),
    "several_inputs": (
        lambda: ids(lambda: play("x180", "many"), two_inputs()),
        lambda: ids(lambda: play("x180", "q1"), two_inputs()),
    ),
    "sweeps": (
        lambda: ids(lambda: play("x180", "q1", chirp=(1000, "Hz/nsec"), continue_chirp=True)),
        lambda: ids(lambda: play("x180", "q1", chirp=(1000, "Hz/nsec"))),
    ),
    "opx_latencies": (lambda: ids(in_loop, latency="opx"), lambda: ids(in_loop)),
    "linear_numerics": (lambda: ids(measure_i), lambda: ids(measure_i, numerics="exact")),
    "exact_widths": (lambda: ids(measure_i, numerics="exact"), lambda: ids(measure_i)),
    "demodulation_phase": (lambda: ids(measure_i), lambda: ids(raw_trace)),
    "slice_edges": (
        lambda: ids(lambda: measure("readout", "rr1", demod.sliced("cos", declare(fixed, size=10), 25, "out1"))),
        lambda: ids(measure_i),
    ),
    "tagged_edges": (lambda: ids(lambda: tags("analog")), lambda: ids(lambda: tags("digital"))),
    "digital_inputs": (lambda: ids(lambda: tags("digital")), lambda: ids(lambda: tags("analog"))),
    "tagged_crossings": (lambda: ids(lambda: tags("high_res")), lambda: ids(lambda: tags("analog"))),
    "inverted_inputs": (lambda: ids(measure_i), lambda: ids(plain)),
    "raw_traces": (lambda: ids(raw_trace), lambda: ids(measure_i)),
    "echo_plant": (lambda: ids(measure_i), lambda: ids(measure_i, plant="none")),
    "loopback_plant": (lambda: ids(measure_i, plant="loopback"), lambda: ids(plain, plant="loopback")),
    "silent_plant": (lambda: ids(measure_i, plant="none"), lambda: ids(measure_i)),
    "raw_plant": (lambda: ids(measure_i, plant="raw"), lambda: ids(measure_i, plant="none")),
    "simulated_outputs": (lambda: ids(plain, simulated=True), lambda: ids(plain)),
    "white_noise": (lambda: ids(measure_i, noisy=True), lambda: ids(measure_i)),
    "steady_light": (lambda: ids(measure_i, lit=True), lambda: ids(plain, lit=True)),
    "shared_ports": (lambda: ids(measure_i), lambda: ids(plain)),
    "microwave_levels": (lambda: on_fems(read_rr), lambda: on_fems(play_q)),
    "microwave_band": (lambda: on_fems(read_rr), lambda: on_fems(read_rr, plant="none")),
    "fem_delays": (lambda: on_fems(step_and_play), lambda: on_fems(step_and_play, latency="opx") | on_fems(play_q)),
    "amplified_volts": (lambda: on_fems(step_and_play), lambda: on_fems(play_q)),
    "two_gigasamples": (lambda: on_fems(edge_and_read), lambda: on_fems(read_rr)),
    "upsampling": (lambda: on_fems(step_and_play, simulated=True), lambda: on_fems(edge_and_read, simulated=True)),
    "exponential_filters": (lambda: on_fems(read_lf, simulated=True), lambda: on_fems(read_lf)),
    "histogram_ends": (lambda: of_nodes(tree.Histogram(of=0, bins=((0.0, 1.0),))), of_nodes),
    "zip_order": (lambda: of_nodes(tree.Zip(left=0, right=0)), of_nodes),
    "flattened_items": (lambda: of_nodes(tree.Flatten(of=0)), of_nodes),
    "blocks_of_pairs": (
        lambda: of_nodes(tree.Zip(left=0, right=0), tree.Buffer(of=0, lengths=(2,))),
        lambda: of_nodes(tree.Zip(left=0, right=0)),
    ),
    "io_without_time": (lambda: ids(lambda: assign(declare(int), IO1)), lambda: ids(lambda: assign(declare(int), 1))),
    "input_instants": (
        lambda: ids(lambda: advance_input_stream(declare_input_stream("client", "x", int))),
        lambda: ids(lambda: declare_input_stream("client", "x", int)),
    ),
    "pause_stops_time": (lambda: ids(pause), lambda: ids(align)),
    "trigger_edges": (
        lambda: ids(lambda: wait_for_trigger("qubit1")),
        lambda: ids(lambda: wait_for_trigger("qubit1", trigger_element="rr1")),
    ),
    "digital_triggers": (
        lambda: ids(lambda: wait_for_trigger("qubit1", trigger_element="rr1")),
        lambda: ids(lambda: wait_for_trigger("qubit1")),
    ),
    "convolution_mode": (
        lambda: of_nodes(tree.Convolution(of=0, vector=(1.0,))),
        lambda: of_nodes(tree.Convolution(of=0, vector=(1.0,), mode="same")),
    ),
    "stream_demod": (
        lambda: of_nodes(
            tree.Demod(of=0, frequency=1e6, cosine=_one(), sine=_one()),
        ),
        of_nodes,
    ),
}


def _one() -> tree.Constant:
    return tree.Constant(values=(1.0,), scalar=True)


@pytest.mark.parametrize("id", CASES)
def test_a_row_holds_where_a_program_meets_it_and_not_beside(id: str) -> None:
    """One program that meets the difference, one as near as possible that does not."""
    meets, not_quite = CASES[id]
    assert id in meets()
    assert id not in not_quite()


def test_a_filter_is_heard_through_a_cable() -> None:
    """Of outputs at 1 and at 2 GS/s; an echo brings none."""
    config = opx1000_lf_mw()
    fems = config["controllers"]["con1"]["fems"].values()
    for port in (port for fem in fems if fem.get("type") == "LF" for port in fem["analog_outputs"].values()):
        port["filter"] = {"feedforward": [0.5]}
    assert "unheard_outputs" not in ids(read_lf, config, plant="loopback")
    assert "unheard_outputs" not in ids(edge_and_read, config, plant="loopback")
    assert "unheard_outputs" in ids(edge_and_read, config)


def test_unheard_outputs_and_times_of_flight() -> None:
    """They look at the config: an offset of an output that plays, two flights to one input; echo alone has flights."""
    config = opx_readout_pair()
    play_and_read = _reads(config)
    assert not {"unheard_outputs", "times_of_flight"} & ids(play_and_read, config)
    for port in config["controllers"]["con1"]["analog_outputs"].values():
        port["offset"] = 0.1
    assert "unheard_outputs" in ids(play_and_read, config)
    assert "unheard_outputs" not in ids(play_and_read, config, plant="none")
    assert "unheard_outputs" not in ids(play_and_read, config, plant="loopback")
    for port in config["controllers"]["con1"]["analog_outputs"].values():
        port["filter"] = {"feedforward": [0.5, 0.25]}
    assert "unheard_outputs" not in ids(play_and_read, config, plant="loopback")
    for port in config["controllers"]["con1"]["analog_outputs"].values():
        port["filter"] = {"feedforward": [0.5], "feedback": [0.25]}
    assert "unheard_outputs" not in ids(play_and_read, config, plant="loopback")

    config = opx_two_qubits()
    config["elements"]["rr2"]["time_of_flight"] += 4

    def both() -> None:
        for element in ("rr1", "rr2"):
            measure("readout", element, None, demod.full("cos", declare(fixed), "out1"))

    assert "times_of_flight" in ids(both, config)
    assert "times_of_flight" not in ids(both)
    assert "times_of_flight" not in ids(both, config, plant="loopback")


def test_unwatched_outputs() -> None:
    """Outputs with an endless filter are watched by nobody while a job runs; a simulation renders them."""
    config = opx_readout_pair()
    assert "unwatched_outputs" not in ids(_reads(config), config)
    ports = config["controllers"]["con1"]["analog_outputs"].values()
    for port in ports:
        port["filter"] = {"feedforward": [0.9]}
    assert "unwatched_outputs" not in ids(_reads(config), config)
    for port in ports:
        port["filter"] = {"feedforward": [0.9], "feedback": [0.1]}
    assert "unwatched_outputs" in ids(_reads(config), config)
    assert "unwatched_outputs" not in ids(_reads(config), config, simulated=True)


def _reads(config: dict[str, Any]) -> Body:
    def body() -> None:
        measure("readout", "rr", None, demod.full("cos", declare(fixed)))

    return body


def test_every_row_has_its_case() -> None:
    """No row without a program that shows it."""
    elsewhere = {"simulated_time", "unheard_outputs", "times_of_flight", "unwatched_outputs"}
    assert set(CASES) | elsewhere == set(DIFFERENCES)


def test_a_plain_program_meets_next_to_nothing() -> None:
    """A lone play has only what every program has; an align of one element takes no time to differ in."""
    assert ids(plain) == {"simulated_time"}
    assert ids(lambda: align("q1")) == {"simulated_time"}
    assert "ideal_latencies" in ids(lambda: align("q1", "q2"))


def test_rows_are_written_for_readers() -> None:
    """Ids are words without spaces (they travel in one line); sentences end; the pages named exist."""
    for id, row in DIFFERENCES.items():
        assert id == row.id and id.replace("_", "").isalpha() and id == id.lower()
        assert row.sentence.endswith(".") and "|" not in row.sentence
        page = row.documented.partition(",")[0]
        assert (DOCS.parent / page).is_file(), page


def test_the_page_is_the_table() -> None:
    """docs/differences.md is what docs/write_differences.py writes; run that after a change of the table."""
    path = DOCS / "write_differences.py"
    spec = importlib.util.spec_from_file_location("write_differences", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (DOCS / "differences.md").read_text() == module.page()


def test_any_tree_can_be_asked() -> None:
    """A program whose elements or operations the config lacks is answered too: the compiler names what is wrong."""

    def unknown() -> None:
        play("x180", "nobody", duration=5)
        play("nothing", "q1", duration=5)

    assert "simulated_time" in ids(unknown)
    with program() as made:
        plain()
    empty = msgspec.structs.replace(made.tree, body=())
    assert differences_of(empty, check_config(opx_two_qubits()), Setting()) == ("simulated_time",)


def test_a_waveform_with_a_lower_rate_is_stretched() -> None:
    """What the samples between are, is a choice: told where such a waveform is played."""
    config = opx_two_qubits()
    config["waveforms"]["gauss_wf"] = {"type": "arbitrary", "samples": [0.1] * 30, "sampling_rate": 0.5e9}
    assert "stretched_waveforms" in ids(lambda: play("x180", "q1"), config)
    assert "stretched_waveforms" not in ids(lambda: play("saturation", "q1"), config)
