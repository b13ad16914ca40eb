"""Qms: what opens, what is refused and in which words, what closes, and what configs and registers do."""

from __future__ import annotations

from typing import Any

import pytest

from quaymaster._core import wire
from quaymaster._core.errors import AskedWrongly, Taken
from quaymaster._core.wire import commands, requests


def open_args(mode: Any = "never") -> requests.OpenQm:
    return requests.OpenQm(close_mode=mode)


def test_qm_ids_are_qm_and_13_digits_and_unique(bench: Any, config: Any) -> None:
    """Two qms opened in the same millisecond have different ids of the platform's form."""
    first = bench.ask(open_args(), wire.pack_plain(config(1))).qm_id
    second = bench.ask(open_args(), wire.pack_plain(config(2))).qm_id
    assert first == f"qm-{bench.now_ms}"
    assert second == f"qm-{bench.now_ms + 1}"
    assert bench.ask(requests.ListQms()).qm_ids == [first, second]


def test_open_tells_the_controllers(bench: Any, config: Any) -> None:
    """Each controller of the config is told, with the config as body."""
    both = {"controllers": {**config(1)["controllers"], **config(1, controller="con2")["controllers"]}}
    qm_id = bench.open(both)
    opens = [send for send in bench.sent if isinstance(send.action, commands.Open)]
    assert [send.controller for send in opens] == ["con1", "con2"]
    assert {send.action.qm_id for send in opens} == {qm_id}
    assert opens[0].bodies == (wire.content_digest(wire.pack_plain(both)),)


def test_a_port_is_not_given_twice(bench: Any, config: Any) -> None:
    """The refusal says which port, which qm, whose, since when, and keeps the words that tools look for."""
    held = bench.open(config(1, 2), user="bob")
    error = bench.refusal(open_args(), wire.pack_plain(config(2, 3)))
    assert isinstance(error, Taken)
    assert error.code == "ports_taken"
    assert "cannot be used because it isn't shareable in other QM" in error.message
    assert "Resources already locked" in error.message
    (conflict,) = error.details["conflicts"]
    assert conflict["path"] == "con1/1 analog output 2"
    assert (conflict["qm_id"], conflict["user"], conflict["since_ms"]) == (held, "bob", bench.now_ms)


@pytest.mark.parametrize(("first", "second"), [(True, False), (False, True), (False, False)])
def test_both_configs_must_share(bench: Any, config: Any, first: bool, second: bool) -> None:
    """One side alone cannot make a port shareable."""
    bench.open(config(1, shareable=first))
    assert bench.refusal(open_args(), wire.pack_plain(config(1, shareable=second))).code == "ports_taken"


def test_any_number_of_qms_share_a_port(bench: Any, config: Any) -> None:
    """All say shareable: all get it, and each sees the others."""
    qms = [bench.open(config(1, number + 2, shareable=True)) for number in range(4)]
    assert bench.ask(requests.GetQm(qm_id=qms[1])).shared_with == [qms[0], qms[2], qms[3]]
    status = bench.ask(requests.GetStatus())
    assert {port.port: port.qm_ids for port in status.ports}["con1/1 analog output 1"] == qms


def test_sharers_must_agree_on_what_is_physical(bench: Any, config: Any) -> None:
    """The refusal names both qms and both values."""
    held = bench.open(config(1, shareable=True, delay=8))
    error = bench.refusal(open_args(), wire.pack_plain(config(1, shareable=True, delay=12)))
    assert error.code == "ports_disagree"
    assert "Resources already locked" in error.message
    for word in ("delay", "8", "12", held, "con1/1 analog output 1"):
        assert word in error.message


def test_a_differing_offset_is_accepted_with_a_warning(bench: Any, config: Any) -> None:
    """The last opener's offset holds, and the warning has both values."""
    held = bench.open(config(1, shareable=True, offset=0.1))
    opened = bench.ask(open_args(), wire.pack_plain(config(1, shareable=True, offset=0.2)))
    (warning,) = opened.warnings
    assert "0.1" in warning
    assert "0.2" in warning
    assert held in warning


