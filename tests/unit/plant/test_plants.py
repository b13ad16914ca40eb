"""Plants: which input hears which output, and what the formulas of the platform then give."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from typing import Any

import numpy as np
import pytest

from quaymaster._core.config import Config, PortRef, check_config
from quaymaster._core.config.model import MWAnalogOutput
from quaymaster._core.config.ranges import full_scale_volts
from quaymaster._core.engine.hearing import Ear, Hearing, Part
from quaymaster._core.engine.outputs import Output
from quaymaster._core.engine.signals import Signals
from quaymaster._core.errors import AskedWrongly
from quaymaster.controller.plant import Cables, echo, hearing, loopback, none, parse_cables
from quaymaster.controller.plant.gain import GAIN


def element(tof: int = 24, **more: Any) -> dict[str, Any]:
    """A measuring element."""
    return {"intermediate_frequency": 50e6, "operations": {}, "time_of_flight": tof, "smearing": 0} | more


@pytest.fixture
def config() -> Config:
    """Two readout elements on inputs 1 and 2 (IQ and single), and one that measures nothing."""
    return check_config(
        {
            "controllers": {
                "con1": {
                    "analog_outputs": {n: {"offset": 0.0} for n in (1, 2, 3, 4)},
                    "analog_inputs": {1: {"offset": 0.02, "gain_db": 3}, 2: {"offset": 0.0}},
                }
            },
            "elements": {
                "iq": element(
                    mixInputs={"I": ("con1", 1), "Q": ("con1", 2)}, outputs={"a": ("con1", 2), "b": ("con1", 1)}
                ),
                "one": element(tof=32, singleInput={"port": ("con1", 3)}, outputs={"a": ("con1", 1), "b": ("con1", 2)}),
                "drive": {"singleInput": {"port": ("con1", 4)}, "operations": {}},
            },
        }
    )


def port(number: int) -> PortRef:
    """A port of con1."""
    return PortRef("con1", 1, number)


def test_none_hears_nothing(config: Config) -> None:
    """The silent plant still has each input's gain, offset, sign and noise."""
    (first, second) = none(config, ["iq", "drive"], noise=4e-6).ports
    assert (first.ref, second.ref) == (port(2), port(1))
    assert second.gain == pytest.approx(10**0.15)
    assert (second.offset, second.sigma, second.sign) == (0.02, 0.002, -1)
    assert not first.ears and not second.ears
    assert (first.number, second.number) == (258, 257)


def test_echo_hears_those_that_measure(config: Config) -> None:
    """I goes to the first output, Q to the second, a single port to every output; others are not heard."""
    plant = echo(config, ["drive", "iq", "one"])
    assert plant.port(port(2)).ears == (Ear("iq", Output.I, port(1)), Ear("one", Output.SINGLE, port(3)))
    assert plant.port(port(1)).ears == (Ear("iq", Output.Q, port(2)), Ear("one", Output.SINGLE, port(3)))
    with pytest.raises(KeyError):
        plant.port(port(7))


def test_echo_takes_the_smallest_time_of_flight_and_says_so(config: Config) -> None:
    """Elements that disagree share the smaller delay; the event names each input. Alone, each has its own."""
    plant = echo(config, ["iq", "one"])
    assert {p.delay_ns for p in plant.ports} == {24}
    assert plant.events == (("tof_disagree", port(2)), ("tof_disagree", port(1)))
    alone = echo(config, ["one"])
    assert {p.delay_ns for p in alone.ports} == {32}
    assert alone.events == ()


def test_loopback_hears_what_is_wired(config: Config) -> None:
    """An input hears every element on the outputs wired to it, measuring or not, in the order of the elements."""
    wires = [(port(4), port(1)), (port(1), port(1)), (port(3), port(5))]
    plant = loopback(config, ["iq", "one", "drive"], wires, 100)
    assert plant.port(port(1)).ears == (Ear("iq", Output.I, port(1)), Ear("drive", Output.SINGLE, port(4)))
    assert plant.port(port(2)).ears == ()
    assert {p.delay_ns for p in plant.ports} == {100}


