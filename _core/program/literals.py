"""Numbers of Python into machine numbers and back.

int: 32 bit, two's complement. fixed: signed 4.28, rounded to the nearest step of 2**-28, halves away from zero. What
does not fit wraps in the machine; a literal that does not is refused.
"""

from __future__ import annotations

import math

from .tree import VarType

FIXED_BITS = 28
FIXED_ONE = 1 << FIXED_BITS
_WHOLE_FROM = 2.0**53  # every float of this size is a whole number


def wrap32(number: int) -> int:
    """Keep the low 32 bits, read as two's complement.

    >>> wrap32(2**31)
    -2147483648
    """
    return ((number + 0x8000_0000) & 0xFFFF_FFFF) - 0x8000_0000


def fits32(number: int) -> bool:
    """Whether an int of 32 bits holds ``number``.

    >>> fits32(-(2**31)), fits32(2**31)
    (True, False)
    """
    return wrap32(number) == number


def fixed_raw(number: float) -> int:
    """The 4.28 raw integer nearest to ``number`` (halves away from zero); of a number outside [-8, 8) it has more than
    32 bits.

    Raises ValueError where ``number`` is not finite.

    >>> fixed_raw(0.5), fixed_raw(8.0) / 2**28
    (134217728, 8.0)
    """
    if isinstance(number, int):
        return number << FIXED_BITS
    if not math.isfinite(number):
        raise ValueError(f"{number} is not a finite number")
    if abs(number) >= _WHOLE_FROM:
        return int(number) << FIXED_BITS
    fraction, whole = math.modf(math.ldexp(number, FIXED_BITS))
    raw = int(whole)
    if abs(fraction) >= 0.5:
        raw += 1 if number > 0 else -1
    return raw


def python_value(type: VarType, raw: int) -> bool | int | float:
    """What Python calls the machine number ``raw`` of ``type``."""
    if type == "bool":
        return raw != 0
    return raw / FIXED_ONE if type == "fixed" else raw
