"""Section 11 of docs/arithmetic.md: the library functions, in doubles whose every operation rounds."""

from __future__ import annotations

from math import factorial, floor, ldexp, sqrt

from .numbers import ONE, Report, kept, product, u64
from .phase import cosine_sine, horner, ln

EXPONENTIAL = [1 / factorial(j) for j in range(1, 15)]
ARC_TANGENT = [(-1) ** j / (2 * j + 1) for j in range(1, 20)]
TURNS = 0.15915494309189535
PI = 3.141592653589793


class OutsideDomain(ArithmeticError):
    """The function has no value there."""


def need(holds: bool) -> None:
    """Section 11: outside the domain there is an event and 0."""
    if not holds:
        raise OutsideDomain


def value(function: str, type_: str, raws: list[int], report: Report) -> int:
    """The raw result of a function of scalars; ``type_``: that of its first argument."""
    if function in OF_RAWS:
        return kept(OF_RAWS[function](type_, *raws), report)
    try:
        y = OF_DOUBLES[function](*(raw * 2.0**-28 for raw in raws))
    except OutsideDomain:
        report("math_domain")
        return 0
    return kept(floor(y * 2.0**28 + 0.5), report)


def of_arrays(function: str, types: list[str], arrays: list[list[int]], report: Report) -> int:
    """The raw result of a function of whole arrays of these types."""
    cells = arrays[0]
    match function:
        case "math.sum":
            return kept(sum(cells), report)
        case "math.max":
            return max(cells)
        case "math.min":
            return min(cells)
        case "math.argmax":
            return cells.index(max(cells))
        case "math.argmin":
            return cells.index(min(cells))
        case "math.dot":
            if types != ["fixed", "fixed"]:  # an int or a bool beside a fixed: f·i
                return kept(sum(a * b for a, b in zip(*arrays, strict=True)), report)
            return kept(sum(product("fixed", a, b) for a, b in zip(*arrays, strict=True)), report)
    raise ValueError(function)


# ---------------------------------------------------------------- of raw numbers


def msb(type_: str, raw: int) -> int:
    """floor(log2 |x|); 0 counts as the raw number 1."""
    return max(abs(raw).bit_length() - 1, 0) - (28 if type_ == "fixed" else 0)


def leaky(raw: int, slope: int) -> int:
    """x if x ≥ 0, else slope·x as a fixed product."""
    return raw if raw >= 0 else product("fixed", slope, raw)


OF_RAWS = {
    "math.abs": lambda type_, a: abs(a),
    "math.relu": lambda type_, a: max(a, 0),
    "math.msb": msb,
    "math.lrelu": lambda type_, a: leaky(a, round(0.01 * ONE)),
    "math.plrelu": lambda type_, a, slope: leaky(a, slope),
    "util.cond": lambda type_, c, a, b: a if c else b,
}

# ---------------------------------------------------------------- of doubles


def circle(x: float) -> tuple[float, float]:
    """(cos, sin) of x radians."""
    turns = x * TURNS
    fraction = turns - floor(turns)
    return cosine_sine(u64(floor(fraction * 2.0**64)))


def of_turns(x: float) -> tuple[float, float]:
    """(cos, sin) of x turns: the phase raw·2^36."""
    return cosine_sine(u64(int(x * 2.0**28) * 2**36))


def exp_of_any(x: float) -> float:
    """exp's rule without its bound."""
    k = floor(x * 1.4426950408889634 + 0.5)
    r = (x - k * 0.6931471803691238) - k * 1.9082149292705877e-10
    return ldexp(horner(EXPONENTIAL, r), k)


def exp(x: float) -> float:
    """e^x for x below ln 8."""
    need(x < 2.0794415416798357)
    return exp_of_any(x)


def pow2(x: float) -> float:
    """2^x for x < 3."""
    need(x < 3)
    k = floor(x + 0.5)
    return ldexp(horner(EXPONENTIAL, (x - k) * 0.6931471805599453), k)


def logarithm(x: float, above: float) -> float:
    """ln x for x beyond where the logarithm leaves 4.28."""
    need(x > above)
    return ln(x)


def log(x: float, base: float) -> float:
    """ln x / ln base."""
    need(x > 1 / 256 and base > 1.0905077326652577)
    return ln(x) / ln(base)


def power(base: float, x: float) -> float:
    """base^x for base ≥ 0, but 1, 0^0 and what is infinite."""
    need((base > 0 and base != 1) or (base == 0 and x > 0))
    if base == 0:
        return 0.0
    return exp_of_any(x * ln(base)) if x else 1.0


def root(x: float) -> float:
    """√x for x ≥ 0."""
    need(x >= 0)
    return sqrt(x)


def inverse_root(x: float) -> float:
    """1/√x for x > 1/64."""
    need(x > 1 / 64)
    return 1.0 / sqrt(x)


def inverse(x: float) -> float:
    """1/x for x ≤ −1/8 or x > 1/8."""
    need(x <= -1 / 8 or x > 1 / 8)
    return 1.0 / x


def small_atan(v: float) -> float:
    """P(v)."""
    return v * horner(ARC_TANGENT, v * v)


def atan(x: float) -> float:
    """The arc tangent in radians."""
    if x < 0:
        return -atan(-x)
    if x > 1:
        return PI / 2 - atan(1.0 / x)
    if x > 0.41421356237309503:
        return PI / 4 + small_atan((x - 1.0) / (x + 1.0))
    return small_atan(x)


def atan_of_few(x: float) -> float:
    """The arc tangent for −1 ≤ x ≤ 1."""
    need(-1 <= x <= 1)
    return atan(x)


def atan2(y: float, x: float) -> float:
    """The angle of (x, y); 0 for (0, 0)."""
    if x == 0 and y == 0:
        return 0.0
    angle = PI / 2 if x == 0 else atan(abs(y) / abs(x))
    if x < 0:
        angle = PI - angle
    return -angle if y < 0 else angle


def elu(x: float) -> float:
    """x if x ≥ 0, else exp x − 1."""
    return x if x >= 0 else exp(x) - 1.0


def selu(x: float) -> float:
    """elu with the two constants of selu."""
    return 1.05070098 * (x if x >= 0 else 1.67326324 * (exp(x) - 1.0))


OF_DOUBLES = {
    "math.sin2pi": lambda x: of_turns(x)[1],
    "math.cos2pi": lambda x: of_turns(x)[0],
    "math.sin": lambda x: circle(x)[1],
    "math.cos": lambda x: circle(x)[0],
    "math.exp": exp,
    "math.pow2": pow2,
    "math.ln": lambda x: logarithm(x, 0.00033546262790251185),
    "math.log2": lambda x: logarithm(x, 1 / 256) * 1.4426950408889634,
    "math.log10": lambda x: logarithm(x, 1e-8) * 0.4342944819032518,
    "math.log": log,
    "math.pow": power,
    "math.sqrt": root,
    "math.inv_sqrt": inverse_root,
    "math.inv": inverse,
    "math.atan": atan_of_few,
    "math.atan2": atan2,
    "math.atan_2pi": lambda x: atan(x) * TURNS,
    "math.atan2_2pi": lambda y, x: atan2(y, x) * TURNS,
    "math.elu": elu,
    "math.aelu": elu,
    "math.selu": selu,
}
