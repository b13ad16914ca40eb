"""Light at the inputs: photons that come at random, for programs that count (docs/arithmetic.md 18)."""

from __future__ import annotations

import math
import re
from decimal import ROUND_CEILING, Decimal, localcontext

from ..._core.engine.hearing import Photons
from ..._core.errors import AskedWrongly

BLOCK_NS = 256
RATE_MAX = 1e8
"""Photons a second, PHOTON_RATE_MAX: then 26 come in a block on the average, and never more than 255."""
VOLTS, WIDTH_NS = 0.3, 8
_DIGITS = 60
_FORM = re.compile(r"(?P<rate>[^:]+)(:(?P<volts>[^:]+)(:(?P<width>\d{1,9}))?)?")


def parse_photons(text: str) -> Photons | None:
    """The light of ``rate``, ``rate:volts`` or ``rate:volts:ns``; None for "" and for a rate of 0.

    Rate in photons a second, at most RATE_MAX; volts −1 … 1 (default VOLTS); ns 1 … 256 (default WIDTH_NS). Raises
    AskedWrongly ``bad_plant``.

    >>> parse_photons("1e6:-0.25:4").volts
    -0.25
    """
    if not text:
        return None
    match = _FORM.fullmatch(text)
    rate, volts = (_number(match[name]) if match and match[name] else None for name in ("rate", "volts"))
    if match is None or rate is None or not 0.0 <= rate <= RATE_MAX:
        raise _bad(text, f"the rate is 0 to {RATE_MAX:g} a second (PHOTON_RATE_MAX)")
    if match["volts"] and (volts is None or not -1.0 <= volts <= 1.0):
        raise _bad(text, "a pulse has -1 to 1 V")
    width = int(match["width"] or WIDTH_NS)
    if not 1 <= width <= BLOCK_NS:
        raise _bad(text, f"a pulse lasts 1 to {BLOCK_NS} ns")
    return photons(rate, VOLTS if volts is None else volts, width) if rate > 0.0 else None


def photons(rate: float, volts: float, width_ns: int) -> Photons:
    """Light of ``rate`` photons a second, with the thresholds of its Poisson distribution."""
    with localcontext() as context:
        context.prec = _DIGITS
        mean = Decimal(rate) * BLOCK_NS / 10**9
        term = (-mean).exp()
        total = Decimal(0)
        thresholds: list[int] = []
        while not thresholds or thresholds[-1] < 1 << 32:
            total += term
            thresholds.append(min(int((total * (1 << 32)).to_integral_value(ROUND_CEILING)), 1 << 32))
            term = term * mean / len(thresholds)
    return Photons(volts=volts, width_ns=width_ns, thresholds=tuple(thresholds))


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bad(text: str, why: str) -> AskedWrongly:
    return AskedWrongly(
        f"cannot read the photons {text!r}: {why}",
        code="bad_plant",
        hint="write rate, rate:volts or rate:volts:ns, e.g. 1e6 or 1e6:0.3:8",
    )
