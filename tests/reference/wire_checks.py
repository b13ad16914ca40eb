"""What a cable brings to an input beside the waveforms: delays, DC offsets, crosstalk and FIR filters of outputs, each
beside a float64 formula; a test class names the engine that it runs on."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
import pytest

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config, PortRef
from quaymaster._core.program import tree

from .benches import raw_bench
from .building import align, demod, fixed, integration, measure, play, program, save, wait
from .engine import Outcome
from .fem_checks import raw_fems
from .plants import Plant
from .value_checks import DECLARED, ECHO, I, Q, close, demodulated, values, window, wire

HALF_SINE = 0.2 * np.sin(np.pi * np.arange(400) / 400)
"""200 ns at 2 GS/s."""
BOTH = pytest.mark.parametrize("numerics", ["linear", "exact"])


class Run(Protocol):
    """An engine."""

    def __call__(self, program: tree.Program, config: Config, *, seed: int, numerics: str, plant: Plant) -> Outcome: ...


def raw_ports(ports: dict[int, dict[str, Any]], **bench: Any) -> dict[str, Any]:
    """The bench with these fields of its output ports."""
    raw = raw_bench(**bench)
    raw["controllers"]["con1"]["analog_outputs"] |= ports
    return raw


def set_offset(element: str, value: float, input_: str = "single") -> tree.Statement:
    """set_dc_offset of a literal."""
    return tree.SetDcOffset(at=-1, element=element, input=input_, offset=fixed(value))


def cosine(t: np.ndarray[Any, Any], frequency: float = 50e6) -> np.ndarray[Any, Any]:
    """cos 2πft, t in ns."""
    return np.cos(2 * np.pi * frequency * t * 1e-9)


def filtered(x: np.ndarray[Any, Any], fir: list[float], iir: list[float]) -> np.ndarray[Any, Any]:
    """y[n] = sum of b_k x[n - k] + sum of a_m y[n - m]."""
    y = np.convolve(x, fir)[: len(x)]
    for n in range(len(x)):
        y[n] += sum(a * y[n - m - 1] for m, a in enumerate(iir) if n > m)
    return y


def inverse(step_response: np.ndarray[Any, Any], u: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What a line with that step response, sample by sample, turns into u."""
    pulse = np.diff(step_response, prepend=0.0)
    n = np.arange(len(u))
    return np.linalg.solve(np.where(n[:, None] >= n, pulse[n[:, None] - n], 0.0), u)


def fine_fems(rate: float, *, frequency: float | None = None, **output: Any) -> dict[str, Any]:
    """``f`` plays 0.2 V times half a sine of 200 ns on LF port 1 at 2 GS/s, ``g`` a ramp of 16 ns on port 2 at 1 GS/s;
    an input at ``rate``, without gain. ``output``: of port 1."""
    raw = raw_fems(sampling_rate=2e9, **output)
    low = raw["controllers"]["con1"]["fems"][1]
    low["analog_inputs"][1] = {"sampling_rate": rate}
    low["analog_outputs"][2] = {}
    raw["elements"]["f"]["intermediate_frequency"] = 0.0 if frequency is None else frequency
    raw["elements"]["g"] = {"singleInput": {"port": ("con1", 1, 2)}, "operations": {"pulse": "ramp"}}
    raw["pulses"]["ramp"] = {"operation": "control", "length": 16, "waveforms": {"single": "ramp"}}
    raw["waveforms"]["ramp"] = {"type": "arbitrary", "samples": (0.01 * np.arange(1, 17)).tolist()}
    raw["waveforms"]["two"] = {"type": "arbitrary", "samples": HALF_SINE.tolist()}
    return raw


def cable(output: int = 1, latency_ns: int = 0) -> Plant:
    """From an output of the LF-FEM to its input 1."""
    return Plant("loopback", 0.0, ((PortRef("con1", 1, output), PortRef("con1", 1, 1)),), latency_ns)


