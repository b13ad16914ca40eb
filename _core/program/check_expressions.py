"""The checks of expressions: names, types, arity, ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from . import limits, tree
from .functions import SIGNATURES, Signature, result_type
from .text import expression_text

Report: TypeAlias = Callable[[int, str], None]

_COMPARISONS = ("<", "<=", ">", ">=", "==")
_ON_BOOLS = ("&", "|", "^", "==")


class ExpressionChecker:
    """Checks expressions against the declared variables; faults go to ``report`` (at, message)."""

    def __init__(self, declarations: Mapping[str, tree.Declaration], report: Report) -> None:
        self._declarations = declarations
        self._report = report
        self.count = 0

    def check(self, node: tree.Expression, at: int, wanted: tree.VarType | None, place: str) -> None:
        """Check ``node`` and all below; its type must be ``wanted`` (None: any)."""
        if not self._walk(node, at, limits.EXPRESSION_DEPTH_MAX):
            return
        if wanted is not None and node.type != wanted:
            self._report(at, f"{place} must be {wanted}, but {expression_text(node)} is {node.type}")

    def check_cycles(self, node: tree.Expression, at: int, place: str, least: int) -> None:
        """Check a number of cycles; a literal must be ``least`` at least."""
        self.check(node, at, "int", place)
        if isinstance(node, tree.Value) and node.raw < least:
            self._report(at, f"{place} is {node.raw} cycles; the least is {least}")

    def variable(self, node: tree.Variable, at: int) -> bool:
        """Check that a scalar of this name and type is declared."""
        return self._declared(node.name, node.type, at, array=False)

    def array(self, name: str, type: tree.VarType, at: int) -> bool:
        """Check that an array of this name and type is declared."""
        return self._declared(name, type, at, array=True)

    def _declared(self, name: str, type: tree.VarType, at: int, *, array: bool) -> bool:
        declaration = self._declarations.get(name)
        if declaration is None:
            self._report(at, f"there is no variable {name}")
        elif (declaration.size > 0) != array:
            self._report(at, f"{name} is {'a scalar, not an array' if array else 'an array, not a scalar'}")
        elif declaration.type != type:
            self._report(at, f"{name} is declared as {declaration.type} but used as {type}")
        else:
            return True
        return False

    def _walk(self, node: tree.Expression, at: int, depth: int) -> bool:
        """Check ``node``; False where a fault was found, so that one fault is reported once."""
        self.count += 1
        if depth <= 0:
            self._report(at, f"an expression is nested more than {limits.EXPRESSION_DEPTH_MAX} deep")
            return False
        match node:
            case tree.Value():
                return self._value(node, at)
            case tree.Variable():
                return self.variable(node, at)
            case tree.Io():
                return True
            case tree.Cell():
                return self._cell(node, at, depth)
            case tree.Whole():
                self._report(at, f"the whole array {node.array} stands where one value is needed")
                return False
            case tree.Binary():
                return self._binary(node, at, depth)
            case tree.Call():
                return self._call(node, at, depth)

    def _value(self, node: tree.Value, at: int) -> bool:
        fits = node.raw in (0, 1) if node.type == "bool" else limits.INT_MIN <= node.raw <= limits.INT_MAX
        if not fits:
            self._report(at, f"{node.raw} does not fit a {node.type}")
        return fits

    def _cell(self, node: tree.Cell, at: int, depth: int) -> bool:
        known = self.array(node.array, node.type, at)
        if not self._walk(node.index, at, depth - 1):
            return False
        if node.index.type != "int":
            self._report(at, f"the index of {node.array} must be int, not {node.index.type}")
            return False
        return known

    def _binary(self, node: tree.Binary, at: int, depth: int) -> bool:
        left = self._walk(node.left, at, depth - 1)
        right = self._walk(node.right, at, depth - 1)
        if not (left and right):
            return False
        fault = _binary_fault(node)
        if fault:
            self._report(at, f"{expression_text(node)} {fault}")
        return not fault

    def _call(self, node: tree.Call, at: int, depth: int) -> bool:
        signature = SIGNATURES[node.function]
        if len(node.arguments) != len(signature.takes):
            self._report(at, f"{node.function} takes {len(signature.takes)} arguments, not {len(node.arguments)}")
            return False
        # all of them, so that all faults show
        checked = [self._argument(argument, signature, at, depth - 1) for argument in node.arguments]
        if not all(checked):
            return False
        fault = _call_fault(node, signature) or (self._length_fault(node) if signature.arrays else "")
        if fault:
            self._report(at, fault)
        return not fault

    def _argument(self, node: tree.Expression, signature: Signature, at: int, depth: int) -> bool:
        if not signature.arrays:
            return self._walk(node, at, depth)
        if not isinstance(node, tree.Whole):
            self._report(at, f"a whole array is needed where {expression_text(node)} stands")
            return False
        self.count += 1
        return self.array(node.array, node.type, at)

    def _length_fault(self, node: tree.Call) -> str:
        names = [argument.array for argument in node.arguments if isinstance(argument, tree.Whole)]
        lengths = {self._declarations[name].size for name in names}
        if len(lengths) > 1:
            return f"the arrays of {expression_text(node)} have different lengths: {sorted(lengths)}"
        return ""


def _call_fault(node: tree.Call, signature: Signature) -> str:
    """What is wrong with the types of ``node``, "" if nothing."""
    for argument, types in zip(node.arguments, signature.takes, strict=True):
        if argument.type not in types:
            return f"{expression_text(node)} needs {' or '.join(types)} where it has {argument.type}"
    if signature.alike is not None:
        found = [argument.type for argument in node.arguments[signature.alike :]]
        if len(set(found)) > 1:
            return f"{expression_text(node)} mixes {' and '.join(found)}"
    if node.function.startswith("random.") and not isinstance(node.arguments[0], tree.Variable):
        return f"the seed of {node.function} must be a variable"
    result = result_type(signature, node.arguments)
    return "" if node.type == result else f"{expression_text(node)} is {result}, not {node.type}"


def _binary_fault(node: tree.Binary) -> str:
    """What is wrong with the types of ``node``, "" if nothing."""
    a, b = node.left.type, node.right.type
    if node.operator in ("<<", ">>"):
        if a == "bool" or b != "int":
            return f"shifts {a} by {b}"
    elif a != b:
        return f"mixes {a} and {b}"
    elif a == "bool" and node.operator not in _ON_BOOLS:
        return f"uses {node.operator} on bools"
    elif node.operator == "/" and a == "int" and node.type == "fixed":
        return ""  # the fixed quotient of two ints
    type = "bool" if node.operator in _COMPARISONS else a
    return "" if node.type == type else f"is {type}, not {node.type}"
