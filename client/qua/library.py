"""The libraries Cast and Random, and those that come later (Math and Util: ``math_library``; ``broadcast``)."""

from __future__ import annotations

import random
from typing import Any

from ..._core.program import tree
from .builder import current
from .expressions import QuaExpression, scalar, typed
from .later import Later
from .math_library import call
from .variables import QuaVariable, assign, declare

SEED_MAX = (1 << 28) - 2


class Cast:
    """Conversions between int, fixed and bool."""

    @staticmethod
    def to_int(x: Any) -> QuaExpression:
        """The largest int not above a fixed; a bool gives 0 or 1."""
        return call("cast.to_int", scalar(x, place="in Cast.to_int"))

    @staticmethod
    def to_fixed(x: Any) -> QuaExpression:
        """An int as a fixed, wrapped into [-8, 8)."""
        return call("cast.to_fixed", scalar(x, place="in Cast.to_fixed"))

    @staticmethod
    def to_bool(x: Any) -> QuaExpression:
        """Whether ``x`` is not zero."""
        return call("cast.to_bool", scalar(x, place="in Cast.to_bool"))

    @staticmethod
    def unsafe_cast_int(x: Any) -> QuaExpression:
        """The bits of ``x`` read as an int."""
        return call("cast.unsafe_cast_int", scalar(x, place="in Cast.unsafe_cast_int"))

    @staticmethod
    def unsafe_cast_fixed(x: Any) -> QuaExpression:
        """The bits of ``x`` read as a fixed."""
        return call("cast.unsafe_cast_fixed", scalar(x, place="in Cast.unsafe_cast_fixed"))

    @staticmethod
    def unsafe_cast_bool(x: Any) -> QuaExpression:
        """The lowest bit of ``x``."""
        return call("cast.unsafe_cast_bool", scalar(x, place="in Cast.unsafe_cast_bool"))

    @staticmethod
    def mul_fixed_by_int(x: Any, y: Any) -> QuaExpression:
        """The product of a fixed and an int, as a fixed (wraps)."""
        place = "in Cast.mul_fixed_by_int(fixed, int)"
        return call("cast.mul_fixed_by_int", typed(x, "fixed", place=place), typed(y, "int", place=place))

    @staticmethod
    def mul_int_by_fixed(x: Any, y: Any) -> QuaExpression:
        """The product of an int and a fixed, as an int."""
        place = "in Cast.mul_int_by_fixed(int, fixed)"
        return call("cast.mul_int_by_fixed", typed(x, "int", place=place), typed(y, "fixed", place=place))


class Random:
    """A generator of pseudo-random numbers; its state is an int variable of the program.

    ``seed``: a Python int, a QUA int variable (which becomes the state) or a QUA int expression. Without one, Python
    draws it while the program is built (0 to SEED_MAX), so running one program object again repeats the sequence.
    """

    def __init__(self, seed: Any = None) -> None:
        current("Random")
        if seed is None:
            seed = random.randint(0, SEED_MAX)
        if isinstance(seed, QuaVariable):
            typed(seed, "int", place="as seed of Random")
            self._seed = seed
        else:
            first = typed(seed, "int", place="as seed of Random")
            literal = isinstance(first.node, tree.Value)
            self._seed = declare(int, value=first.node.raw if isinstance(first.node, tree.Value) else None)
            if not literal:
                assign(self._seed, first)

    def set_seed(self, exp: Any) -> None:
        """Restart the sequence from ``exp``, an int."""
        assign(self._seed, exp)

    def rand_int(self, max_int: Any) -> QuaExpression:
        """An int in [0, max_int)."""
        return call("random.rand_int", self._seed, typed(max_int, "int", place="in rand_int"))

    def rand_fixed(self) -> QuaExpression:
        """A fixed in [0, 1)."""
        return call("random.rand_fixed", self._seed)


call_library_function = Later("call_library_function")
call_vectors_library_function = Later("call_vectors_library_function")