def test_what_a_config_warns_of_is_told(bench: Any, config: Any) -> None:
    """Each warning of the config is in the answer, with its path."""
    raw = config(1)
    raw["integration_weights"] = {"strong": {"cosine": [(1500.0, 16)], "sine": [(0.0, 16)]}}
    (warning,) = bench.ask(open_args(), wire.pack_plain(raw)).warnings
    assert warning.startswith("integration_weights.strong")
    assert "above 1024" in warning


def test_all_ports_or_none(bench: Any, config: Any) -> None:
    """A config over two controllers of which one port is taken claims nothing on either."""
    bench.open(config(1, controller="con2"))
    both = {"controllers": {**config(5)["controllers"], **config(1, controller="con2")["controllers"]}}
    bench.refusal(open_args(), wire.pack_plain(both))
    bench.open(config(5))


@pytest.mark.parametrize(
    ("raw", "code", "words"),
    [
        ({"controllers": {"con9": {"analog_outputs": {}}}}, "unknown_controller", "con9"),
        ({"controllers": {"con1": {"type": "opx1000", "fems": {}}}}, "controller_type", "con1"),
        ({"controllers": {}}, "no_controller", "controller"),
    ],
)
def test_controllers_must_exist_and_match(bench: Any, raw: Any, code: str, words: str) -> None:
    """A controller that is not here, or is of another type, is refused by its name."""
    error = bench.refusal(open_args(), wire.pack_plain(raw))
    assert isinstance(error, AskedWrongly)
    assert error.code == code
    assert words in error.message


def test_fems_must_match(bench: Any) -> None:
    """An OPX1000's slots are compared one by one; an opx1 config does not open on it."""
    bench.connect("con3", "opx1000", {1: "lf", 2: "mw"})
    fits = {"controllers": {"con3": {"type": "opx1000", "fems": {1: {"type": "LF", "analog_outputs": {1: {}}}}}}}
    bench.open(fits)
    wrong = {"controllers": {"con3": {"type": "opx1000", "fems": {2: {"type": "LF"}}}}}
    assert bench.refusal(open_args(), wire.pack_plain(wrong)).code == "fem_type"
    empty = {"controllers": {"con3": {"type": "opx1000", "fems": {5: {"type": "LF"}}}}}
    assert "empty slot" in bench.refusal(open_args(), wire.pack_plain(empty)).message
    old = {"controllers": {"con3": {"type": "opx1", "analog_outputs": {1: {}}}}}
    assert bench.refusal(open_args(), wire.pack_plain(old)).code == "controller_type"


def test_opx_and_opx1_mean_the_same(bench: Any) -> None:
    """Both type names match an OPX and an OPX+."""
    bench.connect("con4", "opx")
    for number, kind in enumerate(("opx", "opx1"), 1):
        for name in ("con1", "con4"):
            bench.open({"controllers": {name: {"type": kind, "analog_outputs": {number: {}}}}})


def test_all_errors_of_a_config_are_told(bench: Any) -> None:
    """A broken config is refused with every error in it, and opens nothing."""
    raw = {
        "controllers": {"con1": {"analog_outputs": {99: {}}}},
        "elements": {"q": {"singleInput": {"port": ("con1", 5)}}},
    }
    error = bench.refusal(open_args(), wire.pack_plain(raw))
    assert len(error.details["issues"]) == 2


@pytest.mark.parametrize("bodies", [(), (b"\xc1",), (b"\x90",), (b"\x80", b"\x80")])
def test_what_is_no_config_is_refused(bench: Any, bodies: tuple[bytes, ...]) -> None:
    """No body, garbage, not a dict, two bodies."""
    assert bench.refusal(open_args(), *bodies).code in ("bad_frame", "bad_body")


