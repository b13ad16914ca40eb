"""The reference's numbers, phases and noise beside big integers, math and published vectors."""

from __future__ import annotations

import math
from decimal import Decimal, getcontext
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reference import noise, numbers, phase, plants
from reference.records import stretched_sample

INT32 = st.integers(-(2**31), 2**31 - 1)


def events() -> tuple[list[str], numbers.Report]:
    """A list, and a report that appends to it."""
    told: list[str] = []
    return told, told.append


@given(INT32, INT32)
def test_integers_wrap_as_two_complement(a: int, b: int) -> None:
    """+, − and * of ints are the integers' own, modulo 2^32, between −2^31 and 2^31 − 1; told where they are not."""
    for operator, true in (("+", a + b), ("-", a - b), ("*", a * b)):
        told, report = events()
        raw = numbers.binary(operator, "int", "int", a, b, report)
        assert told == ([] if raw == true else ["overflow"])
        assert -(2**31) <= raw < 2**31 and (raw - true) % 2**32 == 0


@pytest.mark.parametrize(("value", "wrapped"), [(8, -8), (9, -7), (17, 1), (100, 4)])
def test_fixed_wraps_at_eight(value: int, wrapped: int) -> None:
    """The platform's own examples: 8 becomes −8, 9 −7, 17 1 and 100 4."""
    assert numbers.wrap(value * numbers.ONE) == wrapped * numbers.ONE


@given(INT32, INT32)
def test_products_and_quotients_of_fixed_are_the_true_ones_rounded_down(a: int, b: int) -> None:
    """a·b and a/b in 4.28 lie less than one step below the true value, modulo 16; told where they are not there."""
    told, report = events()
    true = math.floor(Fraction(a * b, numbers.ONE))
    product = numbers.binary("*", "fixed", "fixed", a, b, report)
    assert (true - product) % 2**32 == 0 and told == ([] if product == true else ["overflow"])
    told.clear()
    quotient = numbers.binary("/", "fixed", "fixed", a, b, report)
    if b == 0:
        assert quotient == 0 and told == ["division_by_zero"]
    else:
        true = math.floor(Fraction(a, b) * numbers.ONE)
        assert (true - quotient) % 2**32 == 0 and told == ([] if quotient == true else ["overflow"])


def test_shifts() -> None:
    """Counts outside 0…31 give 0 or the sign; bits that are lost to the left are told."""
    told, report = events()
    shift = [numbers.binary(o, "int", "int", -5, n, report) for o in ("<<", ">>") for n in (-1, 0, 1, 31, 32)]
    assert shift == [0, -5, -10, -(2**31), 0, -1, -5, -3, -1, -1]
    assert told == ["overflow"] * 3
    assert numbers.binary("<<", "int", "int", 0, 32, report) == 0 and len(told) == 3


def test_casts() -> None:
    """to_int rounds down, to_fixed wraps, which is told, unsafe casts keep bits."""
    minus_half = -(2**27)
    told, report = events()
    assert numbers.convert("cast.to_int", "fixed", minus_half, report) == -1
    assert numbers.convert("cast.to_fixed", "int", 9, report) == -7 * numbers.ONE
    assert numbers.convert("cast.to_fixed", "bool", 1, report) == numbers.ONE
    assert numbers.convert("cast.to_bool", "fixed", 1, report) == 1
    assert numbers.convert("cast.unsafe_cast_bool", "int", 6, report) == 0
    assert numbers.convert("cast.unsafe_cast_int", "fixed", minus_half, report) == minus_half
    assert told == ["overflow"]


def test_amplitudes_round_to_16_bits_and_stay_in_range() -> None:
    """Ties go up; beyond −2 … 2 − 2^-16 they are kept, and told."""
    told, report = events()
    assert numbers.amplitude(2**28, report) == 1.0
    assert numbers.amplitude(2**11, report) == 2.0**-16
    assert numbers.amplitude(2**11 - 1, report) == 0.0
    assert not told
    assert numbers.amplitude(2**29, report) == 2 - 2.0**-16
    assert numbers.amplitude(-(2**31), report) == -2.0
    assert told == ["amplitude_range"] * 2


