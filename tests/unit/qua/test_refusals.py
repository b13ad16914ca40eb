"""What cannot be is refused at the line where it stands, with its cause and the next step in words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import quaymaster.qua as q
from quaymaster._core.errors import AskedWrongly
from quaymaster._core.program import limits


class Names:
    """The variables that a case may use, all of one program: n, m int; f fixed; b bool; arrays a of 3 ints, fs and
    fs2 of 3 and 2 fixeds, bs of 3 bools; two streams."""

    def __init__(self) -> None:
        self.n, self.m, self.f, self.b = (q.declare(t) for t in (int, int, q.fixed, bool))
        self.a = q.declare(int, value=[1, 2, 3])
        self.fs, self.fs2 = q.declare(q.fixed, size=3), q.declare(q.fixed, size=2)
        self.bs = q.declare(bool, size=3)
        self.st, self.adc = q.declare_stream(), q.declare_stream(adc_trace=True)


def _in_place(x: Any) -> None:
    x += 1


def _block(scope: Any, *statements: Any) -> None:
    with scope:
        for statement in statements:
            statement()


def _streams(write: Any) -> None:
    with q.stream_processing():
        write()


def _sliced(target: Any, chunk: Any) -> None:
    q.measure("r", "q", q.demod.sliced("w", target, chunk))


def _tags(*given: Any, **named: Any) -> None:
    q.measure("r", "q", q.time_tagging.analog(*given, **named))


def _counts(*given: Any) -> None:
    q.measure("r", "q", q.counting.digital(*given))


def _deep(x: Any) -> Any:
    for _ in range(limits.EXPRESSION_DEPTH_MAX):
        x = x + 1
    return x


PRECEDENCE = "put brackets around each comparison, (a < b) & (c < d)"
MUL = "use Cast.mul_fixed_by_int(f, i) for a fixed result, Cast.mul_int_by_fixed(i, f) for an int result"

CASES: list[tuple[str, Any, str, str, str]] = [
    # name, what is written, code, message has, hint has
    ("and", lambda v: v.b and v.b, "python_logic", "whether v4 (bool) is true", "use &, |, ~, if_(...)"),
    ("or", lambda v: v.n < 3 or v.b, "python_logic", "whether `v1 < 3` (bool) is true", "use &, |, ~"),
    ("not", lambda v: not v.b, "python_logic", "known only when the program runs", "~"),
    ("if", lambda v: 1 if v.n > 3 else 2, "python_logic", "known only when the program runs", "if_(...)"),
    ("chain", lambda v: 0 < v.n < 5, "python_logic", "known only when", "(a < b) & (b < c)"),
    (
        "int literal",
        lambda v: v.n < 2**31,
        "bad_value",
        "2147483648 beside < does not fit an int (-2**31",
        "-2147483648",
    ),
    ("mask", lambda v: v.n & 0xFFFFFFFF, "bad_value", "4294967295 beside & does not fit an int", "make -1 of it"),
    (
        "fixed literal",
        lambda v: v.f * 10,
        "bad_value",
        "10 beside * does not fit a fixed (at least -8 and",
        "make -6.0 of",
    ),
    ("rounded to 8", lambda v: v.f + 7.999999999, "bad_value", "7.999999999 beside + does not", "-8.0"),
    ("huge int", lambda v: v.n + 10**9999, "bad_value", "a huge int beside + does not fit", "of it"),
    ("huge float", lambda v: v.f + 1e300, "bad_value", "1e+300 beside + does not fit", "smaller units"),
    ("initial fixed", lambda v: q.declare(q.fixed, value=9.0), "bad_value", "9.0 as an initial value", "make -7.0"),
    ("initial int", lambda v: q.declare(int, value=[1, -(2**31) - 1]), "bad_value", "-2147483649 as an", "2147483647"),
    ("assigned int", lambda v: q.assign(v.n, 2**32), "bad_value", "4294967296 assigned to v1 does not", "make 0 of it"),
    ("assigned fixed", lambda v: q.assign(v.fs[0], -9), "bad_value", "-9 assigned to a2[...] does not", "make 7.0"),
    ("cast", lambda v: q.Cast.mul_fixed_by_int(8.0, v.n), "bad_value", "8.0 in Cast.mul_fixed_by_int", "-8.0"),
    ("infinite turns", lambda v: q.Math.sin2pi(np.inf), "not_finite", "inf in Math.sin2pi is not a finite number", ""),
    ("+=", lambda v: _in_place(v.n), "in_place", "v1 cannot be changed in place", "assign(v1, v1 + ...)"),
    ("cell +=", lambda v: _in_place(v.a[0]), "in_place", "a1[0] cannot be changed", "assign(a1[0], a1[0] + ...)"),
    ("!=", lambda v: v.n != 3, "no_such_operator", "no != operator", "~(a == b)"),
    ("//", lambda v: v.n // 3, "no_such_operator", "no //, %, **", "rounds down"),
    ("%", lambda v: 5 % v.n, "no_such_operator", "no //, %, **", "a & (2**k - 1)"),
    ("**", lambda v: v.n**2, "no_such_operator", "no //, %, **", ""),
    ("abs", lambda v: abs(v.n), "no_such_operator", "abs()", ""),
    ("int()", lambda v: int(v.f), "python_value", "value of v3 (fixed)", "Cast"),
    ("range", lambda v: range(v.n), "python_value", "value of v1 (int)", "declare(..., value=[...])"),
    ("list", lambda v: list(v.n), "not_a_sequence", "v1 (int) is one number", ""),
    ("array ==", lambda v: v.a == v.a, "array_comparison", "array a1 cannot be compared", "for_ loop"),
    ("array <", lambda v: v.a < 3, "array_comparison", "array a1 cannot be compared", ""),
    ("array +", lambda v: v.a + 1, "array_operator", "as a whole", "a[i]"),
    ("in array", lambda v: 3 in v.a, "array_iteration", "cannot walk over the array a1", "for_each_"),
    ("array slice", lambda v: v.a[0:2], "bad_index", "takes one index", ""),
    ("array end", lambda v: v.a[3], "index_out_of_range", "index 3 is outside of a1, which has cells 0 to 2", ""),
    ("array -1", lambda v: v.a[-1], "index_out_of_range", "index -1", "the last cell is a1[2]"),
    ("fixed index", lambda v: v.a[v.f], "type_mismatch", "v3 (fixed) as index of a1 must be int", "Cast.to_int"),
    ("int*fixed", lambda v: v.n * v.f, "type_mismatch", "v1 (int) * v3 (fixed) mixes types", MUL),
    ("int*0.5", lambda v: v.n * 0.5, "type_mismatch", "v1 (int) * 0.5 mixes int and fixed", MUL),
    ("0.5*int", lambda v: 0.5 * v.n, "type_mismatch", "0.5 * v1 (int) mixes int and fixed", MUL),
    ("int/2.5", lambda v: v.n / 2.5, "type_mismatch", "v1 (int) / 2.5", "Cast.to_fixed"),
    ("int+fixed", lambda v: v.n + v.f, "type_mismatch", "v1 (int) + v3 (fixed) mixes types", "Cast.to_fixed"),
    ("int<fixed", lambda v: v.n < v.f, "type_mismatch", "v1 (int) < v3 (fixed) mixes types", "Cast.to_int"),
    ("int+0.5", lambda v: v.n + 0.5, "type_mismatch", "0.5 beside + is a float where an int is needed", "int(...)"),
    ("bool+bool", lambda v: v.b + v.b, "type_mismatch", "+ does not take bools", "Cast.to_int"),
    ("bool<bool", lambda v: v.b < v.b, "type_mismatch", "< does not take bools", "&, |, ^ and =="),
    ("-bool", lambda v: -v.b, "type_mismatch", "- does not take bools", ""),
    ("bool+int", lambda v: v.b + v.n, "type_mismatch", "v4 (bool) + v1 (int) mixes types", "Cast.to_int"),
    ("&<", lambda v: (v.b & v.n) < 3, "type_mismatch", "v4 (bool) & v1 (int) mixes types", PRECEDENCE),
    ("False&", lambda v: False & v.n < 3, "type_mismatch", "False & v1 (int) mixes a bool with a number", PRECEDENCE),
    ("3&bool", lambda v: v.n < 3 & (v.m > 1), "type_mismatch", "3 & `v2 > 1` (bool) mixes types", PRECEDENCE),
    ("bool|5", lambda v: v.b | 5, "type_mismatch", "v4 (bool) | 5 mixes types", PRECEDENCE),
    ("bool==2", lambda v: v.b == 2, "type_mismatch", "2 beside == is not a bool", "True or False"),
    ("shift fixed", lambda v: v.n << v.f, "type_mismatch", "not v1 (int) by v3 (fixed)", "Cast.to_int"),
    ("shift bool", lambda v: v.b >> 1, "type_mismatch", "shifts an int or a fixed by an int", ""),
    ("shift 0.5", lambda v: v.n >> 0.5, "type_mismatch", "a float where an int is needed", ""),
    ("int==0.5", lambda v: v.n == 0.5, "type_mismatch", "a float where an int is needed", ""),
    ("text", lambda v: v.n + "x", "not_a_scalar", "the text 'x' beside +", ""),
    ("None", lambda v: v.n + None, "not_a_scalar", "None beside +", ""),
    ("ndarray", lambda v: np.array([1, 2]) * v.n, "not_a_scalar", "a ndarray beside *", ""),
    ("array beside", lambda v: v.n + v.a, "not_a_scalar", "the array a1 beside +", "a[i]"),
    ("nan", lambda v: v.f + float("nan"), "not_finite", "nan beside + is not a finite number", ""),
    ("deep", lambda v: _deep(v.n), "expression_too_deep", "EXPRESSION_DEPTH_MAX", "assign a part"),
    (
        "Cast types",
        lambda v: q.Cast.mul_fixed_by_int(v.n, v.n),
        "type_mismatch",
        "v1 (int) in Cast.mul_fixed",
        "to_fixed",
    ),
    ("Cast array", lambda v: q.Cast.to_int(v.a), "not_a_scalar", "the array a1 in Cast.to_int", "a[i]"),
    # declare
    ("declare str", lambda v: q.declare(str), "bad_type", "is not a type of the language", "int, fixed or bool"),
    ("declare [int]", lambda v: q.declare([int]), "bad_type", "is not a type", ""),
    ("declare both", lambda v: q.declare(int, value=[1], size=1), "bad_declaration", "size or value, not both", ""),
    ("declare 0", lambda v: q.declare(int, size=0), "bad_declaration", "size 0 is not a positive int", ""),
    ("declare 1.5", lambda v: q.declare(int, size=1.5), "bad_declaration", "size 1.5", ""),
    ("declare n", lambda v: q.declare(int, size=v.n), "bad_declaration", "size <v1 (int)>", ""),
    ("declare []", lambda v: q.declare(int, value=[]), "bad_declaration", "at least one value", ""),
    ("declare x", lambda v: q.declare(int, value="x"), "bad_declaration", "a str cannot be an initial", ""),
    ("declare qua", lambda v: q.declare(int, value=v.n), "bad_declaration", "v1 (int) cannot be an initial", "assign"),
    ("declare 2-D", lambda v: q.declare(int, value=[[1]]), "bad_declaration", "a list cannot be", "flat list"),
    ("declare inf", lambda v: q.declare(int, value=np.inf), "not_finite", "inf", ""),
    # assign and save
    ("assign type", lambda v: q.assign(v.n, v.f), "type_mismatch", "v3 (fixed) assigned to v1 must be int", "to_int"),
    ("assign bool", lambda v: q.assign(v.n, v.b), "type_mismatch", "v4 (bool) assigned to v1 must be int", "to_int"),
    ("assign int", lambda v: q.assign(v.f, v.n), "type_mismatch", "assigned to v3 must be fixed", "Cast.to_fixed"),
    ("assign 1.5", lambda v: q.assign(v.n, 1.5), "type_mismatch", "1.5 assigned to v1 is a float", ""),
    ("assign 3", lambda v: q.assign(3, v.n), "bad_target", "not a int", ""),
    ("assign sum", lambda v: q.assign(v.n + 1, v.n), "bad_target", "not `v1 + 1` (int)", ""),
    ("assign array", lambda v: q.assign(v.a, 1), "bad_target", "the whole array a1", "a[i]"),
    ("assign from array", lambda v: q.assign(v.n, v.a), "not_a_scalar", "the array a1 assigned to v1", "a[i]"),
    ("save sum", lambda v: q.save(v.n + 1, v.st), "bad_save", "not `v1 + 1` (int)", "assign it to a variable"),
    ("save array", lambda v: q.save(v.a, v.st), "bad_save", "the whole array a1", "a[i]"),
    ("save adc", lambda v: q.save(v.n, v.adc), "bad_stream", "holds raw samples", ""),
    ("save to 3", lambda v: q.save(v.n, 3), "bad_stream", "not to a int", ""),
    ("save types", lambda v: (q.save(v.n, v.st), q.save(v.f, v.st)), "type_mismatch", "holds int values", "each type"),
    # play and measure
    ("amp 2", lambda v: q.amp(1, 2), "bad_amplitude", "1 or 4 values, not 2", "mixes I and Q"),
    ("amp 3", lambda v: q.amp(1, 2, 3), "bad_amplitude", "1 or 4 values, not 3", ""),
    ("amp range", lambda v: q.amp(2.0), "bad_amplitude", "amplitude 2.0 is outside of [-2, 2 - 2**-16]", ""),
    (
        "-int/int",
        lambda v: q.assign(v.f, -(v.n / v.m)),
        "type_mismatch",
        "(int) assigned to v3 must",
        "assign it first",
    ),
    ("amp int", lambda v: q.amp(v.n), "type_mismatch", "v1 (int) as amplitude must be fixed", "Cast.to_fixed"),
    ("amp on 3", lambda v: 3 * q.amp(1), "bad_amplitude", "the name of a pulse, not a int", ""),
    ("amp twice", lambda v: q.play("x" * q.amp(1), "q", amplitude_scale=1), "bad_amplitude", "not both", ""),
    ("play n", lambda v: q.play(v.n, "q"), "bad_name", "the pulse of play must be a name", ""),
    ("play element", lambda v: q.play("x", 3), "bad_name", "the element of play must be a name", ""),
    ("play empty", lambda v: q.play("x", ""), "bad_name", "not ''", ""),
    ("play short", lambda v: q.play("x", "q", duration=3), "bad_duration", "3 cycles as duration", "16 ns"),
    ("play fixed", lambda v: q.play("x", "q", duration=v.f), "type_mismatch", "v3 (fixed) as duration must be int", ""),
    ("measure int", lambda v: q.measure("r", "q", ("w", v.n)), "type_mismatch", "writes a fixed, not a int", ""),
    ("measure array", lambda v: q.measure("r", "q", q.demod.full("w", v.a)), "bad_target", "whole array a1", ""),
    ("measure weights", lambda v: q.measure("r", "q", q.demod.full(3, v.f)), "bad_name", "integration weights", ""),
    ("measure list", lambda v: q.measure("r", "q", ["w", v.f]), "bad_measure", "a list is not a process", "demod.full"),
    ("measure var", lambda v: q.measure("r", "q", v.f), "bad_measure", "v3 is not a process", ""),
    ("measure 4", lambda v: q.measure("r", "q", ("w", "o", v.f, 1)), "bad_measure", "a tuple is not a process", ""),
    ("measure two", lambda v: q.measure("r", "q", v.adc, adc_stream=v.adc), "bad_measure", "two raw streams", ""),
    ("measure saved", lambda v: (q.save(1, v.st), q.measure("r", "q", v.st)), "bad_stream", "holds saved values", ""),
    ("measure adc 3", lambda v: q.measure("r", "q", adc_stream=3), "bad_measure", "must be a stream, not a int", ""),
    ("dual 4", lambda v: q.dual_demod.full("c", "o", "s", v.f), "bad_measure", "wrong arguments", "iw1, iw2, target"),
    ("dual name", lambda v: q.dual_demod.full("c", "s", goal=v.f), "bad_measure", "wrong arguments", ""),
    # library functions
    ("Math int", lambda v: q.Math.sin(v.n), "type_mismatch", "v1 (int) in Math.sin must be fixed", "Cast.to_fixed"),
    ("Math bool", lambda v: q.Math.abs(v.b), "type_mismatch", "v4 (bool) in Math.abs must be int or fixed", "to_int"),
    ("Math text", lambda v: q.Math.exp("x"), "not_a_scalar", "the text 'x' in Math.exp", ""),
    ("Math array", lambda v: q.Math.abs(v.fs), "not_a_scalar", "the array a2 in Math.abs", "a[i]"),
    ("Math nan", lambda v: q.Math.pow(v.f, np.nan), "not_finite", "nan in Math.pow is not a finite", ""),
    (
        "Math.sum scalar",
        lambda v: q.Math.sum(v.n),
        "not_an_array",
        "takes a whole array or a list of numbers, not v1 (int)",
        "",
    ),
    ("Math.max empty", lambda v: q.Math.max([]), "not_an_array", "or a list of numbers, not a list", "value=[...]"),
    ("Math.max mixed", lambda v: q.Math.max([1, True]), "not_an_array", "not a list of other things", "value=[...]"),
    ("Math.max var", lambda v: q.Math.max([1, v.n]), "not_an_array", "not a list of other things", "value=[...]"),
    ("Math.max rows", lambda v: q.Math.max(np.eye(2)), "not_an_array", "not a ndarray of other things", "value=[...]"),
    ("Math.min bools", lambda v: q.Math.min(v.bs), "type_mismatch", "the array a4 (bool) in Math.min", ""),
    ("Math.sum bools", lambda v: q.Math.sum([True]), "type_mismatch", "(bool) in Math.sum must be int or fixed", ""),
    ("Math.dot list", lambda v: q.Math.dot(v.fs, [1, 2]), "bad_array_length", "a2 with 3 cells and a5 with 2", ""),
    ("Math.dot lengths", lambda v: q.Math.dot(v.fs, v.fs2), "bad_array_length", "a2 with 3 cells and a3 with 2", ""),
    ("Math.div types", lambda v: q.Math.div(v.n, v.f), "type_mismatch", "v1 (int) / v3 (fixed) mixes types", ""),
    ("cond 1", lambda v: q.Util.cond(1, v.n, v.m), "type_mismatch", "of Util.cond must be bool, not 1", ""),
    ("cond int", lambda v: q.Util.cond(v.n, 1, 2), "type_mismatch", "v1 (int) as condition of Util.cond", "compare it"),
    ("cond types", lambda v: q.Util.cond(v.b, v.n, v.f), "type_mismatch", "v1 (int) and v3 (fixed) in Util.cond", ""),
    ("cond 0.5", lambda v: q.Util.cond(v.b, v.n, 0.5), "type_mismatch", "0.5 in Util.cond is a float", ""),
    # more ways to play
    ("truncate 3", lambda v: q.play("x", "q", truncate=3), "bad_duration", "3 cycles as truncate is outside", "16 ns"),
    ("truncate fixed", lambda v: q.play("x", "q", truncate=v.f), "type_mismatch", "as truncate must be int", ""),
    ("condition int", lambda v: q.play("x", "q", condition=v.n), "type_mismatch", "as condition of play", "compare it"),
    ("condition 1", lambda v: q.play("x", "q", condition=1), "type_mismatch", "of play must be bool, not 1", ""),
    ("stamp adc", lambda v: q.play("x", "q", timestamp_stream=v.adc), "bad_stream", "holds raw samples", ""),
    ("stamp 3", lambda v: q.play("x", "q", timestamp_stream=3), "bad_stream", "timestamp_stream of play must be", ""),
    ("stamp ''", lambda v: q.measure("x", "q", timestamp_stream=""), "bad_name", "timestamp_stream of measure", ""),
    (
        "stamp fixed",
        lambda v: (q.save(v.f, v.st), q.play("x", "q", timestamp_stream=v.st)),
        "type_mismatch",
        "holds fixed values; this one is int",
        "",
    ),
    ("chirp 1", lambda v: q.play("x", "q", chirp=5), "bad_chirp", "a tuple of two or three", "(rates, times, units)"),
    ("continue_chirp", lambda v: q.play("x", "q", continue_chirp=v.b), "bad_chirp", "True or False", "written"),
    ("chirp 4", lambda v: q.play("x", "q", chirp=(1, 2, 3, 4)), "bad_chirp", "a tuple of two or three", ""),
    ("chirp units", lambda v: q.play("x", "q", chirp=(1, "Hz")), "bad_units", "'Hz' of a chirp", "Hz/nsec, GHz/sec"),
    ("chirp fixed", lambda v: q.play("x", "q", chirp=(v.f, "Hz/sec")), "type_mismatch", "as rate of a chirp", ""),
    ("chirp 0.5", lambda v: q.play("x", "q", chirp=(0.5, "Hz/nsec")), "type_mismatch", "chirp rate 0.5", "finer units"),
    ("chirp big", lambda v: q.play("x", "q", chirp=(2**31, "pHz/nsec")), "bad_chirp", "fit 32 bits", "coarser units"),
    ("chirp nan", lambda v: q.play("x", "q", chirp=(np.nan, "pHz/nsec")), "bad_chirp", "nan does not fit", ""),
    ("chirp none", lambda v: q.play("x", "q", chirp=([], "Hz/sec")), "bad_chirp", "1 to 4096 rates", ""),
    ("chirp fixeds", lambda v: q.play("x", "q", chirp=(v.fs, "Hz/sec")), "type_mismatch", "a2 (fixed) of a chirp", ""),
    ("chirp times", lambda v: q.play("x", "q", chirp=([1, 2], [0], "Hz/sec")), "bad_chirp", "2 rates and 1 times", ""),
    ("chirp first", lambda v: q.play("x", "q", chirp=([1], [4], "Hz/sec")), "bad_chirp", "first time", "rates, times"),
    ("chirp falls", lambda v: q.play("x", "q", chirp=([1, 2], [0, 0], "Hz/sec")), "bad_chirp", "must rise", ""),
    ("chirp time n", lambda v: q.play("x", "q", chirp=([1, 2], [0, v.n], "Hz/sec")), "bad_chirp", "Python ints", ""),
    ("chirp time a", lambda v: q.play("x", "q", chirp=([1, 2, 3], v.a, "Hz/sec")), "bad_chirp", "Python ints", ""),
    ("chirp time 0.5", lambda v: q.play("x", "q", chirp=([1, 2], [0, 0.5], "Hz/sec")), "bad_chirp", "must rise", ""),
    ("chirp time nan", lambda v: q.play("x", "q", chirp=([1], [np.nan], "Hz/sec")), "bad_chirp", "Python ints", ""),
    ("chirp list nan", lambda v: q.play("x", "q", chirp=([np.nan], "Hz/sec")), "bad_chirp", "nan does not fit", ""),
    ("ramp alone", lambda v: q.play(q.ramp(0.1), "q"), "bad_ramp", "needs a duration", "duration="),
    ("ramp amp", lambda v: q.play(q.ramp(0.1) * q.amp(1), "q"), "bad_amplitude", "not a Ramp", ""),
    (
        "ramp scale",
        lambda v: q.play(q.ramp(1), "q", 4, amplitude_scale=1),
        "bad_amplitude",
        "ramp has no",
        "ramp(a * v)",
    ),
    ("ramp int", lambda v: q.ramp(v.n), "type_mismatch", "v1 (int) as slope of ramp must be fixed", "Cast.to_fixed"),
    ("ramp 8", lambda v: q.ramp(8), "bad_ramp", "slope 8 V/ns is outside of [-8, 8)", "volts per ns"),
    ("ramp measure", lambda v: q.measure(q.ramp(1), "q"), "bad_name", "the pulse of measure must be", ""),
    ("zero 3", lambda v: q.ramp_to_zero("q", 3), "bad_duration", "from 4 to 16777216 cycles, not 3", "4 ns"),
    ("zero n", lambda v: q.ramp_to_zero("q", v.n), "bad_duration", "cycles, not v1", ""),
    ("zero 4.5", lambda v: q.ramp_to_zero("q", 4.5), "bad_duration", "not 4.5", ""),
    ("zero element", lambda v: q.ramp_to_zero(3), "bad_name", "the element of ramp_to_zero must be a name", ""),
    # slices
    ("sliced cell", lambda v: _sliced(v.fs[0], 7), "bad_target", "a whole fixed array, not a2[0] (fixed)", "size=n"),
    ("sliced list", lambda v: _sliced([0.0], 7), "bad_target", "a whole fixed array, not a list", ""),
    ("sliced ints", lambda v: _sliced(v.a, 7), "type_mismatch", "writes a fixed array, but a1 is int", ""),
    ("sliced 0", lambda v: _sliced(v.fs, 0), "bad_measure", "samples_per_chunk of demod.sliced must be", "4 ns"),
    ("sliced None", lambda v: _sliced(v.fs, None), "bad_measure", "a Python int from 1 to 2147483647, not None", ""),
    ("sliced n", lambda v: _sliced(v.fs, v.n), "bad_measure", "not v1 (int)", ""),
    (
        "tags scalar",
        lambda v: _tags(v.n, 100),
        "bad_target",
        "writes a whole int array, not v1 (int)",
        "a cell for each",
    ),
    ("tags cell", lambda v: _tags(v.a[0], 100), "bad_target", "writes a whole int array, not a1[0] (int)", "size=n"),
    ("tags fixed", lambda v: _tags(v.fs, 100), "type_mismatch", "time_tagging.analog writes an int array, but a2", ""),
    ("tags bool", lambda v: _tags(v.bs, 100), "type_mismatch", "writes an int array", ""),
    ("tags None", lambda v: _tags(None, 100), "bad_target", "not a NoneType", ""),
    ("tags 0 ns", lambda v: _tags(v.a, 0), "bad_measure", "max_time of time_tagging.analog must be", "in ns"),
    ("tags 0.5 ns", lambda v: _tags(v.a, 100.5), "bad_measure", "a Python int from 1 to 67108864, not 100.5", ""),
    ("tags n ns", lambda v: _tags(v.a, v.n), "bad_measure", "not v1 (int)", "in ns"),
    (
        "tags ps",
        lambda v: q.measure("r", "q", q.time_tagging.high_res(v.a, 2_147_484)),
        "bad_measure",
        "a Python int from 1 to 2147483, not 2147484",
        "",
    ),
    ("count fixed", lambda v: _tags(v.a, 9, v.f), "bad_target", "targetLen of time_tagging.analog must be an int", ""),
    ("count cell", lambda v: _tags(v.a, 9, v.a[0]), "bad_target", "must be an int variable, not a1[0] (int)", ""),
    ("count array", lambda v: _tags(v.a, 9, v.a), "bad_target", "cannot write the whole array a1", ""),
    ("count 3", lambda v: _tags(v.a, 9, targetLen=3), "bad_target", "needs a variable", ""),
    ("tags output", lambda v: _tags(v.a, 9, element_output=1), "bad_name", "the output of time_tagging.analog", ""),
    ("count None", lambda v: _counts(None, 9), "bad_target", "the target of counting.digital", ""),
    ("counted fixed", lambda v: _counts(v.f, 9), "bad_target", "the target of counting.digital must be an int", ""),
    ("counted cell", lambda v: _counts(v.a[0], 9), "bad_target", "must be an int variable, not a1[0] (int)", ""),
    ("counts 0 ns", lambda v: _counts(v.n, 0), "bad_measure", "max_time of counting.digital must be", "in ns"),
    ("counts none", lambda v: _counts(v.n, 9, []), "bad_measure", "a list of names, not []", ""),
    ("counts 3", lambda v: _counts(v.n, 9, 3), "bad_measure", "a list of names, not 3", ""),
    ("counts twice", lambda v: _counts(v.n, 9, ["a", "a"]), "bad_measure", "each once", ""),
    ("counts of 1", lambda v: _counts(v.n, 9, ["a", 1]), "bad_name", "an output of counting.digital", ""),
    ("sliced tuple", lambda v: q.measure("r", "q", ("w", v.fs)), "bad_target", "the whole array a2", "a[i]"),
    (
        "window 4",
        lambda v: q.measure("r", "q", q.demod.moving_window("w", v.fs, 7, 4)),
        "bad_measure",
        "chunks_per_window of demod.moving_window must be a Python int from 1 to 3, not 4",
        "",
    ),
    (
        "slices",
        lambda v: q.measure("r", "q", q.integration.sliced("w", q.declare(q.fixed, size=limits.SLICES_MAX + 1), 1)),
        "bad_measure",
        "65537 slices in one measure, more than 65536 (SLICES_MAX)",
        "",
    ),
    (
        "dual sliced",
        lambda v: q.dual_demod.sliced("c", "s", 7, v.fs),
        "no_such_process",
        "platform",
        "use demod.sliced",
    ),
    ("broadcast nothing", lambda v: q.broadcast.and_(), "bad_call", "broadcast.and_ takes at least one bool", ""),
    ("broadcast int", lambda v: q.broadcast.or_(v.b, v.n), "type_mismatch", "in broadcast.or_", ""),
    (
        "correction 2",
        lambda v: q.update_correction("q", 2.0, 0, 0, 1),
        "bad_correction",
        "correction 2.0 is outside",
        "",
    ),
    ("correction int", lambda v: q.update_correction("q", v.n, 0, 0, 1), "type_mismatch", "as correction", ""),
    ("offset", lambda v: q.set_dc_offset("q", "I", 2.5), "bad_offset", "offset 2.5 is outside of [-2.5, ", ""),
    ("offset input", lambda v: q.set_dc_offset("q", 1, 0.1), "bad_name", "the input of set_dc_offset", ""),
    ("load -1", lambda v: q.load_waveform("x", -1, "q"), "bad_waveform_index", "there is no waveform -1", "is 0"),
    ("load fixed", lambda v: q.load_waveform("x", v.f, "q"), "type_mismatch", "as waveform_index of load_waveform", ""),
    ("fast frame of nobody", lambda v: q.fast_frame_rotation(1.0, 0.0), "bad_name", "names no element", ""),
    ("fast frame int", lambda v: q.fast_frame_rotation(v.n, 0.0, "q"), "type_mismatch", "Math.atan2_2pi", ""),
    (
        "dual window",
        lambda v: q.dual_integration.moving_window(),
        "no_such_process",
        "dual_integration.moving_window is not supported by the platform",
        "use integration.moving_window",
    ),
    # time, phase, frequency
    ("wait 3", lambda v: q.wait(3), "bad_duration", "3 cycles of wait is outside of 4 to 2147483647", "4 ns"),
    ("wait long", lambda v: q.wait(2**31), "bad_duration", "outside of 4", ""),
    ("wait 4.5", lambda v: q.wait(4.5), "type_mismatch", "4.5 of wait is a float", ""),
    ("wait list", lambda v: q.wait(4, ["a", "b"]), "bad_name", "one by one, not a list", "*elements"),
    ("align int", lambda v: q.align(3), "bad_name", "an element of align must be a name", ""),
    ("frame none", lambda v: q.frame_rotation(0.5), "bad_name", "names no element", ""),
    ("frame int", lambda v: q.frame_rotation(v.n, "q"), "type_mismatch", "v1 (int) as angle must be fixed", ""),
    ("frequency fixed", lambda v: q.update_frequency("q", v.f), "type_mismatch", "as frequency must be int", ""),
    ("frequency range", lambda v: q.update_frequency("q", 3e9), "bad_frequency", "does not fit 32 bits", ""),
    ("frequency nan", lambda v: q.update_frequency("q", float("nan")), "not_finite", "nan", ""),
    ("frequency units", lambda v: q.update_frequency("q", 1, "MHz"), "bad_units", "'MHz'", "Hz, mHz, uHz, nHz, pHz"),
    ("keep_phase", lambda v: q.update_frequency("q", 1, keep_phase=v.b), "type_mismatch", "must be a Python bool", ""),
    ("Random", lambda v: q.Random(0.5), "type_mismatch", "0.5 as seed of Random", ""),
    ("Random var", lambda v: q.Random(v.f), "type_mismatch", "v3 (fixed) as seed of Random must be int", ""),
    ("rand_int", lambda v: q.Random().rand_int(v.f), "type_mismatch", "v3 (fixed) in rand_int must be int", ""),
    # blocks
    ("star", lambda v: q.for_((v.n, 0, v.n < 3, v.n + 1)), "missing_star", "one tuple", "for_(*from_array(...))"),
    ("for_ few", lambda v: q.for_(v.n, 0), "bad_loop", "a variable, its start, a condition", ""),
    ("for_ cell", lambda v: q.for_(v.a[0], 0, True, 1), "bad_target", "needs a scalar variable", ""),
    (
        "for_ cond",
        lambda v: q.for_(v.n, 0, v.n, v.n + 1),
        "type_mismatch",
        "v1 (int) as condition of for_",
        "compare it",
    ),
    ("for_ step", lambda v: q.for_(v.n, 0, v.n < 3, v.n + 0.1), "type_mismatch", "0.1 beside +", ""),
    ("if_ 1", lambda v: q.if_(1), "type_mismatch", "the condition of if_ must be bool, not 1", ""),
    ("if_ int", lambda v: q.if_(v.n), "type_mismatch", "v1 (int) as condition of if_ must be bool", "Cast.to_bool"),
    ("else_ alone", lambda v: q.else_(), "misplaced", "directly after the block of an if_", ""),
    ("elif_ late", lambda v: (_block(q.if_(v.b)), q.align(), q.elif_(v.b)), "misplaced", "elif_ must stand", ""),
    ("else_ twice", lambda v: (_block(q.if_(v.b)), _block(q.else_()), q.else_()), "misplaced", "else_ must", ""),
    ("else_ after while_", lambda v: (_block(q.while_(v.b)), q.else_()), "misplaced", "else_ must stand", ""),
    ("case_ alone", lambda v: q.case_(1), "misplaced", "case_ must stand directly in a switch_", ""),
    ("default_ alone", lambda v: q.default_(), "misplaced", "default_ must stand directly in", ""),
    ("no case", lambda v: _block(q.switch_(v.n)), "misplaced", "switch_ has no case_", ""),
    ("in switch", lambda v: _block(q.switch_(v.n), q.align), "misplaced", "only case_ and default_", ""),
    ("default first", lambda v: _block(q.switch_(v.n), q.default_), "misplaced", "after a case_", ""),
    ("unsafe default", lambda v: _block(q.switch_(v.n, unsafe=True), q.default_), "misplaced", "no default_", "unsafe"),
    ("case type", lambda v: _block(q.switch_(v.n), lambda: q.case_(v.f)), "type_mismatch", "mixes types", ""),
    ("each count", lambda v: q.for_each_((v.n, v.m), ([1],)), "bad_loop", "2 variables but 1 arrays", "(xs, ys)"),
    ("each length", lambda v: q.for_each_((v.n, v.m), ([1], [1, 2])), "bad_loop", "different lengths: 1, 2", ""),
    ("each set", lambda v: q.for_each_(v.n, {1, 2}), "bad_loop", "not a set", "has no order: write sorted"),
    ("each empty", lambda v: q.for_each_(v.n, []), "bad_loop", "no values", ""),
    ("each int", lambda v: q.for_each_(v.n, 3), "bad_loop", "not a int", ""),
    ("each type", lambda v: q.for_each_(v.f, v.a), "type_mismatch", "<a1 (int array of 3)>", "as int too"),
    ("each floats", lambda v: q.for_each_(v.n, [0.5]), "type_mismatch", "floats with v1 (int)", "as fixed"),
    ("each mixed", lambda v: q.for_each_(v.n, [True, 2]), "type_mismatch", "bools and numbers", ""),
    ("each var", lambda v: q.for_each_(v.a[0], [1]), "bad_target", "scalar variables", ""),
    # streams
    ("save outside", lambda v: v.st.save("x"), "misplaced", "save stands outside of stream_processing()", ""),
    ("play inside", lambda v: _streams(lambda: q.align()), "misplaced", "may not stand in stream_processing()", ""),
    ("nested sp", lambda v: _block(q.while_(v.b), q.stream_processing), "misplaced", "outside of other blocks", ""),
    ("tag", lambda v: _streams(lambda: v.st.save(3)), "bad_name", "the tag of save must be a name", ""),
    ("long tag", lambda v: _streams(lambda: v.st.save("x" * 999)), "bad_name", "save has 999 characters", ""),
    ("two tags", lambda v: _streams(lambda: (v.st.save("x"), v.st.save("x"))), "duplicate_tag", "'x'", "of its own"),
    ("tag @", lambda v: _streams(lambda: v.st.save_all("@x")), "bad_name", "'@x' of a result begins with @", "another"),
    ("tag of save @", lambda v: q.save(1, "@x"), "bad_name", "'@x' of a result begins with @", "another"),
    ("tag of play @", lambda v: q.play("x", "q", timestamp_stream="@x"), "bad_name", "begins with @", "another"),
    ("tag of measure @", lambda v: q.measure("x", "q", "@x"), "bad_name", "begins with @", "another"),
    ("tag surrogate", lambda v: _streams(lambda: v.st.save("\ud800")), "bad_name", "'\\ud800' has a surrogate", ""),
    ("element surrogate", lambda v: q.align("q\ud800"), "bad_name", "an element of align must be a name (text)", ""),
    ("tag of save", lambda v: (q.save(1, "x"), _streams(lambda: v.st.save("x"))), "duplicate_tag", "'x'", ""),
    ("stream >", lambda v: v.st > 3, "no_such_operator", "added, subtracted", "compare in the program"),
    ("stream ==", lambda v: v.st == 3, "no_such_operator", "added, subtracted", ""),
    ("stream &", lambda v: v.st.average() & 3, "no_such_operator", "added, subtracted", ""),
    ("stream << average", lambda v: v.st.average() << 3, "no_such_operator", "added", ""),
    ("stream * qua", lambda v: v.st * v.n, "bad_stream", "v1 is known only when", "stream of its own"),
    ("qua * stream", lambda v: v.n * v.st, "not_a_scalar", "a Stream beside *", ""),
    ("stream + array", lambda v: v.st + v.a, "bad_stream", "known only when the program runs", "stream of its own"),
    ("stream + text", lambda v: v.st + "x", "bad_stream", "take streams, numbers", ""),
    ("stream + nan", lambda v: v.st + float("nan"), "not_finite", "nan", ""),
    ("buffer 0", lambda v: v.st.buffer(0), "bad_stream", "a length of buffer must be a Python int", ""),
    ("buffer n", lambda v: v.st.buffer(v.n), "bad_stream", "not v1 (int)", ""),
    ("buffer ()", lambda v: v.st.buffer(), "bad_stream", "buffer needs a length", ""),
    ("map 3", lambda v: v.st.map(3), "bad_stream", "a function of FUNCTIONS", "FUNCTIONS.average()"),
    ("stream id", lambda v: q.declare_output_stream(stream_id="r1"), "duplicate_stream", "already a stream 'r1'", ""),
    ("nested program", lambda v: q.program().__enter__(), "nested_program", "within a program", ""),
]


@pytest.mark.parametrize(("write", "code", "message", "hint"), [case[1:] for case in CASES], ids=[c[0] for c in CASES])
def test_refusals(write: Any, code: str, message: str, hint: str) -> None:
    """The error has the code, says the cause and the next step, and names this file and a line of it."""
    with q.program():
        names = Names()
        with pytest.raises(AskedWrongly) as caught:
            write(names)
        assert caught.value.code == code
        assert message in caught.value.message
        assert hint in caught.value.hint
        assert caught.value.details["file"] == __file__
        assert caught.value.details["line"] > 0


WHOLE: list[tuple[str, Any, str]] = [
    ("input of values", lambda v: v.st.input1().save("x"), "input1() is for raw samples, but stream r1 holds saved"),
    ("int to int", lambda v: v.st.boolean_to_int().save("x"), "boolean_to_int() needs bools, but its items are int64"),
    ("no axis", lambda v: v.st.map(q.FUNCTIONS.average()).save("x"), "needs items with an axis"),
    ("pairs", lambda v: v.st.with_timestamps().average().save("x"), "values with timestamps can be chosen, buffered"),
    ("shapes", lambda v: (v.st.buffer(2) + v.st.buffer(3)).save("x"), "+ joins items of shapes (2) and (3)"),
    ("vector", lambda v: v.st.buffer(2).add([1, 2, 3]).save("x"), "+ joins items of shape (2) and 3 numbers"),
    ("big", lambda v: v.st.buffer(1 << 20, 1 << 20).save("x"), "(BUFFER_ITEMS_MAX)"),
]


@pytest.mark.parametrize(("write", "message"), [case[1:] for case in WHOLE], ids=[case[0] for case in WHOLE])
def test_refusals_at_the_end(write: Any, message: str) -> None:
    """What only the whole program shows is refused at its end, and names the line of the result."""
    with pytest.raises(AskedWrongly) as caught, q.program():
        names = Names()
        _streams(lambda: write(names))
    assert caught.value.code == "bad_program"
    assert message in caught.value.message
    assert f"{__file__}:" in caught.value.message
    (issue,) = caught.value.details["issues"]
    assert issue["file"] == __file__


def test_all_faults_are_said_at_once() -> None:
    """Two faulty results give one error with two lines."""
    with pytest.raises(AskedWrongly) as caught, q.program():
        st = q.declare_stream()
        with q.stream_processing():
            st.boolean_to_int().save("a")
            st.input2().save("b")
    assert "2 errors" in caught.value.message
    assert len(caught.value.details["issues"]) == 2