def test_a_controller_that_is_away_is_named(bench: Any, config: Any) -> None:
    """A known controller that is not connected now: try later."""
    bench.gone("con2")
    error = bench.refusal(open_args(), wire.pack_plain(config(1, controller="con2")))
    assert (error.code, error.family) == ("controller_unavailable", "taken")


# -- closing -----------------------------------------------------------------------------------------------------------


def test_close_modes(bench: Any, config: Any) -> None:
    """`never` closes nothing, `if_needed` only what is in the way, `all` everything; the warnings say what."""
    one, two = bench.open(config(1)), bench.open(config(2))
    job = bench.add(one)
    opened = bench.ask(open_args("if_needed"), wire.pack_plain(config(1, 3)))
    assert opened.closed_qms == [one]
    assert opened.canceled_jobs == [job]
    assert any(job in warning for warning in opened.warnings)
    opened = bench.ask(open_args("all"), wire.pack_plain(config(9)))
    assert len(opened.closed_qms) == 2
    assert two in opened.closed_qms


def test_default_close_mode_is_the_profiles(new_bench: Any, config: Any) -> None:
    """qop2 closes all, qop3 what is in the way."""
    for api, closed in (("qop2", 1), ("qop3", 0)):
        bench = new_bench(api)
        bench.connect("con1")
        bench.open(config(1))
        assert len(bench.ask(open_args(None), wire.pack_plain(config(2))).closed_qms) == closed


def test_a_refused_open_closes_nothing(bench: Any, config: Any) -> None:
    """With close mode `all`, a config with an error leaves the open qms alone."""
    qm_id = bench.open(config(1))
    bench.refusal(open_args("all"), wire.pack_plain({"controllers": {"con9": {}}}))
    assert bench.ask(requests.ListQms()).qm_ids == [qm_id]


def test_reopening_the_identical_config_says_so(bench: Any, config: Any) -> None:
    """The platform's warning about the identical qm; without closing it is a conflict like any other."""
    qm_id = bench.open(config(1))
    assert bench.refusal(open_args(), wire.pack_plain(config(1))).code == "ports_taken"
    opened = bench.ask(open_args("if_needed"), wire.pack_plain(config(1)))
    assert opened.warnings == [f"identical qm {qm_id} is closed"]


def test_closing_cancels_what_runs_and_what_waits(bench: Any, config: Any) -> None:
    """Running and pending jobs are canceled, the ports are free, the controller is told in that order."""
    qm_id = bench.open(config(1))
    running, pending = bench.add(qm_id), bench.add(qm_id, user="bob")
    bench.status(running, "running")
    bench.sent.clear()
    closed = bench.ask(requests.CloseQm(qm_id=qm_id), user="eve")
    assert closed.canceled_jobs == [running, pending]
    assert bench.state(running) == bench.state(pending) == "canceled"
    assert [type(send.action) for send in bench.sent] == [commands.Halt, commands.Close]
    bench.open(config(1))
    report = bench.ask(requests.GetReport(job_id=pending))
    assert "eve" in report.entries[0].message


def test_results_of_a_job_that_closing_halted_are_kept(bench: Any, config: Any) -> None:
    """The controller's last word still brings the streams; the state stays canceled."""
    qm_id = bench.open(config(1))
    job = bench.add(qm_id)
    bench.status(job, "running")
    bench.ask(requests.CloseQm(qm_id=qm_id))
    schema = wire.StreamSchema(name="s", dtype="<i4")
    bench.status(job, "completed", streams=[wire.StreamState(schema=schema, count=5, closed=True)])
    state = bench.ask(requests.GetResultsState(job_id=job))
    assert (state.state, state.streams[0].count) == ("canceled", 5)


