"""Checks of values against float64 formulas (numpy), for whichever engine a subclass names.

A subclass gives ``run`` (as ``reference.engine.run``). The formulas know nothing of the engines: a signal is written
down as a function of time, and an integral as the plain sum over its samples.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pytest
from numpy.typing import NDArray

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config, PortRef
from quaymaster._core.program import tree

from .benches import bench, raw_bench
from .building import (
    align,
    assign,
    binary,
    cell,
    declare,
    demod,
    dual_demod,
    fixed,
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
from .engine import Outcome
from .plants import Plant

Samples = NDArray[np.float64]
ECHO = Plant("echo")
LSB = 2.0**-28
I, Q = variable("I"), variable("Q")  # noqa: E741 - as users call them
DECLARED = "I:f Q:f i:i n:i s:i"


class Run(Protocol):
    """An engine."""

    def __call__(self, program: tree.Program, config: Config, *, seed: int, numerics: str, plant: Plant) -> Outcome: ...


def wire(*pairs: tuple[int, int], latency_ns: int = 0, noise: float = 0.0) -> Plant:
    """A loopback of (output, input) port numbers."""
    ends = tuple((PortRef("con1", 1, output), PortRef("con1", 1, inp)) for output, inp in pairs)
    return Plant("loopback", noise, ends, latency_ns)


def demodulated(v: Samples, t: Samples, frequency: float, cosine: float, sine: float, turns: float = 0.0) -> float:
    """2^-12 · Σ (Wc·cos φ + Ws·sin φ)·v, φ = 2π(f·t + turns); t in ns."""
    phi = 2 * np.pi * (frequency * t * 1e-9 + turns)
    return float(np.sum((cosine * np.cos(phi) + sine * np.sin(phi)) * v)) / 4096


def window(start: int, length: int) -> Samples:
    """The instants of a window."""
    return np.arange(start, start + length, dtype=np.float64)


def values(outcome: Outcome, stream: str) -> list[float]:
    """The fixed numbers of a stream."""
    return [raw / 2**28 for raw, _ in outcome.streams[stream]]


def close(got: float, expected: float) -> None:
    """Within one step of 4.28 and 1e-6 of the value."""
    assert abs(got - expected) <= LSB + 1e-6 * abs(expected), (got, expected)


def new_at(whole: tree.Program, kind: type[tree.Node]) -> int:
    """The position of the only statement of a kind."""
    (found,) = (node for node in whole.body if isinstance(node, kind))
    return found.at


class ValueChecks:
    """Values of both numerics and of all that turns a phase, each beside its formula."""

    run: Run

    def measured(
        self, config: Config, *body: tree.Statement, plant: Plant = ECHO, numerics: str = "linear"
    ) -> list[float]:
        """The values saved as I and Q by the end of a program."""
        whole = program(*body, save(I, "I"), save(Q, "Q"), declarations=DECLARED)
        outcome = type(self).run(whole, config, seed=7, numerics=numerics, plant=plant)
        return [*values(outcome, "I"), *values(outcome, "Q")]

    @pytest.mark.parametrize("time_of_flight", [24, 28, 40, 60])
    def test_echo_demod_is_half_the_amplitude_turned_by_the_flight(self, time_of_flight: int) -> None:
        """Amplitude a over N ns of whole periods: I, Q = −a·N/2/4096·(cos, sin)(ω·tof); the OPX+ converter inverts."""
        body = measure("readout", "r", demod("cos", I), demod("sin", Q))
        i, q = self.measured(bench(time_of_flight=time_of_flight), body)
        size, angle = 0.1 * 200 / 2 / 4096, 2 * np.pi * 50e6 * time_of_flight * 1e-9
        close(i, -size * np.cos(angle))
        close(q, -size * np.sin(angle))

    @pytest.mark.parametrize("frequency", [50.123457e6, -33.3e6, 123456789.125, 1e9 / 3])
    def test_frequencies_that_divide_nothing(self, frequency: float) -> None:
        """The demodulation of an echo equals the plain sum over its samples, whatever the frequency."""
        config = bench(frequency=frequency, amplitude=0.2)
        i, q = self.measured(config, wait(1000, "r"), measure("readout", "r", demod("cos", I), demod("minus_sin", Q)))
        t = window(4040, 200)
        v = -0.2 * np.cos(2 * np.pi * frequency * (t - 40) * 1e-9)
        close(i, demodulated(v, t, frequency, 1, 0))
        close(q, demodulated(v, t, frequency, 0, -1))

    @pytest.mark.parametrize(("n", "alias"), [(600_000_000, -400e6), (-500_000_001, 499_999_999.0), (500_000_000, 5e8)])
    def test_a_frequency_beyond_the_ports_plays_its_alias(self, n: int, alias: float) -> None:
        """A value beyond ±500 MHz that only the run knows is one full turn a ns away, and told; the ends are within."""
        tune = tree.UpdateFrequency(at=-1, element="r", frequency=variable("n", "int"), units="Hz", keep_phase=False)
        reads = measure("readout", "r", demod("cos", I), demod("sin", Q))
        body = (assign(variable("n", "int"), n), tune, reads, save(I, "I"), save(Q, "Q"))
        whole = program(*body, declarations=DECLARED)
        outcome = type(self).run(whole, bench(), seed=7, numerics="linear", plant=ECHO)
        t = window(40, 200)
        v = -0.1 * np.cos(2 * np.pi * alias * (t - 40) * 1e-9)
        close(*values(outcome, "I"), demodulated(v, t, alias, 1, 0))
        close(*values(outcome, "Q"), demodulated(v, t, alias, 0, 1))
        told = {("frequency_range", new_at(whole, tree.UpdateFrequency))}
        assert outcome.events == (told if abs(n) > 500_000_000 else set())

    def iq_outputs(
        self, correction: tuple[float, float, float, float], t: Samples, a: float = 0.1
    ) -> tuple[Samples, Samples]:
        """What an IQ readout of (a, a/2) at 40 MHz puts on its two ports after the mixer correction."""
        z = a * (1 + 0.5j) * np.exp(2j * np.pi * 40e6 * t * 1e-9)
        c00, c01, c10, c11 = correction
        return c00 * z.real + c01 * z.imag, c10 * z.real + c11 * z.imag

    def test_update_correction_is_of_the_pulses_that_follow(self) -> None:
        """The first readout has the correction of the config, the second the new one, kept within its range."""
        given = (1.02, 0.03, -0.05, 0.97)
        new = tree.UpdateCorrection(at=-1, element="m", correction=(fixed(0.5), fixed(-0.25), fixed(1.5), fixed(5.0)))
        x, y = cell("xy", 0), cell("xy", 1)
        reads = [measure("readout", "m", integration("cos", x), integration("cos", y, "out2"))] * 2
        body = (reads[0], save(x, "I"), save(y, "Q"), new, reads[1], save(x, "I"), save(y, "Q"))
        whole = program(*body, declarations=(declare("xy", "fixed", size=2),))
        outcome = type(self).run(whole, bench(correction=given), seed=7, numerics="linear", plant=ECHO)
        for start, correction, number in ((0, given, 0), (200, (0.5, -0.25, 1.5, 2 - 2.0**-16), 1)):
            for stream, volts in zip("IQ", self.iq_outputs(correction, window(start, 200)), strict=True):
                close(values(outcome, stream)[number], -float(np.sum(volts)) / 4096)
        assert outcome.events == {("correction_range", new_at(whole, tree.UpdateCorrection))}

    def test_load_waveform_chooses_from_an_array(self) -> None:
        """The first at first, then the third; a number that is not there changes nothing and is told."""
        raw = raw_bench(frequency=None)
        rows = [[0.001 * (k + 1) * (n % 7) for n in range(200)] for k in range(3)]
        raw["waveforms"]["rows"] = {"type": "array", "samples_array": rows}
        raw["pulses"]["readout"]["waveforms"] = {"single": "rows"}
        read = (measure("readout", "r", integration("cos", I)), save(I, "I"))

        def load(number: int) -> tree.LoadWaveform:
            return tree.LoadWaveform(at=-1, operation="readout", index=integer(number), element="r")

        whole = program(*read, load(2), *read, load(3), *read, load(-1), load(1), *read, declarations="I:f")
        outcome = type(self).run(whole, check_config(raw), seed=7, numerics="linear", plant=ECHO)
        for got, k in zip(values(outcome, "I"), (0, 2, 2, 1), strict=True):
            close(got, -sum(rows[k]) / 4096)
        assert {code for code, _ in outcome.events} == {"waveform_index"}
        assert len(outcome.events) == 2

    def test_reset_global_phase_is_of_all_elements_at_once(self) -> None:
        """Both readouts are demodulated as if their cosines began at their own clocks; frames stay."""
        body = (
            wait(13, "r"),
            tree.FrameRotation(at=-1, element="r", turns=fixed(0.125)),
            tree.ResetGlobalPhase(at=-1),
            wait(7, "r"),
            measure("readout", "r", integration("cos", I)),
        )
        (i, _) = self.measured(bench(frequency=33e6), *body)
        t = window(0, 200)
        close(i, -float(np.sum(0.1 * np.cos(2 * np.pi * (33e-3 * (t + 28) + 0.125)))) / 4096)

    def test_a_shared_oscillator_turns_for_all(self) -> None:
        """A frequency and a frame given to q are also r's, each from its own clock on."""
        raw = raw_bench()
        raw["oscillators"] = {"osc": {"intermediate_frequency": 50e6}}
        for name in ("r", "q"):
            del raw["elements"][name]["intermediate_frequency"]
            raw["elements"][name]["oscillator"] = "osc"
        body = (
            play("flat", "q"),
            tree.UpdateFrequency(at=-1, element="q", frequency=integer(21_000_000), keep_phase=True),
            tree.FrameRotation(at=-1, element="q", turns=fixed(0.25)),
            wait(10, "r"),
            measure("readout", "r", integration("cos", I)),
        )
        (i, _) = self.measured(check_config(raw), *body)
        close(i, -float(np.sum(0.1 * np.cos(2 * np.pi * (21e-3 * (window(0, 200) + 40) + 0.25)))) / 4096)

    @pytest.mark.parametrize("correction", [(1.0, 0.0, 0.0, 1.0), (1.02, 0.03, -0.05, 0.97)])
    def test_dual_demod_of_an_iq_readout_behind_a_mixer(self, correction: tuple[float, float, float, float]) -> None:
        """dual_demod is the sum of its two integrals: I from the first output, Q from the second, corrected."""
        config = bench(correction=correction)
        duals = dual_demod("cos", "sin", I), dual_demod("minus_sin", "cos", Q)
        i, q = self.measured(config, measure("readout", "m", *duals))
        t = window(40, 200)
        first, second = (-v for v in self.iq_outputs(correction, t - 40))
        close(i, demodulated(first, t, 40e6, 1, 0) + demodulated(second, t, 40e6, 0, 1))
        close(q, demodulated(first, t, 40e6, 0, -1) + demodulated(second, t, 40e6, 1, 0))

    def test_the_outputs_of_an_iq_readout_are_not_swapped(self) -> None:
        """out1 hears the I port and out2 the Q port."""
        i, q = self.measured(bench(), measure("readout", "m", demod("cos", I, "out1"), demod("cos", Q, "out2")))
        t = window(40, 200)
        first, second = (-v for v in self.iq_outputs((1.0, 0.0, 0.0, 1.0), t - 40))
        close(i, demodulated(first, t, 40e6, 1, 0))
        close(q, demodulated(second, t, 40e6, 1, 0))
        assert abs(i - q) > 1e-4

    def test_amplitude_matrix(self) -> None:
        """(v00, v01, v10, v11) acts on (I, Q) of the waveform before the oscillator."""
        amplitude = (0.5, -0.25, 0.75, 1.5)
        body = measure("readout", "m", demod("cos", I, "out1"), demod("sin", Q, "out2"), amplitude=amplitude)
        i, q = self.measured(bench(), body)
        t = window(40, 200)
        w = complex(0.5 * 0.1 - 0.25 * 0.05, 0.75 * 0.1 + 1.5 * 0.05)
        z = -w * np.exp(2j * np.pi * 40e6 * (t - 40) * 1e-9)
        close(i, demodulated(z.real, t, 40e6, 1, 0))
        close(q, demodulated(z.imag, t, 40e6, 0, 1))

    def test_integration_adds_up_volts_with_gain_and_offset(self) -> None:
        """integration = 2^-12·Σ Wc·v with v = −(g·a + offset); no oscillator, no phase."""
        config = bench(frequency=None, gain_db=3, offset=0.03)
        i, q = self.measured(config, measure("readout", "r", integration("cos", I), integration("short", Q)))
        v = -(10 ** (3 / 20) * 0.1 + 0.03)
        close(i, 200 * v / 4096)
        close(q, 40 * v / 4096)

    def test_offset_in_a_demodulation(self) -> None:
        """An input offset is heard at DC: 50.123457 MHz does not average it away."""
        config = bench(frequency=50.123457e6, offset=-0.05)
        i, q = self.measured(config, measure("readout", "r", demod("cos", I), demod("sin", Q)), plant=Plant("none"))
        t = window(40, 200)
        close(i, demodulated(np.full(200, 0.05), t, 50.123457e6, 1, 0))
        close(q, demodulated(np.full(200, 0.05), t, 50.123457e6, 0, 1))

    # ------------------------------------------------------------ phases: q plays through a wire, r listens

    def heard_from_q(self, *before: tree.Statement, latency_ns: int = 12) -> tuple[float, float]:
        """I and Q that r demodulates at 50 MHz while q plays a constant 0.1 V for 200 ns."""
        body = (*before, align("q", "r"), play("flat", "q", duration=50), self.listen())
        i, q = self.measured(bench(), *body, plant=wire((4, 1), latency_ns=latency_ns))
        return i, q

    def listen(self) -> tree.Statement:
        """r measures and plays nothing."""
        return measure("readout", "r", demod("cos", I), demod("sin", Q), amplitude=(0.0,))

    def expect_from_q(self, got: tuple[float, float], start: int, frequency: float, turns: float) -> None:
        """What r must hear: q at ``frequency`` with a phase of ``turns`` at t = 0, from ``start`` + 12 for 200 ns."""
        t = window(start + 40, 200)
        inside = (t >= start + 12) & (t < start + 212)
        v = -0.1 * np.cos(2 * np.pi * (frequency * (t - 12) * 1e-9 + turns)) * inside
        close(got[0], demodulated(v, t, 50e6, 1, 0))
        close(got[1], demodulated(v, t, 50e6, 0, 1))

    def update(self, frequency: int, units: tree.FrequencyUnits = "Hz", keep_phase: bool = False) -> tree.Statement:
        """update_frequency of q."""
        literal = tree.Value(type="int", raw=frequency)
        return tree.UpdateFrequency(at=-1, element="q", frequency=literal, units=units, keep_phase=keep_phase)

    def rotate(self, turns: float) -> tree.Statement:
        """frame_rotation of q."""
        return tree.FrameRotation(at=-1, element="q", turns=fixed(turns))

    def test_pulse_cut_by_the_window(self) -> None:
        """A pulse that ends inside the window counts as far as it lasts, at its own frequency of 30 MHz."""
        self.expect_from_q(self.heard_from_q(), 0, 30e6, 0.0)

    def test_a_window_hears_what_is_played_later_in_the_text(self) -> None:
        """m measures both inputs and its next readout depends on the first value; q, later in the text, plays at 0."""
        both = measure("readout", "m", integration("short", I, "out1"), integration("short", Q, "out2"))
        again = if_(binary(I, "<", 7.0), measure("readout", "m"))
        i, q = self.measured(bench(), both, again, play("flat", "q", duration=50), plant=wire((4, 2)))
        assert i == 0
        close(q, -0.1 * float(np.sum(np.cos(2 * np.pi * 30e6 * window(40, 40) * 1e-9))) / 4096)

    def test_frame_rotation_adds_up_and_reset_frame_forgets(self) -> None:
        """Two rotations add; reset_frame sets 0; resolution 2^-16 turns."""
        self.expect_from_q(self.heard_from_q(self.rotate(0.25), self.rotate(-0.0625)), 0, 30e6, 0.1875)
        forgotten = tree.ResetFrame(at=-1, element="q")
        self.expect_from_q(self.heard_from_q(self.rotate(0.3), forgotten, self.rotate(0.5)), 0, 30e6, 0.5)
        self.expect_from_q(self.heard_from_q(self.rotate(0.1)), 0, 30e6, round(0.1 * 2**16) / 2**16)

    def test_update_frequency_is_coherent(self) -> None:
        """Without keep_phase the phase is ω₂·t, as if the new frequency had always run."""
        self.expect_from_q(self.heard_from_q(wait(25, "q"), self.update(50_000_000)), 100, 50e6, 0.0)

    def test_update_frequency_with_keep_phase_is_continuous(self) -> None:
        """With keep_phase the phase at the change is kept: turns = (f₁ − f₂)·t."""
        got = self.heard_from_q(wait(27, "q"), self.update(41_000_003, keep_phase=True))
        self.expect_from_q(got, 108, 41_000_003, (30e6 - 41_000_003) * 108e-9)

    def test_a_later_update_forgets_continuity(self) -> None:
        """keep_phase then an update without it: coherent again."""
        got = self.heard_from_q(wait(27, "q"), self.update(41_000_003, keep_phase=True), self.update(48_000_000))
        self.expect_from_q(got, 108, 48e6, 0.0)

    def test_units_of_update_frequency(self) -> None:
        """mHz are thousandths of a Hz; at t = 4 s a frequency of 1234.567 Hz has turned 4938.268 times."""
        got = self.heard_from_q(wait(1_000_000_000, "q", "r"), self.update(1_234_567, "mHz"))
        self.expect_from_q(got, 4_000_000_000, 1234.567, 0.0)

    def test_reset_if_phase_restarts_at_the_next_start(self) -> None:
        """The phase counts from the align that the reset waited for, and a frame stays."""
        reset = tree.ResetIfPhase(at=-1, element="q")
        got = self.heard_from_q(reset, wait(27, "q"), self.rotate(0.125))
        self.expect_from_q(got, 108, 30e6, -30e6 * 108e-9 + 0.125)

    # ------------------------------------------------------------ samples

    def trace(self, config: Config, *body: tree.Statement, plant: Plant = ECHO) -> tuple[int, int, Samples]:
        """Port, start and codes of the raw trace that a program keeps first."""
        whole = program(*body, declarations=DECLARED)
        outcome = type(self).run(whole, config, seed=7, numerics="linear", plant=plant)
        port, start, codes = outcome.traces["adc"][0]
        return port, start, np.array(codes, dtype=np.float64)

    def test_raw_trace_of_an_echo(self) -> None:
        """A raw trace is −4096·v rounded down, from the start of the pulse plus its flight."""
        port, start, codes = self.trace(bench(frequency=50.123457e6, gain_db=3), measure("readout", "r", stream="adc"))
        t = window(40, 200)
        v = -(10 ** (3 / 20)) * 0.1 * np.cos(2 * np.pi * 50.123457e6 * (t - 40) * 1e-9)
        assert (port, start, len(codes)) == (1, 40, 200)
        assert np.all(np.abs(codes - 4096 * v + 0.5) <= 0.5 + 1e-6)

    def test_raw_trace_with_smearing(self) -> None:
        """Smearing widens the trace on both sides; outside the pulse is silence."""
        raw = raw_bench()
        raw["elements"]["r"]["smearing"] = 12
        _, start, codes = self.trace(check_config(raw), measure("readout", "r", stream="adc"))
        assert (start, len(codes)) == (28, 224)
        assert not codes[:12].any() and not codes[212:].any() and codes[12:212].any()

    def test_a_stretched_pulse_is_its_cubic(self) -> None:
        """Samples of a cubic polynomial, stretched from 16 to 44 ns, lie on that cubic."""

        def cubic(x: Samples) -> Samples:
            return 0.1 + 0.02 * x - 0.004 * x**2 + 0.0002 * x**3

        raw = raw_bench()
        del raw["elements"]["q"]["intermediate_frequency"]
        raw["waveforms"]["ramp"]["samples"] = [float(y) for y in cubic(np.arange(16.0))]
        body = (align(), play("pulse", "q", duration=11), measure("readout", "r", amplitude=(0.0,), stream="adc"))
        _, _, codes = self.trace(check_config(raw), *body, plant=wire((4, 1), latency_ns=40))
        assert np.all(np.abs(codes[:44] + 4096 * cubic(np.arange(44) * 16 / 44) + 0.5) <= 0.5 + 1e-6)
        assert not codes[44:].any()

    def test_a_waveform_with_a_lower_rate_is_its_cubic(self) -> None:
        """8 samples of a cubic polynomial at 0.5 GS/s are a pulse of 16 ns on that cubic; stretched, on it still."""

        def cubic(x: Samples) -> Samples:
            return 0.1 + 0.05 * x - 0.02 * x**2 + 0.002 * x**3

        raw = raw_bench()
        del raw["elements"]["q"]["intermediate_frequency"]
        samples = [float(y) for y in cubic(np.arange(8.0))]
        raw["waveforms"]["ramp"] = {"type": "arbitrary", "samples": samples, "sampling_rate": 0.5e9}
        for cycles, length in ((None, 16), (11, 44)):
            stretch = {} if cycles is None else {"duration": cycles}
            body = (align(), play("pulse", "q", **stretch), measure("readout", "r", amplitude=(0.0,), stream="adc"))
            _, _, codes = self.trace(check_config(raw), *body, plant=wire((4, 1), latency_ns=40))
            assert np.all(np.abs(codes[:length] + 4096 * cubic(np.arange(length) * 8 / length) + 0.5) <= 0.5 + 1e-6)
            assert not codes[length:].any()

    def test_two_pulses_on_one_port_add_up(self) -> None:
        """r and q play at once into one input: the trace is the sum of both."""
        body = (align(), play("flat", "q", duration=50), measure("readout", "r", stream="adc"))
        _, _, codes = self.trace(bench(), *body, plant=wire((4, 1), (1, 1), latency_ns=40))
        t = window(0, 200)
        v = 0.1 * np.cos(2 * np.pi * 30e6 * t * 1e-9) + 0.1 * np.cos(2 * np.pi * 50e6 * t * 1e-9)
        assert np.all(np.abs(codes + 4096 * v + 0.5) <= 0.5 + 1e-6)

    # ------------------------------------------------------------ widths, chance, exact numerics

    def test_an_integral_beyond_eight_wraps(self) -> None:
        """200 ns of 0.4 V with weight 2000 is −39.06, which 4.28 holds as −39.06 + 32; told as integral_overflow."""
        raw = raw_bench(frequency=None, amplitude=0.4)
        raw["integration_weights"]["cos"] = {"cosine": [(2000.0, 200)], "sine": [(0.0, 200)]}
        whole = program(measure("readout", "r", integration("cos", I)), save(I, "I"), declarations=DECLARED)
        outcome = type(self).run(whole, check_config(raw), seed=7, numerics="linear", plant=ECHO)
        close(values(outcome, "I")[0], -0.4 * 200 * 2000 / 4096 + 48 - 16)
        assert {code for code, _ in outcome.events} == {"integral_overflow"}

    def test_random_numbers(self) -> None:
        """s ← (137939405·s + 12345) mod 2^28; rand_fixed is s·2^-28, rand_int(n) is s·n >> 28."""
        seed, n = variable("s", "int"), variable("n", "int")
        draw = tree.Call(type="int", function="random.rand_int", arguments=(seed, tree.Value(type="int", raw=1000)))
        draw_fixed = tree.Call(type="fixed", function="random.rand_fixed", arguments=(seed,))
        body = repeat("i", 5, assign(n, draw), save(n, "ints"), assign(I, draw_fixed), save(I, "fixeds"))
        whole = program(assign(seed, 77), body, declarations=DECLARED)
        outcome = type(self).run(whole, bench(), seed=7, numerics="linear", plant=ECHO)
        s, ints, fixeds = 77, [], []
        for _ in range(5):
            s = (137939405 * s + 12345) % 2**28
            ints.append(s * 1000 // 2**28)
            s = (137939405 * s + 12345) % 2**28
            fixeds.append(s)
        assert [raw for raw, _ in outcome.streams["ints"]] == ints
        assert [raw for raw, _ in outcome.streams["fixeds"]] == fixeds

    @pytest.mark.parametrize("frequency", [50e6, 50.123457e6, -33.3e6, 0.0])
    def test_exact_numerics_stay_near_the_formula(self, frequency: float) -> None:
        """Codes round down (at most 2^-12 V low), weights, waves and products are cut below that."""
        body = measure("readout", "r", demod("cos", I), demod("sin", Q))
        i, q = self.measured(bench(frequency=frequency, amplitude=0.3), body, numerics="exact")
        t = window(40, 200)
        v = -0.3 * np.cos(2 * np.pi * frequency * (t - 40) * 1e-9)
        bound = 200 / 4096 * (2.0**-12 + 2.0**-15 + 2.0**-16)
        assert abs(i - demodulated(v, t, frequency, 1, 0)) <= bound
        assert abs(q - demodulated(v, t, frequency, 0, 1)) <= bound

    @pytest.mark.parametrize("numerics", ["linear", "exact"])
    def test_saturation_clips(self, numerics: str) -> None:
        """0.4 V with 6 dB is beyond the converter: it saturates at −0.5 V (after the sign), and that is told."""
        config = bench(frequency=None, amplitude=0.4, gain_db=6)
        whole = program(measure("readout", "r", integration("cos", I)), save(I, "I"), declarations=DECLARED)
        outcome = type(self).run(whole, config, seed=7, numerics=numerics, plant=ECHO)
        close(values(outcome, "I")[0], -0.5 * 200 / 4096)
        assert {code for code, _ in outcome.events} == {"input_saturated"}

    def test_noise_of_integrals_has_the_right_size(self) -> None:
        """400 shots of σ = 1 mV: mean 0 and deviation σ·√(N/2)/4096 within five standard errors; I, Q independent."""
        loop = repeat("i", 400, measure("readout", "r", demod("cos", I), demod("sin", Q)), save(I, "I"), save(Q, "Q"))
        whole = program(loop, declarations=DECLARED)
        outcome = type(self).run(whole, bench(), seed=7, numerics="linear", plant=Plant("none", 1e-3))
        i, q = np.array(values(outcome, "I")), np.array(values(outcome, "Q"))
        sigma = 1e-3 * np.sqrt(200 / 2) / 4096
        for samples in (i, q):
            assert abs(samples.mean()) < 5 * sigma / 20
            assert abs(samples.std() / sigma - 1) < 5 / np.sqrt(2 * 400)
        assert abs(np.corrcoef(i, q)[0, 1]) < 5 / 20

    def test_noise_of_overlapping_windows_is_shared_where_they_overlap(self) -> None:
        """Two readouts on one input, half a window apart: deviation σ·√N/4096 each, correlation a half."""
        later = (wait(25, "m"), measure("readout", "m", integration("cos", Q)))
        loop = repeat("i", 400, measure("readout", "r", integration("cos", I)), *later, save(I, "I"), save(Q, "Q"))
        whole = program(loop, declarations=DECLARED)
        outcome = type(self).run(whole, bench(), seed=7, numerics="linear", plant=Plant("none", 1e-3))
        i, q = np.array(values(outcome, "I")), np.array(values(outcome, "Q"))
        sigma = 1e-3 * np.sqrt(200) / 4096
        for samples in (i, q):
            assert abs(samples.std() / sigma - 1) < 5 / np.sqrt(2 * 400)
        assert abs(np.corrcoef(i, q)[0, 1] - 0.5) < 5 * 0.75 / 20

    def test_noise_is_one_noise_for_all_who_listen(self) -> None:
        """Two demodulations of one window by the same weights get the same value."""
        same = self.measured(
            bench(), measure("readout", "r", demod("cos", I), demod("cos", Q)), plant=Plant("none", 1e-3)
        )
        assert same[0] != 0 and abs(same[0] - same[1]) <= LSB

    def test_noise_of_two_measures_of_one_thread_that_end_at_once(self) -> None:
        """Two elements of one core, one 200 ns behind the other but as much nearer: both windows are one, the weights
        of the first in its first half, of the second in its second. They share no sample: correlation 0."""
        raw = raw_bench()
        near, far = raw["elements"]["r"], {**raw["elements"]["r"], "time_of_flight": 240}
        raw["elements"] = {"r": {**near, "core": "a"}, "far": {**far, "core": "a"}}
        raw["integration_weights"] |= {
            "cos": {"cosine": [(1.0, 100), (0.0, 100)], "sine": [(0.0, 200)]},
            "sin": {"cosine": [(0.0, 100), (1.0, 100)], "sine": [(0.0, 200)]},
        }
        both = (measure("readout", "far", integration("cos", I)), measure("readout", "r", integration("sin", Q)))
        loop = repeat("i", 400, *both, save(I, "I"), save(Q, "Q"))
        whole = program(loop, declarations=DECLARED)
        outcome = type(self).run(whole, check_config(raw), seed=7, numerics="linear", plant=Plant("none", 1e-3))
        i, q = np.array(values(outcome, "I")), np.array(values(outcome, "Q"))
        for samples in (i, q):
            assert abs(samples.std() / (1e-3 * np.sqrt(100) / 4096) - 1) < 5 / np.sqrt(2 * 400)
        assert abs(np.corrcoef(i, q)[0, 1]) < 5 / 20

    def test_each_controller_has_its_own_noise(self) -> None:
        """Inputs of one number on two controllers, read at once: 1000 samples with correlation 0."""
        raw = raw_bench(length=1000)
        raw["controllers"]["con2"] = raw["controllers"]["con1"]
        own = {"singleInput": {"port": ("con2", 1)}, "outputs": {"out1": ("con2", 1)}}
        raw["elements"]["other"] = {**raw["elements"]["r"], **own}
        config, plant = check_config(raw), Plant("none", 1e-2)
        traced = measure("readout", "r", stream="one"), measure("readout", "other", stream="two")
        outcome = type(self).run(program(*traced), config, seed=7, numerics="linear", plant=plant)
        one, two = (np.array(outcome.traces[name][0][2]) for name in ("one", "two"))
        assert min(one.std(), two.std()) > 30
        assert abs(np.corrcoef(one, two)[0, 1]) < 5 / np.sqrt(1000)

    def test_noise_of_kept_traces_is_what_is_integrated(self) -> None:
        """Where a raw trace is kept, an integral is the sum over those samples, up to their rounding."""
        body = measure("readout", "r", integration("cos", I), stream="adc")
        whole = program(body, save(I, "I"), declarations=DECLARED)
        outcome = type(self).run(whole, bench(frequency=None), seed=7, numerics="linear", plant=Plant("echo", 5e-3))
        codes = np.array(outcome.traces["adc"][0][2])
        assert codes.std() > 10
        total = float(np.sum((codes + 0.5) / 4096)) / 4096
        assert abs(values(outcome, "I")[0] - total) < 200 * 2.0**-13 / 4096

    def test_samples_of_noise_are_normal(self) -> None:
        """1000 samples of σ = 10 mV: mean and deviation within five standard errors."""
        config: Any = bench(length=1000)
        _, _, codes = self.trace(config, measure("readout", "r", stream="adc"), plant=Plant("none", 1e-2))
        volts = (codes + 0.5) / 4096
        assert abs(volts.mean()) < 5 * 1e-2 / np.sqrt(1000)
        assert abs(volts.std() / 1e-2 - 1) < 5 / np.sqrt(2 * 1000)

    def test_feedback_uses_the_measured_value(self) -> None:
        """If the readout is below zero, the second readout plays half: its I is half the first's."""
        second = measure("readout", "r", demod("cos", Q), amplitude=(0.5,))
        loud = measure("readout", "r", demod("cos", Q))
        branch = tree.Branch(at=-1, condition=binary(I, "<", 0.0), body=(second,))
        body = (measure("readout", "r", demod("cos", I)), tree.If(at=-1, branches=(branch,), otherwise=(loud,)))
        i, q = self.measured(bench(), *body)
        assert i < 0
        close(q, i / 2)
