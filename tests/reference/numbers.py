"""Section 1 of docs/arithmetic.md: raw machine integers and what the operators do to them."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str], None]
"""Called with the code of an event."""

ONE = 1 << 28
"""The raw integer of the fixed number 1."""


def wrap_to(bits: int, value: int) -> int:
    """The low ``bits`` bits of ``value``, read as two's complement."""
    half = 1 << (bits - 1)
    return (value + half) % (1 << bits) - half


def wrap(value: int) -> int:
    """Section 1: wrap = low 32 bits, two's complement."""
    return wrap_to(32, value)


def kept(true: int, report: Report) -> int:
    """Section 1, overflow: the wrapped ``true`` result of an expression, which is told where it does not fit."""
    if not -(2**31) <= true < 2**31:
        report("overflow")
    return wrap(true)


def u64(value: int) -> int:
    """The top of the page: integers written u64 wrap modulo 2^64."""
    return value % (1 << 64)


def binary(operator: str, type_of_sides: str, type_of_result: str, a: int, b: int, report: Report) -> int:
    """Section 1: ``a operator b`` on raw integers."""
    match operator:
        case "+":
            return kept(a + b, report)
        case "-":
            return kept(a - b, report)
        case "*":
            return kept(product(type_of_sides, a, b), report)
        case "/":
            return divide(type_of_result, a, b, report)
        case "&":
            return a & b
        case "|":
            return a | b
        case "^":
            return a ^ b
        case "<<":
            return kept(a << b if 0 <= b <= 31 else a << 32, report)
        case ">>":
            return a >> b if 0 <= b <= 31 else a >> 31
        case "<":
            return int(a < b)
        case "<=":
            return int(a <= b)
        case ">":
            return int(a > b)
        case ">=":
            return int(a >= b)
        case "==":
            return int(a == b)
    raise ValueError(operator)


def product(type_of_sides: str, a: int, b: int) -> int:
    """Section 1, ``*``: the true product of two raw numbers of a type, not wrapped."""
    return (a * b) >> 28 if type_of_sides == "fixed" else a * b


def divide(type_of_result: str, a: int, b: int, report: Report) -> int:
    """Section 1, ``/``: the floor for an int result, the fixed quotient for a fixed one; by zero it is 0, and told."""
    if b == 0:
        report("division_by_zero")
        return 0
    return kept((a << 28) // b if type_of_result == "fixed" else a // b, report)


def convert(function: str, type_of_argument: str, raw: int, report: Report) -> int:
    """Section 1: the casts of one argument."""
    match function:
        case "cast.to_int":
            return raw >> 28 if type_of_argument == "fixed" else raw
        case "cast.to_fixed":
            return raw if type_of_argument == "fixed" else kept(raw << 28, report)
        case "cast.to_bool":
            return int(raw != 0)
        case "cast.unsafe_cast_int" | "cast.unsafe_cast_fixed":
            return raw
        case "cast.unsafe_cast_bool":
            return raw & 1
    raise ValueError(function)


def next_seed(seed: int) -> int:
    """Section 1, random: the next state of a seed variable, of its unsigned value."""
    return (137939405 * (seed % (1 << 32)) + 12345) % (1 << 28)


def stored(type_of_target: str, raw: int) -> int:
    """Section 1: what an assign keeps; a bool takes anything and is whether it is not zero."""
    return int(raw != 0) if type_of_target == "bool" else raw


def amplitude(raw: int, report: Report) -> float:
    """Section 4: an amplitude rounded to 2^-16 and kept in range."""
    return in_steps(raw, 2**17, "amplitude_range", report)


def in_steps(raw: int, limit: int, event: str, report: Report, spare: int = 1) -> float:
    """Sections 3, 4, 14: a fixed rounded to steps of 2^-16, kept in -limit ... limit - spare of them."""
    rounded = (raw + 2**11) >> 12
    kept = min(max(rounded, -limit), limit - spare)
    if kept != rounded:
        report(event)
    return kept * 2.0**-16
