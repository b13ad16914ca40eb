"""Numbers of Python become machine numbers by the rules of 32 bit and 4.28, judged by exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quaymaster._core.program.literals import fits32, fixed_raw, python_value, wrap32


def exact_fixed(number: float) -> int:
    """The raw 4.28 number by fractions: nearest step, halves away from zero."""
    steps = Fraction(number) * 2**28
    size = math.floor(abs(steps) + Fraction(1, 2))
    return size if steps >= 0 else -size


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float(number: float) -> None:
    """Every finite float, however large or small."""
    assert fixed_raw(number) == exact_fixed(number)


@given(st.integers(-(2**33), 2**33), st.integers(-3, 3))
def test_floats_near_halves(steps: int, offset: int) -> None:
    """Floats at and next to the middle between two steps, where rounding is decided."""
    number = (steps + 0.5) / 2**28
    for _ in range(abs(offset)):
        number = math.nextafter(number, math.inf if offset > 0 else -math.inf)
    assert fixed_raw(number) == exact_fixed(number)


@given(st.integers())
def test_ints_as_fixed(number: int) -> None:
    """A Python int in a fixed slot, of any size."""
    assert fixed_raw(number) == exact_fixed(number) if abs(number) < 2**1000 else True


@given(st.integers())
def test_wrap(number: int) -> None:
    """wrap32 is the number modulo 2**32, in the range of a signed int."""
    wrapped = wrap32(number)
    assert -(2**31) <= wrapped < 2**31
    assert (wrapped - number) % 2**32 == 0


@pytest.mark.parametrize(
    ("number", "expected"),
    [(8.0, -8.0), (9, -7.0), (17, 1.0), (100, 4.0), (-8, -8.0), (0.1, 26843546 / 2**28), (2.0**-29, 2.0**-28)],
)
def test_the_platforms_examples(number: float, expected: float) -> None:
    """((x + 8) mod 16) - 8: 8 is -8, 9 is -7, 17 is 1, 100 is 4; half a step goes away from zero."""
    assert python_value("fixed", wrap32(fixed_raw(number))) == expected


@given(st.integers(-(2**33), 2**33))
def test_what_fits_32_bits(number: int) -> None:
    """Between -2**31 and 2**31 - 1, both counted."""
    assert fits32(number) == (-(2**31) <= number < 2**31)


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_refused(number: float) -> None:
    """NaN and infinities have no machine number."""
    with pytest.raises(ValueError, match="not a finite number"):
        fixed_raw(number)


def test_back_to_python() -> None:
    """Raw numbers as Python says them."""
    assert python_value("int", -5) == -5
    assert python_value("fixed", 1 << 27) == 0.5
    assert python_value("bool", 1) is True