def test_unknown_qms_are_named(bench: Any) -> None:
    """Every request on a qm that is not open says so."""
    digest = wire.content_digest(b"x")
    for args in (
        requests.GetQm(qm_id="qm-0"),
        requests.CloseQm(qm_id="qm-0"),
        requests.GetConfig(qm_id="qm-0"),
        requests.GetIo(qm_id="qm-0"),
        requests.SetIo(qm_id="qm-0", io1=1),
        requests.AddJob(qm_id="qm-0", digest=digest),
        requests.Compile(qm_id="qm-0", digest=digest),
        requests.RemoveJobs(qm_id="qm-0", all=True),
    ):
        error = bench.refusal(args)
        assert error.code == "unknown_qm"
        assert "qm-0" in error.message


def test_close_all(bench: Any, config: Any) -> None:
    """Everybody's qms are closed."""
    first, second = bench.open(config(1), user="ann"), bench.open(config(2), user="bob")
    assert bench.ask(requests.CloseAllQms(), user="eve").qm_ids == [first, second]
    assert bench.ask(requests.ListQms()).qm_ids == []


# -- setters -----------------------------------------------------------------------------------------------------------


def element_config() -> dict[str, Any]:
    """A config with an IQ element, a mixer and digital inputs."""
    return {
        "controllers": {
            "con1": {
                "type": "opx1",
                "analog_outputs": {1: {"offset": 0.0}, 2: {"offset": 0.0}},
                "analog_inputs": {1: {"offset": 0.0}},
                "digital_outputs": {1: {}},
                "digital_inputs": {2: {"deadtime": 4}},
            }
        },
        "elements": {
            "q": {
                "mixInputs": {"I": ("con1", 1), "Q": ("con1", 2), "mixer": "m", "lo_frequency": 5e9},
                "intermediate_frequency": 50e6,
                "outputs": {"out1": ("con1", 1)},
                "time_of_flight": 200,
                "smearing": 0,
                "digitalInputs": {"trigger": {"port": ("con1", 1), "delay": 0, "buffer": 0}},
                "operations": {},
            }
        },
        "mixers": {"m": [{"intermediate_frequency": 50e6, "lo_frequency": 5e9, "correction": [1.0, 0.0, 0.0, 1.0]}]},
    }


def change(kind: str, target: str, *values: float, **fields: Any) -> requests.ConfigChange:
    return requests.ConfigChange(kind=kind, target=target, values=list(values), **fields)


@pytest.mark.parametrize(
    ("made", "path", "value"),
    [
        (change("output_dc_offset", "q", 0.1, port="Q"), ("controllers", "con1", "analog_outputs", 2, "offset"), 0.1),
        (change("input_dc_offset", "q", 0.2, port="out1"), ("controllers", "con1", "analog_inputs", 1, "offset"), 0.2),
        (change("digital_delay", "q", 40, port="trigger"), ("elements", "q", "digitalInputs", "trigger", "delay"), 40),
        (change("digital_buffer", "q", 8, port="trigger"), ("elements", "q", "digitalInputs", "trigger", "buffer"), 8),
        (
            change("digital_input_threshold", "con1", 1.5, port="2"),
            ("controllers", "con1", "digital_inputs", 2, "threshold"),
            1.5,
        ),
        (
            change("digital_input_deadtime", "con1", 9, port="1/2"),
            ("controllers", "con1", "digital_inputs", 2, "deadtime"),
            9,
        ),
        (
            change("digital_input_polarity", "con1", 0, port="1/2"),
            ("controllers", "con1", "digital_inputs", 2, "polarity"),
            "FALLING",
        ),
        (
            change("mixer_correction", "m", 0.9, 0.1, 0.2, 1.1, frequency=50e6, lo_frequency=5e9),
            ("mixers", "m", 0, "correction"),
            [0.9, 0.1, 0.2, 1.1],
        ),
    ],
)
def test_setters_change_the_effective_config(bench: Any, made: Any, path: tuple[Any, ...], value: Any) -> None:
    """Each setter of the platform changes its place in the effective config, and the controllers get the new one."""
    qm_id = bench.open(element_config())
    before = bench.ask(requests.GetConfig(qm_id=qm_id)).config_digest
    found = bench.ask(requests.SetConfig(qm_id=qm_id, changes=[made]))
    assert found.config_digest != before
    config = wire.unpack_plain(bench.answers[-1].bodies[0])
    for key in path:
        config = config[key]
    assert list(config) == value if isinstance(value, list) else config == value
    assert bench.commands(commands.Open)[-1].config_digest == found.config_digest


