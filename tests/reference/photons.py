"""Section 18 of docs/arithmetic.md: when photons come to an input."""

from __future__ import annotations

from decimal import Decimal, localcontext
from functools import lru_cache
from math import ceil, factorial

from .noise import LOW, philox

BLOCK_NS = 256
Light = tuple[float, float, int]
"""Photons a second, V and ns of each."""


@lru_cache
def threshold(rate: float, count: int) -> int:
    """2^32 times the probability of at most ``count`` photons in a block, rounded up."""
    with localcontext() as context:
        context.prec = 80
        mean = Decimal(rate) * BLOCK_NS / 10**9
        terms = [mean**k / factorial(k) if k else Decimal(1) for k in range(count + 1)]
        return min(ceil((-mean).exp() * sum(terms) * LOW), LOW)


@lru_cache(maxsize=10_000)
def arrivals(seed: int, port: int, rate: float, block: int) -> frozenset[int]:
    """The instants of the photons of a block."""

    def words(j: int) -> tuple[int, ...]:
        return philox((block % LOW, block // LOW % LOW, port, 2**24 + j), (seed % LOW, seed // LOW % LOW))

    first, *places = words(0)
    count = 0
    while first >= threshold(rate, count):
        count += 1
    for j in range(1, count // 4 + 1):
        places += words(j)
    return frozenset(BLOCK_NS * block + (word >> 24) for word in places[:count])


def shines(seed: int, port: int, light: Light, t: int) -> bool:
    """Whether a photon that came at ``t`` or shortly before still gives its volts."""
    rate, _, width = light
    return any(came in arrivals(seed, port, rate, came // BLOCK_NS) for came in range(max(0, t - width + 1), t + 1))