class WireChecks:
    """Each part of what a loopback hears."""

    run: Run

    def outcome(self, raw: dict[str, Any], *body: tree.Statement, plant: Plant, **more: Any) -> Outcome:
        """A program that ends with saves of I and Q."""
        whole = program(*body, save(I, "I"), save(Q, "Q"), declarations=DECLARED)
        given = {"seed": 7, "numerics": "linear", **more}
        return type(self).run(whole, check_config(raw), plant=plant, **given)

    def codes(self, raw: dict[str, Any], *body: tree.Statement, plant: Plant, **more: Any) -> np.ndarray[Any, Any]:
        """The one raw trace that a program keeps."""
        ((_, _, codes),) = self.outcome(raw, *body, plant=plant, **more).traces["adc"]
        return np.array(codes)

    @BOTH
    @pytest.mark.parametrize("latency_ns", [0, 24])
    def test_the_delay_of_an_output(self, numerics: str, latency_ns: int) -> None:
        """The sample heard at t was played at t - delay - latency: 13 ns later than without a delay."""
        raw = raw_ports({1: {"delay": 13}}, frequency=50e6)
        plant = wire((1, 1), latency_ns=latency_ns)
        codes = self.codes(raw, measure("readout", "r", stream="adc"), plant=plant, numerics=numerics)
        t = window(40, 200) - 13 - latency_ns
        v = np.where(t < 200, 0.1 * cosine(t), 0.0)
        assert np.abs(codes + 4096 * v).max() <= 1.1

    def test_a_delayed_demodulation(self) -> None:
        """-2^-12 of the sum over the samples, those from 37 ns on; the demodulation is not delayed."""
        raw = raw_ports({1: {"delay": 13}}, length=200)
        outcome = self.outcome(
            raw, measure("readout", "r", demod("cos", I), demod("sin", Q)), plant=wire((1, 1), latency_ns=64)
        )
        t = window(40, 200)
        v = -0.1 * cosine(t - 77) * ((t >= 77) & (t < 277))
        close(values(outcome, "I")[0], demodulated(v, t, 50e6, 1, 0))
        close(values(outcome, "Q")[0], demodulated(v, t, 50e6, 0, 1))

    @BOTH
    def test_a_dc_offset_is_heard_at_all_times(self, numerics: str) -> None:
        """0.0625 V on the port, inverted: an integration over 200 ns gives -0.0625·200/4096, also before its delay has
        passed; nothing is played."""
        raw = raw_ports({1: {"offset": 0.0625, "delay": 500}}, amplitude=0.0)
        outcome = self.outcome(
            raw, measure("readout", "r", integration("cos", I)), plant=wire((1, 1)), numerics=numerics
        )
        close(values(outcome, "I")[0], -0.0625 * 200 / 4096)

    @BOTH
    def test_offsets_pass_the_gain_and_add(self, numerics: str) -> None:
        """Of two outputs wired to one input, through 6 dB, beside the input's own offset; also of a port that nobody
        plays on."""
        raw = raw_ports({1: {"offset": 0.03125}, 5: {"offset": -0.0625}}, amplitude=0.0, gain_db=6, offset=0.01)
        outcome = self.outcome(
            raw,
            measure("readout", "r", integration("cos", I), stream="adc"),
            plant=wire((1, 1), (5, 1)),
            numerics=numerics,
        )
        v = 10 ** (6 / 20) * -0.03125 + 0.01
        error = 200 * 2.0**-12 / 4096 if numerics == "exact" else 0.0
        assert abs(values(outcome, "I")[0] + v * 200 / 4096) <= 1e-8 + error
        ((_, _, codes),) = outcome.traces["adc"]
        assert set(codes) == {int(np.floor(-4096 * v))}

    @BOTH
    def test_an_offset_changes_within_a_window(self, numerics: str) -> None:
        """set_dc_offset at 120 ns, heard 9 + 24 ns later: 113 ns of the window at 0.0625 V, then -0.125 V; of two at
        one instant the last counts."""
        raw = raw_ports({1: {"offset": 0.0625, "delay": 9}, 4: {}}, amplitude=0.0)
        raw["elements"]["q"]["singleInput"] = {"port": ("con1", 1)}
        body = (
            wait(30, "q"),
            set_offset("q", 0.4),
            set_offset("q", -0.125),
            measure("readout", "r", integration("cos", I), stream="adc"),
        )
        outcome = self.outcome(raw, *body, plant=wire((1, 1), latency_ns=24), numerics=numerics)
        first = 120 + 33 - 40
        close(values(outcome, "I")[0], -(0.0625 * first - 0.125 * (200 - first)) / 4096)
        ((_, _, codes),) = outcome.traces["adc"]
        assert codes == [-256] * first + [512] * (200 - first)

    def test_two_threads_set_one_port(self) -> None:
        """Changes come in the order of time, not of the text; a thread that is ahead does not hide them."""
        raw = raw_ports({}, amplitude=0.0)
        raw["elements"]["q"]["singleInput"] = {"port": ("con1", 1)}
        body = (
            measure("readout", "r", stream="adc"),
            set_offset("r", 0.25),
            wait(35, "q"),
            set_offset("q", 0.0625),
            wait(15, "q"),
            set_offset("q", 0.125),
            wait(100, "r"),
        )
        codes = self.codes(raw, *body, plant=wire((1, 1)))
        assert codes.tolist() == [0] * 100 + [-256] * 60 + [-512] * 40

    @BOTH
    def test_crosstalk(self, numerics: str) -> None:
        """A quarter of port 4, and not its offset, comes with what port 1 plays, late by the delay of port 1."""
        raw = raw_ports({1: {"crosstalk": {4: 0.25}, "delay": 4}, 4: {"offset": 0.3, "delay": 50}})
        del raw["elements"]["q"]["intermediate_frequency"]
        body = wait(20, "q"), play("pulse", "q"), measure("readout", "r", stream="adc")
        codes = self.codes(raw, *body, plant=wire((1, 1)), numerics=numerics)
        t = window(40, 200) - 4
        v = np.where(t < 200, 0.1 * cosine(t), 0.0)
        v[44:60] += 0.25 * 0.01 * np.arange(1, 17)
        assert np.abs(codes + 4096 * v).max() <= 1.1

    @BOTH
    def test_crosstalk_of_a_pair(self, numerics: str) -> None:
        """Port 5, that nobody plays on, carries parts of I and Q of m: a·cos and a·sin of 40 MHz, Q = half of I."""
        raw = raw_ports({5: {"crosstalk": {2: 0.5, 3: -0.25}}})
        body = play("readout", "m"), measure("readout", "r", stream="adc")
        codes = self.codes(raw, *body, plant=wire((5, 1)), numerics=numerics)
        t = window(40, 200)
        z = (0.1 + 0.05j) * np.exp(2j * np.pi * 40e6 * t * 1e-9) * (t < 200)
        assert np.abs(codes + 4096 * (0.5 * z.real - 0.25 * z.imag)).max() <= 1.1

    @BOTH
    def test_a_fir_filter(self, numerics: str) -> None:
        """The convolution with the taps, offset not filtered; demodulated like any other samples."""
        taps = [0.7, 0.2, -0.1, 0.05]
        raw = raw_ports({4: {"filter": {"feedforward": taps}, "offset": 0.03125}}, amplitude=0.0)
        del raw["elements"]["q"]["intermediate_frequency"]
        body = (
            wait(20, "q"),
            play("pulse", "q"),
            measure("readout", "r", demod("cos", I), stream="adc"),
        )
        outcome = self.outcome(raw, *body, plant=wire((4, 1)), numerics=numerics)
        v = np.full(200, 0.03125)
        v[40:59] += np.convolve(0.01 * np.arange(1, 17), taps)
        ((_, _, codes),) = outcome.traces["adc"]
        assert np.abs(np.array(codes) + 4096 * v).max() <= 1.1
        error = 200 * 2.0**-12 / 4096 if numerics == "exact" else 0.0
        assert abs(values(outcome, "I")[0] - demodulated(-v, window(40, 200), 50e6, 1, 0)) <= 1e-8 + error

    @BOTH
    def test_a_filter_with_feedback(self, numerics: str) -> None:
        """y[n] = 0.5·x[n] + 0.25·x[n - 1] + 0.6·y[n - 1] - 0.1·y[n - 2], crosstalk before and the offset behind it; the
        demodulation is that of these samples."""
        taps = {"feedforward": [0.5, 0.25], "feedback": [0.6, -0.1]}
        raw = raw_ports({1: {"filter": taps, "crosstalk": {4: -0.5}, "offset": 0.03125, "delay": 3}}, frequency=None)
        del raw["elements"]["q"]["intermediate_frequency"]
        body = (
            play("pulse", "q"),
            wait(5, "r"),
            measure("readout", "r", integration("cos", I), stream="adc"),
            wait(100, "r"),
        )
        outcome = self.outcome(raw, *body, plant=wire((1, 1), latency_ns=24), numerics=numerics)
        x = np.zeros(400)
        x[:16] -= 0.5 * 0.01 * np.arange(1, 17)
        x[20:220] += 0.1
        v = np.full(400, 0.03125)
        v[27:] += filtered(x, [0.5, 0.25], [0.6, -0.1])[:-27]
        heard = v[60:260]  # 20 ns of wait and 40 ns of flight
        ((_, _, codes),) = outcome.traces["adc"]
        assert np.abs(np.array(codes) + 0.5 + 4096 * heard).max() <= (0.51 if numerics == "linear" else 0.6)
        error = 200 * 2.0**-12 / 4096 if numerics == "exact" else 0.0
        assert abs(values(outcome, "I")[0] + heard.sum() / 4096) <= 1e-8 + error

    @BOTH
    def test_exponentials_of_a_line(self, numerics: str) -> None:
        """What comes out, through a line of step response 1 + 0.1 e^(-t/30 ns) - 0.05 e^(-t/500 ns), is the pulse."""
        raw = raw_fems(filter={"exponential": [(0.1, 30.0), (-0.05, 500.0)]})
        raw["controllers"]["con1"]["fems"][1]["analog_inputs"][1]["gain_db"] = 0
        del raw["elements"]["f"]["intermediate_frequency"]
        body = wait(25, "f"), measure("readout", "f", stream="adc")
        codes = self.codes(raw, *body, plant=cable(), numerics=numerics)
        t = np.arange(400)
        x = inverse(1 + 0.1 * np.exp(-t / 30) - 0.05 * np.exp(-t / 500), 0.2 * ((t >= 100) & (t < 300)))
        assert np.abs(codes + 0.5 - 4096 * x[140:340]).max() <= (0.51 if numerics == "linear" else 0.6)
        assert codes[-1] != 0

    @BOTH
    @pytest.mark.parametrize(("rate", "frequency"), [(1e9, 30e6), (2e9, 30e6), (2e9, -650e6)])
    def test_a_fir_filter_at_2_gs(self, numerics: str, rate: float, frequency: float) -> None:
        """The convolution in half ns of what port 1 plays, and of half of port 2, which holds each sample for a ns; the
        offset is not filtered. An input at 1 GS/s hears the samples of whole ns, one at 2 GS/s all of them; both
        integrate those of whole ns."""
        taps = [0.7, 0.2, -0.15]
        port = {"filter": {"feedforward": taps}, "crosstalk": {2: 0.5}, "delay": 3, "offset": 0.03125}
        raw = fine_fems(rate, frequency=frequency, **port)
        body = (
            wait(30, "g"),
            play("pulse", "g"),
            wait(25, "f"),
            measure("readout", "f", integration("cos", I), stream="adc"),
        )
        outcome = self.outcome(raw, *body, plant=cable(latency_ns=24), numerics=numerics)
        x = np.zeros(800)
        x[200:600] = HALF_SINE * np.cos(2 * np.pi * frequency * (100 + np.arange(400) / 2) * 1e-9)
        x[240:272] += 0.5 * np.repeat(0.01 * np.arange(1, 17), 2)
        heard = np.convolve(x, taps)[2 * (140 - 27) :][:400] + 0.03125
        ((_, start, codes),) = outcome.traces["adc"]
        assert start == 140
        error = np.abs(np.array(codes) + 0.5 - 4096 * (heard if rate == 2e9 else heard[::2]))
        assert error.max() <= (0.51 if numerics == "linear" else 0.6)
        error = 200 * 2.0**-12 / 4096 if numerics == "exact" else 0.0
        assert abs(values(outcome, "I")[0] - heard[::2].sum() / 4096) <= 1e-8 + error

    @BOTH
    @pytest.mark.parametrize("rate", [1e9, 2e9])
    def test_exponentials_at_2_gs(self, numerics: str, rate: float) -> None:
        """What comes out, through a line of step response 1 + 0.1 e^(-t/30 ns) - 0.05 e^(-t/500 ns) at half ns, is what
        is played."""
        raw = fine_fems(rate, filter={"exponential": [(0.1, 30.0), (-0.05, 500.0)]})
        body = wait(25, "f"), measure("readout", "f", integration("cos", I), stream="adc")
        outcome = self.outcome(raw, *body, plant=cable(), numerics=numerics)
        t = np.arange(800) / 2
        u = np.zeros(800)
        u[200:600] = HALF_SINE
        heard = inverse(1 + 0.1 * np.exp(-t / 30) - 0.05 * np.exp(-t / 500), u)[280:680]
        ((_, _, codes),) = outcome.traces["adc"]
        error = np.abs(np.array(codes) + 0.5 - 4096 * (heard if rate == 2e9 else heard[::2]))
        assert error.max() <= (0.51 if numerics == "linear" else 0.6)
        error = 200 * 2.0**-12 / 4096 if numerics == "exact" else 0.0
        assert abs(values(outcome, "I")[0] - heard[::2].sum() / 4096) <= 1e-8 + error

    def test_a_high_pass_at_2_gs(self) -> None:
        """What a line of step response e^(-t/40 ns) at half ns turns into the pulse: it does not come back to 0."""
        raw = fine_fems(2e9, filter={"high_pass": 40.0})
        u = np.append(HALF_SINE / 20, np.zeros(80))
        raw["waveforms"]["two"]["samples"] = u[:400].tolist()
        codes = self.codes(raw, measure("readout", "f", stream="adc"), plant=cable())
        heard = inverse(np.exp(-np.arange(480) / 2 / 40), u)[80:]
        assert np.abs(codes + 0.5 - 4096 * heard).max() <= 0.51
        assert codes[-1] > 100

    @pytest.mark.parametrize("rate", [1e9, 2e9])
    def test_crosstalk_from_2_gs_onto_1_gs(self, rate: float) -> None:
        """A port at 1 GS/s carries the means of pairs, once a ns, and so they are heard, at 2 GS/s twice each; also
        behind its own filter."""
        raw = fine_fems(rate, frequency=30e6)
        means = HALF_SINE.reshape(200, 2).mean(axis=1) * np.cos(2 * np.pi * 30e6 * np.arange(200) * 1e-9)
        for filter_, taps in (None, [1.0]), ({"feedforward": [0.5, 0.5]}, [0.5, 0.5]):
            port = {"crosstalk": {1: -0.5}} | ({"filter": filter_} if filter_ else {})
            raw["controllers"]["con1"]["fems"][1]["analog_outputs"][2] = port
            codes = self.codes(raw, measure("readout", "f", stream="adc"), plant=cable(2))
            heard = -0.5 * np.convolve(np.append(means, np.zeros(40)), taps)[40:240]
            assert np.abs(codes + 0.5 - 4096 * np.repeat(heard, round(rate / 1e9))).max() <= 0.51

    @pytest.mark.parametrize("seconds", [2e-5, 1.0])
    def test_a_filter_at_2_gs_comes_to_rest(self, seconds: float) -> None:
        """A second readout after 20 us, and after a second of silence, hears what the first one did."""
        raw = fine_fems(2e9, filter={"exponential": [(0.2, 20.0)]})
        readout = measure("readout", "f", integration("cos", I), stream="adc")
        body = (readout, wait(round(seconds * 250e6), "f"), readout)
        (_, _, one), (_, _, other) = self.outcome(raw, *body, plant=cable()).traces["adc"]
        assert one == other and len(set(one)) > 100

    @pytest.mark.parametrize("cycles", [5000, 250_000_000])
    def test_a_filter_comes_to_rest(self, cycles: int) -> None:
        """A second readout long after the first one hears what the first one did: 20 us, and a second of silence, the
        samples of which nobody could keep. The short integrals are complete before the trace of the first one is."""
        raw = raw_ports({1: {"filter": {"feedforward": [0.5], "feedback": [0.5]}}}, frequency=None)
        body = (
            measure("readout", "r", integration("short", I), stream="adc"),
            wait(cycles, "r"),
            measure("readout", "r", integration("short", I), stream="adc"),
        )
        (_, first, one), (_, second, other) = self.outcome(raw, *body, plant=wire((1, 1))).traces["adc"]
        assert second - first == 4 * cycles + 200 and one == other and len(set(one)) > 1

    def test_a_filter_where_all_waits_for_another_thread(self) -> None:
        """Three readouts are measured only when it is known what q does: integrals and traces, that end in turn, are
        evaluated once each."""
        raw = raw_ports({1: {"filter": {"feedforward": [0.5], "feedback": [0.5]}}}, frequency=None)
        raw["elements"]["q"]["singleInput"] = {"port": ("con1", 1)}
        readout = measure("readout", "r", integration("short", I), stream="adc"), save(I, "I")
        outcome = self.outcome(raw, *(3 * readout), wait(200, "q"), play("pulse", "q", 0.0), plant=wire((1, 1)))
        x = filtered(np.where(np.arange(1000) < 600, 0.1, 0.0), [0.5], [0.5])
        traces = [np.array(codes) for _, _, codes in outcome.traces["adc"]]
        assert len(traces) == 3
        for k, codes in enumerate(traces):
            assert np.abs(codes + 0.5 + 4096 * x[200 * k + 40 :][:200]).max() <= 0.51
        short = [-x[200 * k + 40 :][:40].sum() / 4096 for k in range(3)]
        assert np.abs(np.array(values(outcome, "I"))[:3] - short).max() <= 1e-8

    @pytest.mark.parametrize("cycles", [50, 250_000_000])
    def test_what_a_high_pass_has_gathered_stays(self, cycles: int) -> None:
        """Behind a pulse stands what makes a line of step response e^(-t/60 ns) give 0: for a second, too, without a
        look at each ns of that."""
        raw = raw_fems(filter={"high_pass": 60.0})
        raw["elements"]["f"]["intermediate_frequency"] = 0.0
        body = (
            measure("readout", "f", amplitude=(fixed(0.25),)),
            wait(cycles, "f"),
            measure("readout", "f", amplitude=(fixed(0.0),), stream="adc"),
        )
        ((_, _, codes),) = self.outcome(raw, *body, plant=cable()).traces["adc"]
        level = inverse(np.exp(-np.arange(300) / 60), np.repeat([0.05, 0.0], [200, 100]))[-1]
        assert set(codes) == {math.floor(4096 * 10 ** (-3 / 20) * level)}

    def test_an_element_a_second_behind_another(self) -> None:
        """``m`` waits for its second after ``r`` has been measured behind that and an amplitude was made of it: each
        hears what it heard the first time, whatever samples of the filter lie between."""
        raw = raw_ports({1: {"filter": {"feedforward": [0.5], "feedback": [0.5]}}}, frequency=None)
        body = (
            measure("readout", "r", integration("cos", I)),
            save(I, "I"),
            measure("readout", "m", demod("cos", Q, "out2")),
            save(Q, "Q"),
            wait(250_000_000, "r"),
            measure("readout", "r", integration("cos", I)),
            save(I, "I"),
            wait(50, "r"),
            measure("readout", "r", integration("cos", I), amplitude=(I,)),
            wait(250_000_000, "m"),
            measure("readout", "m", demod("cos", Q, "out2")),
            save(Q, "Q"),
        )
        outcome = self.outcome(raw, *body, plant=wire((1, 1), (2, 2)))
        heard = -filtered(np.repeat([0.1, 0.0], [200, 40]), [0.5], [0.5])[40:].sum() / 4096
        assert np.abs(np.array(values(outcome, "I")[:2]) - heard).max() <= 1e-8
        first, second = values(outcome, "Q")[:2]
        assert first == second and abs(first) > 1e-4

    def test_sum_and_offset_share_the_output_converter(self) -> None:
        """Exact numerics: 0.4 V beside an offset of 0.3 V is 0.5 - 2^-16 V, the end of the range, at -12 dB."""
        raw = raw_ports({1: {"offset": 0.3}}, frequency=None, amplitude=0.4, gain_db=-12)
        codes = self.codes(raw, measure("readout", "r", stream="adc"), plant=wire((1, 1)), numerics="exact")
        gain = 4096 * 10 ** (-12 / 20)
        assert codes.tolist() == [int(np.floor(-gain * (0.5 - 2.0**-16)))] * 160 + [int(np.floor(-gain * 0.3))] * 40

    def test_an_echo_knows_no_ports(self) -> None:
        """The plant echo hears elements: neither delay nor offset nor crosstalk nor filter of their outputs."""
        shaped = {"offset": 0.1, "delay": 9, "crosstalk": {4: 0.5}, "filter": {"feedforward": [0.5]}}
        body = play("pulse", "q"), align("q", "r"), measure("readout", "r", demod("cos", I), stream="adc")
        plain, other = (self.outcome(raw, *body, plant=ECHO) for raw in (raw_bench(), raw_ports({1: shaped})))
        assert (plain.streams, plain.traces) == (other.streams, other.traces)
        assert values(plain, "I")[0] != 0.0