@pytest.mark.parametrize("keys", [int, str])
@pytest.mark.parametrize("numbers", [int, str])
def test_setters_find_ports_by_number_or_text(bench: Any, keys: Any, numbers: Any) -> None:
    """Both are allowed in a config, as keys and in references, of an OPX and of an OPX1000."""
    bench.connect("con3", "opx1000", {5: "LF"})
    raw = element_config()
    ports = {keys(1): {"offset": 0.0}, keys(2): {"offset": 0.0}}
    raw["controllers"]["con1"] |= {"analog_outputs": ports, "analog_inputs": {keys(1): {}}}
    raw["elements"]["q"]["mixInputs"] |= {"I": ("con1", numbers(1)), "Q": ("con1", numbers(1), numbers(2))}
    raw["elements"]["q"]["outputs"] = {"out1": ("con1", numbers(1))}
    raw["controllers"]["con3"] = {"type": "opx1000", "fems": {keys(5): {"type": "LF", "analog_outputs": ports}}}
    raw["elements"]["f"] = {"singleInput": {"port": ("con3", numbers(5), numbers(2))}}
    qm_id = bench.open(raw)
    changes = [
        change("output_dc_offset", "q", 0.1, port="I"),
        change("output_dc_offset", "q", 0.2, port="Q"),
        change("input_dc_offset", "q", 0.3, port="out1"),
        change("output_dc_offset", "f", 0.4, port="single"),
    ]
    bench.ask(requests.SetConfig(qm_id=qm_id, changes=changes))
    controllers = wire.unpack_plain(bench.answers[-1].bodies[0])["controllers"]
    assert [controllers["con1"]["analog_outputs"][n]["offset"] for n in (1, 2)] == [0.1, 0.2]
    assert controllers["con1"]["analog_inputs"][1]["offset"] == 0.3
    assert controllers["con3"]["fems"][5]["analog_outputs"][2]["offset"] == 0.4


@pytest.mark.parametrize(
    "made",
    [
        change("output_dc_offset", "q", 0.1, port="single"),
        change("output_dc_offset", "d", 0.1, port="I"),
        change("input_dc_offset", "d", 0.1, port="out1"),
        change("digital_delay", "n", 8, port="trigger"),
        change("mixer_correction", "m", 1, 0, 0, 1, frequency=50e6, lo_frequency=5e9),
    ],
)
def test_setters_take_null_for_nothing(bench: Any, made: Any) -> None:
    """What a config gives as null is not there, for setters too."""
    raw = element_config()
    raw["mixers"] = None
    raw["elements"]["q"]["singleInput"] = None
    trigger = {"trigger": {"port": ("con1", 1), "delay": 0, "buffer": 0}}
    raw["elements"]["d"] = {"mixInputs": None, "outputs": None, "digitalInputs": trigger}
    raw["elements"]["n"] = {"singleInput": {"port": ("con1", 1)}, "digitalInputs": None}
    assert bench.refusal(requests.SetConfig(qm_id=bench.open(raw), changes=[made])).code == "bad_change"


@pytest.mark.parametrize("kind", ["multipleInputs", "singleInputCollection"])
def test_offsets_of_several_inputs(bench: Any, kind: str) -> None:
    """By the names that the config has for them."""
    raw = element_config()
    raw["elements"]["many"] = {kind: {"inputs": {"a": ("con1", 1), "b": ("con1", 2)}}, "operations": {}}
    qm_id = bench.open(raw)
    bench.ask(requests.SetConfig(qm_id=qm_id, changes=[change("output_dc_offset", "many", 0.1, port="b")]))
    config = wire.unpack_plain(bench.answers[-1].bodies[0])
    assert config["controllers"]["con1"]["analog_outputs"][2]["offset"] == 0.1
    made = change("output_dc_offset", "many", 0.1, port="c")
    assert bench.refusal(requests.SetConfig(qm_id=qm_id, changes=[made])).code == "bad_change"


