"""Light at the inputs (docs/arithmetic.md, section 18): what can be asked for, how many photons come, what they do."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from engine_lab import Run
from tagging_lab import FLIGHT_NS, READ_NS, bench, written

import quaymaster.qua as q
from quaymaster._core.engine.hearing import Photons
from quaymaster._core.engine.machine import Machine
from quaymaster._core.errors import AskedWrongly
from quaymaster.controller import plant as plants
from quaymaster.controller.compiler import compile_program
from quaymaster.controller.plant import parse_photons, photons

WINDOW_NS = 20_000


@pytest.mark.parametrize(
    ("text", "volts", "width_ns"), [("1e6", 0.3, 8), ("1e6:-0.2", -0.2, 8), ("250000:0.25:40", 0.25, 40)]
)
def test_light_in_words(text: str, volts: float, width_ns: int) -> None:
    """rate, rate:volts, rate:volts:ns."""
    light = parse_photons(text)
    assert light is not None
    assert (light.volts, light.width_ns) == (volts, width_ns)


@pytest.mark.parametrize("text", ["", "0", "0:0.3:8"])
def test_no_light(text: str) -> None:
    """Nothing, or a rate of 0."""
    assert parse_photons(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("light", "the rate is 0 to 1e\\+08 a second"),
        ("nan", "the rate"),
        ("-1", "the rate"),
        ("1.1e8", "PHOTON_RATE_MAX"),
        ("1e6:2", "-1 to 1 V"),
        ("1e6:x", "-1 to 1 V"),
        ("1e6:0.3:0", "1 to 256 ns"),
        ("1e6:0.3:257", "1 to 256 ns"),
        ("1e6:0.3:8:1", "cannot read the photons"),
        ("1e6:0.3:1.5", "cannot read the photons"),
    ],
)
def test_what_cannot_be_read(text: str, why: str) -> None:
    """The cause, and how it is written."""
    with pytest.raises(AskedWrongly, match=why) as caught:
        parse_photons(text)
    assert caught.value.code == "bad_plant"
    assert "1e6:0.3:8" in caught.value.hint


@pytest.mark.parametrize("rate", [1e-3, 1e4, 1e6, 1e8])
def test_thresholds_are_a_poisson_distribution(rate: float) -> None:
    """Growing to 2^32 within what the engine takes; each as the probabilities say, as float64 has them."""
    thresholds = photons(rate, 0.3, 8).thresholds
    assert thresholds[-1] == 2**32 and list(thresholds) == sorted(thresholds) and len(thresholds) <= 256
    mean, total = rate * 256e-9, 0.0
    for k, threshold in enumerate(thresholds):
        total += math.exp(-mean) * mean**k / math.factorial(k)
        assert threshold / 2**32 == pytest.approx(total, abs=1e-9)


def lit(light: Photons, build: Any, **options: Any) -> Run:
    """Run what ``build`` writes on the bench of the detector, in this light alone."""
    config = bench()
    image = compile_program(written(build), config)
    dark = plants.none(config, [info.name for info in image.element_info], options.pop("noise", 0.0))
    ports = tuple(msgspec.structs.replace(port, photons=light) for port in dark.ports)
    done = Run(Machine(image, plant=msgspec.structs.replace(dark, ports=ports), **options), image)
    while not done.states or done.states[-1] != "done":
        done.states.append(done.machine.run(100_000))
        done.drain()
    return done


def counts(light: Photons, windows: int, **options: Any) -> list[int]:
    """Tags in each of some windows one after the other."""

    def build() -> None:
        times, count, n, found = q.declare(int, size=4000), q.declare(int), q.declare(int), q.declare_stream()
        with q.for_(n, 0, n < windows, n + 1):
            q.measure("read", "spcm", None, q.time_tagging.analog(times, WINDOW_NS, count))
            q.wait((WINDOW_NS - READ_NS) // 4, "spcm")
            q.save(count, found)

    return lit(light, build, **options).saved["r1"]


@pytest.mark.parametrize("rate", [1e5, 1e6, 1e7])
def test_as_many_come_as_the_rate_says(rate: float) -> None:
    """Mean and variance of the counts of 400 windows are rate · time; pulses of 1 ns that touch count as one."""
    found = np.array(counts(photons(rate, 0.3, 1), 400, seed=7))
    mean = rate * WINDOW_NS * 1e-9 * (1 - rate * 1e-9)
    assert abs(found.mean() - mean) < 5 * (mean / 400) ** 0.5
    assert found.var() == pytest.approx(mean, rel=0.4)


def test_the_seed_decides() -> None:
    """The same seed, the same photons; another one, others."""
    light = photons(1e6, 0.3, 8)
    assert counts(light, 20, seed=1) == counts(light, 20, seed=1) != counts(light, 20, seed=2)


@pytest.mark.parametrize("numerics", ["linear", "exact"])
def test_traces_integrals_and_tags_see_the_same_light(numerics: str) -> None:
    """Rectangles of 0.25 V for 8 ns: codes of -1024 or 0, tags where they begin, the integral is their sum."""

    def build() -> None:
        times, count, i = q.declare(int, size=60), q.declare(int), q.declare(int)
        x, adc = q.declare(q.fixed), q.declare_stream(adc_trace=True)
        values, tags = q.declare_stream(), q.declare_stream()
        q.measure("read", "spcm", adc, q.time_tagging.analog(times, READ_NS, count), q.integration.full("w", x))
        q.save(x, values)
        with q.for_(i, 0, i < count, i + 1):
            q.save(times[i], tags)

    done = lit(photons(5e7, 0.25, 8), build, seed=11, numerics=numerics)
    ((_, _, start, codes),) = done.traces
    code = np.array(codes)
    assert start == FLIGHT_NS
    assert set(codes) == {0, -1024}
    rises = [int(i) for i in np.flatnonzero(np.diff(code) < 0) + 1]
    assert len(rises) >= 2 and [tag for tag in done.saved["r3"] if tag > 0] == rises
    assert done.saved["r2"] == [int(code.sum()) * 2**28 // 4096**2]
    falls = np.flatnonzero(np.diff(code) > 0) + 1
    assert all(min(fall - rise for fall in [*falls, READ_NS + 8] if fall > rise) >= 8 for rise in rises)


def test_light_passes_gain_and_offset() -> None:
    """Gain of 6 dB and an offset of 0.01 V of the input come behind the light."""
    config_of = bench()
    port = msgspec.structs.replace(
        plants.none(config_of, ["spcm"]).ports[0], gain=2.0, offset=0.01, photons=photons(1e8, 0.1, 256)
    )

    def build() -> None:
        q.measure("read", "spcm", q.declare_stream(adc_trace=True))

    image = compile_program(written(build), config_of)
    hearing = msgspec.structs.replace(plants.none(config_of, ["spcm"]), ports=(port,))
    done = Run(Machine(image, plant=hearing, seed=1), image)
    done.machine.run(10_000)
    done.drain()
    assert set(done.traces[0][3]) == {math.floor(-(2.0 * 0.1 + 0.01) * 4096)}, "26 photons in 256 ns: always lit"


def test_light_reaches_the_jobs_of_a_controller() -> None:
    """The options of a plant: every input that the program measures has the light."""
    config = bench()
    hearing = plants.hearing(config, ["spcm", "dark"], plant="echo", photons="1e6:0.3:8")
    assert [port.photons for port in hearing.ports] == [photons(1e6, 0.3, 8)] * 2
    assert [port.photons for port in plants.hearing(config, ["spcm"]).ports] == [None]