@given(st.integers(0, 2**64 - 1))
def test_cosine_and_sine(p: int) -> None:
    """Within 2 units in the last place of 1 of math's, for any phase."""
    c, s = phase.cosine_sine(p)
    angle = 2 * math.pi * float(Fraction(p, 2**64))
    assert abs(c - math.cos(angle)) < 1e-15
    assert abs(s - math.sin(angle)) < 1e-15


def test_quarter_turns_are_exact() -> None:
    """0, 90, 180 and 270 degrees."""
    assert [phase.cosine_sine(k << 62) for k in range(4)] == [(1, 0), (0, 1), (-1, 0), (0, -1)]


@given(st.integers(1, 2**32))
def test_logarithm(n: int) -> None:
    """Within 1e-15 relative (1e-15 near 1) of math's, on all arguments that noise uses."""
    u = n * 2.0**-32
    assert abs(phase.ln(u) - math.log(u)) <= 4e-16 * max(1.0, abs(math.log(u)))


@given(st.integers(-(2**31), 2**31 - 1), st.sampled_from(["Hz", "mHz", "uHz", "nHz", "pHz"]))
def test_increments_are_the_nearest(number: int, units: str) -> None:
    """The increment is within half a step of the exact frequency."""
    exact = Fraction(number, {"Hz": 1, "mHz": 10**3, "uHz": 10**6, "nHz": 10**9, "pHz": 10**12}[units])
    difference = (phase.increment_of(number, units) - exact * 2**64 / 10**9) % 2**64
    assert min(difference, 2**64 - difference) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("counter", "key", "words"),
    [
        ("00000000 00000000 00000000 00000000", "00000000 00000000", "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
        ("ffffffff ffffffff ffffffff ffffffff", "ffffffff ffffffff", "408f276d 41c83b0e a20bc7c6 6d5451fd"),
        ("243f6a88 85a308d3 13198a2e 03707344", "a4093822 299f31d0", "d16cfe09 94fdcceb 5001e420 24126ea1"),
    ],
)
def test_philox_as_published(counter: str, key: str, words: str) -> None:
    """The known answers of Random123 for philox4x32 with ten rounds."""

    def parsed(text: str) -> tuple[int, ...]:
        return tuple(int(word, 16) for word in text.split())

    assert noise.philox(parsed(counter), parsed(key)) == parsed(words)  # type: ignore[arg-type]


def test_normal_numbers() -> None:
    """20,000 numbers: the first four moments within five standard errors, neighbours independent."""
    n = [noise.of_sample(3, 257, t) for t in range(20_000)]
    moments = [sum(x**k for x in n) / len(n) for k in range(1, 5)]
    errors = [math.sqrt(v / len(n)) for v in (1, 2, 15, 96)]
    assert all(abs(m - true) < 5 * e for m, true, e in zip(moments, (0, 1, 0, 3), errors, strict=True))
    assert abs(sum(a * b for a, b in pairwise(n))) / len(n) < 5 / math.sqrt(len(n))


def test_noise_belongs_to_seed_port_and_sample() -> None:
    """Any other seed, port or sample gives other numbers; the same give the same."""
    keys = [(1, 257, 0), (2, 257, 0), (1 + 2**32, 257, 0), (1, 258, 0), (1, 257, 1), (1, 257, 2**34)]
    numbers_ = [noise.of_sample(*key) for key in keys]
    assert len(set(numbers_)) == len(keys)
    assert numbers_ == [noise.of_sample(*key) for key in keys]


@pytest.mark.parametrize("gain_db", range(-12, 21))
def test_gains(gain_db: int) -> None:
    """10^(dB/20) is the double nearest to the decimal."""
    getcontext().prec = 50
    exact = Decimal(10) ** (Decimal(gain_db) / 20)
    g = plants.gain(gain_db)
    assert all(
        abs(Decimal(g) - exact) <= abs(Decimal(other) - exact)
        for other in (math.nextafter(g, 0), math.nextafter(g, 99))
    )


@given(st.lists(st.floats(-0.5, 0.5), min_size=4, max_size=20), st.integers(0, 40))
def test_a_stretch_by_nothing_changes_nothing(samples: list[float], n: int) -> None:
    """M = N gives the samples themselves."""
    j = n % len(samples)
    assert stretched_sample(samples, j, len(samples)) == samples[j]