def test_a_frequency_is_set_with_its_mixer_entry(bench: Any) -> None:
    """A new intermediate frequency is checked like the config itself: it needs an entry of the mixer."""
    raw = element_config()
    raw["mixers"]["m"].append({"intermediate_frequency": 60e6, "lo_frequency": 5e9, "correction": [1, 0, 0, 1]})
    qm_id = bench.open(raw)
    bench.ask(requests.SetConfig(qm_id=qm_id, changes=[change("intermediate_frequency", "q", 60e6)]))
    config = wire.unpack_plain(bench.answers[-1].bodies[0])
    assert config["elements"]["q"]["intermediate_frequency"] == 60e6


@pytest.mark.parametrize("kind", ["digital_delay", "digital_buffer"])
def test_digital_windows_are_whole(bench: Any, kind: str) -> None:
    """7.9 ns is refused as a config that says so is; nothing is cut off, nothing changes."""
    qm_id = bench.open(element_config())
    error = bench.refusal(requests.SetConfig(qm_id=qm_id, changes=[change(kind, "q", 7.9, port="trigger")]))
    assert error.code == "config_error"
    assert f"elements.q.digitalInputs.trigger.{kind.removeprefix('digital_')}" in error.message
    assert "an integer" in error.message


@pytest.mark.parametrize(
    "made",
    [
        change("colour", "q", 1),
        change("intermediate_frequency", "nobody", 1),
        change("intermediate_frequency", "q", float("nan")),
        change("intermediate_frequency", "q"),
        change("output_dc_offset", "q", 0.1, port="single"),
        change("input_dc_offset", "q", 0.1, port="out9"),
        change("digital_delay", "q", 1, port="nothing"),
        change("digital_input_threshold", "con9", 1, port="2"),
        change("digital_input_threshold", "con1", 1, port="3"),
        change("digital_input_threshold", "con1", 1, port="2/2"),
        change("digital_input_threshold", "con1", 1, port="x"),
        change("digital_input_threshold", "con1", 1, 2, port="2"),
        change("mixer_correction", "m", 1, 0, 0, 1, frequency=1.0, lo_frequency=5e9),
        change("mixer_correction", "nothing", 1, 0, 0, 1),
    ],
)
def test_bad_changes_change_nothing(bench: Any, made: Any) -> None:
    """Unknown setters, elements, ports and entries, NaN, wrong counts: refused, and the config stays."""
    qm_id = bench.open(element_config())
    good = change("output_dc_offset", "q", 0.3, port="I")
    assert bench.refusal(requests.SetConfig(qm_id=qm_id, changes=[good, made])).code == "bad_change"
    bench.ask(requests.GetConfig(qm_id=qm_id))
    config = wire.unpack_plain(bench.answers[-1].bodies[0])
    assert config["controllers"]["con1"]["analog_outputs"][1]["offset"] == 0.0
    raw = bench.core.cluster.raw_configs[qm_id]
    assert raw["controllers"]["con1"]["analog_outputs"][1]["offset"] == 0.0


def test_jobs_that_start_later_run_against_the_changed_config(bench: Any) -> None:
    """A job that waits when a setter comes is loaded with the new config."""
    bench.needs = {"con1": 2}
    qm_id = bench.open(element_config())
    first, second = bench.add(qm_id), bench.add(qm_id)
    changes = [change("output_dc_offset", "q", 0.1, port="I")]
    digest = bench.ask(requests.SetConfig(qm_id=qm_id, changes=changes)).config_digest
    bench.status(first, "completed")
    loads = {load.job_id: load.config_digest for load in bench.commands(commands.Load)}
    assert loads[first] != digest
    assert loads[second] == digest
