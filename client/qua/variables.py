"""Variables: declare, assign, arrays and their cells."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NoReturn

import numpy as np

from ..._core.program import limits, tree
from ..._core.program.literals import fixed_raw
from .builder import Builder, current
from .expressions import InPlaceRefused, IoRegister, QuaExpression, described, fixed, foreign, scalar, typed
from .later import Later
from .numbers import PythonNumber, fitting, literal, own_type, python_number
from .position import refusal


class QuaVariable(InPlaceRefused):
    """A scalar variable."""

    __slots__ = ()
    node: tree.Variable


class QuaArrayCell(InPlaceRefused):
    """One cell of an array."""

    __slots__ = ()
    node: tree.Cell


class QuaArrayVariable:
    """An array variable of fixed length; ``a[i]`` is a cell, ``a.length()`` an int."""

    is_array = True
    __array_ufunc__ = None

    def __init__(self, owner: Builder, name: str, type: tree.VarType, size: int) -> None:
        self.owner = owner
        self.name = name
        self.type = type
        self.size = size

    def length(self) -> QuaExpression:
        """The number of cells, an int."""
        return QuaExpression(tree.Value(type="int", raw=self.size))

    def __getitem__(self, index: object) -> QuaArrayCell:
        if isinstance(index, (slice, tuple)):
            raise refusal(f"{self} takes one index, no slice", code="bad_index")
        number = python_number(index)
        if number is not None and not 0 <= number < self.size:
            raise refusal(
                f"index {number} is outside of {self}, which has cells 0 to {self.size - 1}",
                code="index_out_of_range",
                hint=f"the last cell is {self}[{self.size - 1}]" if number < 0 else "",
            )
        where = typed(index, "int", place=f"as index of {self}")
        node = tree.Cell(type=self.type, array=self.name, index=self.owner.own(where))
        return QuaArrayCell(node, self.owner, where.depth + 1)

    def __repr__(self) -> str:
        return f"<{self.name} ({self.type} array of {self.size})>"

    def __str__(self) -> str:
        return self.name

    __hash__ = object.__hash__

    def _no_comparison(self, _other: object) -> NoReturn:
        raise refusal(
            f"the array {self} cannot be compared", code="array_comparison", hint="compare its cells in a for_ loop"
        )

    __eq__ = __ne__ = __lt__ = __le__ = __gt__ = __ge__ = _no_comparison

    def _no_operator(self, _other: object = None) -> NoReturn:
        raise refusal(
            f"the array {self} cannot be computed with as a whole", code="array_operator", hint="use its cells, a[i]"
        )

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _no_operator
    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __lshift__ = __rshift__ = _no_operator
    __neg__ = __invert__ = __bool__ = _no_operator

    def __iter__(self) -> NoReturn:
        raise refusal(f"Python cannot walk over the array {self}", code="array_iteration", hint="use for_each_ or for_")

    def __len__(self) -> int:
        return self.size


def declare(t: Any, value: Any = None, size: int | None = None) -> Any:
    """Declare a variable of type ``t`` (int, fixed or bool; float means fixed) and return it.

    ``value``: the initial number of a scalar, or a sequence of them for an array. ``size``: the length of an array of
    zeros. As on the platform, a value is first made a ``t`` as Python does it (``int(2.7)`` is 2). Without both: 0 or
    False.
    """
    builder = current("declare")
    type, initial, array = initial_of(t, value, size)
    if array:
        return declare_array(builder, type, initial)
    return QuaVariable(tree.Variable(type=type, name=builder.declare("v", type, 0, initial)), builder)


def initial_of(t: object, value: Any, size: object) -> tuple[tree.VarType, tuple[int, ...], bool]:
    """Type and initial raw values of what ``declare(t, value, size)`` declares, and whether that is an array."""
    type = variable_type(t)
    if size is not None:
        if value is not None:
            raise refusal("declare takes size or value, not both", code="bad_declaration", hint="leave out size")
        return type, (0,) * _checked_size(size), True
    if isinstance(value, Collection) and not isinstance(value, (str, bytes)) and getattr(value, "ndim", 1) != 0:
        return type, checked_array(initial_values(type, value)), True
    return type, (_initial_value(type, 0 if value is None else value),), False


def variable_type(t: object) -> tree.VarType:
    """``int``, ``fixed`` or ``bool`` for what a user passes as a type."""
    if isinstance(t, Later):
        t.refuse()
    names: dict[object, tree.VarType] = {int: "int", fixed: "fixed", float: "fixed", bool: "bool"}
    try:
        return names[t]
    except (KeyError, TypeError):
        raise refusal(f"{t!r} is not a type of the language", code="bad_type", hint="use int, fixed or bool") from None


def declare_array(builder: Builder, type: tree.VarType, initial: tuple[int, ...]) -> QuaArrayVariable:
    """A new array with raw values ``initial``."""
    checked_array(initial)
    return QuaArrayVariable(builder, builder.declare("a", type, len(initial), initial), type, len(initial))


def checked_array(initial: tuple[int, ...]) -> tuple[int, ...]:
    """The values of an array, which has one at least."""
    if not initial:
        raise refusal("an array needs at least one value", code="bad_declaration")
    if len(initial) > limits.ARRAY_CELLS_MAX:
        raise refusal(f"an array has at most {limits.ARRAY_CELLS_MAX} cells (ARRAY_CELLS_MAX)", code="bad_declaration")
    return initial


def declare_hidden(builder: Builder, type: tree.VarType) -> QuaVariable:
    """A scalar that the user does not name."""
    return QuaVariable(tree.Variable(type=type, name=builder.declare("h", type, 0, (0,))), builder)


def initial_values(type: tree.VarType, values: Collection[Any]) -> tuple[int, ...]:
    """Raw values of a sequence of numbers, each first made a ``type`` as Python does it."""
    if isinstance(values, np.ndarray):
        values = values.tolist()
    return tuple(_initial_value(type, value) for value in values)


def _initial_value(type: tree.VarType, value: object) -> int:
    number = python_number(value)
    if number is None:
        shown = f"{described(value)}" if isinstance(value, QuaExpression) else f"a {value.__class__.__name__}"
        raise refusal(
            f"{shown} cannot be an initial value",
            code="bad_declaration",
            hint="give a Python number or a flat list of them; use assign for a QUA value",
        )
    if number - number != 0:
        raise refusal(f"{number} is not a finite number", code="not_finite")
    if type == "bool":
        return int(bool(number))
    raw = fixed_raw(number) if type == "fixed" else int(number)
    return fitting(raw, type, number, place="as an initial value")


def _checked_size(size: object) -> int:
    number = python_number(size)
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number <= limits.ARRAY_CELLS_MAX:
        raise refusal(
            f"size {size!r} is not a positive int up to {limits.ARRAY_CELLS_MAX} (ARRAY_CELLS_MAX)",
            code="bad_declaration",
        )
    return number


def assign(var: Any, _exp: Any) -> None:
    """``var = _exp`` at run time; ``var`` is a variable or a cell.

    A Python number takes the variable's type. A bool takes any value (non-zero is true). The quotient of two ints
    assigned to a fixed is their quotient in 4.28; else types must agree.
    """
    builder = current("assign")
    builder.append(assignment(builder, var, _exp))


def assignment(builder: Builder, var: object, value: object) -> tree.Assign:
    """The statement ``var = value``, not yet appended."""
    if isinstance(var, IoRegister):
        return _register_assignment(builder, var, value)
    target = target_of(builder, var, "assign")
    return tree.Assign(at=builder.at(), target=target, value=_assigned(builder, target, value))


def _register_assignment(builder: Builder, register: IoRegister, value: object) -> tree.Assign:
    """What is assigned to an IO register stands there with the bits of its own type."""
    node = builder.own(scalar(value, place=f"assigned to {register}"))
    target = tree.Io(type=node.type, number=register.number)
    return tree.Assign(at=builder.at(), target=target, value=node)


def _assigned(builder: Builder, target: tree.Target, value: object) -> tree.Expression:
    number = python_number(value)
    if number is not None:
        return _assigned_literal(target, number)
    expression = scalar(value, target.type, place=f"assigned to {_name(target)}")
    node = builder.own(expression)
    if target.type in ("bool", node.type):
        return node
    return builder.own(typed(expression, target.type, place=f"assigned to {_name(target)}"))


def _assigned_literal(target: tree.Target, number: PythonNumber) -> tree.Value:
    if target.type == "bool" and own_type(number) != "bool":
        return tree.Value(type="bool", raw=int(bool(number)))
    return literal(number, target.type, place=f"assigned to {_name(target)}")


def target_of(builder: Builder, var: object, statement: str) -> tree.Target:
    """The variable or cell ``var`` as the target of ``statement``."""
    if isinstance(var, (QuaVariable, QuaArrayCell)):
        builder.own(var)
        return var.node
    if isinstance(var, Later):
        var.refuse()
    if isinstance(var, QuaArrayVariable):
        raise refusal(
            f"{statement} cannot write the whole array {var}", code="bad_target", hint="write its cells, a[i]"
        )
    shown = described(var) if isinstance(var, QuaExpression) else f"a {type(var).__name__}"
    raise refusal(f"{statement} needs a variable or an array cell to write to, not {shown}", code="bad_target")


def own_array(builder: Builder, array: QuaArrayVariable) -> str:
    """The name of ``array``, which must be of this program."""
    if array.owner is not builder:
        raise foreign(str(array))
    return array.name


def _name(target: tree.Target) -> str:
    return target.name if isinstance(target, tree.Variable) else f"{target.array}[...]"
