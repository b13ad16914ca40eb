"""Section 7 of docs/arithmetic.md: the numbers of the noise, each a function of the seed and of what it belongs to.
All but the words is IEEE single precision, every operation rounded."""

from __future__ import annotations

from functools import lru_cache
from math import frexp

import numpy as np

from quaymaster._core.config.model import Config, PortRef

single = np.float32
Single = np.float32
Words = tuple[int, int, int, int]
LOW = 2**32

LOWEST = float(single(0.70710677))
"""The least mantissa that a logarithm is taken of."""
LOGARITHM = [
    single(x)
    for x in (
        7.0376836292e-2,
        -1.1514610310e-1,
        1.1676998740e-1,
        -1.2420140846e-1,
        1.4249322787e-1,
        -1.6668057665e-1,
        2.0000714765e-1,
        -2.4999993993e-1,
        3.3333331174e-1,
    )
]
SINE = [single(x) for x in (-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1)]
COSINE = [single(x) for x in (2.4433157118e-5, -1.3887316255e-3, 4.1666645683e-2)]


def philox(counter: Words, key: tuple[int, int]) -> Words:
    """Section 7: Philox4x32 of ten rounds."""
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        high0, low0 = divmod(0xD2511F53 * c0, LOW)
        high1, low1 = divmod(0xCD9E8D57 * c2, LOW)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + 0x9E3779B9) % LOW, (k1 + 0xBB67AE85) % LOW
    return c0, c1, c2, c3


def ln(u: Single) -> Single:
    """Section 7: the natural logarithm of u in (0, 1]."""
    m, exponent = frexp(u)
    e = single(exponent)
    if m < LOWEST:
        m, e = 2.0 * m, e - single(1)
    f = single(m) - single(1)
    g = f * f
    total = LOGARITHM[0]
    for coefficient in LOGARITHM[1:]:
        total = total * f + coefficient
    y = f * g * total
    y = y + e * single(-2.12194440e-4)
    y = y - single(0.5) * g
    y = y + f
    return y + e * single(0.693359375)


def cosine_sine(turns: int) -> tuple[Single, Single]:
    """Section 7: (cos, sin) of a phase in 2^-32 turns."""
    quadrant = (turns + 2**29) % LOW >> 30
    rest = (turns - quadrant * 2**30) % LOW
    if rest >= 2**31:
        rest -= LOW
    x = single(rest) * single(1.46291807926715968e-9)
    y = x * x
    s = x + x * (y * ((SINE[0] * y + SINE[1]) * y + SINE[2]))
    c = single(1) + y * (((COSINE[0] * y + COSINE[1]) * y + COSINE[2]) * y + single(-0.5))
    return [(c, s), (-s, c), (-c, -s), (s, -c)][quadrant]


def pair(first: int, second: int) -> tuple[Single, Single]:
    """Section 7: two normal numbers from two words."""
    u = (single(first >> 1) + single(0.5)) * single(2.0**-31)
    x = np.sqrt(single(-2) * ln(u))
    c, s = cosine_sine(second)
    return x * c, x * s


@lru_cache(maxsize=50_000)
def normals(counter: Words, seed: int) -> tuple[float, float, float, float]:
    """Section 7: the four normal numbers of a counter."""
    w0, w1, w2, w3 = philox(counter, (seed % LOW, seed // LOW % LOW))
    n0, n1, n2, n3 = (float(n) for n in pair(w0, w1) + pair(w2, w3))
    return n0, n1, n2, n3


def number(config: Config, port: PortRef) -> int:
    """Section 7: P of an input port, or of its part I."""
    return sorted(config.controllers).index(port.controller) * 65536 + port.fem * 256 + port.number


def of_sample(seed: int, port: int, t: int) -> float:
    """Section 7: n(t), the noise of sample ``t`` of an input port (P)."""
    block = (t >> 6) * 16 + t % 16
    return normals((block % LOW, block // LOW % LOW, port, 0), seed)[(t >> 4) % 4]


def of_integral(seed: int, port: int, window_end: int, element: int, number: int, output: int) -> tuple[float, float]:
    """Section 7: z of x and z of y of the integral ``number`` of a measure of the program's ``element``."""
    which = 2**31 + element * 65536 + 2 * (number >> 1) + output
    found = normals((window_end % LOW, window_end // LOW % LOW, port, which), seed)
    return found[2:] if number % 2 else found[:2]
