"""Values on an OPX1000 beside float64 formulas; a test class names the engine that it runs on."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pytest

from quaymaster._core.config import check_config
from quaymaster._core.config.model import Config, PortRef
from quaymaster._core.program import tree

from .building import align, assign, demod, dual_demod, fixed, integration, measure, play, program, save, variable, wait
from .engine import Outcome
from .plants import Plant
from .value_checks import DECLARED, ECHO, I, Q, close, demodulated, values, window

UP, DOWN = 5.0e9, 5.0e9
POWER_DBM = -2
PEAK = float(np.sqrt(2 * 50 * 10 ** (POWER_DBM / 10) / 1000))
"""Volts of a sample 1.0: 0.2512 V."""


class Run(Protocol):
    """An engine."""

    def __call__(self, program: tree.Program, config: Config, *, seed: int, numerics: str, plant: Plant) -> Outcome: ...


def raw_fems(*, down: float = DOWN, gain_db: int = 0, power_dbm: int = POWER_DBM, **output: Any) -> dict[str, Any]:
    """``r``, ``s``: MW readouts of 0.3 - 0.1i at 60 and -45 MHz, converters 1 and 2; ``f``: LF, 0.2 V at 30 MHz.

    ``output``: of the LF output.
    """

    def weights(cosine: float, sine: float) -> dict[str, Any]:
        return {"cosine": [(cosine, 200)], "sine": [(sine, 200)]}

    def readout(converter: int, frequency: float) -> dict[str, Any]:
        return {
            "MWInput": {"port": ("con1", 2, 1), "upconverter": converter},
            "MWOutput": {"port": ("con1", 2, 1)},
            "intermediate_frequency": frequency,
            "time_of_flight": 40,
            "operations": {"readout": "mw_readout"},
        }

    aliases = {"cos": "cos", "sin": "sin", "minus_sin": "minus_sin"}
    read = {"operation": "measurement", "length": 200, "digital_marker": "on", "integration_weights": aliases}
    microwave = {
        "type": "MW",
        "analog_outputs": {
            1: {
                "band": 1,
                "full_scale_power_dbm": power_dbm,
                "upconverters": {1: {"frequency": UP}, 2: {"frequency": UP + 100e6}},
            }
        },
        "analog_inputs": {1: {"band": 1, "downconverter_frequency": down, "gain_db": gain_db}},
    }
    low = {"type": "LF", "analog_outputs": {1: output}, "analog_inputs": {1: {"gain_db": -3}}}
    return {
        "controllers": {"con1": {"type": "opx1000", "fems": {1: low, 2: microwave}}},
        "elements": {
            "r": readout(1, 60e6),
            "s": readout(2, -45e6),
            "f": {
                "singleInput": {"port": ("con1", 1, 1)},
                "outputs": {"out1": ("con1", 1, 1)},
                "intermediate_frequency": 30e6,
                "time_of_flight": 40,
                "operations": {"readout": "lf_readout"},
            },
        },
        "pulses": {
            "mw_readout": {**read, "waveforms": {"I": "three", "Q": "minus_one"}},
            "lf_readout": {**read, "waveforms": {"single": "two"}},
        },
        "waveforms": {
            "three": {"type": "constant", "sample": 0.3},
            "minus_one": {"type": "constant", "sample": -0.1},
            "two": {"type": "constant", "sample": 0.2},
        },
        "digital_waveforms": {"on": {"samples": [(1, 0)]}},
        "integration_weights": {"cos": weights(1, 0), "sin": weights(0, 1), "minus_sin": weights(0, -1)},
    }


def wave(frequency: float, t: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """What r puts out: P·(0.3 − 0.1i)·e^{iωt}."""
    return PEAK * (0.3 - 0.1j) * np.exp(2j * np.pi * frequency * t * 1e-9)


DUALS = dual_demod("cos", "sin", I), dual_demod("minus_sin", "cos", Q)


class FemChecks:
    """LF- and MW-FEMs, each beside its formula."""

    run: Run

    def outcome(self, raw: dict[str, Any], *body: tree.Statement, plant: Plant = ECHO, **more: Any) -> Outcome:
        """A program that ends with saves of I and Q."""
        whole = program(*body, save(I, "I"), save(Q, "Q"), declarations=DECLARED)
        given = {"seed": 7, "numerics": "linear", **more}
        return type(self).run(whole, check_config(raw), plant=plant, **given)

    def measured(self, raw: dict[str, Any], *body: tree.Statement, plant: Plant = ECHO, **more: Any) -> list[float]:
        """The values saved as I and Q by the end of a program."""
        outcome = self.outcome(raw, *body, plant=plant, **more)
        return [*values(outcome, "I"), *values(outcome, "Q")]

    @pytest.mark.parametrize("power_dbm", [-11, -2, 1])
    def test_dual_demod_of_a_microwave_readout(self, power_dbm: int) -> None:
        """I + iQ = P·N·w·e^(−iω·tof)/4096: P of the power, the carrier gone, no factor ½ and no inverted converter."""
        i, q = self.measured(raw_fems(power_dbm=power_dbm), wait(7, "r"), measure("readout", "r", *DUALS))
        peak = 10 ** ((power_dbm - 10) / 20)
        expected = peak * 200 * (0.3 - 0.1j) * np.exp(-2j * np.pi * 60e6 * 40e-9) / 4096
        close(i, expected.real)
        close(q, expected.imag)

    def test_the_parts_of_a_microwave_input(self) -> None:
        """demod.full without a name reads I, that of Q reads Q; gain_db amplifies both."""
        body = measure("readout", "r", demod("cos", I, ""), demod("sin", Q, "Q"))
        i, q = self.measured(raw_fems(gain_db=3), body)
        t = window(40, 200)
        z = 10 ** (3 / 20) * wave(60e6, t - 40)
        close(i, demodulated(z.real, t, 60e6, 1, 0))
        close(q, demodulated(z.imag, t, 60e6, 0, 1))

    def test_parts_by_the_names_of_a_dual_demod(self) -> None:
        """out1 is I and out2 is Q."""
        body = measure("readout", "r", integration("cos", I, "out1"), integration("cos", Q, "out2"))
        i, q = self.measured(raw_fems(), body)
        z = wave(60e6, window(0, 200))
        close(i, z.real.sum() / 4096)
        close(q, z.imag.sum() / 4096)

    @pytest.mark.parametrize("apart", [0.0, 12.3e6, -250e6, 420e6])
    def test_the_converters_move_the_frequency(self, apart: float) -> None:
        """Up-converter above down-converter by Δ: the input hears the record at IF + Δ, of phase 2πΔt with t = 0 at the
        start of the job, and demodulates at IF."""
        body = wait(10, "r"), measure("readout", "r", demod("cos", I, "I"), demod("cos", Q, "Q"))
        i, q = self.measured(raw_fems(down=UP - apart), *body)
        t = window(80, 200)
        z = wave(60e6 + apart, t - 40)
        close(i, demodulated(z.real, t, 60e6, 1, 0))
        close(q, demodulated(z.imag, t, 60e6, 1, 0))

    @pytest.mark.parametrize(("frequency", "heard"), [(79e6, True), (81e6, False), (-97e6, True)])
    def test_nothing_beyond_half_a_gigahertz(self, frequency: float, heard: bool) -> None:
        """Converters 420 MHz apart: 79 MHz comes at 499 MHz, 81 MHz not at all."""
        raw = raw_fems(down=UP - 420e6)
        raw["elements"]["r"]["intermediate_frequency"] = frequency
        i, q = self.measured(raw, measure("readout", "r", integration("cos", I, "I"), integration("cos", Q, "Q")))
        z = wave(frequency + 420e6, window(0, 200)) if heard else np.zeros(1, complex)
        close(i, z.real.sum() / 4096)
        close(q, z.imag.sum() / 4096)
        assert heard == (i != 0.0)

    def test_a_frequency_that_leaves_the_band(self) -> None:
        """update_frequency decides anew: 90 MHz above 420 MHz is not heard, -90 MHz again is."""

        def to(hertz: int) -> tree.Statement:
            literal = tree.Value(type="int", raw=hertz)
            return tree.UpdateFrequency(at=-1, element="r", frequency=literal, units="Hz", keep_phase=False)

        def read(target: Any) -> tree.Statement:
            return measure("readout", "r", integration("cos", target, "I"))

        i, q = self.measured(raw_fems(down=UP - 420e6), to(90_000_000), read(I), to(-90_000_000), read(Q))
        assert i == 0.0
        close(q, wave(330e6, window(200, 200)).real.sum() / 4096)

    def test_two_readouts_of_two_converters_on_one_port(self) -> None:
        """s is 100 MHz − 45 MHz from the down-converter; its record and that of r add, and r listens."""
        body = (measure("readout", "s"), measure("readout", "r", demod("cos", I, "I"), demod("cos", Q, "Q")))
        i, q = self.measured(raw_fems(), *body)
        t = window(40, 200)
        z = wave(60e6, t - 40) + wave(55e6, t - 40)
        close(i, demodulated(z.real, t, 60e6, 1, 0))
        close(q, demodulated(z.imag, t, 60e6, 1, 0))

    def test_a_raw_trace_is_complex(self) -> None:
        """Codes of I and of Q: floor(4096·v) of the parts."""
        outcome = self.outcome(raw_fems(), measure("readout", "r", stream="adc"))
        traces = outcome.traces["adc"]
        assert [(number, start) for number, start, _ in traces] == [(1, 40), (1, 40)]
        z = wave(60e6, window(0, 200))
        assert max(abs(np.array(traces[0][2]) - np.floor(4096 * z.real))) <= 1
        assert max(abs(np.array(traces[1][2]) - np.floor(4096 * z.imag))) <= 1

    def test_microwaves_and_volts_do_not_mix(self) -> None:
        """Cables between an MW output and an LF input, and back, lead nothing."""
        low, high = PortRef("con1", 1, 1), PortRef("con1", 2, 1)
        crossed = Plant("loopback", 0.0, ((high, low), (low, high)), 24)
        body = (
            measure("readout", "f", demod("cos", I)),
            align("f", "r"),
            measure("readout", "r", *DUALS[1:]),
        )
        assert self.measured(raw_fems(), *body, plant=crossed) == [0.0, 0.0]

    def test_a_microwave_cable(self) -> None:
        """A loopback from the MW output to the MW input of 24 ns, I to I and Q to Q."""
        port = PortRef("con1", 2, 1)
        i, q = self.measured(
            raw_fems(), measure("readout", "r", *DUALS), plant=Plant("loopback", 0.0, ((port, port),), 24)
        )
        t = window(40, 200)
        z = wave(60e6, t - 24) * (t < 224) * np.exp(-2j * np.pi * 60e6 * t * 1e-9)
        close(i, z.real.sum() / 4096)
        close(q, z.imag.sum() / 4096)

    @pytest.mark.parametrize("numerics", ["linear", "exact"])
    def test_an_amplified_port_plays_the_same_volts(self, numerics: str) -> None:
        """0.2 V is 0.2 V in both modes; an LF-FEM does not invert, and may attenuate by 3 dB."""
        got = [
            self.measured(
                raw_fems(output_mode=mode), measure("readout", "f", demod("cos", I), demod("sin", Q)), numerics=numerics
            )
            for mode in ("direct", "amplified")
        ]
        t = window(40, 200)
        v = 10 ** (-3 / 20) * 0.2 * np.cos(2 * np.pi * 30e6 * (t - 40) * 1e-9)
        for i, q in got:
            error = 0.0 if numerics == "linear" else 200 * 2.0**-13 / 4096
            assert abs(i - demodulated(v, t, 30e6, 1, 0)) <= 1e-8 + error
            assert abs(q - demodulated(v, t, 30e6, 0, 1)) <= 1e-8 + error

    def test_the_steps_of_an_amplified_output(self) -> None:
        """Exact numerics: 0.2 V is the 2621st or so of steps of 2.5·2⁻¹⁵ V, which a gain of 20 dB shows at 0.04 V."""
        raw = raw_fems(output_mode="amplified")
        raw["controllers"]["con1"]["fems"][1]["analog_inputs"][1]["gain_db"] = 20
        raw["waveforms"]["two"]["sample"] = 0.04 + 0.00001
        del raw["elements"]["f"]["intermediate_frequency"]
        outcome = self.outcome(raw, measure("readout", "f", stream="adc"), numerics="exact")
        step = 2.5 * 2.0**-15
        level = np.floor(0.04001 / step + 0.5) * step
        assert set(outcome.traces["adc"][0][2]) == {int(np.floor(level * 10 * 4096))}
        assert int(np.floor(0.04001 * 10 * 4096)) != int(np.floor(level * 10 * 4096))

    def test_exact_numerics_of_a_microwave_readout(self) -> None:
        """Within the steps of both converters of the formula."""
        i, q = self.measured(raw_fems(), measure("readout", "r", *DUALS), numerics="exact")
        expected = PEAK * 200 * (0.3 - 0.1j) * np.exp(-2j * np.pi * 60e6 * 40e-9) / 4096
        error = 2 * 200 * 2.0**-12 / 4096
        assert abs(i - expected.real) <= error
        assert abs(q - expected.imag) <= error

    def test_noise_of_the_two_parts_is_independent(self) -> None:
        """200 windows of noise: each part has its own numbers, of the variance of 200 samples."""
        x, y = variable("I"), variable("Q")
        reads = [
            statement
            for _ in range(200)
            for statement in (
                measure("readout", "r", integration("cos", x, "I"), integration("cos", y, "Q")),
                save(x, "I"),
                save(y, "Q"),
            )
        ]
        whole = program(*reads, declarations=DECLARED)
        outcome = type(self).run(
            whole, check_config(raw_fems()), seed=3, numerics="linear", plant=Plant("none", noise=1e-3)
        )
        both = np.array([values(outcome, "I"), values(outcome, "Q")])
        size = 1e-3 * np.sqrt(200) / 4096
        assert abs(both.std(axis=1) / size - 1).max() < 0.2
        assert abs(np.corrcoef(both)[0, 1]) < 0.3

    def test_an_amplitude_matrix_and_a_frame(self) -> None:
        """(v00, v01, v10, v11) acts on I and Q of the waveform, then the frame turns them."""
        turn = tree.FrameRotation(at=-1, element="r", turns=fixed(0.125))
        body = turn, measure("readout", "r", *DUALS, amplitude=(0.5, -0.25, 0.75, 1.5))
        i, q = self.measured(raw_fems(), *body)
        w = complex(0.5 * 0.3 - 0.25 * -0.1, 0.75 * 0.3 + 1.5 * -0.1)
        # the frame turns the demodulation, too
        expected = PEAK * 200 * w * np.exp(-2j * np.pi * 60e6 * 40e-9) / 4096
        close(i, expected.real)
        close(q, expected.imag)

    @pytest.mark.parametrize("rate", [1e9, 2e9])
    def test_a_sticky_microwave_element_holds(self, rate: float) -> None:
        """After a play that ends with 0.3 - 0.1i the port goes on at that level, rounded to steps of 2^-16, also by
        converters that move its frequency (-43 MHz to 57 MHz); at 2 GS/s it is the very last sample, of half a ns."""
        raw = raw_fems()
        raw["controllers"]["con1"]["fems"][2]["analog_outputs"][1]["sampling_rate"] = rate
        raw["elements"]["s"] |= {"sticky": {"analog": True, "duration": 40}, "intermediate_frequency": -43e6}
        raw["waveforms"]["three"] = {"type": "arbitrary", "samples": [0.05] * (round(rate / 5e6) - 1) + [0.3]}
        port = PortRef("con1", 2, 1)
        body = (
            play("readout", "s"),
            align("r", "s"),
            measure("readout", "r", integration("cos", I, "I"), integration("cos", Q, "Q"), amplitude=(0.0,)),
            wait(100, "s"),
        )
        i, q = self.measured(raw, *body, plant=Plant("loopback", 0.0, ((port, port),), 0))
        level = complex(*(np.floor(v * 65536 + 0.5) / 65536 for v in (0.3, -0.1)))
        z = PEAK * level * np.exp(2j * np.pi * 57e6 * window(240, 200) * 1e-9)
        assert abs(z.sum()) > 0.4
        close(i, z.real.sum() / 4096)
        close(q, z.imag.sum() / 4096)

    def test_an_output_at_two_gigasamples_is_heard_once_a_ns(self) -> None:
        """The mean of each pair of samples, on the carrier at whole ns; microwaves likewise."""
        raw = raw_fems(sampling_rate=2e9)
        raw["controllers"]["con1"]["fems"][2]["analog_outputs"][1]["sampling_rate"] = 2e9
        samples = 0.2 * np.sin(np.pi * np.arange(400) / 400)
        for name in ("two", "three"):
            raw["waveforms"][name] = {"type": "arbitrary", "samples": samples.tolist()}
        heard = samples.reshape(200, 2).mean(axis=1)
        t = window(40, 200)
        i, q = self.measured(raw, measure("readout", "f", demod("cos", I), demod("sin", Q)))
        v = 10 ** (-3 / 20) * heard * np.cos(2 * np.pi * 30e6 * (t - 40) * 1e-9)
        close(i, demodulated(v, t, 30e6, 1, 0))
        close(q, demodulated(v, t, 30e6, 0, 1))
        i, q = self.measured(raw, measure("readout", "r", *DUALS))
        expected = PEAK * np.sum(heard - 0.1j) * np.exp(-2j * np.pi * 60e6 * 40e-9) / 4096
        close(i, expected.real)
        close(q, expected.imag)

    @pytest.mark.parametrize("numerics", ["linear", "exact"])
    def test_a_raw_trace_at_two_gigasamples(self, numerics: str) -> None:
        """Two samples a ns, of an output with as many: sample k is w[k]·cos(2π·30 MHz·k/2 ns) at -3 dB; a trace begins
        at the time of flight and has 400 samples."""
        raw = raw_fems(sampling_rate=2e9)
        raw["controllers"]["con1"]["fems"][1]["analog_inputs"][1]["sampling_rate"] = 2e9
        samples = 0.2 * np.sin(np.pi * np.arange(400) / 400)
        raw["waveforms"]["two"] = {"type": "arbitrary", "samples": samples.tolist()}
        outcome = self.outcome(raw, wait(5, "f"), measure("readout", "f", stream="adc"), numerics=numerics)
        ((number, start, codes),) = outcome.traces["adc"]
        assert (number, start, len(codes)) == (1, 60, 400)
        v = 10 ** (-3 / 20) * samples * np.cos(2 * np.pi * 30e6 * (20 + np.arange(400) / 2) * 1e-9)
        assert max(abs(np.array(codes) + 0.5 - 4096 * v)) <= (0.5 + 1e-6 if numerics == "linear" else 0.6)

    def test_an_output_at_one_gigasample_holds(self) -> None:
        """Heard at 2 GS/s each of its samples comes twice, carrier and all, and the even ones are those at 1 GS/s."""
        slow, fast = raw_fems(), raw_fems()
        fast["controllers"]["con1"]["fems"][1]["analog_inputs"][1]["sampling_rate"] = 2e9
        body = measure("readout", "f", stream="adc")
        (_, _, once), (_, _, twice) = (self.outcome(raw, body).traces["adc"][0] for raw in (slow, fast))
        assert twice == [code for code in once for _ in range(2)]
        assert len(set(once)) > 20

    def test_a_microwave_trace_at_two_gigasamples(self) -> None:
        """I + iQ of converters 12 MHz apart, at half ns, where both ports have 2 GS/s."""
        raw = raw_fems(down=UP - 12e6)
        for side in ("analog_outputs", "analog_inputs"):
            raw["controllers"]["con1"]["fems"][2][side][1]["sampling_rate"] = 2e9
        traces = self.outcome(raw, wait(10, "r"), measure("readout", "r", stream="adc")).traces["adc"]
        z = wave(72e6, 40 + np.arange(400) / 2)
        assert [(number, start) for number, start, _ in traces] == [(1, 80), (1, 80)]
        assert max(abs(np.array(traces[0][2]) - np.floor(4096 * z.real))) <= 1
        assert max(abs(np.array(traces[1][2]) - np.floor(4096 * z.imag))) <= 1

    @pytest.mark.parametrize("frequency", [650e6, -720.5e6, 1e9])
    @pytest.mark.parametrize("by_update", [False, True])
    def test_a_frequency_beyond_500_mhz(self, frequency: float, by_update: bool) -> None:
        """At 2 GS/s: sample k of a raw trace is 0.2·cos(2πf·k/2 ns), and the demodulation that of whole ns."""
        raw = raw_fems(sampling_rate=2e9)
        raw["controllers"]["con1"]["fems"][1]["analog_inputs"][1]["sampling_rate"] = 2e9
        raw["elements"]["f"]["intermediate_frequency"] = 20e6 if by_update else frequency
        literal = tree.Value(type="int", raw=int(frequency))
        tune = tree.UpdateFrequency(at=-1, element="f", frequency=literal, units="Hz", keep_phase=False)
        body = [*([tune] if by_update else []), wait(5, "f"), measure("readout", "f", demod("cos", I), stream="adc")]
        outcome = self.outcome(raw, *body)
        ((_, _, codes),) = outcome.traces["adc"]
        gain = 10 ** (-3 / 20) * 0.2
        v = gain * np.cos(2 * np.pi * frequency * (20 + np.arange(400) / 2) * 1e-9)
        assert max(abs(np.array(codes) + 0.5 - 4096 * v)) <= 0.51
        t = window(60, 200)  # the values at whole ns
        close(
            values(outcome, "I")[0],
            demodulated(gain * np.cos(2 * np.pi * frequency * (t - 40) * 1e-9), t, frequency, 1, 0),
        )

    @pytest.mark.parametrize(
        ("frequency", "apart", "heard"), [(700e6, -300e6, True), (700e6, 0.0, False), (-900e6, 420e6, True)]
    )
    def test_microwaves_beyond_500_mhz(self, frequency: float, apart: float, heard: bool) -> None:
        """An output at 2 GS/s is heard where its frequency and the converters' together lie in the input's band."""
        raw = raw_fems(down=UP - apart)
        raw["controllers"]["con1"]["fems"][2]["analog_outputs"][1]["sampling_rate"] = 2e9
        raw["controllers"]["con1"]["fems"][2]["analog_inputs"][1]["sampling_rate"] = 2e9
        raw["elements"]["r"]["intermediate_frequency"] = frequency
        traces = self.outcome(raw, measure("readout", "r", stream="adc")).traces["adc"]
        z = wave(frequency + apart, np.arange(400) / 2) * heard
        assert max(abs(np.array(traces[0][2]) - np.floor(4096 * z.real))) <= 1
        assert max(abs(np.array(traces[1][2]) - np.floor(4096 * z.imag))) <= 1

    def test_microwaves_two_gigahertz_apart_are_one(self) -> None:
        """An output at 2 GS/s makes the same of 2.1 GHz as of 100 MHz, and an input at 1 GS/s hears it."""
        raw = raw_fems(down=UP)
        raw["controllers"]["con1"]["fems"][2]["analog_outputs"][1]["sampling_rate"] = 2e9
        n = variable("n", "int")
        tune = tree.UpdateFrequency(at=-1, element="r", frequency=n, units="Hz", keep_phase=False)
        outcome = self.outcome(raw, assign(n, 2_100_000_000), tune, measure("readout", "r", stream="adc"))
        assert {code for code, _ in outcome.events} == {"frequency_range"}
        traces = outcome.traces["adc"]
        z = wave(100e6, np.arange(200))
        assert max(abs(np.array(traces[0][2]) - np.floor(4096 * z.real))) <= 1
        assert max(abs(np.array(traces[1][2]) - np.floor(4096 * z.imag))) <= 1

    def test_noise_at_half_ns_is_its_own(self) -> None:
        """Samples of whole ns have the noise that they have at 1 GS/s, those between are independent of them."""
        raw = raw_fems()
        raw["waveforms"]["two"]["sample"] = 0.0
        plant = Plant("none", noise=0.02)
        body = [measure("readout", "f", stream="adc") for _ in range(20)]
        traces = []
        for rate in (1e9, 2e9):
            raw["controllers"]["con1"]["fems"][1]["analog_inputs"][1]["sampling_rate"] = rate
            kept = self.outcome(raw, *body, plant=plant, seed=3).traces["adc"]
            traces.append(np.array([code for _, _, codes in kept for code in codes]))
        once, twice = traces
        assert np.array_equal(twice[::2], once)
        expected = 0.02 * 4096 * 10 ** (-3 / 20)  # of 4,000 numbers: 5 standard errors
        assert abs(twice[1::2].std() / expected - 1) < 0.06
        assert abs(np.corrcoef(once, twice[1::2])[0, 1]) < 0.08

    @pytest.mark.parametrize("numerics", ["linear", "exact"])
    def test_an_input_at_two_gigasamples_counts_each_ns_once(self, numerics: str) -> None:
        """Its integrals have the scale of those at 1 GS/s: they are the same."""
        body = measure("readout", "f", demod("cos", I), demod("sin", Q))
        at_one, at_two = raw_fems(), raw_fems()
        at_two["controllers"]["con1"]["fems"][1]["analog_inputs"][1]["sampling_rate"] = 2e9
        expected = self.measured(at_one, body, numerics=numerics)
        assert self.measured(at_two, body, numerics=numerics) == expected
        assert min(map(abs, expected)) > 1e-4