def test_options_say_what_a_cluster_file_says(config: Config) -> None:
    """The plant by name; cables as text, with or without controller and FEM."""
    assert hearing(config, ["iq"], plant="echo", noise_variance=1e-6) == echo(config, ["iq"], 1e-6)
    assert hearing(config, ["iq"], plant="none") == none(config, ["iq"])
    cables = ["con1/1>con1/1:24", " 4 > con1/1/2 : 24 "]
    assert parse_cables(cables, ["con1"]) == Cables([(port(1), port(1)), (port(4), port(2))], [], 24)
    digital = ["con1/d1>con1/1/d2:24", "d3 > d1:24", "1>1:24"]
    wires = [(port(1), port(2)), (port(3), port(1))]
    assert parse_cables(digital, ["con1"]) == Cables([(port(1), port(1))], wires, 24)
    both = [(PortRef(name, 1, 1), PortRef(name, 1, 2)) for name in ("con1", "con2")]
    assert parse_cables(["1>2:24"], ["con1", "con2"]) == Cables(both, [], 24)
    assert parse_cables(["con1/1>con2/1:24"], ["con1", "con2"]).analog == [(port(1), PortRef("con2", 1, 1))]
    assert hearing(config, ["iq"], plant="loopback", cables=cables) == loopback(
        config, ["iq"], [(port(1), port(1)), (port(4), port(2))], 24
    )


@pytest.mark.parametrize(
    "cables", [["1>1"], ["1:1>24"], ["x"], ["1>1:24", "2>2:28"], ["1>1:-4"], ["d1>1:24"], ["1>d1:24"]]
)
def test_cables_that_cannot_be_read(cables: list[str]) -> None:
    """A cable without latency, or two latencies, is refused and the hint shows the form."""
    with pytest.raises(AskedWrongly) as error:
        parse_cables(cables, ["con1"])
    assert error.value.code == "bad_plant"
    assert error.value.hint


@pytest.mark.parametrize("wrong", [{"plant": "qubit"}, {"noise_variance": -1.0}, {"noise_variance": float("nan")}])
def test_options_that_are_none(config: Config, wrong: dict[str, Any]) -> None:
    """Unknown plants and impossible noise are refused."""
    with pytest.raises(AskedWrongly) as error:
        hearing(config, ["iq"], **wrong)
    assert error.value.code == "bad_plant"


def test_gains_are_the_nearest_doubles() -> None:
    """Every entry of the table is 10^(dB/20), to 50 digits, rounded once."""
    getcontext().prec = 50
    assert {db: float(Decimal(10) ** (Decimal(db) / 20)) for db in range(-12, 33)} == GAIN


def signals_of(plant: Hearing, elements: list[str]) -> tuple[Signals, dict[str, int], dict[PortRef, int]]:
    """Signals with a plant's ports and ears, as the machine makes them."""
    signals = Signals()
    number = {name: signals.add_element() for name in elements}
    ids = {}
    for p in plant.ports:
        ids[p.ref] = signals.add_port(
            p.number, gain=p.gain, offset=p.offset, sigma=p.sigma, sign=p.sign, delay=p.delay_ns
        )
        for ear in p.ears:
            signals.add_ear(ids[p.ref], number[ear.element], ear.which, ear.port.number)
    return signals, number, ids


@pytest.mark.parametrize("tof", [24, 28, 200])
def test_echo_of_a_constant_readout(config: Config, tof: int) -> None:
    """A constant readout a of N ns with whole periods gives |I| = a N / 2 / 4096 · |cos(omega tof)|, inverted by the
    converter; measured at any later time, since program and demodulator share one phase."""
    config = check_config(
        {
            "controllers": {"con1": {"analog_outputs": {1: {}}, "analog_inputs": {1: {"offset": 0.0}}}},
            "elements": {"r": element(tof, singleInput={"port": ("con1", 1)}, outputs={"o": ("con1", 1)})},
        }
    )
    signals, number, ids = signals_of(echo(config, ["r"]), ["r"])
    a, n, c, frequency = 0.3, 1000, 4 * 1237, 61e6
    inc = round(frequency * 2**64 / 1e9)
    waveform = signals.add_waveform([a], constant=True)
    weights = signals.add_weights(np.ones(n), np.zeros(n))
    signals.record(number["r"], waveform, c, n, phase=inc * c, inc=inc)
    (raw,) = signals.evaluate(c + tof, [("demod", ((ids[port(1)], weights),))], phase=inc * (c + tof), inc=inc)
    expected = a * n / 2 / 4096 * np.cos(2 * np.pi * frequency * 1e-9 * tof)
    assert raw * 2.0**-28 == pytest.approx(-expected, rel=1e-6, abs=1e-8)


