"""The library broadcast: bools that all elements see.

Every element sees every variable here, so the functions are plain operators, of any number of bools.
"""

from __future__ import annotations

from typing import Any

from ..._core.program import tree
from .builder import current
from .expressions import QuaExpression, binary, typed
from .position import refusal
from .variables import QuaArrayVariable, own_array


def _combined(name: str, operator: tree.BinaryOperator, values: tuple[Any, ...]) -> QuaExpression:
    current(f"broadcast.{name}")
    terms = [term for value in values for term in _terms(name, value)]
    if not terms:
        raise refusal(f"broadcast.{name} takes at least one bool", code="bad_call")
    while len(terms) > 1:  # in pairs, so that many values make no deep expression
        pairs = [binary(operator, *terms[k : k + 2]) for k in range(0, len(terms) - 1, 2)]
        terms = pairs + terms[2 * len(pairs) :]
    return terms[0]


def _terms(name: str, value: object) -> list[QuaExpression]:
    """A bool, or the cells of an array of bools."""
    place = f"in broadcast.{name}"
    if isinstance(value, QuaArrayVariable):
        own_array(current(f"broadcast.{name}"), value)
        return [typed(value[index], "bool", place=place) for index in range(len(value))]
    return [typed(value, "bool", place=place)]


class broadcast:
    """Combinations of bools, and of all cells of bool arrays."""

    @staticmethod
    def and_(*values: Any) -> QuaExpression:
        """Whether all values hold."""
        return _combined("and_", "&", values)

    @staticmethod
    def or_(*values: Any) -> QuaExpression:
        """Whether some value holds."""
        return _combined("or_", "|", values)

    @staticmethod
    def xor_(*values: Any) -> QuaExpression:
        """Whether an odd number of values holds."""
        return _combined("xor_", "^", values)
