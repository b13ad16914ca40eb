"""The discrete Fourier transform X[k] = sum over n of x[n] * exp(-2 pi i k n / N), by the prime factors of N.

Sines and cosines come from the project's own series, products and sums are plain float64 ones in a fixed order, so the
bits are the same everywhere, whatever else is in the batch.
"""

from __future__ import annotations

import numpy as np

from ..._core.program import tree
from .batches import Batch, Form, as_floats
from .circular import Floats, arc_tangent, cosine_sine
from .vectors import both


class FftNode:
    """The transform of each item: normal as [re, im] pairs, or its abs, or its angle in radians."""

    def __init__(self, node: tree.Fft, of: Form) -> None:
        self._of = of
        self._length = of.shape[0]
        self._output = node.output
        self.form = Form("float", (self._length, 2) if node.output == "normal" else (self._length,))
        self._transform: Transform | None = None

    def feed(self, batch: Batch) -> Batch:
        """One spectrum an item."""
        if self._transform is None:
            self._transform = Transform(self._length)
        with np.errstate(all="ignore"):
            real, imaginary = self._transform.of(*self._parts(batch))
            if self._output == "abs":
                return Batch(np.sqrt(real * real + imaginary * imaginary))
        if self._output == "angle":
            return Batch(arc_tangent(imaginary, real))
        return Batch(np.stack([real, imaginary], axis=-1))

    def _parts(self, batch: Batch) -> tuple[Floats, Floats]:
        if self._of.second is not None:
            return both(batch, self._of)
        values = as_floats(batch.values, self._of.kind)
        if values.ndim == 3:
            return values[:, :, 0], values[:, :, 1]
        return values, np.zeros(values.shape)


class Transform:
    """The transform of vectors of one length."""

    def __init__(self, length: int) -> None:
        self._length = length
        self._factors = prime_factors(length)
        phases = [((k << 65) + length) // (2 * length) for k in range(length)]
        self._cosine, self._sine = cosine_sine(np.array(phases, np.uint64))

    def of(self, real: Floats, imaginary: Floats) -> tuple[Floats, Floats]:
        """Real and imaginary parts (n, length) of the transforms."""
        return self._level(real, imaginary, 0)

    def _level(self, real: Floats, imaginary: Floats, level: int) -> tuple[Floats, Floats]:
        """Transforms of the parts that take every p-th sample, joined; p is the factor of this level."""
        if level == len(self._factors):
            return real, imaginary
        items, length = real.shape
        p = self._factors[level]
        part = length // p
        sub_real, sub_imaginary = self._level(_strided(real, p), _strided(imaginary, p), level + 1)
        sub_real, sub_imaginary = sub_real.reshape(items, p, part), sub_imaginary.reshape(items, p, part)
        turned = np.multiply.outer(np.arange(p), np.arange(part)) * (self._length // length)
        cosine, sine = self._cosine[turned], self._sine[turned]
        a = sub_real * cosine + sub_imaginary * sine
        b = sub_imaginary * cosine - sub_real * sine
        return self._joined(a, b, p)

    def _joined(self, a: Floats, b: Floats, p: int) -> tuple[Floats, Floats]:
        """The transform over axis 1, of length p."""
        real, imaginary = np.zeros(a.shape), np.zeros(a.shape)
        for row in range(p):
            turned = (row * np.arange(p) % p) * (self._length // p)
            cosine, sine = self._cosine[turned][:, np.newaxis], self._sine[turned][:, np.newaxis]
            re, im = a[:, row : row + 1], b[:, row : row + 1]
            real += re * cosine + im * sine
            imaginary += im * cosine - re * sine
        return real.reshape(len(a), -1), imaginary.reshape(len(a), -1)


def _strided(values: Floats, p: int) -> Floats:
    """(n * p, length / p): of each vector the p parts that take every p-th sample."""
    items, length = values.shape
    return values.reshape(items, length // p, p).transpose(0, 2, 1).reshape(items * p, length // p)


def prime_factors(number: int) -> list[int]:
    """In rising order."""
    factors, factor = [], 2
    while factor * factor <= number:
        while number % factor == 0:
            factors.append(factor)
            number //= factor
        factor += 1
    return [*factors, number] if number > 1 else factors