def microwave(up: float, down: float) -> Config:
    """An LF and a MW readout on an OPX1000, their converters at these frequencies."""
    element = {"intermediate_frequency": 1e6, "operations": {}, "time_of_flight": 24}
    return check_config(
        {
            "controllers": {
                "con1": {
                    "fems": {
                        1: {
                            "type": "LF",
                            "analog_outputs": {1: {"output_mode": "amplified"}},
                            "analog_inputs": {1: {"gain_db": -3}},
                        },
                        2: {
                            "type": "MW",
                            "analog_outputs": {1: {"band": 2, "upconverter_frequency": up, "full_scale_power_dbm": 10}},
                            "analog_inputs": {1: {"band": 2, "downconverter_frequency": down, "gain_db": 32}},
                        },
                    }
                }
            },
            "elements": {
                "mw": {"MWInput": {"port": ("con1", 2, 1)}, "MWOutput": {"port": ("con1", 2, 1)}, **element},
                "lf": {"singleInput": {"port": ("con1", 1, 1)}, "outputs": {"out1": ("con1", 1, 1)}, **element},
            },
        }
    )


def test_filters_at_2_gs_are_heard_sample_after_sample() -> None:
    """A feedforward alone makes a tail at 2 GS/s, and one ear for each tap at 1 GS/s; an empty filter is none."""
    fir = {"feedforward": [0.5, 0.25]}
    element = {"intermediate_frequency": 50e6, "operations": {}, "time_of_flight": 24, "smearing": 0}
    outputs = {
        1: {"filter": fir, "sampling_rate": 2e9, "crosstalk": {2: 0.5}},
        2: {"filter": fir, "crosstalk": {3: 0.1}},
        3: {"filter": {}, "sampling_rate": 2e9},
    }
    low = {"type": "LF", "analog_outputs": outputs, "analog_inputs": {1: {}}}
    config = check_config(
        {
            "controllers": {"con1": {"type": "opx1000", "fems": {1: low}}},
            "elements": {
                f"lf{n}": {"singleInput": {"port": ("con1", 1, n)}, "outputs": {"out1": ("con1", 1, 1)}, **element}
                for n in outputs
            },
        }
    )
    one, two, three, heard = (PortRef("con1", 1, n) for n in (1, 2, 3, 1))
    plant = loopback(config, ["lf1", "lf2", "lf3"], [(n, heard) for n in (one, two, three)], 4).port(heard)
    (tail,) = plant.tails
    assert (tail.port, tail.per_ns, tail.fir, tail.elements) == (one, 2, (0.5, 0.25), ("lf1", "lf2"))
    assert [(ear.element, ear.port, ear.delay_ns, ear.factor, ear.per_ns) for ear in plant.ears] == [
        ("lf2", two, 0, 0.5, 1),
        ("lf2", two, 1, 0.25, 1),
        ("lf3", three, 0, 1.0, 2),
        ("lf3", two, 0, 0.05, 1),
        ("lf3", two, 1, 0.025, 1),
    ]


def test_microwave_inputs_are_two_parts() -> None:
    """I hears I and Q hears Q of the MW output, 1 V at 10 dBm and moved by what the converters are apart.

    Cables between volts and microwaves lead nothing.
    """
    config = microwave(6.25e9, 6e9)
    lf, mw = PortRef("con1", 1, 1), PortRef("con1", 2, 1)
    for plant in (
        echo(config, ["mw", "lf"]),
        loopback(config, ["mw", "lf"], [(a, b) for a in (lf, mw) for b in (lf, mw)], 4),
    ):
        assert [(p.ref, p.part) for p in plant.ports] == [(mw, Part.I), (mw, Part.Q), (lf, Part.WHOLE)]
        assert plant.port(mw, Part.I).ears == (Ear("mw", Output.I, mw, 1 << 62, 1.0),)
        assert plant.port(mw, Part.Q).ears == (Ear("mw", Output.Q, mw, 1 << 62, 1.0),)
        assert plant.port(lf).ears == (Ear("lf", Output.SINGLE, lf, 0, 2.5),)
        assert [p.number for p in plant.ports] == [513, 641, 257]
        assert plant.port(mw, Part.Q).gain == pytest.approx(10 ** (32 / 20))
        assert {p.sign for p in plant.ports} == {1}


def test_converters_too_far_apart_are_no_ear() -> None:
    """1.5 GHz apart no frequency of an element lies in the band of the input."""
    assert echo(microwave(6e9, 7.5e9), ["mw"]).port(PortRef("con1", 2, 1), Part.I).ears == ()


@pytest.mark.parametrize("power_dbm", range(-11, 17, 3))
def test_volts_of_a_microwave_output(power_dbm: int) -> None:
    """V = √(2 · 50 Ω · P)."""
    port = MWAnalogOutput(band=1, upconverters={}, full_scale_power_dbm=power_dbm)
    assert full_scale_volts(port) == pytest.approx(math.sqrt(2 * 50 * 10 ** (power_dbm / 10) * 1e-3), rel=1e-15)
