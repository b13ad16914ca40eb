"""Section 7 of docs/arithmetic.md: the numbers of the noise, each a function of the seed and of what it belongs to."""

from __future__ import annotations

from functools import lru_cache
from math import sqrt

from .phase import cosine_sine, ln

Words = tuple[int, int, int, int]
LOW = 2**32


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


def pair(first: int, second: int) -> tuple[float, float]:
    """Section 7: two normal numbers from two words."""
    x = sqrt(-2.0 * ln(float(first + 1) * 2.0**-32))
    c, s = cosine_sine(second * LOW)
    return x * c, x * s


@lru_cache(maxsize=50_000)
def normals(counter: Words, seed: int) -> tuple[float, float, float, float]:
    """Section 7: the four normal numbers of a counter."""
    w0, w1, w2, w3 = philox(counter, (seed % LOW, seed // LOW % LOW))
    return pair(w0, w1) + pair(w2, w3)


def of_sample(seed: int, port: int, t: int) -> float:
    """Section 7: n(t), the noise of sample ``t`` of an input port (fem·256 + number)."""
    block = t >> 2
    return normals((block % LOW, block // LOW % LOW, port, 0), seed)[t % 4]


def of_integral(seed: int, port: int, window_end: int, thread: int, q: int) -> float:
    """Section 7: z of the integral ``q`` (2·number + output) of a measure of ``thread``."""
    counter = (window_end % LOW, window_end // LOW % LOW, port + thread * 65536, 65536 + (q >> 1))
    return normals(counter, seed)[q % 2]
